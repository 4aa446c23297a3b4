//! Everything that can happen in a simulation, as one closed enum of small values.
//!
//! Reading it tells what triggers processing. A platform's own events are opaque to the world: it carries them
//! and gives them back.

use super::ids::{BoxId, ServiceId, VmId, WorkId};
use super::monitor::MonitorId;
use crate::engine;
use crate::engine::Id;

/// One event. At one instant, faults come before lifecycle, load, control and samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A machine goes down and will come back by itself.
    VmCrash {
        vm: VmId,
    },
    /// A machine is gone for good.
    VmLoss {
        vm: VmId,
    },
    /// The process of a box dies.
    ProcessCrash {
        subject: BoxId,
    },
    /// A machine has no memory left, or a box on it comes to its own limit.
    OutOfMemory {
        vm: VmId,
    },
    /// A machine loses part of its processors for a while.
    VmSlows {
        vm: VmId,
    },
    VmAtSpeed {
        vm: VmId,
    },
    /// The cloud announces that it will take a spot machine back.
    SpotNotice {
        vm: VmId,
    },
    SpotReclaimed {
        vm: VmId,
    },
    /// A fault takes many machines at once: a rack, a power unit, a zone.
    GroupStruck {
        group: u32,
    },
    GroupRestored {
        group: u32,
    },
    /// A network that loses packets falls silent, or is heard again.
    NetworkTurns {
        group: u32,
    },

    /// The cloud's control plane stops answering.
    CloudApiFails,
    CloudApiRestored,
    /// The disk of a box fills, unless something prevents that.
    DiskFull {
        subject: BoxId,
    },
    /// The image registry stops answering.
    RegistryFails,
    RegistryRestored,
    /// A vulnerability becomes known.
    VulnerabilityPublished,
    /// Somebody looks, and finds little memory left on a machine.
    MemoryLow {
        vm: VmId,
    },

    /// The cloud answers a launch: there is no capacity.
    LaunchFailed {
        vm: VmId,
    },
    /// A machine has booted (first boot, reboot, or back from a crash).
    VmUp {
        vm: VmId,
    },
    /// A box is configured, or its image is pulled.
    BoxPrepared {
        subject: BoxId,
    },
    /// The process of a box has opened its port and can serve.
    BoxUp {
        subject: BoxId,
    },
    /// A box has come closer to full speed after its start.
    BoxWarms {
        subject: BoxId,
    },
    /// The processes of a box are told to finish what they have and end.
    BoxToldToEnd {
        subject: BoxId,
    },
    /// A box that was asked to stop has ended.
    BoxStopped {
        subject: BoxId,
    },

    /// The next segment of all traffic curves begins.
    TrafficSegment,
    /// Capacity or routing changed at this instant: solve the flow of requests anew, once.
    SolveFlow,
    /// Requests of a service are followed one by one from now on.
    RequestsBegin {
        service: ServiceId,
    },
    RequestsEnd {
        service: ServiceId,
    },
    /// A caller sends a request.
    RequestArrives {
        service: ServiceId,
    },
    /// A box is done with a request.
    RequestDone {
        subject: BoxId,
    },
    /// Callers have waited long enough.
    RequestTimesOut {
        service: ServiceId,
    },
    /// Callers try again.
    RequestRepeats {
        service: ServiceId,
    },
    /// What became of requests one by one is stated in rates.
    RequestSample {
        service: ServiceId,
    },
    /// The crowd in a service's boxes has moved, or its callers begin to try again: rates change.
    FlowTurns {
        service: ServiceId,
    },

    /// A change of the list reaches a group of callers who hold copies of it.
    CopyFollows {
        subject: BoxId,
        group: u8,
        listed: bool,
        /// How often the box had been withdrawn when the change was made.
        withdrawn: u16,
    },
    /// The registry of services fails, and works again.
    DirectoryFails,
    DirectoryRestored,
    /// Its servers have had the time to choose a leader.
    DirectoryChooses,
    /// The registry has written down what was said of a box.
    DirectoryWrites {
        subject: BoxId,
    },

    /// A target has failed so many requests in a row that it is passed over, or that is over.
    EjectionTurns {
        subject: BoxId,
    },
    /// A periodic check comes to another verdict.
    Verdict {
        monitor: MonitorId,
    },
    /// A user complains about requests that fail.
    Complaint {
        service: ServiceId,
    },
    /// Others may be at work now, or have their hands free: work that waits is given out again.
    ShiftChange,
    /// Nobody has acknowledged a page in time, or nobody on call has taken what is urgent.
    PageEscalates {
        work: WorkId,
    },
    /// A person is at it: the page was acknowledged, or planned work begins.
    WorkBegins {
        work: WorkId,
    },
    WorkDone {
        work: WorkId,
    },
    ReleaseDue {
        service: ServiceId,
    },
    /// Somebody changes a configuration, and it is wrong.
    ConfigurationDue {
        service: ServiceId,
    },
    /// Who had to wait with that tries it again.
    ConfigurationAgain {
        service: ServiceId,
        number: u32,
    },
    Platform(PlatformEvent),

    /// Metering begins after the warm-up.
    MeteringBegins,
}

