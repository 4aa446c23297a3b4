//! HorizontalPodAutoscaler (autoscaling/v2): as many pods as bring its metrics to their targets.
//!
//! Watches nothing: looks at its target every 15 s, the first time 15 s after it was made. Reads the target's size, its
//! pods and their metrics. Writes the target's size, and its own conditions. Follows
//! pkg/controller/podautoscaler/{horizontal,replica_calculator}.go of v1.36.2: a size of zero or outside the bounds is
//! settled without metrics and without limits; several metrics give the largest proposal, and none of them may be
//! unreadable for a smaller size; then stabilization, rates and bounds, each as `behavior` says or, without one, the old
//! way. What it remembers is in memory: a new autoscaler takes the present size for its first recommendation.
//!
//! *Deviation:* none of the reasons that need a broken cluster (no target, no selector, a refused write).
//!
//! How a metric becomes a size is in [`calculator`]; how fast the size may move, in [`behavior`]; which metrics there are,
//! in [`metrics`]; what it says of itself, in `conditions`. Start at [`Autoscaler::look`].

pub mod behavior;
pub mod calculator;
mod conditions;
pub mod metrics;

use crate::engine::{SimDuration, SimTime};
use behavior::{Behavior, Changes, Limit, Recommendations, limit_without_behavior};
use calculator::{Proposal, Tolerance};
pub use conditions::Condition;
use conditions::{Able, Active};
use metrics::{Metric, Problem};

/// What an autoscaler is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    pub min: u32,
    pub max: u32,
    /// At least one.
    pub metrics: Vec<Metric>,
    pub behavior: Option<Behavior>,
}

/// What holds for all autoscalers of a cluster: flags of the controller manager.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// `horizontal-pod-autoscaler-tolerance`.
    pub tolerance: f64,
    /// `horizontal-pod-autoscaler-downscale-stabilization`.
    pub stabilization: SimDuration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { tolerance: 0.1, stabilization: SimDuration::from_secs(300) }
    }
}

/// An autoscaler at work.
#[derive(Clone, Debug)]
pub struct Autoscaler {
    spec: Spec,
    settings: Settings,
    recommendations: Recommendations,
    changes: Changes,
    able: Able,
    active: Option<Active>,
    limited: Option<Limit>,
}

impl Autoscaler {
    pub fn new(spec: Spec, settings: Settings) -> Autoscaler {
        let (recommendations, changes) = Default::default();
        Autoscaler {
            spec,
            settings,
            recommendations,
            changes,
            able: Able::KnowsSize,
            active: None,
            limited: None,
        }
    }

    /// One that has been looking for a while, and last at `now`: it recommended what there is.
    pub fn at_work(spec: Spec, settings: Settings, size: u32, now: SimTime) -> Autoscaler {
        let mut autoscaler = Autoscaler::new(spec, settings);
        autoscaler.recommendations.remember(size, autoscaler.longest_window(), now);
        autoscaler
    }

    /// One look: the new size of the target, if it changes. `read` says what a metric proposes.
    pub fn look(
        &mut self,
        current: u32,
        now: SimTime,
        read: impl FnMut(&Metric, Tolerance) -> Result<Proposal, Problem>,
    ) -> Option<u32> {
        self.able = Able::KnowsSize;
        if self.recommendations.is_empty() {
            self.recommendations.remember(current, self.longest_window(), now);
        }
        let wanted = if current == 0 && self.spec.min > 0 {
            self.active = Some(Active::Disabled);
            return None;
        } else if current > self.spec.max || current < self.spec.min {
            current.min(self.spec.max).max(self.spec.min)
        } else {
            let proposed = self.propose(current, read)?;
            self.normalize(proposed, current, now)
        };
        if wanted == current {
            return None;
        }
        self.able = Able::Rescaled(wanted);
        if let Some(behavior) = &self.spec.behavior {
            self.changes.remember(behavior, current, wanted, now);
        }
        Some(wanted)
    }

