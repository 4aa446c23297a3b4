//! The published table of M/M/c against the formulas that sizing and the flow use.
//!
//! Probabilities come from the exact functions, times from the pool formula and its table of Erlang C.

use crate::verify::{Band, Check};
use crate::world::Balancing;
use crate::world::queueing::{ServiceTime, WorkerPool, erlang_b, erlang_c};

/// One row: servers, load, P(wait), mean wait, mean number in line, 95th percentile of the wait, Erlang B. Times in
/// mean service times.
#[derive(Clone, Copy)]
pub struct Row {
    pub servers: u32,
    pub load: f64,
    pub p_wait: f64,
    pub wait: f64,
    pub in_line: f64,
    pub p95: f64,
    pub lost: f64,
}

const fn row((servers, load): (u32, f64), p_wait: f64, wait: f64, in_line: f64, p95: f64, lost: f64) -> Row {
    Row { servers, load, p_wait, wait, in_line, p95, lost }
}

pub const TABLE: [Row; 10] = [
    row((1, 0.5), 0.50000, 1.00000, 0.5000, 4.6052, 0.333333),
    row((1, 0.8), 0.80000, 4.00000, 3.2000, 13.8629, 0.444444),
    row((1, 0.9), 0.90000, 9.00000, 8.1000, 28.9037, 0.473684),
    row((2, 0.8), 0.71111, 1.77778, 2.8444, 6.6370, 0.329897),
    row((4, 0.8), 0.59643, 0.74554, 2.3857, 3.0987, 0.228145),
    row((8, 0.8), 0.45764, 0.28603, 1.8306, 1.3838, 0.144394),
    row((10, 0.9), 0.66873, 0.66873, 6.0186, 2.5934, 0.167963),
    row((20, 0.9), 0.55077, 0.27538, 4.9569, 1.1996, 0.109213),
    row((50, 0.9), 0.36386, 0.07277, 3.2748, 0.3970, 0.054104),
    row((100, 0.95), 0.50646, 0.10129, 9.6227, 0.4631, 0.048804),
];

pub const SOURCE: &str = "Erlang 1917; digits computed independently by the recursion of Erlang B";

impl Row {
    pub fn name(&self) -> String {
        format!("mmc-{}-{}", self.servers, self.load)
    }

    fn checks(self) -> Vec<Check> {
        let (servers, load) = (f64::from(self.servers), self.load);
        let check = |what: &str, claim: &str, expected: f64, band: Band, obtain: fn(f64, f64) -> f64| {
            Check::new(format!("{}-{what}", self.name()), expected, band, move |_| {
                obtain(servers, load).into()
            })
            .claims(format!("{claim}, {} servers at a load of {load}", self.servers))
            .after(SOURCE)
        };
        // In the flow waits are read from a table whose error is below 0.2 % of a service time and wait.
        let table = 0.002 * (1.0 + self.wait);
        let read = "the table of Erlang C is within 0.2 % of a service time and wait";
        let digits = |half| Band::Within(half, "half of the last digit that is printed");
        vec![
            check("p-wait", "share of requests that wait", self.p_wait, digits(5e-6), |c, load| {
                erlang_c(c, load * c)
            }),
            check("lost", "share that a system without line loses", self.lost, digits(5e-7), |c, load| {
                erlang_b(c, load * c)
            }),
            check("wait", "mean wait", self.wait, Band::Within(table, read), mean_wait),
            check(
                "in-line",
                "mean number in line",
                self.in_line,
                Band::Within(table * servers * load, read),
                // Little: arrivals times wait.
                |c, load| c * load * mean_wait(c, load),
            ),
            check(
                "p95",
                "95th percentile of the wait",
                self.p95,
                Band::Within(3.0 * table, read),
                |c, load| {
                    let t = pool(c).times(Balancing::Random, 1.0, &exponential(), load);
                    t.line * (t.in_line / 0.05).ln()
                },
            ),
        ]
    }
}

/// Work that varies as much as an exponential one: the pool formula knows no more of it.
fn exponential() -> ServiceTime {
    ServiceTime::lognormal(1.0, 1.0)
}

fn pool(servers: f64) -> WorkerPool {
    WorkerPool { cores: servers, workers: servers }
}

fn mean_wait(servers: f64, load: f64) -> f64 {
    let t = pool(servers).times(Balancing::Random, 1.0, &exponential(), load);
    t.in_line * t.line
}

pub fn checks() -> Vec<Check> {
    TABLE.into_iter().flat_map(Row::checks).collect()
}
