//! What an event watcher would print about the cluster: for replay, and for nobody else.
//!
//! Watches all changes. Reads the store. Writes nothing, and keeps only what it needs to say what was different before.
//! Does nothing where nobody reads. Start at [`Narrator::tell`].

use super::bodies::{Bodies, base_of, program, service_behind};
use super::components::pods;
use crate::cluster::Cluster;
use crate::cluster::objects::{
    Effect, Name, Node, NodeCondition, NodeId, Pod, PodId, Progress, ReplicaSet, ReplicaSetId, Taint,
};
use crate::cluster::scheduler::Failure;
use crate::cluster::store::{Change, Store};
use crate::world::{About, Api, VmStatus};
use std::collections::BTreeMap;

/// What was last said.
#[derive(Debug, Default)]
pub struct Narrator {
    nodes: BTreeMap<NodeId, NodeView>,
    /// Wanted pods of each ReplicaSet.
    sets: BTreeMap<ReplicaSetId, u32>,
    progress: BTreeMap<u32, Progress>,
}

/// Of a node, what is worth a line when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NodeView {
    ready: NodeCondition,
    is_cordoned: bool,
    evicts: bool,
    is_given_up: bool,
    is_short: bool,
}

impl NodeView {
    fn of(node: &Node) -> NodeView {
        NodeView {
            ready: node.ready,
            is_cordoned: node.cordoned,
            evicts: node.health_eviction().is_some(),
            is_given_up: node.is_to_be_deleted(),
            is_short: node.taint(Name::MEMORY_PRESSURE, Effect::NoSchedule).is_some(),
        }
    }
}

impl Narrator {
    /// What is there at the start is no news.
    pub fn learn(&mut self, cluster: &Cluster) {
        let store = &cluster.store;
        self.nodes = store.nodes().map(|(id, node)| (id, NodeView::of(node))).collect();
        let sets = store.deployments().flat_map(|id| store.sets_of(id));
        self.sets = sets.filter_map(|&id| Some((id, store.replica_set(id)?.replicas))).collect();
    }

    /// Says what a change means, before anybody acts on it.
    pub fn tell(&mut self, change: Change, cluster: &Cluster, bodies: &Bodies, api: &mut Api<'_>) {
        if !api.has_readers() {
            return;
        }
        let store = &cluster.store;
        match change {
            Change::NodeAdded(id) => {
                let Some(node) = store.node(id) else { return };
                self.nodes.insert(id, NodeView::of(node));
                let about = about_node(id, bodies);
                let (cpu, memory) = (node.free().cpu, node.free().memory >> 20);
                api.remark(about, || format!("joins as a node: Ready, {cpu}m CPU, {memory} MiB free"));
            }
            Change::NodeChanged(id) => self.node(id, cluster, bodies, api),
            Change::NodeRemoved(id) => {
                self.nodes.remove(&id);
                let left = store.pods_on(id).count();
                api.remark(about_node(id, bodies), || match left {
                    0 => "Node object deleted".into(),
                    n => format!("Node object deleted; {} left to pod GC", pods(n)),
                });
            }
            Change::PodUnschedulable(id) => {
                if let Some(failure) = cluster.scheduler.failure(id) {
                    let nodes = store.node_count();
                    api.remark(about_pod(id, bodies), || {
                        format!("FailedScheduling: {}", why(failure, nodes))
                    });
                }
            }
            Change::PodRemoved(pod) if pod.node.is_some_and(|node| store.node(node).is_none()) => {
                let (service, _) = program(store.template(pod.template));
                api.remark(About::Service(service), || "PodGC: deletes a pod whose node is gone".into());
            }
            Change::PodTerminating(id) => terminating(id, cluster, bodies, api),
            Change::ReplicaSet(id) => self.replica_set(id, cluster, api),
            Change::Deployment(id) => {
                let progress = store.deployment(id).status.progress;
                let before = self.progress.insert(id.0, progress);
                if progress == Progress::Stalled && before != Some(Progress::Stalled) {
                    let limit = store.deployment(id).progress_deadline;
                    api.remark(About::Service(service_behind(id, store)), || {
                        format!("ProgressDeadlineExceeded: no progress for {limit}")
                    });
                }
            }
            _ => {}
        }
    }