    /// The largest proposal of all metrics. `None` if that is less than now and one of them cannot be read: it might have
    /// asked for more.
    fn propose(
        &mut self,
        current: u32,
        mut read: impl FnMut(&Metric, Tolerance) -> Result<Proposal, Problem>,
    ) -> Option<u32> {
        let general = Tolerance { up: self.settings.tolerance, down: self.settings.tolerance };
        let tolerance = self.spec.behavior.as_ref().map_or(general, |b| b.tolerance(general));
        let mut largest: Option<(u32, usize)> = None;
        let mut failed = None;
        for (i, metric) in self.spec.metrics.iter().enumerate() {
            match read(metric, tolerance) {
                Ok(proposal) if largest.is_none_or(|l| proposal.replicas > l.0) => {
                    largest = Some((proposal.replicas, i));
                }
                Ok(_) => {}
                Err(problem) => failed = failed.or(Some((i, problem))),
            }
        }
        let usable = largest.filter(|l| failed.is_none() || l.0 >= current);
        self.active = match (usable, failed) {
            (Some((_, metric)), _) => Some(Active::Valid(metric)),
            (None, Some((metric, problem))) => Some(Active::Failed(metric, problem)),
            (None, None) => None,
        };
        usable.map(|u| u.0)
    }

    /// Stabilization, rates and bounds.
    fn normalize(&mut self, proposed: u32, current: u32, now: SimTime) -> u32 {
        let Spec { min, max, .. } = self.spec;
        let window = self.longest_window();
        let (stable, limited) = match &self.spec.behavior {
            None => {
                let stable = self.recommendations.largest(self.settings.stabilization, proposed, now);
                (stable, limit_without_behavior(stable, current, min, max))
            }
            Some(behavior) => {
                let stable = self.recommendations.stabilize(behavior, proposed, current, now);
                (stable, behavior.limit(stable, current, (min, max), &self.changes, now))
            }
        };
        self.recommendations.remember(proposed, window, now);
        self.able = match () {
            () if stable == proposed => Able::Ready,
            () if self.spec.behavior.is_some() && proposed >= current => Able::StabilizedUp,
            () => Able::StabilizedDown,
        };
        self.limited = Some(limited.1);
        limited.0
    }

    fn longest_window(&self) -> SimDuration {
        let windows = |b: &Behavior| b.up.stabilization.max(b.down.stabilization);
        self.spec.behavior.as_ref().map_or(self.settings.stabilization, windows)
    }

    /// Looks until `until` were left out, because each would have found what the last one found.
    pub fn repeat(&mut self, until: SimTime) {
        self.recommendations.repeat(until);
    }

