//! The HorizontalPodAutoscalers of a scenario: when they look, and what the metrics pipeline shows them.
//!
//! Watches pods of what it scales, and use. Reads the metrics pipeline and pods. Writes the Deployment's size. Looks
//! every 15 s (`horizontal-pod-autoscaler-sync-period`), each autoscaler on a phase of its own. What a look does is
//! [`crate::cluster::controllers::hpa`], the same as for recorded clusters, which follows pkg/controller/podautoscaler
//! of v1.36.2. The pipeline follows metrics-server v0.9: a scrape every 15 s, which shows use over the time since the
//! one before, and needs two points of a container, or one if the container runs for 10 s or more (storage/pod.go):
//! until then its pod is *missing*, which counts as use of the whole request where pods could go and as none where they
//! should come. Note that use is relative to *requests*: a pod without limit may use more than it asks for, and counts
//! with more than 100 %.
//!
//! *Deviation:* the pipeline gives the sum over all pods that serve, so each counts alike, and a pod that stopped to serve
//! has no sample. A look that would find what the last one found is not simulated: looks begin when use or a pod changes,
//! go on until the metrics window has passed over the change and every pod counts, and come again when an old
//! recommendation or a rate runs out; in between, the last recommendation counts as repeated.
//!
//! Start at [`HpaController::sync`].

use super::Context;
use crate::cluster::controllers::hpa::calculator::{
    PodView, Proposal, Sample, Sum, Tally, Tolerance, Trust, for_pods,
};
use crate::cluster::controllers::hpa::metrics::{Metric, PodTarget, Problem};
use crate::cluster::controllers::hpa::{Autoscaler, Settings, Spec};
use crate::cluster::objects::{DeploymentId, Pod, PodId};
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::platform::kubernetes::bodies::world_service;
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::parameters::HpaParameters;
use crate::world::{About, Api};
use std::collections::BTreeSet;

/// `horizontal-pod-autoscaler-initial-readiness-delay`.
const READINESS_DELAY: SimDuration = SimDuration::from_secs(30);
/// The least age of a container that is measured by one point (`freshContainerMinMetricsResolution`).
const FRESH_CONTAINER: SimDuration = SimDuration::from_secs(10);
const PHASE: Purpose = Purpose::named("hpa phase");

/// What an autoscaler is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hpa {
    pub min: u32,
    pub max: u32,
    /// Wanted use, in percent of requests.
    pub target: u32,
}

impl Hpa {
    fn spec(self, p: &HpaParameters) -> Spec {
        Spec { min: self.min, max: self.max, metrics: vec![Metric::cpu(self.target)], behavior: p.behavior() }
    }
}

/// The autoscaler of one Deployment.
#[derive(Clone, Debug)]
struct Watch {
    /// What it scales: `scaleTargetRef`.
    deployment: DeploymentId,
    autoscaler: Autoscaler,
    target: PodTarget,
    /// Its looks come at this time and each sync period later.
    phase: SimTime,
    /// When the size or a pod changed last.
    changed: SimTime,
    next: Option<SimTime>,
    /// Pods that are new or changed their readiness: those whose samples may not count. All others are ready.
    unsettled: BTreeSet<PodId>,
}

/// All autoscalers: one per Deployment.
#[derive(Debug, Default)]
pub struct HpaController {
    watches: Vec<Watch>,
}

impl HpaController {
    /// An autoscaler that has been at work for a while.
    pub fn add(&mut self, id: DeploymentId, hpa: Hpa, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let p = &cx.parameters.hpa;
        let offset = p.sync.mul_f64(api.stream(PHASE, &[u64::from(id.0)]).uniform());
        let phase = SimTime::ZERO + offset;
        let settings = Settings { tolerance: p.tolerance.as_f64(), stabilization: p.stabilization };
        let size = cx.cluster.store.deployment(id).replicas;
        self.watches.push(Watch {
            deployment: id,
            autoscaler: Autoscaler::at_work(hpa.spec(p), settings, size, cx.now),
            target: PodTarget::Utilization(hpa.target),
            phase,
            changed: cx.now,
            next: None,
            unsettled: BTreeSet::new(),
        });
        let lag = cx.parameters.metrics.lag;
        api.wake_on_load(world_service(id), (phase, p.sync), lag, Event::SyncHpa(id).encode());
    }

    /// The autoscaler of a service scales another of its Deployments from now on.
    pub fn retarget(&mut self, service: DeploymentId, deployment: DeploymentId, cx: &mut Context<'_>) {
        let Some(watch) = self.watches.get_mut(service.index()) else { return };
        watch.deployment = deployment;
        watch.unsettled = cx.cluster.store.pods_of_deployment(deployment).map(|(id, _)| id).collect();
        watch.changed = cx.now;
        watch.look_at(cx.now, service, cx);
    }

