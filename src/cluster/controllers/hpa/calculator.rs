//! How many pods bring a metric to its target.
//!
//! Follows pkg/controller/podautoscaler/replica_calculator.go of v1.36.2. Pods are sorted into those whose samples count,
//! those that are not ready to be judged, and those without a sample; then only sums matter, so that whoever knows the
//! sums can skip the sorting. Amounts are thousandths (of a core, of a byte, of a request a second), as the metrics
//! interface gives them; quotients are cut to integers where upstream cuts them.
//!
//! Knows no limits, no history and no clock but the one it is given. Start at [`Tally::of`], then [`for_pods`].

use super::metrics::{PodTarget, Problem};
use crate::cluster::objects::Phase;
use crate::engine::{SimDuration, SimTime};

/// What a metrics interface says about one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub value: i64,
    /// The end of the window that it is the mean of.
    pub taken: SimTime,
    pub window: SimDuration,
}

/// What a look sees of a pod, for one metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodView {
    pub phase: Phase,
    pub terminating: bool,
    /// When its kubelet took it on.
    pub started: Option<SimTime>,
    /// The Ready condition and when it last changed; `None` until its kubelet writes one.
    pub ready: Option<(bool, SimTime)>,
    /// What it asks for of the metric's resource; `None` if one of its containers asks for nothing.
    pub request: Option<i64>,
    pub sample: Option<Sample>,
}

/// Whose samples count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// CPU: starting takes more of it than serving, so a new pod is judged by its first window after it got ready.
    Cpu {
        /// For so long after its start a pod is new (`horizontal-pod-autoscaler-cpu-initialization-period`).
        initialization: SimDuration,
        /// A pod that has been unready since this time after its start has never been ready
        /// (`horizontal-pod-autoscaler-initial-readiness-delay`).
        readiness_delay: SimDuration,
    },
    /// Every other metric: a pod that runs counts.
    Running,
}

/// How far off the target is still on it, as shares of the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    pub up: f64,
    pub down: f64,
}

impl Tolerance {
    pub fn covers(self, ratio: f64) -> bool {
        (1.0 - self.down..=1.0 + self.up).contains(&ratio)
    }
}

/// Some pods, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub pods: u32,
    pub used: i64,
    pub requested: i64,
}

impl Sum {
    fn add(&mut self, used: i64, requested: i64) {
        *self = self.and(Sum { pods: 1, used, requested });
    }

    fn and(self, other: Sum) -> Sum {
        Sum {
            pods: self.pods + other.pods,
            used: self.used + other.used,
            requested: self.requested + other.requested,
        }
    }

    /// The same pods, idle.
    fn idle(self) -> Sum {
        Sum { used: 0, ..self }
    }
}

/// All pods of a target, sorted and added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Pods whose samples count.
    pub ready: Sum,
    /// Pods that wait or start; what they use is not looked at.
    pub unready: Sum,
    /// Pods without sample. `used` is what they are taken to use where less use would remove pods.
    pub missing: Sum,
    /// Pods that are ending, or failed.
    pub ignored: u32,
    /// Pods with a sample, of all these.
    pub sampled: u32,
    /// Pods with a container that asks for nothing.
    pub unrequested: u32,
}

impl Tally {
    pub fn of(
        pods: impl IntoIterator<Item = PodView>,
        target: PodTarget,
        trust: Trust,
        now: SimTime,
    ) -> Tally {
        let mut tally = Tally::default();
        for pod in pods {
            let requested = pod.request.unwrap_or(0);
            tally.unrequested += u32::from(pod.request.is_none());
            tally.sampled += u32::from(pod.sample.is_some());
            match (pod.phase, pod.sample) {
                (Phase::Failed, _) => tally.ignored += 1,
                _ if pod.terminating => tally.ignored += 1,
                (Phase::Pending, _) => tally.unready.add(0, requested),
                (_, None) => tally.missing.add(target.assumed(requested), requested),
                (_, Some(sample)) if trust.counts(&pod, sample, now) => {
                    tally.ready.add(sample.value, requested)
                }
                (_, Some(_)) => tally.unready.add(0, requested),
            }
        }
        tally
    }

    /// Both.
    pub fn and(self, other: Tally) -> Tally {
        Tally {
            ready: self.ready.and(other.ready),
            unready: self.unready.and(other.unready),
            missing: self.missing.and(other.missing),
            ignored: self.ignored + other.ignored,
            sampled: self.sampled + other.sampled,
            unrequested: self.unrequested + other.unrequested,
        }
    }
}

