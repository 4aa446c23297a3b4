//! The work of one request: how much CPU time it takes on one core.
//!
//! Start at [`ServiceTime`].

use statrs::distribution::{ContinuousCDF, Normal};

/// Distribution of the work of one request: lognormal with a mean [s] and a squared coefficient of variation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceTime {
    pub mean_s: f64,
    mu: f64,
    sigma: f64,
}

impl ServiceTime {
    /// # Panics
    /// If the mean is not positive or the variation is negative.
    pub fn lognormal(mean_s: f64, cv2: f64) -> ServiceTime {
        assert!(mean_s > 0.0 && cv2 >= 0.0, "a service time has a positive mean");
        let sigma2 = (1.0 + cv2).ln();
        ServiceTime { mean_s, mu: mean_s.ln() - sigma2 / 2.0, sigma: sigma2.sqrt() }
    }

    /// Squared coefficient of variation.
    pub fn cv2(&self) -> f64 {
        (self.sigma * self.sigma).exp() - 1.0
    }

    /// Variance of the logarithm.
    pub fn log_variance(&self) -> f64 {
        self.sigma * self.sigma
    }

    /// The same distribution with every work `factor` times as large.
    pub fn scaled(&self, factor: f64) -> ServiceTime {
        ServiceTime { mean_s: self.mean_s * factor, mu: self.mu + factor.ln(), sigma: self.sigma }
    }

    /// The distribution of this work times an independent lognormal factor of mean 1 whose logarithm has variance
    /// `spread`.
    pub fn blurred(&self, spread: f64) -> ServiceTime {
        if spread <= 0.0 {
            return *self;
        }
        let sigma = (self.sigma * self.sigma + spread).sqrt();
        ServiceTime { mean_s: self.mean_s, mu: self.mu - spread / 2.0, sigma }
    }

    /// P(work ≤ `t_s`).
    pub fn cdf(&self, t_s: f64) -> f64 {
        if t_s <= 0.0 {
            return 0.0;
        }
        if self.sigma == 0.0 {
            return if t_s >= self.mean_s { 1.0 } else { 0.0 };
        }
        let z = (t_s.ln() - self.mu) / self.sigma;
        if z > FAR { 1.0 } else { Normal::standard().cdf(z) }
    }

    /// E[work; work ≤ `t_s`] [s]: what the requests that are at most that long take together, per request.
    pub fn mean_below(&self, t_s: f64) -> f64 {
        if t_s <= 0.0 {
            return 0.0;
        }
        if self.sigma == 0.0 {
            return if t_s >= self.mean_s { self.mean_s } else { 0.0 };
        }
        let z = (t_s.ln() - self.mu) / self.sigma - self.sigma;
        if z > FAR { self.mean_s } else { self.mean_s * Normal::standard().cdf(z) }
    }

    /// E[min(work, `t_s`)] [s]: what a request takes on average that is stopped after `t_s` of work.
    pub fn mean_capped(&self, t_s: f64) -> f64 {
        if t_s <= 0.0 {
            return 0.0;
        }
        self.mean_below(t_s) + if t_s.is_finite() { t_s * (1.0 - self.cdf(t_s)) } else { 0.0 }
    }

    /// The work that a share `p` of requests does not exceed [s].
    pub fn quantile(&self, p: f64) -> f64 {
        (self.mu + self.sigma * Normal::standard().inverse_cdf(p)).exp()
    }

    /// The work of one request, from a standard normal number.
    pub fn from_normal(&self, z: f64) -> f64 {
        (self.mu + self.sigma * z).exp()
    }
}

/// Standard deviations beyond which a tail (3·10⁻⁷) is nothing.
const FAR: f64 = 5.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not within {tolerance} of {b}");
    }

    #[test]
    fn lognormal_work_has_the_mean_and_tail_it_says() {
        let work = ServiceTime::lognormal(0.05, 2.0);
        // σ² = ln 3 = 1.0986, μ = ln 0.05 − 0.5493; p99 = exp(μ + 2.3263·1.0481) = 0.3307 s.
        close(work.quantile(0.99), 0.3307, 1e-3);
        close(work.cdf(work.quantile(0.9)), 0.9, 1e-9);
        close(work.cv2(), 2.0, 1e-12);
    }

    #[test]
    fn means_of_cut_off_work_agree_with_sums_over_quantiles() {
        let work = ServiceTime::lognormal(0.05, 2.0);
        let cut = 0.08;
        let n = 200_000;
        let (mut below, mut capped) = (0.0, 0.0);
        for i in 0..n {
            let x = work.quantile((f64::from(i) + 0.5) / f64::from(n));
            below += if x <= cut { x } else { 0.0 };
            capped += x.min(cut);
        }
        close(work.mean_below(cut), below / f64::from(n), 1e-6);
        close(work.mean_capped(cut), capped / f64::from(n), 1e-6);
        close(work.mean_capped(f64::INFINITY), 0.05, 1e-12);
        // Constant work: all of it or the cut.
        let constant = ServiceTime::lognormal(0.05, 0.0);
        assert_eq!((constant.mean_capped(0.02), constant.mean_capped(0.08)), (0.02, 0.05));
    }

    #[test]
    fn blur_keeps_the_mean_and_widens_the_tail() {
        let work = ServiceTime::lognormal(0.05, 1.0).blurred(4.0_f64.ln());
        // (1 + 1)(1 + 3) − 1 = 7: squared variations of independent factors multiply so.
        close(work.cv2(), 7.0, 1e-9);
        close(work.mean_capped(f64::INFINITY), 0.05, 1e-12);
    }

    #[test]
    fn a_slower_box_stretches_the_whole_distribution() {
        let work = ServiceTime::lognormal(0.05, 2.0);
        close(work.scaled(2.0).quantile(0.99), 2.0 * work.quantile(0.99), 1e-12);
    }
}
