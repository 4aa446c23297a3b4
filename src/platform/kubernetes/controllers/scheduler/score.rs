//! Scores of the default profile, in upstream's integer arithmetic: LeastAllocated, BalancedAllocation, and the system's
//! default PodTopologySpread (hostname with a skew of 3, zone with 5) at weight 2.
//!
//! Follows least_allocated.go, balanced_allocation.go and podtopologyspread/scoring.go of v1.36.2. The selector of the
//! default spread contains the template's hash, so only pods of the same ReplicaSet count.
//!
//! *Deviation:* scores that are the same for all nodes here (taints, affinities) and image locality are left out.
//!
//! Start at [`Scratch::best`].

use crate::platform::kubernetes::objects::{Node, NodeId, PodId, Resources};
use crate::platform::kubernetes::store::Store;

const HOSTNAME_SKEW: f64 = 3.0;
const ZONE_SKEW: f64 = 5.0;
const SPREAD_WEIGHT: i64 = 2;

/// Free part of CPU and memory with the pod, in percent, averaged.
pub fn least_allocated(allocatable: Resources, requested: Resources, pod: Resources) -> i64 {
    let score = |all: u64, used: u64| if used > all || all == 0 { 0 } else { (all - used) * 100 / all };
    let cpu = score(u64::from(allocatable.cpu), u64::from(requested.cpu) + u64::from(pod.cpu));
    let memory = score(allocatable.memory, requested.memory + pod.memory);
    ((cpu + memory) / 2) as i64
}

/// How much the pod changes the balance of CPU and memory: 75 if not at all.
pub fn balanced_allocation(allocatable: Resources, requested: Resources, pod: Resources) -> i64 {
    let balance = |r: Resources| {
        let fraction = |used: f64, all: f64| if all > 0.0 { (used / all).min(1.0) } else { 1.0 };
        let cpu = fraction(f64::from(r.cpu), f64::from(allocatable.cpu));
        let memory = fraction(r.memory as f64, allocatable.memory as f64);
        ((1.0 - (cpu - memory).abs() / 2.0) * 100.0) as i64
    };
    let mut with = requested;
    with.add(pod);
    50 + (50 + balance(with) - balance(requested)) / 2
}

/// Raw spread score of a node that holds `on_node` matching pods in a zone with `in_zone`.
fn spread_raw(on_node: u32, in_zone: u32, host_weight: f64, zone_weight: f64) -> i64 {
    let host = f64::from(on_node) * host_weight + (HOSTNAME_SKEW - 1.0);
    let zone = f64::from(in_zone) * zone_weight + (ZONE_SKEW - 1.0);
    (host + zone).round() as i64
}

/// Spread score from the raw one and the extremes of all.
fn spread_score(raw: i64, min: i64, max: i64) -> i64 {
    if max == 0 { 100 } else { 100 * (max + min - raw) / max }
}

/// Space for counting, used again for each pod.
#[derive(Debug, Default)]
pub struct Scratch {
    on_node: Vec<u32>,
    in_zone: Vec<u32>,
    touched: Vec<u32>,
    zone_seen: Vec<bool>,
    raw: Vec<i64>,
}

impl Scratch {
    /// The first of the nodes with the highest sum of scores.
    pub fn best(&mut self, pod: PodId, feasible: &[NodeId], store: &Store) -> NodeId {
        let pod = store.pod(pod).expect("pods that exist are scored");
        self.count(pod.owner, store);
        self.spread(feasible, store);
        let (min, max) = (self.raw.iter().copied().min(), self.raw.iter().copied().max());
        let (min, max) = min.zip(max).expect("there are feasible nodes");
        let mut best: Option<(i64, NodeId)> = None;
        for (&id, &raw) in feasible.iter().zip(&self.raw) {
            let node = store.node(id).expect("feasible nodes exist");
            let score = allocation(node, pod.template.requests) + SPREAD_WEIGHT * spread_score(raw, min, max);
            if best.is_none_or(|(highest, _)| score > highest) {
                best = Some((score, id));
            }
        }
        best.expect("there are feasible nodes").1
    }

    /// Counts the ReplicaSet's pods by node and zone.
    fn count(&mut self, owner: crate::platform::kubernetes::objects::ReplicaSetId, store: &Store) {
        for index in self.touched.drain(..) {
            self.on_node[index as usize] = 0;
        }
        self.in_zone.iter_mut().for_each(|n| *n = 0);
        for (_, other) in store.pods_of(owner).filter(|(_, p)| p.is_active()) {
            let Some((id, node)) = other.node.and_then(|id| Some((id, store.node(id)?))) else { continue };
            let (i, z) = (id.index as usize, usize::from(node.zone.0));
            self.on_node.resize(self.on_node.len().max(i + 1), 0);
            self.in_zone.resize(self.in_zone.len().max(z + 1), 0);
            self.on_node[i] += 1;
            self.in_zone[z] += 1;
            self.touched.push(id.index);
        }
    }

    fn spread(&mut self, feasible: &[NodeId], store: &Store) {
        self.zone_seen.iter_mut().for_each(|seen| *seen = false);
        for &id in feasible {
            let z = zone_of(id, store);
            self.zone_seen.resize(self.zone_seen.len().max(z + 1), false);
            self.zone_seen[z] = true;
        }
        let zones = self.zone_seen.iter().filter(|&&seen| seen).count();
        let (host_weight, zone_weight) = ((feasible.len() as f64 + 2.0).ln(), (zones as f64 + 2.0).ln());
        self.raw.clear();
        for &id in feasible {
            let on_node = self.on_node.get(id.index as usize).copied().unwrap_or(0);
            let in_zone = self.in_zone.get(zone_of(id, store)).copied().unwrap_or(0);
            self.raw.push(spread_raw(on_node, in_zone, host_weight, zone_weight));
        }
    }
}

fn zone_of(id: NodeId, store: &Store) -> usize {
    usize::from(store.node(id).expect("feasible nodes exist").zone.0)
}

fn allocation(node: &Node, pod: Resources) -> i64 {
    least_allocated(node.allocatable, node.requested, pod)
        + balanced_allocation(node.allocatable, node.requested, pod)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn allocation_scores_of_the_specification() {
        // facts 2.4: 4000m/16 GiB with 1000m/4 GiB used, pod 500m/1 GiB.
        let all = Resources { cpu: 4_000, memory: 16 * GIB, pods: 110 };
        let used = Resources { cpu: 1_000, memory: 4 * GIB, pods: 3 };
        let pod = Resources::of_pod(500, GIB);
        // (4000 − 1500)·100/4000 = 62; (16 − 5)·100/16 = 68; (62 + 68)/2 = 65.
        assert_eq!(least_allocated(all, used, pod), 65);
        // With: |0.375 − 0.3125|/2 = 0.031 → 96; without: 100; 50 + (50 + 96 − 100)/2 = 73.
        assert_eq!(balanced_allocation(all, used, pod), 73);
    }

    #[test]
    fn spread_scores_of_the_specification() {
        // facts 2.4: three zones of one node with 2, 1, 0 matching pods: raw 12, 9, 6 → 50, 75, 100.
        let weight = 5.0_f64.ln();
        let raw = [2, 1, 0].map(|n| spread_raw(n, n, weight, weight));
        assert_eq!(raw, [12, 9, 6]);
        assert_eq!(raw.map(|r| spread_score(r, 6, 12)), [50, 75, 100]);
    }
}
