//! The closed list of metrics: name, unit, direction, group and meaning of every number a run reports.
//!
//! Knows neither how a metric is measured nor how a cell looks. It stands beside the rows, below both `experiment`
//! and `report`, because both must speak of the same metric in the same words. Start at [`METRICS`].

use MetricId as Id;

/// A metric. Discriminants index [`METRICS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum MetricId {
    CostPerMonth,
    CostCompute,
    CostNetworkEntry,
    CostControlPlane,
    CostRegistry,
    CostStorage,
    CostPeople,
    CostAutomation,
    CostPerMillionServed,
    CostPerNine,
    Utilization,
    CpuWasted,
    CpuOverhead,
    CpuIdle,
    MemoryUsed,
    MemoryOverhead,
    MemoryIdle,
    Vms,
    BoxesReady,
    CommittedCores,
    CpuRequested,
    MemoryRequested,
    Churn,
    Availability,
    WithinGoal,
    SloMet,
    MinutesBelowSlo,
    LatencyP50,
    LatencyP99,
    RequestsToDeadBoxes,
    StaleRoutes,
    DelistTime,
    EnlistTime,
    DiscoveryDown,
    RecoveryTime,
    RestartTime,
    DegradedTime,
    IncidentsPerMonth,
    OutOfMemoryKills,
    ReplicaDeficit,
    OverloadsPerMonth,
    ScaleUpTime,
    BadReleaseRequests,
    ReleaseDuration,
    ReleaseLeadTime,
    RollbackTime,
    MixedVersionMinutes,
    ExposedShare,
    ExposedBoxDays,
    OpenVulnerabilities,
    OpenAfterMonth,
    OpenAfterYear,
    PatchLatency,
    OldestMachine,
    PatchHours,
    PeopleHoursPerMonth,
    TeamLoad,
    TouchHours,
    PagesPerMonth,
    PagesAtNight,
    PagesFrom0,
    PagesFrom6,
    PagesFrom12,
    PagesFrom18,
    AcknowledgeTime,
    TicketWaiting,
    WithoutKnowing,
}

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Better {
    Lower,
    Higher,
    /// A fact about size, not about merit.
    Neither,
}

/// How replications become one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Sum of numerators over sum of denominators; a plain mean over replications has denominator 1.
    Ratio,
    /// Cost per month over the nines of availability, −log10(1 − availability), both of all replications together.
    PerNine,
    /// Quantiles of all samples pooled; probability 1 is the maximum. Open samples are right-censored.
    Quantiles(&'static [f64]),
    /// One quantile of the latencies of all requests pooled, of whatever replication.
    Latency(f64),
}

/// How the unit is shown to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    Usd,
    /// A share between 0 and 1, shown in percent.
    Share,
    Milliseconds,
    Seconds,
    Minutes,
    /// Anything counted: boxes, cores, pages, hours.
    Count,
}

/// The blocks of the table, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    Money,
    Machines,
    Users,
    Recovery,
    Releases,
    Security,
    People,
}

/// One metric, as data.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricDefinition {
    pub id: MetricId,
    /// Stable: it is what `summary.csv` says.
    pub name: &'static str,
    pub title: &'static str,
    /// Unit of the value in the rows, e.g. `USD`, `share`, `s`.
    pub unit: &'static str,
    pub better: Better,
    pub kind: Kind,
    pub group: Group,
    pub scale: Scale,
    /// In the short table.
    pub headline: bool,
    pub doc: &'static str,
}

impl MetricId {
    pub fn definition(self) -> &'static MetricDefinition {
        &METRICS[self as usize]
    }

    /// The metric of that name, as `summary.csv` spells it.
    pub fn from_name(name: &str) -> Option<MetricId> {
        METRICS.iter().find(|metric| metric.name == name).map(|metric| metric.id)
    }
}

impl MetricDefinition {
    /// The names of its statistics, in order, as in the `statistic` column.
    pub fn statistics(&self) -> Vec<String> {
        match self.kind {
            Kind::Ratio | Kind::PerNine => vec!["ratio".to_owned()],
            Kind::Quantiles(probabilities) => probabilities.iter().map(|&p| statistic_name(p)).collect(),
            Kind::Latency(probability) => vec![statistic_name(probability)],
        }
    }
}

