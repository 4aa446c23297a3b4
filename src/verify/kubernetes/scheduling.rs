//! Cases of the kind `scheduling`: pods one by one into a small cluster.
//!
//! Each recorded run is followed: before each pod the feasible nodes, the weighted score of every plugin and the best
//! nodes have to be the recorded ones, then the pod goes where it went. Which of equally good nodes was taken is chance.
//! In preemption cases the scheduler plays on its own, many times with ties at random: every recorded set of victims
//! has to come up.

use super::cluster_input::ClusterInput;
use super::stage::{Act, Stage};
use super::{Case, Outcome, part};
use crate::cluster::scheduler::{Report, Ties};
use crate::engine::{Purpose, Stream, Streams};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
struct Input {
    #[serde(flatten)]
    cluster: ClusterInput,
    #[serde(default)]
    preemption: bool,
}

#[derive(Deserialize)]
struct Observed {
    runs_with_scores: Vec<Run>,
    #[serde(default)]
    unschedulable_messages: BTreeMap<String, Vec<Message>>,
    #[serde(default)]
    victims_with_run_counts: Vec<Victims>,
}

#[derive(Deserialize)]
struct Run {
    /// `None` is pending.
    placements: BTreeMap<String, Option<String>>,
    scores: BTreeMap<String, Scores>,
}

#[derive(Deserialize)]
struct Scores {
    /// Node, plugin, score.
    weighted_plugin_scores: BTreeMap<String, BTreeMap<String, i64>>,
    best_score_nodes: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

#[derive(Deserialize)]
struct Victims {
    victims_of: BTreeMap<String, BTreeSet<String>>,
}

/// Own runs of a preemption case, to see what may happen.
const RUNS: u32 = 200;
/// Plugins of the real profile that say nothing about pods without devices.
const SILENT: &[&str] = &["DynamicResources"];

pub fn play(case: &Case) -> Outcome {
    Outcome::of(compare(case))
}

fn compare(case: &Case) -> Result<(), String> {
    let input: Input = part(&case.input, "input")?;
    let observed: Observed = part(&case.observed, "observed part")?;
    if input.preemption || !observed.victims_with_run_counts.is_empty() {
        return preemption(&input.cluster, &observed);
    }
    follow_all(case)
}

/// Follows all recorded runs whose scores are there.
pub fn follow_all(case: &Case) -> Result<(), String> {
    let input: Input = part(&case.input, "input")?;
    let observed: Observed = part(&case.observed, "observed part")?;
    for (i, run) in observed.runs_with_scores.iter().enumerate() {
        follow(&input.cluster, run, &observed)
            .map_err(|difference| format!("run {}: {difference}", i + 1))?;
    }
    Ok(())
}

/// Binds pods as recorded and compares what the scheduler thinks before each.
fn follow(input: &ClusterInput, run: &Run, observed: &Observed) -> Result<(), String> {
    let nothing = Streams::new(1, 0).open(Purpose::named("no ties"), &[]);
    let mut stage = Stage::new(input, Ties::FirstListed, nothing)?;
    for pod in &input.pods {
        let of_pod = |difference: String| format!("{}: {difference}", pod.name);
        stage.submit(pod, Stage::START)?;
        let report = stage.report(&pod.name)?;
        let placement =
            run.placements.get(&pod.name).ok_or_else(|| of_pod("no placement recorded".into()))?;
        match (run.scores.get(&pod.name), placement) {
            (Some(scores), _) => same_scores(&stage, &report, scores).map_err(of_pod)?,
            (None, Some(node)) => {
                let feasible: Vec<&str> = report.feasible.iter().map(|&n| stage.node_name(n)).collect();
                if feasible != [node] {
                    return Err(of_pod(format!("feasible are {feasible:?}, recorded is {node} alone")));
                }
            }
            (None, None) => {
                if !report.feasible.is_empty() {
                    return Err(of_pod(format!(
                        "{} nodes are feasible, recorded is none",
                        report.feasible.len()
                    )));
                }
                let ours = counted(&report.reasons);
                expect_message(&pod.name, observed, |message| message.reasons == ours, &ours)?;
            }
        }
        if let Some(node) = placement {
            stage.bind(&pod.name, node)?;
            stage.forget();
        }
    }
    Ok(())
}

fn same_scores(stage: &Stage, report: &Report, recorded: &Scores) -> Result<(), String> {
    let names: Vec<&str> = report.feasible.iter().map(|&n| stage.node_name(n)).collect();
    let feasible: BTreeSet<&str> = names.iter().copied().collect();
    let expected: BTreeSet<&str> = recorded.weighted_plugin_scores.keys().map(String::as_str).collect();
    if feasible != expected {
        return Err(format!("feasible are {feasible:?}, recorded {expected:?}"));
    }
    for (i, name) in names.iter().enumerate() {
        let mut ours: BTreeMap<&str, i64> =
            report.scores.iter().map(|(plugin, scores)| (plugin.name(), scores[i])).collect();
        for (plugin, &score) in &recorded.weighted_plugin_scores[*name] {
            if SILENT.contains(&plugin.as_str()) && score == 0 {
                continue;
            }
            match ours.remove(plugin.as_str()) {
                Some(own) if own == score => {}
                own => return Err(format!("{plugin} on {name} is {own:?}, recorded {score}")),
            }
        }
        if let Some((plugin, score)) = ours.into_iter().next() {
            return Err(format!("{plugin} on {name} is {score}, recorded as skipped"));
        }
    }
    let best: BTreeSet<String> = report.best().iter().map(|&n| stage.node_name(n).to_owned()).collect();
    if best != recorded.best_score_nodes {
        return Err(format!("best are {best:?}, recorded {:?}", recorded.best_score_nodes));
    }
    Ok(())
}

/// The text of an event FailedScheduling, taken apart.
#[derive(Debug, Default, PartialEq)]
struct Parsed {
    reasons: BTreeMap<String, u32>,
    preemption: BTreeMap<String, u32>,
    not_eligible: Option<String>,
}

impl Parsed {
    /// `0/4 nodes are available: 1 Insufficient cpu, 3 Too many pods. …, preemption: 0/4 nodes are available: 4 No ….`
    fn of(message: &str) -> Parsed {
        const AVAILABLE: &str = "nodes are available: ";
        let count = |text: &str| {
            let text = text.split_once(AVAILABLE).map_or("", |(_, rest)| rest);
            let text = text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.');
            let one = |part: &str| {
                let (n, reason) = part.split_once(' ')?;
                Some((reason.to_owned(), n.parse().ok()?))
            };
            text.split(", ").filter_map(one).collect()
        };
        let (reasons, preemption) = message.split_once("preemption: ").unwrap_or((message, ""));
        let not_eligible = preemption.starts_with("not eligible").then(|| preemption.to_owned());
        Parsed { reasons: count(reasons), preemption: count(preemption), not_eligible }
    }
}

fn counted(reasons: &BTreeMap<&'static str, u32>) -> BTreeMap<String, u32> {
    reasons.iter().map(|(reason, n)| ((*reason).to_owned(), *n)).collect()
}

/// One of the messages recorded for a pod is as it should be; pods without a recorded message pass.
fn expect_message(
    pod: &str,
    observed: &Observed,
    is_same: impl Fn(&Parsed) -> bool,
    ours: &impl std::fmt::Debug,
) -> Result<(), String> {
    let messages: Vec<Parsed> = observed
        .unschedulable_messages
        .get(pod)
        .into_iter()
        .flatten()
        .map(|m| Parsed::of(&m.message))
        .collect();
    if messages.is_empty() || messages.iter().any(is_same) {
        return Ok(());
    }
    Err(format!("{pod}: unschedulable for {ours:?}, recorded {messages:?}"))
}

/// What came of an own run: victims by pod, and where pods went.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct OwnRun {
    victims: BTreeMap<String, BTreeSet<String>>,
    placements: BTreeMap<String, Option<String>>,
}

