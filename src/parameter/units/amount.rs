//! So many of a group, or a share of it: `1` or `25%`. Knows no group. Start at [`CountOrShare`].

use super::{Fraction, unit_value};
use std::fmt;
use std::str::FromStr;

/// A number of things, or a share of all of them. A number without `%` is always a count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CountOrShare {
    Count(u32),
    Share(Fraction),
}

unit_value!(CountOrShare, "a whole number such as `1` or a share such as `25%`", CountOrShare::Count(0));

impl FromStr for CountOrShare {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.ends_with('%') {
            return text.parse().map(CountOrShare::Share);
        }
        if text.starts_with('-') {
            return Err("which is negative".to_owned());
        }
        text.parse().map(CountOrShare::Count).map_err(|_| "which is neither a count nor a share".to_owned())
    }
}

impl fmt::Display for CountOrShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CountOrShare::Count(count) => count.fmt(f),
            // A share prints with `%` unless that would lose digits.
            CountOrShare::Share(share) => match share.to_string() {
                text if text.ends_with('%') => f.pad(&text),
                _ => f.pad(&format!("{}%", share.as_percent())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percent_sign_makes_a_share() {
        let share = |percent: f64| CountOrShare::Share(Fraction::new(percent / 100.0).expect("in range"));
        for (text, value) in [("1", CountOrShare::Count(1)), ("25%", share(25.0)), ("100%", share(100.0))] {
            assert_eq!(text.parse(), Ok(value));
            assert_eq!(value.to_string(), text);
        }
        for (text, why) in [
            ("-1", "which is negative"),
            ("0.5", "which is neither a count nor a share"),
            ("101%", "which is more than the whole"),
        ] {
            assert_eq!(text.parse::<CountOrShare>(), Err(why.to_owned()), "{text}");
        }
    }
}
