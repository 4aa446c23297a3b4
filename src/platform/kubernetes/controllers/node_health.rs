//! What becomes of nodes that do not come back: node repair and the cloud node controller.
//!
//! Watches nodes' Ready condition. Reads it and what the cloud says about the machine. Gives machines back, deletes
//! Node objects. Repair follows scale-down-unready-time of cluster-autoscaler 1.36.1 (which gives up if more than 3 nodes
//! and more than 45 % of the cluster are unready); the deletion of nodes whose machine is gone follows
//! cloud-provider's node lifecycle controller v1.36.2 (every 5 s).
//!
//! *Deviation:* a Node object goes at the next look after its machine, not only once its leases are overdue; nothing
//! runs on it any more either way.
//!
//! Start at [`repair`].

use super::Context;
use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::objects::{NodeId, PodId, Ready};
use crate::platform::kubernetes::store::Store;
use crate::world::Api;

pub const CLOUD_PERIOD: SimDuration = SimDuration::from_secs(5);
const UNREADY_NODES_MAX: usize = 3;
const UNREADY_SHARE_MAX: f64 = 0.45;

/// Whether so much is unready that nobody should touch anything.
pub fn is_cluster_unhealthy(store: &Store) -> bool {
    let (all, unready) =
        store.nodes().fold((0, 0), |(all, unready), (_, n)| (all + 1, unready + usize::from(!n.is_ready())));
    unready > UNREADY_NODES_MAX && unready as f64 > UNREADY_SHARE_MAX * all as f64
}

/// Gives back the machine of a node that has been unready for long; looks again later if all are.
pub fn repair(id: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) {
    let patience = cx.parameters.node_pool.unready_after;
    let Some(Ready::Unknown { since }) = cx.store.node(id).map(|n| n.ready) else { return };
    if since + patience > cx.now {
        return; // it was back meanwhile
    }
    if is_cluster_unhealthy(cx.store) {
        return cx.after(patience.max(SimDuration::from_mins(1)), Event::RepairNode(id));
    }
    give_back(id, cx, api);
}

/// Marks a node, so that nothing is bound to it any more, and ends the rent of its machine; the cloud node controller will find out.
pub fn give_back(id: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) {
    let vm = cx.store.node(id).expect("nodes that exist are given back").vm;
    // The boxes go with the machine: the pods stand for nothing any more.
    let pods: Vec<PodId> = cx.store.pods_on(id).map(|(p, _)| p).collect();
    for pod in pods {
        cx.store.attach_box(pod, None);
    }
    cx.store.set_to_be_deleted(id, true);
    api.terminate_vm(vm);
    let at = cx.now.next_tick(SimTime::ZERO, CLOUD_PERIOD);
    cx.at(at, Event::MachineGone(id));
}

/// The machine is gone, so the Node object goes too.
pub fn on_machine_gone(id: NodeId, cx: &mut Context<'_>) {
    if cx.store.node(id).is_some() {
        cx.store.remove_node(id);
    }
}
