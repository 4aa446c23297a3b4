//! Memory: what boxes hold of a machine's, how leaks make it grow, and whom the kernel kills when it runs out.
//!
//! A box holds memory while its processes run: what it uses from its start on, and what its version has leaked since.
//! A machine has what its type has, less guest system and agents. Between two changes all use grows in straight
//! lines, so the instant at which a machine runs short, or a part of a box passes its own limit, is computed; nothing
//! is looked at periodically. A part beyond its limit is killed, whatever the machine has left. On a machine without
//! memory left the box goes that is worst by the kernel's badness (mm/oom_kill.c): its use, and a thousandth of the
//! machine's memory for each point (`oom_score_adj`) that somebody gave it. A box to which nobody gave points counts as if
//! it had as many fewer as it asked for memory, so that use beyond the request decides; one that asks for its limits
//! goes last. Somebody who looks at a machine periodically, to act before the kernel does, is told at the look that
//! finds too little ([`MemoryWatch`]).
//!
//! It does not know who starts a box again: its process has ended, and the platform hears that like any other exit.
//!
//! *Deviation:* all parts of a box end when one is killed. Memory does not depend on load, and a box takes none
//! until it is up. No swap. Start at [`World::on_out_of_memory`].

use super::boxes::State;
use super::event::Event;
use super::fault::{FaultId, FaultKind};
use super::ids::{BoxId, VmId};
use super::observation::{Exit, Observation};
use super::service::Role;
use super::signal::Signal;
use super::{World, streams};
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{Bytes, MilliCpu};

/// The kernel acts when a page [bytes] is wanted that is not there.
const PAGE: f64 = 4_096.0;

/// Looks at a machine's memory, periodically, until one finds little left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryWatch {
    /// Less than this is little.
    pub least: Bytes,
    pub phase: SimTime,
    pub period: SimDuration,
}

/// Memory of a box whose processes run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Footprint {
    /// From the start on [bytes].
    base: f64,
    /// How fast it grows [bytes/s].
    leak: f64,
    /// Age at which the first part passes its own limit [s]; infinite if none ever does.
    bound_s: f64,
    since: SimTime,
    /// How old it was then [s].
    age_s: f64,
    /// False for a box from before the simulation began, of which nobody has said yet how old it is.
    aged: bool,
    /// Up to when its use was stated.
    stated: SimTime,
}

impl Footprint {
    fn age_s(&self, at: SimTime) -> f64 {
        self.age_s + at.since(self.since).as_secs_f64()
    }

    fn bytes(&self, at: SimTime) -> f64 {
        self.base + self.leak * self.age_s(at)
    }

    /// Byte-seconds since they were last stated: a straight line has its mean in the middle.
    fn state(&mut self, now: SimTime) -> f64 {
        let bytes = (self.bytes(self.stated) + self.bytes(now)) / 2.0;
        bytes * now.since(std::mem::replace(&mut self.stated, now)).as_secs_f64()
    }
}

/// Age at which a part with so much room below its limit [bytes] has leaked it away [s].
fn bound_s(room: f64, leak: f64) -> f64 {
    match (room < 0.0, leak > 0.0) {
        (true, _) => 0.0,
        (false, true) => (room + PAGE) / leak,
        (false, false) => f64::INFINITY,
    }
}

/// What the boxes on a machine hold together.
#[derive(Clone, Copy, Debug)]
struct Pressure {
    /// Beyond what the machine has [bytes]; negative while some is left.
    excess: f64,
    /// How fast that grows [bytes/s].
    growth: f64,
    /// Until the first part passes its own limit [s].
    bound_s: f64,
    /// Boxes that hold any.
    holders: u32,
    /// One of them grows, and nobody knows yet since when.
    unknown_age: bool,
}

impl Pressure {
    /// Whether a page is missing. Half of one is what rounding may be wrong by, and much more.
    fn is_short(&self) -> bool {
        self.excess > PAGE / 2.0 && self.holders > 0
    }
}

