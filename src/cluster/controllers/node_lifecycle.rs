//! Node lifecycle controller: notices nodes that are not ready, and has their pods evicted, not too fast.
//!
//! Watches nodes and their leases, and looks at all nodes every 5 s. Reads nodes and their pods. Writes the Ready condition of nodes whose
//! leases stay away, the taints `not-ready` and `unreachable`, and pods' readiness. Follows
//! pkg/controller/nodelifecycle/node_lifecycle_controller.go of v1.36.2: the NoSchedule taint goes with the condition at once; the pods of a node that falls silent are not ready from
//! the same look on; the NoExecute taint comes to one node per 10 s and zone, slower or not at all in a zone of which
//! most nodes are unready, and is taken back from all if every zone is silent; a node that is back loses it in the next look.
//!
//! The writes of a look share the client's rate limit, so that one at a large failure takes seconds.
//!
//! *Deviation:* a look that would find nothing new is not run. Leases are told by whoever runs the cluster
//! ([`NodeLifecycle::on_heartbeat`]), not renewed one by one.
//!
//! Start at [`NodeLifecycle::monitor`].

use super::Context;
use crate::cluster::event::Event;
use crate::cluster::objects::{Effect, Name, Node, NodeCondition, NodeId, Pod, PodId};
use crate::cluster::queue::TokenBucket;
use crate::engine::{SimDuration, SimTime};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

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

/// Nodes of a zone that wait for their NoExecute taint.
#[derive(Debug)]
struct Zone {
    to_taint: VecDeque<NodeId>,
    limiter: TokenBucket,
    is_polling: bool,
}

/// What the controller knows.
#[derive(Debug, Default)]
pub struct NodeLifecycle {
    /// Nodes whose leases stay away.
    overdue: BTreeSet<NodeId>,
    /// Nodes that were not ready in the last look.
    unready: BTreeSet<NodeId>,
    zones: BTreeMap<Name, Zone>,
    all_silent: bool,
    next_look: Option<SimTime>,
    /// Nodes that the present look has still to look at, if there is one.
    look: Option<VecDeque<NodeId>>,
    /// One of the times at which it looks, if not that of the settings.
    phase: Option<SimTime>,
    has_rested: bool,
    /// When the rest of it can be written.
    rest_at: Option<SimTime>,
    /// Nodes that turned silent and whose pods are still to be marked.
    silent: BTreeSet<NodeId>,
    client: Option<TokenBucket>,
}

/// The key of the health taints of a node.
fn taint_key(ready: NodeCondition) -> Option<Name> {
    match ready {
        NodeCondition::True => None,
        NodeCondition::False => Some(Name::NOT_READY),
        NodeCondition::Unknown => Some(Name::UNREACHABLE),
    }
}

fn zone_of(node: &Node) -> Name {
    node.zone().unwrap_or(Name::EMPTY)
}

impl NodeLifecycle {
    /// Leases of a node are overdue (seen in the next look), or come again: its kubelet reports that it is ready.
    pub fn on_heartbeat(&mut self, id: NodeId, alive: bool, cx: &mut Context<'_>) {
        if cx.store.node(id).is_none() {
            return;
        }
        if alive {
            self.overdue.remove(&id);
            cx.store.set_node_ready(id, NodeCondition::True, cx.now);
        } else {
            self.overdue.insert(id);
            self.arm(self.look_at_or_after(cx.now, cx), cx);
        }
    }

    /// A node came or changed: its NoSchedule taint follows its condition.
    pub fn on_node_changed(&mut self, id: NodeId, cx: &mut Context<'_>) {
        let Some(node) = cx.store.node(id) else { return };
        let wanted = taint_key(node.ready);
        let is_news = node.is_ready() == self.unready.contains(&id);
        for key in [Name::NOT_READY, Name::UNREACHABLE] {
            if wanted == Some(key) {
                cx.store.add_taint(id, key, Effect::NoSchedule, cx.now);
            } else {
                cx.store.remove_taint(id, key, Effect::NoSchedule);
            }
        }
        if is_news || self.waits() {
            self.arm(self.look_at_or_after(cx.now + SimDuration::from_micros(1), cx), cx);
        }
    }

