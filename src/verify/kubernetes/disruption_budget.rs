//! Disruption budgets: evictions in the order of a script, and what the eviction API answers.
//!
//! People evict one pod after the other, by name. Names are random, so only the order of the answers is compared, step by
//! step; a drain may need one round of retries more or less. Start at [`play`].

use super::bench::Bench;
use super::lab::KubeletHabits;
use super::{Case, Outcome, part};
use crate::cluster::eviction::Refusal;
use crate::cluster::objects::{
    DeploymentId, DisruptionBudget, Keep, NodeId, PodId, Size, Strategy, UnhealthyPods,
};
use crate::cluster::settings::Settings;
use crate::engine::{SimDuration, SimTime};
use serde::Deserialize;

/// From one eviction to the next.
const REQUEST: SimDuration = SimDuration::from_millis(50);
/// From the last thing that was set up to the first step.
const SETTLED: SimDuration = SimDuration::from_secs(5);
const NODES: u32 = 12;
/// Nodes of the pool that is drained.
const POOL: u32 = 3;
/// A drain may need so many retries more or less than recorded.
const SLACK: usize = 1;

#[derive(Deserialize)]
struct Input {
    replicas: u32,
    #[serde(default)]
    disruption_budgets: Vec<RecordedBudget>,
    pod_ready_delay_s: f64,
    pod_termination_delay_s: f64,
    script: Vec<Step>,
    /// So many pods, first by name, turn not ready before the script.
    #[serde(default)]
    unready_pods: usize,
    /// All pods run on a pool of a few nodes.
    #[serde(default)]
    pool: bool,
    max_surge: Option<Amount>,
    max_unavailable: Option<Amount>,
}

