//! Who watches what: writes to the store become keys in work queues, and keys become calls of controllers.
//!
//! This is the list to which a new controller is added. It decides nothing. Start at `Kubernetes::dispatch`.

use super::Kubernetes;
use super::controllers::scheduler::Wake;
use super::controllers::{endpoints, taint_eviction};
use super::event::{Controller, Event};
use super::objects::{DeploymentId, NodeId, PodId, ReplicaSetId};
use super::queue::WorkQueue;
use super::store::{Change, Store};
use crate::engine::{SimDuration, SimTime};
use crate::world::Api;

/// What waits for each controller.
#[derive(Default)]
pub(super) struct Queues {
    pub deployment: WorkQueue<DeploymentId>,
    pub replica_set: WorkQueue<ReplicaSetId>,
    pub scheduler: WorkQueue<Wake>,
    pub kubelet: WorkQueue<PodId>,
    pub endpoints: WorkQueue<DeploymentId>,
    pub kube_proxy: WorkQueue<DeploymentId>,
    pub taint_eviction: WorkQueue<NodeId>,
    pub pipeline: WorkQueue<DeploymentId>,
}

/// Changes become wake-ups.
impl Kubernetes {
    /// Hands changes on, and schedules what was asked for. Called after every handler.
    pub(super) fn settle(&mut self, api: &mut Api<'_>) {
        while let Some(change) = self.store.take_change() {
            self.follow_in_world(change, api);
            self.dispatch(change, api);
        }
        let promised = self.store.promised();
        if self.told != Some(promised) {
            self.told = Some(promised);
            api.declare_promised(promised.0.amount(), promised.1.amount());
        }
        for (time, event) in self.agenda.take() {
            api.at(time, event.encode());
        }
        self.queues.arm(api);
    }

    /// A pod is a box of the world.
    fn follow_in_world(&mut self, change: Change, api: &mut Api<'_>) {
        match change {
            Change::PodCreated(id) => {
                let Some(pod) = self.store.pod(id) else { return };
                let subject = api.create_box(pod.deployment.service(), pod.template.version);
                self.store.attach_box(id, Some(subject));
            }
            Change::PodBound(id) => {
                let Some(pod) = self.store.pod(id) else { return };
                let vm = pod.node.and_then(|n| self.store.node(n)).map(|n| n.vm);
                if let (Some(subject), Some(vm)) = (pod.subject, vm) {
                    api.place_box(subject, vm);
                }
            }
            Change::PodRemoved(pod) => {
                if let Some(subject) = pod.subject {
                    api.stop_box(subject, SimDuration::ZERO);
                }
            }
            Change::DeploymentScaled(id) => {
                api.declare_desired(id.service(), self.store.deployment(id).replicas);
            }
            _ => {}
        }
    }

    /// Who watches what.
    fn dispatch(&mut self, change: Change, api: &Api<'_>) {
        let visible = api.now() + self.parameters.control_plane.watch_latency;
        let (mut cx, controllers, queues) = self.parts(api);
        let autoscaler = controllers.autoscaler.as_mut().expect("set up at the start");
        match change {
            Change::Deployment(id) | Change::DeploymentScaled(id) => {
                queues.deployment.add(id, visible);
                queues.pipeline.add(id, visible);
            }
            Change::ReplicaSet(id) => {
                queues.replica_set.add(id, visible);
                if let Some(set) = cx.store.replica_set(id) {
                    queues.deployment.add(set.deployment, visible);
                }
            }
            Change::PodCreated(id) => {
                controllers.hpa.notice(id, &mut cx);
                queues.scheduler.add(Wake::Pod(id), visible);
                queues.add_owner(id, cx.store, visible);
            }
            Change::PodBound(id) => {
                queues.kubelet.add(id, visible);
                autoscaler.look_soon(&mut cx);
            }
            Change::PodStatus(id) => {
                controllers.hpa.notice(id, &mut cx);
                queues.add_owner(id, cx.store, visible);
                queues.add_endpoints(id, cx.store, visible);
            }
            Change::PodUnschedulable(_) => autoscaler.look_now(&mut cx),
            Change::PodTerminating(id) => {
                queues.add_owner(id, cx.store, visible);
                queues.add_endpoints(id, cx.store, visible);
                queues.kubelet.add(id, visible);
            }
            Change::PodRemoved(pod) => {
                controllers.kubelets.forget(pod.id);
                controllers.kube_proxy.notice(pod.deployment, pod.id);
                queues.replica_set.add(pod.owner, visible);
                queues.endpoints.add(pod.deployment, visible);
                if pod.was_bound {
                    queues.scheduler.add(Wake::Room, visible);
                }
                autoscaler.look_soon(&mut cx);
            }
            Change::NodeAdded(id) | Change::NodeChanged(id) => {
                queues.scheduler.add(Wake::Node(id), visible);
                queues.taint_eviction.add(id, visible);
                controllers.node_lifecycle.on_nodes_changed(&mut cx);
                autoscaler.look_soon(&mut cx);
            }
            Change::NodeRemoved(id) => {
                controllers.kubelets.remove_node(id);
                controllers.pod_gc.on_node_removed(id, &mut cx);
                controllers.node_lifecycle.on_nodes_changed(&mut cx);
                autoscaler.look_soon(&mut cx);
            }
            Change::Endpoint(id, pod) => {
                controllers.kube_proxy.notice(id, pod);
                queues.kube_proxy.add(id, visible);
            }
        }
    }

