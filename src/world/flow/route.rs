//! Who sends to which boxes: the lists of addresses that the callers of a service have, by groups of callers.
//!
//! Usually there is one group with one list, that of a load balancer. Where callers hold copies of a list, a change
//! reaches some of them later than others: then each group is a share of the callers that learns of changes equally
//! late, and has a list of its own. A caller spreads its requests over its own list, so a box gets from each group that
//! lists it the group's requests divided by the length of the group's list: exact, whatever has changed how often.
//! Knows how boxes show to callers, not which they are. Start at [`Route`].

use crate::world::boxes::Reach;

/// The most groups of callers of one service.
pub const MOST_GROUPS: usize = 12;

/// Groups of callers that have a box on their list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::world) struct Audience(u16);

impl Audience {
    pub const NOBODY: Audience = Audience(0);

    pub fn bits(self) -> u16 {
        self.0
    }

    pub fn has(self, group: usize) -> bool {
        self.0 & (1 << group) != 0
    }

    pub fn with(self, group: usize, listed: bool) -> Audience {
        let bit = 1 << group;
        Audience(if listed { self.0 | bit } else { self.0 & !bit })
    }
}

/// Boxes on one list, by how they show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::world) struct List {
    pub serving: u32,
    pub refusing: u32,
    pub silent: u32,
}

impl List {
    pub fn listed(self) -> u32 {
        self.serving + self.refusing + self.silent
    }

    fn count(&mut self, reach: Reach, change: i32) {
        let counter = match reach {
            Reach::Serves => &mut self.serving,
            Reach::Refuses => &mut self.refusing,
            Reach::Silent => &mut self.silent,
        };
        *counter = counter.checked_add_signed(change).expect("a box is counted before it is uncounted");
    }
}

/// The lists of all callers of a service.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::world) struct Route {
    /// Boxes that anybody sends to.
    pub any: List,
    lists: [List; MOST_GROUPS],
    /// Of all callers.
    shares: [f64; MOST_GROUPS],
    groups: usize,
    /// Callers have got an empty list, and send to nobody.
    pub blank: bool,
}

impl Default for Route {
    fn default() -> Self {
        Route::shared_by(&[1.0])
    }
}

impl Route {
    /// Callers in groups of these shares, with empty lists.
    pub fn shared_by(groups: &[f64]) -> Route {
        assert!((1..=MOST_GROUPS).contains(&groups.len()), "from 1 to {MOST_GROUPS} groups");
        let mut shares = [0.0; MOST_GROUPS];
        shares[..groups.len()].copy_from_slice(groups);
        Route {
            any: List::default(),
            lists: [List::default(); MOST_GROUPS],
            shares,
            groups: groups.len(),
            blank: false,
        }
    }

    pub fn shares(&self) -> &[f64] {
        &self.shares[..self.groups]
    }

    pub fn everybody(&self) -> Audience {
        (0..self.groups).fold(Audience::NOBODY, |all, group| all.with(group, true))
    }

    /// Share of the callers that belong to an audience.
    pub fn share_of(&self, audience: Audience) -> f64 {
        if audience == self.everybody() {
            return 1.0;
        }
        let of_audience = self.shares().iter().enumerate().filter(|(group, _)| audience.has(*group));
        of_audience.fold(0.0, |sum, (_, share)| sum + share)
    }

    pub fn count(&mut self, audience: Audience, reach: Reach, change: i32) {
        if audience == Audience::NOBODY {
            return;
        }
        self.any.count(reach, change);
        for group in (0..self.groups).filter(|&group| audience.has(group)) {
            self.lists[group].count(reach, change);
        }
    }

    /// Somebody is sent to a box that serves.
    pub fn is_served(&self) -> bool {
        self.any.serving > 0 && !self.blank
    }

    /// Each group: its number, its attempts of so many in all [1/s], and its list.
    pub fn lists(&self, attempts: f64) -> impl Iterator<Item = (usize, f64, List)> + '_ {
        (0..self.groups).map(move |group| (group, attempts * self.shares[group], self.lists[group]))
    }

    /// Of so many attempts in all [1/s], those at one box with this audience.
    pub fn at_box(&self, audience: Audience, attempts: f64) -> f64 {
        let at = |(_, of_group, list): (usize, f64, List)| of_group / f64::from(list.listed()).max(1.0);
        self.lists(attempts).filter(|(group, ..)| audience.has(*group)).map(at).sum()
    }

    /// Of so many attempts in all [1/s], those that no box serves, and those of them that are not answered at all.
    pub fn in_vain(&self, attempts: f64) -> (f64, f64) {
        if self.blank {
            return (attempts, 0.0);
        }
        let (mut lost, mut silent) = (0.0, 0.0);
        for (_, of_group, list) in self.lists(attempts) {
            let per_box = of_group / f64::from(list.listed()).max(1.0);
            silent += per_box * f64::from(list.silent);
            // Who has an empty list fails at once.
            let in_vain = per_box * f64::from(list.refusing + list.silent);
            lost += if list.serving == 0 { of_group } else { in_vain };
        }
        (lost, silent)
    }

    /// Of so many requests inside all boxes that serve, those in one with this audience: in proportion to what it gets.
    pub fn inside_one(&self, audience: Audience, inside: f64) -> f64 {
        if self.any.serving == 0 {
            return 0.0;
        }
        if self.groups == 1 {
            return inside / f64::from(self.any.serving);
        }
        let (lost, _) = self.in_vain(1.0);
        if lost < 1.0 { inside * self.at_box(audience, 1.0) / (1.0 - lost) } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_spreads_its_requests_over_its_own_list() {
        // A quarter of the callers still has a dead box beside the three that serve; the others have three boxes.
        let mut route = Route::shared_by(&[0.25, 0.75]);
        let all = route.everybody();
        (0..3).for_each(|_| route.count(all, Reach::Serves, 1));
        let stale = Audience::NOBODY.with(0, true);
        route.count(stale, Reach::Silent, 1);
        // 120/s: the quarter sends 30/s to four boxes, 7.5/s of them to the dead one.
        let (lost, silent) = route.in_vain(120.0);
        assert_eq!((lost, silent), (7.5, 7.5));
        // A box that serves gets 30/4 + 90/3 = 37.5/s: three of them, and the lost ones, are all.
        assert!((route.at_box(all, 120.0) - 37.5).abs() < 1e-9);
        assert_eq!((route.share_of(stale), route.share_of(all)), (0.25, 1.0));
    }

    #[test]
    fn who_has_an_empty_list_fails_at_once() {
        let mut route = Route::shared_by(&[0.1, 0.9]);
        route.count(Audience::NOBODY.with(1, true), Reach::Serves, 1);
        assert!((route.in_vain(100.0).0 - 10.0).abs() < 1e-9);
        assert_eq!(route.in_vain(100.0).1, 0.0);
        route.blank = true;
        assert_eq!((route.is_served(), route.in_vain(100.0)), (false, (100.0, 0.0)));
    }
}
