//! The same winner as [`super::scan`], without a look at every node for every pod.
//!
//! For newcomers of one class the scores fall into two parts. What depends on a node alone (fit, balance, images) is kept
//! between cycles and worked out again only for nodes that changed. The rest depends on few things that many nodes share:
//! how many pods a host has, which zone it is in, how many soft taints. Nodes for which all of these are the same
//! form a *cell*; filters and scores of domains are asked once a cell. Where many nodes count and all of them, a cell keeps
//! its nodes in order of their own score, so its best is at hand; where a part of the nodes is enough, or they are few,
//! integers of the nodes examined are scanned.
//!
//! Not for registered scores and not while pods are nominated; the plain scan does those. Start at [`Index::choose`].

use super::cache::Cache;
use super::class::{ClassId, Spread};
use super::filters::{self, topology_spread};
use super::profile::{Profile, Ties};
use super::scores::{self, Group, image_locality, node_affinity, taint_toleration};
use super::tally::{NO_DOMAIN, TallyId};
use crate::cluster::objects::Name;
use crate::engine::Stream;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// Filters on the node alone reject it.
const OUT: i32 = -1;
/// A node lacks the label.
const MISSING: i64 = i64::MIN;
/// Taints and node affinity come before the tallies in a cell's key.
const TALLIES_FROM: usize = 2;

/// More nodes than this are kept in order, where the profile examines all of them; fewer are looked at one by one sooner.
/// Tests have clusters of both kinds.
const RANKED_FROM: usize = if cfg!(test) { 20 } else { 128 };

/// What is kept for newcomers of one class. Nodes go by their slot.
#[derive(Clone, Debug, Default)]
pub struct Index {
    epoch: u64,
    seen: u64,
    images_seen: Option<u64>,
    refreshes: u64,
    nodes: Vec<Kept>,
    cells: Vec<Cell>,
    by_key: BTreeMap<Box<[i64]>, u32>,
    columns: Vec<Column>,
    /// Cells keep their nodes in order.
    ranks: bool,
    /// Space for a key.
    scratch: Vec<i64>,
}

/// What is kept of a node.
#[derive(Clone, Copy, Debug)]
struct Kept {
    /// Its own score, or `OUT`.
    own: i32,
    cell: u32,
    /// What of its score is for its images, as of the last change that concerns them.
    images: i64,
    /// The refresh that last looked at it.
    looked: u64,
    /// In the list, where cells are in order.
    position: u32,
}

impl Kept {
    const NOTHING: Kept = Kept { own: OUT, cell: u32::MAX, images: 0, looked: 0, position: u32::MAX };
}

/// A tally in the keys of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Column {
    tally: TallyId,
    /// The sum itself is in the key, as no two nodes share a domain; else the domain is.
    by_sum: bool,
}

#[derive(Clone, Debug, Default)]
struct Cell {
    key: Box<[i64]>,
    nodes: usize,
    /// By (own score, position), the best first.
    ranking: BTreeSet<(Reverse<i32>, u32)>,
}

/// How a choice is to be made.
#[derive(Debug)]
pub struct Choice<'a> {
    pub start: usize,
    pub enough: usize,
    pub ties: Ties,
    pub stream: &'a mut Stream,
}

/// What was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// `None` if no node is feasible.
    pub slot: Option<u32>,
    pub examined: usize,
}

impl Index {
    /// The node for a newcomer.
    pub fn choose(
        &mut self,
        cache: &mut Cache,
        profile: &Profile,
        class: ClassId,
        choice: Choice<'_>,
    ) -> Chosen {
        cache.prepare(class);
        cache.order.refresh();
        let nodes = cache.order.list().len();
        self.refresh(cache, profile, class, choice.enough >= nodes && nodes > RANKED_FROM);
        if self.ranks {
            let slot = self.best_of_all(cache, profile, class, choice);
            Chosen { slot, examined: nodes }
        } else {
            self.best_of_some(cache, profile, class, choice)
        }
    }