    /// Where nodes wait for their taint, the rates may be others now.
    pub fn on_node_removed(&mut self, id: NodeId, cx: &mut Context<'_>) {
        self.overdue.remove(&id);
        self.unready.remove(&id);
        if self.waits() {
            self.arm(self.look_at_or_after(cx.now + SimDuration::from_micros(1), cx), cx);
        }
    }

    fn waits(&self) -> bool {
        self.zones.values().any(|zone| !zone.to_taint.is_empty())
    }

    fn look_at_or_after(&self, time: SimTime, cx: &Context<'_>) -> SimTime {
        let nodes = &cx.settings.nodes;
        time.tick_at_or_after(self.phase.unwrap_or(nodes.monitor_phase), nodes.monitor_period)
    }

    fn arm(&mut self, at: SimTime, cx: &mut Context<'_>) {
        if self.next_look.is_none_or(|next| at < next) {
            self.next_look = Some(at);
            cx.at(at, Event::MonitorNodes);
        }
    }

    /// One look at all nodes, or the rest of one that waits for the client.
    pub fn monitor(&mut self, cx: &mut Context<'_>) {
        let begins = self.next_look.take_if(|next| *next <= cx.now).is_some();
        let goes_on = self.rest_at.take_if(|rest| *rest <= cx.now).is_some();
        match self.look {
            // The next look waits for this one to end.
            Some(_) if begins => {
                self.arm(self.look_at_or_after(cx.now + SimDuration::from_micros(1), cx), cx)
            }
            Some(_) => {}
            None if begins => self.look = Some(cx.store.nodes().map(|(id, _)| id).collect()),
            None => return, // an earlier look replaced this one
        }
        if !begins && !goes_on {
            return;
        }
        while let Some(id) = self.look.as_ref().and_then(|left| left.front().copied()) {
            if let Err(stopped) = self.look_at(id, cx) {
                // Polls for taints go on meanwhile.
                let zones: Vec<Name> = self.zones.keys().copied().collect();
                zones.into_iter().for_each(|zone| self.taint_next(zone, cx));
                if let Some(at) = stopped {
                    self.rest_at = Some(at);
                    self.has_rested = true;
                    cx.at(at, Event::MonitorNodes);
                }
                return;
            }
            if let Some(left) = &mut self.look {
                left.pop_front();
            }
        }
        self.look = None;
        if std::mem::take(&mut self.has_rested) {
            // The next look comes a period after the end of this one.
            self.phase = Some(cx.now);
            if self.next_look.take().is_some() {
                self.arm(cx.now + cx.settings.nodes.monitor_period, cx);
            }
        }
        // A zone's first node gets its taint before the zone is judged.
        let zones: Vec<Name> = self.zones.keys().copied().collect();
        for &zone in &zones {
            self.taint_next(zone, cx);
        }
        self.set_rates(cx);
        for zone in zones {
            self.taint_next(zone, cx);
        }
    }

    /// Looks at one node; an error is when the client may write again.
    fn look_at(&mut self, id: NodeId, cx: &mut Context<'_>) -> Result<(), Option<SimTime>> {
        if self.overdue.contains(&id) {
            self.on_silent(id, cx)?;
        }
        let Some(node) = cx.store.node(id) else { return Ok(()) };
        match taint_key(node.ready) {
            Some(key) => self.on_unready(id, zone_of(node), key, cx),
            None => self.on_ready(id, cx),
        }
        Ok(())
    }

    /// Nothing is known of a node any more, nor of its pods.
    fn on_silent(&mut self, id: NodeId, cx: &mut Context<'_>) -> Result<(), Option<SimTime>> {
        let Some(node) = cx.store.node(id) else { return Ok(()) };
        if node.is_ready() {
            // The status, an event, and a read and a write for the taint that goes with it.
            self.write(cx, 4)?;
            cx.store.set_node_ready(id, NodeCondition::Unknown, cx.now);
            self.silent.insert(id);
        }
        if !self.silent.contains(&id) {
            return Ok(());
        }
        let ready = |(pod, p): (PodId, &Pod)| p.ready.then_some(pod);
        let pods: Vec<PodId> = cx.store.pods_on(id).filter_map(ready).collect();
        for pod in pods {
            self.write(cx, 1)?;
            cx.store.set_ready(pod, false, cx.now);
        }
        self.silent.remove(&id);
        Ok(())
    }

