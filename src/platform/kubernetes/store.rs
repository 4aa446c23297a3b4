//! The object store: all objects of the cluster, and the changes that its watchers have not seen yet.
//!
//! Every write goes through a method here; a write that changes something counts the revision up and is put on
//! the change log, from which [`super::Kubernetes`] wakes the controllers that watch such objects. A write that
//! changes nothing is none. Indexes (pods of a node, of a ReplicaSet) are kept here and nowhere else. The store
//! decides nothing.
//!
//! *Deviation:* controllers read the store itself, not a cache that lags behind; only their waking is late. Memory
//! is bounded by the objects that exist: the log is taken after every event.
//!
//! Start at [`Change`].

use super::objects::{
    Deployment, DeploymentId, DeploymentStatus, Endpoints, Hpa, Node, NodeId, Phase, Pod, PodId, Ready,
    ReplicaSet, ReplicaSetId, ReplicaSetStatus, Resources, Template,
};
use crate::engine::SimTime;
use crate::world::{Arena, BoxId, VmId};
use std::collections::{BTreeMap, BTreeSet};

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
    Endpoints(DeploymentId),
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
    /// Pods of each Deployment that are not terminating.
    active: Vec<u32>,
    pods_of: BTreeMap<ReplicaSetId, BTreeSet<PodId>>,
    pods_on: BTreeMap<NodeId, BTreeSet<PodId>>,
    unschedulable: BTreeSet<PodId>,
    node_of: BTreeMap<VmId, NodeId>,
    pod_of: BTreeMap<BoxId, PodId>,
    changes: Vec<Change>,
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
        self.pods_of
            .get(&id)
            .into_iter()
            .flatten()
            .map(|&p| (p, self.pods.get(p).expect("indexed pods exist")))
    }

    /// Pods of all ReplicaSets of a Deployment, terminating ones too.
    pub fn pods_of_deployment(&self, id: DeploymentId) -> impl Iterator<Item = (PodId, &Pod)> {
        self.sets_of(id).iter().flat_map(|&set| self.pods_of(set))
    }

    /// How many pods of a Deployment are not terminating.
    pub fn active_pods(&self, id: DeploymentId) -> u32 {
        self.active[id.index()]
    }

    /// Pods bound to a node, terminating ones too; also of a node that is no more.
    pub fn pods_on(&self, id: NodeId) -> impl Iterator<Item = (PodId, &Pod)> {
        self.pods_on
            .get(&id)
            .into_iter()
            .flatten()
            .map(|&p| (p, self.pods.get(p).expect("indexed pods exist")))
    }

    /// Pods for which the scheduler found no node.
    pub fn unschedulable(&self) -> impl Iterator<Item = (PodId, &Pod)> {
        self.unschedulable.iter().map(|&p| (p, self.pods.get(p).expect("indexed pods exist")))
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
    /// Changes since the last call.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    fn wrote(&mut self, change: Change) {
        self.revision += 1;
        self.changes.push(change);
    }

    pub fn add_deployment(&mut self, deployment: Deployment, hpa: Hpa) -> DeploymentId {
        let id = DeploymentId(self.deployments.len() as u16);
        self.deployments.push(deployment);
        self.hpas.push(hpa);
        self.endpoints.push(Endpoints::default());
        self.sets_of.push(Vec::new());
        self.active.push(0);
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
        self.pods_of.insert(id, BTreeSet::new());
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
        let pods = self.pods_of.remove(&id).expect("only ReplicaSets that exist are removed");
        assert!(pods.is_empty(), "a ReplicaSet with pods stays");
        let set = self.replica_sets.remove(id).expect("seen");
        self.sets_of[set.deployment.index()].retain(|&other| other != id);
        self.wrote(Change::Deployment(set.deployment));
    }
}

/// Writing pods.
impl Store {
    fn pod_mut(&mut self, id: PodId) -> &mut Pod {
        self.pods.get_mut(id).expect("only pods that exist are written")
    }

    pub fn create_pod(&mut self, owner: ReplicaSetId, now: SimTime) -> PodId {
        let set = self.replica_sets.get(owner).expect("a pod has an owner");
        let (deployment, template) = (set.deployment, set.template);
        self.pods_made += 1;
        let number = self.pods_made;
        let id = self.pods.insert(Pod {
            deployment,
            owner,
            template,
            number,
            created: now,
            node: None,
            unschedulable: false,
            started: None,
            phase: Phase::Pending,
            ready: false,
            ready_changed: now,
            restarts: 0,
            terminating: false,
            subject: None,
        });
        self.pods_of.get_mut(&owner).expect("seen").insert(id);
        self.active[deployment.index()] += 1;
        self.wrote(Change::PodCreated(id));
        id
    }

