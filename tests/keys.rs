//! Every key of a scenario matters: for each there is another value that changes an outcome.
//!
//! Which values are tried follows from the default and from the examples that `explain` shows; [`SPECIAL`] names
//! those that need a value, or circumstances, of their own.

use crate::support::{Scratch, quickstart, run_with};
use boxherd::experiment::Options;
use boxherd::parameter::ParameterDoc;
use boxherd::scenario::{self, Scenario};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// A time in which everything happens.
const STORMY: [&str; 24] = [
    "run.replications=1",
    "faults.vm_crash.rate=60/year",
    "faults.vm_loss.rate=60/year",
    "faults.process_crash.rate=20/month",
    "faults.zone_outage.rate=20/year",
    "faults.rack_outage.rate=60/year",
    "faults.rack_network.rate=20/year",
    "faults.power_outage.rate=20/year",
    "faults.overheating.rate=10/year",
    "faults.slow_vm.rate=60/year",
    "faults.registry_outage.rate=300/year",
    "faults.process_crash.hang_share=30%",
    "cloud.launch_failure=10%",
    "service.shop.release.rate=5/week",
    "service.shop.release.failure_rate=50%",
    "service.partners.release.rate=5/week",
    "service.partners.release.failure_rate=50%",
    "practice.spare_boxes=0",
    "service.shop.traffic.weekly.weekend=0.5",
    "faults.bad_configuration.rate=3/week",
    "faults.bad_configuration.wrong=30%",
    "faults.cloud_api_outage.rate=60/year",
    "faults.no_capacity.rate=60/year",
    "faults.disk_full.rate=20/year",
];

/// Many nodes, of which several in a zone are silent at a time, and zones that count as large and disrupted early.
const SILENT_NODES: [&str; 5] = [
    "service.shop.traffic.rate=1500/s",
    "faults.vm_crash.rate=500/year",
    "faults.vm_crash.down=1h",
    "platform.k8s.node_lifecycle.large_zone=1",
    "platform.k8s.node_lifecycle.unhealthy_zone=15%",
];

/// A day with an event, and one with a flash crowd.
const SALE: [&str; 1] = ["service.shop.traffic.event.sale.on=['2026-01-08']"];
const CROWD: [&str; 1] = ["service.shop.traffic.flash.at=['2026-01-08T12:00']"];

/// Ten minutes in which requests are followed one by one.
const ONE_BY_ONE: [&str; 2] = ["service.shop.requests=discrete", "service.shop.requests_for=10m"];

/// Pods that leak away the memory of their nodes.
const LEAKING: [&str; 3] = [
    "service.shop.container.app.leak=400MiB/h",
    "service.partners.container.app.leak=400MiB/h",
    "service.shop.release.rate=0/week",
];

/// Containers that ask the registry at every start, and a probe that comes so late that a container may hang before it.
const ASKING: [&str; 1] = ["platform.k8s.kubelet.image_pull_policy=always"];
const LATE_PROBE: [&str; 3] = [
    "platform.k8s.probes.startup.period=6h",
    "platform.k8s.probes.startup.failure_threshold=1",
    "faults.process_crash.hang_share=100%",
];

/// Changes of configuration that are all wrong.
const WRONG: [&str; 1] = ["faults.bad_configuration.wrong=100%"];

/// Spot machines that are taken back every few days.
const SPOT: [&str; 3] = [
    "platform.cattle.purchase=spot",
    "platform.k8s.node_pool.purchase=spot",
    "faults.spot_reclaim.rate=100/year",
];

/// Nodes that change every day, and such that a budget holds back.
const UPGRADES: [&str; 1] = ["platform.k8s.node_upgrade.every=1d"];
const STUCK_UPGRADES: [&str; 2] =
    ["platform.k8s.node_upgrade.every=1d", "platform.k8s.disruption_budget.min_available=100%"];
/// Nobody watches but the users.
const BLIND: [&str; 1] = ["platform.pets.monitoring=false"];

/// Machines that differ from what is written, and are built anew.
const BUILT_BY_HAND: [&str; 3] = [
    "platform.pets.repair=rebuild",
    "platform.pets.drift.at_start=5",
    "platform.pets.drift.rebuild_failure=20%",
];
const DRIFTING: [&str; 3] = [
    "platform.pets.repair=rebuild",
    "platform.pets.drift.at_start=0",
    "platform.pets.drift.deploy_failure=100%",
];

/// Two services in the same machines, one of which changes often.
const TOGETHER: [&str; 2] =
    ["platform.pets.together.group.all.services=['shop', 'partners']", "service.shop.release.rate=2/day"];

/// A sale that small machines are ordered for in time.
const ORDERED: [&str; 3] = [
    "service.shop.traffic.event.sale.on=['2026-01-08']",
    "platform.pets.size.shop.machine=m7i.large",
    "platform.pets.capacity.lead=0s",
];
const ORDERED_EARLY: [&str; 3] = [
    "service.shop.traffic.event.sale.on=['2026-01-08']",
    "platform.pets.size.shop.machine=m7i.large",
    "platform.pets.capacity.review=1d",
];

/// Few know, nothing is written down, nobody is reached.
const IGNORANT: [&str; 3] =
    ["team.knowledge.people=1", "team.knowledge.runbooks=0%", "team.knowledge.reachable=0%"];
const IGNORANT_BUT_REACHED: [&str; 3] =
    ["team.knowledge.people=1", "team.knowledge.runbooks=0%", "team.knowledge.reachable=100%"];

