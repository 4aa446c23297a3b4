//! Two results folders against each other: what changed from the old one to the new one, platform by platform.
//!
//! With the same seed replication k met the same weather in both, as far as both scenarios have it, and the two are
//! paired by number. That is right whatever they share; where they share less it only buys less. With different
//! seeds they are independent, and Welch's approximation takes the place of pairs. Works from rows alone: sums where
//! the metric is a ratio, the incidents where it is a quantile of theirs, and else what each replication says by
//! itself (of latencies and releases no sample is kept), which is then what the two values are the means of.
//!
//! Runs nothing. Start at [`compare`].

use super::quantile::PooledQuantiles;
use super::statistics::{
    Comparison, Estimate, Nines, Part, Sums, compare_independent, compare_ratios, holm, ratio_of_sums,
};
use crate::results::kaplan_meier::Observation;
use crate::results::metric::{Kind, METRICS, MetricDefinition, MetricId};
use crate::results::rows::{ChangeRow, IncidentRow, ReplicationRow, ResultSet};
use std::collections::{BTreeMap, BTreeSet};

/// What two folders have in common, compared.
pub struct Change {
    pub paired: bool,
    /// Replications of the old and of the new one that entered: the same ones if paired.
    pub replications: (usize, usize),
    pub rows: Vec<ChangeRow>,
    /// Platforms that only one of them has.
    pub only_old: Vec<String>,
    pub only_new: Vec<String>,
}

/// Compares what both have: the platforms of the old one, in order.
pub fn compare(old: &ResultSet, new: &ResultSet) -> Change {
    let paired = old.manifest.seed == new.manifest.seed;
    // By the rows that are there: what a manifest says of their number may be anything.
    let numbers =
        |of: &ResultSet| -> BTreeSet<u32> { of.replications.iter().map(|row| row.replication).collect() };
    let (mut in_old, mut in_new) = (numbers(old), numbers(new));
    if paired {
        in_old.retain(|number| in_new.contains(number));
        in_new = in_old.clone();
    }
    let sides = Sides {
        old: Side::new(old, in_old.into_iter().collect()),
        new: Side::new(new, in_new.into_iter().collect()),
        paired,
    };
    let names = |of: &ResultSet| -> Vec<String> {
        of.manifest.platforms.iter().map(|platform| platform.name.clone()).collect()
    };
    let (names_old, names_new) = (names(old), names(new));
    let mut rows = Vec::new();
    for platform in names_old.iter().filter(|name| names_new.contains(name)) {
        rows.extend(sides.changes_of(platform));
    }
    correct(&mut rows);
    let without = |names: &[String], others: &[String]| -> Vec<String> {
        names.iter().filter(|name| !others.contains(name)).cloned().collect()
    };
    Change {
        paired,
        replications: (sides.old.numbers.len(), sides.new.numbers.len()),
        rows,
        only_old: without(&names_old, &names_new),
        only_new: without(&names_new, &names_old),
    }
}

/// The headlines of whole platforms are one family: they are what the sentences speak of. Every other statistic is a
/// family of its own platforms.
fn correct(rows: &mut [ChangeRow]) {
    let is_headline = |row: &ChangeRow| {
        row.service.is_empty() && METRICS.iter().any(|metric| metric.headline && metric.name == row.metric)
    };
    let mut families: BTreeMap<Option<[String; 3]>, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let own = || [row.service.clone(), row.metric.clone(), row.statistic.clone()];
        families.entry((!is_headline(row)).then(own)).or_default().push(index);
    }
    for family in families.values() {
        let p_values: Vec<Option<f64>> = family.iter().map(|&index| rows[index].p_value).collect();
        for (&index, adjusted) in family.iter().zip(holm(&p_values)) {
            rows[index].p_adjusted = adjusted;
        }
    }
}

/// Platform, service, metric, statistic.
type Key<'a> = [&'a str; 4];

/// One folder with its rows found once.
struct Side<'a> {
    results: &'a ResultSet,
    /// Replications that enter.
    numbers: Vec<u32>,
    rows: BTreeMap<Key<'a>, BTreeMap<u32, &'a ReplicationRow>>,
}

