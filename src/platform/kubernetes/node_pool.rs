//! Nodes as a provider makes them: what of a machine is left for pods, and which machine type is cheapest.
//!
//! Reservations follow the providers' own formulas (EKS: amazon-eks-ami v20260724; GKE and AKS: their documentation).
//! Knows requests, not use. Start at [`allocatable`] and [`pack`].

use super::parameters::{KubernetesParameters, Provider};
use crate::catalog::{Catalog, InstanceId, InstanceType};
use crate::cluster::objects::Resources;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// CPU kept from pods [milli-CPU]: shares of the first core, the second, the third and fourth, the rest.
fn reserved_cpu(provider: Provider, cores: u32) -> u32 {
    // In hundredths of a percent of a core.
    let shares = match provider {
        Provider::Eks | Provider::Gke => [600, 100, 50, 25],
        Provider::Aks => [600, 400, 200, 100],
    };
    let of = |core: u32| match core {
        0 => shares[0],
        1 => shares[1],
        2 | 3 => shares[2],
        _ => shares[3],
    };
    (0..cores).map(of).sum::<u32>() / 10
}

/// Memory kept from pods, beside the eviction margin [bytes].
fn reserved_memory(provider: Provider, memory: u64, max_pods: u32) -> u64 {
    match provider {
        Provider::Eks => (255 + 11 * u64::from(max_pods)) * MIB,
        Provider::Gke => {
            let brackets = [(4 * GIB, 25), (8 * GIB, 20), (16 * GIB, 10), (128 * GIB, 6), (u64::MAX, 2)];
            let (mut below, mut sum) = (0, 0);
            for (until, percent) in brackets {
                sum += (memory.min(until).saturating_sub(below)) / 100 * percent;
                below = until;
            }
            sum
        }
        Provider::Aks => (20_000_000 * u64::from(max_pods) + 50_000_000).min(memory / 4),
    }
}

/// What pods can request on a node of this type, DaemonSets included: what the provider and the margin below which the
/// kubelet evicts pods leave of it.
pub fn allocatable(machine: &InstanceType, p: &KubernetesParameters) -> Resources {
    let (provider, margin) = (p.node_pool.provider, p.kubelet.eviction_memory.as_bytes());
    let cpu = machine.cpu.as_milli();
    let memory = machine.memory.as_bytes();
    Resources {
        cpu: cpu.saturating_sub(reserved_cpu(provider, cpu / 1_000)),
        memory: memory.saturating_sub(reserved_memory(provider, memory, machine.max_pods) + margin),
        pods: machine.max_pods,
    }
}

/// What DaemonSets request on every node.
pub fn daemon_sets(p: &KubernetesParameters) -> Resources {
    Resources {
        cpu: p.agents.cpu_request.as_milli(),
        memory: p.agents.memory_request.as_bytes(),
        pods: p.agents.pods,
    }
}

/// What is free on an empty node of this type; `None` if DaemonSets alone do not fit.
pub fn room(catalog: &Catalog, instance: InstanceId, p: &KubernetesParameters) -> Option<Resources> {
    let all = allocatable(catalog.get(instance), p);
    let agents = daemon_sets(p);
    Resources::default().leaves_room(agents, all).then(|| Resources {
        cpu: all.cpu - agents.cpu,
        memory: all.memory - agents.memory,
        pods: all.pods - agents.pods,
    })
}

/// Nodes with so much room that hold all pods; `None` if one pod fits on none.
///
/// First fit of the largest pods first, in the order of the Cluster Autoscaler's estimator (1.36.1): by the sum of
/// the shares of CPU and memory.
pub fn pack(pods: &[Resources], room: Resources) -> Option<u32> {
    let share = |r: &Resources| {
        f64::from(r.cpu) / f64::from(room.cpu.max(1)) + r.memory as f64 / room.memory.max(1) as f64
    };
    let mut sorted: Vec<Resources> = pods.to_vec();
    sorted.sort_by(|a, b| share(b).total_cmp(&share(a)));
    let mut nodes: Vec<Resources> = Vec::new();
    for pod in sorted {
        match nodes.iter_mut().find(|used| used.leaves_room(pod, room)) {
            Some(used) => used.add(pod),
            None => {
                if !Resources::default().leaves_room(pod, room) {
                    return None;
                }
                nodes.push(pod);
            }
        }
    }
    Some(nodes.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reservations_of_the_providers() {
        // facts 1.4: EKS 2 → 70m, 4 → 80, 8 → 90, 16 → 110, 96 → 310; AKS 1/2/4/8/16/32/64 cores.
        for (cores, m) in [(2, 70), (4, 80), (8, 90), (16, 110), (96, 310)] {
            assert_eq!(reserved_cpu(Provider::Eks, cores), m, "{cores}");
        }
        for (cores, m) in [(1, 60), (2, 100), (4, 140), (8, 180), (16, 260), (32, 420), (64, 740)] {
            assert_eq!(reserved_cpu(Provider::Aks, cores), m, "{cores}");
        }
    }

    #[test]
    fn an_m7i_large_of_eks_leaves_1930m() {
        let catalog = Catalog::embedded();
        let all = allocatable(
            catalog.get(catalog.find("m7i.large").expect("listed")),
            &KubernetesParameters::default(),
        );
        // 8 GiB − (255 + 11·29) MiB − 100 MiB = 8192 − 574 − 100 = 7518 MiB.
        assert_eq!((all.cpu, all.memory / MIB, all.pods), (1_930, 7_518, 29));
    }

    #[test]
    fn gke_keeps_a_quarter_of_the_first_4_gib_and_a_fifth_of_the_next() {
        // 8 GiB: 1 + 0.8 GiB = 1843 MiB.
        assert_eq!(reserved_memory(Provider::Gke, 8 * GIB, 110) / MIB, 1_843);
    }

    #[test]
    fn pods_are_packed_largest_first() {
        let room = Resources { cpu: 1_680, memory: 8 * GIB, pods: 24 };
        let pod = |cpu| Resources::of_pod(cpu, GIB / 2);
        // 3 · 500m = 1500m a node.
        assert_eq!(pack(&[pod(500); 7], room), Some(3));
        // 1000 + 500 + … : (1000 + 500), (1000 + 500).
        assert_eq!(pack(&[pod(500), pod(500), pod(1_000), pod(1_000)], room), Some(2));
        assert_eq!(pack(&[pod(1_700)], room), None);
        assert_eq!(pack(&[], room), Some(0));
    }
}
