//! Recorded runs of a real control plane that are kept as tests, and proof that a difference is told.

use boxherd::verify::kubernetes::{Case, load, play};
use std::path::Path;

fn cases(kind: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubernetes-cases").join(kind);
    load(&folder).expect("the cases can be read")
}

/// What is told of each case that came out otherwise.
fn differences(cases: &[Case]) -> Vec<String> {
    let reports = play(cases, None).expect("threads start");
    reports.into_iter().flat_map(|r| r.failed).map(|f| format!("{}: {}", f.id, f.difference)).collect()
}

#[test]
fn the_control_plane_does_what_the_real_one_was_recorded_to_do() {
    assert_eq!(differences(&cases("")), Vec::<String>::new());
}

#[test]
fn another_score_reason_victim_or_node_is_told() {
    let check = |kind: &str, id: &str, change: &dyn Fn(&mut serde_json::Value), expected: &str| {
        let mut case = cases(kind).into_iter().find(|c| c.id == id).expect("it is kept");
        change(&mut case.observed);
        let told = differences(&[case]);
        assert!(told.len() == 1 && told[0].contains(expected), "{told:?}");
    };
    let of_run = |o: &mut serde_json::Value, value: i64| {
        let scores = &mut o["runs_with_scores"][0]["scores"]["w-1"]["weighted_plugin_scores"];
        scores["a1"]["NodeResourcesFit"] = value.into();
    };
    check("scheduling", "s06-0", &|o| of_run(o, 12), "NodeResourcesFit on a1 is Some(90), recorded 12");
    let message = |o: &mut serde_json::Value| {
        let text = "0/4 nodes are available: 2 Insufficient cpu, 2 Too many pods.";
        o["unschedulable_messages"]["p1"][0]["message"] = text.into();
    };
    check("scheduling", "s26-0", &message, "p1: unschedulable for");
    let victims = |o: &mut serde_json::Value| {
        o["victims_with_run_counts"][0]["victims_of"]["h"] = serde_json::json!(["l1"]);
    };
    check("scheduling", "p01-0", &victims, "victims are one of");
    let node = |o: &mut serde_json::Value| {
        for run in o["runs"].as_array_mut().expect("a list") {
            run["events"].as_array_mut().expect("a list").last_mut().expect("an event")["node"] = "q1".into();
        }
    };
    check("scheduling_queue", "q01", &node, "after step 2 bound are");
    let counts = |o: &mut serde_json::Value| {
        o["per_zone_pod_counts_with_run_counts"] = serde_json::json!([{"counts": {"no-zone": 1}, "runs": 1}]);
    };
    check("scheduling_uniform_ties", "s27-0", &counts, "never came up");
}
