//! Golden replays: one crash, one loss and one bad release on every platform of the quickstart, line by line.
//!
//! They change whenever a control plane does anything else, or at another time. If that is intended:
//!
//! ```text
//! BLESS=1 cargo test --release --test integration golden
//! ```
//!
//! then read the difference, and say in the commit what changed and why.

use crate::support::{quickstart, quiet};
use boxherd::scenario::Scenario;
use boxherd::simulation::{ReplayFilter, ReplayRequest, replay};
use std::path::Path;

/// One steady service; platforms are added below.
const STEADY: &str = r#"
[run]
length = "4w"
seed = 1

[service.web]
cpu_per_request = "40ms"
traffic.rate = "40/s"
traffic.diurnal.amplitude = 0
release.rate = "0/week"

[service.web.container.app]
cpu = "500m"
memory = "512MiB"
"#;

/// More would not be read.
const MAX_LINES: usize = 50;

/// Otherwise what a supervisor tries in vain until somebody comes would fill the page.
const PATIENT: &str = "platform.pets.restart_delay=10m";

/// A story is over after so many instants, ticks of which nothing came included.
const MAX_INSTANTS: usize = 2_000;

fn steady(overrides: &[&str]) -> Scenario {
    let kinds = quickstart(&[]);
    let platforms = kinds.parameters.platform.iter().map(|(name, p)| {
        let kind = p.kind().name();
        // An upgrade of all nodes is a story of its own.
        let quiet = if kind == "kubernetes" { "node_upgrade.enabled = false\n" } else { "" };
        format!("[platform.{name}]\nkind = \"{kind}\"\n{quiet}")
    });
    let text = STEADY.to_owned() + &platforms.collect::<String>();
    quiet("steady.toml", &text, overrides)
}

fn replay_all(scenario: &Scenario, platform: &str) -> String {
    let request = ReplayRequest {
        platform: platform.to_owned(),
        replication: 0,
        from: Some("1d".to_owned()),
        until: None,
        filter: ReplayFilter::All,
    };
    let mut text = Vec::new();
    replay(scenario, &request, &mut text).expect("it is a good request");
    String::from_utf8(text).expect("UTF-8")
}

/// The story from the first line that contains `begin` until the next such line: all lines of an instant belong
/// together, and ticks of which nothing came are left out.
fn story(all: &str, begin: &str) -> Option<String> {
    let time = |line: &'_ str| line.get(..LENGTH_OF_TIME).unwrap_or_default().to_owned();
    let start = time(all.lines().find(|line| line.contains(begin))?);
    let later: Vec<&str> = all.lines().skip_while(|line| time(line) != start).collect();
    let mut told = String::new();
    for instant in later.chunk_by(|a, b| time(a) == time(b)).take(MAX_INSTANTS) {
        let begins_again = time(instant[0]) != start && instant.iter().any(|line| line.contains(begin));
        if begins_again || told.lines().count() >= MAX_LINES {
            break;
        }
        if instant.iter().any(|line| !line.contains("  · ")) {
            told.extend(instant.iter().map(|line| format!("{line}\n")));
        }
    }
    Some(told)
}

/// `  1d 15:47:52.485`
const LENGTH_OF_TIME: usize = 17;

/// The story that `begin` begins, on every platform.
fn check(name: &str, overrides: &[&str], begin: &str) {
    check_on(&steady(&[]).platform_names(), name, overrides, begin);
}

fn check_on(platforms: &[&str], name: &str, overrides: &[&str], begin: &str) {
    let scenario = steady(overrides);
    let mut changed = Vec::new();
    for &platform in platforms {
        let all = replay_all(&scenario, platform);
        let got = story(&all, begin).unwrap_or_else(|| panic!("{platform} never says {begin:?}"));

        let file = format!("tests/golden/{platform}-{name}.txt");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(&file);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &got).expect("the source is writable");
            continue;
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        if let Some(difference) = first_difference(&expected, &got) {
            changed.push(format!("{file}:{difference}"));
        }
    }
    assert!(
        changed.is_empty(),
        "{}\n\nIf this is intended: BLESS=1 cargo test --release --test integration golden, and say why in the commit.",
        changed.join("\n\n")
    );
}

