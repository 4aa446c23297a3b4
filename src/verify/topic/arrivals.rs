//! Arrivals one by one: the right rate at every hour, and as irregular as asked for.

use super::lines::LUCK;
use crate::engine::{SimDuration, SimTime, Stream, Streams};
use crate::scenario::Scenario;
use crate::verify::luck::REPETITIONS;
use crate::verify::{Band, CHANCE, Check, Luck, lab};
use crate::world::ServiceId;
use crate::world::traffic::{Demand, next_arrival};
use statrs::distribution::{ChiSquared, ContinuousCDF};
use std::f64::consts::TAU;

/// Requests in each of `count` windows of this length from time zero on.
fn counts(
    scenario: &Scenario,
    streams: &Streams,
    stream: &mut Stream,
    window: SimDuration,
    count: usize,
) -> Vec<f64> {
    let (_, _, curve) = &scenario.world.services[0];
    let calendar = &scenario.world.calendar;
    let end = SimTime::ZERO + window * count as u64;
    let demand = Demand::new(curve, calendar, streams, ServiceId(0), end);
    let mut counts = vec![0.0; count];
    let mut at = SimTime::ZERO;
    while let Some(next) = next_arrival(&demand, calendar, at, end, stream) {
        counts[(next.as_micros() / window.as_micros()) as usize] += 1.0;
        at = next;
    }
    counts
}

/// Between the quantiles of χ² that a correct program leaves with the probability [`CHANCE`].
fn chi_square_band(degrees: f64) -> Band {
    let chi = ChiSquared::new(degrees).expect("degrees of freedom are positive");
    Band::Between(
        chi.inverse_cdf(CHANCE / 2.0),
        chi.inverse_cdf(1.0 - CHANCE / 2.0),
        "quantiles of χ² that chance leaves once in 20,000 times",
    )
}

/// Variance of the counts around the mean they must have, by that mean: of λ·w = 60 requests in 30 s windows.
fn dispersion(name: &str, index: f64) -> Check {
    let over = format!("service.web.traffic.bursts.dispersion={index}");
    let scenario =
        lab::scenario(&["service.web.traffic.rate=2/s", "service.web.traffic.bursts.window=30s", &over]);
    const WINDOWS: usize = 1_000;
    Check::new(name, index, Band::Chance(0.0, LUCK), move |luck| {
        luck.mean(REPETITIONS, |r| {
            let mut stream = luck.stream(r, "verify arrivals");
            let counts =
                counts(&scenario, &luck.streams(r), &mut stream, SimDuration::from_secs(30), WINDOWS);
            counts.iter().map(|count| (count - 60.0).powi(2)).sum::<f64>() / 60.0 / WINDOWS as f64
        })
    })
}

pub fn checks() -> Vec<Check> {
    let daily = lab::scenario(&[
        "service.web.traffic.rate=1/s",
        "service.web.traffic.diurnal.amplitude=0.6",
        "service.web.traffic.diurnal.peak=20:00",
    ]);
    // ∫ 1 + 0.6·cos(2π(t − 20)/24) dt over hour h is 1 + 0.6·24/2π·(sin 2π(h − 19)/24 − sin 2π(h − 20)/24).
    const DAYS: usize = 40;
    let expected = |hour: usize| {
        let wave = |h: f64| (TAU * (h - 20.0) / 24.0).sin() * 24.0 / TAU;
        let h = hour as f64;
        3_600.0 * DAYS as f64 * (1.0 + 0.6 * (wave(h + 1.0) - wave(h)))
    };
    let chi_square = move |luck: &Luck| {
        let mut stream = luck.stream(0, "verify arrivals");
        let hour = SimDuration::from_hours(1);
        let counts = counts(&daily, &luck.streams(0), &mut stream, hour, 24 * DAYS);
        let of_hour = |hour: usize| counts.iter().skip(hour).step_by(24).sum::<f64>();
        let square = |hour: usize| (of_hour(hour) - expected(hour)).powi(2) / expected(hour);
        (0..24).map(square).sum::<f64>().into()
    };
    vec![
        Check::new("thinning-diurnal-chi-square", 24.0, chi_square_band(24.0), chi_square)
            .claims("requests by hour of the day follow the daily wave: χ² of 24 Poisson counts")
            .after("Lewis & Shedler 1979; Pearson 1900"),
        dispersion("dispersion-poisson", 1.0)
            .claims("requests at a constant rate are a Poisson process: variance by mean of counts")
            .after("Poisson 1837"),
        dispersion("dispersion-bursts", 5.0)
            .claims("bursts have the index of dispersion that was asked for")
            .after("law of total variance: I = 1 + λ·w·σ²"),
    ]
}
