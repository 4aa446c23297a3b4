//! NodeResourcesBalancedAllocation: does the pod bring CPU and memory closer to the same share?
//!
//! Follows plugins/noderesources/balanced_allocation.go as it is since v1.35: the change counts, not the balance itself, so
//! that 75 says "no change". Real requests, without defaults; skipped for a pod that requests nothing.

use super::super::class::Class;
use super::super::node::NodeInfo;
use super::MAX;
use crate::cluster::objects::Resources;

/// `None`: skipped.
pub fn score(class: &Class, node: &NodeInfo) -> Option<i64> {
    let pod = class.requests;
    (pod.cpu > 0 || pod.memory > 0).then(|| of(node.allocatable, node.requested, pod))
}

fn of(allocatable: Resources, used: Resources, pod: Resources) -> i64 {
    let balance = |cpu: u64, memory: u64| {
        let fraction = |taken: u64, all: u64| (all > 0).then(|| (taken as f64 / all as f64).min(1.0));
        let of_cpu = fraction(cpu, u64::from(allocatable.cpu));
        let deviation = match (of_cpu, fraction(memory, allocatable.memory)) {
            (Some(cpu), Some(memory)) => ((cpu - memory) / 2.0).abs(),
            _ => 0.0,
        };
        ((1.0 - deviation) * MAX as f64) as i64
    };
    let with = balance(u64::from(used.cpu) + u64::from(pod.cpu), used.memory + pod.memory);
    let without = balance(u64::from(used.cpu), used.memory);
    MAX / 2 + (MAX / 2 + with - without) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_change_of_the_balance_is_what_counts() {
        const GIB: u64 = 1 << 30;
        let all = Resources { cpu: 4_000, memory: 16 * GIB, pods: 110 };
        let used = Resources { cpu: 1_000, memory: 4 * GIB, pods: 3 };
        // facts 2.4: with: |0.375 − 0.3125|/2 = 0.031 → 96; without: 100; 50 + (50 + 96 − 100)/2 = 73.
        assert_eq!(of(all, used, Resources::of_pod(500, GIB)), 73);
        // As much of both: no change.
        assert_eq!(of(all, used, Resources::of_pod(1_000, 4 * GIB)), 75);
    }
}
