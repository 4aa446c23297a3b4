//! Deployment controller: rolling updates and replacements, scaling in the middle of them, the progress deadline, history.
//!
//! Watches Deployments and ReplicaSets, and removals of pods where the strategy is Recreate. Reads their specs and statuses.
//! Writes ReplicaSets' sizes and revisions, and the Deployment's status. Follows
//! pkg/controller/deployment/{sync,rolling,recreate,progress}.go of v1.36.2: at most one direction of scaling a sync, then the status; progress comes from later syncs that the ReplicaSets' statuses cause.
//! A Deployment that is paused or was resized is only scaled in that sync.
//!
//! *Deviation:* of the conditions only Progressing is kept; its reasons are those of [`Progress`]. A set that was just made
//! smaller counts with its wanted size where upstream trusts a status that is a few milliseconds old.
//!
//! Start at [`DeploymentController::sync`].

use super::Context;
use crate::cluster::event::Event;
use crate::cluster::objects::{
    Deployment, DeploymentId, DeploymentStatus, Owner, Progress, ReplicaSet, ReplicaSetId, Strategy,
};
use crate::cluster::store::Store;
use crate::engine::{SimDuration, SimTime};
use std::cmp::Reverse;

/// State that survives a sync: which deadline checks are under way.
#[derive(Debug, Default)]
pub struct DeploymentController {
    checks: Vec<Option<SimTime>>,
}

/// How many pods may exist above, and lack below, the wanted number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fenceposts {
    pub surge: u32,
    pub unavailable: u32,
}

impl Fenceposts {
    /// Surge is rounded up, unavailable down; both zero would block, so one may then be unavailable.
    pub fn resolve(strategy: Strategy, replicas: u32) -> Fenceposts {
        let Strategy::RollingUpdate { max_surge, max_unavailable } = strategy else {
            return Fenceposts { surge: 0, unavailable: 0 };
        };
        let surge = max_surge.rounded_up(replicas);
        let mut unavailable = max_unavailable.rounded_down(replicas);
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Fenceposts { surge, unavailable: unavailable.min(replicas) }
    }

    fn of(deployment: &Deployment) -> Fenceposts {
        Fenceposts::resolve(deployment.strategy, deployment.replicas)
    }
}

impl DeploymentController {
    /// Moves one Deployment a step towards its spec.
    pub fn sync(&mut self, id: DeploymentId, cx: &mut Context<'_>) {
        let paused = cx.store.deployment(id).paused;
        note_pause(id, cx);
        if paused || is_scaling(id, cx.store) {
            let new = set_of_template(cx.store, id);
            if let Some(new) = new {
                take_over(id, new, cx);
            }
            scale(id, new, cx);
            if paused {
                prune_history(id, new, cx);
            }
            // Neither counts as progress.
            let progress = cx.store.deployment(id).status.progress;
            let status = DeploymentStatus { progress, ..count(id, new, cx.store) };
            return cx.store.set_deployment_status(id, status);
        }
        match cx.store.deployment(id).strategy {
            Strategy::RollingUpdate { .. } => self.roll(id, cx),
            Strategy::Recreate => self.recreate(id, cx),
        }
    }

    /// Up with the new pods, or down with the old ones.
    fn roll(&mut self, id: DeploymentId, cx: &mut Context<'_>) {
        let (new, is_made) = new_set(id, cx);
        if is_made || !scale_up_new(id, new, cx) {
            let before = old_sizes(id, new, cx.store);
            scale_down_old(id, new, cx);
            if before == old_sizes(id, new, cx.store) {
                prune_if_complete(id, new, cx);
            }
        }
        self.update_status(id, Some(new), cx);
    }

    /// The new pods come when the last old one is gone.
    fn recreate(&mut self, id: DeploymentId, cx: &mut Context<'_>) {
        let known = set_of_template(cx.store, id);
        let wanted = cx.store.deployment(id).replicas;
        let old = others(id, known, cx.store);
        if old.iter().any(|&s| size(cx.store, s) > 0) {
            old.iter().for_each(|&s| cx.store.scale_replica_set(s, 0, wanted, wanted));
            return self.update_status(id, known, cx);
        }
        let runs = |&s: &ReplicaSetId| {
            let says_so = cx.store.replica_set(s).is_some_and(|set| set.status.replicas > 0);
            says_so || cx.store.pods_of(Owner::ReplicaSet(s)).any(|(_, pod)| !pod.is_terminal())
        };
        if old.iter().any(runs) {
            return self.update_status(id, known, cx);
        }
        let (new, _) = new_set(id, cx);
        cx.store.scale_replica_set(new, wanted, wanted, wanted);
        prune_if_complete(id, new, cx);
        self.update_status(id, Some(new), cx);
    }

