//! Writing StatefulSets and DaemonSets.

use super::{Change, Store};
use crate::cluster::objects::{
    DaemonSet, DaemonSetId, Name, PodSpec, StatefulSet, StatefulSetId, TemplateId, Toleration,
};

impl Store {
    pub fn stateful_set(&self, id: StatefulSetId) -> &StatefulSet {
        &self.stateful_sets[id.0 as usize]
    }

    pub fn stateful_sets(&self) -> impl Iterator<Item = StatefulSetId> + use<> {
        (0..self.stateful_sets.len() as u32).map(StatefulSetId)
    }

    pub fn daemon_set(&self, id: DaemonSetId) -> &DaemonSet {
        &self.daemon_sets[id.0 as usize]
    }

    pub fn daemon_sets(&self) -> impl Iterator<Item = DaemonSetId> + use<> {
        (0..self.daemon_sets.len() as u32).map(DaemonSetId)
    }

    /// A template that bears its own number, so that pods tell which of its owner's they were made from.
    pub fn intern_revision(&mut self, mut spec: PodSpec) -> TemplateId {
        self.templates_made += 1;
        spec.labels.set(Name::CONTROLLER_REVISION_HASH, Name::number(self.templates_made));
        self.intern_template(spec)
    }

    /// Its template was made by [`Store::intern_revision`].
    pub fn add_stateful_set(&mut self, set: StatefulSet) -> StatefulSetId {
        let id = StatefulSetId(self.stateful_sets.len() as u32);
        self.refer(set.template);
        self.refer(set.current);
        self.stateful_sets.push(set);
        self.wrote(Change::StatefulSet(id));
        id
    }

    pub fn scale_stateful_set(&mut self, id: StatefulSetId, replicas: u32) {
        let set = &mut self.stateful_sets[id.0 as usize];
        if set.replicas != replicas {
            set.replicas = replicas;
            set.ordinals = set.ordinals.max(replicas);
            self.wrote(Change::StatefulSet(id));
        }
    }

    pub fn set_stateful_set_template(&mut self, id: StatefulSetId, spec: PodSpec) {
        let new = self.intern_revision(spec);
        self.refer(new);
        let old = std::mem::replace(&mut self.stateful_sets[id.0 as usize].template, new);
        self.release(old);
        self.wrote(Change::StatefulSet(id));
    }

    /// All its pods are of its template now. No watcher acts on it.
    pub fn complete_stateful_set(&mut self, id: StatefulSetId) {
        let set = &mut self.stateful_sets[id.0 as usize];
        let (new, old) = (set.template, std::mem::replace(&mut set.current, set.template));
        self.refer(new);
        self.release(old);
    }

    /// Its template was made by [`Store::intern_revision`] from a spec with [`PodSpec::of_daemon`].
    pub fn add_daemon_set(&mut self, set: DaemonSet) -> DaemonSetId {
        let id = DaemonSetId(self.daemon_sets.len() as u32);
        self.refer(set.template);
        self.daemon_sets.push(set);
        self.wrote(Change::DaemonSet(id));
        id
    }

    pub fn set_daemon_set_template(&mut self, id: DaemonSetId, spec: PodSpec) {
        let new = self.intern_revision(spec.of_daemon());
        self.refer(new);
        let old = std::mem::replace(&mut self.daemon_sets[id.0 as usize].template, new);
        self.release(old);
        self.wrote(Change::DaemonSet(id));
    }
}

impl PodSpec {
    /// Tolerations that every DaemonSet's pods get: for ever not ready, unreachable, short of memory, cordoned.
    pub fn of_daemon(mut self) -> PodSpec {
        use crate::cluster::objects::Effect::{NoExecute, NoSchedule};
        let automatic = [
            (Name::NOT_READY, NoExecute),
            (Name::UNREACHABLE, NoExecute),
            (Name::MEMORY_PRESSURE, NoSchedule),
            (Name::UNSCHEDULABLE, NoSchedule),
        ];
        for (key, effect) in automatic {
            let toleration = Toleration { key: Some(key), value: None, effect: Some(effect), seconds: None };
            if !self.tolerations.contains(&toleration) {
                self.tolerations.push(toleration);
            }
        }
        self
    }
}
