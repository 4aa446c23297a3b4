//! A machine is gone for good: its host breaks and the machine has to be built again somewhere else.
//!
//! When: a renewal process per host slot. Who: the machine on the slot. What: it never answers again; it is billed until
//! somebody terminates it.

use super::{FaultId, FaultKind};
use crate::parameter::{Hazard, Rate, section};
use crate::world::World;
use crate::world::ids::VmId;

section! {
    /// Permanent losses of machines.
    pub struct VmLossParameters {
        /// How often one machine is lost.
        rate: Rate = "0.05/year", from "4.8 % of servers a year: component rates of Lyu et al., OSDI 2023", grade Derived;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", from "none found", grade Estimate;
    }
}

impl World {
    pub(in crate::world) fn on_vm_loss(&mut self, vm: VmId) {
        let Some((zone, slot, weather)) = self.slot_weather(vm) else { return };
        let fault =
            FaultId::new(FaultKind::VmLoss, [u64::from(zone.0), u64::from(slot)], weather.losses.count);
        self.fail_vm(vm, fault, FaultKind::VmLoss, None);
    }
}
