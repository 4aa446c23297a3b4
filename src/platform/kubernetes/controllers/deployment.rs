//! Deployment controller: rolling updates, scaling in the middle of them, the progress deadline, history.
//!
//! Watches Deployments and ReplicaSets. Reads their specs and statuses. Writes ReplicaSets' sizes and revisions,
//! and the Deployment's status. Follows pkg/controller/deployment of v1.36.2: at most one direction of scaling a
//! sync, then the status; progress comes from later syncs that the ReplicaSets' statuses cause.
//!
//! *Deviation:* only the RollingUpdate strategy with percentages; no pausing, no `minReadySeconds`.
//!
//! Start at [`DeploymentController::sync`].

use super::Context;
use crate::engine::SimDuration;
use crate::engine::SimTime;
use crate::parameter::Fraction;
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::objects::{
    DeploymentId, DeploymentStatus, Progress, ReplicaSet, ReplicaSetId,
};
use crate::platform::kubernetes::store::Store;

/// Old ReplicaSets that are kept to go back to (`revisionHistoryLimit`).
const HISTORY: usize = 10;

/// State that survives a sync: which deadline checks are under way.
#[derive(Debug)]
pub struct DeploymentController {
    progress_deadline: SimDuration,
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
    pub fn resolve(surge: Fraction, unavailable: Fraction, replicas: u32) -> Fenceposts {
        // In whole millionths, so that 10 % of 10 is 1 and not a bit more.
        let parts = |f: Fraction| (f.as_f64() * 1e6).round() as u64 * u64::from(replicas);
        let surge = parts(surge).div_ceil(1_000_000) as u32;
        let mut unavailable = (parts(unavailable) / 1_000_000) as u32;
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Fenceposts { surge, unavailable: unavailable.min(replicas) }
    }
}

impl DeploymentController {
    pub fn new(progress_deadline: SimDuration) -> Self {
        DeploymentController { progress_deadline, checks: Vec::new() }
    }

    /// Moves one Deployment a step towards its spec.
    pub fn sync(&mut self, id: DeploymentId, cx: &mut Context<'_>) {
        let known = set_of_template(cx.store, id);
        let new = known.unwrap_or_else(|| create_set(id, cx));
        let newest = revision_above_others(cx.store, id, new);
        let changed = known.is_none() || cx.store.replica_set(new).is_some_and(|s| s.revision < newest);
        cx.store.set_revision(new, newest);
        let wanted = cx.store.deployment(id).replicas;
        let is_scaling = sets(cx.store, id).any(|(_, set)| set.replicas > 0 && set.desired != wanted);
        if is_scaling {
            scale(id, new, cx);
        } else if known.is_none() || !scale_up_new(id, new, cx) {
            scale_down_old(id, new, cx);
        }
        self.update_status(id, new, changed, cx);
    }

    fn update_status(&mut self, id: DeploymentId, new: ReplicaSetId, changed: bool, cx: &mut Context<'_>) {
        let deployment = cx.store.deployment(id);
        let (wanted, before) = (deployment.replicas, deployment.status);
        let observed_generation = deployment.generation;
        let mut status = DeploymentStatus {
            observed_generation,
            replicas: 0,
            updated: 0,
            ready: 0,
            progress: before.progress,
        };
        for (set_id, set) in sets(cx.store, id) {
            status.replicas += set.status.replicas;
            status.ready += set.status.ready;
            if set_id == new {
                status.updated = set.status.replicas;
            }
        }
        let is_complete = status.updated == wanted && status.replicas == wanted && status.ready >= wanted;
        let old = |s: DeploymentStatus| s.replicas - s.updated;
        let moved = changed
            || status.updated > before.updated
            || old(status) < old(before)
            || status.ready > before.ready;
        status.progress = match before.progress {
            _ if is_complete && !changed => Progress::Complete,
            // A complete rollout does not time out when pods are lost later.
            Progress::Complete if !changed && status.updated == status.replicas => Progress::Complete,
            _ if moved => Progress::Progressing { since: cx.now },
            Progress::Progressing { since } if since + self.progress_deadline < cx.now => Progress::Stalled,
            Progress::Complete => Progress::Progressing { since: cx.now },
            progress @ (Progress::Progressing { .. } | Progress::Stalled) => progress,
        };
        if let Progress::Progressing { since } = status.progress {
            self.check_later(id, since, cx);
        }
        cx.store.set_deployment_status(id, status);
        if status.progress == Progress::Complete {
            prune_history(id, new, cx);
        }
    }

