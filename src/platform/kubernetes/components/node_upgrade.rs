//! Node upgrade: all nodes change to a new image, some at a time, as a managed node group does it.
//!
//! Watches the nodes that it wants to be rid of, and the machines that it asked for. Reads nodes and the pods on them.
//! Writes `unschedulable` of nodes; asks a person to begin, launches and gives back machines, has nodes drained.
//! Follows the default strategy of EKS managed node groups (user guide, "Understand each phase of node updates"): up to
//! two machines more in each zone; when each zone has a new node all old ones are cordoned; one at a time is drained,
//! left alone for 60 s and terminated, and the group brings a new one; at the end it goes back to its size, unless
//! Cluster Autoscaler made it larger meanwhile: nodes that go then are drained for 15 min and given back whatever is
//! left. A zone without a new node after 15 min ends it; a node that is not empty after 15 min stops it until a person
//! forces that node.
//!
//! *Deviation:* old nodes in the order of their age, not at random; at the end the emptiest node of the fullest zone
//! goes, where the group knows no pods; machines that were on their way have the new image; the control plane's own
//! upgrade takes no time and no capacity.
//!
//! Start at [`NodeUpgrade::on_due`].

use super::cluster_autoscaler::{ClusterAutoscaler, zone_of};
use super::drain::{Drains, End, Tool};
use super::node_health::give_back;
use super::{Context, pods, pods_left, whole_seconds};
use crate::cluster::objects::{Node, NodeId};
use crate::cluster::store::Store;
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::parameter::Distribution;
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::parameters::KubernetesParameters;
use crate::platform::supply::Supply;
use crate::world::{About, Activity, Api, Stamp, Urgency, VmId, Work, WorkId, ZoneId};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// A cloud that does not answer is asked again after this.
const CLOUD_AGAIN: SimDuration = SimDuration::from_mins(1);

const PHASE: Purpose = Purpose::named("node upgrade phase");
const NODE_IMAGES: Purpose = Purpose::named("node images");
const BEGIN: Purpose = Purpose::named("node upgrade begin");
const LOOK: Purpose = Purpose::named("node upgrade stuck");
/// Troubles with upgrades have numbers from here on: no other platform has them.
const CAUSES: u64 = 1 << 60;
/// From an empty node to its termination, so that load balancers forget it.
const BEFORE_TERMINATION: SimDuration = SimDuration::from_secs(60);
/// New nodes must be there by then (NodeCreationFailure).
const CREATION_TIMEOUT: SimDuration = SimDuration::from_mins(15);
/// What nothing announces is looked at so often.
const LOOK_PERIOD: SimDuration = SimDuration::from_mins(1);

/// Upgrades of the pool, one after the other.
#[derive(Debug)]
pub struct NodeUpgrade {
    /// Hands-on time to find out why a node does not get empty.
    diagnose: Distribution,
    count: u64,
    roll: Option<Roll>,
    /// Images by the provider; known once the cluster starts.
    images: Option<Supply>,
}

/// One upgrade.
#[derive(Debug)]
struct Roll {
    stage: Stage,
    begun: SimTime,
    /// Nodes and machines on their way before.
    size: u32,
    /// Nodes with the old image.
    old: BTreeSet<NodeId>,
    replaced: u32,
    /// Machines on top that are not nodes yet.
    coming: BTreeSet<VmId>,
    /// Nodes on their way out.
    leaving: BTreeSet<NodeId>,
    /// Nodes that a person looks at, as they do not get empty.
    stuck: BTreeMap<WorkId, NodeId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// A person is to begin it.
    Asked(WorkId),
    /// New nodes are to come until then.
    Surging(SimTime),
    Rolling,
    /// The pool goes back to its size.
    Shrinking,
}

/// What the upgrade needs of others.
pub struct Tools<'a> {
    pub autoscaler: &'a mut ClusterAutoscaler,
    pub drains: &'a mut Drains,
}

impl NodeUpgrade {
    pub fn new(diagnose: Distribution) -> Self {
        NodeUpgrade { diagnose, count: 0, roll: None, images: None }
    }

