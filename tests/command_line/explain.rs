//! `check` and `explain`: they run nothing.

use super::*;

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
