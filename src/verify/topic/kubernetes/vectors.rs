//! Hand-computed cases of the v1.36 algorithms: scores, pod requests, rollouts, autoscaling, budgets, back-off; and how fast
//! pods start.
//!
//! Each is one small situation with one right answer; where that is several numbers, they are the digits of one. The
//! wait of a container that crashes again and again is a test of the kubelet. Start at [`checks`].

use super::{GIB, SPECIFICATION, add_node, lab, spec};
use crate::cluster::controllers::deployment::Fenceposts;
use crate::cluster::controllers::hpa::behavior::limit_without_behavior;
use crate::cluster::controllers::hpa::calculator::{PodView, Sample, Tally, Tolerance, Trust, for_pods};
use crate::cluster::controllers::hpa::metrics::PodTarget;
use crate::cluster::objects::{
    Container, Deployment, DisruptionBudget, Image, Keep, Labels, Name, Owner, Phase, PodId, PodSpec, Size,
    Strategy,
};
use crate::cluster::scheduler::{Plugin, backoff};
use crate::cluster::settings::Settings;
use crate::cluster::store::Change;
use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::KubernetesParameters;
use crate::verify::kubernetes::lab::{Lab, Seen, TRIGGER, at, seconds};
use crate::verify::{Band, Check};
use std::collections::BTreeMap;

pub fn checks() -> Vec<Check> {
    let exact = |name: &str, expected: u32, claim: &str, obtain: fn() -> u32| {
        Check::new(name, f64::from(expected), Band::Exact, move |_| f64::from(obtain()).into())
            .claims(claim)
            .after(SPECIFICATION)
    };
    vec![
        exact(
            "k8s-score-least-allocated",
            65,
            "of a 500m, 1 GiB pod on 4 CPUs and 16 GiB with 1 and 4 taken: (62 + 68) / 2",
            || on_a_quarter_full_node(Plugin::NodeResourcesFit),
        ),
        exact(
            "k8s-score-balanced",
            73,
            "of the same pod: 50 + (50 + 96 - 100) / 2, shares of 37.5 % and 31.25 % after it",
            || on_a_quarter_full_node(Plugin::NodeResourcesBalancedAllocation),
        ),
        exact(
            "k8s-score-spread",
            100_150_200,
            "of zones with 2, 1 and 0 pods by default: 50, 75 and 100, each twice",
            spread_scores,
        ),
        exact(
            "k8s-pod-request",
            30_003_000,
            "milli-CPU of init 2, sidecar 1, init 2 and apps 1 + 1, and with the sidecar first",
            pod_requests,
        ),
        exact("k8s-fence-0", 1, "pods that may be missing with neither surge nor unavailable", || {
            Fenceposts::resolve(strategy(0), 10).unavailable
        }),
        exact("k8s-rollout-stuck", 85, "old and new of 10 pods at 25 % if no new one gets ready", || {
            stuck_rollout(None)
        }),
        exact(
            "k8s-rollout-proportional",
            127,
            "the same, then scaled to 15: 8 * 19/13 = 11.7 old and 5 * 19/13 = 7.3 new",
            || stuck_rollout(Some(15)),
        ),
        exact("k8s-hpa-up", 5, "pods for 3 at 90 % of a target of 60 %", || hpa(&[900; 3], 0, 60)),
        exact("k8s-hpa-truncates", 3, "pods for 3 at 66.9 %: cut to 66 %, a tenth above 60 %", || {
            hpa(&[669; 3], 0, 60)
        }),
        exact("k8s-hpa-unready", 4, "pods for 2 at 100 % and 2 unready ones, target 50 %", || {
            hpa(&[1_000; 2], 2, 50)
        }),
        exact("k8s-hpa-limit", 4_810, "sizes from 1 pod at ten times its target: 4, 8, 10", || {
            let next = |now| limit_without_behavior(10, now, 1, 20).0;
            let sizes = [next(1), next(next(1)), next(next(next(1)))];
            sizes[0] * 1_000 + sizes[1] * 100 + sizes[2]
        }),
        exact("k8s-budget-unavailable", 3, "of 7 that may go if 30 % may be missing: 2.1 up", || {
            budget(Keep::MaxUnavailable(Size::percent(30)))
        }),
        exact("k8s-budget-available", 4, "of 7 that may go if 30 % must stay: 7 less 2.1 up", || {
            budget(Keep::MinAvailable(Size::percent(30)))
        }),
        exact("k8s-backoff", 35, "seconds that six failed tries wait: 1, 2, 4, 8, 10, 10", || {
            (1..=6).map(|n| backoff(n).as_secs_f64() as u32).sum()
        }),
        Check::new(
            "k8s-pod-start",
            2.5,
            Band::Between(0.0, 5.0, "the service level, image pull not counted"),
            |_| pod_start().into(),
        )
        .claims("seconds from creation to running, 99th percentile of 300 pods, 5 made a second")
        .after("Kubernetes scalability SLO: stateless pod start-up, p99 at most 5 s"),
    ]
}

