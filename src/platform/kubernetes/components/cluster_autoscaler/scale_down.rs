//! Cluster Autoscaler, the way down: which nodes are not needed, and how they go.
//!
//! Watches what the loop watches. Reads nodes, what is requested on them, pods and budgets. Marks nodes (taint
//! ToBeDeleted and cordon), has them drained, gives machines back. Follows core/scaledown and simulator/drainability of
//! cluster-autoscaler 1.36.1: a node is unneeded if less than half of its CPU and memory is requested, all its pods fit
//! on others, which are not unneeded themselves and take no more than they have room for, and no budget of theirs is
//! used up; empty nodes are tried first, so that no pods are meant for them, and then those that were unneeded before.
//! What a budget leaves is for all of them together (`RemainingPdbTracker`), and pods that are not ready count as well.
//! A node whose pods fit nowhere, or of which a budget is used up, is looked at again 5 min later, whatever changes.
//! While nothing is removed, up to ten unneeded nodes a look are marked as candidates, so that pods that fit elsewhere go
//! there (DeletionCandidate, PreferNoSchedule), and those that are needed again are not.
//! After 10 min of being unneeded a node is marked, and 5 s later deleted if it is empty (ten at once, and before any
//! other), else drained (one at a time). What has ended does not count. 10 min after any scale-up and 3 min after a
//! failure nothing is removed; how long nodes are unneeded is counted on meanwhile.
//!
//! *Deviation:* candidates alike are tried oldest first, and pods placed first-fit in the order of nodes. Controllers
//! are behind all pods, none has local storage or forbids eviction. Pods that come to an empty node in the 5 s are
//! evicted; upstream gives that node up. A cloud that does not answer is found out only when the node has been drained.
//!
//! Start at [`ClusterAutoscaler::scale_down`].

use super::{ClusterAutoscaler, free_cpu};
use crate::cluster::objects::{BudgetId, Effect, Name, Node, NodeId, Resources};
use crate::cluster::store::Store;
use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::components::drain::{Drains, End, Tool};
use crate::platform::kubernetes::components::node_health::{give_back, mark, unmark};
use crate::platform::kubernetes::components::{Context, pods, pods_left};
use crate::world::{About, Api};
use std::collections::{BTreeMap, BTreeSet};

/// Empty nodes removed in one look.
const EMPTY_AT_ONCE: usize = 10;
/// Candidates marked, or not any more, in one look (`max-bulk-soft-taint-count`).
const MARKED_AT_ONCE: usize = 10;
/// No node is removed for so long after one could not be (`scale-down-delay-after-failure`).
const DELAY_AFTER_FAILURE: SimDuration = SimDuration::from_mins(3);

impl ClusterAutoscaler {
    pub(super) fn scale_down(
        &mut self,
        wants_more: bool,
        drains: &mut Drains,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        self.find_unneeded(cx);
        let p = &cx.parameters.cluster_autoscaler;
        // At every look: an earlier one takes the place of the one that was planned.
        if let Some(&again) = self.unremovable.values().min() {
            self.look_at(again.tick_at_or_after(self.last_look, p.scan), cx);
        }
        if wants_more || self.unneeded.is_empty() {
            return self.mark_candidates(cx);
        }
        let added = self.last_added.map(|added| added + p.delay_after_add);
        let failed = self.last_failed.map(|failed| failed + DELAY_AFTER_FAILURE);
        let cool = added.into_iter().chain(failed).fold(SimTime::ZERO, SimTime::max);
        let due = |&since: &SimTime| (since + p.unneeded_after).max(cool);
        let first = self.unneeded.values().map(due).min().expect("there are unneeded nodes");
        if first > cx.now {
            let at = first.tick_at_or_after(self.last_look, p.scan);
            self.mark_candidates(cx);
            return self.look_at(at, cx);
        }
        let ripe: Vec<NodeId> =
            self.unneeded.iter().filter(|(_, since)| due(since) <= cx.now).map(|(&n, _)| n).collect();
        let unneeded = self.unneeded.len();
        self.remove_nodes(&ripe, drains, cx, api);
        if self.unneeded.len() == unneeded {
            self.mark_candidates(cx);
        }
        if !self.unneeded.is_empty() {
            self.look_soon(cx);
        }
    }

