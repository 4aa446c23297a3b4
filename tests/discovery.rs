//! How callers find boxes: how long each means takes to drop a dead one, what that costs, and what its own failure does,
//! with the arithmetic beside it.

use crate::support::{assert_close, quiet, run, value};
use boxherd::scenario::Scenario;
use boxherd::simulation::{self, Watcher};
use boxherd::world::{BoxId, FaultKind, Observation, VmId, World};
use std::collections::{BTreeMap, BTreeSet};

/// Ten machines that are lost now and then and replaced by nobody; every step takes a known time.
const CALM: &str = r#"
[run]
length = "60d"
warm_up = "0s"
replications = 1
seed = 1

[service.web]
cpu_per_request = "40ms"
traffic.rate = "40/s"
traffic.diurnal.amplitude = 0
release.rate = "0/week"

[service.web.container.app]
cpu = "500m"
startup = "5s"

[cloud]
boot = "60s"
launch_failure = "0%"

[platform.herd]
kind = "cattle"
size.web.boxes = 10
size.web.machine = "m7i.xlarge"
scaling.policy = "none"
image.configure = "10s"
health.period = "300d"
discovery.registry.watch = "0s"
discovery.registry.flapping = "0/y"
discovery.registry.writes_per_s = 1000000
discovery.registry.notices_per_s = 1000000000
"#;

const REGISTRY: &str = "platform.herd.discovery.kind=registry";
const NO_LOSSES: &str = "faults.vm_loss.rate=0/year";

fn calm(overrides: &[&str]) -> Scenario {
    quiet("calm.toml", CALM, &[&["faults.vm_loss.rate=1/year"], overrides].concat())
}

/// All facts of one run.
#[derive(Default)]
struct Notes(Vec<(f64, Observation)>);

impl Watcher for Notes {
    fn observe(&mut self, time: boxherd::engine::SimTime, observation: &Observation) {
        self.0.push((time.as_secs_f64(), observation.clone()));
    }
}

impl Notes {
    fn of(overrides: &[&str]) -> Notes {
        let scenario = calm(overrides);
        let mut world = World::new(&scenario.world, scenario.parameters.run.seed, 0);
        let parameters = scenario.parameters.platform.get("herd").expect("it is there");
        let mut platform = parameters.build(&scenario.parameters.practice);
        let mut notes = Notes::default();
        simulation::run(&mut world, platform.as_mut(), &mut notes);
        notes
    }

    fn when(&self, wanted: impl Fn(&Observation) -> bool) -> Vec<f64> {
        self.0.iter().filter(|(_, o)| wanted(o)).map(|(t, _)| *t).collect()
    }

    fn first_after(&self, from: f64, wanted: impl Fn(&Observation) -> bool) -> Option<f64> {
        self.0.iter().find(|(t, o)| *t >= from && wanted(o)).map(|(t, _)| *t)
    }

    /// Boxes that a fault took, with the moment.
    fn deaths(&self) -> Vec<(f64, BoxId)> {
        use boxherd::world::observation::Exit;
        let died = |o: &Observation| match *o {
            Observation::BoxExited { subject, exit: Exit::Fault { .. } } => Some(subject),
            _ => None,
        };
        self.0.iter().filter_map(|(t, o)| Some((*t, died(o)?))).collect()
    }

    /// Seconds from each death until nearly no caller sends there.
    fn removals(&self) -> Vec<f64> {
        let gone = |subject| move |o: &Observation| *o == Observation::BoxUnrouted { subject };
        self.deaths().iter().filter_map(|&(t, b)| Some(self.first_after(t, gone(b))? - t)).collect()
    }
}

