//! Estimates over replications: means, ratios of sums, paired comparisons, and Holm's correction. Pure functions.
//!
//! Replications are independent; what happens inside one is not, so nothing here counts requests or incidents as
//! samples of their own. What is measured in a month is skewed (a rare long outage, one bad release), and Student's
//! interval then misses on one side; it is corrected for the third moment as in Willink 2005, "A confidence interval
//! and test for the mean of an asymmetric distribution", which takes Hall's (1992) transformation at quantiles of t.
//! [`super::coverage`] measures what that buys. Knows no metric and no platform. Start at [`ratio_of_sums`], then
//! [`compare_ratios`]; quantiles are in [`super::quantile`].

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Two-sided level of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// A value and its 95 % interval. No field is ever NaN or infinite; `None` is "not known".
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Estimate {
    pub value: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
}

/// b against a.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Comparison {
    /// b − a.
    pub difference: Estimate,
    /// b / a, where both are positive.
    pub ratio: Estimate,
    /// Two-sided, of "a and b are the same": from the ratio on the log scale where there is one, else from the
    /// difference.
    pub p_value: Option<f64>,
}

/// What one replication adds to a ratio. A plain mean has denominator 1; nothing observed is (0, 0).
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Part {
    pub numerator: f64,
    pub denominator: f64,
}

impl Part {
    /// Nothing was there to observe: no release, say, whose requests could be counted.
    pub fn is_empty(self) -> bool {
        self.numerator == 0.0 && self.denominator == 0.0
    }
}

impl Estimate {
    /// Keeps what is finite.
    pub(super) fn new(value: f64, low: f64, high: f64) -> Estimate {
        let finite = |x: f64| x.is_finite().then_some(x);
        match finite(value) {
            Some(value) => Estimate { value: Some(value), low: finite(low), high: finite(high) },
            None => Estimate::default(),
        }
    }

    pub(super) fn without_interval(value: f64) -> Estimate {
        Estimate::new(value, f64::NAN, f64::NAN)
    }

    fn map(self, f: impl Fn(f64) -> f64) -> Estimate {
        let apply = |x: Option<f64>| x.map_or(f64::NAN, &f);
        Estimate::new(apply(self.value), apply(self.low), apply(self.high))
    }
}

/// Mean of one value a replication, with its interval.
pub fn mean(values: &[f64]) -> Estimate {
    let parts: Vec<Part> = values.iter().map(|&value| Part { numerator: value, denominator: 1.0 }).collect();
    // The delete-one jackknife of a mean is the mean with s²/n: the same interval.
    ratio_of_sums(&parts)
}

/// What replications add up to, and what is computed from the sums.
pub trait Sums: Copy + Default + std::ops::Add<Output = Self> {
    /// Nothing was there to observe.
    fn is_empty(self) -> bool;

    /// NaN where it is not known.
    fn statistic(self) -> f64;
}

impl Sums for Part {
    fn is_empty(self) -> bool {
        Part::is_empty(self)
    }

    fn statistic(self) -> f64 {
        if self.denominator == 0.0 { f64::NAN } else { self.numerator / self.denominator }
    }
}

/// What one replication adds to a price of nines: cost a month, and requests served of those offered.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Nines {
    pub cost: Part,
    pub availability: Part,
}

impl Sums for Nines {
    fn is_empty(self) -> bool {
        self.cost.is_empty() || self.availability.is_empty()
    }

    /// Cost over −log10(1 − availability). Where nothing failed the nines cannot be counted.
    fn statistic(self) -> f64 {
        let missing = 1.0 - self.availability.statistic();
        // What is smaller is the rounding of sums.
        if missing > 1e-12 && missing < 1.0 { self.cost.statistic() / -missing.log10() } else { f64::NAN }
    }
}

impl std::ops::Add for Nines {
    type Output = Nines;

    fn add(self, other: Nines) -> Nines {
        Nines { cost: self.cost + other.cost, availability: self.availability + other.availability }
    }
}

/// Σ numerators / Σ denominators over replications, with a delete-one jackknife interval (t, n − 1 degrees).
///
/// Replications that are (0, 0) had nothing to observe and do not count in n. The bias of a ratio of means, of order
/// 1/n, is left in: it is far below the interval, and the value stays what anyone computes from the rows.
pub fn ratio_of_sums<P: Sums>(parts: &[P]) -> Estimate {
    let parts: Vec<P> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    let left_out = leave_one_out(&parts).map(P::statistic);
    Spread::jackknife(sum(&parts).statistic(), left_out, parts.len()).estimate()
}

