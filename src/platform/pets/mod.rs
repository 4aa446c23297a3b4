//! Pets: machines that people built and know by name, sized for the peak; one box each, unless services share them
//! ([`shared`]).
//!
//! Nothing is replaced by itself. A supervisor restarts dead processes; everything else waits for a person, who looks
//! ([`repair`]), reboots, restarts, or gets a new machine ([`rebuild`]). Releases go box by box ([`release`]), or by a tool
//! a few boxes at a time ([`tool`]). Every hand on a pet may make it a bit more different from what is written about it
//! ([`drift`]), and how many there are follows the forecast in projects ([`capacity`]). Fixes are installed by hand or by
//! a timer ([`patching`]). Knows of its boxes what the checks say and what people saw when they looked.
//!
//! Start at [`Pets::on_signal`].

mod capacity;
mod drift;
mod fleet;
mod parameters;
mod patching;
mod rebuild;
mod release;
mod repair;
mod shared;
#[cfg(test)]
mod tests;
mod tool;

pub use parameters::{
    BackupParameters, CapacityParameters, DriftParameters, GroupParameters, PatchWay, PetsParameters,
    PetsPatchingParameters, PetsRolloutParameters, RepairPolicy, TogetherParameters,
};
pub use shared::infeasible;

use super::discovery::{Discovery, Entry};
use super::sizing::{MachineFleet, Sizing};
use super::{Platform, PracticeParameters};
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::parameter::Distribution;
use crate::world::{
    About, Activity, Api, BoxId, PlatformEvent, ServiceId, Signal, Software, Urgency, Version, VmId,
    VulnerabilityId, Work, WorkId, ZoneId,
};
use release::Rollout;
use std::collections::BTreeMap;

const DIAGNOSE: Purpose = Purpose::named("diagnose");
const LOOK: Purpose = Purpose::named("look again");

/// The pets of all services.
pub struct Pets {
    parameters: PetsParameters,
    practice: PracticeParameters,
    services: Vec<Kennel>,
    /// Services by who shares machines: each is in one group, most are alone in theirs.
    groups: Vec<shared::Group>,
    discovery: Discovery,
    /// What each piece of work is for.
    tasks: BTreeMap<WorkId, Task>,
    sizing: Sizing,
    /// Machines of which there are backups.
    backed_up: u32,
    /// What the last backup of a machine that is gone has on it.
    backups: BTreeMap<Name, Software>,
    /// What is or was due on machines, in the order in which it was planned.
    chores: BTreeMap<u32, patching::Chore>,
    /// So many were planned so far.
    planned: u32,
}

/// The pets of one service.
struct Kennel {
    service: ServiceId,
    /// At the forecast peak.
    fleet: MachineFleet,
    entry: Entry,
    pets: Vec<Pet>,
    /// How many shall serve now.
    wanted: u32,
    /// The version that every pet shall run.
    version: Version,
    rollout: Option<Rollout>,
    /// Releases that wait for the present one, newest only.
    waiting: Option<Version>,
}

/// One box, and the machine that it is in.
#[derive(Clone, Copy, Debug)]
struct Pet {
    subject: BoxId,
    /// None while one is ordered.
    vm: Option<VmId>,
    zone: ZoneId,
    role: Role,
    care: Care,
    /// The version on its disk, what a restart starts, and since when.
    installed: Version,
    installed_at: SimTime,
    /// How often its processes ended since they last came up.
    exits: u32,
    /// When the supervisor began to count its restarts, and how many there were since.
    restarts: (SimTime, u32),
    /// When it will start the processes again.
    restart_at: Option<SimTime>,
    /// It was up at some time: there is something to bring back.
    served: bool,
    /// The last backup lacks the present version.
    backup_is_old: bool,
    /// Somebody finds out what nobody wrote down about it.
    dug: bool,
    /// Differences from what is written about it, and how often somebody worked on it.
    differences: u32,
    touches: u32,
}

/// What a pet is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Serving,
    /// Runs, and waits to take the place of another.
    Standby,
    /// Will be given back when somebody has time.
    Leaving,
    Gone,
}

