//! People: hours of work, how much of it was not planned, and pages.

use super::gauge::Gauge;
use super::{Part, Report};
use crate::engine::SimTime;
use crate::results::metric::MetricId;
use crate::world::{Activity, Observation};

#[derive(Debug, Default)]
pub(super) struct Toil {
    /// Thousandths of an hour per week.
    upkeep: Gauge,
    work_hours: f64,
    unplanned_hours: f64,
    pages: u64,
    pages_at_night: u64,
}

impl Part for Toil {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match *observation {
            Observation::UpkeepSet { hours_per_week } => {
                self.upkeep.set(time, (hours_per_week * 1e3).round() as i64)
            }
            Observation::WorkDone { activity, touch, .. } => {
                self.work_hours += touch.as_hours_f64();
                match activity {
                    Activity::Deploy | Activity::Upkeep => {}
                    Activity::Repair | Activity::Build | Activity::Rollback | Activity::EditRoute => {
                        self.unplanned_hours += touch.as_hours_f64();
                    }
                }
            }
            Observation::Paged { night, .. } => {
                self.pages += 1;
                self.pages_at_night += u64::from(night);
            }
            _ => {}
        }
    }

    fn begin(&mut self, time: SimTime) {
        self.upkeep.begin(time);
        *self = Toil { upkeep: self.upkeep, ..Toil::default() };
    }

    fn finish(&mut self, time: SimTime, report: &mut Report) {
        let upkeep_hours = self.upkeep.seconds(time) / 1e3 / (7.0 * 86_400.0);
        report.per_month(None, MetricId::PeopleHoursPerMonth, upkeep_hours + self.work_hours);
        report.per_month(None, MetricId::TouchHours, self.unplanned_hours);
        report.per_month(None, MetricId::PagesPerMonth, self.pages as f64);
        report.per_month(None, MetricId::PagesAtNight, self.pages_at_night as f64);
    }
}
