//! Curves together: means of segments, forecasts, bounds, and arrivals one by one, each against sums over seconds
//! or against what can be computed by hand.

use super::*;
use crate::engine::{Purpose, Streams};
use crate::parameter::{Factor, Section};
use crate::world::ids::ServiceId;

const HOUR: SimDuration = SimDuration::from_hours(1);
const DAY: SimDuration = SimDuration::from_days(1);
const MINUTES_5: SimDuration = SimDuration::from_mins(5);

/// Time zero is Monday, 23 November 2026.
fn calendar() -> Calendar {
    Calendar::new(jiff::civil::date(2026, 11, 23), HOUR * 9, HOUR * 17)
}

fn factor(value: f64) -> Factor {
    Factor::new(value).expect("a factor")
}

/// No wave at all.
fn flat() -> TrafficParameters {
    TrafficParameters { diurnal: DiurnalParameters::flat(), ..Default::default() }
}

/// Twice the traffic on Friday, with ramps of two hours.
fn sale() -> EventParameters {
    let mut sale: EventParameters =
        Section::read(&Default::default(), &Default::default(), "", &mut Default::default());
    sale.on = vec!["2026-11-27".parse().expect("a day")];
    sale.factor = factor(2.0);
    sale
}

/// Everything at once: waves, an event, growth, a crowd within the event, bursts.
fn everything() -> TrafficParameters {
    let mut p = TrafficParameters::default();
    p.weekly.weekend = factor(0.5);
    p.yearly.amplitude = factor(0.3);
    p.event.insert("sale", sale());
    p.growth.per_year = factor(3.0);
    p.flash.at = vec!["2026-11-26T22:58".parse().expect("a moment")];
    p.flash.factor = "6".parse().expect("a distribution");
    p.flash.rise = "7m".parse().expect("a distribution");
    p.flash.plateau = "21m".parse().expect("a distribution");
    p.flash.half_life = SimDuration::from_mins(11);
    p.bursts.dispersion = 30.0;
    p.bursts.window = SimDuration::from_mins(4);
    p
}

fn demand(curve: &Curve) -> Demand {
    Demand::new(curve, &calendar(), &Streams::new(1, 0), ServiceId(0), SimTime::ZERO + DAY * 400)
}

fn periodic(p: &TrafficParameters) -> Curve {
    Curve::periodic(Rate::from_per_second(10.0), p)
}

/// Mean of the rates in the middle of each second.
fn sum_over_seconds(demand: &Demand, from: SimTime, to: SimTime) -> f64 {
    let seconds = to.since(from).as_micros() / 1_000_000;
    let middle = |s: u64| from + SimDuration::from_micros(s * 1_000_000 + 500_000);
    (0..seconds).map(|s| demand.rate_at(&calendar(), middle(s))).sum::<f64>() / seconds as f64
}

/// Calls `check` with each segment of the first week.
fn each_segment(demand: &Demand, length: SimDuration, mut check: impl FnMut(SimTime, SimTime)) {
    let mut at = SimTime::ZERO;
    while at < SimTime::ZERO + DAY * 7 {
        let end = demand.segment_end(&calendar(), at, length);
        check(at, end);
        at = end;
    }
}

#[test]
fn the_mean_of_a_segment_is_within_the_stated_error() {
    // The middle of a wave of amplitude a: Δ²ω²/24·a of the mean; ω = 2π/86400, a = 0.6. At the trough, 0.4 of the
    // mean, that is 2.5 times as much of the rate. Bursts cut all segments at 4 minutes, so they are left out.
    let mut p = everything();
    p.bursts.dispersion = 1.0;
    let demand = demand(&periodic(&p));
    for length in [MINUTES_5, SimDuration::from_mins(7), HOUR] {
        let angle = std::f64::consts::TAU / 86_400.0 * length.as_secs_f64();
        let allowed = angle.powi(2) / 24.0 * 0.6 / 0.4 + 1e-6;
        each_segment(&demand, length, |from, to| {
            let (got, exact) = (demand.mean_rate(&calendar(), from, to), sum_over_seconds(&demand, from, to));
            assert!((got / exact - 1.0).abs() < allowed, "{from:?} to {to:?}: {got}, not {exact}");
        });
    }
}

