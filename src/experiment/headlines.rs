//! How narrow the intervals of the headlines are: the statistics that the verdict answers.
//!
//! Does not decide whether that is narrow enough: that is [`super::precision`]. Start at [`headline_widths`].

use super::aggregate::{PlatformOutcomes, pairs};
use super::evidence::{Evidence, Indexed};
use super::precision::Width;
use super::statistics::Estimate;
use crate::results::metric::{Kind, MetricDefinition, QUESTIONS};

/// How well the first `n` replications tell the headlines: the statistics that the verdict answers, as differences
/// of platforms by pairs, or by themselves if there is one platform only.
///
/// What nobody observed (no machine was lost, say) is no headline, and neither is a quantile that open spans hide.
pub(super) fn headline_widths(platforms: &[PlatformOutcomes], n: usize, seed: u64) -> Vec<Width> {
    let mut widths = Vec::new();
    let indexed: Vec<Indexed<'_>> = platforms.iter().map(|p| Indexed::new(&p.outcomes[..n])).collect();
    for (id, statistic) in QUESTIONS {
        let metric = only(id.definition(), statistic);
        let evidence: Vec<Evidence> =
            indexed.iter().map(|platform| Evidence::collect(platform, None, &metric, seed)).collect();
        let mut add = |names: String, estimate: Estimate, level: f64| {
            let Some(value) = estimate.value else { return };
            let half = estimate.low.zip(estimate.high).map(|(low, high)| (high - low) / 2.0);
            // Two zeros differ by nothing of nothing.
            let relative = if level == 0.0 && value == 0.0 { half } else { half.map(|half| half / level) };
            widths.push(Width { of: format!("{} {statistic}, {names}", metric.name), relative });
        };
        let value = |evidence: &Evidence| evidence.estimate(0).value.unwrap_or(0.0).abs();
        if let ([platform], [evidence]) = (platforms, evidence.as_slice()) {
            add(platform.name.clone(), evidence.estimate(0), value(evidence));
        }
        for (a, b) in pairs(platforms.len()) {
            let level = (value(&evidence[a]) + value(&evidence[b])) / 2.0;
            let names = format!("{} against {}", platforms[a].name, platforms[b].name);
            add(names, evidence[a].compare(&evidence[b], 0).difference, level);
        }
    }
    widths
}

/// The metric with one of its statistics: a look at a median need not find the 99th percentile.
fn only(metric: &MetricDefinition, statistic: &str) -> MetricDefinition {
    let index = metric.statistics().iter().position(|name| name == statistic).expect("it is one of them");
    let kind = match metric.kind {
        Kind::Quantiles(probabilities) => Kind::Quantiles(&probabilities[index..=index]),
        other => other,
    };
    MetricDefinition { kind, ..metric.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::outcome::{Measure, ReplicationOutcome, Sample};
    use crate::results::metric::MetricId;

    use crate::platform::Sizing;

    fn platform(name: &str, costs: &[f64], recoveries: &[f64]) -> PlatformOutcomes {
        let outcome = |(index, &usd): (usize, &f64)| ReplicationOutcome {
            replication: index as u32,
            measures: vec![Measure {
                service: None,
                metric: MetricId::CostPerMonth,
                numerator: usd,
                denominator: 1.0,
            }],
            samples: recoveries
                .iter()
                .map(|&value| Sample {
                    service: None,
                    metric: MetricId::RecoveryTime,
                    value,
                    censored: false,
                })
                .collect(),
            ..ReplicationOutcome::default()
        };
        let outcomes = costs.iter().enumerate().map(outcome).collect();
        PlatformOutcomes { name: name.to_owned(), kind: name.to_owned(), sizing: Sizing::default(), outcomes }
    }

    #[test]
    fn a_width_is_half_an_interval_over_the_level_of_the_two() {
        let platforms =
            [platform("pets", &[100.0, 102.0, 55.0], &[]), platform("k8s", &[90.0, 94.0, 1.0], &[])];
        // Of the first two replications: differences −10 and −8, s/√2 = 1, half = t(0.975, 1) = 12.7062; level
        // (101 + 92)/2 = 96.5. Nothing had to recover, and no CPU or request was counted: no headlines.
        let widths = headline_widths(&platforms, 2, 1);
        assert_eq!(widths.len(), 1);
        assert_eq!(widths[0].of, "cost_per_month ratio, pets against k8s");
        assert!((widths[0].relative.expect("two pairs") - 12.706_205 / 96.5).abs() < 1e-6, "{widths:?}");
    }

    #[test]
    fn one_platform_is_measured_by_itself_and_a_value_without_interval_counts() {
        let alone = [platform("pets", &[100.0, 102.0], &[60.0])];
        let widths = headline_widths(&alone, 2, 1);
        assert!((widths[0].relative.expect("two") - 12.706_205 / 101.0).abs() < 1e-6, "{widths:?}");
        // Two replications of one recovery each: a median, and no way to tell how sure.
        assert_eq!((widths[1].of.as_str(), widths[1].relative), ("recovery_time p50, pets", None));
    }
}
