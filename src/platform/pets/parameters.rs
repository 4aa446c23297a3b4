//! What can be set about pets.

use crate::engine::SimDuration;
use crate::parameter::{Bytes, Distribution, Fraction, Named, ScalarDistribution, choices, section};
use crate::platform::automation::PetsAutomationParameters;
use crate::platform::commitment::CommitmentParameters;
use crate::platform::discovery::DiscoveryParameters;
use crate::platform::load_balancer::LoadBalancerParameters;
use crate::platform::rollout::{CanaryParameters, InPlaceParameters, Strategy};
use crate::platform::sizing::SizeParameters;
use crate::world::Balancing;

choices! {
    /// What people do about a pet that a reboot does not bring back.
    pub enum RepairPolicy {
        /// What can be mended on the machine is; a machine that is lost is built anew by hand.
        InPlace = "in-place",
        /// The last backup of the machine is brought back to a new one.
        RestoreBackup = "restore-backup",
        /// A machine that waits ready takes its place, one for each service; the lost one is built anew in office hours.
        Standby = "standby",
        /// Whatever a restart does not cure is built anew by hand on a new machine.
        Rebuild = "rebuild",
    }
}

choices! {
    /// How fixes get onto pets.
    pub enum PatchWay {
        /// Somebody installs them, one after the other and machine by machine.
        ByHand = "by-hand",
        /// A timer on each machine installs them within a day.
        Unattended = "unattended",
    }
}

section! {
    /// Pets: machines that are built and kept by hand, with one box each unless services live together.
    pub struct PetsParameters {
        load_balancer: LoadBalancerParameters, section;
        discovery: DiscoveryParameters, section;
        /// Whether a supervisor on the machine restarts processes that die.
        supervised: bool = true, grade Choice;
        /// How long the supervisor waits before it restarts a process.
        restart_delay: SimDuration = "5s", from "systemd units commonly set RestartSec to 5 s", grade Recalled;
        /// After how many restarts within 10 s the supervisor gives up: never where each waits and starts for longer than 2 s.
        restart_limit: u32 = 5 in |&n| n > 0 => "at least 1", from "StartLimitBurst of systemd is 5, its StartLimitIntervalSec 10 s", grade Recalled;
        /// Whether anybody watches: boxes that are down and failing requests page somebody. Without it the first complaint of a user does.
        monitoring: bool = true, grade Choice;
        /// Share of failed requests that lead to a complaint which the team hears of, where nothing is monitored.
        complaints: Fraction = "0.01%", from "none found", grade Estimate;
        /// How long a box must be known as down before the person on call is paged.
        page_after: SimDuration = "3m", from "alerts wait 1-5 min", grade Derived;
        /// What is done about a pet that a reboot does not bring back.
        repair: RepairPolicy = "restore-backup", grade Choice;
        /// Time until a machine that was ordered by ticket is there. One that is missed is rented at once.
        ticket: Distribution = "lognormal(2h, 1)", from "2 h typically after improving a process that took 30 working days, 94 % of it waiting (North)", grade Derived;
        /// Hands-on time to build a machine by hand.
        build: Distribution = "lognormal(5h, 0.6)", from "between an afternoon (Leong 2010) and 40 h (Stelligent 2011)", grade Derived;
        /// Hands-on time to find out by trying what nobody wrote down about a machine that has to be built anew.
        archaeology: Distribution = "lognormal(16h, 0.8)", from "two working days; none found", grade Estimate;
        /// Hands-on time to enter a machine into the load balancer, or to let another take its address.
        edit_route: Distribution = "lognormal(10m, 0.5)", from "changing a list by hand takes 5-60 min with its push; no source found", grade Estimate;
        /// Hands-on time to bring a version to one box.
        deploy: Distribution = "uniform(15m, 30m)", from "none found", grade Estimate;
        /// Hands-on time to change the configuration of one box.
        configure: Distribution = "lognormal(5m, 0.5)", from "none found", grade Estimate;
        /// Hands-on time to take a version back on one box.
        rollback: Distribution = "lognormal(10m, 0.5)", from "none found", grade Estimate;
        /// Time until a launch that the cloud refused is tried again, or a box that is not back is looked at again.
        retry: SimDuration = "10m" in |d| *d >= SimDuration::from_secs(10) => "at least 10s", grade Choice;
        /// Hands-on time of such another look.
        look_again: Distribution = "lognormal(5m, 0.5)", from "none found", grade Estimate;
        /// Share of what fills a disk that nothing on a machine prevents: nobody set up a rotation of logs on every one.
        disk_fills: Fraction = "100%", from "none found", grade Estimate;
        rollout: PetsRolloutParameters, section;
        patching: PetsPatchingParameters, section;
        drift: DriftParameters, section;
        backup: BackupParameters, section;
        capacity: CapacityParameters, section;
        /// Routine administration of one box.
        upkeep_per_box: f64 = "2.25" in |h| (0.0..=168.0).contains(h) => "from 0 to 168 hours a week",
            from "15-20 servers per administrator (TechTarget; META Group 2002), at 17 and 40 h a week 2.35, of which patching takes 0.1 and is simulated [h/week]", grade Derived;
        automation: PetsAutomationParameters, section;
        commitment: CommitmentParameters, section;
        together: TogetherParameters, section;
        /// Explicit sizes, `[platform.NAME.size.SERVICE]`; without one the smallest that keeps the latency goal at the peak.
        size: Named<SizeParameters>, sections;
    }
}

