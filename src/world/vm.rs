//! Virtual machines and the cloud that rents them out: launch, boot, reboot, stop and start, crash, loss, terminate.
//!
//! Machines sit on numbered host slots of a zone; a new machine takes the lowest free one, so that the hardware
//! weather of slot 7 in zone 1 means the same on every platform. The cloud decides nothing: who replaces a
//! machine, and when, is the platform's affair.
//!
//! *Deviation:* a machine is billed from the launch request to the terminate request, to the microsecond; real
//! clouds bill from the running state with a minimum of a minute. Below 0.1 % for machines that live a day. A stopped
//! machine keeps its host slot; in truth it starts on any host of its zone.

use super::World;
use super::event::Event;
use super::fault::{FaultId, FaultKind, Reclaim, SlotWeather, Slowness};
use super::ids::{BoxId, VmId, ZoneId};
use super::memory::MemoryWatch;
use super::monitor::MonitorId;
use super::observation::{Exit, Observation};
use super::signal::Signal;
use super::streams;
use crate::catalog::{InstanceId, Purchase};
use crate::engine::{EventHandle, SimDuration, SimTime};
use crate::parameter::{Bytes, Distribution, Factor, Fraction, MilliCpu, section};
use std::collections::BTreeSet;

section! {
    /// The cloud that rents out machines.
    pub struct CloudParameters {
        /// Availability zones.
        zones: u32 = "3" in |n| (1..=16).contains(n) => "from 1 to 16", grade Choice;
        /// Time from the launch request of a machine until its port for administration is open.
        boot: Distribution = "0.9 * lognormal(26s, 0.15) + 0.1 * lognormal(80s, 0.2)",
            from "EC2 cold launches 22.6-29.3 s in 2021-2026 with a second mode near 80 s (Percival 2021; EC2 launch discussion 2024)", grade Derived;
        /// Time of a restart on request, until the machine answers again.
        reboot: Distribution = "lognormal(60s, 0.3)",
            from "none found; about two boots without the launch", grade Estimate;
        /// Time of starting a stopped machine again, relative to a launch.
        start: Factor = "0.6" in |f| f.as_f64() <= 100.0 => "at most 100", from "starting what has its disk is faster than launching (EC2 launch discussion 2024); by how much was not published", grade Estimate;
        /// Share of launch requests that the cloud refuses once (quota, race for a host). Shortages that last are `faults.no_capacity`.
        launch_failure: Fraction = "0.5%", from "none found", grade Estimate;
        /// Time until a refused launch is reported.
        launch_failure_delay: SimDuration = "5s", from "none found", grade Estimate;
        /// CPU that the guest system and its agents use on every machine.
        os_cpu: MilliCpu = "50m", from "agents take 2-5 % of a core; no source found", grade Estimate;
        /// Memory that the guest system and its agents use on every machine.
        os_memory: Bytes = "600MiB", from "guest 150-250 MiB, agents 200-400 MiB; no source found", grade Estimate;
        /// Size of every machine's root disk.
        root_disk: Bytes = "20GB", from "usual default of images", grade Recalled;
    }
}

/// What a machine is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VmState {
    Booting,
    Running,
    /// Stopped on request: only its disk is paid for.
    Stopped,
    /// Down, coming back by itself or with its rack or zone.
    Down,
    /// The host is broken; nothing will bring the machine back.
    Lost,
    /// The cloud has taken it back, and asks no more money for it.
    Reclaimed,
}

