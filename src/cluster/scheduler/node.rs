//! What the scheduler knows of a node: upstream's NodeInfo (framework/types.go of v1.36.2).
//!
//! Pods are counted by class, not listed by label. Knows no domains; those are in [`super::tally`].

use super::class::ClassId;
use crate::cluster::objects::{Image, Labels, Node, NodeId, Resources, Taint};

/// Pods of one class on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassCount {
    pub class: ClassId,
    pub alive: u32,
    pub terminating: u32,
}

/// A node as the scheduler sees it.
#[derive(Clone, Debug)]
pub struct NodeInfo {
    pub id: NodeId,
    pub labels: Labels,
    pub taints: Vec<Taint>,
    /// `spec.unschedulable`.
    pub cordoned: bool,
    pub allocatable: Resources,
    /// Requests of its pods, assumed ones included, and of what runs there without being a pod.
    pub requested: Resources,
    /// The same with defaults where nothing is requested (`NonZeroRequested`).
    pub scored: Resources,
    /// Images on it, with their sizes [bytes].
    pub images: Vec<(Image, u64)>,
    pub(super) classes: Vec<ClassCount>,
    /// Places of its pods in the cache.
    pub(super) pods: Vec<u32>,
    /// The Node object exists; without it only its pods are left.
    pub(super) present: bool,
}

impl NodeInfo {
    pub fn new(id: NodeId, node: &Node, overhead: Resources) -> NodeInfo {
        NodeInfo {
            id,
            labels: node.labels.clone(),
            taints: node.taints.clone(),
            cordoned: node.cordoned,
            allocatable: node.allocatable,
            requested: overhead,
            scored: overhead,
            images: Vec::new(),
            classes: Vec::new(),
            pods: Vec::new(),
            present: true,
        }
    }

    /// Counts pods of a class in or out.
    pub(super) fn count(&mut self, class: ClassId, alive: i32, terminating: i32) {
        let at = match self.classes.iter().position(|c| c.class == class) {
            Some(at) => at,
            None => {
                self.classes.push(ClassCount { class, alive: 0, terminating: 0 });
                self.classes.len() - 1
            }
        };
        let entry = &mut self.classes[at];
        let plus = |n: u32, more| n.checked_add_signed(more).expect("pods are counted out once");
        entry.alive = plus(entry.alive, alive);
        entry.terminating = plus(entry.terminating, terminating);
        if entry.alive + entry.terminating == 0 {
            self.classes.swap_remove(at);
        }
    }
}
