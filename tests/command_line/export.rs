//! Markdown, OpenMetrics, FOCUS and JUnit.

use super::*;

#[test]
fn markdown_has_the_sentences_first_and_then_the_table() {
    let scratch = Scratch::new("markdown");
    let text = short_run(scratch.path(), &["--format", "markdown"]).stdout;
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert!(text.starts_with("- C") && rows.len() > 10, "{text}");
    // A title and three platforms.
    assert!(rows.iter().all(|row| row.replace("\\|", "").matches('|').count() == 5), "{text}");
    assert!(text.find("- ").expect("a sentence") < text.find('|').expect("a table"));
}

#[test]
fn an_export_needs_a_format_and_results() {
    let scratch = Scratch::new("export-nothing");
    refused_in(&scratch, &["export", "gone"], &["--openmetrics", "--focus", "--junit"]);
    refused_in(&scratch, &["export", "gone", "--focus", "-"], &["gone/manifest.json: cannot read"]);
}

#[test]
fn the_charges_of_a_platform_sum_to_its_cost_per_month() {
    let scratch = Scratch::new("focus");
    short_run(scratch.path(), &["-q"]);
    let output = call(scratch.path(), &["export", "results/quickstart", "--focus", "-"]);
    let results = read(&scratch.path().join("results/quickstart")).expect("complete");
    let mut reader = csv::Reader::from_reader(output.stdout.as_bytes());
    let headers = reader.headers().expect("a header").clone();
    let at = |name: &str| headers.iter().position(|header| header == name).expect("a column");
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("whole")).collect();
    for platform in &results.manifest.platforms {
        let of_platform = rows.iter().filter(|row| row[at("x_Platform")] == *platform.name);
        let sum: f64 = of_platform.map(|row| row[at("BilledCost")].parse::<f64>().expect("a number")).sum();
        let cost = crate::support::value(&results, &platform.name, "cost_per_month");
        assert_close(sum, cost, 1e-6 * cost, &platform.name);
    }
}

#[test]
fn claims_become_test_cases() {
    let scratch = Scratch::new("junit");
    let claim = "assert=[{metric='availability',comparison='>',value='100%'}]";
    assert_eq!(short_run(scratch.path(), &["-q", "--set", claim]).status, 3);
    let output = call(scratch.path(), &["export", "results/quickstart", "--junit", "asserts.xml"]);
    assert_eq!((output.status, output.stdout.as_str()), (0, ""), "{}", output.stderr);
    let xml = std::fs::read_to_string(scratch.path().join("asserts.xml")).expect("written");
    assert!(xml.contains("tests=\"3\" failures=\"3\"") && xml.matches("<failure ").count() == 3, "{xml}");
}

#[test]
fn prometheus_takes_the_time_series() {
    let scratch = Scratch::new("openmetrics");
    short_run(scratch.path(), &["-q"]);
    let output = call(scratch.path(), &["export", "results/quickstart", "--openmetrics", "series.om"]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let mut promtool = std::process::Command::new("promtool");
    promtool.current_dir(scratch.path());
    match promtool.args(["tsdb", "create-blocks-from", "openmetrics", "series.om", "data"]).output() {
        Err(error) => eprintln!("skipped: promtool cannot be started ({error}); apt-get install prometheus"),
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let listed = std::process::Command::new("promtool")
                .current_dir(scratch.path())
                .args(["tsdb", "list", "data"])
                .output()
                .expect("it started before");
            // ULID, three columns of time, then the samples of a block.
            let samples_of = |line: &str| line.split_whitespace().nth(4)?.parse::<usize>().ok();
            let list = String::from_utf8_lossy(&listed.stdout).into_owned();
            let stored: usize = list.lines().filter_map(samples_of).sum();
            let text = std::fs::read_to_string(scratch.path().join("series.om")).expect("written");
            let samples = text.lines().filter(|line| !line.starts_with('#')).count();
            assert_eq!(stored, samples, "every sample is in the database");
        }
    }
}
