//! One check: what is claimed, where that comes from, and how far the program may be off.
//!
//! Knows no topic. Start at [`Check`], then [`Band`].

use super::luck::Luck;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A statement about the program that can be wrong.
pub struct Check {
    /// The topic it belongs to.
    pub topic: &'static str,
    /// In small letters, without spaces: `mmc-4-0.8-p-wait`.
    pub name: String,
    /// What is claimed, in words.
    pub claim: String,
    /// Who says so.
    pub source: &'static str,
    pub expected: f64,
    pub band: Band,
    obtain: Box<dyn Fn(&Luck) -> Finding + Send + Sync>,
}

/// How far the obtained value may be from the expected one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Band {
    /// Every digit.
    Exact,
    /// So much to either side, for the reason given.
    Within(f64, &'static str),
    /// What chance explains (see [`CHANCE`]), and so much beside, for the reason given.
    Chance(f64, &'static str),
    /// A statistic that lies between these two but with the probability [`CHANCE`], for the reason given.
    Between(f64, f64, &'static str),
}

/// Probability with which a correct program misses one band that allows for chance. With at most [`MOST_BY_CHANCE`]
/// such bands, one of them is missed with a probability below 0.5 %, whatever their dependence.
pub const CHANCE: f64 = 5e-5;

/// Checks that chance may fail, at most.
pub const MOST_BY_CHANCE: usize = 100;

/// What the program says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finding {
    pub value: f64,
    /// Of the value, if it is the mean of independent repetitions; else 0.
    pub standard_error: f64,
    pub repetitions: u32,
}

impl From<f64> for Finding {
    fn from(value: f64) -> Finding {
        Finding { value, standard_error: 0.0, repetitions: 1 }
    }
}

/// What became of a check.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    pub obtained: f64,
    pub low: f64,
    pub high: f64,
}

impl Verdict {
    pub fn passed(&self) -> bool {
        // Nothing that is not a number passes.
        self.low <= self.obtained && self.obtained <= self.high
    }
}

impl Check {
    pub fn new(
        name: impl Into<String>,
        expected: f64,
        band: Band,
        obtain: impl Fn(&Luck) -> Finding + Send + Sync + 'static,
    ) -> Check {
        let obtain = Box::new(obtain);
        Check { topic: "", name: name.into(), claim: String::new(), source: "", expected, band, obtain }
    }

    /// Says what is claimed.
    pub fn claims(self, claim: impl Into<String>) -> Check {
        Check { claim: claim.into(), ..self }
    }

    /// Says who says so.
    pub fn after(self, source: &'static str) -> Check {
        Check { source, ..self }
    }

    pub(super) fn of_topic(self, topic: &'static str) -> Check {
        Check { topic, ..self }
    }

    /// Whether a correct program can miss the band.
    pub fn is_by_chance(&self) -> bool {
        matches!(self.band, Band::Chance(..) | Band::Between(..))
    }

    /// Finds out, with the luck that belongs to this check and `seed`.
    pub fn run(&self, seed: u64) -> Verdict {
        let finding = (self.obtain)(&Luck::of(seed, &self.name));
        let (low, high) = self.band.around(self.expected, &finding);
        Verdict { obtained: finding.value, low, high }
    }
}

impl Band {
    fn around(&self, expected: f64, finding: &Finding) -> (f64, f64) {
        let half = match *self {
            Band::Exact => 0.0,
            Band::Within(half, _) => half,
            Band::Chance(beside, _) => beside + finding.reach(),
            Band::Between(low, high, _) => return (low, high),
        };
        (expected - half, expected + half)
    }

    /// Why it is as wide as it is.
    pub fn reason(&self) -> &'static str {
        match self {
            Band::Exact => "no digit may differ",
            Band::Within(_, why) | Band::Chance(_, why) | Band::Between(_, _, why) => why,
        }
    }
}

impl Finding {
    /// How far chance may carry the mean of repetitions: a quantile of Student's t, which is 4.5 standard errors for
    /// 40 repetitions.
    fn reach(&self) -> f64 {
        if self.repetitions < 2 {
            return f64::NAN;
        }
        let t = StudentsT::new(0.0, 1.0, f64::from(self.repetitions - 1)).expect("one degree or more");
        t.inverse_cdf(1.0 - CHANCE / 2.0) * self.standard_error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(expected: f64, band: Band, finding: Finding) -> bool {
        Check::new("x", expected, band, move |_| finding).run(1).passed()
    }

    #[test]
    fn the_ends_of_a_band_belong_to_it_and_no_number_does_not() {
        let within = Band::Within(0.5, "");
        assert!(passes(1.0, within, 1.5.into()) && passes(1.0, within, 0.5.into()));
        assert!(!passes(1.0, within, 1.500_001.into()) && !passes(1.0, within, f64::NAN.into()));
        assert!(passes(2.0, Band::Exact, 2.0.into()) && !passes(2.0, Band::Exact, (2.0 + 1e-15).into()));
    }

    #[test]
    fn chance_reaches_as_far_as_students_t_says() {
        // t at 1 − 2.5·10⁻⁵ with 39 degrees of freedom is 4.58.
        let finding = |value| Finding { value, standard_error: 0.1, repetitions: 40 };
        let band = Band::Chance(0.0, "");
        assert!(passes(1.0, band, finding(1.45)) && !passes(1.0, band, finding(1.47)));
        assert!(passes(1.0, Band::Chance(0.02, ""), finding(1.47)));
        // One number says nothing about its own luck.
        assert!(!passes(1.0, band, 1.0.into()));
    }
}
