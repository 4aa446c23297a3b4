//! Node failures: nodes fall silent, are given up, come back; what becomes of their pods.
//!
//! Compared are the spacing of evictions in each zone, how long after its taint and toleration a pod is deleted and how soon it
//! is replaced, which pods of how many nodes go, and how many pods of each kind exist in the end. The phase of the controller's
//! looks is taken from the first thing it was seen to do.
//!
//! Start at [`play`].

use super::lab::{KubeletHabits, Lab, Seen, TRIGGER, at, seconds, span};
use super::{Case, Outcome, part};
use crate::cluster::controllers::daemon_set;
use crate::cluster::objects::{
    Container, DaemonSet, DaemonSetId, Deployment, Effect, Image, Labels, Name, Node, NodeId, Owner, PodId,
    PodManagement, PodSpec, Resources, Selector, Size, StatefulSet, StatefulSetId, Toleration,
};
use crate::cluster::settings::{NodeSettings, Settings};
use crate::cluster::store::Change;
use crate::engine::{SimDuration, SimTime};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// How far a deletion may be from its taint and toleration, and a replacement from the deletion [s].
const PROMPT_S: f64 = 0.5;
/// Taints of one zone come 10 or 100 s apart, give or take this [s].
const SPACING_S: f64 = 1.0;
/// From so many nodes on one more or less may be tainted.
const MANY: usize = 20;
const LIMITS_S: [f64; 2] = [10.0, 100.0];

/// The recorded controller waited 5 s from the end of one look to the next; a look took some milliseconds.
const LOOKS_APART: SimDuration = SimDuration::from_millis(5_005);

#[derive(Deserialize)]
struct Input {
    nodes: Vec<NodeInput>,
    workloads: Vec<Workload>,
    actions_requested: Vec<Action>,
    pod_ready_delay_s: f64,
    pod_termination_delay_s: f64,
}

#[derive(Deserialize)]
struct NodeInput {
    name: String,
    zone: Option<String>,
}

#[derive(Deserialize)]
struct Workload {
    name: String,
    #[serde(default)]
    replicas: u32,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default)]
    service: bool,
    /// Missing: the default; null: for ever.
    #[serde(default, deserialize_with = "some")]
    toleration_s: Option<Option<u32>>,
    #[serde(default)]
    prefer_node: Option<String>,
}

/// A key that is there, even if it says null.
fn some<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u32>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[derive(Deserialize)]
struct Action {
    at_s: f64,
    action: String,
    nodes: Vec<String>,
}

#[derive(Deserialize)]
struct Observed {
    #[serde(default)]
    last_heartbeat_before_stop_s: BTreeMap<String, Option<f64>>,
    node_events: BTreeMap<String, Vec<NodeEvent>>,
    affected_pods: Vec<PodRecord>,
    #[serde(default)]
    pods_per_node_before: BTreeMap<String, u32>,
    pods_at_end: BTreeMap<String, AtEnd>,
    observed_for_s: f64,
}

#[derive(Clone, Default, Deserialize)]
struct NodeEvent {
    t_s: f64,
    #[serde(default)]
    ready_condition: Option<String>,
    #[serde(default)]
    taints_added: Vec<String>,
}

#[derive(Deserialize)]
struct PodRecord {
    workload: String,
    #[serde(default)]
    initial_node: Option<String>,
    #[serde(default)]
    existed_before: bool,
    #[serde(default)]
    terminating_s: Option<f64>,
    #[serde(default)]
    termination_reason: Option<String>,
}

/// Pods of a workload when the recording ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct AtEnd {
    total: u32,
    terminating: u32,
    ready_not_terminating: u32,
    not_ready: u32,
}

/// What happened, on either side.
#[derive(Debug, Default)]
struct Story {
    /// When nodes became Unknown [s].
    unknown: BTreeMap<String, f64>,
    /// NoExecute taints of health: (s, node), by zone.
    taints: BTreeMap<String, Vec<(f64, String)>>,
    /// Pods that were evicted: node → workload → how many.
    evicted: BTreeMap<String, BTreeMap<String, u32>>,
    at_end: BTreeMap<String, AtEnd>,
}

