//! Dates, days of the year and times of day as people write them. Know no time zone and no simulation time.
//!
//! Start at [`Date`].

use super::unit_value;
use std::fmt;
use std::str::FromStr;

/// A time of day [seconds since midnight], 00:00 to 23:59:59.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay(u32);

impl TimeOfDay {
    /// `None` from 24:00 on.
    pub fn from_seconds(seconds: u32) -> Option<Self> {
        (seconds < 86_400).then_some(TimeOfDay(seconds))
    }

    /// Seconds since midnight.
    pub const fn as_seconds(self) -> u32 {
        self.0
    }
}

unit_value!(TimeOfDay, "a time of day such as `14:30`", TimeOfDay(0));

impl FromStr for TimeOfDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let not_a_time = || "which is not a time between `00:00` and `23:59`".to_owned();
        let mut fields = [0u32; 3];
        let mut count = 0;
        for part in text.split(':') {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            let field = fields.get_mut(count).filter(|_| digits).ok_or_else(not_a_time)?;
            *field = part.parse().map_err(|_| not_a_time())?;
            count += 1;
        }
        let [hours, minutes, seconds] = fields;
        if count < 2 || hours > 23 || minutes > 59 || seconds > 59 {
            return Err(not_a_time());
        }
        Ok(TimeOfDay(hours * 3_600 + minutes * 60 + seconds))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 3_600, self.0 / 60 % 60)?;
        match self.0 % 60 {
            0 => Ok(()),
            seconds => write!(f, ":{seconds:02}"),
        }
    }
}

/// A day of the Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// From a civil date.
    pub const fn new(date: jiff::civil::Date) -> Self {
        Date(date)
    }

    /// The civil date, for calendar arithmetic.
    pub const fn civil(self) -> jiff::civil::Date {
        self.0
    }
}

unit_value!(Date, "a date such as `2026-01-05`", Date(jiff::civil::Date::constant(2026, 1, 5)));

impl FromStr for Date {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let not_a_date = || "which is not a date of the calendar".to_owned();
        // The parser knows more forms than one, such as dates with times.
        if text.len() != 10 {
            return Err(not_a_date());
        }
        text.parse().map(Date).map_err(|_| not_a_date())
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A day of every year. There is no 29 February.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonthDay {
    month: i8,
    day: i8,
}

impl MonthDay {
    /// The date in one year.
    ///
    /// # Panics
    /// If the year is not one from -9999 to 9999.
    pub fn in_year(self, year: i16) -> jiff::civil::Date {
        jiff::civil::date(year, self.month, self.day)
    }
}

unit_value!(MonthDay, "a day of the year such as `11-27`", MonthDay { month: 1, day: 1 });

impl FromStr for MonthDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let not_a_day = || "which is not a day of every year".to_owned();
        // 2001 had no 29 February.
        let date: Date = format!("2001-{text}").parse().map_err(|_| not_a_day())?;
        Ok(MonthDay { month: date.0.month(), day: date.0.day() })
    }
}

impl fmt::Display for MonthDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}-{:02}", self.month, self.day)
    }
}

/// A day on which something happens: once, or every year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventDay {
    /// On this date.
    Once(Date),
    /// On this day of every year.
    Yearly(MonthDay),
}

unit_value!(
    EventDay,
    "a date such as `2026-11-27`, or a day of every year such as `11-27`",
    EventDay::Yearly(MonthDay { month: 1, day: 1 })
);

impl FromStr for EventDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() == 5 { text.parse().map(EventDay::Yearly) } else { text.parse().map(EventDay::Once) }
    }
}

impl fmt::Display for EventDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EventDay::Once(date) => date.fmt(f),
            EventDay::Yearly(day) => day.fmt(f),
        }
    }
}

/// A minute of one date, by the clock of the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// The date.
    pub date: Date,
    /// The time of that day.
    pub time: TimeOfDay,
}

unit_value!(
    Moment,
    "a date and time such as `2026-11-27T20:15`",
    Moment { date: Date(jiff::civil::Date::constant(2026, 1, 5)), time: TimeOfDay(0) }
);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (date, time) = text.split_once(['T', ' ']).ok_or("which is not a date, `T` and a time")?;
        Ok(Moment { date: date.parse()?, time: time.parse()? })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}T{}", self.date, self.time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_end_before_midnight() {
        assert_eq!("14:30".parse(), Ok(TimeOfDay(52_200)));
        assert_eq!("23:59:59".parse(), Ok(TimeOfDay(86_399)));
        for text in ["24:00", "9:30", "14", "14:60", "14:30:00:00", "aa:bb", "+1:30"] {
            assert!(text.parse::<TimeOfDay>().is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!("2026-01-05".parse(), Ok(Date(jiff::civil::date(2026, 1, 5))));
        for text in ["2026-02-29", "05.01.2026", "2026-01-05T00:00:00", "2026"] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }

    #[test]
    fn days_of_every_year_have_no_leap_day() {
        assert_eq!(
            "11-27".parse::<MonthDay>().map(|day| day.in_year(2026)),
            Ok(jiff::civil::date(2026, 11, 27))
        );
        for text in ["02-29", "13-01", "11-31", "1-1", "2026-11-27", ""] {
            assert!(text.parse::<MonthDay>().is_err(), "{text}");
        }
    }

    #[test]
    fn event_days_and_moments_read_back_as_written() {
        for text in ["2026-11-27", "11-27"] {
            assert_eq!(text.parse::<EventDay>().map(|day| day.to_string()).as_deref(), Ok(text));
        }
        for text in ["2026-11-27T20:15", "2024-02-29T00:00:01"] {
            assert_eq!(text.parse::<Moment>().map(|moment| moment.to_string()).as_deref(), Ok(text));
        }
        for text in ["2026-02-29T00:00", "2026-11-27", "2026-11-27T24:00", "20:15"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }
}
