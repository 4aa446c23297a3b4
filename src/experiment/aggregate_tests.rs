//! From outcomes to rows, with numbers small enough to follow.

use super::*;
use crate::metrics::outcome::{
    CostLine, End, IncidentOutcome, MachinePoint, Measure, RecoveryStages, Sample, SeriesPoint,
};
use crate::results::metric::MetricId as Id;
use crate::results::rows::SCHEMA_VERSION;
use crate::world::queueing::ServiceTime;

fn frame() -> Frame {
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        boxherd_version: String::new(),
        target: String::new(),
        scenario_name: "test".to_owned(),
        scenario: String::new(),
        scenario_hash: String::new(),
        overrides: vec![],
        seed: 1,
        replications: 2,
        precision: None,
        asserts: Vec::new(),
        warm_up_s: 0.0,
        horizon_s: 3_600.0,
        start_date: "2026-01-05".to_owned(),
        assumptions: Vec::new(),
        price_date: "2026-11-01".to_owned(),
        platforms: vec![],
    };
    let buckets = [0.0, 300.0].map(|t_s| Bucket { time: format!("t+{t_s}"), t_s });
    let law = Law { work: ServiceTime::lognormal(0.1, 0.0), timeout_s: 10.0 };
    let services = vec!["web".to_owned(), "api".to_owned()];
    Frame { manifest, services, laws: vec![law; 2], buckets: buckets.into() }
}

/// One platform; `costs[k]` are the dollars and `recoveries[k]` the recovery times of replication k.
fn platform(name: &str, costs: &[f64], recoveries: &[&[f64]]) -> PlatformOutcomes {
    let outcome = |(index, (&usd, recoveries)): (usize, (&f64, &&[f64]))| ReplicationOutcome {
        replication: index as u32,
        digest: 0xabc,
        events: 10,
        measures: vec![Measure { service: None, metric: Id::CostPerMonth, numerator: usd, denominator: 1.0 }],
        samples: recoveries
            .iter()
            .map(|&value| Sample { service: Some(0), metric: Id::RecoveryTime, value, censored: false })
            .collect(),
        costs: vec![CostLine {
            category: "compute".to_owned(),
            item: "m7i.large".to_owned(),
            quantity: usd / 2.0,
            unit: "h".to_owned(),
            usd,
        }],
        ..ReplicationOutcome::default()
    };
    let outcomes = costs.iter().zip(recoveries).enumerate().map(outcome).collect();
    PlatformOutcomes { name: name.to_owned(), kind: name.to_owned(), sizing: Sizing::default(), outcomes }
}

fn value(results: &ResultSet, platform: &str, service: &str, metric: Id, statistic: &str) -> Option<f64> {
    let mut rows = results.summary.iter();
    let is_it = |row: &&SummaryRow| {
        row.platform == platform && row.service == service && row.is_of(metric.definition().name, statistic)
    };
    rows.find(is_it).and_then(|row| row.value)
}

#[test]
fn every_pair_of_platforms_is_compared_once_in_the_order_of_the_scenario() {
    let platforms = ["pets", "cattle", "k8s"].map(|name| platform(name, &[100.0, 110.0], &[&[], &[]]));
    let results = aggregate(frame(), &platforms);
    let cost = results.differences.iter().filter(|row| row.metric == "cost_per_month");
    let pairs: Vec<_> = cost.map(|row| (row.platform_a.as_str(), row.platform_b.as_str())).collect();
    assert_eq!(pairs, [("pets", "cattle"), ("pets", "k8s"), ("cattle", "k8s")]);
}

