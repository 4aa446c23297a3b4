//! `boxherd run`: simulate a scenario on its platforms, write the results folder, print the comparison.
//!
//! Everything that can be wrong before the run is found before the run: nothing is written then. Start at [`run`].

use super::outcome::Failure;
use super::progress::TerminalProgress;
use crate::experiment::{self, Options};
use crate::report::number::significant;
use crate::report::table::{TableOptions, WIDTH, table};
use crate::report::words::wrap;
use crate::report::{asserts, drawings, markdown, verdict};
use crate::results::rows::{DifferenceRow, Manifest, PrecisionManifest, ResultSet, SummaryRow};
use crate::results::write;
use crate::scenario::{self, Scenario};
use clap::ValueEnum;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Simulate a scenario on all its platforms and compare them
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
#[command(
    after_help = "Example:\n  boxherd run scenarios/web-shop.toml -r 10 --platform pets --platform k8s --set run.seed=7"
)]
pub struct Arguments {
    /// Scenario file; the embedded quickstart if left out
    #[arg(value_name = "SCENARIO.toml")]
    scenario: Option<PathBuf>,

    /// Folder for the results; earlier results in it are replaced [default: results/<scenario name>]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,

    /// Seed of all randomness [default: the scenario's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Replications [default: the scenario's]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    replications: Option<u32>,

    /// Add replications until the differences that the sentences rest on are known to within P % of their level,
    /// and stay so; -r is then the least
    #[arg(long, value_name = "P%", value_parser = percentage)]
    precision: Option<String>,

    /// With --precision: replications at most [default: 1000, or the scenario's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_replications: Option<u32>,

    /// Worker threads; changes no result [default: all cores]
    #[arg(short, long, value_name = "N", value_parser = at_least_one)]
    jobs: Option<usize>,

    /// Run this platform only (repeatable)
    #[arg(long, value_name = "NAME")]
    platform: Vec<String>,

    /// Override a key of the scenario (repeatable)
    #[arg(long, value_name = "KEY.PATH=VALUE")]
    set: Vec<String>,

    /// What to print on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Print the sentences only, and nothing on stderr but errors
    #[arg(short, long, conflicts_with = "verbose")]
    quiet: bool,

    /// Print every metric, each service, and what the sizing chose
    #[arg(short, long)]
    verbose: bool,

    /// Show no progress bar (also: BOXHERD_NO_PROGRESS=1)
    #[arg(long)]
    no_progress: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
enum Format {
    /// Sentences, a table, and where the files are
    #[default]
    Table,
    /// Manifest, summary and differences as one document
    Json,
    /// summary.csv
    Csv,
    /// Sentences and a table for GitHub
    Markdown,
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let scenario = scenario::load(arguments.scenario.as_deref(), &arguments.overrides())?;
    check_platforms(&scenario, &arguments.platform)?;
    let out = arguments.out.clone().unwrap_or_else(|| default_folder(scenario.name()));
    write::probe(&out).map_err(Failure::usage)?;

    let progress = TerminalProgress::new(arguments.shows_progress());
    let options = Options { jobs: arguments.jobs, platforms: arguments.platform.clone() };
    let results = experiment::run(&scenario, &options, &progress);
    progress.finish();
    let results = results?;

    if let Some(precision) = results.manifest.precision.as_ref().filter(|_| !arguments.quiet) {
        let told = told(precision, results.manifest.replications);
        // Talk that nobody can hear must not cost the results.
        let _ = writeln!(anstream::stderr(), "{}", wrap(&told, WIDTH));
    }

    if let Some(told) = replaced(&out, &results.manifest).filter(|_| !arguments.quiet) {
        let _ = writeln!(anstream::stderr(), "{}", wrap(&told, WIDTH));
    }
    write::write(&out, &results, &drawings::all(&results)).map_err(Failure::run)?;
    let text = match arguments.format {
        Format::Table => arguments.comparison(&results, &out),
        Format::Markdown => arguments.markdown(&results),
        Format::Json => json(&results),
        Format::Csv => write::to_csv(&results.summary),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    arguments.judgement(&scenario, &results)
}

/// What is about to be replaced, if it was made in another way.
fn replaced(out: &Path, new: &Manifest) -> Option<String> {
    let text = std::fs::read_to_string(out.join("manifest.json")).ok()?;
    let old: Manifest = serde_json::from_str(&text).ok()?;
    let made = |m: &Manifest| (m.scenario_hash.clone(), m.overrides.clone(), m.replications);
    (made(&old) != made(new)).then(|| {
        let changed = if old.scenario_hash == new.scenario_hash { "" } else { " of another text" };
        let set = match old.overrides.as_slice() {
            [] => "nothing overridden".to_owned(),
            overrides => overrides.join(", "),
        };
        let replications = old.replications;
        format!(
            "{} held results{changed} ({replications} replications; {set}), which are replaced. `--out` keeps both.",
            out.display()
        )
    })
}

impl Arguments {
    /// `--seed`, `--replications` and the like are keys of the scenario like any other, and the last word.
    fn overrides(&self) -> Vec<String> {
        let mut overrides = self.set.clone();
        overrides.extend(self.seed.map(|seed| format!("run.seed={seed}")));
        overrides.extend(self.replications.map(|count| format!("run.replications={count}")));
        overrides.extend(self.precision.as_ref().map(|target| format!("run.precision={target}")));
        overrides.extend(self.max_replications.map(|count| format!("run.max_replications={count}")));
        overrides
    }

