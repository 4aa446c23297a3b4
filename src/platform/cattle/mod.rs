//! Cattle: for each service an auto scaling group of machines from a golden image, behind a load balancer.
//!
//! Machines are never repaired: what is unhealthy is replaced, what is old is replaced, and the number follows the
//! load. The parts are those of AWS: a load balancer or another way to find boxes ([`super::discovery`]), a group that
//! keeps its size ([`group`], [`health`], [`termination`], [`warm_pool`]), policies that give it the size ([`scaling`]), images
//! ([`image`]) and instance refresh with the other ways of bringing a version out ([`refresh`]). The products of other
//! clouds are presets of the same parameters. None of them sees the truth: the group acts on the verdicts of health
//! checks, scaling on a metric that is late.
//!
//! Start at [`Cattle::on_signal`].

mod blue_green;
mod canary;
mod converge;
mod group;
mod health;
mod image;
mod in_place;
mod members;
mod parameters;
mod patching;
mod refresh;
mod scaling;
mod termination;
mod warm_pool;

pub use parameters::CattleParameters;
pub use scaling::{Decision, GroupView, ScalingParameters, ScalingPolicy, TargetTracking};

use super::automation::Automation;
use super::discovery::{Discovery, Entry};
use super::sizing::{Sizing, fleet_of_machines};
use super::{Platform, PracticeParameters};
use crate::engine::{Purpose, SimTime};
use crate::parameter::Distribution;
use crate::world::{
    About, Activity, Api, BoxId, PlatformEvent, ServiceId, Signal, Stamp, Urgency, Version, VmId, Work,
    WorkId,
};
use group::Group;
use members::Member;
use std::collections::BTreeMap;

const HEALTH_PHASE: Purpose = Purpose::named("cattle health phase");
const DIAGNOSE: Purpose = Purpose::named("diagnose");

/// The herds of all services.
pub struct Cattle {
    parameters: CattleParameters,
    practice: PracticeParameters,
    groups: Vec<Group>,
    discovery: Discovery,
    tasks: BTreeMap<WorkId, Task>,
    sizing: Sizing,
    /// Makes the scaling policy of each group.
    policy: Box<dyn Fn(ServiceId) -> Box<dyn ScalingPolicy>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// Finding out why requests fail, or why a refresh does not come to its end.
    LookAtErrors(usize),
    LookAtRefresh(usize),
    RollBack(usize),
    /// Starting the bake of an image that has become too old.
    RenewImage(usize),
    /// Reading why a canary was taken back.
    Read(usize),
}

impl Task {
    fn group(self) -> usize {
        match self {
            Task::LookAtErrors(s) | Task::LookAtRefresh(s) | Task::RollBack(s) => s,
            Task::RenewImage(s) | Task::Read(s) => s,
        }
    }
}

/// Own events; `a` is the service or the index of a subject.
const RESTART: u16 = 0;
const HEALTH_PASS: u16 = 1;
const SCALING_PASS: u16 = 2;
const DRAINED: u16 = 3;
const IMAGE_BAKED: u16 = 4;
const REFRESH_STEP: u16 = 5;
const REFRESH_DEADLINE: u16 = 6;
const LAUNCH_HOOK: u16 = 7;
const CONVERGE: u16 = 8;
const IMAGE_DUE: u16 = 9;
const IMAGE_RENEWED: u16 = 11;
const TOOL_DONE: u16 = 10;

impl Cattle {
    pub fn new(parameters: CattleParameters, practice: PracticeParameters) -> Cattle {
        let scaling = parameters.scaling.clone();
        let policy = Box::new(move |_| Box::new(scaling::Combined::new(&scaling)) as Box<dyn ScalingPolicy>);
        Cattle {
            parameters,
            practice,
            groups: Vec::new(),
            discovery: Discovery::default(),
            tasks: BTreeMap::new(),
            sizing: Sizing::default(),
            policy,
        }
    }

    /// The same herds with another scaling policy.
    pub fn with_scaling(self, policy: impl Fn(ServiceId) -> Box<dyn ScalingPolicy> + 'static) -> Cattle {
        Cattle { policy: Box::new(policy), ..self }
    }

