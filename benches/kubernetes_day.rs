//! What does a simulated day of a large Kubernetes cost? About 500 nodes and 10,000 pods, rollouts, autoscaling.
//!
//! Ten services follow the day, so that their autoscalers and the one of nodes work all the time, and most of
//! them are released in it. One replication, with the day before as warm-up, is one operation.

mod support;

use boxherd::experiment::{frame, replicate};
use boxherd::results::metric::MetricId;
use boxherd::scenario::{Scenario, load_text};
use criterion::{Criterion, SamplingMode};
use std::path::Path;
use std::time::{Duration, Instant};
use support::{measures, peak_mib};

const SERVICES: u32 = 10;
/// Requests a second of each service: at 50 ms of CPU this is what a thousand pods of 700m serve at the
/// autoscaler's target.
const RATE: u32 = 8_250;

fn scenario() -> Scenario {
    let services: String = (0..SERVICES)
        .map(|i| {
            format!(
                "[service.s{i}]\ncpu_per_request = \"50ms\"\ntraffic.rate = \"{RATE}/s\"\nrelease.rate = \"5/week\"\n\
                 [service.s{i}.container.app]\ncpu = \"700m\"\nmemory = \"1GiB\"\n"
            )
        })
        .collect();
    let text = format!(
        "[run]\nlength = \"1d\"\nreplications = 1\n{services}[platform.k8s]\nkind = \"kubernetes\"\n\
         node_pool.node_type = \"m6i.4xlarge\"\n"
    );
    load_text("kubernetes_day.toml", text.as_bytes(), Path::new(""), &[])
        .unwrap_or_else(|e| panic!("{}", e.render(false)))
}

/// What one replication was.
struct Day {
    events: u64,
    nodes: f64,
    pods: f64,
    /// Minutes in which a service ran two versions.
    mixed_minutes: f64,
    pods_made: f64,
}

fn simulate(scenario: &Scenario) -> Day {
    let (_, platform) = scenario.parameters.platform.iter().next().expect("a platform");
    let (outcome, _) = replicate(scenario, platform, &frame(scenario), 0);
    let find = |id| outcome.measures.iter().find(|m| m.metric == id).expect("always measured");
    let mean = |id| find(id).numerator / find(id).denominator;
    Day {
        events: outcome.events,
        nodes: mean(MetricId::Vms),
        pods: mean(MetricId::BoxesReady),
        mixed_minutes: find(MetricId::MixedVersionMinutes).numerator,
        pods_made: find(MetricId::Churn).numerator,
    }
}

fn tell(scenario: &Scenario) {
    let begun = Instant::now();
    let day = simulate(scenario);
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{:.0} nodes, {:.0} pods, {:.0} made, {:.0} minutes of rollouts: {:.2} million events, {seconds:.2} s, {:.0} ns per event, \
         {:.0} simulated seconds a second, peak {:.0} MiB",
        day.nodes,
        day.pods,
        day.pods_made,
        day.mixed_minutes,
        day.events as f64 / 1e6,
        seconds * 1e9 / day.events as f64,
        2.0 * 86_400.0 / seconds,
        peak_mib().unwrap_or(f64::NAN),
    );
    assert!((400.0..600.0).contains(&day.nodes), "about 500 nodes");
    assert!((9_000.0..11_000.0).contains(&day.pods), "about 10,000 pods");
    assert!(day.mixed_minutes > 0.0, "rollouts belong to the day");
}

fn main() {
    let scenario = scenario();
    if measures() {
        tell(&scenario);
    }
    let mut criterion =
        Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(1)).configure_from_args();
    let mut group = criterion.benchmark_group("kubernetes-day");
    group.sampling_mode(SamplingMode::Flat);
    group.bench_function("500-nodes", |b| b.iter(|| simulate(&scenario).events));
    group.finish();
    criterion.final_summary();
}
