//! `--precision`: as many replications as it takes.

use super::*;
use boxherd::results::rows::{Manifest, PrecisionManifest};

/// Two platforms, machines that crash often, short runs.
fn precise_run(scratch: &Scratch, arguments: &[&str]) -> Output {
    let text = format!("{SHOP}\n[platform.cattle]\nkind = \"cattle\"\n");
    scratch.write("shop.toml", &text.replace("length = \"2d\"", "length = \"1d\""));
    let common = ["run", "shop.toml", "-r", "4", "--set", "faults.vm_crash.rate=300/year"];
    call(scratch.path(), &[&common[..], arguments].concat())
}

fn precision_of(scratch: &Scratch) -> (Manifest, PrecisionManifest) {
    let manifest = read(&scratch.path().join("results/shop")).expect("the folder is complete").manifest;
    let precision = manifest.precision.clone().expect("one was asked for");
    (manifest, precision)
}

#[test]
fn a_precision_takes_as_many_replications_on_one_thread_as_on_two() {
    let scratch = Scratch::new("precision-threads");
    let files = |jobs: &str| {
        let output =
            precise_run(&scratch, &["--precision", "60%", "--max-replications", "60", "--jobs", jobs]);
        assert_eq!(output.status, 0, "{}", output.stderr);
        (files_in(&scratch.path().join("results/shop")), output.stderr)
    };
    let (one, told) = files("1");
    let (manifest, precision) = precision_of(&scratch);
    // Three threads leave batches that overshoot by another number.
    assert!(files("2").0 == one && files("3").0 == one, "the number of threads changed a result");
    // At least the look-ahead of five beyond the minimum; every number is made of as many as the manifest says.
    assert!((9..=60).contains(&manifest.replications), "{manifest:?}");
    assert!(manifest.platforms.iter().all(|p| p.digests.len() == manifest.replications as usize));
    assert_eq!(told.contains(": reached with"), precision.reached, "{told}");
    assert!(told.contains(&format!("{} replications", manifest.replications)), "{told}");
    if precision.reached {
        assert!(precision.widest_relative.is_some_and(|widest| widest <= precision.target), "{precision:?}");
    }
    // So many replications, asked for outright, give the same numbers: the results stand without the rule.
    let summary = std::fs::read(scratch.path().join("results/shop/summary.csv")).expect("written");
    precise_run(&scratch, &["--replications", &manifest.replications.to_string()]);
    assert!(std::fs::read(scratch.path().join("results/shop/summary.csv")).expect("written") == summary);
}

#[test]
fn a_looser_precision_needs_no_more_replications() {
    let scratch = Scratch::new("precision-looser");
    let replications = |target: &str| {
        precise_run(&scratch, &["--precision", target, "--max-replications", "40"]);
        precision_of(&scratch).0.replications
    };
    let all: Vec<u32> = ["20%", "50%", "100%"].map(replications).to_vec();
    assert!(all.is_sorted_by(|a, b| a >= b), "{all:?}");
}

#[test]
fn a_precision_out_of_reach_is_told_plainly() {
    let scratch = Scratch::new("precision-exhausted");
    let output = precise_run(&scratch, &["--precision", "0.0001%", "--max-replications", "6"]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert!(output.stderr.contains("NOT reached with 6 replications, the most allowed"), "{}", output.stderr);
    assert!(output.stderr.contains("Raise --max-replications"), "{}", output.stderr);
    let (manifest, precision) = precision_of(&scratch);
    assert_eq!((manifest.replications, precision.reached, precision.maximum), (6, false, 6));
    assert!(manifest.overrides.contains(&"run.precision=0.0001%".to_owned()), "the manifest makes it again");
    let quiet = precise_run(&scratch, &["-q", "--precision", "0.0001%", "--max-replications", "6"]);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_precision_that_cannot_be_is_refused() {
    check_refused(&["run", "--precision", "5"], &["--precision", "such as `5%`"]);
    check_refused(&["run", "--precision", "0%"], &["above 0%"]);
    check_refused(&["run", "--max-replications", "0"], &["--max-replications"]);
    check_refused(
        &["run", "-r", "50", "--precision", "5%", "--max-replications", "40"],
        &["begins with 50 replications", "raise `run.max_replications`"],
    );
}
