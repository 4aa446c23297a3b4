//! Services that live together: they share all their machines, one box of each in every one of them.
//!
//! Fewer machines for small services, and one fate: a machine that is lost takes a box of each with it, is bought, built
//! and brought back as one, and what is installed for one service may break another (`faults.conflict`). The n-th
//! machine of a group holds the n-th pet of each of its services; the first of these speaks for all where there is one
//! thing to do, such as renting it. Knows the forecast, and what each request costs.
//!
//! *Deviation:* what a person does to one box of a machine disturbs no other, but for a reboot and a conflict.
//!
//! Start at [`Group`].

use super::{Name, Pets, PetsParameters, RepairPolicy};
use crate::catalog::InstanceId;
use crate::engine::SimDuration;
use crate::parameter::{Bytes, Problem, Problems, suggestion};
use crate::platform::PracticeParameters;
use crate::platform::rollout::Strategy;
use crate::platform::sizing::{
    Infeasible, MachineFleet, box_cores, fits, fleet_of_machines, infeasible_on_machines,
};
use crate::world::{Api, ServiceId};

/// Services that share their machines, by index; one alone has its own.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    pub services: Vec<usize>,
}

impl Group {
    /// The service that speaks for all.
    pub fn lead(&self) -> usize {
        self.services[0]
    }

    /// Upkeep, or time to build, of one of its machines in terms of one that has a box to itself.
    pub fn effort(&self, each_more: f64) -> f64 {
        1.0 + each_more * (self.services.len() - 1) as f64
    }
}

/// All services, each in one group, in the order of their first.
pub(super) fn groups(parameters: &PetsParameters, api: &Api<'_>) -> Vec<Group> {
    let names: Vec<String> = api.services().map(|s| api.service(s).name.to_owned()).collect();
    let together = |name: &str| {
        let has = |group: &&super::GroupParameters| group.services.iter().any(|s| s == name);
        parameters.together.group.iter().map(|(_, group)| group).find(has)
    };
    let mut groups: Vec<Group> = Vec::new();
    for (s, name) in names.iter().enumerate() {
        if groups.iter().any(|group| group.services.contains(&s)) {
            continue;
        }
        let is_with = |other: &String| match together(name) {
            Some(group) => group.services.contains(other),
            None => other == name,
        };
        groups.push(Group { services: (0..names.len()).filter(|&o| is_with(&names[o])).collect() });
    }
    groups
}

impl PetsParameters {
    /// Groups must name services that exist, each once, and one machine type; nothing takes over for several at once.
    pub fn check(&self, services: &[&str], problems: &mut Problems) {
        let mut seen: Vec<&str> = Vec::new();
        for (name, group) in self.together.group.iter() {
            let at = group.place.of("services");
            for service in &group.services {
                if !services.contains(&service.as_str()) {
                    let problem = Problem::at(
                        at,
                        format!("`{name}` names the unknown service `{service}`"),
                        "no such service",
                    );
                    problems.push(problem.maybe_help(suggestion(service, services)));
                } else if seen.contains(&service.as_str()) {
                    let problem = Problem::at(at, format!("`{service}` lives in two places"), "named before");
                    problems.push(problem.help("name each service once"));
                }
                seen.push(service);
            }
            let machines: Vec<&str> =
                group.services.iter().filter_map(|s| self.size.get(s)?.machine.as_deref()).collect();
            if machines.windows(2).any(|pair| pair[0] != pair[1]) {
                let title = format!("`{name}` shares machines of two types: {}", machines.join(" and "));
                problems.push(Problem::at(at, title, "these share their machines").help("name one type"));
            }
            if self.repair == RepairPolicy::Standby {
                let title = "no standby takes the place of several services";
                let help = "choose another `repair` policy, or give the services machines of their own";
                problems.push(Problem::at(at, title, "these share their machines").help(help));
            }
        }
    }
}

