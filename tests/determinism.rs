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
use std::fmt::Debug;

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

/// All rows of these platforms, as text by file; and the differences between them.
///
/// What nobody met has a row only where somebody else met it, and Holm's correction counts the pairs there are: those
/// two depend on the company by design.
fn rows_of(results: &ResultSet, platforms: &[&str]) -> Vec<(&'static str, Vec<String>)> {
    fn texts<Row: Debug>(rows: &[Row], keep: impl Fn(&Row) -> bool) -> Vec<String> {
        rows.iter().filter(|row| keep(row)).map(|row| format!("{row:?}")).collect()
    }
    let is_in = |name: &str| platforms.contains(&name);
    let mut differences = results.differences.clone();
    differences.iter_mut().for_each(|row| row.p_adjusted = None);
    let met = |value: Option<f64>, of: Option<f64>| value.is_some() || of.is_some_and(|of| of != 0.0);
    vec![
        ("manifest", texts(&results.manifest.platforms, |p| is_in(&p.name))),
        ("summary", texts(&results.summary, |row| is_in(&row.platform) && row.replications > 0)),
        ("replications", texts(&results.replications, |r| is_in(&r.platform) && met(r.value, r.denominator))),
        ("timeseries", texts(&results.timeseries, |row| is_in(&row.platform))),
        ("incidents", texts(&results.incidents, |row| is_in(&row.platform))),
        ("costs", texts(&results.costs, |row| is_in(&row.platform))),
        (
            "differences",
            texts(&differences, |row| {
                is_in(&row.platform_a) && is_in(&row.platform_b) && row.difference.is_some()
            }),
        ),
    ]
}