#[test]
fn gossip_finds_a_dead_machine_in_a_time_that_grows_with_the_logarithm_of_the_members() {
    for (clients, members) in [(0, 10.0f64), (90, 100.0), (990, 1_000.0)] {
        let clients = format!("platform.herd.discovery.registry.clients={clients}");
        let notes = Notes::of(&[REGISTRY, clients.as_str(), "faults.vm_loss.rate=3/year"]);
        let removals = notes.removals();
        assert!(removals.len() >= 2, "machines are lost: {removals:?}");
        // First probe after e/(e−1) = 1.58 s, a second for it to be answered, suspicion of 4·log10 N s: 6.6, 10.6 and
        // 14.6 s; and ln N / ln 4 rounds of 0.2 s until the servers have heard of it.
        let expected = 1.582 + 1.0 + 4.0 * members.log10() + 0.2 * members.ln() / 4f64.ln();
        // The last sign of life is up to half a second older or younger than on average.
        for got in removals {
            assert_close(got, expected, 0.51, &format!("{members} members"));
        }
    }
}

#[test]
fn a_session_ends_when_a_box_has_been_silent_for_its_timeout() {
    let zookeeper =
        ["platform.herd.discovery.registry.preset=zookeeper", "platform.herd.discovery.registry.session=12s"];
    let notes = Notes::of(&[&[REGISTRY][..], &zookeeper].concat());
    // Signs of life every 4 s: the last one was up to 4 s before the death, and 12 s later the session is over.
    let removals = notes.removals();
    assert!(!removals.is_empty() && removals.iter().all(|s| (8.0..=12.0).contains(s)), "{removals:?}");
}

#[test]
fn what_goes_to_a_dead_box_by_the_dns_is_its_share_of_the_rate_until_the_last_caller_has_left() {
    let notes = Notes::of(&[
        "platform.herd.discovery.kind=dns",
        "platform.herd.discovery.dns.overrun=10%",
        "service.web.timeout=1s",
    ]);
    let deaths = notes.deaths();
    let (died, dead) = deaths[0];
    let known = |o: &Observation| *o == Observation::BoxKnownDown { subject: dead };
    let detected = notes.first_after(died, known).expect("checks go on") - died;
    // Three checks of 30 s, the last of which waits 5 s.
    assert!((65.0..=95.0).contains(&detected), "{detected}");
    let until = deaths.get(1).map_or(f64::INFINITY, |d| d.0);
    let lost: f64 = notes
        .0
        .iter()
        .filter(|(t, _)| *t <= until)
        .map(|(_, o)| match o {
            Observation::Flow(f) => f.to_dead_boxes * f.seconds(),
            _ => 0.0,
        })
        .sum();
    // 30 s for the name servers, then 90 % of the callers leave within half a minute on average and 10 % after the mean
    // of the lognormal, 600·e^½ = 989.2 s. One in ten of their requests goes there: 40/s / 10 = 4/s.
    let expected = 4.0 * (detected + 30.0 + 0.9 * 30.0 + 0.1 * 600.0 * 0.5f64.exp());
    assert_close(lost, expected, 0.01 * expected, "requests to the dead box");
}

#[test]
fn without_checks_a_dead_box_stays_in_the_dns_and_in_a_file() {
    for means in [
        &["platform.herd.discovery.kind=dns", "platform.herd.discovery.dns.health_checks=false"][..],
        &["platform.herd.discovery.kind=static-file"],
    ] {
        let notes = Notes::of(means);
        assert!(!notes.deaths().is_empty() && notes.removals().is_empty(), "{means:?}");
    }
}

#[test]
fn a_file_is_on_all_machines_a_push_after_the_group_has_replaced_the_box() {
    let tool = [
        "platform.herd.discovery.kind=static-file",
        "platform.herd.discovery.static_file.push=4m",
        "platform.herd.health.period=1m",
        "platform.herd.health.grace=0s",
    ];
    let notes = Notes::of(&tool);
    let removals = notes.removals();
    // Two checks of 30 s, of which the second waits 5 s, find it within 35 to 65 s; the group looks once a minute; then
    // the push, of which the one for the new box is not the first.
    assert!(!removals.is_empty() && removals.iter().all(|s| (275.0..=366.0).contains(s)), "{removals:?}");
    // A person edits the list in 10 min before that.
    let by_hand =
        ["platform.herd.discovery.static_file.by=hand", "platform.herd.discovery.static_file.edit=10m"];
    let slow = Notes::of(&[&tool[..], &by_hand].concat()).removals();
    assert!(!slow.is_empty() && slow.iter().all(|s| *s >= 275.0 + 600.0), "{slow:?}");
}