pub fn play(case: &Case) -> Outcome {
    Outcome::of(compare(case))
}

fn compare(case: &Case) -> Result<(), String> {
    let input: Input = part(&case.input, "input")?;
    let observed: Observed = part(&case.observed, "observed")?;
    let recorded = recorded(&input, &observed);
    let mut trial = Trial::new(&input, &observed)?;
    trial.run(&input)?;
    let own = trial.story;
    if let Some(fault) = trial.fault {
        return Err(fault);
    }
    let failing: usize = input.actions_requested.iter().map(|a| a.nodes.len()).max().unwrap_or(0);
    // Where many fail, a look takes seconds, and who is marked when depends on eight threads.
    for (node, time) in recorded.unknown.iter().filter(|_| failing <= MANY) {
        match own.unknown.get(node) {
            None => return Err(format!("{node} never turns Unknown, recorded after {time:.1} s")),
            Some(o) if (o - time).abs() > 1.0 + 0.01 * time => {
                return Err(format!("{node} turns Unknown after {o:.1} s, recorded {time:.1} s"));
            }
            Some(_) => {}
        }
    }
    let mut same_number = true;
    for zone in recorded.taints.keys().chain(own.taints.keys()) {
        same_number &= same_taints(zone, &recorded, &own, failing > MANY)?;
    }
    if !same_number {
        return Ok(()); // one node more or less was tainted, as may be: what follows from it differs too
    }
    if shapes(&recorded.evicted) != shapes(&own.evicted) {
        return Err(format!("evicts {:?}, recorded {:?}", shapes(&own.evicted), shapes(&recorded.evicted)));
    }
    for (workload, end) in &recorded.at_end {
        let ours = own.at_end.get(workload).copied().unwrap_or_default();
        if ours != *end {
            return Err(format!("{workload} ends with {ours:?}, recorded {end:?}"));
        }
    }
    Ok(())
}

/// Pods of each node that lost some, whatever the node is called.
fn shapes(evicted: &BTreeMap<String, BTreeMap<String, u32>>) -> Vec<&BTreeMap<String, u32>> {
    let mut all: Vec<_> = evicted.values().collect();
    all.sort();
    all
}

/// False if a large failure tainted one node more or less.
fn same_taints(zone: &str, recorded: &Story, own: &Story, large: bool) -> Result<bool, String> {
    let none = Vec::new();
    let of = |story: &Story| story.taints.get(zone).unwrap_or(&none).clone();
    let (r, o) = (of(recorded), of(own));
    let nodes = |taints: &[(f64, String)]| {
        taints.iter().map(|t| t.1.as_str()).collect::<std::collections::BTreeSet<_>>().len()
    };
    if nodes(&r).abs_diff(nodes(&o)) > usize::from(large) {
        return Err(format!("taints {} nodes of zone `{zone}`, recorded {}", nodes(&o), nodes(&r)));
    }
    // Others were not held up by the limiter of the zone alone.
    let limited = |step: &f64| LIMITS_S.iter().any(|limit| (step - limit).abs() <= SPACING_S);
    let steps =
        |taints: &[(f64, String)]| -> Vec<f64> { taints.windows(2).map(|w| w[1].0 - w[0].0).collect() };
    if steps(&o).iter().any(|&step| step < LIMITS_S[0] - SPACING_S) {
        return Err(format!("taints of zone `{zone}` come {:?} s apart", steps(&o)));
    }
    let spacing = |taints: &[(f64, String)]| steps(taints).into_iter().filter(limited).collect::<Vec<f64>>();
    for (step, expected) in spacing(&o).iter().zip(spacing(&r)) {
        if (step - expected).abs() > SPACING_S {
            return Err(format!("taints of zone `{zone}` come {step:.1} s apart, recorded {expected:.1} s"));
        }
    }
    Ok(nodes(&r) == nodes(&o))
}

