//! Claims about whole clusters, each run in a world of its own. Times of the arithmetic are in the comments.

use super::*;
use crate::catalog::Catalog;
use crate::cluster::objects::DeploymentId;
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{Distribution, Fraction, Named, Rate};
use crate::simulation::{Watcher, run};
use crate::world::release::ReleaseParameters;
use crate::world::traffic::{Curve, DiurnalParameters, TrafficParameters, WeeklyParameters};
use crate::world::{
    BoxId, Calendar, CloudParameters, ContainerParameters, FaultParameters, Observation, ServiceParameters,
    TeamParameters, VmId, VulnerabilityParameters, World, WorldSpec,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod kubelet;

pub(super) fn secs(s: u64) -> SimDuration {
    SimDuration::from_secs(s)
}

pub(super) fn at(s: u64) -> SimTime {
    SimTime::ZERO + secs(s)
}

pub(super) fn constant(s: u64) -> Distribution {
    Distribution::constant(secs(s))
}

/// A service of pods with 500m and 512 MiB whose requests take 20 ms: 25 requests/s use one pod's request.
pub(super) fn service(rate: f64) -> (String, ServiceParameters, Curve) {
    let mut container = Named::default();
    container.insert("app", ContainerParameters { startup: constant(10), ..ContainerParameters::default() });
    let traffic = TrafficParameters {
        rate: Some(Rate::from_per_second(rate)),
        diurnal: DiurnalParameters {
            amplitude: crate::parameter::Factor::new(0.0).expect("a factor"),
            ..Default::default()
        },
        weekly: WeeklyParameters { weekend: crate::parameter::Factor::ONE, ..Default::default() },
        ..Default::default()
    };
    let curve = Curve::periodic(Rate::from_per_second(rate), &traffic);
    let parameters = ServiceParameters {
        cpu_per_request: SimDuration::from_millis(20),
        cpu_variation: 1.0,
        timeout: secs(5),
        latency_goal: SimDuration::from_millis(500),
        latency_quantile: Fraction::new(0.99).expect("a fraction"),
        availability_goal: Fraction::new(0.99).expect("a fraction"),
        container,
        requests: crate::world::requests::RequestMode::Flow,
        requests_from: SimDuration::ZERO,
        requests_for: None,
        server: Default::default(),
        retry: Default::default(),
        traffic,
        release: ReleaseParameters { rate: Rate::ZERO, ..Default::default() },
        place: Default::default(),
    };
    ("web".into(), parameters, curve)
}

/// A world without faults and releases.
pub(super) fn spec(services: Vec<(String, ServiceParameters, Curve)>, horizon: SimDuration) -> WorldSpec {
    let mut faults = FaultParameters::default();
    faults.vm_crash.rate = Rate::ZERO;
    faults.vm_loss.rate = Rate::ZERO;
    faults.process_crash.rate = Rate::ZERO;
    faults.zone_outage.rate = Rate::ZERO;
    faults.rack_outage.rate = Rate::ZERO;
    faults.rack_network.rate = Rate::ZERO;
    faults.slow_vm.rate = Rate::ZERO;
    faults.registry_outage.rate = Rate::ZERO;
    faults.bad_configuration.rate = Rate::ZERO;
    faults.cloud_api_outage.rate = Rate::ZERO;
    faults.no_capacity.rate = Rate::ZERO;
    faults.disk_full.rate = Rate::ZERO;
    WorldSpec {
        calendar: Calendar::new(
            jiff::civil::date(2026, 1, 5),
            SimDuration::from_hours(9),
            SimDuration::from_hours(17),
        ),
        catalog: Arc::new(Catalog::embedded()),
        cloud: CloudParameters { boot: constant(26), launch_failure: Fraction::ZERO, ..Default::default() },
        faults,
        vulnerabilities: VulnerabilityParameters {
            system: Rate::ZERO,
            runtime: Rate::ZERO,
            ..Default::default()
        },
        team: TeamParameters::default(),
        services,
        segment: SimDuration::from_mins(5),
        warm_up: SimDuration::ZERO,
        horizon: SimTime::ZERO + horizon,
    }
}

/// Everything that happened.
#[derive(Default)]
pub(super) struct Record {
    pub facts: Vec<(SimTime, Observation)>,
}

impl Watcher for Record {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        self.facts.push((time, observation.clone()));
    }
}

