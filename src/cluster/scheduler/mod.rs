//! Scheduler: finds a node for each new pod, one pod at a time.
//!
//! Watches pods (made, bound, deletion asked for, gone) and nodes, which its owner reports to it. Reads its own [`cache`].
//! Says what is to be written: bindings, PodScheduled=False with reasons, nominations and victims. Follows pkg/scheduler
//! of v1.36.2 with the default profile: the queues of [`queue`] with the hints of [`hints`], nodes in order of zones and
//! sampling of large clusters ([`order`]), [`filters`], [`scores`], [`preemption`].
//!
//! It holds no reference to a store and knows no clock. A cycle takes no time; how fast bindings are written is the
//! client's matter, a chosen pod counts as bound here at once. The way of [`scan`] says everything about every node;
//! [`index`] finds the same winner without looking at every node for every pod.
//!
//! *Deviation:* no ports, volumes, devices, gates or extenders; no namespaces.
//!
//! Start at [`Scheduler::schedule_one`].

mod cache;
mod class;
pub mod filters;
mod hints;
mod index;
mod newcomer;
mod node;
mod order;
pub mod preemption;
pub mod profile;
mod queue;
mod scan;
pub mod scores;
mod tally;
#[cfg(test)]
mod tests;

pub use filters::Rejection;
pub use node::NodeInfo;
pub use order::quota;
pub use preemption::{Budget, Outside};
pub use profile::{Filter, Plugin, Profile, SchedulerSettings, Score, Scoring, Ties, Weights};
pub use queue::backoff;

use super::objects::{Image, Node, NodeId, PodId, Resources, Selector, Template, TemplateId};
use crate::engine::{SimTime, Stream};
use cache::Cache;
use class::ClassId;
use hints::Event;
use index::{Choice, Index};
use queue::{Rejectors, SchedulingQueue};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Scores that are kept between cycles, one for each node and class; those of the classes used last. About 30 bytes each.
const KEPT_SCORES: usize = 500_000;
/// Classes whose scores are kept in any case.
const KEPT_CLASSES: usize = 16;

/// What the scheduler has to know of a pod: its template, and what the default spread counts with it.
#[derive(Clone, Copy, Debug)]
pub struct PodKind<'a> {
    pub id: TemplateId,
    pub template: &'a Template,
    /// Selectors of the services and the owner, merged; `None` without either. Taken once for a template.
    pub siblings: Option<&'a Selector>,
}

/// What came of a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// To be bound; here it counts as bound already.
    Bind { pod: PodId, node: NodeId },
    /// Pods that fare alike share what is said of them.
    Unschedulable(PodId, Arc<Failure>),
}

/// No node for a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Nodes by reason; a node can have several.
    pub reasons: BTreeMap<&'static str, u32>,
    /// Why preemption found nothing: nodes by reason.
    pub preemption: BTreeMap<&'static str, u32>,
    /// Why it may not preempt.
    pub not_eligible: Option<&'static str>,
    pub nomination: Option<Nomination>,
    /// An earlier nomination of it is void.
    pub denominated: bool,
}

/// Room is made for a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nomination {
    pub node: NodeId,
    /// To be deleted, each with its own grace period; none is terminating already.
    pub victims: Vec<PodId>,
    /// Pods of lower priority that lose their nomination to this node.
    pub displaced: Vec<PodId>,
}

/// What every plugin makes of every feasible node.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// In order of examination.
    pub feasible: Vec<NodeId>,
    pub reasons: BTreeMap<&'static str, u32>,
    /// Weighted scores by plugin, in the order of `feasible`; none where fewer than two nodes are feasible.
    pub scores: Vec<(Plugin, Vec<i64>)>,
    pub totals: Vec<i64>,
}

impl Report {
    /// The nodes with the highest score.
    pub fn best(&self) -> Vec<NodeId> {
        let max = self.totals.iter().max();
        self.feasible.iter().zip(&self.totals).filter(|(_, t)| Some(*t) == max).map(|(id, _)| *id).collect()
    }
}

/// The scheduler.
#[derive(Clone, Debug, Default)]
pub struct Scheduler {
    settings: SchedulerSettings,
    cache: Cache,
    queue: SchedulingQueue,
    start: usize,
    /// By serial number of the class, with the time of the last use in cycles.
    indexes: BTreeMap<u64, (u64, Index)>,
    cycles: u64,
    /// Counts what may change the fate of a pod.
    news: u64,
    /// The class of the last pod that found no node, the news then, and what came of it: its siblings fare alike until
    /// there is news.
    hopeless: Option<(ClassId, u64, Arc<Failure>, Rejectors)>,
}

