//! What the engines do: the models, without any engine.
//!
//! A model gets (now, what happens) and answers with delays to what follows. It draws the random numbers and
//! keeps the books, so that every engine lives through the same events and only what lies between them differs.

pub mod customers;
pub mod hold;

use boxherd::engine::Stream;
use hold::Delays;
use rand_distr::{Distribution, Exp1};

/// One row of the result.
#[derive(Clone, Copy, PartialEq)]
pub enum Benchmark {
    /// M/M/c at 80 % load.
    Customers { servers: u32 },
    /// A constant population of pending events.
    Hold { delays: Delays, population: u32 },
}

impl Benchmark {
    pub fn name(&self) -> String {
        match self {
            Benchmark::Customers { servers } => format!("mm{servers}"),
            Benchmark::Hold { delays, population } => format!("hold-{}-{population}", delays.name()),
        }
    }
}

pub fn all() -> Vec<Benchmark> {
    let customers = [1, 50].map(|servers| Benchmark::Customers { servers });
    let hold = Delays::ALL
        .into_iter()
        .flat_map(|delays| hold::POPULATIONS.map(|population| Benchmark::Hold { delays, population }));
    customers.into_iter().chain(hold).collect()
}

/// What came of one run. `seen` is equal for all engines that did the same.
#[derive(Clone, Copy)]
pub struct Outcome {
    pub ns_per_event: f64,
    pub seen: [u64; 2],
}

/// Exponential with `mean` [µs], and at least one: some engines know no event for the present instant.
fn exponential(stream: &mut Stream, mean: f64) -> u64 {
    (Distribution::<f64>::sample(&Exp1, stream) * mean) as u64 + 1
}
