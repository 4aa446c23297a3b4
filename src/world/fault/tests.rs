//! What a fault does to machines and their requests, by hand: the arithmetic of what must follow.

use super::super::queueing::{Balancing, slowdown};
use super::super::tests::{Lab, MINUTE, close, quiet};
use super::super::{Api, Observation, Signal, Version, VmStatus, WorldSpec};
use super::*;
use crate::catalog::Purchase;
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{Fraction, Rate};
use crate::world::{HealthCheck, VmId};

const HOUR: SimDuration = SimDuration::from_hours(1);

/// Lets a fault strike the group of that kind and number in zone 0 now. Gives back its place.
fn strike(lab: &mut Lab, kind: FaultKind, index: u32) -> u32 {
    let group = Group { kind, zone: ZoneId(0), index };
    let at = lab.world.groups.iter().position(|g| g.is(group)).expect("there is such a group") as u32;
    lab.world.on_group_struck(at);
    at
}

/// Machines in zone 0, each with a box that serves, on slots 0, 1, …
fn machines(lab: &mut Lab, count: usize) -> Vec<VmId> {
    (0..count).map(|_| lab.serving_box().0).collect()
}

fn status(lab: &mut Lab, vms: &[VmId]) -> Vec<VmStatus> {
    vms.iter().map(|&vm| lab.api().vm_status(vm)).collect()
}

fn racks_of(rack_size: u32) -> WorldSpec {
    let mut spec = quiet(1.0);
    spec.faults.rack_size = rack_size;
    for down in [&mut spec.faults.rack_outage.down, &mut spec.faults.power_outage.down] {
        *down = "1h".parse().expect("a distribution");
    }
    spec
}

#[test]
fn a_zone_that_is_down_takes_its_machines_and_launches_with_it() {
    let mut lab = Lab::new(&quiet(1.0));
    let (vm, subject) = lab.serving_box();
    lab.run_for(MINUTE);
    let zone = strike(&mut lab, FaultKind::ZoneOutage, 0);
    let machine = lab.machine();
    let refused = lab.world.launch_vm(machine, ZoneId(0), Purchase::OnDemand);
    let elsewhere = lab.world.launch_vm(machine, ZoneId(1), Purchase::OnDemand);
    lab.run_for(MINUTE);
    assert!(lab.when(|s| *s == Signal::LaunchFailed { vm: refused }).is_some());
    assert!(lab.when(|s| *s == Signal::VmUp { vm: elsewhere }).is_some());
    assert_eq!(lab.api().vm_status(vm), VmStatus::Impaired);
    assert!(!lab.api().start_box(subject, Version(0)), "nothing can be reached there");
    lab.world.on_group_restored(zone);
    lab.run_for(MINUTE * 2);
    assert_eq!(lab.api().vm_status(vm), VmStatus::Running);
}

#[test]
fn a_rack_takes_its_machines_with_it_and_gets_no_new_ones() {
    use VmStatus::{Impaired, Running};
    let mut lab = Lab::new(&racks_of(2));
    let vms = machines(&mut lab, 3);
    strike(&mut lab, FaultKind::RackOutage, 0);
    // Slots 0 and 1 are rack 0, slot 2 is in rack 1.
    assert_eq!(status(&mut lab, &vms), [Impaired, Impaired, Running]);
    let machine = lab.machine();
    lab.api().terminate_vm(vms[0]);
    let new = lab.api().launch_vm(machine, ZoneId(0), Purchase::OnDemand);
    // Slot 0 is free but dark, slot 3 stands beside slot 2.
    assert_eq!(lab.world.vms.get(new).expect("launched").slot, 3);
    lab.run_for(MINUTE);
    assert!(lab.when(|s| *s == Signal::VmUp { vm: new }).is_some());
    // Dark for an hour, then a reboot of 60 s.
    lab.run_for(HOUR + MINUTE);
    assert_eq!(lab.when(|s| *s == Signal::VmUp { vm: vms[1] }), Some(SimTime::ZERO + HOUR + MINUTE));
    let last = lab.api().launch_vm(machine, ZoneId(0), Purchase::OnDemand);
    assert_eq!(lab.world.vms.get(last).expect("launched").slot, 0);
}

