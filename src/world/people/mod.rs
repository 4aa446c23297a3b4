//! People: a team with names that is paged, does work, is called away from it, goes home and goes on vacation.
//!
//! Work queues for them. Urgent work pages whoever is on call, at any hour, who first has to acknowledge, and the
//! next in the rota if that takes too long; in office hours whoever knows the service comes first. Planned work is
//! done in office hours, pauses when they end, and when its person is called away. Nothing that a person does is
//! instant, and every hour of it is counted; somebody who does not know the service takes longer ([`expertise`]).
//! What the work changes is up to whoever asked for it.
//!
//! Knows no platform. Start at [`TeamParameters`] and [`work`]; [`roster`] says who is there.
//!
//! *Deviation:* somebody who goes on vacation or leaves finishes first what is begun; and a colleague who is called
//! in for what he or she knows can be called by two at a time.

mod expertise;
mod parameters;
mod roster;
mod slip;
#[cfg(test)]
mod tests;
mod work;

pub use parameters::{AbsenceParameters, KnowledgeParameters, RotaParameters, TeamParameters};
pub use slip::HumanSlipParameters;
pub use work::{Activity, Expertise, Person, Urgency, Work};

use super::World;
use super::event::Event;
use super::ids::{ServiceId, WorkId};
use super::observation::{About, Observation};
use super::signal::Signal;
use super::streams;
use crate::engine::{EventHandle, SimDuration, SimTime, Streams};
use roster::Roster;
use std::collections::VecDeque;

/// Work, and how far it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Job {
    work: Work,
    asked: SimTime,
    /// Its escalation, beginning or end, whichever is next.
    step: Option<EventHandle>,
    /// Who does it, or will when the page is acknowledged.
    seat: Option<u32>,
    /// How many were paged for it, and when the first one was.
    pages: u32,
    paged: Option<SimTime>,
    /// When the first of them will have acknowledged.
    answered: SimTime,
    /// Since when somebody is at it.
    begun: Option<SimTime>,
    /// What is left to do.
    left: SimDuration,
    /// Hours that went into it before it was interrupted, and of those who help.
    spent: SimDuration,
}

/// Somebody who ended urgent work so long ago at most is still at it, out of office hours too. None found.
const STILL_THERE: SimDuration = SimDuration::from_hours(1);

/// What one member of the team has in hand.
#[derive(Clone, Copy, Debug, Default)]
struct Hands {
    urgent: Option<WorkId>,
    /// Pauses while there is urgent work.
    planned: Option<WorkId>,
    /// When urgent work was done last.
    ended: Option<SimTime>,
}

/// People at work, and what waits for them.
#[derive(Debug)]
pub(super) struct People {
    roster: Roster,
    /// By seat.
    hands: Vec<Hands>,
    /// By service: the seat of whoever worked on it last.
    last_at: Vec<Option<u32>>,
    urgent: VecDeque<WorkId>,
    planned: VecDeque<WorkId>,
    /// When waiting work is given out again.
    turn: Option<(SimTime, EventHandle)>,
}

impl People {
    pub(super) fn new(streams: &Streams, team: &TeamParameters, services: usize) -> People {
        People {
            roster: Roster::new(streams, team, services),
            hands: vec![Hands::default(); team.engineers as usize],
            last_at: vec![None; services],
            urgent: VecDeque::new(),
            planned: VecDeque::new(),
            turn: None,
        }
    }
}

impl World {
    /// Asks for work; [`Signal::WorkDone`] tells when it is done.
    pub(super) fn ask(&mut self, work: Work) -> WorkId {
        let now = self.scheduler.now();
        let id = self.work.insert(Job {
            work,
            asked: now,
            step: None,
            seat: None,
            pages: 0,
            paged: None,
            answered: SimTime::MAX,
            begun: None,
            left: work.touch,
            spent: SimDuration::ZERO,
        });
        self.observe(Observation::WorkAsked { work: id, activity: work.activity, about: work.about });
        match work.urgency {
            Urgency::Page | Urgency::AtOnce => self.people.urgent.push_back(id),
            Urgency::OfficeHours => self.people.planned.push_back(id),
        }
        self.assign_work();
        id
    }

