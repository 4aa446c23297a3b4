//! Convergence: how a version reaches machines that configure themselves, in place.
//!
//! With an interval the agent on each machine fetches it at its next run, so that a change is everywhere after one
//! interval and one run; with a push it goes to a few machines at a time. Nothing is drained: the process is restarted
//! and what it was doing is lost. Taking a version back goes the same way. Start at [`Cattle::spread_version`].
//!
//! A configuration goes this way too. Machines from a baked image have no agent: their programs ask the place where it is
//! kept, every minute or so, and then all have it.

use super::image::{ImageKind, Spread};
use super::{CONVERGE, Cattle, Task, sample};
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::world::{Api, BoxId, PlatformEvent, ServiceId};

const AGENT_PHASE: Purpose = Purpose::named("configuration agent phase");
const CONVERGENCE: Purpose = Purpose::named("configuration run");

impl Cattle {
    /// A configuration that all machines of a service read was changed.
    pub(super) fn on_configuration(&mut self, service: ServiceId, number: u32, api: &mut Api<'_>) {
        let s = usize::from(service.0);
        // Nobody changes anything while something else goes out, or somebody finds out what is wrong.
        let is_at_it = |task: &Task| task.group() == s && !matches!(task, Task::Read(_));
        if self.groups[s].is_refreshing() || self.tasks.values().any(is_at_it) {
            return api.postpone_configuration(service, number);
        }
        let version = self.groups[s].version.with_configuration(number);
        self.start_refresh(s, version, true, api);
    }

    /// Lets the group's version reach every machine that has another one; gives back when it is everywhere.
    pub(super) fn spread_version(&mut self, s: usize, api: &mut Api<'_>) -> SimTime {
        let p = &self.parameters.image;
        if self.groups[s].has_pushed() {
            self.groups[s].renew_what_boots();
        }
        let group = &self.groups[s];
        let behind = group.members.iter().filter(|m| m.image != group.image && m.prepared.is_some());
        let mut wave = SimDuration::ZERO;
        let mut longest = SimDuration::ZERO;
        let mut last = api.now();
        for (i, member) in behind.enumerate() {
            let (ordinal, life) = api.ordinal_of(member.subject).unwrap_or_default();
            let key = [s as u64, u64::from(ordinal), u64::from(life)];
            let fetches = self.parameters.image.kind == ImageKind::Baked;
            let run =
                sample(&p.converge, CONVERGENCE, &[key[0], key[1], key[2], u64::from(group.image)], api);
            if fetches {
                let at = p.fetch_configuration.mul_f64(api.stream(AGENT_PHASE, &key).uniform());
                api.after(at, PlatformEvent::about(CONVERGE, member.subject));
                last = last.max(api.now() + at);
                continue;
            }
            let begins = match p.spread {
                Spread::Interval => p.run_interval.mul_f64(api.stream(AGENT_PHASE, &key).uniform()),
                Spread::Push => {
                    if i % p.forks as usize == 0 {
                        // A wave waits for the slowest of the one before.
                        wave += std::mem::take(&mut longest);
                    }
                    longest = longest.max(run);
                    wave
                }
            };
            api.after(begins + run, PlatformEvent::about(CONVERGE, member.subject));
            last = last.max(api.now() + begins + run);
        }
        last
    }

    /// The agent of a machine has what the group has: the process restarts with it.
    pub(super) fn on_converged(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(s) = self.group_of(subject, api) else { return };
        let group = &mut self.groups[s];
        let (image, version) = (group.image, group.version);
        let member = group.member_mut(subject).expect("found by it");
        if member.image == image {
            return; // a later change came first
        }
        (member.image, member.version, member.in_service) = (image, version, None);
        // Its checks are ignored for as long as those of a new machine.
        member.prepared = Some(api.now());
        group.restless = true;
        self.change_in_place(s, subject, api);
    }
}
