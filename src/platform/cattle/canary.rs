//! Pauses of a refresh: checkpoints, and the steps of a canary, after which its requests are judged.
//!
//! A canary is a refresh that stops when its share of the machines is new, and has the logs of both versions compared. It
//! goes on by itself once all of its machines have been watched for long enough. It is taken back by itself as soon as
//! the first of them fails too many requests, or an alert fires; then all leave the list at once, as if their weight were
//! set to zero, and others are launched in the same instant. Knows no image. Start at [`Cattle::next_stop`].

use super::refresh::Refresh;
use super::{Cattle, REFRESH_STEP, Task};
use crate::engine::SimDuration;
use crate::platform::rollout::{Strategy, Verdict, Watch};
use crate::world::{About, Activity, Api, PlatformEvent, Urgency};

impl Cattle {
    /// At how many fresh machines the refresh pauses next, and for how long.
    pub(super) fn next_stop(&self, s: usize, refresh: &Refresh) -> Option<(u32, SimDuration)> {
        let (p, size) = (&self.parameters.refresh, self.groups[s].desired);
        if self.parameters.rollout.strategy == Strategy::Canary {
            let canary = &self.parameters.rollout.canary;
            return Some((canary.boxes_at(refresh.passed, size)?, canary.watch));
        }
        let boxes = (f64::from(size) * p.checkpoints.get(refresh.passed)?.as_f64()).ceil() as u32;
        Some((boxes, p.checkpoint_delay))
    }

    pub(super) fn hold(&mut self, s: usize, span: SimDuration, api: &mut Api<'_>) {
        let service = self.groups[s].service;
        let refresh = self.groups[s].refresh.as_mut().expect("called during a refresh");
        refresh.warm_at = api.now() + span;
        refresh.passed += 1;
        let mut next = refresh.warm_at;
        if self.parameters.rollout.strategy == Strategy::Canary {
            let canary = &self.parameters.rollout.canary;
            let early = refresh.watch.unwrap_or_else(|| Watch::early(canary, service, refresh.version, api));
            let watch = early.in_earnest(canary, service, api);
            (refresh.watch, next) = (Some(watch), watch.next);
        }
        api.at(next, PlatformEvent::with(REFRESH_STEP, s as u32, 0));
    }

    /// Some machines have a version that is not to be on all of them yet.
    pub(super) fn is_in_canary(&self, s: usize) -> bool {
        let is_canary = self.parameters.rollout.strategy == Strategy::Canary;
        let refresh = self.groups[s].refresh.filter(|r| is_canary && !r.done && !r.back && !r.pushed);
        refresh.is_some_and(|r| r.watch.is_some() || self.next_stop(s, &r).is_some())
    }

    /// Ends a canary for another reason than its own numbers.
    pub(super) fn give_canary_up(&mut self, s: usize, why: &str, api: &mut Api<'_>) {
        api.remark(About::Service(self.groups[s].service), || format!("canary: {why}: taken back"));
        self.take_canary_back(s, api);
    }

    /// Nobody has to do it. Somebody reads why, when there is time.
    fn take_canary_back(&mut self, s: usize, api: &mut Api<'_>) {
        self.ask_why(Task::Read(s), Activity::Rollback, Urgency::OfficeHours, api);
        self.roll_back(s, api);
    }

    /// Watches the canary from the moment on at which the first of its machines gets requests. True if it was judged,
    /// and all that follows from that is done.
    pub(super) fn watch_canary(&mut self, s: usize, api: &mut Api<'_>) -> bool {
        let group = &mut self.groups[s];
        let (service, image) = (group.service, group.image);
        let serves = group.members.iter().any(|m| m.image == image && m.in_service.is_some());
        let refresh = group.refresh.as_mut().expect("called during a refresh");
        match refresh.watch {
            Some(watch) if api.now() >= watch.next => self.judge_canary(s, api),
            None if serves => {
                let watch = Watch::early(&self.parameters.rollout.canary, service, refresh.version, api);
                refresh.watch = Some(watch);
                api.at(watch.next, PlatformEvent::with(REFRESH_STEP, s as u32, 0));
                false
            }
            _ => false,
        }
    }

    /// A look at the canary: it goes on when it was watched for long enough, or is taken back without anybody's doing.
    /// True if it was one or the other.
    fn judge_canary(&mut self, s: usize, api: &mut Api<'_>) -> bool {
        let group = &mut self.groups[s];
        let (service, desired) = (group.service, group.desired);
        let refresh = group.refresh.as_mut().expect("called during a refresh");
        let watch = refresh.watch.as_mut().expect("it is watched");
        let Some(analysis) = watch.look(&self.parameters.rollout.canary, service, api) else {
            api.at(watch.next, PlatformEvent::with(REFRESH_STEP, s as u32, 0));
            return false;
        };
        refresh.watch = None;
        let good = analysis.verdict == Verdict::Pass;
        let next = self.parameters.rollout.canary.boxes_at(refresh.passed, desired);
        api.remark(About::Service(service), || {
            let what = match (good, next) {
                (false, _) => "taken back".to_owned(),
                (true, Some(boxes)) => format!("on to {boxes} of {desired}"),
                (true, None) => "on to all".to_owned(),
            };
            format!("canary analysis: {analysis}: {what}")
        });
        if good {
            self.refresh_progress(s, api)
        } else {
            self.take_canary_back(s, api)
        }
        true
    }
}
