//! In which order nodes are examined, and how many: zones take turns, and in large clusters a part is enough.
//!
//! Follows backend/cache/node_tree.go and numFeasibleNodesToFind of schedule_one.go, v1.36.2. Start at [`NodeOrder::list`].

use crate::cluster::objects::{Labels, Name};

/// What a zone is here: region and zone labels together.
type Zone = (Option<Name>, Option<Name>);

/// The list of nodes, by their slots in the cache.
#[derive(Clone, Debug, Default)]
pub struct NodeOrder {
    /// Nodes of a zone in order of arrival; zones in the order first seen.
    zones: Vec<(Zone, Vec<u32>)>,
    list: Vec<u32>,
    stale: bool,
}

/// Nodes that must be found before the search may stop, of `nodes`.
pub fn quota(nodes: usize, percentage: u32) -> usize {
    if nodes < 100 || percentage >= 100 {
        return nodes;
    }
    let percent = match percentage {
        0 => 50_usize.saturating_sub(nodes / 125).max(5),
        set => set as usize,
    };
    (nodes * percent / 100).max(100)
}

fn zone(labels: &Labels) -> Zone {
    (labels.get(Name::REGION), labels.get(Name::ZONE))
}

impl NodeOrder {
    pub fn add(&mut self, slot: u32, labels: &Labels) {
        self.stale = true;
        let zone = zone(labels);
        match self.zones.iter_mut().find(|(z, _)| *z == zone) {
            Some((_, nodes)) => nodes.push(slot),
            None => self.zones.push((zone, vec![slot])),
        }
    }

    pub fn remove(&mut self, slot: u32) {
        self.stale = true;
        for (_, nodes) in &mut self.zones {
            nodes.retain(|&s| s != slot);
        }
        self.zones.retain(|(_, nodes)| !nodes.is_empty());
    }

    /// A node whose zone changes goes to the end of the new one; says whether it did.
    pub fn relabel(&mut self, slot: u32, old: &Labels, new: &Labels) -> bool {
        let moves = zone(old) != zone(new);
        if moves {
            self.remove(slot);
            self.add(slot, new);
        }
        moves
    }

    /// All nodes: one of each zone in turn; a zone that has no more is left out.
    pub fn list(&self) -> &[u32] {
        assert!(!self.stale, "the list is refreshed before it is read");
        &self.list
    }

    pub fn refresh(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        self.list.clear();
        let rounds = self.zones.iter().map(|(_, nodes)| nodes.len()).max().unwrap_or(0);
        for round in 0..rounds {
            self.list.extend(self.zones.iter().filter_map(|(_, nodes)| nodes.get(round)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_clusters_are_sampled() {
        // facts 2.2.
        let expected = [
            (99, 99),
            (100, 100),
            (250, 120),
            (500, 230),
            (1_000, 420),
            (2_000, 680),
            (5_000, 500),
            (6_000, 300),
            (15_000, 750),
        ];
        for (nodes, enough) in expected {
            assert_eq!(quota(nodes, 0), enough, "{nodes}");
        }
        assert_eq!((quota(5_000, 100), quota(5_000, 10), quota(500, 10)), (5_000, 500, 100));
    }

    #[test]
    fn zones_take_turns_in_the_order_first_seen() {
        let mut order = NodeOrder::default();
        let labels = |zone| Labels::default().with(Name::ZONE, Name::number(zone));
        for (slot, z) in [(0, 2), (1, 2), (2, 1), (3, 2), (4, 1)] {
            order.add(slot, &labels(z));
        }
        order.refresh();
        // Zone 2 was first: 0, then 2 of zone 1, 1, 4, and 3 is left.
        assert_eq!(order.list(), [0, 2, 1, 4, 3]);
        assert!(order.relabel(0, &labels(2), &labels(1)));
        order.refresh();
        assert_eq!(order.list(), [1, 2, 3, 4, 0]);
    }
}