#[test]
fn a_power_unit_takes_its_racks() {
    use VmStatus::{Impaired, Running};
    let mut spec = racks_of(1);
    spec.faults.power_outage.racks = 2;
    let mut lab = Lab::new(&spec);
    let vms = machines(&mut lab, 5);
    strike(&mut lab, FaultKind::PowerOutage, 1);
    // Racks of one machine, two to a unit: unit 1 feeds slots 2 and 3.
    assert_eq!(status(&mut lab, &vms), [Running, Running, Impaired, Impaired, Running]);
    lab.run_for(HOUR + MINUTE * 2);
    assert_eq!(status(&mut lab, &vms), [Running; 5]);
}

#[test]
fn a_machine_that_reboots_into_a_dark_rack_waits_for_it() {
    let mut lab = Lab::new(&racks_of(1));
    let vms = machines(&mut lab, 1);
    assert!(lab.api().reboot_vm(vms[0]));
    strike(&mut lab, FaultKind::RackOutage, 0);
    assert!(!lab.api().reboot_vm(vms[0]), "the console cannot reach it");
    lab.run_for(MINUTE * 2);
    assert_eq!(status(&mut lab, &vms), [VmStatus::Impaired]);
    lab.run_for(HOUR);
    assert_eq!(status(&mut lab, &vms), [VmStatus::Running]);
}

#[test]
fn overheating_switches_its_share_of_racks_off_the_same_everywhere() {
    let mut spec = racks_of(1);
    spec.faults.overheating.share = Fraction::new(0.3).expect("a share");
    let off = |busy: bool| {
        let mut lab = Lab::new(&spec);
        if busy {
            // Another rack has been struck before.
            machines(&mut lab, 1);
            strike(&mut lab, FaultKind::RackOutage, 0);
        }
        let vms = machines(&mut lab, 200);
        strike(&mut lab, FaultKind::Overheating, 0);
        let slot = |&vm: &VmId| lab.world.vms.get(vm).expect("it exists").slot;
        let is_off = |vm: &&VmId| !lab.world.vms.get(**vm).expect("it exists").is_running();
        vms.iter().filter(is_off).map(slot).filter(|slot| (1..200).contains(slot)).collect::<Vec<u32>>()
    };
    // 199 · 0.3 = 60; standard deviation √(199 · 0.3 · 0.7) = 6.5.
    let few = off(false);
    assert!((few.len() as f64 - 60.0).abs() < 4.0 * 6.5, "{}", few.len());
    assert_eq!(few, off(true));
}

#[test]
fn a_flaky_network_loses_the_requests_of_its_silent_spells_and_nothing_else() {
    let mut spec = quiet(20.0);
    spec.faults.rack_network.lasts = "100h".parse().expect("a distribution");
    let mut lab = Lab::new(&spec);
    let (vm, _) = lab.serving_box();
    strike(&mut lab, FaultKind::RackNetwork, 0);
    lab.run_for(HOUR * 120);
    let mut silent = SimDuration::ZERO;
    let mut since = SimTime::ZERO;
    for (time, fact) in &lab.facts {
        match fact {
            Observation::GroupSilent { silent: true, .. } => since = *time,
            Observation::GroupSilent { silent: false, .. } => silent += time.since(since),
            Observation::GroupRestored { .. } => break,
            Observation::VmDown { .. } => panic!("the machine runs on"),
            _ => {}
        }
    }
    // 20/s in every silent second; a last spell may be cut short by the end of the trouble, a minute or so in 50 h.
    let lost = lab.sum(|f| f.to_dead_boxes);
    close(lost / 20.0, silent.as_secs_f64(), 600.0);
    // Silence and sound alternate, a minute each on average: 3,000 cycles. The share of silence is 0.5 with standard
    // error 0.25 · √(2/3000) = 0.0065.
    close(silent.as_secs_f64() / (100.0 * 3_600.0), 0.5, 4.0 * 0.0065);
    close(lab.sum(|f| f.served + f.failed()), 120.0 * 3_600.0 * 20.0, 1e-3);
    assert_eq!(lab.api().vm_status(vm), VmStatus::Running);
}