/// What each machine and each box has.
impl World {
    /// CPU and memory of agents beside the guest system, on every machine.
    pub(super) fn set_agents(&mut self, cpu: MilliCpu, memory: Bytes) {
        let milli = self.cloud.os_cpu.as_milli() + cpu.as_milli();
        self.machine_overhead = MilliCpu::from_milli(milli);
        self.memory_overhead = Bytes::from_bytes(self.cloud.os_memory.as_bytes() + memory.as_bytes());
        let memory = self.memory_overhead;
        self.observe(Observation::MachineOverhead { cores: f64::from(milli) / 1_000.0, memory });
        self.share_anew();
        for vm in self.vms.iter().map(|(vm, _)| vm).collect::<Vec<_>>() {
            self.watch_memory(vm);
        }
    }

    /// The state of a box changed: it may hold memory now, or none any more.
    pub(super) fn tell_memory(&mut self, subject: BoxId) {
        let b = self.boxes.get(subject).expect("only boxes that exist hold memory");
        let up = matches!(b.state, State::Up | State::Ending);
        if up == b.memory.is_some() {
            return;
        }
        let vm = b.vm;
        if up {
            let footprint = self.footprint(subject);
            self.boxes.get_mut(subject).expect("seen").memory = Some(footprint);
        } else {
            self.state_memory(subject);
            self.boxes.get_mut(subject).expect("seen").memory = None;
        }
        if let Some(vm) = vm {
            self.watch_memory(vm);
        }
    }

    /// What the processes of a box hold when they have just started.
    fn footprint(&self, subject: BoxId) -> Footprint {
        let (now, b) = (self.scheduler.now(), self.boxes.get(subject).expect("seen by the caller"));
        let mut sum = Footprint {
            base: 0.0,
            leak: 0.0,
            bound_s: f64::INFINITY,
            since: now,
            age_s: 0.0,
            aged: b.starts > 0,
            stated: now,
        };
        let parts = self.services[b.service.index()].parameters.container.iter();
        for (part, (_, container)) in parts.enumerate().filter(|p| p.1.1.role != Role::Init) {
            let key = [u64::from(b.service.0), u64::from(b.version.code().0), part as u64];
            let leak = container.leak.sample(self.streams.open(streams::LEAK, &key).uniform()).per_second();
            let base = container.memory_used().as_bytes() as f64;
            if let Some(limit) = container.memory_limit {
                sum.bound_s = sum.bound_s.min(bound_s(limit.as_bytes() as f64 - base, leak));
            }
            sum.base += base;
            sum.leak += leak;
        }
        sum
    }

    /// States what every box has used until now.
    pub(super) fn settle_memory(&mut self) {
        for subject in self.boxes.iter().map(|(subject, _)| subject).collect::<Vec<_>>() {
            self.state_memory(subject);
        }
    }

    fn state_memory(&mut self, subject: BoxId) {
        let now = self.scheduler.now();
        let footprint = self.boxes.get_mut(subject).and_then(|b| b.memory.as_mut());
        let byte_s = footprint.map_or(0.0, |footprint| footprint.state(now));
        if byte_s > 0.0 {
            self.observe(Observation::MemoryUsed { subject, byte_s });
        }
    }

    /// Boxes on a machine that hold memory.
    fn holders(&self, vm: VmId) -> impl Iterator<Item = (BoxId, &Footprint)> {
        let boxes = self.vms.get(vm).map_or(&[][..], |v| &v.boxes);
        boxes.iter().filter_map(|&b| Some((b, self.boxes.get(b)?.memory.as_ref()?)))
    }
}

/// When memory runs out, and for whom.
impl World {
    fn pressure(&self, vm: VmId) -> Pressure {
        let now = self.scheduler.now();
        let memory = self.vms.get(vm).map_or(0, |v| v.memory.as_bytes());
        let room = memory as f64 - self.memory_overhead.as_bytes() as f64;
        let none =
            Pressure { excess: -room, growth: 0.0, bound_s: f64::INFINITY, holders: 0, unknown_age: false };
        self.holders(vm).fold(none, |sum, (_, f)| Pressure {
            excess: sum.excess + f.bytes(now),
            growth: sum.growth + f.leak,
            bound_s: sum.bound_s.min(f.bound_s - f.age_s(now)),
            holders: sum.holders + 1,
            unknown_age: sum.unknown_age || (!f.aged && f.leak > 0.0),
        })
    }

