//! Made-up results for tests: three platforms, thirty replications, round numbers.
//!
//! Not an outcome of any simulation. Start at [`three_platforms`].

use super::metric::{METRICS, MetricId};
use super::rows::{
    AssumptionManifest, CostRow, DifferenceRow, IncidentRow, Manifest, PlatformManifest, ReplicationRow,
    ResultSet, SCHEMA_VERSION, SizeManifest, SummaryRow, TimeseriesRow,
};
use std::path::{Path, PathBuf};

pub const PLATFORMS: [&str; 3] = ["pets", "cattle", "k8s"];

/// Value and half-width of the interval, for pets, cattle and k8s.
type Cells = [(f64, f64); 3];

pub fn three_platforms() -> ResultSet {
    let mut results = ResultSet {
        manifest: manifest(),
        summary: Vec::new(),
        differences: Vec::new(),
        replications: replications(),
        timeseries: timeseries(),
        incidents: incidents(),
        costs: costs(),
    };
    let table: [(MetricId, &str, Cells); 10] = [
        (MetricId::CostPerMonth, "ratio", [(10_000.0, 120.0), (6_200.0, 80.0), (7_050.0, 90.0)]),
        (MetricId::CostPerMillionServed, "ratio", [(4.0, 0.05), (2.48, 0.03), (2.82, 0.03)]),
        (MetricId::Utilization, "ratio", [(0.21, 0.004), (0.38, 0.006), (0.41, 0.006)]),
        (MetricId::Availability, "ratio", [(0.99912, 0.0002), (0.99981, 0.00004), (0.99983, 0.00004)]),
        (MetricId::LatencyP99, "p99", [(212.4, 3.1), (208.8, 2.2), (231.0, 2.5)]),
        (MetricId::RecoveryTime, "p50", [(2_400.0, 300.0), (260.0, 12.0), (70.0, 4.0)]),
        (MetricId::RecoveryTime, "max", [(90_000.0, 0.0), (3_600.0, 0.0), (2_000.0, 0.0)]),
        (MetricId::ReleaseDuration, "p50", [(95.0, 6.0), (22.0, 0.8), (3.5, 0.2)]),
        (MetricId::ExposedShare, "ratio", [(0.93, 0.02), (0.02, 0.004), (0.31, 0.03)]),
        (MetricId::PagesPerMonth, "ratio", [(14.2, 1.1), (1.6, 0.3), (1.4, 0.3)]),
    ];
    for (id, statistic, cells) in table {
        add_metric(&mut results, id, statistic, cells);
    }
    results
}

/// Replaces the values of one metric and everything that follows from them.
pub fn set_metric(results: &mut ResultSet, id: MetricId, statistic: &str, cells: Cells) {
    let name = id.definition().name;
    results.summary.retain(|row| row.metric != name || row.statistic != statistic);
    results.differences.retain(|row| row.metric != name || row.statistic != statistic);
    add_metric(results, id, statistic, cells);
}

/// Half-widths of 0 stand for "no interval". Differences take half-widths as independent, which a paired run beats;
/// they count as significant if the interval leaves out zero.
fn add_metric(results: &mut ResultSet, id: MetricId, statistic: &str, cells: Cells) {
    let metric = &METRICS[id as usize];
    for (platform, (value, half)) in PLATFORMS.iter().zip(cells) {
        results.summary.push(SummaryRow {
            platform: (*platform).to_owned(),
            service: String::new(),
            metric: metric.name.to_owned(),
            unit: metric.unit.to_owned(),
            statistic: statistic.to_owned(),
            value: Some(value),
            ci_low: (half > 0.0).then_some(value - half),
            ci_high: (half > 0.0).then_some(value + half),
            replications: 30,
        });
    }
    for (a, b) in [(0, 1), (0, 2), (1, 2)] {
        let ((value_a, half_a), (value_b, half_b)) = (cells[a], cells[b]);
        let (difference, half) = (value_b - value_a, f64::hypot(half_a, half_b));
        let (ratio, half_log) = (value_b / value_a, f64::hypot(half_a / value_a, half_b / value_b));
        let known = half > 0.0;
        let p = if difference.abs() > half { 0.0001 } else { 0.4 };
        results.differences.push(DifferenceRow {
            platform_a: PLATFORMS[a].to_owned(),
            platform_b: PLATFORMS[b].to_owned(),
            service: String::new(),
            metric: metric.name.to_owned(),
            unit: metric.unit.to_owned(),
            statistic: statistic.to_owned(),
            difference: Some(difference),
            difference_low: known.then_some(difference - half),
            difference_high: known.then_some(difference + half),
            ratio: Some(ratio),
            ratio_low: known.then_some(ratio * (-half_log).exp()),
            ratio_high: known.then_some(ratio * half_log.exp()),
            p_value: known.then_some(p),
            p_adjusted: known.then_some(p),
            correlation: known.then_some(0.25),
            replications: 30,
        });
    }
}

