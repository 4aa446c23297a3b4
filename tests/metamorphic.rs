//! Physics by direction: one parameter at two values, same seed, and the metric that theory ties to it moves as it
//! must, by as much as it must where theory says how much.
//!
//! Short runs of one service on the three kinds of platforms. No claim rests on luck: what is compared met the same
//! weather. Start at [`pair`].

use crate::support::{assert_close, run, scenario, value};
use boxherd::results::rows::ResultSet;

/// One web service of 2.4 cores on average, on every kind of platform, for two weeks.
pub const WEB: &str = r#"
[run]
length = "2w"
warm_up = "1d"
replications = 3
seed = 11

[service.web]
cpu_per_request = "40ms"
traffic.rate = "60/s"

[service.web.container.app]
cpu = "500m"

[platform.pets]
kind = "pets"

[platform.cattle]
kind = "cattle"

[platform.k8s]
kind = "kubernetes"
"#;

pub const ALL: [&str; 3] = ["pets", "cattle", "k8s"];
pub const PETS: [&str; 1] = ["pets"];

/// Nothing breaks and nothing is released.
pub const QUIET: [&str; 14] = [
    "service.web.release.rate=0/week",
    "faults.vm_crash.rate=0/year",
    "faults.vm_loss.rate=0/year",
    "faults.process_crash.rate=0/year",
    "faults.zone_outage.rate=0/year",
    "faults.rack_outage.rate=0/year",
    "faults.rack_network.rate=0/year",
    "faults.slow_vm.rate=0/year",
    "faults.bad_configuration.rate=0/year",
    "faults.cloud_api_outage.rate=0/year",
    "faults.no_capacity.rate=0/year",
    "faults.disk_full.rate=0/year",
    "vulnerabilities.system=0/year",
    "vulnerabilities.runtime=0/year",
];

/// One pet of two cores: too few for most of the day.
pub const OVERLOAD: [&str; 2] =
    ["platform.pets.size.web.boxes=1", "platform.pets.size.web.machine=m7i.large"];

/// A crowd of four times the traffic on the fourth day.
pub const CROWD: &[&str] = &[
    "service.web.traffic.flash.at=['2026-01-08T12:00']",
    "service.web.traffic.flash.factor=4",
    "service.web.traffic.flash.rise=5m",
];

/// The same scenario with the key at one value and at the other.
fn pair(common: &[&str], key: &str, values: [&str; 2]) -> [ResultSet; 2] {
    values.map(|value| {
        let set = format!("{key}={value}");
        run(&scenario("web.toml", WEB, &[common, &[set.as_str()]].concat()))
    })
}

/// On each of these platforms: the second value over the first.
fn ratios(results: &[ResultSet; 2], platforms: &[&str], metric: &str) -> Vec<f64> {
    let of = |platform: &&str| value(&results[1], platform, metric) / value(&results[0], platform, metric);
    platforms.iter().map(of).collect()
}

fn grows(results: &[ResultSet; 2], platforms: &[&str], metric: &str) {
    for (platform, ratio) in platforms.iter().zip(ratios(results, platforms, metric)) {
        assert!(ratio > 1.0, "{metric} of {platform} should grow, and is {ratio} times what it was");
    }
}

fn shrinks(results: &[ResultSet; 2], platforms: &[&str], metric: &str) {
    for (platform, ratio) in platforms.iter().zip(ratios(results, platforms, metric)) {
        assert!(ratio < 1.0, "{metric} of {platform} should shrink, and is {ratio} times what it was");
    }
}

#[test]
fn slower_boots_make_longer_recoveries_where_machines_are_replaced() {
    let results = pair(&["faults.vm_loss.rate=100/year"], "cloud.boot", ["20s", "5m"]);
    grows(&results, &ALL, "recovery_time");
}

#[test]
fn slower_starts_make_longer_restarts() {
    let results =
        pair(&["faults.process_crash.rate=20/month"], "service.web.container.app.startup", ["10s", "100s"]);
    grows(&results, &ALL, "restart_time");
}

