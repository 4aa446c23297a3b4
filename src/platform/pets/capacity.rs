//! Capacity projects: people compare their machines with the forecast every so often, order what will be missing and
//! give back what will not be needed.
//!
//! The forecast is that of season, events and growth. Machines are ordered by ticket and built by hand in office hours,
//! so they must be asked for long before the peak. Knows nothing of the present load. Start at `Pets::review_capacity`.

use super::{Care, Kennel, Name, Pets, RepairPolicy, Role, Task};
use crate::engine::Purpose;
use crate::platform::automation::Automation;
use crate::platform::sizing::boxes_for;
use crate::world::observation::Rented;
use crate::world::{Activity, Api, PlatformEvent, Urgency};

const TICKET: Purpose = Purpose::named("pet machine ticket");

impl Pets {
    /// Boxes for the highest rate until the machines of the next review are there.
    pub(super) fn boxes_until_next_review(&self, kennel: &Kennel, api: &Api<'_>) -> u32 {
        let capacity = &self.parameters.capacity;
        let until = api.now() + capacity.review + capacity.lead;
        let peak = api.forecast_peak_between(kennel.service, api.now(), until);
        let (balancing, cores) = (self.parameters.load_balancer.balancing, kennel.fleet.cores_per_box);
        match boxes_for(api, &self.practice, kennel.service, balancing, cores, peak) {
            Some(boxes) if !kennel.fleet.explicit => boxes.min(kennel.fleet.boxes),
            _ => kennel.fleet.boxes,
        }
    }

    pub(super) fn review_capacity(&mut self, api: &mut Api<'_>) {
        api.after(self.parameters.capacity.review, PlatformEvent::with(super::REVIEW, 0, 0));
        for s in 0..self.services.len() {
            let needed = self.boxes_until_next_review(&self.services[s], api) as usize;
            let there = self.services[s].in_use().count();
            for _ in there..needed {
                self.order_machine(s, api);
            }
            let kennel = &self.services[s];
            let idle = (0..kennel.pets.len()).rev().filter(|&p| {
                let pet = &kennel.pets[p];
                pet.role == Role::Serving && pet.care == Care::None
            });
            let idle: Vec<usize> = idle.take(there.saturating_sub(needed)).collect();
            for p in idle {
                self.services[s].pets[p].role = Role::Leaving;
                let cause = self.life_of((s, p), api);
                let touch = self.touch(&self.parameters.edit_route, TICKET, cause, api);
                let task = Task::Retire((s, p));
                self.ask(task, Activity::Provision, Urgency::OfficeHours, touch, cause, api);
            }
        }
    }

    /// A new pet of a service: its machine comes when the ticket is done.
    fn order_machine(&mut self, s: usize, api: &mut Api<'_>) {
        let zones: Vec<_> = api.zones().collect();
        let (service, version) = (self.services[s].service, self.services[s].version);
        let subject = api.create_box(service, version);
        let p = self.services[s].pets.len();
        let pet = super::Pet::new(subject, zones[p % zones.len()], version, api.now());
        self.services[s].pets.push(pet);
        self.wait_for_ticket((s, p), api);
    }

    /// Orders a machine for a pet.
    pub(super) fn wait_for_ticket(&mut self, name: Name, api: &mut Api<'_>) {
        let cause = self.life_of(name, api);
        let wait = self.parameters.ticket.sample(api.stream(TICKET, &[cause]).uniform());
        api.after(wait, PlatformEvent::with(super::TICKET_DONE, name.0 as u32, name.1 as u32));
    }

    /// Out of the route; its machine goes when its last requests are done.
    pub(super) fn retire(&mut self, name: Name, api: &mut Api<'_>) {
        let kennel = &mut self.services[name.0];
        kennel.wanted -= 1;
        api.declare_desired(kennel.service, kennel.wanted);
        let subject = kennel.pets[name.1].subject;
        let drain = kennel.entry.deregister(subject, api);
        api.after(drain, PlatformEvent::about(super::EMPTY, subject));
        self.count_upkeep(api);
    }

    pub(super) fn give_back(&mut self, name: Name, api: &mut Api<'_>) {
        let pet = self.pet(name);
        pet.role = Role::Gone;
        if let Some(vm) = pet.vm.take() {
            api.terminate_vm(vm);
        }
        self.next_pet(name.0, api);
    }

    /// Routine administration, and backups, of the machines that there are.
    pub(super) fn count_upkeep(&mut self, api: &mut Api<'_>) {
        let kept = |k: &Kennel| k.in_use().count() + k.of_role(Role::Standby).count();
        let machines: usize = self.services.iter().map(kept).sum();
        let upkeep = self.parameters.upkeep_per_box * machines as f64;
        let automation = Automation::from(&self.parameters.automation).hours_per_week();
        api.set_upkeep(upkeep + automation + self.parameters.load_balancer.upkeep);
        if self.parameters.repair == RepairPolicy::RestoreBackup {
            let change = machines as i32 - self.backed_up as i32;
            let gigabytes = (api.cloud().root_disk.as_bytes() as f64 / 1e9).round() as i32;
            api.change_rent(Rented::BackupGigabyte, change * gigabytes);
            self.backed_up = machines as u32;
        }
    }
}