#[test]
fn a_check_notices_a_flaky_network_and_a_heartbeat_does() {
    let mut lab = Lab::new(&quiet(1.0));
    let (vm, subject) = lab.serving_box();
    let ten = SimDuration::from_secs(10);
    lab.api().check_health(
        subject,
        HealthCheck { period: ten, timeout: ten / 2, fall: 2, rise: 2, first_rise: 1 },
    );
    lab.api().watch_heartbeat(vm, crate::world::Heartbeat { period: ten, timeout: ten * 5 });
    strike(&mut lab, FaultKind::RackNetwork, 0);
    lab.run_for(HOUR);
    assert!(lab.when(|s| *s == Signal::Health { subject, healthy: false }).is_some());
    assert!(lab.when(|s| *s == Signal::Heartbeat { vm, alive: false }).is_some());
    lab.run_for(HOUR * 24);
    let last = |wanted: fn(&Signal) -> bool| lab.signals.iter().rfind(|(_, s)| wanted(s)).map(|(_, s)| *s);
    assert_eq!(last(|s| matches!(s, Signal::Health { .. })), Some(Signal::Health { subject, healthy: true }));
    assert_eq!(last(|s| matches!(s, Signal::Heartbeat { .. })), Some(Signal::Heartbeat { vm, alive: true }));
}

#[test]
fn a_slow_machine_answers_slowly_and_no_check_sees_it() {
    let mut spec = quiet(10.0);
    spec.faults.slow_vm.lasts = "2h".parse().expect("a distribution");
    spec.services[0].1.timeout = MINUTE * 10;
    let mut lab = Lab::new(&spec);
    let (vm, subject) = lab.serving_box();
    lab.api().check_health(
        subject,
        HealthCheck { period: MINUTE, timeout: MINUTE, fall: 1, rise: 1, first_rise: 1 },
    );
    lab.run_for(HOUR);
    lab.world.on_vm_slows(vm);
    lab.run_for(HOUR * 4);
    assert_eq!(lab.when(|s| *s == Signal::Health { subject, healthy: false }), None);
    // 2 cores, 0.05 of them for the guest system; at a speed of 30 % it is 0.6 − 0.05 = 0.55. 10/s of 40 ms are 0.4.
    let expected = |cores: f64| slowdown(Balancing::RoundRobin, 1.0, cores, 0.4 / cores);
    let slowness = |hour: f64| {
        let at = lab
            .flows()
            .find(|f| f.from.as_secs_f64() <= hour * 3_600.0 && f.to.as_secs_f64() > hour * 3_600.0);
        at.expect("it was solved").latency[0].slowdown
    };
    close(slowness(0.5), expected(1.95), 1e-9);
    close(slowness(2.0), expected(0.55), 1e-9);
    close(slowness(4.0), expected(1.95), 1e-9);
    assert!(expected(0.55) > 2.0 * expected(1.95));
    // The same work is done, only later.
    close(lab.sum(|f| f.useful_cores + f.wasted_cores), 5.0 * 3_600.0 * 0.4, 1e-3);
}

fn ends_of_rent(lab: &Lab, vm: VmId) -> Vec<SimTime> {
    let ends = |fact: &&(SimTime, Observation)| fact.1 == Observation::VmTerminated { vm };
    lab.facts.iter().filter(ends).map(|(time, _)| *time).collect()
}

#[test]
fn a_spot_machine_is_gone_two_minutes_after_the_notice_and_others_stay() {
    let mut spec = quiet(1.0);
    spec.faults.spot_reclaim.rate = Rate::from_per_second(1.0 / 86_400.0);
    let mut lab = Lab::new(&spec);
    let machine = lab.machine();
    let mut rent = |purchase| Api::new(&mut lab.world).adopt_vm(machine, ZoneId(0), purchase);
    let (spot, bought, given_back) = (rent(Purchase::Spot), rent(Purchase::OnDemand), rent(Purchase::Spot));
    let notice_of = |lab: &Lab, vm| lab.when(|s| *s == Signal::SpotNotice { vm });
    while notice_of(&lab, given_back).is_none() {
        lab.run_for(MINUTE);
    }
    lab.api().terminate_vm(given_back);
    lab.run_for(SimDuration::from_days(20));
    let notice = notice_of(&lab, spot).expect("one a day, within 20 days");
    let gone = lab.when(|s| *s == Signal::SpotReclaimed { vm: spot }).expect("after the notice");
    assert_eq!(gone.since(notice), MINUTE * 2);
    assert_eq!(lab.api().vm_status(spot), VmStatus::HostFailed);
    // Nothing is paid for it from then on, whenever what is left of it is put away.
    lab.api().terminate_vm(spot);
    assert_eq!(ends_of_rent(&lab, spot), [gone]);
    assert_eq!((notice_of(&lab, bought), lab.api().vm_status(bought)), (None, VmStatus::Running));
    // Who gives a machine back within the notice hears no more of it.
    assert_eq!(lab.when(|s| *s == Signal::SpotReclaimed { vm: given_back }), None);
}

