//! Numbers that can be computed by hand or by theory, and sums that must come out even.

use crate::support::{assert_close, quickstart, quiet, run, value};
use boxherd::results::rows::{IncidentRow, ResultSet, SummaryRow};
use std::collections::BTreeMap;

/// Three pets of a known type under constant load, to which nothing happens for a month.
const QUIET: &str = r#"
[run]
length = "730h"
warm_up = "1h"
replications = 2

[service.web]
cpu_per_request = "10ms"
cpu_variation = 1
release.rate = "0/week"
traffic.rate = "20/s"
traffic.diurnal.amplitude = 0

[service.web.container.app]
cpu = "500m"
startup = "1s"

[platform.pets]
kind = "pets"
page_after = "99d"
size.web.boxes = 3
size.web.machine = "m7i.large"
"#;

/// Weeks with everything that can go wrong, on all platforms of the quickstart.
fn eventful() -> ResultSet {
    eventful_with(&[])
}

fn eventful_with(more: &[&str]) -> ResultSet {
    let usual = [
        "run.replications=2",
        "run.length=2w",
        "faults.vm_crash.rate=20/year",
        "faults.vm_loss.rate=20/year",
        "faults.process_crash.rate=10/month",
        "faults.zone_outage.rate=10/year",
        "service.shop.release.failure_rate=50%",
    ];
    run(&quickstart(&[&usual[..], more].concat()))
}

#[test]
fn the_bill_of_three_pets_for_a_month_is_the_one_computed_by_hand() {
    let results = run(&quiet("quiet.toml", QUIET, &[]));
    let line = |item: &str| {
        let row = results.costs.iter().find(|row| row.item == item);
        row.unwrap_or_else(|| panic!("no {item} in {:?}", results.costs))
    };
    let check = |item: &str, quantity: f64, unit: &str, usd: f64| {
        let row = line(item);
        assert_eq!(row.quantity_unit, unit, "{item}");
        assert_close(row.quantity_per_month, quantity, 1e-6 * quantity, item);
        assert_close(row.usd_per_month, usd, 1e-6 * usd, item);
    };
    // 3 machines · 730 h = 2190 h at 0.1008 USD (m7i.large, on demand).
    check("m7i.large", 2_190.0, "h", 220.752);
    // 3 disks · 20 GB at 0.08 USD per GB-month.
    check("root disks", 60.0, "GB-month", 4.80);
    // One load balancer: 730 h at 0.0225 USD.
    check("load balancers", 730.0, "h", 16.425);
    // 20 requests/s: 20 / 10 / 25 = 0.08 units by connections, 20 · 3600 · 10 kB = 0.72 GB/h = 0.72 units by data.
    // 0.72 · 730 h = 525.6 at 0.008 USD.
    check("load balancer capacity units", 525.6, "h", 4.2048);
    // 3 boxes · 2.25 h/week · 730/168 weeks at 62 USD/h.
    let hours = 3.0 * 2.25 * 730.0 / 168.0;
    check("upkeep", hours, "h", hours * 62.0);
    // Each pet's disk is backed up: 60 GB at 0.05 USD per GB-month.
    check("backups", 60.0, "GB-month", 3.0);
    // Half an engineer-month of 2,080/12 h, over 1,095 d: 36 months of 730 h.
    let built = 0.5 * 2_080.0 / 12.0 / 36.0;
    check("written off", built, "h", built * 62.0);
    let total = 220.752 + 4.80 + 3.0 + 16.425 + 4.2048 + (hours + built) * 62.0;
    assert_close(value(&results, "pets", "cost_per_month"), total, 1e-6 * total, "all of it");
}

#[test]
fn pets_that_nobody_touches_are_busy_as_the_load_says() {
    let results = run(&quiet("quiet.toml", QUIET, &[]));
    // 20/s · 10 ms = 0.2 cores of 3 · 2 paid; guest systems 3 · 50m.
    assert_close(value(&results, "pets", "utilization"), 0.2 / 6.0, 1e-4, "useful");
    assert_close(value(&results, "pets", "cpu_overhead"), 0.15 / 6.0, 1e-9, "overhead");
    assert_close(value(&results, "pets", "availability"), 1.0, 1e-4, "availability");
    assert_close(value(&results, "pets", "vms"), 3.0, 1e-9, "machines");
    assert_close(value(&results, "pets", "boxes_ready"), 3.0, 1e-9, "boxes");
}

