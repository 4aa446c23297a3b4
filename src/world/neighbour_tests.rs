//! Noisy neighbours: what a greedy box on the same machine does to the latency of another, through the real world.
//!
//! The victim, `web`, has 10 requests/s of 40 ms: 0.4 cores. The neighbour, `batch`, has more to do than the whole
//! machine can. An m7i.large has 2 − 0.05 = 1.95 cores for both. With `c` cores up to one, requests of the victim
//! share them, so that on average they take 1/(c − 0.4) times their work (M/G/1 with processor sharing).

use super::*;
use crate::parameter::MilliCpu;
use proptest::prelude::*;

const BATCH: ServiceId = ServiceId(1);

/// CPU requests of both [milli-CPU] and the neighbour's limit.
#[derive(Clone, Copy, Debug)]
struct Terms {
    web: u32,
    batch: u32,
    limit: Option<u32>,
}

const EQUAL: Terms = Terms { web: 500, batch: 500, limit: None };

fn container(cpu: u32, limit: Option<u32>) -> Named<ContainerParameters> {
    let mut containers = Named::default();
    let part = ContainerParameters {
        cpu: MilliCpu::from_milli(cpu),
        cpu_limit: limit.map(MilliCpu::from_milli),
        ..ContainerParameters::default()
    };
    containers.insert("app", part);
    containers
}

/// What the victim's requests take beside `batch_per_s` requests/s of 40 ms.
fn victim(terms: Terms, batch_per_s: f64) -> FlowObservation {
    let mut spec = quiet(10.0);
    let mut batch = spec.services[0].clone();
    spec.services[0].1.container = container(terms.web, None);
    batch.1.container = container(terms.batch, terms.limit);
    let mut traffic = TrafficParameters::default();
    traffic.diurnal.amplitude = Factor::new(0.0).expect("a factor");
    batch.2 = Curve::periodic(Rate::from_per_second(batch_per_s), &traffic);
    spec.services.push(batch);
    let mut lab = Lab::new(&spec);
    let (vm, _) = lab.serving_box();
    let neighbour = lab.api().adopt_box(BATCH, vm);
    lab.api().route(neighbour);
    lab.run_for(MINUTE * 20);
    lab.flows().filter(|f| f.service == WEB).last().expect("it has requests").to_owned()
}

/// 99th percentile of the latency [s].
fn p99(flow: &FlowObservation) -> f64 {
    let work = crate::world::queueing::ServiceTime::lognormal(0.04, 2.0);
    let below = |t: f64| {
        let of = |c: &crate::world::observation::LatencyClass| {
            // A wait of mean `line_s` with probability `in_line`, in a few steps.
            let later = |wait: f64| work.cdf((t - c.wait_s - c.earlier_s - wait) / c.slowdown);
            let waits = (0..50).map(|i| -c.line_s * (1.0 - (f64::from(i) + 0.5) / 50.0).ln());
            c.rate * ((1.0 - c.in_line) * later(0.0) + c.in_line * waits.map(later).sum::<f64>() / 50.0)
        };
        flow.latency.iter().filter(|c| c.rate > 0.0).map(of).sum::<f64>() / flow.served
    };
    let (mut low, mut high) = (0.0, 60.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if below(middle) < 0.99 { low = middle } else { high = middle }
    }
    high
}

fn greedy(terms: Terms) -> FlowObservation {
    victim(terms, 200.0)
}

#[test]
fn beside_a_greedy_neighbour_requests_decide() {
    // Equal requests: half of 1.95 cores at moments when both have much to do. 1/(0.975 − 0.4) = 1.739.
    close(greedy(EQUAL).latency[0].slowdown, 1.739, 0.01);
    // Two fifths of the requests, two fifths of the cores: 1/(0.78 − 0.4) = 2.632.
    close(greedy(Terms { web: 400, batch: 600, ..EQUAL }).latency[0].slowdown, 2.632, 0.02);
    // More requests help: 1.95 · 0.5128 = 1 core. 1/(1 − 0.4) = 1.667.
    close(greedy(Terms { web: 1_000, batch: 950, ..EQUAL }).latency[0].slowdown, 1.667, 0.01);
}

