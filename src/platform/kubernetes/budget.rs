//! The disruption budget of each service, as a scenario writes it: keys become the object's spec.
//!
//! Start at [`DisruptionBudgetParameters::keep`].

use super::parameters::DisruptionBudgetParameters;
use crate::cluster::objects::{Keep, Size};
use crate::parameter::{CountOrShare, Problem, Problems};

impl DisruptionBudgetParameters {
    pub fn keep(&self) -> Keep {
        match self.min_available {
            Some(stay) => Keep::MinAvailable(size(stay)),
            None => Keep::MaxUnavailable(size(self.max_unavailable)),
        }
    }

    /// One of both, as the API server demands.
    pub fn check(&self, problems: &mut Problems) {
        let (may_go, stay) = (self.place.of("max_unavailable"), self.place.of("min_available"));
        if self.min_available.is_some() && may_go != self.place.header() {
            let title = "`max_unavailable` and `min_available` exclude each other";
            let problem = Problem::at(stay, title, "a budget says one of both");
            problems.push(problem.help("leave `max_unavailable` out to keep a number of pods"));
        }
    }
}

fn size(amount: CountOrShare) -> Size {
    match amount {
        CountOrShare::Count(pods) => Size::Pods(pods),
        CountOrShare::Share(share) => Size::Share((share.as_f64() * 1e6).round() as u32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parameter::{Origin, Section, load_bytes};

    fn read(text: &str) -> (DisruptionBudgetParameters, Problems) {
        let (table, _, mut problems) = load_bytes("test.toml", text.as_bytes(), &[]);
        let p = DisruptionBudgetParameters::read(&table, &Origin::default(), "", &mut problems);
        p.check(&mut problems);
        (p, problems)
    }

    #[test]
    fn a_budget_keeps_or_misses_a_number_or_a_share() {
        let check = |text: &str, expected: Keep| {
            let (p, problems) = read(text);
            assert!(problems.is_empty(), "{problems:?}");
            assert_eq!(p.keep(), expected, "{text}");
        };
        check("", Keep::MaxUnavailable(Size::Pods(1)));
        check("max_unavailable = '25%'", Keep::MaxUnavailable(Size::percent(25)));
        check("min_available = 2", Keep::MinAvailable(Size::Pods(2)));
        check("min_available = '90%'", Keep::MinAvailable(Size::percent(90)));
    }

    #[test]
    fn both_at_once_is_an_error_that_names_the_cure() {
        let (_, problems) = read("max_unavailable = 1\nmin_available = 2");
        let text = format!("{problems:?}");
        assert!(
            problems.len() == 1 && text.contains("exclude each other") && text.contains("leave"),
            "{text}"
        );
    }
}
