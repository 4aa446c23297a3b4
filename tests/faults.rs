//! Faults as results show them: how often, against what was published, and what spot machines cost and lose.

use crate::support::{assert_close, quickstart, run, run_with, scenario, value};
use boxherd::experiment::Options;
use boxherd::results::rows::ResultSet;
use std::collections::BTreeSet;

const FIRST_YEAR: &str = include_str!("../scenarios/first-year-of-a-cluster.toml");

/// Distinct faults of these kinds that hit a serving box.
fn faults(results: &ResultSet, platform: &str, kinds: &[&str]) -> usize {
    let of = results.incidents.iter().filter(|r| r.platform == platform && kinds.contains(&r.kind.as_str()));
    of.map(|row| (row.replication, row.fault)).collect::<BTreeSet<_>>().len()
}

#[test]
fn the_first_year_of_a_cluster_has_the_published_number_of_faults() {
    const YEARS: f64 = 20.0;
    let scenario = scenario("first-year.toml", FIRST_YEAR, &["run.replications=20", "run.seed=1"]);
    let results = run_with(&scenario, Options { jobs: None, platforms: vec!["pets".into()] });
    // 200 machines are a ninth of the 1,800: published number a year, share of it here, index of dispersion of counts.
    // Crashes cluster: over long times their counts vary like those of weibull(0.7), 2.14 times as much as Poisson's.
    let check = |kinds: &[&str], published: f64, share: f64, dispersion: f64| {
        let expected = published * share * YEARS;
        let got = faults(&results, "pets", kinds) as f64;
        // Four standard deviations, and the few percent of time in which a pet is down and cannot be hit.
        let allowed = 4.0 * (expected * dispersion).sqrt() + 0.02 * expected;
        assert_close(got, expected, allowed, &format!("{kinds:?} in {YEARS} years"));
    };
    // 1000 · 20 / 9 = 2222 ± 4 · 69 and 2 %.
    check(&["vm-crash", "vm-loss"], 1_000.0, 1.0 / 9.0, 2.14);
    // 20 racks of 45, of which here are 5: 44 ± 27.
    check(&["rack-outage"], 20.0, 5.0 / 45.0, 1.0);
    // 5 of 45: 11 ± 13; none at all has a chance of e^-11.
    check(&["rack-network"], 5.0, 5.0 / 45.0, 1.0);
    assert!(faults(&results, "pets", &["rack-network"]) > 0);
    // One power unit of 2.4: 8.3 ± 11.5, and one hall of one: 10 ± 12.6.
    check(&["power-outage"], 1.0, 1.0 / 2.4, 1.0);
    check(&["overheating"], 0.5, 1.0, 1.0);
    assert!(
        faults(&results, "pets", &["power-outage"]) > 0 && faults(&results, "pets", &["overheating"]) > 0
    );
    // A rack has 40 machines: each of its failures is as many incidents, less those down at the time.
    let rows = results.incidents.iter().filter(|r| r.kind == "rack-outage").count() as f64;
    assert_close(rows / faults(&results, "pets", &["rack-outage"]) as f64, 40.0, 2.0, "machines a rack");
}

