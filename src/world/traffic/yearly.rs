//! The season: a cosine around one day of the year.

use crate::engine::SimTime;
use crate::parameter::{Factor, MonthDay, section};
use crate::world::calendar::Calendar;
use std::f64::consts::TAU;

/// Mean length of a year [days].
const YEAR_D: f64 = 365.2425;

section! {
    /// Season of traffic: 1 + amplitude · cos(2π (t − peak) / 1 year).
    pub struct YearlyParameters {
        /// Height of the yearly wave: 0 is none; 0.15 makes the best week 1.15 and the worst 0.85 times the mean.
        amplitude: Factor = "0" in |a| a.as_f64() <= 1.0 => "from 0 to 1", grade Choice;
        /// Day of the highest season.
        peak: MonthDay = "12-10", from "shops before Christmas; no source found", grade Estimate;
    }
}

impl YearlyParameters {
    pub(super) fn factor(&self, calendar: &Calendar, t: SimTime) -> f64 {
        if self.amplitude.as_f64() == 0.0 {
            return 1.0;
        }
        let peak_d = calendar.day_of(self.peak.in_year(calendar.start().year())) as f64 + 0.5;
        1.0 + self.amplitude.as_f64() * (TAU * (t.as_secs_f64() / 86_400.0 - peak_d) / YEAR_D).cos()
    }

    /// No factor between two instants is above this: the middle and the steepest slope.
    pub(super) fn bound(&self, calendar: &Calendar, from: SimTime, to: SimTime) -> f64 {
        let half = to.since(from) / 2;
        let slope = self.amplitude.as_f64() * TAU / (YEAR_D * 86_400.0);
        (self.factor(calendar, from + half) + slope * half.as_secs_f64()).min(1.0 + self.amplitude.as_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SimDuration;

    #[test]
    fn the_season_is_highest_on_its_day_in_every_year() {
        let (nine, five) = (SimDuration::from_hours(9), SimDuration::from_hours(17));
        let calendar = Calendar::new(jiff::civil::date(2026, 9, 1), nine, five);
        let season =
            YearlyParameters { amplitude: Factor::new(0.15).expect("a factor"), ..Default::default() };
        let noon = |year, month, day| {
            let days = calendar.day_of(jiff::civil::date(year, month, day));
            season.factor(&calendar, SimTime::ZERO + SimDuration::from_hours(24 * days as u64 + 12))
        };
        assert_eq!(noon(2026, 12, 10), 1.15);
        // Ten years later 0.575 of a leap day are off: cos(2π · 0.6/365) is 1 − 5·10⁻⁵.
        assert!(noon(2036, 12, 10) > 1.15 - 1e-4);
        // Half a year later it is lowest.
        assert!((noon(2027, 6, 10) - 0.85).abs() < 1e-4);
    }
}
