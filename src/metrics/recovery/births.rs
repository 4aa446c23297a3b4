//! Births: when each box took the steps of its life up to serving, and what they say of the time between a need and
//! its satisfaction.
//!
//! Knows facts only, neither why a box was needed nor whether it was enough. Start at [`Births::stages`].

use super::RecoveryStages;
use crate::engine::{SecondaryMap, SimTime};
use crate::world::{BoxId, Observation, VmId};

/// The last time that a box took each step.
#[derive(Clone, Copy, Debug, Default)]
pub struct Birth {
    vm: Option<VmId>,
    /// Created, or last asked to start again.
    decided: SimTime,
    placed: SimTime,
    prepared: SimTime,
    pub came_up: SimTime,
}

#[derive(Clone, Copy, Debug)]
struct Machine {
    launched: SimTime,
    up: SimTime,
}

/// Of the boxes and machines that there are.
#[derive(Debug, Default)]
pub struct Births {
    boxes: SecondaryMap<BoxId, Birth>,
    machines: SecondaryMap<VmId, Machine>,
}

impl Births {
    pub fn get(&self, subject: BoxId) -> Option<&Birth> {
        self.boxes.get(subject)
    }

    pub fn vm(&self, subject: BoxId) -> Option<VmId> {
        self.boxes.get(subject)?.vm
    }

    /// Whoever hears of the end of a box must be able to ask how it began: [`forget`](Births::forget) comes after.
    pub fn observe(&mut self, time: SimTime, observation: &Observation) {
        match *observation {
            // Whoever starts one that waited needs it now: it counts as launched then.
            Observation::VmLaunched { vm, .. } | Observation::VmStarted { vm } => {
                self.machines.insert(vm, Machine { launched: time, up: SimTime::ZERO });
            }
            Observation::VmUp { vm } => self.machines.get_mut(vm).expect("launched before").up = time,
            Observation::VmTerminated { vm } => {
                self.machines.remove(vm);
            }
            Observation::BoxCreated { subject, .. } => {
                self.boxes.insert(subject, Birth { decided: time, ..Birth::default() });
            }
            Observation::BoxPlaced { subject, vm } => {
                self.change(subject, |b| (b.vm, b.placed) = (Some(vm), time));
            }
            Observation::BoxPrepared { subject } => self.change(subject, |b| b.prepared = time),
            Observation::BoxStarting { subject, .. } => {
                // A start that is not the first is a decision of its own.
                self.change(subject, |b| {
                    if b.came_up > SimTime::ZERO || b.prepared == SimTime::ZERO {
                        b.decided = time;
                    }
                });
            }
            Observation::BoxUp { subject } => self.change(subject, |b| b.came_up = time),
            _ => {}
        }
    }

    pub fn forget(&mut self, subject: BoxId) {
        self.boxes.remove(subject);
    }

    fn change(&mut self, subject: BoxId, change: impl FnOnce(&mut Birth)) {
        if let Some(birth) = self.boxes.get_mut(subject) {
            change(birth);
        }
    }

    /// Splits the time from `opened` to `end` at the steps in the life of the box that `answered` the need, each at
    /// least the one before.
    pub fn stages(
        &self,
        opened: SimTime,
        known: Option<SimTime>,
        answered: Option<&Birth>,
        end: SimTime,
    ) -> RecoveryStages {
        let mut at = opened;
        let mut until = |t: SimTime| {
            let t = t.clamp(at, end);
            let span = t.since(at).as_secs_f64();
            at = t;
            span
        };
        let mut stages = RecoveryStages::default();
        let Some(birth) = answered else {
            stages.detect_s = until(known.unwrap_or(end));
            stages.rotation_s = until(end);
            return stages;
        };
        let machine = birth.vm.and_then(|vm| self.machines.get(vm));
        // One that was up all the time only had to be found.
        if let Some(known) = known.filter(|&k| k <= birth.came_up || birth.came_up <= opened) {
            stages.detect_s = until(known);
            let asked = machine.map_or(birth.decided, |m| {
                // A machine that came back by itself was not asked for: the restart of the box on it was.
                if m.launched <= opened {
                    birth.decided
                } else if birth.decided < opened {
                    m.launched // its box is older: it waited with the machine
                } else {
                    birth.decided.min(m.launched)
                }
            });
            if machine.is_none_or(|m| m.up <= known || m.launched > opened) {
                stages.decide_s = until(asked);
            }
        }
        if let Some(machine) = machine.filter(|m| m.up > opened) {
            stages.provision_s = if machine.launched > opened { until(machine.launched) } else { 0.0 };
            stages.boot_s = until(machine.up);
        }
        stages.provision_s += until(birth.placed);
        stages.configure_s = until(birth.prepared);
        stages.start_s = until(birth.came_up);
        stages.rotation_s = until(end);
        stages
    }
}
