//! Recovery: one incident for every box that a fault takes out of service, and the stages until it is made good.
//!
//! An incident opens when a serving box is hit. It is closed when both hold: callers no longer send requests to the
//! dead box (it left the route, or serves again; where callers hold copies of a list, nine in ten count as all), and the service has as many serving boxes as its platform wants.
//! If the box itself came back, it closes its own incident; otherwise incidents close in the order in which they
//! opened, and the box that entered service last took the place. Its life tells the stages: known (a check, an
//! agent, a person), decided (created or restarted), provisioned, booted, configured, started, in rotation.
//!
//! A machine that runs badly (slow, or hard to reach) takes no box out of service. An incident of each box that serves
//! on it then is open until the machine is well or the box gone; in the stages all of it is detection, since no check
//! sees the cause.
//!
//! Too few boxes for the traffic is an incident as well: see [`overload`].
//!
//! *Deviation:* who replaced whom is matched by this rule, since a level-triggered control plane does not know
//! either. A platform that wants fewer boxes meanwhile closes an incident without a replacement.

mod births;
mod overload;

use super::gauge::Gauge;
use super::outcome::{End, IncidentOutcome, RecoveryStages, replay_at};
use super::{Frame, Part, Report};
use crate::engine::{SecondaryMap, SimTime};
use crate::results::metric::MetricId;
use crate::world::observation::{Exit, FlowObservation};
use crate::world::{BoxId, FaultId, FaultKind, Observation, ServiceId, VmId};
use births::Births;
use overload::{Overloads, Staff};
use std::sync::Arc;

/// What is known of a living box.
#[derive(Clone, Copy, Debug)]
struct Life {
    service: ServiceId,
    ordinal: u32,
    routed: bool,
    up: bool,
    /// Some callers have it on their copy of the list.
    listed: bool,
}

#[derive(Clone, Debug)]
struct Incident {
    fault: FaultId,
    kind: FaultKind,
    lost: BoxId,
    lost_name: String,
    opened: SimTime,
    known: Option<SimTime>,
}

#[derive(Clone, Debug, Default)]
struct ServiceState {
    desired: u32,
    serving: u32,
    /// Wanted but not serving.
    deficit: Gauge,
    open: Vec<Incident>,
    /// The box that entered service last.
    newest: Option<BoxId>,
    /// Boxes that do not serve and are on copies of the list.
    haunted: u32,
}

pub(super) struct Recovery {
    frame: Arc<Frame>,
    boxes: SecondaryMap<BoxId, Life>,
    births: Births,
    services: Vec<ServiceState>,
    overloads: Overloads,
    metering: bool,
    /// Boxes on machines that run badly, with the machine.
    degraded: Vec<(ServiceId, VmId, Incident)>,
    closed: Vec<(ServiceId, FaultKind, IncidentOutcome)>,
    opened: Vec<u64>,
    /// Boxes that the kernel killed for memory, serving or not.
    killed: Vec<u64>,
}

impl Recovery {
    pub fn new(frame: Arc<Frame>) -> Recovery {
        let services = frame.services.len();
        Recovery {
            boxes: SecondaryMap::default(),
            births: Births::default(),
            services: vec![ServiceState::default(); services],
            overloads: Overloads::new(frame.clone()),
            metering: false,
            degraded: Vec::new(),
            closed: Vec::new(),
            opened: vec![0; services],
            killed: vec![0; services],
            frame,
        }
    }

    fn state(&mut self, service: ServiceId) -> &mut ServiceState {
        &mut self.services[service.0 as usize]
    }

    fn change(&mut self, time: SimTime, subject: BoxId, change: impl FnOnce(&mut Life)) {
        let Some(life) = self.boxes.get_mut(subject) else { return };
        let (served, haunts) = (life.routed && life.up, |life: &Life| u32::from(life.listed && !life.up));
        let before = haunts(life);
        change(life);
        let (service, serves, after) = (life.service, life.routed && life.up, haunts(life));
        let state = self.state(service);
        state.haunted = state.haunted + after - before;
        match (served, serves) {
            (false, true) => {
                state.serving += 1;
                state.newest = Some(subject);
                self.overloads.on_serving(time, service, subject);
            }
            (true, false) => state.serving -= 1,
            _ => {}
        }
        self.settle(time, service);
    }

    /// Updates the deficit and closes what is made good.
    fn settle(&mut self, time: SimTime, service: ServiceId) {
        let state = self.state(service);
        let deficit = state.desired.saturating_sub(state.serving);
        state.deficit.set(time, i64::from(deficit));
        // A box that came back closes its own incident before it can stand in for another.
        while let Some(i) = self.position(service, |life| life.is_some_and(|l| l.routed && l.up)) {
            let incident = self.state(service).open.remove(i);
            let back = Some(incident.lost);
            self.close(time, service, incident, back);
        }
        while self.state(service).open.len() > deficit as usize
            && let Some(i) = self.position(service, |life| life.is_none_or(|l| !l.routed))
        {
            let incident = self.state(service).open.remove(i);
            let newest = self.state(service).newest;
            self.close(time, service, incident, newest);
        }
    }

