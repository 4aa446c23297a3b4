use super::super::test_rig::Rig;
use super::*;
use crate::cluster::objects::{Job, Phase, Pod};

fn secs(s: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(s)
}

fn start(rig: &mut Rig, change: impl FnOnce(&mut JobSpec)) -> JobId {
    let mut spec = rig.spec();
    change(&mut spec);
    let job = rig.cluster.store.add_job(spec, None, rig.now);
    rig.run_to(100);
    job
}

fn job(rig: &Rig, id: JobId) -> &Job {
    rig.cluster.store.job(id).expect("it exists")
}

/// (active, succeeded, failed) of the status.
fn counts(rig: &Rig, id: JobId) -> (u32, u32, u32) {
    let status = &job(rig, id).status;
    (status.active, status.succeeded, status.failed)
}

fn conditions(rig: &Rig, id: JobId) -> Vec<(JobConditionKind, JobReason)> {
    job(rig, id).status.conditions.iter().map(|c| (c.kind, c.reason)).collect()
}

#[test]
fn failures_double_the_hold_back_up_to_ten_minutes_and_a_success_ends_it() {
    let failed = |s| Finished { succeeded: false, at: secs(s) };
    let succeeded = |s| Finished { succeeded: true, at: secs(s) };
    let none = Backoff::default();
    assert_eq!(none.until(), SimTime::ZERO);
    // 10 s after the first; 10 · 2^2 = 40 s after the third, which was at 9 s.
    assert_eq!(none.after(&[failed(5)]).until(), secs(15));
    let three = none.after(&[failed(5)]).after(&[failed(9), failed(7)]);
    assert_eq!((three.failures, three.until()), (3, secs(49)));
    // The seventh would be 640 s; 600 s is the most, however many there are.
    let seven = none.after(&[failed(1); 7]);
    assert_eq!((seven.until(), seven.after(&[failed(1); 100]).until()), (secs(601), secs(601)));
    // Only what failed after the success counts.
    let mixed = three.after(&[failed(11), succeeded(12), failed(12), failed(13)]);
    assert_eq!((mixed.failures, mixed.until()), (1, secs(23)));
    assert_eq!(three.after(&[succeeded(12)]).failures, 0);
}

#[test]
fn as_many_pods_run_as_are_still_needed_and_no_more_than_may() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |spec| (spec.completions, spec.parallelism) = (Some(3), 2));
    assert_eq!(counts(&rig, id), (2, 0, 0));
    rig.run_to(3_000);
    rig.active(Owner::Job(id)).into_iter().for_each(|pod| rig.end(pod, Phase::Succeeded));
    // Seen 10 ms later, worked off another second later.
    rig.run_to(4_009);
    assert_eq!(counts(&rig, id), (2, 0, 0));
    rig.run_to(4_010);
    // 3 wanted − 2 done = 1.
    assert_eq!((counts(&rig, id), rig.active(Owner::Job(id)).len()), ((1, 2, 0), 1));
    rig.run_to(7_000);
    let last = rig.active(Owner::Job(id))[0];
    rig.end(last, Phase::Succeeded);
    rig.run_to(9_000);
    assert_eq!(counts(&rig, id), (0, 3, 0));
    let reason = JobReason::CompletionsReached;
    let expected = [(JobConditionKind::SuccessCriteriaMet, reason), (JobConditionKind::Complete, reason)];
    assert_eq!(conditions(&rig, id), expected);
    // At 8.01 s, in whole seconds.
    assert_eq!(job(&rig, id).status.completion, Some(secs(8)));
}

#[test]
fn while_pods_are_held_back_the_status_says_that_none_is_active() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |spec| (spec.completions, spec.parallelism) = (Some(2), 2));
    rig.run_to(2_500);
    let first = rig.active(Owner::Job(id))[0];
    rig.end(first, Phase::Failed);
    rig.run_to(11_900);
    assert_eq!((counts(&rig, id), rig.active(Owner::Job(id)).len()), ((0, 0, 1), 1));
    // It failed at 2.5 s, which objects bear as 2 s; 10 s later is 12 s.
    rig.run_to(12_100);
    assert_eq!((counts(&rig, id), rig.active(Owner::Job(id)).len()), ((2, 0, 1), 2));
}

