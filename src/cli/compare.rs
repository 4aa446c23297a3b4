//! `boxherd compare`: two results folders, old and new; nothing is run again.
//!
//! Reads both, has them compared, tells it. Knows no statistic. Start at [`compare`].

use super::outcome::Failure;
use crate::experiment::change::{self, Change};
use crate::report::change::{leaves_out_equality, markdown, sentences, table};
use crate::report::table::WIDTH;
use crate::report::words::wrap;
use crate::results::metric::{Better, METRICS, MetricDefinition, MetricId};
use crate::results::read::read;
use crate::results::rows::{ChangeRow, ResultSet};
use crate::results::write::to_csv;
use clap::ValueEnum;
use std::io::Write;
use std::path::PathBuf;

/// Compare two results folders: what changed, by how much, and whether that is more than chance
///
/// With the same seed replications are compared in pairs, which tells much smaller differences.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  boxherd compare results/before results/after\n  boxherd compare main mine \
                  --fail-on cost_per_month:5% --format markdown"
)]
pub struct Arguments {
    /// Results folder to compare with
    #[arg(value_name = "OLD")]
    old: PathBuf,

    /// Results folder that is compared
    #[arg(value_name = "NEW")]
    new: PathBuf,

    /// What to print on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// End with status 3 if the metric got worse by more than P % on any platform, beyond chance (repeatable);
    /// of a share the percentage points
    #[arg(long, value_name = "METRIC:P%", value_parser = limit)]
    fail_on: Vec<Limit>,

