//! The command line as a user meets it: real processes, their output, files and exit status.

use crate::support::{Scratch, assert_close, files_in};
use assert_cmd::Command;
use boxherd::results::read::read;
use boxherd::results::rows::{Manifest, PrecisionManifest, ReplicationRow, SummaryRow};
use std::path::Path;

/// Short enough for a test, long enough for every kind of row.
const SHORT: [&str; 4] = ["-r", "2", "--set", "run.length=2d"];

/// boxherd in `folder`, as in a plain terminal session without a terminal.
fn boxherd(folder: &Path) -> Command {
    let mut command = Command::cargo_bin("boxherd").expect("cargo builds it");
    command.current_dir(folder).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("CLICOLOR");
    command
}

struct Output {
    status: i32,
    stdout: String,
    stderr: String,
}

fn call(folder: &Path, arguments: &[&str]) -> Output {
    let output = boxherd(folder).args(arguments).output().expect("it starts");
    Output {
        status: output.status.code().expect("it is not killed"),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn short_run(folder: &Path, arguments: &[&str]) -> Output {
    call(folder, &[&["run"], &SHORT[..], arguments].concat())
}

/// Status 2, nothing on stdout, nothing written, and every one of `expected` on stderr.
fn check_refused(arguments: &[&str], expected: &[&str]) {
    let scratch = Scratch::new("refused");
    refused_in(&scratch, arguments, expected);
    assert_eq!(files_in(scratch.path()), [], "{arguments:?} wrote something");
}

fn refused_in(scratch: &Scratch, arguments: &[&str], expected: &[&str]) {
    let before = files_in(scratch.path());
    let output = call(scratch.path(), arguments);
    assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{arguments:?}\n{}", output.stderr);
    for text in expected {
        assert!(output.stderr.contains(text), "{text:?} is missing in\n{}", output.stderr);
    }
    assert!(files_in(scratch.path()) == before, "{arguments:?} wrote something");
    assert!(!scratch.path().join("results").exists(), "{arguments:?} made a folder");
}

/// A scenario file with these mistakes is refused by `check` and by `run`.
fn check_bad_file(text: &str, expected: &[&str]) {
    let scratch = Scratch::new("bad-file");
    scratch.write("shop.toml", text);
    refused_in(&scratch, &["check", "shop.toml"], expected);
    refused_in(&scratch, &["run", "shop.toml", "-r", "1"], expected);
}

/// One service on one platform; the text under test replaces or follows parts of it.
const SHOP: &str = r#"[run]
length = "2d"

[service.web]
cpu_per_request = "40ms"
traffic.rate = "20/s"

[service.web.container.app]
cpu = "500m"

[platform.pets]
kind = "pets"
"#;

#[test]
fn run_without_a_scenario_compares_all_platforms_of_the_quickstart() {
    let scratch = Scratch::new("quickstart");
    let output = short_run(scratch.path(), &[]);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""));
    let results = read(&scratch.path().join("results/quickstart")).expect("the folder is complete");
    assert_eq!(results.manifest.scenario, boxherd::scenario::QUICKSTART);
    let names: Vec<&str> = results.manifest.platforms.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, crate::support::quickstart(&[]).platform_names());
}

#[test]
fn stdout_has_a_sentence_a_question_then_the_table_then_the_folder() {
    let scratch = Scratch::new("order");
    let output = short_run(scratch.path(), &[]);
    let order = ["Che", "Waste", "Recovery", "Availability", "Money", "cost/month", "People", "Scenario "];
    // With two replications and two days either sentence about cost may come: "Cheapest: …" or "Cost: no …".
    let text = output.stdout.replacen("Cost: ", "Cheapest: ", 1);
    let text = text.replacen("Least waste: ", "Waste: ", 1);
    let at: Vec<usize> = order
        .iter()
        .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} is missing in\n{text}")))
        .collect();
    assert!(at.is_sorted(), "{order:?} at {at:?} in\n{text}");
    assert!(text.ends_with("Results: results/quickstart\n"), "{text}");
}

