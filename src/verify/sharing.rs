//! One box that shares its cores among all requests inside, one by one on the engine: an oracle.
//!
//! A request runs at up to one core. All requests inside have got equally much since they came, so one counter of
//! work per request is enough, and the next to leave is the one with least left. Callers may give up. Shares nothing
//! with the world. Start at [`Sharing::run`].

use super::line::Work;
use crate::engine::{Event, EventHandle, Purpose, Scheduler, SimDuration, SimTime, Stream, Streams};
use std::collections::BTreeSet;

/// A box; time is counted in mean service times on a whole core.
#[derive(Clone, Copy)]
pub struct Sharing {
    pub cores: f64,
    /// Share of the cores that is asked for.
    pub load: f64,
    pub work: Work,
    /// When callers give up, and the box stops.
    pub patience: Option<f64>,
    /// Requests that count.
    pub requests: u32,
}

/// What became of the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Responses {
    /// Mean time inside of those that count.
    pub mean: f64,
    /// Share that was answered before the caller gave up.
    pub answered: f64,
    /// Sum of all times inside [µs], from the empty start to the empty end.
    pub inside_us: u64,
    /// ∫ requests inside dt over the same time [µs], by another way of counting.
    pub integral_us: u64,
}

#[derive(Clone, Copy, Hash)]
enum Step {
    Arrives,
    Leaves,
    GivesUp { number: u32 },
}

impl Event for Step {
    fn phase(&self) -> u8 {
        0
    }
}

const GAPS: Purpose = Purpose::named("verify sharing gaps");
const WORK: Purpose = Purpose::named("verify sharing work");

/// Requests before those that count.
const WARM_UP: u32 = 5_000;

struct Inside {
    arrived: SimTime,
    /// The counter at which it is done, as ordered bits.
    done: u64,
    gives_up: Option<EventHandle>,
}

struct Run<'a> {
    station: &'a Sharing,
    scheduler: Scheduler<Step>,
    gaps: Stream,
    work: Stream,
    requests: Vec<Inside>,
    /// Counter at the end and number of those inside.
    inside: BTreeSet<(u64, u32)>,
    next: Option<EventHandle>,
    /// Work that a request has got which was inside all the time.
    counter: f64,
    at: SimTime,
    seen: Responses,
    counted: u32,
    answered: u32,
    counted_us: u64,
}

impl Sharing {
    /// Lives through all requests until the box is empty again.
    pub fn run(&self, streams: &Streams) -> Responses {
        let mut run = Run {
            station: self,
            scheduler: Scheduler::default(),
            gaps: streams.open(GAPS, &[]),
            work: streams.open(WORK, &[]),
            requests: Vec::new(),
            inside: BTreeSet::new(),
            next: None,
            counter: 0.0,
            at: SimTime::ZERO,
            seen: Responses::default(),
            counted: 0,
            answered: 0,
            counted_us: 0,
        };
        run.scheduler.at(SimTime::ZERO, Step::Arrives);
        while let Some(step) = run.scheduler.next_before(SimTime::MAX) {
            run.advance();
            match step {
                Step::Arrives => run.arrive(),
                Step::Leaves => {
                    let &(_, number) = run.inside.first().expect("somebody leaves");
                    run.next = None;
                    run.leave(number, true);
                }
                Step::GivesUp { number } => run.leave(number, false),
            }
            run.look_ahead();
        }
        run.seen.mean = run.counted_us as f64 / 1e6 / f64::from(run.counted);
        run.seen.answered = f64::from(run.answered) / f64::from(run.counted);
        run.seen
    }
}

impl Run<'_> {
    fn speed(&self) -> f64 {
        (self.station.cores / self.inside.len() as f64).min(1.0)
    }

    fn advance(&mut self) {
        let now = self.scheduler.now();
        let passed = now.since(self.at);
        self.seen.integral_us += self.inside.len() as u64 * passed.as_micros();
        if !self.inside.is_empty() {
            self.counter += passed.as_secs_f64() * self.speed();
        }
        self.at = now;
    }

    fn arrive(&mut self) {
        let number = self.requests.len() as u32;
        if number + 1 < WARM_UP + self.station.requests {
            let gap = -self.gaps.uniform().ln() / (self.station.load * self.station.cores);
            self.scheduler.after(SimDuration::from_secs_f64(gap), Step::Arrives);
        }
        if self.inside.is_empty() {
            self.counter = 0.0; // nobody remembers it, and small numbers round less
        }
        let done = (self.counter + (self.station.work)(self.work.uniform())).to_bits();
        let patience = self.station.patience.map(SimDuration::from_secs_f64);
        let gives_up = patience.map(|p| self.scheduler.after(p, Step::GivesUp { number }));
        self.requests.push(Inside { arrived: self.scheduler.now(), done, gives_up });
        self.inside.insert((done, number));
    }

    fn leave(&mut self, number: u32, answered: bool) {
        let request = &self.requests[number as usize];
        let was_inside = self.inside.remove(&(request.done, number));
        assert!(was_inside, "who leaves was inside");
        if let Some(handle) = request.gives_up.filter(|_| answered) {
            self.scheduler.cancel(handle);
        }
        let time = self.scheduler.now().since(request.arrived).as_micros();
        self.seen.inside_us += time;
        if number >= WARM_UP {
            self.counted += 1;
            self.answered += u32::from(answered);
            self.counted_us += time;
        }
    }

    /// Arranges for the next to leave.
    fn look_ahead(&mut self) {
        if let Some(old) = self.next.take() {
            self.scheduler.cancel(old);
        }
        let Some(&(done, _)) = self.inside.first() else { return };
        let left = (f64::from_bits(done) - self.counter).max(0.0) / self.speed();
        self.next = Some(self.scheduler.after(SimDuration::from_secs_f64(left), Step::Leaves));
    }
}
