//! Disruption controller: how many pods of each budget may be evicted now.
//!
//! Watches PodDisruptionBudgets and pods. Reads both, and the sizes of the pods' owners. Writes the budget's status.
//! Follows pkg/controller/disruption/disruption.go of v1.36.2: healthy is who is ready, not terminating and not evicted
//! within the last 2 min; expected is what the owners want, or for a number of pods that must stay the pods that there
//! are, ending ones too; percentages are rounded up, both of what must stay and of what may go. All writes share the
//! client's rate limit.
//!
//! *Deviation:* a pod that is selected by several budgets wakes all of them, not an arbitrary one; a pod of no owner,
//! or of one without a size, counts as wanted by itself (upstream fails for percentages then, and nothing may be evicted).
//!
//! Evictions themselves are [`eviction`](crate::cluster::eviction). Start at [`DisruptionController::sync`].

use super::Context;
use crate::cluster::objects::{BudgetId, BudgetStatus, DeploymentId, Keep, Owner, PodId, Size};
use crate::cluster::queue::TokenBucket;
use crate::cluster::settings::Settings;
use crate::cluster::store::Store;
use crate::engine::{SimDuration, SimTime};

/// A pod that was evicted and is not seen to end after so long counts again (`DeletionTimeout`).
const DELETION_TIMEOUT: SimDuration = SimDuration::from_mins(2);

/// The controller and its client's rate limit.
#[derive(Debug)]
pub struct DisruptionController {
    client: TokenBucket,
}

impl DisruptionController {
    pub fn new(settings: &Settings) -> Self {
        DisruptionController { client: TokenBucket::new(settings.client_rate, settings.client_burst) }
    }

    /// Counts anew. Gives back when to come again, if there is something to come for: the client's limit stopped it, or
    /// an evicted pod counts again.
    pub fn sync(&mut self, id: BudgetId, cx: &mut Context<'_>) -> Option<SimTime> {
        let (status, again) = status(id, cx.store, cx.now);
        if cx.store.budget(id).status != status {
            if !self.client.take(cx.now) {
                return self.client.next(cx.now);
            }
            cx.store.set_budget_status(id, status);
        }
        again
    }
}

/// What the status should say, and when a pod counts again that was evicted and stays.
fn status(id: BudgetId, store: &Store, now: SimTime) -> (BudgetStatus, Option<SimTime>) {
    let budget = store.budget(id);
    let mut disrupted = budget.status.disrupted.clone();
    disrupted.retain(|pod, since| {
        *since + DELETION_TIMEOUT > now && store.pod(*pod).is_some_and(|pod| !pod.is_terminating())
    });
    let ready = |id: &&PodId| store.pod(**id).is_some_and(|pod| pod.ready);
    let ready_but_evicted = disrupted.keys().filter(ready).count() as u32;
    let healthy = store.crowds_of(id).map(|(_, crowd)| crowd.ready).sum::<u32>() - ready_but_evicted;
    let (expected, desired) = expectation(id, budget.keep, store);
    let allowed = if expected == 0 { 0 } else { healthy.saturating_sub(desired) };
    let again = disrupted.values().min().map(|since| *since + DELETION_TIMEOUT);
    (BudgetStatus { observed: true, allowed, healthy, desired, expected, disrupted }, again)
}

/// (how many pods there should be, how many of them healthy).
fn expectation(id: BudgetId, keep: Keep, store: &Store) -> (u32, u32) {
    match keep {
        Keep::MinAvailable(Size::Pods(kept)) => {
            (store.crowds_of(id).map(|(_, crowd)| crowd.pods).sum::<u32>(), kept)
        }
        Keep::MinAvailable(share) => {
            let expected = wanted_by_owners(id, store);
            (expected, share.rounded_up(expected))
        }
        Keep::MaxUnavailable(size) => {
            let expected = wanted_by_owners(id, store);
            (expected, expected.saturating_sub(size.rounded_up(expected)))
        }
    }
}

