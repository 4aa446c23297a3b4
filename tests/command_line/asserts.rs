//! `[[assert]]`: shown first, in the manifest, and status 3 where one does not hold.

use super::*;

/// The shop with a claim that holds and one that does not: nobody pays less than a dollar.
const CLAIMS: &str = r#"
[platform.cattle]
kind = "cattle"

[[assert]]
metric = "availability"
comparison = ">="
value = "50%"

[[assert]]
platform = "pets"
metric = "cost_per_month"
comparison = "<"
value = "$1"
"#;

fn claims(scratch: &Scratch, arguments: &[&str]) -> Output {
    scratch.write("shop.toml", &format!("{SHOP}{CLAIMS}"));
    call(scratch.path(), &[&["run", "shop.toml", "-r", "3"], arguments].concat())
}

#[test]
fn a_claim_that_does_not_hold_is_shown_first_and_ends_with_3_and_results_are_written() {
    let scratch = Scratch::new("asserts");
    let output = claims(&scratch, &[]);
    assert_eq!(output.status, 3, "{}", output.stderr);
    let stdout = output.stdout.replace("\n  (", " (");
    let lines: Vec<&str> = stdout.lines().collect();
    assert!(
        lines[0].starts_with("✓ pets: availability ") && lines[0].contains(" % >= 50.0 % ("),
        "{lines:?}"
    );
    assert!(lines[1].starts_with("✓ cattle: availability "), "{lines:?}");
    assert!(
        lines[2].starts_with("✗ pets: cost_per_month ") && lines[2].contains(" is not < 1.00 USD ("),
        "{lines:?}"
    );
    assert!(output.stderr.contains("error: 1 of 3 asserts failed"), "{}", output.stderr);
    let manifest = read(&scratch.path().join("results/shop")).expect("the folder is complete").manifest;
    let told: Vec<_> = manifest.asserts.iter().map(|row| row.passed).collect();
    assert_eq!(told, [true, true, false]);
    // Hardly any failure in three replications: the interval of the availability leaves out one half.
    assert!(manifest.asserts[0].certain && manifest.asserts[1].certain);
    assert_eq!(manifest.asserts[2].bound, 1.0);
}

#[test]
fn claims_that_hold_end_with_0_and_can_be_overridden() {
    let scratch = Scratch::new("asserts-hold");
    let output = claims(&scratch, &["--set", "assert[1].value=$1000000", "-q"]);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""), "{}", output.stdout);
    assert!(output.stdout.starts_with("✓ ") && !output.stdout.contains('✗'), "quiet shows claims too");
}

#[test]
fn programs_find_claims_in_the_json_and_people_those_that_failed_on_stderr() {
    let scratch = Scratch::new("asserts-json");
    let output = claims(&scratch, &["--format", "json"]);
    assert_eq!(output.status, 3);
    let document: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(document["manifest"]["asserts"][2]["passed"], false);
    assert!(output.stderr.contains("✗ pets: cost_per_month"), "{}", output.stderr);
    assert!(!output.stderr.contains("✓"), "{}", output.stderr);
}

#[test]
fn a_claim_about_a_platform_that_is_not_run_is_said_not_to_be_judged() {
    let scratch = Scratch::new("asserts-unjudged");
    let output = claims(&scratch, &["--platform", "cattle"]);
    assert_eq!(output.status, 0, "{}", output.stderr);
    assert!(output.stderr.contains("2 asserts are about platforms that were not run"), "{}", output.stderr);
}

#[test]
fn a_claim_about_what_nobody_observed_does_not_hold() {
    let scratch = Scratch::new("asserts-nothing");
    scratch.write("shop.toml", SHOP);
    let calm = "assert=[{metric='recovery_time',comparison='<',value='1h'}]";
    let quiet = ["--set", "faults.vm_crash.rate=0/year", "--set", "faults.vm_loss.rate=0/year"];
    let arguments = [&["run", "shop.toml", "-r", "1", "--set", calm][..], &quiet].concat();
    let zones = ["--set", "faults.zone_outage.rate=0/year", "--set", "faults.rack_outage.rate=0/year"];
    let output = call(scratch.path(), &[&arguments[..], &zones].concat());
    assert_eq!(output.status, 3, "{}", output.stderr);
    assert!(output.stdout.starts_with("✗ pets: recovery_time < 1 h"), "{}", output.stdout);
    assert!(output.stdout.contains("no value, nothing was observed"), "{}", output.stdout);
}

#[test]
fn claims_about_nothing_are_refused_with_place_and_nearest_name() {
    let claims = CLAIMS
        .replace("\"availability\"", "\"availabilty\"")
        .replace("\"pets\"", "\"pats\"")
        .replace("\"$1\"", "\"1m\"")
        .replace(
            "metric = \"cost_per_month\"",
            "metric = \"cost_per_month\"\nservice = \"wob\"\nstatistic = \"p50\"",
        );
    check_bad_file(
        &format!("{SHOP}{claims}"),
        &[
            "unknown metric `availabilty`",
            "shop.toml:18:10",
            "did you mean `availability`?",
            "unknown platform `pats`",
            "did you mean `pets`?",
            "unknown service `wob`",
            "unknown statistic `p50`",
            "expected `ratio`",
            "`cost_per_month` cannot be compared with this value",
            "dollars such as `$62`",
            "5 problems in shop.toml",
        ],
    );
    check_bad_file(
        &format!("{SHOP}[[assert]]\nmetric = \"vms\"\ncomparison = \"=\"\nvalu = 3\n"),
        &["missing `value` in `assert[0]`", "did you mean `<=` or `>=`?", "did you mean `value`?"],
    );
}
