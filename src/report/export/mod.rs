//! Results in the formats of other tools: Prometheus, FinOps, continuous integration.
//!
//! Made on demand and not into every results folder: the time series as OpenMetrics are three times the CSV, costs in
//! FOCUS repeat `costs.csv`, and who wants one of these wants it at a place of his own. Knows rows only and touches no
//! file. Start at any of the three.

pub mod focus;
pub mod junit;
pub mod openmetrics;

/// Instants of the scenario's calendar, taken as UTC.
fn timestamp(iso: &str) -> Option<jiff::Timestamp> {
    let civil = iso.trim_end_matches('Z');
    let civil: jiff::civil::DateTime = civil.parse().ok()?;
    Some(civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp())
}
