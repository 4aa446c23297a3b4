//! DaemonSet controller: one pod on every node that will have it.
//!
//! Watches DaemonSets, their pods, and nodes. Reads all three. Creates and deletes pods. Follows
//! pkg/controller/daemon/{daemon_controller,update}.go of v1.36.2: a pod is tied to its node by an affinity, and the scheduler binds it; a node whose NoSchedule or NoExecute taints it does not
//! tolerate gets none, and keeps the one it has unless the taint is NoExecute; during an update old pods that are not available
//! go at once, others as far as `maxUnavailable` allows; of a node that is gone only pods that were never bound are deleted.
//!
//! *Deviation:* no surge; a failed pod is deleted at once, not after a back-off; at most one pod a node is ever made, so the burst
//! limit of 250 has nothing to do.
//!
//! Start at [`sync`].

use super::Context;
use crate::cluster::objects::{
    DaemonSetId, Effect, Name, Node, NodeId, Owner, Pod, PodId, PodSpec, Requirement, Test,
};
use crate::cluster::store::Store;
use crate::engine::SimTime;
use std::collections::BTreeMap;

/// Brings pods to nodes, and takes them away; gives back when the next pod becomes available by staying ready.
pub fn sync(id: DaemonSetId, cx: &mut Context<'_>) -> Option<SimTime> {
    let set = cx.store.daemon_set(id);
    let (template, max_unavailable, min_ready) = (set.template, set.max_unavailable, set.min_ready);
    let spec = cx.store.template(template).spec.clone();
    let mut pods: BTreeMap<Name, Vec<PodId>> = BTreeMap::new();
    for (pod_id, pod) in cx.store.pods_of(Owner::DaemonSet(id)) {
        if let Some(host) = target(pod, cx.store) {
            pods.entry(host).or_default().push(pod_id);
        }
    }
    let (mut to_create, mut to_delete): (Vec<Name>, Vec<PodId>) = (Vec::new(), Vec::new());
    let mut next: Option<SimTime> = None;
    let (mut places, mut missing, mut replaceable) = (0, 0, Vec::new());
    let nodes: Vec<(NodeId, Name)> = cx.store.nodes().map(|(node, n)| (node, n.name)).collect();
    for (node, host) in nodes {
        let node = cx.store.node(node).expect("just listed");
        let (should_run, should_stay) = (runs_on(&spec, node), stays_on(&spec, node));
        places += u32::from(should_run);
        let own = pods.remove(&host).unwrap_or_default();
        let mut living = 0;
        for pod_id in own {
            let pod = cx.store.pod(pod_id).expect("just listed");
            if pod.is_terminating() {
                // Its successor waits until it is gone.
                living += 1;
                missing += 1;
                continue;
            }
            let available = pod.ready && pod.ready_changed + min_ready <= cx.now;
            if pod.ready && !available {
                next = next.into_iter().chain([pod.ready_changed + min_ready]).min();
            }
            if !should_stay || pod.is_terminal() {
                to_delete.push(pod_id);
            } else if revision(pod, cx.store) != spec.labels.get(Name::CONTROLLER_REVISION_HASH) {
                replaceable.push((available, pod_id));
            }
            missing += u32::from(!available);
            living += 1;
        }
        if living == 0 && should_run {
            missing += 1;
            to_create.push(host);
        }
    }
    // Pods of nodes that are gone: nobody else removes those that were never bound; the others are left to pod garbage
    // collection (getUnscheduledPodsWithoutNode).
    let is_unbound = |pod: &PodId| cx.store.pod(*pod).is_some_and(|pod| pod.node.is_none());
    to_delete.extend(pods.into_values().flatten().filter(is_unbound));
    let mut may_go = max_unavailable.rounded_up(places).max(1).saturating_sub(missing);
    for (available, pod) in replaceable {
        if !available || may_go > 0 {
            may_go -= u32::from(available);
            to_delete.push(pod);
        }
    }
    for pod in to_delete {
        cx.store.delete_pod(pod, cx.now);
    }
    for host in to_create {
        let template = cx.store.intern_template(tied(&spec, host));
        cx.store.create_pod(Owner::DaemonSet(id), template, cx.now);
    }
    next
}

