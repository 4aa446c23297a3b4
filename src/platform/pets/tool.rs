//! Releases by a tool: somebody starts it, and it goes through the pets over ssh, a few at a time.
//!
//! A wave leaves the route together, waits for its last requests, is changed and restarted, and is back when its checks
//! are good; then comes the next. With `recreate` there is one wave of all pets; a canary goes on only after the requests
//! of its first boxes were compared with the others. A version that no box of the first wave starts with is taken back by
//! whoever sees the tool fail. Knows no more about pets than a release by hand does. Start at `Pets::next_wave`.

use super::{Care, Name, Pets, TOOL_DONE, Task, WATCHED};
use crate::engine::{Purpose, SimDuration};
use crate::platform::rollout::{Strategy, Verdict, Watch, tool};
use crate::world::{About, Activity, Api, BoxId, PlatformEvent, Urgency};

const START: Purpose = Purpose::named("in-place start");

/// What the tool is at.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tool {
    /// Somebody has started it.
    runs: bool,
    /// Waves so far.
    wave: u32,
    /// Steps of a canary that are behind it.
    step: usize,
    /// The canary is watched.
    watch: Option<Watch>,
}

impl Tool {
    /// Somebody was about to start it, and had to stop.
    pub fn is_wanted(self) -> bool {
        !self.runs && self.wave == 0
    }
}

impl Pets {
    pub(super) fn has_tool(&self) -> bool {
        self.parameters.rollout.strategy != Strategy::ByHand
    }

    /// Somebody starts the tool: in office hours, or at once to take a version back.
    pub(super) fn ask_for_tool(&mut self, s: usize, api: &mut Api<'_>) {
        if !self.has_tool() || self.is_asked(|task| *task == Task::RunTool(s)) {
            return;
        }
        let rollout = self.services[s].rollout.as_mut().expect("asked for during a rollout");
        let (back, wave, step) = (rollout.back, rollout.tool.wave, rollout.tool.step);
        rollout.tool = Tool { runs: false, wave, step, watch: None };
        let cause = u64::from(rollout.version.0) << 16 | s as u64;
        let touch =
            self.touch(&self.parameters.rollout.in_place.start, START, cause << 1 | u64::from(back), api);
        let (activity, urgency) = match back {
            true => (Activity::Rollback, Urgency::AtOnce),
            false => (Activity::Deploy, Urgency::OfficeHours),
        };
        self.ask(Task::RunTool(s), activity, urgency, touch, cause, api);
    }

    pub(super) fn on_tool_started(&mut self, s: usize, api: &mut Api<'_>) {
        if let Some(rollout) = self.services[s].rollout.as_mut() {
            rollout.tool.runs = true;
            self.next_pet(s, api);
        }
    }

    /// The tool takes the next few pets in hand: those that are free, and not more than the canary allows.
    pub(super) fn next_wave(&mut self, s: usize, api: &mut Api<'_>) {
        let patched = self.being_patched(s);
        let p = &self.parameters.rollout;
        let kennel = &mut self.services[s];
        let rollout = kennel.rollout.as_mut().expect("called during a rollout");
        if !rollout.tool.runs || rollout.tool.watch.is_some() {
            return;
        }
        let (version, back) = (kennel.version, rollout.back);
        let kept = || kennel.pets.iter().enumerate().filter(|(_, pet)| pet.is_kept());
        let mut most = match p.strategy {
            Strategy::Recreate => usize::MAX,
            _ => p.in_place.wave(kept().count()),
        };
        if p.strategy == Strategy::Canary && !back {
            let fresh = kept().filter(|(_, pet)| pet.installed == version).count() as u32;
            if let Some(boxes) = p.canary.boxes_at(rollout.tool.step, kept().count() as u32) {
                if fresh >= boxes {
                    return self.watch_canary(s, api);
                }
                most = most.min((boxes - fresh) as usize);
            }
        }
        let free = |pet: &super::Pet| matches!(pet.care, Care::None | Care::Alerting);
        let free = |at: usize, pet: &super::Pet| free(pet) && (back || !patched.contains(&at));
        let stale = kept().filter(|&(at, pet)| pet.installed != version && free(at, pet));
        let wave: Vec<(usize, BoxId)> = stale.map(|(at, pet)| (at, pet.subject)).take(most).collect();
        rollout.tool.wave += 1;
        let number = rollout.tool.wave;
        let subjects: Vec<BoxId> = wave.iter().map(|w| w.1).collect();
        let task = tool::time_of_wave(&p.in_place, (kennel.service, version), &subjects, api);
        let mut drain = SimDuration::ZERO;
        for (at, subject) in wave {
            kennel.pets[at].care = Care::Draining;
            drain = drain.max(kennel.entry.deregister(subject, api));
        }
        api.after(drain + task, PlatformEvent::with(TOOL_DONE, s as u32, number));
    }

    /// Every pet of the wave is changed: their processes are started anew with what is wanted now.
    pub(super) fn on_tool_done(&mut self, s: usize, wave: u32, api: &mut Api<'_>) {
        if self.services[s].rollout.is_none_or(|r| r.tool.wave != wave) {
            return;
        }
        let draining = |pet: &super::Pet| pet.care == Care::Draining;
        let wave: Vec<Name> = (0..self.services[s].pets.len())
            .filter(|&p| draining(&self.services[s].pets[p]))
            .map(|p| (s, p))
            .collect();
        for name in wave {
            self.restart_with_version(name, api);
        }
    }

    fn watch_canary(&mut self, s: usize, api: &mut Api<'_>) {
        let p = &self.parameters.rollout.canary;
        let kennel = &mut self.services[s];
        let rollout = kennel.rollout.as_mut().expect("called during a rollout");
        let watch = Watch::begin(p, kennel.service, rollout.version, api);
        (rollout.tool.watch, rollout.tool.step) = (Some(watch), rollout.tool.step + 1);
        api.at(watch.next, PlatformEvent::with(WATCHED, s as u32, rollout.version.0));
    }

    /// A look at the canary: the tool goes on when it was watched for long enough, or somebody is told to take it back.
    pub(super) fn on_canary_watched(&mut self, s: usize, version: u32, api: &mut Api<'_>) {
        let kennel = &mut self.services[s];
        let is_current =
            |r: &&mut super::release::Rollout| r.version.0 == version && !r.back && r.tool.watch.is_some();
        let Some(rollout) = kennel.rollout.as_mut().filter(is_current) else { return };
        let watch = rollout.tool.watch.as_mut().expect("it is watched");
        let Some(analysis) = watch.look(&self.parameters.rollout.canary, kennel.service, api) else {
            api.at(watch.next, PlatformEvent::with(WATCHED, s as u32, version));
            return;
        };
        rollout.tool.watch = None;
        let good = analysis.verdict == Verdict::Pass;
        api.remark(About::Service(kennel.service), || {
            format!(
                "canary analysis: {analysis}: {}",
                if good { "the tool goes on" } else { "to be taken back" }
            )
        });
        if good { self.next_pet(s, api) } else { self.roll_back(s, api) }
    }

    /// Nobody needs to know any more how the canary does.
    pub(super) fn end_canary(&mut self, s: usize, api: &mut Api<'_>) {
        let kennel = &mut self.services[s];
        let tool = kennel.rollout.as_mut().map(|r| &mut r.tool);
        if tool.is_some_and(|tool| tool.watch.take().is_some()) {
            api.end_comparison(kennel.service);
        }
    }
}