    /// One check is under way at a time; the one that comes finds how much of the deadline is left.
    fn check_later(&mut self, id: DeploymentId, since: SimTime, cx: &mut Context<'_>) {
        self.checks.resize(self.checks.len().max(id.index() + 1), None);
        let check = &mut self.checks[id.index()];
        if check.is_none_or(|at| at <= cx.now) {
            let at = since + self.progress_deadline + SimDuration::from_secs(1);
            *check = Some(at);
            cx.at(at, Event::CheckProgress(id));
        }
    }
}

fn sets(store: &Store, id: DeploymentId) -> impl Iterator<Item = (ReplicaSetId, &ReplicaSet)> {
    store.sets_of(id).iter().map(|&s| (s, store.replica_set(s).expect("indexed sets exist")))
}

/// The oldest ReplicaSet with the Deployment's template: the new one.
pub fn set_of_template(store: &Store, id: DeploymentId) -> Option<ReplicaSetId> {
    let template = store.deployment(id).template;
    sets(store, id).find(|(_, set)| set.template == template).map(|(s, _)| s)
}

fn revision_above_others(store: &Store, id: DeploymentId, new: ReplicaSetId) -> u32 {
    let others = sets(store, id).filter(|&(s, _)| s != new).map(|(_, set)| set.revision).max().unwrap_or(0);
    store.replica_set(new).map_or(0, |s| s.revision).max(others + 1)
}

fn fenceposts(id: DeploymentId, cx: &Context<'_>) -> Fenceposts {
    let p = &cx.parameters.deployment;
    Fenceposts::resolve(p.max_surge, p.max_unavailable, cx.store.deployment(id).replicas)
}

fn total(store: &Store, id: DeploymentId) -> u32 {
    sets(store, id).map(|(_, set)| set.replicas).sum()
}

/// The size to which the new ReplicaSet may grow now.
fn new_size(id: DeploymentId, present: u32, cx: &Context<'_>) -> u32 {
    let wanted = cx.store.deployment(id).replicas;
    let (total, most) = (total(cx.store, id), wanted + fenceposts(id, cx).surge);
    if present >= wanted {
        return wanted;
    }
    present + most.saturating_sub(total).min(wanted - present)
}

fn create_set(id: DeploymentId, cx: &mut Context<'_>) -> ReplicaSetId {
    let replicas = new_size(id, 0, cx);
    cx.store.add_replica_set(id, 0, replicas)
}

/// True if the new ReplicaSet changed its size.
fn scale_up_new(id: DeploymentId, new: ReplicaSetId, cx: &mut Context<'_>) -> bool {
    let (wanted, present) = (cx.store.deployment(id).replicas, size(cx.store, new));
    let replicas = new_size(id, present, cx);
    cx.store.scale_replica_set(new, replicas, wanted);
    replicas != present
}

fn size(store: &Store, set: ReplicaSetId) -> u32 {
    store.replica_set(set).expect("asked about sets that exist").replicas
}

/// Takes old pods away as far as enough pods are left: unhealthy ones first, then by what is ready in all.
fn scale_down_old(id: DeploymentId, new: ReplicaSetId, cx: &mut Context<'_>) {
    let wanted = cx.store.deployment(id).replicas;
    let least = wanted - fenceposts(id, cx).unavailable;
    let set = cx.store.replica_set(new).expect("the new ReplicaSet exists");
    let new_unready = set.replicas.saturating_sub(set.status.ready);
    let mut may_go = total(cx.store, id).saturating_sub(least + new_unready);
    if may_go == 0 {
        return;
    }
    let old: Vec<ReplicaSetId> = cx.store.sets_of(id).iter().copied().filter(|&s| s != new).collect();
    for &s in &old {
        let set = cx.store.replica_set(s).expect("indexed sets exist");
        let unready = set.replicas.saturating_sub(set.status.ready).min(may_go);
        if unready > 0 {
            let replicas = set.replicas - unready;
            cx.store.scale_replica_set(s, replicas, wanted);
            may_go -= unready;
        }
    }
    let ready: u32 = sets(cx.store, id).map(|(_, set)| set.status.ready.min(set.replicas)).sum();
    let mut surplus = ready.saturating_sub(least);
    for &s in &old {
        let present = size(cx.store, s);
        let less = present.min(surplus);
        cx.store.scale_replica_set(s, present - less, wanted);
        surplus -= less;
    }
}