/// Autoscalers whose behavior is given, in one direction or the other.
const GROWS: [&str; 1] = ["platform.k8s.hpa.scale_up.select=max"];
const GROWS_BY_ONE: [&str; 1] = ["platform.k8s.hpa.scale_up.policy.few.pods=1"];
const SHRINKS: [&str; 1] = ["platform.k8s.hpa.scale_down.select=max"];
const SHRINKS_BY_ONE: [&str; 1] = ["platform.k8s.hpa.scale_down.policy.few.pods=1"];

/// A group that follows the load by another policy.
const STEPS: [&str; 1] = ["platform.cattle.scaling.policy=step"];
const SIMPLE: [&str; 1] = ["platform.cattle.scaling.policy=simple"];
const PREDICTS: [&str; 1] = ["platform.cattle.scaling.policy=['target-tracking', 'predictive']"];
const SCHEDULED: [&str; 2] =
    ["platform.cattle.scaling.policy=scheduled", "platform.cattle.scaling.schedule.day.begins=07:00"];
/// Machines that configure themselves.
const POOLED: [&str; 1] = ["platform.cattle.warm_pool.state=stopped"];
const THIN: [&str; 1] = ["platform.cattle.image.kind=thin"];
/// A group of which several machines are replaced at a time.
const MANY: [&str; 2] = ["platform.cattle.scaling.policy=none", "platform.cattle.size.shop.boxes=30"];
const CHECKPOINT: [&str; 1] = ["platform.cattle.refresh.checkpoints=['10%']"];
const EJECTS: [&str; 2] =
    ["platform.cattle.load_balancer.ejection.failures=5", "platform.pets.load_balancer.ejection.failures=5"];
/// The same where several fail at a time.
const EJECTS_OF_MANY: [&str; 6] = [
    "platform.pets.load_balancer.ejection.failures=5",
    "platform.cattle.load_balancer.ejection.failures=5",
    "platform.pets.size.shop.boxes=30",
    "platform.cattle.size.shop.boxes=30",
    "platform.cattle.scaling.policy=none",
    "faults.process_crash.rate=200/month",
];
const SELF_RUN: [&str; 2] =
    ["platform.cattle.load_balancer.machines=2", "platform.pets.load_balancer.machines=2"];
/// A control plane that the team runs itself.
const OWN_CONTROL_PLANE: [&str; 1] = ["platform.k8s.control_plane.run_by=team"];
/// Machines that were committed to.
const COMMITTED: [&str; 3] = [
    "platform.pets.commitment.share=70%",
    "platform.cattle.commitment.share=70%",
    "platform.k8s.commitment.share=70%",
];
/// Releases by other strategies, on every platform that has them.
const IN_PLACE: [&str; 3] = [
    "platform.pets.rollout.strategy=in-place",
    "platform.cattle.rollout.strategy=in-place",
    "platform.cattle.image.kind=thin",
];
const IN_PLACE_AT_ONCE: [&str; 5] = [
    "platform.pets.rollout.strategy=in-place",
    "platform.pets.rollout.in_place.at_most=100%",
    "platform.cattle.rollout.strategy=in-place",
    "platform.cattle.rollout.in_place.at_most=100%",
    "platform.cattle.image.kind=thin",
];
const BLUE_GREEN: [&str; 2] =
    ["platform.cattle.rollout.strategy=blue-green", "platform.k8s.rollout.strategy=blue-green"];
const CANARY: [&str; 5] = [
    "platform.pets.rollout.strategy=canary",
    "platform.cattle.rollout.strategy=canary",
    "platform.k8s.rollout.strategy=canary",
    "service.shop.release.fails_to_start=0%",
    "service.shop.release.error_share=uniform(1%, 30%)",
];
/// A canary for which every difference in speed counts that is not luck.
const DOUBTFUL_CANARY: [&str; 6] = [
    "platform.pets.rollout.strategy=canary",
    "platform.cattle.rollout.strategy=canary",
    "platform.k8s.rollout.strategy=canary",
    "platform.pets.rollout.canary.slow_tolerance=0%",
    "platform.cattle.rollout.canary.slow_tolerance=0%",
    "platform.k8s.rollout.canary.slow_tolerance=0%",
];
/// A canary of cold boxes, which are slower than the others.
const SLOW_CANARY: [&str; 6] = [
    "platform.pets.rollout.strategy=canary",
    "platform.cattle.rollout.strategy=canary",
    "platform.k8s.rollout.strategy=canary",
    "service.shop.server.warm_up=2h",
    "service.shop.server.cold_speed=10%",
    "service.shop.release.failure_rate=0%",
];
/// Vulnerabilities every few hours, and nothing but fixes brings new images.
const PATCHED: [&str; 11] = [
    "service.shop.release.rate=0/week",
    "service.partners.release.rate=0/week",
    "service.mailer.release.rate=0/week",
    "vulnerabilities.system=900/year",
    "platform.cattle.patching.image_age=1d",
    "platform.k8s.patching.image_age=1d",
    "platform.k8s.patching.base_images=1d",
    "platform.pets.patching.age=30d",
    "platform.pets.patching.delay=1d",
    "platform.pets.patching.touch=5m",
    "platform.pets.patching.reboot_after=uniform(1h, 1d)",
];
const UNATTENDED: [&str; 3] = [
    "platform.pets.patching.way=unattended",
    "vulnerabilities.system=100/year",
    "platform.pets.patching.reboot_after=uniform(1h, 1d)",
];
/// Callers find boxes otherwise.
const BY_FILE: [&str; 2] =
    ["platform.pets.discovery.kind=static-file", "platform.cattle.discovery.kind=static-file"];
