//! ReplicaSet controller: as many active pods as wanted, no more, no less.
//!
//! Watches ReplicaSets and their pods. Reads both. Creates and deletes pods, writes the ReplicaSet's status.
//! Follows pkg/controller/replicaset and ActivePodsWithRanks of v1.36.2: a pod counts until it *starts* to
//! terminate, at most 500 are created or deleted at once, and a ranking says who goes first. Creations share the
//! client's rate limit.
//!
//! *Deviation:* no slow start (creations never fail here, so its batches change nothing) and no deletion cost; UIDs
//! are a fixed scrambling of the order of creation. Ready pods with the very same ready time go by UID, where upstream
//! goes on to restarts and creation times: its comparison is no order in that case.
//!
//! Start at [`ReplicaSetController::sync`].

use super::Context;
use crate::engine::streams::mix;
use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::objects::{Pod, PodId, ReplicaSetId, ReplicaSetStatus};
use crate::platform::kubernetes::parameters::ControlPlaneParameters;
use crate::platform::kubernetes::queue::TokenBucket;
use crate::platform::kubernetes::store::Store;
use std::cmp::Ordering;

/// Most pods created or deleted in one sync.
const BURST_REPLICAS: usize = 500;

/// The controller and its client's rate limit.
#[derive(Debug)]
pub struct ReplicaSetController {
    client: TokenBucket,
}

impl ReplicaSetController {
    pub fn new(p: &ControlPlaneParameters) -> Self {
        ReplicaSetController { client: TokenBucket::new(p.client_rate.per_second(), p.client_burst) }
    }

    /// Creates or deletes what differs. Gives back when to come again if the client's limit stops it.
    pub fn sync(&mut self, id: ReplicaSetId, cx: &mut Context<'_>) -> Option<SimTime> {
        let set = cx.store.replica_set(id)?;
        let wanted = set.replicas as usize;
        let active: Vec<PodId> =
            cx.store.pods_of(id).filter(|(_, pod)| pod.is_active()).map(|(p, _)| p).collect();
        let mut again = None;
        if active.len() < wanted {
            again = self.create(id, (wanted - active.len()).min(BURST_REPLICAS), cx);
        } else if active.len() > wanted {
            delete(id, active, wanted, cx);
        }
        let mut status = ReplicaSetStatus::default();
        for (_, pod) in cx.store.pods_of(id).filter(|(_, pod)| pod.is_active()) {
            status.replicas += 1;
            status.ready += u32::from(pod.ready);
        }
        cx.store.set_replica_set_status(id, status);
        again
    }

    fn create(&mut self, id: ReplicaSetId, count: usize, cx: &mut Context<'_>) -> Option<SimTime> {
        for _ in 0..count {
            if !self.client.take(cx.now) {
                return self.client.next(cx.now);
            }
            cx.store.create_pod(id, cx.now);
        }
        None
    }
}

fn delete(id: ReplicaSetId, mut active: Vec<PodId>, wanted: usize, cx: &mut Context<'_>) {
    let surplus = (active.len() - wanted).min(BURST_REPLICAS);
    let store = &mut *cx.store;
    if surplus < active.len() {
        let mut ranks: Vec<Rank<'_>> = active.iter().map(|&p| Rank::new(p, id, store, cx.now)).collect();
        ranks.sort_by(Rank::order);
        active = ranks.iter().map(|r| r.id).collect();
    }
    for &pod in &active[..surplus] {
        store.delete_pod(pod);
    }
}

/// What decides who goes first.
struct Rank<'a> {
    id: PodId,
    pod: &'a Pod,
    /// Active pods of the same Deployment on the same node.
    neighbours: usize,
    now: SimTime,
}

impl<'a> Rank<'a> {
    fn new(id: PodId, set: ReplicaSetId, store: &'a Store, now: SimTime) -> Self {
        let pod = store.pod(id).expect("listed pods exist");
        let deployment = store.replica_set(set).map(|s| s.deployment);
        let is_neighbour = |p: &Pod| p.is_active() && Some(p.deployment) == deployment;
        let neighbours =
            pod.node.map_or(0, |node| store.pods_on(node).filter(|(_, p)| is_neighbour(p)).count());
        Rank { id, pod, neighbours, now }
    }

    /// The smaller goes first: unbound, pending, not ready, crowded, young (by powers of two), restarted.
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
