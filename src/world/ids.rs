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

/// A version of a service: 0 ran before the simulation began, release `k` of the calendar is `k`. A release with
/// another configuration is a version of its own: its number stands above [`Version::CODE_BITS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u32);

impl Version {
    const CODE_BITS: u32 = 20;
    /// The highest number of a configuration.
    pub const CONFIGURATIONS: u32 = (1 << (32 - Version::CODE_BITS)) - 1;

    /// The release without what was configured since.
    pub fn code(self) -> Version {
        Version(self.0 & ((1 << Version::CODE_BITS) - 1))
    }

    /// The number of its configuration; 0 for the one that came with the release.
    pub fn configuration(self) -> u32 {
        self.0 >> Version::CODE_BITS
    }

    /// The same release with the configuration of that number.
    pub fn with_configuration(self, number: u32) -> Version {
        assert!(number <= Version::CONFIGURATIONS, "configurations are counted in twelve bits");
        Version(self.code().0 | number << Version::CODE_BITS)
    }
}

/// `3`, or `3 with configuration 1`.
impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.configuration() {
            0 => write!(f, "{}", self.0),
            number => write!(f, "{} with configuration {number}", self.code().0),
        }
    }
}

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
