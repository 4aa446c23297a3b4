//! The time series as OpenMetrics 1.0 text, for `promtool tsdb create-blocks-from openmetrics` and so for Grafana.
//!
//! All are gauges: means over replications in a bucket, at the start of the bucket by the scenario's calendar (UTC). A
//! family has its samples together, a series its own in order of time, as the format demands. Start at [`text`].

use super::timestamp;
use crate::results::rows::{ResultSet, TimeseriesRow};
use std::collections::BTreeMap;
use std::fmt::Write as _;

struct Family {
    /// Ends in its unit, if it has one.
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&TimeseriesRow) -> Option<f64>,
}

const fn family(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    value: fn(&TimeseriesRow) -> Option<f64>,
) -> Family {
    Family { name, unit, help, value }
}

const FAMILIES: [Family; 12] = [
    family("boxherd_offered_requests_per_second", "requests_per_second", "Requests offered.", |r| {
        Some(r.offered_rps)
    }),
    family("boxherd_served_requests_per_second", "requests_per_second", "Requests answered in time.", |r| {
        Some(r.served_rps)
    }),
    family("boxherd_failed_requests_per_second", "requests_per_second", "Requests not answered well.", |r| {
        Some(r.failed_rps)
    }),
    family("boxherd_latency_p50_seconds", "seconds", "Median latency of answers in time.", |r| {
        Some(r.latency_p50_ms? / 1e3)
    }),
    family("boxherd_latency_p99_seconds", "seconds", "99th percentile of the same.", |r| {
        Some(r.latency_p99_ms? / 1e3)
    }),
    family("boxherd_paid_cpu_cores", "cores", "CPU paid for.", |r| r.paid_cores),
    family("boxherd_useful_cpu_cores", "cores", "CPU spent on requests answered in time.", |r| {
        Some(r.useful_cores)
    }),
    family("boxherd_wasted_cpu_cores", "cores", "CPU spent on requests that failed.", |r| {
        Some(r.wasted_cores)
    }),
    family("boxherd_overhead_cpu_cores", "cores", "CPU of guest systems, agents and sidecars.", |r| {
        r.overhead_cores
    }),
    family("boxherd_idle_cpu_cores", "cores", "CPU paid for in which nothing ran.", |r| r.idle_cores),
    family("boxherd_ready_boxes", "boxes", "Boxes ready to serve.", |r| Some(r.boxes_ready)),
    family("boxherd_vms", "", "VMs paid for.", |r| r.vms),
];

/// Everything, ending in `# EOF`.
pub fn text(results: &ResultSet) -> String {
    let mut series: BTreeMap<(&str, &str), Vec<(f64, &TimeseriesRow)>> = BTreeMap::new();
    for row in &results.timeseries {
        let Some(time) = timestamp(&row.time) else { continue };
        let samples = series.entry((&row.platform, &row.service)).or_default();
        samples.push((time.as_millisecond() as f64 / 1e3, row));
    }
    series.values_mut().for_each(|samples| samples.sort_by(|a, b| a.0.total_cmp(&b.0)));
    let scenario = escape(&results.manifest.scenario_name);
    let mut text = String::new();
    for Family { name, unit, help, value } in &FAMILIES {
        writeln!(text, "# TYPE {name} gauge").expect("a String grows");
        if !unit.is_empty() {
            writeln!(text, "# UNIT {name} {unit}").expect("a String grows");
        }
        writeln!(text, "# HELP {name} {help}").expect("a String grows");
        for ((platform, service), samples) in &series {
            let (platform, service) = (escape(platform), escape(service));
            for (time, row) in samples {
                let Some(value) = value(row) else { continue };
                writeln!(
                    text,
                    "{name}{{scenario=\"{scenario}\",platform=\"{platform}\",service=\"{service}\"}} {value} {time}"
                )
                .expect("a String grows");
            }
        }
    }
    text + "# EOF\n"
}

/// Of a label's value.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::three_platforms;

    #[test]
    fn a_family_is_in_one_piece_and_its_series_are_in_order_of_time() {
        let mut results = three_platforms();
        results.timeseries.reverse();
        let text = text(&results);
        assert!(text.ends_with("\n# EOF\n") && text.matches("# EOF").count() == 1);
        for family in &FAMILIES {
            assert!(family.name.ends_with(family.unit), "{}", family.name);
            let lines: Vec<usize> = text
                .lines()
                .enumerate()
                .filter(|(_, line)| line.starts_with(&format!("{}{{", family.name)))
                .map(|(index, _)| index)
                .collect();
            // Three platforms, 48 hours.
            assert_eq!(lines.len(), 144, "{}", family.name);
            assert_eq!(lines[143] - lines[0], 143, "{} is torn", family.name);
        }
        // Monday 2026-01-06 00:00 UTC is 1767657600.
        let first =
            "boxherd_ready_boxes{scenario=\"quickstart\",platform=\"cattle\",service=\"\"} 12 1767657600";
        assert!(text.contains(first), "{text}");
        let at =
            |time: &str| text.find(&format!("platform=\"pets\",service=\"\"}} 12 {time}")).expect("a sample");
        assert!(at("1767657600\n") < at("1767661200\n"));
    }

    #[test]
    fn names_cannot_break_out_of_their_label() {
        assert_eq!(escape("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }
}
