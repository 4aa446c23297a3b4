//! Scores of the default profile, one a file: where would a pod best run?
//!
//! Integers from 0 to 100 after normalisation, as in v1.36.2; a weight multiplies each, and the sum decides. A plugin that
//! has nothing to say for a pod is skipped. Start at [`of_room`], then [`normalize`] and the files.

pub mod balanced_allocation;
pub mod image_locality;
pub mod inter_pod_affinity;
pub mod node_affinity;
pub mod resources_fit;
pub mod taint_toleration;
pub mod topology_spread;

use super::cache::Cache;
use super::class::{Class, ClassId, Spread};
use super::node::NodeInfo;
use super::profile::{Plugin, Profile};
use super::tally::TallyId;

/// The best a plugin can say.
pub const MAX: i64 = 100;

/// The weighted scores that depend on the node alone, for what is requested on it: fit and balance.
pub fn of_room(profile: &Profile, class: &Class, node: &NodeInfo) -> i64 {
    profile.weights.resources_fit * resources_fit::score(profile.scoring, class, node)
        + profile.weights.balanced_allocation * balanced_allocation::score(class, node).unwrap_or(0)
}

/// Feasible nodes that look the same to every score but those of [`of_room`] and images; a single node is a group too.
pub trait Group {
    /// How many they are.
    fn nodes(&self) -> usize;
    /// Untolerated PreferNoSchedule taints.
    fn taints(&self) -> i64;
    /// Weights of the preferred node affinity.
    fn affinity(&self) -> i64;
    /// The domain in which a spread counts.
    fn domain(&self, spread: &Spread) -> u32;
    /// The sum of a tally there; `None` if they lack the label.
    fn sum(&self, tally: TallyId) -> Option<i64>;
}

/// The weighted scores that depend on all feasible nodes, by plugin and group; without the plugins that are skipped.
pub fn of_groups<G: Group>(
    profile: &Profile,
    cache: &Cache,
    class: ClassId,
    groups: &[G],
) -> Vec<(Plugin, Vec<i64>)> {
    let (newcomer, class) = (cache.newcomer(class), cache.class(class));
    let weights = &profile.weights;
    let mut all = Vec::with_capacity(4);
    let mut add = |plugin, weight: i64, mut scores: Vec<i64>| {
        scores.iter_mut().for_each(|s| *s *= weight);
        all.push((plugin, scores));
    };
    let mut taints: Vec<i64> = groups.iter().map(Group::taints).collect();
    normalize(&mut taints, true);
    add(Plugin::TaintToleration, weights.taint_toleration, taints);
    if node_affinity::applies(class) {
        let mut affinity: Vec<i64> = groups.iter().map(Group::affinity).collect();
        normalize(&mut affinity, false);
        add(Plugin::NodeAffinity, weights.node_affinity, affinity);
    }
    if topology_spread::applies(newcomer) {
        add(Plugin::PodTopologySpread, weights.topology_spread, topology_spread::scores(newcomer, groups));
    }
    if inter_pod_affinity::applies(cache, newcomer) {
        let mut near: Vec<i64> =
            groups.iter().map(|g| inter_pod_affinity::raw(newcomer, &|t| g.sum(t))).collect();
        inter_pod_affinity::normalize(&mut near);
        add(Plugin::InterPodAffinity, weights.inter_pod_affinity, near);
    }
    all
}

/// plugins/helper/normalize_score.go: the largest becomes 100; `reverse` turns it round.
pub fn normalize(scores: &mut [i64], reverse: bool) {
    let max = scores.iter().copied().max().unwrap_or(0);
    for score in scores {
        let scaled = if max == 0 { 0 } else { *score * MAX / max };
        *score = if reverse { MAX - scaled } else { scaled };
    }
}
