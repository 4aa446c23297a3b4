//! Kubelets: bring the pods bound to their node to life, keep them alive, and end them.
//!
//! Watches pods that are bound to a node, and the reports of the container runtime, which are those of the world's
//! agents. Reads the pods. Writes their phase and readiness, and images and pressure of the node. Follows pkg/kubelet of
//! v1.36.2, part by part: [`pods`] (the start and restart of containers), [`images`], [`probes`], [`termination`],
//! [`eviction`], [`backoff`].
//!
//! *Deviation:* one box stands for the containers of a pod: they crash, leak and end together. All kubelets share the clocks
//! of relist, housekeeping and status. A kubelet whose network fails neither sends nor hears what becomes of pods; it tries
//! again every 10 s, and makes up for all of it at once.
//!
//! Start at [`Kubelets::sync`](pods).

mod backoff;
mod eviction;
mod images;
mod pods;
mod probes;
mod termination;

use super::Context;
use crate::cluster::objects::{Image, Node, NodeCondition, NodeId, PodId};
use crate::engine::{SecondaryMap, SimDuration, SimTime};
use crate::platform::kubernetes::bodies::program;
use crate::platform::kubernetes::event::Event;
use crate::world::{About, Api, Ending, ServiceId, Version, VmStatus};
use backoff::{CrashLoop, PullBackoff};
use images::{Fetch, NodeImages};
use probes::Clocks;
use std::collections::{BTreeMap, BTreeSet};

/// How often a kubelet compares what it knows of its pods with what the API server has (`syncPeriod` of the status manager).
const STATUS_SYNC: SimDuration = SimDuration::from_secs(10);

/// What the kubelets of all nodes remember.
#[derive(Debug, Default)]
pub struct Kubelets {
    images: BTreeMap<NodeId, NodeImages>,
    fetching: BTreeMap<PodId, Fetch>,
    pull_backoffs: BTreeMap<(PodId, Image), PullBackoff>,
    crash_loops: BTreeMap<PodId, CrashLoop>,
    /// When each container that waits will be started again.
    restarts: BTreeMap<PodId, SimTime>,
    /// When the container of each pod ended last.
    exits: BTreeMap<PodId, SimTime>,
    /// Containers that end since they failed a probe.
    killed: BTreeSet<PodId>,
    clocks: SecondaryMap<PodId, Clocks>,
    /// Evicted pods that have not ended yet.
    evicted: BTreeSet<PodId>,
    /// When a look last found too little memory.
    pressure: BTreeMap<NodeId, SimTime>,
    /// Nodes whose kubelet could not send something, or hear it: it tries again.
    missed: BTreeSet<NodeId>,
    /// Nodes whose machine is back and whose kubelet does not run yet: when it will.
    restarting: BTreeMap<NodeId, SimTime>,
}

/// Nodes and machines that come, go and come back.
impl Kubelets {
    /// A machine became a node.
    pub fn add_node(&mut self, node: NodeId, cx: &Context<'_>, api: &mut Api<'_>) {
        self.add_cache(node);
        self.watch_memory(node, cx, api);
    }

    pub fn remove_node(&mut self, node: NodeId) {
        self.images.remove(&node);
        self.pressure.remove(&node);
        self.missed.remove(&node);
        self.restarting.remove(&node);
    }

    /// The machine of a node is up again; its kubelet will be soon.
    pub fn on_machine_back(&mut self, node: NodeId, cx: &mut Context<'_>) {
        let at = cx.now + cx.parameters.kubelet.restart;
        self.restarting.insert(node, at);
        cx.at(at, Event::KubeletRestarted(node));
    }

    /// Whether the machine of a node runs, but its kubelet does not yet: it renews no lease.
    pub fn is_restarting(&self, node: NodeId) -> bool {
        self.restarting.contains_key(&node)
    }

