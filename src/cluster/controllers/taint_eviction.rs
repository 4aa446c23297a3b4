//! Taint eviction controller: deletes the pods of a node with NoExecute taints, each when its tolerations end.
//!
//! Watches nodes. Reads their NoExecute taints and the pods' tolerations. Deletes pods. Follows
//! pkg/controller/tainteviction/taint_eviction.go of v1.36.2: a pod that does not tolerate one of the taints goes at once; else
//! after the shortest of the tolerations that are used, counted from when the taint came; never if none of them has an end; not
//! at all if all taints go before. A deadline that stands is kept when another taint comes (processPodOnNode), even one that is
//! borne for a shorter time. No rate limit.
//!
//! *Deviation:* a pod that is bound to a node which is tainted already is looked at when the node changes next; the
//! scheduler binds none there that does not tolerate it.
//!
//! Start at [`TaintEviction::sync`].

use super::Context;
use crate::cluster::event::Event;
use crate::cluster::objects::{Effect, NodeId, Pod, PodId, Taint};
use crate::cluster::store::Store;
use crate::engine::{SimDuration, SimTime};
use std::collections::BTreeMap;

/// Nodes with NoExecute taints that are borne for a while.
#[derive(Debug, Default)]
pub struct TaintEviction(BTreeMap<NodeId, Borne>);

/// What is known of such a node.
#[derive(Debug, Default)]
struct Borne {
    /// When it is looked at next.
    look: Option<SimTime>,
    /// When each of its pods has to go.
    deadlines: BTreeMap<PodId, SimTime>,
}

impl TaintEviction {
    /// The time has come, unless another look has replaced this one.
    pub fn on_time(&mut self, id: NodeId, cx: &mut Context<'_>) {
        let Some(borne) = self.0.get_mut(&id) else { return };
        if borne.look.take_if(|at| *at <= cx.now).is_some() {
            self.sync(id, cx);
        }
    }

    /// Deletes the pods of a node whose time has come, and looks again when it comes for the next.
    pub fn sync(&mut self, id: NodeId, cx: &mut Context<'_>) {
        let node = cx.store.node(id);
        let taints: Vec<Taint> = node.into_iter().flat_map(|node| &node.taints).copied().collect();
        let taints: Vec<Taint> = taints.into_iter().filter(|t| t.effect == Effect::NoExecute).collect();
        if taints.is_empty() {
            self.0.remove(&id);
            return;
        }
        let borne = self.0.entry(id).or_default();
        let (mut due, mut deadlines) = (Vec::new(), BTreeMap::new());
        for (pod_id, pod) in cx.store.pods_on(id).filter(|(_, pod)| !pod.is_terminating()) {
            match tolerance(pod, &taints, cx.store) {
                Tolerance::None => due.push(pod_id),
                Tolerance::Until(end) => {
                    let end = borne.deadlines.get(&pod_id).copied().unwrap_or(end);
                    if end <= cx.now { due.push(pod_id) } else { _ = deadlines.insert(pod_id, end) }
                }
                Tolerance::ForEver => {}
            }
        }
        borne.deadlines = deadlines;
        due.into_iter().for_each(|pod: PodId| cx.store.delete_pod(pod, cx.now));
        let next = borne.deadlines.values().min().copied();
        if let Some(next) = next.filter(|next| borne.look.is_none_or(|at| *next < at)) {
            borne.look = Some(next);
            cx.at(next, Event::EvictPods(id));
        }
    }
}

/// How long a pod bears the taints of its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tolerance {
    /// It does not.
    None,
    Until(SimTime),
    ForEver,
}

fn tolerance(pod: &Pod, taints: &[Taint], store: &Store) -> Tolerance {
    let spec = store.spec_of(pod);
    let since = taints.iter().map(|t| t.since).max().expect("there are taints");
    let mut shortest: Option<u32> = None;
    for taint in taints {
        let Some(toleration) = spec.tolerations.iter().find(|t| t.tolerates(taint)) else {
            return Tolerance::None;
        };
        if let Some(seconds) = toleration.seconds {
            shortest = Some(shortest.map_or(seconds, |s| s.min(seconds)));
        }
    }
    let until = |seconds| Tolerance::Until(since + SimDuration::from_secs(u64::from(seconds)));
    shortest.map_or(Tolerance::ForEver, until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::controllers::test_rig::Rig;
    use crate::cluster::objects::{Container, Labels, Name, Owner, PodSpec, Toleration};

    /// A ready pod with these tolerations on the rig's node.
    fn pod(rig: &mut Rig, tolerations: &[(Name, u32)]) -> (PodId, NodeId) {
        let mut spec = PodSpec::of_container(Labels::default(), Container::default());
        let borne = |&(key, seconds)| Toleration::of_eviction(key, Some(seconds));
        spec.tolerations = tolerations.iter().map(borne).collect();
        let store = &mut rig.cluster.store;
        let template = store.intern_template(spec);
        let pod = store.create_pod(Owner::None, template, rig.now);
        let node = store.nodes().next().expect("the rig has a node").0;
        store.bind(pod, node);
        store.set_ready(pod, true, rig.now);
        (pod, node)
    }

    fn taint(rig: &mut Rig, node: NodeId, key: Name) {
        rig.cluster.store.add_taint(node, key, Effect::NoExecute, rig.now);
    }

    const BOTH: [(Name, u32); 2] = [(Name::NOT_READY, 300), (Name::OUT_OF_SERVICE, 100)];

    #[test]
    fn a_second_taint_moves_no_deadline() {
        let mut rig = Rig::new();
        let (pod, node) = pod(&mut rig, &BOTH);
        rig.run_to(1_000);
        taint(&mut rig, node, Name::NOT_READY);
        rig.run_to(51_000);
        taint(&mut rig, node, Name::OUT_OF_SERVICE);
        let ends = |rig: &Rig| rig.cluster.store.pod(pod).is_some_and(Pod::is_terminating);
        // Due 300 s after the first taint: at 301 s, neither at 51 + 100 = 151 s nor at 51 + 300 = 351 s.
        rig.run_to(300_900);
        assert!(!ends(&rig));
        rig.run_to(301_100);
        assert!(ends(&rig));
    }

    #[test]
    fn a_deadline_is_forgotten_when_all_taints_are_gone() {
        let mut rig = Rig::new();
        let (pod, node) = pod(&mut rig, &BOTH);
        taint(&mut rig, node, Name::NOT_READY);
        rig.run_to(200_000);
        rig.cluster.store.remove_taint(node, Name::NOT_READY, Effect::NoExecute);
        rig.run_to(201_000);
        taint(&mut rig, node, Name::NOT_READY);
        // Counted anew: 201 + 300 = 501 s.
        rig.run_to(500_900);
        assert!(rig.cluster.store.pod(pod).is_some_and(|pod| !pod.is_terminating()));
        rig.run_to(501_100);
        assert!(rig.cluster.store.pod(pod).is_some_and(Pod::is_terminating));
    }
}
