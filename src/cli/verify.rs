//! `boxherd verify`: does the program compute what theory and published numbers say?
//!
//! The table is for people; JSON has every check with the band it must hit. A check that fails is explained on stderr,
//! and the exit status is 1. Start at [`verify`].

use super::outcome::Failure;
use crate::report::words::wrap;
use crate::verify::{self, Band, Check, Verdict};
use clap::ValueEnum;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Check the simulator against theory and published numbers
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  boxherd verify\n  boxherd verify --format json mmc retries\n  boxherd verify --kubernetes-cases recordings/"
)]
pub struct Arguments {
    /// Only checks or topics whose name contains this, in capitals or not; several mean any of them
    #[arg(value_name = "NAME-FILTER")]
    filters: Vec<String>,

    /// What to print on stdout
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,

    /// Seed of all randomness
    #[arg(long, value_name = "N", default_value_t = verify::SEED)]
    seed: u64,

    /// Instead play recorded runs of a real Kubernetes control plane: a folder of JSON cases
    #[arg(long, value_name = "DIR", conflicts_with_all = ["filters", "seed"])]
    kubernetes_cases: Option<PathBuf>,

    /// Worker threads; changes no number [default: all cores]
    #[arg(short, long, value_name = "N", value_parser = super::run::at_least_one)]
    jobs: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Format {
    /// Checks by topic
    Table,
    /// Every check as one document
    Json,
}

pub fn verify(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(folder) = &arguments.kubernetes_cases {
        return super::verify_kubernetes::verify(folder, arguments.format, arguments.jobs);
    }
    let mut checks = verify::all();
    let of_filter = |check: &Check, filter: &str| {
        let filter = filter.to_lowercase();
        check.name.to_lowercase().contains(&filter) || check.topic.to_lowercase().contains(&filter)
    };
    for filter in &arguments.filters {
        if !checks.iter().any(|check| of_filter(check, filter)) {
            return Err(Failure::usage(format!(
                "no check and no topic contains `{filter}`; `boxherd verify --format json` lists all names"
            )));
        }
    }
    let any = |check: &Check| arguments.filters.iter().any(|filter| of_filter(check, filter));
    checks.retain(|check| arguments.filters.is_empty() || any(check));
    run(&checks, arguments, &mut anstream::stdout())
}

/// Runs `checks`, prints what came out, and fails if one of them did.
fn run(checks: &[Check], arguments: &Arguments, out: &mut dyn Write) -> Result<(), Failure> {
    let begun = Instant::now();
    let verdicts = verify::run(checks, arguments.seed, arguments.jobs).map_err(Failure::run)?;
    let text = match arguments.format {
        Format::Table => table(checks, &verdicts, begun.elapsed()),
        Format::Json => json(checks, &verdicts),
    };
    out.write_all(text.as_bytes())?;
    let failed: Vec<String> = checks
        .iter()
        .zip(&verdicts)
        .filter(|(_, verdict)| !verdict.passed())
        .map(|(check, verdict)| explanation(check, verdict))
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    let s = if failed.len() == 1 { "" } else { "s" };
    Err(Failure::run(format!(
        "{} check{s} of {} failed with seed {}\n{}",
        failed.len(),
        checks.len(),
        arguments.seed,
        failed.join("\n")
    )))
}

/// What a check that failed is about.
fn explanation(check: &Check, verdict: &Verdict) -> String {
    let Verdict { obtained, low, high } = *verdict;
    let text = format!(
        "{}: {}. Expected {} ({}), obtained {}; {} to {} would do ({}).",
        check.name,
        check.claim,
        number(check.expected),
        check.source,
        number(obtained),
        number(low),
        number(high),
        check.band.reason()
    );
    wrap(&text, 80)
}

/// Characters of a row's columns.
const NAME: usize = 33;
const NUMBER: usize = 9;
const BAND: usize = 21;

fn table(checks: &[Check], verdicts: &[Verdict], took: Duration) -> String {
    let mut text =
        format!("{:NAME$} {:>NUMBER$} {:>NUMBER$} {:>BAND$}\n", "", "expected", "obtained", "band");
    let mut topic = "";
    for (check, verdict) in checks.iter().zip(verdicts) {
        if check.topic != topic {
            topic = check.topic;
            text += topic;
            text.push('\n');
        }
        let (expected, obtained) = (number(check.expected), number(verdict.obtained));
        let band = match check.band {
            Band::Exact => "exact".to_owned(),
            _ => interval(verdict),
        };
        let word = if verdict.passed() { "ok" } else { "FAILED" };
        let name = format!("  {}", check.name);
        text += &format!("{name:NAME$} {expected:>NUMBER$} {obtained:>NUMBER$} {band:>BAND$} {word}\n");
    }
    let passed = verdicts.iter().filter(|verdict| verdict.passed()).count();
    let failed = verdicts.len() - passed;
    text + &format!(
        "\n{} checks: {passed} passed, {failed} failed, in {:.1} s\n",
        checks.len(),
        took.as_secs_f64()
    )
}

/// Its ends, or how far they are from the middle if that does not show.
fn interval(verdict: &Verdict) -> String {
    let (low, high) = (number(verdict.low), number(verdict.high));
    if low == high {
        format!("± {}", number(0.5 * (verdict.high - verdict.low)))
    } else {
        format!("{low} – {high}")
    }
}

/// Six significant digits.
fn number(x: f64) -> String {
    if x == 0.0 {
        return "0".to_owned();
    }
    let magnitude = x.abs().log10().floor();
    if !(-4.0..7.0).contains(&magnitude) {
        return format!("{x:.1e}");
    }
    let text = format!("{x:.*}", (5.0 - magnitude).max(0.0) as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[derive(Serialize)]
struct Document<'a> {
    checks: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    expected: f64,
    obtained: f64,
    low: f64,
    high: f64,
    passed: bool,
}

fn json(checks: &[Check], verdicts: &[Verdict]) -> String {
    let rows = checks.iter().zip(verdicts).map(|(check, verdict)| Row {
        name: &check.name,
        expected: check.expected,
        obtained: verdict.obtained,
        low: verdict.low,
        high: verdict.high,
        passed: verdict.passed(),
    });
    let document = Document { checks: rows.collect() };
    serde_json::to_string_pretty(&document).expect("numbers and names are JSON") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seven(expected: f64) -> Check {
        Check::new("seven", expected, Band::Within(0.5, "half"), |_| 7.0.into())
            .claims("it is seven")
            .after("us")
    }

    fn arguments(format: Format) -> Arguments {
        Arguments { filters: Vec::new(), format, seed: 1, jobs: Some(1), kubernetes_cases: None }
    }

    #[test]
    fn a_broken_expectation_is_explained_and_ends_with_status_1() {
        let mut out = Vec::new();
        let checks = [seven(7.0), seven(8.0)];
        let failure = run(&checks, &arguments(Format::Table), &mut out).expect_err("8 is not 7");
        assert_eq!(failure.exit_status(), 1);
        let message = failure.message().expect("a message");
        assert!(message.contains("1 check of 2 failed with seed 1"), "{message}");
        assert!(message.contains("it is seven") && message.contains("7.5 to 8.5"), "{message}");
        let text = String::from_utf8(out).expect("UTF-8");
        assert!(text.contains("FAILED") && text.contains("2 checks: 1 passed, 1 failed, in "), "{text}");
    }

    #[test]
    fn what_holds_ends_well() {
        let mut out = Vec::new();
        run(&[seven(7.4)], &arguments(Format::Json), &mut out).expect("7.4 ± 0.5 holds 7");
        let document: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
        let expected = serde_json::json!({"checks": [
            {"name": "seven", "expected": 7.4, "obtained": 7.0, "low": 6.9, "high": 7.9, "passed": true}
        ]});
        assert_eq!(document, expected);
    }

    #[test]
    fn numbers_have_six_digits() {
        for (x, text) in [
            (0.5, "0.5"),
            (13.8629, "13.8629"),
            (0.329_897_123, "0.329897"),
            (6_000.0, "6000"),
            (1e-9, "1.0e-9"),
            (0.0, "0"),
            (-2.0, "-2"),
        ] {
            assert_eq!(number(x), text);
        }
    }
}
