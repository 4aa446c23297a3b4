//! The controllers: each one file, each with its own state, none calling another.
//!
//! A controller is woken with a key, reads the store, and writes what it owns; its writes wake others
//! ([`super::Kubernetes`] holds the list of who watches what). Those that only deal with objects get a
//! [`Context`]; those that stand between cluster and world (kubelet, kube-proxy, autoscalers, node controllers)
//! get the world's `Api` too.

pub mod cluster_autoscaler;
pub mod deployment;
pub mod endpoints;
pub mod hpa;
pub mod kube_proxy;
pub mod kubelet;
pub mod node_health;
pub mod node_lifecycle;
pub mod pod_gc;
pub mod replica_set;
pub mod scheduler;
pub mod taint_eviction;
pub mod termination_handler;

use super::event::Event;
use super::parameters::KubernetesParameters;
use super::store::Store;
use crate::engine::{SimDuration, SimTime};

/// What every controller works with.
pub struct Context<'a> {
    pub now: SimTime,
    pub store: &'a mut Store,
    pub parameters: &'a KubernetesParameters,
    pub agenda: &'a mut Agenda,
}

/// Events that controllers want; they are scheduled when the handler is done.
#[derive(Debug, Default)]
pub struct Agenda(Vec<(SimTime, Event)>);

impl Agenda {
    pub fn take(&mut self) -> impl Iterator<Item = (SimTime, Event)> {
        self.0.drain(..)
    }
}

impl Context<'_> {
    pub fn at(&mut self, time: SimTime, event: Event) {
        self.agenda.0.push((time, event));
    }

    pub fn after(&mut self, delay: SimDuration, event: Event) {
        self.at(self.now + delay, event);
    }
}
