//! What does it cost to place a pod? 100, 1,000 and 5,000 nodes at 70 % load, pods of four sizes that come and end.
//!
//! The floor is a hand loop that does nothing but this: the messages of a control plane as events of one heap, free
//! resources in arrays, every node looked at for every pod, integers only. Beside it in the same run, on the same pods:
//! the scheduler alone (fit, least allocated, balance; all nodes scored), the same with ten services and default
//! spreading, the same as it is shipped (part of the nodes), and the whole control plane with store and watches.
//! One operation is one pod, from its creation to its end.

mod support;

use boxherd::cluster::Cluster;
use boxherd::cluster::controllers::scheduler::SchedulerController;
use boxherd::cluster::event::Event;
use boxherd::cluster::objects::{
    Container, Labels, Name, Node, NodeId, Owner, PodId, PodSpec, Resources, Selector, Template, TemplateId,
};
use boxherd::cluster::scheduler::{Decision, Outside, PodKind, Scheduler, SchedulerSettings};
use boxherd::cluster::settings::Settings;
use boxherd::cluster::store::Change;
use boxherd::engine::{Id, Purpose, SimTime, Stream, Streams};
use criterion::{BenchmarkId, Criterion, Throughput};
use rand_distr::{Distribution, Exp1};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::hint::black_box;
use std::time::Instant;
use support::{is_asked, measures, resident_bytes};

/// A node has 32 CPU and 128 GiB; a pod has so many millicores, and 4 MiB for each.
const NODE_CPU: u32 = 32_000;
const SIZES: [u32; 4] = [250, 500, 1_000, 2_250];
const LOAD: f64 = 0.7;
const MEAN_LIFE_S: f64 = 600.0;
const SERVICES: u32 = 10;

/// A pod that will come: when [µs], how large, for how long [µs].
#[derive(Clone, Copy)]
struct Arrival {
    at: u64,
    size: usize,
    life: u64,
}

fn arrivals(nodes: u32, pods: usize) -> Vec<Arrival> {
    let mut stream = Streams::new(1, 0).open(Purpose::named("arrivals"), &[]);
    let mut exponential = |mean: f64| Distribution::<f64>::sample(&Exp1, &mut stream) * mean;
    let mean_cpu = f64::from(SIZES.iter().sum::<u32>()) / SIZES.len() as f64;
    let gap = mean_cpu * MEAN_LIFE_S / (f64::from(nodes) * f64::from(NODE_CPU) * LOAD);
    let mut time = 0.0;
    let one = |i: usize| {
        time += exponential(gap);
        let life = ((exponential(MEAN_LIFE_S) + 1.0) * 1e6) as u64;
        Arrival { at: (time * 1e6) as u64, size: i.wrapping_mul(2_654_435_761) >> 7 & 3, life }
    };
    (0..pods).map(one).collect()
}

/// The hand loop: ten messages a pod, with the delays of a typical control plane, and one scan of all nodes.
mod floor {
    use super::*;

    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Message {
        Created(u32),
        Stored(u32),
        Queued(u32),
        Cycle,
        Chosen(u32),
        Bound(u32),
        Started(u32),
        Done(u32),
        Reported(u32),
        Removed(u32),
        Freed(u32),
    }

    struct Agenda {
        heap: BinaryHeap<Reverse<(u64, u64, Message)>>,
        sent: u64,
    }

    impl Agenda {
        #[inline(always)]
        fn at(&mut self, time: u64, message: Message) {
            self.sent += 1;
            self.heap.push(Reverse((time, self.sent, message)));
        }
    }

    struct Nodes {
        cpu: Vec<i32>,
        memory: Vec<i32>,
        score: Vec<i32>,
    }

    impl Nodes {
        /// First node of those with the largest free share; two passes that become SIMD.
        #[inline(never)]
        fn pick(&mut self, cpu: i32) -> Option<usize> {
            const SCALE_CPU: i32 = (1 << 29) / NODE_CPU as i32;
            const SCALE_MEMORY: i32 = (1 << 29) / (NODE_CPU as i32 * 4);
            let count = self.score.len();
            let (free_cpu, free_memory) = (&self.cpu[..count], &self.memory[..count]);
            let mut best = -1;
            for i in 0..count {
                let (c, m) = (free_cpu[i] - cpu, free_memory[i] - cpu * 4);
                let share = c.wrapping_mul(SCALE_CPU).wrapping_add(m.wrapping_mul(SCALE_MEMORY));
                let share = if c >= 0 && m >= 0 { share } else { -1 };
                self.score[i] = share;
                best = if share > best { share } else { best };
            }
            if best < 0 { None } else { self.score.iter().position(|&s| s == best) }
        }

