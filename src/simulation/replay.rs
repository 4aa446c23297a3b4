//! Replays one replication and writes its events and facts as readable lines.
//!
//! Every line has the time since the start, the weekday, what it is about and what happened. Platforms describe
//! their own events. Knows names, not causes. Start at [`replay`].

use super::Watcher;
use crate::engine::{SimDuration, SimTime};
use crate::metrics::Frame;
use crate::parameter::read_text;
use crate::platform::Platform;
use crate::scenario::Scenario;
use crate::world::observation::{Exit, RolloutStep};
use crate::world::{
    About, Activity, BoxId, Event, Expertise, FaultKind, Group, Observation, Person, Purchase, ServiceId,
    Stamp, Urgency, VmId, VulnerabilityId, WorkId, World,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

/// Which events of which replication.
pub struct ReplayRequest {
    pub platform: String,
    pub replication: u32,
    /// As the user wrote them: a span since the start (`2d 4h`) or a date and time.
    pub from: Option<String>,
    pub until: Option<String>,
    pub filter: ReplayFilter,
}

/// What to show.
#[derive(Clone, Debug, PartialEq)]
pub enum ReplayFilter {
    All,
    Box(String),
    Vm(String),
    Service(String),
}

/// Why nothing was replayed.
#[derive(Debug)]
pub enum ReplayError {
    /// The request makes no sense for this scenario: says why.
    Request(String),
    Output(io::Error),
}

/// Writes the trace of one replication as readable lines.
///
/// # Errors
/// If the request names nothing of this scenario, or `out` fails.
pub fn replay(scenario: &Scenario, request: &ReplayRequest, out: &mut dyn Write) -> Result<(), ReplayError> {
    let parameters = scenario.parameters.platform.get(&request.platform);
    let parameters =
        parameters.ok_or_else(|| ReplayError::Request(format!("no platform {}", request.platform)))?;
    let frame = crate::experiment::frame(scenario);
    let time = |text: &Option<String>, default| match text {
        Some(text) => parse_time(text, scenario).map_err(ReplayError::Request),
        None => Ok(default),
    };
    let (from, until) = (time(&request.from, SimTime::ZERO)?, time(&request.until, SimTime::MAX)?);
    if let ReplayFilter::Service(name) = &request.filter
        && scenario.parameters.service.get(name).is_none()
    {
        return Err(ReplayError::Request(format!("no service {name} in scenario {}", scenario.name())));
    }
    let mut world = World::new(&scenario.world, scenario.parameters.run.seed, request.replication);
    world.keep_remarks();
    let mut platform = parameters.build(&scenario.parameters.practice);
    let mut trace = Trace {
        frame,
        from,
        until,
        filter: request.filter.clone(),
        boxes: BTreeMap::new(),
        vms: BTreeMap::new(),
        ended: BTreeSet::new(),
        on_slot: BTreeMap::new(),
        work: BTreeMap::new(),
        work_asked: 0,
        desired: BTreeMap::new(),
        vulnerabilities: BTreeMap::new(),
        seen: false,
        out,
        failed: None,
    };
    super::run(&mut world, platform.as_mut(), &mut trace);
    if let Some(error) = trace.failed {
        return Err(ReplayError::Output(error));
    }
    match &request.filter {
        ReplayFilter::Box(name) | ReplayFilter::Vm(name) if !trace.seen => {
            Err(ReplayError::Request(format!("there never was a {name} in this replication")))
        }
        _ => Ok(()),
    }
}

/// `2d 4h` since the start, or `2026-01-07T04:00`.
fn parse_time(text: &str, scenario: &Scenario) -> Result<SimTime, String> {
    let compact: String = text.split_whitespace().collect();
    if let Ok(span) = read_text::<SimDuration>(&compact) {
        return Ok(SimTime::ZERO + span);
    }
    let start = scenario.parameters.run.start.civil().to_datetime(jiff::civil::Time::midnight());
    let civil = text.parse::<jiff::civil::DateTime>();
    let civil = civil
        .or_else(|_| text.parse::<jiff::civil::Date>().map(|d| d.to_datetime(jiff::civil::Time::midnight())));
    // In seconds from the outset: a span with days in it has no length of its own.
    let since = civil.ok().and_then(|at| at.since((jiff::Unit::Second, start)).ok());
    let since = since.and_then(|span| span.total(jiff::Unit::Second).ok());
    match since {
        Some(s) if s >= 0.0 => Ok(SimTime::ZERO + SimDuration::from_secs_f64(s)),
        Some(_) => Err(format!("{text} lies before the start of the scenario, {start}")),
        None => {
            Err(format!("cannot read the time {text}; write a span such as 2d4h or a date such as {start}"))
        }
    }
}

/// Who begins what, how long it lay, and whether that person knows what to do.
fn person_begins(
    person: Person,
    activity: Activity,
    urgency: Urgency,
    expertise: Expertise,
    waited: SimDuration,
) -> String {
    let waited = match urgency {
        Urgency::Page => format!(", {:.0} min after the first page", waited.as_secs_f64() / 60.0),
        _ if waited.as_secs_f64() < 60.0 => String::new(),
        _ => format!(" that waited {:.1} h", waited.as_hours_f64()),
    };
    let knowing = match expertise {
        Expertise::Routine | Expertise::Knows => String::new(),
        Expertise::Runbook => ", from the runbook, without knowing the service".into(),
        Expertise::Called(other) => format!(", without knowing the service, and rings up {other}, who does"),
        Expertise::Unfamiliar => ", without knowing the service, and nobody who does is there".into(),
    };
    format!("{person} begins: {}{waited}{knowing}", kind(activity))
}

/// What kind of work it is. Of an incident nobody knows beforehand whether there is anything to repair.
fn kind(activity: Activity) -> &'static str {
    if activity == Activity::Repair { "incident work" } else { activity.name() }
}

