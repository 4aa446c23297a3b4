//! Machines and boxes: how many, and what their processors and their memory were used for.

use super::gauge::Gauge;
use super::{Frame, Part, Report};
use crate::engine::{SecondaryMap, SimTime};
use crate::parameter::Bytes;
use crate::results::metric::MetricId;
use crate::world::observation::Amount;
use crate::world::{BoxId, Observation, VmId};
use std::collections::BTreeMap;
use std::sync::Arc;

/// CPU and memory of the rented machines, and how they are split.
#[derive(Clone, Debug, Default)]
pub(super) struct MachinePark {
    /// A machine that nobody could give back is paid for longer than its place is its own.
    machines: BTreeMap<VmId, Machine>,
    running: i64,
    /// Rented [milli-CPU].
    pub paid: Gauge,
    pub count: Gauge,
    /// Guest systems and agents of running machines [milli-CPU].
    pub overhead: Gauge,
    overhead_each: i64,
    /// Rented [bytes].
    pub paid_memory: Gauge,
    /// Guest systems and agents of running machines [bytes].
    pub memory_overhead: Gauge,
    memory_overhead_each: i64,
}

#[derive(Clone, Copy, Debug)]
struct Machine {
    /// [milli-CPU] and [bytes].
    size: (i64, i64),
    runs: bool,
    /// Nothing is paid for it but its disk.
    stopped: bool,
}

impl MachinePark {
    pub fn observe(&mut self, time: SimTime, observation: &Observation, frame: &Frame) {
        match *observation {
            Observation::VmLaunched { vm, instance, .. } => {
                let machine = frame.catalog.get(instance);
                let (cpu, memory) = (i64::from(machine.cpu.as_milli()), bytes(machine.memory));
                self.machines.insert(vm, Machine { size: (cpu, memory), runs: false, stopped: true });
                self.set_stopped(time, vm, false);
            }
            Observation::VmTerminated { vm } => {
                self.set_running(time, vm, false);
                self.set_stopped(time, vm, true);
                self.machines.remove(&vm);
            }
            Observation::VmStopped { vm } => {
                self.set_running(time, vm, false);
                self.set_stopped(time, vm, true);
            }
            Observation::VmStarted { vm } => self.set_stopped(time, vm, false),
            Observation::VmUp { vm } => self.set_running(time, vm, true),
            Observation::VmDown { vm, .. } | Observation::VmRebooted { vm } => {
                self.set_running(time, vm, false)
            }
            Observation::MachineOverhead { cores, memory } => {
                self.overhead_each = (cores * 1e3).round() as i64;
                self.memory_overhead_each = bytes(memory);
                self.book_overhead(time);
            }
            _ => {}
        }
    }

    /// The rent of a machine ends or begins.
    fn set_stopped(&mut self, time: SimTime, vm: VmId, stopped: bool) {
        let machine = self.machines.get_mut(&vm).expect("told of machines that were launched");
        if std::mem::replace(&mut machine.stopped, stopped) != stopped {
            let (change, (cpu, memory)) = (if stopped { -1 } else { 1 }, machine.size);
            self.paid.add(time, change * cpu);
            self.paid_memory.add(time, change * memory);
            self.count.add(time, change);
        }
    }

    fn set_running(&mut self, time: SimTime, vm: VmId, runs: bool) {
        let machine = self.machines.get_mut(&vm).expect("told of machines that were launched");
        if std::mem::replace(&mut machine.runs, runs) != runs {
            self.running += if runs { 1 } else { -1 };
            self.book_overhead(time);
        }
    }

    fn book_overhead(&mut self, time: SimTime) {
        self.overhead.set(time, self.overhead_each * self.running);
        self.memory_overhead.set(time, self.memory_overhead_each * self.running);
    }

    pub fn begin(&mut self, time: SimTime) {
        let processors = [&mut self.paid, &mut self.count, &mut self.overhead];
        let memory = [&mut self.paid_memory, &mut self.memory_overhead];
        processors.into_iter().chain(memory).for_each(|gauge| gauge.begin(time));
    }
}