#[test]
fn callers_that_take_an_outage_for_an_empty_list_fail_for_as_long_as_it_lasts() {
    let outages =
        [REGISTRY, NO_LOSSES, "faults.discovery_outage.rate=40/year", "faults.discovery_outage.lasts=2h"];
    let with = |fail_empty: &str| {
        let fail_empty = format!("platform.herd.discovery.registry.fail_empty={fail_empty}");
        run(&calm(&[&outages[..], &[fail_empty.as_str()]].concat()))
    };
    let empty = with("100%");
    let down = value(&empty, "herd", "discovery_down") / (730.0 * 60.0);
    assert!(down > 0.001, "it fails some six times in two months: {down}");
    assert_close(value(&empty, "herd", "availability"), 1.0 - down, 1e-6, "up while the registry is");
    // Lists that nothing changes are as good as before.
    assert_close(value(&with("0%"), "herd", "availability"), 1.0, 1e-9, "lists are kept");
}

#[test]
fn machines_that_no_caller_knows_of_yet_count_where_a_group_is_scaled() {
    let waves = [
        REGISTRY,
        NO_LOSSES,
        "platform.herd.scaling.policy=target-tracking",
        "platform.herd.discovery.registry.fail_empty=0%",
        "service.web.traffic.rate=400/s",
        "service.web.traffic.diurnal.amplitude=0.4",
        "platform.herd.max_size=400%",
        "faults.discovery_outage.lasts=3h",
    ];
    let largest = |outages: &str| {
        let notes = Notes::of(&[&waves[..], &[outages]].concat());
        let size =
            |o: &Observation| if let Observation::Desired { boxes, .. } = o { Some(*boxes) } else { None };
        notes.0.iter().filter_map(|(_, o)| size(o)).max().expect("it has a size")
    };
    let (without, with) =
        (largest("faults.discovery_outage.rate=0/year"), largest("faults.discovery_outage.rate=60/year"));
    // Those that came during an outage idle, and bring the mean to the target as if they were known: one more for luck.
    assert!(with <= without + 1, "{with} instead of {without}");
}

#[test]
fn a_machine_is_known_to_be_down_when_its_fellows_have_lost_sight_of_it() {
    let notes = Notes::of(&[REGISTRY]);
    let deaths = notes.deaths();
    let known = |&(died, subject): &(f64, _)| {
        notes.first_after(died, |o| *o == Observation::BoxKnownDown { subject }).expect("it is known") - died
    };
    let all: Vec<f64> = deaths.iter().map(known).collect();
    // Sixty members: 1.58 + 1 + 4·log10 60 = 9.7 s, and the rounds of gossip; nobody else looks.
    assert!(!all.is_empty() && all.iter().all(|s| (8.0..=13.0).contains(s)), "{all:?}");
}

#[test]
fn an_outage_keeps_dead_boxes_on_the_lists_until_it_is_over() {
    let notes = Notes::of(&[
        REGISTRY,
        "faults.vm_loss.rate=20/year",
        "faults.discovery_outage.rate=30/year",
        "faults.discovery_outage.lasts=12h",
        "platform.herd.discovery.registry.fail_empty=0%",
        "platform.herd.discovery.registry.resync=1m",
        "platform.herd.health.period=1m",
    ]);
    let mut seen = 0;
    for &(died, subject) in &notes.deaths() {
        let lost =
            notes.0.iter().rev().find(|(t, o)| *t <= died && matches!(o, Observation::DirectoryLost { .. }));
        let back = notes.first_after(died, |o| *o == Observation::DirectoryBack);
        let lost_again = notes.first_after(died, |o| matches!(o, Observation::DirectoryLost { .. }));
        let (Some(_), Some(back)) = (lost, back) else { continue };
        let was_out = lost_again.is_none_or(|again| again > back);
        if !was_out
            || notes
                .0
                .iter()
                .any(|(t, o)| *t < died && *o == Observation::DirectoryBack && lost.is_some_and(|l| *t > l.0))
        {
            continue;
        }
        let gone = notes.first_after(died, |o| *o == Observation::BoxUnrouted { subject });
        // Agents register anew within the minute after it is back.
        let gone = gone.expect("it is back before the end");
        assert!(gone >= back && gone <= back + 61.0, "{died} {back} {gone}");
        seen += 1;
    }
    assert!(seen > 0, "a machine was lost during an outage");
}

