use super::super::test_rig::Rig;
use super::*;
use crate::cluster::objects::{Owner, Phase};

fn secs(s: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(s)
}

/// Every minute from 0:00 on.
fn start(rig: &mut Rig, change: impl FnOnce(&mut CronJob)) -> CronJobId {
    let spec = rig.spec();
    let mut cron_job = CronJob::new(Schedule::parse("* * * * *").expect("it is right"), spec);
    change(&mut cron_job);
    rig.cluster.store.add_cron_job(cron_job, rig.now)
}

/// For which seconds its Jobs were made, oldest first.
fn made_for(rig: &Rig, id: CronJobId) -> Vec<u64> {
    let jobs = rig.cluster.store.jobs_of(id).iter();
    let times = jobs.filter_map(|&job| scheduled(job, &rig.cluster.store));
    times.map(|time| time.as_micros() / 1_000_000).collect()
}

fn finish(rig: &mut Rig, id: CronJobId, phase: Phase) {
    let jobs: Vec<JobId> = rig.cluster.store.jobs_of(id).to_vec();
    for job in jobs {
        rig.active(Owner::Job(job)).into_iter().for_each(|pod| rig.end(pod, phase));
    }
}

#[test]
fn a_job_is_made_a_tenth_of_a_second_after_each_scheduled_time() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |_| {});
    rig.run_to(60_099);
    assert_eq!(made_for(&rig, id), [0; 0]);
    rig.run_to(60_100);
    assert_eq!(made_for(&rig, id), [60]);
    rig.run_to(180_100);
    assert_eq!(made_for(&rig, id), [60, 120, 180]);
    let status = &rig.cluster.store.cron_job(id).status;
    assert_eq!((status.last_schedule, status.active.len()), (Some(secs(180)), 3));
}

#[test]
fn a_run_that_must_wait_is_made_late_and_only_the_last_one() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |cron_job| cron_job.concurrency = Concurrency::Forbid);
    rig.run_to(200_000);
    assert_eq!(made_for(&rig, id), [60]);
    // Those of 120 s and 180 s wait; the Job finishes at 201.01 s, seen 10 ms later.
    finish(&mut rig, id, Phase::Succeeded);
    rig.run_to(201_100);
    assert_eq!(made_for(&rig, id), [60, 180]);
    assert_eq!(rig.cluster.store.cron_job(id).status.last_success, Some(secs(201)));
}

#[test]
fn a_run_later_than_the_starting_deadline_is_skipped() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |cron_job| {
        cron_job.concurrency = Concurrency::Forbid;
        cron_job.starting_deadline = Some(SimDuration::from_secs(15));
    });
    rig.run_to(140_000);
    finish(&mut rig, id, Phase::Succeeded);
    // 141 − 120 is more than 15: the next is that of 180 s.
    rig.run_to(179_000);
    assert_eq!(made_for(&rig, id), [60]);
    rig.run_to(181_000);
    assert_eq!(made_for(&rig, id), [60, 180]);
}

#[test]
fn a_newer_run_replaces_the_older_and_its_pods() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |cron_job| cron_job.concurrency = Concurrency::Replace);
    rig.run_to(100_000);
    let old = rig.cluster.store.jobs_of(id)[0];
    rig.run_to(121_000);
    assert_eq!(made_for(&rig, id), [120]);
    assert!(rig.active(Owner::Job(old)).is_empty());
    let status = &rig.cluster.store.cron_job(id).status;
    assert_eq!(status.active, rig.cluster.store.jobs_of(id));
}

#[test]
fn finished_jobs_beyond_the_history_go_oldest_first() {
    for (phase, kept) in [(Phase::Succeeded, vec![180, 240, 300]), (Phase::Failed, vec![300])] {
        let mut rig = Rig::new();
        let id = start(&mut rig, |cron_job| cron_job.job.backoff_limit = 0);
        for minute in 1..=5 {
            rig.run_to(minute * 60_000 + 5_000);
            finish(&mut rig, id, phase);
        }
        rig.run_to(310_000);
        assert_eq!(made_for(&rig, id), kept);
    }
}

#[test]
fn a_suspended_one_makes_nothing_and_later_only_what_was_missed_last() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |cron_job| cron_job.suspended = true);
    rig.run_to(400_000);
    assert_eq!(made_for(&rig, id), [0; 0]);
    rig.cluster.store.write_cron_job(id, |cron_job| cron_job.suspended = false);
    rig.run_to(401_000);
    assert_eq!(made_for(&rig, id), [360]);
}

#[test]
fn missed_times_are_stepped_over() {
    let hourly = Schedule::parse("0 * * * *").expect("it is right");
    let day = 86_400;
    assert_eq!(last_due(&hourly, 0, 3_599), None);
    assert_eq!(last_due(&hourly, 0, 3_600), Some(3_600));
    // 30 days and half an hour: the last full hour.
    assert_eq!(last_due(&hourly, 0, 30 * day + 1_800), Some(30 * day));
    // 9:00 and 17:00: eight and sixteen hours apart.
    let twice = Schedule::parse("0 9,17 * * *").expect("it is right");
    assert_eq!(last_due(&twice, 0, 3 * day), Some(2 * day + 17 * 3_600));
}
