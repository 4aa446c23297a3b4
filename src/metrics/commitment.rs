//! What machines on demand cost in each hour, and what a commitment makes of it.
//!
//! In every hour the commitment `c` is paid at its lower price, used or not, and what was used beyond it at the list
//! price: Σ (1 − d)·c + max(0, u − c) = Σ u − d·min(c, u) + (1 − d)·max(0, c − u), which is how the bill shows it.
//! Hours are those of the metered time; a part of an hour counts as that part. Start at [`HourlySpend::settle`].

use crate::engine::{SimDuration, SimTime};
use crate::world::observation::Commitment;

const HOUR: SimDuration = SimDuration::from_hours(1);

/// Integral by hour of a price that holds until it changes: exact.
#[derive(Clone, Debug, Default)]
pub(super) struct HourlySpend {
    /// [millionths of a dollar per hour]
    rate: i64,
    begun: SimTime,
    since: SimTime,
    /// Rate × microseconds.
    hours: Vec<i128>,
}

/// What was committed, of the metered time [USD at list prices].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Settled {
    pub covered: f64,
    pub unused: f64,
}

impl HourlySpend {
    pub fn add(&mut self, time: SimTime, change: i64) {
        self.advance(time);
        self.rate += change;
    }

    /// Forgets the past, keeps the rate.
    pub fn begin(&mut self, time: SimTime) {
        *self = HourlySpend { rate: self.rate, begun: time, since: time, hours: Vec::new() };
    }

    fn advance(&mut self, time: SimTime) {
        while self.since < time {
            let index = self.since.since(self.begun).as_micros() / HOUR.as_micros();
            let end = time.min(self.begun + HOUR * (index + 1));
            self.hours.resize(index as usize + 1, 0);
            let span = i128::from(end.since(self.since).as_micros());
            *self.hours.last_mut().expect("resized") += i128::from(self.rate) * span;
            self.since = end;
        }
    }

    /// Until `time`.
    pub fn settle(&mut self, time: SimTime, commitment: &Commitment) -> Settled {
        self.advance(time);
        let hour = HOUR.as_micros() as f64;
        let total = time.since(self.begun).as_micros() as f64 / hour;
        let used: Vec<f64> = self.hours.iter().map(|&integral| integral as f64 / hour / 1e6).collect();
        let mean = used.iter().sum::<f64>() / total;
        let given = commitment.micro_usd_per_hour.map(|micro| micro as f64 / 1e6);
        let committed = given.unwrap_or(commitment.share * mean);
        let mut settled = Settled { covered: 0.0, unused: 0.0 };
        for (index, used) in used.into_iter().enumerate() {
            let due = committed * (total - index as f64).min(1.0);
            settled.covered += used.min(due);
            settled.unused += (due - used).max(0.0);
        }
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spent() -> HourlySpend {
        let at = |minutes| SimTime::ZERO + SimDuration::from_mins(minutes);
        let mut spend = HourlySpend::default();
        spend.add(at(0), 1_000_000);
        spend.begin(at(30));
        // From 30 to 150 min one dollar an hour, then three until 240 min: hours of 1, 1, 3 and half an hour of 3.
        spend.add(at(150), 2_000_000);
        spend
    }

    #[test]
    fn an_hour_pays_what_is_committed_whether_it_is_used_or_not() {
        let end = SimTime::ZERO + SimDuration::from_mins(240);
        let two = Commitment { share: 0.0, micro_usd_per_hour: Some(2_000_000), discount: 0.3 };
        // Covered min(2, u): 1 + 1 + 2 + min(1, 1.5). Unused 1 + 1 + 0 + 0.
        assert_eq!(spent().settle(end, &two), Settled { covered: 5.0, unused: 2.0 });
        // Together they are the commitment: 2 dollars for 3.5 hours.
    }

    #[test]
    fn a_share_is_of_the_mean_hour() {
        let end = SimTime::ZERO + SimDuration::from_mins(240);
        // 1 + 1 + 3 + 1.5 = 6.5 dollars in 3.5 hours: a commitment to all of the mean is 6.5 in all.
        let mean = Commitment { share: 1.0, micro_usd_per_hour: None, discount: 0.3 };
        let Settled { covered, unused } = spent().settle(end, &mean);
        assert!((covered + unused - 6.5).abs() < 1e-12);
        // The mean is 1.857: hours use 1, 1, 1.857 and 0.929 of it.
        assert!((covered - (2.0 + 6.5 / 3.5 * 1.5)).abs() < 1e-12);
    }
}
