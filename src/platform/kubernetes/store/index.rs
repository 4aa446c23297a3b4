//! What follows from the pods: who belongs to a ReplicaSet, who is on a node, and how many of them count.
//!
//! Kept up with each write of a pod, so that no controller has to look at all pods to find a few or to count them. Knows
//! neither rules nor other objects. Nothing is kept of groups that are empty: an index equals one that is made anew from
//! the same pods. Start at [`PodIndex::moved`], the only place where an index changes.

use crate::platform::kubernetes::objects::{
    DeploymentId, EndpointCondition, NodeId, Pod, PodId, ReplicaSetId, ReplicaSetStatus,
};
use std::collections::{BTreeMap, BTreeSet};

/// What of a pod the index goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facets {
    pub deployment: DeploymentId,
    owner: ReplicaSetId,
    node: Option<NodeId>,
    unschedulable: bool,
    is_active: bool,
    pub endpoint: Option<EndpointCondition>,
}

impl Facets {
    pub fn of(pod: &Pod) -> Facets {
        let Pod { deployment, owner, node, unschedulable, .. } = *pod;
        let (is_active, endpoint) = (pod.is_active(), pod.endpoint());
        Facets { deployment, owner, node, unschedulable, is_active, endpoint }
    }

    /// What the pod adds to the status of its ReplicaSet.
    fn counts(self) -> ReplicaSetStatus {
        let ready = self.endpoint == Some(EndpointCondition::Ready);
        ReplicaSetStatus { replicas: u32::from(self.is_active), ready: u32::from(ready) }
    }
}

/// The index.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PodIndex {
    of_set: Groups<ReplicaSetId>,
    on_node: Groups<NodeId>,
    unschedulable: Groups<()>,
    counts: BTreeMap<ReplicaSetId, ReplicaSetStatus>,
    /// Pods of each Deployment that are not terminating.
    active: BTreeMap<DeploymentId, u32>,
}

impl PodIndex {
    /// A pod is new (it was nothing before), was written, or is gone (it is nothing after). Its owner stays the same.
    pub fn moved(&mut self, id: PodId, before: Option<Facets>, after: Option<Facets>) {
        self.of_set.moved(id, before.map(|f| f.owner), after.map(|f| f.owner));
        self.on_node.moved(id, before.and_then(|f| f.node), after.and_then(|f| f.node));
        let waits = |f: Option<Facets>| f.filter(|f| f.unschedulable).map(|_| ());
        self.unschedulable.moved(id, waits(before), waits(after));
        if before.map(Facets::counts) != after.map(Facets::counts) {
            before.into_iter().for_each(|f| self.count(f, |sum, one| *sum -= one));
            after.into_iter().for_each(|f| self.count(f, |sum, one| *sum += one));
        }
    }

    fn count(&mut self, f: Facets, change: impl Fn(&mut u32, u32)) {
        let counts = f.counts();
        let sums = self.counts.entry(f.owner).or_default();
        change(&mut sums.replicas, counts.replicas);
        change(&mut sums.ready, counts.ready);
        if *sums == ReplicaSetStatus::default() {
            self.counts.remove(&f.owner);
        }
        let active = self.active.entry(f.deployment).or_default();
        change(active, counts.replicas);
        if *active == 0 {
            self.active.remove(&f.deployment);
        }
    }

    pub fn of_set(&self, id: ReplicaSetId) -> impl Iterator<Item = PodId> {
        self.of_set.members(id)
    }

    pub fn on_node(&self, id: NodeId) -> impl Iterator<Item = PodId> {
        self.on_node.members(id)
    }

    pub fn unschedulable(&self) -> impl Iterator<Item = PodId> {
        self.unschedulable.members(())
    }

    pub fn counts(&self, id: ReplicaSetId) -> ReplicaSetStatus {
        self.counts.get(&id).copied().unwrap_or_default()
    }

    pub fn active(&self, id: DeploymentId) -> u32 {
        self.active.get(&id).copied().unwrap_or(0)
    }
}

/// Pods by something they have in common.
#[derive(Debug, PartialEq, Eq)]
struct Groups<K>(BTreeMap<K, BTreeSet<PodId>>);

impl<K> Default for Groups<K> {
    fn default() -> Self {
        Groups(BTreeMap::new())
    }
}

impl<K: Copy + Ord> Groups<K> {
    fn moved(&mut self, id: PodId, from: Option<K>, to: Option<K>) {
        if from == to {
            return;
        }
        if let Some(from) = from {
            let group = self.0.get_mut(&from).expect("it was put there");
            group.remove(&id);
            if group.is_empty() {
                self.0.remove(&from);
            }
        }
        if let Some(to) = to {
            self.0.entry(to).or_default().insert(id);
        }
    }

    fn members(&self, key: K) -> impl Iterator<Item = PodId> {
        self.0.get(&key).into_iter().flatten().copied()
    }
}
