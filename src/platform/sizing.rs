//! How large a fleet must be: the smallest that carries the forecast peak with head-room within the latency goal.
//!
//! Every platform is sized by the same rule with its own boxes, machines and balancing, so that a comparison of
//! costs compares platforms and not their authors' guesses. Start at [`fleet_of_machines`].

use super::practice::PracticeParameters;
use crate::catalog::{Catalog, InstanceId};
use crate::parameter::{Bytes, Named, Origin, Problem, Problems, section, suggestion};
use crate::world::{Api, Balancing, ServiceId, ServiceParameters};

section! {
    /// An explicit size for one service on one platform, instead of the smallest that keeps its latency goal.
    pub struct SizeParameters {
        /// Boxes at the forecast peak.
        boxes: Option<u32>, optional in |n| n.is_none_or(|n| (1..=100_000).contains(&n)) => "from 1 to 100000";
        /// Machine type of each box (platforms that give each box its own machine).
        machine: Option<String>, optional;
    }
}

/// What a platform chose at the start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sizing {
    /// For people, one line a service or more.
    pub lines: Vec<String>,
    /// For programs, one a service.
    pub services: Vec<ServiceSize>,
}

/// What one service has at its forecast peak, and what for.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceSize {
    pub service: String,
    /// Boxes at the forecast peak, spare included.
    pub boxes: u32,
    /// Those that the planned rate does not need; none where the number is explicit.
    pub spare_boxes: u32,
    /// Machine type of its boxes, or of the nodes that they share.
    pub machine: String,
    /// What one box can use at the planned rate [cores].
    pub cores_per_box: f64,
    /// Highest rate that can be foreseen [requests/s].
    pub forecast_peak: f64,
    /// The peak with head-room [requests/s].
    pub planned_rate: f64,
    pub latency_quantile: f64,
    pub latency_goal_s: f64,
    /// That quantile at the planned rate with all boxes but the spare; `None` if they cannot carry it.
    pub expected_latency_s: Option<f64>,
    /// The scenario gives the number of boxes.
    pub explicit: bool,
}

impl ServiceSize {
    /// `boxes` of `cores` each on machines of type `instance`; `explicit` if the scenario says how many.
    pub fn of(
        api: &Api<'_>,
        practice: &PracticeParameters,
        service: ServiceId,
        balancing: Balancing,
        instance: InstanceId,
        (boxes, cores): (u32, f64),
        explicit: bool,
    ) -> ServiceSize {
        let info = api.service(service);
        let spare_boxes = if explicit { 0 } else { practice.spare_boxes.min(boxes.saturating_sub(1)) };
        let forecast_peak = api.forecast_peak(service);
        let planned_rate = forecast_peak * (1.0 + practice.headroom.as_f64());
        let serving = (boxes - spare_boxes, cores);
        ServiceSize {
            service: info.name.to_owned(),
            boxes,
            spare_boxes,
            machine: api.catalog().get(instance).name.clone(),
            cores_per_box: cores,
            forecast_peak,
            planned_rate,
            latency_quantile: info.parameters.latency_quantile.as_f64(),
            latency_goal_s: info.parameters.latency_goal.as_secs_f64(),
            expected_latency_s: api.expected_latency_s(service, balancing, serving, planned_rate),
            explicit,
        }
    }

    /// What it was sized for, in words.
    pub fn purpose(&self) -> String {
        let percent = (self.latency_quantile * 1e4).round() / 1e2;
        let promise = match self.expected_latency_s {
            Some(latency) => format!("{percent} % of them within {:.0} ms expected", latency * 1e3),
            None => "more than they can carry".to_owned(),
        };
        let given = if self.explicit { "as the scenario says; " } else { "" };
        let decimals = if self.planned_rate < 10.0 { 1 } else { 0 };
        format!("{given}for {:.decimals$} requests/s, {promise}", self.planned_rate)
    }
}

/// A machine type and a number of machines with one box each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MachineFleet {
    pub instance: InstanceId,
    /// Boxes at the forecast peak, spare included.
    pub boxes: u32,
    /// What one of them can use [cores].
    pub cores_per_box: f64,
    /// The scenario gives the number of boxes.
    pub explicit: bool,
}

impl MachineFleet {
    /// What the fleet is for.
    pub fn size(
        &self,
        api: &Api<'_>,
        practice: &PracticeParameters,
        service: ServiceId,
        balancing: Balancing,
    ) -> ServiceSize {
        let each = (self.boxes, self.cores_per_box);
        ServiceSize::of(api, practice, service, balancing, self.instance, each, self.explicit)
    }
}

/// Boxes for `rate` [requests/s] with head-room and spare: at least the company's minimum.
///
/// `None` if no number of such boxes meets the latency goal.
pub fn boxes_for(
    api: &Api<'_>,
    practice: &PracticeParameters,
    service: ServiceId,
    balancing: Balancing,
    cores_per_box: f64,
    rate: f64,
) -> Option<u32> {
    let planned = rate * (1.0 + practice.headroom.as_f64());
    let needed = api.boxes_needed(service, balancing, cores_per_box, planned)?;
    Some((needed + practice.spare_boxes).max(practice.min_boxes))
}

