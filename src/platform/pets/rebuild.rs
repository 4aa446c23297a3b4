//! A new machine for a pet: ordered or rented at once, built by hand or brought back from a backup, and entered into
//! the list that callers use; or another that takes its place.
//!
//! Knows what people see of the old machine, and what version they think belongs on the new one. Start at
//! `Pets::replace_machine`.

use super::{Care, Name, Pets, RepairPolicy, Role, Task};
use crate::engine::{Purpose, SimDuration};
use crate::world::{Activity, Api, BoxId, PlatformEvent, Purchase, Software, Urgency, VmId};

const BUILD: Purpose = Purpose::named("pet build");
const ARCHAEOLOGY: Purpose = Purpose::named("pet archaeology");
const RESTORE: Purpose = Purpose::named("pet restore");
const BACKUP_AGE: Purpose = Purpose::named("pet backup age");
const EDIT: Purpose = Purpose::named("edit route");

impl Pets {
    /// A new machine for a pet whose own is lost or not worth mending; the box gets its old name. One that is missed
    /// is rented at once, the others wait for their ticket.
    pub(super) fn replace_machine(&mut self, name: Name, api: &mut Api<'_>) {
        let name = self.speaker(name);
        let at_once = self.is_missed(name) || self.parameters.repair == RepairPolicy::RestoreBackup;
        let (life, now) = (self.life_of(name, api), api.now());
        // A backup has the version of its time.
        let age = self.parameters.backup.every.mul_f64(api.stream(BACKUP_AGE, &[life]).uniform());
        self.keep_software(name, api);
        let mut lost = None;
        for (s, p) in self.mates(name) {
            let kennel = &mut self.services[s];
            let (version, pet) = (kennel.version, &mut kennel.pets[p]);
            pet.backup_is_old = pet.installed_at > now - age || pet.installed != version;
            kennel.entry.deregister(pet.subject, api);
            lost = lost.or(pet.vm.take());
        }
        if let Some(vm) = lost {
            api.terminate_vm(vm);
        }
        for (s, p) in self.mates(name) {
            let kennel = &mut self.services[s];
            let (service, version, pet) = (kennel.service, kennel.version, &mut kennel.pets[p]);
            (pet.care, pet.exits) = (Care::Building, 0);
            pet.install(version, now);
            pet.subject = api.create_box(service, version);
        }
        if at_once { self.rent(name, api) } else { self.wait_for_ticket(name, api) }
    }

    /// Rents the machine that is missing.
    pub(super) fn rent(&mut self, name: Name, api: &mut Api<'_>) {
        let (instance, zone) = (self.services[name.0].fleet.instance, self.pet(name).zone);
        let mates = self.mates(name);
        for &(s, p) in &mates {
            let kennel = &mut self.services[s];
            if api.ordinal_of(kennel.pets[p].subject).is_none() {
                // Its box went with a machine that never came.
                kennel.pets[p].subject = api.create_box(kennel.service, kennel.version);
            }
        }
        let vm = api.launch_vm(instance, zone, Purchase::OnDemand);
        for mate in mates {
            let pet = self.pet(mate);
            pet.vm = Some(vm);
            api.place_box(pet.subject, vm);
        }
    }

    /// As many healthy boxes as there have to be without the spare.
    pub(super) fn has_enough(&self, s: usize) -> bool {
        let kennel = &self.services[s];
        kennel.entry.healthy() + self.practice.spare_boxes >= kennel.wanted
    }

    pub(super) fn on_launch_failed(&mut self, vm: VmId, api: &mut Api<'_>) {
        let boxes = self.on_vm(vm);
        for &name in &boxes {
            self.pet(name).vm = None;
        }
        if let Some(&(s, p)) = boxes.first() {
            api.after(self.parameters.retry, PlatformEvent::with(super::LAUNCH_AGAIN, s as u32, p as u32));
        }
    }

