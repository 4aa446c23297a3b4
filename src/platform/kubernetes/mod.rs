//! Kubernetes: a set of small controllers over one object store, as upstream (v1.36).
//!
//! [`store`] holds objects ([`objects`]); every write is a change that wakes the work queues of those who watch such
//! objects, after the watch latency. [`controllers`] are woken with keys, read the store and write what they own; none
//! calls another. [`wiring`] says who watches what; this file says which signal of the world and which event is whose.
//! [`start`] sets the cluster up, [`release`] is the team's pipeline.
//!
//! A pod is a box of the world: created with the pod object, placed when bound, removed with it. What the cluster
//! believes may be wrong for a while, as it is in reality.
//!
//! *Deviation:* one Deployment, Service and HorizontalPodAutoscaler per service of the scenario; a managed control
//! plane that never fails; no disruption budgets, StatefulSets, Jobs, probes of their own, memory pressure.
//!
//! Start at [`Kubernetes`].

mod controllers;
mod event;
mod node_pool;
mod objects;
mod parameters;
mod queue;
mod release;
mod start;
mod store;
#[cfg(test)]
mod tests;
mod wiring;

pub use parameters::KubernetesParameters;
pub use start::infeasible;

use super::{Platform, PracticeParameters, Sizing};
use crate::world::observation::Rented;
use crate::world::{About, Api, PlatformEvent, Signal, ZoneId};
use controllers::cluster_autoscaler::ClusterAutoscaler;
use controllers::deployment::DeploymentController;
use controllers::hpa::HpaController;
use controllers::kube_proxy::KubeProxy;
use controllers::kubelet::Kubelets;
use controllers::node_lifecycle::NodeLifecycle;
use controllers::pod_gc::PodGc;
use controllers::replica_set::ReplicaSetController;
use controllers::scheduler::{Scheduler, Wake};
use controllers::{Agenda, Context, node_health, taint_eviction, termination_handler};
use event::Event;
use objects::Resources;
use release::Pipeline;
use start::Plan;
use store::Store;
use wiring::Queues;

/// A cluster, and the team that uses it.
pub struct Kubernetes {
    parameters: KubernetesParameters,
    practice: PracticeParameters,
    store: Store,
    agenda: Agenda,
    queues: Queues,
    controllers: Controllers,
    sizing: Sizing,
    /// What was last said of requests and what is allocatable.
    told: Option<(Resources, Resources)>,
}

struct Controllers {
    deployment: DeploymentController,
    replica_set: ReplicaSetController,
    scheduler: Scheduler,
    kubelets: Kubelets,
    kube_proxy: KubeProxy,
    node_lifecycle: NodeLifecycle,
    pod_gc: PodGc,
    hpa: HpaController,
    /// Known once the pool is.
    autoscaler: Option<ClusterAutoscaler>,
    pipeline: Pipeline,
}

impl Kubernetes {
    pub fn new(parameters: KubernetesParameters, practice: PracticeParameters) -> Kubernetes {
        let controllers = Controllers {
            deployment: DeploymentController::new(practice.rollout_deadline),
            replica_set: ReplicaSetController::new(&parameters.control_plane),
            scheduler: Scheduler::new(&parameters.control_plane),
            kubelets: Kubelets::default(),
            kube_proxy: KubeProxy::default(),
            node_lifecycle: NodeLifecycle::default(),
            pod_gc: PodGc::default(),
            hpa: HpaController::default(),
            autoscaler: None,
            pipeline: Pipeline::new(practice.clone()),
        };
        Kubernetes {
            parameters,
            practice,
            store: Store::default(),
            agenda: Agenda::default(),
            queues: Queues::default(),
            controllers,
            sizing: Sizing::default(),
            told: None,
        }
    }

    /// The parts that a handler needs, borrowed apart.
    fn parts(&mut self, api: &Api<'_>) -> (Context<'_>, &mut Controllers, &mut Queues) {
        let Kubernetes { parameters, store, agenda, controllers, queues, .. } = self;
        (Context { now: api.now(), store, parameters, agenda }, controllers, queues)
    }
}

impl Platform for Kubernetes {
    fn start(&mut self, api: &mut Api<'_>) {
        api.set_agents(self.parameters.agents.cpu_use, self.parameters.agents.memory_use);
        let plan = Plan::of(&self.parameters, &self.practice, api);
        let zones: Vec<ZoneId> = api.zones().collect();
        let autoscaler = ClusterAutoscaler::new(plan.instance, plan.room, plan.minimum, &zones);
        self.controllers.autoscaler = Some(autoscaler);
        for _ in 0..plan.nodes {
            self.adopt_node(api);
        }
        for service in &plan.services {
            self.start_service(service, api);
        }
        self.describe(&plan, api);
        // What is there at the start is no news to anybody.
        self.store.forget_changes();
        let (mut cx, controllers, _) = self.parts(api);
        controllers.autoscaler.as_mut().expect("made above").look_soon(&mut cx);
        self.settle(api);
        api.rent(Rented::ManagedControlPlane, 1);
        api.rent(Rented::LoadBalancer, 1);
        let services = plan.services.len() as f64;
        api.set_upkeep(self.parameters.upkeep_cluster + self.parameters.upkeep_service * services);
    }

