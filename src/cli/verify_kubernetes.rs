//! `boxherd verify --kubernetes-cases DIR`: does the control plane do what the real one was recorded to do?
//!
//! Start at [`verify`].

use super::outcome::Failure;
use super::verify::Format;
use crate::report::words::wrap;
use crate::verify::kubernetes::{self, KindReport};
use serde::Serialize;
use std::io::Write;
use std::path::Path;

/// The document of `--format json`.
#[derive(Serialize)]
struct Document {
    cases: Vec<KindReport>,
}

pub fn verify(folder: &Path, format: Format, jobs: Option<usize>) -> Result<(), Failure> {
    let cases = kubernetes::load(folder).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Failure::usage(lines.join("\n"))
    })?;
    let reports = kubernetes::play(&cases, jobs).map_err(Failure::run)?;
    let failed: usize = reports.iter().map(|report| report.failed.len()).sum();
    let text = match format {
        Format::Table => table(&reports),
        Format::Json => {
            let text = serde_json::to_string_pretty(&Document { cases: reports });
            text.expect("reports are plain values") + "\n"
        }
    };
    anstream::stdout().write_all(text.as_bytes())?;
    match failed {
        0 => Ok(()),
        1 => Err(Failure::run(format!("1 case of {} came out otherwise", cases.len()))),
        n => Err(Failure::run(format!("{n} cases of {} came out otherwise", cases.len()))),
    }
}

/// A row a kind, and below it what differs.
fn table(reports: &[KindReport]) -> String {
    let mut text = format!("{:28} {:>6} {:>7} {:>7}\n", "recorded runs of", "cases", "passed", "failed");
    for KindReport { kind, total, passed, failed, reported } in reports {
        let name = kind.replace('_', " ");
        let seen = if reported.is_empty() { String::new() } else { format!("  {} reported", reported.len()) };
        text += &format!("{name:28} {total:>6} {passed:>7} {:>7}{seen}\n", failed.len());
        for case in reported {
            text += &indented(&format!("{}: {}", case.id, case.seen));
        }
        for case in failed {
            text += &indented(&format!("{}: {}", case.id, case.difference));
        }
    }
    text
}

fn indented(line: &str) -> String {
    wrap(line, 76).lines().map(|l| format!("    {l}\n")).collect()
}
