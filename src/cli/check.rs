//! `boxherd check`: is the scenario valid? Runs nothing and writes no file.
//!
//! All problems are shown at once, by `scenario`. Start at [`check`].

use super::outcome::Failure;
use crate::scenario;
use std::io::Write;
use std::path::PathBuf;

/// Check a scenario and show all its problems, without running it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  boxherd check scenarios/web-shop.toml")]
pub struct Arguments {
    /// Scenario file
    #[arg(value_name = "SCENARIO.toml")]
    scenario: PathBuf,

    /// Override a key of the scenario first (repeatable)
    #[arg(long, value_name = "KEY.PATH=VALUE")]
    set: Vec<String>,
}

pub fn check(arguments: &Arguments) -> Result<(), Failure> {
    let scenario = scenario::load(Some(&arguments.scenario), &arguments.set)?;
    let platforms = scenario.platform_names();
    writeln!(
        anstream::stdout(),
        "{} is valid: scenario {}, platforms {}",
        arguments.scenario.display(),
        scenario.name(),
        platforms.join(", ")
    )?;
    Ok(())
}
