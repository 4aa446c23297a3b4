//! What has to be counted for newcomers of a class, worked out when the first of them is looked at.
//!
//! Follows the constraints and terms of plugins/{podtopologyspread,interpodaffinity} of v1.36.2, with the system's
//! default spread (hostname with a skew of 3, zone with 5) for pods without constraints of their own.
//!
//! *Deviation:* services that are made later change the default spread of later templates only.
//!
//! Start at [`Cache::prepare`].

use super::cache::Cache;
use super::class::{ClassId, Newcomer, Spread};
use super::tally::{Inclusion, Rule, Tally, TallyId, is_required};
use crate::cluster::objects::{
    Name, PodAffinity, Requirement, Selector, SpreadConstraint, Test, WhenUnsatisfiable,
};
use std::collections::BTreeSet;

/// Keys and skews of the default spread.
const DEFAULT_SPREAD: [(Name, i64); 2] = [(Name::HOSTNAME, 3), (Name::ZONE, 5)];

/// One of a newcomer's lists of tallies.
type ListOfNewcomer = fn(&mut Newcomer) -> &mut Vec<TallyId>;

impl Cache {
    /// Makes sure that everything is counted which a newcomer of this class asks for.
    pub(super) fn prepare(&mut self, id: ClassId) {
        if self.class(id).newcomer.is_some() {
            return;
        }
        let spec = self.class(id).spec.clone();
        let own = |when| spec.spread.iter().filter(move |c| c.when_unsatisfiable == when);
        let (hard, soft) = (own(WhenUnsatisfiable::DoNotSchedule), own(WhenUnsatisfiable::ScheduleAnyway));
        let mut newcomer = Newcomer { own_soft: !spec.spread.is_empty(), ..Newcomer::default() };
        let keys: Vec<Name> = hard.clone().map(|c| c.topology_key).collect();
        newcomer.hard = hard.map(|c| self.spread(id, c, &keys)).collect();
        let keys: Vec<Name> = soft.clone().map(|c| c.topology_key).collect();
        newcomer.soft = soft.map(|c| self.spread(id, c, &keys)).collect();
        if let Some(siblings) = self.class(id).siblings.clone().filter(|_| spec.spread.is_empty()) {
            newcomer.soft =
                DEFAULT_SPREAD.map(|(key, skew)| self.default_spread(id, key, skew, &siblings)).into();
        }
        let required = |anti| spec.pod_affinity.iter().filter(move |t| is_required(t, anti));
        newcomer.affinity =
            required(false).map(|t| self.count(id, t.topology_key, Rule::MatchingAll)).collect();
        newcomer.self_affine = required(false).all(|t| t.selector.matches(&spec.labels));
        newcomer.anti = required(true)
            .map(|t| self.count(id, t.topology_key, Rule::Matching(t.selector.clone())))
            .collect();
        self.class_mut(id).newcomer = Some(newcomer);
        for bound in self.class_ids().collect::<Vec<_>>() {
            self.acquaint(id, bound);
        }
    }

    /// A class is new: bound pods of it count for newcomers of all others.
    pub(super) fn introduce(&mut self, new: ClassId) {
        for tally in self.tally_ids().collect::<Vec<_>>() {
            self.feed(tally, new);
        }
        for newcomer in self.class_ids().collect::<Vec<_>>() {
            if self.class(newcomer).newcomer.is_some() {
                self.acquaint(newcomer, new);
            }
        }
    }

    /// Makes the tallies for keys that only the affinities of these two classes bring in.
    fn acquaint(&mut self, newcomer: ClassId, bound: ClassId) {
        let (own, theirs) = (&self.class(newcomer).spec, &self.class(bound).spec);
        if own.pod_affinity.is_empty() && theirs.pod_affinity.is_empty() {
            return;
        }
        let keys: BTreeSet<Name> = own
            .pod_affinity
            .iter()
            .chain(&theirs.pod_affinity)
            .map(|t: &PodAffinity| t.topology_key)
            .collect();
        for key in keys {
            let rules: [(Rule, ListOfNewcomer); 2] =
                [(Rule::Repelling, |n| &mut n.repelled), (Rule::Preferences, |n| &mut n.preferences)];
            for (rule, list) in rules {
                let counts = rule.weigh(key, self.class(newcomer), self.class(bound)).1 > 0;
                let known = list(self.newcomer_mut(newcomer)).clone();
                if counts && !known.iter().any(|&t| self.topology_of(t).key == key) {
                    let tally = self.count(newcomer, key, rule);
                    list(self.newcomer_mut(newcomer)).push(tally);
                }
            }
        }
    }

    pub(super) fn newcomer(&self, id: ClassId) -> &Newcomer {
        self.class(id).newcomer.as_ref().expect("classes are prepared before they are used")
    }

    fn newcomer_mut(&mut self, id: ClassId) -> &mut Newcomer {
        self.class_mut(id).newcomer.as_mut().expect("classes are prepared before they are used")
    }

    /// A tally of pods that are terminating too, on all nodes: as pod affinity counts.
    fn count(&mut self, owner: ClassId, key: Name, rule: Rule) -> TallyId {
        let topology = self.topology(key);
        self.start_tally(Tally::new(owner, topology, rule, false, Inclusion::default()))
    }

    /// One of a newcomer's own constraints; nodes have to have all of `keys` to count.
    fn spread(&mut self, owner: ClassId, constraint: &SpreadConstraint, keys: &[Name]) -> Spread {
        let class = self.class(owner);
        let labels = &class.spec.labels;
        let requirement = |&key: &Name| Some(Requirement { key, test: Test::In(vec![labels.get(key)?]) });
        let more = Selector(constraint.match_label_keys.iter().filter_map(requirement).collect());
        let selector = constraint.selector.clone().and(&more);
        let inclusion = Inclusion {
            keys: keys.to_vec(),
            affinity: constraint.honor_affinity && class.asks_for_nodes(),
            taints: constraint.honor_taints,
        };
        let own = i64::from(selector.matches(labels));
        let topology = self.topology(constraint.topology_key);
        let tally = Tally::new(owner, topology, Rule::Matching(selector), true, inclusion);
        Spread {
            tally: self.start_tally(tally),
            max_skew: constraint.max_skew,
            min_domains: constraint.min_domains.unwrap_or(1) as usize,
            own,
            by_hostname: constraint.topology_key == Name::HOSTNAME,
        }
    }

    fn default_spread(&mut self, owner: ClassId, key: Name, max_skew: i64, siblings: &Selector) -> Spread {
        let inclusion = Inclusion { affinity: self.class(owner).asks_for_nodes(), ..Inclusion::default() };
        let topology = self.topology(key);
        let tally = Tally::new(owner, topology, Rule::Matching(siblings.clone()), true, inclusion);
        let tally = self.start_tally(tally);
        Spread { tally, max_skew, min_domains: 1, own: 0, by_hostname: key == Name::HOSTNAME }
    }
}
