//! The cloud takes a spot machine back, with a notice.
//!
//! When: by host slot. Who: the machine on the slot, if it was bought as spot. What: the platform hears of it, and
//! when the notice is over the machine is gone, whatever has become of it meanwhile.
//!
//! *Deviation:* reclaims of different slots are independent, and a replacement is had as easily as any machine
//! (`cloud.launch_failure`); in reality a zone runs short of one machine type at a time. Rebalance recommendations,
//! which may come before the notice, are not modelled. It is paid for until it is gone, in the first hour too (EC2 gives
//! that back).

use super::{FaultId, FaultKind};
use crate::engine::{EventHandle, SimDuration};
use crate::parameter::{Hazard, Rate, section};
use crate::world::World;
use crate::world::event::Event;
use crate::world::ids::VmId;
use crate::world::observation::Observation;
use crate::world::signal::Signal;

section! {
    /// Spot machines that the cloud takes back.
    pub struct SpotReclaimParameters {
        /// How often one spot machine is reclaimed.
        rate: Rate = "0.2/month", from "m7i.large and m7i.xlarge in us-east-1: 15-20 % a month (spotinfo 2025-06-28), -ln(1 - 17.5 %); 5 % to over 20 % for others, and hours for GPUs (SkyPilot traces 2022-2023)", grade Derived;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", grade Choice;
        /// Time from the notice until the machine is gone.
        notice: SimDuration = "2m", from "EC2 user guide: two minutes; GCP and Azure give 30 s", grade Verified;
    }
}

/// A notice that was given.
#[derive(Clone, Debug)]
pub(in crate::world) struct Reclaim {
    fault: FaultId,
    pub strikes: EventHandle,
}

impl World {
    pub(in crate::world) fn on_spot_notice(&mut self, vm: VmId) {
        let Some((zone, slot, weather)) = self.slot_weather(vm) else { return };
        let entity = [u64::from(zone.0), u64::from(slot)];
        let fault = FaultId::new(FaultKind::SpotReclaim, entity, weather.reclaims.count);
        let strikes = self.scheduler.after(self.faults.spot_reclaim.notice, Event::SpotReclaimed { vm });
        self.vms.get_mut(vm).expect("seen").reclaim = Some(Reclaim { fault, strikes });
        self.observe(Observation::SpotNotice { vm, fault });
        self.signals.push_back(Signal::SpotNotice { vm });
    }

    pub(in crate::world) fn on_spot_reclaimed(&mut self, vm: VmId) {
        let v = self.vms.get(vm).expect("reclaims of gone machines are cancelled");
        let fault = v.reclaim.as_ref().expect("a notice goes before").fault;
        self.fail_vm(vm, fault, FaultKind::SpotReclaim, None);
        self.signals.push_back(Signal::SpotReclaimed { vm });
    }
}
