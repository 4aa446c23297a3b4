//! One box as a queueing station: what it does at each degree of crowding, and where it settles.
//!
//! A station is followed by its *virtual utilization* u: the utilization at which the stationary formulas hold as many
//! requests as are inside now. That is the point-wise stationary fluid flow approximation (Wang, Tipper & Banerjee
//! 1996): the outflow is that of u, and the requests inside change by what flows in less what flows out. Callers
//! lose patience: a server that notices stops working on their requests, so that every overload has a balance point
//! (Gromoll, Robert & Zwart 2008); one that does not notice keeps working for nobody, and only its bound on requests
//! inside stops the growth.
//!
//! Pure functions; nothing here knows time or who shares the machine. Start at [`Station::at`].

use super::{Balancing, ServiceTime, Sharing, WorkerPool};

/// What all boxes of a service have in common.
#[derive(Clone, Copy, Debug)]
pub struct Manners {
    /// How long callers wait [s].
    pub patience_s: f64,
    /// Requests worked on at once; `None` shares the processor among all.
    pub workers: Option<f64>,
    /// Requests that a box holds at most; more are refused.
    pub hold: f64,
    /// Whether a server stops when the caller has given up.
    pub cancels: bool,
}

/// A box among alike ones.
#[derive(Clone, Copy, Debug)]
pub struct Station<'a> {
    pub manners: &'a Manners,
    pub balancing: Balancing,
    /// Boxes among which the route chooses.
    pub boxes: f64,
    /// Cores that the box can use.
    pub cores: f64,
    /// Work of a request in this box.
    pub work: ServiceTime,
    /// Share of the arrivals that were too long before and come again.
    pub long: f64,
    /// There is more to do than can be done: crowds do not come and go, everybody meets the same.
    pub fluid: bool,
}

/// What a station does at one degree of crowding.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Time with a worker relative to the work on an idle core.
    pub slowdown: f64,
    /// Variance of its logarithm between requests.
    pub spread: f64,
    /// Share of requests that stand in line, and how long these do on average [s]; if all do, all equally long.
    pub in_line: f64,
    pub line_s: f64,
    /// Requests that leave, answered or not [1/s].
    pub outflow: f64,
    /// CPU in use [cores].
    pub busy: f64,
    /// Requests inside.
    pub inside: f64,
}

impl Point {
    fn with_outflow(self, outflow: f64) -> Point {
        let inside = self.busy * self.slowdown + outflow * self.in_line * self.line_s;
        Point { outflow, inside, ..self }
    }

    /// Work that a request may have to be answered within `t_s`, if it waits as long as all do on average [s].
    pub fn work_within(&self, t_s: f64) -> f64 {
        (t_s - self.in_line * self.line_s) / self.slowdown
    }

    /// Mean of `of(wait [s])` over the requests: some stand in line exponentially long, or all equally long.
    pub fn over_line(&self, of: impl Fn(f64) -> f64) -> f64 {
        if self.in_line <= 0.0 {
            return of(0.0);
        }
        if self.in_line >= 1.0 {
            return of(self.line_s);
        }
        let waiting: f64 = line_points(self.line_s).map(&of).sum::<f64>() / LINE_POINTS as f64;
        (1.0 - self.in_line) * of(0.0) + self.in_line * waiting
    }
}

/// Equally likely waits by which an exponential one is represented.
const LINE_POINTS: usize = 8;

/// An exponential wait with this mean as equally likely values.
pub fn line_points(mean_s: f64) -> impl ExactSizeIterator<Item = f64> {
    (0..LINE_POINTS).map(move |i| -mean_s * (1.0 - (i as f64 + 0.5) / LINE_POINTS as f64).ln())
}

