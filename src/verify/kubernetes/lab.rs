//! A small cluster to try things on: the control plane of scenarios, kubelets that do what those of the recordings did, and
//! a clock.
//!
//! The recorded kubelets were fake: a bound pod runs at once and is ready after a fixed time; a pod that is to end is gone
//! after a fixed time; a stopped node renews no lease and acts on no pod. Start at [`Lab::next`].

use crate::cluster::Cluster;
use crate::cluster::event::Event as ClusterEvent;
use crate::cluster::objects::{NodeCondition, NodeId, Phase, PodId};
use crate::cluster::settings::Settings;
use crate::cluster::store::Change;
use crate::engine::{Event, Scheduler, SimDuration, SimTime};
use std::collections::{BTreeMap, BTreeSet};

/// The instant that recordings call 0: what is older can be told too.
pub const TRIGGER: SimTime = SimTime::from_micros(10_000_000_000);
/// How long a node may be silent (`node-monitor-grace-period`).
const GRACE: SimDuration = SimDuration::from_secs(50);

/// How often leases were renewed: 10 s, up to 4 % more, and the request.
const RENEWAL: SimDuration = SimDuration::from_millis(10_400);

/// An instant in seconds from the trigger.
pub fn at(seconds: f64) -> SimTime {
    let micros = TRIGGER.as_micros() as i64 + (seconds * 1e6).round() as i64;
    SimTime::from_micros(micros.max(0) as u64)
}

/// Seconds from the trigger.
pub fn seconds(time: SimTime) -> f64 {
    (time.as_micros() as i64 - TRIGGER.as_micros() as i64) as f64 / 1e6
}

/// A span of time in seconds.
pub fn span(seconds: f64) -> SimDuration {
    SimDuration::from_secs_f64(seconds.max(0.0))
}

/// All recorded kubelets were one program that made one request after the other, each of which took about so long.
const KUBELET_REQUEST: SimDuration = SimDuration::from_millis(15);

/// Latencies of the machine of the recordings, from runs with a single pod: about 45 ms pass from a pod that is
/// ready to the deletion of an old one, over three watches.
const WATCH: SimDuration = SimDuration::from_millis(12);
const CONTROLLER_REQUEST: SimDuration = SimDuration::from_millis(15);

/// What happens in a lab.
#[derive(Clone, Copy, Hash)]
enum Step {
    ControlPlane(u16, u32, u32),
    KubeletSees(PodId),
    /// A kubelet wants to write, and does when its turn comes.
    KubeletAsks(Write, PodId),
    KubeletWrites(Write, PodId),
    LeaseOverdue(NodeId, u32),
    /// What the script of a case does next.
    Script(usize),
}

/// What kubelets write of pods.
#[derive(Clone, Copy, Debug, Hash)]
enum Write {
    Running,
    Ready,
    Ended,
    Gone,
}

impl Event for Step {
    fn phase(&self) -> u8 {
        0
    }
}

/// What the recorded kubelets did.
#[derive(Clone, Copy, Debug)]
pub struct KubeletHabits {
    pub ready_after: SimDuration,
    pub gone_after: SimDuration,
}

/// Something that a case follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Change(Change),
    /// The script's turn.
    Script(usize),
}

/// A cluster, its kubelets and the clock.
pub struct Lab {
    pub cluster: Cluster,
    pub habits: KubeletHabits,
    /// One program played all kubelets: it notices pods so far apart.
    pub notice_gap: SimDuration,
    /// When it notices the next pod, if not later.
    notices: SimTime,
    agenda: Scheduler<Step>,
    /// Templates (by image tag) of which no pod gets ready.
    pub never_ready: BTreeSet<u64>,
    /// Pods end so long after they began to run.
    pub run_for: Option<SimDuration>,
    /// So many pods end badly before the first ends well.
    pub fail_first: u32,
    /// When the program that plays kubelets has made its last request.
    kubelet_free: SimTime,
    stopped: BTreeSet<NodeId>,
    /// How long a node may be silent.
    pub grace: SimDuration,
    /// When nodes that were stopped began to renew their leases again.
    started: BTreeMap<NodeId, SimTime>,
    /// Counts the stops of a node: the lease of an earlier one says nothing.
    stops: BTreeMap<NodeId, u32>,
    seen: std::collections::VecDeque<Seen>,
}

