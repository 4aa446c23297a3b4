//! Which boxes share a machine, and how many cores each of them can use.
//!
//! Machines with the same processors and the same boxes are one *shape* and are shared out once, and again only when
//! what its tenants claim ([`tenancy`](super::tenancy)) has moved so far that it matters. The result, for each service,
//! is a list of classes ([`classes`](super::classes)): boxes that are alike for the flow. These follow each machine that
//! comes, goes or changes at a cost that does not grow with the fleet. Start at [`World::classify`].

use super::classes::{Alike, BILLION, ClassId, Classes, RESPONSE_TOLERANCE, ServiceClasses};
use super::route::Audience;
use crate::engine::streams::mix;
use crate::world::World;
use crate::world::boxes::{Reach, ServiceBox, Warmth};
use crate::world::contention::{Claim, Sharing};
use crate::world::ids::{BoxId, ServiceId, Version, VmId};
use std::collections::BTreeMap;

/// Boxes of one kind that serve on one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::world) struct Tenant {
    pub service: ServiceId,
    pub version: Version,
    pub warmth: Warmth,
    /// Who sends to it.
    pub audience: Audience,
    pub boxes: u16,
}

/// Processors of a machine and all boxes that serve on it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Composition {
    /// Of what follows: most that differ differ here.
    fingerprint: u64,
    /// [milli-CPU]
    milli: u32,
    /// Sorted.
    tenants: Vec<Tenant>,
}

impl Composition {
    fn new(milli: u32, tenants: Vec<Tenant>) -> Composition {
        let fingerprint = tenants.iter().fold(u64::from(milli), |print, t| {
            let program = u64::from(t.service.0) << 32 | u64::from(t.version.0);
            let kind = u64::from(t.audience.bits()) << 32 | u64::from(t.warmth.step()) << 16;
            mix(mix(print ^ program) ^ (kind | u64::from(t.boxes)))
        });
        Composition { fingerprint, milli, tenants }
    }
}

/// A shape, as machines know theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::world) struct ShapeId(u32);

/// Machines with the same processors and the same boxes.
#[derive(Clone, Debug, Default)]
struct Shape {
    composition: Composition,
    machines: u32,
    /// Of these, how many the classes have counted.
    counted: u32,
    /// What each tenant's boxes have; empty until they are shared out.
    shares: Vec<Share>,
    /// Cores that were shared out.
    capacity: f64,
    /// A tenant claims something else now, or there is something else to share.
    is_stale: bool,
    /// It is among those that changed.
    is_changed: bool,
}

/// What boxes of one kind have on a machine.
#[derive(Clone, Copy, Debug)]
struct Share {
    class: ClassId,
    /// That each of them can use [billionths].
    cores: u64,
    /// What each wanted when that was worked out [cores].
    wanted: f64,
}

/// The shapes of all machines on which boxes serve.
#[derive(Clone, Debug, Default)]
pub(in crate::world) struct Shapes {
    shapes: Vec<Shape>,
    /// Places in it that are free.
    free: Vec<ShapeId>,
    known: BTreeMap<Composition, ShapeId>,
    /// Those with other machines, or to be shared out anew, since boxes were sorted into classes.
    changed: Vec<ShapeId>,
}

impl Shapes {
    /// The boxes on a machine of this shape.
    pub fn tenants(&self, id: ShapeId) -> &[Tenant] {
        &self.shapes[id.0 as usize].composition.tenants
    }

    /// A machine of this shape goes.
    fn leave(&mut self, id: ShapeId) {
        self.shapes[id.0 as usize].machines -= 1;
        self.note(id);
    }

    /// A machine comes that is composed like this.
    fn join(&mut self, composition: Composition) -> ShapeId {
        let Shapes { shapes, free, known, .. } = self;
        let id = *known.entry(composition).or_insert_with_key(|composition| {
            let shape = Shape { composition: composition.clone(), ..Shape::default() };
            match free.pop() {
                Some(id) => {
                    shapes[id.0 as usize] = shape;
                    id
                }
                None => {
                    shapes.push(shape);
                    ShapeId(shapes.len() as u32 - 1)
                }
            }
        });
        self.shapes[id.0 as usize].machines += 1;
        self.note(id);
        id
    }

    fn note(&mut self, id: ShapeId) {
        let shape = &mut self.shapes[id.0 as usize];
        if !shape.is_changed {
            shape.is_changed = true;
            self.changed.push(id);
        }
    }

    /// All machines with a box of such a service are to be shared out anew.
    fn share_anew(&mut self, concerns: impl Fn(ServiceId) -> bool) {
        for i in 0..self.shapes.len() {
            let shape = &mut self.shapes[i];
            if !shape.is_stale && shape.composition.tenants.iter().any(|t| concerns(t.service)) {
                shape.is_stale = true;
                self.note(ShapeId(i as u32));
            }
        }
    }

