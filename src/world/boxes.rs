//! Boxes: one instance of a service, from the decision to have it until it is gone.
//!
//! A box goes through *created → placed on a machine → prepared (configured, or image pulled) → starting → up*,
//! and back to *down* when its process or its machine dies. A process that is up may hang, and then answers nothing.
//! One that is told to end closes its port, finishes the requests that it has as far as the time goes, and loses the
//! rest; one that hangs does not hear it. Whether a box gets traffic is the route's affair.
//! Here is ground truth; what a control plane believes lives in the platform. Start at [`State`].

use super::World;
use super::ejection::Answers;
use super::event::Event;
use super::fault::{FaultId, FaultKind};
use super::flow::Audience;
use super::ids::{BoxId, ServiceId, Version, VmId};
use super::memory::Footprint;
use super::monitor::MonitorId;
use super::observation::{Exit, Observation};
use super::release::Defect;
use super::service::Role;
use super::signal::Signal;
use super::streams;
use super::vulnerability::Software;
use crate::engine::{EventHandle, SimDuration, SimTime};

/// Where a box stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Decided, and perhaps placed, but nothing runs yet.
    Created,
    /// Being configured, or its image is being pulled.
    Preparing,
    Prepared,
    /// Its processes start.
    Starting,
    /// Its port is open: it can serve.
    Up,
    /// Its port is closed: it finishes what it has, and ends.
    Ending,
    /// Its processes do not run.
    Down,
}

/// How far a box is on its way to full speed, in steps since its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Warmth(u8);

impl Warmth {
    pub(super) const STEPS: u8 = 4;
    pub(super) const COLD: Warmth = Warmth(0);
    pub(super) const WARM: Warmth = Warmth(Self::STEPS);

    /// The coldest first.
    pub(super) fn all() -> [Warmth; Self::STEPS as usize + 1] {
        std::array::from_fn(|step| Warmth(step as u8))
    }

    /// How many steps it has come.
    pub(super) fn step(self) -> u8 {
        self.0
    }

    /// Mean progress during this step, from 0 to 1.
    pub(super) fn share(self) -> f64 {
        if self == Self::WARM { 1.0 } else { (f64::from(self.0) + 0.5) / f64::from(Self::STEPS) }
    }

    /// How much more work a request is than in a warm box, if a cold one has this speed relative to it.
    pub(super) fn slowness(self, cold_speed: f64) -> f64 {
        1.0 / (cold_speed + (1.0 - cold_speed) * self.share())
    }
}

/// One instance of a service.
#[derive(Clone, Debug)]
pub(super) struct ServiceBox {
    pub service: ServiceId,
    /// Number within the service, the lowest that was free: `web-3`. The same on every platform.
    pub ordinal: u32,
    /// How many boxes had this number before.
    pub life: u32,
    pub version: Version,
    pub vm: Option<VmId>,
    pub state: State,
    /// Callers who send it requests.
    pub audience: Audience,
    /// How often it was taken from all of them at once.
    pub withdrawn: u16,
    /// Nearly all of them do: the last time that nearly all or nearly none did, it was all.
    pub routed: bool,
    /// It is no more, but some callers still have its address.
    pub remembered: bool,
    /// The next step of its life (prepared, up, stopped).
    pub pending: Option<EventHandle>,
    /// Asked to stop: it ends, whatever else happens.
    pub stopping: Option<Stop>,
    /// Its processes run and answer nothing.
    pub hung: bool,
    pub warmth: Warmth,
    pub warming: Option<EventHandle>,
    /// When it left the route while it served, and how many requests it had then.
    draining: Option<(SimTime, f64)>,
    /// The next crash of its process.
    pub crash: Option<EventHandle>,
    /// The next time that its disk fills.
    pub fills: Option<EventHandle>,
    pub check: Option<MonitorId>,
    pub answers: Answers,
    /// Probes by the agent on its machine; they go with its processes.
    pub probes: Vec<MonitorId>,
    /// Points of a thousand machines' memories that the kernel adds when it looks for somebody to kill.
    pub kill_points: Option<i32>,
    /// The memory it holds, while its processes run.
    pub memory: Option<Footprint>,
    /// How the flow counts it, while it has callers.
    pub counted: Option<Reach>,
    /// The last fault that hit it, 0 for none.
    pub last_fault: u64,
    /// Somebody broke it by hand: its processes cannot start until it is repaired.
    pub broken: bool,
    /// How often this box's processes were started.
    pub starts: u32,
    pub patches: super::vulnerability::Patches,
}