const BY_HAND: [&str; 4] = [
    "platform.pets.discovery.kind=static-file",
    "platform.cattle.discovery.kind=static-file",
    "platform.pets.discovery.static_file.by=hand",
    "platform.cattle.discovery.static_file.by=hand",
];
const BY_DNS: [&str; 2] = ["platform.pets.discovery.kind=dns", "platform.cattle.discovery.kind=dns"];
const SLOW_TO_REPLACE: [&str; 3] = [
    "platform.pets.discovery.kind=dns",
    "platform.cattle.discovery.kind=dns",
    "platform.cattle.health.period=1h",
];
const BY_REGISTRY: [&str; 2] =
    ["platform.pets.discovery.kind=registry", "platform.cattle.discovery.kind=registry"];
const BY_ZOOKEEPER: [&str; 4] = [
    "platform.pets.discovery.kind=registry",
    "platform.cattle.discovery.kind=registry",
    "platform.pets.discovery.registry.preset=zookeeper",
    "platform.cattle.discovery.registry.preset=zookeeper",
];
const FAILING_REGISTRY: [&str; 4] = [
    "platform.pets.discovery.kind=registry",
    "platform.cattle.discovery.kind=registry",
    "faults.discovery_outage.rate=300/year",
    "faults.discovery_outage.lasts=3h",
];
const LOST_SERVERS: [&str; 3] = [
    "platform.pets.discovery.kind=registry",
    "platform.cattle.discovery.kind=registry",
    "faults.vm_loss.rate=200/year",
];
/// A claim, of which each part is told in the manifest.
const CLAIM: [&str; 1] = ["assert=[{metric='recovery_time',comparison='<',value='10m'}]"];

