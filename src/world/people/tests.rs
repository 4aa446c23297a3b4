//! The arithmetic of who does what when: pages and their escalation, interruptions, knowledge, absence, slips.

use super::*;
use crate::parameter::{Distribution, Factor, Fraction, Rate, ScalarDistribution};
use crate::world::observation::Exit;
use crate::world::tests::{Lab, MINUTE, close, quiet};
use crate::world::{Calendar, Version, WorldSpec};

const HOUR: SimDuration = SimDuration::from_hours(1);
const WEB: ServiceId = ServiceId(0);

fn spans(text: &str) -> Distribution {
    text.parse().expect("a distribution")
}

fn share(percent: f64) -> Fraction {
    Fraction::new(percent / 100.0).expect("a share")
}

/// Nobody is away, everybody knows everything, pages are acknowledged after five minutes.
fn steady(engineers: u32) -> WorldSpec {
    let mut spec = quiet(1.0);
    spec.team.engineers = engineers;
    spec.team.absence.vacation_weeks = 0;
    spec.team.absence.departures = Rate::ZERO;
    (spec.team.acknowledge, spec.team.acknowledge_off_hours) = (spans("5m"), spans("5m"));
    spec.team.rota.escalate_after = MINUTE * 10;
    spec.faults.human_slip.chance = Fraction::ZERO;
    spec
}

fn at(day: u64, hour: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_days(day) + HOUR * hour
}

fn work(activity: Activity, urgency: Urgency, touch: SimDuration) -> Work {
    Work { activity, urgency, touch, cause: 1, about: About::Service(WEB) }
}

/// When it began and was done, in minutes after `from`, and the hands-on minutes it took.
fn story(lab: &Lab, id: WorkId, from: SimTime) -> (f64, f64, f64) {
    let minutes = |t: SimTime| t.since(from).as_secs_f64() / 60.0;
    let began = |o: &Observation| matches!(o, Observation::WorkBegan { work, .. } if *work == id);
    let (begun, _) = lab.facts.iter().find(|(_, o)| began(o)).expect("it began");
    let done = lab.facts.iter().find_map(|(t, o)| match o {
        Observation::WorkDone { work, touch, .. } if *work == id => Some((*t, *touch)),
        _ => None,
    });
    let (done, touch) = done.expect("it was done");
    (minutes(*begun), minutes(done), touch.as_secs_f64() / 60.0)
}

#[test]
fn planned_work_waits_for_office_hours_and_pages_do_not() {
    let mut lab = Lab::new(&steady(4));
    lab.run_until(at(0, 20)); // Monday evening
    let planned = lab.api().ask(work(Activity::Repair, Urgency::OfficeHours, MINUTE * 30));
    let page = lab.api().ask(work(Activity::Rollback, Urgency::Page, MINUTE * 30));
    lab.run_for(HOUR * 24);
    // Tuesday 9:00 is 13 h later. The page: five minutes to acknowledge and half an hour.
    assert_eq!(story(&lab, planned, at(0, 20)), (780.0, 810.0, 30.0));
    assert_eq!(story(&lab, page, at(0, 20)), (5.0, 35.0, 30.0));
}

#[test]
fn one_person_on_call_does_one_page_after_the_other() {
    let mut spec = steady(4);
    spec.team.rota.secondaries = 0;
    let mut lab = Lab::new(&spec);
    let item = work(Activity::Rollback, Urgency::AtOnce, MINUTE * 30);
    let pages: Vec<WorkId> = (0..3).map(|_| lab.api().ask(item)).collect(); // midnight: one on call
    lab.run_for(HOUR * 4);
    let done: Vec<f64> = pages.iter().map(|&p| story(&lab, p, at(0, 0)).1).collect();
    // Five minutes until whoever is at home is at it, and half an hour for each.
    assert_eq!(done, [35.0, 65.0, 95.0]);
}

