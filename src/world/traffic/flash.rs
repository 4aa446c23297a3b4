//! Flash crowds: many more users than usual within minutes, because of a link or a broadcast. Nobody knows before.
//!
//! What the team knows before is an event. Start at [`FlashParameters`].

use super::pulse::{Fall, Pulse, Pulses};
use crate::engine::{SimDuration, SimTime, Streams};
use crate::parameter::{Distribution, Moment, Rate, ScalarDistribution, section};
use crate::world::calendar::Calendar;
use crate::world::ids::ServiceId;
use crate::world::streams;

section! {
    /// Flash crowds, which nobody plans for. Those that overlap add up.
    pub struct FlashParameters {
        /// How often one comes by chance.
        rate: Rate = "0/year" in |r| r.per_second() <= 1.0 / 3_600.0 => "at most 1/h", grade Choice;
        /// When others begin, besides those by chance.
        at: Vec<Moment> = "[]", grade Choice;
        /// Traffic at the top relative to the usual. A draw below 1 counts as 1.
        factor: ScalarDistribution = "lognormal(6, 0.5)", from "no source found", grade Estimate;
        /// Time to the top, in a straight line.
        rise: Distribution = "uniform(60s, 600s)", from "the shape of Ari et al. 2003; no source found for the time", grade Estimate;
        /// Time at the top.
        plateau: Distribution = "uniform(20m, 120m)", from "the shape of Ari et al. 2003; no source found for the time", grade Estimate;
        /// Time in which the crowd falls to one half, again and again. It is gone after ten.
        half_life: SimDuration = "30m" in |h| *h >= SimDuration::from_secs(1) && *h <= SimDuration::from_days(30) => "from 1s to 30d", from "the shape of Ari et al. 2003; no source found for the time", grade Estimate;
    }
}

/// No rise and no plateau is longer, so that sums of times stay in range.
const LONGEST: SimDuration = SimDuration::from_days(365);

impl FlashParameters {
    /// All crowds of one service that begin before `horizon`. Those by chance are a Poisson process; size and times
    /// of a crowd are drawn by its number, so that they do not depend on how often crowds come.
    pub(super) fn crowds(
        &self,
        calendar: &Calendar,
        streams: &Streams,
        service: ServiceId,
        horizon: SimTime,
    ) -> Pulses {
        let entity = u64::from(service.0);
        let crowd = |group: u64, number: u64, begin_us: i64| {
            let mut stream = streams.open(streams::CROWD_SIZE, &[entity, group, number]);
            let height = self.factor.sample(stream.uniform()).max(1.0) - 1.0;
            let rise = self.rise.sample(stream.uniform()).min(LONGEST);
            let plateau = self.plateau.sample(stream.uniform()).min(LONGEST);
            Pulse { begin_us, rise, plateau, fall: Fall::Halving(self.half_life), height }
        };
        let given = self.at.iter().enumerate().map(|(number, moment)| {
            let seconds = calendar.day_of(moment.date.civil()) * 86_400 + i64::from(moment.time.as_seconds());
            crowd(0, number as u64, seconds * 1_000_000)
        });
        let mut crowds: Vec<Pulse> = given.collect();
        let mut times = streams.open(streams::CROWD_TIME, &[entity]);
        let mut next = || match self.rate.per_second() {
            0.0 => SimDuration::MAX,
            per_second => SimDuration::from_secs_f64(-times.uniform().ln() / per_second),
        };
        let (mut t, mut number) = (SimTime::ZERO + next(), 0);
        while t < horizon {
            crowds.push(crowd(1, number, t.as_micros() as i64));
            (t, number) = (t + next(), number + 1);
        }
        Pulses::new(crowds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar() -> Calendar {
        let (nine, five) = (SimDuration::from_hours(9), SimDuration::from_hours(17));
        Calendar::new(jiff::civil::date(2026, 1, 5), nine, five)
    }

    fn at_h(hours: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_hours(hours)
    }

    #[test]
    fn a_crowd_at_a_given_time_has_the_given_shape() {
        let text = |t: &str| t.parse::<Distribution>().expect("a distribution");
        let flash = FlashParameters {
            at: vec!["2026-01-06T20:00".parse().expect("a moment")],
            factor: "5".parse().expect("a distribution"),
            rise: text("2h"),
            plateau: text("3h"),
            half_life: SimDuration::from_hours(1),
            ..Default::default()
        };
        let crowds = flash.crowds(&calendar(), &Streams::new(1, 0), ServiceId(0), at_h(100));
        // Day 1, 20:00 is hour 44; half of the rise, the plateau, one half-life: 1 + 4 · 511/1023.
        let expected =
            [(44, 1.0), (45, 3.0), (46, 5.0), (49, 5.0), (50, 1.0 + 4.0 * 511.0 / 1_023.0), (59, 1.0)];
        for (hour, factor) in expected {
            assert!((crowds.factor(at_h(hour)) - factor).abs() < 1e-12, "hour {hour}");
        }
    }

    /// Instants at which crowds of a year begin: where the factor is 1 before and above after.
    fn begins(flash: &FlashParameters, seed: u64, service: u16) -> Vec<SimTime> {
        let crowds = flash.crowds(&calendar(), &Streams::new(seed, 0), ServiceId(service), at_h(8_760));
        let (mut begins, mut t) = (Vec::new(), SimTime::ZERO);
        while crowds.next_break(t) < SimTime::MAX {
            t = crowds.next_break(t);
            if crowds.factor(t) == 1.0 && crowds.moves(t) {
                begins.push(t);
            }
        }
        begins
    }

    #[test]
    fn crowds_by_chance_come_as_often_as_said_and_each_service_has_its_own() {
        // 400 years at 5 a year: 2000 ± √2000 = 45, so four deviations are 180. A crowd lasts 7 h on average, and
        // those 5 · 7/8760 = 0.4 % that begin within another one are not seen.
        let flash = FlashParameters { rate: "5/year".parse().expect("a rate"), ..Default::default() };
        let count: usize = (0..400).map(|seed| begins(&flash, seed, 0).len()).sum();
        assert!(count.abs_diff(1_992) < 180, "{count}");
        assert_eq!(begins(&flash, 1, 0), begins(&flash, 1, 0));
        assert_ne!(begins(&flash, 1, 0), begins(&flash, 1, 1));
    }

    #[test]
    fn a_crowd_never_takes_traffic_away() {
        let flash = FlashParameters {
            rate: "50/year".parse().expect("a rate"),
            factor: "0.1".parse().expect("a distribution"),
            ..Default::default()
        };
        let crowds = flash.crowds(&calendar(), &Streams::new(1, 0), ServiceId(0), at_h(8_760));
        assert!((0..8_760).all(|hour| crowds.factor(at_h(hour)) == 1.0));
    }
}
