//! Balancing policies: published waits against request by request, and the formulas of the flow against both.

use super::lines::exponential;
use crate::verify::line::Line;
use crate::verify::luck::REPETITIONS;
use crate::verify::{Band, Check};
use crate::world::Balancing;
use crate::world::queueing::balancing::supermarket_wait;
use crate::world::queueing::slowdown;

use Balancing::{LeastConnections, PowerOfTwo, Random, RoundRobin};

/// Mean waits of ten boxes of one and of four servers, at loads of 0.7, 0.8 and 0.9, exponential work [service
/// times]. Random routing is M/M/m; the others were simulated, to about 3 % or half of the last digit.
const SIMULATED: [(Balancing, [f64; 3], [f64; 3]); 4] = [
    (Random, [2.333, 4.0, 9.0], [0.3572, 0.7455, 1.9694]),
    (RoundRobin, [1.01, 1.89, 4.60], [0.122, 0.311, 0.957]),
    (PowerOfTwo, [0.75, 1.18, 2.14], [0.044, 0.114, 0.322]),
    (LeastConnections, [0.16, 0.36, 0.96], [0.003, 0.023, 0.122]),
];

const LOADS: [f64; 3] = [0.7, 0.8, 0.9];

/// How far the approximation of a policy is off for one and for four servers, at most [share of the wait].
fn error(balancing: Balancing) -> (f64, f64) {
    match balancing {
        Random => (0.01, 0.01),
        // Allen–Cunneen with the correction of Krämer and Langenbach-Belz overstates several servers.
        RoundRobin => (0.06, 0.30),
        PowerOfTwo => (0.10, 0.25),
        LeastConnections => (0.12, 0.20),
    }
}

pub fn checks() -> Vec<Check> {
    let mut checks = Vec::new();
    for (balancing, one, four) in SIMULATED {
        for (servers, waits) in [(1, one), (4, four)] {
            let published = waits[1];
            let name = format!("{}-10x{servers}-0.8-sim", balancing.name());
            let line = Line {
                boxes: 10,
                workers: servers,
                load: 0.8,
                work: exponential,
                balancing,
                requests: 60_000,
            };
            let (beside, why) = match balancing {
                Random => (0.0, "4.5 standard errors: the pooling gap is exact"),
                _ => (
                    0.03 * published + 5e-4,
                    "the published number's own luck (3 %), and 4.5 standard errors",
                ),
            };
            checks.push(
                Check::new(name, published, Band::Chance(beside, why), move |luck| {
                    luck.mean(REPETITIONS, |r| line.run(&luck.streams(r), 0.0).mean)
                })
                .claims(format!(
                    "mean wait of ten boxes of {servers} servers, {}, request by request",
                    balancing.name()
                ))
                .after("M/M/m for random routing; others from an independent simulation"),
            );
            for (load, published) in LOADS.into_iter().zip(waits).filter(|_| balancing != Random) {
                let share = if servers == 1 { error(balancing).0 } else { error(balancing).1 };
                // Below a hundredth of a service time nobody notices.
                let band = Band::Within(
                    share * published + 0.01,
                    "an approximation: its largest error, or a hundredth of a service time",
                );
                let name = format!("{}-10x{servers}-{load}", balancing.name());
                checks.push(
                    Check::new(name, published, band, move |_| {
                        (slowdown(balancing, 10.0, servers as f64, load) - 1.0).into()
                    })
                    .claims(format!(
                        "wait of ten boxes of {servers} servers at {load}, {}, as the flow has it",
                        balancing.name()
                    ))
                    .after("independent simulation of ten boxes"),
                );
            }
        }
    }
    // E[T] = Σ ρ^(2ⁱ − 2) = 1 + 0.81 + 0.5314 + 0.2288 + 0.0424 + 0.0015 at ρ = 0.9.
    let series: f64 = (1..=10).map(|i| 0.9_f64.powf(f64::powi(2.0, i) - 2.0)).sum();
    checks.push(
        Check::new(
            "supermarket-0.9",
            series - 1.0,
            Band::Within(1e-6, "iteration to 1e-10 and rounding"),
            |_| supermarket_wait(1, 0.9).into(),
        )
        .claims("two choices among very many boxes of one server: Σ ρ^(2ⁱ − 2) service times")
        .after("Mitzenmacher 2001"),
    );
    checks
}
