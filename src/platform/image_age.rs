//! Images of services, where a platform runs images: how old they are when the simulation begins, and who is asked to
//! renew one that has become too old.
//!
//! Everything here has the same draws on every platform, so that the same image is as old and the same work is as hard. Knows
//! neither what an image lacks nor how it is brought out. Start at [`ask_to_renew`].

use crate::engine::{Purpose, SimDuration, SimTime};
use crate::parameter::Distribution;
use crate::world::{About, Activity, Api, ServiceId, Stamp, Urgency, Work, WorkId};

const IMAGE_AGE: Purpose = Purpose::named("image age at the start");
const TOUCH: Purpose = Purpose::named("image patch");
/// Numbers of work on images begin here.
const CAUSES: u64 = 1 << 61;

/// The age of a service's image at the start, in equilibrium: it was made at some time since the last one was due, or for
/// the last release, if `releases` bring one.
pub fn at_start(renewed_at: SimDuration, releases: bool, service: ServiceId, api: &Api<'_>) -> SimDuration {
    let mut stream = api.stream(IMAGE_AGE, &[u64::from(service.0)]);
    let since_due = renewed_at.mul_f64(stream.uniform());
    let released = since_release(stream.uniform(), service, api);
    if releases { since_due.min(released) } else { since_due }
}

/// Since the last release, which are as random as a Poisson process. Never, where there are none.
fn since_release(u: f64, service: ServiceId, api: &Api<'_>) -> SimDuration {
    let rate = api.service(service).parameters.release.rate.per_second();
    if rate <= 0.0 { SimDuration::MAX } else { SimDuration::from_secs_f64((-u.ln() / rate).min(1e9)) }
}

/// When an image is too old; at the start, where that was before.
pub fn too_old_at(made: Stamp, age: SimDuration) -> SimTime {
    made.plus(age).in_simulation().unwrap_or_default()
}

/// Asks for an image to be `made` (`baked`, `built`) again in office hours, by somebody who sees how that goes.
pub fn ask_to_renew(
    service: ServiceId,
    image: Stamp,
    made: &str,
    touch: &Distribution,
    api: &mut Api<'_>,
) -> WorkId {
    let about = About::Service(service);
    let days = Stamp::from(api.now()).since(image).as_hours_f64() / 24.0;
    api.remark(about, || format!("its image is {days:.1} days old and lacks fixes: to be {made} again"));
    let cause = CAUSES | api.calendar().day(api.now()) << 16 | u64::from(service.0);
    let touch = touch.sample(api.stream(TOUCH, &[cause]).uniform());
    let (activity, urgency) = (Activity::Patch, Urgency::OfficeHours);
    api.ask(Work { activity, urgency, touch, cause, about })
}
