//! A new machine for a pet: ordered or rented at once, built by hand or brought back from a backup, and entered into
//! the list that callers use; or another that takes its place.
//!
//! Knows what people see of the old machine, and what version they think belongs on the new one. Start at
//! `Pets::replace_machine`.

use super::{Care, Name, Pets, RepairPolicy, Role, Task};
use crate::engine::{Purpose, SimDuration};
use crate::world::{Activity, Api, BoxId, PlatformEvent, Purchase, Urgency, VmId};

const BUILD: Purpose = Purpose::named("pet build");
const ARCHAEOLOGY: Purpose = Purpose::named("pet archaeology");
const RESTORE: Purpose = Purpose::named("pet restore");
const BACKUP_AGE: Purpose = Purpose::named("pet backup age");
const EDIT: Purpose = Purpose::named("edit route");

impl Pets {
    /// A new machine for a pet whose own is lost or not worth mending; the box gets its old name. One that is missed
    /// is rented at once, the others wait for their ticket.
    pub(super) fn replace_machine(&mut self, name: Name, api: &mut Api<'_>) {
        let at_once = !self.has_enough(name.0) || self.parameters.repair == RepairPolicy::RestoreBackup;
        let (life, now) = (self.life_of(name, api), api.now());
        // A backup has the version of its time.
        let age = self.parameters.backup.every.mul_f64(api.stream(BACKUP_AGE, &[life]).uniform());
        let kennel = &mut self.services[name.0];
        let (service, version, pet) = (kennel.service, kennel.version, &mut kennel.pets[name.1]);
        pet.backup_is_old = pet.installed_at > now - age || pet.installed != version;
        kennel.entry.deregister(pet.subject, api);
        if let Some(vm) = pet.vm.take() {
            api.terminate_vm(vm);
        }
        (pet.care, pet.exits) = (Care::Building, 0);
        pet.install(version, now);
        pet.subject = api.create_box(service, version);
        if at_once { self.rent(name, api) } else { self.wait_for_ticket(name, api) }
    }

    /// Rents a machine for a pet that has none.
    pub(super) fn rent(&mut self, name: Name, api: &mut Api<'_>) {
        let kennel = &mut self.services[name.0];
        let pet = &mut kennel.pets[name.1];
        if api.ordinal_of(pet.subject).is_none() {
            // Its box went with a machine that never came.
            pet.subject = api.create_box(kennel.service, kennel.version);
        }
        let vm = api.launch_vm(kennel.fleet.instance, pet.zone, Purchase::OnDemand);
        pet.vm = Some(vm);
        api.place_box(pet.subject, vm);
    }

    /// As many healthy boxes as there have to be without the spare.
    fn has_enough(&self, s: usize) -> bool {
        let kennel = &self.services[s];
        kennel.entry.healthy() + self.practice.spare_boxes >= kennel.wanted
    }

    pub(super) fn on_launch_failed(&mut self, vm: VmId, api: &mut Api<'_>) {
        if let Some((s, p)) = self.find_vm(vm) {
            self.services[s].pets[p].vm = None;
            api.after(self.parameters.retry, PlatformEvent::with(super::LAUNCH_AGAIN, s as u32, p as u32));
        }
    }

    pub(super) fn on_vm_up(&mut self, vm: VmId, api: &mut Api<'_>) {
        let Some(name) = self.find_vm(vm) else { return };
        let super::Pet { subject, care, installed, .. } = *self.pet(name);
        if care != Care::Building {
            api.start_box(subject, installed);
            return;
        }
        if self.is_asked(|task| matches!(task, Task::Build(n) | Task::Restore(n) if *n == name)) {
            return; // it went down while somebody was working on it, who goes on now
        }
        let cause = self.life_of(name, api);
        if self.parameters.repair == RepairPolicy::RestoreBackup && self.pet(name).served {
            let mut touch = self.touch(&self.parameters.backup.touch, RESTORE, cause, api);
            if self.pet(name).backup_is_old {
                touch += self.touch(&self.parameters.deploy, RESTORE, cause, api);
            }
            return self.ask(Task::Restore(name), Activity::Restore, Urgency::AtOnce, touch, cause, api);
        }
        let urgency = if self.has_enough(name.0) { Urgency::OfficeHours } else { Urgency::AtOnce };
        let touch = self.touch(&self.parameters.build, BUILD, cause, api);
        self.ask(Task::Build(name), Activity::Build, urgency, touch, cause, api);
    }