    /// Catches up with what changed.
    fn refresh(&mut self, cache: &Cache, profile: &Profile, class: ClassId, ranks: bool) {
        let columns = columns(cache, class);
        // The order of nodes matters to cells that are in order, and who exists to what images say.
        let is_new_list = self.epoch != cache.epoch();
        let usable = self.ranks == ranks && self.columns == columns && !(ranks && is_new_list);
        if !usable {
            *self = Index { columns, ranks, ..Index::default() };
        }
        self.epoch = cache.epoch();
        self.nodes.resize(cache.slots(), Kept::NOTHING);
        if ranks && !usable {
            for (position, &slot) in (0..).zip(cache.order.list()) {
                self.nodes[slot as usize].position = position;
            }
        }
        self.refreshes += 1;
        let changed = cache.changed_since(self.seen).filter(|_| usable);
        self.seen = cache.changes();
        self.see_images(cache, profile, class, is_new_list);
        match changed {
            Some(changed) => changed.iter().for_each(|&slot| self.look(cache, profile, class, slot)),
            None => (0..cache.slots() as u32).for_each(|slot| self.look(cache, profile, class, slot)),
        }
        self.drop_empty_cells();
    }

    /// What images say of each node, where that may have changed.
    fn see_images(&mut self, cache: &Cache, profile: &Profile, id: ClassId, is_new_list: bool) {
        let class = cache.class(id);
        let changed = Some(cache.images_changed(class));
        if std::mem::replace(&mut self.images_seen, changed) == changed && !is_new_list {
            return;
        }
        let images = image_locality::Images::of(cache, class);
        for &slot in cache.order.list() {
            let new = profile.weights.image_locality * images.score(cache.node(slot));
            if std::mem::replace(&mut self.nodes[slot as usize].images, new) != new {
                self.look(cache, profile, id, slot);
            }
        }
    }

    /// Looks at a node, once in a refresh.
    fn look(&mut self, cache: &Cache, profile: &Profile, class: ClassId, slot: u32) {
        let kept = &mut self.nodes[slot as usize];
        if std::mem::replace(&mut kept.looked, self.refreshes) == self.refreshes {
            return;
        }
        if cache.is_present(slot) {
            self.place(cache, profile, class, slot);
        } else {
            self.take_out(slot);
        }
    }

    /// Puts a node where it belongs now.
    fn place(&mut self, cache: &Cache, profile: &Profile, id: ClassId, slot: u32) {
        let (class, node) = (cache.class(id), cache.node(slot));
        if filters::of_node(class, node, &profile.filters).is_err() {
            return self.take_out(slot);
        }
        let Kept { own: old, cell: old_cell, images, .. } = self.nodes[slot as usize];
        let own = (scores::of_room(profile, class, node) + images) as i32;
        let cell = self.cell_of(cache, id, slot, old_cell);
        if (own, cell) == (old, old_cell) {
            return;
        }
        self.take_out(slot);
        let kept = &mut self.nodes[slot as usize];
        (kept.own, kept.cell) = (own, cell);
        let position = kept.position;
        let cell = &mut self.cells[cell as usize];
        cell.nodes += 1;
        if self.ranks {
            cell.ranking.insert((Reverse(own), position));
        }
    }

    fn take_out(&mut self, slot: u32) {
        let Kept { own, cell, position, .. } = self.nodes[slot as usize];
        if own != OUT {
            let cell = &mut self.cells[cell as usize];
            cell.nodes -= 1;
            if self.ranks {
                cell.ranking.remove(&(Reverse(own), position));
            }
            self.nodes[slot as usize].own = OUT;
        }
    }

    fn cell_of(&mut self, cache: &Cache, id: ClassId, slot: u32, old: u32) -> u32 {
        let (class, node) = (cache.class(id), cache.node(slot));
        let of_tally = |column: &Column| match cache.topology_of(column.tally).domain(slot) {
            NO_DOMAIN => MISSING,
            domain if column.by_sum => cache.tally(column.tally).sum(domain),
            domain => i64::from(domain),
        };
        let mut key = std::mem::take(&mut self.scratch);
        key.clear();
        key.extend([taint_toleration::raw(class, node), node_affinity::raw(class, node)]);
        key.extend(self.columns.iter().map(of_tally));
        let cell = self.cell_with(&key, old);
        self.scratch = key;
        cell
    }

