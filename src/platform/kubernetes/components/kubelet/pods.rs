//! The life of a pod on its node: taken on, prepared, started, found dead, started again.
//!
//! Watches pods bound to a node and exits of containers. Reads templates and what the kubelet remembers of each pod. Writes
//! startTime, phase, readiness and restarts; starts boxes. Follows SyncPod (kuberuntime_manager.go), pod_workers.go and
//! pleg/generic.go of v1.36.2: images, then sandbox and network, then init containers one after another and
//! sidecars in their place, which the next one waits for until they have started (with a startup probe: until that
//! succeeds), then the others. Exits are found by the 1 s relist, but that of a container which failed a probe by the sync
//! that killed it; only the container that ended starts again, so init containers do not. While its back-off lasts the
//! pod's worker sleeps for what is left, 60 s at most, each time up to half as long again (`completeWork`), so that a restart
//! after 10 s comes 2.5 s late on average, and one after 300 s 7 s.
//!
//! *Deviation:* restartPolicy is Always. Nothing else wakes a worker that waits, as an exit of another container would.
//!
//! Start at [`Kubelets::sync`].

use super::backoff::wakes_after;
use super::images::Then;
use super::{Context, CrashLoop, Kubelets, eviction, is_alive, is_heard, program_of};
use crate::cluster::objects::{NodeId, PodId};
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::world::{About, Api, BoxId, StartOrder};

const BACKOFF_JITTER: Purpose = Purpose::named("crash-loop jitter");

impl Kubelets {
    /// A pod on some node is new, or is to end.
    pub fn sync(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(pod) = cx.cluster.store.pod(id) else { return };
        let (Some(node), Some(subject)) = (pod.node, cx.bodies.box_of(id)) else { return };
        if self.restarting.contains_key(&node) || !is_alive(node, cx, api) {
            return; // the machine is down; its kubelet looks at all pods when it is back
        }
        if !is_heard(node, cx, api) {
            return self.catch_up(node, cx);
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
            cx.cluster.store.set_container_started(id, cx.now);
            self.begin_probes(id, subject, cx, api);
        }
        started
    }

    /// A container ended: found by the next relist, or seen at once by the sync that killed it.
    pub fn on_exit(&mut self, subject: BoxId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(id) = cx.bodies.pod_of(subject) else { return };
        if self.killed.remove(&id) && self.working_node_of(id, cx, api).is_some() {
            return self.on_killed(id, subject, cx, api);
        }
        let at = cx.now.next_tick(SimTime::ZERO, cx.parameters.kubelet.relist);
        cx.at(at, Event::ContainerExited(id));
    }

    /// The relist found it: not ready, and restarted after the back-off.
    pub fn on_exit_found(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        if self.working_node_of(id, cx, api).is_none() {
            return;
        }
        let subject = cx.bodies.box_of(id).expect("seen");
        api.declare_known_down(subject);
        cx.cluster.store.set_ready(id, false, cx.now);
        self.exits.insert(id, cx.now);
        let known = self.crash_loops.get(&id).copied();
        let (wait, after) = CrashLoop::on_exit(known, cx.now, &cx.parameters.kubelet);
        self.crash_loops.insert(id, after);
        self.restart_after(wait, id, subject, cx, api);
    }

    /// The sync that killed the container goes on to start it again, if its back-off since the exit before allows.
    fn on_killed(&mut self, id: PodId, subject: BoxId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        cx.cluster.store.set_ready(id, false, cx.now);
        let before = self.exits.insert(id, cx.now);
        let known = self.crash_loops.get(&id).copied();
        let (wait, after) = CrashLoop::on_kill(known, before, cx.now, &cx.parameters.kubelet);
        if let Some(after) = after {
            self.crash_loops.insert(id, after);
        }
        self.restart_after(wait, id, subject, cx, api);
    }

    /// Starts the container again when the pod's worker finds that its back-off has passed.
    fn restart_after(
        &mut self,
        wait: SimDuration,
        id: PodId,
        subject: BoxId,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        if wait.is_zero() {
            return self.restart(id, cx, api);
        }
        let restarts = cx.cluster.store.pod(id).map_or(0, |pod| pod.restarts);
        let (service, _) = program_of(id, cx);
        let (ordinal, life) = api.ordinal_of(subject).unwrap_or_default();
        let key = [u64::from(service.0), u64::from(ordinal), u64::from(life), u64::from(restarts)];
        let jitter = cx.parameters.kubelet.backoff_jitter.as_f64();
        let late = wakes_after(wait, jitter, &mut api.stream(BACKOFF_JITTER, &key));
        let at = cx.now + late;
        if let Some(known) = self.crash_loops.get_mut(&id) {
            known.updated = at;
        }
        self.restarts.insert(id, at);
        cx.at(at, Event::RestartContainer(id));
        let next = restarts + 1;
        api.remark(About::Box(subject), || {
            format!("BackOff: CrashLoopBackOff, {wait} before restart {next}")
        });
    }

    /// The back-off is over, unless the container began anew since, with the machine.
    pub fn on_backoff_over(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        if self.restarts.get(&id) == Some(&cx.now) {
            self.restart(id, cx, api);
        }
    }

    /// The container that ended starts again.
    fn restart(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        self.restarts.remove(&id);
        if !self.fetching.contains_key(&id) {
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
        self.restarts.remove(&id);
        self.exits.remove(&id);
        self.killed.remove(&id);
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