    /// A controller works off what it can see.
    pub(super) fn wake(&mut self, controller: Controller, api: &mut Api<'_>) {
        let (mut cx, controllers, queues) = self.parts(api);
        let now = cx.now;
        match controller {
            Controller::Deployment => {
                while let Some(id) = queues.deployment.take(now) {
                    controllers.deployment.sync(id, &mut cx);
                }
            }
            Controller::ReplicaSet => {
                while let Some(id) = queues.replica_set.take(now) {
                    if let Some(later) = controllers.replica_set.sync(id, &mut cx) {
                        queues.replica_set.add(id, later);
                    }
                }
            }
            Controller::Scheduler => {
                while let Some(wake) = queues.scheduler.take(now) {
                    controllers.scheduler.notice(wake, &cx);
                }
                if let Some(later) = controllers.scheduler.schedule(&mut cx) {
                    queues.scheduler.add(Wake::Continue, later);
                }
            }
            Controller::Kubelet => {
                while let Some(id) = queues.kubelet.take(now) {
                    controllers.kubelets.sync(id, &mut cx, api);
                }
            }
            Controller::Endpoints => {
                while let Some(id) = queues.endpoints.take(now) {
                    endpoints::sync(id, &mut cx);
                }
            }
            Controller::KubeProxy => {
                while let Some(id) = queues.kube_proxy.take(now) {
                    controllers.kube_proxy.sync(id, &mut cx);
                }
            }
            Controller::TaintEviction => {
                while let Some(id) = queues.taint_eviction.take(now) {
                    taint_eviction::sync(id, &mut cx);
                }
            }
            Controller::Pipeline => {
                while let Some(id) = queues.pipeline.take(now) {
                    controllers.pipeline.sync(id, &mut cx, api);
                }
            }
        }
    }
}

impl Queues {
    fn add_owner(&mut self, pod: PodId, store: &Store, visible: SimTime) {
        if let Some(pod) = store.pod(pod) {
            self.replica_set.add(pod.owner, visible);
        }
    }

    fn add_endpoints(&mut self, pod: PodId, store: &Store, visible: SimTime) {
        if let Some(pod) = store.pod(pod) {
            self.endpoints.add(pod.deployment, visible);
        }
    }

    /// Arranges for each controller to be woken when it has something to see.
    fn arm(&mut self, api: &mut Api<'_>) {
        let due = [
            (Controller::Deployment, self.deployment.arm()),
            (Controller::ReplicaSet, self.replica_set.arm()),
            (Controller::Scheduler, self.scheduler.arm()),
            (Controller::Kubelet, self.kubelet.arm()),
            (Controller::Endpoints, self.endpoints.arm()),
            (Controller::KubeProxy, self.kube_proxy.arm()),
            (Controller::TaintEviction, self.taint_eviction.arm()),
            (Controller::Pipeline, self.pipeline.arm()),
        ];
        for (controller, at) in due {
            if let Some(at) = at {
                api.at(at, Event::Wake(controller).encode());
            }
        }
    }
}