    fn start_group(&mut self, service: ServiceId, api: &mut Api<'_>) {
        let p = &self.parameters;
        let balancing = p.discovery.balancing(&p.load_balancer);
        let wishes = (&p.size, p.upkeep.per_box);
        let fleet = fleet_of_machines(api, &self.practice, service, balancing, wishes)
            .expect("the scenario was checked for services that fit no machine");
        let entry = Entry::new(&p.discovery, &p.load_balancer, service, api);
        let min = self.practice.min_boxes;
        let max = ((f64::from(fleet.boxes) * p.max_size.as_f64()).ceil() as u32).max(min);
        let desired = if p.scaling.policy.is_active() {
            scaling::size_for_now(api, &p.scaling, service, fleet.instance).clamp(min, max)
        } else {
            fleet.boxes
        };
        let (sizes, machines) = ([min, max, fleet.boxes], (fleet.instance, p.rules()));
        let mut group = Group::new(service, machines, entry, sizes, (self.policy)(service), api);
        group.adopt(desired, api);
        api.alert_on_errors(service, self.practice.error_alert());
        let size = fleet.size(api, &self.practice, service, balancing);
        let (name, machine, purpose) = (&size.service, &size.machine, size.purpose());
        let line = format!("{name}: {min} to {max} × {machine}, {} at the peak, {purpose}", fleet.boxes);
        self.sizing.lines.push(line);
        self.sizing.services.push(size);
        let s = self.groups.len();
        // Each group looks at a time of its own.
        let phase = api.stream(HEALTH_PHASE, &[u64::from(service.0)]).uniform();
        group.health_phase = SimTime::ZERO + p.health.period.mul_f64(phase);
        self.groups.push(group);
        self.begin_looks(s, api);
        self.age_machines(s, api);
    }

    /// The group that a box is a member of: they are in the order of services.
    fn group_of(&self, subject: BoxId, api: &Api<'_>) -> Option<usize> {
        let s = api.service_of(subject)?.0 as usize;
        self.groups[s].member(subject).map(|_| s)
    }

    /// The group in whose warm pool a box waits.
    fn pool_of(&self, subject: BoxId, api: &Api<'_>) -> Option<usize> {
        let s = api.service_of(subject)?.0 as usize;
        self.groups[s].pool.iter().any(|m| m.subject == subject).then_some(s)
    }

    /// A machine of a group or of its pool.
    fn machine(&self, vm: VmId, api: &Api<'_>) -> Option<(usize, Member)> {
        let s = api.service_on(vm)?.0 as usize;
        let group = &self.groups[s];
        let member = group.member_on(vm).or(group.pool.iter().find(|m| m.vm == vm))?;
        Some((s, *member))
    }

    fn group_of_vm(&self, vm: VmId, api: &Api<'_>) -> Option<usize> {
        let s = api.service_on(vm)?.0 as usize;
        self.groups[s].member_on(vm).map(|_| s)
    }

    /// Groups in which something changed look at it when it is time to.
    fn plan_all_passes(&mut self, api: &mut Api<'_>) {
        (0..self.groups.len()).for_each(|s| self.plan_passes(s, api));
    }

    fn plan_passes(&mut self, s: usize, api: &mut Api<'_>) {
        self.plan_health_pass(s, api);
        self.wake_policy(s, api);
    }

    /// A group in which something may have to be done looks at its next tick; a pass over a quiet one would change nothing.
    fn plan_health_pass(&mut self, s: usize, api: &mut Api<'_>) {
        let group = &mut self.groups[s];
        if !group.pass_is_due && group.needs_pass() {
            group.pass_is_due = true;
            let at = api.now().next_tick(group.health_phase, self.parameters.health.period);
            api.at(at, PlatformEvent::with(HEALTH_PASS, s as u32, 0));
        }
    }

    fn set_upkeep(&self, api: &mut Api<'_>) {
        let u = &self.parameters.upkeep;
        let machines: u32 = self.groups.iter().map(|g| g.desired).sum();
        api.set_upkeep(
            u.platform
                + Automation::from(&self.parameters.automation).hours_per_week()
                + self.parameters.discovery.upkeep(&self.parameters.load_balancer)
                + u.per_service * self.groups.len() as f64
                + u.per_box * f64::from(machines),
        );
    }

    /// A machine of the group has booted: configure what is to run on it, or start what ran before.
    fn on_vm_up(&mut self, vm: VmId, api: &mut Api<'_>) {
        let Some((s, member)) = self.machine(vm, api) else { return };
        if member.prepared.is_some() {
            api.start_box(member.subject, member.version);
            return;
        }
        let (ordinal, life) = api.ordinal_of(member.subject).unwrap_or_default();
        let key = [s as u64, u64::from(ordinal), u64::from(life)];
        self.fill_disk(s, member.image, vm, api);
        let age = Stamp::from(api.now()).since(self.groups[s].software_of(member.image));
        if let Some(span) = self.parameters.image.first_boot(&key, age, api) {
            api.prepare_box(member.subject, span);
        }
    }