/// The Deployment was resized: one ReplicaSet follows, or all in proportion in the middle of a rollout.
fn scale(id: DeploymentId, new: ReplicaSetId, cx: &mut Context<'_>) {
    let wanted = cx.store.deployment(id).replicas;
    let active: Vec<ReplicaSetId> =
        sets(cx.store, id).filter(|(_, set)| set.replicas > 0).map(|(s, _)| s).collect();
    if let [only] = active[..] {
        return cx.store.scale_replica_set(only, wanted, wanted);
    }
    let newest = cx.store.replica_set(new).expect("the new ReplicaSet exists");
    let is_saturated = newest.replicas == wanted && newest.desired == wanted && newest.status.ready == wanted;
    if is_saturated {
        for s in active.into_iter().filter(|&s| s != new) {
            cx.store.scale_replica_set(s, 0, wanted);
        }
        return;
    }
    let surge = if wanted > 0 { fenceposts(id, cx).surge } else { 0 };
    let max_surge = cx.parameters.deployment.max_surge;
    let members: Vec<(ReplicaSetId, u32, u32)> = active
        .iter()
        .map(|&s| {
            let set = cx.store.replica_set(s).expect("active sets exist");
            (s, set.replicas, set.desired + Fenceposts::resolve(max_surge, Fraction::ZERO, set.desired).surge)
        })
        .collect();
    for (s, replicas) in proportional(&members, wanted + surge) {
        cx.store.scale_replica_set(s, replicas, wanted);
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
    order.sort_by_key(|&i| std::cmp::Reverse(members[i].1));
    let mut left = to_add;
    let mut result: Vec<(T, i64)> = Vec::new();
    for &i in &order {
        let (member, size, annotated) = members[i];
        let scaled = (f64::from(size) * f64::from(most) / f64::from(annotated.max(1))).round() as i64;
        let share = scaled - i64::from(size);
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

/// Removes the oldest empty ReplicaSets beyond the history limit.
fn prune_history(id: DeploymentId, new: ReplicaSetId, cx: &mut Context<'_>) {
    let mut old: Vec<(u32, ReplicaSetId)> =
        sets(cx.store, id).filter(|&(s, _)| s != new).map(|(s, set)| (set.revision, s)).collect();
    if old.len() <= HISTORY {
        return;
    }
    old.sort_unstable();
    for &(_, s) in &old[..old.len() - HISTORY] {
        let set = cx.store.replica_set(s).expect("indexed sets exist");
        if set.replicas == 0 && cx.store.pods_of(s).next().is_none() {
            cx.store.remove_replica_set(s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(p: f64) -> Fraction {
        Fraction::new(p / 100.0).expect("a fraction")
    }

    #[test]
    fn surge_rounds_up_and_unavailable_down() {
        let check = |surge, unavailable, replicas, expected: (u32, u32)| {
            let f = Fenceposts::resolve(percent(surge), percent(unavailable), replicas);
            assert_eq!((f.surge, f.unavailable), expected, "{surge} {unavailable} {replicas}");
        };
        check(25.0, 25.0, 10, (3, 2));
        check(25.0, 25.0, 4, (1, 1));
        check(25.0, 25.0, 3, (1, 0));
        check(25.0, 25.0, 1, (1, 0));
        check(25.0, 25.0, 0, (0, 0));
        // Both zero would block.
        check(0.0, 0.0, 10, (0, 1));
        check(10.0, 0.0, 10, (1, 0));
    }

    #[test]
    fn a_resize_in_the_middle_of_a_rollout_is_shared_in_proportion() {
        // facts 14.1: 10 → 15 with old 8 and new 5: 19 allowed, 6 to add; 8·19/13 = 11.7 → 12, 5·19/13 = 7.3 → 7.
        assert_eq!(proportional(&[("old", 8, 13), ("new", 5, 13)], 19), [("old", 12), ("new", 7)]);
        // And back down from 19 to 13: 12·13/19 = 8.2 → 8, 7·13/19 = 4.8 → 5.
        assert_eq!(proportional(&[("old", 12, 19), ("new", 7, 19)], 13), [("old", 8), ("new", 5)]);
    }
}
