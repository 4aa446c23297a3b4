//! A machine goes down and comes back by itself: kernel panic, host restart, power blip.
//!
//! When: a renewal process per host slot. Who: the machine on the slot. What: everything on it stops; after a while it
//! boots again.
//!
//! Why not Poisson: at LANL (1996-2005, systems 2, 8, 18, 19 and 20, 15,000 failures) the times between failures of a
//! node follow a Weibull of shape 0.48 to 0.70 with all nodes pooled. Part of that is nodes that differ and systems that
//! age: with each node's own mean divided out it is 0.54 to 0.77, and 0.70 to 0.89 in the second half of each system's
//! failures. So a machine that has crashed is likely to crash again soon: with shape 0.7 and one crash a year, within a
//! day with 1.9 % instead of 0.3 %. A pet stays where it is and suffers that; a replacement goes to another slot, and
//! the bad slot to whoever comes next, which is as fair as it is real. Losses, zones and processes stay memoryless: a
//! lost host is another host afterwards, and no data was found for the others.

use super::{FaultId, FaultKind};
use crate::engine::SimDuration;
use crate::parameter::{Distribution, Hazard, Rate, section};
use crate::world::ids::VmId;
use crate::world::{World, streams};

section! {
    /// Unplanned restarts of machines.
    pub struct VmCrashParameters {
        /// How often one machine crashes.
        rate: Rate = "1/year", from "0.56 (Dean 2008) to 2.1 (Hennessy & Patterson 5e, fig. 6.1) per machine-year", grade Derived;
        /// How the times between two of them are spread.
        hazard: Hazard = "weibull(0.7)", from "LANL 1996-2005, per node: shape 0.5-0.7 with all nodes pooled, 0.5-0.8 with each node's own mean divided out", grade Derived;
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
