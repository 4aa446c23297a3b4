//! The cluster at time zero: sizes, machine type, nodes, and pods as they have been running for a while.
//!
//! Pods at the peak are counted as the autoscaler counts them: by CPU at its target of the requests, with the
//! head-room and the spare of the company's practice. How fast they then are depends on the idle CPU of their nodes;
//! a count that trusted the requests alone would need hundreds of small pods for a service with long requests.
//! Start at [`Plan::of`].

use super::Kubernetes;
use super::bodies::{deployment_of, image_of};
use super::components::cluster_autoscaler::add_node;
use super::components::hpa::Hpa;
use super::components::node_upgrade::age_at_start;
use super::node_pool::{pack, room};
use super::parameters::{KubernetesParameters, Requests};
use crate::catalog::InstanceId;
use crate::cluster::Cluster;
use crate::cluster::objects::{
    Container, Deployment, DisruptionBudget, Labels, Name, Owner, PodSpec, ReplicaSetId, Resources, Size,
    Strategy,
};
use crate::engine::SimTime;
use crate::parameter::{Bytes, Fraction};
use crate::platform::practice::PracticeParameters;
use crate::platform::rollout;
use crate::platform::sizing::{Infeasible, ServiceSize, use_beyond_request};
use crate::world::{Api, ContainerParameters, Role, ServiceId, Version};

/// Sizes of one service.
#[derive(Clone, Copy, Debug)]
pub struct ServicePlan {
    pub service: ServiceId,
    /// What its running containers ask for together [milli-CPU].
    cpu: u32,
    /// What a pod takes of a node: that, or the largest step of its start.
    pub requests: Resources,
    /// Pods at the forecast peak.
    pub peak: u32,
    /// Pods at the start.
    pub now: u32,
    pub hpa: Hpa,
    /// The scenario gives the number of pods.
    pub explicit: bool,
}

/// Sizes of the cluster.
#[derive(Clone, Debug)]
pub struct Plan {
    pub services: Vec<ServicePlan>,
    pub instance: InstanceId,
    /// What is free on an empty node.
    pub room: Resources,
    /// Nodes at the start.
    pub nodes: u32,
    /// The pool's minimum.
    pub minimum: u32,
    /// Nodes that hold all pods of the peak.
    pub at_peak: u32,
}

impl Plan {
    /// # Panics
    /// If a pod fits on no machine type that may be used; scenarios are checked for that.
    pub fn of(p: &KubernetesParameters, practice: &PracticeParameters, api: &Api<'_>) -> Plan {
        let services: Vec<ServicePlan> =
            api.services().map(|service| plan_service(service, p, practice, api)).collect();
        let (instance, room, at_peak) = cheapest(&services, p, practice, api)
            .expect("the scenario was checked for pods that fit on no machine type");
        let now = pack(&pods(&services, |s| s.now), room).expect("they fit at the peak");
        let spare = p.cluster_autoscaler.spare.as_milli().div_ceil(room.cpu.max(1));
        let most = p.node_pool.max_nodes;
        let minimum = if p.cluster_autoscaler.enabled { p.node_pool.min_nodes } else { at_peak }.min(most);
        let nodes = if p.cluster_autoscaler.enabled { now + spare } else { at_peak };
        Plan { services, instance, room, nodes: nodes.clamp(minimum, most.max(minimum)), minimum, at_peak }
    }
}

/// Services of which no pod fits on any machine type that may be used.
pub fn infeasible(p: &KubernetesParameters, practice: &PracticeParameters, api: &Api<'_>) -> Vec<Infeasible> {
    let plans = api.services().map(|service| plan_service(service, p, practice, api));
    let mut found = Vec::new();
    for plan in plans {
        if cheapest(std::slice::from_ref(&plan), p, practice, api).is_some() {
            continue;
        }
        let (cpu, memory) = (plan.requests.cpu, Bytes::from_bytes(plan.requests.memory));
        let names = p.node_pool.node_type.as_ref().map_or(&practice.machines[..], std::slice::from_ref);
        found.push(Infeasible {
            service: api.service(plan.service).name.into(),
            why: format!(
                "a pod asks for {cpu}m CPU and {memory}{}: more than a node of {} has left for pods",
                use_beyond_request(api.service(plan.service).parameters),
                names.join(", ")
            ),
            help: "ask for less in its containers, or allow larger types in `practice.machines`".into(),
        });
    }
    found
}

/// CPU that the planned load uses [milli-CPU].
fn load(service: ServiceId, rate: f64, practice: &PracticeParameters, api: &Api<'_>) -> f64 {
    let work = api.service(service).parameters.cpu_per_request.as_secs_f64();
    rate * (1.0 + practice.headroom.as_f64()) * work * 1_000.0
}

