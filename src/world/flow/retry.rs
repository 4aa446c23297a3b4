//! Callers that try again: how many attempts there are beside the first ones.
//!
//! Failed attempts come back after a backoff (and, if nobody answered, after the timeout), up to a number of retries
//! and within a budget. A request that met a dead box or an error was unlucky; one that took too long is likely to be a
//! long one, takes its share of CPU again, and fails again unless it meets a smaller crowd. The rate of retries is state: it answers to failures of a moment ago, so a storm can outlive
//! what set it off (Bronson et al. 2021, Huang et al. 2022). Start at [`Retries::after`].

use crate::engine::{SimDuration, SimTime};

/// How callers of a service try again.
#[derive(Clone, Copy, Debug)]
pub(in crate::world) struct RetryRules {
    pub attempts: u32,
    /// Retries that all callers together may make, per first attempt.
    pub budget: f64,
    pub backoff_s: f64,
}

/// How a segment's attempts fail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failures {
    /// First attempts [1/s].
    pub offered: f64,
    /// All attempts [1/s].
    pub attempts: f64,
    /// Told so at once: refused, or answered with an error [1/s].
    pub told: f64,
    /// Sent to where nobody answers [1/s].
    pub unanswered: f64,
    /// Took too long [1/s], and the probability that such a request takes too long again.
    pub late: f64,
    pub late_again: f64,
}

/// Attempts of one service that are repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rate {
    /// Of requests that were unlucky: as likely to fail as a first attempt [1/s].
    pub unlucky: f64,
    /// Of requests that took too long [1/s].
    pub long: f64,
}

impl Rate {
    pub fn total(&self) -> f64 {
        self.unlucky + self.long
    }
}

/// Retries of one service.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Retries {
    pub rate: Rate,
    /// Mean time from a failed attempt to its repetition, for unlucky requests [s].
    pub unlucky_delay_s: f64,
    /// The rate that follows, and from when on.
    next: Option<(SimTime, Rate)>,
    /// Steps since the traffic changed.
    steps: u32,
}

/// Changes of the retry rate below this share of all requests are not followed; the more steps it takes, the less
/// closely, so that a rate that keeps swinging around its balance comes to rest.
const SETTLED: f64 = 1e-3;
const LESS_CLOSELY: f64 = 1.25;

/// Changes below this share of all requests are none.
const SAME: f64 = 1e-6;

/// Retries are followed in steps of at least this length [s].
const MIN_STEP_S: f64 = 1.0;

impl Retries {
    /// The rate at `now`: what was decided earlier takes effect when it is due.
    pub fn advance(&mut self, now: SimTime) {
        if let Some((_, rate)) = self.next.filter(|n| n.0 <= now) {
            (self.rate, self.next) = (rate, None);
        }
    }

    /// The traffic changed: what follows is followed closely again.
    pub fn disturb(&mut self) {
        self.steps = 0;
    }

    pub fn is_settled(&self) -> bool {
        self.next.is_none()
    }

    pub fn due(&self) -> Option<SimTime> {
        self.next.map(|n| n.0)
    }

    /// Takes in what a segment that begins now will fail. Returns the failed attempts that are repeated.
    pub fn after(&mut self, rules: &RetryRules, f: &Failures, patience_s: f64, now: SimTime) -> Rate {
        let unlucky = f.told + f.unanswered;
        if rules.attempts == 0 || unlucky + f.late <= 0.0 && self.rate.total() <= 0.0 {
            *self = Retries::default();
            return Rate::default();
        }
        let p = unlucky / f.attempts.max(1e-12);
        let wanted = Rate {
            unlucky: unlucky * repeated_share(p, rules.attempts),
            long: f.late * repeated_share(f.late_again, rules.attempts),
        };
        let allowed = (rules.budget * f.offered / wanted.total().max(1e-12)).min(1.0);
        let wanted = Rate { unlucky: allowed * wanted.unlucky, long: allowed * wanted.long };
        let silent = if unlucky > 0.0 { f.unanswered / unlucky } else { 0.0 };
        self.unlucky_delay_s = rules.backoff_s + silent * patience_s;
        let delay_s = if wanted.long > wanted.unlucky { patience_s } else { self.unlucky_delay_s };
        let moves = (wanted.unlucky - self.rate.unlucky).abs().max((wanted.long - self.rate.long).abs());
        let settled = SETTLED * LESS_CLOSELY.powi(self.steps as i32);
        self.steps = (self.steps + 1).min(100);
        if moves > settled * f.offered {
            let due = now + SimDuration::from_secs_f64(delay_s.max(MIN_STEP_S));
            self.next = Some((self.next.map_or(due, |(earlier, _)| earlier.max(now)), wanted));
            return wanted;
        }
        self.next = None;
        // Not worth an event, but the next solution has it: retries of failures that are over would be served for ever.
        if moves > SAME * f.offered {
            self.rate = wanted;
        }
        wanted
    }
}