impl Group {
    pub const ALL: [Group; 7] = [
        Group::Money,
        Group::Machines,
        Group::Users,
        Group::Recovery,
        Group::Releases,
        Group::Security,
        Group::People,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Group::Money => "Money",
            Group::Machines => "Machines",
            Group::Users => "Users",
            Group::Recovery => "Recovery",
            Group::Releases => "Releases",
            Group::Security => "Security",
            Group::People => "People",
        }
    }
}

/// `p50`, `p99`, and `max` for probability 1.
pub fn statistic_name(probability: f64) -> String {
    if probability >= 1.0 { "max".to_owned() } else { format!("p{}", (probability * 1000.0).round() / 10.0) }
}

/// What the verdict answers, as (metric, statistic): cost, waste, recovery, availability.
///
/// All pairs of platforms over these four are one family for Holm's correction.
pub const QUESTIONS: [(MetricId, &str); 4] = [
    (Id::CostPerMonth, "ratio"),
    (Id::Utilization, "ratio"),
    (Id::RecoveryTime, "p50"),
    (Id::Availability, "ratio"),
];

const MEDIAN: Kind = Kind::Quantiles(&[0.5]);
const TAIL: Kind = Kind::Quantiles(&[0.5, 0.9]);
const RECOVERY: Kind = Kind::Quantiles(&[0.5, 0.9, 0.99, 1.0]);

