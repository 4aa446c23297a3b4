//! Claims about nodes that are emptied on purpose: upgrades, scale-down, the cloud's notice, and the budgets they meet.

use super::components::Context;
use super::components::drain::{End, Tool};
use super::event::Event;
use super::tests::{Record, at, constant, counts, elastic, fixed, is_created, secs, service, spec};
use super::{Components, Kubernetes, KubernetesParameters, PracticeParameters};
use crate::cluster::objects::{NodeCondition, NodeId, Phase, PodId};
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{CountOrShare, Fraction, Rate};
use crate::platform::Platform;
use crate::simulation::run;
use crate::world::{Activity, Api, Observation, Purchase, World, WorldSpec};

/// What happened, remarks included.
pub(super) fn told(spec: &WorldSpec, p: KubernetesParameters, seed: u64) -> Record {
    let mut world = World::new(spec, seed, 0);
    world.keep_remarks();
    let mut kubernetes = Kubernetes::new(p, PracticeParameters::default());
    let mut record = Record::default();
    run(&mut world, &mut kubernetes, &mut record);
    record
}

/// When somebody said something that contains `words`.
pub(super) fn said(record: &Record, words: &str) -> Vec<SimTime> {
    record.times(|o| matches!(o, Observation::Remark { text, .. } if text.contains(words)))
}

/// Nine pods on three nodes which are upgraded once; people need 10 minutes to begin.
fn upgraded(tune: impl Fn(&mut KubernetesParameters)) -> Record {
    let mut p = fixed(9, 3);
    p.node_upgrade.enabled = true;
    p.node_upgrade.every = SimDuration::from_days(2);
    p.node_upgrade.touch = constant(600);
    tune(&mut p);
    told(&spec(vec![service(50.0)], SimDuration::from_days(2)), p, 1)
}

/// Boxes that were up at every instant after the first.
fn least_up(record: &Record) -> usize {
    counts(record).iter().filter(|c| c.0 > SimTime::ZERO).map(|c| c.1).min().expect("something happened")
}

fn launched(record: &Record) -> usize {
    record.times(|o| matches!(o, Observation::VmLaunched { .. })).len()
}

fn given_back(record: &Record) -> usize {
    record.times(|o| matches!(o, Observation::VmTerminated { .. })).len()
}

#[test]
fn an_upgrade_replaces_all_nodes_and_keeps_the_budget() {
    let record = upgraded(|_| {});
    // At most one of nine is missing, and each pod is made anew at least once.
    assert_eq!(least_up(&record), 8);
    assert!(record.times(is_created).len() >= 9 + 9);
    // Three at the start, two more a zone, one for each old one; all but three are given back.
    assert_eq!((launched(&record), given_back(&record)), (3 + 6 + 3, 6 + 3));
    // Nobody loses a request: routes change before boxes end.
    assert!(record.times(|o| matches!(o, Observation::InFlightLost { .. })).is_empty());
    // In order: a person, machines, cordons, evictions (some held back by the budget), the end.
    let first = |words| said(&record, words)[0];
    let order =
        ["is asked to begin", "upgrade begins", "cordoned", "evicted", "empty:", "upgrade done: 3 nodes"];
    assert!(order.map(first).is_sorted(), "{:?}", order.map(first));
    assert!(!said(&record, "eviction refused, 429: 0 may go").is_empty());
    // Three old nodes of three pods, one after the other. A pod needs 15-20 s for its image (180 MB at 50 MB/s once a
    // node), sandbox and start of 10 s, so it is looked at 3 or 4 times; an empty node waits 60 s. At least 3 · (2 · 15 + 60) s.
    let took = first("upgrade done").since(first("upgrade begins"));
    assert!((secs(270)..secs(900)).contains(&took), "{took}");
}

#[test]
fn an_upgrade_costs_the_time_that_it_takes_to_begin_it() {
    let record = upgraded(|_| {});
    let touch = record.facts.iter().find_map(|(_, o)| match o {
        Observation::WorkDone { activity: Activity::Patch, touch, .. } => Some(*touch),
        _ => None,
    });
    assert_eq!(touch, Some(secs(600)));
    assert!(record.times(|o| matches!(o, Observation::Paged { .. })).is_empty());
}

