//! A warm pool: machines that were booted and configured ahead, and wait beside a group until it launches one.
//!
//! Follows the warm pools of AWS auto scaling groups. Whatever the group launches machines for (growth, or the replacement of
//! one that is unhealthy), one that waits is taken first if it has the right image; those that wait stopped are started, which
//! the cloud may refuse as it may refuse a launch. When the group gets smaller, others are launched into the pool. Machines
//! with an old image are replaced once an instance refresh is through with the group, a tenth of the pool at a pass; the
//! refresh itself finds nothing in the pool that it could use. Machines that leave the group are given back, not returned to
//! the pool, which is the default.
//!
//! *Deviation:* the pool is looked after at the passes of the group's health, and not at all during a refresh, which is done
//! before its pool is. Stopping a machine takes no time.
//!
//! Start at [`Group::keep_pool`].

use super::group::Group;
use super::members::Member;
use crate::catalog::Purchase;
use crate::engine::SimTime;
use crate::parameter::{Factor, choices, section};
use crate::world::{About, Api, BoxId, PlatformEvent, Version, VmId, VmStatus, ZoneId};

choices! {
    /// How the machines of a warm pool wait.
    pub enum PoolState {
        /// There is no pool.
        None = "none",
        /// Stopped: only their disks are paid for.
        Stopped = "stopped",
        /// Running and paid for, their boxes up.
        Running = "running",
    }
}

section! {
    /// A warm pool: machines that are booted and configured ahead wait beside the group until it grows.
    pub struct WarmPoolParameters {
        /// How they wait. Stopped ones cost their disks and have to be started, which takes `cloud.start`; running ones can serve at once.
        state: PoolState = "none", from "auto scaling user guide: a group has no warm pool unless it is given one", grade Verified;
        /// Size that group and pool have together, as a multiple of what the peak needs; without one, all that the group may grow to.
        prepared: Option<Factor>, optional;
        /// Machines that wait at least, however large the group is.
        min: u32 = 0 in |&n| n <= 10_000 => "at most 10000", from "auto scaling user guide", grade Verified;
    }
}

/// What a group has to know of that.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolRules {
    pub state: PoolState,
    pub prepared: Option<Factor>,
    pub min: u32,
}

impl Group {
    /// Machines that should wait.
    fn pool_size(&self) -> u32 {
        let rules = &self.rules.pool;
        if rules.state == PoolState::None {
            return 0;
        }
        let most =
            rules.prepared.map_or(self.max, |f| (f64::from(self.peak_size) * f.as_f64()).ceil() as u32);
        most.saturating_sub(self.desired).max(rules.min)
    }

    /// Machines that wait since before the simulation began.
    pub fn adopt_pool(&mut self, api: &mut Api<'_>) {
        for i in 0..self.pool_size() as usize {
            let zone = self.zones().nth(i % self.zones().count()).expect("within their number");
            let vm = api.adopt_vm(self.instance, zone, Purchase::OnDemand);
            let subject = if self.rules.pool.state == PoolState::Running {
                api.adopt_box(self.service, vm)
            } else {
                let subject = api.create_box(self.service, self.version);
                api.place_box(subject, vm);
                api.stop_vm(vm);
                subject
            };
            self.pool.push(Member {
                prepared: Some(SimTime::ZERO),
                ..Member::new(
                    (subject, vm),
                    zone,
                    Purchase::OnDemand,
                    (self.version, self.image),
                    SimTime::ZERO,
                )
            });
        }
    }