fn plan_service(
    service: ServiceId,
    p: &KubernetesParameters,
    practice: &PracticeParameters,
    api: &Api<'_>,
) -> ServicePlan {
    let info = api.service(service);
    let declared = info.parameters.cpu_request().as_milli();
    let given = p.size.get(info.name);
    let peak_rate = api.forecast_peak(service);
    let target = p.hpa.target.as_f64();
    let by_load = load(service, peak_rate, practice, api) / (f64::from(declared) * target);
    let by_load = (by_load.ceil() as u32 + practice.spare_boxes).max(practice.min_boxes);
    let peak = given.and_then(|g| g.boxes).unwrap_or(by_load);
    let serving = f64::from(peak.saturating_sub(practice.spare_boxes).max(1));
    let tuned = load(service, peak_rate, practice, api) / serving / target;
    let cpu = match p.requests {
        Requests::Declared => declared,
        Requests::Tuned => round_up(tuned),
        Requests::Field => round_up(tuned * p.over_request.as_f64()),
    };
    let min = given.and_then(|g| g.min_boxes).unwrap_or(practice.min_boxes);
    let most = (f64::from(peak) * p.hpa.max_factor.as_f64()).ceil() as u32;
    let max = given.and_then(|g| g.max_boxes).unwrap_or(most).max(min);
    let hpa = Hpa { min, max, target: p.hpa.target.as_percent().round().max(1.0) as u32 };
    let used = api.forecast_now(service) * info.parameters.cpu_per_request.as_secs_f64() * 1_000.0;
    let balanced = (used / (f64::from(cpu) * target)).ceil() as u32;
    let now = if p.hpa.enabled { balanced.clamp(min, max) } else { peak };
    let requests = pod_spec(service, cpu, p, api).requests();
    let explicit = given.is_some_and(|g| g.boxes.is_some());
    ServicePlan { service, cpu, requests, peak, now, hpa, explicit }
}

/// A pod of a service whose running containers ask for `cpu` together [milli-CPU]: each for the share that it declares.
fn pod_spec(service: ServiceId, cpu: u32, p: &KubernetesParameters, api: &Api<'_>) -> PodSpec {
    let parameters = api.service(service).parameters;
    let declared = parameters.cpu_request().as_milli();
    let memory_factor = match p.requests {
        Requests::Declared | Requests::Tuned => 1.0,
        Requests::Field => p.over_request.as_f64(),
    };
    let mut left = cpu;
    let mut container = |part: usize, c: &ContainerParameters, is_last: bool| {
        let share = f64::from(cpu) * f64::from(c.cpu.as_milli()) / f64::from(declared.max(1));
        let own = if is_last { left } else { (share.round() as u32).min(left) };
        left -= if c.role == Role::Init { 0 } else { own };
        Container {
            image: image_of(service, part, 0),
            cpu: Some(if c.role == Role::Init { c.cpu.as_milli() } else { own }),
            memory: Some((c.memory.as_bytes() as f64 * memory_factor).round() as u64),
            is_sidecar: c.role == Role::Sidecar,
        }
    };
    let parts: Vec<(usize, &ContainerParameters)> =
        parameters.container.iter().map(|(_, c)| c).enumerate().collect();
    let last = parts.iter().rfind(|(_, c)| c.role == Role::App).map(|(part, _)| *part);
    let (apps, before): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(_, c)| c.role == Role::App);
    let init_containers = before.into_iter().map(|(part, c)| container(part, c, false)).collect();
    let containers: Vec<Container> =
        apps.into_iter().map(|(part, c)| container(part, c, Some(part) == last)).collect();
    let seconds = p.node_lifecycle.toleration.as_secs_f64().round() as u32;
    let first = *containers.first().expect("the scenario was checked for a part that serves");
    PodSpec { init_containers, containers, ..PodSpec::of_container(labels_of(service), first) }
        .with_default_tolerations(seconds)
}

/// CPU as people write it [milli-CPU].
fn round_up(cpu: f64) -> u32 {
    ((cpu / 10.0).ceil() as u32 * 10).max(10)
}

fn pods(services: &[ServicePlan], count: impl Fn(&ServicePlan) -> u32) -> Vec<Resources> {
    services.iter().flat_map(|s| std::iter::repeat_n(s.requests, count(s) as usize)).collect()
}

/// Whether a node of this type has the memory that one pod uses, whatever it requests.
fn holds_one(instance: InstanceId, service: ServiceId, p: &KubernetesParameters, api: &Api<'_>) -> bool {
    let used = api.service(service).parameters.memory_used().as_bytes();
    let taken = api.cloud().os_memory.as_bytes() + p.agents.memory_use.as_bytes();
    used + taken <= api.catalog().get(instance).memory.as_bytes()
}