/// One rented machine.
#[derive(Clone, Debug)]
pub(super) struct Vm {
    pub zone: ZoneId,
    pub slot: u32,
    pub instance: InstanceId,
    pub cpu: MilliCpu,
    pub memory: Bytes,
    pub state: VmState,
    pub boxes: Vec<BoxId>,
    /// Its boot, reboot or refusal.
    pub pending: Option<EventHandle>,
    /// What its host slot has in store while it runs.
    armed: Vec<EventHandle>,
    pub slowness: Option<Slowness>,
    pub reclaim: Option<Reclaim>,
    /// Nobody reaches it at present.
    pub cut: bool,
    purchase: Purchase,
    /// When its memory runs out, if nothing changes.
    pub short: Option<EventHandle>,
    /// Somebody looks at its memory, and when a look finds little left if nothing changes.
    pub memory_watch: Option<MemoryWatch>,
    pub low: Option<EventHandle>,
    pub heartbeat: Option<MonitorId>,
    pub disk: super::vulnerability::Disk,
    /// Restarts so far, part of the key of how long the next one takes.
    reboots: u32,
    /// The boxes that serve on it, for the flow solver; none where none do.
    pub shape: Option<super::flow::ShapeId>,
}

impl Vm {
    pub(super) fn is_running(&self) -> bool {
        self.state == VmState::Running
    }

    /// It runs, and who calls it is heard.
    pub(super) fn is_reachable(&self) -> bool {
        self.is_running() && !self.cut
    }
}

/// One availability zone: its host slots.
#[derive(Debug, Default)]
pub(super) struct Zone {
    free_slots: BTreeSet<u32>,
    slots: Vec<SlotWeather>,
    /// Launches so far from each slot, part of the key of boot times.
    launches: Vec<u32>,
}

/// The lowest of more than `most` slots: looking on would make the zone ever larger.
fn free_beyond(free: &BTreeSet<u32>, most: usize) -> Option<&u32> {
    free.first().filter(|_| free.len() > most)
}

/// What the cloud's console says about a machine, to whoever looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmStatus {
    Pending,
    Running,
    Stopped,
    /// Its status checks fail; it may come back.
    Impaired,
    /// Its host has failed for good.
    HostFailed,
    /// No such machine.
    Gone,
}

impl World {
    /// Asks the cloud for a machine in `zone`. The answer is [`Signal::VmUp`] or [`Signal::LaunchFailed`].
    pub(super) fn launch_vm(&mut self, instance: InstanceId, zone: ZoneId, purchase: Purchase) -> VmId {
        let vm = self.occupy_slot(instance, zone, purchase);
        self.ask_for_boot(vm, &self.launch_key(vm), 1.0);
        vm
    }

    /// The cloud boots a machine, which takes `share` of the time of a launch, or refuses. `key` tells this boot from others.
    fn ask_for_boot(&mut self, vm: VmId, key: &[u64], share: f64) {
        let Vm { zone, slot, instance, .. } = *self.vms.get(vm).expect("asked for machines that exist");
        let mut luck = self.streams.open(streams::LAUNCH_FAILURE, key);
        let refused = luck.chance(self.cloud.launch_failure.as_f64());
        let none_there = self.has_no_capacity(zone, instance) || !self.cloud_api.answers();
        let (span, event) = if refused || none_there || self.is_dark(zone, slot) {
            (self.cloud.launch_failure_delay, Event::LaunchFailed { vm })
        } else {
            let u = self.streams.open(streams::BOOT, key).uniform();
            (self.cloud.boot.sample(u).mul_f64(share), Event::VmUp { vm })
        };
        self.schedule_vm_step(vm, span, event);
    }

    /// Stops a machine with all that runs on it; its disk stays. False if it does not run, or nobody answers.
    pub(super) fn stop_vm(&mut self, vm: VmId) -> bool {
        let can = self.vms.get(vm).is_some_and(|v| v.is_running()) && self.cloud_api.answers();
        if can {
            self.take_vm_down(vm, Exit::Stopped, VmState::Stopped);
            self.observe(Observation::VmStopped { vm });
            self.tell_heartbeat(vm);
        }
        can
    }

    /// Asks the cloud to start a stopped machine; the answer is that to a launch. False if it is not stopped.
    pub(super) fn start_vm(&mut self, vm: VmId) -> bool {
        let can = self.vms.get(vm).is_some_and(|v| v.state == VmState::Stopped);
        if can {
            self.vms.get_mut(vm).expect("seen").state = VmState::Booting;
            self.observe(Observation::VmStarted { vm });
            let [zone, slot, launch] = self.launch_key(vm);
            let start = self.count_reboot(vm);
            self.ask_for_boot(vm, &[zone, slot, launch, start], self.cloud.start.as_f64());
        }
        can
    }

