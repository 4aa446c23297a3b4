//! Requests as a flow and one by one: two independent ways to the same numbers, under the same control plane.

use crate::support::{quiet, run, scenario, value};
use boxherd::engine::SimTime;
use boxherd::platform::Platform;
use boxherd::scenario::Scenario;
use boxherd::simulation::{self, Watcher};
use boxherd::world::observation::RolloutStep;
use boxherd::world::{Observation, World};

/// Two hours of a Tuesday morning, after a day of warm-up: releases come out, processes crash, and from 10:00 to 11:00
/// twice as many callers come.
const MORNING: &str = r#"
[run]
length = "2h"
warm_up = "33h"
start = "2026-01-05"

[service.web]
cpu_per_request = "40ms"
traffic.rate = "150/s"
traffic.diurnal.amplitude = 0
traffic.weekly.weekend = 1
traffic.event.sale = { on = ["2026-01-06"], begins = "10:00", lasts = "1h", factor = 2, ramp = "5m" }
release.rate = "150/week"
release.failure_rate = "0%"
requests_from = "33h"

[service.web.container.app]
cpu = "500m"

[vulnerabilities]
system = "0/year"
runtime = "0/year"

[faults]
# A process that hangs would cost a group its machine, and the fleet grow by chance.
process_crash = { rate = "300/month", hang_share = "0%" }

[platform.pets]
kind = "pets"

[platform.cattle]
kind = "cattle"

[platform.k8s]
kind = "kubernetes"
"#;

/// What came of requests, and what happened meanwhile.
#[derive(Default)]
struct Log {
    offered: f64,
    served: f64,
    cpu_s: f64,
    /// Latencies of requests that were followed one by one [s].
    single_s: Vec<f64>,
    /// Classes of requests in the flow: number, mean slowdown, spread.
    classes: Vec<(f64, f64, f64)>,
    exits: u32,
    rollouts: u32,
    sizes: Vec<u32>,
}

impl Watcher for Log {
    fn observe(&mut self, _: SimTime, observation: &Observation) {
        match observation {
            Observation::MeteringBegins => *self = Log::default(),
            Observation::Flow(flow) => {
                let seconds = flow.seconds();
                self.offered += flow.offered * seconds;
                self.served += flow.served * seconds;
                self.cpu_s += (flow.useful_cores + flow.wasted_cores) * seconds;
                for class in flow.latency.iter().filter(|c| c.rate > 0.0) {
                    self.classes.push((class.rate * seconds, class.slowdown, class.spread));
                }
            }
            Observation::RequestServed { latency_s, .. } => self.single_s.push(*latency_s),
            Observation::InFlightLost { requests, .. } => self.served -= requests,
            Observation::BoxExited { .. } => self.exits += 1,
            Observation::Rollout { step: RolloutStep::Begins, .. } => self.rollouts += 1,
            Observation::Desired { boxes, .. } => self.sizes.push(*boxes),
            _ => {}
        }
    }
}

impl Log {
    fn of(scenario: &Scenario, platform: &str, replication: u32) -> Log {
        let mut world = World::new(&scenario.world, scenario.parameters.run.seed, replication);
        let parameters = scenario.parameters.platform.get(platform).expect("a platform of the scenario");
        let mut platform: Box<dyn Platform> = parameters.build(&scenario.parameters.practice);
        let mut log = Log::default();
        simulation::run(&mut world, platform.as_mut(), &mut log);
        log
    }

    /// Mean and 99th percentile of the latency [s].
    fn latency(&mut self, work: &boxherd::world::queueing::ServiceTime) -> (f64, f64) {
        if !self.single_s.is_empty() {
            self.single_s.sort_by(f64::total_cmp);
            let n = self.single_s.len();
            return (self.single_s.iter().sum::<f64>() / n as f64, self.single_s[n * 99 / 100]);
        }
        let total: f64 = self.classes.iter().map(|c| c.0).sum();
        let mean = self.classes.iter().map(|c| c.0 * c.1).sum::<f64>() / total * work.mean_s;
        let above = |t: f64| -> f64 {
            self.classes.iter().map(|c| c.0 * (1.0 - work.blurred(c.2).cdf(t / c.1))).sum()
        };
        let (mut low, mut high) = (1e-3, 1e2);
        for _ in 0..40 {
            let middle = f64::sqrt(low * high);
            if above(middle) > 0.01 * total { low = middle } else { high = middle }
        }
        (mean, high)
    }
}

