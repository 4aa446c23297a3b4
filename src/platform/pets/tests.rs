//! What becomes of a pet, minute by minute, by each policy; what differences cost; what is heard without monitoring.

mod shared;

use crate::engine::{SimDuration, SimTime};
use crate::verify::lab;
use crate::world::{Activity, Observation};

const FIXED: [&str; 22] = [
    "run.length=60d",
    "faults.human_slip.chance=0%",
    "team.acknowledge=5m",
    "team.acknowledge_off_hours=5m",
    "team.knowledge.runbooks=100%",
    "practice.diagnose=10m",
    "practice.build=1m",
    "cloud.boot=30s",
    "cloud.launch_failure=0%",
    "platform.pets.page_after=3m",
    "platform.pets.ticket=2h",
    "platform.pets.build=5h",
    "platform.pets.archaeology=16h",
    "platform.pets.deploy=20m",
    "platform.pets.edit_route=10m",
    "platform.pets.backup.touch=20m",
    "platform.pets.backup.throughput=100MB",
    "platform.pets.drift.at_start=0",
    "platform.pets.drift.at_build=0%",
    "platform.pets.drift.per_touch=0%",
    "platform.pets.drift.slower_repair=10%",
    "service.web.release.failure_rate=0%",
];

type Facts = Vec<(SimTime, Observation)>;

/// All facts of a run on pets with fixed times.
fn facts(overrides: &[&str]) -> Facts {
    let scenario = lab::scenario(&[&FIXED, overrides].concat());
    let pets = scenario.parameters.platform.get("pets").expect("it is in the quiet scenario");
    let mut platform = pets.build(&scenario.parameters.practice);
    let mut facts = Vec::new();
    lab::run(&scenario, platform.as_mut(), (1, 0), |time, fact| facts.push((time, fact.clone())));
    facts
}

const LOSSES: &str = "faults.vm_loss.rate=10/year";

/// Minutes from the first alert about a lost machine until `what` happens next.
fn minutes_after_loss(facts: &Facts, what: impl Fn(&Observation) -> bool) -> f64 {
    let after = |from: SimTime, what: &dyn Fn(&Observation) -> bool| {
        facts.iter().find(|(t, o)| *t >= from && what(o)).map(|(t, _)| *t).expect("it happens")
    };
    let lost = after(SimTime::ZERO, &|o| matches!(o, Observation::VmDown { .. }));
    let known = after(lost, &|o| matches!(o, Observation::BoxKnownDown { .. }));
    after(known, &what).since(known).as_secs_f64() / 60.0
}

fn touches(facts: &Facts, of: Activity) -> Vec<f64> {
    let minutes = |touch: SimDuration| touch.as_secs_f64() / 60.0;
    let done = |o: &Observation| match *o {
        Observation::WorkDone { activity, touch, .. } if activity == of => Some(minutes(touch)),
        _ => None,
    };
    facts.iter().filter_map(|(_, o)| done(o)).collect()
}

#[test]
fn a_lost_machine_is_brought_back_from_its_backup() {
    let facts = facts(&[LOSSES, "platform.pets.repair=restore-backup"]);
    // Page after 3 min, acknowledged after 5, 10 to see what it is, half a minute to boot, 20 to start the restore,
    // 20 GB at 100 MB/s = 200 s, and a second to start.
    let expected = 3.0 + 5.0 + 10.0 + 0.5 + 20.0 + 200.0 / 60.0 + 1.0 / 60.0;
    let up = minutes_after_loss(&facts, |o| matches!(o, Observation::BoxUp { .. }));
    assert!((up - expected).abs() < 1e-6, "{up}");
}

#[test]
fn fellow_members_of_a_registry_know_in_seconds_that_a_machine_is_lost() {
    let facts = facts(&[LOSSES, "platform.pets.discovery.kind=registry"]);
    let first = |of: &dyn Fn(&Observation) -> bool| facts.iter().find(|(_, o)| of(o)).expect("it happens").0;
    let down = first(&|o| matches!(o, Observation::BoxExited { .. }));
    let known = first(&|o| matches!(o, Observation::BoxKnownDown { .. }));
    // Some fifty members: 1.58 + 1 + 4·log10 50 = 9.4 s, and the rounds of gossip.
    assert!((8.0..=13.0).contains(&known.since(down).as_secs_f64()), "{}", known.since(down));
}

#[test]
fn a_standby_takes_over_when_somebody_has_edited_the_addresses() {
    let facts = facts(&[LOSSES, "platform.pets.repair=standby"]);
    // 3 + 5 + 10 min, and 10 for the edit; then the first check of the load balancer, at most 30 s later.
    let routed = minutes_after_loss(&facts, |o| matches!(o, Observation::BoxRouted { .. }));
    assert!((28.0..28.5).contains(&routed), "{routed}");
    let at_start =
        |(t, o): &&(SimTime, Observation)| *t == SimTime::ZERO && matches!(o, Observation::VmUp { .. });
    assert_eq!(facts.iter().filter(at_start).count(), 3, "two serve and one waits");
}