    /// The box answers on its port: it is registered once its launch hook has run.
    fn on_box_up(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(s) = self.group_of(subject, api) else { return };
        let group = &mut self.groups[s];
        let hook = self.parameters.hooks.launch;
        if !group.entry.is_registered(subject) && !hook.is_zero() {
            api.after(hook, PlatformEvent::about(LAUNCH_HOOK, subject));
        } else {
            self.on_launch_hook(subject, api);
        }
    }

    fn on_launch_hook(&mut self, subject: BoxId, api: &mut Api<'_>) {
        let Some(s) = self.group_of(subject, api) else { return };
        let group = &mut self.groups[s];
        if group.entry.is_registered(subject) {
            // One that was brought up to date in place is in service again.
            group.note_back(subject, api.now());
            self.refresh_progress(s, api);
        } else {
            group.on_box_up(subject, api);
        }
    }

    fn on_health(&mut self, subject: BoxId, healthy: bool, api: &mut Api<'_>) {
        let Some(s) = self.group_of(subject, api) else { return };
        self.groups[s].entry.on_health(subject, healthy, api);
        // The agent knows, and the group when the registry tells it.
        if !self.discovery.keep_back(subject, healthy) {
            self.hear(subject, healthy, api);
        }
    }

    /// The group learns of a verdict.
    fn hear(&mut self, subject: BoxId, healthy: bool, api: &mut Api<'_>) {
        let Some(s) = self.group_of(subject, api) else { return };
        self.groups[s].note_health(subject, healthy, api.now());
        if healthy {
            self.refresh_progress(s, api);
        }
    }

    /// Its fellow members of the registry have lost sight of a machine, or see it again.
    fn on_heartbeat(&mut self, vm: VmId, alive: bool, api: &mut Api<'_>) {
        let Some(s) = self.group_of_vm(vm, api) else { return };
        let subject = self.groups[s].member_on(vm).expect("found by it").subject;
        if self.groups[s].entry.on_machine(subject, alive, api) {
            api.declare_known_down(subject);
            self.on_health(subject, false, api);
        }
    }

    fn on_process_exited(&mut self, subject: BoxId, api: &mut Api<'_>) {
        if let Some(s) = self.group_of(subject, api) {
            api.declare_known_down(subject);
            api.after(self.parameters.restart_delay, PlatformEvent::about(RESTART, subject));
            self.on_wave_box_exited(s, subject, api);
        } else if self.pool_of(subject, api).is_some() {
            api.after(self.parameters.restart_delay, PlatformEvent::about(RESTART, subject));
        }
    }

    fn on_error_alert(&mut self, service: ServiceId, firing: bool, api: &mut Api<'_>) {
        let s = service.0 as usize;
        if !firing {
            return self.stop_looking_at_errors(s, api);
        }
        if self.parameters.refresh.auto_rollback && self.groups[s].is_refreshing() {
            return self.roll_back(s, api);
        }
        // Whoever is on call looks all the same: the canary need not be why.
        if self.is_in_canary(s) {
            self.give_canary_up(s, "too many requests fail", api);
        }
        if !self.tasks.values().any(|t| *t == Task::LookAtErrors(s)) {
            self.page(Task::LookAtErrors(s), api);
        }
    }

    /// Requests are served again before anybody found out why they were not: whoever looks stops.
    fn stop_looking_at_errors(&mut self, s: usize, api: &mut Api<'_>) {
        let look = self.tasks.iter().find(|(_, task)| **task == Task::LookAtErrors(s)).map(|(&work, _)| work);
        if let Some(work) = look {
            self.tasks.remove(&work);
            api.call_off(work);
            self.begin_what_waits(s, api);
            self.let_refresh_go_on(s, api);
        }
    }

    fn page(&mut self, task: Task, api: &mut Api<'_>) {
        self.ask_why(task, Activity::Repair, Urgency::Page, api);
    }

    /// Somebody finds out what is wrong.
    fn ask_why(&mut self, task: Task, activity: Activity, urgency: Urgency, api: &mut Api<'_>) {
        let group = &self.groups[task.group()];
        let cause = u64::from(group.version.0) << 16 | u64::from(group.service.0);
        let touch = sample(&self.practice.diagnose, DIAGNOSE, &[cause], api);
        let about = About::Service(group.service);
        let work = api.ask(Work { activity, urgency, touch, cause, about });
        self.tasks.insert(work, task);
    }