#[test]
fn a_budget_without_room_stops_an_upgrade_until_a_person_forces_it() {
    let record = upgraded(|p| {
        p.disruption_budget.min_available = Some(CountOrShare::Share(Fraction::ONE));
    });
    let (begun, failed) =
        (said(&record, "drained for the upgrade")[0], said(&record, "PodEvictionFailure")[0]);
    assert_eq!(failed.since(begun), SimDuration::from_mins(15));
    assert!(said(&record, "evicted").is_empty());
    let (looked, forced) = (said(&record, "is forced")[0], said(&record, "deleted by force"));
    assert!(looked > failed && forced.len() >= 3 && forced[0] == looked, "{looked} {forced:?}");
}

#[test]
fn more_pods_go_at_once_where_the_budget_has_room_for_more() {
    let span = |count| {
        let record = upgraded(|p| p.disruption_budget.max_unavailable = CountOrShare::Count(count));
        assert!(least_up(&record) >= 9 - count as usize);
        said(&record, "upgrade done")[0].since(said(&record, "upgrade begins")[0])
    };
    assert!(span(3) < span(1));
}

#[test]
fn a_node_that_a_rollout_filled_with_one_pod_goes_within_a_quarter_of_an_hour() {
    let mut s = service(200.0);
    s.1.release.rate = Rate::from_per_second(1.0 / 86_400.0);
    s.1.release.failure_rate = Fraction::ZERO;
    let mut p = elastic(1);
    p.hpa.enabled = false;
    p.node_pool.node_type = Some("m7i.xlarge".into());
    let record = told(&spec(vec![s], SimDuration::from_days(4)), p, 1);
    let asked = said(&record, "TriggeredScaleUp");
    // Where no other rollout comes into it.
    let scaled = said(&record, "ScalingReplicaSet");
    let alone = |t: SimTime| {
        !scaled.iter().any(|&other| (secs(120)..secs(1_200)).contains(&other.saturating_since(t)))
    };
    let asked: Vec<SimTime> = asked.iter().copied().filter(|&t| alone(t)).collect();
    assert!(asked.len() >= 5, "the surge of a rollout fits nowhere");
    let after = |words, from: SimTime| said(&record, words).into_iter().find(|&t| t > from);
    let waits: Vec<SimDuration> = asked
        .iter()
        .map(|&asked| {
            let joined = after("joins as a node", asked).expect("it boots");
            after("ScaleDown", asked).expect("within minutes").since(joined)
        })
        .collect();
    // It is empty when it joins, and marked as a candidate at the next look: pods that fit elsewhere go there, and 10 min
    // later it goes, at looks every 10 s.
    let in_time = |wait: &&SimDuration| (secs(600)..=secs(620)).contains(*wait);
    assert_eq!(waits.iter().filter(in_time).count(), waits.len(), "{waits:?}");
}

#[test]
fn scale_down_leaves_a_node_alone_that_a_budget_holds_for_two_minutes() {
    // A day's wave on large nodes: what is left of it in the evening are several pods of one service on a node.
    let day = |eviction_time| {
        let mut s = service(300.0);
        s.1.traffic.diurnal.amplitude = crate::parameter::Factor::new(0.8).expect("a factor");
        s.2 = crate::world::traffic::Curve::periodic(Rate::from_per_second(300.0), &s.1.traffic);
        let mut p = elastic(1);
        p.node_pool.node_type = Some("m7i.4xlarge".into());
        p.cluster_autoscaler.eviction_time = eviction_time;
        told(&spec(vec![s], SimDuration::from_days(2)), p, 1)
    };
    let impatient = day(secs(1));
    let failed = said(&impatient, "ScaleDownFailed");
    assert!(!failed.is_empty(), "several pods of one service, of which one may go at a time");
    // The next try comes after ten more minutes of being unneeded.
    let again = said(&impatient, "ScaleDown: ").into_iter().find(|&t| t > failed[0]);
    assert!(again.is_none_or(|t| t.since(failed[0]) >= SimDuration::from_mins(3)));
    assert!(said(&day(SimDuration::from_mins(10)), "ScaleDownFailed").is_empty());
}

