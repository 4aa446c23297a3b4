//! Node termination handler: empties a node whose spot machine the cloud is about to take back.
//!
//! Watches the cloud's notices in the instance metadata. Reads the node of the machine and its pods. Writes
//! `unschedulable` of the node, and has it drained: pods are evicted as far as their budgets allow while others are
//! made; Cluster Autoscaler sees those that fit nowhere. Follows aws-node-termination-handler 1.25 (IMDS mode): cordon
//! and drain on the notice for at most 120 s, no machine asked for ahead of it. It is a pod of the node itself and dies
//! with it, as what a budget held back.
//!
//! That the machine is gone nobody is told. Callers are sent to its pods until its leases are overdue, and the Node
//! object goes after that, as everywhere ([`super::node_health`]).
//!
//! *Deviation:* it acts at the notice, not up to two seconds later (its poll of the metadata).
//!
//! Start at [`on_notice`].

use super::drain::{Drains, Tool};
use super::{Context, pods, pods_left};
use crate::world::{About, Api, VmId};

/// The machine will be gone in minutes.
pub fn on_notice(vm: VmId, drains: &mut Drains, cx: &mut Context<'_>, api: &mut Api<'_>) {
    let Some(id) = cx.bodies.node_of(vm).filter(|_| cx.parameters.node_pool.drain_on_notice) else { return };
    cx.cluster.store.set_cordoned(id, true);
    if drains.begin(id, Tool::TerminationHandler, cx.now, cx) {
        let left = pods_left(id, &cx.cluster.store).count();
        api.remark(About::Vm(vm), || format!("drained before the cloud takes it: {} to evict", pods(left)));
    }
}