section! {
    /// How a version reaches pets.
    pub struct PetsRolloutParameters {
        /// In which way. All but by hand are done by a tool that somebody starts.
        strategy: Strategy = "by-hand" in |s| !matches!(s, Strategy::Rolling | Strategy::BlueGreen)
            => "`by-hand`, `in-place`, `recreate` or `canary`: there is no second set of pets, and nothing replaces them", grade Choice;
        in_place: InPlaceParameters, section;
        canary: CanaryParameters, section;
    }
}

section! {
    /// How fixes of vulnerabilities get onto pets.
    pub struct PetsPatchingParameters {
        /// Who installs them.
        way: PatchWay = "by-hand", grade Choice;
        /// Time from a publication until somebody gets round to it on one machine, where fixes are installed by hand.
        delay: Distribution = "lognormal(90d, 1.53)", from "median 90 d and 18 % open after a year: Prioritization to Prediction 2 (Cyentia, Kenna)", grade Derived;
        /// Hands-on time to install a fix on a machine, or to reboot it, with a look at how it is afterwards.
        touch: Distribution = "uniform(20m, 30m)", from "none found", grade Estimate;
        /// Time from a publication until a machine that patches itself has the fix.
        timer: Distribution = "uniform(1h, 25h)", from "apt-daily.timer and apt-daily-upgrade.timer of Debian: twice a day, once a day, each with a random delay", grade Measured;
        /// Whether a machine that patches itself reboots for a new kernel as well; otherwise somebody has to.
        automatic_reboot: bool = false, from "Unattended-Upgrade::Automatic-Reboot", grade Recalled;
        /// Share of fixes installed by hand whose reboot is put off.
        reboot_deferred: Fraction = "50%", from "often; none found", grade Estimate;
        /// How long a reboot that is put off waits, and one that nobody is asked for.
        reboot_after: Distribution = "uniform(1d, 30d)", from "the next maintenance window; none found", grade Estimate;
        /// How long ago the machines of the start were built.
        age: Distribution = "uniform(0d, 1460d)", from "servers are kept for about four years; none found", grade Estimate;
    }
}

section! {
    /// Snowflakes: how machines that are kept by hand come to differ from what is written about them, and what that costs.
    pub struct DriftParameters {
        /// Differences that a pet has when the simulation begins, rounded down.
        at_start: ScalarDistribution = "uniform(0, 3)", from "a year of 0.05 to 0.1 manual changes a month; no source found", grade Estimate;
        /// Chance that a machine differs when it has just been built by hand.
        at_build: Fraction = "30%", from "none found", grade Estimate;
        /// Chance that a piece of work on a machine leaves a difference that stays.
        per_touch: Fraction = "1%", from "0.05 to 0.1 lasting changes a month at two releases a week; no source found", grade Estimate;
        /// Chance by which each difference of a machine makes a good version fail on it.
        deploy_failure: Fraction = "2%", from "none found", grade Estimate;
        /// Chance by which each difference that the lost machine had makes building it anew from what is written fail.
        rebuild_failure: Fraction = "5%", from "none found", grade Estimate;
        /// By how much each difference makes it take longer to find out what is wrong with a machine.
        slower_repair: Fraction = "10%", from "none found", grade Estimate;
    }
}

section! {
    /// Backups of whole machines, where `repair = "restore-backup"`.
    pub struct BackupParameters {
        /// Time between two backups of a machine.
        every: SimDuration = "1d" in |d| !d.is_zero() => "more than zero", grade Choice;
        /// How much of a disk is read back in a second.
        throughput: Bytes = "100MB" in |b| b.as_bytes() > 0 => "more than zero", from "none found", grade Estimate;
        /// Hands-on time to bring a backup back.
        touch: Distribution = "lognormal(20m, 0.5)", from "none found", grade Estimate;
    }
}

section! {
    /// Capacity projects: how many pets there are follows the forecast, by hand and in time.
    pub struct CapacityParameters {
        /// How often somebody compares the machines with the forecast. Longer than the run: never, so all of its peak is there from the first day.
        review: SimDuration = "91d" in |d| *d >= SimDuration::from_days(1) => "at least 1d", grade Choice;
        /// How much further than the next review the forecast is looked at, so that machines are there when they are needed.
        lead: SimDuration = "30d", grade Choice;
    }
}

section! {
    /// Several services in one machine: fewer machines, one fate.
    pub struct TogetherParameters {
        /// Groups of services that share all their machines, `[platform.NAME.together.group.NAME]`. Services that no group names have machines of their own.
        group: Named<GroupParameters>, sections;
        /// Share of a machine's upkeep and building time that each further service in it adds.
        each_more: Fraction = "50%", from "half of the administration of a box is support of its application (range published, split estimated)", grade Estimate;
    }
}

section! {
    /// Services that share their machines.
    pub struct GroupParameters {
        /// Names of the services that share their machines, two or more.
        services: Vec<String>, required in |s| s.len() >= 2 => "at least two services";
    }
}

impl PetsParameters {
    /// How requests are spread over the boxes of a service.
    pub(super) fn balancing(&self) -> Balancing {
        self.discovery.balancing(&self.load_balancer)
    }
}
