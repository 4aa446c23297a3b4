//! Probes: the kubelet asks containers whether they have started, can serve, and are alive.
//!
//! Watches the verdicts of probes, which the agent of the world computes from period and phase. Reads the probes'
//! settings. Writes readiness; ends containers that fail. Follows pkg/kubelet/prober/{worker,prober_manager}.go of
//! v1.36.2: one clock a probe, which ticks from the pod's first sync on, before any image is pulled, so that the first
//! attempt that counts comes up to a period after the start of the container and `initialDelaySeconds` is rounded up to
//! a tick; a random first tick only for pods that a kubelet finds when it starts. Readiness is triggered, and its clock
//! set, when a container has started; until it has, which the startup probe says where there is one, neither readiness
//! nor liveness is asked. A container without a readiness probe is ready as soon as it has started, whether or not it
//! listens. Verdicts turn after `failureThreshold` or `successThreshold` in a row; a hung process costs the timeout on
//! top.
//!
//! *Deviation:* probes of a pod's containers are those of one. An overloaded container answers its probes in time: the world
//! tells a probe whether a box serves, not how long a request would take there. Results are seen at once, without the
//! sync of the pod that follows them.
//!
//! Start at [`Kubelets::begin_probes`].

use super::{Context, Kubelets};
use crate::cluster::objects::PodId;
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::parameters::{LivenessParameters, ReadinessParameters, StartupParameters};
use crate::world::{Api, BoxId, HealthCheck, Probe, ProbeId};

const PHASE: Purpose = Purpose::named("probe phase");

pub const STARTUP: ProbeId = ProbeId(0);
pub const READINESS: ProbeId = ProbeId(1);
pub const LIVENESS: ProbeId = ProbeId(2);

/// The clocks of a pod's probes.
#[derive(Clone, Copy, Debug)]
pub struct Clocks {
    /// A tick of startup and liveness.
    phase: SimTime,
    /// When the container was last started.
    started: SimTime,
    /// The container is ready, as its kubelet knows.
    pub(super) ready: bool,
}

impl Kubelets {
    /// The kubelet has seen the pod for the first time: its clocks tick from now on.
    pub(super) fn add_clocks(&mut self, id: PodId, now: SimTime) {
        self.clocks.insert(id, Clocks { phase: now, started: now, ready: false });
    }

    /// The kubelet finds the pod when it starts: its clocks tick from a random point of the next period on.
    pub(super) fn find_pod(&mut self, id: PodId, subject: BoxId, cx: &Context<'_>, api: &Api<'_>) {
        let (ordinal, life) = api.ordinal_of(subject).unwrap_or_default();
        let (service, _) = super::program_of(id, cx);
        let key = [u64::from(service.0), u64::from(ordinal), u64::from(life), cx.now.as_micros()];
        let late = api.stream(PHASE, &key).uniform();
        let phase = cx.now + cx.parameters.probes.liveness.period.mul_f64(late);
        self.clocks.insert(id, Clocks { phase, started: cx.now, ready: false });
    }

    /// The container starts.
    pub(super) fn begin_probes(
        &mut self,
        id: PodId,
        subject: BoxId,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        let p = &cx.parameters.probes.startup;
        let phase = self.clocks.get(id).map_or(cx.now, |clocks| clocks.phase);
        self.clocks.insert(id, Clocks { phase, started: cx.now, ready: false });
        if p.enabled {
            let probe = Probe { check: p.check(), phase, from: cx.now + p.initial_delay, begins: None };
            api.probe(subject, STARTUP, probe);
        } else {
            self.on_started(id, subject, false, cx, api);
        }
    }

    /// A pod from before the start, which is ready.
    pub(super) fn adopt_probes(
        &mut self,
        id: PodId,
        subject: BoxId,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        self.find_pod(id, subject, cx, api);
        self.on_started(id, subject, true, cx, api);
    }

    /// The container has started: it is asked whether it is ready and alive from now on.
    fn on_started(
        &mut self,
        id: PodId,
        subject: BoxId,
        ready: bool,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        let clocks = self.clocks.get_mut(id).expect("a container that started has clocks");
        clocks.ready = ready || !cx.parameters.probes.readiness.enabled;
        let Clocks { phase, started, .. } = *clocks;
        let (readiness, liveness) = (&cx.parameters.probes.readiness, &cx.parameters.probes.liveness);
        if readiness.enabled {
            let from = started + readiness.initial_delay;
            let phase = if ready { phase } else { cx.now };
            let probe = Probe { check: readiness.check(), phase, from, begins: Some(ready) };
            api.probe(subject, READINESS, probe);
        } else {
            cx.cluster.store.set_ready(id, true, cx.now);
        }
        if liveness.enabled {
            let from = started + liveness.initial_delay;
            api.probe(subject, LIVENESS, Probe { check: liveness.check(), phase, from, begins: Some(true) });
        }
    }

    /// A probe came to another verdict.
    pub fn on_probe(
        &mut self,
        subject: BoxId,
        probe: ProbeId,
        good: bool,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        let Some(id) = cx.bodies.pod_of(subject) else { return };
        match (probe, good) {
            (READINESS, _) => {
                if let Some(clocks) = self.clocks.get_mut(id) {
                    clocks.ready = good;
                }
                match cx.cluster.store.pod(id).and_then(|pod| pod.node) {
                    Some(node) if !super::is_heard(node, cx, api) => self.catch_up(node, cx),
                    _ => cx.cluster.store.set_ready(id, good, cx.now),
                }
            }
            (STARTUP, true) => {
                api.end_probe(subject, STARTUP);
                self.on_started(id, subject, false, cx, api);
            }
            _ => cx.at(cx.now, Event::KillContainer(id)),
        }
    }

    /// The pod or its container ends: nobody asks whether it lives.
    pub(super) fn end_liveness(subject: BoxId, api: &mut Api<'_>) {
        api.end_probe(subject, STARTUP);
        api.end_probe(subject, LIVENESS);
    }
}

fn check(period: SimDuration, timeout: SimDuration, fall: u32, rise: u32) -> HealthCheck {
    HealthCheck { period, timeout, fall, rise, first_rise: rise }
}

impl ReadinessParameters {
    fn check(&self) -> HealthCheck {
        check(self.period, self.timeout, self.failure_threshold, self.success_threshold)
    }
}

impl LivenessParameters {
    fn check(&self) -> HealthCheck {
        check(self.period, self.timeout, self.failure_threshold, 1)
    }
}

impl StartupParameters {
    fn check(&self) -> HealthCheck {
        check(self.period, self.timeout, self.failure_threshold, 1)
    }
}