#[test]
fn every_file_of_the_results_folder_is_there() {
    let scratch = Scratch::new("files");
    // The chart of recoveries is drawn if there are any.
    short_run(scratch.path(), &["--out", "mine", "--set", "faults.vm_crash.rate=200/year"]);
    let files = files_in(&scratch.path().join("mine"));
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    for name in [
        "manifest.json",
        "summary.csv",
        "differences.csv",
        "replications.csv",
        "timeseries.csv",
        "incidents.csv",
        "costs.csv",
        "charts/utilization.svg",
        "charts/cost.svg",
        "charts/recovery.svg",
    ] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    // Nothing beside it: what was written for the swap is gone.
    assert_eq!(std::fs::read_dir(scratch.path()).expect("it exists").count(), 1);
}

#[test]
fn the_summary_can_be_made_again_from_the_replications() {
    let scratch = Scratch::new("replications");
    short_run(scratch.path(), &["--out", "mine", "--set", "faults.process_crash.rate=60/month"]);
    let results = read(&scratch.path().join("mine")).expect("the folder is complete");
    let of = |row: &SummaryRow| -> Vec<&ReplicationRow> {
        let same = |own: &&ReplicationRow| {
            (&own.platform, &own.service, &own.metric, &own.statistic)
                == (&row.platform, &row.service, &row.metric, &row.statistic)
        };
        results.replications.iter().filter(same).collect()
    };
    let mut ratios = 0;
    for row in &results.summary {
        let own = of(row);
        let numbers: Vec<u32> = own.iter().map(|own| own.replication).collect();
        assert_eq!(numbers, [0, 1], "{row:?}");
        if row.statistic == "ratio" {
            ratios += 1;
            let sum =
                |of: fn(&ReplicationRow) -> Option<f64>| -> f64 { own.iter().filter_map(|r| of(r)).sum() };
            let (numerator, denominator) = (sum(|r| r.numerator), sum(|r| r.denominator));
            let expected = (denominator != 0.0).then(|| numerator / denominator);
            assert_eq!(row.value, expected, "{row:?}");
        } else if row.statistic == "max" {
            // The worst of all is the worst of the worst, unless it is hidden by what is still open.
            let worst =
                own.iter().map(|own| own.value).try_fold(0.0_f64, |worst, value| Some(worst.max(value?)));
            assert!(worst.is_none() || row.value == worst, "{row:?} and {worst:?}");
        }
    }
    assert!(ratios > 100, "{ratios}");
    // With two months x and y the interval of a monthly sum is (x + y)/2 ± t(0.975, 1) · s/√2 = 12.7062 · |x − y|/2.
    let cost = results.summary.iter().find(|row| row.platform == "k8s" && row.metric == "cost_per_month");
    let cost = cost.expect("it costs something");
    let [x, y] = [0, 1].map(|replication| of(cost)[replication].value.expect("billed"));
    assert!(x != y, "nothing to measure by");
    let half = 12.706_205 * (x - y).abs() / 2.0;
    assert_close(cost.ci_low.expect("two"), (x + y) / 2.0 - half, 1e-5 * half, "lower end");
    assert_close(cost.ci_high.expect("two"), (x + y) / 2.0 + half, 1e-5 * half, "upper end");
    // The difference is paired: of the means, here those of the same two months.
    let difference = results.differences.iter().find(|row| {
        row.service.is_empty()
            && row.metric == "cost_per_month"
            && row.platform_b == "k8s"
            && row.platform_a == "pets"
    });
    let difference = difference.expect("a pair");
    let pets = SummaryRow { platform: "pets".to_owned(), ..cost.clone() };
    let [p, q] = [0, 1].map(|replication| of(&pets)[replication].value.expect("billed"));
    let expected = ((x - p) + (y - q)) / 2.0;
    assert_close(difference.difference.expect("known"), expected, 1e-9 * x, "difference");
    let half = 12.706_205 * ((x - p) - (y - q)).abs() / 2.0;
    let low = difference.difference_low.expect("two pairs");
    assert_close(low, expected - half, 1e-5 * half.max(1e-3), "lower end of the difference");
}

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

