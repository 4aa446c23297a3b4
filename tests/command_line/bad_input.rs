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

/// `check` refuses the file; `limits` are of bash: memory in KiB and CPU time in seconds, which are enough to say no.
#[cfg(target_os = "linux")]
fn check_refused_in_bounds(name: &str, bytes: &[u8], expected: &str) {
    let scratch = Scratch::new("bounds");
    std::fs::write(scratch.path().join("shop.toml"), bytes).expect("writable");
    let script = "ulimit -v 2000000; ulimit -t 20; exec \"$0\" check shop.toml";
    let output = std::process::Command::new("bash")
        .current_dir(scratch.path())
        .args(["-c", script, env!("CARGO_BIN_EXE_boxherd")])
        .output()
        .expect("there is a bash");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let shown: String = stderr.chars().take(2_000).collect();
    assert_eq!(output.status.code(), Some(2), "{name}: {shown}");
    assert!(stderr.contains(expected), "{name}: {expected:?} is missing in\n{shown}");
    assert!(stderr.len() < 100_000, "{name}: {} bytes of errors", stderr.len());
}

#[test]
#[cfg(target_os = "linux")]
fn what_is_no_scenario_at_all_is_refused_in_bounded_time_and_memory() {
    const MEGABYTE: usize = 1 << 20;
    // A cheap generator, so that the bytes are the same every time.
    let mut state = 1_u64;
    let garbage: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    })
    .take(10 * MEGABYTE)
    .collect();
    check_refused_in_bounds("10 MB of garbage", &garbage, "not UTF-8");
    let text: Vec<u8> = garbage.iter().map(|byte| b' ' + byte % 95).collect();
    check_refused_in_bounds("10 MB of letters in one line", &text, "problem");
    let lines: Vec<u8> =
        garbage.iter().map(|byte| if byte % 20 == 0 { b'\n' } else { b' ' + byte % 95 }).collect();
    check_refused_in_bounds("10 MB of broken lines", &lines, "problem");
    check_refused_in_bounds("17 MB", &vec![b'#'; 17 * MEGABYTE], "larger than 16 MiB");
    check_refused_in_bounds(
        "not UTF-8",
        b"name = \"caf\xe9\"\n",
        "the first bad byte is at offset 11, in line 1",
    );
    for (open, close) in [("[", "]"), ("{a=", "}")] {
        let deep = format!("a = {}1{}", open.repeat(100_000), close.repeat(100_000));
        check_refused_in_bounds("deep nesting", deep.as_bytes(), "nested too deeply");
    }
    let dotted = format!("a{} = 1\n", ".a".repeat(100_000));
    check_refused_in_bounds("deep keys", dotted.as_bytes(), "nested too deeply");
    let many: String = (0..200_000).map(|key| format!("k{key} = 1\n")).collect();
    check_refused_in_bounds("200,000 unknown keys", many.as_bytes(), "more than shown");
    check_refused_in_bounds("zeros", &[0; 1_000], "shop.toml:1:1");
}

#[test]
#[cfg(target_os = "linux")]
fn a_device_without_end_is_no_scenario() {
    check_refused(&["check", "/dev/zero"], &["larger than 16 MiB"]);
    check_refused(&["check", "/"], &["cannot read the scenario `/`"]);
}

#[test]
#[cfg(target_os = "linux")]
fn what_would_never_end_is_refused_before_it_begins() {
    for (old, new, expected) in [
        ("traffic.rate = \"20/s\"", "traffic.rate = \"1e9/s\"", "cores on average"),
        ("traffic.rate = \"20/s\"", "traffic.rate = \"1e300/s\"", "cores on average"),
        ("cpu_per_request = \"40ms\"", "cpu_per_request = \"1000y\"", "cores on average"),
        ("length = \"2d\"", "length = \"100y\"\nsegment = \"1s\"", "segments"),
        ("length = \"2d\"", "length = \"10y\"\nreplications = 100000", "events"),
        ("traffic.rate", "requests = \"discrete\"\nrelease.rate = \"1e9/s\"\ntraffic.rate", "events"),
        ("kind = \"pets\"", "kind = \"pets\"\n[faults]\nprocess_crash.rate = \"1e6/s\"", "events"),
        ("kind = \"pets\"", "kind = \"pets\"\nsize.web.boxes = 4000000000", "out of range"),
    ] {
        check_refused_in_bounds(new, SHOP.replace(old, new).as_bytes(), expected);
    }
}

#[test]
fn results_that_are_broken_are_refused_with_file_and_line() {
    let scratch = Scratch::new("broken-results");
    short_run(scratch.path(), &["-q", "--out", "mine"]);
    let path = scratch.path().join("mine/replications.csv");
    let text = std::fs::read_to_string(&path).expect("written");
    for (broken, expected) in [
        (text.replacen(",0,", ",many,", 1), "mine/replications.csv:2"),
        (text[..text.len() - 30].to_owned(), "mine/replications.csv:"),
        ("nothing\n1\n".to_owned(), "mine/replications.csv:"),
    ] {
        std::fs::write(&path, broken).expect("writable");
        let output = call(scratch.path(), &["compare", "mine", "mine"]);
        assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{}", output.stderr);
        assert!(output.stderr.contains(expected), "{expected} is missing in {}", output.stderr);
    }
}
