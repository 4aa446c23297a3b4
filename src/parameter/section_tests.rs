//! Tests of declared sections: what they read, what they say about mistakes and about themselves.

use super::*;
use crate::engine::SimDuration;
use crate::parameter::units::{Date, Factor, Fraction, MilliCpu, Rate, TimeOfDay};
use crate::parameter::{Distribution, Grade, check_defaults, load_bytes, parse};
use proptest::prelude::*;

crate::parameter::choices! {
    /// How requests are spread.
    pub enum Balancing {
        /// Any instance, with equal chances.
        Random = "random",
        /// One after the other.
        RoundRobin = "round-robin",
        /// The one with the fewest open requests.
        LeastRequests = "least-requests",
    }
}

crate::parameter::section! {
    /// How requests come in.
    pub struct Traffic {
        /// Mean rate
        /// over a week.
        base: Rate = "20/s", from "NASA 1995", grade Verified;
        /// Peak over mean.
        peak: Factor = "1.5" in |peak| peak.as_f64() >= 1.0 => "at least 1", grade Estimate;
    }
}

crate::parameter::section! {
    /// A service.
    pub struct Service {
        /// How often it is asked.
        requests: Rate, required in |rate| rate.per_second() <= 1e6 => "at most 1000000/s";
        /// How much it may use at most.
        limit: Option<MilliCpu>, optional in |limit| limit.is_some_and(|cpu| cpu.as_milli() > 0) => "above 0";
        /// How many run.
        replicas: u32 = 2 in |&n| n > 0 => "at least 1", grade Choice;
        /// How its requests are spread.
        balancing: Balancing = "round-robin", from "nginx", grade Recalled;
        /// Which zones it runs in.
        zones: Vec<String> = "['a', 'b']", grade Choice;
        /// Its traffic.
        traffic: Traffic, section;
        /// Traffic of a second kind.
        r#async: Option<Traffic>, optional section;
    }
}

crate::parameter::section! {
    /// Machines with names.
    pub struct Pets {
        /// Time to repair by hand.
        repair: Distribution = "lognormal(1h, 0.8)", from "LANL", grade Measured;
    }
}

crate::parameter::section! {
    /// Machines without names.
    pub struct Cattle {
        /// Share that may be unhealthy.
        spare: Fraction = "10%", grade Estimate;
    }
}

crate::parameter::section! {
    /// No machines to speak of.
    pub struct Serverless {}
}

crate::parameter::kinds! {
    /// A way of running services.
    pub enum Platform by kind: PlatformKind {
        /// Machines with names.
        Pets(Pets) = "pets",
        /// Machines without names.
        Cattle(Cattle) = "cattle",
        /// No machines.
        Serverless(Serverless) = "serverless",
    }
}

crate::parameter::section! {
    /// Something that happens at a time.
    pub struct Event {
        /// When.
        at: SimDuration, required;
        /// On which day.
        day: Date = "2026-01-05", grade Choice;
        /// At what time.
        time: TimeOfDay = "14:30", grade Choice;
    }
}

crate::parameter::section! {
    /// All of it.
    #[allow(missing_docs)]
    pub struct Scenario {
        /// Seed of all random numbers.
        seed: u64 = 1, grade Choice;
        /// What runs.
        service: Named<Service>, sections;
        /// How it runs.
        platform: Named<Platform>, sections;
        /// What happens.
        event: Vec<Event>, list;
    }
}

fn read(text: &str, overrides: &[&str]) -> (Scenario, String) {
    let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
    let (table, sources, mut problems) = parse("shop.toml", text, &overrides);
    if !problems.is_empty() {
        return (Scenario::default(), problems.render(&sources, false));
    }
    let scenario = Scenario::read(&table, &Origin::default(), "", &mut problems);
    (scenario, problems.render(&sources, false))
}

fn check(text: &str, overrides: &[&str], expected: &str) {
    let problems = read(text, overrides).1;
    assert_eq!(problems, expected, "\n{problems}");
}

