//! Cluster Autoscaler: nodes for pods that fit nowhere, and none where nobody needs them.
//!
//! Watches unschedulable pods and, for the way down, everything. Reads pods and nodes. Launches and gives back machines,
//! marks nodes and evicts their pods. Follows cluster-autoscaler 1.36.1: a look every 10 s, at once for a newly
//! unschedulable pod; machines on their way count as empty nodes; first-fit packing of what is left; one node group a
//! zone, balanced; a zone that refuses is left alone for 5 min, doubling to 30; nodes with at most half of CPU and memory
//! requested (DaemonSets included) whose pods fit elsewhere and may be evicted for 10 min are removed: empty ones at once, up
//! to 10, others one at a time by eviction ([`Drains`]); one whose budgets hold back too long stays; none for 10 min after
//! adding one, none for 3 min after such a failure; nothing while most of the cluster is unready.
//!
//! *Deviation:* a look that nothing could have changed is not run. Spare capacity is free CPU, not balloon pods. No
//! expander: all groups have one machine type. The pool's minimum is kept by the provider.
//!
//! Start at [`ClusterAutoscaler::run`].

use super::drain::{Drains, End, Tool};
use super::node_health::{give_back, is_cluster_unhealthy, mark, unmark};
use super::{Context, pods};
use crate::catalog::InstanceId;
use crate::cluster::objects::{Labels, Name, Node, NodeId, Phase, PodId, Resources};
use crate::cluster::store::Store;
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::node_pool::{allocatable, daemon_sets, pack};
use crate::world::{About, Api, VmId, VmStatus, ZoneId};
use std::collections::{BTreeMap, BTreeSet};

const JOIN: Purpose = Purpose::named("node join");
/// Empty nodes removed in one look.
const EMPTY_AT_ONCE: usize = 10;
/// No node is removed for so long after one could not be (`scale-down-delay-after-failure`).
const DELAY_AFTER_FAILURE: SimDuration = SimDuration::from_mins(3);
/// A zone that has not refused for so long starts over with the first back-off.
const BACKOFF_RESET: SimDuration = SimDuration::from_hours(3);

/// Machines of one zone.
#[derive(Clone, Copy, Debug)]
struct Group {
    zone: ZoneId,
    blocked_until: SimTime,
    backoff: SimDuration,
    last_failure: SimTime,
}

/// The controller, and the node groups it resizes.
#[derive(Debug)]
pub struct ClusterAutoscaler {
    instance: InstanceId,
    /// What is free on an empty node.
    room: Resources,
    /// The pool never has fewer nodes.
    minimum: u32,
    groups: Vec<Group>,
    /// Machines that are not nodes yet.
    upcoming: BTreeMap<VmId, ZoneId>,
    unneeded: BTreeMap<NodeId, SimTime>,
    /// The node that is being emptied: one at a time.
    draining: Option<NodeId>,
    last_added: Option<SimTime>,
    last_failed: Option<SimTime>,
    next_look: Option<SimTime>,
    joined: u64,
    /// Revision of the store and machines on their way when unneeded nodes were last looked for.
    seen: Option<(u64, usize)>,
}

impl ClusterAutoscaler {
    pub fn new(instance: InstanceId, room: Resources, minimum: u32, zones: &[ZoneId]) -> Self {
        let group = |&zone| Group {
            zone,
            blocked_until: SimTime::ZERO,
            backoff: SimDuration::ZERO,
            last_failure: SimTime::ZERO,
        };
        ClusterAutoscaler {
            instance,
            room,
            minimum,
            groups: zones.iter().map(group).collect(),
            upcoming: BTreeMap::new(),
            unneeded: BTreeMap::new(),
            draining: None,
            last_added: None,
            last_failed: None,
            next_look: None,
            joined: 0,
            seen: None,
        }
    }

    pub fn instance(&self) -> InstanceId {
        self.instance
    }

    /// The zone with the fewest nodes.
    pub fn smallest_zone(&self, store: &Store) -> ZoneId {
        let nodes = |g: &&Group| store.nodes().filter(|(_, n)| zone_of(n) == Some(g.zone)).count();
        self.groups.iter().min_by_key(nodes).expect("a cloud has zones").zone
    }

