//! Boxes with workers in front of which requests stand in line, one by one on the engine: an oracle.
//!
//! Shares nothing with the formulas or the flow of the world but the engine, its streams and the distributions.
//! First come, first served; a route spreads the requests. Time is counted in mean service times. Start at
//! [`Line::run`].

use crate::engine::{Event, Purpose, Scheduler, SimDuration, SimTime, Stream, Streams};
use crate::world::Balancing;
use std::collections::VecDeque;

/// Work of a request in mean service times, from a uniform number.
pub type Work = fn(f64) -> f64;

/// A group of alike boxes.
#[derive(Clone, Copy)]
pub struct Line {
    pub boxes: usize,
    pub workers: usize,
    /// Utilization of the workers.
    pub load: f64,
    pub work: Work,
    pub balancing: Balancing,
    /// Requests that count.
    pub requests: u32,
}

/// What the requests met.
#[derive(Clone, Copy, Debug, Default)]
pub struct Waits {
    /// Mean time in line of all requests [service times].
    pub mean: f64,
    /// Share that stood in line.
    pub share: f64,
    /// Share that stood in line for longer than the time asked about.
    pub beyond: f64,
    /// Requests in line, on average over time.
    pub in_line: f64,
}

#[derive(Clone, Copy, Hash)]
enum Step {
    Arrives,
    Leaves { from: u32 },
}

impl Event for Step {
    fn phase(&self) -> u8 {
        0
    }
}

#[derive(Default)]
struct OneBox {
    busy: usize,
    /// Arrival and number of those in line.
    line: VecDeque<(SimTime, u32)>,
}

/// Requests before those that count, so that the empty start does not show.
const WARM_UP: u32 = 5_000;

const GAPS: Purpose = Purpose::named("verify line gaps");
const WORK: Purpose = Purpose::named("verify line work");
const ROUTE: Purpose = Purpose::named("verify line route");

impl Line {
    /// Lives through all requests; asks for the share that waits longer than `beyond` service times.
    pub fn run(&self, streams: &Streams, beyond: f64) -> Waits {
        let mut run = Run {
            line: self,
            scheduler: Scheduler::default(),
            gaps: streams.open(GAPS, &[]),
            work: streams.open(WORK, &[]),
            route: streams.open(ROUTE, &[]),
            boxes: (0..self.boxes).map(|_| OneBox::default()).collect(),
            turn: 0,
            arrived: 0,
            beyond: SimDuration::from_secs_f64(beyond),
            counted: Counted::default(),
        };
        run.scheduler.at(SimTime::ZERO, Step::Arrives);
        while let Some(step) = run.scheduler.next_before(SimTime::MAX) {
            match step {
                Step::Arrives => run.arrive(),
                Step::Leaves { from } => run.leave(from as usize),
            }
        }
        run.counted.waits()
    }
}

#[derive(Default)]
struct Counted {
    requests: u64,
    waited: u64,
    beyond: u64,
    wait_us: u64,
    began: SimTime,
    ended: SimTime,
    /// ∫ requests in line dt between the two [µs], up to `at`.
    in_line_us: u64,
    in_line: u64,
    at: SimTime,
}

impl Counted {
    fn step_to(&mut self, now: SimTime, change: i64) {
        self.in_line_us += self.in_line * now.since(self.at).as_micros();
        self.at = now;
        self.in_line = self.in_line.checked_add_signed(change).expect("who leaves a line stood in it");
    }

    fn waits(&self) -> Waits {
        let requests = self.requests as f64;
        Waits {
            mean: self.wait_us as f64 / 1e6 / requests,
            share: self.waited as f64 / requests,
            beyond: self.beyond as f64 / requests,
            in_line: self.in_line_us as f64 / self.ended.since(self.began).as_micros() as f64,
        }
    }
}

struct Run<'a> {
    line: &'a Line,
    scheduler: Scheduler<Step>,
    gaps: Stream,
    work: Stream,
    route: Stream,
    boxes: Vec<OneBox>,
    turn: usize,
    arrived: u32,
    beyond: SimDuration,
    counted: Counted,
}

impl Run<'_> {
    fn arrive(&mut self) {
        let now = self.scheduler.now();
        let number = self.arrived;
        self.arrived += 1;
        if number == WARM_UP {
            self.counted.step_to(now, 0);
            (self.counted.began, self.counted.in_line_us) = (now, 0);
        }
        if number < WARM_UP + self.line.requests {
            let rate = self.line.load * (self.line.boxes * self.line.workers) as f64;
            let gap = -self.gaps.uniform().ln() / rate;
            self.scheduler.after(SimDuration::from_secs_f64(gap), Step::Arrives);
        } else {
            // The last one ends the count and is not served.
            self.counted.step_to(now, 0);
            self.counted.ended = now;
            return;
        }
        let to = self.choose();
        if self.boxes[to].busy < self.line.workers {
            self.boxes[to].busy += 1;
            self.serve(to, number, SimDuration::ZERO);
        } else {
            self.boxes[to].line.push_back((now, number));
            self.counted.step_to(now, 1);
        }
    }

    fn choose(&mut self) -> usize {
        let n = self.boxes.len();
        let inside = |i: usize| self.boxes[i].busy + self.boxes[i].line.len();
        match self.line.balancing {
            Balancing::Random => self.route.below(n),
            Balancing::RoundRobin => {
                self.turn = (self.turn + 1) % n;
                self.turn
            }
            Balancing::PowerOfTwo => {
                // Both at random, so that they may be the same.
                let (first, second) = (self.route.below(n), self.route.below(n));
                if inside(second) < inside(first) { second } else { first }
            }
            Balancing::LeastConnections => (0..n).min_by_key(|&i| inside(i)).expect("there are boxes"),
        }
    }

    fn serve(&mut self, at: usize, number: u32, wait: SimDuration) {
        if number >= WARM_UP {
            let counted = &mut self.counted;
            counted.requests += 1;
            counted.waited += u64::from(!wait.is_zero());
            counted.beyond += u64::from(wait > self.beyond);
            counted.wait_us += wait.as_micros();
        }
        let work = (self.line.work)(self.work.uniform());
        self.scheduler.after(SimDuration::from_secs_f64(work), Step::Leaves { from: at as u32 });
    }

    fn leave(&mut self, from: usize) {
        let now = self.scheduler.now();
        match self.boxes[from].line.pop_front() {
            Some((arrived, number)) => {
                // After the last arrival the count of those in line is over.
                if self.counted.ended == SimTime::ZERO {
                    self.counted.step_to(now, -1);
                }
                self.serve(from, number, now.since(arrived));
            }
            None => self.boxes[from].busy -= 1,
        }
    }
}