/// Sizes of all owners of the pods of a budget. A Deployment stands for its ReplicaSets.
fn wanted_by_owners(id: BudgetId, store: &Store) -> u32 {
    let (mut deployments, mut others) = (Vec::<DeploymentId>::new(), Vec::<Owner>::new());
    let mut wanted = 0;
    for (owner, crowd) in store.crowds_of(id) {
        match (store.deployment_of(owner), owner) {
            (Some(deployment), _) if deployments.contains(&deployment) => {}
            (Some(deployment), _) => {
                deployments.push(deployment);
                wanted += store.deployment(deployment).replicas;
            }
            (None, Owner::ReplicaSet(set)) if !others.contains(&owner) => {
                others.push(owner);
                wanted += store.replica_set(set).map_or(0, |set| set.replicas);
            }
            (None, Owner::StatefulSet(set, _)) if !others.contains(&Owner::StatefulSet(set, 0)) => {
                others.push(Owner::StatefulSet(set, 0));
                wanted += store.stateful_set(set).replicas;
            }
            (None, Owner::ReplicaSet(_) | Owner::StatefulSet(..)) => {}
            // These have no size.
            (None, Owner::None | Owner::DaemonSet(_) | Owner::Job(_)) => wanted += crowd.pods,
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::objects::{Container, DisruptionBudget, Labels, Name, Node, PodSpec, Resources};

    fn at(s: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(s)
    }

    /// A ReplicaSet of `wanted` with `there` ready pods, and a budget over them.
    fn budget(wanted: u32, there: u32, keep: Keep) -> (Store, BudgetId, Vec<PodId>) {
        let mut store = Store::default();
        let labels = Labels::default().with(Name::APP, Name::number(1));
        let spec = PodSpec::of_container(labels.clone(), Container::default());
        let set = store.add_replica_set(spec, &labels, wanted, at(0));
        let template = store.replica_set(set).expect("just made").template;
        let pods = (0..there)
            .map(|_| {
                let pod = store.create_pod(Owner::ReplicaSet(set), template, at(0));
                store.set_ready(pod, true, at(0));
                pod
            })
            .collect();
        let id = store.add_budget(DisruptionBudget::new(&labels, keep));
        (store, id, pods)
    }

    fn check(wanted: u32, there: u32, keep: Keep, expected: [u32; 4]) {
        let (store, id, _) = budget(wanted, there, keep);
        let s = status(id, &store, at(1)).0;
        assert_eq!([s.allowed, s.healthy, s.desired, s.expected], expected, "{keep:?}");
    }

    #[test]
    fn percentages_are_rounded_up_both_ways() {
        // facts 14.1: 30 % of 7 is 2.1: 3 may go, or 3 must stay.
        check(7, 7, Keep::MaxUnavailable(Size::percent(30)), [3, 7, 4, 7]);
        check(7, 7, Keep::MinAvailable(Size::percent(30)), [4, 7, 3, 7]);
        check(5, 5, Keep::MinAvailable(Size::percent(50)), [2, 5, 3, 5]);
    }

    #[test]
    fn what_is_expected_is_what_the_owner_wants_except_for_a_number_that_stays() {
        check(7, 5, Keep::MaxUnavailable(Size::Pods(3)), [1, 5, 4, 7]);
        check(7, 5, Keep::MinAvailable(Size::Pods(3)), [2, 5, 3, 5]);
        check(3, 3, Keep::MaxUnavailable(Size::Pods(9)), [3, 3, 0, 3]);
        check(3, 2, Keep::MinAvailable(Size::Pods(3)), [0, 2, 3, 2]);
        check(0, 0, Keep::MaxUnavailable(Size::Pods(1)), [0, 0, 0, 0]);
    }

    #[test]
    fn an_evicted_pod_counts_again_after_two_minutes_unless_it_ends() {
        let (mut store, id, pods) = budget(4, 4, Keep::MinAvailable(Size::Pods(2)));
        let mut evicted = status(id, &store, at(1)).0;
        evicted.disrupted.insert(pods[0], at(1));
        store.set_budget_status(id, evicted);
        let (s, again) = status(id, &store, at(120));
        assert_eq!((s.healthy, s.allowed, again), (3, 1, Some(at(121))));
        let (s, again) = status(id, &store, at(121));
        assert_eq!((s.healthy, s.disrupted.len(), again), (4, 0, None));
        // Seen to end, it is remembered no more, and counts as little.
        let node = store.add_node(Node::new(Name::EMPTY, Labels::default(), Resources::default()));
        store.bind(pods[0], node);
        store.delete_pod(pods[0], at(2));
        let (s, again) = status(id, &store, at(2));
        assert_eq!((s.healthy, s.expected, s.disrupted.len(), again), (3, 4, 0, None));
    }
}
