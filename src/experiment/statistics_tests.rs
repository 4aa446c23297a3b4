//! Closed forms, and whether intervals hold what they promise.

use super::*;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng as _, RngExt as _, SeedableRng};
use rand_distr::{Distribution, Exp1, StandardNormal};

fn part(numerator: f64, denominator: f64) -> Part {
    Part { numerator, denominator }
}

fn check(estimate: Estimate, value: f64, low: f64, high: f64) {
    let near = |x: Option<f64>, expected: f64| {
        (x.expect("known") - expected).abs() <= 1e-4 * expected.abs().max(1.0)
    };
    assert!(
        near(estimate.value, value) && near(estimate.low, low) && near(estimate.high, high),
        "{estimate:?}, expected {value} in {low}..{high}"
    );
}

#[test]
fn a_mean_has_students_interval() {
    // 1..5: mean 3, s² = (4+1+0+1+4)/4 = 2.5, s/√5 = 0.7071, t(0.975, 4) = 2.7764, half = 1.9632.
    check(mean(&[1.0, 2.0, 3.0, 4.0, 5.0]), 3.0, 1.0368, 4.9632);
}

#[test]
fn one_replication_has_a_value_but_no_interval() {
    assert_eq!(mean(&[7.0]), Estimate { value: Some(7.0), low: None, high: None });
    let pair = compare_ratios(&[part(2.0, 1.0)], &[part(3.0, 1.0)]);
    assert_eq!((pair.difference.value, pair.ratio.value), (Some(1.0), Some(1.5)));
    assert_eq!((pair.difference.low, pair.ratio.high, pair.p_value), (None, None, None));
}

#[test]
fn nothing_observed_is_none_and_never_nan() {
    assert_eq!(mean(&[]), Estimate::default());
    assert_eq!(ratio_of_sums(&[part(0.0, 0.0); 3]), Estimate::default());
    assert_eq!(ratio_of_sums(&[part(1.0, 0.0); 3]), Estimate::default());
    assert_eq!(mean(&[f64::NAN, 1.0]), Estimate::default());
    assert_eq!(compare_ratios(&[part(1.0, 1.0); 2], &[part(0.0, 0.0); 2]), Comparison::default());
}

#[test]
fn a_ratio_of_sums_weighs_replications_by_their_denominator() {
    // (2+1+9)/(1+1+4) = 2. Left out: 10/5 = 2, 11/5 = 2.2, 3/2 = 1.5; mean 1.9, squares .01 + .09 + .16 = .26;
    // se² = 2/3·.26, se = 0.416333; t(0.975, 2) = 4.302653; half = 1.791338.
    check(ratio_of_sums(&[part(2.0, 1.0), part(1.0, 1.0), part(9.0, 4.0)]), 2.0, 0.208_662, 3.791_338);
}

#[test]
fn replications_with_nothing_to_observe_do_not_count() {
    let observed = [part(2.0, 1.0), part(1.0, 1.0), part(9.0, 4.0)];
    let mut padded = observed.to_vec();
    padded.insert(1, part(0.0, 0.0));
    assert_eq!(ratio_of_sums(&padded), ratio_of_sums(&observed));
}

#[test]
fn pairing_removes_what_both_sides_share() {
    // b = a + 1 in every replication: the difference is exactly 1 however wild a is.
    let a: Vec<Part> = [5.0, 500.0, 50.0].iter().map(|&x| part(x, 1.0)).collect();
    let b: Vec<Part> = a.iter().map(|x| part(x.numerator + 1.0, 1.0)).collect();
    let pair = compare_ratios(&a, &b);
    check(pair.difference, 1.0, 1.0, 1.0);
    // b = 2a: the ratio is exactly 2, and so certain.
    let double: Vec<Part> = a.iter().map(|x| part(x.numerator * 2.0, 1.0)).collect();
    let pair = compare_ratios(&a, &double);
    check(pair.ratio, 2.0, 2.0, 2.0);
    assert_eq!(pair.p_value, Some(0.0));
    assert_eq!(compare_ratios(&a, &a).p_value, Some(1.0));
}

