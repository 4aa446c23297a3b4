//! Groups of machines as a cloud keeps them: how long each mechanism takes, with the arithmetic beside it.

use crate::support::quiet;
use boxherd::engine::SimTime;
use boxherd::simulation::{self, Watcher};
use boxherd::world::observation::RolloutStep;
use boxherd::world::{Activity, Observation, Purchase, Version, World, ZoneId};

/// One steady service of which nothing breaks; every step takes a known time.
const CALM: &str = r#"
[run]
length = "2w"
seed = 1

[service.web]
cpu_per_request = "40ms"
traffic.rate = "40/s"
traffic.diurnal.amplitude = 0
release.rate = "0/week"

[service.web.container.app]
cpu = "500m"
memory = "512MiB"
startup = "5s"

[cloud]
boot = "60s"
launch_failure = "0%"

[platform.herd]
kind = "cattle"
scaling.policy = "none"
image.configure = "10s"
"#;

/// Good releases; pushes wait for nobody.
const RELEASES: [&str; 2] = ["service.web.release.rate=2/week", "service.web.release.failure_rate=0%"];

/// All facts of one run but those about requests.
#[derive(Default)]
struct Notes(Vec<(f64, Observation)>);

impl Watcher for Notes {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        if !matches!(observation, Observation::Flow(_)) {
            self.0.push((time.as_secs_f64(), observation.clone()));
        }
    }
}

impl Notes {
    fn of(overrides: &[&str]) -> Notes {
        let scenario = quiet("calm.toml", CALM, overrides);
        let mut world = World::new(&scenario.world, scenario.parameters.run.seed, 0);
        let parameters = scenario.parameters.platform.get("herd").expect("it is there");
        let mut platform = parameters.build(&scenario.parameters.practice);
        let mut notes = Notes::default();
        simulation::run(&mut world, platform.as_mut(), &mut notes);
        notes
    }

    /// Seconds at which something was so.
    fn when(&self, wanted: impl Fn(&Observation) -> bool) -> Vec<f64> {
        self.0.iter().filter(|(_, o)| wanted(o)).map(|(t, _)| *t).collect()
    }

    /// How long the first roll-out took [s].
    fn rollout_s(&self) -> f64 {
        let at = |wanted: RolloutStep| {
            let step = |o: &Observation| matches!(o, Observation::Rollout { step, .. } if *step == wanted);
            *self.when(step).first().expect("a version was rolled out")
        };
        at(RolloutStep::Completes) - at(RolloutStep::Begins)
    }
}

