//! NodeAffinity: the pod's node selector and one of its required terms must hold.
//!
//! Follows plugins/nodeaffinity of v1.36.2. Reads labels of nodes.

use super::{Class, NodeInfo, Plugin, Rejection};

pub fn check(class: &Class, node: &NodeInfo) -> Result<(), Rejection> {
    if class.matches_node(&node.labels) {
        return Ok(());
    }
    Err(Rejection::new(Plugin::NodeAffinity, "node(s) didn't match Pod's node affinity/selector", false))
}