#[test]
fn the_cloud_s_notice_drains_within_the_budget() {
    let mut spec = spec(vec![service(50.0)], SimDuration::from_days(20));
    spec.faults.spot_reclaim.rate = Rate::from_per_second(1.0 / (5.0 * 86_400.0));
    let mut p = fixed(9, 3);
    p.node_pool.purchase = Purchase::Spot;
    let record = told(&spec, p, 1);
    let notice = record.first_after(SimTime::ZERO, |o| matches!(o, Observation::SpotNotice { .. }));
    let later = |words| said(&record, words).into_iter().filter(|&t| t >= notice && t < notice + secs(120));
    // Three pods: one at once, each other when the one before it is replaced and the handler asks again, every 5 s.
    let evicted: Vec<SimTime> = later("evicted").collect();
    assert_eq!((evicted.len(), evicted[0]), (3, notice));
    assert_eq!(evicted[1].since(notice).as_micros() % 5_000_000, 0);
    assert_eq!(later("eviction refused").next(), Some(notice));
    assert!(notice > at(0));
}

#[test]
fn callers_are_sent_to_a_machine_that_the_cloud_took_until_its_leases_are_overdue() {
    let mut spec = spec(vec![service(50.0)], SimDuration::from_days(20));
    spec.faults.spot_reclaim.rate = Rate::from_per_second(1.0 / (5.0 * 86_400.0));
    let mut p = fixed(9, 3);
    p.node_pool.purchase = Purchase::Spot;
    p.node_pool.drain_on_notice = false;
    let record = told(&spec, p, 1);
    let gone = record.first_after(SimTime::ZERO, |o| matches!(o, Observation::VmDown { .. }));
    let first = |words| said(&record, words).into_iter().find(|&t| t > gone).expect("it is said");
    // The last heartbeat lies 0-10 s before the end. 50 s after it the node is silent, seen by a look every 5 s; only then
    // is anything known of its pods.
    let silent = first("NodeNotReady");
    assert!((40.0..=55.0).contains(&silent.since(gone).as_secs_f64()), "{silent}");
    assert_eq!(record.first_after(gone, |o| matches!(o, Observation::BoxKnownDown { .. })), silent);
    // Two hops and one update of the rules (0.2 s, 1 s after the last at the latest).
    let unrouted = record.first_after(gone, |o| matches!(o, Observation::BoxUnrouted { .. }));
    assert!((0.2..=1.3).contains(&unrouted.since(silent).as_secs_f64()), "{unrouted}");
    // The cloud node controller asks every 5 s about nodes that are not ready, so at the look after.
    let deleted = first("Node object deleted");
    assert!(deleted.since(silent) <= secs(5), "{deleted}");
    // A scan every 20 s finds the orphans, and 40 s later they go; their ReplicaSet makes others two hops later.
    let created = record.first_after(gone, is_created).since(deleted).as_secs_f64();
    assert!((40.0..=60.1).contains(&created), "{created}");
}

#[test]
fn an_empty_node_is_marked_for_five_seconds_before_it_goes() {
    let mut s = service(300.0);
    s.1.traffic.diurnal.amplitude = crate::parameter::Factor::new(0.8).expect("a factor");
    s.2 = crate::world::traffic::Curve::periodic(Rate::from_per_second(300.0), &s.1.traffic);
    let record = told(&spec(vec![s], SimDuration::from_days(2)), elastic(3), 1);
    let given_back = record.times(|o| matches!(o, Observation::VmTerminated { .. }));
    let empty = said(&record, "ScaleDownEmpty");
    assert!(!empty.is_empty(), "a node of 1930m holds three pods, and evenings free some of all");
    for begun in empty {
        assert!(given_back.contains(&(begun + secs(5))), "{begun} {given_back:?}");
    }
}

