//! The clock and the agenda of one run: schedule, cancel, and take the next event.
//!
//! Does not own the model: the caller's loop takes an event and handles it, so that every event has exclusive
//! access to all state and there is no interior mutability. The horizon is half-open: events at it do not
//! happen.

use super::digest::Digest;
use super::queue::{EventHandle, EventQueue};
use super::time::{SimDuration, SimTime};
use std::hash::Hash;

/// What can happen: a small value that names its phase within an instant.
pub trait Event: Copy + Hash {
    /// Events of one instant happen in order of phase (0 first), then of scheduling. At most 8 phases.
    fn phase(&self) -> u8;
}

/// Simulation clock, pending events and the digest of what happened.
pub struct Scheduler<E> {
    now: SimTime,
    queue: EventQueue<E>,
    digest: Digest,
    happened: u64,
}

impl<E: Event> Default for Scheduler<E> {
    fn default() -> Self {
        Scheduler { now: SimTime::ZERO, queue: EventQueue::default(), digest: Digest::default(), happened: 0 }
    }
}

impl<E: Event> Scheduler<E> {
    pub fn now(&self) -> SimTime {
        self.now
    }

    /// Schedules `event` at `time`, which may be now but not earlier.
    pub fn at(&mut self, time: SimTime, event: E) -> EventHandle {
        self.queue.push(time, event.phase(), event)
    }

    /// Schedules `event` after `delay`.
    pub fn after(&mut self, delay: SimDuration, event: E) -> EventHandle {
        self.at(self.now + delay, event)
    }

    /// Takes a scheduled event back. False if it has happened or was cancelled before.
    pub fn cancel(&mut self, handle: EventHandle) -> bool {
        self.queue.cancel(handle)
    }

    pub fn is_pending(&self, handle: EventHandle) -> bool {
        self.queue.is_pending(handle)
    }

    /// Advances the clock to the next event before `end` and returns it; `None` when nothing is left, with
    /// the clock where the last event left it.
    pub fn next_before(&mut self, end: SimTime) -> Option<E> {
        let (time, event) = self.queue.pop_before(end)?;
        self.now = time;
        self.happened += 1;
        self.digest.absorb(&time.as_micros());
        self.digest.absorb(&event);
        Some(event)
    }

    /// Advances the clock to the horizon once nothing is left before it.
    pub fn finish(&mut self, end: SimTime) {
        debug_assert!(end >= self.now);
        self.now = end;
    }

    /// Number of events that happened.
    pub fn happened(&self) -> u64 {
        self.happened
    }

    /// Number of events still to happen.
    pub fn pending(&self) -> usize {
        self.queue.len()
    }

    /// Fingerprint of the events so far, in order, with their times.
    pub fn digest(&self) -> u64 {
        self.digest.value()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Hash, PartialEq, Debug)]
    enum Ping {
        Fault,
        Sample,
    }

    impl Event for Ping {
        fn phase(&self) -> u8 {
            *self as u8
        }
    }

    #[test]
    fn a_fault_comes_before_a_sample_of_the_same_instant() {
        let mut s = Scheduler::default();
        s.after(SimDuration::from_secs(1), Ping::Sample);
        s.after(SimDuration::from_secs(1), Ping::Fault);
        let end = SimTime::from_micros(2_000_000);
        assert_eq!(s.next_before(end), Some(Ping::Fault));
        assert_eq!(s.next_before(end), Some(Ping::Sample));
        assert_eq!(s.next_before(end), None);
        assert_eq!((s.happened(), s.now()), (2, SimTime::from_micros(1_000_000)));
    }
}