    /// Gives waiting work to free people: what is urgent, then what was interrupted, then the rest.
    fn assign_work(&mut self) {
        let now = self.scheduler.now();
        self.people.roster.advance(&self.streams, &self.team, &self.calendar, now);
        // In their order; what waits for somebody keeps nobody else from being called.
        for work in std::mem::take(&mut self.people.urgent) {
            match self.hands_for_urgent(work) {
                Some(seat) => self.take_urgent(work, seat),
                None => {
                    self.people.urgent.push_back(work);
                    self.plan_escalation(work);
                }
            }
        }
        self.take_up_again();
        while let Some(&work) = self.people.planned.front() {
            let Some(seat) = self.hands_for_planned(work) else { break };
            self.people.planned.pop_front();
            self.people.hands[seat as usize].planned = Some(work);
            self.job(work).seat = Some(seat);
            self.begin_at(work, now);
        }
        if !self.people.urgent.is_empty() || !self.people.planned.is_empty() {
            self.assign_again_at(self.calendar.next_shift_change(now));
        }
    }

    /// Others may be there then, or have their hands free.
    fn assign_again_at(&mut self, at: SimTime) {
        if self.people.turn.is_some_and(|(turn, _)| turn <= at) {
            return;
        }
        if let Some((_, later)) = self.people.turn.take() {
            self.scheduler.cancel(later);
        }
        self.people.turn = self.schedule_fault(at, Event::ShiftChange).map(|handle| (at, handle));
    }

    pub(super) fn on_shift_change(&mut self) {
        self.people.turn = None;
        self.assign_work();
    }

    /// In office hours anybody: who knows, who was just at it, who is on call. At other hours who was just at it, else the
    /// rota, and those behind the ones on call only when the work has waited for so long.
    fn hands_for_urgent(&self, id: WorkId) -> Option<u32> {
        let Job { work, asked, .. } = *self.work.get(id).expect("waiting work exists");
        let (now, service) = (self.scheduler.now(), self.service_of(work.about));
        let chain = self.people.roster.chain(&self.team, &self.calendar, now);
        let place = |seat: u32| chain.iter().position(|&s| s == seat).unwrap_or(usize::MAX);
        let was_at_it = |seat: u32| {
            work.urgency == Urgency::AtOnce
                && service.is_some_and(|s| self.people.last_at[s.index()] == Some(seat))
        };
        let free = |&seat: &u32| self.people.hands[seat as usize].urgent.is_none();
        if self.calendar.is_working_time(now) {
            let there = |&seat: &u32| self.people.roster.is_there(seat, &self.calendar, now);
            let mut free = (0..self.people.roster.seats()).filter(free).filter(there).collect::<Vec<_>>();
            free.sort_by_key(|&seat| {
                let has_planned = self.people.hands[seat as usize].planned.is_some();
                (!was_at_it(seat), !self.is_familiar(seat, &work), place(seat), has_planned)
            });
            return free.first().copied();
        }
        let waited = now.since(asked).as_micros() / self.team.rota.escalate_after.as_micros();
        let on_duty = u64::from(self.team.on_call).saturating_add(waited);
        let goes_on = |&seat: &u32| was_at_it(seat) && self.is_still_there(seat);
        let mut on_call = chain.iter().copied().take(usize::try_from(on_duty).unwrap_or(usize::MAX));
        (0..self.people.roster.seats()).filter(free).find(goes_on).or_else(|| on_call.find(free))
    }

