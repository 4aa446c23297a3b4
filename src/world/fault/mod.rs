//! Faults: what breaks, when, and how long. The same weather for every platform.
//!
//! A fault belongs to something that means the same everywhere: a numbered host slot of a zone, a rack of such slots,
//! the n-th box of a service, a zone. Its times are a [`Renewal`] sequence that runs whether or not anything is there
//! to be hit; a machine or box that is there at that time is hit. Each kind is one file (when, who and what), but
//! those that take many machines at once, which are one mechanism: [`group`].
//!
//! Start at [`FaultKind`].

mod bad_configuration;
mod cloud_api_outage;
mod conflict;
mod discovery_outage;
mod disk_full;
mod group;
mod no_capacity;
mod process_crash;
mod registry_outage;
mod renewal;
mod slow_vm;
mod spot_reclaim;
#[cfg(test)]
mod tests;
mod vm_crash;
mod vm_loss;

pub use bad_configuration::BadConfigurationParameters;
pub use cloud_api_outage::CloudApiOutageParameters;
pub use conflict::ConflictParameters;
pub use discovery_outage::DiscoveryOutageParameters;
pub use disk_full::DiskFullParameters;
pub use group::{
    Group, OverheatingParameters, PowerOutageParameters, RackNetworkParameters, RackOutageParameters,
    ZoneOutageParameters,
};
pub use no_capacity::NoCapacityParameters;
pub use process_crash::ProcessCrashParameters;
pub use registry_outage::RegistryOutageParameters;
pub use slow_vm::SlowVmParameters;
pub use spot_reclaim::SpotReclaimParameters;
pub use vm_crash::VmCrashParameters;
pub use vm_loss::VmLossParameters;

pub(super) use bad_configuration::Changes;
pub(super) use cloud_api_outage::CloudApi;
pub(super) use group::GroupWeather;
pub(super) use no_capacity::Shortages;
pub(super) use registry_outage::Registry;
pub(super) use renewal::Renewal;
pub(super) use slow_vm::Slowness;
pub(super) use spot_reclaim::Reclaim;

use super::ids::ZoneId;
use super::people::HumanSlipParameters;
use super::streams;
use crate::engine::Streams;
use crate::engine::streams::mix;
use crate::parameter::section;

section! {
    /// What breaks by itself. Rates are the same on every platform.
    pub struct FaultParameters {
        /// Machines of the fleet in one rack, by host slot. Clouds scatter a customer's machines over many racks; in a hall of one's own a rack holds 40 to 80 (Dean 2008).
        rack_size: u32 = "4" in |n| (1..=10_000).contains(n) => "from 1 to 10000", from "none found for clouds", grade Estimate;
        vm_crash: VmCrashParameters, section;
        vm_loss: VmLossParameters, section;
        slow_vm: SlowVmParameters, section;
        process_crash: ProcessCrashParameters, section;
        rack_outage: RackOutageParameters, section;
        rack_network: RackNetworkParameters, section;
        power_outage: PowerOutageParameters, section;
        overheating: OverheatingParameters, section;
        zone_outage: ZoneOutageParameters, section;
        spot_reclaim: SpotReclaimParameters, section;
        human_slip: HumanSlipParameters, section;
        conflict: ConflictParameters, section;
        registry_outage: RegistryOutageParameters, section;
        bad_configuration: BadConfigurationParameters, section;
        cloud_api_outage: CloudApiOutageParameters, section;
        no_capacity: NoCapacityParameters, section;
        disk_full: DiskFullParameters, section;
        discovery_outage: DiscoveryOutageParameters, section;
    }
}

