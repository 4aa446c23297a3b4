//! How it is timed: rounds in which every engine does the same work once, each with its own draws.
//!
//! Before that it is shown that the work is right ([`check`]), and in every round that it was the same
//! ([`measure`]): a panic, not a number, where it was not.

use crate::engine;
use crate::options::Options;
use crate::workload::Benchmark;
use crate::workload::customers::{erlang_c_wait, mean_wait};

/// A value in the middle round, and the range that the middle half of all rounds lies in.
#[derive(Clone, Copy)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Spread {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        Spread { low: at(0.25), median: at(0.5), high: at(0.75) }
    }
}

/// What came of one benchmark: by engine, in the order of [`engine::ALL`], ns per event of every round. `None`
/// for an engine that cannot do it.
pub struct Measured {
    pub benchmark: Benchmark,
    rounds: Vec<Vec<Option<f64>>>,
}

impl Measured {
    pub fn ns_per_event(&self, engine: &str) -> Option<Spread> {
        let at = position(engine);
        let values: Option<Vec<f64>> = self.rounds.iter().map(|round| round[at]).collect();
        values.map(Spread::of)
    }

    /// How many times the time of `yardstick` an event takes, within rounds.
    pub fn ratio(&self, engine: &str, yardstick: &str) -> Option<Spread> {
        let (of, to) = (position(engine), position(yardstick));
        let values: Option<Vec<f64>> =
            self.rounds.iter().map(|round| Some(round[of]? / round[to]?)).collect();
        values.map(Spread::of)
    }
}

fn position(engine: &str) -> usize {
    engine::ALL.iter().position(|e| e.name == engine).expect("an engine of this program")
}

/// Lets the engines take turns. Who begins changes from round to round.
pub fn measure(benchmark: Benchmark, options: &Options) -> Measured {
    let engines = &engine::ALL;
    let rounds = (0..options.rounds()).map(|round| {
        let mut times = vec![None; engines.len()];
        let mut seen = None;
        for turn in 0..engines.len() {
            let at = (round as usize + turn) % engines.len();
            if !engines[at].can(benchmark) {
                continue;
            }
            let seed = options.seed.wrapping_add(u64::from(round));
            let outcome = engines[at].run(benchmark, options.events(), seed);
            let first = *seen.get_or_insert(outcome.seen);
            let name = engines[at].name;
            assert_eq!(outcome.seen, first, "{}: {name} did other work than the others", benchmark.name());
            times[at] = Some(outcome.ns_per_event);
        }
        times
    });
    Measured { benchmark, rounds: rounds.collect() }
}

/// The work of one round by one engine, if it can do it.
pub fn once(engine: &str, benchmark: Benchmark, options: &Options) {
    let engine = &engine::ALL[position(engine)];
    if engine.can(benchmark) {
        engine.run(benchmark, options.events(), options.seed);
    }
}

/// Over four million customers the means of seeds spread by 0.7 % with one server and 3 % with fifty; allowed is
/// four times that. Erlang C says 4.0000 and 0.0087 service times.
pub fn check(benchmarks: &[Benchmark], seed: u64) {
    const CUSTOMERS: u64 = 4_000_000;
    for (servers, tolerance) in [(1, 0.03), (50, 0.12)] {
        let benchmark = Benchmark::Customers { servers };
        if !benchmarks.contains(&benchmark) {
            continue;
        }
        let [waited, _] = engine::ALL[position("boxherd")].run(benchmark, 2 * CUSTOMERS, seed).seen;
        let (mean, exact) = (mean_wait(waited, CUSTOMERS), erlang_c_wait(servers));
        let error = mean / exact - 1.0;
        assert!(error.abs() < tolerance, "M/M/{servers}: customers wait {mean} instead of {exact}");
        eprintln!("M/M/{servers}: mean wait {mean:.5}, by Erlang C {exact:.5} ({:+.2} %)", 100.0 * error);
    }
}