impl Trust {
    /// Whether the sample of a pod that runs is one of what it will use.
    pub fn counts(self, pod: &PodView, sample: Sample, now: SimTime) -> bool {
        let Trust::Cpu { initialization, readiness_delay } = self else { return true };
        let (Some(started), Some((ready, changed))) = (pod.started, pod.ready) else { return false };
        if started + initialization > now {
            ready && sample.taken >= changed + sample.window
        } else {
            ready || started + readiness_delay <= changed
        }
    }
}

/// What a metric asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proposal {
    pub replicas: u32,
    /// Mean use of the pods that count, in percent of what they ask for; for targets that are such a share.
    pub percent: Option<i64>,
    /// Mean use of the pods that count.
    pub average: i64,
}

/// Metrics that every pod has: resources and `Pods` metrics.
pub fn for_pods(
    tally: &Tally,
    target: PodTarget,
    tolerance: Tolerance,
    current: u32,
) -> Result<Proposal, Problem> {
    let Tally { ready, unready, missing, .. } = *tally;
    if tally.sampled == 0 {
        return Err(Problem::NoMetrics);
    }
    if ready.pods == 0 {
        return Err(Problem::NoReadyPods);
    }
    let by_request = matches!(target, PodTarget::Utilization(_));
    if by_request && tally.unrequested > 0 {
        return Err(Problem::MissingRequest);
    }
    let ratio = target.ratio(ready)?;
    let proposal = |replicas| Proposal {
        replicas,
        percent: by_request.then(|| ready.used * 100 / ready.requested),
        average: ready.used / i64::from(ready.pods),
    };
    let unready_matter = unready.pods > 0 && ratio > 1.0;
    if missing.pods == 0 && !unready_matter {
        let on_target = tolerance.covers(ratio);
        return Ok(proposal(if on_target { current } else { ceil(ratio * f64::from(ready.pods)) }));
    }
    // The cautious reading: on the way down missing pods use what they ask for, on the way up nothing, and neither do
    // pods that start. On target, only an average counts them, as idle.
    let mut counted = ready;
    if ratio < 1.0 {
        counted = counted.and(missing);
    } else if ratio > 1.0 || !by_request {
        counted = counted.and(missing.idle());
    }
    if unready_matter {
        counted = counted.and(unready.idle());
    }
    let cautious = target.ratio(counted)?;
    let turned = (ratio < 1.0 && cautious > 1.0) || (ratio > 1.0 && cautious < 1.0);
    let wanted = ceil(cautious * f64::from(counted.pods));
    let against = (cautious < 1.0 && wanted > current) || (cautious > 1.0 && wanted < current);
    Ok(proposal(if tolerance.covers(cautious) || turned || against { current } else { wanted }))
}

/// The pods of a target, as a metric of something else sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// All that the selector finds.
    pub pods: u32,
    /// Those of them that run and are ready.
    pub ready: u32,
}

/// A metric of something else, whose value should stay at a target: as many ready pods, times the ratio.
pub fn for_value(
    value: i64,
    target: i64,
    tolerance: Tolerance,
    present: Present,
    current: u32,
) -> Result<Proposal, Problem> {
    let ratio = value as f64 / target as f64;
    let replicas = match current {
        // From none there is nothing to multiply.
        0 => ceil(ratio),
        _ if tolerance.covers(ratio) => current,
        _ if present.pods == 0 => return Err(Problem::NoPods),
        _ => ceil(ratio * f64::from(present.ready)),
    };
    Ok(Proposal { replicas, percent: None, average: value })
}

/// A metric of something else, of which each pod should have a part: `existing` is what the target's status counts.
pub fn for_share(value: i64, target: i64, tolerance: Tolerance, existing: u32) -> Proposal {
    let ratio = value as f64 / (target as f64 * f64::from(existing));
    let replicas = if tolerance.covers(ratio) { existing } else { ceil(value as f64 / target as f64) };
    Proposal { replicas, percent: None, average: (value as f64 / f64::from(existing)).ceil() as i64 }
}

fn ceil(pods: f64) -> u32 {
    pods.ceil() as u32
}

#[cfg(test)]
#[path = "calculator_tests.rs"]
mod tests;