#[test]
fn everything_can_be_written_and_is_read() {
    let text = "
seed = 7
[service.web]
requests = '20/s'
limit = 0.5
balancing = 'random'
zones = ['c']
traffic.base = '5/s'
[service.web.async]
base = '1/s'
[platform.old]
kind = 'pets'
repair = '2h'
[platform.new]
kind = 'cattle'
[[event]]
at = '1h'
day = 2026-02-01
time = 06:00
";
    let (scenario, problems) = read(text, &["event[0].at=2h"]);
    assert_eq!(problems, "");
    assert_eq!(scenario.seed, 7);
    let web = scenario.service.get("web").expect("it is declared");
    assert_eq!(web.requests, Rate::from_per_second(20.0));
    assert_eq!(web.limit, Some(MilliCpu::from_milli(500)));
    assert_eq!((web.replicas, web.balancing), (2, Balancing::Random));
    assert_eq!(web.zones, ["c"]);
    assert_eq!((web.traffic.base.per_second(), web.traffic.peak.as_f64()), (5.0, 1.5));
    assert!(web.r#async.is_some());
    assert_eq!(scenario.platform.names().collect::<Vec<_>>(), ["old", "new"]);
    assert_eq!(scenario.platform.get("new").map(Platform::kind), Some(PlatformKind::Cattle));
    assert_eq!(scenario.event[0].at, SimDuration::from_hours(2));
    assert_eq!(scenario.event[0].day.to_string(), "2026-02-01");
    assert_eq!(scenario.event[0].time.as_seconds(), 6 * 3_600);
    // Places: a field, a field left to its default, a name, and an override.
    assert_eq!(&text[web.place.of("limit").span.clone()], "0.5");
    assert_eq!(&text[web.place.of("replicas").span.clone()], "[service.web]");
    assert!(web.place.gives("limit") && !web.place.gives("replicas"));
    let name = scenario.platform.origin_of("new").expect("it is declared");
    assert_eq!(&text[name.span.clone()], "new");
    assert_eq!(scenario.event[0].place.of("at").source.0, 1);
}

#[test]
fn an_empty_scenario_is_all_defaults() {
    let (scenario, problems) = read("", &[]);
    assert_eq!(problems, "");
    assert_eq!(scenario, Scenario::default());
    assert_eq!(Traffic::default().base, Rate::from_per_second(20.0));
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest() {
    check(
        "[service.web]\nrequests = '1/s'\nreplica = 3\n",
        &[],
        "\
error: unknown key `replica` in `service.web`
 --> shop.toml:3:1
  |
3 | replica = 3
  | ^^^^^^^ there is no such key
  |
  = help: did you mean `replicas`?

1 problem in shop.toml
",
    );
}

#[test]
fn a_missing_unit_is_named() {
    check(
        "[service.web]\nrequests = 90\n",
        &[],
        "\
error: wrong value for `service.web.requests`
 --> shop.toml:2:12
  |
2 | requests = 90
  |            ^^ found the integer `90`, which has no unit
  |
  = help: expected a rate such as `20/s`, `5/h` or `3/week`

1 problem in shop.toml
",
    );
}

#[test]
fn a_wrong_type_is_named() {
    check(
        "[service.web]\nrequests = '1/s'\nreplicas = 'three'\nzones = ['a', 2]\ntraffic = 3\n",
        &[],
        "\
error: wrong value for `service.web.replicas`
 --> shop.toml:3:12
  |
3 | replicas = 'three'
  |            ^^^^^^^ found the text `three`
  |
  = help: expected a whole number such as `3`

error: wrong value for `service.web.zones`
 --> shop.toml:4:15
  |
4 | zones = ['a', 2]
  |               ^ found the integer `2`
  |
  = help: expected text in quotation marks

error: `service.web.traffic` is a table
 --> shop.toml:5:11
  |
5 | traffic = 3
  |           ^ found the integer `3`

3 problems in shop.toml
",
    );
}

#[test]
fn a_missing_key_is_reported_at_the_header() {
    check(
        "seed = 2\n\n[service.web]\nreplicas = 1\n",
        &[],
        "\
error: missing `requests` in `service.web`
 --> shop.toml:3:1
  |
3 | [service.web]
  | ^^^^^^^^^^^^^ is not given here
  |
  = help: `requests` is a rate such as `20/s`, `5/h` or `3/week`

1 problem in shop.toml
",
    );
}

#[test]
fn an_unknown_choice_is_answered_with_the_choices() {
    check(
        "[service.web]\nrequests = '1/s'\nbalancing = 'randon'\n[service.b]\nrequests = '1/s'\nbalancing = 'fair'",
        &[],
        "\
error: wrong value for `service.web.balancing`
 --> shop.toml:3:13
  |
3 | balancing = 'randon'
  |             ^^^^^^^^ found `randon`
  |
  = help: did you mean `random`?

error: wrong value for `service.b.balancing`
 --> shop.toml:6:13
  |
6 | balancing = 'fair'
  |             ^^^^^^ found `fair`
  |
  = help: expected `random`, `round-robin` or `least-requests`

2 problems in shop.toml
",
    );
}

#[test]
fn a_value_out_of_range_is_told_the_range() {
    check(
        "[service.web]\nrequests = '1/s'\ntraffic.peak = 0.5\n",
        &[],
        "\
error: value out of range for `service.web.traffic.peak`
 --> shop.toml:3:16
  |
3 | traffic.peak = 0.5
  |                ^^^ found the number `0.5`
  |
  = help: expected at least 1

1 problem in shop.toml
",
    );
}

#[test]
fn a_mistake_in_an_override_is_shown_in_the_override() {
    check(
        "[service.web]\nrequests = '1/s'\n",
        &["service.web.replicas=-1", "sed=7"],
        "\
error: wrong value for `service.web.replicas`
 --> --set:1:22
  |
1 | service.web.replicas=-1
  |                      ^^ found the integer `-1`, which is negative
  |
  = help: expected a whole number such as `3`

error: unknown key `sed`
 --> --set:1:1
  |
1 | sed=7
  | ^^^ there is no such key
  |
  = help: did you mean `seed`?

2 problems in shop.toml
",
    );
}

#[test]
fn all_mistakes_are_shown_at_once() {
    check(
        "sead = 1\n[platform.x]\nkind = 'cats'\nrepair = 3\n[platform.y]\n[platform.z]\nkind='cattle'\nrepair = '1h'\n[[event]]\n[[event]]\nat = '1 hr'\n",
        &[],
        "\
error: unknown key `sead`
 --> shop.toml:1:1
  |
1 | sead = 1
  | ^^^^ there is no such key
  |
  = help: did you mean `seed`?

error: wrong value for `platform.x.kind`
 --> shop.toml:3:8
  |
3 | kind = 'cats'
  |        ^^^^^^ found `cats`
  |
  = help: expected `pets`, `cattle` or `serverless`

error: missing `kind` in `platform.y`
 --> shop.toml:5:1
  |
5 | [platform.y]
  | ^^^^^^^^^^^^ is not given here
  |
  = help: `kind` is one of `pets`, `cattle`, `serverless`

error: unknown key `repair` in `platform.z`
 --> shop.toml:8:1
  |
8 | repair = '1h'
  | ^^^^^^ there is no such key
  |
  = help: expected `spare` or `kind`

error: missing `at` in `event[0]`
 --> shop.toml:9:1
  |
9 | [[event]]
  | ^^^^^^^^^ is not given here
  |
  = help: `at` is a duration such as `90s`, `1h30m` or `2d`

error: wrong value for `event[1].at`
  --> shop.toml:11:6
   |
11 | at = '1 hr'
   |      ^^^^^^ found the text `1 hr`, whose unit `hr` is unknown
   |
   = help: expected a duration such as `90s`, `1h30m` or `2d`

6 problems in shop.toml
",
    );
}

#[test]
fn all_syntax_errors_are_shown_at_once() {
    check(
        "a = \nb = 1\nb = 2\n[c\nd = \"x\n",
        &[],
        "\
error: invalid TOML: string values must be quoted, expected literal string
 --> shop.toml:1:5
  |
1 | a = 
  |     ^

error: invalid TOML: duplicate key
 --> shop.toml:3:1
  |
3 | b = 2
  | ^

error: invalid TOML: unclosed table, expected `]`
 --> shop.toml:4:3
  |
4 | [c
  |   ^

3 problems in shop.toml
",
    );
}

#[test]
fn every_declaration_is_documented_and_its_default_reads() {
    let docs = Scenario::describe();
    assert_eq!(check_defaults(&docs), [""; 0]);
    let paths: Vec<&str> = docs.iter().map(|doc| doc.path.as_str()).collect();
    let expected = [
        "seed",
        "service.NAME.requests",
        "service.NAME.limit",
        "service.NAME.replicas",
        "service.NAME.balancing",
        "service.NAME.zones",
        "service.NAME.traffic.base",
        "service.NAME.traffic.peak",
        "service.NAME.async.base",
        "service.NAME.async.peak",
        "platform.NAME.kind",
        "platform.NAME.repair",
        "platform.NAME.spare",
        "event[N].at",
        "event[N].day",
        "event[N].time",
    ];
    assert_eq!(paths, expected);
    let base = &docs[6];
    assert_eq!(base.meaning, "Mean rate over a week.");
    assert_eq!(
        (base.default, base.source, base.grade),
        (Some("20/s"), Some("NASA 1995"), Some(Grade::Verified))
    );
    let (requests, peak, repair) = (&docs[1], &docs[7], &docs[11]);
    assert_eq!((requests.required, requests.range), (true, Some("at most 1000000/s")));
    assert_eq!((peak.accepts)("0.5"), Err("`0.5` is not at least 1".to_owned()));
    assert_eq!(repair.when.as_deref(), Some("kind = \"pets\""));
}

crate::parameter::section! {
    /// A section that needs what its part needs.
    pub struct Whole {
        /// Its part.
        part: Event, required section;
    }
}

#[test]
fn what_a_part_requires_is_missed_in_the_whole() {
    let read = |text: &str| {
        let (table, sources, mut problems) = parse("shop.toml", text, &[]);
        Whole::read(&table, &Origin::default(), "", &mut problems);
        problems.render(&sources, false)
    };
    assert!(read("").starts_with("error: missing `at` in `part`\n --> shop.toml:1:1\n"));
    let not_a_table = read("part = 3");
    assert!(not_a_table.starts_with("error: `part` is a table\n"), "{not_a_table}");
    assert!(not_a_table.ends_with("1 problem in shop.toml\n"), "{not_a_table}");
}

#[test]
fn wrong_declarations_are_found() {
    let mut doc = Scenario::describe().swap_remove(0);
    doc.default = Some("seven");
    doc.meaning.clear();
    doc.grade = Some(Grade::Verified);
    let expected = ["seed: found the text `seven`", "seed: has no meaning", "seed: has no source"];
    assert_eq!(check_defaults(&[doc]), expected);
}

const SAMPLE: &str = "seed = 7\n[service.web]\nrequests = '20/s'\nlimit = 0.5\nzones = ['c', \"d\"]\n\
    traffic = { base = '5/s', peak = 2 }\n[platform.\"old ö\"]\nkind = 'pets'\nrepair = '0.5 * 1h + 0.5 * 2h'\n\
    [[event]]\nat = '1h'\n[[event]]\nat = \"\"\"2h\"\"\"\n";

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let (table, sources, mut problems) = load_bytes("random.toml", &bytes, &[]);
        Scenario::read(&table, &Origin::default(), "", &mut problems);
        problems.render(&sources, true);
    }

    #[test]
    fn no_mutated_scenario_panics(
        edits in proptest::collection::vec((0..SAMPLE.len(), 0usize..6, "[\\PC\n\"'\\[\\]{}.=,#]{0,3}"), 1..6),
        argument in "(event|service|seed)[.\\[]?[0-9a-z\"\\]]{0,4}=?[\\PC]{0,6}",
    ) {
        let mut text = SAMPLE.to_owned();
        for (at, length, new) in edits {
            let boundary = |at: usize| (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
            let (start, end) = (boundary(at).unwrap_or(0), boundary(at + length).unwrap_or(0));
            text.replace_range(start..end, &new);
        }
        let (table, sources, mut problems) = parse("mutated.toml", &text, &[argument]);
        Scenario::read(&table, &Origin::default(), "", &mut problems);
        prop_assert_eq!(problems.render(&sources, false).is_empty(), problems.is_empty());
    }
}

#[test]
fn text_that_is_not_utf8_or_too_large_is_refused() {
    let render = |bytes: &[u8]| {
        let (_, sources, problems) = load_bytes("shop.toml", bytes, &[]);
        problems.render(&sources, false)
    };
    let expected = "error: `shop.toml` is not UTF-8 text\n |\n = help: the first bad byte is at offset 5, in line 2\n\n1 problem in shop.toml\n";
    assert_eq!(render(b"a=1\nb\xff"), expected);
    assert!(render(&vec![b' '; (16 << 20) + 1]).contains("larger than 16 MiB"));
    assert!(render("[".repeat(1_000_000).as_bytes()).contains("nested too deeply"));
}

#[test]
fn the_deepest_text_that_is_accepted_fits_a_small_stack() {
    let deep =
        |open: &str, close: &str| format!("a{} = {}{}", ".a".repeat(2), open.repeat(61), close.repeat(61));
    for text in
        [deep("[", "]"), deep("{a=", "}"), format!("[{}a]\na.{}a = 1", "a.".repeat(63), "a.".repeat(63))]
    {
        let read = move || load_bytes("deep.toml", text.as_bytes(), &["b.c=[[1]]".to_owned()]).0;
        let thread = std::thread::Builder::new().stack_size(1 << 20).spawn(read).expect("a thread starts");
        assert!(!thread.join().expect("it does not panic").is_empty());
    }
}