/// Pods that do not change in number, on nodes that do not come and go.
pub(super) fn fixed(pods: u32, nodes: u32) -> KubernetesParameters {
    let mut p = KubernetesParameters::default();
    p.hpa.enabled = false;
    p.cluster_autoscaler.enabled = false;
    p.node_pool.node_type = Some("m7i.xlarge".into());
    p.node_pool.min_nodes = nodes;
    p.node_pool.join = constant(20);
    p.node_upgrade.enabled = false;
    let size = parameters::PodSizeParameters { boxes: Some(pods), ..Default::default() };
    p.size.insert("web", size);
    p
}

/// Pods are autoscaled, nodes too, with nothing random.
pub(super) fn elastic(min_nodes: u32) -> KubernetesParameters {
    let mut p = KubernetesParameters::default();
    p.node_pool.node_type = Some("m7i.large".into());
    p.node_pool.min_nodes = min_nodes;
    p.node_pool.join = constant(20);
    p.node_upgrade.enabled = false;
    p
}

pub(super) fn record(spec: &WorldSpec, p: KubernetesParameters, seed: u64) -> Record {
    let mut world = World::new(spec, seed, 0);
    let mut kubernetes = Kubernetes::new(p, PracticeParameters::default());
    let mut record = Record::default();
    run(&mut world, &mut kubernetes, &mut record);
    record
}

impl Record {
    pub fn times(&self, wanted: impl Fn(&Observation) -> bool) -> Vec<SimTime> {
        self.facts.iter().filter(|(_, o)| wanted(o)).map(|&(t, _)| t).collect()
    }

    pub fn first_after(&self, from: SimTime, wanted: impl Fn(&Observation) -> bool) -> SimTime {
        let found = self.facts.iter().find(|(t, o)| *t > from && wanted(o));
        found.expect("it happens before the horizon").0
    }

    /// Machine of each box that exists at `until`.
    fn placements(&self, until: SimTime) -> BTreeMap<BoxId, VmId> {
        let mut on = BTreeMap::new();
        for (_, o) in self.facts.iter().take_while(|(t, _)| *t <= until) {
            match *o {
                Observation::BoxPlaced { subject, vm } => _ = on.insert(subject, vm),
                Observation::BoxRemoved { subject } => _ = on.remove(&subject),
                _ => {}
            }
        }
        on
    }

    fn zones(&self) -> BTreeMap<VmId, ZoneId> {
        let zone = |o: &Observation| match *o {
            Observation::VmLaunched { vm, zone, .. } => Some((vm, zone)),
            _ => None,
        };
        self.facts.iter().filter_map(|(_, o)| zone(o)).collect()
    }
}

pub(super) fn is_created(o: &Observation) -> bool {
    matches!(o, Observation::BoxCreated { .. })
}

/// One good release on ten pods; gives back the record and when the rollout began.
fn one_release(tune: impl Fn(&mut ServiceParameters), horizon: SimDuration) -> (Record, SimTime) {
    one_release_on(fixed(10, 6), tune, horizon)
}

pub(super) fn one_release_on(
    p: KubernetesParameters,
    tune: impl Fn(&mut ServiceParameters),
    horizon: SimDuration,
) -> (Record, SimTime) {
    let mut s = service(50.0);
    s.1.release.rate = Rate::from_per_second(1.0 / (3.0 * 86_400.0));
    s.1.release.failure_rate = Fraction::ZERO;
    tune(&mut s.1);
    let spec = spec(vec![s], horizon);
    let begins = |o: &Observation| {
        matches!(o, Observation::Rollout { step: crate::world::observation::RolloutStep::Begins, .. })
    };
    for seed in 1..50 {
        let record = record(&spec, p.clone(), seed);
        if let [begin] = record.times(begins)[..]
            && begin + SimDuration::from_hours(2) < SimTime::ZERO + horizon
        {
            return (record, begin);
        }
    }
    panic!("no seed of 49 has one release");
}

