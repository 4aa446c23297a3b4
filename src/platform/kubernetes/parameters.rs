//! What can be set about Kubernetes: one section a component.
//!
//! Defaults are those of v1.36.2 as shipped, of an EKS node group where a provider decides, and of the Cluster
//! Autoscaler 1.36; where people always change a default, the changed one. Start at [`KubernetesParameters`].

use super::patching::KubernetesPatchingParameters;
use crate::cluster::settings::{NodeSettings, Settings};
use crate::engine::SimDuration;
use crate::parameter::{
    Bytes, CountOrShare, Distribution, Factor, Fraction, MilliCpu, Named, Rate, choices, section,
};
use crate::platform::automation::{Automation, KubernetesAutomationParameters};
use crate::platform::commitment::CommitmentParameters;
use crate::platform::rollout::{BlueGreenParameters, CanaryParameters, Strategy};
use crate::world::observation::Rented;
use crate::world::{Api, Balancing, Purchase};

choices! {
    /// Whose formula decides how much of a node is kept from pods.
    pub enum Provider {
        /// Amazon EKS: little CPU, memory by the number of pods that the type can hold.
        Eks = "eks",
        /// Google GKE: memory in brackets of the machine's size.
        Gke = "gke",
        /// Azure AKS since 1.29: more CPU, memory by the number of pods.
        Aks = "aks",
    }
}

choices! {
    /// Who runs the control plane.
    pub enum RunBy {
        /// The cloud provider, for a price by the hour.
        Provider = "provider",
        /// The team, on machines of its own.
        Team = "team",
    }
}

choices! {
    /// What an amount of CPU and memory a pod asks for.
    pub enum Requests {
        /// What the service's containers declare.
        Declared = "declared",
        /// CPU for the planned load of one pod at the autoscaler's target, rounded up to 10m; memory as declared.
        Tuned = "tuned",
        /// What people ask for where nobody tunes: CPU and memory as if tuned, times `over_request`. An autoscaler
        /// that aims at a share of the requests then makes fewer pods, and so takes most of it back.
        Field = "field",
    }
}

choices! {
    /// Whether a container that starts asks the registry for its image.
    pub enum ImagePullPolicy {
        /// Only if the image is not on the node.
        IfNotPresent = "if-not-present",
        /// Always, if only to learn that the image is the newest: without the registry nothing starts.
        Always = "always",
    }
}

section! {
    /// Kubernetes: pods on shared machines, kept as declared by a set of controllers.
    pub struct KubernetesParameters {
        node_pool: NodePoolParameters, section;
        agents: AgentParameters, section;
        kubelet: KubeletParameters, section;
        probes: ProbesParameters, section;
        control_plane: ControlPlaneParameters, section;
        deployment: DeploymentParameters, section;
        rollout: KubernetesRolloutParameters, section;
        node_lifecycle: NodeLifecycleParameters, section;
        network: NetworkParameters, section;
        metrics: MetricsParameters, section;
        hpa: HpaParameters, section;
        cluster_autoscaler: ClusterAutoscalerParameters, section;
        disruption_budget: DisruptionBudgetParameters, section;
        node_upgrade: NodeUpgradeParameters, section;
        patching: KubernetesPatchingParameters, section;
        /// What pods ask for.
        requests: Requests = "declared", grade Choice;
        /// What pods ask for with `requests = "field"`, as a multiple of what they would if tuned.
        over_request: Factor = "1.43" in |f| f.as_f64() >= 1.0 => "at least 1",
            from "slack of 46 % where people set the requests against 23 % where a program does (Rzadca et al. 2020, Autopilot at Google): 0.77 / 0.54", grade Derived;
        /// Share of the versions with an environment mismatch that do not run from a container image either.
        mismatch: Fraction = "7%", from "none found", grade Estimate;
        /// Hands-on time to take a version back once it is known to be bad.
        rollback: Distribution = "lognormal(2m, 0.5)", from "one command or one revert; no source found", grade Estimate;
        /// Routine administration of the cluster [h/week].
        upkeep_cluster: f64 = "18" in |h| (0.0..=10_000.0).contains(h) => "from 0 to 10000 hours a week",
            from "0.5 FTE of 40 h for a managed cluster, less the 2 h that `automation.upkeep` counts; between Gcore's TCO comparison and platform team surveys", grade Estimate;
        /// Routine administration of one service on it [h/week].
        upkeep_service: f64 = "0.8" in |h| (0.0..=10_000.0).contains(h) => "from 0 to 10000 hours a week",
            from "0.02 FTE of 40 h; no source found", grade Estimate;
        automation: KubernetesAutomationParameters, section;
        commitment: CommitmentParameters, section;
        /// Explicit numbers of pods, `[platform.NAME.size.SERVICE]`; without one what the forecast peak takes.
        size: Named<PodSizeParameters>, sections;
    }
}