    /// The classes count what changed; shapes that no machine has any more are forgotten. `claims` gives the cores of a
    /// machine, and what its tenants claim of them.
    fn count(&mut self, classes: &mut Classes, claims: impl Fn(&Composition, &mut Vec<Claim>) -> f64) {
        let mut claimed = Vec::new();
        for id in std::mem::take(&mut self.changed) {
            let shape = &mut self.shapes[id.0 as usize];
            shape.is_changed = false;
            if shape.machines == 0 {
                shape.count(classes, 0);
                shape.composition.tenants.iter().zip(&shape.shares).for_each(|(t, share)| {
                    classes.0[t.service.index()].release(share.class);
                });
                self.known.remove(&shape.composition);
                *shape = Shape::default();
                self.free.push(id);
                continue;
            }
            if shape.shares.is_empty() || shape.is_stale {
                claimed.clear();
                let capacity = claims(&shape.composition, &mut claimed);
                if shape.shares.is_empty() || !shape.is_still(capacity, &claimed) {
                    shape.share_out(capacity, &claimed, classes);
                }
                shape.is_stale = false;
            }
            shape.count(classes, shape.machines);
        }
    }
}

impl Shape {
    /// Whether these claims leave everybody practically the cores that they have. What a box can use moves by as much as
    /// all claims have moved together, at most; an overload is followed closely.
    fn is_still(&self, capacity: f64, claims: &[Claim]) -> bool {
        let of_all = |of: fn(&Share, &Claim) -> f64| -> f64 {
            self.shares.iter().zip(claims).map(|(share, claim)| claim.boxes * of(share, claim)).sum()
        };
        let idle = capacity - of_all(|_, claim| claim.wanted());
        let (before, moved) =
            (of_all(|share, _| share.wanted), of_all(|share, c| (c.wanted() - share.wanted).abs()));
        before <= capacity && capacity == self.capacity && moved <= RESPONSE_TOLERANCE * idle
    }

    fn share_out(&mut self, capacity: f64, claims: &[Claim], classes: &mut Classes) {
        let (sharing, is_new) = (Sharing::solve(capacity, claims), self.shares.is_empty());
        self.capacity = capacity;
        for (i, (tenant, claim)) in self.composition.tenants.iter().zip(claims).enumerate() {
            let of_service = &mut classes.0[tenant.service.index()];
            let cores = sharing.available(claim);
            let (alike, wanted) = (Alike::of(tenant, cores), claim.wanted());
            let cores = (cores * BILLION + 0.5) as u64;
            if is_new {
                self.shares.push(Share { class: of_service.hold(alike, tenant), cores, wanted });
                continue;
            }
            let (old, boxes) = (self.shares[i], i64::from(self.counted) * i64::from(tenant.boxes));
            let class = of_service.moved(old.class, alike, tenant);
            if (class, cores) != (old.class, old.cores) && boxes > 0 {
                of_service.count(old.class, -boxes, old.cores);
                of_service.count(class, boxes, cores);
            }
            if class != old.class {
                of_service.release(old.class);
            }
            self.shares[i] = Share { class, cores, wanted };
        }
    }

    /// The classes count so many machines of this shape from now on.
    fn count(&mut self, classes: &mut Classes, machines: u32) {
        let more = i64::from(machines) - i64::from(self.counted);
        if more != 0 {
            for (tenant, share) in self.composition.tenants.iter().zip(&self.shares) {
                let boxes = more * i64::from(tenant.boxes);
                classes.0[tenant.service.index()].count(share.class, boxes, share.cores);
            }
        }
        self.counted = machines;
    }
}

impl ServiceBox {
    fn tenant(&self) -> Tenant {
        let ServiceBox { service, version, warmth, audience, .. } = *self;
        Tenant { service, version, warmth, audience, boxes: 1 }
    }
}

impl World {
    /// Takes the box out of what the flow counts; [`World::join_flow`] counts it as it is then.
    pub(in crate::world) fn leave_flow(&mut self, subject: BoxId) {
        let b = self.boxes.get_mut(subject).expect("only boxes that exist flow");
        let Some(reach) = b.counted.take() else { return };
        let (tenant, vm) = (b.tenant(), b.vm);
        self.count(tenant, vm, reach, -1);
    }

    pub(in crate::world) fn join_flow(&mut self, subject: BoxId) {
        let b = self.boxes.get(subject).expect("only boxes that exist flow");
        if b.audience == Audience::NOBODY || b.answers.ejected {
            return;
        }
        let reach = self.reach(b);
        let (tenant, vm) = (b.tenant(), b.vm);
        self.boxes.get_mut(subject).expect("seen").counted = Some(reach);
        self.count(tenant, vm, reach, 1);
    }

    /// The machine under the box changed.
    pub(in crate::world) fn refresh_reach(&mut self, subject: BoxId) {
        self.leave_flow(subject);
        self.join_flow(subject);
        self.tell_check(subject);
    }

    fn count(&mut self, tenant: Tenant, vm: Option<VmId>, reach: Reach, change: i32) {
        let flow = &mut self.services[tenant.service.index()].flow;
        flow.route.count(tenant.audience, reach, change);
        if let (Reach::Serves, Some(vm)) = (reach, vm) {
            self.recompose(vm, tenant, change);
        }
        self.dirty_flow();
    }

