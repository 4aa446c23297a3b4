//! Taint eviction controller: deletes the pods of a node with NoExecute taints, each when its tolerations end.
//!
//! Watches nodes, and pods that are bound to nodes with such taints. Reads the taints and the pods' tolerations. Deletes
//! pods. Follows pkg/controller/tainteviction/taint_eviction.go of v1.36.2 (processPodOnNode): a pod that does not tolerate
//! one of the taints goes at once; else after the shortest of the tolerations that are used, counted from when the controller
//! first handles this pod with the taint on its node, however old the taint is; never if none of them has an end; not at
//! all if all taints go before. A deadline that stands is kept when another taint comes, even one that is borne for a
//! shorter time. No rate limit.
//!
//! *Deviation:* a deletion succeeds at once; upstream tries five times, 10 ms apart.
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
                Tolerance::For(span) => {
                    let end = borne.deadlines.get(&pod_id).copied().unwrap_or(cx.now + span);
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
    For(SimDuration),
    ForEver,
}

fn tolerance(pod: &Pod, taints: &[Taint], store: &Store) -> Tolerance {
    let spec = store.spec_of(pod);
    let mut shortest: Option<u32> = None;
    for taint in taints {
        let Some(toleration) = spec.tolerations.iter().find(|t| t.tolerates(taint)) else {
            return Tolerance::None;
        };
        if let Some(seconds) = toleration.seconds {
            shortest = Some(shortest.map_or(seconds, |s| s.min(seconds)));
        }
    }
    let span = |seconds| Tolerance::For(SimDuration::from_secs(u64::from(seconds)));
    shortest.map_or(Tolerance::ForEver, span)
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
    fn a_pod_that_comes_to_a_node_tainted_for_long_has_all_of_its_toleration() {
        let mut rig = Rig::new();
        let node = rig.cluster.store.nodes().next().expect("the rig has a node").0;
        taint(&mut rig, node, Name::NOT_READY);
        rig.run_to(1_000_000);
        let (pod, _) = pod(&mut rig, &BOTH);
        let ends = |rig: &Rig| rig.cluster.store.pod(pod).is_some_and(Pod::is_terminating);
        // Bound at 1000 s, handled a hop later, borne for 300 s: the taint's age of 1000 s does not count.
        rig.run_to(1_299_900);
        assert!(!ends(&rig));
        rig.run_to(1_300_100);
        assert!(ends(&rig));
    }

    #[test]
    fn a_pod_that_comes_to_a_tainted_node_and_does_not_bear_it_goes_at_once() {
        let mut rig = Rig::new();
        let node = rig.cluster.store.nodes().next().expect("the rig has a node").0;
        taint(&mut rig, node, Name::OUT_OF_SERVICE);
        rig.run_to(50_000);
        let (pod, _) = pod(&mut rig, &[(Name::NOT_READY, 300)]);
        rig.run_to(50_100);
        assert!(rig.cluster.store.pod(pod).is_none_or(Pod::is_terminating));
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
