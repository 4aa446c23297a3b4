//! Simulation time: integer microseconds, so that order and sums are exact on every machine.
//!
//! Knows nothing of calendars; what hour or weekday an instant is belongs to the world. Floats become time in
//! one place, [`SimDuration::from_secs_f64`].

use std::fmt;
use std::ops::{Add, AddAssign, Div, Mul, Sub, SubAssign};

/// An instant [µs since the start of the simulation].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimTime(u64);

/// A span between two instants [µs].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SimDuration(u64);

impl SimTime {
    pub const ZERO: SimTime = SimTime(0);
    /// Later than anything that happens; the "never" of deadlines.
    pub const MAX: SimTime = SimTime(u64::MAX);

    pub const fn from_micros(us: u64) -> Self {
        SimTime(us)
    }

    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Seconds since the start, for arithmetic in floats.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// The span since `earlier`.
    ///
    /// # Panics
    /// If `earlier` is later: a negative span is always a programming error.
    pub fn since(self, earlier: SimTime) -> SimDuration {
        SimDuration(self.0.checked_sub(earlier.0).expect("time runs forward"))
    }

    /// The span since `earlier`, or zero if that lies in the future.
    pub const fn saturating_since(self, earlier: SimTime) -> SimDuration {
        SimDuration(self.0.saturating_sub(earlier.0))
    }

    /// The first tick strictly after `self` of a clock that ticks at `phase`, `phase + period`, …
    pub fn next_tick(self, phase: SimTime, period: SimDuration) -> SimTime {
        assert!(period.0 > 0, "a clock needs a period");
        if self.0 < phase.0 {
            phase
        } else {
            SimTime(phase.0 + ((self.0 - phase.0) / period.0 + 1) * period.0)
        }
    }

    /// The first tick at or after `self` of a clock that ticks at `phase`, `phase + period`, …
    pub fn tick_at_or_after(self, phase: SimTime, period: SimDuration) -> SimTime {
        assert!(period.0 > 0, "a clock needs a period");
        if self.0 <= phase.0 {
            phase
        } else {
            SimTime(phase.0 + (self.0 - phase.0).div_ceil(period.0) * period.0)
        }
    }

    /// The last tick at or before `self`, or `None` before the first one.
    pub fn last_tick(self, phase: SimTime, period: SimDuration) -> Option<SimTime> {
        assert!(period.0 > 0, "a clock needs a period");
        (self.0 >= phase.0).then(|| SimTime(phase.0 + (self.0 - phase.0) / period.0 * period.0))
    }
}

impl SimDuration {
    pub const ZERO: SimDuration = SimDuration(0);
    pub const MAX: SimDuration = SimDuration(u64::MAX);

    pub const fn from_micros(us: u64) -> Self {
        SimDuration(us)
    }

    pub const fn from_millis(ms: u64) -> Self {
        SimDuration(ms * 1_000)
    }

    pub const fn from_secs(s: u64) -> Self {
        SimDuration(s * 1_000_000)
    }

    pub const fn from_mins(m: u64) -> Self {
        SimDuration::from_secs(m * 60)
    }

    pub const fn from_hours(h: u64) -> Self {
        SimDuration::from_secs(h * 3_600)
    }

    pub const fn from_days(d: u64) -> Self {
        SimDuration::from_hours(d * 24)
    }

    /// The one place where floats become time: rounded to the nearest microsecond; negative, NaN → zero; too
    /// large → [`SimDuration::MAX`].
    pub fn from_secs_f64(s: f64) -> Self {
        SimDuration((s * 1e6).round() as u64)
    }

    pub const fn as_micros(self) -> u64 {
        self.0
    }

    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    pub fn as_hours_f64(self) -> f64 {
        self.as_secs_f64() / 3_600.0
    }

    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub const fn saturating_sub(self, other: SimDuration) -> SimDuration {
        SimDuration(self.0.saturating_sub(other.0))
    }

    /// Scaled by a factor, rounded to the nearest microsecond.
    pub fn mul_f64(self, factor: f64) -> SimDuration {
        SimDuration((self.0 as f64 * factor).round() as u64)
    }
}

