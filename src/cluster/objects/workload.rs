//! Deployments and ReplicaSets.

use super::{DeploymentId, Selector, TemplateId};
use crate::engine::{SimDuration, SimTime};

/// A number of pods, or a share of the wanted ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Pods(u32),
    /// In millionths, so that 10 % of 10 is 1 and not a bit more.
    Share(u32),
}

impl Size {
    pub fn percent(percent: u32) -> Size {
        Size::Share(percent * 10_000)
    }

    pub fn rounded_up(self, of: u32) -> u32 {
        match self {
            Size::Pods(pods) => pods,
            Size::Share(share) => (u64::from(share) * u64::from(of)).div_ceil(1_000_000) as u32,
        }
    }

    pub fn rounded_down(self, of: u32) -> u32 {
        match self {
            Size::Pods(pods) => pods,
            Size::Share(share) => (u64::from(share) * u64::from(of) / 1_000_000) as u32,
        }
    }
}

/// How a Deployment gets from one template to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    RollingUpdate {
        max_surge: Size,
        max_unavailable: Size,
    },
    /// All old pods end before the first new one is made.
    Recreate,
}

/// Pods of one template, and how to get from one to the next.
#[derive(Clone, Debug)]
pub struct Deployment {
    pub template: TemplateId,
    /// Wanted pods; written by people or an autoscaler.
    pub replicas: u32,
    pub strategy: Strategy,
    /// How long a pod must be ready to be available (`minReadySeconds`).
    pub min_ready: SimDuration,
    pub progress_deadline: SimDuration,
    /// Old ReplicaSets that are kept to go back to.
    pub revision_history: usize,
    pub paused: bool,
    /// Counts the changes of the spec.
    pub generation: u32,
    pub status: DeploymentStatus,
}

impl Deployment {
    /// So many pods, all else by default (pkg/apis/apps/v1/defaults.go).
    pub fn of_pods(template: TemplateId, replicas: u32) -> Deployment {
        Deployment {
            template,
            replicas,
            strategy: Strategy::RollingUpdate {
                max_surge: Size::percent(25),
                max_unavailable: Size::percent(25),
            },
            min_ready: SimDuration::ZERO,
            progress_deadline: SimDuration::from_mins(10),
            revision_history: 10,
            paused: false,
            generation: 0,
            status: DeploymentStatus::default(),
        }
    }
}

/// Sums over the ReplicaSets of a Deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeploymentStatus {
    /// The generation that the controller had seen when it wrote this.
    pub observed_generation: u32,
    pub replicas: u32,
    /// Pods of the present template.
    pub updated: u32,
    pub ready: u32,
    pub available: u32,
    pub progress: Progress,
}

/// The Progressing condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Progress {
    /// Nothing was said yet.
    #[default]
    None,
    /// On its way; something moved at `since`.
    Progressing { since: SimTime },
    /// All pods of the present template have been available once (NewReplicaSetAvailable).
    Complete,
    /// Nothing moved for the progress deadline (ProgressDeadlineExceeded).
    Stalled,
    /// Paused; the deadline does not count (DeploymentPaused).
    Paused,
}

/// Pods of one template.
#[derive(Clone, Debug)]
pub struct ReplicaSet {
    /// The Deployment it belongs to.
    pub owner: Option<DeploymentId>,
    /// The Deployment's template that it was made from.
    pub made_from: TemplateId,
    /// Template of its pods: the same with the label `pod-template-hash`.
    pub template: TemplateId,
    pub selector: Selector,
    /// Grows with each change of the template; going back makes an old one the newest.
    pub revision: u32,
    pub replicas: u32,
    /// The Deployment's size when this one was sized (the `desired-replicas` annotation).
    pub desired: u32,
    /// The most pods of the Deployment then (the `max-replicas` annotation).
    pub max_desired: u32,
    pub min_ready: SimDuration,
    pub created: SimTime,
    pub status: ReplicaSetStatus,
}

/// Pods of a ReplicaSet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSetStatus {
    /// Active ones.
    pub replicas: u32,
    /// Active and ready ones.
    pub ready: u32,
    /// Those that have been told to end.
    pub terminating: u32,
    /// Ready for `minReadySeconds`.
    pub available: u32,
}