#[test]
fn the_log_interval_of_a_ratio_stays_positive() {
    let a: Vec<Part> = [1.0, 2.0, 9.0].iter().map(|&x| part(x, 1.0)).collect();
    let b: Vec<Part> = [9.0, 0.5, 0.2].iter().map(|&x| part(x, 1.0)).collect();
    let pair = compare_ratios(&a, &b);
    assert!(pair.ratio.low.expect("both positive") > 0.0 && pair.difference.low.expect("known") < 0.0);
}

#[test]
fn a_zero_side_has_a_difference_but_no_ratio() {
    let pair = compare_ratios(&[part(1.0, 1.0), part(3.0, 1.0)], &[part(0.0, 1.0); 2]);
    assert_eq!(pair.ratio, Estimate::default());
    // Differences −1 and −3: mean −2, s/√2 = 1, t(1) = 2/1: p = 1 − (2/π)·atan(2) = 0.29517.
    assert!((pair.p_value.expect("two pairs") - 0.295_167).abs() < 1e-5);
}

#[test]
fn holm_multiplies_the_smallest_by_all_and_the_largest_by_one() {
    // Sorted 0.01·3 = 0.03, 0.02·2 = 0.04, 0.03·1 = 0.03 → not below 0.04.
    let adjusted = holm(&[Some(0.02), Some(0.01), None, Some(0.03)]);
    assert_eq!(adjusted, [Some(0.04), Some(0.03), None, Some(0.04)]);
    assert_eq!(holm(&[Some(0.6), Some(0.7)]), [Some(1.0), Some(1.0)]);
}

/// Share of 2,000 small experiments whose interval holds the truth.
fn coverage(seed: u64, truth: f64, mut experiment: impl FnMut(&mut Xoshiro256PlusPlus) -> Estimate) -> f64 {
    let mut rng = Xoshiro256PlusPlus::seed_from_u64(seed);
    let holds = (0..2_000).filter(|_| {
        let estimate = experiment(&mut rng);
        estimate.low.expect("an interval") <= truth && truth <= estimate.high.expect("an interval")
    });
    holds.count() as f64 / 2_000.0
}

#[test]
fn the_t_interval_covers_95_percent() {
    // Seed 11. Standard error of the share: √(0.95·0.05/2000) = 0.5 points, so 93–97 % is four of them.
    let share = coverage(11, 10.0, |rng| {
        let values: Vec<f64> = (0..8).map(|_| 10.0 + 3.0 * rng.sample::<f64, _>(StandardNormal)).collect();
        mean(&values)
    });
    assert!((0.93..=0.97).contains(&share), "{share}");
}

/// Sizes vary by a factor of two, the rest is skewed: what incidents in a month look like.
fn size_and_noise(rng: &mut Xoshiro256PlusPlus) -> (f64, f64) {
    let size = 1.0 + (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let noise: f64 = Exp1.sample(rng);
    (size, noise)
}

#[test]
fn the_jackknife_interval_of_a_ratio_covers_95_percent() {
    // Seed 12. Numerator = size · (3 + Exp − 1): ratio of expectations 3.
    let share = coverage(12, 3.0, |rng| {
        let parts: Vec<Part> = (0..30)
            .map(|_| {
                let (size, noise) = size_and_noise(rng);
                part(size * (2.0 + noise), size)
            })
            .collect();
        ratio_of_sums(&parts)
    });
    assert!((0.93..=0.97).contains(&share), "{share}");
}

#[test]
fn the_paired_interval_of_a_ratio_of_ratios_covers_95_percent() {
    // Seed 13. a has ratio 3, b shares a's noise and has ratio 3 · 0.8 with noise of its own: truth 0.8.
    let share = coverage(13, 0.8, |rng| {
        let (a, b): (Vec<Part>, Vec<Part>) = (0..30)
            .map(|_| {
                let (size, noise) = size_and_noise(rng);
                let own: f64 = rng.sample(StandardNormal);
                (part(size * (2.0 + noise), size), part(size * (0.8 * (2.0 + noise) + 0.2 * own), size))
            })
            .unzip();
        compare_ratios(&a, &b).ratio
    });
    assert!((0.93..=0.97).contains(&share), "{share}");
}