#[test]
fn a_machine_that_is_not_missed_waits_for_its_ticket() {
    let launched = |spare: &str| {
        let facts = facts(&[LOSSES, "platform.pets.repair=in-place", spare]);
        minutes_after_loss(&facts, |o| matches!(o, Observation::VmLaunched { .. }))
    };
    // 3 + 5 + 10 min, and two hours of waiting where one box of two is spare.
    assert_eq!(launched("practice.spare_boxes=0"), 18.0);
    assert_eq!(launched("practice.spare_boxes=1"), 138.0);
}

#[test]
fn what_nobody_wrote_down_is_found_out_by_trying() {
    let built = |failure: &str| {
        let all = ["platform.pets.repair=rebuild", "platform.pets.drift.at_start=1", failure, LOSSES];
        touches(&facts(&all), Activity::Build)
    };
    let as_written = built("platform.pets.drift.rebuild_failure=0%");
    assert!(as_written.len() >= 2 && as_written.iter().all(|&minutes| minutes == 300.0), "{as_written:?}");
    // Each lost machine had a difference, which the new one gets back: 5 h by the book, then 16 h by trying.
    let by_trying = built("platform.pets.drift.rebuild_failure=100%");
    let count = |hours: f64| by_trying.iter().filter(|&&minutes| minutes == hours * 60.0).count();
    assert!(count(16.0) >= 1 && count(5.0) >= count(16.0) && count(5.0) <= count(16.0) + 1, "{by_trying:?}");
}

#[test]
fn that_a_machine_is_lost_the_console_tells_anybody() {
    let nobody_knows = [
        "team.knowledge.people=0",
        "team.knowledge.runbooks=0%",
        "team.knowledge.reachable=0%",
        "faults.process_crash.hang_share=100%",
    ];
    let looks = |fault: &str| {
        let all = [&nobody_knows[..], &[fault, "platform.pets.repair=in-place"]].concat();
        touches(&facts(&all), Activity::Repair)
    };
    // Ten minutes; three times as long where processes run and do not answer.
    let lost = looks(LOSSES);
    assert!(!lost.is_empty() && lost.iter().all(|&minutes| minutes == 10.0), "{lost:?}");
    let hung = looks("faults.process_crash.rate=10/year");
    assert!(hung.contains(&30.0), "{hung:?}");
}

#[test]
fn a_supervisor_goes_on_until_somebody_has_mended_it_and_then_no_more() {
    let full = ["faults.disk_full.rate=10/year", "platform.pets.restart_delay=5s", "practice.diagnose=1h"];
    let facts = facts(&full);
    let next = |from: SimTime, what: &dyn Fn(&Observation) -> bool| {
        facts.iter().filter(|(t, o)| *t >= from && what(o)).map(|(t, _)| *t).collect::<Vec<_>>()
    };
    let down = next(SimTime::ZERO, &|o| matches!(o, Observation::BoxExited { .. }))[0];
    let up = next(down, &|o| matches!(o, Observation::BoxUp { .. }))[0];
    let starts = |from, to| {
        next(from, &|o| matches!(o, Observation::BoxStarting { .. })).iter().filter(|t| **t < to).count()
    };
    // An hour and more with a start of 5 s and a second each, far from five within ten seconds.
    assert!(starts(down, up) > 500, "{}", starts(down, up));
    assert_eq!(starts(up, up + SimDuration::from_mins(10)), 0, "it is left alone");
}

#[test]
fn nobody_deploys_to_a_machine_while_another_one_patches_it() {
    let busy = [
        "vulnerabilities.system=300/year",
        "platform.pets.patching.delay=1d",
        "platform.pets.patching.touch=2h",
        "service.web.release.rate=5/week",
    ];
    let facts = facts(&busy);
    let mut about = std::collections::BTreeMap::new();
    let mut begun = std::collections::BTreeMap::new();
    let (mut deploys, mut patches) = (0, 0);
    for (_, fact) in &facts {
        match *fact {
            Observation::WorkAsked { work, about: subject, .. } => _ = about.insert(work, subject),
            Observation::WorkBegan {
                work,
                activity: activity @ (Activity::Deploy | Activity::Patch),
                ..
            } => {
                let other = begun.iter().find(|(w, a)| about[*w] == about[&work] && **a != activity);
                assert!(other.is_none(), "{activity:?} of {:?} during {other:?}", about[&work]);
                begun.insert(work, activity);
                *(if activity == Activity::Deploy { &mut deploys } else { &mut patches }) += 1;
            }
            Observation::WorkDone { work, .. } => _ = begun.remove(&work),
            _ => {}
        }
    }
    assert!(deploys > 20 && patches > 20, "{deploys} {patches}");
}

