//! Requests one by one: the same service, boxes and control plane, with every request followed.
//!
//! It exists to check the flow model and to look at short windows closely; it costs about a microsecond a request.
//! Arrivals are a Poisson process with the rate of the traffic curve, thinned; works are drawn in the order of arrival,
//! so they are the same on every platform. Callers pick a box by the policy of the route, give up after the timeout,
//! and may try again. What happened is stated in rates every few seconds, as the flow does, and each latency alone.
//!
//! *Deviation:* boxes that do not serve get the same share of requests under every policy, as in the flow. Requests
//! inside at the end of the window are not counted; at its beginning the boxes are empty.
//!
//! Start at [`World::on_request_arrives`]; [`station`] is one box.

mod callers;
pub mod station;

pub(super) use callers::Requests;

use super::boxes::Reach;
use super::contention::{Claim, Sharing};
use super::event::Event;
use super::flow::{Audience, LogCounts};
use super::ids::{BoxId, ServiceId};
use super::observation::{FlowObservation, Observation};
use super::streams;
use super::traffic::next_arrival;
use super::{Balancing, World};
use crate::engine::{SimDuration, SimTime};
use crate::parameter::choices;
use callers::{Attempt, Cause, Request};
use station::{Station, Ticket};

choices! {
    /// How a service's requests are simulated.
    pub enum RequestMode {
        /// As rates, with formulas of queueing theory: years in seconds.
        Flow = "flow",
        /// One by one: minutes to days.
        Discrete = "discrete",
    }
}

/// What autoscalers and alerts can see is brought up to date this often.
const SAMPLE: SimDuration = SimDuration::from_secs(5);

/// Rates are stated this often: a service level is kept or missed by the minute.
const STATEMENT: SimDuration = SimDuration::from_mins(1);

impl World {
    /// From now on the service's requests are followed one by one.
    pub(super) fn on_requests_begin(&mut self, service: ServiceId) {
        self.settle_service(service.index());
        let now = self.scheduler.now();
        let of_service = self.boxes.iter().filter(|(_, b)| b.service == service);
        let listed: Vec<(BoxId, Audience)> = of_service.map(|(id, b)| (id, b.audience)).collect();
        let groups = self.services[service.index()].flow.route.shares().len();
        let mut requests = Requests::new(&self.streams, service, groups, now);
        listed.into_iter().for_each(|(subject, audience)| requests.set_audience(subject, audience));
        let s = &mut self.services[service.index()];
        s.flow.stand_still(now);
        s.requests = Some(Box::new(requests));
        self.scheduler.at(now + SAMPLE, Event::RequestSample { service });
        self.schedule_arrival(service);
        if let Some(span) = self.services[service.index()].parameters.requests_for {
            self.scheduler.after(span, Event::RequestsEnd { service });
        }
        self.dirty_flow();
    }

    pub(super) fn on_requests_end(&mut self, service: ServiceId) {
        self.settle_service(service.index());
        let requests = self.services[service.index()].requests.take().expect("a window ends once");
        for handle in requests.events() {
            self.scheduler.cancel(handle);
        }
        self.services[service.index()].flow.stand_still(self.scheduler.now());
        self.dirty_flow();
    }

    fn schedule_arrival(&mut self, service: ServiceId) {
        let s = &mut self.services[service.index()];
        let requests = s.requests.as_mut().expect("requests arrive while they are followed");
        let (from, until) = (self.scheduler.now(), self.horizon);
        let next = next_arrival(&s.demand, &self.calendar, from, until, &mut requests.arrivals);
        requests.arrival = next.map(|at| self.scheduler.at(at, Event::RequestArrives { service }));
    }

    pub(super) fn on_request_arrives(&mut self, service: ServiceId) {
        let now = self.scheduler.now();
        let s = &mut self.services[service.index()];
        let requests = s.requests.as_mut().expect("arrivals end with the window");
        requests.earn_retries(s.rules.retry.budget);
        let request =
            Request { first: now, retries: 0, work_s: s.rules.work.quantile(requests.work.uniform()) };
        self.send(service, request);
        self.schedule_arrival(service);
    }

