//! Step scaling: the size changes by a share that depends on how far utilization is off.
//!
//! Copies step policies of AWS auto scaling groups with percentages: of all steps whose bound is passed the largest
//! change counts; growing rounds up and does not wait for a cooldown, machines that are still coming count as there;
//! shrinking rounds down and waits until nothing moves. Start at [`StepScaling::decide`].

use super::parameters::{ScalingParameters, Step};
use super::{Decision, GroupView, ScalingPolicy};

/// Steps, and for how many values one of them was passed.
#[derive(Clone, Debug)]
pub struct StepScaling {
    steps: Vec<Step>,
    grow_after: u32,
    shrink_after: u32,
    above: u32,
    below: u32,
}

impl StepScaling {
    pub fn new(p: &ScalingParameters) -> Self {
        let (steps, grow_after, shrink_after) = (p.steps.clone(), p.grow_after, p.shrink_after);
        StepScaling { steps, grow_after, shrink_after, above: 0, below: 0 }
    }
}

impl ScalingPolicy for StepScaling {
    fn decide(&mut self, group: &GroupView) -> Decision {
        let metric = group.utilization;
        let grows = self.steps.iter().filter(|s| s.change > 0.0 && metric > s.bound).map(|s| s.change);
        let shrinks = self.steps.iter().filter(|s| s.change < 0.0 && metric < s.bound).map(|s| -s.change);
        let (grow, shrink) = (grows.fold(0.0, f64::max), shrinks.fold(0.0, f64::max));
        self.above = if grow > 0.0 { self.above + 1 } else { 0 };
        self.below = if shrink > 0.0 { self.below + 1 } else { 0 };
        let warm = f64::from(group.in_service);
        if self.above >= self.grow_after {
            let wanted = group.in_service + (warm * grow).ceil() as u32;
            // What is coming already is part of the step.
            return if wanted > group.desired { Decision::Resize(wanted) } else { Decision::Keep };
        }
        if self.below >= self.shrink_after && group.is_settled {
            self.below = 0;
            let surplus = ((warm * shrink).floor() as u32).max(1);
            return Decision::Resize(group.in_service.saturating_sub(surplus));
        }
        Decision::Keep
    }

    fn is_at_rest(&self) -> bool {
        (self.above, self.below) == (0, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(metrics: &[f64], machines: u32, desired: u32) -> Vec<Decision> {
        let mut policy = StepScaling::new(&ScalingParameters::default());
        let view = |utilization| GroupView { desired, ..GroupView::settled(utilization, machines) };
        metrics.iter().map(|&m| policy.decide(&view(m))).collect()
    }

    #[test]
    fn the_step_depends_on_how_far_utilization_is_off() {
        use Decision::{Keep, Resize};
        // 65 % passes 60 % (+10 %) but not 70 %: 20 · 0.1 = 2 more; 75 % passes both: 20 · 0.3 = 6 more.
        assert_eq!(decide(&[0.65; 3], 20, 20), [Keep, Keep, Resize(22)]);
        assert_eq!(decide(&[0.75; 3], 20, 20), [Keep, Keep, Resize(26)]);
        // Six are coming already.
        assert_eq!(decide(&[0.75; 3], 20, 26), [Keep; 3]);
        // Below 30 % for fifteen values: 30 % of 21 machines are 6.3, of which 6 go.
        assert_eq!(decide(&[0.2; 15], 21, 21)[14], Resize(15));
        assert_eq!(decide(&[0.5; 30], 20, 20), [Keep; 30]);
    }
}
