//! NodeAffinity: weights of the preferred terms that hold; skipped without any.
//!
//! Follows plugins/nodeaffinity of v1.36.2; the best node gets 100, or all get 0 where none matches.

use super::super::class::Class;
use super::super::node::NodeInfo;

/// Says something for pods of a class.
pub fn applies(class: &Class) -> bool {
    !class.spec.node_affinity.preferred.is_empty()
}

pub fn raw(class: &Class, node: &NodeInfo) -> i64 {
    let preferred = class.spec.node_affinity.preferred.iter();
    let holds = |term: &crate::cluster::objects::NodeTerm| {
        !term.is_empty() && term.iter().all(|r| r.matches(&node.labels))
    };
    preferred.filter(|(_, term)| holds(term)).map(|(weight, _)| weight).sum()
}