/// An orderly end that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    /// When what still runs is killed.
    deadline: SimTime,
    /// The box goes with its processes.
    gone: bool,
}

/// How a box is ended in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// How long it goes on as before, until its processes are told to end.
    pub notice: SimDuration,
    /// How long all of it may take, the notice included; what still runs then is killed.
    pub grace: SimDuration,
}

impl Ending {
    /// Killed at once.
    pub const NOW: Ending = Ending { notice: SimDuration::ZERO, grace: SimDuration::ZERO };
}

/// In which order the parts of a box start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartOrder {
    /// Work before the start first, one part after the other, then all at once: a machine's service manager.
    Together,
    /// As listed, work before the start and helpers, then the others at once. With `gated` the next part waits until a
    /// helper can serve, otherwise only until it is asked to start.
    InOrder { gated: bool },
    /// Only those that serve: the work before the start is done, the helpers run.
    Again,
}

/// How a box shows to callers that are sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Serves,
    /// The machine answers that nobody listens.
    Refuses,
    /// Nothing answers.
    Silent,
}

impl StartOrder {
    /// How long it takes until all parts can serve, given how long each takes.
    fn span(self, parts: impl Iterator<Item = (Role, SimDuration)>) -> SimDuration {
        let zero = SimDuration::ZERO;
        // How long the work before the start takes, and the longest from there on.
        let (mut before, mut served, mut apps) = (zero, zero, zero);
        for (role, span) in parts {
            match (role, self) {
                (Role::App, _) => apps = apps.max(span),
                (_, StartOrder::Again) => {}
                (Role::Init, _) => before += span,
                (Role::Sidecar, StartOrder::Together) => apps = apps.max(span),
                (Role::Sidecar, StartOrder::InOrder { gated: true }) => before += span,
                (Role::Sidecar, StartOrder::InOrder { gated: false }) => served = served.max(before + span),
            }
        }
        served.max(before + apps)
    }
}

/// A box counts as found by callers when nearly all of them have its address, and as left when nearly none do.
const NEARLY_ALL: f64 = 0.9;
const NEARLY_NOBODY: f64 = 0.1;

impl World {
    pub(super) fn create_box(&mut self, service: ServiceId, version: Version) -> BoxId {
        let (ordinal, life) = self.services[service.index()].take_ordinal();
        let subject = self.boxes.insert(ServiceBox {
            service,
            ordinal,
            life,
            version,
            vm: None,
            state: State::Created,
            audience: Audience::NOBODY,
            withdrawn: 0,
            routed: false,
            remembered: false,
            pending: None,
            stopping: None,
            hung: false,
            warmth: Warmth::WARM,
            warming: None,
            draining: None,
            crash: None,
            fills: None,
            check: None,
            answers: Answers::default(),
            probes: Vec::new(),
            kill_points: None,
            memory: None,
            counted: None,
            last_fault: 0,
            broken: false,
            starts: 0,
            patches: Default::default(),
        });
        self.observe(Observation::BoxCreated { subject, service, ordinal, version });
        subject
    }

    /// False if the machine is gone: then the box stays without one.
    ///
    /// # Panics
    /// If the box was placed before: a control plane knows its own placements.
    pub(super) fn place_box(&mut self, subject: BoxId, vm: VmId) -> bool {
        let b = self.boxes.get_mut(subject).expect("a box that exists is placed");
        assert!(b.vm.is_none(), "a box is placed once");
        let Some(machine) = self.vms.get_mut(vm) else { return false };
        machine.boxes.push(subject);
        b.vm = Some(vm);
        self.observe(Observation::BoxPlaced { subject, vm });
        true
    }

    /// Configures the box, or pulls its image: takes `span`. False if its machine does not answer.
    pub(super) fn prepare_box(&mut self, subject: BoxId, span: SimDuration) -> bool {
        if !self.machine_answers(subject) {
            return false;
        }
        if self.boxes.get(subject).is_some_and(|b| b.state == State::Up) {
            self.exit_box(subject, Exit::Stopped);
        }
        self.set_box_state(subject, State::Preparing);
        self.schedule_step(subject, span, Event::BoxPrepared { subject });
        true
    }