#[test]
fn one_failure_more_than_the_limit_fails_the_job_and_ends_its_pods() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |spec| {
        (spec.completions, spec.parallelism, spec.backoff_limit) = (Some(3), 3, 1);
    });
    let pods = rig.active(Owner::Job(id));
    rig.end(pods[0], Phase::Failed);
    rig.end(pods[1], Phase::Failed);
    rig.run_to(2_000);
    // The third pod is told to end and counts as failed; the Job has failed when it is gone.
    assert_eq!(counts(&rig, id), (0, 0, 3));
    let reason = JobReason::BackoffLimitExceeded;
    assert_eq!(conditions(&rig, id), [(JobConditionKind::FailureTarget, reason)]);
    assert!(rig.cluster.store.pod(pods[2]).is_some_and(Pod::is_terminating));
    rig.cluster.store.remove_pod(pods[2]);
    rig.run_to(4_000);
    let expected = [(JobConditionKind::FailureTarget, reason), (JobConditionKind::Failed, reason)];
    assert_eq!((conditions(&rig, id), counts(&rig, id)), (expected.to_vec(), (0, 0, 3)));
}

#[test]
fn a_job_fails_at_its_deadline() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |spec| spec.active_deadline = Some(SimDuration::from_secs(8)));
    // It started at 10 ms, which its status bears as 0 s.
    rig.run_to(7_999);
    assert_eq!(conditions(&rig, id), []);
    rig.run_to(8_000);
    assert_eq!(conditions(&rig, id), [(JobConditionKind::FailureTarget, JobReason::DeadlineExceeded)]);
    assert_eq!(counts(&rig, id), (0, 0, 1));
}

#[test]
fn restarts_count_as_failures_where_containers_start_again_in_their_pod() {
    for (restarts_in_place, fails) in [(true, true), (false, false)] {
        let mut rig = Rig::new();
        let id = start(&mut rig, |spec| {
            (spec.restarts_in_place, spec.backoff_limit) = (restarts_in_place, 2);
        });
        let pod = rig.active(Owner::Job(id))[0];
        rig.cluster.store.set_running(pod, true);
        rig.run_to(3_000);
        assert_eq!(conditions(&rig, id), []);
        rig.cluster.store.set_running(pod, true);
        rig.run_to(6_000);
        assert_eq!(!conditions(&rig, id).is_empty(), fails);
    }
}

#[test]
fn without_a_number_of_completions_one_success_ends_the_making_of_pods() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |spec| (spec.completions, spec.parallelism) = (None, 3));
    let pods = rig.active(Owner::Job(id));
    rig.end(pods[0], Phase::Succeeded);
    rig.run_to(3_000);
    assert_eq!((counts(&rig, id), conditions(&rig, id)), ((2, 1, 0), vec![]));
    rig.end(pods[1], Phase::Failed);
    rig.end(pods[2], Phase::Succeeded);
    rig.run_to(5_000);
    assert_eq!(counts(&rig, id), (0, 2, 1));
    assert!(job(&rig, id).status.finished().is_some());
}

#[test]
fn a_pod_that_is_gone_before_it_was_counted_is_counted() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |_| {});
    let pod = rig.active(Owner::Job(id))[0];
    rig.end(pod, Phase::Succeeded);
    rig.cluster.store.remove_pod(pod);
    rig.run_to(3_000);
    assert_eq!(counts(&rig, id), (0, 1, 0));
    assert!(job(&rig, id).status.condition(JobConditionKind::Complete).is_some());
}

#[test]
fn a_terminating_pod_is_replaced_at_once_or_when_it_has_ended() {
    for (replacement, at_once) in [(Replacement::TerminatingOrFailed, true), (Replacement::Failed, false)] {
        let mut rig = Rig::new();
        let id = start(&mut rig, |spec| spec.replacement = replacement);
        rig.run_to(5_000);
        let pod = rig.active(Owner::Job(id))[0];
        rig.cluster.store.delete_pod(pod, rig.now);
        // Past the hold-back of a failure at 5 s.
        rig.run_to(17_000);
        assert_eq!(rig.active(Owner::Job(id)).len(), usize::from(at_once));
        assert_eq!(counts(&rig, id).2, u32::from(at_once));
        rig.end(pod, Phase::Failed);
        // Ended at 17 s: 10 s more, and a batch, for the second kind.
        rig.run_to(29_000);
        assert_eq!((rig.active(Owner::Job(id)).len(), counts(&rig, id)), (1, (1, 0, 1)));
    }
}

