//! Claims about nodes that are lost, cut off or dark, what replaces them, when more are asked for, and their rules.

use super::tests::{
    Record, at, constant, daily, elastic, fixed, is_created, one_release_on, record, secs, service, spec,
};
use super::{Kubernetes, KubernetesParameters, PracticeParameters};
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{Fraction, Rate};
use crate::simulation::run;
use crate::world::{Observation, World};
use std::collections::{BTreeMap, BTreeSet};

/// The first loss of a machine in a run with 9 pods on 9 nodes, for a seed in which nothing else is lost for an hour.
fn first_loss(p: KubernetesParameters) -> (Record, SimTime) {
    let mut spec = spec(vec![service(50.0)], SimDuration::from_hours(6));
    spec.faults.vm_loss.rate = Rate::from_per_second(1.0 / (30.0 * 3_600.0));
    let is_loss = |o: &Observation| matches!(o, Observation::VmDown { .. });
    for seed in 1..50 {
        let record = record(&spec, p.clone(), seed);
        let losses = record.times(is_loss);
        let alone = losses.get(1).is_none_or(|&second| second > losses[0] + SimDuration::from_hours(1));
        if let Some(&first) = losses.first().filter(|&&t| alone && t < at(5 * 3_600)) {
            return (record, first);
        }
    }
    panic!("no seed of 49 has a lonely loss");
}

#[test]
fn a_lost_node_is_replaced_after_grace_and_toleration() {
    let (record, lost) = first_loss(fixed(9, 9));
    let created = record.first_after(lost, is_created);
    // The last heartbeat lies 0-10 s before the loss. 50 s after it the node is silent, seen by a pass every 5 s; 300 s
    // later its pods are deleted and their ReplicaSet makes others: 350-355 s and three hops of 10 ms after the heartbeat.
    let after = created.since(lost).as_secs_f64();
    assert!((340.0..=355.1).contains(&after), "{after}");
    // Its pods are out of the route after the pass, one update of the rules (0.2 s) and two hops; known to be down with it.
    let unrouted = record.first_after(lost, |o| matches!(o, Observation::BoxUnrouted { .. }));
    assert!((40.0..=55.3).contains(&unrouted.since(lost).as_secs_f64()));
    let known = record.first_after(lost, |o| matches!(o, Observation::BoxKnownDown { .. }));
    assert_eq!(unrouted.since(known), SimDuration::from_millis(220));
    // The node group waits for 8 min from the overdue lease on, 40-50 s after the loss, and asks for another at once.
    let given_back = record.first_after(lost, |o| matches!(o, Observation::VmTerminated { .. }));
    assert!((520.0..=530.0).contains(&given_back.since(lost).as_secs_f64()));
    let launched = record.first_after(lost, |o| matches!(o, Observation::VmLaunched { .. }));
    assert_eq!(launched, given_back);
}

#[test]
fn without_a_node_group_that_replaces_it_a_lost_node_is_repaired_after_twenty_minutes() {
    let mut p = fixed(9, 9);
    p.node_pool.replace_after = SimDuration::from_days(1);
    let (record, lost) = first_loss(p);
    // 20 min after the pass that found it silent it is marked, and given back 5 s later; then the pool's minimum is restored.
    let given_back = record.first_after(lost, |o| matches!(o, Observation::VmTerminated { .. }));
    assert!((1_245.0..=1_260.0).contains(&given_back.since(lost).as_secs_f64()));
    let launched = record.first_after(lost, |o| matches!(o, Observation::VmLaunched { .. }));
    assert!(launched.since(given_back) <= secs(15));
}

