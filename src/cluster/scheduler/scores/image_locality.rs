//! ImageLocality: nodes that have the pod's images, counted by size and by how widespread they are.
//!
//! Follows plugins/imagelocality of v1.36.2: each image counts its size times the share of nodes that have it; the sum is
//! clamped between 23 MiB and 1000 MiB a container.

use super::super::cache::Cache;
use super::super::class::Class;
use super::super::node::NodeInfo;
use super::MAX;
use crate::cluster::objects::Image;

const MIN: i64 = 23 << 20;
const MAX_PER_CONTAINER: i64 = 1_000 << 20;

/// The images of newcomers of one class, with the share of nodes that have each.
pub struct Images(Vec<(Image, f64)>);

impl Images {
    pub fn of(cache: &Cache, class: &Class) -> Images {
        let containers = class.spec.init_containers.iter().chain(&class.spec.containers);
        let share = |image| f64::from(cache.nodes_with(image)) / cache.node_count() as f64;
        Images(containers.map(|container| (container.image, share(container.image))).collect())
    }

    pub fn score(&self, node: &NodeInfo) -> i64 {
        let size =
            |image: Image| node.images.iter().find(|(there, _)| *there == image).map_or(0, |image| image.1);
        let sum = self.0.iter().map(|&(image, share)| (size(image) as f64 * share) as i64).sum();
        // Less than the least that counts, as on most nodes.
        if sum <= MIN { 0 } else { scaled(sum, self.0.len() as i64) }
    }
}

fn scaled(sum: i64, containers: i64) -> i64 {
    let max = MAX_PER_CONTAINER * containers;
    MAX * (sum.clamp(MIN, max) - MIN) / (max - MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_count_by_size_between_the_thresholds() {
        assert_eq!((scaled(0, 1), scaled(MIN, 1), scaled(5_000 << 20, 1)), (0, 0, 100));
        // (500 − 23)·100 / (1000 − 23) = 48.8; two containers: (500 − 23)·100 / (2000 − 23) = 24.1.
        assert_eq!((scaled(500 << 20, 1), scaled(500 << 20, 2)), (48, 24));
    }
}