/// What is going on with a pet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    None,
    /// Known as down; somebody will be paged.
    Alerting,
    /// Somebody was paged or is looking.
    Looking,
    /// A new machine was asked for, boots, or is being built on.
    Building,
    /// Out of the route for a new version, with its last requests.
    Draining,
    /// A new version starts on it.
    Deploying,
    /// Out of the route for a fix, with its last requests, or restarting.
    Restarting {
        boots: bool,
    },
}

/// (service, pet).
type Name = (usize, usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Look(Name),
    Build(Name),
    Restore(Name),
    EnterRoute(Name),
    /// The second takes the place of the first.
    Switch(Name, Name),
    Deploy(Name),
    Rollback(Name),
    /// Finding out why a version does not run on this one.
    Debug(Name),
    /// Installing a fix.
    Patch(Name, VulnerabilityId),
    /// Rebooting for one.
    Reboot(Name),
    Retire(Name),
    /// Finding out why requests fail.
    LookAtErrors(usize),
    /// Starting the tool that installs a version, or takes it back.
    RunTool(usize),
}

const RESTART: u16 = 0;
const PAGE: u16 = 1;
const LOOK_AGAIN: u16 = 2;
const LAUNCH_AGAIN: u16 = 3;
const VERSION_BUILT: u16 = 4;
const DRAINED: u16 = 5;
const TICKET_DONE: u16 = 6;
const REVIEW: u16 = 7;
const EMPTY: u16 = 8;
const TOOL_DONE: u16 = 9;
const WATCHED: u16 = 10;
const CHORE: u16 = 11;
const RESTART_DRAINED: u16 = 12;

impl Pet {
    /// One that shall serve, but has no machine yet.
    fn new(subject: BoxId, zone: ZoneId, version: Version, now: SimTime) -> Pet {
        Pet {
            subject,
            vm: None,
            zone,
            role: Role::Serving,
            care: Care::Building,
            installed: version,
            installed_at: now,
            exits: 0,
            restarts: (SimTime::ZERO, 0),
            restart_at: None,
            served: false,
            backup_is_old: false,
            dug: false,
            differences: 0,
            touches: 0,
        }
    }

    /// It runs, or could run, and shall go on.
    fn is_kept(&self) -> bool {
        matches!(self.role, Role::Serving | Role::Standby)
    }

    fn install(&mut self, version: Version, now: SimTime) {
        if self.installed != version {
            (self.installed, self.installed_at) = (version, now);
        }
    }
}

impl Kennel {
    fn of_role(&self, role: Role) -> impl Iterator<Item = &Pet> {
        self.pets.iter().filter(move |p| p.role == role)
    }

    /// Those that serve or shall serve.
    fn in_use(&self) -> impl Iterator<Item = &Pet> {
        self.of_role(Role::Serving)
    }
}

impl Task {
    /// The pet that somebody has hands on.
    fn pet(self) -> Option<Name> {
        match self {
            Task::Look(name)
            | Task::Build(name)
            | Task::Restore(name)
            | Task::EnterRoute(name)
            | Task::Switch(_, name)
            | Task::Deploy(name)
            | Task::Rollback(name)
            | Task::Debug(name)
            | Task::Patch(name, _)
            | Task::Reboot(name)
            | Task::Retire(name) => Some(name),
            Task::LookAtErrors(_) | Task::RunTool(_) => None,
        }
    }
}

impl Pets {
    pub fn new(parameters: PetsParameters, practice: PracticeParameters) -> Pets {
        Pets {
            parameters,
            practice,
            services: Vec::new(),
            groups: Vec::new(),
            discovery: Discovery::default(),
            tasks: BTreeMap::new(),
            sizing: Sizing::default(),
            backed_up: 0,
            backups: BTreeMap::new(),
            chores: BTreeMap::new(),
            planned: 0,
        }
    }

    fn find(&self, subject: BoxId) -> Option<Name> {
        let of = |(s, k): (usize, &Kennel)| k.pets.iter().position(|p| p.subject == subject).map(|p| (s, p));
        self.services.iter().enumerate().find_map(of)
    }

