//! The randomness of one check, and independent repetitions of it on all cores.
//!
//! Each check has its own: a check more changes no other. Start at [`Luck::mean`].

use super::check::Finding;
use crate::engine::streams::mix;
use crate::engine::{Purpose, Stream, Streams};
use rayon::prelude::*;

/// The luck of one check, a function of the seed and the check's name.
#[derive(Clone, Copy, Debug)]
pub struct Luck {
    seed: u64,
}

/// Repetitions of most simulations: enough for an honest standard error.
pub const REPETITIONS: u32 = 40;

impl Luck {
    pub fn of(seed: u64, name: &str) -> Luck {
        let hash = name.bytes().fold(seed, |hash, byte| mix(hash ^ u64::from(byte)));
        Luck { seed: hash }
    }

    /// For worlds, which make their own streams.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// All streams of one repetition.
    pub fn streams(&self, repetition: u32) -> Streams {
        Streams::new(self.seed, repetition)
    }

    pub fn stream(&self, repetition: u32, purpose: &str) -> Stream {
        self.streams(repetition).open(Purpose::named(purpose), &[])
    }

    /// The mean of what `one` finds in each of so many repetitions, with its standard error. Collected in order, so
    /// that the number of threads changes no digit.
    pub fn mean(&self, repetitions: u32, one: impl Fn(u32) -> f64 + Sync + Send) -> Finding {
        let values: Vec<f64> = (0..repetitions).into_par_iter().map(one).collect();
        let n = values.len() as f64;
        let value = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|x| (x - value).powi(2)).sum();
        Finding { value, standard_error: (squares / (n - 1.0) / n).sqrt(), repetitions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_repetitions_has_the_standard_error_of_the_textbook() {
        // 0, 1, 2, 3, 4: mean 2, s² = 10/4, s/√5 = 0.7071.
        let finding = Luck::of(1, "x").mean(5, f64::from);
        assert_eq!((finding.value, finding.repetitions), (2.0, 5));
        assert!((finding.standard_error - 0.5_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn luck_differs_by_seed_and_by_check() {
        let first = |seed, name| Luck::of(seed, name).stream(0, "work").uniform();
        assert_eq!(first(1, "a"), first(1, "a"));
        assert_ne!(first(1, "a"), first(2, "a"));
        assert_ne!(first(1, "a"), first(1, "b"));
    }
}
