//! Objects of the cluster: what is wanted (spec) and what is seen (status), in the words of Kubernetes v1.36.
//!
//! Plain values with integer units. They know neither who writes them nor the world, but for the ids of the machine
//! and the box behind a Node and a Pod. Start at [`Pod`].

use crate::engine::SimTime;
use crate::parameter::{Bytes, MilliCpu};
use crate::world::observation::Amount;
use crate::world::{BoxId, ServiceId, Version, VmId, ZoneId, generational_id};
use std::collections::BTreeSet;

generational_id!(
    /// A Pod object.
    PodId
);
generational_id!(
    /// A Node object.
    NodeId
);
generational_id!(
    /// A ReplicaSet object.
    ReplicaSetId
);

/// A Deployment, and the Service and HorizontalPodAutoscaler that belong to it: one of each per service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId(pub u16);

impl DeploymentId {
    pub fn of(service: ServiceId) -> Self {
        DeploymentId(service.0)
    }

    pub fn service(self) -> ServiceId {
        ServiceId(self.0)
    }

    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// CPU [milli], memory [bytes] and places for pods: of a node, or taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    pub cpu: u32,
    pub memory: u64,
    pub pods: u32,
}

impl Resources {
    /// What one pod with these requests takes.
    pub fn of_pod(cpu: u32, memory: u64) -> Self {
        Resources { cpu, memory, pods: 1 }
    }

    /// Whether `more` can be taken too, where this is taken already.
    pub fn leaves_room(&self, more: Resources, allocatable: Resources) -> bool {
        self.pods + more.pods <= allocatable.pods
            && (more.cpu == 0 || self.cpu + more.cpu <= allocatable.cpu)
            && (more.memory == 0 || self.memory + more.memory <= allocatable.memory)
    }

    /// Without the places for pods.
    pub fn amount(self) -> Amount {
        Amount { cpu: MilliCpu::from_milli(self.cpu), memory: Bytes::from_bytes(self.memory) }
    }

    pub fn add(&mut self, more: Resources) {
        self.cpu += more.cpu;
        self.memory += more.memory;
        self.pods += more.pods;
    }

    pub fn remove(&mut self, less: Resources) {
        self.cpu -= less.cpu;
        self.memory -= less.memory;
        self.pods -= less.pods;
    }
}

/// The pod template: what a ReplicaSet stamps out. Two templates that are equal are one revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    pub version: Version,
    pub requests: Resources,
}

/// Pods of one service, and how to get from one template to the next.
#[derive(Clone, Debug)]
pub struct Deployment {
    pub template: Template,
    /// Wanted pods; written by people or the HorizontalPodAutoscaler.
    pub replicas: u32,
    /// Counts the changes of template and replicas.
    pub generation: u32,
    pub status: DeploymentStatus,
}

/// Sums over the ReplicaSets of a Deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeploymentStatus {
    /// The generation that the controller had seen when it wrote this.
    pub observed_generation: u32,
    pub replicas: u32,
    /// Pods of the present template.
    pub updated: u32,
    pub ready: u32,
    pub progress: Progress,
}

/// The Progressing condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// On its way; something moved at `since`.
    Progressing { since: SimTime },
    /// All pods of the present template have been available once (NewReplicaSetAvailable).
    Complete,
    /// Nothing moved for the progress deadline (ProgressDeadlineExceeded).
    Stalled,
}

/// Pods of one template.
#[derive(Clone, Debug)]
pub struct ReplicaSet {
    pub deployment: DeploymentId,
    pub template: Template,
    /// Grows with each change of the template; going back makes an old one the newest.
    pub revision: u32,
    pub replicas: u32,
    /// The Deployment's size when this one was sized (the `desired-replicas` annotation).
    pub desired: u32,
    pub status: ReplicaSetStatus,
}

/// Pods of a ReplicaSet that are not terminating.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSetStatus {
    pub replicas: u32,
    /// Available too: `minReadySeconds` is 0.
    pub ready: u32,
}

/// Phases of a pod that occur here: pods of a ReplicaSet never succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not bound, or no container was started yet.
    Pending,
    Running,
}