#[test]
fn one_more_platform_changes_no_row_of_the_others() {
    let scenario = quickstart(&STORMY);
    let together = run(&scenario);
    let names = scenario.platform_names();
    let alone = names.iter().map(|&name| vec![name]);
    for company in alone.chain([vec![names[0], names[1]], vec![names[0], names[2]]]) {
        let platforms = company.iter().map(|&name| name.to_owned()).collect();
        let fewer = run_with(&scenario, Options { jobs: None, platforms });
        for ((file, before), (_, after)) in
            rows_of(&fewer, &company).iter().zip(&rows_of(&together, &company))
        {
            assert_eq!(before.len(), after.len(), "{file} of {company:?}");
            let changed = before.iter().zip(after).find(|(before, after)| before != after);
            assert_eq!(changed, None, "{file} of {company:?}");
        }
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

/// Long enough for tens of crashes and releases; machines keep their slots. What images carry along makes versions
/// better on some platforms: not here.
const WEATHER: [&str; 6] = [
    "run.length=3w",
    "faults.vm_crash.rate=50/year",
    "faults.vm_loss.rate=0/year",
    "faults.zone_outage.rate=0/year",
    "service.shop.release.failure_rate=50%",
    "practice.environment_mismatch=0%",
];

/// Every entry that both have is the same in both. Gives back how many there are.
fn common<K: Ord + Debug, V: PartialEq + Debug>(a: &BTreeMap<K, V>, b: &BTreeMap<K, V>) -> usize {
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
fn one_more_kind_of_fault_changes_the_weather_of_no_other() {
    let milder = ["faults.slow_vm.rate=100/year", "faults.rack_network.rate=100/year"];
    let harder = [
        "faults.rack_outage.rate=30/year",
        "faults.power_outage.rate=10/year",
        "faults.overheating.rate=5/year",
    ];
    // Small machines, so that there are many to crash.
    let only = [
        "faults.rack_outage.rate=0/year",
        "faults.rack_network.rate=0/year",
        "practice.machines=['m7i.large']",
    ];
    let calm = [&WEATHER[..], &only].concat();
    let before = quickstart(&calm);
    let pets = |scenario: &Scenario| {
        let pets = scenario.parameters.platform.iter().find(|(_, p)| p.kind().name() == "pets");
        weather(scenario, pets.expect("the quickstart has pets").1)
    };
    let ours = pets(&before);
    assert!(ours.faults.len() > 20);
    // Machines that are slow or hard to reach go on running, so every crash hits that hit before.
    let slow = pets(&quickstart(&[&calm[..], &milder].concat()));
    assert_eq!(slow.faults, ours.faults);
    // A machine that is down already cannot crash, but no crash moves, and releases are not touched.
    let dark = pets(&quickstart(&[&calm[..], &harder].concat()));
    assert!(common(&ours.faults, &dark.faults) > ours.faults.len() / 2);
    assert!(dark.faults.len() > ours.faults.len(), "racks have failed too");
    assert_eq!(dark.releases, ours.releases);
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

/// A service that has everything the others have.
const EXTRA: [&str; 4] = [
    "service.zeta.cpu_per_request=30ms",
    "service.zeta.traffic.rate=30/s",
    "service.zeta.traffic.bursts.dispersion=20",
    "service.zeta.container.app.cpu=250m",
];

/// Nobody waits for another service's people, no machine moves to another host, and no service is overloaded.
///
/// The first two are ties in the real world too: one team has so many hands, and a new machine gets whatever host of
/// the zone is free, which depends on who came before. The third is the error of following a crowd in steps, which
/// are cut wherever anything happens: some 0.01 % of what an overloaded service does.
const UNTIED: [&str; 12] = [
    "run.length=2w",
    "run.replications=3",
    "team.engineers=100",
    "team.on_call=100",
    "faults.vm_loss.rate=0/year",
    "faults.zone_outage.rate=0/year",
    "faults.rack_outage.rate=0/year",
    "faults.rack_network.rate=0/year",
    "faults.vm_crash.rate=50/year",
    "faults.process_crash.rate=20/month",
    "faults.slow_vm.rate=50/year",
    "practice.headroom=200%",
];

/// A group of fixed size whose machines are not replaced: a process that hangs, or an image that lacks fixes, would cost
/// its machines.
const STEADY_HERD: [&str; 8] = [
    "platform.cattle.scaling.policy=none",
    "faults.process_crash.hang_share=0%",
    "faults.vm_crash.rate=0/year",
    "service.shop.release.rate=0/week",
    "service.partners.release.rate=0/week",
    "service.mailer.release.rate=0/week",
    "vulnerabilities.system=0/year",
    "vulnerabilities.runtime=0/year",
];

#[test]
fn one_more_service_changes_no_number_of_the_others_where_they_share_no_machine() {
    let check = |platform: &str, sets: &[&str]| {
        let options = || Options { jobs: None, platforms: vec![platform.to_owned()] };
        let common = [&UNTIED[..], sets].concat();
        let before = run_with(&quickstart(&common), options());
        let after = run_with(&quickstart(&[&common[..], &EXTRA].concat()), options());
        let old = |service: &str| ["shop", "partners", "mailer"].contains(&service);
        let numbers = |results: &ResultSet| -> Vec<(String, f64)> {
            let summary = results.summary.iter().filter(|r| old(&r.service));
            let value = |r: &SummaryRow| {
                (format!("{} {} {}", r.service, r.metric, r.statistic), r.value.unwrap_or(-1.0))
            };
            let series = results.timeseries.iter().filter(|r| old(&r.service)).flat_map(|r| {
                let parts = [
                    ("offered", r.offered_rps),
                    ("served", r.served_rps),
                    ("failed", r.failed_rps),
                    ("useful", r.useful_cores),
                    ("ready", r.boxes_ready),
                ];
                parts.map(|(of, value)| (format!("{} {of} {}", r.service, r.time), value))
            });
            summary.map(value).chain(series).collect()
        };
        let (ours, theirs) = (numbers(&before), numbers(&after));
        assert!(ours.len() > 4_000, "{platform}: {}", ours.len());
        // Sums are cut where something happens to anybody: their last digits may differ.
        let same = |a: &(String, f64), b: &(String, f64)| {
            a.0 == b.0 && (a.1 - b.1).abs() <= 1e-9 * a.1.abs().max(1e-3)
        };
        let changed: Vec<_> = ours.iter().zip(&theirs).filter(|(a, b)| !same(a, b)).take(9).collect();
        assert!(changed.is_empty() && ours.len() == theirs.len(), "{platform}: {changed:#?}");
        let incidents =
            |results: &ResultSet| -> usize { results.incidents.iter().filter(|r| old(&r.service)).count() };
        assert!(incidents(&before) > 10, "{platform}: too calm to show anything");
        assert_eq!(incidents(&before), incidents(&after), "{platform}");
    };
    check("pets", &[]);
    check("cattle", &STEADY_HERD);
}

#[test]
fn one_more_service_brings_no_request_more_or_less_to_the_others() {
    let offered = |sets: &[&str]| -> Vec<(String, String, String, f64)> {
        let common = [
            "run.length=1w",
            "run.replications=2",
            "service.shop.traffic.flash.rate=100/year",
            "service.shop.traffic.bursts.dispersion=20",
        ];
        let results = run(&quickstart(&[&common[..], sets].concat()));
        let rows = results.timeseries.into_iter().filter(|r| !r.service.is_empty() && r.service != "zeta");
        rows.map(|r| (r.platform, r.service, r.time, r.offered_rps)).collect()
    };
    let (before, after) = (offered(&[]), offered(&EXTRA));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        // Sums over a bucket are cut where something happened to the service: the last digits may differ.
        assert!((before.3 / after.3 - 1.0).abs() < 1e-9, "{before:?} and {after:?}");
        assert_eq!((&before.0, &before.1, &before.2), (&after.0, &after.1, &after.2));
    }
    let (pets, rest) = before.split_at(before.len() / 3);
    for (pet, other) in pets.iter().zip(rest) {
        assert!((pet.3 / other.3 - 1.0).abs() < 1e-9, "{pet:?} and {other:?}: the same requests everywhere");
    }
}
