//! Releases: how long they take, how many versions serve at once, and how bad ones are met and taken back.
//!
//! *Lead time*: from the developers' hand-over until every box runs the version. *Duration*: from the first box
//! changed. *Rollback time* of a bad version: from the first box that serves it (or fails to start it) until no
//! box has it; that is also an incident of kind `bad-release`, or `bad-configuration` where a configuration that was
//! pushed past the releases is what is wrong with it, whose stages are: known by the alert or by whoever
//! watches the rollout, decided, and carried out.

use super::outcome::{End, IncidentOutcome, RecoveryStages, replay_at};
use super::{Frame, Part, Report};
use crate::engine::{SecondaryMap, SimTime};
use crate::results::metric::MetricId;
use crate::world::observation::{Exit, RolloutStep};
use crate::world::{About, Activity, BoxId, FaultId, FaultKind, Observation, ServiceId, Version};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Copy, Debug)]
struct Release {
    handed_over: SimTime,
    begun: Option<SimTime>,
    bad: bool,
    /// The fault, where it is a configuration that was pushed past the releases.
    configuration: Option<FaultId>,
    first_harm: Option<SimTime>,
    known: Option<SimTime>,
    back_begins: Option<SimTime>,
    over: bool,
    /// Every box has it, or will never: taken back, or overtaken by a later one.
    settled: bool,
}

