//! A Kubernetes control plane (v1.36) as a library: objects, a store, a scheduler and controllers.
//!
//! Knows no world: no machines, no requests, no money. Whoever runs it plays kubelets, people and the clock; the platform of
//! a scenario does, and so does the check against recorded runs of the real control plane.
//!
//! [`store`] holds objects ([`objects`]); every write is a change that wakes the work queues of those who watch such
//! objects, after the watch latency. [`controllers`] are woken with keys, read the store and write what they own; none
//! calls another. [`Cluster::take_change`] is the list of who watches what.
//!
//! ```text
//! loop {
//!     while let Some(change) = cluster.take_change(now) { /* what kubelets and others do about it */ }
//!     for (time, event) in cluster.take_events() { /* into the event queue */ }
//!     /* the next event */
//!     cluster.handle(event, now);
//! }
//! ```
//!
//! Start at [`Cluster`].

pub mod controllers;
pub mod event;
pub mod eviction;
pub mod objects;
pub mod queue;
pub mod scheduler;
pub mod settings;
pub mod store;

use crate::engine::SimTime;
use controllers::cron_job::CronJobController;
use controllers::deployment::DeploymentController;
use controllers::disruption::DisruptionController;
use controllers::endpoints::EndpointSliceController;
use controllers::job::JobController;
use controllers::node_lifecycle::NodeLifecycle;
use controllers::pod_gc::PodGc;
use controllers::replica_set::ReplicaSetController;
use controllers::scheduler::{SchedulerController, Wake};
use controllers::taint_eviction::TaintEviction;
use controllers::{Agenda, Context, daemon_set, endpoints, stateful_set};
use event::Event;
use objects::{
    BudgetId, CronJobId, DaemonSetId, JobId, Node, NodeId, PodId, ReplicaSetId, ServiceId, StatefulSetId,
    TemplateId,
};
use queue::{Alarm, WorkQueue};
use settings::Settings;
use store::{Change, Store};

/// The control plane.
#[derive(Debug)]
pub struct Cluster {
    pub settings: Settings,
    pub store: Store,
    agenda: Agenda,
    queues: Queues,
    alarm: Alarm,
    deployment: DeploymentController,
    replica_set: ReplicaSetController,
    job: JobController,
    cron_job: CronJobController,
    pub scheduler: SchedulerController,
    node_lifecycle: NodeLifecycle,
    pod_gc: PodGc,
    taint_eviction: TaintEviction,
    disruption: DisruptionController,
    endpoints: EndpointSliceController,
}

/// What waits for each controller.
#[derive(Debug, Default)]
struct Queues {
    deployment: WorkQueue<objects::DeploymentId>,
    replica_set: WorkQueue<ReplicaSetId>,
    stateful_set: WorkQueue<StatefulSetId>,
    daemon_set: WorkQueue<DaemonSetId>,
    job: WorkQueue<JobId>,
    cron_job: WorkQueue<CronJobId>,
    scheduler: WorkQueue<Wake>,
    endpoints: WorkQueue<ServiceId>,
    taint_eviction: WorkQueue<NodeId>,
    disruption: WorkQueue<BudgetId>,
}

/// What a controller works with, borrowed beside that controller.
macro_rules! context {
    ($cluster:ident, $now:expr) => {
        Context {
            now: $now,
            store: &mut $cluster.store,
            settings: &$cluster.settings,
            agenda: &mut $cluster.agenda,
        }
    };
}

impl Cluster {
    pub fn new(settings: Settings) -> Cluster {
        Cluster {
            store: Store::default(),
            agenda: Agenda::default(),
            queues: Queues::default(),
            alarm: Alarm::default(),
            deployment: DeploymentController::default(),
            replica_set: ReplicaSetController::new(&settings),
            job: JobController::new(&settings),
            cron_job: CronJobController::new(&settings),
            scheduler: SchedulerController::new(&settings),
            node_lifecycle: NodeLifecycle::default(),
            pod_gc: PodGc::default(),
            taint_eviction: TaintEviction::default(),
            disruption: DisruptionController::new(&settings),
            endpoints: EndpointSliceController::new(&settings),
            settings,
        }
    }