    /// The first open incident whose lost box fulfils `what`.
    fn position(&self, service: ServiceId, what: impl Fn(Option<&Life>) -> bool) -> Option<usize> {
        self.services[service.0 as usize].open.iter().position(|i| what(self.boxes.get(i.lost)))
    }

    fn close(&mut self, time: SimTime, service: ServiceId, incident: Incident, by: Option<BoxId>) {
        if incident.opened < self.frame.meter_from {
            return;
        }
        let born = by.and_then(|b| Some((b, self.births.get(b).filter(|l| l.came_up >= incident.opened)?)));
        let birth = born.map(|(_, birth)| birth);
        let stages = self.births.stages(incident.opened, incident.known, birth, time);
        let replacement = born.map_or(String::new(), |(b, _)| name(&self.boxes, &self.frame, b));
        let outcome = self.outcome(service, &incident, replacement, stages, End::Closed);
        self.closed.push((service, incident.kind, outcome));
    }

    fn outcome(
        &self,
        service: ServiceId,
        incident: &Incident,
        replacement: String,
        stages: RecoveryStages,
        end: End,
    ) -> IncidentOutcome {
        IncidentOutcome {
            fault: incident.fault.0,
            kind: incident.kind.name().into(),
            service: Some(service.0),
            lost: incident.lost_name.clone(),
            replacement,
            time: self.frame.calendar.iso(incident.opened),
            replay_at: replay_at(incident.opened),
            opened_s: self.frame.metered_s(incident.opened),
            stages,
            end,
        }
    }

    fn on_exit(&mut self, time: SimTime, subject: BoxId, exit: Exit) {
        let Some(&life) = self.boxes.get(subject) else { return };
        self.close_degraded(time, |_, incident| incident.lost == subject);
        if let Exit::Fault { kind: FaultKind::OutOfMemory, .. } = exit {
            self.killed[life.service.0 as usize] += u64::from(self.metering);
        }
        if let Exit::Fault { fault, kind } = exit {
            self.take_out(time, subject, fault, kind);
        }
        self.change(time, subject, |l| l.up = false);
    }

    /// The processes of a box run, and serve nobody any more.
    fn on_hung(&mut self, time: SimTime, subject: BoxId, fault: FaultId, kind: FaultKind) {
        self.take_out(time, subject, fault, kind);
        self.change(time, subject, |l| l.up = false);
    }

    /// Opens an incident, if the box served.
    fn take_out(&mut self, time: SimTime, subject: BoxId, fault: FaultId, kind: FaultKind) {
        let Some(&life) = self.boxes.get(subject).filter(|l| l.up && l.routed) else { return };
        let lost_name = self.frame.box_name(life.service, life.ordinal);
        let incident = Incident { fault, kind, lost: subject, lost_name, opened: time, known: None };
        self.state(life.service).open.push(incident);
        self.opened[life.service.0 as usize] += u64::from(self.metering);
    }

    /// Boxes that serve on a machine that runs badly from now on.
    fn on_degraded(&mut self, time: SimTime, vm: VmId, fault: FaultId, kind: FaultKind) {
        let on_it = |(subject, l): &(BoxId, &Life)| l.up && l.routed && self.births.vm(*subject) == Some(vm);
        let serving = self.boxes.iter().filter(on_it);
        let hit: Vec<(BoxId, ServiceId, u32)> =
            serving.map(|(subject, l)| (subject, l.service, l.ordinal)).collect();
        for (lost, service, ordinal) in hit {
            let lost_name = self.frame.box_name(service, ordinal);
            let incident = Incident { fault, kind, lost, lost_name, opened: time, known: None };
            self.degraded.push((service, vm, incident));
            self.opened[service.0 as usize] += u64::from(self.metering);
        }
    }

    /// The machine is well again, or a box on it is gone: what was degraded there is over.
    fn close_degraded(&mut self, time: SimTime, is_over: impl Fn(VmId, &Incident) -> bool) {
        let (over, still) =
            std::mem::take(&mut self.degraded).into_iter().partition(|(_, vm, i)| is_over(*vm, i));
        self.degraded = still;
        for (service, _, incident) in over {
            let incident: Incident = incident;
            self.close(time, service, incident, None);
        }
    }

    fn on_flow(&mut self, flow: &FlowObservation) {
        let state = &self.services[flow.service.0 as usize];
        let healthy = state.open.is_empty() && state.haunted == 0;
        let staff = Staff { wanted: state.desired, serving: state.serving, healthy };
        let (boxes, frame) = (&self.boxes, &self.frame);
        let name = |subject| name(boxes, frame, subject);
        self.overloads.on_flow(flow, staff, &self.births, name);
    }

    fn on_known(&mut self, time: SimTime, subject: BoxId) {
        let Some(life) = self.boxes.get(subject) else { return };
        let service = life.service;
        for incident in self.state(service).open.iter_mut().filter(|i| i.lost == subject) {
            incident.known.get_or_insert(time);
        }
    }
}

