//! The provider's node group: replaces machines that do not answer.
//!
//! Watches machines, as the cloud's status checks do. Reads what the console shows, nothing of the cluster. Gives machines
//! back and asks for others. Follows the auto scaling groups behind EKS managed node groups: a machine that fails its status
//! checks, as one does whose host broke or whose power is gone, is replaced after some minutes
//! (`node_pool.replace_after`), a tenth of the group a minute at most. It is neither cordoned nor drained: there is nothing
//! left to drain. The Node object goes when the cloud node controller finds that it has no machine.
//!
//! *Deviation:* the checks begin to fail when the lease of the node is overdue, some 40 s after the machine fell silent. A
//! spot machine that the cloud took back is not replaced here: its pods are gone from it by then, and Cluster Autoscaler
//! has asked for what they need. Machines that are not nodes yet are given up by Cluster Autoscaler.
//!
//! Start at [`NodeGroup::on_heartbeat`].

use super::Context;
use super::cluster_autoscaler::{ClusterAutoscaler, zone_of};
use super::node_health::give_back;
use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::world::{About, Api, VmId, VmStatus};
use std::collections::BTreeMap;

/// How often it looks at machines that failed.
const PASS: SimDuration = SimDuration::from_mins(1);

/// What it knows of machines that do not answer.
#[derive(Debug, Default)]
pub struct NodeGroup {
    /// When each is to be replaced.
    failing: BTreeMap<VmId, SimTime>,
    /// How many were replaced in which minute.
    replaced: (SimTime, u32),
}

impl NodeGroup {
    /// A machine does not answer any more, or does again.
    pub fn on_heartbeat(&mut self, vm: VmId, alive: bool, cx: &mut Context<'_>) {
        if alive {
            self.failing.remove(&vm);
        } else {
            self.look_at(vm, cx.now + cx.parameters.node_pool.replace_after, cx);
        }
    }

    fn look_at(&mut self, vm: VmId, at: SimTime, cx: &mut Context<'_>) {
        self.failing.insert(vm, at);
        cx.at(at, Event::MachineFailed(vm));
    }

    /// Replaces a machine, unless it answers or is gone; one too many for this minute, or for a cloud that does not answer,
    /// waits for the next.
    pub fn replace(
        &mut self,
        vm: VmId,
        autoscaler: &mut ClusterAutoscaler,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        if self.failing.get(&vm) != Some(&cx.now) {
            return; // it was back meanwhile
        }
        self.failing.remove(&vm);
        let Some(node) = cx.bodies.node_of(vm) else { return };
        if !matches!(api.vm_status(vm), VmStatus::Impaired | VmStatus::HostFailed) {
            return; // it runs, and is only out of reach; or it was given back
        }
        let minute = cx.now.tick_at_or_after(SimTime::ZERO, PASS);
        if self.replaced.0 != minute {
            self.replaced = (minute, 0);
        }
        let nodes = cx.cluster.store.node_count() as f64;
        let most = ((nodes * cx.parameters.node_pool.replaced_at_once.as_f64()) as u32).max(1);
        if self.replaced.1 >= most || !api.cloud_answers() {
            return self.look_at(vm, cx.now + PASS, cx);
        }
        self.replaced.1 += 1;
        let fails = cx.parameters.node_pool.replace_after;
        api.remark(About::Vm(vm), || format!("has not answered for {fails}: the node group replaces it"));
        let zone = cx.cluster.store.node(node).and_then(zone_of);
        give_back(node, cx, api);
        autoscaler.replace_one(zone, cx, api);
    }
}
