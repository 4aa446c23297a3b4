//! Periodic checks: health checks of boxes from elsewhere, probes of boxes by the agent on their machine, heartbeats of
//! machines, alerts on the error share of a service.
//!
//! Checks run on a clock of their own, but a check that finds what the last one found changes nothing and is no
//! event. When the truth changes, the tick that brings the threshold-th different answer is computed from period
//! and phase and scheduled; if the truth changes back before, it is cancelled. So a thousand boxes that are
//! probed every ten seconds cost nothing while they are well, and detection takes exactly as long as it would.
//!
//! Start at [`HealthCheck`].

use super::World;
use super::boxes::{Reach, State};
use super::event::Event;
use super::ids::{BoxId, ProbeId, ServiceId, VmId};
use super::observation::Observation;
use super::signal::Signal;
use super::streams;
use crate::engine::Id;
use crate::engine::{EventHandle, SimDuration, SimTime};

/// A monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MonitorId {
    index: u32,
    generation: u32,
}

impl Id for MonitorId {
    fn new(index: u32, generation: u32) -> Self {
        MonitorId { index, generation }
    }

    fn parts(self) -> (u32, u32) {
        (self.index, self.generation)
    }
}

/// A periodic request to a box's port, as load balancers and monitoring systems make it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    pub period: SimDuration,
    /// How long an answer is waited for; a refused connection fails at once.
    pub timeout: SimDuration,
    /// Failures in a row that make a healthy box unhealthy.
    pub fall: u32,
    /// Successes in a row that bring an unhealthy box back.
    pub rise: u32,
    /// Successes in a row that make a new box healthy.
    pub first_rise: u32,
}

/// A periodic request to a box by the agent on its own machine, whom no network between machines concerns. It ends with
/// the processes of the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    pub check: HealthCheck,
    /// A tick of its clock, in the past or not.
    pub phase: SimTime,
    /// Nothing is asked before.
    pub from: SimTime,
    /// What counts until the first verdict; `None` if the first verdict is news whatever it is.
    pub begins: Option<bool>,
}

/// A sign of life that every machine sends, and how long it may stay away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    pub period: SimDuration,
    /// Silence after the last heartbeat until the machine counts as gone.
    pub timeout: SimDuration,
}

/// An alert on the share of failed requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorAlert {
    /// Fires above this share.
    pub threshold: f64,
    /// Period of the measurement.
    pub period: SimDuration,
    /// How long it must stay above.
    pub hold: SimDuration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Box(BoxId),
    Probe(BoxId, ProbeId),
    Vm(VmId),
    Service(ServiceId),
}

#[derive(Clone, Copy, Debug)]
enum Rule {
    Health(HealthCheck),
    /// By the agent on the machine, which says nothing while that is down.
    Local(HealthCheck),
    Probe {
        check: HealthCheck,
        from: SimTime,
    },
    Heartbeat(Heartbeat),
    Alert(ErrorAlert),
}

#[derive(Clone, Debug)]
pub(super) struct Monitor {
    subject: Subject,
    rule: Rule,
    phase: SimTime,
    /// What was last reported; `None` before the first verdict.
    verdict: Option<bool>,
    /// What a check would find now.
    truth: bool,
    pending: Option<EventHandle>,
}

impl World {
    /// Checks a box from now on; replaces an earlier check. The first verdict is reported too.
    pub(super) fn check_health(&mut self, subject: BoxId, check: HealthCheck) {
        self.check_by(subject, check, Rule::Health(check));
    }

    /// The same by the agent on its machine, whom no network between machines concerns.
    pub(super) fn check_health_locally(&mut self, subject: BoxId, check: HealthCheck) {
        self.check_by(subject, check, Rule::Local(check));
    }

    fn check_by(&mut self, subject: BoxId, check: HealthCheck, rule: Rule) {
        let b = self.boxes.get(subject).expect("only boxes that exist are checked");
        let entity = [u64::from(b.service.0), u64::from(b.ordinal), u64::from(b.life)];
        let phase = self.phase_of(streams::CHECK_PHASE, &entity, check.period);
        if let Some(old) = b.check {
            self.remove_monitor(old);
        }
        let monitor = self.add_monitor(Subject::Box(subject), rule, phase);
        self.boxes.get_mut(subject).expect("seen").check = Some(monitor);
        self.tell_check(subject);
    }

