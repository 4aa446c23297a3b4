//! What one replication of one platform leaves behind: plain sums, samples and series, nothing averaged yet.
//!
//! Knows neither the simulator that filled it nor the rows it becomes. Services are indices into
//! the services of the scenario; `None` is the whole platform. Start at [`ReplicationOutcome`].

use super::histogram::Histogram;
use super::latency_series::LatencyPoint;
use crate::engine::{SimDuration, SimTime};
use crate::results::metric::MetricId;

#[derive(Clone, Debug, PartialEq, Default)]
pub struct ReplicationOutcome {
    /// Counted from 0; all platforms have the same ones, in order.
    pub replication: u32,
    /// Digest of the event trace.
    pub digest: u64,
    /// Events simulated.
    pub events: u64,
    pub measures: Vec<Measure>,
    pub samples: Vec<Sample>,
    /// How long answered requests took [ms], by service.
    pub latencies: Vec<Histogram>,
    /// The same over time, by service and bucket.
    pub latency_points: Vec<LatencyPoint>,
    pub series: Vec<SeriesPoint>,
    pub incidents: Vec<IncidentOutcome>,
    pub costs: Vec<CostLine>,
}

/// A part of a mean or ratio. The whole platform needs its own: most ratios of services do not add up.
/// Several of one metric and service are added. What is not there counts as nothing observed, (0, 0).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure {
    pub service: Option<u16>,
    pub metric: MetricId,
    pub numerator: f64,
    /// Months for "per month", seconds of the window for a mean over time, 1 for a plain mean over replications.
    pub denominator: f64,
}

/// One value of a distribution, in the metric's unit. That of a service counts for the platform as well: give it
/// once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub service: Option<u16>,
    pub metric: MetricId,
    pub value: f64,
    /// Still open at the horizon: the true value is larger.
    pub censored: bool,
}

/// Means over one bucket of time.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct SeriesPoint {
    /// Index into the buckets of the series.
    pub bucket: u32,
    pub service: Option<u16>,
    pub offered_rps: f64,
    pub served_rps: f64,
    pub failed_rps: f64,
    pub slow_rps: f64,
    pub useful_cores: f64,
    pub wasted_cores: f64,
    pub boxes_ready: f64,
    /// Of the whole platform only.
    pub machines: Option<MachinePoint>,
}

/// What the platform paid for in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct MachinePoint {
    pub paid_cores: f64,
    pub overhead_cores: f64,
    pub idle_cores: f64,
    pub vms: f64,
}

/// A row of `incidents.csv` but for platform, replication and number. Spans in seconds; `total_s` is their sum.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct IncidentOutcome {
    pub fault: u64,
    pub kind: String,
    pub service: Option<u16>,
    pub lost: String,
    /// Empty unless something took its place.
    pub replacement: String,
    /// ISO 8601 in the scenario's calendar.
    pub time: String,
    /// As `boxherd replay --from` takes it: see [`replay_at`].
    pub replay_at: String,
    pub opened_s: f64,
    pub stages: RecoveryStages,
    pub end: End,
}

/// How an incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum End {
    #[default]
    Closed,
    /// What was needed was not needed any more before it came: the time it takes is longer.
    Passed,
    /// Not before the horizon: the time it takes is longer.
    Open,
}

/// Stages of a recovery in order [s]; one that did not happen is 0.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct RecoveryStages {
    pub detect_s: f64,
    pub decide_s: f64,
    pub provision_s: f64,
    pub boot_s: f64,
    pub configure_s: f64,
    pub start_s: f64,
    pub rotation_s: f64,
}

impl RecoveryStages {
    pub fn total_s(&self) -> f64 {
        let stages = [self.detect_s, self.decide_s, self.provision_s, self.boot_s];
        stages.iter().sum::<f64>() + self.configure_s + self.start_s + self.rotation_s
    }
}

/// A line of the bill, per 730-hour month. Lines of one category and item are added.
#[derive(Clone, Debug, PartialEq)]
pub struct CostLine {
    /// `compute`, `network entry`, `control plane`, `registry`, `storage`, `people` or `automation`.
    pub category: String,
    pub item: String,
    pub quantity: f64,
    pub unit: String,
    pub usd: f64,
}

/// The span since the start of the simulation, cut to whole seconds so that a replay from there shows the instant:
/// `25d14h34m12s`.
pub fn replay_at(instant: SimTime) -> String {
    SimDuration::from_secs(instant.as_micros() / 1_000_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_as_the_replay_reads_it() {
        // 25 d 14 h 34 m 12.9 s = (25 · 86,400 + 14 · 3,600 + 34 · 60 + 12) s = 2,212,452 s and a bit.
        let written = replay_at(SimTime::from_micros(2_212_452_900_000));
        assert_eq!(written, "25d14h34m12s");
        assert_eq!(written.parse(), Ok(SimDuration::from_secs(2_212_452)));
        assert_eq!(replay_at(SimTime::ZERO), "0s");
    }
}
