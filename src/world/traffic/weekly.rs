//! The weekly rhythm: weekends are different.

use crate::engine::{SimDuration, SimTime};
use crate::parameter::{Factor, section};
use crate::world::calendar::Calendar;

section! {
    /// Weekly rhythm of traffic. The mean over the week stays the given rate.
    pub struct WeeklyParameters {
        /// Traffic of Saturday and Sunday relative to a working day.
        weekend: Factor = "1", from "0.8 to 1.1 for consumers, 0.35 for business services; no source found", grade Estimate;
    }
}

impl WeeklyParameters {
    pub(super) fn flat() -> Self {
        WeeklyParameters { weekend: Factor::new(1.0).expect("one is a factor"), ..Default::default() }
    }

    /// Working days count 7 / (5 + 2w), weekends w times that.
    pub(super) fn factor(&self, calendar: &Calendar, t: SimTime) -> f64 {
        let w = self.weekend.as_f64();
        let working_day = 7.0 / (5.0 + 2.0 * w);
        if calendar.is_weekend(t) { working_day * w } else { working_day }
    }

    /// No factor between two instants is above this: that of the day, or of the busier kind of day.
    pub(super) fn bound(&self, calendar: &Calendar, from: SimTime, to: SimTime) -> f64 {
        if self.next_break(calendar, from) > to {
            return self.factor(calendar, from);
        }
        let w = self.weekend.as_f64();
        7.0 / (5.0 + 2.0 * w) * w.max(1.0)
    }

    /// The first instant after `t` at which the factor jumps.
    pub(super) fn next_break(&self, calendar: &Calendar, t: SimTime) -> SimTime {
        if self.weekend == Factor::ONE {
            return SimTime::MAX;
        }
        let days = if calendar.is_weekend(t) { 7 - calendar.weekday(t) } else { 5 - calendar.weekday(t) };
        SimTime::ZERO + SimDuration::from_days(calendar.day(t) + days)
    }
}
