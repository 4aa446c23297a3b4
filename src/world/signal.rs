//! What reaches a control plane: reports of its own agents, answers of the cloud, verdicts of its checks.
//!
//! Ground truth is not among them. A crashed machine sends nothing; that it is gone shows by a check or a
//! heartbeat that fails, after the time this takes.

use super::ids::{BoxId, ProbeId, ServiceId, Version, VmId, WorkId};
use super::vulnerability::VulnerabilityId;

/// One message to the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The cloud could not start the machine; the id is dead.
    LaunchFailed { vm: VmId },
    /// The agent on a machine calls home after a boot: the first, a reboot, or back from a crash.
    VmUp { vm: VmId },
    /// The cloud will take a spot machine back soon.
    SpotNotice { vm: VmId },
    /// The cloud has taken a spot machine back. It is paid for until it is terminated.
    SpotReclaimed { vm: VmId },
    /// The machine's agent: configuration or image pull of a box is complete.
    BoxPrepared { subject: BoxId },
    /// The machine's agent: the box answers on its port.
    BoxUp { subject: BoxId },
    /// The machine's agent: the process of the box ended, unasked or after [`super::Api::end_processes`].
    ProcessExited { subject: BoxId },
    /// The machine's agent: a box that was asked to stop has ended and is gone.
    BoxStopped { subject: BoxId },
    /// A periodic check of a box came to another verdict.
    Health { subject: BoxId, healthy: bool },
    /// A probe of a box by the agent on its machine came to another verdict.
    Probe { subject: BoxId, probe: ProbeId, good: bool },
    /// The machine's agent: less memory is left than was agreed. Said once for each [`super::Api::watch_memory`].
    MemoryLow { vm: VmId },
    /// Heartbeats of a machine stay away for the agreed time, or are back.
    Heartbeat { vm: VmId, alive: bool },
    /// The registry of services does not answer any more, or answers again: its clients notice at once.
    Directory { answers: bool },
    /// The share of failed requests of a service is above its alert threshold for the agreed time, or below again.
    ErrorAlert { service: ServiceId, firing: bool },
    /// A user complains that requests of a service fail; reported once, to those who listen.
    Complaint { service: ServiceId },
    /// A person is at what was asked.
    WorkBegan { work: WorkId },
    /// A person has done what was asked.
    WorkDone { work: WorkId },
    /// The developers hand over a new version.
    Release { service: ServiceId, version: Version },
    /// Somebody changes the configuration that all boxes of a service read; the number tells changes apart.
    Configuration { service: ServiceId, number: u32 },
    /// The distribution announces a vulnerability with its fix.
    Advisory { vulnerability: VulnerabilityId },
}