/// The cheapest fleet with one box a machine for the forecast peak, counting the upkeep that each machine needs beside
/// its price; an explicit size or machine goes before.
///
/// `None` if no machine type can hold a box and meet the latency goal; scenarios are checked for that.
pub fn fleet_of_machines(
    api: &Api<'_>,
    practice: &PracticeParameters,
    service: ServiceId,
    balancing: Balancing,
    (explicit, upkeep_h_per_week): (&Named<SizeParameters>, f64),
) -> Option<MachineFleet> {
    let info = api.service(service);
    let given = explicit.get(info.name);
    let machine = given.and_then(|g| g.machine.clone());
    let candidates = machine.map_or_else(|| practice.machines.clone(), |m| vec![m]);
    let peak = api.forecast_peak(service);
    // What a machine more costs in wages, for each hour of the calendar.
    let upkeep = (api.wage().as_micro_usd_per_hour() as f64 * upkeep_h_per_week / (7.0 * 24.0)) as u64;
    candidates
        .iter()
        .filter_map(|name| api.catalog().find(name))
        .filter(|&instance| fits(api, instance, info.parameters))
        .filter_map(|instance| {
            let cores_per_box = box_cores(api, instance, service);
            let computed = boxes_for(api, practice, service, balancing, cores_per_box, peak);
            let explicit = given.and_then(|g| g.boxes);
            let boxes = explicit.or(computed)?;
            Some(MachineFleet { instance, boxes, cores_per_box, explicit: explicit.is_some() })
        })
        .min_by_key(|f| {
            let price = api.catalog().get(f.instance).price.as_micro_usd_per_hour();
            ((price + upkeep) * u64::from(f.boxes), f.boxes)
        })
}

/// Sizes must name services and machines that exist.
pub fn check_sizes(
    sizes: &Named<SizeParameters>,
    services: &[&str],
    catalog: &Catalog,
    problems: &mut Problems,
) {
    check_size_names(sizes, services, problems);
    for (_, size) in sizes.iter() {
        check_machine(size.machine.as_deref(), size.place.of("machine"), catalog, problems);
    }
}

/// Sizes must be of services that exist.
pub fn check_size_names<T>(sizes: &Named<T>, services: &[&str], problems: &mut Problems) {
    for name in sizes.names().filter(|name| !services.contains(name)) {
        let origin = sizes.origin_of(name).cloned().unwrap_or_default();
        let problem =
            Problem::at(&origin, format!("a size for the unknown service `{name}`"), "no such service");
        problems.push(problem.maybe_help(suggestion(name, services)));
    }
}

/// A machine type must be in the catalog.
pub fn check_machine(machine: Option<&str>, at: &Origin, catalog: &Catalog, problems: &mut Problems) {
    if let Some(machine) = machine.filter(|m| catalog.find(m).is_none()) {
        let problem = Problem::at(at, format!("unknown machine type `{machine}`"), "not in the price lists");
        let names: Vec<&str> = catalog.names().collect();
        problems.push(problem.maybe_help(suggestion(machine, &names)));
    }
}

/// A service that a platform cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Infeasible {
    pub service: String,
    pub why: String,
    pub help: String,
}

/// Services of which no box fits any machine, or whose latency goal no number of boxes meets.
pub fn infeasible_on_machines(
    api: &Api<'_>,
    practice: &PracticeParameters,
    balancing: Balancing,
    sizes: &Named<SizeParameters>,
) -> Vec<Infeasible> {
    let mut found = Vec::new();
    for service in api.services() {
        let info = api.service(service);
        let (cpu, memory) = (info.parameters.cpu_request(), info.parameters.memory());
        let machine = sizes.get(info.name).and_then(|s| s.machine.clone());
        let candidates = machine.map_or_else(|| practice.machines.clone(), |m| vec![m]);
        let mut known = candidates.iter().filter_map(|name| api.catalog().find(name));
        if !known.any(|instance| fits(api, instance, info.parameters)) {
            found.push(Infeasible {
                service: info.name.into(),
                why: format!(
                    "a box asks for {cpu} CPU and {memory}{}: more than any of {}",
                    use_beyond_request(info.parameters),
                    candidates.join(", ")
                ),
                help: "ask for less in its containers, or allow larger types in `practice.machines`".into(),
            });
        } else if fleet_of_machines(api, practice, service, balancing, (sizes, 0.0)).is_none() {
            found.push(Infeasible {
                service: info.name.into(),
                why: format!(
                    "no number of boxes brings {} of its requests below {}",
                    info.parameters.latency_quantile, info.parameters.latency_goal
                ),
                help: "raise `latency_goal`, or lower `cpu_per_request` or `cpu_variation`".into(),
            });
        }
    }
    found
}

/// What there is to say about the memory of a box that uses more than it asks for.
pub fn use_beyond_request(service: &ServiceParameters) -> String {
    let used = service.memory_used();
    if used > service.memory() { format!(" and uses {used}") } else { String::new() }
}

/// Whether one box of the service has room on such a machine beside the guest system, by what it asks for and by
/// what it uses.
pub fn fits(api: &Api<'_>, instance: InstanceId, service: &ServiceParameters) -> bool {
    let machine = api.catalog().get(instance);
    let room = machine.memory.as_bytes().saturating_sub(api.cloud().os_memory.as_bytes());
    let memory = service.memory().max(service.memory_used());
    service.cpu_request().as_milli() <= machine.cpu.as_milli() && memory <= Bytes::from_bytes(room)
}

/// Cores of a box that has a machine to itself: what the guest system leaves, within the box's own limit.
pub fn box_cores(api: &Api<'_>, instance: InstanceId, service: ServiceId) -> f64 {
    let cpu = api.catalog().get(instance).cpu.as_cpus_f64();
    let limit =
        api.service(service).parameters.cpu_limit().map_or(f64::INFINITY, |limit| limit.as_cpus_f64());
    (cpu - api.machine_overhead().as_cpus_f64()).min(limit).max(0.01)
}
