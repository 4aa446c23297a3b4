//! What a control plane can do and know. The only door from a platform to the world.
//!
//! Every call here exists in reality: a cloud's API, an agent on a machine, a load balancer's target list, a
//! metrics pipeline with its lag, a ticket to a person. Ground truth (is this box serving? which version is bad?)
//! cannot be asked; it shows by checks, alerts and metrics, after the time they take.
//!
//! Start at [`Api::launch_vm`] for machines, [`Api::create_box`] for boxes.

use super::boxes::{Ending, StartOrder};
use super::directory::DirectorySpec;
use super::ejection::Ejection;
use super::event::{Event, PlatformEvent};
use super::flow::{AccessLog, CpuReading, LoadWaker, LogCounts};
use super::ids::{BoxId, ProbeId, ServiceId, Version, VmId, WorkId, ZoneId};
use super::memory::MemoryWatch;
use super::monitor::{ErrorAlert, HealthCheck, Heartbeat, Probe};
use super::observation::{About, Amount, Commitment, Observation, Rented, RolloutStep};
use super::people::Work;
use super::queueing::{Balancing, Manners, SizingTask, boxes_needed};
use super::service::ServiceParameters;
use super::vm::VmStatus;
use super::vulnerability::{Advisory, Software, Stamp, VulnerabilityId};
use super::{Calendar, World, streams};
use crate::catalog::{Catalog, InstanceId, Purchase};
use crate::engine::{EventHandle, Purpose, SimDuration, SimTime, Stream};
use crate::parameter::{Bytes, MilliCpu, UsdPerHour};

/// A platform's handle on the world.
pub struct Api<'w> {
    world: &'w mut World,
}

/// What everybody in the company knows about a service.
#[derive(Clone, Copy, Debug)]
pub struct ServiceInfo<'w> {
    pub name: &'w str,
    pub parameters: &'w ServiceParameters,
}

/// Knowledge and time.
impl<'w> Api<'w> {
    pub fn new(world: &'w mut World) -> Api<'w> {
        Api { world }
    }

    pub fn now(&self) -> SimTime {
        self.world.now()
    }

    pub fn calendar(&self) -> &Calendar {
        &self.world.calendar
    }

    pub fn catalog(&self) -> &Catalog {
        &self.world.catalog
    }

    pub fn services(&self) -> impl Iterator<Item = ServiceId> + use<> {
        (0..self.world.services.len()).map(|i| ServiceId(i as u16))
    }

    pub fn service(&self, service: ServiceId) -> ServiceInfo<'_> {
        let s = &self.world.services[service.index()];
        ServiceInfo { name: &s.name, parameters: &s.parameters }
    }

    pub fn zones(&self) -> impl Iterator<Item = ZoneId> + use<> {
        (0..self.world.zones.len()).map(|i| ZoneId(i as u8))
    }

    /// The highest rate that is expected within the horizon [requests/s]. The forecast of season, event days and
    /// growth is perfect: how wrong forecasts are is not modelled. Flash crowds and bursts are in no forecast.
    pub fn forecast_peak(&self, service: ServiceId) -> f64 {
        let s = &self.world.services[service.index()];
        s.demand.curve().peak_rate(&self.world.calendar, self.world.horizon, self.world.segment)
    }

    /// The highest rate that is expected between two instants [requests/s], for fleets that follow the forecast.
    pub fn forecast_peak_between(&self, service: ServiceId, from: SimTime, to: SimTime) -> f64 {
        let (w, s) = (&self.world, &self.world.services[service.index()]);
        s.demand.curve().peak_between(&w.calendar, (from, to.min(w.horizon)), w.horizon, w.segment)
    }

    /// The rate that is expected now [requests/s], for the size at the start.
    pub fn forecast_now(&self, service: ServiceId) -> f64 {
        let (s, now) = (&self.world.services[service.index()], self.world.now());
        s.demand.curve().mean_rate(&self.world.calendar, now, now + self.world.segment)
    }

    /// Whether the image registry answers somebody who asks it now.
    pub fn registry_answers(&self) -> bool {
        self.world.registry.answers()
    }

