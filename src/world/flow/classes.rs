//! Boxes that are alike for the flow, as sums over the machines that they are on.
//!
//! A class is kept as long as a shape of machines has boxes in it; its sums are in whole numbers, so that machines can
//! come, go and change one by one and no rounding builds up. [`Summary`] tells whether boxes are still those that a
//! service was solved for. Knows no machine and no shape. Start at [`ServiceClasses::hold`].

use super::route::Audience;
use super::shapes::Tenant;
use super::tenancy::Tenancy;
use crate::world::ids::Version;

/// Boxes of one service that are alike: same version, equally warm, same callers, same cores.
#[derive(Clone, Copy, Debug)]
pub(in crate::world) struct Class {
    pub version: Version,
    pub cores: f64,
    /// How much more work a request is than in a warm box.
    pub slowness: f64,
    pub boxes: f64,
    /// Who sends to them.
    pub audience: Audience,
}

/// What boxes of a class have in common: audience, version, warmth and the step of their cores, packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Alike(u128);

impl Alike {
    pub fn of(tenant: &Tenant, cores: f64) -> Alike {
        let pack = |high: u128, low: u128| high << 32 | low;
        let kind = pack(tenant.audience.bits().into(), tenant.version.0.into());
        Alike(pack(kind, u128::from(tenant.warmth.step()) << 16 | u128::from(step_of(cores))))
    }
}

/// A class of one service, as shapes know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClassId(u32);

/// Sums over the boxes of a class.
#[derive(Clone, Copy, Debug)]
struct ClassSum {
    alike: Alike,
    /// One of its boxes.
    kind: Tenant,
    /// Tenants of shapes that are in it.
    tenants: u32,
    boxes: u64,
    /// [billionths]
    cores: u64,
}

/// The classes of one service.
#[derive(Clone, Debug, Default)]
pub(in crate::world) struct ServiceClasses {
    sums: Vec<ClassSum>,
    /// Places in it that are free.
    free: Vec<ClassId>,
    /// Those in use, sorted.
    order: Vec<(Alike, ClassId)>,
    /// As the flow sees them.
    list: Vec<Class>,
    /// They changed since the flow was solved for them.
    pub changed: bool,
}

impl ServiceClasses {
    pub fn list(&self) -> &[Class] {
        &self.list
    }

    /// The class of boxes like this; made if it is new. A tenant more is in it.
    pub(super) fn hold(&mut self, alike: Alike, kind: &Tenant) -> ClassId {
        let ServiceClasses { sums, free, order, .. } = self;
        let id = match order.binary_search_by_key(&alike, |class| class.0) {
            Ok(i) => order[i].1,
            Err(i) => {
                let sum = ClassSum { alike, kind: *kind, tenants: 0, boxes: 0, cores: 0 };
                let id = match free.pop() {
                    Some(id) => {
                        sums[id.0 as usize] = sum;
                        id
                    }
                    None => {
                        sums.push(sum);
                        ClassId(sums.len() as u32 - 1)
                    }
                };
                order.insert(i, (alike, id));
                id
            }
        };
        sums[id.0 as usize].tenants += 1;
        id
    }

    /// The same for a tenant that was in this class: it stays there if it can, and is not held twice.
    pub(super) fn moved(&mut self, from: ClassId, alike: Alike, kind: &Tenant) -> ClassId {
        if self.sums[from.0 as usize].alike == alike { from } else { self.hold(alike, kind) }
    }

    /// A tenant less is in it; it goes with the last.
    pub(super) fn release(&mut self, id: ClassId) {
        let sum = &mut self.sums[id.0 as usize];
        sum.tenants -= 1;
        if sum.tenants == 0 {
            let alike = sum.alike;
            let i = self.order.binary_search_by_key(&alike, |class| class.0).expect("it is in use");
            self.order.remove(i);
            self.free.push(id);
        }
    }

    /// So many boxes more, or fewer, with these cores each.
    pub(super) fn count(&mut self, id: ClassId, boxes: i64, cores: u64) {
        self.changed = true;
        let sum = &mut self.sums[id.0 as usize];
        sum.boxes = sum.boxes.checked_add_signed(boxes).expect("a box is counted before it is uncounted");
        sum.cores = sum.cores.wrapping_add_signed(boxes * cores as i64);
    }

    pub(super) fn list_anew(&mut self, tenancy: &Tenancy) {
        let ServiceClasses { sums, order, list, .. } = self;
        list.clear();
        list.extend(order.iter().map(|&(_, id)| {
            let sum = &sums[id.0 as usize];
            let Tenant { audience, version, warmth, .. } = sum.kind;
            let cores = sum.cores as f64 / BILLION / sum.boxes as f64;
            Class { version, cores, slowness: tenancy.slowness(warmth), boxes: sum.boxes as f64, audience }
        }));
    }
}

/// The classes of all services.
#[derive(Clone, Debug, Default)]
pub(in crate::world) struct Classes(pub Vec<ServiceClasses>);

pub(super) const BILLION: f64 = 1e9;

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

/// By how much the mean response time may be wrong because machines were not shared out anew when neighbours claimed
/// something else; and by as much again because a service was not solved anew when that moved its cores a little.
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
        Class { version: Version(0), cores, slowness, boxes, audience: Audience::NOBODY }
    }
}
