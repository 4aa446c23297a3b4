//! What stands behind the objects of the cluster in the world: a box behind a pod, a machine behind a node.
//!
//! Start at [`Bodies`].

use crate::cluster::objects::{DeploymentId, Image, NodeId, PodId, Template};
use crate::cluster::store::Store;
use crate::engine::SecondaryMap;
use crate::world::{BoxId, ServiceId, Version, VmId};

/// Pairs of objects and things. A pod whose machine is gone stands for nothing.
#[derive(Debug, Default)]
pub struct Bodies {
    box_of: SecondaryMap<PodId, BoxId>,
    pod_of: SecondaryMap<BoxId, PodId>,
    vm_of: SecondaryMap<NodeId, VmId>,
    node_of: SecondaryMap<VmId, NodeId>,
}

impl Bodies {
    pub fn box_of(&self, pod: PodId) -> Option<BoxId> {
        self.box_of.get(pod).copied()
    }

    pub fn pod_of(&self, subject: BoxId) -> Option<PodId> {
        self.pod_of.get(subject).copied()
    }

    pub fn vm_of(&self, node: NodeId) -> Option<VmId> {
        self.vm_of.get(node).copied()
    }

    pub fn node_of(&self, vm: VmId) -> Option<NodeId> {
        self.node_of.get(vm).copied()
    }

    pub fn add_pod(&mut self, pod: PodId, subject: BoxId) {
        self.box_of.insert(pod, subject);
        self.pod_of.insert(subject, pod);
    }

    /// The box is gone; gives it back.
    pub fn remove_pod(&mut self, pod: PodId) -> Option<BoxId> {
        let subject = self.box_of.remove(pod)?;
        self.pod_of.remove(subject);
        Some(subject)
    }

    pub fn add_node(&mut self, node: NodeId, vm: VmId) {
        self.vm_of.insert(node, vm);
        self.node_of.insert(vm, node);
    }

    pub fn remove_node(&mut self, node: NodeId) {
        if let Some(vm) = self.vm_of.remove(node) {
            self.node_of.remove(vm);
        }
    }
}

/// The image of a part of a service: a repository each, a tag for each version and base image. What configuration a
/// template has is part of that tag, and of no image on a node: the scheduler's score for images does not see that they
/// are there.
pub fn image_of(service: ServiceId, part: usize, tag: u64) -> Image {
    Image { repository: u32::from(service.0) | (part as u32) << 16, tag }
}

/// The tag of a version that was built on the base image of this number.
pub fn tag_of(version: Version, base: u32) -> u64 {
    u64::from(base) << 32 | u64::from(version.0)
}

/// The base image that an image was built on.
pub fn base_of(tag: u64) -> u32 {
    (tag >> 32) as u32
}

/// The version that an image is of.
fn version_of(tag: u64) -> Version {
    Version(tag as u32)
}

/// The same image whatever configuration goes with it.
pub fn without_configuration(image: Image) -> Image {
    Image { tag: tag_of(version_of(image.tag).code(), base_of(image.tag)), ..image }
}

/// The service and the part that an image is of.
pub fn part_of(image: Image) -> (ServiceId, usize) {
    (ServiceId(image.repository as u16), (image.repository >> 16) as usize)
}

/// What the first container of a template runs: the service and its version.
pub fn program(template: &Template) -> (ServiceId, Version) {
    let image = template.spec.containers[0].image;
    (part_of(image).0, version_of(image.tag))
}

/// The service of the world that the first Deployment and the Service of the cluster are for: they have the same number.
pub fn world_service(id: DeploymentId) -> ServiceId {
    ServiceId(id.0 as u16)
}

/// The service of the world that a Deployment is for, also where one Service has two.
pub fn service_behind(id: DeploymentId, store: &Store) -> ServiceId {
    program(store.template(store.deployment(id).template)).0
}

/// The Deployment of a service of the world.
pub fn deployment_of(service: ServiceId) -> DeploymentId {
    DeploymentId(u32::from(service.0))
}