/// Every metric, in the order of [`MetricId`] and of the table. A month has 730 hours.
#[rustfmt::skip]
pub const METRICS: [MetricDefinition; 67] = {
    use {Better::*, Group::*, Kind::*, Scale::*};
    [
    metric(Id::CostPerMonth, "cost_per_month", "cost/month", "USD", Lower, Ratio, Money, Usd, true, "All that is billed, working hours included."),
    metric(Id::CostCompute, "cost_compute", "… machines", "USD", Lower, Ratio, Money, Usd, true, "VMs, by the second, per month."),
    metric(Id::CostNetworkEntry, "cost_network_entry", "… network entry", "USD", Lower, Ratio, Money, Usd, false, "Load balancers and addresses, per month."),
    metric(Id::CostControlPlane, "cost_control_plane", "… control plane", "USD", Lower, Ratio, Money, Usd, false, "Control planes, managed or self-run, per month."),
    metric(Id::CostRegistry, "cost_registry", "… registry", "USD", Lower, Ratio, Money, Usd, false, "Servers of a registry of services, per month."),
    metric(Id::CostStorage, "cost_storage", "… storage", "USD", Lower, Ratio, Money, Usd, false, "Disks and images, per month."),
    metric(Id::CostPeople, "cost_people", "… people", "USD", Lower, Ratio, Money, Usd, true, "Working hours at the team's wage, upkeep included, per month."),
    metric(Id::CostAutomation, "cost_automation", "… automation", "USD", Lower, Ratio, Money, Usd, false, "Building what runs the fleet by itself, written off, per month. Keeping it up is part of people."),
    metric(Id::CostPerMillionServed, "cost_per_million_served", "cost per million", "USD", Lower, Ratio, Money, Usd, true, "Cost over requests answered in time, per million."),
    metric(Id::CostPerNine, "cost_per_nine", "cost per nine", "USD", Lower, PerNine, Money, Usd, false, "Cost per month over the nines of availability: 99.9 % are 3, and −log10(1 − availability) in between. Not known where nothing failed."),
    metric(Id::Utilization, "utilization", "CPU useful", "share", Higher, Ratio, Machines, Share, true, "Paid CPU time spent on requests answered in time. With wasted, overhead and idle it sums to 1."),
    metric(Id::CpuWasted, "cpu_wasted", "CPU wasted", "share", Lower, Ratio, Machines, Share, false, "Paid CPU time spent on requests that failed, were retried or came too late."),
    metric(Id::CpuOverhead, "cpu_overhead", "CPU overhead", "share", Lower, Ratio, Machines, Share, false, "Paid CPU time of guest systems, agents, sidecars and DaemonSets."),
    metric(Id::CpuIdle, "cpu_idle", "CPU idle", "share", Neither, Ratio, Machines, Share, true, "Paid CPU time in which nothing ran; head-room is part of it."),
    metric(Id::MemoryUsed, "memory_used", "memory used", "share", Higher, Ratio, Machines, Share, true, "Paid memory that boxes hold, leaks included. With overhead and idle it sums to 1."),
    metric(Id::MemoryOverhead, "memory_overhead", "memory overhead", "share", Lower, Ratio, Machines, Share, false, "Paid memory of guest systems and agents."),
    metric(Id::MemoryIdle, "memory_idle", "memory idle", "share", Neither, Ratio, Machines, Share, false, "Paid memory that nobody holds; what was asked for and is not used is part of it."),
    metric(Id::Vms, "vms", "VMs", "count", Neither, Ratio, Machines, Count, true, "VMs paid for, mean over time."),
    metric(Id::BoxesReady, "boxes_ready", "boxes ready", "count", Neither, Ratio, Machines, Count, false, "Boxes ready to serve, mean over time."),
    metric(Id::CommittedCores, "committed_cores", "cores committed", "cores", Neither, Ratio, Machines, Count, false, "Cores of the machines paid for, mean over time."),
    metric(Id::CpuRequested, "cpu_requested", "CPU requested", "share", Neither, Ratio, Machines, Share, false, "CPU requested by pods and DaemonSets, of what is allocatable on nodes. Only where a control plane places by requests."),
    metric(Id::MemoryRequested, "memory_requested", "memory requested", "share", Neither, Ratio, Machines, Share, false, "Memory requested by pods and DaemonSets, of what is allocatable on nodes. Only where a control plane places by requests."),
    metric(Id::Churn, "churn", "boxes made/month", "count", Neither, Ratio, Machines, Count, false, "Boxes created, whatever the reason."),
    metric(Id::Availability, "availability", "availability", "share", Higher, Ratio, Users, Share, true, "Requests answered in time and without error, of those offered."),
    metric(Id::WithinGoal, "within_goal", "answered within goal", "share", Higher, Ratio, Users, Share, true, "Requests answered without error and within their service's `latency_goal`, of those offered."),
    metric(Id::SloMet, "slo_met", "services that met SLO", "share", Higher, Ratio, Users, Share, true, "Whether the platform kept what it was sized for: services whose share answered within goal was at least their `latency_quantile` over the whole metered time, of all services; each replication counts every service once."),
    metric(Id::MinutesBelowSlo, "minutes_below_slo", "min/month below SLO", "min", Lower, Ratio, Users, Count, true, "Minutes a month in which a service missed its service level objective."),
    metric(Id::LatencyP50, "latency_p50", "latency, median", "ms", Lower, Latency(0.5), Users, Milliseconds, false, "Median latency of all requests that were answered in time."),
    metric(Id::LatencyP99, "latency_p99", "latency, p99", "ms", Lower, Latency(0.99), Users, Milliseconds, true, "99th percentile of all requests that were answered in time, replications with many counting for more."),
    metric(Id::RequestsToDeadBoxes, "requests_to_dead_boxes", "lost to dead boxes", "share", Lower, Ratio, Users, Share, false, "Offered requests that failed because a route still sent them to a box that could not answer; what a retry saved is not counted."),
    metric(Id::StaleRoutes, "stale_routes", "dead box-min listed/month", "box-minutes", Lower, Ratio, Users, Count, false, "Minutes a month for which callers have a box on their list that cannot serve, summed over boxes and weighed by the share of the callers that has it."),
    metric(Id::DelistTime, "delist_time", "dead box, until callers leave", "s", Lower, TAIL, Users, Seconds, false, "From the fault of a box that callers send to until they do not any more or it serves again, mean over those callers."),
    metric(Id::EnlistTime, "enlist_time", "new box, until callers come", "s", Lower, TAIL, Users, Seconds, false, "From the start of a box that callers do not send to until all of them do, mean over callers."),
    metric(Id::DiscoveryDown, "discovery_down", "registry down, min/month", "min", Lower, Ratio, Users, Count, false, "Minutes a month in which the registry of services did not answer: failed, or without most of its servers. Only where there is one."),
    metric(Id::RecoveryTime, "recovery_time", "recovery time", "s", Lower, RECOVERY, Recovery, Seconds, true, "From the loss of a box with its machine (crash, loss, rack, power unit or zone down, reclaim) until it is made good, all such incidents pooled; open ones are censored, not dropped."),
    metric(Id::RestartTime, "restart_time", "restart time", "s", Lower, RECOVERY, Recovery, Seconds, false, "The same for boxes whose process died on a machine that is well."),
    metric(Id::DegradedTime, "degraded_time", "degraded time", "s", Lower, RECOVERY, Recovery, Seconds, false, "From the moment that a box's machine runs badly (slow, or hard to reach) until it is well or the box gone."),
    metric(Id::IncidentsPerMonth, "incidents_per_month", "boxes hit by faults/month", "count", Lower, Ratio, Recovery, Count, true, "Boxes that a fault took out of service or made worse."),
    metric(Id::OutOfMemoryKills, "out_of_memory_kills", "killed for memory/month", "count", Lower, Ratio, Recovery, Count, false, "Boxes that the kernel killed, because their machine had no memory left or because they passed their own limit."),
    metric(Id::ReplicaDeficit, "replica_deficit", "box-min missing/month", "box-minutes", Lower, Ratio, Recovery, Count, false, "Boxes wanted but not ready, integrated over time, per month."),
    metric(Id::OverloadsPerMonth, "overloads_per_month", "overloads/month", "count", Lower, Ratio, Recovery, Count, false, "Times a month that a service with all its boxes at work answered fewer requests within its `latency_goal` than its `latency_quantile` says, because there were too few of them."),
    metric(Id::ScaleUpTime, "scale_up_time", "scale-up time", "s", Lower, RECOVERY, Recovery, Seconds, false, "From the beginning of an overload until enough boxes more serve; where the traffic went down before, and where it is still open, at least so long."),
    metric(Id::BadReleaseRequests, "bad_release_requests", "hit by bad release", "share", Lower, Ratio, Releases, Share, true, "Offered requests that a bad release, or a wrong configuration, answered with an error."),
    metric(Id::ReleaseDuration, "release_duration", "release duration", "min", Lower, MEDIAN, Releases, Minutes, true, "From the first box changed to the last, releases that went through."),
    metric(Id::ReleaseLeadTime, "release_lead_time", "release lead time", "min", Lower, MEDIAN, Releases, Minutes, false, "From the release being ready to the last box changed."),
    metric(Id::RollbackTime, "rollback_time", "bad release, until gone", "min", Lower, MEDIAN, Releases, Minutes, false, "From the first harm a bad release does until no box has it, alert and diagnosis included."),
    metric(Id::MixedVersionMinutes, "mixed_version_minutes", "mixed-version min/month", "min", Lower, Ratio, Releases, Count, false, "Minutes a month in which a service ran two versions."),
    metric(Id::ExposedShare, "exposed_share", "box time exposed", "share", Lower, Ratio, Security, Share, true, "Time of all boxes in which a box had a vulnerability of high severity that was published longer ago than its time to exploit."),
    metric(Id::ExposedBoxDays, "exposed_box_days", "exposed box-days/month", "box-days", Lower, Ratio, Security, Count, false, "The same time, added up over boxes: days a month."),
    metric(Id::OpenVulnerabilities, "open_vulnerabilities", "open holes per box", "count", Lower, Ratio, Security, Count, true, "Vulnerabilities of high severity that are published and not fixed in a box, exploited yet or not, mean over boxes and time."),
    metric(Id::OpenAfterMonth, "open_after_month", "open after 30 days", "share", Lower, Ratio, Security, Share, false, "Boxes that have a vulnerability 30 days after its publication, of all boxes then."),
    metric(Id::OpenAfterYear, "open_after_year", "open after 365 days", "share", Lower, Ratio, Security, Share, false, "Boxes that have a vulnerability 365 days after its publication, of all boxes then."),
    metric(Id::PatchLatency, "patch_latency", "patch latency", "s", Lower, TAIL, Security, Seconds, false, "From the publication of a vulnerability until a box of the service is without it, by shares of the service's boxes; those that still have it are censored, not dropped."),
    metric(Id::OldestMachine, "oldest_machine", "oldest machine", "s", Lower, Ratio, Security, Seconds, true, "Age of the oldest machine that is paid for, mean over time."),
    metric(Id::PatchHours, "patch_hours", "hours of patching/month", "h", Lower, Ratio, Security, Count, false, "Hands-on hours of installing fixes and rebooting, and of seeing to new images. Part of the hours of work."),
    metric(Id::PeopleHoursPerMonth, "people_hours_per_month", "hours of work/month", "h", Lower, Ratio, People, Count, true, "All working hours, planned and not."),
    metric(Id::TeamLoad, "team_load", "… of office hours", "share", Lower, Ratio, People, Share, false, "All working hours, as a share of the office hours of the team's engineers. Upkeep is only counted, it keeps nobody from a page; beyond 100 % the team is too small for it."),
    metric(Id::TouchHours, "touch_hours", "… of it unplanned", "h", Lower, Ratio, People, Count, false, "Hours of hands on unplanned work, per month."),
    metric(Id::PagesPerMonth, "pages_per_month", "pages/month", "count", Lower, Ratio, People, Count, true, "Alerts that called a person."),
    metric(Id::PagesAtNight, "pages_at_night", "… of them at night", "count", Lower, Ratio, People, Count, false, "Pages between 22:00 and 08:00, per month."),
    metric(Id::PagesFrom0, "pages_from_0", "… from 0 to 6 h", "count", Lower, Ratio, People, Count, false, "Pages between midnight and 6:00, per month."),
    metric(Id::PagesFrom6, "pages_from_6", "… from 6 to 12 h", "count", Lower, Ratio, People, Count, false, "Pages between 6:00 and noon, per month."),
    metric(Id::PagesFrom12, "pages_from_12", "… from 12 to 18 h", "count", Lower, Ratio, People, Count, false, "Pages between noon and 18:00, per month."),
    metric(Id::PagesFrom18, "pages_from_18", "… from 18 to 24 h", "count", Lower, Ratio, People, Count, false, "Pages between 18:00 and midnight, per month."),
    metric(Id::AcknowledgeTime, "acknowledge_time", "acknowledged after", "min", Lower, TAIL, People, Minutes, false, "From the first page until somebody is at it."),
    metric(Id::TicketWaiting, "ticket_waiting", "planned work waits", "h", Lower, TAIL, People, Count, false, "From asking for planned work until somebody begins it."),
    metric(Id::WithoutKnowing, "without_knowing", "nobody who knows", "share", Lower, Ratio, People, Share, false, "Work that needs knowledge of its service and was begun by somebody who has none and reached nobody who does, of all work that needs it."),
    ]
};