    /// Whoever finds a refresh under way while requests fail holds it before anything else. One that does not get on holds
    /// itself, until somebody takes it back.
    fn on_work_began(&mut self, work: WorkId, api: &mut Api<'_>) {
        let (s, why) = match self.tasks.get(&work) {
            Some(&Task::LookAtErrors(s)) => (s, "until it is clear why requests fail"),
            Some(&Task::RollBack(s)) => (s, "and is to be taken back"),
            _ => return,
        };
        let group = &mut self.groups[s];
        if let Some(refresh) = group.refresh.as_mut().filter(|r| !r.done && !r.back && !r.is_held) {
            refresh.is_held = true;
            api.remark(About::Service(group.service), || format!("the refresh is held {why}"));
        }
    }

    fn on_work_done(&mut self, work: WorkId, api: &mut Api<'_>) {
        if self.groups.iter_mut().any(|group| group.entry.on_work_done(work, api)) {
            return;
        }
        match self.tasks.remove(&work).expect("all work is for something") {
            Task::LookAtErrors(s) => {
                // Errors that boxes answer mean that the version is bad; a box that does not answer is replaced. Where
                // nobody answers any more since a configuration went out, that is why.
                let seen = api.failures(self.groups[s].service);
                let is_out = self.groups[s].refresh.is_some_and(|r| r.pushed && !r.back);
                let pushed = if is_out { seen.unanswered } else { 0.0 };
                if seen.errors + pushed > self.practice.alert_threshold.as_f64() / 2.0 {
                    self.ask_for_rollback(s, api);
                } else {
                    self.begin_what_waits(s, api);
                    self.let_refresh_go_on(s, api);
                }
            }
            Task::LookAtRefresh(s) => self.on_refresh_looked_at(s, api),
            Task::RollBack(s) => self.roll_back(s, api),
            Task::RenewImage(s) => self.renew_image(s, api),
            Task::Read(_) => {}
        }
    }
}

impl Cattle {
    fn handle_signal(&mut self, signal: Signal, api: &mut Api<'_>) {
        if let Signal::Directory { answers } = signal {
            self.groups.iter_mut().for_each(|group| group.is_blind = !answers);
        }
        if self.discovery.on_signal(signal, api) {
            let heard = self.discovery.heard().into_iter();
            return heard.for_each(|(subject, healthy)| self.hear(subject, healthy, api));
        }
        match signal {
            // The machine is no more: no tag says whose it was.
            Signal::LaunchFailed { vm } => self.groups.iter_mut().for_each(|g| g.on_launch_failed(vm, api)),
            Signal::VmUp { vm } => self.on_vm_up(vm, api),
            Signal::SpotNotice { vm } => {
                if let Some(s) = self.group_of_vm(vm, api).filter(|_| self.parameters.capacity_rebalancing) {
                    self.groups[s].replace_ahead(vm, api);
                }
            }
            Signal::SpotReclaimed { vm } => match self.group_of_vm(vm, api) {
                Some(s) => self.groups[s].on_reclaimed(vm),
                // It was draining already.
                None => api.terminate_vm(vm),
            },
            Signal::BoxPrepared { subject } => {
                if let Some(s) = self.group_of(subject, api) {
                    let version = self.groups[s].mark_prepared(subject, api.now());
                    api.start_box(subject, version);
                } else if let Some(s) = self.pool_of(subject, api) {
                    self.groups[s].note_pool_prepared(subject, api);
                }
            }
            Signal::BoxUp { subject } => self.on_box_up(subject, api),
            Signal::ProcessExited { subject } => self.on_process_exited(subject, api),
            Signal::Health { subject, healthy } => self.on_health(subject, healthy, api),
            Signal::ErrorAlert { service, firing } => self.on_error_alert(service, firing, api),
            Signal::WorkBegan { work } => self.on_work_began(work, api),
            Signal::WorkDone { work } => self.on_work_done(work, api),
            Signal::Complaint { .. } => {}
            Signal::Release { service, version } => self.on_release(service, version, api),
            Signal::Configuration { service, number } => self.on_configuration(service, number, api),
            Signal::Heartbeat { vm, alive } => self.on_heartbeat(vm, alive, api),
            Signal::BoxStopped { .. }
            | Signal::Directory { .. }
            | Signal::Probe { .. }
            | Signal::MemoryLow { .. } => {}
            Signal::Advisory { .. } => self.on_advisory(api),
        }
    }

