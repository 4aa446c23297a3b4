//! Pod templates: all of a pod's spec that its siblings share.
//!
//! Start at [`PodSpec`].

use super::{BudgetId, Effect, Labels, Name, Requirement, Resources, Selector, ServiceId, Taint};
use crate::engine::SimDuration;

/// What an image is: a repository and a tag. Both are numbers of whoever builds images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Image {
    pub repository: u32,
    pub tag: u64,
}

/// A container of a pod: requests of its own, and the image it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Container {
    pub image: Image,
    /// CPU request [milli]; `None` if the key is missing.
    pub cpu: Option<u32>,
    /// Memory request [bytes]; `None` if the key is missing.
    pub memory: Option<u64>,
    /// An init container that goes on running (`restartPolicy: Always`); says nothing of app containers.
    pub is_sidecar: bool,
}

/// A toleration. No key tolerates every taint; no effect means every effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Toleration {
    pub key: Option<Name>,
    /// `None` is the operator Exists.
    pub value: Option<Name>,
    pub effect: Option<Effect>,
    /// How long NoExecute is borne; `None` is for ever.
    pub seconds: Option<u32>,
}

impl Toleration {
    /// Tolerates a NoExecute taint for so long.
    pub fn of_eviction(key: Name, seconds: Option<u32>) -> Toleration {
        Toleration { key: Some(key), value: None, effect: Some(Effect::NoExecute), seconds }
    }

    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.effect.is_none_or(|e| e == taint.effect)
            && self.key.is_none_or(|k| k == taint.key)
            && self.value.is_none_or(|v| v == taint.value)
    }
}

/// Requirements of a node's labels that must all hold.
pub type NodeTerm = Vec<Requirement>;

/// Which nodes a pod may, and which it would rather, run on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeAffinity {
    /// One of these terms must hold; none asks for nothing.
    pub required: Vec<NodeTerm>,
    /// Weights from 1 to 100.
    pub preferred: Vec<(i64, NodeTerm)>,
}

/// How much a pod (anti-)affinity counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Require {
    Required,
    /// Weight from 1 to 100.
    Preferred(i64),
}

/// Nearness to, or distance from, pods that match, in the domains of a node label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodAffinity {
    /// Distance.
    pub anti: bool,
    pub require: Require,
    pub topology_key: Name,
    pub selector: Selector,
}

/// What becomes of a pod that cannot be spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WhenUnsatisfiable {
    DoNotSchedule,
    ScheduleAnyway,
}

/// A topology spread constraint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpreadConstraint {
    pub topology_key: Name,
    pub max_skew: i64,
    pub when_unsatisfiable: WhenUnsatisfiable,
    pub selector: Selector,
    pub min_domains: Option<u32>,
    /// Only nodes that pass the pod's node selector and affinity are domains (`nodeAffinityPolicy: Honor`).
    pub honor_affinity: bool,
    /// Only nodes whose taints the pod tolerates are domains (`nodeTaintsPolicy: Honor`).
    pub honor_taints: bool,
    /// Labels whose values of the pod join the selector (`matchLabelKeys`).
    pub match_label_keys: Vec<Name>,
}

/// Spec of a pod.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodSpec {
    pub labels: Labels,
    /// App containers, at least one.
    pub containers: Vec<Container>,
    /// In the order in which they start.
    pub init_containers: Vec<Container>,
    pub priority: i32,
    /// It may preempt others (`preemptionPolicy`).
    pub preempts: bool,
    pub tolerations: Vec<Toleration>,
    pub node_selector: Labels,
    pub node_affinity: NodeAffinity,
    pub pod_affinity: Vec<PodAffinity>,
    pub spread: Vec<SpreadConstraint>,
    /// `terminationGracePeriodSeconds`.
    pub grace: SimDuration,
}

/// What the scheduler's scores count for a container without a request (pkg/scheduler/util).
const MISSING_CPU: u32 = 100;
const MISSING_MEMORY: u64 = 200 << 20;

impl PodSpec {
    /// One container, everything else by default.
    pub fn of_container(labels: Labels, container: Container) -> PodSpec {
        PodSpec {
            labels,
            containers: vec![container],
            init_containers: Vec::new(),
            priority: 0,
            preempts: true,
            tolerations: Vec::new(),
            node_selector: Labels::default(),
            node_affinity: NodeAffinity::default(),
            pod_affinity: Vec::new(),
            spread: Vec::new(),
            grace: SimDuration::from_secs(30),
        }
    }

    /// Tolerations as admission completes them: 300 s for `not-ready` and `unreachable`, unless the pod says otherwise.
    pub fn with_default_tolerations(mut self, seconds: u32) -> PodSpec {
        for key in [Name::NOT_READY, Name::UNREACHABLE] {
            let covers = |t: &Toleration| {
                t.key.is_none_or(|k| k == key) && t.effect.is_none_or(|e| e == Effect::NoExecute)
            };
            if !self.tolerations.iter().any(covers) {
                self.tolerations.push(Toleration::of_eviction(key, Some(seconds)));
            }
        }
        self
    }

