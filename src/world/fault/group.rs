//! Faults that take many machines at once: racks, power units, overheating, zones. One mechanism, five kinds.
//!
//! When: by rack, power unit or zone. Who: the machines on the host slots of that group. What: they go dark, and boot
//! again when it is over; the cloud places no machine on a dark slot, and refuses where it has no other. The trouble
//! with a rack's network is milder: its machines run on, but cannot be reached for spells of a minute or so (losses in
//! bursts, Gilbert 1960), so requests, checks and heartbeats fail by the share that is lost.
//!
//! Slot `s` of a zone stands in rack `s / rack_size`, rack `r` hangs on power unit `r / racks`. Overheating takes each
//! rack of its zone with the chance `share`, the same racks on every platform.
//!
//! *Deviation:* a zone outage takes the whole zone; real ones are often partial, and the rate counts those that make
//! customers move. A rack is under the weather from when its first slot is used: what began before does not hit it.
//! Reports of agents get through a flaky network, if need be on the second try. A check or heartbeat notices silence
//! only if that lasts from its first failure to its last.
//!
//! Start at [`World::on_group_struck`].

use super::{FaultId, FaultKind, Renewal};
use crate::engine::{EventHandle, Purpose, SimDuration, Stream};
use crate::parameter::{Distribution, Fraction, Hazard, Rate, section};
use crate::world::boxes::Reach;
use crate::world::event::Event;
use crate::world::ids::{VmId, ZoneId};
use crate::world::observation::Observation;
use crate::world::vm::{Vm, VmState};
use crate::world::{World, streams};

section! {
    /// Outages of single racks: top switch, power strip.
    pub struct RackOutageParameters {
        /// How often one rack fails.
        rate: Rate = "0.05/year", from "none found for clouds; 20 of about 45 racks in a year, 0.44, in Dean 2008", grade Estimate;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", grade Choice;
        /// How long it stays down.
        down: Distribution = "lognormal(2.5h, 0.5)", from "1 to 6 hours, Dean 2008", grade Derived;
    }
}

section! {
    /// Racks whose network loses packets.
    pub struct RackNetworkParameters {
        /// How often it happens to one rack.
        rate: Rate = "0.01/year", from "none found for clouds; 5 of about 45 racks in a year, 0.11, in Dean 2008: a quarter as often as outages", grade Estimate;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", grade Choice;
        /// How long it lasts.
        lasts: Distribution = "lognormal(2.5h, 0.5)", from "none found; as rack outages", grade Estimate;
        /// Share of the time in which nothing comes through.
        loss: Fraction = "50%" in |l| l.as_f64() > 0.0 && l.as_f64() < 1.0 => "between 0 and 1, exclusive", from "50 % packet loss, Dean 2008", grade Verified;
        /// Mean length of a spell in which nothing comes through.
        spell: SimDuration = "1m" in |d| *d >= SimDuration::from_secs(1) => "at least 1s", from "none found", grade Estimate;
    }
}

section! {
    /// Failures of power distribution units, which feed several racks.
    pub struct PowerOutageParameters {
        /// How often one power unit fails.
        rate: Rate = "0/year", from "one a year among two or three in Dean 2008; in clouds this is part of what zone outages count", grade Choice;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", grade Choice;
        /// How long it stays down.
        down: Distribution = "lognormal(6h, 0.3)", from "about 6 hours, Dean 2008; no source for the spread", grade Derived;
        /// Racks that hang on one power unit.
        racks: u32 = "12" in |n| (1..=10_000).contains(n) => "from 1 to 10000", from "500 to 1000 machines in racks of 40 to 80, Dean 2008", grade Derived;
    }
}