#[test]
fn boxes_that_only_crash_are_down_as_alternating_renewal_says() {
    // 100 machines crash once in 48 h of being up and come back by themselves after D = 59 min + 1 min start-up;
    // nobody is paged before the end. Share of time down: D/(M + D) = 1/(48 + 1) = 2.041 %.
    let overrides = [
        "run.length=4w",
        "run.warm_up=2d",
        "run.seed=11",
        "service.web.container.app.startup=1m",
        "platform.pets.size.web.boxes=100",
        "faults.vm_crash.rate=182.625/year",
        "faults.vm_crash.down=59m",
    ];
    let results = run(&quiet("quiet.toml", QUIET, &overrides));
    let down = 1.0 - value(&results, "pets", "boxes_ready") / 100.0;
    let (up_h, down_h) = (48.0_f64, 1.0);
    let expected = down_h / (up_h + down_h);
    // Variance rate of time down for exponential up and constant down times: M²·D²/(M + D)³ = 0.0196 h. Over
    // 2 replications · 100 boxes · 672 h its share has the deviation √(0.0196/134400) = 3.8e-4. Interval: 4 of them,
    // seed 11.
    let sigma = (up_h.powi(2) * down_h.powi(2) / (up_h + down_h).powi(3) / (2.0 * 100.0 * 672.0)).sqrt();
    assert_close(down, expected, 4.0 * sigma, "share of time down");

    // Every crash is an incident; renewals come once in 49 h: 100 boxes · 730 h / 49 h = 1489.8 a month, with
    // variance M²/(M + D)² of that for an alternating renewal process: ±38 for one month, ±28 for 1.84 of them.
    let incidents = value(&results, "pets", "incidents_per_month");
    assert_close(incidents, 100.0 * 730.0 / 49.0, 4.0 * 28.0, "incidents a month");
}

#[test]
fn what_is_offered_is_served_or_failed() {
    let results = eventful();
    for platform in &results.manifest.platforms {
        let name = &platform.name;
        let (mut offered, mut served) = (BTreeMap::new(), BTreeMap::new());
        for row in results.timeseries.iter().filter(|row| row.platform == *name) {
            let sum = row.served_rps + row.failed_rps;
            // Where boxes have more to do than they can, requests count when they leave, elsewhere when they come:
            // at the edges of an overload a few fall between: what boxes hold for a second or two, of an hour's requests.
            assert_close(
                sum,
                row.offered_rps,
                5e-4 * (1.0 + row.offered_rps),
                &format!("{name} {}", row.time),
            );
            *offered.entry(row.service.as_str()).or_insert(0.0) += row.offered_rps;
            *served.entry(row.service.as_str()).or_insert(0.0) += row.served_rps;
        }
        // The whole is the sum of its services, and availability is what the series says, but for the few requests
        // that were being served by boxes when they died: fewer than one in 100,000 here.
        let parts: f64 = offered.iter().filter(|(service, _)| !service.is_empty()).map(|(_, sum)| sum).sum();
        assert_close(parts, offered[""], 1e-9 * parts, name);
        let availability = value(&results, name, "availability");
        assert_close(availability, served[""] / offered[""], 1e-5, name);
        assert!(availability < 0.999_999, "{name} was to meet trouble");
    }
}

#[test]
fn cores_paid_for_are_useful_wasted_overhead_or_idle() {
    let results = eventful();
    for platform in &results.manifest.platforms {
        let name = &platform.name;
        let share = |metric: &str| value(&results, name, metric);
        let sum = share("utilization") + share("cpu_wasted") + share("cpu_overhead") + share("cpu_idle");
        assert_close(sum, 1.0, 1e-9, name);
        for row in results.timeseries.iter().filter(|row| row.platform == *name) {
            let Some(paid) = row.paid_cores else { continue };
            let rest = row.overhead_cores.unwrap_or(0.0) + row.idle_cores.unwrap_or(0.0);
            let sum = row.useful_cores + row.wasted_cores + rest;
            assert_close(sum, paid, 1e-6 * paid, &format!("{name} {}", row.time));
        }
    }
}