#[test]
fn whoever_is_second_is_paged_when_the_first_does_not_answer() {
    let mut spec = steady(4);
    let mut lab = Lab::new(&spec);
    lab.run_until(at(0, 20));
    let long = lab.api().ask(work(Activity::Rollback, Urgency::AtOnce, HOUR * 3));
    let page = lab.api().ask(work(Activity::Deploy, Urgency::Page, MINUTE * 30));
    lab.run_for(HOUR * 8);
    // The first has hands full for three hours, after five minutes to acknowledge; after ten minutes the second is paged and
    // answers in five.
    assert_eq!(story(&lab, long, at(0, 20)).1, 185.0);
    assert_eq!(story(&lab, page, at(0, 20)), (15.0, 45.0, 30.0));

    // Both are paged if the first needs an hour: 10 min later the second, who would need one, too.
    spec.team.acknowledge_off_hours = spans("1h");
    let mut lab = Lab::new(&spec);
    lab.run_until(at(0, 20));
    let page = lab.api().ask(work(Activity::Deploy, Urgency::Page, MINUTE * 30));
    lab.run_for(HOUR * 8);
    assert_eq!(story(&lab, page, at(0, 20)).0, 60.0);
    let paged: Vec<(f64, Person)> = lab
        .facts
        .iter()
        .filter_map(|(t, o)| match o {
            Observation::Paged { person, night: false, .. } => {
                Some((t.since(at(0, 20)).as_secs_f64() / 60.0, *person))
            }
            _ => None,
        })
        .collect();
    // Week 1 of duty: the second seat is on call, the third behind it.
    assert_eq!(paged, [(0.0, Person(1)), (10.0, Person(2))]);
}

#[test]
fn work_that_cannot_wait_any_more_stays_with_whoever_is_at_it() {
    let story_of = |is_hurried: bool| {
        let mut lab = Lab::new(&steady(4));
        lab.run_until(at(0, 16)); // Monday; the day ends at 17:00
        let begun = lab.api().ask(work(Activity::Repair, Urgency::OfficeHours, HOUR * 2));
        lab.run_until(at(0, 18));
        let waiting = lab.api().ask(work(Activity::Build, Urgency::OfficeHours, HOUR));
        if is_hurried {
            lab.api().hurry(begun);
            lab.api().hurry(waiting);
        }
        lab.run_for(HOUR * 24);
        (story(&lab, begun, at(0, 16)), story(&lab, waiting, at(0, 18)))
    };
    // One hour on Monday and one from 9:00 on Tuesday; the other waits for Tuesday as well.
    assert_eq!(story_of(false), ((0.0, 1_080.0, 120.0), (900.0, 960.0, 60.0)));
    // Hurried at 18:00, an hour is left. The same person is paged, at it again five minutes later, and done at 19:05;
    // somebody else is called for the other.
    assert_eq!(story_of(true), ((0.0, 185.0, 120.0), (5.0, 65.0, 60.0)));
}

#[test]
fn a_page_that_is_over_before_anybody_is_there_costs_a_look() {
    let hours_of = |called_off_after: SimDuration| {
        let mut lab = Lab::new(&steady(4));
        lab.run_until(at(0, 20));
        let page = lab.api().ask(work(Activity::Repair, Urgency::Page, MINUTE * 30));
        lab.run_for(called_off_after);
        lab.api().call_off(page);
        lab.run_for(MINUTE);
        let done = lab.facts.iter().find_map(|(_, o)| match o {
            Observation::WorkDone { work, touch, .. } if *work == page => Some(*touch),
            _ => None,
        });
        done.expect("it was called off")
    };
    // Who needs five minutes to acknowledge was woken after three; after twelve seven were worked.
    assert_eq!((hours_of(MINUTE * 3), hours_of(MINUTE * 12)), (MINUTE * 10, MINUTE * 7));
}

#[test]
fn a_page_takes_its_responder_out_of_planned_work() {
    let mut spec = steady(1);
    spec.team.refocus = MINUTE * 23;
    let mut lab = Lab::new(&spec);
    lab.run_until(at(0, 10));
    let planned = lab.api().ask(work(Activity::Deploy, Urgency::OfficeHours, HOUR * 2));
    lab.run_until(at(0, 11));
    let page = lab.api().ask(work(Activity::Rollback, Urgency::Page, MINUTE * 30));
    lab.run_for(HOUR * 8);
    // 11:05 to 11:35. Of the two hours 65 min were done: 55 + 23 to find back are left: 11:35 + 78 min = 12:53.
    assert_eq!(story(&lab, page, at(0, 10)), (65.0, 95.0, 30.0));
    assert_eq!(story(&lab, planned, at(0, 10)), (0.0, 173.0, 143.0));
}

