//! The controllers: each one file, each with its own state, none calling another.
//!
//! A controller is woken with a key, reads the store, and writes what it owns; its writes wake others
//! ([`super::Cluster`] holds the list of who watches what).

pub mod cron_job;
pub mod daemon_set;
pub mod deployment;
pub mod disruption;
pub mod endpoints;
pub mod hpa;
pub mod job;
pub mod node_lifecycle;
pub mod pod_gc;
pub mod replica_set;
pub mod scheduler;
pub mod stateful_set;
pub mod taint_eviction;
#[cfg(test)]
mod test_rig;
mod writer;

use super::event::Event;
use super::settings::Settings;
use super::store::Store;
use crate::engine::{SimDuration, SimTime};

/// What every controller works with.
pub struct Context<'a> {
    pub now: SimTime,
    pub store: &'a mut Store,
    pub settings: &'a Settings,
    pub agenda: &'a mut Agenda,
}

/// Events that controllers want; whoever runs the cluster hands them back when it is time.
#[derive(Debug, Default)]
pub struct Agenda(pub(super) Vec<(SimTime, Event)>);

impl Context<'_> {
    pub fn at(&mut self, time: SimTime, event: Event) {
        self.agenda.0.push((time, event));
    }

    pub fn after(&mut self, delay: SimDuration, event: Event) {
        self.at(self.now + delay, event);
    }
}
