//! Tests of the distributions against their formulas and against `rand_distr`.

use super::*;
use proptest::prelude::*;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rand_distr::Distribution as _;

const SHAPES: [&str; 6] = [
    "30s",
    "exponential(30d)",
    "lognormal(26s, 0.15)",
    "uniform(10s, 60s)",
    "weibull(0.7, 30d)",
    "0.9 * lognormal(26s, 0.15) + 0.1 * lognormal(80s, 0.2)",
];

fn distribution(text: &str) -> Distribution {
    text.parse().expect("a distribution")
}

#[test]
fn the_mean_over_a_grid_of_uniform_numbers_is_the_mean() {
    const POINTS: u32 = 400_000;
    for text in SHAPES {
        let distribution = distribution(text);
        let sum: f64 = (0..POINTS)
            .map(|i| distribution.sample((f64::from(i) + 0.5) / f64::from(POINTS)).as_secs_f64())
            .sum();
        let (grid, exact) = (sum / f64::from(POINTS), distribution.mean().as_secs_f64());
        // The grid cuts the upper tail at 1 - 1e-6; the heaviest, Weibull 0.7, loses 4e-5 of its mean there.
        assert!((grid / exact - 1.0).abs() < 1e-4, "{text}: {grid} s against {exact} s");
    }
}

#[test]
fn means_follow_the_formulas() {
    let mean = |text: &str| distribution(text).mean().as_secs_f64();
    assert_eq!(mean("uniform(10s, 60s)"), 35.0);
    assert_eq!(mean("exponential(30d)"), 30.0 * 86_400.0);
    // 100 · e^(1/2) = 164.872127.
    assert!((mean("lognormal(100s, 1)") - 164.872_127).abs() < 1e-6);
    // Γ(1 + 1/0.5) = Γ(3) = 2.
    assert!((mean("weibull(0.5, 100s)") - 200.0).abs() < 1e-6);
    assert!((mean("0.75 * 10s + 0.25 * 50s") - 20.0).abs() < 1e-9);
}

/// The largest distance between the distribution function of `n` variates and the quantiles.
fn kolmogorov_distance(text: &str, mut variates: Vec<f64>) -> f64 {
    let distribution: ScalarDistribution = text.parse().expect("a distribution");
    variates.sort_by(f64::total_cmp);
    let n = variates.len() as f64;
    // At each of 999 quantiles: the share of variates below it against what it should be.
    (1..1_000)
        .map(|i| {
            let u = f64::from(i) / 1_000.0;
            let quantile = distribution.quantile(u).expect("no mixture");
            (variates.partition_point(|&variate| variate < quantile) as f64 / n - u).abs()
        })
        .fold(0.0, f64::max)
}

#[test]
fn quantiles_agree_with_the_samplers_of_rand_distr() {
    const N: usize = 100_000;
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    let mut check = |text: &str, sampler: &dyn Fn(&mut Xoshiro256PlusPlus) -> f64| {
        let variates = (0..N).map(|_| sampler(&mut random)).collect();
        let distance = kolmogorov_distance(text, variates);
        // Kolmogorov: above 1.95/√n with probability 0.001, if both are the same. Seed 1.
        assert!(distance < 1.95 / (N as f64).sqrt(), "{text}: {distance}");
    };
    let exponential = rand_distr::Exp::new(1.0 / 7.0).expect("a rate");
    check("exponential(7)", &|random| exponential.sample(random));
    let log_normal = rand_distr::LogNormal::new(1.7f64.ln(), 0.4).expect("a deviation");
    check("lognormal(1.7, 0.4)", &|random| log_normal.sample(random));
    let weibull = rand_distr::Weibull::new(30.0, 0.7).expect("a shape");
    check("weibull(0.7, 30)", &|random| weibull.sample(random));
    check("uniform(5%, 30%)", &|random| 0.05 + 0.25 * random.random::<f64>());
}

#[test]
fn distributions_print_what_reads_back() {
    for text in SHAPES {
        let distribution = distribution(text);
        assert_eq!(distribution.to_string().parse().as_ref(), Ok(&distribution), "{text}");
    }
    assert_eq!(
        distribution(SHAPES[5]).to_string(),
        "0.9 * lognormal(26s, 0.15) + 0.1 * lognormal(1m20s, 0.2)"
    );
    let scalar: ScalarDistribution = "uniform(5%, 30%)".parse().expect("a distribution");
    assert_eq!(scalar.to_string(), "uniform(0.05, 0.3)");
}

#[test]
fn what_is_wrong_with_a_distribution_is_said() {
    let check = |text: &str, expected: &str| {
        assert_eq!(text.parse::<Distribution>(), Err(expected.to_owned()), "{text}");
    };
    check("90", "which has no unit");
    check("exponential(30)", "whose mean is `30`, which has no unit");
    check("exponential()", "but `exponential` has 1: (mean)");
    check("lognormal(26s)", "but `lognormal` has 2: (median, sd of the logarithm)");
    check("lognormal(26s, 1s)", "whose sd of the logarithm is `1s`, whose unit `s` is unknown");
    check("lognormal(26s, 9)", "whose sd of the logarithm is `9`, which is not between 0 and 5");
    check("exponential(0s)", "whose mean is zero");
    check("uniform(60s, 0s)", "whose low end `1m` is above its high end `0s`");
    check("lognormel(26s, 1)", "whose distribution `lognormel` is unknown, did you mean `lognormal`?");
    check("uniform(0s, 60s", "which does not end with `)`");
    check("0.9 * 10s + 0.2 * 20s", "whose weights sum to 1.1, not 1");
    check("0.9 * 10s + 20s", "whose part `20s` has no weight");
    check("0.9 * 10s", "which has a weight, but is no mixture");
    check("1 * 10s + 0 * 20s", "whose weights are not all above 0");
    check("soon", "which is neither a value nor `name(…)`");
}

#[test]
fn the_ends_of_the_unit_interval_are_finite() {
    for text in SHAPES {
        let distribution = distribution(text);
        for u in [0.0, f64::MIN_POSITIVE, 1.0 - f64::EPSILON / 2.0, 1.0] {
            assert!(distribution.sample(u) < SimDuration::MAX, "{text} at {u}");
        }
    }
}

proptest! {
    #[test]
    fn variates_grow_with_the_uniform_number(a in 0.0f64..1.0, b in 0.0f64..1.0) {
        for text in &SHAPES[..5] {
            let distribution = distribution(text);
            prop_assert!(distribution.sample(a.min(b)) <= distribution.sample(a.max(b)));
        }
    }

    #[test]
    fn no_expression_panics(text in "[a-z0-9.*+(), %-]{0,40}") {
        let _ = (text.parse::<Distribution>(), text.parse::<ScalarDistribution>());
    }
}
