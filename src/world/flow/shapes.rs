//! Which boxes share a machine, and how many cores each of them can use.
//!
//! Machines with the same processors and the same boxes are one *shape* and are shared out once, and again only when
//! what one of its tenants claims has moved ([`tenancy`](super::tenancy)). The result, for each service, is a list of
//! classes: boxes that are alike for the flow. Start at [`World::classify`].

use super::route::Audience;
use super::tenancy::Tenancy;
use crate::world::World;
use crate::world::boxes::{Reach, ServiceBox, Warmth};
use crate::world::contention::Sharing;
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

/// All boxes that serve on one machine, sorted.
pub(in crate::world) type Composition = Vec<Tenant>;

/// Machines by processors [milli-CPU] and composition.
pub(in crate::world) type Shapes = BTreeMap<(u32, Composition), Shape>;

/// Machines with the same processors and the same boxes.
#[derive(Clone, Debug, Default)]
pub(in crate::world) struct Shape {
    machines: u32,
    /// Cores that a box of each tenant can use; empty until they are shared out.
    cores: Vec<f64>,
}

/// Boxes of one service that are alike: same version, equally warm, same callers, same cores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::world) struct Class {
    pub version: Version,
    pub cores: f64,
    /// How much more work a request is than in a warm box.
    pub slowness: f64,
    pub boxes: f64,
    /// Who sends to them.
    pub audience: Audience,
    /// What alike boxes have in common beside that.
    alike: (Version, Warmth, u16),
}

/// Cores in steps of 3 to 6 %: boxes in the same step are one class, with the mean of their cores. The waits of its
/// members differ by a few percent around that mean, and nearly cancel.
fn step_of(cores: f64) -> u16 {
    // Sign, exponent and the first four bits of the mantissa.
    (cores.to_bits() >> 48) as u16
}

/// What the boxes of a service can do, in a few sums.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Summary {
    /// Boxes, weighted by version and warmth.
    kinds: f64,
    cores: f64,
    inverse: f64,
}

/// By how much the mean response time may be wrong because of what neighbours did: each of their changes moves the
/// spare CPU of a shared machine a little.
pub(super) const RESPONSE_TOLERANCE: f64 = 0.01;

/// Cores are never followed more closely than this: near full use, waits are as uncertain as the load is.
const LEAST_CHANGE: f64 = 0.0005;

impl Summary {
    pub fn of(classes: &[Class]) -> Summary {
        classes.iter().fold(Summary::default(), |s, c| Summary {
            kinds: s.kinds + c.boxes * c.slowness * f64::from(1 + c.version.0),
            cores: s.cores + c.boxes * c.cores,
            inverse: s.inverse + c.boxes / c.cores,
        })
    }

    /// Share of the cores that is in use when so many are [cores].
    pub fn load(&self, used: f64) -> f64 {
        used / self.cores.max(f64::MIN_POSITIVE)
    }

    /// The same boxes with practically the same cores, spread alike, for boxes that use this share of their cores.
    ///
    /// The response time is at most as steep in the cores as that of one processor, 1/(c − d), where d is in use: it
    /// grows by 1/(1 − d/c) times the share of the cores that is lost.
    pub fn is_still(&self, other: &Summary, load: f64) -> bool {
        let tolerance = (RESPONSE_TOLERANCE * (1.0 - load)).max(LEAST_CHANGE);
        let close = |a: f64, b: f64| (a - b).abs() <= tolerance * b;
        (self.kinds - other.kinds).abs() < 1e-9 * (1.0 + self.kinds)
            && close(self.cores, other.cores)
            && close(self.inverse, other.inverse)
    }
}

impl Class {
    /// Boxes of different kinds, taken together.
    pub fn mean(cores: f64, slowness: f64, boxes: f64) -> Class {
        let alike = (Version(0), Warmth::WARM, 0);
        Class { version: Version(0), cores, slowness, boxes, audience: Audience::NOBODY, alike }
    }

