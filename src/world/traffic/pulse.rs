//! A passing surplus of traffic: it rises, stays and falls. What event days and flash crowds have in common.
//!
//! Knows neither dates nor chance, only instants. Start at [`Pulses`].

use crate::engine::{SimDuration, SimTime};

/// A fall by halves ends after so many of them; it is lowered by what would be left then, 1/1024, so that it ends
/// without a jump.
const HALVINGS: i64 = 10;
const LEFT: f64 = 1.0 / 1_024.0;

/// How a pulse falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fall {
    /// In a straight line, within this time.
    Linear(SimDuration),
    /// To one half in this time, and so on.
    Halving(SimDuration),
}

/// One surplus.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pulse {
    /// When it begins to rise [µs since the start]; negative if that is before the start.
    pub begin_us: i64,
    pub rise: SimDuration,
    pub plateau: SimDuration,
    pub fall: Fall,
    /// What its top adds to a factor of 1; negative for a pulse that takes away.
    pub height: f64,
}

/// Where within a pulse an instant falls.
enum Phase {
    /// Share of the rise that is done.
    Rises(f64),
    Stays,
    /// Share of the fall that is done, or number of halvings.
    Falls(f64),
}

fn us(duration: SimDuration) -> i64 {
    duration.as_micros() as i64
}

/// An instant as pulses count [µs since the start].
fn instant_us(t: SimTime) -> i64 {
    i64::try_from(t.as_micros()).unwrap_or(i64::MAX)
}

impl Pulse {
    fn top_us(&self) -> i64 {
        self.begin_us + us(self.rise)
    }

    pub(super) fn plateau_ends_us(&self) -> i64 {
        self.top_us() + us(self.plateau)
    }

    fn end_us(&self) -> i64 {
        let fall = match self.fall {
            Fall::Linear(length) => us(length),
            Fall::Halving(half_life) => HALVINGS * us(half_life),
        };
        self.plateau_ends_us() + fall
    }

    /// `None` outside of the pulse.
    fn phase(&self, at_us: i64) -> Option<Phase> {
        let share = |from_us: i64, length: SimDuration| (at_us - from_us) as f64 / us(length) as f64;
        if at_us < self.begin_us || at_us >= self.end_us() {
            None
        } else if at_us < self.top_us() {
            Some(Phase::Rises(share(self.begin_us, self.rise)))
        } else if at_us < self.plateau_ends_us() {
            Some(Phase::Stays)
        } else {
            let (Fall::Linear(length) | Fall::Halving(length)) = self.fall;
            Some(Phase::Falls(share(self.plateau_ends_us(), length)))
        }
    }

    /// How much of the height there is, 0 to 1.
    fn share(&self, at_us: i64) -> f64 {
        match (self.phase(at_us), self.fall) {
            (None, _) => 0.0,
            (Some(Phase::Rises(done)), _) => done,
            (Some(Phase::Stays), _) => 1.0,
            (Some(Phase::Falls(done)), Fall::Linear(_)) => 1.0 - done,
            (Some(Phase::Falls(halvings)), Fall::Halving(_)) => ((-halvings).exp2() - LEFT) / (1.0 - LEFT),
        }
    }

    /// The most that it adds between two instants. Shares rise, stay and fall, so the highest of an interval is at
    /// one of its ends unless the interval touches the plateau, and the lowest is always at an end.
    fn most(&self, from_us: i64, to_us: i64) -> f64 {
        let (first, last) = (self.share(from_us), self.share(to_us));
        if self.height < 0.0 {
            return self.height * first.min(last);
        }
        let touches_top = from_us <= self.plateau_ends_us() && to_us >= self.top_us();
        self.height * if touches_top { 1.0 } else { first.max(last) }
    }

    /// The first instant after `at_us` at which it bends. A fall by halves has one at each of them, so that a
    /// stretch without one is never much curved.
    fn next_break(&self, at_us: i64) -> Option<i64> {
        let corners = [self.begin_us, self.top_us(), self.plateau_ends_us()];
        let halving = match self.fall {
            Fall::Halving(half_life) if at_us >= self.plateau_ends_us() => {
                let done = (at_us - self.plateau_ends_us()) / us(half_life);
                Some(self.plateau_ends_us() + (done + 1) * us(half_life))
            }
            _ => None,
        };
        let next = corners.into_iter().chain(halving).chain([self.end_us()]).find(|&corner| corner > at_us);
        next.filter(|&corner| corner <= self.end_us())
    }
}

/// Pulses whose surpluses add up.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pulses {
    /// In order of their beginning.
    pulses: Vec<Pulse>,
    /// For each the latest end of it and all before, so that a search back knows when to stop.
    latest_end_us: Vec<i64>,
}

impl Pulses {
    pub(super) fn new(mut pulses: Vec<Pulse>) -> Pulses {
        pulses.sort_by_key(|pulse| pulse.begin_us);
        let mut latest = i64::MIN;
        let ends = pulses.iter().map(|pulse| {
            latest = latest.max(pulse.end_us());
            latest
        });
        let latest_end_us = ends.collect();
        Pulses { pulses, latest_end_us }
    }

