//! How long releases take, and how long a bad one stays.
//!
//! Start at [`draw`].

use super::axis::SPANS;
use super::dots::{self, Line, Words};
use crate::report::number::duration;
use crate::results::metric::MetricId;
use crate::results::rows::ResultSet;

const WORDS: Words = Words {
    title: "Releases: how long they take, and how long a bad one stays",
    axis: "median time (logarithmic), with 95 % interval",
    none: "at once",
    value: duration,
};

const LINES: [(&str, MetricId); 3] = [
    ("ready to last box", MetricId::ReleaseLeadTime),
    ("first to last box", MetricId::ReleaseDuration),
    ("bad one, until gone", MetricId::RollbackTime),
];

pub fn draw(results: &ResultSet) -> Option<String> {
    let line = |(name, metric): (&str, MetricId)| {
        let seconds = |platform: &str| {
            let row = results.whole(platform, metric, "p50")?;
            let interval = row.ci_low.zip(row.ci_high).map(|(low, high)| (low * 60.0, high * 60.0));
            Some((row.value? * 60.0, interval))
        };
        let values = results.manifest.platforms.iter().map(|p| seconds(&p.name)).collect();
        Line { name: name.to_owned(), values }
    };
    dots::draw(results, &WORDS, &LINES.map(line), &SPANS.map(|(seconds, _)| seconds))
}