/// Boxes that are up at each instant after which something changed, and boxes that exist and were not told to end.
pub(super) fn counts(record: &Record) -> Vec<(SimTime, usize, usize)> {
    let (mut up, mut existing) = (BTreeSet::new(), BTreeSet::new());
    let mut result: Vec<(SimTime, usize, usize)> = Vec::new();
    for (time, o) in &record.facts {
        match *o {
            Observation::BoxCreated { subject, .. } => _ = existing.insert(subject),
            Observation::BoxUp { subject } => _ = up.insert(subject),
            Observation::BoxExited { subject, .. } => _ = up.remove(&subject),
            Observation::BoxRemoved { subject } => {
                up.remove(&subject);
                existing.remove(&subject);
            }
            _ => continue,
        }
        match result.last_mut() {
            Some(last) if last.0 == *time => *last = (*time, up.len(), existing.len()),
            _ => result.push((*time, up.len(), existing.len())),
        }
    }
    result
}

#[test]
fn a_rolling_update_of_ten_keeps_eight_ready() {
    let (record, begin) = one_release(|_| {}, SimDuration::from_days(3));
    let during: Vec<_> = counts(&record).into_iter().filter(|c| c.0 >= begin).collect();
    // 25 % of 10: surge 3, unavailable 2.
    assert!(during.iter().all(|c| c.1 >= 8), "{during:?}");
    assert_eq!(during.iter().map(|c| c.1).min(), Some(8));
    // 13 that are wanted, and those that are just ending and no longer counted: two at first, then one for one.
    assert!(during.iter().map(|c| c.2).max().expect("some") <= 18, "{during:?}");
    let last = during.last().expect("something happened");
    assert_eq!((last.1, last.2), (10, 10));
    // Two waves of image (on each node once, 3.6 s), sandbox 1 s, start 10 s, the second a little after the first.
    let took = record
        .first_after(begin, |o| {
            matches!(o, Observation::Rollout { step: crate::world::observation::RolloutStep::Completes, .. })
        })
        .since(begin);
    assert!((secs(22)..secs(45)).contains(&took), "{took}");
}

#[test]
fn a_version_that_cannot_start_stalls_within_the_fence_and_is_rolled_back() {
    let bad = |s: &mut ServiceParameters| {
        s.release.failure_rate = Fraction::ONE;
        s.release.fails_to_start = Fraction::ONE;
    };
    let (record, begin) = one_release(bad, SimDuration::from_days(3));
    assert!(counts(&record).iter().all(|c| c.1 >= 8));
    let paged = record.first_after(begin, |o| matches!(o, Observation::Paged { .. }));
    // Nothing moves after the first 0.1 s; the deadline of 600 s is checked a second late. The pods' phase counts no
    // more than their readiness, so the fence keeps 5 new pods.
    assert!((600.0..605.0).contains(&paged.since(begin).as_secs_f64()), "{}", paged.since(begin));
    let step = |wanted| {
        record.first_after(begin, |o| matches!(o, Observation::Rollout { step, .. } if *step == wanted))
    };
    use crate::world::observation::RolloutStep::{RollbackBegins, RollbackCompletes};
    assert!(step(RollbackCompletes) > step(RollbackBegins));
    let end = counts(&record).into_iter().last().expect("something happened");
    assert_eq!((end.1, end.2), (10, 10));
    // 5 pods, each exits about 10 s after its start, with waits of 0, 10, 20, 40, 80, 160, 300, 300 … s of which each may
    // be half as long again: in 601 s between 6 and 9 exits a pod; people then need a while.
    let exits = record
        .facts
        .iter()
        .filter(|(t, o)| *t <= paged && matches!(o, Observation::BoxExited { exit, .. } if *exit == crate::world::observation::Exit::FailsToStart))
        .count();
    assert!((5 * 5..=5 * 9).contains(&exits), "{exits}");
}

#[test]
fn whoever_is_paged_pauses_the_rollout_until_it_is_clear_why() {
    let bad = |s: &mut ServiceParameters| {
        s.release.failure_rate = Fraction::ONE;
        s.release.fails_to_start = Fraction::ZERO;
        let slow = ContainerParameters { startup: constant(200), ..ContainerParameters::default() };
        s.container.insert("app", slow);
    };
    let mut one_by_one = fixed(10, 6);
    one_by_one.deployment.max_surge = Fraction::new(0.1).expect("a share");
    one_by_one.deployment.max_unavailable = Fraction::ZERO;
    let (record, begin) = one_release_on(one_by_one, bad, SimDuration::from_days(3));
    use crate::world::observation::RolloutStep::RollbackBegins;
    let began = record.first_after(begin, |o| matches!(o, Observation::WorkBegan { .. }));
    let back = record
        .first_after(begin, |o| matches!(o, Observation::Rollout { step, .. } if *step == RollbackBegins));
    // Ten pods one by one, each 200 s and a probe: 35 min, while somebody looks for minutes.
    let created = record.times(is_created).into_iter().filter(|t| *t > begin).collect::<Vec<_>>();
    assert!(back.since(began) > secs(240), "{began} {back}");
    assert!(created.iter().any(|t| *t <= began), "{created:?}");
    assert!(!created.iter().any(|t| *t > began + secs(1) && *t < back), "{began} {back} {created:?}");
    // Taken back, all ten are the old ones again.
    let end = counts(&record).into_iter().last().expect("something happened");
    assert_eq!((end.1, end.2), (10, 10));
}

