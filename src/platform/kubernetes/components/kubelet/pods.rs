//! The life of a pod on its node: taken on, prepared, started, found dead, started again.
//!
//! Watches pods bound to a node and exits of containers. Writes startTime, phase, readiness and restarts. Follows SyncPod
//! and pleg/generic.go of v1.36.2: images, then sandbox and network, then init containers one after another and
//! sidecars in their place, which the next one waits for until they have started (with a startup probe: until that
//! succeeds), then the others. Exits are found by the 1 s relist; only the container that ended starts again, so
//! init containers do not. A restart comes late by up to half its back-off, since the pod worker wakes up at random then.
//!
//! Start at [`Kubelets::sync`].

use super::images::Then;
use super::{Context, CrashLoop, Kubelets, eviction, is_alive, program_of};
use crate::cluster::objects::{NodeId, PodId};
use crate::engine::{Purpose, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::world::{Api, BoxId, StartOrder};

const BACKOFF_JITTER: Purpose = Purpose::named("crash-loop jitter");

impl Kubelets {
    /// A pod on some node is new, or is to end.
    pub fn sync(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(pod) = cx.cluster.store.pod(id) else { return };
        let (Some(node), Some(subject)) = (pod.node, cx.bodies.box_of(id)) else { return };
        if self.restarting.contains(&node) || !is_alive(node, cx, api) {
            return; // the machine is down; its kubelet looks at all pods when it is back
        }
        if pod.is_terminating() {
            self.end_pod(id, subject, cx, api);
        } else if pod.started.is_none() {
            cx.cluster.store.set_started(id, cx.now);
            self.add_clocks(id, cx.now);
            set_kill_points(id, node, subject, cx, api);
            self.fetch(id, Then::Prepare, cx, api);
        }
    }

    /// A pod that has been running since before the simulation began.
    pub fn adopt_pod(&mut self, id: PodId, node: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let subject = cx.bodies.box_of(id).expect("just made");
        set_kill_points(id, node, subject, cx, api);
        self.adopt_images(id, node, cx, api);
        self.adopt_probes(id, subject, cx, api);
    }

    /// Images, sandbox and network are there.
    pub fn on_prepared(&mut self, subject: BoxId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(id) = cx.bodies.pod_of(subject) else { return };
        cx.cluster.store.set_running(id, false);
        let gated = cx.parameters.probes.startup.enabled;
        self.start(id, subject, StartOrder::InOrder { gated }, cx, api);
    }

    /// Starts the containers. False if the machine does not answer.
    pub(super) fn start(
        &mut self,
        id: PodId,
        subject: BoxId,
        order: StartOrder,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) -> bool {
        let started = api.start_parts(subject, program_of(id, cx).1, order);
        if started {
            self.begin_probes(id, subject, cx, api);
        }
        started
    }

    /// A container ended: found by the next relist.
    pub fn on_exit(&mut self, subject: BoxId, cx: &mut Context<'_>) {
        let Some(id) = cx.bodies.pod_of(subject) else { return };
        let at = cx.now.next_tick(SimTime::ZERO, cx.parameters.kubelet.relist);
        cx.at(at, Event::ContainerExited(id));
    }

    /// The relist found it: not ready, and restarted after the back-off.
    pub fn on_exit_found(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        if self.working_node_of(id, cx, api).is_none() {
            return;
        }
        let subject = cx.bodies.box_of(id).expect("seen");
        let restarts = cx.cluster.store.pod(id).expect("seen").restarts;
        let (service, _) = program_of(id, cx);
        api.declare_known_down(subject);
        cx.cluster.store.set_ready(id, false, cx.now);
        let known = self.crash_loops.get(&id).copied();
        let (wait, mut after) = CrashLoop::on_exit(known, cx.now, &cx.parameters.kubelet);
        let (ordinal, life) = api.ordinal_of(subject).unwrap_or_default();
        let key = [u64::from(service.0), u64::from(ordinal), u64::from(life), u64::from(restarts)];
        let late = api.stream(BACKOFF_JITTER, &key).uniform() * cx.parameters.kubelet.backoff_jitter.as_f64();
        let wait = wait.mul_f64(1.0 + late);
        after.updated = cx.now + wait;
        self.crash_loops.insert(id, after);
        if wait.is_zero() {
            self.restart(id, cx, api);
        } else {
            cx.after(wait, Event::RestartContainer(id));
        }
    }

    /// The back-off is over.
    pub fn restart(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        // The kubelet may have started it anew since, with the machine.
        let is_down = cx.cluster.store.pod(id).is_some_and(|pod| !pod.ready);
        if is_down && self.crash_loops.contains_key(&id) && !self.fetching.contains_key(&id) {
            self.fetch(id, Then::Restart, cx, api);
        }
    }

    /// The pod object is gone.
    pub fn pod_gone(&mut self, id: PodId) {
        self.forget(id);
        self.evicted.remove(&id);
    }

    /// The pod object is gone, or its containers end for good.
    pub(super) fn forget(&mut self, id: PodId) {
        self.crash_loops.remove(&id);
        self.clocks.remove(id);
        self.forget_fetch(id);
    }
}

/// Whom the kernel kills first.
fn set_kill_points(id: PodId, node: NodeId, subject: BoxId, cx: &Context<'_>, api: &mut Api<'_>) {
    let store = &cx.cluster.store;
    let (Some(pod), Some(node)) = (store.pod(id), store.node(node)) else { return };
    let guaranteed = api.service(program_of(id, cx).0).parameters.asks_for_its_limits();
    let spec = &store.template(pod.template).spec;
    api.set_kill_points(subject, eviction::kill_points(spec, guaranteed, node.capacity.memory));
}
