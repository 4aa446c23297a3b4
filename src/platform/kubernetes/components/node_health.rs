//! What becomes of nodes that do not come back: node repair and the cloud node controller. Machines that do not answer are
//! replaced by the node group before ([`node_group`](super::node_group)); what is left are nodes whose machine runs.
//!
//! Watches nodes' Ready condition, and the cloud. Reads both. Has nodes drained, gives machines back, deletes Node objects.
//!
//! *Node repair* follows scale-down-unready-time of cluster-autoscaler 1.36.1: a node that has been unready for 20 min is
//! marked, 5 s later drained, and given back; pods that do not end are not waited for. While more than 3 nodes and more than 45 % of the
//! cluster are unready it does nothing and forgets how long they have been so (`CleanUpUnneededNodes`), and it takes no node
//! within 10 min of the last scale-up of any group. *The cloud node controller* follows cloud-provider's
//! node_lifecycle_controller.go v1.36.2: every 5 s it asks the cloud about the nodes that are not Ready, and deletes those
//! whose machine is gone; so a machine that the cloud took back has its Node object, and callers that are sent to its
//! pods, until its leases are overdue. Pod garbage collection begins only then.
//!
//! *Deviation:* Cluster Autoscaler counts the 20 min from when nothing keeps the node, which its pods do until they have
//! been ending for their grace and 30 s, and leaves a group alone that has its fewest nodes. There, and where it is
//! switched off, the provider's own repair stands in with the same patience, and keeps the fewest. The Node object of a
//! machine that was given back, which is empty, goes at the next look, not only once its leases are overdue.
//!
//! Start at [`NodeRepair::notice`].

use super::cluster_autoscaler::ClusterAutoscaler;
use super::drain::{Drains, End, Tool};
use super::{Context, whole_seconds};
use crate::cluster::objects::{Effect, Name, Node, NodeId, PodId};
use crate::cluster::store::Store;
use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::world::{About, Api, BoxId, VmId, VmStatus};
use std::collections::{BTreeMap, BTreeSet};

/// How often the cloud node controller asks (`node-monitor-period`).
const CLOUD_PERIOD: SimDuration = SimDuration::from_secs(5);
/// `ok-total-unready-count` and `max-total-unready-percentage`.
const UNREADY_NODES_MAX: usize = 3;
const UNREADY_SHARE_MAX: f64 = 0.45;

/// What is known of nodes that are not ready.
#[derive(Debug, Default)]
pub struct NodeRepair {
    unready: BTreeMap<NodeId, Unready>,
    /// Nodes whose machine the cloud took back.
    reclaimed: BTreeSet<NodeId>,
    /// So much is unready that nobody touches anything.
    is_unhealthy: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unready {
    since: SimTime,
    /// From when on its time counts.
    counts_from: SimTime,
}

impl NodeRepair {
    /// A node came, changed or went. If this one has turned unready, what its pods do nobody knows, and it is looked at
    /// when its time is over.
    pub fn notice(&mut self, id: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let node = cx.cluster.store.node(id);
        match node.filter(|node| !node.is_ready()).map(|node| node.ready_changed) {
            None => _ = self.unready.remove(&id),
            Some(since) if self.unready.get(&id).is_none_or(|known| known.since != since) => {
                self.unready.insert(id, Unready { since, counts_from: since });
                cx.at(since + cx.parameters.node_pool.unready_after, Event::RepairNode(id));
                boxes_on(id, cx).into_iter().for_each(|subject| api.declare_known_down(subject));
                if self.reclaimed.contains(&id) {
                    cx.at(cx.now.next_tick(SimTime::ZERO, CLOUD_PERIOD), Event::MachineReclaimed(id));
                }
            }
            Some(_) => {}
        }
        let was_unhealthy =
            std::mem::replace(&mut self.is_unhealthy, is_cluster_unhealthy(&cx.cluster.store));
        if was_unhealthy && !self.is_unhealthy {
            for (&id, unready) in &mut self.unready {
                unready.counts_from = cx.now;
                cx.at(cx.now + cx.parameters.node_pool.unready_after, Event::RepairNode(id));
            }
        }
    }

    /// The cloud took the machine back. False if it was no node yet: then nothing is left of it.
    pub fn on_reclaimed(&mut self, vm: VmId, cx: &mut Context<'_>, api: &mut Api<'_>) -> bool {
        let Some(id) = cx.bodies.node_of(vm) else {
            api.terminate_vm(vm);
            return false;
        };
        self.reclaimed.insert(id);
        if self.unready.contains_key(&id) {
            cx.at(cx.now.next_tick(SimTime::ZERO, CLOUD_PERIOD), Event::MachineReclaimed(id));
        }
        true
    }

    /// The cloud node controller asked about a node that is not ready: it has no machine. Unless it was given up meanwhile.
    pub fn on_reclaimed_found(&mut self, id: NodeId, cx: &mut Context<'_>) {
        if self.reclaimed.remove(&id) && cx.cluster.store.node(id).is_some() {
            forget_pods(id, cx);
            cx.cluster.store.remove_node(id);
        }
    }

