//! Quantiles of pooled samples, with intervals from resampling whole replications.
//!
//! Incidents of one replication are not independent (one zone outage is thirty of them), and no more are requests, so
//! replications are drawn, never what is in them. Spans still open at the horizon are right-censored. Knows no metric
//! and no platform. Start at [`PooledQuantiles::of_spans`]; [`PooledQuantiles::of_histograms`] is for what is too
//! much to list.

use super::statistics::{CONFIDENCE, Comparison, Estimate, Spread, t_quantile};
use crate::engine::{Purpose, Stream, Streams};
use crate::metrics::histogram::{Histogram, edge};
use crate::results::kaplan_meier::{self, Observation};
use statrs::distribution::{ContinuousCDF, Normal};

/// Resamples of a bootstrap: enough for an end of a 95 % interval (Davison & Hinkley 1997, section 5.2.3).
pub const RESAMPLES: usize = 999;

/// With fewer replications that observed anything a bootstrap can only repeat them: intervals of a median then hold
/// the truth in 76 (three) to 89 (four) of 100 cases instead of 95.
const FEWEST: usize = 5;

const DRAWS: Purpose = Purpose::named("bootstrap over replications");

/// Quantiles of one pooled sample and of its resamples.
///
/// Two of them made with the same seed from the same replications drew the same replications: resample k of one
/// pairs with resample k of the other.
pub struct PooledQuantiles {
    /// Replications with at least one sample.
    replications: usize,
    /// What the draws depend on: the seed and how many replications were drawn from.
    drawn: (u64, usize),
    probabilities: Vec<f64>,
    /// By probability. Infinite where the open spans hide the quantile, NaN where there is no sample.
    values: Vec<f64>,
    /// By resample, then by probability.
    resamples: Vec<Vec<f64>>,
    /// The spans that closed, ascending; empty if they are too many to be told apart.
    closed: Vec<f64>,
}

impl PooledQuantiles {
    /// `samples[k]` are the observations of replication k; an empty one counts as a replication without any.
    pub fn of_spans(samples: &[Vec<Observation>], probabilities: &[f64], seed: u64) -> PooledQuantiles {
        let mut ordered: Vec<(Observation, usize)> = Vec::new();
        for (replication, observations) in samples.iter().enumerate() {
            ordered.extend(observations.iter().map(|&observation| (observation, replication)));
        }
        ordered.sort_by(|a, b| kaplan_meier::order(&a.0, &b.0));
        let closed = ordered.iter().filter(|(span, _)| !span.censored).map(|(span, _)| span.value).collect();
        let replications = samples.iter().filter(|observations| !observations.is_empty()).count();
        let statistic = |weights: &[u32]| quantiles(&ordered, weights, probabilities);
        let drawn = (seed, samples.len());
        PooledQuantiles { closed, ..Self::resample(replications, drawn, probabilities, statistic) }
    }

    /// `histograms[k]` is that of replication k.
    pub fn of_histograms(histograms: &[Histogram], probabilities: &[f64], seed: u64) -> PooledQuantiles {
        let replications = histograms.iter().filter(|histogram| !histogram.is_empty()).count();
        let mixture = Mixture::new(histograms);
        let statistic = |weights: &[u32]| -> Vec<f64> {
            probabilities.iter().map(|&probability| mixture.quantile(weights, probability)).collect()
        };
        Self::resample(replications, (seed, histograms.len()), probabilities, statistic)
    }

    fn resample(
        replications: usize,
        (seed, of): (u64, usize),
        probabilities: &[f64],
        statistic: impl Fn(&[u32]) -> Vec<f64>,
    ) -> PooledQuantiles {
        let mut stream = Streams::new(seed, 0).open(DRAWS, &[]);
        let mut weights = vec![0_u32; of];
        // No interval would come of it.
        let rounds = if replications < FEWEST { 0 } else { RESAMPLES };
        let resamples = (0..rounds)
            .map(|_| {
                draw_with_replacement(&mut stream, &mut weights);
                statistic(&weights)
            })
            .collect();
        let values = statistic(&vec![1; of]);
        let (drawn, probabilities, closed) = ((seed, of), probabilities.to_vec(), Vec::new());
        PooledQuantiles { replications, drawn, probabilities, values, resamples, closed }
    }

    /// Replications with at least one sample.
    pub fn replications(&self) -> usize {
        self.replications
    }

    pub fn probability(&self, index: usize) -> f64 {
        self.probabilities[index]
    }

    /// The quantile at `index` of the probabilities. A maximum has no interval: resampling never exceeds it.
    pub fn estimate(&self, index: usize) -> Estimate {
        let column = self.resamples.iter().map(|row| row[index]);
        let Estimate { value, low, high } = self.percentile(index, self.values[index], column);
        if low == high || self.closed.is_empty() {
            return Estimate { value, low, high };
        }
        // A resampled quantile is one of the spans, and between the last one of the interval and the next one the
        // truth may lie anywhere: the interval goes on half-way (order statistics, interpolated as by Hettmansperger
        // & Sheather 1986), and there is none where there is no next one.
        let high = high.and_then(|high| {
            let next = self.closed.partition_point(|&span| span <= high);
            self.closed.get(next).map(|next| (high + next) / 2.0)
        });
        Estimate { value, low: low.filter(|_| high.is_some()), high }
    }