    /// Nodes that are not needed are to get no pods that fit elsewhere (`UpdateSoftDeletionTaints`).
    fn mark_candidates(&mut self, cx: &mut Context<'_>) {
        let is_marked = |n: &Node| n.taint(Name::DELETION_CANDIDATE, Effect::PreferNoSchedule).is_some();
        let is_wrong = |id: NodeId, n: &Node| is_marked(n) != self.unneeded.contains_key(&id);
        let nodes = cx.cluster.store.nodes().filter(|&(id, n)| is_wrong(id, n) && !n.is_to_be_deleted());
        let wrong: Vec<(NodeId, bool)> =
            nodes.map(|(id, n)| (id, is_marked(n))).take(MARKED_AT_ONCE).collect();
        for (id, is_marked) in wrong {
            if is_marked {
                cx.cluster.store.remove_taint(id, Name::DELETION_CANDIDATE, Effect::PreferNoSchedule);
            } else {
                cx.cluster.store.add_taint(id, Name::DELETION_CANDIDATE, Effect::PreferNoSchedule, cx.now);
            }
        }
    }

    /// Keeps the time since when each node has been unneeded.
    fn find_unneeded(&mut self, cx: &mut Context<'_>) {
        let known = self.unremovable.len();
        self.unremovable.retain(|&id, until| *until > cx.now && cx.cluster.store.node(id).is_some());
        let state = (cx.cluster.store.revision(), self.upcoming.len());
        if self.seen.replace(state) == Some(state) && self.unremovable.len() == known {
            return;
        }
        let threshold = cx.parameters.cluster_autoscaler.utilization.as_f64();
        let store = &cx.cluster.store;
        let (mut candidates, mut leaving) = (Vec::new(), 0);
        let mut room: Vec<(NodeId, Resources)> = Vec::with_capacity(store.node_count());
        for (id, node) in store.nodes() {
            if node.is_schedulable() {
                room.push((id, node.free()));
                if utilization(node) < threshold && !self.unremovable.contains_key(&id) {
                    candidates.push(id);
                }
            } else if node.is_to_be_deleted() {
                leaving += 1;
            }
        }
        // Empty ones first, so that nobody's pods go to them; then those whose time runs, so that it runs on.
        let has_pods = |id| pods_left(id, store).next().is_some();
        candidates.sort_by_cached_key(|id| (has_pods(*id), !self.unneeded.contains_key(id)));
        if candidates.is_empty() {
            return self.unneeded.clear();
        }
        let mut may_go = self.size(&cx.cluster.store).saturating_sub(self.minimum + leaving);
        let wanted_spare = u64::from(cx.parameters.cluster_autoscaler.spare.as_milli());
        let mut free_cpu = if wanted_spare > 0 { free_cpu(&cx.cluster.store) } else { 0 };
        let mut unneeded = BTreeMap::new();
        let mut received: BTreeSet<NodeId> = BTreeSet::new();
        let mut budgets = BudgetsLeft::default();
        for id in candidates {
            if may_go == 0 || received.contains(&id) {
                continue;
            }
            let empty = u64::from(self.room.cpu);
            if wanted_spare > 0 && free_cpu < wanted_spare + empty {
                break;
            }
            let store = &cx.cluster.store;
            let mut places = Vec::new();
            if !find_places(id, store, &mut room, &mut places) || !budgets.take(id, store) {
                places.iter().for_each(|&(pod, place)| room[place].1.add(pod));
                let again = cx.now + cx.parameters.cluster_autoscaler.unremovable_recheck;
                self.unremovable.insert(id, again);
                continue;
            }
            received.extend(places.iter().map(|&(_, place)| room[place].0));
            room.retain(|&(node, _)| node != id);
            free_cpu = free_cpu.saturating_sub(empty);
            may_go -= 1;
            unneeded.insert(id, self.unneeded.get(&id).copied().unwrap_or(cx.now));
        }
        self.unneeded = unneeded;
    }

    /// Marks nodes: empty ones first, then one that has pods. They go when the mark has been seen everywhere.
    fn remove_nodes(
        &mut self,
        ripe: &[NodeId],
        drains: &mut Drains,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        let left = |id: NodeId, cx: &Context<'_>| pods_left(id, &cx.cluster.store).count();
        let (empty, full): (Vec<NodeId>, Vec<NodeId>) = ripe.iter().partition(|&&id| left(id, cx) == 0);
        let after = cx.parameters.cluster_autoscaler.unneeded_after;
        let begin = cx.now + cx.parameters.cluster_autoscaler.taint_delay;
        for id in empty.into_iter().take(EMPTY_AT_ONCE) {
            if cx.cluster.store.node(id).is_some() && drains.begin(id, Tool::ClusterAutoscaler, begin, cx) {
                self.unneeded.remove(&id);
                let about = cx.bodies.vm_of(id).map_or(About::Nothing, About::Vm);
                api.remark(about, || format!("ScaleDownEmpty: unneeded for {after}"));
                mark(id, cx);
            }
        }
        for id in full {
            let Some(node) = cx.cluster.store.node(id).filter(|_| self.draining.is_none()) else { continue };
            let requested = utilization(node) * 100.0;
            if drains.begin(id, Tool::ClusterAutoscaler, begin, cx) {
                self.unneeded.remove(&id);
                self.draining = Some(id);
                let about = cx.bodies.vm_of(id).map_or(About::Nothing, About::Vm);
                let left = pods(left(id, cx));
                api.remark(about, || {
                    format!("ScaleDown: unneeded for {after}, {requested:.0}% requested; {left} to evict")
                });
                mark(id, cx);
            }
        }
    }

