//! Health of a group: replaces what checks call unhealthy, renews what is too old, moves machines between zones.
//!
//! Modelled after AWS auto scaling groups with load balancer health checks. A machine that checks call unhealthy after
//! its grace period is replaced at the next pass; terminations and launches run together, at most a tenth of the group
//! at a time. Renewal and rebalancing launch before they terminate, and may exceed the desired size by a tenth for
//! that. Grace counts from the end of the first configuration: until then a launch hook holds the machine, and gives it
//! up after its timeout.
//!
//! Knows verdicts of checks and what the cloud's console shows. Start at [`Group::health_pass`].

use super::group::Group;
use super::members::Member;
use super::parameters::GroupHealthParameters;
use super::warm_pool::PoolState;
use crate::engine::{SimDuration, SimTime};
use crate::world::{Api, BoxId, VmStatus, ZoneId};

/// How long status checks of a machine fail until the group gives it up: two of them a minute apart, and its next look
/// at them. Recalled.
const IMPAIRED_FOR: SimDuration = SimDuration::from_mins(3);

impl Group {
    /// Replaces machines that are unhealthy or never came up, makes up the number, and renews.
    pub fn health_pass(&mut self, p: &GroupHealthParameters, api: &mut Api<'_>) {
        if self.is_blind {
            self.note_lost(api);
        }
        if self.restless {
            if self.members.iter().any(|m| m.gone) {
                self.discard_gone(api);
            }
            self.discard_sick(p, api);
            self.restless = self.members.iter().any(|m| m.unhealthy || m.in_service.is_none());
        }
        let missing = self.missing();
        self.launch(missing, api);
        if (self.unsettled || self.rules.max_lifetime.is_some()) && !self.restless && !self.is_refreshing() {
            self.renew(p, api);
        }
    }

    /// Whether a pass could change anything.
    pub(super) fn needs_pass(&self) -> bool {
        let watches = self.rules.max_lifetime.is_some() || self.rules.pool.state != PoolState::None;
        watches
            || self.is_blind
            || self.restless
            || self.unsettled
            || self.is_refreshing()
            || self.missing() > 0
    }

    /// The status checks of the cloud go on where those of the boxes are not heard (`HealthCheckType` EC2).
    fn note_lost(&mut self, api: &Api<'_>) {
        let now = api.now();
        let seen = |m: &Member| match api.vm_status(m.vm) {
            VmStatus::HostFailed | VmStatus::Gone => (m.impaired, true),
            VmStatus::Impaired => {
                let since = m.impaired.unwrap_or(now);
                (Some(since), m.unhealthy || now.since(since) >= IMPAIRED_FOR)
            }
            VmStatus::Pending | VmStatus::Running | VmStatus::Stopped => (None, m.unhealthy),
        };
        if self.members.iter().all(|m| seen(m) == (m.impaired, m.unhealthy)) {
            return;
        }
        for member in self.members.iter_mut() {
            (member.impaired, member.unhealthy) = seen(member);
            self.restless |= member.unhealthy;
        }
    }

    /// Machines that do not exist any more need no grace, and no limit on how many go at a time.
    fn discard_gone(&mut self, api: &mut Api<'_>) {
        let gone: Vec<BoxId> = self.members.iter().filter(|m| m.gone).map(|m| m.subject).collect();
        for subject in gone {
            api.declare_known_down(subject);
            self.discard(subject, api);
        }
    }

    fn discard_sick(&mut self, p: &GroupHealthParameters, api: &mut Api<'_>) {
        let now = api.now();
        let over = |m: &Member| match m.prepared {
            Some(prepared) => now.since(prepared) >= p.grace,
            None => {
                let waited = now.since(m.launched);
                let runs = matches!(api.vm_status(m.vm), VmStatus::Pending | VmStatus::Running);
                waited >= self.rules.launch_timeout || (!runs && waited >= p.grace)
            }
        };
        // Of one that is new no good word can have come either.
        let is_untold = |m: &Member| self.is_blind && m.prepared.is_some();
        let unwell = |m: &Member| (m.unhealthy || m.in_service.is_none() && !is_untold(m)) && over(m);
        let sick: Vec<BoxId> = self.members.iter().filter(|m| unwell(m)).map(|m| m.subject).collect();
        if sick.is_empty() {
            return;
        }
        // With nothing healthy left, replacing everything would only make it worse.
        let self_destruction = self.entry.healthy() == 0 && self.members.len() > 1;
        let allowed = if self_destruction { 1 } else { self.at_once(p).saturating_sub(self.missing()) };
        for &subject in sick.iter().take(allowed as usize) {
            api.declare_known_down(subject);
            self.discard(subject, api);
        }
    }

    fn at_once(&self, p: &GroupHealthParameters) -> u32 {
        ((f64::from(self.desired) * p.at_once.as_f64()) as u32).max(1)
    }

    /// Gives an unhealthy machine back at once: there is nothing to drain.
    fn discard(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let at = self.members.iter().position(|m| m.subject == subject).expect("a member");
        let member = self.members.remove(at);
        self.unsettled = true;
        self.entry.deregister(subject, api);
        api.terminate_vm(member.vm);
    }

    pub(super) fn is_past_lifetime(&self, m: &Member, now: SimTime) -> bool {
        self.rules.max_lifetime.is_some_and(|most| now.saturating_since(m.launched) >= most)
    }

    /// All is well: a machine too many goes, or others come for those that are too old or in the wrong zone.
    fn renew(&mut self, p: &GroupHealthParameters, api: &mut Api<'_>) {
        let surplus = self.present().saturating_sub(self.desired);
        if surplus > 0 {
            return self.shrink(surplus, api);
        }
        let now = api.now();
        let old = self.members.iter().filter(|m| self.is_past_lifetime(m, now)).count() as u32;
        let misplaced = if self.rules.rebalance { self.misplaced(now) } else { 0 };
        let all_open = self.open_zones(now).count() == self.zones().count();
        self.unsettled = misplaced > 0 || !all_open;
        let extra = old.max(misplaced).min(self.at_once(p));
        self.launch(extra, api);
    }

    /// Machines that another zone lacks: half the difference between the fullest zone and the emptiest with capacity.
    fn misplaced(&self, now: SimTime) -> u32 {
        let zones = self.by_zone();
        let fullest = zones.iter().map(|zone| zone.1).max().unwrap_or(0);
        let is_open = |zone: ZoneId| self.open_zones(now).any(|open| open == zone);
        let emptiest =
            zones.iter().filter(|zone| is_open(zone.0)).map(|zone| zone.1).min().unwrap_or(fullest);
        (fullest.saturating_sub(emptiest) / 2) as u32
    }
}
