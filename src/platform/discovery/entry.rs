//! The list of the boxes of one service that callers are sent to, whatever the means: who belongs on it, and who is well.
//!
//! The platform registers boxes that may serve and takes out those that leave. Checks find who is well, and the kind of
//! discovery decides what that does to the list: a load balancer, the DNS with checks and a registry take unhealthy boxes
//! out, a file keeps them. Knows verdicts, not what is true. Start at [`Entry::on_health`].

use super::push::Push;
use super::{DiscoveryKind, DiscoveryParameters, Membership, RECORD_ADDED, RECORD_REMOVED};
use crate::engine::{SimDuration, SimTime};
use crate::platform::load_balancer::LoadBalancerParameters;
use crate::world::{Api, BoxId, HealthCheck, Heartbeat, PlatformEvent, ServiceId, WorkId};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// Registered, not checked successfully yet.
    Initial,
    Healthy,
    Unhealthy,
}

/// How what is decided here reaches callers.
#[derive(Clone, Debug)]
enum Means {
    /// With the time in which new targets come to their share, and until when those do that are on their way.
    LoadBalancer {
        slow_start: SimDuration,
        rising: BTreeMap<BoxId, SimTime>,
    },
    StaticFile(Push),
    Dns,
    Registry,
}

/// The list of one service.
#[derive(Clone, Debug)]
pub struct Entry {
    parameters: DiscoveryParameters,
    means: Means,
    check: HealthCheck,
    /// How long a healthy box that leaves goes on serving.
    drain: SimDuration,
    /// Share of healthy boxes below which checks are ignored; without it they never are.
    fail_open: Option<f64>,
    targets: BTreeMap<BoxId, Target>,
    /// How many of them are unhealthy.
    unhealthy: usize,
    /// Boxes of a second group: they are checked, and get no requests.
    idle: BTreeSet<BoxId>,
    /// What the source of the list says, where callers hold copies.
    listed: BTreeSet<BoxId>,
}

impl Entry {
    pub fn new(
        parameters: &DiscoveryParameters,
        load_balancer: &LoadBalancerParameters,
        service: ServiceId,
        api: &mut Api<'_>,
    ) -> Self {
        api.set_balancing(service, parameters.balancing(load_balancer));
        let (dns, registry) = (&parameters.dns, &parameters.registry);
        let mut fail_open = Some(load_balancer.fail_open.as_f64());
        // Where no check keeps the list, somebody still watches the boxes.
        let mut check = load_balancer.health_check();
        let (means, drain) = match parameters.kind {
            DiscoveryKind::LoadBalancer => {
                api.eject_outliers(service, load_balancer.ejection.rule());
                let slow_start = load_balancer.slow_start;
                (Means::LoadBalancer { slow_start, rising: BTreeMap::new() }, load_balancer.drain)
            }
            DiscoveryKind::StaticFile => {
                (Means::StaticFile(Push::new(parameters.static_file.clone(), service)), SimDuration::ZERO)
            }
            DiscoveryKind::Dns => {
                check.period = dns.check_period;
                (check.fall, check.rise) = (dns.unhealthy_after, dns.healthy_after);
                fail_open = Some(0.0);
                (Means::Dns, dns.update + dns.ttl)
            }
            DiscoveryKind::Registry => {
                let (period, timeout, fall) = match registry.membership {
                    Membership::Gossip => (registry.check_period, registry.check_timeout, 1),
                    // A sign of life every third of the session: it is over when three of them stay away.
                    Membership::Session => (registry.session / 3, SimDuration::ZERO, 3),
                };
                check = HealthCheck { period, timeout, fall, rise: 1, first_rise: 1 };
                fail_open = None;
                (Means::Registry, registry.drain)
            }
        };
        Entry {
            parameters: parameters.clone(),
            means,
            check,
            drain,
            fail_open,
            targets: BTreeMap::new(),
            unhealthy: 0,
            idle: BTreeSet::new(),
            listed: BTreeSet::new(),
        }
    }

    /// Whether checks take boxes off the list and bring them back.
    fn follows_checks(&self) -> bool {
        match self.means {
            Means::LoadBalancer { .. } | Means::Registry => true,
            Means::StaticFile(_) => false,
            Means::Dns => self.parameters.dns.health_checks,
        }
    }

