//! The scheduler as a whole: the index against the plain scan, plugins of one's own, preemption and nominations.

use super::*;
use crate::cluster::objects::{
    Container, Effect, Labels, Name, Node, NodeAffinity, PodAffinity, PodSpec, Require, Requirement,
    SpreadConstraint, Taint, Test, Toleration, WhenUnsatisfiable,
};
use crate::engine::{Purpose, SimDuration, Streams};
use proptest::prelude::*;
use std::sync::Arc;

const GIB: u64 = 1 << 30;
const APP: Name = Name::POD_TEMPLATE_HASH;
const DISK: Name = Name::TO_BE_DELETED;

fn stream(seed: u64) -> Stream {
    Streams::new(seed, 0).open(Purpose::named("scheduler tests"), &[])
}

fn app(number: u32) -> Labels {
    Labels::default().with(APP, Name::number(number))
}

fn pod(index: u32) -> PodId {
    PodId { index, generation: 0 }
}

fn node_id(index: u32) -> NodeId {
    NodeId { index, generation: 0 }
}

fn node(index: u32, cpu: u32) -> Node {
    Node::new(Name::number(1_000 + index), Labels::default(), Resources { cpu, memory: 64 * GIB, pods: 110 })
}

fn image(number: u32) -> Image {
    Image { repository: number, tag: 0 }
}

/// A template of pods with one label, its siblings being those with the same one.
struct Kind {
    template: Template,
    siblings: Option<Selector>,
    id: u32,
}

impl Kind {
    fn new(id: u32, cpu: u32, change: impl FnOnce(&mut PodSpec)) -> Kind {
        let container = Container { cpu: Some(cpu), memory: Some(GIB), ..Container::default() };
        let mut spec = PodSpec::of_container(app(id), container);
        change(&mut spec);
        let siblings = Some(Selector::of_labels(&spec.labels));
        Kind { template: Template::new(spec, Vec::new(), Vec::new()), siblings, id }
    }

    fn kind(&self) -> PodKind<'_> {
        let id = TemplateId { index: self.id, generation: 0 };
        PodKind { id, template: &self.template, siblings: self.siblings.as_ref() }
    }
}

fn cycle(scheduler: &mut Scheduler, now: SimTime) -> Option<Decision> {
    let started = |_| Some(SimTime::ZERO);
    let mut stream = stream(0);
    scheduler.schedule_one(&mut Outside { now, budgets: &[], started: &started, stream: &mut stream })
}

fn at(s: u64) -> SimTime {
    SimTime::ZERO + SimDuration::from_secs(s)
}

