//! Scaling: how large a group should be. A policy sees numbers and gives a decision; several can be combined.
//!
//! Each policy is a file of its own and knows no machine, no group and no other policy. What they see is a metric
//! with period and lag, not the load itself. Start at [`ScalingPolicy`]; [`combine`] is what several make together.

mod parameters;
mod predictive;
mod scheduled;
mod simple;
mod step;
mod target_tracking;

use parameters::PolicyName;
pub use parameters::ScalingParameters;
pub use target_tracking::TargetTracking;

use super::members::Member;
use super::{Cattle, SCALING_PASS};
use crate::catalog::InstanceId;
use crate::engine::{SimDuration, SimTime};
use crate::world::{Api, PlatformEvent, ServiceId, VmStatus};

/// What a scaling policy sees of a group when it looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupView {
    pub now: SimTime,
    /// 0 is Monday.
    pub weekday: u64,
    pub time_of_day: SimDuration,
    /// Mean CPU utilization of the machines in service, with requests or without, 0 to 1, as late as the metric is.
    pub utilization: f64,
    /// All their work together: how many machines it would use fully.
    pub load: f64,
    /// Machines that count: in service and warmed up.
    pub in_service: u32,
    pub desired: u32,
    /// What the forecast peak needs.
    pub peak_size: u32,
    /// No machine is on its way in or out, and no refresh is under way.
    pub is_settled: bool,
}

#[cfg(test)]
impl GroupView {
    /// So many machines, all in service, at midnight before the first Monday.
    fn settled(utilization: f64, machines: u32) -> GroupView {
        GroupView {
            now: SimTime::ZERO,
            weekday: 0,
            time_of_day: SimDuration::ZERO,
            utilization,
            load: utilization * f64::from(machines),
            in_service: machines,
            desired: machines,
            peak_size: machines,
            is_settled: true,
        }
    }
}

/// What a policy says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The size is right.
    Keep,
    /// The group should have this size.
    Resize(u32),
    /// The group should not be smaller than this; whether it is larger is for others to say.
    AtLeast(u32),
}

/// Decides how large a group should be. It sees numbers and gives a number: it cannot launch, terminate or record.
pub trait ScalingPolicy {
    /// Called once every period of the metric, unless it rests.
    fn decide(&mut self, group: &GroupView) -> Decision;

    /// Whether it would go on to keep the size, and be no other for it, for as long as the utilization stays what it
    /// was in the last decision, whatever else may change. Then it need not be asked.
    fn is_at_rest(&self) -> bool {
        false
    }
}

/// The size that follows from what all policies say, if it should change: a group grows to the largest that any
/// asks for, and shrinks only if all that have a say in it agree.
fn combine(decisions: &[Decision], desired: u32) -> Option<u32> {
    let floor = |d: &Decision| if let Decision::AtLeast(n) = d { Some(*n) } else { None };
    let size = |d: &Decision| if let Decision::Resize(n) = d { Some(*n) } else { None };
    let floor = decisions.iter().filter_map(floor).max().unwrap_or(0);
    let largest = decisions.iter().filter_map(size).chain([floor]).max().unwrap_or(0);
    if largest > desired {
        return Some(largest);
    }
    let all_shrink = !decisions.contains(&Decision::Keep) && decisions.iter().any(|d| size(d).is_some());
    (all_shrink && largest < desired).then_some(largest)
}

/// Several policies on one group.
pub(super) struct Combined(Vec<Box<dyn ScalingPolicy>>);

impl Combined {
    pub(super) fn new(p: &ScalingParameters) -> Combined {
        let make = |name| -> Option<Box<dyn ScalingPolicy>> {
            Some(match name {
                PolicyName::TargetTracking => Box::new(TargetTracking::new(p.clone())),
                PolicyName::Step => Box::new(step::StepScaling::new(p)),
                PolicyName::Simple => Box::new(simple::SimpleScaling::new(p)),
                PolicyName::Scheduled => Box::new(scheduled::Scheduled::new(p)),
                PolicyName::Predictive => Box::new(predictive::Predictive::new(p)),
                PolicyName::None => return None,
            })
        };
        Combined(p.policy.names().filter_map(make).collect())
    }
}

impl ScalingPolicy for Combined {
    fn decide(&mut self, group: &GroupView) -> Decision {
        let decisions: Vec<Decision> = self.0.iter_mut().map(|policy| policy.decide(group)).collect();
        combine(&decisions, group.desired).map_or(Decision::Keep, Decision::Resize)
    }

    fn is_at_rest(&self) -> bool {
        self.0.iter().all(|policy| policy.is_at_rest())
    }
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

/// When a group's policy is asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looks {
    next: Option<SimTime>,
    last: Option<SimTime>,
    /// Its policy rests until the load or the members change, which had changed so often then.
    rests: Option<u64>,
}

impl Cattle {
    /// From now on the policy of a group is asked.
    pub(super) fn begin_looks(&mut self, s: usize, api: &mut Api<'_>) {
        let p = &self.parameters.scaling;
        if p.policy.is_active() {
            let clock = (SimTime::ZERO, p.period);
            let event = PlatformEvent::with(SCALING_PASS, s as u32, 0);
            api.wake_on_load(self.groups[s].service, clock, p.lag, event);
            self.plan_look(s, api);
        }
    }

