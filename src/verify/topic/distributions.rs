//! Every distribution that a scenario can name: its mean and variation when drawn, and its quantiles.

use super::lines::LUCK;
use crate::parameter::ScalarDistribution;
use crate::verify::luck::REPETITIONS;
use crate::verify::{Band, Check};

/// Name, how a scenario writes it, mean, squared coefficient of variation, and 90th percentile if it has a closed form.
fn shapes() -> [(&'static str, &'static str, f64, f64, Option<f64>); 6] {
    let e = std::f64::consts::E;
    // The 90th percentile of a standard normal variate.
    let z = 1.281_551_565_544_600_5_f64;
    [
        ("constant", "7", 7.0, 0.0, Some(7.0)),
        ("exponential", "exponential(7)", 7.0, 1.0, Some(7.0 * 10.0_f64.ln())),
        // exp(1/8) times the median, cv² e^(1/4) − 1.
        (
            "lognormal",
            "lognormal(7, 0.5)",
            7.0 * e.powf(0.125),
            e.powf(0.25) - 1.0,
            Some(7.0 * (0.5 * z).exp()),
        ),
        // (b − a)²/12 by the square of the mean.
        ("uniform", "uniform(2, 12)", 7.0, 100.0 / 12.0 / 49.0, Some(11.0)),
        // Γ(3) = 2 and Γ(5)/Γ(3)² − 1 = 24/4 − 1; the 90th percentile is scale·(ln 10)².
        ("weibull", "weibull(0.5, 7)", 14.0, 5.0, Some(7.0 * 10.0_f64.ln().powi(2))),
        // 0.9·4 + 0.1·34 = 7; E[x²] = 0.9·2·16 + 0.1·34² = 144.4.
        ("mixture", "0.9 * exponential(4) + 0.1 * 34", 7.0, 144.4 / 49.0 - 1.0, None),
    ]
}

const DRAWS: u32 = 5_000;

pub fn checks() -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, text, mean, cv2, p90) in shapes() {
        let distribution: ScalarDistribution = text.parse().expect("a distribution");
        let drawn = |what: &str, expected: f64, of: fn(f64, f64) -> f64| {
            let distribution = distribution.clone();
            let band = if cv2 == 0.0 { Band::Exact } else { Band::Chance(0.0, LUCK) };
            Check::new(format!("{name}-{what}"), expected, band, move |luck| {
                luck.mean(REPETITIONS, |r| {
                    let mut stream = luck.stream(r, "verify distribution");
                    let draw = |_| of(distribution.sample(stream.uniform()), mean);
                    (0..DRAWS).map(draw).sum::<f64>() / f64::from(DRAWS)
                })
            })
        };
        let source = "Johnson, Kotz & Balakrishnan 1994";
        checks.push(drawn("mean", mean, |x, _| x).claims(format!("mean of {text}, drawn")).after(source));
        checks.push(
            drawn("cv2", cv2, |x, mean| (x / mean - 1.0).powi(2))
                .claims(format!("squared coefficient of variation of {text}, drawn"))
                .after(source),
        );
        if let Some(p90) = p90 {
            let band = Band::Within(1e-9 * p90, "numeric");
            checks.push(
                Check::new(format!("{name}-p90"), p90, band, move |_| {
                    distribution.quantile(0.9).unwrap_or(f64::NAN).into()
                })
                .claims(format!("90th percentile of {text}"))
                .after(source),
            );
        }
    }
    checks
}
