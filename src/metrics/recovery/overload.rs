//! Overload: a service has all the boxes that its platform wants, and they are too few for its traffic.
//!
//! It opens when fewer requests than the service is sized for (its `latency_quantile`) are answered within the goal
//! because boxes are busy, none of them is lost, and none is missing but those that the platform has just asked for. It
//! ends when enough are answered well again. The box that entered service last before that is the one that helped, and
//! its life tells the stages, as in any recovery: known means that the platform asks for more, and deciding lasts until it
//! asks for that box, the ones before having been too few. Where none entered
//! service, the traffic went down by itself: the time is then only a lower bound for what a scale-up takes.
//!
//! The need is thus what users feel, the same on all platforms, and not a threshold of an autoscaler: one that acts
//! before anybody feels anything has no overload to show. Requests that fail for other reasons (dead boxes, a bad
//! version) make none.
//!
//! *Deviation:* boxes that a rollout takes out of service on purpose are missing too, so a rollout in a busy hour makes
//! none.
//!
//! Start at [`Overloads::on_flow`].

use super::births::{Birth, Births};
use super::{End, Frame, IncidentOutcome, Report, replay_at};
use crate::engine::SimTime;
use crate::results::metric::MetricId;
use crate::world::observation::FlowObservation;
use crate::world::{BoxId, ServiceId};
use std::sync::Arc;

/// The word in the `kind` column of the incidents.
const KIND: &str = "overload";

/// How a service is manned.
#[derive(Clone, Copy, Debug, Default)]
pub struct Staff {
    pub wanted: u32,
    pub serving: u32,
    /// No box is lost, and no caller is sent to one that does not serve.
    pub healthy: bool,
}

#[derive(Clone, Debug, Default)]
struct State {
    /// At the beginning of the stretch of constant rates that is under way.
    staff: Staff,
    wanted: u32,
    /// When the platform asked for boxes that it does not have yet.
    raised: Option<SimTime>,
    /// When the overload under way began.
    overload: Option<SimTime>,
    /// Boxes that entered service since the last stretch began, or since the overload did, with the moment: a stretch
    /// is stated after what ended it.
    entered: Vec<(SimTime, BoxId)>,
    opened: u64,
}

pub struct Overloads {
    frame: Arc<Frame>,
    services: Vec<State>,
    ended: Vec<(ServiceId, IncidentOutcome)>,
}

impl Overloads {
    pub fn new(frame: Arc<Frame>) -> Overloads {
        Overloads { services: vec![State::default(); frame.services.len()], frame, ended: Vec::new() }
    }

    fn state(&mut self, service: ServiceId) -> &mut State {
        &mut self.services[service.0 as usize]
    }

    /// The platform wants so many boxes.
    pub fn on_desired(&mut self, time: SimTime, service: ServiceId, boxes: u32) {
        let state = self.state(service);
        if boxes > state.wanted {
            state.raised.get_or_insert(time);
        }
        state.wanted = boxes;
    }

    /// A box entered service.
    pub fn on_serving(&mut self, time: SimTime, service: ServiceId, subject: BoxId) {
        self.state(service).entered.push((time, subject));
    }

    /// A stretch of constant rates is over; `staff` and `births` are as they are at its end.
    pub fn on_flow(
        &mut self,
        flow: &FlowObservation,
        staff: Staff,
        births: &Births,
        name: impl Fn(BoxId) -> String,
    ) {
        let promise = self.frame.service(flow.service).latency_quantile;
        let state = &mut self.services[flow.service.0 as usize];
        let before = std::mem::replace(&mut state.staff, staff);
        let is_overloaded = flow.late + flow.slow > (1.0 - promise) * flow.offered;
        match state.overload {
            None if is_overloaded => {
                let asked_for = state.raised.is_some_and(|t| t <= flow.from);
                if before.healthy && (before.serving >= before.wanted || asked_for) {
                    state.overload = Some(flow.from);
                    state.opened += u64::from(flow.from >= self.frame.meter_from);
                }
            }
            Some(opened) if !is_overloaded => {
                state.overload = None;
                let helped = state.entered.iter().rev().find(|(t, _)| *t <= flow.from && *t > opened);
                let helped = helped.and_then(|&(_, b)| Some((name(b), births.get(b)?)));
                let end = if helped.is_some() { End::Closed } else { End::Passed };
                let known = state.raised;
                self.close(flow.service, opened, known, helped, (flow.from, end), births);
            }
            None | Some(_) => {}
        }
        let state = self.state(flow.service);
        if state.overload.is_none() {
            state.entered.retain(|(t, _)| *t >= flow.to);
            if staff.serving >= staff.wanted {
                state.raised = None;
            }
        }
    }

    fn close(
        &mut self,
        service: ServiceId,
        opened: SimTime,
        known: Option<SimTime>,
        helped: Option<(String, &Birth)>,
        (at, end): (SimTime, End),
        births: &Births,
    ) {
        if opened < self.frame.meter_from {
            return;
        }
        let known = known.filter(|&t| t <= at);
        let stages = births.stages(opened, known, helped.as_ref().map(|h| h.1), at);
        let outcome = IncidentOutcome {
            fault: 0,
            kind: KIND.into(),
            service: Some(service.0),
            lost: String::new(),
            replacement: helped.map_or(String::new(), |h| h.0),
            time: self.frame.calendar.iso(opened),
            replay_at: replay_at(opened),
            opened_s: self.frame.metered_s(opened),
            stages,
            end,
        };
        self.ended.push((service, outcome));
    }

    /// At the horizon.
    pub fn finish(&mut self, time: SimTime, births: &Births, report: &mut Report) {
        for service in self.frame.service_ids() {
            let state = self.state(service);
            let (known, opened) = (state.raised, state.opened);
            if let Some(since) = state.overload.take() {
                self.close(service, since, known, None, (time, End::Open), births);
            }
            report.per_month(Some(service), MetricId::OverloadsPerMonth, opened as f64);
        }
        let opened: u64 = self.services.iter().map(|s| s.opened).sum();
        report.per_month(None, MetricId::OverloadsPerMonth, opened as f64);
        for (service, outcome) in std::mem::take(&mut self.ended) {
            let censored = outcome.end != End::Closed;
            report.sample(service, MetricId::ScaleUpTime, outcome.stages.total_s(), censored);
            report.outcome.incidents.push(outcome);
        }
    }
}