    /// Probes a box from now on; replaces an earlier probe of this id.
    pub(super) fn probe(&mut self, subject: BoxId, id: ProbeId, probe: Probe) {
        if self.boxes.get(subject).is_none() {
            return;
        }
        self.end_probe(subject, id);
        let rule = Rule::Probe { check: probe.check, from: probe.from };
        let monitor = self.add_monitor(Subject::Probe(subject, id), rule, probe.phase);
        self.monitors.get_mut(monitor).expect("just made").verdict = probe.begins;
        self.boxes.get_mut(subject).expect("seen").probes.push(monitor);
        self.tell_probes(subject);
    }

    pub(super) fn end_probe(&mut self, subject: BoxId, id: ProbeId) {
        let Some(b) = self.boxes.get(subject) else { return };
        let is_it =
            |m: &MonitorId| self.monitors.get(*m).is_some_and(|m| m.subject == Subject::Probe(subject, id));
        if let Some(at) = b.probes.iter().position(is_it) {
            let monitor = self.boxes.get_mut(subject).expect("seen").probes.remove(at);
            self.remove_monitor(monitor);
        }
    }

    /// Watches the heartbeats of a machine from now on; it counts as alive at first.
    pub(super) fn watch_heartbeat(&mut self, vm: VmId, heartbeat: Heartbeat) {
        let entity = self.launch_key(vm);
        let phase = self.phase_of(streams::HEARTBEAT_PHASE, &entity, heartbeat.period);
        if let Some(old) = self.vms.get(vm).expect("only machines that exist are watched").heartbeat {
            self.remove_monitor(old);
        }
        let monitor = self.add_monitor(Subject::Vm(vm), Rule::Heartbeat(heartbeat), phase);
        let m = self.monitors.get_mut(monitor).expect("just made");
        (m.verdict, m.truth) = (Some(true), true);
        self.vms.get_mut(vm).expect("seen").heartbeat = Some(monitor);
        self.tell_heartbeat(vm);
    }

    pub(super) fn alert_on_errors(&mut self, service: ServiceId, alert: ErrorAlert) {
        let phase = self.phase_of(streams::ALERT_PHASE, &[u64::from(service.0)], alert.period);
        let monitor = self.add_monitor(Subject::Service(service), Rule::Alert(alert), phase);
        self.monitors.get_mut(monitor).expect("just made").verdict = Some(false);
        if let Some(old) = self.services[service.index()].alert.replace(monitor) {
            self.remove_monitor(old);
        }
    }

    pub(super) fn tell_check(&mut self, subject: BoxId) {
        self.tell_proxies(subject);
        let Some(b) = self.boxes.get(subject) else { return };
        let Some(monitor) = b.check else { return };
        if matches!(self.monitors.get(monitor).map(|m| m.rule), Some(Rule::Local(_))) {
            let (answers, hung) = (b.state == State::Up && !b.hung, b.hung);
            if self.machine_answers(subject) {
                self.tell(monitor, answers, hung);
            } else {
                self.hush(monitor);
            }
            return;
        }
        let reach = self.reach(b);
        self.tell(monitor, reach == Reach::Serves, reach == Reach::Silent);
    }

    pub(super) fn tell_probes(&mut self, subject: BoxId) {
        let Some(b) = self.boxes.get(subject) else { return };
        let (answers, silent) = (b.state == State::Up && !b.hung, b.hung);
        for i in 0..b.probes.len() {
            let monitor = self.boxes.get(subject).expect("seen").probes[i];
            self.tell(monitor, answers, silent);
        }
    }

    /// A machine is reached, or no more.
    pub(super) fn tell_heartbeat(&mut self, vm: VmId) {
        self.count_quorum();
        let Some(v) = self.vms.get(vm) else { return };
        if let Some(monitor) = v.heartbeat {
            let heard = v.is_reachable();
            self.tell(monitor, heard, true);
        }
    }

    pub(super) fn tell_alert(&mut self, service: ServiceId, failing_share: f64) {
        let Some(monitor) = self.services[service.index()].alert else { return };
        let Rule::Alert(alert) = self.monitors.get(monitor).expect("removed with its service").rule else {
            unreachable!("a service has an alert rule")
        };
        self.tell(monitor, failing_share > alert.threshold, false);
    }

