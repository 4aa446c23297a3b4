//! Kubelets: bring the pods bound to their node to life, keep them alive, and end them.
//!
//! Watches pods that are bound to a node. Reads them. Writes their phase and readiness; pulls, starts and stops in the
//! world, whose agent reports are the container runtime's. Follows pkg/kubelet of v1.36.2: image pulls with a cache per
//! node, serial or parallel; a container is ready as soon as it serves; exits are found by the 1 s relist; the first
//! exit is followed by a restart at once, then after 10 s, doubling to 300 s, starting over after 10 min of running;
//! the preStop sleep of a pod that ends runs while its endpoint is removed.
//!
//! *Deviation:* parallel pulls do not slow each other down; images share no layers; one container stands for the
//! pod's; all kubelets share a relist clock; a pod leaves its box serving until the preStop sleep ends, and what it
//! still has to answer then is lost.
//!
//! Start at [`Kubelets::sync`].

use super::Context;
use crate::cluster::objects::{NodeId, PodId};
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::platform::kubernetes::bodies::program;
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::parameters::KubeletParameters;
use crate::world::{Api, BoxId, ServiceId, Version, VmStatus};
use std::collections::{BTreeMap, BTreeSet};

const BACKOFF_JITTER: Purpose = Purpose::named("crash-loop jitter");
/// Image garbage collection begins at this share of the disk.
const IMAGE_DISK_SHARE: f64 = 0.85;

/// What the kubelets of all nodes remember.
#[derive(Debug, Default)]
pub struct Kubelets {
    nodes: BTreeMap<NodeId, Images>,
    crash_loops: BTreeMap<PodId, CrashLoop>,
    /// Nodes whose machine is back and whose kubelet does not run yet.
    restarting: BTreeSet<NodeId>,
}

/// Images on one node, least recently used first.
#[derive(Debug, Default)]
struct Images {
    /// Image, size, and when it is or was complete.
    cached: Vec<(Image, u64, SimTime)>,
    /// When the last serial pull ends.
    pulls_end: SimTime,
}

type Image = (ServiceId, Version);

impl Images {
    /// When the image will be there; pulls it if it is not on its way.
    fn ready_at(
        &mut self,
        image: Image,
        bytes: u64,
        disk: u64,
        p: &KubeletParameters,
        now: SimTime,
    ) -> SimTime {
        if let Some(i) = self.cached.iter().position(|c| c.0 == image) {
            let entry = self.cached.remove(i);
            self.cached.push(entry);
            return entry.2.max(now);
        }
        let begin = if p.serial_pulls { self.pulls_end.max(now) } else { now };
        let seconds = bytes as f64 / p.pull_throughput.as_bytes() as f64;
        let end = begin + SimDuration::from_secs_f64(seconds);
        self.pulls_end = end;
        self.cached.push((image, bytes, end));
        let limit = (disk as f64 * IMAGE_DISK_SHARE) as u64;
        while self.cached.len() > 1 && self.cached.iter().map(|c| c.1).sum::<u64>() > limit {
            self.cached.remove(0);
        }
        end
    }
}

/// Restarts of one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashLoop {
    /// The wait after the next exit.
    backoff: SimDuration,
    /// When it was last started again.
    updated: SimTime,
}

impl CrashLoop {
    /// The container ended at `now`; gives back how long to wait and what to remember.
    pub fn on_exit(
        known: Option<CrashLoop>,
        now: SimTime,
        p: &KubeletParameters,
    ) -> (SimDuration, CrashLoop) {
        match known {
            Some(old) if now.saturating_since(old.updated) <= p.backoff_reset => {
                let next = (old.backoff * 2).min(p.backoff_max);
                (old.backoff, CrashLoop { backoff: next, updated: now + old.backoff })
            }
            _ => (SimDuration::ZERO, CrashLoop { backoff: p.backoff.min(p.backoff_max), updated: now }),
        }
    }
}

/// Pods come and go.
impl Kubelets {
    /// A pod on some node is new, or is to end.
    pub fn sync(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(pod) = cx.cluster.store.pod(id) else { return };
        let (Some(node), Some(subject)) = (pod.node, cx.bodies.box_of(id)) else { return };
        if self.restarting.contains(&node) || !is_alive(node, cx, api) {
            return; // the machine is down; its kubelet looks at all pods when it is back
        }
        if pod.is_terminating() {
            let kubelet = &cx.parameters.kubelet;
            self.crash_loops.remove(&id);
            api.stop_box(subject, kubelet.pre_stop.min(kubelet.termination_grace));
        } else if pod.started.is_none() {
            cx.cluster.store.set_started(id, cx.now);
            self.pull(id, node, subject, cx, api);
        }
    }

