//! `[[assert]]`: what a scenario claims about its own outcome, so that a pipeline can fail on it.
//!
//! Reads claims and refuses those about nothing; a metric that nobody knows must not pass in silence. Does not know
//! how a claim is judged, which is done on the rows of a run. Start at [`AssertParameters`], then [`claim`].

use super::ScenarioParameters;
use crate::engine::SimDuration;
use crate::parameter::{
    Fraction, MicroUsd, Node, ParameterValue, Problem, Problems, Value, choices, found, quoted, section,
    suggestion,
};
use crate::results::metric::{METRICS, MetricDefinition, MetricId};

choices! {
    /// How a value has to compare with its bound.
    pub enum Sign {
        /// Less than the bound.
        Below = "<",
        /// At most the bound.
        AtMost = "<=",
        /// More than the bound.
        Above = ">",
        /// At least the bound.
        AtLeast = ">=",
    }
}

section! {
    /// A claim about the outcome, `[[assert]]`; a run in which one does not hold ends with status 3.
    pub struct AssertParameters {
        /// The platform that it is about; all of them by default.
        platform: Option<String>, optional;
        /// The service that it is about; the whole platform by default.
        service: Option<String>, optional;
        /// The metric, as `summary.csv` names it.
        metric: String, required;
        /// Which statistic of the metric, as `summary.csv` names it; its first by default.
        statistic: Option<String>, optional;
        /// How the value that comes out has to compare with the bound. The value is what counts; where its interval holds the bound the result says so.
        comparison: Sign, required;
        /// The bound, in a unit that fits the metric.
        value: Bound, required;
    }
}

/// A bound as it was written: what it means depends on the metric beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Bound(String);

impl ParameterValue for Bound {
    const EXPECTED: &'static str = "a value with its unit such as `99.9%`, `$500`, `10m` or `3`";

    fn read(node: &Node) -> Result<Self, String> {
        match &node.value {
            Value::String(text) if !text.trim().is_empty() => Ok(Bound(text.trim().to_owned())),
            Value::Integer(integer) => Ok(Bound(integer.to_string())),
            Value::Float(float) => Ok(Bound(float.to_string())),
            _ => Err(found(node)),
        }
    }

    fn placeholder() -> Self {
        Bound(String::new())
    }
}

/// A claim that can be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// In the order of the scenario.
    pub platforms: Vec<String>,
    /// Empty for the whole platform.
    pub service: String,
    pub metric: &'static MetricDefinition,
    pub statistic: String,
    pub sign: Sign,
    /// In the unit of the metric.
    pub bound: f64,
}

impl Sign {
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Sign::Below => value < bound,
            Sign::AtMost => value <= bound,
            Sign::Above => value > bound,
            Sign::AtLeast => value >= bound,
        }
    }
}

/// What the assert means, or everything that is wrong with it.
pub(super) fn claim(parameters: &ScenarioParameters, assert: &AssertParameters) -> Result<Claim, Problems> {
    let mut problems = Problems::default();
    let platforms = match &assert.platform {
        None => parameters.platform.names().map(str::to_owned).collect(),
        Some(name) => {
            if parameters.platform.get(name).is_none() {
                let at = assert.place.of("platform");
                parameters.platform.report_unknown(name, "platform", at, &mut problems);
            }
            vec![name.clone()]
        }
    };
    if let Some(name) = assert.service.as_ref().filter(|name| parameters.service.get(name).is_none()) {
        parameters.service.report_unknown(name, "service", assert.place.of("service"), &mut problems);
    }
    let Some(metric) = MetricId::from_name(&assert.metric).map(MetricId::definition) else {
        let names: Vec<&str> = METRICS.iter().map(|metric| metric.name).collect();
        problems.push(unknown(assert, "metric", &assert.metric, &names));
        return Err(problems);
    };
    let statistics = metric.statistics();
    let statistic = assert.statistic.clone().unwrap_or_else(|| statistics[0].clone());
    if !statistics.contains(&statistic) {
        let names: Vec<&str> = statistics.iter().map(String::as_str).collect();
        problems.push(unknown(assert, "statistic", &statistic, &names));
    }
    let bound = in_unit_of(metric, &assert.value.0).unwrap_or_else(|why| {
        let title = format!("`{}` cannot be compared with this value", metric.name);
        let found = format!("found {}, {why}", quoted(&assert.value.0));
        let problem = Problem::at(assert.place.of("value"), title, found);
        problems.push(problem.help(format!("expected {}", expected(metric))));
        0.0
    });
    if !problems.is_empty() {
        return Err(problems);
    }
    let service = assert.service.clone().unwrap_or_default();
    Ok(Claim { platforms, service, metric, statistic, sign: assert.comparison, bound })
}

fn unknown(assert: &AssertParameters, what: &'static str, name: &str, known: &[&str]) -> Problem {
    let title = format!("unknown {what} {}", quoted(name));
    let problem = Problem::at(assert.place.of(what), title, format!("there is no such {what}"));
    problem.maybe_help(suggestion(name, known))
}

/// The bound in the unit that the rows have.
fn in_unit_of(metric: &MetricDefinition, text: &str) -> Result<f64, String> {
    let seconds = || text.parse::<SimDuration>().map(SimDuration::as_secs_f64);
    match metric.unit {
        "USD" => text.parse::<MicroUsd>().map(MicroUsd::as_usd_f64),
        "share" => text.parse::<Fraction>().map(Fraction::as_f64),
        "ms" => seconds().map(|s| s * 1e3),
        "s" => seconds(),
        "min" => seconds().map(|s| s / 60.0),
        "h" => seconds().map(|s| s / 3_600.0),
        _ => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err("which is not a number".to_owned()),
        },
    }
}

fn expected(metric: &MetricDefinition) -> &'static str {
    match metric.unit {
        "USD" => MicroUsd::EXPECTED,
        "share" => Fraction::EXPECTED,
        "ms" | "s" | "min" | "h" => SimDuration::EXPECTED,
        _ => f64::EXPECTED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_in_the_unit_of_their_metric() {
        let bound = |name: &str, text: &str| {
            let metric = MetricId::from_name(name).expect("a metric").definition();
            in_unit_of(metric, text).map(|bound| (bound * 1e6).round() / 1e6)
        };
        assert_eq!(bound("cost_per_month", "$500"), Ok(500.0));
        assert_eq!(bound("availability", "99.9%"), Ok(0.999));
        assert_eq!(bound("latency_p99", "0.35s"), Ok(350.0));
        assert_eq!(bound("recovery_time", "10m"), Ok(600.0));
        assert_eq!(bound("release_duration", "1h30m"), Ok(90.0));
        // Two days of work are 48 hours.
        assert_eq!(bound("people_hours_per_month", "2d"), Ok(48.0));
        assert_eq!(bound("vms", "12.5"), Ok(12.5));
        assert_eq!(bound("recovery_time", "10"), Err("which has no unit".to_owned()));
        assert_eq!(bound("vms", "NaN"), Err("which is not a number".to_owned()));
    }

    #[test]
    fn every_metric_has_a_unit_that_a_bound_can_be_written_in() {
        for metric in &METRICS {
            let example = expected(metric).split('`').nth(1).expect("an example");
            assert!(in_unit_of(metric, example).is_ok(), "{} [{}]: {example}", metric.name, metric.unit);
        }
    }
}
