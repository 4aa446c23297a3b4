//! HorizontalPodAutoscaler: as many pods as bring CPU use, as a share of requests, to the target.
//!
//! Watches nothing: looks every 15 s. Reads the metrics pipeline and pods. Writes the Deployment's size. Follows
//! pkg/controller/podautoscaler of v1.36.2 for one CPU metric without `behavior`: integer truncation of the
//! utilization, tolerance, the rule for pods that are not ready, at most max(2 × current, 4), and the largest
//! recommendation of the last 5 min on the way down. Note that use is relative to *requests*: a pod without
//! limit may use more than it asks for, and counts with more than 100 %.
//!
//! *Deviation:* the pipeline gives the sum over all pods that serve, so each counts alike. A look that would find what
//! the last one found is not simulated: looks begin when use or a pod changes, go on until the metrics window has passed over
//! the change and every pod counts, and come again when an old recommendation runs out; in between, the last
//! recommendation counts as repeated.
//!
//! Start at [`HpaController::sync`].

use super::Context;
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::objects::{DeploymentId, Hpa, Phase, Pod, PodId};
use crate::platform::kubernetes::parameters::KubernetesParameters;
use crate::world::Api;
use std::collections::{BTreeSet, VecDeque};

/// A pod that became unready within this time of its start has never been ready.
const READINESS_DELAY: SimDuration = SimDuration::from_secs(30);
const PHASE: Purpose = Purpose::named("hpa phase");

/// What one look sees.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// CPU use of a pod with a sample, in percent of its request.
    pub utilization: f64,
    /// Pods whose sample counts.
    pub ready: u32,
    /// Pods whose sample does not count yet.
    pub unready: u32,
    /// Pods without sample: their node is silent, or they do not run.
    pub missing: u32,
    /// The present size.
    pub current: u32,
}

/// What it would scale to, before limits; `None` if there is nothing to go by.
pub fn recommend(sample: Sample, target: u32, tolerance: f64) -> Option<u32> {
    let Sample { utilization, ready, unready, missing, current } = sample;
    if ready == 0 {
        return None;
    }
    let goal = f64::from(target);
    let within = |ratio: f64| (1.0 - tolerance..=1.0 + tolerance).contains(&ratio);
    let ratio = utilization.floor() / goal;
    if missing == 0 && (unready == 0 || ratio <= 1.0) {
        return Some(if within(ratio) { current } else { (ratio * f64::from(ready)).ceil() as u32 });
    }
    // The cautious reading: on the way down missing pods use their whole request, on the way up nothing.
    let used = utilization * f64::from(ready);
    let (used, pods) = if ratio > 1.0 {
        (used, ready + missing + unready)
    } else {
        (used + f64::from(missing) * goal.max(100.0), ready + missing)
    };
    let cautious = (used / f64::from(pods)).floor() / goal;
    if within(cautious) || (ratio - 1.0) * (cautious - 1.0) <= 0.0 {
        return Some(current);
    }
    let wanted = (cautious * f64::from(pods)).ceil() as u32;
    Some(if cautious > 1.0 { wanted.max(current) } else { wanted.min(current) })
}

/// Recommendations of the last minutes.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// (the last look that made it, recommendation).
    made: VecDeque<(SimTime, u32)>,
}

impl History {
    /// The largest of the window and the new one, which is remembered.
    fn stabilize(&mut self, new: u32, now: SimTime, p: &KubernetesParameters) -> u32 {
        // Looks that were left out would have repeated the last recommendation.
        if let Some(last) = self.made.back_mut() {
            last.0 = last.0.max(now - p.hpa.sync);
        }
        let cutoff = now - p.hpa.stabilization;
        self.made.retain(|m| m.0 >= cutoff);
        let largest = self.made.iter().map(|m| m.1).max().unwrap_or(0).max(new);
        match self.made.back_mut() {
            Some(last) if last.1 == new => last.0 = now,
            _ => self.made.push_back((now, new)),
        }
        largest
    }

    /// When the recommendation that holds the size up runs out.
    fn runs_out(&self, p: &KubernetesParameters) -> Option<SimTime> {
        let newest = self.made.back()?.1;
        let holds = self.made.iter().filter(|m| m.1 > newest).map(|m| m.0).min()?;
        Some(holds + p.hpa.stabilization + SimDuration::from_micros(1))
    }
}

