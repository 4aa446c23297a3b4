//! Requests as a flow: what becomes of a service's requests while nothing changes.
//!
//! Between two events all rates and capacities are constant, so the served rate, failures, slowdown and backlog
//! of a service follow in closed form. A change of traffic, capacity or routing marks the flow as dirty; it is
//! solved once at the end of the instant, for all services together, since they share machines. Machines with the
//! same processors and the same boxes are one *shape* and are solved once, so the cost does not grow with the
//! fleet.
//!
//! Each box that callers know gets the same share of requests. A box is a processor-sharing station
//! ([`super::queueing`]). What exceeds its capacity becomes backlog, which is state: it grows and drains linearly
//! and is followed from where it was. Servers drop requests whose caller has given up, so a backlog never holds
//! more than a caller's patience is worth, and what flows in beyond that fails.
//!
//! *Deviation:* utilizations between 99.5 % and 100 % are treated as 99.5 %; a backlog is shared by all
//! overloaded boxes of a service. Retries and servers that do not notice cancellation are not in here.

use super::boxes::Reach;
use super::contention::{Claim, Sharing};
use super::event::{Event, PlatformEvent};
use super::ids::{BoxId, ServiceId, Version, VmId};
use super::observation::{FlowObservation, LATENCY_CLASSES, Observation};
use super::queueing::{Balancing, STATIONARY_MAX, ServiceTime, slowdown};
use super::release::Defect;
use super::{FailureShares, World};
use crate::engine::{EventHandle, SimDuration, SimTime};
use std::collections::{BTreeMap, VecDeque};

/// Boxes that serve on one machine: (service, version, how many), sorted.
pub(super) type Composition = Vec<(ServiceId, Version, u16)>;

/// Machines by processors [milli-CPU] and composition.
pub(super) type Shapes = BTreeMap<(u32, Composition), u32>;

/// Boxes of one service that are alike: same version, same cores.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    version: Version,
    cores: f64,
    boxes: f64,
}

/// Boxes whose cores differ by less are one class, with the mean of their cores. The waits of its members differ by
/// at most a few percent around that mean, and nearly cancel.
const ALIKE: f64 = 0.02;

impl Class {
    fn add(&mut self, boxes: f64, cores: f64) {
        self.cores = (self.cores * self.boxes + cores * boxes) / (self.boxes + boxes);
        self.boxes += boxes;
    }
}

/// The flow of one service.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// Requests that callers send [1/s].
    pub offered: f64,
    pub balancing: Balancing,
    /// Boxes on the route that refuse, or do not answer.
    refusing: u32,
    silent: u32,
    serving: u32,
    /// Requests that wait, as of `rates.from`.
    backlog: f64,
    backlog_slope: f64,
    backlog_limit: f64,
    /// Completions of the boxes with a backlog [1/s].
    backlog_drain: f64,
    turns: Option<EventHandle>,
    /// Mean time that a request spends in a box [s], for what is in flight.
    response_s: f64,
    rates: FlowObservation,
    meter: CpuMeter,
    /// Boxes that serve in the present segment.
    metered_boxes: f64,
    /// Who wants to know when readings change.
    pub waker: Option<LoadWaker>,
}

/// Wakes a platform at the next tick of its clock when what [`super::Api::cpu`] reads begins to change.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoadWaker {
    pub phase: SimTime,
    pub period: SimDuration,
    pub event: PlatformEvent,
    /// The tick for which it is scheduled.
    pub next: Option<SimTime>,
    /// (cores, serving boxes) at the last solution.
    pub seen: Option<(f64, f64)>,
}

impl LoadWaker {
    /// When to wake, if something changed and that is not arranged yet.
    fn notice(&mut self, load: (f64, f64), now: SimTime) -> Option<SimTime> {
        if self.seen.replace(load) == Some(load) || self.next.is_some_and(|next| next > now) {
            return None;
        }
        self.next = Some(now.next_tick(self.phase, self.period));
        self.next
    }
}

impl Flow {
    pub(super) fn new(service: ServiceId) -> Flow {
        Flow {
            offered: 0.0,
            balancing: Balancing::RoundRobin,
            refusing: 0,
            silent: 0,
            serving: 0,
            backlog: 0.0,
            backlog_slope: 0.0,
            backlog_limit: 0.0,
            backlog_drain: 0.0,
            turns: None,
            response_s: 0.0,
            rates: FlowObservation {
                service,
                from: SimTime::ZERO,
                to: SimTime::ZERO,
                offered: 0.0,
                served: 0.0,
                to_dead_boxes: 0.0,
                errors: 0.0,
                late: 0.0,
                slow: 0.0,
                useful_cores: 0.0,
                wasted_cores: 0.0,
                wait_from_s: 0.0,
                wait_to_s: 0.0,
                latency: [(0.0, 1.0); LATENCY_CLASSES],
            },
            meter: CpuMeter::default(),
            metered_boxes: 0.0,
            waker: None,
        }
    }