/// (path, what must be set for it to matter, values to try before all others).
const SPECIAL: &[(&str, &[&str], &[&str])] = &[
    ("service.NAME.cpu_per_request", &[], &["60ms"]),
    ("service.NAME.container.NAME.memory", &[], &["40GiB"]),
    ("service.NAME.container.NAME.memory_limit", &["service.shop.container.app.leak=20MiB/h"], &["1GiB"]),
    ("service.NAME.container.NAME.leak", &[], &["20MiB/h"]),
    // A box that needs nearly all memory of its machine.
    ("cloud.os_memory", &["service.shop.container.app.memory=31000MiB"], &["6000MiB"]),
    // A group that leaves boxes alone for long enough that they may become healthy again.
    ("platform.NAME.load_balancer.healthy_after", &["platform.cattle.health.period=1h"], &[]),
    // A group large enough that more than one machine of it fails at a time.
    ("platform.NAME.health.at_once", &MANY, &["100%"]),
    ("platform.NAME.on_demand_base", &SPOT, &["1"]),
    ("platform.NAME.on_demand_share", &SPOT, &["50%"]),
    ("platform.NAME.scaling.steps", &STEPS, &["['60%: +50%', '30%: -10%']"]),
    ("platform.NAME.scaling.simple.above", &SIMPLE, &["60%"]),
    ("platform.NAME.scaling.simple.below", &SIMPLE, &["50%"]),
    ("platform.NAME.scaling.simple.by", &SIMPLE, &["2"]),
    ("platform.NAME.scaling.simple.cooldown", &SIMPLE, &["2h"]),
    ("platform.NAME.scaling.stabilization", &[], &["1h"]),
    ("platform.NAME.scaling.schedule.NAME.days", &SCHEDULED, &["['mon', 'sun']"]),
    ("platform.NAME.scaling.schedule.NAME.begins", &SCHEDULED, &["09:00"]),
    ("platform.NAME.scaling.schedule.NAME.ends", &SCHEDULED, &["22:00"]),
    ("platform.NAME.scaling.schedule.NAME.at_least", &SCHEDULED, &["70%"]),
    ("platform.NAME.scaling.predictive.ahead", &PREDICTS, &["1h"]),
    ("platform.NAME.scaling.predictive.history", &PREDICTS, &["1d"]),
    ("platform.NAME.max_lifetime", &[], &["1d"]),
    ("platform.NAME.termination", &MANY, &["newest-instance"]),
    ("platform.NAME.hooks.launch_timeout", &THIN, &["20m"]),
    ("platform.NAME.warm_pool.state", &[], &["stopped"]),
    ("platform.NAME.warm_pool.prepared", &POOLED, &["100%"]),
    ("platform.NAME.warm_pool.min", &POOLED, &["40"]),
    ("cloud.start", &POOLED, &[]),
    ("platform.NAME.image.bake_failure", &[], &["80%"]),
    ("platform.NAME.patching.image_age", &PATCHED, &["5d"]),
    ("platform.NAME.patching.touch", &PATCHED, &["1h"]),
    ("platform.NAME.patching.timer", &UNATTENDED, &["5d"]),
    ("platform.NAME.patching.automatic_reboot", &UNATTENDED, &["true"]),
    ("platform.NAME.patching.reboot_after", &UNATTENDED, &["3d"]),
    ("platform.NAME.patching.reboot_deferred", &PATCHED, &["0%", "100%"]),
    ("platform.NAME.image.install", &THIN, &["20m"]),
    ("platform.NAME.image.converge", &THIN, &["20m"]),
    ("platform.NAME.image.install_failure", &THIN, &["50%"]),
    ("platform.NAME.image.spread", &THIN, &["push"]),
    ("platform.NAME.image.run_interval", &THIN, &["3h"]),
    (
        "platform.NAME.image.forks",
        &[
            "platform.cattle.image.kind=thin",
            "platform.cattle.image.spread=push",
            "platform.cattle.size.shop.boxes=30",
        ],
        &["1"],
    ),
    ("platform.NAME.refresh.min_healthy", &["platform.cattle.refresh.max_healthy=100%"], &["10%"]),
    ("platform.NAME.refresh.max_healthy", &MANY, &["150%"]),
    ("platform.NAME.refresh.checkpoints", &[], &["['10%']"]),
    ("platform.NAME.refresh.checkpoint_delay", &CHECKPOINT, &["2h"]),
    (
        "platform.NAME.refresh.skip_matching",
        &[
            "platform.cattle.scaling.policy=none",
            "platform.cattle.size.shop.boxes=30",
            "platform.cattle.refresh.auto_rollback=true",
        ],
        &["false"],
    ),
    ("platform.NAME.rollout.strategy", &[], &["canary"]),
    ("platform.NAME.rollout.in_place.forks", &IN_PLACE_AT_ONCE, &["1"]),
    ("platform.NAME.rollout.in_place.at_most", &IN_PLACE, &["100%"]),
    ("platform.NAME.rollout.in_place.task", &IN_PLACE, &["20m"]),
    ("platform.NAME.rollout.in_place.start", &IN_PLACE, &["2h"]),
    ("platform.NAME.rollout.blue_green.test", &BLUE_GREEN, &["1h"]),
    ("platform.NAME.rollout.blue_green.keep", &BLUE_GREEN, &["5m"]),
    ("platform.NAME.rollout.blue_green.switch", &BLUE_GREEN, &["30m"]),
    ("platform.NAME.rollout.canary.steps", &CANARY, &["['5%', '50%']"]),
    ("platform.NAME.rollout.canary.watch", &CANARY, &["1h"]),
    ("platform.NAME.rollout.canary.interval", &CANARY, &["10m"]),
    ("platform.NAME.rollout.canary.significance", &DOUBTFUL_CANARY, &["99%"]),
    ("platform.NAME.rollout.canary.tolerance", &CANARY, &["90%"]),
    ("platform.NAME.rollout.canary.slow_tolerance", &SLOW_CANARY, &["100%"]),
    ("platform.NAME.image.mismatch", &["practice.environment_mismatch=100%"], &["0%"]),
    ("platform.NAME.mismatch", &["practice.environment_mismatch=100%"], &["100%"]),
    ("practice.environment_mismatch", &[], &["100%"]),
    ("platform.NAME.load_balancer.fail_open", &MANY, &["100%"]),
    ("platform.NAME.load_balancer.slow_start", &[], &["15m"]),
    ("platform.NAME.load_balancer.ejection.failures", &[], &["5"]),
    ("platform.NAME.load_balancer.ejection.counts_errors", &EJECTS, &["false"]),
    ("platform.NAME.load_balancer.ejection.timeout", &EJECTS, &["1s"]),
    ("platform.NAME.load_balancer.ejection.lasts", &EJECTS, &["5m"]),
    ("platform.NAME.load_balancer.ejection.grows", &EJECTS, &["true"]),
    ("platform.NAME.load_balancer.ejection.at_most", &EJECTS_OF_MANY, &["0%", "100%"]),
    ("platform.NAME.load_balancer.machine", &SELF_RUN, &["m7i.4xlarge"]),
    ("service.NAME.container.NAME.role", &[], &["sidecar"]),
    ("platform.NAME.kubelet.housekeeping", &LEAKING, &["5m"]),
    ("platform.NAME.kubelet.pressure_transition", &LEAKING, &["2h"]),
    ("platform.NAME.kubelet.pull_backoff", &ASKING, &["2m"]),
    ("platform.NAME.kubelet.pull_backoff_max", &ASKING, &["20s"]),
    ("platform.NAME.kubelet.pull_timeout", &ASKING, &["10m"]),
    ("platform.NAME.probes.startup.timeout", &LATE_PROBE, &["1m"]),
    ("platform.NAME.kubelet.image_pull_policy", &[], &["always"]),
    ("platform.NAME.probes.startup.initial_delay", &[], &["1m"]),
    ("platform.NAME.probes.readiness.initial_delay", &[], &["1m"]),
    ("platform.NAME.probes.liveness.initial_delay", &[], &["12h"]),
    ("name", &[], &["other"]),
    ("assert[N].platform", &CLAIM, &["pets"]),
    ("assert[N].service", &CLAIM, &["shop"]),
    ("assert[N].metric", &CLAIM, &["degraded_time"]),
    ("assert[N].statistic", &CLAIM, &["max"]),
    ("assert[N].comparison", &CLAIM, &[">="]),
    ("assert[N].value", &CLAIM, &["11m"]),
    // A single replication is too few for any precision.
    ("run.precision", &["run.max_replications=2"], &["20%"]),
    ("run.max_replications", &["run.precision=1%", "run.max_replications=3"], &["2"]),
    ("run.start", &[], &["2026-01-08"]),
    ("service.NAME.container.NAME.cpu_limit", &["service.shop.container.proxy.cpu_limit=100m"], &["300m"]),
    ("service.NAME.requests", &["service.shop.requests_for=10m"], &["discrete"]),
    ("service.NAME.requests_from", &ONE_BY_ONE, &["2h"]),
    ("service.NAME.requests_for", &ONE_BY_ONE, &["20m"]),
    ("service.NAME.server.workers", &[], &["1"]),
    ("service.NAME.server.hold", &["platform.pets.size.shop.boxes=1"], &["5"]),
    ("service.NAME.server.cancels", &["platform.pets.size.shop.boxes=1"], &["false"]),
    ("service.NAME.server.cold_speed", &["service.shop.server.warm_up=1h"], &["5%"]),
    ("service.NAME.retry.attempts", &[], &["3"]),
    ("service.NAME.retry.budget", &["service.shop.retry.attempts=3"], &["0%"]),
    ("service.NAME.retry.backoff", &["service.shop.retry.attempts=3"], &["1s"]),
    ("service.NAME.traffic.yearly.peak", &["service.shop.traffic.yearly.amplitude=0.5"], &["06-01"]),
    ("service.NAME.traffic.event.NAME.on", &SALE, &["['01-09']"]),
    ("service.NAME.traffic.event.NAME.factor", &SALE, &[]),
    ("service.NAME.traffic.event.NAME.begins", &SALE, &[]),
    ("service.NAME.traffic.event.NAME.lasts", &SALE, &[]),
    ("service.NAME.traffic.event.NAME.ramp", &SALE, &[]),
    ("service.NAME.traffic.growth.shape", &["service.shop.traffic.growth.per_year=9"], &[]),
    ("service.NAME.traffic.flash.rate", &[], &["100/year"]),
    ("service.NAME.traffic.flash.at", &[], &["['2026-01-08T12:00']"]),
    ("service.NAME.traffic.flash.factor", &CROWD, &[]),
    ("service.NAME.traffic.flash.rise", &CROWD, &[]),
    ("service.NAME.traffic.flash.plateau", &CROWD, &[]),
    ("service.NAME.traffic.flash.half_life", &CROWD, &[]),
    ("service.NAME.traffic.bursts.window", &["service.shop.traffic.bursts.dispersion=50"], &[]),
    ("service.NAME.traffic.file", &[], &["other.csv"]),
    ("service.NAME.traffic.recording.time_column", &[], &["later"]),
    ("service.NAME.traffic.recording.value_column", &[], &["doubled"]),
    ("service.NAME.traffic.recording.status_column", &[], &["status"]),
    (
        "service.NAME.traffic.recording.ok_status",
        &["service.web.traffic.recording.status_column=status"],
        &["odd"],
    ),
    ("service.NAME.traffic.recording.bucket", &[], &["1m"]),
    ("service.NAME.traffic.recording.time_zone", &[], &["+05:00"]),
    (
        "service.NAME.traffic.recording.gaps",
        &["service.web.traffic.recording.status_column=status"],
        &["zero"],
    ),
    ("platform.NAME.over_request", &["platform.k8s.requests=field"], &["3"]),
    ("platform.NAME.discovery.balancing", &BY_DNS, &["round-robin"]),
    ("platform.NAME.discovery.static_file.by", &BY_FILE, &["hand"]),
    ("platform.NAME.discovery.static_file.edit", &BY_HAND, &[]),
    ("platform.NAME.discovery.static_file.push", &BY_FILE, &[]),
    ("platform.NAME.discovery.dns.ttl", &BY_DNS, &[]),
    ("platform.NAME.discovery.dns.update", &BY_DNS, &[]),
    ("platform.NAME.discovery.dns.health_checks", &BY_DNS, &[]),
    ("platform.NAME.discovery.dns.check_period", &BY_DNS, &[]),
    ("platform.NAME.discovery.dns.unhealthy_after", &BY_DNS, &[]),
    ("platform.NAME.discovery.dns.healthy_after", &SLOW_TO_REPLACE, &["20"]),
    ("platform.NAME.discovery.dns.overrun", &BY_DNS, &[]),
    ("platform.NAME.discovery.dns.overrun_lasts", &BY_DNS, &[]),
    ("platform.NAME.discovery.registry.preset", &BY_REGISTRY, &["zookeeper"]),
    ("platform.NAME.discovery.registry.servers", &BY_REGISTRY, &["5"]),
    ("platform.NAME.discovery.registry.election", &LOST_SERVERS, &["5h"]),
    ("platform.NAME.discovery.registry.machine", &BY_REGISTRY, &["m7i.large"]),
    ("platform.NAME.discovery.registry.membership", &BY_REGISTRY, &["session"]),
    ("platform.NAME.discovery.registry.probe_period", &BY_REGISTRY, &[]),
    ("platform.NAME.discovery.registry.suspicion", &BY_REGISTRY, &[]),
    ("platform.NAME.discovery.registry.gossip_period", &BY_REGISTRY, &[]),
    ("platform.NAME.discovery.registry.check_period", &BY_REGISTRY, &[]),
    ("platform.NAME.discovery.registry.check_timeout", &BY_REGISTRY, &[]),
    ("platform.NAME.discovery.registry.session", &BY_ZOOKEEPER, &[]),
    ("platform.NAME.discovery.registry.watch", &BY_REGISTRY, &[]),
    ("platform.NAME.discovery.registry.writes_per_s", &BY_REGISTRY, &[]),
    ("platform.NAME.discovery.registry.notices_per_s", &BY_REGISTRY, &[]),
    ("platform.NAME.discovery.registry.clients", &BY_REGISTRY, &[]),
    ("platform.NAME.discovery.registry.flapping", &BY_REGISTRY, &["100/s"]),
    ("platform.NAME.discovery.registry.resync", &FAILING_REGISTRY, &["1h"]),
    ("platform.NAME.discovery.registry.fail_empty", &FAILING_REGISTRY, &["100%", "0%"]),
    ("platform.NAME.discovery.registry.drain", &BY_REGISTRY, &[]),
    ("platform.NAME.discovery.registry.replace", &LOST_SERVERS, &["5h"]),
    ("platform.NAME.discovery.registry.upkeep", &BY_REGISTRY, &[]),
    ("faults.discovery_outage.rate", &BY_REGISTRY, &["300/year"]),
    ("faults.discovery_outage.hazard", &FAILING_REGISTRY, &["weibull(0.5)"]),
    ("faults.discovery_outage.lasts", &FAILING_REGISTRY, &["5h"]),
    ("platform.NAME.complaints", &BLIND, &["0.1%"]),
    ("platform.NAME.build", &["platform.pets.repair=in-place"], &[]),
    ("platform.NAME.ticket", &["platform.pets.repair=in-place", "practice.spare_boxes=1"], &["1m"]),
    ("platform.NAME.archaeology", &BUILT_BY_HAND, &[]),
    ("platform.NAME.drift.rebuild_failure", &BUILT_BY_HAND, &["0%"]),
    ("platform.NAME.drift.at_build", &DRIFTING, &["100%"]),
    ("platform.NAME.drift.per_touch", &["platform.pets.drift.deploy_failure=20%"], &["100%"]),
    ("platform.NAME.drift.deploy_failure", &[], &["30%"]),
    ("platform.NAME.together.each_more", &TOGETHER, &["0%"]),
    ("platform.NAME.together.group.NAME.services", &TOGETHER, &["['shop', 'mailer']"]),
    ("faults.conflict.chance", &TOGETHER, &["50%"]),
    ("platform.NAME.backup.every", &["service.shop.release.failure_rate=0%"], &["3d", "1m"]),
    ("platform.NAME.capacity.review", &ORDERED, &["1d"]),
    ("platform.NAME.capacity.lead", &ORDERED_EARLY, &["0s"]),
    ("team.public_holidays", &[], &["['01-06', '01-07']"]),
    ("team.refocus", &["team.engineers=1", "team.absence.vacation_weeks=0"], &["3h"]),
    ("team.cleared_page", &["team.acknowledge_off_hours=1h"], &["1h"]),
    ("team.rota.secondaries", &["team.acknowledge_off_hours=1h"], &["0"]),
    ("team.rota.escalate_after", &["team.acknowledge_off_hours=1h"], &["5m"]),
    ("team.knowledge.people", &[], &["4"]),
    ("team.knowledge.unfamiliar", &IGNORANT, &["10"]),
    ("team.knowledge.runbooks", &IGNORANT, &["100%"]),
    ("team.knowledge.reachable", &IGNORANT, &["100%"]),
    ("team.knowledge.reach_delay", &IGNORANT_BUT_REACHED, &["1m"]),
    ("team.absence.vacation_weeks", &[], &["26", "20"]),
    ("team.absence.departures", &[], &["100/year"]),
    ("team.absence.hire", &["team.absence.departures=50/year"], &["1d"]),
    ("team.absence.learn", &["team.absence.departures=50/year", "team.absence.hire=1d"], &["1m"]),
    ("faults.human_slip.chance", &[], &["50%"]),
    ("faults.human_slip.wrong_box", &["faults.human_slip.chance=50%"], &["100%"]),
    ("platform.NAME.size.NAME.machine", &[], &["m7i.4xlarge"]),
    ("platform.NAME.node_pool.node_type", &[], &["m7i.4xlarge"]),
    // Two boxes fit a node of 8 GiB, or one, depending on what the provider keeps for itself.
    (
        "platform.NAME.node_pool.provider",
        &["platform.k8s.node_pool.node_type=m7i.large", "service.shop.container.app.memory=3000MiB"],
        &["aks"],
    ),
    ("platform.NAME.node_lifecycle.secondary_rate", &SILENT_NODES, &["1/s"]),
    ("platform.NAME.node_lifecycle.large_zone", &SILENT_NODES, &["1000"]),
    ("platform.NAME.node_lifecycle.unhealthy_zone", &SILENT_NODES, &["90%"]),
    ("platform.NAME.hpa.scale_up.stabilization", &GROWS, &["10m"]),
    ("platform.NAME.hpa.scale_up.tolerance", &GROWS, &["50%"]),
    ("platform.NAME.hpa.scale_up.select", &GROWS, &["disabled"]),
    ("platform.NAME.hpa.scale_up.policy.NAME.pods", &GROWS, &["1"]),
    ("platform.NAME.hpa.scale_up.policy.NAME.percent", &GROWS, &["10%"]),
    ("platform.NAME.hpa.scale_up.policy.NAME.period", &GROWS_BY_ONE, &["10m"]),
    ("platform.NAME.hpa.scale_down.stabilization", &SHRINKS, &["30m"]),
    ("platform.NAME.hpa.scale_down.tolerance", &SHRINKS, &["50%"]),
    ("platform.NAME.hpa.scale_down.select", &SHRINKS, &["disabled"]),
    ("platform.NAME.hpa.scale_down.policy.NAME.pods", &SHRINKS, &["1"]),
    ("platform.NAME.hpa.scale_down.policy.NAME.percent", &SHRINKS, &["10%"]),
    ("platform.NAME.hpa.scale_down.policy.NAME.period", &SHRINKS_BY_ONE, &["10m"]),
    ("platform.NAME.node_upgrade.enabled", &UPGRADES, &["false"]),
    ("platform.NAME.node_upgrade.every", &[], &["1d"]),
    ("platform.NAME.node_upgrade.max_unavailable", &UPGRADES, &["3"]),
    ("platform.NAME.node_upgrade.surge_per_zone", &UPGRADES, &["1"]),
    ("platform.NAME.node_upgrade.drain_timeout", &STUCK_UPGRADES, &["1m"]),
    ("platform.NAME.node_upgrade.touch", &UPGRADES, &["2h"]),
    ("platform.NAME.disruption_budget.max_unavailable", &UPGRADES, &["100%"]),
    ("platform.NAME.disruption_budget.min_available", &UPGRADES, &["1"]),
    (
        "platform.NAME.cluster_autoscaler.eviction_time",
        &[
            "platform.k8s.node_pool.node_type=m7i.2xlarge",
            "platform.k8s.cluster_autoscaler.utilization=90%",
            "platform.k8s.cluster_autoscaler.unneeded_after=1m",
            "service.shop.traffic.rate=600/s",
        ],
        &["1s"],
    ),
    ("platform.NAME.cluster_autoscaler.backoff_max", &["cloud.launch_failure=70%"], &["5m"]),
    ("platform.NAME.automation.upkeep", &[], &["50%"]),
    ("platform.NAME.automation.team", &[], &["3"]),
    ("platform.NAME.commitment.share", &[], &["70%"]),
    ("platform.NAME.commitment.spend", &[], &["$0.2/h"]),
    ("platform.NAME.commitment.discount", &COMMITTED, &["50%"]),
    ("platform.NAME.control_plane.run_by", &[], &["team"]),
    ("platform.NAME.control_plane.machines", &OWN_CONTROL_PLANE, &["5"]),
    ("platform.NAME.control_plane.machine", &OWN_CONTROL_PLANE, &["m5.xlarge"]),
    ("platform.NAME.control_plane.upkeep", &OWN_CONTROL_PLANE, &["10"]),
    ("platform.NAME.control_plane.upgrades", &OWN_CONTROL_PLANE, &["1/year"]),
    ("platform.NAME.control_plane.upgrade_effort", &OWN_CONTROL_PLANE, &["10"]),
    ("faults.bad_configuration.wrong", &[], &["100%"]),
    ("faults.bad_configuration.everywhere", &WRONG, &["100%"]),
    ("faults.bad_configuration.fails_to_start", &WRONG, &["100%"]),
    ("faults.bad_configuration.error_share", &WRONG, &["uniform(1%, 10%)"]),
    ("platform.NAME.configure", &WRONG, &["1h"]),
    ("platform.NAME.image.fetch_configuration", &WRONG, &["20m"]),
    ("practice.machines", &[], &["['m7i.4xlarge']"]),
    ("faults.spot_reclaim.rate", &SPOT, &["300/year"]),
    ("faults.spot_reclaim.hazard", &SPOT, &["weibull(0.5)"]),
    ("faults.spot_reclaim.notice", &SPOT, &["30s"]),
    ("platform.NAME.capacity_rebalancing", &SPOT, &["true"]),
    ("platform.NAME.node_pool.drain_on_notice", &SPOT, &["false"]),
    // The price list of Azure says nothing about spot.
    (
        "prices.spot_saving",
        &["platform.cattle.purchase=spot", "practice.machines=['Standard_D4s_v5']"],
        &["10%"],
    ),
];