    fn is_short(&self, vm: VmId) -> bool {
        self.pressure(vm).is_short()
    }

    /// Memory that neither boxes nor system and agents hold [bytes].
    pub(super) fn memory_available(&self, vm: VmId) -> u64 {
        (-self.pressure(vm).excess).max(0.0) as u64
    }

    /// Memory that a box holds now [bytes].
    pub(super) fn memory_of(&self, subject: BoxId) -> u64 {
        let footprint = self.boxes.get(subject).and_then(|b| b.memory);
        footprint.map_or(0, |f| f.bytes(self.scheduler.now()) as u64)
    }

    /// Tells once when a look finds little memory left.
    pub(super) fn look_at_memory(&mut self, vm: VmId, watch: MemoryWatch) {
        if let Some(v) = self.vms.get_mut(vm) {
            v.memory_watch = Some(watch);
            self.watch_low(vm, &self.pressure(vm));
        }
    }

    /// Schedules the look that will find little left if nothing changes.
    fn watch_low(&mut self, vm: VmId, p: &Pressure) {
        let Some(v) = self.vms.get_mut(vm) else { return };
        if let Some(old) = v.low.take() {
            self.scheduler.cancel(old);
        }
        let Some(watch) = v.memory_watch else { return };
        let now = self.scheduler.now();
        if p.holders == 0 {
            return;
        }
        let beyond = p.excess + watch.least.as_bytes() as f64;
        let turns = match beyond > 0.0 {
            true => now,
            false if p.growth <= 0.0 => return,
            false => {
                let span_s = -beyond / p.growth;
                if span_s > self.horizon.since(now).as_secs_f64() {
                    return;
                }
                now + SimDuration::from_secs_f64(span_s) + SimDuration::from_micros(1)
            }
        };
        let low = self.schedule_fault(turns.next_tick(watch.phase, watch.period), Event::MemoryLow { vm });
        self.vms.get_mut(vm).expect("seen").low = low;
    }

    pub(super) fn on_memory_low(&mut self, vm: VmId) {
        let v = self.vms.get_mut(vm).expect("a machine that goes takes its boxes and this event with it");
        (v.low, v.memory_watch) = (None, None);
        if v.is_running() {
            self.signals.push_back(Signal::MemoryLow { vm });
        }
    }

    /// Schedules the instant at which the next box on this machine is killed if nothing changes.
    fn watch_memory(&mut self, vm: VmId) {
        let p = self.pressure(vm);
        self.watch_low(vm, &p);
        let Some(v) = self.vms.get_mut(vm) else { return };
        if let Some(old) = v.short.take() {
            self.scheduler.cancel(old);
        }
        let now = self.scheduler.now();
        let mut left_s = p.bound_s;
        if p.growth > 0.0 {
            left_s = left_s.min((PAGE - p.excess) / p.growth);
        }
        if p.unknown_age || p.is_short() {
            left_s = 0.0;
        }
        let beyond_s = self.horizon.since(now).as_secs_f64();
        if left_s > beyond_s {
            return;
        }
        // Rounded up, so that the page is missing at that instant.
        let span = if left_s > 0.0 {
            SimDuration::from_secs_f64(left_s) + SimDuration::from_micros(1)
        } else {
            SimDuration::ZERO
        };
        let short = self.schedule_fault(now + span, Event::OutOfMemory { vm });
        self.vms.get_mut(vm).expect("seen").short = short;
    }

