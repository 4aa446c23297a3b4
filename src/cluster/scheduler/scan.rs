//! The plain way through a scheduling cycle: every filter on every node examined, every score on every feasible one.
//!
//! Follows findNodesThatFitPod and prioritizeNodes of schedule_one.go, v1.36.2. It says why nodes are rejected and what each
//! plugin makes of each node; [`super::index`] finds the same winner with less work.
//!
//! *Deviation:* nodes are examined one after the other, so the search ends exactly when enough are found; 16 threads
//! of the real one overshoot a little.
//!
//! Start at [`search`], then [`score`].

use super::cache::Cache;
use super::class::{ClassId, Spread};
use super::filters::{self, Rejection, topology_spread};
use super::profile::{Plugin, Profile};
use super::scores::{
    self, Group, balanced_allocation, image_locality, node_affinity, resources_fit, taint_toleration,
};
use super::tally::{NO_DOMAIN, TallyId};
use crate::cluster::objects::PodId;

/// What a search found, in order of examination.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub feasible: Vec<u32>,
    pub rejected: Vec<(u32, Rejection)>,
}

impl Found {
    pub fn examined(&self) -> usize {
        self.feasible.len() + self.rejected.len()
    }
}

/// Examines nodes from `start` on until `enough` are found; `pod` is the newcomer, whose own nomination does not count.
pub fn search(
    cache: &mut Cache,
    profile: &Profile,
    (pod, class): (Option<PodId>, ClassId),
    start: usize,
    enough: usize,
) -> Found {
    cache.prepare(class);
    cache.order.refresh();
    let nodes = cache.order.list().len();
    let minima = topology_spread::minima(cache, cache.newcomer(class));
    let mut found = Found::default();
    for step in 0..nodes {
        if found.feasible.len() >= enough {
            break;
        }
        let slot = cache.order.list()[(start + step) % nodes];
        match check_with_nominated(cache, profile, (pod, class), slot, &minima) {
            Ok(()) => found.feasible.push(slot),
            Err(rejection) => found.rejected.push((slot, rejection)),
        }
    }
    found
}

/// All filters on one node, with its pods as they are.
fn check(
    cache: &Cache,
    profile: &Profile,
    class: ClassId,
    slot: u32,
    minima: &[i64],
) -> Result<(), Rejection> {
    filters::of_node(cache.class(class), cache.node(slot), &profile.filters)?;
    let node = OneNode { cache, class, slot };
    let terms = |t: TallyId| cache.tally(t).terms();
    filters::of_domains(cache.newcomer(class), minima, &|t| node.sum(t), &terms)
}

/// The same where pods of at least the newcomer's priority may be nominated to the node: it has to fit with them and
/// without them (RunFilterPluginsWithNominatedPods).
fn check_with_nominated(
    cache: &mut Cache,
    profile: &Profile,
    (pod, class): (Option<PodId>, ClassId),
    slot: u32,
    minima: &[i64],
) -> Result<(), Rejection> {
    if cache.has_nominations() {
        let priority = cache.class(class).spec.priority;
        let counts =
            |&(id, c): &(PodId, ClassId)| Some(id) != pod && cache.class(c).spec.priority >= priority;
        let nominated: Vec<ClassId> = cache.nominated_to(slot).filter(counts).map(|(_, c)| c).collect();
        if !nominated.is_empty() {
            nominated.iter().for_each(|&c| cache.suppose(slot, c));
            let minima = topology_spread::minima(cache, cache.newcomer(class));
            let with = check(cache, profile, class, slot, &minima);
            nominated.iter().for_each(|&c| cache.unsuppose(slot, c));
            with?;
        }
    }
    check(cache, profile, class, slot, minima)
}

/// The same for one node, as things are now.
pub fn fits(
    cache: &mut Cache,
    profile: &Profile,
    newcomer: (Option<PodId>, ClassId),
    slot: u32,
) -> Result<(), Rejection> {
    cache.prepare(newcomer.1);
    let minima = topology_spread::minima(cache, cache.newcomer(newcomer.1));
    check_with_nominated(cache, profile, newcomer, slot, &minima)
}

/// Weighted scores of feasible nodes, by plugin; those that are skipped are missing.
pub fn score(cache: &Cache, profile: &Profile, class: ClassId, feasible: &[u32]) -> Vec<(Plugin, Vec<i64>)> {
    let groups: Vec<OneNode<'_>> = feasible.iter().map(|&slot| OneNode { cache, class, slot }).collect();
    let mut all = scores::of_groups(profile, cache, class, &groups);
    let (class, weights) = (cache.class(class), &profile.weights);
    let of = |one: &dyn Fn(u32) -> i64| feasible.iter().map(|&slot| one(slot)).collect::<Vec<i64>>();
    let fit = |slot| weights.resources_fit * resources_fit::score(profile.scoring, class, cache.node(slot));
    all.push((Plugin::NodeResourcesFit, of(&fit)));
    if feasible.first().is_some_and(|&slot| balanced_allocation::score(class, cache.node(slot)).is_some()) {
        let balance = |slot| balanced_allocation::score(class, cache.node(slot)).unwrap_or(0);
        all.push((
            Plugin::NodeResourcesBalancedAllocation,
            of(&|slot| weights.balanced_allocation * balance(slot)),
        ));
    }
    let images = image_locality::Images::of(cache, class);
    let image = |slot| weights.image_locality * images.score(cache.node(slot));
    all.push((Plugin::ImageLocality, of(&image)));
    for registered in &profile.scores {
        let mut own = of(&|slot| registered.score(&class.spec, cache.node(slot)));
        registered.normalize(&mut own);
        own.iter_mut().for_each(|s| *s *= registered.weight());
        all.push((Plugin::Registered(registered.name()), own));
    }
    all
}

/// Sums over plugins.
pub fn totals(scores: &[(Plugin, Vec<i64>)], nodes: usize) -> Vec<i64> {
    (0..nodes).map(|i| scores.iter().map(|(_, s)| s[i]).sum()).collect()
}

/// A node as a group of one.
struct OneNode<'a> {
    cache: &'a Cache,
    class: ClassId,
    slot: u32,
}

impl Group for OneNode<'_> {
    fn nodes(&self) -> usize {
        1
    }

    fn taints(&self) -> i64 {
        taint_toleration::raw(self.cache.class(self.class), self.cache.node(self.slot))
    }

    fn affinity(&self) -> i64 {
        node_affinity::raw(self.cache.class(self.class), self.cache.node(self.slot))
    }

    fn domain(&self, spread: &Spread) -> u32 {
        self.cache.topology_of(spread.tally).domain(self.slot)
    }

    fn sum(&self, tally: TallyId) -> Option<i64> {
        let domain = self.cache.topology_of(tally).domain(self.slot);
        (domain != NO_DOMAIN).then(|| self.cache.tally(tally).sum(domain))
    }
}
