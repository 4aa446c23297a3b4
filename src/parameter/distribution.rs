//! Distributions as a person writes them: `lognormal(26s, 0.15)`, and mixtures of them.
//!
//! Knows no random generator: a variate is the quantile of one uniform number, so that common random numbers
//! stay common when a parameter changes. Start at [`DistributionOf::sample`].

use super::expression::{Argument, Call, split_terms};
use super::units::{ByteRate, Number, unit_value};
use crate::engine::SimDuration;
use statrs::function::erf::erfc_inv;
use statrs::function::gamma::gamma;
use std::fmt;
use std::str::FromStr;

/// How long something takes.
pub type Distribution = DistributionOf<SimDuration>;

/// How much of something there is; bare numbers or percentages, not negative.
pub type ScalarDistribution = DistributionOf<f64>;

/// How fast memory grows.
pub type GrowthDistribution = DistributionOf<ByteRate>;

/// A distribution of durations or of numbers, or a mixture of such.
#[derive(Clone, Debug, PartialEq)]
pub struct DistributionOf<Q> {
    /// Weights, which sum to 1, and shapes; one with weight 1 unless it is a mixture.
    components: Vec<(f64, Shape<Q>)>,
}

/// A distribution that is no mixture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape<Q> {
    /// Always the same.
    Constant(Q),
    /// Memoryless.
    Exponential {
        /// Mean.
        mean: Q,
    },
    /// The logarithm is normal.
    LogNormal {
        /// Median, e^µ.
        median: Q,
        /// Standard deviation σ of the logarithm.
        log_sd: f64,
    },
    /// All values between two are equally likely.
    Uniform {
        /// Lower end.
        low: Q,
        /// Upper end.
        high: Q,
    },
    /// A failure rate that falls (shape below 1) or rises with age.
    Weibull {
        /// Shape.
        shape: f64,
        /// Scale: the 63% quantile.
        scale: Q,
    },
}

/// What a distribution is over.
pub trait Quantity: Copy + PartialEq + fmt::Display {
    /// In the base unit: seconds, or the number itself.
    fn to_f64(self) -> f64;
    /// From the base unit.
    fn from_f64(value: f64) -> Self;
    /// From text; the error continues "found `x`, …".
    fn parse(text: &str) -> Result<Self, String>;
}

impl Quantity for SimDuration {
    fn to_f64(self) -> f64 {
        self.as_secs_f64()
    }

