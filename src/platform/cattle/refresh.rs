//! Instance refresh: replaces the machines of a group by machines from another image, batch by batch.
//!
//! Follows AWS instance refresh with the limits of an instance maintenance policy. With a maximum above 100 % a batch
//! of replacements comes before the machines that they replace leave; else a batch leaves, drains, and is replaced
//! then. The next batch, or the end, waits until those that leave are gone. A replacement that does not become healthy
//! stops the refresh; after the deadline a person is called, or an alert takes it back at once. Who is paged because requests
//! fail holds it until it is clear why. Taking a version back is a refresh to the image before, which exists already.
//!
//! Other strategies begin and end here too. All machines can go at once; a canary stops after each of its steps
//! ([`canary`](super::canary)). Machines that configure themselves are not replaced: the version spreads to them
//! ([`converge`](super::converge)), or a tool goes from one to the next ([`in_place`](super::in_place)). A second set
//! of machines has a file of its own ([`blue_green`](super::blue_green)). Start at [`Cattle::refresh_progress`].
//!
//! *Deviation:* machines that scaling launches during a canary have the new version, as those of an instance refresh do.

use super::blue_green::Stage;
use super::group::Group;
use super::members::Member;
use super::{Cattle, IMAGE_BAKED, REFRESH_DEADLINE, REFRESH_STEP, Task, sample};
use crate::engine::{Purpose, SimTime};
use crate::platform::rollout::{Strategy, Watch};
use crate::world::observation::RolloutStep;
use crate::world::{About, Activity, Api, BoxId, PlatformEvent, ServiceId, Urgency, Version, Work};

const VERSION_BUILD: Purpose = Purpose::named("version build");
const ROLL_BACK: Purpose = Purpose::named("cattle rollback");

/// An image on its way to the machines of a group, or back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refresh {
    pub version: Version,
    /// Version and image before.
    pub previous: (Version, u32),
    pub back: bool,
    begun: SimTime,
    /// Replacements that entered service warm up until then, or a checkpoint holds the refresh.
    pub warm_at: SimTime,
    /// Checkpoints or steps of a canary that are behind it.
    pub passed: usize,
    /// The requests of the canary are compared with the others.
    pub watch: Option<Watch>,
    /// Where the second set of machines stands, if there is one.
    pub stage: Stage,
    /// When it began, or a replacement last entered service.
    pub progressed: SimTime,
    pub done: bool,
    /// Somebody finds out why requests fail: nothing more is replaced meanwhile.
    pub is_held: bool,
    /// A configuration, which machines fetch: none is replaced because of it.
    pub pushed: bool,
}

impl Group {
    pub(super) fn is_refreshing(&self) -> bool {
        self.refresh.is_some_and(|r| !r.done)
    }

    /// What went out last, or is on its way, is a configuration.
    pub(super) fn has_pushed(&self) -> bool {
        self.refresh.is_some_and(|r| r.pushed)
    }

    /// Others are to be replaced: those with another image, and unless they are skipped those from before.
    fn is_fresh(&self, m: &Member, skip_matching: bool) -> bool {
        let begun = self.refresh.map_or(SimTime::ZERO, |r| r.begun);
        m.image == self.image && (skip_matching || m.launched >= begun)
    }
}

impl Cattle {
    pub(super) fn on_release(&mut self, service: ServiceId, version: Version, api: &mut Api<'_>) {
        let key = [u64::from(service.0), u64::from(version.0)];
        let build = sample(&self.practice.build, VERSION_BUILD, &key, api);
        let bake = self.parameters.image.bake_span(key, api);
        api.after(build + bake, PlatformEvent::with(IMAGE_BAKED, u32::from(service.0), version.0));
    }

    pub(super) fn begin_refresh(&mut self, s: usize, version: Version, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        if version.code() < group.version.code() {
            return; // a newer one was faster
        }
        // What was configured since its bake began stays.
        let version = if version.code() == group.version.code() { group.version } else { version };
        // Nothing new goes out while somebody finds out what is wrong, or takes something back.
        let is_at_it =
            |task: &Task| task.group() == s && !matches!(task, Task::RenewImage(_) | Task::Read(_));
        if group.is_refreshing() || self.tasks.values().any(is_at_it) {
            // A newer version waits, not the image of an older one.
            let newer = group.waiting.filter(|other| other.code() > version.code());
            group.waiting = Some(newer.unwrap_or(version));
            return;
        }
        self.start_refresh(s, version, false, api);
    }

