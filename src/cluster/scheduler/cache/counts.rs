//! Classes of pods, and the tallies that count them. Start at [`Cache::class_of`] and [`Cache::start_tally`].

use super::super::class::{Class, ClassId, Feed};
use super::super::tally::{Tally, TallyId, Topology};
use super::{Cache, NONE};
use crate::cluster::objects::{Name, Selector, Template, TemplateId};

/// Classes.
impl Cache {
    /// The class of a template's pods; made if it is new. `siblings` selects what the default spread counts.
    pub(in crate::cluster::scheduler) fn class_of(
        &mut self,
        id: TemplateId,
        template: &Template,
        siblings: Option<&Selector>,
    ) -> ClassId {
        let index = id.index as usize;
        self.by_template.resize(self.by_template.len().max(index + 1), NONE);
        let known = ClassId(self.by_template[index]);
        let is_same = |class: &Class| class.template == id && class.siblings.as_ref() == siblings;
        if known.0 != NONE && is_same(self.class(known)) {
            return known;
        }
        // Pods of one template can differ in their owner.
        let other = self.class_ids().find(|&c| is_same(self.class(c)));
        if let Some(other) = other {
            self.by_template[index] = other.0;
            return other;
        }
        self.classes_made += 1;
        let class = Class {
            serial: self.classes_made,
            template: id,
            spec: template.spec.clone(),
            requests: template.requests,
            scored: template.scored,
            siblings: siblings.cloned(),
            references: 0,
            feeds: Vec::new(),
            newcomer: None,
        };
        let new = match self.free_classes.pop() {
            Some(place) => ClassId(place),
            None => {
                self.classes.push(None);
                ClassId(self.classes.len() as u32 - 1)
            }
        };
        self.classes[new.index()] = Some(class);
        self.by_template[index] = new.0;
        self.introduce(new);
        new
    }

    /// One pod more of a class waits or is bound.
    pub(in crate::cluster::scheduler) fn hold(&mut self, class: ClassId) {
        self.class_mut(class).references += 1;
    }

    /// One pod less; the class goes with the last. Says whether it went.
    pub(in crate::cluster::scheduler) fn release(&mut self, id: ClassId) -> bool {
        let class = self.class_mut(id);
        class.references -= 1;
        if class.references > 0 {
            return false;
        }
        let class = self.classes[id.index()].take().expect("it was there");
        let entry = &mut self.by_template[class.template.index as usize];
        if *entry == id.0 {
            *entry = NONE;
        }
        let own: Vec<TallyId> = class.newcomer.iter().flat_map(|n| n.tallies()).collect();
        for &tally in &own {
            self.tallies[tally.index()] = None;
            self.free_tallies.push(tally.0);
        }
        if !own.is_empty() {
            for other in self.classes.iter_mut().flatten() {
                other.feeds.retain(|f| !own.contains(&f.tally));
            }
        }
        self.free_classes.push(id.0);
        true
    }

    pub(in crate::cluster::scheduler) fn class(&self, id: ClassId) -> &Class {
        self.classes[id.index()].as_ref().expect("classes in use exist")
    }

    pub(in crate::cluster::scheduler) fn class_mut(&mut self, id: ClassId) -> &mut Class {
        self.classes[id.index()].as_mut().expect("classes in use exist")
    }

    pub(in crate::cluster::scheduler) fn class_ids(&self) -> impl Iterator<Item = ClassId> {
        (0..).zip(&self.classes).filter(|(_, c)| c.is_some()).map(|(i, _)| ClassId(i))
    }
}

/// Tallies.
impl Cache {
    /// The topology of a node label; made if it is new.
    pub(in crate::cluster::scheduler) fn topology(&mut self, key: Name) -> usize {
        if let Some(known) = self.topologies.iter().position(|t| t.key == key) {
            return known;
        }
        let mut topology = Topology::new(key);
        for (slot, node) in (0..).zip(&self.nodes) {
            if let Some(node) = node.as_ref().filter(|n| n.present) {
                topology.add(slot, node);
            }
        }
        self.topologies.push(topology);
        self.topologies.len() - 1
    }

