//! A bounded pool of workers: so many requests are worked on at once, the rest wait in line.
//!
//! Between first come first served (as many workers as cores) and processor sharing (any number of workers). For one
//! core the mean is that of Avi-Itzhak & Halfin 1988: with K workers at utilization ρ a share ρᴷ of the M/G/1
//! queue stands in line, where the variation of work matters, and the rest shares the processor. For several cores
//! the same split is made with Erlang C (exact for exponential work; *Deviation:* otherwise as good as
//! Allen-Cunneen, which overstates the line by up to 20 % at 70 % utilization).
//!
//! Start at [`WorkerPool::times`].

use super::Sharing;
use super::balancing::{Balancing, Line};
use super::work::ServiceTime;

/// One box with a bounded pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WorkerPool {
    pub cores: f64,
    pub workers: f64,
}

/// Mean times of a request in a box with a pool, in times that its work takes on a whole idle core.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PoolTimes {
    /// Share of requests that have to stand in line.
    pub in_line: f64,
    /// Mean time in line of those, in mean service times.
    pub line: f64,
    /// Slowdown while a worker has the request.
    pub slowdown: f64,
    /// Variance of the logarithm of that slowdown.
    pub spread: f64,
}

impl WorkerPool {
    /// Cores that the workers can keep busy: a worker uses one at a time.
    pub fn usable_cores(&self) -> f64 {
        self.cores.min(self.workers)
    }

    /// Times at `utilization` (0..1) of the usable cores. The policy acts on waits as it does without a pool.
    pub fn times(&self, balancing: Balancing, boxes: f64, work: &ServiceTime, utilization: f64) -> PoolTimes {
        let rho = utilization.clamp(0.0, 1.0 - 1e-9);
        let cores = self.usable_cores();
        let (servers, speed) = (cores.max(1.0), cores.min(1.0));
        if rho <= 0.0 {
            return PoolTimes { in_line: 0.0, line: 0.0, slowdown: 1.0 / speed, spread: 0.0 };
        }
        let line = Line::new(boxes, servers, rho);
        let alone = line.alone();
        let relief = if alone > 0.0 { balancing.relative_wait(&line) / alone } else { 1.0 };
        let line_relief = balancing.line_relief(boxes.max(1.0), rho, work.cv2()).unwrap_or(relief);
        // Share of the queue beyond the workers.
        let beyond = rho.powf((self.workers - servers).max(0.0));
        let in_line = line.waits * beyond * line_relief.min(1.0).sqrt();
        let mean_line = alone * line_relief * beyond * (1.0 + work.cv2()) / 2.0 / speed;
        PoolTimes {
            in_line,
            line: if in_line > 0.0 { mean_line / in_line } else { 0.0 },
            slowdown: (1.0 + alone * relief * (1.0 - beyond)) / speed,
            // As far as the workers share the processor.
            spread: (1.0 - beyond) * Sharing::new(balancing, boxes, cores, rho).spread(work.cv2()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(cores: f64, workers: f64, cv2: f64, rho: f64) -> f64 {
        let work = ServiceTime::lognormal(1.0, cv2);
        let t = WorkerPool { cores, workers }.times(Balancing::Random, 1.0, &work, rho);
        t.in_line * t.line + t.slowdown
    }

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not within {tolerance} of {b}");
    }

    #[test]
    fn one_worker_is_pollaczek_khinchine_and_many_are_processor_sharing() {
        // ρ = 0.8, cv² = 4: wait ρ/(1−ρ)·(1+4)/2 = 10 service times in line, and one of service.
        close(mean(1.0, 1.0, 4.0, 0.8), 11.0, 1e-6);
        // Without a bound it is 1/(1−ρ) = 5, whatever the variation.
        close(mean(1.0, 1e3, 4.0, 0.8), 5.0, 1e-6);
        // Exponential work: the number of workers makes no difference.
        close(mean(1.0, 3.0, 1.0, 0.8), 5.0, 1e-6);
    }

    #[test]
    fn workers_below_the_cores_are_the_bottleneck() {
        let pool = WorkerPool { cores: 4.0, workers: 2.0 };
        assert_eq!(pool.usable_cores(), 2.0);
        // M/M/2 at 0.8: P(wait) 0.7111, mean wait 1.7778.
        let t = pool.times(Balancing::Random, 1.0, &ServiceTime::lognormal(1.0, 1.0), 0.8);
        close(t.in_line, 0.7111, 1e-3);
        close(t.in_line * t.line, 1.7778, 2e-3);
    }
}