    /// What the ReplicaSets add up to, and whether that is progress.
    fn update_status(&mut self, id: DeploymentId, new: Option<ReplicaSetId>, cx: &mut Context<'_>) {
        let (deployment, status) = (cx.store.deployment(id), count(id, new, cx.store));
        let (before, deadline) = (deployment.status, deployment.progress_deadline);
        let old = |s: DeploymentStatus| s.replicas - s.updated;
        let moved = status.updated > before.updated
            || old(status) < old(before)
            || status.ready > before.ready
            || status.available > before.available;
        let progress = match before.progress {
            // A complete rollout does not time out when pods are lost later.
            Progress::Complete if status.replicas == status.updated => Progress::Complete,
            _ if is_complete(deployment, status) => Progress::Complete,
            _ if moved => Progress::Progressing { since: cx.now },
            Progress::Progressing { since } if since + deadline < cx.now => Progress::Stalled,
            unchanged => unchanged,
        };
        if let Progress::Progressing { since } = progress {
            self.check_later(id, since + deadline, cx);
        }
        cx.store.set_deployment_status(id, DeploymentStatus { progress, ..status });
    }

    /// One check is under way at a time; the one that comes finds how much of the deadline is left.
    fn check_later(&mut self, id: DeploymentId, deadline: SimTime, cx: &mut Context<'_>) {
        self.checks.resize(self.checks.len().max(id.index() + 1), None);
        let check = &mut self.checks[id.index()];
        if check.is_none_or(|at| at <= cx.now) {
            let at = deadline + SimDuration::from_secs(1);
            *check = Some(at);
            cx.at(at, Event::CheckProgress(id));
        }
    }
}

/// The Progressing condition says that a Deployment was paused or resumed.
fn note_pause(id: DeploymentId, cx: &mut Context<'_>) {
    let deployment = cx.store.deployment(id);
    let progress = match (deployment.paused, deployment.status.progress) {
        (_, Progress::Stalled) | (true, Progress::Paused) => return,
        (true, _) => Progress::Paused,
        (false, Progress::Paused) => Progress::Progressing { since: cx.now },
        (false, _) => return,
    };
    let status = DeploymentStatus { progress, ..deployment.status };
    cx.store.set_deployment_status(id, status);
}

fn is_complete(deployment: &Deployment, status: DeploymentStatus) -> bool {
    [status.updated, status.replicas, status.available].iter().all(|&n| n == deployment.replicas)
}

fn count(id: DeploymentId, new: Option<ReplicaSetId>, store: &Store) -> DeploymentStatus {
    let observed_generation = store.deployment(id).generation;
    let mut status = DeploymentStatus { observed_generation, ..Default::default() };
    for (set_id, set) in sets(store, id) {
        status.replicas += set.status.replicas;
        status.ready += set.status.ready;
        status.available += set.status.available;
        if Some(set_id) == new {
            status.updated = set.status.replicas;
        }
    }
    status
}

/// ReplicaSets.
fn sets(store: &Store, id: DeploymentId) -> impl Iterator<Item = (ReplicaSetId, &ReplicaSet)> {
    store.sets_of(id).iter().map(|&s| (s, store.replica_set(s).expect("indexed sets exist")))
}

/// The oldest ReplicaSet with the Deployment's template: the new one.
pub fn set_of_template(store: &Store, id: DeploymentId) -> Option<ReplicaSetId> {
    let template = store.deployment(id).template;
    sets(store, id).find(|(_, set)| set.made_from == template).map(|(s, _)| s)
}

/// All but one, oldest first.
fn others(id: DeploymentId, new: Option<ReplicaSetId>, store: &Store) -> Vec<ReplicaSetId> {
    store.sets_of(id).iter().copied().filter(|&s| Some(s) != new).collect()
}

fn size(store: &Store, set: ReplicaSetId) -> u32 {
    store.replica_set(set).expect("asked about sets that exist").replicas
}

fn total(store: &Store, id: DeploymentId) -> u32 {
    sets(store, id).map(|(_, set)| set.replicas).sum()
}

fn old_sizes(id: DeploymentId, new: ReplicaSetId, store: &Store) -> u32 {
    total(store, id) - size(store, new)
}

/// The most pods that may exist now, terminating ones apart.
fn most(deployment: &Deployment) -> u32 {
    deployment.replicas + Fenceposts::of(deployment).surge
}

/// The ReplicaSet of the present template, and true if it had to be made; its revision is the newest.
fn new_set(id: DeploymentId, cx: &mut Context<'_>) -> (ReplicaSetId, bool) {
    if let Some(new) = set_of_template(cx.store, id) {
        take_over(id, new, cx);
        return (new, false);
    }
    let new = cx.store.add_set_of_deployment(id, cx.now);
    let deployment = cx.store.deployment(id);
    let (wanted, most) = (deployment.replicas, most(deployment));
    let replicas = new_size(id, 0, cx.store);
    cx.store.scale_replica_set(new, replicas, wanted, most);
    take_over(id, new, cx);
    // NewReplicaSetCreated.
    let progress = Progress::Progressing { since: cx.now };
    let status = DeploymentStatus { progress, ..cx.store.deployment(id).status };
    cx.store.set_deployment_status(id, status);
    (new, true)
}

