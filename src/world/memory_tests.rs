//! Memory in the world, without a platform: who is killed, when to the second, and what starts the clock anew.

use super::*;
use crate::parameter::{Bytes, MilliCpu};

const HOUR: SimDuration = SimDuration::from_hours(1);
const MIB: f64 = 1_048_576.0;

fn read<T: std::str::FromStr<Err = String>>(text: &str) -> T {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// One part that starts in 10 s, asks for `memory`, uses `share` of it and leaks.
fn part(memory: &str, share: &str, limit: Option<&str>, leak: &str) -> ContainerParameters {
    ContainerParameters {
        startup: read("10s"),
        memory: read(memory),
        memory_use: read(share),
        memory_limit: limit.map(read),
        leak: read(leak),
        ..ContainerParameters::default()
    }
}

/// A quiet world with one service for each part.
fn services(parts: &[ContainerParameters]) -> WorldSpec {
    let mut spec = quiet(1.0);
    let template = spec.services.remove(0);
    for part in parts {
        let mut service = template.clone();
        service.1.container.insert("app", part.clone());
        spec.services.push(service);
    }
    spec.horizon = SimTime::ZERO + SimDuration::from_days(365);
    spec
}

/// 592 MiB from the start, which leaves 8192 − 600 − 592 = 7000 MiB of an m7i.large.
fn leaking(leak: &str) -> ContainerParameters {
    part("1000MiB", "59.2%", None, leak)
}

impl Lab {
    fn empty_machine(&mut self) -> VmId {
        let machine = self.machine();
        self.api().adopt_vm(machine, ZoneId(0), Purchase::OnDemand)
    }

    /// A box that is asked to start now.
    fn start_on(&mut self, vm: VmId, service: u16) -> BoxId {
        let subject = self.api().create_box(ServiceId(service), Version(0));
        self.api().place_box(subject, vm);
        assert!(self.api().start_box(subject, Version(0)));
        subject
    }

    fn kills(&self) -> Vec<(f64, BoxId)> {
        let kill = |(at, fact): &(SimTime, Observation)| match fact {
            Observation::BoxExited { subject, exit: Exit::Fault { kind: FaultKind::OutOfMemory, .. } } => {
                Some((at.as_secs_f64(), *subject))
            }
            _ => None,
        };
        self.facts.iter().filter_map(kill).collect()
    }

    /// Runs on, and starts at once whatever ends.
    fn run_supervised(&mut self, span: SimDuration) {
        let end = self.world.now() + span;
        let mut seen = self.signals.len();
        while let Some(event) = self.world.scheduler.next_before(end) {
            self.world.handle(event);
            self.collect();
            for i in seen..self.signals.len() {
                if let Signal::ProcessExited { subject } = self.signals[i].1 {
                    assert!(self.api().start_box(subject, Version(0)));
                }
            }
            seen = self.signals.len();
        }
    }
}

/// When the one box of a machine is killed [h after it came up].
fn life_h(part: ContainerParameters) -> f64 {
    let mut lab = Lab::new(&services(&[part]));
    let vm = lab.empty_machine();
    lab.start_on(vm, 0);
    lab.run_for(HOUR * 300);
    let kills = lab.kills();
    assert_eq!(kills.len(), 1, "nobody starts it again");
    (kills[0].0 - 10.0) / 3_600.0
}

#[test]
fn a_leak_ends_at_the_page_that_the_machine_has_not() {
    // 7000 MiB at 100 MiB/h: 70 h, and 4096 bytes more in 0.14 s.
    close(life_h(leaking("100MiB/h")) * 3_600.0, 70.0 * 3_600.0 + 0.14, 0.01);
    // Twice the leak, half the time; a quarter of it, four times as long.
    close(life_h(leaking("200MiB/h")), 35.0, 1e-3);
    close(life_h(leaking("25MiB/h")), 280.0, 1e-3);
}

#[test]
fn a_part_beyond_its_own_limit_is_killed_whatever_the_machine_has_left() {
    // 692 − 592 = 100 MiB at 100 MiB/h.
    close(life_h(part("600MiB", "98.6667%", Some("692MiB"), "100MiB/h")), 1.0, 1e-3);
}

#[test]
fn without_a_leak_nothing_happens_up_to_the_last_byte() {
    // 7592 MiB is all that an m7i.large has beside 600 MiB for the system; the limit is just reached, too.
    let mut lab = Lab::new(&services(&[part("7592MiB", "100%", Some("7592MiB"), "0MiB/h")]));
    let vm = lab.empty_machine();
    lab.start_on(vm, 0);
    let before = lab.world.trace().0;
    lab.run_for(HOUR * 24);
    assert_eq!(lab.kills(), []);
    // Beside the box that comes up and traffic segments of five minutes, solved anew, nothing was an event.
    assert!(lab.world.trace().0 - before < 2 * 24 * 12 + 10, "{}", lab.world.trace().0);
}

#[test]
fn a_box_that_starts_beyond_its_limit_crashes_whenever_it_comes_up() {
    let mut lab = Lab::new(&services(&[part("512MiB", "100%", Some("400MiB"), "0MiB/h")]));
    let vm = lab.empty_machine();
    lab.start_on(vm, 0);
    lab.run_supervised(MINUTE);
    // It comes up after 10 s each time and is killed at that instant: at 10, 20, 30, 40 and 50 s.
    let times: Vec<f64> = lab.kills().iter().map(|k| k.0).collect();
    assert_eq!(times, [10.0, 20.0, 30.0, 40.0, 50.0]);
}

#[test]
fn who_uses_most_beyond_what_it_asked_for_goes_first() {
    let victim = |parts: &[ContainerParameters]| {
        let mut lab = Lab::new(&services(parts));
        let vm = lab.empty_machine();
        let boxes: Vec<BoxId> = (0..parts.len()).map(|s| lab.start_on(vm, s as u16)).collect();
        lab.run_for(HOUR * 100);
        let kills = lab.kills();
        let index = boxes.iter().position(|b| *b == kills[0].1).expect("one of them");
        (index, (kills[0].0 - 10.0) / 3_600.0)
    };
    let leaks = |memory, share| part(memory, share, None, "100MiB/h");
    // 1000 + 3000 MiB leave 3592 MiB, gone after 35.92 h: the one that leaks is 2592 MiB above its request, the
    // other exactly at it.
    let honest = part("1000MiB", "100%", None, "0MiB/h");
    let (index, at_h) = victim(&[honest.clone(), leaks("4000MiB", "75%")]);
    assert_eq!(index, 1);
    close(at_h, 35.92, 1e-3);
    // Who asks for a third of what it uses pays for the leak of its neighbour: 3000 + 3000 leave 1592 MiB; after
    // 15.92 h the leak is 592 MiB above its request, the other 2000.
    let (index, at_h) = victim(&[part("1000MiB", "300%", None, "0MiB/h"), leaks("4000MiB", "75%")]);
    assert_eq!(index, 0);
    close(at_h, 15.92, 1e-3);
    // A box that asks for its limits is spared, though the other is 408 MiB below its request: 7592 − 1000 = 6592.
    let guaranteed = ContainerParameters {
        cpu_limit: Some(MilliCpu::from_milli(500)),
        memory_limit: Some(read::<Bytes>("1000MiB")),
        ..honest.clone()
    };
    assert_eq!(victim(&[guaranteed, leaks("7000MiB", "50%")]).0, 1);
    assert_eq!(victim(&[honest, leaks("7000MiB", "50%")]).0, 0);
}

#[test]
fn a_start_sets_the_leak_back_and_a_version_has_its_own() {
    let mut lab = Lab::new(&services(&[leaking("lognormal(100MiB/h, 0.5)")]));
    let (first, second) = (lab.empty_machine(), lab.empty_machine());
    let subject = lab.start_on(first, 0);
    lab.start_on(second, 0);
    lab.run_supervised(HOUR * 24 * 60);
    // Both boxes have the same version, so the same leak; each life is as long as the first, beside 10 s of start.
    let kills = lab.kills();
    let of = |b: BoxId| kills.iter().filter(|k| k.1 == b).map(|k| k.0).collect::<Vec<f64>>();
    let times = of(subject);
    assert!(times.len() > 3 && kills.len() == 2 * times.len(), "{kills:?}");
    for pair in times.windows(2) {
        close(pair[1] - pair[0], times[0], 1e-3);
    }
    // Another version has another leak, and the clock of its memory starts when it starts.
    lab.world.services[0].versions.release(None);
    let begun = lab.world.now().as_secs_f64();
    assert!(lab.api().start_box(subject, Version(1)));
    let known = lab.kills().len();
    lab.run_for(HOUR * 24 * 60);
    let life = lab.kills()[known..].iter().find(|k| k.1 == subject).expect("it leaks, too").0 - begun;
    assert!((life - times[0]).abs() > 3_600.0, "{life} against {}", times[0]);
}

/// Hours until the first kill of each of 200 boxes that were there at time zero, each on a machine of its own.
fn first_kills(part: ContainerParameters, machine: &str, releases_per_h: f64) -> Vec<f64> {
    let mut spec = services(&[part]);
    spec.services[0].1.release.rate = Rate::from_per_second(releases_per_h / 3_600.0);
    let mut lab = Lab::new(&spec);
    let machine = lab.world.catalog.find(machine).expect("in the catalog");
    let boxes: Vec<BoxId> = (0..200)
        .map(|_| {
            let vm = lab.api().adopt_vm(machine, ZoneId(0), Purchase::OnDemand);
            lab.api().adopt_box(WEB, vm)
        })
        .collect();
    lab.run_for(HOUR * 71);
    let kills = lab.kills();
    let of = |b: &BoxId| kills.iter().find(|k| k.1 == *b).expect("everybody leaks").0 / 3_600.0;
    boxes.iter().map(of).collect()
}

#[test]
fn boxes_from_before_the_start_are_anywhere_in_their_cycle() {
    let times = first_kills(leaking("100MiB/h"), "m7i.large", 0.0);
    // Uniform on 70 h: mean 35 h, standard deviation 70/√12 = 20.2 h, of the mean of 200 1.43 h. Three of them, seed 1.
    let mean = times.iter().sum::<f64>() / 200.0;
    close(mean, 35.0, 3.0 * 1.43);
    // A quarter of them within each quarter of the cycle: 50 ± 3 · √(200 · 3/16) = 18.
    for quarter in 0..4 {
        let low = 17.5 * f64::from(quarter);
        let count = times.iter().filter(|t| (low..low + 17.5).contains(*t)).count();
        assert!((32..=68).contains(&count), "{count} in quarter {quarter}");
    }
}

#[test]
fn the_age_at_the_start_belongs_to_the_numbered_box_and_not_to_the_machine() {
    // Killed at a limit of its own, 40 h after the start: the same on a machine of twice the size.
    let limited = part("592MiB", "100%", Some("4592MiB"), "100MiB/h");
    let small = first_kills(limited.clone(), "m7i.large", 0.0);
    assert_eq!(small, first_kills(limited, "m7i.xlarge", 0.0));
}

#[test]
fn nobody_is_older_than_the_last_release() {
    // With 10 releases an hour the last one was 6 min ago on average: all boxes have nearly 70 h before them.
    let times = first_kills(leaking("100MiB/h"), "m7i.large", 10.0);
    assert!(times.iter().all(|t| (69.0..=70.01).contains(t)), "{times:?}");
}

#[test]
fn boxes_that_share_a_machine_are_killed_in_turn() {
    let mut spec = services(&[leaking("100MiB/h")]);
    spec.services[0].1.release.rate = Rate::ZERO;
    let mut lab = Lab::new(&spec);
    let vm = lab.empty_machine();
    for _ in 0..4 {
        lab.api().adopt_box(WEB, vm);
    }
    lab.run_supervised(HOUR * 1_000);
    // 7592 − 4 · 592 = 5224 MiB of room. In turn: the victim has leaked x, the others 3/4, 2/4 and 1/4 of it: 2.5 x
    // = 5224, x = 2089.6 MiB in 20.896 h; one of four every 5.224 h: 191 in 1000 h.
    let kills = lab.kills();
    assert!((185..=198).contains(&kills.len()), "{}", kills.len());
    let last: Vec<f64> = kills[kills.len() - 5..].iter().map(|k| k.0 / 3_600.0).collect();
    for pair in last.windows(2) {
        close(pair[1] - pair[0], 5.224, 0.3);
    }
    // From the start on: nothing piles up at time zero, and nothing takes longer than a whole room of one.
    assert!(kills[0].0 > 60.0 && kills[0].0 < 52.24 * 3_600.0, "{}", kills[0].0);
}

#[test]
fn what_boxes_hold_is_stated_to_the_byte_second() {
    let mut lab = Lab::new(&services(&[leaking("100MiB/h")]));
    let vm = lab.empty_machine();
    let subject = lab.start_on(vm, 0);
    lab.run_for(HOUR * 4);
    lab.world.settle_memory();
    lab.run_for(HOUR * 6 + SimDuration::from_secs(10));
    lab.world.exit_box(subject, Exit::Stopped);
    lab.run_for(HOUR);
    let stated = |fact: &(SimTime, Observation)| match fact.1 {
        Observation::MemoryUsed { byte_s, .. } => byte_s,
        _ => 0.0,
    };
    // 10 h from 592 MiB up to 1592 MiB: 1092 MiB on average, in two pieces.
    let sum: f64 = lab.facts.iter().map(stated).sum();
    close(sum / (10_920.0 * MIB * 3_600.0), 1.0, 1e-9);
}

#[test]
fn a_machine_that_crashes_forgets_its_memory() {
    let mut lab = Lab::new(&services(&[leaking("100MiB/h")]));
    let vm = lab.empty_machine();
    let subject = lab.start_on(vm, 0);
    lab.run_for(HOUR * 69);
    lab.world.fail_vm(vm, FaultId(1), FaultKind::VmCrash, Some(MINUTE));
    lab.run_for(HOUR);
    assert!(lab.api().start_box(subject, Version(0)));
    lab.run_for(HOUR * 71);
    let kills = lab.kills();
    assert_eq!(kills.len(), 1);
    // 70 h of its first hour, and 70 h of the second life.
    close(kills[0].0 / 3_600.0, 140.0, 0.01);
}

#[test]
fn points_of_a_thousandth_of_the_machine_decide_who_is_killed() {
    let victim = |points: Option<i32>| {
        let honest = part("1000MiB", "100%", None, "0MiB/h");
        let leaking = part("4000MiB", "75%", None, "100MiB/h");
        let mut lab = Lab::new(&services(&[honest, leaking]));
        let vm = lab.empty_machine();
        let boxes = [lab.start_on(vm, 0), lab.start_on(vm, 1)];
        if let Some(points) = points {
            lab.api().set_kill_points(boxes[0], points);
            lab.api().set_kill_points(boxes[1], 0);
        }
        lab.run_for(HOUR * 100);
        boxes.iter().position(|b| *b == lab.kills()[0].1).expect("one of them")
    };
    // The leak is at 6592 MiB when the machine is full, the other at 1000: 5592 MiB are 682.6 points of 8.192 MiB.
    assert_eq!((victim(None), victim(Some(682)), victim(Some(683))), (1, 1, 0));
}

#[test]
fn the_first_look_that_finds_little_memory_left_is_told_once() {
    let mut lab = Lab::new(&services(&[leaking("100MiB/h")]));
    let vm = lab.empty_machine();
    lab.start_on(vm, 0);
    let watch = MemoryWatch { least: read("100MiB"), phase: SimTime::ZERO, period: MINUTE };
    lab.api().watch_memory(vm, watch);
    lab.run_for(HOUR * 69 + SimDuration::from_mins(30));
    // 7000 − 100 MiB at 100 MiB/h: 69 h after the box came up at 10 s; the next look is a full minute.
    let told: Vec<f64> =
        lab.signals.iter().filter(|s| s.1 == Signal::MemoryLow { vm }).map(|s| s.0.as_secs_f64()).collect();
    assert_eq!(told, [69.0 * 3_600.0 + 60.0]);
    assert!(lab.api().memory_available(vm) < read::<Bytes>("100MiB"));
}
