//! Growth: more users from year to year.

use crate::engine::SimTime;
use crate::parameter::{Factor, choices, section};

/// A year of 365 days, as rates have it [s].
const YEAR_S: f64 = 31_536_000.0;

choices! {
    /// How traffic grows from year to year.
    pub enum Growth {
        /// By the same factor every year.
        Exponential = "exponential",
        /// By the same amount every year; shrinking traffic ends at zero.
        Linear = "linear",
    }
}

section! {
    /// Growth of traffic since the start of the simulation.
    pub struct GrowthParameters {
        /// Traffic a year after the start, relative to the start; below 1 it shrinks.
        per_year: Factor = "1" in |f| f.as_f64() > 0.0 && f.as_f64() <= 100.0 => "more than 0 and at most 100", grade Choice;
        /// By the same factor (`exponential`) or the same amount (`linear`) every year.
        shape: Growth = "exponential", grade Choice;
    }
}

impl GrowthParameters {
    pub(super) fn factor(&self, t: SimTime) -> f64 {
        let (per_year, years) = (self.per_year.as_f64(), t.as_secs_f64() / YEAR_S);
        match self.shape {
            Growth::Exponential => per_year.powf(years),
            Growth::Linear => (1.0 + (per_year - 1.0) * years).max(0.0),
        }
    }

    /// No factor between two instants is above this.
    pub(super) fn bound(&self, from: SimTime, to: SimTime) -> f64 {
        self.factor(from).max(self.factor(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::SimDuration;

    #[test]
    fn growth_is_compound_or_by_the_same_amount() {
        let check = |shape, per_year: f64, years: u64, expected: f64| {
            let growth = GrowthParameters {
                per_year: Factor::new(per_year).expect("a factor"),
                shape,
                ..Default::default()
            };
            let factor = growth.factor(SimTime::ZERO + SimDuration::from_days(365) * years);
            assert!((factor - expected).abs() < 1e-12, "{shape:?} {per_year} {years}: {factor}");
        };
        check(Growth::Exponential, 2.0, 3, 8.0);
        check(Growth::Linear, 2.0, 3, 4.0);
        check(Growth::Exponential, 0.5, 2, 0.25);
        check(Growth::Linear, 0.5, 3, 0.0);
        check(Growth::Exponential, 1.0, 7, 1.0);
    }
}