/// What is drawn for the comparison of index and scan.
struct Draw(Stream);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0.below(n)
    }

    fn node(&mut self, index: u32) -> Node {
        let cpu = [2_000, 4_000, 8_000][self.below(3)];
        let mut node = node(index, cpu);
        node.allocatable.memory = [8, 16, 32][self.below(3)] * GIB;
        if self.below(10) > 0 {
            node.labels.set(Name::ZONE, Name::number(self.below(3) as u32));
        }
        if self.below(2) == 0 {
            node.labels.set(DISK, Name::number(self.below(2) as u32));
        }
        if self.below(4) == 0 {
            let effect =
                [Effect::PreferNoSchedule, Effect::PreferNoSchedule, Effect::NoSchedule][self.below(3)];
            let key = Name::number(self.below(2) as u32);
            node.taints.push(Taint { key, value: Name::EMPTY, effect, since: SimTime::ZERO });
        }
        node.cordoned = self.below(12) == 0;
        node
    }

    /// Some of three images, of which the smallest is too small to count.
    fn images(&mut self) -> Vec<(Image, u64)> {
        let image = |number: u32| (image(number), [10 << 20, 300 << 20, 2 << 30][number as usize]);
        (0..3).map(image).filter(|_| self.below(2) == 0).collect()
    }

    fn kind(&mut self, id: u32) -> Kind {
        let cpu = [0, 100, 250, 700][self.below(4)];
        let mut kind = Kind::new(id, cpu, |spec| {
            spec.containers[0].image = image(self.below(3) as u32);
            self.change(spec);
        });
        if self.below(3) == 0 {
            kind.siblings = None;
        }
        kind
    }

    fn change(&mut self, spec: &mut PodSpec) {
        let key = |draw: &mut Self| [Name::ZONE, Name::HOSTNAME, DISK][draw.below(3)];
        let selector = |draw: &mut Self| Selector::of_labels(&app(draw.below(4) as u32));
        if self.below(4) == 0 {
            spec.tolerations.push(Toleration {
                key: Some(Name::number(self.below(2) as u32)),
                value: None,
                effect: None,
                seconds: None,
            });
        }
        let disk = |n: u32| vec![Requirement { key: DISK, test: Test::In(vec![Name::number(n)]) }];
        if self.below(5) == 0 {
            spec.node_affinity = NodeAffinity {
                required: if self.below(2) == 0 { vec![disk(0), disk(1)] } else { Vec::new() },
                preferred: vec![(20, disk(0)), (7, disk(1))],
            };
        }
        for _ in 0..self.below(6).saturating_sub(3) {
            let when = [WhenUnsatisfiable::DoNotSchedule, WhenUnsatisfiable::ScheduleAnyway][self.below(2)];
            spec.spread.push(SpreadConstraint {
                topology_key: key(self),
                max_skew: 1 + self.below(3) as i64,
                when_unsatisfiable: when,
                selector: selector(self),
                min_domains: None,
                honor_affinity: self.below(2) == 0,
                honor_taints: self.below(2) == 0,
                match_label_keys: Vec::new(),
            });
        }
        for _ in 0..self.below(5).saturating_sub(2) {
            let preferred = Require::Preferred(1 + self.below(100) as i64);
            spec.pod_affinity.push(PodAffinity {
                anti: self.below(2) == 0,
                require: if self.below(3) == 0 { Require::Required } else { preferred },
                topology_key: key(self),
                selector: selector(self),
            });
        }
    }
}

/// Pods come and go, nodes come, change and go; for each new pod the index and the scan must agree. Gives back whether any
/// was bound: of few nodes none may be good enough for anybody.
fn index_and_scan_agree(seed: u64, nodes: u32, steps: u32, uniform: bool) -> bool {
    let ties = if uniform { Ties::Uniform } else { Ties::FirstListed };
    let mut draw = Draw(stream(seed));
    let kinds: Vec<Kind> = (0..4).map(|id| draw.kind(id)).collect();
    let mut scheduler = Scheduler::new(SchedulerSettings { ties, ..SchedulerSettings::default() });
    for i in 0..nodes {
        scheduler.node_added(node_id(i), &draw.node(i), Resources::default(), SimTime::ZERO);
    }
    let (mut bound, mut next_node, mut has_bound) = (Vec::new(), nodes, false);
    for step in 0..steps {
        let kind = &kinds[draw.below(4)];
        scheduler.pod_made(pod(step), kind.kind(), SimTime::ZERO);
        let (popped, class) = scheduler.queue.pop(SimTime::ZERO).expect("a pod was just made");
        let mut twin = scheduler.clone();
        let by_index = scheduler.choose_by_index(class, &mut stream(u64::from(step)));
        let by_scan = twin.choose_by_scan((popped, class), &mut stream(u64::from(step)));
        assert_eq!(by_index, by_scan, "seed {seed}, step {step}");
        assert_eq!(scheduler.start, twin.start, "seed {seed}, step {step}");
        match by_index {
            Some(slot) => {
                scheduler.cache.add_pod(popped, class, scheduler.cache.node(slot).id, false);
                scheduler.stop_waiting(popped);
                bound.push(popped);
                has_bound = true;
            }
            None => scheduler.pod_gone(popped, SimTime::ZERO),
        }
        if !bound.is_empty() && draw.below(4) == 0 {
            let gone = bound.swap_remove(draw.below(bound.len()));
            scheduler.pod_terminating(gone);
            if draw.below(3) > 0 {
                scheduler.pod_gone(gone, SimTime::ZERO);
            }
        }
        if draw.below(10) == 0 {
            let id = node_id(draw.below(next_node as usize) as u32);
            scheduler.node_updated(id, &draw.node(id.index), SimTime::ZERO);
        }
        if draw.below(8) == 0 {
            let id = node_id(draw.below(next_node as usize) as u32);
            scheduler.node_images(id, draw.images());
        }
        if draw.below(20) == 0 && scheduler.cache.node_count() > 2 {
            scheduler.node_removed(node_id(draw.below(next_node as usize) as u32));
            scheduler.node_added(
                node_id(next_node),
                &draw.node(next_node),
                Resources::default(),
                SimTime::ZERO,
            );
            next_node += 1;
        }
    }
    has_bound
}

