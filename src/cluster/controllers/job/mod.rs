//! Job controller: runs pods until enough of them ended well, or too many badly.
//!
//! Watches Jobs and their pods; what pods and statuses tell is batched by 1 s. Reads both. Creates and deletes pods, takes
//! their tracking finalizers off, writes the Job's status; deletes Jobs whose time after their end is over, and the pods of
//! deleted Jobs. Follows pkg/controller/job/{job_controller,backoff_utils}.go of v1.36.2, pkg/controller/ttlafterfinished, and for the pods of deleted
//! Jobs pkg/controller/garbagecollector.
//!
//! A sync decides, writes the status with interim conditions, counts the pods that ended (it takes their finalizers off)
//! and writes the status with the new counts and final conditions. A Job ends (Complete, Failed) when no pod of it is
//! terminating any more. Failures hold new pods back for 10 s, 20 s, 40 s … up to 10 min after the last one; a success
//! begins anew. While they are held back the status says that none is active, whatever runs.
//!
//! *Deviation:* a pod that is removed before it was counted goes at once and its Job remembers it, where upstream a
//! finalizer keeps the object for a second more. All that ended is counted in one sync, not 500 pods at most.
//!
//! Start at [`JobController::sync`].

mod backoff;
mod end;
mod pods;
#[cfg(test)]
mod tests;

use super::Context;
use super::writer::{Stopped, Writer};
use crate::cluster::objects::{
    Finished, JobCondition, JobConditionKind, JobId, JobReason, JobSpec, JobStatus, Owner, PodId, Replacement,
};
use crate::cluster::settings::Settings;
use crate::engine::{SimDuration, SimTime};
use backoff::Backoff;
use end::End;
use pods::{Pods, first_to_go, stamped};
use std::collections::BTreeMap;

/// Pod events and status updates wait so long for others (syncJobBatchPeriod).
pub const BATCH: SimDuration = SimDuration::from_secs(1);
/// Most pods created or deleted in one sync (MaxPodCreateDeletePerSync).
const BURST: u32 = 500;

/// The controller: its client, and what it remembers of Jobs that have not finished.
#[derive(Debug)]
pub struct JobController {
    writer: Writer<JobId>,
    memory: BTreeMap<JobId, Memory>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    backoff: Backoff,
    /// How the Job will end, until a condition says so.
    end: Option<End>,
    /// Pods created at once the last time: the next time twice as many (slow start).
    batch: u32,
}

impl JobController {
    pub fn new(settings: &Settings) -> Self {
        JobController { writer: Writer::new(settings), memory: BTreeMap::new() }
    }

    /// Moves one Job on. Gives back when to come again, if there is something to come for: a limit or a write under way,
    /// the end of a hold-back, the deadline, the time to live.
    pub fn sync(&mut self, id: JobId, cx: &mut Context<'_>) -> Option<SimTime> {
        self.step(id, cx).unwrap_or_else(|stopped| stopped)
    }

    fn step(&mut self, id: JobId, cx: &mut Context<'_>) -> Result<Option<SimTime>, Stopped> {
        self.writer.begin(id, cx.now)?;
        let Some(job) = cx.store.job(id) else {
            self.memory.remove(&id);
            return self.collect(id, cx).map(|()| None);
        };
        if let Some(finished) = job.status.finished() {
            let due = job.spec.ttl_after_finished.map(|ttl| finished.since + ttl);
            self.memory.remove(&id);
            return match due {
                Some(due) if due <= cx.now => self.expire(id, cx).map(|()| None),
                later => Ok(later),
            };
        }
        self.work(id, cx)
    }

