//! Hazards: how the times between two events of one renewal process are spread, at whatever mean rate.
//!
//! `exponential` forgets; `weibull(0.7)` clusters (what failed lately fails soon again) below shape 1 and is regular
//! above; `lognormal(1.5)` clusters too. Times are in units of their mean, so a hazard never changes a rate. One
//! uniform number makes one time, and a smaller one a longer time, so that runs stay paired when a shape changes.
//!
//! A process that has been running for long is not at an event when one begins to look: the time to the first event
//! follows the equilibrium (forward recurrence) distribution, whose density is the share of gaps that are longer.
//! Its distribution function is closed for all three, and is inverted to the last digits of a float.
//!
//! Knows no rate, stream or calendar. Start at [`Hazard::gap`] and [`Hazard::residual`].

use super::expression::Call;
use super::units::unit_value;
use statrs::function::erf::{erfc, erfc_inv};
use statrs::function::gamma::{gamma, gamma_ur};
use std::f64::consts::SQRT_2;
use std::fmt;
use std::str::FromStr;

/// How the times between events are spread around their mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hazard {
    /// Memoryless: a Poisson process.
    Exponential,
    /// A failure rate that falls (shape below 1) or rises with the time since the last event.
    Weibull {
        /// Shape.
        shape: f64,
    },
    /// The logarithm of a time is normal.
    LogNormal {
        /// Standard deviation of the logarithm.
        log_sd: f64,
    },
}

unit_value!(
    Hazard,
    "a hazard: `exponential`, `weibull(0.7)` with its shape, or `lognormal(1.5)` with the sd of its logarithm",
    Hazard::Exponential
);

impl Hazard {
    /// The time between two events that a share `u` of all exceeds, in units of the mean.
    pub fn gap(self, u: f64) -> f64 {
        match self {
            Hazard::Exponential => -u.ln(),
            Hazard::Weibull { shape } => (-u.ln()).powf(1.0 / shape) / gamma(1.0 + 1.0 / shape),
            Hazard::LogNormal { log_sd } => {
                (log_sd * SQRT_2 * erfc_inv(2.0 * u) - log_sd * log_sd / 2.0).exp()
            }
        }
    }

    /// The time from an instant of a process in equilibrium to its next event that a share `u` of all exceeds, in
    /// units of the mean time between events.
    pub fn residual(self, u: f64) -> f64 {
        if self == Hazard::Exponential {
            return self.gap(u);
        }
        // Halved until neighbouring floats: the share falls with the logarithm of the time from 1 to 0.
        let (mut low, mut high) = (-700.0f64, 700.0f64);
        loop {
            let middle = (low + high) / 2.0;
            if middle <= low || middle >= high {
                return middle.exp();
            }
            if self.residual_exceeds(middle.exp()) > u { low = middle } else { high = middle }
        }
    }

    /// Share of residual times above `x`: ∫ₓ^∞ P(gap > t) dt, as the mean gap is 1.
    fn residual_exceeds(self, x: f64) -> f64 {
        match self {
            Hazard::Exponential => (-x).exp(),
            // t ↦ (t/scale)^shape turns the integral into an incomplete gamma function of 1/shape.
            Hazard::Weibull { shape } => {
                let power = (x * gamma(1.0 + 1.0 / shape)).powf(shape);
                match power {
                    0.0 => 1.0,
                    f64::INFINITY => 0.0,
                    power => gamma_ur(1.0 / shape, power),
                }
            }
            // E(gap − x)⁺ of a lognormal with mean 1.
            Hazard::LogNormal { log_sd } => {
                let d = x.ln() / log_sd;
                let longer_part = above(d - log_sd / 2.0);
                longer_part - x.min(f64::MAX) * above(d + log_sd / 2.0)
            }
        }
    }

    /// Squared coefficient of variation of the times between events: the index of dispersion that counts tend to.
    pub fn variation(self) -> f64 {
        match self {
            Hazard::Exponential => 1.0,
            Hazard::Weibull { shape } => gamma(1.0 + 2.0 / shape) / gamma(1.0 + 1.0 / shape).powi(2) - 1.0,
            Hazard::LogNormal { log_sd } => (log_sd * log_sd).exp_m1(),
        }
    }
}

/// P(standard normal > z).
fn above(z: f64) -> f64 {
    erfc(z / SQRT_2) / 2.0
}

