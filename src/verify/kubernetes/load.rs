//! Reading folders of cases: every `.json` file that holds an object with `kind`, `id`, `input` and `observed`.

use super::Case;
use serde::Deserialize;
use serde_json::Value;
use std::fmt;
use std::path::{Path, PathBuf};

/// A file that cannot be read as a case.
#[derive(Debug)]
pub struct LoadError {
    pub path: PathBuf,
    pub why: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

#[derive(Deserialize)]
struct File {
    kind: String,
    id: String,
    input: Value,
    observed: Value,
}

/// Cases in `folder` and the folders in it, ordered by path. A list (`index.json`) is not a case.
///
/// # Errors
/// Every file or folder that cannot be read, and a folder without any case.
pub fn load(folder: &Path) -> Result<Vec<Case>, Vec<LoadError>> {
    let (mut paths, mut errors, mut cases) = (Vec::new(), Vec::new(), Vec::new());
    find(folder, &mut paths, &mut errors);
    paths.sort();
    for path in paths {
        match read(&path) {
            Ok(Some(case)) => cases.push(case),
            Ok(None) => {}
            Err(why) => errors.push(LoadError { path, why }),
        }
    }
    if cases.is_empty() && errors.is_empty() {
        let why = "holds no case: no .json file with `kind`, `id`, `input` and `observed`".into();
        errors.push(LoadError { path: folder.into(), why });
    }
    if errors.is_empty() { Ok(cases) } else { Err(errors) }
}

fn find(folder: &Path, paths: &mut Vec<PathBuf>, errors: &mut Vec<LoadError>) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return errors.push(LoadError { path: folder.into(), why: error.to_string() }),
    };
    for entry in entries.flatten() {
        let path = entry.path();
        // A link to a folder could lead back here.
        if entry.file_type().is_ok_and(|t| t.is_dir()) {
            find(&path, paths, errors);
        } else if path.extension().is_some_and(|e| e == "json") {
            paths.push(path);
        }
    }
}

fn read(path: &Path) -> Result<Option<Case>, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| format!("not JSON: {error}"))?;
    if value.get("kind").is_none() {
        return Ok(None);
    }
    let File { kind, id, input, observed } =
        File::deserialize(value).map_err(|error| format!("not a case: {error}"))?;
    Ok(Some(Case { kind, id, input, observed }))
}
