//! Autoscaling over time: an autoscaler on CPU over a Deployment whose load changes.
//!
//! Looks at the moments at which the real one looked, and is given what the real one was given: the load of that moment,
//! shared by as many ready pods as were then recorded. Pods come and go as the sizes say; the kubelet that is played here
//! makes them ready as the recorded one did. Judged is the sequence of sizes, each change at the same look.
//!
//! Times in objects have whole seconds, as in the real interface: a pod that got ready 15.9 s after the full minute counts
//! from the 15th second. Start at [`play`].

mod recorded;

use super::bench::Bench;
use super::lab::KubeletHabits;
use super::{Case, Outcome, part};
use crate::cluster::controllers::hpa::calculator::{PodView, Sample, Tally, Trust, for_pods};
use crate::cluster::controllers::hpa::metrics::PodTarget;
use crate::cluster::controllers::hpa::{Autoscaler, Settings};
use crate::cluster::objects::{DeploymentId, Phase, Pod, PodId, Size, Strategy};
use crate::cluster::settings::Settings as ClusterSettings;
use crate::engine::{SimDuration, SimTime};
use recorded::{Evaluation, Input, LoadMode, Observed, Replicas};
use std::collections::BTreeSet;

/// Looks come so far apart where they were not recorded.
const PERIOD_S: f64 = 15.0;
/// For so long pods have been ready at the start.
const SETTLED: SimDuration = SimDuration::from_secs(20);
/// Use of a pod that runs and is not ready [milli].
const IDLE_MILLI: i64 = 1;
/// A change and its look lie no farther apart.
const SAME_LOOK_S: f64 = 5.0;
const NODES: u32 = 10;

pub fn play(case: &Case) -> Outcome {
    Outcome::of(compare(case))
}

fn compare(case: &Case) -> Result<(), String> {
    let input: Input = part(&case.input, "input")?;
    let observed: Observed = part(&case.observed, "observation")?;
    let ours = Run::new(&input)?.sizes(&observed.evaluations);
    for (i, recorded) in observed.replicas_series.iter().enumerate() {
        match ours.get(i) {
            Some(size)
                if size.replicas == recorded.replicas && (size.t_s - recorded.t_s).abs() < SAME_LOOK_S => {}
            Some(size) => {
                return Err(format!(
                    "change {i}: recorded {} pods at {} s, here {} at {} s",
                    recorded.replicas, recorded.t_s, size.replicas, size.t_s
                ));
            }
            None => {
                return Err(format!(
                    "change {i}: recorded {} pods at {} s, here none",
                    recorded.replicas, recorded.t_s
                ));
            }
        }
    }
    match ours.get(observed.replicas_series.len()) {
        Some(more) => Err(format!("here {} pods at {} s, not recorded", more.replicas, more.t_s)),
        None => Ok(()),
    }
}

/// A Deployment under an autoscaler.
struct Run<'a> {
    input: &'a Input,
    bench: Bench,
    deployment: DeploymentId,
    autoscaler: Autoscaler,
    /// When the autoscaler was made.
    start: SimTime,
    without_metrics: BTreeSet<PodId>,
}

impl<'a> Run<'a> {
    fn new(input: &'a Input) -> Result<Self, String> {
        let habits = KubeletHabits {
            ready_after: SimDuration::from_secs_f64(input.pod_ready_delay_s),
            gone_after: SimDuration::from_secs(1),
        };
        let mut bench = Bench::new(ClusterSettings::default(), NODES, habits);
        let quarter = Size::percent(25);
        let strategy = Strategy::RollingUpdate { max_surge: quarter, max_unavailable: quarter };
        let deployment = bench.deploy(input.initial_replicas, strategy, input.cpu_request_millicores_per_pod);
        bench.run_until_ready(deployment)?;
        let pods: Vec<PodId> =
            bench.lab.cluster.store.pods_of_deployment(deployment).map(|(id, _)| id).collect();
        for &pod in pods.iter().take(input.never_ready_pods) {
            bench.lab.cluster.store.set_ready(pod, false, bench.now());
        }
        let start = whole_second(bench.now() + SETTLED + SimDuration::from_secs(1));
        bench.run_until(start);
        let without_metrics = pods.into_iter().take(input.metrics_missing_for_pods).collect();
        let autoscaler = Autoscaler::new(input.spec(), Settings::default());
        Ok(Run { input, bench, deployment, autoscaler, start, without_metrics })
    }