impl KubernetesParameters {
    /// Routine administration with so many services [h/week].
    pub(super) fn upkeep(&self, services: usize) -> f64 {
        let control_plane = match self.control_plane.run_by {
            RunBy::Provider => 0.0,
            RunBy::Team => {
                let week = SimDuration::from_days(7).as_secs_f64();
                let upgrades = self.control_plane.upgrades.per_second() * week;
                self.control_plane.upkeep + upgrades * self.control_plane.upgrade_effort
            }
        };
        let automation = Automation::from(&self.automation).hours_per_week();
        self.upkeep_cluster + self.upkeep_service * services as f64 + control_plane + automation
    }

    /// What is paid by the hour beside nodes, and what was paid before.
    pub(super) fn rent(&self, api: &mut Api<'_>) {
        api.rent(Rented::LoadBalancer, 1);
        let machine = api.catalog().find(&self.control_plane.machine);
        match (self.control_plane.run_by, machine) {
            (RunBy::Team, Some(machine)) => {
                api.rent(Rented::ControlPlaneMachine(machine), self.control_plane.machines);
                api.rent(Rented::LoadBalancer, 1);
            }
            _ => api.rent(Rented::ManagedControlPlane, 1),
        }
        Automation::from(&self.automation).declare(api);
        self.commitment.declare(api);
    }

    /// Flags of the control plane.
    pub fn settings(&self) -> Settings {
        let (control_plane, nodes) = (&self.control_plane, &self.node_lifecycle);
        Settings {
            watch_latency: control_plane.watch_latency,
            request: SimDuration::ZERO,
            client_rate: control_plane.client_rate.per_second(),
            client_burst: control_plane.client_burst,
            scheduler_rate: control_plane.scheduler_rate.per_second(),
            scheduler_burst: control_plane.scheduler_burst,
            service_sync: SimDuration::ZERO,
            nodes: NodeSettings {
                monitor_period: nodes.monitor_period,
                eviction_rate: nodes.eviction_rate.per_second(),
                secondary_rate: nodes.secondary_rate.per_second(),
                unhealthy_zone: nodes.unhealthy_zone.as_f64(),
                large_zone: nodes.large_zone,
                ..Default::default()
            },
            ..Settings::default()
        }
    }
}

section! {
    /// Explicit numbers of pods for one service.
    pub struct PodSizeParameters {
        /// Pods at the forecast peak; the number of pods where they are not autoscaled.
        boxes: Option<u32>, optional in |n| n.is_none_or(|n| (1..=100_000).contains(&n)) => "from 1 to 100000";
        /// The fewest pods that the autoscaler keeps.
        min_boxes: Option<u32>, optional in |n| n.is_none_or(|n| (1..=100_000).contains(&n)) => "from 1 to 100000";
        /// The most pods that the autoscaler makes.
        max_boxes: Option<u32>, optional in |n| n.is_none_or(|n| (1..=100_000).contains(&n)) => "from 1 to 100000";
    }
}

