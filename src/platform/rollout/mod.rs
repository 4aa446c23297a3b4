//! Rollout strategies: the ways in which a version reaches the boxes of a service, shared by all platforms.
//!
//! A strategy is a name and a few numbers; each platform carries it out by its own means, and refuses those for which
//! it has none. Here is what they have in common: what can be set, how long a tool over ssh takes ([`tool`]), how many
//! boxes a step of a canary takes, and how its requests are judged ([`canary`]). Knows no platform. Start at [`Strategy`].

pub mod canary;
mod parameters;
pub mod tool;

pub use canary::{Analysis, Verdict, Watch};
pub use parameters::{BlueGreenParameters, CanaryParameters, InPlaceParameters, Strategy};