#[derive(Deserialize)]
struct RecordedBudget {
    min_available: Option<Amount>,
    max_unavailable: Option<Amount>,
    #[serde(default)]
    unhealthy_policy: Policy,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Policy {
    #[default]
    IfHealthyBudget,
    AlwaysAllow,
}

/// A number, or a text such as "25%".
#[derive(Deserialize)]
#[serde(untagged)]
enum Amount {
    Number(u32),
    Text(String),
}

impl Amount {
    fn size(&self) -> Result<Size, String> {
        match self {
            Amount::Number(pods) => Ok(Size::Pods(*pods)),
            Amount::Text(text) => {
                let percent = text.strip_suffix('%').and_then(|n| n.parse().ok());
                percent
                    .map(Size::percent)
                    .ok_or_else(|| format!("`{text}` is neither a number nor a percentage"))
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
enum Step {
    EvictAllOnce,
    EvictReady,
    EvictUnready,
    DrainNode { retry_s: f64, give_up_s: Option<f64> },
    Sleep { s: f64 },
    WaitAllReady,
    Rollout,
}

#[derive(Deserialize)]
struct Observed {
    evictions: Vec<Record>,
}

/// A step begins, or an eviction is answered.
#[derive(Deserialize)]
#[serde(untagged)]
enum Record {
    Answer { http_status: u16, message: Option<String>, cause: Option<String> },
    Step { step: String },
}

/// What the eviction API said.
#[derive(Clone, Debug, PartialEq)]
struct Answer {
    status: u16,
    message: Option<String>,
    cause: Option<String>,
}

pub fn play(case: &Case) -> Outcome {
    Outcome::of(compare(case))
}

fn compare(case: &Case) -> Result<(), String> {
    let input: Input = part(&case.input, "input")?;
    let observed: Observed = part(&case.observed, "observation")?;
    let ours = Run::new(&input)?.all(&input.script)?;
    let recorded = by_step(observed.evictions);
    if ours.len() != recorded.len() {
        return Err(format!("the recorded script has {} steps, the input {}", recorded.len(), ours.len()));
    }
    for (i, (step, (name, recorded))) in ours.iter().zip(&recorded).enumerate() {
        let slack = if matches!(input.script[i], Step::DrainNode { .. }) { SLACK } else { 0 };
        same(step, recorded, slack).map_err(|difference| format!("step {} ({name}): {difference}", i + 1))?;
    }
    Ok(())
}

/// Answers of each step, under its name.
fn by_step(records: Vec<Record>) -> Vec<(String, Vec<Answer>)> {
    let mut steps: Vec<(String, Vec<Answer>)> = Vec::new();
    for record in records {
        match record {
            Record::Step { step } => steps.push((step, Vec::new())),
            Record::Answer { http_status, message, cause } => {
                if let Some((_, answers)) = steps.last_mut() {
                    answers.push(Answer { status: http_status, message, cause });
                }
            }
        }
    }
    steps
}

/// The same answers in the same order; up to `slack` refusals more or less.
fn same(ours: &[Answer], recorded: &[Answer], slack: usize) -> Result<(), String> {
    if ours == recorded {
        return Ok(());
    }
    let admitted = |answers: &[Answer]| answers.iter().filter(|a| a.status == 201).count();
    let within = ours.len().abs_diff(recorded.len()) <= slack;
    if slack > 0 && within && admitted(ours) == admitted(recorded) {
        return Ok(());
    }
    let at = ours.iter().zip(recorded).position(|(a, b)| a != b).unwrap_or(ours.len().min(recorded.len()));
    let show = |a: Option<&Answer>| {
        a.map_or("nothing".into(), |a| format!("{} {}", a.status, a.cause.as_deref().unwrap_or("")))
    };
    Err(format!("answer {}: recorded {}, here {}", at + 1, show(recorded.get(at)), show(ours.get(at))))
}

/// A Deployment, its budgets, and somebody who evicts.
struct Run {
    bench: Bench,
    deployment: DeploymentId,
    /// Where pods are that get drained.
    drained: Option<NodeId>,
    version: u32,
}

impl Run {
    fn new(input: &Input) -> Result<Run, String> {
        let habits = KubeletHabits {
            ready_after: SimDuration::from_secs_f64(input.pod_ready_delay_s),
            gone_after: SimDuration::from_secs_f64(input.pod_termination_delay_s),
        };
        let mut bench = Bench::new(Settings::default(), if input.pool { POOL } else { NODES }, habits);
        let size = |a: &Option<Amount>| a.as_ref().map_or(Ok(Size::percent(25)), Amount::size);
        let strategy = Strategy::RollingUpdate {
            max_surge: size(&input.max_surge)?,
            max_unavailable: size(&input.max_unavailable)?,
        };
        let deployment = bench.deploy(input.replicas, strategy, CPU);
        bench.run_until_ready(deployment)?;
        let mut run = Run { bench, deployment, drained: None, version: 0 };
        for pod in run.pods(|_, _| true).into_iter().take(input.unready_pods) {
            run.bench.lab.cluster.store.set_ready(pod, false, run.bench.now());
        }
        for recorded in &input.disruption_budgets {
            let budget = budget(recorded, &run.bench)?;
            run.bench.lab.cluster.store.add_budget(budget);
        }
        let store = &run.bench.lab.cluster.store;
        // The last node by name, of which the recorded ones are drained too.
        run.drained = store.nodes().map(|(id, _)| id).last();
        run.bench.run_until(run.bench.now() + SETTLED);
        Ok(run)
    }

    fn all(mut self, script: &[Step]) -> Result<Vec<Vec<Answer>>, String> {
        script.iter().map(|step| self.step(step)).collect()
    }

    fn step(&mut self, step: &Step) -> Result<Vec<Answer>, String> {
        match step {
            Step::EvictAllOnce => Ok(self.evict_each(self.pods(|_, _| true))),
            Step::EvictReady => Ok(self.evict_each(self.pods(|_, ready| ready))),
            Step::EvictUnready => Ok(self.evict_each(self.pods(|_, ready| !ready))),
            Step::DrainNode { retry_s, give_up_s } => self.drain(*retry_s, *give_up_s),
            Step::Sleep { s } => {
                self.bench.run_until(self.bench.now() + SimDuration::from_secs_f64(*s));
                Ok(Vec::new())
            }
            Step::WaitAllReady => {
                self.bench.run_until_ready(self.deployment)?;
                self.bench.run_until(self.bench.now() + SimDuration::from_secs(1));
                Ok(Vec::new())
            }
            Step::Rollout => {
                self.version += 1;
                let template = self.bench.template(CPU, self.version);
                self.bench.lab.cluster.store.set_template(self.deployment, template);
                Ok(Vec::new())
            }
        }
    }

    /// Pods that are not ending, by (node, readiness), in the order of their names.
    fn pods(&self, wanted: impl Fn(Option<NodeId>, bool) -> bool) -> Vec<PodId> {
        let pods = self.bench.lab.cluster.store.pods_of_deployment(self.deployment);
        let chosen = pods.filter(|(_, pod)| pod.is_active() && wanted(pod.node, pod.ready));
        chosen.map(|(id, _)| id).collect()
    }

    fn evict_each(&mut self, pods: Vec<PodId>) -> Vec<Answer> {
        pods.into_iter().map(|pod| self.evict(pod)).collect()
    }

    fn evict(&mut self, pod: PodId) -> Answer {
        let answer = answer(self.bench.lab.cluster.evict(pod, self.bench.now()));
        self.bench.run_until(self.bench.now() + REQUEST);
        answer
    }

    /// `kubectl drain`: cordons, then tries every pod until it is gone.
    fn drain(&mut self, retry_s: f64, give_up_s: Option<f64>) -> Result<Vec<Answer>, String> {
        let node = self.drained.ok_or("there is no node to drain")?;
        let store = &mut self.bench.lab.cluster.store;
        store.set_cordoned(node, true);
        let began = self.bench.now();
        let deadline = give_up_s.map_or(SimTime::MAX, |s| began + SimDuration::from_secs_f64(s));
        let mut left = self.pods(|on, _| on == Some(node));
        let mut answers = Vec::new();
        loop {
            let round = self.bench.now();
            let mut refused = Vec::new();
            for pod in std::mem::take(&mut left) {
                let answer = self.evict(pod);
                if answer.status == 429 {
                    refused.push(pod);
                }
                answers.push(answer);
            }
            let next = round + SimDuration::from_secs_f64(retry_s) + REQUEST;
            if refused.is_empty() || next >= deadline {
                return Ok(answers);
            }
            left = refused;
            self.bench.run_until(next);
        }
    }
}

/// What each pod asks for [milli].
const CPU: u32 = 10;

fn budget(recorded: &RecordedBudget, bench: &Bench) -> Result<DisruptionBudget, String> {
    let keep = match (&recorded.min_available, &recorded.max_unavailable) {
        (Some(least), None) => Keep::MinAvailable(least.size()?),
        (None, Some(most)) => Keep::MaxUnavailable(most.size()?),
        _ => return Err("a budget has either min_available or max_unavailable".into()),
    };
    let unhealthy = match recorded.unhealthy_policy {
        Policy::IfHealthyBudget => UnhealthyPods::IfHealthyBudget,
        Policy::AlwaysAllow => UnhealthyPods::AlwaysAllow,
    };
    Ok(DisruptionBudget { unhealthy, ..DisruptionBudget::new(&bench.labels(), keep) })
}

fn answer(result: Result<(), Refusal>) -> Answer {
    let Err(refusal) = result else { return Answer { status: 201, message: None, cause: None } };
    let name = match refusal {
        Refusal::TooManyRequests { budget, .. }
        | Refusal::NotObserved { budget }
        | Refusal::Unconfirmed { budget } => format!("b{}", budget.0 + 1),
        Refusal::NotFound | Refusal::SeveralBudgets => String::new(),
    };
    Answer {
        status: refusal.http_status(),
        message: Some(refusal.message().into()),
        cause: refusal.cause(&name),
    }
}
