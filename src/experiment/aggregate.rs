//! Outcomes of all platforms → rows. Deterministic: index order throughout, one fixed stream for the bootstrap.
//!
//! Does not run anything and does not know where outcomes come from. Claims are corrected by Holm in families: the
//! four questions of the verdict, whole platforms, all pairs, are one family (they are what the program asserts);
//! every other statistic of a metric is a family of its own pairs. Start at [`aggregate`].

use super::quantile::PooledQuantiles;
use super::series::{costs, incidents, timeseries};
use super::statistics::{Comparison, Estimate, Part, compare_ratios, holm, ratio_of_sums};
use crate::metrics::outcome::{Measure, ReplicationOutcome};
use crate::results::kaplan_meier::Observation;
use crate::results::metric::{Kind, METRICS, MetricDefinition, MetricId, QUESTIONS};
use crate::results::rows::{DifferenceRow, Manifest, PlatformManifest, ResultSet, SummaryRow};
use std::collections::BTreeMap;

/// What all platforms share.
pub struct Frame {
    /// With `platforms` empty: they are filled in from the outcomes.
    pub manifest: Manifest,
    /// Names by the index that outcomes use.
    pub services: Vec<String>,
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
    /// What the sizing chose, one line a service, for people.
    pub sizing: Vec<String>,
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
    let Frame { mut manifest, services, buckets } = frame;
    assert!(manifest.platforms.is_empty(), "platforms come from their outcomes");
    manifest.platforms = platforms.iter().map(platform_manifest).collect();

    let (summary, differences) = statistics(platforms, &services, manifest.seed);
    ResultSet {
        manifest,
        summary,
        differences,
        timeseries: platforms.iter().flat_map(|platform| timeseries(platform, &services, &buckets)).collect(),
        incidents: platforms.iter().flat_map(|platform| incidents(platform, &services)).collect(),
        costs: platforms.iter().flat_map(costs).collect(),
    }
}

fn platform_manifest(platform: &PlatformOutcomes) -> PlatformManifest {
    PlatformManifest {
        name: platform.name.clone(),
        kind: platform.kind.clone(),
        sizing: platform.sizing.clone(),
        digests: platform.outcomes.iter().map(|outcome| format!("{:016x}", outcome.digest)).collect(),
        events: platform.outcomes.iter().map(|outcome| outcome.events).sum(),
    }
}

/// One metric of one scope on one platform, ready to be summed up and compared.
enum Evidence {
    Parts(Vec<Part>),
    Pool(PooledQuantiles),
}

impl Evidence {
    fn collect(platform: &Indexed<'_>, scope: Option<u16>, metric: &MetricDefinition, seed: u64) -> Evidence {
        let outcomes = &platform.outcomes.outcomes;
        match metric.kind {
            Kind::Mean | Kind::Ratio => {
                let nothing = || vec![Part::default(); outcomes.len()];
                Evidence::Parts(platform.parts.get(&(scope, metric.id)).cloned().unwrap_or_else(nothing))
            }
            Kind::Quantiles(probabilities) => {
                let samples: Vec<Vec<Observation>> =
                    outcomes.iter().map(|outcome| samples(outcome, scope, metric)).collect();
                Evidence::Pool(PooledQuantiles::new(&samples, probabilities, seed))
            }
        }
    }

    /// Replications that had something to observe.
    fn replications(&self) -> usize {
        match self {
            Evidence::Parts(parts) => parts.iter().filter(|part| part.denominator != 0.0).count(),
            Evidence::Pool(pool) => pool.replications(),
        }
    }

    fn estimate(&self, index: usize) -> Estimate {
        match self {
            Evidence::Parts(parts) => ratio_of_sums(parts),
            Evidence::Pool(pool) => pool.estimate(index),
        }
    }

    fn compare(&self, other: &Evidence, index: usize) -> Comparison {
        match (self, other) {
            (Evidence::Parts(a), Evidence::Parts(b)) => compare_ratios(a, b),
            (Evidence::Pool(a), Evidence::Pool(b)) => a.compare(b, index),
            _ => unreachable!("both sides are of one metric"),
        }
    }
}

/// A platform with its measures found once: parts by replication.
struct Indexed<'a> {
    outcomes: &'a PlatformOutcomes,
    parts: BTreeMap<(Option<u16>, MetricId), Vec<Part>>,
}

impl Indexed<'_> {
    fn new(outcomes: &PlatformOutcomes) -> Indexed<'_> {
        let count = outcomes.outcomes.len();
        let mut parts = BTreeMap::new();
        for (replication, outcome) in outcomes.outcomes.iter().enumerate() {
            for measure in &outcome.measures {
                let key = (measure.service, measure.metric);
                let of_metric: &mut Vec<Part> =
                    parts.entry(key).or_insert_with(|| vec![Part::default(); count]);
                let Measure { numerator, denominator, .. } = *measure;
                of_metric[replication] = of_metric[replication] + Part { numerator, denominator };
            }
        }
        Indexed { outcomes, parts }
    }
}

fn samples(outcome: &ReplicationOutcome, scope: Option<u16>, metric: &MetricDefinition) -> Vec<Observation> {
    let in_scope =
        outcome.samples.iter().filter(|s| s.metric == metric.id && (scope.is_none() || s.service == scope));
    in_scope.map(|sample| Observation { value: sample.value, censored: sample.censored }).collect()
}

/// Summary and differences. The whole platform comes first and has every metric that any platform observed, and
/// every distribution even if empty; a service has what was observed of it.
fn statistics(
    platforms: &[PlatformOutcomes],
    services: &[String],
    seed: u64,
) -> (Vec<SummaryRow>, Vec<DifferenceRow>) {
    let (mut summary, mut differences) = (Vec::new(), Vec::new());
    let indexed: Vec<Indexed<'_>> = platforms.iter().map(Indexed::new).collect();
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
            for (index, statistic) in metric.statistics().iter().enumerate() {
                for (platform, evidence) in platforms.iter().zip(&evidence) {
                    summary.push(labels.summary(&platform.name, statistic, evidence, index));
                }
                let first = differences.len();
                for a in 0..platforms.len() {
                    for b in a + 1..platforms.len() {
                        let names = (platforms[a].name.as_str(), platforms[b].name.as_str());
                        let both = (&evidence[a], &evidence[b]);
                        differences.push(labels.difference(names, statistic, both, index));
                    }
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
    (summary, differences)
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
        SummaryRow {
            platform: platform.to_owned(),
            service: self.service.to_owned(),
            metric: self.metric.name.to_owned(),
            unit: self.metric.unit.to_owned(),
            statistic: statistic.to_owned(),
            value: estimate.value,
            ci_low: estimate.low,
            ci_high: estimate.high,
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
            replications: a.replications().min(b.replications()) as u32,
        }
    }
}

#[cfg(test)]
#[path = "aggregate_tests.rs"]
mod tests;
