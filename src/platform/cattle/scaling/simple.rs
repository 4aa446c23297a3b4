//! Simple scaling: one amount at a time, then nothing until a cooldown is over.
//!
//! Copies simple policies of AWS auto scaling groups, and with other numbers the rules of Azure autoscale: the
//! cooldown begins when the last machine of a change has come or gone. It does not know how much is missing, so a
//! large surge is met one step a cooldown. Start at [`SimpleScaling::decide`].

use super::parameters::{ScalingParameters, SimpleScalingParameters};
use super::{Decision, GroupView, ScalingPolicy};
use crate::engine::SimTime;

/// Two alarms and a pause.
#[derive(Clone, Debug)]
pub struct SimpleScaling {
    parameters: SimpleScalingParameters,
    grow_after: u32,
    shrink_after: u32,
    above: u32,
    below: u32,
    /// The last change, until it is complete and its cooldown is over.
    changed: bool,
    quiet_until: SimTime,
}

impl SimpleScaling {
    pub fn new(p: &ScalingParameters) -> Self {
        SimpleScaling {
            parameters: p.simple.clone(),
            grow_after: p.grow_after,
            shrink_after: p.shrink_after,
            above: 0,
            below: 0,
            changed: false,
            quiet_until: SimTime::ZERO,
        }
    }
}

impl ScalingPolicy for SimpleScaling {
    fn decide(&mut self, group: &GroupView) -> Decision {
        let p = &self.parameters;
        self.above = if group.utilization > p.above.as_f64() { self.above + 1 } else { 0 };
        self.below = if group.utilization < p.below.as_f64() { self.below + 1 } else { 0 };
        if !group.is_settled {
            return Decision::Keep;
        }
        if std::mem::take(&mut self.changed) {
            self.quiet_until = group.now + p.cooldown;
        }
        if group.now < self.quiet_until {
            return Decision::Keep;
        }
        let wanted = match (self.above >= self.grow_after, self.below >= self.shrink_after) {
            (true, _) => group.desired + p.by,
            (_, true) => group.desired.saturating_sub(p.by),
            _ => return Decision::Keep,
        };
        self.changed = true;
        Decision::Resize(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SimDuration;

    #[test]
    fn a_change_waits_for_the_cooldown_of_the_one_before() {
        let mut policy = SimpleScaling::new(&ScalingParameters::default());
        let mut desired = 4;
        let mut changes = Vec::new();
        for minute in 0..=12 {
            let now = SimTime::ZERO + SimDuration::from_mins(minute);
            let view = GroupView { now, desired, ..GroupView::settled(0.9, desired) };
            if let Decision::Resize(wanted) = policy.decide(&view) {
                changes.push((minute, wanted));
                desired = wanted;
            }
        }
        // The third value (minute 2) brings the first; it is complete a minute later, and 5 min after that comes the
        // next: 2, 3 + 5 = 8, 9 + 5 = 14.
        assert_eq!(changes, [(2, 5), (8, 6)]);
    }
}