    /// When a look that finds what the last one found can come to another size: once a recommendation or a change is too
    /// old to hold the size.
    pub fn moves_again(&self, now: SimTime) -> Option<SimTime> {
        let Some(behavior) = &self.spec.behavior else {
            return self.recommendations.runs_out(SimDuration::ZERO, self.settings.stabilization, now);
        };
        let (up, down) = (behavior.up.stabilization, behavior.down.stabilization);
        let is_rated = matches!(self.limited, Some(Limit::ScaleUp | Limit::ScaleDown));
        let changes = if is_rated { self.changes.runs_out(behavior, now) } else { None };
        self.recommendations.runs_out(up, down, now).into_iter().chain(changes).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use behavior::Rules;

    fn at(s: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(s)
    }

    fn autoscaler(metrics: Vec<Metric>, behavior: Option<Behavior>) -> Autoscaler {
        Autoscaler::new(Spec { min: 2, max: 20, metrics, behavior }, Settings::default())
    }

    fn proposal(replicas: u32) -> Result<Proposal, Problem> {
        Ok(Proposal { replicas, percent: None, average: 0 })
    }

    /// A look that finds this proposal.
    fn look(a: &mut Autoscaler, current: u32, s: u64, proposed: u32) -> Option<u32> {
        a.look(current, at(s), |_, _| proposal(proposed))
    }

    #[test]
    fn outside_the_bounds_no_metric_is_read_and_nothing_limits() {
        let mut a = autoscaler(vec![Metric::cpu(50)], None);
        let never = |_: &Metric, _| -> Result<Proposal, Problem> { unreachable!("no metric matters") };
        assert_eq!(a.look(50, at(15), never), Some(20));
        assert_eq!(a.look(1, at(30), never), Some(2));
        assert_eq!(a.look(0, at(45), never), None);
        assert_eq!(a.scaling_active().expect("it looked").reason, "ScalingDisabled");
        assert_eq!(a.scaling_limited(), None);
    }

    #[test]
    fn a_new_autoscaler_does_not_shrink_for_five_minutes() {
        let mut a = autoscaler(vec![Metric::cpu(50)], None);
        assert_eq!(look(&mut a, 10, 15, 3), None);
        assert_eq!(a.able_to_scale().reason, "ScaleDownStabilized");
        assert_eq!(a.moves_again(at(15)), Some(at(315)));
        assert_eq!(look(&mut a, 10, 300, 3), None);
        assert_eq!(look(&mut a, 10, 315, 3), Some(3));
        assert_eq!(a.able_to_scale().message, "the HPA controller was able to update the target scale to 3");
        assert_eq!(a.moves_again(at(315)), None);
    }

    #[test]
    fn the_largest_proposal_counts_and_only_upwards_if_a_metric_fails() {
        let memory = Metric::Resource {
            resource: metrics::Resource::Memory,
            target: metrics::PodTarget::AverageValue(1_000),
        };
        let mut a = autoscaler(vec![Metric::cpu(50), memory.clone()], None);
        let both = |m: &Metric, _| proposal(if *m == memory { 7 } else { 5 });
        assert_eq!(a.look(4, at(15), both), Some(7));
        assert!(a.scaling_active().expect("it looked").message.ends_with("from memory resource"));
        let half = |m: &Metric, _| if *m == memory { proposal(8) } else { Err(Problem::NoMetrics) };
        assert_eq!(a.look(7, at(30), half), Some(8));
        assert_eq!(a.look(10, at(600), half), None);
        let active = a.scaling_active().expect("it looked");
        assert!(!active.status);
        assert_eq!(
            active.message,
            "the HPA was unable to compute the replica count: failed to get cpu utilization: unable to get metrics for \
             resource cpu: no metrics returned from resource metrics API"
        );
    }

    #[test]
    fn with_behavior_a_rate_holds_until_its_period_is_over() {
        let up = Rules {
            policies: vec![behavior::Policy {
                amount: behavior::Amount::Pods(2),
                period: SimDuration::from_secs(30),
            }],
            ..Rules::up()
        };
        let rules = Behavior { up, down: Rules::down(SimDuration::from_secs(300)) };
        let mut a = autoscaler(vec![Metric::cpu(50)], Some(rules));
        assert_eq!(look(&mut a, 2, 15, 20), Some(4));
        assert_eq!(a.scaling_limited().expect("it looked").reason, "ScaleUpLimit");
        assert_eq!(look(&mut a, 4, 30, 20), None);
        assert_eq!(a.moves_again(at(30)), Some(at(45)));
        assert_eq!(look(&mut a, 4, 45, 20), Some(6));
    }

    #[test]
    fn directions_have_their_own_tolerances() {
        let mut rules = Behavior { up: Rules::up(), down: Rules::down(SimDuration::ZERO) };
        rules.up.tolerance = Some(0.3);
        let mut a = autoscaler(vec![Metric::cpu(50)], Some(rules));
        let mut seen = None;
        a.look(4, at(15), |_, tolerance| {
            seen = Some(tolerance);
            proposal(4)
        });
        assert_eq!(seen, Some(Tolerance { up: 0.3, down: 0.1 }));
    }
}
