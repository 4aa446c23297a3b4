//! Cluster Autoscaler: nodes for pods that fit nowhere, and none where nobody needs them.
//!
//! Watches unschedulable pods and, for the way down, everything. Reads pods and nodes. Launches and gives back machines,
//! marks nodes and evicts their pods. Follows cluster-autoscaler 1.36.1: a look 10 s after the last, at once for a newly
//! unschedulable pod; nothing is launched while the oldest pod that fits nowhere is younger than 2 s (`allPodsAreNew`);
//! machines on their way count as empty nodes; first-fit packing of what is left; one node group a zone, balanced; a zone
//! that refuses is left alone for 5 min, doubling to 30; nodes with less than half of CPU and memory requested
//! (DaemonSets included) whose pods fit elsewhere and may be evicted for 10 min are removed: empty ones first, up to 10,
//! others one at a time by eviction ([`Drains`]); one whose budgets hold back too long stays; none for 10 min after adding
//! one, none for 3 min after such a failure; nothing while more than 3 nodes and 45 % of the cluster are unready
//! (ClusterUnhealthy), and no node counts as unneeded since before that.
//!
//! *Deviation:* the groups are balanced (`balance-similar-node-groups`), which upstream leaves off: one group of
//! several zones, as managed node groups are, is balanced by the cloud. A look that nothing could have changed is not
//! run. Spare capacity is free CPU, not balloon pods. No expander: all groups have one machine type. The pool's minimum
//! is kept by the provider.
//!
//! Start at [`ClusterAutoscaler::run`]; the way down is in [`scale_down`].

mod scale_down;

use super::drain::Drains;
use super::node_health::{is_cluster_unhealthy, is_unhealthy};
use super::{Context, pods};
use crate::catalog::InstanceId;
use crate::cluster::objects::{Labels, Name, Node, NodeId, PodId, Resources};
use crate::cluster::store::Store;
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::node_pool::{allocatable, daemon_sets, pack};
use crate::world::{About, Api, Software, Stamp, VmId, VmStatus, ZoneId};
use std::collections::BTreeMap;

/// How old the oldest pod that fits nowhere must be (`unschedulablePodTimeBuffer`).
const NEW_POD: SimDuration = SimDuration::from_secs(2);
const JOIN: Purpose = Purpose::named("node join");
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
    /// When the image was made that new machines get.
    image: Stamp,
    /// What is free on an empty node.
    room: Resources,
    /// The pool never has fewer nodes.
    minimum: u32,
    groups: Vec<Group>,
    /// Machines that are not nodes yet.
    upcoming: BTreeMap<VmId, ZoneId>,
    unneeded: BTreeMap<NodeId, SimTime>,
    /// Nodes that could not go: when each is looked at again.
    unremovable: BTreeMap<NodeId, SimTime>,
    /// The node that is being emptied: one at a time.
    draining: Option<NodeId>,
    last_added: Option<SimTime>,
    last_failed: Option<SimTime>,
    next_look: Option<SimTime>,
    /// When the loop last ran: it goes on every 10 s from there.
    last_look: SimTime,
    joined: u64,
    /// So much is unready that it does nothing.
    is_stopped: bool,
    /// Revision of the store and machines on their way when unneeded nodes were last looked for.
    seen: Option<(u64, usize)>,
    /// It was said that no group can grow.
    has_told_refusal: bool,
}

