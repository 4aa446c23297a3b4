//! CronJob controller: makes a Job whenever its schedule says so.
//!
//! Watches CronJobs and their Jobs. Reads both. Creates and deletes Jobs, writes the CronJob's status. Follows
//! pkg/controller/cronjob/cronjob_controllerv2.go of v1.36.2: it comes 100 ms after the next scheduled time; of the times that were missed only
//! the last runs, if it is not later than the starting deadline; a run that must wait for an earlier one (Forbid) is
//! made when that finishes, unless the next is due by then; Replace deletes what is active. Finished Jobs beyond the
//! history limits go, oldest first. Jobs are deleted in the background: their pods follow.
//!
//! *Deviation:* more than 100 missed times cause no warning (they do nothing else upstream).
//!
//! Start at [`CronJobController::sync`].

use super::Context;
use super::writer::{Stopped, Writer};
use crate::cluster::objects::{
    Concurrency, CronJob, CronJobId, CronJobStatus, Job, JobConditionKind, JobId, Schedule,
};
use crate::cluster::settings::Settings;
use crate::cluster::store::Store;
use crate::engine::{SimDuration, SimTime};

/// It comes so long after a scheduled time (nextScheduleDelta).
const DELTA: SimDuration = SimDuration::from_millis(100);

/// The controller and its client.
#[derive(Debug)]
pub struct CronJobController {
    writer: Writer<CronJobId>,
}

impl CronJobController {
    pub fn new(settings: &Settings) -> Self {
        CronJobController { writer: Writer::new(settings) }
    }

    /// Tidies up, and makes the Job that is due. Gives back when to come again.
    pub fn sync(&mut self, id: CronJobId, cx: &mut Context<'_>) -> Option<SimTime> {
        self.step(id, cx).unwrap_or_else(|stopped| stopped)
    }

    fn step(&mut self, id: CronJobId, cx: &mut Context<'_>) -> Result<Option<SimTime>, Stopped> {
        self.writer.begin(id, cx.now)?;
        self.prune(id, cx)?;
        let status = seen(id, cx.store);
        let cron_job = cx.store.cron_job(id);
        let runs = Runs::of(cron_job, cx);
        let next = runs.next.filter(|_| !cron_job.suspended);
        let due = runs.due.filter(|_| !cron_job.suspended);
        let Some(due) = due.filter(|&due| !is_too_late(due, cron_job, cx.now)) else {
            return self.write_status(id, status, cx).map(|()| next);
        };
        let made = cx.store.jobs_of(id).iter().copied().find(|&job| scheduled(job, cx.store) == Some(due));
        if made.is_none() && !status.active.is_empty() {
            match cron_job.concurrency {
                Concurrency::Allow => {}
                Concurrency::Forbid => return self.write_status(id, status, cx).map(|()| next),
                Concurrency::Replace => {
                    for &job in &status.active {
                        self.writer.take(cx.now)?;
                        cx.store.remove_job(job);
                    }
                    self.writer.wait(id, cx.now)?;
                }
            }
        }
        if made.is_none() {
            self.writer.take(cx.now)?;
            let spec = cx.store.cron_job(id).job;
            cx.store.add_job(spec, Some((id, due)), cx.now);
            self.writer.wait(id, cx.now)?;
        }
        let status = CronJobStatus { last_schedule: Some(due), ..seen(id, cx.store) };
        self.write_status(id, status, cx).map(|()| next)
    }

    fn write_status(
        &mut self,
        id: CronJobId,
        status: CronJobStatus,
        cx: &mut Context<'_>,
    ) -> Result<(), Stopped> {
        if cx.store.cron_job(id).status != status {
            self.writer.take(cx.now)?;
            cx.store.set_cron_job_status(id, status);
        }
        Ok(())
    }

    /// Deletes finished Jobs beyond the history.
    fn prune(&mut self, id: CronJobId, cx: &mut Context<'_>) -> Result<(), Stopped> {
        let cron_job = cx.store.cron_job(id);
        let limits = [
            (JobConditionKind::Complete, cron_job.successful_history),
            (JobConditionKind::Failed, cron_job.failed_history),
        ];
        let mut any = false;
        for (kind, limit) in limits {
            let mut jobs: Vec<(Option<SimTime>, JobId)> = Vec::new();
            for (job_id, job) in jobs_of(id, cx.store) {
                if job.status.condition(kind).is_some() {
                    jobs.push((job.status.start, job_id));
                }
            }
            jobs.sort_by_key(|(start, _)| *start);
            let surplus = jobs.len().saturating_sub(limit as usize);
            for (_, job) in jobs.drain(..surplus) {
                self.writer.take(cx.now)?;
                cx.store.remove_job(job);
                any = true;
            }
        }
        if any { self.writer.wait(id, cx.now) } else { Ok(()) }
    }
}

fn jobs_of(id: CronJobId, store: &Store) -> impl Iterator<Item = (JobId, &Job)> {
    store.jobs_of(id).iter().filter_map(|&job| Some((job, store.job(job)?)))
}

fn scheduled(job: JobId, store: &Store) -> Option<SimTime> {
    store.job(job).and_then(|job| job.made_by).map(|(_, time)| time)
}

/// Its status from its Jobs.
fn seen(id: CronJobId, store: &Store) -> CronJobStatus {
    let before = &store.cron_job(id).status;
    let active = jobs_of(id, store).filter(|(_, job)| job.status.finished().is_none()).map(|(job, _)| job);
    let last_success = jobs_of(id, store).filter_map(|(_, job)| job.status.completion).max();
    CronJobStatus {
        active: active.collect(),
        last_schedule: before.last_schedule,
        last_success: last_success.max(before.last_success),
    }
}

fn is_too_late(due: SimTime, cron_job: &CronJob, now: SimTime) -> bool {
    cron_job.starting_deadline.is_some_and(|deadline| due + deadline < now)
}

/// What its schedule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Runs {
    /// The last scheduled time since the last run, or since it was created, that has come.
    due: Option<SimTime>,
    /// When to look again.
    next: Option<SimTime>,
}

impl Runs {
    fn of(cron_job: &CronJob, cx: &Context<'_>) -> Runs {
        let settings = cx.settings;
        let now = settings.wall_seconds(cx.now);
        let since = settings.wall_seconds(cron_job.status.last_schedule.unwrap_or(cron_job.created));
        // Nothing below the deadline is made.
        let deadline = cron_job.starting_deadline.map(|d| now - (d.as_micros() / 1_000_000) as i64);
        let due = last_due(&cron_job.schedule, deadline.map_or(since, |d| d.max(since)), now);
        let next = cron_job.schedule.next(now);
        Runs {
            due: due.map(|due| settings.at_wall_seconds(due)),
            next: next.map(|next| settings.at_wall_seconds(next) + DELTA),
        }
    }
}

/// The last scheduled time after `since` that is not after `now`. Steps over what was missed as if times were regular
/// (mostRecentScheduleTime).
fn last_due(schedule: &Schedule, since: i64, now: i64) -> Option<i64> {
    let first = schedule.next(since).filter(|&first| first <= now)?;
    let Some(second) = schedule.next(first).filter(|&second| second <= now) else {
        return Some(first);
    };
    let period = second - first;
    let missed = (now - first) / period + 1;
    let mut last = None;
    let mut time = schedule.next(first + (missed - 2) * period);
    while let Some(due) = time.filter(|&due| due <= now) {
        last = Some(due);
        time = schedule.next(due);
    }
    last
}

#[cfg(test)]
#[path = "cron_job_tests.rs"]
mod tests;
