//! Blue and green: a second set of machines with the new image beside the first, and a switch between them.
//!
//! The second set is checked and tested before callers are switched to it, all at once; the first is kept for a while,
//! paid and idle, so that switching back takes seconds. After that the way back is another set with the image before.
//!
//! *Deviation:* the test finds whether machines come up and stay healthy. A version that fails requests shows only when
//! callers are on it: synthetic requests are not simulated. Start at [`Cattle::second_set_progress`].

use super::{Cattle, REFRESH_STEP};
use crate::engine::SimTime;
use crate::world::observation::RolloutStep;
use crate::world::{About, Api, BoxId, PlatformEvent};

/// Where the second set of machines stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its machines are launched and come up.
    Filling,
    Testing,
    /// It has the callers; the old set waits for the case that it is needed.
    Kept,
}

impl super::group::Group {
    fn idle_ones(&self) -> Vec<BoxId> {
        self.members.iter().filter(|m| m.idle).map(|m| m.subject).collect()
    }

    fn retire_all(&mut self, subjects: Vec<BoxId>, api: &mut Api<'_>) {
        for subject in subjects {
            self.retire(subject, api);
        }
    }

    /// What was idle gets all requests, and the other way round.
    fn switch(&mut self, api: &mut Api<'_>) {
        self.entry.switch_groups(api);
        self.members.iter_mut().for_each(|m| m.idle = !m.idle);
        self.live = None;
        self.unsettled = true;
    }

    fn set_stage(&mut self, stage: Stage, until: SimTime, now: SimTime) {
        let refresh = self.refresh.as_mut().expect("called during a refresh");
        (refresh.stage, refresh.warm_at, refresh.progressed) = (stage, until, now);
    }
}

impl Cattle {
    /// Does what the state of the two sets allows.
    pub(super) fn second_set_progress(&mut self, s: usize, api: &mut Api<'_>) {
        let p = &self.parameters.rollout.blue_green;
        let group = &mut self.groups[s];
        let Some(refresh) = group.refresh.filter(|r| !r.done) else { return };
        let (now, step) = (api.now(), PlatformEvent::with(REFRESH_STEP, s as u32, 0));
        if refresh.stage == Stage::Kept {
            if now >= refresh.warm_at {
                self.drop_idle(s, api);
            }
            return;
        }
        let idle = group.idle_ones();
        let missing = group.desired.saturating_sub(idle.len() as u32);
        group.launch_idle(missing, api);
        if missing > 0 || !idle.iter().all(|&subject| group.entry.is_healthy(subject)) {
            return group.set_stage(Stage::Filling, SimTime::ZERO, refresh.progressed);
        }
        match refresh.stage {
            Stage::Filling if !refresh.back && !p.test.is_zero() => {
                let until = now + p.test;
                group.set_stage(Stage::Testing, until, now);
                api.at(until, step);
                let boxes = idle.len();
                api.remark(About::Service(group.service), || {
                    format!("the second set of {boxes} is up and healthy, and is tested")
                });
            }
            Stage::Testing if now < refresh.warm_at => {}
            Stage::Filling | Stage::Testing => self.switch_over(s, api),
            Stage::Kept => unreachable!("handled above"),
        }
    }

    fn switch_over(&mut self, s: usize, api: &mut Api<'_>) {
        let (now, keep) = (api.now(), self.parameters.rollout.blue_green.keep);
        let group = &mut self.groups[s];
        group.switch(api);
        let (boxes, back) = (group.present(), group.refresh.is_some_and(|r| r.back));
        api.remark(About::Service(group.service), || {
            format!("all requests are switched to the set of {boxes}")
        });
        if back {
            return self.drop_idle(s, api);
        }
        self.groups[s].set_stage(Stage::Kept, now + keep, now);
        self.declare(s, RolloutStep::Completes, api);
        api.at(now + keep, PlatformEvent::with(REFRESH_STEP, s as u32, 0));
    }

    /// The old set is not needed any more.
    fn drop_idle(&mut self, s: usize, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        let idle = group.idle_ones();
        api.remark(About::Service(group.service), || format!("the old set of {} is given back", idle.len()));
        group.retire_all(idle, api);
        let refresh = group.refresh.as_mut().expect("called during a refresh");
        refresh.done = true;
        if refresh.back {
            self.declare(s, RolloutStep::RollbackCompletes, api);
        }
        self.begin_what_waits(s, api);
    }

    /// The version is bad. While the old set is there, callers go back to it at once.
    pub(super) fn switch_back(&mut self, s: usize, api: &mut Api<'_>) {
        let now = api.now();
        self.declare(s, RolloutStep::RollbackBegins, api);
        let group = &mut self.groups[s];
        let bad = (group.version, group.image);
        let refresh = group.refresh.as_mut().expect("something was rolled out");
        (group.version, group.image) = refresh.previous;
        group
            .waiting
            .take_if(|waiting| waiting.code() == bad.0.code() && waiting.code() != group.version.code());
        refresh.back = true;
        let (stage, done) = (refresh.stage, refresh.done);
        if done {
            // The old set is gone: another one is made.
            refresh.done = false;
            group.live = Some(bad);
            group.set_stage(Stage::Filling, SimTime::ZERO, now);
            return self.second_set_progress(s, api);
        }
        let leaving: Vec<BoxId> = match stage {
            Stage::Filling | Stage::Testing => group.idle_ones(),
            Stage::Kept => group.members.iter().filter(|m| !m.idle).map(|m| m.subject).collect(),
        };
        // They leave first, so that what they are at is finished.
        group.retire_all(leaving, api);
        if stage == Stage::Kept {
            group.switch(api);
            let boxes = group.present();
            api.remark(About::Service(group.service), || {
                format!("all requests are switched back to the old set of {boxes}")
            });
        }
        group.live = None;
        group.refresh.as_mut().expect("seen above").done = true;
        self.declare(s, RolloutStep::RollbackCompletes, api);
        self.begin_what_waits(s, api);
    }
}
