//! Words around numbers: lists, rounding for a sentence, and breaking lines.
//!
//! Knows no metric and no platform. Start at [`wrap`].

use super::number::grouped;

/// What must not start a line: it belongs to the number before it.
const UNITS: [&str; 7] = ["%", "s", "m", "h", "d", "ms", "USD"];

/// Breaks a sentence into lines of at most `width` characters, continuation lines indented by two. A sign or unit
/// stays with its number, and an interval in one piece.
pub fn wrap(sentence: &str, width: usize) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in sentence.split(' ') {
        let glued = words.last().is_some_and(|last| {
            let is_unit = UNITS.contains(&word.trim_end_matches(['.', ',', ';', ':', ')']));
            // From `(95 %` or, behind a comma, `95 %`: other percentages stand alone.
            let interval = last.trim_start_matches('(');
            let in_interval = (interval == "95 %" && word == "CI")
                || (interval.starts_with("95 % CI") && !interval.contains(')'));
            is_unit || in_interval || last == "±" || last == "seed"
        });
        match words.last_mut() {
            Some(last) if glued => *last += &format!(" {word}"),
            _ => words.push(word.to_owned()),
        }
    }
    let mut lines: Vec<String> = vec![String::new()];
    for word in words {
        let line = lines.last_mut().expect("there is a first line");
        if line.is_empty() {
            line.push_str(&word);
        } else if line.chars().count() + 1 + word.chars().count() <= width {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(format!("  {word}"));
        }
    }
    lines.join("\n")
}

/// Whole numbers from 10 on, below that two digits.
pub fn round(value: f64) -> String {
    if value >= 10.0 { grouped(value, 0) } else { grouped(value, significant_of(value)) }
}

/// Decimals that show two digits of a number below 10.
pub fn significant_of(value: f64) -> usize {
    if value <= 0.0 { 0 } else { (1.0 - value.log10().floor()).clamp(0.0, 4.0) as usize }
}

/// `a`, `a and b`, `a, b and c`.
pub fn list<Item: AsRef<str>>(items: &[Item]) -> String {
    match items {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [first @ .., last] => {
            let first: Vec<&str> = first.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", first.join(", "), last.as_ref())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_the_width_but_never_inside_an_interval() {
        let sentence =
            "Cheapest: cattle, 38 % below pets (95 % CI 35–41 %) and 12 % below k8s (95 % CI 9–14 %).";
        assert_eq!(
            wrap(sentence, 48),
            "Cheapest: cattle, 38 % below pets\n  (95 % CI 35–41 %) and 12 % below k8s\n  (95 % CI \
             9–14 %)."
        );
        assert!(wrap(sentence, 80).lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn a_unit_stays_with_its_number() {
        assert_eq!(wrap("it takes (median 1 m 27 s); so", 19), "it takes (median\n  1 m 27 s); so");
    }

    #[test]
    fn lists_end_in_and() {
        assert_eq!(list(&["a"]), "a");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }
}
