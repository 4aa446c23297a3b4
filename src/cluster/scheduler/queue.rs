//! Pods that wait to be scheduled: active ones are tried, others back off or wait for something to change.
//!
//! Follows backend/queue of v1.36.2: by priority, then by the time of the last attempt; a back-off of 1, 2, 4, 8, 10 s that
//! ends on whole seconds; an idle scheduler takes pods out of their back-off (SchedulerPopFromBackoffQ); waiting
//! pods move when an event may help what rejected them, or after five minutes.
//!
//! *Deviation:* pods whose back-off is over join the active ones when the queue is looked at, not by a ticker: the
//! same order, no events.
//!
//! Start at [`SchedulingQueue::pop`].

use super::class::ClassId;
use super::profile::Plugin;
use crate::cluster::objects::PodId;
use crate::engine::{SimDuration, SimTime};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const BACKOFF_MAX_S: u64 = 10;
/// How often pods that have waited for long are looked for (flushUnschedulablePodsLeftover).
const FLUSH_PERIOD: SimDuration = SimDuration::from_secs(30);
/// How long a pod waits without an event that might help it (DefaultPodMaxInUnschedulablePodsDuration).
const UNSCHEDULABLE_MAX: SimDuration = SimDuration::from_mins(5);

/// The plugins that rejected a pod, each once, in order.
pub type Rejectors = Arc<[Plugin]>;

/// Rank in the active queue: priority, time of the last attempt, order of entry.
type Rank = (Reverse<i32>, SimTime, u64);

/// A pod that waits.
#[derive(Clone, Debug)]
struct Waiting {
    class: ClassId,
    rank: Rank,
    /// Failed attempts.
    attempts: u32,
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Active,
    /// Until this second is over.
    BackingOff(u64),
    /// No node for it; these plugins said so.
    Parked(Rejectors),
    /// It is being tried.
    InFlight,
}

/// The three queues.
#[derive(Clone, Debug, Default)]
pub struct SchedulingQueue {
    waiting: BTreeMap<PodId, Waiting>,
    active: BTreeSet<(Rank, PodId)>,
    backing_off: BTreeSet<(u64, Rank, PodId)>,
    /// By what an event is asked for: the class, and what rejected it.
    parked: BTreeMap<(ClassId, Rejectors), BTreeSet<(Rank, PodId)>>,
    entered: u64,
}

fn second(t: SimTime) -> u64 {
    t.as_micros() / 1_000_000
}

/// Back-off after so many failed attempts.
pub fn backoff(attempts: u32) -> SimDuration {
    SimDuration::from_secs((1 << attempts.saturating_sub(1).min(10)).min(BACKOFF_MAX_S))
}

impl SchedulingQueue {
    pub fn add(&mut self, pod: PodId, class: ClassId, priority: i32, now: SimTime) {
        self.entered += 1;
        let rank = (Reverse(priority), now, self.entered);
        self.waiting.insert(pod, Waiting { class, rank, attempts: 0, place: Place::Active });
        self.active.insert((rank, pod));
    }

    /// The class of a pod that waits.
    pub fn class(&self, pod: PodId) -> Option<ClassId> {
        self.waiting.get(&pod).map(|w| w.class)
    }

    /// Pods that wait, in whatever queue.
    pub fn size(&self) -> usize {
        self.waiting.len()
    }

    /// There is a pod to be tried.
    pub fn is_busy(&self) -> bool {
        !(self.active.is_empty() && self.backing_off.is_empty())
    }

    /// The pod that is tried next: the first active one; if there is none, the first that backs off.
    pub fn pop(&mut self, now: SimTime) -> Option<(PodId, ClassId)> {
        while let Some(&(expiry, rank, pod)) = self.backing_off.first() {
            if expiry >= second(now) {
                break;
            }
            self.backing_off.pop_first();
            self.active.insert((rank, pod));
            self.waiting.get_mut(&pod).expect("it waits").place = Place::Active;
        }
        let pod = match self.active.pop_first() {
            Some((_, pod)) => pod,
            None => self.backing_off.pop_first()?.2,
        };
        let waiting = self.waiting.get_mut(&pod).expect("it waits");
        waiting.place = Place::InFlight;
        Some((pod, waiting.class))
    }

    /// A pod has a node, or is gone; gives back its class.
    pub fn forget(&mut self, pod: PodId) -> Option<ClassId> {
        let waiting = self.waiting.remove(&pod)?;
        match waiting.place {
            Place::Active => {
                self.active.remove(&(waiting.rank, pod));
            }
            Place::BackingOff(expiry) => {
                self.backing_off.remove(&(expiry, waiting.rank, pod));
            }
            Place::Parked(rejectors) => {
                let key = (waiting.class, rejectors);
                let group = self.parked.get_mut(&key).expect("parked pods have a group");
                group.remove(&(waiting.rank, pod));
                if group.is_empty() {
                    self.parked.remove(&key);
                }
            }
            Place::InFlight => {}
        }
        Some(waiting.class)
    }

    /// No node was found for a pod that was popped.
    pub fn park(&mut self, pod: PodId, rejectors: Rejectors, now: SimTime) {
        self.entered += 1;
        let waiting = self.waiting.get_mut(&pod).expect("popped pods wait");
        waiting.attempts += 1;
        waiting.rank = (waiting.rank.0, now, self.entered);
        waiting.place = Place::Parked(rejectors.clone());
        self.parked.entry((waiting.class, rejectors)).or_default().insert((waiting.rank, pod));
    }

