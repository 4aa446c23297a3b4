//! A service: a named group of boxes, what one request costs, and who calls it.
//!
//! Where its boxes run and how many there are is the platform's affair. Start at [`ServiceParameters`].

use super::complaint::Ear;
use super::ejection::Ejection;
use super::fault::Changes;
use super::fault::Renewal;
use super::flow::{Flow, RetryRules, Rules, Tenancy};
use super::ids::{ServiceId, Version};
use super::monitor::MonitorId;
use super::queueing::{Manners, ServiceTime};
use super::release::{Calls, Defect, ReleaseParameters, Versions};
use super::requests::{RequestMode, Requests};
use super::traffic::{Demand, TrafficParameters};
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{
    Bytes, Distribution, Factor, Fraction, GrowthDistribution, MilliCpu, Named, choices, section,
};
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
        /// Whether its requests are simulated as rates or one by one.
        requests: RequestMode = "flow", grade Choice;
        /// Since when they are simulated one by one, from the start of the simulation (warm-up included).
        requests_from: SimDuration = "0s", grade Choice;
        /// For how long they are simulated one by one; without it to the end.
        requests_for: Option<SimDuration>, optional in |d| d.is_none_or(|d| !d.is_zero()) => "more than zero";
        server: ServerParameters, section;
        retry: RetryParameters, section;
        traffic: TrafficParameters, section;
        release: ReleaseParameters, section;
    }
}

section! {
    /// How a box goes about requests.
    pub struct ServerParameters {
        /// Requests that a box works on at once, the others wait in line; without it all share its processors.
        workers: Option<u32>, optional in |n| n.is_none_or(|n| (1..=100_000).contains(&n)) => "from 1 to 100000";
        /// Requests that a box holds at most, in work and in line; it refuses more.
        hold: u32 = 1000 in |&n| (1..=1_000_000).contains(&n) => "from 1 to 1000000", from "accept queues and thread pools of 100 to 1000 are common; no source found", grade Estimate;
        /// Whether a box stops working on a request when its caller has given up.
        cancels: bool = true, grade Choice;
        /// Time that a box needs after its start until it is at full speed (caches, just-in-time compiler).
        warm_up: SimDuration = "0s", grade Choice;
        /// Speed of a box right after its start, relative to a warm one; it rises in a straight line.
        cold_speed: Fraction = "50%" in |f| f.as_f64() >= 0.01 => "at least 1%", from "no source found", grade Estimate;
    }
}

section! {
    /// What callers do when an attempt fails or is not answered in time.
    pub struct RetryParameters {
        /// How often they try again, at most.
        attempts: u32 = 0 in |&n| n <= 20 => "at most 20", grade Choice;
        /// Retries that all callers together may make, as a share of their requests.
        budget: Fraction = "20%", from "Envoy and Finagle retry budgets: 20 % of requests", grade Recalled;
        /// Pause before an attempt is repeated.
        backoff: SimDuration = "100ms", from "no source found", grade Estimate;
    }
}

choices! {
    /// What a part of a box is for.
    pub enum Role {
        /// It serves requests, together with the other parts like it.
        App = "app",
        /// Work before the start, such as a migration: it runs until it is done, and ends. On a machine it is part of every
        /// start; in a pod it runs again only with a new pod or a new machine.
        Init = "init",
        /// A helper that runs beside the others for as long as the box lives: a daemon of the machine, in a pod a
        /// container that starts before the others and ends after them.
        Sidecar = "sidecar",
    }
}

section! {
    /// One part of a box: a process on a machine, a container in a pod.
    pub struct ContainerParameters {
        /// What it is for.
        role: Role = "app", grade Choice;
        /// CPU that is asked for when a scheduler places the box, and its weight when CPU is short.
        cpu: MilliCpu = "500m" in |c| c.as_milli() > 0 => "more than zero", grade Choice;
        /// CPU that the part may use at most; none is unlimited.
        cpu_limit: Option<MilliCpu>, optional;
        /// Memory that is asked for when the box is placed. Who uses more is the first to be killed when a machine runs short.
        memory: Bytes = "512MiB", grade Choice;
        /// Memory that the part uses from its start on, as a share of what it asks for.
        memory_use: Factor = "43%", from "57 % of requested memory is never used (CAST AI 2025)", grade Derived;
        /// Memory beyond which the kernel kills the part; none is unlimited.
        memory_limit: Option<Bytes>, optional;
        /// Memory that the part leaks, until it is started anew; drawn for each version.
        leak: GrowthDistribution = "0MiB/h", grade Choice;
        /// Time from starting it until it can serve. A box is up when its slowest part is.
        startup: Distribution = "lognormal(10s, 0.4)", from "no source found", grade Estimate;
        /// Compressed size of its image.
        image: Bytes = "180MB", from "application images around 180 MB; no source found", grade Estimate;
        /// Share of the image that versions have in common: base and dependencies. A machine that has one version pulls only the rest of the next.
        image_base: Fraction = "70%", from "no source found", grade Estimate;
    }
}