/// Many pods wait for few nodes that come, change and go; whoever fails like the last one must hear what it would alone.
/// Gives back how often that was taken from the last one.
fn failures_are_alike(seed: u64) -> u32 {
    let mut draw = Draw(stream(seed));
    let kinds: Vec<Kind> = (0..3).map(|id| draw.kind(id)).collect();
    let mut both = [Scheduler::default(), Scheduler::default()];
    let (mut made, mut bound, mut shared, mut last) = (0, Vec::new(), 0, None);
    for step in 0..60 {
        let id = node_id(step % 4);
        let (node, gone) = (draw.node(id.index), draw.below(4));
        let what = draw.below(4);
        for _ in 0..draw.below(5) {
            let kind = &kinds[draw.below(3)];
            both.iter_mut().for_each(|s| s.pod_made(pod(made), kind.kind(), at(u64::from(step))));
            made += 1;
        }
        let leaver = (!bound.is_empty()).then(|| bound.swap_remove(draw.below(bound.len())));
        for scheduler in &mut both {
            let now = at(u64::from(step));
            match (what, scheduler.knows_node(id)) {
                (0, true) if gone == 0 => scheduler.node_removed(id),
                (0, true) => scheduler.node_updated(id, &node, now),
                (0, false) => scheduler.node_added(id, &node, Resources::default(), now),
                (1, _) => leaver.into_iter().for_each(|pod| scheduler.pod_gone(pod, now)),
                _ => {}
            }
        }
        if what != 1 {
            bound.extend(leaver);
        }
        loop {
            both[1].hopeless = None;
            let [alike, alone] = both.each_mut().map(|s| cycle(s, at(u64::from(step))));
            assert_eq!(alike, alone, "seed {seed}, step {step}");
            match alike {
                Some(Decision::Bind { pod, .. }) => bound.push(pod),
                Some(Decision::Unschedulable(_, failure)) => {
                    shared += u32::from(last.as_ref().is_some_and(|last| Arc::ptr_eq(last, &failure)));
                    last = Some(failure);
                }
                None => break,
            }
        }
    }
    shared
}

