//! Latency over time: the mixture of each bucket, coarse enough to keep that of every bucket of every replication.
//!
//! As in [`latency`](super::latency) a request takes earlier attempts + wait + slowdown × work, here counted in cells
//! of 5 %; time in line is kept as the mean of its exponential distribution. Cells of all replications and of all
//! services can be put together before a quantile is asked for, so that none is a mean of quantiles. A quantile is
//! right to some 3 %: good for a line in a figure; the exact ones are those of the whole time.
//!
//! Start at [`quantile`].

use super::Frame;
use crate::engine::SimTime;
use crate::world::observation::FlowObservation;
use crate::world::queueing::ServiceTime;
use crate::world::queueing::station::line_points;

/// Requests whose latencies are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// Earlier attempts and wait. Indices into logarithmic steps; 0 is none.
    before: u16,
    /// Mean of an exponential time in line besides.
    line: u16,
    slowdown: u16,
    spread: u8,
    /// Followed by itself: `before` is all that it took.
    alone: bool,
}

/// Answered requests of one service in one bucket.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct LatencyPoint {
    pub bucket: u32,
    pub service: u16,
    /// In order of cells.
    pub requests: Vec<(Cell, f64)>,
}

/// What turns cells into times: the work of a request, and how long callers wait [s].
#[derive(Clone, Copy, Debug)]
pub struct Law {
    pub work: ServiceTime,
    pub timeout_s: f64,
}

const STEP: f64 = 1.05;
const TIME_UNIT_S: f64 = 1e-3;
const SPREAD_STEP: f64 = 0.1;

fn time_cell(time_s: f64) -> u16 {
    if time_s < TIME_UNIT_S { 0 } else { 1 + ((time_s / TIME_UNIT_S).ln() / STEP.ln()).round() as u16 }
}

fn time_of(cell: u16) -> f64 {
    if cell == 0 { 0.0 } else { TIME_UNIT_S * STEP.powi(i32::from(cell) - 1) }
}

/// Of one service.
#[derive(Clone, Debug, Default)]
pub(super) struct LatencySeries {
    buckets: Vec<Vec<(Cell, f64)>>,
}

impl LatencySeries {
    pub fn add(&mut self, flow: &FlowObservation, frame: &Frame) {
        for (bucket, seconds) in frame.buckets_between(flow.from, flow.to) {
            for class in flow.latency.iter().filter(|c| c.rate > 0.0) {
                let cell = Cell {
                    before: time_cell(class.earlier_s + class.wait_s),
                    line: 0,
                    slowdown: (class.slowdown.max(1.0).ln() / STEP.ln()).round() as u16,
                    spread: (class.spread / SPREAD_STEP).round() as u8,
                    alone: false,
                };
                let requests = class.rate * seconds;
                self.count(bucket, cell, requests * (1.0 - class.in_line));
                self.count(bucket, Cell { line: time_cell(class.line_s), ..cell }, requests * class.in_line);
            }
        }
    }

    /// A request that was followed by itself.
    pub fn add_one(&mut self, at: SimTime, latency_s: f64, frame: &Frame) {
        if let Some(bucket) = frame.bucket_at(at) {
            let cell = Cell { before: time_cell(latency_s), line: 0, slowdown: 0, spread: 0, alone: true };
            self.count(bucket, cell, 1.0);
        }
    }

    fn count(&mut self, bucket: usize, cell: Cell, requests: f64) {
        if requests <= 0.0 {
            return;
        }
        if self.buckets.len() <= bucket {
            self.buckets.resize_with(bucket + 1, Vec::new);
        }
        let cells = &mut self.buckets[bucket];
        match cells.binary_search_by_key(&cell, |c| c.0) {
            Ok(place) => cells[place].1 += requests,
            Err(place) => cells.insert(place, (cell, requests)),
        }
    }

    pub fn points(self, service: u16) -> impl Iterator<Item = LatencyPoint> {
        let point = move |(bucket, mut requests): (usize, Vec<_>)| {
            requests.shrink_to_fit();
            LatencyPoint { bucket: bucket as u32, service, requests }
        };
        self.buckets.into_iter().enumerate().map(point).filter(|point| !point.requests.is_empty())
    }
}

/// Requests by cell, of as many points as given.
pub fn together<'a>(points: impl Iterator<Item = &'a LatencyPoint>) -> Vec<(Cell, f64)> {
    let mut all: Vec<(Cell, f64)> = points.flat_map(|point| point.requests.iter().copied()).collect();
    all.sort_by_key(|(cell, _)| *cell);
    all.dedup_by(|next, kept| {
        let same = next.0 == kept.0;
        kept.1 += if same { next.1 } else { 0.0 };
        same
    });
    all
}

/// The latency [s] that the share `p` of the requests does not exceed; `None` without requests. Each part has a law of
/// its own.
pub fn quantile(parts: &[(&Law, &[(Cell, f64)])], p: f64) -> Option<f64> {
    let curves: Vec<Curve> =
        parts.iter().flat_map(|(law, cells)| cells.iter().flat_map(|cell| Curve::of(law, cell))).collect();
    let all: f64 = curves.iter().map(|curve| curve.requests).sum();
    if all <= 0.0 {
        return None;
    }
    let below = |t_s: f64| curves.iter().map(|curve| curve.below(t_s)).sum::<f64>();
    let (mut low, mut high) = (1e-6_f64, 1e6_f64);
    while high > low * 1.005 {
        let middle = (low * high).sqrt();
        if below(middle) < p * all { low = middle } else { high = middle }
    }
    Some(high)
}

