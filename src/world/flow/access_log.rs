//! Access logs by version: what became of the attempts that boxes of one version answered, beside all others.
//!
//! Kept only while somebody compares two versions. Counts attempts, so a request that was tried again counts twice, as it
//! does in a log. Knows nothing of attempts that no box got. Start at [`AccessLog::add`].

use super::Class;
use crate::engine::Stream;
use crate::world::ids::Version;
use crate::world::observation::FlowObservation;
use statrs::function::erf::erfc_inv;

/// Attempts that boxes got, or rates of them [1/s].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogCounts {
    pub requests: f64,
    /// Answered with an error, or not in time.
    pub failed: f64,
    /// Answered well, but slower than the latency goal.
    pub slow: f64,
}

/// The log of a service while a version is compared with the others: first the version's, then theirs.
#[derive(Clone, Debug)]
pub(in crate::world) struct AccessLog {
    pub version: Version,
    rates: [LogCounts; 2],
    counts: [LogCounts; 2],
    /// How often it was read.
    pub readings: u32,
}

impl LogCounts {
    /// What is in `b` and not yet in `a`, of the sums of a flow.
    fn between(a: &FlowObservation, b: &FlowObservation) -> LogCounts {
        let failed = (b.errors - a.errors) + (b.late - a.late);
        LogCounts { requests: (b.served - a.served) + failed, failed, slow: b.slow - a.slow }
    }

    fn add(&mut self, other: LogCounts, factor: f64) {
        self.requests += factor * other.requests;
        self.failed += factor * other.failed;
        self.slow += factor * other.slow;
    }

    /// Whole numbers around these means: a log has no half requests.
    pub(in crate::world) fn drawn(self, stream: &mut Stream) -> LogCounts {
        let [failed, slow] = [self.failed, self.slow].map(|mean| poisson(mean, stream.uniform()));
        let requests = self.requests.round();
        let failed = failed.min(requests);
        LogCounts { requests, failed, slow: slow.min(requests - failed) }
    }
}

impl AccessLog {
    pub fn new(version: Version) -> AccessLog {
        AccessLog { version, rates: Default::default(), counts: Default::default(), readings: 0 }
    }

    fn of(counts: &mut [LogCounts; 2], is_version: bool) -> &mut LogCounts {
        &mut counts[usize::from(!is_version)]
    }

    /// The rates are about to be solved anew.
    pub fn clear_rates(&mut self) {
        self.rates = Default::default();
    }

    /// Boxes of a version add to the flow what lies between two states of its sums.
    pub fn add(&mut self, version: Version, before: &FlowObservation, after: &FlowObservation) {
        let is_version = version == self.version;
        Self::of(&mut self.rates, is_version).add(LogCounts::between(before, after), 1.0);
    }

    /// The same for boxes of several versions at once, by the attempts and the errors of each.
    pub fn add_crowd(
        &mut self,
        crowd: &[(Class, f64, f64)],
        before: &FlowObservation,
        after: &FlowObservation,
    ) {
        let all = LogCounts::between(before, after);
        let errors = after.errors - before.errors;
        let sum = |of: fn(&(Class, f64, f64)) -> f64| crowd.iter().map(of).sum::<f64>().max(1e-12);
        let (attempts, wrong) = (sum(|c| c.0.boxes * c.1), sum(|c| c.0.boxes * c.1 * c.2));
        for &(class, arrivals, share) in crowd {
            let part = class.boxes * arrivals / attempts;
            let own = errors * class.boxes * arrivals * share / wrong;
            let failed = own + part * (all.failed - errors);
            let counts = LogCounts { requests: part * all.requests, failed, slow: part * all.slow };
            Self::of(&mut self.rates, class.version == self.version).add(counts, 1.0);
        }
    }

    /// Time passes at the present rates.
    pub fn pass(&mut self, seconds: f64) {
        for (counts, rates) in self.counts.iter_mut().zip(self.rates) {
            counts.add(rates, seconds);
        }
    }

    /// One attempt, where requests are followed one by one.
    pub fn note(&mut self, version: Version, counts: LogCounts) {
        let is_version = version == self.version;
        Self::of(&mut self.counts, is_version).add(counts, 1.0);
    }

    /// What was counted since the last reading: of the version, and of the others.
    pub fn read(&mut self) -> [LogCounts; 2] {
        self.readings += 1;
        std::mem::take(&mut self.counts)
    }
}

/// A Poisson variate by inversion; from a mean of a hundred on, the normal distribution is within 1 %.
fn poisson(mean: f64, u: f64) -> f64 {
    if mean >= 100.0 {
        let normal = -std::f64::consts::SQRT_2 * erfc_inv(2.0 * u);
        return (mean + normal * mean.sqrt()).round().max(0.0);
    }
    let (mut k, mut p) = (0.0, (-mean).exp());
    let mut below = p;
    while below < u && k < 1_000.0 {
        k += 1.0;
        p *= mean / k;
        below += p;
    }
    k
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_poisson_variate_is_where_its_distribution_says() {
        // e⁻² (1 + 2 + 2 + 4/3) = 0.857 for at most three of two on average; nothing happens of nothing.
        assert_eq!((poisson(2.0, 0.856), poisson(2.0, 0.858), poisson(0.0, 0.999)), (3.0, 4.0, 0.0));
        // The upper 2.5 % of 400 begin 1.96 standard deviations of 20 above: 439.2.
        assert_eq!(poisson(400.0, 0.975), 439.0);
    }

    #[test]
    fn a_crowd_is_shared_out_by_attempts_and_errors_to_whom_they_belong() {
        let empty = FlowObservation::empty(crate::world::ServiceId(0));
        let class = |version, boxes| {
            let mut class = Class::mean(2.0, 1.0, boxes);
            class.version = Version(version);
            class
        };
        let mut log = AccessLog::new(Version(7));
        // One box of the new version and three of the old one get 10/s each; half of what the new one answers is wrong.
        // Of 40/s 30 leave: 24 in time and well, 4 wrong, 2 too late.
        let crowd = [(class(7, 1.0), 10.0, 0.5), (class(6, 3.0), 10.0, 0.0)];
        let after = FlowObservation { served: 24.0, errors: 4.0, late: 2.0, slow: 8.0, ..empty };
        log.add_crowd(&crowd, &empty, &after);
        log.pass(1.0);
        // A quarter of the attempts, of the late and of the slow; and all errors.
        let new = LogCounts { requests: 7.5, failed: 4.5, slow: 2.0 };
        let old = LogCounts { requests: 22.5, failed: 1.5, slow: 6.0 };
        assert_eq!(log.read(), [new, old]);
    }

    #[test]
    fn a_log_holds_what_passed_at_its_rates_and_is_read_once() {
        let empty = FlowObservation::empty(crate::world::ServiceId(0));
        let mut log = AccessLog::new(Version(7));
        log.add(Version(7), &empty, &FlowObservation { served: 6.0, errors: 4.0, slow: 1.0, ..empty });
        log.add(Version(6), &empty, &FlowObservation { served: 90.0, late: 1.0, ..empty });
        log.pass(60.0);
        // Ten a second of the new version, of which four fail; 91 of the old one, of which one is late.
        let new = LogCounts { requests: 600.0, failed: 240.0, slow: 60.0 };
        let old = LogCounts { requests: 5_460.0, failed: 60.0, slow: 0.0 };
        assert_eq!(log.read(), [new, old]);
        assert_eq!(log.read(), [LogCounts::default(); 2]);
    }
}