/// Of the failed attempts, the share that is not the last of its request, if each attempt fails with probability `p`.
fn repeated_share(p: f64, retries: u32) -> f64 {
    // (p + … + pʳ) / (p + … + pʳ⁺¹)
    let p = p.clamp(0.0, 1.0);
    let sum: f64 = (0..retries).map(|k| p.powi(k as i32)).sum();
    sum / (sum + p.powi(retries as i32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-6 * b.abs().max(1e-9), "{a} is not {b}");
    }

    /// Iterates to the fixed point for attempts that fail with probability `p`, or take too long so.
    fn settle(rules: &RetryRules, offered: f64, p: f64, too_long: bool) -> f64 {
        let (mut retries, mut now) = (Retries::default(), SimTime::ZERO);
        for _ in 0..100 {
            let attempts = offered + retries.rate.total();
            let late = if too_long { offered * p + retries.rate.long } else { 0.0 };
            let told = if too_long { 0.0 } else { attempts * p };
            let f = Failures { offered, attempts, told, unanswered: 0.0, late, late_again: 1.0 };
            retries.after(rules, &f, 5.0, now);
            now += SimDuration::from_secs(10);
            retries.advance(now);
            retries.disturb();
        }
        retries.rate.total()
    }

    #[test]
    fn independent_failures_multiply_attempts_geometrically() {
        let rules = RetryRules { attempts: 2, budget: f64::INFINITY, backoff_s: 0.1 };
        // λ(p + p²) = 100·(0.3 + 0.09) = 39/s.
        let rate = settle(&rules, 100.0, 0.3, false);
        assert!((rate - 39.0).abs() < 0.2, "{rate}");
    }

    #[test]
    fn requests_that_are_too_long_fail_all_their_attempts() {
        let rules = RetryRules { attempts: 2, budget: f64::INFINITY, backoff_s: 0.1 };
        // 30/s fail, and fail again in both retries: 60 more.
        let rate = settle(&rules, 100.0, 0.3, true);
        assert!((rate - 60.0).abs() < 0.5, "{rate}");
    }

    #[test]
    fn a_budget_caps_the_storm() {
        let rules = RetryRules { attempts: 3, budget: 0.2, backoff_s: 0.1 };
        close(settle(&rules, 100.0, 0.9, false), 20.0);
    }

    #[test]
    fn when_nothing_fails_any_more_nothing_comes_again() {
        let rules = RetryRules { attempts: 2, budget: f64::INFINITY, backoff_s: 0.1 };
        let (mut retries, mut now) = (Retries::default(), SimTime::ZERO);
        // 0.2 % fail for so long that this is less than what is followed step by step; then next to nothing does.
        for told in [[0.2; 12], [1e-9; 12]].concat() {
            let attempts = 100.0 + retries.rate.total();
            let f = Failures { offered: 100.0, attempts, told, unanswered: 0.0, late: 0.0, late_again: 1.0 };
            retries.after(&rules, &f, 5.0, now);
            now += SimDuration::from_secs(10);
            retries.advance(now);
        }
        assert!(retries.rate.total() < 1e-6, "{:?}", retries.rate);
    }

    #[test]
    fn the_last_attempt_is_not_repeated() {
        close(repeated_share(1.0, 2), 2.0 / 3.0);
        close(repeated_share(0.0, 3), 1.0);
        assert_eq!(repeated_share(0.5, 0), 0.0);
    }
}
