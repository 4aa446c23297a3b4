//! In place: a tool goes through machines that configure themselves, a few at a time, and drains each of them first.
//!
//! A wave leaves the load balancer together, waits for its last requests, is changed, restarted, and is back when its
//! checks are good; then comes the next. When not one box of a wave starts, the tool stops and whoever watches it takes
//! the version back. Start at [`Cattle::next_wave`].

use super::{Cattle, TOOL_DONE};
use crate::engine::SimDuration;
use crate::platform::rollout::tool;
use crate::world::{Api, BoxId, PlatformEvent};

/// Boxes that the tool has in hand.
#[derive(Clone, Debug, Default)]
pub(super) struct Wave {
    boxes: Vec<BoxId>,
    /// Of those, the ones that did not start.
    failed: Vec<BoxId>,
    /// Waves so far.
    number: u32,
}

impl Cattle {
    /// Takes the next few machines in hand when those before are back, or finds that there are none.
    pub(super) fn next_wave(&mut self, s: usize, api: &mut Api<'_>) {
        let p = &self.parameters.rollout.in_place;
        let group = &mut self.groups[s];
        if !group.is_refreshing() {
            return;
        }
        let (image, version) = (group.image, group.version);
        let (members, entry) = (&group.members, &group.entry);
        let is_back = |m: &super::members::Member| m.image == image && entry.is_healthy(m.subject);
        group.wave.boxes.retain(|&subject| members.iter().any(|m| m.subject == subject && !is_back(m)));
        if !group.wave.boxes.is_empty() {
            return;
        }
        let stale = members.iter().filter(|m| m.image != image && m.prepared.is_some());
        let wave: Vec<BoxId> = stale.map(|m| m.subject).take(p.wave(members.len())).collect();
        if wave.is_empty() {
            let all_new = members.iter().all(|m| m.image == image && m.in_service.is_some());
            return if all_new {
                self.finish_refresh(s, api)
            };
        }
        let task = tool::time_of_wave(p, (group.service, version), &wave, api);
        let mut drain = SimDuration::ZERO;
        for &subject in &wave {
            drain = drain.max(group.entry.deregister(subject, api));
        }
        let number = group.wave.number + 1;
        group.wave = Wave { boxes: wave, failed: Vec::new(), number };
        group.refresh.as_mut().expect("seen above").progressed = api.now() + drain + task;
        api.after(drain + task, PlatformEvent::with(TOOL_DONE, s as u32, number));
    }

    /// The wave is changed: its processes are started anew.
    pub(super) fn on_tool_done(&mut self, s: usize, number: u32, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        if group.wave.number != number {
            return; // it was called back
        }
        let (image, version, now) = (group.image, group.version, api.now());
        group.restless = true;
        for subject in group.wave.boxes.clone() {
            let Some(member) = self.groups[s].member_mut(subject) else { continue };
            (member.image, member.version, member.in_service) = (image, version, None);
            member.prepared = Some(now);
            self.change_in_place(s, subject, api);
        }
    }

    /// A box does not start with what the tool put there.
    pub(super) fn on_wave_box_exited(&mut self, s: usize, subject: BoxId, api: &mut Api<'_>) {
        let wave = &mut self.groups[s].wave;
        if wave.boxes.contains(&subject) && !wave.failed.contains(&subject) {
            wave.failed.push(subject);
            if wave.failed.len() == wave.boxes.len() {
                self.ask_for_rollback(s, api);
            }
        }
    }

    /// The version before is wanted again: what the tool has in hand goes back as it is, or comes first.
    pub(super) fn call_tool_back(&mut self, s: usize, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        let wave = std::mem::take(&mut group.wave);
        group.wave.number = wave.number + 1;
        for subject in wave.boxes {
            let untouched = group.member(subject).is_some_and(|m| m.image == group.image);
            if untouched && !group.entry.is_registered(subject) {
                group.entry.register(subject, api);
            }
        }
    }
}