impl FromStr for Hazard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "exponential" {
            return Ok(Hazard::Exponential);
        }
        let call = Call::parse(text)?.ok_or("which is not a hazard")?;
        // Bounds that keep means and variates within what a clock holds.
        let hazard = match call.name {
            "weibull" => {
                let [shape] = call.arguments(["shape"])?;
                Hazard::Weibull { shape: shape.number_between(0.2, 20.0)? }
            }
            "lognormal" => {
                let [log_sd] = call.arguments(["sd of the logarithm"])?;
                Hazard::LogNormal { log_sd: log_sd.number_between(0.05, 3.0)? }
            }
            name => {
                let near = super::problem::suggestion(name, &["exponential", "weibull", "lognormal"]);
                let near = near.expect("there are names to choose from");
                return Err(format!("whose hazard {} is unknown, {near}", super::problem::quoted(name)));
            }
        };
        Ok(hazard)
    }
}

impl fmt::Display for Hazard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hazard::Exponential => f.pad("exponential"),
            Hazard::Weibull { shape } => write!(f, "weibull({shape})"),
            Hazard::LogNormal { log_sd } => write!(f, "lognormal({log_sd})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPES: [Hazard; 6] = [
        Hazard::Weibull { shape: 0.5 },
        Hazard::Weibull { shape: 0.7 },
        Hazard::Weibull { shape: 3.0 },
        Hazard::LogNormal { log_sd: 0.3 },
        Hazard::LogNormal { log_sd: 1.0 },
        Hazard::LogNormal { log_sd: 2.0 },
    ];

    /// Midpoint rule over the uniform number; the tail beyond its ends is what the tolerances allow for.
    fn mean(of: impl Fn(f64) -> f64) -> f64 {
        const STEPS: u32 = 20_000;
        (0..STEPS).map(|i| of((f64::from(i) + 0.5) / f64::from(STEPS))).sum::<f64>() / f64::from(STEPS)
    }

    #[test]
    fn whatever_the_shape_the_mean_gap_is_one() {
        for hazard in SHAPES {
            let mean = mean(|u| hazard.gap(u));
            assert!((mean - 1.0).abs() < 1e-2, "{hazard}: {mean}");
        }
    }

    #[test]
    fn in_equilibrium_the_mean_wait_is_that_of_the_inspection_paradox() {
        // E(residual) = E(gap²) / 2 E(gap) = (1 + c²) / 2: 3 for weibull(0.5), whose c² is 24/4 − 1 = 5.
        assert!((Hazard::Weibull { shape: 0.5 }.variation() - 5.0).abs() < 1e-9);
        for hazard in SHAPES.into_iter().filter(|h| h.variation() < 10.0) {
            let (mean, expected) = (mean(|u| hazard.residual(u)), (1.0 + hazard.variation()) / 2.0);
            assert!((mean / expected - 1.0).abs() < 1e-2, "{hazard}: {mean}, not {expected}");
        }
    }

    #[test]
    fn the_inversion_is_exact_to_the_last_digits() {
        for hazard in SHAPES {
            for u in [1e-9, 0.01, 0.3, 0.5, 0.9, 0.999_999] {
                let back = hazard.residual_exceeds(hazard.residual(u));
                assert!((back / u - 1.0).abs() < 1e-6, "{hazard}: {u} became {back}");
            }
        }
        // Shape 1 is the exponential, whose residual is itself.
        let one = Hazard::Weibull { shape: 1.0 };
        assert!((one.residual(0.2) - 5f64.ln()).abs() < 1e-9 && (one.gap(0.2) - 5f64.ln()).abs() < 1e-12);
        // The residual of weibull(0.5) with mean 1 exceeds x with share (1 + √(2x)) e^−√(2x): at x = 2, 3 e⁻².
        let share = 3.0 * (-2f64).exp();
        assert!((Hazard::Weibull { shape: 0.5 }.residual(share) - 2.0).abs() < 1e-9);
    }

    #[test]
    fn hazards_print_as_they_read() {
        for text in ["exponential", "weibull(0.7)", "lognormal(1.5)"] {
            assert_eq!(text.parse::<Hazard>().map(|h| h.to_string()).as_deref(), Ok(text));
        }
        let wrong = |text: &str| text.parse::<Hazard>().expect_err("it is wrong");
        assert_eq!(wrong("weibull(0)"), "whose shape is `0`, which is not between 0.2 and 20");
        assert_eq!(wrong("weibul(1)"), "whose hazard `weibul` is unknown, did you mean `weibull`?");
        assert_eq!(wrong("weibull(0.7, 3d)"), "but `weibull` has 1: (shape)");
        assert_eq!(wrong("often"), "which is neither a value nor `name(…)`");
    }
}
