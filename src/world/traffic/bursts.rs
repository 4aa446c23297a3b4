//! Bursts: traffic that varies more from minute to minute than independent users would make it.
//!
//! A level multiplies the rate for the length of a window, then the next one does. Levels are independent and lognormal
//! with mean 1, so the mean rate stays what it is. Requests counted over windows of length w then have the index of
//! dispersion (variance by mean)
//!
//! ```text
//! I(w) = 1 + λ·w·σ²        so        σ² = (I − 1) / (λ·w)
//! ```
//!
//! with λ the mean rate of the service and σ² the variance of the levels: a Poisson count of mean λ·w·L, L being the
//! level, has the mean λ·w and the variance λ·w + (λ·w)²·σ². Counts over several windows have the same index, and
//! those over a part x of a window 1 + λ·x·σ². Where curves move the rate, the index moves with it, since σ² stays.
//!
//! *Deviation:* real traffic bursts on all scales at once (Crovella and Bestavros 1996 found a Hurst parameter of 0.76
//! to 0.83); here it does on one, so that sums over long times are smoother than real ones.
//!
//! Start at [`Bursts`].

use crate::engine::{SimDuration, SimTime, Streams};
use crate::parameter::{ScalarDistribution, Shape, section};
use crate::world::ids::ServiceId;
use crate::world::streams;

section! {
    /// Traffic that comes in bursts, which nobody plans for. The mean rate stays the same.
    pub struct BurstParameters {
        /// Index of dispersion (variance by mean) of the requests in a window at the mean rate. 1 is Poisson: no bursts.
        dispersion: f64 = "1" in |i| (1.0..=1e6).contains(i) => "from 1 to 1000000", grade Choice;
        /// Length of the windows. The rate is constant within each, and independent from one to the next.
        window: SimDuration = "1m" in |w| *w >= SimDuration::from_secs(1) && *w <= SimDuration::from_days(1) => "from 1s to 1d", grade Choice;
    }
}

/// The bursts of one service in one replication. A level is a function of its number alone: nothing has to be
/// drawn in order.
#[derive(Clone, Debug)]
pub(super) struct Bursts {
    /// `None` without bursts.
    levels: Option<ScalarDistribution>,
    window: SimDuration,
    streams: Streams,
    service: ServiceId,
}

impl Bursts {
    /// Bursts around a mean of `rate` requests per second.
    pub(super) fn new(p: &BurstParameters, rate: f64, streams: &Streams, service: ServiceId) -> Bursts {
        let mean_count = rate * p.window.as_secs_f64();
        let levels = (p.dispersion > 1.0 && mean_count > 0.0).then(|| {
            // A lognormal of mean 1 and variance v has s² = ln(1 + v) and the median e^(−s²/2).
            let variance_of_log = ((p.dispersion - 1.0) / mean_count).ln_1p();
            let median = (-variance_of_log / 2.0).exp();
            Shape::LogNormal { median, log_sd: variance_of_log.sqrt() }.into()
        });
        Bursts { levels, window: p.window, streams: streams.clone(), service }
    }

    fn number(&self, t: SimTime) -> u64 {
        t.as_micros() / self.window.as_micros()
    }

    fn level(&self, levels: &ScalarDistribution, number: u64) -> f64 {
        let mut stream = self.streams.open(streams::BURST_LEVEL, &[u64::from(self.service.0), number]);
        levels.sample(stream.uniform())
    }

    pub(super) fn factor(&self, t: SimTime) -> f64 {
        self.levels.as_ref().map_or(1.0, |levels| self.level(levels, self.number(t)))
    }

    /// No factor between two instants is above this. Takes time in proportion to the windows touched.
    pub(super) fn bound(&self, from: SimTime, to: SimTime) -> f64 {
        let Some(levels) = &self.levels else { return 1.0 };
        let numbers = self.number(from)..=self.number(to);
        numbers.map(|number| self.level(levels, number)).fold(0.0, f64::max)
    }

    /// The first instant after `t` at which the factor jumps.
    pub(super) fn next_break(&self, t: SimTime) -> SimTime {
        match self.levels {
            Some(_) => t.next_tick(SimTime::ZERO, self.window),
            None => SimTime::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Purpose, Stream};
    use rand_distr::{Distribution as _, Poisson};

    const WINDOWS: u64 = 40_000;

    /// Mean and index of dispersion of Poisson counts over spans of `span` times a window, at 20 requests/s.
    fn counts(bursts: &Bursts, span: f64) -> (f64, f64) {
        let mut stream: Stream = Streams::new(5, 0).open(Purpose::named("counts"), &[]);
        let window_s = bursts.window.as_secs_f64();
        let spans = (WINDOWS as f64 / span.max(1.0)) as u64;
        let counts = (0..spans).map(|i| {
            // A part of a window stands at its beginning; several windows follow each other.
            let windows = (0..span.ceil() as u64).map(|k| i * span.ceil() as u64 + k);
            let part = span.min(1.0);
            let mean: f64 = windows
                .map(|w| bursts.factor(SimTime::ZERO + bursts.window * w) * 20.0 * window_s * part)
                .sum();
            Poisson::new(mean).expect("a mean above zero").sample(&mut stream)
        });
        let counts: Vec<f64> = counts.collect();
        let n = counts.len() as f64;
        let mean = counts.iter().sum::<f64>() / n;
        (mean, counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / (n - 1.0) / mean)
    }

    fn bursts(dispersion: f64) -> Bursts {
        let parameters =
            BurstParameters { dispersion, window: SimDuration::from_secs(30), ..Default::default() };
        Bursts::new(&parameters, 20.0, &Streams::new(1, 0), ServiceId(0))
    }

    #[test]
    fn counts_have_the_index_of_dispersion_asked_for_and_the_mean_of_before() {
        // λ·w = 20 · 30 = 600. The mean of n counts has the relative deviation √(I/(600·n)); an index estimated from
        // n counts that are nearly normal √(2/n), and 1.5 times that leaves room for the tail of the levels. Four
        // deviations. Over two windows the index is the same; over half of one 1 + (I − 1)/2.
        for (dispersion, span, expected) in
            [(25.0, 1.0, 25.0), (25.0, 2.0, 25.0), (25.0, 0.5, 13.0), (1.0, 1.0, 1.0)]
        {
            let (mean, index) = counts(&bursts(dispersion), span);
            let n = WINDOWS as f64 / span.max(1.0);
            let error = 4.0 * (expected / (600.0 * span * n)).sqrt();
            assert!((mean / (600.0 * span) - 1.0).abs() < error, "{dispersion} {span}: mean {mean}");
            let error = 4.0 * 1.5 * (2.0 / n).sqrt();
            assert!((index / expected - 1.0).abs() < error, "{dispersion} {span}: index {index}");
        }
    }

    #[test]
    fn levels_last_for_a_window_and_are_never_above_the_bound() {
        let bursts = bursts(25.0);
        let at = |seconds| SimTime::ZERO + SimDuration::from_secs(seconds);
        assert_eq!(bursts.factor(at(60)), bursts.factor(at(89)));
        assert_ne!(bursts.factor(at(60)), bursts.factor(at(90)));
        assert_eq!(bursts.next_break(at(60)), at(90));
        let highest = (0..20).map(|i| bursts.factor(at(30 * i))).fold(0.0, f64::max);
        assert_eq!(bursts.bound(at(0), at(599)), highest);
    }
}
