//! M/M/c: customers arrive, wait for one of c servers in order of arrival, are served, leave. Two events each.
//!
//! Arrivals and services draw from streams of their own, so that the order in which an engine takes an arrival
//! and a departure of the same microsecond changes nobody's wait. Start at [`Customers::arrive`].

use super::exponential;
use boxherd::engine::{Purpose, Stream, Streams};
use std::collections::VecDeque;

const LOAD: f64 = 0.8;
/// Mean time of service [µs].
const SERVICE: f64 = 1e6;

pub struct Customers {
    arrivals: Stream,
    services: Stream,
    /// Mean time between arrivals [µs].
    gap: f64,
    idle: u32,
    /// Arrival times of those who wait.
    waiting: VecDeque<u64>,
    to_come: u64,
    pub to_serve: u64,
    pub waited: u64,
}

/// Delays to what follows an arrival.
pub struct Arrived {
    pub next_arrival: Option<u64>,
    pub departure: Option<u64>,
}

impl Customers {
    pub fn new(servers: u32, customers: u64, seed: u64) -> Self {
        let streams = Streams::new(seed, 0);
        Customers {
            arrivals: streams.open(Purpose::named("arrivals"), &[]),
            services: streams.open(Purpose::named("services"), &[]),
            gap: SERVICE / (LOAD * f64::from(servers)),
            idle: servers,
            waiting: VecDeque::new(),
            to_come: customers,
            to_serve: customers,
            waited: 0,
        }
    }

    /// Delay to the first arrival.
    pub fn first(&mut self) -> u64 {
        exponential(&mut self.arrivals, self.gap)
    }

    #[inline]
    pub fn arrive(&mut self, now: u64) -> Arrived {
        self.to_come -= 1;
        let next_arrival = (self.to_come > 0).then(|| exponential(&mut self.arrivals, self.gap));
        if self.idle == 0 {
            self.waiting.push_back(now);
            return Arrived { next_arrival, departure: None };
        }
        self.idle -= 1;
        Arrived { next_arrival, departure: Some(self.serve(now, now)) }
    }

    /// The delay to the departure of whom the server takes next.
    #[inline]
    pub fn leave(&mut self, now: u64) -> Option<u64> {
        match self.waiting.pop_front() {
            Some(arrived) => Some(self.serve(now, arrived)),
            None => {
                self.idle += 1;
                None
            }
        }
    }

    fn serve(&mut self, now: u64, arrived: u64) -> u64 {
        self.to_serve -= 1;
        self.waited += now - arrived;
        exponential(&mut self.services, SERVICE)
    }
}

/// Mean wait of M/M/c by Erlang C [service times].
pub fn erlang_c_wait(servers: u32) -> f64 {
    let offered = LOAD * f64::from(servers);
    let lost = (1..=servers).fold(1.0, |b, k| offered * b / (f64::from(k) + offered * b));
    lost / (1.0 - LOAD + LOAD * lost) / (f64::from(servers) * (1.0 - LOAD))
}

/// From the sum of `waited` over `customers` [service times].
pub fn mean_wait(waited: u64, customers: u64) -> f64 {
    waited as f64 / customers as f64 / SERVICE
}
