//! How a Job ends, and the conditions that say so.

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
