//! The scheduler's own view of nodes and pods: what it read from its watches, and the pods that it has assumed.
//!
//! Follows backend/cache of v1.36.2 in what it holds. It refers to no store: whoever watches one says what changed.
//! A live pod costs 20 bytes here, and 4 on its node; a pod that is gone costs nothing.
//!
//! Nodes are here, pods in [`pods`], what is counted of them in [`counts`]. Start at [`Cache::add_node`], then
//! [`Cache::add_pod`].

mod counts;
mod pods;

use super::class::{Class, ClassId};
use super::node::NodeInfo;
use super::order::NodeOrder;
use super::tally::{Tally, Topology};
use crate::cluster::objects::{Image, Node, NodeId, PodId, Resources};
use crate::engine::SecondaryMap;
use pods::PodPlace;
use std::collections::BTreeMap;

/// No class.
const NONE: u32 = u32::MAX;

/// How many nodes have an image.
#[derive(Clone, Copy, Debug, Default)]
struct Copies {
    nodes: u32,
    /// The change of images that was its last.
    changed: u64,
}

/// Nodes, bound pods and their sums.
#[derive(Clone, Debug, Default)]
pub struct Cache {
    nodes: Vec<Option<NodeInfo>>,
    free_nodes: Vec<u32>,
    slots: SecondaryMap<NodeId, u32>,
    /// Nodes that exist.
    present: usize,
    pub(in crate::cluster::scheduler) order: NodeOrder,
    pods: Vec<PodPlace>,
    classes: Vec<Option<Class>>,
    free_classes: Vec<u32>,
    classes_made: u64,
    /// Class by index of the template.
    by_template: Vec<u32>,
    topologies: Vec<Topology>,
    tallies: Vec<Option<Tally>>,
    free_tallies: Vec<u32>,
    /// Pods that room is being made for, or that were promised a node.
    nominated: BTreeMap<PodId, (u32, ClassId)>,
    /// Images that are on nodes.
    images: BTreeMap<Image, Copies>,
    /// Changes of images so far, and the last one that left an image on no node.
    image_changes: u64,
    last_image_gone: u64,
    /// Slots of nodes that changed, the oldest first.
    changed: Vec<u32>,
    /// Changes that were forgotten before the first in `changed`.
    forgotten: u64,
    /// Grows with each change of the list of nodes.
    epoch: u64,
}

impl Cache {
    /// A node joined. `overhead` is what runs on it without being a pod.
    pub fn add_node(&mut self, id: NodeId, node: &Node, overhead: Resources) {
        let slot = match self.free_nodes.pop() {
            Some(slot) => slot,
            None => {
                self.nodes.push(None);
                self.nodes.len() as u32 - 1
            }
        };
        self.slots.insert(id, slot);
        self.present += 1;
        let info = NodeInfo::new(id, node, overhead);
        self.order.add(slot, &info.labels);
        self.nodes[slot as usize] = Some(info);
        self.attach(slot);
        self.touch(slot);
        self.epoch += 1;
    }

    /// Spec, labels or allocatable of a node changed.
    pub fn update_node(&mut self, id: NodeId, node: &Node) {
        let Some(&slot) = self.slots.get(id) else { return };
        let info = self.node(slot);
        if info.labels != node.labels || info.taints != node.taints {
            let old = info.labels.clone();
            self.detach(slot);
            let info = self.node_mut(slot);
            info.labels = node.labels.clone();
            info.taints = node.taints.clone();
            self.attach(slot);
            if self.order.relabel(slot, &old, &node.labels) {
                self.epoch += 1;
            }
        }
        let info = self.node_mut(slot);
        info.cordoned = node.cordoned;
        info.allocatable = node.allocatable;
        self.touch(slot);
    }

    /// A Node object went; its pods stay until they go themselves.
    pub fn remove_node(&mut self, id: NodeId) {
        let Some(slot) = self.slots.remove(id) else { return };
        self.present -= 1;
        self.set_images(slot, Vec::new());
        self.detach(slot);
        self.order.remove(slot);
        self.node_mut(slot).present = false;
        self.nominated.retain(|_, (s, _)| *s != slot);
        self.touch(slot);
        self.free_node_if_empty(slot);
        self.epoch += 1;
    }