/// A recording with all that its keys are about: two clocks, two columns of numbers, a status.
const RECORDED: &str = r#"
[service.web]
cpu_per_request = "40ms"
traffic.file = "traffic.csv"
traffic.recording.gaps = "hold"

[service.web.container.app]
cpu = "500m"

[platform.pets]
kind = "pets"
"#;

/// Eighteen hours in rows of five minutes, each a bit higher than the one before; the second clock is six hours late.
fn recording(factor: u32) -> String {
    let mut text = "timestamp,value,doubled,later,status\n".to_owned();
    for row in 0..18 * 12 {
        let (value, hour, minute) = (1_000 + 10 * row * factor, row / 12, row % 12 * 5);
        let (doubled, later) = (2 * value, hour + 6);
        let status = if row % 2 == 0 { "ok" } else { "odd" };
        let (this, other) = (format!("{hour:02}:{minute:02}"), format!("{later:02}:{minute:02}"));
        writeln!(text, "2026-01-05T{this}:00Z,{value},{doubled},2026-01-05T{other}:00Z,{status}")
            .expect("a String grows");
    }
    text
}

/// Threads that share the keys.
const SHARES: usize = 4;

/// Where a key is tried out.
struct Bench {
    scratch: Scratch,
    /// Name of the first platform of each kind.
    platforms: BTreeMap<String, String>,
    /// What came out without the key, by the overrides and platforms it was run with.
    known: BTreeMap<String, String>,
}