#[test]
fn a_quiet_neighbour_takes_only_what_it_uses() {
    // 25 requests/s · 40 ms = 1 core: 0.95 are left for the victim, less than the 0.975 that it is guaranteed.
    close(victim(EQUAL, 25.0).latency[0].slowdown, 1.739, 0.01);
    // 1.2 cores of 1.95 at most, and still 0.975 guaranteed: the limit does no harm, and helps only below that.
    let limit = |milli| Terms { limit: Some(milli), ..EQUAL };
    close(greedy(limit(1_200)).latency[0].slowdown, 1.739, 0.01);
    // 0.95 cores at most leave 1: 1/(1 − 0.4).
    close(greedy(limit(950)).latency[0].slowdown, 1.667, 0.01);
    assert!(p99(&greedy(limit(300))) < 0.8 * p99(&greedy(EQUAL)));
    // Nobody beside it is better than anybody.
    assert!(p99(&victim(EQUAL, 0.0)) <= p99(&greedy(limit(300))) * (1.0 + 1e-9));
}

#[test]
fn a_neighbour_whose_demand_creeps_is_felt_within_the_tolerance() {
    // The neighbour's traffic swings by a tenth around 25/s, less than 1 % a segment: 0.9 to 1.1 cores of 1.95. The
    // victim has the rest, guaranteed only 15/165 of the machine; constant traffic of its own never makes it look.
    let mut spec = quiet(10.0);
    let mut batch = spec.services[0].clone();
    spec.services[0].1.container = container(150, None);
    batch.1.container = container(1_500, None);
    let mut traffic = TrafficParameters::default();
    traffic.diurnal.amplitude = Factor::new(0.1).expect("a factor");
    batch.2 = Curve::periodic(Rate::from_per_second(25.0), &traffic);
    spec.services.push(batch);
    let mut lab = Lab::new(&spec);
    let (vm, _) = lab.serving_box();
    let neighbour = lab.api().adopt_box(BATCH, vm);
    lab.api().route(neighbour);
    lab.run_for(MINUTE * 24 * 60);
    let (mut worst, mut seen) = (0.0_f64, 0);
    for batch in lab.flows().filter(|f| f.service == BATCH && f.boxes == 1.0) {
        let beside = |f: &&FlowObservation| f.service == WEB && f.from <= batch.from && batch.to <= f.to;
        let Some(web) = lab.flows().find(beside) else { continue };
        let exact = 1.0 / (1.95 - 0.04 * batch.offered - 0.4);
        worst = worst.max((web.latency[0].slowdown / exact - 1.0).abs());
        seen += 1;
    }
    // A claim may be 2 % of 1.1 cores behind, 0.022, where 1.95 − 1.1 − 0.4 = 0.45 are left: 4.9 %. Cores of 0.85 may
    // move by 1 % · (1 − 0.4/0.85) before the victim looks again: 1 % of its slowdown.
    assert!(seen > 200, "{seen} segments");
    assert!(worst < 0.049 + 0.01 + 0.001, "{worst}");
    assert!(worst > 0.001, "the tolerance is used: {worst}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_limit_on_the_neighbour_never_worsens_the_victim(
        web in 150..1_500u32,
        batch in 150..1_500u32,
        limits in (50..2_000u32, 50..2_000u32),
        batch_per_s in 5.0..100.0f64,
    ) {
        // From 98 % of its limit on the neighbour is taken to use all of it: the same limit lifted would show less.
        let filled = |limit: u32| batch_per_s * 40.0 / f64::from(limit);
        prop_assume!([limits.0, limits.1].iter().all(|&limit| !(0.975..1.0).contains(&filled(limit))));
        let (low, high) = (limits.0.min(limits.1), limits.0.max(limits.1));
        let terms = |limit| Terms { web, batch, limit };
        let [tight, wide, none] =
            [Some(low), Some(high), None].map(|limit| p99(&victim(terms(limit), batch_per_s)));
        prop_assert!(tight <= wide * 1.005, "{tight} with {low}m, {wide} with {high}m");
        prop_assert!(wide <= none * 1.005, "{wide} with {high}m, {none} without");
    }

    #[test]
    fn more_requests_of_its_own_never_worsen_the_victim(
        web in 150..1_000u32,
        more in 1..1_000u32,
        batch in 150..1_500u32,
        batch_per_s in 5.0..100.0f64,
    ) {
        let at = |web| p99(&victim(Terms { web, batch, limit: None }, batch_per_s));
        prop_assert!(at(web + more) <= at(web) * 1.005, "{} and {}", at(web + more), at(web));
    }
}
