//! Canary analysis: does the new version fail more requests than the old one, or answer them more slowly?
//!
//! Compares what the access logs say of both, over the same time and the same callers. A difference counts if it is
//! larger than tolerated and mere luck would hardly make it: given how many requests failed in all, each of them belongs
//! to the canary with the canary's share of the requests if both versions are alike (the exact conditional test of two
//! Poisson rates, Przyborowski & Wilenski 1940). Knows no box. Start at [`Watch`], then [`Analysis::of`].

use super::CanaryParameters;
use crate::engine::SimTime;
use crate::world::{Api, LogCounts, ServiceId, Version};
use std::fmt;

/// A canary that is watched: its logs are read every so often until it is bad, or its time is over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Watch {
    seen: [LogCounts; 2],
    until: SimTime,
    /// When somebody looks next.
    pub next: SimTime,
}

impl Watch {
    /// Has the logs of this version kept apart from those of all others from now on.
    pub fn begin(p: &CanaryParameters, service: ServiceId, version: Version, api: &mut Api<'_>) -> Watch {
        api.compare_versions(service, version);
        let until = api.now() + p.watch;
        Watch { seen: Default::default(), until, next: until.min(api.now() + p.interval) }
    }

    /// The same while there may be more boxes to come, until [`Watch::in_earnest`]: only failures are held against the
    /// version, since boxes that have just started are slow.
    pub fn early(p: &CanaryParameters, service: ServiceId, version: Version, api: &mut Api<'_>) -> Watch {
        Watch { until: SimTime::MAX, ..Watch::begin(p, service, version, api) }
    }

    /// All of its boxes are there and warm: from now on it is watched for as long as it takes.
    pub fn in_earnest(self, p: &CanaryParameters, service: ServiceId, api: &mut Api<'_>) -> Watch {
        api.read_logs(service);
        let until = api.now() + p.watch;
        Watch { seen: Default::default(), until, next: until.min(api.now() + p.interval) }
    }

    pub fn is_early(&self) -> bool {
        self.until == SimTime::MAX
    }

    /// Looks at all that was logged so far. `None` if it is too early for a judgement; the next look is known then.
    pub fn look(&mut self, p: &CanaryParameters, service: ServiceId, api: &mut Api<'_>) -> Option<Analysis> {
        let now = api.now();
        if now < self.next {
            return None;
        }
        let new = api.read_logs(service).unwrap_or_default();
        for (seen, new) in self.seen.iter_mut().zip(new) {
            seen.requests += new.requests;
            seen.failed += new.failed;
            seen.slow += new.slow;
        }
        let analysis = Analysis::of(p, self.seen);
        let is_good = match analysis.verdict {
            Verdict::Pass => true,
            Verdict::Fails => false,
            Verdict::IsSlow => self.is_early(),
        };
        if is_good && now < self.until {
            self.next = self.until.min(now + p.interval);
            return None;
        }
        api.end_comparison(service);
        Some(analysis)
    }
}

/// What came out, and the numbers that it rests on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Analysis {
    pub verdict: Verdict,
    canary: LogCounts,
    others: LogCounts,
    /// Chance of such a difference by luck: in failures, and in slow answers.
    luck: [f64; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// No difference that counts.
    Pass,
    /// Too many requests fail.
    Fails,
    /// Too many answers are slow.
    IsSlow,
}

impl Analysis {
    /// Compares the requests of the canary with those of all other boxes.
    pub fn of(p: &CanaryParameters, [canary, others]: [LogCounts; 2]) -> Analysis {
        let luck = [(canary.failed, others.failed), (canary.slow, others.slow)]
            .map(|(a, b)| luck(a, a + b, canary.requests / (canary.requests + others.requests).max(1.0)));
        let exceeds = |of: fn(&LogCounts) -> f64, tolerance: f64| {
            share(of(&canary), canary.requests) > share(of(&others), others.requests) + tolerance
        };
        let counts = |luck: f64| luck < p.significance.as_f64();
        let verdict = if counts(luck[0]) && exceeds(|c| c.failed, p.tolerance.as_f64()) {
            Verdict::Fails
        } else if counts(luck[1]) && exceeds(|c| c.slow, p.slow_tolerance.as_f64()) {
            Verdict::IsSlow
        } else {
            Verdict::Pass
        };
        Analysis { verdict, canary, others, luck }
    }
}