    /// A pod is newly unschedulable: look at once.
    pub fn look_now(&mut self, cx: &mut Context<'_>) {
        self.look_at(cx.now, cx);
    }

    /// Something changed: look when it is time to.
    pub fn look_soon(&mut self, cx: &mut Context<'_>) {
        let at = cx.now.next_tick(SimTime::ZERO, cx.parameters.cluster_autoscaler.scan);
        self.look_at(at, cx);
    }

    fn look_at(&mut self, at: SimTime, cx: &mut Context<'_>) {
        if self.next_look.is_none_or(|next| at < next) {
            self.next_look = Some(at);
            cx.at(at, Event::Autoscale);
        }
    }

    /// One look at the cluster.
    pub fn run(&mut self, drains: &mut Drains, cx: &mut Context<'_>, api: &mut Api<'_>) {
        if self.next_look != Some(cx.now) {
            return; // an earlier look replaced this one
        }
        self.next_look = None;
        self.keep_minimum(cx, api);
        if !cx.parameters.cluster_autoscaler.enabled || is_cluster_unhealthy(&cx.cluster.store) {
            return;
        }
        let wants_more = self.scale_up(cx, api);
        self.scale_down(wants_more, drains, cx, api);
    }
}

/// Up.
impl ClusterAutoscaler {
    /// The provider keeps the pool at its minimum.
    fn keep_minimum(&mut self, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let present = self.size(&cx.cluster.store);
        self.launch(self.minimum.saturating_sub(present), cx, api);
    }

    fn size(&self, store: &Store) -> u32 {
        (store.nodes().count() + self.upcoming.len()) as u32
    }

    /// Launches machines for pods that fit neither on nodes nor on machines on their way. True if there are such pods.
    fn scale_up(&mut self, cx: &mut Context<'_>, api: &mut Api<'_>) -> bool {
        let requests = |template| cx.cluster.store.template(template).requests;
        let pending: Vec<(PodId, Resources)> =
            cx.cluster.store.unschedulable().map(|(id, pod)| (id, requests(pod.template))).collect();
        let spare = self.missing_spare(cx);
        if pending.is_empty() && spare == 0 {
            return false;
        }
        let mut bins: Vec<Resources> =
            cx.cluster.store.nodes().filter(|(_, n)| n.is_schedulable()).map(|(_, n)| n.free()).collect();
        bins.extend(self.upcoming.keys().map(|_| self.room));
        let mut left = pending;
        left.retain(|&(_, pod)| !place(pod, &mut bins));
        let sizes: Vec<Resources> = left.iter().map(|&(_, pod)| pod).collect();
        let for_pods = pack(&sizes, self.room).unwrap_or(0);
        let for_spare = spare.div_ceil(u64::from(self.room.cpu.max(1))) as u32;
        let (wanted, coming) = (for_pods.max(for_spare), self.upcoming.len());
        if !left.is_empty() && wanted > 0 {
            let about = cx.bodies.box_of(left[0].0).map_or(About::Nothing, About::Box);
            let waiting = left.len();
            api.remark(about, || {
                let coming = if coming > 0 { format!(", {coming} more coming") } else { String::new() };
                format!("TriggeredScaleUp: nodes +{wanted} for {}{coming}", pods(waiting))
            });
        }
        self.launch(wanted, cx, api);
        true
    }

    /// CPU that should be free and is not [milli-CPU].
    fn missing_spare(&self, cx: &Context<'_>) -> u64 {
        let wanted = u64::from(cx.parameters.cluster_autoscaler.spare.as_milli());
        let coming = self.upcoming.len() as u64 * u64::from(self.room.cpu);
        wanted.saturating_sub(free_cpu(&cx.cluster.store) + coming)
    }

