//! Endpoint slices: how pods that start, stop or fail show in the slices of their Services.
//!
//! Compared are the number of slices, how each pod was listed one after the other where that was recorded, the number of
//! writes within a factor of two, and that nine of ten changes show within 2 s. Start at [`play`].

use super::bench::Bench;
use super::lab::KubeletHabits;
use super::{Case, Outcome, part};
use crate::cluster::objects::{DeploymentId, PodId, ServiceId, Size, Strategy};
use crate::cluster::settings::Settings;
use crate::cluster::store::{Change, Store};
use crate::engine::{SimDuration, SimTime};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How long writing the slices of a Service took on the recording machine: between 50 ms when little was going on and
/// 330 ms when a hundred pods started.
const SERVICE_SYNC: SimDuration = SimDuration::from_millis(200);
/// The recorded kubelets noticed pods so far apart.
const NOTICE_GAP: SimDuration = SimDuration::from_millis(25);
/// From one request of a person to the next.
const REQUEST: SimDuration = SimDuration::from_millis(40);
/// Everything is over by then.
const QUIET: SimDuration = SimDuration::from_mins(1);
/// A change shows within this time, nine times of ten.
const LATENCY: SimDuration = SimDuration::from_secs(2);
const NODES: u32 = 10;

#[derive(Deserialize)]
struct Input {
    pods: u32,
    action: Action,
    /// All, if nothing is said.
    pods_acted_on: Option<usize>,
    pod_ready_delay_s: f64,
    pod_termination_delay_s: f64,
    services: u32,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Action {
    /// A Deployment is made; its pods start.
    BecomeReady,
    TurnNotReady,
    DeletePods,
}

#[derive(Deserialize)]
struct Observed {
    runs: Vec<RecordedRun>,
}

#[derive(Deserialize)]
struct RecordedRun {
    slice_objects: usize,
    slice_writes_seen: usize,
    events: Option<Vec<RecordedEvent>>,
}

/// A pod changed, or how a Service's slices list it.
#[derive(Deserialize)]
struct RecordedEvent {
    source: String,
    pod: String,
    state: State,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
enum State {
    NotReady,
    Ready,
    Terminating,
    Gone,
}

impl State {
    fn of(serving: bool, terminating: bool) -> State {
        match (terminating, serving) {
            (true, _) => State::Terminating,
            (false, true) => State::Ready,
            (false, false) => State::NotReady,
        }
    }
}

pub fn play(case: &Case) -> Outcome {
    Outcome::of(compare(case))
}

fn compare(case: &Case) -> Result<(), String> {
    let input: Input = part(&case.input, "input")?;
    let observed: Observed = part(&case.observed, "observation")?;
    let ours = Run::of(&input)?;
    let compare = |run: &RecordedRun| ours.compare(run);
    let mut first = None;
    for run in &observed.runs {
        match compare(run) {
            Ok(()) => return Ok(()),
            Err(difference) => first = first.or(Some(difference)),
        }
    }
    Err(first.unwrap_or_else(|| "no run was recorded".into()))
}

/// How many pods were listed in each way, one state after the other.
type Lives = BTreeMap<Vec<State>, usize>;

/// What came of an action here.
struct Run {
    slices: usize,
    writes: usize,
    lives: Lives,
    /// The time within which nine of ten changes showed.
    latency: SimDuration,
}

impl Run {
    fn of(input: &Input) -> Result<Run, String> {
        let habits = KubeletHabits {
            ready_after: SimDuration::from_secs_f64(input.pod_ready_delay_s),
            gone_after: SimDuration::from_secs_f64(input.pod_termination_delay_s),
        };
        let settings = Settings { service_sync: SERVICE_SYNC, ..Settings::default() };
        let mut bench = Bench::new(settings, NODES, habits);
        bench.lab.notice_gap = NOTICE_GAP;
        let labels = bench.labels();
        let services =
            (0..input.services).map(|_| bench.lab.cluster.store.add_service(labels.clone())).collect();
        let quarter = Size::percent(25);
        let strategy = Strategy::RollingUpdate { max_surge: quarter, max_unavailable: quarter };
        let size = if input.action == Action::BecomeReady { 0 } else { input.pods };
        let deployment = bench.deploy(size, strategy, 10);
        if size > 0 {
            bench.run_until_ready(deployment)?;
        }
        bench.run_until(bench.now() + QUIET);
        let mut watch = Watch { services, deployment, ..Watch::default() };
        watch.look(bench.now(), &bench.lab.cluster.store);
        watch.begin();
        act(input, &mut bench, &mut watch);
        watch.run(&mut bench, QUIET);
        Ok(watch.sum_up(&bench))
    }