section! {
    /// The machines that are nodes: one group a zone, all of one type.
    pub struct NodePoolParameters {
        /// Machine type of the nodes; none is the cheapest for the forecast peak.
        node_type: Option<String>, optional;
        /// How the machines are bought. Their type is chosen by prices on demand either way.
        purchase: Purchase = "on-demand", grade Choice;
        /// Whether a node termination handler drains a spot node on the cloud's notice.
        drain_on_notice: bool = true, from "usual with spot nodes: built into managed node groups and Karpenter", grade Recalled;
        /// The fewest nodes.
        min_nodes: u32 = 3 in |n| (1..=100_000).contains(n) => "from 1 to 100000", grade Choice;
        /// The most nodes.
        max_nodes: u32 = 1000 in |n| (1..=100_000).contains(n) => "from 1 to 100000", grade Choice;
        /// Whose formula decides how much of a node is kept from pods.
        provider: Provider = "eks", grade Choice;
        /// Time from a machine's boot until its node is ready: kubelet, registration, network plugin.
        join: Distribution = "lognormal(20s, 0.3)", from "launch to ready takes 30-120 s in all; no source found", grade Estimate;
        /// A machine that has not answered for so long is replaced by the provider's node group, whatever the cluster thinks of it.
        replace_after: SimDuration = "8m" in |d| !d.is_zero() => "more than zero", from "auto scaling groups replace instances whose status checks fail (user guide); two checks of a minute and some minutes of patience, how many is not published", grade Estimate;
        /// Share of the nodes that it replaces in a minute; at least one.
        replaced_at_once: Fraction = "10%", from "auto scaling user guide @7d90761", grade Verified;
        /// A node that is not ready for so long is given back, and replaced where the pool needs it.
        unready_after: SimDuration = "20m", from "cluster-autoscaler 1.36.1, scale-down-unready-time", grade Verified;
    }
}

section! {
    /// What runs on every node beside the pods of services: DaemonSets, kubelet, container runtime.
    pub struct AgentParameters {
        /// CPU that DaemonSet pods request on every node.
        cpu_request: MilliCpu = "250m", from "network, proxy, log and metric agents; no source found", grade Estimate;
        /// Memory that DaemonSet pods request on every node.
        memory_request: Bytes = "600MiB", from "network, proxy, log and metric agents; no source found", grade Estimate;
        /// Places for pods that DaemonSets take on every node.
        pods: u32 = 5 in |n| *n <= 100 => "at most 100", from "network, proxy, storage, log and metric agents; no source found", grade Estimate;
        /// CPU that all agents together really use on every node.
        cpu_use: MilliCpu = "150m", from "none found", grade Estimate;
        /// Memory that all agents together really use on every node.
        memory_use: Bytes = "400MiB", from "none found", grade Estimate;
    }
}

