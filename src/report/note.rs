//! A sentence beside a verdict: what its number rests on, platform by platform.
//!
//! Knows two metrics, and which lines of the bill are assumed; judges nothing. Start at [`upkeep`].

use super::number::grouped;
use super::words::list;
use crate::results::metric::MetricId;
use crate::results::rows::{CostRow, ResultSet};

/// The item of the bill that is hours assumed a machine, a service or a cluster, not hours that the run observed.
const UPKEEP: &str = "upkeep";
/// The category of what was built before the run.
const AUTOMATION: &str = "automation";

/// How much of each bill is assumed upkeep and automation, and what is left without; nothing where no upkeep is billed.
pub fn upkeep(results: &ResultSet) -> Option<String> {
    let mut shares = Vec::new();
    let mut rests = Vec::new();
    let mut any = false;
    for (name, total) in values(results, MetricId::CostPerMonth).filter(|(_, total)| *total > 0.0) {
        let lines = results.costs.iter().filter(|row| row.platform == name && is_assumed(row));
        let usd: f64 = lines.map(|row| row.usd_per_month).sum();
        any |= usd > 0.0;
        shares.push(format!("{} % of {}", grouped(usd / total * 100.0, 0), possessive(name)));
        rests.push(format!("{name} {}", grouped(total - usd, 0)));
    }
    any.then(|| {
        let (shares, rests) = (list(&shares), list(&rests));
        format!("Upkeep and automation, assumptions, are {shares} bill; without them: {rests} USD.")
    })
}

/// Who asks for more work than the team has office hours; nothing where nobody does.
pub fn overwork(results: &ResultSet) -> Option<String> {
    let too_much = values(results, MetricId::TeamLoad).filter(|(_, load)| *load > 1.0);
    let loads: Vec<String> =
        too_much.map(|(name, load)| format!("{name} {} %", grouped(load * 100.0, 0))).collect();
    (!loads.is_empty())
        .then(|| format!("The team is too small: of its office hours all work takes {}.", list(&loads)))
}

/// What stands beside the verdict on cost.
pub fn cost(results: &ResultSet) -> Option<String> {
    let notes: Vec<String> = [upkeep(results), overwork(results)].into_iter().flatten().collect();
    (!notes.is_empty()).then(|| notes.join(" "))
}

fn is_assumed(row: &CostRow) -> bool {
    row.item == UPKEEP || row.category == AUTOMATION
}

/// How much of the requests that were not answered well a bad release took; nothing where none did.
pub fn bad_releases(results: &ResultSet) -> Option<String> {
    let mut shares = Vec::new();
    let mut any = false;
    for (name, availability) in values(results, MetricId::Availability).filter(|(_, share)| *share < 1.0) {
        let Some((_, bad)) = values(results, MetricId::BadReleaseRequests).find(|(other, _)| *other == name)
        else {
            continue;
        };
        any |= bad > 0.0;
        shares.push(format!("{} % ({name})", grouped(bad / (1.0 - availability) * 100.0, 0)));
    }
    any.then(|| format!("Bad releases are {} of what is missing.", list(&shares)))
}

/// Platforms with a value of that ratio, in the manifest's order.
fn values(results: &ResultSet, id: MetricId) -> impl Iterator<Item = (&str, f64)> {
    results.manifest.platforms.iter().filter_map(move |platform| {
        let mut rows = results.summary.iter();
        let row = rows.find(|row| {
            row.platform == platform.name
                && row.service.is_empty()
                && row.is_of(id.definition().name, "ratio")
        });
        Some((platform.name.as_str(), row?.value?))
    })
}

fn possessive(name: &str) -> String {
    if name.ends_with('s') { format!("{name}'") } else { format!("{name}'s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{set_metric, three_platforms};

    #[test]
    fn upkeep_is_told_as_a_share_of_each_bill_and_taken_off() {
        let mut results = three_platforms();
        assert_eq!(upkeep(&results), None);
        for row in results.costs.iter_mut().filter(|row| row.category == "people") {
            row.item = UPKEEP.to_owned();
        }
        // 4,500 of 10,000, 2,800 of 6,200 and 3,800 of 7,050.
        assert_eq!(
            upkeep(&results).as_deref(),
            Some(
                "Upkeep and automation, assumptions, are 45 % of pets', 45 % of cattle's and 54 % of k8s' bill; without \
                 them: pets 5,500, cattle 3,400 and k8s 3,250 USD."
            )
        );
    }

    #[test]
    fn a_team_that_cannot_do_the_work_is_told() {
        let mut results = three_platforms();
        assert_eq!(overwork(&results), None);
        set_metric(&mut results, MetricId::TeamLoad, "ratio", [(2.917, 0.0), (0.44, 0.0), (1.01, 0.0)]);
        assert_eq!(
            overwork(&results).as_deref(),
            Some("The team is too small: of its office hours all work takes pets 292 % and k8s 101 %.")
        );
    }

    #[test]
    fn bad_releases_are_told_as_a_share_of_what_is_missing() {
        let mut results = three_platforms();
        assert_eq!(bad_releases(&results), None);
        let cells = [(0.00022, 0.0), (0.00019, 0.0), (0.0, 0.0)];
        set_metric(&mut results, MetricId::BadReleaseRequests, "ratio", cells);
        // 22 of 88, 19 of 19 and 0 of 17 in 100,000.
        assert_eq!(
            bad_releases(&results).as_deref(),
            Some("Bad releases are 25 % (pets), 100 % (cattle) and 0 % (k8s) of what is missing.")
        );
    }
}
