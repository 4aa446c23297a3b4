//! Statistics against published examples.

use crate::experiment::statistics::{Part, holm, mean, ratio_of_sums};
use crate::results::kaplan_meier::{Observation, order, quantile, walk};
use crate::verify::{Band, Check};

/// Weeks in remission of the 21 patients on 6-MP; true is censored.
const FREIREICH: [(f64, bool); 21] = [
    (6.0, false),
    (6.0, false),
    (6.0, false),
    (6.0, true),
    (7.0, false),
    (9.0, true),
    (10.0, false),
    (10.0, true),
    (11.0, true),
    (13.0, false),
    (16.0, false),
    (17.0, true),
    (19.0, true),
    (20.0, true),
    (22.0, false),
    (23.0, false),
    (25.0, true),
    (32.0, true),
    (32.0, true),
    (34.0, true),
    (35.0, true),
];

fn remissions() -> Vec<Observation> {
    FREIREICH.iter().map(|&(value, censored)| Observation { value, censored }).collect()
}

/// Share still in remission after so many weeks.
fn surviving(weeks: f64) -> f64 {
    let mut ordered = remissions();
    ordered.sort_by(order);
    let mut share = 1.0;
    walk(ordered.iter().map(|&observation| (observation, 1)), |value, ended| {
        if value <= weeks {
            share = 1.0 - ended;
        }
        true
    });
    share
}

/// The half width of the interval of n values by their standard error: Student's quantile.
fn t_quantile(n: u32) -> f64 {
    let values: Vec<f64> = (0..n).map(f64::from).collect();
    let estimate = mean(&values);
    let centre = f64::from(n - 1) / 2.0;
    // The variance of 0, 1, … n − 1 is n(n + 1)/12.
    let standard_error = ((f64::from(n) + 1.0) / 12.0).sqrt();
    (estimate.high.expect("an interval") - centre) / standard_error
}

/// What was written to so many decimals.
fn printed(
    name: String,
    expected: f64,
    half: f64,
    obtain: impl Fn() -> f64 + Send + Sync + 'static,
) -> Check {
    let band = Band::Within(half, "half of the last digit that is printed");
    Check::new(name, expected, band, move |_| obtain().into())
}

pub fn checks() -> Vec<Check> {
    let mut checks = Vec::new();
    let freireich = "Freireich et al. 1963, in Kleinbaum & Klein 2012, table 2.2";
    for (weeks, share) in
        [(6, 0.8571), (7, 0.8067), (10, 0.7529), (13, 0.6902), (16, 0.6275), (22, 0.5378), (23, 0.4482)]
    {
        checks.push(
            printed(format!("kaplan-meier-{weeks}"), share, 5.1e-5, move || surviving(f64::from(weeks)))
                .claims(format!("share still in remission after {weeks} weeks"))
                .after(freireich),
        );
    }
    checks.push(
        Check::new("kaplan-meier-median", 23.0, Band::Exact, |_| {
            quantile(&remissions(), 0.5).unwrap_or(f64::NAN).into()
        })
        .claims("median weeks in remission")
        .after(freireich),
    );
    for (degrees, t) in [(1, 12.706), (4, 2.776), (9, 2.262), (29, 2.045), (100, 1.984)] {
        checks.push(
            printed(format!("student-{degrees}"), t, 5.1e-4, move || t_quantile(degrees + 1))
                .claims(format!(
                    "97.5 % quantile of Student's t with {degrees} degrees, from the interval of a mean"
                ))
                .after("Student 1908; tables of the t distribution"),
        );
    }
    // Sorted 0.005·4 = 0.02, 0.01·3 = 0.03, 0.03·2 = 0.06, 0.04·1 → not below 0.06.
    for (i, p, adjusted) in [(0, "0.01", 0.03), (1, "0.04", 0.06), (2, "0.03", 0.06), (3, "0.005", 0.02)] {
        checks.push(
            Check::new(format!("holm-{p}"), adjusted, Band::Within(1e-12, "numeric"), move |_| {
                let all = holm(&[Some(0.01), Some(0.04), Some(0.03), Some(0.005)]);
                all[i].unwrap_or(f64::NAN).into()
            })
            .claims(format!("p-value {p} of four, corrected"))
            .after("Holm 1979"),
        );
    }
    // (1+2+3)/(1+1+1) = 2. Left out: 5/2, 4/2, 3/2; squares 0.5; se² = 2/3·0.5; t(0.975, 2) = 4.302653. They lie evenly
    // around their mean, so that there is no skewness to correct.
    let half = 4.302_653 * (2.0_f64 / 3.0 * 0.5).sqrt();
    checks.push(
        printed("jackknife-ratio".to_owned(), half, 5e-6, || {
            let part = |numerator, denominator| Part { numerator, denominator };
            let estimate = ratio_of_sums(&[part(1.0, 1.0), part(2.0, 1.0), part(3.0, 1.0)]);
            estimate.high.expect("an interval") - estimate.value.expect("a value")
        })
        .claims("half the interval of a ratio of sums of three pairs, by hand")
        .after("Quenouille 1956, Tukey 1958"),
    );
    checks
}
