//! A load balancer: how it checks its targets, spreads requests over the healthy ones and drains those that leave.
//!
//! Modelled after the AWS Application Load Balancer; HAProxy, nginx and Envoy on machines of one's own are presets of the
//! same parameters. Its list of targets is kept by [`discovery`](super::discovery), like that of every other means.
//! Start at [`LoadBalancerParameters`].
//!
//! *Deviation:* the machines of a self-run load balancer are paid and kept up, but do not fail: a pair with a shared
//! address, or a name with two, is taken to hide that.

use crate::catalog::Catalog;
use crate::engine::SimDuration;
use crate::parameter::{Fraction, Problems, presets, section};
use crate::platform::sizing::check_machine;
use crate::world::observation::Rented;
use crate::world::{Api, Balancing, Ejection, HealthCheck};

presets! {
    /// Which load balancer it is.
    pub enum LoadBalancerPreset {
        /// The Application Load Balancer of AWS, managed: the defaults.
        Alb = "alb" {},
        /// HAProxy on machines of one's own, with checks.
        Haproxy = "haproxy" {
            check_period = "2s", from "haproxy @50872daa doc/configuration.txt: inter 2000 ms", grade Measured;
            check_timeout = "2s", from "haproxy doc: without a timeout for checks, inter is the limit", grade Recalled;
            unhealthy_after = "3", from "haproxy @50872daa: fall 3", grade Measured;
            healthy_after = "2", from "haproxy @50872daa: rise 2", grade Measured;
            drain = "30s", grade Estimate;
            machines = "2", grade Choice;
            upkeep = "1", from "none found", grade Estimate;
        },
        /// nginx on machines of one's own. It has no checks: those are of whoever keeps the machines.
        Nginx = "nginx" {
            ejection.failures = "1", from "nginx.org @3924a7f8: max_fails 1", grade Verified;
            ejection.counts_errors = "false", from "proxy_next_upstream: error and timeout", grade Verified;
            ejection.timeout = "60s", from "proxy_connect_timeout 60 s", grade Verified;
            ejection.lasts = "10s", from "nginx.org @3924a7f8: fail_timeout 10 s", grade Verified;
            ejection.at_most = "100%", from "a single server is never passed over, all others may be", grade Verified;
            drain = "30s", grade Estimate;
            machines = "2", grade Choice;
            upkeep = "1", from "none found", grade Estimate;
        },
        /// Envoy on machines of one's own, with checks and outlier detection.
        Envoy = "envoy" {
            check_period = "10s", from "no default; examples of active checks", grade Estimate;
            fail_open = "50%", from "panic threshold", grade Recalled;
            ejection.failures = "5", from "outlier_detection.proto v1.22-1.30: consecutive_5xx", grade Verified;
            ejection.timeout = "5s", from "connect_timeout", grade Recalled;
            ejection.lasts = "30s", from "outlier_detection.proto: base_ejection_time", grade Verified;
            ejection.grows = "true", from "outlier_detection.proto: ejection time grows with the count", grade Verified;
            ejection.at_most = "10%", from "outlier_detection.proto: max_ejection_percent", grade Verified;
            drain = "30s", grade Estimate;
            machines = "2", grade Choice;
            upkeep = "1", from "none found", grade Estimate;
        },
    }
}

section! {
    /// Load balancers. Defaults are those of the AWS Application Load Balancer.
    pub struct LoadBalancerParameters by LoadBalancerPreset {
        /// Which one it is: other defaults for the other parameters, which win where they are given.
        preset: LoadBalancerPreset = "alb", grade Choice;
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
        /// Time in which the share of a new target, or of one that is back, grows from nothing to that of the others.
        slow_start: SimDuration = "0s" in |d| *d <= SimDuration::from_mins(15) => "at most 15m", from "ELB user guide @fb24293: off by default, 30 to 900 s", grade Verified;
        /// How requests are spread.
        balancing: Balancing = "round-robin", from "ELB user guide @fb24293", grade Verified;
        /// Share of healthy targets below which checks are ignored and all targets get requests; where none is healthy they always do.
        fail_open: Fraction = "0%", from "ELB user guide @fb24293: only where no target is healthy", grade Verified;
        ejection: EjectionParameters, section;
        /// Machines that it runs on; none where it is managed and paid by the hour and by use.
        machines: u32 = 0 in |&n| n <= 1_000 => "at most 1000", grade Choice;
        /// Machine type of load balancers that the team runs itself.
        machine: String = "c7i.large", grade Choice;
        /// Routine administration of one that is self-run [h/week].
        upkeep: f64 = "0" in |h| (0.0..=168.0).contains(h) => "from 0 to 168", from "managed", grade Choice;
    }
}

section! {
    /// Passive checks: a target that fails requests in a row gets none for a while.
    pub struct EjectionParameters {
        /// Failed requests in a row; 0 for no passive checks.
        failures: u32 = 0 in |&n| n <= 1_000 => "at most 1000", from "ALB: target anomalies do not take a target out by default", grade Recalled;
        /// Whether answers that are errors count, or only those that do not come.
        counts_errors: bool = true, from "outlier_detection.proto: consecutive_5xx", grade Verified;
        /// How long an answer is waited for.
        timeout: SimDuration = "5s", grade Choice;
        /// How long a target is passed over.
        lasts: SimDuration = "30s" in |d| *d >= SimDuration::from_secs(1) => "at least 1s", from "outlier_detection.proto: base_ejection_time", grade Verified;
        /// Whether that grows with each time.
        grows: bool = false, grade Choice;
        /// Share of the targets that may be passed over at a time; at least one may.
        at_most: Fraction = "10%", from "outlier_detection.proto: max_ejection_percent", grade Verified;
    }
}

impl EjectionParameters {
    pub(super) fn rule(&self) -> Option<Ejection> {
        (self.failures > 0).then_some(Ejection {
            failures: self.failures,
            counts_errors: self.counts_errors,
            timeout: self.timeout,
            lasts: self.lasts,
            grows: self.grows,
            at_most: self.at_most.as_f64(),
        })
    }
}

impl LoadBalancerParameters {
    pub(super) fn health_check(&self) -> HealthCheck {
        HealthCheck {
            period: self.check_period,
            timeout: self.check_timeout,
            fall: self.unhealthy_after,
            rise: self.healthy_after,
            first_rise: self.new_after,
        }
    }

    /// A type of machine that there is not.
    pub fn check_machine(&self, catalog: &Catalog, problems: &mut Problems) {
        check_machine(Some(&self.machine), self.place.of("machine"), catalog, problems);
    }

    /// Pays for it from now on. One tells services apart by their host names.
    pub fn rent(&self, api: &mut Api<'_>) {
        match api.catalog().find(&self.machine).filter(|_| self.machines > 0) {
            Some(machine) => api.rent(Rented::ProxyMachine(machine), self.machines),
            None => api.rent(Rented::LoadBalancer, 1),
        }
    }
}
