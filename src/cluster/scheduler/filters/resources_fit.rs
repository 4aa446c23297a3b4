//! NodeResourcesFit: requests must fit in what is allocatable and not yet requested.
//!
//! Follows plugins/noderesources/fit.go of v1.36.2: every lacking resource is a reason; what the node would lack even if it
//! were empty cannot be helped by preemption; what is not asked for is not checked. Pods count until they are gone.

use super::{Class, NodeInfo, Plugin, Rejection};
use crate::cluster::objects::Resources;

/// What is lacking.
pub fn check(class: &Class, node: &NodeInfo) -> Result<(), Rejection> {
    let (pod, used, all) = (class.requests, node.requested, node.allocatable);
    let lacks_pods = used.pods + pod.pods > all.pods;
    let lacks_cpu = pod.cpu > 0 && u64::from(used.cpu) + u64::from(pod.cpu) > u64::from(all.cpu);
    let lacks_memory = pod.memory > 0 && used.memory + pod.memory > all.memory;
    if !(lacks_pods || lacks_cpu || lacks_memory) {
        return Ok(());
    }
    let reasons = [
        lacks_pods.then_some("Too many pods"),
        lacks_cpu.then_some("Insufficient cpu"),
        lacks_memory.then_some("Insufficient memory"),
    ];
    let resolvable = pod.cpu <= all.cpu && pod.memory <= all.memory;
    Err(Rejection { plugin: Plugin::NodeResourcesFit, reasons, resolvable })
}

/// It would fit if the node were empty: what an event of a node is asked.
pub fn fits_empty(requests: Resources, allocatable: Resources) -> bool {
    Resources::default().leaves_room(requests, allocatable)
}
