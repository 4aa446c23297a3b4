//! In which order nodes are examined, and how many: zones take turns, and in large clusters a part is enough.
//!
//! Follows backend/cache/node_tree.go and findNodesThatFitPod of v1.36.2. Start at [`NodeOrder::feasible`].

use crate::platform::kubernetes::objects::{Node, NodeId};
use crate::platform::kubernetes::store::Store;
use crate::world::ZoneId;
use std::collections::BTreeMap;

/// The node list, and where the next examination begins.
#[derive(Debug, Default)]
pub struct NodeOrder {
    /// Nodes of a zone in order of arrival; zones in the order first seen.
    zones: Vec<(ZoneId, Vec<NodeId>)>,
    list: Vec<NodeId>,
    seen: Option<u64>,
    start: usize,
    feasible: Vec<NodeId>,
}

/// Nodes that must be found before the search may stop, of `nodes` (numFeasibleNodesToFind).
pub fn quota(nodes: usize) -> usize {
    if nodes < 100 {
        return nodes;
    }
    let percent = 50_usize.saturating_sub(nodes / 125).max(5);
    (nodes * percent / 100).max(100)
}

impl NodeOrder {
    /// Rebuilds the list if nodes came or went.
    pub fn refresh(&mut self, store: &Store) {
        if self.seen == Some(store.node_set()) {
            return;
        }
        self.seen = Some(store.node_set());
        let mut present: BTreeMap<NodeId, ZoneId> = store.nodes().map(|(id, n)| (id, n.zone)).collect();
        for (_, nodes) in &mut self.zones {
            nodes.retain(|id| present.remove(id).is_some());
        }
        for (id, zone) in present {
            match self.zones.iter_mut().find(|(z, _)| *z == zone) {
                Some((_, nodes)) => nodes.push(id),
                None => self.zones.push((zone, vec![id])),
            }
        }
        self.zones.retain(|(_, nodes)| !nodes.is_empty());
        self.list.clear();
        let rounds = self.zones.iter().map(|(_, nodes)| nodes.len()).max().unwrap_or(0);
        for round in 0..rounds {
            self.list.extend(self.zones.iter().filter_map(|(_, nodes)| nodes.get(round)));
        }
    }

    /// The nodes that pass `filter`, in order of examination, as many as are needed.
    pub fn feasible(&mut self, store: &Store, filter: impl Fn(&Node) -> bool) -> &[NodeId] {
        self.feasible.clear();
        let nodes = self.list.len();
        let (enough, mut examined) = (quota(nodes), 0);
        while examined < nodes && self.feasible.len() < enough {
            let id = self.list[(self.start + examined) % nodes];
            if filter(store.node(id).expect("the list is fresh")) {
                self.feasible.push(id);
            }
            examined += 1;
        }
        if nodes > 0 {
            self.start = (self.start + examined) % nodes;
        }
        &self.feasible
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_clusters_are_sampled() {
        // facts 2.2.
        for (nodes, expected) in [
            (99, 99),
            (100, 100),
            (250, 120),
            (500, 230),
            (1_000, 420),
            (2_000, 680),
            (5_000, 500),
            (6_000, 300),
            (15_000, 750),
        ] {
            assert_eq!(quota(nodes), expected, "{nodes}");
        }
    }
}
