//! Kubernetes on machines of the world: the control plane of v1.36, and what stands between it and the world.
//!
//! The control plane itself is [`crate::cluster`], which knows no world. Here are kubelets,
//! kube-proxies, node and pod autoscalers ([`components`]). [`wiring`] says who watches what; this file says which signal
//! of the world and which event is whose. [`start`] sets the cluster up, [`release`] is the team's pipeline.
//!
//! A pod is a box of the world: created with the pod object, placed when bound, removed with it. What the cluster
//! believes may be wrong for a while, as it is in reality.
//!
//! *Deviation:* one Deployment (two where canaries or second sets are brought out), Service, HorizontalPodAutoscaler
//! and PodDisruptionBudget per service of the scenario; a managed control plane that never fails. StatefulSets,
//! DaemonSets, Jobs and CronJobs are in the control plane, and no scenario makes any yet.
//!
//! Start at [`Kubernetes`].

mod behavior;
mod bodies;
mod budget;
mod components;
#[cfg(test)]
mod drain_tests;
mod event;
mod narrator;
mod node_pool;
#[cfg(test)]
mod node_tests;
mod parameters;
mod patching;
mod release;
mod rollout;
mod start;
#[cfg(test)]
mod tests;
mod wiring;

pub use parameters::KubernetesParameters;
pub use start::infeasible;

use super::{Platform, PracticeParameters, Sizing};
use crate::cluster::Cluster;
use crate::cluster::objects::Resources;
use crate::world::{About, Api, PlatformEvent, Signal, ZoneId};
use bodies::{Bodies, world_service};
use components::cluster_autoscaler::ClusterAutoscaler;
use components::drain::{Drains, Tool};
use components::hpa::HpaController;
use components::kube_proxy::KubeProxy;
use components::kubelet::Kubelets;
use components::node_group::NodeGroup;
use components::node_upgrade::{NodeUpgrade, Tools};
use components::{Agenda, Context, node_health, termination_handler};
use event::Event;
use narrator::Narrator;
use release::Pipeline;
use start::Plan;
use wiring::Queues;

/// A cluster, and the team that uses it.
pub struct Kubernetes {
    parameters: KubernetesParameters,
    practice: PracticeParameters,
    cluster: Cluster,
    bodies: Bodies,
    agenda: Agenda,
    queues: Queues,
    components: Components,
    narrator: Narrator,
    sizing: Sizing,
    /// What was last said of requests and what is allocatable.
    told: Option<(Resources, Resources)>,
}

struct Components {
    kubelets: Kubelets,
    kube_proxy: KubeProxy,
    repair: node_health::NodeRepair,
    node_group: NodeGroup,
    hpa: HpaController,
    /// Known once the pool is.
    autoscaler: Option<ClusterAutoscaler>,
    drains: Drains,
    upgrade: NodeUpgrade,
    pipeline: Pipeline,
}

impl Kubernetes {
    pub fn new(parameters: KubernetesParameters, practice: PracticeParameters) -> Kubernetes {
        let components = Components {
            kubelets: Kubelets::default(),
            kube_proxy: KubeProxy::default(),
            repair: node_health::NodeRepair::default(),
            node_group: NodeGroup::default(),
            hpa: HpaController::default(),
            autoscaler: None,
            drains: Drains::default(),
            upgrade: NodeUpgrade::new(practice.diagnose.clone()),
            pipeline: Pipeline::new(practice.clone()),
        };
        Kubernetes {
            cluster: Cluster::new(parameters.settings()),
            parameters,
            practice,
            bodies: Bodies::default(),
            agenda: Agenda::default(),
            queues: Queues::default(),
            components,
            narrator: Narrator::default(),
            sizing: Sizing::default(),
            told: None,
        }
    }

    /// The parts that a handler needs, borrowed apart.
    fn parts(&mut self, api: &Api<'_>) -> (Context<'_>, &mut Components, &mut Queues) {
        let Kubernetes { parameters, cluster, bodies, agenda, components, queues, .. } = self;
        (Context { now: api.now(), cluster, bodies, parameters, agenda }, components, queues)
    }
}