    /// The kubelet runs again, renews its lease and finds none of its containers running: sandboxes and init containers
    /// start anew, too. A machine that went down again meanwhile, or is gone, has none that runs.
    pub fn on_restarted(&mut self, node: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        if self.restarting.get(&node) != Some(&cx.now) {
            return; // the machine came back once more since
        }
        self.restarting.remove(&node);
        if cx.cluster.store.node(node).is_none() || !is_alive(node, cx, api) {
            return;
        }
        let about = cx.bodies.vm_of(node).map_or(About::Nothing, About::Vm);
        api.remark(about, || "Rebooted: the kubelet runs again and finds no container".into());
        cx.cluster.on_heartbeat(node, true, cx.now);
        self.forget_pulls(node, cx.now);
        self.watch_memory(node, cx, api);
        let pods: Vec<PodId> = cx.cluster.store.pods_on(node).map(|(p, _)| p).collect();
        for id in pods {
            let pod = cx.cluster.store.pod(id).expect("indexed pods exist");
            let Some(subject) = cx.bodies.box_of(id) else {
                // It ended before, and was being put away.
                if pod.is_terminating() || self.evicted.contains(&id) {
                    self.put_away(id, cx);
                }
                continue;
            };
            if pod.is_terminating() || self.evicted.contains(&id) {
                api.stop_box(subject, Ending::NOW);
                continue;
            }
            api.declare_known_down(subject);
            let is_new = pod.started.is_none();
            self.forget(id);
            self.find_pod(id, subject, cx, api);
            cx.cluster.store.set_ready(id, false, cx.now);
            // Its startTime outlives the machine's restart.
            if is_new {
                cx.cluster.store.set_started(id, cx.now);
            }
            self.fetch(id, images::Then::Prepare, cx, api);
        }
    }

    /// A node is heard again that was silent, though its kubelet ran all the time; or its kubelet missed something.
    pub fn catch_up(&mut self, node: NodeId, cx: &mut Context<'_>) {
        if self.missed.insert(node) {
            cx.at(cx.now.next_tick(SimTime::ZERO, STATUS_SYNC), Event::StatusSynced(node));
        }
    }

    /// The kubelet does what it was told meanwhile, and says how its pods are.
    pub fn on_status_synced(&mut self, node: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        if !self.missed.remove(&node) || self.restarting.contains_key(&node) || !is_alive(node, cx, api) {
            return; // it finds all of it out when it starts
        }
        if !is_heard(node, cx, api) {
            return self.catch_up(node, cx);
        }
        let pods: Vec<PodId> = cx.cluster.store.pods_on(node).map(|(p, _)| p).collect();
        for id in pods {
            let pod = cx.cluster.store.pod(id).expect("indexed pods exist");
            let (is_active, ends) = (pod.is_active(), pod.is_terminating() || self.evicted.contains(&id));
            if ends && cx.bodies.box_of(id).is_none() {
                self.put_away(id, cx);
                continue;
            }
            self.sync(id, cx, api);
            if is_active && let Some(clocks) = self.clocks.get(id) {
                cx.cluster.store.set_ready(id, clocks.ready, cx.now);
            }
        }
    }

    /// The node of a pod that is to run, if its kubelet is at work.
    fn working_node_of(&self, id: PodId, cx: &Context<'_>, api: &Api<'_>) -> Option<NodeId> {
        let pod = cx.cluster.store.pod(id).filter(|pod| pod.is_active() && !self.evicted.contains(&id))?;
        let node = pod.node.filter(|_| cx.bodies.box_of(id).is_some())?;
        (!self.restarting.contains_key(&node) && is_alive(node, cx, api)).then_some(node)
    }
}

/// What the kubelet sends arrives, and the control plane has found out that it does.
fn is_heard(node: NodeId, cx: &Context<'_>, api: &Api<'_>) -> bool {
    let is_known = |node: &Node| node.ready != NodeCondition::Unknown;
    cx.cluster.store.node(node).is_some_and(is_known)
        && cx.bodies.vm_of(node).is_some_and(|vm| api.is_reached(vm))
}

fn is_alive(node: NodeId, cx: &Context<'_>, api: &Api<'_>) -> bool {
    cx.bodies.vm_of(node).is_some_and(|vm| api.vm_status(vm) == VmStatus::Running)
}

/// What the pod runs.
fn program_of(id: PodId, cx: &Context<'_>) -> (ServiceId, Version) {
    let pod = cx.cluster.store.pod(id).expect("pods that exist run something");
    program(cx.cluster.store.template(pod.template))
}
