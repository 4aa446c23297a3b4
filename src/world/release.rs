//! Releases: when developers hand over a new version, and whether it is any good.
//!
//! The calendar and the quality are the team's and the same on every platform; only a version that works where it was
//! built may still not run on machines that are too different from that. What the platform does with a version, how
//! many users meet a bad one and how it is taken back, is the platform's affair. Start at [`ReleaseParameters`].

use super::World;
use super::calendar::Calendar;
use super::event::Event;
use super::ids::{ServiceId, Version};
use super::observation::Observation;
use super::signal::Signal;
use super::streams;
use crate::engine::{SimDuration, SimTime, Stream, Streams};
use crate::parameter::{Fraction, Rate, ScalarDistribution, section};

section! {
    /// How often a service changes, and how often a change is bad.
    pub struct ReleaseParameters {
        /// New versions; handed over in office hours only.
        rate: Rate = "2/week", from "weekly to daily is the middle of DORA's scale", grade Choice;
        /// Share of versions that degrade the service (change failure rate).
        failure_rate: Fraction = "10%", from "DORA 2024: 5 % (elite) to 40 % (low)", grade Verified;
        /// Share of bad versions that cannot even start; the others start and then fail requests.
        fails_to_start: Fraction = "30%", from "none found", grade Estimate;
        /// Share of requests that a bad version which starts answers with an error.
        error_share: ScalarDistribution = "uniform(5%, 50%)", from "none found", grade Estimate;
    }
}

/// What is wrong with a version. Nobody is told; it shows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Defect {
    /// Its processes end instead of opening their port.
    FailsToStart,
    /// It answers this share of requests with an error.
    Errors { share: f64 },
}

/// What is wrong with each version of a service.
#[derive(Debug)]
pub(super) struct Versions {
    /// By number; 0 ran before the simulation and is good.
    releases: Vec<Option<Defect>>,
    /// By number, from 1: those that came with releases are good.
    configurations: Vec<Defect>,
}

impl Default for Versions {
    fn default() -> Self {
        Versions { releases: vec![None], configurations: Vec::new() }
    }
}

impl Versions {
    pub fn release(&mut self, defect: Option<Defect>) {
        self.releases.push(defect);
    }

    /// Gives back its number.
    pub fn configure(&mut self, defect: Defect) -> u32 {
        self.configurations.push(defect);
        self.configurations()
    }

    pub fn configurations(&self) -> u32 {
        self.configurations.len() as u32
    }

    /// Of two defects the one that does more harm shows.
    pub fn defect(&self, version: Version) -> Option<Defect> {
        let code = self.releases[version.code().0 as usize];
        let number = version.configuration().checked_sub(1);
        let configured = number.map(|index| self.configurations[index as usize]);
        match (code, configured) {
            (Some(Defect::Errors { share: a }), Some(Defect::Errors { share: b })) => {
                Some(Defect::Errors { share: a.max(b) })
            }
            (Some(Defect::FailsToStart), _) | (_, Some(Defect::FailsToStart)) => Some(Defect::FailsToStart),
            (code, configured) => configured.or(code),
        }
    }
}

/// The release calendar of one service.
#[derive(Debug)]
pub(super) struct Calls {
    stream: Stream,
    next: u32,
}

impl Calls {
    pub(super) fn new(streams: &Streams, service: ServiceId) -> Calls {
        Calls { stream: streams.open(streams::RELEASE_TIME, &[u64::from(service.0)]), next: 1 }
    }

    /// When the next version is ready: exponential in office time, so that a week has `rate` of them on average.
    fn next_time(&mut self, rate: Rate, calendar: &Calendar, now: SimTime) -> Option<SimTime> {
        let per_week = rate.per_second() * SimDuration::from_days(7).as_secs_f64();
        let u = self.stream.uniform();
        if per_week <= 0.0 {
            return None;
        }
        let office = -u.ln() / per_week * calendar.working_week().as_secs_f64();
        Some(calendar.after_working_time(now, SimDuration::from_secs_f64(office)))
    }
}

impl World {
    pub(super) fn arm_release(&mut self, service: ServiceId) {
        let now = self.scheduler.now();
        let s = &mut self.services[service.index()];
        if let Some(at) = s.calls.next_time(s.parameters.release.rate, &self.calendar, now) {
            self.schedule_fault(at, Event::ReleaseDue { service });
        }
    }

    pub(super) fn on_release_due(&mut self, service: ServiceId) {
        let version = Version(self.services[service.index()].calls.next);
        let entity = [u64::from(service.0), u64::from(version.0)];
        let mut stream = self.streams.open(streams::RELEASE_QUALITY, &entity);
        let s = &mut self.services[service.index()];
        s.calls.next += 1;
        let p = &s.parameters.release;
        // All three are drawn always, so that one parameter does not shift what another decides.
        let bad = stream.chance(p.failure_rate.as_f64());
        // The same number on every platform: what runs on one runs on all that are closer to where it was built.
        let mismatched = self.streams.open(streams::MISMATCH, &entity).chance(self.mismatch);
        let fails_to_start = stream.chance(p.fails_to_start.as_f64());
        let share = p.error_share.sample(stream.uniform()).clamp(0.0, 1.0);
        let defect = match (bad, fails_to_start) {
            (false, _) => mismatched.then_some(Defect::FailsToStart),
            (true, true) => Some(Defect::FailsToStart),
            (true, false) => Some(Defect::Errors { share }),
        };
        s.versions.release(defect);
        let bad = defect.is_some();
        self.observe(Observation::ReleaseHandedOver { service, version, bad });
        self.signals.push_back(Signal::Release { service, version });
        self.arm_release(service);
    }
}
