//! What the company does the same way on every platform: head-room, alerts, builds, how long a look takes.

use crate::engine::SimDuration;
use crate::parameter::{Distribution, Factor, Fraction, section};
use crate::world::ErrorAlert;

section! {
    /// Rules that the team follows on every platform.
    pub struct PracticeParameters {
        /// Capacity kept above the forecast peak.
        headroom: Factor = "30%", from "15-30 % is usual; no source found", grade Estimate;
        /// Boxes beyond what the peak with head-room needs, so that losing one changes nothing.
        spare_boxes: u32 = 1 in |&n| n <= 1_000 => "at most 1000", grade Choice;
        /// The fewest boxes of a service.
        min_boxes: u32 = 2 in |&n| (1..=100_000).contains(&n) => "from 1 to 100000", grade Choice;
        /// Machine types to choose from; each platform takes what is cheapest for it.
        machines: Vec<String> = "['m7i.large', 'm7i.xlarge', 'm7i.2xlarge', 'm7i.4xlarge']", grade Choice;
        /// Share of failed requests above which somebody is alerted.
        alert_threshold: Fraction = "2%", grade Choice;
        /// How often that share is measured.
        alert_period: SimDuration = "1m" in |d| !d.is_zero() => "more than zero", grade Choice;
        /// How long it must stay above the threshold.
        alert_hold: SimDuration = "2m", from "alerts wait 1-5 min", grade Derived;
        /// Building and testing a version until it can be brought out: a package or a container image.
        build: Distribution = "lognormal(150s, 0.5)", from "1-5 min for container images; no source found", grade Estimate;
        /// Share of versions that need something which only the machine has that they were built and tested on. Images carry most of that along.
        environment_mismatch: Fraction = "3%", from "none found", grade Estimate;
        /// Hands-on time of a person to find out what is wrong and decide what to do.
        diagnose: Distribution = "lognormal(15m, 0.8)", from "none found; part of the 126 min that an incident takes on average (PagerDuty 2021)", grade Estimate;
        /// Time after which a new version that does not come up everywhere is given up.
        rollout_deadline: SimDuration = "10m" in |d| !d.is_zero() => "more than zero",
            from "progressDeadlineSeconds of Kubernetes Deployments is 600 s", grade Verified;
    }
}

impl PracticeParameters {
    /// The alert on failed requests that every service has.
    pub fn error_alert(&self) -> ErrorAlert {
        ErrorAlert {
            threshold: self.alert_threshold.as_f64(),
            period: self.alert_period,
            hold: self.alert_hold,
        }
    }
}
