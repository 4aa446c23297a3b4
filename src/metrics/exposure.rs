//! Exposure: how long boxes can be attacked through vulnerabilities of high severity, and how fast these go away.
//!
//! A box counts from the moment on at which it first came up until it is gone. It is *exposed* while it has a
//! vulnerability that is exploited by now: published for longer than its time to exploit, and not fixed in the box. Exposed
//! time is added up when something about the box changes: between changes it is what lies after the earliest exploit.
//! *Open* vulnerabilities are those published and not fixed, exploited or not.
//!
//! *Patch latency* is told per vulnerability and box of a service at its publication: when the share of the service's boxes
//! that have it becomes smaller than ever before, so many of them are counted as patched then. A box that is replaced by
//! one from the same old image is thus not patched, and one that autoscaling takes away for a night is not either. Those
//! left at the end are censored. *Open after* 30 and 365 days is the share of all boxes that have a vulnerability at that
//! age, of those that come of that age in the metered time; what was published before it counts, so that short runs know it.
//!
//! *Oldest machine*: the age of the oldest machine that is rented, mean over time.

use super::gauge::Gauge;
use super::{Frame, Part, Report};
use crate::engine::{SecondaryMap, SimDuration, SimTime};
use crate::results::metric::MetricId;
use crate::world::{Activity, BoxId, Observation, ServiceId, Stamp, VmId, VulnerabilityId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Ages at which it is counted who still has a vulnerability.
const AGES: [(SimDuration, MetricId); 2] = [
    (SimDuration::from_days(30), MetricId::OpenAfterMonth),
    (SimDuration::from_days(365), MetricId::OpenAfterYear),
];

/// A box that counts.
#[derive(Clone, Debug)]
struct Counted {
    service: ServiceId,
    /// Up to when its exposure is added up.
    settled: SimTime,
    open: Vec<VulnerabilityId>,
}

#[derive(Clone, Debug, Default)]
struct ServiceState {
    boxes: Gauge,
    /// Vulnerabilities of all boxes together.
    open: Gauge,
    exposed_s: f64,
    /// How many boxes have each vulnerability.
    having: BTreeMap<VulnerabilityId, i64>,
    /// Vulnerabilities published in the metered time that some of the boxes of then still have.
    watched: BTreeMap<VulnerabilityId, Watched>,
    /// Boxes that have one at each age, and all boxes.
    aged: [(f64, f64); AGES.len()],
}

/// How far a service is with a vulnerability.
#[derive(Clone, Copy, Debug)]
struct Watched {
    /// Boxes when it was published.
    boxes: i64,
    /// Of these, the ones that count as patched.
    patched: i64,
}

pub(super) struct Exposure {
    frame: Arc<Frame>,
    /// Publication, and the earliest exploit.
    known: Vec<(Stamp, Stamp)>,
    services: Vec<ServiceState>,
    created: SecondaryMap<BoxId, ServiceId>,
    counted: BTreeMap<BoxId, Counted>,
    /// Who comes of which age next.
    birthdays: BTreeSet<(SimTime, usize, VulnerabilityId)>,
    latencies: Vec<(ServiceId, f64, bool)>,
    /// Machines by their launch.
    machines: BTreeSet<(Stamp, VmId)>,
    launched: BTreeMap<VmId, Stamp>,
    oldest_s: f64,
    oldest_until: SimTime,
    patch_hours: f64,
}

impl Exposure {
    pub fn new(frame: Arc<Frame>) -> Exposure {
        let services = vec![ServiceState::default(); frame.services.len()];
        Exposure {
            frame,
            known: Vec::new(),
            services,
            created: SecondaryMap::default(),
            counted: BTreeMap::new(),
            birthdays: BTreeSet::new(),
            latencies: Vec::new(),
            machines: BTreeSet::new(),
            launched: BTreeMap::new(),
            oldest_s: 0.0,
            oldest_until: SimTime::ZERO,
            patch_hours: 0.0,
        }
    }

    /// Adds up the exposure of a box until now.
    fn settle(&mut self, subject: BoxId, time: SimTime) {
        let Some(counted) = self.counted.get_mut(&subject) else { return };
        let since = Stamp::from(std::mem::replace(&mut counted.settled, time));
        let exploited = counted.open.iter().map(|v| self.known[v.0 as usize].1).min();
        if let Some(exploited) = exploited {
            let state = &mut self.services[usize::from(counted.service.0)];
            state.exposed_s += Stamp::from(time).since(since.max(exploited)).as_secs_f64();
        }
    }

    fn settle_all(&mut self, time: SimTime) {
        let all: Vec<BoxId> = self.counted.keys().copied().collect();
        all.into_iter().for_each(|subject| self.settle(subject, time));
    }

    /// The ages that vulnerabilities have come to since the last fact: nothing has changed from then on.
    fn count_birthdays(&mut self, time: SimTime) {
        while let Some(&(due, age, vulnerability)) = self.birthdays.first()
            && due <= time
        {
            self.birthdays.pop_first();
            if due < self.frame.meter_from {
                continue;
            }
            for state in &mut self.services {
                let having = state.having.get(&vulnerability).copied().unwrap_or(0);
                state.aged[age].0 += having as f64;
                state.aged[age].1 += state.boxes.value() as f64;
            }
        }
    }

    fn publish(&mut self, time: SimTime, vulnerability: VulnerabilityId, published: Stamp, exploited: Stamp) {
        self.known.push((published, exploited));
        for (index, (age, _)) in AGES.iter().enumerate() {
            if let Some(due) = published.plus(*age).in_simulation() {
                self.birthdays.insert((due, index, vulnerability));
            }
        }
        if published.in_simulation().is_some_and(|_| time >= self.frame.meter_from) {
            for state in &mut self.services {
                let boxes = state.boxes.value();
                state.watched.insert(vulnerability, Watched { boxes, patched: 0 });
            }
        }
    }

    /// Fewer boxes of a service than ever before may have what is watched.
    fn look_at_watched(&mut self, service: ServiceId, time: SimTime) {
        let state = &mut self.services[usize::from(service.0)];
        let boxes = state.boxes.value();
        if boxes == 0 {
            return;
        }
        for (vulnerability, watched) in &mut state.watched {
            let having = state.having.get(vulnerability).copied().unwrap_or(0);
            let free = watched.boxes * (boxes - having) / boxes;
            let latency = Stamp::from(time).since(self.known[vulnerability.0 as usize].0).as_secs_f64();
            for _ in watched.patched..free {
                self.latencies.push((service, latency, false));
            }
            watched.patched = watched.patched.max(free);
        }
        state.watched.retain(|_, watched| watched.patched < watched.boxes);
    }

    fn open(&mut self, time: SimTime, subject: BoxId, vulnerability: VulnerabilityId) {
        self.settle(subject, time);
        let Some(counted) = self.counted.get_mut(&subject) else { return };
        counted.open.push(vulnerability);
        let state = &mut self.services[usize::from(counted.service.0)];
        state.open.add(time, 1);
        *state.having.entry(vulnerability).or_default() += 1;
    }

    fn close(&mut self, time: SimTime, subject: BoxId, vulnerability: VulnerabilityId) {
        self.settle(subject, time);
        let Some(counted) = self.counted.get_mut(&subject) else { return };
        counted.open.retain(|other| *other != vulnerability);
        let service = counted.service;
        self.services[usize::from(service.0)].lose(time, vulnerability);
        self.look_at_watched(service, time);
    }

    fn remove(&mut self, time: SimTime, subject: BoxId) {
        self.created.remove(subject);
        self.settle(subject, time);
        let Some(Counted { service, open, .. }) = self.counted.remove(&subject) else { return };
        let state = &mut self.services[usize::from(service.0)];
        state.boxes.add(time, -1);
        for vulnerability in open {
            state.lose(time, vulnerability);
        }
        self.look_at_watched(service, time);
    }

    /// Time at which the oldest machine changes: what its age added up to.
    fn settle_oldest(&mut self, time: SimTime) {
        let since = std::mem::replace(&mut self.oldest_until, time);
        if let Some(&(launched, _)) = self.machines.first() {
            let (from, to) = (Stamp::from(since).since(launched), Stamp::from(time).since(launched));
            let mean = (from.as_secs_f64() + to.as_secs_f64()) / 2.0;
            self.oldest_s += mean * time.since(since).as_secs_f64();
        }
    }

    fn set_launch(&mut self, time: SimTime, vm: VmId, launched: Option<Stamp>) {
        self.settle_oldest(time);
        let before = match launched {
            Some(launched) => self.launched.insert(vm, launched),
            None => self.launched.remove(&vm),
        };
        if let Some(before) = before {
            self.machines.remove(&(before, vm));
        }
        self.machines.extend(launched.map(|launched| (launched, vm)));
    }
}

impl ServiceState {
    fn lose(&mut self, time: SimTime, vulnerability: VulnerabilityId) {
        self.open.add(time, -1);
        if let Some(having) = self.having.get_mut(&vulnerability) {
            *having -= 1;
            if *having == 0 {
                self.having.remove(&vulnerability);
            }
        }
    }
}

impl Part for Exposure {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        self.count_birthdays(time);
        match *observation {
            Observation::VulnerabilityPublished { vulnerability, published, exploited, .. } => {
                self.publish(time, vulnerability, published, exploited);
            }
            Observation::VulnerabilityOpened { subject, vulnerability } => {
                self.open(time, subject, vulnerability);
            }
            Observation::VulnerabilityClosed { subject, vulnerability } => {
                self.close(time, subject, vulnerability);
            }
            Observation::BoxCreated { subject, service, .. } => {
                self.created.insert(subject, service);
            }
            Observation::BoxUp { subject } => {
                if let Some(service) = self.created.remove(subject) {
                    self.counted.insert(subject, Counted { service, settled: time, open: Vec::new() });
                    self.services[usize::from(service.0)].boxes.add(time, 1);
                }
            }
            Observation::BoxGone { subject } | Observation::BoxRemoved { subject } => {
                self.remove(time, subject)
            }
            Observation::VmLaunched { vm, .. } => self.set_launch(time, vm, Some(Stamp::from(time))),
            Observation::VmBackdated { vm, launched } => self.set_launch(time, vm, Some(launched)),
            Observation::VmTerminated { vm } => self.set_launch(time, vm, None),
            Observation::WorkDone { activity: Activity::Patch, touch, .. } => {
                self.patch_hours += touch.as_hours_f64();
            }
            _ => {}
        }
    }

    fn begin(&mut self, time: SimTime) {
        self.count_birthdays(time);
        self.settle_all(time);
        self.settle_oldest(time);
        self.oldest_s = 0.0;
        self.patch_hours = 0.0;
        for state in &mut self.services {
            state.boxes.begin(time);
            state.open.begin(time);
            (state.exposed_s, state.aged) = (0.0, Default::default());
        }
    }

    fn finish(&mut self, time: SimTime, report: &mut Report) {
        self.count_birthdays(time);
        self.settle_all(time);
        self.settle_oldest(time);
        let mut all = [0.0; 3];
        let mut all_aged = [(0.0, 0.0); AGES.len()];
        for service in self.frame.service_ids() {
            let state = &mut self.services[usize::from(service.0)];
            let sums = [state.boxes.seconds(time), state.open.seconds(time), state.exposed_s];
            all.iter_mut().zip(sums).for_each(|(all, own)| *all += own);
            all_aged.iter_mut().zip(state.aged).for_each(|(all, own)| {
                (all.0, all.1) = (all.0 + own.0, all.1 + own.1);
            });
            state_exposure(Some(service), sums, state.aged, report);
            for (vulnerability, watched) in &state.watched {
                let age = Stamp::from(time).since(self.known[vulnerability.0 as usize].0).as_secs_f64();
                for _ in watched.patched..watched.boxes {
                    self.latencies.push((service, age, true));
                }
            }
        }
        state_exposure(None, all, all_aged, report);
        report.measure(None, MetricId::OldestMachine, self.oldest_s, report.seconds);
        report.per_month(None, MetricId::PatchHours, self.patch_hours);
        for &(service, latency_s, censored) in &self.latencies {
            report.sample(service, MetricId::PatchLatency, latency_s, censored);
        }
    }
}

fn state_exposure(
    service: Option<ServiceId>,
    [boxes_s, open_s, exposed_s]: [f64; 3],
    aged: [(f64, f64); AGES.len()],
    report: &mut Report,
) {
    const DAY_S: f64 = 86_400.0;
    report.measure(service, MetricId::ExposedShare, exposed_s, boxes_s);
    report.per_month(service, MetricId::ExposedBoxDays, exposed_s / DAY_S);
    report.measure(service, MetricId::OpenVulnerabilities, open_s, boxes_s);
    for ((_, metric), (having, boxes)) in AGES.iter().zip(aged) {
        report.measure(service, *metric, having, boxes);
    }
}
