//! Waits of a kubelet before it tries again what failed: to start a container, to pull an image.
//!
//! Follows pkg/kubelet of v1.36.2: `doBackOff` of containers (the first exit is followed by a start at once, then
//! after 10 s, doubling to 300 s, starting over after 10 min of running; a container that the kubelet itself kills starts
//! again in the same sync, unless its back-off since the exit before has not passed) and `flowcontrol.Backoff` of images
//! (10 s from the first failure on, doubling to 300 s, forgotten after twice the longest wait). What waits is looked at
//! when its pod's worker wakes up, not at the end of the wait (`completeWork` in pod_workers.go): [`wakes_after`]
//! for containers, [`polls_until`] for images. Knows no pod.
//!
//! Start at [`CrashLoop::on_exit`].

use crate::engine::{SimDuration, SimTime, Stream};
use crate::platform::kubernetes::parameters::KubeletParameters;

/// A pod worker wakes up at least so often (`syncFrequency`).
const RESYNC: SimDuration = SimDuration::from_secs(60);
/// After a sync that failed otherwise it wakes up again after this (`backOffPeriod`).
const BACKOFF_PERIOD: SimDuration = SimDuration::from_secs(10);

/// When a worker that waits for the end of a container's back-off finds it over: it sleeps for what is left, but 60 s at
/// most, and each time by up to the share `jitter` too long.
pub fn wakes_after(wait: SimDuration, jitter: f64, random: &mut Stream) -> SimDuration {
    sleeps(wait, jitter, random, |left| left.min(RESYNC))
}

/// When a worker finds the back-off of an image over: it looks every 10 s, and each time by up to the share `jitter` later.
pub fn polls_until(wait: SimDuration, jitter: f64, random: &mut Stream) -> SimDuration {
    sleeps(wait, jitter, random, |_| BACKOFF_PERIOD)
}

fn sleeps(
    wait: SimDuration,
    jitter: f64,
    random: &mut Stream,
    next: impl Fn(SimDuration) -> SimDuration,
) -> SimDuration {
    let mut slept = SimDuration::ZERO;
    while slept < wait {
        slept += next(wait - slept).mul_f64(1.0 + jitter * random.uniform());
    }
    slept
}

/// Restarts of one container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashLoop {
    /// The wait after the next exit.
    backoff: SimDuration,
    /// When it was last started again.
    pub updated: SimTime,
}

impl CrashLoop {
    /// The container ended at `now`; gives back how long to wait and what to remember.
    pub fn on_exit(
        known: Option<CrashLoop>,
        now: SimTime,
        p: &KubeletParameters,
    ) -> (SimDuration, CrashLoop) {
        match known {
            Some(old) if now.saturating_since(old.updated) <= p.backoff_reset => {
                let next = (old.backoff * 2).min(p.backoff_max);
                (old.backoff, CrashLoop { backoff: next, updated: now + old.backoff })
            }
            _ => (SimDuration::ZERO, CrashLoop { backoff: p.backoff.min(p.backoff_max), updated: now }),
        }
    }
}

impl CrashLoop {
    /// The kubelet has killed the container, of which the life before ended at `before`: how long its start has to wait
    /// still, and what to remember. The first one leaves no trace.
    pub fn on_kill(
        known: Option<CrashLoop>,
        before: Option<SimTime>,
        now: SimTime,
        p: &KubeletParameters,
    ) -> (SimDuration, Option<CrashLoop>) {
        let Some(before) = before else { return (SimDuration::ZERO, known) };
        let (wait, next) = CrashLoop::on_exit(known, before, p);
        let left = (before + wait).saturating_since(now);
        (left, Some(CrashLoop { updated: now + left, ..next }))
    }
}

/// Pulls of one image for one pod that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullBackoff {
    wait: SimDuration,
    failed: SimTime,
}

