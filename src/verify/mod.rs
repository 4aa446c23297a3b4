//! Does the program compute what theory and published numbers say? `boxherd verify` finds out, on any machine.
//!
//! Each check states a claim, who says so, the number that must come out, how far off it may be and why; what is
//! obtained comes from the code that simulates scenarios. Two small models beside it, [`line`] and [`sharing`], live
//! through requests one by one and share nothing with the flow of the world but engine and distributions.
//!
//! Knows nothing of the command line, and no platform but by the scenarios it runs. A number that no theory gives
//! (what a hand-kept machine costs, how often releases are bad) cannot be verified here, only sourced.
//!
//! Start at [`Check`]; [`all`] lists the topics, one file each.

mod check;
pub mod kubernetes;
pub(crate) mod lab;
mod line;
mod luck;
mod sharing;
mod topic;

pub use check::{Band, CHANCE, Check, Finding, MOST_BY_CHANCE, Verdict};
pub use luck::Luck;

use rayon::prelude::*;

/// The seed that is used if none is given.
pub const SEED: u64 = 1;

/// Every check, by topic.
pub fn all() -> Vec<Check> {
    topic::TOPICS
        .iter()
        .flat_map(|&(topic, checks)| checks().into_iter().map(move |check| check.of_topic(topic)))
        .collect()
}

/// Runs checks on `jobs` threads (all cores if `None`); verdicts come in the order of the checks.
///
/// # Errors
/// If threads cannot be started.
pub fn run(checks: &[Check], seed: u64, jobs: Option<usize>) -> Result<Vec<Verdict>, String> {
    Ok(workers(jobs)?.install(|| checks.par_iter().with_max_len(1).map(|check| check.run(seed)).collect()))
}

/// Threads of the machine, or as many as were asked for.
fn workers(jobs: Option<usize>) -> Result<rayon::ThreadPool, String> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.unwrap_or(0)).build();
    pool.map_err(|error| format!("cannot start worker threads: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_check_says_what_it_claims_who_says_so_and_why_its_band_is_as_wide() {
        let checks = all();
        assert!(checks.len() >= 40, "{}", checks.len());
        for check in &checks {
            let name = &check.name;
            assert!(!check.claim.is_empty() && !check.source.is_empty(), "{name}");
            assert!(!check.band.reason().is_empty() && check.expected.is_finite(), "{name}");
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            assert!(name.chars().all(plain), "{name}");
        }
        let names: BTreeSet<&str> = checks.iter().map(|check| check.name.as_str()).collect();
        assert_eq!(names.len(), checks.len(), "names are unique");
    }

    #[test]
    fn few_enough_checks_allow_for_chance_that_all_of_them_pass() {
        let by_chance = all().iter().filter(|check| check.is_by_chance()).count();
        assert!(by_chance <= MOST_BY_CHANCE, "{by_chance}");
        assert!(CHANCE * MOST_BY_CHANCE as f64 <= 0.005);
    }
}