    /// Begins to check a box; it gets requests after its first good checks, or without a check where none keeps the list.
    pub fn register(&mut self, subject: BoxId, api: &mut Api<'_>) {
        self.check(subject, api);
        if !self.follows_checks() {
            self.list(subject, true, api);
        }
    }

    /// Begins to check a box of the group that gets no requests.
    pub fn register_idle(&mut self, subject: BoxId, api: &mut Api<'_>) {
        self.idle.insert(subject);
        self.check(subject, api);
    }

    fn check(&mut self, subject: BoxId, api: &mut Api<'_>) {
        self.set_target(subject, Some(Target::Initial));
        if !self.gossips() {
            return api.check_health(subject, self.check);
        }
        api.check_health_locally(subject, self.check);
        self.watch_machine(subject, api);
    }

    /// Its fellow members take longer to agree that a machine is gone the more of them there are: as many as now.
    fn watch_machine(&self, subject: BoxId, api: &mut Api<'_>) {
        if let Some(vm) = api.vm_of(subject) {
            let (registry, members) = (&self.parameters.registry, api.directory_members());
            let period = registry.probe_period;
            // Signs of life are half a period old on average when a machine goes.
            let timeout = registry.detection(members) + period / 2;
            api.watch_heartbeat(vm, Heartbeat { period, timeout });
        }
    }

    /// All of the first fleet have joined: the first ones count the later ones as well.
    pub fn count_members(&self, api: &mut Api<'_>) {
        if self.gossips() {
            self.targets.keys().for_each(|&subject| self.watch_machine(subject, api));
        }
    }

    fn gossips(&self) -> bool {
        let gossips = self.parameters.registry.membership == Membership::Gossip;
        matches!(self.means, Means::Registry) && gossips
    }

    /// Sends all requests to the other group of boxes: what was idle gets them now, what got them does not.
    pub fn switch_groups(&mut self, api: &mut Api<'_>) {
        let was_idle = std::mem::take(&mut self.idle);
        let follows = self.follows_checks();
        for (subject, target) in self.targets.clone() {
            if !was_idle.contains(&subject) {
                self.idle.insert(subject);
                self.list(subject, false, api);
            } else if target == Target::Healthy || !follows {
                self.list(subject, true, api);
            }
        }
        self.apply_fail_open(api);
    }

    /// A box that was on the lists of all callers, and healthy, when the simulation began.
    pub fn adopt(&mut self, subject: BoxId, api: &mut Api<'_>) {
        self.check(subject, api);
        self.set_target(subject, Some(Target::Healthy));
        self.listed.insert(subject);
        match self.means {
            Means::LoadBalancer { .. } | Means::StaticFile(_) | Means::Dns => api.route(subject),
            Means::Registry => api.adopt_entry(subject),
        }
    }

    /// Takes a box off the list; gives back how long it should go on serving, until callers know and its last requests
    /// are done.
    pub fn deregister(&mut self, subject: BoxId, api: &mut Api<'_>) -> SimDuration {
        let was = self.set_target(subject, None);
        let was_idle = self.idle.remove(&subject);
        let was_listed = self.listed.contains(&subject);
        self.list(subject, false, api);
        self.apply_fail_open(api);
        let is_missed = !was_idle && was == Some(Target::Healthy);
        match &self.means {
            Means::StaticFile(push) if is_missed && was_listed => push.wait(api),
            _ if is_missed => self.drain,
            _ => SimDuration::ZERO,
        }
    }

    /// A check came to another verdict. Where too few boxes are healthy, all get requests again ("fail open"), if the
    /// means does that.
    pub fn on_health(&mut self, subject: BoxId, healthy: bool, api: &mut Api<'_>) {
        if !self.is_registered(subject) {
            return;
        }
        self.set_target(subject, Some(if healthy { Target::Healthy } else { Target::Unhealthy }));
        if !self.follows_checks() || self.idle.contains(&subject) {
            return;
        }
        if healthy {
            self.list(subject, true, api);
        } else if self.fail_open.is_none() {
            self.list(subject, false, api);
        }
        self.apply_fail_open(api);
    }

