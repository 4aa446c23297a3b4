//! Quantiles of pooled samples, with intervals from resampling whole replications.
//!
//! Incidents of one replication are not independent (one zone outage is thirty of them), so replications are drawn,
//! never incidents. Spans still open at the horizon are right-censored. Knows no metric and no platform. Start at
//! [`PooledQuantiles::new`].

use super::statistics::{CONFIDENCE, Comparison, Estimate, Spread, t_quantile};
use crate::results::kaplan_meier::{self, Observation};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};
use statrs::distribution::{ContinuousCDF, Normal};

/// Resamples of a bootstrap: enough for an interval that is stable to a tenth of its width.
pub const RESAMPLES: usize = 400;

/// Quantiles of one pooled sample and of its resamples.
///
/// Two of them made with the same seed from the same replications drew the same replications: resample k of one
/// pairs with resample k of the other.
pub struct PooledQuantiles {
    /// Replications with at least one sample.
    replications: usize,
    seed: u64,
    probabilities: Vec<f64>,
    /// By probability. Infinite where the open spans hide the quantile, NaN where there is no sample.
    values: Vec<f64>,
    /// By resample, then by probability.
    resamples: Vec<Vec<f64>>,
}

impl PooledQuantiles {
    /// `samples[k]` are the observations of replication k; an empty one counts as a replication without any.
    pub fn new(samples: &[Vec<Observation>], probabilities: &[f64], seed: u64) -> PooledQuantiles {
        let mut ordered: Vec<(Observation, usize)> = Vec::new();
        for (replication, observations) in samples.iter().enumerate() {
            ordered.extend(observations.iter().map(|&observation| (observation, replication)));
        }
        ordered.sort_by(|a, b| kaplan_meier::order(&a.0, &b.0));

        let values = quantiles(&ordered, &vec![1; samples.len()], probabilities);
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut weights = vec![0_u32; samples.len()];
        // Nothing to resample if there is one replication or no sample: leave the stream alone.
        let rounds = if samples.len() < 2 || ordered.is_empty() { 0 } else { RESAMPLES };
        let resamples = (0..rounds)
            .map(|_| {
                draw_with_replacement(&mut rng, &mut weights);
                quantiles(&ordered, &weights, probabilities)
            })
            .collect();
        let replications = samples.iter().filter(|observations| !observations.is_empty()).count();
        PooledQuantiles { replications, seed, probabilities: probabilities.to_vec(), values, resamples }
    }

    /// Replications with at least one sample.
    pub fn replications(&self) -> usize {
        self.replications
    }

    /// The quantile at `index` of the probabilities. A maximum has no interval: resampling never exceeds it.
    pub fn estimate(&self, index: usize) -> Estimate {
        let column = self.resamples.iter().map(|row| row[index]);
        self.percentile(index, self.values[index], column)
    }

    /// `other` against `self`, paired.
    ///
    /// # Panics
    /// If the two were not made with the same seed: their resamples would not be pairs.
    pub fn compare(&self, other: &PooledQuantiles, index: usize) -> Comparison {
        assert_eq!(self.seed, other.seed, "pairs need the same draws on both sides");
        let pairs = || self.resamples.iter().zip(&other.resamples).map(move |(a, b)| (a[index], b[index]));
        let (a, b) = (self.values[index], other.values[index]);
        let narrow = if self.replications <= other.replications { self } else { other };

        let difference = narrow.percentile(index, b - a, pairs().map(|(a, b)| b - a));
        let ratio = if a > 0.0 && b > 0.0 {
            narrow.percentile(index, b / a, pairs().map(|(a, b)| b / a))
        } else {
            Estimate::default()
        };
        let logs = pairs().map(|(a, b)| (b / a).ln());
        let p_value = narrow
            .spread(index, (b / a).ln(), logs)
            .and_then(|spread| spread.p_value())
            .or_else(|| narrow.spread(index, b - a, pairs().map(|(a, b)| b - a))?.p_value());
        Comparison { difference, ratio, p_value }
    }

    /// Percentile interval, "expanded" for few replications (Hesterberg 2015, What Teachers Should Know about the
    /// Bootstrap): the plain one is too narrow by √((n−1)/n) and knows no t. Widened to hold the value itself.
    fn percentile(&self, index: usize, value: f64, resamples: impl Iterator<Item = f64>) -> Estimate {
        let mut sorted: Vec<f64> = resamples.filter(|value| !value.is_nan()).collect();
        if self.replications < 2 || self.probabilities[index] >= 1.0 || sorted.is_empty() {
            return Estimate::without_interval(value);
        }
        sorted.sort_by(|a, b| a.partial_cmp(b).expect("NaN is filtered out"));
        let n = self.replications as f64;
        let t = t_quantile((1.0 - CONFIDENCE) / 2.0, self.replications - 1);
        let tail = Normal::standard().cdf((n / (n - 1.0)).sqrt() * t);
        let rank = (tail * sorted.len() as f64).floor() as usize;
        Estimate::new(value, sorted[rank].min(value), sorted[sorted.len() - 1 - rank].max(value))
    }

    /// Standard error from the resamples, for a p-value: 400 of them cannot tell small ones by counting.
    fn spread(&self, index: usize, value: f64, resamples: impl Iterator<Item = f64>) -> Option<Spread> {
        if self.probabilities[index] >= 1.0 {
            return None;
        }
        let finite: Vec<f64> = resamples.filter(|value| value.is_finite()).collect();
        // With the quantile hidden in more than one resample of twenty the spread of the rest is not the spread.
        if finite.len() * 20 < RESAMPLES * 19 || self.replications < 2 {
            return None;
        }
        let count = finite.len() as f64;
        let centre = finite.iter().sum::<f64>() / count;
        let variance = finite.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / (count - 1.0);
        let n = self.replications as f64;
        Some(Spread { value, standard_error: (variance * n / (n - 1.0)).sqrt(), n: self.replications })
    }
}

