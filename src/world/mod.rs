//! The world: ground truth of machines, boxes, requests, faults and people, the same for every platform.
//!
//! It knows no platform. Its state is private; a control plane touches it only through [`Api`], which offers what
//! a real one has: calls to the cloud and to agents, checks, delayed metrics, a list of addresses, people who can
//! be asked. What happened is stated as [`Observation`]s, which no platform sees. The world decides nothing.
//!
//! Start at [`World`]; each file is one part of it: [`vm`] and [`boxes`] are what there is, [`directory`] and [`copies`] which
//! boxes callers believe that there are, [`flow`] what becomes of requests, [`memory`] who has to go when memory runs out,
//! [`fault`] what breaks, [`vulnerability`] what lets attackers in, [`monitor`] how that is noticed, [`people`] who mends it.

mod api;
mod boxes;
pub mod calendar;
mod complaint;
mod contention;
mod copies;
mod directory;
mod ejection;
mod event;
pub mod fault;
pub mod flow;
mod ids;
mod memory;
pub mod monitor;
pub mod observation;
pub mod people;
pub mod queueing;
pub mod release;
pub mod requests;
mod service;
mod signal;
mod streams;
pub mod traffic;
mod vm;
pub mod vulnerability;

#[cfg(test)]
mod tests;

pub use crate::catalog::Purchase;
pub(crate) use crate::engine::Arena;
pub use crate::engine::Id;
pub use api::{Api, FailureShares, ServiceInfo};
pub use boxes::{Ending, StartOrder};
pub use calendar::Calendar;
pub use directory::DirectorySpec;
pub use ejection::Ejection;
pub use event::{Event, PlatformEvent};
pub use fault::{FaultId, FaultKind, FaultParameters, Group};
pub use flow::LogCounts;
pub use ids::{BoxId, ProbeId, ServiceId, Version, VmId, WorkId, ZoneId};
pub use memory::MemoryWatch;
pub use monitor::{ErrorAlert, HealthCheck, Heartbeat, Probe};
pub use observation::{About, Observation};
pub use people::{Activity, Expertise, Person, TeamParameters, Urgency, Work};
pub use queueing::Balancing;
pub use service::{ContainerParameters, Role, ServiceParameters};
pub use signal::Signal;
pub use vm::{CloudParameters, VmStatus};
pub use vulnerability::{Advisory, Layer, Software, Stamp, VulnerabilityId, VulnerabilityParameters};

use crate::catalog::Catalog;
use crate::engine::{Scheduler, SimDuration, SimTime, Streams};
use crate::parameter::{Bytes, MilliCpu};
use std::collections::VecDeque;
use std::sync::Arc;

/// What a world is made of, before anything happens.
#[derive(Clone)]
pub struct WorldSpec {
    pub calendar: Calendar,
    pub catalog: Arc<Catalog>,
    pub cloud: CloudParameters,
    pub faults: FaultParameters,
    pub vulnerabilities: VulnerabilityParameters,
    pub team: TeamParameters,
    /// Name, parameters and traffic of each service.
    pub services: Vec<(String, ServiceParameters, traffic::Curve)>,
    /// Length of a traffic segment.
    pub segment: SimDuration,
    pub warm_up: SimDuration,
    /// End of the simulation, warm-up included.
    pub horizon: SimTime,
}

/// Ground truth of one replication on one platform.
pub struct World {
    scheduler: Scheduler<Event>,
    streams: Streams,
    calendar: Calendar,
    catalog: Arc<Catalog>,
    cloud: CloudParameters,
    faults: FaultParameters,
    team: TeamParameters,
    segment: SimDuration,
    horizon: SimTime,
    zones: Vec<vm::Zone>,
    groups: Vec<fault::GroupWeather>,
    /// Places of the groups that a fault has hold of now: few.
    struck: Vec<u32>,
    registry: fault::Registry,
    cloud_api: fault::CloudApi,
    shortages: Vec<fault::Shortages>,
    /// Share of the fillings of disks that get through on this platform.
    disk_fills: f64,
    vulnerabilities: vulnerability::Vulnerabilities,
    vms: Arena<VmId, vm::Vm>,
    boxes: Arena<BoxId, boxes::ServiceBox>,
    services: Vec<service::Service>,
    directory: Option<directory::Directory>,
    monitors: Arena<monitor::MonitorId, monitor::Monitor>,
    people: people::People,
    work: Arena<WorkId, people::Job>,
    /// Share of good versions that do not run on this platform, though they ran where they were built.
    mismatch: f64,
    /// CPU of every machine that is not for boxes.
    machine_overhead: MilliCpu,
    /// Memory of every machine that is not for boxes.
    memory_overhead: Bytes,
    tenancies: Vec<flow::Tenancy>,
    shapes: flow::Shapes,
    classes: flow::Classes,
    flow_dirty: bool,
    signals: VecDeque<Signal>,
    observations: Vec<(SimTime, Observation)>,
    /// Somebody reads the trace: what platforms say is kept.
    keeps_remarks: bool,
}

