//! Node lifecycle controller: notices nodes whose leases stay away, and has their pods evicted, not too fast.
//!
//! Watches leases, by way of the world's heartbeat monitor, and looks at all nodes every 5 s. Reads nodes. Writes the
//! Ready condition, pods' readiness and the NoExecute taint. Follows pkg/controller/nodelifecycle of v1.36.2: grace of
//! 50 s; the pods of an unknown node are not ready in the same pass; one NoExecute taint per 10 s and zone, slower or
//! not at all in a zone of which most nodes are silent; none if all zones are silent.
//!
//! *Deviation:* a pass that would find nothing new is not run. All taints of a node that is back go with the next pass.
//!
//! Start at [`NodeLifecycle::monitor`].

use super::Context;
use crate::engine::{SimDuration, SimTime};
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::objects::{NodeId, PodId, Ready};
use crate::platform::kubernetes::queue::TokenBucket;
use crate::world::{Api, Heartbeat, VmId, ZoneId};
use std::collections::{BTreeMap, VecDeque};

/// How often the taint queues are polled.
const TAINT_POLL: SimDuration = SimDuration::from_millis(100);

/// How much of a zone is silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disruption {
    Normal,
    Partial,
    Full,
}

impl Disruption {
    /// State of a zone with `nodes`, `silent` of them not ready.
    pub fn of(nodes: u32, silent: u32, threshold: f64) -> Disruption {
        match silent {
            _ if silent == nodes && nodes > 0 => Disruption::Full,
            3.. if f64::from(silent) / f64::from(nodes) >= threshold => Disruption::Partial,
            _ => Disruption::Normal,
        }
    }
}

#[derive(Debug)]
struct Zone {
    to_taint: VecDeque<NodeId>,
    limiter: TokenBucket,
    is_polling: bool,
}

/// What the controller has heard.
#[derive(Debug, Default)]
pub struct NodeLifecycle {
    /// Nodes whose leases changed since the last pass: true if they are back.
    heard: BTreeMap<NodeId, bool>,
    zones: BTreeMap<ZoneId, Zone>,
    all_silent: bool,
    next_pass: Option<SimTime>,
}

impl NodeLifecycle {
    /// Begins to watch the lease of a node.
    pub fn watch(vm: VmId, cx: &Context<'_>, api: &mut Api<'_>) {
        let p = &cx.parameters.node_lifecycle;
        api.watch_heartbeat(vm, Heartbeat { period: p.heartbeat, timeout: p.grace });
    }

    /// Leases of a machine are overdue, or come again. Seen in the next pass.
    pub fn on_heartbeat(&mut self, vm: VmId, alive: bool, cx: &mut Context<'_>) {
        let Some(node) = cx.store.node_of(vm) else { return };
        self.heard.insert(node, alive);
        let at = cx.now.tick_at_or_after(SimTime::ZERO, cx.parameters.node_lifecycle.monitor_period);
        self.arm_pass(at, cx);
    }

    /// Where nodes wait for their taint, the rates may be others now.
    pub fn on_nodes_changed(&mut self, cx: &mut Context<'_>) {
        if self.zones.values().any(|zone| !zone.to_taint.is_empty()) {
            let at = cx.now.next_tick(SimTime::ZERO, cx.parameters.node_lifecycle.monitor_period);
            self.arm_pass(at, cx);
        }
    }

    fn arm_pass(&mut self, at: SimTime, cx: &mut Context<'_>) {
        if self.next_pass.is_none_or(|next| at < next) {
            self.next_pass = Some(at);
            cx.at(at, Event::MonitorNodes);
        }
    }

    /// One pass over what was heard.
    pub fn monitor(&mut self, cx: &mut Context<'_>) {
        if self.next_pass.take_if(|next| *next <= cx.now).is_none() {
            return; // an earlier pass replaced this one
        }
        for (node, alive) in std::mem::take(&mut self.heard) {
            if cx.store.node(node).is_none() {
                continue;
            }
            if alive {
                self.on_back(node, cx);
            } else {
                self.on_silent(node, cx);
            }
        }
        self.set_rates(cx);
        let zones: Vec<ZoneId> = self.zones.keys().copied().collect();
        for zone in zones {
            self.taint_next(zone, cx);
        }
    }