/// A pod: one box of a service.
#[derive(Clone, Debug)]
pub struct Pod {
    pub deployment: DeploymentId,
    pub owner: ReplicaSetId,
    pub template: Template,
    /// Order of creation; names it.
    pub number: u32,
    pub created: SimTime,
    pub node: Option<NodeId>,
    /// PodScheduled is False: the scheduler found no node.
    pub unschedulable: bool,
    /// When the kubelet took it on (`startTime`).
    pub started: Option<SimTime>,
    pub phase: Phase,
    pub ready: bool,
    /// When `ready` last changed.
    pub ready_changed: SimTime,
    pub restarts: u32,
    /// It has a deletionTimestamp.
    pub terminating: bool,
    /// The box in the world behind it; none where its machine is gone.
    pub subject: Option<BoxId>,
}

impl Pod {
    /// Counts for its ReplicaSet.
    pub fn is_active(&self) -> bool {
        !self.terminating
    }

    /// How its Service should list it, if at all.
    pub fn endpoint(&self) -> Option<EndpointCondition> {
        self.ready.then_some(match self.terminating {
            false => EndpointCondition::Ready,
            true => EndpointCondition::Terminating,
        })
    }
}

/// A node: a machine that has joined the cluster.
#[derive(Clone, Debug)]
pub struct Node {
    pub vm: VmId,
    pub zone: ZoneId,
    pub allocatable: Resources,
    /// Requests of the pods bound to it and of DaemonSets.
    pub requested: Resources,
    pub ready: Ready,
    /// `unreachable:NoExecute` since then.
    pub no_execute: Option<SimTime>,
    /// Marked by the Cluster Autoscaler (`ToBeDeletedByClusterAutoscaler:NoSchedule` and cordoned).
    pub to_be_deleted: bool,
}

/// The Ready condition of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ready {
    True,
    /// Its leases stay away (NodeStatusUnknown); `unreachable:NoSchedule` goes with it.
    Unknown {
        since: SimTime,
    },
}

impl Node {
    pub fn is_ready(&self) -> bool {
        self.ready == Ready::True
    }

    /// No taint keeps new pods away.
    pub fn is_schedulable(&self) -> bool {
        self.is_ready() && self.no_execute.is_none() && !self.to_be_deleted
    }

    pub fn fits(&self, requests: Resources) -> bool {
        self.requested.leaves_room(requests, self.allocatable)
    }
}

/// Conditions of an endpoint that occur here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointCondition {
    /// Ready and not terminating.
    Ready,
    /// Terminating and still serving: used where nothing is ready (KEP-1669).
    Terminating,
}

/// The EndpointSlices of one Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    ready: BTreeSet<PodId>,
    terminating: BTreeSet<PodId>,
}

impl Endpoints {
    /// How a pod is listed.
    pub fn condition(&self, pod: PodId) -> Option<EndpointCondition> {
        let conditions = [EndpointCondition::Ready, EndpointCondition::Terminating];
        conditions.into_iter().find(|&c| self.with(c).contains(&pod))
    }

    /// Pods that are listed so.
    pub fn with(&self, condition: EndpointCondition) -> &BTreeSet<PodId> {
        match condition {
            EndpointCondition::Ready => &self.ready,
            EndpointCondition::Terminating => &self.terminating,
        }
    }

    /// Those that get requests.
    pub fn used(&self) -> EndpointCondition {
        if self.ready.is_empty() { EndpointCondition::Terminating } else { EndpointCondition::Ready }
    }

    /// Lists a pod so, or not at all.
    pub fn set(&mut self, pod: PodId, condition: Option<EndpointCondition>) {
        self.ready.remove(&pod);
        self.terminating.remove(&pod);
        match condition {
            Some(EndpointCondition::Ready) => self.ready.insert(pod),
            Some(EndpointCondition::Terminating) => self.terminating.insert(pod),
            None => false,
        };
    }
}

/// Spec of a HorizontalPodAutoscaler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hpa {
    pub min: u32,
    pub max: u32,
    /// Wanted use, in percent of requests.
    pub target: u32,
}
