//! The end of pods and containers: preStop, SIGTERM, SIGKILL.
//!
//! Watches pods with a deletionTimestamp, probes that fail, and what the container runtime reports. Reads grace and
//! preStop. Writes the phase of evicted pods; stops boxes, and deletes the pod object when its containers are gone.
//! Follows killContainer (pkg/kubelet/kuberuntime/kuberuntime_container.go) of v1.36.2: preStop runs first and inside
//! the grace period, while the endpoint of a pod that ends is removed beside it; SIGTERM then has what is left of the
//! grace, but never less than 2 s; SIGKILL. A process that hears SIGTERM closes its port, finishes the requests that it
//! has and exits; one that hangs is killed. A container that starts gets the same; one that waits for its restart gets
//! nothing. When all have ended, sandbox and volumes go, and the pod is deleted last. Liveness and startup probes end
//! with the deletion, readiness goes on.
//!
//! *Deviation:* grace and preStop are the same for all pods, and a probe that fails has no grace of its own. Sidecars,
//! which end after the others within the same grace, take no time of their own.
//!
//! Start at [`Kubelets::end_pod`].

use super::{Context, Kubelets, is_alive, is_heard};
use crate::cluster::objects::{NodeId, Phase, PodId};
use crate::engine::SimDuration;
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::parameters::KubeletParameters;
use crate::world::{About, Api, BoxId, Ending};

/// The least that SIGTERM has (`minimumGracePeriodInSeconds`).
const SIGTERM_LEAST: SimDuration = SimDuration::from_secs(2);

/// preStop within `grace`, SIGTERM after it.
fn ending(p: &KubeletParameters, grace: SimDuration) -> Ending {
    let notice = p.pre_stop.min(grace);
    Ending { notice, grace: grace.max(notice + SIGTERM_LEAST) }
}

impl Kubelets {
    /// The pod is deleted: its containers end in order.
    pub(super) fn end_pod(&mut self, id: PodId, subject: BoxId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        self.forget(id);
        Kubelets::end_liveness(subject, api);
        let p = &cx.parameters.kubelet;
        let ending = ending(p, p.termination_grace);
        if api.has_processes(subject) {
            api.remark(About::Box(subject), || match ending.notice {
                SimDuration::ZERO => "Killing: SIGTERM".into(),
                notice => format!("Killing: preStop for {notice}, then SIGTERM"),
            });
        }
        api.stop_box(subject, ending);
    }

    /// The pod is evicted: its containers end within `grace`.
    pub(super) fn end_evicted(
        &mut self,
        id: PodId,
        subject: BoxId,
        grace: SimDuration,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        self.forget(id);
        Kubelets::end_liveness(subject, api);
        api.stop_box(subject, ending(&cx.parameters.kubelet, grace));
    }

    /// A container that fails its probes ends in order, and will be started again.
    pub fn kill(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        if cx.cluster.store.pod(id).is_none_or(|pod| !pod.is_active()) {
            return;
        }
        let Some(subject) = cx.bodies.box_of(id) else { return };
        Kubelets::end_liveness(subject, api);
        self.killed.insert(id);
        let p = &cx.parameters.kubelet;
        api.end_processes(subject, ending(p, p.termination_grace));
    }

    /// The container runtime has ended a pod that was to end: what it had is put away.
    pub fn on_stopped(&mut self, subject: BoxId, cx: &mut Context<'_>) {
        let Some(id) = cx.bodies.pod_of(subject) else { return };
        cx.bodies.remove_pod(id);
        cx.after(cx.parameters.kubelet.teardown, Event::PodTornDown(id));
    }

    /// Nothing is left of a pod, if its kubelet is there to see to it.
    pub fn on_torn_down(&mut self, id: PodId, cx: &mut Context<'_>, api: &Api<'_>) {
        let node = cx.cluster.store.pod(id).and_then(|pod| pod.node);
        let works = |node: &NodeId| !self.restarting.contains_key(node) && is_alive(*node, cx, api);
        match node.filter(works) {
            Some(node) if is_heard(node, cx, api) => self.put_away(id, cx),
            Some(node) => self.catch_up(node, cx),
            None => {}
        }
    }

    /// An evicted pod stays as Failed, for its owner to see; others are deleted.
    pub(super) fn put_away(&mut self, id: PodId, cx: &mut Context<'_>) {
        let is_deleted = cx.cluster.store.pod(id).is_some_and(|pod| pod.is_terminating());
        if self.evicted.remove(&id) && !is_deleted {
            cx.cluster.store.set_ended(id, Phase::Failed, cx.now);
        } else {
            cx.cluster.store.remove_pod(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sigterm_has_what_pre_stop_leaves_of_the_grace_but_two_seconds_at_least() {
        let secs = SimDuration::from_secs;
        let check = |pre_stop, grace, expected: (u64, u64)| {
            let p = KubeletParameters { pre_stop: secs(pre_stop), ..Default::default() };
            let ending = ending(&p, secs(grace));
            assert_eq!((ending.notice, ending.grace), (secs(expected.0), secs(expected.1)));
        };
        check(5, 30, (5, 30));
        // A preStop as long as the grace, and one that is cut short.
        check(30, 30, (30, 32));
        check(5, 1, (1, 3));
        check(0, 0, (0, 2));
    }
}
