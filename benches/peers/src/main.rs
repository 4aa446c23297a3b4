//! How fast is boxherd's engine beside its peers?
//!
//! M/M/1, M/M/50 and the hold model through five engines in one run: the hand-written loop, the heap of the
//! standard library, boxherd, nexosim, desque. Within each round the engines take turns and the first one
//! changes, so that a busy machine disturbs all alike; ratios are taken within rounds, and medians are shown.
//!
//! Deliberately a crate of its own: nothing that boxherd is compared with is built, resolved or audited with it.
//! Knows nothing of fleets. Start at [`engine::Engine`] for who takes part, [`workload`] for what they do, and
//! [`measure`] for how it is timed.

mod engine;
mod measure;
mod options;
mod print;
mod target;
mod workload;

use clap::Parser;
use options::{Format, Options};
use std::io::IsTerminal;

fn main() {
    let options = Options::parse();
    let benchmarks = options.benchmarks();
    if benchmarks.is_empty() {
        let all: Vec<String> = workload::all().iter().map(workload::Benchmark::name).collect();
        eprintln!("error: no benchmark has that name; there are {}", all.join(", "));
        std::process::exit(2);
    }
    if let Some(engine) = &options.once {
        benchmarks.iter().for_each(|&benchmark| measure::once(engine, benchmark, &options));
        return;
    }
    measure::check(&benchmarks, options.seed);
    let mut results = Vec::new();
    for benchmark in benchmarks {
        if std::io::stderr().is_terminal() {
            eprintln!("{} …", benchmark.name());
        }
        results.push(measure::measure(benchmark, &options));
    }
    match options.format {
        Format::Text => print::text(&results),
        Format::Json => print::json(&results),
    }
}