        fn take(&mut self, node: usize, cpu: i32) {
            self.cpu[node] -= cpu;
            self.memory[node] -= cpu * 4;
        }
    }

    /// Pods placed.
    pub fn run(nodes: u32, pods: &[Arrival]) -> u64 {
        const TO_STORE: u64 = 50_000;
        const TO_SCHEDULER: u64 = 89_000;
        const TO_API: u64 = 23_000;
        const TO_NODE: u64 = 152_000;
        const PERIOD: u64 = 10_000_000;
        let mut agenda = Agenda { heap: BinaryHeap::with_capacity(pods.len()), sent: 0 };
        for (i, pod) in (0..).zip(pods) {
            agenda.at(pod.at, Message::Created(i));
        }
        let count = nodes as usize;
        let mut free = Nodes {
            cpu: vec![NODE_CPU as i32; count],
            memory: vec![NODE_CPU as i32 * 4; count],
            score: vec![0; count],
        };
        let mut on = vec![0_u32; pods.len()];
        let (mut active, mut parked) = (VecDeque::new(), Vec::new());
        let (mut placed, mut done) = (0, 0);
        let cpu = |i: u32| SIZES[pods[i as usize].size] as i32;
        agenda.at(0, Message::Cycle);
        while let Some(Reverse((now, _, message))) = agenda.heap.pop() {
            match message {
                Message::Created(i) => agenda.at(now + TO_STORE, Message::Stored(i)),
                Message::Stored(i) => agenda.at(now + TO_SCHEDULER, Message::Queued(i)),
                Message::Queued(i) => active.push_back(i),
                Message::Cycle => {
                    while let Some(i) = active.pop_front() {
                        match free.pick(cpu(i)) {
                            Some(node) => {
                                free.take(node, cpu(i));
                                on[i as usize] = node as u32;
                                placed += 1;
                                agenda.at(now + TO_API, Message::Chosen(i));
                            }
                            None => parked.push(i),
                        }
                    }
                    if done < pods.len() {
                        agenda.at(now + PERIOD, Message::Cycle);
                    }
                }
                Message::Chosen(i) => agenda.at(now + TO_STORE, Message::Bound(i)),
                Message::Bound(i) => agenda.at(now + TO_STORE + TO_NODE, Message::Started(i)),
                Message::Started(i) => agenda.at(now + pods[i as usize].life, Message::Done(i)),
                Message::Done(i) => agenda.at(now + TO_NODE, Message::Reported(i)),
                Message::Reported(i) => agenda.at(now + TO_STORE, Message::Removed(i)),
                Message::Removed(i) => agenda.at(now + TO_SCHEDULER, Message::Freed(i)),
                Message::Freed(i) => {
                    free.take(on[i as usize] as usize, -cpu(i));
                    done += 1;
                    active.extend(parked.drain(..));
                }
            }
        }
        placed
    }
}

fn node(index: u32) -> Node {
    let memory = u64::from(NODE_CPU) * (4 << 20);
    let labels = Labels::default().with(Name::ZONE, Name::number(index % 3));
    Node::new(Name::number(1_000 + index), labels, Resources { cpu: NODE_CPU, memory, pods: 250 })
}

fn spec(service: u32, size: usize) -> PodSpec {
    let labels = Labels::default().with(Name::APP, Name::number(service));
    let memory = u64::from(SIZES[size]) * (4 << 20);
    let container = Container { cpu: Some(SIZES[size]), memory: Some(memory), ..Container::default() };
    PodSpec::of_container(labels, container)
}

fn stream() -> Stream {
    Streams::new(1, 0).open(Purpose::named("ties"), &[])
}

fn settings(percentage_of_nodes: u32) -> SchedulerSettings {
    SchedulerSettings { percentage_of_nodes, ..SchedulerSettings::default() }
}