impl Bench {
    fn new() -> Bench {
        let scratch = Scratch::new("keys");
        scratch.write("traffic.csv", &recording(1));
        scratch.write("other.csv", &recording(2));
        let mut platforms = BTreeMap::new();
        for (name, platform) in quickstart(&[]).parameters.platform.iter() {
            platforms.entry(platform.kind().name().to_owned()).or_insert(name.to_owned());
        }
        Bench { scratch, platforms, known: BTreeMap::new() }
    }

    fn load(&self, recorded: bool, length: &str, overrides: &[String]) -> Option<Scenario> {
        let (text, storm) =
            if recorded { (RECORDED, &STORMY[..10]) } else { (scenario::QUICKSTART, &STORMY[..]) };
        let storm = storm.iter().copied().map(str::to_owned).chain([format!("run.length={length}")]);
        let all: Vec<String> = storm.chain(overrides.iter().cloned()).collect();
        scenario::load_text("keys.toml", text.as_bytes(), self.scratch.path(), &all).ok()
    }

    /// Everything that a run leaves behind, but for the texts that it was given.
    fn outcome(&mut self, recorded: bool, stage: &Stage, overrides: &[String]) -> Option<String> {
        let key = format!("{recorded} {stage:?} {overrides:?}");
        if let Some(known) = self.known.get(&key) {
            return Some(known.clone());
        }
        let scenario = self.load(recorded, stage.length, overrides)?;
        let options = Options { jobs: Some(1), platforms: stage.platforms.clone() };
        let mut results = run_with(&scenario, options);
        results.manifest.overrides.clear();
        let outcome = format!("{results:?}");
        self.known.insert(key, outcome.clone());
        Some(outcome)
    }