#[test]
fn json_is_one_document_and_csv_is_the_summary() {
    let scratch = Scratch::new("formats");
    let json = short_run(scratch.path(), &["--format", "json"]).stdout;
    let document: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(document["manifest"]["replications"], 2);
    assert!(!document["summary"].as_array().expect("rows").is_empty());

    let csv = short_run(scratch.path(), &["--format", "csv"]).stdout;
    let written = std::fs::read_to_string(scratch.path().join("results/quickstart/summary.csv"));
    assert_eq!(csv, written.expect("the folder is complete"));
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let columns = reader.headers().expect("a header line").len();
    assert_eq!(columns, 9);
    assert!(reader.records().all(|row| row.expect("as long as the header").len() == columns));
}

#[test]
fn quiet_prints_the_sentences_only() {
    let scratch = Scratch::new("quiet");
    let loud = short_run(scratch.path(), &[]).stdout;
    let quiet = short_run(scratch.path(), &["-q"]).stdout;
    assert!(loud.starts_with(&quiet) && !quiet.is_empty(), "{quiet}");
    assert!(!quiet.contains("Money") && !quiet.contains("Results:"), "{quiet}");
}

#[test]
fn verbose_tells_what_the_sizing_chose() {
    let scratch = Scratch::new("verbose");
    let text = short_run(scratch.path(), &["-v"]).stdout;
    assert!(text.contains("Sizing\n  pets: shop: "), "{text}");
}

#[test]
fn colour_is_for_terminals_unless_asked_for() {
    let scratch = Scratch::new("colour");
    let styled = |arguments: &[&str]| short_run(scratch.path(), arguments).stdout.contains('\x1b');
    assert!(!styled(&[]) && !styled(&["--color", "never"]));
    assert!(styled(&["--color", "always"]));
    let always_plain = short_run(scratch.path(), &["--color", "never"]).stdout;
    let without = |text: &str| text.split('\x1b').map(|s| s.split_once('m').map_or(s, |p| p.1)).collect();
    let stripped: String = format!("m{}", short_run(scratch.path(), &["--color", "always"]).stdout);
    let stripped: String = without(&stripped);
    assert_eq!(stripped, always_plain, "colour is never the only carrier of meaning");

    let errors = |color: &str| {
        call(scratch.path(), &["run", "--platform", "nobody", "--color", color]).stderr.contains('\x1b')
    };
    assert!(errors("always") && !errors("never") && !errors("auto"));

    let mut no_color = boxherd(scratch.path());
    let output = no_color.env("NO_COLOR", "1").args(["run", "--platform", "nobody"]).output();
    assert!(!output.expect("it starts").stderr.contains(&0x1b));
}

#[test]
fn a_good_scenario_is_checked_in_one_line() {
    let scratch = Scratch::new("check");
    scratch.write("shop.toml", SHOP);
    let output = call(scratch.path(), &["check", "shop.toml"]);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""));
    assert_eq!(output.stdout, "shop.toml is valid: scenario shop, platforms pets\n");
    assert_eq!(files_in(scratch.path()).len(), 1, "check writes nothing");
}

#[test]
fn the_scenario_files_of_the_repository_are_valid() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    for entry in std::fs::read_dir(folder).expect("there are scenarios") {
        let path = entry.expect("it can be read").path();
        let path = path.to_str().expect("UTF-8");
        if !path.ends_with(".toml") {
            continue;
        }
        let output = call(Path::new("."), &["check", path]);
        assert_eq!(output.status, 0, "{path}: {}", output.stderr);
    }
}

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