#[test]
fn pods_spread_over_zones_and_nodes() {
    let record = record(&spec(vec![service(50.0)], secs(60)), fixed(9, 9), 1);
    let zones = record.zones();
    let mut per_zone: BTreeMap<ZoneId, u32> = BTreeMap::new();
    let placements = record.placements(at(59));
    for vm in placements.values() {
        *per_zone.entry(zones[vm]).or_default() += 1;
    }
    assert_eq!(per_zone.into_values().collect::<Vec<_>>(), [3, 3, 3]);
    assert_eq!(placements.values().collect::<BTreeSet<_>>().len(), 9);
}

/// A day with a strong rhythm: needs more nodes at the peak and fewer at night.
pub(super) fn daily(mut p: KubernetesParameters) -> Record {
    let mut s = service(300.0);
    s.1.traffic.diurnal.amplitude = crate::parameter::Factor::new(0.8).expect("a factor");
    s.2 = Curve::periodic(Rate::from_per_second(300.0), &s.1.traffic);
    p.node_pool.max_nodes = 100;
    record(&spec(vec![s], SimDuration::from_days(2)), p, 1)
}

#[test]
fn an_unschedulable_pod_gets_a_node_and_runs() {
    let record = daily(elastic(3));
    let launched = record.first_after(SimTime::ZERO, |o| matches!(o, Observation::VmLaunched { .. }));
    let up = record.first_after(launched, |o| matches!(o, Observation::VmUp { .. }));
    // Boot 26 s, join 20 s, hops, image 180 MB / 50 MB/s = 3.6 s, sandbox 1 s, start 10 s.
    assert_eq!(up.since(launched), secs(26));
    let first_vm = record.facts.iter().find_map(|(t, o)| match *o {
        Observation::VmLaunched { vm, .. } if *t == launched => Some(vm),
        _ => None,
    });
    let placed = |o: &Observation| matches!(*o, Observation::BoxPlaced { vm, .. } if Some(vm) == first_vm);
    let placed_at = record.first_after(launched, placed);
    assert!((secs(46)..secs(47)).contains(&placed_at.since(launched)), "{}", placed_at.since(launched));
    let up_at = record.first_after(placed_at, |o| matches!(o, Observation::BoxUp { .. }));
    assert!((14.6..14.7).contains(&up_at.since(placed_at).as_secs_f64()), "{}", up_at.since(placed_at));
}

#[test]
fn nodes_are_removed_after_ten_minutes_and_none_soon_after_one_was_added() {
    let record = daily(elastic(3));
    let removed = record.times(|o| matches!(o, Observation::VmTerminated { .. }));
    let launched = record.times(|o| matches!(o, Observation::VmLaunched { .. }));
    assert!(removed.len() >= 5, "the pool shrinks at night: {removed:?}");
    for &end in &removed {
        let last = launched.iter().filter(|&&t| t <= end).max().expect("the first ones at least");
        assert!(end.since(*last) >= SimDuration::from_mins(10), "{end} {last}");
    }
    // Nobody loses a request by it: routes change before boxes end.
    assert!(record.times(|o| matches!(o, Observation::InFlightLost { .. })).is_empty());
}

#[test]
fn a_sync_that_has_nothing_to_do_writes_nothing() {
    let spec = spec(vec![service(50.0)], secs(600));
    let mut world = World::new(&spec, 1, 0);
    let mut k = Kubernetes::new(fixed(9, 9), PracticeParameters::default());
    run(&mut world, &mut k, &mut Record::default());
    let before = k.cluster.store.revision();
    let api = &mut Api::new(&mut world);
    k.cluster.wake_all(api.now());
    k.settle(api);
    assert_eq!(k.cluster.store.revision(), before);
}

