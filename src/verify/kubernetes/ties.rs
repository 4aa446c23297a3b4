//! Cases of the kind `scheduling_uniform_ties`: the same as `scheduling`, recorded with ties broken at random.
//!
//! Where pods end up is a matter of chance, so distributions are compared: of the vectors of pods per zone, and of pods
//! per group and zone. Each recorded vector must come up in own runs, and the recorded ones together must not be too
//! unlikely: a likelihood test whose distribution is drawn from the own runs, as 6 to 30 recorded runs are too few for
//! the chi-square. Scores are compared too.

use super::cluster_input::ClusterInput;
use super::scheduling;
use super::stage::{Act, Stage};
use super::{Case, Outcome, part};
use crate::cluster::scheduler::Ties;
use crate::engine::{Purpose, Stream, Streams};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Pods per zone, and `PENDING` ones.
type Zones = BTreeMap<String, u32>;
type Groups = BTreeMap<String, Zones>;

#[derive(Deserialize)]
struct Observed {
    #[serde(default)]
    per_zone_pod_counts_with_run_counts: Vec<Counted<Zones>>,
    #[serde(default)]
    per_group_per_zone_with_run_counts: Vec<Counted<Groups>>,
}

#[derive(Deserialize)]
struct Counted<T> {
    counts: T,
    runs: u32,
}

const OWN_RUNS: u32 = 1_000;
/// A vector that does not come up is looked for in so many.
const MORE_RUNS: u32 = 20_000;
/// Samples of the test: first a few, and all of them if those leave a doubt.
const SAMPLES: [u32; 2] = [1_000, 200_000];
/// Error of the first kind over all cases, and as how many they count (Bonferroni).
const LEVEL: f64 = 0.001;
const CASES: f64 = 50.0;

pub fn play(case: &Case) -> Outcome {
    Outcome::of(compare(case))
}

fn compare(case: &Case) -> Result<(), String> {
    scheduling::follow_all(case)?;
    let input: ClusterInput = part(&case.input, "input")?;
    let observed: Observed = part(&case.observed, "observed part")?;
    let mut own = OwnRuns {
        input,
        streams: Streams::new(1, 0),
        zones: BTreeMap::new(),
        groups: BTreeMap::new(),
        runs: 0,
    };
    own.run_until(OWN_RUNS)?;
    let misses = |own: &OwnRuns| {
        observed.per_zone_pod_counts_with_run_counts.iter().any(|c| !own.zones.contains_key(&c.counts))
            || observed.per_group_per_zone_with_run_counts.iter().any(|c| !own.groups.contains_key(&c.counts))
    };
    while misses(&own) && own.runs < MORE_RUNS {
        own.run_until(own.runs + OWN_RUNS)?;
    }
    let mut stream = own.streams.open(Purpose::named("samples of own runs"), &[]);
    fits(&observed.per_zone_pod_counts_with_run_counts, &own.zones, &mut stream)
        .map_err(|difference| format!("pods per zone: {difference}"))?;
    fits(&observed.per_group_per_zone_with_run_counts, &own.groups, &mut stream)
        .map_err(|difference| format!("pods per group and zone: {difference}"))
}

/// Own runs so far, by what came of them.
struct OwnRuns {
    input: ClusterInput,
    streams: Streams,
    zones: BTreeMap<Zones, u32>,
    groups: BTreeMap<Groups, u32>,
    runs: u32,
}

impl OwnRuns {
    fn run_until(&mut self, runs: u32) -> Result<(), String> {
        for run in self.runs..runs {
            let stream = self.streams.open(Purpose::named("ties"), &[u64::from(run)]);
            let groups = one_run(&self.input, stream)?;
            let mut zones = Zones::new();
            for (zone, pods) in groups.values().flatten() {
                *zones.entry(zone.clone()).or_insert(0) += pods;
            }
            *self.zones.entry(zones).or_insert(0) += 1;
            *self.groups.entry(groups).or_insert(0) += 1;
        }
        self.runs = runs;
        Ok(())
    }
}

fn one_run(input: &ClusterInput, stream: Stream) -> Result<Groups, String> {
    let mut stage = Stage::new(input, Ties::Uniform, stream)?;
    let mut placed: BTreeMap<String, String> = BTreeMap::new();
    for pod in &input.pods {
        stage.submit(pod, Stage::START)?;
        for act in stage.settle(Stage::START) {
            if let Act::Bound { pod, node } = act {
                placed.insert(pod, node);
            }
        }
    }
    let mut groups = Groups::new();
    for pod in &input.pods {
        let zone = match placed.get(&pod.name) {
            None => "PENDING",
            Some(node) => stage.zone(node).unwrap_or("no-zone"),
        };
        let group = pod.group.clone().unwrap_or_else(|| "ungrouped".into());
        *groups.entry(group).or_default().entry(zone.to_owned()).or_insert(0) += 1;
    }
    Ok(groups)
}

/// Whether recorded vectors may be a sample of the own ones.
fn fits<T: Ord + std::fmt::Debug>(
    recorded: &[Counted<T>],
    own: &BTreeMap<T, u32>,
    stream: &mut Stream,
) -> Result<(), String> {
    let runs: u32 = own.values().sum();
    let surprise = |count: u32| -(f64::from(count) / f64::from(runs)).ln();
    let (mut seen, mut size) = (0.0, 0);
    for vector in recorded {
        let count = own.get(&vector.counts).copied().unwrap_or(0);
        if count == 0 {
            return Err(format!("{:?} never came up in {runs} own runs", vector.counts));
        }
        seen += f64::from(vector.runs) * surprise(count);
        size += vector.runs;
    }
    // One entry for each own run, so that a draw is an index.
    let all: Vec<f64> = own.values().flat_map(|&n| std::iter::repeat_n(surprise(n), n as usize)).collect();
    let mut p = 1.0;
    for samples in SAMPLES {
        let sample = |_: &u32| (0..size).map(|_| all[stream.below(all.len())]).sum::<f64>() >= seen - 1e-9;
        let as_odd = (0..samples).filter(sample).count();
        p = (as_odd as f64 + 1.0) / (f64::from(samples) + 1.0);
        if p > 0.05 {
            break;
        }
    }
    if p > LEVEL / CASES { Ok(()) } else { Err(format!("as odd a sample has a probability of {p:.2e}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unlikely_sample_is_told_from_a_likely_one() {
        // Two vectors, 900 and 100 of 1,000. Ten of 20 of the rare one: P(X ≥ 10) for Bin(20, 0.1) = 7e-6 < 2e-5.
        let own = BTreeMap::from([("often", 900), ("rarely", 100)]);
        let mut stream = Streams::new(3, 0).open(Purpose::named("test"), &[]);
        let mut check = |often, rarely| {
            let recorded =
                [Counted { counts: "often", runs: often }, Counted { counts: "rarely", runs: rarely }];
            fits(&recorded, &own, &mut stream)
        };
        assert!(check(18, 2).is_ok());
        assert!(check(10, 10).is_err());
        let unknown = [Counted { counts: "never", runs: 1 }];
        assert!(fits(&unknown, &own, &mut stream).is_err());
    }
}