/// A rack, power unit or zone as people call it.
fn group_name(group: Group) -> String {
    let Group { kind, zone, index } = group;
    match kind {
        FaultKind::RackNetwork => format!("the network of rack {index} in zone {}", zone.0),
        FaultKind::RackOutage => format!("rack {index} in zone {}", zone.0),
        FaultKind::PowerOutage => format!("power unit {index} in zone {}", zone.0),
        FaultKind::Overheating => format!("part of zone {}", zone.0),
        _ => format!("zone {}", zone.0),
    }
}

/// `vm-0-9.2` is the second machine on a host slot; `vm-0-9` means all of them.
fn is_called(vm: &str, name: &str) -> bool {
    vm.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

struct Trace<'o> {
    frame: Arc<Frame>,
    from: SimTime,
    until: SimTime,
    filter: ReplayFilter,
    boxes: BTreeMap<BoxId, Subject>,
    vms: BTreeMap<VmId, String>,
    /// Machines whose end was told: that they are given back says nothing more.
    ended: BTreeSet<VmId>,
    /// Machines so far on each host slot.
    on_slot: BTreeMap<(u8, u32), u32>,
    /// Number of each piece of work in this trace, and what it is about.
    work: BTreeMap<WorkId, (u64, About)>,
    work_asked: u64,
    /// What each service was last wanted to have.
    desired: BTreeMap<ServiceId, u32>,
    /// When what is known was published.
    vulnerabilities: BTreeMap<VulnerabilityId, Stamp>,
    /// Something passed the filter, in the window or not.
    seen: bool,
    out: &'o mut dyn Write,
    failed: Option<io::Error>,
}

#[derive(Clone)]
struct Subject {
    name: String,
    service: ServiceId,
    vm: Option<VmId>,
    /// Somebody or something knows that it does not serve.
    known_down: bool,
}

