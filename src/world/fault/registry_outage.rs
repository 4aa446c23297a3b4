//! The image registry does not answer: an outage of the hosting company, an expired certificate, a rate limit.
//!
//! When: one renewal process for the one registry that everybody uses. Who: whoever wants an image while it lasts. What:
//! pulls fail. Boxes that run are well, and so is what starts from an image that the machine has.
//!
//! *Deviation:* a pull that has begun comes to its end, since layers come from storage behind the registry. Machine images
//! and packages come from mirrors, so fleets without containers do not feel it.

use super::{FaultId, FaultKind, Renewal};
use crate::engine::{SimDuration, Streams};
use crate::parameter::{Distribution, Hazard, Rate, section};
use crate::world::event::Event;
use crate::world::observation::Observation;
use crate::world::{World, streams};

section! {
    /// Outages of the image registry.
    pub struct RegistryOutageParameters {
        /// How often the registry that images are pulled from stops answering.
        rate: Rate = "2/year", from "none found; public registries report a few incidents a year", grade Estimate;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", grade Choice;
        /// How long it does not answer.
        lasts: Distribution = "lognormal(1h, 1)", from "none found", grade Estimate;
    }
}

/// The registry.
#[derive(Clone, Debug)]
pub(in crate::world) struct Registry {
    outages: Renewal,
    present: Option<FaultId>,
}

impl Registry {
    pub fn new(streams: &Streams, p: &RegistryOutageParameters) -> Registry {
        let outages = Renewal::new(streams, streams::REGISTRY_OUTAGE, [0, 0], (p.rate, p.hazard));
        Registry { outages, present: None }
    }

    pub fn answers(&self) -> bool {
        self.present.is_none()
    }
}

impl World {
    pub(in crate::world) fn arm_registry(&mut self) {
        let at = self.registry.outages.next_after(self.scheduler.now());
        self.schedule_fault(at, Event::RegistryFails);
    }

    pub(in crate::world) fn on_registry_fails(&mut self) {
        let fault = FaultId::new(FaultKind::RegistryOutage, [0, 0], self.registry.outages.count);
        self.registry.present = Some(fault);
        self.observe(Observation::RegistryFailed { fault });
        let u = self.streams.open(streams::REGISTRY_OUTAGE_LASTS, &[fault.0]).uniform();
        let lasts = self.faults.registry_outage.lasts.sample(u).max(SimDuration::from_secs(1));
        self.scheduler.after(lasts, Event::RegistryRestored);
    }

    pub(in crate::world) fn on_registry_restored(&mut self) {
        self.registry.present = None;
        self.observe(Observation::RegistryRestored);
        self.arm_registry();
    }
}
