//! What others supply, and how old it is: images of a distribution or a provider, which are renewed at a pace of their
//! own.
//!
//! An image has the fixes of the day on which it was made. Knows no vulnerability. Start at [`Supply::newest`].

use crate::engine::{Purpose, SimDuration, Stream};
use crate::parameter::Distribution;
use crate::world::{Api, Stamp};

/// How long before the simulation the supply begins.
const HISTORY: SimDuration = SimDuration::from_days(1_000);

/// Images that somebody else makes from time to time.
#[derive(Clone, Debug)]
pub struct Supply {
    stream: Stream,
    gap: Distribution,
    /// When each was made, by its number; the last one lies beyond what was asked for so far.
    made: Vec<Stamp>,
}

impl Supply {
    pub fn new(purpose: Purpose, gap: Distribution, api: &Api<'_>) -> Supply {
        let made = vec![Stamp::before_start(HISTORY)];
        Supply { stream: api.stream(purpose, &[]), gap, made }
    }

    /// The number of the newest image there is at an instant.
    pub fn newest(&mut self, at: Stamp) -> u32 {
        while let Some(&last) = self.made.last()
            && last <= at
        {
            // Two within an hour are one.
            let gap = self.gap.sample(self.stream.uniform()).max(SimDuration::from_hours(1));
            self.made.push(last.plus(gap));
        }
        (self.made.partition_point(|made| *made <= at).max(1) - 1) as u32
    }

    /// When the image of a number was made.
    pub fn made(&self, number: u32) -> Stamp {
        self.made[number as usize]
    }
}
