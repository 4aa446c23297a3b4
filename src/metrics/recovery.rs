//! Recovery: one incident for every box that a fault takes out of service, and the stages until it is made good.
//!
//! An incident opens when a serving box is hit. It is closed when both hold: callers no longer send requests to the
//! dead box (it left the route, or serves again), and the service has as many serving boxes as its platform wants.
//! If the box itself came back, it closes its own incident; otherwise incidents close in the order in which they
//! opened, and the box that entered service last took the place. Its life tells the stages: known (a check, an
//! agent, a person), decided (created or restarted), provisioned, booted, configured, started, in rotation.
//!
//! A machine that runs badly (slow, or hard to reach) takes no box out of service. An incident of each box that serves
//! on it then is open until the machine is well or the box gone; in the stages all of it is detection, since no check
//! sees the cause.
//!
//! *Deviation:* who replaced whom is matched by this rule, since a level-triggered control plane does not know
//! either. A platform that wants fewer boxes meanwhile closes an incident without a replacement.

use super::gauge::Gauge;
use super::outcome::{IncidentOutcome, RecoveryStages, replay_at};
use super::{Frame, Part, Report};
use crate::engine::{SecondaryMap, SimTime};
use crate::results::metric::MetricId;
use crate::world::observation::Exit;
use crate::world::{BoxId, FaultId, FaultKind, Observation, ServiceId, VmId};
use std::sync::Arc;

/// What is known of a living box.
#[derive(Clone, Copy, Debug)]
struct Life {
    service: ServiceId,
    ordinal: u32,
    vm: Option<VmId>,
    routed: bool,
    up: bool,
    /// Created, or last asked to start again.
    decided: SimTime,
    placed: SimTime,
    prepared: SimTime,
    came_up: SimTime,
}

#[derive(Clone, Copy, Debug)]
struct MachineLife {
    launched: SimTime,
    up: SimTime,
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
}

