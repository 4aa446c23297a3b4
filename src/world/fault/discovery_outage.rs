//! A registry of services fails by itself: a bad configuration, a full disk, more load than it bears.
//!
//! When: one renewal process for the one registry that a platform runs. Who: a platform that has one. What: it does not
//! answer, although its machines run; see [`crate::world`]'s `directory` for what that does. Machines of the registry that are
//! lost are a fault of theirs, not of this kind.

use crate::parameter::{Distribution, Hazard, Rate, section};

section! {
    /// Failures of a registry of services by itself, where a platform runs one.
    pub struct DiscoveryOutageParameters {
        /// How often a registry of services (`discovery.kind = "registry"`) fails although most of its servers run.
        rate: Rate = "0.5/year", from "none found; single incidents are public (Roblox 2021, Pinterest 2013-14)", grade Estimate;
        /// How the times between two of them are spread.
        hazard: Hazard = "exponential", grade Choice;
        /// How long people need to bring it back. Three and a half deviations are the 73 h of Roblox.
        lasts: Distribution = "lognormal(60m, 1.22)", from "like incidents that people mend; none found for registries", grade Estimate;
    }
}
