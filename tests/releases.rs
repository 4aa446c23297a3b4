//! Rollout strategies on every platform that has them: how long they take, what they cost, what a bad version does.
//! The arithmetic stands beside each number.

use crate::support::{assert_close, run, scenario, value};
use boxherd::engine::SimTime;
use boxherd::scenario::{Scenario, load_text};
use boxherd::simulation::{self, Watcher};
use boxherd::world::observation::RolloutStep;
use boxherd::world::{Activity, BoxId, Observation, Version, World};
use std::collections::BTreeMap;
use std::path::Path;

/// One steady service of which nothing breaks; every step takes a known time.
const CALM: &str = r#"
[run]
length = "2w"
warm_up = "0s"
seed = 1

[service.web]
cpu_per_request = "40ms"
traffic.rate = "40/s"
traffic.diurnal.amplitude = 0
release.rate = "2/week"
release.failure_rate = "0%"

[service.web.container.app]
cpu = "500m"
memory = "512MiB"
startup = "5s"

[cloud]
boot = "60s"
launch_failure = "0%"

[practice]
build = "2m"
diagnose = "10m"
environment_mismatch = "0%"

[team]
acknowledge = "5m"
acknowledge_off_hours = "5m"

[faults]
vm_crash.rate = "0/year"
vm_loss.rate = "0/year"
process_crash.rate = "0/year"
zone_outage.rate = "0/year"
rack_outage.rate = "0/year"
rack_network.rate = "0/year"
power_outage.rate = "0/year"
overheating.rate = "0/year"
slow_vm.rate = "0/year"
registry_outage.rate = "0/year"
human_slip.chance = "0%"

[platform.pets]
kind = "pets"
drift.at_start = "0"
drift.per_touch = "0%"
drift.at_build = "0%"
rollout.in_place.start = "10m"
rollout.in_place.task = "120s"

[platform.cattle]
kind = "cattle"
scaling.policy = "none"
image.bake = "10m"
image.bake_failure = "0%"
image.configure = "10s"
image.install = "2m"
image.install_failure = "0%"
image.converge = "1m"
rollback = "5m"
rollout.in_place.task = "120s"
rollout.blue_green.switch = "2m"

[platform.k8s]
kind = "kubernetes"
hpa.enabled = false
rollback = "2m"
"#;

/// Versions that start and answer 40 % of the requests with an error, and versions that do not start.
const ERRORS: [&str; 3] = [
    "service.web.release.failure_rate=100%",
    "service.web.release.fails_to_start=0%",
    "service.web.release.error_share=40%",
];
const STILLBORN: [&str; 2] =
    ["service.web.release.failure_rate=100%", "service.web.release.fails_to_start=100%"];

fn calm(overrides: &[&[&str]]) -> Scenario {
    scenario("calm.toml", CALM, &overrides.concat())
}

/// All facts of one run.
#[derive(Default)]
struct Notes(Vec<(f64, Observation)>);

impl Watcher for Notes {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        self.0.push((time.as_secs_f64(), observation.clone()));
    }
}

impl Notes {
    fn of(platform: &str, overrides: &[&[&str]]) -> Notes {
        let scenario = calm(overrides);
        let mut world = World::new(&scenario.world, scenario.parameters.run.seed, 0);
        world.keep_remarks();
        let parameters = scenario.parameters.platform.get(platform).expect("it is there");
        let mut platform = parameters.build(&scenario.parameters.practice);
        let mut notes = Notes::default();
        simulation::run(&mut world, platform.as_mut(), &mut notes);
        notes
    }

    fn when(&self, wanted: impl Fn(&Observation) -> bool) -> Vec<f64> {
        self.0.iter().filter(|(_, o)| wanted(o)).map(|(t, _)| *t).collect()
    }

    fn first(&self, wanted: impl Fn(&Observation) -> bool) -> f64 {
        *self.when(wanted).first().expect("it happens")
    }

    fn step(&self, wanted: RolloutStep) -> f64 {
        self.first(|o| matches!(o, Observation::Rollout { step, .. } if *step == wanted))
    }

    /// How long the first roll-out took [s].
    fn rollout_s(&self) -> f64 {
        self.step(RolloutStep::Completes) - self.step(RolloutStep::Begins)
    }

    fn handed_over(&self) -> f64 {
        self.first(|o| matches!(o, Observation::ReleaseHandedOver { .. }))
    }

    /// Time of the first remark with these words.
    fn said(&self, words: &str) -> f64 {
        self.first(|o| matches!(o, Observation::Remark { text, .. } if text.contains(words)))
    }

