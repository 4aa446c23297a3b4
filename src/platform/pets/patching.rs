//! Patches on pets: somebody gets round to each fix on each machine sooner or later, or a timer on the machine does.
//!
//! By hand it is one advisory at a time: after a delay of weeks or years a person installs the fix in office hours, takes
//! the machine out of the route, restarts what uses it, and reboots for a fix of the kernel, now or some weeks later. With
//! `unattended` a timer installs all that there is within a day, restarts what uses it without asking anybody, and reboots
//! only where it is told to; otherwise that waits for a person too. One machine of a service is out at a time.
//!
//! Knows what the package manager says. Fixes that are due beyond the end of a run are planned all the same. Start at
//! [`Pets::on_advisory`].
//!
//! *Deviation:* nobody tries a fix on another machine first, and none goes wrong.

use super::parameters::PatchWay;
use super::{Care, Name, Pet, Pets, RESTART_DRAINED, RepairPolicy, Role, Task};
use crate::engine::streams::mix;
use crate::engine::{Purpose, SimDuration};
use crate::world::{
    Activity, Advisory, Api, BoxId, Layer, PlatformEvent, Software, Stamp, Urgency, VmStatus, VulnerabilityId,
};

const AGE: Purpose = Purpose::named("pet age at the start");
const DELAY: Purpose = Purpose::named("pet patch delay");
const REBOOT: Purpose = Purpose::named("pet reboot for a patch");
const TOUCH: Purpose = Purpose::named("pet patch");

/// A machine that another one of its service keeps waiting is looked at again after this.
const LATER: SimDuration = SimDuration::from_hours(1);

/// Something that will be due on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chore {
    /// Somebody gets round to a fix.
    Fix(Name, VulnerabilityId),
    /// The timer of the machine installs what there is.
    Update(Name, VulnerabilityId),
    /// A reboot that was put off.
    Reboot(Name),
    /// The machine can leave the route when no other of its service is out.
    Restart(Name, bool),
}

/// When a fix is installed on a machine, and when the machine boots for it if that is later.
struct Course {
    installed: Stamp,
    booted: Option<Stamp>,
}

impl Pets {
    /// An advisory is read, or will be.
    pub(super) fn on_advisory(&mut self, vulnerability: VulnerabilityId, api: &mut Api<'_>) {
        let advisory = api.advisory(vulnerability);
        for s in 0..self.services.len() {
            for p in 0..self.services[s].pets.len() {
                if self.services[s].pets[p].is_kept() && self.speaker((s, p)) == (s, p) {
                    let course = self.course((s, p), &advisory, api);
                    self.plan(self.chore((s, p), vulnerability), course.installed, api);
                }
            }
        }
    }

    fn chore(&self, name: Name, vulnerability: VulnerabilityId) -> Chore {
        match self.parameters.patching.way {
            PatchWay::ByHand => Chore::Fix(name, vulnerability),
            PatchWay::Unattended => Chore::Update(name, vulnerability),
        }
    }

    /// What becomes of a vulnerability on one machine, if nothing else happens to it.
    fn course(&self, (s, p): Name, advisory: &Advisory, api: &Api<'_>) -> Course {
        let patching = &self.parameters.patching;
        let key = [s as u64, p as u64, advisory.key[0], advisory.key[1]];
        let delay = match patching.way {
            PatchWay::ByHand => &patching.delay,
            PatchWay::Unattended => &patching.timer,
        };
        let installed = advisory.published.plus(delay.sample(api.stream(DELAY, &key).uniform()));
        let wait = self.reboot_wait((s, p), advisory, api);
        Course { installed, booted: wait.map(|wait| installed.plus(wait)) }
    }

    /// For how long the reboot is put off that a fix needs; `None` if it needs none, or has it at once.
    fn reboot_wait(&self, (s, p): Name, advisory: &Advisory, api: &Api<'_>) -> Option<SimDuration> {
        let patching = &self.parameters.patching;
        let key = [s as u64, p as u64, advisory.key[0], advisory.key[1]];
        let mut stream = api.stream(REBOOT, &key);
        // Both are drawn always, so that one parameter does not shift what another decides.
        let (deferred, wait) = (
            stream.chance(patching.reboot_deferred.as_f64()),
            patching.reboot_after.sample(stream.uniform()),
        );
        let is_put_off = match patching.way {
            PatchWay::ByHand => deferred,
            PatchWay::Unattended => !patching.automatic_reboot,
        };
        (advisory.layer == Layer::Kernel && is_put_off).then_some(wait)
    }

