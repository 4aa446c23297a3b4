//! How fast is the event queue, from 100 to 100,000 pending events, beside the heap of the standard library?
//!
//! The hold model: take the next event, schedule another one after a delay. One operation is one of each.

mod support;

use boxherd::engine::queue::{EventHandle, EventQueue};
use boxherd::engine::{Purpose, SimTime, Stream, Streams};
use criterion::{BenchmarkId, Criterion, Throughput};
use rand_distr::{Distribution, Exp1};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use support::{Contender, is_asked, measures, print_ratios};

const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];
const SECOND: f64 = 1e6;

/// Delays [µs].
#[derive(Clone, Copy, Debug, PartialEq)]
enum Delays {
    /// Exponential with a mean of a second.
    Exponential,
    /// Messages of constant length, periods, and long exponential run times, as in a cluster.
    Mix,
    /// All a second: whole populations at one instant.
    Ties,
    /// Seven of eight are zero.
    Zero,
}

impl Delays {
    const ALL: [Delays; 4] = [Delays::Exponential, Delays::Mix, Delays::Ties, Delays::Zero];

    fn name(self) -> &'static str {
        match self {
            Delays::Exponential => "exponential",
            Delays::Mix => "mix",
            Delays::Ties => "ties",
            Delays::Zero => "zero",
        }
    }

    fn draw(self, stream: &mut Stream) -> u64 {
        match self {
            Delays::Exponential => exponential(stream, SECOND),
            Delays::Ties => SECOND as u64,
            Delays::Zero if stream.below(8) > 0 => 0,
            Delays::Zero => exponential(stream, SECOND),
            Delays::Mix => match stream.below(16) {
                0..=2 => 50_000,
                3..=4 => 89_000,
                5..=7 => 152_000,
                8 => 1_000,
                9..=11 => 10_000_000,
                12..=13 => 40_000_000,
                _ => exponential(stream, 600.0 * SECOND),
            },
        }
    }
}

fn exponential(stream: &mut Stream, mean: f64) -> u64 {
    (Distribution::<f64>::sample(&Exp1, stream) * mean) as u64 + 1
}

fn stream() -> Stream {
    Streams::new(1, 0).open(Purpose::named("hold"), &[])
}

/// What the hold model asks of a queue.
trait Queue: Default {
    fn push(&mut self, time: u64, event: u64);
    fn pop(&mut self) -> (u64, u64);
}

#[derive(Default)]
struct Ours(EventQueue<u64>);

impl Queue for Ours {
    fn push(&mut self, time: u64, event: u64) {
        self.0.push(SimTime::from_micros(time), 0, event);
    }

    fn pop(&mut self) -> (u64, u64) {
        let (time, event) = self.0.pop_before(SimTime::MAX).expect("the population is constant");
        (time.as_micros(), event)
    }
}

#[derive(Default)]
struct Heap {
    heap: BinaryHeap<Reverse<(u64, u64, u64)>>,
    sequence: u64,
}

impl Queue for Heap {
    fn push(&mut self, time: u64, event: u64) {
        self.heap.push(Reverse((time, self.sequence, event)));
        self.sequence += 1;
    }

    fn pop(&mut self) -> (u64, u64) {
        let Reverse((time, _, event)) = self.heap.pop().expect("the population is constant");
        (time, event)
    }
}

struct Hold<Q> {
    queue: Q,
    stream: Stream,
    delays: Delays,
    /// Fingerprint of what was popped, so that contenders can be compared.
    seen: u64,
}

impl<Q: Queue> Hold<Q> {
    /// In its steady state.
    fn new(delays: Delays, population: usize) -> Self {
        let mut hold = Hold { queue: Q::default(), stream: stream(), delays, seen: 0 };
        for event in 0..population as u64 {
            let time = delays.draw(&mut hold.stream);
            hold.queue.push(time, event);
        }
        hold.run(2 * population as u64);
        hold
    }

    fn run(&mut self, operations: u64) {
        for _ in 0..operations {
            let (time, event) = self.queue.pop();
            self.seen = self.seen.rotate_left(5) ^ time ^ event;
            self.queue.push(time + self.delays.draw(&mut self.stream), event);
        }
    }
}

/// Entities with a work event and a watchdog ten means ahead that each work event re-arms: one operation is a
/// pop, a cancellation and two pushes.
struct Watchdogs {
    queue: EventQueue<(u32, bool)>,
    stream: Stream,
    watchdogs: Vec<EventHandle>,
    /// Fingerprint of the steps.
    seen: u64,
}

const PATIENCE: u64 = 10 * SECOND as u64;

impl Watchdogs {
    fn new(entities: u32) -> Self {
        let (mut queue, mut stream) = (EventQueue::default(), stream());
        let watchdogs = (0..entities)
            .map(|e| {
                queue.push(SimTime::from_micros(Delays::Exponential.draw(&mut stream)), 0, (e, true));
                queue.push(SimTime::from_micros(PATIENCE), 0, (e, false))
            })
            .collect();
        let mut all = Watchdogs { queue, stream, watchdogs, seen: 0 };
        all.run(2 * u64::from(entities));
        all
    }