#[test]
fn samples_of_a_service_count_for_the_platform_as_well() {
    let mut pets = platform("pets", &[1.0, 1.0], &[&[10.0, 20.0], &[30.0]]);
    pets.outcomes[1].samples.push(Sample {
        service: Some(1),
        metric: Id::RecoveryTime,
        value: 5.0,
        censored: false,
    });
    let results = aggregate(frame(), &[pets]);
    // web: 10, 20, 30, median 20; all: 5, 10, 20, 30, smallest with half of them at or below: 10.
    assert_eq!(value(&results, "pets", "web", Id::RecoveryTime, "p50"), Some(20.0));
    assert_eq!(value(&results, "pets", "", Id::RecoveryTime, "p50"), Some(10.0));
    assert_eq!(value(&results, "pets", "", Id::RecoveryTime, "max"), Some(30.0));
}

#[test]
fn a_distribution_without_samples_is_an_empty_row_not_a_missing_one() {
    let results = aggregate(frame(), &[platform("pets", &[1.0, 1.0], &[&[], &[]])]);
    let row = results.summary.iter().find(|row| row.is_of("recovery_time", "p50")).expect("a row");
    assert_eq!((row.value, row.replications), (None, 0));
    assert!(!results.summary.iter().any(|row| row.metric == "availability"), "nobody measured it");
}

#[test]
fn intervals_end_where_the_metric_does() {
    // Two values and t = 12.7: the interval of the mean of 1 and 9 dollars would be 5 ± 51, that of the shares 0.8 ± 2.5.
    let mut pets = platform("pets", &[1.0, 9.0], &[&[], &[]]);
    for (outcome, served) in pets.outcomes.iter_mut().zip([0.6, 1.0]) {
        let (metric, denominator) = (Id::Availability, 1.0);
        outcome.measures.push(Measure { service: None, metric, numerator: served, denominator });
    }
    let results = aggregate(frame(), &[pets]);
    let row = |name| results.summary.iter().find(|row| row.is_of(name, "ratio")).expect("a row");
    assert_eq!(row("cost_per_month").ci_low, Some(0.0));
    assert!(row("cost_per_month").ci_high.is_some_and(|high| high > 50.0));
    assert_eq!((row("availability").ci_low, row("availability").ci_high), (Some(0.0), Some(1.0)));
}

#[test]
fn the_four_questions_share_one_correction() {
    // Costs about 110 against 100: three pairs of platforms would be one family of their own; with two platforms a
    // family of cost alone has one member and would leave p as it is. Recovery adds a second.
    let recoveries: [&[f64]; 6] = [&[10.0, 11.0], &[12.0], &[9.0, 13.0], &[10.5], &[11.5], &[8.0]];
    let slower: [&[f64]; 6] = [&[20.0, 25.0], &[12.5], &[19.0, 23.0], &[22.0], &[9.5], &[21.0]];
    let platforms = [
        platform("pets", &[100.0, 110.0, 120.0, 105.0, 115.0, 108.0], &slower),
        platform("k8s", &[90.0, 101.0, 109.0, 96.0, 104.0, 99.0], &recoveries),
    ];
    let results = aggregate(frame(), &platforms);
    let row = |metric: &str, statistic: &str| {
        results.differences.iter().find(|row| row.is_of(metric, statistic)).expect("a row")
    };
    let (cost, recovery) = (row("cost_per_month", "ratio"), row("recovery_time", "p50"));
    let (p_cost, p_recovery) = (cost.p_value.expect("six pairs"), recovery.p_value.expect("six pairs"));
    assert!(p_cost < p_recovery, "{p_cost} {p_recovery}");
    assert_eq!(cost.p_adjusted, Some(p_cost * 2.0));
    assert_eq!(recovery.p_adjusted, Some((p_cost * 2.0).max(p_recovery)));
    // p90 is no question: its family is its one pair.
    let p90 = row("recovery_time", "p90");
    assert_eq!(p90.p_adjusted, p90.p_value);
}

