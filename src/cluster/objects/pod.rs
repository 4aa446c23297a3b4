//! Pods.

use super::{DaemonSetId, JobId, NodeId, ReplicaSetId, StatefulSetId, TemplateId};
use crate::engine::SimTime;

/// Who made a pod and answers for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// Nobody: a bare pod.
    None,
    ReplicaSet(ReplicaSetId),
    /// The pod with this ordinal.
    StatefulSet(StatefulSetId, u32),
    DaemonSet(DaemonSetId),
    Job(JobId),
}

/// Phases of a pod, in the order in which a scale-down takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Not bound, or no container was started yet.
    Pending,
    Running,
    /// All containers ended well, and stay ended.
    Succeeded,
    /// It was evicted, refused by its kubelet, or a container ended badly and stays ended.
    Failed,
}

/// A pod.
#[derive(Clone, Debug)]
pub struct Pod {
    pub owner: Owner,
    pub template: TemplateId,
    /// Order of creation; stands for its name.
    pub number: u32,
    /// `pod-deletion-cost`.
    pub deletion_cost: i32,
    pub created: SimTime,
    pub node: Option<NodeId>,
    /// Where the scheduler makes room for it (`nominatedNodeName`).
    pub nominated: Option<NodeId>,
    /// PodScheduled is False: the scheduler found no node.
    pub unschedulable: bool,
    /// When the kubelet took it on (`startTime`).
    pub started: Option<SimTime>,
    pub phase: Phase,
    /// When its container was last started.
    pub container_started: Option<SimTime>,
    pub ready: bool,
    /// When `ready` last changed, or the pod ended.
    pub ready_changed: SimTime,
    pub restarts: u32,
    /// Its Job has counted it: it has no tracking finalizer any more. Says nothing of other pods.
    pub counted: bool,
    /// It has a deletionTimestamp: deletion was asked for then.
    pub deleted: Option<SimTime>,
}

impl Pod {
    pub fn is_terminating(&self) -> bool {
        self.deleted.is_some()
    }

    /// It ended and stays ended.
    pub fn is_terminal(&self) -> bool {
        self.phase >= Phase::Succeeded
    }

    /// Counts for its owner.
    pub fn is_active(&self) -> bool {
        !self.is_terminating() && !self.is_terminal()
    }
}