/// Fingerprint of all facts of five days with faults of all kinds and many bad releases.
fn stormy(p: KubernetesParameters, seed: u64) -> u64 {
    storm(p, seed, 3).0
}

/// The fingerprint, and the cluster as the storm left it.
fn storm(p: KubernetesParameters, seed: u64, zones: u32) -> (u64, Kubernetes) {
    use std::hash::{DefaultHasher, Hash, Hasher};
    struct Fingerprint(DefaultHasher);
    impl Watcher for Fingerprint {
        fn observe(&mut self, time: SimTime, observation: &Observation) {
            (time, format!("{observation:?}")).hash(&mut self.0);
        }
    }
    let busy = |name: &str, rate: f64| {
        let mut s = service(rate);
        s.0 = name.into();
        s.1.traffic.diurnal.amplitude = crate::parameter::Factor::new(0.8).expect("a factor");
        s.2 = Curve::periodic(Rate::from_per_second(rate), &s.1.traffic);
        s.1.release.rate = Rate::from_per_second(3.0 / 86_400.0);
        s.1.release.failure_rate = Fraction::new(0.5).expect("a fraction");
        s
    };
    let mut spec = spec(vec![busy("web", 300.0), busy("api", 200.0)], SimDuration::from_days(5));
    spec.cloud.zones = zones;
    spec.cloud.launch_failure = Fraction::new(0.2).expect("a fraction");
    spec.cloud.boot = CloudParameters::default().boot;
    spec.faults.vm_crash.rate = Rate::from_per_second(1.0 / 86_400.0);
    spec.faults.vm_loss.rate = Rate::from_per_second(1.0 / 86_400.0);
    spec.faults.process_crash.rate = Rate::from_per_second(1.0 / 20_000.0);
    spec.faults.zone_outage.rate = Rate::from_per_second(1.0 / 86_400.0);
    spec.faults.rack_network.rate = Rate::from_per_second(1.0 / 86_400.0);
    spec.faults.rack_network.spell = SimDuration::from_mins(20);
    spec.faults.spot_reclaim.rate = Rate::from_per_second(1.0 / 86_400.0);
    spec.vulnerabilities.system = Rate::from_per_second(2.0 / 86_400.0);
    spec.faults.process_crash.hang_share = Fraction::new(0.3).expect("a fraction");
    spec.faults.registry_outage.rate = Rate::from_per_second(1.0 / 43_200.0);
    // A leak that fills a node within hours.
    let leaking = ContainerParameters {
        startup: constant(10),
        leak: "400MiB/h".parse().expect("a leak"),
        ..ContainerParameters::default()
    };
    spec.services[1].1.container = Named::default();
    spec.services[1].1.container.insert("app", leaking);
    let mut world = World::new(&spec, seed, 0);
    let mut kubernetes = Kubernetes::new(p, PracticeParameters::default());
    let mut fingerprint = Fingerprint(DefaultHasher::new());
    run(&mut world, &mut kubernetes, &mut fingerprint);
    (fingerprint.0.finish(), kubernetes)
}

#[test]
fn the_books_balance_after_any_storm() {
    for seed in 100..112 {
        let mut p = KubernetesParameters::default();
        match seed % 4 {
            0 => p.cluster_autoscaler.enabled = false,
            1 => p.cluster_autoscaler.spare = crate::parameter::MilliCpu::from_milli(2_000),
            2 => (p.kubelet.pre_stop, p.node_pool.unready_after) = (secs(0), secs(30)),
            _ => {}
        }
        let (_, k) = storm(p, seed, 1 + (seed % 3) as u32);
        k.cluster.store.recount();
        let (mut promised, mut allocatable) = (Resources::default(), Resources::default());
        for (id, node) in k.cluster.store.nodes() {
            promised.add(node.requested);
            allocatable.add(node.allocatable);
            let mut requested = node_pool::daemon_sets(&k.parameters);
            k.cluster
                .store
                .pods_on(id)
                .filter(|(_, pod)| !pod.is_terminal())
                .for_each(|(_, pod)| requested.add(k.cluster.store.template(pod.template).requests));
            assert_eq!(node.requested, requested);
            assert!(requested.cpu <= node.allocatable.cpu && requested.pods <= node.allocatable.pods);
        }
        assert_eq!(k.cluster.store.promised(), (promised, allocatable));
        for d in (0..2).map(DeploymentId) {
            let active = k.cluster.store.pods_of_deployment(d).filter(|(_, pod)| pod.is_active()).count();
            assert_eq!(active, k.cluster.store.active_pods(d) as usize);
            // Nothing is forgotten: what is wanted exists, but for a rollout or a creation under way.
            let wanted = k.cluster.store.deployment(d).replicas as usize;
            assert!(active >= wanted * 3 / 4 && active <= wanted * 5 / 4 + 1, "{active} of {wanted}");
            for (id, _) in k.cluster.store.pods_of_deployment(d) {
                assert!(k.bodies.box_of(id).is_none_or(|subject| k.bodies.pod_of(subject) == Some(id)));
            }
            assert!(k.cluster.store.sets_of(d).len() <= 13, "history is pruned");
        }
    }
}