/// The machine type that is cheapest, what is free on a node of it, and how many hold the pods of the peak.
///
/// An autoscaled pool is paid at its peak and at its smallest alike; of equally cheap types the smallest machine wins,
/// with which less is lost at once.
fn cheapest(
    services: &[ServicePlan],
    p: &KubernetesParameters,
    practice: &PracticeParameters,
    api: &Api<'_>,
) -> Option<(InstanceId, Resources, u32)> {
    let at_peak = pods(services, |s| s.peak);
    let smallest = pods(services, |s| if p.hpa.enabled { s.hpa.min.min(s.peak) } else { s.peak });
    let names = p.node_pool.node_type.as_ref().map_or(&practice.machines[..], std::slice::from_ref);
    let candidates = names.iter().filter_map(|name| api.catalog().find(name));
    let fleet = |instance: InstanceId| {
        if !services.iter().all(|s| holds_one(instance, s.service, p, api)) {
            return None;
        }
        let room = room(api.catalog(), instance, p)?;
        let at_peak = pack(&at_peak, room)?.max(p.node_pool.min_nodes);
        let smallest = pack(&smallest, room)?.max(p.node_pool.min_nodes);
        let paid = if p.cluster_autoscaler.enabled { at_peak + smallest } else { at_peak };
        let price = api.catalog().get(instance).price.as_micro_usd_per_hour();
        Some((price * u64::from(paid), price, (instance, room, at_peak)))
    };
    candidates.filter_map(fleet).min_by_key(|f| (f.0, f.1)).map(|f| f.2)
}

/// Labels of the pods of a service, and what its Service selects.
fn labels_of(service: ServiceId) -> Labels {
    Labels::default().with(Name::APP, Name::number(u32::from(service.0)))
}

/// The same for one of two Deployments, of which the Service selects one.
pub(super) fn colored(service: ServiceId, color: u32) -> Labels {
    labels_of(service).with(Name::COLOR, Name::number(color))
}

/// Putting the plan into effect, at time zero.
impl Kubernetes {
    pub(super) fn start_service(&mut self, plan: &ServicePlan, api: &mut Api<'_>) {
        let now = api.now();
        let mut template = pod_spec(plan.service, plan.cpu, &self.parameters, api);
        let image = self.components.pipeline.first_image(plan.service, &self.parameters.patching, api);
        let replicas = plan.now;
        let deployment = &self.parameters.deployment;
        let how = self.parameters.rollout.strategy;
        let share = |f: Fraction| Size::Share((f.as_f64() * 1e6).round() as u32);
        let store = &mut self.cluster.store;
        let parts = template.init_containers.iter_mut().chain(&mut template.containers);
        parts.for_each(|part| part.image.tag = image.tag(Version(0)));
        let (mut template, mut selector) = (template, labels_of(plan.service));
        if how == rollout::Strategy::BlueGreen {
            (template.labels, selector) = (colored(plan.service, 0), colored(plan.service, 0));
        }
        let service = store.add_service(selector);
        let template = store.intern_template(template);
        let rolling = Strategy::RollingUpdate {
            max_surge: share(deployment.max_surge),
            max_unavailable: share(deployment.max_unavailable),
        };
        let deployment = Deployment {
            strategy: if how == rollout::Strategy::Recreate { Strategy::Recreate } else { rolling },
            progress_deadline: self.practice.rollout_deadline,
            ..Deployment::of_pods(template, replicas)
        };
        let (id, set) = store.adopt_deployment(deployment, now);
        assert_eq!((id, service.0), (deployment_of(plan.service), id.0), "services start in their order");
        for _ in 0..replicas {
            self.adopt_pod(plan.service, set, api);
        }
        let budget =
            DisruptionBudget::new(&labels_of(plan.service), self.parameters.disruption_budget.keep());
        let budget = self.cluster.store.add_budget(budget);
        self.cluster.count_budget(budget, now);
        self.cluster.list_endpoints(service, now);
        let (mut cx, components, _) = self.parts(api);
        components.kube_proxy.adopt(service, &cx, api);
        components.pipeline.add_service(image);
        components.pipeline.look_at_image(id, &mut cx, api);
        api.set_balancing(plan.service, cx.parameters.network.balancing);
        if cx.parameters.hpa.enabled {
            components.hpa.add(id, plan.hpa, &mut cx, api);
        }
        api.declare_desired(plan.service, replicas);
        api.alert_on_errors(plan.service, self.practice.error_alert());
    }

