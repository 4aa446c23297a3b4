//! Which events may help a pod that was rejected: each plugin answers for itself.
//!
//! Follows the QueueingHintFn of the plugins and eventhandlers.go of v1.36.2. A pod moves if one of the plugins that
//! rejected it says so. Reads classes and the node concerned.
//!
//! *Deviation:* pod affinity and spreading are asked about labels and keys only, not whether the very domain changes;
//! they may try a pod once more for nothing.
//!
//! Start at [`helps`].

use super::class::Class;
use super::filters::{resources_fit, taint_toleration};
use super::node::NodeInfo;
use super::profile::Plugin;
use super::tally::is_required;
use crate::cluster::objects::{Labels, PodAffinity, Require, WhenUnsatisfiable};

/// What happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A node came, or changed from `old`.
    Node { old: Option<&'a NodeInfo>, new: &'a NodeInfo },
    /// A pod was bound.
    PodBound(&'a Class),
    /// A bound pod ended or is gone.
    PodGone(&'a Class),
}

/// Whether a plugin thinks that an event may make a node fit for pods of a class.
pub fn helps(plugin: Plugin, class: &Class, event: Event<'_>) -> bool {
    match plugin {
        Plugin::NodeUnschedulable => newly(event, |node| !node.cordoned),
        Plugin::TaintToleration => newly(event, |node| taint_toleration::tolerated(class, node)),
        Plugin::NodeAffinity => newly(event, |node| class.matches_node(&node.labels)),
        Plugin::NodeResourcesFit => room(class, event),
        Plugin::PodTopologySpread => spreads(class, event),
        Plugin::InterPodAffinity => affine(class, event),
        Plugin::NodeResourcesBalancedAllocation | Plugin::ImageLocality => false,
        // Nothing is known of it: every event may help.
        Plugin::Registered(_) => true,
    }
}

/// A node passes now, and did not before.
fn newly(event: Event<'_>, passes: impl Fn(&NodeInfo) -> bool) -> bool {
    match event {
        Event::Node { old, new } => passes(new) && old.is_none_or(|old| !passes(old)),
        Event::PodBound(_) | Event::PodGone(_) => false,
    }
}

/// NodeResourcesFit: any pod that goes leaves room; a node must be large enough, and have grown if it was there.
fn room(class: &Class, event: Event<'_>) -> bool {
    let requests = class.requests;
    let grew = |old: &NodeInfo, new: &NodeInfo| {
        new.allocatable.pods > old.allocatable.pods
            || (requests.cpu > 0 && new.allocatable.cpu > old.allocatable.cpu)
            || (requests.memory > 0 && new.allocatable.memory > old.allocatable.memory)
    };
    match event {
        Event::Node { old, new } => {
            resources_fit::fits_empty(requests, new.allocatable) && old.is_none_or(|old| grew(old, new))
        }
        Event::PodGone(_) => true,
        Event::PodBound(_) => false,
    }
}

/// PodTopologySpread: pods that count for a constraint came or went, or a node with all the keys.
fn spreads(class: &Class, event: Event<'_>) -> bool {
    let hard =
        || class.spec.spread.iter().filter(|c| c.when_unsatisfiable == WhenUnsatisfiable::DoNotSchedule);
    let has_keys = |node: &NodeInfo| hard().all(|c| node.labels.get(c.topology_key).is_some());
    match event {
        Event::Node { old: None, new } => has_keys(new),
        Event::Node { old: Some(old), new } => {
            let changed = old.labels != new.labels || old.taints != new.taints;
            changed && (has_keys(new) || has_keys(old))
        }
        Event::PodBound(other) | Event::PodGone(other) => {
            hard().any(|c| c.selector.matches(&other.spec.labels))
        }
    }
}

/// InterPodAffinity: a pod that is wanted came, one that repels or is avoided went, or a node with one of the keys.
fn affine(class: &Class, event: Event<'_>) -> bool {
    let required = |class: &'_ Class, anti, labels: &Labels| {
        let matches = |t: &PodAffinity| is_required(t, anti) && t.selector.matches(labels);
        class.spec.pod_affinity.iter().any(matches)
    };
    match event {
        Event::Node { old, new } => {
            let keys = || class.spec.pod_affinity.iter().filter(|t| t.require == Require::Required);
            let has_any = keys().next().is_none() || keys().any(|t| new.labels.get(t.topology_key).is_some());
            has_any && old.is_none_or(|old| old.labels != new.labels)
        }
        Event::PodBound(other) => required(class, false, &other.spec.labels),
        Event::PodGone(other) => {
            required(class, true, &other.spec.labels) || required(other, true, &class.spec.labels)
        }
    }
}