#[test]
fn differences_break_good_versions_and_slow_repairs() {
    let releases = "service.web.release.rate=1/week";
    let resist = "platform.pets.drift.deploy_failure=25%";
    let facts = facts(&[releases, resist, "platform.pets.drift.at_start=4"]);
    let (deploys, debugs) = (touches(&facts, Activity::Deploy), touches(&facts, Activity::Debug));
    // Four differences at 25 % each: every deploy fails on its machine; 10 min and four times 10 % to find out why.
    assert!(deploys.len() > 5 && deploys.len() == debugs.len(), "{deploys:?} {debugs:?}");
    assert!(debugs.iter().all(|&minutes| (minutes - 14.0).abs() < 1e-6), "{debugs:?}");
}

#[test]
fn hands_leave_differences() {
    let marks = |chance: &str| {
        let drift = ["platform.pets.drift.deploy_failure=100%", chance];
        touches(&facts(&[&drift[..], &["service.web.release.rate=1/week"]].concat()), Activity::Debug).len()
    };
    assert_eq!(marks("platform.pets.drift.per_touch=0%"), 0);
    // The deploy itself leaves a mark before the version starts: it fails from the first one on.
    assert!(marks("platform.pets.drift.per_touch=100%") > 5);
}

#[test]
fn without_monitoring_the_first_customer_tells() {
    let heard_after = |share: &str| {
        let share = format!("platform.pets.complaints={share}");
        let blind = ["platform.pets.monitoring=false", "platform.pets.size.web.boxes=1", LOSSES, &share];
        let facts = facts(&blind);
        assert!(!facts.iter().any(|(_, o)| matches!(o, Observation::ErrorAlert { .. })));
        let first =
            |what: &dyn Fn(&Observation) -> bool| facts.iter().find(|(_, o)| what(o)).expect("it is so").0;
        let lost = first(&|o| matches!(o, Observation::VmDown { .. }));
        let heard = first(&|o| matches!(o, Observation::Complaint { .. }));
        assert!(first(&|o| matches!(o, Observation::Paged { .. })) == heard, "who is told is paged");
        heard.since(lost).as_secs_f64()
    };
    // 20 requests/s fail; one in a hundred leads to a complaint: 5 s on average, and e^−12 after a minute. A tenth of
    // the share takes ten times as long, by the same draw.
    let (often, seldom) = (heard_after("1%"), heard_after("0.1%"));
    assert!(often < 60.0, "{often}");
    assert!((seldom / often - 10.0).abs() < 0.01, "{often} {seldom}");
}

#[test]
fn machines_follow_the_forecast_in_time() {
    let wanted = |overrides: &[&str]| {
        let year =
            ["run.length=364d", "service.web.traffic.rate=100/s", "platform.pets.size.web.machine=m7i.large"];
        let all = facts(&[&year[..], overrides].concat());
        let desired = |(_, o): &(SimTime, Observation)| match o {
            Observation::Desired { boxes, .. } => Some(*boxes),
            _ => None,
        };
        let wanted: Vec<u32> = all.iter().filter_map(desired).collect();
        let given_back = all.iter().filter(|(_, o)| matches!(o, Observation::VmTerminated { .. })).count();
        (wanted[0], *wanted.last().expect("there is one"), given_back)
    };
    // Fourfold in 364 days: 121 days of it, a quarter and the lead, are 4^(121/364) = 1.6 times, with the spare box at
    // most half of what the end needs.
    let growth = "service.web.traffic.growth.per_year=4";
    let (first, last, given_back) = wanted(&[growth]);
    let (all_at_once, _, _) = wanted(&[growth, "platform.pets.capacity.review=400d"]);
    assert!(
        first * 2 <= all_at_once && last == all_at_once && given_back == 0,
        "{first} {last} of {all_at_once}"
    );
    // From a season's peak in January to its trough in July they are given back.
    let season = [
        "service.web.traffic.yearly.amplitude=0.5",
        "service.web.traffic.yearly.peak=01-05",
        "run.length=200d",
    ];
    let (first, last, given_back) = wanted(&season);
    assert!(last < first && given_back as u32 == first - last, "{first} {last} {given_back}");
}

#[test]
fn whoever_is_called_stops_when_the_pet_is_back() {
    // Down for ten minutes, known after one or two, paged 3 min later and acknowledged after 5: somebody looks for two
    // hours, if it were not back long before. Machines that crash come back by themselves.
    let crashes = ["faults.vm_crash.rate=20/year", "faults.vm_crash.down=10m", "practice.diagnose=2h"];
    let facts = facts(&crashes);
    let looks = touches(&facts, Activity::Repair);
    // Up again at 10 min and a start, healthy after five checks of 30 s: the look ends within 10 + 3 min of the crash,
    // and began 9 min after it at the earliest.
    assert!(!looks.is_empty() && looks.iter().all(|&minutes| minutes < 5.0), "{looks:?}");
}
