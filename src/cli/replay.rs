//! `boxherd replay`: one replication again, its events as readable lines on stdout.
//!
//! Times are passed on as written: only `simulation` knows the scenario's calendar. Start at [`replay`].

use super::outcome::Failure;
use crate::scenario;
use crate::simulation::{self, ReplayError, ReplayFilter, ReplayRequest};
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// Run one replication again and print its events
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Lines:\n  CAPITALS  what breaks\n  ·         a step of the platform\n  »         what its control plane says and decides\n  others    what happens in the world\n\n\
                  Example:\n  boxherd replay scenarios/web-shop.toml --platform k8s --replication 3 --from 2d --until 2d6h"
)]
pub struct Arguments {
    /// Scenario file
    #[arg(value_name = "SCENARIO.toml")]
    scenario: PathBuf,

    /// Platform, by its name in the scenario
    #[arg(long, value_name = "NAME")]
    platform: String,

    /// Replication, counted from 0
    #[arg(long, value_name = "K")]
    replication: u32,

    /// First instant: a span since the start (`2d 4h`) or a date and time
    #[arg(long, value_name = "T")]
    from: Option<String>,

    /// Instant to stop before
    #[arg(long, value_name = "T")]
    until: Option<String>,

    #[command(flatten)]
    filter: Filter,

    /// Override a key of the scenario (repeatable); the same as for the run that is replayed
    #[arg(long, value_name = "KEY.PATH=VALUE")]
    set: Vec<String>,

    /// Seed, if the run had another one than the scenario's
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Filter {
    /// Only events of this box
    #[arg(long = "box", value_name = "NAME")]
    box_name: Option<String>,

    /// Only events of this VM
    #[arg(long, value_name = "NAME")]
    vm: Option<String>,

    /// Only events of this service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
}

pub fn replay(arguments: &Arguments) -> Result<(), Failure> {
    let mut overrides = arguments.set.clone();
    overrides.extend(arguments.seed.map(|seed| format!("run.seed={seed}")));
    let scenario = scenario::load(Some(&arguments.scenario), &overrides)?;
    super::run::check_platforms(&scenario, std::slice::from_ref(&arguments.platform))?;
    let request = ReplayRequest {
        platform: arguments.platform.clone(),
        replication: arguments.replication,
        from: arguments.from.clone(),
        until: arguments.until.clone(),
        filter: filter(&arguments.filter),
    };
    let mut out = BufWriter::new(anstream::stdout());
    simulation::replay(&scenario, &request, &mut out).map_err(|error| match error {
        ReplayError::Request(problem) => Failure::usage(problem),
        ReplayError::Output(error) => Failure::from(error),
    })?;
    out.flush()?;
    Ok(())
}

fn filter(filter: &Filter) -> ReplayFilter {
    match (&filter.box_name, &filter.vm, &filter.service) {
        (Some(name), _, _) => ReplayFilter::Box(name.clone()),
        (_, Some(name), _) => ReplayFilter::Vm(name.clone()),
        (_, _, Some(name)) => ReplayFilter::Service(name.clone()),
        (None, None, None) => ReplayFilter::All,
    }
}
