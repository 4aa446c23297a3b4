//! Any bytes as a file of a results folder; the first byte says which one.
#![no_main]

use boxherd::experiment::change;
use boxherd::report::export::{focus, junit, openmetrics};
use boxherd::results::read::read;
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;

const FILES: [&str; 7] = [
    "manifest.json",
    "summary.csv",
    "differences.csv",
    "replications.csv",
    "timeseries.csv",
    "incidents.csv",
    "costs.csv",
];

/// The example results, which every other file is taken from.
fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("boxherd-fuzz-{}", std::process::id()));
    if !folder.exists() {
        std::fs::create_dir(&folder).expect("writable");
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../results/example");
        for file in FILES {
            std::fs::copy(format!("{example}/{file}"), folder.join(file)).expect("the example is there");
        }
    }
    folder
}

fuzz_target!(|bytes: &[u8]| {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let folder = folder();
    let path = folder.join(FILES[usize::from(*which) % FILES.len()]);
    let good = std::fs::read(&path).expect("there");
    std::fs::write(&path, bytes).expect("writable");
    if let Ok(results) = read(&folder) {
        change::compare(&results, &results);
        let _ = (openmetrics::text(&results), focus::csv(&results), junit::xml(&results));
    }
    std::fs::write(&path, good).expect("writable");
});