    /// What an hour of a person costs.
    pub fn wage(&self) -> UsdPerHour {
        self.world.team.wage
    }

    /// The smallest number of boxes with `cores` each that carries `rate` within the service's latency goal;
    /// `None` if a request alone takes too long.
    pub fn boxes_needed(
        &self,
        service: ServiceId,
        balancing: Balancing,
        cores: f64,
        rate: f64,
    ) -> Option<u32> {
        boxes_needed(&self.sizing_task(service, balancing, cores, rate))
    }

    /// The latency quantile [s] of the service's goal to be expected of so many boxes at a rate; `None` if they are
    /// too few to carry it.
    pub fn expected_latency_s(
        &self,
        service: ServiceId,
        balancing: Balancing,
        (boxes, cores): (u32, f64),
        rate: f64,
    ) -> Option<f64> {
        self.sizing_task(service, balancing, cores, rate).expected_latency_s(boxes)
    }

    fn sizing_task(&self, service: ServiceId, balancing: Balancing, cores: f64, rate: f64) -> SizingTask {
        let s = &self.world.services[service.index()];
        SizingTask {
            balancing,
            cores_per_box: cores,
            rate,
            work: s.rules.work,
            manners: Manners { patience_s: s.rules.goal_s, ..s.rules.manners },
            quantile: s.parameters.latency_quantile.as_f64(),
        }
    }

    /// A platform's own random stream. Key it by things that mean the same on every platform where you can.
    pub fn stream(&self, purpose: Purpose, entity: &[u64]) -> Stream {
        self.world.streams.open(purpose, entity)
    }

    /// A platform's own event, after `delay`.
    pub fn after(&mut self, delay: SimDuration, event: PlatformEvent) -> EventHandle {
        self.world.scheduler.after(delay, Event::Platform(event))
    }

    /// A platform's own event at `time`, which may be now.
    pub fn at(&mut self, time: SimTime, event: PlatformEvent) -> EventHandle {
        self.world.scheduler.at(time, Event::Platform(event))
    }

    /// Takes an event back. False if it has happened.
    pub fn cancel(&mut self, handle: EventHandle) -> bool {
        self.world.scheduler.cancel(handle)
    }
}