impl Part for Recovery {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        self.births.observe(time, observation);
        match *observation {
            Observation::BoxCreated { subject, service, ordinal, .. } => {
                self.boxes
                    .insert(subject, Life { service, ordinal, routed: false, up: false, listed: false });
            }
            Observation::BoxUp { subject } => self.change(time, subject, |l| l.up = true),
            Observation::BoxExited { subject, exit } => self.on_exit(time, subject, exit),
            Observation::BoxHung { subject, fault, kind } => self.on_hung(time, subject, fault, kind),
            Observation::BoxEnding { subject } => self.change(time, subject, |l| l.up = false),
            Observation::BoxRouted { subject } => self.change(time, subject, |l| l.routed = true),
            Observation::BoxUnrouted { subject } | Observation::BoxEjected { subject, .. } => {
                self.change(time, subject, |l| l.routed = false)
            }
            Observation::BoxListed { subject, share } => {
                self.change(time, subject, |l| l.listed = share > 0.0);
            }
            Observation::BoxRemoved { subject } => {
                self.change(time, subject, |l| (l.up, l.routed, l.listed) = (false, false, false));
                if let Some(life) = self.boxes.remove(subject) {
                    self.settle(time, life.service);
                }
                self.births.forget(subject);
            }
            Observation::BoxKnownDown { subject } => self.on_known(time, subject),
            Observation::VmDegraded { vm, fault, kind } => self.on_degraded(time, vm, fault, kind),
            Observation::VmRestored { vm, kind } => {
                self.close_degraded(time, |on, incident| on == vm && incident.kind == kind);
            }
            Observation::Desired { service, boxes } => {
                self.state(service).desired = boxes;
                self.overloads.on_desired(time, service, boxes);
                self.settle(time, service);
            }
            Observation::Flow(ref flow) => self.on_flow(flow),
            _ => {}
        }
    }

    fn begin(&mut self, time: SimTime) {
        self.metering = true;
        self.services.iter_mut().for_each(|s| s.deficit.begin(time));
    }

    fn finish(&mut self, time: SimTime, report: &mut Report) {
        for (service, kind, outcome) in &self.closed {
            report.sample(*service, metric_of(*kind), outcome.stages.total_s(), false);
        }
        for service in self.frame.service_ids() {
            let mut open = std::mem::take(&mut self.state(service).open);
            open.extend(self.degraded.iter().filter(|d| d.0 == service).map(|d| d.2.clone()));
            for incident in open {
                if incident.opened < self.frame.meter_from {
                    continue;
                }
                let stages = self.births.stages(incident.opened, incident.known, None, time);
                report.sample(service, metric_of(incident.kind), stages.total_s(), true);
                let outcome = self.outcome(service, &incident, String::new(), stages, End::Open);
                self.closed.push((service, incident.kind, outcome));
            }
            let deficit = self.state(service).deficit.seconds(time) / 60.0;
            report.per_month(Some(service), MetricId::ReplicaDeficit, deficit);
            report.per_month(
                Some(service),
                MetricId::IncidentsPerMonth,
                self.opened[service.0 as usize] as f64,
            );
            let killed = self.killed[service.0 as usize] as f64;
            report.per_month(Some(service), MetricId::OutOfMemoryKills, killed);
        }
        let deficit: f64 = self.services.iter_mut().map(|s| s.deficit.seconds(time) / 60.0).sum();
        report.per_month(None, MetricId::ReplicaDeficit, deficit);
        report.per_month(None, MetricId::IncidentsPerMonth, self.opened.iter().sum::<u64>() as f64);
        report.per_month(None, MetricId::OutOfMemoryKills, self.killed.iter().sum::<u64>() as f64);
        report.outcome.incidents.extend(std::mem::take(&mut self.closed).into_iter().map(|(_, _, o)| o));
        self.overloads.finish(time, &self.births, report);
        let incidents = &mut report.outcome.incidents;
        incidents.sort_by(|a, b| a.opened_s.total_cmp(&b.opened_s).then_with(|| a.lost.cmp(&b.lost)));
    }
}

fn name(boxes: &SecondaryMap<BoxId, Life>, frame: &Frame, subject: BoxId) -> String {
    boxes.get(subject).map_or(String::new(), |l| frame.box_name(l.service, l.ordinal))
}

/// Lost machines, dead processes and machines that run badly are different questions.
fn metric_of(kind: FaultKind) -> MetricId {
    match kind {
        FaultKind::VmCrash
        | FaultKind::VmLoss
        | FaultKind::RackOutage
        | FaultKind::PowerOutage
        | FaultKind::Overheating
        | FaultKind::ZoneOutage
        | FaultKind::SpotReclaim => MetricId::RecoveryTime,
        FaultKind::SlowVm | FaultKind::RackNetwork => MetricId::DegradedTime,
        FaultKind::ProcessCrash
        | FaultKind::ProcessHang
        | FaultKind::OutOfMemory
        | FaultKind::BadRelease
        | FaultKind::BadConfiguration
        | FaultKind::DiskFull
        | FaultKind::HumanSlip
        | FaultKind::Conflict => MetricId::RestartTime,
        FaultKind::RegistryOutage | FaultKind::CloudApiOutage | FaultKind::DiscoveryOutage => {
            unreachable!("no box that serves is hit by it")
        }
    }
}