#[test]
fn a_registry_that_is_asked_for_more_than_it_can_write_falls_ever_further_behind() {
    let with = |flapping: &str| {
        let flapping = format!("platform.herd.discovery.registry.flapping={flapping}");
        let slow = [
            "platform.herd.discovery.registry.writes_per_s=1",
            "run.length=20d",
            "faults.vm_loss.rate=5/year",
        ];
        Notes::of(&[&[REGISTRY, flapping.as_str()][..], &slow].concat())
    };
    // A write takes 1 s. Ten boxes that flap 0.04 times a second write 0.8/s: the line is empty, and a change waits for
    // its own write alone.
    let below = with("0.04/s").removals();
    assert!(!below.is_empty() && below.iter().all(|s| (6.0..=14.0).contains(s)), "{below:?}");
    // At 0.1 times a second they write 2/s, of which 1/s is done: after a day of it a day's worth of writes waits.
    let above = with("0.1/s");
    let (died, subject) = above.deaths()[0];
    let gone = above.first_after(died, |o| *o == Observation::BoxUnrouted { subject });
    let waited = gone.expect("within twenty days, of which it died on the eighth") - died;
    assert_close(waited, died, 0.02 * died, "time on the lists");
}

#[test]
fn most_of_three_servers_are_there_as_often_as_arithmetic_says() {
    let results = run(&calm(&[
        REGISTRY,
        NO_LOSSES,
        "run.length=2y",
        "run.replications=4",
        "faults.vm_crash.rate=365/year",
        "faults.vm_crash.hazard=exponential",
        "faults.vm_crash.down=6h",
        "platform.herd.size.web.boxes=2",
    ]));
    // Each is down for 6 h after a day up: u = 0.2. Two or three of three: 3·0.2²·0.8 + 0.2³ = 0.104.
    let down = value(&results, "herd", "discovery_down") / (730.0 * 60.0);
    // Some 2,900 outages of about 3 h in eight years: 2 % of 0.104; four of them are 8 %.
    assert_close(down, 0.104, 0.01, "without most of its servers");
}

/// Servers that are down for hours now and then.
const SERVERS_CRASH: [&str; 5] = [
    REGISTRY,
    NO_LOSSES,
    "faults.vm_crash.rate=100/year",
    "faults.vm_crash.hazard=exponential",
    "faults.vm_crash.down=6h",
];

#[test]
fn most_of_the_servers_answer_when_they_have_chosen_a_leader() {
    for election in [7.0, 300.0] {
        let seconds = format!("platform.herd.discovery.registry.election={election}s");
        let notes = Notes::of(&[&SERVERS_CRASH[..], &[seconds.as_str()]].concat());
        let backs = notes.when(|o| *o == Observation::DirectoryBack);
        assert!(backs.len() > 3, "{} times", backs.len());
        for back in backs {
            // The second of the three came up an election before that.
            let came = |(t, o): &&(f64, Observation)| {
                (t - (back - election)).abs() < 1e-6 && matches!(o, Observation::VmUp { .. })
            };
            assert!(notes.0.iter().find(came).is_some(), "{election} s before {back}");
        }
    }
}

#[test]
fn a_leader_has_been_there_since_the_last_one_was() {
    let losses = ["run.length=1y", "platform.herd.size.web.boxes=2", "faults.vm_loss.rate=10/year"];
    for seed in 1..=8 {
        let seed = format!("run.seed={seed}");
        let elections = check_leaders(&Notes::of(
            &[&SERVERS_CRASH[..2], &losses, &SERVERS_CRASH[2..], &[seed.as_str()]].concat(),
        ));
        assert!(elections > 20, "{elections}");
    }
}

