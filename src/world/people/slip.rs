//! Slips: a hand on a box that breaks it, or hits the wrong one.
//!
//! When: at the end of hands-on work about a box, with a chance. Who: that box, or a neighbour of it. What: its
//! processes end and cannot start until somebody has repaired it by hand. The same chance on every platform: what
//! differs is how often a person has hands on a single box. Knows no platform. Start at [`HumanSlipParameters`].

use super::Job;
use crate::parameter::{Fraction, section};
use crate::world::boxes::{ServiceBox, State};
use crate::world::fault::{FaultId, FaultKind};
use crate::world::ids::BoxId;
use crate::world::observation::{About, Exit};
use crate::world::signal::Signal;
use crate::world::{World, streams};

section! {
    /// Mistakes of people who work on a box by hand.
    pub struct HumanSlipParameters {
        /// Chance of one in each piece of hands-on work on a box.
        chance: Fraction = "0.5%", from "0.003 to 0.01 for a rule-based action (THERP, Swain & Guttmann)", grade Recalled;
        /// Share of them that hits another box of the same service.
        wrong_box: Fraction = "30%", from "none found", grade Estimate;
    }
}

impl World {
    /// Work is done: what it mends, and what it breaks.
    pub(super) fn slip(&mut self, job: &Job) {
        let About::Box(subject) = job.work.about else { return };
        let activity = job.work.activity;
        let Some(b) = self.boxes.get_mut(subject) else { return };
        if activity.mends() {
            b.broken = false;
        }
        let entity = [u64::from(b.service.0), u64::from(b.ordinal)];
        let mut stream =
            self.streams.open(streams::HUMAN_SLIP, &[entity[0], entity[1], job.work.cause, activity as u64]);
        let p = &self.faults.human_slip;
        // All are drawn always, so that one parameter does not shift what another decides.
        let slips = stream.chance(p.chance.as_f64());
        let wrong = stream.chance(p.wrong_box.as_f64());
        let which = stream.uniform();
        if !slips {
            return;
        }
        let target = if wrong { self.neighbour(subject, which) } else { Some(subject) };
        if let Some(target) = target {
            let fault = FaultId::new(FaultKind::HumanSlip, entity, job.work.cause);
            self.break_box(target, fault, FaultKind::HumanSlip);
        }
    }

    /// Another box of the same service.
    fn neighbour(&self, subject: BoxId, which: f64) -> Option<BoxId> {
        let service = self.boxes.get(subject)?.service;
        let others = || {
            let up = |b: &ServiceBox| b.service == service && b.state == State::Up;
            self.boxes.iter().filter(move |&(id, b)| id != subject && up(b))
        };
        others().nth((which * others().count() as f64) as usize).map(|(id, _)| id)
    }

    /// Its processes end, and fail to start until somebody has repaired it.
    pub(in crate::world) fn break_box(&mut self, subject: BoxId, fault: FaultId, kind: FaultKind) {
        let b = self.boxes.get_mut(subject).expect("only boxes that exist break");
        b.broken = true;
        let ran = matches!(b.state, State::Up | State::Starting);
        self.exit_box(subject, Exit::Fault { fault, kind });
        if ran {
            self.signals.push_back(Signal::ProcessExited { subject });
        }
    }
}