/// Services that find no machine, alone or together.
pub fn infeasible(p: &PetsParameters, practice: &PracticeParameters, api: &Api<'_>) -> Vec<Infeasible> {
    let mut found = infeasible_on_machines(api, practice, p.balancing(), &p.size);
    for group in groups(p, api).iter().filter(|group| group.services.len() > 1) {
        let task = Task { parameters: p, practice, group };
        if found.is_empty() && task.fleet(api).is_none() {
            let names: Vec<&str> = task.ids().map(|id| api.service(id).name).collect();
            found.push(Infeasible {
                service: names[0].to_owned(),
                why: format!("{} find no machine together that keeps their latency goals", names.join(", ")),
                help: "allow larger types in `practice.machines`, or split the group".to_owned(),
            });
        }
    }
    found
}

/// How many machines a group needs, and of which type.
pub(super) struct Task<'a> {
    pub parameters: &'a PetsParameters,
    pub practice: &'a PracticeParameters,
    pub group: &'a Group,
}

/// More machines than anybody keeps by hand.
const MOST_MACHINES: u32 = 1 << 17;

impl Task<'_> {
    fn ids(&self) -> impl Iterator<Item = ServiceId> {
        self.group.services.iter().map(|&s| ServiceId(s as u16))
    }

    /// The cheapest for the forecast peak, one entry a service: same machines, and what each service finds in them.
    pub fn fleet(&self, api: &Api<'_>) -> Option<Vec<MachineFleet>> {
        let p = self.parameters;
        let upkeep = p.upkeep_per_box * self.group.effort(p.together.each_more.as_f64());
        let upkeep = upkeep + self.deploys(api);
        if let [alone] = self.group.services[..] {
            let wishes = (&p.size, upkeep);
            let balancing = p.balancing();
            return Some(vec![fleet_of_machines(
                api,
                self.practice,
                ServiceId(alone as u16),
                balancing,
                wishes,
            )?]);
        }
        let given = || self.ids().filter_map(|id| p.size.get(api.service(id).name));
        let machine = given().find_map(|g| g.machine.clone());
        let explicit = given().filter_map(|g| g.boxes).max();
        let candidates = machine.map_or_else(|| self.practice.machines.clone(), |m| vec![m]);
        let wage = api.wage().as_micro_usd_per_hour() as f64 * upkeep / (7.0 * 24.0);
        let fleet_on = |instance: InstanceId| {
            let computed = self.machines(instance, |id| api.forecast_peak(id), api);
            let boxes = explicit.or(computed)?;
            Some((instance, boxes))
        };
        let price = |&(instance, boxes): &(InstanceId, u32)| {
            let each = api.catalog().get(instance).price.as_micro_usd_per_hour() + wage as u64;
            (each * u64::from(boxes), boxes)
        };
        let known = candidates.iter().filter_map(|name| api.catalog().find(name));
        let (instance, boxes) =
            known.filter(|&i| self.has_room(i, api)).filter_map(fleet_on).min_by_key(price)?;
        let serving = boxes.saturating_sub(self.practice.spare_boxes).max(1);
        let cores = self.cores(instance, serving, &self.planned(|id| api.forecast_peak(id)), api);
        let of =
            |cores_per_box| MachineFleet { instance, boxes, cores_per_box, explicit: explicit.is_some() };
        Some(cores.into_iter().map(of).collect())
    }

    /// Hours a week in which versions are brought to one machine by hand: fewer and larger machines need fewer of them. A
    /// tool is started once, however many there are.
    fn deploys(&self, api: &Api<'_>) -> f64 {
        let p = self.parameters;
        if p.rollout.strategy != Strategy::ByHand {
            return 0.0;
        }
        let rates = self.ids().map(|id| api.service(id).parameters.release.rate.per_second());
        let week = SimDuration::from_days(7).as_secs_f64();
        rates.sum::<f64>() * week * p.deploy.mean().as_hours_f64()
    }

    /// Machines of a type for these rates with head-room and spare; `None` if no number meets all latency goals.
    pub fn machines(
        &self,
        instance: InstanceId,
        rate_of: impl Fn(ServiceId) -> f64,
        api: &Api<'_>,
    ) -> Option<u32> {
        let planned = self.planned(rate_of);
        let balancing = self.parameters.balancing();
        let enough = |machines: u32| {
            let cores = self.cores(instance, machines, &planned, api);
            let mut each = self.ids().zip(cores).zip(&planned);
            each.all(|((id, cores), &rate)| {
                api.boxes_needed(id, balancing, cores, rate).is_some_and(|needed| needed <= machines)
            })
        };
        let mut high = 1;
        while !enough(high) {
            high *= 2;
            if high > MOST_MACHINES {
                return None;
            }
        }
        let mut low = high / 2;
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if enough(middle) { high = middle } else { low = middle }
        }
        Some((high + self.practice.spare_boxes).max(self.practice.min_boxes))
    }

    fn planned(&self, rate_of: impl Fn(ServiceId) -> f64) -> Vec<f64> {
        self.ids().map(|id| rate_of(id) * (1.0 + self.practice.headroom.as_f64())).collect()
    }

    /// What each service finds in a machine when all have their planned rate: what the others leave, and at least
    /// its share by weight.
    fn cores(&self, instance: InstanceId, machines: u32, planned: &[f64], api: &Api<'_>) -> Vec<f64> {
        let load = |(id, rate): (ServiceId, &f64)| {
            rate * api.service(id).parameters.cpu_per_request.as_secs_f64() / f64::from(machines)
        };
        let weight = |id: ServiceId| api.service(id).parameters.cpu_request().as_cpus_f64();
        let loads: Vec<f64> = self.ids().zip(planned).map(load).collect();
        let (all_load, all_weight): (f64, f64) = (loads.iter().sum(), self.ids().map(weight).sum());
        let whole = api.catalog().get(instance).cpu.as_cpus_f64() - api.machine_overhead().as_cpus_f64();
        let found = |(id, load): (ServiceId, f64)| {
            let left = whole - (all_load - load);
            let share = whole * weight(id) / all_weight.max(1e-9);
            left.max(share).min(box_cores(api, instance, id)).max(0.01)
        };
        self.ids().zip(loads).map(found).collect()
    }

    /// All of them together have room in such a machine.
    fn has_room(&self, instance: InstanceId, api: &Api<'_>) -> bool {
        let machine = api.catalog().get(instance);
        let parameters = || self.ids().map(|id| api.service(id).parameters);
        let cpu: u64 = parameters().map(|p| u64::from(p.cpu_request().as_milli())).sum();
        let memory: u64 = parameters().map(|p| p.memory().max(p.memory_used()).as_bytes()).sum();
        let room = machine.memory.as_bytes().saturating_sub(api.cloud().os_memory.as_bytes());
        cpu <= u64::from(machine.cpu.as_milli())
            && Bytes::from_bytes(memory) <= Bytes::from_bytes(room)
            && parameters().all(|p| fits(api, instance, p))
    }
}

impl Pets {
    pub(super) fn group_of(&self, s: usize) -> &Group {
        self.groups.iter().find(|group| group.services.contains(&s)).expect("each service is in a group")
    }

    /// All boxes of the machine of this one, itself among them.
    pub(super) fn mates(&self, (s, p): Name) -> Vec<Name> {
        self.group_of(s).services.iter().map(|&mate| (mate, p)).collect()
    }

    /// The one that speaks for its machine.
    pub(super) fn speaker(&self, (s, p): Name) -> Name {
        (self.group_of(s).lead(), p)
    }

    /// Any of the services in this machine misses it.
    pub(super) fn is_missed(&self, name: Name) -> bool {
        self.mates(name).iter().any(|mate| !self.has_enough(mate.0))
    }

    /// Somebody is looking at another box of this machine.
    pub(super) fn somebody_looks_at_a_mate(&self, name: Name) -> bool {
        let mates = self.mates(name);
        self.is_asked(|task| matches!(task, super::Task::Look(n) if *n != name && mates.contains(n)))
    }
}