#[test]
fn a_node_group_replaces_a_tenth_of_its_machines_a_minute() {
    let mut spec = spec(vec![service(50.0)], SimDuration::from_hours(40));
    spec.faults.zone_outage.rate = Rate::from_per_second(1.0 / (60.0 * 3_600.0));
    spec.faults.zone_outage.down = constant(7_200);
    let given_back = |share: f64| {
        let mut p = fixed(30, 30);
        p.node_pool.replaced_at_once = Fraction::new(share).expect("a share");
        let found = (1..50).find_map(|seed| {
            let record = record(&spec, p.clone(), seed);
            match record.times(|o| matches!(o, Observation::GroupStruck { .. }))[..] {
                [only] if only + SimDuration::from_hours(1) < spec.horizon => Some((record, only)),
                _ => None,
            }
        });
        let (record, down) = found.expect("one of 49 seeds has one outage");
        // Without those that are asked for in the dark zone, in vain.
        let (mut lost, mut times) = (BTreeSet::new(), Vec::new());
        for (t, o) in record.facts.iter().filter(|(t, _)| *t < down + SimDuration::from_mins(20)) {
            match o {
                Observation::VmDown { vm, .. } => _ = lost.insert(*vm),
                Observation::VmTerminated { vm } if lost.contains(vm) => {
                    times.push(t.since(down).as_secs_f64())
                }
                _ => {}
            }
        }
        times
    };
    // Ten of 30 are lost, all overdue 40-50 s later, and due 8 min after that. Three a minute: four minutes, the last of them
    // in the fourth; all at once: within the 10 s in which their leases run out.
    let (few, all) = (given_back(0.1), given_back(1.0));
    assert_eq!((few.len(), all.len()), (10, 10), "{few:?} {all:?}");
    assert!((520.0..=530.0).contains(&all[0]) && all[9] <= 530.0, "{all:?}");
    assert!(few[3] - few[0] >= 20.0 && (150.0..=240.0).contains(&(few[9] - few[0])), "{few:?}");
}

#[test]
fn pods_of_a_node_that_was_cut_off_are_ready_again_when_it_is_heard() {
    let mut spec = spec(vec![service(50.0)], SimDuration::from_hours(40));
    spec.faults.rack_size = 3;
    spec.faults.rack_network.rate = Rate::from_per_second(1.0 / (60.0 * 3_600.0));
    spec.faults.rack_network.spell = secs(300);
    spec.faults.rack_network.lasts = constant(1_800);
    let is_cut = |o: &Observation| matches!(o, Observation::GroupStruck { .. });
    let silent =
        |o: &Observation, wanted| matches!(o, Observation::GroupSilent { silent, .. } if *silent == wanted);
    let mut heard_again = 0;
    for seed in 1..30 {
        let mut world = World::new(&spec, seed, 0);
        let mut k = Kubernetes::new(fixed(9, 9), PracticeParameters::default());
        let mut record = Record::default();
        run(&mut world, &mut k, &mut record);
        let (struck, restored) =
            (record.times(is_cut), record.times(|o| matches!(o, Observation::GroupRestored { .. })));
        if struck.is_empty() || restored.last().is_none_or(|&t| t + SimDuration::from_hours(1) > spec.horizon)
        {
            continue;
        }
        // All nine are in the list an hour later, whatever was evicted meanwhile.
        let listed = |o: &Observation, routed: bool| match o {
            Observation::BoxRouted { .. } => routed,
            Observation::BoxUnrouted { .. } => !routed,
            _ => false,
        };
        let (came, went) =
            (record.times(|o| listed(o, true)).len(), record.times(|o| listed(o, false)).len());
        assert_eq!(came - went, 9, "seed {seed}");
        // Those that were left out are back in it: a heartbeat comes within 10 s, the status of pods within 10 s more, and
        // their rules 0.2 s and two hops later.
        let (off, on) = (record.times(|o| silent(o, true)), record.times(|o| silent(o, false)));
        let left = record.times(|o| matches!(o, Observation::BoxUnrouted { .. }));
        for (&off, &on) in off.iter().zip(&on) {
            let is_missed = left.iter().any(|&t| t > off && t < on);
            if is_missed && on.since(off) < secs(290) && on + secs(30) < spec.horizon {
                let back = record.first_after(on, |o| matches!(o, Observation::BoxRouted { .. }));
                assert!(back.since(on) <= secs(21), "silent {off} to {on}, back {back}");
                heard_again += 1;
            }
        }
    }
    assert!(heard_again >= 5, "{heard_again}");
}

#[test]
fn without_grace_and_toleration_a_replacement_comes_within_seconds() {
    let mut p = fixed(9, 9);
    p.node_lifecycle.grace = secs(10);
    p.node_lifecycle.toleration = secs(0);
    let (record, lost) = first_loss(p);
    let created = record.first_after(lost, is_created);
    assert!(created.since(lost) <= secs(16), "{}", created.since(lost));
}

