//! Which boxes share a machine, and how many cores each of them can use.
//!
//! Machines with the same processors and the same boxes are one *shape* and are shared out once. The result, for each
//! service, is a list of classes: boxes that are alike for the flow. Start at [`World::classify`].

use crate::world::World;
use crate::world::boxes::{Reach, Warmth};
use crate::world::contention::{Claim, Sharing};
use crate::world::ids::{BoxId, ServiceId, Version, VmId};
use std::collections::BTreeMap;

/// Boxes of one kind that serve on one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::world) struct Tenant {
    pub service: ServiceId,
    pub version: Version,
    pub warmth: Warmth,
    pub boxes: u16,
}

/// All boxes that serve on one machine, sorted.
pub(in crate::world) type Composition = Vec<Tenant>;

/// Machines by processors [milli-CPU] and composition.
pub(in crate::world) type Shapes = BTreeMap<(u32, Composition), u32>;

/// Boxes of one service that are alike: same version, equally warm, same cores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::world) struct Class {
    pub version: Version,
    pub cores: f64,
    /// How much more work a request is than in a warm box.
    pub slowness: f64,
    pub boxes: f64,
    /// What alike boxes have in common.
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

/// A change of these sums below this does not count as one: what a neighbour does moves the spare CPU of a shared
/// machine a little at each of its own changes.
const SAME: f64 = 0.002;

impl Summary {
    pub fn of(classes: &[Class]) -> Summary {
        classes.iter().fold(Summary::default(), |s, c| Summary {
            kinds: s.kinds + c.boxes * c.slowness * f64::from(1 + c.version.0),
            cores: s.cores + c.boxes * c.cores,
            inverse: s.inverse + c.boxes / c.cores,
        })
    }

    /// The same boxes with practically the same cores, spread alike.
    pub fn is_still(&self, other: &Summary) -> bool {
        let close = |a: f64, b: f64| (a - b).abs() <= SAME * b;
        (self.kinds - other.kinds).abs() < 1e-9 * (1.0 + self.kinds)
            && close(self.cores, other.cores)
            && close(self.inverse, other.inverse)
    }
}

impl Class {
    /// Boxes of different kinds, taken together.
    pub fn mean(cores: f64, slowness: f64, boxes: f64) -> Class {
        Class { version: Version(0), cores, slowness, boxes, alike: (Version(0), Warmth::WARM, 0) }
    }

    fn add(&mut self, boxes: f64, cores: f64) {
        self.cores = (self.cores * self.boxes + cores * boxes) / (self.boxes + boxes);
        self.boxes += boxes;
    }
}

impl World {
    /// Takes the box out of what the flow counts; [`World::join_flow`] counts it as it is then.
    pub(in crate::world) fn leave_flow(&mut self, subject: BoxId) {
        let b = self.boxes.get_mut(subject).expect("only boxes that exist flow");
        let Some(reach) = b.counted.take() else { return };
        let (service, vm) = (b.service, b.vm);
        let tenant = Tenant { service, version: b.version, warmth: b.warmth, boxes: 1 };
        self.count(tenant, vm, reach, -1);
    }

    pub(in crate::world) fn join_flow(&mut self, subject: BoxId) {
        let b = self.boxes.get(subject).expect("only boxes that exist flow");
        if !b.routed {
            return;
        }
        let reach = self.reach(b);
        let vm = b.vm;
        let tenant = Tenant { service: b.service, version: b.version, warmth: b.warmth, boxes: 1 };
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
        let counter = match reach {
            Reach::Serves => &mut flow.route.serving,
            Reach::Refuses => &mut flow.route.refusing,
            Reach::Silent => &mut flow.route.silent,
        };
        *counter = counter.checked_add_signed(change).expect("a box is counted before it is uncounted");
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
            let count = self.shapes.get_mut(&key).expect("a composed machine has its shape");
            *count -= 1;
            if *count == 0 {
                self.shapes.remove(&key);
            }
            composition = key.1;
        }
        let kind = |t: &Tenant| (t.service, t.version, t.warmth);
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
        if !composition.is_empty() {
            *self.shapes.entry((milli, composition.clone())).or_insert(0) += 1;
        }
        self.vms.get_mut(vm).expect("seen").composition = composition;
    }

    /// Cores of a machine that are for boxes.
    pub(in crate::world) fn capacity_for_boxes(&self, milli: u32) -> f64 {
        (f64::from(milli) / 1_000.0 - self.machine_overhead.as_cpus_f64()).max(0.001)
    }

    /// Boxes by service, version, warmth and the cores that each can use.
    pub(super) fn classify(&self, classes: &mut Vec<Vec<Class>>) {
        classes.resize_with(self.services.len(), Vec::new);
        classes.iter_mut().for_each(Vec::clear);
        let mut claims = Vec::new();
        for ((milli, composition), &machines) in &self.shapes {
            let capacity = self.capacity_for_boxes(*milli);
            claims.clear();
            claims.extend(composition.iter().map(|tenant| {
                let s = &self.services[tenant.service.index()];
                Claim {
                    boxes: f64::from(tenant.boxes),
                    demand: s.flow.demand_per_box * s.slowness(tenant.warmth),
                    weight: s.cpu_weight,
                    limit: s.cpu_limit,
                }
            }));
            let sharing = Sharing::solve(capacity, &claims);
            for (tenant, claim) in composition.iter().zip(&claims) {
                let boxes = f64::from(tenant.boxes) * f64::from(machines);
                let cores = sharing.available(claim);
                let of_service = &mut classes[tenant.service.index()];
                let version = tenant.version;
                let alike = (version, tenant.warmth, step_of(cores));
                match of_service.iter_mut().find(|c| c.alike == alike) {
                    Some(class) => class.add(boxes, cores),
                    None => {
                        let slowness = self.services[tenant.service.index()].slowness(tenant.warmth);
                        of_service.push(Class { version, cores, slowness, boxes, alike });
                    }
                }
            }
        }
    }
}
