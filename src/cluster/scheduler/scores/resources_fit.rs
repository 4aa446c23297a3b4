//! NodeResourcesFit: empty nodes first, or full ones; CPU and memory count the same.
//!
//! Follows plugins/noderesources/{least,most}_allocated.go of v1.36.2. Where nothing is requested, 100 m and 200 MiB count.
//! A resource that the node does not have is left out.

use super::super::class::Class;
use super::super::node::NodeInfo;
use super::super::profile::Scoring;
use super::MAX;
use crate::cluster::objects::Resources;

pub fn score(scoring: Scoring, class: &Class, node: &NodeInfo) -> i64 {
    of(scoring, node.allocatable, node.scored, class.scored)
}

fn of(scoring: Scoring, allocatable: Resources, used: Resources, pod: Resources) -> i64 {
    let one = |all: u64, taken: u64| match scoring {
        Scoring::LeastAllocated if taken > all => 0,
        Scoring::LeastAllocated => (all - taken) * MAX as u64 / all,
        Scoring::MostAllocated => taken.min(all) * MAX as u64 / all,
    };
    let (mut sum, mut weights) = (0_u64, 0);
    for (all, taken) in [
        (u64::from(allocatable.cpu), u64::from(used.cpu) + u64::from(pod.cpu)),
        (allocatable.memory, used.memory + pod.memory),
    ] {
        if all > 0 {
            sum += one(all, taken);
            weights += 1;
        }
    }
    sum.checked_div(weights).unwrap_or(0) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_and_used_shares_are_averaged_in_integers() {
        const GIB: u64 = 1 << 30;
        let all = Resources { cpu: 4_000, memory: 16 * GIB, pods: 110 };
        let used = Resources { cpu: 1_000, memory: 4 * GIB, pods: 3 };
        let pod = Resources::of_pod(500, GIB);
        // facts 2.4: (4000 − 1500)·100/4000 = 62; (16 − 5)·100/16 = 68; (62 + 68)/2 = 65.
        assert_eq!(of(Scoring::LeastAllocated, all, used, pod), 65);
        // 37 and 31: 34.
        assert_eq!(of(Scoring::MostAllocated, all, used, pod), 34);
        // More than there is: 0 and 100 for the CPU, 68 and 31 for the memory.
        let big = Resources::of_pod(5_000, GIB);
        assert_eq!(of(Scoring::LeastAllocated, all, used, big), 34);
        assert_eq!(of(Scoring::MostAllocated, all, used, big), 65);
    }
}
