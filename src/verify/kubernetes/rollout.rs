//! Rollouts: how many pods of each version are wanted, exist and are ready, from a change until all is done.
//!
//! Compared are the states that last. What lasts for less than a second depends on the order of writes within
//! milliseconds; it only has to stay between the fences of surge and unavailable pods.
//!
//! Start at [`play`].

use super::lab::{KubeletHabits, Lab, Seen, TRIGGER, at, seconds, span};
use super::{Case, Outcome, part};
use crate::cluster::objects::{
    Container, Deployment, DeploymentId, Image, Labels, Name, Node, Owner, PodSpec, Progress, Resources,
    Size, Strategy,
};
use crate::cluster::settings::Settings;
use crate::engine::SimDuration;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A state that lasts for longer counts on either side; what a comparison of clocks may add or take [s].
const LASTING_S: f64 = 1.0;
const SLACK_S: f64 = 0.25;

#[derive(Deserialize)]
struct Input {
    replicas: u32,
    strategy: String,
    #[serde(default)]
    max_surge: Option<Amount>,
    #[serde(default)]
    max_unavailable: Option<Amount>,
    pod_ready_delay_s: f64,
    pod_termination_delay_s: f64,
    #[serde(default)]
    min_ready_s: f64,
    progress_deadline_s: f64,
    actions: Vec<Action>,
    #[serde(default)]
    only_nodes_for_workload: Option<Nodes>,
    #[serde(default)]
    pod_cpu_millicores: Option<u32>,
}

/// A number, or a text such as "25%".
#[derive(Clone, Deserialize)]
#[serde(untagged)]
pub enum Amount {
    Pods(u32),
    Text(String),
}

impl Amount {
    pub fn size(&self) -> Result<Size, String> {
        match self {
            Amount::Pods(pods) => Ok(Size::Pods(*pods)),
            Amount::Text(text) => {
                let percent = text.trim_end_matches('%').trim().parse();
                percent
                    .map(Size::percent)
                    .map_err(|_| format!("`{text}` is neither a number nor a percentage"))
            }
        }
    }
}

#[derive(Deserialize)]
struct Nodes {
    count: u32,
    cpu_millicores: u32,
}

#[derive(Deserialize)]
struct Action {
    at_s: f64,
    action: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    never_ready: bool,
    #[serde(default)]
    replicas: Option<u32>,
    #[serde(default)]
    indexes: Vec<usize>,
    #[serde(default)]
    costs: BTreeMap<String, i32>,
}