impl World {
    /// A world at time zero, with its weather and calendars under way but no machine yet.
    pub fn new(spec: &WorldSpec, seed: u64, replication: u32) -> World {
        let streams = Streams::new(seed, replication);
        let service =
            |(i, (name, parameters, curve)): (usize, &(String, ServiceParameters, traffic::Curve))| {
                let id = ServiceId(i as u16);
                let calls = release::Calls::new(&streams, id);
                let changes = fault::Changes::new(&streams, id);
                let demand = traffic::Demand::new(curve, &spec.calendar, &streams, id, spec.horizon);
                service::Service::new(id, name.clone(), parameters.clone(), demand, (calls, changes))
            };
        let mut world = World {
            scheduler: Scheduler::default(),
            calendar: spec.calendar.clone(),
            catalog: spec.catalog.clone(),
            cloud: spec.cloud.clone(),
            faults: spec.faults.clone(),
            team: spec.team.clone(),
            segment: spec.segment,
            horizon: spec.horizon,
            zones: (0..spec.cloud.zones).map(|_| vm::Zone::default()).collect(),
            groups: Vec::new(),
            struck: Vec::new(),
            registry: fault::Registry::new(&streams, &spec.faults.registry_outage),
            cloud_api: fault::CloudApi::new(&streams, &spec.faults.cloud_api_outage),
            shortages: Vec::new(),
            disk_fills: 0.0,
            vulnerabilities: Default::default(),
            vms: Arena::default(),
            boxes: Arena::default(),
            services: spec.services.iter().enumerate().map(service).collect(),
            directory: None,
            monitors: Arena::default(),
            people: people::People::new(&streams, &spec.team, spec.services.len()),
            work: Arena::default(),
            mismatch: 0.0,
            machine_overhead: spec.cloud.os_cpu,
            memory_overhead: spec.cloud.os_memory,
            tenancies: Vec::new(),
            shapes: Default::default(),
            classes: Default::default(),
            flow_dirty: false,
            signals: VecDeque::new(),
            observations: Vec::new(),
            keeps_remarks: false,
            streams,
        };
        world.tenancies = world.services.iter().map(|s| s.tenancy()).collect();
        world.set_agents(MilliCpu::from_milli(0), Bytes::from_bytes(0));
        world.arm_zones();
        world.arm_registry();
        world.arm_cloud_api();
        world.arm_vulnerabilities(&spec.vulnerabilities);
        for service in 0..world.services.len() {
            world.arm_release(ServiceId(service as u16));
            world.arm_configuration(ServiceId(service as u16));
        }
        for service in 0..world.services.len() {
            let parameters = &world.services[service].parameters;
            if parameters.requests == requests::RequestMode::Discrete {
                let (at, service) = (SimTime::ZERO + parameters.requests_from, ServiceId(service as u16));
                world.scheduler.at(at, Event::RequestsBegin { service });
            }
        }
        world.on_traffic_segment();
        world.scheduler.at(SimTime::ZERO + spec.warm_up, Event::MeteringBegins);
        world
    }

    /// Platforms are to say what they do, for a trace. Changes nothing that happens.
    pub fn keep_remarks(&mut self) {
        self.keeps_remarks = true;
    }

    /// The next thing to happen before the horizon.
    pub fn next_event(&mut self) -> Option<Event> {
        self.scheduler.next_before(self.horizon)
    }