    /// The second Deployment of a service, empty until there is a release, where the strategy has one.
    pub(super) fn start_second(&mut self, service: ServiceId, now: SimTime) {
        let how = self.parameters.rollout.strategy;
        if !matches!(how, rollout::Strategy::BlueGreen | rollout::Strategy::Canary) {
            return;
        }
        let store = &mut self.cluster.store;
        let first = store.deployment(deployment_of(service)).clone();
        let mut spec = store.template(first.template).spec.clone();
        if how == rollout::Strategy::BlueGreen {
            spec.labels = colored(service, 1);
        }
        let template = store.intern_template(spec);
        let (second, _) = store.adopt_deployment(Deployment { template, replicas: 0, ..first }, now);
        self.components.pipeline.add_second(service, second);
    }

    /// A pod that has been running for a while, where the scheduler would put it.
    fn adopt_pod(&mut self, service: ServiceId, set: ReplicaSetId, api: &mut Api<'_>) {
        let now = api.now();
        let Cluster { store, scheduler, .. } = &mut self.cluster;
        let template = store.replica_set(set).expect("just made").template;
        let pod = store.create_pod(Owner::ReplicaSet(set), template, now);
        let node = match scheduler.choose(pod, store) {
            Some(node) => node,
            None => {
                // The plan packs tighter than the scheduler spreads.
                self.adopt_node(api);
                let Cluster { store, scheduler, .. } = &mut self.cluster;
                scheduler.choose(pod, store).expect("a pod fits on an empty node")
            }
        };
        let store = &mut self.cluster.store;
        store.bind(pod, node);
        store.set_started(pod, now);
        store.set_ready(pod, true, now);
        let vm = self.bodies.vm_of(node).expect("just chosen");
        let tag = store.template(template).spec.containers[0].image.tag;
        let software = self.components.pipeline.images.software(tag);
        self.bodies.add_pod(pod, api.adopt_box_of_image(service, vm, software));
        let (mut cx, components, _) = self.parts(api);
        components.kubelets.adopt_pod(pod, node, &mut cx, api);
    }

    /// A node in the zone with the fewest.
    pub(super) fn adopt_node(&mut self, api: &mut Api<'_>) {
        let (mut cx, components, _) = self.parts(api);
        let autoscaler = components.autoscaler.as_ref().expect("made before the nodes");
        let zone = autoscaler.smallest_zone(&cx.cluster.store);
        let instance = autoscaler.instance();
        let vm = api.adopt_vm(instance, zone, cx.parameters.node_pool.purchase);
        api.set_software(vm, autoscaler.software());
        api.backdate_vm(vm, age_at_start(cx.parameters, api));
        let id = add_node(vm, zone, instance, &mut cx, api);
        components.kubelets.add_node(id, &cx, api);
    }

    /// What one pod can use when all services have their planned load: what it needs, and what is idle on its node.
    fn cores_at_peak(&self, plan: &Plan, planned: &ServicePlan, api: &Api<'_>) -> f64 {
        let node = api.catalog().get(plan.instance).cpu.as_cpus_f64() - api.machine_overhead().as_cpus_f64();
        let used =
            |s: &ServicePlan| load(s.service, api.forecast_peak(s.service), &self.practice, api) / 1_000.0;
        let all: f64 = plan.services.iter().map(used).sum();
        let idle = (node - all / f64::from(plan.at_peak)).max(0.0);
        let limit = api.service(planned.service).parameters.cpu_limit();
        (used(planned) / f64::from(planned.peak) + idle).min(limit.map_or(f64::INFINITY, |l| l.as_cpus_f64()))
    }

    pub(super) fn describe(&mut self, plan: &Plan, api: &Api<'_>) {
        let machine = &api.catalog().get(plan.instance).name;
        let p = &self.parameters;
        self.sizing.lines.push(format!(
            "nodes: {} × {machine} at the start, from {} to {}",
            self.cluster.store.node_count(),
            plan.minimum,
            if p.cluster_autoscaler.enabled { p.node_pool.max_nodes } else { plan.minimum }
        ));
        for s in &plan.services {
            let balancing = p.network.balancing;
            let each = (s.peak, self.cores_at_peak(plan, s, api));
            let size =
                ServiceSize::of(api, &self.practice, s.service, balancing, plan.instance, each, s.explicit);
            let range = if p.hpa.enabled {
                format!("from {} to {} at {} % of requests", s.hpa.min, s.hpa.max, s.hpa.target)
            } else {
                "not autoscaled".into()
            };
            self.sizing.lines.push(format!(
                "{}: {} pods of {}m at the start, {} at the peak, {range}; {}",
                size.service,
                s.now,
                s.cpu,
                s.peak,
                size.purpose()
            ));
            self.sizing.services.push(size);
        }
    }
}