impl ClusterAutoscaler {
    pub fn new(instance: InstanceId, room: Resources, minimum: u32, zones: &[ZoneId], image: Stamp) -> Self {
        let group = |&zone| Group {
            zone,
            blocked_until: SimTime::ZERO,
            backoff: SimDuration::ZERO,
            last_failure: SimTime::ZERO,
        };
        ClusterAutoscaler {
            instance,
            image,
            room,
            minimum,
            groups: zones.iter().map(group).collect(),
            upcoming: BTreeMap::new(),
            unneeded: BTreeMap::new(),
            unremovable: BTreeMap::new(),
            draining: None,
            last_added: None,
            last_failed: None,
            next_look: None,
            last_look: SimTime::ZERO,
            joined: 0,
            is_stopped: false,
            seen: None,
            has_told_refusal: false,
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
        let at = cx.now.next_tick(self.last_look, cx.parameters.cluster_autoscaler.scan);
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
        self.last_look = cx.now;
        self.keep_minimum(cx, api);
        if !cx.parameters.cluster_autoscaler.enabled {
            return;
        }
        let was_unhealthy = self.is_stopped;
        self.is_stopped = is_cluster_unhealthy(&cx.cluster.store);
        if self.is_stopped {
            // CleanUpUnneededNodes: their time starts over when it goes on.
            self.unneeded.clear();
            self.seen = None;
        }
        if self.is_stopped != was_unhealthy {
            let words = if self.is_stopped {
                "ClusterUnhealthy: Cluster Autoscaler does nothing"
            } else {
                "the cluster is healthy enough for Cluster Autoscaler again"
            };
            api.remark(About::Nothing, || words.into());
        }
        if self.is_stopped {
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
        let zones = self.zones_for(self.minimum.saturating_sub(present), cx);
        self.launch(&zones, cx, api);
    }

    fn size(&self, store: &Store) -> u32 {
        (store.node_count() + self.upcoming.len()) as u32
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
        // More may come. Balloon pods, for whom spare capacity stands, are never new.
        let oldest = left.iter().filter_map(|&(id, _)| cx.cluster.store.pod(id)).map(|pod| pod.created).min();
        if spare == 0 && oldest.is_some_and(|created| created + NEW_POD > cx.now) {
            self.look_at(cx.now + cx.parameters.cluster_autoscaler.scan, cx);
            return true;
        }
        let for_spare = spare.div_ceil(u64::from(self.room.cpu.max(1))) as u32;
        let (wanted, coming) = (for_pods.max(for_spare), self.upcoming.len());
        let waiting = left.first().map(|first| (first.0, left.len()));
        let zones = self.zones_for(wanted, cx);
        let tells = wanted > 0 && !(zones.is_empty() && self.has_told_refusal);
        self.has_told_refusal = wanted > 0 && zones.is_empty();
        if let Some((first, waiting)) = waiting.filter(|_| tells) {
            let about = cx.bodies.box_of(first).map_or(About::Nothing, About::Box);
            let asked = zones.len();
            api.remark(about, || {
                let coming = if coming > 0 { format!(", {coming} more coming") } else { String::new() };
                match asked {
                    0 => format!(
                        "NotTriggerScaleUp: no node group can grow now, for {}{coming}",
                        pods(waiting)
                    ),
                    _ => format!("TriggeredScaleUp: nodes +{asked} for {}{coming}", pods(waiting)),
                }
            });
        }
        self.launch(&zones, cx, api);
        true
    }

    /// CPU that should be free and is not [milli-CPU].
    fn missing_spare(&self, cx: &Context<'_>) -> u64 {
        let wanted = u64::from(cx.parameters.cluster_autoscaler.spare.as_milli());
        if wanted == 0 {
            return 0;
        }
        let coming = self.upcoming.len() as u64 * u64::from(self.room.cpu);
        wanted.saturating_sub(free_cpu(&cx.cluster.store) + coming)
    }

    /// Zones for so many machines more, each the one with the fewest whose group is well and does not refuse; fewer where
    /// there are none, or the pool is as large as it may be.
    fn zones_for(&self, count: u32, cx: &Context<'_>) -> Vec<ZoneId> {
        let store = &cx.cluster.store;
        let count = count.min(cx.parameters.node_pool.max_nodes.saturating_sub(self.size(store)));
        if count == 0 {
            return Vec::new();
        }
        let mut sizes: BTreeMap<ZoneId, u32> = BTreeMap::new();
        for zone in store.nodes().filter_map(|(_, n)| zone_of(n)).chain(self.upcoming.values().copied()) {
            *sizes.entry(zone).or_insert(0) += 1;
        }
        let is_open = |g: &&Group| {
            let of_group = store.nodes().map(|(_, n)| n).filter(|n| zone_of(n) == Some(g.zone));
            g.blocked_until <= cx.now && !is_unhealthy(of_group)
        };
        let open: Vec<ZoneId> = self.groups.iter().filter(is_open).map(|g| g.zone).collect();
        let mut zones = Vec::new();
        for _ in 0..count {
            let fewest = open.iter().copied().min_by_key(|z| sizes.get(z).copied().unwrap_or(0));
            let Some(zone) = fewest else { break };
            *sizes.entry(zone).or_insert(0) += 1;
            zones.push(zone);
        }
        zones
    }

    /// Asks for a machine in each of these zones, and looks again when a group stops refusing.
    fn launch(&mut self, zones: &[ZoneId], cx: &mut Context<'_>, api: &mut Api<'_>) {
        for &zone in zones {
            self.launch_in(zone, cx, api);
            self.last_added = Some(cx.now);
        }
        if let Some(open) = self.groups.iter().map(|g| g.blocked_until).filter(|&t| t > cx.now).min() {
            self.look_at(open.tick_at_or_after(self.last_look, cx.parameters.cluster_autoscaler.scan), cx);
        }
    }

    /// The node group replaces a machine that it gave back: in its zone, which has one too few now, unless that refuses.
    pub fn replace_one(&mut self, lost: Option<ZoneId>, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let refuses = |g: &Group| g.blocked_until > cx.now;
        let same = self.groups.iter().find(|g| lost == Some(g.zone) && !refuses(g)).map(|g| g.zone);
        if let Some(zone) = same.or_else(|| self.zones_for(1, cx).first().copied()) {
            self.launch_in(zone, cx, api);
        }
    }

    /// The node group asks for one machine more in a zone.
    pub fn launch_in(&mut self, zone: ZoneId, cx: &mut Context<'_>, api: &mut Api<'_>) -> VmId {
        let vm = api.launch_vm(self.instance, zone, cx.parameters.node_pool.purchase);
        api.set_software(vm, self.software());
        self.upcoming.insert(vm, zone);
        cx.after(cx.parameters.cluster_autoscaler.provision_timeout, Event::ProvisionTimeout(vm));
        vm
    }

    /// The node groups change to another image; machines on their way have it.
    pub fn set_image(&mut self, image: Stamp, api: &mut Api<'_>) {
        self.image = image;
        self.upcoming.keys().for_each(|&vm| api.set_software(vm, Software::as_of(image)));
    }

    /// What a machine of the groups has on its disk.
    pub fn software(&self) -> Software {
        Software::as_of(self.image)
    }

    /// Zones of the node groups.
    pub fn zones(&self) -> impl Iterator<Item = ZoneId> {
        self.groups.iter().map(|group| group.zone)
    }

    /// Machines that are not nodes yet.
    pub fn coming(&self) -> u32 {
        self.upcoming.len() as u32
    }

    /// From when on it may remove an unready node: not soon after a scale-up. Where the provider does that, at any time.
    pub fn may_remove_from(&self, cx: &Context<'_>) -> SimTime {
        let p = &cx.parameters.cluster_autoscaler;
        let decides = p.enabled && self.size(&cx.cluster.store) > self.minimum;
        let added = self.last_added.filter(|_| decides);
        added.map_or(SimTime::ZERO, |added| added + p.delay_after_add)
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
    let machine = api.catalog().get(instance);
    let allocatable = allocatable(machine, cx.parameters);
    let capacity = Resources { memory: machine.memory.as_bytes(), ..allocatable };
    let requested = daemon_sets(cx.parameters);
    let node = Node { requested, capacity, ..Node::new(name, labels, allocatable) };
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