    fn on_silent(&mut self, id: NodeId, cx: &mut Context<'_>) {
        let node = cx.store.node(id).expect("checked by the caller");
        if !node.is_ready() {
            return;
        }
        let zone = node.zone;
        cx.store.set_node_ready(id, Ready::Unknown { since: cx.now });
        cx.after(cx.parameters.node_pool.unready_after, Event::RepairNode(id));
        let pods: Vec<PodId> = cx.store.pods_on(id).map(|(p, _)| p).collect();
        for pod in pods {
            cx.store.set_ready(pod, false, cx.now);
        }
        let rate = cx.parameters.node_lifecycle.eviction_rate.per_second();
        let new_zone =
            || Zone { to_taint: VecDeque::new(), limiter: TokenBucket::new(rate, 1), is_polling: false };
        self.zones.entry(zone).or_insert_with(new_zone).to_taint.push_back(id);
    }

    fn on_back(&mut self, id: NodeId, cx: &mut Context<'_>) {
        for zone in self.zones.values_mut() {
            zone.to_taint.retain(|&n| n != id);
        }
        cx.store.set_no_execute(id, None);
        cx.store.set_node_ready(id, Ready::True);
    }

    /// Each zone's eviction rate from how much of it is silent.
    fn set_rates(&mut self, cx: &mut Context<'_>) {
        let p = &cx.parameters.node_lifecycle;
        let mut count: BTreeMap<ZoneId, (u32, u32)> = BTreeMap::new();
        for (_, node) in cx.store.nodes() {
            let (nodes, silent) = count.entry(node.zone).or_default();
            *nodes += 1;
            *silent += u32::from(!node.is_ready());
        }
        let state = |&(nodes, silent): &(u32, u32)| Disruption::of(nodes, silent, p.unhealthy_zone.as_f64());
        let all_silent = count.values().all(|c| state(c) == Disruption::Full);
        for (zone, limits) in &mut self.zones {
            let (nodes, silent) = count.get(zone).copied().unwrap_or_default();
            let rate = match state(&(nodes, silent)) {
                _ if all_silent => 0.0,
                Disruption::Normal | Disruption::Full => p.eviction_rate.per_second(),
                Disruption::Partial if nodes > p.large_zone => p.secondary_rate.per_second(),
                Disruption::Partial => 0.0,
            };
            limits.limiter.swap(cx.now, rate);
        }
        if all_silent != self.all_silent {
            self.all_silent = all_silent;
            self.on_all_silent_changed(cx);
        }
    }

    /// If nobody is heard the fault is likely here: all NoExecute taints go. Afterwards those still silent queue again.
    fn on_all_silent_changed(&mut self, cx: &mut Context<'_>) {
        let silent: Vec<(NodeId, ZoneId)> =
            cx.store.nodes().filter(|(_, n)| !n.is_ready()).map(|(id, n)| (id, n.zone)).collect();
        for (id, zone) in silent {
            let to_taint = &mut self.zones.get_mut(&zone).expect("a silent node's zone is known").to_taint;
            to_taint.retain(|&n| n != id);
            if self.all_silent {
                cx.store.set_no_execute(id, None);
            } else {
                to_taint.push_back(id);
            }
        }
    }

    /// A token may be there for the next node of a zone.
    pub fn on_token(&mut self, zone: ZoneId, cx: &mut Context<'_>) {
        if let Some(zone) = self.zones.get_mut(&zone) {
            zone.is_polling = false;
        }
        self.taint_next(zone, cx);
    }

    fn taint_next(&mut self, zone_id: ZoneId, cx: &mut Context<'_>) {
        let Some(zone) = self.zones.get_mut(&zone_id) else { return };
        if self.all_silent {
            return;
        }
        while let Some(&id) = zone.to_taint.front() {
            let is_silent = cx.store.node(id).is_some_and(|n| !n.is_ready() && n.no_execute.is_none());
            if is_silent && !zone.limiter.take(cx.now) {
                break;
            }
            zone.to_taint.pop_front();
            if is_silent {
                cx.store.set_no_execute(id, Some(cx.now));
            }
        }
        if zone.to_taint.is_empty() || zone.is_polling {
            return;
        }
        if let Some(next) = zone.limiter.next(cx.now) {
            zone.is_polling = true;
            let at = next.tick_at_or_after(SimTime::ZERO, TAINT_POLL);
            cx.at(at, Event::TaintNext { zone: u32::from(zone_id.0) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_disrupted_if_more_than_two_and_most_of_its_nodes_are_silent() {
        // facts 14.1: 5 of 20 are 25 %; 12 of 20 are 60 %.
        assert_eq!(Disruption::of(20, 5, 0.55), Disruption::Normal);
        assert_eq!(Disruption::of(20, 12, 0.55), Disruption::Partial);
        assert_eq!(Disruption::of(3, 2, 0.55), Disruption::Normal);
        assert_eq!(Disruption::of(3, 3, 0.55), Disruption::Full);
        assert_eq!(Disruption::of(0, 0, 0.55), Disruption::Normal);
    }
}
