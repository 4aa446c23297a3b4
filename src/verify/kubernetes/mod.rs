//! Does the control plane do what the real one was recorded to do?
//!
//! A case is a small cluster, what was done to it, and what the real control plane (v1.36) then did. Each kind of case has
//! one file here: it seeds the store that scenarios use, plays kubelets and people, lets the same controllers run, and
//! compares. What races in the recordings (ties, times of a watch) is compared as what may happen, not as what did.
//!
//! Start at [`KINDS`]; [`load`] reads folders of cases.

mod autoscaling;
mod bench;
mod bounds;
mod cluster_input;
mod disruption_budget;
mod endpoints;
mod job;
pub(super) mod lab;
mod load;
mod node_failure;
mod queue;
mod recommendation;
mod rollout;
mod scheduling;
mod stage;
mod ties;

pub use load::{LoadError, load};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A recorded case.
#[derive(Clone, Debug)]
pub struct Case {
    pub kind: String,
    pub id: String,
    /// What the cluster was and what was done to it.
    pub input: Value,
    /// What the real control plane did.
    pub observed: Value,
}

/// What came of a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    Passed,
    /// The first difference.
    Failed(String),
    /// Not judged; what was seen.
    Reported(String),
}

impl Outcome {
    /// A difference, if there is one.
    pub fn of(result: Result<(), String>) -> Outcome {
        match result {
            Ok(()) => Outcome::Passed,
            Err(difference) => Outcome::Failed(difference),
        }
    }
}

/// Plays one case of a kind.
type Player = fn(&Case) -> Outcome;

/// Every kind of case that can be played.
const KINDS: &[(&str, Player)] = &[
    ("autoscaling", autoscaling::play),
    ("autoscaling_recommendation", recommendation::play),
    ("disruption_budget", disruption_budget::play),
    ("endpoints", endpoints::play),
    ("node_failure", node_failure::play),
    ("job", job::play),
    ("rollout", rollout::play),
    ("scheduler_pace", queue::play_pace),
    ("scheduling", scheduling::play),
    ("scheduling_queue", queue::play),
    ("scheduling_uniform_ties", ties::play),
];

/// What came of all cases of a kind.
#[derive(Clone, Debug, Serialize)]
pub struct KindReport {
    pub kind: String,
    pub total: usize,
    pub passed: usize,
    pub failed: Vec<FailedCase>,
    /// Cases that are reported and not judged.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reported: Vec<ReportedCase>,
}

/// A case that came out otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct FailedCase {
    pub id: String,
    pub difference: String,
}

/// A case that is shown and not judged.
#[derive(Clone, Debug, Serialize)]
pub struct ReportedCase {
    pub id: String,
    pub seen: String,
}

/// Plays all cases on `jobs` threads (all cores if `None`); reports come by kind, cases in their order.
///
/// # Errors
/// If threads cannot be started.
pub fn play(cases: &[Case], jobs: Option<usize>) -> Result<Vec<KindReport>, String> {
    let outcomes: Vec<Outcome> =
        super::workers(jobs)?.install(|| cases.par_iter().with_max_len(1).map(play_one).collect());
    let mut reports: BTreeMap<&str, KindReport> = BTreeMap::new();
    for (case, outcome) in cases.iter().zip(outcomes) {
        let report = reports.entry(&case.kind).or_insert_with(|| KindReport {
            kind: case.kind.clone(),
            total: 0,
            passed: 0,
            failed: Vec::new(),
            reported: Vec::new(),
        });
        report.total += 1;
        let id = case.id.clone();
        match outcome {
            Outcome::Passed => report.passed += 1,
            Outcome::Failed(difference) => report.failed.push(FailedCase { id, difference }),
            Outcome::Reported(seen) => report.reported.push(ReportedCase { id, seen }),
        }
    }
    Ok(reports.into_values().collect())
}

fn play_one(case: &Case) -> Outcome {
    match KINDS.iter().find(|(kind, _)| *kind == case.kind) {
        Some((_, player)) => {
            match bounds::check(&case.input, "input").and(bounds::check(&case.observed, "observed")) {
                // One strange case must not take the others with it.
                Ok(()) => catch_unwind(AssertUnwindSafe(|| player(case)))
                    .unwrap_or_else(|_| Outcome::Failed("playing it panicked".into())),
                Err(problem) => Outcome::Failed(problem),
            }
        }
        None => {
            let known: Vec<&str> = KINDS.iter().map(|k| k.0).collect();
            Outcome::Failed(format!("kind `{}` is not known; known are {}", case.kind, known.join(", ")))
        }
    }
}

/// Reads a part of a case.
fn part<T: for<'de> Deserialize<'de>>(value: &Value, what: &str) -> Result<T, String> {
    T::deserialize(value).map_err(|error| format!("cannot read its {what}: {error}"))
}
