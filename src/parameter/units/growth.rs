//! How fast memory grows, written as `5MiB/h`. Knows nothing of what grows.
//!
//! Start at [`ByteRate`].

use super::number::{Number, unknown_unit};
use super::rates::rate_unit_s;
use super::resources::byte_unit;
use std::fmt;
use std::str::FromStr;

/// Memory per time [bytes/s].
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct ByteRate(f64);

impl ByteRate {
    pub const ZERO: ByteRate = ByteRate(0.0);

    /// From bytes per second, not negative and finite.
    pub(in crate::parameter) fn from_per_second(bytes: f64) -> Self {
        ByteRate(bytes)
    }

    /// Bytes per second.
    pub fn per_second(self) -> f64 {
        self.0
    }
}

impl FromStr for ByteRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = Number::split(text)?;
        let Some((bytes, time)) = unit.split_once('/') else { return Err(unknown_unit(unit)) };
        let bytes = byte_unit(bytes.trim()).ok_or_else(|| unknown_unit(unit))?;
        let seconds = rate_unit_s(time.trim()).ok_or_else(|| unknown_unit(unit))?;
        let per_second = number.to_f64()? * bytes as f64 / seconds;
        if per_second.is_finite() { Ok(ByteRate(per_second)) } else { Err("which is too large".to_owned()) }
    }
}

/// In the unit that takes the fewest characters.
impl fmt::Display for ByteRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut best = format!("{}B/s", self.0);
        for unit in ["KiB", "MiB", "GiB"] {
            for time in ["s", "h", "day"] {
                let bytes = byte_unit(unit).expect("the unit is known") as f64;
                let number = self.0 * rate_unit_s(time).expect("the unit is known") / bytes;
                let text = format!("{number}{unit}/{time}");
                if text.len() < best.len() && text.parse() == Ok(*self) {
                    best = text;
                }
            }
        }
        f.write_str(&best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<f64, &str>) {
        let rate = text.parse::<ByteRate>().map(ByteRate::per_second);
        assert_eq!(rate, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn growth_is_bytes_over_time() {
        // 2^20 bytes in 3,600 s.
        check("1MiB/h", Ok(1_048_576.0 / 3_600.0));
        check("36 kB/h", Ok(10.0));
        check("0.5B/s", Ok(0.5));
        check("0MiB/h", Ok(0.0));
        check("5MiB", Err("whose unit `MiB` is unknown"));
        check("5/h", Err("whose unit `/h` is unknown"));
        check("5MiB/fortnight", Err("whose unit `MiB/fortnight` is unknown"));
    }

    #[test]
    fn growth_prints_short_and_reads_back() {
        for text in ["5MiB/h", "1GiB/day", "0.25B/s"] {
            assert_eq!(text.parse::<ByteRate>().expect("valid").to_string(), text);
        }
        let odd = ByteRate(1.0 / 3.0);
        assert_eq!(odd.to_string().parse(), Ok(odd));
    }
}
