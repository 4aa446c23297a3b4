//! `boxherd verify` as a user meets it.

use assert_cmd::Command;
use boxherd::engine::{Purpose, Streams};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

fn verify(arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::cargo_bin("boxherd").expect("cargo builds it");
    let output = command.arg("verify").args(arguments).output().expect("it starts");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("it is not killed"), text(output.stdout), text(output.stderr))
}

fn checks(json: &str) -> Vec<Value> {
    let document: Value = serde_json::from_str(json).expect("JSON");
    let keys: Vec<&String> = document.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["checks"]);
    document["checks"].as_array().expect("a list").clone()
}

/// Minutes without optimization, so in release only; a part of it runs always.
#[test]
#[cfg_attr(debug_assertions, ignore = "takes minutes without optimization")]
fn all_checks_pass_and_there_are_enough_of_them() {
    let (status, stdout, stderr) = verify(&["--format", "json"]);
    let checks = checks(&stdout);
    let failed: Vec<&Value> = checks.iter().filter(|check| check["passed"] != true).collect();
    assert!(failed.is_empty(), "{failed:#?}\n{stderr}");
    assert!(checks.len() >= 40, "{}", checks.len());
    assert_eq!((status, stderr.as_str()), (0, ""));
    for check in &checks {
        let of = |key: &str| check[key].as_f64().unwrap_or_else(|| panic!("{key} of {check} is a number"));
        assert!(of("low") <= of("expected") && of("expected") <= of("high"), "{check}");
        assert!(of("low") <= of("obtained") && of("obtained") <= of("high"), "{check}");
        assert_eq!(check.as_object().expect("an object").len(), 6, "{check}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_with_any_number_of_threads_and_another_seed_others() {
    let part = |more: &[&str]| verify(&[&["--format", "json", "arrivals", "repair-by"], more].concat()).1;
    let one = part(&["-j", "1"]);
    assert_eq!(one, part(&["-j", "3"]));
    assert_eq!(checks(&one).len(), 7);
    assert_ne!(one, part(&["--seed", "2"]));
}

/// Every text given to `Purpose::named` in code that ships, but for those of the checks themselves.
fn purposes(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("there is source") {
        let path = entry.expect("it can be read").path();
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        if path.is_dir() && name != "verify" {
            purposes(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).expect("UTF-8");
            let ships = text.split("\n#[cfg(test)]\nmod tests").next().expect("a first part");
            let named = ships.split("Purpose::named(\"").skip(1);
            found.extend(named.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
        }
    }
}

#[test]
fn the_first_value_of_every_stream_is_checked() {
    let mut found = BTreeSet::new();
    purposes(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.contains("vm boot") && found.len() >= 34, "{found:?}");
    let names: BTreeSet<String> =
        checks(&verify(&["--format", "json", "first"]).1).iter().map(|c| c["name"].to_string()).collect();
    let missing = found.iter().filter(|p| !names.contains(&format!("\"first-{}\"", p.replace(' ', "-"))));
    let value = |p: &String| Streams::new(1, 0).open(Purpose::named(p), &[0]).uniform();
    let lines: Vec<String> = missing.map(|p| format!("(\"{p}\", {:?}),", value(p))).collect();
    assert!(lines.is_empty(), "not in src/verify/topic/first_values.rs:\n{}", lines.join("\n"));
}

#[test]
fn the_table_has_a_line_a_check_below_its_topic_and_counts_them() {
    let (status, stdout, _) = verify(&["mmc-2-0.8-p-wait", "mmc-2-0.8-lost"]);
    assert_eq!(status, 0);
    let lines: Vec<&str> = stdout.lines().collect();
    let words: Vec<Vec<&str>> = lines.iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["expected", "obtained", "band"]);
    assert_eq!(lines[1], "M/M/c by formula");
    assert_eq!(words[2][..3], ["mmc-2-0.8-p-wait", "0.71111", "0.711111"]);
    assert_eq!(words[2].last(), Some(&"ok"));
    assert!(lines[lines.len() - 1].starts_with("2 checks: 2 passed, 0 failed, in "), "{stdout}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{stdout}");
}

#[test]
fn a_filter_that_names_nothing_is_a_usage_error() {
    let (status, stdout, stderr) = verify(&["mmc", "perpetuum"]);
    assert_eq!((status, stdout.as_str()), (2, ""));
    assert!(stderr.contains("no check and no topic contains `perpetuum`"), "{stderr}");
}
