//! Taint eviction controller: deletes the pods of a node that has been unreachable for their toleration.
//!
//! Watches nodes. Reads their NoExecute taint. Deletes pods. Follows pkg/controller/tainteviction of v1.36.2 with the
//! default toleration that admission gives to every pod: counted from when the taint was first seen, cancelled when
//! the taint goes, no rate limit.
//!
//! Start at [`sync`].

use super::Context;
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::objects::{NodeId, PodId};

/// A node changed: if it has the taint, its pods go when their toleration ends.
pub fn sync(id: NodeId, cx: &mut Context<'_>) {
    let Some(since) = cx.store.node(id).and_then(|n| n.no_execute) else { return };
    let at = since + cx.parameters.node_lifecycle.toleration;
    cx.at(at.max(cx.now), Event::EvictPods(id));
}

/// The toleration ends, unless the taint was taken away or set anew meanwhile.
pub fn evict(id: NodeId, cx: &mut Context<'_>) {
    let toleration = cx.parameters.node_lifecycle.toleration;
    let is_over = |since: crate::engine::SimTime| since + toleration <= cx.now;
    if !cx.store.node(id).and_then(|n| n.no_execute).is_some_and(is_over) {
        return;
    }
    let pods: Vec<PodId> = cx.store.pods_on(id).map(|(p, _)| p).collect();
    for pod in pods {
        cx.store.delete_pod(pod);
    }
}