#[test]
fn spot_machines_cost_the_spot_price_and_are_taken_back() {
    let spot = |more: &[&str]| {
        let base = [
            "run.length=4w",
            "run.replications=4",
            "faults.spot_reclaim.rate=60/year",
            "practice.machines=['m7i.large']",
            // Boxes that do not start refuse requests too.
            "faults.bad_configuration.rate=0/week",
            "faults.disk_full.rate=0/year",
        ];
        run(&quickstart(
            &[&base[..], &["platform.cattle.purchase=spot", "platform.k8s.node_pool.purchase=spot"], more]
                .concat(),
        ))
    };
    let results = spot(&[]);
    for platform in ["cattle", "k8s"] {
        let lines: Vec<_> =
            results.costs.iter().filter(|c| c.platform == platform && c.category == "compute").collect();
        assert!(lines.iter().all(|c| c.item == "m7i.large spot"), "{lines:?}");
        // 0.1008 USD/h less 68 %.
        let (hours, usd) = (lines[0].quantity_per_month, lines[0].usd_per_month);
        assert_close(usd / hours, 0.032_256, 1e-9, platform);
        // 60 a year and machine, over 4 weeks in 4 replications: 60 · 28/365 · 4 = 18.4 for each machine paid for,
        // less what scaling and releases replace. A reclaim hits no box of a drained node, so only cattle show all.
        if platform == "cattle" {
            let expected = 18.4 * value(&results, platform, "vms");
            let got = faults(&results, platform, &["spot-reclaim"]) as f64;
            assert_close(got, expected, 4.0 * expected.sqrt() + 0.1 * expected, "reclaims");
        }
    }
    // Nobody buys pets as spot.
    assert!(results.costs.iter().filter(|c| c.platform == "pets").all(|c| !c.item.contains("spot")));
    let ahead = spot(&["platform.cattle.capacity_rebalancing=true"]);
    // Machines leave the load balancer before they go: nothing is sent to the dead.
    let dead = |r: &ResultSet| value(r, "cattle", "requests_to_dead_boxes");
    assert!(dead(&ahead) < 0.2 * dead(&results), "{} and {}", dead(&ahead), dead(&results));
    let undrained = spot(&["platform.k8s.node_pool.drain_on_notice=false"]);
    // Callers go on sending to a node that vanished, until its leases are overdue.
    let dead = |r: &ResultSet| value(r, "k8s", "requests_to_dead_boxes");
    assert!(dead(&undrained) > 5.0 * dead(&results), "{} and {}", dead(&undrained), dead(&results));
    // Two minutes are enough for nearly all pods, one of a service at a time, and for all if no budget holds them.
    let hit = |r: &ResultSet| faults(r, "k8s", &["spot-reclaim"]);
    assert!(hit(&undrained) > 20 * hit(&results), "{} and {}", hit(&undrained), hit(&results));
    let unheld = spot(&["platform.k8s.disruption_budget.max_unavailable=100%"]);
    assert_eq!((hit(&unheld), hit(&undrained) > 0), (0, true), "nodes are drained within the notice");
}

/// Two weeks in which every change of configuration is wrong, and little else happens.
fn wrong_configurations(more: &[&str]) -> ResultSet {
    let base = [
        "run.length=2w",
        "run.replications=4",
        "faults.bad_configuration.rate=3/week",
        "faults.bad_configuration.wrong=100%",
        "faults.bad_configuration.everywhere=0%",
        "service.shop.release.rate=0/week",
        "service.partners.release.rate=0/week",
        "service.mailer.release.rate=0/week",
        "faults.process_crash.rate=0/year",
        "faults.zone_outage.rate=0/year",
    ];
    run(&quickstart(&[&base[..], more].concat()))
}

#[test]
fn a_configuration_with_which_nothing_starts_stops_at_the_first_pods_and_takes_all_cattle() {
    let results = wrong_configurations(&["faults.bad_configuration.fails_to_start=100%"]);
    let missing = |name: &str| 1.0 - value(&results, name, "availability");
    // Three a week and service: a fleet of cattle is down from the fetch until somebody who was paged 2 to 4 min later
    // has looked for about 20 min and has it taken back: half an hour of the 56 h between two, about 1 %.
    assert!((0.002..0.03).contains(&missing("cattle")), "{}", missing("cattle"));
    // A pod that is not ready gets no requests, and the old ones stay.
    assert!(missing("k8s") < 0.1 * missing("cattle"), "{} and {}", missing("k8s"), missing("cattle"));
    // Whoever has it in hand sees that the first pet does not come back.
    assert!(missing("pets") < 0.1 * missing("cattle"), "{} and {}", missing("pets"), missing("cattle"));
}

#[test]
fn what_agents_fetch_by_and_by_is_taken_back_by_and_by() {
    let errors = ["faults.bad_configuration.fails_to_start=0%", "faults.bad_configuration.error_share=100%"];
    // From the decision to take it back until no box of the service has it, without what was still open [s].
    let taken_back = |more: &[&str]| {
        let results = wrong_configurations(&[&errors[..], more].concat());
        let of = results.incidents.iter().filter(|r| r.platform == "cattle" && r.kind == "bad-configuration");
        let mut spans: Vec<f64> = of.filter(|r| !r.is_open()).map(|r| r.rotation_s).collect();
        spans.sort_by(f64::total_cmp);
        assert!(spans.len() > 20, "{spans:?}");
        spans[spans.len() / 2]
    };
    // Programs ask within a minute.
    let at_once = taken_back(&[]);
    assert!(at_once <= 60.0, "{at_once}");
    // An agent runs every 6 h and a run takes 5 min: of the few boxes that have it by then the last waits for hours.
    let by_and_by = taken_back(&["platform.cattle.image.kind=thin", "platform.cattle.image.run_interval=6h"]);
    assert!((1_800.0..=6.5 * 3_600.0).contains(&by_and_by), "{by_and_by}");
}
