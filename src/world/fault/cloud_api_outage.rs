//! The cloud's control plane is down in the whole region: nobody can launch, reboot or give back a machine.
//!
//! When: one renewal process for the region. Who: whoever asks the cloud for something. What: launches are refused, the
//! console restarts nothing, and what is given back stays on the bill until the cloud takes it. Machines that run go on
//! running, and load balancers go on balancing (static stability): users notice it only where something breaks or grows
//! meanwhile.
//!
//! *Deviation:* checks and target lists of load balancers belong to what goes on. A machine that was given back serves
//! nobody from then on, though it is paid for. Start at [`World::on_cloud_api_fails`].

use super::{FaultId, FaultKind, Renewal};
use crate::engine::{SimDuration, Streams};
use crate::parameter::{Distribution, Hazard, Rate, section};
use crate::world::event::Event;
use crate::world::ids::VmId;
use crate::world::observation::Observation;
use crate::world::{World, streams};

section! {
    /// Outages of the cloud's control plane in a whole region.
    pub struct CloudApiOutageParameters {
        /// How often the cloud's API stops answering.
        rate: Rate = "0.3/year", from "27 incidents at AWS in 2024 in some 34 regions, a third of them of single zones (Cloud Insight Index 2024); how many of the others hit launches is not known", grade Estimate;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", grade Choice;
        /// How long it does not answer.
        lasts: Distribution = "lognormal(1.9h, 1.13)", from "AWS incidents of 2024: median 1.88 h, mean 3.54 h (Cloud Insight Index 2024); 3 h on 13 June 2023, 15 h in October 2025 in us-east-1", grade Derived;
    }
}

/// The API of the cloud.
#[derive(Clone, Debug)]
pub(in crate::world) struct CloudApi {
    outages: Renewal,
    present: Option<FaultId>,
    /// Given back while nobody listened: on the bill still.
    given_back: Vec<VmId>,
}

impl CloudApi {
    pub fn new(streams: &Streams, p: &CloudApiOutageParameters) -> CloudApi {
        let outages = Renewal::new(streams, streams::CLOUD_API_OUTAGE, [0, 0], (p.rate, p.hazard));
        CloudApi { outages, present: None, given_back: Vec::new() }
    }

    pub fn answers(&self) -> bool {
        self.present.is_none()
    }
}

impl World {
    pub(in crate::world) fn arm_cloud_api(&mut self) {
        let at = self.cloud_api.outages.next_after(self.scheduler.now());
        self.schedule_fault(at, Event::CloudApiFails);
    }

    pub(in crate::world) fn on_cloud_api_fails(&mut self) {
        let fault = FaultId::new(FaultKind::CloudApiOutage, [0, 0], self.cloud_api.outages.count);
        self.cloud_api.present = Some(fault);
        self.observe(Observation::CloudApiFailed { fault });
        let u = self.streams.open(streams::CLOUD_API_OUTAGE_LASTS, &[fault.0]).uniform();
        let lasts = self.faults.cloud_api_outage.lasts.sample(u).max(SimDuration::from_secs(1));
        self.scheduler.after(lasts, Event::CloudApiRestored);
    }

    pub(in crate::world) fn on_cloud_api_restored(&mut self) {
        self.cloud_api.present = None;
        self.observe(Observation::CloudApiRestored);
        for vm in std::mem::take(&mut self.cloud_api.given_back) {
            self.observe(Observation::VmTerminated { vm });
        }
        self.arm_cloud_api();
    }

    /// The rent of a machine ends now, or when the cloud hears of it.
    pub(in crate::world) fn end_rent(&mut self, vm: VmId) {
        if self.cloud_api.answers() {
            self.observe(Observation::VmTerminated { vm });
        } else {
            self.cloud_api.given_back.push(vm);
        }
    }
}
