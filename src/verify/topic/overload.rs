//! Overload: how a crowd grows and drains, and where impatience holds it.

use super::lines::LUCK;
use crate::verify::lab::{self, CORES, Hand};
use crate::verify::luck::REPETITIONS;
use crate::verify::sharing::Sharing;
use crate::verify::{Band, Check};
use crate::world::observation::FlowObservation;
use crate::world::queueing::ServiceTime;

/// Mean work of a request in the lab [s].
const WORK_S: f64 = 0.04;

/// What a box can do [requests/s].
const CAPACITY: f64 = CORES / WORK_S;

/// 60/s at one box of 50/s for ten minutes, then at two.
fn crowd() -> Vec<FlowObservation> {
    let scenario = lab::scenario(&[
        "run.length=30m",
        "run.segment=5m",
        "service.web.traffic.rate=60/s",
        "service.web.server.cancels=false",
    ]);
    lab::flows(&scenario, Hand::new(2).with_script(&[(0, 1), (600, 2)]))
}

/// Twice what a box can do, callers who wait 5 s.
fn impatient() -> FlowObservation {
    let scenario =
        lab::scenario(&["run.length=1h", "service.web.traffic.rate=100/s", "service.web.timeout=5s"]);
    *lab::flows(&scenario, Hand::new(1)).last().expect("there was a flow")
}

/// Forty cores and work of 100 ms; 240/s become 520/s for two minutes, and twenty cores are added after 90 s.
fn published() -> Vec<FlowObservation> {
    let scenario = lab::scenario(&[
        "run.length=20m",
        "run.segment=1m",
        "service.web.cpu_per_request=100ms",
        "service.web.cpu_variation=1",
        "service.web.traffic.rate=240/s",
        "service.web.traffic.flash.at=['2026-01-05T00:10']",
        "service.web.traffic.flash.factor=2.1666666667",
        "service.web.traffic.flash.rise=0s",
        "service.web.traffic.flash.plateau=2m",
        "service.web.traffic.flash.half_life=1s",
    ]);
    lab::flows(&scenario, Hand::new(30).with_script(&[(0, 20), (690, 30)]))
}

/// Time from an instant until no more requests are inside than a stationary box holds [s].
fn drained_after(flows: &[FlowObservation], from_s: f64) -> f64 {
    let drained = |f: &&FlowObservation| f.from.as_secs_f64() >= from_s && f.latency[0].slowdown < 2.0;
    flows.iter().find(drained).map_or(f64::NAN, |f| f.from.as_secs_f64() - from_s)
}

fn work() -> ServiceTime {
    ServiceTime::lognormal(WORK_S, 2.0)
}

/// Share of requests that are answered in the balance: work up to x, such that E[min(work, x)] is what each may have.
fn answered(load: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1e3);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if work().mean_capped(middle) < WORK_S / load { low = middle } else { high = middle }
    }
    work().cdf(low)
}

pub fn checks() -> Vec<Check> {
    let fluid = "fluid limit: Newell 1982; Wang, Tipper & Banerjee 1996 (PSFFA)";
    let balance = "Gromoll, Robert & Zwart 2008: E[min(x, θ/s)] = C/Λ";
    let growth = (60.0 - CAPACITY) * 600.0;
    let drain = growth / (2.0 * CAPACITY - 60.0);
    vec![
        Check::new(
            "crowd-grows",
            growth,
            Band::Within(0.01 * growth, "steps of a quarter of the way: 1 %"),
            |_| lab::sum(&crowd(), (0.0, 600.0), |f| f.offered - f.served - f.failed()).into(),
        )
        .claims("600 s of 60/s at a box of 50/s leave (60 − 50)·600 requests inside")
        .after(fluid),
        Check::new(
            "crowd-drains",
            drain,
            Band::Within(4.0, "the end of a drain is stationary, not fluid: 4 s"),
            |_| drained_after(&crowd(), 600.0).into(),
        )
        .claims("a second box drains them at 100 − 60 per second")
        .after(fluid),
        Check::new(
            "crowd-is-answered",
            1.0,
            Band::Within(1e-3, "the last few are inside at the end"),
            |_| {
                let flows = crowd();
                let all = (0.0, f64::INFINITY);
                (lab::sum(&flows, all, |f| f.served) / lab::sum(&flows, all, |f| f.offered)).into()
            },
        )
        .claims("nobody gives up within an hour, so all of the crowd is answered in the end")
        .after("conservation"),
        Check::new(
            "backlog-of-a-peak",
            10_834.0,
            Band::Within(
                217.0,
                "boxes of two cores, where some idle while others have a line, in place of one of forty: 2 %",
            ),
            |_| {
                let flows = published();
                let before = flows.iter().rfind(|f| f.to.as_secs_f64() <= 600.0).expect("ten calm minutes");
                let inside = before.offered * lab::mean_response(before, 0.1);
                (inside + lab::sum(&flows, (600.0, 690.0), |f| f.offered - f.served - f.failed())).into()
            },
        )
        .claims("requests inside after 90 s of 520/s at forty cores that do 400/s, 240/s before")
        .after("independent simulation of M/M/40; PSFFA gave 10,847, a fluid 10,829"),
        // 80/s less for 30 s, the end of the peak 280·1 s/ln 2 = 404 more, then 600 − 240 = 360/s less.
        Check::new(
            "backlog-drains",
            30.0 + (10_834.0 - 80.0 * 30.0 + 404.0) / 360.0,
            Band::Within(4.0, "the end of a drain is stationary, not fluid: 4 s"),
            |_| drained_after(&published(), 690.0).into(),
        )
        .claims("seconds until twenty more cores have drained it")
        .after(fluid),
        Check::new(
            "impatience-balance",
            0.5,
            Band::Within(0.01, "a box counts as full from 98 % on"),
            |_| {
                let slowdown = impatient().latency[0].slowdown;
                (work().mean_capped(5.0 / slowdown) / WORK_S).into()
            },
        )
        .claims("at twice the capacity each request gets half of its work before its caller gives up")
        .after(balance),
        Check::new(
            "impatience-answered",
            answered(2.0),
            Band::Within(0.01, "a box counts as full from 98 % on"),
            |_| {
                let flow = impatient();
                (flow.served / flow.offered).into()
            },
        )
        .claims("share that is answered at twice the capacity, as the flow has it")
        .after(balance),
        Check::new(
            "impatience-answered-sim",
            answered(2.0),
            Band::Chance(0.01, "finite patience of 125 service times: 1 %, and 4.5 standard errors"),
            |luck| {
                luck.mean(REPETITIONS, |r| {
                    let patience = Some(5.0 / WORK_S);
                    // In service times: the same distribution with mean 1.
                    let work = |u| ServiceTime::lognormal(1.0, 2.0).quantile(u);
                    let box_ = Sharing { cores: CORES, load: 2.0, work, patience, requests: 10_000 };
                    box_.run(&luck.streams(r)).answered
                })
            },
        )
        .claims("share that is answered at twice the capacity, request by request")
        .after(balance),
        Check::new("work-cut-off", work().mean_capped(0.05), Band::Chance(0.0, LUCK), |luck| {
            luck.mean(REPETITIONS, |r| {
                let mut stream = luck.stream(r, "verify work");
                (0..5_000).map(|_| work().quantile(stream.uniform()).min(0.05)).sum::<f64>() / 5_000.0
            })
        })
        .claims("mean of work that is stopped at 50 ms, drawn and by formula")
        .after("partial expectation of the lognormal distribution"),
    ]
}