    /// Starts a tally and counts all that is there.
    pub(in crate::cluster::scheduler) fn start_tally(&mut self, tally: Tally) -> TallyId {
        let id = match self.free_tallies.pop() {
            Some(place) => TallyId(place),
            None => {
                self.tallies.push(None);
                TallyId(self.tallies.len() as u32 - 1)
            }
        };
        self.tallies[id.index()] = Some(tally);
        for class in self.class_ids().collect::<Vec<_>>() {
            self.feed(id, class);
        }
        let topology = self.tally(id).topology;
        for slot in 0..self.nodes.len() as u32 {
            if self.nodes[slot as usize].as_ref().is_some_and(|n| n.present) {
                let domain = self.domain(topology, slot);
                self.include(id, slot, domain);
                self.count_node(slot, 1, |tally| tally == id);
            }
        }
        id
    }

    /// Notes what pods of a class count in a tally.
    pub(in crate::cluster::scheduler) fn feed(&mut self, id: TallyId, bound: ClassId) {
        let tally = self.tally(id);
        let key = self.topologies[tally.topology].key;
        let (weight, terms) = tally.rule.weigh(key, self.class(tally.owner), self.class(bound));
        if terms > 0 {
            self.class_mut(bound).feeds.push(Feed { tally: id, weight, terms });
        }
    }

    pub(in crate::cluster::scheduler) fn tally(&self, id: TallyId) -> &Tally {
        self.tallies[id.index()].as_ref().expect("tallies in use exist")
    }

    pub(in crate::cluster::scheduler) fn tally_ids(&self) -> impl Iterator<Item = TallyId> {
        (0..).zip(&self.tallies).filter(|(_, t)| t.is_some()).map(|(i, _)| TallyId(i))
    }

    pub(in crate::cluster::scheduler) fn domain(&self, topology: usize, slot: u32) -> u32 {
        self.topologies[topology].domain(slot)
    }

    pub(in crate::cluster::scheduler) fn topology_of(&self, id: TallyId) -> &Topology {
        &self.topologies[self.tally(id).topology]
    }

    fn include(&mut self, id: TallyId, slot: u32, domain: u32) {
        let tally = self.tallies[id.index()].as_mut().expect("tallies in use exist");
        let newcomer = self.classes[tally.owner.index()].as_ref().expect("owners of tallies exist");
        let node = self.nodes[slot as usize].as_ref().expect("slots in use have a node");
        tally.include(slot, node, newcomer, domain);
    }

    /// Counts all pods of a node in (1) or out (−1) of some tallies.
    fn count_node(&mut self, slot: u32, sign: i64, which: impl Fn(TallyId) -> bool) {
        let node = self.nodes[slot as usize].as_ref().expect("slots in use have a node");
        for count in &node.classes {
            let class = self.classes[count.class.index()].as_ref().expect("bound pods have a class");
            for feed in class.feeds.iter().filter(|f| which(f.tally)) {
                let tally = self.tallies[feed.tally.index()].as_mut().expect("feeds go with their tally");
                let pods = count.alive + if tally.alive_only { 0 } else { count.terminating };
                let domain = self.topologies[tally.topology].domain(slot);
                tally.count(slot, domain, sign * i64::from(pods), feed.weight, feed.terms);
            }
        }
    }

    pub(super) fn attach(&mut self, slot: u32) {
        for topology in &mut self.topologies {
            topology.add(slot, self.nodes[slot as usize].as_ref().expect("it is being attached"));
        }
        for id in self.tally_ids().collect::<Vec<_>>() {
            let domain = self.domain(self.tally(id).topology, slot);
            self.include(id, slot, domain);
        }
        self.count_node(slot, 1, |_| true);
    }

    pub(super) fn detach(&mut self, slot: u32) {
        self.count_node(slot, -1, |_| true);
        for tally in self.tallies.iter_mut().flatten() {
            tally.exclude(slot, self.topologies[tally.topology].domain(slot));
        }
        for topology in &mut self.topologies {
            topology.remove(slot);
        }
    }
}