impl Scheduler {
    pub fn new(settings: SchedulerSettings) -> Self {
        Scheduler { settings, ..Scheduler::default() }
    }

    // What it is told.

    /// A node joined; `overhead` is what is taken on it without being a pod.
    pub fn node_added(&mut self, id: NodeId, node: &Node, overhead: Resources, now: SimTime) {
        self.news += 1;
        self.cache.add_node(id, node, overhead);
        let slot = self.cache.slot(id).expect("it was just added");
        let event = Event::Node { old: None, new: self.cache.node(slot) };
        wake(&mut self.queue, &self.cache, event, now);
    }

    /// Spec, labels, taints or allocatable of a node changed.
    pub fn node_updated(&mut self, id: NodeId, node: &Node, now: SimTime) {
        self.news += 1;
        let Some(slot) = self.cache.slot(id) else { return };
        let old = self.cache.node(slot).clone();
        self.cache.update_node(id, node);
        let event = Event::Node { old: Some(&old), new: self.cache.node(slot) };
        wake(&mut self.queue, &self.cache, event, now);
    }

    /// A Node object is gone. Its pods stay until they go themselves.
    pub fn node_removed(&mut self, id: NodeId) {
        self.news += 1;
        self.cache.remove_node(id);
    }

    /// Images on a node, with their sizes [bytes].
    pub fn node_images(&mut self, id: NodeId, images: Vec<(Image, u64)>) {
        self.news += 1;
        self.cache.node_images(id, images);
    }

    /// A pod without a node was made.
    pub fn pod_made(&mut self, pod: PodId, kind: PodKind<'_>, now: SimTime) {
        self.news += 1;
        if self.queue.class(pod).is_none() && self.cache.bound(pod).is_none() {
            let class = self.cache.class_of(kind.id, kind.template, kind.siblings);
            self.cache.hold(class);
            self.queue.add(pod, class, kind.template.spec.priority, now);
        }
    }

    /// A pod has a node, by whomever it was given. A pod that was bound here is known already.
    pub fn pod_bound(
        &mut self,
        pod: PodId,
        kind: PodKind<'_>,
        node: NodeId,
        terminating: bool,
        now: SimTime,
    ) {
        if self.cache.bound(pod).is_some() {
            return;
        }
        self.news += 1;
        let class = self.cache.class_of(kind.id, kind.template, kind.siblings);
        self.cache.add_pod(pod, class, node, terminating);
        self.stop_waiting(pod);
        wake(&mut self.queue, &self.cache, Event::PodBound(self.cache.class(class)), now);
    }

    /// Deletion of a bound pod was asked for: it frees nothing yet.
    pub fn pod_terminating(&mut self, pod: PodId) {
        self.news += 1;
        self.cache.terminating(pod);
    }

    /// A pod is gone or has ended.
    pub fn pod_gone(&mut self, pod: PodId, now: SimTime) {
        self.news += 1;
        self.stop_waiting(pod);
        if let Some(class) = self.cache.remove_pod(pod) {
            wake(&mut self.queue, &self.cache, Event::PodGone(self.cache.class(class)), now);
            self.release(class);
        }
    }

    fn stop_waiting(&mut self, pod: PodId) {
        self.cache.denominate(pod);
        if let Some(class) = self.queue.forget(pod) {
            self.release(class);
        }
    }

    fn release(&mut self, class: ClassId) {
        let serial = self.cache.class(class).serial;
        if self.cache.release(class) {
            self.indexes.remove(&serial);
        }
    }

    /// Pods that have been unschedulable for five minutes are tried again.
    pub fn flush(&mut self, now: SimTime) {
        self.queue.flush(now);
    }

    /// When [`Scheduler::flush`] will find something.
    pub fn next_flush(&self) -> Option<SimTime> {
        self.queue.next_flush()
    }

    /// A node was added and not removed.
    pub fn knows_node(&self, id: NodeId) -> bool {
        self.cache.slot(id).is_some()
    }

    /// A pod is bound, here at least.
    pub fn knows_bound(&self, pod: PodId) -> bool {
        self.cache.bound(pod).is_some()
    }

    /// There is a pod to be tried.
    pub fn is_busy(&self) -> bool {
        self.queue.is_busy()
    }

