//! Column names of each row, in the order of its fields: `csv` writes a header only where there is a row.
//!
//! Knows nothing but names; the test holds them against what serde writes. Start at the table.

use super::rows::{
    ChangeRow, CostRow, DifferenceRow, IncidentRow, ReplicationRow, SummaryRow, TimeseriesRow,
};
use super::write::Header;

/// Columns that hold words, in whatever file.
pub(super) const TEXT: [&str; 17] = [
    "platform",
    "platform_a",
    "platform_b",
    "service",
    "metric",
    "unit",
    "statistic",
    "time",
    "kind",
    "lost",
    "replacement",
    "replay_at",
    "status",
    "category",
    "item",
    "quantity_unit",
    "basis",
];

impl Header for SummaryRow {
    const COLUMNS: &'static [&'static str] =
        &["platform", "service", "metric", "unit", "statistic", "value", "ci_low", "ci_high", "replications"];
}

impl Header for DifferenceRow {
    const COLUMNS: &'static [&'static str] = &[
        "platform_a",
        "platform_b",
        "service",
        "metric",
        "unit",
        "statistic",
        "difference",
        "difference_low",
        "difference_high",
        "ratio",
        "ratio_low",
        "ratio_high",
        "p_value",
        "p_adjusted",
        "correlation",
        "replications",
    ];
}

impl Header for ChangeRow {
    const COLUMNS: &'static [&'static str] = &[
        "platform",
        "service",
        "metric",
        "unit",
        "statistic",
        "old",
        "new",
        "difference",
        "difference_low",
        "difference_high",
        "ratio",
        "ratio_low",
        "ratio_high",
        "p_value",
        "p_adjusted",
        "paired",
        "basis",
    ];
}

impl Header for ReplicationRow {
    const COLUMNS: &'static [&'static str] = &[
        "platform",
        "service",
        "metric",
        "unit",
        "statistic",
        "replication",
        "value",
        "numerator",
        "denominator",
    ];
}

impl Header for TimeseriesRow {
    const COLUMNS: &'static [&'static str] = &[
        "platform",
        "service",
        "time",
        "t_s",
        "offered_rps",
        "served_rps",
        "failed_rps",
        "slow_rps",
        "latency_p50_ms",
        "latency_p99_ms",
        "paid_cores",
        "useful_cores",
        "wasted_cores",
        "overhead_cores",
        "idle_cores",
        "boxes_ready",
        "vms",
    ];
}

impl Header for IncidentRow {
    const COLUMNS: &'static [&'static str] = &[
        "platform",
        "replication",
        "incident",
        "fault",
        "kind",
        "service",
        "lost",
        "replacement",
        "time",
        "replay_at",
        "opened_s",
        "detect_s",
        "decide_s",
        "provision_s",
        "boot_s",
        "configure_s",
        "start_s",
        "rotation_s",
        "total_s",
        "status",
    ];
}

impl Header for CostRow {
    const COLUMNS: &'static [&'static str] = &[
        "platform",
        "category",
        "item",
        "quantity_per_month",
        "quantity_unit",
        "usd_per_month",
        "ci_low",
        "ci_high",
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture;

    fn check<Row: serde::Serialize + Header>(row: &Row) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.serialize(row).unwrap();
        let written = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        assert_eq!(written.lines().next().unwrap(), Row::COLUMNS.join(","));
    }

    #[test]
    fn columns_are_the_fields_of_the_row_in_order() {
        let results = fixture::three_platforms();
        check(&results.summary[0]);
        check(&results.differences[0]);
        check(&results.replications[0]);
        check(&results.timeseries[0]);
        check(&results.incidents[0]);
        check(&results.costs[0]);
    }
}