    /// The box behind a pod, or that it is gone. No write: watchers of pods do not see it.
    pub fn attach_box(&mut self, id: PodId, subject: Option<BoxId>) {
        let old = std::mem::replace(&mut self.pod_mut(id).subject, subject);
        if let Some(old) = old {
            self.pod_of.remove(&old);
        }
        if let Some(new) = subject {
            self.pod_of.insert(new, id);
        }
    }

    /// Binds a pod to a node for good.
    pub fn bind(&mut self, id: PodId, node: NodeId) {
        let pod = self.pod_mut(id);
        assert!(pod.node.is_none(), "a pod is bound once");
        (pod.node, pod.unschedulable) = (Some(node), false);
        let requests = pod.template.requests;
        self.unschedulable.remove(&id);
        self.nodes.get_mut(node).expect("pods are bound to nodes that exist").requested.add(requests);
        self.pods_on.get_mut(&node).expect("seen").insert(id);
        self.wrote(Change::PodBound(id));
    }

    pub fn set_unschedulable(&mut self, id: PodId) {
        if !self.pod_mut(id).unschedulable {
            self.pod_mut(id).unschedulable = true;
            self.unschedulable.insert(id);
            self.wrote(Change::PodUnschedulable(id));
        }
    }

    /// The kubelet took the pod on.
    pub fn set_started(&mut self, id: PodId, now: SimTime) {
        self.pod_mut(id).started = Some(now);
    }

    pub fn set_ready(&mut self, id: PodId, ready: bool, now: SimTime) {
        let pod = self.pod_mut(id);
        let phase = if ready { Phase::Running } else { pod.phase };
        if (pod.ready, pod.phase) != (ready, phase) {
            (pod.ready, pod.phase, pod.ready_changed) = (ready, phase, now);
            self.wrote(Change::PodStatus(id));
        }
    }

    /// A container of the pod runs, again if `restart`.
    pub fn set_running(&mut self, id: PodId, restart: bool) {
        let pod = self.pod_mut(id);
        if restart || pod.phase == Phase::Pending {
            pod.phase = Phase::Running;
            pod.restarts += u32::from(restart);
            self.wrote(Change::PodStatus(id));
        }
    }

    /// Deletes a pod in order: at once if it is not bound, else its kubelet ends it first. Harmless if it is
    /// terminating already.
    pub fn delete_pod(&mut self, id: PodId) {
        let pod = self.pod_mut(id);
        if pod.terminating {
            return;
        }
        pod.terminating = true;
        let (deployment, node) = (pod.deployment, pod.node);
        self.active[deployment.index()] -= 1;
        if node.is_none() {
            self.remove_pod(id);
        } else {
            self.wrote(Change::PodTerminating(id));
        }
    }

    /// The pod object is gone.
    pub fn remove_pod(&mut self, id: PodId) {
        let pod = self.pods.remove(id).expect("a pod is removed once");
        self.pods_of.get_mut(&pod.owner).expect("owners outlive their pods").remove(&id);
        self.unschedulable.remove(&id);
        if pod.is_active() {
            self.active[pod.deployment.index()] -= 1;
        }
        if let Some(node) = pod.node {
            if let Some(pods) = self.pods_on.get_mut(&node) {
                pods.remove(&id);
            }
            match self.nodes.get_mut(node) {
                Some(node) => node.requested.remove(pod.template.requests),
                None => self.forget_empty_node(node),
            }
        }
        let Pod { deployment, owner, subject, node, .. } = pod;
        if let Some(subject) = subject {
            self.pod_of.remove(&subject);
        }
        self.wrote(Change::PodRemoved(RemovedPod {
            id,
            deployment,
            owner,
            subject,
            was_bound: node.is_some(),
        }));
    }

    fn forget_empty_node(&mut self, node: NodeId) {
        if self.pods_on.get(&node).is_some_and(BTreeSet::is_empty) {
            self.pods_on.remove(&node);
        }
    }

    pub fn set_endpoints(&mut self, id: DeploymentId, endpoints: Endpoints) {
        if self.endpoints[id.index()] != endpoints {
            self.endpoints[id.index()] = endpoints;
            self.wrote(Change::Endpoints(id));
        }
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
        let id = self.nodes.insert(node);
        self.pods_on.insert(id, BTreeSet::new());
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
        self.node_of.remove(&node.vm);
        self.forget_empty_node(id);
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
