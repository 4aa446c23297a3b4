//! What kubelets do to pods: probes, images, order of the start, the end, memory.

use super::super::drain_tests::{said, told};
use super::*;
use crate::parameter::GrowthDistribution;
use crate::world::Role;
use crate::world::observation::Exit;

fn growth(text: &str) -> GrowthDistribution {
    text.parse().expect("a leak")
}

/// Nine pods on nine nodes; the first hang, in a run of six hours.
fn hung(p: KubernetesParameters) -> (Record, SimTime, BoxId) {
    let mut spec = spec(vec![service(50.0)], SimDuration::from_hours(6));
    spec.faults.process_crash.rate = Rate::from_per_second(1.0 / 20_000.0);
    spec.faults.process_crash.hang_share = Fraction::ONE;
    let record = record(&spec, p, 1);
    let (at, subject) = record
        .facts
        .iter()
        .find_map(|(t, o)| match *o {
            Observation::BoxHung { subject, .. } => Some((*t, subject)),
            _ => None,
        })
        .expect("nine pods hang every 37 minutes");
    (record, at, subject)
}

#[test]
fn a_hung_container_is_killed_after_three_probes_and_its_grace() {
    let is_exit = |o: &Observation, of| matches!(*o, Observation::BoxExited { subject, .. } if subject == of);
    let (record, hang, subject) = hung(fixed(9, 9));
    // The third tick of 10 s lies 20-30 s after the hang and waits 1 s for its answer. SIGTERM is not heard: killed when
    // preStop of 5 s and the other 25 s of the grace are over.
    let after = record.first_after(hang, |o| is_exit(o, subject)).since(hang).as_secs_f64();
    assert!((51.0..=61.0).contains(&after), "{after}");
    // The sync that killed it starts it again: no relist, no back-off the first time.
    let starts = |o: &Observation| matches!(*o, Observation::BoxStarting { subject: s, .. } if s == subject);
    assert_eq!(record.first_after(hang, starts), record.first_after(hang, |o| is_exit(o, subject)));
    // Readiness fails by the same ticks; two hops and the rules take 0.2 s more.
    let is_unrouted = |o: &Observation| matches!(*o, Observation::BoxUnrouted { subject: s } if s == subject);
    let unrouted = record.first_after(hang, is_unrouted).since(hang).as_secs_f64();
    assert!((21.0..=32.3).contains(&unrouted), "{unrouted}");
    // Nobody else finds out: without the probe it hangs on.
    let mut p = fixed(9, 9);
    p.probes.liveness.enabled = false;
    let (record, _, subject) = hung(p);
    assert_eq!(record.times(|o| is_exit(o, subject)), []);
}

/// Seconds from the placement of each pod of the first release to a later fact about it.
fn since_placed(record: &Record, begin: SimTime, wanted: impl Fn(&Observation) -> Option<BoxId>) -> Vec<f64> {
    let mut placed = BTreeMap::new();
    let mut spans = Vec::new();
    for (time, o) in record.facts.iter().filter(|(t, _)| *t >= begin) {
        if let Observation::BoxPlaced { subject, .. } = *o {
            placed.insert(subject, *time);
        } else if let Some(from) = wanted(o).and_then(|subject| placed.remove(&subject)) {
            spans.push(time.since(from).as_secs_f64());
        }
    }
    spans
}

fn is_prepared(o: &Observation) -> Option<BoxId> {
    if let Observation::BoxPrepared { subject } = *o { Some(subject) } else { None }
}

fn is_up(o: &Observation) -> Option<BoxId> {
    if let Observation::BoxUp { subject } = *o { Some(subject) } else { None }
}

fn is_routed(o: &Observation) -> Option<BoxId> {
    if let Observation::BoxRouted { subject } = *o { Some(subject) } else { None }
}

fn longest(spans: &[f64]) -> f64 {
    spans.iter().copied().fold(0.0, f64::max)
}

/// The first release in three days on ten pods and six nodes, with these parameters and this container.
fn released(p: KubernetesParameters, tune: impl Fn(&mut ServiceParameters)) -> (Record, SimTime) {
    one_release_on(p, tune, SimDuration::from_days(3))
}

