//! What was observed of one metric, replication by replication, whatever kind of metric it is: sums, spans or latencies.
//!
//! Knows no platform's name and makes no row. Start at [`Evidence`].

use super::quantile::{PooledQuantiles, quantile_of};
use super::statistics::{Comparison, Estimate, Nines, Part, Sums, compare_ratios, ratio_of_sums};
use crate::metrics::histogram::Histogram;
use crate::metrics::outcome::{Measure, ReplicationOutcome};
use crate::results::kaplan_meier::{self, Observation};
use crate::results::metric::{Kind, MetricDefinition, MetricId};
use std::collections::BTreeMap;

/// One metric of one scope on one platform, ready to be summed up and compared.
pub(super) enum Evidence {
    Parts(Vec<Part>),
    Nines(Vec<Nines>),
    Spans(Vec<Vec<Observation>>, PooledQuantiles),
    Latencies(Vec<Histogram>, PooledQuantiles),
}

/// What one replication says by itself.
pub(super) struct Own {
    pub value: Option<f64>,
    /// Of ratios.
    pub part: Option<Part>,
}

impl Evidence {
    pub(super) fn collect(
        platform: &Indexed<'_>,
        scope: Option<u16>,
        metric: &MetricDefinition,
        seed: u64,
    ) -> Evidence {
        let outcomes = platform.outcomes;
        match metric.kind {
            Kind::Ratio => Evidence::Parts(platform.parts(scope, metric.id)),
            Kind::PerNine => {
                let costs = platform.parts(scope, MetricId::CostPerMonth);
                let both = costs.into_iter().zip(platform.parts(scope, MetricId::Availability));
                Evidence::Nines(both.map(|(cost, availability)| Nines { cost, availability }).collect())
            }
            Kind::Quantiles(probabilities) => {
                let spans: Vec<Vec<Observation>> =
                    outcomes.iter().map(|outcome| samples(outcome, scope, metric)).collect();
                let pool = PooledQuantiles::of_spans(&spans, probabilities, seed);
                Evidence::Spans(spans, pool)
            }
            Kind::Latency(probability) => {
                let latencies: Vec<Histogram> =
                    outcomes.iter().map(|outcome| latencies(outcome, scope)).collect();
                let pool = PooledQuantiles::of_histograms(&latencies, &[probability], seed);
                Evidence::Latencies(latencies, pool)
            }
        }
    }

    /// Replications that had something to observe.
    pub(super) fn replications(&self) -> usize {
        match self {
            Evidence::Parts(parts) => parts.iter().filter(|part| !part.is_empty()).count(),
            Evidence::Nines(parts) => parts.iter().filter(|part| !part.is_empty()).count(),
            Evidence::Spans(_, pool) | Evidence::Latencies(_, pool) => pool.replications(),
        }
    }

    pub(super) fn estimate(&self, index: usize) -> Estimate {
        match self {
            Evidence::Parts(parts) => ratio_of_sums(parts),
            Evidence::Nines(parts) => ratio_of_sums(parts),
            Evidence::Spans(_, pool) | Evidence::Latencies(_, pool) => pool.estimate(index),
        }
    }

    pub(super) fn compare(&self, other: &Evidence, index: usize) -> Comparison {
        match (self, other) {
            (Evidence::Parts(a), Evidence::Parts(b)) => compare_ratios(a, b),
            (Evidence::Nines(a), Evidence::Nines(b)) => compare_ratios(a, b),
            (Evidence::Spans(_, a), Evidence::Spans(_, b))
            | (Evidence::Latencies(_, a), Evidence::Latencies(_, b)) => a.compare(b, index),
            _ => unreachable!("both sides are of one metric"),
        }
    }

    /// The statistic at `index` of one replication alone.
    pub(super) fn of_replication(&self, replication: usize, index: usize) -> Own {
        match self {
            Evidence::Parts(parts) => {
                let part = parts[replication];
                Own { value: ratio_of_sums(&[part]).value, part: Some(part) }
            }
            Evidence::Nines(parts) => {
                Own { value: ratio_of_sums(&parts[replication..=replication]).value, part: None }
            }
            Evidence::Spans(spans, pool) => {
                let value = kaplan_meier::quantile(&spans[replication], pool.probability(index));
                Own { value, part: None }
            }
            Evidence::Latencies(latencies, pool) => {
                let value = quantile_of(&latencies[replication], pool.probability(index));
                Own { value, part: None }
            }
        }
    }
}

/// A platform with its measures found once: parts by replication.
pub(super) struct Indexed<'a> {
    outcomes: &'a [ReplicationOutcome],
    parts: BTreeMap<(Option<u16>, MetricId), Vec<Part>>,
}

impl Indexed<'_> {
    pub(super) fn new(outcomes: &[ReplicationOutcome]) -> Indexed<'_> {
        let count = outcomes.len();
        let mut parts = BTreeMap::new();
        for (replication, outcome) in outcomes.iter().enumerate() {
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

    /// By replication.
    fn parts(&self, scope: Option<u16>, metric: MetricId) -> Vec<Part> {
        let nothing = || vec![Part::default(); self.outcomes.len()];
        self.parts.get(&(scope, metric)).cloned().unwrap_or_else(nothing)
    }
}

fn samples(outcome: &ReplicationOutcome, scope: Option<u16>, metric: &MetricDefinition) -> Vec<Observation> {
    let in_scope =
        outcome.samples.iter().filter(|s| s.metric == metric.id && (scope.is_none() || s.service == scope));
    in_scope.map(|sample| Observation { value: sample.value, censored: sample.censored }).collect()
}

/// Of one service, or of all together.
fn latencies(outcome: &ReplicationOutcome, scope: Option<u16>) -> Histogram {
    let mut merged = Histogram::default();
    let in_scope = |index: &usize| scope.is_none_or(|service| usize::from(service) == *index);
    for index in (0..outcome.latencies.len()).filter(in_scope) {
        merged.merge(&outcome.latencies[index]);
    }
    merged
}