    /// Adds boxes to the class that they belong to. Until all are there, its cores are those of all its boxes.
    fn join(classes: &mut Vec<Class>, tenant: &Tenant, boxes: f64, cores: f64, tenancy: &Tenancy) {
        let (version, audience) = (tenant.version, tenant.audience);
        let alike = (version, tenant.warmth, step_of(cores));
        if let Some(class) = classes.iter_mut().find(|c| c.alike == alike && c.audience == audience) {
            class.cores += boxes * cores;
            class.boxes += boxes;
        } else {
            let slowness = tenancy.slowness(tenant.warmth);
            classes.push(Class { version, cores: boxes * cores, slowness, boxes, audience, alike });
        }
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
        let mut composition = std::mem::take(&mut v.composition);
        let milli = v.effective_cpu().as_milli();
        if !composition.is_empty() {
            let key = (milli, composition);
            let shape = self.shapes.get_mut(&key).expect("a composed machine has its shape");
            shape.machines -= 1;
            if shape.machines == 0 {
                self.shapes.remove(&key);
            }
            composition = key.1;
        }
        let kind = |t: &Tenant| (t.service, t.version, t.warmth, t.audience);
        match composition.binary_search_by_key(&kind(&tenant), kind) {
            Ok(i) => {
                let n = i32::from(composition[i].boxes) + change;
                if n == 0 {
                    composition.remove(i);
                } else {
                    composition[i].boxes = u16::try_from(n).expect("boxes on a machine fit 16 bits");
                }
            }
            Err(i) => {
                assert!(change > 0, "a box is counted before it is uncounted");
                composition.insert(i, tenant);
            }
        }
        // The others on the machine get more or less of it.
        for service in composition.iter().map(|t| t.service).chain([tenant.service]) {
            self.tenancies[service.index()].regroup = true;
        }
        if !composition.is_empty() {
            self.shapes.entry((milli, composition.clone())).or_default().machines += 1;
        }
        self.vms.get_mut(vm).expect("seen").composition = composition;
    }

    /// Cores of a machine that are for boxes.
    pub(in crate::world) fn capacity_for_boxes(&self, milli: u32) -> f64 {
        (f64::from(milli) / 1_000.0 - self.machine_overhead.as_cpus_f64()).max(0.001)
    }

    /// What is left of every machine for boxes changed.
    pub(in crate::world) fn share_anew(&mut self) {
        self.shapes.values_mut().for_each(|shape| shape.cores.clear());
        self.tenancies.iter_mut().for_each(|t| t.regroup = true);
        self.dirty_flow();
    }

    /// Boxes by service, version, warmth and the cores that each can use; lists of services whose boxes have what they
    /// had stay as they are.
    pub(super) fn classify(&mut self, classes: &mut Vec<Vec<Class>>) {
        for (tenancy, service) in self.tenancies.iter_mut().zip(&self.services) {
            tenancy.follow(service.flow.demand_per_box);
        }
        if !self.tenancies.iter().any(|t| t.is_new || t.regroup) {
            return;
        }
        self.share_out();
        classes.resize_with(self.services.len(), Vec::new);
        for (classes, tenancy) in classes.iter_mut().zip(&self.tenancies) {
            if tenancy.regroup {
                classes.clear();
            }
        }
        for ((_, composition), shape) in &self.shapes {
            for (tenant, &cores) in composition.iter().zip(&shape.cores) {
                let tenancy = &self.tenancies[tenant.service.index()];
                if tenancy.regroup {
                    let boxes = f64::from(tenant.boxes) * f64::from(shape.machines);
                    Class::join(&mut classes[tenant.service.index()], tenant, boxes, cores, tenancy);
                }
            }
        }
        for (classes, tenancy) in classes.iter_mut().zip(&self.tenancies) {
            if tenancy.regroup {
                classes.iter_mut().for_each(|class| class.cores /= class.boxes);
            }
        }
    }

    /// Shares out the machines that are new, or on which somebody claims something new.
    fn share_out(&mut self) {
        let mut shapes = std::mem::take(&mut self.shapes);
        let mut claims = Vec::new();
        for ((milli, composition), shape) in &mut shapes {
            let claims_anew = |t: &Tenant| self.tenancies[t.service.index()].is_new;
            if !shape.cores.is_empty() && !composition.iter().any(claims_anew) {
                continue;
            }
            claims.clear();
            claims.extend(
                composition.iter().map(|t| self.tenancies[t.service.index()].claim(t.boxes, t.warmth)),
            );
            let sharing = Sharing::solve(self.capacity_for_boxes(*milli), &claims);
            shape.cores.clear();
            shape.cores.extend(claims.iter().map(|claim| sharing.available(claim)));
            for tenant in composition {
                self.tenancies[tenant.service.index()].regroup = true;
            }
        }
        self.shapes = shapes;
    }
}
