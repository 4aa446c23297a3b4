//! Cron schedules: five fields (minute, hour, day of month, month, day of week), or a word such as `@hourly`.
//!
//! Reads what the parser of CronJobs reads (robfig/cron v3, ParseStandard): `*` and `?`, numbers, names of months and
//! days, ranges, lists and steps. A day that is restricted both ways matches either way.
//!
//! *Deviation:* no `@every` and no time zones.
//!
//! Start at [`Schedule::parse`] and [`Schedule::next`].

use jiff::civil::{Date, DateTime, Weekday};
use jiff::{SignedDuration, Span};

/// When something is due, by the minute. Each field is a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// Sunday is 0.
    weekdays: u64,
    /// The day of the month, or of the week, says nothing (it begins with `*` or `?`).
    any_day: bool,
    any_weekday: bool,
}

/// What a field may say.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    /// Names of the values from `low`.
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Field; 5] = [
    Field { name: "minute", low: 0, high: 59, names: &[] },
    Field { name: "hour", low: 0, high: 23, names: &[] },
    Field { name: "day of month", low: 1, high: 31, names: &[] },
    Field { name: "month", low: 1, high: 12, names: &MONTHS },
    Field { name: "day of week", low: 0, high: 6, names: &WEEKDAYS },
];

const WORDS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A schedule that is due nowhere in so many years is never due.
const LOOK_AHEAD_YEARS: i64 = 5;

impl Schedule {
    /// # Errors
    /// What is wrong with the text, and what would be right.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let given = text.trim();
        let fields = WORDS.iter().find(|(word, _)| *word == given).map_or(given, |(_, fields)| fields);
        if fields.starts_with('@') {
            let words: Vec<&str> = WORDS.iter().map(|(word, _)| *word).collect();
            return Err(format!("`{given}` is not a schedule; words are {}", words.join(", ")));
        }
        let parts: Vec<&str> = fields.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = parts[..] else {
            let found = parts.len();
            let wanted = "minute, hour, day of month, month, day of week";
            return Err(format!("`{given}` has {found} fields where 5 are expected: {wanted}"));
        };
        let [minute, hour, day, month, weekday] = &FIELDS;
        let ((days, any_day), (weekdays, any_weekday)) = (day.parse(days)?, weekday.parse(weekdays)?);
        Ok(Schedule {
            minutes: minute.parse(minutes)?.0,
            hours: hour.parse(hours)?.0,
            days,
            months: month.parse(months)?.0,
            weekdays,
            any_day,
            any_weekday,
        })
    }

    /// The first time that is due after `after`, both in seconds since 1970 (UTC); `None` if there is none in the next
    /// five years (31 February).
    pub fn next(&self, after: i64) -> Option<i64> {
        let minute = after.div_euclid(60) * 60 + 60;
        let begin = civil(minute)?;
        let end = begin.date().checked_add(Span::new().years(LOOK_AHEAD_YEARS)).ok()?;
        let mut date = begin.date();
        let mut from = (begin.hour(), begin.minute());
        while date <= end {
            if !has(self.months, date.month()) {
                date = date.first_of_month().checked_add(Span::new().months(1)).ok()?;
            } else {
                if self.is_due_on(date)
                    && let Some((hour, minute)) = self.time_from(from)
                {
                    let due = date.at(hour, minute, 0, 0);
                    return Some(due.duration_since(EPOCH).as_secs());
                }
                date = date.tomorrow().ok()?;
            }
            from = (0, 0);
        }
        None
    }

    fn is_due_on(&self, date: Date) -> bool {
        let day = has(self.days, date.day());
        let weekday = has(self.weekdays, date.weekday().since(Weekday::Sunday));
        if self.any_day || self.any_weekday { day && weekday } else { day || weekday }
    }

    /// The first hour and minute from here on.
    fn time_from(&self, (hour, minute): (i8, i8)) -> Option<(i8, i8)> {
        let first = |set: u64, from: i8| (from..60).find(|&n| has(set, n));
        if has(self.hours, hour)
            && let Some(minute) = first(self.minutes, minute)
        {
            return Some((hour, minute));
        }
        Some((first(self.hours, hour + 1)?, first(self.minutes, 0)?))
    }
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

fn civil(seconds: i64) -> Option<DateTime> {
    EPOCH.checked_add(SignedDuration::from_secs(seconds)).ok()
}

fn has(set: u64, value: i8) -> bool {
    set & (1 << value) != 0
}

impl Field {
    /// Its set of bits, and whether it says nothing.
    fn parse(&self, text: &str) -> Result<(u64, bool), String> {
        let (mut bits, mut any) = (0, false);
        for item in text.split(',') {
            let (more, is_any) = self.parse_item(item)?;
            (bits, any) = (bits | more, any | is_any);
        }
        Ok((bits, any))
    }

