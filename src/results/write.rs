//! Writes a results folder: everything beside the target first, then one swap by rename.
//!
//! Whoever looks sees the old results or the new ones, never a mixture, and a folder that is not boxherd's is never
//! replaced. Does not know what the rows mean or how charts are drawn. Start at [`write`]; [`probe`] asks the same
//! questions before a long run.

use super::rows::{Manifest, ResultSet};
use serde::Serialize;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub const MANIFEST: &str = "manifest.json";
pub const SUMMARY: &str = "summary.csv";
pub const DIFFERENCES: &str = "differences.csv";
pub const REPLICATIONS: &str = "replications.csv";
pub const TIMESERIES: &str = "timeseries.csv";
pub const INCIDENTS: &str = "incidents.csv";
pub const COSTS: &str = "costs.csv";
pub const CHARTS: &str = "charts";
pub const REPORT: &str = "report.html";

/// Why results could not be written: the path, and what to do where we know it.
#[derive(Debug)]
pub enum WriteError {
    /// The target exists and boxherd did not write it.
    NotResults {
        path: PathBuf,
    },
    NotAFolder {
        path: PathBuf,
    },
    /// `/`, `.` or `..`: cannot be swapped by rename.
    NoName {
        path: PathBuf,
    },
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::NotResults { path } => write!(
                f,
                "{} holds files but no boxherd results, so it is left alone; choose an empty or new folder with --out",
                path.display()
            ),
            WriteError::NotAFolder { path } => {
                write!(f, "{} is a file; choose a folder with --out", path.display())
            }
            WriteError::NoName { path } => {
                write!(
                    f,
                    "{} cannot be replaced as a whole; name a folder inside it with --out",
                    path.display()
                )
            }
            WriteError::Io { doing, path, source } => {
                write!(f, "cannot {doing} {}: {source}", path.display())
            }
        }
    }
}

impl std::error::Error for WriteError {}

/// Says whether [`write`] to `target` can be expected to work. Leaves nothing behind and changes nothing.
pub fn probe(target: &Path) -> Result<(), WriteError> {
    let target = Target::resolve(target)?;
    target.check_replaceable()?;
    // The nearest folder that exists is the one that must let us in.
    let ancestor = target.parent.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    if !ancestor.is_dir() {
        return Err(WriteError::NotAFolder { path: ancestor.to_owned() });
    }
    let trial = ancestor.join(format!(".boxherd-probe-{}", std::process::id()));
    fs::create_dir(&trial).map_err(io_error("write to", ancestor))?;
    fs::remove_dir(&trial).map_err(io_error("remove", &trial))
}

/// A file that is drawn from the rows: its path in the folder, and its bytes.
pub type Drawing = (String, Vec<u8>);

/// Writes `results` and `drawings` as the folder `target`, replacing earlier results as one step.
///
/// # Errors
/// If `target` is not replaceable or any file operation fails; the earlier results are then still in place.
pub fn write(target: &Path, results: &ResultSet, drawings: &[Drawing]) -> Result<(), WriteError> {
    let target = Target::resolve(target)?;
    fs::create_dir_all(&target.parent).map_err(io_error("create", &target.parent))?;
    target.tidy_up()?;
    target.check_replaceable()?;

    let fresh = target.beside("tmp", std::process::id());
    let written = fill(&fresh, results, drawings).and_then(|()| target.swap(&fresh));
    if written.is_err() {
        // Best effort: the first error is the one worth reporting, and the next run tidies up as well.
        let _ = fs::remove_dir_all(&fresh);
    }
    written
}

/// A folder to be replaced, with links followed, so that renaming moves the folder and not the link.
struct Target {
    path: PathBuf,
    parent: PathBuf,
    name: String,
}

impl Target {
    fn resolve(path: &Path) -> Result<Target, WriteError> {
        let path = if path.is_symlink() {
            path.canonicalize().map_err(io_error("follow", path))?
        } else {
            path.to_owned()
        };
        let Some(name) = path.file_name() else { return Err(WriteError::NoName { path }) };
        let name = name.to_string_lossy().into_owned();
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(Target { path, parent, name })
    }

    /// `.NAME.tmp-PID` or `.NAME.old-PID`.
    fn beside(&self, purpose: &str, pid: u32) -> PathBuf {
        self.parent.join(format!(".{}.{purpose}-{pid}", self.name))
    }

    fn check_replaceable(&self) -> Result<(), WriteError> {
        let path = &self.path;
        if !path.exists() {
            return Ok(());
        }
        if !path.is_dir() {
            return Err(WriteError::NotAFolder { path: path.clone() });
        }
        let is_empty = fs::read_dir(path).map_err(io_error("read", path))?.next().is_none();
        if is_empty || is_results(path) { Ok(()) } else { Err(WriteError::NotResults { path: path.clone() }) }
    }

    /// Clears what killed runs left. One that died between the two renames left the only copy of the earlier
    /// results under its `old` name: that one is put back.
    fn tidy_up(&self) -> Result<(), WriteError> {
        for (purpose, keep) in [("old", true), ("tmp", false)] {
            for stale in self.left_by_dead_runs(purpose)? {
                if keep && !self.path.exists() && is_results(&stale) {
                    fs::rename(&stale, &self.path).map_err(io_error("put back", &stale))?;
                } else {
                    fs::remove_dir_all(&stale).map_err(io_error("remove", &stale))?;
                }
            }
        }
        Ok(())
    }