/// What happened. New kinds go to the end: the number is part of every fault's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    VmCrash,
    VmLoss,
    ProcessCrash,
    ZoneOutage,
    BadRelease,
    RackOutage,
    RackNetwork,
    PowerOutage,
    Overheating,
    SlowVm,
    SpotReclaim,
    /// The kernel killed it: see [`super::memory`].
    OutOfMemory,
    /// Somebody broke it by hand: see [`super::people`].
    HumanSlip,
    /// Its process accepts requests and answers none.
    ProcessHang,
    /// Nobody gets an image.
    RegistryOutage,
    /// What was installed for another service in the same guest system broke it.
    Conflict,
    /// Boxes got a configuration that is wrong.
    BadConfiguration,
    /// Nobody gets a machine, nor gives one back.
    CloudApiOutage,
    /// Its disk has no room left.
    DiskFull,
    /// Nobody hears of a change in the list of boxes.
    DiscoveryOutage,
}

impl FaultKind {
    pub const ALL: [FaultKind; 20] = [
        FaultKind::VmCrash,
        FaultKind::VmLoss,
        FaultKind::ProcessCrash,
        FaultKind::ZoneOutage,
        FaultKind::BadRelease,
        FaultKind::RackOutage,
        FaultKind::RackNetwork,
        FaultKind::PowerOutage,
        FaultKind::Overheating,
        FaultKind::SlowVm,
        FaultKind::SpotReclaim,
        FaultKind::OutOfMemory,
        FaultKind::HumanSlip,
        FaultKind::ProcessHang,
        FaultKind::RegistryOutage,
        FaultKind::Conflict,
        FaultKind::BadConfiguration,
        FaultKind::CloudApiOutage,
        FaultKind::DiskFull,
        FaultKind::DiscoveryOutage,
    ];

    /// As written in results.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::VmCrash => "vm-crash",
            FaultKind::VmLoss => "vm-loss",
            FaultKind::ProcessCrash => "process-crash",
            FaultKind::ZoneOutage => "zone-outage",
            FaultKind::BadRelease => "bad-release",
            FaultKind::RackOutage => "rack-outage",
            FaultKind::RackNetwork => "rack-network",
            FaultKind::PowerOutage => "power-outage",
            FaultKind::Overheating => "overheating",
            FaultKind::SlowVm => "slow-vm",
            FaultKind::SpotReclaim => "spot-reclaim",
            FaultKind::OutOfMemory => "out-of-memory",
            FaultKind::HumanSlip => "human-slip",
            FaultKind::ProcessHang => "process-hang",
            FaultKind::RegistryOutage => "registry-outage",
            FaultKind::Conflict => "conflict",
            FaultKind::BadConfiguration => "bad-configuration",
            FaultKind::CloudApiOutage => "cloud-api-outage",
            FaultKind::DiskFull => "disk-full",
            FaultKind::DiscoveryOutage => "discovery-outage",
        }
    }
}

/// One cause, the same number on every platform: repairs of it are equally hard everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FaultId(pub u64);

impl FaultId {
    /// The `count`-th fault of this kind that `entity` meets.
    pub(crate) fn new(kind: FaultKind, entity: [u64; 2], count: u64) -> FaultId {
        FaultId(mix(mix(mix(kind as u64 ^ 0xfa01) ^ entity[0]) ^ mix(entity[1] << 20 ^ count)))
    }
}

/// The hardware weather of one host slot.
#[derive(Clone, Debug)]
pub(super) struct SlotWeather {
    pub crashes: Renewal,
    pub losses: Renewal,
    pub slow_spells: Renewal,
    pub reclaims: Renewal,
}

impl SlotWeather {
    pub(super) fn new(streams: &Streams, faults: &FaultParameters, zone: ZoneId, slot: u32) -> SlotWeather {
        let renewal =
            |purpose, pace| Renewal::new(streams, purpose, [u64::from(zone.0), u64::from(slot)], pace);
        let FaultParameters { vm_crash, vm_loss, slow_vm, spot_reclaim, .. } = faults;
        SlotWeather {
            crashes: renewal(streams::VM_CRASH, (vm_crash.rate, vm_crash.hazard)),
            losses: renewal(streams::VM_LOSS, (vm_loss.rate, vm_loss.hazard)),
            slow_spells: renewal(streams::SLOW_VM, (slow_vm.rate, slow_vm.hazard)),
            reclaims: renewal(streams::SPOT_RECLAIM, (spot_reclaim.rate, spot_reclaim.hazard)),
        }
    }
}