    fn shows_progress(&self) -> bool {
        let by_environment =
            std::env::var_os("BOXHERD_NO_PROGRESS").is_some_and(|value| !value.is_empty() && value != "0");
        !(self.quiet || self.no_progress || by_environment)
    }

    /// Whether the claims of the scenario hold. Where stdout is for programs, those that do not are told here.
    fn judgement(&self, scenario: &Scenario, results: &ResultSet) -> Result<(), Failure> {
        let rows = &results.manifest.asserts;
        let unjudged =
            scenario.claims().iter().map(|claim| claim.platforms.len()).sum::<usize>() - rows.len();
        if unjudged > 0 && !self.quiet {
            let told = match unjudged {
                1 => "1 assert is about a platform that was not run, and was not judged.".to_owned(),
                n => format!("{n} asserts are about platforms that were not run, and were not judged."),
            };
            // Talk that nobody can hear must not cost the verdict.
            let _ = writeln!(anstream::stderr(), "{told}");
        }
        let Some(mut told) = asserts::failed(rows) else { return Ok(()) };
        if matches!(self.format, Format::Json | Format::Csv) {
            for row in rows.iter().filter(|row| !row.passed) {
                told += &format!("\n  {}", asserts::line(row));
            }
        }
        Err(Failure::claim(told))
    }

    /// The same as [`Arguments::comparison`], for GitHub.
    fn markdown(&self, results: &ResultSet) -> String {
        let mut text = String::new();
        for row in &results.manifest.asserts {
            text += &format!("- {}\n", markdown::escape(&asserts::line(row)));
        }
        for verdict in verdict::verdicts(results) {
            text += &format!("- {}\n", markdown::escape(&verdict.sentence));
        }
        if self.quiet {
            return text;
        }
        let options = TableOptions { verbose: self.verbose, styled: false };
        text += &format!("\n{}\n", markdown::table(results, options));
        let provenance = provenance(&results.manifest);
        let words: Vec<&str> = provenance.split_whitespace().collect();
        text + &markdown::escape(&words.join(" ")) + "\n"
    }

    /// Claims, then sentences, then the table, then where the numbers are from and lie.
    fn comparison(&self, results: &ResultSet, out: &Path) -> String {
        let mut text = String::new();
        for row in &results.manifest.asserts {
            text += &wrap(&asserts::line(row), WIDTH);
            text.push('\n');
        }
        if !results.manifest.asserts.is_empty() && !self.quiet {
            text.push('\n');
        }
        for verdict in verdict::verdicts(results) {
            text += &wrap(&verdict.sentence, WIDTH);
            text.push('\n');
        }
        if self.quiet {
            return text;
        }
        text.push('\n');
        text += &table(results, TableOptions { verbose: self.verbose, styled: true });
        text.push('\n');
        if self.verbose {
            text += &sizing(&results.manifest);
        }
        text + &provenance(&results.manifest) + &format!("Results: {}\n", out.display())
    }
}

/// That each name is a platform of the scenario; else what it may have meant.
pub(super) fn check_platforms(scenario: &Scenario, names: &[String]) -> Result<(), Failure> {
    let known = scenario.platform_names();
    for name in names {
        if known.contains(&name.as_str()) {
            continue;
        }
        let nearest = known.iter().max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
        let hint = nearest.filter(|near| strsim::jaro(near, name) > 0.7);
        let hint = hint.map_or(String::new(), |near| format!("; did you mean {near}?"));
        return Err(Failure::usage(format!(
            "scenario {} has no platform {name}, only {}{hint}",
            scenario.name(),
            known.join(", ")
        )));
    }
    Ok(())
}

/// `results/<scenario name>`, whatever characters the name has.
fn default_folder(scenario: &str) -> PathBuf {
    let safe = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    Path::new("results").join(scenario.chars().map(safe).collect::<String>())
}

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("expected 1 or more".to_owned()),
        Ok(count) => Ok(count),
        Err(error) => Err(format!("expected a number: {error}")),
    }
}

/// `5%` or `0.5%`.
fn percentage(text: &str) -> Result<String, String> {
    let number = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
    match number {
        Some(number) if number > 0.0 && number <= 100.0 => Ok(text.to_owned()),
        _ => Err("expected a percentage above 0% and up to 100%, such as `5%`".to_owned()),
    }
}

