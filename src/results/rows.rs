//! The rows of a results folder: plain data with a unit in each name or beside each value.
//!
//! Knows nothing of the simulator; a report is drawn from these alone. Start at [`ResultSet`].

use super::metric::MetricId;
use serde::{Deserialize, Serialize};

/// Version of the folder's layout and columns; raised when a reader has to know.
pub const SCHEMA_VERSION: u32 = 4;

/// Everything a results folder holds, but for the charts. Platforms come in the manifest's order everywhere; no
/// number is NaN or infinite.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultSet {
    pub manifest: Manifest,
    pub summary: Vec<SummaryRow>,
    pub differences: Vec<DifferenceRow>,
    pub replications: Vec<ReplicationRow>,
    pub timeseries: Vec<TimeseriesRow>,
    pub incidents: Vec<IncidentRow>,
    pub costs: Vec<CostRow>,
}

/// What it takes to make the same results again, and what was found out before the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub schema_version: u32,
    pub boxherd_version: String,
    /// Target triple: bytes are promised equal for the same binary and target only.
    pub target: String,
    pub scenario_name: String,
    /// The scenario file, verbatim, and its SHA-free 64-bit FNV-1a hash as 16 hex digits.
    pub scenario: String,
    pub scenario_hash: String,
    /// `--set` overrides in the order given.
    pub overrides: Vec<String>,
    pub seed: u64,
    /// How many were run: what the scenario says, or as many as its precision took.
    pub replications: u32,
    /// What was asked of the number of replications, and what it came to; absent where it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<PrecisionManifest>,
    pub warm_up_s: f64,
    pub horizon_s: f64,
    /// Date of simulation time zero, ISO 8601.
    pub start_date: String,
    /// Date of the price list used.
    pub price_date: String,
    /// Numbers that the results rest on, that nobody has checked against a source, and that the scenario leaves as
    /// they are.
    #[serde(default)]
    pub assumptions: Vec<AssumptionManifest>,
    pub platforms: Vec<PlatformManifest>,
    /// The scenario's claims, and whether they held; absent where it makes none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asserts: Vec<AssertRow>,
}

/// A claim of the scenario about one platform, and what came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssertRow {
    pub platform: String,
    /// Empty for the whole platform.
    pub service: String,
    pub metric: String,
    pub unit: String,
    pub statistic: String,
    /// `<`, `<=`, `>` or `>=`.
    pub comparison: String,
    /// In the unit above, like the value.
    pub bound: f64,
    /// Absent if nothing was observed: the claim does not hold then.
    pub value: Option<f64>,
    pub ci_low: Option<f64>,
    pub ci_high: Option<f64>,
    /// Judged by the value.
    pub passed: bool,
    /// There is an interval, and it leaves the bound out.
    pub certain: bool,
}

/// A default that is an estimate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssumptionManifest {
    /// As a scenario would set it, e.g. `platform.pets.build`.
    pub key: String,
    pub value: String,
    pub meaning: String,
    /// Where the number comes from, or that no source was found.
    pub source: String,
}

/// Replications were added until the differences behind the verdict were narrow enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionManifest {
    /// Half of a 95 % interval over the level of what is compared, at most; a share.
    pub target: f64,
    pub minimum: u32,
    pub maximum: u32,
    /// Whether all were narrow enough and stayed so. If not, the maximum ended it.
    pub reached: bool,
    /// The widest, e.g. `recovery_time p50, pets against k8s`; absent if nothing was observed to be compared.
    pub widest: Option<String>,
    /// Its width, as a share like the target; absent if it has no interval.
    pub widest_relative: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlatformManifest {
    pub name: String,
    pub kind: String,
    /// What the sizing chose, one line a service, for people.
    pub sizing: Vec<String>,
    /// The same for programs: what each service was sized to, and for what.
    #[serde(default)]
    pub sizes: Vec<SizeManifest>,
    /// Digest of the event trace of each replication, 16 hex digits.
    pub digests: Vec<String>,
    /// Events simulated, over all replications.
    pub events: u64,
}

/// What a platform has for one service at its forecast peak: the smallest number of boxes that carries the peak with
/// head-room within the latency goal, and the spare; or what the scenario says instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizeManifest {
    pub service: String,
    /// Boxes at the forecast peak, spare included. Autoscalers move between a minimum and a maximum around it.
    pub boxes: u32,
    /// Those that the peak with head-room does not need.
    pub spare_boxes: u32,
    /// Machine type of its boxes, or of the nodes that they share.
    pub machine: String,
    /// What one box can use at the planned rate [cores].
    pub cores_per_box: f64,
    /// Highest rate that can be foreseen [requests/s].
    pub forecast_peak_rps: f64,
    /// The peak with head-room, which is what it was sized for [requests/s].
    pub planned_rps: f64,
    /// The share of requests that shall stay below the goal [s].
    pub latency_quantile: f64,
    pub latency_goal_s: f64,
    /// That quantile at the planned rate with all boxes but the spare, by theory; absent if they cannot carry it.
    pub expected_latency_s: Option<f64>,
    /// The scenario gives the number of boxes.
    pub explicit: bool,
}

