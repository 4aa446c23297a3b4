//! The cloud has no machine of a type left in a zone, for a while.
//!
//! When: a renewal process for each zone and type. Who: whoever launches that type there while it lasts. What: the launch
//! is refused, and so is the next one; other zones and other types have machines. What runs is well.
//!
//! Nothing happens when a shortage begins: it is found by those who ask, so it is no event. Single refusals, of which the
//! next request knows nothing, are `cloud.launch_failure`. Start at [`World::has_no_capacity`].

use super::Renewal;
use crate::catalog::InstanceId;
use crate::engine::{SimDuration, SimTime, Streams};
use crate::parameter::{Distribution, Hazard, Rate, section};
use crate::world::ids::ZoneId;
use crate::world::{World, streams};

section! {
    /// Times in which the cloud has no machine of a type in a zone.
    pub struct NoCapacityParameters {
        /// How often one machine type runs out in one zone.
        rate: Rate = "2/year", from "none found", grade Estimate;
        /// How the times between the beginnings of two of them are spread.
        hazard: Hazard = "exponential", from "none found", grade Estimate;
        /// How long it lasts.
        lasts: Distribution = "lognormal(2h, 1)", from "none found", grade Estimate;
    }
}

/// Shortages of one type in one zone.
#[derive(Clone, Debug)]
pub(in crate::world) struct Shortages {
    place: [u64; 2],
    begins: Renewal,
    /// The next one that has not begun when it was last looked.
    next: SimTime,
    /// Until when those that have begun last.
    until: SimTime,
}

impl Shortages {
    fn new(streams: &Streams, p: &NoCapacityParameters, place: [u64; 2]) -> Shortages {
        let mut begins = Renewal::new(streams, streams::NO_CAPACITY, place, (p.rate, p.hazard));
        let next = begins.next_after(SimTime::ZERO);
        Shortages { place, begins, next, until: SimTime::ZERO }
    }

    /// Whether one lasts at `now`, which must not run backwards.
    fn holds(&mut self, streams: &Streams, p: &NoCapacityParameters, now: SimTime) -> bool {
        while self.next <= now {
            let [zone, instance] = self.place;
            let mut length = streams.open(streams::NO_CAPACITY_LASTS, &[zone, instance, self.begins.count]);
            let lasts = p.lasts.sample(length.uniform()).max(SimDuration::from_secs(1));
            self.until = self.until.max(self.next + lasts);
            self.next = self.begins.next_after(self.next);
        }
        now < self.until
    }
}

impl World {
    /// Whether the cloud refuses machines of this type in this zone now.
    pub(in crate::world) fn has_no_capacity(&mut self, zone: ZoneId, instance: InstanceId) -> bool {
        let (streams, p) = (&self.streams, &self.faults.no_capacity);
        let place = [u64::from(zone.0), u64::from(instance.0)];
        let known = self.shortages.iter().position(|s| s.place == place);
        let at = known.unwrap_or_else(|| {
            self.shortages.push(Shortages::new(streams, p, place));
            self.shortages.len() - 1
        });
        self.shortages[at].holds(streams, p, self.scheduler.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortage_lasts_from_its_beginning_and_does_not_depend_on_who_asks() {
        let streams = Streams::new(1, 0);
        let hour = "1h".parse().expect("a distribution");
        let rate = Rate::from_per_second(1.0 / 86_400.0);
        let p = NoCapacityParameters { rate, lasts: hour, ..NoCapacityParameters::default() };
        let minutes = |step: u64| {
            let mut shortages = Shortages::new(&streams, &p, [0, 7]);
            let at = |minute| SimTime::ZERO + SimDuration::from_mins(minute);
            let days = 0..400 * 1_440 / step;
            days.map(|i| i * step).filter(|&m| shortages.holds(&streams, &p, at(m))).collect::<Vec<u64>>()
        };
        let all = minutes(1);
        // One a day of an hour each, overlaps counted once: 1 − exp(−1/24) of the time. 400 shortages, σ = 5 %.
        let share = all.len() as f64 / (400.0 * 1_440.0);
        assert!((share / 0.0408 - 1.0).abs() < 4.0 * 0.05, "{share}");
        let some: Vec<u64> = all.iter().copied().filter(|m| m % 30 == 0).collect();
        assert_eq!(minutes(30), some);
    }
}