section! {
    /// The kubelet: starts, restarts and ends the containers of a node.
    pub struct KubeletParameters {
        /// Image bytes pulled and unpacked per second.
        pull_throughput: Bytes = "50MB" in |b| b.as_bytes() > 0 => "more than zero", from "network and gunzip together; no source found [per second]", grade Estimate;
        /// Whether one image is pulled after the other (upstream's default) or several at once (EKS).
        serial_pulls: bool = false, from "amazon-eks-ami v20260724: serializeImagePulls false", grade Verified;
        /// Whether a container that starts asks the registry for its image.
        image_pull_policy: ImagePullPolicy = "if-not-present", from "v1.36.2 pkg/apis/core/v1/defaults.go, for tags other than latest", grade Verified;
        /// First wait after a pull that failed.
        pull_backoff: SimDuration = "10s", from "v1.36.2 pkg/kubelet/kubelet.go imageBackOff", grade Verified;
        /// Longest such wait; each one is twice the one before.
        pull_backoff_max: SimDuration = "300s", from "v1.36.2 pkg/kubelet/kubelet.go imageBackOff", grade Verified;
        /// How long a registry that does not answer is waited for before the pull has failed.
        pull_timeout: SimDuration = "30s", from "containerd 2, internal/cri/server/image_pull.go: dial time-out of 30 s", grade Recalled;
        /// Time for sandbox, network and container, without image pull and the processes' own start.
        container_start: SimDuration = "1s", from "pod start-up below 5 s at the 99th percentile is the service level; no source found for the median", grade Estimate;
        /// Time from the end of a pod's containers until its volumes and its sandbox are gone and it is deleted; a container that
        /// waits to be restarted takes nothing more.
        teardown: SimDuration = "1s", from "no source found: the kubelet unmounts and reports before it deletes, by loops of 100 ms to 2 s", grade Estimate;
        /// Time from the return of a machine until its kubelet runs again.
        restart: SimDuration = "10s", from "none found", grade Estimate;
        /// How often it lists containers; an exit is seen then.
        relist: SimDuration = "1s" in |d| !d.is_zero() => "more than zero", from "v1.36.2 pkg/kubelet/kubelet.go", grade Verified;
        /// First wait before a container that exited again is restarted.
        backoff: SimDuration = "10s", from "v1.36.2 pkg/kubelet/kubelet.go newCrashLoopBackOff", grade Verified;
        /// Longest such wait; each one is twice the one before.
        backoff_max: SimDuration = "300s", from "v1.36.2 pkg/kubelet/kubelet.go newCrashLoopBackOff", grade Verified;
        /// After running for so long a container starts over with the first wait.
        backoff_reset: SimDuration = "600s", from "v1.36.2 pkg/kubelet/kubelet.go HasExpiredFunc", grade Verified;
        /// What waits for a back-off sleeps up to this share too long each time, of 60 s at most (of 10 s for an image).
        backoff_jitter: Fraction = "50%", from "v1.36.2 pkg/kubelet/pod_workers.go completeWork", grade Verified;
        /// How long a pod that is to end goes on serving, so that callers can learn of it (preStop sleep).
        pre_stop: SimDuration = "5s", from "5-15 s is usual advice; no source found", grade Estimate;
        /// The longest that a pod may take to end: preStop, then the processes finish what they have, then they are killed.
        termination_grace: SimDuration = "30s", from "v1.36.2 DefaultTerminationGracePeriodSeconds", grade Verified;
        /// How often it looks at the memory of its node.
        housekeeping: SimDuration = "10s" in |d| !d.is_zero() => "more than zero", from "v1.36.2 pkg/kubelet/eviction, evictionMonitoringPeriod", grade Verified;
        /// With less memory free it evicts a pod; pods cannot request it. Zero is never.
        eviction_memory: Bytes = "100MiB", from "v1.36.2 evictionHard memory.available", grade Verified;
        /// How long a node that was low on memory takes no new pods.
        pressure_transition: SimDuration = "5m", from "v1.36.2 eviction-pressure-transition-period", grade Verified;
    }
}

section! {
    /// What a kubelet asks the containers of a pod, and how patient it is.
    pub struct ProbesParameters {
        startup: StartupParameters, section;
        readiness: ReadinessParameters, section;
        liveness: LivenessParameters, section;
    }
}

section! {
    /// Has it started? Until it has, nothing else is asked.
    pub struct StartupParameters {
        /// Whether it is asked; otherwise a container has started as soon as its process runs.
        enabled: bool = true, from "good practice beside a liveness probe, which would kill what starts slowly", grade Choice;
        /// Time from the start of the container until it is asked first.
        initial_delay: SimDuration = "0s", from "v1.36.2 pkg/apis/core/v1/defaults.go", grade Verified;
        /// Time between two questions.
        period: SimDuration = "10s" in |d| !d.is_zero() => "more than zero", from "v1.36.2 pkg/apis/core/v1/defaults.go", grade Verified;
        /// How long an answer is waited for; a refused connection fails at once.
        timeout: SimDuration = "1s", from "v1.36.2 pkg/apis/core/v1/defaults.go", grade Verified;
        /// Failures in a row after which the container is killed.
        failure_threshold: u32 = 30 in |&n| n > 0 => "at least 1", from "the documentation's example; upstream's default is 3", grade Recalled;
    }
}

section! {
    /// Can it serve? Who cannot gets no requests.
    pub struct ReadinessParameters {
        /// Whether it is asked; otherwise a container gets requests as soon as it has started.
        enabled: bool = true, from "good practice for all that serves", grade Choice;
        /// Time from the start of the container until it is asked first.
        initial_delay: SimDuration = "0s", from "v1.36.2 pkg/apis/core/v1/defaults.go", grade Verified;
        /// Time between two questions.
        period: SimDuration = "10s" in |d| !d.is_zero() => "more than zero", from "v1.36.2 pkg/apis/core/v1/defaults.go", grade Verified;
        /// How long an answer is waited for; a refused connection fails at once.
        timeout: SimDuration = "1s", from "v1.36.2 pkg/apis/core/v1/defaults.go", grade Verified;
        /// Successes in a row after which it gets requests.
        success_threshold: u32 = 1 in |&n| n > 0 => "at least 1", from "v1.36.2 pkg/apis/core/v1/defaults.go", grade Verified;
        /// Failures in a row after which it gets none.
        failure_threshold: u32 = 3 in |&n| n > 0 => "at least 1", from "v1.36.2 pkg/apis/core/v1/defaults.go", grade Verified;
    }
}