    /// The oldest change that was not seen yet: those who watch such objects will be woken.
    pub fn take_change(&mut self, now: SimTime) -> Option<Change> {
        let change = self.store.take_change()?;
        let visible = now + self.settings.watch_latency;
        let Cluster { queues, store, scheduler, .. } = self;
        if let Some(wake) = scheduler.watches(change, store) {
            queues.scheduler.add(wake, visible);
        }
        match change {
            Change::Deployment(id) | Change::DeploymentScaled(id) => queues.deployment.add(id, visible),
            Change::ReplicaSet(id) => {
                queues.replica_set.add(id, visible);
                if let Some(deployment) = store.replica_set(id).and_then(|set| set.owner) {
                    queues.deployment.add(deployment, visible);
                }
            }
            Change::StatefulSet(id) => queues.stateful_set.add(id, visible),
            Change::DaemonSet(id) => queues.daemon_set.add(id, visible),
            Change::Job(id) | Change::JobStatus(id) => {
                let finished = store.job(id).is_some_and(|job| job.status.finished().is_some());
                let at_once = finished || matches!(change, Change::Job(_));
                queues.job.add(id, if at_once { visible } else { visible + controllers::job::BATCH });
                if let Some((cron_job, _)) = store.job(id).and_then(|job| job.made_by) {
                    queues.cron_job.add(cron_job, visible);
                }
            }
            Change::JobRemoved(job) => {
                queues.job.add(job.id, visible);
                job.made_by.into_iter().for_each(|cron_job| queues.cron_job.add(cron_job, visible));
            }
            Change::CronJob(id) => queues.cron_job.add(id, visible),
            Change::PodCreated(id) => {
                queues.add_owner(id, store, visible);
                queues.add_budgets(store.pod(id).map(|pod| pod.template), store, visible);
            }
            Change::PodStatus(id) | Change::PodTerminating(id) => {
                queues.add_owner(id, store, visible);
                queues.add_endpoints(id, store, visible);
                queues.add_budgets(store.pod(id).map(|pod| pod.template), store, visible);
                if let Some(node) = store.pod(id).filter(|pod| pod.is_terminating()).and_then(|pod| pod.node)
                {
                    self.pod_gc.on_terminating(node, &mut context!(self, now));
                }
            }
            Change::Budget(id) => queues.disruption.add(id, visible),
            Change::Service(id) => queues.endpoints.add(id, visible),
            Change::PodRemoved(pod) => {
                queues.add_budgets(Some(pod.template), store, visible);
                queues.add_owner_itself(pod.owner, visible);
                for &service in &store.template(pod.template).services {
                    queues.endpoints.add(service, visible);
                }
                // A Deployment that replaces all pods at once waits for the last old one.
                if let Some(deployment) = store.deployment_of(pod.owner)
                    && store.deployment(deployment).strategy == objects::Strategy::Recreate
                {
                    queues.deployment.add(deployment, visible);
                }
            }
            Change::NodeAdded(id) | Change::NodeChanged(id) => {
                store.daemon_sets().for_each(|set| queues.daemon_set.add(set, visible));
                queues.taint_eviction.add(id, visible);
                self.node_lifecycle.on_node_changed(id, &mut context!(self, now));
                self.pod_gc.on_terminating(id, &mut context!(self, now));
            }
            Change::NodeRemoved(id) => {
                store.daemon_sets().for_each(|set| queues.daemon_set.add(set, visible));
                self.pod_gc.on_node_removed(id, &mut context!(self, now));
                self.node_lifecycle.on_node_removed(id, &mut context!(self, now));
            }
            Change::PodBound(id) => {
                let node = store.pod(id).and_then(|pod| pod.node);
                if let Some(node) = node.filter(|&node| store.node(node).is_some_and(Node::evicts)) {
                    queues.taint_eviction.add(node, visible);
                }
            }
            Change::PodUnschedulable(_) | Change::Slice(..) | Change::Endpoint(..) => {}
        }
        Some(change)
    }