fn recorded(input: &Input, observed: &Observed) -> Story {
    let zone_of: BTreeMap<&str, String> =
        input.nodes.iter().map(|n| (n.name.as_str(), n.zone.clone().unwrap_or_default())).collect();
    let mut story = Story::default();
    for (node, events) in &observed.node_events {
        for event in events {
            if event.ready_condition.as_deref() == Some("Unknown") {
                story.unknown.entry(node.clone()).or_insert(event.t_s);
            }
            if event.taints_added.iter().any(|t| is_health_eviction(t)) {
                let zone = zone_of.get(node.as_str()).cloned().unwrap_or_default();
                story.taints.entry(zone).or_default().push((event.t_s, node.clone()));
            }
        }
    }
    story.taints.values_mut().for_each(|taints| taints.sort_by(|a, b| a.0.total_cmp(&b.0)));
    for pod in &observed.affected_pods {
        let by_taint = pod.termination_reason.as_deref() == Some("DeletionByTaintManager");
        if let (true, Some(node), true, Some(_)) =
            (pod.existed_before, &pod.initial_node, by_taint, pod.terminating_s)
        {
            *story.evicted.entry(node.clone()).or_default().entry(pod.workload.clone()).or_default() += 1;
        }
    }
    story.at_end = observed.pods_at_end.clone();
    story
}

fn is_health_eviction(taint: &str) -> bool {
    matches!(taint, "unreachable:NoExecute" | "not-ready:NoExecute")
}

/// What a workload is in the store.
#[derive(Clone, Copy)]
enum Kind {
    Deployment(crate::cluster::objects::DeploymentId),
    StatefulSet(StatefulSetId),
    DaemonSet(DaemonSetId),
}

/// One run.
struct Trial {
    lab: Lab,
    end: SimTime,
    nodes: BTreeMap<String, NodeId>,
    names: BTreeMap<NodeId, (String, String)>,
    last_heartbeat: BTreeMap<String, Option<f64>>,
    kinds: Vec<(String, Kind)>,
    /// When pods were evicted whose successors have not been seen [s], by workload.
    unreplaced: BTreeMap<String, Vec<f64>>,
    story: Story,
    fault: Option<String>,
}

impl Trial {
    fn new(input: &Input, observed: &Observed) -> Result<Trial, String> {
        let habits = KubeletHabits {
            ready_after: span(input.pod_ready_delay_s),
            gone_after: span(input.pod_termination_delay_s),
        };
        let nodes = NodeSettings {
            monitor_phase: phase(observed),
            monitor_period: LOOKS_APART,
            ..NodeSettings::default()
        };
        let mut lab = Lab::new(Settings { nodes, ..Settings::default() }, habits);
        let (mut ids, mut names) = (BTreeMap::new(), BTreeMap::new());
        for node in &input.nodes {
            let store = &mut lab.cluster.store;
            let mut labels = Labels::default();
            if let Some(zone) = &node.zone {
                let zone = store.intern(zone);
                labels.set(Name::ZONE, zone);
            }
            let name = store.intern(&node.name);
            let room = Resources { cpu: 64_000, memory: 1 << 40, pods: 110 };
            let id = store.add_node(Node::new(name, labels, room));
            ids.insert(node.name.clone(), id);
            names.insert(id, (node.name.clone(), node.zone.clone().unwrap_or_default()));
        }
        let mut trial = Trial {
            lab,
            end: at(observed.observed_for_s),
            nodes: ids,
            names,
            last_heartbeat: observed.last_heartbeat_before_stop_s.clone(),
            kinds: Vec::new(),
            unreplaced: BTreeMap::new(),
            story: Story::default(),
            fault: None,
        };
        let mut places = Places::new(input, observed);
        for workload in &input.workloads {
            trial.add_workload(workload, &mut places)?;
        }
        trial.lab.forget();
        Ok(trial)
    }

