//! `boxherd schema`: JSON Schema of scenarios, for editors, and of the JSON that a run prints, for programs.
//!
//! The schemas follow from the declarations of parameters and rows. Start at [`schema`].

use super::outcome::Failure;
use crate::results;
use crate::scenario;
use clap::ValueEnum;
use std::io::Write;

/// Print a JSON Schema: of scenarios, so that editors complete and check, or of results
///
/// Editors with a TOML language server (taplo, Even Better TOML, Tombi) use it if the scenario begins with the line
/// `#:schema ./boxherd.schema.json`.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  boxherd schema scenario > boxherd.schema.json\n  boxherd schema results > results.schema.json"
)]
pub struct Arguments {
    /// Of what
    #[arg(value_enum, default_value_t = Of::Scenario)]
    of: Of,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Of {
    /// A scenario file
    Scenario,
    /// What `run --format json` prints
    Results,
}

pub fn schema(arguments: &Arguments) -> Result<(), Failure> {
    let schema = match arguments.of {
        Of::Scenario => scenario::schema(),
        Of::Results => results::schema::schema(),
    };
    let text = serde_json::to_string_pretty(&schema).expect("a schema has string keys only") + "\n";
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(())
}