    /// A machine that has been running since before the simulation began.
    pub(super) fn adopt_vm(&mut self, instance: InstanceId, zone: ZoneId, purchase: Purchase) -> VmId {
        let vm = self.occupy_slot(instance, zone, purchase);
        self.vms.get_mut(vm).expect("just made").state = VmState::Running;
        self.arm_vm_faults(vm);
        self.observe(Observation::VmUp { vm });
        vm
    }

    fn occupy_slot(&mut self, instance: InstanceId, zone: ZoneId, purchase: Purchase) -> VmId {
        let slot = self.choose_slot(zone);
        let z = &mut self.zones[zone.index()];
        z.free_slots.remove(&slot);
        z.launches[slot as usize] += 1;
        let cut = self.is_cut(zone, slot);
        let vm = self.vms.insert(Vm {
            zone,
            slot,
            instance,
            cpu: self.catalog.get(instance).cpu,
            memory: self.catalog.get(instance).memory,
            state: VmState::Booting,
            boxes: Vec::new(),
            pending: None,
            armed: Vec::new(),
            slowness: None,
            reclaim: None,
            cut,
            purchase,
            short: None,
            memory_watch: None,
            low: None,
            heartbeat: None,
            disk: super::vulnerability::Disk::new(self.scheduler.now()),
            reboots: 0,
            shape: None,
        });
        self.observe(Observation::VmLaunched { vm, zone, slot, instance, purchase });
        vm
    }

    /// The lowest free slot that is not dark, or a new one; where a whole zone is dark, the lowest, in vain.
    fn choose_slot(&mut self, zone: ZoneId) -> u32 {
        let free = &self.zones[zone.index()].free_slots;
        let is_useless = |slot: u32| self.is_dark(zone, slot);
        let lowest = free.first().copied();
        if let Some(slot) = lowest.filter(|_| self.is_zone_dark(zone)) {
            return slot;
        }
        if let Some(&slot) = free.iter().find(|&&slot| !is_useless(slot)) {
            return slot;
        }
        // Beyond a dark power unit there is light; where most of a zone is dark, what is free and dark stays few.
        let unit = self.faults.rack_size.saturating_mul(self.faults.power_outage.racks);
        let most_free = unit.saturating_add(self.faults.rack_size) as usize;
        loop {
            if let Some(&slot) = free_beyond(&self.zones[zone.index()].free_slots, most_free) {
                return slot;
            }
            let slot = self.zones[zone.index()].slots.len() as u32;
            self.add_slot(zone);
            if !self.is_dark(zone, slot) {
                return slot;
            }
        }
    }

    fn add_slot(&mut self, zone: ZoneId) {
        let z = &mut self.zones[zone.index()];
        let slot = z.slots.len() as u32;
        z.slots.push(SlotWeather::new(&self.streams, &self.faults, zone, slot));
        z.launches.push(0);
        z.free_slots.insert(slot);
        self.arm_rack_of(zone, slot);
    }

    pub(super) fn launch_key(&self, vm: VmId) -> [u64; 3] {
        let v = self.vms.get(vm).expect("asked about machines that exist");
        let launch = self.zones[v.zone.index()].launches[v.slot as usize];
        [u64::from(v.zone.0), u64::from(v.slot), u64::from(launch)]
    }

    pub(super) fn on_launch_failed(&mut self, vm: VmId) {
        let zone = self.vms.get(vm).expect("steps of gone machines are cancelled").zone;
        self.vms.get_mut(vm).expect("seen").pending = None;
        self.observe(Observation::LaunchFailed { vm, zone });
        self.forget_vm(vm);
        self.observe(Observation::VmTerminated { vm });
        self.signals.push_back(Signal::LaunchFailed { vm });
    }