    pub(super) fn start_refresh(&mut self, s: usize, version: Version, pushed: bool, api: &mut Api<'_>) {
        let (group, now) = (&mut self.groups[s], api.now());
        let previous = (std::mem::replace(&mut group.version, version), group.image);
        group.image += 1;
        let is_patch = previous.0 == version;
        let brings_fixes = !pushed && (is_patch || !self.parameters.changes_in_place());
        group.note_image(now.into(), brings_fixes);
        if self.parameters.rollout.strategy == Strategy::BlueGreen && !pushed {
            group.live = Some(previous);
        }
        group.refresh = Some(Refresh {
            version,
            previous,
            back: false,
            begun: now,
            warm_at: SimTime::ZERO,
            passed: 0,
            watch: None,
            stage: Stage::Filling,
            progressed: now,
            done: false,
            is_held: false,
            pushed,
        });
        self.declare(s, RolloutStep::Begins, api);
        let deadline = PlatformEvent::with(REFRESH_DEADLINE, s as u32, version.0);
        api.after(self.practice.rollout_deadline, deadline);
        self.bring_out(s, api);
    }

    /// An image that was only baked again is no release: nobody hears of it.
    pub(super) fn declare(&self, s: usize, step: RolloutStep, api: &mut Api<'_>) {
        let group = &self.groups[s];
        let refresh = group.refresh.expect("called during a refresh");
        if refresh.version != refresh.previous.0 {
            api.declare_rollout(group.service, refresh.version, step);
        }
    }

    fn bring_out(&mut self, s: usize, api: &mut Api<'_>) {
        let rolls =
            self.parameters.changes_in_place() && self.parameters.rollout.strategy == Strategy::Rolling;
        if rolls || self.groups[s].has_pushed() {
            let everywhere = self.spread_version(s, api);
            self.groups[s].refresh.as_mut().expect("called during a refresh").warm_at = everywhere;
        }
        self.refresh_progress(s, api);
    }

    /// Does what the present state of the group allows: the next batch, or the end.
    pub(super) fn refresh_progress(&mut self, s: usize, api: &mut Api<'_>) {
        if self.groups[s].refresh.is_some_and(|r| r.is_held) {
            return;
        }
        let strategy = self.parameters.rollout.strategy;
        let pushed = self.groups[s].has_pushed();
        match strategy {
            _ if pushed => {}
            Strategy::BlueGreen => return self.second_set_progress(s, api),
            Strategy::InPlace => return self.next_wave(s, api),
            Strategy::ByHand | Strategy::Rolling | Strategy::Recreate | Strategy::Canary => {}
        }
        if self.is_in_canary(s) && self.watch_canary(s, api) {
            return;
        }
        let p = &self.parameters.refresh;
        let in_place = pushed || self.parameters.changes_in_place();
        let group = &mut self.groups[s];
        let Some(refresh) = group.refresh.filter(|r| !r.done) else { return };
        let now = api.now();
        let skips = p.skip_matching || in_place;
        let fresh = || group.members.iter().filter(|m| group.is_fresh(m, skips));
        if !group.awaited.is_empty() || fresh().any(|m| m.in_service.is_none()) {
            return; // replacements are on their way; their first good check calls again
        }
        let newest = fresh().filter_map(|m| m.in_service).max().unwrap_or_default();
        let fresh = fresh().count() as u32;
        let old = group.members.len() as u32 - fresh;
        if in_place {
            return if old == 0 {
                self.finish_refresh(s, api)
            };
        }
        let warm_at = newest + p.warm_up;
        if newest > SimTime::ZERO && now < warm_at {
            if refresh.warm_at != warm_at {
                group.refresh = Some(Refresh { warm_at, progressed: now, ..refresh });
                api.at(warm_at, PlatformEvent::with(REFRESH_STEP, s as u32, 0));
            }
            return;
        }
        if now < refresh.warm_at || refresh.watch.is_some_and(|w| !w.is_early()) {
            return; // a checkpoint or the watch holds it
        }
        // Machines beyond the desired number were launched to replace old ones.
        let surplus = (group.members.len() as u32).saturating_sub(group.desired);
        let leave = group.first_to_go(|m| !group.is_fresh(m, skips), surplus, now);
        for &subject in &leave {
            group.retire(subject, api);
        }
        if !group.leaving.is_empty() {
            return; // it waits until they have drained and are gone
        }
        let old = old - leave.len() as u32;
        if old == 0 {
            return self.finish_refresh(s, api);
        }
        let stop = self.next_stop(s, &refresh);
        match stop.filter(|_| !refresh.back) {
            Some((boxes, hold)) if fresh >= boxes => self.hold(s, hold, api),
            Some((boxes, _)) if strategy == Strategy::Canary => {
                self.next_batch(s, old.min(boxes - fresh), api);
            }
            _ => self.next_batch(s, old, api),
        }
    }

    /// Whoever held it found that it is not why requests fail, or that they do not fail any more.
    pub(super) fn let_refresh_go_on(&mut self, s: usize, api: &mut Api<'_>) {
        let is_taken_back = self.tasks.values().any(|task| *task == Task::RollBack(s));
        if let Some(refresh) = self.groups[s].refresh.as_mut().filter(|r| r.is_held && !is_taken_back) {
            (refresh.is_held, refresh.progressed) = (false, api.now());
            self.refresh_progress(s, api);
        }
    }