section! {
    /// Is it alive? Who is not is killed and started again.
    pub struct LivenessParameters {
        /// Whether it is asked; otherwise a process that hangs does so until somebody comes.
        enabled: bool = true, from "common for what may hang, and debated", grade Choice;
        /// Time from the start of the container until it is asked first.
        initial_delay: SimDuration = "0s", from "v1.36.2 pkg/apis/core/v1/defaults.go", grade Verified;
        /// Time between two questions.
        period: SimDuration = "10s" in |d| !d.is_zero() => "more than zero", from "v1.36.2 pkg/apis/core/v1/defaults.go", grade Verified;
        /// How long an answer is waited for; a refused connection fails at once.
        timeout: SimDuration = "1s", from "v1.36.2 pkg/apis/core/v1/defaults.go", grade Verified;
        /// Failures in a row after which the container is killed.
        failure_threshold: u32 = 3 in |&n| n > 0 => "at least 1", from "v1.36.2 pkg/apis/core/v1/defaults.go", grade Verified;
    }
}

section! {
    /// The API server and the clients of its controllers.
    pub struct ControlPlaneParameters {
        /// Who runs the control plane.
        run_by: RunBy = "provider", grade Choice;
        /// Machines that it runs on where the team runs it; a load balancer is in front of them.
        machines: u32 = 3 in |n| (1..=100).contains(n) => "from 1 to 100", from "a quorum of etcd that can lose one", grade Derived;
        /// Machine type of a control plane that the team runs itself.
        machine: String = "m5.large", grade Choice;
        /// Routine administration where the team runs it, beside that of the cluster [h/week].
        upkeep: f64 = "60" in |h| (0.0..=10_000.0).contains(h) => "from 0 to 10000", from "1.5 full-time engineers of 40 h a week: three against one in Gcore's TCO comparison, two of them for other things", grade Estimate;
        /// Minor upgrades of a control plane that the team runs.
        upgrades: Rate = "3/year", from "three minor versions of Kubernetes a year", grade Verified;
        /// Work of one such upgrade [h].
        upgrade_effort: f64 = "80" in |h| (0.0..=10_000.0).contains(h) => "from 0 to 10000", from "two engineer-weeks: 4 to 6 for three regions (technologiesdigest)", grade Derived;
        /// Time from a write until a controller that watches the object wakes up.
        watch_latency: SimDuration = "10ms", from "typically 1-50 ms; no source found", grade Estimate;
        /// Writes per second of a controller.
        client_rate: Rate = "20/s" in |r| r.per_second() > 0.0 => "more than zero", from "v1.36.2 kube-api-qps", grade Verified;
        /// Writes of a controller at once.
        client_burst: u32 = 30 in |n| *n > 0 => "at least 1", from "v1.36.2 kube-api-burst", grade Verified;
        /// Pods bound per second by the scheduler.
        scheduler_rate: Rate = "50/s" in |r| r.per_second() > 0.0 => "more than zero", from "v1.36.2 scheduler client QPS", grade Verified;
        /// Pods bound at once by the scheduler.
        scheduler_burst: u32 = 100 in |n| *n > 0 => "at least 1", from "v1.36.2 scheduler client burst", grade Verified;
    }
}

section! {
    /// Rolling updates.
    pub struct DeploymentParameters {
        /// Pods above the wanted number during a rollout, rounded up.
        max_surge: Fraction = "25%", from "v1.36.2 pkg/apis/apps/v1/defaults.go", grade Verified;
        /// Pods below the wanted number during a rollout, rounded down.
        max_unavailable: Fraction = "25%", from "v1.36.2 pkg/apis/apps/v1/defaults.go", grade Verified;
    }
}

