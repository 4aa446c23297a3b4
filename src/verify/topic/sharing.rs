//! Processor sharing: insensitive to how work is distributed, for one core and for several.

use super::lines::{LUCK, constant, exponential, lognormal};
use super::mmc::TABLE;
use crate::verify::line::Work;
use crate::verify::luck::REPETITIONS;
use crate::verify::sharing::Sharing;
use crate::verify::{Band, Check};
use crate::world::Balancing;
use crate::world::queueing::slowdown;

const REQUESTS: u32 = 40_000;

fn station(cores: f64, load: f64, work: Work) -> Sharing {
    Sharing { cores, load, work, patience: None, requests: REQUESTS }
}

fn response(name: &str, expected: f64, band: Band, station: Sharing) -> Check {
    Check::new(name, expected, band, move |luck| {
        luck.mean(REPETITIONS, |r| station.run(&luck.streams(r)).mean)
    })
}

pub fn checks() -> Vec<Check> {
    let mut checks = Vec::new();
    let works: [(&str, Work); 3] =
        [("constant", constant), ("exponential", exponential), ("lognormal", lognormal)];
    for (name, work) in works {
        for load in [0.5, 0.8] {
            checks.push(
                response(
                    &format!("mg1-ps-{name}-{load}-sim"),
                    1.0 / (1.0 - load),
                    Band::Chance(0.0, LUCK),
                    station(1.0, load, work),
                )
                .claims(format!("mean response 1/(1 − ρ) of a shared core at {load}, {name} work"))
                .after("Kleinrock 1976, vol. 2, §4.4: M/G/1-PS is insensitive"),
            );
        }
    }
    // Exponential work does not care who is served: shared cores are M/M/c.
    let four = TABLE[4];
    checks.push(
        response(
            "mmc-4-0.8-ps-sim",
            1.0 + four.wait,
            Band::Chance(0.0, LUCK),
            station(4.0, 0.8, exponential),
        )
        .claims("mean response of four shared cores with exponential work is that of M/M/4")
        .after("Erlang 1917; the number inside is the same birth and death process"),
    );
    checks.push(
        response("half-a-core-0.8-ps-sim", 10.0, Band::Chance(0.0, LUCK), station(0.5, 0.8, lognormal))
            .claims("half a core is the same station at half the speed: 2/(1 − ρ)")
            .after("Kleinrock 1976, vol. 2, §4.4"),
    );
    // What the flow uses.
    for (name, cores, load, expected) in [
        ("one-core-0.8-slowdown", 1.0, 0.8, 5.0),
        ("half-a-core-0.8-slowdown", 0.5, 0.8, 10.0),
        ("four-cores-0.8-slowdown", 4.0, 0.8, 1.0 + four.wait),
    ] {
        let band = Band::Within(0.002 * expected, "the table of Erlang C is within 0.2 %");
        checks.push(
            Check::new(name, expected, band, move |_| slowdown(Balancing::Random, 1.0, cores, load).into())
                .claims(format!("slowdown that the flow uses for {cores} cores at {load}"))
                .after("Kleinrock 1976, vol. 2, §4.4; Erlang 1917"),
        );
    }
    // Several cores and very unequal work: insensitivity holds nearly. This is how far the flow may be off.
    let beside = 0.02 * (1.0 + four.wait);
    let why =
        "the flow's claim that sharing is nearly insensitive for several cores: 2 %, and 4.5 standard errors";
    checks.push(
        response("mg4-ps-0.8-sim", 1.0 + four.wait, Band::Chance(beside, why), station(4.0, 0.8, lognormal))
            .claims("four shared cores with work of cv² 4 respond as with exponential work")
            .after("Gupta, Harchol-Balter, Sigman & Whitt 2007: near-insensitivity"),
    );
    checks
}
