//! Small worlds for checks: one service on machines to which nothing happens but what the check asks for, and a
//! platform that does what a script says.
//!
//! All of it goes the way of a real scenario: text, validation, world, loop, facts. Start at [`scenario`] and [`Hand`].

use crate::catalog::Purchase;
use crate::engine::{SimDuration, SimTime};
use crate::platform::{Platform, Sizing};
use crate::scenario::{Scenario, load_text};
use crate::simulation::{self, Watcher};
use crate::world::observation::{FlowObservation, LatencyClass};
use crate::world::{
    About, Api, BoxId, Observation, PlatformEvent, ServiceId, Signal, Version, VmId, World, ZoneId,
};
use std::path::Path;

/// One service under flat load. Machines have two cores and no guest system; nobody gives up; nothing breaks.
const QUIET: &str = r#"
[run]
length = "1d"
warm_up = "0s"
segment = "1h"

[service.web]
cpu_per_request = "40ms"
timeout = "1h"
release.rate = "0/week"
traffic.rate = "20/s"
traffic.diurnal.amplitude = 0
server.hold = 1000000

[service.web.container.app]
cpu = "500m"
startup = "1s"

[platform.pets]
kind = "pets"

[cloud]
zones = 1
os_cpu = "0m"
reboot = "1ms"
"#;

/// Nothing breaks, and nothing has to be patched.
const NOTHING: &str = r#"
[vulnerabilities]
system = "0/year"
runtime = "0/year"

[faults]
vm_crash.rate = "0/year"
vm_crash.hazard = "exponential"
vm_loss.rate = "0/year"
process_crash.rate = "0/year"
zone_outage.rate = "0/year"
rack_outage.rate = "0/year"
rack_network.rate = "0/year"
slow_vm.rate = "0/year"
bad_configuration.rate = "0/year"
cloud_api_outage.rate = "0/year"
no_capacity.rate = "0/year"
disk_full.rate = "0/year"
discovery_outage.rate = "0/year"
"#;

/// The machine that everybody rents here: two cores.
pub const MACHINE: &str = "m7i.large";

/// Cores of one box of [`Hand`].
pub const CORES: f64 = 2.0;

/// A scenario without faults of its own, to which nothing happens but what `overrides` say.
pub fn load_quiet(name: &str, text: &str, overrides: &[&str]) -> Scenario {
    load(name, &format!("{text}{NOTHING}"), overrides)
}

/// The quiet world with `overrides`, as `--set` takes them.
pub fn scenario(overrides: &[&str]) -> Scenario {
    load_quiet("verify.toml", QUIET, overrides)
}

/// Any scenario of ours.
pub fn load(name: &str, text: &str, overrides: &[&str]) -> Scenario {
    let overrides: Vec<String> = overrides.iter().map(|&o| o.to_owned()).collect();
    load_text(name, text.as_bytes(), Path::new(""), &overrides)
        .unwrap_or_else(|error| panic!("a scenario of ours is valid:\n{}", error.render(false)))
}

/// One box on each of so many machines in one zone, routed unless the script says otherwise. Starts boxes whose
/// machine is back.
#[derive(Clone, Debug, Default)]
pub struct Hand {
    boxes: u32,
    dead: u32,
    script: Vec<(u64, usize)>,
    fleet: Vec<(VmId, BoxId)>,
}

impl Hand {
    pub fn new(boxes: u32) -> Hand {
        Hand { boxes, ..Hand::default() }
    }

    /// With so many boxes beside them that are routed and never run: their machines refuse connections.
    pub fn with_dead(self, dead: u32) -> Hand {
        Hand { dead, ..self }
    }

    /// After so many seconds so many of the boxes, counted from the first, are on the route.
    pub fn with_script(self, script: &[(u64, usize)]) -> Hand {
        Hand { script: script.to_vec(), ..self }
    }
}

impl Platform for Hand {
    fn start(&mut self, api: &mut Api<'_>) {
        let machine = api.catalog().find(MACHINE).expect("it is in the catalog");
        for _ in 0..self.boxes {
            let vm = api.adopt_vm(machine, ZoneId(0), Purchase::OnDemand);
            let subject = api.adopt_box(ServiceId(0), vm);
            api.route(subject);
            self.fleet.push((vm, subject));
        }
        for _ in 0..self.dead {
            let vm = api.adopt_vm(machine, ZoneId(0), Purchase::OnDemand);
            let subject = api.create_box(ServiceId(0), Version(0));
            assert!(api.place_box(subject, vm), "the machine is there");
            api.route(subject);
        }
        for (step, &(after_s, _)) in self.script.iter().enumerate() {
            api.after(SimDuration::from_secs(after_s), PlatformEvent::with(0, step as u32, 0));
        }
    }

    fn on_signal(&mut self, signal: Signal, api: &mut Api<'_>) {
        if let Signal::VmUp { vm } = signal
            && let Some(&(_, subject)) = self.fleet.iter().find(|(on, _)| *on == vm)
        {
            assert!(api.start_box(subject, Version(0)), "its machine is up");
        }
    }

    fn on_event(&mut self, event: PlatformEvent, api: &mut Api<'_>) {
        let (_, routed) = self.script[event.a as usize];
        for (i, &(_, subject)) in self.fleet.iter().enumerate() {
            if i < routed { api.route(subject) } else { api.unroute(subject) }
        }
    }

    fn describe_event(&self, _: PlatformEvent) -> Option<(About, String)> {
        None
    }

    fn sizing(&self) -> Sizing {
        Sizing::default()
    }
}

/// Watches by calling.
struct Each<F>(F);

impl<F: FnMut(SimTime, &Observation)> Watcher for Each<F> {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        (self.0)(time, observation);
    }
}

/// Runs one replication and hands every fact to `watch`.
pub fn run(
    scenario: &Scenario,
    platform: &mut dyn Platform,
    (seed, replication): (u64, u32),
    watch: impl FnMut(SimTime, &Observation),
) {
    let mut world = World::new(&scenario.world, seed, replication);
    simulation::run(&mut world, platform, &mut Each(watch));
}

/// All segments of the flow of the first service.
pub fn flows(scenario: &Scenario, mut hand: Hand) -> Vec<FlowObservation> {
    let mut flows = Vec::new();
    run(scenario, &mut hand, (1, 0), |_, observation| {
        if let Observation::Flow(flow) = observation
            && flow.service == ServiceId(0)
        {
            flows.push(*flow);
        }
    });
    flows
}

/// ∫ rate dt between two instants [s].
pub fn sum(
    flows: &[FlowObservation],
    (from_s, to_s): (f64, f64),
    rate: impl Fn(&FlowObservation) -> f64,
) -> f64 {
    let part = |flow: &FlowObservation| {
        (flow.to.as_secs_f64().min(to_s) - flow.from.as_secs_f64().max(from_s)).max(0.0)
    };
    flows.iter().map(|flow| rate(flow) * part(flow)).sum()
}

/// Mean time that a request spends in the boxes [s], from the classes of latency.
pub fn mean_response(flow: &FlowObservation, work_s: f64) -> f64 {
    let rate: f64 = flow.latency.iter().map(|class| class.rate).sum();
    let time = |c: &LatencyClass| c.wait_s + c.in_line * c.line_s + c.slowdown * work_s;
    flow.latency.iter().map(|class| class.rate * time(class)).sum::<f64>() / rate
}
