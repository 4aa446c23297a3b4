//! DefaultPreemption: which pods of lower priority have to go so that a pod fits, and on which node.
//!
//! Follows plugins/defaultpreemption and framework/preemption of v1.36.2. Reads nodes and pods in the cache, disruption
//! budgets and start times that the caller gives; writes nothing: the victims are the caller's to delete, each with its
//! own grace period, and the node is nominated, not promised.
//!
//! *Deviation:* the search for candidates begins at the start of the node list instead of a random offset, and of equal
//! candidates the first wins, unless ties are uniform.
//!
//! Start at [`preempt`].

use super::cache::Cache;
use super::class::ClassId;
use super::filters::Rejection;
use super::profile::{Profile, Ties};
use super::scan;
use crate::cluster::objects::{PodId, Selector};
use crate::engine::{SimTime, Stream};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A disruption budget now.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    pub selector: &'a Selector,
    /// `status.disruptionsAllowed`.
    pub allowed: u32,
}

/// What the scheduler has to be told for a cycle.
pub struct Outside<'a> {
    pub now: SimTime,
    pub budgets: &'a [Budget<'a>],
    /// When a bound pod's kubelet took it on (`startTime`).
    pub started: &'a dyn Fn(PodId) -> Option<SimTime>,
    /// Draws among ties.
    pub stream: &'a mut Stream,
}

/// A node that a pod will fit on once its victims are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub slot: u32,
    /// The most important first; those being deleted already are among them.
    pub victims: Vec<PodId>,
    violations: usize,
    /// Highest priority, sum of priorities, and earliest start of the victims with the highest one.
    highest: i32,
    sum: i64,
    earliest: SimTime,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Preemption {
    pub candidate: Option<Candidate>,
    /// Why there is none: nodes by reason.
    pub reasons: BTreeMap<&'static str, u32>,
    /// Why it was not even tried.
    pub not_eligible: Option<&'static str>,
}

/// The candidates are looked for on at least so many nodes, and on a tenth of all.
const MIN_CANDIDATES: usize = 100;
const NO_VICTIMS: &str = "No preemption victims found for incoming pod";
const NOT_HELPFUL: &str = "Preemption is not helpful for scheduling";

/// Looks for room for a pod that no node has room for.
pub fn preempt(
    cache: &mut Cache,
    profile: &Profile,
    (pod, class): (PodId, ClassId),
    rejected: &[(u32, Rejection)],
    ties: Ties,
    outside: &mut Outside<'_>,
) -> Preemption {
    let mut result =
        Preemption { not_eligible: not_eligible(cache, (pod, class), rejected), ..Default::default() };
    if result.not_eligible.is_some() {
        return result;
    }
    let resolvable: Vec<u32> = rejected.iter().filter(|(_, r)| r.resolvable).map(|(slot, _)| *slot).collect();
    let priority = cache.class(class).spec.priority;
    if cache.class_ids().all(|other| cache.class(other).spec.priority >= priority) {
        // Nobody anywhere is less important: no node has to be looked at to know.
        if !resolvable.is_empty() {
            result.reasons.insert(NO_VICTIMS, resolvable.len() as u32);
        }
        note_hopeless(&mut result, rejected.len() - resolvable.len());
        return result;
    }
    let enough = (resolvable.len() / 10).max(MIN_CANDIDATES).min(resolvable.len());
    let mut candidates = Vec::new();
    for &slot in &resolvable {
        match victims_on(cache, profile, (pod, class), slot, outside) {
            Ok(candidate) => candidates.push(candidate),
            Err(reasons) => {
                reasons.into_iter().for_each(|reason| *result.reasons.entry(reason).or_insert(0) += 1);
            }
        }
        if candidates.len() >= enough && candidates.iter().any(|c| c.violations == 0) {
            break;
        }
    }
    note_hopeless(&mut result, rejected.len() - resolvable.len());
    result.candidate = pick(candidates, ties, outside.stream);
    result
}

/// Nodes where no preemption would help.
fn note_hopeless(result: &mut Preemption, nodes: usize) {
    if nodes > 0 {
        result.reasons.insert(NOT_HELPFUL, nodes as u32);
    }
}