impl Trace<'_> {
    /// Writes a line about `service`, `subject` and `vm` if it is in the window and passes the filter.
    fn line(&mut self, time: SimTime, about: About, what: &str) {
        let (subject, vm, service) = match about {
            About::Nothing => (None, None, None),
            About::Service(service) => (None, None, Some(service)),
            About::Vm(vm) => (None, Some(vm), None),
            About::Box(b) => match self.boxes.get(&b).cloned() {
                Some(subject) => (Some(subject.clone()), subject.vm, Some(subject.service)),
                None => return, // it is gone: nothing happens to it any more
            },
        };
        let vm = vm.and_then(|vm| self.vms.get(&vm).cloned());
        let service = service.map(|s| self.frame.service(s).name.clone());
        let shown = match &self.filter {
            ReplayFilter::All => true,
            ReplayFilter::Box(name) => match about {
                About::Vm(vm) => self.boxes.values().any(|s| s.name == *name && s.vm == Some(vm)),
                _ => subject.as_ref().is_some_and(|s| s.name == *name),
            },
            ReplayFilter::Vm(name) => vm.as_ref().is_some_and(|vm| is_called(vm, name)),
            ReplayFilter::Service(name) => service.as_ref() == Some(name),
        };
        self.seen |= shown;
        if !shown || time < self.from || time >= self.until || self.failed.is_some() {
            return;
        }
        let name = match (subject, vm, service) {
            (Some(s), Some(vm), _) => format!("{} on {vm}", s.name),
            (Some(s), None, _) => s.name,
            (None, Some(vm), _) => vm,
            (None, None, Some(service)) => service,
            (None, None, None) => String::new(),
        };
        let day = self.frame.calendar.weekday_name(time);
        if let Err(error) = writeln!(self.out, "{time} {day}  {name:<24}  {what}") {
            self.failed = Some(error);
        }
    }
}

