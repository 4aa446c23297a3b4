//! ImageLocality: nodes that have the pod's images, counted by size and by how widespread they are.
//!
//! Follows plugins/imagelocality of v1.36.2: each image counts its size times the share of nodes that have it; the sum is
//! clamped between 23 MiB and 1000 MiB a container.

use super::super::cache::Cache;
use super::super::class::Class;
use super::super::node::NodeInfo;
use super::MAX;

const MIN: i64 = 23 << 20;
const MAX_PER_CONTAINER: i64 = 1_000 << 20;

pub fn score(cache: &Cache, class: &Class, node: &NodeInfo) -> i64 {
    if node.images.is_empty() {
        return 0;
    }
    let containers = || class.spec.init_containers.iter().chain(&class.spec.containers);
    let one = |container: &crate::cluster::objects::Container| {
        let Some((image, size)) = node.images.iter().find(|(image, _)| *image == container.image) else {
            return 0;
        };
        let share = f64::from(cache.nodes_with(*image)) / cache.node_count() as f64;
        (*size as f64 * share) as i64
    };
    scaled(containers().map(one).sum(), containers().count() as i64)
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
