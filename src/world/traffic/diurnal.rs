//! The daily rhythm: a cosine around the time of the peak.

use crate::engine::SimTime;
use crate::parameter::{Factor, TimeOfDay, section};
use crate::world::calendar::Calendar;
use std::f64::consts::TAU;

section! {
    /// Daily rhythm of traffic: 1 + amplitude · cos(2π (t − peak) / 24 h).
    pub struct DiurnalParameters {
        /// Height of the daily wave: 0 is flat; 0.6 makes the peak 1.6 and the trough 0.4 times the mean.
        amplitude: Factor = "0.6" in |a| a.as_f64() <= 1.0 => "from 0 to 1",
            from "peak to mean of 1.6 and a day's max to min of 3-4 (Robust Perception, peak-to-mean ratio)", grade Derived;
        /// Time of day of the peak.
        peak: TimeOfDay = "20:00", grade Choice;
    }
}

impl DiurnalParameters {
    pub(super) fn flat() -> Self {
        DiurnalParameters { amplitude: Factor::new(0.0).expect("zero is a factor"), ..Default::default() }
    }

    pub(super) fn factor(&self, calendar: &Calendar, t: SimTime) -> f64 {
        let hours = calendar.time_of_day(t).as_hours_f64() - f64::from(self.peak.as_seconds()) / 3_600.0;
        1.0 + self.amplitude.as_f64() * (TAU * hours / 24.0).cos()
    }

    /// No factor between two instants is above this: the middle and the steepest slope.
    pub(super) fn bound(&self, calendar: &Calendar, from: SimTime, to: SimTime) -> f64 {
        let half = to.since(from) / 2;
        let slope = self.amplitude.as_f64() * TAU / 86_400.0;
        (self.factor(calendar, from + half) + slope * half.as_secs_f64()).min(1.0 + self.amplitude.as_f64())
    }
}