impl Lab {
    pub fn new(settings: Settings, habits: KubeletHabits) -> Lab {
        let settings = Settings { watch_latency: WATCH, request: CONTROLLER_REQUEST, ..settings };
        let mut agenda = Scheduler::default();
        // The clock begins at the trigger.
        agenda.finish(TRIGGER);
        Lab {
            cluster: Cluster::new(settings),
            habits,
            notice_gap: SimDuration::ZERO,
            notices: SimTime::ZERO,
            agenda,
            never_ready: BTreeSet::new(),
            run_for: None,
            fail_first: 0,
            kubelet_free: TRIGGER,
            stopped: BTreeSet::new(),
            grace: GRACE,
            started: BTreeMap::new(),
            stops: BTreeMap::new(),
            seen: Default::default(),
        }
    }

    pub fn now(&self) -> SimTime {
        self.agenda.now()
    }

    /// The script has a turn then.
    pub fn script_at(&mut self, time: SimTime, turn: usize) {
        self.agenda.at(time.max(self.now()), Step::Script(turn));
    }

    /// What was set up is no news to anybody.
    pub fn forget(&mut self) {
        self.cluster.forget_changes(self.agenda.now());
        self.settle();
    }

    /// The next change of an object, or turn of the script, before `end`.
    pub fn next(&mut self, end: SimTime) -> Option<Seen> {
        loop {
            self.settle();
            if let Some(seen) = self.seen.pop_front() {
                return Some(seen);
            }
            let step = self.agenda.next_before(end)?;
            self.take(step);
        }
    }

    fn take(&mut self, step: Step) {
        let now = self.now();
        match step {
            Step::ControlPlane(kind, a, b) => self.cluster.handle(ClusterEvent::decode(kind, a, b), now),
            Step::KubeletSees(id) => self.kubelet_sees(id),
            Step::KubeletAsks(write, id) => {
                self.kubelet_free = self.kubelet_free.max(now) + KUBELET_REQUEST;
                self.agenda.at(self.kubelet_free, Step::KubeletWrites(write, id));
            }
            Step::KubeletWrites(write, id) => self.kubelet_writes(write, id),
            Step::LeaseOverdue(node, stop) => {
                if self.stopped.contains(&node) && self.stops.get(&node) == Some(&stop) {
                    self.cluster.on_heartbeat(node, false, now);
                }
            }
            Step::Script(turn) => self.seen.push_back(Seen::Script(turn)),
        }
    }

    /// Hands all changes on.
    fn settle(&mut self) {
        let now = self.now();
        while let Some(change) = self.cluster.take_change(now) {
            let visible = now + self.cluster.settings.watch_latency;
            if let Change::PodBound(id) | Change::PodTerminating(id) = change {
                let noticed = visible.max(self.notices);
                self.notices = noticed + self.notice_gap;
                self.agenda.at(noticed, Step::KubeletSees(id));
            }
            self.seen.push_back(Seen::Change(change));
        }
        for (time, event) in self.cluster.take_events() {
            let (kind, a, b) = event.encode();
            self.agenda.at(time.max(now), Step::ControlPlane(kind, a, b));
        }
    }
}

/// Kubelets.
impl Lab {
    /// The pod exists, on a node whose kubelet works.
    fn is_minded(&self, id: PodId) -> bool {
        let node = self.cluster.store.pod(id).and_then(|pod| pod.node);
        node.is_some_and(|n| self.cluster.store.node(n).is_some() && !self.stopped.contains(&n))
    }