#[test]
fn a_folder_that_cannot_be_written_is_found_before_the_run() {
    let scratch = Scratch::new("unwritable");
    scratch.write("file", "no folder");
    refused_in(&scratch, &["run", "--out", "file/below"], &["file"]);
    refused_in(&scratch, &["run", "--out", "file"], &["file is a file"]);
    refused_in(&scratch, &["run", "--out", "."], &["--out"]);
}

#[test]
fn a_folder_without_results_is_left_alone() {
    let scratch = Scratch::new("foreign");
    std::fs::create_dir(scratch.path().join("thesis")).expect("it is new");
    scratch.write("thesis/chapter-1.txt", "years of work");
    refused_in(&scratch, &["run", "--out", "thesis"], &["thesis holds files but no boxherd results"]);
}

#[test]
fn earlier_results_are_replaced_as_a_whole() {
    let scratch = Scratch::new("replaced");
    short_run(scratch.path(), &["--out", "mine"]);
    scratch.write("mine/charts/old.svg", "<svg/>");
    let again = short_run(scratch.path(), &["--out", "mine", "--seed", "2"]);
    assert_eq!(again.status, 0, "{}", again.stderr);
    assert_eq!(read(&scratch.path().join("mine")).expect("complete").manifest.seed, 2);
    assert!(!scratch.path().join("mine/charts/old.svg").exists());
}

/// Sends the signal of Ctrl-C once the process has a handler for it.
#[cfg(target_os = "linux")]
fn interrupt(process: &std::process::Child) {
    const SIGINT_BIT: u64 = 1 << (2 - 1);
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()));
        let status = status.expect("it runs for longer than a test");
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("Linux tells");
        if u64::from_str_radix(caught.trim(), 16).expect("hexadecimal") & SIGINT_BIT != 0 {
            break;
        }
        std::thread::yield_now();
    }
    let kill = std::process::Command::new("kill").args(["-INT", &process.id().to_string()]).status();
    assert!(kill.expect("there is a kill").success());
}

#[test]
#[cfg(target_os = "linux")]
fn ctrl_c_ends_with_130_and_leaves_earlier_results_untouched() {
    let scratch = Scratch::new("interrupted");
    short_run(scratch.path(), &[]);
    let before = files_in(scratch.path());
    let endless = std::process::Command::new(env!("CARGO_BIN_EXE_boxherd"))
        .current_dir(scratch.path())
        .args(["run", "-r", "100000", "--set", "run.length=2d"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    interrupt(&endless);
    let output = endless.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(130));
    assert!(output.stdout.is_empty());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("earlier results are untouched"), "{stderr}");
    assert!(files_in(scratch.path()) == before);
}

#[test]
fn explain_answers_names_parts_of_names_and_nothing() {
    let folder = Path::new(".");
    let one = call(folder, &["explain", "practice.headroom"]).stdout;
    for part in ["Capacity kept above the forecast peak.", "expected", "default   30%", "source", "grade"] {
        assert!(one.contains(part), "{part} is missing in\n{one}");
    }
    assert_eq!(call(folder, &["explain", "headroom"]).stdout, one, "the end of a name is enough");
    assert_eq!(call(folder, &["explain", "run.seed"]).status, 0);

    let all = call(folder, &["explain"]).stdout;
    assert_eq!(all.lines().count(), boxherd::scenario::describe().len());

    let unknown = call(folder, &["explain", "practice.headrom"]);
    assert_eq!((unknown.status, unknown.stdout.as_str()), (2, ""));
    assert!(unknown.stderr.contains("did you mean `practice.headroom`?"), "{}", unknown.stderr);
}

#[test]
fn explain_lists_the_estimates() {
    let estimates = call(Path::new("."), &["explain", "--estimates"]).stdout;
    let expected = boxherd::scenario::describe();
    let expected = expected.iter().filter(|doc| doc.has_estimates()).count();
    assert_eq!(estimates.lines().count(), expected);
    assert!(estimates.contains("practice.headroom") && !estimates.contains("run.seed"), "{estimates}");
}