impl PullBackoff {
    /// A pull failed at `now`; gives back how long to wait and what to remember.
    pub fn on_failure(
        known: Option<PullBackoff>,
        now: SimTime,
        p: &KubeletParameters,
    ) -> (SimDuration, PullBackoff) {
        let wait = match known {
            Some(old) if now.saturating_since(old.failed) <= p.pull_backoff_max * 2 => old.wait * 2,
            _ => p.pull_backoff,
        };
        let wait = wait.min(p.pull_backoff_max);
        (wait, PullBackoff { wait, failed: now })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_that_exits_at_once_is_restarted_at_0_10_30_70_150_310_610_seconds() {
        let p = KubeletParameters::default();
        let (mut now, mut known, mut times) = (SimTime::ZERO, None, Vec::new());
        for _ in 0..8 {
            let (wait, next) = CrashLoop::on_exit(known, now, &p);
            now += wait;
            known = Some(next);
            times.push(now.as_micros() / 1_000_000);
        }
        assert_eq!(times, [0, 10, 30, 70, 150, 310, 610, 910]);
    }

    /// Means of many sleeps [s].
    fn mean(of: impl Fn(&mut Stream) -> SimDuration) -> f64 {
        let mut random =
            crate::engine::Streams::new(1, 0).open(crate::engine::Purpose::named("crash-loop jitter"), &[]);
        (0..20_000).map(|_| of(&mut random).as_secs_f64()).sum::<f64>() / 20_000.0
    }

    #[test]
    fn a_worker_that_waits_for_a_back_off_wakes_up_once_a_minute() {
        // Half as long again at most, a quarter on average, of 60 s at most each time. 10 s: 12.5. 80 s: with u below 2/3
        // of the first 60·(1 + u/2) s, 20 − 30 u are left, and 80 + (20 − 30 u)/4 come of it; else 85 on average:
        // 2/3 · 82.5 + 1/3 · 85 = 83.3. 300 s: six or seven sleeps, of which only the last one is late.
        let of = |s| mean(|random| wakes_after(SimDuration::from_secs(s), 0.5, random));
        for (wait, expected, about) in
            [(10, 12.5, 0.1), (80, 83.3, 0.1), (160, 164.0, 0.5), (300, 307.0, 0.7)]
        {
            assert!((of(wait) - expected).abs() < about, "{wait}: {}", of(wait));
        }
    }

    #[test]
    fn the_back_off_of_an_image_is_looked_at_every_ten_to_fifteen_seconds() {
        let of = |s| mean(|random| polls_until(SimDuration::from_secs(s), 0.5, random));
        // 10 s: the first look, after 12.5 s. 20 s: the second, after 25 s; never the first.
        assert!((of(10) - 12.5).abs() < 0.1 && (of(20) - 25.0).abs() < 0.1);
        // Far on, looks 12.5 s apart find it over (E u² / 2 E u) = (156.25 + 25/12) / 25 = 6.3 s late on average.
        assert!((of(300) - 306.3).abs() < 0.2, "{}", of(300));
    }

    #[test]
    fn a_container_that_was_killed_waits_only_for_what_is_left_since_its_exit_before() {
        let p = KubeletParameters::default();
        let at = |s| SimTime::ZERO + SimDuration::from_secs(s);
        let mut known = None;
        // Killed every 60 s: no trace of the first; then 10, 20, 40 s from the exit before have passed; of 80 s and
        // more the rest is waited for. It starts over with none.
        let mut left = |before, now| {
            let (left, next) = CrashLoop::on_kill(known, before, at(now), &p);
            known = next;
            left.as_micros() / 1_000_000
        };
        assert_eq!([left(None, 60), left(Some(at(60)), 120), left(Some(at(120)), 180)], [0, 0, 0]);
        assert_eq!([left(Some(at(180)), 240), left(Some(at(240)), 300)], [0, 0]);
        assert_eq!([left(Some(at(300)), 360), left(Some(at(360)), 440)], [20, 80]);
    }

    #[test]
    fn ten_minutes_of_running_are_forgiven() {
        let p = KubeletParameters::default();
        let (_, known) = CrashLoop::on_exit(None, SimTime::ZERO, &p);
        let later = SimTime::ZERO + SimDuration::from_secs(601);
        assert_eq!(CrashLoop::on_exit(Some(known), later, &p).0, SimDuration::ZERO);
    }

    #[test]
    fn an_image_is_asked_for_again_after_10_seconds_doubling_to_300() {
        let p = KubeletParameters::default();
        let (mut now, mut known, mut waits) = (SimTime::ZERO, None, Vec::new());
        for _ in 0..7 {
            let (wait, next) = PullBackoff::on_failure(known, now, &p);
            now += wait;
            known = Some(next);
            waits.push(wait.as_micros() / 1_000_000);
        }
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
        // Forgotten after 2 · 300 s.
        let later = now + SimDuration::from_secs(301);
        assert_eq!(PullBackoff::on_failure(known, later, &p).0, SimDuration::from_secs(10));
    }
}
