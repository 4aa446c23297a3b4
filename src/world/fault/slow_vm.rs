//! A machine goes slow: a failing disk, thermal throttling, a neighbour who takes more than his share.
//!
//! When: by host slot. Who: the machine on the slot. What: it has only a share of its processors for a while.
//! Nothing reports it: its health checks go on succeeding, its heartbeats go on. What users and autoscalers see is
//! the latency and the CPU that follow from it; only a new machine elsewhere, or time, cures it.
//!
//! *Deviation:* nobody goes looking for slow machines, as teams with good dashboards do. A machine that comes to
//! the slot during a spell is not slow, and none is at the start (at the default rate, one in 500 would be).

use super::{FaultId, FaultKind};
use crate::engine::{EventHandle, SimDuration};
use crate::parameter::{Distribution, Fraction, Hazard, MilliCpu, Rate, section};
use crate::world::event::Event;
use crate::world::ids::VmId;
use crate::world::observation::Observation;
use crate::world::vm::Vm;
use crate::world::{World, streams};

section! {
    /// Machines that run slowly without failing.
    pub struct SlowVmParameters {
        /// How often one machine goes slow.
        rate: Rate = "0.01/year", from "about 1 % of nodes a year fail slow (Panda et al., USENIX ATC 2019)", grade Recalled;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", grade Choice;
        /// How long it lasts.
        lasts: Distribution = "lognormal(5d, 2)", from "time to pin down fail-slow hardware: minutes 1 %, hours 13 %, days 13 %, weeks 11 %, months 17 %, unknown 45 % (Gunawi et al., FAST 2018)", grade Derived;
        /// Share of its processors that it still has.
        speed: Fraction = "30%" in |s| s.as_f64() > 0.0 => "more than zero", from "none found; reports range from a fifth slower to a hundred times", grade Estimate;
    }
}

/// A machine's slow spell.
#[derive(Clone, Debug)]
pub(in crate::world) struct Slowness {
    speed: Fraction,
    pub ends: EventHandle,
}

impl Vm {
    /// Processors that the machine really has at present.
    pub(in crate::world) fn effective_cpu(&self) -> MilliCpu {
        let speed = self.slowness.as_ref().map_or(1.0, |s| s.speed.as_f64());
        MilliCpu::from_milli((f64::from(self.cpu.as_milli()) * speed).round().max(1.0) as u32)
    }
}

impl World {
    pub(in crate::world) fn on_vm_slows(&mut self, vm: VmId) {
        let Some((zone, slot, weather)) = self.slot_weather(vm) else { return };
        let entity = [u64::from(zone.0), u64::from(slot)];
        let kind = FaultKind::SlowVm;
        let fault = FaultId::new(kind, entity, weather.slow_spells.count);
        let u = self.streams.open(streams::SLOW_VM_LASTS, &[fault.0]).uniform();
        let p = &self.faults.slow_vm;
        let (lasts, speed) = (p.lasts.sample(u).max(SimDuration::from_secs(1)), p.speed);
        let ends = self.scheduler.after(lasts, Event::VmAtSpeed { vm });
        self.set_slowness(vm, Some(Slowness { speed, ends }));
        self.observe(Observation::VmDegraded { vm, fault, kind });
    }

    pub(in crate::world) fn on_vm_at_speed(&mut self, vm: VmId) {
        self.set_slowness(vm, None);
        self.observe(Observation::VmRestored { vm, kind: FaultKind::SlowVm });
        self.arm_vm_faults(vm);
    }

    /// Takes its boxes out of the flow and adds them again, with the processors that there are then.
    fn set_slowness(&mut self, vm: VmId, slowness: Option<Slowness>) {
        let boxes = self.vms.get(vm).expect("spells of gone machines are cancelled").boxes.clone();
        boxes.iter().for_each(|&subject| self.leave_flow(subject));
        self.vms.get_mut(vm).expect("seen").slowness = slowness;
        boxes.iter().for_each(|&subject| self.join_flow(subject));
    }
}