    pub(super) fn on_box_prepared(&mut self, subject: BoxId) {
        self.boxes.get_mut(subject).expect("steps of removed boxes are cancelled").pending = None;
        self.set_box_state(subject, State::Prepared);
        self.observe(Observation::BoxPrepared { subject });
        self.signals.push_back(Signal::BoxPrepared { subject });
    }

    /// Starts the processes of a box, with `version`. False if its machine does not answer.
    pub(super) fn start_box(&mut self, subject: BoxId, version: Version, order: StartOrder) -> bool {
        if !self.machine_answers(subject) {
            return false;
        }
        if self.boxes.get(subject).is_some_and(|b| matches!(b.state, State::Up | State::Ending)) {
            self.exit_box(subject, Exit::Stopped);
        }
        self.boxes.get_mut(subject).expect("checked above").version = version;
        self.set_box_state(subject, State::Starting);
        self.observe(Observation::BoxStarting { subject, version });
        let b = self.boxes.get_mut(subject).expect("checked above");
        b.starts += 1;
        let service = &self.services[b.service.index()];
        let key = [u64::from(b.service.0), u64::from(b.ordinal), u64::from(b.life), u64::from(b.starts)];
        let start_up = |(part, (_, container)): (usize, (&str, &super::ContainerParameters))| {
            let u = self
                .streams
                .open(streams::START_UP, &[key[0], key[1], key[2], key[3], part as u64])
                .uniform();
            container.startup.sample(u)
        };
        let parts = service.parameters.container.iter().enumerate();
        let span = order.span(parts.map(|part| (part.1.1.role, start_up(part))));
        self.schedule_step(subject, span, Event::BoxUp { subject });
        true
    }

    pub(super) fn on_box_up(&mut self, subject: BoxId) {
        let b = self.boxes.get_mut(subject).expect("steps of removed boxes are cancelled");
        b.pending = None;
        let (service, version, broken) = (b.service, b.version, b.broken);
        if broken || self.services[service.index()].defect(version) == Some(Defect::FailsToStart) {
            self.exit_box(subject, Exit::FailsToStart);
            self.signals.push_back(Signal::ProcessExited { subject });
            return;
        }
        if !self.services[service.index()].parameters.server.warm_up.is_zero() {
            self.boxes.get_mut(subject).expect("seen").warmth = Warmth::COLD;
            self.schedule_warming(subject);
        }
        self.set_box_state(subject, State::Up);
        self.observe(Observation::BoxUp { subject });
        self.count_vulnerabilities(subject);
        self.arm_process_crash(subject);
        self.arm_disk(subject);
        self.signals.push_back(Signal::BoxUp { subject });
    }

    fn schedule_warming(&mut self, subject: BoxId) {
        let b = self.boxes.get(subject).expect("only boxes that exist warm up");
        let step = self.services[b.service.index()].parameters.server.warm_up / u64::from(Warmth::STEPS);
        let handle = self.scheduler.after(step, Event::BoxWarms { subject });
        self.boxes.get_mut(subject).expect("seen").warming = Some(handle);
    }

    pub(super) fn on_box_warms(&mut self, subject: BoxId) {
        self.leave_flow(subject);
        let b = self.boxes.get_mut(subject).expect("warming of boxes that ended is cancelled");
        b.warming = None;
        b.warmth = Warmth(b.warmth.0 + 1);
        let more = b.warmth < Warmth::WARM;
        self.join_flow(subject);
        if more {
            self.schedule_warming(subject);
        }
    }

    /// A box that has been up since before the simulation began.
    pub(super) fn adopt_box(&mut self, service: ServiceId, vm: VmId, image: Option<Software>) -> BoxId {
        let subject = self.create_box(service, Version(0));
        if let Some(image) = image {
            self.set_image(subject, image);
        }
        self.place_box(subject, vm);
        self.set_box_state(subject, State::Up);
        self.observe(Observation::BoxUp { subject });
        self.count_vulnerabilities(subject);
        self.arm_process_crash(subject);
        self.arm_disk(subject);
        subject
    }

