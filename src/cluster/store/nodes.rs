//! Writing nodes. Ids of nodes that are gone are programming errors.

use super::{Change, Store};
use crate::cluster::objects::{Effect, Name, Node, NodeCondition, NodeId, Taint};
use crate::engine::SimTime;

impl Store {
    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes.get_mut(id).expect("only nodes that exist are written")
    }

    /// A node joins.
    pub fn add_node(&mut self, node: Node) -> NodeId {
        self.promised.0.add(node.requested);
        self.promised.1.add(node.allocatable);
        let id = self.nodes.insert(node);
        self.node_set += 1;
        self.wrote(Change::NodeAdded(id));
        id
    }

    pub fn set_node_ready(&mut self, id: NodeId, ready: NodeCondition, now: SimTime) {
        let node = self.node_mut(id);
        if node.ready != ready {
            (node.ready, node.ready_changed) = (ready, now);
            self.wrote(Change::NodeChanged(id));
        }
    }

    /// Adds a taint, unless it is there.
    pub fn add_taint(&mut self, id: NodeId, key: Name, effect: Effect, now: SimTime) {
        let node = self.node_mut(id);
        if node.taint(key, effect).is_none() {
            node.taints.push(Taint { key, value: Name::EMPTY, effect, since: now });
            self.wrote(Change::NodeChanged(id));
        }
    }

    /// Takes a taint away, if it is there.
    pub fn remove_taint(&mut self, id: NodeId, key: Name, effect: Effect) {
        let node = self.node_mut(id);
        if node.taint(key, effect).is_some() {
            node.taints.retain(|t| (t.key, t.effect) != (key, effect));
            self.wrote(Change::NodeChanged(id));
        }
    }

    /// `kubectl cordon` and `uncordon`.
    pub fn set_cordoned(&mut self, id: NodeId, cordoned: bool) {
        let node = self.node_mut(id);
        if node.cordoned != cordoned {
            node.cordoned = cordoned;
            self.wrote(Change::NodeChanged(id));
        }
    }

    /// Pods bound to it stay, as orphans.
    pub fn remove_node(&mut self, id: NodeId) {
        let node = self.nodes.remove(id).expect("a node is removed once");
        self.promised.0.remove(node.requested);
        self.promised.1.remove(node.allocatable);
        self.node_set += 1;
        self.wrote(Change::NodeRemoved(id));
    }
}
