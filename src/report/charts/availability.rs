//! Requests that were not answered in time, by service: the share that users missed.
//!
//! Start at [`draw`].

use super::dots::{self, Line, Words};
use crate::report::number::phrase;
use crate::results::metric::{MetricId, Scale};
use crate::results::rows::{ResultSet, SummaryRow};

const WORDS: Words = Words {
    title: "Requests that were not answered in time or failed",
    axis: "share of offered requests (logarithmic), with 95 % interval",
    none: "none",
    value: |share| phrase(Scale::Share, share),
};

const TICKS: [f64; 17] =
    [1e-8, 3e-8, 1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0];

/// More services than fit are left to the table.
const MOST_SERVICES: usize = 24;

pub fn draw(results: &ResultSet) -> Option<String> {
    let services = results.services();
    let all = std::iter::once("").chain(services.iter().copied().take(MOST_SERVICES));
    let missed = |row: &SummaryRow| {
        let value = row.value?;
        Some((1.0 - value, row.ci_low.zip(row.ci_high).map(|(low, high)| (1.0 - high, 1.0 - low))))
    };
    let line = |service: &str| {
        let of = |platform: &str| {
            results.of_service(platform, service, MetricId::Availability, "ratio").and_then(missed)
        };
        let name = if service.is_empty() { "all services" } else { service };
        let values = results.manifest.platforms.iter().map(|p| of(&p.name)).collect();
        Line { name: name.to_owned(), values }
    };
    let lines: Vec<Line> = all.map(line).collect();
    dots::draw(results, &WORDS, &lines, &TICKS)
}