    /// The processes of a box end: whatever it was serving is lost.
    pub(super) fn exit_box(&mut self, subject: BoxId, exit: Exit) {
        let b = self.boxes.get_mut(subject).expect("only boxes that exist end");
        let stopping = b.stopping.is_some();
        for probe in std::mem::take(&mut b.probes) {
            self.remove_monitor(probe);
        }
        let b = self.boxes.get_mut(subject).expect("seen");
        for handle in
            [b.pending.take(), b.crash.take(), b.fills.take(), b.warming.take()].into_iter().flatten()
        {
            self.scheduler.cancel(handle);
        }
        if let Exit::Fault { fault, .. } = exit {
            b.last_fault = fault.0;
        }
        if b.state == State::Down {
            return;
        }
        if matches!(b.state, State::Up | State::Ending) {
            let (service, draining) = (b.service, b.draining.take());
            if b.counted == Some(Reach::Serves) {
                self.lose_in_flight_of(subject);
            } else if let Some((since, requests)) = draining {
                let requests = self.not_drained(service, since, requests);
                self.observe_lost(service, requests);
            }
            self.lose_requests(subject);
        }
        self.boxes.get_mut(subject).expect("seen").hung = false;
        self.set_box_state(subject, State::Down);
        self.observe(Observation::BoxExited { subject, exit });
        if stopping {
            // It was on its way out: what was to come happens now.
            self.schedule_step(subject, SimDuration::ZERO, Event::BoxStopped { subject });
        }
    }

    /// What a box on the route that serves is working on gets no answer.
    pub(super) fn lose_in_flight_of(&mut self, subject: BoxId) {
        let b = self.boxes.get(subject).expect("only boxes that exist work");
        let (service, audience) = (b.service, b.audience);
        let requests = self.services[service.index()].flow.lose_in_flight(audience);
        self.observe_lost(service, requests);
        self.lose_requests(subject);
    }

    fn observe_lost(&mut self, service: ServiceId, requests: f64) {
        if requests > 0.0 {
            self.observe(Observation::InFlightLost { service, requests });
        }
    }

    /// The processes of a box run on, and answer nothing any more: what they were serving is lost.
    pub(super) fn hang_box(&mut self, subject: BoxId, fault: FaultId, kind: FaultKind) {
        let b = self.boxes.get_mut(subject).expect("only boxes that exist hang");
        b.last_fault = fault.0;
        if b.counted == Some(Reach::Serves) {
            self.lose_in_flight_of(subject);
        }
        self.leave_flow(subject);
        self.boxes.get_mut(subject).expect("seen").hung = true;
        self.join_flow(subject);
        self.observe(Observation::BoxHung { subject, fault, kind });
        self.tell_check(subject);
        self.tell_probes(subject);
    }

    /// Ends the processes of a box in an orderly way, and the box with them if it shall be `gone`.
    pub(super) fn end_box(&mut self, subject: BoxId, ending: Ending, gone: bool) {
        let now = self.scheduler.now();
        let answers = self.machine_answers(subject);
        let b = self.boxes.get_mut(subject).expect("only boxes that exist stop");
        let deadline = now + ending.grace;
        let before = b.stopping;
        let deadline = before.map_or(deadline, |s| s.deadline.min(deadline));
        b.stopping = Some(Stop { deadline, gone: gone || before.is_some_and(|s| s.gone) });
        if let Some(crash) = b.crash.take() {
            self.scheduler.cancel(crash);
        }
        let b = self.boxes.get_mut(subject).expect("seen");
        let (state, probes) = (b.state, std::mem::take(&mut b.probes));
        for probe in probes {
            self.remove_monitor(probe);
        }
        match state {
            // Told already, and on its way.
            State::Starting | State::Up if answers && before.is_some() => {}
            State::Starting | State::Up if answers && ending.grace.is_zero() => self.stop_at(subject, now),
            State::Starting | State::Up if answers => {
                let notice = ending.notice.min(ending.grace);
                self.schedule_step(subject, notice, Event::BoxToldToEnd { subject });
            }
            // It finishes what it has, if it can by then.
            State::Ending if answers => self.stop_at(subject, self.done_at(subject).min(deadline)),
            _ => self.stop_at(subject, now),
        }
    }

