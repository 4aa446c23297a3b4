//! Event days: known long before, as sales and holidays are.
//!
//! What nobody knows before is a flash crowd. Start at [`EventParameters`].

use super::pulse::{Fall, Pulse, Pulses};
use crate::engine::SimDuration;
use crate::parameter::{EventDay, Factor, TimeOfDay, section};
use crate::world::calendar::Calendar;

/// Yearly events are laid out for so many years, which is longer than any run.
const YEARS: i16 = 115;

const DAY_US: i64 = 86_400_000_000;

section! {
    /// Days with other traffic than usual, by the users' clock. The team knows them and sizes for them.
    pub struct EventParameters {
        /// The days: dates, or days of every year. Days so close that their ramps meet are one event.
        on: Vec<EventDay>, required in |days| !days.is_empty() => "at least one day";
        /// Traffic relative to the usual; below 1 for holidays.
        factor: Factor = "3" in |f| f.as_f64() <= 1_000.0 => "at most 1000", from "Black Friday: 1.8 times a usual week (12,000 sites, Platform.sh 2022), 3.4 times a mean day (VStream 2024)", grade Derived;
        /// Time of day from which the whole factor counts.
        begins: TimeOfDay = "00:00", grade Choice;
        /// For how long the whole factor counts.
        lasts: SimDuration = "1d" in |d| !d.is_zero() && *d <= SimDuration::from_days(60) => "more than zero and at most 60d", grade Choice;
        /// Traffic rises for so long before and falls for so long after, in a straight line.
        ramp: SimDuration = "2h" in |d| *d <= SimDuration::from_days(7) => "at most 7d", from "no source found", grade Estimate;
    }
}

impl EventParameters {
    /// All its days from the year before the calendar's start.
    pub(super) fn pulses(&self, calendar: &Calendar) -> Pulses {
        let (lasts_us, ramp_us) = (self.lasts.as_micros() as i64, self.ramp.as_micros() as i64);
        let begins_us = i64::from(self.begins.as_seconds()) * 1_000_000;
        let first = calendar.start().year() - 1;
        let mut begins: Vec<i64> = Vec::new();
        for day in &self.on {
            let dates = match day {
                EventDay::Once(date) => vec![date.civil()],
                EventDay::Yearly(day) => {
                    (first..first.saturating_add(YEARS).min(9_998)).map(|year| day.in_year(year)).collect()
                }
            };
            begins.extend(dates.into_iter().map(|date| calendar.day_of(date) * DAY_US + begins_us));
        }
        begins.sort_unstable();
        let mut whole: Vec<(i64, i64)> = Vec::new();
        for begin in begins {
            match whole.last_mut() {
                Some((_, end)) if begin - *end <= 2 * ramp_us => *end = (*end).max(begin + lasts_us),
                _ => whole.push((begin, begin + lasts_us)),
            }
        }
        let pulse = |(begin, end): (i64, i64)| Pulse {
            begin_us: begin - ramp_us,
            rise: self.ramp,
            plateau: SimDuration::from_micros((end - begin) as u64),
            fall: Fall::Linear(self.ramp),
            height: self.factor.as_f64() - 1.0,
        };
        // What is over before the start would cost a search.
        let coming = whole.into_iter().filter(|&(_, end)| end + ramp_us > 0);
        Pulses::new(coming.map(pulse).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SimTime;

    fn event(on: &[&str], begins: &str, lasts_h: u64) -> EventParameters {
        EventParameters {
            on: on.iter().map(|day| day.parse().expect("a day")).collect(),
            factor: Factor::new(3.0).expect("a factor"),
            begins: begins.parse().expect("a time"),
            lasts: SimDuration::from_hours(lasts_h),
            ramp: SimDuration::from_hours(2),
            place: Default::default(),
        }
    }

    /// The factor at hours since 2026-11-23, a Monday.
    fn check(event: &EventParameters, expected: &[(u64, f64)]) {
        let (nine, five) = (SimDuration::from_hours(9), SimDuration::from_hours(17));
        let pulses = event.pulses(&Calendar::new(jiff::civil::date(2026, 11, 23), nine, five));
        for &(hour, factor) in expected {
            assert_eq!(pulses.factor(SimTime::ZERO + SimDuration::from_hours(hour)), factor, "hour {hour}");
        }
    }

    #[test]
    fn an_event_has_its_whole_factor_from_its_hour_on_and_ramps_around_it() {
        // Friday is day 4: 06:00 is hour 102. Whole for 18 h, until hour 120; ramps of 2 h.
        let friday = event(&["2026-11-27"], "06:00", 18);
        check(&friday, &[(99, 1.0), (101, 2.0), (102, 3.0), (119, 3.0), (121, 2.0), (122, 1.0)]);
    }

    #[test]
    fn days_in_a_row_are_one_event_without_a_dent_between() {
        // Friday and Saturday, hours 96 to 144.
        let days = event(&["2026-11-28", "2026-11-27"], "00:00", 24);
        check(&days, &[(95, 2.0), (96, 3.0), (120, 3.0), (121, 3.0), (143, 3.0), (145, 2.0)]);
    }

    #[test]
    fn a_day_of_every_year_comes_back() {
        // 365 days later, at hour 8760.
        let yearly = event(&["11-27"], "00:00", 24);
        check(&yearly, &[(108, 3.0), (132, 1.0), (8_760 + 108, 3.0), (3 * 8_760 + 24 + 108, 3.0)]);
    }

    #[test]
    fn an_event_under_way_at_the_start_goes_on() {
        // Sunday the 22nd ended at hour 0: an hour later half of the ramp is done.
        check(&event(&["2026-11-22"], "00:00", 24), &[(0, 3.0), (1, 2.0), (2, 1.0)]);
    }
}
