//! Facts: what happened, as the world states it for metrics and traces. A closed enum.
//!
//! Observations carry ground truth, so no platform ever sees one. They are not counters: what a fact means for
//! cost, availability or recovery is the business of `metrics`.

use super::fault::{FaultId, FaultKind, Group};
use super::ids::{BoxId, ServiceId, Version, VmId, WorkId, ZoneId};
use super::people::{Activity, Expertise, Person, Urgency};
use super::vulnerability::{Layer, Stamp, VulnerabilityId};
use crate::catalog::{InstanceId, Purchase};
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{Bytes, MilliCpu};

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
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the frequent one: a box would be allocated each time"
)]
pub enum Observation {
    MeteringBegins,

    /// What a platform says for whoever reads the trace; stated only where somebody does.
    Remark {
        about: About,
        text: String,
    },

    VmLaunched {
        vm: VmId,
        zone: ZoneId,
        slot: u32,
        instance: InstanceId,
        purchase: Purchase,
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
    /// On request, with all that ran on it. Only its disk costs money until it is started or given back.
    VmStopped {
        vm: VmId,
    },
    /// A stopped machine is asked to start.
    VmStarted {
        vm: VmId,
    },
    /// A machine runs, but worse than it should: slow, or hard to reach.
    VmDegraded {
        vm: VmId,
        fault: FaultId,
        kind: FaultKind,
    },
    VmRestored {
        vm: VmId,
        kind: FaultKind,
    },
    /// The cloud will take this spot machine back when the notice is over.
    SpotNotice {
        vm: VmId,
        fault: FaultId,
    },
    /// A rack, a power unit or a zone is hit.
    GroupStruck {
        group: Group,
        fault: FaultId,
    },
    GroupRestored {
        group: Group,
    },
    /// Nothing comes through the network of a rack, or something does again.
    GroupSilent {
        group: Group,
        silent: bool,
    },

    /// The image registry does not answer any more.
    RegistryFailed {
        fault: FaultId,
    },
    RegistryRestored,
    /// The cloud launches, restarts and takes back nothing any more.
    CloudApiFailed {
        fault: FaultId,
    },
    CloudApiRestored,
    /// Somebody makes a change of a service's configuration that is wrong; nobody knows.
    ConfigurationChanged {
        service: ServiceId,
        number: u32,
        fault: FaultId,
    },

    /// A vulnerability is known, and so is its fix. Those of the time before the simulation are stated at its start.
    VulnerabilityPublished {
        vulnerability: VulnerabilityId,
        layer: Layer,
        published: Stamp,
        /// From when on attackers use it.
        exploited: Stamp,
    },
    /// A box that is or was up has it, from now on.
    VulnerabilityOpened {
        subject: BoxId,
        vulnerability: VulnerabilityId,
    },
    /// The box does not have it any more; not said of boxes that are gone.
    VulnerabilityClosed {
        subject: BoxId,
        vulnerability: VulnerabilityId,
    },
    /// When a machine that runs at the start was launched.
    VmBackdated {
        vm: VmId,
        launched: Stamp,
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
    /// Its processes run, and answer nothing any more.
    BoxHung {
        subject: BoxId,
        fault: FaultId,
        kind: FaultKind,
    },
    /// Its processes are told to finish what they have and end: its port is closed.
    BoxEnding {
        subject: BoxId,
    },
    /// It is no more, though callers still have its address.
    BoxGone {
        subject: BoxId,
    },
    /// Nothing is left of it.
    BoxRemoved {
        subject: BoxId,
    },
    /// Nearly all callers send to the box.
    BoxRouted {
        subject: BoxId,
    },
    /// Nearly no caller does any more.
    BoxUnrouted {
        subject: BoxId,
    },
    /// This share of the callers has the box on its list now, where callers hold copies of a list.
    BoxListed {
        subject: BoxId,
        share: f64,
    },
    /// The registry of services does not answer any more: it failed, or most of its servers are gone.
    DirectoryLost {
        fault: Option<FaultId>,
        /// Callers take that for an empty list.
        empties: bool,
    },
    DirectoryBack,
    /// One of its servers writes for all from now on.
    DirectoryLed {
        vm: VmId,
    },
    /// This machine is a server of the registry of services.
    DirectoryServer {
        vm: VmId,
    },
    /// A load balancer passes over a target that fails.
    BoxEjected {
        subject: BoxId,
        lasts: SimDuration,
    },
    /// The control plane or a person now knows that the box is not serving.
    BoxKnownDown {
        subject: BoxId,
    },

    /// What somebody who looked has found, and does about it.
    Found {
        about: About,
        what: &'static str,
    },

    /// The platform wants this many boxes.
    Desired {
        service: ServiceId,
        boxes: u32,
    },

    Flow(FlowObservation),
    /// One request that was answered in time, where requests are followed one by one.
    RequestServed {
        service: ServiceId,
        latency_s: f64,
    },
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

    /// A user tells that requests fail.
    Complaint {
        service: ServiceId,
    },
    Paged {
        work: WorkId,
        person: Person,
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
        urgency: Urgency,
        person: Person,
        expertise: Expertise,
        /// Since the first page; since it was asked for, where nobody was paged.
        waited: SimDuration,
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
    /// CPU and memory of every running machine that go to the guest system and agents, from now on.
    MachineOverhead {
        cores: f64,
        memory: Bytes,
    },
    /// Memory that a box held since this was last said of it, or since it came up.
    MemoryUsed {
        subject: BoxId,
        byte_s: f64,
    },
    /// What the control plane has promised to boxes and agents, of what it may promise, from now on.
    Promised {
        promised: Amount,
        allocatable: Amount,
    },
    /// Routine administration of this platform, from now on.
    UpkeepSet {
        hours_per_week: f64,
    },
    /// What this platform runs by was built once, and is written off.
    AutomationBuilt {
        hours: f64,
        write_off: SimDuration,
    },
    /// So much machine time is paid for in every hour.
    Committed(Commitment),
}

/// CPU and memory together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    pub cpu: MilliCpu,
    pub memory: Bytes,
}

/// A promise to pay for machines on demand, at list prices, in every hour.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Commitment {
    /// Of what they cost in a mean hour, where no amount is given.
    pub share: f64,
    pub micro_usd_per_hour: Option<u64>,
    /// Share by which what is committed costs less.
    pub discount: f64,
}

/// Things beside machines that are paid by the hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rented {
    LoadBalancer,
    /// A machine that a self-run load balancer runs on.
    ProxyMachine(InstanceId),
    ManagedControlPlane,
    /// A machine that a self-run control plane runs on.
    ControlPlaneMachine(InstanceId),
    /// A gigabyte of a machine's disk of which there is a backup.
    BackupGigabyte,
}