    /// A machine that has been there for long is as far behind as it will be later on.
    pub(super) fn age_machine(&mut self, (s, p): Name, api: &mut Api<'_>) {
        let vm = self.services[s].pets[p].vm.expect("called for machines that run");
        let age = self.parameters.patching.age.sample(api.stream(AGE, &[s as u64, p as u64]).uniform());
        api.backdate_vm(vm, age);
        let (born, now) = (Stamp::before_start(age), Stamp::from(api.now()));
        let mut software = Software::as_of(born);
        let mut unbooted = Vec::new();
        let since: Vec<Advisory> = api.advisories().filter(|a| a.published > born).collect();
        for advisory in since {
            let fix = advisory.vulnerability;
            let Course { installed, booted } = self.course((s, p), &advisory, api);
            match booted {
                _ if installed > now => self.plan(self.chore((s, p), fix), installed, api),
                Some(booted) if booted > now => unbooted.push((fix, booted)),
                _ => software = software.with(fix),
            }
        }
        api.set_software(vm, software);
        for (fix, booted) in unbooted {
            api.install_fix(vm, fix);
            self.plan(Chore::Reboot((s, p)), booted, api);
        }
    }

    fn plan(&mut self, chore: Chore, at: Stamp, api: &mut Api<'_>) {
        let Some(at) = at.in_simulation() else { return };
        let number = self.planned;
        self.planned += 1;
        self.chores.insert(number, chore);
        api.at(at.max(api.now()), PlatformEvent::with(super::CHORE, number, 0));
    }

    fn plan_after(&mut self, span: SimDuration, chore: Chore, api: &mut Api<'_>) {
        self.plan(chore, Stamp::from(api.now() + span), api);
    }

    pub(super) fn on_chore(&mut self, number: u32, api: &mut Api<'_>) {
        let chore = self.chores.remove(&number).expect("what is due was planned");
        let (Chore::Fix(name, _) | Chore::Update(name, _) | Chore::Reboot(name) | Chore::Restart(name, _)) =
            chore;
        let Pet { vm, role, .. } = *self.pet(name);
        let (Some(vm), Role::Serving | Role::Standby) = (vm, role) else { return };
        match chore {
            Chore::Fix(_, fix) if api.is_fixed(vm, fix) => {} // the machine was built since
            // One at a time has hands on a machine.
            Chore::Fix(..) | Chore::Reboot(_) if self.is_deployed_to(name) => {
                self.plan_after(LATER, chore, api)
            }
            Chore::Fix(_, fix) => self.ask_to_patch(Task::Patch(name, fix), name, fix.0.into(), api),
            Chore::Update(_, fix) => self.update(name, fix, api),
            Chore::Reboot(_) if !api.needs_reboot(vm) => {} // something else has rebooted it
            Chore::Reboot(_) => {
                let today = api.now().as_micros();
                self.ask_to_patch(Task::Reboot(name), name, today, api);
            }
            Chore::Restart(_, boots) => self.take_out_to_restart(name, boots, api),
        }
    }

    /// The pets of a service on whose machine somebody is to install a fix, or reboots for one.
    pub(super) fn being_patched(&self, s: usize) -> Vec<usize> {
        let of = |task: &Task| match *task {
            Task::Patch(name, _) | Task::Reboot(name) => {
                self.mates(name).into_iter().find(|mate| mate.0 == s)
            }
            _ => None,
        };
        self.tasks.values().filter_map(of).map(|name| name.1).collect()
    }

    /// Somebody changes the version on a box of this machine.
    fn is_deployed_to(&self, name: Name) -> bool {
        let mates = self.mates(name);
        self.is_asked(|task| matches!(task, Task::Deploy(n) | Task::Rollback(n) if mates.contains(n)))
    }

    fn ask_to_patch(&mut self, task: Task, name: Name, what: u64, api: &mut Api<'_>) {
        let cause = mix(self.life_of(name, api) ^ mix(what));
        let touch = self.touch(&self.parameters.patching.touch, TOUCH, cause, api);
        self.ask(task, Activity::Patch, Urgency::OfficeHours, touch, cause, api);
    }

    /// Somebody has installed a fix, and restarts what uses it, or puts the reboot off.
    pub(super) fn on_patched(&mut self, name: Name, fix: VulnerabilityId, api: &mut Api<'_>) {
        let Pet { vm, .. } = *self.pet(name);
        let Some(vm) = vm.filter(|&vm| api.vm_status(vm) == VmStatus::Running) else {
            // It went down meanwhile.
            self.plan_after(LATER, Chore::Fix(name, fix), api);
            return self.go_on_after_patch(name, api);
        };
        api.install_fix(vm, fix);
        let advisory = api.advisory(fix);
        match self.reboot_wait(name, &advisory, api) {
            Some(wait) => {
                api.declare_found(
                    self.pet_subject(name),
                    "the fix is installed; the reboot that it needs is put off",
                );
                self.plan_after(wait, Chore::Reboot(name), api);
                self.go_on_after_patch(name, api);
            }
            None => self.take_out_to_restart(name, advisory.layer == Layer::Kernel, api),
        }
    }