    fn run(&mut self, input: &Input) -> Result<(), String> {
        for (turn, action) in input.actions_requested.iter().enumerate() {
            self.lab.script_at(at(action.at_s), turn);
        }
        while let Some(seen) = self.lab.next(self.end) {
            match seen {
                Seen::Script(turn) => self.act(&input.actions_requested[turn])?,
                Seen::Change(change) => self.follow(change),
            }
        }
        self.count();
        Ok(())
    }

    fn act(&mut self, action: &Action) -> Result<(), String> {
        for name in &action.nodes {
            let node =
                *self.nodes.get(name).ok_or_else(|| format!("it acts on the unknown node `{name}`"))?;
            let now = self.lab.now();
            match action.action.as_str() {
                "stop" => {
                    let recorded = self.last_heartbeat.get(name).copied().flatten().map(at);
                    let last = self.lab.last_renewal(node).or(recorded);
                    // Where nothing is known: half a period ago.
                    self.lab.stop_node(node, last.unwrap_or(now - SimDuration::from_secs(5)));
                }
                "start" => self.lab.start_node(node),
                "report_not_ready" => self.lab.report_node(node, false),
                "report_ready" => self.lab.report_node(node, true),
                "delete_node_object" => self.lab.cluster.store.remove_node(node),
                "taint_out_of_service" => {
                    self.lab.cluster.store.add_taint(node, Name::OUT_OF_SERVICE, Effect::NoExecute, now);
                }
                other => return Err(format!("cannot read its input: action `{other}`")),
            }
        }
        Ok(())
    }

    fn follow(&mut self, change: Change) {
        let now = seconds(self.lab.now());
        let store = &self.lab.cluster.store;
        match change {
            Change::NodeChanged(id) => {
                let Some(node) = store.node(id) else { return };
                let (name, zone) = self.names[&id].clone();
                if node.ready == crate::cluster::objects::NodeCondition::Unknown {
                    self.story.unknown.entry(name.clone()).or_insert(now);
                }
                if node.health_eviction().is_some_and(|t| t.since == self.lab.now()) {
                    let taints = self.story.taints.entry(zone).or_default();
                    if taints.last() != Some(&(now, name.clone())) {
                        taints.push((now, name));
                    }
                }
            }
            Change::PodCreated(id) => {
                let Some(workload) = self.workload_of(id) else { return };
                if let Some(deleted) = self.unreplaced.get_mut(&workload).and_then(Vec::pop)
                    && now - deleted > PROMPT_S
                {
                    self.fault.get_or_insert(format!(
                        "a pod of {workload} is replaced {:.2} s after its deletion",
                        now - deleted
                    ));
                }
            }
            Change::PodTerminating(id) => self.evicted(id, now),
            _ => {}
        }
    }

    /// A pod is deleted: by a taint if its node has one, which it must not outlive by more than its toleration.
    fn evicted(&mut self, id: PodId, now: f64) {
        let store = &self.lab.cluster.store;
        let (Some(pod), Some(workload)) = (store.pod(id), self.workload_of(id)) else { return };
        let Some((node_id, node)) = pod.node.and_then(|n| Some((n, store.node(n)?))) else { return };
        let spec = store.spec_of(pod);
        let borne = |taint: &crate::cluster::objects::Taint| {
            let toleration = spec.tolerations.iter().find(|t| t.tolerates(taint));
            let seconds_borne = toleration.map_or(Some(0), |t| t.seconds);
            seconds_borne.map(|s| seconds(taint.since) + f64::from(s))
        };
        let executing = node.taints.iter().filter(|t| t.effect == Effect::NoExecute);
        let Some(due) = executing.filter_map(borne).min_by(f64::total_cmp) else { return };
        if (now - due).abs() > PROMPT_S {
            let fault = format!("a pod of {workload} is deleted {:.2} s after its toleration", now - due);
            self.fault.get_or_insert(fault);
        }
        let (name, _) = self.names[&node_id].clone();
        *self.story.evicted.entry(name).or_default().entry(workload.clone()).or_default() += 1;
        let is_deployment =
            self.kinds.iter().any(|(n, k)| *n == workload && matches!(k, Kind::Deployment(_)));
        if is_deployment {
            self.unreplaced.entry(workload).or_default().push(now);
        }
    }