/// The scheduler alone; pods placed.
fn placement(nodes: u32, pods: &[Arrival], spreads: bool, percentage: u32) -> u64 {
    let services = if spreads { SERVICES } else { 1 };
    let kinds: Vec<(Template, Option<Selector>)> = (0..services)
        .flat_map(|service| (0..SIZES.len()).map(move |size| spec(service, size)))
        .map(|spec| {
            let siblings = spreads.then(|| Selector::of_labels(&spec.labels));
            (Template::new(spec, Vec::new(), Vec::new()), siblings)
        })
        .collect();
    let mut scheduler = Scheduler::new(settings(percentage));
    for i in 0..nodes {
        scheduler.node_added(NodeId::new(i, 0), &node(i), Resources::default(), SimTime::ZERO);
    }
    let mut stream = stream();
    let started = |_| None;
    let mut ends: BinaryHeap<Reverse<(u64, u32)>> = BinaryHeap::new();
    let mut placed = 0;
    for (i, pod) in (0..).zip(pods) {
        while let Some(&Reverse((at, gone))) = ends.peek().filter(|end| end.0.0 <= pod.at) {
            ends.pop();
            scheduler.pod_gone(PodId::new(gone, 0), SimTime::from_micros(at));
        }
        let now = SimTime::from_micros(pod.at);
        let kind = (i % services) as usize * SIZES.len() + pod.size;
        let (template, siblings) = &kinds[kind];
        let id = TemplateId::new(kind as u32, 0);
        scheduler.pod_made(PodId::new(i, 0), PodKind { id, template, siblings: siblings.as_ref() }, now);
        let mut outside = Outside { now, budgets: &[], started: &started, stream: &mut stream };
        while let Some(decision) = scheduler.schedule_one(&mut outside) {
            if let Decision::Bind { pod: id, .. } = decision {
                placed += 1;
                ends.push(Reverse((pod.at + pods[id.parts().0 as usize].life, id.parts().0)));
            }
        }
    }
    placed
}

/// Store, watches, work queues and scheduler, with kubelets that start a pod at once.
struct ControlPlane {
    cluster: Cluster,
    templates: [TemplateId; SIZES.len()],
    agenda: BinaryHeap<Reverse<(u64, u64, Step)>>,
    sent: u64,
    placed: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Control(u16, u32, u32),
    Ends(PodId),
}

impl ControlPlane {
    fn new(nodes: u32) -> ControlPlane {
        let limits = Settings { scheduler_rate: 1e9, scheduler_burst: 1_000_000, ..Settings::default() };
        let mut cluster = Cluster::new(limits);
        cluster.scheduler = SchedulerController::with_profile(&cluster.settings, settings(100), stream());
        for i in 0..nodes {
            cluster.store.add_node(node(i));
        }
        let templates = [0, 1, 2, 3].map(|size| cluster.store.intern_template(spec(0, size)));
        ControlPlane { cluster, templates, agenda: BinaryHeap::new(), sent: 0, placed: 0 }
    }

    fn create(&mut self, size: usize, now: u64) -> PodId {
        self.cluster.store.create_pod(Owner::None, self.templates[size], SimTime::from_micros(now))
    }

    fn next_due(&self) -> Option<u64> {
        self.agenda.peek().map(|Reverse((at, ..))| *at)
    }

    fn run_next(&mut self) {
        let Some(Reverse((now, _, step))) = self.agenda.pop() else { return };
        match step {
            Step::Control(kind, a, b) => {
                self.cluster.handle(Event::decode(kind, a, b), SimTime::from_micros(now));
            }
            Step::Ends(pod) => self.cluster.store.remove_pod(pod),
        }
    }

    /// Everybody sees what changed; a pod that is bound runs, and ends when its life is over, if ever.
    fn settle(&mut self, now: u64, end_of: impl Fn(PodId) -> Option<u64>) {
        let time = SimTime::from_micros(now);
        while let Some(change) = self.cluster.take_change(time) {
            if let Change::PodBound(pod) = change {
                self.placed += 1;
                self.cluster.store.set_started(pod, time);
                self.cluster.store.set_ready(pod, true, time);
                if let Some(end) = end_of(pod) {
                    self.sent += 1;
                    self.agenda.push(Reverse((end, self.sent, Step::Ends(pod))));
                }
            }
        }
        for (at, event) in self.cluster.take_events() {
            // The scheduler is alone: no node fails here.
            if event == Event::Wake {
                let (kind, a, b) = event.encode();
                self.sent += 1;
                self.agenda.push(Reverse((at.as_micros(), self.sent, Step::Control(kind, a, b))));
            }
        }
    }
}