    /// A pod is new, or its status changed.
    pub fn notice(&mut self, id: PodId, cx: &mut Context<'_>) {
        let store = &cx.cluster.store;
        let Some(deployment) = store.pod(id).and_then(|pod| store.deployment_of(pod.owner)) else { return };
        // Second Deployments follow after those of all services.
        let Some(service) = deployment.index().checked_rem(self.watches.len()) else { return };
        let watch = &mut self.watches[service];
        if watch.deployment == deployment {
            watch.unsettled.insert(id);
            watch.changed = cx.now;
            watch.look_at(cx.now, DeploymentId(service as u32), cx);
        }
    }

    /// One look.
    pub fn sync(&mut self, id: DeploymentId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let watch = &mut self.watches[id.index()];
        watch.next.take_if(|next| *next <= cx.now);
        let deployment = watch.deployment;
        let current = cx.cluster.store.deployment(deployment).replicas;
        let tally = watch.tally(id, cx, api);
        let target = watch.target;
        let read = |_: &Metric, tolerance: Tolerance| -> Result<Proposal, Problem> {
            for_pods(&tally.ok_or(Problem::NoMetrics)?, target, tolerance, current)
        };
        // Looks that were left out would have repeated the last recommendation.
        watch.autoscaler.repeat(cx.now - cx.parameters.hpa.sync);
        if let Some(size) = watch.autoscaler.look(current, cx.now, read) {
            let p = &cx.parameters.hpa;
            let window = p.scale_down.as_ref().and_then(|down| down.stabilization).unwrap_or(p.stabilization);
            api.remark(About::Service(world_service(id)), || reason(tally, target, (current, size), window));
            cx.cluster.store.scale_deployment(deployment, size);
            watch.changed = cx.now;
        }
        let next =
            if watch.saw_all(id, cx, api) { watch.autoscaler.moves_again(cx.now) } else { Some(cx.now) };
        if let Some(next) = next {
            watch.look_at(next, id, cx);
        }
    }
}

impl Watch {
    /// Looks at the first tick at or after `time`, unless a look comes before that.
    fn look_at(&mut self, time: SimTime, id: DeploymentId, cx: &mut Context<'_>) {
        let at = time
            .max(cx.now + SimDuration::from_micros(1))
            .tick_at_or_after(self.phase, cx.parameters.hpa.sync);
        if self.next.is_none_or(|next| at < next) {
            self.next = Some(at);
            cx.at(at, Event::SyncHpa(id));
        }
    }

    /// Whether the window of the last look lies after the last change, and every pod counted as ready in it: the next
    /// look would see the same.
    fn saw_all(&self, id: DeploymentId, cx: &Context<'_>, api: &Api<'_>) -> bool {
        let m = &cx.parameters.metrics;
        let seen = m.resolution + m.lag;
        let scraped = cx.now.last_tick(SimTime::ZERO, m.resolution);
        self.unsettled.is_empty()
            && scraped
                .is_some_and(|s| s > self.changed + seen && api.is_load_steady(world_service(id), s - seen))
    }

    /// Reads the pipeline: the last scrape, which is as old as its lag, over one resolution. `None` if it has nothing.
    fn tally(&mut self, id: DeploymentId, cx: &Context<'_>, api: &Api<'_>) -> Option<Tally> {
        let m = &cx.parameters.metrics;
        let scraped = cx.now.last_tick(SimTime::ZERO, m.resolution)?;
        let reading = api.cpu(world_service(id), m.resolution, cx.now.since(scraped) + m.lag)?;
        if reading.boxes <= 0.0 {
            return None;
        }
        let store = &cx.cluster.store;
        // Init containers do not count: what runs is compared with what those that run ask for.
        let running = store.template(store.deployment(self.deployment).template).spec.running();
        let request = i64::from(running.map(|c| c.cpu.unwrap_or(0)).sum::<u32>().max(1));
        let initialization = cx.parameters.hpa.cpu_initialization;
        let trust = Trust::Cpu { initialization, readiness_delay: READINESS_DELAY };
        let sample = Sample { value: 0, taken: scraped - m.lag, window: m.resolution };
        let mut tally = Tally::default();
        self.unsettled.retain(|&pod| {
            let Some(pod) = store.pod(pod).filter(|pod| pod.is_active()) else { return false };
            let view = view(pod, request, sample, trust, cx.now);
            let counted = Tally::of([view], self.target, trust, cx.now);
            if counted.ready.pods == 0 {
                tally = tally.and(counted);
            }
            counted.ready.pods == 0
        });
        let pods = store.active_pods(self.deployment) - tally.unready.pods - tally.missing.pods;
        // More boxes than ready pods: new ones serve already, and their share does not count. Fewer: some did not
        // serve all of the time, and use that little.
        let cores = reading.cores / reading.boxes.max(f64::from(pods));
        // The metrics interface rounds each pod up.
        let used = (cores * 1_000.0).ceil() as i64 * i64::from(pods);
        let ready = Sum { pods, used, requested: request * i64::from(pods) };
        Some(tally.and(Tally { ready, sampled: pods, ..Tally::default() }))
    }
}

