//! `boxherd explain`: what a parameter means, its unit, default and source; or a metric of the results.
//!
//! The texts come from where parameters and metrics are defined. Start at [`explain`].

use super::outcome::Failure;
use crate::results::metric::{METRICS, MetricDefinition, MetricId};
use crate::scenario;
use std::io::Write;

/// Explain a parameter or a metric, or list all: meaning, unit, default, source, how sure
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  boxherd explain platform.cattle.scaling.target\n  boxherd explain --estimates"
)]
pub struct Arguments {
    /// A parameter, the start or a part of one, or a metric; all parameters if left out
    name: Option<String>,

    /// The metrics of the results: names for asserts and in `summary.csv`
    #[arg(long, conflicts_with_all = ["name", "estimates"])]
    metrics: bool,

    /// Only parameters without a source: our estimates
    #[arg(long)]
    estimates: bool,
}

pub fn explain(arguments: &Arguments) -> Result<(), Failure> {
    let name = arguments.name.as_deref();
    let text = match name.and_then(MetricId::from_name) {
        Some(metric) => render(metric.definition()),
        None if arguments.metrics => METRICS.iter().map(render).collect(),
        None => scenario::explain(name, arguments.estimates).map_err(Failure::usage)?,
    };
    anstream::stdout().write_all(text.as_bytes())?;
    Ok(())
}

/// What a metric is, in the style of a parameter.
fn render(metric: &MetricDefinition) -> String {
    let MetricDefinition { name, title, unit, doc, .. } = metric;
    format!("{name}\n  {doc}\n  in tables {title}\n  unit      {unit}\n")
}