fn manifest() -> Manifest {
    let platform = |name: &str| PlatformManifest {
        name: name.to_owned(),
        kind: name.replace("k8s", "kubernetes"),
        sizing: vec!["web: 4 boxes of 2 cores".to_owned()],
        sizes: vec![SizeManifest {
            service: "web".to_owned(),
            boxes: 4,
            spare_boxes: 1,
            machine: "m7i.large".to_owned(),
            cores_per_box: 1.95,
            forecast_peak_rps: 100.0,
            planned_rps: 130.0,
            latency_quantile: 0.99,
            latency_goal_s: 0.5,
            expected_latency_s: Some(0.41),
            explicit: false,
        }],
        digests: vec!["00000000deadbeef".to_owned()],
        events: 123_456,
    };
    Manifest {
        schema_version: SCHEMA_VERSION,
        boxherd_version: "0.1.0".to_owned(),
        target: "x86_64-unknown-linux-gnu".to_owned(),
        scenario_name: "quickstart".to_owned(),
        scenario: "name = \"quickstart\"\n".to_owned(),
        scenario_hash: "0123456789abcdef".to_owned(),
        overrides: vec!["run.seed=7".to_owned()],
        seed: 7,
        replications: 30,
        precision: None,
        warm_up_s: 86_400.0,
        horizon_s: 29.0 * 86_400.0,
        start_date: "2026-01-05".to_owned(),
        price_date: "2026-11-01".to_owned(),
        assumptions: vec![AssumptionManifest {
            key: "team.acknowledge".to_owned(),
            value: "lognormal(4m, 0.7)".to_owned(),
            meaning: "Time until a page is acknowledged in office hours.".to_owned(),
            source: "targets of 5 min are usual; no measurements found".to_owned(),
        }],
        platforms: PLATFORMS.map(platform).to_vec(),
        asserts: Vec::new(),
    }
}

/// Costs alone, each half a month's.
fn replications() -> Vec<ReplicationRow> {
    let row = |(platform, usd): (&str, f64), replication: u32| {
        let numerator = usd / 2.0 + f64::from(replication);
        ReplicationRow {
            platform: platform.to_owned(),
            service: String::new(),
            metric: "cost_per_month".to_owned(),
            unit: "USD".to_owned(),
            statistic: "ratio".to_owned(),
            replication,
            value: Some(numerator / 0.5),
            numerator: Some(numerator),
            denominator: Some(0.5),
        }
    };
    let platforms = PLATFORMS.into_iter().zip([10_000.0, 6_200.0, 7_050.0]);
    platforms.flat_map(|platform| (0..30).map(move |replication| row(platform, replication))).collect()
}

fn timeseries() -> Vec<TimeseriesRow> {
    let mut rows = Vec::new();
    for (index, platform) in PLATFORMS.iter().enumerate() {
        for hour in 0..48 {
            let useful = 6.0 - 4.0 * (f64::from(hour) * std::f64::consts::TAU / 24.0).cos();
            let paid = if index == 0 { 40.0 } else { useful * 2.2 + 2.0 };
            rows.push(TimeseriesRow {
                platform: (*platform).to_owned(),
                service: String::new(),
                time: format!("2026-01-{:02}T{:02}:00:00Z", 6 + hour / 24, hour % 24),
                t_s: f64::from(hour) * 3_600.0,
                offered_rps: useful * 100.0,
                served_rps: useful * 99.9,
                failed_rps: useful * 0.1,
                slow_rps: useful * 0.05,
                latency_p50_ms: Some(40.0),
                latency_p99_ms: Some(120.0 + useful),
                paid_cores: Some(paid),
                useful_cores: useful,
                wasted_cores: 0.1,
                overhead_cores: Some(paid * 0.08),
                idle_cores: Some(paid * 0.92 - useful - 0.1),
                boxes_ready: 12.0,
                vms: Some(paid / 2.0),
            });
        }
    }
    rows
}

fn incidents() -> Vec<IncidentRow> {
    let mut rows = Vec::new();
    for (platform, median) in PLATFORMS.iter().zip([2_400.0, 260.0, 70.0]) {
        for incident in 0..40_u32 {
            let spread = (f64::from(incident) / 39.0 * 4.0 - 2.0).exp();
            rows.push(IncidentRow {
                platform: (*platform).to_owned(),
                replication: incident % 30,
                incident: incident / 30,
                fault: u64::from(incident),
                kind: "vm-loss".to_owned(),
                service: "web".to_owned(),
                lost: format!("web-{incident}"),
                replacement: String::new(),
                time: "2026-01-09T03:12:00Z".to_owned(),
                replay_at: "4d3h12m".to_owned(),
                opened_s: 270_720.0,
                detect_s: median * spread * 0.25,
                decide_s: 0.0,
                provision_s: 0.0,
                boot_s: median * spread * 0.75,
                configure_s: 0.0,
                start_s: 0.0,
                rotation_s: 0.0,
                total_s: median * spread,
                status: if incident == 39 { "open" } else { "closed" }.to_owned(),
            });
        }
        let mut overload = rows.last().expect("forty of them").clone();
        overload.kind = "overload".to_owned();
        overload.status = "closed".to_owned();
        overload.incident = 41;
        rows.push(overload);
    }
    rows
}

fn costs() -> Vec<CostRow> {
    let mut rows = Vec::new();
    let per_platform = [(5_200.0, 4_500.0, 0.0), (3_100.0, 2_800.0, 0.0), (2_900.0, 3_800.0, 73.0)];
    for (platform, (compute, people, control)) in PLATFORMS.iter().zip(per_platform) {
        for (category, item, usd) in [
            ("compute", "m7i.large", compute),
            ("network entry", "load balancer", 24.0),
            ("control plane", "managed control plane", control),
            ("storage", "20 GiB root disks", 90.0),
            ("people", "working hours", people),
        ] {
            rows.push(CostRow {
                platform: (*platform).to_owned(),
                category: category.to_owned(),
                item: item.to_owned(),
                quantity_per_month: usd / 0.0875,
                quantity_unit: "h".to_owned(),
                usd_per_month: usd,
                ci_low: Some(usd * 0.98),
                ci_high: Some(usd * 1.02),
            });
        }
    }
    rows
}

/// A folder of its own for one test, removed when the test ends.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("boxherd-test-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
