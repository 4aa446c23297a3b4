//! An auto scaling group: keeps as many machines as desired, spread over zones, of an image.
//!
//! Modelled after AWS auto scaling groups. Who comes and who goes is here; whom checks call unhealthy is in
//! [`health`](super::health), who goes first in [`termination`](super::termination). Knows verdicts of checks only.
//! Start at [`Group::launch`] and [`Group::retire`].

use super::members::{Member, Members};
use super::parameters::GroupRules;
use crate::catalog::{InstanceId, Purchase};
use crate::engine::{SimDuration, SimTime};
use crate::platform::discovery::Entry;
use crate::world::{Api, BoxId, PlatformEvent, ServiceId, Stamp, Version, VmId, ZoneId};

pub(super) struct Group {
    pub service: ServiceId,
    pub instance: InstanceId,
    pub rules: GroupRules,
    pub entry: Entry,
    pub min: u32,
    pub max: u32,
    /// What the forecast peak needs.
    pub peak_size: u32,
    pub desired: u32,
    /// The version and the number of the image that new machines get.
    pub version: Version,
    pub image: u32,
    /// When each image was baked, by its number.
    pub images: Vec<Stamp>,
    /// Its age will be looked at.
    pub image_watched: bool,
    /// What the machines that get requests have, while a second set with another image is brought up.
    pub live: Option<(Version, u32)>,
    pub members: Members,
    /// Machines that wait for the group to launch one.
    pub(super) pool: Vec<Member>,
    pub scaling: Box<dyn super::ScalingPolicy>,
    pub(super) looks: super::scaling::Looks,
    pub refresh: Option<super::refresh::Refresh>,
    pub waiting: Option<Version>,
    /// Machines on their way out that are to be replaced once they are gone.
    pub awaited: Vec<VmId>,
    /// Machines on their way out that the refresh took out of service: it waits for them.
    pub leaving: Vec<VmId>,
    /// Boxes that a tool changes in place now.
    pub wave: super::in_place::Wave,
    /// Some member may be unhealthy or was never in service; a quiet group needs no look at its members.
    pub(super) restless: bool,
    /// Its verdicts do not come in: only the console shows who is gone.
    pub(super) is_blind: bool,
    /// Members came or went: the zones may be out of balance.
    pub(super) unsettled: bool,
    /// A tick of its passes, and whether the next one is planned.
    pub(super) health_phase: SimTime,
    pub(super) pass_is_due: bool,
    /// Each zone with the time until which it is avoided, after it had no capacity.
    avoid: Vec<(ZoneId, SimTime)>,
}

/// How long a group launches elsewhere after a zone had no capacity. AWS does not publish it.
const AVOID_ZONE: SimDuration = SimDuration::from_mins(15);

impl Group {
    pub fn new(
        service: ServiceId,
        (instance, rules): (InstanceId, GroupRules),
        entry: Entry,
        [min, max, peak_size]: [u32; 3],
        scaling: Box<dyn super::ScalingPolicy>,
        api: &Api<'_>,
    ) -> Group {
        Group {
            service,
            instance,
            rules,
            entry,
            min,
            max,
            peak_size,
            desired: min,
            version: Version(0),
            image: 0,
            images: vec![Stamp::default()],
            image_watched: false,
            live: None,
            members: Members::default(),
            pool: Vec::new(),
            scaling,
            looks: Default::default(),
            refresh: None,
            waiting: None,
            awaited: Vec::new(),
            leaving: Vec::new(),
            wave: Default::default(),
            restless: false,
            is_blind: false,
            unsettled: false,
            health_phase: SimTime::ZERO,
            pass_is_due: false,
            avoid: api.zones().map(|z| (z, SimTime::ZERO)).collect(),
        }
    }

    pub fn member(&self, subject: BoxId) -> Option<&Member> {
        self.members.iter().find(|m| m.subject == subject)
    }

    pub fn member_on(&self, vm: VmId) -> Option<&Member> {
        self.members.iter().find(|m| m.vm == vm)
    }

    pub(super) fn member_mut(&mut self, subject: BoxId) -> Option<&mut Member> {
        self.members.get_mut(subject)
    }