    fn handle_event(&mut self, event: PlatformEvent, api: &mut Api<'_>) {
        let groups = &mut self.groups;
        if self.discovery.on_event(event, |service| &mut groups[service.0 as usize].entry, api) {
            return;
        }
        let s = event.a as usize;
        match event.kind {
            RESTART => {
                let subject: BoxId = event.subject();
                if let Some((_, member)) = api.vm_of(subject).and_then(|vm| self.machine(vm, api)) {
                    api.start_box(subject, member.version);
                }
            }
            HEALTH_PASS => {
                self.groups[s].pass_is_due = false;
                self.groups[s].health_pass(&self.parameters.health, api);
                self.groups[s].keep_pool(api);
                self.refresh_progress(s, api);
            }
            SCALING_PASS => self.on_scaling_tick(s, api),
            DRAINED => {
                let vm = event.subject();
                api.terminate_vm(vm);
                for s in 0..self.groups.len() {
                    if self.groups[s].on_drained(vm, api) {
                        self.refresh_goes_on(s, api);
                    }
                }
            }
            LAUNCH_HOOK => self.on_launch_hook(event.subject(), api),
            CONVERGE => self.on_converged(event.subject(), api),
            IMAGE_DUE => self.on_image_due(s, api),
            IMAGE_BAKED => self.begin_refresh(s, Version(event.b), api),
            IMAGE_RENEWED => self.on_image_renewed(s, Version(event.b), api),
            REFRESH_STEP => self.refresh_progress(s, api),
            TOOL_DONE => self.on_tool_done(s, event.b, api),
            REFRESH_DEADLINE => self.on_refresh_deadline(s, Version(event.b), api),
            other => unreachable!("cattle have no event {other}"),
        }
    }
}

/// One draw of a platform's own distribution.
fn sample(
    distribution: &Distribution,
    purpose: Purpose,
    key: &[u64],
    api: &Api<'_>,
) -> crate::engine::SimDuration {
    distribution.sample(api.stream(purpose, key).uniform())
}

impl Platform for Cattle {
    fn start(&mut self, api: &mut Api<'_>) {
        api.set_mismatch(self.practice.environment_mismatch.as_f64() * self.parameters.image.mismatch());
        api.set_disk_fills(self.parameters.disk_fills.as_f64());
        let p = &self.parameters;
        self.discovery.start((&p.discovery, &p.load_balancer), &self.practice, api);
        for service in api.services() {
            self.start_group(service, api);
        }
        self.groups.iter().for_each(|group| group.entry.count_members(api));
        self.discovery.add_servers(api);
        if self.parameters.discovery.has_load_balancer() {
            self.parameters.load_balancer.rent(api);
        }
        Automation::from(&self.parameters.automation).declare(api);
        self.parameters.commitment.declare(api);
        self.set_upkeep(api);
        self.plan_all_passes(api);
    }

    fn on_signal(&mut self, signal: Signal, api: &mut Api<'_>) {
        self.handle_signal(signal, api);
        self.plan_all_passes(api);
    }

    fn on_event(&mut self, event: PlatformEvent, api: &mut Api<'_>) {
        self.handle_event(event, api);
        match event.kind {
            HEALTH_PASS | SCALING_PASS => self.plan_passes(event.a as usize, api),
            _ => self.plan_all_passes(api),
        }
    }

    fn describe_event(&self, event: PlatformEvent) -> Option<(About, String)> {
        if let Some(of_discovery) = Discovery::describe_event(event) {
            return Some(of_discovery);
        }
        let service = About::Service(ServiceId(event.a as u16));
        match event.kind {
            RESTART => Some((About::Box(event.subject()), "supervisor restarts the process".into())),
            DRAINED => Some((About::Vm(event.subject()), "its time to drain is over".into())),
            IMAGE_BAKED | IMAGE_RENEWED => {
                Some((service, format!("the image of release {} is baked", event.b)))
            }
            LAUNCH_HOOK => Some((About::Box(event.subject()), "its launch hook has run".into())),
            TOOL_DONE => Some((service, "the tool has changed a wave of boxes and restarts them".into())),
            CONVERGE => Some((About::Box(event.subject()), "its agent brings it up to date".into())),
            // Passes of control loops: what they change is in the trace anyway.
            _ => None,
        }
    }

    fn sizing(&self) -> Sizing {
        self.sizing.clone()
    }
}
