//! The object store: all objects of the cluster, and the changes that its watchers have not seen yet.
//!
//! Every write goes through a method here; a write that changes something counts the revision up and is put on
//! the change log, from which the controllers that watch such objects are woken. A write that changes nothing is
//! none. What follows from the pods (those of an owner or a node, how many are ready) is kept in [`index`] and nowhere
//! else. The store decides nothing.
//!
//! *Deviation:* controllers read the store itself, not a cache that lags behind; only their waking is late. Memory
//! is bounded by the objects that exist: the log is taken after every event, and a template goes with the last object
//! that refers to it.
//!
//! Start at [`Change`]; writing is in `pods`, `nodes`, `workloads`, `sets`, `jobs`, `budgets` and
//! `templates`.

mod budgets;
mod index;
mod jobs;
mod nodes;
mod pods;
mod sets;
mod templates;
mod workloads;

use super::objects::{
    BudgetId, CronJob, CronJobId, DaemonSet, DaemonSetId, Deployment, DeploymentId, DisruptionBudget,
    EndpointFlags, Endpoints, Job, JobId, Labels, Name, Names, Node, NodeId, Owner, Pod, PodId, PodSpec,
    ReplicaSet, ReplicaSetId, ReplicaSetStatus, Resources, Selector, Service, ServiceId, SliceNumber,
    StatefulSet, StatefulSetId, Template, TemplateId,
};
use crate::engine::Arena;
use index::PodIndex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// One write, as watchers see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its spec or status.
    Deployment(DeploymentId),
    /// Its wanted number of pods changed.
    DeploymentScaled(DeploymentId),
    /// Its spec or status.
    ReplicaSet(ReplicaSetId),
    /// Its spec.
    StatefulSet(StatefulSetId),
    /// Its spec.
    DaemonSet(DaemonSetId),
    /// It is new, or its spec.
    Job(JobId),
    JobStatus(JobId),
    JobRemoved(RemovedJob),
    /// Its spec or status.
    CronJob(CronJobId),
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
    /// Its spec or status.
    Budget(BudgetId),
    /// An EndpointSlice of a Service.
    Slice(ServiceId, SliceNumber),
    /// A pod gets requests by a slice, no more, or only where no other is ready.
    Endpoint(ServiceId, PodId),
    /// Its selector.
    Service(ServiceId),
}

/// What a watcher may need of a pod that is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedPod {
    pub id: PodId,
    pub owner: Owner,
    pub template: TemplateId,
    pub node: Option<NodeId>,
}

/// What a watcher may need of a Job that is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemovedJob {
    pub id: JobId,
    pub made_by: Option<CronJobId>,
}

/// All objects.
#[derive(Debug, Default)]
pub struct Store {
    names: Names,
    templates: Arena<TemplateId, Template>,
    /// Templates by the fingerprint of their spec; two of one fingerprint are told apart by their specs.
    template_of: BTreeMap<u64, Vec<TemplateId>>,
    deployments: Vec<Deployment>,
    replica_sets: Arena<ReplicaSetId, ReplicaSet>,
    sets_of: Vec<Vec<ReplicaSetId>>,
    stateful_sets: Vec<StatefulSet>,
    daemon_sets: Vec<DaemonSet>,
    jobs: Arena<JobId, Job>,
    cron_jobs: Vec<CronJob>,
    jobs_of: Vec<Vec<JobId>>,
    services: Vec<Service>,
    budgets: Vec<DisruptionBudget>,
    pods: Arena<PodId, Pod>,
    nodes: Arena<NodeId, Node>,
    index: PodIndex,
    /// Pods of each Service whose endpoint is not what the pod is.
    unlisted: Vec<BTreeSet<PodId>>,
    changes: VecDeque<Change>,
    /// Template of the removed pod that watchers hear of now: it goes when they have.
    last_seen: Option<TemplateId>,
    /// Requests on all nodes, and what the nodes have for them.
    promised: (Resources, Resources),
    revision: u64,
    /// Counts every addition and removal of a node.
    node_set: u64,
    pods_made: u32,
    templates_made: u32,
}

