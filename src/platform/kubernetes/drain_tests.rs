//! Claims about nodes that are emptied on purpose: upgrades, scale-down, the cloud's notice, and the budgets they meet.

use super::tests::{Record, at, constant, counts, elastic, fixed, is_created, secs, service, spec};
use super::{Kubernetes, KubernetesParameters, PracticeParameters};
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{CountOrShare, Fraction, Rate};
use crate::simulation::run;
use crate::world::{Activity, Observation, Purchase, World, WorldSpec};

/// What happened, remarks included.
fn told(spec: &WorldSpec, p: KubernetesParameters, seed: u64) -> Record {
    let mut world = World::new(spec, seed, 0);
    world.keep_remarks();
    let mut kubernetes = Kubernetes::new(p, PracticeParameters::default());
    let mut record = Record::default();
    run(&mut world, &mut kubernetes, &mut record);
    record
}

/// When somebody said something that contains `words`.
fn said(record: &Record, words: &str) -> Vec<SimTime> {
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