    fn listed(&self) -> f64 {
        f64::from(self.serving + self.refusing + self.silent)
    }

    /// Takes out what is inside one of the serving boxes, which is about to leave: its share of the backlog, and
    /// what it works on.
    pub(super) fn lose_in_flight(&mut self) -> f64 {
        if self.serving == 0 {
            return 0.0;
        }
        let waiting = self.backlog / f64::from(self.serving);
        self.backlog -= waiting;
        self.offered / self.listed() * self.response_s + waiting
    }

    pub(super) fn failures(&self) -> FailureShares {
        let share = |rate: f64| if self.rates.offered > 0.0 { rate / self.rates.offered } else { 0.0 };
        FailureShares {
            unanswered: share(self.rates.to_dead_boxes),
            errors: share(self.rates.errors),
            late: share(self.rates.late),
        }
    }

    pub(super) fn cpu(&self, end: SimTime, window: SimDuration) -> Option<CpuReading> {
        self.meter.read(end, window, &self.rates, self.metered_boxes)
    }
}

impl World {
    /// Takes the box out of what the flow counts; [`World::join_flow`] counts it as it is then.
    pub(super) fn leave_flow(&mut self, subject: BoxId) {
        let b = self.boxes.get_mut(subject).expect("only boxes that exist flow");
        let Some(reach) = b.counted.take() else { return };
        let (service, version, vm) = (b.service, b.version, b.vm);
        self.count(service, version, vm, reach, -1);
    }

    pub(super) fn join_flow(&mut self, subject: BoxId) {
        let b = self.boxes.get(subject).expect("only boxes that exist flow");
        if !b.routed {
            return;
        }
        let reach = self.reach(b);
        let (service, version, vm) = (b.service, b.version, b.vm);
        self.boxes.get_mut(subject).expect("seen").counted = Some(reach);
        self.count(service, version, vm, reach, 1);
    }

    /// The machine under the box changed.
    pub(super) fn refresh_reach(&mut self, subject: BoxId) {
        self.leave_flow(subject);
        self.join_flow(subject);
        self.tell_check(subject);
    }

    fn count(&mut self, service: ServiceId, version: Version, vm: Option<VmId>, reach: Reach, change: i32) {
        let flow = &mut self.services[service.index()].flow;
        let counter = match reach {
            Reach::Serves => &mut flow.serving,
            Reach::Refuses => &mut flow.refusing,
            Reach::Silent => &mut flow.silent,
        };
        *counter = counter.checked_add_signed(change).expect("a box is counted before it is uncounted");
        if let (Reach::Serves, Some(vm)) = (reach, vm) {
            self.recompose(vm, service, version, change);
        }
        self.dirty_flow();
    }

    /// Moves a machine from the shape it had to the one it has now.
    fn recompose(&mut self, vm: VmId, service: ServiceId, version: Version, change: i32) {
        let Some(v) = self.vms.get_mut(vm) else { return };
        let mut composition = std::mem::take(&mut v.composition);
        let milli = v.cpu.as_milli();
        if !composition.is_empty() {
            let key = (milli, composition.clone());
            let count = self.shapes.get_mut(&key).expect("a composed machine has its shape");
            *count -= 1;
            if *count == 0 {
                self.shapes.remove(&key);
            }
        }
        match composition.binary_search_by_key(&(service, version), |e| (e.0, e.1)) {
            Ok(i) => {
                let n = i32::from(composition[i].2) + change;
                if n == 0 {
                    composition.remove(i);
                } else {
                    composition[i].2 = u16::try_from(n).expect("boxes on a machine fit 16 bits");
                }
            }
            Err(i) => {
                assert!(change > 0, "a box is counted before it is uncounted");
                composition.insert(i, (service, version, 1));
            }
        }
        if !composition.is_empty() {
            *self.shapes.entry((milli, composition.clone())).or_insert(0) += 1;
        }
        self.vms.get_mut(vm).expect("seen").composition = composition;
    }

    /// The flow has to be solved anew at the end of this instant.
    pub(super) fn dirty_flow(&mut self) {
        if !self.flow_dirty {
            self.flow_dirty = true;
            let now = self.scheduler.now();
            self.scheduler.at(now, Event::SolveFlow);
        }
    }