impl Station<'_> {
    /// Cores that can be in use at once.
    pub fn usable(&self) -> f64 {
        self.manners.workers.map_or(self.cores, |workers| self.cores.min(workers))
    }

    /// Share of the usable cores that `arrivals` [1/s] ask for; above 1 is an overload.
    pub fn load(&self, arrivals: f64) -> f64 {
        arrivals * self.work.mean_s / self.usable()
    }

    /// What the station does at a virtual utilization below 1.
    pub fn at(&self, utilization: f64) -> Point {
        let point = self.crowding(utilization);
        let executed_s = self.executed_s(&point).max(1e-6 * self.work.mean_s);
        point.with_outflow(point.busy / executed_s)
    }

    /// What the station does under `arrivals` [1/s] that are all answered in time, well below what it can.
    pub fn at_ease(&self, arrivals: f64) -> Point {
        self.crowding(self.load(arrivals)).with_outflow(arrivals)
    }

    fn crowding(&self, utilization: f64) -> Point {
        let usable = self.usable();
        let (slow, spread, in_line, line_s) = match self.manners.workers {
            None => {
                let sharing = Sharing::new(self.balancing, self.boxes, self.cores, utilization);
                (sharing.slowdown, sharing.spread(self.work.cv2()), 0.0, 0.0)
            }
            Some(workers) => {
                let pool = WorkerPool { cores: self.cores, workers };
                let t = pool.times(self.balancing, self.boxes, &self.work, utilization);
                (t.slowdown, t.spread, t.in_line, t.line * self.work.mean_s)
            }
        };
        let busy = usable * utilization;
        let (spread, in_line, line_s) =
            if self.fluid { (0.0, 1.0, in_line * line_s) } else { (spread, in_line, line_s) };
        Point { slowdown: slow, spread, in_line, line_s, outflow: 0.0, busy, inside: 0.0 }
    }

    /// CPU time that a request has had when it leaves, on average [s].
    fn executed_s(&self, point: &Point) -> f64 {
        let (work, within) = (self.work.blurred(point.spread), point.work_within(self.manners.patience_s));
        let first = if self.manners.cancels { work.mean_capped(within) } else { self.work.mean_s };
        if self.long <= 0.0 { first } else { (1.0 - self.long) * first + self.long * self.long_s(point) }
    }

    /// CPU time that a request gets which is too long to be answered in time [s].
    pub fn long_s(&self, point: &Point) -> f64 {
        let within = point.work_within(self.manners.patience_s).max(0.0);
        if self.manners.cancels {
            return within;
        }
        let late = 1.0 - self.work.cdf(within);
        if late > 1e-9 { (self.work.mean_s - self.work.mean_below(within)) / late } else { within }
    }

    /// Probability that a request is done within the callers' patience.
    pub fn in_time(&self, point: &Point) -> f64 {
        let work = self.work.blurred(point.spread);
        point.over_line(|wait_s| work.cdf((self.manners.patience_s - wait_s) / point.slowdown))
    }

    /// Probability that a request that was too late once is too late again, if a share `late` is: its work is the
    /// same, but not the crowd. For two normal variables with correlation r, P(both > a) ≈ P(one > a)^(2/(1+r)).
    pub fn late_again(&self, point: &Point, late: f64) -> f64 {
        let work = self.work.log_variance();
        let correlation = if work > 0.0 { work / (work + point.spread) } else { 0.0 };
        late.powf((1.0 - correlation) / (1.0 + correlation))
    }

    /// Where the station settles under constant arrivals [1/s]: where as much leaves as comes, or where it is full.
    pub fn equilibrium(&self, arrivals: f64) -> Point {
        // Outflow rises with utilization.
        let balanced = self.at(bisect(|u| self.at(u).outflow < arrivals));
        if balanced.inside <= self.manners.hold && balanced.outflow >= arrivals * (1.0 - 1e-3) {
            balanced
        } else {
            self.holding(self.manners.hold)
        }
    }

    /// What the station does while so many requests are inside.
    pub fn holding(&self, inside: f64) -> Point {
        self.at(bisect(|u| self.at(u).inside < inside))
    }
}

/// The utilization from which on `below` does not hold any more, for a monotone condition.
fn bisect(below: impl Fn(f64) -> bool) -> f64 {
    // In t = −ln(1 − u), so that utilizations near 1 are told apart.
    let utilization = |t: f64| -f64::exp_m1(-t);
    let (mut low, mut high) = (0.0, 20.0);
    for _ in 0..40 {
        let middle = 0.5 * (low + high);
        if below(utilization(middle)) { low = middle } else { high = middle }
    }
    utilization(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALM: Manners = Manners { patience_s: 5.0, workers: None, hold: 1e3, cancels: true };

    fn station(manners: &Manners, cores: f64) -> Station<'_> {
        let work = ServiceTime::lognormal(0.05, 2.0);
        Station { manners, balancing: Balancing::Random, boxes: 1.0, cores, work, long: 0.0, fluid: true }
    }

    fn close(a: f64, b: f64, tolerance: f64) {
        assert!((a - b).abs() <= tolerance, "{a} is not within {tolerance} of {b}");
    }

    #[test]
    fn inside_follows_littles_law() {
        // M/G/1-PS at 0.8: 0.8/(1 − 0.8) = 4 requests inside.
        let patient = Manners { patience_s: 1e6, ..CALM };
        let p = station(&patient, 1.0).at(0.8);
        close(p.inside, 4.0, 1e-9);
        close(p.outflow, 0.8 / 0.05, 1e-9);
        close(station(&patient, 1.0).holding(4.0).busy, 0.8, 1e-6);
    }

    #[test]
    fn an_overload_settles_where_impatience_sheds_the_excess() {
        // 30/s of 50 ms on one core: 1.5 times too much. The box stays busy; requests are stopped after θ/slowdown of
        // work, such that E[min(x, θ/s)] = 1/30 s.
        let s = station(&CALM, 1.0);
        let p = s.equilibrium(30.0);
        close(p.busy, 1.0, 0.02);
        close(s.work.mean_capped(5.0 / p.slowdown), p.busy / 30.0, 1e-6);
        close(p.outflow, 30.0, 1e-2);
    }

    #[test]
    fn a_server_that_does_not_notice_fills_up_to_its_bound() {
        let deaf = Manners { cancels: false, ..CALM };
        let p = station(&deaf, 1.0).equilibrium(30.0);
        close(p.inside, 1_000.0, 1.0);
        // It works at full speed, for nobody: slowdown 1,000 leaves 5 ms of work within the patience.
        close(p.outflow, 20.0, 0.05);
        close(p.work_within(5.0), 0.005, 1e-4);
    }

    #[test]
    fn a_line_in_front_of_workers_is_as_long_as_patience_allows() {
        let pool = Manners { workers: Some(2.0), ..CALM };
        let p = station(&pool, 2.0).equilibrium(80.0);
        // Twice its capacity of 40/s: requests wait nearly 5 s, and those that then take longer are stopped.
        let wait = p.in_line * p.line_s;
        assert!((4.5..5.0).contains(&wait), "{wait}");
        close(p.outflow, 80.0, 0.1);
    }
}
