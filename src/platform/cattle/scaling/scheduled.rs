//! Scheduled scaling: in certain hours of the week a group has a minimum size.
//!
//! Copies scheduled actions of AWS auto scaling groups: at the beginning of a schedule the minimum rises, at its end
//! it falls back. Where another policy is at work, that one decides what lies above; alone, the schedule is the size.
//! Start at [`Scheduled::decide`].

use super::parameters::{ScalingParameters, ScheduleParameters};
use super::{Decision, GroupView, ScalingPolicy};

/// All schedules of a group, and the minimum that they gave last.
#[derive(Clone, Debug)]
pub struct Scheduled {
    schedules: Vec<ScheduleParameters>,
    last: Option<u32>,
}

impl Scheduled {
    pub fn new(p: &ScalingParameters) -> Self {
        Scheduled { schedules: p.schedule.iter().map(|(_, s)| s.clone()).collect(), last: None }
    }
}

impl ScalingPolicy for Scheduled {
    fn decide(&mut self, group: &GroupView) -> Decision {
        let second = group.time_of_day.as_micros() / 1_000_000;
        let holds = |s: &&ScheduleParameters| {
            let today = s.days.iter().any(|&day| day as u64 == group.weekday);
            let hours = u64::from(s.begins.as_seconds())..u64::from(s.ends.as_seconds());
            today && hours.contains(&second)
        };
        let size = |s: &ScheduleParameters| (f64::from(group.peak_size) * s.at_least.as_f64()).ceil() as u32;
        let floor = self.schedules.iter().filter(holds).map(size).max().unwrap_or(0);
        let turns = self.last.is_some_and(|last| last != floor);
        if turns && !group.is_settled && floor < group.desired {
            return Decision::AtLeast(floor); // shrinks once nothing moves any more
        }
        self.last = Some(floor);
        if turns { Decision::Resize(floor) } else { Decision::AtLeast(floor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SimDuration;

    #[test]
    fn the_size_rises_on_workday_mornings_and_falls_in_the_evening() {
        let mut p = ScalingParameters::default();
        let half = ScheduleParameters { at_least: "50%".parse().expect("a share"), ..Default::default() };
        p.schedule.insert("day", half);
        let mut policy = Scheduled::new(&p);
        let mut at = |weekday, hour| {
            let time_of_day = SimDuration::from_hours(hour);
            policy.decide(&GroupView { weekday, time_of_day, peak_size: 9, ..GroupView::settled(0.5, 3) })
        };
        // From 8 to 20 half of 9 machines, rounded up; 0 is Monday, 5 Saturday.
        assert_eq!(at(0, 7), Decision::AtLeast(0));
        assert_eq!(at(0, 8), Decision::Resize(5));
        assert_eq!(at(0, 19), Decision::AtLeast(5));
        assert_eq!(at(0, 20), Decision::Resize(0));
        assert_eq!(at(5, 12), Decision::AtLeast(0));
    }
}
