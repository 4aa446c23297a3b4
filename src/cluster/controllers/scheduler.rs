//! The scheduler at work: between the store and [`crate::cluster::scheduler`], which decides.
//!
//! Watches all pods and nodes. Reads pods, nodes, disruption budgets, and the selectors of Services and owners. Writes bindings,
//! PodScheduled=False, nominations, and deletes victims of preemption; each write takes a token of its client (50 a second,
//! 100 at once by default). Follows pkg/scheduler/schedule_one.go of v1.36.2: a pod that was given a node counts as bound for the next
//! cycle, while its binding waits for the client; a binding that fails, as its node went, puts the pod back.
//!
//! *Deviation:* a cycle takes no time. Victims are deleted when their token is there, in order.
//!
//! Start at [`SchedulerController::notice`] and [`SchedulerController::schedule`].

use super::Context;
use crate::cluster::event::Event;
use crate::cluster::objects::{Image, NodeId, Owner, PodId, Selector, TemplateId};
use crate::cluster::queue::TokenBucket;
use crate::cluster::scheduler::{
    Budget, Decision, Failure, Outside, PodKind, Report, Scheduler, SchedulerSettings,
};
use crate::cluster::settings::Settings;
use crate::cluster::store::{Change, Store};
use crate::engine::{Purpose, SimTime, Stream, Streams};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What wakes the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// A pod was made, bound by somebody else, is being deleted, or has ended.
    Pod(PodId),
    PodGone(PodId),
    /// A node came or changed.
    Node(NodeId),
    NodeGone(NodeId),
    /// The client may write again.
    Continue,
}

/// What has to be written.
#[derive(Clone, Debug)]
enum Write {
    Bind(PodId, NodeId),
    Unschedulable(PodId),
    Nominate(PodId, Option<NodeId>),
    Delete(PodId),
}

/// The scheduler, its client, and what waits for it.
#[derive(Debug)]
pub struct SchedulerController {
    scheduler: Scheduler,
    client: TokenBucket,
    writes: VecDeque<Write>,
    /// Why pods that wait were given no node, the last time.
    failures: BTreeMap<PodId, Arc<Failure>>,
    ties: Stream,
    flush_at: Option<SimTime>,
    /// The set of nodes that it has listed.
    listed: Option<u64>,
}

impl SchedulerController {
    pub fn new(settings: &Settings) -> Self {
        // The default takes the first of equal nodes and draws nothing.
        let ties = Streams::new(0, 0).open(Purpose::named("scheduler ties"), &[]);
        Self::with_profile(settings, SchedulerSettings::default(), ties)
    }

    /// Another profile, or ties at random.
    pub fn with_profile(settings: &Settings, profile: SchedulerSettings, ties: Stream) -> Self {
        SchedulerController {
            scheduler: Scheduler::new(profile),
            client: TokenBucket::new(settings.scheduler_rate, settings.scheduler_burst),
            writes: VecDeque::new(),
            failures: BTreeMap::new(),
            ties,
            flush_at: None,
            listed: None,
        }
    }

    /// What a change is to the scheduler; `None` if it need not know.
    pub fn watches(&self, change: Change, store: &Store) -> Option<Wake> {
        match change {
            Change::PodCreated(id) | Change::PodTerminating(id) => Some(Wake::Pod(id)),
            // Its own bindings are no news.
            Change::PodBound(id) => (!self.scheduler.knows_bound(id)).then_some(Wake::Pod(id)),
            Change::PodStatus(id) => {
                store.pod(id).is_some_and(|pod| pod.is_terminal()).then_some(Wake::Pod(id))
            }
            Change::PodRemoved(pod) => Some(Wake::PodGone(pod.id)),
            Change::NodeAdded(id) | Change::NodeChanged(id) => Some(Wake::Node(id)),
            Change::NodeRemoved(id) => Some(Wake::NodeGone(id)),
            Change::Deployment(_)
            | Change::DeploymentScaled(_)
            | Change::ReplicaSet(_)
            | Change::StatefulSet(_)
            | Change::DaemonSet(_)
            | Change::Job(_)
            | Change::JobStatus(_)
            | Change::JobRemoved(_)
            | Change::CronJob(_)
            | Change::PodUnschedulable(_)
            | Change::Budget(_)
            | Change::Slice(..)
            | Change::Service(_)
            | Change::Endpoint(..) => None,
        }
    }

