//! Capacity projects: people compare their machines with the forecast every so often, order what will be missing and
//! give back what will not be needed.
//!
//! The forecast is that of season, events and growth. Machines are ordered by ticket and built by hand in office hours,
//! so they must be asked for long before the peak. Knows nothing of the present load. Start at `Pets::review_capacity`.

use super::shared::{self, Group};
use super::{Care, Kennel, Name, Pet, Pets, RepairPolicy, Role, Task};
use crate::engine::{Purpose, SimDuration};
use crate::platform::automation::Automation;
use crate::platform::sizing::{MachineFleet, boxes_for};
use crate::world::observation::Rented;
use crate::world::{Activity, Api, PlatformEvent, ServiceId, Urgency};

const TICKET: Purpose = Purpose::named("pet machine ticket");

impl Pets {
    /// Boxes for the highest rate until the machines of the next review are there.
    pub(super) fn boxes_until_next_review(
        &self,
        service: ServiceId,
        fleet: &MachineFleet,
        api: &Api<'_>,
    ) -> u32 {
        let capacity = &self.parameters.capacity;
        let until = api.now() + capacity.review + capacity.lead;
        let peak = |of: ServiceId| api.forecast_peak_between(of, api.now(), until);
        let group = self.group_of(service.0 as usize);
        let boxes = if group.services.len() == 1 {
            let (balancing, cores) = (self.parameters.balancing(), fleet.cores_per_box);
            boxes_for(api, &self.practice, service, balancing, cores, peak(service))
        } else {
            let task = shared::Task { parameters: &self.parameters, practice: &self.practice, group };
            task.machines(fleet.instance, peak, api)
        };
        match boxes {
            Some(boxes) if !fleet.explicit => boxes.min(fleet.boxes),
            _ => fleet.boxes,
        }
    }

    pub(super) fn review_capacity(&mut self, api: &mut Api<'_>) {
        api.after(self.parameters.capacity.review, PlatformEvent::with(super::REVIEW, 0, 0));
        for g in 0..self.groups.len() {
            let s = self.groups[g].lead();
            let Kennel { service, fleet, .. } = &self.services[s];
            let needed = self.boxes_until_next_review(*service, fleet, api) as usize;
            let there = self.services[s].in_use().count();
            for _ in there..needed {
                self.order_machine(g, api);
            }
            let is_idle = |&name: &Name| {
                let Pet { role, care, .. } = self.services[name.0].pets[name.1];
                role == Role::Serving && care == Care::None
            };
            let machines = (0..self.services[s].pets.len()).rev().map(|p| (s, p));
            let idle = machines.filter(|&name| self.mates(name).iter().all(is_idle));
            let idle: Vec<Name> = idle.take(there.saturating_sub(needed)).collect();
            for name in idle {
                for mate in self.mates(name) {
                    self.pet(mate).role = Role::Leaving;
                }
                let cause = self.life_of(name, api);
                let touch = self.touch(&self.parameters.edit_route, TICKET, cause, api);
                let task = Task::Retire(name);
                self.ask(task, Activity::Provision, Urgency::OfficeHours, touch, cause, api);
            }
        }
    }

    /// A new pet of each service of a group: their machine comes when the ticket is done.
    fn order_machine(&mut self, g: usize, api: &mut Api<'_>) {
        let zones: Vec<_> = api.zones().collect();
        let lead = self.groups[g].lead();
        let p = self.services[lead].pets.len();
        for s in self.groups[g].services.clone() {
            let (service, version) = (self.services[s].service, self.services[s].version);
            let subject = api.create_box(service, version);
            let pet = Pet::new(subject, zones[p % zones.len()], version, api.now());
            self.services[s].pets.push(pet);
        }
        self.wait_for_ticket((lead, p), api);
    }

    /// Orders a machine.
    pub(super) fn wait_for_ticket(&mut self, name: Name, api: &mut Api<'_>) {
        let cause = self.life_of(name, api);
        let wait = self.parameters.ticket.sample(api.stream(TICKET, &[cause]).uniform());
        api.after(wait, PlatformEvent::with(super::TICKET_DONE, name.0 as u32, name.1 as u32));
    }

    /// Out of the route; its machine goes when its last requests are done.
    pub(super) fn retire(&mut self, name: Name, api: &mut Api<'_>) {
        let mut drain = SimDuration::ZERO;
        for (s, p) in self.mates(name) {
            let kennel = &mut self.services[s];
            kennel.wanted -= 1;
            api.declare_desired(kennel.service, kennel.wanted);
            drain = drain.max(kennel.entry.deregister(kennel.pets[p].subject, api));
        }
        api.after(drain, PlatformEvent::about(super::EMPTY, self.pet_subject(name)));
        self.count_upkeep(api);
    }

    pub(super) fn give_back(&mut self, name: Name, api: &mut Api<'_>) {
        let mates = self.mates(name);
        let vms = mates.iter().map(|&mate| {
            let pet = self.pet(mate);
            pet.role = Role::Gone;
            pet.vm.take()
        });
        // They are one machine, and all name it.
        if let Some(vm) = vms.fold(None, Option::or) {
            api.terminate_vm(vm);
        }
        for mate in mates {
            self.next_pet(mate.0, api);
        }
    }

    /// Routine administration, and backups, of the machines that there are.
    pub(super) fn count_upkeep(&mut self, api: &mut Api<'_>) {
        let kept = |g: &Group| {
            let kennel = &self.services[g.lead()];
            kennel.in_use().count() + kennel.of_role(Role::Standby).count()
        };
        let machines: usize = self.groups.iter().map(kept).sum();
        let each_more = self.parameters.together.each_more.as_f64();
        let effort: f64 = self.groups.iter().map(|g| kept(g) as f64 * g.effort(each_more)).sum();
        let upkeep = self.parameters.upkeep_per_box * effort;
        let automation = Automation::from(&self.parameters.automation).hours_per_week();
        let discovery = self.parameters.discovery.upkeep(&self.parameters.load_balancer);
        api.set_upkeep(upkeep + automation + discovery);
        if self.parameters.repair == RepairPolicy::RestoreBackup {
            let change = machines as i32 - self.backed_up as i32;
            let gigabytes = (api.cloud().root_disk.as_bytes() as f64 / 1e9).round() as i32;
            api.change_rent(Rented::BackupGigabyte, change * gigabytes);
            self.backed_up = machines as u32;
        }
    }
}