    fn workload_of(&self, id: PodId) -> Option<String> {
        let store = &self.lab.cluster.store;
        let owner = store.pod(id)?.owner;
        let is_its = |kind: Kind| match (kind, owner) {
            (Kind::Deployment(d), Owner::ReplicaSet(_)) => store.deployment_of(owner) == Some(d),
            (Kind::StatefulSet(s), Owner::StatefulSet(set, _)) => s == set,
            (Kind::DaemonSet(d), Owner::DaemonSet(set)) => d == set,
            _ => false,
        };
        self.kinds.iter().find(|(_, kind)| is_its(*kind)).map(|(name, _)| name.clone())
    }

    fn count(&mut self) {
        let store = &self.lab.cluster.store;
        let mut at_end: BTreeMap<String, AtEnd> = BTreeMap::new();
        for (id, pod) in store.pods() {
            let Some(workload) = self.workload_of(id) else { continue };
            let end = at_end.entry(workload).or_default();
            end.total += 1;
            match (pod.is_terminating(), pod.ready) {
                (true, _) => end.terminating += 1,
                (false, true) => end.ready_not_terminating += 1,
                (false, false) => end.not_ready += 1,
            }
        }
        self.story.at_end = at_end;
    }
}

/// When the controller looks: at the first node that it found unknown, or else at the first that it tainted.
fn phase(observed: &Observed) -> SimTime {
    let events = || observed.node_events.values().flatten();
    let unknown = events().filter(|e| e.ready_condition.as_deref() == Some("Unknown")).map(|e| e.t_s);
    let tainted = events().filter(|e| e.taints_added.iter().any(|t| is_health_eviction(t))).map(|e| e.t_s);
    let first = unknown.min_by(f64::total_cmp).or_else(|| tainted.min_by(f64::total_cmp)).unwrap_or(0.0);
    // Any look before the trigger will do as a phase.
    let period = LOOKS_APART.as_secs_f64();
    at(first - period * ((first + 100.0) / period).floor())
}

/// Where pods were before anything happened.
struct Places {
    /// Nodes of the pods that the recording follows, by workload.
    affected: BTreeMap<String, Vec<String>>,
    /// Pods that each node held.
    left: BTreeMap<String, u32>,
}

impl Places {
    fn new(input: &Input, observed: &Observed) -> Places {
        let mut left: BTreeMap<String, u32> = input.nodes.iter().map(|n| (n.name.clone(), 0)).collect();
        left.extend(observed.pods_per_node_before.clone());
        let mut affected: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pod in observed.affected_pods.iter().filter(|p| p.existed_before) {
            if let Some(node) = &pod.initial_node {
                affected.entry(pod.workload.clone()).or_default().push(node.clone());
                left.entry(node.clone()).and_modify(|n| *n = n.saturating_sub(1));
            }
        }
        Places { affected, left }
    }

    /// The node of the next pod of a workload: where it was seen, or the node that held the most that were not.
    fn next(&mut self, workload: &str) -> Option<String> {
        if let Some(node) = self.affected.get_mut(workload).and_then(Vec::pop) {
            return Some(node);
        }
        let (node, left) = self.left.iter_mut().max_by_key(|(_, left)| **left)?;
        *left = left.saturating_sub(1);
        Some(node.clone())
    }
}

