//! Machines that crash and come back by themselves: alternating renewal, and how many are up at a time.

use super::lines::LUCK;
use crate::engine::SimTime;
use crate::verify::lab::{self, Hand};
use crate::verify::luck::REPETITIONS;
use crate::verify::{Band, Check, Luck};
use crate::world::Observation;
use std::collections::BTreeSet;

/// Machines and boxes that are up, integrated over time from the end of the warm-up.
#[derive(Default)]
pub struct UpTime {
    pub up: u32,
    at: SimTime,
    /// ∫ up dt [machine-seconds], ∫ 1{up ≥ enough} dt [s] and the time itself [s].
    pub machine_s: f64,
    pub enough_s: f64,
    pub total_s: f64,
    pub enough: u32,
    pub went_down: u32,
}

impl UpTime {
    pub fn new(up: u32, enough: u32) -> UpTime {
        UpTime { up, enough, ..UpTime::default() }
    }

    pub fn advance(&mut self, now: SimTime) {
        let dt = now.since(self.at).as_secs_f64();
        self.machine_s += f64::from(self.up) * dt;
        self.enough_s += if self.up >= self.enough { dt } else { 0.0 };
        self.total_s += dt;
        self.at = now;
    }

    /// Forgets sums, keeps the state.
    pub fn begin(&mut self, now: SimTime) {
        *self = UpTime { up: self.up, enough: self.enough, at: now, ..UpTime::default() };
    }

    /// One more or less is up.
    pub fn change(&mut self, now: SimTime, up: bool) {
        self.advance(now);
        if up {
            self.up += 1;
        } else {
            self.up = self.up.checked_sub(1).expect("what goes down was up");
            self.went_down += 1;
        }
    }
}

/// What is counted as up.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    Machines,
    Boxes,
}

/// `count` machines that crash once in ten hours of being up, for sixty days.
fn live(luck: &Luck, repetition: u32, (of, count, enough): (Of, u32, u32), overrides: &[&str]) -> UpTime {
    let common = [
        "run.length=60d",
        "run.warm_up=5d",
        "service.web.traffic.rate=0.001/s",
        "faults.vm_crash.rate=0.1/h",
    ];
    let scenario = lab::scenario(&[&common[..], overrides].concat());
    let mut seen = UpTime::new(count, enough);
    // All that is adopted at the start says that it is up, at time zero.
    let mut boxes = BTreeSet::new();
    lab::run(&scenario, &mut Hand::new(count), (luck.seed(), repetition), |time, observation| {
        match (of, observation) {
            (_, Observation::MeteringBegins) => {
                seen.advance(time);
                seen.begin(time);
            }
            (Of::Machines, Observation::VmDown { .. }) => seen.change(time, false),
            (Of::Machines, Observation::VmUp { .. }) if time > SimTime::ZERO => seen.change(time, true),
            // One that was still starting was not up, and is not in the set.
            (Of::Boxes, Observation::BoxExited { subject, .. }) if boxes.remove(subject) => {
                seen.change(time, false);
            }
            (Of::Boxes, Observation::BoxUp { subject }) => {
                boxes.insert(*subject);
                if time > SimTime::ZERO {
                    seen.change(time, true);
                }
            }
            _ => {}
        }
    });
    seen.advance(scenario.world.horizon);
    seen
}

fn check(
    name: &str,
    expected: f64,
    what: (Of, u32, u32),
    overrides: &'static [&'static str],
    of: fn(&UpTime) -> f64,
) -> Check {
    Check::new(name, expected, Band::Chance(0.0, LUCK), move |luck| {
        luck.mean(REPETITIONS, |r| of(&live(luck, r, what, overrides)))
    })
}

pub fn checks() -> Vec<Check> {
    let share = |seen: &UpTime| seen.machine_s / (10.0 * seen.total_s);
    let machines = (Of::Machines, 10, 0);
    let renewal = "alternating renewal: Cox 1962, ch. 7";
    // Startup of half an hour within an up time of the machine that is exponential with mean 10 h: a box is up for
    // E[max(U − 0.5, 0)] = 10·e^(−0.05) of every 10 + 2 hours.
    let box_up = 10.0 * (-0.05_f64).exp() / 12.0;
    let binomial = |p: f64| {
        let term = |k: i32, ways: f64| ways * p.powi(k) * (1.0 - p).powi(5 - k);
        term(3, 10.0) + term(4, 5.0) + term(5, 1.0)
    };
    vec![
        check(
            "availability-exponential",
            10.0 / 12.0,
            machines,
            &["faults.vm_crash.down=exponential(2h)"],
            share,
        )
        .claims("share of time up is MTBF/(MTBF + MTTR), 10 h and exponential 2 h")
        .after(renewal),
        check("availability-constant", 10.0 / 12.0, machines, &["faults.vm_crash.down=2h"], share)
            .claims("the same with constant times down")
            .after(renewal),
        check(
            "availability-lognormal",
            10.0 / (10.0 + 2.0 * 0.5_f64.exp()),
            machines,
            &["faults.vm_crash.down=lognormal(2h, 1)"],
            share,
        )
        .claims("the same with lognormal times down: median 2 h, mean 2 h·√e")
        .after(renewal),
        check("crash-rate", 0.1, machines, &["faults.vm_crash.down=exponential(2h)"], |seen| {
            f64::from(seen.went_down) / (seen.machine_s / 3_600.0)
        })
        .claims("crashes per hour that a machine is up, for a rate of 0.1/h")
        .after("Poisson process, observed while something is there to be hit"),
        check(
            "three-of-five-machines",
            binomial(10.0 / 12.0),
            (Of::Machines, 5, 3),
            &["faults.vm_crash.down=exponential(2h)"],
            |seen| seen.enough_s / seen.total_s,
        )
        .claims("share of time in which at least three of five machines are up is binomial")
        .after("k-out-of-n of independent parts: Barlow & Proschan 1965"),
        check(
            "three-of-five-boxes",
            binomial(box_up),
            (Of::Boxes, 5, 3),
            &["faults.vm_crash.down=exponential(2h)", "service.web.container.app.startup=30m"],
            |seen| seen.enough_s / seen.total_s,
        )
        .claims("the same for boxes, which take half an hour to start after their machine is back")
        .after("k-out-of-n; up for E[max(U − 0.5 h, 0)] of each cycle"),
    ]
}
