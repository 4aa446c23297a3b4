//! Waits of a kubelet before it tries again what failed: to start a container, to pull an image.
//!
//! Follows pkg/kubelet of v1.36.2: `doBackOff` of containers (the first exit is followed by a start at once, then
//! after 10 s, doubling to 300 s, starting over after 10 min of running) and `flowcontrol.Backoff` of images (10 s from
//! the first failure on, doubling to 300 s, forgotten after twice the longest wait). Knows no pod. Start at
//! [`CrashLoop::on_exit`].

use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::parameters::KubeletParameters;

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