#[test]
fn a_dead_zone_is_evicted_one_node_each_ten_seconds() {
    let mut spec = spec(vec![service(50.0)], SimDuration::from_hours(40));
    spec.faults.zone_outage.rate = Rate::from_per_second(1.0 / (60.0 * 3_600.0));
    spec.faults.zone_outage.down = constant(1_000);
    let is_outage = |o: &Observation| matches!(o, Observation::GroupStruck { .. });
    let found = (1..50).find_map(|seed| {
        let record = record(&spec, fixed(15, 15), seed);
        match record.times(is_outage)[..] {
            [only] if only + SimDuration::from_hours(1) < spec.horizon => Some((record, only)),
            _ => None,
        }
    });
    let (record, down) = found.expect("one of 49 seeds has one outage");
    let created: Vec<f64> = record
        .facts
        .iter()
        .filter(|(t, o)| *t > down && is_created(o))
        .map(|(t, _)| t.since(down).as_secs_f64())
        .collect();
    // Five nodes with a pod each, all lost: the first as any lost node, the others 10 s apart (polled each 0.1 s). They
    // fall silent over two or three passes, and while most but not all of the zone is silent nobody is evicted; after
    // that the limiter starts empty, so the second may come up to 25 s after the first.
    assert_eq!(created.len(), 5, "{created:?}");
    // Where the first pass finds most of the zone silent, the first one waits for the next pass, 5 s later.
    assert!((340.0..=361.0).contains(&created[0]), "{created:?}");
    assert!((9.9..=25.2).contains(&(created[1] - created[0])), "{created:?}");
    for pair in created[1..].windows(2) {
        assert!((9.9..=10.2).contains(&(pair[1] - pair[0])), "{created:?}");
    }
}

#[test]
fn nodes_are_asked_for_when_the_oldest_pod_that_fits_nowhere_is_two_seconds_old() {
    let record = daily(elastic(3));
    let mut waiting = BTreeMap::new();
    let mut ages = Vec::new();
    for (t, o) in &record.facts {
        match *o {
            Observation::BoxCreated { subject, .. } => _ = waiting.insert(subject, *t),
            Observation::BoxPlaced { subject, .. } | Observation::BoxRemoved { subject } => {
                waiting.remove(&subject);
            }
            // The first fleet was there before its pods.
            Observation::VmLaunched { .. } if *t > SimTime::ZERO => {
                let oldest = waiting.values().min().expect("it is asked for because a pod waits");
                ages.push(t.since(*oldest).as_secs_f64());
            }
            _ => {}
        }
    }
    assert!(ages.len() >= 5, "{ages:?}");
    // A pod that is made fits nowhere some 10 ms later, and is too young; the next look is 10 s after that one. What came
    // just before a look of its own is up to 10 s older than the pods whose failure caused it.
    assert!(ages.iter().all(|age| (2.0..=20.1).contains(age)), "{ages:?}");
    assert!(ages.iter().any(|age| (10.0..=10.1).contains(age)), "{ages:?}");
}

#[test]
fn an_update_of_the_rules_has_what_was_ready_when_it_began() {
    let mut p = fixed(10, 6);
    p.network.programming = secs(5);
    let (record, begin) = one_release_on(p, |_| {}, SimDuration::from_days(3));
    let mut up = BTreeMap::new();
    let mut waits = Vec::new();
    for (t, o) in record.facts.iter().filter(|(t, _)| *t > begin) {
        match *o {
            Observation::BoxUp { subject } => _ = up.insert(subject, *t),
            Observation::BoxRouted { subject } => {
                waits.extend(up.remove(&subject).map(|up| t.since(up).as_secs_f64()));
            }
            _ => {}
        }
    }
    // Ten new pods. What is ready after an update began waits for the next: never less than the 5 s that one takes and two
    // hops of 10 ms, at most one more update, a probe each 10 s, and what the limiter of endpoints adds (1 s).
    assert_eq!(waits.len(), 10, "{waits:?}");
    assert!(waits.iter().all(|wait| (5.02..=21.1).contains(wait)), "{waits:?}");
}
