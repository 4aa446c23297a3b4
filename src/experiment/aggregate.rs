//! Outcomes of all platforms → rows. Deterministic: index order throughout, one fixed stream for the bootstrap.
//!
//! Does not run anything and does not know where outcomes come from. Claims are corrected by Holm in families: the
//! four questions of the verdict, whole platforms, all pairs, are one family (they are what the program asserts);
//! every other statistic of a metric is a family of its own pairs. Start at [`aggregate`].

use super::evidence::{Evidence, Indexed};
use super::replications;
use super::series::{costs, incidents, timeseries};
use super::statistics::{Comparison, correlation, holm};
use crate::metrics::latency_series::Law;
use crate::metrics::outcome::ReplicationOutcome;
use crate::platform::sizing::{ServiceSize, Sizing};
use crate::results::metric::{Kind, METRICS, MetricDefinition, QUESTIONS};
use crate::results::rows::{
    DifferenceRow, Manifest, PlatformManifest, ReplicationRow, ResultSet, SizeManifest, SummaryRow,
};

/// What all platforms share.
pub struct Frame {
    /// With `platforms` empty: they are filled in from the outcomes.
    pub manifest: Manifest,
    /// Names by the index that outcomes use.
    pub services: Vec<String>,
    /// By the same index.
    pub laws: Vec<Law>,
    pub buckets: Vec<Bucket>,
}

/// A stretch of the time series.
pub struct Bucket {
    /// Start, ISO 8601 in the scenario's calendar.
    pub time: String,
    /// Start [s] since metering began.
    pub t_s: f64,
}

/// One platform, all its replications in order.
pub struct PlatformOutcomes {
    pub name: String,
    pub kind: String,
    /// What the sizing chose, and for what.
    pub sizing: Sizing,
    pub outcomes: Vec<ReplicationOutcome>,
}

/// # Panics
/// If the platforms do not have the same replications in the same order: nothing would be paired.
pub fn aggregate(frame: Frame, platforms: &[PlatformOutcomes]) -> ResultSet {
    let replications = |platform: &PlatformOutcomes| -> Vec<u32> {
        platform.outcomes.iter().map(|outcome| outcome.replication).collect()
    };
    for pair in platforms.windows(2) {
        assert_eq!(
            replications(&pair[0]),
            replications(&pair[1]),
            "platforms are compared replication by replication"
        );
    }
    let Frame { mut manifest, services, laws, buckets } = frame;
    assert!(manifest.platforms.is_empty(), "platforms come from their outcomes");
    manifest.platforms = platforms.iter().map(platform_manifest).collect();

    let (summary, differences, replications) = statistics(platforms, &services, manifest.seed);
    ResultSet {
        manifest,
        summary,
        differences,
        replications,
        timeseries: platforms
            .iter()
            .flat_map(|platform| timeseries(platform, &services, &laws, &buckets))
            .collect(),
        incidents: platforms.iter().flat_map(|platform| incidents(platform, &services)).collect(),
        costs: platforms.iter().flat_map(costs).collect(),
    }
}

fn platform_manifest(platform: &PlatformOutcomes) -> PlatformManifest {
    PlatformManifest {
        name: platform.name.clone(),
        kind: platform.kind.clone(),
        sizing: platform.sizing.lines.clone(),
        sizes: platform.sizing.services.iter().map(size_manifest).collect(),
        digests: platform.outcomes.iter().map(|outcome| format!("{:016x}", outcome.digest)).collect(),
        events: platform.outcomes.iter().map(|outcome| outcome.events).sum(),
    }
}

fn size_manifest(size: &ServiceSize) -> SizeManifest {
    SizeManifest {
        service: size.service.clone(),
        boxes: size.boxes,
        spare_boxes: size.spare_boxes,
        machine: size.machine.clone(),
        cores_per_box: size.cores_per_box,
        forecast_peak_rps: size.forecast_peak,
        planned_rps: size.planned_rate,
        latency_quantile: size.latency_quantile,
        latency_goal_s: size.latency_goal_s,
        expected_latency_s: size.expected_latency_s,
        explicit: size.explicit,
    }
}

