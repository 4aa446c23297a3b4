//! Formulas of queueing theory for a box that shares its processor among requests, and for groups of such boxes.
//!
//! Pure functions of loads and capacities, in cores and seconds; nothing here knows a service or a machine.
//! A box of `c` cores runs one request at up to one core, so it is a processor-sharing station with
//! `max(1, c)` servers of speed `min(1, c)`; fractional servers use the continuous Erlang formula. Processor
//! sharing is insensitive to the service-time distribution beyond its mean (exactly for one server, nearly for
//! several), so a request of size x takes x times the mean slowdown.
//!
//! Sources: Erlang 1917 with the continuous extension of Jagerman 1974; Allen 1990 and Krämer & Langenbach-Belz
//! 1976 for regular arrivals; the least-connections factor was fitted to simulations (n = 10, m = 1 and 4).
//! Start at [`slowdown`].

use crate::parameter::choices;
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::gamma::{gamma_ur, ln_gamma};

choices! {
    /// How a route spreads requests over its boxes.
    pub enum Balancing {
        /// Each request to a box at random (kube-proxy, DNS): boxes queue on their own.
        Random = "random",
        /// In turn (default of ALB, nginx, HAProxy): arrivals at each box are more regular.
        RoundRobin = "round-robin",
        /// To the box with fewest open requests: nearly one common queue.
        LeastConnections = "least-connections",
    }
}

/// Above this utilization the stationary formulas are not used: overload is followed as a backlog instead.
pub const STATIONARY_MAX: f64 = 0.995;

/// Probability that a request finds all servers busy and is lost, M/M/c/c; `servers` may be fractional.
pub fn erlang_b(servers: f64, load: f64) -> f64 {
    if load <= 0.0 {
        return 0.0;
    }
    // B = aᶜe⁻ᵃ / Γ(c+1, a), with the regularised upper incomplete gamma function Q = Γ(c+1, a) / Γ(c+1).
    let log_term = servers * load.ln() - load - ln_gamma(servers + 1.0);
    log_term.exp() / gamma_ur(servers + 1.0, load)
}

/// Probability that a request has to wait, M/M/c with `load` = λS < `servers`.
pub fn erlang_c(servers: f64, load: f64) -> f64 {
    let rho = load / servers;
    let b = erlang_b(servers, load);
    b / (1.0 - rho * (1.0 - b))
}

/// Mean response time of a request relative to its service time on a whole idle core.
///
/// `boxes` alike share the arrivals evenly; each has `cores` cores and is used to `utilization` (0..1 of its
/// cores; capped at [`STATIONARY_MAX`]).
pub fn slowdown(balancing: Balancing, boxes: f64, cores: f64, utilization: f64) -> f64 {
    let rho = utilization.clamp(0.0, STATIONARY_MAX);
    let (servers, speed) = (cores.max(1.0), cores.min(1.0));
    (1.0 + relative_wait(balancing, boxes.max(1.0), servers, rho)) / speed
}

/// Mean time lost to other requests, in service times.
fn relative_wait(balancing: Balancing, boxes: f64, servers: f64, rho: f64) -> f64 {
    if rho <= 0.0 {
        return 0.0;
    }
    let alone = |servers: f64| erlang_c(servers, rho * servers) / (servers * (1.0 - rho));
    match balancing {
        Balancing::Random => alone(servers),
        Balancing::RoundRobin => {
            // Every n-th arrival of a Poisson stream: squared coefficient of variation 1/n.
            let ca2 = 1.0 / boxes;
            let klb = (-2.0 * (1.0 - rho) * (1.0 - ca2).powi(2) / (3.0 * rho * (ca2 + 1.0))).exp();
            alone(servers) * (ca2 + 1.0) / 2.0 * klb
        }
        Balancing::LeastConnections => {
            // Never worse than the separate queues it improves on (the fitted factor exceeds 1 for one box).
            let pooled = alone(boxes * servers) * (1.0 + 4.0 * (1.0 - rho) / servers.sqrt());
            pooled.min(alone(servers))
        }
    }
}

/// Distribution of the work of one request: lognormal with a mean [s] and a squared coefficient of variation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceTime {
    pub mean_s: f64,
    mu: f64,
    sigma: f64,
}

impl ServiceTime {
    /// # Panics
    /// If the mean is not positive or the variation is negative.
    pub fn lognormal(mean_s: f64, cv2: f64) -> ServiceTime {
        assert!(mean_s > 0.0 && cv2 >= 0.0, "a service time has a positive mean");
        let sigma2 = (1.0 + cv2).ln();
        ServiceTime { mean_s, mu: mean_s.ln() - sigma2 / 2.0, sigma: sigma2.sqrt() }
    }

