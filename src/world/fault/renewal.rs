//! Times of faults of one kind at one place: a renewal process, drawn ahead one by one.
//!
//! It runs whether or not anything is there to be hit, and has been running for long when the simulation begins: the
//! first time is drawn from the equilibrium distribution of its hazard, so that the expected number of faults within
//! a time t is rate · t from the start, however they cluster. Knows nothing of what breaks. Start at
//! [`Renewal::next_after`].

use crate::engine::{Purpose, SimDuration, SimTime, Stream, Streams};
use crate::parameter::{Hazard, Rate};

/// Longest time that is drawn [s], 30,000 years: sums stay within the clock.
const LONGEST_S: f64 = 1e12;

#[derive(Clone, Debug)]
pub(in crate::world) struct Renewal {
    stream: Stream,
    rate: Rate,
    hazard: Hazard,
    next: SimTime,
    /// Faults drawn so far; the next one is number `count`.
    pub count: u64,
}

impl Renewal {
    pub fn new(
        streams: &Streams,
        purpose: Purpose,
        entity: [u64; 2],
        (rate, hazard): (Rate, Hazard),
    ) -> Renewal {
        let stream = streams.open(purpose, &entity);
        let mut renewal = Renewal { stream, rate, hazard, next: SimTime::ZERO, count: 0 };
        renewal.draw();
        renewal
    }

    /// The first fault after `t`, which must not run backwards.
    pub fn next_after(&mut self, t: SimTime) -> SimTime {
        while self.next <= t {
            self.draw();
        }
        self.next
    }

    fn draw(&mut self) {
        let per_second = self.rate.per_second();
        if per_second <= 0.0 {
            self.next = SimTime::MAX;
            return;
        }
        let u = self.stream.uniform();
        let gaps = if self.count == 0 { self.hazard.residual(u) } else { self.hazard.gap(u) };
        let gap = SimDuration::from_secs_f64((gaps / per_second).min(LONGEST_S));
        // At least a microsecond, so that the sequence always moves on.
        self.next += gap.max(SimDuration::from_micros(1));
        self.count += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::streams;
    use super::*;

    const HOURLY: f64 = 1.0 / 3_600.0;

    fn renewal(seed: u64, slot: u64, hazard: Hazard) -> Renewal {
        let pace = (Rate::from_per_second(HOURLY), hazard);
        Renewal::new(&Streams::new(seed, 0), streams::VM_CRASH, [1, slot], pace)
    }

    #[test]
    fn the_weather_of_a_slot_does_not_depend_on_who_asks_when() {
        let mut steady = renewal(5, 7, Hazard::Exponential);
        let mut times = Vec::new();
        let mut t = SimTime::ZERO;
        while times.len() < 200 {
            t = steady.next_after(t);
            times.push(t);
        }
        let mut late = renewal(5, 7, Hazard::Exponential);
        assert_eq!(late.next_after(times[149]), times[150]);
        assert_eq!(late.count, 151);
        // Mean gap 3600 s; standard error 3600/√200 = 255 s.
        let mean = times[199].as_secs_f64() / 200.0;
        assert!((mean - 3_600.0).abs() < 3.0 * 255.0, "{mean}");
    }

    #[test]
    fn a_rate_of_zero_never_strikes() {
        let pace = (Rate::ZERO, Hazard::Weibull { shape: 0.5 });
        let mut never = Renewal::new(&Streams::new(1, 0), streams::VM_LOSS, [0, 0], pace);
        assert_eq!(never.next_after(SimTime::from_micros(u64::MAX - 1)), SimTime::MAX);
    }

    /// Faults within the first `hours` of each of `slots` processes.
    fn counts(hazard: Hazard, hours: u64, slots: u64) -> Vec<f64> {
        let end = SimTime::ZERO + SimDuration::from_hours(hours);
        let count = |slot| {
            let (mut renewal, mut t, mut n) = (renewal(1, slot, hazard), SimTime::ZERO, 0.0);
            loop {
                t = renewal.next_after(t);
                if t > end {
                    return n;
                }
                n += 1.0;
            }
        };
        (0..slots).map(count).collect()
    }

    fn mean_and_variance(counts: &[f64]) -> (f64, f64) {
        let n = counts.len() as f64;
        let mean = counts.iter().sum::<f64>() / n;
        (mean, counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / (n - 1.0))
    }

    #[test]
    fn in_equilibrium_faults_number_rate_times_time_whatever_the_shape_and_however_short_the_time() {
        for hazard in [
            Hazard::Exponential,
            Hazard::Weibull { shape: 0.5 },
            Hazard::Weibull { shape: 3.0 },
            Hazard::LogNormal { log_sd: 1.5 },
        ] {
            for hours in [1, 10] {
                // 20,000 processes of one fault an hour. An ordinary renewal process, which begins with a fault, would
                // have Σ P(k gaps < 1 h) = about 1.9 faults in the first hour for weibull(0.5): 40 standard errors off.
                let (mean, variance) = mean_and_variance(&counts(hazard, hours, 20_000));
                let allowed = 4.0 * (variance / 20_000.0).sqrt();
                assert!((mean - hours as f64).abs() < allowed, "{hazard}, {hours} h: {mean} ± {allowed}");
            }
        }
    }

    #[test]
    fn faults_cluster_below_shape_one_and_keep_their_distance_above() {
        let dispersion = |hazard| {
            let (mean, variance) = mean_and_variance(&counts(hazard, 500, 2_000));
            variance / mean
        };
        // Over long times the index of dispersion of counts tends to the squared variation of the gaps: 5 for shape
        // 0.5, 0.132 for shape 3. Its standard error over 2,000 counts is √(2/2000) = 3.2 %; four of them are 13 %.
        for (shape, expected) in [(0.5, 5.0), (3.0, 0.132)] {
            let got = dispersion(Hazard::Weibull { shape });
            assert!((got / expected - 1.0).abs() < 0.13, "shape {shape}: {got}, not {expected}");
        }
        let poisson = dispersion(Hazard::Exponential);
        assert!((poisson - 1.0).abs() < 0.13, "{poisson}");
    }
}