    /// The image that the last upgrade before the simulation chose.
    pub fn start(&mut self, p: &KubernetesParameters, api: &Api<'_>) -> Stamp {
        let images = Supply::new(NODE_IMAGES, p.patching.node_images.clone(), api);
        let images = self.images.insert(images);
        let newest = images.newest(Stamp::before_start(age_at_start(p, api)));
        images.made(newest)
    }

    /// The first one comes somewhere in the first period.
    pub fn arm(&self, cx: &mut Context<'_>, api: &Api<'_>) {
        let p = &cx.parameters.node_upgrade;
        if p.enabled {
            let wait = p.every.saturating_sub(age_at_start(cx.parameters, api));
            cx.after(wait, Event::UpgradeDue);
        }
    }

    /// It is time again: a person is asked to begin, unless the last one is not over.
    pub fn on_due(&mut self, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let p = &cx.parameters.node_upgrade;
        cx.after(p.every, Event::UpgradeDue);
        if self.roll.is_some() {
            return api.remark(About::Nothing, || "node upgrade is due, but the last one is not over".into());
        }
        self.count += 1;
        api.remark(About::Nothing, || "node upgrade is due: a person is asked to begin it".into());
        let touch = p.touch.sample(api.stream(BEGIN, &[self.count]).uniform());
        let work = self.ask(Activity::Patch, touch, About::Nothing, api);
        self.roll = Some(Roll {
            stage: Stage::Asked(work),
            begun: cx.now,
            size: 0,
            old: BTreeSet::new(),
            replaced: 0,
            coming: BTreeSet::new(),
            leaving: BTreeSet::new(),
            stuck: BTreeMap::new(),
        });
    }

    fn ask(&self, activity: Activity, touch: SimDuration, about: About, api: &mut Api<'_>) -> WorkId {
        let cause = CAUSES + self.count;
        api.ask(Work { activity, urgency: Urgency::OfficeHours, touch, cause, about })
    }

    /// A person is done. False if it was not for an upgrade.
    pub fn on_work_done(
        &mut self,
        work: WorkId,
        tools: &mut Tools<'_>,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) -> bool {
        let Some(roll) = &mut self.roll else { return false };
        if roll.stage == Stage::Asked(work) {
            let images = self.images.as_mut().expect("made at the start");
            let newest = images.newest(cx.now.into());
            tools.autoscaler.set_image(images.made(newest), api);
            roll.begin(tools, cx, api);
        } else if let Some(id) = roll.stuck.remove(&work) {
            if cx.cluster.store.node(id).is_some() {
                api.remark(about(id, cx), || "the upgrade of this node is forced".into());
                tools.drains.begin(id, Tool::NodeUpgrade { force: true }, cx.now, cx);
            }
            self.step(tools, cx, api);
        } else {
            return false;
        }
        true
    }

    /// A machine on top became a node, or will not.
    pub fn on_machine_settled(&mut self, vm: VmId, cx: &mut Context<'_>) {
        if let Some(roll) = &mut self.roll
            && roll.coming.remove(&vm)
            && roll.coming.is_empty()
        {
            cx.at(cx.now, Event::UpgradeStep);
        }
    }

    pub fn on_node_gone(&mut self, id: NodeId, cx: &mut Context<'_>) {
        if let Some(roll) = &mut self.roll
            && (roll.old.remove(&id) | roll.leaving.remove(&id))
        {
            cx.at(cx.now, Event::UpgradeStep);
        }
    }

    /// Does what can be done now.
    pub fn step(&mut self, tools: &mut Tools<'_>, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(roll) = &mut self.roll else { return };
        match roll.stage {
            Stage::Asked(_) => {}
            Stage::Surging(until) if roll.coming.is_empty() => roll.surge(until, tools, cx, api),
            Stage::Surging(_) => {}
            Stage::Rolling => roll.drain_next(tools, cx, api),
            Stage::Shrinking => {}
        }
        if roll.stage == Stage::Shrinking && roll.shrink(tools, cx, api) {
            let (replaced, took) = (roll.replaced, whole_seconds(cx.now.since(roll.begun)));
            // Nodes that were stuck may have gone another way: nobody needs to look at them any more.
            for &work in roll.stuck.keys() {
                api.call_off(work);
            }
            self.roll = None;
            api.remark(About::Nothing, || format!("node upgrade done: {replaced} nodes replaced in {took}"));
        }
    }

