//! Node termination handler: empties a node whose spot machine the cloud is about to take back.
//!
//! Watches the cloud's notices. Reads the node of the machine. Cordons it and has it drained: pods are evicted as far as
//! their budgets allow while others are made; Cluster Autoscaler sees those that fit nowhere. Follows
//! aws-node-termination-handler: cordon and drain on the notice for at most 120 s, no machine asked for ahead of it. What
//! its budget held back goes with the machine. That the machine is gone the cloud node controller finds out.
//!
//! *Deviation:* routes to pods that nobody drained go with their machine then, a little before pod garbage collection.
//!
//! Start at [`on_notice`].

use super::drain::{Drains, Tool};
use super::node_health::{CLOUD_PERIOD, give_back};
use super::{Context, pods};
use crate::cluster::objects::NodeId;
use crate::engine::SimTime;
use crate::platform::kubernetes::event::Event;
use crate::world::{About, Api, BoxId, VmId};

/// The machine will be gone in minutes.
pub fn on_notice(vm: VmId, drains: &mut Drains, cx: &mut Context<'_>, api: &mut Api<'_>) {
    let Some(id) = cx.bodies.node_of(vm).filter(|_| cx.parameters.node_pool.drain_on_notice) else { return };
    cx.cluster.store.set_cordoned(id, true);
    if drains.begin(id, Tool::TerminationHandler, cx.now, cx) {
        let left = cx.cluster.store.pods_on(id).count();
        api.remark(About::Vm(vm), || format!("drained before the cloud takes it: {} to evict", pods(left)));
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
