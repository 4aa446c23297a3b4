//! What traffic does to a service: more of a cause has more of its effect, and nothing else.

use crate::support::{assert_close, quickstart, run, scenario, value};
use boxherd::engine::SimTime;
use boxherd::platform::Platform;
use boxherd::scenario::{self as scenarios, Scenario};
use boxherd::simulation::{self, Watcher};
use boxherd::world::observation::FlowObservation;
use boxherd::world::{Observation, World};
use std::collections::BTreeMap;
use std::path::Path;

/// Pets of a fixed size under flat load, to which nothing happens.
const FLAT: &str = r#"
[run]
length = "3d"
warm_up = "1h"
replications = 2

[service.web]
cpu_per_request = "20ms"
release.rate = "0/week"
traffic.rate = "100/s"
traffic.diurnal.amplitude = 0

[service.web.container.app]
cpu = "500m"
startup = "1s"

[platform.pets]
kind = "pets"
page_after = "99d"
size.web.boxes = 3
size.web.machine = "m7i.large"

[vulnerabilities]
system = "0/year"
runtime = "0/year"

[faults]
vm_crash.rate = "0/year"
vm_loss.rate = "0/year"
process_crash.rate = "0/year"
zone_outage.rate = "0/year"
"#;

/// All that one platform said about requests, and about anything that comes from outside.
#[derive(Default)]
struct Log {
    flows: Vec<FlowObservation>,
    /// Releases by service and version: when, and whether bad.
    releases: BTreeMap<(u16, u32), (SimTime, bool)>,
    /// Machines and boxes that broke, in words.
    faults: Vec<String>,
}

impl Watcher for Log {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match observation {
            Observation::Flow(flow) => self.flows.push(*flow),
            Observation::ReleaseHandedOver { service, version, bad } => {
                self.releases.insert((service.0, version.0), (time, *bad));
            }
            Observation::VmDown { .. } | Observation::GroupStruck { .. } => {
                self.faults.push(format!("{time:?} {observation:?}"));
            }
            _ => {}
        }
    }
}

impl Log {
    fn of(scenario: &Scenario, platform: &str) -> Log {
        let mut world = World::new(&scenario.world, scenario.parameters.run.seed, 0);
        let parameters = scenario.parameters.platform.get(platform).expect("a platform of the scenario");
        let mut platform: Box<dyn Platform> = parameters.build(&scenario.parameters.practice);
        let mut log = Log::default();
        simulation::run(&mut world, platform.as_mut(), &mut log);
        log
    }

    /// ∫ rate dt [requests].
    fn requests(&self, rate: impl Fn(&FlowObservation) -> f64) -> f64 {
        self.flows.iter().map(|flow| rate(flow) * flow.seconds()).sum()
    }

    fn highest(&self, rate: impl Fn(&FlowObservation) -> f64) -> f64 {
        self.flows.iter().map(rate).fold(0.0, f64::max)
    }
}

fn flat(overrides: &[&str]) -> Scenario {
    scenario("flat.toml", FLAT, overrides)
}

#[test]
fn more_of_a_flash_crowd_an_event_or_growth_is_more_served_at_the_peak() {
    // 3 machines of 2 cores serve 6 / 0.020 = 300 requests/s at most; peaks stay below 240.
    let peak = |overrides: &[&str]| Log::of(&flat(overrides), "pets").highest(|flow| flow.served);
    let check = |name: &str, overrides: &[&str], expected: f64| {
        // At 80 % load a few of ten thousand wait longer than their patience of 5 s.
        assert_close(peak(overrides), expected, expected * 1e-3, name);
    };
    check("nothing", &[], 100.0);
    let crowd = "service.web.traffic.flash.at=['2026-01-06T12:03']";
    check("crowd", &[crowd, "service.web.traffic.flash.factor=1.2"], 120.0);
    check("crowd, twice", &[crowd, "service.web.traffic.flash.factor=2.4"], 240.0);
    let event = "service.web.traffic.event.sale.on=['01-06']";
    check("event", &[event, "service.web.traffic.event.sale.factor=1.1"], 110.0);
    check("event, twice", &[event, "service.web.traffic.event.sale.factor=2.2"], 220.0);
    // 73 h of a year of 8760: a hundredfold a year is 100^(73/8760) = 1.0391 at the end.
    let grown = |per_year: f64| 100.0 * per_year.powf(73.0 / 8_760.0);
    check("growth", &["service.web.traffic.growth.per_year=50"], grown(50.0));
    check("growth, twice", &["service.web.traffic.growth.per_year=100"], grown(100.0));
}

#[test]
fn a_flash_crowd_above_the_capacity_is_not_served() {
    let overrides =
        ["service.web.traffic.flash.at=['2026-01-06T12:00']", "service.web.traffic.flash.factor=6"];
    let log = Log::of(&flat(&overrides), "pets");
    assert_close(log.highest(|flow| flow.offered), 600.0, 1e-6, "offered");
    // The machines work off 300/s of 20 ms on average; of 600/s they finish the short ones in time, and no more work.
    let cores = log.highest(|flow| flow.useful_cores + flow.wasted_cores);
    assert!(cores <= 300.0 * 0.02 * 1.001, "{cores} cores");
    let at_once = log.highest(|flow| flow.served);
    assert!(at_once < 560.0, "{at_once} of 600");
}