    /// `*`, `7`, `1-5`, `mon-fri`, each with a step (`*/15`, `10-20/2`, `5/10`: from 5 to the end).
    fn parse_item(&self, item: &str) -> Result<(u64, bool), String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let (low, high) = match range.split_once('-') {
            _ if matches!(range, "*" | "?") => (self.low, self.high),
            Some((low, high)) => (self.value(low)?, self.value(high)?),
            None => (self.value(range)?, if step.is_some() { self.high } else { self.value(range)? }),
        };
        let step = match step.map(str::parse::<u32>) {
            None => 1,
            Some(Ok(step)) if step > 0 => step,
            Some(_) => return Err(format!("{} `{item}`: a step is a number above 0", self.name)),
        };
        if low > high {
            return Err(format!("{} `{item}`: {low} is after {high}", self.name));
        }
        let bits = (low..=high).step_by(step as usize).fold(0, |bits, n| bits | 1 << n);
        Ok((bits, matches!(range, "*" | "?") && step == 1))
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|name| text.eq_ignore_ascii_case(name));
        let value = named.map(|i| i as u32 + self.low).or_else(|| text.parse().ok());
        value.filter(|v| (self.low..=self.high).contains(v)).ok_or_else(|| {
            let names = match (self.names.first(), self.names.last()) {
                (Some(first), Some(last)) => format!(" or {first}-{last}"),
                _ => String::new(),
            };
            format!("{} `{text}`: expected {}-{}{names}", self.name, self.low, self.high)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        let time: DateTime = text.parse().expect("a date and time");
        time.duration_since(EPOCH).as_secs()
    }

    fn check(schedule: &str, after: &str, expected: &str) {
        let schedule = Schedule::parse(schedule).expect("it is right");
        assert_eq!(schedule.next(at(after)), Some(at(expected)), "{schedule:?} after {after}");
    }

    #[test]
    fn the_next_time_is_strictly_later_and_on_a_whole_minute() {
        check("* * * * *", "2026-11-23T22:35:54", "2026-11-23T22:36");
        check("* * * * *", "2026-11-23T22:36", "2026-11-23T22:37");
        check("*/15 * * * *", "2026-11-23T22:46", "2026-11-23T23:00");
        check("0 0 * * *", "2026-12-31T00:00", "2027-01-01T00:00");
        check("@hourly", "2026-11-23T22:00", "2026-11-23T23:00");
    }

    #[test]
    fn lists_ranges_steps_and_names_are_sets() {
        // 7 is past 5; from 10 on every 20: 10, 30, 50.
        check("5,10/20 7-9/2 * * *", "2026-03-01T07:05", "2026-03-01T07:10");
        check("5,10/20 7-9/2 * * *", "2026-03-01T07:50", "2026-03-01T09:05");
        // 23 November 2026 is a Monday.
        check("0 9 * * mon-FRI", "2026-11-27T09:00", "2026-11-30T09:00");
        check("30 4 1 feb ?", "2026-11-23T00:00", "2027-02-01T04:30");
    }

    #[test]
    fn two_restricted_days_match_either_way_and_one_must_match_alone() {
        // The 13th of November 2026 is a Friday, the 20th the next one; the 13th of December is a Sunday.
        check("0 0 13 * fri", "2026-11-13T00:00", "2026-11-20T00:00");
        check("0 0 13 * *", "2026-11-13T00:00", "2026-12-13T00:00");
        // A step takes the star's meaning away: odd days or Sundays, so Sunday the 22nd follows the 21st.
        check("0 0 */2 * sun", "2026-11-21T00:00", "2026-11-22T00:00");
    }

    #[test]
    fn a_leap_day_is_found_and_a_day_that_never_comes_is_not() {
        check("0 0 29 2 *", "2026-01-01T00:00", "2028-02-29T00:00");
        let never = Schedule::parse("0 0 31 2 *").expect("each field is right");
        assert_eq!(never.next(at("2026-01-01T00:00")), None);
    }

    #[test]
    fn errors_say_what_is_wrong() {
        let error = |text: &str| Schedule::parse(text).expect_err("it is wrong");
        assert!(error("* * * *").contains("has 4 fields where 5 are expected"));
        assert_eq!(error("60 * * * *"), "minute `60`: expected 0-59");
        assert_eq!(error("0 0 * foo *"), "month `foo`: expected 1-12 or jan-dec");
        assert_eq!(error("0 0 * * 7"), "day of week `7`: expected 0-6 or sun-sat");
        assert_eq!(error("*/0 * * * *"), "minute `*/0`: a step is a number above 0");
        assert_eq!(error("0 9-7 * * *"), "hour `9-7`: 9 is after 7");
        assert!(error("@often").contains("@hourly"));
    }
}
