//! `boxherd run` when all is well: what it prints and what it leaves behind.

use super::*;
use boxherd::results::rows::{ReplicationRow, SummaryRow};

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
        if row.metric == "cost_per_nine" {
            // Its sums are those of two others.
            let ratio = |metric: &str| {
                let row = SummaryRow { metric: metric.to_owned(), ..row.clone() };
                let sum = |of_row: fn(&ReplicationRow) -> Option<f64>| -> f64 {
                    of(&row).iter().filter_map(|r| of_row(r)).sum()
                };
                sum(|r| r.numerator) / sum(|r| r.denominator)
            };
            let nines = -(1.0 - ratio("availability")).log10();
            assert_close(row.value.expect("some fail"), ratio("cost_per_month") / nines, 1e-6, "per nine");
        } else if row.statistic == "ratio" {
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
