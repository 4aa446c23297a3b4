//! What can be asked for on the command line.

use crate::engine;
use crate::workload::{self, Benchmark};
use clap::{Parser, ValueEnum};

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Format {
    /// Tables and targets.
    Text,
    /// A list of {benchmark, engine, ns_per_event, ratio_to_hand_loop}.
    Json,
}

/// boxherd's engine and its peers, side by side: ns per event and ratios.
#[derive(Parser)]
#[command(name = "peers", after_help = "Example: peers --quick --only mm1 --only hold-mix-1000")]
pub struct Options {
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
    /// A fifth of the work in fewer rounds: good to some 10 %
    #[arg(long)]
    pub quick: bool,
    /// Rounds; each lets every engine do the same work once [default: 11, or 5 with --quick]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: Option<u32>,
    /// Measured events a round and engine [default: 500,000, or 100,000 with --quick]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000_000))]
    events: Option<u64>,
    /// Let one engine do the work once and print nothing: for profilers
    #[arg(long, value_name = "ENGINE", value_parser = engine::ALL.map(|e| e.name))]
    pub once: Option<String>,
    /// Of all random draws; each round has its own
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only benchmarks whose name begins with these words (mm1, hold, hold-mix, hold-ties-1000); may be repeated
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
}

impl Options {
    pub fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 5 } else { 11 })
    }

    /// Measured events a round and engine.
    pub fn events(&self) -> u64 {
        self.events.unwrap_or(if self.quick { 100_000 } else { 500_000 })
    }

    pub fn benchmarks(&self) -> Vec<Benchmark> {
        let is_asked = |b: &Benchmark| {
            let name = b.name();
            let begins = |o: &String| {
                name.strip_prefix(o).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            };
            self.only.is_empty() || self.only.iter().any(begins)
        };
        workload::all().into_iter().filter(is_asked).collect()
    }
}