/// A pod may not preempt if its class says so, or while victims of its last preemption are still there.
fn not_eligible(
    cache: &Cache,
    (pod, class): (PodId, ClassId),
    rejected: &[(u32, Rejection)],
) -> Option<&'static str> {
    let spec = &cache.class(class).spec;
    if !spec.preempts {
        return Some("not eligible due to preemptionPolicy=Never.");
    }
    let nominated = cache.nomination(pod)?;
    let is_hopeless = rejected.iter().any(|(slot, r)| *slot == nominated && !r.resolvable);
    let leaves = |&index: &u32| {
        let (_, other, terminating, preempted) = cache.pod_at(index);
        terminating && preempted && cache.class(other).spec.priority < spec.priority
    };
    let waits = !is_hopeless && cache.node(nominated).pods.iter().any(leaves);
    waits.then_some("not eligible due to a terminating pod on the nominated node.")
}

/// Removes all pods of lower priority and puts back as many as can stay, the most important first, those whose budget
/// would be broken before the others (SelectVictimsOnNode).
fn victims_on(
    cache: &mut Cache,
    profile: &Profile,
    newcomer: (PodId, ClassId),
    slot: u32,
    outside: &Outside<'_>,
) -> Result<Candidate, Vec<&'static str>> {
    let priority = cache.class(newcomer.1).spec.priority;
    let of = |cache: &Cache, index: u32| {
        let (id, class, ..) = cache.pod_at(index);
        (cache.class(class).spec.priority, (outside.started)(id).unwrap_or(outside.now), id)
    };
    let priority_of = |cache: &Cache, index: u32| cache.class(cache.pod_at(index).1).spec.priority;
    let mut potential: Vec<u32> =
        cache.node(slot).pods.iter().copied().filter(|&i| priority_of(cache, i) < priority).collect();
    if potential.is_empty() {
        return Err(vec![NO_VICTIMS]);
    }
    let importance = |cache: &Cache, index: u32| {
        let (priority, started, id) = of(cache, index);
        (Reverse(priority), started, id)
    };
    potential.sort_by_key(|&index| importance(cache, index));
    potential.iter().for_each(|&index| cache.lift(index));
    let pod = (Some(newcomer.0), newcomer.1);
    if let Err(rejection) = scan::fits(cache, profile, pod, slot) {
        potential.iter().for_each(|&index| cache.put_back(index));
        return Err(rejection.reasons.into_iter().flatten().collect());
    }
    let violating = violating(cache, &potential, outside.budgets);
    let (mut victims, mut violations) = (Vec::new(), 0);
    for breaks in [true, false] {
        for (&index, _) in potential.iter().zip(&violating).filter(|(_, v)| **v == breaks) {
            cache.put_back(index);
            if scan::fits(cache, profile, pod, slot).is_err() {
                cache.lift(index);
                victims.push(index);
                violations += usize::from(breaks);
            }
        }
    }
    victims.iter().for_each(|&index| cache.put_back(index));
    victims.sort_by_key(|&index| importance(cache, index));
    let Some(&first) = victims.first() else {
        // Everything can stay: whatever kept the pod away is not on this node.
        return Err(vec![NO_VICTIMS]);
    };
    let (highest, earliest, _) = of(cache, first);
    let sum = victims.iter().map(|&index| i64::from(of(cache, index).0) + (1 << 31)).sum();
    let victims = victims.iter().map(|&index| of(cache, index).2).collect();
    Ok(Candidate { slot, victims, violations, highest, sum, earliest })
}

/// Which of the pods, the most important first, would take more from a budget than it allows.
fn violating(cache: &Cache, pods: &[u32], budgets: &[Budget]) -> Vec<bool> {
    let mut left: Vec<i64> = budgets.iter().map(|b| i64::from(b.allowed)).collect();
    let mut one = |&index: &u32| {
        let labels = &cache.class(cache.pod_at(index).1).spec.labels;
        let mut breaks = false;
        for (budget, left) in budgets.iter().zip(&mut left) {
            if !budget.selector.0.is_empty() && !labels.is_empty() && budget.selector.matches(labels) {
                *left -= 1;
                breaks |= *left < 0;
            }
        }
        breaks
    };
    pods.iter().map(&mut one).collect()
}

/// Fewest broken budgets; lowest highest priority; lowest sum of priorities; fewest victims; latest start
/// (pickOneNodeForPreemption).
fn pick(candidates: Vec<Candidate>, ties: Ties, stream: &mut Stream) -> Option<Candidate> {
    let rank = |c: &Candidate| (c.violations, c.highest, c.sum, c.victims.len(), Reverse(c.earliest));
    let best = candidates.iter().map(rank).min()?;
    let mut equal: Vec<Candidate> = candidates.into_iter().filter(|c| rank(c) == best).collect();
    let at = if ties == Ties::Uniform { stream.below(equal.len()) } else { 0 };
    Some(equal.swap_remove(at))
}