/// A service as it runs.
#[derive(Debug)]
pub(super) struct Service {
    pub name: String,
    pub parameters: ServiceParameters,
    pub rules: Rules,
    pub demand: Demand,
    /// Until when the offered rate is constant.
    pub segment_end: SimTime,
    pub flow: Flow,
    /// How late each group of its callers learns of a change, where they hold copies of the list.
    pub copies: Vec<SimDuration>,
    /// Its requests one by one, while they are simulated so.
    pub requests: Option<Box<Requests>>,
    pub calls: Calls,
    pub changes: Changes,
    pub versions: Versions,
    pub alert: Option<MonitorId>,
    /// When a target that fails is passed over.
    pub ejection: Option<Ejection>,
    /// Targets that are passed over now.
    pub ejected: u32,
    /// Somebody listens to its users.
    pub ear: Option<Ear>,
    /// How often the time of the next complaint was drawn.
    pub draws: u64,
    pub process_crashes: Vec<Renewal>,
    pub disks: Vec<Renewal>,
    free_ordinals: BTreeSet<u32>,
    /// Boxes so far by number.
    lives: Vec<u32>,
}

impl Service {
    pub(super) fn new(
        id: ServiceId,
        name: String,
        parameters: ServiceParameters,
        demand: Demand,
        (calls, changes): (Calls, Changes),
    ) -> Self {
        Service {
            name,
            rules: parameters.rules(),
            parameters,
            demand,
            segment_end: SimTime::ZERO,
            flow: Flow::new(id),
            copies: Vec::new(),
            requests: None,
            calls,
            changes,
            versions: Versions::default(),
            alert: None,
            ejection: None,
            ejected: 0,
            ear: None,
            draws: 0,
            process_crashes: Vec::new(),
            disks: Vec::new(),
            free_ordinals: BTreeSet::new(),
            lives: Vec::new(),
        }
    }

    /// What its boxes claim of machines, before they have anything to do.
    pub(super) fn tenancy(&self) -> Tenancy {
        let parameters = &self.parameters;
        let limit = parameters.cpu_limit().map_or(f64::INFINITY, |limit| limit.as_cpus_f64());
        let weight = f64::from(parameters.cpu_request().as_milli());
        Tenancy::new(weight, limit, parameters.server.cold_speed.as_f64())
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

    /// Callers hold copies of the list: what changes in it reaches them later.
    pub(super) fn has_copies(&self) -> bool {
        !self.copies.is_empty()
    }

    pub(super) fn defect(&self, version: Version) -> Option<Defect> {
        self.versions.defect(version)
    }
}

impl ServiceParameters {
    /// Distribution of the work of one request.
    pub fn work(&self) -> ServiceTime {
        ServiceTime::lognormal(self.cpu_per_request.as_secs_f64(), self.cpu_variation)
    }

    fn rules(&self) -> Rules {
        Rules {
            work: self.work(),
            goal_s: self.latency_goal.as_secs_f64(),
            manners: Manners {
                patience_s: self.timeout.as_secs_f64(),
                workers: self.server.workers.map(f64::from),
                hold: f64::from(self.server.hold),
                cancels: self.server.cancels,
            },
            retry: RetryRules {
                attempts: self.retry.attempts,
                budget: self.retry.budget.as_f64(),
                backoff_s: self.retry.backoff.as_secs_f64(),
            },
        }
    }

    /// The parts that run for as long as the box does.
    fn running(&self) -> impl Iterator<Item = &ContainerParameters> {
        self.container.iter().map(|(_, c)| c).filter(|c| c.role != Role::Init)
    }

    /// Sum over the parts that run.
    pub fn cpu_request(&self) -> MilliCpu {
        MilliCpu::from_milli(self.running().map(|c| c.cpu.as_milli()).sum())
    }

    /// Sum over the parts that run; `None` if one of them is unlimited.
    pub fn cpu_limit(&self) -> Option<MilliCpu> {
        let limits: Option<Vec<u32>> = self.running().map(|c| c.cpu_limit.map(|l| l.as_milli())).collect();
        limits.map(|l| MilliCpu::from_milli(l.iter().sum()))
    }

    /// Memory that is asked for: the sum over the parts that run.
    pub fn memory(&self) -> Bytes {
        Bytes::from_bytes(self.running().map(|c| c.memory.as_bytes()).sum())
    }

    /// Memory that a box uses from its start on: the sum over the parts that run.
    pub fn memory_used(&self) -> Bytes {
        Bytes::from_bytes(self.running().map(|c| c.memory_used().as_bytes()).sum())
    }

    /// Whether every part has limits, and asks for all that they allow (Kubernetes: quality of service Guaranteed).
    pub fn asks_for_its_limits(&self) -> bool {
        let all = |c: &ContainerParameters| c.cpu_limit == Some(c.cpu) && c.memory_limit == Some(c.memory);
        self.container.iter().all(|(_, c)| all(c))
    }
}

impl ContainerParameters {
    /// Memory that the part uses from its start on.
    pub fn memory_used(&self) -> Bytes {
        Bytes::from_bytes((self.memory.as_bytes() as f64 * self.memory_use.as_f64()).round() as u64)
    }
}
