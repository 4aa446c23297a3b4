//! What does an event cost through the engine's public interface? M/M/1 and M/M/50 at 80 % load.
//!
//! Beside it the practical limit: a hand-written loop with a packed four-ary heap and nothing else. Both live
//! through the same customers. A long run is held against Erlang C first. One operation is one event; a customer
//! has two (arrival, departure).

mod support;

use boxherd::engine::{Event, Purpose, Scheduler, SimDuration, SimTime, Stream, Streams};
use criterion::{BenchmarkId, Criterion, Throughput};
use rand_distr::{Distribution, Exp1};
use std::collections::VecDeque;
use std::hint::black_box;
use support::{Contender, measures, print_ratios};

const LOAD: f64 = 0.8;
/// Mean service time [µs].
const SERVICE: f64 = 1e6;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Customer {
    Arrives,
    Leaves { server: u32 },
}

impl Event for Customer {
    fn phase(&self) -> u8 {
        0
    }
}

/// What the model asks of an engine.
trait Agenda: Default {
    fn after(&mut self, delay: u64, event: Customer);
    /// The next event and its time [µs].
    fn next(&mut self) -> (u64, Customer);
}

#[derive(Default)]
struct Engine(Scheduler<Customer>);

impl Agenda for Engine {
    fn after(&mut self, delay: u64, event: Customer) {
        self.0.after(SimDuration::from_micros(delay), event);
    }

    fn next(&mut self) -> (u64, Customer) {
        let event = self.0.next_before(SimTime::MAX).expect("customers keep coming");
        (self.0.now().as_micros(), event)
    }
}

/// A four-ary heap of (time 64 | sequence 40 | event 24) with branch-free choice of the smallest child.
#[derive(Default)]
struct HandLoop {
    heap: Vec<u128>,
    now: u64,
    sequence: u64,
}

impl Agenda for HandLoop {
    fn after(&mut self, delay: u64, event: Customer) {
        self.sequence += 1;
        let code = match event {
            Customer::Arrives => 0,
            Customer::Leaves { server } => 1 + server,
        };
        let key = u128::from(self.now + delay) << 64 | u128::from(self.sequence) << 24 | u128::from(code);
        let mut i = self.heap.len();
        self.heap.push(key);
        let heap = self.heap.as_mut_slice();
        while i > 0 && key < heap[(i - 1) / 4] {
            heap[i] = heap[(i - 1) / 4];
            i = (i - 1) / 4;
        }
        heap[i] = key;
    }

    fn next(&mut self) -> (u64, Customer) {
        let last = self.heap.pop().expect("customers keep coming");
        let heap = self.heap.as_mut_slice();
        let top = heap.first().copied().unwrap_or(last);
        let mut i = 0;
        loop {
            let child = 4 * i + 1;
            let smallest = if let Some(four) = heap.get(child..child + 4) {
                let a = usize::from(four[1] < four[0]);
                let b = 2 + usize::from(four[3] < four[2]);
                child + std::hint::select_unpredictable(four[b] < four[a], b, a)
            } else if let Some(rest) = heap.get(child..).filter(|rest| !rest.is_empty()) {
                child + (0..rest.len()).min_by_key(|&j| rest[j]).expect("not empty")
            } else {
                break;
            };
            if heap[smallest] >= last {
                break;
            }
            heap[i] = heap[smallest];
            i = smallest;
        }
        if let Some(place) = heap.get_mut(i) {
            *place = last;
        }
        self.now = (top >> 64) as u64;
        let code = (top & 0xff_ffff) as u32;
        (self.now, if code == 0 { Customer::Arrives } else { Customer::Leaves { server: code - 1 } })
    }
}

struct Queue<A> {
    agenda: A,
    stream: Stream,
    servers: u32,
    idle: Vec<u32>,
    /// Arrival times of those who wait.
    waiting: VecDeque<u64>,
    served: u64,
    waited: u64,
}

