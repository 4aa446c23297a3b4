//! How much of the time boxes can be attacked, and who still has a vulnerability a month and a year after it is known.
//!
//! Start at [`draw`].

use super::dots::{self, Line, Words};
use crate::report::number::phrase;
use crate::results::metric::{MetricId, Scale};
use crate::results::rows::ResultSet;

const WORDS: Words = Words {
    title: "Security: time in which boxes can be attacked, and who is not patched",
    axis: "share of boxes (logarithmic), with 95 % interval",
    none: "none",
    value: |share| phrase(Scale::Share, share),
};

const LINES: [(&str, MetricId); 3] = [
    ("box time exposed", MetricId::ExposedShare),
    ("open after 30 days", MetricId::OpenAfterMonth),
    ("open after 365 days", MetricId::OpenAfterYear),
];

const TICKS: [f64; 11] = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0];

pub fn draw(results: &ResultSet) -> Option<String> {
    let line = |(name, metric): (&str, MetricId)| {
        let share = |platform: &str| {
            let row = results.whole(platform, metric, "ratio")?;
            Some((row.value?, row.ci_low.zip(row.ci_high)))
        };
        let values = results.manifest.platforms.iter().map(|p| share(&p.name)).collect();
        Line { name: name.to_owned(), values }
    };
    dots::draw(results, &WORDS, &LINES.map(line), &TICKS)
}
