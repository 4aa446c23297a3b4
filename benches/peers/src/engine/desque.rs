//! desque: boxed events that act on one state, time as an integer.

use super::timed;
use crate::workload::Outcome;
use crate::workload::customers::Customers;
use crate::workload::hold::Hold;
use desque::SimState;
use desque::serial::{Event, Simulation};

struct State<M>(M);

impl<M> SimState<u64> for State<M> {}

#[derive(Debug)]
struct Arrival;

#[derive(Debug)]
struct Departure;

impl Event<State<Customers>, u64> for Arrival {
    fn execute(&mut self, simulation: &mut Simulation<State<Customers>, u64>) -> desque::Result {
        let now = *simulation.current_time();
        let arrived = simulation.state_mut().0.arrive(now);
        if let Some(delay) = arrived.next_arrival {
            simulation.schedule(Arrival, now + delay)?;
        }
        if let Some(delay) = arrived.departure {
            simulation.schedule(Departure, now + delay)?;
        }
        Ok(())
    }
}

impl Event<State<Customers>, u64> for Departure {
    fn execute(&mut self, simulation: &mut Simulation<State<Customers>, u64>) -> desque::Result {
        let now = *simulation.current_time();
        match simulation.state_mut().0.leave(now) {
            Some(delay) => simulation.schedule(Departure, now + delay),
            None => Ok(()),
        }
    }
}

pub fn customers(mut model: Customers) -> (f64, u64) {
    let first = model.first();
    let mut simulation = Simulation::new(State(model), 0);
    simulation.schedule(Arrival, first).expect("the first arrival lies in the future");
    let ns = timed(|| simulation.run().expect("no event fails"));
    let model = &simulation.state().0;
    assert_eq!(model.to_serve, 0, "all customers were served");
    (ns, model.waited)
}

#[derive(Debug)]
struct Held(u64);

impl Event<State<Hold>, u64> for Held {
    fn execute(&mut self, simulation: &mut Simulation<State<Hold>, u64>) -> desque::Result {
        let now = *simulation.current_time();
        match simulation.state_mut().0.happen(now, self.0) {
            Some(delay) => simulation.schedule(Held(self.0), now + delay),
            None => Ok(()),
        }
    }
}

pub fn hold(model: Hold, population: u32) -> Outcome {
    let mut simulation = Simulation::new(State(model), 0);
    for id in 0..u64::from(population) {
        let first = simulation.state_mut().0.first();
        simulation.schedule(Held(id), first).expect("it lies in the future");
    }
    simulation.run().expect("no event fails");
    simulation.state().0.outcome()
}