/// Summary and differences. The whole platform comes first and has every metric that any platform observed, and
/// every distribution even if empty; a service has what was observed of it.
fn statistics(
    platforms: &[PlatformOutcomes],
    services: &[String],
    seed: u64,
) -> (Vec<SummaryRow>, Vec<DifferenceRow>, Vec<ReplicationRow>) {
    let (mut summary, mut differences, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    let indexed: Vec<Indexed<'_>> = platforms.iter().map(|p| Indexed::new(&p.outcomes)).collect();
    let numbers: Vec<u32> =
        platforms.first().map_or(Vec::new(), |p| p.outcomes.iter().map(|o| o.replication).collect());
    let scopes = std::iter::once(None).chain((0..services.len() as u16).map(Some));
    for scope in scopes {
        for metric in &METRICS {
            let evidence: Vec<Evidence> =
                indexed.iter().map(|platform| Evidence::collect(platform, scope, metric, seed)).collect();
            let always = scope.is_none() && matches!(metric.kind, Kind::Quantiles(_));
            if !always && evidence.iter().all(|evidence| evidence.replications() == 0) {
                continue;
            }
            let labels = Labels { service: service_name(services, scope), metric };
            for (platform, evidence) in platforms.iter().zip(&evidence) {
                rows.extend(replications::rows((&platform.name, labels.service), metric, evidence, &numbers));
            }
            for (index, statistic) in metric.statistics().iter().enumerate() {
                let own: Vec<Vec<Option<f64>>> =
                    evidence.iter().map(|evidence| own_values(evidence, numbers.len(), index)).collect();
                for (platform, evidence) in platforms.iter().zip(&evidence) {
                    summary.push(labels.summary(&platform.name, statistic, evidence, index));
                }
                let first = differences.len();
                for (a, b) in pairs(platforms.len()) {
                    let names = (platforms[a].name.as_str(), platforms[b].name.as_str());
                    let both = (&evidence[a], &evidence[b]);
                    let row = labels.difference(names, statistic, both, index);
                    differences.push(DifferenceRow { correlation: correlated(&own[a], &own[b]), ..row });
                }
                correct(&mut differences[first..].iter_mut().collect::<Vec<_>>());
            }
        }
    }
    let is_question = |row: &DifferenceRow| {
        row.service.is_empty()
            && QUESTIONS.iter().any(|&(id, statistic)| row.is_of(id.definition().name, statistic))
    };
    correct(&mut differences.iter_mut().filter(|row| is_question(row)).collect::<Vec<_>>());
    (summary, differences, rows)
}

/// What each replication says by itself of the statistic at `index`.
fn own_values(evidence: &Evidence, replications: usize, index: usize) -> Vec<Option<f64>> {
    (0..replications).map(|replication| evidence.of_replication(replication, index).value).collect()
}

/// Over the replications in which both have a value.
fn correlated(a: &[Option<f64>], b: &[Option<f64>]) -> Option<f64> {
    let pairs: Vec<(f64, f64)> = a.iter().zip(b).filter_map(|(&a, &b)| Some((a?, b?))).collect();
    correlation(&pairs)
}

/// Every two of so many, in order.
pub(super) fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |a| (a + 1..count).map(move |b| (a, b)))
}

/// Holm over one family.
fn correct(family: &mut [&mut DifferenceRow]) {
    let p_values: Vec<Option<f64>> = family.iter().map(|row| row.p_value).collect();
    for (row, adjusted) in family.iter_mut().zip(holm(&p_values)) {
        row.p_adjusted = adjusted;
    }
}

pub(super) fn service_name(services: &[String], scope: Option<u16>) -> &str {
    scope.map_or("", |index| &services[usize::from(index)])
}

/// The columns that rows of one metric and scope share.
struct Labels<'a> {
    service: &'a str,
    metric: &'a MetricDefinition,
}

impl Labels<'_> {
    fn summary(&self, platform: &str, statistic: &str, evidence: &Evidence, index: usize) -> SummaryRow {
        let estimate = evidence.estimate(index);
        // No metric is below zero and no share above one, whatever Student's t makes of a few replications.
        let most = if self.metric.unit == "share" { 1.0 } else { f64::INFINITY };
        let possible = |bound: Option<f64>| bound.map(|bound| bound.clamp(0.0, most));
        SummaryRow {
            platform: platform.to_owned(),
            service: self.service.to_owned(),
            metric: self.metric.name.to_owned(),
            unit: self.metric.unit.to_owned(),
            statistic: statistic.to_owned(),
            value: estimate.value,
            ci_low: possible(estimate.low),
            ci_high: possible(estimate.high),
            replications: evidence.replications() as u32,
        }
    }

    fn difference(
        &self,
        (platform_a, platform_b): (&str, &str),
        statistic: &str,
        (a, b): (&Evidence, &Evidence),
        index: usize,
    ) -> DifferenceRow {
        let Comparison { difference, ratio, p_value } = a.compare(b, index);
        DifferenceRow {
            platform_a: platform_a.to_owned(),
            platform_b: platform_b.to_owned(),
            service: self.service.to_owned(),
            metric: self.metric.name.to_owned(),
            unit: self.metric.unit.to_owned(),
            statistic: statistic.to_owned(),
            difference: difference.value,
            difference_low: difference.low,
            difference_high: difference.high,
            ratio: ratio.value,
            ratio_low: ratio.low,
            ratio_high: ratio.high,
            p_value,
            p_adjusted: None,
            correlation: None,
            replications: a.replications().min(b.replications()) as u32,
        }
    }
}

#[cfg(test)]
#[path = "aggregate_tests.rs"]
mod tests;
