//! Writing pods, and what follows from them: all writes of a pod go through `write_pod`, `create_pod` and `remove_pod`,
//! which keep the index. Ids of pods that are gone are programming errors. Start at `Store::write_pod`.

use super::index::Facets;
use super::{Change, RemovedPod, Store};
use crate::cluster::objects::{NodeId, Owner, Phase, Pod, PodId, TemplateId};
use crate::engine::SimTime;

impl Store {
    /// Changes a pod, and what follows from it.
    fn write_pod<T>(&mut self, id: PodId, write: impl FnOnce(&mut Pod) -> T) -> T {
        let pod = self.pods.get_mut(id).expect("only pods that exist are written");
        let before = Facets::of(pod);
        let result = write(pod);
        let (after, template) = (Facets::of(pod), pod.template);
        if before != after {
            self.follow(id, template, Some(before), Some(after));
        }
        result
    }

    fn follow(&mut self, id: PodId, template: TemplateId, before: Option<Facets>, after: Option<Facets>) {
        self.index.moved(id, before, after);
        let endpoint = |f: Option<Facets>| f.and_then(|f| f.endpoint);
        if endpoint(before) != endpoint(after) {
            for i in 0..self.template(template).services.len() {
                self.compare_listing(self.template(template).services[i], id);
            }
        }
    }

    /// A pod that no owner made, or that `owner` makes.
    pub fn create_pod(&mut self, owner: Owner, template: TemplateId, now: SimTime) -> PodId {
        self.pods_made += 1;
        let pod = Pod {
            owner,
            template,
            number: self.pods_made,
            deletion_cost: 0,
            created: now,
            node: None,
            nominated: None,
            unschedulable: false,
            started: None,
            phase: Phase::Pending,
            container_started: None,
            ready: false,
            ready_changed: now,
            restarts: 0,
            counted: false,
            deleted: None,
        };
        self.refer(template);
        let facets = Facets::of(&pod);
        let id = self.pods.insert(pod);
        self.follow(id, template, None, Some(facets));
        self.wrote(Change::PodCreated(id));
        id
    }

    /// Binds a pod to a node for good.
    pub fn bind(&mut self, id: PodId, node: NodeId) {
        let template = self.write_pod(id, |pod| {
            (pod.node, pod.nominated, pod.unschedulable) = (Some(node), None, false);
            pod.template
        });
        let requests = self.template(template).requests;
        self.nodes.get_mut(node).expect("pods are bound to nodes that exist").requested.add(requests);
        self.promised.0.add(requests);
        self.wrote(Change::PodBound(id));
    }

    pub fn set_unschedulable(&mut self, id: PodId) {
        if !self.write_pod(id, |pod| std::mem::replace(&mut pod.unschedulable, true)) {
            self.wrote(Change::PodUnschedulable(id));
        }
    }

    /// Where the scheduler makes room for a pod. No watcher acts on it.
    pub fn set_nominated(&mut self, id: PodId, node: Option<NodeId>) {
        self.write_pod(id, |pod| pod.nominated = node);
    }

    /// `pod-deletion-cost`. Seen at the next scale-down.
    pub fn set_deletion_cost(&mut self, id: PodId, cost: i32) {
        self.write_pod(id, |pod| pod.deletion_cost = cost);
    }

    /// No watcher acts on it.
    pub(super) fn set_counted(&mut self, id: PodId) {
        self.write_pod(id, |pod| pod.counted = true);
    }

    /// The kubelet took the pod on.
    pub fn set_started(&mut self, id: PodId, now: SimTime) {
        self.write_pod(id, |pod| pod.started = Some(now));
    }

    /// A container runs from now on. No watcher acts on it: phase and restarts tell.
    pub fn set_container_started(&mut self, id: PodId, now: SimTime) {
        self.write_pod(id, |pod| pod.container_started = Some(now));
    }

    pub fn set_ready(&mut self, id: PodId, ready: bool, now: SimTime) {
        let is_news = self.write_pod(id, |pod| {
            let phase = if ready { Phase::Running } else { pod.phase };
            let is_news = (pod.ready, pod.phase) != (ready, phase);
            if pod.ready != ready {
                pod.ready_changed = now;
            }
            (pod.ready, pod.phase) = (ready, phase);
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

    /// The pod ended and stays ended.
    pub fn set_ended(&mut self, id: PodId, phase: Phase, now: SimTime) {
        let (was_terminal, template, node) = self.write_pod(id, |pod| {
            let was_terminal = pod.is_terminal();
            (pod.ready, pod.ready_changed, pod.phase) = (false, now, phase);
            (was_terminal, pod.template, pod.node)
        });
        if !was_terminal {
            self.give_back(template, node);
        }
        self.wrote(Change::PodStatus(id));
    }

    /// Deletes a pod in order: at once if it is not bound, else its kubelet ends it first. Harmless if it is
    /// terminating already.
    pub fn delete_pod(&mut self, id: PodId, now: SimTime) {
        let (was_terminating, at_once) = self.write_pod(id, |pod| {
            let was_terminating = pod.is_terminating();
            pod.deleted.get_or_insert(now);
            (was_terminating, pod.node.is_none() || pod.is_terminal())
        });
        match at_once {
            _ if was_terminating => {}
            true => self.remove_pod(id),
            false => self.wrote(Change::PodTerminating(id)),
        }
    }

    /// A pod that ended, or is gone, takes nothing of its node any more.
    fn give_back(&mut self, template: TemplateId, node: Option<NodeId>) {
        if let Some(node) = node.and_then(|node| self.nodes.get_mut(node)) {
            let requests = self.templates.get(template).expect("its pod refers to it").requests;
            node.requested.remove(requests);
            self.promised.0.remove(requests);
        }
    }

    /// The pod object is gone.
    pub fn remove_pod(&mut self, id: PodId) {
        let pod = self.pods.remove(id).expect("a pod is removed once");
        let Pod { owner, template, node, .. } = pod;
        self.keep_for_job(&pod);
        self.follow(id, template, Some(Facets::of(&pod)), None);
        if !pod.is_terminal() {
            self.give_back(template, node);
        }
        self.wrote(Change::PodRemoved(RemovedPod { id, owner, template, node }));
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
        for service in self.services() {
            let endpoints = self.endpoints(service);
            let is_selected = |pod: &Pod| self.template(pod.template).services.contains(&service);
            let own = self.pods.iter().filter(|(_, pod)| is_selected(pod)).map(|(id, _)| id);
            let differs = |id: &PodId| endpoints.flags(*id) != self.wanted_endpoint(service, *id);
            let expected: std::collections::BTreeSet<PodId> =
                own.chain(endpoints.listed()).filter(differs).collect();
            assert_eq!(*self.unlisted(service), expected);
        }
    }
}