/// A new leader is one of the servers that stayed since there was one last, if any of these is there. Gives back how many
/// were chosen.
fn check_leaders(notes: &Notes) -> u32 {
    let (mut servers, mut up, mut stayed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    // The first one is nobody's choice.
    let (mut leader, mut is_led, mut elections) = (None, true, 0);
    for (t, o) in &notes.0 {
        match *o {
            Observation::DirectoryServer { vm } => {
                servers.insert(vm);
                up.insert(vm);
                leader = leader.or((*t == 0.0).then_some(vm));
            }
            Observation::VmUp { vm } => _ = up.insert(vm),
            Observation::VmDown { vm, .. } => {
                up.remove(&vm);
                is_led &= leader != Some(vm);
            }
            Observation::DirectoryLost { fault: None, .. } => is_led = false,
            Observation::DirectoryLed { vm } => {
                let fit: Vec<&VmId> = stayed.intersection(&up).collect();
                assert!(fit.is_empty() || fit.contains(&&vm), "{vm:?} leads at {t}, not one of {fit:?}");
                (leader, is_led, elections) = (Some(vm), true, elections + 1);
            }
            _ => continue,
        }
        let here = || servers.intersection(&up).copied();
        let stay = if is_led {
            here().collect()
        } else {
            here().filter(|vm| stayed.contains(vm)).collect::<BTreeSet<_>>()
        };
        if !stay.is_empty() {
            stayed = stay;
        }
    }
    elections
}

#[test]
fn writes_wait_for_the_next_leader_while_reads_go_on() {
    // So long that boxes die in the meantime, which are off all lists within half a minute where there is a leader.
    let election = 3.0 * 3_600.0;
    let long = ["run.length=240d", "platform.herd.discovery.registry.election=3h"];
    let notes = Notes::of(&[&SERVERS_CRASH[..], &long].concat());
    let is_out = |o: &Observation| matches!(o, Observation::DirectoryLost { .. });
    let is_down = |o: &Observation| matches!(o, Observation::VmDown { .. });
    let (mut orderly, mut died) = (0, 0);
    for until in notes.when(|o| matches!(o, Observation::DirectoryLed { .. })) {
        let since = until - election;
        let meanwhile: Vec<&(f64, Observation)> =
            notes.0.iter().filter(|(t, _)| (since - 1e-6..until).contains(t)).collect();
        // Where most were left, the last one was lost an election ago, and the registry answered all the time.
        let lost_one = meanwhile.iter().any(|(t, o)| (t - since).abs() < 1e-6 && is_down(o));
        if lost_one && !meanwhile.iter().any(|(_, o)| is_out(o)) {
            orderly += 1;
            died += notes.deaths().iter().filter(|(t, _)| (since..until).contains(t)).count();
            let written = meanwhile.iter().filter(|(_, o)| matches!(o, Observation::BoxUnrouted { .. }));
            assert_eq!(written.count(), 0, "nothing is written from {since} to {until}");
        }
    }
    assert!(orderly > 2 && died > 2, "{orderly} elections, in which {died} boxes died");
}

#[test]
fn while_the_registry_is_out_a_group_hears_of_its_machines_by_the_status_checks_of_the_cloud() {
    let notes = Notes::of(&[
        REGISTRY,
        "faults.vm_loss.rate=40/year",
        "faults.vm_crash.rate=40/year",
        "faults.vm_crash.down=10d",
        "faults.discovery_outage.rate=40/year",
        "faults.discovery_outage.lasts=12h",
        "platform.herd.discovery.registry.servers=9",
        "platform.herd.health.period=1m",
    ]);
    let (mut out, mut down, mut new) = (None, BTreeMap::new(), BTreeMap::new());
    let (mut served, mut on) = (BTreeSet::<VmId>::new(), BTreeMap::<BoxId, VmId>::new());
    let (mut lost, mut crashed) = (0, 0);
    for (t, o) in &notes.0 {
        match *o {
            Observation::DirectoryLost { .. } => out = Some(*t),
            Observation::DirectoryBack => out = None,
            Observation::VmDown { vm, kind, .. } => {
                new.remove(&vm);
                down.extend(served.contains(&vm).then_some((vm, (*t, kind, out))));
            }
            // One that has never served is given up by its launch timeout, of which the console tells.
            Observation::BoxRouted { subject } => served.extend(on.get(&subject)),
            Observation::BoxPlaced { subject, vm } => _ = on.insert(subject, vm),
            Observation::VmLaunched { vm, .. } => new.extend(out.map(|began: f64| (vm, began))),
            Observation::VmTerminated { vm } => {
                let made = new.remove(&vm);
                assert!(made.is_none() || made != out, "nobody called it sick, at {t}");
                // Of those that went down and are given back while the registry is out all the time.
                let Some((since, kind, Some(began))) = down.remove(&vm) else { continue };
                if out == Some(began) {
                    // A lost host shows at once, a guest that is down when its checks have failed for 3 min; then the next
                    // pass, each minute, unless a tenth of the group is being replaced already.
                    let least = if kind == FaultKind::VmCrash { 180.0 } else { 0.0 };
                    let (waited, replaced) = (t - since, if least > 0.0 { &mut crashed } else { &mut lost });
                    assert!(
                        waited >= least && (waited <= least + 120.0 || *replaced > 0),
                        "{kind:?}: {waited} s"
                    );
                    *replaced += 1;
                }
            }
            _ => {}
        }
    }
    assert!(lost > 0 && crashed > 0, "{lost} lost and {crashed} crashed machines were replaced");
}

#[test]
fn three_servers_are_paid_by_the_hour_and_kept_up_by_people() {
    let results = run(&calm(&[REGISTRY, NO_LOSSES]));
    // 3 · 0.096 USD · 730 h; the load balancer is not rented.
    assert_close(value(&results, "herd", "cost_registry"), 210.24, 0.01, "registry");
    assert_close(value(&results, "herd", "cost_network_entry"), 0.0, 1e-9, "no load balancer");
    let balanced = run(&calm(&[NO_LOSSES]));
    // 2 h a week are 8.69 a month.
    let more = value(&results, "herd", "people_hours_per_month")
        - value(&balanced, "herd", "people_hours_per_month");
    assert_close(more, 2.0 * 730.0 / 168.0, 0.01, "upkeep");
}

#[test]
fn a_slow_start_raises_the_share_of_a_new_target_in_a_straight_line() {
    let slow = [
        "platform.herd.load_balancer.slow_start=8m",
        "platform.herd.health.period=1m",
        "platform.herd.health.grace=0s",
    ];
    let notes = Notes::of(&slow);
    let up = notes
        .first_after(1.0, |o| matches!(o, Observation::BoxUp { .. }))
        .expect("lost machines are replaced");
    let listed = |o: &Observation| match *o {
        Observation::BoxListed { subject, share } if share > 0.0 => Some((subject, share)),
        _ => None,
    };
    let shares: Vec<_> =
        notes.0.iter().filter(|(t, _)| *t >= up).filter_map(|(t, o)| Some((*t, listed(o)?))).collect();
    let new = shares[0].1.0;
    let steps: Vec<(f64, f64)> =
        shares.iter().filter(|s| s.1.0 == new).map(|s| (s.0, s.1.1)).take(8).collect();
    // An eighth of it half a minute after its first good check, and one more with each minute: half of it after four.
    for (i, (at, share)) in steps.iter().enumerate() {
        assert_close(*share, (i as f64 + 1.0) / 8.0, 1e-9, "share");
        assert_close(at - steps[0].0, 60.0 * i as f64, 1e-3, "when");
    }
    assert_eq!(steps.len(), 8);
    assert_close(
        value(&run(&calm(&slow)), "herd", "availability"),
        1.0,
        1e-3,
        "nobody has an empty list meanwhile",
    );
}