    fn compare(&self, recorded: &RecordedRun) -> Result<(), String> {
        if self.slices != recorded.slice_objects {
            return Err(format!("recorded {} slices, here {}", recorded.slice_objects, self.slices));
        }
        let (here, there) = (self.writes, recorded.slice_writes_seen);
        if 2 * here < there || here > 2 * there {
            return Err(format!("recorded {there} writes of slices, here {here}"));
        }
        if self.latency > LATENCY {
            return Err(format!("here one in ten changes takes more than {}", self.latency));
        }
        match &recorded.events {
            Some(events) if lives(events) != self.lives => {
                Err(format!("recorded {:?}, here {:?}", lives(events), self.lives))
            }
            _ => Ok(()),
        }
    }
}

/// What is done to the pods.
fn act(input: &Input, bench: &mut Bench, watch: &mut Watch) {
    let pods: Vec<PodId> =
        bench.lab.cluster.store.pods_of_deployment(watch.deployment).map(|(id, _)| id).collect();
    let acted_on = input.pods_acted_on.unwrap_or(pods.len());
    match input.action {
        Action::BecomeReady => bench.lab.cluster.store.scale_deployment(watch.deployment, input.pods),
        Action::TurnNotReady | Action::DeletePods => {
            for &pod in pods.iter().take(acted_on) {
                if input.action == Action::DeletePods {
                    bench.lab.cluster.store.delete_pod(pod, bench.now());
                } else {
                    bench.lab.cluster.store.set_ready(pod, false, bench.now());
                }
                watch.run(bench, REQUEST);
            }
        }
    }
}

/// How recorded pods were listed.
fn lives(events: &[RecordedEvent]) -> Lives {
    let mut states: BTreeMap<(&str, &str), Vec<State>> = BTreeMap::new();
    for event in events.iter().filter(|e| e.source != "pod") {
        states.entry((&event.source, &event.pod)).or_default().push(event.state);
    }
    count(states.into_values())
}

fn count(lives: impl Iterator<Item = Vec<State>>) -> Lives {
    let mut counts = Lives::new();
    for life in lives {
        *counts.entry(life).or_default() += 1;
    }
    counts
}

/// Somebody who watches pods and slices.
struct Watch {
    services: Vec<ServiceId>,
    deployment: DeploymentId,
    pods: BTreeMap<PodId, State>,
    listed: BTreeMap<(ServiceId, PodId), State>,
    lives: BTreeMap<(ServiceId, PodId), Vec<State>>,
    /// Changes of pods that do not show yet.
    hidden: BTreeMap<(ServiceId, PodId), SimTime>,
    latencies: Vec<SimDuration>,
    /// Writes of slices.
    writes: usize,
}

impl Default for Watch {
    fn default() -> Self {
        Watch {
            services: Vec::new(),
            deployment: DeploymentId(0),
            pods: BTreeMap::new(),
            listed: BTreeMap::new(),
            lives: BTreeMap::new(),
            hidden: BTreeMap::new(),
            latencies: Vec::new(),
            writes: 0,
        }
    }
}

impl Watch {
    /// What was seen until now was before the action.
    fn begin(&mut self) {
        self.lives.clear();
        self.hidden.clear();
        self.latencies.clear();
    }

    fn run(&mut self, bench: &mut Bench, span: SimDuration) {
        let end = bench.now() + span;
        bench.watch_until(end, |now, change, store| {
            self.writes += usize::from(matches!(change, Change::Slice(..)));
            self.look(now, store);
        });
    }

    /// Compares with the last look.
    fn look(&mut self, now: SimTime, store: &Store) {
        let pods: BTreeMap<PodId, State> = store
            .pods_of_deployment(self.deployment)
            .filter_map(|(id, pod)| Some((id, pod.endpoint().map(|f| State::of(f.serving, f.terminating))?)))
            .collect();
        for (&pod, _) in changes(&self.pods, &pods) {
            for &service in &self.services {
                self.hidden.entry((service, pod)).or_insert(now);
            }
        }
        self.pods = pods;
        let mut listed = BTreeMap::new();
        for &service in &self.services {
            let endpoints = store.endpoints(service);
            listed.extend(endpoints.listed().filter_map(|pod| {
                let flags = endpoints.flags(pod)?;
                Some(((service, pod), State::of(flags.serving, flags.terminating)))
            }));
        }
        for (&key, state) in changes(&self.listed, &listed) {
            self.lives.entry(key).or_default().push(state);
            if let Some(since) = self.hidden.remove(&key) {
                self.latencies.push(now.since(since));
            }
        }
        self.listed = listed;
    }

    fn sum_up(mut self, bench: &Bench) -> Run {
        self.latencies.sort_unstable();
        let tenth = self.latencies.len().saturating_sub(1) * 9 / 10;
        // What never shows takes for ever.
        let latency = if self.hidden.is_empty() {
            self.latencies.get(tenth).copied().unwrap_or(SimDuration::ZERO)
        } else {
            SimDuration::MAX
        };
        let slices = |id: &ServiceId| bench.lab.cluster.store.endpoints(*id).slices().len().max(1);
        Run {
            slices: self.services.iter().map(slices).sum(),
            writes: self.writes,
            lives: count(self.lives.into_values()),
            latency,
        }
    }
}

/// What is otherwise in `after`, and how it is there.
fn changes<'a, K: Ord>(
    before: &'a BTreeMap<K, State>,
    after: &'a BTreeMap<K, State>,
) -> impl Iterator<Item = (&'a K, State)> {
    let new =
        after.iter().filter(|(key, state)| before.get(key) != Some(state)).map(|(key, state)| (key, *state));
    let gone = before.keys().filter(|key| !after.contains_key(key)).map(|key| (key, State::Gone));
    new.chain(gone)
}
