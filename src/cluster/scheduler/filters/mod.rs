//! Filters of the default profile, one a file: may a pod run on a node?
//!
//! In the order of apis/config/v1/default_plugins.go, v1.36.2; the first that fails gives the reasons. Filters on the node
//! alone come first, those on its domains ([`topology_spread`], [`inter_pod_affinity`]) last.
//!
//! *Deviation:* no ports, volumes or devices: objects have none. Start at [`of_node`] and [`of_domains`].

pub mod inter_pod_affinity;
pub mod node_affinity;
pub mod node_unschedulable;
pub mod resources_fit;
pub mod taint_toleration;
pub mod topology_spread;

use super::class::{Class, Newcomer};
use super::node::NodeInfo;
use super::profile::{Filter, Plugin};
use super::tally::TallyId;
use std::sync::Arc;

/// Why a node is out of question for a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rejection {
    pub plugin: Plugin,
    pub reasons: [Option<&'static str>; 3],
    /// Removing pods from the node might help.
    pub resolvable: bool,
}

impl Rejection {
    fn new(plugin: Plugin, reason: &'static str, resolvable: bool) -> Rejection {
        Rejection { plugin, reasons: [Some(reason), None, None], resolvable }
    }

    /// One of a registered filter.
    pub fn registered(filter: &'static str, reason: &'static str, resolvable: bool) -> Rejection {
        Rejection::new(Plugin::Registered(filter), reason, resolvable)
    }
}

/// What the node alone says: built-in filters, then registered ones.
pub fn of_node(class: &Class, node: &NodeInfo, registered: &[Arc<dyn Filter>]) -> Result<(), Rejection> {
    node_unschedulable::check(class, node)?;
    taint_toleration::check(class, node)?;
    node_affinity::check(class, node)?;
    resources_fit::check(class, node)?;
    registered.iter().try_for_each(|f| f.check(&class.spec, node))
}

/// What the domains of a node say. `sum` gives the sum of a tally there, `None` without the label; `minima` are those of
/// [`topology_spread::minima`].
pub fn of_domains(
    newcomer: &Newcomer,
    minima: &[i64],
    sum: &impl Fn(TallyId) -> Option<i64>,
    terms: &impl Fn(TallyId) -> i64,
) -> Result<(), Rejection> {
    topology_spread::check(newcomer, minima, sum)?;
    inter_pod_affinity::check(newcomer, sum, terms)
}
