//! One replication of one platform: the loop that lets events happen, carries messages to the platform and facts
//! to whoever watches.
//!
//! Decides nothing and measures nothing. Start at [`run`].

mod replay;

pub use replay::{ReplayError, ReplayFilter, ReplayRequest, replay};

use crate::engine::SimTime;
use crate::platform::Platform;
use crate::world::{Api, Event, Observation, World};

/// Something that is told everything that happens, in order.
pub trait Watcher {
    /// A fact.
    fn observe(&mut self, time: SimTime, observation: &Observation);

    /// An event is about to happen. For traces; most watchers do not care.
    fn before(&mut self, _time: SimTime, _event: Event, _platform: &dyn Platform) {}
}

/// Runs a platform in a fresh world until the horizon. Gives back (events, digest).
pub fn run(world: &mut World, platform: &mut dyn Platform, watcher: &mut dyn Watcher) -> (u64, u64) {
    platform.start(&mut Api::new(world));
    deliver(world, platform, watcher);
    while let Some(event) = world.next_event() {
        watcher.before(world.now(), event, platform);
        match event {
            Event::Platform(own) => platform.on_event(own, &mut Api::new(world)),
            other => world.handle(other),
        }
        deliver(world, platform, watcher);
    }
    world.finish();
    deliver(world, platform, watcher);
    world.trace()
}

/// Messages first come, first served; what a platform does on one may cause more.
fn deliver(world: &mut World, platform: &mut dyn Platform, watcher: &mut dyn Watcher) {
    while let Some(signal) = world.next_signal() {
        platform.on_signal(signal, &mut Api::new(world));
    }
    world.tell_observations(|time, observation| watcher.observe(time, observation));
}