    pub(super) fn on_reboot_in_hand(&mut self, name: Name, api: &mut Api<'_>) {
        self.take_out_to_restart(name, true, api);
    }

    /// A release may have waited for whoever was at the machine.
    fn go_on_after_patch(&mut self, name: Name, api: &mut Api<'_>) {
        for (s, _) in self.mates(name) {
            self.next_pet(s, api);
        }
    }

    /// The timer of a machine: nobody drains anything.
    fn update(&mut self, name: Name, fix: VulnerabilityId, api: &mut Api<'_>) {
        let Pet { vm, .. } = *self.pet(name);
        let Some(vm) = vm.filter(|&vm| api.vm_status(vm) == VmStatus::Running) else {
            return self.plan_after(LATER, Chore::Update(name, fix), api);
        };
        // An earlier run may have brought it along, and only the reboot is left.
        let is_new = !api.is_fixed(vm, fix);
        if is_new {
            api.update_software(vm);
        }
        let advisory = api.advisory(fix);
        match (advisory.layer, self.reboot_wait(name, &advisory, api)) {
            (_, Some(wait)) => self.plan_after(wait, Chore::Reboot(name), api),
            (Layer::Kernel, None) if api.needs_reboot(vm) => _ = api.reboot_guest(vm),
            // What is down or changed by somebody starts with the fix anyway.
            (Layer::Packages | Layer::Runtime, None) if is_new => {
                for mate in self.mates(name) {
                    if matches!(self.pet(mate).care, Care::None | Care::Alerting) {
                        self.start_processes(mate, api);
                    }
                }
            }
            _ => {}
        }
    }

    /// Out of the route for a restart or a reboot, with all boxes of the machine, unless another machine of one of their
    /// services is out already.
    fn take_out_to_restart(&mut self, name: Name, boots: bool, api: &mut Api<'_>) {
        if !self.pet(name).is_kept() {
            return self.go_on_after_patch(name, api);
        }
        let is_well = |p: &Pet| !p.is_kept() || p.care == Care::None;
        let mates = self.mates(name);
        let all_well = mates.iter().all(|&(s, _)| self.services[s].pets.iter().all(is_well));
        if !all_well || self.is_deployed_to(name) {
            self.plan_after(LATER, Chore::Restart(name, boots), api);
            return self.go_on_after_patch(name, api);
        }
        let mut drain = SimDuration::ZERO;
        for (s, p) in mates {
            let kennel = &mut self.services[s];
            kennel.pets[p].care = Care::Restarting { boots };
            drain = drain.max(kennel.entry.deregister(kennel.pets[p].subject, api));
        }
        api.after(drain, PlatformEvent::about(RESTART_DRAINED, self.pet_subject(name)));
    }

    pub(super) fn on_restart_drained(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(name) = self.find(subject) else { return };
        let vm = self.pet(name).vm;
        // Something else may have happened to one of them since they left the route.
        let is_out = |&(s, p): &Name| matches!(self.services[s].pets[p].care, Care::Restarting { .. });
        let out: Vec<Name> = self.mates(name).into_iter().filter(is_out).collect();
        let boots =
            out.iter().any(|&(s, p)| self.services[s].pets[p].care == Care::Restarting { boots: true });
        let rebooted = boots && vm.is_some_and(|vm| api.reboot_guest(vm));
        if boots && !rebooted {
            self.plan_after(LATER, Chore::Reboot(name), api);
        }
        for mate in out {
            let subject = self.pet_subject(mate);
            let begun = rebooted || (!boots && self.start_processes(mate, api));
            // Who waits for it sees if it does not come back.
            let patience = if begun { self.practice.rollout_deadline } else { self.parameters.retry };
            api.after(patience, PlatformEvent::about(super::LOOK_AGAIN, subject));
        }
    }

    /// The backup of a machine has the software of its time; one that is built is new.
    pub(super) fn keep_software(&mut self, name: Name, api: &Api<'_>) {
        let is_backed_up = self.parameters.repair == RepairPolicy::RestoreBackup;
        let software = self.pet(name).vm.filter(|_| is_backed_up).and_then(|vm| api.software_of(vm));
        self.backups.extend(software.map(|software| (name, software)));
    }

    pub(super) fn bring_software_back(&mut self, name: Name, api: &mut Api<'_>) {
        let speaker = self.speaker(name);
        if let (Some(vm), Some(software)) = (self.pet(name).vm, self.backups.remove(&speaker)) {
            api.set_software(vm, software);
        }
    }
}
