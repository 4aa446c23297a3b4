//! Releases on pets: a person installs the version box by box, in office hours, and takes it back the same way.
//!
//! A box that cannot start is seen at once, since somebody sits in front of it. A version that starts and fails
//! requests is noticed by the alert, and understood after a look. Start at `Pets::on_release`.

use super::{Care, DIAGNOSE, Name, Pets, Task, VERSION_BUILT};
use crate::engine::Purpose;
use crate::world::observation::RolloutStep;
use crate::world::{Activity, Api, BoxId, PlatformEvent, ServiceId, Urgency, Version};

const VERSION_BUILD: Purpose = Purpose::named("version build");
const DEPLOY: Purpose = Purpose::named("pet deploy");
const DEBUG: Purpose = Purpose::named("pet debug");
const ROLL_BACK: Purpose = Purpose::named("pet rollback");

/// One version on its way to the pets of a service, or back. Which pets are still to be changed shows by what is
/// installed on them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rollout {
    pub version: Version,
    previous: Version,
    pub back: bool,
    /// Nobody installs it further while requests fail.
    pub held: bool,
    /// Everywhere; kept, so that it can still be taken back.
    pub done: bool,
    /// What the tool is at, if one does it.
    pub tool: super::tool::Tool,
}

impl Pets {
    pub(super) fn on_release(&mut self, service: ServiceId, version: Version, api: &mut Api<'_>) {
        let s = service.0 as usize;
        let key = [u64::from(service.0), u64::from(version.0)];
        let span = self.practice.build.sample(api.stream(VERSION_BUILD, &key).uniform());
        api.after(span, PlatformEvent::with(VERSION_BUILT, s as u32, version.0));
    }

    /// A configuration of a service was changed: it goes from pet to pet as a release does, without a build.
    pub(super) fn on_configuration(&mut self, service: ServiceId, number: u32, api: &mut Api<'_>) {
        let s = usize::from(service.0);
        let looking = self.is_asked(|task| *task == Task::LookAtErrors(s));
        if looking || self.services[s].rollout.is_some_and(|r| !r.done) {
            return api.postpone_configuration(service, number);
        }
        let version = self.services[s].version.with_configuration(number);
        self.begin_rollout(s, version, api);
    }

    pub(super) fn begin_rollout(&mut self, s: usize, version: Version, api: &mut Api<'_>) {
        let looking = self.is_asked(|task| *task == Task::LookAtErrors(s));
        let kennel = &mut self.services[s];
        if looking || kennel.rollout.is_some_and(|r| !r.done) {
            kennel.waiting = Some(version);
            return;
        }
        let previous = std::mem::replace(&mut kennel.version, version);
        let tool = super::tool::Tool::default();
        kennel.rollout = Some(Rollout { version, previous, back: false, held: false, done: false, tool });
        api.declare_rollout(kennel.service, version, RolloutStep::Begins);
        self.set_about(s, api);
    }

    /// Somebody goes to the first pet, or starts the tool.
    fn set_about(&mut self, s: usize, api: &mut Api<'_>) {
        if self.has_tool() { self.ask_for_tool(s, api) } else { self.next_pet(s, api) }
    }

    fn begin_what_waits(&mut self, s: usize, api: &mut Api<'_>) {
        if let Some(version) = self.services[s].waiting.take() {
            self.begin_rollout(s, version, api);
        }
    }

    /// Asks for the next pet that has another version than it should and is well; one at a time. Those in trouble
    /// come later.
    pub(super) fn next_pet(&mut self, s: usize, api: &mut Api<'_>) {
        let on_hand = |task: &Task| match task {
            Task::Deploy((of, _)) | Task::Rollback((of, _)) => *of == s,
            Task::RunTool(of) => *of == s,
            _ => false,
        };
        let on_hand = self.is_asked(on_hand);
        let patched = self.being_patched(s);
        let kennel = &mut self.services[s];
        let Some(Rollout { held, back, .. }) = kennel.rollout.filter(|r| !r.done) else { return };
        let is_out =
            |p: &super::Pet| matches!(p.care, Care::Draining | Care::Deploying | Care::Restarting { .. });
        if on_hand || kennel.pets.iter().any(is_out) {
            return;
        }
        let stale = |p: &super::Pet| p.installed != kennel.version && p.is_kept();
        let free = |p: &super::Pet| matches!(p.care, Care::None | Care::Alerting);
        // What is taken back does not wait for a fix that nobody may have begun to install.
        let free = |at: usize, p: &super::Pet| free(p) && (back || !patched.contains(&at));
        let next = kennel.pets.iter().enumerate().position(|(at, p)| stale(p) && free(at, p));
        if next.is_some() && held && !back {
            return;
        }
        if next.is_some() && self.has_tool() {
            return self.next_wave(s, api);
        }
        let kennel = &mut self.services[s];
        let rollout = kennel.rollout.as_mut().expect("seen above");
        if let Some(p) = next {
            let back = rollout.back;
            return self.ask_for_pet((s, p), back, api);
        }
        if kennel.pets.iter().any(|p| p.installed != kennel.version && p.is_kept()) {
            return;
        }
        let Rollout { version, back, .. } = *rollout;
        rollout.done = true;
        if back {
            kennel.rollout = None;
        }
        let step = if back { RolloutStep::RollbackCompletes } else { RolloutStep::Completes };
        api.declare_rollout(kennel.service, version, step);
        self.begin_what_waits(s, api);
    }

