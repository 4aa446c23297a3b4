//! A Kubernetes control plane by its specification (v1.36): what follows from its constants alone, and published numbers.
//!
//! Runs the store and controllers of scenarios in a small cluster with kubelets that do as they are told; what was recorded from
//! the real control plane is compared elsewhere ([`crate::verify::kubernetes`]). Single cases of the algorithms are
//! [`vectors`].

mod vectors;

use crate::cluster::controllers::deployment::Fenceposts;
use crate::cluster::objects::{
    Container, Deployment, DeploymentId, DisruptionBudget, Keep, Labels, Name, Node, NodeId, Owner, PodSpec,
    Resources, Size, Strategy,
};
use crate::cluster::scheduler::quota;
use crate::cluster::settings::Settings;
use crate::cluster::store::Change;
use crate::engine::{SimDuration, SimTime};
use crate::verify::kubernetes::lab::{KubeletHabits, Lab, Seen, TRIGGER, at, seconds};
use crate::verify::{Band, Check};
use std::collections::BTreeSet;

const GIB: u64 = 1 << 30;
const SPECIFICATION: &str = "Kubernetes v1.36.2, constants and algorithms";

pub fn checks() -> Vec<Check> {
    let mut checks = vec![
        Check::new("k8s-cluster-capacity", 52.0, Band::Exact, |_| capacity().into())
            .claims("pods of 150 m and 100 MiB that 4 nodes of 2 CPUs and 4 GiB take: 2000 / 150 = 13 each")
            .after("kubernetes-sigs/cluster-capacity, README"),
        Check::new("k8s-taint-spacing", 10.0, Band::Within(0.2, "looks and polls"), |_| {
            spacing(&zone_failure(20, 5)).into()
        })
        .claims("time between NoExecute taints when 5 of 20 nodes of a zone are silent: 0.1 nodes a second")
        .after(SPECIFICATION),
        Check::new(
            "k8s-partial-zone",
            1.0,
            Band::Between(1.0, 2.0, "one, or one for each of two looks"),
            |_| (zone_failure(20, 12).len() as f64).into(),
        )
        .claims("nodes tainted when 12 of 20 nodes of one zone of three are silent: evictions stop there")
        .after(SPECIFICATION),
        Check::new("k8s-budget", 3.0, Band::Exact, |_| f64::from(budget()).into())
            .claims("disruptions of 10 healthy pods that a budget of at most 30 % missing allows")
            .after(SPECIFICATION),
    ];
    for (name, grace, low, high) in
        [("k8s-replacement", 50, 340.0, 355.0), ("k8s-replacement-1.31", 40, 330.0, 345.0)]
    {
        for (which, last) in [("early", 0.0), ("late", 9.99)] {
            let middle = (low + high) / 2.0;
            let band = Band::Between(low - 0.1, high + 0.1, "phases of the last heartbeat and of the looks");
            checks.push(
                Check::new(format!("{name}-{which}"), middle, band, move |_| replacement(grace, last).into())
                    .claims(format!(
                        "seconds from the stop of a node, {last} s after its last heartbeat, to the replacement of its pod \
                         with a grace of {grace} s"
                    ))
                    .after("grace, one look of 5 s, and 300 s of toleration"),
            );
        }
    }
    let of_nodes =
        [(100, 100), (250, 120), (500, 230), (1_000, 420), (2_000, 680), (5_000, 500), (15_000, 750)];
    for (nodes, expected) in of_nodes {
        checks.push(
            Check::new(format!("k8s-quota-{nodes}"), f64::from(expected), Band::Exact, move |_| {
                (quota(nodes, 0) as f64).into()
            })
            .claims(format!("feasible nodes after which the scheduler stops looking, of {nodes}"))
            .after("numFeasibleNodesToFind of v1.36.2"),
        );
    }
    for (replicas, surge, unavailable) in [(10, 3, 2), (4, 1, 1), (3, 1, 0), (1, 1, 0)] {
        checks.push(
            Check::new(
                format!("k8s-fence-{replicas}"),
                f64::from(surge * 10 + unavailable),
                Band::Exact,
                move |_| {
                    let fence = Fenceposts::resolve(rolling(), replicas);
                    f64::from(fence.surge * 10 + fence.unavailable).into()
                },
            )
            .claims(format!("surge (tens) and unavailable (ones) of {replicas} pods at 25 %: up and down"))
            .after(SPECIFICATION),
        );
    }
    checks.extend(vectors::checks());
    checks
}

fn rolling() -> Strategy {
    Strategy::RollingUpdate { max_surge: Size::percent(25), max_unavailable: Size::percent(25) }
}

/// Kubelets whose pods are ready after two seconds and gone after one.
fn lab(settings: Settings) -> Lab {
    let habits =
        KubeletHabits { ready_after: SimDuration::from_secs(2), gone_after: SimDuration::from_secs(1) };
    Lab::new(settings, habits)
}