/// The spec of the pod on one node.
pub fn tied(spec: &PodSpec, host: Name) -> PodSpec {
    let mut spec = spec.clone();
    let tie = Requirement { key: Name::HOSTNAME, test: Test::In(vec![host]) };
    match &mut spec.node_affinity.required[..] {
        [] => spec.node_affinity.required.push(vec![tie]),
        terms => terms.iter_mut().for_each(|term| term.push(tie.clone())),
    }
    spec
}

/// The node that a pod is tied to, by its host name.
fn target(pod: &Pod, store: &Store) -> Option<Name> {
    let ties = store.spec_of(pod).node_affinity.required.first()?;
    ties.iter().rev().find_map(|r| match (&r.test, r.key) {
        (Test::In(hosts), Name::HOSTNAME) => hosts.first().copied(),
        _ => None,
    })
}

fn revision(pod: &Pod, store: &Store) -> Option<Name> {
    store.spec_of(pod).labels.get(Name::CONTROLLER_REVISION_HASH)
}

/// Whether a new pod should be made there (NodeShouldRunDaemonPod).
fn runs_on(spec: &PodSpec, node: &Node) -> bool {
    let asks = spec.node_selector.iter().all(|(key, value)| node.labels.get(key) == Some(value));
    let borne = node.taints.iter().all(|t| t.effect == Effect::PreferNoSchedule || spec.tolerates(t));
    asks && borne && {
        let terms = &spec.node_affinity.required;
        terms.is_empty() || terms.iter().any(|term| term.iter().all(|r| r.matches(&node.labels)))
    }
}

/// Whether the pod that is there may stay.
fn stays_on(spec: &PodSpec, node: &Node) -> bool {
    node.taints.iter().all(|t| t.effect != Effect::NoExecute || spec.tolerates(t))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::controllers::test_rig::Rig;
    use crate::cluster::objects::{Container, DaemonSet, Labels, Size};
    use crate::engine::SimDuration;

    #[test]
    fn a_bound_pod_of_a_node_that_is_gone_is_left_to_pod_garbage_collection() {
        let mut rig = Rig::new();
        let labels = Labels::default().with(Name::APP, Name::number(1));
        let store = &mut rig.cluster.store;
        let spec = PodSpec::of_container(labels, Container::default()).of_daemon();
        let template = store.intern_revision(spec);
        let (max_unavailable, min_ready) = (Size::Pods(1), SimDuration::ZERO);
        let id = store.add_daemon_set(DaemonSet { template, max_unavailable, min_ready });
        rig.run_to(1_000);
        let pods = |rig: &Rig| -> Vec<(PodId, bool, bool)> {
            let all = rig.cluster.store.pods_of(Owner::DaemonSet(id));
            all.map(|(pod, p)| (pod, p.node.is_some(), p.is_terminating())).collect()
        };
        let [(pod, true, false)] = pods(&rig)[..] else { panic!("one bound pod, not {:?}", pods(&rig)) };
        let node = rig.cluster.store.nodes().next().expect("the rig has a node").0;
        rig.cluster.store.remove_node(node);
        // Not deleted by the controller; found by the scan at 20 s, and gone after 40 s of quarantine.
        rig.run_to(59_900);
        assert_eq!(pods(&rig), [(pod, true, false)]);
        rig.run_to(60_000);
        assert_eq!(pods(&rig), []);
    }

    #[test]
    fn an_unbound_pod_of_a_node_that_is_gone_goes_at_once() {
        let mut rig = Rig::new();
        let node = rig.cluster.store.nodes().next().expect("the rig has a node").0;
        let labels = Labels::default().with(Name::APP, Name::number(1));
        // It asks for more than the node has, so it stays Pending.
        let container = Container { cpu: Some(2_000_000), ..Container::default() };
        let store = &mut rig.cluster.store;
        let template = store.intern_revision(PodSpec::of_container(labels, container).of_daemon());
        let (max_unavailable, min_ready) = (Size::Pods(1), SimDuration::ZERO);
        let id = store.add_daemon_set(DaemonSet { template, max_unavailable, min_ready });
        rig.run_to(1_000);
        assert_eq!(rig.cluster.store.pods_of(Owner::DaemonSet(id)).count(), 1);
        rig.cluster.store.remove_node(node);
        rig.run_to(1_100);
        assert_eq!(rig.cluster.store.pods_of(Owner::DaemonSet(id)).count(), 0);
    }
}
