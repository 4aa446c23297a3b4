//! What can be set about cattle, and what the products of three clouds make of it.

use super::image::{ImageKind, ImageParameters};
use super::patching::CattlePatchingParameters;
use super::scaling::ScalingParameters;
use super::warm_pool::{PoolRules, PoolState, WarmPoolParameters};
use crate::catalog::Purchase;
use crate::engine::SimDuration;
use crate::parameter::{Distribution, Factor, Fraction, Named, Problem, Problems, choices, presets, section};
use crate::platform::automation::CattleAutomationParameters;
use crate::platform::commitment::CommitmentParameters;
use crate::platform::discovery::DiscoveryParameters;
use crate::platform::load_balancer::LoadBalancerParameters;
use crate::platform::rollout::{BlueGreenParameters, CanaryParameters, InPlaceParameters, Strategy};
use crate::platform::sizing::SizeParameters;

presets! {
    /// Whose groups of machines they are.
    pub enum GroupPreset {
        /// An auto scaling group of AWS behind its load balancer: the defaults.
        Aws = "aws" {},
        /// A managed instance group of Google Compute Engine with autohealing and autoscaler.
        Gce = "gce" {
            scaling.target = "60%", from "Compute Engine console default", grade Recalled;
            scaling.grow_after = "1", from "the recommended size is followed at once (understanding autoscaler decisions)", grade Verified;
            scaling.shrink_after = "1", from "the recommended size is followed at once (understanding autoscaler decisions)", grade Verified;
            scaling.shrink_below = "100%", from "no band below the target (understanding autoscaler decisions)", grade Verified;
            scaling.stabilization = "10m", from "capacity for the peak of the last 10 minutes (understanding autoscaler decisions)", grade Verified;
            scaling.warm_up = "60s", from "initialization period of the autoscaler", grade Recalled;
            health.at_once = "100%", from "autohealing recreates every unhealthy machine", grade Recalled;
            load_balancer.check_period = "5s", from "GCP health check default", grade Recalled;
            load_balancer.healthy_after = "2", from "GCP health check default", grade Recalled;
        },
        /// A virtual machine scale set of Azure with automatic repairs and rule-based autoscale.
        Azure = "azure" {
            scaling.policy = "simple", from "autoscale rules change the count by a fixed amount", grade Recalled;
            scaling.grow_after = "10", from "rules look at 10 minutes by default", grade Recalled;
            scaling.shrink_after = "10", from "rules look at 10 minutes by default", grade Recalled;
            health.grace = "10m", from "automatic repairs: PT10M, minimum and default", grade Verified;
            health.at_once = "5%", from "automatic repairs replace at most 5 % at a time", grade Recalled;
            refresh.max_healthy = "100%", from "rolling upgrades take machines out before they update them", grade Recalled;
            refresh.min_healthy = "80%", from "RollingUpgradePolicy: batches of 20 %", grade Verified;
            refresh.warm_up = "0s", from "RollingUpgradePolicy: pause PT0S", grade Verified;
            load_balancer.check_period = "5s", from "Azure load balancer probe default", grade Recalled;
            load_balancer.healthy_after = "1", from "Azure load balancer: one good probe brings a machine back", grade Recalled;
        },
    }
}

