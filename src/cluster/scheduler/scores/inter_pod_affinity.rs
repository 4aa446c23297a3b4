//! InterPodAffinity: preferences of the newcomer about bound pods, and of bound pods about the newcomer.
//!
//! Follows plugins/interpodaffinity/scoring.go of v1.36.2. Sums by domain are kept in tallies; a node's raw score is the sum
//! over its domains. Skipped if no term of any pod matches; 0 for all where all are equal.

use super::super::cache::Cache;
use super::super::class::Newcomer;
use super::super::tally::TallyId;
use super::MAX;

/// Says something now.
pub fn applies(cache: &Cache, newcomer: &Newcomer) -> bool {
    newcomer.preferences.iter().any(|&t| cache.tally(t).terms() > 0)
}

pub fn raw(newcomer: &Newcomer, sum: &impl Fn(TallyId) -> Option<i64>) -> i64 {
    newcomer.preferences.iter().filter_map(|&t| sum(t)).sum()
}

/// From the raw scores of all feasible nodes.
pub fn normalize(scores: &mut [i64]) {
    let min = scores.iter().copied().min().unwrap_or(0);
    let max = scores.iter().copied().max().unwrap_or(0);
    for score in scores {
        let share = if max > min { (*score - min) as f64 / (max - min) as f64 } else { 0.0 };
        *score = (MAX as f64 * share) as i64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_stretched_from_the_worst_to_the_best() {
        let mut scores = [-50, 0, 100];
        normalize(&mut scores);
        // 100·50/150 = 33.
        assert_eq!(scores, [0, 33, 100]);
        let mut equal = [7, 7];
        normalize(&mut equal);
        assert_eq!(equal, [0, 0]);
    }
}
