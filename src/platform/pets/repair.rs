//! Trouble, from the check or the customer who tells to the pet that is back.
//!
//! A supervisor restarts dead processes, and gives up where they end faster than it likes. Whatever else is wrong waits
//! for a person, who looks, restarts or reboots first, and then does what the policy says. Knows what checks say and
//! what people see. Start at `Pets::on_health`.

use super::{Care, DIAGNOSE, LOOK, Name, Pet, Pets, RepairPolicy, Role, Task};
use crate::engine::{SimDuration, SimTime};
use crate::world::{Activity, Api, BoxId, PlatformEvent, ServiceId, Urgency, Version, VmId, VmStatus};

/// Restarts are counted for so long (StartLimitIntervalSec of systemd).
const RESTART_INTERVAL: SimDuration = SimDuration::from_secs(10);

impl Pets {
    pub(super) fn on_process_exited(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(name) = self.find(subject) else { return };
        let pet = self.pet(name);
        pet.exits += 1;
        let care = pet.care;
        match care {
            Care::Deploying => self.on_deployed_box_fails(name, api),
            // Whoever built it sees that it does not come up, and looks what is wrong.
            Care::Building => {
                self.take_back_what_does_not_start(name, api);
                self.pet(name).care = Care::Looking;
                self.look_again(subject, api);
            }
            _ if self.parameters.supervised && self.restarts(name, api.now()) => {
                api.declare_known_down(subject);
                let at = api.now() + self.parameters.restart_delay;
                self.pet(name).restart_at = Some(at);
                api.at(at, PlatformEvent::about(super::RESTART, subject));
            }
            _ => {}
        }
    }

