//! TaintToleration: nodes with fewer untolerated PreferNoSchedule taints are better.
//!
//! Follows plugins/tainttoleration of v1.36.2; normalised in reverse, so 100 for all if there is none.

use super::super::class::Class;
use super::super::node::NodeInfo;
use crate::cluster::objects::{Effect, Toleration};

/// Untolerated taints. Only tolerations of this effect, or of every effect, are asked.
pub fn raw(class: &Class, node: &NodeInfo) -> i64 {
    let asked = |t: &&Toleration| t.effect.is_none_or(|e| e == Effect::PreferNoSchedule);
    let tolerated = |taint| class.spec.tolerations.iter().filter(asked).any(|t| t.tolerates(taint));
    let soft = node.taints.iter().filter(|t| t.effect == Effect::PreferNoSchedule);
    soft.filter(|t| !tolerated(t)).count() as i64
}
