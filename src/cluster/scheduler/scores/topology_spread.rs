//! PodTopologySpread, soft and default constraints: fewer pods that match, in larger domains less heavily.
//!
//! Follows plugins/podtopologyspread/scoring.go of v1.36.2: raw = Σ (pods in the domain · ln(domains + 2) + skew − 1),
//! rounded; where domains are those of feasible nodes. Own constraints ignore nodes that lack a key; the system's do not.

use super::super::class::{Newcomer, Spread};
use super::{Group, MAX};
use std::collections::BTreeSet;

/// Says something for newcomers.
pub fn applies(newcomer: &Newcomer) -> bool {
    !newcomer.soft.is_empty()
}

/// The nodes lack a key of the newcomer's own constraints.
fn is_ignored(newcomer: &Newcomer, group: &impl Group) -> bool {
    newcomer.own_soft && newcomer.soft.iter().any(|s| group.sum(s.tally).is_none())
}

/// The factor of each constraint: grows with the number of its domains.
fn factors<G: Group>(newcomer: &Newcomer, groups: &[G]) -> Vec<f64> {
    let counted = || groups.iter().filter(|g| !is_ignored(newcomer, *g));
    let domains = |spread: &Spread| {
        if spread.by_hostname {
            counted().map(Group::nodes).sum()
        } else {
            // Nodes without the label are a domain of their own here.
            counted().map(|g| g.domain(spread)).collect::<BTreeSet<_>>().len()
        }
    };
    newcomer.soft.iter().map(|s| ((domains(s) + 2) as f64).ln()).collect()
}

/// Scores of all groups of feasible nodes.
pub fn scores<G: Group>(newcomer: &Newcomer, groups: &[G]) -> Vec<i64> {
    let factors = factors(newcomer, groups);
    let raw = |group: &G| {
        let one = |(spread, factor): (&Spread, &f64)| {
            let there = group.sum(spread.tally)?;
            Some(there as f64 * factor + (spread.max_skew - 1) as f64)
        };
        let sum: f64 = newcomer.soft.iter().zip(&factors).filter_map(one).sum();
        (!is_ignored(newcomer, group)).then(|| sum.round() as i64)
    };
    normalized(&groups.iter().map(raw).collect::<Vec<_>>())
}

/// From raw scores; `None` is ignored and gets 0.
fn normalized(raw: &[Option<i64>]) -> Vec<i64> {
    let min = raw.iter().flatten().copied().min().unwrap_or(0);
    let max = raw.iter().flatten().copied().max().unwrap_or(0);
    let one = |raw: &Option<i64>| match raw {
        None => 0,
        Some(_) if max == 0 => MAX,
        Some(raw) => MAX * (max + min - raw) / max,
    };
    raw.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::scheduler::tally::TallyId;

    #[test]
    fn three_zones_of_one_node_with_two_one_and_no_pod() {
        struct Zone(u32);
        impl Group for Zone {
            fn nodes(&self) -> usize {
                1
            }
            fn taints(&self) -> i64 {
                0
            }
            fn affinity(&self) -> i64 {
                0
            }
            fn domain(&self, _: &Spread) -> u32 {
                self.0
            }
            fn sum(&self, _: TallyId) -> Option<i64> {
                Some(i64::from(self.0))
            }
        }
        let spread = |max_skew, by_hostname| Spread {
            tally: TallyId(0),
            max_skew,
            min_domains: 1,
            own: 0,
            by_hostname,
        };
        let newcomer = Newcomer { soft: vec![spread(3, true), spread(5, false)], ..Newcomer::default() };
        // facts 2.4: ln 5 = 1.609; 2·2·1.609 + 6 = 12, 9, 6 → 100·(12 + 6 − raw)/12.
        assert_eq!(scores(&newcomer, &[Zone(2), Zone(1), Zone(0)]), [50, 75, 100]);
    }
}