    /// Pods that have no node.
    pub fn waiting(&self) -> usize {
        self.queue.size()
    }

    // What it does.

    /// One cycle: the next pod, and what becomes of it. `None` if no pod is to be tried.
    pub fn schedule_one(&mut self, outside: &mut Outside<'_>) -> Option<Decision> {
        let (pod, class) = self.queue.pop(outside.now)?;
        if let Some(failure) = self.fail_alike(pod, class, outside.now) {
            return Some(Decision::Unschedulable(pod, failure));
        }
        if let Some(slot) = self.choose((pod, class), outside.stream) {
            let node = self.cache.node(slot).id;
            self.news += 1;
            self.cache.add_pod(pod, class, node, false);
            self.stop_waiting(pod);
            wake(&mut self.queue, &self.cache, Event::PodBound(self.cache.class(class)), outside.now);
            return Some(Decision::Bind { pod, node });
        }
        Some(Decision::Unschedulable(pod, self.fail(pod, class, outside)))
    }

    /// The slot of the node for a newcomer; moves on where the next search begins.
    fn choose(&mut self, (pod, class): (PodId, ClassId), stream: &mut Stream) -> Option<u32> {
        let profile = &self.settings.profile;
        // A pod that a node was nominated for tries that one first.
        if let Some(slot) = self.cache.nomination(pod)
            && scan::fits(&mut self.cache, profile, (Some(pod), class), slot).is_ok()
        {
            return Some(slot);
        }
        if self.cache.node_count() == 0 {
            return None;
        }
        if self.settings.profile.scores.is_empty() && !self.cache.has_nominations() {
            self.choose_by_index(class, stream)
        } else {
            self.choose_by_scan((pod, class), stream)
        }
    }

    /// Where the search begins, and how many nodes it has to find.
    fn search_window(&self) -> (usize, usize) {
        let nodes = self.cache.node_count();
        (self.start % nodes, quota(nodes, self.settings.percentage_of_nodes))
    }

    fn choose_by_index(&mut self, class: ClassId, stream: &mut Stream) -> Option<u32> {
        let (start, enough) = self.search_window();
        let choice = Choice { start, enough, ties: self.settings.ties, stream };
        let serial = self.cache.class(class).serial;
        self.make_space_for_index(serial);
        self.cycles += 1;
        let (used, index) = self.indexes.entry(serial).or_default();
        *used = self.cycles;
        let chosen = index.choose(&mut self.cache, &self.settings.profile, class, choice);
        self.start = (start + chosen.examined) % self.cache.node_count();
        chosen.slot
    }

    fn choose_by_scan(&mut self, (pod, class): (PodId, ClassId), stream: &mut Stream) -> Option<u32> {
        let (start, enough) = self.search_window();
        let profile = &self.settings.profile;
        let found = scan::search(&mut self.cache, profile, (Some(pod), class), start, enough);
        self.start = (start + found.examined()) % self.cache.node_count();
        if found.feasible.len() < 2 {
            return found.feasible.first().copied();
        }
        let scores = scan::score(&self.cache, profile, class, &found.feasible);
        let totals = scan::totals(&scores, found.feasible.len());
        let best = totals.iter().max();
        let mut tied = found.feasible.iter().zip(&totals).filter(|(_, t)| Some(*t) == best).map(|(s, _)| *s);
        match self.settings.ties {
            Ties::FirstListed => tied.next(),
            Ties::Uniform => {
                let tied: Vec<u32> = tied.collect();
                Some(tied[stream.below(tied.len())])
            }
        }
    }

    /// Lets go of the index that was not used for the longest time, if a new one would be too much.
    fn make_space_for_index(&mut self, serial: u64) {
        let most = (KEPT_SCORES / self.cache.node_count().max(1)).max(KEPT_CLASSES);
        while self.indexes.len() >= most && !self.indexes.contains_key(&serial) {
            let oldest = self.indexes.iter().min_by_key(|(_, (used, _))| *used).map(|(serial, _)| *serial);
            self.indexes.remove(&oldest.expect("there are some"));
        }
    }

    /// What the last pod found, if that was no node, this one is of the same class, and there was no news since. A search
    /// that looks at every node in vain leaves no trace but this.
    fn fail_alike(&mut self, pod: PodId, class: ClassId, now: SimTime) -> Option<Arc<Failure>> {
        let (same, news, failure, rejectors) = self.hopeless.as_ref()?;
        if (*same, *news) != (class, self.news) {
            return None;
        }
        self.queue.park(pod, rejectors.clone(), now);
        Some(failure.clone())
    }

