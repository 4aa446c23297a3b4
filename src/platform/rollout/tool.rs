//! The tool that changes boxes over ssh: how long it takes for a wave.
//!
//! Like Ansible with `serial`: so many boxes at a time, each out of the load balancer meanwhile, and every task waits for
//! the slowest box of the wave before the next one begins. Knows no box. Start at [`time_of_wave`].

use super::InPlaceParameters;
use crate::engine::{Purpose, SimDuration};
use crate::world::{Api, BoxId, ServiceId, Version};

const TASK: Purpose = Purpose::named("in-place task");

/// How long the tool works on these boxes, once they have drained. A box is as slow on every platform.
pub fn time_of_wave(
    p: &InPlaceParameters,
    (service, version): (ServiceId, Version),
    wave: &[BoxId],
    api: &Api<'_>,
) -> SimDuration {
    let on_box = |&subject: &BoxId| {
        let ordinal = api.ordinal_of(subject).map_or(0, |(ordinal, _)| ordinal);
        let key = [u64::from(service.0), u64::from(ordinal), u64::from(version.0)];
        p.task.sample(api.stream(TASK, &key).uniform())
    };
    wave.iter().map(on_box).max().unwrap_or_default()
}