    pub(super) fn on_out_of_memory(&mut self, vm: VmId) {
        self.vms.get_mut(vm).expect("a machine that goes takes its boxes and this event with it").short =
            None;
        self.settle_in(vm);
        let now = self.scheduler.now();
        let beyond = |(subject, f): (BoxId, &Footprint)| (f.age_s(now) >= f.bound_s).then_some(subject);
        for subject in self.holders(vm).filter_map(beyond).collect::<Vec<_>>() {
            self.kill_box(subject);
        }
        while self.is_short(vm) {
            let victim = self.first_to_go(vm).expect("a machine without boxes is not short");
            self.kill_box(victim);
        }
        self.watch_memory(vm);
    }

    /// The box that the kernel kills.
    fn first_to_go(&self, vm: VmId) -> Option<BoxId> {
        let now = self.scheduler.now();
        let machine = self.vms.get(vm)?.memory.as_bytes() as f64;
        let badness = |&(subject, f): &(BoxId, &Footprint)| {
            let b = self.boxes.get(subject).expect("it holds memory");
            let p = &self.services[b.service.index()].parameters;
            let points = match b.kill_points {
                Some(points) => f64::from(points) / 1_000.0 * machine,
                None if p.asks_for_its_limits() => -machine,
                None => -(p.memory().as_bytes() as f64),
            };
            f.bytes(now) + points
        };
        let worst = self.holders(vm).max_by(|a, b| badness(a).total_cmp(&badness(b)));
        worst.map(|(subject, _)| subject)
    }

    fn kill_box(&mut self, subject: BoxId) {
        let b = self.boxes.get(subject).expect("only boxes that hold memory are killed");
        let (stopping, entity) = (b.stopping.is_some(), [u64::from(b.service.0), u64::from(b.ordinal)]);
        let kind = FaultKind::OutOfMemory;
        let fault = FaultId::new(kind, entity, u64::from(b.life) << 32 | u64::from(b.starts));
        self.exit_box(subject, Exit::Fault { fault, kind });
        if !stopping {
            self.signals.push_back(Signal::ProcessExited { subject });
        }
    }

    /// Ages of the leaking boxes that run since before the simulation began, as if they had for long.
    ///
    /// A box may be anywhere in the cycle after which it is killed, but is no older than the last release. Alone, its
    /// cycle is room / leak. Of `n` alike that share the room, the victim has grown for n parts of n of the cycle, the
    /// others for 1, 2, … n − 1 parts: together (n + 1)/2 cycles, so that one is 2 · room / ((n + 1) · leak).
    fn settle_in(&mut self, vm: VmId) {
        let now = self.scheduler.now();
        let young: Vec<(BoxId, Footprint)> =
            self.holders(vm).filter(|(_, f)| !f.aged).map(|(subject, f)| (subject, *f)).collect();
        if young.is_empty() {
            return;
        }
        let p = self.pressure(vm);
        let most = young.iter().map(|(_, f)| f.leak).fold(0.0, f64::max);
        let shared_s = 2.0 * (-p.excess).max(0.0) / (p.growth + most).max(f64::MIN_POSITIVE);
        for (subject, f) in young {
            let b = self.boxes.get(subject).expect("it holds memory");
            let (service, ordinal) = (b.service, b.ordinal);
            let key = [u64::from(service.0), u64::from(ordinal)];
            let phase = self.streams.open(streams::LEAK_AGE, &key).uniform();
            let rate = self.services[service.index()].parameters.release.rate.per_second();
            let since_release_s = -self.streams.open(streams::LEAK_RELEASE, &key[..1]).uniform().ln() / rate;
            let age_s = (phase * shared_s.min(f.bound_s)).min(since_release_s);
            let age_s = if f.leak > 0.0 { age_s } else { 0.0 };
            let held = Footprint { age_s, aged: true, since: now, ..f };
            self.boxes.get_mut(subject).expect("seen").memory = Some(held);
        }
        // Who would have been killed by now was, and is young.
        while self.is_short(vm)
            && let Some(subject) = self.first_to_go(vm)
            && let Some(f) = self.boxes.get_mut(subject).and_then(|b| b.memory.as_mut())
            && f.age_s > 0.0
        {
            f.age_s = 0.0;
        }
    }
}
