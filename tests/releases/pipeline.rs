//! What cannot be done, what is the same everywhere, and what holds in a storm.

use super::in_place::PETS_IN_PLACE;
use super::{CALM, Notes};
use crate::support::assert_close;
use boxherd::scenario::load_text;
use boxherd::world::observation::RolloutStep;
use boxherd::world::{Activity, Observation};
use std::path::Path;
/// What is said about a scenario that cannot be.
fn refused(overrides: &[&str]) -> String {
    let overrides: Vec<String> = overrides.iter().map(|&o| o.to_owned()).collect();
    match load_text("calm.toml", CALM.as_bytes(), Path::new(""), &overrides) {
        Ok(_) => panic!("{overrides:?} should be refused"),
        Err(error) => error.render(false),
    }
}

#[test]
fn a_strategy_that_a_platform_has_no_means_for_is_refused() {
    let no_second_set = refused(&["platform.pets.rollout.strategy=blue-green"]);
    assert!(
        no_second_set.contains("pets.rollout.strategy") && no_second_set.contains("second set"),
        "{no_second_set}"
    );
    let by_hand = refused(&["platform.cattle.rollout.strategy=by-hand"]);
    assert!(by_hand.contains("nobody changes cattle by hand"), "{by_hand}");
    let baked = refused(&["platform.cattle.rollout.strategy=in-place"]);
    assert!(baked.contains("image.kind = 'thin'"), "{baked}");
    let pods = refused(&["platform.k8s.rollout.strategy=in-place"]);
    assert!(pods.contains("pods are replaced"), "{pods}");
    let falling = refused(&["platform.cattle.rollout.canary.steps=['50%', '10%']"]);
    assert!(falling.contains("rising"), "{falling}");
}

#[test]
fn images_carry_their_environment_along() {
    let bad = |platform: &str, overrides: &[&str]| {
        let more =
            ["practice.environment_mismatch=60%", "service.web.release.rate=20/week", "run.length=20w"];
        let notes = Notes::of(platform, &[&more, overrides]);
        let of = |wanted: bool| {
            notes.when(|o| matches!(o, Observation::ReleaseHandedOver { bad, .. } if *bad == wanted)).len()
                as f64
        };
        of(true) / (of(true) + of(false))
    };
    // All of 60 %; a third of it from a baked image, all of it from a thin one; 7 % of it from a container image. With
    // 400 releases three standard deviations of 60 % are 7 %, of 20 % 6 % and of 4 % 3 %.
    assert_close(bad("pets", &[]), 0.6, 0.07, "pets");
    assert_close(bad("cattle", &[]), 0.2, 0.06, "cattle");
    assert_close(bad("cattle", &["platform.cattle.image.kind=thin"]), 0.6, 0.07, "thin cattle");
    assert_close(bad("k8s", &[]), 0.042, 0.03, "containers");
}

#[test]
fn without_a_mismatch_a_release_is_as_good_everywhere() {
    let bad = |platform: &str| {
        let notes = Notes::of(platform, &[&["service.web.release.failure_rate=50%"]]);
        notes.when(|o| matches!(o, Observation::ReleaseHandedOver { bad: true, .. }))
    };
    assert_eq!(bad("pets"), bad("cattle"));
    assert_eq!(bad("pets"), bad("k8s"));
    assert!(!bad("pets").is_empty());
}

#[test]
fn the_lead_time_has_the_build_and_the_bake_in_it() {
    let lead = |platform: &str| {
        let notes = Notes::of(platform, &[]);
        notes.step(RolloutStep::Begins) - notes.handed_over()
    };
    // A build of 2 min; a bake of 10 min.
    assert_eq!((lead("k8s"), lead("cattle")), (120.0, 720.0));
    let work = Notes::of("pets", &[&PETS_IN_PLACE]);
    let tool = work.when(|o| matches!(o, Observation::WorkAsked { activity: Activity::Deploy, .. }));
    assert_eq!(tool[0] - work.handed_over(), 120.0);
}

#[test]
fn no_strategy_gets_stuck_in_a_storm() {
    let storm = [
        "run.length=8w",
        "run.seed=3",
        "service.web.release.rate=5/week",
        "service.web.release.failure_rate=50%",
        "service.web.traffic.diurnal.amplitude=0.6",
        "practice.environment_mismatch=10%",
        "cloud.launch_failure=10%",
        "faults.vm_crash.rate=60/year",
        "faults.vm_loss.rate=60/year",
        "faults.process_crash.rate=20/month",
        "faults.process_crash.hang_share=30%",
        "faults.slow_vm.rate=60/year",
        "faults.zone_outage.rate=20/year",
        "faults.human_slip.chance=1%",
        "platform.cattle.scaling.policy=target-tracking",
        "platform.k8s.hpa.enabled=true",
    ];
    let all: [(&str, &[&str]); 4] = [
        ("pets", &["by-hand", "in-place", "recreate", "canary"]),
        ("cattle", &["rolling", "recreate", "blue-green", "canary"]),
        ("cattle", &["rolling", "in-place", "recreate", "blue-green", "canary"]),
        ("k8s", &["rolling", "recreate", "blue-green", "canary"]),
    ];
    for (at, (platform, strategies)) in all.into_iter().enumerate() {
        for strategy in strategies {
            let how = format!("platform.{platform}.rollout.strategy={strategy}");
            let image =
                if at == 2 { "platform.cattle.image.kind=thin" } else { "platform.cattle.image.kind=baked" };
            let notes = Notes::of(platform, &[&storm, &[how.as_str(), image]]);
            let begun = notes.when(|o| matches!(o, Observation::Rollout { step: RolloutStep::Begins, .. }));
            let ended = |o: &Observation| {
                let over = [RolloutStep::Completes, RolloutStep::RollbackCompletes];
                matches!(o, Observation::Rollout { step, .. } if over.contains(step))
            };
            let ended = notes.when(ended);
            // Forty in eight weeks, of which some overtake others while people sleep: at least two a week begin and come
            // to an end, also in the last week.
            let last_week = 7.0 * 7.0 * 86_400.0;
            let name = format!("{platform} {strategy} {image}");
            assert!(begun.len() >= 16 && ended.len() >= 16, "{name}: {} and {}", begun.len(), ended.len());
            assert!(ended.iter().any(|t| *t > last_week), "{name}: nothing ends in the last week");
            let flow = |o: &Observation| match o {
                Observation::Flow(f) => Some((f.served * f.seconds(), f.offered * f.seconds())),
                _ => None,
            };
            let sums = notes.0.iter().filter_map(|(_, o)| flow(o));
            let (served, offered) =
                sums.fold((0.0, 0.0), |(a, b), (served, offered)| (a + served, b + offered));
            assert!(served > 0.7 * offered, "{name}: {served} of {offered}");
        }
    }
}
