//! `boxherd export`: a results folder in the formats of other tools.
//!
//! Knows no format. A file is there as a whole or not at all. Start at [`export`].

use super::outcome::Failure;
use crate::report::export::{focus, junit, openmetrics};
use crate::results::read::read;
use crate::results::rows::ResultSet;
use crate::results::write::replace_file;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Write results for other tools: Prometheus and Grafana, FinOps, continuous integration
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  boxherd export results/quickstart --focus costs.focus.csv --junit asserts.xml\n  \
                  boxherd export results/quickstart --openmetrics series.om && \
                  promtool tsdb create-blocks-from openmetrics series.om data"
)]
pub struct Arguments {
    /// Results folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Time series as OpenMetrics text, for Prometheus; `-` is stdout
    #[arg(long, value_name = "FILE", required_unless_present_any = ["focus", "junit"])]
    openmetrics: Option<PathBuf>,

    /// Costs of a month as FOCUS 1.2 rows (CSV), for FinOps tools; `-` is stdout
    #[arg(long, value_name = "FILE", required_unless_present_any = ["openmetrics", "junit"])]
    focus: Option<PathBuf>,

    /// The scenario's asserts as JUnit XML, for continuous integration; `-` is stdout
    #[arg(long, value_name = "FILE", required_unless_present_any = ["openmetrics", "focus"])]
    junit: Option<PathBuf>,
}

type Make = fn(&ResultSet) -> String;

pub fn export(arguments: &Arguments) -> Result<(), Failure> {
    let results = read(&arguments.folder).map_err(Failure::usage)?;
    let formats: [(&Option<PathBuf>, Make); 3] = [
        (&arguments.openmetrics, openmetrics::text),
        (&arguments.focus, focus::csv),
        (&arguments.junit, junit::xml),
    ];
    for (path, make) in formats {
        let Some(path) = path else { continue };
        let text = make(&results);
        if path == Path::new("-") {
            anstream::stdout().write_all(text.as_bytes())?;
        } else {
            replace_file(path, text.as_bytes()).map_err(Failure::run)?;
        }
    }
    Ok(())
}
