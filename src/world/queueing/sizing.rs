//! The smallest number of boxes that keeps a latency promise, and the latency that a number of boxes can promise.

use super::{Balancing, Manners, STATIONARY_MAX, ServiceTime, Station};

/// What a service must deliver and what one box can, for sizing.
#[derive(Clone, Copy, Debug)]
pub struct SizingTask {
    pub balancing: Balancing,
    pub cores_per_box: f64,
    /// Requests per second to be carried.
    pub rate: f64,
    pub work: ServiceTime,
    /// How boxes go about requests; callers' patience here is the latency that the share `quantile` of requests must
    /// not exceed.
    pub manners: Manners,
    pub quantile: f64,
}

impl SizingTask {
    /// Latency [s] that the share `quantile` of requests does not exceed with so many boxes; `None` where they are
    /// too few to carry the rate.
    pub fn expected_latency_s(&self, boxes: u32) -> Option<f64> {
        let boxes = f64::from(boxes);
        let in_time = |latency_s: f64| {
            let manners = Manners { patience_s: latency_s, ..self.manners };
            let station = self.station(&manners, boxes);
            station.in_time(&station.at_ease(self.rate / boxes))
        };
        if self.station(&self.manners, boxes).load(self.rate / boxes) >= STATIONARY_MAX {
            return None;
        }
        let (mut low, mut high) = (1e-6_f64, 1e6_f64);
        for _ in 0..60 {
            let middle = (low * high).sqrt();
            if in_time(middle) < self.quantile { low = middle } else { high = middle }
        }
        Some(high)
    }

    fn station<'a>(&self, manners: &'a Manners, boxes: f64) -> Station<'a> {
        let (balancing, cores, work) = (self.balancing, self.cores_per_box, self.work);
        Station { manners, balancing, boxes, cores, work, long: 0.0, fluid: false }
    }
}

/// The smallest number of equal boxes that carries the rate within the latency goal; `None` if one request
/// alone on an idle box takes too long.
pub fn boxes_needed(task: &SizingTask) -> Option<u32> {
    let meets =
        |boxes: u32| task.expected_latency_s(boxes).is_some_and(|latency| latency <= task.manners.patience_s);
    if task.work.quantile(task.quantile) / task.cores_per_box.min(1.0) > task.manners.patience_s {
        return None;
    }
    let (mut low, mut high) = (0_u32, 1_u32);
    while !meets(high) {
        low = high;
        high = high.checked_mul(2).filter(|&n| n <= 1 << 22)?;
    }
    while high - low > 1 {
        let mid = low + (high - low) / 2;
        if meets(mid) { high = mid } else { low = mid }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizing_finds_the_smallest_number() {
        let task = SizingTask {
            balancing: Balancing::RoundRobin,
            cores_per_box: 2.0,
            rate: 400.0,
            work: ServiceTime::lognormal(0.05, 1.0),
            manners: Manners { patience_s: 0.5, workers: None, hold: 1e3, cancels: true },
            quantile: 0.99,
        };
        let n = boxes_needed(&task).expect("feasible");
        // 400/s · 50 ms = 20 cores of work: at least 11 boxes of 2 cores.
        assert!((11..=14).contains(&n), "{n}");
        // It is the smallest: one box less misses the goal, and fewer than the work has cores carry nothing.
        assert!(task.expected_latency_s(n).is_some_and(|latency| latency <= 0.5));
        assert!(task.expected_latency_s(n - 1).is_none_or(|latency| latency > 0.5));
        assert_eq!(task.expected_latency_s(10), None);
        let hasty = Manners { patience_s: 0.05, ..task.manners };
        assert_eq!(boxes_needed(&SizingTask { manners: hasty, ..task }), None);
        // One worker uses one of the two cores: 20 cores of work need more than 20 boxes.
        let single = Manners { workers: Some(1.0), ..task.manners };
        let of_one_worker = boxes_needed(&SizingTask { manners: single, ..task }).expect("feasible");
        assert!(of_one_worker > 20 && of_one_worker > n, "{of_one_worker}");
    }
}
