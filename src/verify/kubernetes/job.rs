//! Jobs and CronJobs: what becomes of them and their pods, event by event.
//!
//! Compared are the events of each object and when they came, of CronJobs from the first Job on. Names of pods are random:
//! a recorded pod is any own pod of the same Job to which the same happened.
//!
//! Start at [`play`].

use super::lab::{KubeletHabits, Lab, Seen, TRIGGER, at, seconds, span};
use super::{Case, Outcome, part};
use crate::cluster::objects::{
    Concurrency, Container, CronJob, Image, JobId, JobSpec, JobStatus, Labels, Name, Node, Owner, Phase,
    PodId, PodSpec, Resources, Schedule,
};
use crate::cluster::settings::Settings;
use crate::cluster::store::Change;
use crate::engine::{SimDuration, SimTime};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How long the recorded kubelets took to end a pod [s].
const TERMINATION_S: f64 = 0.5;
/// Memory of a node: it is never short.
const PLENTY: u64 = 1 << 40;

#[derive(Deserialize)]
struct Input {
    #[serde(default)]
    completions: Option<u32>,
    #[serde(default)]
    parallelism: Option<u32>,
    run_s: f64,
    #[serde(default)]
    fail_first: u32,
    #[serde(default)]
    backoff_limit: Option<u32>,
    #[serde(default)]
    active_deadline_s: Option<f64>,
    #[serde(default)]
    ttl_after_finished_s: Option<f64>,
    #[serde(default)]
    cron: Option<String>,
    #[serde(default)]
    concurrency: Option<String>,
    #[serde(default)]
    starting_deadline_s: Option<f64>,
}

#[derive(Deserialize)]
struct Observed {
    events: Vec<Recorded>,
    #[serde(default)]
    clock_second_of_minute_at_t0: Option<f64>,
}

#[derive(Deserialize)]
struct Recorded {
    t_s: f64,
    object: String,
    name: String,
    #[serde(default)]
    event: Option<String>,
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Deserialize, Default)]
struct Status {
    active: u32,
    succeeded: u32,
    failed: u32,
    conditions: Vec<String>,
}

impl Status {
    fn of(status: &JobStatus) -> Status {
        let conditions = status.conditions.iter().map(|c| format!("{:?}:{:?}", c.kind, c.reason)).collect();
        let JobStatus { active, succeeded, failed, .. } = *status;
        Status { active, succeeded, failed, conditions }
    }

    fn words(&self) -> String {
        let Status { active, succeeded, failed, conditions } = self;
        format!("active {active}, succeeded {succeeded}, failed {failed}, [{}]", conditions.join(" "))
    }
}

/// What happened to an object, and when [s].
type Events = Vec<(f64, String)>;

/// A Job and its pods.
#[derive(Default)]
struct Life {
    /// The minute for which a CronJob made it, on any clock.
    minute: Option<i64>,
    events: Events,
    pods: Vec<Events>,
}

impl Life {
    fn created(&self) -> f64 {
        self.events.first().map_or(0.0, |first| first.0)
    }

    /// A status, unless it says what the last one did. That all is zero is no news of a Job that is new.
    fn note_status(&mut self, time: f64, status: &Status) {
        let words = status.words();
        let last = self.events.iter().rev().find(|(_, event)| event.starts_with("active"));
        let before = last.map_or_else(|| Status::default().words(), |(_, event)| event.clone());
        if before != words {
            self.events.push((time, words));
        }
    }
}

pub fn play(case: &Case) -> Outcome {
    Outcome::of(compare(case))
}

fn compare(case: &Case) -> Result<(), String> {
    let input: Input = part(&case.input, "input")?;
    let observed: Observed = part(&case.observed, "observed")?;
    let mut recorded = recorded(&observed, input.cron.is_some())?;
    let end = observed.events.iter().map(|event| event.t_s).fold(0.0, f64::max);
    let mut own = run(&input, wall_clock(&observed, &recorded), end + tolerance(end))?;
    let mut end = end;
    if input.cron.is_some() {
        end -= recorded.first().map_or(0.0, Life::created);
        from_first(&mut recorded);
        from_first(&mut own);
    }
    same_lives(&recorded, &own, end)
}

