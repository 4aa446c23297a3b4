//! How a Job ends, and the conditions that say so.
//!
//! Reads conditions of a Job; writes nothing. Follows pkg/controller/job/job_controller.go of v1.36.2 (with
//! JobPodReplacementPolicy and JobSuccessPolicy, which are GA): that a Job will end is said at once by an interim
//! condition, SuccessCriteriaMet or FailureTarget; that it has ended by a last one, Complete or Failed, with the same
//! reason, when none of its pods is terminating any more. What an interim condition says stands, whatever its pods do
//! meanwhile.
//!
//! *Deviation:* no success policy, so success is that enough pods ended well. Suspended Jobs do not exist.
//!
//! Start at [`End::said`].

use crate::cluster::objects::{JobConditionKind, JobReason, JobStatus};

/// How a Job ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Success,
    Failure(JobReason),
}

impl End {
    pub fn interim(self) -> (JobConditionKind, JobReason) {
        match self {
            End::Success => (JobConditionKind::SuccessCriteriaMet, JobReason::CompletionsReached),
            End::Failure(reason) => (JobConditionKind::FailureTarget, reason),
        }
    }

    pub fn last(self) -> (JobConditionKind, JobReason) {
        match self {
            End::Success => (JobConditionKind::Complete, JobReason::CompletionsReached),
            End::Failure(reason) => (JobConditionKind::Failed, reason),
        }
    }

    /// What the conditions say already.
    pub fn said(status: &JobStatus) -> Option<End> {
        if status.condition(JobConditionKind::SuccessCriteriaMet).is_some() {
            return Some(End::Success);
        }
        status.condition(JobConditionKind::FailureTarget).map(|target| End::Failure(target.reason))
    }
}
