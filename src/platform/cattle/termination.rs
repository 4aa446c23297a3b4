//! Which machine goes when a group gets smaller, or a refresh has replaced it.
//!
//! Copies the termination policies of AWS auto scaling groups: balance over zones beats every policy, machines past
//! their lifetime go before others. Knows members, not why one has to go. Start at [`Group::first_to_go`].

use super::group::Group;
use super::members::Member;
use super::parameters::Termination;
use crate::engine::{SimDuration, SimTime};
use crate::world::{BoxId, ZoneId};

impl Group {
    /// The first `count` of some members to go, one after the other: each from the zone that has most members then.
    pub(super) fn first_to_go(
        &self,
        which: impl Fn(&Member) -> bool,
        count: u32,
        now: SimTime,
    ) -> Vec<BoxId> {
        if count == 0 {
            return Vec::new();
        }
        let mut crowds = self.by_zone();
        let rank = |m: &Member| (!self.is_past_lifetime(m, now), self.preference(m, now), m.subject);
        // Of each zone, the first to go at the end.
        let of_zone = |&(zone, _): &(ZoneId, usize)| {
            let mut own: Vec<_> =
                self.members.iter().filter(|m| m.zone == zone && which(m)).map(rank).collect();
            own.sort_unstable_by(|a, b| b.cmp(a));
            own
        };
        let mut among: Vec<_> = crowds.iter().map(of_zone).collect();
        let mut first = Vec::new();
        for _ in 0..count {
            let heads = among.iter().zip(&crowds).enumerate();
            let heads = heads.filter_map(|(at, (own, crowd))| own.last().map(|head| (at, head, crowd.1)));
            let next = heads.min_by_key(|&(_, &(young, preference, subject), crowd)| {
                (young, usize::MAX - crowd, preference, subject)
            });
            let Some((at, &(_, _, subject), _)) = next else { break };
            among[at].pop();
            crowds[at].1 -= 1;
            first.push(subject);
        }
        first
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