/// One statistic of one metric. `service` is empty for the whole platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SummaryRow {
    pub platform: String,
    pub service: String,
    pub metric: String,
    pub unit: String,
    /// `ratio`, `p50`, `p90`, `p99` or `max`.
    pub statistic: String,
    /// Empty if nothing was observed (no incident, say).
    pub value: Option<f64>,
    /// 95 % interval; empty where one replication or a maximum has none, and where fewer than five replications
    /// observed anything that a quantile could be of.
    pub ci_low: Option<f64>,
    pub ci_high: Option<f64>,
    /// Replications that had something to observe; others do not enter the value.
    pub replications: u32,
}

/// `platform_b` minus `platform_a`, and as a ratio b / a, paired by replication.
///
/// Intervals are those of one comparison. `p_adjusted` is what a claim must rest on: see
/// `experiment::aggregate` for the families of comparisons that are corrected together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DifferenceRow {
    pub platform_a: String,
    pub platform_b: String,
    pub service: String,
    pub metric: String,
    pub unit: String,
    pub statistic: String,
    pub difference: Option<f64>,
    pub difference_low: Option<f64>,
    pub difference_high: Option<f64>,
    pub ratio: Option<f64>,
    pub ratio_low: Option<f64>,
    pub ratio_high: Option<f64>,
    /// Two-sided p-value of "no difference", alone and after Holm's correction.
    pub p_value: Option<f64>,
    pub p_adjusted: Option<f64>,
    /// Pearson's correlation between the two over the replications that both have a value in: what the same weather
    /// buys. Empty with fewer than three, and where one side does not vary.
    #[serde(default)]
    pub correlation: Option<f64>,
    pub replications: u32,
}

/// One statistic of one platform in two results folders: the new value minus the old one, and new / old.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeRow {
    pub platform: String,
    pub service: String,
    pub metric: String,
    pub unit: String,
    pub statistic: String,
    pub old: Option<f64>,
    pub new: Option<f64>,
    pub difference: Option<f64>,
    pub difference_low: Option<f64>,
    pub difference_high: Option<f64>,
    pub ratio: Option<f64>,
    pub ratio_low: Option<f64>,
    pub ratio_high: Option<f64>,
    pub p_value: Option<f64>,
    /// Holm over the headline metrics of all platforms; over the platforms for any other statistic.
    pub p_adjusted: Option<f64>,
    /// Replications of the same weather were held against each other.
    pub paired: bool,
    /// What the two values are of: `sums` over replications, the `pool` of all incidents, or the mean of what the
    /// `replications` say by themselves.
    pub basis: String,
}

/// What one replication says of one statistic by itself. `service` is empty for the whole platform.
///
/// A ratio of the summary is the sum of the numerators over the sum of the denominators, paired by `replication`
/// in a difference. Quantiles of the summary are those of the pool (of the incidents, say, or of all requests), and
/// not a mean of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplicationRow {
    pub platform: String,
    pub service: String,
    pub metric: String,
    pub unit: String,
    pub statistic: String,
    /// Counted from 0; the same number is the same weather on every platform.
    pub replication: u32,
    /// Empty if there was nothing to observe, or what is still open hides it.
    pub value: Option<f64>,
    /// Of ratios.
    pub numerator: Option<f64>,
    pub denominator: Option<f64>,
}

/// Means over replications in one bucket of time. `service` is empty for the whole platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimeseriesRow {
    pub platform: String,
    pub service: String,
    /// Start of the bucket, ISO 8601 in the scenario's calendar.
    pub time: String,
    /// Start of the bucket [s] since metering began.
    pub t_s: f64,
    pub offered_rps: f64,
    pub served_rps: f64,
    pub failed_rps: f64,
    /// Of the served: slower than the latency goal.
    pub slow_rps: f64,
    /// Latency of requests answered in time [ms], of all replications together; right to some 3 %. Empty where none was.
    pub latency_p50_ms: Option<f64>,
    pub latency_p99_ms: Option<f64>,
    /// CPU cores paid for, and what they did. Whole platform only; empty for a service.
    pub paid_cores: Option<f64>,
    pub useful_cores: f64,
    pub wasted_cores: f64,
    pub overhead_cores: Option<f64>,
    pub idle_cores: Option<f64>,
    pub boxes_ready: f64,
    pub vms: Option<f64>,
}

