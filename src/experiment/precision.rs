//! How many replications are enough: as many as it takes until the differences that the verdict speaks of are known to
//! a given precision, and stay so.
//!
//! The sequential procedure of Law & Kelton (absolute and relative precision of a confidence interval) with the
//! look-ahead of Hoad, Robinson & Davies 2010, "Automated selection of the number of replications for a discrete-event
//! simulation", Journal of the Operational Research Society 61: an interval that is narrow enough by chance widens
//! again within the look-ahead, and then the wait begins anew. Looks happen after given numbers of replications,
//! whatever the number of threads was that made them. Knows no metric and runs nothing. Start at [`Sequential::look`].

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Half of an interval over the level of what is compared, at most.
    pub target: f64,
    /// Replications at the first look, and at the last.
    pub minimum: u32,
    pub maximum: u32,
}

/// Half of the 95 % interval of one headline over its level.
#[derive(Clone, Debug, PartialEq)]
pub struct Width {
    /// For people: `recovery_time p50, pets against k8s`.
    pub of: String,
    /// `None` if there is a value and no interval yet.
    pub relative: Option<f64>,
}

/// What to do after a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Look again after so many replications.
    LookAt(u32),
    /// Narrow enough, and stayed so.
    Reached,
    /// The most that were allowed.
    Exhausted,
}

/// kLimit of Hoad, Robinson & Davies: replications that have to confirm, for up to a hundred; beyond, per hundred.
const LOOK_AHEAD: u32 = 5;

/// With two replications an interval is mostly luck (the same paper starts at three).
const FEWEST: u32 = 3;

/// The state between looks.
#[derive(Clone, Debug)]
pub struct Sequential {
    rule: Rule,
    /// The look from which on all were narrow enough.
    narrow_since: Option<u32>,
}

impl Sequential {
    pub fn new(rule: Rule) -> Sequential {
        Sequential { rule, narrow_since: None }
    }

    /// Replications before the first look.
    pub fn first_look(&self) -> u32 {
        self.rule.minimum.max(FEWEST).min(self.rule.maximum)
    }

    /// What the first `n` replications tell.
    pub fn look(&mut self, n: u32, widths: &[Width]) -> Next {
        let is_narrow = |width: &Width| width.relative.is_some_and(|relative| relative <= self.rule.target);
        self.narrow_since = self.narrow_since.or(Some(n)).filter(|_| widths.iter().all(is_narrow));
        if self.narrow_since.is_some_and(|since| n - since >= look_ahead(since)) {
            return Next::Reached;
        }
        // One by one up to a hundred, then by one in a hundred: an interval shrinks by half a percent from look to
        // look, so nothing is missed, and a thousand replications cost a few hundred looks.
        let next = n + (n / 100).max(1);
        if n >= self.rule.maximum { Next::Exhausted } else { Next::LookAt(next.min(self.rule.maximum)) }
    }
}

fn look_ahead(n: u32) -> u32 {
    if n <= 100 { LOOK_AHEAD } else { LOOK_AHEAD * n / 100 }
}

/// The widest, the first of equals; one without an interval is wider than any other.
pub fn widest(widths: &[Width]) -> Option<&Width> {
    let size = |width: &Width| width.relative.unwrap_or(f64::INFINITY);
    widths.iter().reduce(|widest, width| if size(width) > size(widest) { width } else { widest })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn width(relative: Option<f64>) -> Vec<Width> {
        vec![Width { of: "cost".to_owned(), relative }]
    }

    /// Replications at the end, and why it ended; `relative` is the width after n.
    fn check(rule: Rule, relative: impl Fn(u32) -> Option<f64>, expected: (u32, Next)) {
        let mut sequential = Sequential::new(rule);
        let mut n = sequential.first_look();
        loop {
            match sequential.look(n, &width(relative(n))) {
                Next::LookAt(next) => n = next,
                end => return assert_eq!((n, end), expected),
            }
        }
    }

    const RULE: Rule = Rule { target: 0.05, minimum: 10, maximum: 1_000 };

    #[test]
    fn it_ends_when_the_look_ahead_confirms() {
        // Narrow from 30 on: five more confirm.
        check(RULE, |n| Some(if n < 30 { 0.06 } else { 0.05 }), (35, Next::Reached));
        // Narrow from the first look on.
        check(RULE, |_| Some(0.0), (15, Next::Reached));
        // Of 200 five in a hundred confirm, which is ten: looks at 200, 202, … 210.
        check(RULE, |n| Some(if n < 200 { 0.06 } else { 0.05 }), (210, Next::Reached));
    }

    #[test]
    fn narrow_by_chance_is_not_narrow() {
        // Narrow at 20 to 23, wide at 24: the wait begins anew at 25.
        check(RULE, |n| Some(if n < 20 || n == 24 { 0.06 } else { 0.04 }), (30, Next::Reached));
    }

    #[test]
    fn the_most_allowed_is_the_end_and_no_interval_is_not_narrow() {
        check(RULE, |_| None, (1_000, Next::Exhausted));
        check(Rule { maximum: 12, ..RULE }, |_| Some(0.0), (12, Next::Exhausted));
        check(Rule { minimum: 1, ..RULE }, |_| Some(0.0), (8, Next::Reached));
        check(Rule { minimum: 1, maximum: 1, ..RULE }, |_| Some(0.0), (1, Next::Exhausted));
    }

    #[test]
    fn a_looser_target_never_takes_longer() {
        // Widths that fall like 1/√n with a wobble.
        let relative = |n: u32| Some((1.0 + 0.3 * f64::from(n % 7)) / f64::from(n).sqrt());
        let replications = |target| {
            let mut sequential = Sequential::new(Rule { target, ..RULE });
            let mut n = sequential.first_look();
            while let Next::LookAt(next) = sequential.look(n, &width(relative(n))) {
                n = next;
            }
            n
        };
        let all: Vec<u32> = [0.05, 0.08, 0.1, 0.2, 0.4].map(replications).to_vec();
        assert!(all.is_sorted_by(|a, b| a >= b) && all[0] > all[4], "{all:?}");
    }

    #[test]
    fn what_has_no_interval_is_widest() {
        let widths = [Some(0.1), None, Some(0.3)].map(|relative| width(relative).remove(0));
        assert_eq!(widest(&widths).expect("three").relative, None);
        assert_eq!(widest(&widths[2..]).expect("one").relative, Some(0.3));
        assert_eq!(widest(&[]), None);
    }
}
