//! What a scheduler is set to: profile, ties, sampling, and plugins of one's own.
//!
//! Defaults are those of apis/config/v1 of v1.36.2. Knows no queue and no cache. Start at [`Profile`].

use super::filters::Rejection;
use super::node::NodeInfo;
use crate::cluster::objects::PodSpec;
use std::fmt::Debug;
use std::sync::Arc;

/// A plugin of the default profile, or one that was registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Plugin {
    NodeUnschedulable,
    TaintToleration,
    NodeAffinity,
    NodeResourcesFit,
    PodTopologySpread,
    InterPodAffinity,
    NodeResourcesBalancedAllocation,
    ImageLocality,
    Registered(&'static str),
}

impl Plugin {
    pub fn name(self) -> &'static str {
        match self {
            Plugin::NodeUnschedulable => "NodeUnschedulable",
            Plugin::TaintToleration => "TaintToleration",
            Plugin::NodeAffinity => "NodeAffinity",
            Plugin::NodeResourcesFit => "NodeResourcesFit",
            Plugin::PodTopologySpread => "PodTopologySpread",
            Plugin::InterPodAffinity => "InterPodAffinity",
            Plugin::NodeResourcesBalancedAllocation => "NodeResourcesBalancedAllocation",
            Plugin::ImageLocality => "ImageLocality",
            Plugin::Registered(name) => name,
        }
    }
}

/// How NodeResourcesFit scores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scoring {
    /// Empty nodes first.
    #[default]
    LeastAllocated,
    /// Full nodes first.
    MostAllocated,
}

/// Which of the nodes with the best score is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ties {
    /// The first in the list of feasible nodes: v1.35 and v1.36 without extenders.
    #[default]
    FirstListed,
    /// Each with the same probability: up to v1.34.
    Uniform,
}

/// Weights of the scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    pub taint_toleration: i64,
    pub node_affinity: i64,
    pub resources_fit: i64,
    pub balanced_allocation: i64,
    pub topology_spread: i64,
    pub inter_pod_affinity: i64,
    pub image_locality: i64,
}

impl Default for Weights {
    fn default() -> Self {
        Weights {
            taint_toleration: 3,
            node_affinity: 2,
            resources_fit: 1,
            balanced_allocation: 1,
            topology_spread: 2,
            inter_pod_affinity: 2,
            image_locality: 1,
        }
    }
}

/// A filter of one's own. It may look at the node alone, not at pods elsewhere.
pub trait Filter: Debug + Send + Sync {
    fn name(&self) -> &'static str;

    /// Why the pod cannot run there; [`Rejection::registered`] makes one.
    fn check(&self, pod: &PodSpec, node: &NodeInfo) -> Result<(), Rejection>;
}

/// A score of one's own, from 0 to 100 after `normalize`.
pub trait Score: Debug + Send + Sync {
    fn name(&self) -> &'static str;

    fn weight(&self) -> i64;

    fn score(&self, pod: &PodSpec, node: &NodeInfo) -> i64;

    /// Brings the scores of all feasible nodes to 0–100.
    fn normalize(&self, _scores: &mut [i64]) {}
}

/// Plugins and their settings.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    pub scoring: Scoring,
    pub weights: Weights,
    /// Run after the built-in ones.
    pub filters: Vec<Arc<dyn Filter>>,
    pub scores: Vec<Arc<dyn Score>>,
}

/// Settings of a scheduler.
#[derive(Clone, Debug, Default)]
pub struct SchedulerSettings {
    pub profile: Profile,
    pub ties: Ties,
    /// Share of the nodes that must be found feasible before the search ends [%]; 0 adapts to the size of the cluster.
    pub percentage_of_nodes: u32,
}