/// A cluster of nine pods on nine nodes that has been running for a minute.
fn minute_old(check: impl FnOnce(&mut Kubernetes, &mut Api<'_>)) {
    let spec = spec(vec![service(50.0)], secs(60));
    let mut world = World::new(&spec, 1, 0);
    let mut p = fixed(9, 9);
    p.kubelet.restart = SimDuration::ZERO;
    let mut k = Kubernetes::new(p, PracticeParameters::default());
    run(&mut world, &mut k, &mut Record::default());
    check(&mut k, &mut Api::new(&mut world));
}

#[test]
fn pods_that_have_ended_are_not_waited_for() {
    minute_old(|k, api| {
        let (mut cx, components, _) = k.parts(api);
        let node = cx.cluster.store.nodes().next().expect("nine").0;
        let pods: Vec<PodId> = cx.cluster.store.pods_on(node).map(|(id, _)| id).collect();
        assert!(!pods.is_empty());
        pods.into_iter().for_each(|pod| cx.cluster.store.set_ended(pod, Phase::Failed, cx.now));
        components.drains.begin(node, Tool::TerminationHandler, cx.now, &mut cx);
        let end = components.drains.step(node, &mut cx, api);
        assert_eq!(end, Some((Tool::TerminationHandler, End::Empty)));
        // They stay as they are until pod garbage collection.
        assert!(cx.cluster.store.pods_on(node).all(|(_, pod)| pod.is_terminal() && !pod.is_terminating()));
    });
}

#[test]
fn the_kubelet_of_a_machine_that_went_meanwhile_does_not_come_back() {
    minute_old(|k, api| {
        let now = api.now();
        let node = k.cluster.store.nodes().next().expect("nine").0;
        let vm = k.bodies.vm_of(node).expect("it has a machine");
        k.cluster.store.set_node_ready(node, NodeCondition::Unknown, now);
        let (mut cx, components, _) = k.parts(api);
        components.kubelets.on_machine_back(node, &mut cx);
        api.terminate_vm(vm);
        k.on_event(Event::KubeletRestarted(node).encode(), api);
        assert!(k.cluster.store.node(node).is_some_and(|node| !node.is_ready()));
    });
}

#[test]
fn pods_keep_their_start_time_when_the_machine_restarts() {
    minute_old(|k, api| {
        let node = k.cluster.store.nodes().next().expect("nine").0;
        let pods: Vec<PodId> = k.cluster.store.pods_on(node).map(|(id, _)| id).collect();
        pods.iter().for_each(|&pod| k.cluster.store.set_started(pod, at(1)));
        let (mut cx, components, _) = k.parts(api);
        components.kubelets.on_machine_back(node, &mut cx);
        k.on_event(Event::KubeletRestarted(node).encode(), api);
        for pod in pods.into_iter().map(|id| k.cluster.store.pod(id).expect("it is still there")) {
            assert_eq!((pod.started, pod.ready), (Some(at(1)), false));
        }
    });
}

#[test]
fn node_repair_forgets_how_long_nodes_were_unready_while_most_were() {
    minute_old(|k, api| {
        let nodes: Vec<NodeId> = k.cluster.store.nodes().map(|(id, _)| id).collect();
        let autoscaler = k.components.autoscaler.take().expect("it has one");
        let (mut cx, components, _) = k.parts(api);
        let turn = |nodes: &[NodeId],
                    ready,
                    s,
                    cx: &mut Context<'_>,
                    components: &mut Components,
                    api: &mut Api<'_>| {
            cx.now = at(s);
            for &id in nodes {
                cx.cluster.store.set_node_ready(id, ready, cx.now);
                components.repair.notice(id, cx, api);
            }
        };
        // 5 of 9 are more than three and 56 % of all, so nothing is done; 3 are not.
        turn(&nodes[..5], NodeCondition::Unknown, 100, &mut cx, components, api);
        turn(&nodes[..2], NodeCondition::True, 1_000, &mut cx, components, api);
        let repaired = |s, cx: &mut Context<'_>, components: &mut Components, api: &mut Api<'_>| {
            cx.now = at(s);
            components.repair.repair(nodes[4], (&autoscaler, &mut components.drains), cx, api);
            components.drains.is_draining(nodes[4])
        };
        // Not 1200 s after 100 s, but after 1000 s.
        assert!(!repaired(1_300, &mut cx, components, api));
        assert!(!repaired(2_199, &mut cx, components, api));
        assert!(repaired(2_200, &mut cx, components, api));
    });
}
