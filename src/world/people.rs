//! People: a team that is paged, does work, and goes home.
//!
//! Work queues for them. Urgent work pages the person on call, at any hour, who first has to acknowledge; planned
//! work is done in office hours, and pauses when they end. Nothing that a person does is instant, and every hour
//! of it is counted. What the work changes is up to whoever asked for it. Start at [`TeamParameters`].
//!
//! *Deviation:* people do not drop what they are doing for a page while somebody else of the team is free; who
//! knows what, holidays and departures are not modelled yet.

use super::World;
use super::event::Event;
use super::ids::WorkId;
use super::observation::{About, Observation};
use super::signal::Signal;
use super::streams;
use crate::engine::{EventHandle, SimDuration, SimTime};
use crate::parameter::{Distribution, TimeOfDay, UsdPerHour, section};
use std::collections::VecDeque;

section! {
    /// The people who run the services: the same team on every platform.
    pub struct TeamParameters {
        /// Engineers who can do work in office hours.
        engineers: u32 = "4" in |n| (1..=10_000).contains(n) => "from 1 to 10000", grade Choice;
        /// Engineers on call at any time.
        on_call: u32 = "1" in |n| (1..=10_000).contains(n) => "from 1 to 10000", grade Choice;
        /// Begin of office hours, Monday to Friday.
        day_begins: TimeOfDay = "09:00", grade Choice;
        /// End of office hours.
        day_ends: TimeOfDay = "17:00", grade Choice;
        /// Time until a page is acknowledged in office hours.
        acknowledge: Distribution = "lognormal(4m, 0.7)", from "targets of 5 min are usual; no measurements found", grade Estimate;
        /// The same at other hours.
        acknowledge_off_hours: Distribution = "lognormal(8m, 0.7)", from "none found", grade Estimate;
        /// What an hour of an engineer costs, with overheads.
        wage: UsdPerHour = "$62/h", from "US system administrators, May 2024 median $46.54/h (BLS) times 1.25 to 1.4", grade Derived;
    }
}

/// What the hours go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// Finding out what is wrong with a box or machine, and repairing it in place.
    Repair,
    /// Building a machine by hand.
    Build,
    /// Bringing a new version out.
    Deploy,
    /// Taking a bad version back.
    Rollback,
    /// Editing the list of addresses that callers use.
    EditRoute,
    /// Routine administration that is not simulated piece by piece.
    Upkeep,
}

impl Activity {
    pub const ALL: [Activity; 6] = [
        Activity::Repair,
        Activity::Build,
        Activity::Deploy,
        Activity::Rollback,
        Activity::EditRoute,
        Activity::Upkeep,
    ];

    /// As written in results.
    pub fn name(self) -> &'static str {
        match self {
            Activity::Repair => "repair",
            Activity::Build => "build by hand",
            Activity::Deploy => "deploy",
            Activity::Rollback => "roll back",
            Activity::EditRoute => "edit addresses",
            Activity::Upkeep => "upkeep",
        }
    }
}

/// When work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody is paged, day or night.
    Page,
    /// Right after what the same person is doing: no acknowledging, day or night.
    AtOnce,
    /// In office hours.
    OfficeHours,
}

/// Something that a platform asks a person to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    pub activity: Activity,
    pub urgency: Urgency,
    /// Hands-on time.
    pub touch: SimDuration,
    /// What causes it (a fault, a release), the same number on every platform.
    pub cause: u64,
    /// For whoever reads the trace.
    pub about: About,
}

/// Work, and how far it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    work: Work,
    /// Its beginning or end, once somebody has taken it.
    step: Option<EventHandle>,
    begun: Option<SimTime>,
}

/// People at work, and what waits for them.
#[derive(Debug, Default)]
pub(super) struct People {
    urgent: VecDeque<WorkId>,
    planned: VecDeque<WorkId>,
    busy_urgent: u32,
    busy_planned: u32,
}

impl World {
    /// Asks for work; [`Signal::WorkDone`] tells when it is done.
    pub(super) fn ask(&mut self, work: Work) -> WorkId {
        let id = self.work.insert(Job { work, step: None, begun: None });
        self.observe(Observation::WorkAsked { work: id, activity: work.activity, about: work.about });
        if work.urgency == Urgency::Page {
            let night = self.calendar.is_night(self.scheduler.now());
            self.observe(Observation::Paged { work: id, night });
        }
        match work.urgency {
            Urgency::Page | Urgency::AtOnce => self.people.urgent.push_back(id),
            Urgency::OfficeHours => self.people.planned.push_back(id),
        }
        self.assign_work();
        id
    }

