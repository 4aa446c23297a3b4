//! Who takes part: how each engine runs the models. Each in its idiom, on one thread.

mod boxherd;
mod desque;
mod heaps;
mod nexosim;

use crate::workload::customers::Customers;
use crate::workload::hold::{Delays, Hold};
use crate::workload::{Benchmark, Outcome};
use cpu_time::ProcessTime;

pub struct Engine {
    pub name: &'static str,
    /// Lives through all customers and gives (ns, waited).
    customers: fn(Customers) -> (f64, u64),
    /// Runs until the model has no next delay.
    hold: fn(Hold, u32) -> Outcome,
    /// Events for the present instant are allowed.
    knows_zero_delay: bool,
}

/// The hand-written loop is the first: it is the yardstick.
pub const ALL: [Engine; 5] = [
    Engine {
        name: "hand",
        customers: heaps::customers::<heaps::FourAry>,
        hold: heaps::hold::<heaps::FourAry>,
        knows_zero_delay: true,
    },
    Engine {
        name: "std-binary-heap",
        customers: heaps::customers::<heaps::Std>,
        hold: heaps::hold::<heaps::Std>,
        knows_zero_delay: true,
    },
    Engine { name: "boxherd", customers: boxherd::customers, hold: boxherd::hold, knows_zero_delay: true },
    Engine { name: "nexosim", customers: nexosim::customers, hold: nexosim::hold, knows_zero_delay: false },
    Engine { name: "desque", customers: desque::customers, hold: desque::hold, knows_zero_delay: true },
];

impl Engine {
    pub fn can(&self, benchmark: Benchmark) -> bool {
        self.knows_zero_delay || !matches!(benchmark, Benchmark::Hold { delays: Delays::Zero, .. })
    }

    /// One run of `events` measured events.
    pub fn run(&self, benchmark: Benchmark, events: u64, seed: u64) -> Outcome {
        match benchmark {
            Benchmark::Customers { servers } => {
                let (ns, waited) = (self.customers)(Customers::new(servers, events / 2, seed));
                Outcome { ns_per_event: ns / events as f64, seen: [waited, events] }
            }
            Benchmark::Hold { delays, population } => {
                (self.hold)(Hold::new(delays, population, events, seed), population)
            }
        }
    }
}

/// Processor time of `work` [ns]: what other processes take does not count.
fn timed(work: impl FnOnce()) -> f64 {
    let since = ProcessTime::now();
    work();
    since.elapsed().as_nanos() as f64
}
