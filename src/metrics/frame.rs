//! What all parts of a recorder know beforehand: names, prices, the metered window, the buckets of the series.

use crate::catalog::{Catalog, PriceParameters};
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{Bytes, UsdPerHour};
use crate::world::queueing::ServiceTime;
use crate::world::{Calendar, ServiceId};
use std::sync::Arc;

/// Shared by all replications and platforms.
#[derive(Clone, Debug)]
pub struct Frame {
    pub calendar: Calendar,
    pub catalog: Arc<Catalog>,
    pub prices: PriceParameters,
    pub wage: UsdPerHour,
    /// Office hours of all engineers [h/week].
    pub office_hours: f64,
    pub root_disk: Bytes,
    pub services: Vec<ServiceFrame>,
    pub meter_from: SimTime,
    pub horizon: SimTime,
    /// Length of a bucket of the time series.
    pub bucket: SimDuration,
}

/// What is known of one service.
#[derive(Clone, Debug)]
pub struct ServiceFrame {
    pub name: String,
    pub work: ServiceTime,
    /// How long callers wait [s].
    pub timeout_s: f64,
    /// Share of requests that shall succeed within the latency goal over the whole time; what it is sized for.
    pub latency_quantile: f64,
    /// Share of requests that must succeed within the latency goal in every minute.
    pub availability_goal: f64,
}

/// A time series has about this many points, however long the run.
const BUCKETS: u64 = 336;

impl Frame {
    /// The bucket length: the metered window over 336, rounded up to whole traffic segments.
    pub fn bucket_for(window: SimDuration, segment: SimDuration) -> SimDuration {
        let segments = (window.as_micros() / segment.as_micros().max(1)).div_ceil(BUCKETS).max(1);
        segment * segments
    }

    pub fn buckets(&self) -> usize {
        let window = self.horizon.since(self.meter_from).as_micros();
        window.div_ceil(self.bucket.as_micros()) as usize
    }

    /// Splits `[from, to)` at bucket borders: (bucket, seconds). Time before metering is left out.
    pub fn buckets_between(&self, from: SimTime, to: SimTime) -> impl Iterator<Item = (usize, f64)> + use<> {
        let (start, bucket, count) = (self.meter_from, self.bucket, self.buckets());
        let mut at = from.max(start);
        std::iter::from_fn(move || {
            if at >= to {
                return None;
            }
            let index = (at.since(start).as_micros() / bucket.as_micros()) as usize;
            let end = to.min(start + bucket * (index as u64 + 1));
            let seconds = end.since(at).as_secs_f64();
            at = end;
            (index < count).then_some((index, seconds))
        })
    }

    /// The bucket of an instant of the metered time.
    pub fn bucket_at(&self, at: SimTime) -> Option<usize> {
        let is_metered = self.meter_from <= at && at < self.horizon;
        is_metered.then(|| (at.since(self.meter_from).as_micros() / self.bucket.as_micros()) as usize)
    }

    pub fn service(&self, service: ServiceId) -> &ServiceFrame {
        &self.services[service.0 as usize]
    }

    pub fn service_ids(&self) -> impl Iterator<Item = ServiceId> + use<> {
        (0..self.services.len()).map(|i| ServiceId(i as u16))
    }

    /// `web-3`.
    pub fn box_name(&self, service: ServiceId, ordinal: u32) -> String {
        format!("{}-{ordinal}", self.service(service).name)
    }

    /// Seconds since metering began.
    pub fn metered_s(&self, t: SimTime) -> f64 {
        t.saturating_since(self.meter_from).as_secs_f64()
    }
}