    /// A machine has booted, or is back. While its slot is dark it stays down, until rack or zone are back.
    pub(super) fn on_vm_up(&mut self, vm: VmId) {
        let v = self.vms.get_mut(vm).expect("steps of gone machines are cancelled");
        v.pending = None;
        let (zone, slot) = (v.zone, v.slot);
        if self.is_dark(zone, slot) {
            self.vms.get_mut(vm).expect("seen").state = VmState::Down;
            return;
        }
        self.vms.get_mut(vm).expect("seen").state = VmState::Running;
        self.arm_vm_faults(vm);
        self.observe(Observation::VmUp { vm });
        self.boot_kernel(vm);
        self.tell_heartbeat(vm);
        for subject in self.vms.get(vm).expect("seen").boxes.clone() {
            self.refresh_reach(subject);
        }
        self.signals.push_back(Signal::VmUp { vm });
    }

    /// Restarts a machine on request. False if the console cannot (lost, booting, its slot is dark, or nobody answers).
    pub(super) fn reboot_vm(&mut self, vm: VmId) -> bool {
        let Some(v) = self.vms.get(vm).filter(|_| self.cloud_api.answers()) else { return false };
        let can = matches!(v.state, VmState::Running | VmState::Down) && !self.is_dark(v.zone, v.slot);
        if can {
            self.restart_vm(vm);
        }
        can
    }

    /// Restarts a machine from within. False if it does not run.
    pub(super) fn reboot_guest(&mut self, vm: VmId) -> bool {
        let runs = self.vms.get(vm).is_some_and(|v| v.state == VmState::Running);
        if runs {
            self.restart_vm(vm);
        }
        runs
    }

    fn restart_vm(&mut self, vm: VmId) {
        let key = self.launch_key(vm);
        let reboot = self.count_reboot(vm);
        let u = self.streams.open(streams::REBOOT, &[key[0], key[1], key[2], reboot]).uniform();
        self.take_vm_down(vm, Exit::Stopped, VmState::Down);
        self.observe(Observation::VmRebooted { vm });
        self.tell_heartbeat(vm);
        let span = self.cloud.reboot.sample(u);
        self.schedule_vm_step(vm, span, Event::VmUp { vm });
    }

    fn count_reboot(&mut self, vm: VmId) -> u64 {
        let v = self.vms.get_mut(vm).expect("only machines that exist restart");
        v.reboots += 1;
        u64::from(v.reboots)
    }

    /// A machine goes down by a fault. `back_after` is when it returns by itself, `None` if it never does or
    /// something else decides.
    pub(super) fn fail_vm(
        &mut self,
        vm: VmId,
        fault: FaultId,
        kind: FaultKind,
        back_after: Option<SimDuration>,
    ) {
        let state = match kind {
            FaultKind::VmLoss => VmState::Lost,
            FaultKind::SpotReclaim => VmState::Reclaimed,
            _ => VmState::Down,
        };
        self.take_vm_down(vm, Exit::Fault { fault, kind }, state);
        self.observe(Observation::VmDown { vm, fault, kind });
        self.tell_heartbeat(vm);
        if state == VmState::Reclaimed {
            self.observe(Observation::VmTerminated { vm });
        }
        if let Some(span) = back_after {
            self.schedule_vm_step(vm, span, Event::VmUp { vm });
        }
    }

    fn take_vm_down(&mut self, vm: VmId, exit: Exit, state: VmState) {
        let v = self.vms.get_mut(vm).expect("only machines that exist go down");
        v.state = state;
        for handle in v.pending.take().into_iter().chain(v.armed.drain(..)) {
            self.scheduler.cancel(handle);
        }
        for subject in self.vms.get(vm).expect("seen").boxes.clone() {
            self.exit_box(subject, exit);
            self.refresh_reach(subject);
        }
    }

    /// Ends the rent of a machine; its boxes are gone with it.
    pub(super) fn terminate_vm(&mut self, vm: VmId) {
        let Some(v) = self.vms.get(vm) else { return };
        let is_paid = v.state != VmState::Reclaimed;
        self.forget_vm(vm);
        if is_paid {
            self.end_rent(vm);
        }
    }

