//! Money: what is paid once, what is paid ahead, and the size from which on a platform of its own pays.

use crate::support::{assert_close, quickstart, run, scenario, value};
use boxherd::results::rows::ResultSet;
use std::fmt::Write as _;

/// A line of the bill, as (quantity, USD) a month.
fn line(results: &ResultSet, platform: &str, item: &str) -> (f64, f64) {
    let of = |row: &&boxherd::results::rows::CostRow| row.platform == platform && row.item == item;
    let row = results.costs.iter().find(of).unwrap_or_else(|| panic!("no {item} of {platform}"));
    (row.quantity_per_month, row.usd_per_month)
}

/// `n` boxes in services of eight, as pets and as cattle of that fixed size, for a quiet day.
fn fleet(n: usize) -> ResultSet {
    let mut text = "[run]\nlength = \"1d\"\nreplications = 1\n".to_owned();
    for kind in ["pets", "cattle"] {
        writeln!(text, "[platform.{kind}]\nkind = \"{kind}\"").expect("a String grows");
    }
    text += "[platform.cattle.scaling]\npolicy = \"none\"\n";
    for s in 0..n / 8 {
        let service = format!(
            "[service.s{s}]\ncpu_per_request = \"40ms\"\ntraffic.rate = \"5/s\"\n\
             [service.s{s}.container.app]\ncpu = \"500m\"\n\
             [platform.pets.size.s{s}]\nboxes = 8\n[platform.cattle.size.s{s}]\nboxes = 8\n"
        );
        text += &service;
    }
    run(&scenario("fleet.toml", &text, &[]))
}

/// Claim 1: by published staffing, pets take 1/17 of an engineer a box; cattle 1.5, and for each box 0.001 and an
/// eighth of the 0.05 of its service. They meet at n = 1.5 / (1/17 − 0.00725) = 29.1; with a service for ten boxes,
/// as in the essay's terms, at 1.5 / (1/17 − 0.006) = 28.4.
#[test]
fn cattle_take_fewer_hours_of_upkeep_than_pets_from_about_twenty_nine_boxes_on() {
    let mut saved = Vec::new();
    for n in [24, 32] {
        let results = fleet(n);
        // A month is 730/168 = 4.345 weeks.
        let weeks = 730.0 / 168.0;
        let hours = ["pets", "cattle"].map(|platform| line(&results, platform, "upkeep").0 / weeks);
        // Pets 2.35 h a week each, 0.1 of them for patches, which are simulated: 56.4 and 75.2. Cattle 58 + 2 + 0.04·n + 2·n/8: 66.96 and 69.28.
        let patching = 0.1 * n as f64;
        let expected = [2.35 * n as f64 - patching, 60.0 + 0.04 * n as f64 + 2.0 * n as f64 / 8.0];
        assert_close(hours[0], expected[0], 1e-6, &format!("{n} pets"));
        assert_close(hours[1], expected[1], 1e-6, &format!("{n} cattle"));
        saved.push(hours[0] + patching - hours[1]);
    }
    // −10.56 h at 24 boxes, +5.92 h at 32: a straight line between them is zero at 24 + 8·10.56/16.48 = 29.1.
    assert!(saved[0] < 0.0 && saved[1] > 0.0, "{saved:?}");
    assert_close(24.0 + 8.0 * saved[0] / (saved[0] - saved[1]), 29.13, 0.01, "the crossing");
}

#[test]
fn automation_is_written_off_by_the_month() {
    let results = run(&quickstart(&["run.replications=1", "run.length=1w"]));
    // Four engineers have 4 · 5 · 8 = 160 office hours a week, 730/168 times that a month.
    for name in ["pets", "cattle", "k8s"] {
        let hours = value(&results, name, "people_hours_per_month");
        assert_close(value(&results, name, "team_load"), hours / (160.0 * 730.0 / 168.0), 1e-9, name);
    }
    // Three months of 173.33 h at 62 USD are 32,240 USD; over 36 months of 730 h (1,095 d are 26,280 h) 895.56 each.
    let month = 3.0 * 2_080.0 / 12.0 * 62.0 / (1_095.0 * 24.0 / 730.0);
    for name in ["cattle", "k8s"] {
        assert_close(line(&results, name, "written off").1, month, 1e-6, name);
        assert_close(value(&results, name, "cost_automation"), month, 1e-6, name);
    }
    assert_close(value(&results, "pets", "cost_automation"), month / 6.0, 1e-6, "pets");
}

#[test]
fn machines_that_always_run_save_all_of_the_discount_and_others_less() {
    let committed = |share: &str| {
        let given = ["pets", "cattle"].map(|name| format!("platform.{name}.commitment.share={share}"));
        let quiet = ["run.replications=1", "run.length=1w", "faults.vm_loss.rate=0/year"];
        let all: Vec<&str> = quiet.into_iter().chain(given.iter().map(String::as_str)).collect();
        run(&quickstart(&all))
    };
    let (without, with) = (committed("0%"), committed("100%"));
    let ratio = |name: &str| value(&with, name, "cost_compute") / value(&without, name, "cost_compute");
    // Every hour of the pets costs the same.
    assert_close(ratio("pets"), 0.7, 1e-9, "pets");
    // What cattle use above the mean by day costs all of it, and what they do not use below it by night is lost.
    let unused = line(&with, "cattle", "commitment not used").1;
    assert!(unused > 0.0 && ratio("cattle") > 0.7 && ratio("cattle") < 1.0, "{unused} {}", ratio("cattle"));
}

#[test]
fn spot_machines_use_up_no_commitment() {
    let given = ["run.replications=1", "run.length=1w", "platform.cattle.purchase=spot"];
    let results = run(&quickstart(&[&given[..], &["platform.cattle.commitment.spend=$1/h"]].concat()));
    // One dollar for each of 730 hours, 30 % off, for nothing.
    assert_close(line(&results, "cattle", "commitment not used").1, 0.7 * 730.0, 1e-6, "paid all the same");
    assert_close(line(&results, "cattle", "commitment").1, 0.0, 1e-9, "nothing is covered");
}

#[test]
fn a_control_plane_of_ones_own_costs_what_its_parts_cost() {
    let given = ["run.replications=1", "run.length=1w", "platform.k8s.control_plane.run_by=team"];
    let results = run(&quickstart(&given));
    let managed = run(&quickstart(&given[..2]));
    // Three m5.large at 0.096 USD for 730 h.
    assert_close(value(&results, "k8s", "cost_control_plane"), 3.0 * 0.096 * 730.0, 1e-6, "machines");
    assert_close(value(&managed, "k8s", "cost_control_plane"), 73.0, 1e-6, "0.10 USD an hour");
    // 60 h a week, and three times 80 h in the 52.14 weeks of a year of 365 d: 4.60.
    let weeks = 730.0 / 168.0;
    let hours = |results: &ResultSet| line(results, "k8s", "upkeep").0 / weeks;
    assert_close(hours(&results) - hours(&managed), 60.0 + 3.0 * 80.0 * 7.0 / 365.0, 0.01, "hours");
}

#[test]
fn cost_per_nine_is_that_of_all_replications_together() {
    let results = run(&quickstart(&["run.replications=3", "run.length=1w"]));
    for name in ["pets", "cattle", "k8s"] {
        let nines = -(1.0 - value(&results, name, "availability")).log10();
        let expected = value(&results, name, "cost_per_month") / nines;
        assert_close(value(&results, name, "cost_per_nine"), expected, 1e-6 * expected, name);
    }
}
