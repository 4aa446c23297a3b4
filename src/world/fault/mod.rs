//! Faults: what breaks, when, and how long. The same weather for every platform.
//!
//! A fault belongs to something that means the same everywhere: a numbered host slot of a zone, the n-th box of
//! a service, a zone. Its times are a renewal sequence that runs whether or not anything is there to be hit; a
//! machine or box that is there at that time is hit. Each kind is one file: when, who and what.
//!
//! Start at [`FaultKind`] and [`Renewal`].

mod process_crash;
mod vm_crash;
mod vm_loss;
mod zone_outage;

pub use process_crash::ProcessCrashParameters;
pub use vm_crash::VmCrashParameters;
pub use vm_loss::VmLossParameters;
pub use zone_outage::ZoneOutageParameters;

use super::ids::ZoneId;
use super::streams;
use crate::engine::streams::mix;
use crate::engine::{Purpose, SimDuration, SimTime, Stream, Streams};
use crate::parameter::{Rate, section};

section! {
    /// What breaks by itself. Rates are the same on every platform.
    pub struct FaultParameters {
        vm_crash: VmCrashParameters, section;
        vm_loss: VmLossParameters, section;
        process_crash: ProcessCrashParameters, section;
        zone_outage: ZoneOutageParameters, section;
    }
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    VmCrash,
    VmLoss,
    ProcessCrash,
    ZoneOutage,
    BadRelease,
}

impl FaultKind {
    pub const ALL: [FaultKind; 5] = [
        FaultKind::VmCrash,
        FaultKind::VmLoss,
        FaultKind::ProcessCrash,
        FaultKind::ZoneOutage,
        FaultKind::BadRelease,
    ];

    /// As written in results.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::VmCrash => "vm-crash",
            FaultKind::VmLoss => "vm-loss",
            FaultKind::ProcessCrash => "process-crash",
            FaultKind::ZoneOutage => "zone-outage",
            FaultKind::BadRelease => "bad-release",
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

/// Times of faults of one kind at one place: a renewal process, drawn ahead one by one.
#[derive(Clone, Debug)]
pub(super) struct Renewal {
    stream: Stream,
    rate: Rate,
    next: SimTime,
    /// Faults drawn so far; the next one is number `count`.
    pub count: u64,
}

impl Renewal {
    pub(super) fn new(streams: &Streams, purpose: Purpose, entity: [u64; 2], rate: Rate) -> Renewal {
        let stream = streams.open(purpose, &entity);
        let mut renewal = Renewal { stream, rate, next: SimTime::ZERO, count: 0 };
        renewal.draw();
        renewal
    }

    /// The first fault after `t`, which must not run backwards.
    pub(super) fn next_after(&mut self, t: SimTime) -> SimTime {
        while self.next <= t {
            self.draw();
        }
        self.next
    }

    /// Exponential times between faults: in equilibrium from the start, whatever the age.
    fn draw(&mut self) {
        let per_second = self.rate.per_second();
        if per_second <= 0.0 {
            self.next = SimTime::MAX;
            return;
        }
        let gap = -self.stream.uniform().ln() / per_second;
        // At least a microsecond, so that the sequence always moves on.
        self.next += SimDuration::from_secs_f64(gap).max(SimDuration::from_micros(1));
        self.count += 1;
    }
}

/// The hardware weather of one host slot.
#[derive(Clone, Debug)]
pub(super) struct SlotWeather {
    pub crashes: Renewal,
    pub losses: Renewal,
}

impl SlotWeather {
    pub(super) fn new(streams: &Streams, faults: &FaultParameters, zone: ZoneId, slot: u32) -> SlotWeather {
        let entity = [u64::from(zone.0), u64::from(slot)];
        SlotWeather {
            crashes: Renewal::new(streams, streams::VM_CRASH, entity, faults.vm_crash.rate),
            losses: Renewal::new(streams, streams::VM_LOSS, entity, faults.vm_loss.rate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weather_of_a_slot_does_not_depend_on_who_asks_when() {
        let streams = Streams::new(5, 0);
        let rate = Rate::from_per_second(1.0 / 3_600.0);
        let mut steady = Renewal::new(&streams, streams::VM_CRASH, [1, 7], rate);
        let mut times = Vec::new();
        let mut t = SimTime::ZERO;
        while times.len() < 200 {
            t = steady.next_after(t);
            times.push(t);
        }
        let mut late = Renewal::new(&streams, streams::VM_CRASH, [1, 7], rate);
        assert_eq!(late.next_after(times[149]), times[150]);
        assert_eq!(late.count, 151);
        // Mean gap 3600 s; standard error 3600/√200 = 255 s.
        let mean = times[199].as_secs_f64() / 200.0;
        assert!((mean - 3_600.0).abs() < 3.0 * 255.0, "{mean}");
    }

    #[test]
    fn a_rate_of_zero_never_strikes() {
        let mut never =
            Renewal::new(&Streams::new(1, 0), streams::VM_LOSS, [0, 0], Rate::from_per_second(0.0));
        assert_eq!(never.next_after(SimTime::from_micros(u64::MAX - 1)), SimTime::MAX);
    }
}
