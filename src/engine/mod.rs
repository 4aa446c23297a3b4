//! A small deterministic discrete-event kernel: time, event queue, simulation loop, random streams, ids, digest.
//!
//! Knows no word of fleets, boxes or money: it could be published on its own. It does not know what an event
//! means, only when it happens and in which phase of its instant.
//!
//! Start at [`scheduler::Scheduler`]; [`queue`] is the data structure under it, [`streams`] the randomness.

pub mod arena;
pub mod digest;
pub mod queue;
pub mod scheduler;
pub mod streams;
pub mod time;

pub use arena::Id;
pub(crate) use arena::{Arena, SecondaryMap, generational_id};
pub use digest::Digest;
pub use queue::EventHandle;
pub use scheduler::{Event, Scheduler};
pub use streams::{Purpose, Stream, Streams};
pub use time::{SimDuration, SimTime};
