//! A value that holds until it changes, and its integral over time.

use crate::engine::{SimDuration, SimTime};

/// Exact for integers: value × microseconds in 128 bits.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gauge {
    value: i64,
    since: SimTime,
    integral: i128,
}

impl Gauge {
    pub fn add(&mut self, time: SimTime, change: i64) {
        self.advance(time);
        self.value += change;
    }

    pub fn set(&mut self, time: SimTime, value: i64) {
        self.advance(time);
        self.value = value;
    }

    pub fn value(&self) -> i64 {
        self.value
    }

    /// Forgets the past, keeps the value.
    pub fn begin(&mut self, time: SimTime) {
        *self = Gauge { value: self.value, since: time, integral: 0 };
    }

    /// Value × seconds since the beginning.
    pub fn seconds(&mut self, time: SimTime) -> f64 {
        self.advance(time);
        self.integral as f64 / 1e6
    }

    fn advance(&mut self, time: SimTime) {
        let span: SimDuration = time.since(self.since);
        self.integral += i128::from(self.value) * i128::from(span.as_micros());
        self.since = time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integral_is_value_times_time() {
        let at = |s| SimTime::ZERO + SimDuration::from_secs(s);
        let mut gauge = Gauge::default();
        gauge.add(at(0), 2);
        gauge.begin(at(10));
        gauge.add(at(14), 3);
        // 2 for 4 s and 5 for 6 s.
        assert_eq!(gauge.seconds(at(20)), 38.0);
    }
}