    /// What was written until now is no news to anybody: controllers start from what is there.
    pub fn forget_changes(&mut self, now: SimTime) {
        while let Some(change) = self.store.take_change() {
            // The scheduler has a view of its own, which begins with a list of everything.
            if let Some(wake) = self.scheduler.watches(change, &self.store) {
                self.scheduler.notice(wake, &self.store, now);
            }
        }
    }

    /// Events to hand back when it is time. The one that wakes controllers is asked for once.
    pub fn take_events(&mut self) -> impl Iterator<Item = (SimTime, Event)> {
        let wake = self.alarm.set(self.queues.next());
        self.agenda.0.extend(wake.map(|at| (at, Event::Wake)));
        self.agenda.0.drain(..)
    }

    /// An event that was asked for.
    pub fn handle(&mut self, event: Event, now: SimTime) {
        match event {
            Event::Wake => {
                self.alarm.rings(now);
                self.wake(now);
            }
            Event::CheckProgress(id) => self.queues.deployment.add(id, now),
            Event::FlushUnschedulable => {
                self.scheduler.flush(&mut context!(self, now));
                self.queues.scheduler.add(Wake::Continue, now);
            }
            Event::MonitorNodes => self.node_lifecycle.monitor(&mut context!(self, now)),
            Event::TaintNext { zone } => self.node_lifecycle.on_token(zone, &mut context!(self, now)),
            Event::EvictPods(node) => self.taint_eviction.on_time(node, &mut context!(self, now)),
            Event::CollectOrphans => self.pod_gc.collect(&mut context!(self, now)),
        }
    }

    /// Leases of a node are overdue, or come again. Seen in the controller's next look at all nodes.
    pub fn on_heartbeat(&mut self, node: NodeId, alive: bool, now: SimTime) {
        self.node_lifecycle.on_heartbeat(node, alive, &mut context!(self, now));
    }

    /// The status of a budget follows the pods at once, for a cluster that has been running for a while.
    pub fn count_budget(&mut self, id: BudgetId, now: SimTime) {
        self.disruption.sync(id, &mut context!(self, now));
    }

    /// Endpoints follow the pods at once, for a cluster that has been running for a while.
    pub fn list_endpoints(&mut self, service: ServiceId, now: SimTime) {
        endpoints::list(service, &mut context!(self, now));
    }

    /// Controllers work off what they can see.
    fn wake(&mut self, now: SimTime) {
        while let Some(id) = self.queues.deployment.take(now) {
            self.deployment.sync(id, &mut context!(self, now));
        }
        while let Some(id) = self.queues.replica_set.take(now) {
            if let Some(later) = self.replica_set.sync(id, &mut context!(self, now)) {
                self.queues.replica_set.add(id, later);
            }
        }
        while let Some(id) = self.queues.stateful_set.take(now) {
            if let Some(later) = stateful_set::sync(id, &mut context!(self, now)) {
                self.queues.stateful_set.add(id, later);
            }
        }
        while let Some(id) = self.queues.daemon_set.take(now) {
            if let Some(later) = daemon_set::sync(id, &mut context!(self, now)) {
                self.queues.daemon_set.add(id, later);
            }
        }
        while let Some(id) = self.queues.job.take(now) {
            if let Some(later) = self.job.sync(id, &mut context!(self, now)) {
                self.queues.job.add(id, later);
            }
        }
        while let Some(id) = self.queues.cron_job.take(now) {
            if let Some(later) = self.cron_job.sync(id, &mut context!(self, now)) {
                self.queues.cron_job.add(id, later);
            }
        }
        self.wake_scheduler(now);
        while let Some(id) = self.queues.endpoints.take(now) {
            if let Some(later) = self.endpoints.sync(id, &mut context!(self, now)) {
                self.queues.endpoints.add(id, later);
            }
        }
        while let Some(id) = self.queues.taint_eviction.take(now) {
            self.taint_eviction.sync(id, &mut context!(self, now));
        }
        while let Some(id) = self.queues.disruption.take(now) {
            if let Some(later) = self.disruption.sync(id, &mut context!(self, now)) {
                self.queues.disruption.add(id, later);
            }
        }
    }