    fn from_f64(value: f64) -> Self {
        SimDuration::from_secs_f64(value)
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl Quantity for f64 {
    fn to_f64(self) -> f64 {
        self
    }

    fn from_f64(value: f64) -> Self {
        value
    }

    fn parse(text: &str) -> Result<Self, String> {
        super::units::plain_or_percent(text)
    }
}

impl Quantity for ByteRate {
    fn to_f64(self) -> f64 {
        self.per_second()
    }

    fn from_f64(value: f64) -> Self {
        ByteRate::from_per_second(value)
    }

    fn parse(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl<Q: Quantity> Shape<Q> {
    /// The value that a share `u` of all variates is below.
    fn quantile(&self, u: f64) -> Q {
        match *self {
            Shape::Constant(value) => value,
            Shape::Exponential { mean } => Q::from_f64(-mean.to_f64() * (-u).ln_1p()),
            Shape::LogNormal { median, log_sd } => {
                let normal = -std::f64::consts::SQRT_2 * erfc_inv(2.0 * u);
                Q::from_f64(median.to_f64() * (log_sd * normal).exp())
            }
            Shape::Uniform { low, high } => Q::from_f64(low.to_f64() + u * (high.to_f64() - low.to_f64())),
            Shape::Weibull { shape, scale } => {
                Q::from_f64(scale.to_f64() * (-(-u).ln_1p()).powf(1.0 / shape))
            }
        }
    }

    /// In the base unit.
    fn mean(&self) -> f64 {
        match *self {
            Shape::Constant(value) => value.to_f64(),
            Shape::Exponential { mean } => mean.to_f64(),
            Shape::LogNormal { median, log_sd } => median.to_f64() * (log_sd * log_sd / 2.0).exp(),
            Shape::Uniform { low, high } => (low.to_f64() + high.to_f64()) / 2.0,
            Shape::Weibull { shape, scale } => scale.to_f64() * gamma(1.0 + 1.0 / shape),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let Some(call) = Call::parse(text)? else { return Q::parse(text).map(Shape::Constant) };
        let positive = |quantity: Q, what: &str| {
            if quantity.to_f64() > 0.0 { Ok(quantity) } else { Err(format!("whose {what} is zero")) }
        };
        match call.name {
            "exponential" => {
                let [mean] = call.arguments(["mean"])?;
                Ok(Shape::Exponential { mean: positive(quantity(mean)?, "mean")? })
            }
            "lognormal" => {
                let [median, log_sd] = call.arguments(["median", "sd of the logarithm"])?;
                let log_sd = log_sd.number_between(0.0, 5.0)?;
                Ok(Shape::LogNormal { median: positive(quantity(median)?, "median")?, log_sd })
            }
            "uniform" => {
                let [low, high] = call.arguments(["low", "high"])?;
                let (low, high): (Q, Q) = (quantity(low)?, quantity(high)?);
                if low.to_f64() > high.to_f64() {
                    return Err(format!("whose low end `{low}` is above its high end `{high}`"));
                }
                Ok(Shape::Uniform { low, high })
            }
            "weibull" => {
                let [shape, scale] = call.arguments(["shape", "scale"])?;
                let shape = shape.number_between(0.1, 100.0)?;
                Ok(Shape::Weibull { shape, scale: positive(quantity(scale)?, "scale")? })
            }
            name => Err(unknown_name(name)),
        }
    }
}

fn quantity<Q: Quantity>(argument: Argument<'_>) -> Result<Q, String> {
    Q::parse(argument.text).map_err(|why| argument.wrong(&why))
}

fn unknown_name(name: &str) -> String {
    let names = ["exponential", "lognormal", "uniform", "weibull"];
    let near = super::problem::suggestion(name, &names).expect("there are names to choose from");
    format!("whose distribution {} is unknown, {near}", super::problem::quoted(name))
}

impl<Q: Quantity> DistributionOf<Q> {
    /// Always `value`.
    pub fn constant(value: Q) -> Self {
        Shape::Constant(value).into()
    }

    /// Weights and shapes; one with weight 1 unless this is a mixture.
    pub fn components(&self) -> &[(f64, Shape<Q>)] {
        &self.components
    }

    /// The variate that belongs to `u`, a uniform number between 0 and 1: the inverse of the distribution
    /// function, so it grows with `u`. In a mixture `u` first chooses the component; the rest of it is used in
    /// there, so the variate grows with `u` within a component only.
    pub fn sample(&self, u: f64) -> Q {
        let (last, others) = self.components.split_last().expect("a distribution has a component");
        // What is left of `u` and of the whole: the last component takes all, so that weights which sum to 1
        // only nearly leave no gap.
        let (mut rest, mut whole) = (u, 1.0);
        for (weight, shape) in others {
            if rest < *weight {
                return shape.quantile(inside(rest / weight));
            }
            rest -= weight;
            whole -= weight;
        }
        last.1.quantile(inside(rest / whole))
    }

    /// The expected value.
    pub fn mean(&self) -> Q {
        Q::from_f64(self.components.iter().map(|(weight, shape)| weight * shape.mean()).sum())
    }

    /// The value that a share `u` of all variates is below; `None` for a mixture, which has no closed form.
    pub fn quantile(&self, u: f64) -> Option<Q> {
        (self.components.len() == 1).then(|| self.sample(u))
    }

    /// True if every variate is the same.
    pub fn is_constant(&self) -> bool {
        matches!(self.components[..], [(_, Shape::Constant(_))])
    }
}

/// Away from 0 and 1, where quantiles are infinite.
fn inside(u: f64) -> f64 {
    u.clamp(f64::EPSILON / 4.0, 1.0 - f64::EPSILON / 2.0)
}

impl<Q> From<Shape<Q>> for DistributionOf<Q> {
    fn from(shape: Shape<Q>) -> Self {
        DistributionOf { components: vec![(1.0, shape)] }
    }
}

/// Terms `weight * distribution` joined by `+`, or one distribution without a weight.
impl<Q: Quantity> FromStr for DistributionOf<Q> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let terms = split_terms(text);
        let [single] = terms[..] else {
            let components = terms.iter().map(|term| weighted(term)).collect::<Result<Vec<_>, _>>()?;
            let sum: f64 = components.iter().map(|(weight, _)| weight).sum();
            if (sum - 1.0).abs() > 1e-9 {
                return Err(format!("whose weights sum to {}, not 1", (sum * 1e9).round() / 1e9));
            }
            return Ok(DistributionOf { components });
        };
        if single.contains('*') {
            return Err("which has a weight, but is no mixture".to_owned());
        }
        Shape::parse(single).map(DistributionOf::from)
    }
}

fn weighted<Q: Quantity>(term: &str) -> Result<(f64, Shape<Q>), String> {
    let Some((weight, shape)) = term.split_once('*') else {
        return Err(format!("whose part {} has no weight", super::problem::quoted(term)));
    };
    let (number, unit) = Number::split(weight.trim())?;
    let weight = match unit {
        "" => number.to_f64()?,
        "%" => number.percent_to_f64()?,
        _ => return Err(format!("whose weight {} is not a number", super::problem::quoted(weight.trim()))),
    };
    if weight <= 0.0 {
        return Err("whose weights are not all above 0".to_owned());
    }
    Ok((weight, Shape::parse(shape.trim())?))
}

unit_value!(
    Distribution,
    "a distribution such as `30s`, `exponential(30d)`, `lognormal(26s, 0.15)`, `uniform(0s, 60s)` or `weibull(0.7, 30d)`",
    DistributionOf::constant(SimDuration::ZERO)
);

unit_value!(
    ScalarDistribution,
    "a distribution of numbers such as `0.2`, `uniform(5%, 30%)` or `lognormal(1.7, 0.4)`",
    DistributionOf::constant(0.0)
);

unit_value!(
    GrowthDistribution,
    "memory per time such as `5MiB/h`, or a distribution of it such as `lognormal(2MiB/h, 1)`",
    DistributionOf::constant(ByteRate::ZERO)
);

impl<Q: Quantity> fmt::Display for Shape<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Constant(value) => write!(f, "{value}"),
            Shape::Exponential { mean } => write!(f, "exponential({mean})"),
            Shape::LogNormal { median, log_sd } => write!(f, "lognormal({median}, {log_sd})"),
            Shape::Uniform { low, high } => write!(f, "uniform({low}, {high})"),
            Shape::Weibull { shape, scale } => write!(f, "weibull({shape}, {scale})"),
        }
    }
}

impl<Q: Quantity> fmt::Display for DistributionOf<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [(_, shape)] = &self.components[..] {
            return write!(f, "{shape}");
        }
        for (index, (weight, shape)) in self.components.iter().enumerate() {
            write!(f, "{}{weight} * {shape}", if index > 0 { " + " } else { "" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "distribution_tests.rs"]
mod tests;
