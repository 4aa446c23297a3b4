//! What the boxes of a service claim of the machines that they share with others, and when that has changed.
//!
//! A demand that moves a little moves the spare CPU of all machines with such a box, and so a little of everything that
//! runs beside it. It is passed on only when it has moved by [`CLAIM_TOLERANCE`]. It knows no machine and no time.
//! Start at [`Tenancy::follow`].

use crate::world::boxes::Warmth;
use crate::world::contention::Claim;

/// Machines are looked at anew when the demand of a box has moved by this share of itself, and shared out anew if that
/// matters. What a box has is wrong by at most this share of what its neighbours use, and a hundredth of what is idle.
pub(in crate::world) const CLAIM_TOLERANCE: f64 = 0.02;

/// Boxes of one service on machines that they share.
#[derive(Clone, Copy, Debug)]
pub(in crate::world) struct Tenancy {
    /// Share of the machine of each box, and the most that it may use [cores].
    weight: f64,
    limit: f64,
    /// How much more work a request is than in a warm box, by how warm a box is.
    slowness: [f64; Warmth::STEPS as usize + 1],
    /// What a warm box wanted [cores] when that was last passed on.
    demand: f64,
    /// Whether that is new since machines were looked at.
    pub is_new: bool,
}

impl Tenancy {
    /// `cold_speed` is the speed of a box that has just started, relative to a warm one.
    pub fn new(weight: f64, limit: f64, cold_speed: f64) -> Tenancy {
        let slowness = Warmth::all().map(|warmth| warmth.slowness(cold_speed));
        Tenancy { weight, limit, slowness, demand: 0.0, is_new: false }
    }

    /// Takes in what a warm box wants now [cores]; infinite while it has more to do than it can.
    pub fn follow(&mut self, demand: f64) {
        // Who wants all there is has no distance from anything else.
        let near = demand.is_finite() && (demand - self.demand).abs() <= CLAIM_TOLERANCE * demand;
        self.is_new = !near && demand != self.demand;
        if self.is_new {
            self.demand = demand;
        }
    }

    /// How much more work a request is in a box this warm than in a warm one.
    pub fn slowness(&self, warmth: Warmth) -> f64 {
        self.slowness[usize::from(warmth.step())]
    }

    /// What so many boxes on one machine claim.
    pub fn claim(&self, boxes: u16, warmth: Warmth) -> Claim {
        let demand = self.demand * self.slowness(warmth);
        Claim { boxes: f64::from(boxes), demand, weight: self.weight, limit: self.limit }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demand_is_passed_on_when_it_has_moved_by_the_tolerance() {
        let mut tenancy = Tenancy::new(500.0, f64::INFINITY, 1.0);
        let mut passed_on = |demand: f64| {
            tenancy.follow(demand);
            (tenancy.is_new, tenancy.claim(1, Warmth::WARM).demand)
        };
        assert_eq!(passed_on(1.0), (true, 1.0));
        // 2 % of 1.02 is 0.0204, of 1.021 is 0.02042: the one is near 1, the other is not.
        assert_eq!(passed_on(1.02), (false, 1.0));
        assert_eq!(passed_on(1.021), (true, 1.021));
        assert_eq!(passed_on(f64::INFINITY), (true, f64::INFINITY));
        assert_eq!(passed_on(f64::INFINITY), (false, f64::INFINITY));
        assert_eq!(passed_on(1.021), (true, 1.021));
        assert_eq!(passed_on(0.0), (true, 0.0));
    }
}