/// The cloud.
impl Api<'_> {
    /// Rents a machine. The answer is [`super::Signal::VmUp`] or [`super::Signal::LaunchFailed`]. The cloud may take a
    /// spot machine back: [`super::Signal::SpotNotice`] comes first, [`super::Signal::SpotReclaimed`] when it is gone.
    pub fn launch_vm(&mut self, instance: InstanceId, zone: ZoneId, purchase: Purchase) -> VmId {
        self.world.launch_vm(instance, zone, purchase)
    }

    /// A machine that was already running when the simulation began.
    ///
    /// # Panics
    /// After time zero.
    pub fn adopt_vm(&mut self, instance: InstanceId, zone: ZoneId, purchase: Purchase) -> VmId {
        assert_eq!(self.now(), SimTime::ZERO, "only the fleet at the start is there without being launched");
        self.world.adopt_vm(instance, zone, purchase)
    }

    /// Gives a machine back. Its boxes are gone with it. Harmless if it is gone already.
    pub fn terminate_vm(&mut self, vm: VmId) {
        self.world.terminate_vm(vm);
    }

    /// Whether a call to the cloud is answered now: one that is not comes back as an error.
    pub fn cloud_answers(&self) -> bool {
        self.world.cloud_api.answers()
    }

    /// Stops a machine with all that runs on it; its disk stays. False if it does not run, or the cloud does not answer.
    pub fn stop_vm(&mut self, vm: VmId) -> bool {
        self.world.stop_vm(vm)
    }

    /// Starts a stopped machine: [`super::Signal::VmUp`] follows, or [`super::Signal::LaunchFailed`], after which it is
    /// gone. False if it is not stopped.
    pub fn start_vm(&mut self, vm: VmId) -> bool {
        self.world.start_vm(vm)
    }

    /// Restarts a machine; [`super::Signal::VmUp`] follows. False if the console cannot do it now.
    pub fn reboot_vm(&mut self, vm: VmId) -> bool {
        self.world.reboot_vm(vm)
    }

    /// Restarts a machine from within, as `reboot` there does: the cloud need not answer. False if it does not run.
    pub fn reboot_guest(&mut self, vm: VmId) -> bool {
        self.world.reboot_guest(vm)
    }

    /// Whether others reach a machine, and it them: for what runs there.
    pub fn is_reached(&self, vm: VmId) -> bool {
        self.world.vms.get(vm).is_some_and(|vm| vm.is_reachable())
    }

    /// What the cloud's console shows about a machine now.
    pub fn vm_status(&self, vm: VmId) -> VmStatus {
        self.world.vm_status(vm)
    }

    /// Which share of the fillings of disks nothing on this platform's machines prevents. Called once, at the start, before
    /// there is a box.
    pub fn set_disk_fills(&mut self, share: f64) {
        self.world.disk_fills = share;
    }

    /// A load balancer, a control plane: paid by the hour from now on.
    pub fn rent(&mut self, item: Rented, count: u32) {
        self.change_rent(item, i32::try_from(count).expect("few of these are rented"));
    }

    /// More, or with a negative number fewer, of what is paid by the hour.
    pub fn change_rent(&mut self, item: Rented, change: i32) {
        if change != 0 {
            self.world.observe(Observation::Rented { item, change });
        }
    }

    /// CPU and memory that this platform's own agents use on every machine, beside the guest system.
    pub fn set_agents(&mut self, cpu: MilliCpu, memory: Bytes) {
        self.world.set_agents(cpu, memory);
    }

    /// How likely a version that works where it was built does not start on this platform's machines, since something
    /// that it needs is not there or another.
    pub fn set_mismatch(&mut self, chance: f64) {
        self.world.mismatch = chance;
    }

    /// CPU of a machine that boxes cannot use: guest system and agents.
    pub fn machine_overhead(&self) -> MilliCpu {
        self.world.machine_overhead
    }

    /// Memory of a machine that boxes cannot use: guest system and agents.
    pub fn memory_overhead(&self) -> Bytes {
        self.world.memory_overhead
    }

    /// Size of every machine's root disk and its other fixed properties.
    pub fn cloud(&self) -> &super::CloudParameters {
        &self.world.cloud
    }
}

/// Software: how new it is, and what is known to be wrong with it.
impl Api<'_> {
    /// What an advisory says that was published.
    pub fn advisory(&self, vulnerability: VulnerabilityId) -> Advisory {
        self.world.vulnerabilities.get(vulnerability)
    }

    /// All that is published, oldest first.
    pub fn advisories(&self) -> impl Iterator<Item = Advisory> + '_ {
        self.world.vulnerabilities.known()
    }

    /// A machine's disk is filled, from an image or a backup. A machine that nobody says this of is as new as its launch.
    pub fn set_software(&mut self, vm: VmId, software: Software) {
        self.world.set_software(vm, software);
    }

    /// A backup of what is on a machine's disk; `None` if there is no such machine.
    pub fn software_of(&self, vm: VmId) -> Option<Software> {
        self.world.software_of(vm)
    }

    /// Installs a single fix on a machine. One of the kernel works from the next boot on.
    pub fn install_fix(&mut self, vm: VmId, fix: VulnerabilityId) {
        self.world.install_fix(vm, fix);
    }

    /// Installs all fixes that there are on a machine.
    pub fn update_software(&mut self, vm: VmId) {
        self.world.update_software(vm);
    }

    /// Whether a fix is on a machine's disk, as its package manager says.
    pub fn is_fixed(&self, vm: VmId, vulnerability: VulnerabilityId) -> bool {
        self.world.is_fixed(vm, vulnerability)
    }

    /// Whether a machine has a newer kernel on its disk than the one that runs (`/var/run/reboot-required`).
    pub fn needs_reboot(&self, vm: VmId) -> bool {
        self.world.needs_reboot(vm)
    }

    /// The image that a box is made from has this software, and the box no part in that of its machine but the kernel
    /// and what else the machine lets attackers in by.
    pub fn set_image(&mut self, subject: BoxId, software: Software) {
        self.world.set_image(subject, software);
    }

    /// A machine that was running when the simulation began has been for so long.
    ///
    /// # Panics
    /// After time zero.
    pub fn backdate_vm(&mut self, vm: VmId, age: SimDuration) {
        assert_eq!(self.now(), SimTime::ZERO, "only the fleet at the start is older than it looks");
        self.world.observe(Observation::VmBackdated { vm, launched: Stamp::before_start(age) });
    }
}

