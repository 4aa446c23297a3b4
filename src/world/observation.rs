//! Facts: what happened, as the world states it for metrics and traces. A closed enum.
//!
//! Observations carry ground truth, so no platform ever sees one. They are not counters: what a fact means for
//! cost, availability or recovery is the business of `metrics`.

use super::fault::{FaultId, FaultKind};
use super::ids::{BoxId, ServiceId, Version, VmId, WorkId, ZoneId};
use super::people::Activity;
use crate::catalog::InstanceId;
use crate::engine::{SimDuration, SimTime};

/// Why a box stopped serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Something broke.
    Fault { fault: FaultId, kind: FaultKind },
    /// The version in it cannot start.
    FailsToStart,
    /// The control plane stopped it.
    Stopped,
}

/// What a line of a trace is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    Nothing,
    Service(ServiceId),
    Box(BoxId),
    Vm(VmId),
}

/// Steps of a rollout that a platform reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolloutStep {
    /// The new version is built and the first box is about to change.
    Begins,
    /// Every box runs the version.
    Completes,
    /// The decision to go back to the version before.
    RollbackBegins,
    /// Every box runs the version before again.
    RollbackCompletes,
}

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Observation {
    MeteringBegins,

    VmLaunched {
        vm: VmId,
        zone: ZoneId,
        slot: u32,
        instance: InstanceId,
    },
    LaunchFailed {
        vm: VmId,
        zone: ZoneId,
    },
    VmUp {
        vm: VmId,
    },
    VmDown {
        vm: VmId,
        fault: FaultId,
        kind: FaultKind,
    },
    /// Restarted on request of a control plane or a person.
    VmRebooted {
        vm: VmId,
    },
    VmTerminated {
        vm: VmId,
    },
    ZoneDown {
        zone: ZoneId,
        fault: FaultId,
    },
    ZoneUp {
        zone: ZoneId,
    },

    BoxCreated {
        subject: BoxId,
        service: ServiceId,
        ordinal: u32,
        version: Version,
    },
    BoxPlaced {
        subject: BoxId,
        vm: VmId,
    },
    /// Configured, or image pulled: about to start its processes.
    BoxPrepared {
        subject: BoxId,
    },
    /// Its processes are asked to start (again).
    BoxStarting {
        subject: BoxId,
        version: Version,
    },
    BoxUp {
        subject: BoxId,
    },
    BoxExited {
        subject: BoxId,
        exit: Exit,
    },
    BoxRemoved {
        subject: BoxId,
    },
    BoxRouted {
        subject: BoxId,
    },
    BoxUnrouted {
        subject: BoxId,
    },
    /// The control plane or a person now knows that the box is not serving.
    BoxKnownDown {
        subject: BoxId,
    },

    /// The platform wants this many boxes.
    Desired {
        service: ServiceId,
        boxes: u32,
    },

    Flow(FlowObservation),
    /// Requests that were being served by a box when it died.
    InFlightLost {
        service: ServiceId,
        requests: f64,
    },

    ReleaseHandedOver {
        service: ServiceId,
        version: Version,
        bad: bool,
    },
    Rollout {
        service: ServiceId,
        version: Version,
        step: RolloutStep,
    },
    ErrorAlert {
        service: ServiceId,
        firing: bool,
    },

    Paged {
        work: WorkId,
        night: bool,
    },
    WorkAsked {
        work: WorkId,
        activity: Activity,
        about: About,
    },
    WorkBegan {
        work: WorkId,
        activity: Activity,
    },
    WorkDone {
        work: WorkId,
        activity: Activity,
        touch: SimDuration,
    },

    /// Something with an hourly price exists from now on (or no more, with a negative number).
    Rented {
        item: Rented,
        change: i32,
    },
    /// CPU of every running machine that goes to the guest system and agents, from now on.
    MachineOverhead {
        cores: f64,
    },
    /// Routine administration of this platform, from now on.
    UpkeepSet {
        hours_per_week: f64,
    },
}

/// Things beside machines that are paid by the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rented {
    LoadBalancer,
    ManagedControlPlane,
}

/// How many service classes of one segment are told apart in the latency; further ones are merged by slowdown.
pub const LATENCY_CLASSES: usize = 4;

/// What became of a service's requests between two instants, with constant rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowObservation {
    pub service: ServiceId,
    pub from: SimTime,
    pub to: SimTime,
    /// Rates [requests/s].
    pub offered: f64,
    pub served: f64,
    /// Sent to boxes that do not answer or no longer exist.
    pub to_dead_boxes: f64,
    /// Answered with an error by a bad version.
    pub errors: f64,
    /// Answered too late, or given up in an overload.
    pub late: f64,
    /// Served in time, but slower than the latency goal.
    pub slow: f64,
    /// CPU of answers in time, and of all other work [cores].
    pub useful_cores: f64,
    pub wasted_cores: f64,
    /// Waiting time of the backlog at both ends [s].
    pub wait_from_s: f64,
    pub wait_to_s: f64,
    /// (served requests/s, slowdown): response time is wait + slowdown × work.
    pub latency: [(f64, f64); LATENCY_CLASSES],
}

impl FlowObservation {
    pub fn seconds(&self) -> f64 {
        self.to.since(self.from).as_secs_f64()
    }

    /// Not served: dead boxes, errors, late [requests/s].
    pub fn failed(&self) -> f64 {
        self.to_dead_boxes + self.errors + self.late
    }
}
