//! The disk of a box is full: logs that nobody rotates, dumps, caches.
//!
//! When: a renewal process per numbered box of a service, which counts what fills a disk where nothing is done about it. Who:
//! the box that has the number, if nothing on its platform prevents that one: each platform says which share of them gets
//! through, as a number that it draws for every filling, the same on all. What: its processes end and cannot start until
//! somebody has made room, or another machine takes its place.
//!
//! On Kubernetes nothing gets through: the kubelet rotates the logs of containers (containerLogMaxSize 10Mi, five files), and
//! what else they write goes with them.
//!
//! *Deviation:* a disk does not fill by age: a machine that was built yesterday is hit like one of last year. Disks of
//! nodes, and evictions because of them, are not modelled. Start at [`World::on_disk_full`].

use super::{FaultId, FaultKind, Renewal};
use crate::parameter::{Hazard, Rate, section};
use crate::world::event::Event;
use crate::world::ids::BoxId;
use crate::world::{World, streams};

section! {
    /// Disks that run full.
    pub struct DiskFullParameters {
        /// How often the disk of one box fills where nothing is done about it; `disk_fills` of a platform says which share gets through there; none on Kubernetes, where the kubelet rotates logs.
        rate: Rate = "0.1/year", from "none found", grade Estimate;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", from "none found", grade Estimate;
    }
}

impl World {
    /// Schedules the next filling that this numbered box has in store.
    pub(in crate::world) fn arm_disk(&mut self, subject: BoxId) {
        if self.disk_fills <= 0.0 {
            return;
        }
        let now = self.scheduler.now();
        let b = self.boxes.get(subject).expect("only boxes that exist are armed");
        let (service, ordinal) = (b.service.index(), b.ordinal as usize);
        let (streams, p) = (&self.streams, &self.faults.disk_full);
        let fillings = &mut self.services[service].disks;
        while fillings.len() <= ordinal {
            let entity = [service as u64, fillings.len() as u64];
            fillings.push(Renewal::new(streams, streams::DISK_FULL, entity, (p.rate, p.hazard)));
        }
        let at = fillings[ordinal].next_after(now);
        let handle = self.schedule_fault(at, Event::DiskFull { subject });
        let b = self.boxes.get_mut(subject).expect("seen");
        if let Some(old) = std::mem::replace(&mut b.fills, handle) {
            self.scheduler.cancel(old);
        }
    }

    pub(in crate::world) fn on_disk_full(&mut self, subject: BoxId) {
        let b = self.boxes.get_mut(subject).expect("fillings of removed boxes are cancelled");
        b.fills = None;
        let entity = [u64::from(b.service.0), u64::from(b.ordinal)];
        let count = self.services[entity[0] as usize].disks[entity[1] as usize].count;
        let mut stream = self.streams.open(streams::DISK_FULL_GETS_THROUGH, &[entity[0], entity[1], count]);
        if !stream.chance(self.disk_fills) {
            return self.arm_disk(subject);
        }
        self.break_box(subject, FaultId::new(FaultKind::DiskFull, entity, count), FaultKind::DiskFull);
    }
}