    /// One attempt.
    fn send(&mut self, service: ServiceId, request: Request) {
        let now = self.scheduler.now();
        let Some(target) = self.choose(service) else {
            return self.fail(service, request, Cause::DeadBox);
        };
        let b = self.boxes.get(target).expect("a box is kept for as long as callers know it");
        let (reach, version, warmth) = (self.reach(b), b.version, b.warmth);
        let slowness = self.tenancies[service.index()].slowness(warmth);
        let s = &mut self.services[service.index()];
        let share = s.versions.defect(version).map_or(0.0, |d| d.error_share());
        let patience = s.parameters.timeout;
        let requests = s.requests.as_mut().expect("attempts are sent while they are followed");
        let error = requests.choice.uniform() < share;
        let work_s = request.work_s * slowness;
        match reach {
            Reach::Refuses => self.fail(service, request, Cause::DeadBox),
            Reach::Silent => {
                requests.admit(
                    Attempt { request, target: None, error, work_s, abandoned: false },
                    now + patience,
                );
                self.schedule_timeout(service);
            }
            Reach::Serves => {
                let attempt = Attempt { request, target: Some(target), error, work_s, abandoned: false };
                let ticket = requests.admit(attempt, now + patience);
                if self.station(service, target).enter(ticket, work_s, now) {
                    self.schedule_done(service, target);
                    self.schedule_timeout(service);
                } else {
                    let requests = self.services[service.index()].requests.as_mut().expect("seen");
                    requests.end(ticket);
                    self.fail(service, request, Cause::Late);
                }
            }
        }
    }

    /// The box that the route's policy picks.
    fn choose(&mut self, service: ServiceId) -> Option<BoxId> {
        let s = &mut self.services[service.index()];
        let (balancing, blank) = (s.flow.balancing, s.flow.route.blank);
        let requests = s.requests.as_mut().expect("boxes are chosen while requests are followed");
        let group = requests.draw_group(s.flow.route.shares());
        let listed = requests.lists[group].len();
        if listed == 0 || blank {
            return None;
        }
        match balancing {
            Balancing::RoundRobin => {
                requests.turns[group] = (requests.turns[group] + 1) % listed;
                return Some(requests.lists[group][requests.turns[group]]);
            }
            Balancing::Random => return Some(requests.lists[group][requests.choice.below(listed)]),
            Balancing::PowerOfTwo | Balancing::LeastConnections => {}
        }
        let route = std::mem::take(&mut requests.lists[group]);
        let drawn = requests.choice.below(listed);
        let serves = |id: &BoxId| self.boxes.get(*id).is_some_and(|b| self.reach(b) == Reach::Serves);
        let chosen = if serves(&route[drawn]) {
            let requests = self.services[service.index()].requests.as_ref().expect("seen");
            let inside = |id: &BoxId| requests.inside(*id);
            // From a random place on, so that ties do not favour the first.
            let from_drawn = (0..listed).map(|i| route[(drawn + i) % listed]).filter(serves);
            if balancing == Balancing::LeastConnections {
                from_drawn.min_by_key(inside)
            } else {
                let others: Vec<BoxId> = from_drawn.skip(1).collect();
                let requests = self.services[service.index()].requests.as_mut().expect("seen");
                let other =
                    if others.is_empty() { None } else { Some(others[requests.choice.below(others.len())]) };
                let (a, b) = (route[drawn], other.unwrap_or(route[drawn]));
                Some(if requests.inside(b) < requests.inside(a) { b } else { a })
            }
        } else {
            Some(route[drawn])
        };
        self.services[service.index()].requests.as_mut().expect("seen").lists[group] = route;
        chosen
    }

    fn station(&mut self, service: ServiceId, subject: BoxId) -> &mut Station {
        let now = self.scheduler.now();
        let known = self.services[service.index()].requests.as_ref().is_some_and(|r| r.has_station(subject));
        let cores = if known { 0.0 } else { self.cores_of(subject) };
        let s = &mut self.services[service.index()];
        let (workers, hold) = (s.parameters.server.workers, s.parameters.server.hold);
        let requests = s.requests.as_mut().expect("stations work while requests are followed");
        requests.station(subject, || Station::new(cores, workers, hold, now))
    }

    /// Cores that a serving box can use now.
    fn cores_of(&self, subject: BoxId) -> f64 {
        let b = self.boxes.get(subject).expect("a box that serves exists");
        let vm = b.vm.and_then(|vm| self.vms.get(vm)).expect("a box that serves has a machine");
        let claim = |service: ServiceId, boxes, warmth| self.tenancies[service.index()].claim(boxes, warmth);
        let tenants = vm.shape.map_or(&[][..], |shape| self.shapes.tenants(shape));
        let claims: Vec<Claim> = tenants.iter().map(|t| claim(t.service, t.boxes, t.warmth)).collect();
        Sharing::solve(self.capacity_for_boxes(vm.effective_cpu().as_milli()), &claims)
            .available(&claim(b.service, 1, b.warmth))
    }