    /// Something happened that may help the parked pods for which `helps`; it is asked once for all pods of a class that
    /// the same plugins rejected.
    pub fn move_parked(&mut self, helps: impl Fn(ClassId, &[Plugin]) -> bool, now: SimTime) {
        let groups: Vec<_> = self.parked.keys().filter(|(class, by)| helps(*class, by)).cloned().collect();
        for group in groups {
            for (rank, pod) in self.parked.remove(&group).expect("it was there") {
                self.wake(rank, pod, now);
            }
        }
    }

    fn wake(&mut self, rank: Rank, pod: PodId, now: SimTime) {
        let waiting = self.waiting.get_mut(&pod).expect("it waits");
        let expiry = second(rank.1 + backoff(waiting.attempts));
        if expiry >= second(now) {
            waiting.place = Place::BackingOff(expiry);
            self.backing_off.insert((expiry, rank, pod));
        } else {
            waiting.place = Place::Active;
            self.active.insert((rank, pod));
        }
    }

    /// Moves pods that have waited for more than five minutes.
    pub fn flush(&mut self, now: SimTime) {
        let is_old = |rank: &Rank| rank.1 + UNSCHEDULABLE_MAX < now;
        let mut old = Vec::new();
        for group in self.parked.values_mut() {
            old.extend(group.iter().filter(|(rank, _)| is_old(rank)).copied());
            group.retain(|(rank, _)| !is_old(rank));
        }
        self.parked.retain(|_, group| !group.is_empty());
        old.sort();
        for (rank, pod) in old {
            self.wake(rank, pod, now);
        }
    }

    /// When [`SchedulingQueue::flush`] will find something.
    pub fn next_flush(&self) -> Option<SimTime> {
        let oldest = self.parked.values().flat_map(|group| group.iter().map(|(rank, _)| rank.1)).min()?;
        Some((oldest + UNSCHEDULABLE_MAX).next_tick(SimTime::ZERO, FLUSH_PERIOD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASS: ClassId = ClassId(0);

    fn pod(index: u32) -> PodId {
        PodId { index, generation: 0 }
    }

    fn at(s: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs(s)
    }

    #[test]
    fn the_backoff_doubles_up_to_ten_seconds() {
        // facts 14.1: attempts 1 to 6.
        for (attempts, s) in (1..).zip([1, 2, 4, 8, 10, 10]) {
            assert_eq!(backoff(attempts), SimDuration::from_secs(s));
        }
    }

    #[test]
    fn higher_priority_goes_first_then_the_older_attempt() {
        let mut queue = SchedulingQueue::default();
        for (i, (priority, s)) in (0..).zip([(0, 1), (5, 3), (5, 2), (0, 0)]) {
            queue.add(pod(i), CLASS, priority, at(s));
        }
        let order: Vec<u32> = std::iter::from_fn(|| queue.pop(at(4))).map(|(p, _)| p.index).collect();
        assert_eq!(order, [2, 1, 3, 0]);
    }

    #[test]
    fn a_parked_pod_waits_for_its_event_and_an_idle_scheduler_does_not_wait_for_the_backoff() {
        let mut queue = SchedulingQueue::default();
        queue.add(pod(1), CLASS, 0, at(1));
        queue.pop(at(1));
        queue.park(pod(1), [Plugin::NodeResourcesFit].into(), at(1));
        queue.move_parked(|_, by| by.contains(&Plugin::NodeAffinity), at(2));
        assert_eq!((queue.is_busy(), queue.pop(at(100))), (false, None));
        // Its back-off ends in second 2, so at 2 s it still backs off; nothing else is to be done, so it is taken.
        queue.move_parked(|_, by| by.contains(&Plugin::NodeResourcesFit), at(2));
        assert_eq!(queue.pop(at(2)), Some((pod(1), CLASS)));
        assert_eq!((queue.forget(pod(1)), queue.size()), (Some(CLASS), 0));
    }

    #[test]
    fn who_backs_off_comes_after_the_active_ones() {
        let mut queue = SchedulingQueue::default();
        queue.add(pod(1), CLASS, 9, at(0));
        queue.pop(at(0));
        queue.park(pod(1), [].into(), at(0));
        queue.move_parked(|_, _| true, at(1));
        queue.add(pod(2), CLASS, 0, at(1));
        assert_eq!(queue.pop(at(1)).map(|p| p.0), Some(pod(2)));
        // Second 1 is over: it is active again, and its priority is the higher one.
        queue.add(pod(3), CLASS, 0, at(2));
        assert_eq!(queue.pop(at(2)).map(|p| p.0), Some(pod(1)));
    }

    #[test]
    fn after_five_minutes_a_pod_is_tried_again() {
        let mut queue = SchedulingQueue::default();
        queue.add(pod(1), CLASS, 0, at(10));
        queue.pop(at(10));
        queue.park(pod(1), [Plugin::NodeAffinity].into(), at(10));
        // 310 s, and the next tick of 30 s is at 330 s.
        assert_eq!(queue.next_flush(), Some(at(330)));
        queue.flush(at(300));
        assert!(!queue.is_busy());
        queue.flush(at(330));
        assert_eq!((queue.pop(at(330)), queue.next_flush()), (Some((pod(1), CLASS)), None));
    }
}