    /// A drain that was for an upgrade is over.
    pub fn on_drained(
        &mut self,
        (id, end, forced): (NodeId, End, bool),
        tools: &mut Tools<'_>,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        let (node, p) = (about(id, cx), &cx.parameters.node_upgrade);
        let Some(roll) = &mut self.roll else { return };
        match (end, roll.stage) {
            (End::Empty, Stage::Shrinking) if api.cloud_answers() => {
                api.remark(node, || "empty: given back".into());
                give_back(id, cx, api);
            }
            (End::GaveUp(left), Stage::Shrinking) if api.cloud_answers() => {
                let timeout = p.drain_timeout;
                api.remark(node, || format!("{} left after {timeout}: given back all the same", pods(left)));
                give_back(id, cx, api);
            }
            (End::Empty | End::GaveUp(_), Stage::Shrinking) => {
                // The cloud has to answer: the node stays.
                roll.leaving.remove(&id);
                roll.size += 1;
                cx.cluster.store.set_cordoned(id, false);
                self.step(tools, cx, api);
            }
            (End::GaveUp(left), _) if !forced => {
                let timeout = p.drain_timeout;
                api.remark(node, || {
                    format!("PodEvictionFailure: {} left after {timeout}; a person must look", pods(left))
                });
                let touch = self.diagnose.sample(api.stream(LOOK, &[self.count]).uniform());
                let work = self.ask(Activity::Repair, touch, node, api);
                if let Some(roll) = &mut self.roll {
                    roll.stuck.insert(work, id);
                }
            }
            (End::Empty | End::GaveUp(_), _) => {
                api.remark(node, || format!("empty: terminated in {BEFORE_TERMINATION}"));
                cx.after(BEFORE_TERMINATION, Event::UpgradeTerminate(id));
            }
        }
    }

    /// An old node has been empty for a while: its machine goes, and the group brings another one.
    pub fn terminate(&mut self, id: NodeId, tools: &mut Tools<'_>, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(roll) = self.roll.as_mut().filter(|roll| roll.old.contains(&id)) else { return };
        let Some(zone) = cx.cluster.store.node(id).filter(|n| !n.is_to_be_deleted()).and_then(zone_of) else {
            return;
        };
        if !api.cloud_answers() {
            return cx.after(CLOUD_AGAIN, Event::UpgradeTerminate(id));
        }
        roll.replaced += 1;
        give_back(id, cx, api);
        tools.autoscaler.launch_in(zone, cx, api);
    }
}

impl Roll {
    /// A person has begun it: first the machines on top.
    fn begin(&mut self, tools: &mut Tools<'_>, cx: &mut Context<'_>, api: &mut Api<'_>) {
        self.begun = cx.now;
        self.size = living(&cx.cluster.store) + tools.autoscaler.coming();
        self.old = cx.cluster.store.nodes().map(|(id, _)| id).collect();
        self.stage = Stage::Surging(cx.now + CREATION_TIMEOUT);
        let zones: Vec<ZoneId> = tools.autoscaler.zones().collect();
        let each = cx.parameters.node_upgrade.surge_per_zone;
        let wanted = (each * zones.len() as u32).max(cx.parameters.node_upgrade.max_unavailable);
        let old = self.old.len();
        api.remark(About::Nothing, || {
            format!("node upgrade begins: {old} old nodes, {wanted} new ones first")
        });
        for &zone in zones.iter().cycle().take(wanted as usize) {
            self.coming.insert(tools.autoscaler.launch_in(zone, cx, api));
        }
        cx.after(CREATION_TIMEOUT, Event::UpgradeStep);
    }

    fn zones_to_renew(&self, store: &Store) -> BTreeSet<ZoneId> {
        self.old.iter().filter_map(|id| store.node(*id)).filter_map(zone_of).collect()
    }

