//! A tool over ssh: waves, drains and forks, on pets and on machines from thin images.

use super::{ERRORS, Notes, STILLBORN};
use boxherd::world::observation::RolloutStep;
use boxherd::world::{BoxId, Observation, Version};
use std::collections::BTreeSet;
pub const PETS_IN_PLACE: [&str; 1] = ["platform.pets.rollout.strategy=in-place"];
const CATTLE_IN_PLACE: [&str; 2] =
    ["platform.cattle.rollout.strategy=in-place", "platform.cattle.image.kind=thin"];

#[test]
fn a_hundred_boxes_over_ssh_with_five_forks_take_about_two_and_a_half_hours() {
    let sizes = ["platform.pets.size.web.boxes=100", "platform.cattle.size.web.boxes=100"];
    // 20 waves of five. Each drains for 300 s, is changed in 120 s, starts in 5 s, and is back when the last of the
    // five has passed its first check, within 30 s: 425 to 455 s, 2.36 to 2.53 h in all.
    let pets = Notes::of("pets", &[&PETS_IN_PLACE, &sizes]).rollout_s();
    // Somebody starts the tool first, in ten minutes.
    assert!((20.0 * 425.0..=20.0 * 455.0).contains(&(pets - 600.0)), "{pets} s");
    let cattle = Notes::of("cattle", &[&CATTLE_IN_PLACE, &sizes]).rollout_s();
    assert!((20.0 * 425.0..=20.0 * 455.0).contains(&cattle), "{cattle} s");
}

#[test]
fn without_a_drain_and_with_many_forks_it_takes_minutes() {
    let fast = [
        "platform.cattle.load_balancer.drain=0s",
        "platform.cattle.rollout.in_place.forks=100",
        "platform.cattle.rollout.in_place.at_most=100%",
    ];
    let took =
        Notes::of("cattle", &[&CATTLE_IN_PLACE, &fast, &["platform.cattle.size.web.boxes=20"]]).rollout_s();
    // One wave: 120 s, 5 s, and up to 30 s for the first check.
    assert!((125.0..=155.0).contains(&took), "{took} s");
}

#[test]
fn a_wave_waits_for_its_slowest_box() {
    let varied = [
        "platform.cattle.rollout.in_place.task=uniform(60s, 180s)",
        "platform.cattle.rollout.in_place.at_most=100%",
        "platform.cattle.load_balancer.drain=0s",
        "platform.cattle.size.web.boxes=20",
    ];
    let took = |forks: &str| Notes::of("cattle", &[&CATTLE_IN_PLACE, &varied, &[forks]]).rollout_s();
    // The largest of twenty between 60 and 180 s is 60 + 120 · 20/21 = 174 s on average; one after the other they take
    // 120 s each.
    let (all, one) =
        (took("platform.cattle.rollout.in_place.forks=20"), took("platform.cattle.rollout.in_place.forks=1"));
    assert!((150.0..=215.0).contains(&all), "{all} s");
    assert!((20.0 * 125.0 - 300.0..=20.0 * 155.0 + 300.0).contains(&one), "{one} s");
}

#[test]
fn a_version_that_does_not_start_stops_the_tool_at_the_first_wave() {
    for (platform, strategy) in [("pets", &PETS_IN_PLACE[..]), ("cattle", &CATTLE_IN_PLACE[..])] {
        let size = format!("platform.{platform}.size.web.boxes=20");
        let notes = Notes::of(platform, &[strategy, &STILLBORN, &[size.as_str()]]);
        let changed: Vec<BoxId> = notes
            .0
            .iter()
            .filter_map(|(_, o)| match o {
                Observation::BoxStarting { subject, version: Version(1) } => Some(*subject),
                _ => None,
            })
            .collect();
        let boxes = changed.iter().collect::<BTreeSet<_>>().len();
        assert_eq!(boxes, 5, "{platform}: one wave of five");
        assert!(notes.step(RolloutStep::RollbackCompletes) > notes.step(RolloutStep::RollbackBegins));
    }
}

#[test]
fn a_canary_of_pets_is_one_box_that_somebody_takes_back() {
    let canary = ["platform.pets.rollout.strategy=canary", "platform.pets.size.web.boxes=10"];
    let notes = Notes::of("pets", &[&canary, &ERRORS]);
    assert_eq!(notes.most_up(1), 1, "a tenth of ten");
    // The first look, a minute after its first check; 40 % of 4 requests/s are 96 of 240.
    let decided = notes.said("to be taken back");
    assert_eq!(notes.step(RolloutStep::RollbackBegins), decided);
    // Somebody starts the tool at once, in ten minutes; the box leaves the route, and no request of it fails any more.
    let errors = notes.errors_of_first_release();
    assert!((0.4 * 4.0 * 660.0..=0.4 * 4.0 * 665.0).contains(&errors), "{errors} requests");
    // It drains for 300 s, is changed in 120 s and starts in 5 s.
    let gone = notes.step(RolloutStep::RollbackCompletes) - decided;
    assert!((600.0 + 425.0..=600.0 + 455.0).contains(&gone), "{gone} s");
}

#[test]
fn pets_that_are_all_changed_at_once_are_back_after_one_wave() {
    let recreate = ["platform.pets.rollout.strategy=recreate", "platform.pets.size.web.boxes=30"];
    // Ten minutes to start the tool, and one wave of 425 to 455 s.
    let took = Notes::of("pets", &[&recreate]).rollout_s();
    assert!((600.0 + 425.0..=600.0 + 455.0).contains(&took), "{took} s");
}
