//! The object store: all objects of the cluster, and the changes that its watchers have not seen yet.
//!
//! Every write goes through a method here; a write that changes something counts the revision up and is put on
//! the change log, from which [`super::Kubernetes`] wakes the controllers that watch such objects. A write that
//! changes nothing is none. What follows from the pods (those of a node or a ReplicaSet, how many are ready) is kept
//! in [`index`] and nowhere else. The store decides nothing.
//!
//! *Deviation:* controllers read the store itself, not a cache that lags behind; only their waking is late. Memory
//! is bounded by the objects that exist: the log is taken after every event.
//!
//! Start at [`Change`].

mod index;
mod pods;

use super::objects::{
    Deployment, DeploymentId, DeploymentStatus, Endpoints, Hpa, Node, NodeId, Pod, PodId, Ready, ReplicaSet,
    ReplicaSetId, ReplicaSetStatus, Resources, Template,
};
use crate::engine::SimTime;
use crate::world::{Arena, BoxId, VmId};
use index::PodIndex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One write, as watchers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Deployment(DeploymentId),
    /// Its wanted number of pods changed.
    DeploymentScaled(DeploymentId),
    ReplicaSet(ReplicaSetId),
    PodCreated(PodId),
    PodBound(PodId),
    /// Its phase, readiness or restarts.
    PodStatus(PodId),
    /// No node was found for it.
    PodUnschedulable(PodId),
    /// It got a deletionTimestamp.
    PodTerminating(PodId),
    PodRemoved(RemovedPod),
    NodeAdded(NodeId),
    NodeChanged(NodeId),
    NodeRemoved(NodeId),
    /// A pod is listed, no more listed or listed otherwise.
    Endpoint(DeploymentId, PodId),
}

/// What a watcher may need of a pod that is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedPod {
    pub id: PodId,
    pub deployment: DeploymentId,
    pub owner: ReplicaSetId,
    pub subject: Option<BoxId>,
    pub was_bound: bool,
}

/// All objects.
#[derive(Debug, Default)]
pub struct Store {
    deployments: Vec<Deployment>,
    hpas: Vec<Hpa>,
    endpoints: Vec<Endpoints>,
    replica_sets: Arena<ReplicaSetId, ReplicaSet>,
    pods: Arena<PodId, Pod>,
    nodes: Arena<NodeId, Node>,
    sets_of: Vec<Vec<ReplicaSetId>>,
    index: PodIndex,
    /// Pods of each Deployment whose endpoint is not what the pod is.
    unlisted: Vec<BTreeSet<PodId>>,
    node_of: BTreeMap<VmId, NodeId>,
    pod_of: BTreeMap<BoxId, PodId>,
    changes: VecDeque<Change>,
    /// Requests of all pods and DaemonSets on nodes, and what the nodes have for them.
    promised: (Resources, Resources),
    revision: u64,
    /// Counts every addition and removal of a node.
    node_set: u64,
    pods_made: u32,
}

/// Reading.
impl Store {
    /// Grows with every write.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// What pods and DaemonSets on all nodes request, of what is allocatable.
    pub fn promised(&self) -> (Resources, Resources) {
        self.promised
    }

    /// Grows when a node comes or goes.
    pub fn node_set(&self) -> u64 {
        self.node_set
    }

    pub fn deployment(&self, id: DeploymentId) -> &Deployment {
        &self.deployments[id.index()]
    }

    pub fn hpa(&self, id: DeploymentId) -> Hpa {
        self.hpas[id.index()]
    }

    pub fn endpoints(&self, id: DeploymentId) -> &Endpoints {
        &self.endpoints[id.index()]
    }

    pub fn replica_set(&self, id: ReplicaSetId) -> Option<&ReplicaSet> {
        self.replica_sets.get(id)
    }

    /// ReplicaSets of a Deployment, oldest first.
    pub fn sets_of(&self, id: DeploymentId) -> &[ReplicaSetId] {
        &self.sets_of[id.index()]
    }

    pub fn pod(&self, id: PodId) -> Option<&Pod> {
        self.pods.get(id)
    }