    /// A machine that it took out of service is gone.
    pub(super) fn refresh_goes_on(&mut self, s: usize, api: &mut Api<'_>) {
        if let Some(refresh) = self.groups[s].refresh.as_mut() {
            refresh.progressed = api.now();
        }
        self.refresh_progress(s, api);
    }

    /// So many of the old machines are replaced, or as many as may be at a time.
    fn next_batch(&mut self, s: usize, most: u32, api: &mut Api<'_>) {
        let p = &self.parameters.refresh;
        let strategy = self.parameters.rollout.strategy;
        let all_at_once = strategy == Strategy::Recreate;
        let skip_matching = p.skip_matching;
        let group = &mut self.groups[s];
        let size = f64::from(group.desired);
        let must_stay = if all_at_once { 0 } else { (size * p.min_healthy.as_f64()).ceil() as u32 };
        let may_leave = group.desired.saturating_sub(must_stay).max(1);
        if p.max_healthy.as_f64() > 1.0 && !all_at_once {
            let batch = ((size * (p.max_healthy.as_f64() - 1.0)) as u32).max(1).min(most);
            return group.launch(batch, api);
        }
        let batch = may_leave.min(most);
        for subject in group.first_to_go(|m| !group.is_fresh(m, skip_matching), batch, api.now()) {
            group.retire_then_launch(subject, api);
        }
    }

    pub(super) fn finish_refresh(&mut self, s: usize, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        let refresh = group.refresh.as_mut().expect("called during a refresh");
        refresh.done = true;
        if refresh.watch.take().is_some() {
            api.end_comparison(group.service);
        }
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
        let seen = if refresh.is_held { api.now() } else { refresh.progressed.max(refresh.warm_at) };
        let due = seen + self.practice.rollout_deadline;
        if api.now() < due {
            api.at(due, PlatformEvent::with(REFRESH_DEADLINE, s as u32, version.0));
        } else if self.parameters.rollout.strategy == Strategy::Canary && !refresh.pushed {
            self.give_canary_up(s, "its boxes do not come up in time", api);
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
        let p = &self.parameters;
        let switches = p.rollout.strategy == Strategy::BlueGreen && !refresh.pushed;
        let touch = if switches { &p.rollout.blue_green.switch } else { &p.rollback };
        let touch = sample(touch, ROLL_BACK, &[cause], api);
        let about = About::Service(self.groups[s].service);
        let (activity, urgency) = (Activity::Rollback, Urgency::AtOnce);
        let work = api.ask(Work { activity, urgency, touch, cause, about });
        self.tasks.insert(work, Task::RollBack(s));
    }

    /// The image before becomes the group's image again, and the machines follow.
    pub(super) fn roll_back(&mut self, s: usize, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        if group.refresh.is_none_or(|r| r.back) {
            return;
        }
        let pushed = group.has_pushed();
        if self.parameters.rollout.strategy == Strategy::BlueGreen && !pushed {
            return self.switch_back(s, api);
        }
        let is_canary = self.is_in_canary(s);
        let group = &mut self.groups[s];
        let refresh = group.refresh.as_mut().expect("seen above");
        (refresh.back, refresh.done, refresh.is_held, refresh.warm_at) = (true, false, false, SimTime::ZERO);
        if refresh.watch.take().is_some() {
            api.end_comparison(group.service);
        }
        refresh.begun = api.now();
        // Nobody waits for what was on its way out.
        group.leaving.clear();
        let (bad, taken_back) = (group.image, refresh.version.code());
        (group.version, group.image) = refresh.previous;
        // Nor does a newer image of the same release go out.
        group.waiting.take_if(|waiting| waiting.code() == taken_back && taken_back != group.version.code());
        self.declare(s, RolloutStep::RollbackBegins, api);
        if self.parameters.rollout.strategy == Strategy::InPlace && !pushed {
            self.call_tool_back(s, api);
        }
        if pushed || self.parameters.changes_in_place() {
            return self.bring_out(s, api);
        }
        let group = &mut self.groups[s];
        // A canary gets no more requests, and others come at once: nothing here waits for its last ones. Unless callers
        // had nobody left.
        let serves = |m: &Member| m.image != bad && m.in_service.is_some() && !m.unhealthy;
        let leaves_at_once = is_canary && group.members.iter().any(serves);
        // Replacements that never came up have nothing to drain and nothing to wait for.
        let goes = |m: &&Member| m.image == bad && (leaves_at_once || m.in_service.is_none());
        let gone: Vec<BoxId> = group.members.iter().filter(goes).map(|m| m.subject).collect();
        for subject in gone {
            group.retire(subject, api);
        }
        if leaves_at_once {
            group.awaited.clear();
            let missing = group.missing();
            group.launch(missing, api);
        }
        self.refresh_progress(s, api);
    }
}
