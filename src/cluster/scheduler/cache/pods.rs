//! Bound and assumed pods, and nominations. Start at [`Cache::add_pod`], then [`Cache::shift`].

use super::super::class::ClassId;
use super::{Cache, NONE};
use crate::cluster::objects::{NodeId, PodId};

/// A pod that is bound or assumed, in its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodPlace {
    /// `NONE` if nobody is here.
    class: u32,
    generation: u32,
    slot: u32,
    /// Its place in its node's list.
    at: u32,
    terminating: bool,
    /// It is a victim of preemption.
    preempted: bool,
}

/// How many pods are counted in or out.
#[derive(Clone, Copy, Debug)]
struct Shift {
    alive: i32,
    terminating: i32,
}

impl Cache {
    /// A pod is bound to a node, or assumed to be. Seeing a pod again changes nothing.
    pub(in crate::cluster::scheduler) fn add_pod(
        &mut self,
        id: PodId,
        class: ClassId,
        node: NodeId,
        terminating: bool,
    ) {
        let Some(&slot) = self.slots.get(node) else { return };
        let index = id.index as usize;
        if index >= self.pods.len() {
            let nobody =
                PodPlace { class: NONE, generation: 0, slot: 0, at: 0, terminating: false, preempted: false };
            self.pods.resize(index + 1, nobody);
        }
        if self.place(id).is_some() {
            return;
        }
        assert_eq!(self.pods[index].class, NONE, "a pod's place is free before the next one takes it");
        let at = self.node(slot).pods.len() as u32;
        self.pods[index] =
            PodPlace { class: class.0, generation: id.generation, slot, at, terminating, preempted: false };
        self.node_mut(slot).pods.push(id.index);
        self.hold(class);
        self.take(slot, class);
        self.shift(slot, class, Shift::of(terminating, 1));
    }

    /// A bound pod is being deleted.
    pub(in crate::cluster::scheduler) fn terminating(&mut self, id: PodId) {
        let Some(place) = self.place(id).filter(|p| !p.terminating) else { return };
        self.pods[id.index as usize].terminating = true;
        self.shift(place.slot, ClassId(place.class), Shift { alive: -1, terminating: 1 });
    }

    pub(in crate::cluster::scheduler) fn is_terminating(&self, id: PodId) -> bool {
        self.place(id).is_some_and(|p| p.terminating)
    }

    pub(in crate::cluster::scheduler) fn mark_preempted(&mut self, id: PodId) {
        if self.place(id).is_some() {
            self.pods[id.index as usize].preempted = true;
        }
    }

    /// A bound pod is gone, or has ended. Gives back what it held.
    pub(in crate::cluster::scheduler) fn remove_pod(&mut self, id: PodId) -> Option<ClassId> {
        let place = self.place(id)?;
        let class = ClassId(place.class);
        self.lift(id.index);
        let node = self.node_mut(place.slot);
        node.pods.swap_remove(place.at as usize);
        if let Some(&moved) = node.pods.get(place.at as usize) {
            self.pods[moved as usize].at = place.at;
        }
        self.pods[id.index as usize].class = NONE;
        self.free_node_if_empty(place.slot);
        Some(class)
    }

    fn place(&self, id: PodId) -> Option<PodPlace> {
        let place = *self.pods.get(id.index as usize)?;
        (place.class != NONE && place.generation == id.generation).then_some(place)
    }

    /// The class and node of a bound or assumed pod.
    pub(in crate::cluster::scheduler) fn bound(&self, id: PodId) -> Option<(ClassId, u32)> {
        self.place(id).map(|p| (ClassId(p.class), p.slot))
    }

    /// Class, id, and whether it is terminating and was preempted, of the pod in a place.
    pub(in crate::cluster::scheduler) fn pod_at(&self, index: u32) -> (PodId, ClassId, bool, bool) {
        let place = &self.pods[index as usize];
        let id = PodId { index, generation: place.generation };
        (id, ClassId(place.class), place.terminating, place.preempted)
    }