impl Watcher for Trace<'_> {
    fn before(&mut self, time: SimTime, event: Event, platform: &dyn Platform) {
        if let Event::Platform(own) = event
            && let Some((about, what)) = platform.describe_event(own)
        {
            self.line(time, about, &format!("· {what}"));
        }
    }

    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match observation {
            Observation::VmLaunched { .. }
            | Observation::LaunchFailed { .. }
            | Observation::VmUp { .. }
            | Observation::VmDown { .. }
            | Observation::VmRebooted { .. }
            | Observation::VmTerminated { .. }
            | Observation::VmStopped { .. }
            | Observation::VmStarted { .. }
            | Observation::VmDegraded { .. }
            | Observation::VmRestored { .. }
            | Observation::SpotNotice { .. } => self.machine(time, observation),
            Observation::GroupStruck { group, fault } => {
                let name = group_name(*group).to_uppercase();
                let what = if group.kind == FaultKind::RackNetwork { "LOSES PACKETS" } else { "IS DOWN" };
                let line = format!("{name} {what}: {} (fault {:08x})", group.kind.name(), fault.0 >> 32);
                self.line(time, About::Nothing, &line);
            }
            Observation::GroupRestored { group } => {
                self.line(time, About::Nothing, &format!("{} is back", group_name(*group)));
            }
            Observation::GroupSilent { group, silent } => {
                let what = if *silent { "falls silent" } else { "is heard again" };
                self.line(time, About::Nothing, &format!("· {} {what}", group_name(*group)));
            }
            Observation::RegistryFailed { fault } => {
                let line = format!("THE IMAGE REGISTRY DOES NOT ANSWER (fault {:08x})", fault.0 >> 32);
                self.line(time, About::Nothing, &line);
            }
            Observation::VulnerabilityPublished { vulnerability, layer, published, exploited } => {
                self.vulnerabilities.insert(*vulnerability, *published);
                let span = exploited.since(*published).as_hours_f64() / 24.0;
                let line = format!(
                    "VULNERABILITY {} in {}: exploited in {span:.1} days",
                    vulnerability.0,
                    layer.name()
                );
                // What is old news at the start would be a page of it.
                if published.in_simulation().is_some() {
                    self.line(time, About::Nothing, &line);
                }
            }
            Observation::VulnerabilityClosed { subject, vulnerability } => {
                let published = self.vulnerabilities.get(vulnerability).copied().unwrap_or_default();
                let days = Stamp::from(time).since(published).as_hours_f64() / 24.0;
                let line = format!("vulnerability {} is fixed here, after {days:.1} days", vulnerability.0);
                self.line(time, About::Box(*subject), &line);
            }
            Observation::RegistryRestored => {
                self.line(time, About::Nothing, "the image registry answers again");
            }
            Observation::DirectoryLost { fault, empties } => {
                let why = match fault {
                    Some(fault) => format!("it failed by itself (fault {:08x})", fault.0 >> 32),
                    None => "most of its servers are down".into(),
                };
                let then = if *empties { "callers get an empty list" } else { "callers keep their lists" };
                let line = format!("THE REGISTRY OF SERVICES DOES NOT ANSWER: {why}; {then}");
                self.line(time, About::Nothing, &line);
            }
            Observation::DirectoryBack => {
                self.line(time, About::Nothing, "the registry of services answers again");
            }
            Observation::DirectoryLed { vm } => {
                self.line(time, About::Vm(*vm), "leads the servers of the registry of services now");
            }
            Observation::DirectoryServer { vm } => {
                self.line(time, About::Vm(*vm), "is a server of the registry of services");
            }
            Observation::BoxCreated { .. }
            | Observation::BoxPlaced { .. }
            | Observation::BoxPrepared { .. }
            | Observation::BoxStarting { .. }
            | Observation::BoxUp { .. }
            | Observation::BoxExited { .. }
            | Observation::BoxHung { .. }
            | Observation::BoxEnding { .. }
            | Observation::BoxGone { .. }
            | Observation::BoxRemoved { .. }
            | Observation::BoxRouted { .. }
            | Observation::BoxUnrouted { .. }
            | Observation::BoxListed { .. }
            | Observation::BoxEjected { .. }
            | Observation::BoxKnownDown { .. } => self.instance(time, observation),
            Observation::Flow(_)
            | Observation::RequestServed { .. }
            | Observation::MachineOverhead { .. }
            | Observation::MemoryUsed { .. }
            | Observation::Promised { .. }
            | Observation::VulnerabilityOpened { .. }
            | Observation::VmBackdated { .. } => {}
            Observation::Paged { .. }
            | Observation::WorkAsked { .. }
            | Observation::WorkBegan { .. }
            | Observation::WorkDone { .. } => self.person(time, observation),
            Observation::Remark { about, text } => self.line(time, *about, &format!("» {text}")),
            Observation::Desired { service, boxes } => {
                let before = self.desired.insert(*service, *boxes);
                let before = before.map_or_else(String::new, |n| format!(" ({n} before)"));
                self.line(time, About::Service(*service), &format!("wants {boxes} boxes{before}"));
            }
            Observation::InFlightLost { service, requests } => {
                self.line(
                    time,
                    About::Service(*service),
                    &format!("{requests:.2} requests in flight are lost"),
                );
            }
            Observation::ReleaseHandedOver { service, version, bad } => {
                let quality = if *bad { " (bad, but nobody knows)" } else { "" };
                self.line(
                    time,
                    About::Service(*service),
                    &format!("release {version} is handed over{quality}"),
                );
            }
            Observation::CloudApiFailed { fault } => {
                let what = format!("THE CLOUD'S API IS DOWN: cloud-api-outage (fault {:08x})", fault.0 >> 32);
                self.line(time, About::Nothing, &what);
            }
            Observation::CloudApiRestored => {
                self.line(time, About::Nothing, "the cloud's API answers again");
            }
            Observation::ConfigurationChanged { service, number, fault } => {
                let what = format!(
                    "configuration {number} is to go to all boxes (bad-configuration, fault {:08x})",
                    fault.0 >> 32
                );
                self.line(time, About::Service(*service), &what);
            }
            Observation::Rollout { service, version, step } => {
                let what = match step {
                    RolloutStep::Begins => format!("release {version} begins to roll out"),
                    RolloutStep::Completes => format!("release {version} is rolled out"),
                    RolloutStep::RollbackBegins => format!("release {version} is taken back"),
                    RolloutStep::RollbackCompletes => {
                        format!("the rollback of release {version} is complete")
                    }
                };
                self.line(time, About::Service(*service), &what);
            }
            Observation::ErrorAlert { service, firing } => {
                let what = if *firing { "alert: too many requests fail" } else { "alert resolved" };
                self.line(time, About::Service(*service), what);
            }
            Observation::Complaint { service } => {
                self.line(time, About::Service(*service), "a customer complains: requests fail");
            }
            Observation::Found { about, what } => self.line(time, *about, &format!("finding: {what}")),
            Observation::MeteringBegins => self.line(time, About::Nothing, "metering begins"),
            Observation::Rented { item, change } => {
                self.line(time, About::Nothing, &format!("rents {change} {item:?}"));
            }
            Observation::AutomationBuilt { hours, write_off } => {
                let words = format!("automation took {hours:.0} h to build, written off in {write_off}");
                self.line(time, About::Nothing, &words);
            }
            Observation::Committed(commitment) => {
                let off = commitment.discount * 100.0;
                let words = match commitment.micro_usd_per_hour {
                    Some(micro) => format!("commits to {} USD of machines an hour", micro as f64 / 1e6),
                    None => format!("commits to {:.0} % of its machines", commitment.share * 100.0),
                };
                self.line(time, About::Nothing, &format!("{words}, at {off:.0} % off"));
            }
            Observation::UpkeepSet { hours_per_week } => {
                self.line(time, About::Nothing, &format!("upkeep is {hours_per_week:.1} h a week"));
            }
        }
    }
}

