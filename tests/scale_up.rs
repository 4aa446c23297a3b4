//! How long a platform takes until there are enough boxes for traffic that nobody announced, stage by stage, with the
//! arithmetic beside it.

use crate::support::{quiet, run};
use boxherd::results::rows::{IncidentRow, ResultSet};

/// One steady service of which nothing breaks, and two and a half times the requests from noon of the second day on.
const SUDDEN: &str = r#"
[run]
length = "2d"
replications = 4
seed = 1

[service.web]
cpu_per_request = "40ms"
traffic.rate = "40/s"
traffic.diurnal.amplitude = 0
traffic.flash.at = ["2026-01-06T12:00"]
traffic.flash.factor = "2.5"
traffic.flash.rise = "0s"
traffic.flash.plateau = "6h"
release.rate = "0/week"

[service.web.container.app]
cpu = "500m"
memory = "512MiB"
startup = "5s"

[cloud]
boot = "60s"
launch_failure = "0%"

[platform.pets]
kind = "pets"

[platform.herd]
kind = "cattle"
image.configure = "10s"

[platform.k8s]
kind = "kubernetes"
"#;

fn of(overrides: &[&str]) -> ResultSet {
    run(&quiet("sudden.toml", SUDDEN, overrides))
}

/// The first overload of each replication.
fn overloads<'a>(results: &'a ResultSet, platform: &str) -> Vec<&'a IncidentRow> {
    let rows = results.incidents.iter().filter(|row| row.platform == platform && row.is_overload());
    let first: Vec<&IncidentRow> = rows.filter(|row| row.incident == 0).collect();
    assert!(first.iter().all(|row| row.time == "2026-01-06T12:00:00"), "they begin with the crowd");
    first
}

#[test]
fn a_group_that_tracks_a_target_acts_on_three_minutes_of_metrics_that_are_a_minute_old() {
    let results = of(&["platform.herd.max_size=12"]);
    let rows = overloads(&results, "herd");
    assert_eq!(rows.len(), 4);
    for row in rows {
        // Three data points of a minute above the target, the last of them published a minute later: 3 · 60 + 60 s.
        assert_eq!((row.detect_s, row.decide_s), (240.0, 0.0));
        assert_eq!((row.boot_s, row.start_s), (60.0, 5.0));
        // One good check of a load balancer that looks every 30 s.
        assert!(row.rotation_s <= 30.0, "{}", row.rotation_s);
        assert!(row.replacement.starts_with("web-") && row.lost.is_empty());
    }
}

#[test]
fn a_pod_autoscaler_acts_on_metrics_of_half_a_minute_and_waits_for_a_node() {
    let results = of(&["platform.k8s.hpa.max_factor=12"]);
    let rows = overloads(&results, "k8s");
    assert_eq!(rows.len(), 4);
    for row in rows {
        // A scrape of the new load after up to 15 s, readable 10 s later, read by a sync within 15 s: 10 to 40 s.
        assert!((10.0..=40.0).contains(&row.detect_s), "{}", row.detect_s);
        // Nodes are full: the last pod waits for a machine that boots for 60 s, then starts in 5 s.
        assert_eq!((row.boot_s, row.start_s), (60.0, 5.0));
    }
}

#[test]
fn slower_metrics_take_longer_by_as_much() {
    let results = of(&["platform.herd.max_size=12", "platform.herd.scaling.lag=3m"]);
    // 3 · 60 + 180 s.
    assert!(overloads(&results, "herd").iter().all(|row| row.detect_s == 360.0));
}

#[test]
fn machines_that_wait_stopped_are_started_and_those_that_wait_running_only_listed() {
    let of_state =
        |state: &str| of(&["platform.herd.max_size=12", &format!("platform.herd.warm_pool.state={state}")]);
    let (stopped, running) = (of_state("stopped"), of_state("running"));
    assert_eq!((overloads(&stopped, "herd").len(), overloads(&running, "herd").len()), (4, 4));
    for row in overloads(&stopped, "herd") {
        // Nobody decides sooner. 60 % of 60 s to start, nothing to configure, 5 s for the box.
        assert_eq!((row.detect_s, row.decide_s, row.provision_s), (240.0, 0.0, 0.0));
        assert_eq!((row.boot_s, row.configure_s, row.start_s), (36.0, 0.0, 5.0));
        assert!(row.rotation_s <= 30.0, "{}", row.rotation_s);
    }
    for row in overloads(&running, "herd") {
        assert_eq!((row.detect_s, row.boot_s, row.configure_s, row.start_s), (240.0, 0.0, 0.0, 0.0));
        assert!(row.rotation_s <= 30.0, "{}", row.rotation_s);
    }
}

#[test]
fn a_machine_that_waits_stopped_costs_its_disk_alone() {
    let monthly = |state: &str| {
        let pool = format!("platform.herd.warm_pool.state={state}");
        let calm = [
            "service.web.traffic.flash.at=[]",
            "platform.herd.scaling.policy=none",
            "platform.herd.max_size=3",
        ];
        let results = of(&[&calm[..], &["platform.herd.size.web.boxes=4", pool.as_str()]].concat());
        let cost = |category: &str| {
            let rows = results.costs.iter().filter(|r| r.platform == "herd" && r.category == category);
            rows.map(|r| r.usd_per_month).sum::<f64>()
        };
        (cost("compute"), cost("storage"))
    };
    let (none, stopped, running) = (monthly("none"), monthly("stopped"), monthly("running"));
    // Three times four, less the four in service: eight disks more; running ones cost twice as much as the group besides.
    assert!(
        (stopped.0 - none.0).abs() < 1e-6 && (stopped.1 / none.1 - 3.0).abs() < 1e-9,
        "{none:?} {stopped:?}"
    );
    assert!(
        (running.0 / none.0 - 3.0).abs() < 1e-9 && (running.1 / none.1 - 3.0).abs() < 1e-9,
        "{running:?}"
    );
}

#[test]
fn who_has_room_has_no_overload() {
    let results = of(&["platform.herd.max_size=12", "platform.herd.scaling.target=16%"]);
    // 40/s · 40 ms = 1.6 cores, at 16 % on 10 cores; the crowd needs 4.
    assert_eq!(overloads(&results, "herd").len(), 0);
}

#[test]
fn where_nobody_adds_boxes_the_overload_lasts_as_long_as_the_crowd() {
    let results = of(&["service.web.traffic.flash.factor=5"]);
    let rows = overloads(&results, "pets");
    assert_eq!(rows.len(), 4);
    for row in rows {
        // Six hours of plateau, and the crowd has to halve: at most once, from eight cores to four, in half an hour.
        assert_eq!(row.status, "passed");
        assert!((21_600.0..=21_600.0 + 1_800.0).contains(&row.total_s), "{}", row.total_s);
        assert!(row.replacement.is_empty() && row.is_censored());
    }
}
