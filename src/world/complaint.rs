//! Complaints: users tell when their requests fail, if somebody listens to them and nothing else watches.
//!
//! Every failed request leads to a complaint with a small chance, so the first one comes after an exponential time at
//! the rate of failures that holds; when the rate changes it is drawn anew, which changes nothing in distribution.
//! Few failures in a quiet night take long to be heard of. Knows no platform. Start at `World::listen`.

use super::World;
use super::event::Event;
use super::ids::ServiceId;
use super::observation::Observation;
use super::signal::Signal;
use super::streams;
use crate::engine::{EventHandle, SimDuration};

/// An ear for the users of a service, until the first complaint.
#[derive(Clone, Debug)]
pub(super) struct Ear {
    /// Share of failed requests that lead to a complaint.
    share: f64,
    /// Complaints [1/s] at present.
    rate: f64,
    pending: Option<EventHandle>,
}

impl World {
    /// Reports the next complaint about a service, once.
    pub(super) fn listen(&mut self, service: ServiceId, share: f64) {
        let s = &mut self.services[service.index()];
        if s.ear.is_none() {
            s.ear = Some(Ear { share, rate: 0.0, pending: None });
            let failing = s.flow.failing();
            self.tell_ear(service, failing);
        }
    }

    /// So many requests fail now [1/s].
    pub(super) fn tell_ear(&mut self, service: ServiceId, failing: f64) {
        let s = &mut self.services[service.index()];
        let Some(ear) = &mut s.ear else { return };
        let rate = failing * ear.share;
        if rate == ear.rate {
            return;
        }
        ear.rate = rate;
        if let Some(pending) = ear.pending.take() {
            self.scheduler.cancel(pending);
        }
        if rate > 0.0 {
            s.draws += 1;
            let key = [u64::from(service.0), s.draws];
            let wait_s = -self.streams.open(streams::COMPLAINT, &key).uniform().ln() / rate;
            let at = self.scheduler.now() + SimDuration::from_secs_f64(wait_s);
            let pending = self.schedule_fault(at, Event::Complaint { service });
            let ear = self.services[service.index()].ear.as_mut().expect("seen above");
            ear.pending = pending;
        }
    }

    pub(super) fn on_complaint(&mut self, service: ServiceId) {
        self.services[service.index()].ear = None;
        self.observe(Observation::Complaint { service });
        self.signals.push_back(Signal::Complaint { service });
    }
}