/// A score without its weight, of the same pod on either of two nodes that are a quarter full.
fn on_a_quarter_full_node(plugin: Plugin) -> u32 {
    let mut lab = lab(Settings::default());
    for _ in 0..2 {
        let node = add_node(&mut lab, 0, 4_000, 16 * GIB);
        bound(&mut lab, spec(1_000, 4 * GIB), node);
    }
    scores(&mut lab, spec(500, GIB), plugin)[0]
}

/// A pod of nobody that is there.
fn bound(lab: &mut Lab, spec: PodSpec, node: crate::cluster::objects::NodeId) {
    let store = &mut lab.cluster.store;
    let template = store.intern_template(spec);
    let pod = store.create_pod(Owner::None, template, TRIGGER);
    lab.adopt(pod, node, TRIGGER);
}

/// Scores of a new pod, by node.
fn scores(lab: &mut Lab, spec: PodSpec, plugin: Plugin) -> Vec<u32> {
    lab.forget();
    let store = &mut lab.cluster.store;
    let template = store.intern_template(spec);
    let pod = store.create_pod(Owner::None, template, TRIGGER);
    let Some(report) = lab.cluster.scheduler.report(pod, &lab.cluster.store) else { return vec![0; 3] };
    let own = report.scores.iter().find(|(p, _)| *p == plugin);
    let by_node: BTreeMap<_, _> =
        own.into_iter().flat_map(|(_, scores)| report.feasible.iter().zip(scores)).collect();
    by_node.into_values().map(|&score| score as u32).collect()
}

fn spread_scores() -> u32 {
    let mut lab = lab(Settings::default());
    let own = spec(100, GIB);
    lab.cluster.store.add_service(own.labels.clone());
    for (zone, pods) in [(0, 2), (1, 1), (2, 0)] {
        let node = add_node(&mut lab, zone, 4_000, 16 * GIB);
        (0..pods).for_each(|_| bound(&mut lab, spec(100, GIB), node));
    }
    let scores = scores(&mut lab, own, Plugin::PodTopologySpread);
    scores.into_iter().fold(0, |digits, score| digits * 1_000 + score)
}

fn pod_requests() -> u32 {
    let of = |cpu, is_sidecar| Container { cpu: Some(cpu), is_sidecar, ..Container::default() };
    let (init, sidecar) = (of(2_000, false), of(1_000, true));
    let request = |init_containers: [Container; 3]| {
        let mut spec = PodSpec::of_container(Labels::default(), of(1_000, false));
        spec.containers.push(of(1_000, false));
        spec.init_containers = init_containers.to_vec();
        spec.requests().cpu
    };
    request([init, sidecar, init]) * 10_000 + request([sidecar, init, init])
}

/// Surge and unavailable of so many percent.
fn strategy(percent: u32) -> Strategy {
    Strategy::RollingUpdate { max_surge: Size::percent(percent), max_unavailable: Size::percent(percent) }
}

