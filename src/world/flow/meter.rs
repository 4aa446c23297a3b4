//! What a metrics pipeline reads of a service's CPU, and who is woken when that begins to change.
//!
//! Start at [`CpuMeter`] and [`LoadWaker`].

use crate::engine::{SimDuration, SimTime};
use crate::world::event::PlatformEvent;
use std::collections::VecDeque;

/// What a metrics pipeline reads of a service's boxes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuReading {
    /// Mean CPU used by all of them [cores].
    pub cores: f64,
    /// Mean number of boxes that served.
    pub boxes: f64,
}

/// Integrals of CPU and serving boxes, kept for as long as somebody may look back.
#[derive(Clone, Debug, Default)]
pub(super) struct CpuMeter {
    /// (until, core-seconds, box-seconds), all since the start.
    points: VecDeque<(SimTime, f64, f64)>,
}

/// How far back a reading may reach.
const METER_MEMORY: SimDuration = SimDuration::from_hours(1);

impl CpuMeter {
    /// `used` was constant since the last call.
    pub fn add(&mut self, until: SimTime, seconds: f64, used: CpuReading) {
        let (_, cores, boxes) = self.points.back().copied().unwrap_or_default();
        self.points.push_back((until, cores + used.cores * seconds, boxes + used.boxes * seconds));
        while self.points.get(1).is_some_and(|p| p.0 + METER_MEMORY < until) {
            self.points.pop_front();
        }
    }

    /// Means over `window` before `end`, if `used` holds since the last point; `None` before there is anything to
    /// read.
    pub fn read(&self, end: SimTime, window: SimDuration, used: CpuReading) -> Option<CpuReading> {
        if window.is_zero() || end.as_micros() < window.as_micros() {
            return None;
        }
        let ((c1, b1), (c0, b0)) = (self.integral(end, used), self.integral(end - window, used));
        let seconds = window.as_secs_f64();
        Some(CpuReading { cores: (c1 - c0) / seconds, boxes: (b1 - b0) / seconds })
    }

    /// Integrals up to `t`; after the last point the present rates hold.
    fn integral(&self, t: SimTime, used: CpuReading) -> (f64, f64) {
        // Readings are about the last minutes, so the points that matter are among the last.
        let after = self.points.iter().rposition(|p| p.0 < t).map_or(0, |before| before + 1);
        let before = after.checked_sub(1).map(|i| self.points[i]).unwrap_or_default();
        let since = t.saturating_since(before.0).as_secs_f64();
        match self.points.get(after) {
            Some(next) => {
                let share = since / next.0.since(before.0).as_secs_f64().max(1e-9);
                (before.1 + share * (next.1 - before.1), before.2 + share * (next.2 - before.2))
            }
            None => (before.1 + used.cores * since, before.2 + used.boxes * since),
        }
    }
}

/// Wakes a platform when what [`crate::world::Api::cpu`] reads begins to change: at the next tick of its clock that is
/// later than the lag of the reading.
#[derive(Clone, Copy, Debug)]
pub(in crate::world) struct LoadWaker {
    pub phase: SimTime,
    pub period: SimDuration,
    pub lag: SimDuration,
    pub event: PlatformEvent,
    /// The tick for which it is scheduled.
    pub next: Option<SimTime>,
    /// The load at the last solution.
    pub seen: Option<CpuReading>,
    /// When it became that.
    pub changed: SimTime,
}

impl LoadWaker {
    /// When to wake, if something changed and that is not arranged yet.
    pub fn notice(&mut self, load: CpuReading, now: SimTime) -> Option<SimTime> {
        if self.seen.replace(load) == Some(load) {
            return None;
        }
        self.changed = now;
        if self.next.is_some_and(|next| next > now) {
            return None;
        }
        self.next = Some((now + self.lag).next_tick(self.phase, self.period));
        self.next
    }
}
