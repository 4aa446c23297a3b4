//! What users notice: requests served and failed, and how long they took.

use super::latency::LatencyMixture;
use super::latency_series::LatencySeries;
use super::{Frame, Part, Report};
use crate::engine::SimTime;
use crate::results::metric::MetricId;
use crate::world::{Observation, ServiceId};
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
struct Sums {
    offered: f64,
    served: f64,
    to_dead_boxes: f64,
    errors: f64,
    /// Served, but slower than the latency goal.
    slow: f64,
    below_slo_s: f64,
    latency: LatencyMixture,
    over_time: LatencySeries,
}

pub(super) struct Users {
    frame: Arc<Frame>,
    services: Vec<Sums>,
}

impl Users {
    pub fn new(frame: Arc<Frame>) -> Users {
        Users { services: vec![Sums::default(); frame.services.len()], frame }
    }

    fn sums(&self, service: ServiceId) -> &Sums {
        &self.services[service.0 as usize]
    }
}

impl Part for Users {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match observation {
            Observation::Flow(flow) => {
                let goal = self.frame.service(flow.service).availability_goal;
                let sums = &mut self.services[flow.service.0 as usize];
                let seconds = flow.seconds();
                sums.offered += flow.offered * seconds;
                sums.served += flow.served * seconds;
                sums.to_dead_boxes += flow.to_dead_boxes * seconds;
                sums.errors += flow.errors * seconds;
                sums.slow += flow.slow * seconds;
                if flow.served - flow.slow < goal * flow.offered {
                    sums.below_slo_s += seconds;
                }
                sums.latency.add(flow);
                sums.over_time.add(flow, &self.frame);
            }
            Observation::RequestServed { service, latency_s } => {
                let sums = &mut self.services[service.0 as usize];
                sums.latency.add_one(*latency_s);
                sums.over_time.add_one(time, *latency_s, &self.frame);
            }
            Observation::InFlightLost { service, requests } => {
                self.services[service.0 as usize].served -= requests
            }
            _ => {}
        }
    }

    fn begin(&mut self, _: SimTime) {
        for sums in &mut self.services {
            sums.latency.clear();
            *sums = Sums { latency: std::mem::take(&mut sums.latency), ..Sums::default() };
        }
    }

    fn finish(&mut self, _: SimTime, report: &mut Report) {
        for service in self.frame.service_ids() {
            let frame = self.frame.service(service);
            let mixture = &self.services[service.0 as usize].latency;
            report.outcome.latencies.push(mixture.histogram(&frame.work, frame.timeout_s));
            let over_time = std::mem::take(&mut self.services[service.0 as usize].over_time);
            report.outcome.latency_points.extend(over_time.points(service.0));
        }
        let each = self.frame.service_ids().map(|s| (Some(s), vec![s]));
        let all = (None, self.frame.service_ids().collect());
        for (scope, members) in each.chain([all]) {
            let sum = |of: fn(&Sums) -> f64| members.iter().map(|&s| of(self.sums(s))).sum::<f64>();
            let offered = sum(|s| s.offered);
            report.measure(scope, MetricId::Availability, sum(|s| s.served), offered);
            report.measure(scope, MetricId::RequestsToDeadBoxes, sum(|s| s.to_dead_boxes), offered);
            report.measure(scope, MetricId::BadReleaseRequests, sum(|s| s.errors), offered);
            report.measure(scope, MetricId::WithinGoal, sum(|s| s.served - s.slow), offered);
            let asked: Vec<ServiceId> =
                members.iter().copied().filter(|&s| self.sums(s).offered > 0.0).collect();
            let met = asked.iter().filter(|&&s| {
                let Sums { offered, served, slow, .. } = *self.sums(s);
                served - slow >= self.frame.service(s).latency_quantile * offered
            });
            report.measure(scope, MetricId::SloMet, met.count() as f64, asked.len() as f64);
            report.per_month(scope, MetricId::MinutesBelowSlo, sum(|s| s.below_slo_s) / 60.0);
        }
    }
}
