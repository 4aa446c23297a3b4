//! How late callers learn of a change: groups of callers that stand for quantiles of that time.
//!
//! Each group is as late as the mean of its quantiles, so that all groups together are as late as the distribution on
//! average. Knows parameters only. Start at [`copies`].

use super::{DiscoveryKind, DiscoveryParameters, DnsParameters};
use crate::engine::SimDuration;
use crate::parameter::Distribution;
use crate::platform::load_balancer::LoadBalancerParameters;

/// Groups for one distribution of lags.
const GROUPS: usize = 4;

/// Steps in which a load balancer raises the share of a new target.
const STEPS: usize = 8;

/// Points of each group at which its quantiles are summed up.
const POINTS: usize = 64;

/// Shares of the callers with their lags behind the source; none where callers hold no copies.
pub(super) fn copies(
    p: &DiscoveryParameters,
    load_balancer: &LoadBalancerParameters,
) -> Vec<(f64, SimDuration)> {
    match p.kind {
        DiscoveryKind::LoadBalancer if load_balancer.slow_start.is_zero() => Vec::new(),
        // A straight line in steps: an eighth of the requests knows the target after half a step, and so on.
        DiscoveryKind::LoadBalancer => {
            let (share, steps) = (1.0 / STEPS as f64, STEPS as f64);
            let at = |i: usize| load_balancer.slow_start.mul_f64((i as f64 + 0.5) / steps);
            (0..STEPS).map(|i| (share, at(i))).collect()
        }
        DiscoveryKind::StaticFile => vec![(1.0, SimDuration::ZERO)],
        DiscoveryKind::Dns => of_dns(&p.dns),
        DiscoveryKind::Registry => {
            let share = 1.0 / GROUPS as f64;
            group_means(&p.registry.watch).into_iter().map(|lag| (share, lag)).collect()
        }
    }
}

/// Who keeps to the time to live has an answer of any age up to it.
fn of_dns(p: &DnsParameters) -> Vec<(f64, SimDuration)> {
    let (overrun, groups) = (p.overrun.as_f64(), GROUPS as f64);
    let keeps_to_it =
        (0..GROUPS).map(|i| ((1.0 - overrun) / groups, p.ttl.mul_f64((i as f64 + 0.5) / groups)));
    let overruns = group_means(&p.overrun_lasts).into_iter().map(|lag| (overrun / groups, lag));
    keeps_to_it.chain(overruns).filter(|(share, _)| *share > 0.0).collect()
}

/// Means over equal parts of the callers, in order.
fn group_means(lag: &Distribution) -> Vec<SimDuration> {
    let points = GROUPS * POINTS;
    let mut quantiles: Vec<f64> =
        (0..points).map(|i| lag.sample((i as f64 + 0.5) / points as f64).as_secs_f64()).collect();
    // Those of a mixture are in order within its parts only.
    quantiles.sort_by(f64::total_cmp);
    // The last point stands for a tail that is longer than it shows.
    let short = lag.mean().as_secs_f64() * points as f64 - quantiles.iter().sum::<f64>();
    *quantiles.last_mut().expect("there are points") += short.max(0.0);
    let mean = |part: &[f64]| SimDuration::from_secs_f64(part.iter().sum::<f64>() / POINTS as f64);
    quantiles.chunks(POINTS).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_as_late_on_average_as_the_distribution() {
        let p = DnsParameters::default();
        let late: f64 = of_dns(&p).iter().map(|(share, lag)| share * lag.as_secs_f64()).sum();
        // 92.5 % are late by half the time to live of 60 s; 7.5 % by the mean of the lognormal, 600·e^½ = 989 s.
        let expected = 0.925 * 30.0 + 0.075 * 600.0 * 0.5f64.exp();
        assert!((late - expected).abs() < 0.01, "{late}, not {expected}");
    }

    #[test]
    fn nobody_overruns_where_no_share_of_the_callers_does() {
        let p = DnsParameters { overrun: crate::parameter::Fraction::ZERO, ..DnsParameters::default() };
        let lags: Vec<f64> = of_dns(&p).iter().map(|(_, lag)| lag.as_secs_f64()).collect();
        assert_eq!(lags, [7.5, 22.5, 37.5, 52.5]);
    }
}
