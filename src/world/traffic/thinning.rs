//! Requests one by one: arrivals of a Poisson process whose rate changes, by thinning (Lewis and Shedler 1979).
//!
//! Candidates come as a Poisson process with a rate that is never exceeded; each is kept with the probability that its
//! instant's rate has of that bound. Knows nothing of what a request does. Start at [`next_arrival`].

use super::Demand;
use crate::engine::{SimDuration, SimTime, Stream};
use crate::world::calendar::Calendar;

/// A bound holds for so long at most: long enough that looking for one costs little, short enough that it is near
/// the rate, so that most candidates are kept.
const BOUND_HOLDS: SimDuration = SimDuration::from_mins(5);

/// The first request after `from`; `None` if there is none before `until`.
///
/// What is drawn from `stream` depends on `from`: ask for one arrival after the other. The process has no memory, so it
/// may be asked from anywhere, but two streams or two ways of asking give two different samples of it.
pub fn next_arrival(
    demand: &Demand,
    calendar: &Calendar,
    from: SimTime,
    until: SimTime,
    stream: &mut Stream,
) -> Option<SimTime> {
    let mut at = from;
    while at < until {
        let end = demand.segment_end(calendar, at, BOUND_HOLDS).min(until);
        // The instant before the end: at the end itself a curve may have jumped.
        let last = end - SimDuration::from_micros(1);
        let bound = demand.bound(calendar, at, last);
        loop {
            if bound == 0.0 {
                break;
            }
            let gap = SimDuration::from_secs_f64(-stream.uniform().ln() / bound);
            let candidate = at + gap;
            if candidate >= end {
                break;
            }
            at = candidate;
            if stream.uniform() * bound < demand.rate_at(calendar, at) {
                return Some(at);
            }
        }
        at = end;
    }
    None
}
