//! Requests as a flow: what becomes of a service's requests while nothing changes.
//!
//! Between two events all rates and capacities are constant, so the served rate, failures, slowdown and crowding of a
//! service follow in closed form. A change of traffic, capacity or routing marks the flow as dirty; at the end of
//! the instant those services are solved anew whose boxes, cores or callers changed. Boxes that are alike are solved
//! once, so the cost does not grow with the fleet.
//!
//! Callers spread their attempts over the boxes they know, by the policy of the route. A box is a [`Station`]; below
//! 98 % it is taken to be in its stationary state, above that, and while a crowd drains, its requests inside are
//! followed in time. Attempts that fail may be repeated ([`retry`]). [`shapes`] tells how many cores each box can
//! use, [`meter`] what autoscalers read.
//!
//! *Deviation:* the crowd of an overload is shared by all overloaded boxes of a service, and stays with those that
//! remain when one leaves in an orderly way. Policies that see how busy boxes are give unequal boxes shares between
//! equal ones (idle) and shares by capacity (busy).
//! Start at [`World::on_solve_flow`], then [`Flow::solve`].

mod access_log;
mod meter;
mod retry;
mod route;
mod shapes;
mod tenancy;

pub(super) use access_log::AccessLog;
pub use access_log::LogCounts;
pub use meter::CpuReading;
pub(super) use meter::LoadWaker;
pub(super) use retry::RetryRules;
pub use route::MOST_GROUPS;
pub(super) use route::{Audience, Route};
use shapes::{Class, Summary};
pub(super) use shapes::{Classes, ShapeId, Shapes};
pub(super) use tenancy::Tenancy;

use super::event::Event;
use super::ids::{ServiceId, Version};
use super::observation::{FlowObservation, LatencyClass, Observation};
use super::queueing::{Balancing, Manners, Point, ServiceTime, Station};
use super::release::{Defect, Versions};
use super::service::Service;
use super::{FailureShares, World};
use crate::engine::{EventHandle, SimDuration, SimTime};
use meter::CpuMeter;
use retry::{Failures, Retries};

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

/// From this utilization on boxes are followed in time: their stationary state takes long to come about.
const CROWDED: f64 = 0.98;

/// Requests in a box, where they are followed one by one, from which on it claims all CPU that it can get.
const CROWD_ONE_BY_ONE: f64 = 20.0;

/// A crowd this close to its balance is there.
const BALANCED: f64 = 0.02;

/// Steps are at least as large as what arrives in this time [s].
const LEAST_STEP_S: f64 = 0.25;

/// A balance that comes about within this time comes about at once [s].
const AT_ONCE_S: f64 = 0.2;

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

/// What [`Flow::solve`] needs to know of a service.
struct Problem<'a> {
    classes: &'a [Class],
    rules: &'a Rules,
    versions: &'a Versions,
    /// Share of the attempts that are retries of requests that took too long.
    long: f64,
}