    pub(super) fn on_traffic_segment(&mut self) {
        let now = self.scheduler.now();
        let end = now + self.segment;
        for service in &mut self.services {
            service.flow.offered = service.curve.mean_rate(&self.calendar, now, end);
        }
        self.scheduler.at(end, Event::TrafficSegment);
        self.dirty_flow();
    }

    /// Closes the books of every service up to now, without changing a rate.
    pub(super) fn settle_flow(&mut self) {
        let now = self.scheduler.now();
        for i in 0..self.services.len() {
            if let Some(observation) = self.services[i].flow.settle(now) {
                self.observe(Observation::Flow(observation));
            }
        }
    }

    pub(super) fn on_solve_flow(&mut self) {
        self.flow_dirty = false;
        self.settle_flow();
        let mut classes = std::mem::take(&mut self.classes);
        self.classify(&mut classes);
        let now = self.scheduler.now();
        for (i, classes) in classes.iter().enumerate() {
            let service = &mut self.services[i];
            let problem = Problem {
                classes,
                work: service.work,
                latency_goal_s: service.parameters.latency_goal.as_secs_f64(),
                patience_s: service.parameters.timeout.as_secs_f64(),
                versions: &service.versions,
            };
            let flow = &mut service.flow;
            flow.solve(&problem, now);
            let turn = flow.next_turn(now);
            let wake = flow.wake(now);
            let failing = if flow.offered > 0.0 { flow.rates.failed() / flow.offered } else { 0.0 };
            self.schedule_turn(ServiceId(i as u16), turn);
            if let Some((at, event)) = wake {
                self.scheduler.at(at, Event::Platform(event));
            }
            self.tell_alert(ServiceId(i as u16), failing);
        }
        self.classes = classes;
    }

    fn schedule_turn(&mut self, service: ServiceId, turn: Option<SimTime>) {
        let new = turn.and_then(|at| self.schedule_fault(at, Event::BacklogTurns { service }));
        if let Some(old) = std::mem::replace(&mut self.services[service.index()].flow.turns, new) {
            self.scheduler.cancel(old);
        }
    }

    /// Boxes by service, version and the cores that each can use.
    fn classify(&self, classes: &mut Vec<Vec<Class>>) {
        classes.resize_with(self.services.len(), Vec::new);
        classes.iter_mut().for_each(Vec::clear);
        let mut claims = Vec::new();
        for ((milli, composition), &machines) in &self.shapes {
            let capacity = (f64::from(*milli) / 1_000.0 - self.machine_overhead.as_cpus_f64()).max(0.001);
            claims.clear();
            claims.extend(composition.iter().map(|&(service, _, boxes)| {
                let s = &self.services[service.index()];
                let demand = if s.flow.backlog > 0.0 {
                    f64::INFINITY
                } else {
                    s.flow.offered / s.flow.listed() * s.work.mean_s
                };
                Claim { boxes: f64::from(boxes), demand, weight: s.cpu_weight(), limit: s.cpu_limit() }
            }));
            let sharing = Sharing::solve(capacity, &claims);
            for (&(service, version, boxes), claim) in composition.iter().zip(&claims) {
                let boxes = f64::from(boxes) * f64::from(machines);
                let cores = sharing.available(claim);
                let of_service = &mut classes[service.index()];
                let alike = |c: &&mut Class| c.version == version && (c.cores / cores - 1.0).abs() < ALIKE;
                match of_service.iter_mut().find(alike) {
                    Some(class) => class.add(boxes, cores),
                    None => of_service.push(Class { version, cores, boxes }),
                }
            }
        }
    }
}

/// What [`Flow::solve`] needs to know of a service.
struct Problem<'a> {
    classes: &'a [Class],
    work: ServiceTime,
    latency_goal_s: f64,
    patience_s: f64,
    versions: &'a [Option<Defect>],
}

impl Flow {
    /// Closes the segment at `now`: moves the backlog, charges the meter.
    fn settle(&mut self, now: SimTime) -> Option<FlowObservation> {
        let dt = now.since(self.rates.from).as_secs_f64();
        if dt == 0.0 {
            return None;
        }
        let before = self.backlog;
        self.backlog = (before + self.backlog_slope * dt).clamp(0.0, self.backlog_limit.max(before));
        if self.backlog < 1e-6 {
            self.backlog = 0.0;
        }
        let wait = |backlog: f64| if self.backlog_drain > 0.0 { backlog / self.backlog_drain } else { 0.0 };
        let segment = FlowObservation {
            to: now,
            wait_from_s: wait(before),
            wait_to_s: wait(self.backlog),
            ..self.rates
        };
        let cores = self.rates.useful_cores + self.rates.wasted_cores;
        self.meter.add(now, cores * dt, self.metered_boxes * dt);
        self.rates.from = now;
        Some(segment)
    }

