//! A wrong configuration is pushed to all boxes of a service: a flag, an address, a limit, a certificate.
//!
//! When: by a calendar of changes for each service, in office hours; a small share of them is wrong. Who: the service, or
//! all of them where it is a configuration that all read. What: boxes that have it do not start, or answer a share of
//! requests with an error, until it is taken back. How it gets to the boxes, and so how many have it before somebody
//! notices, is the platform's affair; the change and what is wrong with it are the same on every platform.
//!
//! A box has it as part of its [`Version`]: the same code with another configuration.
//!
//! *Deviation:* changes that are right change nothing that is modelled, and are none. A box takes a change by a restart of
//! its processes. The next release brings a configuration of its own, so one that nobody took back ends with it.
//! Start at [`World::on_configuration_due`].

use super::{FaultId, FaultKind};
use crate::engine::{SimDuration, Stream, Streams};
use crate::parameter::{Fraction, Rate, ScalarDistribution, section};
use crate::world::event::Event;
use crate::world::ids::{ServiceId, Version};
use crate::world::observation::Observation;
use crate::world::release::Defect;
use crate::world::signal::Signal;
use crate::world::{World, streams};

section! {
    /// Changes of configuration that go past the releases, and the wrong ones among them.
    pub struct BadConfigurationParameters {
        /// Changes of the configuration of one service; made in office hours only.
        rate: Rate = "1/week", from "none found", grade Estimate;
        /// Share of them that is wrong. Mistakes that come with a release are part of its `failure_rate`.
        wrong: Fraction = "0.5%", from "none found; configuration or change management is behind 62 % of major outages of IT software (Uptime 2025)", grade Estimate;
        /// Share of the wrong ones that all services read.
        everywhere: Fraction = "10%", from "none found", grade Estimate;
        /// Share of the wrong ones with which a box does not start; with the others it fails requests.
        fails_to_start: Fraction = "30%", from "none found; as releases", grade Estimate;
        /// Share of requests that a box with such a one answers with an error.
        error_share: ScalarDistribution = "uniform(5%, 100%)", from "none found", grade Estimate;
    }
}

/// Whoever makes a change waits so long where something else is on its way to the same boxes.
const TRY_AGAIN: SimDuration = SimDuration::from_mins(15);

/// The calendar of changes of one service.
#[derive(Debug)]
pub(in crate::world) struct Changes {
    stream: Stream,
    next: u64,
}

impl Changes {
    pub fn new(streams: &Streams, service: ServiceId) -> Changes {
        Changes { stream: streams.open(streams::CONFIGURATION_TIME, &[u64::from(service.0)]), next: 0 }
    }
}

impl World {
    /// Schedules the next change of a service that is wrong.
    pub(in crate::world) fn arm_configuration(&mut self, service: ServiceId) {
        let p = &self.faults.bad_configuration;
        let per_week = p.rate.per_second() * SimDuration::from_days(7).as_secs_f64();
        let s = &mut self.services[service.index()];
        if per_week <= 0.0
            || p.wrong.as_f64() <= 0.0
            || s.versions.configurations() == Version::CONFIGURATIONS
        {
            return;
        }
        let mean_s = self.calendar.working_week().as_secs_f64() / per_week;
        let mut at = self.scheduler.now();
        while at < self.horizon {
            // Exponential in office time, so that a week has `rate` of them on average.
            let office = SimDuration::from_secs_f64(-s.changes.stream.uniform().ln() * mean_s);
            at = self.calendar.after_working_time(at, office.max(SimDuration::from_secs(1)));
            s.changes.next += 1;
            let key = [u64::from(service.0), s.changes.next];
            let mut quality = self.streams.open(streams::CONFIGURATION_QUALITY, &key);
            if quality.chance(p.wrong.as_f64()) {
                self.schedule_fault(at, Event::ConfigurationDue { service });
                return;
            }
        }
    }

    pub(in crate::world) fn on_configuration_due(&mut self, service: ServiceId) {
        let count = self.services[service.index()].changes.next;
        let mut quality = self.streams.open(streams::CONFIGURATION_QUALITY, &[u64::from(service.0), count]);
        let p = &self.faults.bad_configuration;
        // All are drawn always, so that one parameter does not shift what another decides.
        let _wrong = quality.uniform();
        let everywhere = quality.chance(p.everywhere.as_f64());
        let fails_to_start = quality.chance(p.fails_to_start.as_f64());
        let share = p.error_share.sample(quality.uniform()).clamp(0.0, 1.0);
        let defect = if fails_to_start { Defect::FailsToStart } else { Defect::Errors { share } };
        let fault = FaultId::new(FaultKind::BadConfiguration, [u64::from(service.0), 0], count);
        for other in 0..self.services.len() {
            let other = ServiceId(other as u16);
            let versions = &mut self.services[other.index()].versions;
            if (everywhere || other == service) && versions.configurations() < Version::CONFIGURATIONS {
                let number = versions.configure(defect);
                self.observe(Observation::ConfigurationChanged { service: other, number, fault });
                self.signals.push_back(Signal::Configuration { service: other, number });
            }
        }
        self.arm_configuration(service);
    }

    /// Something else is on its way to the same boxes: whoever makes the change comes back.
    pub(in crate::world) fn postpone_configuration(&mut self, service: ServiceId, number: u32) {
        self.scheduler.after(TRY_AGAIN, Event::ConfigurationAgain { service, number });
    }

    pub(in crate::world) fn on_configuration_again(&mut self, service: ServiceId, number: u32) {
        self.signals.push_back(Signal::Configuration { service, number });
    }
}
