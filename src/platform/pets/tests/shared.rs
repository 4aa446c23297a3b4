//! Services that live together: fewer machines, and one fate.

use super::{Facts, LOSSES, facts, touches};
use crate::engine::{SimDuration, SimTime};
use crate::world::observation::Exit;
use crate::world::{Activity, BoxId, FaultKind, Observation, ServiceId};
use std::collections::{BTreeMap, BTreeSet};

/// A second service like the first, of five requests a second.
const MAIL: [&str; 6] = [
    "service.mail.cpu_per_request=40ms",
    "service.mail.traffic.rate=5/s",
    "service.mail.traffic.diurnal.amplitude=0",
    "service.mail.container.app.cpu=500m",
    "service.mail.container.app.startup=1s",
    "service.mail.release.failure_rate=0%",
];
const TOGETHER: &str = "platform.pets.together.group.all.services=['web', 'mail']";
const NO_RELEASES: &str = "service.mail.release.rate=0/week";

fn of_both(overrides: &[&str]) -> Facts {
    facts(&[&MAIL[..], overrides].concat())
}

fn machines(facts: &Facts) -> usize {
    let there =
        |(t, o): &&(SimTime, Observation)| *t == SimTime::ZERO && matches!(o, Observation::VmUp { .. });
    facts.iter().filter(there).count()
}

/// Hours a week of upkeep, as last said.
fn upkeep(facts: &Facts) -> f64 {
    let said = facts.iter().rev().find_map(|(_, o)| match o {
        Observation::UpkeepSet { hours_per_week } => Some(*hours_per_week),
        _ => None,
    });
    said.expect("it is always said")
}

fn times_of(facts: &Facts, what: impl Fn(&Observation) -> bool) -> Vec<SimTime> {
    facts.iter().filter(|(_, o)| what(o)).map(|(t, _)| *t).collect()
}

#[test]
fn what_fits_in_one_machine_shares_it() {
    let quiet = ["run.length=1d", NO_RELEASES, "platform.pets.load_balancer.upkeep=0"];
    let (apart, together) = (of_both(&quiet), of_both(&[&quiet[..], &[TOGETHER]].concat()));
    // 20 and 5 requests/s of 40 ms are 0.8 and 0.2 cores, so one machine of two cores carries both, and one is spare;
    // apart each service has such a pair. Each machine takes 2.25 h a week, and half as much for its second service.
    assert_eq!((machines(&apart), machines(&together)), (4, 2));
    assert!((upkeep(&apart) - 4.0 * 2.25).abs() < 1e-9, "{}", upkeep(&apart));
    assert!((upkeep(&together) - 2.0 * 2.25 * 1.5).abs() < 1e-9, "{}", upkeep(&together));
}

#[test]
fn machines_are_enough_for_all_of_them_at_once() {
    // 60 and 60 requests/s of 40 ms are 4.8 cores, a third more as head-room 6.2 and more: no four cores serve that, and
    // one spare machine comes on top.
    let busy =
        ["run.length=1d", NO_RELEASES, "service.web.traffic.rate=60/s", "service.mail.traffic.rate=60/s"];
    let small = ["platform.pets.size.web.machine=m7i.large", TOGETHER];
    let found = machines(&of_both(&[&busy[..], &small].concat()));
    assert!((5..=7).contains(&found), "{found}");
}

#[test]
fn a_lost_machine_takes_a_box_of_each_and_comes_back_as_one() {
    let facts = of_both(&[LOSSES, NO_RELEASES, TOGETHER, "platform.pets.repair=restore-backup"]);
    let lost = times_of(&facts, |o| matches!(o, Observation::VmDown { .. }))[0];
    let exits = times_of(&facts, |o| matches!(o, Observation::BoxExited { .. }));
    assert_eq!(exits.iter().filter(|&&t| t == lost).count(), 2, "one of each service");
    // Page after 3 min, 5 to acknowledge, 10 to see, half a minute to boot, 20 to start the restore, 200 s to read it
    // back, and a second to start: for both boxes, by one piece of work.
    let known = times_of(&facts, |o| matches!(o, Observation::BoxKnownDown { .. }))[0];
    let up = times_of(&facts, |o| matches!(o, Observation::BoxUp { .. }));
    let minutes: Vec<f64> =
        up.iter().filter(|&&t| t > lost).map(|t| t.since(known).as_secs_f64() / 60.0).collect();
    let expected = 3.0 + 5.0 + 10.0 + 0.5 + 20.0 + 200.0 / 60.0 + 1.0 / 60.0;
    assert!(minutes[..2].iter().all(|m| (m - expected).abs() < 1e-6), "{minutes:?}, {expected}");
    let losses = times_of(&facts, |o| matches!(o, Observation::VmDown { .. })).len();
    assert!(touches(&facts, Activity::Restore).len().abs_diff(losses) <= 1, "one restore a machine");
}

#[test]
fn a_machine_that_is_built_anew_takes_its_services_one_by_one() {
    let policy = ["platform.pets.repair=rebuild", "platform.pets.together.each_more=40%"];
    let facts = of_both(&[&[LOSSES, NO_RELEASES, TOGETHER], &policy[..]].concat());
    let built = touches(&facts, Activity::Build);
    // 5 h for the machine with its first service, 40 % of that for the second.
    let count = |minutes: f64| built.iter().filter(|&&m| (m - minutes).abs() < 1e-6).count();
    assert!(built.len() >= 4 && count(300.0).abs_diff(count(120.0)) <= 1, "{built:?}");
    // The last one is cut short where its machine is lost, too.
    assert!(count(300.0) + count(120.0) + 1 >= built.len(), "{built:?}");
}

