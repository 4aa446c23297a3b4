//! ReplicaSet controller: as many active pods as wanted, no more, no less.
//!
//! Watches ReplicaSets and their pods. Reads both. Creates and deletes pods, writes the ReplicaSet's status.
//! Follows pkg/controller/replicaset/replica_set.go and ActivePodsWithRanks in pkg/controller/controller_utils.go of
//! v1.36.2: a pod counts until it *starts* to terminate, at most 500 are created or deleted at once, and a ranking says who goes first. All writes share the
//! client's rate limit, events about pods that were made and deleted too.
//!
//! *Deviation:* no slow start (creations never fail here, so its batches change nothing); UIDs are a fixed scrambling
//! of the order of creation. Ready pods with the very same ready time go by UID, where upstream goes on to restarts and
//! creation times: its comparison is no order in that case.
//!
//! Start at [`ReplicaSetController::sync`].

use super::Context;
use crate::cluster::objects::{NodeId, Owner, Pod, PodId, ReplicaSetId, ReplicaSetStatus};
use crate::cluster::queue::TokenBucket;
use crate::cluster::settings::Settings;
use crate::cluster::store::Store;
use crate::engine::streams::mix;
use crate::engine::{SimDuration, SimTime};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Most pods created or deleted in one sync.
const BURST_REPLICAS: u32 = 500;

/// Events about one object that are recorded at once; after that one each 300 s (client-go's event correlator).
const EVENT_BURST: u32 = 25;

/// The controller and its client's rate limit.
#[derive(Debug)]
pub struct ReplicaSetController {
    client: TokenBucket,
    /// How long a write takes.
    request: SimDuration,
    /// Events that may still be recorded about a set.
    events: BTreeMap<ReplicaSetId, TokenBucket>,
    /// When the writes that a sync is waiting for are done.
    writing: BTreeMap<ReplicaSetId, SimTime>,
}

/// A write may not be made now: when it may, or `None` if never.
type Stopped = Option<SimTime>;

impl ReplicaSetController {
    pub fn new(settings: &Settings) -> Self {
        ReplicaSetController {
            client: TokenBucket::new(settings.client_rate, settings.client_burst),
            request: settings.request,
            events: BTreeMap::new(),
            writing: BTreeMap::new(),
        }
    }

    /// Creates or deletes what differs. Gives back when to come again, if there is something to come for: the client's
    /// limit stopped it, a write takes its time, or a pod becomes available.
    pub fn sync(&mut self, id: ReplicaSetId, cx: &mut Context<'_>) -> Option<SimTime> {
        self.step(id, cx).unwrap_or_else(|stopped| stopped)
    }

    fn step(&mut self, id: ReplicaSetId, cx: &mut Context<'_>) -> Result<Option<SimTime>, Stopped> {
        let Some(set) = cx.store.replica_set(id) else {
            self.writing.remove(&id);
            return Ok(None);
        };
        let (wanted, template) = (set.replicas, set.template);
        // The status tells of the pods as they were when the sync began.
        let (status, next) = status(id, cx.store, cx.now);
        if status.replicas < wanted {
            for _ in 0..(wanted - status.replicas).min(BURST_REPLICAS) {
                self.write(id, cx.now)?;
                cx.store.create_pod(Owner::ReplicaSet(id), template, cx.now);
                self.record_event(id, cx);
            }
        } else if status.replicas > wanted {
            self.may_write(id, cx.now)?;
            for pod in first_to_go(id, (status.replicas - wanted).min(BURST_REPLICAS), cx) {
                self.write(id, cx.now)?;
                cx.store.delete_pod(pod, cx.now);
                self.record_event(id, cx);
            }
        }
        if cx.store.replica_set(id).is_some_and(|set| set.status != status) {
            self.write(id, cx.now)?;
            cx.store.set_replica_set_status(id, status);
        }
        Ok(next)
    }

    /// An event tells people of a pod that was made or deleted. It takes a token too, when the sync is long past it;
    /// one too many about its object is dropped.
    fn record_event(&mut self, id: ReplicaSetId, cx: &Context<'_>) {
        if !self.events.contains_key(&id) {
            self.events.retain(|&set, _| cx.store.replica_set(set).is_some());
            self.writing.retain(|&set, _| cx.store.replica_set(set).is_some());
        }
        let spam = self.events.entry(id).or_insert_with(|| TokenBucket::new(1.0 / 300.0, EVENT_BURST));
        if spam.take(cx.now) {
            self.client.charge(cx.now);
        }
    }

    /// The last write of this set is done.
    fn may_write(&self, id: ReplicaSetId, now: SimTime) -> Result<(), Stopped> {
        match self.writing.get(&id) {
            Some(&done) if done > now => Err(Some(done)),
            _ => Ok(()),
        }
    }

    /// Makes a write, unless the last one of this set is not done or the limit is reached.
    fn write(&mut self, id: ReplicaSetId, now: SimTime) -> Result<(), Stopped> {
        self.may_write(id, now)?;
        if !self.client.take(now) {
            return Err(self.client.next(now));
        }
        if !self.request.is_zero() {
            self.writing.insert(id, now + self.request);
        }
        Ok(())
    }
}

