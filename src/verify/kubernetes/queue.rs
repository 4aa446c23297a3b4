//! Cases of the kind `scheduling_queue`: pending pods, and what happens when room appears. And `scheduler_pace`, which is
//! reported and not judged.
//!
//! Steps happen at their times; victims of preemption go on until a step removes them. The pods bound after each step, and
//! where, have to be those of a recorded run, in its order up to what races there. Nodes that are equally good are
//! drawn, so several own runs are tried.

use super::cluster_input::{ClusterInput, GroupInput, NodeInput, PodInput};
use super::stage::{Act, Stage};
use super::{Case, Outcome, part};
use crate::cluster::scheduler::Ties;
use crate::engine::{Purpose, SimDuration, SimTime, Stream, Streams};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Input {
    #[serde(flatten)]
    cluster: ClusterInput,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    at_s: f64,
    #[serde(flatten)]
    action: Action,
}

#[derive(Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
enum Action {
    CreatePod {
        pod: Box<PodInput>,
    },
    AddNode {
        node: NodeInput,
    },
    RemovePodAtOnce {
        name: String,
    },
    /// Deletion is asked for; the pod goes on.
    #[serde(alias = "request_deletion")]
    DeletePod {
        name: String,
    },
    #[serde(alias = "cordon")]
    CordonNode {
        name: String,
    },
    #[serde(alias = "uncordon")]
    UncordonNode {
        name: String,
    },
}

#[derive(Deserialize)]
struct Observed {
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    events: Vec<Event>,
    #[serde(default)]
    bind_order: Vec<String>,
}

#[derive(Deserialize)]
struct Event {
    t_s: f64,
    pod: String,
    event: String,
    #[serde(default)]
    node: Option<String>,
}

/// Steps closer than this are too fast for a recording to tell them apart.
const APART_S: f64 = 0.2;
/// Binds closer than this may swap.
const RACE_S: f64 = 0.1;
/// Own runs with ties at random, after one without.
const RUNS: u32 = 50;

/// Pods that are bound, and where.
type Bound = BTreeMap<String, String>;

/// What came of an own run.
struct OwnRun {
    /// After each step.
    after: Vec<Bound>,
    order: Vec<String>,
}

pub fn play(case: &Case) -> Outcome {
    Outcome::of(compare(case))
}

fn compare(case: &Case) -> Result<(), String> {
    let input: Input = part(&case.input, "input")?;
    let observed: Observed = part(&case.observed, "observed part")?;
    let mut first = None;
    for run in 0..=RUNS {
        let ties = if run == 0 { Ties::FirstListed } else { Ties::Uniform };
        let stream = Streams::new(1, 0).open(Purpose::named("queue ties"), &[u64::from(run)]);
        let own = own_run(&input, ties, stream)?;
        let differences: Vec<String> =
            observed.runs.iter().filter_map(|recorded| same(&input, &own, recorded).err()).collect();
        if differences.len() < observed.runs.len() {
            return Ok(());
        }
        first = first.or(differences.into_iter().next());
    }
    first.map_or(Ok(()), Err)
}

fn at(s: f64) -> SimTime {
    Stage::START + SimDuration::from_secs_f64(s)
}

fn own_run(input: &Input, ties: Ties, stream: Stream) -> Result<OwnRun, String> {
    let mut stage = Stage::new(&input.cluster, ties, stream)?;
    let mut own = OwnRun { after: Vec::new(), order: Vec::new() };
    let mut bound = Bound::new();
    for step in &input.steps {
        let now = at(step.at_s);
        let mut acts = stage.settle(now);
        match &step.action {
            Action::CreatePod { pod } => stage.submit(pod, now)?,
            Action::AddNode { node } => stage.add_node(node),
            Action::RemovePodAtOnce { name } => stage.remove(name)?,
            Action::DeletePod { name } => stage.delete(name, now)?,
            Action::CordonNode { name } => stage.cordon(name, true)?,
            Action::UncordonNode { name } => stage.cordon(name, false)?,
        }
        acts.extend(stage.settle(now));
        for act in acts {
            if let Act::Bound { pod, node } = act {
                own.order.push(pod.clone());
                bound.insert(pod, node);
            }
        }
        own.after.push(bound.clone());
    }
    Ok(own)
}

