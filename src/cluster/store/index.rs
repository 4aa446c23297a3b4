//! What follows from the pods: who belongs to an owner, who is on a node, and how many of them count.
//!
//! Kept up with each write of a pod, so that no controller has to look at all pods to find a few or to count them. Knows
//! neither rules nor other objects. Nothing is kept of groups that are empty: an index equals one that is made anew from
//! the same pods. Start at [`PodIndex::moved`], the only place where an index changes.

use crate::cluster::objects::{EndpointFlags, NodeId, Owner, Pod, PodId, ReplicaSetId, ReplicaSetStatus};
use std::collections::{BTreeMap, BTreeSet};

/// What of a pod the index goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facets {
    owner: Owner,
    node: Option<NodeId>,
    unschedulable: bool,
    is_active: bool,
    is_terminating: bool,
    ready: bool,
    pub endpoint: Option<EndpointFlags>,
}

impl Facets {
    pub fn of(pod: &Pod) -> Facets {
        let Pod { owner, node, unschedulable, ready, .. } = *pod;
        let (is_active, endpoint) = (pod.is_active(), pod.endpoint());
        let is_terminating = pod.is_terminating() && !pod.is_terminal();
        Facets { owner, node, unschedulable, is_active, is_terminating, ready: ready && is_active, endpoint }
    }

    /// What the pod adds to the status of its ReplicaSet.
    fn counts(self) -> ReplicaSetStatus {
        ReplicaSetStatus {
            replicas: u32::from(self.is_active),
            ready: u32::from(self.ready),
            terminating: u32::from(self.is_terminating),
            available: 0,
        }
    }

    fn waits(self) -> bool {
        self.unschedulable && self.node.is_none()
    }
}

/// The index.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PodIndex {
    of_owner: Groups<Owner>,
    on_node: Groups<NodeId>,
    unschedulable: Groups<()>,
    counts: BTreeMap<ReplicaSetId, ReplicaSetStatus>,
}

impl PodIndex {
    /// A pod is new (it was nothing before), was written, or is gone (it is nothing after). Its owner stays the same.
    pub fn moved(&mut self, id: PodId, before: Option<Facets>, after: Option<Facets>) {
        self.of_owner.moved(id, before.map(|f| f.owner), after.map(|f| f.owner));
        self.on_node.moved(id, before.and_then(|f| f.node), after.and_then(|f| f.node));
        let waits = |f: Option<Facets>| f.filter(|f| f.waits()).map(|_| ());
        self.unschedulable.moved(id, waits(before), waits(after));
        if before.map(Facets::counts) != after.map(Facets::counts) {
            before.into_iter().for_each(|f| self.count(f, |sum, one| *sum -= one));
            after.into_iter().for_each(|f| self.count(f, |sum, one| *sum += one));
        }
    }

    fn count(&mut self, f: Facets, change: impl Fn(&mut u32, u32)) {
        let Owner::ReplicaSet(owner) = f.owner else { return };
        let counts = f.counts();
        let sums = self.counts.entry(owner).or_default();
        change(&mut sums.replicas, counts.replicas);
        change(&mut sums.ready, counts.ready);
        change(&mut sums.terminating, counts.terminating);
        if *sums == ReplicaSetStatus::default() {
            self.counts.remove(&owner);
        }
    }

    pub fn of_owner(&self, owner: Owner) -> impl Iterator<Item = PodId> {
        self.of_owner.members(owner)
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
