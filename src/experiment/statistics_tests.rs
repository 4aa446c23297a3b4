//! Closed forms. Whether intervals hold what they promise is asked in [`super::super::coverage`].

use super::*;

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
    // se² = 2/3·.26, se = 0.416333; t(0.975, 2) = 4.302653. Pseudo-values lie 2·(−.1, −.3, .4) from their mean: cubes
    // of the brackets −.001 − .027 + .064 = .036, skewness 3·√2/1·.036/.26^1.5 = 1.152070, a = that/(6√3) =
    // 0.110858. Ends (∛(1 + 6a(±t − a)) − 1)/2a: 2.520652 and −10.131244; times se, off 2.
    check(ratio_of_sums(&[part(2.0, 1.0), part(1.0, 1.0), part(9.0, 4.0)]), 2.0, 0.950569, 6.217973);
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
    // Three replications that agree are no proof: three tosses of a coin agree in 2 of 8 cases.
    assert_eq!(pair.p_value, Some(0.25));
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

#[test]
fn the_test_and_the_interval_agree_on_skewed_values() {
    // An interval that just touches 0 belongs to p = 5 %: shift skewed values by their own interval's ends.
    let values = [0.1, 0.2, 0.2, 0.4, 0.5, 0.9, 1.4, 4.0];
    let interval = mean(&values);
    for end in [interval.low, interval.high].map(|end| end.expect("eight values")) {
        let zero = vec![part(0.0, 1.0); values.len()];
        let shifted: Vec<Part> = values.iter().map(|value| part(value - end, 1.0)).collect();
        let p = compare_ratios(&zero, &shifted).p_value.expect("eight pairs");
        assert!((p - 0.05).abs() < 1e-6, "{p}");
    }
    // The long side is where the long tail is.
    let (low, high) = (interval.low.expect("known"), interval.high.expect("known"));
    let value = interval.value.expect("known");
    assert!(high - value > 1.5 * (value - low), "{interval:?}");
}

#[test]
fn degrees_of_freedom_are_those_of_the_side_that_saw_less() {
    // Differences of means: a in 8 replications, b in 2 of them. Nine degrees of freedom would be a boast.
    let a: Vec<Part> = (0..8).map(|k| part(10.0 + f64::from(k % 3), 1.0)).collect();
    let mut b = vec![part(0.0, 0.0); 8];
    (b[2], b[5]) = (part(3.0, 1.0), part(4.0, 1.0));
    let of = |b: &[Part]| compare_ratios(&a, b).difference;
    let seen_twice = of(&b);
    let all: Vec<Part> = (0..8).map(|k| part(3.0 + f64::from(k % 2), 1.0)).collect();
    let width = |estimate: Estimate| estimate.high.expect("two") - estimate.low.expect("two");
    // t(0.975) is 12.7 with one degree of freedom and 2.36 with seven.
    assert!(width(seen_twice) > 5.0 * width(of(&all)), "{seen_twice:?}");
    b[5] = part(0.0, 0.0);
    assert_eq!((of(&b).low, compare_ratios(&a, &b).p_value), (None, None));
}

#[test]
fn correlation_is_pearsons_and_unknown_without_spread() {
    // Deviations (−1, 0, 1) and (−1, 1, 0): products 1 + 0 + 0 = 1, squares 2 and 2, so 1/2.
    let half = correlation(&[(1.0, 4.0), (2.0, 6.0), (3.0, 5.0)]).expect("three pairs that vary");
    assert!((half - 0.5).abs() < 1e-12, "{half}");
    let line = |sign: f64| correlation(&[1.0, 2.0, 4.0, 8.0].map(|x| (x, 3.0 + sign * x)));
    assert!((line(1.0).unwrap() - 1.0).abs() < 1e-12 && (line(-2.0).unwrap() + 1.0).abs() < 1e-12);
    assert_eq!(correlation(&[(1.0, 2.0), (3.0, 4.0)]), None, "two points are always on a line");
    assert_eq!(correlation(&[(0.1, 1.0), (0.1, 2.0), (0.1, 3.0)]), None, "one side is always the same");
}

#[test]
fn the_price_of_nines_is_taken_of_sums() {
    let part = |numerator, denominator| Part { numerator, denominator };
    let month = |cost, served| Nines { cost: part(cost, 1.0), availability: part(served, 1_000.0) };
    // One of two replications fails 2 requests in 2,000: three nines, for 600 a month.
    let two = [month(500.0, 998.0), month(700.0, 1_000.0)];
    assert!((ratio_of_sums(&two).value.expect("known") - 200.0).abs() < 1e-6);
    // Without the first nothing fails: no interval. Alone, the second has no price.
    assert_eq!(ratio_of_sums(&two).low, None);
    assert_eq!(ratio_of_sums(&two[1..]).value, None);
    // 500 for 2.699 nines (0.998), 800 for 2.398 (0.996).
    let both = [month(500.0, 998.0), month(800.0, 996.0)];
    let estimate = ratio_of_sums(&both);
    assert!((estimate.value.expect("known") - 650.0 / -(0.003_f64.log10())).abs() < 1e-9);
    assert!(estimate.low < estimate.value && estimate.value < estimate.high);
    assert_eq!(compare_ratios(&both, &both).ratio.value, Some(1.0));
}
