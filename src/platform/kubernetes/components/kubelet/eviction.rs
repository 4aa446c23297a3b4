//! Memory: who is evicted when a node runs low on it, and whom the kernel shall kill if it is too late for that.
//!
//! Watches the node's free memory. Reads what pods use, request, and their priority. Writes the node's memory-pressure
//! taint; ends pods, which stay as Failed. Follows pkg/kubelet/eviction/{eviction_manager,helpers}.go of v1.36.2: every
//! 10 s a look at `memory.available`; below the hard threshold the condition MemoryPressure is set, one pod is evicted
//! with a grace of 1 s, and the next look waits for its end. Who: pods that use more than they request first, then the
//! lower priority, then the most use above request; critical pods never. The condition stays for 5 min after the last
//! such look. Points for the kernel follow qos/policy.go.
//!
//! *Deviation:* the taint is written here, not by the node lifecycle controller a moment later; disk and process
//! pressure do not exist. No soft thresholds, which nobody sets by default. A look comes every 10 s, and not also when the
//! kernel tells (memcg notifications, off by default). The next victim waits for the end of the last, for however long.
//!
//! Start at [`Kubelets::on_memory_low`].

use super::{Context, Kubelets};
use crate::cluster::objects::{Effect, Name, NodeId, PodId, PodSpec};
use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::world::{Api, BoxId, MemoryWatch, VmId};
use std::cmp::Reverse;

/// Pods of this priority and above are critical (scheduling.SystemCriticalPriority).
const CRITICAL: i32 = 2_000_000_000;
/// Grace of a hard eviction (`immediateEvictionGracePeriodSeconds`).
const GRACE: SimDuration = SimDuration::from_secs(1);

impl Kubelets {
    /// The kubelet looks at the memory of its machine from now on.
    pub(super) fn watch_memory(&self, node: NodeId, cx: &Context<'_>, api: &mut Api<'_>) {
        let p = &cx.parameters.kubelet;
        let least = p.eviction_memory;
        if let Some(vm) = cx.bodies.vm_of(node).filter(|_| least.as_bytes() > 0) {
            api.watch_memory(vm, MemoryWatch { least, phase: SimTime::ZERO, period: p.housekeeping });
        }
    }

    /// A look found too little memory left.
    pub fn on_memory_low(&mut self, vm: VmId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(node) = cx.bodies.node_of(vm) else { return };
        if self.restarting.contains_key(&node) {
            return; // it looks again when it runs
        }
        self.pressure.insert(node, cx.now);
        cx.cluster.store.add_taint(node, Name::MEMORY_PRESSURE, Effect::NoSchedule, cx.now);
        cx.after(cx.parameters.kubelet.pressure_transition, Event::PressureOver(node));
        let is_ending =
            cx.cluster.store.pods_on(node).any(|(id, pod)| self.evicted.contains(&id) && !pod.is_terminal());
        if !is_ending && let Some(victim) = first_to_go(node, cx, api) {
            cx.at(cx.now, Event::Evict(victim));
        }
        self.watch_memory(node, cx, api);
    }

    pub fn evict(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        if cx.cluster.store.pod(id).is_none_or(|pod| !pod.is_active()) {
            return;
        }
        let Some(subject) = cx.bodies.box_of(id) else { return };
        self.evicted.insert(id);
        api.declare_known_down(subject);
        self.end_evicted(id, subject, GRACE, cx, api);
    }

    /// The condition goes if no look has found pressure for long enough.
    pub fn on_pressure_over(&mut self, node: NodeId, cx: &mut Context<'_>) {
        let Some(&last) = self.pressure.get(&node) else { return };
        if last + cx.parameters.kubelet.pressure_transition <= cx.now && cx.cluster.store.node(node).is_some()
        {
            self.pressure.remove(&node);
            cx.cluster.store.remove_taint(node, Name::MEMORY_PRESSURE, Effect::NoSchedule);
        }
    }
}

/// The pod that is evicted.
fn first_to_go(node: NodeId, cx: &Context<'_>, api: &Api<'_>) -> Option<PodId> {
    let store = &cx.cluster.store;
    let rank = |(id, subject): (PodId, BoxId)| {
        let template = store.template(store.pod(id)?.template);
        let beyond = api.memory_of(subject).as_bytes() as i64 - requested(&template.spec) as i64;
        Some(((beyond > 0, Reverse(template.spec.priority), beyond), id))
    };
    let pods = store.pods_on(node).filter(|(_, pod)| pod.is_active());
    let mortal = pods.filter(|(_, pod)| store.template(pod.template).spec.priority < CRITICAL);
    let holds = mortal.filter_map(|(id, _)| Some((id, cx.bodies.box_of(id)?)));
    let holds = holds.filter(|&(_, subject)| api.memory_of(subject).as_bytes() > 0);
    holds.filter_map(rank).max().map(|(_, id)| id)
}

/// Memory that the containers which run ask for [bytes].
fn requested(spec: &PodSpec) -> u64 {
    spec.running().map(|c| c.memory.unwrap_or(0)).sum()
}

/// Points that the kernel adds to the containers of a pod (GetContainerOOMScoreAdjust).
pub(super) fn kill_points(spec: &PodSpec, guaranteed: bool, capacity: u64) -> i32 {
    let is_best_effort = spec.running().all(|c| c.cpu.unwrap_or(0) == 0 && c.memory.unwrap_or(0) == 0);
    match (guaranteed || spec.priority >= CRITICAL, is_best_effort) {
        (true, _) => -997,
        (false, true) => 1_000,
        (false, false) => {
            let share = u128::from(requested(spec)) * 1_000 / u128::from(capacity.max(1));
            (1_000 - share as i32).clamp(3, 999)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::objects::{Container, Labels};

    #[test]
    fn points_of_the_kernel_follow_the_quality_of_service() {
        let check = |memory: Option<u64>, guaranteed, expected| {
            let container = Container { cpu: memory.map(|_| 100), memory, ..Default::default() };
            let spec = PodSpec::of_container(Labels::default(), container);
            assert_eq!(kill_points(&spec, guaranteed, 8 << 30), expected);
        };
        check(Some(1 << 30), true, -997);
        check(None, false, 1_000);
        // 1000 − 1000 · 1/8 = 875; the clamp keeps 3 and 999.
        check(Some(1 << 30), false, 875);
        check(Some(8 << 30), false, 3);
        check(Some(1), false, 999);
    }
}
