//! What the balancing policy of a route does to waits: from separate queues to nearly one common queue.
//!
//! *Random* leaves each box its own M/G/m queue. *Round robin* makes the arrivals at each box more regular
//! (squared coefficient of variation 1/n). *Power of two* is the supermarket model, solved for boxes of m servers,
//! plus the wait that even a common queue has. *Least connections* is a common queue with a fitted factor.
//!
//! Sources: Allen 1990 and Krämer & Langenbach-Belz 1976 for regular arrivals; Mitzenmacher 2001 for the
//! supermarket model; Gupta, Harchol-Balter, Sigman & Whitt 2007 for shortest queues of processor-sharing boxes.
//! Factors were fitted to simulations of n = 10 boxes with 1 and 4 cores.

use super::erlang::{erlang_c, waiting_share};
use crate::parameter::choices;
use std::sync::OnceLock;

choices! {
    /// How a route spreads requests over its boxes.
    pub enum Balancing {
        /// Each request to a box at random (kube-proxy, DNS): boxes queue on their own.
        Random = "random",
        /// In turn (default of ALB, nginx, HAProxy): arrivals at each box are more regular.
        RoundRobin = "round-robin",
        /// To the one of two random boxes with fewer open requests (Envoy's and Linkerd's default).
        PowerOfTwo = "power-of-two",
        /// To the box with fewest open requests: nearly one common queue.
        LeastConnections = "least-connections",
    }
}

/// Requests at one of some boxes alike, and what it would be on its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    boxes: f64,
    servers: f64,
    rho: f64,
    /// Share of requests that wait if requests come at random.
    pub waits: f64,
}

impl Line {
    /// At utilization `rho` (0..1) of `boxes` with `servers` servers each.
    pub fn new(boxes: f64, servers: f64, rho: f64) -> Line {
        Line { boxes: boxes.max(1.0), servers, rho, waits: waiting_share(servers, rho) }
    }

    /// Mean wait in service times, if requests come at random.
    pub fn alone(&self) -> f64 {
        self.waits / (self.servers * (1.0 - self.rho))
    }
}

impl Balancing {
    /// Whether the policy sees how busy boxes are, so that slow ones get less.
    pub fn adapts(self) -> bool {
        matches!(self, Balancing::PowerOfTwo | Balancing::LeastConnections)
    }

    /// Mean time lost to other requests, in service times.
    pub(super) fn relative_wait(self, line: &Line) -> f64 {
        let Line { boxes, servers, rho, .. } = *line;
        if rho <= 0.0 {
            return 0.0;
        }
        let alone = line.alone();
        match self {
            Balancing::Random => alone,
            Balancing::RoundRobin => alone * regular_arrivals(boxes, rho, 1.0),
            Balancing::PowerOfTwo => {
                let pooled = pooled(boxes, servers, rho);
                (alone * imbalance_of_two(servers, rho) + pooled).min(alone)
            }
            Balancing::LeastConnections => {
                // Never worse than the separate queues it improves on (the fitted factor exceeds 1 for one box).
                (pooled(boxes, servers, rho) * (1.0 + 4.0 * (1.0 - rho) / servers.sqrt())).min(alone)
            }
        }
    }
}

/// Wait under regular arrivals relative to Poisson arrivals, for work with the squared variation `cv2`.
fn regular_arrivals(boxes: f64, rho: f64, cv2: f64) -> f64 {
    // Every n-th arrival of a Poisson stream: squared coefficient of variation 1/n.
    let ca2 = 1.0 / boxes;
    let klb = (-2.0 * (1.0 - rho) * (1.0 - ca2).powi(2) / (3.0 * rho * (ca2 + cv2))).exp();
    (ca2 + cv2) / (1.0 + cv2) * klb
}

impl Balancing {
    /// Wait in line (first come, first served) relative to that under random routing, where the variation of work
    /// makes a difference to it.
    pub(super) fn line_relief(self, boxes: f64, rho: f64, cv2: f64) -> Option<f64> {
        (self == Balancing::RoundRobin).then(|| regular_arrivals(boxes, rho, cv2))
    }

    /// Variance of the slowdown that a short request finds, between times of different crowding; `wait` is its mean
    /// less 1.
    ///
    /// With one queue a box: a request finds k more requests than cores, where k is 0 or geometric. More regular
    /// arrivals make crowds rarer and smaller in equal parts. With two choices the crowds that a request joins have a
    /// thin tail (factor fitted to simulations); with all to choose from, they are nearly even, but for the crowd that
    /// all boxes share.
    pub(super) fn wait_variance(self, line: &Line, wait: f64) -> f64 {
        if wait <= 0.0 {
            return 0.0;
        }
        let Line { boxes, servers, rho, waits } = *line;
        let geometric = |share: f64, boxes: f64| {
            let mean = wait / share;
            (share * (2.0 * mean * mean - mean / (servers * boxes)) - wait * wait).max(0.0)
        };
        match self {
            Balancing::Random => geometric(waits, 1.0),
            Balancing::RoundRobin => geometric(waits * (wait / line.alone()).sqrt(), 1.0),
            Balancing::PowerOfTwo => 0.45 * wait * wait,
            Balancing::LeastConnections => {
                let step = wait * servers % 1.0;
                let even = step * (1.0 - step) / (servers * servers);
                let share = waiting_share(boxes * servers, rho);
                let pooled = share * (1.0 + rho - share) / (boxes * servers * (1.0 - rho)).powi(2);
                even.max(pooled)
            }
        }
    }
}

