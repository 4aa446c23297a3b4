//! Physics by direction, the long list: for every physical parameter that theory ties to a metric, two values and the
//! way in which the metric must go.
//!
//! What needs more than a direction (how much, and how much not) is in [`crate::metamorphic`]. Same seed and same
//! weather on both sides, so no line rests on luck. Start at [`Line`].

use crate::metamorphic::{ALL, CROWD, OVERLOAD, PETS, QUIET, WEB};
use crate::support::{run_with, scenario, value};
use Moves::{Down, Up};
use boxherd::experiment::Options;

/// Which way a metric goes when a parameter goes from its first to its second value.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moves {
    Up,
    Down,
}

/// One parameter, and what theory says of it.
#[derive(Clone, Copy)]
struct Line {
    key: &'static str,
    values: [&'static str; 2],
    metric: &'static str,
    moves: Moves,
    /// Platforms for which it is said.
    on: &'static [&'static str],
    /// What else must be so for it to matter.
    given: &'static [&'static [&'static str]],
    because: &'static str,
}

const CATTLE: &[&str] = &["cattle"];
const K8S: &[&str] = &["k8s"];
const VMS: &[&str] = &["pets", "cattle"];
const AUTOMATIC: &[&str] = &["cattle", "k8s"];

const LOSSES: &[&str] = &["faults.vm_loss.rate=100/year", "service.web.release.rate=0/week"];
/// Trouble of which the console shows nothing.
const FULL_DISKS: &[&str] = &["faults.disk_full.rate=20/month", "service.web.release.rate=0/week"];
const CRASHES: &[&str] = &["faults.vm_crash.rate=200/year", "service.web.release.rate=0/week"];
const LONG_CRASHES: &[&str] = &["faults.vm_crash.down=2h"];
const RESTARTS: &[&str] = &["faults.process_crash.rate=40/month", "service.web.release.rate=0/week"];
const RELEASES: &[&str] = &["service.web.release.rate=5/week"];
/// A refresh that never has more machines than are wanted.
const LEAVE_FIRST: &[&str] = &["platform.cattle.refresh.max_healthy=100%"];
const BAD: &[&str] = &["service.web.release.failure_rate=60%"];
const ERRORS: &[&str] = &["service.web.release.fails_to_start=0%", "service.web.release.error_share=40%"];
const STILLBORN: &[&str] = &["service.web.release.fails_to_start=100%"];
const LAUNCHES_FAIL: &[&str] = &["cloud.launch_failure=50%"];
const RETRIES: &[&str] = &["service.web.retry.attempts=2"];
const COLD: &[&str] = &["service.web.server.warm_up=1h"];
const LEAKS: &[&str] =
    &["service.web.container.app.leak=20MiB/h", "service.web.container.app.memory_limit=1GiB"];
const SLOW: &[&str] = &["faults.slow_vm.rate=50/year", "faults.slow_vm.lasts=12h"];
const RACKS: &[&str] = &["faults.rack_outage.rate=20/year"];
const LOSSY: &[&str] = &["faults.rack_network.rate=20/year"];
const POWER: &[&str] = &["faults.power_outage.rate=20/year"];
const HEAT: &[&str] = &["faults.overheating.rate=20/year"];
const ZONES: &[&str] = &["faults.zone_outage.rate=20/year"];
const SPOT: &[&str] = &[
    "platform.cattle.purchase=spot",
    "platform.k8s.node_pool.purchase=spot",
    "faults.spot_reclaim.rate=10/month",
];
const TWELVE: &[&str] = &["platform.pets.size.web.boxes=12", "platform.pets.size.web.machine=m7i.large"];
const TIGHT: &[&str] = &["platform.pets.size.web.boxes=2", "platform.pets.size.web.machine=m7i.large"];
const SALE: &[&str] = &["service.web.traffic.event.sale.on=['2026-01-08']"];
const REBUILD: &[&str] = &["platform.pets.repair=rebuild"];
const STRANGERS: &[&str] = &[
    "platform.pets.repair=rebuild",
    "team.knowledge.people=1",
    "team.knowledge.runbooks=0%",
    "team.knowledge.reachable=0%",
];
const OWN_CONTROL_PLANE: &[&str] = &["platform.k8s.control_plane.run_by=team"];
/// A second service in the machines of the first.
const TOGETHER: &[&str] = &[
    "service.mail.cpu_per_request=40ms",
    "service.mail.traffic.rate=5/s",
    "service.mail.container.app.cpu=500m",
    "platform.pets.together.group.all.services=['web', 'mail']",
];
const WRONG: &[&str] = &["faults.bad_configuration.rate=3/week", "faults.bad_configuration.wrong=100%"];
const SLIPS: &[&str] = &["faults.human_slip.chance=20%"];

const BY_DNS: &[&str] = &["platform.cattle.discovery.kind=dns"];
const BY_REGISTRY: &[&str] = &["platform.cattle.discovery.kind=registry"];
const SERVERS_CRASH: &[&str] = &["faults.vm_crash.rate=300/year", "faults.vm_crash.down=3h"];
const REGISTRY_FAILS: &[&str] = &["faults.discovery_outage.rate=100/year"];

#[rustfmt::skip]
const REQUESTS: &[Line] = &[
    line("service.web.cpu_variation", ["1", "4"], "latency_p99", Up, &PETS, &[&QUIET, TWELVE], "the tail of lognormal work is longer, the mean is not"),
    line("service.web.server.cold_speed", ["20%", "80%"], "latency_p99", Down, &PETS, &[RESTARTS, COLD], "a box that has just started works faster"),
    line("service.web.retry.budget", ["2%", "50%"], "availability", Up, VMS, &[CRASHES, RETRIES], "more of the requests that met a dead box may meet another"),
    line("service.web.retry.backoff", ["100ms", "1s"], "within_goal", Down, &ALL, &[CRASHES, RETRIES], "what is repeated after a second misses a goal of half a second"),
    line("service.web.container.app.memory_use", ["40%", "80%"], "memory_used", Up, &ALL, &[&QUIET], "the same boxes hold twice as much"),
    line("service.web.container.app.memory", ["512MiB", "1GiB"], "memory_used", Up, &PETS, &[&QUIET], "the same share of twice as much"),
    line("service.web.container.app.leak", ["15MiB/h", "60MiB/h"], "out_of_memory_kills", Up, &ALL, &[&QUIET, LEAKS], "the room below the limit is used up in a quarter of the time"),
    line("service.web.container.app.memory_limit", ["600MiB", "1500MiB"], "out_of_memory_kills", Down, &ALL, &[&QUIET, LEAKS], "more room takes longer to leak away"),
    line("service.web.traffic.diurnal.amplitude", ["0.2", "0.8"], "utilization", Down, &PETS, &[&QUIET, &["practice.machines=['m7i.large']"]], "the mean is the same, and machines are for the peak"),
    line("service.web.traffic.weekly.weekend", ["1", "0.5"], "utilization", Down, &PETS, &[&QUIET, &["practice.machines=['m7i.large']", "run.length=2w"]], "the mean is the same, and machines are for the working days"),
    line("service.web.traffic.yearly.amplitude", ["0.1", "0.5"], "utilization", Down, &PETS, &[&QUIET, TWELVE, &["service.web.traffic.yearly.peak=07-01"]], "January is far from the peak"),
    line("service.web.traffic.growth.per_year", ["1", "9"], "utilization", Up, &PETS, &[&QUIET, TWELVE], "more requests on the same machines"),
    line("service.web.traffic.event.sale.factor", ["2", "6"], "availability", Down, &PETS, &[&QUIET, TIGHT, SALE], "more of the sale is beyond what two boxes can do"),
    line("service.web.traffic.event.sale.lasts", ["6h", "1d"], "availability", Down, &PETS, &[&QUIET, TIGHT, SALE], "the overload lasts longer"),
    line("service.web.traffic.flash.factor", ["3", "9"], "availability", Down, &PETS, &[&QUIET, TIGHT, CROWD], "more of the crowd is beyond what two boxes can do"),
    line("service.web.traffic.flash.plateau", ["10m", "2h"], "availability", Down, &PETS, &[&QUIET, TIGHT, CROWD], "the overload lasts longer"),
    line("service.web.traffic.flash.half_life", ["10m", "2h"], "availability", Down, &PETS, &[&QUIET, TIGHT, CROWD], "the crowd leaves more slowly"),
    line("service.web.traffic.flash.rate", ["20/year", "200/year"], "availability", Down, &PETS, &[&QUIET, TIGHT], "there are more crowds"),
    line("service.web.traffic.bursts.dispersion", ["1", "80"], "within_goal", Down, &PETS, &[&QUIET, TIGHT], "waits are convex in the load"),
    line("service.web.container.app.image_base", ["10%", "95%"], "release_duration", Down, K8S, &[RELEASES, &["platform.k8s.kubelet.pull_throughput=5MB"]], "more of a new image is there already"),
    line("service.web.release.rate", ["1/week", "5/week"], "mixed_version_minutes", Up, &ALL, &[], "each release is a time with two versions"),
    line("service.web.release.fails_to_start", ["10%", "90%"], "bad_release_requests", Down, &ALL, &[RELEASES, BAD], "a box that does not start answers nothing wrongly"),
    line("service.web.release.error_share", ["30%", "90%"], "bad_release_requests", Up, &ALL, &[RELEASES, BAD, &["service.web.release.fails_to_start=0%"]], "each request that a bad box gets is more likely to fail"),
    line("service.web.container.app.cpu", ["500m", "1500m"], "boxes_ready", Down, K8S, &[&QUIET], "the autoscaler aims at a share of what is requested"),
    line("service.web.container.app.cpu_limit", ["600m", "1000m"], "latency_p99", Down, K8S, &[&QUIET, &["service.web.latency_goal=900ms", "platform.k8s.hpa.enabled=false"]], "one request can use more of a core"),
    line("service.web.latency_quantile", ["90%", "99.9%"], "cost_compute", Up, &PETS, &[&QUIET, &["practice.machines=['m7i.large']", "service.web.latency_goal=1s"]], "more of the requests must be fast"),
    line("service.web.availability_goal", ["90%", "99.99%"], "minutes_below_slo", Up, &ALL, &[CRASHES], "more minutes are not good enough"),
    line("service.web.server.cancels", ["true", "false"], "cpu_wasted", Up, &PETS, &[&QUIET, &OVERLOAD], "boxes work for callers who have left"),
    line("service.web.traffic.event.sale.ramp", ["10m", "12h"], "utilization", Up, &PETS, &[&QUIET, TWELVE, SALE], "the sale begins earlier and ends later"),
    line("service.web.traffic.flash.rise", ["1m", "2h"], "within_goal", Up, CATTLE, &[&QUIET, CROWD], "a crowd that comes slowly can be followed"),
    line("service.web.traffic.growth.shape", ["exponential", "linear"], "utilization", Up, &PETS, &[&QUIET, TWELVE, &["service.web.traffic.growth.per_year=9"]], "a straight line lies above the curve through its ends"),
    line("service.web.traffic.bursts.window", ["15s", "10m"], "within_goal", Up, &PETS, &[&QUIET, TIGHT, &["service.web.traffic.bursts.dispersion=80"]], "as much dispersion of more requests is less of the rate"),
];

#[rustfmt::skip]
const FAULTS: &[Line] = &[
    line("faults.discovery_outage.rate", ["50/year", "500/year"], "discovery_down", Up, CATTLE, &[BY_REGISTRY], "the registry fails ten times as often"),
    line("faults.discovery_outage.lasts", ["10m", "3h"], "discovery_down", Up, CATTLE, &[BY_REGISTRY, REGISTRY_FAILS], "each failure lasts longer"),
    line("faults.vm_loss.rate", ["50/year", "200/year"], "incidents_per_month", Up, &ALL, &[], "four times as many machines are lost"),
    line("faults.vm_crash.rate", ["50/year", "200/year"], "incidents_per_month", Up, &ALL, &[], "four times as many machines go down"),
    line("faults.vm_crash.down", ["1m", "20m"], "recovery_time", Up, &["pets", "k8s"], &[CRASHES], "who waits for the machine waits longer"),
    line("faults.slow_vm.rate", ["10/year", "100/year"], "latency_p99", Up, &PETS, &[&QUIET], "more boxes are slow"),
    line("faults.slow_vm.lasts", ["2h", "2d"], "degraded_time", Up, &ALL, &[SLOW], "nobody sees the cause before it is over"),
    line("faults.slow_vm.speed", ["10%", "80%"], "latency_p99", Down, &PETS, &[&QUIET, SLOW], "a slow machine is less slow"),
    line("faults.rack_outage.rate", ["5/year", "50/year"], "incidents_per_month", Up, &PETS, &[], "racks fail more often"),
    line("faults.rack_outage.down", ["30m", "8h"], "replica_deficit", Up, &PETS, &[RACKS], "the machines are away for longer"),
    line("faults.rack_network.rate", ["5/year", "50/year"], "incidents_per_month", Up, &PETS, &[], "networks fail more often"),
    line("faults.rack_network.lasts", ["30m", "8h"], "requests_to_dead_boxes", Up, &PETS, &[LOSSY], "it takes longer until the network is well"),
    line("faults.rack_network.loss", ["20%", "80%"], "requests_to_dead_boxes", Up, &PETS, &[LOSSY, &["platform.pets.load_balancer.unhealthy_after=10"]], "more of the time nothing comes through"),
    line("faults.power_outage.rate", ["5/year", "50/year"], "incidents_per_month", Up, &PETS, &[], "power fails more often"),
    line("faults.power_outage.down", ["1h", "12h"], "replica_deficit", Up, &PETS, &[POWER], "the machines are away for longer"),
    line("faults.overheating.rate", ["5/year", "50/year"], "incidents_per_month", Up, &PETS, &[], "a room overheats more often"),
    line("faults.overheating.share", ["20%", "100%"], "incidents_per_month", Up, &PETS, &[HEAT], "each time takes more machines"),
    line("faults.overheating.down", ["2h", "2d"], "replica_deficit", Up, &PETS, &[HEAT], "the machines are away for longer"),
    line("faults.zone_outage.rate", ["5/year", "50/year"], "incidents_per_month", Up, &ALL, &[], "zones fail more often"),
    line("faults.zone_outage.down", ["30m", "8h"], "replica_deficit", Up, &PETS, &[ZONES], "the machines are away for longer"),
    line("faults.spot_reclaim.rate", ["2/month", "20/month"], "churn", Up, AUTOMATIC, &[SPOT], "machines are taken back more often"),
    line("cloud.start", ["20%", "300%"], "recovery_time", Up, CATTLE, &[LOSSES, &["platform.cattle.warm_pool.state=stopped"]], "what waits stopped takes longer to be started"),
    line("cloud.launch_failure", ["1%", "60%"], "recovery_time", Up, CATTLE, &[LOSSES], "more launches have to be repeated; pods of a lost node mostly fit on others"),
    line("cloud.launch_failure_delay", ["5s", "10m"], "recovery_time", Up, CATTLE, &[LOSSES, LAUNCHES_FAIL], "a failed launch is known later"),
    line("cloud.reboot", ["30s", "10m"], "recovery_time", Up, &PETS, &[CRASHES, LONG_CRASHES], "who is paged reboots a machine that stays away"),
    line("cloud.os_memory", ["300MiB", "1200MiB"], "memory_overhead", Up, &ALL, &[&QUIET], "the guest system holds more"),
    line("faults.rack_size", ["1", "16"], "availability", Down, &PETS, &[TWELVE, RACKS, &["cloud.zones=1"]], "the same boxes fail together"),
    line("faults.power_outage.racks", ["1", "40"], "availability", Down, &PETS, &[TWELVE, &["cloud.zones=1", "faults.rack_size=1", "faults.power_outage.rate=200/year"]], "the same boxes fail together"),
    line("faults.rack_network.spell", ["5s", "10m"], "requests_to_dead_boxes", Down, &PETS, &[LOSSY], "checks notice what lasts, not what flickers"),
    line("faults.spot_reclaim.notice", ["1s", "10m"], "requests_to_dead_boxes", Down, CATTLE, &[SPOT, &["faults.spot_reclaim.rate=60/month"]], "machines are drained before they go"),
    line("faults.process_crash.hang_share", ["0%", "100%"], "requests_to_dead_boxes", Up, &ALL, &[RESTARTS], "a process that hangs is found by checks, one that ends by its supervisor"),
    line("faults.human_slip.chance", ["1%", "30%"], "incidents_per_month", Up, &PETS, &[RELEASES], "more hands on a box break it"),
    line("faults.human_slip.wrong_box", ["0%", "100%"], "availability", Down, &PETS, &[RELEASES, SLIPS], "the box at hand was drained, the other was not"),
    line("faults.conflict.chance", ["0%", "50%"], "incidents_per_month", Up, &PETS, &[RELEASES, TOGETHER], "what is installed for one service breaks the other"),
    line("faults.bad_configuration.rate", ["1/week", "5/week"], "availability", Down, VMS, &[WRONG], "more of them go out"),
    line("faults.bad_configuration.wrong", ["10%", "100%"], "availability", Down, VMS, &[&["faults.bad_configuration.rate=5/week"]], "more of them are wrong"),
    line("faults.bad_configuration.error_share", ["10%", "90%"], "availability", Down, AUTOMATIC, &[WRONG, &["faults.bad_configuration.fails_to_start=0%"]], "each request that meets one is more likely to fail"),
    line("faults.bad_configuration.fails_to_start", ["0%", "100%"], "bad_release_requests", Down, &ALL, &[WRONG], "a box that does not start answers nothing wrongly"),
    line("faults.bad_configuration.fails_to_start", ["0%", "100%"], "availability", Up, K8S, &[WRONG], "a pod that is not ready holds the others back"),
    line("faults.cloud_api_outage.rate", ["1/year", "200/year"], "replica_deficit", Up, CATTLE, &[LOSSES], "what is lost waits for the cloud to answer"),
    line("faults.cloud_api_outage.lasts", ["10m", "10h"], "replica_deficit", Up, CATTLE, &[LOSSES, &["faults.cloud_api_outage.rate=200/year"]], "it waits for longer"),
    line("faults.no_capacity.rate", ["1/year", "300/year"], "replica_deficit", Up, CATTLE, &[LOSSES, &["faults.no_capacity.lasts=12h", "cloud.zones=1"]], "in one zone there is nowhere else to go"),
    line("faults.no_capacity.lasts", ["10m", "12h"], "replica_deficit", Up, CATTLE, &[LOSSES, &["faults.no_capacity.rate=300/year", "cloud.zones=1"]], "it waits for longer"),
    line("faults.disk_full.rate", ["1/year", "50/year"], "incidents_per_month", Up, &PETS, &[&QUIET], "each of them is an incident"),
    line("platform.cattle.disk_fills", ["10%", "100%"], "incidents_per_month", Up, CATTLE, &[&QUIET, &["faults.disk_full.rate=50/year"]], "more of them get through"),
    line("platform.pets.disk_fills", ["10%", "100%"], "touch_hours", Up, &PETS, &[&QUIET, &["faults.disk_full.rate=50/year"]], "somebody makes room each time"),
    line("faults.registry_outage.rate", ["1/year", "9000/year"], "release_lead_time", Up, K8S, &[RELEASES, &["faults.registry_outage.lasts=1h"]], "most releases wait for their images"),
    line("faults.registry_outage.lasts", ["1m", "1h"], "release_lead_time", Up, K8S, &[RELEASES, &["faults.registry_outage.rate=9000/year"]], "releases wait longer for their images"),
    line("cloud.zones", ["1", "3"], "availability", Up, &ALL, &[ZONES], "an outage leaves the others"),
];

#[rustfmt::skip]
const PEOPLE_AND_DELAYS: &[Line] = &[
    line("team.acknowledge", ["1m", "1h"], "replica_deficit", Up, &PETS, &[LOSSES, &["team.acknowledge_off_hours=1m"]], "work begins later by day"),
    line("team.on_call", ["1", "4"], "restart_time", Down, &PETS, &[FULL_DISKS, &["practice.diagnose=3h", "faults.disk_full.rate=200/month"]], "repairs queue for fewer hands"),
    line("team.day_ends", ["11:00", "17:00"], "release_lead_time", Down, &PETS, &[RELEASES], "planned work waits for a longer day"),
    line("team.engineers", ["1", "8"], "release_lead_time", Down, &PETS, &[RELEASES, &["vulnerabilities.system=400/year", "platform.pets.patching.delay=1d", "platform.pets.patching.touch=3h"]], "releases and patches wait for fewer hands"),
    line("team.day_begins", ["09:00", "15:00"], "release_lead_time", Up, &PETS, &[RELEASES], "planned work waits for a shorter day"),
    line("team.cleared_page", ["1m", "3h"], "cost_people", Up, &PETS, &[CRASHES, &["team.acknowledge=1h", "team.acknowledge_off_hours=1h"]], "who was called for nothing looks for longer"),
    line("team.rota.secondaries", ["0", "3"], "acknowledge_time", Down, &PETS, &[LOSSES, &["team.acknowledge=lognormal(1h, 2)", "team.acknowledge_off_hours=lognormal(1h, 2)"]], "somebody else is asked meanwhile"),
    line("team.rota.escalate_after", ["5m", "3h"], "acknowledge_time", Up, &PETS, &[LOSSES, &["team.acknowledge_off_hours=lognormal(1h, 2)"]], "the next one is asked later"),
    line("team.knowledge.people", ["1", "4"], "without_knowing", Down, &PETS, &[FULL_DISKS], "more of the team know a service"),
    line("team.knowledge.unfamiliar", ["1", "6"], "restart_time", Up, &PETS, &[FULL_DISKS, STRANGERS], "strangers take longer"),
    line("team.knowledge.runbooks", ["0%", "100%"], "restart_time", Down, &PETS, &[FULL_DISKS, &["team.knowledge.people=1", "team.knowledge.reachable=0%"]], "what is written down a stranger can do"),
    line("team.knowledge.reachable", ["0%", "100%"], "without_knowing", Down, &PETS, &[FULL_DISKS, &["team.knowledge.people=1", "team.knowledge.reach_delay=1m"]], "who knows is rung up"),
    line("practice.build", ["1m", "2h"], "release_lead_time", Up, &ALL, &[RELEASES], "a release is built before it is rolled out"),
    line("practice.diagnose", ["1m", "2h"], "rollback_time", Up, &PETS, &[RELEASES, BAD, ERRORS], "who is called looks first"),
    line("practice.alert_hold", ["1m", "20m"], "bad_release_requests", Up, &ALL, &[RELEASES, BAD, ERRORS], "a bad release is noticed later"),
    line("practice.alert_period", ["30s", "10m"], "bad_release_requests", Up, &ALL, &[RELEASES, BAD, ERRORS], "a bad release is noticed later"),
    line("practice.alert_threshold", ["1%", "30%"], "bad_release_requests", Up, &ALL, &[RELEASES, BAD, ERRORS], "more boxes are bad before somebody is called"),
    line("practice.rollout_deadline", ["5m", "1h"], "rollback_time", Up, K8S, &[RELEASES, BAD, STILLBORN], "a release that does not start is given up later"),
    line("platform.pets.build", ["1h", "8h"], "recovery_time", Up, &PETS, &[LOSSES, REBUILD], "a lost pet is built by hand"),
    line("platform.pets.page_after", ["1m", "30m"], "replica_deficit", Up, &PETS, &[LOSSES], "a person comes later"),
    line("platform.pets.discovery.static_file.edit", ["5m", "2h"], "stale_routes", Up, &PETS, &[LOSSES, &["platform.pets.discovery.kind=static-file", "platform.pets.discovery.static_file.by=hand"]], "callers keep the dead address for longer"),
    line("platform.cattle.discovery.static_file.push", ["1m", "1h"], "stale_routes", Up, CATTLE, &[LOSSES, &["platform.cattle.discovery.kind=static-file"]], "callers keep the dead address for longer"),
    line("platform.cattle.discovery.dns.ttl", ["10s", "10m"], "requests_to_dead_boxes", Up, CATTLE, &[LOSSES, BY_DNS], "callers keep the dead address for longer"),
    line("platform.cattle.discovery.dns.overrun", ["0%", "30%"], "stale_routes", Up, CATTLE, &[LOSSES, BY_DNS], "more callers keep the dead address for longer"),
    line("platform.cattle.discovery.dns.overrun_lasts", ["5m", "1h"], "stale_routes", Up, CATTLE, &[LOSSES, BY_DNS], "some callers keep the dead address for longer"),
    line("platform.cattle.discovery.registry.clients", ["0", "100000"], "delist_time", Up, CATTLE, &[LOSSES, BY_REGISTRY], "more members take longer to agree that one is dead"),
    line("platform.cattle.discovery.registry.watch", ["1s", "1m"], "delist_time", Up, CATTLE, &[LOSSES, BY_REGISTRY], "callers hear of it later"),
    line("platform.cattle.discovery.registry.fail_empty", ["0%", "100%"], "availability", Down, CATTLE, &[&QUIET, BY_REGISTRY, REGISTRY_FAILS], "an empty list is no box at all"),
    line("platform.cattle.discovery.registry.election", ["1s", "1h"], "discovery_down", Up, CATTLE, &[BY_REGISTRY, SERVERS_CRASH], "most of the servers are there, and wait for a leader"),
    line("platform.cattle.discovery.registry.servers", ["3", "5"], "cost_registry", Up, CATTLE, &[BY_REGISTRY], "each is a machine"),
    line("platform.pets.deploy", ["5m", "1h"], "release_duration", Up, &PETS, &[RELEASES], "each box takes longer"),
    line("platform.pets.rollback", ["2m", "2h"], "rollback_time", Up, &PETS, &[RELEASES, BAD, ERRORS], "going back takes longer"),
    line("platform.pets.restart_delay", ["5s", "60s"], "restart_time", Up, &PETS, &[RESTARTS], "the supervisor waits longer"),
    line("platform.pets.load_balancer.unhealthy_after", ["2", "10"], "requests_to_dead_boxes", Up, &PETS, &[CRASHES], "a dead box is taken for well for longer"),
    line("platform.cattle.load_balancer.unhealthy_after", ["2", "10"], "requests_to_dead_boxes", Up, CATTLE, &[CRASHES], "a dead box is taken for well for longer"),
    line("platform.cattle.load_balancer.new_after", ["1", "8"], "recovery_time", Up, CATTLE, &[LOSSES], "a new box serves after more checks"),
    line("platform.cattle.load_balancer.drain", ["10s", "15m"], "release_duration", Up, CATTLE, &[RELEASES, LEAVE_FIRST], "each batch drains before its replacements come"),
    line("platform.cattle.image.bake", ["2m", "2h"], "release_lead_time", Up, CATTLE, &[RELEASES], "an image is baked before it is rolled out"),
    line("platform.cattle.image.configure", ["5s", "2m"], "recovery_time", Up, CATTLE, &[LOSSES], "a new machine is ready later"),
    line("platform.cattle.restart_delay", ["5s", "60s"], "restart_time", Up, CATTLE, &[RESTARTS], "the supervisor waits longer"),
    line("platform.cattle.health.period", ["30s", "15m"], "recovery_time", Up, CATTLE, &[LOSSES], "the group looks less often"),
    line("platform.cattle.refresh.warm_up", ["60s", "15m"], "release_duration", Up, CATTLE, &[RELEASES], "each step waits longer"),
    line("platform.cattle.rollback", ["1m", "2h"], "rollback_time", Up, CATTLE, &[RELEASES, BAD, ERRORS], "going back takes longer"),
    line("platform.cattle.scaling.lag", ["1m", "15m"], "availability", Down, CATTLE, &[&QUIET, CROWD], "a crowd is seen later"),
    line("platform.cattle.scaling.period", ["1m", "15m"], "availability", Down, CATTLE, &[&QUIET, CROWD], "a crowd is seen later"),
    line("platform.cattle.scaling.grow_after", ["1", "20"], "availability", Down, CATTLE, &[&QUIET, CROWD], "growth waits for more readings"),
    line("platform.cattle.scaling.shrink_after", ["5", "120"], "boxes_ready", Up, CATTLE, &[&QUIET], "boxes stay on for longer after a peak"),
    line("platform.cattle.scaling.target", ["40%", "80%"], "utilization", Up, CATTLE, &[&QUIET], "boxes are busier before there are more"),
    line("platform.k8s.node_pool.join", ["5s", "3m"], "recovery_time", Up, K8S, &[LOSSES, &["platform.k8s.node_pool.node_type=m7i.large"]], "a new machine takes pods later"),
    line("platform.k8s.kubelet.container_start", ["1s", "20s"], "release_duration", Up, K8S, &[RELEASES], "each new pod is ready later"),
    line("platform.k8s.kubelet.pre_stop", ["1s", "25s"], "release_duration", Up, K8S, &[RELEASES], "old pods stay for longer"),
    line("platform.k8s.node_lifecycle.toleration", ["30s", "30m"], "recovery_time", Up, K8S, &[CRASHES, LONG_CRASHES], "pods are evicted later"),
    line("platform.k8s.network.programming", ["200ms", "20s"], "requests_to_dead_boxes", Up, K8S, &[CRASHES], "rules name the dead pods for longer"),
    line("platform.k8s.metrics.lag", ["10s", "15m"], "availability", Down, K8S, &[&QUIET, CROWD], "a crowd is seen later"),
    line("platform.k8s.hpa.sync", ["15s", "15m"], "availability", Down, K8S, &[&QUIET, CROWD], "a crowd is seen later"),
    line("platform.k8s.hpa.target", ["40%", "80%"], "boxes_ready", Down, K8S, &[&QUIET], "pods are busier before there are more"),
    line("platform.k8s.hpa.stabilization", ["1m", "3h"], "boxes_ready", Up, K8S, &[&QUIET], "pods stay on for longer after a peak"),
    line("platform.k8s.cluster_autoscaler.unneeded_after", ["2m", "12h"], "vms", Up, K8S, &[&QUIET, &["platform.k8s.node_pool.node_type=m7i.large"]], "empty nodes stay for longer"),
    line("platform.k8s.cluster_autoscaler.spare", ["0m", "4000m"], "vms", Up, K8S, &[&QUIET], "nodes are kept for nobody"),
    line("platform.k8s.over_request", ["1.1", "3"], "boxes_ready", Down, K8S, &[&QUIET, &["platform.k8s.requests=field"]], "the autoscaler aims at a share of what is requested"),
];

#[rustfmt::skip]
const MONEY_AND_MACHINES: &[Line] = &[
    line("prices.load_balancer", ["$0.02/h", "$0.04/h"], "cost_network_entry", Up, &ALL, &[], "it is paid by the hour"),
    line("prices.load_balancer_unit", ["$0.008/h", "$0.016/h"], "cost_network_entry", Up, &ALL, &[], "it is paid by use"),
    line("prices.request_size", ["10kB", "1MB"], "cost_network_entry", Up, &ALL, &[], "what goes through it is a measure of use"),
    line("prices.requests_per_connection", ["1", "100"], "cost_network_entry", Down, &ALL, &[], "fewer connections are new"),
    line("prices.backup_gb_month", ["0.05", "0.1"], "cost_storage", Up, &PETS, &[], "each machine is backed up"),
    line("prices.control_plane", ["$0.1/h", "$0.2/h"], "cost_control_plane", Up, K8S, &[], "it is paid by the hour"),
    line("prices.disk_gb_month", ["0.08", "0.16"], "cost_storage", Up, &ALL, &[], "each machine has a disk"),
    line("cloud.root_disk", ["20GB", "40GB"], "cost_storage", Up, &ALL, &[], "each machine has a larger disk"),
    line("prices.spot_saving", ["30%", "80%"], "cost_compute", Down, CATTLE, &[SPOT, &["practice.machines=['Standard_D4s_v5']"]], "spot machines cost the rest"),
    line("platform.pets.upkeep_per_box", ["1", "4"], "cost_people", Up, &PETS, &[], "each box is looked after for longer"),
    line("platform.pets.together.each_more", ["0%", "100%"], "cost_people", Up, &PETS, &[TOGETHER], "a second service in a machine is looked after, too"),
    line("platform.cattle.upkeep.platform", ["30", "120"], "cost_people", Up, CATTLE, &[], "the platform is looked after for longer"),
    line("platform.cattle.upkeep.per_box", ["0.04", "4"], "cost_people", Up, CATTLE, &[], "each box is looked after for longer"),
    line("platform.cattle.upkeep.per_service", ["1", "8"], "cost_people", Up, CATTLE, &[], "each service is looked after for longer"),
    line("platform.k8s.upkeep_cluster", ["10", "80"], "cost_people", Up, K8S, &[], "the cluster is looked after for longer"),
    line("platform.k8s.upkeep_service", ["0.5", "8"], "cost_people", Up, K8S, &[], "each service is looked after for longer"),
    line("platform.pets.automation.build", ["0.5", "2"], "cost_automation", Up, &PETS, &[], "more was built and is written off"),
    line("platform.cattle.automation.build", ["1", "6"], "cost_per_month", Up, CATTLE, &[], "more was built, and is kept up"),
    line("platform.cattle.automation.write_off", ["365d", "1825d"], "cost_automation", Down, CATTLE, &[], "the same hours are spread over more months"),
    line("platform.cattle.automation.upkeep", ["10%", "40%"], "cost_people", Up, CATTLE, &[], "what was built is looked after for longer"),
    line("platform.k8s.automation.team", ["0", "3"], "cost_people", Up, K8S, &[], "three engineers more are paid"),
    line("platform.pets.commitment.share", ["0%", "100%"], "cost_compute", Down, &PETS, &[&QUIET], "machines that always run cost less when they are committed to"),
    line("platform.cattle.commitment.spend", ["$1/h", "$100/h"], "cost_compute", Up, CATTLE, &[], "what is not used is paid"),
    line("platform.pets.commitment.discount", ["20%", "40%"], "cost_compute", Down, &PETS, &[&["platform.pets.commitment.share=80%"]], "what is committed costs less"),
    line("platform.k8s.control_plane.run_by", ["provider", "team"], "cost_per_month", Up, K8S, &[], "three machines and one and a half engineers cost more than ten cents an hour"),
    line("platform.k8s.control_plane.machines", ["3", "5"], "cost_control_plane", Up, K8S, &[OWN_CONTROL_PLANE], "a larger quorum has more machines"),
    line("platform.k8s.control_plane.upkeep", ["20", "60"], "cost_people", Up, K8S, &[OWN_CONTROL_PLANE], "it is looked after for longer"),
    line("platform.k8s.control_plane.upgrade_effort", ["20", "80"], "cost_people", Up, K8S, &[OWN_CONTROL_PLANE], "each upgrade takes longer"),
    line("platform.k8s.agents.cpu_use", ["50m", "400m"], "cpu_overhead", Up, K8S, &[&QUIET], "agents run on every node"),
    line("platform.k8s.agents.memory_use", ["200MiB", "800MiB"], "memory_overhead", Up, K8S, &[&QUIET], "agents run on every node"),
    line("service.web.server.hold", ["20", "200"], "availability", Up, &PETS, &[&QUIET, &OVERLOAD, &["service.web.server.cancels=true", "service.web.traffic.bursts.dispersion=80"]], "fewer are refused in a burst that passes"),
    line("practice.min_boxes", ["2", "9"], "boxes_ready", Up, &ALL, &[&QUIET, &["service.web.traffic.rate=6/s"]], "fewer would carry the traffic"),
    line("practice.machines", ["['m7i.large']", "['m7i.4xlarge']"], "cost_compute", Up, &PETS, &[&QUIET], "two of the largest are more than is needed"),
];

/// So few that a pet is not always exposed to one or another, and many pets, each patched at its own time.
const SELDOM: &[&str] =
    &["vulnerabilities.system=3/year", "vulnerabilities.runtime=0/year", "platform.pets.size.web.boxes=40"];
/// A year has a hundred vulnerabilities, and no release brings fixes along.
const OFTEN: &[&str] = &["vulnerabilities.system=100/year", "vulnerabilities.runtime=30/year"];
const UNRELEASED: &[&str] = &["service.web.release.rate=0/week"];
const PUT_OFF: &[&str] = &["vulnerabilities.kernel=100%", "platform.pets.patching.reboot_deferred=100%"];

#[rustfmt::skip]
const SECURITY: &[Line] = &[
    line("vulnerabilities.system", ["3/year", "90/year"], "open_vulnerabilities", Up, &ALL, &[UNRELEASED], "there are more"),
    line("vulnerabilities.runtime", ["3/year", "90/year"], "open_vulnerabilities", Up, &ALL, &[UNRELEASED], "there are more"),
    line("vulnerabilities.kernel", ["0%", "100%"], "open_vulnerabilities", Up, &PETS, &[OFTEN], "a fix that is installed waits for a reboot"),
    line("vulnerabilities.exploited_after", ["12h", "300d"], "exposed_box_days", Down, AUTOMATIC, &[OFTEN, UNRELEASED], "more of them are fixed before"),
    line("vulnerabilities.exploited_after", ["12h", "300d"], "exposed_box_days", Down, &PETS, &[SELDOM], "more of them are fixed before"),
    line("platform.pets.patching.delay", ["10d", "200d"], "open_vulnerabilities", Up, &PETS, &[], "people come later"),
    line("platform.pets.patching.way", ["unattended", "by-hand"], "open_vulnerabilities", Up, &PETS, &[], "a timer comes sooner than people"),
    line("platform.pets.patching.touch", ["5m", "1h"], "patch_hours", Up, &PETS, &[OFTEN], "each fix takes longer"),
    line("platform.pets.patching.reboot_deferred", ["0%", "100%"], "open_vulnerabilities", Up, &PETS, &[OFTEN], "more fixes wait for a reboot"),
    line("platform.pets.patching.reboot_after", ["1d", "100d"], "open_vulnerabilities", Up, &PETS, &[OFTEN, PUT_OFF], "fixes wait longer for a reboot"),
    line("platform.pets.patching.age", ["30d", "1000d"], "open_vulnerabilities", Up, &PETS, &[], "an older machine lacks more"),
    line("platform.cattle.patching.image_age", ["2d", "60d"], "open_vulnerabilities", Up, CATTLE, &[OFTEN, UNRELEASED], "images are renewed less often"),
    line("platform.k8s.patching.image_age", ["2d", "60d"], "open_vulnerabilities", Up, K8S, &[OFTEN, UNRELEASED, &["platform.k8s.patching.base_images=1d"]], "images are renewed less often"),
    line("platform.k8s.patching.base_images", ["1d", "60d"], "open_vulnerabilities", Up, K8S, &[OFTEN], "images are built on older ones"),
    line("platform.k8s.patching.node_images", ["1d", "60d"], "open_vulnerabilities", Up, K8S, &[OFTEN], "nodes come from older images"),
    line("platform.k8s.node_upgrade.every", ["2d", "60d"], "open_vulnerabilities", Up, K8S, &[OFTEN], "nodes are renewed less often"),
    line("service.web.release.rate", ["1/week", "10/week"], "exposed_box_days", Down, CATTLE, &[OFTEN], "each release brings the fixes of its day along"),
];

const fn line(
    key: &'static str,
    values: [&'static str; 2],
    metric: &'static str,
    moves: Moves,
    on: &'static [&'static str],
    given: &'static [&'static [&'static str]],
    because: &'static str,
) -> Line {
    Line { key, values, metric, moves, on, given, because }
}

/// Keys of the world about which theory says no direction, and why. A key ending with a dot is a whole section.
const WITHOUT_DIRECTION: &[(&str, &str)] = &[
    ("service.NAME.requests", "how requests are simulated: `verify` compares both ways"),
    ("service.NAME.requests_from", "when they are simulated one by one"),
    ("service.NAME.requests_for", "when they are simulated one by one"),
    ("service.NAME.container.NAME.role", "what a part is for, not how much"),
    ("team.public_holidays", "when, not how much"),
    ("team.knowledge.reach_delay", "weighed against the longer work of a stranger: either may win"),
    (
        "team.refocus",
        "a page in the middle of planned work: rare in short runs; people have tests of their own",
    ),
    ("team.absence.vacation_weeks", "a few in a year; people have tests of their own"),
    (
        "team.absence.departures",
        "a few in a year: none in the short runs of this table; people have tests of their own",
    ),
    ("team.absence.hire", "follows a departure"),
    ("practice.environment_mismatch", "which versions are bad where: shares are tested with the releases"),
    ("team.absence.learn", "follows a departure"),
    ("faults.discovery_outage.hazard", "how incidents cluster, not how many there are"),
    ("faults.registry_outage.hazard", "how incidents cluster, not how many there are"),
    ("service.NAME.traffic.file", "what a recording says"),
    ("service.NAME.traffic.recording.", "how a recording is read: exact rates are tested where it is read"),
    ("service.NAME.traffic.diurnal.peak", "when, not how much"),
    ("service.NAME.traffic.yearly.peak", "when, not how much"),
    ("service.NAME.traffic.event.NAME.on", "when, not how much"),
    ("service.NAME.traffic.event.NAME.begins", "when, not how much"),
    ("service.NAME.traffic.flash.at", "when, not how much"),
    ("faults.vm_crash.hazard", "how incidents cluster, not how many: hosts and boxes start in equilibrium"),
    ("faults.vm_loss.hazard", "how incidents cluster, not how many there are"),
    ("faults.process_crash.hazard", "how incidents cluster, not how many there are"),
    ("faults.slow_vm.hazard", "how incidents cluster, not how many there are"),
    ("faults.rack_outage.hazard", "how incidents cluster, not how many there are"),
    ("faults.rack_network.hazard", "how incidents cluster, not how many there are"),
    ("faults.power_outage.hazard", "how incidents cluster, not how many there are"),
    ("faults.overheating.hazard", "how incidents cluster, not how many there are"),
    ("faults.zone_outage.hazard", "how incidents cluster, not how many there are"),
    ("faults.spot_reclaim.hazard", "how incidents cluster, not how many there are"),
    ("faults.cloud_api_outage.hazard", "how incidents cluster, not how many there are"),
    ("faults.no_capacity.hazard", "how incidents cluster, not how many there are"),
    ("faults.disk_full.hazard", "how incidents cluster, not how many there are"),
    ("faults.bad_configuration.everywhere", "how many services have it; here is one"),
];

/// Keys whose direction [`crate::metamorphic`] shows, with how much.
const WITH_AMOUNT: &[&str] = &[
    "service.NAME.cpu_per_request",
    "service.NAME.timeout",
    "service.NAME.latency_goal",
    "service.NAME.container.NAME.startup",
    "service.NAME.container.NAME.image",
    "service.NAME.server.workers",
    "service.NAME.server.warm_up",
    "service.NAME.retry.attempts",
    "service.NAME.traffic.rate",
    "service.NAME.release.failure_rate",
    "faults.process_crash.rate",
    "cloud.boot",
    "cloud.os_cpu",
    "practice.headroom",
    "practice.spare_boxes",
    "prices.machine_factor",
    "team.acknowledge_off_hours",
    "team.wage",
];

/// What is wrong with a line, on any of its platforms.
fn faults(line: &Line) -> Vec<String> {
    let platforms: Vec<String> = line.on.iter().map(|&p| p.to_owned()).collect();
    let results = line.values.map(|value| {
        let set = format!("{}={value}", line.key);
        let overrides = [&SHORT[..], &line.given.concat(), &[set.as_str()]].concat();
        let options = Options { platforms: platforms.clone(), ..Options::default() };
        run_with(&scenario("web.toml", WEB, &overrides), options)
    });
    let fault = |platform: &&str| {
        let [first, second] = [0, 1].map(|i| value(&results[i], platform, line.metric));
        let right = if line.moves == Up { second > first } else { second < first };
        let Line { key, values: [a, b], metric, because, moves, .. } = line;
        (!right).then(|| {
            format!("{key} from {a} to {b}: {metric} of {platform} should go {moves:?} ({because}): {first} to {second}")
        })
    };
    line.on.iter().filter_map(fault).collect()
}

/// Long enough for a few of everything that the lines are about.
const SHORT: [&str; 2] = ["run.length=8d", "run.replications=2"];

fn check(lines: &[Line]) {
    let faults: Vec<String> = lines.iter().flat_map(faults).collect();
    assert!(faults.is_empty(), "against theory:\n  {}", faults.join("\n  "));
}

#[test]
fn requests_go_the_way_of_theory() {
    check(REQUESTS);
}

#[test]
fn faults_go_the_way_of_theory() {
    check(FAULTS);
}

#[test]
fn people_and_delays_go_the_way_of_theory() {
    check(PEOPLE_AND_DELAYS);
}

#[test]
fn money_and_machines_go_the_way_of_theory() {
    check(MONEY_AND_MACHINES);
}

#[test]
fn security_goes_the_way_of_theory() {
    check(SECURITY);
}

/// What platforms do is their policy; what happens to them is physics.
const WORLD: [&str; 7] =
    ["service.", "cloud.", "faults.", "vulnerabilities.", "team.", "practice.", "prices."];

#[test]
fn theory_speaks_of_every_key_of_the_world() {
    let general = |key: &str| {
        key.replace(".web.", ".NAME.")
            .replace("container.app", "container.NAME")
            .replace("event.sale", "event.NAME")
    };
    let lines = [REQUESTS, FAULTS, PEOPLE_AND_DELAYS, MONEY_AND_MACHINES, SECURITY].concat();
    let known: Vec<String> = lines.iter().map(|line| general(line.key)).collect();
    let excused = |path: &str| {
        let covers = |key: &str| if key.ends_with('.') { path.starts_with(key) } else { path == key };
        WITHOUT_DIRECTION.iter().any(|(key, _)| covers(key))
    };
    let docs = boxherd::scenario::describe();
    let of_world = |path: &str| WORLD.iter().any(|section| path.starts_with(section));
    let untold =
        |path: &&str| !known.iter().any(|key| key == *path) && !WITH_AMOUNT.contains(path) && !excused(path);
    let untold: Vec<&str> =
        docs.iter().map(|d| d.path.as_str()).filter(|p| of_world(p)).filter(untold).collect();
    assert!(untold.is_empty(), "no line about\n  {}", untold.join("\n  "));
    let stale = |key: &&str| !docs.iter().any(|doc| doc.path.starts_with(key));
    let named = WITHOUT_DIRECTION.iter().map(|(key, _)| *key).chain(WITH_AMOUNT.iter().copied());
    assert_eq!(named.filter(stale).collect::<Vec<_>>(), Vec::<&str>::new(), "no such key");
}