/// Line number, what was expected there and what came.
fn first_difference(expected: &str, got: &str) -> Option<String> {
    if expected == got {
        return None;
    }
    let count = expected.lines().count().max(got.lines().count());
    let line = |text: &str, i: usize| text.lines().nth(i).unwrap_or("(the end)").to_owned();
    let at = (0..count).find(|&i| line(expected, i) != line(got, i))?;
    Some(format!("{}\n  expected {}\n  got      {}", at + 1, line(expected, at), line(got, at)))
}

#[test]
fn a_crash_of_a_machine() {
    check("vm-crash", &["faults.vm_crash.rate=20/year"], "MACHINE DOWN: vm-crash");
}

#[test]
fn a_loss_of_a_machine() {
    check("vm-loss", &["faults.vm_loss.rate=20/year"], "MACHINE DOWN: vm-loss");
}

#[test]
fn an_outage_of_a_rack() {
    check("rack-outage", &["faults.rack_outage.rate=20/year", "faults.rack_size=1"], "IS DOWN: rack-outage");
}

#[test]
fn a_slow_machine() {
    check(
        "slow-vm",
        &["faults.slow_vm.rate=60/year", "faults.slow_vm.lasts=3h"],
        "MACHINE RUNS BADLY: slow-vm",
    );
}

#[test]
fn a_reclaim_of_a_spot_machine() {
    let overrides = [
        "platform.cattle.purchase=spot",
        "platform.k8s.node_pool.purchase=spot",
        "faults.spot_reclaim.rate=2/month",
    ];
    check_on(&["cattle", "k8s"], "spot-reclaim", &overrides, "the cloud will take it back");
}

#[test]
fn a_crash_of_a_process() {
    check("process-crash", &["faults.process_crash.rate=1/week"], "DOWN: process-crash");
}

#[test]
fn a_bad_release_that_fails_requests() {
    let overrides = [
        "service.web.release.rate=1/week",
        "service.web.release.failure_rate=100%",
        "service.web.release.fails_to_start=0%",
    ];
    check("bad-release", &overrides, "is handed over (bad");
}

#[test]
fn a_bad_release_that_cannot_start() {
    let overrides = [
        "service.web.release.rate=1/week",
        "service.web.release.failure_rate=100%",
        "service.web.release.fails_to_start=100%",
    ];
    check("release-fails-to-start", &overrides, "is handed over (bad");
}

/// A second service in the machines of the first.
const TOGETHER: [&str; 5] = [
    "service.mail.cpu_per_request=40ms",
    "service.mail.traffic.rate=5/s",
    "service.mail.release.rate=0/week",
    "service.mail.container.app.cpu=500m",
    "platform.pets.together.group.all.services=['web', 'mail']",
];

#[test]
fn a_machine_that_two_services_share_is_lost() {
    let overrides = [&TOGETHER[..], &["faults.vm_loss.rate=20/year"]].concat();
    check_on(&["pets"], "together-vm-loss", &overrides, "MACHINE DOWN: vm-loss");
}

#[test]
fn a_version_breaks_who_shares_its_machine() {
    let overrides =
        [&TOGETHER[..], &["service.web.release.rate=1/week", "faults.conflict.chance=100%", PATIENT]]
            .concat();
    check_on(&["pets"], "together-conflict", &overrides, "DOWN: conflict");
}

#[test]
fn a_wrong_configuration_that_fails_requests() {
    let overrides = [
        "faults.bad_configuration.rate=2/week",
        "faults.bad_configuration.wrong=100%",
        "faults.bad_configuration.fails_to_start=0%",
    ];
    check("bad-configuration", &overrides, "is to go to all boxes");
}

#[test]
fn a_wrong_configuration_that_keeps_boxes_from_starting() {
    let overrides = [
        "faults.bad_configuration.rate=2/week",
        "faults.bad_configuration.wrong=100%",
        "faults.bad_configuration.fails_to_start=100%",
    ];
    check("configuration-fails-to-start", &overrides, "is to go to all boxes");
}

