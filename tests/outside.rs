//! Code that is not boxherd's adds a platform and a policy through the public API, and measures with a watcher of
//! its own. Nothing here is registered anywhere.

use crate::support::{Unwatched, assert_close, scenario, value};
use boxherd::engine::{SimDuration, SimTime};
use boxherd::experiment::{Contestant, compare};
use boxherd::platform::cattle::{
    Cattle, CattleParameters, Decision, GroupView, ScalingParameters, ScalingPolicy, TargetTracking,
};
use boxherd::platform::{Platform, PlatformParameters, Sizing};
use boxherd::scenario::Scenario;
use boxherd::simulation::{self, Watcher};
use boxherd::world::{
    About, Api, BoxId, Observation, PlatformEvent, Purchase, Signal, Version, VmId, World, ZoneId,
};
use std::collections::BTreeMap;

/// One service under flat load whose machines crash, and come back after ten minutes to the second.
const CRASHES: &str = r#"
[run]
length = "20w"
warm_up = "1h"
replications = 2
seed = 3

[service.web]
cpu_per_request = "10ms"
release.rate = "0/week"
traffic.rate = "20/s"
traffic.diurnal.amplitude = 0

[service.web.container.app]
cpu = "500m"
startup = "1m"

[platform.pets]
kind = "pets"
page_after = "999d"
size.web.boxes = 2
size.web.machine = "m7i.large"

[cloud]
reboot = "1m"

[vulnerabilities]
system = "0/year"
runtime = "0/year"

[faults]
vm_crash.rate = "20/year"
vm_crash.down = "10m"
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
"#;

/// A platform: two machines with a box each, and a cron job that starts the box half a minute after a boot.
#[derive(Default)]
struct TwoMachines {
    boxes: BTreeMap<VmId, BoxId>,
}

const START: u16 = 7;

impl Platform for TwoMachines {
    fn start(&mut self, api: &mut Api<'_>) {
        let service = api.services().next().expect("there is one service");
        let machine = api.catalog().find("m7i.large").expect("it is in the catalog");
        for zone in [ZoneId(0), ZoneId(1)] {
            let vm = api.adopt_vm(machine, zone, Purchase::OnDemand);
            let subject = api.adopt_box(service, vm);
            api.route(subject);
            self.boxes.insert(vm, subject);
        }
        api.declare_desired(service, 2);
    }

    fn on_signal(&mut self, signal: Signal, api: &mut Api<'_>) {
        if let Signal::VmUp { vm } = signal {
            api.after(SimDuration::from_secs(30), PlatformEvent::about(START, vm));
        }
    }

    fn on_event(&mut self, event: PlatformEvent, api: &mut Api<'_>) {
        assert_eq!(event.kind, START);
        api.start_box(self.boxes[&event.subject::<VmId>()], Version(0));
    }

    fn describe_event(&self, _: PlatformEvent) -> Option<(About, String)> {
        None
    }

    fn sizing(&self) -> Sizing {
        Sizing { lines: vec!["web: 2 × m7i.large, as ever".to_owned()], ..Sizing::default() }
    }
}

/// A policy, for any platform: reboot the machine of whatever a check calls unhealthy, before anything else.
struct RebootFirst(Box<dyn Platform>);

impl Platform for RebootFirst {
    fn start(&mut self, api: &mut Api<'_>) {
        self.0.start(api);
    }

    fn on_signal(&mut self, signal: Signal, api: &mut Api<'_>) {
        if let Signal::Health { subject, healthy: false } = signal
            && let Some(vm) = api.vm_of(subject)
        {
            api.reboot_vm(vm);
        }
        self.0.on_signal(signal, api);
    }

    fn on_event(&mut self, event: PlatformEvent, api: &mut Api<'_>) {
        self.0.on_event(event, api);
    }

    fn describe_event(&self, event: PlatformEvent) -> Option<(About, String)> {
        self.0.describe_event(event)
    }

    fn sizing(&self) -> Sizing {
        self.0.sizing()
    }
}

/// How long boxes were down after crashes, and what became of requests.
#[derive(Default)]
struct Stopwatch {
    since: BTreeMap<BoxId, SimTime>,
    down_s: Vec<f64>,
    offered: f64,
    to_dead_boxes: f64,
    failed: f64,
}

