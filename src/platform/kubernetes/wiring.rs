//! Who watches what, on this side of the control plane: writes to the store become keys in the work queues of kubelets,
//! kube-proxies and the pipeline, and keys become calls.
//!
//! This is the list to which a new component is added; controllers of the cluster have theirs in
//! [`crate::cluster::Cluster`]. It decides nothing. Start at `Kubernetes::dispatch`.

use super::Kubernetes;
use super::bodies::{program, service_behind};
use super::event::Event;
use super::release::Pipeline;
use crate::cluster::objects::{DeploymentId, PodId, ServiceId};
use crate::cluster::queue::{Alarm, WorkQueue};
use crate::cluster::store::Change;
use crate::parameter::{Bytes, MilliCpu};
use crate::world::observation::Amount;
use crate::world::{Api, Ending};

/// What waits for each component.
#[derive(Default)]
pub(super) struct Queues {
    kubelet: WorkQueue<PodId>,
    kube_proxy: WorkQueue<ServiceId>,
    pipeline: WorkQueue<DeploymentId>,
    alarm: Alarm,
}

/// Changes become wake-ups.
impl Kubernetes {
    /// Hands changes on, and schedules what was asked for. Called after every handler.
    pub(super) fn settle(&mut self, api: &mut Api<'_>) {
        let now = api.now();
        while let Some(change) = self.cluster.take_change(now) {
            self.narrator.tell(change, &self.cluster, &self.bodies, api);
            self.follow_in_world(change, api);
            self.dispatch(change, api);
        }
        let promised = self.cluster.store.promised();
        if self.told != Some(promised) {
            self.told = Some(promised);
            let amount = |r: crate::cluster::objects::Resources| Amount {
                cpu: MilliCpu::from_milli(r.cpu),
                memory: Bytes::from_bytes(r.memory),
            };
            api.declare_promised(amount(promised.0), amount(promised.1));
        }
        for (time, event) in self.cluster.take_events() {
            api.at(time, Event::Cluster(event).encode());
        }
        for (time, event) in self.agenda.take() {
            api.at(time, event.encode());
        }
        self.queues.arm(api);
    }

    /// A pod is a box of the world.
    fn follow_in_world(&mut self, change: Change, api: &mut Api<'_>) {
        let store = &self.cluster.store;
        match change {
            Change::PodCreated(id) => {
                let Some(pod) = store.pod(id) else { return };
                let template = store.template(pod.template);
                let (service, version) = program(template);
                let tag = template.spec.containers[0].image.tag;
                let subject = api.create_box(service, version);
                api.set_image(subject, self.components.pipeline.images.software(tag));
                self.bodies.add_pod(id, subject);
            }
            Change::PodBound(id) => {
                let vm = store.pod(id).and_then(|pod| pod.node).and_then(|n| self.bodies.vm_of(n));
                if let (Some(subject), Some(vm)) = (self.bodies.box_of(id), vm) {
                    api.place_box(subject, vm);
                }
            }
            Change::PodRemoved(pod) => {
                if let Some(subject) = self.bodies.remove_pod(pod.id) {
                    api.stop_box(subject, Ending::NOW);
                }
            }
            Change::DeploymentScaled(id) => {
                let service = service_behind(id, store);
                if self.components.pipeline.live(service) == id {
                    api.declare_desired(service, store.deployment(id).replicas);
                }
            }
            _ => {}
        }
    }

    /// Who watches what.
    fn dispatch(&mut self, change: Change, api: &mut Api<'_>) {
        let visible = api.now() + self.parameters.control_plane.watch_latency;
        let (mut cx, components, queues) = self.parts(api);
        let cx = &mut cx;
        let autoscaler = components.autoscaler.as_mut().expect("set up at the start");
        match change {
            Change::Deployment(id) | Change::DeploymentScaled(id) => queues.pipeline.add(id, visible),
            Change::ReplicaSet(_)
            | Change::StatefulSet(_)
            | Change::DaemonSet(_)
            | Change::Slice(..)
            | Change::Service(_)
            | Change::Job(_)
            | Change::JobStatus(_)
            | Change::JobRemoved(_)
            | Change::CronJob(_) => {}
            Change::Budget(_) => autoscaler.look_soon(cx),
            Change::PodCreated(id) => components.hpa.notice(id, cx),
            Change::PodStatus(id) => {
                components.hpa.notice(id, cx);
                // One that ended need not go any more.
                let ended = cx.cluster.store.pod(id).filter(|pod| pod.is_terminal());
                if let Some(node) = ended.and_then(|pod| pod.node) {
                    components.drains.on_pod_gone(node, cx);
                    autoscaler.look_soon(cx);
                }
            }
            Change::PodBound(id) => {
                queues.kubelet.add(id, visible);
                autoscaler.look_soon(cx);
            }
            Change::PodUnschedulable(_) => autoscaler.look_now(cx),
            Change::PodTerminating(id) => queues.kubelet.add(id, visible),
            Change::PodRemoved(pod) => {
                components.kubelets.pod_gone(pod.id);
                for &service in &cx.cluster.store.template(pod.template).services {
                    components.kube_proxy.notice(service, pod.id);
                }
                // A bad version is gone when the last pod of its Deployment is.
                let deployment = cx.cluster.store.deployment_of(pod.owner);
                if let Some(id) = deployment.filter(|_| Pipeline::has_second(cx)) {
                    queues.pipeline.add(id, visible);
                }
                if let Some(node) = pod.node {
                    components.drains.on_pod_gone(node, cx);
                }
                autoscaler.look_soon(cx);
            }
            Change::NodeAdded(id) | Change::NodeChanged(id) => {
                components.repair.notice(id, cx, api);
                autoscaler.look_soon(cx);
            }
            Change::NodeRemoved(id) => {
                components.kubelets.remove_node(id);
                components.repair.forget(id, cx, api);
                components.drains.forget(id);
                components.upgrade.on_node_gone(id, cx);
                autoscaler.forget(id);
                cx.bodies.remove_node(id);
                autoscaler.look_soon(cx);
            }
            Change::Endpoint(service, pod) => {
                components.kube_proxy.notice(service, pod);
                queues.kube_proxy.add(service, visible);
            }
        }
    }

    /// Components work off what they can see.
    pub(super) fn wake(&mut self, api: &mut Api<'_>) {
        let (mut cx, components, queues) = self.parts(api);
        let now = cx.now;
        queues.alarm.rings(now);
        while let Some(id) = queues.kubelet.take(now) {
            components.kubelets.sync(id, &mut cx, api);
        }
        while let Some(id) = queues.kube_proxy.take(now) {
            components.kube_proxy.sync(id, &mut cx);
        }
        while let Some(id) = queues.pipeline.take(now) {
            components.pipeline.sync(id, &mut cx, api);
        }
    }
}

impl Queues {
    /// Arranges for components to be woken when one has something to see.
    fn arm(&mut self, api: &mut Api<'_>) {
        let next = self.kubelet.next().min(self.kube_proxy.next()).min(self.pipeline.next());
        if let Some(at) = self.alarm.set(next) {
            api.at(at, Event::Wake.encode());
        }
    }
}
