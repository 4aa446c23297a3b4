//! The components that stand between the cluster and the world, each one file, each with its own state, none calling
//! another: kubelets, kube-proxies, the autoscalers, the cloud's node controllers, and what empties nodes.
//!
//! They read the cluster's store and write what they own there, and act in the world through its `Api`.

pub mod cluster_autoscaler;
pub mod drain;
pub mod hpa;
pub mod kube_proxy;
pub mod kubelet;
pub mod node_group;
pub mod node_health;
pub mod node_upgrade;
pub mod termination_handler;

use super::bodies::Bodies;
use super::event::Event;
use super::parameters::KubernetesParameters;
use crate::cluster::Cluster;
use crate::cluster::objects::{NodeId, PodId};
use crate::cluster::store::Store;
use crate::engine::{SimDuration, SimTime};
use crate::world::{Api, Heartbeat, VmId};

/// `1 pod`, `2 pods`.
pub fn pods(count: usize) -> String {
    if count == 1 { "1 pod".into() } else { format!("{count} pods") }
}

/// Pods of a node that have not ended: those that somebody who wants it empty has to wait for.
pub fn pods_left(node: NodeId, store: &Store) -> impl Iterator<Item = PodId> + '_ {
    store.pods_on(node).filter(|(_, pod)| !pod.is_terminal()).map(|(id, _)| id)
}

/// For words.
pub fn whole_seconds(span: SimDuration) -> SimDuration {
    SimDuration::from_secs(span.as_secs_f64().round() as u64)
}

/// What every component works with.
pub struct Context<'a> {
    pub now: SimTime,
    pub cluster: &'a mut Cluster,
    pub bodies: &'a mut Bodies,
    pub parameters: &'a KubernetesParameters,
    pub agenda: &'a mut Agenda,
}

/// Events that components want; they are scheduled when the handler is done.
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

    /// Begins to watch the lease that a machine's kubelet renews.
    pub fn watch_lease(&self, vm: VmId, api: &mut Api<'_>) {
        let p = &self.parameters.node_lifecycle;
        api.watch_heartbeat(vm, Heartbeat { period: p.heartbeat, timeout: p.grace });
    }
}
