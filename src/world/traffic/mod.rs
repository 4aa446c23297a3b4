//! Traffic: how many requests a service gets, as a product of simple curves.
//!
//! | curve | file | foreseen |
//! |---|---|---|
//! | a mean rate, or a recording | [`recorded`] | yes |
//! | time of day, weekday, season | [`diurnal`], [`weekly`], [`yearly`] | yes |
//! | event days | [`event`] | yes |
//! | growth | [`growth`] | yes, to the end of the run |
//! | flash crowds | [`flash`] | no |
//! | bursts | [`bursts`] | no |
//!
//! What is foreseen is a [`Curve`]: the same in all replications, and what a careful team sizes for. What is not is
//! drawn for each replication, the same on every platform; the usual head-room has to do for it, or the autoscaler.
//! [`Demand`] is both: what callers really send. All curves multiply, also onto a recording, but for the time of day
//! and the weekday, which a recording has itself.
//!
//! # Segments
//!
//! The flow wants rates that are constant for a while. A segment ends with the scenario's segment length, and
//! earlier where a curve bends or jumps: at the corners of events and crowds, at each halving of a crowd, at the
//! edges of a weekend, with the level of a burst. Its rate is the mean of the product over the segment:
//!
//! | curve | rule | error of a segment's mean |
//! |---|---|---|
//! | recording, weekday, burst | exact | rounding |
//! | time of day, season, growth and their products | value at the middle | Δ²/24·f″: with 5 minutes and an amplitude of 0.6 below 2·10⁻⁵ of the mean rate, with one hour below 2·10⁻³ |
//! | all of these while an event or crowd rises or falls | Gauss–Legendre with three points | below 10⁻⁶ of the rate up to one hour |
//! | a recording times season or growth | its mean times theirs | their change within Δ/2: below 10⁻⁵ of the rate with 5 minutes, an amplitude of 0.3 and eightfold growth a year |
//! | a recording while an event or crowd moves | bucket by bucket, three points each | below 10⁻⁶ of the rate |
//!
//! *Deviation:* while a crowd rises, the flow gets the mean of the rise, or of each segment of it: a crowd that comes
//! within minutes comes in one or two steps. A shorter `run.segment` makes more of them.
//!
//! Tests compare all of them with sums over seconds. Start at [`Curve`], then [`Demand`].

mod bursts;
mod demand;
mod diurnal;
mod event;
mod flash;
mod growth;
mod pulse;
mod recorded;
mod thinning;
mod weekly;
mod yearly;

#[cfg(test)]
mod tests;

pub use bursts::BurstParameters;
pub use demand::Demand;
pub use diurnal::DiurnalParameters;
pub use event::EventParameters;
pub use flash::FlashParameters;
pub use growth::{Growth, GrowthParameters};
pub use recorded::{
    Gaps, Recording, RecordingParameters, RecordingProblem, UtcOffset, ValueKind, read_recording,
};
pub use thinning::next_arrival;
pub use weekly::WeeklyParameters;
pub use yearly::YearlyParameters;

use super::calendar::Calendar;
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{Named, Rate, section};
use pulse::Pulses;
use std::sync::{Arc, OnceLock};

section! {
    /// How many requests arrive. Give a mean `rate`, or the `file` of a recording.
    pub struct TrafficParameters {
        /// Mean requests per second over a week, before season, events, growth and flash crowds.
        rate: Option<Rate>, optional;
        /// A recording of real traffic, looked for beside the scenario and then from the working directory.
        file: Option<String>, optional;
        diurnal: DiurnalParameters, section;
        weekly: WeeklyParameters, section;
        yearly: YearlyParameters, section;
        /// Days that the team knows of, each `[….traffic.event.NAME]`. Different events multiply.
        event: Named<EventParameters>, sections;
        growth: GrowthParameters, section;
        flash: FlashParameters, section;
        bursts: BurstParameters, section;
        recording: RecordingParameters, section;
    }
}