    /// Asks for machines, each in the zone with the fewest that does not refuse.
    fn launch(&mut self, count: u32, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let count = count.min(cx.parameters.node_pool.max_nodes.saturating_sub(self.size(&cx.cluster.store)));
        if count == 0 {
            return;
        }
        let mut sizes: BTreeMap<ZoneId, u32> = BTreeMap::new();
        let of_nodes = cx.cluster.store.nodes().filter_map(|(_, n)| zone_of(n));
        for zone in of_nodes.chain(self.upcoming.values().copied()) {
            *sizes.entry(zone).or_insert(0) += 1;
        }
        for _ in 0..count {
            let open = self.groups.iter().filter(|g| g.blocked_until <= cx.now);
            let Some(zone) = open.map(|g| g.zone).min_by_key(|z| sizes.get(z).copied().unwrap_or(0)) else {
                break;
            };
            *sizes.entry(zone).or_insert(0) += 1;
            self.launch_in(zone, cx, api);
            self.last_added = Some(cx.now);
        }
        if let Some(open) = self.groups.iter().map(|g| g.blocked_until).filter(|&t| t > cx.now).min() {
            self.look_at(open, cx);
        }
    }

    /// The node group asks for one machine more in a zone.
    pub fn launch_in(&mut self, zone: ZoneId, cx: &mut Context<'_>, api: &mut Api<'_>) -> VmId {
        let vm = api.launch_vm(self.instance, zone, cx.parameters.node_pool.purchase);
        self.upcoming.insert(vm, zone);
        cx.after(cx.parameters.cluster_autoscaler.provision_timeout, Event::ProvisionTimeout(vm));
        vm
    }

    /// Zones of the node groups.
    pub fn zones(&self) -> impl Iterator<Item = ZoneId> {
        self.groups.iter().map(|group| group.zone)
    }

    /// Machines that are not nodes yet.
    pub fn coming(&self) -> u32 {
        self.upcoming.len() as u32
    }

    /// Whether it added machines since then.
    pub fn grew_since(&self, time: SimTime) -> bool {
        self.last_added.is_some_and(|added| added >= time)
    }

    /// The cloud refused a machine: its zone is left alone for a while.
    pub fn on_launch_failed(&mut self, vm: VmId, cx: &mut Context<'_>) {
        let Some(zone) = self.upcoming.remove(&vm) else { return };
        let p = &cx.parameters.cluster_autoscaler;
        let group = self.groups.iter_mut().find(|g| g.zone == zone).expect("every zone has a group");
        if group.blocked_until <= cx.now {
            let is_fresh = group.backoff.is_zero() || group.last_failure + BACKOFF_RESET < cx.now;
            group.backoff = if is_fresh { p.backoff } else { (group.backoff * 2).min(p.backoff_max) };
            group.blocked_until = cx.now + group.backoff;
        }
        group.last_failure = cx.now;
        self.look_soon(cx);
    }

    /// A machine that is not a node yet has booted.
    pub fn on_booted(&mut self, vm: VmId, cx: &mut Context<'_>, api: &Api<'_>) {
        if self.upcoming.contains_key(&vm) {
            let u = api.stream(JOIN, &[self.joined]).uniform();
            self.joined += 1;
            cx.after(cx.parameters.node_pool.join.sample(u), Event::Join(vm));
        }
    }

    /// A machine becomes a node, if it is still up.
    pub fn join(&mut self, vm: VmId, cx: &mut Context<'_>, api: &mut Api<'_>) -> Option<NodeId> {
        if api.vm_status(vm) != VmStatus::Running {
            return None; // it went down while joining; its next boot begins anew
        }
        let zone = self.upcoming.remove(&vm)?;
        Some(add_node(vm, zone, self.instance, cx, api))
    }

    /// The cloud took a machine back before it was a node.
    pub fn on_reclaimed(&mut self, vm: VmId, cx: &mut Context<'_>) {
        if self.upcoming.remove(&vm).is_some() {
            self.look_soon(cx);
        }
    }

    /// A machine that has not become a node by now is given up.
    pub fn on_provision_timeout(&mut self, vm: VmId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        if self.upcoming.contains_key(&vm) {
            let after = cx.parameters.cluster_autoscaler.provision_timeout;
            api.remark(About::Vm(vm), || format!("no node after {after}: given up"));
            api.terminate_vm(vm);
            self.on_launch_failed(vm, cx);
        }
    }
}

/// A machine joins as a node that is ready; its lease is watched from now on.
pub fn add_node(
    vm: VmId,
    zone: ZoneId,
    instance: InstanceId,
    cx: &mut Context<'_>,
    api: &mut Api<'_>,
) -> NodeId {
    let name = Name::number(cx.cluster.store.node_set() as u32);
    let labels = Labels::default().with(Name::ZONE, zone_name(zone));
    let allocatable = allocatable(api.catalog().get(instance), cx.parameters.node_pool.provider);
    let node = Node { requested: daemon_sets(cx.parameters), ..Node::new(name, labels, allocatable) };
    let id = cx.cluster.store.add_node(node);
    cx.bodies.add_node(id, vm);
    cx.watch_lease(vm, api);
    id
}