    fn ask_for_pet(&mut self, (s, p): Name, back: bool, api: &mut Api<'_>) {
        let version = self.services[s].rollout.as_ref().expect("called during a rollout").version;
        let cause = u64::from(version.0) << 32 | (s as u64) << 16 | p as u64;
        if back {
            let touch = self.touch(&self.parameters.rollback, ROLL_BACK, cause, api);
            self.ask(Task::Rollback((s, p)), Activity::Rollback, Urgency::AtOnce, touch, cause, api);
        } else {
            let is_configuration = version.configuration() > 0;
            let how = &self.parameters;
            let how = if is_configuration { &how.configure } else { &how.deploy };
            let touch = self.touch(how, DEPLOY, cause, api);
            self.ask(Task::Deploy((s, p)), Activity::Deploy, Urgency::OfficeHours, touch, cause, api);
        }
    }

    /// The hands-on part is done: out of the route, restart with the version, and back.
    pub(super) fn on_installed(&mut self, (s, p): Name, api: &mut Api<'_>) {
        let kennel = &mut self.services[s];
        let pet = &mut kennel.pets[p];
        if !matches!(pet.care, Care::None | Care::Alerting) {
            return self.next_pet(s, api); // it broke meanwhile and is being cared for
        }
        pet.care = Care::Draining;
        let subject = pet.subject;
        let drain = kennel.entry.deregister(subject, api);
        api.after(drain, PlatformEvent::about(super::DRAINED, subject));
    }

    /// Its last requests are done: restart it with the version that is wanted now.
    pub(super) fn on_drained(&mut self, subject: BoxId, api: &mut Api<'_>) {
        if let Some(name) = self.find(subject) {
            self.restart_with_version(name, api);
        }
    }

    /// Nothing if something else has happened to it since it left the route.
    pub(super) fn restart_with_version(&mut self, (s, p): Name, api: &mut Api<'_>) {
        if self.pet((s, p)).care != Care::Draining {
            return;
        }
        let (version, now) = (self.services[s].version, api.now());
        let resists = self.resists((s, p), version, api);
        let pet = self.pet((s, p));
        pet.care = Care::Deploying;
        pet.install(version, now);
        let subject = pet.subject;
        if self.group_of(s).services.len() > 1 {
            api.install_into_shared_system(subject, version);
        }
        if resists {
            return self.debug((s, p), api);
        }
        self.start_installed((s, p), api);
    }

    /// Restarts a pet with what was installed on it.
    fn start_installed(&mut self, (s, p): Name, api: &mut Api<'_>) {
        let subject = self.pet_subject((s, p));
        if !self.start_processes((s, p), api) {
            self.pet((s, p)).care = Care::Looking;
            api.after(self.parameters.retry, PlatformEvent::about(super::LOOK_AGAIN, subject));
            self.next_pet(s, api);
        } else {
            // If the box is not back by then, something else happened to it.
            api.after(self.practice.rollout_deadline, PlatformEvent::about(super::LOOK_AGAIN, subject));
        }
    }

    /// The version does not run on the box in front of the person. If it runs elsewhere, or the one before does not
    /// run either, it is this machine.
    pub(super) fn on_deployed_box_fails(&mut self, (s, p): Name, api: &mut Api<'_>) {
        let installed = self.pet((s, p)).installed;
        if self.services[s].rollout.is_some_and(|r| r.back && r.version == installed) {
            // Another box of its wave failed first: the version is being taken back from all of them.
            self.pet((s, p)).care = Care::None;
            return self.next_pet(s, api);
        }
        let is_new = self.services[s].rollout.is_some_and(|r| !r.back && r.version == installed);
        if is_new && !self.runs_elsewhere((s, p), installed) {
            self.pet((s, p)).care = Care::None;
            self.roll_back(s, api);
        } else {
            self.debug((s, p), api);
        }
    }