fn with<'a>(first: &[&'a str], more: &[&'a str]) -> Vec<&'a str> {
    [first, more].concat()
}

/// A hundred boxes as AWS does it unless told otherwise: nothing beyond the desired size, long warm-up.
const HUNDRED: [&str; 4] = [
    "platform.herd.size.web.boxes=100",
    "platform.herd.refresh.max_healthy=100%",
    "platform.herd.refresh.warm_up=300s",
    "service.web.release.rate=2/week",
];

#[test]
fn an_instance_refresh_of_a_hundred_boxes_takes_about_two_hours() {
    let took = Notes::of(&with(&HUNDRED, &["service.web.release.failure_rate=0%"])).rollout_s();
    // 90 % must stay, so ten waves of ten. Each drains for 300 s, boots for 60 s, is configured in 10 s, starts in 5 s,
    // passes its first check within 30 s and warms up for 300 s: between 675 and 705 s, ten times: 1.88 to 1.96 h.
    assert!((6_750.0..=7_050.0).contains(&took), "{took} s");
}

#[test]
fn replacements_that_come_first_save_capacity_and_no_time() {
    let first = with(&HUNDRED, &["platform.herd.refresh.max_healthy=110%", RELEASES[1]]);
    let took = Notes::of(&first).rollout_s();
    // The next ten are launched when those before have drained and are gone: 60 + 10 + 5 + up to 30 s, 300 s of warm-up and
    // 300 s of drain a wave, as if they had left first.
    assert!((6_750.0..=7_050.0).contains(&took), "{took} s");
    let quick = Notes::of(&with(&first, &["platform.herd.load_balancer.drain=0s"])).rollout_s();
    assert!((3_750.0..=4_050.0).contains(&quick), "{quick} s");
}

#[test]
fn a_checkpoint_holds_a_refresh_for_an_hour() {
    let small = with(&RELEASES, &["platform.herd.size.web.boxes=10"]);
    let held = with(&small, &["platform.herd.refresh.checkpoints=['20%', '50%']"]);
    let (without, with_two) = (Notes::of(&small).rollout_s(), Notes::of(&held).rollout_s());
    // Two checkpoints of an hour each; the checks of machines that come at another time have another phase.
    assert!((with_two - without - 7_200.0).abs() < 10.0 * 30.0, "{without} and {with_two} s");
}

#[test]
fn an_alert_takes_a_version_back_at_once_if_it_may() {
    let bad = [
        "service.web.release.rate=2/week",
        "service.web.release.failure_rate=100%",
        "service.web.release.fails_to_start=0%",
        "service.web.release.error_share=50%",
    ];
    let delay = |overrides: &[&str]| {
        let notes = Notes::of(&with(&bad, overrides));
        let alert = notes.when(|o| matches!(o, Observation::ErrorAlert { firing: true, .. }))[0];
        let back =
            |o: &Observation| matches!(o, Observation::Rollout { step: RolloutStep::RollbackBegins, .. });
        notes.when(back).into_iter().find(|t| *t >= alert).expect("it is taken back") - alert
    };
    assert_eq!(delay(&["platform.herd.refresh.auto_rollback=true"]), 0.0);
    // A person acknowledges, looks and begins: minutes.
    assert!(delay(&[]) > 120.0);
}

#[test]
fn whoever_is_paged_holds_the_refresh_until_it_is_clear_why() {
    let notes = Notes::of(&[
        "service.web.release.rate=2/week",
        "service.web.release.failure_rate=100%",
        "service.web.release.fails_to_start=0%",
        "service.web.release.error_share=50%",
        "platform.herd.size.web.boxes=20",
        "practice.diagnose=1h",
    ]);
    let begins = |o: &Observation| matches!(o, Observation::WorkBegan { activity: Activity::Repair, .. });
    let back = |o: &Observation| matches!(o, Observation::Rollout { step: RolloutStep::RollbackBegins, .. });
    let began = notes.when(begins)[0];
    let taken_back = notes.when(back)[0];
    // An hour of looking, in which about seven more of the twenty would have been replaced: nobody leaves the lists.
    assert!(taken_back - began >= 3_600.0, "{began} to {taken_back}");
    let leaves = notes.when(|o| matches!(o, Observation::BoxUnrouted { .. }));
    assert!(leaves.iter().any(|t| *t < began), "some were replaced before");
    assert!(!leaves.iter().any(|t| (began + 1.0..taken_back).contains(t)), "{leaves:?}");
}

#[test]
fn a_change_reaches_machines_that_configure_themselves_within_an_interval_and_a_run() {
    let thin = [
        "platform.herd.image.kind=thin",
        "platform.herd.size.web.boxes=20",
        "platform.herd.image.converge=5m",
    ];
    let took = Notes::of(&with(&RELEASES, &thin)).rollout_s();
    // Twenty agents run at random times of 30 min: the last near its end. Then 300 s for the run and 5 s to start.
    assert!((0.8 * 1_800.0 + 305.0..=1_800.0 + 305.0).contains(&took), "{took} s");
    let pushed = Notes::of(&with(&RELEASES, &with(&thin, &["platform.herd.image.spread=push"]))).rollout_s();
    // Five at a time: four waves of 300 s, and 5 s to start.
    assert!((pushed - 1_205.0).abs() < 1e-6, "{pushed} s");
}

#[test]
fn a_share_of_a_spot_group_is_on_demand() {
    let notes = Notes::of(&[
        "platform.herd.purchase=spot",
        "platform.herd.on_demand_base=2",
        "platform.herd.on_demand_share=25%",
        "platform.herd.size.web.boxes=10",
        "faults.spot_reclaim.rate=0/year",
    ]);
    let bought = |wanted: Purchase| {
        notes.when(|o| matches!(o, Observation::VmLaunched { purchase, .. } if *purchase == wanted)).len()
    };
    // Two, and a quarter of the eight above them.
    assert_eq!((bought(Purchase::OnDemand), bought(Purchase::Spot)), (4, 6));
}

/// A group of four that may grow to eight, and what waits beside it.
const POOLED: [&str; 4] = [
    "platform.herd.size.web.boxes=4",
    "platform.herd.max_size=2",
    "platform.herd.warm_pool.state=stopped",
    "platform.herd.image.staleness=0s",
];

#[test]
fn a_lost_machine_is_replaced_by_one_that_waits() {
    let losses = ["faults.vm_loss.rate=20/year", "run.length=4w"];
    let replaced_in = |more: &[&str]| {
        let notes = Notes::of(&with(&with(&POOLED, &losses), more));
        let (at, vm) = (notes.0.iter())
            .find_map(|(t, o)| if let Observation::VmDown { vm, .. } = o { Some((*t, *vm)) } else { None })
            .expect("a machine is lost");
        let given_back =
            notes.when(|o| *o == Observation::VmTerminated { vm }).into_iter().find(|t| *t >= at);
        let given_back = given_back.expect("it is replaced");
        let up = notes.when(|o| matches!(o, Observation::BoxUp { .. }));
        let up = up.into_iter().find(|t| *t >= given_back).expect("another one serves");
        (up - given_back, notes.when(|o| matches!(o, Observation::VmStopped { .. })).len())
    };
    // Launched: 60 + 10 + 5 s. Started: 60 % of 60 s, and 5 s, with nothing left to configure.
    let (cold, _) = replaced_in(&["platform.herd.warm_pool.state=none"]);
    assert_eq!(cold, 75.0);
    let (warm, stopped) = replaced_in(&[]);
    assert_eq!(warm, 41.0);
    // The four at the start: the pool is as large as the group may still grow, which a replacement does not change, so
    // that each one taken is made up.
    assert!(stopped > 4, "{stopped}");
    assert_eq!(replaced_in(&["cloud.start=100%"]).0, 65.0);
}

#[test]
fn a_pool_is_what_the_group_may_grow_to_and_gets_the_image_when_the_group_has_it() {
    let counted = |overrides: &[&str]| {
        let notes = Notes::of(&with(&POOLED, overrides));
        let at_start = |o: &Observation| matches!(o, Observation::VmStopped { .. });
        notes.when(at_start).into_iter().filter(|t| *t == 0.0).count()
    };
    // Twice the peak of four, less the four in service; one and a half times; at least seven.
    assert_eq!(counted(&[]), 4);
    assert_eq!(counted(&["platform.herd.warm_pool.prepared=1.5"]), 2);
    assert_eq!(counted(&["platform.herd.warm_pool.min=7"]), 7);
    assert_eq!(counted(&["platform.herd.warm_pool.state=none"]), 0);

    let notes = Notes::of(&with(&POOLED, &RELEASES));
    let step = |wanted: RolloutStep| {
        notes.when(|o| matches!(o, Observation::Rollout { step, .. } if *step == wanted))[0]
    };
    let (begins, ends) = (step(RolloutStep::Begins), step(RolloutStep::Completes));
    let launched = notes.when(|o| matches!(o, Observation::VmLaunched { .. }));
    let within = |from: f64, to: f64| launched.iter().filter(|t| (from..to).contains(*t)).count();
    // What waits has the old image: the refresh launches four, and after its end one of four is replaced at each pass.
    assert_eq!(within(begins, ends), 4);
    assert_eq!(within(ends, ends + 240.1), 4);
    // Each is stopped as soon as it has booted and is configured: 70 s later.
    let stopped = notes.when(|o| matches!(o, Observation::VmStopped { .. }));
    let pool: Vec<f64> = launched.iter().copied().filter(|t| (ends..ends + 240.1).contains(t)).collect();
    assert!(pool.iter().all(|t| stopped.contains(&(t + 70.0))), "{pool:?} {stopped:?}");
}

#[test]
fn a_machine_past_its_lifetime_is_replaced_one_after_the_other() {
    let notes = Notes::of(&[
        "platform.herd.max_lifetime=5d",
        "platform.herd.size.web.boxes=4",
        "run.length=6d",
        "run.warm_up=0s",
    ]);
    let launches = notes.when(|o| matches!(o, Observation::VmLaunched { .. }));
    let replaced: Vec<f64> = launches.into_iter().filter(|t| *t > 0.0).collect();
    // A tenth of four is one at a time, the new one first: launched at a pass, in service within 60 + 10 + 5 + 30 s, so
    // that the old one goes at the second pass after and the next comes at the third: 180 s each.
    assert_eq!(replaced.len(), 4, "{replaced:?}");
    assert!((replaced[0] - 5.0 * 86_400.0) < 60.0);
    assert!(replaced.windows(2).all(|w| (w[1] - w[0] - 180.0).abs() < 1e-6), "{replaced:?}");
}

#[test]
fn machines_go_back_to_a_zone_that_was_dark() {
    let dark = [
        "platform.herd.size.web.boxes=12",
        "faults.zone_outage.rate=20/year",
        "faults.zone_outage.down=3h",
        "run.length=8w",
    ];
    let imbalance = |overrides: &[&str]| {
        let notes = Notes::of(&with(&dark, overrides));
        let struck = notes.when(|o| matches!(o, Observation::GroupStruck { .. }));
        assert!(!struck.is_empty(), "a zone fails");
        // A day after the first: how many machines are in each zone.
        let mut zone_of = std::collections::BTreeMap::new();
        for (_, o) in notes.0.iter().take_while(|(t, _)| *t < struck[0] + 86_400.0) {
            match o {
                Observation::VmLaunched { vm, zone, .. } => drop(zone_of.insert(*vm, *zone)),
                Observation::VmTerminated { vm } => drop(zone_of.remove(vm)),
                _ => {}
            }
        }
        let count = |zone| zone_of.values().filter(|z| **z == ZoneId(zone)).count();
        let counts = [count(0), count(1), count(2)];
        counts.iter().max().expect("three") - counts.iter().min().expect("three")
    };
    // Twelve machines: four a zone, and six in each of two while the third is dark.
    assert!(imbalance(&[]) <= 1);
    assert!(imbalance(&["platform.herd.rebalance=false"]) >= 2);
}

#[test]
fn haproxy_notices_a_silent_machine_in_seconds() {
    let lost = |preset: &str| {
        let preset = format!("platform.herd.load_balancer.preset={preset}");
        let notes = Notes::of(&["faults.vm_loss.rate=20/year", "platform.herd.size.web.boxes=6", &preset]);
        let down = notes.when(|o| matches!(o, Observation::VmDown { .. }))[0];
        let out =
            |o: &Observation| matches!(o, Observation::BoxUnrouted { .. } | Observation::BoxEjected { .. });
        notes.when(out).into_iter().find(|t| *t >= down).expect("it is noticed") - down
    };
    // Three checks every 2 s, the last of which waits 2 s: 4 to 6 s and 2 s.
    assert!((6.0..=8.0).contains(&lost("haproxy")), "{}", lost("haproxy"));
    // Two checks every 30 s, the last of which waits 5 s.
    assert!((35.0..=65.0).contains(&lost("alb")), "{}", lost("alb"));
    // Envoy counts five requests: 40/s over six targets is 6.7/s each, so 0.75 s, and the 5 s of the timeout.
    assert!((lost("envoy") - 5.75).abs() < 0.1, "{}", lost("envoy"));
}

#[test]
fn a_group_of_machines_keeps_its_version_when_its_image_is_baked_again() {
    let notes = Notes::of(&[
        "platform.herd.patching.image_age=7d",
        "vulnerabilities.system=300/year",
        "platform.herd.size.web.boxes=4",
    ]);
    let versions =
        notes.when(|o| matches!(o, Observation::BoxCreated { version, .. } if *version != Version(0)));
    assert!(versions.is_empty(), "no release was made");
    // Two weeks and a day: two or three times somebody sees to it, each time for four machines, beside the four at the
    // start.
    let patches = notes.when(|o| matches!(o, Observation::WorkDone { activity: Activity::Patch, .. })).len();
    assert!((2..=3).contains(&patches), "{patches}");
    assert_eq!(notes.when(|o| matches!(o, Observation::VmLaunched { .. })).len(), 4 + 4 * patches);
}

#[test]
fn what_was_taken_back_or_replaced_never_goes_out_again() {
    // Releases, configurations and images that are baked again for fixes, all the time and many of them bad, so that
    // bakes end in the middle of something else.
    let busy = [
        "platform.herd.size.web.boxes=10",
        "platform.herd.patching.image_age=1d",
        "vulnerabilities.system=400/year",
        "service.web.release.rate=3/week",
        "service.web.release.failure_rate=40%",
        "faults.bad_configuration.rate=5/week",
        "faults.bad_configuration.wrong=50%",
        "run.length=26w",
    ];
    let notes = Notes::of(&busy);
    let steps = notes.0.iter().filter_map(|(_, o)| match o {
        Observation::Rollout { version, step, .. } => Some((*version, *step)),
        _ => None,
    });
    let (mut newest, mut bad, mut begun, mut pushed) = (0, Vec::new(), 0, 0);
    for (version, step) in steps {
        match step {
            RolloutStep::Begins => {
                let code = version.code().0;
                assert!(!bad.contains(&version), "{version} was taken back");
                // A configuration is of the release that is there, which may be the one before a bad one.
                assert!(code >= newest || version.configuration() > 0, "{version} after release {newest}");
                newest = newest.max(code);
                begun += 1;
                pushed += usize::from(version.configuration() > 0);
            }
            RolloutStep::RollbackBegins => bad.push(version),
            RolloutStep::Completes | RolloutStep::RollbackCompletes => {}
        }
    }
    assert!(begun > 60 && pushed > 10 && bad.len() > 15, "{begun} begun, {pushed} pushed, {} bad", bad.len());
}