section! {
    /// How a version reaches the pods of a service. A canary and a second set are two Deployments behind one Service.
    pub struct KubernetesRolloutParameters {
        /// In which way.
        strategy: Strategy = "rolling" in |s| !matches!(s, Strategy::ByHand | Strategy::InPlace)
            => "`rolling`, `recreate`, `blue-green` or `canary`: pods are replaced, nobody changes them",
            from "v1.36.2 pkg/apis/apps/v1/defaults.go: RollingUpdate", grade Verified;
        blue_green: BlueGreenParameters, section;
        canary: CanaryParameters, section;
    }
}

section! {
    /// How a node that falls silent is noticed, and what becomes of its pods.
    pub struct NodeLifecycleParameters {
        /// How often a kubelet renews its lease.
        heartbeat: SimDuration = "10s" in |d| !d.is_zero() => "more than zero", from "v1.36.2 pkg/kubelet/kubelet.go, a quarter of 40 s", grade Verified;
        /// Silence after which a node is unknown.
        grace: SimDuration = "50s", from "v1.36.2 node-monitor-grace-period (40 s before 1.32)", grade Verified;
        /// How often the controller looks at all nodes.
        monitor_period: SimDuration = "5s" in |d| !d.is_zero() => "more than zero", from "v1.36.2 node-monitor-period", grade Verified;
        /// How long pods stay bound to a node that is unreachable.
        toleration: SimDuration = "300s", from "v1.36.2 admission plugin defaulttolerationseconds", grade Verified;
        /// Nodes of a zone whose pods are evicted, per second.
        eviction_rate: Rate = "0.1/s", from "v1.36.2 node-eviction-rate", grade Verified;
        /// The same in a large zone of which many nodes are silent.
        secondary_rate: Rate = "0.01/s", from "v1.36.2 secondary-node-eviction-rate", grade Verified;
        /// Share of silent nodes from which on a zone counts as disrupted.
        unhealthy_zone: Fraction = "55%", from "v1.36.2 unhealthy-zone-threshold", grade Verified;
        /// A zone with more nodes is large.
        large_zone: u32 = 50, from "v1.36.2 large-cluster-size-threshold", grade Verified;
    }
}

section! {
    /// How requests reach pods.
    pub struct NetworkParameters {
        /// How requests are spread over ready pods.
        balancing: Balancing = "random", from "kube-proxy's iptables rules choose at random", grade Verified;
        /// Shortest time between two updates of the nodes' rules.
        proxy_period: SimDuration = "1s", from "v1.36.2 pkg/proxy minSyncPeriod", grade Verified;
        /// Time from an update of the endpoints until all nodes' rules have it.
        programming: SimDuration = "200ms", from "tens of ms to 2 s on moderate clusters; no source found", grade Estimate;
    }
}

section! {
    /// The metrics pipeline that autoscalers read.
    pub struct MetricsParameters {
        /// How often CPU is scraped; a reading is the mean over so long.
        resolution: SimDuration = "15s" in |d| !d.is_zero() => "more than zero", from "metrics-server v0.9 manifest, metric-resolution", grade Verified;
        /// Age of a sample when it is scraped.
        lag: SimDuration = "10s", from "v1.36.2 cAdvisor housekeeping every 10-15 s", grade Derived;
    }
}