    pub(super) fn has_processes(&self, subject: BoxId) -> bool {
        let state = self.boxes.get(subject).map(|b| b.state);
        self.machine_answers(subject) && matches!(state, Some(State::Starting | State::Up | State::Ending))
    }

    fn stop_at(&mut self, subject: BoxId, at: SimTime) {
        let span = at.saturating_since(self.scheduler.now());
        self.schedule_step(subject, span, Event::BoxStopped { subject });
    }

    /// The processes close their port and finish what they have.
    pub(super) fn on_box_told_to_end(&mut self, subject: BoxId) {
        let now = self.scheduler.now();
        let b = self.boxes.get_mut(subject).expect("steps of removed boxes are cancelled");
        b.pending = None;
        let stop = b.stopping.expect("only boxes that are asked to stop are told to end");
        if b.hung {
            // It does not hear it.
            return self.stop_at(subject, stop.deadline);
        }
        if b.counted == Some(Reach::Serves) {
            let inside = self.services[b.service.index()].flow.in_flight_of(b.audience);
            b.draining = Some((now, inside));
        }
        self.set_box_state(subject, State::Ending);
        self.observe(Observation::BoxEnding { subject });
        self.stop_at(subject, self.done_at(subject).min(stop.deadline));
    }

    /// When a box that gets no more requests is done with those it has; never, where they are followed one by one: it
    /// stops when the last one is done.
    fn done_at(&self, subject: BoxId) -> SimTime {
        let now = self.scheduler.now();
        let b = self.boxes.get(subject).expect("only boxes that exist finish");
        let service = &self.services[b.service.index()];
        if let Some(requests) = &service.requests {
            return if requests.inside(subject) > 0 { SimTime::MAX } else { now };
        }
        let left = b.draining.map_or(0.0, |(since, inside)| self.not_drained(b.service, since, inside));
        if left <= 0.0 {
            return now;
        }
        // Rounded up, so that nothing is left then.
        now + SimDuration::from_secs_f64(left * service.rules.work.mean_s) + SimDuration::from_micros(1)
    }

    /// A request was done: the last one of a box that is to end?
    pub(super) fn stop_if_done(&mut self, subject: BoxId) {
        if self.boxes.get(subject).is_some_and(|b| b.state == State::Ending) {
            let done = self.done_at(subject);
            if done <= self.scheduler.now() {
                self.stop_at(subject, done);
            }
        }
    }

    pub(super) fn on_box_stopped(&mut self, subject: BoxId) {
        let b = self.boxes.get_mut(subject).expect("steps of removed boxes are cancelled");
        b.pending = None;
        let stop = b.stopping.take();
        if stop.is_none_or(|s| s.gone) {
            self.remove_box(subject, Exit::Stopped);
            self.signals.push_back(Signal::BoxStopped { subject });
        } else {
            self.exit_box(subject, Exit::Stopped);
            self.signals.push_back(Signal::ProcessExited { subject });
        }
    }

    pub(super) fn remove_box(&mut self, subject: BoxId, exit: Exit) {
        if let Some(b) = self.boxes.get_mut(subject) {
            b.stopping = None;
        }
        self.exit_box(subject, exit);
        let b = self.boxes.get_mut(subject).expect("a box is removed once");
        let (service, ordinal, check) = (b.service, b.ordinal, b.check.take());
        if !self.services[service.index()].has_copies() {
            self.set_audience(subject, Audience::NOBODY);
        }
        self.services[service.index()].free_ordinal(ordinal);
        let vm = self.boxes.get(subject).and_then(|b| b.vm);
        if let Some(vm) = vm.and_then(|vm| self.vms.get_mut(vm)) {
            vm.boxes.retain(|&other| other != subject);
        }
        if let Some(check) = check {
            self.remove_monitor(check);
        }
        if self.boxes.get(subject).is_some_and(|b| b.audience != Audience::NOBODY) {
            return self.remember(subject);
        }
        self.boxes.remove(subject);
        self.observe(Observation::BoxRemoved { subject });
    }

