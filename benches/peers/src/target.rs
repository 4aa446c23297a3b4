//! What boxherd's engine wants to reach, as ratios of one run: they hold on any machine and under load.

use crate::measure::{Measured, Spread};
use crate::workload::Benchmark;
use crate::workload::hold::Delays;

pub struct Target {
    pub yardstick: &'static str,
    /// Times the yardstick that boxherd may take for an event.
    pub at_most: f64,
}

/// What applies to a benchmark.
pub fn targets(benchmark: Benchmark) -> Vec<Target> {
    let target = |yardstick, at_most| Target { yardstick, at_most };
    match benchmark {
        Benchmark::Customers { servers: 1 } => vec![target("hand", 1.8), target("nexosim", 1.0 / 8.0)],
        Benchmark::Customers { .. } => vec![target("hand", 1.5), target("nexosim", 1.0 / 5.0)],
        Benchmark::Hold { delays: Delays::Ties | Delays::Zero, .. } => vec![target("std-binary-heap", 1.1)],
        Benchmark::Hold { population, .. } => match population {
            1_000 => vec![target("std-binary-heap", 0.7)],
            10_000 => vec![target("std-binary-heap", 0.55)],
            100_000 => vec![target("std-binary-heap", 0.35)],
            _ => Vec::new(),
        },
    }
}

impl Target {
    pub fn reached(&self, measured: &Measured) -> Spread {
        measured.ratio("boxherd", self.yardstick).expect("both can do what there is a target for")
    }
}