/// Reading.
impl Store {
    /// Grows with every write.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn names(&self) -> &Names {
        &self.names
    }

    pub fn intern(&mut self, text: &str) -> Name {
        self.names.intern(text)
    }

    /// What is requested on all nodes, of what is allocatable.
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

    pub fn deployments(&self) -> impl Iterator<Item = DeploymentId> {
        (0..self.deployments.len() as u32).map(DeploymentId)
    }

    pub fn replica_set(&self, id: ReplicaSetId) -> Option<&ReplicaSet> {
        self.replica_sets.get(id)
    }

    /// ReplicaSets of a Deployment, oldest first.
    pub fn sets_of(&self, id: DeploymentId) -> &[ReplicaSetId] {
        &self.sets_of[id.index()]
    }

    /// # Panics
    /// If nothing refers to it any more.
    pub fn template(&self, id: TemplateId) -> &Template {
        self.templates.get(id).expect("a template stays as long as an object refers to it")
    }

    pub fn pod(&self, id: PodId) -> Option<&Pod> {
        self.pods.get(id)
    }

    pub fn pods(&self) -> impl Iterator<Item = (PodId, &Pod)> {
        self.pods.iter()
    }

    /// Spec of a pod, shared with its siblings.
    pub fn spec_of(&self, pod: &Pod) -> &PodSpec {
        &self.template(pod.template).spec
    }

    /// The Deployment behind a pod, if there is one.
    pub fn deployment_of(&self, owner: Owner) -> Option<DeploymentId> {
        match owner {
            Owner::ReplicaSet(set) => self.replica_set(set)?.owner,
            _ => None,
        }
    }

    /// Pods of an owner, terminating ones too.
    pub fn pods_of(&self, owner: Owner) -> impl Iterator<Item = (PodId, &Pod)> {
        self.index.of_owner(owner).map(|p| self.indexed(p))
    }

    /// Pods of a ReplicaSet that are active, and of those the ready ones. What is available takes a look at the pods.
    pub fn counts(&self, id: ReplicaSetId) -> ReplicaSetStatus {
        self.index.counts(id)
    }

    /// Pods of all ReplicaSets of a Deployment, terminating ones too.
    pub fn pods_of_deployment(&self, id: DeploymentId) -> impl Iterator<Item = (PodId, &Pod)> {
        self.sets_of(id).iter().flat_map(|&set| self.pods_of(Owner::ReplicaSet(set)))
    }

    /// How many pods of a Deployment are active.
    pub fn active_pods(&self, id: DeploymentId) -> u32 {
        self.sets_of(id).iter().map(|&set| self.counts(set).replicas).sum()
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

    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// All indices of nodes are smaller.
    pub fn node_places(&self) -> usize {
        self.nodes.places()
    }

    pub fn services(&self) -> impl Iterator<Item = ServiceId> {
        (0..self.services.len() as u32).map(ServiceId)
    }

    pub fn service(&self, id: ServiceId) -> &Service {
        &self.services[id.index()]
    }

    pub fn endpoints(&self, id: ServiceId) -> &Endpoints {
        &self.services[id.index()].endpoints
    }

    /// Pods of a Service whose endpoint is not what the pod is now; also of pods that are no more.
    pub fn unlisted(&self, id: ServiceId) -> &BTreeSet<PodId> {
        &self.unlisted[id.index()]
    }
}

/// Changes.
impl Store {
    /// The oldest change that was not taken yet. What it tells of a removed pod can be looked up until the next is taken.
    pub fn take_change(&mut self) -> Option<Change> {
        if let Some(template) = self.last_seen.take() {
            self.release(template);
        }
        let change = self.changes.pop_front();
        if let Some(Change::PodRemoved(pod)) = change {
            self.last_seen = Some(pod.template);
        }
        change
    }

    fn wrote(&mut self, change: Change) {
        self.revision += 1;
        self.changes.push_back(change);
    }
}

/// Services and their endpoints.
impl Store {
    /// A Service that selects pods.
    pub fn add_service(&mut self, selector: Labels) -> ServiceId {
        let id = ServiceId(self.services.len() as u32);
        let service = Service { selector: Selector::of_labels(&selector), endpoints: Endpoints::default() };
        self.templates.iter_mut().for_each(|(_, template)| {
            if service.selector.matches(&template.spec.labels) {
                template.services.push(id);
            }
        });
        self.services.push(service);
        self.unlisted.push(BTreeSet::new());
        let selected: Vec<PodId> = self.pods.iter().map(|(pod, _)| pod).collect();
        for pod in selected {
            let template = self.pods.get(pod).expect("just listed").template;
            if self.template(template).services.contains(&id) {
                self.compare_listing(id, pod);
            }
        }
        id
    }

    /// From now on a Service selects other pods.
    pub fn set_selector(&mut self, id: ServiceId, selector: &Labels) {
        let selector = Selector::of_labels(selector);
        if self.services[id.index()].selector == selector {
            return;
        }
        self.templates.iter_mut().for_each(|(_, template)| {
            template.services.retain(|&other| other != id);
            if selector.matches(&template.spec.labels) {
                template.services.push(id);
                template.services.sort_unstable();
            }
        });
        self.services[id.index()].selector = selector;
        let pods: Vec<PodId> = self.pods.iter().map(|(pod, _)| pod).collect();
        for pod in pods {
            self.compare_listing(id, pod);
        }
        self.wrote(Change::Service(id));
    }

    /// As what a pod belongs into the endpoints of a Service: not at all, if it is not selected.
    pub fn wanted_endpoint(&self, service: ServiceId, id: PodId) -> Option<EndpointFlags> {
        let pod = self.pods.get(id)?;
        pod.endpoint().filter(|_| self.template(pod.template).services.contains(&service))
    }

    /// Writes one EndpointSlice: lists pods in it otherwise, or no more.
    pub fn write_slice(
        &mut self,
        id: ServiceId,
        slice: SliceNumber,
        listings: &[(PodId, Option<EndpointFlags>)],
    ) {
        self.wrote(Change::Slice(id, slice));
        for &(pod, flags) in listings {
            let is_news = self.services[id.index()].endpoints.set(pod, flags.map(|f| (slice, f)));
            self.note_listing(id, pod, flags);
            if is_news {
                self.wrote(Change::Endpoint(id, pod));
            }
        }
    }

    /// Notes whether a pod and its endpoint say the same.
    fn compare_listing(&mut self, service: ServiceId, id: PodId) {
        self.note_listing(service, id, self.endpoints(service).flags(id));
    }

    /// Notes whether a pod, which is listed like this, and its endpoint say the same.
    fn note_listing(&mut self, service: ServiceId, id: PodId, listed: Option<EndpointFlags>) {
        let wanted = self.wanted_endpoint(service, id);
        let unlisted = &mut self.unlisted[service.index()];
        if listed == wanted {
            unlisted.remove(&id);
        } else {
            unlisted.insert(id);
        }
    }
}