    /// The pod that a box stands for.
    pub fn pod_of(&self, subject: BoxId) -> Option<PodId> {
        self.pod_of.get(&subject).copied()
    }

    /// Pods of a ReplicaSet, terminating ones too.
    pub fn pods_of(&self, id: ReplicaSetId) -> impl Iterator<Item = (PodId, &Pod)> {
        self.index.of_set(id).map(|p| self.indexed(p))
    }

    /// What the status of a ReplicaSet should say now.
    pub fn counts(&self, id: ReplicaSetId) -> ReplicaSetStatus {
        self.index.counts(id)
    }

    /// Pods of all ReplicaSets of a Deployment, terminating ones too.
    pub fn pods_of_deployment(&self, id: DeploymentId) -> impl Iterator<Item = (PodId, &Pod)> {
        self.sets_of(id).iter().flat_map(|&set| self.pods_of(set))
    }

    /// How many pods of a Deployment are not terminating.
    pub fn active_pods(&self, id: DeploymentId) -> u32 {
        self.index.active(id)
    }

    /// Pods of a Deployment whose endpoint is not what the pod is now; also of pods that are no more.
    pub fn unlisted(&self, id: DeploymentId) -> &BTreeSet<PodId> {
        &self.unlisted[id.index()]
    }

    /// Pods bound to a node, terminating ones too; also of a node that is no more.
    pub fn pods_on(&self, id: NodeId) -> impl Iterator<Item = (PodId, &Pod)> {
        self.index.on_node(id).map(|p| self.indexed(p))
    }

    /// Pods for which the scheduler found no node.
    pub fn unschedulable(&self) -> impl Iterator<Item = (PodId, &Pod)> {
        self.index.unschedulable().map(|p| self.indexed(p))
    }

    fn indexed(&self, id: PodId) -> (PodId, &Pod) {
        (id, self.pods.get(id).expect("indexed pods exist"))
    }

    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id)
    }

    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes.iter()
    }

    pub fn node_of(&self, vm: VmId) -> Option<NodeId> {
        self.node_of.get(&vm).copied()
    }
}

/// Writing. Ids of objects that are gone are programming errors, unless said otherwise.
impl Store {
    /// The oldest change that was not taken yet.
    pub fn take_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// Nobody hears of what changed until now.
    pub fn forget_changes(&mut self) {
        self.changes.clear();
    }

    fn wrote(&mut self, change: Change) {
        self.revision += 1;
        self.changes.push_back(change);
    }

    pub fn add_deployment(&mut self, deployment: Deployment, hpa: Hpa) -> DeploymentId {
        let id = DeploymentId(self.deployments.len() as u16);
        self.deployments.push(deployment);
        self.hpas.push(hpa);
        self.endpoints.push(Endpoints::default());
        self.sets_of.push(Vec::new());
        self.unlisted.push(BTreeSet::new());
        self.wrote(Change::Deployment(id));
        id
    }

    pub fn set_template(&mut self, id: DeploymentId, template: Template) {
        if self.deployments[id.index()].template != template {
            self.deployments[id.index()].template = template;
            self.deployments[id.index()].generation += 1;
            self.wrote(Change::Deployment(id));
        }
    }

    pub fn scale_deployment(&mut self, id: DeploymentId, replicas: u32) {
        if self.deployments[id.index()].replicas != replicas {
            self.deployments[id.index()].replicas = replicas;
            self.deployments[id.index()].generation += 1;
            self.wrote(Change::DeploymentScaled(id));
        }
    }

    pub fn set_deployment_status(&mut self, id: DeploymentId, status: DeploymentStatus) {
        if self.deployments[id.index()].status != status {
            self.deployments[id.index()].status = status;
            self.wrote(Change::Deployment(id));
        }
    }

    pub fn add_replica_set(
        &mut self,
        deployment: DeploymentId,
        revision: u32,
        replicas: u32,
    ) -> ReplicaSetId {
        let Deployment { template, replicas: desired, .. } = self.deployments[deployment.index()];
        let status = ReplicaSetStatus::default();
        let set = ReplicaSet { deployment, template, revision, replicas, desired, status };
        let id = self.replica_sets.insert(set);
        self.sets_of[deployment.index()].push(id);
        self.wrote(Change::ReplicaSet(id));
        id
    }

