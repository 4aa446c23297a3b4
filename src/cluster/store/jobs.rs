//! Writing Jobs and CronJobs. Ids of objects that are gone are programming errors.

use super::{Change, RemovedJob, Store};
use crate::cluster::objects::{
    CronJob, CronJobId, CronJobStatus, Finished, Job, JobId, JobSpec, JobStatus, Owner, Pod, PodId,
};
use crate::engine::SimTime;

/// Reading.
impl Store {
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(id)
    }

    pub fn jobs(&self) -> impl Iterator<Item = (JobId, &Job)> {
        self.jobs.iter()
    }

    pub fn cron_job(&self, id: CronJobId) -> &CronJob {
        &self.cron_jobs[id.index()]
    }

    pub fn cron_jobs(&self) -> impl Iterator<Item = CronJobId> {
        (0..self.cron_jobs.len() as u32).map(CronJobId)
    }

    /// Jobs that a CronJob made, oldest first.
    pub fn jobs_of(&self, id: CronJobId) -> &[JobId] {
        &self.jobs_of[id.index()]
    }
}

/// Jobs.
impl Store {
    /// A Job that nobody made, or that a CronJob makes for a time. `spec.template` was interned before.
    pub fn add_job(&mut self, spec: JobSpec, made_by: Option<(CronJobId, SimTime)>, now: SimTime) -> JobId {
        self.refer(spec.template);
        let (status, uncounted) = (JobStatus::default(), Vec::new());
        let id = self.jobs.insert(Job { made_by, created: now, spec, status, uncounted });
        if let Some((cron_job, _)) = made_by {
            self.jobs_of[cron_job.index()].push(id);
        }
        self.wrote(Change::Job(id));
        id
    }

    fn job_mut(&mut self, id: JobId) -> &mut Job {
        self.jobs.get_mut(id).expect("only Jobs that exist are written")
    }

    /// Changes the spec of a Job. The template of a Job never changes.
    pub fn write_job(&mut self, id: JobId, write: impl FnOnce(&mut JobSpec)) {
        let spec = &mut self.job_mut(id).spec;
        let template = spec.template;
        write(spec);
        spec.template = template;
        self.wrote(Change::Job(id));
    }

    pub fn set_job_status(&mut self, id: JobId, status: JobStatus) {
        let job = self.job_mut(id);
        if job.status != status {
            job.status = status;
            self.wrote(Change::JobStatus(id));
        }
    }

    /// The status counts all pods that ended, were to be counted and are now.
    pub fn set_job_counts(&mut self, id: JobId, status: JobStatus) {
        self.job_mut(id).uncounted.clear();
        self.set_job_status(id, status);
    }

    /// Takes the tracking finalizer off a pod: its Job counts it as what it ended as, or not at all.
    pub fn release_job_pod(&mut self, id: JobId, pod: PodId, finished: Option<Finished>) {
        self.set_counted(pod);
        self.job_mut(id).uncounted.extend(finished);
    }

    /// A pod goes before its Job took its finalizer off: what it came to must not be lost.
    pub(super) fn keep_for_job(&mut self, pod: &Pod) {
        if let Owner::Job(job) = pod.owner
            && !pod.counted
            && let Some(job) = self.jobs.get_mut(job)
            && job.status.finished().is_none()
        {
            job.uncounted.push(Finished::of(pod));
        }
    }

    /// The Job object is gone; its pods are left to the garbage collector.
    pub fn remove_job(&mut self, id: JobId) {
        let job = self.jobs.remove(id).expect("only Jobs that exist are removed");
        self.release(job.spec.template);
        let made_by = job.made_by.map(|(cron_job, _)| cron_job);
        if let Some(cron_job) = made_by {
            self.jobs_of[cron_job.index()].retain(|&other| other != id);
        }
        self.wrote(Change::JobRemoved(RemovedJob { id, made_by }));
    }
}

/// CronJobs.
impl Store {
    /// `cron_job.job.template` was interned before.
    pub fn add_cron_job(&mut self, cron_job: CronJob, now: SimTime) -> CronJobId {
        let id = CronJobId(self.cron_jobs.len() as u32);
        self.refer(cron_job.job.template);
        self.cron_jobs.push(CronJob { created: now, ..cron_job });
        self.jobs_of.push(Vec::new());
        self.wrote(Change::CronJob(id));
        id
    }

    /// Changes the spec of a CronJob, but for the template of its pods.
    pub fn write_cron_job(&mut self, id: CronJobId, write: impl FnOnce(&mut CronJob)) {
        let cron_job = &mut self.cron_jobs[id.index()];
        let template = cron_job.job.template;
        write(cron_job);
        cron_job.job.template = template;
        self.wrote(Change::CronJob(id));
    }

    pub fn set_cron_job_status(&mut self, id: CronJobId, status: CronJobStatus) {
        let cron_job = &mut self.cron_jobs[id.index()];
        if cron_job.status != status {
            cron_job.status = status;
            self.wrote(Change::CronJob(id));
        }
    }
}
