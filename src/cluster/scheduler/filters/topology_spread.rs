//! PodTopologySpread, hard constraints: a domain may have only so many pods more than the emptiest one.
//!
//! Follows plugins/podtopologyspread/filtering.go of v1.36.2. Domains are those of nodes that pass the constraint's
//! inclusion policies, cordoned ones too. Pods that are being deleted do not count.

use super::super::cache::Cache;
use super::{Newcomer, Plugin, Rejection, TallyId};

/// The smallest sum of each hard constraint.
pub fn minima(cache: &Cache, newcomer: &Newcomer) -> Vec<i64> {
    newcomer.hard.iter().map(|c| cache.tally(c.tally).minimum(c.min_domains)).collect()
}

pub fn check(
    newcomer: &Newcomer,
    minima: &[i64],
    sum: &impl Fn(TallyId) -> Option<i64>,
) -> Result<(), Rejection> {
    const MISSING: &str = "node(s) didn't match pod topology spread constraints (missing required label)";
    const SKEWED: &str = "node(s) didn't match pod topology spread constraints";
    for (constraint, minimum) in newcomer.hard.iter().zip(minima) {
        let Some(there) = sum(constraint.tally) else {
            return Err(Rejection::new(Plugin::PodTopologySpread, MISSING, false));
        };
        if there + constraint.own - minimum > constraint.max_skew {
            return Err(Rejection::new(Plugin::PodTopologySpread, SKEWED, true));
        }
    }
    Ok(())
}
