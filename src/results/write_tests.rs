//! Claims about replacing folders.

use super::*;
use crate::results::fixture::{self, Scratch};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_results_folder_holds_every_file_and_nothing_beside_it() {
    let scratch = Scratch::new("every-file");
    let charts = [("charts/costs.svg".to_owned(), b"<svg/>".to_vec())];
    write(&scratch.join("a/b/out"), &fixture::three_platforms(), &charts).unwrap();
    assert_eq!(
        names(&scratch.join("a/b/out")),
        [
            "charts",
            "costs.csv",
            "differences.csv",
            "incidents.csv",
            "manifest.json",
            "replications.csv",
            "summary.csv",
            "timeseries.csv"
        ]
    );
    assert_eq!(names(&scratch.join("a/b/out/charts")), ["costs.svg"]);
    assert_eq!(names(&scratch.join("a/b")), ["out"]);
}

#[test]
fn earlier_results_and_empty_folders_are_replaced() {
    let scratch = Scratch::new("replaced");
    let out = scratch.join("out");
    fs::create_dir(&out).unwrap();
    write(&out, &fixture::three_platforms(), &[("charts/old.svg".to_owned(), Vec::new())]).unwrap();
    write(&out, &fixture::three_platforms(), &[("charts/new.svg".to_owned(), Vec::new())]).unwrap();
    assert_eq!(names(&out.join(CHARTS)), ["new.svg"]);
    assert_eq!(names(scratch.path()), ["out"]);
}

#[test]
fn a_folder_that_is_not_ours_is_refused_with_the_cure() {
    let scratch = Scratch::new("not-ours");
    // A browser extension has a manifest.json as well.
    for (file, text) in [("thesis.txt", "years of work"), (MANIFEST, "{\"manifest_version\": 3}")] {
        let out = scratch.join(file);
        fs::create_dir(&out).unwrap();
        fs::write(out.join(file), text).unwrap();
        for refused in [probe(&out), write(&out, &fixture::three_platforms(), &[])] {
            let error = refused.unwrap_err().to_string();
            assert!(error.contains("--out") && error.contains("left alone"), "{error}");
        }
        assert_eq!(fs::read_to_string(out.join(file)).unwrap(), text);
    }
}

#[test]
fn a_file_in_the_way_is_refused_before_the_run() {
    let scratch = Scratch::new("file-in-the-way");
    fs::write(scratch.join("out"), "").unwrap();
    assert!(matches!(probe(&scratch.join("out")), Err(WriteError::NotAFolder { .. })));
    assert!(matches!(probe(&scratch.join("out/deeper")), Err(WriteError::NotAFolder { .. })));
    assert!(matches!(probe(Path::new("/")), Err(WriteError::NoName { .. })));
}

#[test]
fn a_probe_leaves_nothing_behind() {
    let scratch = Scratch::new("probe");
    probe(&scratch.join("not/yet/there")).unwrap();
    assert_eq!(names(scratch.path()), Vec::<String>::new());
}

#[test]
fn what_killed_runs_left_is_cleared_but_living_runs_are_not_disturbed() {
    let scratch = Scratch::new("killed");
    // No process has this id: Linux ids end at 4,194,304. Process 1 lives.
    let (dead, alive) = (".out.tmp-4999999", ".out.tmp-1");
    for name in [dead, alive, ".other.tmp-4999999"] {
        fs::create_dir(scratch.join(name)).unwrap();
    }
    write(&scratch.join("out"), &fixture::three_platforms(), &[]).unwrap();
    assert_eq!(names(scratch.path()), [".other.tmp-4999999", alive, "out"]);
}

#[test]
fn results_lost_between_the_two_renames_come_back() {
    let scratch = Scratch::new("between-renames");
    let (out, old) = (scratch.join("out"), scratch.join(".out.old-4999999"));
    write(&old, &fixture::three_platforms(), &[]).unwrap();
    Target::resolve(&out).unwrap().tidy_up().unwrap();
    assert!(is_results(&out) && !old.exists());
}

#[test]
fn a_failed_second_rename_puts_the_old_results_back() {
    let scratch = Scratch::new("put-back");
    let out = scratch.join("out");
    write(&out, &fixture::three_platforms(), &[("charts/old.svg".to_owned(), Vec::new())]).unwrap();
    // The fresh folder does not exist, so moving it into place must fail.
    let error = Target::resolve(&out).unwrap().swap(&scratch.join("missing")).unwrap_err().to_string();
    assert!(error.contains("move new results to"), "{error}");
    assert_eq!(names(&out.join(CHARTS)), ["old.svg"]);
    assert_eq!(names(scratch.path()), ["out"]);
}

#[cfg(unix)]
#[test]
fn a_link_keeps_pointing_at_the_replaced_folder() {
    let scratch = Scratch::new("link");
    fs::create_dir(scratch.join("real")).unwrap();
    std::os::unix::fs::symlink(scratch.join("real"), scratch.join("link")).unwrap();
    write(&scratch.join("link"), &fixture::three_platforms(), &[]).unwrap();
    assert!(scratch.join("link").is_symlink() && is_results(&scratch.join("real")));
}