#[test]
fn lines_of_the_bill_sum_to_the_cost() {
    let results = eventful();
    for platform in &results.manifest.platforms {
        let name = &platform.name;
        let of = |category: &str| {
            let lines = results.costs.iter().filter(|row| row.platform == *name);
            lines.filter(|row| row.category.contains(category)).map(|row| row.usd_per_month).sum::<f64>()
        };
        let total = value(&results, name, "cost_per_month");
        assert_close(of(""), total, 1e-9 * total, name);
        for (category, metric) in [
            ("compute", "cost_compute"),
            ("network entry", "cost_network_entry"),
            ("control plane", "cost_control_plane"),
            ("registry", "cost_registry"),
            ("storage", "cost_storage"),
            ("people", "cost_people"),
            ("automation", "cost_automation"),
        ] {
            assert_close(of(category), value(&results, name, metric), 1e-9 * total, category);
        }
    }
}

#[test]
fn stages_of_an_incident_sum_to_its_total() {
    let results = eventful_with(&[
        "faults.rack_outage.rate=20/year",
        "faults.rack_network.rate=20/year",
        "faults.power_outage.rate=20/year",
        "faults.overheating.rate=20/year",
        "faults.slow_vm.rate=20/year",
    ]);
    for row in &results.incidents {
        let IncidentRow { detect_s, decide_s, provision_s, boot_s, configure_s, start_s, rotation_s, .. } =
            row;
        let stages = [detect_s, decide_s, provision_s, boot_s, configure_s, start_s, rotation_s];
        assert!(stages.iter().all(|&&stage| stage >= 0.0), "{row:?}");
        assert_close(stages.into_iter().sum(), row.total_s, 1e-3, &format!("{row:?}"));
    }
    for platform in &results.manifest.platforms {
        let kinds = ["vm-crash", "vm-loss", "slow-vm", "process-crash", "rack-outage", "rack-network"];
        for kind in kinds.into_iter().chain(["power-outage", "overheating", "zone-outage", "bad-release"]) {
            let of = |row: &&IncidentRow| row.platform == platform.name && row.kind == kind;
            assert!(results.incidents.iter().any(|row| of(&row)), "{} met no {kind}", platform.name);
        }
    }
}

#[test]
fn intervals_hold_their_values() {
    let results = eventful();
    let bounded = |row: &&SummaryRow| row.ci_low.is_some() && row.ci_high.is_some();
    assert!(results.summary.iter().filter(bounded).count() > 50);
    for row in results.summary.iter().filter(bounded) {
        let SummaryRow { value, ci_low, ci_high, .. } = row;
        assert!(ci_low <= value && value <= ci_high, "{row:?}");
    }
}

/// Mean recovery from lost machines on each platform that launches machines by itself, when they boot in `boot`.
fn mean_recovery_s(boot: &str) -> Vec<(String, f64)> {
    let results = run(&quickstart(&[
        "run.replications=4",
        "run.length=2w",
        "faults.vm_loss.rate=20/year",
        "faults.vm_crash.rate=0/year",
        "faults.process_crash.rate=0/year",
        "faults.zone_outage.rate=0/year",
        &format!("cloud.boot={boot}"),
    ]));
    let mean = |name: &str| {
        let lost = |row: &&IncidentRow| row.platform == name && row.kind == "vm-loss" && !row.is_open();
        let totals: Vec<f64> = results.incidents.iter().filter(lost).map(|row| row.total_s).collect();
        assert!(totals.len() > 5, "{name} recovered from {} losses only with boots of {boot}", totals.len());
        totals.iter().sum::<f64>() / totals.len() as f64
    };
    let platforms = results.manifest.platforms.iter().filter(|platform| platform.kind != "pets");
    platforms.map(|platform| (platform.name.clone(), mean(&platform.name))).collect()
}

#[test]
fn machines_that_boot_faster_recover_sooner() {
    for ((name, fast), (_, slow)) in mean_recovery_s("10s").into_iter().zip(mean_recovery_s("180s")) {
        // On one box a machine every loss waits for a boot, which takes 170 s less: at least half of that shows.
        // Where boxes share machines, others may have room for what was lost.
        let least = if name == "cattle" { 85.0 } else { 1.0 };
        assert!(slow - fast > least, "{name}: {fast} s with boots of 10 s, {slow} s with boots of 180 s");
    }
}
