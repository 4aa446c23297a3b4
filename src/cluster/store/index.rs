//! What follows from the pods: who belongs to an owner, who is on a node, and how many of them count, for a ReplicaSet and
//! for a disruption budget.
//!
//! Kept up with each write of a pod, so that no controller has to look at all pods to find a few or to count them. Knows
//! neither rules nor other objects. Nothing is kept of groups that are empty: an index equals one that is made anew from
//! the same pods. Start at [`PodIndex::moved`], the only place where an index changes.

use crate::cluster::objects::{
    EndpointFlags, NodeId, Owner, Pod, PodId, ReplicaSetId, ReplicaSetStatus, TemplateId,
};
use std::collections::BTreeMap;

/// What of a pod the index goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facets {
    owner: Owner,
    template: TemplateId,
    node: Option<NodeId>,
    unschedulable: bool,
    is_active: bool,
    is_terminating: bool,
    ready: bool,
    pub endpoint: Option<EndpointFlags>,
}

impl Facets {
    pub fn of(pod: &Pod) -> Facets {
        let Pod { owner, template, node, unschedulable, ready, .. } = *pod;
        let (is_active, endpoint) = (pod.is_active(), pod.endpoint());
        let is_terminating = pod.is_terminating() && !pod.is_terminal();
        let ready = ready && is_active;
        Facets { owner, template, node, unschedulable, is_active, is_terminating, ready, endpoint }
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
    crowds: BTreeMap<TemplateId, BTreeMap<Owner, Crowd>>,
}

/// Pods of one template and one owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Crowd {
    /// All of them, those too that end or have ended.
    pub pods: u32,
    /// Those that are active and ready.
    pub ready: u32,
}

impl PodIndex {
    /// A pod is new (it was nothing before), was written, or is gone (it is nothing after). Its owner and its template stay
    /// the same.
    pub fn moved(&mut self, id: PodId, before: Option<Facets>, after: Option<Facets>) {
        self.of_owner.moved(id, before.map(|f| f.owner), after.map(|f| f.owner));
        self.on_node.moved(id, before.and_then(|f| f.node), after.and_then(|f| f.node));
        let waits = |f: Option<Facets>| f.filter(|f| f.waits()).map(|_| ());
        self.unschedulable.moved(id, waits(before), waits(after));
        if before.map(Facets::counts) != after.map(Facets::counts) {
            before.into_iter().for_each(|f| self.count(f, |sum, one| *sum -= one));
            after.into_iter().for_each(|f| self.count(f, |sum, one| *sum += one));
        }
        if before.map(|f| f.ready) != after.map(|f| f.ready) {
            before.into_iter().for_each(|f| self.gather(f, |sum, one| *sum -= one));
            after.into_iter().for_each(|f| self.gather(f, |sum, one| *sum += one));
        }
    }

    fn gather(&mut self, f: Facets, change: impl Fn(&mut u32, u32)) {
        let of_template = self.crowds.entry(f.template).or_default();
        let crowd = of_template.entry(f.owner).or_default();
        change(&mut crowd.pods, 1);
        change(&mut crowd.ready, u32::from(f.ready));
        if crowd.pods == 0 {
            of_template.remove(&f.owner);
            if of_template.is_empty() {
                self.crowds.remove(&f.template);
            }
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

    /// The templates that pods were made from, and how many of them each owner has.
    pub fn crowds(&self) -> impl Iterator<Item = (TemplateId, &BTreeMap<Owner, Crowd>)> {
        self.crowds.iter().map(|(template, crowds)| (*template, crowds))
    }

    pub fn unschedulable(&self) -> impl Iterator<Item = PodId> {
        self.unschedulable.members(())
    }

    pub fn counts(&self, id: ReplicaSetId) -> ReplicaSetStatus {
        self.counts.get(&id).copied().unwrap_or_default()
    }
}

/// Pods by something they have in common, sorted.
#[derive(Debug, PartialEq, Eq)]
struct Groups<K>(BTreeMap<K, Vec<PodId>>);

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
            group.remove(group.binary_search(&id).expect("it was put there"));
            if group.is_empty() {
                self.0.remove(&from);
            }
        }
        if let Some(to) = to {
            let group = self.0.entry(to).or_default();
            group.insert(group.partition_point(|&other| other < id), id);
        }
    }

    fn members(&self, key: K) -> impl Iterator<Item = PodId> {
        self.0.get(&key).into_iter().flatten().copied()
    }
}
