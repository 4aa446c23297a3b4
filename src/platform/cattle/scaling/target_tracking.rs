//! Target tracking: holds the mean CPU utilization of a group near a target.
//!
//! Two alarms on a metric that is late: above the target for three values the group grows at once to what would bring
//! the metric to the target, below 70 % of it for fifteen it shrinks by a step and waits for the alarm again. Machines
//! that are still warming up do not count. Follows AWS as documented; with a stabilization time it follows the
//! autoscaler of GCE, which goes down to the largest size that was needed within that time.
//!
//! *Deviation:* the size of the step down is unpublished for AWS; here it is what would bring the metric to the
//! target, rounded down, at least one. Start at [`TargetTracking::decide`].

use super::parameters::ScalingParameters;
use super::{Decision, GroupView, ScalingPolicy};
use std::collections::VecDeque;

/// Target tracking, and how long each alarm's condition has held.
#[derive(Clone, Debug)]
pub struct TargetTracking {
    parameters: ScalingParameters,
    above: u32,
    below: u32,
    /// Sizes that were needed, one a period, within the stabilization time.
    needed: VecDeque<u32>,
}

impl TargetTracking {
    pub fn new(parameters: ScalingParameters) -> Self {
        TargetTracking { parameters, above: 0, below: 0, needed: VecDeque::new() }
    }

    /// Notes a size; gives back the largest within the stabilization time.
    fn largest_needed(&mut self, size: u32) -> u32 {
        let p = &self.parameters;
        let kept = p.stabilization.as_micros().div_ceil(p.period.as_micros()) as usize;
        self.needed.push_back(size);
        while self.needed.len() > kept.max(1) {
            self.needed.pop_front();
        }
        self.needed.iter().copied().max().unwrap_or(size)
    }
}

impl ScalingPolicy for TargetTracking {
    fn decide(&mut self, group: &GroupView) -> Decision {
        let p = &self.parameters;
        let (metric, target, current) = (group.utilization, p.target.as_f64(), group.in_service);
        self.above = if metric > target { self.above + 1 } else { 0 };
        self.below = if metric < target * p.shrink_below.as_f64() { self.below + 1 } else { 0 };
        let (grows, shrinks) = (self.above >= p.grow_after, self.below >= p.shrink_after && group.is_settled);
        let is_stabilized = !p.stabilization.is_zero();
        let wanted = (f64::from(current) * metric / target).ceil() as u32;
        let largest = if is_stabilized { self.largest_needed(wanted) } else { wanted };
        if grows {
            return Decision::Resize(wanted.max(current + 1));
        }
        if shrinks && is_stabilized {
            return if largest < current { Decision::Resize(largest) } else { Decision::Keep };
        }
        if shrinks {
            self.below = 0;
            let surplus = (f64::from(current) * (1.0 - metric / target)).floor() as u32;
            return Decision::Resize(current.saturating_sub(surplus.max(1)));
        }
        Decision::Keep
    }

    fn is_at_rest(&self) -> bool {
        (self.above, self.below) == (0, 0) && self.parameters.stabilization.is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::Decision::{Keep, Resize};
    use super::*;

    fn decide(policy: &mut TargetTracking, metrics: &[f64], current: u32) -> Vec<Decision> {
        metrics.iter().map(|&m| policy.decide(&GroupView::settled(m, current))).collect()
    }

    fn tracking() -> TargetTracking {
        TargetTracking::new(ScalingParameters::default())
    }

    #[test]
    fn a_group_grows_after_three_values_above_the_target() {
        // 4 machines at 80 % of CPU, target 50 %: 4 · 0.8 / 0.5 = 6.4, rounded up.
        assert_eq!(decide(&mut tracking(), &[0.8, 0.8, 0.8], 4), [Keep, Keep, Resize(7)]);
        // A value at the target breaks the row.
        assert_eq!(decide(&mut tracking(), &[0.8, 0.5, 0.8, 0.8], 4), [Keep; 4]);
    }

    #[test]
    fn a_group_shrinks_after_fifteen_values_below_seven_tenths_of_it() {
        let mut tracker = tracking();
        // 0.36 is above 0.7 · 0.5 = 0.35; 0.2 is below.
        assert_eq!(decide(&mut tracker, &[0.36; 30], 10), [Keep; 30]);
        let decisions = decide(&mut tracker, &[0.2; 16], 10);
        // 10 · (1 − 0.2/0.5) = 6 machines too many; then the alarm has to build up again.
        assert_eq!((decisions[13], decisions[14], decisions[15]), (Keep, Resize(4), Keep));
    }

    #[test]
    fn with_stabilization_a_group_shrinks_to_the_largest_size_of_ten_minutes() {
        let mut tracker = TargetTracking::new(ScalingParameters {
            stabilization: crate::engine::SimDuration::from_mins(10),
            shrink_after: 1,
            shrink_below: "100%".parse().expect("a share"),
            ..ScalingParameters::default()
        });
        // 10 · 0.4/0.5 = 8 machines for a minute, then 10 · 0.2/0.5 = 4: the 8 are forgotten ten values later.
        assert_eq!(decide(&mut tracker, &[0.4], 10), [Resize(8)]);
        let later = decide(&mut tracker, &[0.2; 10], 10);
        assert_eq!((later[8], later[9]), (Resize(8), Resize(4)));
    }
}
