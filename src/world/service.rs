//! A service: a named group of boxes, what one request costs, and who calls it.
//!
//! Where its boxes run and how many there are is the platform's affair. Start at [`ServiceParameters`].

use super::fault::Renewal;
use super::flow::Flow;
use super::ids::{ServiceId, Version};
use super::monitor::MonitorId;
use super::queueing::ServiceTime;
use super::release::{Calls, Defect, ReleaseParameters};
use super::traffic::{Curve, TrafficParameters};
use crate::engine::SimDuration;
use crate::parameter::{Bytes, Distribution, Fraction, MilliCpu, Named, section};
use std::collections::BTreeSet;

section! {
    /// A service: what a request costs, what a box of it needs, who calls it and how often it changes.
    pub struct ServiceParameters {
        /// CPU time of one request on one core, on average.
        cpu_per_request: SimDuration, required in |d| !d.is_zero() => "more than zero";
        /// Squared coefficient of variation of the CPU time of requests (0 constant, 1 exponential).
        cpu_variation: f64 = "2" in |v| (0.0..=100.0).contains(v) => "from 0 to 100",
            from "1 to 4 are common; no source found", grade Estimate;
        /// How long callers wait before they give up.
        timeout: SimDuration = "5s" in |d| !d.is_zero() => "more than zero", from "client timeouts of 1 to 10 s are common; no source found", grade Estimate;
        /// Latency that nearly all requests should stay below.
        latency_goal: SimDuration = "500ms" in |d| !d.is_zero() => "more than zero", grade Choice;
        /// The share of requests that should stay below the latency goal; also used for sizing.
        latency_quantile: Fraction = "99%" in |q| q.as_f64() > 0.0 && q.as_f64() < 1.0 => "between 0 and 1, exclusive", grade Choice;
        /// Share of requests in a minute that must succeed within the latency goal; a worse minute is below the service level.
        availability_goal: Fraction = "99%" , grade Choice;
        /// The parts of a box, each `[service.NAME.container.PART]`: the application, a proxy, a daemon.
        container: Named<ContainerParameters>, sections;
        traffic: TrafficParameters, section;
        release: ReleaseParameters, section;
    }
}

section! {
    /// One part of a box: a process on a machine, a container in a pod.
    pub struct ContainerParameters {
        /// CPU that is asked for when a scheduler places the box, and its weight when CPU is short.
        cpu: MilliCpu = "500m" in |c| c.as_milli() > 0 => "more than zero", grade Choice;
        /// CPU that the part may use at most; none is unlimited.
        cpu_limit: Option<MilliCpu>, optional;
        /// Memory that is asked for and used.
        memory: Bytes = "512MiB", grade Choice;
        /// Time from starting it until it can serve. A box is up when its slowest part is.
        startup: Distribution = "lognormal(10s, 0.4)", from "no source found", grade Estimate;
        /// Compressed size of its image.
        image: Bytes = "180MB", from "application images around 180 MB; no source found", grade Estimate;
    }
}

/// A service as it runs.
#[derive(Debug)]
pub(super) struct Service {
    pub name: String,
    pub parameters: ServiceParameters,
    pub work: ServiceTime,
    pub curve: Curve,
    pub flow: Flow,
    pub calls: Calls,
    /// What is wrong with each version; 0 ran before the simulation and is good.
    pub versions: Vec<Option<Defect>>,
    pub alert: Option<MonitorId>,
    pub process_crashes: Vec<Renewal>,
    free_ordinals: BTreeSet<u32>,
    /// Boxes so far by number.
    lives: Vec<u32>,
}

impl Service {
    pub(super) fn new(
        id: ServiceId,
        name: String,
        parameters: ServiceParameters,
        curve: Curve,
        calls: Calls,
    ) -> Self {
        Service {
            name,
            work: ServiceTime::lognormal(parameters.cpu_per_request.as_secs_f64(), parameters.cpu_variation),
            parameters,
            curve,
            flow: Flow::new(id),
            calls,
            versions: vec![None],
            alert: None,
            process_crashes: Vec::new(),
            free_ordinals: BTreeSet::new(),
            lives: Vec::new(),
        }
    }

    /// The lowest free box number, and how many boxes had it before.
    pub(super) fn take_ordinal(&mut self) -> (u32, u32) {
        let ordinal = self.free_ordinals.pop_first().unwrap_or_else(|| {
            self.lives.push(0);
            self.lives.len() as u32 - 1
        });
        let life = &mut self.lives[ordinal as usize];
        *life += 1;
        (ordinal, *life - 1)
    }

    pub(super) fn free_ordinal(&mut self, ordinal: u32) {
        self.free_ordinals.insert(ordinal);
    }

    pub(super) fn defect(&self, version: Version) -> Option<Defect> {
        self.versions[version.0 as usize]
    }

    /// Weight of one of its boxes when CPU is short: the CPU requests of its parts.
    pub(super) fn cpu_weight(&self) -> f64 {
        f64::from(self.parameters.cpu_request().as_milli())
    }

    /// The most that one of its boxes may use [cores]; infinite unless every part has a limit.
    pub(super) fn cpu_limit(&self) -> f64 {
        self.parameters.cpu_limit().map_or(f64::INFINITY, |limit| limit.as_cpus_f64())
    }
}

impl ServiceParameters {
    /// Sum over the parts of a box.
    pub fn cpu_request(&self) -> MilliCpu {
        MilliCpu::from_milli(self.container.iter().map(|(_, c)| c.cpu.as_milli()).sum())
    }

    /// Sum over the parts; `None` if one of them is unlimited.
    pub fn cpu_limit(&self) -> Option<MilliCpu> {
        let limits: Option<Vec<u32>> =
            self.container.iter().map(|(_, c)| c.cpu_limit.map(|l| l.as_milli())).collect();
        limits.map(|l| MilliCpu::from_milli(l.iter().sum()))
    }

    /// Sum over the parts.
    pub fn memory(&self) -> Bytes {
        Bytes::from_bytes(self.container.iter().map(|(_, c)| c.memory.as_bytes()).sum())
    }

    /// Sum of the compressed image sizes of the parts.
    pub fn images(&self) -> Bytes {
        Bytes::from_bytes(self.container.iter().map(|(_, c)| c.image.as_bytes()).sum())
    }
}