    /// No node: why not, and whether others have to make room.
    fn fail(&mut self, pod: PodId, class: ClassId, outside: &mut Outside<'_>) -> Arc<Failure> {
        let profile = &self.settings.profile;
        let all = self.cache.node_count();
        let found = scan::search(&mut self.cache, profile, (Some(pod), class), self.start % all.max(1), all);
        let mut failure = Failure {
            reasons: reasons(&found.rejected),
            preemption: BTreeMap::new(),
            not_eligible: None,
            nomination: None,
            denominated: false,
        };
        if !found.rejected.is_empty() {
            let ties = self.settings.ties;
            let preemption =
                preemption::preempt(&mut self.cache, profile, (pod, class), &found.rejected, ties, outside);
            failure.preemption = preemption.reasons;
            failure.not_eligible = preemption.not_eligible;
            match preemption.candidate {
                Some(candidate) => failure.nomination = Some(self.nominate(pod, class, candidate)),
                // Preemption that was tried in vain takes the nomination back; one that has to wait does not.
                None if failure.not_eligible.is_none() && self.cache.nomination(pod).is_some() => {
                    self.cache.denominate(pod);
                    failure.denominated = true;
                }
                None => {}
            }
        }
        let mut rejectors: Vec<Plugin> = found.rejected.iter().map(|(_, r)| r.plugin).collect();
        rejectors.sort();
        rejectors.dedup();
        if rejectors.is_empty() {
            // There is no node at all: any that comes may help.
            rejectors.push(Plugin::NodeResourcesFit);
        }
        let rejectors = Rejectors::from(rejectors);
        self.queue.park(pod, rejectors.clone(), outside.now);
        let failure = Arc::new(failure);
        if failure.nomination.is_some() || failure.denominated {
            self.news += 1;
        } else if !self.cache.has_nominations() {
            self.hopeless = Some((class, self.news, failure.clone(), rejectors));
        }
        failure
    }

    fn nominate(&mut self, pod: PodId, class: ClassId, candidate: preemption::Candidate) -> Nomination {
        let (slot, priority) = (candidate.slot, self.cache.class(class).spec.priority);
        let is_lower =
            |(id, c): &(PodId, ClassId)| *id != pod && self.cache.class(*c).spec.priority < priority;
        let displaced: Vec<PodId> =
            self.cache.nominated_to(slot).filter(is_lower).map(|(id, _)| id).collect();
        displaced.iter().for_each(|&id| self.cache.denominate(id));
        self.cache.nominate(pod, class, slot);
        let mut victims = candidate.victims;
        victims.retain(|&victim| !self.cache.is_terminating(victim));
        victims.iter().for_each(|&victim| self.cache.mark_preempted(victim));
        Nomination { node: self.cache.node(slot).id, victims, displaced }
    }

    /// What a newcomer would find now, with all nodes examined and every score of every plugin.
    pub fn report(&mut self, kind: PodKind<'_>) -> Report {
        let class = self.cache.class_of(kind.id, kind.template, kind.siblings);
        self.cache.hold(class);
        let profile = &self.settings.profile;
        let all = self.cache.node_count();
        let found = scan::search(&mut self.cache, profile, (None, class), self.start % all.max(1), all);
        let id = |slot: &u32| self.cache.node(*slot).id;
        let mut report = Report {
            feasible: found.feasible.iter().map(id).collect(),
            reasons: reasons(&found.rejected),
            ..Report::default()
        };
        if found.feasible.len() > 1 {
            report.scores = scan::score(&self.cache, profile, class, &found.feasible);
            report.totals = scan::totals(&report.scores, found.feasible.len());
        }
        self.release(class);
        report
    }
}

/// Moves the pods that an event may help.
fn wake(queue: &mut SchedulingQueue, cache: &Cache, event: Event<'_>, now: SimTime) {
    let asks = |class: ClassId, by: &[Plugin]| {
        by.iter().any(|&plugin| hints::helps(plugin, cache.class(class), event))
    };
    queue.move_parked(asks, now);
}

fn reasons(rejected: &[(u32, Rejection)]) -> BTreeMap<&'static str, u32> {
    let mut reasons = BTreeMap::new();
    for reason in rejected.iter().flat_map(|(_, r)| r.reasons.iter().flatten()) {
        *reasons.entry(*reason).or_insert(0) += 1;
    }
    reasons
}
