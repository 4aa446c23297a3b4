//! The small grammar of distributions: terms joined by `+`, and `name(argument, argument)`.
//!
//! Knows no distribution. Errors continue "found `x`, …". Start at [`Call::parse`].

use super::problem::quoted;

/// The terms between the `+` that are outside of parentheses, trimmed.
pub(super) fn split_terms(text: &str) -> Vec<&str> {
    let mut terms = Vec::new();
    let (mut depth, mut start) = (0i32, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'+' if depth == 0 => {
                terms.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    terms.push(text[start..].trim());
    terms
}

/// `name(arguments)`.
pub(super) struct Call<'t> {
    pub name: &'t str,
    arguments: Vec<&'t str>,
}

/// One argument and what it stands for.
pub(super) struct Argument<'t> {
    pub text: &'t str,
    what: &'static str,
}

impl<'t> Call<'t> {
    /// `None` if the text does not begin with a name.
    pub fn parse(text: &'t str) -> Result<Option<Self>, String> {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Ok(None);
        }
        let inner = rest.trim_start().strip_prefix('(').ok_or("which is neither a value nor `name(…)`")?;
        let inner = inner.strip_suffix(')').ok_or("which does not end with `)`")?;
        Ok(Some(Call { name, arguments: inner.split(',').map(str::trim).collect() }))
    }

    /// The arguments, if there are as many as `names`.
    pub fn arguments<const N: usize>(&self, names: [&'static str; N]) -> Result<[Argument<'t>; N], String> {
        let given = if self.arguments == [""] { 0 } else { self.arguments.len() };
        if given != N {
            return Err(format!("but `{}` has {N}: ({})", self.name, names.join(", ")));
        }
        Ok(std::array::from_fn(|index| Argument { text: self.arguments[index], what: names[index] }))
    }
}

impl Argument<'_> {
    /// The reason why the whole is wrong, from the reason why this is.
    pub fn wrong(&self, why: &str) -> String {
        format!("whose {} is {}, {why}", self.what, quoted(self.text))
    }

    /// A number without a unit between two bounds, which keep means and variates finite.
    pub fn number_between(&self, low: f64, high: f64) -> Result<f64, String> {
        let number = super::units::plain_or_percent(self.text).map_err(|why| self.wrong(&why))?;
        if (low..=high).contains(&number) {
            Ok(number)
        } else {
            Err(self.wrong(&format!("which is not between {low} and {high}")))
        }
    }
}