#[test]
fn where_an_event_or_a_crowd_moves_the_mean_is_exact_to_a_millionth() {
    // Thursday 22:00 to 24:00, the ramp with a crowd on it, in steps of 20 minutes that know nothing of breaks. A sum
    // over seconds is itself off by f″/24 s², 1e-7 of the rate at most.
    let demand = demand(&periodic(&everything()));
    for step in 0..6 {
        let from = SimTime::ZERO + DAY * 3 + HOUR * 22 + SimDuration::from_mins(20 * step);
        let to = from + SimDuration::from_mins(20);
        let (got, exact) = (demand.mean_rate(&calendar(), from, to), sum_over_seconds(&demand, from, to));
        assert!((got / exact - 1.0).abs() < 1e-6, "step {step}: {got}, not {exact}");
    }
}

#[test]
fn no_rate_is_above_the_bound_and_the_bound_is_near() {
    let demand = demand(&periodic(&everything()));
    each_segment(&demand, MINUTES_5, |from, to| {
        let last = to - SimDuration::from_micros(1);
        let bound = demand.bound(&calendar(), from, last);
        let rates = (0..=10).map(|i| demand.rate_at(&calendar(), from + last.since(from) * i / 10));
        let highest = rates.fold(0.0, f64::max);
        assert!(bound >= highest * (1.0 - 1e-12), "{from:?}: {highest} above {bound}");
        // The curves of the product need not be highest at the same time: a falling crowd on a rising wave.
        assert!(bound < highest * 1.03, "{from:?}: {bound} far above {highest}");
    });
    // A week at once: both kinds of day, all of the event and the crowd.
    let (from, to) = (SimTime::ZERO, SimTime::ZERO + DAY * 7);
    let crowd = demand.rate_at(&calendar(), from + DAY * 3 + HOUR * 23 + SimDuration::from_mins(10));
    assert!(demand.bound(&calendar(), from, to) > crowd);
}

#[test]
fn the_forecast_has_the_growth_and_the_events_but_neither_crowds_nor_bursts() {
    let peak = |p: &TrafficParameters, days| {
        periodic(p).peak_rate(&calendar(), SimTime::ZERO + DAY * days, MINUTES_5)
    };
    let check = |p: &TrafficParameters, days, expected: f64| {
        let got = peak(p, days);
        assert!((got / expected - 1.0).abs() < 1e-5, "{got}, not {expected}");
    };
    let mut p = flat();
    check(&p, 365, 10.0);
    p.event.insert("sale", sale());
    // Over on the fourth day, begun on the fifth: 10 · 2.
    check(&p, 3, 10.0);
    check(&p, 7, 20.0);
    p.growth.per_year = factor(4.0);
    // At the end of the year 4 times, which is more than twice after 5 days (4^(5/365) = 1.02).
    check(&p, 365, 40.0);
    p.event.insert("another", sale());
    // Events multiply: 2 · 2 · 4^(5/365) at the end of Friday.
    check(&p, 7, 40.0 * 4.0_f64.powf(5.0 / 365.0));
    let without = peak(&p, 7);
    p.flash = everything().flash;
    p.bursts = everything().bursts;
    assert_eq!(peak(&p, 7), without);
    let demand = demand(&periodic(&p));
    assert!(demand.mean_rate(&calendar(), SimTime::ZERO + HOUR * 95, SimTime::ZERO + HOUR * 96) > without);
}

#[test]
fn a_recording_grows_and_has_events_crowds_and_bursts_but_no_wave() {
    // Two hours that alternate for ever, 10 and 30 requests/s, in buckets of 10 minutes each.
    let rows = (0..12).map(|i| {
        let rate = if i % 2 == 0 { 10 } else { 30 };
        format!("2026-11-23T{:02}:{:02}:00Z,{rate}\n", i / 6, i % 6 * 10)
    });
    let text = format!("timestamp,value\n{}", rows.collect::<String>());
    let how = RecordingParameters {
        value: ValueKind::Rate,
        bucket: SimDuration::from_mins(10),
        ..Default::default()
    };
    let mut recording = read_recording(text.as_bytes(), &how).expect("a recording");
    recording.start_at(calendar().start());
    let recording = Arc::new(recording);
    let curve = |p: &TrafficParameters| Curve::recorded(recording.clone(), p);
    let mean = |p: &TrafficParameters, from: SimTime, to| curve(p).mean_rate(&calendar(), from, to);
    let at = |hours| SimTime::ZERO + HOUR * hours;
    // With the default daily wave, which a recording does not get.
    assert_eq!(mean(&TrafficParameters::default(), at(20), at(21)), 20.0);
    let mut p = TrafficParameters::default();
    p.growth.per_year = factor(2.0);
    let grown = mean(&p, at(8_760), at(8_761));
    // 2^(1 + half an hour in 8760): 40 · (1 + 4e-5).
    assert!((grown / 40.0 - 1.0 - 4e-5).abs() < 1e-6, "{grown}");
    // On the ramp, across buckets, with everything: as the sum over seconds. Bursts are of a relative variance of
    // (30 − 1)/(20 · 240), with the mean of the recording.
    let demand = demand(&curve(&everything()));
    let (from, to) = (at(93) + SimDuration::from_mins(55), at(95) + SimDuration::from_mins(25));
    let (got, exact) = (demand.mean_rate(&calendar(), from, to), sum_over_seconds(&demand, from, to));
    assert!((got / exact - 1.0).abs() < 1e-5, "{got}, not {exact}");
    each_segment(&demand, HOUR, |from, to| {
        let last = to - SimDuration::from_micros(1);
        let mean = demand.mean_rate(&calendar(), from, to);
        assert!(mean <= demand.bound(&calendar(), from, last) * (1.0 + 1e-12), "{from:?}");
    });
}