    pub(super) fn on_vm_up(&mut self, vm: VmId, api: &mut Api<'_>) {
        let mut bare = Vec::new();
        for name in self.on_vm(vm) {
            if self.pet(name).care == Care::Building {
                bare.push(name);
            } else {
                self.start_processes(name, api);
            }
        }
        // Where it went down while somebody was working on it, they go on now.
        let is_restored = self.is_asked(|task| matches!(task, Task::Restore(name) if bare.contains(name)));
        bare.retain(|&name| {
            let builds = self.is_asked(|task| *task == Task::Build(name));
            !(builds || is_restored && self.comes_from_backup(name))
        });
        let (backed_up, new): (Vec<Name>, Vec<Name>) =
            bare.into_iter().partition(|&name| self.comes_from_backup(name));
        self.ask_to_restore(&backed_up, api);
        for (before, &name) in new.iter().enumerate() {
            self.ask_to_build(name, before > 0 || !backed_up.is_empty(), api);
        }
    }

    fn comes_from_backup(&self, (s, p): Name) -> bool {
        self.parameters.repair == RepairPolicy::RestoreBackup && self.services[s].pets[p].served
    }

    /// Somebody brings the backup of a machine back, and the boxes up to date of which it has an old version.
    fn ask_to_restore(&mut self, boxes: &[Name], api: &mut Api<'_>) {
        let Some(&name) = boxes.first() else { return };
        let cause = self.life_of(name, api);
        let mut touch = self.touch(&self.parameters.backup.touch, RESTORE, cause, api);
        for &each in boxes.iter().filter(|&&(s, p)| self.services[s].pets[p].backup_is_old) {
            let what = "the backup has an older version; the present one is deployed on it";
            api.declare_found(self.pet_subject(each), what);
            touch += self.touch(&self.parameters.deploy, RESTORE, self.life_of(each, api), api);
        }
        self.ask(Task::Restore(name), Activity::Restore, Urgency::AtOnce, touch, cause, api);
    }

    /// Somebody builds a box by hand; in a machine that has others already, only what is its own.
    fn ask_to_build(&mut self, name: Name, is_further: bool, api: &mut Api<'_>) {
        let cause = self.life_of(name, api);
        let urgency = if self.is_missed(name) { Urgency::AtOnce } else { Urgency::OfficeHours };
        let share = if is_further { self.parameters.together.each_more.as_f64() } else { 1.0 };
        let touch = self.touch(&self.parameters.build, BUILD, cause, api).mul_f64(share);
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
        // With all fixes of the day, unless another service of the machine is there already.
        let others = self.mates(name).into_iter().filter(|&mate| mate != name);
        let is_first = others.into_iter().all(|(s, p)| self.services[s].pets[p].care == Care::Building);
        if let Some(vm) = self.pet(name).vm.filter(|_| is_first) {
            api.set_software(vm, Software::as_of(now));
        }
        self.pet(name).install(version, now);
        // The hands-on time was the preparation.
        self.prepare(name, SimDuration::ZERO, api);
    }

    /// The backup is being read back, with all that was on the machine.
    pub(super) fn on_restored(&mut self, name: Name, api: &mut Api<'_>) {
        let bytes = api.cloud().root_disk.as_bytes() as f64;
        let span = SimDuration::from_secs_f64(bytes / self.parameters.backup.throughput.as_bytes() as f64);
        self.bring_software_back(name, api);
        for mate in self.mates(name) {
            if mate == name || self.pet(mate).care == Care::Building && self.comes_from_backup(mate) {
                self.prepare(mate, span, api);
            }
        }
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
            (Care::Building, _) if !self.services[name.0].entry.is_entered_by_hand() => {
                self.enter_route(name, api);
            }
            (Care::Building, _) => {
                if !self.is_asked(|task| *task == Task::EnterRoute(name)) {
                    let cause = self.life_of(name, api);
                    let touch = self.touch(&self.parameters.edit_route, EDIT, cause, api);
                    let task = Task::EnterRoute(name);
                    self.ask(task, Activity::EditRoute, Urgency::AtOnce, touch, cause, api);
                }
            }
            (Care::Deploying | Care::Restarting { .. }, _) => self.enter_route(name, api),
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