    /// It is office hours, or urgent work was in these hands a moment ago.
    fn is_still_there(&self, seat: u32) -> bool {
        let (now, Hands { ended, .. }) = (self.scheduler.now(), self.people.hands[seat as usize]);
        self.calendar.is_working_time(now) || ended.is_some_and(|ended| now.since(ended) <= STILL_THERE)
    }

    /// Somebody with nothing in hand, who knows if possible; those on call last.
    fn hands_for_planned(&self, id: WorkId) -> Option<u32> {
        let (now, work) = (self.scheduler.now(), self.work.get(id).expect("waiting work exists").work);
        if !self.calendar.is_working_time(now) {
            return None;
        }
        let free = |&seat: &u32| {
            let Hands { urgent, planned, .. } = self.people.hands[seat as usize];
            urgent.is_none() && planned.is_none() && self.people.roster.is_there(seat, &self.calendar, now)
        };
        let free: Vec<u32> = (0..self.people.roster.seats()).filter(free).collect();
        if free.len() < 2 {
            return free.first().copied();
        }
        let chain = self.people.roster.chain(&self.team, &self.calendar, now);
        let on_call = &chain[..chain.len().min(self.team.on_call as usize)];
        free.into_iter().min_by_key(|seat| (!self.is_familiar(*seat, &work), on_call.contains(seat), *seat))
    }

    /// Work that nobody on call has taken goes to the next in the rota after a while.
    fn plan_escalation(&mut self, work: WorkId) {
        let Job { asked, step, .. } = *self.job(work);
        if step.is_none() {
            let every = self.team.rota.escalate_after;
            let waited = self.scheduler.now().since(asked).as_micros() / every.as_micros();
            let steps = u64::from(self.team.rota.secondaries);
            if waited < steps {
                let step = self.schedule_fault(asked + every * (waited + 1), Event::PageEscalates { work });
                self.job(work).step = step;
            }
        }
    }

    /// Free hands: at once for whoever is there, by a page otherwise.
    fn take_urgent(&mut self, work: WorkId, seat: u32) {
        let now = self.scheduler.now();
        self.people.hands[seat as usize].urgent = Some(work);
        if let Some(step) = self.job(work).step.take() {
            self.scheduler.cancel(step);
        }
        self.job(work).seat = Some(seat);
        let urgency = self.job(work).work.urgency;
        match urgency {
            Urgency::Page => self.page(work, seat),
            // At home nobody knows of it yet.
            Urgency::AtOnce if !self.is_still_there(seat) => self.page(work, seat),
            Urgency::AtOnce | Urgency::OfficeHours => self.begin_at(work, now),
        }
    }

    /// Pages one person, who may be faster than those who were paged before, or may not answer in time.
    fn page(&mut self, work: WorkId, seat: u32) {
        let now = self.scheduler.now();
        let Job { pages, answered, seat: before, .. } = *self.job(work);
        let delay = self.acknowledge_delay(work, pages);
        let person = self.people.roster.person(seat);
        let night = self.calendar.is_night(now);
        self.observe(Observation::Paged { work, person, night });
        if pages == 0 || now + delay < answered {
            let slower = before.filter(|&slower| slower != seat);
            if let Some(slower) = slower {
                self.people.hands[slower as usize].urgent = None;
                self.assign_again_at(now);
            }
            self.people.hands[seat as usize].urgent = Some(work);
            (self.job(work).seat, self.job(work).answered) = (Some(seat), now + delay);
        }
        self.job(work).pages += 1;
        self.job(work).paged.get_or_insert(now);
        let (answered, again) = (self.job(work).answered, now + self.team.rota.escalate_after);
        if answered > again && pages < self.team.rota.secondaries {
            self.job(work).step = self.schedule_fault(again, Event::PageEscalates { work });
        } else {
            self.begin_at(work, answered);
        }
    }