    fn run(&mut self, operations: u64) {
        for _ in 0..operations {
            let (time, (entity, works)) = self.queue.pop_before(SimTime::MAX).expect("constant population");
            let now = time.as_micros();
            self.seen = self.seen.rotate_left(5) ^ now ^ u64::from(entity << 1 | u32::from(works));
            if works {
                self.queue.cancel(self.watchdogs[entity as usize]);
                let next = now + Delays::Exponential.draw(&mut self.stream);
                self.queue.push(SimTime::from_micros(next), 0, (entity, true));
            }
            self.watchdogs[entity as usize] =
                self.queue.push(SimTime::from_micros(now + PATIENCE), 0, (entity, false));
        }
    }
}

/// The same with a heap that recognises stale watchdogs by their number when they come up.
struct LazyWatchdogs {
    queue: Heap,
    stream: Stream,
    armed: Vec<u32>,
    seen: u64,
}

impl LazyWatchdogs {
    fn new(entities: u32) -> Self {
        let armed = vec![0; entities as usize];
        let mut all = LazyWatchdogs { queue: Heap::default(), stream: stream(), armed, seen: 0 };
        for e in 0..u64::from(entities) {
            let time = Delays::Exponential.draw(&mut all.stream);
            all.queue.push(time, e << 1 | 1);
            all.queue.push(PATIENCE, e << 1);
        }
        all.run(2 * u64::from(entities));
        all
    }

    fn run(&mut self, operations: u64) {
        let mut done = 0;
        while done < operations {
            let (now, event) = self.queue.pop();
            let (entity, armed, works) = (event as u32 >> 1, event >> 32, event & 1 == 1);
            let armed_now = &mut self.armed[entity as usize];
            if !works && armed != u64::from(*armed_now) {
                continue;
            }
            done += 1;
            self.seen = self.seen.rotate_left(5) ^ now ^ u64::from(event as u32);
            *armed_now += 1;
            let watchdog = u64::from(*armed_now) << 32 | u64::from(entity) << 1;
            if works {
                self.queue.push(now + Delays::Exponential.draw(&mut self.stream), event);
            }
            self.queue.push(now + PATIENCE, watchdog);
        }
    }
}

const BATCH: u64 = 1_000;

fn hold(c: &mut Criterion) {
    for delays in Delays::ALL {
        let mut group = c.benchmark_group(format!("hold/{}", delays.name()));
        group.throughput(Throughput::Elements(BATCH));
        for population in SIZES {
            group.bench_function(BenchmarkId::new("boxherd", population), |b| {
                let mut hold = Hold::<Ours>::new(delays, population);
                b.iter(|| hold.run(BATCH));
                black_box(hold.seen);
            });
            group.bench_function(BenchmarkId::new("std-heap", population), |b| {
                let mut hold = Hold::<Heap>::new(delays, population);
                b.iter(|| hold.run(BATCH));
                black_box(hold.seen);
            });
        }
    }
}

fn cancel(c: &mut Criterion) {
    let mut group = c.benchmark_group("cancel-and-rearm");
    group.throughput(Throughput::Elements(BATCH));
    for entities in [1_000, 10_000, 100_000] {
        group.bench_function(BenchmarkId::new("boxherd", entities), |b| {
            let mut watchdogs = Watchdogs::new(entities);
            b.iter(|| watchdogs.run(BATCH));
        });
        group.bench_function(BenchmarkId::new("std-heap", entities), |b| {
            let mut watchdogs = LazyWatchdogs::new(entities);
            b.iter(|| watchdogs.run(BATCH));
        });
    }
}

/// Ratios, after showing that both queues pop the same events.
fn ratios() {
    for delays in Delays::ALL {
        for population in SIZES {
            let question = format!("hold {} {population}", delays.name());
            if !is_asked(&question) {
                continue;
            }
            let mut ours = Hold::<Ours>::new(delays, population);
            let mut heap = Hold::<Heap>::new(delays, population);
            ours.run(10_000);
            heap.run(10_000);
            assert_eq!(ours.seen, heap.seen, "both queues pop the same events in the same order");
            print_ratios(
                &question,
                100_000,
                &mut [
                    Contender::new("boxherd", |n| ours.run(n)),
                    Contender::new("std-heap", |n| heap.run(n)),
                ],
            );
        }
    }
    for entities in [1_000, 10_000, 100_000] {
        let question = format!("cancel {entities}");
        if !is_asked(&question) {
            continue;
        }
        let mut ours = Watchdogs::new(entities);
        let mut heap = LazyWatchdogs::new(entities);
        assert_eq!(ours.seen, heap.seen, "both take the same steps");
        print_ratios(
            &question,
            100_000,
            &mut [Contender::new("boxherd", |n| ours.run(n)), Contender::new("std-heap", |n| heap.run(n))],
        );
    }
}

fn main() {
    if measures() {
        ratios();
    }
    let mut criterion = Criterion::default().configure_from_args();
    hold(&mut criterion);
    cancel(&mut criterion);
    criterion.final_summary();
}