    /// Other members of a registry have lost sight of the machine of a box, or see it again: then the agent checks the
    /// box anew. True if it must count as unhealthy meanwhile.
    pub fn on_machine(&mut self, subject: BoxId, alive: bool, api: &mut Api<'_>) -> bool {
        if !self.gossips() || !self.targets.contains_key(&subject) {
            return false;
        }
        if alive {
            api.check_health_locally(subject, self.check);
        }
        !alive
    }

    pub fn is_healthy(&self, subject: BoxId) -> bool {
        self.targets.get(&subject) == Some(&Target::Healthy)
    }

    pub fn is_registered(&self, subject: BoxId) -> bool {
        self.targets.contains_key(&subject)
    }

    /// Whether a person has to enter each box that is new: in a load balancer; a tool or agents do it elsewhere, or whoever
    /// edits the file.
    pub fn is_entered_by_hand(&self) -> bool {
        matches!(self.means, Means::LoadBalancer { .. })
    }

    /// Healthy boxes that get requests.
    pub fn healthy(&self) -> u32 {
        self.live().filter(|&(_, t)| t == Target::Healthy).count() as u32
    }

    /// The file is on all callers' machines.
    pub(super) fn on_pushed(&mut self, api: &mut Api<'_>) {
        if let Means::StaticFile(push) = &mut self.means {
            push.on_pushed(api);
        }
    }

    /// True if the work was to edit its list.
    pub fn on_work_done(&mut self, work: WorkId, api: &mut Api<'_>) -> bool {
        let Means::StaticFile(push) = &mut self.means else { return false };
        push.on_work_done(work, api)
    }

    /// Gives back what it was.
    fn set_target(&mut self, subject: BoxId, target: Option<Target>) -> Option<Target> {
        let was = match target {
            Some(target) => self.targets.insert(subject, target),
            None => self.targets.remove(&subject),
        };
        let is_unhealthy = |target| usize::from(target == Some(Target::Unhealthy));
        self.unhealthy += is_unhealthy(target);
        self.unhealthy -= is_unhealthy(was);
        was
    }

    fn live(&self) -> impl Iterator<Item = (BoxId, Target)> + '_ {
        self.targets
            .iter()
            .map(|(&subject, &t)| (subject, t))
            .filter(|(subject, _)| !self.idle.contains(subject))
    }

    fn apply_fail_open(&mut self, api: &mut Api<'_>) {
        let Some(share) = self.fail_open.filter(|_| self.unhealthy > 0 && self.follows_checks()) else {
            return;
        };
        let healthy = f64::from(self.healthy());
        let open = healthy == 0.0 || healthy < share * self.live().count() as f64;
        let unhealthy = self.live().filter(|&(_, target)| target == Target::Unhealthy);
        for subject in unhealthy.map(|t| t.0).collect::<Vec<_>>() {
            self.list(subject, open, api);
        }
    }

    /// The list is to have this box, or not.
    fn list(&mut self, subject: BoxId, listed: bool, api: &mut Api<'_>) {
        let news = if listed { self.listed.insert(subject) } else { self.listed.remove(&subject) };
        match &mut self.means {
            Means::LoadBalancer { slow_start, .. } if slow_start.is_zero() => {
                if listed {
                    api.route(subject)
                } else {
                    api.unroute(subject)
                }
            }
            _ if !news => {}
            Means::LoadBalancer { slow_start, rising } if listed => {
                rising.insert(subject, api.now() + *slow_start);
                api.publish(subject, true);
                self.hurry_if_all_are_rising(api);
            }
            Means::LoadBalancer { rising, .. } => {
                rising.remove(&subject);
                api.withdraw(subject);
                self.hurry_if_all_are_rising(api);
            }
            Means::StaticFile(push) => push.change(subject, listed, api),
            Means::Dns => {
                let kind = if listed { RECORD_ADDED } else { RECORD_REMOVED };
                api.after(self.parameters.dns.update, PlatformEvent::about(kind, subject));
            }
            Means::Registry => api.enlist(subject, listed),
        }
    }

    /// A slow start is for targets beside others that have their share: where there are none, all get it at once.
    fn hurry_if_all_are_rising(&mut self, api: &mut Api<'_>) {
        let Means::LoadBalancer { rising, .. } = &mut self.means else { return };
        rising.retain(|_, until| *until > api.now());
        if self.listed.iter().all(|subject| rising.contains_key(subject)) {
            rising.clear();
            self.listed.iter().for_each(|&subject| api.route(subject));
        }
    }
}
