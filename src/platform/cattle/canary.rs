//! Pauses of a refresh: checkpoints, and the steps of a canary, after which its requests are judged.
//!
//! A canary is a refresh that stops when its share of the machines is new, and has the logs of both versions compared. It
//! goes on by itself, or is taken back by itself: machines that can be spared leave at once. Knows no image. Start at
//! [`Cattle::next_stop`].

use super::refresh::Refresh;
use super::{Cattle, REFRESH_STEP};
use crate::engine::SimDuration;
use crate::platform::rollout::{Strategy, Verdict, Watch};
use crate::world::{About, Api, PlatformEvent};

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
            let watch = Watch::begin(&self.parameters.rollout.canary, service, refresh.version, api);
            (refresh.watch, next) = (Some(watch), watch.next);
        }
        api.at(next, PlatformEvent::with(REFRESH_STEP, s as u32, 0));
    }

    /// A look at the canary: it goes on when it was watched for long enough, or is taken back without anybody's doing.
    pub(super) fn judge_canary(&mut self, s: usize, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        let (service, desired) = (group.service, group.desired);
        let refresh = group.refresh.as_mut().expect("called during a refresh");
        let watch = refresh.watch.as_mut().expect("it is watched");
        if api.now() < watch.next {
            return; // something else woke the group
        }
        let Some(analysis) = watch.look(&self.parameters.rollout.canary, service, api) else {
            api.at(watch.next, PlatformEvent::with(REFRESH_STEP, s as u32, 0));
            return;
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
        if good { self.refresh_progress(s, api) } else { self.roll_back(s, api) }
    }
}