fn bytes(memory: Bytes) -> i64 {
    i64::try_from(memory.as_bytes()).expect("less than eight exbibytes")
}

/// What a control plane has promised, of what it may promise.
#[derive(Clone, Debug, Default)]
struct Promises {
    /// [milli-CPU]
    cpu: Gauge,
    allocatable_cpu: Gauge,
    /// [bytes]
    memory: Gauge,
    allocatable_memory: Gauge,
}

impl Promises {
    fn set(&mut self, time: SimTime, promised: Amount, allocatable: Amount) {
        self.cpu.set(time, promised.cpu.as_milli().into());
        self.allocatable_cpu.set(time, allocatable.cpu.as_milli().into());
        self.memory.set(time, bytes(promised.memory));
        self.allocatable_memory.set(time, bytes(allocatable.memory));
    }

    fn begin(&mut self, time: SimTime) {
        let gauges =
            [&mut self.cpu, &mut self.allocatable_cpu, &mut self.memory, &mut self.allocatable_memory];
        gauges.into_iter().for_each(|gauge| gauge.begin(time));
    }
}

pub(super) struct Machines {
    frame: Arc<Frame>,
    park: MachinePark,
    useful_core_s: f64,
    wasted_core_s: f64,
    used_byte_s: f64,
    promises: Promises,
    boxes_up: Gauge,
    up: SecondaryMap<BoxId, ()>,
    created: u64,
}

impl Machines {
    pub fn new(frame: Arc<Frame>) -> Machines {
        Machines {
            frame,
            park: MachinePark::default(),
            useful_core_s: 0.0,
            wasted_core_s: 0.0,
            used_byte_s: 0.0,
            promises: Promises::default(),
            boxes_up: Gauge::default(),
            up: SecondaryMap::default(),
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
            Observation::MemoryUsed { byte_s, .. } => self.used_byte_s += byte_s,
            Observation::Promised { promised, allocatable } => self.promises.set(time, promised, allocatable),
            Observation::BoxUp { subject } => {
                let before = self.up.remove(subject).is_some();
                self.up.insert(subject, ());
                self.boxes_up.add(time, i64::from(!before));
            }
            Observation::BoxExited { subject, .. } => {
                let before = self.up.remove(subject).is_some();
                self.boxes_up.add(time, -i64::from(before));
            }
            Observation::BoxCreated { .. } => self.created += 1,
            _ => {}
        }
    }

    fn begin(&mut self, time: SimTime) {
        self.park.begin(time);
        self.boxes_up.begin(time);
        self.promises.begin(time);
        self.used_byte_s = 0.0;
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
        let paid_memory = self.park.paid_memory.seconds(time);
        let memory_overhead = self.park.memory_overhead.seconds(time);
        let memory_idle = paid_memory - self.used_byte_s - memory_overhead;
        report.measure(None, MetricId::MemoryUsed, self.used_byte_s, paid_memory);
        report.measure(None, MetricId::MemoryOverhead, memory_overhead, paid_memory);
        report.measure(None, MetricId::MemoryIdle, memory_idle, paid_memory);
        let Promises { cpu, allocatable_cpu, memory, allocatable_memory } = &mut self.promises;
        report.measure(None, MetricId::CpuRequested, cpu.seconds(time), allocatable_cpu.seconds(time));
        report.measure(
            None,
            MetricId::MemoryRequested,
            memory.seconds(time),
            allocatable_memory.seconds(time),
        );
        report.measure(None, MetricId::Vms, self.park.count.seconds(time), report.seconds);
        report.measure(None, MetricId::CommittedCores, paid, report.seconds);
        report.measure(None, MetricId::BoxesReady, self.boxes_up.seconds(time), report.seconds);
        report.per_month(None, MetricId::Churn, self.created as f64);
    }
}
