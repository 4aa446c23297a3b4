//! Scheduler: finds a node for each new pod, one pod at a time.
//!
//! Watches pods that are not bound, removals of bound pods, and nodes. Reads nodes and pods. Writes bindings and the
//! condition PodScheduled=False. Follows pkg/scheduler of v1.36.2 with the default profile: the nodes in order of
//! zones ([`order`]), the filters node fit and taints, sampling of large clusters, the scores of [`score`], the
//! queues of [`queue`]. Of nodes with the same score the first examined wins, and where the examination begins
//! moves on from pod to pod.
//!
//! *Deviation:* no affinities, preemption, volumes or ports, no image locality score; a sampling quota is cut off
//! exactly instead of by 16 threads. A cycle takes no time; binds are limited by the client's rate.
//!
//! Start at [`Scheduler::schedule`].

mod order;
mod queue;
mod score;

use super::Context;
use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::objects::{NodeId, Pod, PodId};
use crate::platform::kubernetes::parameters::ControlPlaneParameters;
use crate::platform::kubernetes::queue::TokenBucket;
use crate::platform::kubernetes::store::Store;
use order::NodeOrder;
use queue::SchedulingQueue;

/// What wakes the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wake {
    /// A pod without node.
    Pod(PodId),
    /// A node came or changed.
    Node(NodeId),
    /// A bound pod is gone: there is room.
    Room,
    /// The client may write again.
    Continue,
}

/// The scheduler.
#[derive(Debug)]
pub struct Scheduler {
    queue: SchedulingQueue,
    order: NodeOrder,
    client: TokenBucket,
    score: score::Scratch,
    flush_at: Option<SimTime>,
}

/// How often pods that have waited for long are looked for.
const FLUSH_PERIOD: SimDuration = SimDuration::from_secs(30);
/// How long a pod waits without an event that might help it.
const UNSCHEDULABLE_MAX: SimDuration = SimDuration::from_mins(5);

impl Scheduler {
    pub fn new(p: &ControlPlaneParameters) -> Self {
        Scheduler {
            queue: SchedulingQueue::default(),
            order: NodeOrder::default(),
            client: TokenBucket::new(p.scheduler_rate.per_second(), p.scheduler_burst),
            score: score::Scratch::default(),
            flush_at: None,
        }
    }

    /// Takes note of a change.
    pub fn notice(&mut self, wake: Wake, cx: &Context<'_>) {
        match wake {
            Wake::Pod(pod) => {
                if cx.store.pod(pod).is_some_and(|p| p.node.is_none()) {
                    self.queue.add(pod, cx.now);
                }
            }
            // A node helps a pod that would fit on it if it were empty.
            Wake::Node(node) => {
                let Some(node) = cx.store.node(node).filter(|n| n.is_schedulable()) else { return };
                let fits =
                    |pod: &Pod| pod.template.requests.leaves_room(Default::default(), node.allocatable);
                self.queue.move_waiting(|pod| cx.store.pod(pod).is_some_and(fits), cx.now);
            }
            Wake::Room => self.queue.move_waiting(|_| true, cx.now),
            Wake::Continue => {}
        }
    }

    /// Pods that have been unschedulable for five minutes are tried again.
    pub fn flush(&mut self, cx: &mut Context<'_>) {
        self.flush_at = None;
        self.queue.flush(cx.now, UNSCHEDULABLE_MAX);
        self.arm_flush(cx);
    }

    fn arm_flush(&mut self, cx: &mut Context<'_>) {
        if self.flush_at.is_some() {
            return;
        }
        if let Some(oldest) = self.queue.oldest_waiting() {
            let at = (oldest + UNSCHEDULABLE_MAX).next_tick(SimTime::ZERO, FLUSH_PERIOD);
            self.flush_at = Some(at);
            cx.at(at, Event::FlushUnschedulable);
        }
    }

    /// Runs scheduling cycles until the queue is empty or the client's limit stops it; gives back when to go on.
    pub fn schedule(&mut self, cx: &mut Context<'_>) -> Option<SimTime> {
        while let Some(pod) = self.queue.peek(cx.now) {
            if cx.store.pod(pod).is_none_or(|p| p.node.is_some()) {
                self.queue.pop(cx.now);
                self.queue.forget(pod);
                continue;
            }
            if !self.client.take(cx.now) {
                return self.client.next(cx.now);
            }
            self.queue.pop(cx.now);
            match self.choose(pod, cx.store) {
                Some(node) => {
                    self.queue.forget(pod);
                    cx.store.bind(pod, node);
                }
                None => {
                    self.queue.park(pod, cx.now);
                    cx.store.set_unschedulable(pod);
                    self.arm_flush(cx);
                }
            }
        }
        None
    }

    /// The node that a pod would be bound to now.
    pub fn choose(&mut self, pod: PodId, store: &Store) -> Option<NodeId> {
        let requests = store.pod(pod)?.template.requests;
        self.order.refresh(store);
        let feasible = self.order.feasible(store, |n| n.is_schedulable() && n.fits(requests));
        match feasible[..] {
            [] => None,
            [only] => Some(only),
            _ => Some(self.score.best(pod, feasible, store)),
        }
    }
}
