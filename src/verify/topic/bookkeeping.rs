//! Sums that come out even in every run: requests, CPU, and Little's law.

use super::lines::{exponential, lognormal};
use crate::experiment::{self, Options, Progress};
use crate::results::rows::ResultSet;
use crate::scenario::{QUICKSTART, Scenario};
use crate::verify::lab::{self, Hand};
use crate::verify::line::Work;
use crate::verify::sharing::Sharing;
use crate::verify::{Band, Check, Luck};
use crate::world::Observation;

/// Three days of the quickstart with everything that can go wrong.
const EVENTFUL: [&str; 7] = [
    "run.length=3d",
    "run.replications=1",
    "faults.vm_crash.rate=50/year",
    "faults.vm_loss.rate=50/year",
    "faults.process_crash.rate=10/month",
    "faults.zone_outage.rate=20/year",
    "service.shop.release.failure_rate=50%",
];

const ROUNDING: &str = "sums of many numbers of 53 bits";

struct Unwatched;

impl Progress for Unwatched {
    fn total(&self, _: u64) {}

    fn done(&self) {}

    fn cancelled(&self) -> bool {
        false
    }
}

fn eventful(luck: &Luck) -> Scenario {
    // Seeds of scenarios are TOML integers.
    let seed = format!("run.seed={}", luck.seed() >> 12);
    let mut overrides = EVENTFUL.to_vec();
    overrides.push(&seed);
    lab::load("quickstart.toml", QUICKSTART, &overrides)
}

fn results(luck: &Luck) -> ResultSet {
    let options = Options { jobs: Some(1), platforms: Vec::new() };
    experiment::run(&eventful(luck), &options, &Unwatched).expect("nobody cancels and nothing fails")
}

/// The value farthest from 1, if all should be.
fn worst(values: impl Iterator<Item = f64>) -> f64 {
    values.max_by(|a, b| (a - 1.0).abs().total_cmp(&(b - 1.0).abs())).unwrap_or(f64::NAN)
}

fn cpu(luck: &Luck) -> f64 {
    let results = results(luck);
    let sum = |platform: &str| {
        let shares = ["utilization", "cpu_wasted", "cpu_overhead", "cpu_idle"];
        let rows = results.summary.iter().filter(|row| row.platform == platform && row.service.is_empty());
        rows.filter(|row| shares.contains(&row.metric.as_str())).filter_map(|row| row.value).sum::<f64>()
    };
    worst(results.manifest.platforms.iter().map(|platform| sum(&platform.name)))
}

fn requests(luck: &Luck) -> f64 {
    let scenario = eventful(luck);
    let platforms = scenario.parameters.platform.iter().map(|(_, parameters)| {
        let mut platform = parameters.build(&scenario.parameters.practice);
        let (mut offered, mut became) = (0.0, 0.0);
        lab::run(&scenario, platform.as_mut(), (scenario.parameters.run.seed, 0), |_, observation| {
            if let Observation::Flow(flow) = observation {
                offered += flow.offered * flow.seconds();
                became += (flow.served + flow.failed()) * flow.seconds();
            }
        });
        became / offered
    });
    worst(platforms)
}

/// Requests that die with a box, by what Little's law says is in it: arrivals of the box times response.
fn little_in_flow(overrides: &[&str]) -> f64 {
    const BOXES: u32 = 4;
    let common = ["run.length=60d", "faults.vm_crash.rate=20/year"];
    let scenario = lab::scenario(&[&common, overrides].concat());
    let (mut flows, mut lost) = (Vec::new(), Vec::new());
    lab::run(&scenario, &mut Hand::new(BOXES), (1, 0), |time, observation| match observation {
        Observation::Flow(flow) => flows.push(*flow),
        Observation::InFlightLost { requests, .. } => lost.push((time, *requests)),
        _ => {}
    });
    // What flowed until the instant of the crash, while all boxes served.
    let ratios = lost.iter().filter_map(|&(time, requests)| {
        let flow = flows.iter().find(|flow| flow.to == time && flow.boxes == f64::from(BOXES))?;
        Some(requests / (flow.offered / f64::from(BOXES) * lab::mean_response(flow, 0.04)))
    });
    worst(ratios)
}

pub fn checks() -> Vec<Check> {
    let little = |name: &str, claim: &str, overrides: &'static [&'static str]| {
        let band = Band::Within(1e-6, ROUNDING);
        Check::new(name, 1.0, band, move |_| little_in_flow(overrides).into())
            .claims(format!(
                "requests inside a box by arrivals times response, {claim}, where a crash loses them"
            ))
            .after("Little 1961")
    };
    let one_by_one = |name: &str, work: Work| {
        Check::new(name, 0.0, Band::Exact, move |luck| {
            let station = Sharing { cores: 2.0, load: 0.9, work, patience: Some(50.0), requests: 30_000 };
            let seen = station.run(&luck.streams(0));
            (seen.inside_us as f64 - seen.integral_us as f64).into()
        })
        .claims("one by one: times inside less the integral of requests inside, in whole microseconds")
        .after("Little 1961; exact from empty to empty")
    };
    vec![
        Check::new("cpu-sums-to-paid", 1.0, Band::Within(1e-9, ROUNDING), |luck| cpu(luck).into())
            .claims("useful, wasted, overhead and idle CPU are all that is paid, worst platform of an eventful run")
            .after("conservation"),
        Check::new("requests-are-conserved", 1.0, Band::Within(1e-4, "requests of an overload that die with their box are counted nowhere"), |luck| {
            requests(luck).into()
        })
        .claims("requests served and failed by those offered, worst platform of an eventful run")
        .after("conservation"),
        little("little-flow-idle", "at a load of 0.1", &["service.web.traffic.rate=20/s"]),
        little("little-flow-busy", "at a load of 0.9", &["service.web.traffic.rate=180/s"]),
        little(
            "little-flow-pool",
            "two workers at a load of 0.8",
            &["service.web.traffic.rate=160/s", "service.web.server.workers=2"],
        ),
        one_by_one("little-one-by-one-exponential", exponential),
        one_by_one("little-one-by-one-lognormal", lognormal),
    ]
}
