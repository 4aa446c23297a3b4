//! Commitments: a promise to pay for so much machine time in every hour of a year, for a lower price.
//!
//! As savings plans and flexible committed use discounts work: the promise is an amount of money at list prices, not
//! a machine; machines on demand of any type use it up, hour by hour, and what an hour does not use is paid all the
//! same. Spot machines are cheaper already and do not count. By default nobody commits, on any platform: what a
//! platform pays then does not depend on how well somebody foresaw it. Start at [`CommitmentParameters`].

use crate::parameter::{Factor, Fraction, UsdPerHour, section};
use crate::world::Api;
use crate::world::observation::Commitment;

section! {
    /// A commitment to machines, whether they are used or not.
    pub struct CommitmentParameters {
        /// What is committed, as a share of what machines on demand cost in a mean hour of the run, at list prices: how much of them a company that has run this fleet for a year commits to.
        share: Factor = "0%" in |f| f.as_f64() <= 10.0 => "at most 1000%", grade Choice;
        /// What is committed in each hour, at list prices, instead of a share.
        spend: Option<UsdPerHour>, optional;
        /// How much less is paid for what is committed.
        discount: Fraction = "30%", from "27 to 37 % for a year without payment in advance, compute savings plans and reserved instances", grade Verified;
    }
}

impl CommitmentParameters {
    /// Bought before the simulation began, if at all.
    pub fn declare(&self, api: &mut Api<'_>) {
        let micro_usd_per_hour = self.spend.map(|spend| spend.as_micro_usd_per_hour());
        if self.share.as_f64() > 0.0 || micro_usd_per_hour.is_some() {
            let (share, discount) = (self.share.as_f64(), self.discount.as_f64());
            api.declare_commitment(Commitment { share, micro_usd_per_hour, discount });
        }
    }
}
