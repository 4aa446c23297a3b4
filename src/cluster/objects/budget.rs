//! PodDisruptionBudgets.

use super::{Labels, PodId, Selector, Size};
use crate::engine::SimTime;
use std::collections::BTreeMap;

/// What a budget keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// So many healthy pods stay (`minAvailable`).
    MinAvailable(Size),
    /// So many may be missing (`maxUnavailable`).
    MaxUnavailable(Size),
}

/// When a pod that is not ready may be evicted (`unhealthyPodEvictionPolicy`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnhealthyPods {
    /// While enough others are healthy.
    #[default]
    IfHealthyBudget,
    AlwaysAllow,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug)]
pub struct DisruptionBudget {
    pub selector: Selector,
    pub keep: Keep,
    pub unhealthy: UnhealthyPods,
    pub status: BudgetStatus,
}

impl DisruptionBudget {
    /// A budget for pods with these labels, of which nothing is known yet.
    pub fn new(labels: &Labels, keep: Keep) -> DisruptionBudget {
        let (unhealthy, status) = Default::default();
        DisruptionBudget { selector: Selector::of_labels(labels), keep, unhealthy, status }
    }
}

/// What the controller saw, less what was evicted since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BudgetStatus {
    /// The controller saw the budget.
    pub observed: bool,
    /// Pods that may be evicted now.
    pub allowed: u32,
    pub healthy: u32,
    pub desired: u32,
    pub expected: u32,
    /// Pods that were evicted and are not seen to end yet, and since when.
    pub disrupted: BTreeMap<PodId, SimTime>,
}
