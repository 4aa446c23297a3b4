//! Golden sentences, and who may be called a winner.

use super::*;
use crate::results::fixture::{set_metric, three_platforms};
use crate::results::metric::MetricId;
use crate::results::rows::DifferenceRow;

fn check(results: &ResultSet, index: usize, winner: Option<&str>, sentence: &str) {
    let verdict = &verdicts(results)[index];
    assert_eq!(verdict.sentence, sentence);
    assert_eq!(verdict.winner.as_deref(), winner);
}

const COST: usize = 0;
const WASTE: usize = 1;
const RECOVERY: usize = 2;
const AVAILABILITY: usize = 3;

#[test]
fn clear_winners_are_named_with_distance_and_interval() {
    let results = three_platforms();
    check(
        &results,
        COST,
        Some("cattle"),
        "Cheapest: cattle (6,200 USD a month), 38 % below pets (95 % CI 37–39 %) and 12 % below \
         k8s (95 % CI 10–14 %).",
    );
    check(
        &results,
        WASTE,
        Some("k8s"),
        "Wastes least: k8s (59.0 % of paid CPU idle, wasted or overhead), 20 points below pets (95 \
         % CI 19–21) and 3.0 points below cattle (95 % CI 2.2–3.8).",
    );
    check(
        &results,
        RECOVERY,
        Some("k8s"),
        "Recovers fastest from the loss of a machine or zone: k8s (median 1 m 10 s), 34 times as fast as pets (95 % CI 30–39) and 3.7 \
         times as fast as cattle (95 % CI 3.5–4.0).",
    );
}

#[test]
fn no_winner_is_declared_inside_the_interval() {
    let results = three_platforms();
    check(
        &results,
        AVAILABILITY,
        None,
        "Availability: k8s (99.983 % of requests) is 0.07 points above pets (95 % CI 0.05–0.09); \
         against cattle (0.002 points above, 95 % CI -0.004 to 0.008) it is not certain.",
    );
}

#[test]
fn an_interval_that_leaves_out_zero_is_not_enough_after_correction() {
    let mut results = three_platforms();
    for row in results.differences.iter_mut().filter(|row| row.metric == "cost_per_month") {
        row.p_adjusted = Some(0.06);
    }
    check(
        &results,
        COST,
        None,
        "Cost: no clear winner: cattle (6,200 USD a month) looks best; against pets (38 % below, 95 \
         % CI 37–39 %) and k8s (12 % below, 95 % CI 10–14 %) it is not certain once all comparisons \
         are counted.",
    );
}

#[test]
fn what_is_certain_is_told_apart_from_what_is_not() {
    let mut results = three_platforms();
    let is_pets_and_k8s = |row: &&mut DifferenceRow| {
        row.metric == "recovery_time" && row.platform_a == "pets" && row.platform_b == "k8s"
    };
    results.differences.iter_mut().filter(is_pets_and_k8s).for_each(|row| row.p_adjusted = Some(0.06));
    check(
        &results,
        RECOVERY,
        None,
        "Recovery from the loss of a machine or zone: k8s (median 1 m 10 s) is 3.7 times as fast as \
         cattle (95 % CI 3.5–4.0); against pets (34 times, 95 % CI 30–39) it is not certain once all \
         comparisons are counted.",
    );
}

#[test]
fn the_bill_and_what_is_missing_say_what_they_rest_on() {
    let mut results = three_platforms();
    results
        .costs
        .iter_mut()
        .filter(|row| row.category == "people")
        .for_each(|row| row.item = "upkeep".into());
    let cells = [(0.00044, 0.0), (0.00019, 0.0), (0.000085, 0.0)];
    set_metric(&mut results, MetricId::BadReleaseRequests, "ratio", cells);
    let verdicts = verdicts(&results);
    let ends = |index: usize, text: &str| assert!(verdicts[index].sentence.ends_with(text), "{verdicts:?}");
    ends(
        COST,
        "). Upkeep and automation, assumptions, are 45 % of pets', 45 % of cattle's and 54 % of k8s' bill; \
                without them: pets 5,500, cattle 3,400 and k8s 3,250 USD.",
    );
    // 44 of 88, 19 of 19 and 8.5 of 17 in 100,000.
    ends(AVAILABILITY, "Bad releases are 50 % (pets), 100 % (cattle) and 50 % (k8s) of what is missing.");
}

#[test]
fn exact_ties_have_no_winner() {
    let mut results = three_platforms();
    set_metric(&mut results, MetricId::CostPerMonth, "ratio", [(5_000.0, 0.0); 3]);
    check(
        &results,
        COST,
        None,
        "Cost: no clear winner: pets (5,000 USD a month) is the same \
         as cattle (no interval) and the same as k8s (no interval).",
    );
}

#[test]
fn close_speeds_are_told_in_percent() {
    let mut results = three_platforms();
    let cells = [(2_400.0, 100.0), (90.0, 2.0), (70.0, 2.0)];
    set_metric(&mut results, MetricId::RecoveryTime, "p50", cells);
    check(
        &results,
        RECOVERY,
        Some("k8s"),
        "Recovers fastest from the loss of a machine or zone: k8s (median 1 m 10 s), 34 times as fast as pets (95 % CI 33–36) and 29 \
         % faster than cattle (95 % CI 24–33 %).",
    );
}

#[test]
fn one_platform_is_described_and_not_crowned() {
    let mut results = three_platforms();
    results.manifest.platforms.truncate(1);
    check(&results, COST, None, "Cost: pets (10,000 USD a month); nothing to compare it with.");
}

#[test]
fn one_replication_gives_no_winner() {
    let mut results = three_platforms();
    results.manifest.replications = 1;
    set_metric(
        &mut results,
        MetricId::CostPerMonth,
        "ratio",
        [(10_000.0, 0.0), (6_200.0, 0.0), (7_050.0, 0.0)],
    );
    check(
        &results,
        COST,
        None,
        "Cost: no winner from one replication, which gives no interval; cattle (6,200 USD a month) \
         is 38 % below pets and 12 % below k8s.",
    );
}

#[test]
fn a_platform_without_a_value_is_named() {
    let mut results = three_platforms();
    for row in results.summary.iter_mut().filter(|row| row.metric == "recovery_time" && row.platform == "k8s")
    {
        row.value = None;
    }
    check(
        &results,
        RECOVERY,
        Some("cattle"),
        "Recovers fastest from the loss of a machine or zone: cattle (median 4 m 20 s), 9 times as \
         fast as pets (95 % CI 8–11). No value for k8s.",
    );
}

#[test]
fn nothing_observed_anywhere_is_said() {
    let mut results = three_platforms();
    results.summary.clear();
    check(&results, RECOVERY, None, "Recovery from the loss of a machine or zone: nothing had to recover.");
}