#[test]
fn work_that_is_called_off_frees_its_person_and_counts() {
    let mut lab = Lab::new(&steady(1));
    lab.run_until(at(0, 10));
    let first = lab.api().ask(work(Activity::Deploy, Urgency::OfficeHours, HOUR * 2));
    let second = lab.api().ask(work(Activity::Deploy, Urgency::OfficeHours, HOUR));
    lab.run_until(at(0, 11));
    lab.api().call_off(first);
    lab.run_for(HOUR * 8);
    assert_eq!(story(&lab, first, at(0, 10)), (0.0, 60.0, 60.0));
    assert_eq!(story(&lab, second, at(0, 10)), (60.0, 120.0, 60.0));
}

/// One of two knows the service; each is on call every other week and alone.
fn one_knows() -> WorldSpec {
    let mut spec = steady(2);
    spec.team.rota.secondaries = 0;
    spec.team.knowledge.people = ScalarDistribution::constant(1.0);
    spec.team.knowledge.unfamiliar = Factor::new(3.0).expect("a factor");
    spec.team.knowledge.runbooks = Fraction::ZERO;
    spec.team.knowledge.reachable = Fraction::ZERO;
    spec
}

/// Hands-on and elapsed minutes of a page of an hour on two Monday evenings, the longer one last.
fn two_evenings(spec: &WorldSpec) -> [(f64, f64); 2] {
    let mut lab = Lab::new(spec);
    let mut evening = |day| {
        lab.run_until(at(day, 20));
        let page = lab.api().ask(work(Activity::Repair, Urgency::Page, HOUR));
        lab.run_for(HOUR * 12);
        let (begun, done, touch) = story(&lab, page, at(day, 20));
        (touch, done - begun)
    };
    let [a, b] = [evening(0), evening(7)];
    if a.0 <= b.0 { [a, b] } else { [b, a] }
}

#[test]
fn who_does_not_know_takes_three_times_as_long() {
    let mut spec = one_knows();
    assert_eq!(two_evenings(&spec), [(60.0, 60.0), (180.0, 180.0)]);
    spec.team.knowledge.runbooks = share(100.0);
    assert_eq!(two_evenings(&spec), [(60.0, 60.0), (60.0, 60.0)]);
}

#[test]
fn somebody_who_knows_is_rung_up_and_does_the_rest() {
    let mut spec = one_knows();
    spec.team.knowledge.reachable = share(100.0);
    spec.team.knowledge.reach_delay = spans("30m");
    // In 30 min a third of 30 is done; the other 50 take both of them 50 min: 80 min, and 130 min of hands.
    assert_eq!(two_evenings(&spec), [(60.0, 60.0), (130.0, 80.0)]);
    // Who comes after more than three hours is not needed any more.
    spec.team.knowledge.reach_delay = spans("4h");
    assert_eq!(two_evenings(&spec), [(60.0, 60.0), (180.0, 180.0)]);
}

#[test]
fn in_office_hours_who_knows_comes_first() {
    let mut lab = Lab::new(&one_knows());
    for day in [0, 7] {
        lab.run_until(at(day, 10));
        let page = lab.api().ask(work(Activity::Repair, Urgency::Page, HOUR));
        lab.run_for(HOUR * 6);
        assert_eq!(story(&lab, page, at(day, 10)), (5.0, 65.0, 60.0), "day {day}");
    }
}

fn roster(team: &TeamParameters, services: usize) -> (Roster, Streams, Calendar) {
    let streams = Streams::new(1, 0);
    (Roster::new(&streams, team, services), streams, quiet(1.0).calendar)
}

#[test]
fn vacations_are_taken_and_never_by_more_than_half() {
    let weeks_away = |weeks: u32, seat: u32| {
        let mut team = steady(4).team;
        team.absence.vacation_weeks = weeks;
        let (mut roster, streams, calendar) = roster(&team, 1);
        let is_away = |week: &u64| {
            let now = at(7 * week, 0);
            roster.advance(&streams, &team, &calendar, now);
            let there = (0..4).filter(|&seat| roster.is_there(seat, &calendar, now)).count();
            assert!(there >= 2, "week {week}");
            !roster.is_there(seat, &calendar, now)
        };
        (0..52).filter(is_away).count()
    };
    assert_eq!([0, 1, 2, 3].map(|seat| weeks_away(4, seat)), [4; 4]);
    assert!(weeks_away(26, 0) == 26 && weeks_away(26, 3) <= 26);
}