    /// Takes note of a change.
    pub fn notice(&mut self, wake: Wake, store: &Store, now: SimTime) {
        match wake {
            Wake::Pod(id) => self.see_pod(id, store, now),
            Wake::PodGone(id) => {
                self.failures.remove(&id);
                self.scheduler.pod_gone(id, now);
            }
            Wake::Node(id) => self.see_node(id, store, now),
            Wake::NodeGone(id) => self.scheduler.node_removed(id),
            Wake::Continue => {}
        }
    }

    fn see_pod(&mut self, id: PodId, store: &Store, now: SimTime) {
        let Some(pod) = store.pod(id) else { return };
        if pod.is_terminal() {
            return self.scheduler.pod_gone(id, now);
        }
        if self.scheduler.knows_bound(id) {
            self.failures.remove(&id);
            if pod.is_terminating() {
                self.scheduler.pod_terminating(id);
            }
            return;
        }
        let siblings = siblings(pod.owner, pod.template, store);
        let kind = kind(pod.template, siblings.as_deref(), store);
        match pod.node {
            None => self.scheduler.pod_made(id, kind, now),
            Some(node) => {
                self.failures.remove(&id);
                self.scheduler.pod_bound(id, kind, node, pod.is_terminating(), now);
                if pod.is_terminating() {
                    self.scheduler.pod_terminating(id);
                }
            }
        }
    }

    fn see_node(&mut self, id: NodeId, store: &Store, now: SimTime) {
        let Some(node) = store.node(id) else { return };
        if self.scheduler.knows_node(id) {
            return self.scheduler.node_updated(id, node, now);
        }
        // What is taken though no pod takes it.
        let mut overhead = node.requested;
        for (_, pod) in store.pods_on(id).filter(|(_, pod)| !pod.is_terminal()) {
            overhead.remove(store.template(pod.template).requests);
        }
        self.scheduler.node_added(id, node, overhead, now);
    }

    /// Pods that have been unschedulable for five minutes are tried again.
    pub fn flush(&mut self, cx: &mut Context<'_>) {
        self.flush_at = None;
        self.scheduler.flush(cx.now);
        self.arm_flush(cx);
    }

    fn arm_flush(&mut self, cx: &mut Context<'_>) {
        if self.flush_at.is_none()
            && let Some(at) = self.scheduler.next_flush()
        {
            self.flush_at = Some(at);
            cx.at(at, Event::FlushUnschedulable);
        }
    }

    /// Runs scheduling cycles until no pod is to be tried, and writes what the client allows; gives back when to go on.
    pub fn schedule(&mut self, cx: &mut Context<'_>) -> Option<SimTime> {
        loop {
            while let Some(write) = self.writes.pop_front() {
                if !self.client.take(cx.now) {
                    self.writes.push_front(write);
                    break;
                }
                self.write(write, cx);
            }
            let Some(decision) = self.cycle(cx.store, cx.now) else { break };
            self.note(decision);
        }
        self.arm_flush(cx);
        if self.writes.is_empty() { None } else { self.client.next(cx.now) }
    }

    fn cycle(&mut self, store: &Store, now: SimTime) -> Option<Decision> {
        let started = |pod: PodId| store.pod(pod).and_then(|pod| pod.started);
        let of_store = |id| {
            let budget = store.budget(id);
            Budget { selector: &budget.selector, allowed: budget.status.allowed }
        };
        let budgets: Vec<Budget<'_>> = store.budgets().map(of_store).collect();
        let mut outside = Outside { now, budgets: &budgets, started: &started, stream: &mut self.ties };
        self.scheduler.schedule_one(&mut outside)
    }

