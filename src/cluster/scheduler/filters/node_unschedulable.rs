//! NodeUnschedulable: no new pods on a cordoned node, unless they tolerate its taint.
//!
//! Follows plugins/nodeunschedulable of v1.36.2. Reads `spec.unschedulable` and tolerations.

use super::{Class, NodeInfo, Plugin, Rejection};
use crate::cluster::objects::{Effect, Name, Taint};
use crate::engine::SimTime;

const CORDON: Taint =
    Taint { key: Name::UNSCHEDULABLE, value: Name::EMPTY, effect: Effect::NoSchedule, since: SimTime::ZERO };

pub fn check(class: &Class, node: &NodeInfo) -> Result<(), Rejection> {
    if node.cordoned && !class.spec.tolerates(&CORDON) {
        return Err(Rejection::new(Plugin::NodeUnschedulable, "node(s) were unschedulable", false));
    }
    Ok(())
}
