//! Reads a results folder back into rows, so that a report can be drawn without running anything again.
//!
//! Does not know how the rows came to be, and trusts no file: an error names the file and the line. Start at
//! [`read`].

use super::columns::TEXT;
use super::rows::{Manifest, ResultSet, SCHEMA_VERSION};
use super::write::{COSTS, DIFFERENCES, INCIDENTS, MANIFEST, REPLICATIONS, SUMMARY, TIMESERIES};
use serde::de::DeserializeOwned;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What is wrong with a results folder, and where.
#[derive(Debug)]
pub struct ReadError {
    pub path: PathBuf,
    /// 1 is the first line; `None` if the file could not be opened at all.
    pub line: Option<u64>,
    pub problem: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path.display(), self.problem),
            None => write!(f, "{}: {}", self.path.display(), self.problem),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads the folder that [`super::write::write`] wrote. The charts are not read: they follow from the rows.
pub fn read(folder: &Path) -> Result<ResultSet, ReadError> {
    Ok(ResultSet {
        manifest: read_manifest(&folder.join(MANIFEST))?,
        summary: read_rows(&folder.join(SUMMARY))?,
        differences: read_rows(&folder.join(DIFFERENCES))?,
        replications: read_rows(&folder.join(REPLICATIONS))?,
        timeseries: read_rows(&folder.join(TIMESERIES))?,
        incidents: read_rows(&folder.join(INCIDENTS))?,
        costs: read_rows(&folder.join(COSTS))?,
    })
}

fn read_manifest(path: &Path) -> Result<Manifest, ReadError> {
    let fail = |line, problem| ReadError { path: path.to_owned(), line, problem };
    let text = fs::read_to_string(path).map_err(|error| fail(None, format!("cannot read: {error}")))?;
    let json = |error: serde_json::Error| fail(Some(error.line() as u64), error.to_string());

    // The version comes first: a later layout may fail in any other field.
    let value: serde_json::Value = serde_json::from_str(&text).map_err(json)?;
    match value["schema_version"].as_u64() {
        Some(version) if version == u64::from(SCHEMA_VERSION) => {}
        Some(version) => {
            let problem = format!(
                "schema version {version}, but this boxherd reads version {SCHEMA_VERSION}; run the scenario again"
            );
            return Err(fail(Some(1), problem));
        }
        None => return Err(fail(Some(1), "no schema_version: not a boxherd manifest".to_owned())),
    }
    serde_json::from_str(&text).map_err(json)
}

fn read_rows<Row: DeserializeOwned>(path: &Path) -> Result<Vec<Row>, ReadError> {
    let fail = |line, problem| ReadError { path: path.to_owned(), line, problem };
    let mut reader =
        csv::Reader::from_path(path).map_err(|error| fail(None, format!("cannot read: {error}")))?;
    let broken = |error: csv::Error| {
        let line = error.position().map(csv::Position::line);
        let problem = match error.kind() {
            csv::ErrorKind::Deserialize { err, .. } => err.to_string(),
            _ => error.to_string(),
        };
        fail(line, problem)
    };
    let headers = reader.headers().map_err(broken)?.clone();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        if let Some(name) = not_finite(&headers, &record) {
            let line = record.position().map(csv::Position::line);
            return Err(fail(line, format!("column `{name}` is not a finite number")));
        }
        rows.push(record.deserialize(Some(&headers)).map_err(broken)?);
    }
    Ok(rows)
}

/// The column of numbers that holds `NaN` or `inf`: they read as numbers, and nobody can reckon with them.
fn not_finite<'h>(headers: &'h csv::StringRecord, record: &csv::StringRecord) -> Option<&'h str> {
    let is_wrong = |(name, field): &(&str, &str)| {
        !TEXT.contains(name) && field.parse::<f64>().is_ok_and(|number| !number.is_finite())
    };
    headers.iter().zip(record.iter()).find(is_wrong).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, Scratch};
    use crate::results::write::write;

    #[test]
    fn what_was_written_is_read_back_bit_for_bit() {
        let scratch = Scratch::new("round-trip");
        let mut results = fixture::three_platforms();
        // Numbers without a short decimal form, tiny and huge ones, and text that CSV must quote.
        results.summary[0].value = Some(0.1 + 0.2);
        results.summary[1].value = Some(5e-324);
        results.summary[2].value = Some(f64::MAX);
        results.incidents[0].kind = "slow, \"very\" slow\nVM".to_owned();
        write(&scratch.join("out"), &results, &[]).unwrap();
        assert_eq!(read(&scratch.join("out")).unwrap(), results);
    }

    #[test]
    fn files_without_rows_are_read_back() {
        let scratch = Scratch::new("no-rows");
        let mut results = fixture::three_platforms();
        results.incidents.clear();
        results.costs.clear();
        write(&scratch.join("out"), &results, &[]).unwrap();
        assert_eq!(read(&scratch.join("out")).unwrap(), results);
    }

    #[test]
    fn a_broken_row_is_reported_with_file_and_line() {
        let scratch = Scratch::new("broken-row");
        let out = scratch.join("out");
        write(&out, &fixture::three_platforms(), &[]).unwrap();
        let text = fs::read_to_string(out.join(COSTS)).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines[2] = "pets,people,touch,many,h,1,,";
        fs::write(out.join(COSTS), lines.join("\n")).unwrap();
        let error = read(&out).unwrap_err();
        assert_eq!(error.line, Some(3));
        assert!(error.to_string().contains("costs.csv:3: "), "{error}");
    }

    #[test]
    fn numbers_that_are_none_are_refused_and_words_may_look_like_them() {
        let scratch = Scratch::new("not-finite");
        let out = scratch.join("out");
        let mut results = fixture::three_platforms();
        results.costs[0].item = "nan".to_owned();
        write(&out, &results, &[]).unwrap();
        assert_eq!(read(&out).unwrap(), results);
        let text = fs::read_to_string(out.join(COSTS)).unwrap();
        for wrong in ["NaN", "inf", "-inf"] {
            let broken = text.replacen(",24.0,", &format!(",{wrong},"), 1);
            fs::write(out.join(COSTS), broken).unwrap();
            let error = read(&out).unwrap_err();
            assert!(error.problem.ends_with("is not a finite number"), "{error}");
        }
    }

    #[test]
    fn a_later_schema_is_refused_by_version_not_by_field() {
        let scratch = Scratch::new("later-schema");
        let out = scratch.join("out");
        fs::create_dir_all(&out).unwrap();
        fs::write(out.join(MANIFEST), "{\"schema_version\": 99}").unwrap();
        let error = read(&out).unwrap_err().to_string();
        assert!(error.contains("schema version 99"), "{error}");
    }

    #[test]
    fn a_missing_folder_is_an_error_with_its_path() {
        let error = read(Path::new("/nonexistent/results")).unwrap_err().to_string();
        assert!(error.starts_with("/nonexistent/results/manifest.json: cannot read"), "{error}");
    }
}
