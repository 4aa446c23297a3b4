//! Requests as a flow: what becomes of a service's requests while nothing changes.
//!
//! Between two events all rates and capacities are constant, so the served rate, failures, slowdown and crowding of a
//! service follow in closed form. A change of traffic, capacity or routing marks the flow as dirty; at the end of
//! the instant those services are solved anew whose boxes, cores or callers changed. Boxes that are alike are solved
//! once, so the cost does not grow with the fleet.
//!
//! Callers spread their attempts over the boxes they know, by the policy of the route. A box is a
//! [`Station`](super::queueing::Station); below 98 % it is taken to be in its stationary state, above that, and while a
//! crowd drains, its requests inside are followed in time ([`solution`]). Attempts that fail may be repeated ([`retry`]).
//! [`shapes`] tells how many cores each box can use, [`classes`] which boxes are alike, [`meter`] what autoscalers read.
//!
//! *Deviation:* the crowd of an overload is shared by all overloaded boxes of a service, and stays with those that
//! remain when one leaves in an orderly way. Policies that see how busy boxes are give unequal boxes shares between
//! equal ones (idle) and shares by capacity (busy).
//! Start at [`World::on_solve_flow`], then [`Flow::solve`].

mod access_log;
mod classes;
mod meter;
mod retry;
mod route;
mod shapes;
mod solution;
mod tenancy;

pub(super) use access_log::AccessLog;
pub use access_log::LogCounts;
pub(super) use classes::Classes;
use classes::{Class, Summary};
pub use meter::CpuReading;
pub(super) use meter::LoadWaker;
pub(super) use retry::RetryRules;
pub use route::MOST_GROUPS;
pub(super) use route::{Audience, Route};
pub(super) use shapes::{ShapeId, Shapes};
pub(super) use tenancy::Tenancy;

use super::event::Event;
use super::ids::ServiceId;
use super::observation::{FlowObservation, Observation};
use super::queueing::{Balancing, Manners, ServiceTime};
use super::release::Defect;
use super::service::Service;
use super::{FailureShares, World};
use crate::engine::{EventHandle, SimDuration, SimTime};
use meter::CpuMeter;
use retry::Retries;
use solution::Problem;

/// The flow of one service.
#[derive(Clone, Debug)]
pub(super) struct Flow {
    /// Requests that callers send for the first time [1/s].
    pub offered: f64,
    pub balancing: Balancing,
    pub route: Route,
    retries: Retries,
    /// Requests inside the boxes that serve.
    inside: f64,
    crowd: Option<Crowd>,
    /// Requests of the crowd that were lost with their box since the segment began.
    lost: f64,
    turns: Option<EventHandle>,
    /// When that is.
    turns_at: Option<SimTime>,
    /// CPU that each serving box wants [cores]; infinite while it has more to do than it can.
    demand_per_box: f64,
    /// CPU in use, where requests are counted one by one.
    measured_cores: Option<f64>,
    /// What the rates below were solved for.
    solved_for: Option<(f64, Balancing, Route)>,
    boxes: Summary,
    rates: FlowObservation,
    meter: CpuMeter,
    /// Who wants to know when readings change.
    pub waker: Option<LoadWaker>,
    /// Kept while somebody compares versions.
    pub log: Option<Box<AccessLog>>,
}

/// Boxes with more to do than they can, or that just had.
#[derive(Clone, Copy, Debug)]
struct Crowd {
    /// Requests inside them, as of the beginning of the segment.
    inside: f64,
    /// How that changes [1/s].
    slope: f64,
    /// How long the present segment is good [s], if it moves.
    step_s: Option<f64>,
}

/// What the flow of a service follows, beside its boxes.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub work: ServiceTime,
    pub goal_s: f64,
    pub manners: Manners,
    pub retry: RetryRules,
}

/// Requests in a box, where they are followed one by one, from which on it claims all CPU that it can get.
const CROWD_ONE_BY_ONE: f64 = 20.0;

impl Flow {
    pub(super) fn new(service: ServiceId) -> Flow {
        Flow {
            offered: 0.0,
            balancing: Balancing::RoundRobin,
            route: Route::default(),
            retries: Retries::default(),
            inside: 0.0,
            crowd: None,
            lost: 0.0,
            turns: None,
            turns_at: None,
            demand_per_box: 0.0,
            measured_cores: None,
            solved_for: None,
            boxes: Summary::default(),
            rates: FlowObservation::empty(service),
            meter: CpuMeter::default(),
            waker: None,
            log: None,
        }
    }

    /// Somebody wants to know more than the last solution said.
    pub(super) fn solve_again(&mut self) {
        self.solved_for = None;
    }