#[test]
fn suspending_deletes_pods_that_count_for_nothing_and_resuming_starts_the_clock_anew() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |spec| spec.active_deadline = Some(SimDuration::from_secs(20)));
    let pod = rig.active(Owner::Job(id))[0];
    rig.run_to(5_000);
    rig.cluster.store.write_job(id, |spec| spec.suspended = true);
    rig.run_to(6_000);
    assert_eq!(counts(&rig, id), (0, 0, 0));
    assert_eq!(conditions(&rig, id), [(JobConditionKind::Suspended, JobReason::JobSuspended)]);
    rig.cluster.store.remove_pod(pod);
    rig.run_to(30_000);
    rig.cluster.store.write_job(id, |spec| spec.suspended = false);
    rig.run_to(31_000);
    assert_eq!((counts(&rig, id), conditions(&rig, id)), ((1, 0, 0), vec![]));
    // 30 s and not 0 s: the deadline is at 50 s.
    assert_eq!(job(&rig, id).status.start, Some(secs(30)));
}

#[test]
fn pods_are_made_within_the_rate_of_the_client() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |spec| (spec.completions, spec.parallelism) = (Some(40), 40));
    // A burst of 30 at 10 ms, then one each 50 ms: one by 100 ms, and the tenth at 510 ms.
    assert_eq!(rig.active(Owner::Job(id)).len(), 31);
    rig.run_to(509);
    assert_eq!((rig.active(Owner::Job(id)).len(), counts(&rig, id).0), (39, 0));
    rig.run_to(560);
    assert_eq!((rig.active(Owner::Job(id)).len(), counts(&rig, id).0), (40, 40));
}

#[test]
fn a_finished_job_goes_with_its_pods_when_its_time_is_over() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |spec| spec.ttl_after_finished = Some(SimDuration::from_secs(5)));
    rig.run_to(2_000);
    let pod = rig.active(Owner::Job(id))[0];
    rig.end(pod, Phase::Succeeded);
    // Complete at 3.01 s, which objects bear as 3 s.
    rig.run_to(7_999);
    assert!(rig.cluster.store.pod(pod).is_some());
    rig.run_to(8_000);
    assert!(rig.cluster.store.job(id).is_none() && rig.cluster.store.pod(pod).is_none());
}

#[test]
fn pods_of_a_deleted_job_are_deleted_and_another_look_changes_nothing() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |spec| (spec.completions, spec.parallelism) = (Some(4), 4));
    rig.run_to(5_000);
    let before = rig.cluster.store.revision();
    rig.cluster.wake_all(rig.now);
    assert_eq!(rig.cluster.store.revision(), before);
    rig.cluster.store.remove_job(id);
    rig.run_to(5_100);
    let terminating = rig.cluster.store.pods_of(Owner::Job(id)).filter(|(_, pod)| pod.is_terminating());
    assert_eq!(terminating.count(), 4);
}

#[test]
fn surplus_pods_go_youngest_first_and_count_for_nothing() {
    let mut rig = Rig::new();
    let id = start(&mut rig, |spec| (spec.completions, spec.parallelism) = (Some(3), 3));
    let pods = rig.active(Owner::Job(id));
    // The first is ready; the others are as old as each other, the third has the highest number.
    rig.cluster.store.set_ready(pods[0], true, rig.now);
    rig.run_to(3_000);
    rig.cluster.store.write_job(id, |spec| spec.parallelism = 1);
    rig.run_to(6_000);
    assert_eq!((rig.active(Owner::Job(id)), counts(&rig, id)), (vec![pods[0]], (1, 0, 0)));
    assert_eq!(first_to_go(&pods, 1, &rig.cluster.store), [pods[2]]);
}