    /// Constant rates from `now` on, for the present boxes, traffic and backlog.
    fn solve(&mut self, p: &Problem, now: SimTime) {
        let (offered, listed) = (self.offered, self.listed());
        self.metered_boxes = f64::from(self.serving);
        let mut rates =
            FlowObservation { service: self.rates.service, ..Flow::new(self.rates.service).rates };
        (rates.from, rates.to, rates.offered) = (now, now, offered);
        (self.backlog_slope, self.backlog_limit, self.backlog_drain, self.response_s) = (0.0, 0.0, 0.0, 0.0);
        if self.serving == 0 {
            // Nobody to serve: a route without boxes fails at once, and a backlog has nobody to wait for.
            (rates.to_dead_boxes, self.backlog) = (offered, 0.0);
            self.rates = rates;
            return;
        }
        let per_box = offered / listed;
        rates.to_dead_boxes = per_box * f64::from(self.refusing + self.silent);
        let hot = self.find_backlog(p, per_box);
        let wait_s = if self.backlog_drain > 0.0 { self.backlog / self.backlog_drain } else { 0.0 };
        let total_boxes = f64::from(self.serving);
        for class in p.classes {
            let utilization = per_box * p.work.mean_s / class.cores;
            let is_hot = hot.includes(utilization);
            let (arrivals, wait_s) = if is_hot {
                (class.boxes * class.cores / p.work.mean_s, wait_s)
            } else {
                (class.boxes * per_box, 0.0)
            };
            let slow =
                slowdown(self.balancing, total_boxes, class.cores, if is_hot { 0.0 } else { utilization });
            self.response_s += class.boxes / total_boxes * (slow * p.work.mean_s);
            let in_time = p.work.cdf((p.patience_s - wait_s) / slow);
            let within_goal = p.work.cdf((p.latency_goal_s - wait_s) / slow);
            let errors = p.versions[class.version.0 as usize].map_or(0.0, Defect::error_share);
            let served = arrivals * in_time * (1.0 - errors);
            rates.served += served;
            rates.errors += arrivals * in_time * errors;
            rates.late += arrivals * (1.0 - in_time);
            rates.slow += served * (1.0 - within_goal / in_time.max(1e-12)).max(0.0);
            rates.useful_cores += served * p.work.mean_s;
            rates.wasted_cores += (arrivals - served) * p.work.mean_s;
            add_latency(&mut rates.latency, served, slow);
        }
        // What flows into a full backlog beyond what it drains is given up.
        if self.backlog_slope > 0.0 && self.backlog >= self.backlog_limit {
            rates.late += self.backlog_slope;
            self.backlog_slope = 0.0;
        }
        self.rates = rates;
    }

    /// Which boxes have a backlog, and how it moves: those with more work than capacity, or, while an earlier
    /// backlog drains, all of them.
    fn find_backlog(&mut self, p: &Problem, per_box: f64) -> Hot {
        let over = |c: &&Class| per_box * p.work.mean_s / c.cores >= STATIONARY_MAX;
        let any_over = p.classes.iter().any(|c| over(&c));
        let hot = match (any_over, self.backlog > 0.0) {
            (true, _) => Hot::Overloaded,
            (false, true) => Hot::All,
            (false, false) => return Hot::None,
        };
        let (mut inflow, mut drain) = (0.0, 0.0);
        for c in p.classes.iter().filter(|c| hot == Hot::All || over(c)) {
            inflow += c.boxes * per_box;
            drain += c.boxes * c.cores / p.work.mean_s;
        }
        if inflow <= drain && self.backlog <= 0.0 {
            return Hot::None; // between 99.5 % and 100 %
        }
        // A caller waits as long as its patience, less the time its request then needs.
        let longest_wait = (p.patience_s - 2.0 * p.work.mean_s).max(p.patience_s / 2.0);
        self.backlog_limit = longest_wait * drain;
        self.backlog = self.backlog.min(self.backlog_limit);
        self.backlog_drain = drain;
        self.backlog_slope = inflow - drain;
        hot
    }