    fn free_node_if_empty(&mut self, slot: u32) {
        let node = self.node(slot);
        if !node.present && node.pods.is_empty() {
            self.nodes[slot as usize] = None;
            self.free_nodes.push(slot);
        }
    }

    /// Images on a node, with their sizes [bytes].
    pub fn node_images(&mut self, id: NodeId, images: Vec<(Image, u64)>) {
        if let Some(&slot) = self.slots.get(id) {
            self.set_images(slot, images);
        }
    }

    fn set_images(&mut self, slot: u32, images: Vec<(Image, u64)>) {
        let before = std::mem::replace(&mut self.node_mut(slot).images, images.clone());
        self.image_changes += 1;
        for image in before.iter().filter(|image| !images.contains(image)) {
            let copies = self.images.get_mut(&image.0).expect("images of nodes are counted");
            *copies = Copies { nodes: copies.nodes - 1, changed: self.image_changes };
        }
        for image in images.iter().filter(|image| !before.contains(image)) {
            let copies = self.images.entry(image.0).or_default();
            *copies = Copies { nodes: copies.nodes + 1, changed: self.image_changes };
        }
        for (image, _) in &before {
            if self.images.get(image).is_some_and(|copies| copies.nodes == 0) {
                self.images.remove(image);
                self.last_image_gone = self.image_changes;
            }
        }
    }

    /// The last change of images that may concern pods of a class.
    pub(in crate::cluster::scheduler) fn images_changed(&self, class: &Class) -> u64 {
        let containers = class.spec.init_containers.iter().chain(&class.spec.containers);
        let changed = |image: &Image| self.images.get(image).map_or(self.last_image_gone, |s| s.changed);
        containers.map(|container| changed(&container.image)).max().unwrap_or(0)
    }

    /// Nodes that have an image.
    pub(in crate::cluster::scheduler) fn nodes_with(&self, image: Image) -> u32 {
        self.images.get(&image).map_or(0, |copies| copies.nodes)
    }

    /// The node in a slot that is in use.
    pub fn node(&self, slot: u32) -> &NodeInfo {
        self.nodes[slot as usize].as_ref().expect("slots in use have a node")
    }

    fn node_mut(&mut self, slot: u32) -> &mut NodeInfo {
        self.nodes[slot as usize].as_mut().expect("slots in use have a node")
    }

    pub fn slot(&self, id: NodeId) -> Option<u32> {
        self.slots.get(id).copied()
    }

    /// Nodes that exist.
    pub fn node_count(&self) -> usize {
        self.present
    }
}

/// Changes, for those who keep results between cycles.
impl Cache {
    fn touch(&mut self, slot: u32) {
        // Whoever is so far behind starts anew with less work.
        if self.changed.len() > 4 * self.nodes.len() + 256 {
            let old = self.changed.len() / 2;
            self.changed.drain(..old);
            self.forgotten += old as u64;
        }
        self.changed.push(slot);
    }

    pub(in crate::cluster::scheduler) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Changes so far.
    pub(in crate::cluster::scheduler) fn changes(&self) -> u64 {
        self.forgotten + self.changed.len() as u64
    }

    /// Nodes that changed since then; `None` if that is too long ago.
    pub(in crate::cluster::scheduler) fn changed_since(&self, seen: u64) -> Option<&[u32]> {
        let skip = seen.checked_sub(self.forgotten)?;
        Some(&self.changed[skip as usize..])
    }

    /// All slots are smaller.
    pub(in crate::cluster::scheduler) fn slots(&self) -> usize {
        self.nodes.len()
    }

    /// A Node object is in this slot.
    pub(in crate::cluster::scheduler) fn is_present(&self, slot: u32) -> bool {
        self.nodes[slot as usize].as_ref().is_some_and(|n| n.present)
    }
}
