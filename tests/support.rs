//! What several themes need: scenarios in memory, runs without a command line, folders that go away.

use boxherd::experiment::{self, Options, Progress};
use boxherd::results::rows::{ResultSet, SummaryRow};
use boxherd::scenario::{self, Scenario};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The quickstart with overrides.
pub fn quickstart(overrides: &[&str]) -> Scenario {
    scenario("quickstart.toml", scenario::QUICKSTART, overrides)
}

/// A scenario from its text, with overrides.
pub fn scenario(file: &str, text: &str, overrides: &[&str]) -> Scenario {
    let overrides: Vec<String> = overrides.iter().map(|&o| o.to_owned()).collect();
    scenario::load_text(file, text.as_bytes(), Path::new(""), &overrides)
        .unwrap_or_else(|error| panic!("{overrides:?}\n{}", error.render(false)))
}

/// A scenario in which nothing breaks and nothing has to be patched, but for what the overrides say. Spot machines are
/// taken back all the same: who buys them asks for it.
pub fn quiet(file: &str, text: &str, overrides: &[&str]) -> Scenario {
    let breaks = |path: &str| {
        let fault = path.starts_with("faults.") && path.ends_with(".rate") && !path.contains("spot_reclaim");
        fault || ["vulnerabilities.system", "vulnerabilities.runtime"].contains(&path)
    };
    let docs = scenario::describe();
    let never: Vec<String> =
        docs.iter().filter(|d| breaks(&d.path)).map(|d| format!("{}=0/year", d.path)).collect();
    let all: Vec<&str> = never.iter().map(String::as_str).chain(overrides.iter().copied()).collect();
    scenario(file, text, &all)
}

/// Runs all replications of all platforms.
pub fn run(scenario: &Scenario) -> ResultSet {
    run_with(scenario, Options::default())
}

pub fn run_with(scenario: &Scenario, options: Options) -> ResultSet {
    experiment::run(scenario, &options, &Unwatched).expect("nobody cancels and nothing fails")
}

/// One statistic of a metric for the whole of a platform.
pub fn value(results: &ResultSet, platform: &str, metric: &str) -> f64 {
    let of = |row: &&SummaryRow| row.platform == platform && row.service.is_empty() && row.metric == metric;
    let row = results.summary.iter().find(of).unwrap_or_else(|| panic!("no {metric} of {platform}"));
    row.value.unwrap_or_else(|| panic!("{metric} of {platform} was not observed"))
}

pub fn assert_close(got: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((got - expected).abs() <= tolerance, "{what}: got {got}, expected {expected} ± {tolerance}");
}

/// Nobody looks, nobody stops it.
pub struct Unwatched;

impl Progress for Unwatched {
    fn total(&self, _: u64) {}

    fn done(&self) {}

    fn cancelled(&self) -> bool {
        false
    }
}

/// An empty folder of a test's own, which goes when the test succeeds and stays to be looked at when it fails.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(test: &str) -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{test}-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).expect("the target folder is writable");
        Scratch(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("the target folder is writable");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// Every file below `folder` by its path from there, with its bytes, in order.
pub fn files_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    fn walk(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
        for entry in std::fs::read_dir(folder).expect("the folder exists") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                walk(root, &path, files);
            } else {
                let name = path.strip_prefix(root).expect("it is below").display().to_string();
                files.push((name, std::fs::read(&path).expect("it can be read")));
            }
        }
    }
    let mut files = Vec::new();
    walk(folder, folder, &mut files);
    files.sort();
    files
}
