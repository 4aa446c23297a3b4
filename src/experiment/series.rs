//! Outcomes of one platform → rows that need no comparison: the time series, the incidents and the bill.
//!
//! Knows no metric. Start at [`timeseries`].

use super::aggregate::{Bucket, PlatformOutcomes, service_name};
use super::statistics::mean;
use crate::metrics::latency_series::{self, Cell, LatencyPoint, Law, together};
use crate::metrics::outcome::{End, IncidentOutcome, MachinePoint, SeriesPoint};
use crate::results::rows::{CostRow, IncidentRow, TimeseriesRow};
use std::collections::BTreeMap;

/// Means over replications, bucket by bucket, the whole platform first.
pub(super) fn timeseries(
    platform: &PlatformOutcomes,
    services: &[String],
    laws: &[Law],
    buckets: &[Bucket],
) -> Vec<TimeseriesRow> {
    let latency = LatencyOverTime::of(platform, laws);
    let mut by_place: BTreeMap<(Option<u16>, u32), Vec<&SeriesPoint>> = BTreeMap::new();
    for point in platform.outcomes.iter().flat_map(|outcome| &outcome.series) {
        by_place.entry((point.service, point.bucket)).or_default().push(point);
    }
    let row = |((service, bucket), points): ((Option<u16>, u32), Vec<&SeriesPoint>)| {
        let count = points.len() as f64;
        let average =
            |field: fn(&SeriesPoint) -> f64| points.iter().map(|point| field(point)).sum::<f64>() / count;
        let machines = |field: fn(&MachinePoint) -> f64| {
            let values: Option<Vec<f64>> =
                points.iter().map(|point| point.machines.as_ref().map(field)).collect();
            values.map(|values| values.iter().sum::<f64>() / count)
        };
        let [latency_p50_ms, latency_p99_ms] = latency.quantiles_ms(service, bucket);
        let bucket = &buckets[bucket as usize];
        TimeseriesRow {
            platform: platform.name.clone(),
            service: service_name(services, service).to_owned(),
            time: bucket.time.clone(),
            t_s: bucket.t_s,
            offered_rps: average(|point| point.offered_rps),
            served_rps: average(|point| point.served_rps),
            failed_rps: average(|point| point.failed_rps),
            slow_rps: average(|point| point.slow_rps),
            latency_p50_ms,
            latency_p99_ms,
            paid_cores: machines(|point| point.paid_cores),
            useful_cores: average(|point| point.useful_cores),
            wasted_cores: average(|point| point.wasted_cores),
            overhead_cores: machines(|point| point.overhead_cores),
            idle_cores: machines(|point| point.idle_cores),
            boxes_ready: average(|point| point.boxes_ready),
            vms: machines(|point| point.vms),
        }
    };
    by_place.into_iter().map(row).collect()
}

/// Requests of all replications by how long they took.
struct LatencyOverTime<'a> {
    laws: &'a [Law],
    /// By bucket and service.
    cells: BTreeMap<(u32, u16), Vec<(Cell, f64)>>,
}

impl LatencyOverTime<'_> {
    fn of<'a>(platform: &PlatformOutcomes, laws: &'a [Law]) -> LatencyOverTime<'a> {
        let mut by_place: BTreeMap<(u32, u16), Vec<&LatencyPoint>> = BTreeMap::new();
        for point in platform.outcomes.iter().flat_map(|outcome| &outcome.latency_points) {
            by_place.entry((point.bucket, point.service)).or_default().push(point);
        }
        let cells = by_place.into_iter().map(|(place, points)| (place, together(points.into_iter())));
        LatencyOverTime { laws, cells: cells.collect() }
    }

    /// Median and 99th percentile.
    fn quantiles_ms(&self, service: Option<u16>, bucket: u32) -> [Option<f64>; 2] {
        let services = service.map_or(0..=u16::MAX, |s| s..=s);
        let places = self.cells.range((bucket, *services.start())..=(bucket, *services.end()));
        let parts: Vec<(&Law, &[(Cell, f64)])> = places
            .map(|((_, service), cells)| (&self.laws[usize::from(*service)], cells.as_slice()))
            .collect();
        [0.5, 0.99].map(|p| Some(latency_series::quantile(&parts, p)? * 1e3))
    }
}

/// Every incident of every replication, in order.
pub(super) fn incidents(platform: &PlatformOutcomes, services: &[String]) -> Vec<IncidentRow> {
    let row = |replication: u32, incident: usize, outcome: &IncidentOutcome| IncidentRow {
        platform: platform.name.clone(),
        replication,
        incident: incident as u32,
        fault: outcome.fault,
        kind: outcome.kind.clone(),
        service: service_name(services, outcome.service).to_owned(),
        lost: outcome.lost.clone(),
        replacement: outcome.replacement.clone(),
        time: outcome.time.clone(),
        replay_at: outcome.replay_at.clone(),
        opened_s: outcome.opened_s,
        detect_s: outcome.stages.detect_s,
        decide_s: outcome.stages.decide_s,
        provision_s: outcome.stages.provision_s,
        boot_s: outcome.stages.boot_s,
        configure_s: outcome.stages.configure_s,
        start_s: outcome.stages.start_s,
        rotation_s: outcome.stages.rotation_s,
        total_s: outcome.stages.total_s(),
        status: match outcome.end {
            End::Closed => "closed",
            End::Passed => "passed",
            End::Open => "open",
        }
        .to_owned(),
    };
    let mut rows = Vec::new();
    for outcome in &platform.outcomes {
        rows.extend(
            outcome.incidents.iter().enumerate().map(|(index, one)| row(outcome.replication, index, one)),
        );
    }
    rows
}

/// The bill, in the order in which lines first appear. A replication without a line paid nothing for it.
pub(super) fn costs(platform: &PlatformOutcomes) -> Vec<CostRow> {
    struct Line<'a> {
        category: &'a str,
        item: &'a str,
        unit: &'a str,
        quantity: Vec<f64>,
        usd: Vec<f64>,
    }
    let count = platform.outcomes.len();
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (replication, outcome) in platform.outcomes.iter().enumerate() {
        for cost in &outcome.costs {
            let known =
                lines.iter().position(|line| line.category == cost.category && line.item == cost.item);
            let index = known.unwrap_or_else(|| {
                let (quantity, usd) = (vec![0.0; count], vec![0.0; count]);
                lines.push(Line {
                    category: &cost.category,
                    item: &cost.item,
                    unit: &cost.unit,
                    quantity,
                    usd,
                });
                lines.len() - 1
            });
            lines[index].quantity[replication] += cost.quantity;
            lines[index].usd[replication] += cost.usd;
        }
    }
    let row = |line: &Line<'_>| {
        let usd = mean(&line.usd);
        CostRow {
            platform: platform.name.clone(),
            category: line.category.to_owned(),
            item: line.item.to_owned(),
            quantity_per_month: line.quantity.iter().sum::<f64>() / count as f64,
            quantity_unit: line.unit.to_owned(),
            usd_per_month: usd.value.unwrap_or(0.0),
            ci_low: usd.low,
            ci_high: usd.high,
        }
    };
    lines.iter().map(row).collect()
}
