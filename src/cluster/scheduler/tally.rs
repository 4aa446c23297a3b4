//! Sums over bound pods, by the domains of a node label: all that spreading and pod affinity ask for.
//!
//! A tally belongs to a class of newcomers and one topology key. It is kept up to date with every pod that is bound or
//! goes, so no cycle counts pods. Replaces the PreFilter and PreScore walks over all nodes of
//! plugins/{podtopologyspread,interpodaffinity} of v1.36.2; the sums are the same.
//!
//! Start at [`Rule::weigh`], then [`Tally`].

use super::class::{Class, ClassId};
use super::node::NodeInfo;
use crate::cluster::objects::{Effect, Name, PodAffinity, Require, Selector};
use std::collections::BTreeMap;

/// A tally in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TallyId(pub(super) u32);

impl TallyId {
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// No domain: the node lacks the label.
pub const NO_DOMAIN: u32 = u32::MAX;

/// Domains of one node label.
#[derive(Clone, Debug)]
pub struct Topology {
    pub key: Name,
    values: BTreeMap<Name, u32>,
    /// Domain by slot of the node.
    of_node: Vec<u32>,
    /// Nodes by domain.
    nodes: Vec<u32>,
    /// Domains of two nodes and more.
    shared: u32,
}

impl Topology {
    pub fn new(key: Name) -> Topology {
        Topology { key, values: BTreeMap::new(), of_node: Vec::new(), nodes: Vec::new(), shared: 0 }
    }

    pub fn domain(&self, slot: u32) -> u32 {
        self.of_node[slot as usize]
    }

    /// No two nodes share a domain.
    pub fn is_unique(&self) -> bool {
        self.shared == 0
    }

    pub fn add(&mut self, slot: u32, node: &NodeInfo) {
        let domain = match node.labels.get(self.key) {
            None => NO_DOMAIN,
            Some(value) => {
                let next = self.nodes.len() as u32;
                let domain = *self.values.entry(value).or_insert(next);
                if domain == next {
                    self.nodes.push(0);
                }
                self.nodes[domain as usize] += 1;
                self.shared += u32::from(self.nodes[domain as usize] == 2);
                domain
            }
        };
        self.of_node.resize(self.of_node.len().max(slot as usize + 1), NO_DOMAIN);
        self.of_node[slot as usize] = domain;
    }