    /// A machine became a node; `image` is there from the start, if any.
    pub fn add_node(&mut self, node: NodeId) {
        self.nodes.insert(node, Images::default());
    }

    /// An image that is on the node since before the simulation began.
    pub fn adopt_image(&mut self, node: NodeId, service: ServiceId, bytes: u64) {
        let images = self.nodes.entry(node).or_default();
        let image = (service, Version(0));
        if images.cached.iter().all(|c| c.0 != image) {
            images.cached.push((image, bytes, SimTime::ZERO));
        }
    }

    pub fn remove_node(&mut self, node: NodeId) {
        self.nodes.remove(&node);
        self.restarting.remove(&node);
    }

    fn pull(&mut self, id: PodId, node: NodeId, subject: BoxId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let pod = cx.cluster.store.pod(id).expect("checked by the caller");
        let (service, version) = program(cx.cluster.store.template(pod.template));
        let bytes = api.service(service).parameters.images().as_bytes();
        let disk = api.cloud().root_disk.as_bytes();
        let images = self.nodes.entry(node).or_default();
        let ready = images.ready_at((service, version), bytes, disk, &cx.parameters.kubelet, cx.now);
        api.prepare_box(subject, ready.since(cx.now) + cx.parameters.kubelet.container_start);
    }

    /// Image, sandbox and network are there.
    pub fn on_prepared(&mut self, subject: BoxId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(id) = cx.bodies.pod_of(subject) else { return };
        let pod = cx.cluster.store.pod(id).expect("boxes stand for pods that exist");
        let (_, version) = program(cx.cluster.store.template(pod.template));
        cx.cluster.store.set_running(id, false);
        api.start_box(subject, version);
    }

    /// The container serves: readiness is probed at once.
    pub fn on_serving(&mut self, subject: BoxId, cx: &mut Context<'_>) {
        if let Some(id) = cx.bodies.pod_of(subject) {
            cx.cluster.store.set_ready(id, true, cx.now);
        }
    }

    /// The container runtime has ended a pod that was to end.
    pub fn on_stopped(&mut self, subject: BoxId, cx: &mut Context<'_>) {
        let Some(id) = cx.bodies.pod_of(subject) else { return };
        cx.bodies.remove_pod(id);
        cx.cluster.store.remove_pod(id);
    }
}

/// Containers that end unasked.
impl Kubelets {
    /// Found by the next relist.
    pub fn on_exit(&mut self, subject: BoxId, cx: &mut Context<'_>) {
        let Some(id) = cx.bodies.pod_of(subject) else { return };
        let at = cx.now.next_tick(SimTime::ZERO, cx.parameters.kubelet.relist);
        cx.at(at, Event::ContainerExited(id));
    }

    /// The relist found it: not ready, and restarted after the back-off.
    pub fn on_exit_found(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(pod) = cx.cluster.store.pod(id).filter(|p| !p.is_terminating()) else { return };
        let Some(subject) = cx.bodies.box_of(id) else { return };
        let restarts = pod.restarts;
        let (service, _) = program(cx.cluster.store.template(pod.template));
        api.declare_known_down(subject);
        cx.cluster.store.set_ready(id, false, cx.now);
        let known = self.crash_loops.get(&id).copied();
        let (wait, after) = CrashLoop::on_exit(known, cx.now, &cx.parameters.kubelet);
        let (ordinal, life) = api.ordinal_of(subject).unwrap_or_default();
        let key = [u64::from(service.0), u64::from(ordinal), u64::from(life), u64::from(restarts)];
        let late = api.stream(BACKOFF_JITTER, &key).uniform() * cx.parameters.kubelet.backoff_jitter.as_f64();
        let wait = wait.mul_f64(1.0 + late);
        self.crash_loops.insert(id, CrashLoop { updated: cx.now + wait, ..after });
        if wait.is_zero() {
            self.restart(id, cx, api);
        } else {
            cx.after(wait, Event::RestartContainer(id));
        }
    }

