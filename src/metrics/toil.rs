//! People: hours of work, how much of it was not planned, pages by hour of the day, and how long work waits.
//!
//! A page is one call to one person: what is escalated counts again. *Acknowledged* is the time from the first of them
//! until somebody is at it; *waiting* is the time from asking for planned work until it begins. *Without knowing* is
//! work that needs knowledge of its service and was begun by somebody who has none and reached nobody.

use super::gauge::Gauge;
use super::outcome::Sample;
use super::{Part, Report};
use crate::engine::SimTime;
use crate::results::metric::MetricId;
use crate::world::{Expertise, Observation, Urgency};

#[derive(Debug, Default)]
pub(super) struct Toil {
    /// Of the team [h/week].
    office_hours: f64,
    /// Thousandths of an hour per week.
    upkeep: Gauge,
    work_hours: f64,
    unplanned_hours: f64,
    pages: u64,
    /// By quarter of the day: from midnight, from 6, from noon, from 18 h.
    pages_by_quarter: [u64; 4],
    /// [min]
    acknowledged: Vec<f64>,
    /// [h]
    waited: Vec<f64>,
    needs_knowledge: u64,
    without_knowing: u64,
    pages_at_night: u64,
}

impl Toil {
    pub fn new(office_hours: f64) -> Toil {
        Toil { office_hours, ..Toil::default() }
    }
}

impl Part for Toil {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match *observation {
            Observation::UpkeepSet { hours_per_week } => {
                self.upkeep.set(time, (hours_per_week * 1e3).round() as i64)
            }
            Observation::WorkDone { activity, touch, .. } => {
                self.work_hours += touch.as_hours_f64();
                if activity.is_unplanned() {
                    self.unplanned_hours += touch.as_hours_f64();
                }
            }
            Observation::WorkBegan { urgency, expertise, waited, .. } => {
                match urgency {
                    Urgency::Page => self.acknowledged.push(waited.as_secs_f64() / 60.0),
                    Urgency::OfficeHours => self.waited.push(waited.as_hours_f64()),
                    Urgency::AtOnce => {}
                }
                self.needs_knowledge += u64::from(expertise != Expertise::Routine);
                let without = matches!(expertise, Expertise::Runbook | Expertise::Unfamiliar);
                self.without_knowing += u64::from(without);
            }
            Observation::Paged { night, .. } => {
                self.pages += 1;
                let hour = time.as_micros() / 3_600_000_000 % 24;
                self.pages_by_quarter[hour as usize / 6] += 1;
                self.pages_at_night += u64::from(night);
            }
            _ => {}
        }
    }

    fn begin(&mut self, time: SimTime) {
        self.upkeep.begin(time);
        *self = Toil { upkeep: self.upkeep, ..Toil::new(self.office_hours) };
    }

    fn finish(&mut self, time: SimTime, report: &mut Report) {
        let upkeep_hours = self.upkeep.seconds(time) / 1e3 / (7.0 * 86_400.0);
        report.per_month(None, MetricId::PeopleHoursPerMonth, upkeep_hours + self.work_hours);
        let office_hours = self.office_hours * report.seconds / (7.0 * 86_400.0);
        report.measure(None, MetricId::TeamLoad, upkeep_hours + self.work_hours, office_hours);
        report.per_month(None, MetricId::TouchHours, self.unplanned_hours);
        report.per_month(None, MetricId::PagesPerMonth, self.pages as f64);
        report.per_month(None, MetricId::PagesAtNight, self.pages_at_night as f64);
        let quarters =
            [MetricId::PagesFrom0, MetricId::PagesFrom6, MetricId::PagesFrom12, MetricId::PagesFrom18];
        for (metric, pages) in quarters.into_iter().zip(self.pages_by_quarter) {
            report.per_month(None, metric, pages as f64);
        }
        let mut samples = |metric, values: &[f64]| {
            let of_platform = |&value| Sample { service: None, metric, value, censored: false };
            report.outcome.samples.extend(values.iter().map(of_platform));
        };
        samples(MetricId::AcknowledgeTime, &self.acknowledged);
        samples(MetricId::TicketWaiting, &self.waited);
        let (without, needed) = (self.without_knowing as f64, self.needs_knowledge as f64);
        report.measure(None, MetricId::WithoutKnowing, without, needed);
    }
}
