//! Requests in line, one by one on the engine, against closed forms; and the pool formula against the same.

use super::mmc::{SOURCE, TABLE};
use crate::verify::line::{Line, Waits, Work};
use crate::verify::luck::REPETITIONS;
use crate::verify::{Band, Check};
use crate::world::Balancing;
use crate::world::queueing::{ServiceTime, WorkerPool};

pub const LUCK: &str = "4.5 standard errors of 40 independent repetitions";

/// Exponential work, from a uniform number.
pub fn exponential(u: f64) -> f64 {
    -(-u).ln_1p()
}

/// Always the same work.
pub fn constant(_: f64) -> f64 {
    1.0
}

/// Lognormal work with a squared coefficient of variation of 4.
pub fn lognormal(u: f64) -> f64 {
    ServiceTime::lognormal(1.0, 4.0).quantile(u)
}

fn simulated(name: String, expected: f64, line: Line, beyond: f64, of: fn(&Waits) -> f64) -> Check {
    Check::new(name, expected, Band::Chance(0.0, LUCK), move |luck| {
        luck.mean(REPETITIONS, |r| of(&line.run(&luck.streams(r), beyond)))
    })
}

fn single(workers: u32, load: f64, work: Work, requests: u32) -> Line {
    Line { boxes: 1, workers: workers as usize, load, work, balancing: Balancing::Random, requests }
}

pub fn checks() -> Vec<Check> {
    let mut checks = Vec::new();
    // Rows of the table, with as many requests as make 40 repetitions an honest sample: thousands of times the
    // requests that pass until a busy queue has forgotten itself.
    for (i, requests) in [(0, 20_000), (1, 60_000), (4, 60_000), (6, 60_000), (8, 60_000)] {
        let row = TABLE[i];
        let line = single(row.servers, row.load, exponential, requests);
        let check = |what: &str, claim: &str, expected, of| {
            simulated(format!("{}-{what}-sim", row.name()), expected, line, row.p95, of)
                .claims(format!("{claim}, M/M/{} at {}, request by request", row.servers, row.load))
                .after(SOURCE)
        };
        checks.push(check("p-wait", "share of requests that wait", row.p_wait, |w: &Waits| w.share));
        checks.push(check("wait", "mean wait", row.wait, |w| w.mean));
        if i != 0 {
            checks.push(check("in-line", "mean number in line", row.in_line, |w| w.in_line));
            checks.push(check("p95", "5 % wait longer than the 95th percentile", 0.05, |w| w.beyond));
        }
    }
    // Pollaczek and Khinchine: ρ/(1 − ρ)·(1 + cv²)/2 = 4·(1 + cv²)/2 at ρ = 0.8.
    let cases: [(&str, f64, Work, u32); 2] =
        [("md1", 0.0, constant, 60_000), ("mg1", 4.0, lognormal, 200_000)];
    for (name, cv2, work, requests) in cases {
        let expected = 4.0 * (1.0 + cv2) / 2.0;
        let source = "Pollaczek 1930, Khinchine 1932";
        let line = single(1, 0.8, work, requests);
        checks.push(
            simulated(format!("{name}-0.8-wait-sim"), expected, line, 0.0, |w| w.mean)
                .claims(format!("mean wait at a load of 0.8, work with cv² {cv2}, request by request"))
                .after(source),
        );
        let formula = move |_: &_| {
            let work = ServiceTime::lognormal(1.0, cv2);
            let t = WorkerPool { cores: 1.0, workers: 1.0 }.times(Balancing::Random, 1.0, &work, 0.8);
            (t.in_line * t.line).into()
        };
        let band = Band::Within(1e-3, "the table of Erlang C is interpolated");
        checks.push(
            Check::new(format!("{name}-0.8-wait"), expected, band, formula)
                .claims(format!("mean wait of a pool of one worker, work with cv² {cv2}"))
                .after(source),
        );
    }
    checks
}
