//! Two platforms in one row: how far apart, and whether that may be claimed.
//!
//! The rule for a claim: the 95 % interval leaves out "the same" *and* the Holm-corrected p-value is below 5 %. Does
//! not know which metric it speaks of or who is better. Start at [`Against`].

use super::number::{DASH, grouped};
use super::words::{round, significant_of};
use crate::results::rows::{DifferenceRow, ResultSet};

/// Chance of a false claim that is accepted over all that the verdict says.
pub const SIGNIFICANCE: f64 = 0.05;

/// Decimals at most.
const FINEST: usize = 5;

/// A number with the ends of its interval.
#[derive(Clone, Copy, Default)]
pub struct Range {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

impl Range {
    pub fn map(self, f: impl Fn(f64) -> f64) -> Range {
        Range { value: self.value.map(&f), low: self.low.map(&f), high: self.high.map(&f) }
    }

    /// After a map that falls.
    pub fn flipped(self) -> Range {
        Range { low: self.high, high: self.low, ..self }
    }

    /// The value, and its interval as `95 % CI 35–41 %`; a minus sign would run into the dash, so then it is
    /// `-1 to 4 %`. All three numbers are rounded alike: the value is never outside what is shown beside it, and
    /// what differs from `neutral` ("the same") is not rounded to it.
    pub fn write(self, neutral: f64, unit: &str) -> (String, String) {
        let Range { value: Some(value), low: Some(low), high: Some(high) } = self else {
            return (self.value.map(round).unwrap_or_default(), "no interval".to_owned());
        };
        // A lopsided interval is as fine as its shorter side.
        let half = (value - low).min(high - value);
        let enough = match half {
            _ if half <= 0.0 => significant_of(value.abs()),
            _ if half >= 0.5 && high >= 10.0 => 0,
            _ => (-half.log10().floor()).clamp(0.0, FINEST as f64) as usize,
        };
        let reads_as_neutral =
            |x: f64, decimals| x != neutral && grouped(x, decimals) == grouped(neutral, decimals);
        let decimals = (enough..FINEST)
            .find(|&decimals| ![value, low, high].iter().any(|&x| reads_as_neutral(x, decimals)))
            .unwrap_or(FINEST);
        let (from, to) = (grouped(low, decimals), grouped(high, decimals));
        let joint = if from.starts_with('-') { " to ".to_owned() } else { DASH.to_owned() };
        (grouped(value, decimals), format!("95 % CI {from}{joint}{to}{unit}"))
    }

    /// Whether both ends are known and lie on one side of `neutral`.
    fn leaves_out(self, neutral: f64) -> bool {
        matches!((self.low, self.high), (Some(low), Some(high)) if low > neutral || high < neutral)
    }
}

/// The best platform against another one: best / other and best − other.
#[derive(Clone, Copy, Default)]
pub struct Against {
    pub ratio: Range,
    pub difference: Range,
    p_adjusted: Option<f64>,
}

impl Against {
    /// From the row of the two platforms, whichever comes first in it; empty if there is none.
    pub fn find(results: &ResultSet, (metric, statistic): (&str, &str), best: &str, other: &str) -> Against {
        let mut rows =
            results.differences.iter().filter(|row| row.service.is_empty() && row.is_of(metric, statistic));
        let is_pair = |row: &&DifferenceRow| {
            let pair = (row.platform_a.as_str(), row.platform_b.as_str());
            pair == (best, other) || pair == (other, best)
        };
        let Some(row) = rows.find(is_pair) else {
            return Against::default();
        };
        let forward = Against::from_row(row);
        if row.platform_b == best {
            return forward;
        }
        let Against { ratio, difference, p_adjusted } = forward;
        Against {
            ratio: ratio.map(|x| 1.0 / x).flipped(),
            difference: difference.map(|x| -x).flipped(),
            p_adjusted,
        }
    }

    fn from_row(row: &DifferenceRow) -> Against {
        Against {
            ratio: Range { value: row.ratio, low: row.ratio_low, high: row.ratio_high },
            difference: Range { value: row.difference, low: row.difference_low, high: row.difference_high },
            p_adjusted: row.p_adjusted,
        }
    }

    /// Whether the interval of this one comparison leaves out "the same".
    pub fn leaves_out_equality(&self) -> bool {
        if self.ratio.value.is_some() { self.ratio.leaves_out(1.0) } else { self.difference.leaves_out(0.0) }
    }

    /// The rule for a claim: see the head of this file.
    pub fn is_significant(&self) -> bool {
        self.leaves_out_equality() && self.p_adjusted.is_some_and(|p| p < SIGNIFICANCE)
    }
}

/// Whether the two platforms differ beyond chance in that row: the rule of the verdict, for whoever marks cells.
pub fn is_significant(row: &DifferenceRow) -> bool {
    Against::from_row(row).is_significant()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: f64, (low, high): (f64, f64), neutral: f64, expected: &str) {
        let range = Range { value: Some(value), low: Some(low), high: Some(high) };
        let (value, interval) = range.write(neutral, "");
        assert_eq!(format!("{value} {interval}"), expected);
    }

    #[test]
    fn a_value_and_its_interval_are_rounded_alike() {
        check(15.4, (15.1, 15.6), 0.0, "15.4 95 % CI 15.1–15.6");
        check(4.1, (2.0, 37.0), 1.0, "4 95 % CI 2–37");
        check(38.0, (36.8, 39.2), 0.0, "38 95 % CI 37–39");
        check(0.002, (-0.0037, 0.0077), 0.0, "0.002 95 % CI -0.004 to 0.008");
    }

    #[test]
    fn what_differs_from_the_same_does_not_read_as_the_same() {
        // To whole numbers the lower end would be 1: "as fast".
        check(4.1, (1.3, 37.0), 1.0, "4.1 95 % CI 1.3–37.0");
        check(0.3, (-3.0, 3.3), 0.0, "0.3 95 % CI -3.0 to 3.3");
    }
}