/// Compares two ratios of sums of the same replications (common random numbers): replication k of `a` met the same
/// weather as replication k of `b`, so both are left out together.
///
/// # Panics
/// If the two do not have the same number of replications.
pub fn compare_ratios<P: Sums>(a: &[P], b: &[P]) -> Comparison {
    assert_eq!(a.len(), b.len(), "pairs need the same replications on both sides");
    let observed = |&(a, b): &(&P, &P)| !(a.is_empty() && b.is_empty());
    let (a, b): (Vec<P>, Vec<P>) = a.iter().zip(b).filter(observed).map(|(&a, &b)| (a, b)).unzip();
    let all = (sum(&a).statistic(), sum(&b).statistic());
    let left_out = || leave_one_out(&a).map(P::statistic).zip(leave_one_out(&b).map(P::statistic));
    // Replications in which only one side had something to observe tell nothing about the spread of the other.
    let count = |parts: &[P]| parts.iter().filter(|part| !part.is_empty()).count();
    let observed = count(&a).min(count(&b));
    let jackknife = |statistic: fn((f64, f64)) -> f64| {
        Spread::jackknife(statistic(all), left_out().map(statistic), observed)
    };
    let difference = jackknife(|(a, b)| b - a);
    // Logarithms make "half" and "double" equally far from 1, and keep the interval above 0.
    let log_ratio = jackknife(|(a, b)| if a > 0.0 && b > 0.0 { (b / a).ln() } else { f64::NAN });
    Comparison {
        difference: difference.estimate(),
        ratio: log_ratio.estimate().map(f64::exp),
        p_value: log_ratio.p_value().or_else(|| difference.p_value()),
    }
}

/// Compares two ratios of sums of different replications that have nothing in common: Welch's two samples, each with
/// its own spread, and degrees of freedom as by Welch (1947) and Satterthwaite, rounded down.
pub fn compare_independent<P: Sums>(a: &[P], b: &[P]) -> Comparison {
    let observed = |parts: &[P]| -> Vec<P> { parts.iter().copied().filter(|p| !p.is_empty()).collect() };
    let (a, b) = (observed(a), observed(b));
    let spread = |parts: &[P], statistic: fn(f64) -> f64| {
        let left_out = leave_one_out(parts).map(|part| statistic(part.statistic()));
        Spread::jackknife(statistic(sum(parts).statistic()), left_out, parts.len())
    };
    let plain = |parts: &[P]| spread(parts, |x| x);
    let log = |parts: &[P]| spread(parts, |x| if x > 0.0 { x.ln() } else { f64::NAN });
    let difference = plain(&b).minus(&plain(&a));
    let log_ratio = log(&b).minus(&log(&a));
    Comparison {
        difference: difference.estimate(),
        ratio: log_ratio.estimate().map(f64::exp),
        p_value: log_ratio.p_value().or_else(|| difference.p_value()),
    }
}

/// Pearson's correlation of pairs; `None` with fewer than three, or where one side does not vary.
///
/// Of two things with equal variance, pairs that correlate by ρ make the variance of their difference 1 − ρ times
/// what independent runs would have.
pub fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    if pairs.len() < 3 {
        return None;
    }
    let n = pairs.len() as f64;
    let (mean_a, mean_b) =
        (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let moment = |of: &dyn Fn(f64, f64) -> f64| -> f64 {
        pairs.iter().map(|&(a, b)| of(a - mean_a, b - mean_b)).sum()
    };
    let (aa, bb, ab) = (moment(&|a, _| a * a), moment(&|_, b| b * b), moment(&|a, b| a * b));
    let varies = |squares: f64, mean: f64| !is_rounding(mean, (squares / n).sqrt());
    (varies(aa, mean_a) && varies(bb, mean_b)).then(|| (ab / (aa.sqrt() * bb.sqrt())).clamp(-1.0, 1.0))
}

/// A value with its standard error, from n replications.
pub(super) struct Spread {
    pub value: f64,
    pub standard_error: f64,
    /// Of the value's error: γ / (6√n), where γ is the skewness of what one replication adds. 0 if not known.
    pub skew: f64,
    /// Replications that had something to observe.
    pub n: usize,
}

impl Spread {
    /// `left_out` yields the same statistic without each replication in turn; `observed` of them had something to
    /// observe.
    fn jackknife(value: f64, left_out: impl Iterator<Item = f64>, observed: usize) -> Spread {
        let left_out: Vec<f64> = left_out.collect();
        let n = left_out.len() as f64;
        let centre = left_out.iter().sum::<f64>() / n;
        let moment = |power: i32| left_out.iter().map(|x| (centre - x).powi(power)).sum::<f64>();
        let (squares, cubes) = (moment(2), moment(3));
        let standard_error = ((n - 1.0) / n * squares).sqrt();
        // Pseudo-values lie (n − 1)(centre − x) from their mean: s² = (n−1)·Σ², μ₃ = n(n−1)²·Σ³/(n−2).
        let skewness = n * (n - 1.0).sqrt() / (n - 2.0) * cubes / squares.powf(1.5);
        let known = left_out.len() > 2 && skewness.is_finite() && !is_rounding(value, standard_error);
        let skew = if known { skewness / (6.0 * n.sqrt()) } else { 0.0 };
        Spread { value, standard_error, skew, n: observed }
    }