    pub fn remove(&mut self, slot: u32) {
        let domain = std::mem::replace(&mut self.of_node[slot as usize], NO_DOMAIN);
        if domain != NO_DOMAIN {
            self.shared -= u32::from(self.nodes[domain as usize] == 2);
            self.nodes[domain as usize] -= 1;
        }
    }
}

/// What a bound pod counts for a newcomer.
#[derive(Clone, Debug)]
pub enum Rule {
    /// One, if it matches.
    Matching(Selector),
    /// One, if it matches the selectors of all of the newcomer's required affinity terms.
    MatchingAll,
    /// One for each of its required anti-affinity terms that match the newcomer.
    Repelling,
    /// Weights of preferences in both directions, and 1 for each of its required affinity terms that match the newcomer
    /// (`hardPodAffinityWeight`).
    Preferences,
}

/// Whether a term is a required (anti-)affinity.
pub fn is_required(term: &PodAffinity, anti: bool) -> bool {
    term.anti == anti && term.require == Require::Required
}

impl Rule {
    /// What each pod of a class counts for a newcomer, and how many terms say so.
    pub fn weigh(&self, key: Name, newcomer: &Class, bound: &Class) -> (i64, i64) {
        let labels = &bound.spec.labels;
        let once = |holds| (i64::from(holds), i64::from(holds));
        match self {
            Rule::Matching(selector) => once(selector.matches(labels)),
            Rule::MatchingAll => {
                let mut required = newcomer.spec.pod_affinity.iter().filter(|t| is_required(t, false));
                once(required.all(|t| t.selector.matches(labels)))
            }
            Rule::Repelling => {
                let matches = |t: &&PodAffinity| {
                    t.topology_key == key && is_required(t, true) && t.selector.matches(&newcomer.spec.labels)
                };
                let terms = bound.spec.pod_affinity.iter().filter(matches).count() as i64;
                (terms, terms)
            }
            Rule::Preferences => {
                let own = newcomer.spec.pod_affinity.iter().filter(|t| t.selector.matches(labels));
                let own = own.filter_map(|t| Some((t, signed(t, None)?)));
                let theirs =
                    bound.spec.pod_affinity.iter().filter(|t| t.selector.matches(&newcomer.spec.labels));
                let theirs = theirs.filter_map(|t| Some((t, signed(t, Some(1))?)));
                own.chain(theirs)
                    .filter(|(t, _)| t.topology_key == key)
                    .fold((0, 0), |(sum, terms), (_, w)| (sum + w, terms + 1))
            }
        }
    }
}

/// The weight of a term in a score: anti-affinity is negative; a required affinity counts `required`.
fn signed(term: &PodAffinity, required: Option<i64>) -> Option<i64> {
    match (term.require, term.anti) {
        (Require::Preferred(weight), false) => Some(weight),
        (Require::Preferred(weight), true) => Some(-weight),
        (Require::Required, false) => required,
        (Require::Required, true) => None,
    }
}

/// Which nodes' pods are counted.
#[derive(Clone, Debug, Default)]
pub struct Inclusion {
    /// Only nodes with all of these labels.
    pub keys: Vec<Name>,
    /// Only nodes that pass the newcomer's node selector and affinity.
    pub affinity: bool,
    /// Only nodes whose taints the newcomer tolerates.
    pub taints: bool,
}

impl Inclusion {
    fn includes(&self, newcomer: &Class, node: &NodeInfo) -> bool {
        self.keys.iter().all(|&key| node.labels.get(key).is_some())
            && (!self.affinity || newcomer.matches_node(&node.labels))
            && (!self.taints
                || node
                    .taints
                    .iter()
                    .all(|t| t.effect == Effect::PreferNoSchedule || newcomer.spec.tolerates(t)))
    }
}

/// A sum over bound pods for newcomers of a class.
#[derive(Clone, Debug)]
pub struct Tally {
    pub owner: ClassId,
    /// Place of its topology in the cache.
    pub topology: usize,
    pub rule: Rule,
    /// Pods that are being deleted do not count.
    pub alive_only: bool,
    pub inclusion: Inclusion,
    /// By domain.
    sums: Vec<i64>,
    /// Nodes that count, by domain.
    nodes: Vec<u32>,
    /// By slot of the node.
    included: Vec<bool>,
    /// Terms that count, over all pods.
    terms: i64,
}

impl Tally {
    pub fn new(owner: ClassId, topology: usize, rule: Rule, alive_only: bool, inclusion: Inclusion) -> Tally {
        Tally {
            owner,
            topology,
            rule,
            alive_only,
            inclusion,
            sums: Vec::new(),
            nodes: Vec::new(),
            included: Vec::new(),
            terms: 0,
        }
    }

    /// A node joins; its pods are counted by [`Tally::count`] afterwards.
    pub fn include(&mut self, slot: u32, node: &NodeInfo, newcomer: &Class, domain: u32) {
        let included = domain != NO_DOMAIN && self.inclusion.includes(newcomer, node);
        self.included.resize(self.included.len().max(slot as usize + 1), false);
        self.included[slot as usize] = included;
        if included {
            let length = self.sums.len().max(domain as usize + 1);
            self.sums.resize(length, 0);
            self.nodes.resize(length, 0);
            self.nodes[domain as usize] += 1;
        }
    }

    /// A node leaves; its pods were counted out before.
    pub fn exclude(&mut self, slot: u32, domain: u32) {
        if std::mem::take(&mut self.included[slot as usize]) {
            self.nodes[domain as usize] -= 1;
        }
    }

    /// So many pods on a node, each of a weight, by so many terms.
    pub fn count(&mut self, slot: u32, domain: u32, pods: i64, weight: i64, terms: i64) {
        if self.included[slot as usize] {
            self.sums[domain as usize] += pods * weight;
            self.terms += pods * terms;
        }
    }

    pub fn sum(&self, domain: u32) -> i64 {
        self.sums.get(domain as usize).copied().unwrap_or(0)
    }

    pub fn terms(&self) -> i64 {
        self.terms
    }

    /// The smallest sum of all domains that count; zero if they are fewer than `min_domains`, or none.
    pub fn minimum(&self, min_domains: usize) -> i64 {
        let mut counted = self.sums.iter().zip(&self.nodes).filter(|(_, nodes)| **nodes > 0).map(|(s, _)| *s);
        let Some(first) = counted.next() else { return 0 };
        let (min, domains) = counted.fold((first, 1), |(min, n), s| (min.min(s), n + 1));
        if domains < min_domains { 0 } else { min }
    }
}