    /// The back-off is over.
    pub fn restart(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(pod) = cx.cluster.store.pod(id).filter(|p| !p.is_terminating() && !p.ready) else { return };
        let Some(subject) = cx.bodies.box_of(id) else { return };
        let (_, version) = program(cx.cluster.store.template(pod.template));
        if api.start_box(subject, version) {
            cx.cluster.store.set_running(id, true);
        }
    }

    /// The pod object is gone.
    pub fn forget(&mut self, id: PodId) {
        self.crash_loops.remove(&id);
    }
}

/// Machines that go and come back.
impl Kubelets {
    /// The machine of a node is up again; its kubelet will be soon.
    pub fn on_machine_back(&mut self, node: NodeId, cx: &mut Context<'_>) {
        self.restarting.insert(node);
        cx.after(cx.parameters.kubelet.restart, Event::KubeletRestarted(node));
    }

    /// Whether the machine of a node runs, but its kubelet does not yet: it renews no lease.
    pub fn is_restarting(&self, node: NodeId) -> bool {
        self.restarting.contains(&node)
    }

    /// The kubelet runs again and finds none of its containers running.
    pub fn on_restarted(&mut self, node: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        self.restarting.remove(&node);
        if cx.cluster.store.node(node).is_none() || !is_alive(node, cx, api) {
            return;
        }
        let pods: Vec<PodId> = cx.cluster.store.pods_on(node).map(|(p, _)| p).collect();
        for id in pods {
            let pod = cx.cluster.store.pod(id).expect("indexed pods exist");
            let Some(subject) = cx.bodies.box_of(id) else { continue };
            if pod.is_terminating() {
                api.stop_box(subject, SimDuration::ZERO);
                continue;
            }
            api.declare_known_down(subject);
            self.crash_loops.remove(&id);
            cx.cluster.store.set_ready(id, false, cx.now);
            cx.cluster.store.set_started(id, cx.now);
            self.pull(id, node, subject, cx, api);
        }
    }
}

fn is_alive(node: NodeId, cx: &Context<'_>, api: &Api<'_>) -> bool {
    cx.bodies.vm_of(node).is_some_and(|vm| api.vm_status(vm) == VmStatus::Running)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_exits_at_once_is_restarted_at_0_10_30_70_150_310_610_seconds() {
        let p = KubeletParameters::default();
        let (mut now, mut known, mut times) = (SimTime::ZERO, None, Vec::new());
        for _ in 0..8 {
            let (wait, next) = CrashLoop::on_exit(known, now, &p);
            now += wait;
            known = Some(next);
            times.push(now.as_micros() / 1_000_000);
        }
        assert_eq!(times, [0, 10, 30, 70, 150, 310, 610, 910]);
    }

    #[test]
    fn ten_minutes_of_running_are_forgiven() {
        let p = KubeletParameters::default();
        let (_, known) = CrashLoop::on_exit(None, SimTime::ZERO, &p);
        let later = SimTime::ZERO + SimDuration::from_secs(601);
        assert_eq!(CrashLoop::on_exit(Some(known), later, &p).0, SimDuration::ZERO);
    }

    #[test]
    fn serial_pulls_wait_for_each_other_and_a_second_pod_needs_none() {
        let mb = 1_000_000;
        let at = |s| SimTime::ZERO + SimDuration::from_secs(s);
        let image = |s| (ServiceId(s), Version(1));
        let check = |serial_pulls, expected: [u64; 3]| {
            let p = KubeletParameters { serial_pulls, ..Default::default() };
            let mut images = Images::default();
            // 500 MB at 50 MB/s: 10 s each; the third asks for the first image.
            let mut ready = |s| images.ready_at(image(s), 500 * mb, 100_000 * mb, &p, at(0));
            assert_eq!([ready(0), ready(1), ready(0)], expected.map(at));
        };
        check(true, [10, 20, 10]);
        check(false, [10, 10, 10]);
    }

    #[test]
    fn the_image_used_longest_ago_leaves_a_full_disk() {
        let p = KubeletParameters::default();
        let mut images = Images::default();
        // A disk of 20 GB holds images of 17 GB: two of 8 GB.
        for service in [0, 1, 0, 2] {
            images.ready_at((ServiceId(service), Version(0)), 8 << 30, 20 << 30, &p, SimTime::ZERO);
        }
        let left: Vec<u16> = images.cached.iter().map(|c| c.0.0.0).collect();
        assert_eq!(left, [0, 2]);
    }
}