/// One box that was lost to a fault, or one time that a service had too few boxes for its traffic (kind `overload`),
/// with the stages of its recovery.
///
/// Stages are spans [s] in order and sum to `total_s`; a stage that did not happen is 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentRow {
    pub platform: String,
    pub replication: u32,
    /// Numbered from 0 within a replication.
    pub incident: u32,
    /// The same number for all incidents of one cause.
    pub fault: u64,
    pub kind: String,
    pub service: String,
    /// The box lost, e.g. `web-3`; empty for an overload.
    pub lost: String,
    /// The box that took its place, or that ended the overload; empty if none did.
    pub replacement: String,
    /// ISO 8601 in the scenario's calendar, and [s] since metering began.
    pub time: String,
    /// The same instant since the start of the simulation, warm-up included, in whole seconds: what
    /// `boxherd replay --from` takes, e.g. `25d14h34m12s`.
    pub replay_at: String,
    pub opened_s: f64,
    /// Until the control plane or a person knew.
    pub detect_s: f64,
    /// Until something was asked for: includes waiting for a person.
    pub decide_s: f64,
    /// Until a machine was granted.
    pub provision_s: f64,
    pub boot_s: f64,
    /// Configuration, repair by hand or image pull.
    pub configure_s: f64,
    pub start_s: f64,
    /// Until checks let it into the rotation.
    pub rotation_s: f64,
    pub total_s: f64,
    /// `closed`; `open` at the horizon, or `passed` where the need was over before it was met (an overload that the
    /// traffic itself ended): `total_s` is then a lower bound.
    pub status: String,
}

/// A line of the bill: mean over replications, per 730-hour month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CostRow {
    pub platform: String,
    /// `compute`, `network entry`, `control plane`, `registry`, `storage` or `people`.
    pub category: String,
    pub item: String,
    pub quantity_per_month: f64,
    pub quantity_unit: String,
    pub usd_per_month: f64,
    pub ci_low: Option<f64>,
    pub ci_high: Option<f64>,
}

impl ResultSet {
    /// One statistic of a metric for the whole of a platform.
    pub fn whole(&self, platform: &str, metric: MetricId, statistic: &str) -> Option<&SummaryRow> {
        self.of_service(platform, "", metric, statistic)
    }

    /// One statistic of a metric for a service on a platform; the empty name is the whole platform.
    pub fn of_service(
        &self,
        platform: &str,
        service: &str,
        metric: MetricId,
        statistic: &str,
    ) -> Option<&SummaryRow> {
        let metric = metric.definition().name;
        let is_it = |row: &&SummaryRow| {
            row.platform == platform && row.service == service && row.is_of(metric, statistic)
        };
        self.summary.iter().find(is_it)
    }

    /// Names of the services that any row speaks of, in the order of the rows.
    pub fn services(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for row in self.summary.iter().filter(|row| !row.service.is_empty()) {
            if !names.contains(&row.service.as_str()) {
                names.push(&row.service);
            }
        }
        names
    }
}

impl SummaryRow {
    /// Whether this is that statistic of that metric, of whatever platform and service.
    pub fn is_of(&self, metric: &str, statistic: &str) -> bool {
        self.metric == metric && self.statistic == statistic
    }
}

impl DifferenceRow {
    /// Whether this is that statistic of that metric, of whatever platforms and service.
    pub fn is_of(&self, metric: &str, statistic: &str) -> bool {
        self.metric == metric && self.statistic == statistic
    }
}

impl IncidentRow {
    /// The box was lost with its machine: what the metric `recovery_time` counts. Dead processes and bad releases
    /// have metrics of their own.
    pub fn is_machine_loss(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "vm-crash"
                | "vm-loss"
                | "rack-outage"
                | "power-outage"
                | "overheating"
                | "zone-outage"
                | "spot-reclaim"
        )
    }

    /// The box's machine ran badly: what the metric `degraded_time` counts.
    pub fn is_degradation(&self) -> bool {
        matches!(self.kind.as_str(), "slow-vm" | "rack-network")
    }

    /// The box's process died on a machine that is well: what the metric `restart_time` counts.
    pub fn is_dead_process(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "process-crash" | "process-hang" | "out-of-memory" | "human-slip" | "conflict"
        )
    }

    /// The service had too few boxes for its traffic: what the metric `scale_up_time` counts.
    pub fn is_overload(&self) -> bool {
        self.kind == "overload"
    }

    /// Which incidents a metric is a quantile of, for those that are one.
    pub fn counted_by(metric: MetricId) -> Option<fn(&IncidentRow) -> bool> {
        match metric {
            MetricId::RecoveryTime => Some(IncidentRow::is_machine_loss),
            MetricId::RestartTime => Some(IncidentRow::is_dead_process),
            MetricId::DegradedTime => Some(IncidentRow::is_degradation),
            MetricId::ScaleUpTime => Some(IncidentRow::is_overload),
            _ => None,
        }
    }

    /// Not recovered by the horizon: `total_s` is a lower bound.
    pub fn is_open(&self) -> bool {
        self.status == "open"
    }

    /// `total_s` is a lower bound: still open, or over before the need was met.
    pub fn is_censored(&self) -> bool {
        self.is_open() || self.status == "passed"
    }
}