impl Trace<'_> {
    fn machine(&mut self, time: SimTime, observation: &Observation) {
        match *observation {
            Observation::VmLaunched { vm, zone, slot, instance, purchase } => {
                // The next machine on a host is another one, and must not pass for the one that was lost there.
                let before = self.on_slot.entry((zone.0, slot)).or_default();
                *before += 1;
                let suffix = if *before > 1 { format!(".{before}") } else { String::new() };
                self.vms.insert(vm, format!("vm-{}-{slot}{suffix}", zone.0));
                let machine = self.frame.catalog.get(instance).name.clone();
                let as_spot = if purchase == Purchase::Spot { " as spot" } else { "" };
                self.line(
                    time,
                    About::Vm(vm),
                    &format!("machine asked for: {machine}{as_spot} in zone {}", zone.0),
                );
            }
            Observation::LaunchFailed { vm, .. } => {
                self.ended.insert(vm);
                self.line(time, About::Vm(vm), "the cloud refuses: there will be no machine")
            }
            Observation::VmUp { vm } => self.line(time, About::Vm(vm), "machine is up"),
            Observation::VmDown { vm, kind, fault } => {
                if kind == FaultKind::SpotReclaim {
                    self.ended.insert(vm);
                }
                self.line(
                    time,
                    About::Vm(vm),
                    &format!("MACHINE DOWN: {} (fault {:08x})", kind.name(), fault.0 >> 32),
                );
            }
            Observation::VmRebooted { vm } => self.line(time, About::Vm(vm), "machine is rebooted"),
            Observation::VmStopped { vm } => self.line(time, About::Vm(vm), "machine is stopped"),
            Observation::VmStarted { vm } => self.line(time, About::Vm(vm), "machine is asked to start"),
            Observation::VmTerminated { vm } if self.ended.remove(&vm) => {}
            Observation::VmTerminated { vm } => {
                // It keeps its name: what is left of its node is still spoken of.
                self.line(time, About::Vm(vm), "machine is given back");
            }
            Observation::VmDegraded { vm, fault, kind } => {
                let line = format!("MACHINE RUNS BADLY: {} (fault {:08x})", kind.name(), fault.0 >> 32);
                self.line(time, About::Vm(vm), &line);
            }
            Observation::VmRestored { vm, kind } => {
                self.line(time, About::Vm(vm), &format!("machine is well again after {}", kind.name()));
            }
            Observation::SpotNotice { vm, fault } => {
                let line = format!("the cloud will take it back (fault {:08x})", fault.0 >> 32);
                self.line(time, About::Vm(vm), &line);
            }
            _ => unreachable!("sorted by the caller"),
        }
    }

    fn instance(&mut self, time: SimTime, observation: &Observation) {
        match *observation {
            Observation::BoxCreated { subject, service, ordinal, version } => {
                let name = self.frame.box_name(service, ordinal);
                self.boxes.insert(subject, Subject { name, service, vm: None, known_down: false });
                self.line(time, About::Box(subject), &format!("box created, version {version}"));
            }
            Observation::BoxPlaced { subject, vm } => {
                if let Some(b) = self.boxes.get_mut(&subject) {
                    b.vm = Some(vm);
                }
                self.line(time, About::Box(subject), "placed");
            }
            Observation::BoxPrepared { subject } => self.line(time, About::Box(subject), "configured"),
            Observation::BoxStarting { subject, version } => {
                if let Some(b) = self.boxes.get_mut(&subject) {
                    b.known_down = false;
                }
                self.line(time, About::Box(subject), &format!("starts version {version}"));
            }
            Observation::BoxUp { subject } => {
                if let Some(b) = self.boxes.get_mut(&subject) {
                    b.known_down = false;
                }
                self.line(time, About::Box(subject), "is up");
            }
            Observation::BoxExited { subject, exit } => {
                let why = match exit {
                    Exit::Fault { kind, fault } => {
                        format!("DOWN: {} (fault {:08x})", kind.name(), fault.0 >> 32)
                    }
                    Exit::FailsToStart => "cannot start".into(),
                    Exit::Stopped => "stopped".into(),
                };
                self.line(time, About::Box(subject), &why);
            }
            Observation::BoxHung { subject, kind, fault } => {
                let line = format!("ANSWERS NOTHING: {} (fault {:08x})", kind.name(), fault.0 >> 32);
                self.line(time, About::Box(subject), &line);
            }
            Observation::BoxEnding { subject } => {
                self.line(time, About::Box(subject), "is told to end and finishes what it has");
            }
            Observation::BoxGone { subject } => {
                self.line(time, About::Box(subject), "is no more; some callers still have its address");
            }
            Observation::BoxRemoved { subject } => {
                self.line(time, About::Box(subject), "is gone");
                self.boxes.remove(&subject);
            }
            Observation::BoxRouted { subject } => self.line(time, About::Box(subject), "gets requests"),
            Observation::BoxEjected { subject, lasts } => {
                let what = format!("fails too many requests: gets none for {lasts}");
                self.line(time, About::Box(subject), &what);
            }
            Observation::BoxUnrouted { subject } => {
                self.line(time, About::Box(subject), "gets no more requests")
            }
            Observation::BoxListed { subject, share } => {
                let line = format!("is on the lists of {:.0} % of the callers", share * 100.0);
                self.line(time, About::Box(subject), &line);
            }
            // Whoever finds out what is known already says nothing new.
            Observation::BoxKnownDown { subject } => {
                let known = self.boxes.get_mut(&subject).map(|b| std::mem::replace(&mut b.known_down, true));
                if known == Some(false) {
                    self.line(time, About::Box(subject), "is known to be down");
                }
            }
            _ => unreachable!("sorted by the caller"),
        }
    }

    fn person(&mut self, time: SimTime, observation: &Observation) {
        let (work, what) = match *observation {
            Observation::WorkAsked { work, activity, about } => {
                self.work_asked += 1;
                self.work.insert(work, (self.work_asked, about));
                (work, format!("is asked for: {}", kind(activity)))
            }
            Observation::Paged { work, person, night } => {
                (work, format!("{person} is paged{}", if night { " at night" } else { "" }))
            }
            Observation::WorkBegan { work, activity, urgency, person, expertise, waited } => {
                (work, person_begins(person, activity, urgency, expertise, waited))
            }
            Observation::WorkDone { work, activity, touch } => {
                (work, format!("is done: {} took {:.0} min", kind(activity), touch.as_secs_f64() / 60.0))
            }
            _ => unreachable!("sorted by the caller"),
        };
        let Some(&(number, about)) = self.work.get(&work) else { return };
        self.line(time, about, &format!("work {number}: {what}"));
        if matches!(observation, Observation::WorkDone { .. }) {
            self.work.remove(&work);
        }
    }
}