    /// Why the key seems to have no effect, if it has none.
    fn fault(&mut self, doc: &ParameterDoc) -> Option<String> {
        let special = SPECIAL.iter().find(|(path, _, _)| *path == doc.path);
        let (extra, first) = special.map_or((&[][..], &[][..]), |(_, extra, first)| (*extra, *first));
        let recorded =
            doc.path.starts_with("service.NAME.traffic.recording") || doc.path.ends_with("traffic.file");
        let kind = doc.when.as_deref().and_then(|when| when.split('"').nth(1));
        let Some(platform) = self.platforms.get(kind.unwrap_or("pets")).cloned() else {
            return Some(format!("no platform of the quickstart is {}", kind.unwrap_or_default()));
        };
        let service = if recorded { "web" } else { "shop" };
        let path = doc
            .path
            .replace("platform.NAME", &format!("platform.{platform}"))
            .replace("service.NAME", &format!("service.{service}"))
            .replace("container.NAME", "container.app")
            .replace("event.NAME", "event.sale")
            .replace("policy.NAME", "policy.few")
            .replace("group.NAME", "group.all")
            .replace("schedule.NAME", "schedule.day")
            .replace("size.NAME", &format!("size.{service}"))
            .replace("assert[N]", "assert[0]");
        let extra: Vec<String> = extra.iter().map(|&o| o.to_owned()).collect();
        let values: Vec<String> = first.iter().map(|&c| c.to_owned()).chain(candidates(doc)).collect();
        let mut tried = Vec::new();
        for stage in stages(platform, kind.is_some()) {
            tried.clear();
            let before = self.outcome(recorded, &stage, &extra).expect("the circumstances are valid");
            for candidate in &values {
                let mut overrides = extra.clone();
                overrides.push(format!("{path}={candidate}"));
                let Some(after) = self.outcome(recorded, &stage, &overrides) else { continue };
                self.known.remove(&format!("{recorded} {stage:?} {overrides:?}"));
                if after != before {
                    return None;
                }
                tried.push(candidate.as_str());
            }
        }
        Some(match tried.as_slice() {
            [] => "no other value is known: give one in SPECIAL".to_owned(),
            _ => format!("same outcome with {}", tried.join(", ")),
        })
    }
}