    /// Somebody finds out what is different about this machine.
    fn debug(&mut self, name: Name, api: &mut Api<'_>) {
        api.declare_found(
            self.pet_subject(name),
            "it does not run here; something is different about this machine",
        );
        let cause = self.life_of(name, api) ^ u64::from(self.pet(name).touches) << 40;
        let touch = self.slowed(name, self.touch(&self.practice.diagnose, DEBUG, cause, api));
        self.ask(Task::Debug(name), Activity::Debug, Urgency::AtOnce, touch, cause, api);
    }

    pub(super) fn on_debugged(&mut self, name: Name, api: &mut Api<'_>) {
        if self.pet(name).care == Care::Deploying {
            self.start_installed(name, api);
        }
    }

    pub(super) fn on_error_alert(&mut self, service: ServiceId, firing: bool, api: &mut Api<'_>) {
        if firing {
            return self.look_at_errors(service, api);
        }
        // Requests are served again before anybody found out why they were not: whoever looks stops.
        let s = service.0 as usize;
        let look = self.tasks.iter().find(|(_, task)| **task == Task::LookAtErrors(s)).map(|(&work, _)| work);
        if let Some(work) = look {
            self.tasks.remove(&work);
            api.call_off(work);
            self.go_on_with_releases(s, api);
        }
    }

    /// Somebody is told that requests fail.
    pub(super) fn look_at_errors(&mut self, service: ServiceId, api: &mut Api<'_>) {
        let s = service.0 as usize;
        if self.is_asked(|t| *t == Task::LookAtErrors(s)) {
            return;
        }
        self.hold_rollout(s, api);
        let cause = u64::from(self.services[s].version.0) << 16 | u64::from(service.0);
        let touch = self.touch(&self.practice.diagnose, DIAGNOSE, cause, api);
        self.ask(Task::LookAtErrors(s), Activity::Repair, Urgency::Page, touch, cause, api);
    }

    /// Errors that boxes answer, rather than boxes that do not answer, mean that the last version is bad.
    pub(super) fn on_errors_understood(&mut self, s: usize, api: &mut Api<'_>) {
        let service = self.services[s].service;
        let seen = api.failures(service);
        if !self.parameters.monitoring {
            self.look_at_all_that_are_down(s, api);
            api.listen_to_complaints(service, self.parameters.complaints.as_f64());
        }
        if seen.errors > self.practice.alert_threshold.as_f64() / 2.0 {
            return self.roll_back(s, api);
        }
        self.go_on_with_releases(s, api);
    }

    /// Nothing is wrong with the version: what was held goes on, and what waits begins.
    fn go_on_with_releases(&mut self, s: usize, api: &mut Api<'_>) {
        if let Some(rollout) = self.services[s].rollout.as_mut() {
            rollout.held = false;
            if rollout.tool.is_wanted() {
                self.ask_for_tool(s, api);
            }
        }
        self.next_pet(s, api);
        self.begin_what_waits(s, api);
    }

    /// Whoever is about to install the version on the next box stops while requests fail.
    fn hold_rollout(&mut self, s: usize, api: &mut Api<'_>) {
        let back = self.services[s].rollout.is_some_and(|r| r.back);
        let on_hand = |task: &Task| match task {
            Task::Deploy((of, _)) => *of == s,
            Task::RunTool(of) => *of == s && !back,
            _ => false,
        };
        let work = self.tasks.iter().find(|(_, task)| on_hand(task)).map(|(&work, _)| work);
        if let Some(work) = work {
            self.tasks.remove(&work);
            api.call_off(work);
        }
        if let Some(rollout) = self.services[s].rollout.as_mut() {
            rollout.held = true;
        }
    }

    pub(super) fn roll_back(&mut self, s: usize, api: &mut Api<'_>) {
        if self.services[s].rollout.is_none_or(|r| r.back) {
            return;
        }
        self.hold_rollout(s, api);
        let kennel = &mut self.services[s];
        let rollout = kennel.rollout.as_mut().expect("seen above");
        (rollout.back, rollout.done) = (true, false);
        kennel.version = rollout.previous;
        api.declare_rollout(kennel.service, rollout.version, RolloutStep::RollbackBegins);
        self.end_canary(s, api);
        self.set_about(s, api);
    }
}
