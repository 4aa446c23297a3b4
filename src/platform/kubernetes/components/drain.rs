//! Drains: empties a node by the eviction API, for a tool that wants the node gone.
//!
//! Watches the pods of nodes that are drained, but for those that have ended. Reads the answers of the eviction API.
//! Evicts. Follows kubectl drain v1.36.2 (all pods at once; one that its budget holds back is tried again every 5 s; a
//! look every second whether all are gone), as the termination handler and managed node groups do; and
//! actuation/drain.go of cluster-autoscaler 1.36.1 (tried again every 10 s, given up after max-pod-eviction-time; a pod
//! that has been ending for longer than its grace and 30 s is no reason to wait).
//!
//! *Deviation:* pods end with the grace they have, which no tool shortens; Cluster Autoscaler would from 10 min on.
//!
//! Knows no tool's next step: what a drain came to goes back to the tool. Start at [`Drains::step`].

use super::{Context, pods_left};
use crate::cluster::eviction::Refusal;
use crate::cluster::objects::{BudgetStatus, NodeId, PodId};
use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::parameters::KubernetesParameters;
use crate::world::{About, Api};
use std::collections::{BTreeMap, BTreeSet};

/// Who wants a node empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    ClusterAutoscaler,
    NodeRepair,
    TerminationHandler,
    NodeUpgrade {
        /// A person said that it has to go, budgets or not.
        force: bool,
    },
}

/// How a tool drains.
#[derive(Clone, Copy, Debug)]
struct Manners {
    /// From a refusal to the next try.
    retry: SimDuration,
    /// For so long refusals are borne.
    patience: SimDuration,
    /// Evicted pods may take so much longer to end.
    ending: SimDuration,
    /// A pod that does not end is not waited for.
    ignores_stuck: bool,
    /// How often it looks whether pods are gone.
    poll: SimDuration,
}

/// How long kubectl waits after a refusal.
const KUBECTL_RETRY: SimDuration = SimDuration::from_secs(5);
/// How often it looks whether pods are gone.
const KUBECTL_POLL: SimDuration = SimDuration::from_secs(1);
/// `EvictionRetryTime` of Cluster Autoscaler.
const AUTOSCALER_RETRY: SimDuration = SimDuration::from_secs(10);
/// `waitPodsToDisappear` of Cluster Autoscaler.
const AUTOSCALER_POLL: SimDuration = SimDuration::from_secs(5);
/// `PodEvictionHeadroom`, also after which a pod that is still ending does not count.
const HEADROOM: SimDuration = SimDuration::from_secs(30);
/// `node-termination-grace-period` of aws-node-termination-handler.
const BEFORE_TERMINATION: SimDuration = SimDuration::from_secs(120);

impl Tool {
    fn manners(self, p: &KubernetesParameters) -> Manners {
        match self {
            Tool::ClusterAutoscaler | Tool::NodeRepair => Manners {
                retry: AUTOSCALER_RETRY,
                patience: p.cluster_autoscaler.eviction_time,
                ending: p.kubelet.termination_grace + HEADROOM,
                ignores_stuck: true,
                poll: AUTOSCALER_POLL,
            },
            Tool::TerminationHandler => Manners::of_kubectl(BEFORE_TERMINATION),
            Tool::NodeUpgrade { .. } => Manners::of_kubectl(p.node_upgrade.drain_timeout),
        }
    }
}

impl Manners {
    fn of_kubectl(patience: SimDuration) -> Manners {
        Manners {
            retry: KUBECTL_RETRY,
            patience,
            ending: SimDuration::ZERO,
            ignores_stuck: false,
            poll: KUBECTL_POLL,
        }
    }
}

/// What a drain came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Nothing is left to wait for.
    Empty,
    /// So many pods were still there when time was up.
    GaveUp(usize),
}

#[derive(Debug)]
struct Drain {
    tool: Tool,
    begun: SimTime,
    next: Option<SimTime>,
    /// When pods that were refused are tried again.
    retry: SimTime,
    /// How often each pod was refused.
    refusals: BTreeMap<PodId, u32>,
}

/// All drains under way, one a node.
#[derive(Debug, Default)]
pub struct Drains(BTreeMap<NodeId, Drain>);

impl Drains {
    /// Begins to empty a node at `begin`. False if somebody is at it.
    pub fn begin(&mut self, id: NodeId, tool: Tool, begin: SimTime, cx: &mut Context<'_>) -> bool {
        if self.0.contains_key(&id) {
            return false;
        }
        self.0.insert(id, Drain { tool, begun: begin, next: None, retry: begin, refusals: BTreeMap::new() });
        self.look_at(begin, id, cx);
        true
    }

    pub fn is_draining(&self, id: NodeId) -> bool {
        self.0.contains_key(&id)
    }

    /// The node is gone.
    pub fn forget(&mut self, id: NodeId) {
        self.0.remove(&id);
    }

    /// The termination handler went with its node, and evicts no more.
    pub fn end_handler(&mut self, id: NodeId) {
        self.0.retain(|&node, drain| node != id || drain.tool != Tool::TerminationHandler);
    }

    /// A pod of a node is gone: it may have been the last one.
    pub fn on_pod_gone(&mut self, id: NodeId, cx: &mut Context<'_>) {
        if let Some(drain) = self.0.get(&id)
            && cx.now >= drain.begun
        {
            let poll = drain.tool.manners(cx.parameters).poll;
            self.look_at(cx.now.next_tick(drain.begun, poll), id, cx);
        }
    }

