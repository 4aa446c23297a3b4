//! Conflicts: what is installed for one service breaks another one that lives in the same guest system.
//!
//! When: a version is installed. Who: each box of another service on the machine, with a chance. What: its processes end
//! and cannot start until somebody has repaired it: a library that both need and only one of them can have. Boxes that
//! bring their own root file system, as containers do, have none. Knows no platform: it is told where a guest system is
//! shared. Start at [`World::install_into_shared_system`].

use super::{FaultId, FaultKind};
use crate::engine::streams::mix;
use crate::parameter::{Fraction, section};
use crate::world::boxes::State;
use crate::world::ids::{BoxId, Version};
use crate::world::{World, streams};

section! {
    /// Versions that break a neighbour, where several services share a guest system.
    pub struct ConflictParameters {
        /// Chance that a version, when it is installed, breaks a box of another service in the same guest system.
        chance: Fraction = "1%", from "none found", grade Estimate;
    }
}

impl World {
    /// A version of the service of `subject` is installed in the guest system that its box shares with others.
    pub(in crate::world) fn install_into_shared_system(&mut self, subject: BoxId, version: Version) {
        let Some(b) = self.boxes.get(subject) else { return };
        let Some(vm) = b.vm.and_then(|vm| self.vms.get(vm)) else { return };
        let service = b.service;
        let chance = self.faults.conflict.chance.as_f64();
        for other in vm.boxes.clone() {
            let neighbour = self.boxes.get(other).expect("a machine has only boxes that exist");
            if neighbour.service == service || !matches!(neighbour.state, State::Up | State::Starting) {
                continue;
            }
            let installed = [u64::from(service.0), u64::from(version.0)];
            let whom = [u64::from(neighbour.service.0), u64::from(neighbour.ordinal)];
            let mut stream =
                self.streams.open(streams::CONFLICT, &[installed[0], installed[1], whom[0], whom[1]]);
            if stream.chance(chance) {
                let fault = FaultId::new(FaultKind::Conflict, whom, mix(installed[0] << 32 | installed[1]));
                self.break_box(other, fault, FaultKind::Conflict);
            }
        }
    }
}
