//! Retries: the geometric fixed point, the budget, and the overload that outlives its trigger.

use crate::verify::lab::{self, CORES, Hand};
use crate::verify::{Band, Check};
use crate::world::observation::FlowObservation;

const WORK_S: f64 = 0.04;

/// All attempts per request when so many boxes of the route are dead, from the work that the others do.
fn attempts(alive: u32, dead: u32, rate: f64, overrides: &[&str]) -> f64 {
    let rate_text = format!("service.web.traffic.rate={rate}/s");
    let common = ["run.length=1h", &rate_text];
    let scenario = lab::scenario(&[&common[..], overrides].concat());
    let flows = lab::flows(&scenario, Hand::new(alive).with_dead(dead));
    let last = flows.last().expect("there was a flow");
    let at_alive = (last.useful_cores + last.wasted_cores) / WORK_S;
    at_alive / (f64::from(alive) / f64::from(alive + dead)) / rate
}

/// Four boxes of which three leave the route for five minutes; share of requests served three quarters of an hour
/// later. Callers try twice, wait a second, and servers do not notice when they give up.
fn after_a_trigger(load: f64, retries: u32) -> f64 {
    let rate = load * 4.0 * CORES / WORK_S;
    let scenario = lab::scenario(&[
        "run.length=1h",
        "run.segment=5m",
        &format!("service.web.traffic.rate={rate}/s"),
        &format!("service.web.retry.attempts={retries}"),
        "service.web.retry.budget=100%",
        "service.web.timeout=1s",
        "service.web.server.cancels=false",
        "service.web.server.hold=1000",
    ]);
    let flows = lab::flows(&scenario, Hand::new(4).with_script(&[(600, 1), (900, 4)]));
    let late = (3_000.0, 3_600.0);
    let share = |of: fn(&FlowObservation) -> f64| lab::sum(&flows, late, of);
    share(|f| f.served) / share(|f| f.offered)
}

pub fn checks() -> Vec<Check> {
    let followed = Band::Within(0.005, "changes of the retry rate below 0.1 % are not followed");
    let storms =
        "Bronson et al. 2021, Huang et al. 2022 (metastable failures): capacity/(1 + r) < λ < capacity";
    let trigger = |name: &str, expected, half, load, retries, claim: &str| {
        let band = Band::Within(half, "nearly all requests or nearly none: nothing lies between");
        Check::new(name, expected, band, move |_| after_a_trigger(load, retries).into())
            .claims(claim)
            .after(storms)
    };
    vec![
        // p = 0.3, r = 1: 1 + 0.3. The last attempt shows most where it is the second.
        Check::new("retries-geometric-one", 1.3, followed, |_| {
            attempts(7, 3, 100.0, &["service.web.retry.attempts=1", "service.web.retry.budget=100%"]).into()
        })
        .claims("attempts per request, three of ten boxes dead, one retry: 1 + p")
        .after("geometric series"),
        // p = 0.3, r = 2: (1 − 0.3³)/(1 − 0.3) = 1.39.
        Check::new("retries-geometric", 1.39, followed, |_| {
            attempts(7, 3, 100.0, &["service.web.retry.attempts=2", "service.web.retry.budget=100%"]).into()
        })
        .claims("attempts per request, three of ten boxes dead, two retries: (1 − p³)/(1 − p)")
        .after("geometric series"),
        // p = 0.3, r = 5: (1 − 0.3⁶)/(1 − 0.3) = 1.427530.
        Check::new("retries-geometric-five", (1.0 - 0.3_f64.powi(6)) / 0.7, followed, |_| {
            attempts(7, 3, 100.0, &["service.web.retry.attempts=5", "service.web.retry.budget=100%"]).into()
        })
        .claims("attempts per request, three of ten boxes dead, five retries: (1 − p⁶)/(1 − p)")
        .after("geometric series"),
        Check::new("retries-budget", 1.2, followed, |_| {
            attempts(1, 9, 10.0, &["service.web.retry.attempts=3", "service.web.retry.budget=20%"]).into()
        })
        .claims("attempts per request, nine of ten boxes dead, a budget of 20 %")
        .after("Envoy and Finagle: a budget caps retries at a share of requests"),
        trigger(
            "storm-stays",
            0.0,
            0.1,
            0.8,
            1,
            "at 80 % load with a retry the overload outlives its trigger",
        ),
        trigger("storm-ends-below-the-zone", 1.0, 0.01, 0.4, 1, "at 40 % load, below capacity/2, it ends"),
        trigger("storm-needs-retries", 1.0, 0.01, 0.8, 0, "at 80 % load without retries it ends"),
    ]
}