#[test]
fn an_outage_of_the_clouds_api() {
    let overrides = [
        "service.web.traffic.diurnal.amplitude=0.8",
        "service.web.traffic.rate=200/s",
        "faults.cloud_api_outage.rate=4/week",
        "faults.cloud_api_outage.lasts=10h",
    ];
    check_on(&["cattle", "k8s"], "cloud-api-outage", &overrides, "API IS DOWN");
}

#[test]
fn a_full_disk() {
    check_on(&["pets"], "disk-full", &["faults.disk_full.rate=2/month", PATIENT], "DOWN: disk-full");
    let overrides = ["faults.disk_full.rate=2/month", "platform.cattle.disk_fills=100%"];
    check_on(&["cattle"], "disk-full", &overrides, "DOWN: disk-full");
}

/// A year has a hundred vulnerabilities, all in one layer.
const PATCHED: [&str; 3] =
    ["vulnerabilities.system=100/year", "vulnerabilities.kernel=100%", "run.length=3w"];

#[test]
fn a_kernel_that_is_patched_by_hand() {
    let by_hand = ["platform.pets.patching.delay=2h", "platform.pets.patching.reboot_deferred=0%"];
    let overrides = [&PATCHED[..], &by_hand, &["vulnerabilities.system=24/year"]].concat();
    check_on(&["pets"], "patch", &overrides, "VULNERABILITY");
}

#[test]
fn a_pet_that_patches_and_reboots_itself() {
    let unattended =
        ["platform.pets.patching.way=unattended", "platform.pets.patching.automatic_reboot=true"];
    let overrides = [&PATCHED[..], &unattended, &["vulnerabilities.system=24/year"]].concat();
    check_on(&["pets"], "unattended", &overrides, "VULNERABILITY");
}

#[test]
fn images_that_are_renewed_for_their_fixes() {
    let images = [
        "platform.cattle.patching.image_age=5d",
        "platform.k8s.patching.image_age=5d",
        "platform.k8s.patching.base_images=1d",
        "vulnerabilities.kernel=0%",
    ];
    let overrides = [&PATCHED[..], &images].concat();
    check_on(&["cattle", "k8s"], "patch", &overrides, "lacks fixes");
}

const CRASH: (&[&str], &str) = (&["faults.vm_crash.rate=20/year"], "MACHINE DOWN: vm-crash");
const LOSS: (&[&str], &str) = (&["faults.vm_loss.rate=20/year"], "MACHINE DOWN: vm-loss");
/// The network of a rack is gone for hours.
const CUT_OFF: (&[&str], &str) = (
    &["faults.rack_network.rate=50/year", "faults.rack_network.spell=5h", "faults.rack_network.lasts=5h"],
    "falls silent",
);
const EXIT: (&[&str], &str) = (&["faults.process_crash.rate=1/week"], "DOWN: process-crash");
const RELEASE: (&[&str], &str) =
    (&["service.web.release.rate=1/week", "service.web.release.failure_rate=100%"], "is handed over (bad");
/// A daily wave that two machines cannot hold.
const WAVE: (&[&str], &str) =
    (&["service.web.traffic.diurnal.amplitude=0.8", "service.web.traffic.rate=200/s"], "wants ");

#[test]
fn a_day_of_autoscaling() {
    check_on(&["cattle", "k8s"], "autoscaling", WAVE.0, WAVE.1);
}

#[test]
fn a_pod_that_waits_for_a_node() {
    check_on(&["k8s"], "scale-up", WAVE.0, "FailedScheduling: 0/3");
}

/// All nodes change every few days, two pods of one service on each.
const UPGRADE: (&[&str], &str) = (
    &["platform.k8s.node_upgrade.enabled=true", "platform.k8s.node_upgrade.every=4d"],
    "node upgrade begins",
);

#[test]
fn an_upgrade_of_all_nodes_against_a_budget() {
    check_on(&["k8s"], "node-upgrade", UPGRADE.0, UPGRADE.1);
}