/// How much of the storm a key is tried in. A difference that shows in a part of it is one.
#[derive(Debug)]
struct Stage {
    length: &'static str,
    /// Empty for all.
    platforms: Vec<String>,
}

/// From what is quick to the whole of it: four days (with the sale and the crowd of the eighth of January) of one
/// platform, then the week and a half, on all platforms unless the key is about that one.
fn stages(platform: String, alone: bool) -> [Stage; 2] {
    let all = if alone { vec![platform.clone()] } else { Vec::new() };
    [Stage { length: "4d", platforms: vec![platform] }, Stage { length: "10d", platforms: all }]
}

/// Other values than the default: a tenth, half, double and ten times it, then what `explain` shows as examples.
fn candidates(doc: &ParameterDoc) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(default) = doc.default {
        let start = default.find(|c: char| c.is_ascii_digit()).unwrap_or(0);
        let rest = &default[start..];
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        if let Ok(number) = rest[..end].parse::<f64>() {
            let scaled = [2.0, 0.5, 10.0, 0.1, 0.0].map(|factor| number * factor);
            found.extend(scaled.map(|number| format!("{}{number}{}", &default[..start], &rest[end..])));
        }
        found.push(if default == "true" { "false".to_owned() } else { "true".to_owned() });
    }
    found.extend(doc.expected.split('`').skip(1).step_by(2).map(str::to_owned));
    found.extend(
        ["1", "3", "7", "20%", "5m", "30m", "3h", "2d", "0.5", "05:00", "$99/h", "12/h", "3GiB"]
            .map(str::to_owned),
    );
    found.retain(|value| doc.default != Some(value.as_str()) && (doc.accepts)(value).is_ok());
    found
}

#[test]
fn every_key_has_an_effect() {
    let docs = scenario::describe();
    assert!(docs.len() > 80);
    let faults_of_share = &|share: usize| {
        let mut bench = Bench::new();
        let docs = docs.iter().skip(share).step_by(SHARES);
        let faults = docs.filter_map(|doc| {
            let when = doc.when.as_deref().map_or(String::new(), |when| format!(" ({when})"));
            bench.fault(doc).map(|fault| format!("{}{when}: {fault}", doc.path))
        });
        faults.collect::<Vec<String>>()
    };
    let faults: Vec<String> = std::thread::scope(|scope| {
        let shares: Vec<_> = (0..SHARES).map(|share| scope.spawn(move || faults_of_share(share))).collect();
        shares.into_iter().flat_map(|share| share.join().expect("it tells what is wrong")).collect()
    });
    assert!(faults.is_empty(), "keys without effect:\n  {}", faults.join("\n  "));
}

#[test]
fn the_table_of_special_keys_has_no_stale_line() {
    let docs = scenario::describe();
    for (path, _, _) in SPECIAL {
        assert!(docs.iter().any(|doc| doc.path == *path), "{path} is no key");
    }
}

#[test]
fn the_folder_of_a_recording_is_that_of_its_scenario() {
    let scratch = Scratch::new("recording-folder");
    scratch.write("traffic.csv", &recording(1));
    let text = RECORDED.as_bytes();
    assert!(scenario::load_text("keys.toml", text, scratch.path(), &[]).is_ok());
    assert!(scenario::load_text("keys.toml", text, Path::new("/nowhere"), &[]).is_err());
}
