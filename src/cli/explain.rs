//! `boxherd explain`: what a parameter means, its unit, default and source.
//!
//! The texts come from where the parameters are defined. Start at [`explain`].

use super::outcome::Failure;
use crate::scenario;
use std::io::Write;

/// Explain a parameter, or list all: meaning, unit, default, source, how sure
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  boxherd explain platform.cattle.scaling.target\n  boxherd explain --estimates"
)]
pub struct Arguments {
    /// A parameter or the start of one; all if left out
    name: Option<String>,

    /// Only parameters without a source: our estimates
    #[arg(long)]
    estimates: bool,
}

pub fn explain(arguments: &Arguments) -> Result<(), Failure> {
    let text = scenario::explain(arguments.name.as_deref(), arguments.estimates).map_err(Failure::usage)?;
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(())
}