#[test]
fn a_pod_that_fails_like_the_last_one_is_told_what_it_would_find_alone() {
    let shared: u32 = (0..60).map(failures_are_alike).sum();
    assert!(shared > 100, "{shared}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn the_index_finds_what_a_scan_of_all_nodes_finds(seed: u64, nodes in 2_u32..40, uniform: bool) {
        prop_assume!(index_and_scan_agree(seed, nodes, 120, uniform));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    #[test]
    fn the_index_finds_what_a_scan_of_some_nodes_finds(seed: u64, uniform: bool) {
        // 260 nodes: the search ends at max(100, 260 · 48 %) = 124.
        prop_assert!(index_and_scan_agree(seed, 260, 150, uniform));
    }
}

#[test]
fn sums_of_tallies_are_those_of_a_fresh_start() {
    let mut draw = Draw(stream(5));
    let kinds: Vec<Kind> = (0..4).map(|id| draw.kind(id)).collect();
    let mut scheduler = Scheduler::default();
    for i in 0..20 {
        scheduler.node_added(node_id(i), &draw.node(i), Resources::default(), SimTime::ZERO);
    }
    for i in 0..200 {
        scheduler.pod_made(pod(i), kinds[draw.below(4)].kind(), SimTime::ZERO);
        cycle(&mut scheduler, SimTime::ZERO);
        if i % 3 == 0 {
            scheduler.pod_gone(pod(i / 2), SimTime::ZERO);
        }
    }
    // A second scheduler is told what is there now; both have to think the same of every node.
    let mut fresh = Scheduler::default();
    let bound: Vec<(PodId, u32, u32)> = (0..200)
        .filter_map(|i| {
            let (class, slot) = scheduler.cache.bound(pod(i))?;
            Some((pod(i), scheduler.cache.class(class).template.index, slot))
        })
        .collect();
    let mut draw = Draw(stream(5));
    (0..4).for_each(|id| drop(draw.kind(id)));
    for i in 0..20 {
        fresh.node_added(node_id(i), &draw.node(i), Resources::default(), SimTime::ZERO);
    }
    for (id, kind, slot) in bound {
        let node = scheduler.cache.node(slot).id;
        fresh.pod_bound(id, kinds[kind as usize].kind(), node, false, SimTime::ZERO);
    }
    for kind in &kinds {
        let (ours, theirs) = (scheduler.report(kind.kind()), fresh.report(kind.kind()));
        assert_eq!(
            (ours.feasible, ours.totals, ours.reasons),
            (theirs.feasible, theirs.totals, theirs.reasons)
        );
    }
}

#[test]
fn nothing_is_kept_of_pods_that_are_gone() {
    let kinds: Vec<Kind> = (0..50).map(|id| Kind::new(id, 100, |_| {})).collect();
    let mut scheduler = Scheduler::default();
    scheduler.node_added(node_id(0), &node(0, 64_000), Resources::default(), SimTime::ZERO);
    for kind in &kinds {
        scheduler.pod_made(pod(0), kind.kind(), SimTime::ZERO);
        cycle(&mut scheduler, SimTime::ZERO);
        scheduler.pod_gone(pod(0), SimTime::ZERO);
    }
    assert_eq!((scheduler.cache.class_ids().count(), scheduler.cache.tally_ids().count()), (0, 0));
    let empty = scheduler.cache.node(0);
    assert_eq!((empty.requested, empty.classes.len(), empty.pods.len()), (Resources::default(), 0, 0));
}

/// Nodes by their number, odd ones only, and the higher the better.
#[derive(Debug)]
struct Numbered;

impl Filter for Numbered {
    fn name(&self) -> &'static str {
        "Numbered"
    }

    fn check(&self, _: &PodSpec, node: &NodeInfo) -> Result<(), Rejection> {
        if node.id.index % 2 == 1 {
            return Ok(());
        }
        Err(Rejection::registered("Numbered", "node(s) had an even number", false))
    }
}

impl Score for Numbered {
    fn name(&self) -> &'static str {
        "Numbered"
    }

    fn weight(&self) -> i64 {
        10
    }

    fn score(&self, _: &PodSpec, node: &NodeInfo) -> i64 {
        i64::from(node.id.index)
    }
}

#[test]
fn plugins_of_ones_own_filter_and_score() {
    let plugin = Arc::new(Numbered);
    let profile = Profile { filters: vec![plugin.clone()], scores: vec![plugin], ..Profile::default() };
    let mut scheduler = Scheduler::new(SchedulerSettings { profile, ..SchedulerSettings::default() });
    for i in 0..5 {
        scheduler.node_added(node_id(i), &node(i, 4_000), Resources::default(), SimTime::ZERO);
    }
    let kind = Kind::new(0, 100, |_| {});
    let report = scheduler.report(kind.kind());
    assert_eq!(report.feasible, [node_id(1), node_id(3)]);
    assert_eq!(report.reasons, BTreeMap::from([("node(s) had an even number", 3)]));
    // 10 · 3 is better than 10 · 1; all else is equal.
    assert_eq!(report.best(), [node_id(3)]);
    scheduler.pod_made(pod(0), kind.kind(), SimTime::ZERO);
    let bound = Decision::Bind { pod: pod(0), node: node_id(3) };
    assert_eq!(cycle(&mut scheduler, SimTime::ZERO), Some(bound));
}

