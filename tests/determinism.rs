//! The same seed gives the same bytes; what one thing does not touch does not change.

use crate::support::{Scratch, files_in, quickstart, run, run_with};
use boxherd::engine::SimTime;
use boxherd::experiment::Options;
use boxherd::platform::{Platform, PlatformParameters};
use boxherd::results::rows::{ResultSet, SummaryRow};
use boxherd::scenario::Scenario;
use boxherd::simulation::{self, Watcher};
use boxherd::world::{FaultId, Observation, VmId, World, ZoneId};
use std::collections::BTreeMap;

/// Two days with enough trouble to show a difference.
const STORMY: [&str; 5] = [
    "run.length=2d",
    "run.replications=4",
    "faults.vm_crash.rate=100/year",
    "faults.process_crash.rate=30/month",
    "service.shop.release.rate=5/week",
];

fn digests(results: &ResultSet) -> Vec<(String, Vec<String>)> {
    results.manifest.platforms.iter().map(|p| (p.name.clone(), p.digests.clone())).collect()
}

#[test]
fn every_byte_is_the_same_on_one_thread_and_on_two() {
    let write = |jobs: &str| {
        let scratch = Scratch::new("jobs");
        let sets = STORMY.iter().flat_map(|set| ["--set", set]);
        let mut command = assert_cmd::Command::cargo_bin("boxherd").expect("cargo builds it");
        command.current_dir(scratch.path()).args(["run", "-q", "--jobs", jobs]).args(sets).assert().success();
        files_in(&scratch.path().join("results/quickstart"))
    };
    let (one, two) = (write("1"), write("2"));
    assert!(one.len() > 8);
    for ((name, first), (other_name, second)) in one.iter().zip(&two) {
        assert_eq!(name, other_name);
        assert!(first == second, "{name} differs");
    }
    assert_eq!(one.len(), two.len());
}

#[test]
fn the_same_seed_gives_the_same_digests_and_another_seed_others() {
    let first = digests(&run(&quickstart(&STORMY)));
    assert_eq!(first, digests(&run(&quickstart(&STORMY))));
    let other = digests(&run(&quickstart(&[&STORMY[..], &["run.seed=2"]].concat())));
    for ((name, ours), (_, theirs)) in first.iter().zip(&other) {
        assert!(ours.iter().all(|digest| !theirs.contains(digest)), "{name}: {ours:?} and {theirs:?}");
    }
    // Replications of one seed differ from each other, and so do platforms.
    let mut all: Vec<&String> = first.iter().flat_map(|(_, digests)| digests).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 4 * first.len());
}

#[test]
fn more_replications_change_none_of_the_first() {
    let few = digests(&run(&quickstart(&STORMY)));
    let more = digests(&run(&quickstart(&[&STORMY[..], &["run.replications=6"]].concat())));
    for ((name, few), (_, more)) in few.iter().zip(&more) {
        assert_eq!(few[..], more[..4], "{name}");
    }
}

#[test]
fn a_platform_alone_has_the_numbers_it_has_in_company() {
    let scenario = quickstart(&STORMY);
    let together = run(&scenario);
    for name in scenario.platform_names() {
        let alone = run_with(&scenario, Options { jobs: None, platforms: vec![name.to_owned()] });
        let numbers = |results: &ResultSet| -> Vec<SummaryRow> {
            results.summary.iter().filter(|row| row.platform == name).cloned().collect()
        };
        // One platform has no pairs and so no family of comparisons, but its own numbers are all there.
        assert_eq!(numbers(&alone), numbers(&together), "{name}");
        let of = |results: &ResultSet| digests(results).into_iter().find(|(n, _)| n == name);
        assert_eq!(of(&alone), of(&together));
    }
}

/// What comes from outside, as one platform lived through it.
#[derive(Default)]
struct Weather {
    slots: BTreeMap<VmId, (ZoneId, u32)>,
    /// When and where each machine fault struck.
    faults: BTreeMap<FaultId, (SimTime, ZoneId, u32)>,
    /// (service, version) and when it was handed over, and whether it is bad.
    releases: BTreeMap<(u16, u32), (SimTime, bool)>,
}

impl Watcher for Weather {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match *observation {
            Observation::VmLaunched { vm, zone, slot, .. } => {
                self.slots.insert(vm, (zone, slot));
            }
            Observation::VmDown { vm, fault, .. } => {
                let (zone, slot) = self.slots[&vm];
                self.faults.insert(fault, (time, zone, slot));
            }
            Observation::ReleaseHandedOver { service, version, bad } => {
                self.releases.insert((service.0, version.0), (time, bad));
            }
            _ => {}
        }
    }
}

fn weather(scenario: &Scenario, platform: &PlatformParameters) -> Weather {
    let mut world = World::new(&scenario.world, scenario.parameters.run.seed, 0);
    let mut platform: Box<dyn Platform> = platform.build(&scenario.parameters.practice);
    let mut weather = Weather::default();
    simulation::run(&mut world, platform.as_mut(), &mut weather);
    weather
}

/// Long enough for tens of crashes and releases; machines keep their slots.
const WEATHER: [&str; 5] = [
    "run.length=3w",
    "faults.vm_crash.rate=50/year",
    "faults.vm_loss.rate=0/year",
    "faults.zone_outage.rate=0/year",
    "service.shop.release.failure_rate=50%",
];

/// Every entry that both have is the same in both. Gives back how many there are.
fn common<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    a: &BTreeMap<K, V>,
    b: &BTreeMap<K, V>,
) -> usize {
    let both = a.iter().filter_map(|(key, value)| Some((key, value, b.get(key)?)));
    both.map(|(key, ours, theirs)| assert_eq!(ours, theirs, "{key:?}")).count()
}

#[test]
fn all_platforms_live_through_the_same_weather() {
    let scenario = quickstart(&WEATHER);
    let of = |platform: &PlatformParameters| weather(&scenario, platform);
    let all: Vec<Weather> = scenario.parameters.platform.iter().map(|(_, p)| of(p)).collect();
    for other in &all[1..] {
        assert_eq!(other.releases, all[0].releases);
        // Which slots have a machine depends on the platform, so not every crash hits on both.
        assert!(common(&all[0].faults, &other.faults) >= 5);
    }
    assert!(all[0].releases.len() > 10);
}

#[test]
fn one_more_service_changes_the_weather_of_no_other() {
    let more = [
        &WEATHER[..],
        &[
            "service.extra.cpu_per_request=30ms",
            "service.extra.traffic.rate=3/s",
            "service.extra.container.app.cpu=250m",
        ],
    ]
    .concat();
    let (before, after) = (quickstart(&WEATHER), quickstart(&more));
    for ((name, platform), (_, with_more)) in
        before.parameters.platform.iter().zip(after.parameters.platform.iter())
    {
        let (ours, theirs) = (weather(&before, platform), weather(&after, with_more));
        assert_eq!(common(&ours.releases, &theirs.releases), ours.releases.len(), "{name}");
        assert!(theirs.releases.len() > ours.releases.len(), "the new service has releases of its own");
        let same = common(&ours.faults, &theirs.faults);
        match platform.kind().name() {
            // A pet keeps its slot: all that hit it before hits it again.
            "pets" => assert_eq!(same, ours.faults.len(), "{name}"),
            _ => assert!(same >= 5, "{name}: {same} of {}", ours.faults.len()),
        }
    }
}
