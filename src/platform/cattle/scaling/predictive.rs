//! Predictive scaling: forecasts the load of the next hour from the weeks before and launches ahead of it.
//!
//! Copies predictive policies of AWS auto scaling groups: hourly means of the last fourteen days, nothing before the
//! first 24 h, sizes for whole hours, machines launched a while before an hour begins; it never shrinks a group.
//! It sees the load that the group had, not the curve behind it: a flash crowd surprises it, an event day does too.
//!
//! *Deviation:* AWS keeps its model to itself; here the forecast of an hour is the mean of the same hour of the week,
//! where there is one in the history, else of the same hour of the days before. Start at [`Predictive::decide`].

use super::parameters::ScalingParameters;
use super::{Decision, GroupView, ScalingPolicy};
use crate::engine::{SimDuration, SimTime};
use std::collections::VecDeque;

const DAY_H: u64 = 24;
const WEEK_H: u64 = 7 * DAY_H;

/// Sum and number of the loads that were seen in an hour [machines].
#[derive(Clone, Copy, Debug, Default)]
struct Hour {
    sum: f64,
    values: u32,
}

/// The load of the last weeks, by hour.
#[derive(Clone, Debug)]
pub struct Predictive {
    target: f64,
    ahead: SimDuration,
    history_h: u64,
    /// Number of the hour since the start that stands at the front.
    first: u64,
    hours: VecDeque<Hour>,
}

impl Predictive {
    pub fn new(p: &ScalingParameters) -> Self {
        Predictive {
            target: p.target.as_f64(),
            ahead: p.predictive.ahead,
            history_h: hour_of(SimTime::ZERO + p.predictive.history),
            first: 0,
            hours: VecDeque::new(),
        }
    }

    fn note(&mut self, hour: u64, load: f64) {
        while self.first + self.hours.len() as u64 <= hour {
            self.hours.push_back(Hour::default());
        }
        while self.hours.len() as u64 > self.history_h {
            self.hours.pop_front();
            self.first += 1;
        }
        let present = self.hours.back_mut().expect("the present hour was just made");
        present.sum += load;
        present.values += 1;
    }

    fn mean_of(&self, hour: u64) -> Option<f64> {
        let seen = self.hours.get(hour.checked_sub(self.first)? as usize)?;
        (seen.values > 0).then(|| seen.sum / f64::from(seen.values))
    }

    /// Load to be expected in an hour [machines].
    fn forecast(&self, hour: u64) -> Option<f64> {
        let before = |step: u64| {
            let seen = (1..=self.history_h / step)
                .filter_map(|n| self.mean_of(hour.checked_sub(n * step)?))
                .collect::<Vec<f64>>();
            (!seen.is_empty()).then(|| seen.iter().sum::<f64>() / seen.len() as f64)
        };
        before(WEEK_H).or_else(|| before(DAY_H))
    }
}

fn hour_of(time: SimTime) -> u64 {
    time.as_micros() / SimDuration::from_hours(1).as_micros()
}

impl ScalingPolicy for Predictive {
    fn decide(&mut self, group: &GroupView) -> Decision {
        let (now, soon) = (hour_of(group.now), hour_of(group.now + self.ahead));
        self.note(now, group.load);
        if now < self.first + DAY_H {
            return Decision::AtLeast(0);
        }
        let load = [now, soon].into_iter().filter_map(|hour| self.forecast(hour)).fold(0.0, f64::max);
        Decision::AtLeast((load / self.target).ceil() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten machines' worth of work from 9 to 17, two else.
    fn load(hour: u64) -> f64 {
        if (9..17).contains(&(hour % 24)) { 10.0 } else { 2.0 }
    }

    fn decide_at(policy: &mut Predictive, minute: u64) -> Decision {
        let now = SimTime::ZERO + SimDuration::from_mins(minute);
        policy.decide(&GroupView { now, load: load(minute / 60), ..GroupView::settled(0.5, 4) })
    }

    #[test]
    fn machines_for_an_hour_come_before_it_from_the_second_day_on() {
        let mut policy = Predictive::new(&ScalingParameters::default());
        let decisions: Vec<Decision> = (0..2 * 1_440).map(|minute| decide_at(&mut policy, minute)).collect();
        let at = |day: u64, hour: u64, minute: u64| decisions[(day * 1_440 + hour * 60 + minute) as usize];
        assert_eq!(at(0, 9, 30), Decision::AtLeast(0), "nothing is known on the first day");
        // 10 machines' worth of work at a target of 50 %: 20 machines, from five minutes before nine.
        assert_eq!(at(1, 8, 54), Decision::AtLeast(4));
        assert_eq!(at(1, 8, 55), Decision::AtLeast(20));
        assert_eq!(at(1, 16, 59), Decision::AtLeast(20));
        assert_eq!(at(1, 17, 0), Decision::AtLeast(4));
    }
}