    /// The box is no more, and callers who have its address get no answer there.
    fn remember(&mut self, subject: BoxId) {
        self.leave_flow(subject);
        let b = self.boxes.get_mut(subject).expect("seen by the caller");
        (b.vm, b.remembered) = (None, true);
        self.join_flow(subject);
        self.forget_vulnerabilities(subject);
        self.observe(Observation::BoxGone { subject });
    }

    pub(super) fn machine_answers(&self, subject: BoxId) -> bool {
        let vm = self.boxes.get(subject).and_then(|b| b.vm);
        vm.and_then(|vm| self.vms.get(vm)).is_some_and(|vm| vm.is_running())
    }

    /// How the box shows to a caller.
    pub(super) fn reach(&self, b: &ServiceBox) -> Reach {
        match (b.state, b.vm.and_then(|vm| self.vms.get(vm))) {
            (State::Up, Some(vm)) if !vm.cut && !b.hung => Reach::Serves,
            (State::Up, Some(_)) => Reach::Silent,
            (_, Some(vm)) if vm.is_reachable() => Reach::Refuses,
            _ => Reach::Silent,
        }
    }

    /// The one place where a box's state changes: keeps flow, memory and checks informed.
    fn set_box_state(&mut self, subject: BoxId, state: State) {
        self.leave_flow(subject);
        self.boxes.get_mut(subject).expect("only boxes that exist change").state = state;
        self.join_flow(subject);
        self.tell_memory(subject);
        self.tell_check(subject);
        self.tell_probes(subject);
    }

    /// Adds the box to the lists of all callers of its service, or takes it out.
    pub(super) fn set_routed(&mut self, subject: BoxId, routed: bool) {
        let Some(b) = self.boxes.get(subject) else { return };
        let everybody = self.services[b.service.index()].flow.route.everybody();
        self.set_audience(subject, if routed { everybody } else { Audience::NOBODY });
    }

    /// From now on these callers send to the box, and no others.
    pub(super) fn set_audience(&mut self, subject: BoxId, audience: Audience) {
        let Some(b) = self.boxes.get(subject) else { return };
        if b.audience == audience {
            return;
        }
        let (now, service) = (self.scheduler.now(), b.service);
        let serving = b.counted == Some(Reach::Serves);
        let s = &self.services[service.index()];
        let (inside, share) = (s.flow.in_flight_of(b.audience), s.flow.route.share_of(audience));
        let (copied, was_routed) = (s.has_copies(), b.routed);
        let routed = if was_routed { share > NEARLY_NOBODY } else { share >= NEARLY_ALL };
        // That may bring it back among the others first.
        if audience == Audience::NOBODY || was_routed != routed {
            self.forget_answers(subject);
        }
        self.leave_flow(subject);
        let b = self.boxes.get_mut(subject).expect("seen above");
        (b.audience, b.routed) = (audience, routed);
        b.draining = (serving && audience == Audience::NOBODY).then_some((now, inside));
        let is_forgotten = b.remembered && audience == Audience::NOBODY;
        if let Some(requests) = &mut self.services[service.index()].requests {
            requests.set_audience(subject, audience);
        }
        self.join_flow(subject);
        if copied {
            self.observe(Observation::BoxListed { subject, share });
        }
        match (was_routed, routed) {
            (false, true) => self.observe(Observation::BoxRouted { subject }),
            (true, false) => self.observe(Observation::BoxUnrouted { subject }),
            _ => {}
        }
        self.tell_proxies(subject);
        if is_forgotten {
            self.boxes.remove(subject);
            self.observe(Observation::BoxRemoved { subject });
        }
    }

    /// Requests that a box still has which left the route with so many: it works them off on one core.
    fn not_drained(&self, service: ServiceId, since: SimTime, requests: f64) -> f64 {
        let elapsed_s = self.scheduler.now().since(since).as_secs_f64();
        (requests - elapsed_s / self.services[service.index()].rules.work.mean_s).max(0.0)
    }

    fn schedule_step(&mut self, subject: BoxId, span: SimDuration, event: Event) {
        let handle = self.scheduler.after(span, event);
        let b = self.boxes.get_mut(subject).expect("only boxes that exist step");
        if let Some(old) = b.pending.replace(handle) {
            self.scheduler.cancel(old);
        }
    }
}
