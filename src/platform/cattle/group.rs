//! An auto scaling group: keeps as many machines as desired, spread over zones, and replaces unhealthy ones.
//!
//! Modelled after AWS auto scaling groups with load balancer health checks: a machine that checks call unhealthy
//! after its grace period is replaced at the next pass; terminations and launches run together, at most a tenth of
//! the group at a time; balance over zones goes before age when machines are removed.
//! Knows verdicts of checks only. Start at [`Group::health_pass`].

use super::parameters::GroupHealthParameters;
use crate::catalog::InstanceId;
use crate::engine::{SimDuration, SimTime};
use crate::platform::load_balancer::LoadBalancer;
use crate::world::{Api, BoxId, PlatformEvent, Purchase, ServiceId, Version, VmId, ZoneId};

/// One machine of the group with its box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub subject: BoxId,
    pub vm: VmId,
    pub zone: ZoneId,
    pub version: Version,
    pub launched: SimTime,
    /// Configured once: what runs on it survives a reboot.
    pub prepared: bool,
    /// When it first passed its checks.
    pub in_service: Option<SimTime>,
    pub unhealthy: bool,
    /// The cloud has taken its machine back.
    pub gone: bool,
}

pub(super) struct Group {
    pub service: ServiceId,
    pub instance: InstanceId,
    purchase: Purchase,
    pub entry: LoadBalancer,
    pub min: u32,
    pub max: u32,
    pub desired: u32,
    /// The version of the image that new machines get.
    pub version: Version,
    pub members: Vec<Member>,
    pub scaling: Box<dyn super::ScalingPolicy>,
    pub refresh: Option<super::refresh::Refresh>,
    pub waiting: Option<Version>,
    /// Some member may be unhealthy or was never in service; a quiet group needs no look at its members.
    restless: bool,
    /// Each zone with the time until which it is avoided, after it had no capacity.
    zones: Vec<(ZoneId, SimTime)>,
}

/// How long a group launches elsewhere after a zone had no capacity. AWS does not publish it.
const AVOID_ZONE: SimDuration = SimDuration::from_mins(15);

impl Group {
    pub fn new(
        service: ServiceId,
        (instance, purchase): (InstanceId, Purchase),
        entry: LoadBalancer,
        min: u32,
        max: u32,
        scaling: Box<dyn super::ScalingPolicy>,
        api: &Api<'_>,
    ) -> Group {
        Group {
            service,
            instance,
            purchase,
            entry,
            min,
            max,
            desired: min,
            version: Version(0),
            members: Vec::new(),
            scaling,
            refresh: None,
            waiting: None,
            restless: false,
            zones: api.zones().map(|z| (z, SimTime::ZERO)).collect(),
        }
    }

    pub fn member(&self, subject: BoxId) -> Option<&Member> {
        self.members.iter().find(|m| m.subject == subject)
    }

    pub fn member_on(&self, vm: VmId) -> Option<&Member> {
        self.members.iter().find(|m| m.vm == vm)
    }

    fn member_mut(&mut self, subject: BoxId) -> Option<&mut Member> {
        self.members.iter_mut().find(|m| m.subject == subject)
    }

    /// Machines that run since before the simulation began.
    pub fn adopt(&mut self, count: u32, api: &mut Api<'_>) {
        for i in 0..count as usize {
            let zone = self.zones[i % self.zones.len()].0;
            let vm = api.adopt_vm(self.instance, zone, self.purchase);
            let subject = api.adopt_box(self.service, vm);
            self.entry.adopt(subject, api);
            self.members.push(Member {
                subject,
                vm,
                zone,
                version: Version(0),
                launched: SimTime::ZERO,
                prepared: true,
                in_service: Some(SimTime::ZERO),
                unhealthy: false,
                gone: false,
            });
        }
        self.set_desired(count, api);
    }

    pub fn set_desired(&mut self, desired: u32, api: &mut Api<'_>) {
        self.desired = desired;
        api.declare_desired(self.service, desired);
    }

    /// Launches `count` machines, each in the zone that has the fewest, if that had capacity lately.
    pub fn launch(&mut self, count: u32, api: &mut Api<'_>) {
        let now = api.now();
        self.restless |= count > 0;
        for _ in 0..count {
            let rank = |&&(zone, avoid): &&(ZoneId, SimTime)| (avoid > now, self.in_zone(zone));
            let zone = self.zones.iter().min_by_key(rank).expect("there are zones").0;
            let subject = api.create_box(self.service, self.version);
            let vm = api.launch_vm(self.instance, zone, self.purchase);
            api.place_box(subject, vm);
            self.members.push(Member {
                subject,
                vm,
                zone,
                version: self.version,
                launched: api.now(),
                prepared: false,
                in_service: None,
                unhealthy: false,
                gone: false,
            });
        }
    }