    /// Counts a restart, as systemd does: false if there were too many since the first of the last ten seconds.
    fn restarts(&mut self, name: Name, now: SimTime) -> bool {
        let limit = self.parameters.restart_limit;
        let (since, count) = &mut self.pet(name).restarts;
        if now.saturating_since(*since) > RESTART_INTERVAL {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= limit
    }

    /// Whoever is at the box sees that its processes end again and again. If they do so everywhere that is the
    /// version: it goes, here and everywhere.
    fn take_back_what_does_not_start(&mut self, name: Name, api: &mut Api<'_>) {
        let Pet { exits, installed, .. } = *self.pet(name);
        if exits >= 2 && !self.runs_elsewhere(name, installed) {
            self.roll_back(name.0, api);
            let (version, now) = (self.services[name.0].version, api.now());
            self.pet(name).install(version, now);
        }
    }

    /// Another pet of the service is well with this version.
    pub(super) fn runs_elsewhere(&self, (s, p): Name, version: Version) -> bool {
        let kennel = &self.services[s];
        let well = |pet: &Pet| pet.installed == version && kennel.entry.is_healthy(pet.subject);
        kennel.pets.iter().enumerate().any(|(other, pet)| other != p && well(pet))
    }

    pub(super) fn on_health(&mut self, subject: BoxId, healthy: bool, api: &mut Api<'_>) {
        let Some(name) = self.find(subject) else { return };
        self.services[name.0].entry.on_health(subject, healthy, api);
        let is_listed = self.services[name.0].entry.is_registered(subject);
        match (self.pet(name).care, healthy) {
            // It has left the route to be restarted, and has not been yet.
            (Care::Restarting { .. }, true) if !is_listed => {}
            // Whoever works on the box needs no alert.
            (Care::None, false) if !self.parameters.monitoring || self.has_hands_on_it(name) => {}
            (Care::None, false) => {
                self.pet(name).care = Care::Alerting;
                api.after(self.parameters.page_after, PlatformEvent::about(super::PAGE, subject));
            }
            (
                Care::Alerting | Care::Looking | Care::Building | Care::Deploying | Care::Restarting { .. },
                true,
            ) => {
                self.pet(name).care = Care::None;
                self.call_off_look(name, api);
                self.next_pet(name.0, api);
            }
            _ => {}
        }
    }

    /// Its fellow members of the registry have lost sight of a machine, or see it again.
    pub(super) fn on_heartbeat(&mut self, vm: VmId, alive: bool, api: &mut Api<'_>) {
        for name in self.on_vm(vm) {
            let subject = self.pet_subject(name);
            if self.services[name.0].entry.on_machine(subject, alive, api) {
                api.declare_known_down(subject);
                self.on_health(subject, false, api);
            }
        }
    }

    /// It is back by itself: whoever was called because of it sees that, and stops.
    fn call_off_look(&mut self, name: Name, api: &mut Api<'_>) {
        let look = self.tasks.iter().find(|(_, task)| **task == Task::Look(name)).map(|(&work, _)| work);
        if let Some(work) = look {
            self.tasks.remove(&work);
            api.declare_found(self.pet_subject(name), "it is back; nothing is left to look at");
            api.call_off(work);
        }
    }

    fn has_hands_on_it(&self, name: Name) -> bool {
        self.is_asked(|task| matches!(task, Task::Deploy(n) | Task::Rollback(n) if *n == name))
    }

    pub(super) fn page(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(name) = self.find(subject) else { return };
        if self.pet(name).care != Care::Alerting {
            return;
        }
        if self.is_seen_with_its_machine(name, api) {
            self.pet(name).care = Care::Looking;
            api.after(self.parameters.retry, PlatformEvent::about(super::LOOK_AGAIN, subject));
        } else {
            self.look(name, Urgency::Page, api);
        }
    }

    /// Whoever is at the machine because of another box sees that this one is down too.
    fn is_seen_with_its_machine(&self, (s, p): Name, api: &Api<'_>) -> bool {
        let vm = self.services[s].pets[p].vm;
        let runs = vm.is_some_and(|vm| api.vm_status(vm) == VmStatus::Running);
        !runs && self.somebody_looks_at_a_mate((s, p))
    }

    fn look(&mut self, name: Name, urgency: Urgency, api: &mut Api<'_>) {
        self.pet(name).care = Care::Looking;
        let cause = api.ticket_of(self.pet_subject(name));
        let touch = self.slowed(name, self.touch(&self.practice.diagnose, DIAGNOSE, cause, api));
        self.ask(Task::Look(name), Activity::Repair, urgency, touch, cause, api);
    }

    /// Nothing watches but the users: somebody is told, and finds what is down, or that the version is bad.
    pub(super) fn on_complaint(&mut self, service: ServiceId, api: &mut Api<'_>) {
        self.look_at_errors(service, api);
    }

    /// Who was told that requests fail has seen which boxes do not answer.
    pub(super) fn look_at_all_that_are_down(&mut self, s: usize, api: &mut Api<'_>) {
        for p in 0..self.services[s].pets.len() {
            let Pet { subject, care, role, .. } = self.services[s].pets[p];
            let down = !self.services[s].entry.is_healthy(subject);
            if role == Role::Serving && care == Care::None && down {
                self.look((s, p), Urgency::AtOnce, api);
            }
        }
    }

    /// A person knows now what is wrong with a pet, and does what helps.
    pub(super) fn on_looked(&mut self, name: Name, api: &mut Api<'_>) {
        let Pet { subject, vm, care, exits, .. } = *self.pet(name);
        if care != Care::Looking {
            return; // it came back meanwhile
        }
        if self.services[name.0].entry.is_healthy(subject) {
            self.pet(name).care = Care::None;
            return self.next_pet(name.0, api);
        }
        let status = vm.map_or(VmStatus::Gone, |vm| api.vm_status(vm));
        match status {
            VmStatus::Running => {
                self.take_back_what_does_not_start(name, api);
                let mates = self.mates(name);
                let alone = !mates.iter().any(|&(s, p)| {
                    (s, p) != name && self.services[s].entry.is_healthy(self.services[s].pets[p].subject)
                });
                if exits >= 2 && alone && self.parameters.repair == RepairPolicy::Rebuild {
                    api.declare_found(subject, "its processes do not stay up; the machine is built anew");
                    return self.replace_machine(name, api);
                }
                api.declare_found(subject, "the machine runs, the processes do not; mended and restarted");
                self.start_processes(name, api);
            }
            // Nobody stops a pet; one that was is restarted like one that is down.
            VmStatus::Impaired | VmStatus::Pending | VmStatus::Stopped => {
                if vm.is_some_and(|vm| api.reboot_vm(vm)) {
                    api.declare_found(subject, "the machine does not answer; rebooted from the console");
                } else if self.fails_over(name, api) {
                    return;
                } else {
                    api.declare_found(
                        subject,
                        "the machine does not answer and cannot be rebooted; nothing to do yet",
                    );
                }
            }
            VmStatus::HostFailed | VmStatus::Gone if self.fails_over(name, api) => return,
            VmStatus::HostFailed | VmStatus::Gone => {
                let what = match self.parameters.repair {
                    RepairPolicy::RestoreBackup => "its host is broken; a new machine gets the last backup",
                    RepairPolicy::InPlace | RepairPolicy::Standby | RepairPolicy::Rebuild => {
                        "its host is broken; a new machine has to be built"
                    }
                };
                api.declare_found(subject, what);
                return self.replace_machine(name, api);
            }
        }
        api.after(self.parameters.retry, PlatformEvent::about(super::LOOK_AGAIN, subject));
    }

    fn fails_over(&mut self, name: Name, api: &mut Api<'_>) -> bool {
        let policy = self.parameters.repair == RepairPolicy::Standby;
        let fails_over = policy && self.pet(name).role == Role::Serving && self.fail_over(name, api);
        if fails_over {
            api.declare_found(
                self.pet_subject(name),
                "the machine is lost for now; the standby takes its place",
            );
        }
        fails_over
    }

    /// Somebody looks once more at a pet that is not back.
    pub(super) fn look_again(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(name) = self.find(subject) else { return };
        let Pet { care, vm, .. } = *self.pet(name);
        let runs = vm.is_some_and(|vm| api.vm_status(vm) == VmStatus::Running);
        let is_back = self.services[name.0].entry.is_healthy(subject);
        let was_restarted = matches!(care, Care::Restarting { .. });
        if (care == Care::Deploying && !runs) || (was_restarted && !is_back) {
            self.pet(name).care = Care::Looking;
        } else if care != Care::Looking {
            return;
        }
        if self.is_seen_with_its_machine(name, api) {
            api.after(self.parameters.retry, PlatformEvent::about(super::LOOK_AGAIN, subject));
        } else if !self.is_asked(|task| *task == Task::Look(name)) {
            let cause = api.now().as_micros();
            let touch = self.touch(&self.parameters.look_again, LOOK, cause, api);
            self.ask(Task::Look(name), Activity::Repair, Urgency::AtOnce, touch, cause, api);
        }
    }
}
