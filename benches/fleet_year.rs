//! What does a simulated year of about a thousand boxes cost, on each kind of platform?
//!
//! Ten services of eight to sixteen hundred requests a second. Each platform sizes itself, and the traffic is scaled
//! once per kind so that it runs about a thousand boxes. One replication is one operation.

mod support;

use boxherd::experiment::{frame, replicate};
use boxherd::results::metric::MetricId;
use boxherd::scenario::{Scenario, load_text};
use criterion::{BenchmarkId, Criterion, SamplingMode};
use std::path::Path;
use std::time::{Duration, Instant};
use support::{is_asked, measures, peak_mib};

/// Each kind, and how much traffic makes it run about a thousand boxes.
const KINDS: [(&str, f64); 3] = [("pets", 8.5), ("cattle", 7.9), ("kubernetes", 0.55)];
const SERVICES: u32 = 10;

fn scenario(kind: &str, traffic: f64, weeks: u32) -> Scenario {
    let services: String = (0..SERVICES)
        .map(|i| {
            format!(
                "[service.s{i}]\ncpu_per_request = \"50ms\"\ntraffic.rate = \"{:.0}/s\"\n\
                 [service.s{i}.container.app]\ncpu = \"700m\"\nmemory = \"1GiB\"\n",
                f64::from(1_500 + 40 * i) * traffic
            )
        })
        .collect();
    let text = format!(
        "[run]\nlength = \"{weeks}w\"\nreplications = 1\n{services}[platform.{kind}]\nkind = \"{kind}\"\n"
    );
    load_text("fleet_year.toml", text.as_bytes(), Path::new(""), &[])
        .unwrap_or_else(|e| panic!("{}", e.render(false)))
}

/// Runs the `replication`-th repetition: (events, mean number of serving boxes).
fn simulate(scenario: &Scenario, replication: u32) -> (u64, f64) {
    let (_, platform) = scenario.parameters.platform.iter().next().expect("a platform");
    let (outcome, _) = replicate(scenario, platform, &frame(scenario), replication);
    let ready = outcome.measures.iter().find(|m| m.metric == MetricId::BoxesReady).expect("always measured");
    (outcome.events, ready.numerator / ready.denominator)
}

/// Time and memory of a quarter and of a year.
fn tell(kind: &str, traffic: f64) {
    for weeks in [13, 52] {
        let scenario = scenario(kind, traffic, weeks);
        let begun = Instant::now();
        let (events, boxes) = simulate(&scenario, 0);
        let seconds = begun.elapsed().as_secs_f64();
        println!(
            "{kind:10} {weeks:2} weeks: {boxes:5.0} boxes, {:6.2} million events, {seconds:5.2} s, {:4.0} ns per event, \
             {:9.0} simulated seconds a second, peak so far {:.1} MiB",
            events as f64 / 1e6,
            seconds * 1e9 / events as f64,
            f64::from(weeks) * 7.0 * 86_400.0 / seconds,
            peak_mib().unwrap_or(f64::NAN),
        );
        assert!(events < 50_000_000, "a year of a thousand boxes stays below 5·10⁷ events");
    }
}

fn years(c: &mut Criterion) {
    let mut group = c.benchmark_group("fleet-year");
    group.sample_size(10).sampling_mode(SamplingMode::Flat).warm_up_time(Duration::from_millis(1));
    for (kind, traffic) in KINDS {
        let scenario = scenario(kind, traffic, 52);
        group.bench_function(BenchmarkId::from_parameter(kind), |b| {
            b.iter(|| simulate(&scenario, 0));
        });
    }
}

fn main() {
    if measures() {
        KINDS.iter().filter(|kind| is_asked(kind.0)).for_each(|&(kind, traffic)| tell(kind, traffic));
    }
    let mut criterion = Criterion::default().configure_from_args();
    years(&mut criterion);
    criterion.final_summary();
}