#[test]
fn both_ways_agree_on_a_morning_with_a_rollout_crashes_and_a_scale_up() {
    for platform in ["pets", "cattle", "k8s"] {
        let run = |mode: &str| {
            let scenario = scenario("morning.toml", MORNING, &[&format!("service.web.requests={mode}")]);
            let work = scenario.world.services[0].1.work();
            let mut log = Log::of(&scenario, platform, 0);
            let (mean, p99) = log.latency(&work);
            (log, mean, p99)
        };
        let ((flow, flow_mean, flow_p99), (single, mean, p99)) = (run("flow"), run("discrete"));
        let close = |what: &str, flow: f64, single: f64, relative: f64, absolute: f64| {
            let bound = relative * single.abs() + absolute;
            assert!((flow - single).abs() <= bound, "{platform}, {what}: flow {flow}, one by one {single}");
        };
        // 3 hours' worth of 150/s; the Poisson count of 1.6 million has a standard error of 0.08 %.
        close("offered", flow.offered, single.offered, 0.003, 0.0);
        // A handful of boxes fail a few seconds each: some hundreds or thousands of requests.
        let failed = |log: &Log| log.offered - log.served;
        close("failed", failed(&flow), failed(&single), 0.15, 50.0);
        close("CPU", flow.cpu_s, single.cpu_s, 0.01, 0.0);
        close("mean latency", flow_mean, mean, 0.05, 0.0);
        close("p99", flow_p99, p99, 0.08, 0.0);
        assert!(
            flow.exits.abs_diff(single.exits) <= flow.exits / 5,
            "{platform}: {} {}",
            flow.exits,
            single.exits
        );
        assert!(flow.exits > 5, "processes crash");
        if platform != "pets" {
            assert!(flow.rollouts > 0 && single.rollouts > 0, "{platform}: a version comes out");
            assert!(flow.sizes.iter().max() > flow.sizes.iter().min(), "{platform}: the fleet grows");
            let largest = |log: &Log| f64::from(log.sizes.iter().copied().max().unwrap_or(0));
            close("largest fleet", largest(&flow), largest(&single), 0.1, 1.0);
        }
    }
}

/// Ten boxes of one core without trouble.
const TEN: &str = r#"
[run]
length = "40m"
warm_up = "20m"
replications = 2

[service.web]
cpu_per_request = "40ms"
cpu_variation = 1
timeout = "60s"
traffic.rate = "200/s"
traffic.diurnal.amplitude = 0
traffic.weekly.weekend = 1
release.rate = "0/week"

[service.web.container.app]
cpu = "500m"
cpu_limit = "1"

[platform.pets]
kind = "pets"
size.web.boxes = 10
size.web.machine = "m7i.large"
"#;

/// Compares (metric, relative bound, absolute bound) of both ways.
fn check(overrides: &[&str], bounds: &[(&str, f64, f64)]) {
    let results = |mode: &str| {
        let mode = format!("service.web.requests={mode}");
        run(&quiet("ten.toml", TEN, &[&[mode.as_str()][..], overrides].concat()))
    };
    let (flow, single) = (results("flow"), results("discrete"));
    for &(metric, relative, absolute) in bounds {
        let (a, b) = (value(&flow, "pets", metric), value(&single, "pets", metric));
        let bound = relative * b.abs() + absolute;
        assert!((a - b).abs() <= bound, "{overrides:?}, {metric}: flow {a}, one by one {b}");
    }
}

const LATENCY: [(&str, f64, f64); 2] = [("latency_p50", 0.15, 0.0), ("latency_p99", 0.12, 0.0)];

#[test]
fn both_ways_agree_on_every_balancing_policy() {
    for policy in ["random", "round-robin", "power-of-two", "least-connections"] {
        check(&[&format!("platform.pets.load_balancer.balancing={policy}")], &LATENCY);
    }
}

#[test]
fn both_ways_agree_on_overload_with_and_without_cancellation_and_in_front_of_workers() {
    let overload = ["service.web.traffic.rate=300/s", "service.web.timeout=5s"];
    let with = |more: &[&'static str]| [&overload[..], more].concat();
    let bounds = [("availability", 0.0, 0.02), ("latency_p50", 0.12, 0.0), ("cpu_wasted", 0.15, 0.01)];
    check(&with(&[]), &bounds);
    check(&with(&["service.web.server.cancels=false"]), &bounds);
    check(&with(&["service.web.server.workers=4"]), &bounds);
    check(&with(&["service.web.server.hold=50", "service.web.server.cancels=false"]), &bounds);
}

#[test]
fn both_ways_agree_on_a_retry_storm() {
    // 20 % too many callers, who try twice again within a budget of 20 %: the long requests come again in vain.
    let storm = ["service.web.traffic.rate=300/s", "service.web.timeout=5s", "service.web.retry.attempts=2"];
    check(&storm, &[("availability", 0.0, 0.04), ("latency_p50", 0.15, 0.0), ("cpu_wasted", 0.15, 0.01)]);
}

#[test]
fn a_window_of_single_requests_leaves_the_rest_to_the_flow() {
    let window =
        ["service.web.requests=discrete", "service.web.requests_from=30m", "service.web.requests_for=10m"];
    let scenario = quiet("ten.toml", TEN, &window);
    let log = Log::of(&scenario, "pets", 0);
    // 200/s for 600 s, ± 4 standard errors of √120,000 = 346; the other 30 minutes are exact.
    assert!((log.single_s.len() as f64 - 120_000.0).abs() < 4.0 * 346.0, "{}", log.single_s.len());
    assert!((log.offered - 200.0 * 2_400.0).abs() < 4.0 * 346.0, "{}", log.offered);
}