#[test]
fn a_version_may_break_who_shares_its_system() {
    let broken = |place: &[&str]| {
        let releases = ["service.web.release.rate=3/week", NO_RELEASES, "faults.conflict.chance=100%"];
        let facts = of_both(&[&releases[..], place].concat());
        let conflict = |o: &Observation| match o {
            Observation::BoxExited { exit: Exit::Fault { kind, .. }, .. } => *kind == FaultKind::Conflict,
            _ => false,
        };
        let repairs = touches(&facts, Activity::Repair).len();
        (times_of(&facts, conflict).len(), touches(&facts, Activity::Deploy).len(), repairs)
    };
    let (conflicts, deploys, repairs) = broken(&[TOGETHER]);
    // Every deploy of one breaks the other's box in the same machine, until somebody has looked at it; who is still broken
    // when the next version comes cannot break again.
    assert!(
        deploys > 10 && conflicts * 10 >= deploys * 7 && conflicts <= deploys,
        "{conflicts} of {deploys}"
    );
    assert!(repairs * 10 >= conflicts * 9, "{repairs} for {conflicts}");
    let (conflicts, deploys, _) = broken(&[]);
    assert!(deploys > 10 && conflicts == 0, "who has a system of his own is not in anybody's way");
}

#[test]
fn they_grow_together() {
    let growth = [
        "run.length=364d",
        "service.web.traffic.rate=100/s",
        "service.web.traffic.growth.per_year=4",
        "platform.pets.size.web.machine=m7i.large",
        NO_RELEASES,
        TOGETHER,
    ];
    let facts = of_both(&growth);
    let wanted = |of: u16| -> Vec<u32> {
        let desired = |(_, o): &(SimTime, Observation)| match o {
            Observation::Desired { service, boxes } if *service == ServiceId(of) => Some(*boxes),
            _ => None,
        };
        facts.iter().filter_map(desired).collect()
    };
    // The mail does not grow, but lives where the web does.
    let (web, mail) = (wanted(0), wanted(1));
    assert_eq!(web.last(), mail.last());
    assert!(web.last() > web.first(), "{web:?}");
    let vms = facts.iter().filter(|(_, o)| matches!(o, Observation::VmUp { .. })).count();
    assert_eq!(vms as u32, *web.last().expect("there is one"), "one machine for a box of each");
}

#[test]
fn machines_are_fewer_and_larger_where_each_of_them_is_deployed_to_by_hand() {
    // 200/s · 40 ms = 8 cores and more. Without anybody's work many small machines fit that best; twenty releases a week
    // take 20 · 20 min = 6.7 h a machine, 62 USD an hour: some 1,800 USD a month for each.
    let fleet = |releases: &str, more: &[&str]| {
        let web = ["service.web.traffic.rate=200/s", "platform.pets.upkeep_per_box=0", releases];
        machines(&facts(&[&web[..], more].concat()))
    };
    let (never, often) =
        (fleet("service.web.release.rate=0/week", &[]), fleet("service.web.release.rate=20/week", &[]));
    assert!(often < never, "{often} {never}");
    // A tool does not care how many there are.
    let tool = ["platform.pets.rollout.strategy=in-place"];
    assert_eq!(fleet("service.web.release.rate=20/week", &tool), never);
}

#[test]
fn who_is_up_gets_requests_again_whatever_meets_a_patch() {
    // Kernel fixes every few days, processes and machines that crash, machines that are lost, and networks that are away for less
    // than a drain: some of it falls into the five minutes in which a patched machine finishes what it has.
    let busy = [
        "run.length=364d",
        "vulnerabilities.system=200/year",
        "vulnerabilities.kernel=50%",
        "platform.pets.patching.delay=uniform(1h, 3d)",
        "platform.pets.patching.reboot_deferred=0%",
        "faults.process_crash.rate=20/month",
        "faults.process_crash.hang_share=30%",
        "faults.vm_crash.rate=50/year",
        "faults.rack_network.rate=6000/year",
        "faults.rack_network.lasts=100s",
        "faults.rack_network.loss=90%",
        "service.web.release.rate=2/week",
        "service.mail.release.rate=1/week",
        LOSSES,
    ];
    for together in [&[TOGETHER][..], &[]] {
        let facts = of_both(&[&busy[..], together].concat());
        let (mut up, mut routed) = (BTreeSet::new(), BTreeSet::new());
        let mut waits_since: BTreeMap<BoxId, SimTime> = BTreeMap::new();
        let mut longest = SimDuration::ZERO;
        for (at, fact) in &facts {
            let subject = match fact {
                Observation::BoxUp { subject } => (up.insert(*subject), *subject).1,
                Observation::BoxExited { subject, .. }
                | Observation::BoxHung { subject, .. }
                | Observation::BoxRemoved { subject } => (up.remove(subject), *subject).1,
                Observation::BoxRouted { subject } => (routed.insert(*subject), *subject).1,
                Observation::BoxUnrouted { subject } => (routed.remove(subject), *subject).1,
                _ => continue,
            };
            if up.contains(&subject) && !routed.contains(&subject) {
                waits_since.entry(subject).or_insert(*at);
            } else if let Some(since) = waits_since.remove(&subject) {
                longest = longest.max(at.since(since));
            }
        }
        let last = facts.last().expect("a year is full of facts").0;
        let longest =
            waits_since.into_values().map(|since| last.since(since)).fold(longest, SimDuration::max);
        // Five minutes of drain, and up to a few hours until somebody has edited the addresses of a machine built anew.
        assert!(longest < SimDuration::from_hours(12), "a box was up and got nothing for {longest}");
        let patches = touches(&facts, Activity::Patch).len();
        assert!(patches > 100, "{patches}");
    }
}
