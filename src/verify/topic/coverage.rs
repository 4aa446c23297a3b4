//! Coverage: do 95 % intervals hold the truth 95 times in a hundred?
//!
//! Many small experiments with a known truth for each kind of interval that results carry; the experiments are those
//! of [`crate::experiment::coverage`].

use crate::experiment::coverage::{CASES, REPLICATIONS};
use crate::verify::check::Finding;
use crate::verify::{Band, Check};
use std::ops::Range;

/// Enough that luck is a third of a point, so that it does not decide between 92.5 and 97.5 %.
const EXPERIMENTS: u32 = 4_000;

/// Experiments come in parts that cores share.
const PART: u32 = 250;

pub fn checks() -> Vec<Check> {
    CASES
        .iter()
        .map(|case| {
            let name = format!("coverage-{}-{}", slug(case.interval), slug(case.data));
            let band = Band::Between(
                0.925,
                0.975,
                "93 to 97 % for 30 replications, and luck: 0.34 points a standard error",
            );
            Check::new(&name, 0.95, band, move |luck| {
                let parts: Range<u32> = 0..EXPERIMENTS / PART;
                let found: Finding = luck.mean(parts.end, |part| {
                    case.cover(luck.seed().wrapping_add(u64::from(part)), PART, REPLICATIONS).share
                });
                found
            })
            .after("definition of a confidence interval: Neyman 1937")
            .claims(format!("the interval of a {} from {} holds the truth", case.interval, case.data))
        })
        .collect()
}

fn slug(words: &str) -> String {
    let mut slug = String::new();
    for c in words.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}