/// Requests that all began their answer after the same time.
struct Curve {
    before_s: f64,
    requests: f64,
    /// Slowed-down work, what of it is answered before callers give up, and when they do; `None` for requests
    /// followed by themselves.
    work: Option<(ServiceTime, f64, f64)>,
}

impl Curve {
    fn of(law: &Law, &(cell, requests): &(Cell, f64)) -> Vec<Curve> {
        let before_s = time_of(cell.before);
        if cell.alone {
            return vec![Curve { before_s, requests, work: None }];
        }
        let blurred = law.work.blurred(f64::from(cell.spread) * SPREAD_STEP);
        let work = blurred.scaled(STEP.powi(cell.slowdown.into()));
        // A time before the answering attempt that is longer than callers wait was spent on other attempts.
        let end_s = if before_s < law.timeout_s { law.timeout_s } else { before_s + law.timeout_s };
        let curve = |line_s: f64, requests: f64| {
            let before_s = before_s + line_s;
            let in_time = work.cdf(end_s - before_s).max(1e-12);
            Curve { before_s, requests, work: Some((work, in_time, end_s)) }
        };
        if cell.line == 0 {
            return vec![curve(0.0, requests)];
        }
        let waits = line_points(time_of(cell.line));
        let each = requests / waits.len() as f64;
        waits.map(|wait_s| curve(wait_s, each)).collect()
    }

    /// Requests answered within the time.
    fn below(&self, t_s: f64) -> f64 {
        let share = match self.work {
            None => f64::from(u8::from(t_s >= self.before_s)),
            Some((_, _, end_s)) if t_s >= end_s => 1.0,
            Some((work, in_time, _)) => (work.cdf(t_s - self.before_s) / in_time).min(1.0),
        };
        self.requests * share
    }
}

/// The laws of all services, by index.
pub fn laws(frame: &Frame) -> Vec<Law> {
    frame.services.iter().map(|s| Law { work: s.work, timeout_s: s.timeout_s }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(before_s: f64, slowdown: f64) -> Cell {
        let slowdown = (slowdown.ln() / STEP.ln()).round() as u16;
        Cell { before: time_cell(before_s), line: 0, slowdown, spread: 0, alone: false }
    }

    fn check(parts: &[(&Law, &[(Cell, f64)])], p: f64, expected_s: f64) {
        let obtained = quantile(parts, p).expect("there are requests");
        assert!(
            (obtained / expected_s - 1.0).abs() < 0.03,
            "quantile {p}: {obtained}, expected {expected_s}"
        );
    }

    #[test]
    fn undisturbed_requests_take_what_their_work_takes() {
        // A mean of 0.1 s with cv² 1 is a median of 0.1/√2 and a logarithmic deviation of √ln 2 = 0.8326; the 99th
        // percentile is 0.07071·exp(2.3263 · 0.8326) = 0.4906 s.
        let law = Law { work: ServiceTime::lognormal(0.1, 1.0), timeout_s: 60.0 };
        let cells = [(cell(0.0, 1.0), 7.0)];
        check(&[(&law, &cells)], 0.5, 0.070_71);
        check(&[(&law, &cells)], 0.99, 0.490_6);
    }

    #[test]
    fn services_and_replications_are_put_together_before_the_quantile() {
        // 98 of 100 take 0.1 s, 2 take 3 s of another service: the 99th percentile is 3 s, and no mean of 0.1 and 3.
        let quick = Law { work: ServiceTime::lognormal(0.1, 0.0), timeout_s: 60.0 };
        let slow = Law { work: ServiceTime::lognormal(3.0, 0.0), timeout_s: 60.0 };
        let of =
            |requests| LatencyPoint { bucket: 0, service: 0, requests: vec![(cell(0.0, 1.0), requests)] };
        let both = together([of(40.0), of(58.0)].iter());
        assert_eq!(both, [(cell(0.0, 1.0), 98.0)]);
        let parts = [(&quick, both.as_slice()), (&slow, &[(cell(0.0, 1.0), 2.0)][..])];
        check(&parts, 0.97, 0.1);
        check(&parts, 0.99, 3.0);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn waits_come_first_and_patience_ends_it() {
        // As in the mixture of the whole time: a median of 0.5 s behind a wait of 1 s, given up after 1.5 s, leaves a
        // median of 1.2852 s among the answered.
        let law = Law { work: ServiceTime::lognormal(0.5 * 2.0_f64.sqrt(), 1.0), timeout_s: 1.5 };
        let cells = [(cell(1.0, 1.0), 10.0)];
        check(&[(&law, &cells)], 0.5, 1.285_2);
        assert!(quantile(&[(&law, &cells)], 1.0).unwrap() <= 1.51);
    }
}