    /// The cell with a key; most often the node's old one.
    fn cell_with(&mut self, key: &[i64], old: u32) -> u32 {
        if self.cells.get(old as usize).is_some_and(|cell| *cell.key == *key) {
            return old;
        }
        if let Some(&known) = self.by_key.get(key) {
            return known;
        }
        let cell = self.cells.len() as u32;
        let key: Box<[i64]> = key.into();
        self.by_key.insert(key.clone(), cell);
        self.cells.push(Cell { key, ..Cell::default() });
        cell
    }

    /// Counts of pods grow, and leave cells behind that no node will be in again.
    fn drop_empty_cells(&mut self) {
        let is_full = |c: &&Cell| c.nodes > 0;
        if self.cells.len() < 32 || self.cells.iter().filter(is_full).count() * 2 > self.cells.len() {
            return;
        }
        let mut moved = vec![u32::MAX; self.cells.len()];
        let old = std::mem::take(&mut self.cells);
        for (i, cell) in old.into_iter().enumerate().filter(|(_, c)| c.nodes > 0) {
            moved[i] = self.cells.len() as u32;
            self.cells.push(cell);
        }
        self.by_key = (0..).zip(&self.cells).map(|(i, c)| (c.key.clone(), i)).collect();
        for kept in &mut self.nodes {
            kept.cell = if kept.own == OUT { u32::MAX } else { moved[kept.cell as usize] };
        }
    }

    /// Cells with nodes, whose domains pass the filters.
    fn open_cells<'a>(&'a self, cache: &'a Cache, class: ClassId) -> Vec<View<'a>> {
        let newcomer = cache.newcomer(class);
        let minima = topology_spread::minima(cache, newcomer);
        let terms = |t: TallyId| cache.tally(t).terms();
        let view = |(number, cell): (u32, &'a Cell)| View {
            index: self,
            cache,
            number,
            key: &cell.key,
            nodes: cell.nodes,
        };
        let passes =
            |view: &View<'_>| filters::of_domains(newcomer, &minima, &|t| view.sum(t), &terms).is_ok();
        (0..).zip(&self.cells).filter(|(_, c)| c.nodes > 0).map(view).filter(passes).collect()
    }

