//! Rollout strategies on every platform that has them: how long they take, what they cost, what a bad version does.
//! The arithmetic stands beside each number.

mod blue_green;
mod canary;
mod in_place;
mod pipeline;
mod pods;

use crate::support::quiet;
use boxherd::engine::SimTime;
use boxherd::scenario::Scenario;
use boxherd::simulation::{self, Watcher};
use boxherd::world::observation::RolloutStep;
use boxherd::world::{BoxId, Observation, Version, World};
use std::collections::BTreeMap;

/// One steady service of which nothing breaks; every step takes a known time.
const CALM: &str = r#"
[run]
length = "2w"
warm_up = "0s"
seed = 1

[service.web]
cpu_per_request = "40ms"
traffic.rate = "40/s"
traffic.diurnal.amplitude = 0
release.rate = "2/week"
release.failure_rate = "0%"

[service.web.container.app]
cpu = "500m"
memory = "512MiB"
startup = "5s"

[cloud]
boot = "60s"
launch_failure = "0%"

[practice]
build = "2m"
diagnose = "10m"
environment_mismatch = "0%"

[team]
acknowledge = "5m"
acknowledge_off_hours = "5m"

[faults]
human_slip.chance = "0%"

[platform.pets]
kind = "pets"
drift.at_start = "0"
drift.per_touch = "0%"
drift.at_build = "0%"
rollout.in_place.start = "10m"
rollout.in_place.task = "120s"

[platform.cattle]
kind = "cattle"
scaling.policy = "none"
image.bake = "10m"
image.bake_failure = "0%"
image.configure = "10s"
image.install = "2m"
image.install_failure = "0%"
image.converge = "1m"
rollback = "5m"
rollout.in_place.task = "120s"
rollout.blue_green.switch = "2m"

[platform.k8s]
kind = "kubernetes"
hpa.enabled = false
rollback = "2m"
"#;

/// Versions that start and answer 40 % of the requests with an error, and versions that do not start.
const ERRORS: [&str; 3] = [
    "service.web.release.failure_rate=100%",
    "service.web.release.fails_to_start=0%",
    "service.web.release.error_share=40%",
];
const STILLBORN: [&str; 2] =
    ["service.web.release.failure_rate=100%", "service.web.release.fails_to_start=100%"];

fn calm(overrides: &[&[&str]]) -> Scenario {
    quiet("calm.toml", CALM, &overrides.concat())
}

/// All facts of one run.
#[derive(Default)]
struct Notes(Vec<(f64, Observation)>);

impl Watcher for Notes {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        self.0.push((time.as_secs_f64(), observation.clone()));
    }
}

impl Notes {
    fn of(platform: &str, overrides: &[&[&str]]) -> Notes {
        let scenario = calm(overrides);
        let mut world = World::new(&scenario.world, scenario.parameters.run.seed, 0);
        world.keep_remarks();
        let parameters = scenario.parameters.platform.get(platform).expect("it is there");
        let mut platform = parameters.build(&scenario.parameters.practice);
        let mut notes = Notes::default();
        simulation::run(&mut world, platform.as_mut(), &mut notes);
        notes
    }

    fn when(&self, wanted: impl Fn(&Observation) -> bool) -> Vec<f64> {
        self.0.iter().filter(|(_, o)| wanted(o)).map(|(t, _)| *t).collect()
    }

    fn first(&self, wanted: impl Fn(&Observation) -> bool) -> f64 {
        *self.when(wanted).first().expect("it happens")
    }

    fn step(&self, wanted: RolloutStep) -> f64 {
        self.first(|o| matches!(o, Observation::Rollout { step, .. } if *step == wanted))
    }

    /// How long the first roll-out took [s].
    fn rollout_s(&self) -> f64 {
        self.step(RolloutStep::Completes) - self.step(RolloutStep::Begins)
    }

    fn handed_over(&self) -> f64 {
        self.first(|o| matches!(o, Observation::ReleaseHandedOver { .. }))
    }

    /// Time of the first remark with these words.
    fn said(&self, words: &str) -> f64 {
        self.first(|o| matches!(o, Observation::Remark { text, .. } if text.contains(words)))
    }

    /// Requests that a version answered with an error from its roll-out until the next one.
    fn errors_of_first_release(&self) -> f64 {
        let begins = self.when(|o| matches!(o, Observation::ReleaseHandedOver { .. }));
        let until = begins.get(1).copied().unwrap_or(f64::INFINITY);
        let flow = |o: &Observation| match o {
            Observation::Flow(f) if f.from.as_secs_f64() < until => Some(f.errors * f.seconds()),
            _ => None,
        };
        self.0.iter().filter_map(|(_, o)| flow(o)).sum()
    }

    /// The most boxes with this version that were up at once, until the second release.
    fn most_up(&self, version: u32) -> usize {
        let mut versions: BTreeMap<BoxId, Version> = BTreeMap::new();
        let mut up: BTreeMap<BoxId, Version> = BTreeMap::new();
        let mut most = 0;
        for (_, o) in &self.0 {
            match *o {
                Observation::BoxCreated { subject, version, .. }
                | Observation::BoxStarting { subject, version } => {
                    versions.insert(subject, version);
                }
                Observation::BoxUp { subject } => drop(up.insert(subject, versions[&subject])),
                Observation::BoxExited { subject, .. } | Observation::BoxRemoved { subject } => {
                    up.remove(&subject);
                }
                _ => {}
            }
            most = most.max(up.values().filter(|v| v.0 == version).count());
        }
        most
    }
}