fn same(input: &Input, own: &OwnRun, recorded: &Run) -> Result<(), String> {
    let binds = || recorded.events.iter().filter(|e| e.event == "bound");
    for (i, after) in own.after.iter().enumerate() {
        let next = input.steps.get(i + 1).map_or(f64::INFINITY, |step| step.at_s);
        if next - input.steps[i].at_s < APART_S {
            continue;
        }
        let there: Bound = binds()
            .filter(|e| e.t_s < next)
            .map(|e| (e.pod.clone(), e.node.clone().unwrap_or_default()))
            .collect();
        if *after != there {
            return Err(format!("after step {} bound are {after:?}, recorded {there:?}", i + 1));
        }
    }
    let recorded_order: Vec<&String> = match &recorded.bind_order[..] {
        [] => binds().map(|e| &e.pod).collect(),
        order => order.iter().collect(),
    };
    let time = |pod: &str| binds().find(|e| e.pod == pod).map_or(0.0, |e| e.t_s);
    let priority = |pod: &str| {
        let made = input.steps.iter().filter_map(|step| match &step.action {
            Action::CreatePod { pod } => Some(&**pod),
            _ => None,
        });
        made.chain(&input.cluster.pods).find(|p| p.name == pod).and_then(|p| p.priority).unwrap_or(0)
    };
    let place = |pod: &str| recorded_order.iter().position(|p| *p == pod);
    for (i, a) in own.order.iter().enumerate() {
        for b in &own.order[i + 1..] {
            let swapped = place(a) > place(b);
            let races = priority(a) == priority(b) || (time(a) - time(b)).abs() <= RACE_S;
            if swapped && !races {
                return Err(format!("{a} is bound before {b}, recorded after it"));
            }
        }
    }
    Ok(())
}

#[derive(Deserialize)]
struct PaceInput {
    nodes: u32,
    pods: u32,
    #[serde(default)]
    groups: u32,
    node_cpu_millicores: u32,
    node_memory_bytes: u64,
    pod_cpu_millicores: u32,
    pod_memory_bytes: u64,
    #[serde(default)]
    zones: u32,
}

#[derive(Deserialize)]
struct PaceObserved {
    pods_per_node_min_max: [u32; 2],
    #[serde(default)]
    pods_per_zone: BTreeMap<String, u32>,
    pods_per_s: f64,
}

/// How the pods of a large cluster spread; its pace is that of a machine and cannot be compared.
pub fn play_pace(case: &Case) -> Outcome {
    match pace(case) {
        Ok(seen) => Outcome::Reported(seen),
        Err(difference) => Outcome::Failed(difference),
    }
}

fn pace(case: &Case) -> Result<String, String> {
    let input: PaceInput = part(&case.input, "input")?;
    let observed: PaceObserved = part(&case.observed, "observed part")?;
    let zone = |i: u32| format!("zone-{}", char::from(b'a' + (i % input.zones.clamp(1, 26)) as u8));
    let label = |key: &str, value: String| BTreeMap::from([(key.to_owned(), value)]);
    let node = |i: u32| NodeInput {
        name: format!("n{i}"),
        cpu_millicores: input.node_cpu_millicores,
        memory_bytes: input.node_memory_bytes,
        max_pods: 110,
        labels: if input.zones > 0 { label("zone", zone(i)) } else { BTreeMap::new() },
        taints: Vec::new(),
        cordoned: false,
    };
    let group = |i: u32| GroupInput { name: format!("g{i}"), labels: label("app", format!("g{i}")) };
    let cluster = ClusterInput {
        nodes: (0..input.nodes).map(node).collect(),
        groups: (0..input.groups).map(group).collect(),
        ..ClusterInput::default()
    };
    let stream = Streams::new(1, 0).open(Purpose::named("pace"), &[]);
    let mut stage = Stage::new(&cluster, Ties::FirstListed, stream)?;
    for i in 0..input.pods {
        let pod = PodInput {
            name: format!("p{i}"),
            cpu_millicores: Some(input.pod_cpu_millicores),
            memory_bytes: Some(input.pod_memory_bytes),
            group: (input.groups > 0).then(|| format!("g{}", i % input.groups.max(1))),
            ..PodInput::default()
        };
        stage.submit(&pod, Stage::START)?;
    }
    let mut on_node: BTreeMap<String, u32> = cluster.nodes.iter().map(|n| (n.name.clone(), 0)).collect();
    let mut in_zone: BTreeMap<String, u32> = BTreeMap::new();
    for act in stage.settle(Stage::START) {
        if let Act::Bound { node, .. } = act {
            *in_zone.entry(stage.zone(&node).unwrap_or("no-zone").to_owned()).or_insert(0) += 1;
            *on_node.get_mut(&node).expect("bound to one of the nodes") += 1;
        }
    }
    let bound: u32 = on_node.values().sum();
    let min_max = [on_node.values().min(), on_node.values().max()].map(|n| n.copied().unwrap_or(0));
    Ok(format!(
        "{bound} of {} pods bound, {min_max:?} a node (recorded {:?}), {in_zone:?} a zone (recorded {:?}); \
         recorded at {:.0} pods/s",
        input.pods, observed.pods_per_node_min_max, observed.pods_per_zone, observed.pods_per_s
    ))
}