/// Boxes, by way of the agent on their machine.
impl Api<'_> {
    /// Decides that there shall be one more box. Nothing runs yet.
    pub fn create_box(&mut self, service: ServiceId, version: Version) -> BoxId {
        self.world.create_box(service, version)
    }

    /// Assigns a box to a machine, which may still be booting. False if there is no such machine any more: then
    /// nothing can be done with the box but remove it.
    pub fn place_box(&mut self, subject: BoxId, vm: VmId) -> bool {
        self.world.place_box(subject, vm)
    }

    /// Configures a placed box or pulls its image; [`super::Signal::BoxPrepared`] follows after `span`. False if
    /// the machine does not answer.
    pub fn prepare_box(&mut self, subject: BoxId, span: SimDuration) -> bool {
        self.world.prepare_box(subject, span)
    }

    /// Starts or restarts the processes of a box with `version`; [`super::Signal::BoxUp`] follows, or
    /// [`super::Signal::ProcessExited`] if they cannot start. False if the machine does not answer.
    pub fn start_box(&mut self, subject: BoxId, version: Version) -> bool {
        self.world.start_box(subject, version, StartOrder::Together)
    }

    /// The same, with the parts in another order.
    pub fn start_parts(&mut self, subject: BoxId, version: Version, order: StartOrder) -> bool {
        self.world.start_box(subject, version, order)
    }

    /// A version was installed for this box in the guest system of its machine, which boxes of other services share: it
    /// may break them, see `faults.conflict`.
    pub fn install_into_shared_system(&mut self, subject: BoxId, version: Version) {
        self.world.install_into_shared_system(subject, version);
    }

    /// A box that was already serving when the simulation began.
    ///
    /// # Panics
    /// After time zero.
    pub fn adopt_box(&mut self, service: ServiceId, vm: VmId) -> BoxId {
        assert_eq!(self.now(), SimTime::ZERO, "only the fleet at the start is there without being started");
        self.world.adopt_box(service, vm, None)
    }

    /// The same for a box from an image of its own.
    pub fn adopt_box_of_image(&mut self, service: ServiceId, vm: VmId, software: Software) -> BoxId {
        assert_eq!(self.now(), SimTime::ZERO, "only the fleet at the start is there without being started");
        self.world.adopt_box(service, vm, Some(software))
    }

    /// Ends a box in order; [`super::Signal::BoxStopped`] follows and it is gone.
    pub fn stop_box(&mut self, subject: BoxId, ending: Ending) {
        self.world.end_box(subject, ending, true);
    }

    /// Ends the processes of a box in order; [`super::Signal::ProcessExited`] follows and they can be started again.
    pub fn end_processes(&mut self, subject: BoxId, ending: Ending) {
        self.world.end_box(subject, ending, false);
    }

    /// Whether processes of a box run, starting and ending ones included: whoever is at its machine sees that.
    pub fn has_processes(&self, subject: BoxId) -> bool {
        self.world.has_processes(subject)
    }

    /// The service that a box was created for; `None` if it is no more.
    pub fn service_of(&self, subject: BoxId) -> Option<ServiceId> {
        self.world.boxes.get(subject).map(|b| b.service)
    }

    /// The service of the boxes that were placed on a machine, as its tag says; `None` if it has none or is gone.
    pub fn service_on(&self, vm: VmId) -> Option<ServiceId> {
        self.service_of(*self.world.vms.get(vm)?.boxes.first()?)
    }

    /// The machine of a box, as placed; `None` if it is not placed or gone.
    pub fn vm_of(&self, subject: BoxId) -> Option<VmId> {
        self.world.boxes.get(subject)?.vm
    }

    /// The ticket number of the last trouble with a box, 0 for none: the same trouble has the same number on every
    /// platform, so that it is equally hard to mend everywhere.
    pub fn ticket_of(&self, subject: BoxId) -> u64 {
        self.world.boxes.get(subject).map_or(0, |b| b.last_fault)
    }

    /// Number of a box within its service (`web-3` is 3), and how many boxes had that number before.
    pub fn ordinal_of(&self, subject: BoxId) -> Option<(u32, u32)> {
        let there = self.world.boxes.get(subject).filter(|b| !b.remembered);
        there.map(|b| (b.ordinal, b.life))
    }
}

