//! Canaries of a group of machines.

use super::{ERRORS, Notes, STILLBORN};
use crate::support::assert_close;
use boxherd::world::observation::RolloutStep;
use boxherd::world::{Activity, Observation};
const CATTLE_CANARY: [&str; 3] = [
    "platform.cattle.rollout.strategy=canary",
    "platform.cattle.size.web.boxes=20",
    "platform.cattle.refresh.warm_up=60s",
];

#[test]
fn a_canary_is_judged_before_the_others_follow() {
    let steps = ["platform.cattle.rollout.canary.steps=['10%', '50%']"];
    let notes = Notes::of("cattle", &[&CATTLE_CANARY, &steps]);
    let begun = notes.step(RolloutStep::Begins);
    let first = notes.said("on to 10 of 20") - begun;
    // Two machines: 60 + 10 + 5 s, up to 30 s, a minute of warm-up, 300 s in which the two that they replace drain, and ten
    // minutes of watching.
    assert!((1_035.0..=1_065.0).contains(&first), "{first} s");
    // Then four batches of two of 435 to 465 s each, and ten minutes.
    let second = notes.said("on to all") - begun - first;
    assert!((4.0 * 435.0 + 600.0..=4.0 * 465.0 + 600.0).contains(&second), "{second} s");
    assert!(notes.step(RolloutStep::Completes) > begun + first + second);
}

#[test]
fn a_bad_canary_is_taken_back_by_its_own_numbers() {
    let deaf = ["practice.alert_threshold=50%"];
    let notes = Notes::of("cattle", &[&CATTLE_CANARY, &ERRORS, &deaf]);
    assert_eq!(notes.most_up(1), 2, "a tenth of twenty");
    assert_eq!(notes.said("taken back"), notes.step(RolloutStep::RollbackBegins));
    // 40 % of 40 requests/s are 16/s. The two enter service within 30 s of each other, beside twenty others. A minute after
    // the first they are looked at: 66 to 87 of 166 to 218 requests failed, and both leave at once.
    let errors = notes.errors_of_first_release();
    let least = 16.0 * (30.0 / 21.0 + 30.0 * 2.0 / 22.0);
    let most = 16.0 * 60.0 * 2.0 / 22.0;
    assert!((least..=most).contains(&errors), "{errors} requests, not {least} to {most}");
    assert!(notes.when(|o| matches!(o, Observation::Paged { .. })).is_empty(), "nobody is called");
    // Somebody reads why, in office hours, as long as a diagnosis takes: 10 min.
    let read = notes.when(|o| {
        matches!(o, Observation::WorkDone { activity: Activity::Rollback, touch, .. }
        if touch.as_secs_f64() == 600.0)
    });
    assert!(
        !read.is_empty()
            && read.len()
                <= notes
                    .when(|o| matches!(o, Observation::Rollout { step: RolloutStep::RollbackBegins, .. }))
                    .len()
    );
}

/// What was stated in the instant in which the first version was taken back, and after it.
fn from_rollback_on(notes: &Notes) -> (f64, Vec<&Observation>) {
    let back = notes.step(RolloutStep::RollbackBegins);
    (back, notes.0.iter().filter(|(t, _)| *t == back).map(|(_, o)| o).collect())
}

#[test]
fn a_bad_canary_gets_no_more_requests_from_the_instant_on_in_which_it_is_taken_back() {
    let deaf = ["practice.alert_threshold=50%"];
    // A tenth of 13 is two, and a tenth more than 13 is one at a time: the first is judged before the second comes. With
    // nobody beyond the desired size one has left for it, and another one is asked for without waiting for the drain.
    for (most, asked) in [("110%", 0), ("100%", 1)] {
        let most = format!("platform.cattle.refresh.max_healthy={most}");
        let few = ["platform.cattle.size.web.boxes=13", &most];
        let notes = Notes::of("cattle", &[&CATTLE_CANARY, &ERRORS, &deaf, &few]);
        assert_eq!(notes.most_up(1), 1, "{most}");
        let (back, then) = from_rollback_on(&notes);
        let routed = notes.when(|o| matches!(o, Observation::BoxRouted { .. }));
        let served = routed.into_iter().rfind(|t| *t < back).expect("the canary served");
        assert_eq!(back - served, 60.0, "the first look");
        let count = |wanted: fn(&Observation) -> bool| then.iter().filter(|o| wanted(o)).count();
        assert_eq!(count(|o| matches!(o, Observation::BoxUnrouted { .. })), 1, "{most}");
        assert_eq!(count(|o| matches!(o, Observation::BoxCreated { .. })), asked, "{most}");
    }
}

#[test]
fn an_alert_ends_a_canary_whatever_its_analysis_says() {
    let blind = ["platform.cattle.rollout.canary.tolerance=100%"];
    let notes = Notes::of("cattle", &[&CATTLE_CANARY, &ERRORS, &blind]);
    // Two of twenty fail 40 %: 4 % of all requests, above the threshold of 2 %.
    let alerts = notes.when(|o| matches!(o, Observation::ErrorAlert { firing: true, .. }));
    assert_eq!(notes.step(RolloutStep::RollbackBegins), alerts[0]);
    let (_, then) = from_rollback_on(&notes);
    assert_eq!(then.iter().filter(|o| matches!(o, Observation::BoxUnrouted { .. })).count(), 2);
}

#[test]
fn a_canary_that_does_not_start_is_given_up_at_the_deadline() {
    let notes = Notes::of("cattle", &[&CATTLE_CANARY, &STILLBORN]);
    let begun = notes.step(RolloutStep::Begins);
    // Ten minutes in which nothing entered service.
    assert_close(notes.step(RolloutStep::RollbackBegins) - begun, 600.0, 1e-6, "the deadline");
    assert!(notes.when(|o| matches!(o, Observation::Paged { .. })).is_empty(), "nobody is called");
}

#[test]
fn a_canary_is_judged_by_single_requests_as_well() {
    let one_by_one = [
        "service.web.requests=discrete",
        "service.web.traffic.rate=20/s",
        "service.web.release.rate=20/week",
        "run.length=2d",
    ];
    let deaf = ["practice.alert_threshold=50%"];
    let notes = Notes::of("cattle", &[&CATTLE_CANARY, &ERRORS, &deaf, &one_by_one]);
    assert_eq!(notes.most_up(1), 2, "a tenth of twenty");
    assert_eq!(notes.said("taken back"), notes.step(RolloutStep::RollbackBegins));
    // 40 % of what two of 22 get of 20 requests/s: in a minute 109 and 44 of them, or 81 and 32 if the second comes half a
    // minute later, within four standard deviations of √26 = 5.1 and √20 = 4.4.
    let look = |o: &Observation| match o {
        Observation::Remark { text, .. } => text.strip_prefix("canary analysis: ").map(str::to_owned),
        _ => None,
    };
    let said = notes.0.iter().find_map(|(_, o)| look(o)).expect("it is looked at");
    let failed: f64 = said.split(' ').next().and_then(|n| n.parse().ok()).expect("a number comes first");
    assert!((14.0..=64.0).contains(&failed), "{said}");
}