/// Requests per second as a function of time, as far as they can be foreseen.
///
/// A curve belongs to one scenario, with its calendar and its end: what follows from those is computed once.
#[derive(Clone, Debug)]
pub struct Curve {
    base: Base,
    diurnal: DiurnalParameters,
    weekly: WeeklyParameters,
    yearly: YearlyParameters,
    event: Named<EventParameters>,
    growth: GrowthParameters,
    flash: FlashParameters,
    bursts: BurstParameters,
    /// The events as instants, and the peak, once somebody asked. All replications of a scenario share them.
    events: Arc<OnceLock<Vec<Pulses>>>,
    /// By day.
    peaks: Arc<OnceLock<Vec<f64>>>,
}

#[derive(Clone, Debug)]
enum Base {
    Constant(Rate),
    Recorded(Arc<Recording>),
}

impl Base {
    fn mean_rate(&self, from: SimTime, to: SimTime) -> f64 {
        match self {
            Base::Constant(rate) => rate.per_second(),
            Base::Recorded(recording) => recording.mean_rate(from, to),
        }
    }
}

/// Means over more are put together from pieces of this length.
const LONGEST_PIECE: SimDuration = SimDuration::from_hours(1);

/// Half the distance of the outer points of Gauss and Legendre from the middle, and their weight; the middle has the
/// rest.
const OUTER: (f64, f64) = (0.774_596_669_241_483_4 / 2.0, 5.0 / 18.0);

impl Curve {
    /// A mean rate with all factors.
    pub fn periodic(rate: Rate, p: &TrafficParameters) -> Curve {
        Curve::new(Base::Constant(rate), p.diurnal.clone(), p.weekly.clone(), p)
    }

    /// A recorded series, repeated when it ends. It has its own times of day and weekdays; the other factors
    /// multiply it.
    pub fn recorded(recording: Arc<Recording>, p: &TrafficParameters) -> Curve {
        Curve::new(Base::Recorded(recording), DiurnalParameters::flat(), WeeklyParameters::flat(), p)
    }

    fn new(base: Base, diurnal: DiurnalParameters, weekly: WeeklyParameters, p: &TrafficParameters) -> Curve {
        Curve {
            base,
            diurnal,
            weekly,
            yearly: p.yearly.clone(),
            event: p.event.clone(),
            growth: p.growth.clone(),
            flash: p.flash.clone(),
            bursts: p.bursts.clone(),
            events: Arc::default(),
            peaks: Arc::default(),
        }
    }

    fn events(&self, calendar: &Calendar) -> &[Pulses] {
        self.events.get_or_init(|| self.event.iter().map(|(_, event)| event.pulses(calendar)).collect())
    }

    /// The mean before all factors [requests/s].
    fn base_rate(&self) -> f64 {
        match &self.base {
            Base::Constant(rate) => rate.per_second(),
            Base::Recorded(recording) => recording.mean(),
        }
    }

    /// The product of all factors at `t`.
    fn factor(&self, calendar: &Calendar, t: SimTime) -> f64 {
        let events: f64 = self.events(calendar).iter().map(|event| event.factor(t)).product();
        self.diurnal.factor(calendar, t)
            * self.weekly.factor(calendar, t)
            * self.yearly.factor(calendar, t)
            * self.growth.factor(t)
            * events
    }

    /// The rate at `t` [requests/s].
    pub fn rate_at(&self, calendar: &Calendar, t: SimTime) -> f64 {
        self.base.mean_rate(t, t) * self.factor(calendar, t)
    }

    /// No rate from `from` until `to` is above this [requests/s]; both are included.
    pub fn bound(&self, calendar: &Calendar, from: SimTime, to: SimTime) -> f64 {
        let base = match &self.base {
            Base::Constant(rate) => rate.per_second(),
            Base::Recorded(recording) => recording.highest_rate(from, to),
        };
        let events: f64 = self.events(calendar).iter().map(|event| event.bound(from, to)).product();
        base * self.diurnal.bound(calendar, from, to)
            * self.weekly.bound(calendar, from, to)
            * self.yearly.bound(calendar, from, to)
            * self.growth.bound(from, to)
            * events
    }

