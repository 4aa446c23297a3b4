//! InterPodAffinity: required nearness to, and distance from, bound pods, in both directions.
//!
//! Follows plugins/interpodaffinity/filtering.go of v1.36.2. Pods that are being deleted count until they are gone.

use super::{Newcomer, Plugin, Rejection, TallyId};

/// `terms` gives how much a tally counts anywhere.
pub fn check(
    newcomer: &Newcomer,
    sum: &impl Fn(TallyId) -> Option<i64>,
    terms: &impl Fn(TallyId) -> i64,
) -> Result<(), Rejection> {
    let reject = |reason, resolvable| Err(Rejection::new(Plugin::InterPodAffinity, reason, resolvable));
    if !near(newcomer, sum, terms) {
        return reject("node(s) didn't match pod affinity rules", false);
    }
    let meets = |tallies: &[TallyId]| tallies.iter().any(|&t| sum(t).is_some_and(|n| n > 0));
    if meets(&newcomer.anti) {
        return reject("node(s) didn't match pod anti-affinity rules", true);
    }
    if meets(&newcomer.repelled) {
        return reject("node(s) didn't satisfy existing pods anti-affinity rules", true);
    }
    Ok(())
}

/// Pods that match are in every domain asked for; the first of a group that matches itself may go to any node with
/// all the keys.
fn near(newcomer: &Newcomer, sum: &impl Fn(TallyId) -> Option<i64>, terms: &impl Fn(TallyId) -> i64) -> bool {
    let (mut all_keys, mut everywhere) = (true, true);
    for &tally in &newcomer.affinity {
        match sum(tally) {
            None => all_keys = false,
            Some(there) => everywhere &= there > 0,
        }
    }
    all_keys && (everywhere || (newcomer.self_affine && newcomer.affinity.iter().all(|&t| terms(t) == 0)))
}
