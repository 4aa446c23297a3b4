//! Axes: where a value lies on the sheet, and at which round values to put a tick.
//!
//! Knows numbers and pixels, no drawing. Start at [`Axis`].

use crate::report::number::grouped;

/// A linear map from values to pixels.
#[derive(Clone, Copy)]
pub struct Axis {
    pub from: f64,
    pub to: f64,
    pub pixel_from: i32,
    pub pixel_to: i32,
}

impl Axis {
    pub fn at(&self, value: f64) -> i32 {
        let share = (value - self.from) / (self.to - self.from);
        self.pixel_from + (share * f64::from(self.pixel_to - self.pixel_from)).round() as i32
    }

    /// Round values inside the axis, about `count` of them, with labels that all have the same digits.
    pub fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        let step = round_step((self.to - self.from) / count as f64);
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let first = (self.from / step).ceil() as i64;
        let values = (first..).map(|k| k as f64 * step).take_while(|tick| *tick <= self.to + step * 1e-9);
        values.map(|value| (value, grouped(value, decimals))).collect()
    }
}

/// The smallest of 1, 2, 5 × 10ⁿ that is not below `step`.
fn round_step(step: f64) -> f64 {
    let magnitude = 10_f64.powf(step.log10().floor());
    let round = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * magnitude >= step * (1.0 - 1e-9));
    round.unwrap_or(10.0) * magnitude
}

/// Spans at which people cut time, for a logarithmic axis: seconds and label.
pub const SPANS: [(f64, &str); 13] = [
    (0.1, "0.1 s"),
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (3_600.0, "1 h"),
    (14_400.0, "4 h"),
    (86_400.0, "1 day"),
    (259_200.0, "3 days"),
    (864_000.0, "10 days"),
    (2_592_000.0, "30 days"),
    (7_776_000.0, "90 days"),
    (31_536_000.0, "1 year"),
];

/// Moves labels apart that would lie on each other: each keeps its order and comes as close to its wish as the gap
/// allows, within `low..=high`.
pub fn spread(wishes: &[i32], gap: i32, low: i32, high: i32) -> Vec<i32> {
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by_key(|&index| wishes[index]);
    let mut places = vec![0; wishes.len()];
    let mut floor = low;
    for &index in &order {
        places[index] = wishes[index].max(floor);
        floor = places[index] + gap;
    }
    let mut ceiling = high;
    for &index in order.iter().rev() {
        places[index] = places[index].min(ceiling);
        ceiling = places[index] - gap;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_inside() {
        let axis = Axis { from: 0.0, to: 47.0, pixel_from: 0, pixel_to: 470 };
        let labels = |axis: Axis, count| axis.ticks(count).into_iter().map(|tick| tick.1).collect::<Vec<_>>();
        assert_eq!(labels(axis, 5), ["0", "10", "20", "30", "40"]);
        assert_eq!(axis.at(23.5), 235);
        let small = Axis { from: 0.0, to: 0.3, ..axis };
        assert_eq!(labels(small, 3), ["0.0", "0.1", "0.2", "0.3"]);
    }

    #[test]
    fn labels_keep_order_and_distance() {
        assert_eq!(spread(&[100, 101, 300], 20, 0, 400), [100, 120, 300]);
        // At the lower edge of the sheet they stack upwards.
        assert_eq!(spread(&[390, 395, 400], 20, 0, 400), [360, 380, 400]);
    }
}