/// What the status should say now, and when the next ready pod becomes available.
fn status(id: ReplicaSetId, store: &Store, now: SimTime) -> (ReplicaSetStatus, Option<SimTime>) {
    let counts = store.counts(id);
    let min_ready = store.replica_set(id).map_or(SimDuration::ZERO, |set| set.min_ready);
    if min_ready.is_zero() {
        return (ReplicaSetStatus { available: counts.ready, ..counts }, None);
    }
    let ready = store.pods_of(Owner::ReplicaSet(id)).filter(|(_, pod)| pod.is_active() && pod.ready);
    let since = ready.map(|(_, pod)| pod.ready_changed + min_ready);
    let (mut available, mut next) = (0, None);
    for time in since {
        match time <= now {
            true => available += 1,
            false => next = Some(next.map_or(time, |next: SimTime| next.min(time))),
        }
    }
    (ReplicaSetStatus { available, ..counts }, next)
}

/// As many active pods as are too many, in the order of their ranks.
fn first_to_go(id: ReplicaSetId, surplus: u32, cx: &Context<'_>) -> Vec<PodId> {
    let own: Vec<(PodId, &Pod)> = active_of(id, cx.store).collect();
    let surplus = surplus as usize;
    if surplus >= own.len() {
        return own.into_iter().map(|(pod, _)| pod).collect();
    }
    let crowds = Crowds::of(id, &own, cx.store);
    let rank = |(id, pod)| Rank { id, pod, neighbours: crowds.around(pod), now: cx.now };
    if surplus == 1 {
        return own.into_iter().map(rank).min_by(Rank::order).map(|rank| rank.id).into_iter().collect();
    }
    let mut ranks: Vec<Rank<'_>> = own.into_iter().map(rank).collect();
    ranks.select_nth_unstable_by(surplus, Rank::order);
    ranks.truncate(surplus);
    ranks.sort_unstable_by(Rank::order);
    ranks.iter().map(|r| r.id).collect()
}

fn active_of(id: ReplicaSetId, store: &Store) -> impl Iterator<Item = (PodId, &Pod)> {
    store.pods_of(Owner::ReplicaSet(id)).filter(|(_, pod)| pod.is_active())
}

/// How many active pods of a ReplicaSet and its siblings are on each node.
struct Crowds {
    /// By place of the node.
    on: Vec<u32>,
    /// On nodes that are gone.
    orphans: BTreeMap<NodeId, u32>,
}

impl Crowds {
    fn of(id: ReplicaSetId, own: &[(PodId, &Pod)], store: &Store) -> Crowds {
        let deployment = store.replica_set(id).and_then(|set| set.owner);
        let siblings = deployment.into_iter().flat_map(|deployment| store.sets_of(deployment));
        let others = siblings.filter(|set| **set != id).flat_map(|&set| active_of(set, store));
        let mut crowds = Crowds { on: vec![0; store.node_places()], orphans: BTreeMap::new() };
        for node in own.iter().copied().chain(others).filter_map(|(_, pod)| pod.node) {
            if store.node(node).is_some() {
                crowds.on[node.index as usize] += 1;
            } else {
                *crowds.orphans.entry(node).or_default() += 1;
            }
        }
        crowds
    }

    /// Those on the node of a pod.
    fn around(&self, pod: &Pod) -> u32 {
        let Some(node) = pod.node else { return 0 };
        let on_lost = self.orphans.get(&node);
        on_lost.or(self.on.get(node.index as usize)).copied().unwrap_or(0)
    }
}

/// What decides who goes first.
struct Rank<'a> {
    id: PodId,
    pod: &'a Pod,
    /// Active pods of the same Deployment on the same node.
    neighbours: u32,
    now: SimTime,
}

impl Rank<'_> {
    /// The smaller goes first: unbound, pending, not ready, cheap, crowded, young (by powers of two), restarted.
    fn order(&self, other: &Self) -> Ordering {
        let (a, b) = (self.pod, other.pod);
        let by_state = (a.node.is_some(), a.phase, a.ready).cmp(&(b.node.is_some(), b.phase, b.ready));
        let by_age = || {
            if a.ready {
                return self.magnitude(a.ready_changed).cmp(&self.magnitude(b.ready_changed));
            }
            let by_birth = self.magnitude(a.created).cmp(&self.magnitude(b.created));
            b.restarts.cmp(&a.restarts).then(by_birth)
        };
        let uid = |pod: &Pod| mix(u64::from(pod.number));
        by_state
            .then(a.deletion_cost.cmp(&b.deletion_cost))
            .then(other.neighbours.cmp(&self.neighbours))
            .then_with(by_age)
            .then_with(|| uid(a).cmp(&uid(b)))
    }

    /// Age in powers of two of a nanosecond.
    fn magnitude(&self, since: SimTime) -> u32 {
        magnitude(self.now.saturating_since(since))
    }
}

fn magnitude(age: SimDuration) -> u32 {
    (u128::from(age.as_micros()) * 1_000).checked_ilog2().unwrap_or(0)
}