section! {
    /// Cooling that fails: machines in part of a zone are switched off.
    pub struct OverheatingParameters {
        /// How often one zone overheats.
        rate: Rate = "0/year", from "0.5 a year in one hall, Dean 2008; in clouds this is part of what zone outages count", grade Choice;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", grade Choice;
        /// How long the machines stay off.
        down: Distribution = "uniform(1d, 2d)", from "1 to 2 days, Dean 2008", grade Verified;
        /// Share of the racks of the zone that are switched off.
        share: Fraction = "80%", from "most machines within minutes, Dean 2008", grade Derived;
    }
}

section! {
    /// Outages of whole zones: power, cooling or network.
    pub struct ZoneOutageParameters {
        /// How often one zone fails.
        rate: Rate = "0.1/year", from "9 EC2 incidents in about 105 zones in 2024 (Cloud Insight Index 2024)", grade Derived;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", grade Choice;
        /// How long it stays down.
        down: Distribution = "lognormal(1.9h, 1.13)", from "AWS incidents of 2024: median 1.88 h, mean 3.54 h (Cloud Insight Index 2024)", grade Derived;
    }
}

/// Machines that a fault takes together: a rack, a power unit (by number within the zone) or a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    pub kind: FaultKind,
    pub zone: ZoneId,
    pub index: u32,
}

/// When a group is struck, and how it fares now.
#[derive(Clone, Debug)]
pub(in crate::world) struct GroupWeather {
    group: Group,
    strikes: Renewal,
    present: Option<Strike>,
}

/// A fault that lasts.
#[derive(Clone, Debug)]
struct Strike {
    fault: FaultId,
    network: Option<Spells>,
}

/// Silence and sound of a network that loses packets.
#[derive(Clone, Debug)]
struct Spells {
    lengths: Stream,
    silent: bool,
    turns: Option<EventHandle>,
}

#[cfg(test)]
impl GroupWeather {
    pub fn is(&self, group: Group) -> bool {
        self.group == group
    }
}

/// The zone's own kinds; the others come with its racks.
const OF_ZONES: [FaultKind; 2] = [FaultKind::ZoneOutage, FaultKind::Overheating];

impl World {
    /// (times, duration) of a kind of group.
    fn group_streams(kind: FaultKind) -> (Purpose, Purpose) {
        match kind {
            FaultKind::RackOutage => (streams::RACK_OUTAGE, streams::RACK_OUTAGE_DOWN),
            FaultKind::RackNetwork => (streams::RACK_NETWORK, streams::RACK_NETWORK_LASTS),
            FaultKind::PowerOutage => (streams::POWER_OUTAGE, streams::POWER_OUTAGE_DOWN),
            FaultKind::Overheating => (streams::OVERHEATING, streams::OVERHEATING_DOWN),
            FaultKind::ZoneOutage => (streams::ZONE_OUTAGE, streams::ZONE_OUTAGE_DOWN),
            other => unreachable!("{} is no fault of a group", other.name()),
        }
    }

    /// (rate, hazard, duration) of a kind of group.
    fn group_pace(&self, kind: FaultKind) -> (Rate, Hazard, &Distribution) {
        let f = &self.faults;
        match kind {
            FaultKind::RackOutage => (f.rack_outage.rate, f.rack_outage.hazard, &f.rack_outage.down),
            FaultKind::RackNetwork => (f.rack_network.rate, f.rack_network.hazard, &f.rack_network.lasts),
            FaultKind::PowerOutage => (f.power_outage.rate, f.power_outage.hazard, &f.power_outage.down),
            FaultKind::Overheating => (f.overheating.rate, f.overheating.hazard, &f.overheating.down),
            FaultKind::ZoneOutage => (f.zone_outage.rate, f.zone_outage.hazard, &f.zone_outage.down),
            other => unreachable!("{} is no fault of a group", other.name()),
        }
    }

    /// Puts all zones under the weather.
    pub(in crate::world) fn arm_zones(&mut self) {
        for zone in 0..self.zones.len() {
            for kind in OF_ZONES {
                self.arm_group(Group { kind, zone: ZoneId(zone as u8), index: 0 });
            }
        }
    }

