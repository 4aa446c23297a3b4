//! Machines that people repair, fewer people than machines: the machine interference problem, through the real world.
//!
//! A machine that crashes stays down until somebody has mended and rebooted it. Heartbeats tell, within seconds.

use super::renewal::UpTime;
use crate::catalog::Purchase;
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::platform::{Platform, Sizing};
use crate::verify::luck::REPETITIONS;
use crate::verify::{Band, Check, Luck, lab};
use crate::world::{
    About, Activity, Api, Heartbeat, Id, Observation, PlatformEvent, Signal, Urgency, VmId, VmStatus, Work,
    WorkId, ZoneId,
};
use std::collections::BTreeMap;

const MACHINES: u32 = 10;

/// Mean time between crashes of a machine, and mean time that a repair takes [h].
const BETWEEN_H: f64 = 10.0;
const REPAIR_H: f64 = 2.0;

/// A platform: whatever stops beating is repaired by whoever is on call, who looks again after the reboot.
#[derive(Default)]
struct Workshop {
    jobs: BTreeMap<WorkId, VmId>,
    repairs: u64,
}

/// Somebody looks whether the machine that was mended still runs.
const LOOK: u16 = 0;

impl Workshop {
    fn repair(&mut self, vm: VmId, api: &mut Api<'_>) {
        if self.jobs.values().any(|&other| other == vm) {
            return;
        }
        let (index, _) = vm.parts();
        let mut stream = api.stream(Purpose::named("verify repair"), &[u64::from(index), self.repairs]);
        let touch = SimDuration::from_secs_f64(-stream.uniform().ln() * REPAIR_H * 3_600.0);
        self.repairs += 1;
        let work = Work {
            activity: Activity::Repair,
            urgency: Urgency::AtOnce,
            touch,
            cause: self.repairs,
            about: About::Vm(vm),
        };
        self.jobs.insert(api.ask(work), vm);
    }
}

impl Platform for Workshop {
    fn start(&mut self, api: &mut Api<'_>) {
        let machine = api.catalog().find(lab::MACHINE).expect("it is in the catalog");
        let second = SimDuration::from_secs(1);
        for _ in 0..MACHINES {
            let vm = api.adopt_vm(machine, ZoneId(0), Purchase::OnDemand);
            api.watch_heartbeat(vm, Heartbeat { period: second, timeout: second });
        }
    }

    fn on_signal(&mut self, signal: Signal, api: &mut Api<'_>) {
        match signal {
            Signal::Heartbeat { vm, alive: false } => self.repair(vm, api),
            Signal::WorkDone { work } => {
                let vm = self.jobs.remove(&work).expect("only repairs are asked for");
                assert!(api.reboot_vm(vm), "a machine that is down can be rebooted");
                // One that crashes again before its next heartbeat was never missed.
                api.after(SimDuration::from_secs(5), PlatformEvent::about(LOOK, vm));
            }
            _ => {}
        }
    }

    fn on_event(&mut self, event: PlatformEvent, api: &mut Api<'_>) {
        let vm = event.subject();
        if api.vm_status(vm) == VmStatus::Impaired {
            self.repair(vm, api);
        }
    }

    fn describe_event(&self, _: PlatformEvent) -> Option<(About, String)> {
        None
    }

    fn sizing(&self) -> Sizing {
        Sizing::default()
    }
}

/// Share of machine time that is up, with so many people.
fn up(luck: &Luck, repetition: u32, people: u32) -> f64 {
    let scenario = lab::scenario(&[
        "run.length=90d",
        "run.warm_up=5d",
        "service.web.traffic.rate=0.001/s",
        "faults.vm_crash.rate=0.1/h",
        "faults.vm_crash.down=3650d",
        "team.absence.departures=0/year",
        "team.absence.vacation_weeks=0",
        // Whoever is called is at it, at home as well.
        "team.acknowledge=0s",
        "team.acknowledge_off_hours=0s",
        &format!("team.on_call={people}"),
        &format!("team.engineers={people}"),
    ]);
    let mut seen = UpTime::new(MACHINES, 0);
    let mut workshop = Workshop::default();
    lab::run(&scenario, &mut workshop, (luck.seed(), repetition), |time, observation| match observation {
        Observation::MeteringBegins => {
            seen.advance(time);
            seen.begin(time);
        }
        Observation::VmDown { .. } => seen.change(time, false),
        Observation::VmUp { .. } if time > SimTime::ZERO => seen.change(time, true),
        _ => {}
    });
    seen.advance(scenario.world.horizon);
    seen.machine_s / (f64::from(MACHINES) * seen.total_s)
}

/// Share of time that a machine is up by the birth and death process of M/M/r with a finite source: k machines are
/// down, (N − k)/between break, min(k, r)/repair are mended.
fn closed_form(people: u32) -> f64 {
    let (mut weight, mut total, mut down) = (1.0, 1.0, 0.0);
    for k in 1..=MACHINES {
        let breaking = f64::from(MACHINES - k + 1) / BETWEEN_H;
        let mending = f64::from(k.min(people)) / REPAIR_H;
        weight *= breaking / mending;
        total += weight;
        down += f64::from(k) * weight;
    }
    1.0 - down / total / f64::from(MACHINES)
}

pub fn checks() -> Vec<Check> {
    let band =
        Band::Chance(3e-4, "seconds until a crash is noticed, and 4.5 standard errors of 40 repetitions");
    let check = |people: u32| {
        Check::new(format!("repair-by-{people}"), closed_form(people), band, move |luck| {
            luck.mean(REPETITIONS, |r| up(luck, r, people))
        })
        .claims(format!(
            "share of time up of ten machines, mended in 2 h each by {people} on call, day and night"
        ))
        .after("machine interference, M/M/r with a finite source: Palm 1947, Feller vol. 1, XVII.6")
    };
    [1, 2, 3, MACHINES].into_iter().map(check).collect()
}
