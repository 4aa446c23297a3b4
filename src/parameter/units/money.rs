//! Dollars as integers, so that bills add up. Knows no price and no other currency.
//!
//! Start at [`MicroUsd`].

use super::duration::{MONTH_US, time_unit};
use super::number::{Number, Rounding, unknown_unit};
use super::unit_value;
use crate::engine::SimDuration;
use std::fmt;
use std::str::FromStr;

/// Money [millionths of a US dollar].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MicroUsd(u64);

impl MicroUsd {
    /// From millionths of a dollar.
    pub const fn from_micro_usd(micro_usd: u64) -> Self {
        MicroUsd(micro_usd)
    }

    /// Millionths of a dollar.
    pub const fn as_micro_usd(self) -> u64 {
        self.0
    }

    /// Dollars.
    pub fn as_usd_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

unit_value!(MicroUsd, "dollars such as `$62` or `0.10 USD`", MicroUsd(0));

impl FromStr for MicroUsd {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        dollars(text)?.scaled(1_000_000, 1, Rounding::Nearest).map(MicroUsd)
    }
}

impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("${}", usd_digits(self.0)))
    }
}

/// A price for time [millionths of a US dollar per hour].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsdPerHour(u64);

impl UsdPerHour {
    /// From millionths of a dollar per hour.
    pub const fn from_micro_usd_per_hour(micro_usd: u64) -> Self {
        UsdPerHour(micro_usd)
    }

    /// Millionths of a dollar per hour.
    pub const fn as_micro_usd_per_hour(self) -> u64 {
        self.0
    }

    /// Dollars per hour.
    pub fn as_usd_per_hour_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The price of a time, rounded down to a millionth of a dollar.
    pub fn cost_of(self, time: SimDuration) -> MicroUsd {
        let micro_usd = u128::from(self.0) * u128::from(time.as_micros()) / 3_600_000_000;
        MicroUsd(u64::try_from(micro_usd).unwrap_or(u64::MAX))
    }
}

unit_value!(UsdPerHour, "dollars per time such as `$62/h` or `0.0225 USD/h`", UsdPerHour(0));

/// Other times than hours are converted, with 730 hours in a month.
impl FromStr for UsdPerHour {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((money, unit)) = text.split_once('/') else {
            dollars(text)?;
            return Err("which does not say per what time".to_owned());
        };
        let unit = unit.trim();
        let us = if unit == "month" { Some(MONTH_US) } else { time_unit(unit) };
        let us = us.ok_or_else(|| unknown_unit(unit))?;
        // Multiplied by an hour and divided by the unit, both in ms: no time unit below that has a price.
        let (hour_ms, unit_ms) = (3_600_000, us / 1_000);
        if unit_ms == 0 {
            return Err(unknown_unit(unit));
        }
        dollars(money.trim())?.scaled(1_000_000 * hour_ms, unit_ms, Rounding::Nearest).map(UsdPerHour)
    }
}

impl fmt::Display for UsdPerHour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("${}/h", usd_digits(self.0)))
    }
}

/// The number in `$62` or `62 USD`.
fn dollars(text: &str) -> Result<Number<'_>, String> {
    let (number, rest) = match text.strip_prefix('$') {
        Some(rest) => Number::split(rest.trim_start())?,
        None => {
            let (number, rest) = Number::split(text)?;
            match rest.strip_prefix("USD") {
                Some(rest) => (number, rest),
                None if rest.is_empty() => return Err("which has no currency".to_owned()),
                None => return Err(unknown_unit(rest)),
            }
        }
    };
    if rest.is_empty() { Ok(number) } else { Err(unknown_unit(rest)) }
}

/// Dollars with no decimals, or at least two.
fn usd_digits(micro_usd: u64) -> String {
    let (whole, micro) = (micro_usd / 1_000_000, micro_usd % 1_000_000);
    if micro == 0 {
        return whole.to_string();
    }
    let digits = format!("{micro:06}");
    let kept = digits.trim_end_matches('0').len().max(2);
    format!("{whole}.{}", &digits[..kept])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<u64, &str>) {
        let money = text.parse::<MicroUsd>().map(MicroUsd::as_micro_usd);
        assert_eq!(money, expected.map_err(str::to_owned), "{text}");
    }

    fn check_price(text: &str, expected: Result<u64, &str>) {
        let price = text.parse::<UsdPerHour>().map(UsdPerHour::as_micro_usd_per_hour);
        assert_eq!(price, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn money_needs_a_currency() {
        check("$62", Ok(62_000_000));
        check("62 USD", Ok(62_000_000));
        check("0.10 USD", Ok(100_000));
        check("$0.0000004", Ok(0));
        check("62", Err("which has no currency"));
        check("62 EUR", Err("whose unit `EUR` is unknown"));
        check("$-1", Err("which is negative"));
        assert_eq!(MicroUsd(100_000).to_string(), "$0.10");
        assert_eq!(MicroUsd(62_000_000).to_string(), "$62");
    }

    #[test]
    fn prices_are_per_hour_whatever_they_are_written_per() {
        check_price("$62/h", Ok(62_000_000));
        check_price("0.0225 USD/h", Ok(22_500));
        check_price("$73/month", Ok(100_000));
        check_price("$0.01/s", Ok(36_000_000));
        check_price("$62", Err("which does not say per what time"));
        check_price("62/h", Err("which has no currency"));
        check_price("$1/us", Err("whose unit `us` is unknown"));
    }

    #[test]
    fn a_price_times_a_time_is_money() {
        let price: UsdPerHour = "$0.10/h".parse().expect("a price");
        // 90 min at $0.10 an hour are $0.15.
        assert_eq!(price.cost_of(SimDuration::from_mins(90)), MicroUsd(150_000));
    }
}
