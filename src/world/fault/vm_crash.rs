//! A machine goes down and comes back by itself: kernel panic, host restart, power blip.
//!
//! When: Poisson per host slot. Who: the machine on the slot. What: everything on it stops; after a while it
//! boots again.

use super::{FaultId, FaultKind};
use crate::engine::SimDuration;
use crate::parameter::{Distribution, Rate, section};
use crate::world::ids::VmId;
use crate::world::{World, streams};

section! {
    /// Unplanned restarts of machines.
    pub struct VmCrashParameters {
        /// How often one machine crashes.
        rate: Rate = "1/year", from "0.56 (Dean 2008) to 2.1 (Hennessy & Patterson 5e, fig. 6.1) per machine-year", grade Derived;
        /// Time until it is back by itself.
        down: Distribution = "lognormal(5m, 0.6)", from "reboot of about 5 min, Hennessy & Patterson 5e, fig. 6.1", grade Derived;
    }
}

impl World {
    pub(in crate::world) fn on_vm_crash(&mut self, vm: VmId) {
        let Some((zone, slot, weather)) = self.slot_weather(vm) else { return };
        let entity = [u64::from(zone.0), u64::from(slot)];
        let count = weather.crashes.count;
        let fault = FaultId::new(FaultKind::VmCrash, entity, count);
        let u = self.streams.open(streams::VM_CRASH_DOWN, &[fault.0]).uniform();
        let down = self.faults.vm_crash.down.sample(u).max(SimDuration::from_secs(1));
        self.fail_vm(vm, fault, FaultKind::VmCrash, Some(down));
    }
}
