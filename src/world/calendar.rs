//! Dates and hours: which instant of the simulation is a working hour, a weekend, a day of the year.
//!
//! One time zone for everybody, without daylight saving: the team, the users and the report share it.
//! *Deviation:* spread over time zones is modelled by flatter traffic, not here. Start at [`Calendar`].

use crate::engine::{SimDuration, SimTime};
use crate::parameter::MonthDay;
use jiff::civil::{Date, Weekday};

const DAY_US: u64 = 86_400_000_000;

/// Maps simulation time to a civil calendar.
#[derive(Clone, Debug, PartialEq)]
pub struct Calendar {
    start: Date,
    /// Days from Monday of the first day, 0–6.
    first_weekday: u64,
    work_begins: SimDuration,
    work_ends: SimDuration,
    /// Days since the start on which the office is closed, in order.
    holidays: Vec<u64>,
}

impl Calendar {
    /// `start` is the date of time zero; work goes on Monday to Friday between the two times of day.
    ///
    /// # Panics
    /// If work ends before it begins or after midnight.
    pub fn new(start: Date, work_begins: SimDuration, work_ends: SimDuration) -> Calendar {
        assert!(
            work_begins < work_ends && work_ends.as_micros() <= DAY_US,
            "a working day lies within a day"
        );
        let first_weekday = start.weekday().to_monday_zero_offset() as u64;
        Calendar { start, first_weekday, work_begins, work_ends, holidays: Vec::new() }
    }

    /// With an office that is closed on these days of every year. Beyond a hundred years, which no simulation takes,
    /// it is open.
    pub fn with_holidays(self, days: &[MonthDay]) -> Calendar {
        let first = self.start.year();
        let years = first..=first.saturating_add(101).min(9_999);
        let dates = years.flat_map(|year| days.iter().map(move |day| day.in_year(year)));
        let mut holidays: Vec<u64> = dates.filter_map(|date| self.day_of(date).try_into().ok()).collect();
        holidays.sort_unstable();
        Calendar { holidays, ..self }
    }

    /// The date of time zero.
    pub fn start(&self) -> Date {
        self.start
    }

    /// Days from the start to the midnight at which `date` begins; negative before the start.
    pub fn day_of(&self, date: Date) -> i64 {
        i64::from(self.start.until(date).expect("days are the unit of dates").get_days())
    }

    /// Time of day, as a span since midnight.
    pub fn time_of_day(&self, t: SimTime) -> SimDuration {
        SimDuration::from_micros(t.as_micros() % DAY_US)
    }

    /// Days since the start.
    pub fn day(&self, t: SimTime) -> u64 {
        t.as_micros() / DAY_US
    }

    /// 0 is Monday.
    pub fn weekday(&self, t: SimTime) -> u64 {
        (self.first_weekday + self.day(t)) % 7
    }

    pub fn is_weekend(&self, t: SimTime) -> bool {
        self.weekday(t) >= 5
    }

    /// A weekend or a public holiday.
    pub fn is_day_off(&self, t: SimTime) -> bool {
        self.is_weekend(t) || self.holidays.binary_search(&self.day(t)).is_ok()
    }

    /// Number of the week of duty: one ends, and the next begins, on Monday when the office opens.
    pub fn week(&self, t: SimTime) -> u64 {
        let since_monday = self.first_weekday * DAY_US + t.as_micros();
        (since_monday + 7 * DAY_US - self.work_begins.as_micros()) / (7 * DAY_US)
    }

    /// Within office hours.
    pub fn is_working_time(&self, t: SimTime) -> bool {
        let of_day = self.time_of_day(t);
        !self.is_day_off(t) && of_day >= self.work_begins && of_day < self.work_ends
    }

    /// Night for people: 22:00 to 08:00.
    pub fn is_night(&self, t: SimTime) -> bool {
        let hour = self.time_of_day(t).as_micros() / 3_600_000_000;
        !(8..22).contains(&hour)
    }

    /// The earliest working instant at or after `t`.
    pub fn next_working_time(&self, t: SimTime) -> SimTime {
        if self.is_working_time(t) {
            return t;
        }
        let midnight = SimTime::from_micros(t.as_micros() - t.as_micros() % DAY_US);
        let today = midnight + self.work_begins;
        let mut begin = if t <= today { today } else { today + SimDuration::from_days(1) };
        while self.is_day_off(begin) {
            begin += SimDuration::from_days(1);
        }
        begin
    }

    /// The instant at which `work` hours of office time have passed since `t`.
    pub fn after_working_time(&self, t: SimTime, work: SimDuration) -> SimTime {
        // Whole weeks at once, where all are alike: the rest is a handful of days.
        let weeks = work.as_micros() / self.working_week().as_micros();
        if weeks > 100_000 {
            return SimTime::MAX; // two thousand years: never
        }
        let weeks = if self.holidays.is_empty() { weeks } else { 0 };
        let work = work - self.working_week() * weeks;
        let mut at = self.next_working_time(t) + SimDuration::from_days(7) * weeks;
        let day = self.work_ends - self.work_begins;
        let mut left = work;
        loop {
            let done_today = self.time_of_day(at) - self.work_begins;
            let rest_of_day = day - done_today;
            if left <= rest_of_day {
                return at + left;
            }
            left -= rest_of_day;
            at = self.next_working_time(at + rest_of_day);
        }
    }