/// How many classes of requests of one segment are told apart in the latency; further ones are merged by slowdown.
pub const LATENCY_CLASSES: usize = 5;

/// Served requests whose latencies are alike: attempts before + wait + slowdown × work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LatencyClass {
    /// Served requests [1/s].
    pub rate: f64,
    /// Mean, and variance of the logarithm.
    pub slowdown: f64,
    pub spread: f64,
    /// Time in line that all of them have [s].
    pub wait_s: f64,
    /// Share of them that stands in line besides, for an exponential time of this mean [s].
    pub in_line: f64,
    pub line_s: f64,
    /// Time that went into earlier attempts [s].
    pub earlier_s: f64,
}

/// What became of a service's requests between two instants, with constant rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FlowObservation {
    pub service: ServiceId,
    pub from: SimTime,
    pub to: SimTime,
    /// Boxes on the route that served.
    pub boxes: f64,
    /// Requests, not counting retries [1/s]; the following are what became of them, with retries.
    pub offered: f64,
    pub served: f64,
    /// Sent to boxes that do not answer or no longer exist.
    pub to_dead_boxes: f64,
    /// Answered with an error by a bad version.
    pub errors: f64,
    /// Answered too late, or given up or refused in an overload.
    pub late: f64,
    /// Served in time, but slower than the latency goal.
    pub slow: f64,
    /// CPU of answers in time, and of all other work [cores].
    pub useful_cores: f64,
    pub wasted_cores: f64,
    pub latency: [LatencyClass; LATENCY_CLASSES],
}

impl FlowObservation {
    pub fn seconds(&self) -> f64 {
        self.to.since(self.from).as_secs_f64()
    }

    /// Not served: dead boxes, errors, late [requests/s].
    pub fn failed(&self) -> f64 {
        self.to_dead_boxes + self.errors + self.late
    }

    pub(super) fn empty(service: ServiceId) -> FlowObservation {
        FlowObservation {
            service,
            from: SimTime::ZERO,
            to: SimTime::ZERO,
            boxes: 0.0,
            offered: 0.0,
            served: 0.0,
            to_dead_boxes: 0.0,
            errors: 0.0,
            late: 0.0,
            slow: 0.0,
            useful_cores: 0.0,
            wasted_cores: 0.0,
            latency: [LatencyClass::default(); LATENCY_CLASSES],
        }
    }

    /// Adds a class, or merges it into the nearest by slowdown and waits.
    pub(super) fn add_latency(&mut self, new: LatencyClass) {
        if new.rate <= 0.0 {
            return;
        }
        let same = |c: &&mut LatencyClass| c.rate == 0.0 || LatencyClass { rate: c.rate, ..new } == **c;
        if let Some(class) = self.latency.iter_mut().find(same) {
            *class = LatencyClass { rate: class.rate + new.rate, ..new };
            return;
        }
        let distance = |c: &LatencyClass| {
            (c.slowdown.ln() - new.slowdown.ln()).abs()
                + (c.wait_s + c.earlier_s - new.wait_s - new.earlier_s).abs()
        };
        let distances = self.latency.each_ref().map(distance);
        let place = (0..LATENCY_CLASSES).min_by(|&a, &b| distances[a].total_cmp(&distances[b]));
        let nearest = &mut self.latency[place.expect("there are classes")];
        let rate = nearest.rate + new.rate;
        let mean = |of: fn(&LatencyClass) -> f64| (nearest.rate * of(nearest) + new.rate * of(&new)) / rate;
        *nearest = LatencyClass {
            rate,
            slowdown: mean(|c| c.slowdown),
            spread: mean(|c| c.spread),
            wait_s: mean(|c| c.wait_s),
            in_line: mean(|c| c.in_line),
            line_s: mean(|c| c.line_s),
            earlier_s: mean(|c| c.earlier_s),
        };
    }

    /// A share `retried` of the served requests got there `earlier_s` after a failed attempt.
    pub(super) fn delay(&mut self, retried: f64, earlier_s: f64, goal_s: f64) {
        let classes = self.latency;
        for class in &mut self.latency {
            class.rate *= 1.0 - retried;
        }
        for class in classes {
            self.add_latency(LatencyClass { rate: class.rate * retried, earlier_s, ..class });
        }
        if earlier_s >= goal_s {
            self.slow += (self.served - self.slow) * retried;
        }
    }
}