    /// Empties a node that has been unready for long, or looks again when it may be.
    pub fn repair(
        &mut self,
        id: NodeId,
        (autoscaler, drains): (&ClusterAutoscaler, &mut Drains),
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        let Some(unready) = self.unready.get(&id).filter(|_| !self.is_unhealthy) else { return };
        let due = unready.counts_from + cx.parameters.node_pool.unready_after;
        let due = due.max(autoscaler.may_remove_from(cx));
        if due > cx.now {
            // An earlier time was noted by who reset it.
            if unready.counts_from + cx.parameters.node_pool.unready_after <= cx.now {
                cx.at(due, Event::RepairNode(id));
            }
            return;
        }
        mark(id, cx);
        let begin = cx.now + cx.parameters.cluster_autoscaler.taint_delay;
        if drains.begin(id, Tool::NodeRepair, begin, cx) {
            let about = cx.bodies.vm_of(id).map_or(About::Nothing, About::Vm);
            let lasts = whole_seconds(cx.now.since(unready.since));
            api.remark(about, || format!("not ready for {lasts}: node repair gives it up"));
        } else {
            cx.after(SimDuration::from_mins(1), Event::RepairNode(id));
        }
    }

    /// The drain of an unready node is over: its machine is given back, unless it came back, a budget held its pods, or the
    /// cloud does not answer.
    pub fn on_drained(&mut self, id: NodeId, end: End, cx: &mut Context<'_>, api: &mut Api<'_>) {
        match (self.unready.get_mut(&id), end) {
            (Some(_), End::Empty) if api.cloud_answers() => give_back(id, cx, api),
            (Some(unready), End::Empty | End::GaveUp(_)) => {
                unready.counts_from = cx.now;
                cx.after(cx.parameters.node_pool.unready_after, Event::RepairNode(id));
                unmark(id, cx, api);
            }
            (None, _) => unmark(id, cx, api),
        }
    }

    /// The node is gone, and with it what the cloud had left of its machine.
    pub fn forget(&mut self, id: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        self.reclaimed.remove(&id);
        if let Some(vm) = cx.bodies.vm_of(id) {
            api.terminate_vm(vm);
        }
        self.notice(id, cx, api);
    }
}

/// Whether so much of the cluster is unready that nobody should touch anything.
pub fn is_cluster_unhealthy(store: &Store) -> bool {
    is_unhealthy(store.nodes().map(|(_, n)| n))
}

/// Whether so much of these nodes is unready. Nodes that are to be deleted do not count as unready.
pub fn is_unhealthy<'a>(nodes: impl Iterator<Item = &'a Node>) -> bool {
    let is_unready = |n: &Node| !n.is_ready() && !n.is_to_be_deleted();
    let (all, unready) =
        nodes.fold((0, 0), |(all, unready), n| (all + 1, unready + usize::from(is_unready(n))));
    unready > UNREADY_NODES_MAX && unready as f64 > UNREADY_SHARE_MAX * all as f64
}

/// What stands behind the pods of a node.
fn boxes_on(id: NodeId, cx: &Context<'_>) -> Vec<BoxId> {
    cx.cluster.store.pods_on(id).filter_map(|(pod, _)| cx.bodies.box_of(pod)).collect()
}

/// The boxes go with the machine: the pods of a node stand for nothing any more.
fn forget_pods(id: NodeId, cx: &mut Context<'_>) -> VmId {
    let pods: Vec<PodId> = cx.cluster.store.pods_on(id).map(|(p, _)| p).collect();
    for pod in pods {
        cx.bodies.remove_pod(pod);
    }
    cx.bodies.vm_of(id).expect("nodes that exist have had a machine")
}

/// Marks a node, so that nothing is bound to it any more, and ends the rent of its machine; the cloud node controller will
/// find out.
pub fn give_back(id: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) {
    let vm = forget_pods(id, cx);
    mark(id, cx);
    api.terminate_vm(vm);
    let at = cx.now.next_tick(SimTime::ZERO, CLOUD_PERIOD);
    cx.at(at, Event::MachineGone(id));
}

/// Keeps new pods away from a node that will go (taint, and cordon since 1.34).
pub fn mark(id: NodeId, cx: &mut Context<'_>) {
    cx.cluster.store.add_taint(id, Name::TO_BE_DELETED, Effect::NoSchedule, cx.now);
    cx.cluster.store.set_cordoned(id, true);
}

/// A node that was to go stays, if it still has its machine.
pub fn unmark(id: NodeId, cx: &mut Context<'_>, api: &Api<'_>) {
    let has_machine = cx.bodies.vm_of(id).is_some_and(|vm| api.vm_status(vm) != VmStatus::Gone);
    if has_machine && cx.cluster.store.node(id).is_some() {
        cx.cluster.store.remove_taint(id, Name::TO_BE_DELETED, Effect::NoSchedule);
        cx.cluster.store.set_cordoned(id, false);
    }
}

/// The machine is gone, so the Node object goes too.
pub fn on_machine_gone(id: NodeId, cx: &mut Context<'_>) {
    if cx.cluster.store.node(id).is_some() {
        cx.cluster.store.remove_node(id);
    }
}