    fn kubelet_sees(&mut self, id: PodId) {
        if !self.is_minded(id) {
            return;
        }
        let now = self.now();
        let Some(pod) = self.cluster.store.pod(id) else { return };
        if pod.is_terminating() {
            self.agenda.at(now + self.habits.gone_after, Step::KubeletAsks(Write::Gone, id));
        } else if pod.started.is_none() {
            self.agenda.at(now, Step::KubeletAsks(Write::Running, id));
        }
    }

    fn kubelet_writes(&mut self, write: Write, id: PodId) {
        if !self.is_minded(id) {
            return;
        }
        let now = self.now();
        let store = &mut self.cluster.store;
        let Some(pod) = store.pod(id) else { return };
        match write {
            Write::Running if pod.started.is_none() && !pod.is_terminating() => {
                let tag = store.spec_of(pod).containers[0].image.tag;
                store.set_started(id, now);
                store.set_running(id, false);
                if let Some(run_for) = self.run_for {
                    self.agenda.at(now + run_for, Step::KubeletAsks(Write::Ended, id));
                }
                if !self.never_ready.contains(&tag) {
                    self.agenda.at(now + self.habits.ready_after, Step::KubeletAsks(Write::Ready, id));
                }
            }
            Write::Ready if pod.is_active() => store.set_ready(id, true, now),
            Write::Ended if pod.is_active() => {
                let phase = if self.fail_first > 0 { Phase::Failed } else { Phase::Succeeded };
                self.fail_first = self.fail_first.saturating_sub(1);
                store.set_ended(id, phase, now);
            }
            Write::Gone => store.remove_pod(id),
            Write::Running | Write::Ready | Write::Ended => {}
        }
    }

    /// A node renews no lease any more; the last was renewed at `last`.
    pub fn stop_node(&mut self, node: NodeId, last: SimTime) {
        self.stopped.insert(node);
        let stop = self.stops.entry(node).or_default();
        *stop += 1;
        // The grace counts from the controller's first look after the renewal.
        let nodes = &self.cluster.settings.nodes;
        let seen = last.tick_at_or_after(nodes.monitor_phase, nodes.monitor_period);
        let overdue = (seen + self.grace).max(self.agenda.now());
        self.agenda.at(overdue, Step::LeaseOverdue(node, *stop));
    }

    /// The last time before now that a node which was started again renewed its lease.
    pub fn last_renewal(&self, node: NodeId) -> Option<SimTime> {
        let started = *self.started.get(&node)?;
        let passed = self.now().saturating_since(started).as_micros() / RENEWAL.as_micros();
        Some(started + RENEWAL * passed)
    }

    /// A node renews its lease again, and sets its pods ready.
    pub fn start_node(&mut self, node: NodeId) {
        let now = self.now();
        self.stopped.remove(&node);
        self.started.insert(node, now);
        if self.cluster.store.node(node).is_none() {
            return;
        }
        self.cluster.on_heartbeat(node, true, now);
        let pods: Vec<PodId> = self.cluster.store.pods_on(node).map(|(id, _)| id).collect();
        for id in pods {
            let pod = self.cluster.store.pod(id).expect("just listed");
            if pod.is_terminating() || pod.started.is_none() {
                self.kubelet_sees(id);
            } else {
                self.cluster.store.set_ready(id, true, now);
            }
        }
    }

    /// The kubelet says whether its node is ready.
    pub fn report_node(&mut self, node: NodeId, ready: bool) {
        let now = self.now();
        let condition = if ready { NodeCondition::True } else { NodeCondition::False };
        self.cluster.store.set_node_ready(node, condition, now);
        if ready {
            let pods: Vec<PodId> = self.cluster.store.pods_on(node).map(|(id, _)| id).collect();
            for id in pods {
                if self.cluster.store.pod(id).is_some_and(|p| !p.is_terminating()) {
                    self.cluster.store.set_ready(id, true, now);
                }
            }
        }
    }

    /// A pod that has been running on a node for a while, ready since `ready`.
    pub fn adopt(&mut self, id: PodId, node: NodeId, ready: SimTime) {
        let store = &mut self.cluster.store;
        store.bind(id, node);
        store.set_started(id, ready);
        store.set_ready(id, true, ready);
    }
}
