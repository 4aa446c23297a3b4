//! Instance refresh: bakes an image with the new version and replaces the machines of the group batch by batch.
//!
//! A batch is what the minimum healthy share allows, at least one machine. With `launch_first` replacements are
//! launched before the machines that they replace leave. A replacement that does not become healthy stops the
//! refresh; after the deadline a person is called. Taking a version back is a refresh to the image before, which
//! exists already. Follows AWS instance refresh with the limits of an instance maintenance policy.

use super::{Cattle, IMAGE_BAKED, REFRESH_DEADLINE, REFRESH_STEP, Task, sample};
use crate::engine::{Purpose, SimTime};
use crate::world::observation::RolloutStep;
use crate::world::{About, Activity, Api, BoxId, PlatformEvent, ServiceId, Urgency, Version, Work};

const VERSION_BUILD: Purpose = Purpose::named("version build");
const BAKE: Purpose = Purpose::named("image bake");
const ROLL_BACK: Purpose = Purpose::named("cattle rollback");

/// A version on its way to the machines of a group, or back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refresh {
    pub version: Version,
    previous: Version,
    back: bool,
    /// Replacements that entered service warm up until then.
    warm_at: SimTime,
    /// When it began, or a replacement last entered service.
    progressed: SimTime,
    done: bool,
}

impl super::group::Group {
    pub(super) fn is_refreshing(&self) -> bool {
        self.refresh.is_some_and(|r| !r.done)
    }
}

impl Cattle {
    pub(super) fn on_release(&mut self, service: ServiceId, version: Version, api: &mut Api<'_>) {
        let key = [u64::from(service.0), u64::from(version.0)];
        let build = sample(&self.practice.build, VERSION_BUILD, &key, api);
        let bake = sample(&self.parameters.bake, BAKE, &key, api);
        api.after(build + bake, PlatformEvent::with(IMAGE_BAKED, u32::from(service.0), version.0));
    }

    pub(super) fn begin_refresh(&mut self, s: usize, version: Version, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        // Nothing new goes out while somebody finds out what is wrong, or takes something back.
        if group.is_refreshing() || self.tasks.values().any(|task| task.group() == s) {
            group.waiting = Some(version);
            return;
        }
        let previous = std::mem::replace(&mut group.version, version);
        let progressed = api.now();
        let warm_at = SimTime::ZERO;
        group.refresh = Some(Refresh { version, previous, back: false, warm_at, progressed, done: false });
        api.declare_rollout(group.service, version, RolloutStep::Begins);
        let deadline = PlatformEvent::with(REFRESH_DEADLINE, s as u32, version.0);
        api.after(self.practice.rollout_deadline, deadline);
        self.refresh_progress(s, api);
    }

    /// Does what the present state of the group allows: the next batch, or the end.
    pub(super) fn refresh_progress(&mut self, s: usize, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        let Some(refresh) = group.refresh.filter(|r| !r.done) else { return };
        let now = api.now();
        let target = group.version;
        let old: Vec<BoxId> =
            group.members.iter().filter(|m| m.version != target).map(|m| m.subject).collect();
        let fresh: Vec<Option<SimTime>> =
            group.members.iter().filter(|m| m.version == target).map(|m| m.in_service).collect();
        if fresh.iter().any(Option::is_none) {
            return; // replacements are on their way; their first good check calls again
        }
        let newest = fresh.iter().flatten().copied().max().unwrap_or_default();
        let warm_at = newest + self.parameters.refresh.warm_up;
        if newest > SimTime::ZERO && now < warm_at {
            if refresh.warm_at != warm_at {
                group.refresh = Some(Refresh { warm_at, progressed: now, ..refresh });
                api.at(warm_at, PlatformEvent::with(REFRESH_STEP, s as u32, 0));
            }
            return;
        }
        // Machines beyond the desired number were launched to replace old ones.
        let surplus = (group.members.len() as u32).saturating_sub(group.desired);
        for &subject in old.iter().take(surplus as usize) {
            group.retire(subject, api);
        }
        let old: Vec<BoxId> = old.into_iter().skip(surplus as usize).collect();
        if old.is_empty() {
            return self.finish_refresh(s, api);
        }
        let must_stay =
            (f64::from(group.desired) * self.parameters.refresh.min_healthy.as_f64()).ceil() as u32;
        let batch = group.desired.saturating_sub(must_stay).max(1).min(old.len() as u32);
        if !self.parameters.refresh.launch_first {
            for &subject in old.iter().take(batch as usize) {
                group.retire(subject, api);
            }
        }
        group.launch(batch, api);
    }