#[test]
fn bursts_cost_latency_and_requests_but_bring_no_more_of_them() {
    // λ·w = 100 · 60 = 6000 a minute: an index of 600 is a relative deviation of √(599/6000) = 0.32 a minute, which
    // reaches the 300/s of the machines now and then; 60 is 0.099, which never does.
    let of = |dispersion: &str| {
        let scenario =
            flat(&["run.length=10d", &format!("service.web.traffic.bursts.dispersion={dispersion}")]);
        let log = Log::of(&scenario, "pets");
        let late = log.requests(|flow| flow.late) / log.requests(|flow| flow.offered);
        (log.requests(|flow| flow.offered), late, value(&run(&scenario), "pets", "latency_p99"))
    };
    let (none, some, many) = (of("1"), of("60"), of("2400"));
    // 241 h are n = 14460 minutes; the mean of their levels is off by √(I − 1)/√(6000·n): 0.5 % for 2400. Three of them.
    assert_close(some.0 / none.0, 1.0, 3.0 * (59.0 / 6_000.0 / 14_460.0_f64).sqrt(), "requests, 60");
    assert_close(many.0 / none.0, 1.0, 3.0 * (2_399.0 / 6_000.0 / 14_460.0_f64).sqrt(), "requests, 2400");
    assert!(none.1 <= some.1 && some.1 < many.1, "late: {} {} {}", none.1, some.1, many.1);
    assert!(none.2 < some.2 && some.2 < many.2, "p99: {} {} {}", none.2, some.2, many.2);
}

#[test]
fn crowds_and_bursts_are_the_same_on_every_platform() {
    let scenario = quickstart(&[
        "run.length=4d",
        "service.shop.traffic.flash.rate=100/year",
        "service.shop.traffic.bursts.dispersion=100",
    ]);
    let offered: Vec<BTreeMap<SimTime, f64>> = scenario
        .platform_names()
        .iter()
        .map(|name| offered_by_segment(&Log::of(&scenario, name), 0))
        .collect();
    for other in &offered[1..] {
        assert_eq!(*other, offered[0]);
    }
    // Five days of minutes.
    assert!(offered[0].len() >= 5 * 1_440, "{}", offered[0].len());
}

/// What a service was offered, by the instant at which that changed.
fn offered_by_segment(log: &Log, service: u16) -> BTreeMap<SimTime, f64> {
    let (mut changes, mut last) = (BTreeMap::new(), -1.0);
    for flow in log.flows.iter().filter(|flow| flow.service.0 == service) {
        if flow.offered != last {
            changes.insert(flow.from, flow.offered);
            last = flow.offered;
        }
    }
    changes
}

#[test]
fn a_curve_of_one_service_changes_nothing_that_comes_to_another() {
    // Pets, whose machines stay in their slots whatever the load. Shop is the first service of the quickstart.
    let calm = ["run.length=1w", "platform.pets.size.shop.boxes=4", "faults.vm_crash.rate=100/year"];
    let curves = [
        "service.shop.traffic.flash.rate=200/year",
        "service.shop.traffic.flash.factor=1.5",
        "service.shop.traffic.bursts.dispersion=20",
        "service.shop.traffic.growth.per_year=2",
    ];
    let before = Log::of(&quickstart(&calm), "pets");
    let after = Log::of(&quickstart(&[&calm[..], &curves].concat()), "pets");
    assert_ne!(offered_by_segment(&before, 0), offered_by_segment(&after, 0));
    for other in [1, 2] {
        assert_eq!(offered_by_segment(&before, other), offered_by_segment(&after, other), "service {other}");
    }
    assert_eq!(before.releases, after.releases);
    assert_eq!(before.faults, after.faults);
    assert!(before.releases.len() > 3 && before.faults.len() > 3);
}

#[test]
fn mistakes_in_curves_are_shown_at_once_with_place_and_cure() {
    let check = |overrides: &[&str], expected: &[&str]| {
        let overrides: Vec<String> = overrides.iter().map(|&o| o.to_owned()).collect();
        let result = scenarios::load_text("flat.toml", FLAT.as_bytes(), Path::new("/nowhere"), &overrides);
        let text = result.err().expect("it is refused").render(false);
        for part in expected {
            assert!(text.contains(part), "no `{part}` in\n{text}");
        }
    };
    check(
        &[
            "service.web.traffic.event.sale.on=[]",
            "service.web.traffic.event.other.on=['11-31']",
            "service.web.traffic.event.third.factor=2",
            "service.web.traffic.flash.at=['tomorrow']",
            "service.web.traffic.bursts.dispersion=0.5",
            "service.web.traffic.yearly.peak=02-29",
        ],
        &[
            "expected at least one day",
            "`11-31`, which is not a day of every year",
            "service.web.traffic.event.third",
            "`tomorrow`, which is not a date, `T` and a time",
            "expected from 1 to 1000000",
            "`02-29`, which is not a day of every year",
            "6 problems",
        ],
    );
    // FLAT sets the daily wave, which with a recording in place of the rate would do nothing.
    let recorded = FLAT.replace("traffic.rate = \"100/s\"", "traffic.file = \"mine.csv\"");
    let result = scenarios::load_text("flat.toml", recorded.as_bytes(), Path::new("/nowhere"), &[]);
    let text = result.err().expect("it is refused").render(false);
    assert!(text.contains("`traffic.diurnal` has no effect on a recording"), "{text}");
    assert!(text.contains("leave out `traffic.diurnal`"), "{text}");
}
