//! Pods of one template, as the scheduler sees them: what is the same for all is worked out once.
//!
//! A class is made when the first pod of a template is seen and goes with the last. Selectors are matched between
//! classes, never against pods. Start at [`Class`].

use super::tally::TallyId;
use crate::cluster::objects::{Labels, NodeTerm, PodSpec, Resources, Selector, TemplateId};

/// A class of pods in the scheduler's cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClassId(pub(super) u32);

impl ClassId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A tally that pods of the class are counted in: so much for each, by so many terms.
#[derive(Clone, Copy, Debug)]
pub struct Feed {
    pub tally: TallyId,
    pub weight: i64,
    pub terms: i64,
}

/// Pods of one template.
#[derive(Clone, Debug)]
pub struct Class {
    /// Never given to another class.
    pub serial: u64,
    pub template: TemplateId,
    pub spec: PodSpec,
    pub requests: Resources,
    pub scored: Resources,
    /// The selector of the default spread: services and owner, merged. `None` without either.
    pub siblings: Option<Selector>,
    /// Pods of the class that are bound or wait.
    pub(super) references: u32,
    /// Where its pods are counted once they are bound.
    pub(super) feeds: Vec<Feed>,
    /// What is counted for a newcomer of this class, once one was looked at.
    pub(super) newcomer: Option<Newcomer>,
}

/// A topology spread constraint, worked out.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub tally: TallyId,
    pub max_skew: i64,
    pub min_domains: usize,
    /// 1 if the newcomer itself matches.
    pub own: i64,
    pub by_hostname: bool,
}

/// What decides where a newcomer of a class may and should go, beside the node itself.
#[derive(Clone, Debug, Default)]
pub struct Newcomer {
    /// Constraints that filter.
    pub hard: Vec<Spread>,
    /// Constraints that score.
    pub soft: Vec<Spread>,
    /// `soft` are its own: nodes that lack a key are ignored.
    pub own_soft: bool,
    /// Required affinity terms: pods that match all of them, by the domains of each.
    pub affinity: Vec<TallyId>,
    /// It matches all of its own affinity terms: the first of its kind may go anywhere.
    pub self_affine: bool,
    /// Required anti-affinity terms.
    pub anti: Vec<TallyId>,
    /// Bound pods' required anti-affinity against it, by key.
    pub repelled: Vec<TallyId>,
    /// Preferences, its own and bound pods', by key.
    pub preferences: Vec<TallyId>,
}

impl Newcomer {
    /// All tallies, in a fixed order.
    pub fn tallies(&self) -> impl Iterator<Item = TallyId> {
        let spread = self.hard.iter().chain(&self.soft).map(|s| s.tally);
        let affinity = self.affinity.iter().chain(&self.anti).chain(&self.repelled).chain(&self.preferences);
        spread.chain(affinity.copied())
    }
}

impl Class {
    /// It has a node selector or required node affinity.
    pub fn asks_for_nodes(&self) -> bool {
        !self.spec.node_selector.is_empty() || !self.spec.node_affinity.required.is_empty()
    }

    /// Its node selector and required node affinity hold for a node with these labels.
    pub fn matches_node(&self, labels: &Labels) -> bool {
        let holds = |term: &NodeTerm| !term.is_empty() && term.iter().all(|r| r.matches(labels));
        let required = &self.spec.node_affinity.required;
        self.spec.node_selector.iter().all(|(key, value)| labels.get(key) == Some(value))
            && (required.is_empty() || required.iter().any(holds))
    }
}