    /// Queues what follows from a decision.
    fn note(&mut self, decision: Decision) {
        match decision {
            Decision::Bind { pod, node } => {
                self.failures.remove(&pod);
                self.writes.push_back(Write::Bind(pod, node));
            }
            Decision::Unschedulable(pod, failure) => {
                // The condition is written when its message changes.
                let says_the_same = |old: &Arc<Failure>| {
                    Arc::ptr_eq(old, &failure)
                        || (&old.reasons, &old.preemption) == (&failure.reasons, &failure.preemption)
                };
                if !self.failures.get(&pod).is_some_and(says_the_same) {
                    self.writes.push_back(Write::Unschedulable(pod));
                }
                if let Some(nomination) = &failure.nomination {
                    self.writes.push_back(Write::Nominate(pod, Some(nomination.node)));
                    self.writes
                        .extend(nomination.displaced.iter().map(|&other| Write::Nominate(other, None)));
                    self.writes.extend(nomination.victims.iter().map(|&victim| Write::Delete(victim)));
                } else if failure.denominated {
                    self.writes.push_back(Write::Nominate(pod, None));
                }
                self.failures.insert(pod, failure);
            }
        }
    }

    fn write(&mut self, write: Write, cx: &mut Context<'_>) {
        let store = &mut *cx.store;
        match write {
            Write::Bind(pod, node) => {
                if store.pod(pod).is_none_or(|p| p.node.is_some() || p.is_terminating()) {
                    return;
                }
                if store.node(node).is_some() {
                    store.bind(pod, node);
                } else {
                    // The node went while the binding waited.
                    self.scheduler.pod_gone(pod, cx.now);
                    self.see_pod(pod, store, cx.now);
                }
            }
            Write::Unschedulable(pod) => {
                if store.pod(pod).is_some_and(|p| p.node.is_none()) && !self.scheduler.knows_bound(pod) {
                    store.set_unschedulable(pod);
                }
            }
            Write::Nominate(pod, node) => {
                if store.pod(pod).is_some_and(|p| p.node.is_none()) {
                    store.set_nominated(pod, node);
                }
            }
            Write::Delete(pod) => {
                if store.pod(pod).is_some() {
                    store.delete_pod(pod, cx.now);
                }
            }
        }
    }

    /// Images on a node, with their sizes [bytes].
    pub fn node_images(&mut self, id: NodeId, images: Vec<(Image, u64)>) {
        self.scheduler.node_images(id, images);
    }

    /// The node that a pod gets that has been running since before the start; from now on it counts as bound there.
    pub fn choose(&mut self, pod: PodId, store: &Store) -> Option<NodeId> {
        let now = SimTime::ZERO;
        if self.listed != Some(store.node_set()) {
            self.listed = Some(store.node_set());
            for (id, _) in store.nodes() {
                if !self.scheduler.knows_node(id) {
                    self.see_node(id, store, now);
                }
            }
        }
        self.see_pod(pod, store, now);
        match self.cycle(store, now) {
            Some(Decision::Bind { node, .. }) => Some(node),
            _ => {
                self.scheduler.pod_gone(pod, now);
                None
            }
        }
    }

    /// What every plugin makes of every node for a pod that waits or could.
    pub fn report(&mut self, pod: PodId, store: &Store) -> Option<Report> {
        let pod = store.pod(pod)?;
        let siblings = siblings(pod.owner, pod.template, store);
        Some(self.scheduler.report(kind(pod.template, siblings.as_deref(), store)))
    }

    /// Why a pod that waits was given no node, the last time.
    pub fn failure(&self, pod: PodId) -> Option<&Failure> {
        self.failures.get(&pod).map(Arc::as_ref)
    }
}

fn kind<'a>(id: TemplateId, siblings: Option<&'a Selector>, store: &'a Store) -> PodKind<'a> {
    PodKind { id, template: store.template(id), siblings }
}

/// What the default spread counts with a pod: selectors of its Services and its owner at once (helper/spread.go).
fn siblings(owner: Owner, template: TemplateId, store: &Store) -> Option<Cow<'_, Selector>> {
    let owner = match owner {
        Owner::ReplicaSet(set) => store.replica_set(set).map(|set| &set.selector),
        Owner::StatefulSet(set, _) => Some(&store.stateful_set(set).selector),
        Owner::None | Owner::DaemonSet(_) | Owner::Job(_) => None,
    };
    let services = store.template(template).services.iter().map(|&service| &store.service(service).selector);
    let mut all = services.chain(owner).filter(|selector| !selector.0.is_empty());
    let first = all.next()?;
    Some(all.fold(Cow::Borrowed(first), |both, more| Cow::Owned(both.into_owned().and(more))))
}