    /// P(work ≤ `t_s`).
    pub fn cdf(&self, t_s: f64) -> f64 {
        if t_s <= 0.0 {
            return 0.0;
        }
        if self.sigma == 0.0 {
            return if t_s >= self.mean_s { 1.0 } else { 0.0 };
        }
        Normal::standard().cdf((t_s.ln() - self.mu) / self.sigma)
    }

    /// The work that a share `p` of requests does not exceed [s].
    pub fn quantile(&self, p: f64) -> f64 {
        (self.mu + self.sigma * Normal::standard().inverse_cdf(p)).exp()
    }
}

/// What a service must deliver and what one box can, for sizing.
#[derive(Clone, Copy, Debug)]
pub struct SizingTask {
    pub balancing: Balancing,
    pub cores_per_box: f64,
    /// Requests per second to be carried.
    pub rate: f64,
    pub work: ServiceTime,
    /// Latency [s] that the share `quantile` of requests must not exceed.
    pub latency_s: f64,
    pub quantile: f64,
}

/// The smallest number of equal boxes that carries the rate within the latency goal; `None` if one request
/// alone on an idle box takes too long.
pub fn boxes_needed(task: &SizingTask) -> Option<u32> {
    let work_q = task.work.quantile(task.quantile);
    let meets = |boxes: u32| {
        let utilization = task.rate * task.work.mean_s / (f64::from(boxes) * task.cores_per_box);
        utilization < STATIONARY_MAX
            && slowdown(task.balancing, f64::from(boxes), task.cores_per_box, utilization) * work_q
                <= task.latency_s
    };
    if work_q / task.cores_per_box.min(1.0) > task.latency_s {
        return None;
    }
    let (mut low, mut high) = (0_u32, 1_u32);
    while !meets(high) {
        low = high;
        high = high.checked_mul(2).filter(|&n| n <= 1 << 22)?;
    }
    while high - low > 1 {
        let mid = low + (high - low) / 2;
        if meets(mid) { high = mid } else { low = mid }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not within {tolerance} of {b}");
    }

    #[test]
    fn erlang_b_agrees_with_its_recursion_for_whole_servers() {
        for (servers, load) in [(1, 0.5), (4, 3.6), (50, 40.0), (500, 480.0)] {
            let recursion = (1..=servers).fold(1.0, |b, k| load * b / (f64::from(k) + load * b));
            close(erlang_b(f64::from(servers), load), recursion, 1e-9);
        }
    }

    #[test]
    fn one_core_is_m_g_1_processor_sharing() {
        // E[T]/S = 1/(1 − ρ) = 10 at ρ = 0.9, whatever the service-time distribution.
        close(slowdown(Balancing::Random, 10.0, 1.0, 0.9), 10.0, 1e-9);
        // Half a core: the same queue at half the speed.
        close(slowdown(Balancing::Random, 10.0, 0.5, 0.9), 20.0, 1e-9);
    }

    #[test]
    fn four_cores_are_m_m_4() {
        // M/M/4 at ρ = 0.9: a = 3.6, C = 0.7878, E[W]/S = C / (4·0.1) = 1.969.
        close(slowdown(Balancing::Random, 1.0, 4.0, 0.9), 1.0 + 1.969, 2e-3);
    }

    #[test]
    fn balancing_policies_rank_as_simulated() {
        // n = 10 boxes, m = 1, ρ = 0.8: waits of about 4.06 (random), 1.89 (round robin), 0.36 (least
        // connections) service times were simulated.
        let wait = |b| slowdown(b, 10.0, 1.0, 0.8) - 1.0;
        close(wait(Balancing::Random), 4.0, 0.1);
        close(wait(Balancing::RoundRobin), 1.89, 0.1);
        close(wait(Balancing::LeastConnections), 0.36, 0.04);
    }

    #[test]
    fn lognormal_work_has_the_mean_and_tail_it_says() {
        let work = ServiceTime::lognormal(0.05, 2.0);
        // σ² = ln 3 = 1.0986, μ = ln 0.05 − 0.5493; p99 = exp(μ + 2.3263·1.0481) = 0.3307 s.
        close(work.quantile(0.99), 0.3307, 1e-3);
        close(work.cdf(work.quantile(0.9)), 0.9, 1e-9);
    }

    #[test]
    fn sizing_finds_the_smallest_number() {
        let task = SizingTask {
            balancing: Balancing::RoundRobin,
            cores_per_box: 2.0,
            rate: 400.0,
            work: ServiceTime::lognormal(0.05, 1.0),
            latency_s: 0.5,
            quantile: 0.99,
        };
        let n = boxes_needed(&task).expect("feasible");
        // 400/s · 50 ms = 20 cores of work: at least 11 boxes of 2 cores.
        assert!((11..=14).contains(&n), "{n}");
        assert_eq!(boxes_needed(&SizingTask { latency_s: 0.05, ..task }), None);
    }
}
