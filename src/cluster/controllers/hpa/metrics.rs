//! What an autoscaler goes by: its metrics, and what can be wrong with one.
//!
//! Follows autoscaling/v2 and computeReplicasForMetric of horizontal.go, v1.36.2; texts are upstream's. Knows no pods.
//! Start at [`Metric`].

use super::calculator::Sum;
use std::fmt;

/// A resource that the metrics server measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Cpu,
    Memory,
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
        })
    }
}

/// A target for what pods use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodTarget {
    /// Percent of what they ask for, together.
    Utilization(u32),
    /// Thousandths for each.
    AverageValue(i64),
}

impl PodTarget {
    /// Use by target, of these pods.
    pub(super) fn ratio(self, pods: Sum) -> Result<f64, Problem> {
        match self {
            PodTarget::Utilization(_) if pods.requested == 0 => Err(Problem::NoRequests),
            PodTarget::Utilization(percent) => {
                Ok((pods.used * 100 / pods.requested) as f64 / f64::from(percent))
            }
            PodTarget::AverageValue(target) => Ok((pods.used / i64::from(pods.pods)) as f64 / target as f64),
        }
    }

    /// What a pod without sample uses where less use would remove pods.
    pub(super) fn assumed(self, requested: i64) -> i64 {
        match self {
            PodTarget::Utilization(percent) => requested * i64::from(percent.max(100)) / 100,
            PodTarget::AverageValue(target) => target,
        }
    }
}

/// A target for a value that no single pod has, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueTarget {
    /// The value stays here.
    Value(i64),
    /// The value, divided by pods, stays here.
    AverageValue(i64),
}

/// A metric of an autoscaler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// CPU or memory of its pods.
    Resource { resource: Resource, target: PodTarget },
    /// Something else that each of its pods has; an amount for each.
    Pods { name: String, average: i64 },
    /// A value of another object of the cluster.
    Object { kind: String, name: String, target: ValueTarget },
    /// A value from outside the cluster: the sum of what its name gives.
    External { name: String, target: ValueTarget },
}

impl Metric {
    /// CPU at a percentage of requests: what an autoscaler has that names no metric, at 80.
    pub fn cpu(percent: u32) -> Metric {
        Metric::Resource { resource: Resource::Cpu, target: PodTarget::Utilization(percent) }
    }

    /// The reason of ScalingActive where it cannot be read.
    pub fn failure(&self) -> &'static str {
        match self {
            Metric::Resource { .. } => "FailedGetResourceMetric",
            Metric::Pods { .. } => "FailedGetPodsMetric",
            Metric::Object { .. } => "FailedGetObjectMetric",
            Metric::External { .. } => "FailedGetExternalMetric",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Metric::Resource { resource, target: PodTarget::Utilization(_) } => {
                write!(f, "{resource} resource utilization (percentage of request)")
            }
            Metric::Resource { resource, target: PodTarget::AverageValue(_) } => {
                write!(f, "{resource} resource")
            }
            Metric::Pods { name, .. } => write!(f, "pods metric {name}"),
            Metric::Object { kind, name, .. } => write!(f, "{kind} metric {name}"),
            Metric::External { name, .. } => write!(f, "external metric {name}(nil)"),
        }
    }
}

/// Why a metric says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The metrics interface knows nothing about any pod.
    NoMetrics,
    /// The selector finds no pod.
    NoPods,
    /// No pod has a sample that counts.
    NoReadyPods,
    /// A container asks for nothing of the resource.
    MissingRequest,
    /// All requests are zero.
    NoRequests,
}

impl Problem {
    /// The same in upstream's words.
    pub fn about(&self, metric: &Metric) -> String {
        match (self, metric) {
            (Problem::NoMetrics, Metric::Resource { resource, .. }) => {
                format!(
                    "unable to get metrics for resource {resource}: no metrics returned from resource metrics API"
                )
            }
            (Problem::NoMetrics, Metric::Pods { name, .. }) => {
                format!("unable to get metric {name}: no metrics returned from custom metrics API")
            }
            (Problem::NoMetrics, Metric::Object { kind, name, .. }) => {
                format!("unable to get metric {name}: no metrics returned from custom metrics API on {kind}")
            }
            (Problem::NoMetrics, Metric::External { name, .. }) => {
                format!("unable to get external metric {name}: no metrics returned from external metrics API")
            }
            (Problem::NoPods, _) => "no pods returned by selector while calculating replica count".into(),
            (Problem::NoReadyPods, _) => {
                "did not receive metrics for targeted pods (pods might be unready)".into()
            }
            (Problem::MissingRequest, Metric::Resource { resource, .. }) => {
                format!("missing request for {resource}")
            }
            (Problem::MissingRequest | Problem::NoRequests, _) => {
                "no metrics returned matched known pods".into()
            }
        }
    }
}

/// A metric that says nothing, as ScalingActive tells it: recorded texts name the use that was asked for.
pub struct Failure<'a>(pub &'a Metric, pub &'a Problem);

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure(metric, problem) = *self;
        let what = match metric {
            Metric::Resource { resource, target: PodTarget::Utilization(_) } => {
                format!("{resource} utilization")
            }
            Metric::Resource { resource, target: PodTarget::AverageValue(_) } => format!("{resource} usage"),
            Metric::Pods { .. } => "pods metric value".into(),
            Metric::Object { .. } => "object metric value".into(),
            Metric::External { name, .. } => format!("{name} external metric value"),
        };
        write!(f, "failed to get {what}: {}", problem.about(metric))
    }
}
