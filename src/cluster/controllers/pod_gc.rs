//! Pod garbage collector: removes pods whose node no longer exists, or is known to be out of service.
//!
//! Watches nodes, and pods that are told to end. Reads both. Deletes pods by force. Follows pkg/controller/podgc/gc_controller.go
//! of v1.36.2: a scan every 20 s; a quarantine of 40 s from the scan that first finds a pod without its node; terminating pods
//! of a node that is not ready and has the taint `out-of-service` go with the next scan.
//!
//! *Deviation:* a scan that would find nothing is not run; the limit of 12,500 ended pods is not kept.
//!
//! Start at [`PodGc::on_node_removed`].

use super::Context;
use crate::cluster::event::Event;
use crate::cluster::objects::{Effect, Name, Node, NodeId, PodId};
use crate::engine::{SimDuration, SimTime};

const PERIOD: SimDuration = SimDuration::from_secs(20);
const QUARANTINE: SimDuration = SimDuration::from_secs(40);

/// Nodes that are gone, and when their orphans may be removed.
#[derive(Debug, Default)]
pub struct PodGc {
    orphaned: Vec<(SimTime, NodeId)>,
}

impl PodGc {
    /// The next scan will find its pods as orphans.
    pub fn on_node_removed(&mut self, id: NodeId, cx: &mut Context<'_>) {
        if cx.store.pods_on(id).next().is_some() {
            let found = cx.now.next_tick(SimTime::ZERO, PERIOD);
            let due = found + QUARANTINE;
            self.orphaned.push((due, id));
            cx.at(due, Event::CollectOrphans);
        }
    }

    /// A node is out of service, or a pod on it is told to end: the next scan will find what terminates there.
    pub fn on_terminating(&mut self, id: NodeId, cx: &mut Context<'_>) {
        if is_out_of_service(id, cx) && cx.store.pods_on(id).any(|(_, pod)| pod.is_terminating()) {
            cx.at(cx.now.next_tick(SimTime::ZERO, PERIOD), Event::CollectOrphans);
        }
    }

    /// Removes the orphans whose quarantine is over, and what is left on nodes that are out of service.
    pub fn collect(&mut self, cx: &mut Context<'_>) {
        let nodes: Vec<NodeId> = cx.store.nodes().map(|(id, _)| id).collect();
        for node in nodes.into_iter().filter(|&id| is_out_of_service(id, cx)).collect::<Vec<_>>() {
            let on_it = cx.store.pods_on(node).filter(|(_, pod)| pod.is_terminating());
            let stuck: Vec<PodId> = on_it.map(|(pod, _)| pod).collect();
            stuck.into_iter().for_each(|pod| cx.store.remove_pod(pod));
        }
        let due: Vec<NodeId> =
            self.orphaned.iter().filter(|(at, _)| *at <= cx.now).map(|&(_, node)| node).collect();
        self.orphaned.retain(|(at, _)| *at > cx.now);
        for node in due {
            let pods: Vec<PodId> = cx.store.pods_on(node).map(|(p, _)| p).collect();
            for pod in pods {
                cx.store.remove_pod(pod);
            }
        }
    }
}

fn is_out_of_service(id: NodeId, cx: &Context<'_>) -> bool {
    let is_tainted = |n: &Node| n.taint(Name::OUT_OF_SERVICE, Effect::NoExecute).is_some();
    cx.store.node(id).is_some_and(|node| !node.is_ready() && is_tainted(node))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::controllers::test_rig::Rig;
    use crate::cluster::objects::{Container, Labels, NodeCondition, Owner, PodSpec, Toleration};

    #[test]
    fn a_pod_told_to_end_after_its_node_went_out_of_service_is_collected_by_the_next_scan() {
        let mut rig = Rig::new();
        let mut spec = PodSpec::of_container(Labels::default(), Container::default());
        spec.tolerations = vec![Toleration { key: None, value: None, effect: None, seconds: None }];
        let store = &mut rig.cluster.store;
        let template = store.intern_template(spec);
        let pod = store.create_pod(Owner::None, template, rig.now);
        let node = store.nodes().next().expect("the rig has a node").0;
        store.bind(pod, node);
        store.set_node_ready(node, NodeCondition::Unknown, rig.now);
        store.add_taint(node, Name::OUT_OF_SERVICE, Effect::NoExecute, rig.now);
        rig.run_to(61_000);
        assert!(rig.cluster.store.pod(pod).is_some(), "it bears the taint and was not told to end");
        rig.cluster.store.delete_pod(pod, rig.now);
        // Scans come at 60, 80 s …
        rig.run_to(79_900);
        assert!(rig.cluster.store.pod(pod).is_some());
        rig.run_to(80_000);
        assert!(rig.cluster.store.pod(pod).is_none());
    }
}