#[test]
fn twice_the_crashes_are_twice_the_incidents() {
    let crashes_only = [&QUIET[..3], &QUIET[4..]].concat();
    let results = pair(&crashes_only, "faults.process_crash.rate", ["20/month", "40/month"]);
    // Some 5 pets · 20 a month · half a month · 3 replications = 150 crashes, and 300: a ratio of 2 with a standard
    // error of 2·√(1/150 + 1/300) = 0.2.
    assert_close(ratios(&results, &PETS, "incidents_per_month")[0], 2.0, 0.6, "twice as often");
}

#[test]
fn rarer_checks_send_more_requests_to_dead_boxes() {
    let crashes = ["faults.vm_crash.rate=200/year"];
    for platform in ["pets", "cattle"] {
        let key = format!("platform.{platform}.load_balancer.check_period");
        grows(&pair(&crashes, &key, ["15s", "60s"]), &[platform], "requests_to_dead_boxes");
    }
    let nodes = pair(&crashes, "platform.k8s.node_lifecycle.grace", ["25s", "100s"]);
    grows(&nodes, &["k8s"], "requests_to_dead_boxes");
}

#[test]
fn requests_of_twice_the_work_keep_the_same_machines_twice_as_busy_and_take_more_than_twice_as_long() {
    let fixed = [&QUIET[..], &["platform.pets.size.web.boxes=12"]].concat();
    let results = pair(&fixed, "service.web.cpu_per_request", ["20ms", "40ms"]);
    assert_close(ratios(&results, &PETS, "utilization")[0], 2.0, 0.01, "useful CPU");
    let slower = ratios(&results, &PETS, "latency_p99")[0];
    assert!((2.0..3.0).contains(&slower), "work twice as long, and never fewer others: {slower}");
}

#[test]
fn twice_the_traffic_on_the_same_machines_costs_less_a_request() {
    let three = ["platform.pets.size.web.boxes=3", "platform.pets.size.web.machine=m7i.large"];
    let results = pair(&[&QUIET[..], &three].concat(), "service.web.traffic.rate", ["30/s", "60/s"]);
    assert_close(ratios(&results, &PETS, "utilization")[0], 2.0, 0.01, "useful CPU");
    // The machines cost the same; only the load balancer is paid by use.
    assert_close(ratios(&results, &PETS, "cost_compute")[0], 1.0, 1e-12, "machines");
    assert_close(ratios(&results, &PETS, "cost_per_million_served")[0], 0.5, 0.02, "a request");
    grows(&results, &PETS, "latency_p99");
}

#[test]
fn twice_the_traffic_takes_more_machines_but_not_more_than_twice_as_many() {
    let results = pair(&QUIET, "service.web.traffic.rate", ["120/s", "240/s"]);
    // Twice the boxes at the same load each are as fast as before or faster, and the spare box does not double.
    for (platform, ratio) in ALL.iter().zip(ratios(&results, &ALL, "cost_compute")) {
        assert!((1.2..=2.0).contains(&ratio), "{platform}: {ratio}");
    }
}

#[test]
fn callers_who_wait_longer_in_an_overload_are_answered_later() {
    let results = pair(&[&QUIET[..], &OVERLOAD].concat(), "service.web.timeout", ["2s", "8s"]);
    grows(&results, &PETS, "latency_p99");
}

#[test]
fn boxes_that_hold_more_requests_answer_later_in_an_overload() {
    let results = pair(&[&QUIET[..], &OVERLOAD].concat(), "service.web.server.hold", ["20", "200"]);
    grows(&results, &PETS, "latency_p99");
}

#[test]
fn one_worker_on_two_cores_keeps_requests_waiting() {
    let results = pair(&QUIET, "service.web.server.workers", ["1", "4"]);
    shrinks(&results, &PETS, "latency_p99");
}

#[test]
fn retries_hide_dead_boxes_and_cost_cpu_in_an_overload() {
    let crashes = ["faults.vm_crash.rate=200/year", "service.web.release.rate=0/week"];
    grows(&pair(&crashes, "service.web.retry.attempts", ["0", "2"]), &ALL, "availability");
    let overload = pair(&[&QUIET[..], &OVERLOAD].concat(), "service.web.retry.attempts", ["0", "2"]);
    grows(&overload, &PETS, "cpu_wasted");
}