    fn on_signal(&mut self, signal: Signal, api: &mut Api<'_>) {
        let (mut cx, controllers, _) = self.parts(api);
        let cx = &mut cx;
        let autoscaler = controllers.autoscaler.as_mut().expect("set up at the start");
        match signal {
            Signal::LaunchFailed { vm } => autoscaler.on_launch_failed(vm, cx),
            Signal::VmUp { vm } => match cx.store.node_of(vm) {
                Some(node) => controllers.kubelets.on_machine_back(node, cx),
                None => autoscaler.on_booted(vm, cx, api),
            },
            Signal::SpotNotice { vm } => termination_handler::on_notice(vm, cx),
            Signal::SpotReclaimed { vm } => {
                if !termination_handler::on_reclaimed(vm, cx, api) {
                    autoscaler.on_reclaimed(vm, cx);
                }
            }
            Signal::BoxPrepared { subject } => controllers.kubelets.on_prepared(subject, cx, api),
            Signal::BoxUp { subject } => controllers.kubelets.on_serving(subject, cx),
            Signal::ProcessExited { subject } => controllers.kubelets.on_exit(subject, cx),
            Signal::BoxStopped { subject } => controllers.kubelets.on_stopped(subject, cx),
            Signal::Heartbeat { vm, alive } => {
                // A machine that is back renews its lease when its kubelet runs again, not before.
                let node = cx.store.node_of(vm).filter(|&node| controllers.kubelets.is_restarting(node));
                if !alive || node.is_none() {
                    controllers.node_lifecycle.on_heartbeat(vm, alive, cx);
                }
            }
            Signal::ErrorAlert { service, firing } => {
                controllers.pipeline.on_error_alert(service, firing, api);
            }
            Signal::WorkDone { work } => controllers.pipeline.on_work_done(work, cx, api),
            Signal::Release { service, version } => {
                controllers.pipeline.on_release(service, version, cx, api)
            }
            // Readiness is probed by kubelets, not from outside.
            Signal::Health { .. } => {}
        }
        self.settle(api);
    }

    fn on_event(&mut self, event: PlatformEvent, api: &mut Api<'_>) {
        let event = Event::decode(event);
        if let Event::Wake(controller) = event {
            self.wake(controller, api);
            return self.settle(api);
        }
        let (mut cx, controllers, queues) = self.parts(api);
        let cx = &mut cx;
        let autoscaler = controllers.autoscaler.as_mut().expect("set up at the start");
        match event {
            Event::Wake(_) => unreachable!("handled above"),
            Event::CheckProgress(id) => queues.deployment.add(id, cx.now),
            Event::FlushUnschedulable => {
                controllers.scheduler.flush(cx);
                queues.scheduler.add(Wake::Continue, cx.now);
            }
            Event::ContainerExited(pod) => controllers.kubelets.on_exit_found(pod, cx, api),
            Event::RestartContainer(pod) => controllers.kubelets.restart(pod, cx, api),
            Event::KubeletRestarted(node) => {
                controllers.kubelets.on_restarted(node, cx, api);
                if let Some(vm) = cx.store.node(node).map(|n| n.vm) {
                    controllers.node_lifecycle.on_heartbeat(vm, true, cx);
                }
            }
            Event::RulesProgrammed(id) => controllers.kube_proxy.program(id, cx, api),
            Event::MonitorNodes => controllers.node_lifecycle.monitor(cx),
            Event::TaintNext { zone } => controllers.node_lifecycle.on_token(ZoneId(zone as u8), cx),
            Event::EvictPods(node) => taint_eviction::evict(node, cx),
            Event::CollectOrphans => controllers.pod_gc.collect(cx),
            Event::MachineGone(node) => node_health::on_machine_gone(node, cx),
            Event::MachineReclaimed(node) => termination_handler::remove(node, cx, api),
            Event::RepairNode(node) => node_health::repair(node, cx, api),
            Event::SyncHpa(id) => controllers.hpa.sync(id, cx, api),
            Event::Autoscale => autoscaler.run(cx, api),
            Event::Join(vm) => {
                if let Some(node) = autoscaler.join(vm, cx, api) {
                    controllers.kubelets.add_node(node);
                    NodeLifecycle::watch(vm, cx, api);
                }
            }
            Event::ProvisionTimeout(vm) => autoscaler.on_provision_timeout(vm, cx, api),
            Event::VersionBuilt(id, version) => controllers.pipeline.on_built(id, version, cx, api),
        }
        self.settle(api);
    }

    fn describe_event(&self, event: PlatformEvent) -> Option<(About, String)> {
        let event = Event::decode(event);
        let about = match event {
            Event::ContainerExited(pod) | Event::RestartContainer(pod) => {
                self.store.pod(pod).and_then(|p| p.subject).map(About::Box)
            }
            Event::KubeletRestarted(node) | Event::EvictPods(node) | Event::RepairNode(node) => {
                self.store.node(node).map(|n| About::Vm(n.vm))
            }
            Event::Join(vm) | Event::ProvisionTimeout(vm) => Some(About::Vm(vm)),
            Event::CheckProgress(d) | Event::RulesProgrammed(d) | Event::VersionBuilt(d, _) => {
                Some(About::Service(d.service()))
            }
            Event::FlushUnschedulable | Event::TaintNext { .. } => None,
            Event::MachineGone(_) | Event::MachineReclaimed(_) => None,
            // Looks of control loops: what they change is in the trace anyway.
            Event::Wake(_)
            | Event::MonitorNodes
            | Event::CollectOrphans
            | Event::SyncHpa(_)
            | Event::Autoscale => {
                return None;
            }
        };
        Some((about.unwrap_or(About::Nothing), event.describe()))
    }

    fn sizing(&self) -> Sizing {
        self.sizing.clone()
    }
}
