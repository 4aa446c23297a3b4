//! What users notice: requests served and failed, and how long they took.

use super::latency::{LatencyMixture, quantile};
use super::{Frame, Part, Report};
use crate::engine::SimTime;
use crate::results::metric::MetricId;
use crate::world::Observation;
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
struct Sums {
    offered: f64,
    served: f64,
    to_dead_boxes: f64,
    errors: f64,
    below_slo_s: f64,
    latency: LatencyMixture,
}

pub(super) struct Users {
    frame: Arc<Frame>,
    services: Vec<Sums>,
}

impl Users {
    pub fn new(frame: Arc<Frame>) -> Users {
        Users { services: vec![Sums::default(); frame.services.len()], frame }
    }
}

impl Part for Users {
    fn observe(&mut self, _: SimTime, observation: &Observation) {
        match observation {
            Observation::Flow(flow) => {
                let goal = self.frame.service(flow.service).availability_goal;
                let sums = &mut self.services[flow.service.0 as usize];
                let seconds = flow.seconds();
                sums.offered += flow.offered * seconds;
                sums.served += flow.served * seconds;
                sums.to_dead_boxes += flow.to_dead_boxes * seconds;
                sums.errors += flow.errors * seconds;
                if flow.served - flow.slow < goal * flow.offered {
                    sums.below_slo_s += seconds;
                }
                sums.latency.add(flow);
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
        let each = self.frame.service_ids().map(|s| (Some(s), vec![s]));
        let all = (None, self.frame.service_ids().collect());
        for (scope, members) in each.chain([all]) {
            let sum =
                |of: fn(&Sums) -> f64| members.iter().map(|s| of(&self.services[s.0 as usize])).sum::<f64>();
            let offered = sum(|s| s.offered);
            report.measure(scope, MetricId::Availability, sum(|s| s.served), offered);
            report.measure(scope, MetricId::RequestsToDeadBoxes, sum(|s| s.to_dead_boxes), offered);
            report.measure(scope, MetricId::BadReleaseRequests, sum(|s| s.errors), offered);
            report.per_month(scope, MetricId::MinutesBelowSlo, sum(|s| s.below_slo_s) / 60.0);
            let parts: Vec<_> = members
                .iter()
                .map(|&s| {
                    let frame = self.frame.service(s);
                    (&self.services[s.0 as usize].latency, &frame.work, frame.timeout_s)
                })
                .collect();
            for (metric, p) in [(MetricId::LatencyP50, 0.5), (MetricId::LatencyP99, 0.99)] {
                if let Some(seconds) = quantile(&parts, p) {
                    report.measure(scope, metric, seconds * 1e3, 1.0);
                }
            }
        }
    }
}
