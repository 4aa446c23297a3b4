//! Objects of a cluster: what is wanted (spec) and what is seen (status), in the words of Kubernetes v1.36.
//!
//! Plain values in integer units. They know neither who writes them nor what runs behind them. Ids are small and
//! `Copy`; texts are interned once ([`Name`]); pods of one template share it ([`Template`]).
//!
//! Start at [`Pod`], then [`PodSpec`].

mod budget;
mod job;
mod label;
mod node;
mod pod;
mod resources;
mod schedule;
mod service;
mod sets;
mod template;
mod workload;

pub use budget::{BudgetStatus, DisruptionBudget, Keep, UnhealthyPods};
pub use job::{
    Concurrency, CronJob, CronJobId, CronJobStatus, Finished, Job, JobCondition, JobConditionKind, JobId,
    JobReason, JobSpec, JobStatus, Replacement,
};
pub use label::{Labels, Name, Names, Requirement, Selector, Test};
pub use node::{Effect, Node, NodeCondition, Taint};
pub use pod::{Owner, Phase, Pod};
pub use resources::Resources;
pub use schedule::Schedule;
pub use service::{EndpointCondition, EndpointFlags, Endpoints, Service, SliceNumber};
pub use sets::{DaemonSet, DaemonSetId, PodManagement, StatefulSet, StatefulSetId};
pub use template::{
    Container, Image, NodeAffinity, NodeTerm, PodAffinity, PodSpec, Require, SpreadConstraint, Template,
    Toleration, WhenUnsatisfiable,
};
pub use workload::{Deployment, DeploymentStatus, Progress, ReplicaSet, ReplicaSetStatus, Size, Strategy};

use crate::engine::generational_id;

generational_id!(
    /// A Pod object.
    PodId
);
generational_id!(
    /// A Node object.
    NodeId
);
generational_id!(
    /// A ReplicaSet object.
    ReplicaSetId
);
generational_id!(
    /// A pod template that objects refer to.
    TemplateId
);

/// A Deployment; Deployments are not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeploymentId(pub u32);

/// A Service; Services are not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u32);

/// A PodDisruptionBudget; budgets are not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetId(pub u32);

impl BudgetId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl DeploymentId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl ServiceId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