#[test]
fn two_deployments_behind_a_service_keep_the_books_in_any_storm() {
    use crate::platform::rollout::Strategy;
    for seed in 200..206 {
        let mut p = KubernetesParameters::default();
        p.rollout.strategy = if seed % 2 == 0 { Strategy::BlueGreen } else { Strategy::Canary };
        let (_, k) = storm(p, seed, 3);
        let store = &k.cluster.store;
        store.recount();
        for service in (0..2).map(crate::world::ServiceId) {
            let live = k.components.pipeline.live(service);
            let of_service = |id: &DeploymentId| bodies::service_behind(*id, store) == service;
            assert_eq!(store.deployments().filter(of_service).count(), 2);
            let (active, wanted) = (store.active_pods(live), store.deployment(live).replicas);
            assert!(active * 4 >= wanted * 3, "{active} of {wanted}");
            // Callers reach pods of the live Deployment, and of no other but a canary.
            let listed = store.endpoints(crate::cluster::objects::ServiceId(u32::from(service.0))).listed();
            let owner = |pod| store.deployment_of(store.pod(pod)?.owner);
            let strangers = listed.filter(|&pod| owner(pod).is_some_and(|d| d != live)).count();
            assert!(k.parameters.rollout.strategy == Strategy::Canary || strangers == 0, "{strangers}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_facts() {
    let p = KubernetesParameters::default;
    assert_eq!(stormy(p(), 7), stormy(p(), 7));
    assert_ne!(stormy(p(), 7), stormy(p(), 8));
}

/// Each key with another value, and whether it shows.
#[test]
fn every_parameter_changes_an_outcome() {
    use crate::parameter::{Origin, Section, load_bytes};
    let parameters = |text: &str| {
        let (table, _, mut problems) = load_bytes("test.toml", text.as_bytes(), &[]);
        let p = KubernetesParameters::read(&table, &Origin::default(), "", &mut problems);
        assert!(problems.is_empty(), "{text}: {problems:?}");
        p
    };
    let mut bases: BTreeMap<(&str, u64), u64> = BTreeMap::new();
    let mut same = Vec::new();
    for line in OTHER_VALUES {
        // Some only show beside another setting.
        let beside = match line.split_once(" = ").expect("a key and a value").0 {
            "size.web.boxes" => "hpa.enabled = false\n",
            "node_pool.drain_on_notice" => "node_pool.purchase = 'spot'\n",
            "node_lifecycle.secondary_rate" => "node_lifecycle.large_zone = 1\n",
            "control_plane.scheduler_rate" => "control_plane.scheduler_burst = 1\n",
            "control_plane.client_rate" => "control_plane.client_burst = 1\n",
            "hpa.max_factor" | "requests" => "size.web.boxes = 3\n",
            "over_request" => "requests = 'field'\n",
            "hpa.scale_up.policy.few.period" => "hpa.scale_up.policy.few.pods = 1\n",
            "cluster_autoscaler.eviction_time" => "node_pool.node_type = 'm7i.2xlarge'\n",
            "node_upgrade.drain_timeout" => {
                "disruption_budget.min_available = '100%'\nnode_upgrade.every = '1d'\n"
            }
            "node_upgrade.enabled"
            | "node_upgrade.max_unavailable"
            | "node_upgrade.surge_per_zone"
            | "node_upgrade.touch"
            | "disruption_budget.max_unavailable"
            | "disruption_budget.min_available" => "node_upgrade.every = '1d'\n",
            "patching.image_age" => "patching.base_images = '1h'\n",
            "patching.touch" => "patching.image_age = '1d'\npatching.base_images = '1h'\n",
            "hpa.scale_down.policy.few.period" => "hpa.scale_down.policy.few.pods = 1\n",
            // A probe that comes so late that a container may hang before it.
            "probes.startup.timeout" => {
                "probes.startup.period = '6h'\nprobes.startup.failure_threshold = 1\n"
            }
            // With no tolerance any difference in speed counts that is no luck.
            "rollout.canary.significance" => {
                "rollout.strategy = 'canary'\nrollout.canary.slow_tolerance = '0%'\n"
            }
            "control_plane.machines"
            | "control_plane.machine"
            | "control_plane.upkeep"
            | "control_plane.upgrades"
            | "control_plane.upgrade_effort" => "control_plane.run_by = 'team'\n",
            "commitment.discount" => "commitment.share = '50%'\n",
            line if line.starts_with("rollout.canary") => "rollout.strategy = 'canary'\n",
            line if line.starts_with("rollout.blue_green") => "rollout.strategy = 'blue-green'\n",
            _ => "",
        };
        let other = parameters(&format!("{beside}{line}"));
        let shows = (1..6).any(|seed| {
            let base = bases.entry((beside, seed)).or_insert_with(|| stormy(parameters(beside), seed));
            stormy(other.clone(), seed) != *base
        });
        if !shows {
            same.push(*line);
        }
    }
    assert!(same.is_empty(), "these change nothing: {same:#?}");
    let named: BTreeSet<&str> = OTHER_VALUES.iter().map(|l| l.split(" = ").next().expect("a key")).collect();
    let missing: Vec<String> = KubernetesParameters::describe()
        .into_iter()
        .map(|doc| doc.path.replace("size.NAME", "size.web").replace("policy.NAME", "policy.few"))
        .filter(|path| !named.contains(path.as_str()))
        .collect();
    assert!(missing.is_empty(), "these are not tried: {missing:?}");
}

const OTHER_VALUES: &[&str] = &[
    "node_pool.node_type = 'm7i.2xlarge'",
    "node_pool.purchase = 'spot'",
    "node_pool.drain_on_notice = false",
    "node_pool.min_nodes = 6",
    "node_pool.max_nodes = 4",
    "node_pool.provider = 'aks'",
    "node_pool.join = '60s'",
    "node_pool.replace_after = '3m'",
    "node_pool.replaced_at_once = '100%'",
    "node_pool.unready_after = '10m'",
    "agents.cpu_request = '600m'",
    "agents.memory_request = '4GiB'",
    "agents.pods = 27",
    "agents.cpu_use = '400m'",
    "agents.memory_use = '1GiB'",
    "kubelet.pull_throughput = '10MB'",
    "kubelet.serial_pulls = true",
    "kubelet.container_start = '3s'",
    "kubelet.teardown = '30s'",
    "cluster_autoscaler.unremovable_recheck = '1h'",
    "kubelet.restart = '1m'",
    "kubelet.relist = '10s'",
    "kubelet.backoff = '1s'",
    "kubelet.backoff_max = '20s'",
    "kubelet.backoff_reset = '1m'",
    "kubelet.backoff_jitter = '10%'",
    "kubelet.pre_stop = '15s'",
    "kubelet.termination_grace = '2s'",
    "kubelet.image_pull_policy = 'always'",
    "kubelet.pull_backoff = '1m'",
    "kubelet.pull_backoff_max = '20s'",
    "kubelet.pull_timeout = '5m'",
    "kubelet.housekeeping = '5m'",
    "kubelet.eviction_memory = '300MiB'",
    "kubelet.pressure_transition = '1h'",
    "probes.startup.enabled = false",
    "probes.startup.initial_delay = '1m'",
    "probes.startup.period = '3s'",
    "probes.startup.timeout = '3h'",
    "probes.startup.failure_threshold = 1",
    "probes.readiness.enabled = false",
    "probes.readiness.initial_delay = '1m'",
    "probes.readiness.period = '3s'",
    "probes.readiness.timeout = '5s'",
    "probes.readiness.success_threshold = 3",
    "probes.readiness.failure_threshold = 1",
    "probes.liveness.enabled = false",
    "probes.liveness.initial_delay = '3h'",
    "probes.liveness.period = '3s'",
    "probes.liveness.timeout = '5s'",
    "probes.liveness.failure_threshold = 1",
    "control_plane.run_by = 'team'",
    "control_plane.machines = 5",
    "control_plane.machine = 'm5.xlarge'",
    "control_plane.upkeep = 10",
    "control_plane.upgrades = '1/year'",
    "control_plane.upgrade_effort = 10",
    "control_plane.watch_latency = '50ms'",
    "control_plane.client_rate = '1/s'",
    "control_plane.client_burst = 1",
    "control_plane.scheduler_rate = '1/s'",
    "control_plane.scheduler_burst = 1",
    "deployment.max_surge = '100%'",
    "deployment.max_unavailable = '0%'",
    "rollout.strategy = 'canary'",
    "rollout.blue_green.test = '1h'",
    "rollout.blue_green.keep = '1m'",
    "rollout.blue_green.switch = '40m'",
    "rollout.canary.steps = ['5%', '50%']",
    "rollout.canary.watch = '1h'",
    "rollout.canary.interval = '9m'",
    "rollout.canary.significance = '99.9%'",
    "rollout.canary.tolerance = '90%'",
    "rollout.canary.slow_tolerance = '0%'",
    "mismatch = '100%'",
    "node_lifecycle.heartbeat = '5s'",
    "node_lifecycle.grace = '40s'",
    "node_lifecycle.monitor_period = '20s'",
    "node_lifecycle.toleration = '30s'",
    "node_lifecycle.eviction_rate = '1/s'",
    "node_lifecycle.secondary_rate = '1/s'",
    "node_lifecycle.unhealthy_zone = '10%'",
    "node_lifecycle.large_zone = 1",
    "network.balancing = 'least-connections'",
    "network.proxy_period = '30s'",
    "network.programming = '2s'",
    "metrics.resolution = '60s'",
    "metrics.lag = '60s'",
    "hpa.enabled = false",
    "hpa.target = '40%'",
    "hpa.max_factor = '1'",
    "hpa.sync = '60s'",
    "hpa.tolerance = '30%'",
    "hpa.stabilization = '30m'",
    "hpa.cpu_initialization = '0s'",
    "hpa.scale_up.stabilization = '10m'",
    "hpa.scale_up.tolerance = '50%'",
    "hpa.scale_up.select = 'disabled'",
    "hpa.scale_up.policy.few.pods = 1",
    "hpa.scale_up.policy.few.percent = '10%'",
    "hpa.scale_up.policy.few.period = '10m'",
    "hpa.scale_down.stabilization = '10m'",
    "hpa.scale_down.tolerance = '50%'",
    "hpa.scale_down.select = 'disabled'",
    "hpa.scale_down.policy.few.pods = 1",
    "hpa.scale_down.policy.few.percent = '10%'",
    "hpa.scale_down.policy.few.period = '10m'",
    "cluster_autoscaler.enabled = false",
    "cluster_autoscaler.scan = '1m'",
    "cluster_autoscaler.spare = '2'",
    "cluster_autoscaler.utilization = '80%'",
    "cluster_autoscaler.unneeded_after = '1h'",
    "cluster_autoscaler.delay_after_add = '1h'",
    "cluster_autoscaler.taint_delay = '30s'",
    "cluster_autoscaler.provision_timeout = '10s'",
    "cluster_autoscaler.backoff = '1h'",
    "cluster_autoscaler.backoff_max = '5m'",
    "cluster_autoscaler.eviction_time = '1s'",
    "disruption_budget.max_unavailable = '100%'",
    "disruption_budget.min_available = 1",
    "node_upgrade.enabled = false",
    "node_upgrade.every = '1d'",
    "node_upgrade.max_unavailable = 3",
    "node_upgrade.surge_per_zone = 1",
    "node_upgrade.drain_timeout = '1m'",
    "node_upgrade.touch = '1h'",
    "patching.node_images = '90d'",
    "patching.base_images = '1d'",
    "patching.image_age = '1d'",
    "patching.touch = '3h'",
    "requests = 'tuned'",
    "over_request = 4",
    "rollback = '1h'",
    "upkeep_cluster = 30",
    "upkeep_service = 3",
    "automation.build = 6",
    "automation.upkeep = '50%'",
    "automation.write_off = '365d'",
    "automation.team = 3",
    "commitment.share = '50%'",
    "commitment.spend = '$1/h'",
    "commitment.discount = '40%'",
    "size.web.boxes = 30",
    "size.web.min_boxes = 9",
    "size.web.max_boxes = 10",
];