impl Platform for Kubernetes {
    fn start(&mut self, api: &mut Api<'_>) {
        api.set_agents(self.parameters.agents.cpu_use, self.parameters.agents.memory_use);
        let plan = Plan::of(&self.parameters, &self.practice, api);
        let zones: Vec<ZoneId> = api.zones().collect();
        let node_image = self.components.upgrade.start(&self.parameters, api);
        let autoscaler = ClusterAutoscaler::new(plan.instance, plan.room, plan.minimum, &zones, node_image);
        self.components.autoscaler = Some(autoscaler);
        for _ in 0..plan.nodes {
            self.adopt_node(api);
        }
        for service in &plan.services {
            self.start_service(service, api);
        }
        for service in &plan.services {
            self.start_second(service.service, api.now());
        }
        api.set_mismatch(self.practice.environment_mismatch.as_f64() * self.parameters.mismatch.as_f64());
        self.describe(&plan, api);
        // What is there at the start is no news to anybody.
        self.cluster.forget_changes(api.now());
        self.narrator.learn(&self.cluster);
        let (mut cx, components, _) = self.parts(api);
        components.autoscaler.as_mut().expect("made above").look_soon(&mut cx);
        components.upgrade.arm(&mut cx, api);
        self.settle(api);
        self.parameters.rent(api);
        api.set_upkeep(self.parameters.upkeep(plan.services.len()));
    }

    fn on_signal(&mut self, signal: Signal, api: &mut Api<'_>) {
        let (mut cx, components, _) = self.parts(api);
        let cx = &mut cx;
        let autoscaler = components.autoscaler.as_mut().expect("set up at the start");
        match signal {
            Signal::LaunchFailed { vm } => {
                autoscaler.on_launch_failed(vm, cx);
                components.upgrade.on_machine_settled(vm, cx);
            }
            Signal::VmUp { vm } => match cx.bodies.node_of(vm) {
                Some(node) => components.kubelets.on_machine_back(node, cx),
                None => autoscaler.on_booted(vm, cx, api),
            },
            Signal::SpotNotice { vm } => termination_handler::on_notice(vm, &mut components.drains, cx, api),
            Signal::SpotReclaimed { vm } => {
                cx.bodies.node_of(vm).into_iter().for_each(|node| components.drains.end_handler(node));
                if !components.repair.on_reclaimed(vm, cx, api) {
                    autoscaler.on_reclaimed(vm, cx);
                    components.upgrade.on_machine_settled(vm, cx);
                }
            }
            Signal::BoxPrepared { subject } => components.kubelets.on_prepared(subject, cx, api),
            Signal::Probe { subject, probe, good } => {
                components.kubelets.on_probe(subject, probe, good, cx, api);
            }
            Signal::MemoryLow { vm } => components.kubelets.on_memory_low(vm, cx, api),
            Signal::ProcessExited { subject } => components.kubelets.on_exit(subject, cx, api),
            Signal::BoxStopped { subject } => components.kubelets.on_stopped(subject, cx),
            Signal::Heartbeat { vm, alive } => {
                components.node_group.on_heartbeat(vm, alive, cx);
                // A machine that is back renews its lease when its kubelet runs again, not before.
                if let Some(node) = cx.bodies.node_of(vm)
                    && !(alive && components.kubelets.is_restarting(node))
                {
                    cx.cluster.on_heartbeat(node, alive, cx.now);
                    if alive {
                        components.kubelets.catch_up(node, cx);
                    }
                }
            }
            Signal::ErrorAlert { service, firing } => {
                components.pipeline.on_error_alert(service, firing, cx, api);
            }
            Signal::WorkBegan { work } => components.pipeline.on_work_began(work, cx, api),
            Signal::WorkDone { work } => {
                let mut tools = Tools { autoscaler, drains: &mut components.drains };
                if !components.upgrade.on_work_done(work, &mut tools, cx, api) {
                    components.pipeline.on_work_done(work, &mut components.hpa, cx, api);
                }
            }
            Signal::Configuration { service, number } => {
                components.pipeline.on_configuration(service, number, cx, api);
            }
            Signal::Complaint { .. } => {}
            Signal::Advisory { .. } => components.pipeline.on_advisory(cx, api),
            Signal::Release { service, version } => components.pipeline.on_release(service, version, cx, api),
            // Whether a container serves its kubelet learns by probes alone; the API server is its registry.
            Signal::Health { .. } | Signal::BoxUp { .. } | Signal::Directory { .. } => {}
        }
        self.settle(api);
    }