/// Bounds of a scale-up and of the spec.
pub fn limit(wanted: u32, current: u32, hpa: Hpa) -> u32 {
    wanted.clamp(hpa.min, hpa.max.min((2 * current).max(4)).max(hpa.min))
}

#[derive(Clone, Debug)]
struct Autoscaler {
    /// Its looks come at this time and each sync period later.
    phase: SimTime,
    history: History,
    /// When use, the size or a pod changed last.
    changed: SimTime,
    next: Option<SimTime>,
    /// Pods that are new or changed their readiness: those whose samples may not count. All others are ready.
    unsettled: BTreeSet<PodId>,
}

/// The controller: one autoscaler per Deployment.
#[derive(Debug, Default)]
pub struct HpaController {
    autoscalers: Vec<Autoscaler>,
}

impl HpaController {
    /// An autoscaler that has been at work for a while.
    pub fn add(&mut self, id: DeploymentId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let p = &cx.parameters;
        let offset = p.hpa.sync.mul_f64(api.stream(PHASE, &[u64::from(id.0)]).uniform());
        let mut history = History::default();
        history.made.push_back((cx.now, cx.store.deployment(id).replicas));
        let phase = SimTime::ZERO + offset;
        self.autoscalers.push(Autoscaler {
            phase,
            history,
            changed: cx.now,
            next: None,
            unsettled: BTreeSet::new(),
        });
        api.wake_on_load(id.service(), phase, p.hpa.sync, Event::SyncHpa(id).encode());
    }

    /// A pod is new, or its status changed.
    pub fn notice(&mut self, id: PodId, cx: &mut Context<'_>) {
        let Some(deployment) = cx.store.pod(id).map(|pod| pod.deployment) else { return };
        if let Some(a) = self.autoscalers.get_mut(deployment.index()) {
            a.unsettled.insert(id);
            a.changed = cx.now;
            a.look_at(cx.now, deployment, cx);
        }
    }

    /// One look.
    pub fn sync(&mut self, id: DeploymentId, cx: &mut Context<'_>, api: &Api<'_>) {
        let p = cx.parameters;
        let a = &mut self.autoscalers[id.index()];
        if a.next.is_some_and(|next| next <= cx.now) {
            a.next = None;
        } else {
            // The world woke it: use changed since the last look.
            a.changed = cx.now;
        }
        let deployment = cx.store.deployment(id);
        let (current, hpa) = (deployment.replicas, cx.store.hpa(id));
        if let Some(new) =
            a.sample(id, cx, api).and_then(|s| recommend(s, hpa.target, p.hpa.tolerance.as_f64()))
        {
            let wanted = limit(a.history.stabilize(new, cx.now, p), current, hpa);
            cx.store.scale_deployment(id, wanted);
            if wanted != current {
                a.changed = cx.now;
            }
        }
        let next = if a.saw_all(cx) { a.history.runs_out(p) } else { Some(cx.now) };
        if let Some(next) = next {
            a.look_at(next, id, cx);
        }
    }
}

impl Autoscaler {
    /// Looks at the first tick after `time`, unless a look is coming anyway.
    fn look_at(&mut self, time: SimTime, id: DeploymentId, cx: &mut Context<'_>) {
        if self.next.is_none() {
            let at = time.max(cx.now).next_tick(self.phase, cx.parameters.hpa.sync);
            self.next = Some(at);
            cx.at(at, Event::SyncHpa(id));
        }
    }

    /// Whether the window of the last look lies after the last change, and every pod counted as ready in it: the next
    /// look would see the same.
    fn saw_all(&self, cx: &Context<'_>) -> bool {
        let m = &cx.parameters.metrics;
        let scraped = cx.now.last_tick(SimTime::ZERO, m.resolution);
        self.unsettled.is_empty() && scraped.is_some_and(|s| s > self.changed + m.resolution + m.lag)
    }

