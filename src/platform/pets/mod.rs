//! Pets: machines that people built and know by name, one box each, sized for the peak.
//!
//! Nothing is replaced by itself. A supervisor restarts dead processes; everything else waits for a person, who
//! looks, reboots, restarts or builds anew. Releases go box by box ([`release`]). Knows of its boxes what the
//! checks say and what people saw when they looked.
//!
//! *Deviation:* who knows which pet, drift, several services in one box and capacity projects are not modelled.
//!
//! Start at [`Pets::on_signal`].

mod parameters;
mod release;

pub use parameters::{Entry, PetsParameters};

use super::load_balancer::LoadBalancer;
use super::sizing::{MachineFleet, Sizing, fleet_of_machines};
use super::{Platform, PracticeParameters};
use crate::engine::{Purpose, SimDuration};
use crate::parameter::Distribution;
use crate::world::{
    About, Activity, Api, BoxId, PlatformEvent, Purchase, ServiceId, Signal, Urgency, Version, VmId,
    VmStatus, Work, WorkId, ZoneId,
};
use release::Rollout;
use std::collections::BTreeMap;

const DIAGNOSE: Purpose = Purpose::named("diagnose");
const BUILD: Purpose = Purpose::named("pet build");
const LOOK: Purpose = Purpose::named("look again");
const EDIT: Purpose = Purpose::named("edit route");

/// The pets of all services.
pub struct Pets {
    parameters: PetsParameters,
    practice: PracticeParameters,
    services: Vec<Kennel>,
    /// What each piece of work is for.
    tasks: BTreeMap<WorkId, Task>,
    sizing: Sizing,
}

/// The pets of one service.
struct Kennel {
    service: ServiceId,
    fleet: MachineFleet,
    entry: LoadBalancer,
    pets: Vec<Pet>,
    /// The version that every pet shall run.
    version: Version,
    rollout: Option<Rollout>,
    /// Releases that wait for the present one, newest only.
    waiting: Option<Version>,
}

/// One machine with its box.
#[derive(Clone, Copy, Debug)]
struct Pet {
    subject: BoxId,
    vm: VmId,
    zone: ZoneId,
    care: Care,
    /// The version on its disk: what a restart starts.
    installed: Version,
    /// How often its processes ended since they last came up.
    exits: u32,
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
}

/// (service, pet).
type Name = (usize, usize);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Look(Name),
    Build(Name),
    EnterRoute(Name),
    Deploy(Name),
    Rollback(Name),
    /// Finding out why requests fail.
    LookAtErrors(usize),
}

const RESTART: u16 = 0;
const PAGE: u16 = 1;
const LOOK_AGAIN: u16 = 2;
const LAUNCH_AGAIN: u16 = 3;
const VERSION_BUILT: u16 = 4;
const DRAINED: u16 = 5;

impl Pets {
    pub fn new(parameters: PetsParameters, practice: PracticeParameters) -> Pets {
        Pets { parameters, practice, services: Vec::new(), tasks: BTreeMap::new(), sizing: Sizing::default() }
    }

    fn start_service(&mut self, service: ServiceId, api: &mut Api<'_>) {
        let balancing = self.parameters.load_balancer.balancing;
        let wishes = (&self.parameters.size, self.parameters.upkeep_per_box);
        let fleet = fleet_of_machines(api, &self.practice, service, balancing, wishes)
            .expect("the scenario was checked for services that fit no machine");
        let mut entry = LoadBalancer::new(self.parameters.load_balancer.clone(), service, api);
        entry.steers = self.parameters.entry == Entry::LoadBalancer;
        let zones: Vec<ZoneId> = api.zones().collect();
        let mut pets = Vec::new();
        for i in 0..fleet.boxes as usize {
            let zone = zones[i % zones.len()];
            let vm = api.adopt_vm(fleet.instance, zone, Purchase::OnDemand);
            let subject = api.adopt_box(service, vm);
            entry.adopt(subject, api);
            pets.push(Pet { subject, vm, zone, care: Care::None, installed: Version(0), exits: 0 });
        }
        api.declare_desired(service, fleet.boxes);
        api.alert_on_errors(service, self.practice.error_alert());
        let size = fleet.size(api, &self.practice, service, balancing);
        let (name, machine, purpose) = (&size.service, &size.machine, size.purpose());
        self.sizing.lines.push(format!("{name}: {} × {machine}, one box each, {purpose}", fleet.boxes));
        self.sizing.services.push(size);
        let version = Version(0);
        self.services.push(Kennel { service, fleet, entry, pets, version, rollout: None, waiting: None });
    }

