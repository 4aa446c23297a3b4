//! After trouble everything is looked after: no box stays down, or up without requests, for longer than people need.

use crate::support::quickstart;
use boxherd::engine::{SimDuration, SimTime};
use boxherd::simulation::{self, Watcher};
use boxherd::world::{BoxId, Observation, World};
use std::collections::BTreeMap;

/// Four weeks in which everything happens, often while something else is being mended.
const STORMY: [&str; 16] = [
    "faults.vm_crash.rate=60/year",
    "faults.vm_loss.rate=30/year",
    "faults.process_crash.rate=20/month",
    "faults.zone_outage.rate=10/year",
    "faults.rack_outage.rate=10/year",
    "faults.rack_network.rate=10/year",
    "faults.power_outage.rate=5/year",
    "faults.slow_vm.rate=10/year",
    "faults.spot_reclaim.rate=30/year",
    "platform.cattle.purchase=spot",
    "platform.k8s.node_pool.purchase=spot",
    "cloud.launch_failure=10%",
    "service.shop.release.rate=5/week",
    "service.shop.release.failure_rate=50%",
    "service.partners.release.rate=5/week",
    "service.partners.release.failure_rate=50%",
];

/// Builds by hand wait for office hours, over a weekend and behind each other.
const PATIENCE: SimDuration = SimDuration::from_days(7);

#[derive(Clone, Copy)]
struct State {
    up: bool,
    routed: bool,
    /// Since when it has not been both.
    idle_since: Option<SimTime>,
}

/// What is with each box.
#[derive(Default)]
struct Ward {
    boxes: BTreeMap<BoxId, (String, State)>,
    forgotten: Vec<String>,
}

impl Ward {
    fn change(&mut self, time: SimTime, subject: BoxId, change: impl Fn(&mut State)) {
        let Some((name, state)) = self.boxes.get_mut(&subject) else { return };
        change(state);
        if !(state.up && state.routed) {
            state.idle_since.get_or_insert(time);
        } else if let Some(since) = state.idle_since.take() {
            let line = format!("{name} idle from {since} to {time}");
            self.forgotten.extend((time.since(since) > PATIENCE).then_some(line));
        }
    }

    fn close(&mut self, time: SimTime, subject: BoxId) {
        let Some((name, state)) = self.boxes.remove(&subject) else { return };
        if let Some(since) = state.idle_since.filter(|&since| time.since(since) > PATIENCE) {
            let what = if state.up { "up without requests" } else { "down" };
            self.forgotten.push(format!("{name} {what} from {since} until {time}"));
        }
    }
}

impl Watcher for Ward {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match *observation {
            Observation::BoxCreated { subject, service, ordinal, .. } => {
                let state = State { up: false, routed: false, idle_since: Some(time) };
                self.boxes.insert(subject, (format!("box {ordinal} of service {}", service.0), state));
            }
            Observation::BoxUp { subject } => self.change(time, subject, |state| state.up = true),
            Observation::BoxExited { subject, .. } => self.change(time, subject, |state| state.up = false),
            Observation::BoxRouted { subject } => self.change(time, subject, |state| state.routed = true),
            Observation::BoxUnrouted { subject } => self.change(time, subject, |state| state.routed = false),
            Observation::BoxRemoved { subject } => self.close(time, subject),
            _ => {}
        }
    }
}

#[test]
fn no_box_is_forgotten() {
    let scenario = quickstart(&STORMY);
    let mut forgotten = Vec::new();
    for (name, parameters) in scenario.parameters.platform.iter() {
        for replication in 0..10 {
            let mut world = World::new(&scenario.world, scenario.parameters.run.seed, replication);
            let mut platform = parameters.build(&scenario.parameters.practice);
            let mut ward = Ward::default();
            simulation::run(&mut world, platform.as_mut(), &mut ward);
            for subject in ward.boxes.keys().copied().collect::<Vec<_>>() {
                ward.close(scenario.world.horizon, subject);
            }
            let lines =
                ward.forgotten.iter().map(|line| format!("{name}, replication {replication}: {line}"));
            forgotten.extend(lines);
        }
    }
    assert!(forgotten.is_empty(), "forgotten:\n  {}", forgotten.join("\n  "));
}