/// A ReplicaSet is, or becomes again, the newest.
fn take_over(id: DeploymentId, new: ReplicaSetId, cx: &mut Context<'_>) {
    let others =
        sets(cx.store, id).filter(|&(s, _)| s != new).map(|(_, set)| set.revision).max().unwrap_or(0);
    let own = cx.store.replica_set(new).map_or(0, |s| s.revision);
    cx.store.set_revision(new, own.max(others + 1));
    let min_ready = cx.store.deployment(id).min_ready;
    cx.store.set_min_ready(new, min_ready);
}

/// The size to which the new ReplicaSet may grow now.
fn new_size(id: DeploymentId, present: u32, store: &Store) -> u32 {
    let deployment = store.deployment(id);
    let (wanted, total) = (deployment.replicas, total(store, id));
    if present >= wanted || deployment.strategy == Strategy::Recreate {
        return wanted;
    }
    present + most(deployment).saturating_sub(total).min(wanted - present)
}

/// True if the new ReplicaSet changed its size.
fn scale_up_new(id: DeploymentId, new: ReplicaSetId, cx: &mut Context<'_>) -> bool {
    let deployment = cx.store.deployment(id);
    let (wanted, most, present) = (deployment.replicas, most(deployment), size(cx.store, new));
    let replicas = new_size(id, present, cx.store);
    if replicas != present {
        cx.store.scale_replica_set(new, replicas, wanted, most);
    }
    replicas != present
}

/// Takes old pods away as far as enough pods are left: unhealthy ones first, then by what is available in all.
fn scale_down_old(id: DeploymentId, new: ReplicaSetId, cx: &mut Context<'_>) {
    let deployment = cx.store.deployment(id);
    let (wanted, most) = (deployment.replicas, most(deployment));
    let least = wanted - Fenceposts::of(deployment).unavailable;
    let set = cx.store.replica_set(new).expect("the new ReplicaSet exists");
    let new_unavailable = set.replicas.saturating_sub(set.status.available);
    let mut may_go = total(cx.store, id).saturating_sub(least + new_unavailable);
    if may_go == 0 || old_sizes(id, new, cx.store) == 0 {
        return;
    }
    let old = others(id, Some(new), cx.store);
    for &s in &old {
        let set = cx.store.replica_set(s).expect("indexed sets exist");
        let unhealthy = set.replicas.saturating_sub(set.status.available).min(may_go);
        if unhealthy > 0 {
            let replicas = set.replicas - unhealthy;
            cx.store.scale_replica_set(s, replicas, wanted, most);
            may_go -= unhealthy;
        }
    }
    // The status of a set that was made smaller a moment ago still tells of pods that are going.
    let available: u32 = sets(cx.store, id).map(|(_, set)| set.status.available.min(set.replicas)).sum();
    let mut surplus = available.saturating_sub(least);
    for &s in &old {
        let present = size(cx.store, s);
        let less = present.min(surplus);
        if less > 0 {
            cx.store.scale_replica_set(s, present - less, wanted, most);
            surplus -= less;
        }
    }
}

/// Whether the wanted size changed since some ReplicaSet was sized.
fn is_scaling(id: DeploymentId, store: &Store) -> bool {
    let wanted = store.deployment(id).replicas;
    sets(store, id).any(|(_, set)| set.replicas > 0 && set.desired != wanted)
}

/// The Deployment was resized: one ReplicaSet follows, or all in proportion in the middle of a rollout.
fn scale(id: DeploymentId, new: Option<ReplicaSetId>, cx: &mut Context<'_>) {
    let deployment = cx.store.deployment(id);
    let (wanted, most, strategy) = (deployment.replicas, most(deployment), deployment.strategy);
    let active: Vec<ReplicaSetId> =
        sets(cx.store, id).filter(|(_, set)| set.replicas > 0).map(|(s, _)| s).collect();
    let only = match active[..] {
        [] => new.or_else(|| cx.store.sets_of(id).last().copied()),
        [only] => Some(only),
        _ => None,
    };
    if let Some(only) = only {
        return cx.store.scale_replica_set(only, wanted, wanted, most);
    }
    let is_saturated =
        |set: &ReplicaSet| set.replicas == wanted && set.desired == wanted && set.status.available == wanted;
    if new.and_then(|new| cx.store.replica_set(new)).is_some_and(is_saturated) {
        for s in active.into_iter().filter(|&s| Some(s) != new) {
            cx.store.scale_replica_set(s, 0, wanted, most);
        }
        return;
    }
    if strategy == Strategy::Recreate {
        return;
    }
    let allowed = if wanted > 0 { most } else { 0 };
    let members: Vec<(ReplicaSetId, u32, u32)> = active
        .iter()
        .map(|&s| {
            let set = cx.store.replica_set(s).expect("active sets exist");
            (s, set.replicas, set.max_desired)
        })
        .collect();
    for (s, replicas) in proportional(&members, allowed) {
        cx.store.scale_replica_set(s, replicas, wanted, most);
    }
}