    fn best_of_all(
        &self,
        cache: &Cache,
        profile: &Profile,
        class: ClassId,
        choice: Choice<'_>,
    ) -> Option<u32> {
        let open = self.open_cells(cache, class);
        let rankings: Vec<_> = open.iter().map(|v| &self.cells[v.number as usize].ranking).collect();
        let feasible: usize = open.iter().map(|v| v.nodes).sum();
        let slot = |position: u32| Some(cache.order.list()[position as usize]);
        if feasible < 2 {
            return slot(rankings.first()?.first()?.1);
        }
        let scores = sums(&scores::of_groups(profile, cache, class, &open), open.len());
        let own = |ranking: &BTreeSet<(Reverse<i32>, u32)>| ranking.first().expect("not empty").0.0;
        let totals = || rankings.iter().zip(&scores).map(|(r, score)| i64::from(own(r)) + score);
        let best = totals().max()?;
        let tied = || rankings.iter().zip(totals()).filter(|(_, total)| *total == best).map(|(r, _)| *r);
        let nodes = cache.order.list().len() as u32;
        let start = choice.start as u32;
        let winner = match choice.ties {
            Ties::FirstListed => tied()
                .map(|ranking| {
                    let own = Reverse(own(ranking));
                    let from = |at| ranking.range((own, at)..).next().filter(|r| r.0 == own);
                    from(start).or_else(|| from(0)).expect("the first of the ranking has this score").1
                })
                .min_by_key(|position| (position + nodes - start) % nodes)?,
            Ties::Uniform => {
                let same = |ranking: &'_ BTreeSet<(Reverse<i32>, u32)>| {
                    let own = Reverse(own(ranking));
                    ranking.range((own, 0)..=(own, u32::MAX)).map(|r| r.1).collect::<Vec<_>>()
                };
                let mut all: Vec<u32> = tied().flat_map(same).collect();
                all.sort_by_key(|position| (position + nodes - start) % nodes);
                all[choice.stream.below(all.len())]
            }
        };
        slot(winner)
    }

    fn best_of_some(&self, cache: &Cache, profile: &Profile, class: ClassId, choice: Choice<'_>) -> Chosen {
        let mut open = self.open_cells(cache, class);
        let list = cache.order.list();
        if open.is_empty() {
            return Chosen { slot: None, examined: list.len() };
        }
        let mut group_of = vec![u32::MAX; self.cells.len()];
        for (group, view) in (0..).zip(&mut open) {
            group_of[view.number as usize] = group;
            view.nodes = 0;
        }
        // The feasible nodes that are examined, in that order: own score, slot, group.
        let mut found: Vec<(i32, u32, u32)> = Vec::with_capacity(choice.enough.min(list.len()));
        let mut examined = 0;
        for &slot in list[choice.start..].iter().chain(&list[..choice.start]) {
            if found.len() >= choice.enough {
                break;
            }
            examined += 1;
            let Kept { own, cell, .. } = self.nodes[slot as usize];
            if own != OUT && group_of[cell as usize] != u32::MAX {
                let group = group_of[cell as usize];
                found.push((own, slot, group));
                open[group as usize].nodes += 1;
            }
        }
        if found.len() < 2 {
            return Chosen { slot: found.first().map(|&(_, slot, _)| slot), examined };
        }
        let mut of_group = vec![0; open.len()];
        let seen: Vec<usize> = (0..open.len()).filter(|&i| open[i].nodes > 0).collect();
        open.retain(|v| v.nodes > 0);
        let sums = sums(&scores::of_groups(profile, cache, class, &open), open.len());
        seen.iter().zip(sums).for_each(|(&i, sum)| of_group[i] = sum);
        let totals = || found.iter().map(|&(own, _, group)| i64::from(own) + of_group[group as usize]);
        let best = totals().max();
        let mut tied = found.iter().zip(totals()).filter(|(_, total)| Some(*total) == best).map(|(f, _)| f.1);
        let slot = match choice.ties {
            Ties::FirstListed => tied.next(),
            Ties::Uniform => {
                let tied: Vec<u32> = tied.collect();
                Some(tied[choice.stream.below(tied.len())])
            }
        };
        Chosen { slot, examined }
    }
}

/// Sums over plugins, without a walk for each group.
fn sums(scores: &[(super::profile::Plugin, Vec<i64>)], groups: usize) -> Vec<i64> {
    let mut sums = vec![0; groups];
    for (_, of_plugin) in scores {
        sums.iter_mut().zip(of_plugin).for_each(|(sum, score)| *sum += score);
    }
    sums
}

fn columns(cache: &Cache, class: ClassId) -> Vec<Column> {
    let column = |tally| {
        let topology = cache.topology_of(tally);
        Column { tally, by_sum: topology.key == Name::HOSTNAME && topology.is_unique() }
    };
    cache.newcomer(class).tallies().map(column).collect()
}

/// A cell as a group of nodes.
struct View<'a> {
    index: &'a Index,
    cache: &'a Cache,
    number: u32,
    key: &'a [i64],
    nodes: usize,
}

impl View<'_> {
    fn column(&self, tally: TallyId) -> (Column, i64) {
        let columns = &self.index.columns;
        let at =
            columns.iter().position(|c| c.tally == tally).expect("every tally of a newcomer is a column");
        (columns[at], self.key[TALLIES_FROM + at])
    }
}

impl Group for View<'_> {
    fn nodes(&self) -> usize {
        self.nodes
    }

    fn taints(&self) -> i64 {
        self.key[0]
    }

    fn affinity(&self) -> i64 {
        self.key[1]
    }

    fn domain(&self, spread: &Spread) -> u32 {
        // The domains of a host name are counted by nodes; every other one is in the key itself.
        let (_, entry) = self.column(spread.tally);
        if entry == MISSING { NO_DOMAIN } else { entry as u32 }
    }

    fn sum(&self, tally: TallyId) -> Option<i64> {
        let (column, entry) = self.column(tally);
        match entry {
            MISSING => None,
            sum if column.by_sum => Some(sum),
            domain => Some(self.cache.tally(tally).sum(domain as u32)),
        }
    }
}
