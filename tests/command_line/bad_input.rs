//! Scenarios, recordings and arguments with mistakes: refused with place and cure, before anything runs.

use super::*;

#[test]
fn all_mistakes_of_a_file_are_shown_at_once_with_place_and_cure() {
    let text = SHOP
        .replace("length = \"2d\"", "length = 2\nsed = 1")
        .replace("cpu = \"500m\"", "cpu = true\nmemry = \"1GiB\"")
        .replace("kind = \"pets\"", "kind = \"pet\"");
    check_bad_file(
        &text,
        &[
            // A number without a unit, an unknown key, a wrong type, another unknown key, an unknown kind.
            "shop.toml:2:10",
            "which has no unit",
            "expected a duration such as `90s`",
            "shop.toml:3:1",
            "unknown key `sed` in `run`",
            "did you mean `seed`?",
            "shop.toml:10:7",
            "wrong value for `service.web.container.app.cpu`",
            "shop.toml:11:1",
            "did you mean `memory`?",
            "shop.toml:14:8",
            "did you mean `pets`?",
            "5 problems in shop.toml",
        ],
    );
}

#[test]
fn a_scenario_that_is_no_toml_is_refused_at_the_place() {
    check_bad_file("[run\nlength = 1", &["shop.toml:1:5"]);
    check_bad_file(&format!("{SHOP}[service.web]\n"), &["shop.toml:13:"]);
}

#[test]
fn an_unknown_machine_is_refused_with_near_names() {
    check_bad_file(
        &format!("{SHOP}[practice]\nmachines = [\"m7i.larg\"]\n"),
        &["shop.toml:14:12", "unknown machine type `m7i.larg`", "did you mean `m7i.large`"],
    );
    check_bad_file(
        &format!("{SHOP}size.web.machine = \"m7i.hug\"\n"),
        &["shop.toml:13:20", "unknown machine type `m7i.hug`"],
    );
}

#[test]
fn a_box_larger_than_any_machine_is_refused() {
    // The largest machine allowed, m7i.4xlarge, has 16 cores and 64 GiB.
    for (old, new) in [("cpu = \"500m\"", "cpu = \"16.001\""), ("cpu = \"500m\"", "memory = \"64GiB\"")] {
        check_bad_file(
            &SHOP.replace(old, new),
            &["shop.toml:4:10", "service `web` cannot run on platform `pets`", "m7i.4xlarge"],
        );
    }
}

#[test]
fn a_goal_that_no_number_of_boxes_meets_is_refused() {
    // A request of 40 ms on average cannot be below 1 ms at the 99th percentile on any number of boxes.
    check_bad_file(
        &SHOP.replace("traffic.rate", "latency_goal = \"1ms\"\ntraffic.rate"),
        &["shop.toml:4:10", "no number of boxes brings 99% of its requests below 1ms"],
    );
}

#[test]
fn a_scenario_without_services_or_platforms_is_refused() {
    check_bad_file("", &["there is no service", "there is no platform", "2 problems in shop.toml"]);
}

#[test]
fn arguments_that_name_nothing_are_refused() {
    check_refused(&["run", "--platform", "pet"], &["no platform pet", "did you mean pets?"]);
    check_refused(&["run", "--set", "run.sed=1"], &["--set:1:5", "did you mean `seed`?"]);
    check_refused(&["run", "--set", "run.seed"], &["--set:1:9", "key.path=value"]);
    check_refused(&["run", "--set", "run.length=5"], &["--set:1:12", "which has no unit"]);
    check_refused(&["run", "nowhere.toml"], &["cannot read the scenario `nowhere.toml`"]);
    check_refused(&["check", "nowhere.toml"], &["cannot read the scenario `nowhere.toml`"]);
    check_refused(&["run", "--jobs", "0"], &["--jobs"]);
    check_refused(&["fly"], &["fly"]);
}

/// A scenario whose traffic comes from `recording`, which is refused with `expected`.
fn check_bad_recording(recording: &str, expected: &[&str]) {
    let scratch = Scratch::new("bad-recording");
    scratch.write("traffic.csv", recording);
    scratch.write("shop.toml", &SHOP.replace("traffic.rate = \"20/s\"", "traffic.file = \"traffic.csv\""));
    refused_in(&scratch, &["check", "shop.toml"], expected);
    refused_in(&scratch, &["run", "shop.toml", "-r", "1"], expected);
}

#[test]
fn a_bad_recording_is_refused_with_its_line() {
    let rows = |rows: &str| format!("timestamp,value\n2026-01-05 00:00:00,300\n{rows}");
    check_bad_recording(
        &rows("2026-01-05 00:05:00,many\n2026-01-05 00:10:00,-3\n"),
        &["traffic.csv:3", "traffic.csv:4", "shop.toml:6:16", "2 problems in shop.toml"],
    );
    check_bad_recording(
        &rows("2026-01-05 00:10:00,300\n2026-01-05 00:05:00,300\n"),
        &["traffic.csv:4", "shop.toml:6:16"],
    );
    // The bucket from 00:05 is missing: the message names the cure.
    check_bad_recording(&rows("2026-01-05 00:10:00,300\n"), &["traffic.csv", "gaps"]);
    check_bad_recording("time,value\n", &["traffic.csv", "no column `timestamp`", "`time` or `value`"]);
    check_bad_recording("", &["traffic.csv"]);
}

#[test]
fn a_missing_recording_is_refused_where_it_is_named() {
    check_bad_file(
        &SHOP.replace("traffic.rate = \"20/s\"", "traffic.file = \"gone.csv\""),
        &["shop.toml:6:16", "cannot read the recording `gone.csv`", "beside the scenario"],
    );
}