    /// Gives waiting work to free people: pages first.
    fn assign_work(&mut self) {
        let now = self.scheduler.now();
        let office = self.calendar.is_working_time(now);
        loop {
            let p = &mut self.people;
            let busy = p.busy_urgent + p.busy_planned;
            // The person on call is always there for a page, also in the middle of planned work.
            let for_pages = p.busy_urgent < self.team.on_call || (office && busy < self.team.engineers);
            if for_pages && let Some(work) = p.urgent.pop_front() {
                p.busy_urgent += 1;
                let delay = self.acknowledge_delay(work, office);
                let step = self.scheduler.after(delay, Event::WorkBegins { work });
                self.job(work).step = Some(step);
                continue;
            }
            if office
                && busy < self.team.engineers
                && let Some(work) = p.planned.pop_front()
            {
                p.busy_planned += 1;
                let step = self.scheduler.at(now, Event::WorkBegins { work });
                self.job(work).step = Some(step);
                continue;
            }
            return;
        }
    }

    fn job(&mut self, work: WorkId) -> &mut Job {
        self.work.get_mut(work).expect("work that is not done exists")
    }

    fn acknowledge_delay(&self, work: WorkId, office: bool) -> SimDuration {
        let item = self.work.get(work).expect("waiting work exists").work;
        if item.urgency == Urgency::AtOnce {
            return SimDuration::ZERO;
        }
        let u = self.streams.open(streams::ACKNOWLEDGE, &[item.cause, item.activity as u64]).uniform();
        if office { self.team.acknowledge.sample(u) } else { self.team.acknowledge_off_hours.sample(u) }
    }

    pub(super) fn on_work_begins(&mut self, work: WorkId) {
        let now = self.scheduler.now();
        let Work { activity, urgency, touch, .. } = self.job(work).work;
        self.observe(Observation::WorkBegan { work, activity });
        let done = match urgency {
            Urgency::Page | Urgency::AtOnce => now + touch,
            Urgency::OfficeHours => self.calendar.after_working_time(now, touch),
        };
        let step = self.scheduler.at(done, Event::WorkDone { work });
        let job = self.job(work);
        (job.step, job.begun) = (Some(step), Some(now));
    }

    pub(super) fn on_work_done(&mut self, work: WorkId) {
        let Work { activity, urgency, touch, .. } = self.work.remove(work).expect("work is done once").work;
        self.free_hands(urgency);
        self.observe(Observation::WorkDone { work, activity, touch });
        self.signals.push_back(Signal::WorkDone { work });
        self.assign_work();
    }

    /// Work that is not wanted any more: whoever does it stops, and what was done is counted. Harmless if it is done.
    pub(super) fn call_off(&mut self, work: WorkId) {
        let Some(Job { work: item, step, begun }) = self.work.remove(work) else { return };
        if let Some(step) = step {
            self.scheduler.cancel(step);
            self.free_hands(item.urgency);
        } else {
            self.people.urgent.retain(|&w| w != work);
            self.people.planned.retain(|&w| w != work);
        }
        let now = self.scheduler.now();
        let touch = match (begun, item.urgency) {
            (None, _) => SimDuration::ZERO,
            (Some(begun), Urgency::OfficeHours) => self.calendar.working_time(begun, now),
            (Some(begun), _) => now.since(begun),
        };
        self.observe(Observation::WorkDone { work, activity: item.activity, touch });
        self.assign_work();
    }

    fn free_hands(&mut self, urgency: Urgency) {
        match urgency {
            Urgency::Page | Urgency::AtOnce => self.people.busy_urgent -= 1,
            Urgency::OfficeHours => self.people.busy_planned -= 1,
        }
    }

    pub(super) fn on_shift_change(&mut self) {
        let now = self.scheduler.now();
        let next: SimTime = self.calendar.next_shift_change(now);
        self.schedule_fault(next, Event::ShiftChange);
        self.assign_work();
    }
}