/// What became of `--precision`, plainly.
fn told(precision: &PrecisionManifest, replications: u32) -> String {
    let percent = |share: f64| format!("{} %", significant(share * 100.0));
    let target = percent(precision.target);
    let Some(widest) = &precision.widest else {
        return format!("Precision {target}: nothing to compare in {replications} replications.");
    };
    let width = precision.widest_relative.map_or("no interval".to_owned(), |w| format!("± {}", percent(w)));
    if precision.reached {
        format!("Precision {target}: reached with {replications} replications; widest: {widest}, {width}.")
    } else {
        format!(
            "Precision {target}: NOT reached with {replications} replications, the most allowed; widest: {widest}, \
             {width}. Raise --max-replications, or ask for less."
        )
    }
}

fn sizing(manifest: &Manifest) -> String {
    let mut text = "Sizing\n".to_owned();
    for platform in &manifest.platforms {
        for line in &platform.sizing {
            text += &format!("  {}: {line}\n", platform.name);
        }
    }
    text + "\n"
}

fn provenance(manifest: &Manifest) -> String {
    let days = |seconds: f64| (seconds / 8_640.0).round() / 10.0;
    let Manifest { scenario_name, replications, seed, price_date, .. } = manifest;
    let metered = days(manifest.horizon_s - manifest.warm_up_s);
    let line = format!(
        "Scenario {scenario_name}, seed {seed}, {replications} replications of {metered} days after {} of warm-up, \
         prices of {price_date}.",
        days(manifest.warm_up_s)
    );
    wrap(&line, WIDTH) + "\n"
}

fn json(results: &ResultSet) -> String {
    #[derive(serde::Serialize)]
    struct Document<'a> {
        schema_version: u32,
        manifest: &'a Manifest,
        summary: &'a [SummaryRow],
        differences: &'a [DifferenceRow],
    }
    let document = Document {
        schema_version: results.manifest.schema_version,
        manifest: &results.manifest,
        summary: &results.summary,
        differences: &results.differences,
    };
    serde_json::to_string_pretty(&document).expect("rows have string keys only") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture;

    #[test]
    fn seed_and_replications_override_last() {
        let arguments = Arguments {
            set: vec!["run.seed=1".to_owned()],
            seed: Some(9),
            replications: Some(3),
            ..Arguments::default()
        };
        assert_eq!(arguments.overrides(), ["run.seed=1", "run.seed=9", "run.replications=3"]);
    }

    #[test]
    fn a_precision_is_a_percentage() {
        assert_eq!(percentage("0.5%").as_deref(), Ok("0.5%"));
        for wrong in ["5", "0%", "101%", "NaN%", "five%", ""] {
            assert!(percentage(wrong).is_err_and(|why| why.contains("`5%`")), "{wrong}");
        }
    }

    #[test]
    fn an_unreached_precision_is_told_with_what_keeps_it() {
        let mut precision = PrecisionManifest {
            target: 0.05,
            minimum: 30,
            maximum: 40,
            reached: false,
            widest: Some("recovery_time p50, pets against k8s".to_owned()),
            widest_relative: Some(0.312),
        };
        let text = told(&precision, 40);
        assert!(
            text.starts_with("Precision 5.00 %: NOT reached with 40 replications, the most allowed"),
            "{text}"
        );
        assert!(text.contains("recovery_time p50, pets against k8s, ± 31.2 %"), "{text}");
        precision.reached = true;
        assert!(told(&precision, 35).contains("reached with 35 replications"));
        precision.widest_relative = None;
        assert!(told(&precision, 35).contains("no interval"));
    }

    #[test]
    fn the_default_folder_stays_inside_results() {
        assert_eq!(default_folder("web-shop"), Path::new("results/web-shop"));
        assert_eq!(default_folder("../../etc"), Path::new("results/------etc"));
    }

    #[test]
    fn json_is_one_document_with_a_schema_version() {
        let results = fixture::three_platforms();
        let value: serde_json::Value = serde_json::from_str(&json(&results)).unwrap();
        assert_eq!(value["schema_version"], 4);
        assert_eq!(value["manifest"]["scenario_name"], "quickstart");
        assert_eq!(value["summary"].as_array().unwrap().len(), results.summary.len());
        assert_eq!(value["differences"].as_array().unwrap().len(), results.differences.len());
    }

    #[test]
    fn sentences_come_first_then_the_table_then_the_folder() {
        let text =
            Arguments::default().comparison(&fixture::three_platforms(), Path::new("results/quickstart"));
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is missing in {text}"));
        assert!(
            at("Cheapest: ") < at("Money") && at("Money") < at("seed 7") && at("seed 7") < at("Results: ")
        );
        assert!(text.ends_with("Results: results/quickstart\n"));
    }

    #[test]
    fn quiet_prints_the_sentences_only() {
        let arguments = Arguments { quiet: true, ..Arguments::default() };
        let text = arguments.comparison(&fixture::three_platforms(), Path::new("out"));
        assert!(text.starts_with("Cheapest: ") && !text.contains("Money"), "{text}");
    }
}
