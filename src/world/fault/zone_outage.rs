//! A whole zone goes dark: power, cooling or network.
//!
//! When: Poisson per zone. Who: every machine in it, and every launch. What: nothing in the zone answers until it
//! is back; then the machines boot again.
//!
//! *Deviation:* an outage takes the whole zone. Real zone incidents are often partial; the rate counts those that
//! make customers move.

use super::{FaultId, FaultKind, Renewal};
use crate::engine::SimDuration;
use crate::parameter::{Distribution, Rate, section};
use crate::world::event::Event;
use crate::world::ids::{VmId, ZoneId};
use crate::world::observation::Observation;
use crate::world::vm::VmState;
use crate::world::{World, streams};

section! {
    /// Outages of whole zones.
    pub struct ZoneOutageParameters {
        /// How often one zone fails.
        rate: Rate = "0.1/year", from "9 EC2 incidents in about 105 zones in 2024 (Cloud Insight Index 2024)", grade Derived;
        /// How long it stays down.
        down: Distribution = "lognormal(1.9h, 1.13)", from "AWS incidents of 2024: median 1.88 h, mean 3.54 h (Cloud Insight Index 2024)", grade Derived;
    }
}

impl World {
    pub(in crate::world) fn arm_zone_outages(&mut self) {
        for zone in 0..self.zones.len() {
            let mut renewal = Renewal::new(
                &self.streams,
                streams::ZONE_OUTAGE,
                [zone as u64, 0],
                self.faults.zone_outage.rate,
            );
            let at = renewal.next_after(self.scheduler.now());
            self.zone_outages.push(renewal);
            self.schedule_fault(at, Event::ZoneDown { zone: ZoneId(zone as u8) });
        }
    }

    pub(in crate::world) fn on_zone_down(&mut self, zone: ZoneId) {
        let fault = FaultId::new(
            FaultKind::ZoneOutage,
            [u64::from(zone.0), 0],
            self.zone_outages[zone.index()].count,
        );
        self.zones[zone.index()].down = true;
        self.observe(Observation::ZoneDown { zone, fault });
        for vm in self.machines_in(zone, |state| state == VmState::Running) {
            self.fail_vm(vm, fault, FaultKind::ZoneOutage, None);
        }
        let u = self.streams.open(streams::ZONE_OUTAGE_DOWN, &[fault.0]).uniform();
        let down = self.faults.zone_outage.down.sample(u).max(SimDuration::from_secs(1));
        self.scheduler.after(down, Event::ZoneUp { zone });
    }

    pub(in crate::world) fn on_zone_up(&mut self, zone: ZoneId) {
        self.zones[zone.index()].down = false;
        self.observe(Observation::ZoneUp { zone });
        for vm in self.machines_in(zone, |state| state == VmState::Down) {
            self.restart_after_outage(vm);
        }
        let now = self.scheduler.now();
        let at = self.zone_outages[zone.index()].next_after(now);
        self.schedule_fault(at, Event::ZoneDown { zone });
    }

    fn machines_in(&self, zone: ZoneId, wanted: impl Fn(VmState) -> bool) -> Vec<VmId> {
        self.vms.iter().filter(|(_, v)| v.zone == zone && wanted(v.state)).map(|(vm, _)| vm).collect()
    }
}