    /// Takes a pod off its node for a while, as if it were gone; [`Cache::put_back`] ends it.
    pub(in crate::cluster::scheduler) fn lift(&mut self, index: u32) {
        let place = self.pods[index as usize];
        let class = ClassId(place.class);
        let (requests, scored) = (self.class(class).requests, self.class(class).scored);
        let node = self.node_mut(place.slot);
        node.requested.remove(requests);
        node.scored.remove(scored);
        self.shift(place.slot, class, Shift::of(place.terminating, -1));
    }

    pub(in crate::cluster::scheduler) fn put_back(&mut self, index: u32) {
        let place = self.pods[index as usize];
        self.take(place.slot, ClassId(place.class));
        self.shift(place.slot, ClassId(place.class), Shift::of(place.terminating, 1));
    }

    /// Supposes that a pod of a class were on a node; [`Cache::unsuppose`] ends it.
    pub(in crate::cluster::scheduler) fn suppose(&mut self, slot: u32, class: ClassId) {
        self.take(slot, class);
        self.shift(slot, class, Shift { alive: 1, terminating: 0 });
    }

    pub(in crate::cluster::scheduler) fn unsuppose(&mut self, slot: u32, class: ClassId) {
        let (requests, scored) = (self.class(class).requests, self.class(class).scored);
        let node = self.node_mut(slot);
        node.requested.remove(requests);
        node.scored.remove(scored);
        self.shift(slot, class, Shift { alive: -1, terminating: 0 });
    }

    fn take(&mut self, slot: u32, class: ClassId) {
        let (requests, scored) = (self.class(class).requests, self.class(class).scored);
        let node = self.node_mut(slot);
        node.requested.add(requests);
        node.scored.add(scored);
    }

    /// Pods of a class come to or go from a node: counts them there and in every tally that asks for them.
    fn shift(&mut self, slot: u32, class: ClassId, shift: Shift) {
        let node = self.nodes[slot as usize].as_mut().expect("slots in use have a node");
        node.count(class, shift.alive, shift.terminating);
        if !node.present {
            return;
        }
        for feed in &self.classes[class.index()].as_ref().expect("bound pods have a class").feeds {
            let tally = self.tallies[feed.tally.index()].as_mut().expect("feeds go with their tally");
            let pods = shift.alive + if tally.alive_only { 0 } else { shift.terminating };
            let domain = self.topologies[tally.topology].domain(slot);
            tally.count(slot, domain, i64::from(pods), feed.weight, feed.terms);
        }
        self.touch(slot);
    }
}

/// Nominations.
impl Cache {
    pub(in crate::cluster::scheduler) fn nominate(&mut self, pod: PodId, class: ClassId, slot: u32) {
        self.nominated.insert(pod, (slot, class));
    }

    pub(in crate::cluster::scheduler) fn denominate(&mut self, pod: PodId) {
        self.nominated.remove(&pod);
    }

    pub(in crate::cluster::scheduler) fn nomination(&self, pod: PodId) -> Option<u32> {
        self.nominated.get(&pod).map(|n| n.0)
    }

    pub(in crate::cluster::scheduler) fn has_nominations(&self) -> bool {
        !self.nominated.is_empty()
    }

    /// Pods nominated to a node, with their classes.
    pub(in crate::cluster::scheduler) fn nominated_to(
        &self,
        slot: u32,
    ) -> impl Iterator<Item = (PodId, ClassId)> {
        self.nominated.iter().filter(move |(_, (s, _))| *s == slot).map(|(pod, (_, class))| (*pod, *class))
    }
}

impl Shift {
    fn of(terminating: bool, pods: i32) -> Shift {
        if terminating {
            Shift { alive: 0, terminating: pods }
        } else {
            Shift { alive: pods, terminating: 0 }
        }
    }
}