section! {
    /// Cattle: an auto scaling group of machines from a golden image for each service, behind a load balancer.
    pub struct CattleParameters by GroupPreset {
        /// Whose groups they are: other defaults for the other parameters, which win where they are given.
        preset: GroupPreset = "aws", grade Choice;
        /// How the machines are bought. Their type is chosen by prices on demand either way.
        purchase: Purchase = "on-demand", grade Choice;
        /// Machines of a group that are on demand although it is bought as spot.
        on_demand_base: u32 = 0, from "auto scaling user guide @7d90761", grade Verified;
        /// Share of the machines above that base that are on demand too.
        on_demand_share: Fraction = "0%", grade Choice;
        /// Whether a spot machine is replaced, and drained, as soon as the cloud announces that it takes it back.
        capacity_rebalancing: bool = false, from "auto scaling user guide @7d90761: off by default", grade Verified;
        load_balancer: LoadBalancerParameters, section;
        discovery: DiscoveryParameters, section;
        image: ImageParameters, section;
        /// Share of what fills a disk that nothing in an image prevents: what configuration rotates logs is the same on all machines.
        disk_fills: Fraction = "10%", from "none found: 0.01 a year of 0.1", grade Estimate;
        patching: CattlePatchingParameters, section;
        /// How long the supervisor waits before it restarts a process.
        restart_delay: SimDuration = "5s", from "systemd units commonly set RestartSec to 5 s", grade Recalled;
        /// Size of a group, as a multiple of what the peak needs, that scaling may not exceed.
        max_size: Factor = "2" in |f| f.as_f64() >= 1.0 => "at least 1", grade Choice;
        scaling: ScalingParameters, section;
        /// Which machine goes first when a group gets smaller; balance over zones goes before.
        termination: Termination = "default", from "auto scaling user guide @7d90761", grade Verified;
        /// Whether machines are moved back to a zone that has too few, a tenth of the group at a time, the new ones first.
        rebalance: bool = true, from "auto scaling user guide @7d90761: zone rebalancing", grade Verified;
        /// Age at which a machine is replaced.
        max_lifetime: Option<SimDuration>, optional in |l| l.is_none_or(|l| l >= SimDuration::from_days(1)) => "at least 1d";
        warm_pool: WarmPoolParameters, section;
        hooks: HookParameters, section;
        health: GroupHealthParameters, section;
        refresh: RefreshParameters, section;
        rollout: CattleRolloutParameters, section;
        /// Hands-on time to start taking a bad version back.
        rollback: Distribution = "lognormal(5m, 0.5)", from "none found", grade Estimate;
        upkeep: CattleUpkeepParameters, section;
        automation: CattleAutomationParameters, section;
        commitment: CommitmentParameters, section;
        /// Explicit sizes, `[platform.NAME.size.SERVICE]`; without one the smallest that keeps the latency goal at the peak.
        size: Named<SizeParameters>, sections;
    }
}

section! {
    /// How a version reaches the machines of a group.
    pub struct CattleRolloutParameters {
        /// In which way. Rolling is an instance refresh, or for machines from a thin image what `image.spread` says.
        strategy: Strategy = "rolling" in |s| *s != Strategy::ByHand => "`in-place`, `rolling`, `recreate`, `blue-green` or `canary`: nobody changes cattle by hand",
            from "instance refresh, auto scaling user guide @7d90761", grade Choice;
        in_place: InPlaceParameters, section;
        blue_green: BlueGreenParameters, section;
        canary: CanaryParameters, section;
    }
}

choices! {
    /// Which machine of a group goes first.
    pub enum Termination {
        /// The oldest image, then the one whose next hour is closest.
        Default = "default",
        /// The one that runs longest.
        OldestInstance = "oldest-instance",
        /// The one that runs shortest.
        NewestInstance = "newest-instance",
        /// The oldest image.
        OldestLaunchTemplate = "oldest-launch-template",
    }
}

section! {
    /// Lifecycle hooks: what has to be done before a machine enters service and after it left.
    pub struct HookParameters {
        /// Time between the start of a new box and its registration, for instance to load data.
        launch: SimDuration = "0s" in |d| *d <= SimDuration::from_hours(48) => "at most 48h", from "off by default", grade Verified;
        /// Time between the end of the drain of a machine and its termination, for instance to copy logs.
        terminate: SimDuration = "0s" in |d| *d <= SimDuration::from_hours(48) => "at most 48h", from "off by default", grade Verified;
        /// Time after which a machine that is not configured is given up.
        launch_timeout: SimDuration = "1h" in |d| !d.is_zero() => "more than zero", from "auto scaling user guide @7d90761: heartbeat timeout 1 h", grade Verified;
    }
}