    /// Machines, neighbours or the route of the service changed.
    pub(super) fn update_stations(&mut self, i: usize) {
        let now = self.scheduler.now();
        let service = ServiceId(i as u16);
        let subjects = self.services[i].requests.as_ref().map(|r| r.subjects()).unwrap_or_default();
        for subject in subjects {
            let cores = self.cores_of(subject);
            self.station(service, subject).set_cores(cores, now);
            self.schedule_done(service, subject);
        }
    }

    fn schedule_done(&mut self, service: ServiceId, subject: BoxId) {
        let next = self.station(service, subject).next_done();
        let new = next.map(|at| self.scheduler.at(at, Event::RequestDone { subject }));
        let requests = self.services[service.index()].requests.as_mut().expect("seen");
        if let Some(old) = requests.set_done(subject, new) {
            self.scheduler.cancel(old);
        }
    }

    pub(super) fn on_request_done(&mut self, subject: BoxId) {
        let now = self.scheduler.now();
        let service = self.boxes.get(subject).expect("what boxes that are gone do is cancelled").service;
        while let Some(ticket) = self.station(service, subject).take_done(now) {
            let s = &mut self.services[service.index()];
            let goal_s = s.rules.goal_s;
            let requests = s.requests.as_mut().expect("seen");
            let attempt = requests.end(ticket);
            if attempt.abandoned || attempt.error {
                requests.counts.wasted_s += attempt.work_s;
                if !attempt.abandoned {
                    self.log_attempt(service, subject, LogCounts { requests: 1.0, failed: 1.0, slow: 0.0 });
                    self.fail(service, attempt.request, Cause::Error);
                }
                continue;
            }
            let latency_s = now.since(attempt.request.first).as_secs_f64();
            let is_slow = latency_s > goal_s;
            requests.counts.serve(&attempt, is_slow);
            let slow = f64::from(u8::from(is_slow));
            self.log_attempt(service, subject, LogCounts { requests: 1.0, failed: 0.0, slow });
            self.observe(Observation::RequestServed { service, latency_s });
        }
        self.forget_done(service, subject);
        self.schedule_done(service, subject);
        self.stop_if_done(subject);
    }

    fn forget_done(&mut self, service: ServiceId, subject: BoxId) {
        self.services[service.index()].requests.as_mut().expect("seen").set_done(subject, None);
    }

    /// Callers whose attempts take too long give up.
    pub(super) fn on_request_times_out(&mut self, service: ServiceId) {
        let now = self.scheduler.now();
        self.services[service.index()].requests.as_mut().expect("seen").timeout = None;
        let cancels = self.services[service.index()].parameters.server.cancels;
        while let Some(ticket) =
            self.services[service.index()].requests.as_mut().and_then(|r| r.take_overdue(now))
        {
            let requests = self.services[service.index()].requests.as_mut().expect("seen");
            let attempt = requests.attempt(ticket);
            let (request, target, work_s) = (attempt.request, attempt.target, attempt.work_s);
            match target {
                None => {
                    requests.end(ticket);
                    self.fail(service, request, Cause::DeadBox);
                }
                Some(subject) if cancels => {
                    requests.end(ticket);
                    let left_s = self.station(service, subject).give_up(ticket, now);
                    self.schedule_done(service, subject);
                    let requests = self.services[service.index()].requests.as_mut().expect("seen");
                    requests.counts.wasted_s += work_s - left_s;
                    self.log_attempt(service, subject, LogCounts { requests: 1.0, failed: 1.0, slow: 0.0 });
                    self.fail(service, request, Cause::Late);
                }
                Some(subject) => {
                    attempt.abandoned = true;
                    self.log_attempt(service, subject, LogCounts { requests: 1.0, failed: 1.0, slow: 0.0 });
                    self.fail(service, request, Cause::Late);
                }
            }
        }
        self.schedule_timeout(service);
    }