    /// `other` against `self`, paired.
    ///
    /// # Panics
    /// If the two were not made with the same seed from the same replications: their resamples would not be pairs.
    pub fn compare(&self, other: &PooledQuantiles, index: usize) -> Comparison {
        assert_eq!(self.drawn, other.drawn, "pairs need the same draws on both sides");
        self.against(other, index)
    }

    /// `other` against `self`, of other replications: their resamples have nothing in common.
    ///
    /// # Panics
    /// If the two were made with the same seed.
    pub fn compare_independent(&self, other: &PooledQuantiles, index: usize) -> Comparison {
        assert_ne!(self.drawn.0, other.drawn.0, "draws with the same seed are not independent");
        self.against(other, index)
    }

    fn against(&self, other: &PooledQuantiles, index: usize) -> Comparison {
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

    /// Percentile interval, expanded for few replications and widened to hold the value itself.
    fn percentile(&self, index: usize, value: f64, resamples: impl Iterator<Item = f64>) -> Estimate {
        let mut sorted: Vec<f64> = resamples.filter(|value| !value.is_nan()).collect();
        // A difference of two hidden quantiles is unknown, and the rest would not be all.
        if self.probabilities[index] >= 1.0 || !is_most(sorted.len()) {
            return Estimate::without_interval(value);
        }
        sorted.sort_by(|a, b| a.partial_cmp(b).expect("NaN is filtered out"));
        let tail = expanded((1.0 - CONFIDENCE) / 2.0, self.replications);
        let rank = (tail * sorted.len() as f64).floor() as usize;
        Estimate::new(value, sorted[rank].min(value), sorted[sorted.len() - 1 - rank].max(value))
    }

    /// Standard error from the resamples, for a p-value: a thousand of them cannot tell small ones by
    /// counting.
    fn spread(&self, index: usize, value: f64, resamples: impl Iterator<Item = f64>) -> Option<Spread> {
        let finite: Vec<f64> = resamples.filter(|value| value.is_finite()).collect();
        // With the quantile hidden in many resamples the spread of the rest is not the spread.
        if self.probabilities[index] >= 1.0 || !is_most(finite.len()) {
            return None;
        }
        let count = finite.len() as f64;
        let centre = finite.iter().sum::<f64>() / count;
        let variance = finite.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / (count - 1.0);
        let n = self.replications as f64;
        let standard_error = (variance * n / (n - 1.0)).sqrt();
        Some(Spread { value, standard_error, skew: 0.0, n: self.replications })
    }
}

/// The tail of a percentile interval that makes up for what the bootstrap lacks with few replications: it is too
/// narrow by √((n−1)/n) and knows no t (Hesterberg 2015, "What Teachers Should Know about the Bootstrap", 5.2).
fn expanded(tail: f64, replications: usize) -> f64 {
    let n = replications as f64;
    Normal::standard().cdf((n / (n - 1.0)).sqrt() * t_quantile(tail, replications - 1))
}

/// A quantile of one histogram; `None` if nothing was counted.
pub(super) fn quantile_of(histogram: &Histogram, probability: f64) -> Option<f64> {
    let value = Mixture::new(std::slice::from_ref(histogram)).quantile(&[1], probability);
    value.is_finite().then_some(value)
}

/// At least 19 of 20 resamples.
fn is_most(resamples: usize) -> bool {
    resamples * 20 >= RESAMPLES * 19
}

/// How often each replication is drawn in n draws out of n.
fn draw_with_replacement(stream: &mut Stream, weights: &mut [u32]) {
    weights.fill(0);
    for _ in 0..weights.len() {
        weights[stream.below(weights.len())] += 1;
    }
}

/// Histograms of replications, to be mixed with weights: what a resample costs is a search, not a merge.
struct Mixture {
    from: usize,
    /// By replication: what lies below the end of each bin.
    below: Vec<Vec<u64>>,
}

impl Mixture {
    fn new(histograms: &[Histogram]) -> Mixture {
        let filled = || histograms.iter().filter(|histogram| !histogram.is_empty()).map(Histogram::bins);
        let from = filled().map(|(from, _)| from).min().unwrap_or(0);
        let to = filled().map(|(_, to)| to).max().unwrap_or(0);
        Mixture { from, below: histograms.iter().map(|h| h.cumulative((from, to))).collect() }
    }

    /// NaN if the weights leave nothing. Linear within a bin.
    fn quantile(&self, weights: &[u32], probability: f64) -> f64 {
        let bins = self.below.first().map_or(0, Vec::len);
        let up_to = |end: usize| -> f64 {
            let Some(bin) = end.checked_sub(1) else { return 0.0 };
            let count = |(below, &weight): (&Vec<u64>, &u32)| u128::from(below[bin]) * u128::from(weight);
            self.below.iter().zip(weights).map(count).sum::<u128>() as f64
        };
        let target = probability * up_to(bins);
        if target <= 0.0 {
            return f64::NAN;
        }
        let (mut low, mut high) = (0, bins);
        while high - low > 1 {
            let middle = (low + high) / 2;
            if up_to(middle) < target { low = middle } else { high = middle }
        }
        let (before, after) = (up_to(low), up_to(high));
        let (left, right) = (edge(self.from + low), edge(self.from + high));
        left + (right - left) * (target - before) / (after - before)
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
#[path = "quantile_tests.rs"]
mod tests;