impl Watcher for Stopwatch {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match observation {
            Observation::BoxExited { subject, .. } => {
                self.since.entry(*subject).or_insert(time);
            }
            Observation::BoxUp { subject } => {
                let down = self.since.remove(subject).map(|since| time.since(since).as_secs_f64());
                self.down_s.extend(down);
            }
            Observation::Flow(flow) => {
                self.offered += flow.offered * flow.seconds();
                self.to_dead_boxes += flow.to_dead_boxes * flow.seconds();
                self.failed += flow.failed() * flow.seconds();
            }
            _ => {}
        }
    }
}

fn watch(scenario: &Scenario, platform: &mut dyn Platform) -> Stopwatch {
    let mut world = World::new(&scenario.world, scenario.parameters.run.seed, 0);
    let mut stopwatch = Stopwatch::default();
    simulation::run(&mut world, platform, &mut stopwatch);
    stopwatch
}

#[test]
fn a_platform_from_outside_lives_by_the_rules_of_the_world() {
    let scenario = scenario("crashes.toml", CRASHES, &[]);
    let seen = watch(&scenario, &mut TwoMachines::default());
    // Two machines, 20 crashes a machine-year, 20 weeks: 15 or so.
    assert!(seen.down_s.len() > 5 && seen.since.is_empty(), "{:?}", seen.down_s);
    // 10 min until the machine is back, 30 s until cron starts the box, 1 min until it serves: 690 s, every time.
    for &down in &seen.down_s {
        assert_close(down, 690.0, 1e-5, "time down");
    }
    // Nobody takes a dead box out of the route, so half of the requests fail while one is down: of 20/s,
    // n · 690 s · 10/s. (No two crashes overlap with this seed.)
    let expected = seen.down_s.len() as f64 * 690.0 * 10.0;
    assert_close(seen.to_dead_boxes, expected, 1e-6 * expected, "requests to dead boxes");
    assert_close(seen.failed, expected, 1e-3 * expected, "requests that failed");
    // All in all 20/s for 20 weeks and an hour.
    assert_close(seen.offered, 20.0 * (20.0 * 604_800.0 + 3_600.0), 1.0, "requests");
}

#[test]
fn a_platform_from_outside_is_compared_like_one_of_ours() {
    let scenario = scenario("crashes.toml", CRASHES, &[]);
    let mut contestants = Contestant::of(&scenario);
    contestants.push(Contestant {
        name: "two-machines".to_owned(),
        kind: "cron".to_owned(),
        build: Box::new(|| Box::<TwoMachines>::default()),
    });
    let results = compare(&scenario, &contestants, Some(2), &Unwatched).expect("it runs");
    let names: Vec<&str> = results.manifest.platforms.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["pets", "two-machines"]);
    assert_eq!(results.manifest.platforms[1].sizing, ["web: 2 × m7i.large, as ever"]);
    assert!(results.differences.iter().any(|row| row.platform_b == "two-machines"));
    // 2 machines · 730 h · 0.1008 USD, on both.
    for name in names {
        assert_close(value(&results, name, "cost_compute"), 147.168, 1e-6, name);
    }
    // It hires nobody and rents no load balancer.
    assert_close(value(&results, "two-machines", "cost_people"), 0.0, 0.0, "people");
    assert_close(value(&results, "two-machines", "cost_network_entry"), 0.0, 0.0, "load balancers");
}

#[test]
fn a_policy_from_outside_changes_how_a_platform_of_ours_recovers() {
    // Crashed machines stay away for ten hours now, and nobody is paged.
    let scenario = scenario("crashes.toml", CRASHES, &["faults.vm_crash.down=10h"]);
    let pets = || {
        let (_, parameters) = scenario.parameters.platform.iter().next().expect("pets");
        parameters.build(&scenario.parameters.practice)
    };
    let without = watch(&scenario, pets().as_mut());
    // 10 h, then 1 min to start: pets start their box as soon as the machine is up.
    for &down in &without.down_s {
        assert_close(down, 36_060.0, 1e-5, "time down without the policy");
    }
    let with = watch(&scenario, &mut RebootFirst(pets()));
    // Two checks, 30 s apart, fail after 5 s each: noticed after 35 to 65 s. Then 1 min to boot, 1 min to start.
    for &down in &with.down_s {
        assert!((35.0 + 120.0..=65.0 + 120.0).contains(&down), "{down} s with the policy");
    }
    assert!(with.down_s.len() >= without.down_s.len() && without.down_s.len() > 5);
}

