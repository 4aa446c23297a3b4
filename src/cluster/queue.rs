//! Work queues of controllers, the alarm that wakes them, and the token bucket of their clients.
//!
//! A queue holds keys, not changes: a key that waits already is not added again, so a controller that lags sees
//! the latest state once (level-triggered). Follows client-go's workqueue v1.36 in this, without its retry limiter:
//! no write fails here. Start at [`WorkQueue`].

use crate::engine::{SimDuration, SimTime};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};

/// Keys that wait for a controller: those that are visible first come first, then in order of arrival.
#[derive(Debug)]
pub struct WorkQueue<K> {
    /// Sorted. Most keys are visible after the same latency, and so come last.
    waiting: VecDeque<(SimTime, u64, K)>,
    place: BTreeMap<K, (SimTime, u64)>,
    added: u64,
}

impl<K> Default for WorkQueue<K> {
    fn default() -> Self {
        WorkQueue { waiting: VecDeque::new(), place: BTreeMap::new(), added: 0 }
    }
}

impl<K: Copy + Ord> WorkQueue<K> {
    /// Adds a key that its controller sees at `visible`, or moves it there if it waits for longer.
    pub fn add(&mut self, key: K, visible: SimTime) {
        let new = (visible, self.added + 1);
        match self.place.entry(key) {
            Entry::Occupied(place) if place.get().0 <= visible => return,
            Entry::Occupied(mut place) => {
                let (time, number) = place.insert(new);
                if let Ok(i) = self.waiting.binary_search(&(time, number, key)) {
                    self.waiting.remove(i);
                }
            }
            Entry::Vacant(place) => _ = place.insert(new),
        }
        self.added += 1;
        let i = self.waiting.partition_point(|&(time, ..)| time <= visible);
        self.waiting.insert(i, (visible, self.added, key));
    }

    /// The next key that is visible now.
    pub fn take(&mut self, now: SimTime) -> Option<K> {
        let &(visible, _, key) = self.waiting.front()?;
        if visible > now {
            return None;
        }
        self.waiting.pop_front();
        self.place.remove(&key);
        Some(key)
    }

    /// When the next key is visible; never, where none waits.
    pub fn next(&self) -> SimTime {
        self.waiting.front().map_or(SimTime::MAX, |key| key.0)
    }
}

/// When somebody with work queues is woken: by one event for all that is visible at one time.
#[derive(Debug, Default)]
pub struct Alarm {
    /// The times that were asked for and are to come, the earliest last.
    set: Vec<SimTime>,
}

impl Alarm {
    /// It is to ring when the next key is visible. Gives back when, unless it rings then or earlier anyway.
    pub fn set(&mut self, next: SimTime) -> Option<SimTime> {
        let is_earlier = next < self.set.last().copied().unwrap_or(SimTime::MAX);
        is_earlier.then(|| {
            self.set.push(next);
            next
        })
    }

    pub fn rings(&mut self, now: SimTime) {
        self.set.truncate(self.set.partition_point(|&at| at > now));
    }
}

/// A client's rate limit: `burst` at once, `rate` per second on average.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    rate: f64,
    burst: f64,
    tokens: f64,
    updated: SimTime,
}

impl TokenBucket {
    pub fn new(rate: f64, burst: u32) -> Self {
        TokenBucket { rate, burst: f64::from(burst), tokens: f64::from(burst), updated: SimTime::ZERO }
    }

    fn refill(&mut self, now: SimTime) {
        let passed = now.saturating_since(self.updated).as_secs_f64();
        self.tokens = (self.tokens + passed * self.rate).min(self.burst);
        self.updated = now;
    }

    /// Takes a token, if there is one; a rate of zero gives none. A ten-thousandth is forgiven for rounding of times
    /// to microseconds.
    pub fn take(&mut self, now: SimTime) -> bool {
        self.refill(now);
        let there = self.rate > 0.0 && self.tokens >= 1.0 - 1e-4;
        if there {
            self.tokens = (self.tokens - 1.0).max(0.0);
        }
        there
    }