#[test]
fn who_leaves_is_replaced_after_a_while_and_learns() {
    // Seats are held a year on average and then empty for half a year: a third of the time. 2,000 seats after ten
    // years: standard deviation √(1/3 · 2/3 / 2000) = 0.0105, so 4.5 of them are 0.047.
    let mut team = steady(2_000).team;
    team.absence.departures = "1/year".parse().expect("a rate");
    (team.absence.hire, team.absence.learn) = (spans("183d"), spans("183d"));
    team.knowledge.people = ScalarDistribution::constant(2_000.0);
    let (mut roster, streams, calendar) = roster(&team, 1);
    let now = at(3_650, 0);
    roster.advance(&streams, &team, &calendar, now);
    let count = |of: &dyn Fn(u32) -> bool| (0..2_000).filter(|&seat| of(seat)).count() as f64 / 2_000.0;
    close(count(&|seat| !roster.is_there(seat, &calendar, now)), 1.0 / 3.0, 0.047);
    // There and learned: two thirds, but for those who came within the last half year: e^−0.5 of them.
    let knowing = count(&|seat| roster.is_there(seat, &calendar, now) && roster.knows(seat, 0, now));
    close(knowing, 2.0 / 3.0 * (-0.5f64).exp(), 0.05);
}

#[test]
fn services_are_known_by_as_many_as_the_truck_factor_says() {
    let team = steady(10).team;
    let (roster, ..) = roster(&team, 4_000);
    let known_by =
        |service: usize| (0..10).filter(|&seat| roster.knows(seat, service, SimTime::ZERO)).count();
    let count = |k| (0..4_000).filter(|&service| known_by(service) == k).count() as f64 / 4_000.0;
    // 46, 28 and 26 %; 4.5 standard deviations of the first are 4.5 · √(0.46 · 0.54 / 4000) = 0.035.
    close(count(1), 0.46, 0.035);
    close(count(2), 0.28, 0.035);
    close(count(3), 0.26, 0.035);
}

#[test]
fn nobody_waiting_is_no_event() {
    let mut lab = Lab::new(&steady(4));
    let before = lab.world.trace().0;
    lab.run_for(HOUR);
    let an_hour = lab.world.trace().0 - before;
    // A traffic segment every five minutes and nothing else, over the begin of office hours, too.
    let before = lab.world.trace().0;
    lab.run_until(at(0, 25));
    assert_eq!(lab.world.trace().0 - before, an_hour * 24);
}

#[test]
fn a_slip_breaks_the_box_until_somebody_repairs_it() {
    let mut spec = steady(1);
    spec.faults.human_slip.chance = share(100.0);
    spec.faults.human_slip.wrong_box = Fraction::ZERO;
    let mut lab = Lab::new(&spec);
    let (_, subject) = lab.serving_box();
    let about = About::Box(subject);
    let edit = Work { about, ..work(Activity::EditRoute, Urgency::AtOnce, MINUTE) };
    lab.api().ask(edit);
    lab.run_for(HOUR);
    let exits = |lab: &Lab, exit: fn(&Exit) -> bool| {
        let is = |o: &Observation| matches!(o, Observation::BoxExited { exit: e, .. } if exit(e));
        lab.facts.iter().filter(|(_, o)| is(o)).count()
    };
    let slipped = |e: &Exit| matches!(e, Exit::Fault { kind, .. } if kind.name() == "human-slip");
    assert_eq!(exits(&lab, slipped), 1);
    // It cannot start, …
    assert!(lab.api().start_box(subject, Version(0)));
    lab.run_for(HOUR);
    assert_eq!(exits(&lab, |e| *e == Exit::FailsToStart), 1);
    // … until it is repaired by a hand that does not slip.
    lab.world.faults.human_slip.chance = Fraction::ZERO;
    lab.api().ask(Work { about, ..work(Activity::Repair, Urgency::AtOnce, MINUTE) });
    lab.run_for(HOUR);
    assert!(lab.api().start_box(subject, Version(0)));
    lab.run_for(HOUR);
    assert_eq!(exits(&lab, |e| *e == Exit::FailsToStart), 1);
    assert!(lab.signals.iter().any(|(_, s)| *s == Signal::BoxUp { subject }));
}