    fn find(&self, subject: BoxId) -> Option<Name> {
        self.services
            .iter()
            .enumerate()
            .find_map(|(s, k)| k.pets.iter().position(|p| p.subject == subject).map(|p| (s, p)))
    }

    fn find_vm(&self, vm: VmId) -> Option<Name> {
        let of = |(s, k): (usize, &Kennel)| k.pets.iter().position(|p| p.vm == vm).map(|p| (s, p));
        self.services.iter().enumerate().find_map(of)
    }

    fn pet(&mut self, (s, p): Name) -> &mut Pet {
        &mut self.services[s].pets[p]
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
        let about = match task {
            Task::LookAtErrors(s) => About::Service(self.services[s].service),
            Task::Look(name)
            | Task::Build(name)
            | Task::EnterRoute(name)
            | Task::Deploy(name)
            | Task::Rollback(name) => About::Box(self.pet(name).subject),
        };
        let work = api.ask(Work { activity, urgency, touch, cause, about });
        self.tasks.insert(work, task);
    }

    /// Touch time for this trouble, as hard on every platform.
    fn touch(&self, distribution: &Distribution, purpose: Purpose, cause: u64, api: &Api<'_>) -> SimDuration {
        distribution.sample(api.stream(purpose, &[cause]).uniform())
    }
}

/// Trouble, from the check that fails to the pet that is back.
impl Pets {
    fn on_process_exited(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(name) = self.find(subject) else { return };
        let pet = self.pet(name);
        pet.exits += 1;
        let care = pet.care;
        match care {
            Care::Deploying => self.on_deployed_box_fails(name, api),
            Care::Building => {
                self.take_back_what_does_not_start(name, api);
                api.after(self.parameters.restart_delay, PlatformEvent::about(RESTART, subject));
            }
            _ if self.parameters.supervised => {
                api.declare_known_down(subject);
                api.after(self.parameters.restart_delay, PlatformEvent::about(RESTART, subject));
            }
            _ => {}
        }
    }

    /// Whoever is at the box sees that its processes end again and again: that is the version. It goes, here and
    /// everywhere.
    fn take_back_what_does_not_start(&mut self, name: Name, api: &mut Api<'_>) {
        if self.pet(name).exits >= 2 {
            self.roll_back(name.0, api);
            self.pet(name).installed = self.services[name.0].version;
        }
    }

    fn on_health(&mut self, subject: BoxId, healthy: bool, api: &mut Api<'_>) {
        let Some(name) = self.find(subject) else { return };
        self.services[name.0].entry.on_health(subject, healthy, api);
        match (self.pet(name).care, healthy) {
            // Whoever works on the box needs no alert.
            (Care::None, false) if self.has_hands_on_it(name) => {}
            (Care::None, false) => {
                self.pet(name).care = Care::Alerting;
                api.after(self.parameters.page_after, PlatformEvent::about(PAGE, subject));
            }
            (Care::Alerting | Care::Looking | Care::Building | Care::Deploying, true) => {
                self.pet(name).care = Care::None;
                self.next_pet(name.0, api);
            }
            _ => {}
        }
    }

    fn has_hands_on_it(&self, name: Name) -> bool {
        let on_it = |task: &Task| matches!(task, Task::Deploy(n) | Task::Rollback(n) if *n == name);
        self.tasks.values().any(on_it)
    }

    fn page(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(name) = self.find(subject) else { return };
        if self.pet(name).care != Care::Alerting {
            return;
        }
        self.pet(name).care = Care::Looking;
        let cause = api.ticket_of(subject);
        let touch = self.touch(&self.practice.diagnose, DIAGNOSE, cause, api);
        self.ask(Task::Look(name), Activity::Repair, Urgency::Page, touch, cause, api);
    }