/// Routes: the list of boxes that callers send requests to.
impl Api<'_> {
    /// Callers send requests to this box from now on. Harmless if they do already.
    pub fn route(&mut self, subject: BoxId) {
        self.world.set_routed(subject, true);
    }

    /// Callers send no more new requests to this box. Harmless if it is gone.
    pub fn unroute(&mut self, subject: BoxId) {
        self.world.set_routed(subject, false);
    }

    /// Callers of a service hold copies of its list from now on: each share of them, of which there are at most
    /// [`super::flow::MOST_GROUPS`], learns of a change so much later. The shares sum to 1.
    ///
    /// # Panics
    /// If the service has boxes on its list already.
    pub fn hold_copies(&mut self, service: ServiceId, copies: &[(f64, SimDuration)]) {
        self.world.hold_copies(service, copies);
    }

    /// The list of which callers hold copies says this of a box now; each of them learns of it in time.
    pub fn publish(&mut self, subject: BoxId, listed: bool) {
        self.world.publish(subject, listed);
    }

    /// All callers leave a box at once, whatever was published of it.
    pub fn withdraw(&mut self, subject: BoxId) {
        self.world.withdraw(subject);
    }

    /// There is a registry of services from now on; [`super::Signal::Directory`] tells when it does not answer.
    pub fn found_directory(&mut self, spec: DirectorySpec) {
        self.world.found_directory(spec);
    }

    /// A machine is one of the servers of the registry from now on.
    pub fn join_directory(&mut self, vm: VmId) {
        self.world.join_directory(vm);
    }

    /// A new machine takes the place of a server of the registry.
    pub fn replace_server(&mut self, old: VmId, new: VmId) {
        self.world.replace_server(old, new);
    }

    /// Has a box written down in the registry as one that serves, or no more.
    pub fn enlist(&mut self, subject: BoxId, listed: bool) {
        self.world.enlist(subject, listed);
    }

    /// A box that was on everybody's list when the simulation began, by way of the registry.
    ///
    /// # Panics
    /// After time zero.
    pub fn adopt_entry(&mut self, subject: BoxId) {
        assert_eq!(
            self.now(),
            SimTime::ZERO,
            "only the fleet at the start is there without being registered"
        );
        self.world.adopt_entry(subject);
    }

    /// Machines that take part in the registry, those of callers included.
    pub fn directory_members(&self) -> u32 {
        self.world.directory_members()
    }

    /// Callers pass over a target of the service that fails too many requests, from now on; or no more.
    pub fn eject_outliers(&mut self, service: ServiceId, rule: Option<Ejection>) {
        self.world.eject_outliers(service, rule);
    }

    pub fn set_balancing(&mut self, service: ServiceId, balancing: Balancing) {
        self.world.services[service.index()].flow.balancing = balancing;
        self.world.dirty_flow();
    }
}