impl Add<SimDuration> for SimTime {
    type Output = SimTime;
    fn add(self, d: SimDuration) -> SimTime {
        SimTime(self.0.saturating_add(d.0))
    }
}

impl AddAssign<SimDuration> for SimTime {
    fn add_assign(&mut self, d: SimDuration) {
        *self = *self + d;
    }
}

impl Sub<SimDuration> for SimTime {
    type Output = SimTime;
    fn sub(self, d: SimDuration) -> SimTime {
        SimTime(self.0.saturating_sub(d.0))
    }
}

impl Add for SimDuration {
    type Output = SimDuration;
    fn add(self, d: SimDuration) -> SimDuration {
        SimDuration(self.0.saturating_add(d.0))
    }
}

impl AddAssign for SimDuration {
    fn add_assign(&mut self, d: SimDuration) {
        *self = *self + d;
    }
}

impl Sub for SimDuration {
    type Output = SimDuration;
    fn sub(self, d: SimDuration) -> SimDuration {
        SimDuration(self.0.checked_sub(d.0).expect("a span is not negative"))
    }
}

impl SubAssign for SimDuration {
    fn sub_assign(&mut self, d: SimDuration) {
        *self = *self - d;
    }
}

impl Mul<u64> for SimDuration {
    type Output = SimDuration;
    fn mul(self, n: u64) -> SimDuration {
        SimDuration(self.0.saturating_mul(n))
    }
}

impl Div<u64> for SimDuration {
    type Output = SimDuration;
    fn div(self, n: u64) -> SimDuration {
        SimDuration(self.0 / n)
    }
}

/// `3d 04:05:06.789`: sortable by eye in a trace.
impl fmt::Display for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (s, us) = (self.0 / 1_000_000, self.0 % 1_000_000);
        write!(
            f,
            "{:>3}d {:02}:{:02}:{:02}.{:03}",
            s / 86_400,
            s / 3_600 % 24,
            s / 60 % 60,
            s % 60,
            us / 1_000
        )
    }
}

impl fmt::Debug for SimTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The shortest exact way a person would write it, which a scenario can read back: `90s`, `1h30m`, `250ms`.
impl fmt::Display for SimDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, us) in [
            ("d", 86_400_000_000),
            ("h", 3_600_000_000),
            ("m", 60_000_000),
            ("s", 1_000_000),
            ("ms", 1_000),
            ("us", 1),
        ] {
            let n = rest / us;
            if n > 0 {
                write!(f, "{n}{unit}")?;
                rest %= us;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for SimDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_a_periodic_clock_around_an_instant() {
        let (phase, period) = (SimTime::from_micros(3), SimDuration::from_micros(10));
        let at = SimTime::from_micros;
        // The clock ticks at 3, 13, 23, …
        assert_eq!(at(0).next_tick(phase, period), at(3));
        assert_eq!(at(3).next_tick(phase, period), at(13));
        assert_eq!(at(12).next_tick(phase, period), at(13));
        assert_eq!(at(3).tick_at_or_after(phase, period), at(3));
        assert_eq!(at(4).tick_at_or_after(phase, period), at(13));
        assert_eq!(at(2).last_tick(phase, period), None);
        assert_eq!(at(22).last_tick(phase, period), Some(at(13)));
    }

    #[test]
    fn durations_print_as_people_write_them() {
        assert_eq!(SimDuration::from_secs(5_400).to_string(), "1h30m");
        assert_eq!(SimDuration::from_millis(250).to_string(), "250ms");
        assert_eq!(SimDuration::ZERO.to_string(), "0s");
    }

    #[test]
    fn floats_round_to_the_nearest_microsecond_and_saturate() {
        assert_eq!(SimDuration::from_secs_f64(1.000_000_6).as_micros(), 1_000_001);
        assert_eq!(SimDuration::from_secs_f64(-1.0), SimDuration::ZERO);
        assert_eq!(SimDuration::from_secs_f64(f64::INFINITY), SimDuration::MAX);
    }
}