fn with_container(change: impl Fn(&mut ContainerParameters)) -> impl Fn(&mut ServiceParameters) {
    move |s| {
        let mut container = ContainerParameters { startup: constant(10), ..Default::default() };
        change(&mut container);
        s.container = Named::default();
        s.container.insert("app", container);
    }
}

#[test]
fn a_release_pulls_what_its_version_adds() {
    // 30 % of 180 MB at 50 MB/s: 1.08 s, sandbox 1 s, the watch 10 ms. A node that has it already pulls nothing.
    let (record, begin) = released(fixed(10, 6), |_| {});
    let spans = since_placed(&record, begin, is_prepared);
    assert!(spans.iter().all(|s| (1.009..=2.091).contains(s)), "{spans:?}");
    assert!((longest(&spans) - 2.09).abs() < 1e-3, "{spans:?}");
    // Nothing in common: 3.6 s.
    let (record, begin) =
        released(fixed(10, 6), with_container(|c| c.image_base = Fraction::new(0.0).expect("a fraction")));
    assert!((longest(&since_placed(&record, begin, is_prepared)) - 4.61).abs() < 1e-3);
}

#[test]
fn a_pod_gets_requests_at_the_first_tick_after_it_can_serve() {
    let routed = |p: KubernetesParameters| {
        let (record, begin) = released(p, |_| {});
        since_placed(&record, begin, is_routed)
    };
    // Up after 11.01 to 12.09 s; the startup probe ticks 10, 20 … s after the first sync at 0.01 s: ready at 20.01 s;
    // two hops and the rules, of which one update waits up to 1 s for the one before.
    let spans = routed(fixed(10, 6));
    assert!(spans.iter().all(|s| (20.2..=21.3).contains(s)), "{spans:?}");
    // Without any probe it is ready when its process runs, 10 s before it listens.
    let mut p = fixed(10, 6);
    (p.probes.startup.enabled, p.probes.readiness.enabled) = (false, false);
    let spans = routed(p);
    assert!(spans.iter().all(|s| (1.2..=3.4).contains(s)), "{spans:?}");
}

#[test]
fn init_containers_and_sidecars_start_one_after_another_and_count_by_the_larger_sum() {
    let parts = |s: &mut ServiceParameters| {
        let part = |role, cpu, startup| ContainerParameters {
            role,
            cpu: crate::parameter::MilliCpu::from_milli(cpu),
            startup: constant(startup),
            image: crate::parameter::Bytes::from_bytes(0),
            ..Default::default()
        };
        s.container = Named::default();
        s.container.insert("migrate", part(Role::Init, 1_000, 6));
        s.container.insert("proxy", part(Role::Sidecar, 100, 2));
        s.container.insert("app", part(Role::App, 500, 10));
    };
    // Sandbox 1 s, watch 10 ms, then 6 + 2 + 10 s; images are empty.
    let (record, begin) = released(fixed(10, 6), parts);
    let spans = since_placed(&record, begin, is_up);
    assert!(spans.iter().all(|s| (s - 19.01).abs() < 0.01), "{spans:?}");
    // Without a startup probe the sidecar has started as soon as it runs: 6 + 10 s.
    let mut p = fixed(10, 6);
    p.probes.startup.enabled = false;
    // The liveness probe would kill what takes longer than two or three of its periods.
    p.probes.liveness.enabled = false;
    let (record, begin) = released(p, parts);
    let spans = since_placed(&record, begin, is_up);
    assert!(spans.iter().all(|s| (s - 17.01).abs() < 0.01), "{spans:?}");
    // max(1000m for the step, 100m + 500m together) = 1000m: three pods on 3.92 − 0.25 cores, where six of 600m fit.
    let promised = record.facts.iter().find_map(|(_, o)| match o {
        Observation::Promised { promised, .. } => Some(promised.cpu.as_milli()),
        _ => None,
    });
    // 10 pods and 6 nodes' agents of 250m.
    assert_eq!(promised, Some(10 * 1_000 + 6 * 250));
}