/// Why the size changes, in words.
fn reason(
    tally: Option<Tally>,
    target: PodTarget,
    (current, size): (u32, u32),
    window: SimDuration,
) -> String {
    let used = tally.filter(|t| t.ready.requested > 0).map(|t| 100 * t.ready.used / t.ready.requested);
    match (used, target) {
        (Some(used), PodTarget::Utilization(target)) => {
            let held = if size < current {
                format!(", the largest recommendation of {window}")
            } else {
                String::new()
            };
            format!("SuccessfulRescale: {current} to {size}, cpu {used}% of request, target {target}%{held}")
        }
        _ => format!("SuccessfulRescale: {current} to {size}, by its bounds"),
    }
}

/// A pod and its sample; none if it does not serve and is not merely starting.
fn view(pod: &Pod, request: i64, sample: Sample, trust: Trust, now: SimTime) -> PodView {
    let view = PodView {
        phase: pod.phase,
        terminating: pod.is_terminating(),
        started: pod.started,
        ready: Some((pod.ready, pod.ready_changed)),
        request: Some(request),
        sample: Some(sample),
    };
    let is_silent = !pod.ready && trust.counts(&view, sample, now);
    let is_measured =
        pod.container_started.is_none_or(|since| has_points(since, sample.taken, sample.window));
    PodView { sample: Some(sample).filter(|_| !is_silent && is_measured), ..view }
}

/// Whether the scrape at `taken` gives the use of a container that runs since then: with one more scrape before it, or if
/// the container is old enough to be measured from its start.
fn has_points(since: SimTime, taken: SimTime, resolution: SimDuration) -> bool {
    let age = taken.saturating_since(since);
    age >= FRESH_CONTAINER || since + resolution <= taken
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Cluster;
    use crate::platform::kubernetes::KubernetesParameters;
    use crate::platform::kubernetes::bodies::Bodies;
    use crate::platform::kubernetes::components::Agenda;

    #[test]
    fn an_earlier_look_takes_the_place_of_a_later_one() {
        let at = |s| SimTime::ZERO + SimDuration::from_secs(s);
        let (mut cluster, mut bodies) = (Cluster::new(Default::default()), Bodies::default());
        let (parameters, mut agenda) = (KubernetesParameters::default(), Agenda::default());
        let spec = Hpa { min: 1, max: 9, target: 65 }.spec(&parameters.hpa);
        let settings = Settings { tolerance: 0.1, stabilization: SimDuration::from_mins(5) };
        let id = DeploymentId(0);
        let mut watch = Watch {
            deployment: id,
            autoscaler: Autoscaler::at_work(spec, settings, 1, at(0)),
            target: PodTarget::Utilization(65),
            phase: at(0),
            changed: at(0),
            next: None,
            unsettled: BTreeSet::new(),
        };
        let (cluster, bodies) = (&mut cluster, &mut bodies);
        let cx = &mut Context { now: at(0), cluster, bodies, parameters: &parameters, agenda: &mut agenda };
        // Each 15 s: one for when a recommendation runs out, one for a change after 20 s, and one that comes anyway.
        let looks = [300, 20, 100].map(|s| {
            watch.look_at(at(s), id, cx);
            watch.next
        });
        assert_eq!(looks, [Some(at(300)), Some(at(30)), Some(at(30))]);
        let planned: Vec<SimTime> = agenda.take().map(|(time, _)| time).collect();
        assert_eq!(planned, [at(300), at(30)]);
    }

    #[test]
    fn a_new_container_has_a_sample_from_its_first_scrape_after_ten_seconds_or_its_second_on() {
        let at = |s| SimTime::ZERO + SimDuration::from_secs(s);
        let seen = |since, taken| has_points(at(since), at(taken), SimDuration::from_secs(15));
        // Scrapes at 15, 30 s: started at 5 s, it is 10 s old at the first; started at 6 s, it is 9 s old, and seen at 30 s.
        assert_eq!([seen(5, 15), seen(6, 15), seen(6, 30), seen(16, 15)], [true, false, true, false]);
    }
}
