//! Scenarios: a TOML file, read into a validated specification.
//!
//! Knows every section that a scenario may have, but not what they do. Touches files only in [`load`]. All problems
//! of a file are found and shown at once.
//!
//! Start at [`Scenario`], the list of sections; [`load::load`] reads one, [`check`] finds what no single key shows.

mod assert;
mod assumptions;
mod check;
mod load;
mod work;

pub use assert::{AssertParameters, Claim, Sign};
pub use assumptions::Assumption;
pub use load::{LoadError, QUICKSTART, STARTER, load, load_text};

use crate::catalog::PriceParameters;
use crate::engine::{SimDuration, SimTime};
use crate::parameter::explain::{Catalogue, render_found, render_list};
use crate::parameter::{Date, Fraction, Named, ParameterDoc, Section, section};
use crate::platform::{PlatformParameters, PracticeParameters};
use crate::world::traffic::Curve;
use crate::world::{
    Calendar, CloudParameters, FaultParameters, ServiceParameters, TeamParameters, VulnerabilityParameters,
    WorldSpec,
};
use std::sync::Arc;

section! {
    /// How long, how often and with which luck to simulate.
    pub struct RunParameters {
        /// Seed of all randomness: the same seed gives the same numbers.
        seed: u64 = 1, grade Choice;
        /// Independent repetitions with different luck.
        replications: u32 = 30 in |&n| (1..=100_000).contains(&n) => "from 1 to 100000", grade Choice;
        /// Add replications until the 95 % intervals of the differences that the verdict speaks of (cost, CPU use, recovery, availability) are at most this wide to either side, relative to the level of what is compared, and stay so.
        precision: Option<Fraction>, optional in |p| p.is_none_or(|p| p.as_f64() > 0.0) => "more than 0%";
        /// Replications at most where a precision is asked for; `replications` is then where it begins.
        max_replications: u32 = 1000 in |&n| (1..=100_000).contains(&n) => "from 1 to 100000", grade Choice;
        /// Length of what is measured.
        length: SimDuration = "4w" in |l| *l >= SimDuration::from_mins(1) && *l <= SimDuration::from_days(36_500) => "from 1m to 100 years", grade Choice;
        /// Simulated before measuring begins, so that the start does not show.
        warm_up: SimDuration = "1d" in |w| *w <= SimDuration::from_days(3_650) => "at most 10 years", grade Choice;
        /// Date of the first day.
        start: Date = "2026-01-05", grade Choice;
        /// Traffic is constant within segments of this length.
        segment: SimDuration = "5m" in |s| *s >= SimDuration::from_secs(1) && *s <= SimDuration::from_hours(1) => "from 1s to 1h", grade Choice;
    }
}

section! {
    /// Everything that a scenario may say.
    pub struct ScenarioParameters {
        /// What the scenario is called; the file's name by default.
        name: Option<String>, optional;
        run: RunParameters, section;
        /// The services, each `[service.NAME]`.
        service: Named<ServiceParameters>, sections;
        /// The ways of running them that are compared, each `[platform.NAME]`.
        platform: Named<PlatformParameters>, sections;
        practice: PracticeParameters, section;
        team: TeamParameters, section;
        cloud: CloudParameters, section;
        faults: FaultParameters, section;
        vulnerabilities: VulnerabilityParameters, section;
        prices: PriceParameters, section;
        /// What shall come out, each `[[assert]]`.
        assert: Vec<AssertParameters>, list;
    }
}

/// A scenario that was understood and can be run.
pub struct Scenario {
    name: String,
    /// As it was given on the command line, or the name of the embedded one.
    pub file: String,
    /// The file, verbatim, and the `--set` overrides.
    pub text: String,
    pub overrides: Vec<String>,
    pub parameters: ScenarioParameters,
    /// Keys that the file or an override sets.
    keys_set: Vec<String>,
    /// What every replication's world is made of.
    pub world: WorldSpec,
}

impl Scenario {
    fn new(
        (name, file): (String, String),
        text: String,
        overrides: Vec<String>,
        (parameters, keys_set): (ScenarioParameters, Vec<String>),
        curves: Vec<Curve>,
    ) -> Self {
        let calendar = calendar(&parameters);
        let services =
            parameters.service.iter().zip(curves).map(|((n, s), curve)| (n.to_owned(), s.clone(), curve));
        let world = WorldSpec {
            calendar,
            catalog: Arc::new(crate::catalog::Catalog::embedded()),
            cloud: parameters.cloud.clone(),
            faults: parameters.faults.clone(),
            vulnerabilities: parameters.vulnerabilities.clone(),
            team: parameters.team.clone(),
            services: services.collect(),
            segment: parameters.run.segment,
            warm_up: parameters.run.warm_up,
            horizon: SimTime::ZERO + parameters.run.warm_up + parameters.run.length,
        };
        Scenario { name, file, text, overrides, parameters, keys_set, world }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Defaults in force that nobody has checked against a source.
    pub fn assumptions(&self) -> Vec<Assumption> {
        assumptions::assumptions(&self.parameters, &self.keys_set)
    }

    /// What the scenario claims about its outcome, in the order of the file.
    pub fn claims(&self) -> Vec<Claim> {
        let claim = |a| assert::claim(&self.parameters, a).expect("a scenario with a wrong claim is refused");
        self.parameters.assert.iter().map(claim).collect()
    }

    /// In the order of the file.
    pub fn platform_names(&self) -> Vec<&str> {
        self.parameters.platform.names().collect()
    }
}

fn calendar(parameters: &ScenarioParameters) -> Calendar {
    let team = &parameters.team;
    let of_day = |t: crate::parameter::TimeOfDay| SimDuration::from_secs(u64::from(t.as_seconds()));
    Calendar::new(parameters.run.start.civil(), of_day(team.day_begins), of_day(team.day_ends))
        .with_holidays(&team.public_holidays)
}

/// All parameters that there are.
pub fn describe() -> Vec<ParameterDoc> {
    ScenarioParameters::describe()
}

/// JSON Schema of a scenario file.
pub fn schema() -> serde_json::Value {
    crate::parameter::schema::schema("boxherd scenario", &describe())
}

/// What a parameter means, or a list of all; `Err` if none is called `name`.
pub fn explain(name: Option<&str>, estimates: bool) -> Result<String, String> {
    let catalogue = Catalogue::new(describe());
    let docs = catalogue.list(name, estimates);
    match (name, docs.as_slice()) {
        (Some(name), []) if estimates && !catalogue.list(Some(name), false).is_empty() => {
            Err(format!("no estimate is called `{name}`: leave out `--estimates`"))
        }
        (Some(name), []) => Err(catalogue.not_found(name)),
        (Some(_), found) => Ok(render_found(found)),
        (None, all) => Ok(render_list(all)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_reads_and_names_its_source() {
        assert_eq!(crate::parameter::check_defaults(&describe()), Vec::<String>::new());
    }

    #[test]
    fn an_unknown_parameter_suggests_a_name() {
        let message = explain(Some("run.sede"), false).unwrap_err();
        assert!(message.contains("run.seed"), "{message}");
    }
}