const _: () = assert!(size_of::<Event>() <= 16, "an event is copied in and out of the queue: keep it small");

impl engine::Event for Event {
    fn phase(&self) -> u8 {
        use Event::*;
        match self {
            VmCrash { .. }
            | VmLoss { .. }
            | ProcessCrash { .. }
            | OutOfMemory { .. }
            | VmSlows { .. }
            | VmAtSpeed { .. }
            | SpotNotice { .. }
            | SpotReclaimed { .. }
            | GroupStruck { .. }
            | GroupRestored { .. }
            | NetworkTurns { .. }
            | CloudApiFails
            | CloudApiRestored
            | DiskFull { .. }
            | RegistryFails
            | RegistryRestored
            | VulnerabilityPublished
            | DirectoryFails
            | DirectoryRestored
            | DirectoryChooses => 0,
            LaunchFailed { .. }
            | VmUp { .. }
            | BoxPrepared { .. }
            | BoxUp { .. }
            | BoxWarms { .. }
            | BoxToldToEnd { .. }
            | BoxStopped { .. } => 1,
            TrafficSegment
            | SolveFlow
            | FlowTurns { .. }
            | RequestsBegin { .. }
            | RequestsEnd { .. }
            | RequestArrives { .. }
            | RequestDone { .. }
            | RequestTimesOut { .. }
            | RequestRepeats { .. }
            | RequestSample { .. } => 2,
            CopyFollows { .. }
            | DirectoryWrites { .. }
            | EjectionTurns { .. }
            | Verdict { .. }
            | Complaint { .. }
            | MemoryLow { .. }
            | ShiftChange
            | PageEscalates { .. }
            | WorkBegins { .. }
            | WorkDone { .. }
            | ReleaseDue { .. }
            | ConfigurationDue { .. }
            | ConfigurationAgain { .. }
            | Platform(_) => 3,
            MeteringBegins => 4,
        }
    }
}

/// A platform's own event: what `kind` and the two words mean is the platform's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlatformEvent {
    pub kind: u16,
    pub a: u32,
    pub b: u32,
}

impl PlatformEvent {
    /// An event about nothing in particular.
    pub const fn plain(kind: u16) -> Self {
        PlatformEvent { kind, a: 0, b: 0 }
    }

    /// An event with two numbers.
    pub const fn with(kind: u16, a: u32, b: u32) -> Self {
        PlatformEvent { kind, a, b }
    }

    /// An event about a machine, a box or a piece of work.
    pub fn about(kind: u16, subject: impl Id) -> Self {
        let (a, b) = subject.parts();
        PlatformEvent { kind, a, b }
    }

    /// The subject given to [`PlatformEvent::about`].
    pub fn subject<I: Id>(self) -> I {
        I::new(self.a, self.b)
    }
}