/// Wait in one common queue of all boxes.
fn pooled(boxes: f64, servers: f64, rho: f64) -> f64 {
    waiting_share(boxes * servers, rho) / (boxes * servers * (1.0 - rho))
}

/// Wait of very many boxes with two choices, relative to that with one; from a table.
fn imbalance_of_two(servers: f64, rho: f64) -> f64 {
    let table = IMBALANCE.get_or_init(|| SERVERS.iter().map(|&m| supermarket_column(m)).collect());
    let upper = SERVERS.partition_point(|&m| f64::from(m) <= servers).min(SERVERS.len() - 1).max(1);
    let (a, b) = (f64::from(SERVERS[upper - 1]), f64::from(SERVERS[upper]));
    let x = ((servers - a) / (b - a)).clamp(0.0, 1.0);
    let row = rho * ROWS as f64;
    let j = (row as usize).min(ROWS - 1);
    let y = row - j as f64;
    let at = |column: &[f64]| column[j] * (1.0 - y) + column[j + 1] * y;
    at(&table[upper - 1]) * (1.0 - x) + at(&table[upper]) * x
}

static IMBALANCE: OnceLock<Vec<Vec<f64>>> = OnceLock::new();

const SERVERS: [u32; 10] = [1, 2, 3, 4, 6, 8, 12, 16, 32, 64];
const ROWS: usize = 64;

fn supermarket_column(servers: u32) -> Vec<f64> {
    let mut column: Vec<f64> = (0..ROWS)
        .map(|row| {
            let rho = row as f64 / ROWS as f64;
            if row == 0 { 0.0 } else { supermarket_wait(servers, rho) / alone_exactly(servers, rho) }
        })
        .collect();
    // Towards full utilization one choice waits like 1/(1 − ρ), two like its logarithm.
    column.push(0.0);
    column
}

fn alone_exactly(servers: u32, rho: f64) -> f64 {
    let m = f64::from(servers);
    erlang_c(m, rho * m) / (m * (1.0 - rho))
}

/// Mean wait in service times in the limit of many boxes, two choices.
///
/// With `s(k)` the share of boxes that hold at least `k` requests, an arrival makes a `k` from a `k − 1` at rate
/// λ(s(k−1)² − s(k)²), a departure undoes it at rate min(k, m)(s(k) − s(k+1)). For one server that is
/// s(k) = ρ^(2ᵏ − 1); for more it is found by iteration over the birth rates λ(s(k) + s(k+1)).
pub fn supermarket_wait(servers: u32, rho: f64) -> f64 {
    let (m, lambda) = (servers as usize, rho * f64::from(servers));
    let levels = m + 64;
    // Shares of boxes by requests; at first as with one choice.
    let mut birth = vec![lambda; levels];
    let mut shares = vec![0.0; levels + 1];
    for _ in 0..2_000 {
        shares[0] = 1.0;
        for k in 0..levels {
            shares[k + 1] = shares[k] * birth[k] / (k + 1).min(m) as f64;
        }
        let total: f64 = shares.iter().sum();
        shares.iter_mut().for_each(|p| *p /= total);
        let mut tail = 1.0;
        let mut moved = 0.0_f64;
        for k in 0..levels {
            let next = tail - shares[k];
            let wanted = lambda * (tail + next).max(0.0);
            moved = moved.max((wanted - birth[k]).abs());
            birth[k] += 0.5 * (wanted - birth[k]);
            tail = next;
        }
        if moved < 1e-10 {
            break;
        }
    }
    let in_box: f64 = shares.iter().enumerate().map(|(k, p)| k as f64 * p).sum();
    // Little: mean time in the box less the service itself.
    in_box / lambda - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not within {tolerance} of {b}");
    }

    #[test]
    fn balancing_policies_rank_as_simulated() {
        // n = 10 boxes, m = 1, ρ = 0.8: waits of about 4.06 (random), 1.89 (round robin), 1.18 (power of two), 0.36
        // (least connections) service times were simulated.
        let wait = |b: Balancing| b.relative_wait(&Line::new(10.0, 1.0, 0.8));
        close(wait(Balancing::Random), 4.0, 0.1);
        close(wait(Balancing::RoundRobin), 1.89, 0.1);
        close(wait(Balancing::PowerOfTwo), 1.18, 0.05);
        close(wait(Balancing::LeastConnections), 0.36, 0.04);
    }

    #[test]
    fn two_choices_of_one_server_are_mitzenmachers_series() {
        // E[T] = Σ ρ^(2ⁱ − 2) = 1 + 0.81 + 0.5314 + 0.2288 + 0.0424 + 0.0015 at ρ = 0.9.
        close(supermarket_wait(1, 0.9), 1.6141, 1e-3);
        // Four servers a box: close to what ten boxes were simulated to have, 0.322, less a common queue's 0.12.
        let four = supermarket_wait(4, 0.9);
        assert!((0.15..0.33).contains(&four), "{four}");
    }

    #[test]
    fn all_policies_are_alike_for_a_single_box() {
        for b in [Balancing::Random, Balancing::PowerOfTwo, Balancing::LeastConnections] {
            close(b.relative_wait(&Line::new(1.0, 2.0, 0.8)), 1.7778, 2e-3); // M/M/2
        }
    }
}