    /// The first instant after `t` at which a factor bends or jumps. Buckets of a recording do not count: its means
    /// are exact across them.
    fn next_break(&self, calendar: &Calendar, t: SimTime) -> SimTime {
        let events = self.events(calendar).iter().map(|event| event.next_break(t));
        events.fold(self.weekly.next_break(calendar, t), SimTime::min)
    }

    /// Mean rate from `from` to `to` [requests/s].
    pub fn mean_rate(&self, calendar: &Calendar, from: SimTime, to: SimTime) -> f64 {
        self.mean_with(calendar, (from, to), &Pulses::default())
    }

    /// Mean rate of this times `crowds`, piece by piece between breaks; at `from`, if `to` is not later.
    fn mean_with(&self, calendar: &Calendar, (from, to): (SimTime, SimTime), crowds: &Pulses) -> f64 {
        let (mut at, mut requests) = (from, 0.0);
        loop {
            let mut end = self.next_break(calendar, at).min(crowds.next_break(at)).min(at + LONGEST_PIECE);
            let middle = at + end.min(to).since(at) / 2;
            let moves = crowds.moves(middle) || self.events(calendar).iter().any(|event| event.moves(middle));
            if let Base::Recorded(recording) = &self.base
                && moves
            {
                end = end.min(recording.next_bucket(at));
            }
            let end = end.min(to);
            let rate = self.piece(calendar, (at, end), crowds, moves);
            if at == from && end == to {
                return rate; // as nearly always: without rounding
            }
            requests += rate * end.since(at).as_secs_f64();
            if end == to {
                return requests / to.since(from).as_secs_f64();
            }
            at = end;
        }
    }

    /// Mean rate between two instants without a break between them.
    fn piece(
        &self,
        calendar: &Calendar,
        (from, to): (SimTime, SimTime),
        crowds: &Pulses,
        moves: bool,
    ) -> f64 {
        let base = self.base.mean_rate(from, to);
        let factor = |t| self.factor(calendar, t) * crowds.factor(t);
        let length = to.since(from);
        let middle = from + length / 2;
        if !moves {
            return base * factor(middle);
        }
        let (distance, weight) = OUTER;
        let outer = length.mul_f64(0.5 - distance);
        let sides = factor(from + outer) + factor(to - outer);
        base * (weight * sides + (1.0 - 2.0 * weight) * factor(middle))
    }

    /// The highest segment until `horizon` [requests/s]: what a careful team plans for. It knows the calendar, the
    /// growth and the recording, but no flash crowd and no burst.
    pub fn peak_rate(&self, calendar: &Calendar, horizon: SimTime, segment: SimDuration) -> f64 {
        self.peaks(calendar, horizon, segment).iter().copied().fold(0.0, f64::max)
    }

    /// The same for the days from the one of the first instant to that of the second.
    pub fn peak_between(
        &self,
        calendar: &Calendar,
        (from, to): (SimTime, SimTime),
        horizon: SimTime,
        segment: SimDuration,
    ) -> f64 {
        let peaks = self.peaks(calendar, horizon, segment);
        let [first, last] = [from, to].map(|t| (calendar.day(t) as usize).min(peaks.len() - 1));
        peaks[first..=last].iter().copied().fold(0.0, f64::max)
    }

    /// The highest segment of each day until `horizon`.
    fn peaks(&self, calendar: &Calendar, horizon: SimTime, segment: SimDuration) -> &[f64] {
        self.peaks.get_or_init(|| {
            let (mut at, mut peaks) = (SimTime::ZERO, Vec::new());
            while at < horizon {
                let end = at.next_tick(SimTime::ZERO, segment).min(self.next_break(calendar, at));
                peaks.resize(calendar.day(at) as usize + 1, 0.0);
                let peak = peaks.last_mut().expect("a day more than before");
                *peak = self.mean_rate(calendar, at, end).max(*peak);
                at = end;
            }
            peaks
        })
    }
}
