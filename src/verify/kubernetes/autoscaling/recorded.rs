//! What is recorded of an autoscaler over time. Start at [`Input`].

use crate::cluster::controllers::hpa::behavior::{Amount, Behavior, Policy, Rules, Select};
use crate::cluster::controllers::hpa::metrics::Metric;
use crate::cluster::controllers::hpa::{Settings, Spec};
use crate::engine::SimDuration;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Input {
    pub initial_replicas: u32,
    pub min_replicas: u32,
    pub max_replicas: u32,
    pub target_cpu_utilisation_percent: u32,
    pub cpu_request_millicores_per_pod: u32,
    pub pod_ready_delay_s: f64,
    pub load_mode: LoadMode,
    pub load_points: Vec<(f64, f64)>,
    pub load_interpolation: Interpolation,
    pub behavior: Option<RecordedBehavior>,
    pub duration_s: f64,
    #[serde(default)]
    pub actions: Vec<Action>,
    #[serde(default)]
    pub never_ready_pods: usize,
    #[serde(default)]
    pub metrics_missing_for_pods: usize,
}

/// What a load point says. The recorded text is a sentence whose first word decides.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum LoadMode {
    /// Thousandths of a core, shared evenly by the ready pods.
    Total,
    /// Percent of the request, of every ready pod.
    PerPod,
}

impl TryFrom<String> for LoadMode {
    type Error = String;

    fn try_from(text: String) -> Result<LoadMode, String> {
        match text.split([' ', ',']).next() {
            Some("total_millicores") => Ok(LoadMode::Total),
            Some("per_pod_utilisation_percent") => Ok(LoadMode::PerPod),
            _ => Err(format!("load_mode `{text}` is not known")),
        }
    }
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Interpolation {
    Step,
    Linear,
}

/// Somebody sets the size by hand.
#[derive(Deserialize)]
pub(super) struct Action {
    pub at_s: f64,
    pub scale: u32,
}

#[derive(Deserialize)]
pub(super) struct RecordedBehavior {
    pub scale_up: Option<RecordedRules>,
    pub scale_down: Option<RecordedRules>,
}

#[derive(Deserialize)]
pub(super) struct RecordedRules {
    pub stabilization_s: Option<u64>,
    pub tolerance: Option<f64>,
    pub select: Option<RecordedSelect>,
    pub policies: Option<Vec<RecordedPolicy>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RecordedSelect {
    Max,
    Min,
    Disabled,
}

#[derive(Deserialize)]
pub(super) struct RecordedPolicy {
    pub r#type: PolicyType,
    pub value: u32,
    pub period_s: u64,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum PolicyType {
    Pods,
    Percent,
}

#[derive(Deserialize)]
pub(super) struct Observed {
    pub replicas_series: Vec<Replicas>,
    #[serde(default)]
    pub evaluations: Vec<Evaluation>,
}

/// The target's size from a time on.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub(super) struct Replicas {
    pub t_s: f64,
    pub replicas: u32,
}

/// A look that read metrics.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Evaluation {
    pub t_s: f64,
    pub load_value: f64,
    pub pods_ready: u32,
}

impl Input {
    pub fn spec(&self) -> Spec {
        Spec {
            min: self.min_replicas,
            max: self.max_replicas,
            metrics: vec![Metric::cpu(self.target_cpu_utilisation_percent)],
            behavior: self.behavior.as_ref().map(behavior),
        }
    }

    /// The load when it was asked for. Recorded to a tenth; a slope tells more.
    pub fn load(&self, t_s: f64, recorded: Option<Evaluation>) -> f64 {
        let computed = self.load_at(t_s);
        match (recorded, self.load_interpolation) {
            (None, _) => computed,
            (Some(r), Interpolation::Step) => r.load_value,
            (Some(r), Interpolation::Linear) => computed.max(r.load_value - 0.05).min(r.load_value + 0.05),
        }
    }

    fn load_at(&self, t_s: f64) -> f64 {
        let after = self.load_points.partition_point(|p| p.0 <= t_s);
        let before = self.load_points.get(after.saturating_sub(1)).copied().unwrap_or_default();
        match (self.load_interpolation, self.load_points.get(after)) {
            (Interpolation::Linear, Some(&next)) if next.0 > before.0 => {
                let share = ((t_s - before.0) / (next.0 - before.0)).clamp(0.0, 1.0);
                before.1 + (next.1 - before.1) * share
            }
            _ => before.1,
        }
    }
}

fn behavior(recorded: &RecordedBehavior) -> Behavior {
    let down = Rules::down(Settings::default().stabilization);
    Behavior {
        up: rules(recorded.scale_up.as_ref(), Rules::up()),
        down: rules(recorded.scale_down.as_ref(), down),
    }
}

/// Defaults for what is not said.
fn rules(recorded: Option<&RecordedRules>, default: Rules) -> Rules {
    let Some(recorded) = recorded else { return default };
    let policy = |p: &RecordedPolicy| Policy {
        amount: match p.r#type {
            PolicyType::Pods => Amount::Pods(p.value),
            PolicyType::Percent => Amount::Percent(p.value),
        },
        period: SimDuration::from_secs(p.period_s),
    };
    Rules {
        stabilization: recorded.stabilization_s.map_or(default.stabilization, SimDuration::from_secs),
        select: recorded.select.map_or(default.select, |s| match s {
            RecordedSelect::Max => Select::Max,
            RecordedSelect::Min => Select::Min,
            RecordedSelect::Disabled => Select::Disabled,
        }),
        policies: recorded.policies.as_ref().map_or(default.policies, |p| p.iter().map(policy).collect()),
        tolerance: recorded.tolerance,
    }
}
