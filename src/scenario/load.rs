//! Reading a scenario: the file, the overrides, the recordings it names. The only part that touches files.

use super::{Scenario, ScenarioParameters, calendar, check, work};
use crate::parameter::{MAX_FILE_BYTES, Origin, Problem, Problems, Section, Sources, load_bytes};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The scenario that runs when none is given.
pub const QUICKSTART: &str = include_str!("../../scenarios/quickstart.toml");

/// The commented scenario that people begin with.
pub const STARTER: &str = include_str!("starter.toml");

/// All that is wrong with a scenario.
#[derive(Debug)]
pub struct LoadError {
    problems: Problems,
    sources: Sources,
}

impl LoadError {
    /// For people: every problem with its place and cure.
    pub fn render(&self, styled: bool) -> String {
        self.problems.render(&self.sources, styled)
    }
}

/// Reads `file`, or the embedded quickstart, with `key.path=value` overrides.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(file: Option<&Path>, overrides: &[String]) -> Result<Scenario, LoadError> {
    let Some(path) = file else {
        return load_text(
            "scenarios/quickstart.toml",
            QUICKSTART.as_bytes(),
            Path::new("scenarios"),
            overrides,
        );
    };
    let shown = path.display().to_string();
    match read_at_most(path, MAX_FILE_BYTES) {
        Ok(bytes) => load_text(&shown, &bytes, path.parent().unwrap_or(Path::new("")), overrides),
        Err(error) => Err(unreadable(&shown, &error.to_string(), "is the path right?")),
    }
}

fn unreadable(file: &str, why: &str, help: &str) -> LoadError {
    let mut problems = Problems::default();
    problems.push(Problem::general(format!("cannot read the scenario `{file}`: {why}")).help(help));
    LoadError { problems, sources: Sources::new(file, "") }
}

/// Reads a scenario from memory; recordings that it names are looked for in `folder`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_text(
    file: &str,
    bytes: &[u8],
    folder: &Path,
    overrides: &[String],
) -> Result<Scenario, LoadError> {
    let (table, sources, mut problems) = load_bytes(file, bytes, overrides);
    if !problems.is_empty() {
        return Err(LoadError { problems, sources });
    }
    let parameters = ScenarioParameters::read(&table, &Origin::default(), "", &mut problems);
    if !problems.is_empty() {
        return Err(LoadError { problems, sources });
    }
    let curves = check::curves(&parameters, &mut problems, |name| {
        read_at_most(&find_file(folder, name), MAX_RECORDING_BYTES)
    });
    check::references(&parameters, &mut problems);
    if !problems.is_empty() {
        return Err(LoadError { problems, sources });
    }
    let stem = Path::new(file).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let name = parameters.name.clone().unwrap_or(stem);
    let text = String::from_utf8_lossy(bytes).into_owned();
    let calendar = calendar(&parameters);
    work::check(&parameters, &curves, &calendar, &mut problems);
    if !problems.is_empty() {
        return Err(LoadError { problems, sources });
    }
    let parameters = (parameters, super::assumptions::keys_set(&table));
    let scenario = Scenario::new((name, file.to_owned()), text, overrides.to_vec(), parameters, curves);
    check::feasible(&scenario, &mut problems);
    if problems.is_empty() { Ok(scenario) } else { Err(LoadError { problems, sources }) }
}

/// A year of one-second rows is half of it.
const MAX_RECORDING_BYTES: usize = 1 << 30;

/// Never more than so much, whatever the file says of its size: a device may have no end.
fn read_at_most(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        let why = format!("it is larger than {} MiB; is this the right file?", limit >> 20);
        return Err(io::Error::other(why));
    }
    Ok(bytes)
}

/// Beside the scenario, or else as seen from the working directory.
fn find_file(folder: &Path, name: &str) -> PathBuf {
    let beside = folder.join(name);
    if beside.exists() { beside } else { PathBuf::from(name) }
}
