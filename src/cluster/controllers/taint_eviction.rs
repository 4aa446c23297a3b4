//! Taint eviction controller: deletes the pods of a node with NoExecute taints, each when its tolerations end.
//!
//! Watches nodes. Reads their NoExecute taints and the pods' tolerations. Deletes pods. Follows pkg/controller/tainteviction of
//! v1.36.2: a pod that does not tolerate one of the taints goes at once; else after the shortest of the tolerations that are
//! used, counted from when the taint came; never if none of them has an end; not at all if the taint goes before. No rate limit.
//!
//! *Deviation:* a pod that is bound to a node which is tainted already is looked at when the node changes next; the
//! scheduler binds none there that does not tolerate it.
//!
//! Start at [`TaintEviction::sync`].

use super::Context;
use crate::cluster::event::Event;
use crate::cluster::objects::{Effect, NodeId, Pod, PodId, Taint};
use crate::cluster::store::Store;
use crate::engine::{SimDuration, SimTime};
use std::collections::BTreeMap;

/// When each node with tolerated taints is looked at next.
#[derive(Debug, Default)]
pub struct TaintEviction(BTreeMap<NodeId, SimTime>);

impl TaintEviction {
    /// The time has come, unless another look has replaced this one.
    pub fn on_time(&mut self, id: NodeId, cx: &mut Context<'_>) {
        if self.0.get(&id).is_some_and(|&at| at <= cx.now) {
            self.0.remove(&id);
            self.sync(id, cx);
        }
    }

    /// Deletes the pods of a node whose time has come, and looks again when it comes for the next.
    pub fn sync(&mut self, id: NodeId, cx: &mut Context<'_>) {
        let Some(node) = cx.store.node(id) else { return };
        let taints: Vec<Taint> =
            node.taints.iter().copied().filter(|t| t.effect == Effect::NoExecute).collect();
        if taints.is_empty() {
            return;
        }
        let (mut due, mut next) = (Vec::new(), None);
        for (pod_id, pod) in cx.store.pods_on(id).filter(|(_, pod)| !pod.is_terminating()) {
            match end_of_tolerance(pod, &taints, cx.store) {
                Some(at) if at <= cx.now => due.push(pod_id),
                Some(at) => next = Some(next.map_or(at, |next: SimTime| next.min(at))),
                None => {}
            }
        }
        due.into_iter().for_each(|pod: PodId| cx.store.delete_pod(pod, cx.now));
        if let Some(next) = next.filter(|next| self.0.get(&id).is_none_or(|at| next < at)) {
            self.0.insert(id, next);
            cx.at(next, Event::EvictPods(id));
        }
    }
}

/// When a pod has to go; `None` if never.
fn end_of_tolerance(pod: &Pod, taints: &[Taint], store: &Store) -> Option<SimTime> {
    let spec = store.spec_of(pod);
    let since = taints.iter().map(|t| t.since).max().expect("there are taints");
    let mut shortest: Option<u32> = None;
    for taint in taints {
        let Some(toleration) = spec.tolerations.iter().find(|t| t.tolerates(taint)) else {
            return Some(since);
        };
        if let Some(seconds) = toleration.seconds {
            shortest = Some(shortest.map_or(seconds, |s| s.min(seconds)));
        }
    }
    shortest.map(|seconds| since + SimDuration::from_secs(u64::from(seconds)))
}
