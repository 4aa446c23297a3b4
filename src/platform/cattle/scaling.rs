//! Target tracking: holds the mean CPU utilization of a group near a target.
//!
//! Two alarms on a one-minute metric that is a minute late: above the target for 3 minutes the group grows at once
//! to what would bring the metric to the target, below 70 % of it for 15 minutes it shrinks by a step and waits for
//! the alarm again. Machines that are still warming up do not count. Follows AWS as documented.
//!
//! *Deviation:* the size of the step down is unpublished; here it is what would bring the metric to the target,
//! rounded down, at least one.

use super::Cattle;
use super::parameters::ScalingParameters;
use crate::catalog::InstanceId;
use crate::engine::{SimDuration, SimTime};
use crate::world::{Api, ServiceId};

/// What a scaling policy sees of a group when it looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupView {
    pub now: SimTime,
    /// Mean CPU utilization of the machines in service, 0 to 1, as late as the metric is.
    pub utilization: f64,
    /// Machines that count: in service and warmed up.
    pub in_service: u32,
    pub desired: u32,
    /// No machine is on its way in or out, and no refresh is under way.
    pub is_settled: bool,
}

/// Decides how large a group should be. It sees numbers and gives a number: it cannot launch, terminate or record.
pub trait ScalingPolicy {
    /// The size that the group should have, if it should change; called once every period of the metric.
    fn decide(&mut self, group: &GroupView) -> Option<u32>;
}

/// Target tracking, and how long each alarm's condition has held.
#[derive(Clone, Debug)]
pub struct TargetTracking {
    parameters: ScalingParameters,
    above: u32,
    below: u32,
}

impl TargetTracking {
    pub fn new(parameters: ScalingParameters) -> Self {
        TargetTracking { parameters, above: 0, below: 0 }
    }
}

/// What target tracking needs to know of a group.
#[derive(Clone, Copy, Debug)]
struct GroupSize {
    /// Machines in service for longer than the warm-up.
    warm: u32,
    /// All are, and no refresh was begun.
    settled: bool,
}

/// The size at which the expected load of this moment meets the target.
pub(super) fn size_for_now(
    api: &Api<'_>,
    p: &ScalingParameters,
    service: ServiceId,
    instance: InstanceId,
) -> u32 {
    let cpu = api.catalog().get(instance).cpu.as_cpus_f64();
    let overhead = api.machine_overhead().as_cpus_f64();
    let work = api.forecast_now(service) * api.service(service).parameters.cpu_per_request.as_secs_f64();
    // n machines use work + n · overhead of n · cpu cores.
    let per_machine = (cpu * p.target.as_f64() - overhead).max(0.01);
    (work / per_machine).ceil() as u32
}

impl ScalingPolicy for TargetTracking {
    fn decide(&mut self, group: &GroupView) -> Option<u32> {
        let p = &self.parameters;
        let (metric, target, current) = (group.utilization, p.target.as_f64(), group.in_service);
        self.above = if metric > target { self.above + 1 } else { 0 };
        self.below = if metric < target * p.shrink_below.as_f64() { self.below + 1 } else { 0 };
        if self.above >= p.grow_after {
            let wanted = (f64::from(current) * metric / target).ceil() as u32;
            return Some(wanted.max(current + 1));
        }
        if self.below >= p.shrink_after && group.is_settled {
            self.below = 0;
            let surplus = (f64::from(current) * (1.0 - metric / target)).floor() as u32;
            return Some(current.saturating_sub(surplus.max(1)));
        }
        None
    }
}

impl Cattle {
    pub(super) fn scaling_pass(&mut self, s: usize, api: &mut Api<'_>) {
        let p = &self.parameters.scaling;
        let group = &mut self.groups[s];
        let Some(reading) = api.cpu(group.service, p.period, p.lag) else { return };
        if reading.boxes <= 0.0 {
            return; // no data, no decision
        }
        let cpu = api.catalog().get(group.instance).cpu.as_cpus_f64();
        let metric = (reading.cores / reading.boxes + api.machine_overhead().as_cpus_f64()) / cpu;
        let GroupSize { warm, settled } = group.size(p.warm_up, api.now());
        let view = GroupView {
            now: api.now(),
            utilization: metric,
            in_service: warm,
            desired: group.desired,
            is_settled: settled,
        };
        if let Some(wanted) = group.scaling.decide(&view) {
            let wanted = wanted.clamp(group.min, group.max);
            let present = group.members.len() as u32;
            if wanted > group.desired {
                group.set_desired(wanted, api);
                group.launch(wanted.saturating_sub(present), api);
                self.set_upkeep(api);
            } else if wanted < group.desired && settled {
                group.set_desired(wanted, api);
                group.shrink(present.saturating_sub(wanted), api);
                self.set_upkeep(api);
            }
        }
    }
}

impl super::group::Group {
    fn size(&self, warm_up: SimDuration, now: SimTime) -> GroupSize {
        let is_warm = |at: SimTime| now.saturating_since(at) >= warm_up;
        let warm = self.members.iter().filter(|m| m.in_service.is_some_and(is_warm)).count();
        GroupSize { warm: warm as u32, settled: warm == self.members.len() && !self.is_refreshing() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(policy: &mut TargetTracking, metrics: &[f64], current: u32) -> Vec<Option<u32>> {
        let view = |utilization| GroupView {
            now: SimTime::ZERO,
            utilization,
            in_service: current,
            desired: current,
            is_settled: true,
        };
        metrics.iter().map(|&m| policy.decide(&view(m))).collect()
    }

    fn tracking() -> TargetTracking {
        TargetTracking::new(ScalingParameters::default())
    }

    #[test]
    fn a_group_grows_after_three_values_above_the_target() {
        // 4 machines at 80 % of CPU, target 50 %: 4 · 0.8 / 0.5 = 6.4, rounded up.
        assert_eq!(decide(&mut tracking(), &[0.8, 0.8, 0.8], 4), [None, None, Some(7)]);
        // A value at the target breaks the row.
        assert_eq!(decide(&mut tracking(), &[0.8, 0.5, 0.8, 0.8], 4), [None; 4]);
    }

    #[test]
    fn a_group_shrinks_after_fifteen_values_below_seven_tenths_of_it() {
        let mut tracker = tracking();
        // 0.36 is above 0.7 · 0.5 = 0.35; 0.2 is below.
        assert_eq!(decide(&mut tracker, &[0.36; 30], 10), [None; 30]);
        let decisions = decide(&mut tracker, &[0.2; 16], 10);
        // 10 · (1 − 0.2/0.5) = 6 machines too many; then the alarm has to build up again.
        assert_eq!((decisions[13], decisions[14], decisions[15]), (None, Some(4), None));
    }
}
