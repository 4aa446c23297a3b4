//! Traffic: how many requests a service gets, as a product of simple curves.
//!
//! A curve is a mean rate times factors (time of day, weekday) or a recorded series. For the flow it becomes
//! piecewise constant: each segment carries the product at its middle. For a daily cosine of amplitude 0.6 and
//! segments of five minutes the error of a segment's mean is below 2·10⁻⁵ of the rate (Δ²ω²/24 · 0.6); recorded
//! series are averaged exactly. Start at [`Curve`].

mod diurnal;
mod recorded;
mod weekly;

pub use diurnal::DiurnalParameters;
pub use recorded::{
    Gaps, Recording, RecordingParameters, RecordingProblem, UtcOffset, ValueKind, read_recording,
};
pub use weekly::WeeklyParameters;

use super::calendar::Calendar;
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{Rate, section};
use std::sync::{Arc, OnceLock};

section! {
    /// How many requests arrive. Give a mean `rate`, or the `file` of a recording.
    pub struct TrafficParameters {
        /// Mean requests per second over a week, before the factors below.
        rate: Option<Rate>, optional;
        /// A recording of real traffic, looked for beside the scenario and then from the working directory.
        file: Option<String>, optional;
        diurnal: DiurnalParameters, section;
        weekly: WeeklyParameters, section;
        recording: RecordingParameters, section;
    }
}

/// Requests per second as a function of time.
#[derive(Clone, Debug)]
pub struct Curve {
    base: Base,
    diurnal: DiurnalParameters,
    weekly: WeeklyParameters,
    /// The peak, once somebody asked. All replications of a scenario share it.
    peak: Arc<OnceLock<f64>>,
}

#[derive(Clone, Debug)]
enum Base {
    Constant(Rate),
    Recorded(Arc<Recording>),
}

impl Curve {
    /// A mean rate with a daily and weekly rhythm.
    pub fn periodic(rate: Rate, parameters: &TrafficParameters) -> Curve {
        Curve {
            base: Base::Constant(rate),
            diurnal: parameters.diurnal.clone(),
            weekly: parameters.weekly.clone(),
            peak: Arc::default(),
        }
    }

    /// A recorded series, which has its own rhythm; repeated when it ends.
    pub fn recorded(recording: Arc<Recording>) -> Curve {
        let (diurnal, weekly) = (DiurnalParameters::flat(), WeeklyParameters::flat());
        Curve { base: Base::Recorded(recording), diurnal, weekly, peak: Arc::default() }
    }

    /// Mean rate [requests/s] of the segment from `from` to `to`.
    pub fn mean_rate(&self, calendar: &Calendar, from: SimTime, to: SimTime) -> f64 {
        let middle = from + to.since(from) / 2;
        let base = match &self.base {
            Base::Constant(rate) => rate.per_second(),
            Base::Recorded(recording) => recording.mean_rate(from, to),
        };
        base * self.diurnal.factor(calendar, middle) * self.weekly.factor(calendar, middle)
    }

    /// The highest segment until `horizon` [requests/s]: what a careful team plans for.
    pub fn peak_rate(&self, calendar: &Calendar, horizon: SimTime, segment: SimDuration) -> f64 {
        *self.peak.get_or_init(|| {
            let (mut at, mut peak) = (SimTime::ZERO, 0.0_f64);
            while at < horizon {
                peak = peak.max(self.mean_rate(calendar, at, at + segment));
                at += segment;
            }
            peak
        })
    }
}