    /// Puts the rack of a new host slot under the weather, and its power unit, if the slot is the first of it.
    pub(in crate::world) fn arm_rack_of(&mut self, zone: ZoneId, slot: u32) {
        let rack = slot / self.faults.rack_size;
        if !slot.is_multiple_of(self.faults.rack_size) {
            return;
        }
        for kind in [FaultKind::RackOutage, FaultKind::RackNetwork] {
            self.arm_group(Group { kind, zone, index: rack });
        }
        let racks = self.faults.power_outage.racks;
        if rack.is_multiple_of(racks) {
            self.arm_group(Group { kind: FaultKind::PowerOutage, zone, index: rack / racks });
        }
    }

    fn arm_group(&mut self, group: Group) {
        let (rate, hazard, _) = self.group_pace(group.kind);
        let (purpose, _) = World::group_streams(group.kind);
        let entity = [u64::from(group.zone.0), u64::from(group.index)];
        let strikes = Renewal::new(&self.streams, purpose, entity, (rate, hazard));
        self.groups.push(GroupWeather { group, strikes, present: None });
        self.arm_next_strike(self.groups.len() - 1);
    }

    fn arm_next_strike(&mut self, at: usize) {
        let now = self.scheduler.now();
        let next = self.groups[at].strikes.next_after(now);
        self.schedule_fault(next, Event::GroupStruck { group: at as u32 });
    }

    pub(in crate::world) fn on_group_struck(&mut self, at: u32) {
        let weather = &self.groups[at as usize];
        let group = weather.group;
        let entity = [u64::from(group.zone.0), u64::from(group.index)];
        let fault = FaultId::new(group.kind, entity, weather.strikes.count);
        let is_network = group.kind == FaultKind::RackNetwork;
        let lengths = self.streams.open(streams::RACK_NETWORK_SPELLS, &[fault.0]);
        let network = is_network.then_some(Spells { lengths, silent: false, turns: None });
        self.groups[at as usize].present = Some(Strike { fault, network });
        self.struck.push(at);
        self.observe(Observation::GroupStruck { group, fault });
        for vm in self.machines_of(at, Vm::is_running) {
            if is_network {
                self.observe(Observation::VmDegraded { vm, fault, kind: group.kind });
            } else {
                self.fail_vm(vm, fault, group.kind, None);
            }
        }
        if is_network {
            self.on_network_turns(at);
        }
        let u = self.streams.open(World::group_streams(group.kind).1, &[fault.0]).uniform();
        let lasts = self.group_pace(group.kind).2.sample(u).max(SimDuration::from_secs(1));
        self.scheduler.after(lasts, Event::GroupRestored { group: at });
    }

    pub(in crate::world) fn on_group_restored(&mut self, at: u32) {
        let group = self.groups[at as usize].group;
        // Overheating reaches the racks that its fault reaches: asked before the fault is over.
        let is_network = group.kind == FaultKind::RackNetwork;
        let machines = self.machines_of(at, |v| is_network || v.state == VmState::Down);
        let strike = self.groups[at as usize].present.take().expect("what is restored was struck");
        self.struck.retain(|&other| other != at);
        self.observe(Observation::GroupRestored { group });
        if let Some(turns) = strike.network.and_then(|n| n.turns) {
            self.scheduler.cancel(turns);
        }
        for vm in machines {
            if is_network {
                self.set_cut(vm, false);
                self.observe(Observation::VmRestored { vm, kind: group.kind });
            } else {
                self.restart_after_outage(vm);
            }
        }
        self.arm_next_strike(at as usize);
    }

