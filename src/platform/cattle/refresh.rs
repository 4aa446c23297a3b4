//! Instance refresh: replaces the machines of a group by machines from another image, batch by batch.
//!
//! Follows AWS instance refresh with the limits of an instance maintenance policy. With a maximum above 100 % a batch
//! of replacements comes before the machines that they replace leave; else a batch leaves, drains, and is replaced
//! then. A replacement that does not become healthy stops the refresh; after the deadline a person is called, or an
//! alert takes it back at once. Taking a version back is a refresh to the image before, which exists already. Machines
//! that configure themselves are not replaced: the version spreads to them ([`converge`](super::converge)).
//! Start at [`Cattle::refresh_progress`].

use super::image::ImageKind;
use super::{Cattle, IMAGE_BAKED, REBUILD, REFRESH_DEADLINE, REFRESH_STEP, Task, sample};
use crate::engine::{Purpose, SimTime};
use crate::world::observation::RolloutStep;
use crate::world::{About, Activity, Api, BoxId, PlatformEvent, ServiceId, Urgency, Version, Work};

const VERSION_BUILD: Purpose = Purpose::named("version build");
const ROLL_BACK: Purpose = Purpose::named("cattle rollback");

/// An image on its way to the machines of a group, or back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refresh {
    pub version: Version,
    /// Version and image before.
    previous: (Version, u32),
    back: bool,
    begun: SimTime,
    /// Replacements that entered service warm up until then, or a checkpoint holds the refresh.
    warm_at: SimTime,
    /// Checkpoints that are behind it.
    passed: usize,
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
        let bake = self.parameters.image.bake_span(key, api);
        api.after(build + bake, PlatformEvent::with(IMAGE_BAKED, u32::from(service.0), version.0));
    }

    /// An image that is too old is baked again with the version that is in it; one that is not is looked at later.
    pub(super) fn on_rebuild_due(&mut self, s: usize, api: &mut Api<'_>) {
        let p = &self.parameters.image;
        let Some(most) = p.rebuild_after else { return };
        let group = &self.groups[s];
        let due = group.baked + most;
        if api.now() < due {
            api.at(due, PlatformEvent::with(REBUILD, s as u32, 0));
            return;
        }
        let key = [u64::from(group.service.0), u64::from(group.version.0) << 32 | u64::from(group.image)];
        let bake = p.bake_span(key, api);
        api.after(bake, PlatformEvent::with(IMAGE_BAKED, s as u32, group.version.0));
        api.after(most, PlatformEvent::with(REBUILD, s as u32, 0));
    }

    pub(super) fn begin_refresh(&mut self, s: usize, version: Version, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        if version < group.version {
            return; // a newer one was faster
        }
        // Nothing new goes out while somebody finds out what is wrong, or takes something back.
        if group.is_refreshing() || self.tasks.values().any(|task| task.group() == s) {
            // A newer version waits, not the image of an older one.
            group.waiting = Some(group.waiting.map_or(version, |other| other.max(version)));
            return;
        }
        let now = api.now();
        let previous = (std::mem::replace(&mut group.version, version), group.image);
        group.image += 1;
        group.baked = now;
        let (warm_at, progressed, begun) = (SimTime::ZERO, now, now);
        let refresh =
            Refresh { version, previous, back: false, begun, warm_at, passed: 0, progressed, done: false };
        group.refresh = Some(refresh);
        self.declare(s, RolloutStep::Begins, api);
        let deadline = PlatformEvent::with(REFRESH_DEADLINE, s as u32, version.0);
        api.after(self.practice.rollout_deadline, deadline);
        self.bring_out(s, api);
    }

    /// An image that was only baked again is no release: nobody hears of it.
    fn declare(&self, s: usize, step: RolloutStep, api: &mut Api<'_>) {
        let group = &self.groups[s];
        let refresh = group.refresh.expect("called during a refresh");
        if refresh.version != refresh.previous.0 {
            api.declare_rollout(group.service, refresh.version, step);
        }
    }

    fn bring_out(&mut self, s: usize, api: &mut Api<'_>) {
        if self.parameters.image.kind == ImageKind::Thin {
            let everywhere = self.spread_version(s, api);
            self.groups[s].refresh.as_mut().expect("called during a refresh").warm_at = everywhere;
        }
        self.refresh_progress(s, api);
    }

    /// Does what the present state of the group allows: the next batch, or the end.
    pub(super) fn refresh_progress(&mut self, s: usize, api: &mut Api<'_>) {
        let p = &self.parameters.refresh;
        let in_place = self.parameters.image.kind == ImageKind::Thin;
        let group = &mut self.groups[s];
        let Some(refresh) = group.refresh.filter(|r| !r.done) else { return };
        let (now, target) = (api.now(), group.image);
        let is_fresh = |m: &&super::group::Member| {
            m.image == target && (p.skip_matching || in_place || m.launched >= refresh.begun)
        };
        let old: Vec<BoxId> = group.members.iter().filter(|m| !is_fresh(m)).map(|m| m.subject).collect();
        let fresh: Vec<Option<SimTime>> =
            group.members.iter().filter(is_fresh).map(|m| m.in_service).collect();
        if fresh.iter().any(Option::is_none) || !group.awaited.is_empty() {
            return; // replacements are on their way; their first good check calls again
        }
        if in_place {
            return if old.is_empty() {
                self.finish_refresh(s, api)
            };
        }
        let newest = fresh.iter().flatten().copied().max().unwrap_or_default();
        let warm_at = newest + p.warm_up;
        if newest > SimTime::ZERO && now < warm_at {
            if refresh.warm_at != warm_at {
                group.refresh = Some(Refresh { warm_at, progressed: now, ..refresh });
                api.at(warm_at, PlatformEvent::with(REFRESH_STEP, s as u32, 0));
            }
            return;
        }
        if now < refresh.warm_at {
            return; // a checkpoint holds it
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
        let size = f64::from(group.desired);
        let reached =
            p.checkpoints.get(refresh.passed).is_some_and(|c| fresh.len() as f64 >= size * c.as_f64());
        if reached && !refresh.back {
            let warm_at = now + p.checkpoint_delay;
            group.refresh = Some(Refresh { warm_at, passed: refresh.passed + 1, ..refresh });
            api.at(warm_at, PlatformEvent::with(REFRESH_STEP, s as u32, 0));
            return;
        }
        if p.max_healthy.as_f64() > 1.0 {
            let batch = ((size * (p.max_healthy.as_f64() - 1.0)) as u32).max(1).min(old.len() as u32);
            group.launch(batch, api);
        } else {
            let must_stay = (size * p.min_healthy.as_f64()).ceil() as u32;
            let batch = group.desired.saturating_sub(must_stay).max(1).min(old.len() as u32);
            for &subject in old.iter().take(batch as usize) {
                group.retire_then_launch(subject, api);
            }
        }
    }

    fn finish_refresh(&mut self, s: usize, api: &mut Api<'_>) {
        let refresh = self.groups[s].refresh.as_mut().expect("called during a refresh");
        refresh.done = true;
        let step = if refresh.back { RolloutStep::RollbackCompletes } else { RolloutStep::Completes };
        self.declare(s, step, api);
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
        refresh.begun = api.now();
        let bad = group.image;
        (group.version, group.image) = refresh.previous;
        self.declare(s, RolloutStep::RollbackBegins, api);
        if self.parameters.image.kind == ImageKind::Thin {
            return self.bring_out(s, api);
        }
        let group = &mut self.groups[s];
        // Replacements that never came up have nothing to drain and nothing to wait for.
        let is_dead = |m: &&super::group::Member| m.image == bad && m.in_service.is_none();
        let dead: Vec<BoxId> = group.members.iter().filter(is_dead).map(|m| m.subject).collect();
        for subject in dead {
            group.retire(subject, api);
        }
        self.refresh_progress(s, api);
    }
}
