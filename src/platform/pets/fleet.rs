//! The pets that are there when the simulation begins, and what was bought with them.
//!
//! As many as the forecast asks for until the machines of the first review are there, and a standby each where that is
//! the policy. Knows the forecast, not the traffic. Start at `Pets::start_fleet`.

use super::{Entry, Kennel, Pet, Pets, REVIEW, RepairPolicy, Role, shared};
use crate::platform::automation::Automation;
use crate::platform::sizing::MachineFleet;
use crate::world::{Api, PlatformEvent, Purchase, ServiceId, Version, ZoneId};
use std::collections::BTreeMap;

impl Pets {
    pub(super) fn start_fleet(&mut self, api: &mut Api<'_>) {
        // Nothing is carried along: what is not on the machine is missing.
        api.set_mismatch(self.practice.environment_mismatch.as_f64());
        api.set_disk_fills(self.parameters.disk_fills.as_f64());
        let p = &self.parameters;
        self.discovery.start((&p.discovery, &p.load_balancer), &self.practice, api);
        self.groups = shared::groups(&self.parameters, api);
        let mut fleets: BTreeMap<usize, MachineFleet> = BTreeMap::new();
        for group in &self.groups {
            let task = shared::Task { parameters: &self.parameters, practice: &self.practice, group };
            let found = task.fleet(api).expect("the scenario was checked for services that fit no machine");
            fleets.extend(group.services.iter().copied().zip(found));
        }
        for (service, (_, fleet)) in api.services().zip(fleets) {
            self.start_service(service, fleet, api);
        }
        self.services.iter().for_each(|kennel| kennel.entry.count_members(api));
        self.discovery.add_servers(api);
        self.count_upkeep(api);
        Automation::from(&self.parameters.automation).declare(api);
        self.parameters.commitment.declare(api);
        if self.parameters.discovery.has_load_balancer() {
            self.parameters.load_balancer.rent(api);
        }
        api.after(self.parameters.capacity.review, PlatformEvent::with(REVIEW, 0, 0));
    }

    fn start_service(&mut self, service: ServiceId, fleet: MachineFleet, api: &mut Api<'_>) {
        let balancing = self.parameters.balancing();
        let entry = Entry::new(&self.parameters.discovery, &self.parameters.load_balancer, service, api);
        let wanted = self.boxes_until_next_review(service, &fleet, api);
        let kennel = Kennel {
            service,
            fleet,
            entry,
            pets: Vec::new(),
            wanted,
            version: Version(0),
            rollout: None,
            waiting: None,
        };
        let (s, serving) = (self.services.len(), wanted as usize);
        let standby = usize::from(self.parameters.repair == RepairPolicy::Standby);
        self.services.push(kennel);
        for p in 0..serving + standby {
            let role = if p < serving { Role::Serving } else { Role::Standby };
            self.adopt((s, p), role, api);
        }
        api.declare_desired(service, serving as u32);
        if self.parameters.monitoring {
            api.alert_on_errors(service, self.practice.error_alert());
        } else {
            api.listen_to_complaints(service, self.parameters.complaints.as_f64());
        }
        let size = fleet.size(api, &self.practice, service, balancing);
        let (name, machine, purpose) = (&size.service, &size.machine, size.purpose());
        let first = self.services[s].wanted;
        let at_first =
            if first < fleet.boxes { format!(", {first} of them at first") } else { String::new() };
        let boxes = fleet.boxes;
        let mates = self.group_of(s).services.iter().filter(|&&mate| mate != s);
        let mates: Vec<&str> = mates.map(|&mate| api.service(ServiceId(mate as u16)).name).collect();
        let shared =
            if mates.is_empty() { String::new() } else { format!(", shared with {}", mates.join(", ")) };
        self.sizing
            .lines
            .push(format!("{name}: {boxes} × {machine}{shared}, one box each{at_first}, {purpose}"));
        self.sizing.services.push(size);
    }

    /// A pet that has been there for long.
    fn adopt(&mut self, (s, p): (usize, usize), role: Role, api: &mut Api<'_>) {
        let zones: Vec<ZoneId> = api.zones().collect();
        let zone = zones[p % zones.len()];
        let differences = self.differences_at_start((s, p), api);
        let speaker = self.speaker((s, p));
        let there = if speaker.0 == s { None } else { self.pet(speaker).vm };
        let kennel = &mut self.services[s];
        let vm = there.unwrap_or_else(|| api.adopt_vm(kennel.fleet.instance, zone, Purchase::OnDemand));
        let subject = api.adopt_box(kennel.service, vm);
        if role == Role::Serving {
            kennel.entry.adopt(subject, api);
        }
        let pet = Pet::new(subject, zone, Version(0), api.now());
        kennel.pets.push(Pet {
            vm: Some(vm),
            role,
            care: super::Care::None,
            served: true,
            differences,
            ..pet
        });
        if speaker.0 == s {
            self.age_machine((s, p), api);
        }
    }
}
