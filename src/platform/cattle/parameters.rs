//! What can be set about cattle.

use crate::engine::SimDuration;
use crate::parameter::{Distribution, Factor, Fraction, Named, section};
use crate::platform::load_balancer::LoadBalancerParameters;
use crate::platform::sizing::SizeParameters;
use crate::world::Purchase;

section! {
    /// Cattle: an auto scaling group of machines from a golden image for each service, behind a load balancer.
    pub struct CattleParameters {
        /// How the machines are bought. Their type is chosen by prices on demand either way.
        purchase: Purchase = "on-demand", grade Choice;
        /// Whether a spot machine is replaced, and drained, as soon as the cloud announces that it takes it back.
        capacity_rebalancing: bool = false, from "auto scaling user guide @7d90761: off by default", grade Verified;
        load_balancer: LoadBalancerParameters, section;
        /// Time to bake a machine image with a new version, after the build.
        bake: Distribution = "lognormal(600s, 0.35)", from "8-10 min for EBS-backed images (Netflix Aminator 2013); about 10 min with Packer (sebolabs)", grade Verified;
        /// Time for the last configuration of a machine at its first boot.
        configure: Distribution = "lognormal(20s, 0.4)", from "none found for fully baked images", grade Estimate;
        /// How long the supervisor waits before it restarts a process.
        restart_delay: SimDuration = "5s", from "systemd units commonly set RestartSec to 5 s", grade Recalled;
        /// Size of a group, as a multiple of what the peak needs, that scaling may not exceed.
        max_size: Factor = "2" in |f| f.as_f64() >= 1.0 => "at least 1", grade Choice;
        scaling: ScalingParameters, section;
        health: GroupHealthParameters, section;
        refresh: RefreshParameters, section;
        /// Hands-on time to start taking a bad version back.
        rollback: Distribution = "lognormal(5m, 0.5)", from "none found", grade Estimate;
        upkeep: CattleUpkeepParameters, section;
        /// Explicit sizes, `[platform.NAME.size.SERVICE]`; without one the smallest that keeps the latency goal at the peak.
        size: Named<SizeParameters>, sections;
    }
}

section! {
    /// Target tracking as AWS auto scaling groups do it.
    pub struct ScalingParameters {
        /// Whether groups follow the load; otherwise they stay at the size for the peak.
        enabled: bool = true, grade Choice;
        /// CPU utilization that groups are held at.
        target: Fraction = "50%" in |t| t.as_f64() > 0.0 => "more than zero", from "public examples use 40-50 %", grade Verified;
        /// Period of the metric.
        period: SimDuration = "1m" in |d| *d >= SimDuration::from_secs(1) && *d <= SimDuration::from_mins(30)
            => "from 1s to 30m", from "detailed monitoring of EC2", grade Verified;
        /// How late a value of the metric is.
        lag: SimDuration = "1m" in |d| *d <= SimDuration::from_mins(30) => "at most 30m", from "alarms see a minute's value about a minute later; recalled", grade Recalled;
        /// Values above the target in a row before a group grows.
        grow_after: u32 = 3 in |&n| (1..=120).contains(&n) => "from 1 to 120", from "AlarmHigh of target tracking: 3 datapoints in 3 min", grade Verified;
        /// Values below the lower threshold in a row before a group shrinks.
        shrink_after: u32 = 15 in |&n| (1..=120).contains(&n) => "from 1 to 120", from "AlarmLow of target tracking: 15 datapoints in 15 min", grade Verified;
        /// The lower threshold, relative to the target.
        shrink_below: Fraction = "70%", from "AlarmLow of target tracking on EC2 groups: 0.7 of the target", grade Verified;
        /// Time after entering service before a machine counts in the metric.
        warm_up: SimDuration = "60s", from "AWS strongly recommends to set one; the value depends on the application", grade Choice;
    }
}

section! {
    /// How a group finds and replaces machines that are not well.
    pub struct GroupHealthParameters {
        /// How long a new machine's checks are ignored.
        grace: SimDuration = "300s", from "auto scaling user guide @7d90761, console default", grade Verified;
        /// How often the group looks for unhealthy machines.
        period: SimDuration = "60s" in |d| !d.is_zero() => "more than zero", from "unpublished", grade Estimate;
        /// Share of a group that may be replaced at a time; at least one machine.
        at_once: Fraction = "10%", from "auto scaling user guide @7d90761", grade Verified;
    }
}

section! {
    /// Instance refresh: how a new image reaches a group.
    pub struct RefreshParameters {
        /// Share of a group that must stay in service meanwhile.
        min_healthy: Fraction = "90%", from "auto scaling user guide @7d90761", grade Verified;
        /// Whether replacements are launched before old machines are terminated (maximum healthy share above 100 %).
        launch_first: bool = true, from "instance maintenance policies, 2023", grade Recalled;
        /// Time after a replacement entered service before the next batch.
        warm_up: SimDuration = "60s", from "falls back to the health check grace period when not set; set here", grade Choice;
    }
}

section! {
    /// Routine administration of cattle.
    pub struct CattleUpkeepParameters {
        /// For the platform: pipelines, images, modules [h/week].
        platform: f64 = "60" in |h| (0.0..=100_000.0).contains(h) => "from 0 to 100000", from "1.5 full-time engineers of 40 h a week; fits 130 to 1000 servers per administrator at 200 to 2000 servers (DCK 2009); no source for small fleets", grade Estimate;
        /// For each machine [h/week].
        per_box: f64 = "0.04" in |h| (0.0..=168.0).contains(h) => "from 0 to 168", from "0.1 full-time engineers per 100 boxes; no source found", grade Estimate;
        /// For each service [h/week].
        per_service: f64 = "2" in |h| (0.0..=168.0).contains(h) => "from 0 to 168", from "0.05 full-time engineers per service; no source found", grade Estimate;
    }
}