    /// Those that are under way at some time from `from_us` to `to_us`, both included.
    fn active(&self, from_us: i64, to_us: i64) -> impl Iterator<Item = &Pulse> {
        let begun = self.pulses.partition_point(|pulse| pulse.begin_us <= to_us);
        let pulses = self.pulses[..begun].iter().zip(&self.latest_end_us[..begun]).rev();
        pulses
            .take_while(move |&(_, &latest)| latest > from_us)
            .map(|(pulse, _)| pulse)
            .filter(move |pulse| pulse.end_us() > from_us)
    }

    /// 1 and all surpluses at `t`.
    pub(super) fn factor(&self, t: SimTime) -> f64 {
        let at_us = instant_us(t);
        1.0 + self.active(at_us, at_us).map(|pulse| pulse.height * pulse.share(at_us)).sum::<f64>()
    }

    /// No factor between two instants is above this.
    pub(super) fn bound(&self, from: SimTime, to: SimTime) -> f64 {
        let (from_us, to_us) = (instant_us(from), instant_us(to));
        1.0 + self.active(from_us, to_us).map(|pulse| pulse.most(from_us, to_us)).sum::<f64>()
    }

    /// Whether the factor changes around `t`.
    pub(super) fn moves(&self, t: SimTime) -> bool {
        let at_us = instant_us(t);
        let moves = |pulse: &Pulse| !matches!(pulse.phase(at_us), None | Some(Phase::Stays));
        self.active(at_us, at_us).any(moves)
    }

    /// The first instant after `t` at which the factor bends.
    pub(super) fn next_break(&self, t: SimTime) -> SimTime {
        let at_us = instant_us(t);
        let coming = self.pulses.get(self.pulses.partition_point(|pulse| pulse.begin_us <= at_us));
        let breaks = self.active(at_us, at_us).chain(coming).filter_map(|pulse| pulse.next_break(at_us));
        breaks.min().map_or(SimTime::MAX, |at_us| SimTime::from_micros(at_us as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000_000;

    fn at(minute: u64) -> SimTime {
        SimTime::ZERO + SimDuration::from_mins(minute)
    }

    /// From minute `begin` on: up in 10 minutes, 20 at the top, down by halves of 5 minutes.
    fn crowd(begin: i64, height: f64) -> Pulse {
        let minutes = SimDuration::from_mins;
        let fall = Fall::Halving(minutes(5));
        Pulse { begin_us: begin * MINUTE, rise: minutes(10), plateau: minutes(20), fall, height }
    }

    #[test]
    fn a_pulse_rises_stays_and_falls_by_halves() {
        let pulses = Pulses::new(vec![crowd(60, 4.0)]);
        let check = |minute, expected: f64| {
            let factor = pulses.factor(at(minute));
            assert!((factor - expected).abs() < 1e-12, "minute {minute}: {factor}");
        };
        check(60, 1.0);
        check(65, 3.0);
        check(70, 5.0);
        check(89, 5.0);
        // One half-life: (1/2 − 1/1024) / (1 − 1/1024) = 511/1023 of 4.
        check(95, 1.0 + 4.0 * 511.0 / 1_023.0);
        // Ten of them: the end, without a jump.
        check(140, 1.0);
    }

    #[test]
    fn surpluses_of_overlapping_pulses_add_up() {
        // A long one that began first is found behind a short one that is over.
        let long = Pulse { plateau: SimDuration::from_hours(5), ..crowd(0, 1.0) };
        let pulses = Pulses::new(vec![crowd(20, 2.0), long, crowd(200, 4.0)]);
        assert_eq!(pulses.factor(at(40)), 4.0);
        assert_eq!(pulses.factor(at(190)), 2.0);
        assert_eq!(pulses.factor(at(215)), 6.0);
    }

    #[test]
    fn breaks_are_the_corners_and_the_halvings() {
        let pulses = Pulses::new(vec![crowd(60, 4.0)]);
        let (mut breaks, mut t) = (Vec::new(), SimTime::ZERO);
        while pulses.next_break(t) < SimTime::MAX {
            t = pulses.next_break(t);
            breaks.push(t.as_micros() / MINUTE as u64);
        }
        assert_eq!(breaks, [60, 70, 90, 95, 100, 105, 110, 115, 120, 125, 130, 135, 140]);
    }

    #[test]
    fn no_factor_is_above_the_bound_and_the_bound_is_reached() {
        let dip = Pulse { fall: Fall::Linear(SimDuration::from_mins(7)), ..crowd(95, -0.5) };
        for pulses in [Pulses::new(vec![crowd(60, 4.0)]), Pulses::new(vec![dip])] {
            for from in 40..170 {
                for length in [1, 4, 15, 60] {
                    let bound = pulses.bound(at(from), at(from + length));
                    let factors = (from..=from + length).map(|minute| pulses.factor(at(minute)));
                    let highest = factors.fold(0.0, f64::max);
                    assert!((bound - highest).abs() < 1e-12, "{from}+{length}: {highest} and {bound}");
                }
            }
        }
    }
}
