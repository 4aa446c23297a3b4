//! Patches: how many holes are open for how long where people patch by hand, through the real world.

use crate::engine::{SimDuration, SimTime};
use crate::verify::luck::REPETITIONS;
use crate::verify::{Band, Check, Luck, lab};
use crate::world::{BoxId, Observation, VulnerabilityId};
use statrs::function::erf::erf;
use std::collections::BTreeMap;

/// Ten hand-kept machines to which nothing happens but vulnerabilities, and a team that works day and night.
const PETS: &str = r#"
[run]
length = "420d"
warm_up = "0s"
segment = "1h"

[service.web]
cpu_per_request = "10ms"
release.rate = "0/week"
traffic.rate = "20/s"
traffic.diurnal.amplitude = 0

[service.web.container.app]
cpu = "500m"

[platform.pets]
kind = "pets"
size.web.boxes = 10
size.web.machine = "m7i.large"
patching.touch = "1m"
patching.delay = "lognormal(90d, 1.53)"
patching.reboot_deferred = "0%"

[team]
day_begins = "00:00"
day_ends = "23:59"
engineers = 50
absence.vacation_weeks = 0
"#;

/// Share of the holes that were made in the first fifty days and are open so many days later.
fn open_after(days: u64, luck: &Luck, repetition: u32) -> f64 {
    let scenario = lab::load_quiet(
        "patching.toml",
        PETS,
        &["vulnerabilities.system=120/year", "vulnerabilities.kernel=0%", "faults.human_slip.chance=0%"],
    );
    let parameters = scenario.parameters.platform.get("pets").expect("it is there");
    let mut platform = parameters.build(&scenario.parameters.practice);
    let age = SimDuration::from_days(days);
    let mut opened: BTreeMap<(BoxId, VulnerabilityId), SimTime> = BTreeMap::new();
    let (mut all, mut closed) = (0_u32, 0_u32);
    lab::run(
        &scenario,
        platform.as_mut(),
        (luck.seed(), repetition),
        |time, observation| match *observation {
            // What was there at the start is older.
            Observation::VulnerabilityOpened { subject, vulnerability }
                if time > SimTime::ZERO && time < SimTime::ZERO + SimDuration::from_days(50) =>
            {
                all += 1;
                opened.insert((subject, vulnerability), time);
            }
            Observation::VulnerabilityClosed { subject, vulnerability } => {
                let since = opened.remove(&(subject, vulnerability));
                closed += u32::from(since.is_some_and(|since| time.since(since) <= age));
            }
            _ => {}
        },
    );
    f64::from(all - closed) / f64::from(all)
}

/// Share of a lognormal distribution with this median and shape that is above `days`.
fn above(days: f64, median: f64, shape: f64) -> f64 {
    0.5 * (1.0 - erf((days / median).ln() / shape / std::f64::consts::SQRT_2))
}

pub fn checks() -> Vec<Check> {
    let check = |days: u64| {
        let band = Band::Chance(
            5e-3,
            "a minute of work each, and hours until somebody begins; 4.5 standard errors of 40 repetitions",
        );
        Check::new(format!("open-after-{days}-days"), above(days as f64, 90.0, 1.53), band, move |luck| {
            luck.mean(REPETITIONS, |r| open_after(days, luck, r))
        })
        .claims(format!("share of the holes of hand-patched machines that are open {days} days after their publication"))
        .after("Prioritization to Prediction 2 (Cyentia, Kenna): a median of 90 days, 18 % after a year; lognormal between them")
    };
    [30, 90, 365].map(check).into()
}