    fn schedule_timeout(&mut self, service: ServiceId) {
        let requests = self.services[service.index()].requests.as_mut().expect("seen");
        if requests.timeout.is_none()
            && let Some(at) = requests.next_deadline()
        {
            requests.timeout = Some(self.scheduler.at(at, Event::RequestTimesOut { service }));
        }
    }

    /// A line in the access log of a box, where versions are compared.
    fn log_attempt(&mut self, service: ServiceId, subject: BoxId, counts: LogCounts) {
        let version = self.boxes.get(subject).map(|b| b.version);
        if let (Some(log), Some(version)) = (&mut self.services[service.index()].flow.log, version) {
            log.note(version, counts);
        }
    }

    /// An attempt came to nothing: the caller tries again, or the request has failed.
    fn fail(&mut self, service: ServiceId, request: Request, cause: Cause) {
        let now = self.scheduler.now();
        let s = &mut self.services[service.index()];
        let (rules, backoff) = (s.rules.retry, s.parameters.retry.backoff);
        let requests = s.requests.as_mut().expect("seen");
        if request.retries < rules.attempts && requests.spend_retry() {
            let again = Request { retries: request.retries + 1, ..request };
            let first = requests.again.is_empty();
            requests.again.push_back((now + backoff, again));
            if first {
                requests.again_event =
                    Some(self.scheduler.at(now + backoff, Event::RequestRepeats { service }));
            }
        } else {
            requests.counts.fail(cause);
        }
    }

    pub(super) fn on_request_repeats(&mut self, service: ServiceId) {
        let now = self.scheduler.now();
        let due = |w: &World| {
            let again = &w.services[service.index()].requests.as_ref().expect("seen").again;
            again.front().copied().filter(|(at, _)| *at <= now)
        };
        while let Some((_, request)) = due(self) {
            self.services[service.index()].requests.as_mut().expect("seen").again.pop_front();
            self.send(service, request);
        }
        let requests = self.services[service.index()].requests.as_mut().expect("seen");
        let next = requests.again.front().map(|(at, _)| *at);
        requests.again_event = next.map(|at| self.scheduler.at(at, Event::RequestRepeats { service }));
    }

    /// The processes of a box end: its requests are lost.
    pub(super) fn lose_requests(&mut self, subject: BoxId) {
        let now = self.scheduler.now();
        let Some(service) = self.boxes.get(subject).map(|b| b.service) else { return };
        let Some(requests) = self.services[service.index()].requests.as_mut() else { return };
        let (handle, tickets) = requests.close(subject, now);
        if let Some(handle) = handle {
            self.scheduler.cancel(handle);
        }
        for ticket in tickets {
            let requests = self.services[service.index()].requests.as_mut().expect("seen");
            let attempt = requests.end(ticket);
            if !attempt.abandoned {
                self.fail(service, attempt.request, Cause::DeadBox);
            }
        }
    }

    pub(super) fn on_request_sample(&mut self, service: ServiceId) {
        let now = self.scheduler.now();
        if self.services[service.index()].requests.is_none() {
            return;
        }
        let s = &mut self.services[service.index()];
        let requests = s.requests.as_mut().expect("seen");
        let boxes = f64::from(s.flow.route.any.serving);
        if let Some((sample, used_s)) = requests.sample(service, now) {
            s.flow.measured(&FlowObservation { boxes, ..sample }, used_s / sample.seconds());
        }
        if requests.stated_at + STATEMENT <= now {
            self.settle_service(service.index());
        }
        self.tell_load(service.index());
        self.scheduler.at(now + SAMPLE, Event::RequestSample { service });
    }

    /// Rates of what happened since the last statement.
    pub(super) fn state_requests(&mut self, i: usize) -> Option<FlowObservation> {
        let now = self.scheduler.now();
        let s = &mut self.services[i];
        let statement = s.requests.as_mut()?.state(ServiceId(i as u16), now)?;
        Some(FlowObservation { boxes: f64::from(s.flow.route.any.serving), ..statement })
    }
}

/// Streams of one service's requests.
impl Requests {
    fn new(streams: &crate::engine::Streams, service: ServiceId, groups: usize, now: SimTime) -> Requests {
        let open = |purpose| streams.open(purpose, &[u64::from(service.0)]);
        Requests::with(
            [open(streams::REQUEST_ARRIVAL), open(streams::REQUEST_WORK), open(streams::REQUEST_CHOICE)],
            groups,
            now,
        )
    }
}

const _: () = assert!(size_of::<Ticket>() == 4, "tickets are many: keep them small");