    /// Requests inside one of the serving boxes, which is about to stop at once: they are lost. Returns those that
    /// count as served already.
    pub(super) fn lose_in_flight(&mut self, audience: Audience) -> f64 {
        if self.route.any.serving == 0 {
            return 0.0;
        }
        let lost = self.in_flight_of(audience);
        match &mut self.crowd {
            // Of a crowd, requests count when they leave.
            Some(crowd) => {
                let lost = crowd.inside / f64::from(self.route.any.serving);
                crowd.inside -= lost;
                self.lost += lost;
                0.0
            }
            None => lost,
        }
    }

    #[cfg(test)]
    pub(super) fn inside(&self) -> f64 {
        self.inside
    }

    /// Requests inside a serving box with this audience.
    pub(super) fn in_flight_of(&self, audience: Audience) -> f64 {
        self.route.inside_one(audience, self.inside)
    }

    /// Boxes that callers send to.
    pub(super) fn listed(&self) -> u32 {
        self.route.any.listed()
    }

    /// Attempts per second at each of them, on average.
    pub(super) fn attempts_per_box(&self) -> f64 {
        (self.offered + self.retries.rate.total()) / f64::from(self.listed()).max(1.0)
    }

    pub(super) fn failures(&self) -> FailureShares {
        let share = |rate: f64| if self.rates.offered > 0.0 { rate / self.rates.offered } else { 0.0 };
        FailureShares {
            unanswered: share(self.rates.to_dead_boxes),
            errors: share(self.rates.errors),
            late: share(self.rates.late),
        }
    }

    /// Requests that fail now [1/s].
    pub(super) fn failing(&self) -> f64 {
        self.rates.failed()
    }

    pub(super) fn cpu(&self, end: SimTime, window: SimDuration) -> Option<CpuReading> {
        self.meter.read(end, window, self.load())
    }

    fn load(&self) -> CpuReading {
        let cores = self.measured_cores.unwrap_or(self.rates.useful_cores + self.rates.wasted_cores);
        CpuReading { cores, boxes: self.rates.boxes }
    }

    /// Requests are counted elsewhere from now on, or here again: nobody is inside.
    pub(super) fn stand_still(&mut self, now: SimTime) {
        (self.inside, self.crowd, self.solved_for, self.measured_cores) = (0.0, None, None, None);
        self.retries = Retries::default();
        self.rates = FlowObservation::empty(self.rates.service);
        self.rates.from = now;
    }

    /// What was counted elsewhere since the last time, and the CPU in use meanwhile [cores].
    pub(super) fn measured(&mut self, rates: &FlowObservation, cores: f64) {
        self.measured_cores = Some(cores);
        self.rates = *rates;
        self.rates.from = rates.to;
        self.meter.add(rates.to, rates.seconds(), self.load());
    }
}

impl World {
    /// The flow has to be solved anew at the end of this instant.
    pub(super) fn dirty_flow(&mut self) {
        if !self.flow_dirty {
            self.flow_dirty = true;
            let now = self.scheduler.now();
            self.scheduler.at(now, Event::SolveFlow);
        }
    }

    pub(super) fn on_traffic_segment(&mut self) {
        let (now, calendar) = (self.scheduler.now(), &self.calendar);
        let mut next = now.next_tick(SimTime::ZERO, self.segment);
        for service in &mut self.services {
            // A service with many breaks does not cut the segments of the others.
            if service.segment_end <= now {
                let end = service.demand.segment_end(calendar, now, self.segment);
                service.flow.offered = service.demand.mean_rate(calendar, now, end);
                service.segment_end = end;
                service.flow.retries.disturb();
            }
            next = next.min(service.segment_end);
        }
        self.scheduler.at(next, Event::TrafficSegment);
        self.dirty_flow();
    }

    /// Closes the books of every service up to now, without changing a rate.
    pub(super) fn settle_flow(&mut self) {
        for i in 0..self.services.len() {
            self.settle_service(i);
        }
    }

    pub(super) fn settle_service(&mut self, i: usize) {
        let now = self.scheduler.now();
        let one_by_one = self.services[i].requests.is_some();
        let segment = if one_by_one { self.state_requests(i) } else { self.services[i].flow.settle(now) };
        if let Some(observation) = segment {
            self.observe(Observation::Flow(observation));
        }
    }

    /// Tells those who watch a service's CPU use and failures what they are now.
    pub(super) fn tell_load(&mut self, i: usize) {
        let now = self.scheduler.now();
        let flow = &mut self.services[i].flow;
        let wake = flow.wake(now);
        let failing = if flow.offered > 0.0 { flow.rates.failed() / flow.offered } else { 0.0 };
        if let Some((at, event)) = wake {
            self.scheduler.at(at, Event::Platform(event));
        }
        let failed = self.services[i].flow.failing();
        self.tell_alert(ServiceId(i as u16), failing);
        self.tell_ear(ServiceId(i as u16), failed);
    }

