//! Pods that wait to be scheduled: ready to be tried (active), backing off, or waiting for something to change.
//!
//! Follows backend/queue of v1.36.2: active pods by the time of their last attempt; a back-off of 1, 2, 4, 8, 10 s that
//! ends on whole seconds; an idle scheduler takes pods whose back-off is not over (SchedulerPopFromBackoffQ).
//!
//! *Deviation:* pods whose back-off is over join the active ones when the queue is looked at, not by a ticker: the
//! same order, no events. All pods have the same priority. Start at [`SchedulingQueue::peek`].

use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::objects::PodId;
use std::collections::{BTreeMap, BTreeSet};

const BACKOFF_MAX_S: u64 = 10;

/// The three queues.
#[derive(Debug, Default)]
pub struct SchedulingQueue {
    /// By (time of the last attempt, order of entry).
    active: BTreeSet<(SimTime, u64, PodId)>,
    /// By the second in which the back-off ends.
    backing_off: BTreeSet<(u64, SimTime, u64, PodId)>,
    waiting: BTreeSet<(SimTime, u64, PodId)>,
    attempts: BTreeMap<PodId, u32>,
    entered: u64,
}

fn second(t: SimTime) -> u64 {
    t.as_micros() / 1_000_000
}

/// Back-off after so many failed attempts.
fn backoff(attempts: u32) -> SimDuration {
    SimDuration::from_secs((1 << attempts.saturating_sub(1).min(10)).min(BACKOFF_MAX_S))
}

impl SchedulingQueue {
    pub fn add(&mut self, pod: PodId, now: SimTime) {
        self.entered += 1;
        self.active.insert((now, self.entered, pod));
    }

    /// The pod that is tried next.
    pub fn peek(&mut self, now: SimTime) -> Option<PodId> {
        while let Some(&(expiry, stamp, entered, pod)) = self.backing_off.first() {
            if expiry >= second(now) {
                break;
            }
            self.backing_off.pop_first();
            self.active.insert((stamp, entered, pod));
        }
        self.active.first().map(|a| a.2).or_else(|| self.backing_off.first().map(|b| b.3))
    }

    pub fn pop(&mut self, now: SimTime) {
        self.peek(now);
        if self.active.pop_first().is_none() {
            self.backing_off.pop_first();
        }
    }

    /// The pod has a node, or is gone.
    pub fn forget(&mut self, pod: PodId) {
        self.attempts.remove(&pod);
    }

    /// No node was found.
    pub fn park(&mut self, pod: PodId, now: SimTime) {
        *self.attempts.entry(pod).or_insert(0) += 1;
        self.entered += 1;
        self.waiting.insert((now, self.entered, pod));
    }

    /// Something changed that may help those waiting pods for which `helps`.
    pub fn move_waiting(&mut self, helps: impl Fn(PodId) -> bool, now: SimTime) {
        let moved: Vec<_> = self.waiting.iter().copied().filter(|w| helps(w.2)).collect();
        for (stamp, entered, pod) in moved {
            self.waiting.remove(&(stamp, entered, pod));
            let expiry = second(stamp + backoff(self.attempts.get(&pod).copied().unwrap_or(0)));
            if expiry >= second(now) {
                self.backing_off.insert((expiry, stamp, entered, pod));
            } else {
                self.active.insert((stamp, entered, pod));
            }
        }
    }

    /// Moves pods that have waited for longer than `max`.
    pub fn flush(&mut self, now: SimTime, max: SimDuration) {
        let old: BTreeSet<PodId> = self.waiting.iter().take_while(|w| w.0 + max < now).map(|w| w.2).collect();
        self.move_waiting(|pod| old.contains(&pod), now);
    }

    /// Since when the first waiting pod waits.
    pub fn oldest_waiting(&self) -> Option<SimTime> {
        self.waiting.first().map(|w| w.0)
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.active.len() + self.backing_off.len() + self.waiting.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_backoff_doubles_up_to_ten_seconds() {
        // facts 14.1: attempts 1 to 6.
        let seconds = [1, 2, 4, 8, 10, 10];
        for (attempts, s) in (1..).zip(seconds) {
            assert_eq!(backoff(attempts), SimDuration::from_secs(s));
        }
    }

    #[test]
    fn a_pod_waits_until_something_changes_and_an_idle_scheduler_does_not_wait_for_the_backoff() {
        let pod = PodId { index: 1, generation: 0 };
        let at = |s| SimTime::ZERO + SimDuration::from_secs(s);
        let mut queue = SchedulingQueue::default();
        queue.add(pod, at(1));
        assert_eq!(queue.peek(at(1)), Some(pod));
        queue.pop(at(1));
        queue.park(pod, at(1));
        assert_eq!((queue.peek(at(100)), queue.oldest_waiting()), (None, Some(at(1))));
        // Back-off ends in second 2, so at 2 s it still backs off; nothing else is to be done, so it is taken.
        queue.move_waiting(|_| true, at(2));
        assert_eq!(queue.peek(at(2)), Some(pod));
        queue.pop(at(2));
        assert_eq!(queue.len(), 0);
    }
}
