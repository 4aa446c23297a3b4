//! TaintToleration: no pods that do not tolerate a NoSchedule or NoExecute taint.
//!
//! Follows plugins/tainttoleration of v1.36.2 (whose message no longer names the taint). Reads taints and tolerations.

use super::{Class, NodeInfo, Plugin, Rejection};
use crate::cluster::objects::Effect;

/// All taints that keep pods away are tolerated.
pub fn tolerated(class: &Class, node: &NodeInfo) -> bool {
    node.taints.iter().all(|t| t.effect == Effect::PreferNoSchedule || class.spec.tolerates(t))
}

pub fn check(class: &Class, node: &NodeInfo) -> Result<(), Rejection> {
    if tolerated(class, node) {
        return Ok(());
    }
    Err(Rejection::new(Plugin::TaintToleration, "node(s) had untolerated taint(s)", false))
}