    fn left_by_dead_runs(&self, purpose: &str) -> Result<Vec<PathBuf>, WriteError> {
        let prefix = format!(".{}.{purpose}-", self.name);
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.parent).map_err(io_error("read", &self.parent))? {
            let entry = entry.map_err(io_error("read", &self.parent))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let pid = name.strip_prefix(&prefix).and_then(|pid| pid.parse::<u32>().ok());
            if pid.is_some_and(|pid| !is_alive(pid)) && entry.path().is_dir() {
                found.push(entry.path());
            }
        }
        found.sort();
        Ok(found)
    }

    fn swap(&self, fresh: &Path) -> Result<(), WriteError> {
        let old = self.beside("old", std::process::id());
        let had_old = self.path.exists();
        if had_old {
            fs::rename(&self.path, &old).map_err(io_error("move aside", &self.path))?;
        }
        if let Err(source) = fs::rename(fresh, &self.path) {
            if had_old {
                fs::rename(&old, &self.path).map_err(io_error("put back", &old))?;
            }
            return Err(WriteError::Io { doing: "move new results to", path: self.path.clone(), source });
        }
        sync_folder(&self.parent);
        if had_old {
            fs::remove_dir_all(&old).map_err(io_error("remove", &old))?;
        }
        Ok(())
    }
}

/// Other programs have a `manifest.json` too, so it must be a manifest of ours.
fn is_results(folder: &Path) -> bool {
    #[derive(serde::Deserialize)]
    struct Ours {
        #[serde(rename = "boxherd_version")]
        _version: String,
    }
    fs::read(folder.join(MANIFEST)).is_ok_and(|bytes| serde_json::from_slice::<Ours>(&bytes).is_ok())
}

/// Whether the process that made a temporary folder may still be at work. Another run is never disturbed; where the
/// system does not tell (no `/proc`), the folder stays.
fn is_alive(pid: u32) -> bool {
    pid != std::process::id()
        && (!Path::new("/proc/self").exists() || Path::new("/proc").join(pid.to_string()).exists())
}

fn fill(folder: &Path, results: &ResultSet, drawings: &[Drawing]) -> Result<(), WriteError> {
    fs::create_dir(folder).map_err(io_error("create", folder))?;
    write_manifest(&folder.join(MANIFEST), &results.manifest)?;
    write_rows(&folder.join(SUMMARY), &results.summary)?;
    write_rows(&folder.join(DIFFERENCES), &results.differences)?;
    write_rows(&folder.join(REPLICATIONS), &results.replications)?;
    write_rows(&folder.join(TIMESERIES), &results.timeseries)?;
    write_rows(&folder.join(INCIDENTS), &results.incidents)?;
    write_rows(&folder.join(COSTS), &results.costs)?;

    let chart_folder = folder.join(CHARTS);
    fs::create_dir(&chart_folder).map_err(io_error("create", &chart_folder))?;
    for (path, bytes) in drawings {
        write_file(&folder.join(path), bytes)?;
    }
    sync_folder(&chart_folder);
    sync_folder(folder);
    Ok(())
}

fn write_manifest(path: &Path, manifest: &Manifest) -> Result<(), WriteError> {
    let mut text = serde_json::to_string_pretty(manifest).expect("a manifest has string keys only");
    text.push('\n');
    write_file(path, text.as_bytes())
}

fn write_rows<Row: Serialize + Header>(path: &Path, rows: &[Row]) -> Result<(), WriteError> {
    write_file(path, to_csv(rows).as_bytes())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    let mut file = File::create(path).map_err(io_error("create", path))?;
    file.write_all(bytes).map_err(io_error("write", path))?;
    file.sync_all().map_err(io_error("flush", path))
}

/// Writes one file beside its place and moves it there: whoever looks sees the earlier one or this one. What is no
/// plain file (a device, a pipe) is written to as it is.
///
/// # Errors
/// If any file operation fails; what was there before is then still there.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), WriteError> {
    if path.exists() && !path.is_file() {
        return File::options()
            .write(true)
            .open(path)
            .and_then(|mut file| file.write_all(bytes))
            .map_err(io_error("write", path));
    }
    let target = Target::resolve(path)?;
    let fresh = target.beside("tmp", std::process::id());
    let moved = || fs::rename(&fresh, &target.path).map_err(io_error("move a new file to", path));
    let written = write_file(&fresh, bytes).and_then(|()| moved());
    if written.is_err() {
        // Best effort: the first error is the one worth reporting.
        let _ = fs::remove_file(&fresh);
    }
    written
}

/// So that a rename is on disk before the old results go. Not every system can; then there is nothing to gain.
fn sync_folder(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

/// Rows as CSV with a header line, numbers in the shortest form that reads back to the same bits.
pub fn to_csv<Row: Serialize + Header>(rows: &[Row]) -> String {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    let in_memory = "rows are flat and memory does not fail";
    writer.write_record(Row::COLUMNS).expect(in_memory);
    for row in rows {
        writer.serialize(row).expect(in_memory);
    }
    String::from_utf8(writer.into_inner().expect(in_memory)).expect("csv of strings and numbers is UTF-8")
}

/// The columns of a row, so that a file without rows has its header line as well.
pub trait Header {
    const COLUMNS: &'static [&'static str];
}

fn io_error<'a>(doing: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> WriteError + 'a {
    move |source| WriteError::Io { doing, path: path.to_owned(), source }
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