    /// The boxes of a machine; one, unless services share it.
    fn on_vm(&self, vm: VmId) -> Vec<Name> {
        let of = |(s, k): (usize, &Kennel)| k.pets.iter().position(|p| p.vm == Some(vm)).map(|p| (s, p));
        self.services.iter().enumerate().filter_map(of).collect()
    }

    fn pet(&mut self, (s, p): Name) -> &mut Pet {
        &mut self.services[s].pets[p]
    }

    fn pet_subject(&self, (s, p): Name) -> BoxId {
        self.services[s].pets[p].subject
    }

    /// Starts or restarts the processes of a pet with what is installed. False if its machine does not answer.
    fn start_processes(&mut self, name: Name, api: &mut Api<'_>) -> bool {
        let pet = self.pet(name);
        pet.restart_at = None;
        api.start_box(pet.subject, pet.installed)
    }

    fn is_asked(&self, of: impl Fn(&Task) -> bool) -> bool {
        self.tasks.values().any(of)
    }

    fn ask(
        &mut self,
        task: Task,
        activity: Activity,
        urgency: Urgency,
        touch: SimDuration,
        cause: u64,
        api: &mut Api<'_>,
    ) {
        let about = match (task, task.pet()) {
            (Task::LookAtErrors(s) | Task::RunTool(s), _) => About::Service(self.services[s].service),
            (_, Some(name)) => About::Box(self.pet_subject(name)),
            (_, None) => unreachable!("all other tasks are about a pet"),
        };
        let work = api.ask(Work { activity, urgency, touch, cause, about });
        self.tasks.insert(work, task);
    }

    /// Touch time for this trouble, as hard on every platform.
    fn touch(&self, distribution: &Distribution, purpose: Purpose, cause: u64, api: &Api<'_>) -> SimDuration {
        distribution.sample(api.stream(purpose, &[cause]).uniform())
    }

    /// A number for this life of a pet: its service, its number, and how many machines had the name before.
    fn life_of(&self, name: Name, api: &Api<'_>) -> u64 {
        let (ordinal, life) = api.ordinal_of(self.pet_subject(name)).unwrap_or_default();
        (name.0 as u64) << 48 | u64::from(ordinal) << 24 | u64::from(life)
    }

    fn on_work_done(&mut self, work: WorkId, api: &mut Api<'_>) {
        if self.services.iter_mut().any(|kennel| kennel.entry.on_work_done(work, api)) {
            return;
        }
        let task = self.tasks.remove(&work).expect("all work is for something");
        if let Some(name) = task.pet() {
            self.leave_a_mark(name, api);
        }
        match task {
            Task::Look(name) => self.on_looked(name, api),
            Task::Build(name) => self.on_built(name, api),
            Task::Restore(name) => self.on_restored(name, api),
            Task::EnterRoute(name) => self.enter_route(name, api),
            Task::Switch(lost, standby) => self.on_switched(lost, standby, api),
            Task::Deploy(name) | Task::Rollback(name) => self.on_installed(name, api),
            Task::Debug(name) => self.on_debugged(name, api),
            Task::Patch(name, fix) => self.on_patched(name, fix, api),
            Task::Reboot(name) => self.on_reboot_in_hand(name, api),
            Task::Retire(name) => self.retire(name, api),
            Task::LookAtErrors(service) => self.on_errors_understood(service, api),
            Task::RunTool(s) => self.on_tool_started(s, api),
        }
    }
}

impl Platform for Pets {
    fn start(&mut self, api: &mut Api<'_>) {
        self.start_fleet(api);
    }

