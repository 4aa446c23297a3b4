//! Kubernetes: two Deployments behind one Service.

use super::{ERRORS, Notes, calm};
use crate::support::{assert_close, run, value};
use boxherd::world::Observation;
use boxherd::world::observation::RolloutStep;
const PODS_CANARY: [&str; 2] = ["platform.k8s.rollout.strategy=canary", "platform.k8s.size.web.boxes=18"];
const PODS_BLUE_GREEN: [&str; 2] =
    ["platform.k8s.rollout.strategy=blue-green", "platform.k8s.size.web.boxes=18"];

#[test]
fn a_canary_of_pods_gets_its_share_of_the_requests_and_is_taken_back() {
    let deaf = ["practice.alert_threshold=50%"];
    let notes = Notes::of("k8s", &[&PODS_CANARY, &ERRORS, &deaf]);
    // Two beside eighteen are a tenth.
    assert_eq!(notes.most_up(1), 2);
    assert_eq!(notes.said("taken back"), notes.step(RolloutStep::RollbackBegins));
    // 40 % of a tenth of 40 requests/s, for a minute until the first look, and from when each becomes ready: seconds.
    let errors = notes.errors_of_first_release();
    assert!((0.4 * 4.0 * 60.0..=0.4 * 4.0 * 80.0).contains(&errors), "{errors} requests");
    assert!(notes.when(|o| matches!(o, Observation::Paged { .. })).is_empty(), "nobody is called");
}

#[test]
fn a_canary_of_pods_grows_and_then_becomes_the_first_deployment() {
    let steps = ["platform.k8s.rollout.canary.steps=['10%', '50%']"];
    let notes = Notes::of("k8s", &[&PODS_CANARY, &steps]);
    let begun = notes.step(RolloutStep::Begins);
    let (first, second) = (notes.said("on to 18 of 36"), notes.said("on to all"));
    // Ten minutes each, after pods that come up within a minute, or two if they need a node first.
    assert!((600.0..=720.0).contains(&(first - begun)), "{} s", first - begun);
    assert!((600.0..=720.0).contains(&(second - first)), "{} s", second - first);
    assert!(notes.rollout_s() < 1_500.0, "{}", notes.rollout_s());
    // Eighteen beside eighteen, while those of the first Deployment are replaced too.
    assert!(notes.most_up(1) > 18);
    let up_at_end = {
        let results = run(&calm(&[&PODS_CANARY, &["run.replications=1"]]));
        value(&results, "k8s", "boxes_ready")
    };
    // Two more for ten minutes each release: eighteen and a hair.
    assert!((18.0..18.1).contains(&up_at_end), "{up_at_end}");
}

#[test]
fn a_second_set_of_pods_has_the_callers_at_once_and_gives_them_back() {
    let good = Notes::of("k8s", &[&PODS_BLUE_GREEN]);
    assert_eq!(good.most_up(1), 18, "a full set");
    // Five minutes of tests after pods, and perhaps nodes, that come up in one or two minutes.
    assert!((300.0..=450.0).contains(&good.rollout_s()), "{} s", good.rollout_s());
    let failed = |notes: &Notes| -> f64 {
        let flow = |o: &Observation| match o {
            Observation::Flow(f) => Some(f.failed() * f.seconds()),
            _ => None,
        };
        notes.0.iter().filter_map(|(_, o)| flow(o)).sum()
    };
    assert_eq!(failed(&good), 0.0, "a switch loses nobody");
    let bad = Notes::of("k8s", &[&PODS_BLUE_GREEN, &ERRORS]);
    let (switched, back) = (bad.said("with version 1"), bad.said("with version 0"));
    let alert = bad.first(|o| matches!(o, Observation::ErrorAlert { firing: true, .. }));
    assert!(alert > switched && back > alert);
    // 40 % of 40 requests/s from the switch until it is taken back, but for the second in which rules are written.
    assert_close(bad.errors_of_first_release(), 0.4 * 40.0 * (back - switched), 40.0, "requests");
}

#[test]
fn recreated_pods_are_away_for_seconds() {
    let recreate = ["platform.k8s.rollout.strategy=recreate", "platform.k8s.size.web.boxes=18"];
    let notes = Notes::of("k8s", &[&recreate]);
    let down: f64 = notes
        .0
        .iter()
        .filter_map(|(_, o)| match o {
            Observation::Flow(f) if f.boxes == 0.0 => Some(f.seconds()),
            _ => None,
        })
        .sum();
    let releases =
        notes.when(|o| matches!(o, Observation::Rollout { step: RolloutStep::Completes, .. })).len();
    // The old ones go within their grace of 30 s, then the new ones are pulled in 4 s, start in 6 s and are found ready
    // at the next probe, at most 10 s later.
    let each = down / releases as f64;
    assert!((10.0..=60.0).contains(&each), "{each} s");
}