/// Times are compared within so much of a recorded one [s].
fn tolerance(time: f64) -> f64 {
    1.0 + 0.1 * time.abs()
}

/// Minutes that a name can mean: up to the year 2160.
const MINUTES: std::ops::Range<i64> = 0..100_000_000;

/// Recorded events by Job and pod, both in the order of their first events. Names of Jobs of a CronJob end in the minute
/// for which they were made.
fn recorded(observed: &Observed, by_cron: bool) -> Result<Vec<Life>, String> {
    let mut jobs: BTreeMap<&str, Life> = BTreeMap::new();
    let mut pods: BTreeMap<&str, Events> = BTreeMap::new();
    for event in &observed.events {
        match event.object.as_str() {
            "job" => {}
            "pod" => {
                let words = event.event.clone().unwrap_or_default();
                pods.entry(&event.name).or_default().push((event.t_s, words));
                continue;
            }
            other => return Err(format!("cannot read its observed: object `{other}`")),
        }
        let life = jobs.entry(&event.name).or_default();
        let minute = event.name.rsplit_once('-').and_then(|(_, minute)| minute.parse().ok());
        life.minute = minute.filter(|minute| by_cron && MINUTES.contains(minute));
        if let Some(words) = &event.event {
            life.events.push((event.t_s, words.clone()));
        }
        if let Some(status) = &event.status {
            life.note_status(event.t_s, status);
        }
    }
    for (name, events) in pods {
        let owner = name.rsplit_once('-').map_or(name, |(owner, _)| owner);
        if let Some(life) = jobs.get_mut(owner) {
            life.pods.push(events);
        }
    }
    let mut lives: Vec<Life> = jobs.into_values().collect();
    lives.iter_mut().for_each(|life| life.pods.sort_by(|a, b| a[0].0.total_cmp(&b[0].0)));
    lives.sort_by(|a, b| a.created().total_cmp(&b.created()));
    Ok(lives)
}

/// Times from the first Job on.
fn from_first(lives: &mut [Life]) {
    let (first, minute) = lives.first().map_or((0.0, None), |life| (life.created(), life.minute));
    for life in lives {
        life.minute = life.minute.zip(minute).map(|(minute, first)| minute - first);
        for (time, _) in life.events.iter_mut().chain(life.pods.iter_mut().flatten()) {
            *time -= first;
        }
    }
}

/// What the wall clock shows at time zero. The second of the trigger is recorded, the minute follows from the name of the
/// first Job, which was made when it was due.
fn wall_clock(observed: &Observed, lives: &[Life]) -> SimDuration {
    let Some(second) = observed.clock_second_of_minute_at_t0 else {
        return Settings::default().wall_clock;
    };
    let trigger = match lives.first().and_then(|life| Some((life.minute?, life.created()))) {
        Some((minute, created)) => {
            let about = minute as f64 * 60.0 - created;
            ((about - second) / 60.0).round() * 60.0 + second
        }
        None => Settings::default().wall_clock.as_secs_f64() + second,
    };
    span(trigger).saturating_sub(TRIGGER.since(SimTime::ZERO))
}

fn same_lives(recorded: &[Life], own: &[Life], end: f64) -> Result<(), String> {
    for (number, life) in recorded.iter().enumerate() {
        let what = format!("job {}", number + 1);
        let Some(other) = own.get(number) else {
            return Err(format!("{what} is never made, recorded at {:.2} s", life.created()));
        };
        if life.minute != other.minute {
            return Err(format!(
                "{what} is for minute {:?} from the first, recorded {:?}",
                other.minute, life.minute
            ));
        }
        same_events(&life.events, &other.events, end).map_err(|why| format!("{what}: {why}"))?;
        same_pods(&life.pods, &other.pods, end).map_err(|why| format!("{what}: {why}"))?;
    }
    let more = own.iter().skip(recorded.len()).map(Life::created).find(|time| is_inside(*time, end));
    more.map_or(Ok(()), |time| Err(format!("one more job is made at {time:.2} s")))
}