    fn plan_look(&mut self, s: usize, api: &mut Api<'_>) {
        let at = api.now().next_tick(SimTime::ZERO, self.parameters.scaling.period);
        let looks = &mut self.groups[s].looks;
        (looks.next, looks.rests) = (Some(at), None);
        api.at(at, PlatformEvent::with(SCALING_PASS, s as u32, 0));
    }

    /// A policy that rests is asked again when members come, go or change.
    pub(super) fn wake_policy(&mut self, s: usize, api: &mut Api<'_>) {
        let group = &self.groups[s];
        if group.looks.rests.is_some_and(|changes| changes != group.members.changes()) {
            self.plan_look(s, api);
        }
    }

    /// A tick, planned or because the load changed.
    pub(super) fn on_scaling_tick(&mut self, s: usize, api: &mut Api<'_>) {
        let (now, looks) = (api.now(), &mut self.groups[s].looks);
        if looks.next.is_some_and(|next| next > now) || looks.last == Some(now) {
            return;
        }
        (looks.next, looks.last) = (None, Some(now));
        if self.scaling_pass(s, api) {
            self.groups[s].looks.rests = Some(self.groups[s].members.changes());
        } else {
            self.plan_look(s, api);
        }
    }

    /// Asks the policy. Gives back whether it would hear and say the same until something changes.
    fn scaling_pass(&mut self, s: usize, api: &mut Api<'_>) -> bool {
        let p = &self.parameters.scaling;
        let group = &mut self.groups[s];
        let Some(reading) = api.cpu(group.service, p.period, p.lag) else { return false };
        let machines = group.reporting(reading.boxes, (api.now() - p.lag, p.period), api);
        if machines <= 0.0 {
            return false; // no data, no decision
        }
        let cpu = api.catalog().get(group.instance).cpu.as_cpus_f64();
        let utilization = (reading.cores / machines + api.machine_overhead().as_cpus_f64()) / cpu;
        let (warm, is_settled) = group.warm_and_settled(p.warm_up, api.now());
        let view = GroupView {
            now: api.now(),
            weekday: api.calendar().weekday(api.now()),
            time_of_day: api.calendar().time_of_day(api.now()),
            utilization,
            load: utilization * machines,
            in_service: warm,
            desired: group.desired,
            peak_size: group.peak_size,
            is_settled,
        };
        let decision = group.scaling.decide(&view);
        let Some(wanted) = combine(&[decision], group.desired) else {
            let (seen, all_serve) =
                (p.lag + p.period, machines >= f64::from(group.members.in_service()) - 1e-6);
            let is_steady =
                api.now() >= SimTime::ZERO + seen && api.is_load_steady(group.service, api.now() - seen);
            return all_serve && is_steady && group.scaling.is_at_rest();
        };
        let wanted = wanted.clamp(group.min, group.max);
        if wanted > group.desired {
            group.set_desired(wanted, api);
            // Others may be asked for already, once those that they replace have drained.
            let missing = group.missing();
            group.launch(missing, api);
            self.set_upkeep(api);
        } else if wanted < group.desired && is_settled {
            group.set_desired(wanted, api);
            let surplus = group.present().saturating_sub(wanted);
            group.shrink(surplus, api);
            self.set_upkeep(api);
        }
        false
    }
}

impl super::group::Group {
    /// How many machines reported their CPU in the `window` that ended at `end`, on average: those in service, whether
    /// callers know of them or not, and at least as many as `served`. A registry that does not answer keeps new ones from
    /// the callers; they idle, and count all the same.
    fn reporting(&self, served: f64, (end, window): (SimTime, SimDuration), api: &Api<'_>) -> f64 {
        // Who serves is in service: where all members did nobody has to be asked. Readings are means, hence the hair.
        if served + 1e-6 >= f64::from(self.members.in_service()) {
            return served;
        }
        let count = |m: &Member| match m.in_service {
            Some(since) if since + window <= end => 1.0,
            Some(since) => end.saturating_since(since).as_secs_f64() / window.as_secs_f64(),
            None => 0.0,
        };
        let in_service = || self.members.iter().filter(|m| !m.idle && !m.gone);
        // No more than these report; the console is asked only where they are more than serve.
        let most: f64 = in_service().map(count).sum();
        if served + 1e-6 >= most {
            return served;
        }
        let runs = |m: &&Member| api.vm_status(m.vm) == VmStatus::Running;
        in_service().filter(runs).map(count).sum::<f64>().max(served)
    }

    /// Machines in service for longer than the warm-up, and whether that is all and no refresh was begun.
    fn warm_and_settled(&self, warm_up: SimDuration, now: SimTime) -> (u32, bool) {
        let warm = self.members.warm(warm_up, now);
        (warm, warm == self.present() && !self.is_refreshing())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Decision::{AtLeast, Keep, Resize};

    #[test]
    fn the_largest_wins_and_all_must_agree_to_shrink() {
        let check =
            |decisions: &[Decision], expected| assert_eq!(combine(decisions, 10), expected, "{decisions:?}");
        check(&[Resize(12), Resize(15)], Some(15));
        check(&[Resize(12), AtLeast(14)], Some(14));
        check(&[Resize(8), Keep], None);
        check(&[Resize(8), Resize(7)], Some(8));
        check(&[Resize(4), AtLeast(6)], Some(6));
        // A floor alone never shrinks a group.
        check(&[AtLeast(4)], None);
        check(&[], None);
    }
}