#[test]
fn a_replay_on_an_unknown_platform_is_refused() {
    let scratch = Scratch::new("no-platform");
    scratch.write("shop.toml", SHOP);
    refused_in(
        &scratch,
        &["replay", "shop.toml", "--platform", "pats", "--replication", "0"],
        &["no platform pats", "did you mean pets?"],
    );
}

/// The replay of the shop on pets.
fn replay(scratch: &Scratch, arguments: &[&str]) -> Output {
    scratch.write("shop.toml", SHOP);
    let base = ["replay", "shop.toml", "--platform", "pets", "--replication", "0"];
    call(scratch.path(), &[&base[..], arguments].concat())
}

#[test]
fn a_replay_shows_the_window_asked_for() {
    let scratch = Scratch::new("windows");
    let all = replay(&scratch, &[]).stdout;
    assert!(all.starts_with("  0d 00:00:00.000 Mon  vm-0-0"), "{all}");
    // The run starts on Monday, 2026-01-05: the same window in both notations, half-open.
    let metering = "  1d 00:00:00.000 Tue                            metering begins\n";
    assert!(all.contains(metering), "{all}");
    for (from, until) in [("1d", "1d1us"), ("24h", "1d 1s"), ("2026-01-06T00:00", "2026-01-06T00:00:01")] {
        let window = replay(&scratch, &["--from", from, "--until", until]);
        assert_eq!((window.stdout.as_str(), window.stderr.as_str()), (metering, ""), "{from} to {until}");
    }
    assert_eq!(replay(&scratch, &["--from", "2026-01-06", "--until", "1d1us"]).stdout, metering);
    assert_eq!(replay(&scratch, &["--from", "1d1us", "--until", "1d1us"]).stdout, "");
    // Window by window it is the whole.
    let (first, second) = (replay(&scratch, &["--until", "30h"]), replay(&scratch, &["--from", "30h"]));
    assert_eq!(first.stdout + &second.stdout, all);
}

#[test]
fn a_replay_shows_only_what_it_is_asked_about() {
    let scratch = Scratch::new("filters");
    let all = replay(&scratch, &[]).stdout;
    let expect = |wanted: &dyn Fn(&str) -> bool| -> String {
        all.lines().filter(|line| wanted(line)).map(|line| format!("{line}\n")).collect()
    };
    let box_lines = expect(&|line| line.contains("web-1 "));
    assert!(!box_lines.is_empty());
    assert_eq!(replay(&scratch, &["--box", "web-1"]).stdout, box_lines);
    let vm_lines = expect(&|line| line.contains("vm-1-0 "));
    let vm = replay(&scratch, &["--vm", "vm-1-0"]).stdout;
    assert!(vm_lines.lines().all(|line| vm.contains(line)) && vm.lines().count() < all.lines().count());
    assert_eq!(replay(&scratch, &["--service", "web"]).stdout, expect(&|line| line.contains(" web")));
}

#[test]
fn a_replay_of_nothing_is_refused() {
    let scratch = Scratch::new("no-replay");
    for (arguments, expected) in [
        (&["--from", "tomorrow"][..], "cannot read the time tomorrow"),
        (&["--from", "2025-01-01"], "before the start"),
        (&["--service", "wob"], "no service wob"),
    ] {
        let output = replay(&scratch, arguments);
        assert_eq!((output.status, output.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(output.stderr.contains(expected), "{expected} is missing in {}", output.stderr);
    }
}

#[test]
#[cfg(unix)]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let scratch = Scratch::new("pipe");
    scratch.write("shop.toml", SHOP);
    for arguments in [
        &["explain"][..],
        &["run", "shop.toml", "-r", "1", "--format", "json"],
        &["replay", "shop.toml", "--platform", "pets", "--replication", "0", "--set", "run.length=52w"],
    ] {
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_boxherd"))
            .current_dir(scratch.path())
            .args(arguments)
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .expect("it starts");
        drop(process.stdout.take());
        let output = process.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{arguments:?}");
    }
}