    /// Takes a token that may not be there yet: who comes next waits for it.
    pub fn charge(&mut self, now: SimTime) {
        self.refill(now);
        self.tokens -= 1.0;
    }

    /// Takes several tokens, or says when they will all be there; more than the burst are taken as the burst.
    pub fn take_many(&mut self, tokens: u32, now: SimTime) -> Result<(), Option<SimTime>> {
        self.refill(now);
        let wanted = f64::from(tokens).min(self.burst);
        if self.rate > 0.0 && self.tokens >= wanted - 1e-4 {
            self.tokens = (self.tokens - wanted).max(0.0);
            return Ok(());
        }
        let missing = SimDuration::from_secs_f64((wanted - self.tokens) / self.rate);
        Err((self.rate > 0.0).then(|| now + missing.max(SimDuration::from_micros(1))))
    }

    /// When the next token is there; `None` if never.
    pub fn next(&mut self, now: SimTime) -> Option<SimTime> {
        self.refill(now);
        let missing = if self.tokens >= 1.0 - 1e-4 { 0.0 } else { 1.0 - self.tokens };
        (self.rate > 0.0).then(|| now + SimDuration::from_secs_f64(missing / self.rate))
    }

    /// Another limiter takes its place, full unless this one is empty (SwapLimiter of the rate limited queue).
    pub fn swap(&mut self, now: SimTime, rate: f64) {
        if self.rate != rate {
            let has_token = self.take(now);
            self.rate = rate;
            self.tokens = if has_token { self.burst } else { self.burst - 1.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_millis(ms)
    }

    #[test]
    fn a_key_that_waits_is_not_added_again() {
        let mut queue = WorkQueue::default();
        queue.add(7, at(10));
        queue.add(7, at(12));
        queue.add(8, at(12));
        assert_eq!(queue.next(), at(10));
        assert_eq!((queue.take(at(10)), queue.take(at(10))), (Some(7), None));
        assert_eq!(queue.next(), at(12));
        queue.add(7, at(20));
        assert_eq!((queue.take(at(20)), queue.take(at(20))), (Some(8), Some(7)));
        assert_eq!(queue.next(), SimTime::MAX);
    }

    #[test]
    fn an_alarm_is_asked_for_once_for_each_time_and_again_when_something_comes_earlier() {
        let mut alarm = Alarm::default();
        assert_eq!((alarm.set(at(10)), alarm.set(at(10))), (Some(at(10)), None));
        assert_eq!((alarm.set(at(7)), alarm.set(at(10))), (Some(at(7)), None));
        alarm.rings(at(7));
        // It rings at 10 still.
        assert_eq!((alarm.set(at(10)), alarm.set(at(12)), alarm.set(SimTime::MAX)), (None, None, None));
        alarm.rings(at(10));
        assert_eq!(alarm.set(at(12)), Some(at(12)));
    }

    #[test]
    fn a_limiter_that_takes_the_place_of_a_blocked_one_starts_empty() {
        let mut bucket = TokenBucket::new(0.1, 1);
        assert!(bucket.take(at(0)));
        bucket.swap(at(5_000), 0.0);
        assert!(!bucket.take(at(9_000)));
        bucket.swap(at(10_000), 0.1);
        assert_eq!(bucket.next(at(10_000)), Some(at(20_000)));
    }

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
        let mut bucket = TokenBucket::new(20.0, 2);
        assert!(bucket.take(at(0)) && bucket.take(at(0)) && !bucket.take(at(0)));
        // 20 a second: one each 50 ms.
        assert_eq!(bucket.next(at(0)), Some(at(50)));
        assert!(!bucket.take(at(49)) && bucket.take(at(50)) && !bucket.take(at(99)));
        bucket.swap(at(99), 0.0);
        assert_eq!(bucket.next(at(99)), None);
    }
}