    /// A person knows now what is wrong with a pet, and does what helps.
    fn on_looked(&mut self, name: Name, api: &mut Api<'_>) {
        let Pet { subject, vm, care, .. } = *self.pet(name);
        if care != Care::Looking {
            return; // it came back meanwhile
        }
        if self.services[name.0].entry.is_healthy(subject) {
            self.pet(name).care = Care::None;
            return self.next_pet(name.0, api);
        }
        match api.vm_status(vm) {
            VmStatus::Running => {
                self.take_back_what_does_not_start(name, api);
                let installed = self.pet(name).installed;
                api.start_box(subject, installed);
            }
            VmStatus::Impaired | VmStatus::Pending => {
                api.reboot_vm(vm);
            }
            VmStatus::HostFailed | VmStatus::Gone => return self.replace_machine(name, api),
        }
        api.after(self.parameters.retry, PlatformEvent::about(LOOK_AGAIN, subject));
    }

    /// Somebody looks once more at a pet that is not back.
    fn look_again(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(name) = self.find(subject) else { return };
        let Pet { care, vm, .. } = *self.pet(name);
        if care == Care::Deploying && api.vm_status(vm) != VmStatus::Running {
            self.pet(name).care = Care::Looking;
        } else if care != Care::Looking {
            return;
        }
        if !self.tasks.values().any(|task| *task == Task::Look(name)) {
            let cause = api.now().as_micros();
            let touch = self.touch(&self.parameters.look_again, LOOK, cause, api);
            self.ask(Task::Look(name), Activity::Repair, Urgency::AtOnce, touch, cause, api);
        }
    }

    /// Rents a new machine for a pet whose host is broken; the box gets its old name.
    fn replace_machine(&mut self, name: Name, api: &mut Api<'_>) {
        let Pet { subject, vm, zone, .. } = *self.pet(name);
        let kennel = &mut self.services[name.0];
        kennel.entry.deregister(subject, api);
        api.terminate_vm(vm);
        let (service, version, instance) = (kennel.service, kennel.version, kennel.fleet.instance);
        let subject = api.create_box(service, version);
        let vm = api.launch_vm(instance, zone, Purchase::OnDemand);
        api.place_box(subject, vm);
        *self.pet(name) = Pet { subject, vm, zone, care: Care::Building, installed: version, exits: 0 };
    }

    fn on_launch_failed(&mut self, vm: VmId, api: &mut Api<'_>) {
        if let Some((s, p)) = self.find_vm(vm) {
            api.after(self.parameters.retry, PlatformEvent::with(LAUNCH_AGAIN, s as u32, p as u32));
        }
    }

    fn on_vm_up(&mut self, vm: VmId, api: &mut Api<'_>) {
        let Some(name) = self.find_vm(vm) else { return };
        let Pet { subject, care, installed, .. } = *self.pet(name);
        if care != Care::Building {
            api.start_box(subject, installed);
            return;
        }
        if self.tasks.values().any(|task| *task == Task::Build(name)) {
            return; // it went down while somebody was building on it, who goes on now
        }
        let kennel = &self.services[name.0];
        let enough = kennel.entry.healthy() + self.practice.spare_boxes >= kennel.fleet.boxes;
        let urgency = if enough { Urgency::OfficeHours } else { Urgency::AtOnce };
        let cause = self.life_of(name, api);
        let touch = self.touch(&self.parameters.build, BUILD, cause, api);
        self.ask(Task::Build(name), Activity::Build, urgency, touch, cause, api);
    }

    fn on_built(&mut self, name: Name, api: &mut Api<'_>) {
        let subject = self.pet(name).subject;
        self.pet(name).installed = self.services[name.0].version;
        // The hands-on time was the preparation. A machine that failed meanwhile is looked at again.
        if !api.prepare_box(subject, SimDuration::ZERO) {
            self.pet(name).care = Care::Looking;
            api.after(self.parameters.retry, PlatformEvent::about(LOOK_AGAIN, subject));
        }
    }

    fn on_box_up(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(name) = self.find(subject) else { return };
        self.pet(name).exits = 0;
        match self.pet(name).care {
            Care::Building => {
                if self.tasks.values().any(|task| *task == Task::EnterRoute(name)) {
                    return;
                }
                let cause = self.life_of(name, api);
                let touch = self.touch(&self.parameters.edit_route, EDIT, cause, api);
                self.ask(Task::EnterRoute(name), Activity::EditRoute, Urgency::AtOnce, touch, cause, api);
            }
            Care::Deploying => self.enter_route(name, api),
            Care::None | Care::Alerting | Care::Looking => self.enter_route_again(name, api),
            Care::Draining => {}
        }
    }

    /// A release took it out, and something else brought it back.
    fn enter_route_again(&mut self, name: Name, api: &mut Api<'_>) {
        let subject = self.pet(name).subject;
        if !self.services[name.0].entry.is_registered(subject) {
            self.enter_route(name, api);
        }
    }

