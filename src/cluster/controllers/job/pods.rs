//! Pods of a Job, as its controller looks at them.
//!
//! Reads the pods that a Job owns; writes nothing. Follows pkg/controller/job/job_controller.go of v1.36.2: pods are active,
//! terminating, or ended and still to be counted (getNewFinishedPods), where one that was told to end counts as failed at
//! once unless only failed ones are replaced (isPodFailed); restarts in place count against the limit
//! (pastBackoffLimitOnFailure); surplus pods go in the order of controller_utils.go ActivePods.
//!
//! *Deviation:* a pod has one container, so its restarts are that one's. `pod-deletion-cost` is not asked, as upstream.
//!
//! Start at [`Pods::of`].

use crate::cluster::controllers::Context;
use crate::cluster::objects::{Finished, JobId, JobSpec, Owner, Phase, Pod, PodId, Replacement};
use crate::cluster::settings::Settings;
use crate::cluster::store::Store;
use std::cmp::Reverse;

/// Pods of a Job as they are now.
#[derive(Default)]
pub struct Pods {
    pub active: Vec<PodId>,
    pub ready: u32,
    pub terminating: u32,
    /// They ended, and are to be counted.
    pub ended: Vec<(PodId, Finished)>,
    /// They have not ended, and have their finalizer.
    pub going_on: Vec<(PodId, Finished)>,
    /// Restarts of containers in pods that have not ended.
    pub restarts: u32,
}

impl Pods {
    pub fn of(id: JobId, spec: &JobSpec, cx: &Context<'_>) -> Pods {
        let mut pods = Pods::default();
        for (pod_id, pod) in cx.store.pods_of(Owner::Job(id)) {
            if pod.is_active() {
                pods.active.push(pod_id);
                pods.ready += u32::from(pod.ready);
            }
            if !pod.is_terminal() {
                pods.terminating += u32::from(pod.is_terminating());
                pods.restarts += pod.restarts;
            }
            if !pod.counted {
                let list = if has_ended(pod, spec) { &mut pods.ended } else { &mut pods.going_on };
                list.push((pod_id, stamped(Finished::of(pod), cx.settings)));
            }
        }
        pods
    }

    /// Only where containers start again in their pod (pastBackoffLimitOnFailure).
    pub fn restarted_too_often(&self, spec: &JobSpec) -> bool {
        spec.restarts_in_place && self.restarts >= spec.backoff_limit.max(1)
    }
}

/// With times as objects bear them.
pub fn stamped(finished: Finished, settings: &Settings) -> Finished {
    Finished { at: settings.timestamp(finished.at), ..finished }
}

/// A pod that was told to end counts as failed, unless only failed ones are replaced (isPodFailed).
fn has_ended(pod: &Pod, spec: &JobSpec) -> bool {
    pod.is_terminal() || (pod.is_terminating() && spec.replacement == Replacement::TerminatingOrFailed)
}

/// As many pods as are too many: unbound, pending, not ready, ready for a short time, restarted and young ones first
/// (ActivePods).
pub fn first_to_go(active: &[PodId], surplus: usize, store: &Store) -> Vec<PodId> {
    let mut ranked: Vec<PodId> = active.to_vec();
    ranked.sort_by_key(|&id| {
        let pod = store.pod(id).expect("it was just listed");
        let ready = Reverse(pod.ready.then_some(pod.ready_changed));
        let age = (Reverse(pod.restarts), Reverse(pod.created), Reverse(pod.number));
        (pod.node.is_some(), pod.phase == Phase::Running, pod.ready, ready, age)
    });
    ranked.truncate(surplus);
    ranked
}