fn preemption(input: &ClusterInput, observed: &Observed) -> Result<(), String> {
    let streams = Streams::new(1, 0);
    let mut own = BTreeSet::new();
    for run in 0..RUNS {
        let stream = streams.open(Purpose::named("preemption ties"), &[u64::from(run)]);
        own.insert(own_run(input, observed, stream)?);
    }
    let victims: BTreeSet<_> = own.iter().map(|r| &r.victims).collect();
    for recorded in &observed.victims_with_run_counts {
        if !victims.contains(&recorded.victims_of) {
            return Err(format!("victims are one of {victims:?}, recorded {:?}", recorded.victims_of));
        }
    }
    let placements: BTreeSet<_> = own.iter().map(|r| &r.placements).collect();
    for recorded in &observed.runs_with_scores {
        if !placements.contains(&recorded.placements) {
            return Err(format!("placements are one of {placements:?}, recorded {:?}", recorded.placements));
        }
    }
    Ok(())
}

/// The scheduler on its own; victims are gone at once.
fn own_run(input: &ClusterInput, observed: &Observed, stream: Stream) -> Result<OwnRun, String> {
    let mut stage = Stage::new(input, Ties::Uniform, stream)?;
    let mut run = OwnRun::default();
    for pod in &input.pods {
        stage.submit(pod, Stage::START)?;
        run.victims.insert(pod.name.clone(), BTreeSet::new());
        run.placements.insert(pod.name.clone(), None);
        loop {
            let acts = stage.settle(Stage::START);
            if acts.is_empty() {
                break;
            }
            for act in acts {
                match act {
                    Act::Bound { pod, node } => {
                        run.placements.insert(pod, Some(node));
                    }
                    Act::Deleted { victim } => {
                        stage.remove(&victim)?;
                        run.victims.entry(pod.name.clone()).or_default().insert(victim);
                    }
                }
            }
        }
        if let Some(failure) = stage.failure(&pod.name) {
            let ours = Parsed {
                reasons: counted(&failure.reasons),
                preemption: counted(&failure.preemption),
                not_eligible: failure.not_eligible.map(str::to_owned),
            };
            expect_message(&pod.name, observed, |recorded| *recorded == ours, &ours)?;
        }
    }
    Ok(run)
}
