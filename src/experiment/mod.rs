//! Replications, and what can be said from them.
//!
//! Runs every replication of every platform on all cores and collects in index order, so that the number of threads
//! changes nothing. Knows no event and no fault. Start at [`run`], or at [`compare`] for platforms that no scenario
//! can name; [`aggregate::aggregate`] turns outcomes into rows.

pub mod aggregate;
mod asserts;
pub mod change;
pub mod coverage;
mod evidence;
mod headlines;
pub mod precision;
pub mod quantile;
mod replications;
mod series;
pub mod statistics;

use crate::metrics::latency_series::laws;
use crate::metrics::outcome::ReplicationOutcome;
use crate::metrics::{Frame, Recorder};
use crate::platform::{Platform, PlatformParameters, Sizing};
use crate::results::rows::{AssumptionManifest, Manifest, PrecisionManifest, ResultSet, SCHEMA_VERSION};
use crate::scenario::{Assumption, Scenario};
use crate::simulation;
use crate::world::World;
use aggregate::{Bucket, PlatformOutcomes, aggregate};
use headlines::headline_widths;
use precision::{Next, Rule, Sequential, widest};
use rayon::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// How to run, none of which changes a result but `platforms`.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Worker threads; all cores by default.
    pub jobs: Option<usize>,
    /// Names to run; all of the scenario if empty.
    pub platforms: Vec<String>,
}

/// Who wants to know how far it is, and may stop it. Called from several threads.
pub trait Progress: Sync {
    /// Before a replication begins: how many there are over all platforms. Again when there are to be more.
    fn total(&self, replications: u64);
    /// One more replication is done.
    fn done(&self);
    /// Asked before each replication; true ends the run with [`RunError::Cancelled`].
    fn cancelled(&self) -> bool;
}

/// Why there are no results.
#[derive(Debug)]
pub enum RunError {
    Cancelled,
    /// For people, with the command that reproduces it if it was a programming error.
    Failed(String),
}

/// One side of a comparison: a name, and how to build a platform for each replication.
pub struct Contestant<'a> {
    pub name: String,
    /// What kind of platform it is, for the manifest.
    pub kind: String,
    pub build: Box<dyn Fn() -> Box<dyn Platform> + Sync + 'a>,
}

impl Contestant<'_> {
    /// The platforms of a scenario, in order.
    pub fn of(scenario: &Scenario) -> Vec<Contestant<'_>> {
        let p = &scenario.parameters;
        let contestants = p.platform.iter().map(|(name, parameters)| Contestant {
            name: name.to_owned(),
            kind: parameters.kind().name().to_owned(),
            build: Box::new(|| parameters.build(&p.practice)),
        });
        contestants.collect()
    }
}

/// Runs every replication of the scenario's platforms, or of those that the options name.
///
/// # Errors
/// If it was cancelled, or a replication failed.
pub fn run(scenario: &Scenario, options: &Options, progress: &dyn Progress) -> Result<ResultSet, RunError> {
    let mut contestants = Contestant::of(scenario);
    contestants.retain(|c| options.platforms.is_empty() || options.platforms.contains(&c.name));
    compare(scenario, &contestants, options.jobs, progress)
}

/// Runs every replication of every contestant in the scenario's world, on `jobs` threads (all cores if `None`): as
/// many as the scenario says, or as its precision takes.
///
/// # Errors
/// If it was cancelled, or a replication failed.
pub fn compare(
    scenario: &Scenario,
    contestants: &[Contestant<'_>],
    jobs: Option<usize>,
    progress: &dyn Progress,
) -> Result<ResultSet, RunError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(jobs.unwrap_or(0))
        .build()
        .map_err(|error| RunError::Failed(format!("cannot start worker threads: {error}")))?;
    let of = |c: &Contestant<'_>| PlatformOutcomes {
        name: c.name.clone(),
        kind: c.kind.clone(),
        sizing: Sizing::default(),
        outcomes: Vec::new(),
    };
    let platforms = contestants.iter().map(of).collect();
    let mut runs = Runs { scenario, contestants, frame: frame(scenario), pool, progress, platforms };
    let run = &scenario.parameters.run;
    let precision = match run.precision {
        None => runs.extend_to(run.replications).map(|()| None),
        Some(target) => {
            let (minimum, maximum) = (run.replications, run.max_replications);
            runs.extend_until(Rule { target: target.as_f64(), minimum, maximum }).map(Some)
        }
    }?;
    let mut frame = aggregate_frame(scenario, &runs.frame);
    frame.manifest.replications = runs.platforms.first().map_or(0, |p| p.outcomes.len() as u32);
    frame.manifest.precision = precision;
    let mut results = aggregate(frame, &runs.platforms);
    let names: Vec<&str> = runs.platforms.iter().map(|platform| platform.name.as_str()).collect();
    results.manifest.asserts = asserts::judge(&scenario.claims(), &names, &results.summary);
    Ok(results)
}