    /// Every metric and each service
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
enum Format {
    /// Sentences and a table
    #[default]
    Table,
    /// All rows and what they rest on as one document
    Json,
    /// All rows
    Csv,
    /// Sentences and a table for GitHub
    Markdown,
}

/// How much worse a metric may get.
#[derive(Clone, Debug, PartialEq)]
struct Limit {
    metric: &'static MetricDefinition,
    /// A share of the old value, or of the whole where the value is a share itself.
    worse_by: f64,
}

/// `cost_per_month:5%`.
fn limit(text: &str) -> Result<Limit, String> {
    let shape = "expected a metric and a percentage, such as `cost_per_month:5%`";
    let (name, percent) = text.split_once(':').ok_or(shape)?;
    let metric = MetricId::from_name(name).map(MetricId::definition).ok_or_else(|| {
        let names = METRICS.iter().map(|metric| metric.name);
        let near = names.max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
        format!("no metric is called `{name}`; did you mean `{}`?", near.unwrap_or_default())
    })?;
    let number = percent.trim().trim_end_matches('%').trim().parse::<f64>().ok();
    let percent = number.filter(|number| (0.0..=1e6).contains(number)).ok_or(shape)?;
    Ok(Limit { metric, worse_by: percent / 100.0 })
}

impl Limit {
    /// The platforms on which it is passed: beyond the limit, and beyond chance.
    fn passed<'a>(&'a self, rows: &'a [ChangeRow]) -> impl Iterator<Item = String> + 'a {
        let first = self.metric.statistics().remove(0);
        let of_metric = move |row: &&ChangeRow| {
            row.service.is_empty() && row.metric == self.metric.name && row.statistic == first
        };
        rows.iter().filter(of_metric).filter_map(move |row| {
            let change = if row.unit == "share" { row.difference? } else { row.ratio? - 1.0 };
            let worse = match self.metric.better {
                Better::Lower => change,
                Better::Higher => -change,
                Better::Neither => change.abs(),
            };
            let told = || {
                let unit = if row.unit == "share" { "points" } else { "%" };
                let (by, limit) = (change * 100.0, self.worse_by * 100.0);
                format!(
                    "{} of {} changed by {by:+.2} {unit}, allowed are {limit} {unit}",
                    row.metric, row.platform
                )
            };
            (worse > self.worse_by && leaves_out_equality(row)).then(told)
        })
    }
}

pub fn compare(arguments: &Arguments) -> Result<(), Failure> {
    let old = read(&arguments.old).map_err(Failure::usage)?;
    let new = read(&arguments.new).map_err(Failure::usage)?;
    let change = change::compare(&old, &new);
    if change.rows.is_empty() {
        return Err(Failure::usage(format!(
            "nothing to compare: the platforms are {} in {}, and {} in {}",
            names(&old),
            arguments.old.display(),
            names(&new),
            arguments.new.display()
        )));
    }
    let text = match arguments.format {
        Format::Table => {
            let lines: Vec<String> = told(&change).iter().map(|line| wrap(line, WIDTH)).collect();
            let notes: Vec<String> =
                notes(&old, &new, &change).iter().map(|line| wrap(line, WIDTH)).collect();
            let table = table(&change.rows, arguments.verbose);
            format!("{}\n\n{table}\n{}\n", lines.join("\n"), notes.join("\n"))
        }
        Format::Markdown => {
            let lines: Vec<String> = told(&change).iter().map(|line| format!("- {line}\n")).collect();
            let table = markdown(&change.rows, arguments.verbose);
            format!("{}\n{table}\n{}\n", lines.concat(), notes(&old, &new, &change).join(" "))
        }
        Format::Json => json(&old, &new, &change),
        Format::Csv => to_csv(&change.rows),
    };
    anstream::stdout().write_all(text.as_bytes())?;

    let passed: Vec<String> = arguments.fail_on.iter().flat_map(|limit| limit.passed(&change.rows)).collect();
    if passed.is_empty() { Ok(()) } else { Err(Failure::claim(passed.join("\n"))) }
}

fn told(change: &Change) -> Vec<String> {
    let (old, new) = change.replications;
    let count =
        if old == new { format!("{old} replications") } else { format!("{old} and {new} replications") };
    sentences(&change.rows, &count)
}

/// What the comparison rests on, and what it leaves out.
fn notes(old: &ResultSet, new: &ResultSet, change: &Change) -> Vec<String> {
    let (a, b) = (&old.manifest, &new.manifest);
    let count = |of: usize| if of == 1 { "1 replication".to_owned() } else { format!("{of} replications") };
    let mut notes = vec![if change.paired {
        format!("Paired: {} with seed {} on both sides.", count(change.replications.0), a.seed)
    } else {
        format!(
            "Not paired: {} with seed {} and {} with seed {}; the same seed would tell smaller differences.",
            count(change.replications.0),
            a.seed,
            count(change.replications.1),
            b.seed
        )
    }];
    if a.scenario_hash != b.scenario_hash {
        notes.push(format!("The scenarios differ: {} and {}.", a.scenario_name, b.scenario_name));
    }
    if a.overrides != b.overrides {
        let list = |overrides: &[String]| {
            if overrides.is_empty() { "none".to_owned() } else { overrides.join(" ") }
        };
        notes.push(format!("Overrides: {}, then {}.", list(&a.overrides), list(&b.overrides)));
    }
    for (what, left, right) in
        [("boxherd", &a.boxherd_version, &b.boxherd_version), ("Prices", &a.price_date, &b.price_date)]
    {
        if left != right {
            notes.push(format!("{what}: {left}, then {right}."));
        }
    }
    if (a.warm_up_s, a.horizon_s) != (b.warm_up_s, b.horizon_s) {
        notes.push("They do not cover the same length of time.".to_owned());
    }
    for (names, which) in [(&change.only_old, "old"), (&change.only_new, "new")] {
        if !names.is_empty() {
            notes.push(format!("Only in the {which} one: {}.", names.join(", ")));
        }
    }
    notes
}

fn names(results: &ResultSet) -> String {
    let names: Vec<&str> = results.manifest.platforms.iter().map(|platform| platform.name.as_str()).collect();
    names.join(", ")
}

fn json(old: &ResultSet, new: &ResultSet, change: &Change) -> String {
    let document = serde_json::json!({
        "schema_version": old.manifest.schema_version,
        "paired": change.paired,
        "replications": [change.replications.0, change.replications.1],
        "sentences": told(change),
        "notes": notes(old, new, change),
        "changes": change.rows,
    });
    serde_json::to_string_pretty(&document).expect("rows have string keys only") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::three_platforms;

    #[test]
    fn a_limit_is_a_metric_and_a_percentage() {
        let found = limit("cost_per_month:2.5%").expect("a limit");
        assert_eq!((found.metric.name, found.worse_by), ("cost_per_month", 0.025));
        assert!(limit("cost_per_moth:5%").is_err_and(|why| why.contains("did you mean `cost_per_month`?")));
        for wrong in ["cost_per_month", "cost_per_month:x", "cost_per_month:-1%", "cost_per_month:NaN"] {
            assert!(limit(wrong).is_err_and(|why| why.contains("such as")), "{wrong}");
        }
    }

    #[test]
    fn a_limit_is_passed_only_by_getting_worse_by_more() {
        let old = three_platforms();
        let mut new = old.clone();
        for row in &mut new.replications {
            row.numerator = row.numerator.map(|usd| usd * 1.04);
        }
        let passed = |old: &ResultSet, new: &ResultSet, text: &str| {
            let change = change::compare(old, new);
            limit(text).expect("a limit").passed(&change.rows).collect::<Vec<_>>()
        };
        // Four percent dearer on all three platforms.
        assert_eq!(passed(&old, &new, "cost_per_month:5%"), Vec::<String>::new());
        assert_eq!(passed(&old, &new, "cost_per_month:3%").len(), 3);
        assert_eq!(passed(&new, &old, "cost_per_month:3%"), Vec::<String>::new());
    }

    #[test]
    fn what_differs_beside_the_numbers_is_noted() {
        let old = three_platforms();
        let mut new = old.clone();
        new.manifest.seed = 8;
        new.manifest.overrides = vec!["run.seed=8".to_owned()];
        new.manifest.platforms[2].name = "eks".to_owned();
        let text = notes(&old, &new, &change::compare(&old, &new)).join("\n");
        for part in
            ["with seed 7 and", "Overrides: run.seed=7, then run.seed=8.", "Only in the old one: k8s."]
        {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }
}
