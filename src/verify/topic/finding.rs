//! How callers find boxes on machines: how long a dead one stays on their lists, and how often a registry has its quorum.

use crate::engine::SimTime;
use crate::scenario::Scenario;
use crate::verify::luck::REPETITIONS;
use crate::verify::{Band, Check, Luck, lab};
use crate::world::observation::Exit;
use crate::world::{BoxId, Observation};

/// Ten machines that nobody replaces, in an auto scaling group that never looks. Delays that are not asked about are zero.
const FLEET: &str = r#"
[run]
length = "60d"
warm_up = "0s"
segment = "1h"

[service.web]
cpu_per_request = "40ms"
timeout = "1s"
release.rate = "0/week"
traffic.rate = "40/s"
traffic.diurnal.amplitude = 0

[service.web.container.app]
cpu = "500m"
startup = "5s"

[platform.herd]
kind = "cattle"
size.web.boxes = 10
size.web.machine = "m7i.xlarge"
scaling.policy = "none"
health.period = "300d"
discovery.registry.watch = "0s"
discovery.registry.flapping = "0/y"
discovery.registry.writes_per_s = 1000000
discovery.registry.notices_per_s = 1000000000
"#;

fn watch(scenario: &Scenario, luck: &Luck, repetition: u32, each: impl FnMut(SimTime, &Observation)) {
    let parameters = scenario.parameters.platform.get("herd").expect("it is there");
    let mut platform = parameters.build(&scenario.parameters.practice);
    lab::run(scenario, platform.as_mut(), (luck.seed(), repetition), each);
}

/// The first box that its machine takes with it.
#[derive(Default)]
struct FirstDeath {
    died: Option<(SimTime, BoxId)>,
    /// Until nearly no caller sends there.
    listed_s: Option<f64>,
    /// Requests that were sent there.
    requests: f64,
    deaths: u32,
}

impl FirstDeath {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match observation {
            Observation::BoxExited { subject, exit: Exit::Fault { .. } } => {
                self.deaths += 1;
                self.died.get_or_insert((time, *subject));
            }
            Observation::BoxUnrouted { subject } => {
                if let Some((died, _)) = self.died.filter(|(_, dead)| dead == subject) {
                    self.listed_s.get_or_insert(time.since(died).as_secs_f64());
                }
            }
            Observation::Flow(flow) if self.deaths == 1 => {
                self.requests += flow.to_dead_boxes * flow.seconds()
            }
            _ => {}
        }
    }
}

/// Some repetition after `repetition` in which one box dies, and the next much later or never.
fn first_death(overrides: &[&str], luck: &Luck, repetition: u32) -> FirstDeath {
    let scenario =
        lab::load_quiet("finding.toml", FLEET, &[&["faults.vm_loss.rate=1/year"], overrides].concat());
    let candidates = (0..u32::MAX / REPETITIONS).map(|again| repetition + again * REPETITIONS);
    let mut found = candidates.map(|candidate| {
        let mut seen = FirstDeath::default();
        watch(&scenario, luck, candidate, |time, observation| seen.observe(time, observation));
        seen
    });
    found.find(|seen| seen.listed_s.is_some() && seen.deaths == 1).expect("half of the seeds have one death")
}

/// Seconds until a machine that is gone is off the lists, in a registry of so many members that gossip.
fn by_gossip(members: u32, luck: &Luck, repetition: u32) -> f64 {
    let clients = format!("platform.herd.discovery.registry.clients={}", members - 10);
    let overrides = ["platform.herd.discovery.kind=registry", clients.as_str()];
    first_death(&overrides, luck, repetition).listed_s.expect("found for that")
}

/// Requests that go to a dead box whose name the DNS goes on to give.
fn by_dns(luck: &Luck, repetition: u32) -> f64 {
    let overrides = ["platform.herd.discovery.kind=dns", "platform.herd.discovery.dns.overrun=0%"];
    first_death(&overrides, luck, repetition).requests
}

