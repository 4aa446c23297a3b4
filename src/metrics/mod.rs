//! Metrics: from facts to sums. Each part listens to the facts it needs and leaves measures behind.
//!
//! Definitions, all over the metered time (after the warm-up, half-open at the horizon):
//!
//! - *Cost* [USD per 730-hour month]: machine-hours by type, disks, load balancers with their capacity units,
//!   control planes, hours of work at the team's wage (routine upkeep and every simulated piece of work), and what
//!   automation took to build, written off. Machines under a commitment cost less, and what an hour does not use of it
//!   is paid all the same. *Cost per nine*: that over −log10(1 − availability), both of all replications together.
//! - *CPU* of paid machines: useful (requests answered in time), wasted (answered with an error, or too late),
//!   overhead (guest system and agents of running machines) and idle. They sum to paid.
//! - *Memory* of paid machines: used by boxes that are up (with what they have leaked), overhead (guest system and
//!   agents of running machines) and idle. They sum to paid. *Requested*, where a control plane places by requests:
//!   those of pods and DaemonSets on nodes, of what is allocatable there.
//! - *Availability*: requests answered in time and without error, of those offered. *Minutes below SLO*: time
//!   in which fewer than the agreed share of a service's requests succeeded within its latency goal.
//! - *Latency*: quantiles of the request-weighted mixture of all segments of all replications, never means of
//!   quantiles.
//! - *Staleness* of routes: boxes that callers send to though they serve nobody, weighed by the share of the callers;
//!   from the death of a box until callers leave it, from its start until they come. See [`staleness`].
//! - *Recovery*: from the instant a fault takes a box out of service until (nearly) no caller sends requests to it
//!   and the service has as many serving boxes as its platform wants; the [`recovery`] part says which box took
//!   its place. An incident belongs to the window in which it opens.
//! - *Scale-up*: from the instant at which a service's boxes are too few for its traffic until more of them serve
//!   enough of it well; the [`recovery`] part's `overload` says when that is.
//! - *Releases*: see [`releases`]. *Security*: see [`exposure`]. *People*: see [`toil`].
//!
//! Parts see facts only, never the world. Start at [`Recorder`].

mod bill;
mod commitment;
mod exposure;
mod frame;
mod gauge;
pub mod histogram;
mod latency;
pub mod latency_series;
mod machines;
pub mod outcome;
mod recovery;
mod releases;
mod series;
mod staleness;
mod toil;
mod users;

pub use frame::{Frame, ServiceFrame};

use crate::engine::SimTime;
use crate::results::metric::MetricId;
use crate::world::{Observation, ServiceId};
use outcome::{Measure, ReplicationOutcome, Sample};
use std::sync::Arc;

/// One kind of measurement.
trait Part {
    /// Something happened. Called in order of time, during the warm-up too.
    fn observe(&mut self, time: SimTime, observation: &Observation);

    /// Metering begins: forget sums, keep states.
    fn begin(&mut self, time: SimTime);

    /// The horizon: leave what was measured.
    fn finish(&mut self, time: SimTime, report: &mut Report);
}

/// What the parts leave behind.
#[derive(Default)]
struct Report {
    outcome: ReplicationOutcome,
    /// Months of metered time.
    months: f64,
    seconds: f64,
}

impl Report {
    fn measure(&mut self, service: Option<ServiceId>, metric: MetricId, numerator: f64, denominator: f64) {
        let service = service.map(|s| s.0);
        self.outcome.measures.push(Measure { service, metric, numerator, denominator });
    }

    fn per_month(&mut self, service: Option<ServiceId>, metric: MetricId, amount: f64) {
        self.measure(service, metric, amount, self.months);
    }

    fn sample(&mut self, service: ServiceId, metric: MetricId, value: f64, censored: bool) {
        self.outcome.samples.push(Sample { service: Some(service.0), metric, value, censored });
    }
}

/// Listens to one replication on one platform.
pub struct Recorder {
    frame: Arc<Frame>,
    parts: Vec<Box<dyn Part>>,
}

impl Recorder {
    pub fn new(frame: Arc<Frame>) -> Recorder {
        let parts: Vec<Box<dyn Part>> = vec![
            Box::new(bill::Bill::new(frame.clone())),
            Box::new(machines::Machines::new(frame.clone())),
            Box::new(users::Users::new(frame.clone())),
            Box::new(staleness::Staleness::new(frame.clone())),
            Box::new(recovery::Recovery::new(frame.clone())),
            Box::new(releases::Releases::new(frame.clone())),
            Box::new(exposure::Exposure::new(frame.clone())),
            Box::new(toil::Toil::new(frame.office_hours)),
            Box::new(series::Series::new(frame.clone())),
        ];
        Recorder { frame, parts }
    }

    /// What was measured, at the horizon.
    pub fn finish(mut self, replication: u32, (events, digest): (u64, u64)) -> ReplicationOutcome {
        let seconds = self.frame.horizon.since(self.frame.meter_from).as_secs_f64();
        let mut report = Report { months: seconds / (730.0 * 3_600.0), seconds, ..Report::default() };
        for part in &mut self.parts {
            part.finish(self.frame.horizon, &mut report);
        }
        ReplicationOutcome { replication, digest, events, ..report.outcome }
    }
}

impl crate::simulation::Watcher for Recorder {
    fn observe(&mut self, time: SimTime, observation: &Observation) {
        if matches!(observation, Observation::MeteringBegins) {
            return self.parts.iter_mut().for_each(|part| part.begin(time));
        }
        self.parts.iter_mut().for_each(|part| part.observe(time, observation));
    }
}