    /// Moves a machine from the shape it had to the one it has now.
    fn recompose(&mut self, vm: VmId, tenant: Tenant, change: i32) {
        let Some(v) = self.vms.get_mut(vm) else { return };
        let mut tenants = Vec::new();
        if let Some(shape) = v.shape {
            tenants.extend_from_slice(self.shapes.tenants(shape));
            self.shapes.leave(shape);
        }
        let kind = |t: &Tenant| (t.service, t.version, t.warmth, t.audience);
        match tenants.binary_search_by_key(&kind(&tenant), kind) {
            Ok(i) => {
                let n = i32::from(tenants[i].boxes) + change;
                if n == 0 {
                    tenants.remove(i);
                } else {
                    tenants[i].boxes = u16::try_from(n).expect("boxes on a machine fit 16 bits");
                }
            }
            Err(i) => {
                assert!(change > 0, "a box is counted before it is uncounted");
                tenants.insert(i, tenant);
            }
        }
        v.shape = (!tenants.is_empty())
            .then(|| self.shapes.join(Composition::new(v.effective_cpu().as_milli(), tenants)));
    }

    /// Cores of a machine that are for boxes.
    pub(in crate::world) fn capacity_for_boxes(&self, milli: u32) -> f64 {
        (f64::from(milli) / 1_000.0 - self.machine_overhead.as_cpus_f64()).max(0.001)
    }

    /// What is left of every machine for boxes changed.
    pub(in crate::world) fn share_anew(&mut self) {
        self.shapes.share_anew(|_| true);
        self.dirty_flow();
    }

    /// Brings the classes of all services up to date.
    pub(super) fn classify(&mut self) {
        for (tenancy, service) in self.tenancies.iter_mut().zip(&self.services) {
            tenancy.follow(service.flow.demand_per_box);
        }
        let mut shapes = std::mem::take(&mut self.shapes);
        let mut classes = std::mem::take(&mut self.classes);
        classes.0.resize_with(self.services.len(), ServiceClasses::default);
        if self.tenancies.iter().any(|t| t.is_new) {
            shapes.share_anew(|service| self.tenancies[service.index()].is_new);
        }
        shapes.count(&mut classes, |composition, claims| {
            let claim = |t: &Tenant| self.tenancies[t.service.index()].claim(t.boxes, t.warmth);
            claims.extend(composition.tenants.iter().map(claim));
            self.capacity_for_boxes(composition.milli)
        });
        for (classes, tenancy) in classes.0.iter_mut().zip(&self.tenancies) {
            if classes.changed {
                classes.list_anew(tenancy);
            }
        }
        (self.shapes, self.classes) = (shapes, classes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::flow::Tenancy;

    /// Cores of a box of the first of two services that share ten, after each of these pairs of demands in turn.
    fn cores_beside(demands: &[(f64, f64)]) -> Vec<f64> {
        let tenant = |service| Tenant {
            service: ServiceId(service),
            version: Version(0),
            warmth: Warmth::WARM,
            audience: Audience::NOBODY,
            boxes: 1,
        };
        let mut shapes = Shapes::default();
        let mut classes = Classes(vec![ServiceClasses::default(); 2]);
        shapes.join(Composition::new(10_000, vec![tenant(0), tenant(1)]));
        let cores_after = |&(first, second): &(f64, f64)| {
            shapes.share_anew(|_| true);
            shapes.count(&mut classes, |_, claims| {
                let claim = |demand| Claim { boxes: 1.0, demand, weight: 1.0, limit: f64::INFINITY };
                claims.extend([claim(first), claim(second)]);
                10.0
            });
            classes.0[0].list_anew(&Tenancy::new(1.0, f64::INFINITY, 1.0));
            match classes.0[0].list() {
                [class] if class.boxes == 1.0 => class.cores,
                others => panic!("one class of one box, and none left behind: {others:?}"),
            }
        };
        demands.iter().map(cores_after).collect()
    }

    #[test]
    fn a_machine_is_shared_out_anew_when_claims_have_moved_by_a_hundredth_of_what_is_idle() {
        // 10 − 4 = 6 are for the first; 5 are idle. 0.04 is less than 1 % of 4.96, 0.06 more than 1 % of 4.94.
        assert_eq!(cores_beside(&[(1.0, 4.0), (1.0, 4.04), (1.0, 4.06)]), [6.0, 6.0, 5.94]);
        // Small moves add up: since it was shared out last.
        assert_eq!(cores_beside(&[(1.0, 4.0), (1.0, 4.03), (1.0, 4.0), (1.0, 3.94)]), [6.0, 6.0, 6.0, 6.06]);
        // What one takes and another leaves does not cancel.
        assert_eq!(cores_beside(&[(1.0, 4.0), (1.03, 3.97)]), [6.0, 6.03]);
        // An overload is followed closely: 5 each by weight.
        assert_eq!(cores_beside(&[(9.0, 9.0), (9.0, 4.9)]), [5.0, 5.1]);
    }
}