    /// Requests that a version answered with an error from its roll-out until the next one.
    fn errors_of_first_release(&self) -> f64 {
        let begins = self.when(|o| matches!(o, Observation::ReleaseHandedOver { .. }));
        let until = begins.get(1).copied().unwrap_or(f64::INFINITY);
        let flow = |o: &Observation| match o {
            Observation::Flow(f) if f.from.as_secs_f64() < until => Some(f.errors * f.seconds()),
            _ => None,
        };
        self.0.iter().filter_map(|(_, o)| flow(o)).sum()
    }

    /// The most boxes with this version that were up at once, until the second release.
    fn most_up(&self, version: u32) -> usize {
        let mut versions: BTreeMap<BoxId, Version> = BTreeMap::new();
        let mut up: BTreeMap<BoxId, Version> = BTreeMap::new();
        let mut most = 0;
        for (_, o) in &self.0 {
            match *o {
                Observation::BoxCreated { subject, version, .. }
                | Observation::BoxStarting { subject, version } => {
                    versions.insert(subject, version);
                }
                Observation::BoxUp { subject } => drop(up.insert(subject, versions[&subject])),
                Observation::BoxExited { subject, .. } | Observation::BoxRemoved { subject } => {
                    up.remove(&subject);
                }
                _ => {}
            }
            most = most.max(up.values().filter(|v| v.0 == version).count());
        }
        most
    }
}

// In place.

const PETS_IN_PLACE: [&str; 1] = ["platform.pets.rollout.strategy=in-place"];
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
    let fast = ["platform.cattle.load_balancer.drain=0s", "platform.cattle.rollout.in_place.forks=100"];
    let took =
        Notes::of("cattle", &[&CATTLE_IN_PLACE, &fast, &["platform.cattle.size.web.boxes=20"]]).rollout_s();
    // One wave: 120 s, 5 s, and up to 30 s for the first check.
    assert!((125.0..=155.0).contains(&took), "{took} s");
}

#[test]
fn a_wave_waits_for_its_slowest_box() {
    let varied = [
        "platform.cattle.rollout.in_place.task=uniform(60s, 180s)",
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
        let boxes = changed.iter().collect::<std::collections::BTreeSet<_>>().len();
        assert_eq!(boxes, 5, "{platform}: one wave of five");
        assert!(notes.step(RolloutStep::RollbackCompletes) > notes.step(RolloutStep::RollbackBegins));
    }
}

// A canary of pets.

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

// Recreate.

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

// Blue and green.

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

// Canary.

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
    // Two machines: 60 + 10 + 5 s, up to 30 s, a minute of warm-up, and ten minutes of watching.
    assert!((735.0..=765.0).contains(&first), "{first} s");
    // Then four batches of two of 135 to 165 s each, and ten minutes.
    let second = notes.said("on to all") - begun - first;
    assert!((4.0 * 135.0 + 600.0..=4.0 * 165.0 + 600.0).contains(&second), "{second} s");
    assert!(notes.step(RolloutStep::Completes) > begun + first + second);
}

#[test]
fn a_bad_canary_is_taken_back_by_its_own_numbers() {
    let deaf = ["practice.alert_threshold=50%"];
    let notes = Notes::of("cattle", &[&CATTLE_CANARY, &ERRORS, &deaf]);
    assert_eq!(notes.most_up(1), 2, "a tenth of twenty");
    assert_eq!(notes.said("taken back"), notes.step(RolloutStep::RollbackBegins));
    // 40 % of 40 requests/s are 16/s. The two enter service within 30 s of each other, beside twenty others; they warm up
    // for a minute, two others leave, and a minute later they are looked at: about 96 of 240 failed. Twenty can spare
    // two, which leave at once.
    let errors = notes.errors_of_first_release();
    let least = 16.0 * (60.0 * 2.0 / 22.0 + 60.0 * 2.0 / 20.0);
    let most = least + 16.0 * 30.0 / 21.0;
    assert!((least..=most).contains(&errors), "{errors} requests, not {least} to {most}");
    assert!(notes.when(|o| matches!(o, Observation::Paged { .. })).is_empty(), "nobody is called");
}

#[test]
fn a_canary_that_does_not_start_is_given_up_at_the_deadline() {
    let notes = Notes::of("cattle", &[&CATTLE_CANARY, &STILLBORN]);
    let begun = notes.step(RolloutStep::Begins);
    // Ten minutes in which nothing entered service.
    assert_close(notes.step(RolloutStep::RollbackBegins) - begun, 600.0, 1e-6, "the deadline");
    assert!(notes.when(|o| matches!(o, Observation::Paged { .. })).is_empty(), "nobody is called");
}

// What cannot be done, and what reaches production only.

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

// Kubernetes: two Deployments behind one Service.

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

// In a storm.

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
