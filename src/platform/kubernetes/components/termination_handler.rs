//! Node termination handler: empties a node whose spot machine the cloud is about to take back.
//!
//! Watches the cloud's notices. Reads the node of the machine. Cordons it and deletes its pods, which end in order while
//! others are made; Cluster Autoscaler sees those that fit nowhere. Follows aws-node-termination-handler: cordon and
//! drain on the notice, no machine asked for ahead of it. That the machine is gone the cloud node controller finds out.
//!
//! *Deviation:* routes to pods that nobody drained go with their machine then, a little before pod garbage collection.
//!
//! Start at [`on_notice`].

use super::Context;
use super::node_health::{CLOUD_PERIOD, give_back, mark};
use crate::cluster::objects::{NodeId, PodId};
use crate::engine::SimTime;
use crate::platform::kubernetes::event::Event;
use crate::world::{Api, BoxId, VmId};

/// The machine will be gone in minutes.
pub fn on_notice(vm: VmId, cx: &mut Context<'_>) {
    let Some(id) = cx.bodies.node_of(vm).filter(|_| cx.parameters.node_pool.drain_on_notice) else { return };
    mark(id, cx);
    let pods: Vec<PodId> = cx.cluster.store.pods_on(id).map(|(p, _)| p).collect();
    for pod in pods {
        cx.cluster.store.delete_pod(pod, cx.now);
    }
}

/// The machine is gone: seen at the cloud node controller's next look. False if it was no node yet.
pub fn on_reclaimed(vm: VmId, cx: &mut Context<'_>, api: &mut Api<'_>) -> bool {
    let node = cx.bodies.node_of(vm);
    match node {
        Some(id) => cx.at(cx.now.next_tick(SimTime::ZERO, CLOUD_PERIOD), Event::MachineReclaimed(id)),
        None => api.terminate_vm(vm),
    }
    node.is_some()
}

/// What is left of a node whose machine was taken back goes, unless it was given up meanwhile.
pub fn remove(id: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) {
    if cx.cluster.store.node(id).is_none() {
        return;
    }
    let subjects: Vec<BoxId> =
        cx.cluster.store.pods_on(id).filter_map(|(p, _)| cx.bodies.box_of(p)).collect();
    subjects.into_iter().for_each(|subject| api.declare_known_down(subject));
    give_back(id, cx, api);
}
