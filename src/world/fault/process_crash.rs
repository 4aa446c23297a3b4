//! The process of a box dies, or hangs: a bug, an unhandled error, a deadlock. Memory that runs out is an affair of
//! its own.
//!
//! When: a renewal process per numbered box of a service. Who: the box that has the number. What: its processes end, and
//! the machine is fine and refuses connections until something starts them again. Or, with the chance `hang_share`,
//! they hang: the port accepts and nothing ever answers, and no agent sees an exit. Whoever checks that requests are
//! answered finds that, whoever only supervises processes does not.

use super::{FaultId, FaultKind, Renewal};
use crate::parameter::{Fraction, Hazard, Rate, section};
use crate::world::event::Event;
use crate::world::ids::BoxId;
use crate::world::observation::Exit;
use crate::world::service::Service;
use crate::world::signal::Signal;
use crate::world::{World, streams};

section! {
    /// Crashes of application processes.
    pub struct ProcessCrashParameters {
        /// How often the process of one box crashes.
        rate: Rate = "1/month", from "none found", grade Estimate;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", from "none found", grade Estimate;
        /// Share of them in which the process does not end but hangs: it accepts requests and answers none.
        hang_share: Fraction = "10%", from "none found", grade Estimate;
    }
}

impl World {
    /// Schedules the next crash that this numbered box has in store.
    pub(in crate::world) fn arm_process_crash(&mut self, subject: BoxId) {
        let now = self.scheduler.now();
        let b = self.boxes.get(subject).expect("only boxes that exist are armed");
        let (service, ordinal) = (b.service, b.ordinal);
        let at = self.process_weather(service.index(), ordinal).next_after(now);
        let handle = self.schedule_fault(at, Event::ProcessCrash { subject });
        let b = self.boxes.get_mut(subject).expect("seen");
        if let Some(old) = std::mem::replace(&mut b.crash, handle) {
            self.scheduler.cancel(old);
        }
    }

    fn process_weather(&mut self, service: usize, ordinal: u32) -> &mut Renewal {
        let (streams, p) = (&self.streams, &self.faults.process_crash);
        let pace = (p.rate, p.hazard);
        let weather: &mut Service = &mut self.services[service];
        let process_crashes = &mut weather.process_crashes;
        while process_crashes.len() <= ordinal as usize {
            let entity = [service as u64, process_crashes.len() as u64];
            process_crashes.push(Renewal::new(streams, streams::PROCESS_CRASH, entity, pace));
        }
        &mut process_crashes[ordinal as usize]
    }

    pub(in crate::world) fn on_process_crash(&mut self, subject: BoxId) {
        let b = self.boxes.get_mut(subject).expect("crashes of removed boxes are cancelled");
        b.crash = None;
        let entity = [u64::from(b.service.0), u64::from(b.ordinal)];
        let count = self.services[entity[0] as usize].process_crashes[entity[1] as usize].count;
        // Which of a numbered box's crashes are hangs is part of the weather.
        let mut kind_of = self.streams.open(streams::PROCESS_HANG, &[entity[0], entity[1], count]);
        if kind_of.chance(self.faults.process_crash.hang_share.as_f64()) {
            let kind = FaultKind::ProcessHang;
            return self.hang_box(subject, FaultId::new(kind, entity, count), kind);
        }
        let kind = FaultKind::ProcessCrash;
        self.exit_box(subject, Exit::Fault { fault: FaultId::new(kind, entity, count), kind });
        self.signals.push_back(Signal::ProcessExited { subject });
    }
}
