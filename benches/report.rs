//! What does it cost to draw a report? The example results, from their rows: table, sentences, charts.
//!
//! One operation is one of each; reading the folder is shown too, because `report` begins with it.

mod support;

use boxherd::report::{charts, table, verdict};
use boxherd::results::read::read;
use criterion::Criterion;
use std::hint::black_box;
use std::path::Path;
use support::measures;

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/example");
    let results = read(&folder).unwrap_or_else(|e| panic!("{e}"));
    let options = table::TableOptions { verbose: true, styled: false };
    if measures() {
        for (name, svg) in charts::all(&results) {
            println!("chart {name}: {} kB", svg.len() / 1_000);
        }
    }
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("report");
    group.bench_function("read", |b| b.iter(|| black_box(read(&folder).is_ok())));
    group.bench_function("sentences", |b| b.iter(|| black_box(verdict::verdicts(&results))));
    group.bench_function("table", |b| b.iter(|| black_box(table::table(&results, options))));
    group.bench_function("charts", |b| b.iter(|| black_box(charts::all(&results))));
    group.finish();
    criterion.final_summary();
}