/// Old and new of ten pods whose new version never gets ready, after a change of size if there is one.
fn stuck_rollout(size: Option<u32>) -> u32 {
    let mut lab = lab(Settings::default());
    let nodes: Vec<_> = (0..10).map(|_| add_node(&mut lab, 0, 4_000, 16 * GIB)).collect();
    let id = super::add_deployment(&mut lab, &nodes);
    lab.forget();
    let mut new = spec(100, GIB / 16);
    new.containers[0].image = Image { tag: 1, ..Image::default() };
    lab.never_ready.insert(1);
    lab.cluster.store.write_deployment(id, |d: &mut Deployment| d.strategy = strategy(25));
    let template = lab.cluster.store.intern_template(new);
    lab.cluster.store.set_template(id, template);
    while lab.next(at(30.0)).is_some() {}
    if let Some(size) = size {
        lab.cluster.store.scale_deployment(id, size);
        while lab.next(at(60.0)).is_some() {}
    }
    let store = &lab.cluster.store;
    let sizes = store.sets_of(id).iter().filter_map(|&set| store.replica_set(set)).map(|set| set.replicas);
    sizes.fold(0, |digits, size| digits * 10 + size)
}

/// Pods wanted for some that use so much of a core that they ask for, and some that are not ready yet.
fn hpa(used: &[i64], unready: usize, target: u32) -> u32 {
    let now = TRIGGER;
    let sample = |value| Some(Sample { value, taken: now, window: SimDuration::from_secs(15) });
    let pod = |ready, value| PodView {
        phase: Phase::Running,
        terminating: false,
        started: Some(now - SimDuration::from_secs(if ready { 3_600 } else { 60 })),
        ready: Some((ready, now - SimDuration::from_secs(if ready { 3_590 } else { 60 }))),
        request: Some(1_000),
        sample: sample(value),
    };
    let pods = used.iter().map(|&value| pod(true, value)).chain((0..unready).map(|_| pod(false, 0)));
    let (target, current) = (PodTarget::Utilization(target), (used.len() + unready) as u32);
    let trust =
        Trust::Cpu { initialization: SimDuration::from_mins(5), readiness_delay: SimDuration::from_secs(30) };
    let tally = Tally::of(pods, target, trust, now);
    for_pods(&tally, target, Tolerance { up: 0.1, down: 0.1 }, current).map_or(0, |p| p.replicas)
}

/// Disruptions of seven healthy pods that are allowed.
fn budget(keep: Keep) -> u32 {
    let mut lab = lab(Settings::default());
    let nodes: Vec<_> = (0..7).map(|_| add_node(&mut lab, 0, 4_000, 16 * GIB)).collect();
    super::add_deployment(&mut lab, &nodes);
    lab.forget();
    let labels = Labels::default().with(Name::APP, Name::number(1));
    let id = lab.cluster.store.add_budget(DisruptionBudget::new(&labels, keep));
    while lab.next(at(5.0)).is_some() {}
    lab.cluster.store.budget(id).status.allowed
}

/// Pods made a second, and for how long.
const START_RATE: u32 = 5;
const START_FOR_S: u32 = 60;

/// The 99th percentile of the time from a pod's creation until its containers run: control plane, watches and kubelet, and
/// the time that scenarios give a kubelet for sandbox, network and container [s].
fn pod_start() -> f64 {
    let mut lab = lab(Settings::default());
    for zone in 0..30 {
        add_node(&mut lab, zone % 3, 4_000, 16 * GIB);
    }
    let spec = spec(100, GIB / 16);
    let labels = spec.labels.clone();
    let set = lab.cluster.store.add_replica_set(spec, &labels, 0, TRIGGER);
    lab.forget();
    (1..=START_FOR_S).for_each(|turn| lab.script_at(at(f64::from(turn)), turn as usize));
    let (mut created, mut took): (BTreeMap<PodId, SimTime>, Vec<f64>) = Default::default();
    while let Some(seen) = lab.next(at(f64::from(START_FOR_S) + 60.0)) {
        let now = lab.now();
        match seen {
            Seen::Script(turn) => {
                let size = turn as u32 * START_RATE;
                lab.cluster.store.scale_replica_set(set, size, size, size);
            }
            Seen::Change(Change::PodCreated(pod)) => _ = created.insert(pod, now),
            Seen::Change(Change::PodStatus(pod)) => {
                took.extend(created.remove(&pod).map(|begin| seconds(now) - seconds(begin)));
            }
            Seen::Change(_) => {}
        }
    }
    if took.len() != (START_RATE * START_FOR_S) as usize {
        return f64::NAN;
    }
    took.sort_by(f64::total_cmp);
    took[took.len() * 99 / 100] + KubernetesParameters::default().kubelet.container_start.as_secs_f64()
}
