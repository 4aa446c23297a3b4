//! What becomes of nodes that do not come back: node repair and the cloud node controller.
//!
//! Watches nodes' Ready condition. Reads it and what the cloud says about the machine. Has nodes drained, gives machines
//! back, deletes Node objects. Repair follows scale-down-unready-time of cluster-autoscaler 1.36.1 (which gives up if more
//! than 3 nodes and more than 45 % of the cluster are unready): what is not ending yet is evicted, what does not end is not
//! waited for. The deletion of nodes whose machine is gone follows cloud-provider's node lifecycle controller v1.36.2
//! (every 5 s).
//!
//! *Deviation:* a Node object goes at the next look after its machine, not only once its leases are overdue; nothing
//! runs on it any more either way.
//!
//! Start at [`repair`].

use super::Context;
use super::drain::{Drains, End, Tool};
use crate::cluster::objects::{Effect, Name, NodeId, PodId};
use crate::cluster::store::Store;
use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::world::{About, Api, VmStatus};
use std::collections::BTreeMap;

/// Since when nodes are unready that will be looked at again.
#[derive(Debug, Default)]
pub struct NodeRepair(BTreeMap<NodeId, SimTime>);

impl NodeRepair {
    /// A node changed: if it has turned unready, it is looked at when its time is over.
    pub fn notice(&mut self, id: NodeId, cx: &mut Context<'_>) {
        let Some(node) = cx.cluster.store.node(id).filter(|node| !node.is_ready()) else { return };
        let since = node.ready_changed;
        if self.0.insert(id, since) != Some(since) {
            cx.at(since + cx.parameters.node_pool.unready_after, Event::RepairNode(id));
        }
    }

    /// The node is gone.
    pub fn forget(&mut self, id: NodeId) {
        self.0.remove(&id);
    }
}

pub const CLOUD_PERIOD: SimDuration = SimDuration::from_secs(5);
const UNREADY_NODES_MAX: usize = 3;
const UNREADY_SHARE_MAX: f64 = 0.45;

/// Whether so much is unready that nobody should touch anything.
pub fn is_cluster_unhealthy(store: &Store) -> bool {
    let (all, unready) =
        store.nodes().fold((0, 0), |(all, unready), (_, n)| (all + 1, unready + usize::from(!n.is_ready())));
    unready > UNREADY_NODES_MAX && unready as f64 > UNREADY_SHARE_MAX * all as f64
}

/// Empties a node that has been unready for long; looks again later if all are.
pub fn repair(id: NodeId, drains: &mut Drains, cx: &mut Context<'_>, api: &mut Api<'_>) {
    let patience = cx.parameters.node_pool.unready_after;
    let Some(node) = cx.cluster.store.node(id).filter(|n| !n.is_ready()) else { return };
    if node.ready_changed + patience > cx.now {
        return; // it was back meanwhile
    }
    if is_cluster_unhealthy(&cx.cluster.store) {
        return cx.after(patience.max(SimDuration::from_mins(1)), Event::RepairNode(id));
    }
    mark(id, cx);
    if drains.begin(id, Tool::NodeRepair, cx.now, cx) {
        let about = cx.bodies.vm_of(id).map_or(About::Nothing, About::Vm);
        api.remark(about, || format!("not ready for {patience}: node repair gives it up"));
    } else {
        cx.after(SimDuration::from_mins(1), Event::RepairNode(id));
    }
}

/// The drain of an unready node is over: its machine is given back, unless it came back or a budget held its pods.
pub fn on_drained(id: NodeId, end: End, cx: &mut Context<'_>, api: &mut Api<'_>) {
    let Some(node) = cx.cluster.store.node(id) else { return };
    if node.is_ready() {
        return unmark(id, cx, api);
    }
    match end {
        End::Empty => give_back(id, cx, api),
        End::GaveUp(_) => cx.after(cx.parameters.node_pool.unready_after, Event::RepairNode(id)),
    }
}

/// Marks a node, so that nothing is bound to it any more, and ends the rent of its machine; the cloud node controller will find out.
pub fn give_back(id: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) {
    let vm = cx.bodies.vm_of(id).expect("nodes that exist are given back");
    // The boxes go with the machine: the pods stand for nothing any more.
    let pods: Vec<PodId> = cx.cluster.store.pods_on(id).map(|(p, _)| p).collect();
    for pod in pods {
        cx.bodies.remove_pod(pod);
    }
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
    if cx.bodies.vm_of(id).is_some_and(|vm| api.vm_status(vm) != VmStatus::Gone) {
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