/// The replications that there are, and what it takes to run more.
struct Runs<'a> {
    scenario: &'a Scenario,
    contestants: &'a [Contestant<'a>],
    frame: Arc<Frame>,
    pool: rayon::ThreadPool,
    progress: &'a dyn Progress,
    /// All with the same replications, from 0 on.
    platforms: Vec<PlatformOutcomes>,
}

impl Runs<'_> {
    fn count(&self) -> u32 {
        self.platforms.first().map_or(0, |platform| platform.outcomes.len() as u32)
    }

    /// Runs what is missing to so many replications.
    fn extend_to(&mut self, replications: u32) -> Result<(), RunError> {
        self.progress.total(self.contestants.len() as u64 * u64::from(replications));
        // Platforms take turns, so that the time left is honest from the beginning.
        let tasks: Vec<(u32, usize)> = (self.count()..replications)
            .flat_map(|r| (0..self.contestants.len()).map(move |c| (r, c)))
            .collect();
        let (scenario, contestants, frame, progress) =
            (self.scenario, self.contestants, &self.frame, self.progress);
        let one = |&(replication, c): &(u32, usize)| {
            if progress.cancelled() {
                return Err(RunError::Cancelled);
            }
            let outcome = replicate_or_explain(scenario, &contestants[c], frame, replication)?;
            progress.done();
            Ok(outcome)
        };
        let outcomes: Vec<(ReplicationOutcome, Sizing)> =
            self.pool.install(|| tasks.par_iter().map(one).collect::<Result<_, _>>())?;
        for ((_, c), (outcome, sizing)) in tasks.iter().zip(outcomes) {
            self.platforms[*c].sizing = sizing;
            self.platforms[*c].outcomes.push(outcome);
        }
        Ok(())
    }

    /// Adds replications until the rule is content. Batches fill the threads and so may hold more than it takes;
    /// the rule looks at one replication after the other all the same, and what lies beyond its end is dropped.
    fn extend_until(&mut self, rule: Rule) -> Result<PrecisionManifest, RunError> {
        let seed = self.scenario.parameters.run.seed;
        let batch = self.pool.current_num_threads().div_ceil(self.contestants.len().max(1)) as u32;
        let mut sequential = Sequential::new(rule);
        let mut look = sequential.first_look();
        loop {
            if look > self.count() {
                self.extend_to(look.max(self.count() + batch).min(rule.maximum))?;
            }
            if self.progress.cancelled() {
                return Err(RunError::Cancelled);
            }
            let widths = headline_widths(&self.platforms, look as usize, seed);
            let next = sequential.look(look, &widths);
            if let Next::LookAt(later) = next {
                look = later;
                continue;
            }
            self.platforms.iter_mut().for_each(|platform| platform.outcomes.truncate(look as usize));
            let widest = widest(&widths);
            return Ok(PrecisionManifest {
                target: rule.target,
                minimum: rule.minimum,
                maximum: rule.maximum,
                reached: next == Next::Reached,
                widest: widest.map(|width| width.of.clone()),
                widest_relative: widest.and_then(|width| width.relative),
            });
        }
    }
}

/// One replication of one platform of a scenario: what was measured, and the sizes that the platform chose.
pub fn replicate(
    scenario: &Scenario,
    platform: &PlatformParameters,
    frame: &Arc<Frame>,
    replication: u32,
) -> (ReplicationOutcome, Sizing) {
    replicate_on(scenario, platform.build(&scenario.parameters.practice), frame, replication)
}

