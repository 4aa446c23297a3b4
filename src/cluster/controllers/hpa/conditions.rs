//! Conditions of an autoscaler, in the words of the real one.
//!
//! Follows setCondition of pkg/controller/podautoscaler/horizontal.go, v1.36.2. Start at [`Condition`].

use super::Autoscaler;
use super::behavior::Limit;
use super::metrics::{Failure, Problem};

/// A condition of an autoscaler, in the words of the real one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    pub status: bool,
    pub reason: &'static str,
    pub message: String,
}

impl Condition {
    fn new(status: bool, reason: &'static str, message: impl Into<String>) -> Condition {
        Condition { status, reason, message: message.into() }
    }
}

/// AbleToScale: what keeps the size where it is, or that it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Able {
    /// It knows the size, and nothing else.
    KnowsSize,
    Ready,
    StabilizedUp,
    StabilizedDown,
    Rescaled(u32),
}

/// ScalingActive: whether metrics say anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Active {
    /// The size is zero.
    Disabled,
    /// By this metric.
    Valid(usize),
    Failed(usize, Problem),
}

impl Autoscaler {
    /// AbleToScale.
    pub fn able_to_scale(&self) -> Condition {
        match self.able {
            Able::KnowsSize => Condition::new(
                true,
                "SucceededGetScale",
                "the HPA controller was able to get the target's current scale",
            ),
            Able::Ready => Condition::new(true, "ReadyForNewScale", "recommended size matches current size"),
            Able::StabilizedUp => Condition::new(
                true,
                "ScaleUpStabilized",
                "recent recommendations were lower than current one, applying the lowest recent recommendation",
            ),
            Able::StabilizedDown => Condition::new(
                true,
                "ScaleDownStabilized",
                "recent recommendations were higher than current one, applying the highest recent recommendation",
            ),
            Able::Rescaled(to) => Condition::new(
                true,
                "SucceededRescale",
                format!("the HPA controller was able to update the target scale to {to}"),
            ),
        }
    }

    /// ScalingActive; `None` until metrics mattered.
    pub fn scaling_active(&self) -> Option<Condition> {
        Some(match self.active.as_ref()? {
            Active::Disabled => Condition::new(
                false,
                "ScalingDisabled",
                "scaling is disabled since the replica count of the target is zero",
            ),
            Active::Valid(metric) => Condition::new(
                true,
                "ValidMetricFound",
                format!(
                    "the HPA was able to successfully calculate a replica count from {}",
                    self.spec.metrics[*metric]
                ),
            ),
            Active::Failed(metric, problem) => {
                let metric = &self.spec.metrics[*metric];
                let why = Failure(metric, problem);
                Condition::new(
                    false,
                    metric.failure(),
                    format!("the HPA was unable to compute the replica count: {why}"),
                )
            }
        })
    }

    /// ScalingLimited; `None` until a size was limited, or not.
    pub fn scaling_limited(&self) -> Option<Condition> {
        let (reason, message) = match self.limited? {
            Limit::Within => ("DesiredWithinRange", "the desired count is within the acceptable range"),
            Limit::TooFew => {
                ("TooFewReplicas", "the desired replica count is less than the minimum replica count")
            }
            Limit::TooMany => {
                ("TooManyReplicas", "the desired replica count is more than the maximum replica count")
            }
            Limit::ScaleUp => {
                ("ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate")
            }
            Limit::ScaleDown => (
                "ScaleDownLimit",
                "the desired replica count is decreasing faster than the maximum scale rate",
            ),
        };
        Some(Condition::new(self.limited != Some(Limit::Within), reason, message))
    }
}