impl<A: Agenda> Queue<A> {
    fn new(servers: u32) -> Self {
        let stream = Streams::new(1, 0).open(Purpose::named("customers"), &[]);
        let idle = (0..servers).collect();
        let mut queue = Queue {
            agenda: A::default(),
            stream,
            servers,
            idle,
            waiting: VecDeque::new(),
            served: 0,
            waited: 0,
        };
        queue.agenda.after(0, Customer::Arrives);
        queue
    }

    fn exponential(&mut self, mean: f64) -> u64 {
        (Distribution::<f64>::sample(&Exp1, &mut self.stream) * mean) as u64
    }

    fn serve(&mut self, now: u64, server: u32, arrived: u64) {
        self.served += 1;
        self.waited += now - arrived;
        let work = self.exponential(SERVICE);
        self.agenda.after(work, Customer::Leaves { server });
    }

    fn run(&mut self, events: u64) {
        for _ in 0..events {
            let (now, event) = self.agenda.next();
            match event {
                Customer::Arrives => {
                    let gap = self.exponential(SERVICE / (LOAD * f64::from(self.servers)));
                    self.agenda.after(gap, Customer::Arrives);
                    match self.idle.pop() {
                        Some(server) => self.serve(now, server, now),
                        None => self.waiting.push_back(now),
                    }
                }
                Customer::Leaves { server } => match self.waiting.pop_front() {
                    Some(arrived) => self.serve(now, server, arrived),
                    None => self.idle.push(server),
                },
            }
        }
    }

    /// Mean wait [service times].
    fn mean_wait(&self) -> f64 {
        self.waited as f64 / self.served as f64 / SERVICE
    }
}

/// Mean wait of M/M/c by Erlang C [service times].
fn erlang_c_wait(servers: u32) -> f64 {
    let offered = LOAD * f64::from(servers);
    let lost = (1..=servers).fold(1.0, |b, k| offered * b / (f64::from(k) + offered * b));
    lost / (1.0 - LOAD + LOAD * lost) / (f64::from(servers) * (1.0 - LOAD))
}

/// Erlang C gives 4.000 and 0.00870 service times. Over 4 million customers, seeds spread by 0.7 % and 3 %.
fn check(servers: u32, tolerance: f64) {
    let (mut ours, mut hand) = (Queue::<Engine>::new(servers), Queue::<HandLoop>::new(servers));
    ours.run(8_000_000);
    hand.run(8_000_000);
    assert_eq!(
        (ours.waited, ours.served),
        (hand.waited, hand.served),
        "both live through the same customers"
    );
    let (mean, exact) = (ours.mean_wait(), erlang_c_wait(servers));
    assert!((mean / exact - 1.0).abs() < tolerance, "M/M/{servers}: {mean} instead of {exact}");
    println!("M/M/{servers}: mean wait {mean:.5}, Erlang C {exact:.5}");
}

const BATCH: u64 = 10_000;

fn engines(c: &mut Criterion) {
    for servers in [1, 50] {
        let mut group = c.benchmark_group(format!("mm{servers}"));
        group.throughput(Throughput::Elements(BATCH));
        group.bench_function(BenchmarkId::from_parameter("boxherd"), |b| {
            let mut queue = Queue::<Engine>::new(servers);
            b.iter(|| queue.run(BATCH));
            black_box(queue.waited);
        });
        group.bench_function(BenchmarkId::from_parameter("hand-loop"), |b| {
            let mut queue = Queue::<HandLoop>::new(servers);
            b.iter(|| queue.run(BATCH));
            black_box(queue.waited);
        });
    }
}

fn main() {
    if measures() {
        check(1, 0.02);
        check(50, 0.08);
        for servers in [1, 50] {
            let (mut ours, mut hand) = (Queue::<Engine>::new(servers), Queue::<HandLoop>::new(servers));
            print_ratios(
                &format!("M/M/{servers}"),
                1_000_000,
                &mut [
                    Contender::new("boxherd", |n| ours.run(n)),
                    Contender::new("hand-loop", |n| hand.run(n)),
                ],
            );
        }
    }
    let mut criterion = Criterion::default().configure_from_args();
    engines(&mut criterion);
    criterion.final_summary();
}
