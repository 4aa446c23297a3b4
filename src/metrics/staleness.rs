//! How far what callers believe is from the truth: dead boxes that are on their lists, new ones that are not yet.
//!
//! Each box has a share of the callers that sends to it: all or nobody behind a load balancer, any share where callers hold
//! copies of a list. Dead and listed is that share, added up over time while a box serves nobody, whatever took it out of
//! service; a time until is the mean over the callers that had it. The time of a box that a fault took ends when callers
//! have left it, or when it serves again before.
//! Start at [`Staleness`].

use super::{Frame, Part, Report};
use crate::engine::{SecondaryMap, SimTime};
use crate::results::metric::MetricId;
use crate::world::observation::Exit;
use crate::world::{BoxId, Observation, ServiceId};
use std::sync::Arc;

/// Shares that differ by less are the same.
const NOTHING: f64 = 1e-9;

#[derive(Clone, Copy, Debug)]
struct Listing {
    service: ServiceId,
    share: f64,
    serves: bool,
    as_of: SimTime,
    /// Since it died: the share of callers it had then, and seconds times callers that still have it.
    dead: Option<(f64, f64)>,
    /// Since it was ready: seconds times callers that do not have it.
    new: Option<f64>,
}

impl Listing {
    /// A fault takes it out of service, while callers send to it or not.
    fn die(&mut self) {
        if self.serves && self.share > NOTHING {
            self.dead = Some((self.share, 0.0));
        }
        self.serves = false;
    }
}

pub(super) struct Staleness {
    frame: Arc<Frame>,
    boxes: SecondaryMap<BoxId, Listing>,
    /// Box-seconds by service.
    stale: Vec<f64>,
    delisted: Vec<(ServiceId, f64)>,
    enlisted: Vec<(ServiceId, f64)>,
    lost_at: Option<SimTime>,
    lost_s: f64,
    /// There is a registry that could be lost.
    has_registry: bool,
}

impl Staleness {
    pub fn new(frame: Arc<Frame>) -> Staleness {
        Staleness {
            boxes: SecondaryMap::default(),
            stale: vec![0.0; frame.services.len()],
            delisted: Vec::new(),
            enlisted: Vec::new(),
            lost_at: None,
            lost_s: 0.0,
            has_registry: false,
            frame,
        }
    }

    /// Counts what was up to now, then changes a box.
    fn change(&mut self, time: SimTime, subject: BoxId, change: impl FnOnce(&mut Listing)) {
        let Some(b) = self.boxes.get_mut(subject) else { return };
        let dt = time.since(b.as_of).as_secs_f64();
        b.as_of = time;
        if !b.serves {
            self.stale[b.service.0 as usize] += b.share * dt;
        }
        if let Some((_, sum)) = &mut b.dead {
            *sum += b.share * dt;
        }
        if let Some(sum) = &mut b.new {
            *sum += (1.0 - b.share) * dt;
        }
        let served = b.serves;
        change(b);
        if served && !b.serves {
            b.new = None;
        }
        if !served && b.serves && b.share < 1.0 - NOTHING {
            b.new = Some(0.0);
        }
        let service = b.service;
        if let Some((callers, sum)) = b.dead.take_if(|_| b.serves || b.share <= NOTHING) {
            self.delisted.push((service, sum / callers));
        }
        if let Some(sum) = b.new.take_if(|_| b.share >= 1.0 - NOTHING) {
            self.enlisted.push((service, sum));
        }
    }
}

impl Part for Staleness {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match *observation {
            Observation::BoxCreated { subject, service, .. } => {
                let new = Listing { service, share: 0.0, serves: false, as_of: time, dead: None, new: None };
                self.boxes.insert(subject, new);
            }
            Observation::BoxUp { subject } => self.change(time, subject, |b| b.serves = true),
            Observation::BoxExited { subject, exit: Exit::Fault { .. } }
            | Observation::BoxHung { subject, .. } => self.change(time, subject, Listing::die),
            Observation::BoxExited { subject, .. } | Observation::BoxEnding { subject } => {
                self.change(time, subject, |b| b.serves = false)
            }
            Observation::BoxListed { subject, share } => self.change(time, subject, |b| b.share = share),
            // Where copies are held, what nearly all callers do is in the shares.
            Observation::BoxRouted { subject } => {
                self.change(time, subject, |b| b.share = if b.share > NOTHING { b.share } else { 1.0 })
            }
            Observation::BoxUnrouted { subject } => {
                self.change(time, subject, |b| b.share = if b.share < 1.0 - NOTHING { b.share } else { 0.0 })
            }
            Observation::BoxRemoved { subject } => {
                self.change(time, subject, |b| (b.share, b.serves) = (0.0, false));
                self.boxes.remove(subject);
            }
            Observation::DirectoryServer { .. } => self.has_registry = true,
            Observation::DirectoryLost { .. } => self.lost_at = Some(time),
            Observation::DirectoryBack => {
                let lost = self.lost_at.take().map_or(0.0, |lost| time.since(lost).as_secs_f64());
                self.lost_s += lost;
            }
            _ => {}
        }
    }

    fn begin(&mut self, time: SimTime) {
        let known: Vec<BoxId> = self.boxes.iter().map(|(subject, _)| subject).collect();
        known.into_iter().for_each(|subject| self.change(time, subject, |_| {}));
        self.stale.fill(0.0);
        self.delisted.clear();
        self.enlisted.clear();
        self.lost_s = 0.0;
        self.lost_at = self.lost_at.map(|_| time);
    }

    fn finish(&mut self, time: SimTime, report: &mut Report) {
        let known: Vec<BoxId> = self.boxes.iter().map(|(subject, _)| subject).collect();
        known.into_iter().for_each(|subject| self.change(time, subject, |_| {}));
        for service in self.frame.service_ids() {
            let minutes = self.stale[service.0 as usize] / 60.0;
            report.per_month(Some(service), MetricId::StaleRoutes, minutes);
        }
        report.per_month(None, MetricId::StaleRoutes, self.stale.iter().sum::<f64>() / 60.0);
        for &(service, seconds) in &self.delisted {
            report.sample(service, MetricId::DelistTime, seconds, false);
        }
        for &(service, seconds) in &self.enlisted {
            report.sample(service, MetricId::EnlistTime, seconds, false);
        }
        if self.has_registry {
            let lost = self.lost_at.map_or(0.0, |lost| time.since(lost).as_secs_f64());
            report.per_month(None, MetricId::DiscoveryDown, (self.lost_s + lost) / 60.0);
        }
    }
}