impl fmt::Display for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, [a, b], luck) = match self.verdict {
            Verdict::Pass | Verdict::Fails => {
                ("failed", [self.canary.failed, self.others.failed], self.luck[0])
            }
            Verdict::IsSlow => ("were slow", [self.canary.slow, self.others.slow], self.luck[1]),
        };
        let percent = |n: f64, of: f64| 100.0 * share(n, of);
        let (canary, others) = (self.canary.requests, self.others.requests);
        write!(
            f,
            "{a} of {canary} requests ({:.1} %) {what}, {b} of {others} ({:.1} %) elsewhere",
            percent(a, canary),
            percent(b, others)
        )?;
        match self.verdict {
            Verdict::Pass => Ok(()),
            Verdict::Fails | Verdict::IsSlow if luck < 1e-6 => write!(f, ", p < 0.000001"),
            Verdict::Fails | Verdict::IsSlow => write!(f, ", p = {luck:.6}"),
        }
    }
}

fn share(n: f64, of: f64) -> f64 {
    n / of.max(1.0)
}

/// Chance that of `all` events at least `own` are among a share `part` of the requests, if nothing but chance decides.
fn luck(own: f64, all: f64, part: f64) -> f64 {
    if own <= 0.0 {
        return 1.0;
    }
    let (mean, variance) = (all * part, all * part * (1.0 - part));
    if variance > 1_000.0 {
        // The binomial distribution is a normal one by then; half an event for whole numbers.
        return statrs::function::erf::erfc((own - 0.5 - mean) / (2.0 * variance).sqrt()) / 2.0;
    }
    let below: f64 = terms(all, part).take(own as usize).sum();
    let above: f64 = terms(all, part).skip(own as usize).sum();
    // The sum that is not a difference of nearly equal numbers.
    if below < 0.5 { 1.0 - below } else { above.min(1.0) }
}

/// Chances of 0, 1, … of `all` events.
fn terms(all: f64, part: f64) -> impl Iterator<Item = f64> {
    let odds = part / (1.0 - part).max(f64::MIN_POSITIVE);
    let mut next = all * (1.0 - part).max(f64::MIN_POSITIVE).ln();
    (0..=all as u64).map(move |k| {
        let term = next.exp();
        let k = k as f64;
        next += (odds * (all - k) / (k + 1.0)).max(f64::MIN_POSITIVE).ln();
        term
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(requests: f64, failed: f64, slow: f64) -> LogCounts {
        LogCounts { requests, failed, slow }
    }

    #[test]
    fn luck_is_the_tail_of_a_binomial_distribution() {
        // Two failures, both in the tenth of the requests: 1 %. At least one of three: 1 − 0.9³ = 27.1 %.
        assert!((luck(2.0, 2.0, 0.1) - 0.01).abs() < 1e-12);
        assert!((luck(1.0, 3.0, 0.1) - 0.271).abs() < 1e-12);
        assert_eq!(luck(0.0, 5.0, 0.1), 1.0);
        // Half of 100 000 and 316.2 more, half a failure off for whole numbers: two standard deviations of √25 000 = 158.1, 2.28 %.
        assert!((luck(50_316.7, 100_000.0, 0.5) - 0.0228).abs() < 1e-4);
        // Far out no digit is lost: 0.1¹² and not zero.
        assert!((luck(12.0, 12.0, 0.1) / 1e-12 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_difference_must_be_significant_and_large() {
        let verdict = |a, b| Analysis::of(&CanaryParameters::default(), [a, b]).verdict;
        let well = counts(9_000.0, 0.0, 0.0);
        // One failure in 1000 is neither; 3 in 100 are: 0.011³, and 3 % against 0 %.
        assert_eq!(verdict(counts(1_000.0, 1.0, 0.0), well), Verdict::Pass);
        assert_eq!(verdict(counts(100.0, 3.0, 0.0), well), Verdict::Fails);
        // Eight in a thousand cannot be luck (0.1⁸), and stay below the percent that is tolerated.
        assert_eq!(verdict(counts(1_000.0, 8.0, 0.0), well), Verdict::Pass);
        // The same share of failures in both, whatever its cause.
        assert_eq!(verdict(counts(1_000.0, 100.0, 0.0), counts(9_000.0, 900.0, 0.0)), Verdict::Pass);
        assert_eq!(verdict(counts(1_000.0, 0.0, 100.0), counts(9_000.0, 0.0, 90.0)), Verdict::IsSlow);
        // Nobody calls: nothing is known, and nothing held against it.
        assert_eq!(verdict(counts(0.0, 0.0, 0.0), counts(0.0, 0.0, 0.0)), Verdict::Pass);
    }

    #[test]
    fn an_analysis_says_what_it_rests_on() {
        let p = CanaryParameters::default();
        let analysis = Analysis::of(&p, [counts(100.0, 3.0, 0.0), counts(900.0, 0.0, 0.0)]);
        let said = "3 of 100 requests (3.0 %) failed, 0 of 900 (0.0 %) elsewhere, p = 0.001000";
        assert_eq!(analysis.to_string(), said);
    }
}