    fn on_event(&mut self, event: PlatformEvent, api: &mut Api<'_>) {
        let event = Event::decode(event);
        match event {
            Event::Cluster(event) => {
                self.cluster.handle(event, api.now());
                return self.settle(api);
            }
            Event::Wake => {
                self.wake(api);
                return self.settle(api);
            }
            _ => {}
        }
        let (mut cx, components, _) = self.parts(api);
        let cx = &mut cx;
        let autoscaler = components.autoscaler.as_mut().expect("set up at the start");
        match event {
            Event::Cluster(_) | Event::Wake => unreachable!("handled above"),
            Event::ContainerExited(pod) => components.kubelets.on_exit_found(pod, cx, api),
            Event::RestartContainer(pod) => components.kubelets.on_backoff_over(pod, cx, api),
            Event::PullAgain(pod) => components.kubelets.on_pull_again(pod, cx, api),
            Event::PullUnanswered(pod) => components.kubelets.on_unanswered(pod, cx, api),
            Event::PullsComeOn(node) => components.kubelets.on_pulls(node, cx, api),
            Event::PodTornDown(pod) => components.kubelets.on_torn_down(pod, cx, api),
            Event::KillContainer(pod) => components.kubelets.kill(pod, cx, api),
            Event::Evict(pod) => components.kubelets.evict(pod, cx, api),
            Event::PressureOver(node) => components.kubelets.on_pressure_over(node, cx),
            Event::KubeletRestarted(node) => components.kubelets.on_restarted(node, cx, api),
            Event::StatusSynced(node) => components.kubelets.on_status_synced(node, cx, api),
            Event::MachineFailed(vm) => components.node_group.replace(vm, autoscaler, cx, api),
            Event::RulesUpdate(id) => components.kube_proxy.begin(id, cx),
            Event::RulesProgrammed(id) => components.kube_proxy.program(id, api),
            Event::MachineGone(node) => node_health::on_machine_gone(node, cx),
            Event::MachineReclaimed(node) => components.repair.on_reclaimed_found(node, cx),
            Event::RepairNode(node) => {
                components.repair.repair(node, (&*autoscaler, &mut components.drains), cx, api);
            }
            Event::SyncHpa(id) => components.hpa.sync(id, cx, api),
            Event::Autoscale => autoscaler.run(&mut components.drains, cx, api),
            Event::Drain(node) => {
                if let Some((tool, end)) = components.drains.step(node, cx, api) {
                    match tool {
                        Tool::ClusterAutoscaler => autoscaler.on_drained(node, end, cx, api),
                        Tool::NodeRepair => components.repair.on_drained(node, end, cx, api),
                        // What is left goes with the machine.
                        Tool::TerminationHandler => {}
                        Tool::NodeUpgrade { force } => {
                            let mut tools = Tools { autoscaler, drains: &mut components.drains };
                            components.upgrade.on_drained((node, end, force), &mut tools, cx, api);
                        }
                    }
                }
            }
            Event::UpgradeDue => components.upgrade.on_due(cx, api),
            Event::UpgradeStep => {
                let mut tools = Tools { autoscaler, drains: &mut components.drains };
                components.upgrade.step(&mut tools, cx, api);
            }
            Event::UpgradeTerminate(node) => {
                let mut tools = Tools { autoscaler, drains: &mut components.drains };
                components.upgrade.terminate(node, &mut tools, cx, api);
            }
            Event::Join(vm) => {
                if let Some(node) = autoscaler.join(vm, cx, api) {
                    components.kubelets.add_node(node, cx, api);
                    components.upgrade.on_machine_settled(vm, cx);
                }
            }
            Event::ProvisionTimeout(vm) => {
                autoscaler.on_provision_timeout(vm, cx, api);
                components.upgrade.on_machine_settled(vm, cx);
            }
            Event::VersionBuilt(id, version) => components.pipeline.on_built(id, version, cx, api),
            Event::ImageDue(id) => components.pipeline.on_image_due(id, cx, api),
            Event::ImageRenewed(id) => components.pipeline.on_image_renewed(id, cx, api),
            Event::RolloutStep(id, version) => {
                components.pipeline.on_step(id, version, &mut components.hpa, cx, api);
            }
        }
        self.settle(api);
    }

    fn describe_event(&self, event: PlatformEvent) -> Option<(About, String)> {
        let event = Event::decode(event);
        let words = event.describe()?;
        let about = match event {
            Event::ContainerExited(pod)
            | Event::RestartContainer(pod)
            | Event::PullAgain(pod)
            | Event::KillContainer(pod)
            | Event::Evict(pod) => About::Box(self.bodies.box_of(pod)?), // nothing comes of it where the pod is gone
            Event::VersionBuilt(d, _) => About::Service(world_service(d)),
            _ => About::Nothing,
        };
        Some((about, words))
    }

    fn sizing(&self) -> Sizing {
        self.sizing.clone()
    }
}
