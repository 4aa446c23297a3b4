//! What the boxes of a service make of its requests while nothing changes: constant rates, in closed form.
//!
//! Callers spread their attempts over classes of boxes by the policy of the route ([`spread`]); a class below
//! [`CROWDED`] is in its stationary state; those above are one crowd, which moves towards its balance in steps
//! ([`step`]). Start at [`Flow::solve`].

use super::classes::{Class, Summary};
use super::retry::Failures;
use super::route::Route;
use super::{Crowd, Flow, Rules};
use crate::engine::SimTime;
use crate::world::ids::Version;
use crate::world::observation::{FlowObservation, LatencyClass};
use crate::world::queueing::{Balancing, Point, Station};
use crate::world::release::{Defect, Versions};

/// From this utilization on boxes are followed in time: their stationary state takes long to come about.
const CROWDED: f64 = 0.98;

/// A crowd this close to its balance is there.
const BALANCED: f64 = 0.02;

/// Steps are at least as large as what arrives in this time [s].
const LEAST_STEP_S: f64 = 0.25;

/// A balance that comes about within this time comes about at once [s].
const AT_ONCE_S: f64 = 0.2;

/// What [`Flow::solve`] needs to know of a service.
pub(super) struct Problem<'a> {
    pub classes: &'a [Class],
    pub rules: &'a Rules,
    pub versions: &'a Versions,
    /// Share of the attempts that are retries of requests that took too long.
    pub long: f64,
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
    /// Constant rates from `now` on, for the present boxes, traffic and crowd.
    pub(super) fn solve(&mut self, p: &Problem, now: SimTime) {
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