fn spec(cpu: u32, memory: u64) -> PodSpec {
    let labels = Labels::default().with(Name::APP, Name::number(1));
    PodSpec::of_container(labels, Container { cpu: Some(cpu), memory: Some(memory), ..Default::default() })
        .with_default_tolerations(300)
}

fn add_node(lab: &mut Lab, zone: u32, cpu: u32, memory: u64) -> NodeId {
    let name = Name::number(lab.cluster.store.node_set() as u32);
    let labels = Labels::default().with(Name::ZONE, Name::number(zone));
    lab.cluster.store.add_node(Node::new(name, labels, Resources { cpu, memory, pods: 110 }))
}

/// A Deployment whose pods run on `nodes`, one each.
fn add_deployment(lab: &mut Lab, nodes: &[NodeId]) -> DeploymentId {
    let replicas = nodes.len() as u32;
    let ready = TRIGGER - SimDuration::from_secs(60);
    let store = &mut lab.cluster.store;
    let template = store.intern_template(spec(100, GIB / 16));
    let (id, set) = store.adopt_deployment(Deployment::of_pods(template, replicas), ready);
    let template = store.replica_set(set).expect("just made").template;
    for &node in nodes {
        let pod = lab.cluster.store.create_pod(Owner::ReplicaSet(set), template, ready);
        lab.adopt(pod, node, ready);
    }
    id
}

fn capacity() -> f64 {
    let mut lab = lab(Settings::default());
    for _ in 0..4 {
        add_node(&mut lab, 0, 2_000, 4 * GIB);
    }
    let spec = spec(150, 100 << 20);
    let labels = spec.labels.clone();
    lab.cluster.store.add_replica_set(spec, &labels, 60, TRIGGER);
    let mut bound = 0;
    while let Some(seen) = lab.next(at(60.0)) {
        bound += u32::from(matches!(seen, Seen::Change(Change::PodBound(_))));
    }
    f64::from(bound)
}

/// When nodes of a zone of three get their NoExecute taint, after some of them fell silent at once [s].
fn zone_failure(nodes: u32, silent: usize) -> Vec<f64> {
    let mut lab = lab(Settings::default());
    let own: Vec<NodeId> = (0..nodes).map(|_| add_node(&mut lab, 0, 4_000, 16 * GIB)).collect();
    for zone in 1..3 {
        for _ in 0..nodes {
            add_node(&mut lab, zone, 4_000, 16 * GIB);
        }
    }
    add_deployment(&mut lab, &own);
    lab.forget();
    own.iter().take(silent).for_each(|&node| lab.stop_node(node, at(-1.0)));
    let (mut tainted, mut known) = (Vec::new(), BTreeSet::new());
    while let Some(seen) = lab.next(at(200.0)) {
        if let Seen::Change(Change::NodeChanged(id)) = seen
            && lab.cluster.store.node(id).and_then(Node::health_eviction).is_some()
            && known.insert(id)
        {
            tainted.push(seconds(lab.now()));
        }
    }
    tainted
}

/// The mean time between what happened [s].
fn spacing(times: &[f64]) -> f64 {
    match times {
        [first, .., last] => (last - first) / (times.len() - 1) as f64,
        _ => f64::NAN,
    }
}

/// From the stop of a node, so long after its last heartbeat, to the creation of its pod's successor [s].
fn replacement(grace: u64, since_heartbeat: f64) -> f64 {
    let mut lab = lab(Settings::default());
    lab.grace = SimDuration::from_secs(grace);
    let nodes: Vec<NodeId> = (0..3).map(|zone| add_node(&mut lab, zone, 4_000, 16 * GIB)).collect();
    add_deployment(&mut lab, &nodes);
    lab.forget();
    lab.stop_node(nodes[0], at(-since_heartbeat));
    let end: SimTime = at(600.0);
    while let Some(seen) = lab.next(end) {
        if matches!(seen, Seen::Change(Change::PodCreated(_))) {
            return seconds(lab.now());
        }
    }
    f64::NAN
}

/// Disruptions that are allowed.
fn budget() -> u32 {
    let mut lab = lab(Settings::default());
    let nodes: Vec<NodeId> = (0..10).map(|_| add_node(&mut lab, 0, 4_000, 16 * GIB)).collect();
    add_deployment(&mut lab, &nodes);
    lab.forget();
    let labels = Labels::default().with(Name::APP, Name::number(1));
    let budget = DisruptionBudget::new(&labels, Keep::MaxUnavailable(Size::percent(30)));
    let id = lab.cluster.store.add_budget(budget);
    while lab.next(at(5.0)).is_some() {}
    lab.cluster.store.budget(id).status.allowed
}