/// Every recorded pod is another own pod.
fn same_pods(recorded: &[Events], own: &[Events], end: f64) -> Result<(), String> {
    let mut rest: Vec<&Events> = own.iter().collect();
    for (number, pod) in recorded.iter().enumerate() {
        let what = format!("pod {}", number + 1);
        let differences: Vec<Result<(), String>> =
            rest.iter().map(|other| same_events(pod, other, end)).collect();
        match differences.iter().position(Result::is_ok) {
            Some(found) => drop(rest.remove(found)),
            None => {
                let first = differences.into_iter().next().unwrap_or(Err("it is never made".into()));
                return first.map_err(|why| format!("{what}: {why}"));
            }
        }
    }
    let more = rest.iter().map(|events| events[0].0).find(|time| is_inside(*time, end));
    more.map_or(Ok(()), |time| Err(format!("one more pod is made at {time:.2} s")))
}

/// The recording would have shown it.
fn is_inside(time: f64, end: f64) -> bool {
    time + tolerance(time) < end
}

/// The same events in the same order, at about the same times.
fn same_events(recorded: &Events, own: &Events, end: f64) -> Result<(), String> {
    for (number, (time, event)) in recorded.iter().enumerate() {
        let Some((own_time, own_event)) = own.get(number) else {
            return Err(format!("never `{event}`, recorded at {time:.2} s"));
        };
        if event != own_event {
            return Err(format!("`{own_event}` at {own_time:.2} s, recorded `{event}` at {time:.2} s"));
        }
        if (time - own_time).abs() > tolerance(*time) {
            return Err(format!("`{event}` at {own_time:.2} s, recorded at {time:.2} s"));
        }
    }
    let more = own.iter().skip(recorded.len()).find(|(time, _)| is_inside(*time, end));
    more.map_or(Ok(()), |(time, event)| Err(format!("`{event}` at {time:.2} s, not recorded")))
}

fn run(input: &Input, wall_clock: SimDuration, end: f64) -> Result<Vec<Life>, String> {
    let habits = KubeletHabits { ready_after: SimDuration::ZERO, gone_after: span(TERMINATION_S) };
    let mut lab = Lab::new(Settings { wall_clock, ..Settings::default() }, habits);
    lab.run_for = Some(span(input.run_s));
    lab.fail_first = input.fail_first;
    let store = &mut lab.cluster.store;
    for n in 1..=4 {
        let name = store.intern(&format!("n{n}"));
        let room = Resources { cpu: 32_000, memory: PLENTY, pods: 110 };
        store.add_node(Node::new(name, Labels::default(), room));
    }
    lab.forget();
    seed(&mut lab, input)?;
    let mut trace = Trace::default();
    while let Some(seen) = lab.next(at(end)) {
        if let Seen::Change(change) = seen {
            trace.note(change, &lab);
        }
    }
    Ok(trace.lives)
}

/// The Job or CronJob comes into being.
fn seed(lab: &mut Lab, input: &Input) -> Result<(), String> {
    let now = lab.now();
    let store = &mut lab.cluster.store;
    let labels = Labels::default().with(Name::APP, Name::number(0));
    let image = Image::default();
    let container = Container { image, cpu: Some(100), memory: Some(1 << 20), is_sidecar: false };
    let spec = JobSpec::of_template(store.intern_template(PodSpec::of_container(labels, container)));
    let completions = if input.parallelism.is_some() { input.completions } else { spec.completions };
    let job = JobSpec {
        completions: input.completions.or(completions),
        parallelism: input.parallelism.unwrap_or(spec.parallelism),
        backoff_limit: input.backoff_limit.unwrap_or(spec.backoff_limit),
        active_deadline: input.active_deadline_s.map(span),
        ttl_after_finished: input.ttl_after_finished_s.map(span),
        ..spec
    };
    let Some(schedule) = &input.cron else {
        store.add_job(job, None, now);
        return Ok(());
    };
    let cron_job = CronJob::new(Schedule::parse(schedule)?, job);
    let concurrency = match input.concurrency.as_deref().map(str::to_lowercase).as_deref() {
        None | Some("allow") => Concurrency::Allow,
        Some("forbid") => Concurrency::Forbid,
        Some("replace") => Concurrency::Replace,
        Some(other) => return Err(format!("cannot read its input: concurrency `{other}`")),
    };
    let starting_deadline = input.starting_deadline_s.map(span);
    store.add_cron_job(CronJob { concurrency, starting_deadline, ..cron_job }, now);
    Ok(())
}

