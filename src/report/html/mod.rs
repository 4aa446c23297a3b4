//! The report: one page that answers the question, shows the figures with their numbers, and says how to get them again.
//!
//! It needs nothing from anywhere: styles, figures, series and the script that zooms are inside, and its content
//! security policy lets nothing else run. Names from a scenario are text wherever they stand. Knows rows only, so a
//! folder of results is enough. [`sections`] says what is shown under which figure, [`series`] what can be zoomed.
//! Start at [`page`].

mod sections;
mod series;

use super::asserts;
use super::palette;
use super::table::{self, Row};
use super::verdict::{self, Verdict};
use crate::results::metric::Group;
use crate::results::rows::{AssumptionManifest, Manifest, ResultSet};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use sections::Section;
use serde::Serialize;
use sha2::{Digest, Sha256};

const TEMPLATE: &str = include_str!("page.html");
const STYLE: &str = concat!(include_str!("vendor/uPlot.min.css"), include_str!("style.css"));
const SCRIPT: &str = concat!(include_str!("vendor/uPlot.iife.min.js"), "\n", include_str!("zoom.js"));

/// The whole report.
pub fn page(results: &ResultSet) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("page", TEMPLATE).expect("the template is part of the program");
    let template = environment.get_template("page").expect("added above");
    let manifest = &results.manifest;
    let platforms: Vec<Platform<'_>> = manifest.platforms.iter().enumerate().map(Platform::new).collect();
    let page = Page {
        title: format!("{}: what was compared, and what came out", manifest.scenario_name),
        policy: policy(),
        style: STYLE,
        script: SCRIPT,
        facts: facts(manifest),
        claims: manifest
            .asserts
            .iter()
            .map(|row| Claim { held: row.passed, line: asserts::line(row) })
            .collect(),
        answers: verdict::verdicts(results).iter().map(|v| Answer::new(v, &platforms)).collect(),
        platforms,
        headline: blocks(table::rows(results, "", false)),
        everything: blocks(table::rows(results, "", true)),
        services: services(results),
        sections: sections::all(results),
        series: series::json(results),
        has_series: !results.timeseries.is_empty(),
        assumptions: &manifest.assumptions,
        manifest,
        reproduce: reproduce(manifest),
    };
    template.render(Serde(&page)).expect("every name in the template is given")
}

/// What the template names.
#[derive(Serialize)]
struct Page<'a> {
    title: String,
    policy: String,
    style: &'static str,
    script: &'static str,
    facts: String,
    claims: Vec<Claim>,
    answers: Vec<Answer>,
    platforms: Vec<Platform<'a>>,
    headline: Vec<Block>,
    everything: Vec<Block>,
    services: Vec<Service<'a>>,
    sections: Vec<Section>,
    series: String,
    has_series: bool,
    assumptions: &'a [AssumptionManifest],
    manifest: &'a Manifest,
    reproduce: String,
}

/// Nothing may be loaded, and only the styles and the script of this page may run.
fn policy() -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    )
}

/// A platform and its colour, the same in all figures.
#[derive(Serialize)]
struct Platform<'a> {
    name: &'a str,
    kind: &'a str,
    colour: String,
    sizing: &'a [String],
}

impl<'a> Platform<'a> {
    fn new((index, platform): (usize, &'a crate::results::rows::PlatformManifest)) -> Platform<'a> {
        Platform {
            name: &platform.name,
            kind: &platform.kind,
            colour: palette::hex(palette::colour(index)),
            sizing: &platform.sizing,
        }
    }
}

/// What the scenario asserts, and what became of it.
#[derive(Serialize)]
struct Claim {
    held: bool,
    line: String,
}

/// One question and its answer.
#[derive(Serialize)]
struct Answer {
    question: &'static str,
    sentence: String,
    /// Of the winner; empty without one.
    colour: String,
}

impl Answer {
    fn new(verdict: &Verdict, platforms: &[Platform<'_>]) -> Answer {
        let question = match verdict.metric {
            "cost_per_month" => "What do they cost?",
            "utilization" => "How much of what is paid for does work?",
            "recovery_time" => "How fast do they recover?",
            "availability" => "How many requests are answered?",
            other => unreachable!("no question about {other}"),
        };
        let winner = platforms.iter().find(|p| Some(p.name) == verdict.winner.as_deref());
        let colour = winner.map_or(String::new(), |p| p.colour.clone());
        Answer { question, sentence: verdict.sentence.clone(), colour }
    }
}

/// Rows of one group.
#[derive(Serialize)]
struct Block {
    group: &'static str,
    rows: Vec<Line>,
}

#[derive(Serialize)]
struct Line {
    title: String,
    doc: &'static str,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    text: String,
    best: bool,
}

fn blocks(rows: Vec<Row>) -> Vec<Block> {
    let mut blocks: Vec<(Group, Block)> = Vec::new();
    for Row { group, title, doc, cells } in rows {
        if blocks.last().is_none_or(|(last, _)| *last != group) {
            blocks.push((group, Block { group: group.title(), rows: Vec::new() }));
        }
        let cells = cells.into_iter().map(|(text, best)| Cell { text, best }).collect();
        blocks.last_mut().expect("pushed above").1.rows.push(Line { title, doc, cells });
    }
    blocks.into_iter().map(|(_, block)| block).collect()
}

#[derive(Serialize)]
struct Service<'a> {
    name: &'a str,
    blocks: Vec<Block>,
}

fn services(results: &ResultSet) -> Vec<Service<'_>> {
    let of = |name| Service { name, blocks: blocks(table::rows(results, name, false)) };
    results.services().into_iter().map(of).collect()
}

/// What a reader has to know about all numbers, in one line.
fn facts(manifest: &Manifest) -> String {
    let days = |seconds: f64| super::number::significant(seconds / 86_400.0);
    let replications = match manifest.replications {
        1 => "one replication".to_owned(),
        n => format!("{n} replications with different luck, the same for all platforms"),
    };
    format!(
        "{} days from {} on, {replications}; seed {}; prices of {}; boxherd {}",
        days(manifest.horizon_s - manifest.warm_up_s),
        manifest.start_date,
        manifest.seed,
        manifest.price_date,
        manifest.boxherd_version
    )
}

/// The command that gives the same numbers again.
fn reproduce(manifest: &Manifest) -> String {
    let quoted = |text: &String| format!("'{}'", text.replace('\'', "'\\''"));
    let sets: String = manifest.overrides.iter().map(|set| format!(" --set {}", quoted(set))).collect();
    format!("boxherd run scenario.toml{sets}")
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