impl Release {
    fn new(handed_over: SimTime, bad: bool) -> Release {
        Release {
            handed_over,
            begun: None,
            bad,
            configuration: None,
            first_harm: None,
            known: None,
            back_begins: None,
            over: false,
            settled: false,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Running {
    service: ServiceId,
    version: Version,
    up: bool,
    /// Callers send it requests.
    routed: bool,
}

#[derive(Clone, Debug, Default)]
struct ServiceState {
    /// Boxes that exist, and that serve callers, by version.
    present: BTreeMap<Version, u32>,
    serving: BTreeMap<Version, u32>,
    mixed_since: Option<SimTime>,
    mixed_s: f64,
}

pub(super) struct Releases {
    frame: Arc<Frame>,
    releases: BTreeMap<(ServiceId, Version), Release>,
    /// Configurations by number: when somebody made the change, and the fault that it is.
    pushed: BTreeMap<(ServiceId, u32), (SimTime, FaultId)>,
    boxes: SecondaryMap<BoxId, Running>,
    services: Vec<ServiceState>,
    /// Minutes, and whether it was still going on at the horizon.
    durations: Vec<(ServiceId, MetricId, f64, bool)>,
    incidents: Vec<IncidentOutcome>,
}

impl Releases {
    pub fn new(frame: Arc<Frame>) -> Releases {
        let services = vec![ServiceState::default(); frame.services.len()];
        Releases {
            frame,
            releases: BTreeMap::new(),
            pushed: BTreeMap::new(),
            boxes: SecondaryMap::default(),
            services,
            durations: Vec::new(),
            incidents: Vec::new(),
        }
    }

    fn state(&mut self, service: ServiceId) -> &mut ServiceState {
        &mut self.services[service.0 as usize]
    }

    /// A box serves whom it is on the route for: a second set that waits harms nobody.
    fn change(&mut self, time: SimTime, subject: BoxId, change: impl FnOnce(&mut Running)) {
        let Some(running) = self.boxes.get_mut(subject) else { return };
        let before = running.up && running.routed;
        change(running);
        let serves = running.up && running.routed;
        if before == serves {
            return;
        }
        let Running { service, version, .. } = *running;
        let state = self.state(service);
        count(&mut state.serving, version.code(), if serves { 1 } else { -1 });
        state.note_mix(time);
        if serves {
            self.note_harm(time, service, version);
        }
    }

    fn note_harm(&mut self, time: SimTime, service: ServiceId, version: Version) {
        if let Some(release) = self.releases.get_mut(&(service, version)).filter(|r| r.bad) {
            release.first_harm.get_or_insert(time);
        }
    }

    fn set_version(&mut self, time: SimTime, subject: BoxId, version: Option<Version>) {
        let Some(running) = self.boxes.get_mut(subject) else { return };
        let (service, old) = (running.service, running.version);
        if Some(old) == version {
            return;
        }
        if let Some(new) = version {
            running.version = new;
            count(&mut self.state(service).present, new, 1);
        }
        count(&mut self.state(service).present, old, -1);
        if !self.state(service).present.contains_key(&old) {
            self.close_bad(time, service, old);
        }
    }

    /// No box has the bad version any more.
    fn close_bad(&mut self, time: SimTime, service: ServiceId, version: Version) {
        let Some(release) = self.releases.get_mut(&(service, version)) else { return };
        if !release.bad || release.over {
            return;
        }
        let taken_back = release.back_begins.is_some();
        let since = release.begun;
        let of_service = (service, Version(0))..=(service, Version(u32::MAX));
        let mut others = self.releases.range(of_service);
        let superseded = others.any(|(_, r)| r.begun > since);
        if !taken_back && !superseded {
            return; // its first box failed to start and is tried again
        }
        let release = self.releases.get_mut(&(service, version)).expect("seen above");
        release.over = true;
        let release = *release;
        self.record_bad(time, service, version, release, false);
    }

    fn record_bad(
        &mut self,
        time: SimTime,
        service: ServiceId,
        version: Version,
        release: Release,
        open: bool,
    ) {
        let Some(opened) = release.first_harm.filter(|&t| t >= self.frame.meter_from) else { return };
        let known = release.known.unwrap_or(time).clamp(opened, time);
        let back = release.back_begins.unwrap_or(time).clamp(known, time);
        let stages = RecoveryStages {
            detect_s: known.since(opened).as_secs_f64(),
            decide_s: back.since(known).as_secs_f64(),
            rotation_s: time.since(back).as_secs_f64(),
            ..RecoveryStages::default()
        };
        let total = time.since(opened).as_secs_f64();
        let entity = [u64::from(service.0), 0];
        let (kind, fault, what) = match release.configuration {
            Some(fault) => (FaultKind::BadConfiguration, fault, "configuration"),
            None => {
                self.durations.push((service, MetricId::RollbackTime, total / 60.0, open));
                let kind = FaultKind::BadRelease;
                (kind, FaultId::new(kind, entity, u64::from(version.0)), "release")
            }
        };
        let number = if release.configuration.is_some() { version.configuration() } else { version.0 };
        self.incidents.push(IncidentOutcome {
            fault: fault.0,
            kind: kind.name().into(),
            service: Some(service.0),
            lost: format!("{} {what} {number}", self.frame.service(service).name),
            replacement: String::new(),
            time: self.frame.calendar.iso(opened),
            replay_at: replay_at(opened),
            opened_s: self.frame.metered_s(opened),
            stages,
            end: if open { End::Open } else { End::Closed },
        });
    }

    /// A configuration is known by its number alone, until it is on its way with some release.
    fn note_configured(&mut self, service: ServiceId, version: Version) {
        let pushed = self.pushed.get(&(service, version.configuration()));
        if let Some(&(handed_over, fault)) = pushed {
            let release = Release { configuration: Some(fault), ..Release::new(handed_over, true) };
            self.releases.entry((service, version)).or_insert(release);
        }
    }

    fn on_rollout(&mut self, time: SimTime, service: ServiceId, version: Version, step: RolloutStep) {
        self.note_configured(service, version);
        let Some(release) = self.releases.get_mut(&(service, version)) else { return };
        match step {
            RolloutStep::Begins => {
                release.begun = Some(time);
                if release.configuration.is_some() {
                    return; // a release that waits does not end with it
                }
                for (_, earlier) in self.releases.range_mut((service, Version(0))..(service, version)) {
                    earlier.settled = true;
                }
            }
            RolloutStep::Completes if release.configuration.is_some() => {}
            RolloutStep::Completes => {
                release.settled = true;
                let (handed_over, begun) = (release.handed_over, release.begun.unwrap_or(time));
                if handed_over >= self.frame.meter_from {
                    let minutes = |from: SimTime| time.since(from).as_secs_f64() / 60.0;
                    self.durations.push((service, MetricId::ReleaseDuration, minutes(begun), false));
                    self.durations.push((service, MetricId::ReleaseLeadTime, minutes(handed_over), false));
                }
            }
            RolloutStep::RollbackBegins => {
                release.settled = true;
                release.back_begins = Some(time);
                release.known.get_or_insert(time);
            }
            RolloutStep::RollbackCompletes => self.close_bad(time, service, version),
        }
    }

    /// An alert, or somebody who is called to look, makes every bad version known that is doing harm.
    fn on_alert(&mut self, time: SimTime, service: ServiceId) {
        let of_service = (service, Version(0))..=(service, Version(u32::MAX));
        for (_, release) in self.releases.range_mut(of_service) {
            if release.first_harm.is_some() && !release.over {
                release.known.get_or_insert(time);
            }
        }
    }
}

impl ServiceState {
    fn note_mix(&mut self, time: SimTime) {
        match (self.serving.len() > 1, self.mixed_since) {
            (true, None) => self.mixed_since = Some(time),
            (false, Some(since)) => {
                self.mixed_s += time.since(since).as_secs_f64();
                self.mixed_since = None;
            }
            _ => {}
        }
    }
}

fn count(counts: &mut BTreeMap<Version, u32>, version: Version, change: i32) {
    let n = counts.entry(version).or_default();
    *n = n.checked_add_signed(change).expect("counted before");
    if *n == 0 {
        counts.remove(&version);
    }
}

impl Part for Releases {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match *observation {
            Observation::ReleaseHandedOver { service, version, bad } => {
                self.releases.insert((service, version), Release::new(time, bad));
            }
            Observation::ConfigurationChanged { service, number, fault } => {
                self.pushed.insert((service, number), (time, fault));
            }
            Observation::BoxCreated { subject, service, version, .. } => {
                self.boxes.insert(subject, Running { service, version, up: false, routed: false });
                count(&mut self.state(service).present, version, 1);
            }
            Observation::BoxStarting { subject, version } => self.set_version(time, subject, Some(version)),
            Observation::BoxUp { subject } => self.change(time, subject, |r| r.up = true),
            Observation::BoxRouted { subject } => self.change(time, subject, |r| r.routed = true),
            Observation::BoxUnrouted { subject } => self.change(time, subject, |r| r.routed = false),
            Observation::BoxExited { subject, exit } => {
                self.change(time, subject, |r| r.up = false);
                if let (Exit::FailsToStart, Some(&r)) = (exit, self.boxes.get(subject)) {
                    self.note_harm(time, r.service, r.version);
                }
            }
            Observation::BoxRemoved { subject } => {
                self.set_version(time, subject, None);
                self.boxes.remove(subject);
            }
            Observation::Rollout { service, version, step } => self.on_rollout(time, service, version, step),
            Observation::ErrorAlert { service, firing: true }
            | Observation::Complaint { service }
            | Observation::WorkAsked { about: About::Service(service), activity: Activity::Repair, .. } => {
                self.on_alert(time, service);
            }
            _ => {}
        }
    }

    fn begin(&mut self, time: SimTime) {
        for state in &mut self.services {
            state.mixed_s = 0.0;
            state.mixed_since = state.mixed_since.map(|_| time);
        }
    }

    fn finish(&mut self, time: SimTime, report: &mut Report) {
        let open: Vec<_> =
            self.releases.iter().filter(|(_, r)| r.bad && !r.over).map(|(&k, &r)| (k, r)).collect();
        for ((service, version), release) in open {
            self.record_bad(time, service, version, release, true);
        }
        // Leaving out what is still going on would flatter the platform that takes long.
        for (&(service, _), release) in &self.releases {
            if release.configuration.is_some()
                || release.settled
                || release.handed_over < self.frame.meter_from
            {
                continue;
            }
            let minutes = |from: SimTime| time.since(from).as_secs_f64() / 60.0;
            let lead_time = minutes(release.handed_over);
            self.durations.push((service, MetricId::ReleaseLeadTime, lead_time, true));
            let begun = release.begun.map(|begun| (service, MetricId::ReleaseDuration, minutes(begun), true));
            self.durations.extend(begun);
        }
        for &(service, metric, minutes, open) in &self.durations {
            report.sample(service, metric, minutes, open);
        }
        let mut all_minutes = 0.0;
        for service in self.frame.service_ids() {
            let state = self.state(service);
            let open_s = state.mixed_since.map_or(0.0, |since| time.since(since).as_secs_f64());
            let minutes = (state.mixed_s + open_s) / 60.0;
            all_minutes += minutes;
            report.per_month(Some(service), MetricId::MixedVersionMinutes, minutes);
        }
        report.per_month(None, MetricId::MixedVersionMinutes, all_minutes);
        report.outcome.incidents.append(&mut self.incidents);
    }
}