    fn node(&mut self, id: NodeId, cluster: &Cluster, bodies: &Bodies, api: &mut Api<'_>) {
        let Some(node) = cluster.store.node(id) else { return };
        let (now, about) = (NodeView::of(node), about_node(id, bodies));
        let healthy = NodeView {
            ready: NodeCondition::True,
            is_cordoned: false,
            evicts: false,
            is_given_up: false,
            is_short: false,
        };
        let before = self.nodes.insert(id, now).unwrap_or(healthy);
        let left = cluster.store.pods_on(id).filter(|(_, pod)| pod.is_active()).count();
        if now.ready != before.ready {
            api.remark(about, || match now.ready {
                NodeCondition::True => "NodeReady: its heartbeats are back".into(),
                NodeCondition::False => "NodeNotReady: its kubelet says so".into(),
                NodeCondition::Unknown => {
                    format!("NodeNotReady: heartbeats stay away, {} NotReady", pods(left))
                }
            });
        }
        if now.evicts != before.evicts {
            api.remark(about, || match node.health_eviction() {
                Some(taint) => {
                    let key = if taint.key == Name::NOT_READY { "not-ready" } else { "unreachable" };
                    format!("taint {key}:NoExecute: {}", borne(id, *taint, cluster, left))
                }
                None if left > 0 => "taint NoExecute taken back: its pods stay".into(),
                None => "taint NoExecute taken back".into(),
            });
        }
        if now.is_cordoned != before.is_cordoned && now.is_given_up == before.is_given_up {
            let word = if now.is_cordoned { "cordoned: no new pods" } else { "uncordoned: takes pods again" };
            api.remark(about, || word.into());
        }
        if now.is_short != before.is_short {
            let words = if now.is_short {
                "NodeHasInsufficientMemory: MemoryPressure, takes no new pods"
            } else {
                "NodeHasSufficientMemory: MemoryPressure is over"
            };
            api.remark(about, || words.into());
        }
        let has_machine = bodies.vm_of(id).is_some_and(|vm| api.vm_status(vm) != VmStatus::Gone);
        if now.is_given_up != before.is_given_up && has_machine {
            let word = if now.is_given_up { "tainted ToBeDeleted" } else { "not to be deleted any more" };
            api.remark(about, || word.into());
        }
    }

    fn replica_set(&mut self, id: ReplicaSetId, cluster: &Cluster, api: &mut Api<'_>) {
        let store = &cluster.store;
        let Some(set) = store.replica_set(id) else { return };
        let (wanted, before) = (set.replicas, self.sets.insert(id, set.replicas));
        let (service, version) = program(store.template(set.template));
        let before = before.unwrap_or(0);
        if before != wanted {
            api.remark(About::Service(service), || {
                let image = image_if_needed(id, set, store);
                format!("ScalingReplicaSet: version {version}{image} from {before} to {wanted}")
            });
        }
    }
}

/// ` on base image 12,` where pods of the same version have another one.
fn image_if_needed(id: ReplicaSetId, set: &ReplicaSet, store: &Store) -> String {
    let what = |set: &ReplicaSet| {
        let template = store.template(set.template);
        (program(template), base_of(template.spec.containers[0].image.tag))
    };
    let (own, base) = what(set);
    let is_other = |other: &ReplicaSet| {
        let (its, its_base) = what(other);
        its == own && its_base != base && other.status.replicas > 0
    };
    let others = set.owner.map_or(&[][..], |owner| store.sets_of(owner));
    let mut others =
        others.iter().filter(|&&other| other != id).filter_map(|&other| store.replica_set(other));
    if others.any(is_other) { format!(" on base image {base},") } else { String::new() }
}

/// `2 pods to go in 300s`.
fn borne(id: NodeId, taint: Taint, cluster: &Cluster, left: usize) -> String {
    let store = &cluster.store;
    let of_pod = |pod: &Pod| store.spec_of(pod).tolerations.iter().find(|t| t.tolerates(&taint))?.seconds;
    match store.pods_on(id).filter(|(_, pod)| pod.is_active()).find_map(|(_, pod)| of_pod(pod)) {
        Some(seconds) => format!("{} to go in {seconds}s", pods(left)),
        None => pods(left),
    }
}

/// `0/12 nodes are available: 12 Insufficient cpu`, in upstream's order: that of the counted words (FitError).
fn why(failure: &Failure, nodes: usize) -> String {
    let mut reasons: Vec<String> =
        failure.reasons.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    reasons.sort_unstable();
    format!("0/{nodes} nodes are available: {}", reasons.join(", "))
}

fn terminating(id: PodId, cluster: &Cluster, bodies: &Bodies, api: &mut Api<'_>) {
    let store = &cluster.store;
    let Some(node) = store.pod(id).and_then(|pod| store.node(pod.node?)) else { return };
    let about = about_pod(id, bodies);
    match (node.is_ready(), node.evicts()) {
        (true, false) => {}
        (true, true) => api.remark(about, || "TaintManagerEviction".into()),
        (false, true) => api.remark(about, || "TaintManagerEviction: stuck Terminating, node silent".into()),
        (false, false) => api.remark(about, || "told to go: stuck Terminating, node silent".into()),
    }
}

fn about_node(id: NodeId, bodies: &Bodies) -> About {
    bodies.vm_of(id).map_or(About::Nothing, About::Vm)
}

fn about_pod(id: PodId, bodies: &Bodies) -> About {
    bodies.box_of(id).map_or(About::Nothing, About::Box)
}
