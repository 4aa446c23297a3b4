//! What holds up a controller's writes: its client's rate limit, and that a write takes its time.
//!
//! A sync that is stopped is begun anew later; being level-triggered it then does what is left. Start at
//! [`Writer::begin`].

use crate::cluster::queue::TokenBucket;
use crate::cluster::settings::Settings;
use crate::engine::{SimDuration, SimTime};
use std::collections::BTreeMap;

/// A write may not be made now: when it may, or `None` if never.
pub type Stopped = Option<SimTime>;

/// The client of a controller that works on objects with keys `K`.
#[derive(Debug)]
pub struct Writer<K> {
    client: TokenBucket,
    /// How long a write takes.
    request: SimDuration,
    /// When the writes that a sync is waiting for are done.
    writing: BTreeMap<K, SimTime>,
}

impl<K: Copy + Ord> Writer<K> {
    pub fn new(settings: &Settings) -> Self {
        Writer {
            client: TokenBucket::new(settings.client_rate, settings.client_burst),
            request: settings.request,
            writing: BTreeMap::new(),
        }
    }

    /// A sync begins, unless the writes of the last one are under way.
    pub fn begin(&mut self, key: K, now: SimTime) -> Result<(), Stopped> {
        match self.writing.get(&key) {
            Some(&done) if done > now => Err(Some(done)),
            _ => {
                self.writing.remove(&key);
                Ok(())
            }
        }
    }

    /// One write may be made, at the same time as those before it.
    pub fn take(&mut self, now: SimTime) -> Result<(), Stopped> {
        if self.client.take(now) { Ok(()) } else { Err(self.client.next(now)) }
    }

    /// Writes were made; what follows waits until they are done.
    pub fn wait(&mut self, key: K, now: SimTime) -> Result<(), Stopped> {
        if self.request.is_zero() {
            return Ok(());
        }
        let done = now + self.request;
        self.writing.insert(key, done);
        Err(Some(done))
    }
}