#[test]
fn without_the_registry_no_version_comes_out_and_what_runs_is_well() {
    let outage = |p: KubernetesParameters, crashes: bool| {
        let mut s = service(50.0);
        s.1.release.rate = Rate::from_per_second(1.0 / 86_400.0);
        s.1.release.failure_rate = Fraction::ZERO;
        let mut spec = spec(vec![s], SimDuration::from_days(3));
        spec.faults.registry_outage.rate = Rate::from_per_second(1.0);
        spec.faults.registry_outage.lasts = Distribution::constant(SimDuration::from_days(10));
        if crashes {
            spec.faults.process_crash.rate = Rate::from_per_second(1.0 / 40_000.0);
            spec.faults.process_crash.hang_share = Fraction::ZERO;
        }
        record(&spec, p, 1)
    };
    let record = outage(fixed(10, 6), false);
    let begins = record.times(|o| matches!(o, Observation::Rollout { .. }));
    assert!(!begins.is_empty(), "a version is handed over in three days");
    // Pods that a rollback makes anew have their image on the node; those of the new version have not.
    let is_new = |o: &Observation| matches!(o, Observation::BoxStarting { version, .. } if version.0 > 0);
    assert_eq!(record.times(is_new), []);
    // 25 % of 10 may be missing, and no more goes: 8 serve.
    assert_eq!(counts(&record).iter().skip(10).map(|c| c.1).min(), Some(8));
    // A process that crashes starts again from the image that is there, unless the registry must be asked.
    let ups = |p| outage(p, true).times(|o| is_up(o).is_some()).len();
    let mut always = fixed(10, 6);
    always.kubelet.image_pull_policy = parameters::ImagePullPolicy::Always;
    // Ten were up from the start on.
    assert_eq!(ups(always), 10);
    assert!(ups(fixed(10, 6)) > 10);
}

#[test]
fn a_registry_that_does_not_answer_is_waited_for_and_asked_again_at_a_sync_after_the_back_off() {
    let mut s = service(50.0);
    s.1.release.rate = Rate::from_per_second(1.0 / 86_400.0);
    s.1.release.failure_rate = Fraction::ZERO;
    let mut spec = spec(vec![s], SimDuration::from_days(3));
    spec.faults.registry_outage.rate = Rate::from_per_second(1.0);
    spec.faults.registry_outage.lasts = Distribution::constant(SimDuration::from_days(10));
    let record = told(&spec, fixed(10, 6), 1);
    let (first, again) =
        (said(&record, "ErrImagePull: no answer")[0], said(&record, "ErrImagePull again")[0]);
    // A hop after the pod was bound its kubelet asks, and waits 30 s.
    let placed = record.times(|o| matches!(o, Observation::BoxPlaced { .. }));
    assert!(placed.contains(&(first - SimDuration::from_millis(30_010))), "{first} {placed:?}");
    // The back-off of 10 s is over at the first sync, 10-15 s later, and 30 s are waited for once more.
    assert!((40.0..=45.0).contains(&again.since(first).as_secs_f64()), "{first} {again}");
}

#[test]
fn a_node_low_on_memory_evicts_before_the_kernel_kills() {
    let leaking = |eviction: &str| {
        let mut s = service(50.0);
        with_container(|c| c.leak = growth("200MiB/h"))(&mut s.1);
        let mut p = fixed(9, 9);
        p.kubelet.eviction_memory = eviction.parse().expect("an amount");
        record(&spec(vec![s], SimDuration::from_days(7)), p, 1)
    };
    let is_kill = |o: &Observation| {
        matches!(
            o,
            Observation::BoxExited {
                exit: Exit::Fault { kind: crate::world::FaultKind::OutOfMemory, .. },
                ..
            }
        )
    };
    // 200 MiB/h take 30 minutes for the last 100 MiB: a look every 10 s comes first.
    let evicting = leaking("100MiB");
    assert_eq!(evicting.times(is_kill), []);
    // The pod is Failed within 3 s, and its ReplicaSet makes another; in place of it, not where it was.
    let created = evicting.first_after(SimTime::ZERO, is_created);
    let ended =
        evicting.facts.iter().rfind(|(t, o)| *t <= created && matches!(o, Observation::BoxRemoved { .. }));
    let (ended, _) = ended.expect("an evicted pod is gone before");
    // What it had is put away in 1 s, and a hop later the ReplicaSet has seen it.
    assert_eq!(created.since(*ended), SimDuration::from_millis(1_010));
    // Without it the kernel kills, and the container starts again where it was.
    let killing = leaking("0MiB");
    assert!(killing.times(is_kill).len() > 5);
    assert_eq!(killing.times(is_created).iter().filter(|t| **t > SimTime::ZERO).count(), 0);
}