#[test]
fn boxes_that_stay_cold_for_longer_are_slower() {
    let cold = ["faults.process_crash.rate=60/month", "service.web.server.cold_speed=20%"];
    grows(&pair(&cold, "service.web.server.warm_up", ["1m", "1h"]), &PETS, "latency_p99");
}

#[test]
fn more_head_room_is_more_machines_that_are_less_busy() {
    let large = [&QUIET[..], &["practice.machines=['m7i.large']"]].concat();
    let results = pair(&large, "practice.headroom", ["20%", "100%"]);
    grows(&results, &PETS, "boxes_ready");
    shrinks(&results, &PETS, "utilization");
    // Autoscalers follow the load; head-room moves only the size that they may reach.
    assert_close(ratios(&results, &["cattle"], "utilization")[0], 1.0, 0.05, "cattle");
}

#[test]
fn three_spare_boxes_are_three_more() {
    let large = [&QUIET[..], &["practice.machines=['m7i.large']"]].concat();
    let results = pair(&large, "practice.spare_boxes", ["0", "3"]);
    let ready = |index: usize| value(&results[index], "pets", "boxes_ready");
    assert_close(ready(1) - ready(0), 3.0, 1e-6, "pets");
}

#[test]
fn a_tighter_latency_goal_takes_more_machines() {
    // The slowest percent of requests works for 264 ms alone: exp(2.326·√ln 3)·40 ms/√3.
    let large = [&QUIET[..], &["practice.machines=['m7i.large']"]].concat();
    let results = pair(&large, "service.web.latency_goal", ["300ms", "900ms"]);
    shrinks(&results, &PETS, "cost_compute");
    grows(&results, &PETS, "latency_p99");
}

#[test]
fn half_the_price_is_half_the_bill_for_machines_and_twice_the_wage_twice_that_for_people() {
    let cheaper = pair(&[], "prices.machine_factor", ["1", "0.5"]);
    let dearer = pair(&[], "team.wage", ["$62/h", "$124/h"]);
    for (index, name) in ALL.iter().enumerate() {
        assert_close(ratios(&cheaper, &ALL, "cost_compute")[index], 0.5, 1e-9, name);
        assert_close(ratios(&cheaper, &ALL, "cost_people")[index], 1.0, 1e-12, name);
        assert_close(ratios(&dearer, &ALL, "cost_people")[index], 2.0, 1e-9, name);
        assert_close(ratios(&dearer, &ALL, "cost_compute")[index], 1.0, 1e-12, name);
    }
}

#[test]
fn worse_releases_fail_more_requests() {
    let often = ["service.web.release.rate=5/week"];
    grows(&pair(&often, "service.web.release.failure_rate", ["20%", "60%"]), &ALL, "bad_release_requests");
}

#[test]
fn larger_images_and_slower_pulls_make_longer_rollouts_on_kubernetes() {
    let often = ["service.web.release.rate=5/week"];
    let image = pair(&often, "service.web.container.app.image", ["100MB", "2GB"]);
    grows(&image, &["k8s"], "release_duration");
    let pull = pair(&often, "platform.k8s.kubelet.pull_throughput", ["10MB", "100MB"]);
    shrinks(&pull, &["k8s"], "release_duration");
}

#[test]
fn people_who_come_later_mend_pets_later() {
    let losses = ["faults.vm_loss.rate=100/year", "service.web.release.rate=0/week"];
    let results = pair(&losses, "team.acknowledge_off_hours", ["1m", "2h"]);
    grows(&results, &PETS, "recovery_time");
    // Nobody is asked where a group replaces machines by itself.
    assert_close(ratios(&results, &["cattle"], "recovery_time")[0], 1.0, 1e-12, "cattle");
}

#[test]
fn busier_guest_systems_leave_less_for_requests() {
    let results = pair(&QUIET, "cloud.os_cpu", ["50m", "200m"]);
    grows(&results, &ALL, "cpu_overhead");
}
