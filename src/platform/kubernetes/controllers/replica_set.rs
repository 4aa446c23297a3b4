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
use crate::platform::kubernetes::objects::{NodeId, Pod, PodId, ReplicaSetId};
use crate::platform::kubernetes::parameters::ControlPlaneParameters;
use crate::platform::kubernetes::queue::TokenBucket;
use crate::platform::kubernetes::store::Store;
use std::cmp::Ordering;

/// Most pods created or deleted in one sync.
const BURST_REPLICAS: u32 = 500;

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
        let (wanted, active) = (set.replicas, cx.store.counts(id).replicas);
        let mut again = None;
        match wanted.cmp(&active) {
            Ordering::Greater => again = self.create(id, (wanted - active).min(BURST_REPLICAS), cx),
            Ordering::Less => delete(id, (active - wanted).min(BURST_REPLICAS), cx),
            Ordering::Equal => {}
        }
        cx.store.set_replica_set_status(id, cx.store.counts(id));
        again
    }

    fn create(&mut self, id: ReplicaSetId, count: u32, cx: &mut Context<'_>) -> Option<SimTime> {
        for _ in 0..count {
            if !self.client.take(cx.now) {
                return self.client.next(cx.now);
            }
            cx.store.create_pod(id, cx.now);
        }
        None
    }
}

/// Deletes as many active pods as are too many, in the order of their ranks.
fn delete(id: ReplicaSetId, surplus: u32, cx: &mut Context<'_>) {
    let store = &*cx.store;
    let active = || store.pods_of(id).filter(|(_, pod)| pod.is_active());
    let mut first: Vec<PodId> = active().map(|(pod, _)| pod).collect();
    let surplus = surplus as usize;
    if surplus < first.len() {
        let crowds = Crowds::of(id, store);
        let mut ranks: Vec<Rank<'_>> =
            active().map(|(id, pod)| Rank::new(id, pod, &crowds, cx.now)).collect();
        ranks.select_nth_unstable_by(surplus, Rank::order);
        ranks.truncate(surplus);
        ranks.sort_unstable_by(Rank::order);
        first = ranks.iter().map(|r| r.id).collect();
    }
    for pod in first {
        cx.store.delete_pod(pod);
    }
}

/// Nodes of the active pods of a ReplicaSet's Deployment, each as often as it has such pods, sorted.
struct Crowds(Vec<NodeId>);

impl Crowds {
    fn of(id: ReplicaSetId, store: &Store) -> Crowds {
        let deployment = store.replica_set(id).expect("a ReplicaSet that deletes exists").deployment;
        let pods = store.pods_of_deployment(deployment).filter(|(_, pod)| pod.is_active());
        let mut nodes: Vec<NodeId> = pods.filter_map(|(_, pod)| pod.node).collect();
        nodes.sort_unstable();
        Crowds(nodes)
    }

    fn on(&self, node: NodeId) -> usize {
        self.0.partition_point(|&n| n <= node) - self.0.partition_point(|&n| n < node)
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
    fn new(id: PodId, pod: &'a Pod, crowds: &Crowds, now: SimTime) -> Self {
        Rank { id, pod, neighbours: pod.node.map_or(0, |node| crowds.on(node)), now }
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
