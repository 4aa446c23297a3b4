//! All at once, and two sets of machines.

use super::{ERRORS, Notes, STILLBORN, calm};
use crate::support::{assert_close, run, value};
use boxherd::world::Observation;
use boxherd::world::observation::RolloutStep;
#[test]
fn recreation_is_down_for_as_long_as_new_boxes_take() {
    // All leave at once: nobody serves while they drain for 300 s, and new ones boot for 60 s, are configured in 10 s,
    // start in 5 s and pass a check within 30 s. 40 requests/s fail for 375 to 405 s.
    let notes = Notes::of("cattle", &[&["platform.cattle.rollout.strategy=recreate"]]);
    let flow = |o: &Observation| match o {
        Observation::Flow(f) => Some((f.offered - f.served) * f.seconds()),
        _ => None,
    };
    let releases = notes.when(|o| matches!(o, Observation::ReleaseHandedOver { .. })).len() as f64;
    let failed: f64 = notes.0.iter().filter_map(|(_, o)| flow(o)).sum::<f64>() / releases;
    assert!((40.0 * 370.0..=40.0 * 410.0).contains(&failed), "{failed} of each release");
}

const CATTLE_BLUE_GREEN: [&str; 1] = ["platform.cattle.rollout.strategy=blue-green"];

#[test]
fn a_second_set_takes_one_boot_whatever_its_size_and_is_paid_twice_while_it_lasts() {
    let size = ["platform.cattle.size.web.boxes=20"];
    let notes = Notes::of("cattle", &[&CATTLE_BLUE_GREEN, &size]);
    // 60 + 10 + 5 s, up to 30 s for the first check, and a test of 300 s.
    let took = notes.rollout_s();
    assert!((375.0..=405.0).contains(&took), "{took} s");
    assert_eq!(notes.most_up(1), 20, "a full set");
    // Forty machines for that time and the hour that the old ones are kept: 20 · (4000 s) of 2 w.
    let cost = |overrides: &[&[&str]]| value(&run(&calm(overrides)), "cattle", "cost_compute");
    let one = ["run.replications=1", "service.web.release.rate=7/week"];
    let none = ["run.replications=1", "service.web.release.rate=0/week"];
    let ratio = cost(&[&CATTLE_BLUE_GREEN, &size, &one]) / cost(&[&CATTLE_BLUE_GREEN, &size, &none]);
    let releases = Notes::of("cattle", &[&CATTLE_BLUE_GREEN, &size, &["service.web.release.rate=7/week"]])
        .when(|o| matches!(o, Observation::Rollout { step: RolloutStep::Completes, .. }))
        .len() as f64;
    assert_close(ratio, 1.0 + releases * (took + 3_600.0) / (14.0 * 86_400.0), 0.002, "machine time");
}

#[test]
fn two_versions_serve_together_only_where_boxes_change_one_after_the_other() {
    let mixed = |strategy: &str| {
        let strategy = format!("platform.cattle.rollout.strategy={strategy}");
        let results = run(&calm(&[&[strategy.as_str(), "run.replications=1"]]));
        value(&results, "cattle", "mixed_version_minutes")
    };
    // A second set serves nobody until it has all callers, and then the first serves nobody.
    assert_eq!((mixed("blue-green"), mixed("recreate")), (0.0, 0.0));
    assert!(mixed("rolling") > 1.0);
}

#[test]
fn switching_back_takes_seconds_once_it_is_decided() {
    let notes = Notes::of("cattle", &[&CATTLE_BLUE_GREEN, &ERRORS]);
    let (alert, back) = (
        notes.first(|o| matches!(o, Observation::ErrorAlert { firing: true, .. })),
        notes.step(RolloutStep::RollbackBegins),
    );
    // 5 min to acknowledge, 10 to see what it is, 2 to switch; and then every box runs the old version at once.
    assert_close(back - alert, 17.0 * 60.0, 1e-6, "from the alert to the switch");
    assert_eq!(notes.step(RolloutStep::RollbackCompletes), back);
    // 40 % of 40 requests/s, from the switch until then.
    let bad_s = back - notes.said("all requests are switched to the set");
    assert_close(notes.errors_of_first_release(), 0.4 * 40.0 * bad_s, 1.0, "requests");
}

#[test]
fn a_second_set_that_does_not_come_up_harms_nobody() {
    let notes = Notes::of("cattle", &[&CATTLE_BLUE_GREEN, &STILLBORN]);
    let failed = |o: &Observation| match o {
        Observation::Flow(f) => Some(f.failed() * f.seconds()),
        _ => None,
    };
    assert_eq!(notes.0.iter().filter_map(|(_, o)| failed(o)).sum::<f64>(), 0.0);
    assert!(notes.step(RolloutStep::RollbackCompletes) > 0.0);
    assert_eq!(notes.most_up(1), 0);
}