    /// A Job that has not finished.
    fn work(&mut self, id: JobId, cx: &mut Context<'_>) -> Result<Option<SimTime>, Stopped> {
        let job = cx.store.job(id).expect("the caller looked");
        let (spec, before) = (job.spec, job.status.clone());
        let mut pods = Pods::of(id, &spec, cx);
        let mut ended: Vec<Finished> = job.uncounted.iter().map(|&f| stamped(f, cx.settings)).collect();
        ended.extend(pods.ended.iter().map(|(_, finished)| *finished));
        let (succeeded, failed) = plus(&before, &ended);
        let memory = self.memory.get(&id).copied().unwrap_or_default();
        let backoff = memory.backoff.after(&ended);
        let mut status = JobStatus { ready: pods.ready, terminating: pods.terminating, ..before.clone() };
        if !spec.suspended {
            status.start.get_or_insert(cx.settings.timestamp(cx.now));
        }
        let deadline = spec.active_deadline.filter(|_| !spec.suspended).zip(status.start);
        let deadline = deadline.map(|(deadline, start)| start + deadline);
        let is_late = deadline.is_some_and(|deadline| deadline <= cx.now);
        let mut end = memory.end.or(End::said(&before)).or_else(|| {
            let is_bad = failed > spec.backoff_limit || pods.restarted_too_often(&spec);
            let reason = is_bad.then_some(JobReason::BackoffLimitExceeded);
            reason.or(is_late.then_some(JobReason::DeadlineExceeded)).map(End::Failure)
        });
        let mut next = deadline.filter(|_| end.is_none());
        if end.is_some() {
            self.memory.entry(id).or_default().end = end;
            self.delete(id, &pods.active, false, cx)?;
            status.terminating += pods.active.len() as u32;
            (status.active, status.ready) = (0, 0);
            pods = Pods::of(id, &spec, cx);
        } else {
            let goal = Goal { succeeded, held_until: backoff.until() };
            let active = self.manage(id, &spec, &pods, &goal, cx)?;
            if active.is_none() {
                // A hold-back that is shorter than a batch takes as long.
                let again = goal.held_until.max(cx.now + BATCH);
                next = Some(next.map_or(again, |next| next.min(again)));
            }
            status.active = active.unwrap_or(0);
            let enough = spec.completions.unwrap_or(1);
            if succeeded >= enough && status.active == 0 {
                end = Some(End::Success);
            } else {
                set_suspended(&mut status, spec.suspended, cx);
            }
        }
        if let Some(end) = end
            && End::said(&status).is_none()
        {
            add_condition(&mut status, end.interim(), cx);
        }
        if status != before {
            self.writer.take(cx.now)?;
            cx.store.set_job_status(id, status.clone());
            self.writer.wait(id, cx.now)?;
        }
        self.count(id, &pods, end, cx)?;
        self.close(id, status, end, cx)?;
        Ok(next)
    }

    /// Takes the finalizers off what ended; when the Job fails, off everything, which then counts as failed.
    fn count(
        &mut self,
        id: JobId,
        pods: &Pods,
        end: Option<End>,
        cx: &mut Context<'_>,
    ) -> Result<(), Stopped> {
        let ended = pods.ended.iter().map(|(pod, finished)| (*pod, Some(*finished)));
        let fails = matches!(end, Some(End::Failure(_)));
        let going_on = pods.going_on.iter().filter(|_| end.is_some());
        let going_on = going_on.map(|(pod, finished)| (*pod, fails.then_some(*finished)));
        let mut any = false;
        for (pod, finished) in ended.chain(going_on) {
            if cx.store.pod(pod).is_some_and(|pod| !pod.counted) {
                self.writer.take(cx.now)?;
                cx.store.release_job_pod(id, pod, finished);
                any = true;
            }
        }
        if any { self.writer.wait(id, cx.now) } else { Ok(()) }
    }

    /// Adds up what was counted, and ends the Job if nothing of it is left.
    fn close(
        &mut self,
        id: JobId,
        mut status: JobStatus,
        end: Option<End>,
        cx: &mut Context<'_>,
    ) -> Result<(), Stopped> {
        let job = cx.store.job(id).expect("the caller looked");
        let before = job.status.clone();
        let counted: Vec<Finished> = job.uncounted.iter().map(|&f| stamped(f, cx.settings)).collect();
        (status.succeeded, status.failed) = plus(&status, &counted);
        if let Some(end) = end.filter(|_| status.terminating == 0) {
            add_condition(&mut status, end.last(), cx);
            status.completion = (end == End::Success).then_some(cx.settings.timestamp(cx.now));
        }
        if counted.is_empty() && status == before {
            return Ok(());
        }
        self.writer.take(cx.now)?;
        let memory = self.memory.entry(id).or_default();
        memory.backoff = memory.backoff.after(&counted);
        cx.store.set_job_counts(id, status);
        self.writer.wait(id, cx.now)
    }

