//! The hold model: take the next event, schedule it again after a delay; the population stays the same.
//!
//! The clock runs after the population has been turned over twice. Start at [`Hold::happen`].

use super::{Outcome, exponential};
use boxherd::engine::{Purpose, Stream, Streams};
use cpu_time::ProcessTime;

pub const POPULATIONS: [u32; 4] = [100, 1_000, 10_000, 100_000];
const SECOND: f64 = 1e6;

#[derive(Clone, Copy, PartialEq)]
pub enum Delays {
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
    pub const ALL: [Delays; 4] = [Delays::Exponential, Delays::Mix, Delays::Ties, Delays::Zero];

    pub fn name(self) -> &'static str {
        match self {
            Delays::Exponential => "exponential",
            Delays::Mix => "mix",
            Delays::Ties => "ties",
            Delays::Zero => "zero",
        }
    }

    /// [µs]
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

enum Stage {
    WarmUp,
    Timed { since: ProcessTime },
    Over,
}

pub struct Hold {
    delays: Delays,
    stream: Stream,
    stage: Stage,
    /// Events to the end of the stage.
    left: u64,
    events: u64,
    ns_per_event: f64,
    /// Fingerprint of what happened in which order.
    seen: u64,
}

impl Hold {
    pub fn new(delays: Delays, population: u32, events: u64, seed: u64) -> Self {
        Hold {
            delays,
            stream: Streams::new(seed, 0).open(Purpose::named("hold"), &[]),
            stage: Stage::WarmUp,
            left: 2 * u64::from(population),
            events,
            ns_per_event: 0.0,
            seen: 0,
        }
    }

    /// When an event of the first population happens. Not at zero: some engines begin after it.
    pub fn first(&mut self) -> u64 {
        self.delays.draw(&mut self.stream) + 1
    }

    /// The delay to the next time of event `id`; `None` once it is over.
    #[inline]
    pub fn happen(&mut self, now: u64, id: u64) -> Option<u64> {
        if self.left == 0 && !self.turn() {
            return None;
        }
        self.left -= 1;
        self.seen = self.seen.rotate_left(5) ^ now ^ id;
        Some(self.delays.draw(&mut self.stream))
    }

    /// To the next stage. False if there is none.
    #[cold]
    fn turn(&mut self) -> bool {
        match self.stage {
            Stage::WarmUp => {
                self.left = self.events;
                self.stage = Stage::Timed { since: ProcessTime::now() };
            }
            Stage::Timed { since } => {
                self.ns_per_event = since.elapsed().as_nanos() as f64 / self.events as f64;
                self.stage = Stage::Over;
            }
            Stage::Over => {}
        }
        !matches!(self.stage, Stage::Over)
    }

    pub fn outcome(&self) -> Outcome {
        assert!(matches!(self.stage, Stage::Over), "the engine stopped before the end");
        Outcome { ns_per_event: self.ns_per_event, seen: [self.seen, self.events] }
    }
}