    /// The drain of a node that is not needed is over: it is given back, or stays.
    pub fn on_drained(&mut self, id: NodeId, end: End, cx: &mut Context<'_>, api: &mut Api<'_>) {
        self.draining.take_if(|draining| *draining == id);
        let Some(node) = cx.cluster.store.node(id) else { return };
        let about = cx.bodies.vm_of(id).map_or(About::Nothing, About::Vm);
        match end {
            End::Empty if node.is_ready() && !api.cloud_answers() => {
                api.remark(about, || "ScaleDownFailed: the cloud does not answer, the node stays".into());
                self.last_failed = Some(cx.now);
                unmark(id, cx, api);
            }
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

/// What the nodes that may go leave of each budget.
#[derive(Default)]
struct BudgetsLeft(BTreeMap<BudgetId, u32>);

impl BudgetsLeft {
    /// Takes the pods of a node, if no budget of theirs is used up (`NotEnoughPdb`).
    fn take(&mut self, id: NodeId, store: &Store) -> bool {
        let evicted = || store.pods_on(id).filter(|(_, pod)| pod.is_active());
        let protected = || evicted().flat_map(|(_, pod)| &store.template(pod.template).budgets);
        let allowed = |budget: BudgetId| store.budget(budget).status.allowed;
        let left = |budget| self.0.get(&budget).copied().unwrap_or_else(|| allowed(budget));
        if protected().any(|&budget| left(budget) == 0) {
            return false;
        }
        for &budget in protected() {
            let left = self.0.entry(budget).or_insert_with(|| allowed(budget));
            *left = left.saturating_sub(1);
        }
        true
    }
}

/// The larger requested share of CPU and memory, DaemonSets included.
fn utilization(node: &Node) -> f64 {
    let cpu = f64::from(node.requested.cpu) / f64::from(node.allocatable.cpu.max(1));
    let memory = node.requested.memory as f64 / node.allocatable.memory.max(1) as f64;
    cpu.max(memory)
}

/// Where in `room` the pods of a node would go, each taking what it needs there. False if not all can go anywhere: those in
/// `places` can. Pods that are terminating need no place.
fn find_places(
    id: NodeId,
    store: &Store,
    room: &mut [(NodeId, Resources)],
    places: &mut Vec<(Resources, usize)>,
) -> bool {
    store.pods_on(id).filter(|(_, pod)| pod.is_active()).all(|(_, pod)| {
        let pod = store.template(pod.template).requests;
        let fits =
            |(node, free): &(NodeId, Resources)| *node != id && Resources::default().leaves_room(pod, *free);
        let place = room.iter().position(fits);
        if let Some(place) = place {
            room[place].1.remove(pod);
            places.push((pod, place));
        }
        place.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::cluster::Cluster;
    use crate::cluster::objects::{
        BudgetStatus, Container, DisruptionBudget, Keep, Labels, Owner, PodSpec, Size,
    };
    use crate::cluster::settings::Settings;
    use crate::platform::kubernetes::KubernetesParameters;
    use crate::platform::kubernetes::bodies::Bodies;
    use crate::platform::kubernetes::components::Agenda;
    use crate::world::Stamp;

    #[test]
    fn an_unready_node_waits_for_ten_minutes_after_a_scale_up_unless_the_group_has_its_fewest() {
        let (mut cluster, mut bodies) = (Cluster::new(Settings::default()), Bodies::default());
        let room = Resources { cpu: 1_000, memory: 1 << 30, pods: 10 };
        (0..4).for_each(|n| _ = cluster.store.add_node(Node::new(Name::number(n), Labels::default(), room)));
        let (parameters, mut agenda) = (KubernetesParameters::default(), Agenda::default());
        let now = SimTime::ZERO + SimDuration::from_mins(60);
        let (cluster, bodies, agenda) = (&mut cluster, &mut bodies, &mut agenda);
        let cx = Context { now, cluster, bodies, parameters: &parameters, agenda };
        let instance = Catalog::embedded().find("m7i.large").expect("listed");
        let from = |minimum| {
            let mut autoscaler = ClusterAutoscaler::new(instance, room, minimum, &[], Stamp::default());
            autoscaler.last_added = Some(now);
            autoscaler.may_remove_from(&cx)
        };
        // 60 + 10 minutes. With all four nodes of a minimum of four the provider repairs, whenever.
        assert_eq!((from(3), from(4)), (now + SimDuration::from_mins(10), SimTime::ZERO));
    }

    /// Three nodes, in a pool that keeps one, of which some have a pod of 400m.
    struct Pool {
        cluster: Cluster,
        bodies: Bodies,
        ids: Vec<NodeId>,
        budget: BudgetId,
        autoscaler: ClusterAutoscaler,
    }

    impl Pool {
        fn of(with_pods: &[usize], allowed: u32) -> Pool {
            let mut cluster = Cluster::new(Settings::default());
            let room = Resources { cpu: 1_000, memory: 1 << 30, pods: 10 };
            let node = |n: u32| Node::new(Name::number(n), Labels::default(), room);
            let ids: Vec<NodeId> = (0..3).map(|n| cluster.store.add_node(node(n))).collect();
            let container = Container { cpu: Some(400), ..Container::default() };
            let template = cluster.store.intern_template(PodSpec::of_container(Labels::default(), container));
            let budget = DisruptionBudget::new(&Labels::default(), Keep::MinAvailable(Size::Pods(0)));
            let budget = cluster.store.add_budget(budget);
            for &n in with_pods {
                let pod = cluster.store.create_pod(Owner::None, template, SimTime::ZERO);
                cluster.store.bind(pod, ids[n]);
            }
            let instance = Catalog::embedded().find("m7i.large").expect("listed");
            let autoscaler = ClusterAutoscaler::new(instance, room, 1, &[], Stamp::default());
            let mut pool = Pool { cluster, bodies: Bodies::default(), ids, budget, autoscaler };
            pool.allow(allowed);
            pool
        }

        /// So many pods may go.
        fn allow(&mut self, allowed: u32) {
            self.cluster.store.set_budget_status(self.budget, BudgetStatus { allowed, ..Default::default() });
        }

        /// Which nodes are unneeded after a look at `minute`.
        fn look(&mut self, minute: u64) -> Vec<usize> {
            let (parameters, mut agenda) = (KubernetesParameters::default(), Agenda::default());
            let now = SimTime::ZERO + SimDuration::from_mins(minute);
            let (cluster, bodies, agenda) = (&mut self.cluster, &mut self.bodies, &mut agenda);
            self.autoscaler.find_unneeded(&mut Context {
                now,
                cluster,
                bodies,
                parameters: &parameters,
                agenda,
            });
            (0..3).filter(|&n| self.autoscaler.unneeded.contains_key(&self.ids[n])).collect()
        }
    }

    #[test]
    fn pods_are_not_sent_to_a_node_that_is_empty() {
        // The empty one goes first, though it is the youngest; then the pod of the first, to the second.
        assert_eq!(Pool::of(&[0, 1], 9).look(0), [0, 2]);
    }

    #[test]
    fn a_node_whose_time_runs_is_not_sent_the_pods_of_an_older_one() {
        // Of three with a pod each, the pod of one can go to a second; two pods of 400m are all that fits beside it.
        let mut pool = Pool::of(&[0, 1, 2], 9);
        assert_eq!(pool.look(0), [0]);
        let mut pool = Pool::of(&[0, 1, 2], 9);
        pool.autoscaler.unneeded.insert(pool.ids[2], SimTime::ZERO);
        assert_eq!(pool.look(0), [2]);
    }

    #[test]
    fn what_a_budget_leaves_is_for_all_nodes_together() {
        // Two empty nodes, in which a budget has no say; then of two pods one may go, or none.
        assert_eq!(Pool::of(&[1], 1).look(0), [0, 2]);
        assert_eq!(Pool::of(&[0, 1], 1).look(0), [0, 2]);
        assert_eq!(Pool::of(&[0, 1], 0).look(0), [2]);
    }

    #[test]
    fn a_node_that_could_not_go_is_looked_at_again_five_minutes_later() {
        let mut pool = Pool::of(&[0, 1, 2], 0);
        assert!(pool.look(10).is_empty());
        pool.allow(9);
        assert!(pool.look(14).is_empty());
        assert_eq!(pool.look(15), [0]);
    }
}