    fn on_signal(&mut self, signal: Signal, api: &mut Api<'_>) {
        if self.discovery.on_signal(signal, api) {
            return;
        }
        match signal {
            Signal::LaunchFailed { vm } => self.on_launch_failed(vm, api),
            Signal::VmUp { vm } => self.on_vm_up(vm, api),
            Signal::BoxPrepared { subject } => {
                if let Some(name) = self.find(subject) {
                    self.start_processes(name, api);
                }
            }
            Signal::BoxUp { subject } => self.on_box_up(subject, api),
            Signal::ProcessExited { subject } => self.on_process_exited(subject, api),
            Signal::Health { subject, healthy } => self.on_health(subject, healthy, api),
            Signal::ErrorAlert { service, firing } => self.on_error_alert(service, firing, api),
            Signal::WorkDone { work } => self.on_work_done(work, api),
            Signal::Complaint { service } => self.on_complaint(service, api),
            Signal::Release { service, version } => self.on_release(service, version, api),
            Signal::Configuration { service, number } => self.on_configuration(service, number, api),
            Signal::Advisory { vulnerability } => self.on_advisory(vulnerability, api),
            // Pets are not bought as spot: nobody would give them names.
            Signal::SpotNotice { .. } | Signal::SpotReclaimed { .. } => {}
            Signal::Heartbeat { vm, alive } => self.on_heartbeat(vm, alive, api),
            Signal::BoxStopped { .. }
            | Signal::Directory { .. }
            | Signal::WorkBegan { .. }
            | Signal::Probe { .. }
            | Signal::MemoryLow { .. } => {}
        }
    }

    fn on_event(&mut self, event: PlatformEvent, api: &mut Api<'_>) {
        let kennels = &mut self.services;
        if self.discovery.on_event(event, |service| &mut kennels[service.0 as usize].entry, api) {
            return;
        }
        match event.kind {
            RESTART => {
                let subject: BoxId = event.subject();
                // Nothing if somebody else has started it meanwhile.
                let is_due = |&name: &Name| self.services[name.0].pets[name.1].restart_at == Some(api.now());
                if let Some(name) = self.find(subject).filter(is_due) {
                    self.start_processes(name, api);
                }
            }
            PAGE => self.page(event.subject(), api),
            LOOK_AGAIN => self.look_again(event.subject(), api),
            LAUNCH_AGAIN | TICKET_DONE => self.rent((event.a as usize, event.b as usize), api),
            REVIEW => self.review_capacity(api),
            EMPTY => {
                if let Some(name) = self.find(event.subject()) {
                    self.give_back(name, api);
                }
            }
            VERSION_BUILT => self.begin_rollout(event.a as usize, Version(event.b), api),
            DRAINED => self.on_drained(event.subject(), api),
            TOOL_DONE => self.on_tool_done(event.a as usize, event.b, api),
            CHORE => self.on_chore(event.a, api),
            RESTART_DRAINED => self.on_restart_drained(event.subject(), api),
            WATCHED => self.on_canary_watched(event.a as usize, event.b, api),
            other => unreachable!("pets have no event {other}"),
        }
    }

    fn describe_event(&self, event: PlatformEvent) -> Option<(About, String)> {
        if let Some(of_discovery) = Discovery::describe_event(event) {
            return Some(of_discovery);
        }
        let (about, what) = match event.kind {
            RESTART => (About::Box(event.subject()), "supervisor restarts the process".into()),
            PAGE => (About::Box(event.subject()), "the alert becomes a page, if it still fires".into()),
            LOOK_AGAIN => {
                (About::Box(event.subject()), "somebody looks at it again, if it is not back".into())
            }
            LAUNCH_AGAIN => {
                (About::Service(ServiceId(event.a as u16)), "a machine is asked for again".into())
            }
            DRAINED | EMPTY | RESTART_DRAINED => {
                (About::Box(event.subject()), "its time to drain is over".into())
            }
            TICKET_DONE => {
                (About::Service(ServiceId(event.a as u16)), "the ticket for a machine is through".into())
            }
            TOOL_DONE => {
                (About::Service(ServiceId(event.a as u16)), "the tool has changed a wave of boxes".into())
            }
            // What comes of a chore is told when it comes.
            WATCHED | CHORE => return None,
            REVIEW => (About::Nothing, "somebody compares the machines with the forecast".into()),
            _ => (About::Service(ServiceId(event.a as u16)), format!("release {} is built", event.b)),
        };
        Some((about, what))
    }

    fn sizing(&self) -> Sizing {
        self.sizing.clone()
    }
}
