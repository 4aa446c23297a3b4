//! What it takes to do work that needs knowledge, for those who have it and those who do not.
//!
//! Who knows needs the touch time. Who does not finds a runbook, or takes several times as long; out of office hours
//! they ring up somebody who knows, who may be reached after a while and then does the rest. That a machine has failed
//! the cloud's console tells anybody. Knows nothing of why work is asked for. Start at `World::expertise`.

use super::work::{Activity, Expertise, Urgency, Work};
use crate::engine::SimDuration;
use crate::world::{About, ServiceId, VmStatus, World, streams};

impl World {
    /// The service that whoever does the work had better know.
    fn to_be_known(&self, work: &Work) -> Option<ServiceId> {
        self.service_of(work.about).filter(|_| work.activity.needs_knowledge())
    }

    /// The console shows that the machine of a box is lost or does not answer.
    fn is_without_machine(&self, about: About) -> bool {
        let About::Box(subject) = about else { return false };
        let Some(b) = self.boxes.get(subject) else { return false };
        let status = b.vm.map_or(VmStatus::Gone, |vm| self.vm_status(vm));
        matches!(status, VmStatus::HostFailed | VmStatus::Gone | VmStatus::Impaired)
    }

    /// No knowledge is needed, or it is there.
    pub(super) fn is_familiar(&self, seat: u32, work: &Work) -> bool {
        match self.to_be_known(work) {
            Some(service) => self.people.roster.knows(seat, service.index(), self.scheduler.now()),
            None => true,
        }
    }

    /// How the work is done by whoever begins now: how long it takes, and how long others help.
    pub(super) fn expertise(&self, work: &Work, seat: u32) -> (Expertise, SimDuration, SimDuration) {
        let (touch, p) = (work.touch, &self.team.knowledge);
        // Who comes is decided before anybody looks; how long it takes by what there is to see.
        let is_plain = work.activity == Activity::Repair && self.is_without_machine(work.about);
        let Some(service) = self.to_be_known(work).filter(|_| !is_plain) else {
            return (Expertise::Routine, touch, SimDuration::ZERO);
        };
        if self.is_familiar(seat, work) {
            return (Expertise::Knows, touch, SimDuration::ZERO);
        }
        let mut stream = self.streams.open(streams::EXPERTISE, &[work.cause, work.activity as u64]);
        // All are drawn always, so that one parameter does not shift what another decides.
        let described = stream.chance(p.runbooks.as_f64());
        let reached = stream.chance(p.reachable.as_f64());
        let delay = p.reach_delay.sample(stream.uniform());
        if described {
            return (Expertise::Runbook, touch, SimDuration::ZERO);
        }
        let factor = p.unfamiliar.as_f64().max(1.0);
        let alone = touch.mul_f64(factor);
        let now = self.scheduler.now();
        let calls = work.urgency != Urgency::OfficeHours && !self.calendar.is_working_time(now);
        let can_be_called = |&other: &u32| {
            self.people.roster.knows(other, service.index(), now)
                && self.people.roster.is_there(other, &self.calendar, now)
                && self.people.hands[other as usize].urgent.is_none()
        };
        let other = (0..self.people.roster.seats()).find(can_be_called).filter(|_| calls && reached);
        match other {
            // By then a part of it is done, slowly; together they need what is left of the touch time.
            Some(other) if delay < alone => {
                let rest = touch.saturating_sub(delay.mul_f64(1.0 / factor));
                (Expertise::Called(self.people.roster.person(other)), delay + rest, rest)
            }
            _ => (Expertise::Unfamiliar, alone, SimDuration::ZERO),
        }
    }
}
