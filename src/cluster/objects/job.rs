//! Jobs, which run pods until enough of them ended well, and CronJobs, which make Jobs by the clock.
//!
//! *Deviation:* no Indexed completion, pod failure policy or success policy; CronJobs go by UTC.

use super::{Phase, Pod, Schedule, TemplateId};
use crate::engine::{SimDuration, SimTime, generational_id};

generational_id!(
    /// A Job.
    JobId
);

/// A CronJob; CronJobs are not removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CronJobId(pub u32);

impl CronJobId {
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// When a pod that was told to end is replaced (`podReplacementPolicy`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// As soon as its deletion was asked for; that counts as a failure.
    TerminatingOrFailed,
    /// When it has ended.
    Failed,
}

/// Spec of a Job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobSpec {
    pub template: TemplateId,
    /// Pods at the same time.
    pub parallelism: u32,
    /// Pods that have to end well; `None`: one, and then no new ones are made.
    pub completions: Option<u32>,
    /// Failures that are borne.
    pub backoff_limit: u32,
    /// Time from its start until it fails (`activeDeadlineSeconds`).
    pub active_deadline: Option<SimDuration>,
    /// How long it stays when it has finished (`ttlSecondsAfterFinished`).
    pub ttl_after_finished: Option<SimDuration>,
    pub replacement: Replacement,
    /// Containers that fail start again in their pod (`restartPolicy: OnFailure`); then restarts count as failures.
    pub restarts_in_place: bool,
    pub suspended: bool,
}

impl JobSpec {
    /// One pod that has to end well; everything else by default.
    pub fn of_template(template: TemplateId) -> JobSpec {
        JobSpec {
            template,
            parallelism: 1,
            completions: Some(1),
            backoff_limit: 6,
            active_deadline: None,
            ttl_after_finished: None,
            replacement: Replacement::TerminatingOrFailed,
            restarts_in_place: false,
            suspended: false,
        }
    }
}

/// A Job.
#[derive(Clone, Debug)]
pub struct Job {
    /// The CronJob that made it, and the time for which it did.
    pub made_by: Option<(CronJobId, SimTime)>,
    pub created: SimTime,
    pub spec: JobSpec,
    pub status: JobStatus,
    /// Pods that ended, whose tracking finalizer is gone, and that the status does not count yet.
    pub uncounted: Vec<Finished>,
}

/// A pod that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    pub succeeded: bool,
    pub at: SimTime,
}

impl Finished {
    /// How and when a pod ended, or when its end began (getFinishedTime of the Job controller).
    pub fn of(pod: &Pod) -> Finished {
        let at = match pod.deleted {
            Some(deleted) if pod.ready => deleted,
            _ => pod.ready_changed,
        };
        Finished { succeeded: pod.phase == Phase::Succeeded, at }
    }
}

/// What a Job has come to. Times are in whole seconds of the wall clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobStatus {
    pub start: Option<SimTime>,
    /// When it completed.
    pub completion: Option<SimTime>,
    /// Pods that neither ended nor were told to.
    pub active: u32,
    pub ready: u32,
    /// Pods that were told to end and have not yet.
    pub terminating: u32,
    pub succeeded: u32,
    pub failed: u32,
    /// Those that hold, in the order in which they came.
    pub conditions: Vec<JobCondition>,
}

/// A condition that is True.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JobCondition {
    pub kind: JobConditionKind,
    pub reason: JobReason,
    pub since: SimTime,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobConditionKind {
    Suspended,
    /// It will fail: its pods are being ended.
    FailureTarget,
    Failed,
    /// It will be complete.
    SuccessCriteriaMet,
    Complete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobReason {
    JobSuspended,
    BackoffLimitExceeded,
    DeadlineExceeded,
    CompletionsReached,
}

impl JobStatus {
    pub fn condition(&self, kind: JobConditionKind) -> Option<&JobCondition> {
        self.conditions.iter().find(|condition| condition.kind == kind)
    }

    /// Complete or Failed.
    pub fn finished(&self) -> Option<&JobCondition> {
        self.condition(JobConditionKind::Complete).or(self.condition(JobConditionKind::Failed))
    }
}

/// What becomes of a run that is due while an earlier one is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Concurrency {
    /// Both run.
    Allow,
    /// The new one waits, and is skipped when the next is due.
    Forbid,
    /// The earlier one is deleted.
    Replace,
}

/// Jobs by the clock.
#[derive(Clone, Debug)]
pub struct CronJob {
    pub schedule: Schedule,
    pub concurrency: Concurrency,
    pub suspended: bool,
    /// A run that is late by more is skipped (`startingDeadlineSeconds`).
    pub starting_deadline: Option<SimDuration>,
    /// Complete Jobs that are kept (`successfulJobsHistoryLimit`).
    pub successful_history: u32,
    /// Failed Jobs that are kept (`failedJobsHistoryLimit`).
    pub failed_history: u32,
    pub job: JobSpec,
    pub created: SimTime,
    pub status: CronJobStatus,
}

impl CronJob {
    /// Everything but what is given by default; it is created when it is added.
    pub fn new(schedule: Schedule, job: JobSpec) -> CronJob {
        CronJob {
            schedule,
            concurrency: Concurrency::Allow,
            suspended: false,
            starting_deadline: None,
            successful_history: 3,
            failed_history: 1,
            job,
            created: SimTime::ZERO,
            status: CronJobStatus::default(),
        }
    }
}

/// What a CronJob knows of its Jobs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CronJobStatus {
    /// Jobs that have not finished.
    pub active: Vec<JobId>,
    /// The time for which the last Job was made.
    pub last_schedule: Option<SimTime>,
    /// When a Job last completed.
    pub last_success: Option<SimTime>,
}
