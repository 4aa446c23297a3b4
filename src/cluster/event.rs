//! The timed events of the control plane, and how they travel through another's queue as a number and two operands.
//!
//! Start at [`Event`].

use super::objects::{DeploymentId, Name, NodeId};
use crate::engine::Id;

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Controllers see what waits in their queues.
    Wake,
    /// A Deployment's progress deadline may have passed.
    CheckProgress(DeploymentId),
    /// Pods have been unschedulable for long: try again.
    FlushUnschedulable,
    /// The node lifecycle controller looks at all nodes.
    MonitorNodes,
    /// The next node of a zone may get its NoExecute taint.
    TaintNext { zone: Name },
    /// A toleration of pods on a node ends.
    EvictPods(NodeId),
    /// Pod garbage collection looks for pods whose node is gone.
    CollectOrphans,
}

impl Event {
    /// Kinds are smaller than this.
    pub const KINDS: u16 = 100;

    /// (kind, operands).
    pub fn encode(self) -> (u16, u32, u32) {
        match self {
            Event::CheckProgress(d) => (0, d.0, 0),
            Event::FlushUnschedulable => (1, 0, 0),
            Event::MonitorNodes => (2, 0, 0),
            Event::TaintNext { zone } => (3, zone.bits(), 0),
            Event::EvictPods(node) => (4, node.index, node.generation),
            Event::CollectOrphans => (5, 0, 0),
            Event::Wake => (6, 0, 0),
        }
    }

    /// # Panics
    /// If nothing is encoded so.
    pub fn decode(kind: u16, a: u32, b: u32) -> Event {
        match kind {
            0 => Event::CheckProgress(DeploymentId(a)),
            1 => Event::FlushUnschedulable,
            2 => Event::MonitorNodes,
            3 => Event::TaintNext { zone: Name::from_bits(a) },
            4 => Event::EvictPods(NodeId::new(a, b)),
            5 => Event::CollectOrphans,
            6 => Event::Wake,
            kind => unreachable!("the control plane has no event {kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_the_way_through_a_queue() {
        let node = NodeId::new(4, 1);
        let all = [
            Event::CheckProgress(DeploymentId(6)),
            Event::FlushUnschedulable,
            Event::MonitorNodes,
            Event::TaintNext { zone: Name::ZONE },
            Event::EvictPods(node),
            Event::CollectOrphans,
            Event::Wake,
        ];
        for event in all {
            let (kind, a, b) = event.encode();
            assert!(kind < Event::KINDS);
            assert_eq!(Event::decode(kind, a, b), event);
        }
    }
}