/// Setting workloads up.
impl Trial {
    fn add_workload(&mut self, workload: &Workload, places: &mut Places) -> Result<(), String> {
        let ready = TRIGGER - SimDuration::from_secs(60);
        let app = self.lab.cluster.store.intern(&workload.name);
        let labels = Labels::default().with(Name::APP, app);
        let image = Image::default();
        let container = Container { image, cpu: Some(100), memory: Some(64 << 20), is_sidecar: false };
        let mut spec = PodSpec::of_container(labels.clone(), container);
        if let Some(seconds) = workload.toleration_s {
            for key in [Name::NOT_READY, Name::UNREACHABLE] {
                spec.tolerations.push(Toleration::of_eviction(key, seconds));
            }
        }
        if let Some(node) = &workload.prefer_node {
            let host = self.lab.cluster.store.intern(node);
            let requirement = crate::cluster::objects::Requirement {
                key: Name::HOSTNAME,
                test: crate::cluster::objects::Test::In(vec![host]),
            };
            spec.node_affinity.preferred.push((100, vec![requirement]));
        }
        if workload.service {
            self.lab.cluster.store.add_service(labels.clone());
        }
        let kind = match workload.kind.as_deref() {
            None | Some("deployment") => self.add_deployment(spec.with_default_tolerations(300), workload),
            Some("stateful_set") => {
                let store = &mut self.lab.cluster.store;
                let template = store.intern_revision(spec.with_default_tolerations(300));
                Kind::StatefulSet(store.add_stateful_set(StatefulSet {
                    template,
                    current: template,
                    selector: Selector::of_labels(&labels),
                    replicas: workload.replicas,
                    ordinals: workload.replicas,
                    management: PodManagement::OrderedReady,
                    partition: 0,
                    min_ready: SimDuration::ZERO,
                }))
            }
            Some("daemon_set") => {
                let store = &mut self.lab.cluster.store;
                let template = store.intern_revision(spec.of_daemon());
                let (max_unavailable, min_ready) = (Size::Pods(1), SimDuration::ZERO);
                Kind::DaemonSet(store.add_daemon_set(DaemonSet { template, max_unavailable, min_ready }))
            }
            Some(other) => return Err(format!("cannot read its input: kind `{other}`")),
        };
        self.kinds.push((workload.name.clone(), kind));
        match kind {
            Kind::Deployment(id) => {
                let store = &self.lab.cluster.store;
                let set = *store.sets_of(id).first().ok_or("a Deployment has no ReplicaSet")?;
                let template = store.replica_set(set).ok_or("a Deployment has no ReplicaSet")?.template;
                for _ in 0..workload.replicas {
                    self.adopt(Owner::ReplicaSet(set), template, places.next(&workload.name), ready)?;
                }
            }
            Kind::StatefulSet(id) => {
                let template = self.lab.cluster.store.stateful_set(id).template;
                for ordinal in 0..workload.replicas {
                    let node = places.next(&workload.name);
                    self.adopt(Owner::StatefulSet(id, ordinal), template, node, ready)?;
                }
            }
            Kind::DaemonSet(id) => {
                let store = &self.lab.cluster.store;
                let spec = store.template(store.daemon_set(id).template).spec.clone();
                for (name, node) in self.nodes.clone() {
                    let host = self.lab.cluster.store.node(node).ok_or("a node is gone")?.name;
                    let template = self.lab.cluster.store.intern_template(daemon_set::tied(&spec, host));
                    self.adopt(Owner::DaemonSet(id), template, Some(name.clone()), ready)?;
                    places.left.entry(name).and_modify(|n| *n = n.saturating_sub(1));
                }
            }
        }
        Ok(())
    }

    fn add_deployment(&mut self, spec: PodSpec, workload: &Workload) -> Kind {
        let store = &mut self.lab.cluster.store;
        let template = store.intern_template(spec);
        let deployment = Deployment::of_pods(template, workload.replicas);
        let (id, _) = store.adopt_deployment(deployment, TRIGGER - SimDuration::from_secs(90));
        Kind::Deployment(id)
    }

    fn adopt(
        &mut self,
        owner: Owner,
        template: crate::cluster::objects::TemplateId,
        node: Option<String>,
        ready: SimTime,
    ) -> Result<(), String> {
        let node = node.and_then(|name| self.nodes.get(&name).copied()).ok_or("a pod is on no known node")?;
        let pod = self.lab.cluster.store.create_pod(owner, template, ready);
        self.lab.adopt(pod, node, ready);
        Ok(())
    }
}