    /// Office time between two instants.
    pub fn working_time(&self, from: SimTime, to: SimTime) -> SimDuration {
        let (mut at, mut sum) = (from, SimDuration::ZERO);
        while at < to {
            let end = self.next_shift_change(at).min(to);
            if self.is_working_time(at) {
                sum += end.since(at);
            }
            at = end;
        }
        sum
    }

    /// The next time after `t` when office hours begin or end.
    pub fn next_shift_change(&self, t: SimTime) -> SimTime {
        if self.is_working_time(t) {
            return t + (self.work_ends - self.time_of_day(t));
        }
        let begin = self.next_working_time(t);
        if begin > t { begin } else { self.next_working_time(t + SimDuration::from_micros(1)) }
    }

    /// Length of a week's office hours.
    pub fn working_week(&self) -> SimDuration {
        (self.work_ends - self.work_begins) * 5
    }

    /// `2026-01-05T09:30:00`, without a zone.
    pub fn iso(&self, t: SimTime) -> String {
        let of_day = self.time_of_day(t).as_micros() / 1_000_000;
        let date = self
            .start
            .checked_add(jiff::Span::new().days(self.day(t) as i64))
            .expect("the scenario limits the horizon to dates that exist");
        format!("{date}T{:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60)
    }

    /// Three letters, for traces.
    pub fn weekday_name(&self, t: SimTime) -> &'static str {
        match Weekday::from_monday_zero_offset(self.weekday(t) as i8).expect("0 to 6") {
            Weekday::Monday => "Mon",
            Weekday::Tuesday => "Tue",
            Weekday::Wednesday => "Wed",
            Weekday::Thursday => "Thu",
            Weekday::Friday => "Fri",
            Weekday::Saturday => "Sat",
            Weekday::Sunday => "Sun",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar() -> Calendar {
        // 2026-01-05 is a Monday.
        let start = jiff::civil::date(2026, 1, 5);
        Calendar::new(start, SimDuration::from_hours(9), SimDuration::from_hours(17))
    }

    fn at(day: u64, hour: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_days(day) + SimDuration::from_hours(hour)
    }

    #[test]
    fn work_pauses_at_night_and_over_the_weekend() {
        let c = calendar();
        // Friday (day 4) 15:00 + 5 h of work: 2 h on Friday, 3 h from Monday 9:00.
        assert_eq!(c.after_working_time(at(4, 15), SimDuration::from_hours(5)), at(7, 12));
        // Asked on Saturday: begins on Monday.
        assert_eq!(c.next_working_time(at(5, 12)), at(7, 9));
        // A whole day ends the same day, not at the start of the next.
        assert_eq!(c.after_working_time(at(0, 9), SimDuration::from_hours(8)), at(0, 17));
    }

    #[test]
    fn office_time_between_two_instants_leaves_out_nights_and_weekends() {
        // Friday 15:00 to Monday 10:00: two hours and one.
        assert_eq!(calendar().working_time(at(4, 15), at(7, 10)), SimDuration::from_hours(3));
    }

    #[test]
    fn shifts_change_twice_a_working_day() {
        let c = calendar();
        assert_eq!(c.next_shift_change(at(0, 0)), at(0, 9));
        assert_eq!(c.next_shift_change(at(0, 9)), at(0, 17));
        assert_eq!(c.next_shift_change(at(4, 17)), at(7, 9));
    }

    #[test]
    fn the_office_is_closed_on_public_holidays() {
        let c = calendar().with_holidays(&["01-06".parse().expect("a day")]);
        // Monday 15:00 + 5 h of work: 2 h on Monday, none on Tuesday the 6th, 3 h from Wednesday 9:00.
        assert_eq!(c.after_working_time(at(0, 15), SimDuration::from_hours(5)), at(2, 12));
        assert_eq!(c.working_time(at(0, 15), at(2, 12)), SimDuration::from_hours(5));
        // 40 hours are five days, and the week has four: a week and a day.
        assert_eq!(c.after_working_time(at(0, 9), SimDuration::from_hours(40)), at(7, 17));
        // 365 days later it is 2027-01-06.
        assert!(!c.is_working_time(at(366, 10)) && c.is_working_time(at(365, 10)));
    }

    #[test]
    fn weeks_of_duty_change_on_monday_when_the_office_opens() {
        let c = calendar();
        assert_eq!([at(0, 8), at(0, 9), at(7, 8), at(7, 9)].map(|t| c.week(t)), [0, 1, 1, 2]);
    }

    #[test]
    fn dates_and_nights() {
        let c = calendar();
        assert_eq!(c.iso(at(30, 6)), "2026-02-04T06:00:00");
        assert!(c.is_night(at(0, 23)) && c.is_night(at(0, 7)) && !c.is_night(at(0, 8)));
        assert_eq!(c.weekday_name(at(6, 1)), "Sun");
        // 26 days of January, 28 of February.
        assert_eq!(c.day_of(jiff::civil::date(2026, 3, 1)), 55);
        assert_eq!(c.day_of(jiff::civil::date(2025, 12, 31)), -5);
    }
}