/// Shares a new total among ReplicaSets by their size. Members are (set, size, the most pods when it was
/// sized), oldest first; what rounding leaves over goes to the first.
fn proportional<T: Copy>(members: &[(T, u32, u32)], most: u32) -> Vec<(T, u32)> {
    let total: u32 = members.iter().map(|m| m.1).sum();
    let to_add = i64::from(most) - i64::from(total);
    let mut order: Vec<usize> = (0..members.len()).collect();
    // Largest first; on ties the newer grows and the older shrinks.
    if to_add > 0 {
        order.reverse();
    }
    order.sort_by_key(|&i| Reverse(members[i].1));
    let mut left = to_add;
    let mut result: Vec<(T, i64)> = Vec::new();
    for &i in &order {
        let (member, size, annotated) = members[i];
        let scaled = (f64::from(size) * f64::from(most) / f64::from(annotated.max(1))).round() as i64;
        let share = if most == 0 { -i64::from(size) } else { scaled - i64::from(size) };
        let change = match to_add.signum() {
            1 => share.min(left),
            -1 => share.max(left),
            _ => 0,
        };
        left -= change;
        result.push((member, i64::from(size) + change));
    }
    if let Some(first) = result.first_mut() {
        first.1 = (first.1 + left).max(0);
    }
    result.into_iter().map(|(member, size)| (member, size as u32)).collect()
}

/// History is cleaned up when nothing is left to roll.
fn prune_if_complete(id: DeploymentId, new: ReplicaSetId, cx: &mut Context<'_>) {
    let deployment = cx.store.deployment(id);
    if is_complete(deployment, deployment.status) {
        prune_history(id, Some(new), cx);
    }
}

/// Removes the oldest empty ReplicaSets beyond the history limit.
fn prune_history(id: DeploymentId, new: Option<ReplicaSetId>, cx: &mut Context<'_>) {
    let limit = cx.store.deployment(id).revision_history;
    let revision = |s: ReplicaSetId| cx.store.replica_set(s).expect("indexed sets exist").revision;
    let mut old: Vec<(u32, ReplicaSetId)> =
        others(id, new, cx.store).into_iter().map(|s| (revision(s), s)).collect();
    if old.len() <= limit {
        return;
    }
    old.sort_unstable();
    for &(_, s) in &old[..old.len() - limit] {
        let set = cx.store.replica_set(s).expect("indexed sets exist");
        if set.replicas == 0 && cx.store.pods_of(Owner::ReplicaSet(s)).next().is_none() {
            cx.store.remove_replica_set(s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::objects::Size;

    fn rolling(surge: u32, unavailable: u32) -> Strategy {
        Strategy::RollingUpdate {
            max_surge: Size::percent(surge),
            max_unavailable: Size::percent(unavailable),
        }
    }

    #[test]
    fn surge_rounds_up_and_unavailable_down() {
        let check = |surge, unavailable, replicas, expected: (u32, u32)| {
            let f = Fenceposts::resolve(rolling(surge, unavailable), replicas);
            assert_eq!((f.surge, f.unavailable), expected, "{surge} {unavailable} {replicas}");
        };
        check(25, 25, 10, (3, 2));
        check(25, 25, 4, (1, 1));
        check(25, 25, 3, (1, 0));
        check(25, 25, 1, (1, 0));
        check(25, 25, 0, (0, 0));
        // Both zero would block.
        check(0, 0, 10, (0, 1));
        check(10, 0, 10, (1, 0));
    }

    #[test]
    fn a_resize_in_the_middle_of_a_rollout_is_shared_in_proportion() {
        // facts 14.1: 10 → 15 with old 8 and new 5: 19 allowed, 6 to add; 8·19/13 = 11.7 → 12, 5·19/13 = 7.3 → 7.
        assert_eq!(proportional(&[("old", 8, 13), ("new", 5, 13)], 19), [("old", 12), ("new", 7)]);
        // And back down from 19 to 13: 12·13/19 = 8.2 → 8, 7·13/19 = 4.8 → 5.
        assert_eq!(proportional(&[("old", 12, 19), ("new", 7, 19)], 13), [("old", 8), ("new", 5)]);
    }
}
