//! Names of things of the world: small `Copy` ids.

use crate::engine::generational_id;

generational_id!(
    /// A virtual machine.
    VmId
);
generational_id!(
    /// A box: one instance of a service.
    BoxId
);
generational_id!(
    /// A piece of work that a person was asked for.
    WorkId
);

/// A service, by its place in the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub u16);

/// An availability zone, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneId(pub u8);

/// A version of a service: 0 ran before the simulation began, release `k` of the calendar is `k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u32);

/// One of the probes of a box, by a number of whoever asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub u8);

impl ServiceId {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl ZoneId {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}
