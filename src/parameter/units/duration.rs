//! How durations are written: `90s`, `1h30m`, `1.5h`, `2w`. Knows what a year is, not what time it is.
//!
//! Start at [`TIME_UNITS`].

use super::number::{Number, Rounding, unknown_unit};
use super::unit_value;
use crate::engine::SimDuration;
use std::str::FromStr;

/// Names of a unit, the unit itself [µs].
pub(super) const TIME_UNITS: [(&[&str], u64); 8] = [
    (&["us", "µs", "μs"], 1),
    (&["ms"], 1_000),
    (&["s", "sec", "second", "seconds"], 1_000_000),
    (&["m", "min", "minute", "minutes"], 60_000_000),
    (&["h", "hour", "hours"], 3_600_000_000),
    (&["d", "day", "days"], 86_400_000_000),
    (&["w", "week", "weeks"], 604_800_000_000),
    (&["y", "year", "years"], YEAR_US),
];

/// A year of 365 days [µs].
pub(super) const YEAR_US: u64 = 31_536_000_000_000;

/// A month of 730 hours [µs], as cloud prices count it.
pub(super) const MONTH_US: u64 = 730 * 3_600_000_000;

/// The unit of that name [µs].
pub(super) fn time_unit(name: &str) -> Option<u64> {
    TIME_UNITS.iter().find(|(names, _)| names.contains(&name)).map(|&(_, us)| us)
}

unit_value!(SimDuration, "a duration such as `90s`, `1h30m` or `2d`", SimDuration::ZERO);

/// Numbers with units, larger units first; the error continues "found `x`, …".
impl FromStr for SimDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rest = text.trim();
        let mut total = 0u64;
        let mut last_unit = u64::MAX;
        loop {
            let (number, after) = Number::split(rest)?;
            let end = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            let unit = time_unit(name).ok_or_else(|| unknown_unit(name))?;
            if unit >= last_unit {
                return Err("whose units do not go from large to small".to_owned());
            }
            last_unit = unit;
            total = total.saturating_add(number.scaled(unit, 1, Rounding::Nearest)?);
            rest = after.trim_start();
            if rest.is_empty() {
                break;
            }
        }
        if total > 1_000 * YEAR_US {
            return Err("which is more than 1000 years".to_owned());
        }
        Ok(SimDuration::from_micros(total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<u64, &str>) {
        let duration = text.parse::<SimDuration>().map(SimDuration::as_micros);
        assert_eq!(duration, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn durations_are_numbers_with_units() {
        check("90s", Ok(90_000_000));
        check("1h30m", Ok(5_400_000_000));
        check("1h 30min", Ok(5_400_000_000));
        check("1.5h", Ok(5_400_000_000));
        check("250ms", Ok(250_000));
        check("4w", Ok(28 * 86_400_000_000));
        check("1y", Ok(365 * 86_400_000_000));
        check("1000y", Ok(1_000 * YEAR_US));
        check("0.1us", Ok(0));
        check("90", Err("which has no unit"));
        check("90 parsecs", Err("whose unit `parsecs` is unknown"));
        check("-5s", Err("which is negative"));
        check("soon", Err("which does not begin with a number"));
        check("30m1h", Err("whose units do not go from large to small"));
        check("1001y", Err("which is more than 1000 years"));
        check("99999999999999999999d", Err("which is too large"));
        check("5s!", Err("which does not begin with a number"));
    }
}
