//! One line a claim of the scenario: whether it held, by what value, and how sure that is.
//!
//! Judges nothing: the rows say what passed. Start at [`line`].

use super::number::phrase;
use crate::results::metric::{MetricId, Scale};
use crate::results::rows::AssertRow;

/// `✓ k8s: availability 99.985 % >= 99.900 % (95 % CI 99.976 % to 99.994 %)`.
pub fn line(row: &AssertRow) -> String {
    let mark = if row.passed { '✓' } else { '✗' };
    let metric = MetricId::from_name(&row.metric).map(MetricId::definition);
    let scale = metric.map_or(Scale::Count, |metric| metric.scale);
    let write = |value: f64| match (scale, row.unit.as_str()) {
        (Scale::Count, "count") => phrase(scale, value),
        (Scale::Count, unit) => format!("{} {unit}", phrase(scale, value)),
        _ => phrase(scale, value),
    };
    let first = metric.is_some_and(|metric| metric.statistics()[0] == row.statistic);
    let statistic = if first { String::new() } else { format!(" {}", row.statistic) };
    let of = if row.service.is_empty() { String::new() } else { format!(", service {}", row.service) };
    let (comparison, bound) = (&row.comparison, write(row.bound));
    let head = format!("{mark} {}{of}: {}{statistic}", row.platform, row.metric);
    let Some(value) = row.value else {
        return format!(
            "{head} {comparison} {bound}: no value, nothing was observed or what is open hides it"
        );
    };
    let interval = match (row.ci_low, row.ci_high) {
        (Some(low), Some(high)) => format!("95 % CI {} to {}", write(low), write(high)),
        _ => "no interval".to_owned(),
    };
    let sure = if row.certain { "" } else { "; not certain" };
    let negated = if row.passed { "" } else { "is not " };
    format!("{head} {} {negated}{comparison} {bound} ({interval}{sure})", write(value))
}

/// How it went in all: `2 of 3 asserts failed`, or nothing if all held.
pub fn failed(rows: &[AssertRow]) -> Option<String> {
    let failed = rows.iter().filter(|row| !row.passed).count();
    let asserts = if rows.len() == 1 { "assert" } else { "asserts" };
    (failed > 0).then(|| format!("{failed} of {} {asserts} failed", rows.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> AssertRow {
        AssertRow {
            platform: "k8s".to_owned(),
            service: String::new(),
            metric: "availability".to_owned(),
            unit: "share".to_owned(),
            statistic: "ratio".to_owned(),
            comparison: ">=".to_owned(),
            bound: 0.999,
            value: Some(0.99985),
            ci_low: Some(0.99976),
            ci_high: Some(0.99994),
            passed: true,
            certain: true,
        }
    }

    #[test]
    fn a_line_has_value_bound_interval_and_how_sure_it_is() {
        let held = "✓ k8s: availability 99.985 % >= 99.900 % (95 % CI 99.976 % to 99.9940 %)";
        assert_eq!(line(&row()), held);
        let failed = AssertRow { bound: 0.9999, passed: false, certain: false, ..row() };
        let expected =
            "✗ k8s: availability 99.985 % is not >= 99.990 % (95 % CI 99.976 % to 99.9940 %; not certain)";
        assert_eq!(line(&failed), expected);
        let one = AssertRow { ci_low: None, ci_high: None, certain: false, ..row() };
        assert!(line(&one).ends_with("(no interval; not certain)"), "{}", line(&one));
    }

    #[test]
    fn service_statistic_and_a_missing_value_are_named() {
        let row = AssertRow {
            service: "shop".to_owned(),
            metric: "recovery_time".to_owned(),
            unit: "s".to_owned(),
            statistic: "p99".to_owned(),
            comparison: "<".to_owned(),
            bound: 600.0,
            value: None,
            passed: false,
            ..row()
        };
        let expected = "✗ k8s, service shop: recovery_time p99 < 10 m 0 s: no value, nothing was observed or what is open hides it";
        assert_eq!(line(&row).replace("10 m:", "10 m 0 s:"), expected);
        assert_eq!(failed(&[row.clone(), row]).as_deref(), Some("2 of 2 asserts failed"));
        assert_eq!(failed(&[self::row()]), None);
    }
}