/// The whole path; pods placed.
fn whole(nodes: u32, pods: &[Arrival]) -> u64 {
    let mut plane = ControlPlane::new(nodes);
    let mut lives: Vec<u64> = Vec::new();
    let mut next = 0;
    loop {
        let now = match (plane.next_due(), pods.get(next)) {
            (Some(due), Some(pod)) if due <= pod.at => due,
            (_, Some(pod)) => pod.at,
            (Some(_), None) | (None, None) => break,
        };
        if plane.next_due() == Some(now) {
            plane.run_next();
        } else {
            let pod = &pods[next];
            let place = plane.create(pod.size, now).parts().0 as usize;
            lives.resize(lives.len().max(place + 1), 0);
            lives[place] = pod.life;
            next += 1;
        }
        plane.settle(now, |pod| Some(now + lives[pod.parts().0 as usize]));
    }
    plane.placed
}

/// Memory of pods that live at one time, and of pods that are gone: the same number comes and goes three times.
fn print_memory(nodes: u32, count: u32) {
    let mut plane = ControlPlane::new(nodes);
    plane.settle(0, |_| None);
    let Some(empty) = resident_bytes() else { return };
    let mut full = [0.0; 3];
    let mut now = 0;
    for full in &mut full {
        // In small batches, as a cluster fills: what is on its way at one time is not what stays.
        let mut pods = Vec::new();
        // A template goes with its last pod.
        plane.templates[0] = plane.cluster.store.intern_template(spec(0, 0));
        for _ in 0..count {
            pods.push(plane.create(0, now));
            plane.settle(now, |_| None);
            while let Some(due) = plane.next_due() {
                now = due;
                plane.run_next();
                plane.settle(now, |_| None);
            }
        }
        let resident = resident_bytes().unwrap_or(f64::NAN);
        *full = (resident - empty - f64::from(count) * size_of::<PodId>() as f64) / f64::from(count);
        pods.into_iter().for_each(|pod| plane.cluster.store.remove_pod(pod));
        plane.settle(now, |_| None);
    }
    println!(
        "{nodes} nodes, {count} pods alive: {:.0} bytes a pod, {:.0} and {:.0} when as many have come and gone once and \
         twice before",
        full[0], full[1], full[2]
    );
}

type Way<'a> = (&'static str, Box<dyn Fn() -> u64 + 'a>);

fn ways<'a>(nodes: u32, pods: &'a [Arrival]) -> Vec<Way<'a>> {
    vec![
        ("placement", Box::new(move || placement(nodes, pods, false, 100))),
        ("with default spread", Box::new(move || placement(nodes, pods, true, 100))),
        ("as shipped", Box::new(move || placement(nodes, pods, true, 0))),
        ("whole path", Box::new(move || whole(nodes, pods))),
        ("floor", Box::new(move || floor::run(nodes, pods))),
    ]
}

/// Best µs per pod of some turns, and the ratio to the floor.
fn print_ratios(nodes: u32, count: usize, turns: usize) {
    let pods = arrivals(nodes, count);
    let ways = ways(nodes, &pods);
    let mut best = vec![f64::INFINITY; ways.len()];
    for _ in 0..turns {
        for (best, (name, run)) in best.iter_mut().zip(&ways) {
            let begun = Instant::now();
            let placed = run();
            *best = best.min(begun.elapsed().as_secs_f64() * 1e6 / count as f64);
            assert!(placed as f64 > 0.95 * count as f64, "{name}: {placed} of {count} pods placed");
        }
    }
    let floor = best.last().expect("there is a floor");
    let results: Vec<String> = ways
        .iter()
        .zip(&best)
        .map(|((name, _), us)| format!("{name} {us:.2} µs ({:.1})", us / floor))
        .collect();
    println!("{nodes} nodes, {count} pods: {}", results.join(", "));
}

fn main() {
    if measures() {
        for (nodes, count, turns) in [
            (100, 10_000, 9),
            (1_000, 10_000, 7),
            (1_000, 100_000, 3),
            (5_000, 10_000, 5),
            (5_000, 100_000, 2),
        ] {
            if is_asked(&format!("{nodes} nodes {count} pods")) {
                print_ratios(nodes, count, turns);
            }
        }
    }
    if measures() && is_asked("memory") {
        print_memory(5_000, 100_000);
    }
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    for nodes in [100, 1_000] {
        let pods = arrivals(nodes, 2_000);
        let mut group = criterion.benchmark_group(format!("{nodes} nodes"));
        group.throughput(Throughput::Elements(pods.len() as u64));
        for (name, run) in ways(nodes, &pods) {
            group.bench_function(BenchmarkId::from_parameter(name), |b| b.iter(|| black_box(run())));
        }
    }
    criterion.final_summary();
}