const CONSUL: &str = "platform.cattle.discovery.kind=registry";
const DNS: &str = "platform.cattle.discovery.kind=dns";

#[test]
fn a_box_that_dies_under_a_registry() {
    check_on(
        &["cattle"],
        "registry-vm-loss",
        &[CONSUL, "faults.vm_loss.rate=20/year"],
        "requests in flight are lost",
    );
}

#[test]
fn a_server_of_a_registry_that_is_lost() {
    let overrides = [CONSUL, "faults.vm_loss.rate=20/year"];
    check_on(&["cattle"], "registry-server-loss", &overrides, "MACHINE DOWN: vm-loss");
}

#[test]
fn an_outage_of_a_registry_that_callers_outlive_on_old_lists() {
    let overrides = [
        CONSUL,
        "faults.vm_loss.rate=200/year",
        "faults.discovery_outage.rate=50/year",
        "faults.discovery_outage.lasts=8h",
        "platform.cattle.discovery.registry.fail_empty=0%",
    ];
    check_on(
        &["cattle"],
        "registry-outage",
        &overrides,
        "THE REGISTRY OF SERVICES DOES NOT ANSWER: it failed",
    );
}

#[test]
fn callers_that_keep_an_answer_of_the_dns_for_too_long() {
    check_on(&["cattle"], "dns-vm-loss", &[DNS, "faults.vm_loss.rate=20/year"], "MACHINE DOWN: vm-loss");
}

/// Each component of a control plane that can be switched off or made blind, and the story in which that shows.
#[test]
fn every_component_of_a_control_plane_shows_in_a_story() {
    let components = [
        ("pets", "monitoring", "page_after=300d", LOSS),
        ("pets", "supervisor", "supervised=false", EXIT),
        ("pets", "load balancer", "load_balancer.check_period=2h", CRASH),
        ("cattle", "target tracking", "scaling.policy=none", WAVE),
        ("cattle", "group health", "health.period=30d", CRASH),
        ("cattle", "load balancer", "load_balancer.check_period=2h", CRASH),
        ("cattle", "discovery", "discovery.kind=dns", LOSS),
        ("pets", "discovery", "discovery.kind=registry", LOSS),
        ("cattle", "supervisor", "restart_delay=1h", EXIT),
        ("cattle", "instance refresh", "refresh.warm_up=2h", RELEASE),
        ("k8s", "horizontal pod autoscaler", "hpa.enabled=false", WAVE),
        ("k8s", "cluster autoscaler", "cluster_autoscaler.enabled=false", WAVE),
        ("k8s", "node lifecycle", "node_lifecycle.grace=1d", LOSS),
        ("k8s", "taint eviction", "node_lifecycle.toleration=20d", LOSS),
        ("k8s", "node group", "node_pool.replace_after=20d", LOSS),
        ("k8s", "node repair", "node_pool.unready_after=20d", CUT_OFF),
        ("k8s", "kubelet", "kubelet.relist=1h", EXIT),
        ("k8s", "image pull", "kubelet.pull_throughput=1MB", RELEASE),
        ("k8s", "watches", "control_plane.watch_latency=1m", EXIT),
        ("k8s", "deployment", "deployment.max_surge=100%", RELEASE),
        ("k8s", "disruption budget", "disruption_budget.max_unavailable=100%", UPGRADE),
        ("k8s", "node upgrade", "node_upgrade.surge_per_zone=1", UPGRADE),
    ];
    let unseen: Vec<String> = components
        .iter()
        .filter(|(platform, _, without, (overrides, begin))| {
            let off = format!("platform.{platform}.{without}");
            let tell = |overrides: &[&str]| story(&replay_all(&steady(overrides), platform), begin);
            tell(overrides) == tell(&[overrides, &[off.as_str()][..]].concat())
        })
        .map(|(platform, component, ..)| format!("{component} of {platform}"))
        .collect();
    assert!(unseen.is_empty(), "these show in no story: {unseen:?}");
}