    fn look_at(&mut self, at: SimTime, id: NodeId, cx: &mut Context<'_>) {
        let Some(drain) = self.0.get_mut(&id) else { return };
        if drain.next.is_none_or(|next| at < next) {
            drain.next = Some(at);
            cx.at(at, Event::Drain(id));
        }
    }

    /// Evicts what can be evicted. Gives back who wanted the node, and what came of it, once the drain is over.
    pub fn step(&mut self, id: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) -> Option<(Tool, End)> {
        let drain = self.0.get_mut(&id)?;
        drain.next.take_if(|next| *next <= cx.now)?;
        let manners = drain.tool.manners(cx.parameters);
        let pods: Vec<PodId> = pods_left(id, &cx.cluster.store).collect();
        let is_left = |pod: &PodId| cx.cluster.store.pod(*pod).is_some_and(|pod| !pod.is_terminating());
        let mut refused: Vec<PodId> = pods.iter().copied().filter(is_left).collect();
        if drain.retry <= cx.now {
            refused.retain(|&pod| !drain.evict(pod, cx, api));
            drain.retry = cx.now + manners.retry;
        }
        let stuck_after = cx.parameters.kubelet.termination_grace + HEADROOM;
        let deleted = |pod: &PodId| cx.cluster.store.pod(*pod).and_then(|pod| pod.deleted);
        let is_awaited = |pod: &PodId| {
            let is_stuck = deleted(pod).is_some_and(|since| since + stuck_after <= cx.now);
            cx.cluster.store.pod(*pod).is_some_and(|pod| !pod.is_terminal())
                && !(manners.ignores_stuck && is_stuck)
        };
        let awaited: BTreeSet<PodId> = pods.into_iter().filter(is_awaited).collect();
        let patience_ends = drain.begun + manners.patience;
        let time_is_up = patience_ends + if refused.is_empty() { manners.ending } else { SimDuration::ZERO };
        let end = match awaited.len() {
            0 => End::Empty,
            left if time_is_up <= cx.now => End::GaveUp(left),
            _ => {
                let retry = (!refused.is_empty()).then_some(drain.retry);
                let stuck = awaited.iter().filter_map(deleted).map(|since| since + stuck_after).min();
                let stuck = stuck.filter(|_| manners.ignores_stuck);
                let next = retry.into_iter().chain(stuck).fold(time_is_up, SimTime::min);
                self.look_at(next, id, cx);
                return None;
            }
        };
        let drain = self.0.remove(&id)?;
        Some((drain.tool, end))
    }
}

impl Drain {
    /// Asks for the eviction of one pod. False if its budget refuses.
    fn evict(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) -> bool {
        let about = cx.bodies.box_of(id).map_or(About::Nothing, About::Box);
        if self.tool == (Tool::NodeUpgrade { force: true }) {
            cx.cluster.store.delete_pod(id, cx.now);
            api.remark(about, || "deleted by force, whatever its budget says".into());
            return true;
        }
        let numbers = BudgetNumbers::of(id, cx);
        match cx.cluster.evict(id, cx.now) {
            Ok(()) => {
                let before = self.refusals.remove(&id).unwrap_or(0);
                api.remark(about, || {
                    let numbers = in_words(numbers);
                    match before {
                        0 => format!("evicted{numbers}"),
                        1 => format!("evicted after a refusal{numbers}"),
                        n => format!("evicted after {n} refusals{numbers}"),
                    }
                });
                true
            }
            Err(refusal) => {
                let times = self.refusals.entry(id).or_insert(0);
                *times += 1;
                if *times == 1 {
                    let status = refusal.http_status();
                    api.remark(about, || format!("eviction refused, {status}{}", reason(refusal, numbers)));
                }
                false
            }
        }
    }
}

/// What the first budget of a pod says before it is asked.
struct BudgetNumbers {
    is_ready: bool,
    allowed: u32,
    healthy: u32,
    desired: u32,
}

impl BudgetNumbers {
    /// None if the pod is gone or no budget protects it.
    fn of(id: PodId, cx: &Context<'_>) -> Option<BudgetNumbers> {
        let store = &cx.cluster.store;
        let pod = store.pod(id)?;
        let budget = store.template(pod.template).budgets.first()?;
        let BudgetStatus { allowed, healthy, desired, .. } = store.budget(*budget).status;
        Some(BudgetNumbers { is_ready: pod.ready, allowed, healthy, desired })
    }
}

/// `: 1 may go (5 ready, 4 must stay)`.
fn in_words(numbers: Option<BudgetNumbers>) -> String {
    match numbers {
        None => String::new(),
        Some(BudgetNumbers { is_ready: false, healthy, desired, .. }) => {
            format!(": it is not ready itself ({healthy} ready, {desired} must stay)")
        }
        Some(BudgetNumbers { allowed, healthy, desired, .. }) => {
            format!(": {allowed} may go ({healthy} ready, {desired} must stay)")
        }
    }
}

fn reason(refusal: Refusal, numbers: Option<BudgetNumbers>) -> String {
    match refusal {
        Refusal::TooManyRequests { .. } => in_words(numbers),
        Refusal::NotObserved { .. } => ": the budget was not counted yet".into(),
        Refusal::NotFound | Refusal::Unconfirmed { .. } | Refusal::SeveralBudgets => {
            format!(": {}", refusal.message())
        }
    }
}