impl<'a> Side<'a> {
    fn new(results: &'a ResultSet, numbers: Vec<u32>) -> Side<'a> {
        let mut rows: BTreeMap<Key<'a>, BTreeMap<u32, &ReplicationRow>> = BTreeMap::new();
        for row in &results.replications {
            let key = [&row.platform, &row.service, &row.metric, &row.statistic].map(String::as_str);
            rows.entry(key).or_default().insert(row.replication, row);
        }
        Side { results, numbers, rows }
    }

    /// By replication; what a replication does not have is (0, 0).
    fn parts(&self, key: &Key<'_>, part: impl Fn(&ReplicationRow) -> Option<Part>) -> Vec<Part> {
        let of_key = self.rows.get(key);
        let of = |number: &u32| of_key.and_then(|rows| part(rows.get(number)?)).unwrap_or_default();
        self.numbers.iter().map(of).collect()
    }

    /// By replication, the spans of incidents that the metric counts.
    fn spans(
        &self,
        [platform, service, ..]: &Key<'_>,
        counts: fn(&IncidentRow) -> bool,
    ) -> Vec<Vec<Observation>> {
        let mut spans: BTreeMap<u32, Vec<Observation>> = BTreeMap::new();
        for row in self.results.incidents.iter().filter(|row| row.platform == *platform && counts(row)) {
            if service.is_empty() || row.service == *service {
                let observation = Observation { value: row.total_s, censored: row.is_censored() };
                spans.entry(row.replication).or_default().push(observation);
            }
        }
        self.numbers.iter().map(|number| spans.remove(number).unwrap_or_default()).collect()
    }
}

struct Sides<'a> {
    old: Side<'a>,
    new: Side<'a>,
    paired: bool,
}

/// The two values, and how far apart they are.
struct Found {
    old: Estimate,
    new: Estimate,
    comparison: Comparison,
    basis: &'static str,
}

