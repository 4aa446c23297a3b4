//! Recommendations: the size that an autoscaler's CPU metric asks for, from given pods.
//!
//! The real answers come from the replica calculation alone: no bounds, no rates, no stabilization. All of them are
//! compared: the size, the use that is reported, and the text where there is no answer. Start at [`play`].

use super::{Case, Outcome, part};
use crate::cluster::controllers::hpa::calculator::{PodView, Sample, Tally, Tolerance, Trust, for_pods};
use crate::cluster::controllers::hpa::metrics::{Metric, PodTarget};
use crate::cluster::objects::Phase;
use crate::engine::{SimDuration, SimTime};
use serde::Deserialize;

/// When the calculation is made: later than all times that are told as ages.
const NOW: SimTime = SimTime::from_micros(u32::MAX as u64 * 1_000_000);

#[derive(Deserialize)]
struct Input {
    current_replicas: u32,
    target_cpu_utilisation_percent: u32,
    #[serde(default = "tenth")]
    tolerance_up: f64,
    #[serde(default = "tenth")]
    tolerance_down: f64,
    #[serde(default = "five_minutes")]
    cpu_initialization_period_s: u32,
    #[serde(default = "half_minute")]
    initial_readiness_delay_s: u32,
    pods: Vec<Pod>,
}

fn tenth() -> f64 {
    0.1
}

fn five_minutes() -> u32 {
    300
}

fn half_minute() -> u32 {
    30
}

#[derive(Deserialize)]
struct Pod {
    cpu_used_millicores: Option<u32>,
    cpu_request_millicores: Option<u32>,
    phase: PodPhase,
    #[serde(default)]
    terminating: bool,
    ready: bool,
    started_s_ago: Option<u32>,
    #[serde(default)]
    readiness_last_changed_s_ago: u32,
    #[serde(default)]
    metric_timestamp_s_ago: u32,
    #[serde(default)]
    metric_window_s: u32,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum PodPhase {
    Pending,
    Running,
    Succeeded,
    Failed,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Observed {
    recommended_replicas: u32,
    #[serde(default)]
    reported_utilisation_percent: i64,
    #[serde(default)]
    reported_average_millicores: i64,
    error: Option<String>,
}

pub fn play(case: &Case) -> Outcome {
    Outcome::of(compare(case))
}

fn compare(case: &Case) -> Result<(), String> {
    let input: Input = part(&case.input, "input")?;
    let observed: Observed = part(&case.observed, "observation")?;
    let ours = recommend(&input);
    if ours == observed { Ok(()) } else { Err(format!("recorded {observed:?}, here {ours:?}")) }
}

fn recommend(input: &Input) -> Observed {
    let target = PodTarget::Utilization(input.target_cpu_utilisation_percent);
    let trust = Trust::Cpu {
        initialization: seconds(input.cpu_initialization_period_s),
        readiness_delay: seconds(input.initial_readiness_delay_s),
    };
    let tolerance = Tolerance { up: input.tolerance_up, down: input.tolerance_down };
    let tally = Tally::of(input.pods.iter().map(view), target, trust, NOW);
    match for_pods(&tally, target, tolerance, input.current_replicas) {
        Ok(proposal) => Observed {
            recommended_replicas: proposal.replicas,
            reported_utilisation_percent: proposal.percent.unwrap_or(0),
            reported_average_millicores: proposal.average,
            error: None,
        },
        Err(problem) => Observed {
            recommended_replicas: 0,
            reported_utilisation_percent: 0,
            reported_average_millicores: 0,
            error: Some(problem.about(&Metric::cpu(input.target_cpu_utilisation_percent))),
        },
    }
}

fn view(pod: &Pod) -> PodView {
    let ago = |s: u32| NOW - seconds(s);
    let sample = |value: u32| Sample {
        value: i64::from(value),
        taken: ago(pod.metric_timestamp_s_ago),
        window: seconds(pod.metric_window_s),
    };
    PodView {
        phase: match pod.phase {
            PodPhase::Pending => Phase::Pending,
            PodPhase::Running => Phase::Running,
            PodPhase::Succeeded => Phase::Succeeded,
            PodPhase::Failed => Phase::Failed,
        },
        terminating: pod.terminating,
        started: pod.started_s_ago.map(ago),
        ready: Some((pod.ready, ago(pod.readiness_last_changed_s_ago))),
        request: pod.cpu_request_millicores.map(i64::from),
        sample: pod.cpu_used_millicores.map(sample),
    }
}

fn seconds(s: u32) -> SimDuration {
    SimDuration::from_secs(u64::from(s))
}
