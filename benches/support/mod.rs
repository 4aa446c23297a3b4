//! What the benches share: interleaved contenders, so that a ratio can be read on a busy machine.

#![allow(dead_code)] // each bench uses a part

use std::time::Instant;

/// One way of doing the same work: its name, and what does `operations` more of it.
pub struct Contender<'a> {
    pub name: &'static str,
    pub run: Box<dyn FnMut(u64) + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(name: &'static str, run: impl FnMut(u64) + 'a) -> Self {
        Contender { name, run: Box::new(run) }
    }
}

/// Lets contenders take turns and prints ns per operation and the ratio to the last one, which is the yardstick.
/// The fastest of many short turns counts: what disturbs a turn only makes it slower.
pub fn print_ratios(question: &str, operations: u64, contenders: &mut [Contender<'_>]) {
    const TURNS: usize = 41;
    let mut best = vec![f64::INFINITY; contenders.len()];
    for _ in 0..TURNS {
        for (best, contender) in best.iter_mut().zip(contenders.iter_mut()) {
            let begun = Instant::now();
            (contender.run)(operations);
            *best = best.min(begun.elapsed().as_nanos() as f64 / operations as f64);
        }
    }
    let yardstick = *best.last().expect("there is a yardstick");
    let results: Vec<String> = contenders
        .iter()
        .zip(&best)
        .map(|(c, ns)| format!("{} {ns:6.1} ns ({:.2})", c.name, ns / yardstick))
        .collect();
    println!("{question:24} {}", results.join("   "));
}

/// False where cargo only checks that a bench works (`cargo test --benches`).
pub fn measures() -> bool {
    std::env::args().any(|a| a == "--bench")
}

/// True if no filter was given, or `question` contains it: `cargo bench --bench event_queue -- "mix 1000"`.
pub fn is_asked(question: &str) -> bool {
    let filter = std::env::args().skip(1).find(|a| !a.starts_with('-'));
    filter.is_none_or(|f| question.contains(&f))
}

/// Peak resident memory of this process [MiB], where the system tells.
pub fn peak_mib() -> Option<f64> {
    Some(status_kib("VmHWM:")? / 1_024.0)
}

/// Resident memory of this process now [bytes], where the system tells.
pub fn resident_bytes() -> Option<f64> {
    Some(status_kib("VmRSS:")? * 1_024.0)
}

fn status_kib(key: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix(key))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}