section! {
    /// The HorizontalPodAutoscaler of each service.
    pub struct HpaParameters {
        /// Whether pods are autoscaled; otherwise there are as many as the forecast peak needs.
        enabled: bool = true, grade Choice;
        /// CPU use, as a share of requests, that it aims for.
        target: Fraction = "65%" in |f| f.as_f64() >= 0.01 => "at least 1%", from "50-80 % is usual; 65 % keeps a third for the minute or two that scaling takes", grade Choice;
        /// The most pods, as a multiple of what the forecast peak needs.
        max_factor: Factor = "2" in |f| f.as_f64() >= 1.0 => "at least 1", grade Choice;
        /// How often it looks.
        sync: SimDuration = "15s" in |d| !d.is_zero() => "more than zero", from "v1.36.2 horizontal-pod-autoscaler-sync-period", grade Verified;
        /// Deviation from the target that is ignored.
        tolerance: Fraction = "10%", from "v1.36.2 horizontal-pod-autoscaler-tolerance", grade Verified;
        /// It goes down to the largest number recommended within this time.
        stabilization: SimDuration = "5m", from "v1.36.2 horizontal-pod-autoscaler-downscale-stabilization", grade Verified;
        /// Age of a pod until which it counts only with a sample from after it became ready.
        cpu_initialization: SimDuration = "5m", from "v1.36.2 horizontal-pod-autoscaler-cpu-initialization-period", grade Verified;
        /// How it grows (`behavior.scaleUp`). Without this section and the next: at once, to at most twice the pods or 4.
        scale_up: Option<ScaleUpParameters>, optional section;
        /// How it shrinks (`behavior.scaleDown`).
        scale_down: Option<ScaleDownParameters>, optional section;
    }
}

choices! {
    /// Which of several scaling policies decides.
    pub enum PolicySelect {
        /// The one that allows the largest change.
        Max = "max",
        /// The one that allows the smallest change.
        Min = "min",
        /// None: pods are not scaled in this direction.
        Disabled = "disabled",
    }
}

section! {
    /// How an autoscaler grows.
    pub struct ScaleUpParameters {
        /// It goes up to the smallest number recommended within this time.
        stabilization: SimDuration = "0s" in |d| *d <= SimDuration::from_hours(1) => "at most an hour", from "v1.36.2 pkg/apis/autoscaling/v2/defaults.go", grade Verified;
        /// Deviation from the target that is ignored upwards; none is the autoscaler's.
        tolerance: Option<Fraction>, optional;
        /// Which policy decides.
        select: PolicySelect = "max", from "v1.36.2 pkg/apis/autoscaling/v2/defaults.go", grade Verified;
        /// Policies, `[….scale_up.policy.NAME]`; without any 4 pods or 100 % in 15 s.
        policy: Named<ScalingPolicyParameters>, sections;
    }
}

section! {
    /// How an autoscaler shrinks.
    pub struct ScaleDownParameters {
        /// It goes down to the largest number recommended within this time; none is the autoscaler's.
        stabilization: Option<SimDuration>, optional in |d| d.is_none_or(|d| d <= SimDuration::from_hours(1)) => "at most an hour";
        /// Deviation from the target that is ignored downwards; none is the autoscaler's.
        tolerance: Option<Fraction>, optional;
        /// Which policy decides.
        select: PolicySelect = "max", from "v1.36.2 pkg/apis/autoscaling/v2/defaults.go", grade Verified;
        /// Policies, `[….scale_down.policy.NAME]`; without any 100 % in 15 s.
        policy: Named<ScalingPolicyParameters>, sections;
    }
}

section! {
    /// How much an autoscaler may change in a time. Pods and a percentage together are two policies of one period.
    pub struct ScalingPolicyParameters {
        /// Pods.
        pods: Option<u32>, optional in |n| n.is_none_or(|n| (1..=100_000).contains(&n)) => "from 1 to 100000";
        /// Share of the pods at the start of the period.
        percent: Option<Factor>, optional in |f| f.is_none_or(|f| (0.01..=1_000.0).contains(&f.as_f64())) => "from 1% to 100000%";
        /// The period.
        period: SimDuration = "15s" in |d| !d.is_zero() && *d <= SimDuration::from_mins(30) => "more than zero, at most 30 minutes", from "v1.36.2 pkg/apis/autoscaling/v2/defaults.go", grade Verified;
    }
}

