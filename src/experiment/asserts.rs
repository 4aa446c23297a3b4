//! Were the scenario's claims true? Judges each by the value that came out, and says what its interval makes of that.
//!
//! Does not know how a claim is written, nor how it is told. Start at [`judge`].

use crate::results::rows::{AssertRow, SummaryRow};
use crate::scenario::Claim;

/// One row a claim and platform, in order; platforms that were not run are left out. What has no value does not hold:
/// nothing was observed that could show it, or open incidents hide it.
pub(super) fn judge(claims: &[Claim], platforms: &[&str], summary: &[SummaryRow]) -> Vec<AssertRow> {
    let mut rows = Vec::new();
    for claim in claims {
        for platform in claim.platforms.iter().filter(|name| platforms.contains(&name.as_str())) {
            let of_claim = |row: &&SummaryRow| {
                row.platform == *platform
                    && row.service == claim.service
                    && row.is_of(claim.metric.name, &claim.statistic)
            };
            let found = summary.iter().find(of_claim);
            let value = found.and_then(|row| row.value);
            let interval = found.and_then(|row| Some((row.ci_low?, row.ci_high?)));
            rows.push(AssertRow {
                platform: platform.clone(),
                service: claim.service.clone(),
                metric: claim.metric.name.to_owned(),
                unit: claim.metric.unit.to_owned(),
                statistic: claim.statistic.clone(),
                comparison: claim.sign.name().to_owned(),
                bound: claim.bound,
                value,
                ci_low: interval.map(|(low, _)| low),
                ci_high: interval.map(|(_, high)| high),
                passed: value.is_some_and(|value| claim.sign.holds(value, claim.bound)),
                certain: interval.is_some_and(|(low, high)| !(low..=high).contains(&claim.bound)),
            });
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::three_platforms;
    use crate::results::metric::MetricId;
    use crate::scenario::Sign;

    fn cost(sign: Sign, bound: f64) -> Claim {
        Claim {
            platforms: vec!["cattle".to_owned(), "k8s".to_owned()],
            service: String::new(),
            metric: MetricId::CostPerMonth.definition(),
            statistic: "ratio".to_owned(),
            sign,
            bound,
        }
    }

    #[test]
    fn a_claim_is_judged_by_the_value_and_its_interval_says_how_sure() {
        let results = three_platforms();
        let of = |platform: &str| {
            let is_it = |row: &&SummaryRow| row.platform == platform && row.is_of("cost_per_month", "ratio");
            results.summary.iter().find(is_it).expect("it costs something").clone()
        };
        // Cattle costs 6,200 a month; just above its interval, at the value, and just inside.
        let (value, high) = (of("cattle").value.expect("billed"), of("cattle").ci_high.expect("thirty"));
        let judged = |sign, bound| {
            let row = judge(&[cost(sign, bound)], &["cattle"], &results.summary).remove(0);
            (row.passed, row.certain)
        };
        assert_eq!(judged(Sign::Below, high + 1.0), (true, true));
        assert_eq!(judged(Sign::Below, high), (true, false));
        assert_eq!(judged(Sign::AtMost, value), (true, false));
        assert_eq!(judged(Sign::Below, value), (false, false));
        assert_eq!(judged(Sign::Above, value), (false, false));
        assert_eq!(judged(Sign::AtLeast, value), (true, false));
        assert_eq!(judged(Sign::AtLeast, high + 1.0), (false, true));
    }

    #[test]
    fn what_was_never_observed_does_not_hold_and_what_was_not_run_is_not_judged() {
        let results = three_platforms();
        let nothing = Claim { service: "web".to_owned(), ..cost(Sign::Below, 1e9) };
        let rows = judge(&[nothing, cost(Sign::Below, 1e9)], &["k8s", "pets"], &results.summary);
        let told: Vec<_> =
            rows.iter().map(|row| (row.platform.as_str(), row.value.is_some(), row.passed)).collect();
        assert_eq!(told, [("k8s", false, false), ("k8s", true, true)]);
    }
}
