//! The time series that a reader can zoom into, as JSON inside the page.
//!
//! Numbers are cut to what a screen can show, and a long list of services to what keeps the page small. Start at
//! [`json`].

use crate::report::palette;
use crate::results::rows::{ResultSet, TimeseriesRow};
use serde::Serialize;
use std::collections::BTreeMap;

/// Numbers at most: some 6 characters each keep the page below a megabyte.
const MOST_NUMBERS: usize = 60_000;

type Measure = (&'static str, &'static str, fn(&TimeseriesRow) -> Option<f64>);

/// Title, unit and value of each measure; what a service has no value for is shown of the whole platform only.
const MEASURES: [Measure; 10] = [
    ("Requests not answered well", "%", |row| share(row.failed_rps, row.offered_rps)),
    ("Requests slower than their goal", "%", |row| share(row.slow_rps, row.offered_rps)),
    ("Latency, median", "ms", |row| row.latency_p50_ms),
    ("Latency, p99", "ms", |row| row.latency_p99_ms),
    ("Requests offered", "1/s", |row| Some(row.offered_rps)),
    ("Boxes ready", "boxes", |row| Some(row.boxes_ready)),
    ("CPU useful", "cores", |row| Some(row.useful_cores)),
    ("CPU paid for", "cores", |row| row.paid_cores),
    ("CPU idle", "cores", |row| row.idle_cores),
    ("VMs", "VMs", |row| row.vms),
];

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole * 100.0)
}

#[derive(Serialize)]
struct Document<'a> {
    platforms: Vec<(&'a str, String)>,
    /// Seconds since 1970 of the beginning of each bucket, as if the scenario's clock were UTC.
    times: Vec<i64>,
    measures: Vec<(&'static str, &'static str)>,
    scopes: Vec<Scope<'a>>,
}

#[derive(Serialize)]
struct Scope<'a> {
    name: &'a str,
    /// By measure, platform and bucket; a measure without any value is empty.
    values: Vec<Vec<Vec<Option<f64>>>>,
}

/// Safe inside a script element: it has no `<`.
pub fn json(results: &ResultSet) -> String {
    let platforms: Vec<&str> = results.manifest.platforms.iter().map(|p| p.name.as_str()).collect();
    let mut by_place: BTreeMap<(&str, &str), Vec<&TimeseriesRow>> = BTreeMap::new();
    for row in &results.timeseries {
        by_place.entry((&row.service, &row.platform)).or_default().push(row);
    }
    let longest = by_place.values().max_by_key(|rows| rows.len()).map_or(&[][..], |rows| rows);
    let begin = longest.first().and_then(|row| row.time.parse::<jiff::civil::DateTime>().ok());
    let begin = begin
        .and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC).ok())
        .map_or(0, |z| z.timestamp().as_second());
    let times: Vec<i64> = longest.iter().map(|row| begin + (row.t_s - longest[0].t_s) as i64).collect();

    let per_scope = MEASURES.len() * platforms.len().max(1) * times.len().max(1);
    let most_scopes = (MOST_NUMBERS / per_scope).max(1);
    let scope = |service: &'_ str| -> Vec<Vec<Vec<Option<f64>>>> {
        let of = |value: fn(&TimeseriesRow) -> Option<f64>| {
            let column = |platform: &&str| {
                let rows = by_place.get(&(service, *platform)).map_or(&[][..], |rows| rows);
                rows.iter().map(|row| value(row).map(brief)).collect::<Vec<Option<f64>>>()
            };
            let columns: Vec<Vec<Option<f64>>> = platforms.iter().map(column).collect();
            if columns.iter().flatten().any(Option::is_some) { columns } else { Vec::new() }
        };
        MEASURES.iter().map(|(_, _, value)| of(*value)).collect()
    };
    let names = std::iter::once("").chain(results.services()).take(most_scopes);
    let document = Document {
        platforms: platforms
            .iter()
            .enumerate()
            .map(|(i, &name)| (name, palette::hex(palette::colour(i))))
            .collect(),
        times,
        measures: MEASURES.iter().map(|&(title, unit, _)| (title, unit)).collect(),
        scopes: names
            .map(|name| Scope {
                name: if name.is_empty() { "all services" } else { name },
                values: scope(name),
            })
            .collect(),
    };
    serde_json::to_string(&document).expect("string keys only").replace('<', "\\u003c")
}

/// Four digits.
fn brief(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return 0.0;
    }
    let scale = 10_f64.powf(3.0 - value.abs().log10().floor());
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture;

    #[test]
    fn numbers_have_four_digits() {
        assert_eq!(
            [brief(123_456.0), brief(0.000123456), brief(-9.9999), brief(0.0)],
            [123_500.0, 0.0001235, -10.0, 0.0]
        );
    }

    #[test]
    fn a_name_cannot_end_the_script() {
        let mut results = fixture::three_platforms();
        for row in &mut results.timeseries {
            row.platform = row.platform.replace("pets", "</script><script>alert(1)");
        }
        results.manifest.platforms[0].name = "</script><script>alert(1)".to_owned();
        assert!(!json(&results).contains('<'));
    }

    #[test]
    fn many_services_are_cut_to_what_keeps_the_page_small() {
        let mut results = fixture::three_platforms();
        let row = results.timeseries[0].clone();
        let metric = results.summary[0].clone();
        results.timeseries.clear();
        for service in 0..200 {
            let name = format!("s{service}");
            results
                .summary
                .push(crate::results::rows::SummaryRow { service: name.clone(), ..metric.clone() });
            for bucket in 0..400 {
                let t_s = f64::from(bucket) * 3_600.0;
                results.timeseries.push(TimeseriesRow { service: name.clone(), t_s, ..row.clone() });
            }
        }
        assert!(json(&results).len() < 600_000, "{}", json(&results).len());
    }
}