    fn enter_route(&mut self, name: Name, api: &mut Api<'_>) {
        let subject = self.pet(name).subject;
        self.services[name.0].entry.register(subject, api);
        if self.parameters.entry == Entry::AddressList {
            api.route(subject);
        }
    }

    /// A number for this life of a pet: its service, its number, and how many machines had the name before.
    fn life_of(&mut self, name: Name, api: &Api<'_>) -> u64 {
        let (ordinal, life) = api.ordinal_of(self.pet(name).subject).unwrap_or_default();
        (name.0 as u64) << 48 | u64::from(ordinal) << 24 | u64::from(life)
    }
}

impl Platform for Pets {
    fn start(&mut self, api: &mut Api<'_>) {
        for service in api.services() {
            self.start_service(service, api);
        }
        let boxes: usize = self.services.iter().map(|k| k.pets.len()).sum();
        api.set_upkeep(self.parameters.upkeep_per_box * boxes as f64 + self.parameters.load_balancer.upkeep);
        if self.parameters.entry == Entry::LoadBalancer {
            self.parameters.load_balancer.rent(api);
        }
    }

    fn on_signal(&mut self, signal: Signal, api: &mut Api<'_>) {
        match signal {
            Signal::LaunchFailed { vm } => self.on_launch_failed(vm, api),
            Signal::VmUp { vm } => self.on_vm_up(vm, api),
            Signal::BoxPrepared { subject } => {
                if let Some(name) = self.find(subject) {
                    let installed = self.pet(name).installed;
                    api.start_box(subject, installed);
                }
            }
            Signal::BoxUp { subject } => self.on_box_up(subject, api),
            Signal::ProcessExited { subject } => self.on_process_exited(subject, api),
            Signal::Health { subject, healthy } => self.on_health(subject, healthy, api),
            Signal::ErrorAlert { service, firing } => self.on_error_alert(service, firing, api),
            Signal::WorkDone { work } => match self.tasks.remove(&work).expect("all work is for something") {
                Task::Look(name) => self.on_looked(name, api),
                Task::Build(name) => self.on_built(name, api),
                Task::EnterRoute(name) => self.enter_route(name, api),
                Task::Deploy(name) => self.on_installed(name, api),
                Task::Rollback(name) => self.on_installed(name, api),
                Task::LookAtErrors(service) => self.on_errors_understood(service, api),
            },
            Signal::Release { service, version } => self.on_release(service, version, api),
            // Pets are not bought as spot: nobody would give them names.
            Signal::SpotNotice { .. } | Signal::SpotReclaimed { .. } => {}
            Signal::BoxStopped { .. } | Signal::Heartbeat { .. } => {}
        }
    }

    fn on_event(&mut self, event: PlatformEvent, api: &mut Api<'_>) {
        match event.kind {
            RESTART => {
                let subject: BoxId = event.subject();
                if let Some(name) = self.find(subject) {
                    let installed = self.pet(name).installed;
                    api.start_box(subject, installed);
                }
            }
            PAGE => self.page(event.subject(), api),
            LOOK_AGAIN => self.look_again(event.subject(), api),
            LAUNCH_AGAIN => self.replace_machine((event.a as usize, event.b as usize), api),
            VERSION_BUILT => self.begin_rollout(event.a as usize, Version(event.b), api),
            DRAINED => self.on_drained(event.subject(), api),
            other => unreachable!("pets have no event {other}"),
        }
    }

    fn describe_event(&self, event: PlatformEvent) -> Option<(About, String)> {
        let (about, what) = match event.kind {
            RESTART => (About::Box(event.subject()), "supervisor restarts the process".into()),
            PAGE => (About::Box(event.subject()), "the alert becomes a page, if it still fires".into()),
            LOOK_AGAIN => (About::Box(event.subject()), "somebody looks at it again".into()),
            LAUNCH_AGAIN => {
                (About::Service(ServiceId(event.a as u16)), "a machine is asked for again".into())
            }
            DRAINED => (About::Box(event.subject()), "its last requests are done".into()),
            _ => (About::Service(ServiceId(event.a as u16)), format!("release {} is built", event.b)),
        };
        Some((about, what))
    }

    fn sizing(&self) -> Sizing {
        self.sizing.clone()
    }
}