    fn in_zone(&self, zone: ZoneId) -> usize {
        self.members.iter().filter(|m| m.zone == zone).count()
    }

    /// Takes machines out of service: from the fullest zone first, then old versions, then the oldest machine.
    pub fn shrink(&mut self, count: u32, api: &mut Api<'_>) {
        for _ in 0..count {
            let newest = self.version;
            let crowds: Vec<(ZoneId, usize)> = self.zones.iter().map(|z| (z.0, self.in_zone(z.0))).collect();
            let crowd = |zone| crowds.iter().find(|c| c.0 == zone).expect("members lie in its zones").1;
            let victim = self
                .members
                .iter()
                .min_by_key(|m| (usize::MAX - crowd(m.zone), m.version == newest, m.launched, m.subject))
                .map(|m| m.subject);
            if let Some(subject) = victim {
                self.retire(subject, api);
            }
        }
    }

    /// Takes one machine out of the load balancer and gives it back when its requests are done.
    pub fn retire(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(at) = self.members.iter().position(|m| m.subject == subject) else { return };
        let member = self.members.remove(at);
        let drain = self.entry.deregister(subject, api);
        api.after(drain, PlatformEvent::about(super::DRAINED, member.vm));
    }

    /// The cloud had no capacity there: ask at once in another zone.
    pub fn on_launch_failed(&mut self, vm: VmId, api: &mut Api<'_>) {
        let Some(at) = self.members.iter().position(|m| m.vm == vm) else { return };
        let member = self.members.remove(at);
        let all_avoided = self.zones.iter().all(|z| z.1 > api.now());
        if let Some(zone) = self.zones.iter_mut().find(|z| z.0 == member.zone) {
            zone.1 = api.now() + AVOID_ZONE;
        }
        if !all_avoided {
            self.launch(1, api);
        }
    }

    /// The cloud will take a machine back: another one is asked for, and it drains for as long as it has.
    pub fn replace_ahead(&mut self, vm: VmId, api: &mut Api<'_>) {
        if let Some(subject) = self.member_on(vm).map(|m| m.subject) {
            self.retire(subject, api);
            self.launch(1, api);
        }
    }

    /// The cloud has taken a machine of the group back. The next pass finds that out.
    pub fn on_reclaimed(&mut self, vm: VmId) {
        self.members.iter_mut().filter(|m| m.vm == vm).for_each(|m| m.gone = true);
        self.restless = true;
    }

    pub fn mark_prepared(&mut self, subject: BoxId) -> Version {
        let member = self.member_mut(subject).expect("called for members");
        member.prepared = true;
        member.version
    }

    pub fn on_box_up(&mut self, subject: BoxId, api: &mut Api<'_>) {
        if !self.entry.is_registered(subject) {
            self.entry.register(subject, api);
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

    /// Replaces machines that are unhealthy or never came up, and makes up the number.
    pub fn health_pass(&mut self, p: &GroupHealthParameters, api: &mut Api<'_>) {
        if self.restless {
            self.discard_gone(api);
            let missing = self.desired.saturating_sub(self.members.len() as u32);
            self.discard_sick(p, missing, api);
            self.restless = self.members.iter().any(|m| m.unhealthy || m.in_service.is_none());
        }
        let missing = self.desired.saturating_sub(self.members.len() as u32);
        self.launch(missing, api);
    }

    /// Machines that do not exist any more need no grace, and no limit on how many go at a time.
    fn discard_gone(&mut self, api: &mut Api<'_>) {
        let gone: Vec<BoxId> = self.members.iter().filter(|m| m.gone).map(|m| m.subject).collect();
        for subject in gone {
            api.declare_known_down(subject);
            self.discard(subject, api);
        }
    }

    fn discard_sick(&mut self, p: &GroupHealthParameters, missing: u32, api: &mut Api<'_>) {
        let now = api.now();
        let over = |m: &Member| now.since(m.launched) >= p.grace;
        let unwell = |m: &Member| over(m) && (m.unhealthy || m.in_service.is_none());
        let sick: Vec<BoxId> = self.members.iter().filter(|m| unwell(m)).map(|m| m.subject).collect();
        if sick.is_empty() {
            return;
        }
        // With nothing healthy left, replacing everything would only make it worse.
        let self_destruction = self.entry.healthy() == 0 && self.members.len() > 1;
        let at_once = ((f64::from(self.desired) * p.at_once.as_f64()) as u32).max(1);
        let allowed = if self_destruction { 1 } else { at_once.saturating_sub(missing) };
        for &subject in sick.iter().take(allowed as usize) {
            api.declare_known_down(subject);
            self.discard(subject, api);
        }
    }

    /// Gives an unhealthy machine back at once: there is nothing to drain.
    fn discard(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let at = self.members.iter().position(|m| m.subject == subject).expect("a member");
        let member = self.members.remove(at);
        self.entry.deregister(subject, api);
        api.terminate_vm(member.vm);
    }
}
