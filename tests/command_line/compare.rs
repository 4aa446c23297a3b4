//! `boxherd compare`: two folders, nothing run again.

use super::*;
use boxherd::experiment::change;

/// Two runs of the shop with machines that crash: as it is, and with these arguments.
fn two(scratch: &Scratch, arguments: &[&str]) {
    scratch.write("shop.toml", SHOP);
    let common = ["run", "shop.toml", "-q", "-r", "6", "--set", "faults.vm_crash.rate=300/year"];
    for (out, more) in [("old", &[][..]), ("new", arguments)] {
        let output = call(scratch.path(), &[&common[..], &["--out", out], more].concat());
        assert_eq!(output.status, 0, "{}", output.stderr);
    }
}

#[test]
fn dearer_hours_are_told_as_a_rise_of_the_cost_and_nothing_else() {
    let scratch = Scratch::new("compare");
    two(&scratch, &["--set", "team.wage=$124/h"]);
    let output = call(scratch.path(), &["compare", "old", "new"]);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""));
    assert!(output.stdout.starts_with("cost/month of pets rose by "), "{}", output.stdout);
    for part in [
        "availability of pets is the same in both.",
        "Paired: 6 replications with seed 1 on both sides.",
        "then faults.vm_crash.rate=300/year team.wage=$124/h",
    ] {
        let text = output.stdout.replace("\n  ", " ");
        assert!(text.contains(part), "{part} is missing in\n{}", output.stdout);
    }
}

#[test]
fn what_compare_says_of_the_old_folder_is_what_its_summary_says() {
    let scratch = Scratch::new("compare-summary");
    two(&scratch, &["--set", "faults.vm_crash.down=1h"]);
    let [old, new] = ["old", "new"].map(|name| read(&scratch.path().join(name)).expect("complete"));
    let change = change::compare(&old, &new);
    let mut seen = std::collections::BTreeSet::new();
    for row in change.rows.iter().filter(|row| row.basis != "replications") {
        for (value, results) in [(row.old, &old), (row.new, &new)] {
            let is_it = |s: &&boxherd::results::rows::SummaryRow| {
                (&s.platform, &s.service, &s.metric, &s.statistic)
                    == (&row.platform, &row.service, &row.metric, &row.statistic)
            };
            let summary = results.summary.iter().find(is_it).expect("it is in the summary");
            assert_eq!(value, summary.value, "{row:?}");
        }
        seen.insert(row.basis.as_str());
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["pool", "sums"]);
}

#[test]
fn a_folder_against_itself_shows_no_difference() {
    let scratch = Scratch::new("compare-same");
    two(&scratch, &[]);
    let output = call(scratch.path(), &["compare", "old", "new", "--fail-on", "cost_per_month:0%"]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    let sentences: Vec<&str> = output.stdout.lines().take_while(|line| !line.is_empty()).collect();
    assert!(sentences.iter().all(|line| line.ends_with("is the same in both.")), "{sentences:?}");
}

#[test]
fn other_seeds_are_not_pairs() {
    let scratch = Scratch::new("compare-seeds");
    two(&scratch, &["--seed", "2"]);
    let text = call(scratch.path(), &["compare", "old", "new"]).stdout.replace("\n  ", " ");
    assert!(text.contains("Not paired: 6 replications with seed 1 and 6 replications with seed 2"), "{text}");
}

#[test]
fn getting_worse_by_more_than_allowed_ends_with_3() {
    let scratch = Scratch::new("compare-fail");
    two(&scratch, &["--set", "team.wage=$124/h"]);
    let fail_on = |limit: &str, sides: [&str; 2]| {
        call(scratch.path(), &["compare", sides[0], sides[1], "--fail-on", limit, "--format", "csv"])
    };
    let worse = fail_on("cost_people:50%", ["old", "new"]);
    assert_eq!(worse.status, 3);
    // Twice the wage is twice the cost of people.
    assert!(
        worse.stderr.contains("cost_people of pets changed by +100.00 %, allowed are 50 %"),
        "{}",
        worse.stderr
    );
    assert!(worse.stdout.starts_with("platform,service,metric"));
    assert_eq!(fail_on("cost_people:101%", ["old", "new"]).status, 0);
    assert_eq!(fail_on("cost_people:1%", ["new", "old"]).status, 0, "cheaper is not worse");
    assert_eq!(fail_on("cost_peple:1%", ["new", "old"]).status, 2);
}

#[test]
fn json_and_markdown_say_the_same() {
    let scratch = Scratch::new("compare-formats");
    two(&scratch, &["--set", "team.wage=$124/h"]);
    let format = |name: &str| call(scratch.path(), &["compare", "old", "new", "--format", name]).stdout;
    let document: serde_json::Value = serde_json::from_str(&format("json")).expect("JSON");
    assert_eq!((&document["paired"], &document["replications"][0]), (&true.into(), &6.into()));
    let people =
        document["changes"].as_array().expect("rows").iter().find(|row| row["metric"] == "cost_people");
    let ratio = people.expect("it is compared")["ratio"].as_f64().expect("known");
    assert_close(ratio, 2.0, 1e-9, "twice the wage");
    let markdown = format("markdown");
    assert!(markdown.starts_with("- cost/month of pets rose by "), "{markdown}");
    assert!(
        markdown.contains("\n| platform | metric | old | new | change (95 % interval) |\n| :-- | --: |"),
        "{markdown}"
    );
}

#[test]
fn what_are_no_results_is_refused() {
    let scratch = Scratch::new("compare-nothing");
    two(&scratch, &[]);
    for (arguments, expected) in
        [(["old", "gone"], "gone/manifest.json: cannot read"), (["shop.toml", "new"], "shop.toml")]
    {
        let output = call(scratch.path(), &["compare", arguments[0], arguments[1]]);
        assert_eq!((output.status, output.stdout.as_str()), (2, ""));
        assert!(output.stderr.contains(expected), "{}", output.stderr);
    }
}
