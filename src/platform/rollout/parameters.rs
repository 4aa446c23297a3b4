//! What can be set about rollouts. Each platform has the sections of those strategies that it can carry out.

use crate::engine::SimDuration;
use crate::parameter::{Distribution, Fraction, choices, section};

choices! {
    /// How a version reaches the boxes of a service.
    pub enum Strategy {
        /// A person changes one box after the other.
        ByHand = "by-hand",
        /// A tool changes a few boxes at a time over ssh, each out of the load balancer meanwhile.
        InPlace = "in-place",
        /// Batch by batch: an instance refresh of a group of machines, a rolling update of pods.
        Rolling = "rolling",
        /// All boxes at once: the old ones end before the new ones begin.
        Recreate = "recreate",
        /// A second set of boxes beside the first; all callers are switched over at once, and back if need be.
        BlueGreen = "blue-green",
        /// A few boxes first; their requests are compared with those of the others before there are more.
        Canary = "canary",
    }
}

section! {
    /// A tool that works over ssh, such as Ansible.
    pub struct InPlaceParameters {
        /// Boxes that are changed at a time. Each wave waits for its slowest.
        forks: u32 = 5 in |&n| (1..=10_000).contains(&n) => "from 1 to 10000", from "ansible @c9ac477e lib/ansible/config/base.yml", grade Measured;
        /// Share of the boxes that may be out at a time, whatever the forks; at least one box is.
        at_most: Fraction = "25%" in |f| f.as_f64() > 0.0 => "more than 0 %", from "`serial` in playbooks for what serves; none found", grade Estimate;
        /// Time that the tool works on one box: fetch the package, install it, test it.
        task: Distribution = "lognormal(120s, 0.5)", from "between 1.5 s a play and a no-change run of 7 min (ansible#15083, lobsters-ansible#31)", grade Derived;
        /// Hands-on time of whoever starts the tool.
        start: Distribution = "lognormal(10m, 0.5)", from "none found", grade Estimate;
    }
}

section! {
    /// A second set of boxes, to which all callers are switched.
    pub struct BlueGreenParameters {
        /// How long the new set is tested before callers are switched to it.
        test: SimDuration = "5m" in |d| *d <= SimDuration::from_days(2) => "at most 2d", from "none found", grade Estimate;
        /// How long the old set is kept after that, to switch back to.
        keep: SimDuration = "1h" in |d| *d <= SimDuration::from_days(2) => "at most 2d", from "CodeDeploy console: original instances are terminated after 1 h", grade Recalled;
        /// Hands-on time of switching back once a version is known to be bad.
        switch: Distribution = "lognormal(2m, 0.5)", from "one click or one command; none found", grade Estimate;
    }
}

section! {
    /// A few boxes with the new version, whose requests are compared with those of the others.
    pub struct CanaryParameters {
        /// Shares of the boxes that get the version, one after the other, before all do.
        steps: Vec<Fraction> = "['10%']" in |s| is_rising(s) => "rising shares above 0 % and below 100 %",
            from "aws-codedeploy-user-guide @f1ce743: canary 10 %", grade Verified;
        /// How long each of them is watched.
        watch: SimDuration = "10m" in |d| !d.is_zero() && *d <= SimDuration::from_days(7) => "more than zero and at most 7d",
            from "aws-codedeploy-user-guide @f1ce743: the rest after 5, 10, 15 or 30 min", grade Verified;
        /// How often the logs are looked at meanwhile: a version that is bad goes without waiting for the end.
        interval: SimDuration = "1m" in |d| !d.is_zero() => "more than zero", from "Flagger: analysis interval of its examples", grade Recalled;
        /// Chance at each look that a difference counts which is mere luck.
        significance: Fraction = "1%" in |f| f.as_f64() > 0.0 && f.as_f64() < 1.0 => "between 0 and 100 %, exclusive", grade Choice;
        /// By how much the share of failed requests must be higher to count.
        tolerance: Fraction = "1%", from "Flagger: request success rate of 99 %", grade Recalled;
        /// By how much the share of requests that miss the latency goal must be higher to count.
        slow_tolerance: Fraction = "5%", from "none found", grade Estimate;
    }
}

fn is_rising(steps: &[Fraction]) -> bool {
    let steps: Vec<f64> = steps.iter().map(|s| s.as_f64()).collect();
    !steps.is_empty()
        && steps.iter().all(|s| *s > 0.0 && *s < 1.0)
        && steps.windows(2).all(|pair| pair[0] < pair[1])
}

impl InPlaceParameters {
    /// Boxes that are changed at a time, of so many.
    pub fn wave(&self, of: usize) -> usize {
        // A hair more, so that a quarter of 20 is five.
        let spared = (of as f64 * self.at_most.as_f64() + 1e-9) as usize;
        spared.clamp(1, self.forks as usize)
    }
}

impl CanaryParameters {
    /// Boxes with the new version at a step, of so many; none after the last step.
    pub fn boxes_at(&self, step: usize, of: u32) -> Option<u32> {
        let share = self.steps.get(step)?.as_f64();
        // A hair less, so that a tenth of ten is one box and not two.
        Some(((f64::from(of) * share - 1e-9).ceil() as u32).clamp(1, of.max(1)))
    }

    /// Boxes that have to be added to so many to be this share of all of them.
    pub fn boxes_beside(&self, step: usize, others: u32) -> Option<u32> {
        let share = self.steps.get(step)?.as_f64();
        Some(((f64::from(others) * share / (1.0 - share) - 1e-9).ceil() as u32).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_is_as_large_as_the_forks_and_leaves_most_boxes_where_they_are() {
        let p = InPlaceParameters::default();
        // A quarter of 100 is more than five forks; of 20 it is five, of 7 one, of 2 one at least.
        assert_eq!([100, 20, 7, 2].map(|n| p.wave(n)), [5, 5, 1, 1]);
    }

    #[test]
    fn a_step_takes_its_share_of_the_boxes_rounded_up() {
        let steps = [0.1, 0.5].map(|s| Fraction::new(s).expect("a fraction")).to_vec();
        let p = CanaryParameters { steps, ..CanaryParameters::default() };
        // A tenth of 10 is one, of 11 two, of 3 one; half of 11 is six.
        assert_eq!([10, 11, 3].map(|n| p.boxes_at(0, n)), [Some(1), Some(2), Some(1)]);
        assert_eq!((p.boxes_at(1, 11), p.boxes_at(2, 11)), (Some(6), None));
        // Beside 9 others one is a tenth, beside 10 it takes two; beside 10, ten are half.
        assert_eq!((p.boxes_beside(0, 9), p.boxes_beside(0, 10)), (Some(1), Some(2)));
        assert_eq!((p.boxes_beside(1, 10), p.boxes_beside(2, 10)), (Some(10), None));
    }
}