    /// Built as it is written. What nobody wrote down about the old one is found out by trying, the same day or the
    /// next.
    pub(super) fn on_built(&mut self, name: Name, api: &mut Api<'_>) {
        let life = self.life_of(name, api);
        if self.pet(name).served && !self.pet(name).dug && self.misses_what_the_old_one_had(name, life, api) {
            self.pet(name).dug = true;
            api.declare_found(
                self.pet_subject(name),
                "built as written, but something that nobody wrote down is missing",
            );
            let touch = self.touch(&self.parameters.archaeology, ARCHAEOLOGY, life, api);
            let urgency = if self.has_enough(name.0) { Urgency::OfficeHours } else { Urgency::AtOnce };
            return self.ask(Task::Build(name), Activity::Build, urgency, touch, life, api);
        }
        let (version, now) = (self.services[name.0].version, api.now());
        self.pet(name).dug = false;
        self.pet(name).install(version, now);
        // The hands-on time was the preparation.
        self.prepare(name, SimDuration::ZERO, api);
    }

    /// The backup is being read back.
    pub(super) fn on_restored(&mut self, name: Name, api: &mut Api<'_>) {
        let bytes = api.cloud().root_disk.as_bytes() as f64;
        let span = SimDuration::from_secs_f64(bytes / self.parameters.backup.throughput.as_bytes() as f64);
        self.prepare(name, span, api);
    }

    /// A machine that failed meanwhile is looked at again.
    fn prepare(&mut self, name: Name, span: SimDuration, api: &mut Api<'_>) {
        let subject = self.pet(name).subject;
        if !api.prepare_box(subject, span) {
            self.pet(name).care = Care::Looking;
            api.after(self.parameters.retry, PlatformEvent::about(super::LOOK_AGAIN, subject));
        }
    }

    pub(super) fn on_box_up(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(name) = self.find(subject) else { return };
        let pet = self.pet(name);
        (pet.exits, pet.served) = (0, true);
        match (pet.care, pet.role) {
            (Care::Draining, _) => {}
            (_, Role::Standby) => {
                pet.care = Care::None;
                self.next_pet(name.0, api);
            }
            (Care::Building, _) => {
                if !self.is_asked(|task| *task == Task::EnterRoute(name)) {
                    let cause = self.life_of(name, api);
                    let touch = self.touch(&self.parameters.edit_route, EDIT, cause, api);
                    let task = Task::EnterRoute(name);
                    self.ask(task, Activity::EditRoute, Urgency::AtOnce, touch, cause, api);
                }
            }
            (Care::Deploying, _) => self.enter_route(name, api),
            (Care::None | Care::Alerting | Care::Looking, _) => self.enter_route_again(name, api),
        }
    }

    /// A release took it out, and something else brought it back.
    fn enter_route_again(&mut self, name: Name, api: &mut Api<'_>) {
        let pet = *self.pet(name);
        if pet.role == Role::Serving && !self.services[name.0].entry.is_registered(pet.subject) {
            self.enter_route(name, api);
        }
    }

    pub(super) fn enter_route(&mut self, name: Name, api: &mut Api<'_>) {
        let subject = self.pet(name).subject;
        let kennel = &mut self.services[name.0];
        kennel.entry.register(subject, api);
        if self.parameters.entry == super::Entry::AddressList {
            api.route(subject);
        }
        let there = kennel.in_use().filter(|p| kennel.entry.is_registered(p.subject)).count() as u32;
        if there > kennel.wanted {
            kennel.wanted = there;
            api.declare_desired(kennel.service, there);
            self.count_upkeep(api);
        }
    }
}

/// The standby.
impl Pets {
    /// Asks somebody to let the standby of the service take the place of a pet; false if none is ready.
    pub(super) fn fail_over(&mut self, name: Name, api: &mut Api<'_>) -> bool {
        let kennel = &self.services[name.0];
        let ready = |p: &super::Pet| p.role == Role::Standby && p.care == Care::None;
        let Some(standby) = kennel.pets.iter().position(ready) else { return false };
        if self.is_asked(
            |task| matches!(task, Task::Switch(_, other) if other.1 == standby && other.0 == name.0),
        ) {
            return false;
        }
        let cause = self.life_of(name, api);
        let touch = self.touch(&self.parameters.edit_route, EDIT, cause, api);
        let task = Task::Switch(name, (name.0, standby));
        self.ask(task, Activity::EditRoute, Urgency::AtOnce, touch, cause, api);
        true
    }

    /// The addresses are changed: they swap roles, and the lost one is built anew for the next time.
    pub(super) fn on_switched(&mut self, lost: Name, standby: Name, api: &mut Api<'_>) {
        if self.pet(lost).care != Care::Looking || self.pet(standby).care != Care::None {
            return self.look_again(self.pet_subject(lost), api);
        }
        (self.pet(lost).role, self.pet(standby).role) = (Role::Standby, Role::Serving);
        self.enter_route(standby, api);
        self.replace_machine(lost, api);
    }
}