    pub(super) fn zones(&self) -> impl Iterator<Item = ZoneId> + '_ {
        self.avoid.iter().map(|z| z.0)
    }

    /// Zones that had capacity lately.
    pub(super) fn open_zones(&self, now: SimTime) -> impl Iterator<Item = ZoneId> + '_ {
        self.avoid.iter().filter(move |z| z.1 <= now).map(|z| z.0)
    }

    /// Machines in each zone.
    pub(super) fn by_zone(&self) -> Vec<(ZoneId, usize)> {
        self.members.by_zone(self.zones(), |_| true)
    }

    /// The zone with the fewest machines that are not about to be replaced, if it had capacity lately.
    fn next_zone(&self, now: SimTime) -> ZoneId {
        let leaves =
            |m: &Member| self.is_past_lifetime(m, now) || (self.is_refreshing() && m.image != self.image);
        let counts = self.members.by_zone(self.zones(), |m| !leaves(m));
        let rank = |&(&(_, avoid), count): &(&(ZoneId, SimTime), &(ZoneId, usize))| (avoid > now, count.1);
        self.avoid.iter().zip(&counts).min_by_key(rank).expect("there are zones").0.0
    }

    /// Machines that are neither there nor on their way.
    pub(super) fn missing(&self) -> u32 {
        self.desired.saturating_sub(self.present() + self.awaited.len() as u32)
    }

    /// Machines that get requests, or will.
    pub(super) fn present(&self) -> u32 {
        self.members.present()
    }

    /// Machines that run since before the simulation began.
    pub fn adopt(&mut self, count: u32, api: &mut Api<'_>) {
        for i in 0..count as usize {
            let zone = self.avoid[i % self.avoid.len()].0;
            let purchase = self.next_purchase();
            let vm = api.adopt_vm(self.instance, zone, purchase);
            let subject = api.adopt_box(self.service, vm);
            self.entry.adopt(subject, api);
            self.members.push(Member {
                prepared: Some(SimTime::ZERO),
                in_service: Some(SimTime::ZERO),
                ..Member::new((subject, vm), zone, purchase, (Version(0), 0), SimTime::ZERO)
            });
        }
        self.set_desired(count, api);
        self.adopt_pool(api);
    }

    pub fn set_desired(&mut self, desired: u32, api: &mut Api<'_>) {
        self.desired = desired;
        api.declare_desired(self.service, desired);
    }

    /// How the next machine is bought: of a group of spot machines a base and a share above it are on demand.
    fn next_purchase(&self) -> Purchase {
        let r = &self.rules;
        if r.purchase == Purchase::OnDemand {
            return Purchase::OnDemand;
        }
        let size = self.members.len() as u32 + 1;
        let above = f64::from(size.saturating_sub(r.on_demand_base)) * r.on_demand_share.as_f64();
        let wanted = size.min(r.on_demand_base) + above.ceil() as u32;
        let present = self.members.iter().filter(|m| m.purchase == Purchase::OnDemand).count() as u32;
        if present < wanted { Purchase::OnDemand } else { Purchase::Spot }
    }

    /// Launches `count` machines, each in the zone that has the fewest, if that had capacity lately.
    pub fn launch(&mut self, count: u32, api: &mut Api<'_>) {
        let build = self.live.unwrap_or((self.version, self.image));
        self.launch_with(build, false, count, api);
    }

    /// Launches machines of the second set.
    pub fn launch_idle(&mut self, count: u32, api: &mut Api<'_>) {
        self.launch_with((self.version, self.image), true, count, api);
    }

    fn launch_with(&mut self, build: (Version, u32), idle: bool, count: u32, api: &mut Api<'_>) {
        let now = api.now();
        self.restless |= count > 0;
        self.unsettled |= count > 0;
        for _ in 0..count {
            if !idle && self.draw(build, api) {
                continue;
            }
            let zone = self.next_zone(now);
            let purchase = self.next_purchase();
            let subject = api.create_box(self.service, build.0);
            let vm = api.launch_vm(self.instance, zone, purchase);
            api.place_box(subject, vm);
            self.members.push(Member { idle, ..Member::new((subject, vm), zone, purchase, build, now) });
        }
    }

    /// Takes machines out of service, in the order of the termination policy.
    pub fn shrink(&mut self, count: u32, api: &mut Api<'_>) {
        for subject in self.first_to_go(|m| !m.idle, count, api.now()) {
            self.retire(subject, api);
        }
    }

    /// Takes one machine out of the load balancer and gives it back when its requests are done and its hook has run.
    pub fn retire(&mut self, subject: BoxId, api: &mut Api<'_>) -> Option<VmId> {
        let at = self.members.iter().position(|m| m.subject == subject)?;
        let member = self.members.remove(at);
        self.unsettled = true;
        let mut span = self.entry.deregister(subject, api);
        if member.in_service.is_some() {
            span += self.rules.terminate_hook;
        }
        if self.is_refreshing() {
            self.leaving.push(member.vm);
        }
        api.after(span, PlatformEvent::about(super::DRAINED, member.vm));
        Some(member.vm)
    }

    /// Takes one machine out, and launches another when it is gone: the group is never larger than desired.
    pub fn retire_then_launch(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let leaving = self.retire(subject, api);
        self.awaited.extend(leaving);
    }

    /// A machine has drained; another one may have waited for that, or the refresh: then true.
    pub fn on_drained(&mut self, vm: VmId, api: &mut Api<'_>) -> bool {
        let leaving = self.leaving.len();
        self.leaving.retain(|&other| other != vm);
        if let Some(at) = self.awaited.iter().position(|&other| other == vm) {
            self.awaited.remove(at);
            let count = self.missing().min(1);
            self.launch(count, api);
        }
        self.leaving.len() < leaving
    }

    /// The cloud had no capacity there: ask at once in another zone.
    pub fn on_launch_failed(&mut self, vm: VmId, api: &mut Api<'_>) {
        let at = self.members.iter().position(|m| m.vm == vm);
        let of_pool = if at.is_none() { self.drop_from_pool(vm) } else { None };
        let Some(member) = at.map(|at| self.members.remove(at)).or(of_pool) else { return };
        let all_avoided = self.avoid.iter().all(|z| z.1 > api.now());
        if let Some(zone) = self.avoid.iter_mut().find(|z| z.0 == member.zone) {
            zone.1 = api.now() + AVOID_ZONE;
        }
        // The second set and the pool are made up when somebody looks at them.
        if !all_avoided && at.is_some() && !member.idle && (self.missing() > 0 || self.is_refreshing()) {
            self.launch(1, api);
        }
    }

    /// The cloud will take a machine back: another one is asked for, and it drains for as long as it has.
    pub fn replace_ahead(&mut self, vm: VmId, api: &mut Api<'_>) {
        if let Some(Member { subject, idle, .. }) = self.member_on(vm).copied() {
            self.retire(subject, api);
            self.launch(u32::from(!idle), api);
        }
    }

    /// The cloud has taken a machine of the group back. The next pass finds that out.
    pub fn on_reclaimed(&mut self, vm: VmId) {
        self.members.iter_mut().filter(|m| m.vm == vm).for_each(|m| m.gone = true);
        self.restless = true;
    }

    /// Machines that are not configured yet, or wait, will fetch what is current then.
    pub fn renew_what_boots(&mut self) {
        let (image, version) = (self.image, self.version);
        let boots = self.members.iter_mut().filter(|m| m.prepared.is_none());
        for member in boots.chain(&mut self.pool) {
            (member.image, member.version) = (image, version);
        }
    }

    pub fn mark_prepared(&mut self, subject: BoxId, now: SimTime) -> Version {
        let member = self.member_mut(subject).expect("called for members");
        member.prepared = Some(now);
        member.version
    }

    pub fn on_box_up(&mut self, subject: BoxId, api: &mut Api<'_>) {
        if self.entry.is_registered(subject) {
            return;
        }
        if self.member(subject).is_some_and(|m| m.idle) {
            self.entry.register_idle(subject, api);
        } else {
            self.entry.register(subject, api);
        }
    }

    /// A member in service was restarted with another version and is up again.
    pub fn note_back(&mut self, subject: BoxId, now: SimTime) {
        if self.entry.is_healthy(subject)
            && let Some(member) = self.member_mut(subject)
        {
            member.in_service.get_or_insert(now);
        }
    }

    pub fn note_health(&mut self, subject: BoxId, healthy: bool, now: SimTime) {
        self.restless |= !healthy;
        if let Some(member) = self.member_mut(subject) {
            member.unhealthy = !healthy;
            if healthy {
                member.in_service.get_or_insert(now);
            }
        }
    }
}
