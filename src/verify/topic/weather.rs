//! The same weather: one seed, the same faults at the same instants, on every platform.

use crate::engine::SimTime;
use crate::scenario::{QUICKSTART, Scenario};
use crate::verify::{Band, Check, Luck, lab};
use crate::world::{FaultId, Observation};
use std::collections::BTreeMap;

const STORMY: [&str; 4] = [
    "run.length=3w",
    "faults.vm_crash.rate=50/year",
    "faults.vm_loss.rate=0/year",
    "faults.zone_outage.rate=0/year",
];

/// Machine faults of one platform by their number.
fn faults(scenario: &Scenario, platform: &str, seed: u64) -> BTreeMap<FaultId, SimTime> {
    let parameters = scenario.parameters.platform.get(platform).expect("a platform of the scenario");
    let mut platform = parameters.build(&scenario.parameters.practice);
    let mut faults = BTreeMap::new();
    lab::run(scenario, platform.as_mut(), (seed, 0), |time, observation| {
        if let Observation::VmDown { fault, .. } = observation {
            faults.insert(*fault, time);
        }
    });
    faults
}

/// Share of the machine faults that two platforms both met which they met at the same instant; not a number if
/// there are fewer than five.
fn shared(luck: &Luck, first: &str, second: &str) -> f64 {
    let scenario = lab::load("quickstart.toml", QUICKSTART, &STORMY);
    let (first, second) = (faults(&scenario, first, luck.seed()), faults(&scenario, second, luck.seed()));
    let both: Vec<bool> = first.iter().filter_map(|(fault, time)| Some(second.get(fault)? == time)).collect();
    if both.len() < 5 {
        return f64::NAN;
    }
    both.iter().filter(|&&same| same).count() as f64 / both.len() as f64
}

/// Machine faults that come to one seed and not to another, as a share.
fn of_its_own(luck: &Luck) -> f64 {
    let scenario = lab::load("quickstart.toml", QUICKSTART, &STORMY);
    let of = |seed| faults(&scenario, "pets", seed);
    let (ours, theirs) = (of(luck.seed()), of(luck.seed() ^ 1));
    let other = |(fault, time): &(&FaultId, &SimTime)| theirs.get(fault) != Some(time);
    ours.iter().filter(other).count() as f64 / ours.len() as f64
}

pub fn checks() -> Vec<Check> {
    let pair = |second: &'static str| {
        Check::new(format!("weather-pets-{second}"), 1.0, Band::Exact, move |luck| {
            shared(luck, "pets", second).into()
        })
        .claims(format!("machine crashes that hit pets and {second} hit both at the same microsecond"))
        .after("common random numbers: Law 2015, ch. 11")
    };
    vec![
        pair("cattle"),
        pair("k8s"),
        Check::new("weather-of-another-seed", 1.0, Band::Exact, |luck| of_its_own(luck).into())
            .claims("another seed has none of the same crashes")
            .after("independent replications: Law 2015, ch. 9"),
    ]
}
