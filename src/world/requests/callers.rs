//! Callers of one service whose requests are followed one by one: who waits for what, since when, and what came of it.
//!
//! Knows no box beyond its name and schedules nothing. Start at [`Requests`].

use super::station::{Station, Ticket};
use crate::engine::{EventHandle, SimTime, Stream};
use crate::world::flow::Audience;
use crate::world::ids::{BoxId, ServiceId};
use crate::world::observation::FlowObservation;
use std::collections::{BTreeMap, VecDeque};

/// What a caller wants.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    /// When it was sent for the first time.
    pub first: SimTime,
    pub retries: u32,
    /// Its work on a warm box [s].
    pub work_s: f64,
}

/// One try, on its way or in a box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub request: Request,
    /// `None` if nobody answers.
    pub target: Option<BoxId>,
    /// The box will answer with an error.
    pub error: bool,
    /// Its work in this box [s].
    pub work_s: f64,
    /// The caller has given up, but the box works on.
    pub abandoned: bool,
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    DeadBox,
    Error,
    Late,
}

/// What became of requests since the last statement.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    served: f64,
    to_dead_boxes: f64,
    errors: f64,
    late: f64,
    slow: f64,
    useful_s: f64,
    pub wasted_s: f64,
}

impl Counts {
    pub fn serve(&mut self, attempt: &Attempt, slow: bool) {
        self.served += 1.0;
        self.slow += if slow { 1.0 } else { 0.0 };
        self.useful_s += attempt.request.work_s;
        self.wasted_s += attempt.work_s - attempt.request.work_s;
    }

    pub fn fail(&mut self, cause: Cause) {
        match cause {
            Cause::DeadBox => self.to_dead_boxes += 1.0,
            Cause::Error => self.errors += 1.0,
            Cause::Late => self.late += 1.0,
        }
    }

    /// Rates of what was counted between `from` and `to`, but not yet in `before`. What was offered is what ended:
    /// requests under way do not count yet.
    fn rates(&self, before: &Counts, service: ServiceId, from: SimTime, to: SimTime) -> FlowObservation {
        let seconds = to.since(from).as_secs_f64();
        let rate = |of: fn(&Counts) -> f64| (of(self) - of(before)) / seconds;
        let ended = |c: &Counts| c.served + c.to_dead_boxes + c.errors + c.late;
        FlowObservation {
            from,
            to,
            offered: rate(ended),
            served: rate(|c| c.served),
            to_dead_boxes: rate(|c| c.to_dead_boxes),
            errors: rate(|c| c.errors),
            late: rate(|c| c.late),
            slow: rate(|c| c.slow),
            useful_cores: rate(|c| c.useful_s),
            wasted_cores: rate(|c| c.wasted_s),
            ..FlowObservation::empty(service)
        }
    }
}

/// A box's station and the event of its next completion.
#[derive(Debug)]
struct Desk {
    station: Station,
    done: Option<EventHandle>,
    /// CPU time that was already stated [core-seconds].
    stated_s: f64,
}

/// All requests of one service.
#[derive(Debug)]
pub(in crate::world) struct Requests {
    pub(super) arrivals: Stream,
    pub(super) work: Stream,
    pub(super) choice: Stream,
    /// Boxes that callers send to, by group of callers.
    pub(super) lists: Vec<Vec<BoxId>>,
    /// Whose turn it was last on each list.
    pub(super) turns: Vec<usize>,
    /// Attempts under way by ticket, with a number that no other attempt has.
    attempts: Vec<Option<(u64, Attempt)>>,
    free: Vec<Ticket>,
    admitted: u64,
    desks: BTreeMap<BoxId, Desk>,
    /// When callers give up, in order: all wait equally long.
    deadlines: VecDeque<(SimTime, Ticket, u64)>,
    /// Requests that will be sent again, in order.
    pub(super) again: VecDeque<(SimTime, Request)>,
    /// Retries that the budget allows now.
    allowance: f64,
    /// CPU time of stations that ended and was not stated yet [core-seconds].
    lost_s: f64,
    /// All that happened, and what of it was in the last sample and the last statement.
    pub(super) counts: Counts,
    sampled: Counts,
    sampled_at: SimTime,
    stated: Counts,
    pub(super) stated_at: SimTime,
    pub(super) arrival: Option<EventHandle>,
    pub(super) timeout: Option<EventHandle>,
    pub(super) again_event: Option<EventHandle>,
}

/// Retries that callers may save up.
const ALLOWANCE: f64 = 10.0;

impl Requests {
    pub(super) fn with([arrivals, work, choice]: [Stream; 3], groups: usize, now: SimTime) -> Requests {
        Requests {
            arrivals,
            work,
            choice,
            lists: vec![Vec::new(); groups],
            turns: vec![0; groups],
            attempts: Vec::new(),
            free: Vec::new(),
            admitted: 0,
            desks: BTreeMap::new(),
            deadlines: VecDeque::new(),
            again: VecDeque::new(),
            allowance: 0.0,
            lost_s: 0.0,
            counts: Counts::default(),
            sampled: Counts::default(),
            sampled_at: now,
            stated: Counts::default(),
            stated_at: now,
            arrival: None,
            timeout: None,
            again_event: None,
        }
    }

    /// These callers send to this box from now on, and no others.
    pub fn set_audience(&mut self, subject: BoxId, audience: Audience) {
        for (group, list) in self.lists.iter_mut().enumerate() {
            match (audience.has(group), list.iter().position(|&b| b == subject)) {
                (true, None) => list.push(subject),
                (false, Some(at)) => drop(list.remove(at)),
                _ => {}
            }
        }
    }