    /// Replaces what cannot be used, and makes the pool as large as it should be.
    pub fn keep_pool(&mut self, api: &mut Api<'_>) {
        if self.rules.pool.state == PoolState::None || self.is_refreshing() {
            return;
        }
        let now = api.now();
        let is_lost = |m: &Member| match m.prepared {
            Some(_) => {
                matches!(api.vm_status(m.vm), VmStatus::Impaired | VmStatus::HostFailed | VmStatus::Gone)
            }
            None => now.since(m.launched) >= self.rules.launch_timeout,
        };
        let mut renewed = (self.pool.len() / 10).max(1);
        let mut is_useless = |m: &Member| {
            let is_next = m.image != self.image && renewed > 0;
            renewed -= usize::from(is_next);
            is_next || is_lost(m)
        };
        let (useless, mut kept): (Vec<Member>, Vec<Member>) = self.pool.iter().partition(|m| is_useless(m));
        // Those that came last are given up first: they may not be ready yet.
        let surplus = kept.split_off(kept.len().min(self.pool_size() as usize));
        self.pool = kept;
        for member in useless.into_iter().chain(surplus) {
            api.terminate_vm(member.vm);
        }
        for i in 0..self.pool.len() {
            self.stop_waiting(i, api); // the cloud may not have answered before
        }
        for _ in self.pool.len()..self.pool_size() as usize {
            self.launch_into_pool(api);
        }
    }

    fn launch_into_pool(&mut self, api: &mut Api<'_>) {
        let waiting = |zone: ZoneId| self.pool.iter().filter(|m| m.zone == zone).count();
        // Not where there was no capacity lately.
        let Some(zone) = self.open_zones(api.now()).min_by_key(|&zone| waiting(zone)) else { return };
        let (build, now) = ((self.version, self.image), api.now());
        let subject = api.create_box(self.service, self.version);
        let vm = api.launch_vm(self.instance, zone, Purchase::OnDemand);
        api.place_box(subject, vm);
        self.pool.push(Member::new((subject, vm), zone, Purchase::OnDemand, build, now));
    }

    /// One that is configured is stopped, where they wait like that.
    fn stop_waiting(&mut self, at: usize, api: &mut Api<'_>) {
        let Member { vm, prepared, .. } = self.pool[at];
        if self.rules.pool.state == PoolState::Stopped && prepared.is_some() {
            api.stop_vm(vm);
        }
    }

    /// A machine of the pool was configured: it waits from now on.
    pub fn note_pool_prepared(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(at) = self.pool.iter().position(|m| m.subject == subject) else { return };
        self.pool[at].prepared = Some(api.now());
        if self.rules.pool.state == PoolState::Running {
            api.start_box(subject, self.pool[at].version);
        }
        self.stop_waiting(at, api);
    }

    /// The cloud had no capacity for a machine of the pool, if it is one of those.
    pub(super) fn drop_from_pool(&mut self, vm: VmId) -> Option<Member> {
        let at = self.pool.iter().position(|m| m.vm == vm)?;
        Some(self.pool.remove(at))
    }

    /// Takes a machine that waits instead of launching one with this image: from the zone with the fewest members that has
    /// one ready. False if there is none.
    pub(super) fn draw(&mut self, build: (Version, u32), api: &mut Api<'_>) -> bool {
        let waits = match self.rules.pool.state {
            PoolState::None => return false,
            PoolState::Stopped => VmStatus::Stopped,
            PoolState::Running => VmStatus::Running,
        };
        let (now, crowds) = (api.now(), self.by_zone());
        let is_open = |zone: ZoneId| self.open_zones(now).any(|open| open == zone);
        let is_ready = |m: &Member| {
            let is_right = (m.version, m.image) == build && is_open(m.zone);
            m.prepared.is_some() && is_right && api.vm_status(m.vm) == waits
        };
        let crowd = |m: &Member| crowds.iter().find(|c| c.0 == m.zone).expect("of its zones").1;
        let ready = self.pool.iter().enumerate().filter(|(_, m)| is_ready(m));
        let Some((at, _)) = ready.min_by_key(|(at, m)| (crowd(m), *at)) else { return false };
        // The grace of its checks begins now.
        let member = Member { prepared: Some(now), ..self.pool.remove(at) };
        api.remark(About::Box(member.subject), || "is taken from the warm pool".to_owned());
        self.members.push(member);
        if waits == VmStatus::Stopped {
            api.start_vm(member.vm);
        } else {
            api.after(self.rules.launch_hook, PlatformEvent::about(super::LAUNCH_HOOK, member.subject));
        }
        true
    }
}