/// Value of the zone label.
fn zone_name(zone: ZoneId) -> Name {
    Name::number(u32::from(zone.0))
}

/// The zone of a node.
pub fn zone_of(node: &Node) -> Option<ZoneId> {
    node.zone().map(|name| ZoneId((name.bits() & 0xff) as u8))
}

/// Sum of what is free on nodes that take pods [milli-CPU].
fn free_cpu(store: &Store) -> u64 {
    store.nodes().filter(|(_, n)| n.is_schedulable()).map(|(_, n)| u64::from(n.free().cpu)).sum()
}

/// First fit.
fn place(pod: Resources, bins: &mut [Resources]) -> bool {
    let fits = |free: &&mut Resources| Resources::default().leaves_room(pod, **free);
    match bins.iter_mut().find(fits) {
        Some(bin) => {
            bin.remove(pod);
            true
        }
        None => false,
    }
}

/// Down.
impl ClusterAutoscaler {
    fn scale_down(&mut self, wants_more: bool, drains: &mut Drains, cx: &mut Context<'_>, api: &mut Api<'_>) {
        self.find_unneeded(cx);
        let p = &cx.parameters.cluster_autoscaler;
        if wants_more || self.unneeded.is_empty() {
            return;
        }
        let added = self.last_added.map(|added| added + p.delay_after_add);
        let failed = self.last_failed.map(|failed| failed + DELAY_AFTER_FAILURE);
        let cool = added.into_iter().chain(failed).fold(SimTime::ZERO, SimTime::max);
        let due = |&since: &SimTime| (since + p.unneeded_after).max(cool);
        let first = self.unneeded.values().map(due).min().expect("there are unneeded nodes");
        if first > cx.now {
            let at = first.tick_at_or_after(SimTime::ZERO, p.scan);
            return self.look_at(at, cx);
        }
        let ripe: Vec<NodeId> =
            self.unneeded.iter().filter(|(_, since)| due(since) <= cx.now).map(|(&n, _)| n).collect();
        self.remove_nodes(&ripe, drains, cx, api);
        if !self.unneeded.is_empty() {
            self.look_soon(cx);
        }
    }

    /// Keeps the time since when each node has been unneeded.
    fn find_unneeded(&mut self, cx: &mut Context<'_>) {
        let state = (cx.cluster.store.revision(), self.upcoming.len());
        if self.seen.replace(state) == Some(state) {
            return;
        }
        let threshold = cx.parameters.cluster_autoscaler.utilization.as_f64();
        let candidates: Vec<NodeId> = cx
            .cluster
            .store
            .nodes()
            .filter(|(_, n)| n.is_schedulable() && utilization(n) <= threshold)
            .map(|(id, _)| id)
            .collect();
        if candidates.is_empty() {
            return self.unneeded.clear();
        }
        let mut free_of: BTreeMap<NodeId, Resources> = cx
            .cluster
            .store
            .nodes()
            .filter(|(_, n)| n.is_schedulable())
            .map(|(id, n)| (id, n.free()))
            .collect();
        let mut may_go = self.size(&cx.cluster.store).saturating_sub(self.minimum);
        let wanted_spare = u64::from(cx.parameters.cluster_autoscaler.spare.as_milli());
        let mut free_cpu = free_cpu(&cx.cluster.store);
        let mut unneeded = BTreeMap::new();
        let mut received: BTreeSet<NodeId> = BTreeSet::new();
        for id in candidates {
            if may_go == 0 || received.contains(&id) {
                continue;
            }
            let room = u64::from(self.room.cpu);
            if wanted_spare > 0 && free_cpu < wanted_spare + room {
                break;
            }
            if let Some(places) = new_places(id, &cx.cluster.store, &free_of)
                && may_be_evicted(id, &cx.cluster.store)
            {
                free_of.remove(&id);
                for (pod, node) in places {
                    free_of.get_mut(&node).expect("a place exists").remove(pod);
                    received.insert(node);
                }
                free_cpu = free_cpu.saturating_sub(room);
                may_go -= 1;
                unneeded.insert(id, self.unneeded.get(&id).copied().unwrap_or(cx.now));
            }
        }
        self.unneeded = unneeded;
    }