    /// The group of callers that the next attempt is of.
    pub(super) fn draw_group(&mut self, shares: &[f64]) -> usize {
        let (last, others) = shares.split_last().expect("there are callers");
        if others.is_empty() || *last >= 1.0 {
            return others.len();
        }
        let mut rest = self.choice.uniform();
        for (group, share) in others.iter().enumerate() {
            if rest < *share {
                return group;
            }
            rest -= share;
        }
        others.len()
    }

    /// All that is scheduled for them, except samples.
    pub(super) fn events(&self) -> impl Iterator<Item = EventHandle> {
        let of_desks = self.desks.values().filter_map(|d| d.done);
        of_desks.chain([self.arrival, self.timeout, self.again_event].into_iter().flatten())
    }

    /// A request that is sent for the first time allows its share of retries.
    pub(super) fn earn_retries(&mut self, retry_budget: f64) {
        self.allowance = (self.allowance + retry_budget).min(ALLOWANCE.max(retry_budget));
    }

    pub(super) fn spend_retry(&mut self) -> bool {
        let can = self.allowance >= 1.0;
        self.allowance -= if can { 1.0 } else { 0.0 };
        can
    }

    pub(super) fn admit(&mut self, attempt: Attempt, deadline: SimTime) -> Ticket {
        let ticket = self.free.pop().unwrap_or_else(|| {
            self.attempts.push(None);
            self.attempts.len() as Ticket - 1
        });
        self.admitted += 1;
        self.attempts[ticket as usize] = Some((self.admitted, attempt));
        self.deadlines.push_back((deadline, ticket, self.admitted));
        ticket
    }

    pub(super) fn attempt(&mut self, ticket: Ticket) -> &mut Attempt {
        &mut self.attempts[ticket as usize].as_mut().expect("a ticket is good until its attempt ends").1
    }

    pub(super) fn end(&mut self, ticket: Ticket) -> Attempt {
        self.free.push(ticket);
        self.attempts[ticket as usize].take().expect("an attempt ends once").1
    }

    /// The next attempt under way whose caller has waited long enough.
    pub(super) fn take_overdue(&mut self, now: SimTime) -> Option<Ticket> {
        self.next_deadline().filter(|&at| at <= now)?;
        self.deadlines.pop_front().map(|d| d.1)
    }

    pub(super) fn next_deadline(&mut self) -> Option<SimTime> {
        // Those that ended in time are in the way.
        while let Some(&(at, ticket, number)) = self.deadlines.front() {
            if self.attempts[ticket as usize].is_some_and(|(n, _)| n == number) {
                return Some(at);
            }
            self.deadlines.pop_front();
        }
        None
    }

    pub(super) fn has_station(&self, subject: BoxId) -> bool {
        self.desks.contains_key(&subject)
    }

    pub(super) fn station(&mut self, subject: BoxId, new: impl FnOnce() -> Station) -> &mut Station {
        let desk = self.desks.entry(subject);
        &mut desk.or_insert_with(|| Desk { station: new(), done: None, stated_s: 0.0 }).station
    }

    pub(super) fn subjects(&self) -> Vec<BoxId> {
        self.desks.keys().copied().collect()
    }

    /// Requests inside one box.
    pub fn inside(&self, subject: BoxId) -> usize {
        self.desks.get(&subject).map_or(0, |d| d.station.inside())
    }

    /// Requests inside all boxes.
    pub fn total_inside(&self) -> usize {
        self.desks.values().map(|d| d.station.inside()).sum()
    }

    pub(super) fn set_done(&mut self, subject: BoxId, handle: Option<EventHandle>) -> Option<EventHandle> {
        let desk = self.desks.get_mut(&subject).expect("a station that works is known");
        std::mem::replace(&mut desk.done, handle)
    }

    /// Ends a station: its event and whom it had inside.
    pub(super) fn close(&mut self, subject: BoxId, now: SimTime) -> (Option<EventHandle>, Vec<Ticket>) {
        let Some(mut desk) = self.desks.remove(&subject) else { return (None, Vec::new()) };
        let left = desk.station.empty(now);
        let executed: f64 = left.iter().map(|&(t, left_s)| self.attempt(t).work_s - left_s).sum();
        self.counts.wasted_s += executed;
        self.lost_s += desk.station.used_s(now) - desk.stated_s;
        (desk.done, left.into_iter().map(|l| l.0).collect())
    }

    /// Rates since the last sample, and CPU time [core-seconds].
    pub(super) fn sample(&mut self, service: ServiceId, now: SimTime) -> Option<(FlowObservation, f64)> {
        if now <= self.sampled_at {
            return None;
        }
        let rates = self.counts.rates(&self.sampled, service, self.sampled_at, now);
        (self.sampled, self.sampled_at) = (self.counts, now);
        Some((rates, self.used_s(now)))
    }

    /// Rates since the last statement.
    pub(super) fn state(&mut self, service: ServiceId, now: SimTime) -> Option<FlowObservation> {
        if now <= self.stated_at {
            return None;
        }
        let rates = self.counts.rates(&self.stated, service, self.stated_at, now);
        (self.stated, self.stated_at) = (self.counts, now);
        Some(rates)
    }

    /// CPU time since the last call [core-seconds].
    fn used_s(&mut self, now: SimTime) -> f64 {
        let mut sum = std::mem::take(&mut self.lost_s);
        for desk in self.desks.values_mut() {
            let used_s = desk.station.used_s(now);
            sum += used_s - desk.stated_s;
            desk.stated_s = used_s;
        }
        sum
    }
}