#[derive(Deserialize)]
struct Observed {
    max_total_existing: u32,
    min_total_ready: u32,
    complete_s: Option<f64>,
    series: Vec<Recorded>,
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Recorded {
    t_s: f64,
    by_version: BTreeMap<String, Counts>,
    status: RecordedStatus,
}

#[derive(Deserialize)]
struct RecordedStatus {
    replicas: u32,
    updated: u32,
    available: u32,
}

impl Recorded {
    /// The status says that every pod that is wanted is of the new version and available.
    fn is_complete(&self) -> bool {
        let RecordedStatus { replicas, updated, available } = self.status;
        let wanted: u32 = self.by_version.values().map(|c| c.desired).sum();
        [updated, available, wanted].iter().all(|&n| n == replicas)
    }
}

#[derive(Deserialize)]
struct Condition {
    t_s: f64,
    reason: String,
}

/// Pods of one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
struct Counts {
    desired: u32,
    existing: u32,
    ready: u32,
}

/// Versions that have or should have pods.
type State = BTreeMap<String, Counts>;

/// States, and when each began [s].
type Series = Vec<(f64, State)>;

/// What the run came to.
struct Run {
    series: Series,
    complete_s: Option<f64>,
    stalled_s: Option<f64>,
    most_existing: u32,
    least_ready: u32,
}

pub fn play(case: &Case) -> Outcome {
    Outcome::of(compare(case))
}

fn compare(case: &Case) -> Result<(), String> {
    let input: Input = part(&case.input, "input")?;
    let observed: Observed = part(&case.observed, "observed")?;
    let end = observed.series.last().map_or(0.0, |last| last.t_s);
    let stalled = observed.conditions.iter().find(|c| c.reason == "ProgressDeadlineExceeded").map(|c| c.t_s);
    let end = stalled.map_or(end, |s| s.max(end)) + 10.0;
    let own = run(&input, end)?;
    let recorded: Series =
        merged(observed.series.iter().map(|r| (r.t_s, without_empty(r.by_version.clone()))).collect());
    same_lasting(&recorded, &own.series, end)?;
    if own.most_existing > observed.max_total_existing.max(fences(&input)?.0) {
        return Err(format!(
            "up to {} pods exist, recorded {}",
            own.most_existing, observed.max_total_existing
        ));
    }
    let least = observed.min_total_ready.min(fences(&input)?.1);
    if own.least_ready < least {
        return Err(format!(
            "down to {} pods are ready, recorded {}",
            own.least_ready, observed.min_total_ready
        ));
    }
    let waves = recorded.windows(2).filter(|w| w[1].0 - w[0].0 >= LASTING_S).count() as f64;
    let slack = if input.min_ready_s > 0.0 { waves } else { 0.0 };
    // Said to be complete somewhat later than the recorded status is: what lies between is as good.
    let changes = input.actions.iter().filter(|a| is_change(a)).map(|a| a.at_s);
    let last_change = changes.fold(0.0, f64::max);
    let seen = observed.series.iter().find(|r| r.t_s > last_change + 1.0 && r.is_complete()).map(|r| r.t_s);
    let complete_s = observed.complete_s.map(|said| {
        let seen = seen.unwrap_or(said).min(said);
        own.complete_s.map_or(said, |own| own.clamp(seen, said))
    });
    same_time("complete", complete_s, own.complete_s, slack)?;
    same_time("stalled", stalled, own.stalled_s, 0.0)
}

/// It asks for other pods.
fn is_change(action: &Action) -> bool {
    matches!(action.action.as_str(), "update_template" | "scale")
}

/// Within a second or 5 %, whichever is more.
fn same_time(what: &str, recorded: Option<f64>, own: Option<f64>, slack: f64) -> Result<(), String> {
    match (recorded, own) {
        (Some(r), Some(o)) if (r - o).abs() > (0.05 * r).max(1.0) + slack => {
            Err(format!("{what} after {o:.2} s, recorded {r:.2} s"))
        }
        (Some(r), None) => Err(format!("never {what}, recorded after {r:.2} s")),
        _ => Ok(()),
    }
}

/// (most pods that may exist, fewest that must be ready): over all sizes that are asked for.
fn fences(input: &Input) -> Result<(u32, u32), String> {
    let Strategy::RollingUpdate { max_surge, max_unavailable } = strategy(input)? else {
        let most = input.actions.iter().filter_map(|a| a.replicas).chain([input.replicas]).max();
        return Ok((most.unwrap_or(0), 0));
    };
    let sizes = input.actions.iter().filter_map(|a| a.replicas).chain([input.replicas]);
    let fence = |n: u32| {
        let (surge, mut unavailable) = (max_surge.rounded_up(n), max_unavailable.rounded_down(n));
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        (n + surge, n.saturating_sub(unavailable))
    };
    let all: Vec<(u32, u32)> = sizes.map(fence).collect();
    let most = all.iter().map(|f| f.0).max().unwrap_or(0);
    Ok((most, all.iter().map(|f| f.1).min().unwrap_or(0)))
}

fn without_empty(state: State) -> State {
    state.into_iter().filter(|(_, counts)| *counts != Counts::default()).collect()
}

/// Without repetitions; of states that begin at the same time only the last.
fn merged(series: Series) -> Series {
    let mut result: Series = Vec::new();
    for (time, state) in series {
        if result.last().is_some_and(|last| last.0 == time) {
            result.pop();
        }
        if result.last().is_none_or(|last| last.1 != state) {
            result.push((time, state));
        }
    }
    result
}

/// States that last for at least `least` seconds.
fn lasting(series: &Series, end: f64, least: f64) -> Vec<&State> {
    let ends = series.iter().skip(1).map(|s| s.0).chain([end]);
    let mut result: Vec<&State> = Vec::new();
    for ((begin, state), end) in series.iter().zip(ends) {
        if end - begin >= least && result.last() != Some(&state) {
            result.push(state);
        }
    }
    result
}

/// Every state that clearly lasts in one lasts in the other, in the same order.
fn same_lasting(recorded: &Series, own: &Series, end: f64) -> Result<(), String> {
    let check = |long: &Series, short: &Series, who: &str| {
        let mut rest = lasting(short, end, LASTING_S - SLACK_S).into_iter();
        for state in lasting(long, end, LASTING_S + SLACK_S) {
            if !rest.any(|other| other == state) {
                let shown = |s: &Series| {
                    lasting(s, end, LASTING_S).iter().map(|s| words(s)).collect::<Vec<_>>().join(" → ")
                };
                return Err(format!(
                    "{who} {}; recorded {}; own {}",
                    words(state),
                    shown(recorded),
                    shown(own)
                ));
            }
        }
        Ok(())
    };
    check(recorded, own, "lacks the lasting state")?;
    check(own, recorded, "has the lasting state")
}

/// `v1 8/8/7`: wanted, existing, ready.
fn words(state: &State) -> String {
    let one =
        |(version, c): (&String, &Counts)| format!("{version} {}/{}/{}", c.desired, c.existing, c.ready);
    state.iter().map(one).collect::<Vec<_>>().join(" ")
}

fn strategy(input: &Input) -> Result<Strategy, String> {
    let size = |amount: &Option<Amount>| amount.as_ref().map_or(Ok(Size::percent(25)), Amount::size);
    match input.strategy.as_str() {
        "recreate" => Ok(Strategy::Recreate),
        "rolling_update" => Ok(Strategy::RollingUpdate {
            max_surge: size(&input.max_surge)?,
            max_unavailable: size(&input.max_unavailable)?,
        }),
        other => Err(format!("cannot read its input: strategy `{other}`")),
    }
}

/// Versions by number; the first runs before the trigger.
#[derive(Default)]
struct Versions(Vec<String>);

impl Versions {
    fn tag(&mut self, version: &str) -> u64 {
        let known = self.0.iter().position(|v| v == version);
        known.unwrap_or_else(|| {
            self.0.push(version.into());
            self.0.len() - 1
        }) as u64
    }
}

fn run(input: &Input, end: f64) -> Result<Run, String> {
    let habits = KubeletHabits {
        ready_after: span(input.pod_ready_delay_s),
        gone_after: span(input.pod_termination_delay_s),
    };
    let mut lab = Lab::new(Settings::default(), habits);
    let mut versions = Versions(vec!["v1".into()]);
    let cpu = input.pod_cpu_millicores.unwrap_or(100);
    let deployment = seed(&mut lab, input, cpu)?;
    for (turn, action) in input.actions.iter().enumerate() {
        lab.script_at(at(action.at_s), turn);
    }
    let mut series: Series = vec![(0.0, state(&lab, deployment, &versions))];
    let (mut most_existing, mut least_ready) = totals(&lab, deployment);
    let (mut complete_s, mut stalled_s) = (None, None);
    while let Some(seen) = lab.next(at(end)) {
        if let Seen::Script(turn) = seen {
            act(&mut lab, deployment, &input.actions[turn], &mut versions)?;
            if is_change(&input.actions[turn]) {
                complete_s = None;
            }
        }
        series.push((seconds(lab.now()), state(&lab, deployment, &versions)));
        let (existing, ready) = totals(&lab, deployment);
        (most_existing, least_ready) = (most_existing.max(existing), least_ready.min(ready));
        let d = lab.cluster.store.deployment(deployment);
        let s = d.status;
        let is_seen = s.observed_generation == d.generation;
        if is_seen && [s.updated, s.replicas, s.available].iter().all(|&n| n == d.replicas) {
            complete_s.get_or_insert(seconds(lab.now()));
        }
        if s.progress == Progress::Stalled {
            stalled_s.get_or_insert(seconds(lab.now()));
        }
    }
    Ok(Run { series: merged(series), complete_s, stalled_s, most_existing, least_ready })
}

/// Memory of a node, and of a pod: neither is ever short.
const PLENTY: u64 = 1 << 40;

fn seed(lab: &mut Lab, input: &Input, cpu: u32) -> Result<DeploymentId, String> {
    let nodes = input.only_nodes_for_workload.as_ref().map_or((12, 32_000), |n| (n.count, n.cpu_millicores));
    let store = &mut lab.cluster.store;
    let mut node_ids = Vec::new();
    for n in 1..=nodes.0 {
        let name = store.intern(&format!("n{n}"));
        let room = Resources { cpu: nodes.1, memory: PLENTY, pods: 110 };
        node_ids.push(store.add_node(Node::new(name, Labels::default(), room)));
    }
    let ready = TRIGGER - SimDuration::from_secs(3);
    let created = ready - lab.habits.ready_after;
    let replicas = input.replicas;
    let store = &mut lab.cluster.store;
    let template = store.intern_template(spec(0, cpu));
    let deployment = Deployment {
        strategy: strategy(input)?,
        min_ready: span(input.min_ready_s),
        progress_deadline: span(input.progress_deadline_s),
        ..Deployment::of_pods(template, replicas)
    };
    let (deployment, set) = store.adopt_deployment(deployment, created);
    let template = store.replica_set(set).ok_or("the ReplicaSet is gone")?.template;
    for i in 0..replicas {
        let pod = lab.cluster.store.create_pod(Owner::ReplicaSet(set), template, created);
        let node = node_ids.iter().copied().cycle().skip(i as usize).find(|&node| {
            let requests = lab.cluster.store.template(template).requests;
            lab.cluster.store.node(node).is_some_and(|n| n.fits(requests))
        });
        if nodes.0 * (nodes.1 / cpu.max(1)) <= i {
            return Err("its pods do not fit on its nodes".into());
        }
        lab.adopt(pod, node.ok_or("its pods do not fit on its nodes")?, ready);
    }
    lab.forget();
    Ok(deployment)
}

fn spec(tag: u64, cpu: u32) -> PodSpec {
    let labels = Labels::default().with(Name::APP, Name::number(0));
    let image = Image { repository: 0, tag };
    PodSpec::of_container(
        labels,
        Container { image, cpu: Some(cpu), memory: Some(1 << 20), is_sidecar: false },
    )
}

fn act(lab: &mut Lab, id: DeploymentId, action: &Action, versions: &mut Versions) -> Result<(), String> {
    let now = lab.now();
    let store = &mut lab.cluster.store;
    match action.action.as_str() {
        "update_template" => {
            let tag = versions.tag(action.version.as_deref().ok_or("an update names no version")?);
            if action.never_ready {
                lab.never_ready.insert(tag);
            }
            let mut spec = store.template(store.deployment(id).template).spec.clone();
            spec.containers[0].image.tag = tag;
            let template = store.intern_template(spec);
            store.set_template(id, template);
        }
        "scale" => store.scale_deployment(id, action.replicas.ok_or("a scaling names no number")?),
        "pause" => store.write_deployment(id, |d| d.paused = true),
        "resume" => store.write_deployment(id, |d| d.paused = false),
        "make_not_ready" => {
            let pods: Vec<_> = store.pods_of_deployment(id).map(|(pod, _)| pod).collect();
            for &index in &action.indexes {
                let pod = pods.get(index).ok_or("it acts on a pod that does not exist")?;
                store.set_ready(*pod, false, now);
            }
        }
        "set_deletion_cost" => {
            let pods: Vec<_> = store.pods_of_deployment(id).map(|(pod, _)| pod).collect();
            for (index, &cost) in &action.costs {
                let index: usize = index.parse().map_err(|_| format!("`{index}` is no number of a pod"))?;
                store
                    .set_deletion_cost(*pods.get(index).ok_or("it acts on a pod that does not exist")?, cost);
            }
        }
        other => return Err(format!("cannot read its input: action `{other}`")),
    }
    Ok(())
}

fn state(lab: &Lab, id: DeploymentId, versions: &Versions) -> State {
    let store = &lab.cluster.store;
    let mut state = State::new();
    for &set_id in store.sets_of(id) {
        let Some(set) = store.replica_set(set_id) else { continue };
        let tag = store.template(set.template).spec.containers[0].image.tag;
        let version = versions.0.get(tag as usize).cloned().unwrap_or_default();
        let pods = || store.pods_of(Owner::ReplicaSet(set_id)).filter(|(_, pod)| pod.is_active());
        let counts = state.entry(version).or_default();
        counts.desired += set.replicas;
        counts.existing += pods().count() as u32;
        counts.ready += pods().filter(|(_, pod)| pod.ready).count() as u32;
    }
    without_empty(state)
}

fn totals(lab: &Lab, id: DeploymentId) -> (u32, u32) {
    let pods = || lab.cluster.store.pods_of_deployment(id).filter(|(_, pod)| pod.is_active());
    (pods().count() as u32, pods().filter(|(_, pod)| pod.ready).count() as u32)
}