pub(super) struct Recovery {
    frame: Arc<Frame>,
    boxes: SecondaryMap<BoxId, Life>,
    machines: SecondaryMap<VmId, MachineLife>,
    services: Vec<ServiceState>,
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
            frame,
            boxes: SecondaryMap::default(),
            machines: SecondaryMap::default(),
            services: vec![ServiceState::default(); services],
            metering: false,
            degraded: Vec::new(),
            closed: Vec::new(),
            opened: vec![0; services],
            killed: vec![0; services],
        }
    }

    fn state(&mut self, service: ServiceId) -> &mut ServiceState {
        &mut self.services[service.0 as usize]
    }

    fn change(&mut self, time: SimTime, subject: BoxId, change: impl FnOnce(&mut Life)) {
        let Some(life) = self.boxes.get_mut(subject) else { return };
        let served = life.routed && life.up;
        change(life);
        let (service, serves) = (life.service, life.routed && life.up);
        let state = self.state(service);
        match (served, serves) {
            (false, true) => {
                state.serving += 1;
                state.newest = Some(subject);
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
        let life = by.and_then(|b| self.boxes.get(b)).filter(|l| l.came_up >= incident.opened);
        let stages = self.stages(&incident, life, time);
        let replacement = life.map_or(String::new(), |l| self.frame.box_name(service, l.ordinal));
        let outcome = self.outcome(service, &incident, replacement, stages, false);
        self.closed.push((service, incident.kind, outcome));
    }

    /// Splits the time from loss to recovery at the steps of the replacement's life, each at least the one before.
    fn stages(&self, incident: &Incident, life: Option<&Life>, end: SimTime) -> RecoveryStages {
        let mut at = incident.opened;
        let mut until = |t: SimTime| {
            let t = t.clamp(at, end);
            let span = t.since(at).as_secs_f64();
            at = t;
            span
        };
        let mut stages = RecoveryStages::default();
        let Some(life) = life else {
            stages.detect_s = until(incident.known.unwrap_or(end));
            stages.rotation_s = until(end);
            return stages;
        };
        let machine = life.vm.and_then(|vm| self.machines.get(vm));
        if let Some(known) = incident.known.filter(|&k| k <= life.came_up) {
            stages.detect_s = until(known);
            let asked = machine.map_or(life.decided, |m| {
                // A machine that came back by itself was not asked for: the restart of the box on it was.
                if m.launched > incident.opened { life.decided.min(m.launched) } else { life.decided }
            });
            if machine.is_none_or(|m| m.up <= known || m.launched > incident.opened) {
                stages.decide_s = until(asked);
            }
        }
        if let Some(machine) = machine.filter(|m| m.up > incident.opened) {
            stages.provision_s =
                if machine.launched > incident.opened { until(machine.launched) } else { 0.0 };
            stages.boot_s = until(machine.up);
        }
        stages.provision_s += until(life.placed);
        stages.configure_s = until(life.prepared);
        stages.start_s = until(life.came_up);
        stages.rotation_s = until(end);
        stages
    }

    fn outcome(
        &self,
        service: ServiceId,
        incident: &Incident,
        replacement: String,
        stages: RecoveryStages,
        open: bool,
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
            open,
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
        let serving = self.boxes.iter().filter(|(_, l)| l.vm == Some(vm) && l.up && l.routed);
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
        match *observation {
            Observation::VmLaunched { vm, .. } => {
                self.machines.insert(vm, MachineLife { launched: time, up: SimTime::ZERO });
            }
            Observation::VmUp { vm } => self.machines.get_mut(vm).expect("launched before").up = time,
            Observation::VmTerminated { vm } => {
                self.machines.remove(vm);
            }
            Observation::BoxCreated { subject, service, ordinal, .. } => {
                let never = SimTime::ZERO;
                let life = Life {
                    service,
                    ordinal,
                    vm: None,
                    routed: false,
                    up: false,
                    decided: time,
                    placed: never,
                    prepared: never,
                    came_up: never,
                };
                self.boxes.insert(subject, life);
            }
            Observation::BoxPlaced { subject, vm } => {
                self.change(time, subject, |l| (l.vm, l.placed) = (Some(vm), time));
            }
            Observation::BoxPrepared { subject } => self.change(time, subject, |l| l.prepared = time),
            Observation::BoxStarting { subject, .. } => {
                // A start that is not the first is a decision of its own.
                self.change(time, subject, |l| {
                    if l.came_up > SimTime::ZERO || l.prepared == SimTime::ZERO {
                        l.decided = time;
                    }
                });
            }
            Observation::BoxUp { subject } => {
                self.change(time, subject, |l| (l.up, l.came_up) = (true, time))
            }
            Observation::BoxExited { subject, exit } => self.on_exit(time, subject, exit),
            Observation::BoxHung { subject, fault, kind } => self.on_hung(time, subject, fault, kind),
            Observation::BoxEnding { subject } => self.change(time, subject, |l| l.up = false),
            Observation::BoxRouted { subject } => self.change(time, subject, |l| l.routed = true),
            Observation::BoxUnrouted { subject } | Observation::BoxEjected { subject, .. } => {
                self.change(time, subject, |l| l.routed = false)
            }
            Observation::BoxRemoved { subject } => {
                self.change(time, subject, |l| (l.up, l.routed) = (false, false));
                if let Some(life) = self.boxes.remove(subject) {
                    self.settle(time, life.service);
                }
            }
            Observation::BoxKnownDown { subject } => self.on_known(time, subject),
            Observation::VmDegraded { vm, fault, kind } => self.on_degraded(time, vm, fault, kind),
            Observation::VmRestored { vm, kind } => {
                self.close_degraded(time, |on, incident| on == vm && incident.kind == kind);
            }
            Observation::Desired { service, boxes } => {
                self.state(service).desired = boxes;
                self.settle(time, service);
            }
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
                let stages = self.stages(&incident, None, time);
                report.sample(service, metric_of(incident.kind), stages.total_s(), true);
                let outcome = self.outcome(service, &incident, String::new(), stages, true);
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
        let mut incidents: Vec<_> = std::mem::take(&mut self.closed).into_iter().map(|(_, _, o)| o).collect();
        incidents.sort_by(|a, b| a.opened_s.total_cmp(&b.opened_s).then_with(|| a.lost.cmp(&b.lost)));
        report.outcome.incidents.extend(incidents);
    }
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
        | FaultKind::HumanSlip => MetricId::RestartTime,
        FaultKind::RegistryOutage => unreachable!("no box that serves is hit by it"),
    }
}
