//! boxherd: customers through its scheduler, which also keeps the clock and the digest; the hold model through its
//! event queue.

use super::timed;
use crate::workload::Outcome;
use crate::workload::customers::Customers;
use crate::workload::hold::Hold;
use boxherd::engine::queue::EventQueue;
use boxherd::engine::{Event, Scheduler, SimDuration, SimTime};

#[derive(Clone, Copy, Hash)]
enum Customer {
    Arrives,
    Leaves,
}

impl Event for Customer {
    fn phase(&self) -> u8 {
        0
    }
}

pub fn customers(mut model: Customers) -> (f64, u64) {
    let mut scheduler = Scheduler::default();
    scheduler.after(SimDuration::from_micros(model.first()), Customer::Arrives);
    let ns = timed(|| {
        while let Some(event) = scheduler.next_before(SimTime::MAX) {
            let now = scheduler.now().as_micros();
            match event {
                Customer::Arrives => {
                    let arrived = model.arrive(now);
                    if let Some(delay) = arrived.next_arrival {
                        scheduler.after(SimDuration::from_micros(delay), Customer::Arrives);
                    }
                    if let Some(delay) = arrived.departure {
                        scheduler.after(SimDuration::from_micros(delay), Customer::Leaves);
                    }
                }
                Customer::Leaves => {
                    if let Some(delay) = model.leave(now) {
                        scheduler.after(SimDuration::from_micros(delay), Customer::Leaves);
                    }
                }
            }
        }
    });
    assert_eq!(model.to_serve, 0, "all customers were served");
    (ns, model.waited)
}

pub fn hold(mut model: Hold, population: u32) -> Outcome {
    let mut queue = EventQueue::default();
    for id in 0..u64::from(population) {
        queue.push(SimTime::from_micros(model.first()), 0, id);
    }
    while let Some((time, id)) = queue.pop_before(SimTime::MAX) {
        if let Some(delay) = model.happen(time.as_micros(), id) {
            queue.push(time + SimDuration::from_micros(delay), 0, id);
        }
    }
    model.outcome()
}
