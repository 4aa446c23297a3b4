//! Who gets how much of a machine's processors.
//!
//! Work-conserving sharing by weight, as the kernel's CPU shares do it: unused share flows to those who can use
//! it, limits cap. A pure function of demands; it knows no time. Start at [`Sharing::solve`].

/// Boxes of one kind on one machine.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// How many of them are on the machine.
    pub boxes: f64,
    /// What each would use if it could [cores]; infinite while it has a backlog.
    pub demand: f64,
    /// Share of each (the CPU request, in any unit).
    pub weight: f64,
    /// The most each may use [cores]; infinite where unlimited.
    pub limit: f64,
}

impl Claim {
    /// What each box uses if it gets all it asks for [cores].
    pub fn wanted(&self) -> f64 {
        self.demand.min(self.limit)
    }
}

/// Water-filling of one machine.
#[derive(Clone, Copy, Debug)]
pub struct Sharing {
    /// Cores that are left to those who want more than their share, or to nobody.
    left: f64,
    /// Weight of those who want more than their share.
    hungry: f64,
    /// Cores per unit of weight that are guaranteed whatever the others want.
    guaranteed: f64,
    /// Cores per unit of weight that those get who want more than their share.
    level: f64,
}

impl Sharing {
    /// Shares `capacity` cores among the claims.
    pub fn solve(capacity: f64, claims: &[Claim]) -> Sharing {
        let total: f64 = claims.iter().map(|c| c.boxes * c.wanted()).sum();
        let weight: f64 = claims.iter().map(|c| c.boxes * c.weight).sum();
        let guaranteed = if weight > 0.0 { capacity / weight } else { 0.0 };
        if total <= capacity {
            return Sharing { left: capacity - total, hungry: 0.0, guaranteed, level: f64::INFINITY };
        }
        // Raise the level until the capacity is used up: those whose want lies below their share leave the
        // pool with it, the others divide the rest by weight. At most one kind leaves a round.
        let mut level = guaranteed;
        let (mut left, mut hungry) = (capacity, weight);
        for _ in 0..claims.len() {
            let satisfied = |c: &&Claim| c.wanted() <= level * c.weight;
            let taken: f64 = claims.iter().filter(satisfied).map(|c| c.boxes * c.wanted()).sum();
            hungry = claims.iter().filter(|c| !satisfied(c)).map(|c| c.boxes * c.weight).sum();
            left = capacity - taken;
            let next = left / hungry;
            if next <= level * (1.0 + 1e-12) {
                break;
            }
            level = next;
        }
        Sharing { left, hungry, guaranteed, level }
    }

    /// What one box of this kind can use at a moment when it has much to do [cores]: what it uses on average and
    /// what nobody else uses, shared by weight with those who want more than they get; at least its guaranteed
    /// share, at most its limit.
    pub fn available(&self, claim: &Claim) -> f64 {
        let want = claim.wanted();
        let share = if self.hungry == 0.0 {
            self.left + want
        } else if want > self.level * claim.weight {
            self.level * claim.weight
        } else {
            (self.left + want) / (self.hungry + claim.weight) * claim.weight
        };
        share.max(self.guaranteed * claim.weight).min(claim.limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FREE: f64 = f64::INFINITY;

    fn claim(boxes: f64, demand: f64, weight: f64, limit: f64) -> Claim {
        Claim { boxes, demand, weight, limit }
    }

    #[test]
    fn an_idle_pod_without_limit_can_use_the_idle_machine() {
        let pod = claim(1.0, 0.1, 250.0, FREE);
        let other = claim(1.0, 0.4, 250.0, FREE);
        let s = Sharing::solve(2.0, &[pod, other]);
        // 2 − 0.4 used by the other = 1.6 cores.
        assert!((s.available(&pod) - 1.6).abs() < 1e-12);
        assert_eq!(s.available(&claim(1.0, 0.1, 250.0, 0.5)), 0.5);
    }

    #[test]
    fn a_full_machine_is_shared_by_weight_and_unused_share_flows() {
        // 4 cores; a small user wants 0.5 of its 1.0; the other two divide 3.5 cores 3 : 1.
        let small = claim(1.0, 0.5, 1000.0, FREE);
        let large = claim(1.0, FREE, 2250.0, FREE);
        let medium = claim(1.0, FREE, 750.0, FREE);
        let s = Sharing::solve(4.0, &[small, large, medium]);
        assert!((s.available(&large) - 2.625).abs() < 1e-9);
        assert!((s.available(&medium) - 0.875).abs() < 1e-9);
        // At a moment when the small one has much to do, too, all three divide 4 cores 1 : 2.25 : 0.75.
        assert!((s.available(&small) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn limits_leave_the_rest_to_others() {
        let capped = claim(2.0, FREE, 1000.0, 0.5);
        let free = claim(1.0, FREE, 1000.0, FREE);
        let s = Sharing::solve(4.0, &[capped, free]);
        assert_eq!(s.available(&capped), 0.5);
        assert!((s.available(&free) - 3.0).abs() < 1e-9);
    }

    proptest::proptest! {
        #[test]
        fn never_more_than_the_machine_is_used(
            capacity in 0.5..64.0f64,
            kinds in proptest::collection::vec((1..20u32, 0.0..8.0f64, 10.0..2_000.0f64, 0.1..8.0f64), 1..6),
        ) {
            let claims: Vec<Claim> =
                kinds.iter().map(|&(n, d, w, l)| claim(f64::from(n), d, w, l)).collect();
            let s = Sharing::solve(capacity, &claims);
            let used: f64 = claims.iter().map(|c| c.boxes * c.demand.min(s.available(c))).sum();
            proptest::prop_assert!(used <= capacity * (1.0 + 1e-9), "{} of {}", used, capacity);
        }
    }
}