/// Checks, alerts and metrics.
impl Api<'_> {
    /// Checks a box periodically from now on; [`super::Signal::Health`] reports each change of verdict.
    pub fn check_health(&mut self, subject: BoxId, check: HealthCheck) {
        self.world.check_health(subject, check);
    }

    /// The same by the agent on the box's machine, which says nothing while the machine is down.
    pub fn check_health_locally(&mut self, subject: BoxId, check: HealthCheck) {
        self.world.check_health_locally(subject, check);
    }

    /// Has a box probed by the agent on its machine, from now until its processes end; replaces an earlier probe of this
    /// id. [`super::Signal::Probe`] reports each change of verdict.
    pub fn probe(&mut self, subject: BoxId, id: ProbeId, probe: Probe) {
        self.world.probe(subject, id, probe);
    }

    /// Ends a probe. Harmless if there is none.
    pub fn end_probe(&mut self, subject: BoxId, id: ProbeId) {
        self.world.end_probe(subject, id);
    }

    /// Has the agent on a machine look at its memory; [`super::Signal::MemoryLow`] tells once of a look, after this
    /// instant, that finds little left.
    pub fn watch_memory(&mut self, vm: VmId, watch: MemoryWatch) {
        self.world.look_at_memory(vm, watch);
    }

    /// Memory of a machine that nobody uses, as its agent reads it.
    pub fn memory_available(&self, vm: VmId) -> Bytes {
        Bytes::from_bytes(self.world.memory_available(vm))
    }

    /// Memory that a box uses, as the agent on its machine reads it.
    pub fn memory_of(&self, subject: BoxId) -> Bytes {
        Bytes::from_bytes(self.world.memory_of(subject))
    }

    /// Points that the kernel adds to a box where it looks for somebody to kill, thousandths of the machine's memory
    /// (`oom_score_adj`).
    pub fn set_kill_points(&mut self, subject: BoxId, points: i32) {
        if let Some(b) = self.world.boxes.get_mut(subject) {
            b.kill_points = Some(points);
        }
    }

    /// Watches a machine's heartbeats from now on; [`super::Signal::Heartbeat`] reports when they stay away.
    pub fn watch_heartbeat(&mut self, vm: VmId, heartbeat: Heartbeat) {
        self.world.watch_heartbeat(vm, heartbeat);
    }

    /// Alerts on the share of failed requests of a service; [`super::Signal::ErrorAlert`] reports changes.
    pub fn alert_on_errors(&mut self, service: ServiceId, alert: ErrorAlert) {
        self.world.alert_on_errors(service, alert);
    }

    /// Listens to users until the first of them complains about failed requests, of which a `share` leads to a
    /// complaint; [`super::Signal::Complaint`] tells.
    pub fn listen_to_complaints(&mut self, service: ServiceId, share: f64) {
        self.world.listen(service, share);
    }

    /// How requests fail right now, for somebody who looks at logs and dashboards.
    pub fn failures(&self, service: ServiceId) -> FailureShares {
        self.world.services[service.index()].flow.failures()
    }

    /// Has the access logs of a service counted by version from now on: those of `version`, and those of all others.
    pub fn compare_versions(&mut self, service: ServiceId, version: Version) {
        self.world.settle_service(service.index());
        let flow = &mut self.world.services[service.index()].flow;
        flow.log = Some(Box::new(AccessLog::new(version)));
        flow.solve_again();
        self.world.dirty_flow();
    }

    /// What was logged since the last reading: of the version that is compared, and of all others. `None` if none is.
    pub fn read_logs(&mut self, service: ServiceId) -> Option<[LogCounts; 2]> {
        self.world.settle_service(service.index());
        let one_by_one = self.world.services[service.index()].requests.is_some();
        let log = self.world.services[service.index()].flow.log.as_mut()?;
        let (version, counts) = (log.version, log.read());
        if one_by_one {
            return Some(counts);
        }
        let key = [u64::from(service.0), u64::from(version.0), u64::from(log.readings)];
        let mut stream = self.world.streams.open(streams::LOG_SAMPLE, &key);
        Some(counts.map(|counts| counts.drawn(&mut stream)))
    }

    /// A change of configuration cannot go out now: whoever makes it tries again a little later.
    pub fn postpone_configuration(&mut self, service: ServiceId, number: u32) {
        self.world.postpone_configuration(service, number);
    }

    /// Nobody compares versions any more.
    pub fn end_comparison(&mut self, service: ServiceId) {
        self.world.services[service.index()].flow.log = None;
    }

    /// CPU that a service's boxes really used in the `window` that ended `lag` ago; `None` if that is not known
    /// yet. At most an hour back.
    pub fn cpu(&self, service: ServiceId, window: SimDuration, lag: SimDuration) -> Option<CpuReading> {
        self.world.services[service.index()].flow.cpu(self.now() - lag, window)
    }

    /// For a controller that reads [`Api::cpu`] at each tick of a clock (`phase`, `phase + period`, …): it need not
    /// do so while readings stay the same. When CPU use or the number of serving boxes of the service changes, `event`
    /// happens at the first tick at which readings with this `lag` show it, unless it is to happen anyway. Whether one
    /// more change came until then, [`Api::is_load_steady`] tells.
    pub fn wake_on_load(
        &mut self,
        service: ServiceId,
        (phase, period): (SimTime, SimDuration),
        lag: SimDuration,
        event: PlatformEvent,
    ) {
        let changed = self.now();
        let waker = LoadWaker { phase, period, lag, event, next: None, seen: None, changed };
        self.world.services[service.index()].flow.waker = Some(waker);
    }

    /// Whether CPU use and serving boxes of a service have been the same since then: readings of the time after it will
    /// be what they are now until the event of [`Api::wake_on_load`].
    pub fn is_load_steady(&self, service: ServiceId, since: SimTime) -> bool {
        self.world.services[service.index()].flow.waker.is_some_and(|waker| waker.changed <= since)
    }
}