/// How often each replication is drawn in n draws out of n.
fn draw_with_replacement(rng: &mut Xoshiro256PlusPlus, weights: &mut [u32]) {
    weights.fill(0);
    for _ in 0..weights.len() {
        // High word of a 64 × 64 product: uniform but for 2⁻⁶⁴·n, and one draw each, always.
        let index = (u128::from(rng.next_u64()) * weights.len() as u128) >> 64;
        weights[index as usize] += 1;
    }
}

fn quantiles(ordered: &[(Observation, usize)], weights: &[u32], probabilities: &[f64]) -> Vec<f64> {
    let weighted = ordered.iter().map(|&(observation, replication)| (observation, weights[replication]));
    let is_empty = !weighted.clone().any(|(_, weight)| weight > 0);
    let mut found = vec![if is_empty { f64::NAN } else { f64::INFINITY }; probabilities.len()];
    kaplan_meier::walk(weighted, |value, share| {
        let mut missing = false;
        for (quantile, &probability) in found.iter_mut().zip(probabilities) {
            if *quantile == f64::INFINITY {
                if kaplan_meier::reaches(share, probability) {
                    *quantile = value;
                } else {
                    missing = true;
                }
            }
        }
        missing
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_distr::{Distribution, Exp1};

    fn closed(values: &[f64]) -> Vec<Observation> {
        values.iter().map(|&value| Observation { value, censored: false }).collect()
    }

    #[test]
    fn quantiles_are_those_of_the_pool() {
        // Pool 1..6: the median is the 3rd, the maximum the 6th.
        let pooled =
            PooledQuantiles::new(&[closed(&[1.0, 6.0]), closed(&[3.0, 2.0, 5.0, 4.0])], &[0.5, 1.0], 1);
        assert_eq!(pooled.estimate(0).value, Some(3.0));
        assert_eq!(pooled.estimate(1), Estimate { value: Some(6.0), low: None, high: None });
    }

    #[test]
    fn the_same_seed_gives_the_same_interval_and_another_seed_another() {
        let samples: Vec<_> = (0..12).map(|k| closed(&[f64::from(k), f64::from(k * k)])).collect();
        let interval = |seed| PooledQuantiles::new(&samples, &[0.5], seed).estimate(0);
        assert_eq!(interval(5), interval(5));
        assert!((6..20).any(|seed| interval(seed) != interval(5)));
    }

    #[test]
    fn one_replication_or_none_has_no_interval() {
        let one = PooledQuantiles::new(&[closed(&[1.0, 2.0, 3.0])], &[0.5], 1);
        assert_eq!(one.estimate(0), Estimate { value: Some(2.0), low: None, high: None });
        assert_eq!(PooledQuantiles::new(&[], &[0.5], 1).estimate(0), Estimate::default());
        assert_eq!(PooledQuantiles::new(&[vec![], vec![]], &[0.5], 1).estimate(0), Estimate::default());
        // Two replications ran, one saw an incident: still nothing to tell the spread between replications by.
        assert_eq!(PooledQuantiles::new(&[closed(&[4.0]), vec![]], &[0.5], 1).estimate(0).low, None);
    }

    #[test]
    fn a_quantile_hidden_by_open_spans_is_none_not_infinite() {
        let mut samples = vec![closed(&[1.0]); 4];
        samples.iter_mut().for_each(|sample| sample.push(Observation { value: 2.0, censored: true }));
        let pooled = PooledQuantiles::new(&samples, &[0.5, 0.9], 1);
        assert_eq!(pooled.estimate(0).value, Some(1.0));
        assert_eq!(pooled.estimate(1), Estimate::default());
    }

    #[test]
    fn pairs_share_their_draws() {
        // b is a + 10 observation by observation: every resample differs by exactly 10.
        let a: Vec<_> = (0..20).map(|k| closed(&[f64::from(k * k % 17) + 1.0])).collect();
        let b: Vec<_> = (0..20).map(|k| closed(&[f64::from(k * k % 17) + 11.0])).collect();
        let (a, b) = (PooledQuantiles::new(&a, &[0.5], 3), PooledQuantiles::new(&b, &[0.5], 3));
        let pair = a.compare(&b, 0);
        assert_eq!(pair.difference, Estimate { value: Some(10.0), low: Some(10.0), high: Some(10.0) });
        assert!(pair.p_value.expect("twenty replications") < 0.001);
        assert_eq!(a.compare(&a, 0).p_value, Some(1.0));
    }

    #[test]
    fn the_interval_of_a_median_covers_95_percent() {
        // Seed 21, 500 experiments of 20 replications, each 0 to 4 spans Exp(1): median ln 2. Standard error of the
        // share: √(0.95·0.05/500) = 1 point; medians of small pools are discrete, so the interval may be too wide.
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(21);
        let holds = (0..500).filter(|_| {
            let samples: Vec<Vec<Observation>> = (0..20)
                .map(|_| {
                    let count = rng.next_u64() % 5;
                    (0..count)
                        .map(|_| Observation { value: Exp1.sample(&mut rng), censored: false })
                        .collect()
                })
                .collect();
            let estimate = PooledQuantiles::new(&samples, &[0.5], 1).estimate(0);
            let truth = std::f64::consts::LN_2;
            estimate.low.expect("an interval") <= truth && truth <= estimate.high.expect("an interval")
        });
        let share = holds.count() as f64 / 500.0;
        assert!((0.92..=0.98).contains(&share), "{share}");
    }
}