    /// Lets one event happen. A platform's own events are not the world's.
    ///
    /// # Panics
    /// If given [`Event::Platform`].
    pub fn handle(&mut self, event: Event) {
        match event {
            Event::VmCrash { vm } => self.on_vm_crash(vm),
            Event::VmLoss { vm } => self.on_vm_loss(vm),
            Event::ProcessCrash { subject } => self.on_process_crash(subject),
            Event::OutOfMemory { vm } => self.on_out_of_memory(vm),
            Event::VmSlows { vm } => self.on_vm_slows(vm),
            Event::VmAtSpeed { vm } => self.on_vm_at_speed(vm),
            Event::SpotNotice { vm } => self.on_spot_notice(vm),
            Event::SpotReclaimed { vm } => self.on_spot_reclaimed(vm),
            Event::GroupStruck { group } => self.on_group_struck(group),
            Event::GroupRestored { group } => self.on_group_restored(group),
            Event::NetworkTurns { group } => self.on_network_turns(group),
            Event::CloudApiFails => self.on_cloud_api_fails(),
            Event::CloudApiRestored => self.on_cloud_api_restored(),
            Event::DiskFull { subject } => self.on_disk_full(subject),
            Event::RegistryFails => self.on_registry_fails(),
            Event::RegistryRestored => self.on_registry_restored(),
            Event::VulnerabilityPublished => self.on_vulnerability_published(),
            Event::MemoryLow { vm } => self.on_memory_low(vm),
            Event::LaunchFailed { vm } => self.on_launch_failed(vm),
            Event::VmUp { vm } => self.on_vm_up(vm),
            Event::BoxPrepared { subject } => self.on_box_prepared(subject),
            Event::BoxUp { subject } => self.on_box_up(subject),
            Event::BoxWarms { subject } => self.on_box_warms(subject),
            Event::BoxToldToEnd { subject } => self.on_box_told_to_end(subject),
            Event::BoxStopped { subject } => self.on_box_stopped(subject),
            Event::TrafficSegment => self.on_traffic_segment(),
            Event::SolveFlow => self.on_solve_flow(),
            Event::FlowTurns { .. } => self.dirty_flow(),
            Event::RequestsBegin { service } => self.on_requests_begin(service),
            Event::RequestsEnd { service } => self.on_requests_end(service),
            Event::RequestArrives { service } => self.on_request_arrives(service),
            Event::RequestDone { subject } => self.on_request_done(subject),
            Event::RequestTimesOut { service } => self.on_request_times_out(service),
            Event::RequestRepeats { service } => self.on_request_repeats(service),
            Event::RequestSample { service } => self.on_request_sample(service),
            Event::CopyFollows { subject, group, listed, withdrawn } => {
                self.on_copy_follows(subject, (group, listed), withdrawn);
            }
            Event::DirectoryFails => self.on_directory_fails(),
            Event::DirectoryRestored => self.on_directory_restored(),
            Event::DirectoryChooses => self.on_directory_chooses(),
            Event::DirectoryWrites { subject } => self.on_directory_writes(subject),
            Event::EjectionTurns { subject } => self.on_ejection_turns(subject),
            Event::Verdict { monitor } => self.on_verdict(monitor),
            Event::ShiftChange => self.on_shift_change(),
            Event::Complaint { service } => self.on_complaint(service),
            Event::PageEscalates { work } => self.on_page_escalates(work),
            Event::WorkBegins { work } => self.on_work_begins(work),
            Event::WorkDone { work } => self.on_work_done(work),
            Event::ReleaseDue { service } => self.on_release_due(service),
            Event::ConfigurationDue { service } => self.on_configuration_due(service),
            Event::ConfigurationAgain { service, number } => self.on_configuration_again(service, number),
            Event::Platform(_) => panic!("a platform's event belongs to the platform"),
            Event::MeteringBegins => {
                self.settle_flow();
                self.settle_memory();
                self.observe(Observation::MeteringBegins);
            }
        }
    }

    /// Closes the books at the horizon.
    pub fn finish(&mut self) {
        self.scheduler.finish(self.horizon);
        self.settle_flow();
        self.settle_memory();
    }

    /// The next message for the platform.
    pub fn next_signal(&mut self) -> Option<Signal> {
        self.signals.pop_front()
    }

    /// Tells all facts stated since the last call.
    pub fn tell_observations(&mut self, mut tell: impl FnMut(SimTime, &Observation)) {
        self.observations.iter().for_each(|(time, observation)| tell(*time, observation));
        self.observations.clear();
    }

    pub fn now(&self) -> SimTime {
        self.scheduler.now()
    }

    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Events that happened, and the fingerprint of their order.
    pub fn trace(&self) -> (u64, u64) {
        (self.scheduler.happened(), self.scheduler.digest())
    }

    fn observe(&mut self, observation: Observation) {
        self.observations.push((self.scheduler.now(), observation));
    }
}
