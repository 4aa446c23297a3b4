//! Decimal numbers at the beginning of a text, kept exact until the unit is known.
//!
//! Knows no unit. Start at [`Number::split`].

use crate::parameter::problem::quoted;

/// The number that a text begins with, still as text.
#[derive(Clone, Copy, Debug)]
pub(in crate::parameter) struct Number<'t>(&'t str);

/// What to do with what does not fit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::parameter) enum Rounding {
    Nearest,
    Up,
}

const TOO_LARGE: &str = "which is too large";

impl<'t> Number<'t> {
    /// Splits `12.5GiB` into `12.5` and `GiB`, without the space between. Errors continue "found `x`, …".
    pub fn split(text: &'t str) -> Result<(Number<'t>, &'t str), String> {
        let bytes = text.as_bytes();
        let digits = |at: usize| bytes[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = digits(0);
        if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
            end += 1 + digits(end + 1);
        }
        if end == 0 {
            let negative = text.starts_with('-') && text[1..].starts_with(|c: char| c.is_ascii_digit());
            return Err(
                if negative { "which is negative" } else { "which does not begin with a number" }.into()
            );
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            let exponent = bytes.get(end + 1 + sign..).map_or(0, |_| digits(end + 1 + sign));
            if exponent > 0 {
                end += 1 + sign + exponent;
            }
        }
        Ok((Number(&text[..end]), text[end..].trim_start()))
    }

    /// The nearest float; finite.
    pub fn to_f64(self) -> Result<f64, String> {
        self.0.parse().ok().filter(|float: &f64| float.is_finite()).ok_or_else(|| TOO_LARGE.to_owned())
    }

    /// A hundredth of it, as exact as a float can be: `99.95` gives 0.9995.
    pub fn percent_to_f64(self) -> Result<f64, String> {
        if self.0.contains(['e', 'E']) {
            return Ok(self.to_f64()? / 100.0);
        }
        format!("{}e-2", self.0).parse().map_err(|_| TOO_LARGE.to_owned())
    }

    /// `self · numerator / denominator`, exact but for the last rounding.
    pub fn scaled(self, numerator: u64, denominator: u64, rounding: Rounding) -> Result<u64, String> {
        let (digits, exponent) = self.decimal()?;
        let too_large = || TOO_LARGE.to_owned();
        let mut above = digits.checked_mul(u128::from(numerator)).ok_or_else(too_large)?;
        let mut below = u128::from(denominator);
        if above == 0 {
            return Ok(0);
        }
        if exponent >= 0 {
            let power = 10u128.checked_pow(exponent.unsigned_abs()).ok_or_else(too_large)?;
            above = above.checked_mul(power).ok_or_else(too_large)?;
        } else {
            // Below this the value is far less than one unit, whatever the digits are.
            below = 10u128
                .checked_pow(exponent.unsigned_abs())
                .and_then(|p| p.checked_mul(below))
                .unwrap_or(u128::MAX);
        }
        let (whole, rest) = (above / below, above % below);
        let up = match rounding {
            Rounding::Nearest => rest >= below - rest && rest > 0,
            Rounding::Up => rest > 0,
        };
        u64::try_from(whole + u128::from(up)).map_err(|_| too_large())
    }

    /// Digits and the power of ten they are multiplied by.
    fn decimal(self) -> Result<(u128, i32), String> {
        let (mantissa, exponent) = self.0.split_once(['e', 'E']).unwrap_or((self.0, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        let digits = digits.trim_start_matches('0');
        if digits.len() > 20 {
            return Err("which has too many digits".to_owned());
        }
        let exponent: i32 = exponent.parse().ok().filter(|e: &i32| e.abs() < 1_000).ok_or(TOO_LARGE)?;
        let shift = i32::try_from(fraction.len()).map_err(|_| TOO_LARGE)?;
        let digits = if digits.is_empty() { 0 } else { digits.parse().map_err(|_| TOO_LARGE)? };
        Ok((digits, exponent - shift))
    }
}

/// Why a unit was not accepted.
pub(in crate::parameter) fn unknown_unit(unit: &str) -> String {
    if unit.is_empty() {
        "which has no unit".to_owned()
    } else {
        format!("whose unit {} is unknown", quoted(unit))
    }
}
