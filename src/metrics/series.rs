//! The time series: means over buckets of time, bounded in number however long the run.

use super::machines::MachinePark;
use super::outcome::{MachinePoint, SeriesPoint};
use super::{Frame, Part, Report};
use crate::engine::{SecondaryMap, SimTime};
use crate::world::observation::FlowObservation;
use crate::world::{BoxId, Observation, ServiceId};
use std::sync::Arc;

pub(super) struct Series {
    frame: Arc<Frame>,
    /// Sums over time by bucket, then service: seconds × rate.
    flows: Vec<Vec<SeriesPoint>>,
    machines: Vec<MachinePoint>,
    park: MachinePark,
    /// The instant up to which machines are booked.
    booked: SimTime,
    /// The service of each box, and whether it is up.
    boxes: SecondaryMap<BoxId, (ServiceId, bool)>,
    ready: Vec<u32>,
}

impl Series {
    pub fn new(frame: Arc<Frame>) -> Series {
        let (buckets, services) = (frame.buckets(), frame.services.len());
        Series {
            flows: vec![vec![SeriesPoint::default(); services]; buckets],
            machines: vec![MachinePoint::default(); buckets],
            park: MachinePark::default(),
            booked: SimTime::ZERO,
            boxes: SecondaryMap::default(),
            ready: vec![0; services],
            frame,
        }
    }

    /// Books machines and boxes up to `time` at their present values.
    fn book(&mut self, time: SimTime) {
        if time == self.booked {
            return;
        }
        let paid = self.park.paid.value() as f64 / 1e3;
        let overhead = self.park.overhead.value() as f64 / 1e3;
        let vms = self.park.count.value() as f64;
        for (bucket, seconds) in self.frame.buckets_between(self.booked, time) {
            let point = &mut self.machines[bucket];
            point.paid_cores += paid * seconds;
            point.overhead_cores += overhead * seconds;
            point.vms += vms * seconds;
            for (service, &ready) in self.ready.iter().enumerate() {
                self.flows[bucket][service].boxes_ready += f64::from(ready) * seconds;
            }
        }
        self.booked = time;
    }

    fn add_flow(&mut self, flow: &FlowObservation) {
        for (bucket, seconds) in self.frame.buckets_between(flow.from, flow.to) {
            let point = &mut self.flows[bucket][flow.service.0 as usize];
            point.offered_rps += flow.offered * seconds;
            point.served_rps += flow.served * seconds;
            point.failed_rps += flow.failed() * seconds;
            point.slow_rps += flow.slow * seconds;
            point.useful_cores += flow.useful_cores * seconds;
            point.wasted_cores += flow.wasted_cores * seconds;
        }
    }

    fn set_up(&mut self, subject: BoxId, up: bool) {
        let Some((service, is_up)) = self.boxes.get_mut(subject) else { return };
        if std::mem::replace(is_up, up) != up {
            let ready = &mut self.ready[service.0 as usize];
            *ready = ready.checked_add_signed(if up { 1 } else { -1 }).expect("counted up before");
        }
    }

    fn seconds_of(&self, bucket: usize) -> f64 {
        let start = self.frame.meter_from + self.frame.bucket * bucket as u64;
        let end = (start + self.frame.bucket).min(self.frame.horizon);
        end.since(start).as_secs_f64()
    }
}

impl Part for Series {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        match *observation {
            Observation::Flow(flow) => self.add_flow(&flow),
            Observation::VmLaunched { .. }
            | Observation::VmTerminated { .. }
            | Observation::VmStopped { .. }
            | Observation::VmStarted { .. }
            | Observation::VmUp { .. }
            | Observation::VmDown { .. }
            | Observation::VmRebooted { .. }
            | Observation::MachineOverhead { .. } => {
                self.book(time);
                self.park.observe(time, observation, &self.frame);
            }
            Observation::BoxCreated { subject, service, .. } => {
                self.boxes.insert(subject, (service, false));
            }
            Observation::BoxUp { subject } => {
                self.book(time);
                self.set_up(subject, true);
            }
            Observation::BoxExited { subject, .. } => {
                self.book(time);
                self.set_up(subject, false);
            }
            Observation::BoxRemoved { subject } => {
                self.boxes.remove(subject);
            }
            _ => {}
        }
    }

    fn begin(&mut self, time: SimTime) {
        self.book(time);
    }

    fn finish(&mut self, time: SimTime, report: &mut Report) {
        self.book(time);
        for bucket in 0..self.flows.len() {
            let seconds = self.seconds_of(bucket);
            let mut whole = SeriesPoint { bucket: bucket as u32, ..SeriesPoint::default() };
            for (service, sums) in self.flows[bucket].iter().enumerate() {
                let point = SeriesPoint {
                    bucket: bucket as u32,
                    service: Some(service as u16),
                    offered_rps: sums.offered_rps / seconds,
                    served_rps: sums.served_rps / seconds,
                    failed_rps: sums.failed_rps / seconds,
                    slow_rps: sums.slow_rps / seconds,
                    useful_cores: sums.useful_cores / seconds,
                    wasted_cores: sums.wasted_cores / seconds,
                    boxes_ready: sums.boxes_ready / seconds,
                    machines: None,
                };
                whole.offered_rps += point.offered_rps;
                whole.served_rps += point.served_rps;
                whole.failed_rps += point.failed_rps;
                whole.slow_rps += point.slow_rps;
                whole.useful_cores += point.useful_cores;
                whole.wasted_cores += point.wasted_cores;
                whole.boxes_ready += point.boxes_ready;
                report.outcome.series.push(point);
            }
            let sums = self.machines[bucket];
            let (paid, overhead) = (sums.paid_cores / seconds, sums.overhead_cores / seconds);
            whole.machines = Some(MachinePoint {
                paid_cores: paid,
                overhead_cores: overhead,
                idle_cores: paid - overhead - whole.useful_cores - whole.wasted_cores,
                vms: sums.vms / seconds,
            });
            report.outcome.series.push(whole);
        }
    }
}