    /// The difference of two independent ones. Cumulants add, so skews do with the cubes of the standard errors.
    fn minus(&self, other: &Spread) -> Spread {
        let (this, that) = (self.standard_error.powi(2), other.standard_error.powi(2));
        let standard_error = (this + that).sqrt();
        let skew = (self.skew * this.powf(1.5) - other.skew * that.powf(1.5)) / standard_error.powi(3);
        let share = |variance: f64, n: usize| variance.powi(2) / (n as f64 - 1.0);
        let degrees = (this + that).powi(2) / (share(this, self.n) + share(that, other.n));
        // Without any spread there is nothing to take degrees from; the smaller sample says how many agree.
        let n = if degrees.is_finite() { degrees as usize + 1 } else { self.n.min(other.n) };
        let skew = if skew.is_finite() { skew } else { 0.0 };
        Spread { value: self.value - other.value, standard_error, skew, n }
    }

    fn estimate(&self) -> Estimate {
        if self.n < 2 || !self.standard_error.is_finite() {
            return Estimate::without_interval(self.value);
        }
        let t = t_quantile(1.0 - (1.0 - CONFIDENCE) / 2.0, self.n - 1);
        let end = |t: f64| self.value - self.unskewed(t) * self.standard_error;
        Estimate::new(self.value, end(t), end(-t))
    }

    /// Two-sided, of "the value is 0": the test that belongs to the interval.
    pub(super) fn p_value(&self) -> Option<f64> {
        if self.n < 2 || !self.value.is_finite() || !self.standard_error.is_finite() {
            return None;
        }
        // Replications that agree to the last digits differ by rounding only: that is no evidence.
        if self.value.abs() < 1e-12 {
            return Some(1.0);
        }
        if is_rounding(self.value, self.standard_error) {
            // No spread to measure by. What is left is that all n have the same sign: a fair coin does that in
            // 2 of 2ⁿ cases.
            return Some((1.0 - self.n as f64).exp2());
        }
        let t = self.skewed(self.value / self.standard_error).abs();
        Some((2.0 * student(self.n - 1).sf(t)).clamp(0.0, 1.0))
    }

    /// From error / standard error of a skewed value to what is nearly Student's t: a + t + 2at² + 4a²t³/3.
    fn skewed(&self, t: f64) -> f64 {
        let a = self.skew;
        a + t + 2.0 * a * t.powi(2) + 4.0 / 3.0 * a.powi(2) * t.powi(3)
    }

    /// The inverse of [`Spread::skewed`].
    fn unskewed(&self, t: f64) -> f64 {
        let a = self.skew;
        // Below this the cube root loses more digits than the correction has.
        if a.abs() < 1e-6 { t } else { ((1.0 + 6.0 * a * (t - a)).cbrt() - 1.0) / (2.0 * a) }
    }
}

/// Whether what looks like spread is only the last digits of sums.
fn is_rounding(value: f64, standard_error: f64) -> bool {
    standard_error <= 1e-12 * value.abs()
}

impl std::ops::Add for Part {
    type Output = Part;

    fn add(self, other: Part) -> Part {
        Part {
            numerator: self.numerator + other.numerator,
            denominator: self.denominator + other.denominator,
        }
    }
}

fn sum<P: Sums>(parts: &[P]) -> P {
    parts.iter().fold(P::default(), |sum, &part| sum + part)
}

/// The sum of all but one, for each one. Built from both ends: subtracting from the total would leave rounding
/// where the rest is 0.
fn leave_one_out<P: Sums>(parts: &[P]) -> impl Iterator<Item = P> + use<P> {
    let mut after = vec![P::default(); parts.len() + 1];
    for (index, &part) in parts.iter().enumerate().rev() {
        after[index] = after[index + 1] + part;
    }
    let before = parts.iter().scan(P::default(), |sum, &part| {
        let before = *sum;
        *sum = before + part;
        Some(before)
    });
    before
        .zip(after.into_iter().skip(1))
        .map(|(before, after)| before + after)
        .collect::<Vec<_>>()
        .into_iter()
}

/// Quantile of Student's t.
pub(super) fn t_quantile(probability: f64, degrees: usize) -> f64 {
    student(degrees).inverse_cdf(probability)
}

fn student(degrees: usize) -> StudentsT {
    StudentsT::new(0.0, 1.0, degrees as f64).expect("one degree of freedom or more")
}

/// Holm's step-down correction: compare the result with 5 %, and among all true "no difference" hypotheses of the
/// family the chance of one false claim stays below 5 %, whatever their dependence.
///
/// The smallest of m p-values is multiplied by m, the next by m − 1, and so on, never falling below the one before.
/// Hypotheses without a p-value are not tested and do not count.
pub fn holm(p_values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(f64, usize)> =
        p_values.iter().enumerate().filter_map(|(index, p)| p.map(|p| (p, index))).collect();
    order.sort_by(|a, b| a.partial_cmp(b).expect("a p-value is a number"));
    let mut adjusted = vec![None; p_values.len()];
    let mut floor = 0.0_f64;
    for (rank, &(p, index)) in order.iter().enumerate() {
        floor = floor.max((p * (order.len() - rank) as f64).min(1.0));
        adjusted[index] = Some(floor);
    }
    adjusted
}

#[cfg(test)]
#[path = "statistics_tests.rs"]
mod tests;
