//! Latency as a mixture: how many requests met which slowdown and which wait.
//!
//! A request of work x takes earlier attempts + wait + slowdown × x. Counting requests by these three in logarithmic
//! cells of 2 %, 2 % and 1 % keeps the whole distribution of one replication in bounded memory; requests that were
//! followed one by one are counted by what they took. What leaves it is a
//! [`Histogram`]: quantiles are those of all replications' requests together, never means of quantiles. Start at
//! [`LatencyMixture::histogram`].

use super::histogram::{Histogram, bin_of, edge};
use crate::world::observation::FlowObservation;
use crate::world::queueing::ServiceTime;
use crate::world::queueing::station::line_points;
use std::collections::BTreeMap;

/// Requests by cell of (time before the answering attempt, wait, slowdown, spread of the slowdown); cell 0 of a time is
/// "none".
#[derive(Clone, Debug, Default)]
pub(super) struct LatencyMixture {
    cells: BTreeMap<(u16, u16, u16, u8), f64>,
    /// Requests followed one by one, by bin of the histogram.
    one_by_one: BTreeMap<usize, f64>,
}

const SLOWDOWN_STEP: f64 = 1.01;
const WAIT_STEP: f64 = 1.02;
const WAIT_UNIT_S: f64 = 1e-3;
const SPREAD_STEP: f64 = 0.04;
/// Share of a cell's requests that may stand in a neighbouring bin.
const NEGLIGIBLE: f64 = 1e-9;

fn slowdown_cell(slowdown: f64) -> u16 {
    (slowdown.max(1.0).ln() / SLOWDOWN_STEP.ln()).round() as u16
}

fn time_cell(wait_s: f64) -> u16 {
    if wait_s < WAIT_UNIT_S { 0 } else { 1 + ((wait_s / WAIT_UNIT_S).ln() / WAIT_STEP.ln()).round() as u16 }
}

fn time_of(cell: u16) -> f64 {
    if cell == 0 { 0.0 } else { WAIT_UNIT_S * WAIT_STEP.powi(i32::from(cell) - 1) }
}

impl LatencyMixture {
    /// Adds the served requests of a segment.
    pub fn add(&mut self, flow: &FlowObservation) {
        let seconds = flow.seconds();
        for class in flow.latency.iter().filter(|c| c.rate > 0.0) {
            let (earlier, slowdown) = (time_cell(class.earlier_s), slowdown_cell(class.slowdown));
            let spread = (class.spread / SPREAD_STEP).round() as u8;
            let mut count = |wait_s: f64, requests: f64| {
                *self.cells.entry((earlier, time_cell(wait_s), slowdown, spread)).or_default() += requests;
            };
            let requests = class.rate * seconds;
            if class.in_line <= 0.0 {
                count(class.wait_s, requests);
                continue;
            }
            count(class.wait_s, requests * (1.0 - class.in_line));
            let waits = line_points(class.line_s);
            let each = requests * class.in_line / waits.len() as f64;
            waits.for_each(|wait| count(class.wait_s + wait, each));
        }
    }

    pub fn clear(&mut self) {
        self.cells.clear();
        self.one_by_one.clear();
    }

    /// Adds a request that was followed by itself.
    pub fn add_one(&mut self, latency_s: f64) {
        *self.one_by_one.entry(bin_of(latency_s * 1e3)).or_default() += 1.0;
    }