    /// Containers that run for as long as the pod does: sidecars and apps.
    pub fn running(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().filter(|c| c.is_sidecar).chain(&self.containers)
    }

    pub fn tolerates(&self, taint: &Taint) -> bool {
        self.tolerations.iter().any(|t| t.tolerates(taint))
    }

    /// Effective requests: what runs together, or the largest step of the start if that is more.
    pub fn requests(&self) -> Resources {
        self.sum(|c| (c.cpu.unwrap_or(0), c.memory.unwrap_or(0)))
    }

    /// The same with 100 m and 200 MiB where a container asks for nothing: what LeastAllocated and MostAllocated see.
    pub fn scored_requests(&self) -> Resources {
        self.sum(|c| (c.cpu.unwrap_or(MISSING_CPU), c.memory.unwrap_or(MISSING_MEMORY)))
    }

    /// component-helpers/resource: app containers and sidecars together; each init container runs beside the
    /// sidecars started before it.
    fn sum(&self, amount: impl Fn(&Container) -> (u32, u64)) -> Resources {
        let plus = |a: (u32, u64), b: (u32, u64)| (a.0 + b.0, a.1 + b.1);
        let most = |a: (u32, u64), b: (u32, u64)| (a.0.max(b.0), a.1.max(b.1));
        let mut together = self.containers.iter().map(&amount).fold((0, 0), plus);
        let (mut sidecars, mut peak) = ((0, 0), (0, 0));
        for container in &self.init_containers {
            let own = amount(container);
            if container.is_sidecar {
                sidecars = plus(sidecars, own);
                together = plus(together, own);
                peak = most(peak, sidecars);
            } else {
                peak = most(peak, plus(own, sidecars));
            }
        }
        let (cpu, memory) = most(together, peak);
        Resources { cpu, memory, pods: 1 }
    }
}

/// A spec that objects refer to, and what follows from it.
#[derive(Clone, Debug)]
pub struct Template {
    pub spec: PodSpec,
    /// [`PodSpec::requests`].
    pub requests: Resources,
    /// [`PodSpec::scored_requests`].
    pub scored: Resources,
    /// Services that select its pods.
    pub services: Vec<ServiceId>,
    /// Disruption budgets that select its pods.
    pub budgets: Vec<BudgetId>,
    /// Objects that refer to it; it goes with the last.
    pub(in crate::cluster) references: u32,
}

impl Template {
    /// Nobody refers to it yet.
    pub fn new(spec: PodSpec, services: Vec<ServiceId>, budgets: Vec<BudgetId>) -> Template {
        let (requests, scored) = (spec.requests(), spec.scored_requests());
        Template { spec, requests, scored, services, budgets, references: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(cpu: u32, is_sidecar: bool) -> Container {
        Container { cpu: Some(cpu), memory: Some(0), is_sidecar, ..Default::default() }
    }

    #[test]
    fn a_sidecar_counts_for_every_step_after_it() {
        // facts 14.1: A 2 CPU, sidecar 1, B 2, apps 1 + 1.
        let check = |init: Vec<Container>, expected| {
            let mut spec = PodSpec::of_container(Labels::default(), container(1_000, false));
            spec.containers.push(container(1_000, false));
            spec.init_containers = init;
            assert_eq!(spec.requests().cpu, expected);
        };
        let (a, b, sidecar) = (container(2_000, false), container(2_000, false), container(1_000, true));
        // main 1 + 1 + 1 = 3; steps 2, 1, 2 + 1 = 3.
        check(vec![a, sidecar, b], 3_000);
        check(vec![sidecar, a, b], 3_000);
        // A step of 5 beside the sidecar is more than all that runs later.
        check(vec![sidecar, container(5_000, false)], 6_000);
    }

    #[test]
    fn what_is_not_asked_for_is_scored_as_100_millicores_and_200_mebibytes() {
        let spec = PodSpec::of_container(Labels::default(), Container { cpu: Some(0), ..Default::default() });
        assert_eq!(spec.requests(), Resources::of_pod(0, 0));
        // An explicit zero stays zero.
        assert_eq!(spec.scored_requests(), Resources::of_pod(0, 200 << 20));
    }

    #[test]
    fn admission_adds_the_tolerations_that_are_missing() {
        let mut spec = PodSpec::of_container(Labels::default(), Container::default());
        spec.tolerations.push(Toleration::of_eviction(Name::UNREACHABLE, Some(30)));
        let seconds: Vec<_> =
            spec.with_default_tolerations(300).tolerations.iter().map(|t| t.seconds).collect();
        assert_eq!(seconds, [Some(30), Some(300)]);
    }
}