/// A row of the table above; positional, so that the table stays one line a metric.
#[expect(clippy::too_many_arguments, reason = "a table row")]
const fn metric(
    id: MetricId,
    name: &'static str,
    title: &'static str,
    unit: &'static str,
    better: Better,
    kind: Kind,
    group: Group,
    scale: Scale,
    headline: bool,
    doc: &'static str,
) -> MetricDefinition {
    MetricDefinition { id, name, title, unit, better, kind, group, scale, headline, doc }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_stands_at_its_own_index_under_a_unique_name() {
        for (index, metric) in METRICS.iter().enumerate() {
            assert_eq!(metric.id as usize, index, "{}", metric.name);
            assert_eq!(MetricId::from_name(metric.name), Some(metric.id), "{} is taken twice", metric.name);
        }
    }

    #[test]
    fn groups_are_contiguous_so_that_the_table_needs_no_sorting() {
        assert!(METRICS.is_sorted_by_key(|metric| metric.group));
    }

    #[test]
    fn questions_name_statistics_that_exist() {
        for (id, statistic) in QUESTIONS {
            assert!(id.definition().statistics().iter().any(|name| name == statistic), "{id:?} {statistic}");
        }
    }

    #[test]
    fn quantiles_are_named_by_percent() {
        assert_eq!(Id::RecoveryTime.definition().statistics(), ["p50", "p90", "p99", "max"]);
        assert_eq!(statistic_name(0.999), "p99.9");
    }
}