    /// How long the requests took [ms]. Only answers in time are counted, so no attempt took longer than the timeout.
    pub fn histogram(&self, work: &ServiceTime, timeout_s: f64) -> Histogram {
        let widest = self.cells.keys().map(|c| c.3).max().unwrap_or(0);
        let shortest = work.blurred(f64::from(widest) * SPREAD_STEP).quantile(NEGLIGIBLE);
        let longest_s = timeout_s + self.cells.keys().map(|c| time_of(c.0)).fold(0.0, f64::max);
        let last_alone = self.one_by_one.keys().next_back().copied().unwrap_or(0);
        let first_alone = self.one_by_one.keys().next().copied().unwrap_or(usize::MAX);
        let start = bin_of(shortest * 1e3).min(first_alone);
        let end = bin_of(longest_s * 1e3).max(last_alone) + 1;
        let mut masses = vec![0.0; end.saturating_sub(start).max(1)];
        for (&bin, requests) in &self.one_by_one {
            masses[bin - start] += requests;
        }
        for (&(earlier, wait, slowdown, spread), &requests) in &self.cells {
            let work = work.blurred(f64::from(spread) * SPREAD_STEP);
            let (before_s, wait_s) = (time_of(earlier) + time_of(wait), time_of(wait));
            let slowdown = SLOWDOWN_STEP.powi(i32::from(slowdown));
            let in_time = work.cdf((timeout_s - wait_s) / slowdown).max(1e-12);
            let mut below = 0.0;
            let earliest =
                bin_of((before_s + slowdown * shortest) * 1e3).clamp(start, end.max(start + 1) - 1);
            for (mass, bin) in masses[earliest - start..].iter_mut().zip(earliest..) {
                let share = work.cdf((edge(bin + 1) / 1e3 - before_s) / slowdown) / in_time;
                // The bin of the timeout takes what is left: nothing that was answered gets lost.
                let share = if bin + 1 < end && share < 1.0 - NEGLIGIBLE { share } else { 1.0 };
                *mass += requests * (share - below);
                below = share;
                if below >= 1.0 {
                    break;
                }
            }
        }
        Histogram::from_masses(start, &masses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bin that holds the quantile `p`.
    fn bin_at(histogram: &Histogram, p: f64) -> usize {
        let (from, to) = histogram.bins();
        let below = histogram.cumulative((from, to));
        let all = *below.last().expect("there are requests");
        from + below.iter().position(|&count| count as f64 >= p * all as f64).expect("p is at most 1")
    }

    #[test]
    fn a_quantile_of_a_mixture_is_not_a_mean_of_quantiles() {
        let work = ServiceTime::lognormal(0.1, 0.0);
        let mut mixture = LatencyMixture::default();
        // 98 of 100 requests run undisturbed in 0.1 s, 2 take ten times as long (to the half percent of a cell).
        mixture.cells.insert((0, 0, slowdown_cell(1.0), 0), 98.0);
        mixture.cells.insert((0, 0, slowdown_cell(10.0), 0), 2.0);
        let histogram = mixture.histogram(&work, 60.0);
        assert_eq!(bin_at(&histogram, 0.97), bin_of(100.0));
        assert!(bin_at(&histogram, 0.99).abs_diff(bin_of(1_000.0)) <= 1);
        assert_eq!(histogram.cumulative(histogram.bins()).last(), Some(&100_000), "thousandths of a request");
    }

    #[test]
    fn waits_shift_and_timeouts_cut() {
        // A median of 0.5 s behind a wait of 1 s, given up after 1.5 s: half is answered, all of it before 1.5 s.
        let work = ServiceTime::lognormal(0.5 * 2.0_f64.sqrt(), 1.0);
        let mut mixture = LatencyMixture::default();
        mixture.cells.insert((0, time_cell(1.0), slowdown_cell(1.0), 0), 10.0);
        let histogram = mixture.histogram(&work, 1.5);
        let (from, to) = histogram.bins();
        assert!(edge(from) >= 990.0 && to == bin_of(1_500.0) + 1, "{} to {}", edge(from), edge(to));
        assert_eq!(histogram.cumulative((from, to)).last(), Some(&10_000));
        // Among them the median is the quarter of all: 0.5·exp(−0.6745·√ln 2) = 0.2852, so 1,285 ms (wait ± 1 %).
        assert!((edge(bin_at(&histogram, 0.5)) - 1_285.2).abs() < 30.0);
    }
}