    fn remove_nodes(
        &mut self,
        ripe: &[NodeId],
        drains: &mut Drains,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        let mut removed = 0;
        for &id in ripe {
            let Some(node) = cx.cluster.store.node(id) else { continue };
            let (left, requested) = (cx.cluster.store.pods_on(id).count(), utilization(node) * 100.0);
            let about = cx.bodies.vm_of(id).map_or(About::Nothing, About::Vm);
            let after = cx.parameters.cluster_autoscaler.unneeded_after;
            if left == 0 && removed < EMPTY_AT_ONCE {
                removed += 1;
                self.unneeded.remove(&id);
                api.remark(about, || format!("ScaleDownEmpty: unneeded for {after}"));
                give_back(id, cx, api);
            } else if left > 0 && self.draining.is_none() {
                let begin = cx.now + cx.parameters.cluster_autoscaler.taint_delay;
                if drains.begin(id, Tool::ClusterAutoscaler, begin, cx) {
                    self.unneeded.remove(&id);
                    mark(id, cx);
                    self.draining = Some(id);
                    api.remark(about, || {
                        format!(
                            "ScaleDown: unneeded for {after}, {requested:.0}% requested; {} to evict",
                            pods(left)
                        )
                    });
                }
            }
        }
    }

    /// The drain of a node that is not needed is over: it is given back, or stays.
    pub fn on_drained(&mut self, id: NodeId, end: End, cx: &mut Context<'_>, api: &mut Api<'_>) {
        self.draining = None;
        let Some(node) = cx.cluster.store.node(id) else { return };
        let about = cx.bodies.vm_of(id).map_or(About::Nothing, About::Vm);
        match end {
            End::Empty if node.is_ready() => {
                api.remark(about, || "empty: the machine is not needed any more".into());
                give_back(id, cx, api);
            }
            // Lost on the way: repaired like any other.
            End::Empty => unmark(id, cx, api),
            End::GaveUp(left) => {
                api.remark(about, || format!("ScaleDownFailed: {} left, the node stays", pods(left)));
                self.last_failed = Some(cx.now);
                unmark(id, cx, api);
            }
        }
        self.look_soon(cx);
    }

    /// The node is gone.
    pub fn forget(&mut self, id: NodeId) {
        self.draining.take_if(|draining| *draining == id);
    }
}

/// No budget of its pods is used up (`NotEnoughPdb`).
fn may_be_evicted(id: NodeId, store: &Store) -> bool {
    let protected = store.pods_on(id).filter(|(_, p)| p.is_active() && p.phase == Phase::Running);
    protected.flat_map(|(_, p)| store.budgets_of(&store.spec_of(p).labels)).all(|budget| {
        let status = &store.budget(budget).status;
        status.allowed > 0
    })
}

/// The larger requested share of CPU and memory, DaemonSets included.
fn utilization(node: &Node) -> f64 {
    let cpu = f64::from(node.requested.cpu) / f64::from(node.allocatable.cpu.max(1));
    let memory = node.requested.memory as f64 / node.allocatable.memory.max(1) as f64;
    cpu.max(memory)
}

/// Where the pods of a node would go; `None` if not all can. Pods that are terminating need no place.
fn new_places(
    id: NodeId,
    store: &Store,
    free_of: &BTreeMap<NodeId, Resources>,
) -> Option<Vec<(Resources, NodeId)>> {
    let mut taken: BTreeMap<NodeId, Resources> = BTreeMap::new();
    let mut places = Vec::new();
    for (_, pod) in store.pods_on(id).filter(|(_, p)| p.is_active()) {
        let requests = store.template(pod.template).requests;
        let fits = |(node, free): (&NodeId, &Resources)| {
            let used = taken.get(node).copied().unwrap_or_default();
            (*node != id && used.leaves_room(requests, *free)).then_some(*node)
        };
        let node = free_of.iter().find_map(fits)?;
        taken.entry(node).or_default().add(requests);
        places.push((requests, node));
    }
    Some(places)
}