    /// The machine is no more, nor are its boxes.
    fn forget_vm(&mut self, vm: VmId) {
        for subject in self.vms.get(vm).expect("seen").boxes.clone() {
            self.remove_box(subject, Exit::Stopped);
        }
        let v = self.vms.remove(vm).expect("seen");
        let lasting = [v.slowness.map(|s| s.ends), v.reclaim.map(|r| r.strikes)];
        for handle in v.pending.into_iter().chain(v.armed).chain(lasting.into_iter().flatten()) {
            self.scheduler.cancel(handle);
        }
        if let Some(heartbeat) = v.heartbeat {
            self.remove_monitor(heartbeat);
        }
        self.zones[v.zone.index()].free_slots.insert(v.slot);
        self.count_quorum();
    }

    pub(super) fn vm_status(&self, vm: VmId) -> VmStatus {
        match self.vms.get(vm).map(|v| v.state) {
            None => VmStatus::Gone,
            Some(VmState::Booting) => VmStatus::Pending,
            Some(VmState::Running) => VmStatus::Running,
            Some(VmState::Stopped) => VmStatus::Stopped,
            Some(VmState::Down) => VmStatus::Impaired,
            Some(VmState::Lost | VmState::Reclaimed) => VmStatus::HostFailed,
        }
    }

    /// Schedules what the host slot of a running machine has in store next.
    pub(super) fn arm_vm_faults(&mut self, vm: VmId) {
        let now = self.scheduler.now();
        let v = self.vms.get_mut(vm).expect("only machines that exist are armed");
        let (is_slow, is_spot) = (v.slowness.is_some(), v.purchase == Purchase::Spot);
        let is_condemned = v.reclaim.is_some();
        for old in v.armed.drain(..) {
            self.scheduler.cancel(old);
        }
        if v.state != VmState::Running {
            return;
        }
        let weather = &mut self.zones[v.zone.index()].slots[v.slot as usize];
        let mut due = vec![
            (weather.crashes.next_after(now), Event::VmCrash { vm }),
            (weather.losses.next_after(now), Event::VmLoss { vm }),
        ];
        if !is_slow {
            due.push((weather.slow_spells.next_after(now), Event::VmSlows { vm }));
        }
        if is_spot && !is_condemned {
            due.push((weather.reclaims.next_after(now), Event::SpotNotice { vm }));
        }
        let armed = due.into_iter().filter_map(|(at, event)| self.schedule_fault(at, event)).collect();
        self.vms.get_mut(vm).expect("seen").armed = armed;
    }

    /// Fault times beyond the horizon are not scheduled: they would only fill the queue.
    pub(super) fn schedule_fault(&mut self, at: SimTime, event: Event) -> Option<EventHandle> {
        (at < self.horizon).then(|| self.scheduler.at(at, event))
    }

    pub(super) fn slot_weather(&self, vm: VmId) -> Option<(ZoneId, u32, &SlotWeather)> {
        let v = self.vms.get(vm)?;
        Some((v.zone, v.slot, &self.zones[v.zone.index()].slots[v.slot as usize]))
    }

    fn schedule_vm_step(&mut self, vm: VmId, span: SimDuration, event: Event) {
        let handle = self.scheduler.after(span, event);
        let v = self.vms.get_mut(vm).expect("only machines that exist step");
        if let Some(old) = v.pending.replace(handle) {
            self.scheduler.cancel(old);
        }
    }
}

impl World {
    /// Its rack or zone is back: the machine boots again.
    pub(super) fn restart_after_outage(&mut self, vm: VmId) {
        if self.vms.get(vm).is_some_and(|v| v.pending.is_some()) {
            return; // it was booting when the power failed, or is on its way already
        }
        let key = self.launch_key(vm);
        let reboot = self.count_reboot(vm);
        let u = self.streams.open(streams::REBOOT, &[key[0], key[1], key[2], reboot]).uniform();
        let span = self.cloud.reboot.sample(u);
        self.schedule_vm_step(vm, span, Event::VmUp { vm });
    }
}
