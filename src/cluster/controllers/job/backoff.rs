//! How long failures hold new pods back.
//!
//! Reads when pods of a Job ended, and how; writes nothing. Follows pkg/controller/job/backoff_utils.go of v1.36.2:
//! from the last failure on 10 s, doubled for each further failure since the last success, 10 min at most
//! (getRemainingTime).
//!
//! *Deviation:* `backoffLimitPerIndex`, for which each index has a time of its own, does not exist.
//!
//! Start at [`Backoff::until`].

use crate::cluster::objects::Finished;
use crate::engine::{SimDuration, SimTime};

/// Hold-back after the first failure, and the longest (DefaultJobPodFailureBackOff, MaxJobPodFailureBackOff).
const BACKOFF: SimDuration = SimDuration::from_secs(10);
const MAX_BACKOFF: SimDuration = SimDuration::from_mins(10);

/// Failures since the last success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    pub failures: u32,
    pub last: SimTime,
}

impl Backoff {
    /// When more pods have ended.
    pub fn after(self, ended: &[Finished]) -> Backoff {
        let last_of = |succeeded: bool| {
            let times = ended.iter().filter(|f| f.succeeded == succeeded).map(|f| f.at);
            times.max()
        };
        let (success, failure) = (last_of(true), last_of(false));
        let is_later = |f: &&Finished| !f.succeeded && success.is_none_or(|success| f.at > success);
        let failures = ended.iter().filter(is_later).count() as u32;
        let before = if success.is_some() { 0 } else { self.failures };
        let last = if failures > 0 { failure.unwrap_or(self.last) } else { self.last };
        Backoff { failures: before + failures, last }
    }

    /// New pods are held back until then.
    pub fn until(self) -> SimTime {
        match self.failures.checked_sub(1) {
            None => SimTime::ZERO,
            // 2^6 times 10 s is more than 10 min.
            Some(doublings) => self.last + (BACKOFF * (1 << doublings.min(6))).min(MAX_BACKOFF),
        }
    }
}