/// Own events as they come.
#[derive(Default)]
struct Trace {
    lives: Vec<Life>,
    jobs: BTreeMap<JobId, usize>,
    pods: BTreeMap<PodId, (usize, usize)>,
}

impl Trace {
    fn note(&mut self, change: Change, lab: &Lab) {
        let (store, time) = (&lab.cluster.store, seconds(lab.now()));
        match change {
            Change::Job(id) if !self.jobs.contains_key(&id) => {
                let made_for = store.job(id).and_then(|job| job.made_by).map(|(_, time)| time);
                let minute = made_for.map(|time| lab.cluster.settings.wall_seconds(time) / 60);
                self.jobs.insert(id, self.lives.len());
                self.lives.push(Life { minute, events: vec![(time, "created".into())], pods: Vec::new() });
            }
            Change::JobStatus(id) => {
                if let (Some(&life), Some(job)) = (self.jobs.get(&id), store.job(id)) {
                    self.lives[life].note_status(time, &Status::of(&job.status));
                }
            }
            Change::JobRemoved(job) => {
                if let Some(&life) = self.jobs.get(&job.id) {
                    self.lives[life].events.push((time, "gone".into()));
                }
            }
            Change::PodCreated(id) => {
                if let Some(Owner::Job(job)) = store.pod(id).map(|pod| pod.owner)
                    && let Some(&life) = self.jobs.get(&job)
                {
                    self.pods.insert(id, (life, self.lives[life].pods.len()));
                    self.lives[life].pods.push(vec![(time, "created".into())]);
                }
            }
            Change::PodStatus(id) => match store.pod(id).map(|pod| pod.phase) {
                Some(Phase::Running) => self.pod(id, time, "running"),
                Some(Phase::Succeeded) => self.pod(id, time, "succeeded"),
                Some(Phase::Failed) => self.pod(id, time, "failed"),
                Some(Phase::Pending) | None => {}
            },
            Change::PodTerminating(id) => self.pod(id, time, "terminating"),
            Change::PodRemoved(pod) => {
                // A pod that ended goes in the write that asks for it.
                self.pod(pod.id, time, "terminating");
                self.pod(pod.id, time, "gone");
            }
            _ => {}
        }
    }

    /// Something that happens to a pod once.
    fn pod(&mut self, id: PodId, time: f64, event: &str) {
        if let Some(&(life, pod)) = self.pods.get(&id) {
            let events = &mut self.lives[life].pods[pod];
            if events.iter().all(|(_, known)| known != event) {
                events.push((time, event.into()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::path::Path;

    fn recording(id: &str) -> Case {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubernetes-cases/job");
        let cases = super::super::load(&folder).expect("the recordings can be read");
        cases.into_iter().find(|case| case.id == id).expect("it was kept")
    }

    #[test]
    fn another_input_does_not_come_out_as_recorded() {
        let changes = [
            ("jb01", "parallelism", json!(3)),
            ("jb04", "backoff_limit", json!(3)),
            ("jb06", "active_deadline_s", json!(12)),
            ("jb07", "ttl_after_finished_s", json!(9)),
            ("jb09", "concurrency", json!("allow")),
            ("jb10", "concurrency", json!("forbid")),
            ("jb10", "cron", json!("* * *")),
        ];
        for (id, key, value) in changes {
            let mut case = recording(id);
            assert_eq!(play(&case), Outcome::Passed, "{id}");
            case.input[key] = value;
            assert!(matches!(play(&case), Outcome::Failed(_)), "{id} with another {key}");
        }
    }
}