/// Share of the time in which most of so many servers are down.
fn without_quorum(servers: u32, luck: &Luck, repetition: u32) -> f64 {
    let scenario = lab::load_quiet(
        "quorum.toml",
        FLEET,
        &[
            "run.length=2y",
            "platform.herd.size.web.boxes=1",
            "platform.herd.discovery.kind=registry",
            "platform.herd.discovery.registry.election=0s",
            &format!("platform.herd.discovery.registry.servers={servers}"),
            "faults.vm_crash.rate=365/year",
            "faults.vm_crash.hazard=exponential",
            "faults.vm_crash.down=6h",
        ],
    );
    let (mut out_s, mut since) = (0.0, None);
    watch(&scenario, luck, repetition, |time, observation| match observation {
        Observation::DirectoryLost { .. } => since = Some(time),
        Observation::DirectoryBack => out_s += since.take().map_or(0.0, |s| time.since(s).as_secs_f64()),
        _ => {}
    });
    let end = scenario.world.horizon;
    (out_s + since.map_or(0.0, |s| end.since(s).as_secs_f64())) / end.since(SimTime::ZERO).as_secs_f64()
}

/// Probability that most of n are down, each with the probability u.
fn most_down(n: i32, u: f64) -> f64 {
    let (mut binomial, mut sum) = (1.0, 0.0);
    for k in 0..=n {
        if 2 * k > n {
            sum += binomial * u.powi(k) * (1.0 - u).powi(n - k);
        }
        binomial *= f64::from(n - k) / f64::from(k + 1);
    }
    sum
}

pub fn checks() -> Vec<Check> {
    let gossip = |members: u32| {
        let n = f64::from(members);
        let e = std::f64::consts::E;
        let expected = e / (e - 1.0) + 1.0 + 4.0 * n.log10() + 0.2 * n.ln() / 4f64.ln();
        let band =
            Band::Chance(0.05, "the list is written in milliseconds; 4.5 standard errors of 40 repetitions");
        Check::new(format!("gossip-among-{members}"), expected, band, move |luck| {
            luck.mean(REPETITIONS, |r| by_gossip(members, luck, r))
        })
        .claims(format!("seconds until {members} members of a registry agree that a machine is gone"))
        .after("probe after e/(e-1) periods, a period to answer, 4 log10 N of suspicion, log4 N rounds of gossip: Das, Gupta & Motivala 2002; memberlist @1b4c746")
    };
    let quorum = |servers: u32| {
        let band = Band::Chance(1e-4, "4.5 standard errors of 40 repetitions");
        // Down for 6 h after 24 h on average.
        let expected = most_down(servers.cast_signed(), 0.2);
        Check::new(format!("quorum-of-{servers}"), expected, band, move |luck| {
            luck.mean(REPETITIONS, |r| without_quorum(servers, luck, r))
        })
        .claims(format!(
            "share of the time in which most of {servers} servers are down, each for a fifth of it"
        ))
        .after("the binomial distribution")
    };
    // Checks each 30 s, of which three have to fail: the third begins 75 s after the death on average, and waits 5 s. Then
    // 30 s until the name servers know, and 30 s until the average caller asks again. One request in ten is for the dead
    // box, 4 a second.
    let of_dns = 4.0 * (75.0 + 5.0 + 30.0 + 30.0);
    let band = Band::Chance(4.0, "callers leave in steps; 4.5 standard errors of 40 repetitions");
    let dns = Check::new("dns-of-a-dead-box", of_dns, band, |luck| {
        luck.mean(REPETITIONS, |r| by_dns(luck, r))
    })
    .claims(
        "requests to a dead box whose name the DNS gives until its checks have failed and callers ask again",
    )
    .after("Little's law: the rate times the mean time until a caller leaves");
    let mut all: Vec<Check> = [10, 100, 1_000].map(gossip).into();
    all.push(dns);
    all.extend([3, 5].map(quorum));
    all
}