    fn set_mut(&mut self, id: ReplicaSetId) -> &mut ReplicaSet {
        self.replica_sets.get_mut(id).expect("only ReplicaSets that exist are written")
    }

    pub fn set_revision(&mut self, id: ReplicaSetId, revision: u32) {
        if self.set_mut(id).revision != revision {
            self.set_mut(id).revision = revision;
            self.wrote(Change::ReplicaSet(id));
        }
    }

    /// Sizes a ReplicaSet for a Deployment of `desired` pods.
    pub fn scale_replica_set(&mut self, id: ReplicaSetId, replicas: u32, desired: u32) {
        let set = self.set_mut(id);
        if (set.replicas, set.desired) != (replicas, desired) {
            (set.replicas, set.desired) = (replicas, desired);
            self.wrote(Change::ReplicaSet(id));
        }
    }

    pub fn set_replica_set_status(&mut self, id: ReplicaSetId, status: ReplicaSetStatus) {
        if self.set_mut(id).status != status {
            self.set_mut(id).status = status;
            self.wrote(Change::ReplicaSet(id));
        }
    }

    /// # Panics
    /// If it has pods.
    pub fn remove_replica_set(&mut self, id: ReplicaSetId) {
        assert!(self.pods_of(id).next().is_none(), "a ReplicaSet with pods stays");
        let set = self.replica_sets.remove(id).expect("only ReplicaSets that exist are removed");
        self.sets_of[set.deployment.index()].retain(|&other| other != id);
        self.wrote(Change::Deployment(set.deployment));
    }
}

/// Writing nodes.
impl Store {
    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes.get_mut(id).expect("only nodes that exist are written")
    }

    /// A node that is ready; `agents` is what DaemonSets request on it.
    pub fn add_node(&mut self, node: Node) -> NodeId {
        let vm = node.vm;
        self.promised.0.add(node.requested);
        self.promised.1.add(node.allocatable);
        let id = self.nodes.insert(node);
        self.node_of.insert(vm, id);
        self.node_set += 1;
        self.wrote(Change::NodeAdded(id));
        id
    }

    pub fn set_node_ready(&mut self, id: NodeId, ready: Ready) {
        if self.node_mut(id).ready != ready {
            self.node_mut(id).ready = ready;
            self.wrote(Change::NodeChanged(id));
        }
    }

    /// Adds or removes the `unreachable:NoExecute` taint.
    pub fn set_no_execute(&mut self, id: NodeId, since: Option<SimTime>) {
        if self.node_mut(id).no_execute != since {
            self.node_mut(id).no_execute = since;
            self.wrote(Change::NodeChanged(id));
        }
    }

    pub fn set_to_be_deleted(&mut self, id: NodeId, marked: bool) {
        if self.node_mut(id).to_be_deleted != marked {
            self.node_mut(id).to_be_deleted = marked;
            self.wrote(Change::NodeChanged(id));
        }
    }

    /// Pods bound to it stay, as orphans.
    pub fn remove_node(&mut self, id: NodeId) {
        let node = self.nodes.remove(id).expect("a node is removed once");
        self.promised.0.remove(node.requested);
        self.promised.1.remove(node.allocatable);
        self.node_of.remove(&node.vm);
        self.node_set += 1;
        self.wrote(Change::NodeRemoved(id));
    }

    /// Sum of what is free on nodes that take pods [milli-CPU].
    pub fn free_cpu(&self) -> u64 {
        self.nodes().filter(|(_, n)| n.is_schedulable()).map(|(_, n)| u64::from(free(n).cpu)).sum()
    }
}

/// What of a node is not requested.
pub fn free(node: &Node) -> Resources {
    Resources {
        cpu: node.allocatable.cpu.saturating_sub(node.requested.cpu),
        memory: node.allocatable.memory.saturating_sub(node.requested.memory),
        pods: node.allocatable.pods.saturating_sub(node.requested.pods),
    }
}