    /// Nobody has acknowledged in time, or everybody on call is busy.
    pub(super) fn on_page_escalates(&mut self, work: WorkId) {
        self.job(work).step = None;
        let Job { seat, pages, answered, .. } = *self.job(work);
        if seat.is_none() {
            return self.assign_work();
        }
        let now = self.scheduler.now();
        self.people.roster.advance(&self.streams, &self.team, &self.calendar, now);
        let chain = self.people.roster.chain(&self.team, &self.calendar, now);
        let free = |seat: &&u32| self.people.hands[**seat as usize].urgent.is_none();
        match chain.iter().skip((self.team.on_call + pages - 1) as usize).find(free) {
            Some(&next) => self.page(work, next),
            None => self.begin_at(work, answered),
        }
    }

    fn acknowledge_delay(&self, work: WorkId, pages: u32) -> SimDuration {
        let item = self.work.get(work).expect("waiting work exists").work;
        let office = self.calendar.is_working_time(self.scheduler.now());
        let key = [item.cause, item.activity as u64, u64::from(pages)];
        // The first page of a cause is answered as fast as if there were no others.
        let u = self.streams.open(streams::ACKNOWLEDGE, &key[..if pages == 0 { 2 } else { 3 }]).uniform();
        if office { self.team.acknowledge.sample(u) } else { self.team.acknowledge_off_hours.sample(u) }
    }

    fn begin_at(&mut self, work: WorkId, at: SimTime) {
        let step = self.scheduler.at(at, Event::WorkBegins { work });
        self.job(work).step = Some(step);
    }

    pub(super) fn on_work_begins(&mut self, id: WorkId) {
        let now = self.scheduler.now();
        let Job { work, asked, paged, seat, .. } = *self.job(id);
        let seat = seat.expect("somebody took it");
        let (expertise, takes, helpers) = self.expertise(&work, seat);
        self.observe(Observation::WorkBegan {
            work: id,
            activity: work.activity,
            urgency: work.urgency,
            person: self.people.roster.person(seat),
            expertise,
            waited: now.since(paged.unwrap_or(asked)),
        });
        if let Some(service) = self.service_of(work.about) {
            self.people.last_at[service.index()] = Some(seat);
        }
        let job = self.job(id);
        if job.spent.is_zero() {
            (job.left, job.spent) = (takes, helpers);
        } // else somebody was at it before
        if work.urgency != Urgency::OfficeHours {
            self.interrupt(seat);
        }
        self.go_on(id);
        self.signals.push_back(Signal::WorkBegan { work: id });
    }

    /// Work that was in no hurry is in one now: whoever has it goes on, whatever the hour, and is paged at home; where
    /// nobody has it somebody is called.
    pub(super) fn hurry(&mut self, id: WorkId) {
        let Some(job) = self.work.get(id).copied() else { return };
        if job.work.urgency != Urgency::OfficeHours {
            return;
        }
        let done = self.at_it(&job);
        let hurried = self.job(id);
        hurried.work.urgency = Urgency::AtOnce;
        let Some(seat) = job.seat else {
            self.people.planned.retain(|&w| w != id);
            self.people.urgent.push_back(id);
            return self.assign_work();
        };
        let hands = &mut self.people.hands[seat as usize];
        if hands.urgent.is_some() {
            return; // called away from it to something as urgent; it comes next
        }
        (hands.urgent, hands.planned) = (Some(id), None);
        let hurried = self.job(id);
        (hurried.begun, hurried.left) = (None, job.left - done.min(job.left));
        hurried.spent += done;
        if let Some(step) = hurried.step.take() {
            self.scheduler.cancel(step);
        }
        if self.is_still_there(seat) { self.go_on(id) } else { self.page(id, seat) }
    }

    /// Somebody is at it from now on, until it is done or interrupted.
    fn go_on(&mut self, id: WorkId) {
        let now = self.scheduler.now();
        let Job { work, left, .. } = *self.job(id);
        let done = match work.urgency {
            Urgency::Page | Urgency::AtOnce => now + left,
            Urgency::OfficeHours => self.calendar.after_working_time(now, left),
        };
        let step = self.scheduler.at(done, Event::WorkDone { work: id });
        let job = self.job(id);
        (job.step, job.begun) = (Some(step), Some(now));
    }

