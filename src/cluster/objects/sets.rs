//! StatefulSets and DaemonSets. Neither is removed.

use super::{Selector, Size, TemplateId};
use crate::engine::SimDuration;

/// A StatefulSet; its pods are told apart by ordinals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatefulSetId(pub u32);

/// A DaemonSet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DaemonSetId(pub u32);

/// How a StatefulSet makes and deletes its pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodManagement {
    /// One after the other, each when the one before is ready.
    OrderedReady,
    /// All at once; updates are one by one all the same.
    Parallel,
}

/// Pods with identities.
#[derive(Clone, Debug)]
pub struct StatefulSet {
    /// Template that pods shall have; they bear its number as `controller-revision-hash` (`updateRevision`).
    pub template: TemplateId,
    /// Template that all pods had last (`currentRevision`).
    pub current: TemplateId,
    pub selector: Selector,
    pub replicas: u32,
    /// No pod has, or had, an ordinal from here on.
    pub ordinals: u32,
    pub management: PodManagement,
    /// Pods with smaller ordinals are not updated, and are made anew as they were.
    pub partition: u32,
    pub min_ready: SimDuration,
}

/// One pod on every node that it tolerates.
#[derive(Clone, Debug)]
pub struct DaemonSet {
    /// Template of pods that are made now, without the affinity that ties each to its node.
    pub template: TemplateId,
    /// Pods that may be unavailable during an update; a share is of all, and rounded up.
    pub max_unavailable: Size,
    pub min_ready: SimDuration,
}
