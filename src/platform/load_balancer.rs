//! A managed load balancer: checks its targets, spreads requests over the healthy ones, drains those that leave.
//!
//! Knows what its checks find, not what is true. Who is registered is decided by others. Modelled after the AWS
//! Application Load Balancer. Start at [`LoadBalancer::on_health`].

use crate::engine::SimDuration;
use crate::parameter::section;
use crate::world::{Api, Balancing, BoxId, HealthCheck, ServiceId};
use std::collections::BTreeMap;

section! {
    /// Managed load balancers. Defaults are those of the AWS Application Load Balancer.
    pub struct LoadBalancerParameters {
        /// Time between two checks of a target.
        check_period: SimDuration = "30s" in |d| !d.is_zero() => "more than zero", from "ELB user guide @fb24293", grade Verified;
        /// How long a check waits for an answer.
        check_timeout: SimDuration = "5s", from "ELB user guide @fb24293", grade Verified;
        /// Failed checks in a row that take a target out.
        unhealthy_after: u32 = 2 in |&n| n > 0 => "at least 1", from "ELB user guide @fb24293", grade Verified;
        /// Good checks in a row that bring an unhealthy target back.
        healthy_after: u32 = 5 in |&n| n > 0 => "at least 1", from "ELB user guide @fb24293", grade Verified;
        /// Good checks in a row before a new target gets requests.
        new_after: u32 = 1 in |&n| n > 0 => "at least 1", from "ELB user guide @fb24293", grade Verified;
        /// How long a target that leaves may finish its requests.
        drain: SimDuration = "300s", from "ELB user guide @fb24293", grade Verified;
        /// How requests are spread.
        balancing: Balancing = "round-robin", from "ELB user guide @fb24293", grade Verified;
    }
}

impl LoadBalancerParameters {
    fn check(&self) -> HealthCheck {
        HealthCheck {
            period: self.check_period,
            timeout: self.check_timeout,
            fall: self.unhealthy_after,
            rise: self.healthy_after,
            first_rise: self.new_after,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    /// Registered, not checked successfully yet.
    Initial,
    Healthy,
    Unhealthy,
}

/// The targets of one service.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    /// False where it only watches, and callers have their addresses from somewhere else.
    pub steers: bool,
    parameters: LoadBalancerParameters,
    targets: BTreeMap<BoxId, Target>,
}

impl LoadBalancer {
    pub fn new(parameters: LoadBalancerParameters, service: ServiceId, api: &mut Api<'_>) -> Self {
        api.set_balancing(service, parameters.balancing);
        LoadBalancer { steers: true, parameters, targets: BTreeMap::new() }
    }

    /// Begins to check a box; it gets requests after its first good checks.
    pub fn register(&mut self, subject: BoxId, api: &mut Api<'_>) {
        self.targets.insert(subject, Target::Initial);
        api.check_health(subject, self.parameters.check());
    }

    /// A target that was healthy already when the simulation began.
    pub fn adopt(&mut self, subject: BoxId, api: &mut Api<'_>) {
        self.register(subject, api);
        self.targets.insert(subject, Target::Healthy);
        api.route(subject);
    }

    /// Sends no new requests to a box; gives back how long to wait for those it has.
    pub fn deregister(&mut self, subject: BoxId, api: &mut Api<'_>) -> SimDuration {
        let was = self.targets.remove(&subject);
        api.unroute(subject);
        self.apply_fail_open(api);
        if self.steers && was == Some(Target::Healthy) { self.parameters.drain } else { SimDuration::ZERO }
    }

    /// A check came to another verdict. Where all targets are unhealthy, all get requests again ("fail open").
    pub fn on_health(&mut self, subject: BoxId, healthy: bool, api: &mut Api<'_>) {
        let Some(target) = self.targets.get_mut(&subject) else { return };
        *target = if healthy { Target::Healthy } else { Target::Unhealthy };
        if !self.steers {
            return;
        }
        if healthy {
            api.route(subject);
        }
        self.apply_fail_open(api);
    }

    pub fn is_healthy(&self, subject: BoxId) -> bool {
        self.targets.get(&subject) == Some(&Target::Healthy)
    }

    pub fn is_registered(&self, subject: BoxId) -> bool {
        self.targets.contains_key(&subject)
    }

    pub fn healthy(&self) -> u32 {
        self.targets.values().filter(|&&t| t == Target::Healthy).count() as u32
    }

    fn apply_fail_open(&self, api: &mut Api<'_>) {
        if !self.steers {
            return;
        }
        let open = self.healthy() == 0;
        for (&subject, &target) in &self.targets {
            match target {
                Target::Unhealthy if open => api.route(subject),
                Target::Unhealthy => api.unroute(subject),
                Target::Initial | Target::Healthy => {}
            }
        }
    }
}