/// Arrivals of some days, counted over windows.
fn arrivals(demand: &Demand, days: u64, window: SimDuration) -> Vec<f64> {
    let mut stream = Streams::new(7, 0).open(Purpose::named("arrivals"), &[]);
    let (mut at, end) = (SimTime::ZERO, SimTime::ZERO + DAY * days);
    let mut counts = vec![0.0; (DAY.as_micros() * days / window.as_micros()) as usize];
    while let Some(next) = next_arrival(demand, &calendar(), at, end, &mut stream) {
        counts[(next.as_micros() / window.as_micros()) as usize] += 1.0;
        at = next;
    }
    counts
}

/// Σ (count − expected)² / expected over hours.
fn chi_square(demand: &Demand, days: u64) -> f64 {
    let counts = arrivals(demand, days, HOUR);
    let cells = counts.iter().enumerate().map(|(hour, count)| {
        let from = SimTime::ZERO + HOUR * hour as u64;
        let expected = demand.mean_rate(&calendar(), from, from + HOUR) * 3_600.0;
        (count - expected).powi(2) / expected
    });
    cells.sum()
}

#[test]
fn arrivals_one_by_one_follow_the_curve_hour_by_hour() {
    // Two days: 48 counts around known means, so chi-square with 48 degrees of freedom. 98 % of such are between
    // 28.2 and 73.7. A wave off by one hour would be found: each hour of 3600 · 2 requests would be off by up to
    // 2π/24 · 0.6 = 16 %, which is 13 deviations. Seed 7.
    let rate = Rate::from_per_second(2.0);
    let daily = demand(&Curve::periodic(rate, &TrafficParameters::default()));
    let found = chi_square(&daily, 2);
    assert!((28.2..73.7).contains(&found), "{found}");
    // Five days of everything, up to the end of Friday's event: 120 degrees of freedom, 98 % between 86.9 and 158.9.
    let found = chi_square(&demand(&Curve::periodic(rate, &everything())), 5);
    assert!((86.9..158.9).contains(&found), "{found}");
}

#[test]
fn arrivals_one_by_one_have_the_index_of_dispersion_of_the_bursts() {
    // 2 requests/s over minutes are 120 a window; two days are 2880 windows. An index of a Poisson count is off by
    // √(2/2880) = 2.6 %, and one of bursts by half as much again. Four of them. Seed 7.
    let rate = Rate::from_per_second(2.0);
    let mut p = flat();
    for (dispersion, error) in [(1.0, 0.105), (20.0, 0.158)] {
        p.bursts.dispersion = dispersion;
        let counts = arrivals(&demand(&Curve::periodic(rate, &p)), 2, SimDuration::from_mins(1));
        let (n, sum) = (counts.len() as f64, counts.iter().sum::<f64>());
        let mean = sum / n;
        let index = counts.iter().map(|c| (c - mean).powi(2)).sum::<f64>() / (n - 1.0) / mean;
        assert!((index / dispersion - 1.0).abs() < error, "{index}, not {dispersion}");
        // The mean count of n windows is off by √(I/(120·n)).
        let error = 4.0 * (dispersion / (120.0 * n)).sqrt();
        assert!((mean / 120.0 - 1.0).abs() < error, "{mean}, not 120");
    }
}

#[test]
fn without_traffic_nobody_arrives() {
    let silent = demand(&Curve::periodic(Rate::ZERO, &everything()));
    assert_eq!(arrivals(&silent, 2, HOUR).iter().sum::<f64>(), 0.0);
}