    fn finish_refresh(&mut self, s: usize, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        let refresh = group.refresh.as_mut().expect("called during a refresh");
        refresh.done = true;
        let step = if refresh.back { RolloutStep::RollbackCompletes } else { RolloutStep::Completes };
        api.declare_rollout(group.service, refresh.version, step);
        self.begin_what_waits(s, api);
    }

    /// A refresh in which nothing entered service for too long is looked at; one that goes on gets more time.
    pub(super) fn on_refresh_deadline(&mut self, s: usize, version: Version, api: &mut Api<'_>) {
        let Some(refresh) = self.groups[s].refresh.filter(|r| r.version == version && !r.done && !r.back)
        else {
            return;
        };
        let due = refresh.progressed.max(refresh.warm_at) + self.practice.rollout_deadline;
        if api.now() < due {
            api.at(due, PlatformEvent::with(REFRESH_DEADLINE, s as u32, version.0));
        } else if !self.tasks.values().any(|t| *t == Task::LookAtRefresh(s)) {
            self.page(Task::LookAtRefresh(s), api);
        }
    }

    /// Somebody has looked at a refresh that stalled: it is taken back unless it went on meanwhile.
    pub(super) fn on_refresh_looked_at(&mut self, s: usize, api: &mut Api<'_>) {
        let Some(refresh) = self.groups[s].refresh.filter(|r| !r.done && !r.back) else {
            return self.begin_what_waits(s, api);
        };
        if api.now() < refresh.progressed.max(refresh.warm_at) + self.practice.rollout_deadline {
            self.on_refresh_deadline(s, refresh.version, api);
        } else {
            self.ask_for_rollback(s, api);
        }
    }

    /// A release that had to wait goes out, if nothing stands in its way any more.
    pub(super) fn begin_what_waits(&mut self, s: usize, api: &mut Api<'_>) {
        if let Some(version) = self.groups[s].waiting.take() {
            self.begin_refresh(s, version, api);
        }
    }

    pub(super) fn ask_for_rollback(&mut self, s: usize, api: &mut Api<'_>) {
        let asked = self.tasks.values().any(|task| *task == Task::RollBack(s));
        let Some(refresh) = self.groups[s].refresh.filter(|r| !r.back && !asked) else { return };
        let cause = u64::from(refresh.version.0) << 16 | s as u64;
        let touch = sample(&self.parameters.rollback, ROLL_BACK, &[cause], api);
        let about = About::Service(self.groups[s].service);
        let (activity, urgency) = (Activity::Rollback, Urgency::AtOnce);
        let work = api.ask(Work { activity, urgency, touch, cause, about });
        self.tasks.insert(work, Task::RollBack(s));
    }

    /// The image before becomes the group's image again, and the machines follow.
    pub(super) fn roll_back(&mut self, s: usize, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        let Some(refresh) = group.refresh.as_mut().filter(|r| !r.back) else { return };
        (refresh.back, refresh.done, refresh.warm_at) = (true, false, SimTime::ZERO);
        group.version = refresh.previous;
        let bad = refresh.version;
        api.declare_rollout(group.service, bad, RolloutStep::RollbackBegins);
        // Replacements that never came up have nothing to drain and nothing to wait for.
        let dead: Vec<BoxId> = group
            .members
            .iter()
            .filter(|m| m.version == bad && m.in_service.is_none())
            .map(|m| m.subject)
            .collect();
        for subject in dead {
            group.retire(subject, api);
        }
        self.refresh_progress(s, api);
    }
}
