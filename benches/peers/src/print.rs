//! The results, for people and for programs.

use crate::engine;
use crate::measure::Measured;
use crate::target;
use serde::Serialize;

/// A table of times and ratios, and how boxherd stands to its targets.
pub fn text(results: &[Measured]) {
    println!("ns per event, and times the hand-written loop (medians of rounds)\n");
    print!("{:24}", "");
    engine::ALL.iter().for_each(|e| print!("{:>18}", e.name));
    println!();
    for measured in results {
        print!("{:24}", measured.benchmark.name());
        for engine in &engine::ALL {
            let both = measured.ns_per_event(engine.name).zip(measured.ratio(engine.name, "hand"));
            let cell = both.map_or("–".to_owned(), |(ns, r)| format!("{:.1} ({:.2})", ns.median, r.median));
            print!("{cell:>18}");
        }
        println!();
    }
    println!("\n– has no event for the present instant.");
    println!("\nboxherd against its targets: times the yardstick, and the middle half of the rounds\n");
    for measured in results {
        for target in target::targets(measured.benchmark) {
            let ratio = target.reached(measured);
            println!(
                "{:24}{:18}{:6.3}  ({:.3} – {:.3})   at most {:.3}  {}",
                measured.benchmark.name(),
                target.yardstick,
                ratio.median,
                ratio.low,
                ratio.high,
                target.at_most,
                if ratio.median <= target.at_most { "met" } else { "MISSED" },
            );
        }
    }
}

#[derive(Serialize)]
struct Row {
    benchmark: String,
    engine: &'static str,
    ns_per_event: f64,
    ratio_to_hand_loop: f64,
}

pub fn json(results: &[Measured]) {
    let row = |measured: &Measured, engine: &'static str| {
        let (ns, ratio) = measured.ns_per_event(engine).zip(measured.ratio(engine, "hand"))?;
        Some(Row {
            benchmark: measured.benchmark.name(),
            engine,
            ns_per_event: ns.median,
            ratio_to_hand_loop: ratio.median,
        })
    };
    let rows: Vec<Row> =
        results.iter().flat_map(|m| engine::ALL.iter().filter_map(move |e| row(m, e.name))).collect();
    println!("{}", serde_json::to_string_pretty(&rows).expect("plain numbers"));
}