    /// The scheduler does, if there is something. Says whether there was.
    pub fn wake_scheduler(&mut self, now: SimTime) -> bool {
        let Some(first) = self.queues.scheduler.take(now) else { return false };
        self.scheduler.notice(first, &self.store, now);
        while let Some(wake) = self.queues.scheduler.take(now) {
            self.scheduler.notice(wake, &self.store, now);
        }
        if let Some(later) = self.scheduler.schedule(&mut context!(self, now)) {
            self.queues.scheduler.add(Wake::Continue, later);
        }
        true
    }
}

#[cfg(test)]
impl Cluster {
    /// Has every controller look at every object, whether something changed or not.
    pub fn wake_all(&mut self, now: SimTime) {
        for deployment in self.store.deployments() {
            self.queues.deployment.add(deployment, now);
            for &set in self.store.sets_of(deployment) {
                self.queues.replica_set.add(set, now);
            }
        }
        let jobs: Vec<JobId> = self.store.jobs().map(|(job, _)| job).collect();
        jobs.into_iter().for_each(|job| self.queues.job.add(job, now));
        self.store.cron_jobs().for_each(|cron_job| self.queues.cron_job.add(cron_job, now));
        for service in self.store.services() {
            self.queues.endpoints.add(service, now);
        }
        for (node, _) in self.store.nodes() {
            self.queues.taint_eviction.add(node, now);
        }
        self.wake(now);
    }
}

impl Queues {
    /// When the next controller has something to see.
    fn next(&self) -> SimTime {
        let Queues {
            deployment,
            replica_set,
            stateful_set,
            daemon_set,
            job,
            cron_job,
            scheduler,
            endpoints,
            taint_eviction,
            disruption,
        } = self;
        let of_sets = replica_set.next().min(stateful_set.next()).min(daemon_set.next());
        let of_workloads = deployment.next().min(of_sets).min(job.next()).min(cron_job.next());
        let of_pods =
            scheduler.next().min(endpoints.next()).min(taint_eviction.next()).min(disruption.next());
        of_workloads.min(of_pods)
    }

    fn add_owner(&mut self, pod: PodId, store: &Store, visible: SimTime) {
        if let Some(pod) = store.pod(pod) {
            self.add_owner_itself(pod.owner, visible);
        }
    }

    fn add_owner_itself(&mut self, owner: objects::Owner, visible: SimTime) {
        match owner {
            objects::Owner::ReplicaSet(set) => self.replica_set.add(set, visible),
            objects::Owner::StatefulSet(set, _) => self.stateful_set.add(set, visible),
            objects::Owner::DaemonSet(set) => self.daemon_set.add(set, visible),
            // Batched: pods of a Job often end together.
            objects::Owner::Job(job) => self.job.add(job, visible + controllers::job::BATCH),
            objects::Owner::None => {}
        }
    }

    /// Budgets that select pods of this template.
    fn add_budgets(&mut self, template: Option<TemplateId>, store: &Store, visible: SimTime) {
        if let Some(template) = template {
            for &budget in &store.template(template).budgets {
                self.disruption.add(budget, visible);
            }
        }
    }

    fn add_endpoints(&mut self, pod: PodId, store: &Store, visible: SimTime) {
        if let Some(pod) = store.pod(pod) {
            for &service in &store.template(pod.template).services {
                self.endpoints.add(service, visible);
            }
        }
    }
}