impl Sides<'_> {
    /// Whole platform first, then the services of the old folder; metrics in their order.
    fn changes_of(&self, platform: &str) -> Vec<ChangeRow> {
        let mut services: Vec<&str> = vec![""];
        for row in self.old.results.summary.iter().filter(|row| row.platform == platform) {
            if !services.contains(&row.service.as_str()) {
                services.push(&row.service);
            }
        }
        let mut rows = Vec::new();
        for service in services {
            for metric in &METRICS {
                for (index, statistic) in metric.statistics().iter().enumerate() {
                    let key = [platform, service, metric.name, statistic.as_str()];
                    if self.old.rows.contains_key(&key) && self.new.rows.contains_key(&key) {
                        rows.push(self.row(&key, metric, &self.find(&key, metric, index)));
                    }
                }
            }
        }
        rows
    }

    fn find(&self, key: &Key<'_>, metric: &MetricDefinition, index: usize) -> Found {
        if let (Kind::Quantiles(probabilities), Some(counts)) =
            (metric.kind, IncidentRow::counted_by(metric.id))
        {
            let pool = |side: &Side<'_>| {
                let seed = side.results.manifest.seed;
                PooledQuantiles::of_spans(&side.spans(key, counts), &probabilities[index..=index], seed)
            };
            let (old, new) = (pool(&self.old), pool(&self.new));
            let comparison =
                if self.paired { old.compare(&new, 0) } else { old.compare_independent(&new, 0) };
            return Found { old: old.estimate(0), new: new.estimate(0), comparison, basis: "pool" };
        }
        let sums =
            |row: &ReplicationRow| Some(Part { numerator: row.numerator?, denominator: row.denominator? });
        match metric.kind {
            Kind::Ratio => self.found([&self.old, &self.new].map(|side| side.parts(key, sums)), "sums"),
            Kind::PerNine => {
                let nines = |side: &Side<'_>| -> Vec<Nines> {
                    let of = |id: MetricId| side.parts(&[key[0], key[1], id.definition().name, key[3]], sums);
                    let both = of(MetricId::CostPerMonth).into_iter().zip(of(MetricId::Availability));
                    both.map(|(cost, availability)| Nines { cost, availability }).collect()
                };
                self.found([&self.old, &self.new].map(nines), "sums")
            }
            Kind::Quantiles(_) | Kind::Latency(_) => {
                let own = |row: &ReplicationRow| Some(Part { numerator: row.value?, denominator: 1.0 });
                self.found([&self.old, &self.new].map(|side| side.parts(key, own)), "replications")
            }
        }
    }

    fn found<P: Sums>(&self, [old, new]: [Vec<P>; 2], basis: &'static str) -> Found {
        let comparison =
            if self.paired { compare_ratios(&old, &new) } else { compare_independent(&old, &new) };
        Found { old: ratio_of_sums(&old), new: ratio_of_sums(&new), comparison, basis }
    }

    fn row(
        &self,
        [platform, service, _, statistic]: &Key<'_>,
        metric: &MetricDefinition,
        found: &Found,
    ) -> ChangeRow {
        let Comparison { difference, ratio, p_value } = found.comparison;
        ChangeRow {
            platform: (*platform).to_owned(),
            service: (*service).to_owned(),
            metric: metric.name.to_owned(),
            unit: metric.unit.to_owned(),
            statistic: (*statistic).to_owned(),
            old: found.old.value,
            new: found.new.value,
            difference: difference.value,
            difference_low: difference.low,
            difference_high: difference.high,
            ratio: ratio.value,
            ratio_low: ratio.low,
            ratio_high: ratio.high,
            p_value,
            p_adjusted: None,
            paired: self.paired,
            basis: found.basis.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::three_platforms;

    fn cost(change: &Change, platform: &str) -> ChangeRow {
        let is_it = |row: &&ChangeRow| row.platform == platform && row.metric == "cost_per_month";
        change.rows.iter().find(is_it).expect("it is compared").clone()
    }

    /// The same with every cost of cattle lower by a tenth.
    fn cheaper(old: &ResultSet) -> ResultSet {
        let mut new = old.clone();
        for row in new.replications.iter_mut().filter(|row| row.platform == "cattle") {
            row.numerator = row.numerator.map(|usd| usd * 0.9);
        }
        new
    }

    #[test]
    fn with_the_same_seed_replications_are_pairs_and_a_tenth_is_found_exactly() {
        let old = three_platforms();
        let change = compare(&old, &cheaper(&old));
        assert!(change.paired && change.replications == (30, 30));
        let row = cost(&change, "cattle");
        // Half-month sums 3,100 + r over 0.5 for r = 0 … 29: mean (3,100 + 14.5) · 2 = 6,229; new nine tenths of it.
        assert!((row.old.expect("known") - 6_229.0).abs() < 1e-9, "{row:?}");
        assert!((row.ratio.expect("known") - 0.9).abs() < 1e-12, "{row:?}");
        // Every pair has the ratio 0.9: no spread is left of it, while costs themselves vary.
        assert!(row.ratio_high.expect("thirty") - row.ratio_low.expect("thirty") < 1e-9, "{row:?}");
        assert!(row.p_adjusted.is_some_and(|p| p < 0.001));
        let same = cost(&change, "pets");
        assert_eq!((same.difference, same.p_value), (Some(0.0), Some(1.0)));
    }

    #[test]
    fn with_different_seeds_the_interval_is_that_of_two_samples() {
        let old = three_platforms();
        let mut new = cheaper(&old);
        new.manifest.seed += 1;
        let change = compare(&old, &new);
        assert!(!change.paired);
        let row = cost(&change, "cattle");
        // Costs 6,200 + 2r: s² = 4 · (30² − 1)/12 · 30/29 = 310 and 0.81 · 310 = 251.1; standard error
        // √(310/30 + 251.1/30) = 4.3248; Welch degrees 561.1² / ((310² + 251.1²)/29) = 57.36, of which 57 are
        // taken: t(0.975, 57) = 2.0025; half = 8.6603. Uniform costs have no skewness.
        let half = (row.difference_high.expect("known") - row.difference_low.expect("known")) / 2.0;
        assert!((row.difference.expect("known") + 622.9).abs() < 1e-9, "{row:?}");
        assert!((half - 8.6603).abs() < 1e-3, "{half}");
    }

    #[test]
    fn medians_of_incidents_are_those_of_the_pool() {
        let old = three_platforms();
        let mut new = old.clone();
        new.incidents.iter_mut().for_each(|row| row.total_s *= 2.0);
        let median = ReplicationRow {
            metric: "recovery_time".to_owned(),
            statistic: "p50".to_owned(),
            numerator: None,
            denominator: None,
            ..old.replications[0].clone()
        };
        new.replications.push(median.clone());
        let mut old = old;
        old.replications.push(median);
        let change = compare(&old, &new);
        let row = change.rows.iter().find(|row| row.metric == "recovery_time").expect("compared");
        assert_eq!((row.basis.as_str(), row.ratio.map(|r| (r * 1e9).round() / 1e9)), ("pool", Some(2.0)));
    }

    #[test]
    fn platforms_that_one_folder_lacks_are_named() {
        let old = three_platforms();
        let mut new = old.clone();
        new.manifest.platforms[0].name = "herd".to_owned();
        let change = compare(&old, &new);
        assert_eq!((change.only_old, change.only_new), (vec!["pets".to_owned()], vec!["herd".to_owned()]));
        assert!(change.rows.iter().all(|row| row.platform != "pets"));
    }
}