#[test]
fn without_the_clouds_api_nothing_is_launched_and_what_is_given_back_is_paid_on() {
    let mut lab = Lab::new(&quiet(1.0));
    let vms = machines(&mut lab, 2);
    lab.world.on_cloud_api_fails();
    let machine = lab.machine();
    let refused = lab.api().launch_vm(machine, ZoneId(1), Purchase::OnDemand);
    assert!(!lab.api().reboot_vm(vms[0]), "the console does not answer either");
    assert!(lab.api().reboot_guest(vms[0]), "but who is logged in can restart it from within");
    lab.run_for(MINUTE * 3);
    assert_eq!(lab.api().vm_status(vms[0]), VmStatus::Running);
    lab.api().terminate_vm(vms[1]);
    lab.run_for(MINUTE);
    assert!(lab.when(|s| *s == Signal::LaunchFailed { vm: refused }).is_some());
    // A launch that came to nothing costs nothing; what runs goes on serving.
    assert_eq!(ends_of_rent(&lab, refused), [SimTime::ZERO + SimDuration::from_secs(5)]);
    assert_eq!(ends_of_rent(&lab, vms[1]), []);
    assert_eq!(status(&mut lab, &vms), [VmStatus::Running, VmStatus::Gone]);
    lab.world.on_cloud_api_restored();
    lab.run_for(MINUTE);
    assert_eq!(ends_of_rent(&lab, vms[1]), [SimTime::ZERO + MINUTE * 4]);
    let new = lab.api().launch_vm(machine, ZoneId(1), Purchase::OnDemand);
    lab.run_for(MINUTE);
    assert!(lab.when(|s| *s == Signal::VmUp { vm: new }).is_some());
}

#[test]
fn a_shortage_is_of_one_type_in_one_zone() {
    let mut spec = quiet(1.0);
    spec.faults.no_capacity.rate = Rate::from_per_second(1.0 / 864_000.0);
    spec.faults.no_capacity.lasts = "5d".parse().expect("a distribution");
    let mut lab = Lab::new(&spec);
    let machine = lab.machine();
    let mut seen = [false; 2];
    for _ in 0..200 {
        let asked = [0, 1, 2].map(|zone| lab.api().launch_vm(machine, ZoneId(zone), Purchase::OnDemand));
        let again = lab.api().launch_vm(machine, ZoneId(0), Purchase::OnDemand);
        lab.run_for(MINUTE);
        let up = |vm: VmId| lab.when(|s| *s == Signal::VmUp { vm }).is_some();
        // One machine more is as impossible as the first; another zone may have some.
        assert_eq!(up(asked[0]), up(again));
        seen[0] |= !up(asked[0]) && asked[1..].iter().any(|&vm| up(vm));
        seen[1] |= asked.iter().all(|&vm| up(vm));
        for vm in asked.into_iter().chain([again]) {
            lab.api().terminate_vm(vm);
        }
        lab.run_for(HOUR * 6);
    }
    assert_eq!(seen, [true; 2], "it is refused in one zone alone, and in none");
}

#[test]
fn a_box_with_a_full_disk_does_not_start_until_somebody_has_made_room() {
    let mut spec = quiet(1.0);
    spec.faults.disk_full.rate = Rate::from_per_second(1.0 / 86_400.0);
    let full = |share: f64| {
        let mut lab = Lab::new(&spec);
        lab.api().set_disk_fills(share);
        let (_, subject) = lab.serving_box();
        lab.run_for(SimDuration::from_days(100));
        (lab.when(|s| *s == Signal::ProcessExited { subject }), lab, subject)
    };
    assert_eq!(full(0.0).0, None, "where logs are rotated");
    let (first, mut lab, subject) = full(1.0);
    let (first, before) = (first.expect("one a day"), lab.signals.len());
    // The same fillings, of which a tenth get through: a later one.
    assert!(full(0.1).0.expect("ten in a hundred days") > first);
    assert!(lab.api().start_box(subject, Version(0)));
    lab.run_for(MINUTE);
    let after: Vec<Signal> = lab.signals[before..].iter().map(|(_, signal)| *signal).collect();
    assert_eq!(after, [Signal::ProcessExited { subject }], "it cannot start");
}
