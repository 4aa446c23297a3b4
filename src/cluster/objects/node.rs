//! Nodes and their taints.

use super::{Labels, Name, Resources};
use crate::engine::SimTime;

/// What a taint does to pods that do not tolerate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    NoSchedule,
    /// Other nodes are preferred.
    PreferNoSchedule,
    /// Running pods are evicted too.
    NoExecute,
}

/// A taint of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taint {
    pub key: Name,
    pub value: Name,
    pub effect: Effect,
    /// When it was added; counts for NoExecute.
    pub since: SimTime,
}

/// The Ready condition of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeCondition {
    True,
    /// Its kubelet says so.
    False,
    /// Its leases stay away (NodeStatusUnknown).
    Unknown,
}

/// A node: a machine that has joined the cluster.
#[derive(Clone, Debug)]
pub struct Node {
    pub name: Name,
    pub labels: Labels,
    pub capacity: Resources,
    pub allocatable: Resources,
    /// Requests of the pods bound to it, and of what runs on every node without being a pod here.
    pub requested: Resources,
    pub ready: NodeCondition,
    /// When `ready` last changed.
    pub ready_changed: SimTime,
    /// `spec.unschedulable`.
    pub cordoned: bool,
    pub taints: Vec<Taint>,
}

impl Node {
    /// A node that is ready, empty and untainted.
    pub fn new(name: Name, labels: Labels, allocatable: Resources) -> Node {
        let labels =
            if labels.get(Name::HOSTNAME).is_none() { labels.with(Name::HOSTNAME, name) } else { labels };
        Node {
            name,
            labels,
            capacity: allocatable,
            allocatable,
            requested: Resources::default(),
            ready: NodeCondition::True,
            ready_changed: SimTime::ZERO,
            cordoned: false,
            taints: Vec::new(),
        }
    }

    pub fn is_ready(&self) -> bool {
        self.ready == NodeCondition::True
    }

    /// The zone label.
    pub fn zone(&self) -> Option<Name> {
        self.labels.get(Name::ZONE)
    }

    pub fn taint(&self, key: Name, effect: Effect) -> Option<&Taint> {
        self.taints.iter().find(|t| t.key == key && t.effect == effect)
    }

    /// It is marked as one that will go (ToBeDeleted): its pods first, if it has any, then the machine and the Node.
    pub fn is_to_be_deleted(&self) -> bool {
        self.taint(Name::TO_BE_DELETED, Effect::NoSchedule).is_some()
    }

    /// The first NoExecute taint of node health: `not-ready` or `unreachable`.
    pub fn health_eviction(&self) -> Option<&Taint> {
        let of_health = |t: &&Taint| matches!(t.key, Name::NOT_READY | Name::UNREACHABLE);
        self.taints.iter().filter(|t| t.effect == Effect::NoExecute).find(of_health)
    }

    /// Pods that do not bear its taints for ever are evicted from it.
    pub fn evicts(&self) -> bool {
        self.taints.iter().any(|t| t.effect == Effect::NoExecute)
    }

    /// Nothing keeps new pods away that tolerate nothing.
    pub fn is_schedulable(&self) -> bool {
        !self.cordoned && self.taints.iter().all(|t| t.effect == Effect::PreferNoSchedule)
    }

    pub fn fits(&self, requests: Resources) -> bool {
        self.requested.leaves_room(requests, self.allocatable)
    }

    /// What of it is not requested.
    pub fn free(&self) -> Resources {
        self.allocatable.saturating_sub(self.requested)
    }
}
