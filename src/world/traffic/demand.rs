//! What callers of one service send in one replication: the foreseen curve times flash crowds and bursts.
//!
//! Knows no box and no platform, so it is the same on all of them. Start at [`Demand`].

use super::Curve;
use super::bursts::Bursts;
use super::pulse::Pulses;
use crate::engine::{SimDuration, SimTime, Streams};
use crate::world::calendar::Calendar;
use crate::world::ids::ServiceId;

/// The traffic of one service in one replication. All of it is a function of time: asking changes nothing.
#[derive(Clone, Debug)]
pub struct Demand {
    curve: Curve,
    crowds: Pulses,
    bursts: Bursts,
}

impl Demand {
    /// Draws the crowds until `horizon`; bursts are drawn when asked for.
    pub fn new(
        curve: &Curve,
        calendar: &Calendar,
        streams: &Streams,
        service: ServiceId,
        horizon: SimTime,
    ) -> Demand {
        let crowds = curve.flash.crowds(calendar, streams, service, horizon);
        let bursts = Bursts::new(&curve.bursts, curve.base_rate(), streams, service);
        Demand { curve: curve.clone(), crowds, bursts }
    }

    /// What of it can be foreseen.
    pub fn curve(&self) -> &Curve {
        &self.curve
    }

    /// When the segment ends that begins at `from`: at the next tick of a clock with the period `length`, or
    /// earlier where a curve bends or jumps.
    pub fn segment_end(&self, calendar: &Calendar, from: SimTime, length: SimDuration) -> SimTime {
        let tick = from.next_tick(SimTime::ZERO, length);
        tick.min(self.next_break(calendar, from))
    }

    fn next_break(&self, calendar: &Calendar, t: SimTime) -> SimTime {
        let unforeseen = self.crowds.next_break(t).min(self.bursts.next_break(t));
        self.curve.next_break(calendar, t).min(unforeseen)
    }

    /// Mean rate from `from` to `to` [requests/s]; the rate at `from` if they are equal.
    pub fn mean_rate(&self, calendar: &Calendar, from: SimTime, to: SimTime) -> f64 {
        let (mut at, mut requests) = (from, 0.0);
        loop {
            let end = self.bursts.next_break(at).min(to);
            let rate = self.bursts.factor(at) * self.curve.mean_with(calendar, (at, end), &self.crowds);
            if at == from && end == to {
                return rate;
            }
            requests += rate * end.since(at).as_secs_f64();
            if end == to {
                return requests / to.since(from).as_secs_f64();
            }
            at = end;
        }
    }

    /// The rate at `t` [requests/s].
    pub fn rate_at(&self, calendar: &Calendar, t: SimTime) -> f64 {
        self.curve.rate_at(calendar, t) * self.crowds.factor(t) * self.bursts.factor(t)
    }

    /// No rate from `from` until `to` is above this [requests/s]; both are included.
    pub fn bound(&self, calendar: &Calendar, from: SimTime, to: SimTime) -> f64 {
        self.curve.bound(calendar, from, to) * self.crowds.bound(from, to) * self.bursts.bound(from, to)
    }
}