impl Problem<'_> {
    fn station(&self, balancing: Balancing, boxes: f64, class: &Class) -> Station<'_> {
        Station {
            manners: &self.rules.manners,
            balancing,
            boxes,
            cores: class.cores,
            work: self.rules.work.scaled(class.slowness),
            long: self.long,
            fluid: false,
        }
    }

    fn error_share(&self, version: Version) -> f64 {
        self.versions.defect(version).map_or(0.0, Defect::error_share)
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

    /// Constant rates from `now` on, for the present boxes, traffic and crowd.
    fn solve(&mut self, p: &Problem, now: SimTime) {
        let attempts = self.offered + self.retries.rate.total();
        self.solved_for = Some((attempts, self.balancing, self.route));
        self.boxes = Summary::of(p.classes);
        let mut rates = FlowObservation::empty(self.rates.service);
        (rates.from, rates.to, rates.offered) = (now, now, self.offered);
        rates.boxes = f64::from(self.route.any.serving);
        let before = std::mem::take(&mut self.inside);
        let (in_vain, unanswered) = self.route.in_vain(attempts);
        let mut lost = Lost { unanswered, ..Lost::default() };
        if !self.route.is_served() {
            // Nobody to serve: a route without boxes fails at once, and nobody is inside.
            rates.to_dead_boxes = attempts;
            if let Some(log) = &mut self.log {
                log.clear_rates();
            }
            self.lost += self.crowd.take().map_or(0.0, |c| c.inside);
        } else {
            rates.to_dead_boxes = in_vain;
            self.serve(p, attempts, before, &mut rates, &mut lost);
        }
        self.repeat(p.rules, attempts, &lost, &mut rates, now);
        self.rates = rates;
    }

    /// What the serving boxes make of their part of the attempts [1/s]; `before` requests were inside so far.
    fn serve(
        &mut self,
        p: &Problem,
        attempts: f64,
        before: f64,
        rates: &mut FlowObservation,
        lost: &mut Lost,
    ) {
        let boxes = rates.boxes;
        let mut log = self.log.take();
        if let Some(log) = &mut log {
            log.clear_rates();
        }
        let mut in_crowd = Vec::new();
        let arrivals = spread(self.balancing, p, &self.route, attempts);
        let moving = self.crowd.is_some_and(|c| c.step_s.is_some());
        let mut crowded = Crowded::default();
        for (class, arrivals) in p.classes.iter().zip(arrivals) {
            let errors = p.error_share(class.version);
            let station = p.station(self.balancing, boxes, class);
            let load = station.load(arrivals);
            if moving || load >= CROWDED {
                crowded.add(class, arrivals, errors);
                if log.is_some() {
                    in_crowd.push((*class, arrivals, errors));
                }
                continue;
            }
            let mut point = station.at_ease(arrivals);
            let mut in_time = station.in_time(&point);
            if p.long > 0.0 || in_time < 0.999 {
                // Impatience lightens the load, long requests that come again weigh on it.
                point = station.equilibrium(arrivals);
                in_time = station.in_time(&point);
            }
            let served =
                Served { boxes: class.boxes, leaving: arrivals, errors, slowness: class.slowness, in_time };
            self.inside += class.boxes * point.inside;
            let before = log.as_ref().map(|_| *rates);
            served.book(&station, &point, p.rules, rates, lost);
            if let (Some(log), Some(before)) = (&mut log, before) {
                log.add(class.version, &before, rates);
            }
        }
        if crowded.boxes == 0.0 {
            (self.crowd, self.log) = (None, log);
            return;
        }
        let inside = self.crowd.map_or(before * crowded.boxes / boxes, |c| c.inside);
        let class = crowded.class();
        let arrivals = crowded.arrivals / crowded.boxes;
        let mut station = p.station(self.balancing, boxes, &class);
        station.fluid = station.load(arrivals) >= 1.0;
        let (crowd, point) = step(&mut station, crowded.boxes, arrivals, inside);
        let (errors, slowness) = (crowded.errors / crowded.arrivals.max(1e-12), class.slowness);
        let served = Served {
            boxes: crowded.boxes,
            leaving: point.outflow,
            errors,
            slowness,
            in_time: station.in_time(&point),
        };
        let before_crowd = log.as_ref().map(|_| *rates);
        if crowd.step_s.is_none() {
            // What a full box refuses.
            lost.refused = crowded.boxes * (arrivals - point.outflow).max(0.0);
            rates.late += lost.refused;
        }
        served.book(&station, &point, p.rules, rates, lost);
        if let (Some(log), Some(before)) = (&mut log, before_crowd) {
            log.add_crowd(&in_crowd, &before, rates);
        }
        self.inside += crowd.inside;
        (self.crowd, self.log) = (Some(crowd), log);
    }

    /// Counts failures that are tried again as not failed yet, and the successes of retries as later.
    fn repeat(
        &mut self,
        rules: &Rules,
        attempts: f64,
        lost: &Lost,
        rates: &mut FlowObservation,
        now: SimTime,
    ) {
        let unlucky = rates.to_dead_boxes + rates.errors + lost.refused;
        let f = Failures {
            offered: self.offered,
            attempts,
            told: unlucky - lost.unanswered,
            unanswered: lost.unanswered,
            late: lost.late,
            late_again: lost.late_again(),
        };
        let (rate, patience_s) = (self.retries.rate, rules.manners.patience_s);
        let repeated = self.retries.after(&rules.retry, &f, patience_s, now);
        if repeated.unlucky > 0.0 {
            let keep = (1.0 - repeated.unlucky / unlucky).max(0.0);
            rates.to_dead_boxes *= keep;
            rates.errors *= keep;
            rates.late -= (1.0 - keep) * lost.refused;
        }
        if repeated.long > 0.0 {
            rates.late -= repeated.long.min(lost.late);
        }
        if rate.total() > 0.0 && rates.served > 0.0 {
            let unlucky = rate.unlucky / (self.offered + rate.unlucky);
            rates.delay(
                unlucky * (1.0 - lost.long_served / rates.served),
                self.retries.unlucky_delay_s,
                rules.goal_s,
            );
            rates.delay(lost.long_served / rates.served, patience_s + rules.retry.backoff_s, rules.goal_s);
        }
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

/// Of so many attempts in all [1/s], those at one box of each class.
fn spread(balancing: Balancing, p: &Problem, route: &Route, attempts: f64) -> Vec<f64> {
    if !balancing.adapts() || p.classes.len() < 2 {
        return p.classes.iter().map(|c| route.at_box(c.audience, attempts)).collect();
    }
    let mut arrivals = vec![0.0; p.classes.len()];
    for (group, of_group, list) in route.lists(attempts) {
        let on_list: Vec<usize> =
            (0..p.classes.len()).filter(|&i| p.classes[i].audience.has(group)).collect();
        let per_box = of_group / f64::from(list.listed()).max(1.0);
        let shares = spread_over(balancing, p, &on_list, (per_box, of_group / attempts));
        on_list.iter().zip(shares).for_each(|(&i, share)| arrivals[i] += share);
    }
    arrivals
}

/// The same for callers who have these classes on their list and send `per_box` to each box, if all send alike; their
/// share of the callers tells how busy they find the boxes.
fn spread_over(
    balancing: Balancing,
    p: &Problem,
    on_list: &[usize],
    (per_box, callers): (f64, f64),
) -> Vec<f64> {
    let mut arrivals = vec![per_box; on_list.len()];
    if on_list.len() < 2 {
        return arrivals;
    }
    let classes: Vec<&Class> = on_list.iter().map(|&i| &p.classes[i]).collect();
    let capacity = |c: &Class| p.station(balancing, 1.0, c).usable() / c.slowness;
    let boxes: f64 = classes.iter().map(|c| c.boxes).sum();
    let total: f64 = classes.iter().map(|c| c.boxes * capacity(c)).sum();
    let busy = (per_box / callers * boxes * p.rules.work.mean_s / total).min(1.0);
    for (share, class) in arrivals.iter_mut().zip(&classes) {
        let by_capacity = per_box * boxes * capacity(class) / total;
        *share = per_box + busy * (by_capacity - per_box);
    }
    if balancing == Balancing::PowerOfTwo {
        // Both of two random boxes are among the slowest share a of boxes with probability a²: these get that much.
        let mut order: Vec<usize> = (0..classes.len()).collect();
        order.sort_by(|&a, &b| capacity(classes[a]).total_cmp(&capacity(classes[b])));
        let (mut slow, mut given) = (0.0, 0.0);
        for i in order {
            let class = classes[i];
            slow += class.boxes / boxes;
            let least = per_box * boxes * slow * slow - given;
            let share = (arrivals[i] * class.boxes).max(least);
            let left = per_box * boxes - given;
            arrivals[i] = share.min(left) / class.boxes;
            given += share.min(left);
        }
        // What is left over goes to the fastest.
    }
    arrivals
}

/// Crowded classes of a service, taken together.
#[derive(Clone, Copy, Debug, Default)]
struct Crowded {
    boxes: f64,
    /// Sums over boxes.
    cores: f64,
    slowness: f64,
    arrivals: f64,
    /// Errors among the arrivals [1/s].
    errors: f64,
}

impl Crowded {
    fn add(&mut self, class: &Class, arrivals: f64, errors: f64) {
        self.boxes += class.boxes;
        self.cores += class.boxes * class.cores;
        self.slowness += class.boxes * class.slowness;
        self.arrivals += class.boxes * arrivals;
        self.errors += class.boxes * arrivals * errors;
    }

    /// The mean box.
    fn class(&self) -> Class {
        let mean = |sum: f64| sum / self.boxes;
        Class::mean(mean(self.cores), mean(self.slowness), self.boxes)
    }
}

/// Moves a crowd of `inside` requests in `boxes` alike a part of the way to its balance, at the speed of the middle of
/// that part; or finds it there. Parts are at most a quarter of what is left and an eighth of what is inside, but not tiny.
fn step(station: &mut Station, boxes: f64, arrivals: f64, inside: f64) -> (Crowd, Point) {
    let balance = station.equilibrium(arrivals);
    let target = boxes * balance.inside;
    let inside = inside.min(boxes * station.manners.hold);
    let left = target - inside;
    let way = left.signum() * (left.abs() / 4.0).min((inside / 8.0).max(boxes * arrivals * LEAST_STEP_S));
    // More inside than belongs there: nobody meets an empty box.
    let fluid = station.fluid || inside > 2.0 * target;
    let middle = Station { fluid, ..*station }.holding((inside + way / 2.0) / boxes);
    let slope = boxes * (arrivals - middle.outflow);
    let there = left.abs() <= BALANCED * target || left * slope <= 0.0 || left / slope <= AT_ONCE_S;
    if there {
        (Crowd { inside: target, slope: 0.0, step_s: None }, balance)
    } else {
        station.fluid = fluid;
        (Crowd { inside, slope, step_s: Some(way / slope) }, middle)
    }
}

/// Attempts that fail in or before the boxes, by how they do [1/s].
#[derive(Clone, Copy, Debug, Default)]
struct Lost {
    unanswered: f64,
    refused: f64,
    late: f64,
    /// Of the late ones, those that would be late again.
    late_again: f64,
    /// Answered, having been too late before.
    long_served: f64,
}

impl Lost {
    fn late_again(&self) -> f64 {
        if self.late > 0.0 { self.late_again / self.late } else { 0.0 }
    }
}

/// Requests that leave boxes alike.
#[derive(Clone, Copy, Debug)]
struct Served {
    boxes: f64,
    /// From each box [1/s].
    leaving: f64,
    errors: f64,
    slowness: f64,
    /// Share of first attempts that are done within the callers' patience.
    in_time: f64,
}

impl Served {
    fn book(
        &self,
        station: &Station,
        point: &Point,
        rules: &Rules,
        rates: &mut FlowObservation,
        lost: &mut Lost,
    ) {
        let first = self.boxes * self.leaving * (1.0 - station.long);
        let long = self.boxes * self.leaving * station.long;
        let in_time = self.in_time;
        let blurred = station.work.blurred(point.spread);
        let within_goal = point.over_line(|w| blurred.cdf((rules.goal_s - w) / point.slowdown));
        let tries_again = rules.retry.attempts > 0 && in_time < 1.0;
        let late_again = if tries_again { station.late_again(point, 1.0 - in_time) } else { 0.0 };
        let long_served = long * (1.0 - late_again) * (1.0 - self.errors);
        let served = first * in_time * (1.0 - self.errors) + long_served;
        let late = first * (1.0 - in_time) + long * late_again;
        lost.long_served += long_served;
        lost.late_again += late * late_again;
        lost.late += late;
        rates.served += served;
        rates.errors += (first * in_time + long * (1.0 - late_again)) * self.errors;
        rates.late += late;
        rates.slow += served * (1.0 - within_goal / in_time.max(1e-12)).clamp(0.0, 1.0);
        let longest = point.work_within(rules.manners.patience_s);
        let answered = if in_time < 1.0 { station.work.mean_below(longest) } else { station.work.mean_s };
        let useful_first = first * (1.0 - self.errors) * answered;
        let useful = (useful_first + long_served * station.long_s(point)) / self.slowness;
        let busy = self.boxes * point.busy;
        rates.useful_cores += useful.min(busy);
        rates.wasted_cores += (busy - useful).max(0.0);
        let alike = point.in_line >= 1.0;
        rates.add_latency(LatencyClass {
            rate: served,
            slowdown: point.slowdown * self.slowness,
            spread: point.spread,
            wait_s: if alike { point.line_s } else { 0.0 },
            in_line: if alike { 0.0 } else { point.in_line },
            line_s: if alike { 0.0 } else { point.line_s },
            earlier_s: 0.0,
        });
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
