//! Writing pods, and what follows from them: all writes of a pod go through `write_pod`, `create_pod` and `remove_pod`,
//! which keep the index. Start at `Store::write_pod`.

use super::index::Facets;
use super::{Change, RemovedPod, Store};
use crate::engine::SimTime;
use crate::platform::kubernetes::objects::{
    DeploymentId, EndpointCondition, NodeId, Phase, Pod, PodId, ReplicaSetId,
};
use crate::world::BoxId;

/// Ids of pods that are gone are programming errors.
impl Store {
    /// Changes a pod, and what follows from it.
    fn write_pod<T>(&mut self, id: PodId, write: impl FnOnce(&mut Pod) -> T) -> T {
        let pod = self.pods.get_mut(id).expect("only pods that exist are written");
        let before = Facets::of(pod);
        let result = write(pod);
        let after = Facets::of(pod);
        if before != after {
            self.follow(id, Some(before), Some(after));
        }
        result
    }

    fn follow(&mut self, id: PodId, before: Option<Facets>, after: Option<Facets>) {
        self.index.moved(id, before, after);
        let endpoint = |f: Option<Facets>| f.and_then(|f| f.endpoint);
        if endpoint(before) != endpoint(after)
            && let Some(facets) = after.or(before)
        {
            self.compare_listing(facets.deployment, id);
        }
    }

    /// Notes whether a pod and its endpoint say the same.
    fn compare_listing(&mut self, deployment: DeploymentId, id: PodId) {
        let listed = self.endpoints(deployment).condition(id);
        let unlisted = &mut self.unlisted[deployment.index()];
        if listed == self.pods.get(id).and_then(Pod::endpoint) {
            unlisted.remove(&id);
        } else {
            unlisted.insert(id);
        }
    }

    pub fn create_pod(&mut self, owner: ReplicaSetId, now: SimTime) -> PodId {
        let set = self.replica_sets.get(owner).expect("a pod has an owner");
        let (deployment, template) = (set.deployment, set.template);
        self.pods_made += 1;
        let number = self.pods_made;
        let pod = Pod {
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
        };
        let facets = Facets::of(&pod);
        let id = self.pods.insert(pod);
        self.follow(id, None, Some(facets));
        self.wrote(Change::PodCreated(id));
        id
    }

    /// The box behind a pod, or that it is gone. No write: watchers of pods do not see it.
    pub fn attach_box(&mut self, id: PodId, subject: Option<BoxId>) {
        let old = self.write_pod(id, |pod| std::mem::replace(&mut pod.subject, subject));
        if let Some(old) = old {
            self.pod_of.remove(&old);
        }
        if let Some(new) = subject {
            self.pod_of.insert(new, id);
        }
    }

    /// Binds a pod to a node for good.
    pub fn bind(&mut self, id: PodId, node: NodeId) {
        let requests = self.write_pod(id, |pod| {
            assert!(pod.node.is_none(), "a pod is bound once");
            (pod.node, pod.unschedulable) = (Some(node), false);
            pod.template.requests
        });
        self.nodes.get_mut(node).expect("pods are bound to nodes that exist").requested.add(requests);
        self.promised.0.add(requests);
        self.wrote(Change::PodBound(id));
    }

    pub fn set_unschedulable(&mut self, id: PodId) {
        if !self.write_pod(id, |pod| std::mem::replace(&mut pod.unschedulable, true)) {
            self.wrote(Change::PodUnschedulable(id));
        }
    }

    /// The kubelet took the pod on.
    pub fn set_started(&mut self, id: PodId, now: SimTime) {
        self.write_pod(id, |pod| pod.started = Some(now));
    }

    pub fn set_ready(&mut self, id: PodId, ready: bool, now: SimTime) {
        let is_news = self.write_pod(id, |pod| {
            let phase = if ready { Phase::Running } else { pod.phase };
            let is_news = (pod.ready, pod.phase) != (ready, phase);
            if is_news {
                (pod.ready, pod.phase, pod.ready_changed) = (ready, phase, now);
            }
            is_news
        });
        if is_news {
            self.wrote(Change::PodStatus(id));
        }
    }

    /// A container of the pod runs, again if `restart`.
    pub fn set_running(&mut self, id: PodId, restart: bool) {
        let is_news = self.write_pod(id, |pod| {
            let is_news = restart || pod.phase == Phase::Pending;
            pod.phase = Phase::Running;
            pod.restarts += u32::from(restart);
            is_news
        });
        if is_news {
            self.wrote(Change::PodStatus(id));
        }
    }

    /// Deletes a pod in order: at once if it is not bound, else its kubelet ends it first. Harmless if it is
    /// terminating already.
    pub fn delete_pod(&mut self, id: PodId) {
        let (was_terminating, node) =
            self.write_pod(id, |pod| (std::mem::replace(&mut pod.terminating, true), pod.node));
        match node {
            _ if was_terminating => {}
            None => self.remove_pod(id),
            Some(_) => self.wrote(Change::PodTerminating(id)),
        }
    }

    /// The pod object is gone.
    pub fn remove_pod(&mut self, id: PodId) {
        let pod = self.pods.remove(id).expect("a pod is removed once");
        self.follow(id, Some(Facets::of(&pod)), None);
        if let Some(node) = pod.node.and_then(|node| self.nodes.get_mut(node)) {
            node.requested.remove(pod.template.requests);
            self.promised.0.remove(pod.template.requests);
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

    /// Lists a pod as an endpoint, or no more.
    pub fn set_endpoint(&mut self, id: DeploymentId, pod: PodId, condition: Option<EndpointCondition>) {
        let endpoints = &mut self.endpoints[id.index()];
        if endpoints.condition(pod) != condition {
            endpoints.set(pod, condition);
            self.compare_listing(id, pod);
            self.wrote(Change::Endpoint(id, pod));
        }
    }
}

#[cfg(test)]
impl Store {
    /// Compares what is kept of pods with a count of all.
    ///
    /// # Panics
    /// If they differ.
    pub fn recount(&self) {
        let mut anew = super::index::PodIndex::default();
        self.pods.iter().for_each(|(id, pod)| anew.moved(id, None, Some(Facets::of(pod))));
        assert_eq!(self.index, anew);
        for (d, (endpoints, unlisted)) in self.endpoints.iter().zip(&self.unlisted).enumerate() {
            let own = self.pods.iter().filter(|(_, pod)| pod.deployment.index() == d).map(|(id, _)| id);
            let conditions = [EndpointCondition::Ready, EndpointCondition::Terminating];
            let listed = conditions.iter().flat_map(|&c| endpoints.with(c)).copied();
            let differs = |&id: &PodId| endpoints.condition(id) != self.pods.get(id).and_then(Pod::endpoint);
            assert_eq!(*unlisted, own.chain(listed).filter(differs).collect());
        }
    }
}
