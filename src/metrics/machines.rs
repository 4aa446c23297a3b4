//! Machines and boxes: how many, and what their processors did.

use super::gauge::Gauge;
use super::{Frame, Part, Report};
use crate::engine::SimTime;
use crate::results::metric::MetricId;
use crate::world::{Observation, VmId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// CPU of the rented machines, and how it is split.
#[derive(Clone, Debug, Default)]
pub(super) struct MachinePark {
    cpu_of: BTreeMap<VmId, i64>,
    running: BTreeSet<VmId>,
    /// Rented [milli-CPU].
    pub paid: Gauge,
    pub count: Gauge,
    /// Guest systems and agents of running machines [milli-CPU].
    pub overhead: Gauge,
    overhead_each: i64,
}

impl MachinePark {
    pub fn observe(&mut self, time: SimTime, observation: &Observation, frame: &Frame) {
        match *observation {
            Observation::VmLaunched { vm, instance, .. } => {
                let cpu = i64::from(frame.catalog.get(instance).cpu.as_milli());
                self.cpu_of.insert(vm, cpu);
                self.paid.add(time, cpu);
                self.count.add(time, 1);
            }
            Observation::VmTerminated { vm } => {
                self.paid.add(time, -self.cpu_of.remove(&vm).expect("launched before"));
                self.count.add(time, -1);
                self.set_running(time, vm, false);
            }
            Observation::VmUp { vm } => self.set_running(time, vm, true),
            Observation::VmDown { vm, .. } | Observation::VmRebooted { vm } => {
                self.set_running(time, vm, false)
            }
            Observation::MachineOverhead { cores } => {
                self.overhead_each = (cores * 1e3).round() as i64;
                self.overhead.set(time, self.overhead_each * self.running.len() as i64);
            }
            _ => {}
        }
    }

    fn set_running(&mut self, time: SimTime, vm: VmId, runs: bool) {
        if runs {
            self.running.insert(vm)
        } else {
            self.running.remove(&vm)
        };
        self.overhead.set(time, self.overhead_each * self.running.len() as i64);
    }

    pub fn begin(&mut self, time: SimTime) {
        for gauge in [&mut self.paid, &mut self.count, &mut self.overhead] {
            gauge.begin(time);
        }
    }
}

pub(super) struct Machines {
    frame: Arc<Frame>,
    park: MachinePark,
    useful_core_s: f64,
    wasted_core_s: f64,
    boxes_up: Gauge,
    up: BTreeSet<crate::world::BoxId>,
    created: u64,
}

impl Machines {
    pub fn new(frame: Arc<Frame>) -> Machines {
        Machines {
            frame,
            park: MachinePark::default(),
            useful_core_s: 0.0,
            wasted_core_s: 0.0,
            boxes_up: Gauge::default(),
            up: BTreeSet::new(),
            created: 0,
        }
    }
}

impl Part for Machines {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        self.park.observe(time, observation, &self.frame);
        match *observation {
            Observation::Flow(flow) => {
                self.useful_core_s += flow.useful_cores * flow.seconds();
                self.wasted_core_s += flow.wasted_cores * flow.seconds();
            }
            Observation::BoxUp { subject } => {
                self.up.insert(subject);
                self.boxes_up.set(time, self.up.len() as i64);
            }
            Observation::BoxExited { subject, .. } => {
                self.up.remove(&subject);
                self.boxes_up.set(time, self.up.len() as i64);
            }
            Observation::BoxCreated { .. } => self.created += 1,
            _ => {}
        }
    }

    fn begin(&mut self, time: SimTime) {
        self.park.begin(time);
        self.boxes_up.begin(time);
        (self.useful_core_s, self.wasted_core_s, self.created) = (0.0, 0.0, 0);
    }

    fn finish(&mut self, time: SimTime, report: &mut Report) {
        let paid = self.park.paid.seconds(time) / 1e3;
        let overhead = self.park.overhead.seconds(time) / 1e3;
        let idle = paid - self.useful_core_s - self.wasted_core_s - overhead;
        report.measure(None, MetricId::Utilization, self.useful_core_s, paid);
        report.measure(None, MetricId::CpuWasted, self.wasted_core_s, paid);
        report.measure(None, MetricId::CpuOverhead, overhead, paid);
        report.measure(None, MetricId::CpuIdle, idle, paid);
        report.measure(None, MetricId::Vms, self.park.count.seconds(time), report.seconds);
        report.measure(None, MetricId::CommittedCores, paid, report.seconds);
        report.measure(None, MetricId::BoxesReady, self.boxes_up.seconds(time), report.seconds);
        report.per_month(None, MetricId::Churn, self.created as f64);
    }
}
