//! Latency as a mixture: how many requests met which slowdown and which wait.
//!
//! A request of work x takes wait + slowdown × x. Counting requests by (wait, slowdown) in logarithmic cells of
//! 1 % and 2 % keeps the whole distribution in bounded memory, merges exactly, and gives quantiles of the mixture
//! instead of means of quantiles.

use crate::world::observation::FlowObservation;
use crate::world::queueing::ServiceTime;
use std::collections::BTreeMap;

/// Requests by cell; cell 0 of the wait is "none".
#[derive(Clone, Debug, Default)]
pub(super) struct LatencyMixture {
    cells: BTreeMap<(u16, u16), f64>,
}

const SLOWDOWN_STEP: f64 = 1.01;
const WAIT_STEP: f64 = 1.02;
const WAIT_UNIT_S: f64 = 1e-3;

fn slowdown_cell(slowdown: f64) -> u16 {
    (slowdown.max(1.0).ln() / SLOWDOWN_STEP.ln()).round() as u16
}

fn wait_cell(wait_s: f64) -> u16 {
    if wait_s < WAIT_UNIT_S { 0 } else { 1 + ((wait_s / WAIT_UNIT_S).ln() / WAIT_STEP.ln()).round() as u16 }
}

impl LatencyMixture {
    /// Adds the served requests of a segment. A wait that moves is taken at four points of the segment.
    pub fn add(&mut self, flow: &FlowObservation) {
        let seconds = flow.seconds();
        for &(rate, slowdown) in flow.latency.iter().filter(|c| c.0 > 0.0) {
            let cell = slowdown_cell(slowdown);
            if flow.wait_from_s <= 0.0 && flow.wait_to_s <= 0.0 {
                *self.cells.entry((0, cell)).or_default() += rate * seconds;
                continue;
            }
            for point in [0.125, 0.375, 0.625, 0.875] {
                let wait = flow.wait_from_s + point * (flow.wait_to_s - flow.wait_from_s);
                *self.cells.entry((wait_cell(wait), cell)).or_default() += rate * seconds / 4.0;
            }
        }
    }

    pub fn clear(&mut self) {
        self.cells.clear();
    }

    fn total(&self) -> f64 {
        self.cells.values().sum()
    }

    /// Requests that took at most `t_s`. Only answers in time are counted, so none took longer than the timeout.
    fn below(&self, t_s: f64, work: &ServiceTime, timeout_s: f64) -> f64 {
        self.cells
            .iter()
            .map(|(&(wait, slowdown), &requests)| {
                let wait_s = if wait == 0 { 0.0 } else { WAIT_UNIT_S * WAIT_STEP.powi(i32::from(wait) - 1) };
                let slowdown = SLOWDOWN_STEP.powi(i32::from(slowdown));
                let in_time = work.cdf((timeout_s - wait_s) / slowdown).max(1e-12);
                requests * (work.cdf((t_s - wait_s) / slowdown) / in_time).min(1.0)
            })
            .sum()
    }
}

/// The `p`-quantile [s] of several services' requests together, each with its work and timeout; `None` if there were
/// none.
pub(super) fn quantile(parts: &[(&LatencyMixture, &ServiceTime, f64)], p: f64) -> Option<f64> {
    let total: f64 = parts.iter().map(|(m, ..)| m.total()).sum();
    if total <= 0.0 {
        return None;
    }
    let (mut low, mut high) = (1e-6_f64, 1e6_f64);
    for _ in 0..60 {
        let mid = (low * high).sqrt();
        let below: f64 = parts.iter().map(|(m, work, timeout)| m.below(mid, work, *timeout)).sum();
        if below < p * total { low = mid } else { high = mid }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_of_a_mixture_is_not_a_mean_of_quantiles() {
        let work = ServiceTime::lognormal(0.1, 0.0);
        let mut mixture = LatencyMixture::default();
        // 98 of 100 requests run undisturbed in 0.1 s, 2 take ten times as long.
        mixture.cells.insert((0, slowdown_cell(1.0)), 98.0);
        mixture.cells.insert((0, slowdown_cell(10.0)), 2.0);
        let q = |p| quantile(&[(&mixture, &work, 60.0)], p).expect("there are requests");
        assert!((q(0.97) - 0.1).abs() < 1e-3);
        assert!((q(0.99) - 1.0).abs() < 1e-2);
    }
}