    /// Reads the pipeline: the last scrape, which is as old as its lag, over one resolution.
    fn sample(&mut self, id: DeploymentId, cx: &Context<'_>, api: &Api<'_>) -> Option<Sample> {
        let m = &cx.parameters.metrics;
        let scraped = cx.now.last_tick(SimTime::ZERO, m.resolution)?;
        let reading = api.cpu(id.service(), m.resolution, cx.now.since(scraped) + m.lag)?;
        let taken = scraped - m.lag;
        let (mut unready, mut missing) = (0, 0);
        self.unsettled.retain(|&pod| {
            let Some(pod) = cx.store.pod(pod).filter(|pod| pod.is_active()) else { return false };
            match standing(pod, taken, cx) {
                Standing::Ready => return false,
                Standing::Unready => unready += 1,
                Standing::Missing => missing += 1,
            }
            true
        });
        if reading.boxes <= 0.0 {
            return None;
        }
        let deployment = cx.store.deployment(id);
        let request = f64::from(deployment.template.requests.cpu.max(1));
        let ready = cx.store.active_pods(id) - unready - missing;
        // More boxes than ready pods: new ones serve already, and their share does not count. Fewer: some did not
        // serve all of the time, and use that little.
        let per_pod = reading.cores / reading.boxes.max(f64::from(ready));
        let utilization = per_pod * 1_000.0 / request * 100.0;
        Some(Sample { utilization, ready, unready, missing, current: deployment.replicas })
    }
}

/// How a pod counts.
enum Standing {
    Ready,
    Unready,
    Missing,
}

/// Samples were taken at `taken`.
fn standing(pod: &Pod, taken: SimTime, cx: &Context<'_>) -> Standing {
    let Some(started) = pod.started.filter(|_| pod.phase == Phase::Running) else { return Standing::Unready };
    let is_new = started + cx.parameters.hpa.cpu_initialization > cx.now;
    let never_ready = !pod.ready && pod.ready_changed < started + READINESS_DELAY;
    let has_sample = taken >= pod.ready_changed + cx.parameters.metrics.resolution;
    match pod.ready {
        true if has_sample || !is_new => Standing::Ready,
        false if !is_new && !never_ready => Standing::Missing,
        _ => Standing::Unready,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(utilization: f64, pods: [u32; 3], target: u32, expected: Option<u32>) {
        let [ready, unready, missing] = pods;
        let sample = Sample { utilization, ready, unready, missing, current: pods.iter().sum() };
        assert_eq!(recommend(sample, target, 0.1), expected, "{sample:?}");
    }

    #[test]
    fn recommendations_of_the_specification() {
        // facts 14.1. 3 pods at 90 % of a target of 60 %: 1.5 · 3 = 4.5 → 5.
        check(90.0, [3, 0, 0], 60, Some(5));
        // 66.9 % is truncated to 66 %; 66/60 = 1.1 lies within the tolerance.
        check(66.9, [3, 0, 0], 60, Some(3));
        check(67.0, [3, 0, 0], 60, Some(4));
        // 2 ready at 100 %, 2 unready, target 50 %: 200/400 = 50 % → 1.0.
        check(100.0, [2, 2, 0], 50, Some(4));
        // Down the unready do not count: 30/60 · 4 = 2.
        check(30.0, [4, 1, 0], 60, Some(2));
        check(90.0, [0, 3, 0], 60, None);
        // 5 of 7 pods answer with 91 %, two are lost with their node: 455/7 = 65 % of a target of 65 %.
        check(91.0, [5, 0, 2], 65, Some(7));
        // Down: 4 at 10 %, 2 missing at 100 %: 240/6 = 40 %, 40/80 · 6 = 3.
        check(10.0, [4, 0, 2], 80, Some(3));
    }

    #[test]
    fn one_replica_at_ten_times_the_target_goes_to_4_then_8_then_10() {
        let hpa = Hpa { min: 1, max: 20, target: 50 };
        // facts 14.1: at most max(2 · current, 4).
        assert_eq!(limit(10, 1, hpa), 4);
        assert_eq!(limit(10, 4, hpa), 8);
        assert_eq!(limit(10, 8, hpa), 10);
        assert_eq!(limit(50, 16, hpa), 20);
        assert_eq!(limit(0, 3, hpa), 1);
    }

    #[test]
    fn the_size_goes_down_to_the_largest_recommendation_of_five_minutes() {
        let p = KubernetesParameters::default();
        let at = |s| SimTime::ZERO + SimDuration::from_secs(s);
        let mut history = History::default();
        assert_eq!(history.stabilize(10, at(0), &p), 10);
        assert_eq!(history.stabilize(4, at(15), &p), 10);
        // The look at 0 s counts until 300 s, inclusive: the next one after that is at 315 s.
        assert_eq!(history.runs_out(&p), Some(at(300) + SimDuration::from_micros(1)));
        assert_eq!(history.stabilize(4, at(300), &p), 10);
        assert_eq!(history.stabilize(4, at(315), &p), 4);
        assert_eq!(history.runs_out(&p), None);
    }
}