/// How requests of a service fail, as access logs and load balancer metrics show it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FailureShares {
    /// Share of requests that no box answered.
    pub unanswered: f64,
    /// Share that a box answered with an error.
    pub errors: f64,
    /// Share that was answered too late or given up.
    pub late: f64,
}

/// People.
impl Api<'_> {
    /// Asks a person to do something; [`super::Signal::WorkDone`] tells when it is done.
    pub fn ask(&mut self, work: Work) -> WorkId {
        self.world.ask(work)
    }

    /// Takes work back that is not wanted any more; nothing is reported. Harmless if it is done.
    pub fn call_off(&mut self, work: WorkId) {
        self.world.call_off(work);
    }

    /// Work that was for office hours cannot wait any more: whoever is at it goes on, else somebody is called at once.
    pub fn hurry(&mut self, work: WorkId) {
        self.world.hurry(work);
    }

    /// Routine administration that this platform needs, from now on.
    pub fn set_upkeep(&mut self, hours_per_week: f64) {
        self.world.observe(Observation::UpkeepSet { hours_per_week });
    }
}

/// Statements for the record: they change nothing in the world.
impl Api<'_> {
    /// Hours that went into what the platform runs by, and the time over which they are written off.
    pub fn declare_automation(&mut self, hours: f64, write_off: SimDuration) {
        self.world.observe(Observation::AutomationBuilt { hours, write_off });
    }

    /// What was promised to the cloud for a lower price.
    pub fn declare_commitment(&mut self, commitment: Commitment) {
        self.world.observe(Observation::Committed(commitment));
    }

    /// How many boxes the platform wants a service to have: what recovery is measured against.
    pub fn declare_desired(&mut self, service: ServiceId, boxes: u32) {
        self.world.observe(Observation::Desired { service, boxes });
    }

    /// What boxes and agents have been promised in all, of what there is to promise on all machines: for platforms
    /// that place by promises.
    pub fn declare_promised(&mut self, promised: Amount, allocatable: Amount) {
        self.world.observe(Observation::Promised { promised, allocatable });
    }

    /// A step of bringing a version out.
    pub fn declare_rollout(&mut self, service: ServiceId, version: Version, step: RolloutStep) {
        self.world.observe(Observation::Rollout { service, version, step });
    }

    /// Whether somebody reads what the platform says.
    pub fn has_readers(&self) -> bool {
        self.world.keeps_remarks
    }

    /// Says something for whoever reads the trace; the text is made only if somebody does.
    pub fn remark(&mut self, about: About, text: impl FnOnce() -> String) {
        if self.world.keeps_remarks {
            self.world.observe(Observation::Remark { about, text: text() });
        }
    }

    /// What somebody who looked has found and does about it, for whoever reads the trace.
    pub fn declare_found(&mut self, subject: BoxId, what: &'static str) {
        self.world.observe(Observation::Found { about: About::Box(subject), what });
    }

    /// Somebody or something now knows that this box does not serve.
    pub fn declare_known_down(&mut self, subject: BoxId) {
        self.world.observe(Observation::BoxKnownDown { subject });
    }
}