section! {
    /// The Cluster Autoscaler.
    pub struct ClusterAutoscalerParameters {
        /// Whether nodes are autoscaled; otherwise there are as many as the forecast peak needs.
        enabled: bool = true, grade Choice;
        /// How often it looks, unless a pod is newly unschedulable.
        scan: SimDuration = "10s" in |d| !d.is_zero() => "more than zero", from "cluster-autoscaler 1.36.1, scan-interval", grade Verified;
        /// CPU that is kept free of requests for pods to come (balloon pods).
        spare: MilliCpu = "0m", grade Choice;
        /// A node with less of its CPU and memory requested may be removed.
        utilization: Fraction = "50%", from "cluster-autoscaler 1.36.1, scale-down-utilization-threshold", grade Verified;
        /// How long a node must be unneeded.
        unneeded_after: SimDuration = "10m", from "cluster-autoscaler 1.36.1, scale-down-unneeded-time", grade Verified;
        /// How long a node is left alone whose pods fit nowhere else, or of which a budget is used up.
        unremovable_recheck: SimDuration = "5m", from "cluster-autoscaler 1.36.1, unremovable-node-recheck-timeout", grade Verified;
        /// How long after adding a node none is removed.
        delay_after_add: SimDuration = "10m", from "cluster-autoscaler 1.36.1, scale-down-delay-after-add", grade Verified;
        /// Time from marking a node until its pods are evicted.
        taint_delay: SimDuration = "5s", from "cluster-autoscaler 1.36.1, node-delete-delay-after-taint", grade Verified;
        /// How long refused evictions are repeated (every 10 s) until a node is given up, not to be removed.
        eviction_time: SimDuration = "2m", from "cluster-autoscaler 1.36.1, max-pod-eviction-time", grade Verified;
        /// A machine that has not become a node by then is given up.
        provision_timeout: SimDuration = "15m" in |d| !d.is_zero() => "more than zero", from "cluster-autoscaler 1.36.1, max-node-provision-time", grade Verified;
        /// How long a zone is left alone after a refused launch; doubles each time.
        backoff: SimDuration = "5m" in |d| !d.is_zero() => "more than zero", from "cluster-autoscaler 1.36.1, initial-node-group-backoff-duration", grade Verified;
        /// The longest that a zone is left alone.
        backoff_max: SimDuration = "30m", from "cluster-autoscaler 1.36.1, max-node-group-backoff-duration", grade Verified;
    }
}

section! {
    /// The PodDisruptionBudget that every service has. Who empties a node asks it pod by pod: the Cluster Autoscaler,
    /// a node upgrade, the termination handler, node repair. It holds back no rollout, scale-down or crash.
    pub struct DisruptionBudgetParameters {
        /// Pods that may be missing: a number, or a share of the wanted ones, rounded up. `100%` is as good as no budget.
        max_unavailable: CountOrShare = "1", from "Bitnami's charts make a budget with maxUnavailable 1 unless told otherwise", grade Recalled;
        /// Pods that must stay, instead of `max_unavailable`; a share is rounded up. With `100%` nothing is ever evicted.
        min_available: Option<CountOrShare>, optional;
    }
}

section! {
    /// The regular change of all nodes to a new image, as a managed node group does it (EKS, default strategy): new
    /// nodes first, then the old ones are drained against the budgets and replaced, a few at a time.
    pub struct NodeUpgradeParameters {
        /// Whether nodes are ever upgraded.
        enabled: bool = true, from "GKE and AKS upgrade nodes unless told not to", grade Recalled;
        /// How often. The first time is drawn from the first such span.
        every: SimDuration = "30d" in |d| *d >= SimDuration::from_hours(1) => "at least 1h",
            from "critical patches within a month (PCI DSS 4.0, 6.3.3); AKS brings a new node image every week", grade Recalled;
        /// Old nodes that are drained at the same time.
        max_unavailable: u32 = 1 in |n| (1..=100).contains(n) => "from 1 to 100", from "EKS user guide, node update behavior: one, at most 100", grade Verified;
        /// Machines that are rented on top in each zone while it lasts.
        surge_per_zone: u32 = 2 in |n| (1..=100).contains(n) => "from 1 to 100", from "EKS user guide, node update behavior: up to two in each zone", grade Verified;
        /// How long a node is drained until the upgrade stops and a person has to force it.
        drain_timeout: SimDuration = "15m" in |d| !d.is_zero() => "more than zero", from "EKS user guide, node update behavior: PodEvictionFailure after 15 minutes", grade Verified;
        /// Hands-on time to begin one: a reviewed change of the image version, and a look at how it goes.
        touch: Distribution = "lognormal(15m, 0.5)", from "one change and one look; no source found", grade Estimate;
    }
}
