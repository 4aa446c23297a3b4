//! Numbers per time and numbers of nothing: rates, fractions, factors. Know nothing of what happens or is shared.
//!
//! Start at [`Rate`].

use super::duration::{MONTH_US, time_unit};
use super::number::{Number, unknown_unit};
use super::unit_value;
use std::fmt;
use std::str::FromStr;

/// How often something happens [1/s]. A year has 365 days, a month 730 hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Rate(f64);

impl Rate {
    /// Never.
    pub const ZERO: Rate = Rate(0.0);

    /// From events per second.
    ///
    /// # Panics
    /// If that is negative or not finite.
    pub fn from_per_second(per_second: f64) -> Self {
        assert!(
            per_second >= 0.0 && per_second.is_finite(),
            "a rate is finite and not negative, not {per_second}"
        );
        Rate(per_second + 0.0)
    }

    /// Events per second.
    pub fn per_second(self) -> f64 {
        self.0
    }

    /// Events per hour.
    pub fn per_hour(self) -> f64 {
        self.0 * 3_600.0
    }

    /// Events per year of 365 days.
    pub fn per_year(self) -> f64 {
        self.0 * 31_536_000.0
    }
}

unit_value!(Rate, "a rate such as `20/s`, `5/h` or `3/week`", Rate::ZERO);

/// Seconds of the unit behind the `/`.
pub(super) fn rate_unit_s(name: &str) -> Option<f64> {
    let us = if matches!(name, "month" | "months") { Some(MONTH_US) } else { time_unit(name) };
    us.map(|us| us as f64 / 1e6)
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, rest) = Number::split(text)?;
        let Some(unit) = rest.strip_prefix('/') else { return Err(unknown_unit(rest)) };
        let seconds = rate_unit_s(unit.trim()).ok_or_else(|| unknown_unit(rest))?;
        let per_second = number.to_f64()? / seconds;
        if per_second.is_finite() { Ok(Rate(per_second)) } else { Err("which is too large".to_owned()) }
    }
}

/// In the unit that takes the fewest characters.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut best = format!("{}/s", self.0);
        for unit in ["min", "h", "day", "week", "month", "y"] {
            let seconds = rate_unit_s(unit).expect("the unit is known");
            let number = to_twelve_digits(self.0 * seconds);
            let text = format!("{number}/{unit}");
            if number / seconds == self.0 && text.len() < best.len() {
                best = text;
            }
        }
        f.pad(&best)
    }
}

/// A part of a whole, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Fraction(f64);

impl Fraction {
    /// Nothing of the whole.
    pub const ZERO: Fraction = Fraction(0.0);
    /// All of it.
    pub const ONE: Fraction = Fraction(1.0);

    /// `None` outside 0 to 1.
    pub fn new(fraction: f64) -> Option<Self> {
        (0.0..=1.0).contains(&fraction).then_some(Fraction(fraction + 0.0))
    }

    /// 0 to 1.
    pub fn as_f64(self) -> f64 {
        self.0
    }

    /// 0 to 100.
    pub fn as_percent(self) -> f64 {
        self.0 * 100.0
    }
}

unit_value!(Fraction, "a fraction such as `35%` or `0.35`", Fraction::ZERO);

impl FromStr for Fraction {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let value = plain_or_percent(text)?;
        Fraction::new(value).ok_or_else(|| "which is more than the whole".to_owned())
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = format!("{}%", to_twelve_digits(self.0 * 100.0));
        if percent.parse() == Ok(*self) { f.pad(&percent) } else { f.pad(&self.0.to_string()) }
    }
}

/// What something is multiplied by; finite and at least 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Factor(f64);

impl Factor {
    /// Changes nothing.
    pub const ONE: Factor = Factor(1.0);

    /// `None` if negative or not finite.
    pub fn new(factor: f64) -> Option<Self> {
        (factor >= 0.0 && factor.is_finite()).then_some(Factor(factor + 0.0))
    }

    /// The factor.
    pub fn as_f64(self) -> f64 {
        self.0
    }
}

unit_value!(Factor, "a factor such as `1.5` or `150%`", Factor::ONE);

impl FromStr for Factor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        plain_or_percent(text).map(Factor)
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

/// Without what a conversion has left over in the last digits.
fn to_twelve_digits(number: f64) -> f64 {
    format!("{number:.11e}").parse().expect("a printed float is a number")
}

/// `0.35` or `35%`; finite and not negative.
pub(in crate::parameter) fn plain_or_percent(text: &str) -> Result<f64, String> {
    let (number, unit) = Number::split(text)?;
    match unit {
        "" => number.to_f64(),
        "%" => number.percent_to_f64(),
        _ => Err(unknown_unit(unit)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected_per_year: f64) {
        let rate: Rate = text.parse().expect("a rate");
        assert!(
            (rate.per_year() / expected_per_year - 1.0).abs() < 1e-12,
            "{text}: {} a year",
            rate.per_year()
        );
    }

    #[test]
    fn rates_know_months_of_730_hours_and_years_of_365_days() {
        check("20/s", 20.0 * 31_536_000.0);
        check("1200/min", 20.0 * 31_536_000.0);
        check("1200/m", 20.0 * 31_536_000.0);
        check("5 / h", 5.0 * 8_760.0);
        check("2/d", 730.0);
        // 8,760 h a year are 12 months of 730 h.
        check("1/month", 12.0);
        check("0.05/year", 0.05);
        assert_eq!("0/s".parse(), Ok(Rate::ZERO));
        for (text, why) in [
            ("20", "which has no unit"),
            ("20/fortnight", "whose unit `/fortnight` is unknown"),
            ("20 per s", "whose unit `per s` is unknown"),
            ("-1/s", "which is negative"),
        ] {
            assert_eq!(text.parse::<Rate>(), Err(why.to_owned()), "{text}");
        }
    }

    #[test]
    fn rates_print_in_the_shortest_unit() {
        for text in ["20/s", "1/y", "3/week", "5/h", "0/s", "0.05/y"] {
            assert_eq!(text.parse::<Rate>().map(|rate| rate.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn percentages_are_exact_decimals() {
        assert_eq!("99.95%".parse().map(Fraction::as_f64), Ok(0.9995));
        assert_eq!("35%".parse::<Fraction>(), "0.35".parse());
        assert_eq!("35%".parse::<Fraction>().map(|f| f.to_string()).as_deref(), Ok("35%"));
        assert_eq!("99.95%".parse::<Fraction>().map(|f| f.to_string()).as_deref(), Ok("99.95%"));
        assert_eq!("101%".parse::<Fraction>(), Err("which is more than the whole".to_owned()));
        assert_eq!("150%".parse().map(Factor::as_f64), Ok(1.5));
        assert_eq!("inf".parse::<Factor>(), Err("which does not begin with a number".to_owned()));
    }
}
