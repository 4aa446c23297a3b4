//! What each replication says by itself: the rows of `replications.csv`, from which the statistics can be made again.
//!
//! Compares nothing and averages nothing. Start at [`rows`].

use super::evidence::Evidence;
use crate::results::metric::MetricDefinition;
use crate::results::rows::ReplicationRow;

/// All statistics of one metric in one scope, replication by replication.
pub(super) fn rows(
    (platform, service): (&str, &str),
    metric: &MetricDefinition,
    evidence: &Evidence,
    replications: &[u32],
) -> Vec<ReplicationRow> {
    let mut rows = Vec::new();
    for (index, statistic) in metric.statistics().iter().enumerate() {
        for (position, &replication) in replications.iter().enumerate() {
            let own = evidence.of_replication(position, index);
            rows.push(ReplicationRow {
                platform: platform.to_owned(),
                service: service.to_owned(),
                metric: metric.name.to_owned(),
                unit: metric.unit.to_owned(),
                statistic: statistic.clone(),
                replication,
                value: own.value,
                numerator: own.part.map(|part| part.numerator),
                denominator: own.part.map(|part| part.denominator),
            });
        }
    }
    rows
}
