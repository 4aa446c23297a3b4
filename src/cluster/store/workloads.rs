//! Writing Deployments and ReplicaSets. Ids of objects that are gone are programming errors.

use super::{Change, Store};
use crate::cluster::objects::{
    Deployment, DeploymentId, DeploymentStatus, Labels, Name, Owner, PodSpec, Progress, ReplicaSet,
    ReplicaSetId, ReplicaSetStatus, Selector, TemplateId,
};
use crate::engine::{SimDuration, SimTime};

impl Store {
    /// `deployment.template` was interned before.
    pub fn add_deployment(&mut self, deployment: Deployment) -> DeploymentId {
        let id = DeploymentId(self.deployments.len() as u32);
        self.refer(deployment.template);
        self.deployments.push(deployment);
        self.sets_of.push(Vec::new());
        self.wrote(Change::Deployment(id));
        id
    }

    /// A Deployment that has been running for a while, and its ReplicaSet: both say that all pods are there and
    /// available. The pods are up to the caller.
    pub fn adopt_deployment(
        &mut self,
        deployment: Deployment,
        created: SimTime,
    ) -> (DeploymentId, ReplicaSetId) {
        let replicas = deployment.replicas;
        let status = DeploymentStatus {
            observed_generation: deployment.generation,
            replicas,
            updated: replicas,
            ready: replicas,
            available: replicas,
            progress: Progress::Complete,
        };
        let id = self.add_deployment(Deployment { status, ..deployment });
        let set = self.add_set_of_deployment(id, created);
        self.set_revision(set, 1);
        self.scale_replica_set(set, replicas, replicas, replicas);
        let status = ReplicaSetStatus { replicas, ready: replicas, available: replicas, terminating: 0 };
        self.set_replica_set_status(set, status);
        (id, set)
    }

    /// Changes the spec of a Deployment; its template and size have methods of their own.
    pub fn write_deployment(&mut self, id: DeploymentId, write: impl FnOnce(&mut Deployment)) {
        let deployment = &mut self.deployments[id.index()];
        write(deployment);
        deployment.generation += 1;
        self.wrote(Change::Deployment(id));
    }

    pub fn set_template(&mut self, id: DeploymentId, template: TemplateId) {
        let old = self.deployments[id.index()].template;
        if old != template {
            self.refer(template);
            self.write_deployment(id, |d| d.template = template);
            self.release(old);
        }
    }

    /// Gives back what was to be done: `spec.replicas`.
    pub fn scale_deployment(&mut self, id: DeploymentId, replicas: u32) {
        let deployment = &mut self.deployments[id.index()];
        if deployment.replicas != replicas {
            deployment.replicas = replicas;
            deployment.generation += 1;
            self.wrote(Change::DeploymentScaled(id));
        }
    }

    pub fn set_deployment_status(&mut self, id: DeploymentId, status: DeploymentStatus) {
        let deployment = &mut self.deployments[id.index()];
        if deployment.status != status {
            deployment.status = status;
            self.wrote(Change::Deployment(id));
        }
    }

    /// A ReplicaSet of a Deployment's present template: its pods also bear the label `pod-template-hash`.
    pub fn add_set_of_deployment(&mut self, id: DeploymentId, now: SimTime) -> ReplicaSetId {
        let deployment = &self.deployments[id.index()];
        let (made_from, min_ready) = (deployment.template, deployment.min_ready);
        self.templates_made += 1;
        let mut spec = self.template(made_from).spec.clone();
        spec.labels.set(Name::POD_TEMPLATE_HASH, Name::number(self.templates_made));
        let template = self.intern_template(spec);
        let selector = Selector::of_labels(&self.template(template).spec.labels);
        let set = ReplicaSet {
            owner: Some(id),
            made_from,
            template,
            selector,
            revision: 0,
            replicas: 0,
            desired: 0,
            max_desired: 0,
            min_ready,
            created: now,
            status: ReplicaSetStatus::default(),
        };
        let set = self.insert_set(set);
        self.sets_of[id.index()].push(set);
        set
    }

    /// A ReplicaSet of its own, which selects pods by labels.
    pub fn add_replica_set(
        &mut self,
        spec: PodSpec,
        selector: &Labels,
        replicas: u32,
        now: SimTime,
    ) -> ReplicaSetId {
        let template = self.intern_template(spec);
        self.insert_set(ReplicaSet {
            owner: None,
            made_from: template,
            template,
            selector: Selector::of_labels(selector),
            revision: 1,
            replicas,
            desired: replicas,
            max_desired: replicas,
            min_ready: SimDuration::ZERO,
            created: now,
            status: ReplicaSetStatus::default(),
        })
    }

    fn insert_set(&mut self, set: ReplicaSet) -> ReplicaSetId {
        self.refer(set.made_from);
        self.refer(set.template);
        let id = self.replica_sets.insert(set);
        self.wrote(Change::ReplicaSet(id));
        id
    }

    fn set_mut(&mut self, id: ReplicaSetId) -> &mut ReplicaSet {
        self.replica_sets.get_mut(id).expect("only ReplicaSets that exist are written")
    }

    pub fn set_revision(&mut self, id: ReplicaSetId, revision: u32) {
        if self.set_mut(id).revision != revision {
            self.set_mut(id).revision = revision;
            self.wrote(Change::ReplicaSet(id));
        }
    }

    pub fn set_min_ready(&mut self, id: ReplicaSetId, min_ready: SimDuration) {
        if self.set_mut(id).min_ready != min_ready {
            self.set_mut(id).min_ready = min_ready;
            self.wrote(Change::ReplicaSet(id));
        }
    }

    /// Sizes a ReplicaSet for a Deployment of `desired` pods that may become `max_desired` with its surge.
    pub fn scale_replica_set(&mut self, id: ReplicaSetId, replicas: u32, desired: u32, max_desired: u32) {
        let set = self.set_mut(id);
        if (set.replicas, set.desired, set.max_desired) != (replicas, desired, max_desired) {
            (set.replicas, set.desired, set.max_desired) = (replicas, desired, max_desired);
            self.wrote(Change::ReplicaSet(id));
        }
    }

    pub fn set_replica_set_status(&mut self, id: ReplicaSetId, status: ReplicaSetStatus) {
        if self.set_mut(id).status != status {
            self.set_mut(id).status = status;
            self.wrote(Change::ReplicaSet(id));
        }
    }

    /// # Panics
    /// If it has pods.
    pub fn remove_replica_set(&mut self, id: ReplicaSetId) {
        assert!(self.pods_of(Owner::ReplicaSet(id)).next().is_none(), "a ReplicaSet with pods stays");
        let set = self.replica_sets.remove(id).expect("only ReplicaSets that exist are removed");
        self.release(set.template);
        self.release(set.made_from);
        if let Some(deployment) = set.owner {
            self.sets_of[deployment.index()].retain(|&other| other != id);
            self.wrote(Change::Deployment(deployment));
        }
    }
}
