//! The Kaplan–Meier estimate: the distribution of spans of which some were still open when the run ended.
//!
//! An open span says "at least so long". Dropping it would flatter the platform that is slow to recover. Knows
//! nothing of incidents, platforms or intervals. Assumes, as usual, that being cut off by the end of the run tells
//! nothing about how long a span would have become. Start at [`walk`].

/// One span: closed at `value`, or still open then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    pub value: f64,
    pub censored: bool,
}

/// Puts observations into the order [`walk`] needs: by value; at equal values those that closed come first.
///
/// # Panics
/// If a value is NaN: a span is a number.
pub fn order(a: &Observation, b: &Observation) -> std::cmp::Ordering {
    let by_value = a.value.partial_cmp(&b.value).expect("a span is a number");
    by_value.then(a.censored.cmp(&b.censored))
}

/// Calls `step(value, share)` for every closed span: `share` is the estimated probability of being closed by then.
/// Stops early when `step` returns false. `ordered` holds (observation, weight) in [`order`].
///
/// Between two open spans the share is one division of integers, so without any open span it is exactly the
/// empirical distribution.
pub fn walk(
    ordered: impl Iterator<Item = (Observation, u32)> + Clone,
    mut step: impl FnMut(f64, f64) -> bool,
) {
    let mut at_risk: u64 = ordered.clone().map(|(_, weight)| u64::from(weight)).sum();
    let (mut still_open, mut since) = (1.0, at_risk);
    for (observation, weight) in ordered.filter(|&(_, weight)| weight > 0) {
        if observation.censored {
            still_open *= at_risk as f64 / since as f64;
            at_risk -= u64::from(weight);
            since = at_risk;
        } else {
            at_risk -= u64::from(weight);
            let share = 1.0 - still_open * (at_risk as f64 / since as f64);
            if !step(observation.value, share) {
                return;
            }
        }
    }
}

/// The smallest value by which a share of at least `probability` is closed; `None` if the open spans hide it.
pub fn quantile(observations: &[Observation], probability: f64) -> Option<f64> {
    let mut ordered = observations.to_vec();
    ordered.sort_by(order);
    let mut found = None;
    walk(ordered.iter().map(|&observation| (observation, 1)), |value, share| {
        found = reaches(share, probability).then_some(value);
        found.is_none()
    });
    found
}

/// Whether a share counts as having reached a probability: rounding must not skip a step.
pub fn reaches(share: f64, probability: f64) -> bool {
    share + 1e-12 >= probability
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(value: f64) -> Observation {
        Observation { value, censored: false }
    }

    fn open(value: f64) -> Observation {
        Observation { value, censored: true }
    }

    #[test]
    fn without_open_spans_it_is_the_empirical_distribution() {
        let spans: Vec<_> = (1..=10).map(|n| closed(f64::from(n))).collect();
        // Smallest x with F(x) >= p: 5 of 10 are <= 5; 9 of 10 are <= 9; 0.99 needs all ten.
        assert_eq!(quantile(&spans, 0.5), Some(5.0));
        assert_eq!(quantile(&spans, 0.9), Some(9.0));
        assert_eq!(quantile(&spans, 0.99), Some(10.0));
        assert_eq!(quantile(&spans, 1.0), Some(10.0));
    }

    #[test]
    fn open_spans_push_the_rest_outwards() {
        // 1 closed, 2 open, 3 closed, 4 closed. S: 3/4 after 1; at 3 two are at risk: 3/4·1/2 = 3/8; at 4: 0.
        let spans = [open(2.0), closed(4.0), closed(1.0), closed(3.0)];
        let mut steps = Vec::new();
        let mut ordered = spans.to_vec();
        ordered.sort_by(order);
        walk(ordered.iter().map(|&span| (span, 1)), |value, share| {
            steps.push((value, share));
            true
        });
        assert_eq!(steps, [(1.0, 0.25), (3.0, 0.625), (4.0, 1.0)]);
        assert_eq!(quantile(&spans, 0.5), Some(3.0));
    }

    #[test]
    fn a_quantile_beyond_the_last_closed_span_is_unknown() {
        // 1 closed of 3, the other two open: the share closed never passes 1/3.
        let spans = [closed(1.0), open(5.0), open(6.0)];
        assert_eq!(quantile(&spans, 1.0 / 3.0), Some(1.0));
        assert_eq!(quantile(&spans, 0.5), None);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn a_span_that_closes_when_another_is_cut_off_counts_first() {
        // Both at 2: the closed one sees two at risk, so 1/2 is closed.
        assert_eq!(quantile(&[open(2.0), closed(2.0)], 0.5), Some(2.0));
    }
}