#[test]
fn the_series_is_the_mean_over_replications_bucket_by_bucket() {
    let mut pets = platform("pets", &[1.0, 1.0], &[&[], &[]]);
    for (outcome, useful) in pets.outcomes.iter_mut().zip([1.0, 3.0]) {
        let machines =
            Some(MachinePoint { paid_cores: 8.0, overhead_cores: 1.0, idle_cores: 7.0 - useful, vms: 4.0 });
        let whole = SeriesPoint { bucket: 1, useful_cores: useful, machines, ..SeriesPoint::default() };
        outcome.series = vec![SeriesPoint { service: Some(1), machines: None, ..whole }, whole];
    }
    let rows = aggregate(frame(), &[pets]).timeseries;
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].service.as_str(), rows[0].t_s, rows[0].time.as_str()), ("", 300.0, "t+300"));
    // (1 + 3) / 2 useful of 8 paid; idle (6 + 4) / 2.
    assert_eq!((rows[0].useful_cores, rows[0].idle_cores, rows[0].paid_cores), (2.0, Some(5.0), Some(8.0)));
    assert_eq!((rows[1].service.as_str(), rows[1].paid_cores), ("api", None));
}

#[test]
fn a_line_of_the_bill_that_one_replication_lacks_counts_as_zero_there() {
    let mut pets = platform("pets", &[100.0, 110.0], &[&[], &[]]);
    pets.outcomes[1].costs.push(CostLine {
        category: "people".to_owned(),
        item: "repair".to_owned(),
        quantity: 2.0,
        unit: "h".to_owned(),
        usd: 150.0,
    });
    let rows = aggregate(frame(), &[pets]).costs;
    assert_eq!((rows[0].usd_per_month, rows[0].quantity_per_month), (105.0, 52.5));
    // Mean of 0 and 150 is 75, of 0 and 2 hours is 1.
    assert_eq!((rows[1].usd_per_month, rows[1].quantity_per_month), (75.0, 1.0));
}

#[test]
fn incidents_are_numbered_within_a_replication_and_total_their_stages() {
    let mut pets = platform("pets", &[1.0, 1.0], &[&[], &[]]);
    let stages =
        RecoveryStages { detect_s: 60.0, boot_s: 30.0, rotation_s: 10.0, ..RecoveryStages::default() };
    let incident = IncidentOutcome { service: Some(0), stages, end: End::Open, ..IncidentOutcome::default() };
    pets.outcomes[1].incidents = vec![incident.clone(), incident];
    let rows = aggregate(frame(), &[pets]).incidents;
    assert_eq!((rows[1].replication, rows[1].incident, rows[1].service.as_str()), (1, 1, "web"));
    assert_eq!((rows[1].total_s, rows[1].status.as_str()), (100.0, "open"));
}

#[test]
fn the_manifest_lists_platforms_with_their_digests() {
    let results = aggregate(frame(), &[platform("pets", &[1.0, 1.0], &[&[], &[]])]);
    let platform = &results.manifest.platforms[0];
    assert_eq!(platform.digests, ["0000000000000abc", "0000000000000abc"]);
    assert_eq!(platform.events, 20);
}

#[test]
#[should_panic(expected = "replication by replication")]
fn platforms_with_different_replications_are_not_compared() {
    let platforms = [platform("pets", &[1.0], &[&[]]), platform("k8s", &[1.0, 2.0], &[&[], &[]])];
    aggregate(frame(), &platforms);
}

#[test]
fn differences_say_how_the_replications_of_the_two_correlate() {
    let none: [&[f64]; 4] = [&[]; 4];
    let platforms = [
        platform("a", &[1.0, 2.0, 3.0, 4.0], &none),
        platform("b", &[10.0, 20.0, 30.0, 40.0], &none),
        platform("c", &[5.0, 5.0, 5.0, 5.0], &none),
    ];
    let results = aggregate(frame(), &platforms);
    let of = |a: &str, b: &str| {
        let mut rows = results.differences.iter().filter(|row| row.metric == "cost_per_month");
        rows.find(|row| row.platform_a == a && row.platform_b == b).expect("all pairs are there").correlation
    };
    assert!((of("a", "b").expect("both vary") - 1.0).abs() < 1e-12);
    assert_eq!(of("a", "c"), None, "c is always the same");
}
