//! Which machine goes when a group gets smaller.
//!
//! Copies the termination policies of AWS auto scaling groups: balance over zones beats every policy, machines past
//! their lifetime go before others. Knows members, not why one has to go. Start at [`Group::next_to_go`].

use super::group::Group;
use super::members::Member;
use super::parameters::Termination;
use crate::engine::{SimDuration, SimTime};
use crate::world::BoxId;

impl Group {
    pub(super) fn next_to_go(&self, now: SimTime) -> Option<BoxId> {
        let crowds = self.by_zone();
        let crowd = |zone| crowds.iter().find(|c| c.0 == zone).expect("members lie in its zones").1;
        let rank = |m: &&Member| {
            let young = !self.is_past_lifetime(m, now);
            (young, usize::MAX - crowd(m.zone), self.preference(m, now), m.subject)
        };
        self.members.iter().filter(|m| !m.idle).min_by_key(rank).map(|m| m.subject)
    }

    /// Smaller goes first.
    fn preference(&self, m: &Member, now: SimTime) -> (u64, u64) {
        let (age, born) = (now.saturating_since(m.launched), m.launched.as_micros());
        match self.rules.termination {
            Termination::Default => (u64::from(m.image), to_billing_hour(age)),
            Termination::OldestInstance => (0, born),
            Termination::NewestInstance => (0, u64::MAX - born),
            Termination::OldestLaunchTemplate => (u64::from(m.image), 0),
        }
    }
}

/// How long until another hour of the machine begins.
fn to_billing_hour(age: SimDuration) -> u64 {
    let hour = SimDuration::from_hours(1).as_micros();
    hour - age.as_micros() % hour
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_billing_hour_is_closest_just_before_it_ends() {
        let minutes = SimDuration::from_mins;
        assert_eq!(to_billing_hour(minutes(59)), minutes(1).as_micros());
        assert_eq!(to_billing_hour(minutes(130)), minutes(50).as_micros());
        assert_eq!(to_billing_hour(minutes(60)), minutes(60).as_micros());
    }
}