#[test]
fn a_node_is_nominated_and_its_victims_named_and_the_preemptor_comes_back_when_they_are_gone() {
    let mut scheduler = Scheduler::default();
    scheduler.node_added(node_id(0), &node(0, 4_000), Resources::default(), at(0));
    let low = Kind::new(0, 2_000, |_| {});
    let high = Kind::new(1, 3_000, |spec| spec.priority = 10);
    for i in 0..2 {
        scheduler.pod_bound(pod(i), low.kind(), node_id(0), false, at(0));
    }
    scheduler.pod_made(pod(2), high.kind(), at(5));
    let Some(Decision::Unschedulable(_, failure)) = cycle(&mut scheduler, at(5)) else {
        panic!("there is no room")
    };
    let nomination = failure.nomination.clone().expect("others have to go");
    // 3000 m beside one of 2000 m do not fit into 4000 m.
    assert_eq!((nomination.node, nomination.victims), (node_id(0), vec![pod(0), pod(1)]));
    // One victim's end is not enough.
    scheduler.pod_terminating(pod(0));
    scheduler.pod_terminating(pod(1));
    scheduler.pod_gone(pod(0), at(6));
    let Some(Decision::Unschedulable(_, failure)) = cycle(&mut scheduler, at(6)) else {
        panic!("no room yet")
    };
    assert_eq!(failure.not_eligible, Some("not eligible due to a terminating pod on the nominated node."));
    scheduler.pod_gone(pod(1), at(7));
    // Two failed attempts: the preemptor backs off until 8 s, and the newcomer is tried first; the room is not for it.
    scheduler.pod_made(pod(3), low.kind(), at(7));
    let Some(Decision::Unschedulable(newcomer, failure)) = cycle(&mut scheduler, at(7)) else {
        panic!("it is promised")
    };
    assert_eq!((newcomer, &failure.reasons), (pod(3), &BTreeMap::from([("Insufficient cpu", 1)])));
    assert_eq!(cycle(&mut scheduler, at(7)), Some(Decision::Bind { pod: pod(2), node: node_id(0) }));
    assert_eq!(cycle(&mut scheduler, at(7)), None);
}

#[test]
fn room_that_is_made_is_not_for_pods_of_lower_priority() {
    let mut scheduler = Scheduler::default();
    scheduler.node_added(node_id(0), &node(0, 4_000), Resources::default(), at(0));
    let (low, high) = (Kind::new(0, 2_000, |_| {}), Kind::new(1, 4_000, |spec| spec.priority = 10));
    scheduler.pod_bound(pod(0), low.kind(), node_id(0), false, at(0));
    scheduler.pod_made(pod(1), high.kind(), at(1));
    assert!(
        matches!(cycle(&mut scheduler, at(1)), Some(Decision::Unschedulable(_, f)) if f.nomination.is_some())
    );
    // 2000 m are free now, but the node is nominated for a pod of higher priority that needs all of it.
    scheduler.pod_made(pod(2), low.kind(), at(2));
    let Some(Decision::Unschedulable(_, failure)) = cycle(&mut scheduler, at(2)) else {
        panic!("it is promised")
    };
    let said = (&failure.reasons, failure.nomination.is_none());
    assert_eq!(said, (&BTreeMap::from([("Insufficient cpu", 1)]), true));
    // Its preemptor is no more: the room is free again.
    scheduler.pod_gone(pod(1), at(3));
    scheduler.flush(at(400));
    assert_eq!(cycle(&mut scheduler, at(400)), Some(Decision::Bind { pod: pod(2), node: node_id(0) }));
}