    /// The network of a rack falls silent, or is heard again.
    pub(in crate::world) fn on_network_turns(&mut self, at: u32) {
        let p = &self.faults.rack_network;
        let (loss, spell) = (p.loss.as_f64(), p.spell);
        let weather = &mut self.groups[at as usize];
        let group = weather.group;
        let strike = weather.present.as_mut().expect("turns of what is over are cancelled");
        let spells = strike.network.as_mut().expect("only networks turn");
        spells.silent = !spells.silent;
        let silent = spells.silent;
        let mean = if silent { spell } else { spell.mul_f64((1.0 - loss) / loss) };
        let length = mean.mul_f64(-spells.lengths.uniform().ln()).max(SimDuration::from_micros(1));
        self.observe(Observation::GroupSilent { group, silent });
        for vm in self.machines_of(at, |_| true) {
            self.set_cut(vm, silent);
        }
        let turns = self.scheduler.after(length, Event::NetworkTurns { group: at });
        let strike = self.groups[at as usize].present.as_mut().expect("seen");
        strike.network.as_mut().expect("seen").turns = Some(turns);
    }

    /// Nobody reaches a machine any more, or again; what it was answering is lost.
    fn set_cut(&mut self, vm: VmId, cut: bool) {
        let v = self.vms.get_mut(vm).expect("machines of a group exist");
        if std::mem::replace(&mut v.cut, cut) == cut {
            return;
        }
        for subject in self.vms.get(vm).expect("seen").boxes.clone() {
            if self.boxes.get(subject).is_some_and(|b| b.counted == Some(Reach::Serves)) {
                self.lose_in_flight_of(subject);
            }
            self.refresh_reach(subject);
        }
        self.tell_heartbeat(vm);
    }

    fn machines_of(&self, at: u32, wanted: impl Fn(&Vm) -> bool) -> Vec<VmId> {
        let weather = &self.groups[at as usize];
        let of_group = |v: &Vm| v.zone == weather.group.zone && self.reaches(weather, v.slot);
        self.vms.iter().filter(|(_, v)| of_group(v) && wanted(v)).map(|(vm, _)| vm).collect()
    }

    /// Whether what strikes the group reaches this slot of its zone.
    fn reaches(&self, weather: &GroupWeather, slot: u32) -> bool {
        let (rack, index) = (slot / self.faults.rack_size, weather.group.index);
        match (weather.group.kind, &weather.present) {
            (FaultKind::RackOutage | FaultKind::RackNetwork, _) => rack == index,
            (FaultKind::PowerOutage, _) => rack / self.faults.power_outage.racks == index,
            (FaultKind::Overheating, Some(strike)) => {
                let mut stream =
                    self.streams.open(streams::OVERHEATING_REACH, &[strike.fault.0, u64::from(rack)]);
                stream.chance(self.faults.overheating.share.as_f64())
            }
            (FaultKind::ZoneOutage, _) => true,
            _ => false,
        }
    }

    /// Faults that last, with whether their network alone suffers.
    fn struck(&self, zone: ZoneId) -> impl Iterator<Item = (&GroupWeather, &Strike)> {
        let in_zone = self.struck.iter().map(|&at| &self.groups[at as usize]);
        let in_zone = in_zone.filter(move |g| g.group.zone == zone);
        in_zone.filter_map(|g| g.present.as_ref().map(|strike| (g, strike)))
    }

    /// Nothing runs on this slot now.
    pub(in crate::world) fn is_dark(&self, zone: ZoneId, slot: u32) -> bool {
        self.struck(zone).any(|(g, strike)| strike.network.is_none() && self.reaches(g, slot))
    }

    /// The whole zone is dark, so that no slot of it is worth trying.
    pub(in crate::world) fn is_zone_dark(&self, zone: ZoneId) -> bool {
        self.struck(zone).any(|(g, _)| g.group.kind == FaultKind::ZoneOutage)
    }

    /// Nobody reaches a machine on this slot now, though it may run.
    pub(in crate::world) fn is_cut(&self, zone: ZoneId, slot: u32) -> bool {
        self.struck(zone)
            .any(|(g, strike)| strike.network.as_ref().is_some_and(|n| n.silent) && self.reaches(g, slot))
    }
}