/// The same on a platform of whatever origin, which must be fresh.
fn replicate_on(
    scenario: &Scenario,
    mut platform: Box<dyn Platform>,
    frame: &Arc<Frame>,
    replication: u32,
) -> (ReplicationOutcome, Sizing) {
    let mut world = World::new(&scenario.world, scenario.parameters.run.seed, replication);
    let mut recorder = Recorder::new(frame.clone());
    let trace = simulation::run(&mut world, platform.as_mut(), &mut recorder);
    (recorder.finish(replication, trace), platform.sizing())
}

/// A failing assertion is a programming error: it ends the run with the command that shows it again.
fn replicate_or_explain(
    scenario: &Scenario,
    contestant: &Contestant<'_>,
    frame: &Arc<Frame>,
    replication: u32,
) -> Result<(ReplicationOutcome, Sizing), RunError> {
    let attempt = || replicate_on(scenario, (contestant.build)(), frame, replication);
    catch_unwind(AssertUnwindSafe(attempt)).map_err(|_| {
        RunError::Failed(format!(
            "a replication failed, which is a mistake in boxherd; this shows it again:\n  boxherd replay {} \
             --platform {} --replication {replication}{}",
            scenario.file,
            contestant.name,
            scenario.overrides.iter().map(|o| format!(" --set '{o}'")).collect::<String>()
        ))
    })
}

/// What metrics need to know of a scenario.
pub fn frame(scenario: &Scenario) -> Arc<Frame> {
    let p = &scenario.parameters;
    let services = p.service.iter().map(|(name, s)| crate::metrics::ServiceFrame {
        name: name.to_owned(),
        work: s.work(),
        timeout_s: s.timeout.as_secs_f64(),
        latency_quantile: s.latency_quantile.as_f64(),
        availability_goal: s.availability_goal.as_f64(),
    });
    Arc::new(Frame {
        calendar: scenario.world.calendar.clone(),
        catalog: scenario.world.catalog.clone(),
        prices: p.prices.clone(),
        wage: p.team.wage,
        office_hours: p.team.office_hours(),
        root_disk: p.cloud.root_disk,
        services: services.collect(),
        meter_from: crate::engine::SimTime::ZERO + p.run.warm_up,
        horizon: scenario.world.horizon,
        bucket: Frame::bucket_for(p.run.length, p.run.segment),
    })
}

fn aggregate_frame(scenario: &Scenario, frame: &Frame) -> aggregate::Frame {
    let p = &scenario.parameters;
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    scenario.text.bytes().for_each(|b| hash = (hash ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3));
    let bucket = |i: usize| {
        let at = frame.meter_from + frame.bucket * i as u64;
        Bucket { time: frame.calendar.iso(at), t_s: frame.metered_s(at) }
    };
    aggregate::Frame {
        manifest: Manifest {
            schema_version: SCHEMA_VERSION,
            boxherd_version: env!("CARGO_PKG_VERSION").to_owned(),
            target: env!("TARGET").to_owned(),
            scenario_name: scenario.name().to_owned(),
            scenario: scenario.text.clone(),
            scenario_hash: format!("{hash:016x}"),
            overrides: scenario.overrides.clone(),
            seed: p.run.seed,
            replications: 0,
            precision: None,
            warm_up_s: p.run.warm_up.as_secs_f64(),
            horizon_s: (p.run.warm_up + p.run.length).as_secs_f64(),
            start_date: p.run.start.to_string(),
            price_date: crate::catalog::PRICE_DATE.to_owned(),
            assumptions: scenario.assumptions().into_iter().map(assumption).collect(),
            platforms: Vec::new(),
            asserts: Vec::new(),
        },
        services: frame.services.iter().map(|s| s.name.clone()).collect(),
        laws: laws(frame),
        buckets: (0..frame.buckets()).map(bucket).collect(),
    }
}

fn assumption(assumption: Assumption) -> AssumptionManifest {
    let Assumption { key, value, meaning, source } = assumption;
    AssumptionManifest { key, value: value.to_owned(), meaning, source: source.to_owned() }
}