    /// Time that went into work since somebody is at it.
    fn at_it(&self, job: &Job) -> SimDuration {
        let now = self.scheduler.now();
        match (job.begun, job.work.urgency) {
            (None, _) => SimDuration::ZERO,
            (Some(begun), Urgency::OfficeHours) => self.calendar.working_time(begun, now),
            (Some(begun), Urgency::Page | Urgency::AtOnce) => now.since(begun),
        }
    }

    /// Takes somebody out of planned work. Who comes back to it in office hours first has to find the way in again.
    fn interrupt(&mut self, seat: u32) {
        let Some(planned) = self.people.hands[seat as usize].planned else { return };
        let job = *self.job(planned);
        let (Some(step), Some(_)) = (job.step, job.begun) else { return };
        self.scheduler.cancel(step);
        let done = self.at_it(&job);
        let in_office = self.calendar.is_working_time(self.scheduler.now());
        let refocus = if in_office { self.team.refocus } else { SimDuration::ZERO };
        let paused = self.job(planned);
        (paused.step, paused.begun) = (None, None);
        paused.left = job.left - done.min(job.left) + refocus;
        paused.spent += done;
    }

    /// Planned work that was interrupted goes on as soon as its person is free.
    fn take_up_again(&mut self) {
        for seat in 0..self.people.hands.len() {
            let Hands { urgent, planned, .. } = self.people.hands[seat];
            if let (None, Some(planned)) = (urgent, planned)
                && self.job(planned).step.is_none()
            {
                self.go_on(planned);
            }
        }
    }

    pub(super) fn on_work_done(&mut self, work: WorkId) {
        let job = self.work.remove(work).expect("work is done once");
        self.lay_down(work, &job);
        self.slip(&job);
        self.signals.push_back(Signal::WorkDone { work });
    }

    /// Work that is not wanted any more: whoever does it stops, and what was done is counted. Harmless if it is done.
    pub(super) fn call_off(&mut self, work: WorkId) {
        let Some(mut job) = self.work.remove(work) else { return };
        if job.begun.is_none() && job.paged.is_some() {
            // Whoever was called looks all the same, and finds that it is over.
            job.spent += self.team.cleared_page;
        }
        if let Some(step) = job.step {
            self.scheduler.cancel(step);
        }
        self.people.urgent.retain(|&w| w != work);
        self.people.planned.retain(|&w| w != work);
        self.lay_down(work, &job);
    }

    /// Counts the hours and frees the hands. What waits is given out after whoever asked for the work had a chance to
    /// ask for what comes next: the same person does that.
    fn lay_down(&mut self, work: WorkId, job: &Job) {
        if let Some(seat) = job.seat {
            let hands = &mut self.people.hands[seat as usize];
            if hands.urgent == Some(work) && job.begun.is_some() {
                hands.ended = Some(self.scheduler.now());
            }
            hands.urgent = hands.urgent.filter(|&w| w != work);
            hands.planned = hands.planned.filter(|&w| w != work);
            let waits = !self.people.urgent.is_empty() || !self.people.planned.is_empty();
            if waits || hands.planned.is_some() {
                self.assign_again_at(self.scheduler.now());
            }
        }
        let touch = job.spent + self.at_it(job);
        self.observe(Observation::WorkDone { work, activity: job.work.activity, touch });
    }

    fn job(&mut self, work: WorkId) -> &mut Job {
        self.work.get_mut(work).expect("work that is not done exists")
    }

    /// The service that work is about.
    fn service_of(&self, about: About) -> Option<ServiceId> {
        match about {
            About::Box(subject) => self.boxes.get(subject).map(|b| b.service),
            About::Service(service) => Some(service),
            About::Nothing | About::Vm(_) => None,
        }
    }
}