    pub(super) fn on_solve_flow(&mut self) {
        self.flow_dirty = false;
        let now = self.scheduler.now();
        for service in &mut self.services {
            let one_by_one = service.requests.as_ref().map(|r| r.total_inside() as f64);
            service.flow.prepare(&service.rules, one_by_one, now);
        }
        self.classify();
        let mut classes = std::mem::take(&mut self.classes);
        for (i, classes) in classes.0.iter_mut().enumerate() {
            let regrouped = std::mem::take(&mut classes.changed);
            let classes = classes.list();
            if self.services[i].requests.is_some() {
                self.update_stations(i);
                continue;
            }
            let Service { flow, rules, .. } = &self.services[i];
            if flow.still_holds(now) && (!regrouped || flow.has_such_boxes(classes, rules)) {
                continue;
            }
            self.settle_service(i);
            let Service { flow, rules, versions, .. } = &mut self.services[i];
            let crowded = flow.crowd.is_some();
            let long = flow.retries.rate.long / (flow.offered + flow.retries.rate.total()).max(1e-12);
            flow.solve(&Problem { classes, rules, versions, long }, now);
            // Who is crowded claims all the CPU there is: its neighbours feel that a moment later.
            let felt = (flow.crowd.is_some() != crowded).then(|| now + SimDuration::from_secs(1));
            let turn = flow.next_turn(now).into_iter().chain(felt).min();
            self.schedule_turn(ServiceId(i as u16), turn);
            self.tell_load(i);
        }
        self.classes = classes;
    }

    fn schedule_turn(&mut self, service: ServiceId, turn: Option<SimTime>) {
        self.services[service.index()].flow.turns_at = turn;
        let new = turn.and_then(|at| self.schedule_fault(at, Event::FlowTurns { service }));
        if let Some(old) = std::mem::replace(&mut self.services[service.index()].flow.turns, new) {
            self.scheduler.cancel(old);
        }
    }
}

impl Flow {
    /// Closes the segment at `now`: moves the crowd, charges the meter.
    fn settle(&mut self, now: SimTime) -> Option<FlowObservation> {
        let dt = now.since(self.rates.from).as_secs_f64();
        if dt == 0.0 {
            return None;
        }
        if let Some(crowd) = &mut self.crowd {
            let moved = crowd.slope * dt;
            crowd.inside = (crowd.inside + moved).max(0.0);
            self.inside = (self.inside + moved).max(0.0);
        }
        self.meter.add(now, dt, self.load());
        if let Some(log) = &mut self.log {
            log.pass(dt);
        }
        let to_dead_boxes = self.rates.to_dead_boxes + std::mem::take(&mut self.lost) / dt;
        let segment = FlowObservation { to: now, to_dead_boxes, ..self.rates };
        self.rates.from = now;
        Some(segment)
    }

    /// Retries that are due begin; what each box wants follows from the attempts.
    fn prepare(&mut self, rules: &Rules, one_by_one: Option<f64>, now: SimTime) {
        self.retries.advance(now);
        let crowded = match one_by_one {
            Some(inside) => inside > CROWD_ONE_BY_ONE * f64::from(self.route.any.serving),
            None => self.crowd.is_some(),
        };
        let per_box = self.attempts_per_box();
        self.demand_per_box = if crowded { f64::INFINITY } else { per_box * rules.work.mean_s };
    }

    /// Whether nothing but the boxes may have changed since the last solution that would change it.
    fn still_holds(&self, now: SimTime) -> bool {
        // What others do does not cut the step of a crowd short.
        let at_rest = self.crowd.is_none_or(|c| c.step_s.is_none()) && self.retries.is_settled();
        (at_rest || self.turns_at.is_some_and(|at| now < at))
            && self.solved_for == Some((self.offered + self.retries.rate.total(), self.balancing, self.route))
    }

    /// Whether these boxes are as good as those of the last solution.
    fn has_such_boxes(&self, classes: &[Class], rules: &Rules) -> bool {
        let used = (self.offered + self.retries.rate.total()) * rules.work.mean_s;
        self.boxes.is_still(&Summary::of(classes), self.boxes.load(used))
    }

    /// When somebody has to look at the CPU readings again, if they change.
    fn wake(&mut self, now: SimTime) -> Option<(SimTime, super::PlatformEvent)> {
        let load = self.load();
        let waker = self.waker.as_mut()?;
        Some((waker.notice(load, now)?, waker.event))
    }

    /// When the crowd has moved so far that rates change, or retries begin.
    fn next_turn(&self, now: SimTime) -> Option<SimTime> {
        let step = self.crowd.and_then(|c| c.step_s);
        // Rounded up, so that the turn is not missed by a microsecond.
        let moved = step.map(|s| now + SimDuration::from_secs_f64(s) + SimDuration::from_micros(1));
        moved.into_iter().chain(self.retries.due()).min()
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