    /// Takes so many tokens of the client, or says when they will be there.
    fn write(&mut self, cx: &Context<'_>, tokens: u32) -> Result<(), Option<SimTime>> {
        let client = self
            .client
            .get_or_insert_with(|| TokenBucket::new(cx.settings.client_rate, cx.settings.client_burst));
        client.take_many(tokens, cx.now)
    }

    fn on_unready(&mut self, id: NodeId, zone: Name, key: Name, cx: &mut Context<'_>) {
        self.unready.insert(id);
        let node = cx.store.node(id).expect("just listed");
        match node.health_eviction().map(|taint| taint.key) {
            Some(present) if present != key => {
                cx.store.remove_taint(id, present, Effect::NoExecute);
                cx.store.add_taint(id, key, Effect::NoExecute, cx.now);
            }
            Some(_) => {}
            None => {
                let rate = cx.settings.nodes.eviction_rate;
                let new_zone = || Zone {
                    to_taint: VecDeque::new(),
                    limiter: TokenBucket::new(rate, 1),
                    is_polling: false,
                };
                let to_taint = &mut self.zones.entry(zone).or_insert_with(new_zone).to_taint;
                if !to_taint.contains(&id) {
                    to_taint.push_back(id);
                }
            }
        }
    }

    fn on_ready(&mut self, id: NodeId, cx: &mut Context<'_>) {
        if self.unready.remove(&id) {
            self.relieve(id, cx);
        }
    }

    /// Takes the NoExecute taint away, or the node out of the queue for it.
    fn relieve(&mut self, id: NodeId, cx: &mut Context<'_>) {
        for zone in self.zones.values_mut() {
            zone.to_taint.retain(|&n| n != id);
        }
        cx.store.remove_taint(id, Name::NOT_READY, Effect::NoExecute);
        cx.store.remove_taint(id, Name::UNREACHABLE, Effect::NoExecute);
    }

    /// Each zone's eviction rate from how much of it is unready.
    fn set_rates(&mut self, cx: &mut Context<'_>) {
        let p = &cx.settings.nodes;
        let mut count: BTreeMap<Name, (u32, u32)> = BTreeMap::new();
        for (_, node) in cx.store.nodes() {
            let (nodes, unready) = count.entry(zone_of(node)).or_default();
            *nodes += 1;
            *unready += u32::from(!node.is_ready());
        }
        let state = |&(nodes, unready): &(u32, u32)| Disruption::of(nodes, unready, p.unhealthy_zone);
        let was_silent = self.all_silent;
        self.all_silent = !count.is_empty() && count.values().all(|c| state(c) == Disruption::Full);
        for (zone, limits) in &mut self.zones {
            let (nodes, unready) = count.get(zone).copied().unwrap_or_default();
            let rate = match state(&(nodes, unready)) {
                _ if self.all_silent => 0.0,
                Disruption::Normal | Disruption::Full => p.eviction_rate,
                Disruption::Partial if nodes > p.large_zone => p.secondary_rate,
                Disruption::Partial => 0.0,
            };
            limits.limiter.swap(cx.now, rate);
        }
        // If nobody is heard the fault is likely here: nobody is evicted. Those that stay unready queue again.
        if self.all_silent && !was_silent {
            for id in self.unready.clone() {
                self.relieve(id, cx);
            }
        }
    }

    /// A token may be there for the next node of a zone.
    pub fn on_token(&mut self, zone: Name, cx: &mut Context<'_>) {
        if let Some(zone) = self.zones.get_mut(&zone) {
            zone.is_polling = false;
        }
        self.taint_next(zone, cx);
    }

    fn taint_next(&mut self, name: Name, cx: &mut Context<'_>) {
        let Some(zone) = self.zones.get_mut(&name) else { return };
        if self.all_silent {
            return;
        }
        while let Some(&id) = zone.to_taint.front() {
            let key = cx.store.node(id).and_then(|n| taint_key(n.ready));
            if key.is_some() && !zone.limiter.take(cx.now) {
                break;
            }
            zone.to_taint.pop_front();
            if let Some(key) = key {
                cx.store.add_taint(id, key, Effect::NoExecute, cx.now);
            }
        }
        if zone.to_taint.is_empty() || zone.is_polling {
            return;
        }
        if let Some(next) = zone.limiter.next(cx.now) {
            zone.is_polling = true;
            let at = next.tick_at_or_after(cx.settings.nodes.monitor_phase, TAINT_POLL);
            cx.at(at, Event::TaintNext { zone: name });
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
