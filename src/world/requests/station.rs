//! One box that serves requests one by one: processor sharing, or a pool of workers with a line in front.
//!
//! Exact and event by event. All requests in work get the same speed, so one number, the work that each has attained
//! since the station began, tells how far all of them are: a request that begins at attained A with work x is done
//! when attained reaches A + x. Knows no clock of its own, no caller and no route: who uses it says what time it is,
//! and asks when the next request is done. Start at [`Station::enter`].

use crate::engine::{SimDuration, SimTime};
use std::collections::{BTreeSet, VecDeque};

/// A request in a station, by a number of whoever uses it.
pub type Ticket = u32;

/// A processor that several requests share.
#[derive(Clone, Debug)]
pub struct Station {
    cores: f64,
    /// Requests in work at once.
    workers: usize,
    /// Requests inside at once.
    hold: usize,
    /// CPU time that each request in work has had since the station began [s].
    attained: f64,
    as_of: SimTime,
    /// Requests in work, by what will be attained when they are done (bits of a positive number sort as it does).
    working: BTreeSet<(u64, Ticket)>,
    /// Requests that wait for a worker, with their work [s].
    line: VecDeque<(Ticket, f64)>,
    /// CPU time used so far [core-seconds].
    used_s: f64,
}

impl Station {
    /// An empty station; `workers` of `None` shares among all.
    pub fn new(cores: f64, workers: Option<u32>, hold: u32, now: SimTime) -> Station {
        Station {
            cores,
            workers: workers.map_or(usize::MAX, |w| w as usize),
            hold: hold as usize,
            attained: 0.0,
            as_of: now,
            working: BTreeSet::new(),
            line: VecDeque::new(),
            used_s: 0.0,
        }
    }

    /// Requests in work and in line.
    pub fn inside(&self) -> usize {
        self.working.len() + self.line.len()
    }

    /// CPU time used up to now [core-seconds].
    pub fn used_s(&mut self, now: SimTime) -> f64 {
        self.advance(now);
        self.used_s
    }

    /// Takes in a request with `work_s` of CPU time; false if the station is full.
    pub fn enter(&mut self, ticket: Ticket, work_s: f64, now: SimTime) -> bool {
        self.advance(now);
        if self.inside() >= self.hold {
            return false;
        }
        if self.working.len() < self.workers {
            self.begin(ticket, work_s);
        } else {
            self.line.push_back((ticket, work_s));
        }
        true
    }

    /// When the next request is done, if nothing else happens.
    pub fn next_done(&self) -> Option<SimTime> {
        let (bits, _) = self.working.first()?;
        let left = (f64::from_bits(*bits) - self.attained).max(0.0) / self.speed();
        // Rounded up, so that at that time the work is really done.
        Some(self.as_of + SimDuration::from_secs_f64(left) + SimDuration::from_micros(1))
    }

    /// A request that is done by now, if there is one; it leaves, and the first in line takes its place.
    pub fn take_done(&mut self, now: SimTime) -> Option<Ticket> {
        self.advance(now);
        let &(bits, ticket) = self.working.first()?;
        if f64::from_bits(bits) > self.attained {
            return None;
        }
        self.working.pop_first();
        self.fill();
        Some(ticket)
    }

    /// A request leaves before it is done. Returns the CPU time that it still had to get [s].
    pub fn give_up(&mut self, ticket: Ticket, now: SimTime) -> f64 {
        self.advance(now);
        if let Some(at) = self.line.iter().position(|&(t, _)| t == ticket) {
            return self.line.remove(at).expect("found").1;
        }
        let entry = self.working.iter().find(|e| e.1 == ticket).copied();
        let entry = entry.expect("a request that gives up is inside");
        self.working.remove(&entry);
        self.fill();
        f64::from_bits(entry.0) - self.attained
    }

    /// All requests inside, which leave, with the CPU time that each still had to get [s].
    pub fn empty(&mut self, now: SimTime) -> Vec<(Ticket, f64)> {
        self.advance(now);
        let attained = self.attained;
        let working = std::mem::take(&mut self.working).into_iter();
        let working = working.map(|(bits, ticket)| (ticket, f64::from_bits(bits) - attained));
        working.chain(std::mem::take(&mut self.line)).collect()
    }

    pub fn set_cores(&mut self, cores: f64, now: SimTime) {
        self.advance(now);
        self.cores = cores;
    }

    fn begin(&mut self, ticket: Ticket, work_s: f64) {
        self.working.insert(((self.attained + work_s).to_bits(), ticket));
    }

    fn fill(&mut self) {
        while self.working.len() < self.workers {
            let Some((ticket, work_s)) = self.line.pop_front() else { return };
            self.begin(ticket, work_s);
        }
    }

    /// CPU that each request in work gets [cores]: at most one.
    fn speed(&self) -> f64 {
        (self.cores / self.working.len().max(1) as f64).min(1.0)
    }

    fn advance(&mut self, now: SimTime) {
        let dt = now.since(self.as_of).as_secs_f64();
        self.as_of = now;
        if self.working.is_empty() {
            // Nobody counts on what was attained: start anew, for the precision of small numbers.
            self.attained = 0.0;
            return;
        }
        let each = self.speed() * dt;
        self.attained += each;
        self.used_s += each * self.working.len() as f64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: f64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs_f64(s)
    }

    /// Runs until empty; returns (ticket, second) of each completion.
    fn run_out(station: &mut Station) -> Vec<(Ticket, f64)> {
        let mut done = Vec::new();
        while let Some(time) = station.next_done() {
            while let Some(ticket) = station.take_done(time) {
                done.push((ticket, (time.as_secs_f64() * 1e3).round() / 1e3));
            }
        }
        done
    }

    #[test]
    fn two_requests_share_one_core() {
        let mut s = Station::new(1.0, None, 10, at(0.0));
        assert!(s.enter(1, 1.0, at(0.0)) && s.enter(2, 3.0, at(0.0)));
        // Half speed each until the first is done at 2 s; the second has 2 s left and the core to itself.
        assert_eq!(run_out(&mut s), [(1, 2.0), (2, 4.0)]);
        assert!((s.used_s(at(9.0)) - 4.0).abs() < 1e-5);
    }

    #[test]
    fn a_request_uses_at_most_one_core() {
        let mut s = Station::new(4.0, None, 10, at(0.0));
        assert!(s.enter(1, 1.0, at(0.0)) && s.enter(2, 1.0, at(0.5)));
        assert_eq!(run_out(&mut s), [(1, 1.0), (2, 1.5)]);
    }

    #[test]
    fn a_single_worker_serves_in_order_and_a_full_box_refuses() {
        let mut s = Station::new(2.0, Some(1), 3, at(0.0));
        assert!((1..=3).all(|t| s.enter(t, 1.0, at(0.0))));
        assert!(!s.enter(4, 1.0, at(0.0)));
        assert_eq!(run_out(&mut s), [(1, 1.0), (2, 2.0), (3, 3.0)]);
    }

    #[test]
    fn who_gives_up_frees_the_processor_for_the_others() {
        let mut s = Station::new(1.0, None, 10, at(0.0));
        assert!(s.enter(1, 2.0, at(0.0)) && s.enter(2, 2.0, at(0.0)));
        // After 2 s both had 1 s; the second then takes 1 s more alone.
        let left = s.give_up(1, at(2.0));
        assert!((left - 1.0).abs() < 1e-9);
        assert_eq!(run_out(&mut s), [(2, 3.0)]);
    }
}