    /// Brings the number of active pods to what is wanted; gives it back, or `None` while pods are held back.
    fn manage(
        &mut self,
        id: JobId,
        spec: &JobSpec,
        pods: &Pods,
        goal: &Goal,
        cx: &mut Context<'_>,
    ) -> Result<Option<u32>, Stopped> {
        let active = pods.active.len() as u32;
        let wanted = match spec.completions {
            _ if spec.suspended => 0,
            None if goal.succeeded > 0 => active,
            None => spec.parallelism,
            Some(completions) => completions.saturating_sub(goal.succeeded).min(spec.parallelism),
        };
        if active > wanted {
            let surplus = (active - wanted).min(if spec.suspended { active } else { BURST });
            let victims = first_to_go(&pods.active, surplus as usize, cx.store);
            self.delete(id, &victims, true, cx)?;
            return Ok(Some(active - surplus));
        }
        let waiting = match spec.replacement {
            Replacement::TerminatingOrFailed => 0,
            Replacement::Failed => pods.terminating,
        };
        let missing = wanted.saturating_sub(active + waiting);
        if missing == 0 {
            self.memory.entry(id).or_default().batch = 0;
            return Ok(Some(active));
        }
        if goal.held_until > cx.now {
            return Ok(None);
        }
        self.create(id, spec, missing.min(BURST), cx)?;
        Ok(Some(active + missing.min(BURST)))
    }

    /// One, two, four … at a time.
    fn create(
        &mut self,
        id: JobId,
        spec: &JobSpec,
        mut missing: u32,
        cx: &mut Context<'_>,
    ) -> Result<(), Stopped> {
        while missing > 0 {
            let memory = self.memory.entry(id).or_default();
            memory.batch = (memory.batch * 2).max(1);
            let batch = memory.batch.min(missing);
            for _ in 0..batch {
                self.writer.take(cx.now)?;
                cx.store.create_pod(Owner::Job(id), spec.template, cx.now);
            }
            missing -= batch;
            self.writer.wait(id, cx.now)?;
        }
        self.memory.entry(id).or_default().batch = 0;
        Ok(())
    }

    /// Deletes pods at the same time. Those that are `surplus` count for nothing: they lose their finalizer first.
    fn delete(
        &mut self,
        id: JobId,
        pods: &[PodId],
        surplus: bool,
        cx: &mut Context<'_>,
    ) -> Result<(), Stopped> {
        for &pod in pods {
            self.writer.take(cx.now)?;
            if surplus {
                cx.store.release_job_pod(id, pod, None);
            }
            cx.store.delete_pod(pod, cx.now);
        }
        if surplus && !pods.is_empty() { self.writer.wait(id, cx.now) } else { Ok(()) }
    }

    /// The Job goes after its pods (foreground deletion).
    fn expire(&mut self, id: JobId, cx: &mut Context<'_>) -> Result<(), Stopped> {
        self.collect(id, cx)?;
        if cx.store.pods_of(Owner::Job(id)).next().is_none() {
            self.writer.take(cx.now)?;
            cx.store.remove_job(id);
        }
        Ok(())
    }

    /// Pods of a Job that is no more go too.
    fn collect(&mut self, id: JobId, cx: &mut Context<'_>) -> Result<(), Stopped> {
        let pods = cx.store.pods_of(Owner::Job(id)).filter(|(_, pod)| !pod.is_terminating());
        let pods: Vec<PodId> = pods.map(|(pod, _)| pod).collect();
        self.delete(id, &pods, false, cx)
    }
}

/// What decides how many pods are wanted, and when.
struct Goal {
    succeeded: u32,
    held_until: SimTime,
}

/// Succeeded and failed pods of a status, and those that ended since.
fn plus(status: &JobStatus, ended: &[Finished]) -> (u32, u32) {
    let succeeded = ended.iter().filter(|f| f.succeeded).count();
    (status.succeeded + succeeded as u32, status.failed + (ended.len() - succeeded) as u32)
}

fn add_condition(status: &mut JobStatus, (kind, reason): (JobConditionKind, JobReason), cx: &Context<'_>) {
    status.conditions.push(JobCondition { kind, reason, since: cx.settings.timestamp(cx.now) });
}

/// A suspended Job has not started: its deadline counts from when it goes on, as the API describes `suspend`.
fn set_suspended(status: &mut JobStatus, suspended: bool, cx: &Context<'_>) {
    let is_said = status.condition(JobConditionKind::Suspended).is_some();
    if suspended && !is_said {
        add_condition(status, (JobConditionKind::Suspended, JobReason::JobSuspended), cx);
        status.start = None;
    } else if !suspended && is_said {
        status.conditions.retain(|condition| condition.kind != JobConditionKind::Suspended);
    }
}