    /// All sizes of the target, from the first.
    fn sizes(mut self, evaluations: &[Evaluation]) -> Vec<Replicas> {
        let mut sizes = vec![Replicas { t_s: 0.0, replicas: self.size() }];
        let mut actions = self.input.actions.iter().peekable();
        for (t_s, recorded) in looks(evaluations, self.input.duration_s) {
            while let Some(action) = actions.next_if(|a| a.at_s <= t_s) {
                self.run_until(action.at_s);
                self.scale(action.scale, action.at_s, &mut sizes);
            }
            self.run_until(t_s);
            if let Some(size) = self.look(t_s, recorded) {
                self.scale(size, t_s, &mut sizes);
            }
        }
        for action in actions {
            self.run_until(action.at_s);
            self.scale(action.scale, action.at_s, &mut sizes);
        }
        sizes
    }

    fn run_until(&mut self, t_s: f64) {
        self.bench.run_until(self.start + SimDuration::from_secs_f64(t_s));
    }

    fn size(&self) -> u32 {
        self.bench.lab.cluster.store.deployment(self.deployment).replicas
    }

    fn scale(&mut self, size: u32, t_s: f64, sizes: &mut Vec<Replicas>) {
        if size != self.size() {
            sizes.push(Replicas { t_s, replicas: size });
        }
        self.bench.lab.cluster.store.scale_deployment(self.deployment, size);
    }

    fn look(&mut self, t_s: f64, recorded: Option<Evaluation>) -> Option<u32> {
        let (now, size) = (self.bench.now(), self.size());
        let pods = || self.bench.lab.cluster.store.pods_of_deployment(self.deployment);
        let ready = pods().filter(|(_, pod)| pod.ready && pod.is_active()).count() as u32;
        let load = self.input.load(t_s, recorded);
        let request = f64::from(self.input.cpu_request_millicores_per_pod);
        let pod_use = match self.input.load_mode {
            LoadMode::Total => load / f64::from(recorded.map_or(ready, |r| r.pods_ready).max(1)),
            LoadMode::PerPod => load * request / 100.0,
        };
        let target = PodTarget::Utilization(self.input.target_cpu_utilisation_percent);
        let trust = Trust::Cpu {
            initialization: SimDuration::from_secs(300),
            readiness_delay: SimDuration::from_secs(30),
        };
        let views = pods().map(|(id, pod)| {
            let value = if pod.ready { whole_millis(pod_use) } else { IDLE_MILLI };
            let measured = pod.phase == Phase::Running && !self.without_metrics.contains(&id);
            let sample = Sample { value, taken: now, window: SimDuration::from_secs(15) };
            view(pod, request as i64, measured.then_some(sample))
        });
        let tally = Tally::of(views, target, trust, now);
        self.autoscaler.look(size, now, |_, tolerance| for_pods(&tally, target, tolerance, size))
    }
}

/// A pod, with times as objects have them.
fn view(pod: &Pod, request: i64, sample: Option<Sample>) -> PodView {
    PodView {
        phase: pod.phase,
        terminating: pod.is_terminating(),
        started: pod.started.map(whole_second),
        ready: pod.started.map(|_| (pod.ready, whole_second(pod.ready_changed))),
        request: Some(request),
        sample,
    }
}

/// When to look, and what was recorded then. Looks that read no metrics were not recorded: they fill the gaps.
fn looks(evaluations: &[Evaluation], duration_s: f64) -> Vec<(f64, Option<Evaluation>)> {
    let mut looks = Vec::new();
    let mut last = 0.0;
    let ends = evaluations.iter().map(|e| (e.t_s, Some(*e))).chain([(duration_s + PERIOD_S / 2.0, None)]);
    for (t_s, recorded) in ends {
        let steps = match recorded {
            Some(_) => ((t_s - last) / PERIOD_S).round().max(1.0),
            None => (t_s - last) / PERIOD_S,
        };
        let period = (t_s - last) / steps;
        looks.extend((1..steps.ceil() as u32).map(|i| (last + f64::from(i) * period, None)));
        if recorded.is_some() {
            looks.push((t_s, recorded));
        }
        last = t_s;
    }
    looks.retain(|l| l.0 <= duration_s);
    looks
}

/// The metrics interface has billionths of a core, the autoscaler rounds up to thousandths.
fn whole_millis(millis: f64) -> i64 {
    ((millis * 1e6).round() as u64).div_ceil(1_000_000) as i64
}

fn whole_second(t: SimTime) -> SimTime {
    SimTime::from_micros(t.as_micros() / 1_000_000 * 1_000_000)
}
