//! Pod garbage collector: removes pods whose node no longer exists.
//!
//! Watches nothing but node removals. Reads pods. Deletes them by force. Follows pkg/controller/podgc of v1.36.2: a scan
//! every 20 s, and a quarantine of 40 s from the scan that first finds a pod without its node.
//!
//! Start at [`PodGc::on_node_removed`].

use super::Context;
use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::objects::{NodeId, PodId};

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

    /// Removes the orphans whose quarantine is over.
    pub fn collect(&mut self, cx: &mut Context<'_>) {
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