    /// No machine is on its way any more: are there enough?
    fn surge(&mut self, until: SimTime, tools: &mut Tools<'_>, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let is_new = |id: &NodeId| !self.old.contains(id);
        let new = cx.cluster.store.nodes().filter(|(id, n)| is_new(id) && n.is_ready());
        let renewed: BTreeSet<ZoneId> = new.filter_map(|(_, n)| zone_of(n)).collect();
        let lacking: Vec<ZoneId> =
            self.zones_to_renew(&cx.cluster.store).difference(&renewed).copied().collect();
        if lacking.is_empty() {
            self.stage = Stage::Rolling;
            for &id in &self.old {
                cx.cluster.store.set_cordoned(id, true);
            }
            cx.at(cx.now, Event::UpgradeStep);
        } else if until <= cx.now {
            api.remark(About::Nothing, || {
                "NodeCreationFailure: no new nodes, the upgrade is given up".into()
            });
            self.old.clear();
            self.stage = Stage::Shrinking;
        } else {
            for zone in lacking {
                self.coming.insert(tools.autoscaler.launch_in(zone, cx, api));
            }
        }
    }

    /// Begins with the next old nodes, if none is stuck.
    fn drain_next(&mut self, tools: &mut Tools<'_>, cx: &mut Context<'_>, api: &mut Api<'_>) {
        if self.old.is_empty() && self.leaving.is_empty() {
            self.stage = Stage::Shrinking;
            return;
        }
        if !self.stuck.is_empty() {
            return;
        }
        let waiting: Vec<NodeId> = self.old.difference(&self.leaving).copied().collect();
        for id in waiting {
            if self.leaving.len() >= cx.parameters.node_upgrade.max_unavailable as usize {
                return;
            }
            if tools.drains.begin(id, Tool::NodeUpgrade { force: false }, cx.now, cx) {
                let left = pods_left(id, &cx.cluster.store).count();
                api.remark(about(id, cx), || format!("drained for the upgrade: {} to evict", pods(left)));
                self.leaving.insert(id);
            }
        }
        if self.leaving.is_empty() {
            // Others are at it.
            cx.after(LOOK_PERIOD, Event::UpgradeStep);
        }
    }

    /// Takes one node off that is too many; true if there is none.
    fn shrink(&mut self, tools: &mut Tools<'_>, cx: &mut Context<'_>, api: &mut Api<'_>) -> bool {
        if !self.leaving.is_empty() {
            return false;
        }
        let size = living(&cx.cluster.store) + tools.autoscaler.coming();
        if size <= self.size || tools.autoscaler.grew_since(self.begun) {
            return true;
        }
        let store = &cx.cluster.store;
        let mut in_zone: BTreeMap<Option<ZoneId>, usize> = BTreeMap::new();
        store.nodes().for_each(|(_, node)| *in_zone.entry(zone_of(node)).or_default() += 1);
        let free = store.nodes().filter(|(id, n)| n.is_schedulable() && !tools.drains.is_draining(*id));
        let rank =
            |(id, n): (NodeId, &Node)| (Reverse(in_zone[&zone_of(n)]), pods_left(id, store).count(), id);
        let Some((_, left, id)) = free.map(rank).min() else { return true };
        api.remark(about(id, cx), || format!("one too many after the upgrade: {} to evict", pods(left)));
        cx.cluster.store.set_cordoned(id, true);
        tools.drains.begin(id, Tool::NodeUpgrade { force: false }, cx.now, cx);
        self.leaving.insert(id);
        false
    }
}

/// How long before the simulation the last upgrade was.
pub fn age_at_start(p: &KubernetesParameters, api: &Api<'_>) -> SimDuration {
    let every = p.node_upgrade.every;
    every.saturating_sub(every.mul_f64(api.stream(PHASE, &[]).uniform()))
}

fn about(id: NodeId, cx: &Context<'_>) -> About {
    cx.bodies.vm_of(id).map_or(About::Nothing, About::Vm)
}

/// Nodes that are to stay; the object of one whose machine was given back is there until the cloud node controller looks.
fn living(store: &Store) -> u32 {
    store.nodes().filter(|(_, node)| !node.is_to_be_deleted()).count() as u32
}