    /// When somebody has to look at the CPU readings again, if they change.
    fn wake(&mut self, now: SimTime) -> Option<(SimTime, PlatformEvent)> {
        let load = (self.rates.useful_cores + self.rates.wasted_cores, self.metered_boxes);
        let waker = self.waker.as_mut()?;
        Some((waker.notice(load, now)?, waker.event))
    }

    /// When the backlog is empty or full, if it is on its way there.
    fn next_turn(&self, now: SimTime) -> Option<SimTime> {
        let way = if self.backlog_slope > 0.0 { self.backlog_limit - self.backlog } else { -self.backlog };
        if self.backlog_slope == 0.0 || way == 0.0 {
            return None;
        }
        // Rounded up, so that the turn is not missed by a microsecond.
        Some(now + SimDuration::from_secs_f64(way / self.backlog_slope) + SimDuration::from_micros(1))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Hot {
    None,
    Overloaded,
    All,
}

impl Hot {
    fn includes(self, utilization: f64) -> bool {
        match self {
            Hot::None => false,
            Hot::Overloaded => utilization >= STATIONARY_MAX,
            Hot::All => true,
        }
    }
}

/// Adds a class, or merges it into the one with the nearest slowdown.
fn add_latency(classes: &mut [(f64, f64); LATENCY_CLASSES], rate: f64, slow: f64) {
    if rate <= 0.0 {
        return;
    }
    if let Some(free) = classes.iter_mut().find(|c| c.0 == 0.0 || (c.1 - slow).abs() < 1e-9) {
        free.1 = slow;
        free.0 += rate;
        return;
    }
    let distance = |c: &(f64, f64)| (c.1.ln() - slow.ln()).abs();
    let nearest =
        classes.iter_mut().min_by(|a, b| distance(a).total_cmp(&distance(b))).expect("there are classes");
    nearest.1 = (nearest.0 * nearest.1 + rate * slow) / (nearest.0 + rate);
    nearest.0 += rate;
}

/// What a metrics pipeline reads of a service's boxes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuReading {
    /// Mean CPU used by all of them [cores].
    pub cores: f64,
    /// Mean number of boxes that served.
    pub boxes: f64,
}

/// Integrals of CPU and serving boxes, kept for as long as somebody may look back.
#[derive(Clone, Debug, Default)]
struct CpuMeter {
    /// (until, core-seconds, box-seconds), all since the start.
    points: VecDeque<(SimTime, f64, f64)>,
}

/// How far back a reading may reach.
const METER_MEMORY: SimDuration = SimDuration::from_hours(1);

impl CpuMeter {
    fn add(&mut self, until: SimTime, core_s: f64, box_s: f64) {
        let (_, cores, boxes) = self.points.back().copied().unwrap_or_default();
        self.points.push_back((until, cores + core_s, boxes + box_s));
        while self.points.get(1).is_some_and(|p| p.0 + METER_MEMORY < until) {
            self.points.pop_front();
        }
    }

    /// Means over `window` before `end`; `None` before there is anything to read.
    fn read(
        &self,
        end: SimTime,
        window: SimDuration,
        now: &FlowObservation,
        serving: f64,
    ) -> Option<CpuReading> {
        if window.is_zero() || end.as_micros() < window.as_micros() {
            return None;
        }
        let at = |t: SimTime| self.integral(t, now, serving);
        let ((c1, b1), (c0, b0)) = (at(end), at(end - window));
        let seconds = window.as_secs_f64();
        Some(CpuReading { cores: (c1 - c0) / seconds, boxes: (b1 - b0) / seconds })
    }

    /// Integrals up to `t`; after the last point the present rates hold.
    fn integral(&self, t: SimTime, now: &FlowObservation, serving: f64) -> (f64, f64) {
        let after = self.points.partition_point(|p| p.0 < t);
        let before = after.checked_sub(1).map(|i| self.points[i]).unwrap_or_default();
        let since = t.saturating_since(before.0).as_secs_f64();
        match self.points.get(after) {
            Some(next) => {
                let share = since / next.0.since(before.0).as_secs_f64().max(1e-9);
                (before.1 + share * (next.1 - before.1), before.2 + share * (next.2 - before.2))
            }
            None => {
                let cores = now.useful_cores + now.wasted_cores;
                (before.1 + cores * since, before.2 + serving * since)
            }
        }
    }
}

impl Defect {
    /// Share of requests that a box with this defect answers with an error.
    pub(super) fn error_share(self) -> f64 {
        match self {
            Defect::FailsToStart => 0.0,
            Defect::Errors { share } => share,
        }
    }
}
