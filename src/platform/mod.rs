//! Platforms: ways of running services. Each one is a control plane over the same world.
//!
//! A platform acts and learns only through [`Api`]; ground truth cannot be named here. It keeps its own picture of
//! the world, which may be wrong for a while: that while is what the simulation measures. Platforms do not know of
//! each other; what they share is the company's practice ([`practice`]), how fleets are sized ([`sizing`]), how callers find
//! boxes on machines ([`discovery`]), by a [`load_balancer`] or otherwise, [`commitment`]s and the price of [`automation`].
//!
//! Start at [`Platform`]; the kinds that a scenario can name are listed in [`registry`].

pub mod automation;
pub mod cattle;
pub mod commitment;
pub mod discovery;
mod image_age;
pub mod kubernetes;
pub mod load_balancer;
pub mod pets;
pub mod practice;
pub mod registry;
pub mod rollout;
pub mod sizing;
mod supply;

pub use practice::PracticeParameters;
pub use registry::{PlatformKind, PlatformParameters};
pub use sizing::{ServiceSize, Sizing};

use crate::world::{About, Api, PlatformEvent, Signal};

/// A way of running services.
pub trait Platform {
    /// Sets up the fleet as it has been running for a while when the simulation begins.
    fn start(&mut self, api: &mut Api<'_>);

    /// A message from agents, checks, the cloud, people or developers.
    fn on_signal(&mut self, signal: Signal, api: &mut Api<'_>);

    /// An event that this platform scheduled itself.
    fn on_event(&mut self, event: PlatformEvent, api: &mut Api<'_>);

    /// One of its events in words, for traces; `None` for routine that is not worth a line.
    fn describe_event(&self, event: PlatformEvent) -> Option<(About, String)>;

    /// What was chosen at the start, and for what, for the manifest.
    fn sizing(&self) -> Sizing;
}