/// A scaling policy: as many machines as there are, and never fewer than seven.
struct AtLeastSeven;

impl ScalingPolicy for AtLeastSeven {
    fn decide(&mut self, _: &GroupView) -> Decision {
        Decision::AtLeast(7)
    }
}

#[test]
fn code_outside_adds_a_scaling_policy_to_cattle() {
    let text =
        CRASHES.replace("vm_crash.rate = \"20/year\"", "vm_crash.rate = \"0/year\"").replace("20w", "2d");
    let scenario = scenario("outside.toml", &text, &[]);
    let practice = &scenario.parameters.practice;
    let cattle =
        CattleParameters { max_size: "10".parse().expect("a factor"), ..CattleParameters::default() };
    let build = || -> Box<dyn Platform> {
        let cattle = Cattle::new(cattle.clone(), practice.clone());
        Box::new(cattle.with_scaling(|_| Box::new(AtLeastSeven)))
    };
    let contestant = Contestant { name: "seven".into(), kind: "cattle".into(), build: Box::new(build) };
    let results = compare(&scenario, &[contestant], None, &Unwatched).expect("it runs");
    // Seven were asked for in the warm-up hour, and nothing breaks.
    assert_close(value(&results, "seven", "vms"), 7.0, 1e-9, "machines");
}

/// Target tracking that is asked every minute, whatever happens.
struct Sleepless(TargetTracking);

impl ScalingPolicy for Sleepless {
    fn decide(&mut self, group: &GroupView) -> Decision {
        self.0.decide(group)
    }
}

#[test]
fn a_policy_that_is_not_asked_while_nothing_changes_decides_as_one_that_always_is() {
    // A daily rhythm, releases, machines that crash, and a registry that fails: every reason for a look.
    let (before, after) = (CRASHES.find("[platform.pets]"), CRASHES.find("[cloud]"));
    let (before, after) = (&CRASHES[..before.expect("a platform")], &CRASHES[after.expect("a cloud")..]);
    let text = format!("{before}[platform.herd]\nkind = \"cattle\"\n{after}");
    let sets = [
        "run.length=2w",
        "service.web.traffic.rate=400/s",
        "service.web.traffic.diurnal.amplitude=0.8",
        "service.web.release.rate=5/week",
    ];
    for registry in
        [&[][..], &["platform.herd.discovery.kind=registry", "faults.discovery_outage.rate=50/year"]]
    {
        let scenario = scenario("outside.toml", &text, &[&sets[..], registry].concat());
        let Some(PlatformParameters::Cattle(parameters)) = scenario.parameters.platform.get("herd") else {
            panic!("the herd is cattle")
        };
        let facts = |always: bool| {
            let tracking = || TargetTracking::new(ScalingParameters::default());
            let mut cattle = Cattle::new(parameters.clone(), scenario.parameters.practice.clone())
                .with_scaling(
                    move |_| if always { Box::new(Sleepless(tracking())) } else { Box::new(tracking()) },
                );
            let mut facts = Facts::default();
            let mut world = World::new(&scenario.world, 1, 0);
            let (events, _) = simulation::run(&mut world, &mut cattle, &mut facts);
            (facts.0, events)
        };
        let ((resting, few), (always, many)) = (facts(false), facts(true));
        assert!(resting.iter().filter(|(_, o)| matches!(o, Observation::VmLaunched { .. })).count() > 50);
        assert_eq!(resting, always);
        // Two weeks have 20,160 minutes.
        assert!(few + 5_000 < many, "{few} and {many} events");
    }
}

#[derive(Default)]
struct Facts(Vec<(SimTime, Observation)>);

impl Watcher for Facts {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        self.0.push((time, observation.clone()));
    }
}