    /// The truth is now `truth`. Schedules the verdict that will notice, or cancels one that will not come.
    fn tell(&mut self, monitor: MonitorId, truth: bool, silent: bool) {
        let now = self.scheduler.now();
        let m = self.monitors.get_mut(monitor).expect("monitors are removed with their subject");
        if m.truth == truth && m.pending.is_some() {
            return;
        }
        let turned_at = now;
        m.truth = truth;
        if let Some(pending) = m.pending.take() {
            self.scheduler.cancel(pending);
        }
        let m = self.monitors.get(monitor).expect("seen");
        if m.verdict == Some(truth) {
            return;
        }
        let at = m.noticed_at(turned_at, silent);
        let handle = self.schedule_fault(at, Event::Verdict { monitor });
        self.monitors.get_mut(monitor).expect("seen").pending = handle;
    }

    /// Nobody is there to say anything.
    fn hush(&mut self, monitor: MonitorId) {
        let m = self.monitors.get_mut(monitor).expect("monitors are removed with their subject");
        if let Some(pending) = m.pending.take() {
            self.scheduler.cancel(pending);
        }
    }

    pub(super) fn on_verdict(&mut self, monitor: MonitorId) {
        let m = self.monitors.get_mut(monitor).expect("verdicts of removed monitors are cancelled");
        (m.pending, m.verdict) = (None, Some(m.truth));
        let truth = m.truth;
        match m.subject {
            Subject::Box(subject) => {
                if !truth {
                    self.observe(Observation::BoxKnownDown { subject });
                }
                self.signals.push_back(Signal::Health { subject, healthy: truth });
            }
            Subject::Probe(subject, probe) => {
                if !truth {
                    self.observe(Observation::BoxKnownDown { subject });
                }
                self.signals.push_back(Signal::Probe { subject, probe, good: truth });
            }
            // Who watches it says what is known of its boxes.
            Subject::Vm(vm) => {
                self.signals.push_back(Signal::Heartbeat { vm, alive: truth });
            }
            Subject::Service(service) => {
                self.observe(Observation::ErrorAlert { service, firing: truth });
                self.signals.push_back(Signal::ErrorAlert { service, firing: truth });
            }
        }
    }

    pub(super) fn remove_monitor(&mut self, monitor: MonitorId) {
        if let Some(pending) = self.monitors.remove(monitor).and_then(|m| m.pending) {
            self.scheduler.cancel(pending);
        }
    }

    fn add_monitor(&mut self, subject: Subject, rule: Rule, phase: SimTime) -> MonitorId {
        self.monitors.insert(Monitor { subject, rule, phase, verdict: None, truth: false, pending: None })
    }

    /// A check's clock starts at a random point of its period, the same on every run of this seed.
    fn phase_of(&self, purpose: crate::engine::Purpose, entity: &[u64], period: SimDuration) -> SimTime {
        let now = self.scheduler.now();
        let since_start = now.as_micros() % period.as_micros().max(1);
        let offset = period.mul_f64(self.streams.open(purpose, entity).uniform()).as_micros();
        SimTime::from_micros(now.as_micros() - since_start) + SimDuration::from_micros(offset)
    }
}

impl Monitor {
    /// When a change of the truth at `turned` is noticed.
    fn noticed_at(&self, turned: SimTime, silent: bool) -> SimTime {
        match self.rule {
            Rule::Health(check) | Rule::Local(check) => {
                let first = turned.next_tick(self.phase, check.period);
                first + self.confirmed_after(check, silent)
            }
            Rule::Probe { check, from } => {
                let first = turned.max(from).tick_at_or_after(self.phase, check.period);
                first + self.confirmed_after(check, silent)
            }
            Rule::Heartbeat(beat) if self.truth => turned.tick_at_or_after(self.phase, beat.period),
            Rule::Heartbeat(beat) => {
                let last = turned.last_tick(self.phase, beat.period).unwrap_or(turned);
                (last + beat.timeout).max(turned)
            }
            Rule::Alert(alert) => turned.next_tick(self.phase, alert.period) + alert.hold,
        }
    }
    /// From the first check that finds it otherwise to the one that makes it news.
    fn confirmed_after(&self, check: HealthCheck, silent: bool) -> SimDuration {
        let in_a_row = match (self.truth, self.verdict) {
            (false, _) => check.fall,
            (true, None) => check.first_rise,
            (true, Some(_)) => check.rise,
        };
        let timeout = if silent && !self.truth { check.timeout } else { SimDuration::ZERO };
        check.period * u64::from(in_a_row.max(1) - 1) + timeout
    }
}