section! {
    /// How a group finds and replaces machines that are not well.
    pub struct GroupHealthParameters {
        /// How long the checks of a machine are ignored after its first configuration.
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
        /// Share of a group that must stay in service where machines leave before others come (`max_healthy` of 100 %).
        min_healthy: Fraction = "90%", from "auto scaling user guide @7d90761", grade Verified;
        /// Size that a group may grow to meanwhile: above 100 % replacements come before old machines leave.
        max_healthy: Factor = "110%" in |f| (1.0..=2.0).contains(&f.as_f64()) => "from 100% to 200%", from "instance maintenance policies, 2023: launch before terminate", grade Recalled;
        /// Time after a replacement entered service before the next batch.
        warm_up: SimDuration = "60s", from "falls back to the health check grace period when not set; set here", grade Choice;
        /// Shares of the group at which a refresh pauses.
        checkpoints: Vec<Fraction> = "[]", from "auto scaling user guide @7d90761: off by default", grade Verified;
        /// How long such a pause is.
        checkpoint_delay: SimDuration = "1h" in |d| *d <= SimDuration::from_hours(48) => "at most 48h", from "auto scaling user guide @7d90761", grade Verified;
        /// Whether an alert on failed requests takes a version back at once, without a person.
        auto_rollback: bool = false, from "auto scaling user guide @7d90761: off by default", grade Verified;
        /// Whether machines that have the right image already stay.
        skip_matching: bool = true, from "auto scaling user guide @7d90761: on in the console", grade Verified;
    }
}

section! {
    /// Routine administration of cattle.
    pub struct CattleUpkeepParameters {
        /// For the platform: pipelines, images, modules [h/week].
        platform: f64 = "58" in |h| (0.0..=100_000.0).contains(h) => "from 0 to 100000", from "1.5 full-time engineers of 40 h a week, less the 2 h that `automation.upkeep` counts; fits 130 to 1000 servers per administrator at 200 to 2000 servers (DCK 2009); no source for small fleets", grade Estimate;
        /// For each machine [h/week].
        per_box: f64 = "0.04" in |h| (0.0..=168.0).contains(h) => "from 0 to 168", from "0.1 full-time engineers per 100 boxes; no source found", grade Estimate;
        /// For each service [h/week].
        per_service: f64 = "2" in |h| (0.0..=168.0).contains(h) => "from 0 to 168", from "0.05 full-time engineers per service; no source found", grade Estimate;
    }
}

/// What a group has to know of all that.
#[derive(Clone, Copy, Debug)]
pub(super) struct GroupRules {
    pub purchase: Purchase,
    pub on_demand_base: u32,
    pub on_demand_share: Fraction,
    pub termination: Termination,
    pub rebalance: bool,
    pub max_lifetime: Option<SimDuration>,
    pub launch_hook: SimDuration,
    pub terminate_hook: SimDuration,
    pub launch_timeout: SimDuration,
    pub pool: PoolRules,
}

impl CattleParameters {
    /// A strategy that these images do not allow, a pool of what the cloud may take back.
    pub fn check(&self, problems: &mut Problems) {
        if self.warm_pool.state != PoolState::None && self.purchase == Purchase::Spot {
            let at = self.warm_pool.place.of("state");
            let problem =
                Problem::at(at, "spot machines do not wait in a warm pool", "the group is bought as spot");
            problems.push(problem.help("leave `purchase` at `on-demand`, or `warm_pool.state` at `none`"));
        }
        if self.rollout.strategy == Strategy::InPlace && self.image.kind == ImageKind::Baked {
            let at = self.rollout.place.of("strategy");
            let problem = Problem::at(at, "machines from a baked image are not changed", "they are replaced");
            problems.push(problem.help("set `image.kind = 'thin'`, or choose another strategy"));
        }
    }

    /// Whether a version reaches machines that are there, instead of new ones.
    pub(super) fn changes_in_place(&self) -> bool {
        self.image.kind == ImageKind::Thin
            && matches!(self.rollout.strategy, Strategy::Rolling | Strategy::InPlace)
    }

    pub(super) fn rules(&self) -> GroupRules {
        GroupRules {
            purchase: self.purchase,
            on_demand_base: self.on_demand_base,
            on_demand_share: self.on_demand_share,
            termination: self.termination,
            rebalance: self.rebalance,
            max_lifetime: self.max_lifetime,
            launch_hook: self.hooks.launch,
            terminate_hook: self.hooks.terminate,
            launch_timeout: self.hooks.launch_timeout,
            pool: PoolRules {
                state: self.warm_pool.state,
                prepared: self.warm_pool.prepared,
                min: self.warm_pool.min,
            },
        }
    }
}
