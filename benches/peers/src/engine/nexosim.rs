//! nexosim: one model that schedules its own events, on the single-threaded executor; the fastest way of using it.
//!
//! Models of nexosim can be saved, so they must be able to be serialized; ours are not, and skip it.

use super::timed;
use crate::workload::Outcome;
use crate::workload::customers::Customers;
use crate::workload::hold::Hold;
use nexosim::model::{Context, Model, schedulable};
use nexosim::simulation::{Mailbox, SimInit, Simulation};
use nexosim::time::MonotonicTime;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where a model leaves its result: it belongs to the simulation while that runs.
type Report<T> = Arc<Mutex<Option<T>>>;

fn micros(time: MonotonicTime) -> u64 {
    time.duration_since(MonotonicTime::EPOCH).as_micros() as u64
}

fn simulation(model: impl Model<Env = ()> + 'static) -> Simulation {
    SimInit::with_num_threads(1)
        .add_model(model, Mailbox::new(), "model")
        .init(MonotonicTime::EPOCH)
        .expect("the model is complete")
}

fn taken<T>(report: &Report<T>) -> T {
    report.lock().expect("no model panicked").take().expect("the engine reached the end")
}

#[derive(Serialize, Deserialize)]
struct Server {
    #[serde(skip)]
    customers: Option<Customers>,
    #[serde(skip)]
    waited: Report<u64>,
}

#[Model]
impl Server {
    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        let delay = self.customers().first();
        context.schedule_event(Duration::from_micros(delay), schedulable!(Self::arrive), ()).expect("later");
    }

    #[nexosim(schedulable)]
    fn arrive(&mut self, _: (), context: &Context<Self>) {
        let arrived = self.customers().arrive(micros(context.time()));
        if let Some(delay) = arrived.next_arrival {
            let delay = Duration::from_micros(delay);
            context.schedule_event(delay, schedulable!(Self::arrive), ()).expect("later");
        }
        self.served(arrived.departure, context);
    }

    #[nexosim(schedulable)]
    fn leave(&mut self, _: (), context: &Context<Self>) {
        let departure = self.customers().leave(micros(context.time()));
        self.served(departure, context);
    }

    fn served(&mut self, departure: Option<u64>, context: &Context<Self>) {
        if let Some(delay) = departure {
            let delay = Duration::from_micros(delay);
            context.schedule_event(delay, schedulable!(Self::leave), ()).expect("later");
            let customers = self.customers();
            if customers.to_serve == 0 {
                let waited = customers.waited;
                *self.waited.lock().expect("nobody else holds it") = Some(waited);
            }
        }
    }

    fn customers(&mut self) -> &mut Customers {
        self.customers.as_mut().expect("never restored from a file")
    }
}

pub fn customers(model: Customers) -> (f64, u64) {
    let waited = Report::default();
    let mut simulation = simulation(Server { customers: Some(model), waited: waited.clone() });
    let ns = timed(|| simulation.run().expect("no event fails"));
    (ns, taken(&waited))
}

#[derive(Serialize, Deserialize)]
struct Holder {
    population: u32,
    #[serde(skip)]
    hold: Option<Hold>,
    #[serde(skip)]
    outcome: Report<Outcome>,
}

#[Model]
impl Holder {
    #[nexosim(init)]
    async fn init(&mut self, context: &Context<Self>) {
        for id in 0..u64::from(self.population) {
            let delay = Duration::from_micros(self.hold().first());
            context.schedule_event(delay, schedulable!(Self::happen), id).expect("later");
        }
    }

    #[nexosim(schedulable)]
    fn happen(&mut self, id: u64, context: &Context<Self>) {
        match self.hold().happen(micros(context.time()), id) {
            Some(delay) => {
                let delay = Duration::from_micros(delay);
                context.schedule_event(delay, schedulable!(Self::happen), id).expect("later");
            }
            None => {
                let outcome = self.hold().outcome();
                *self.outcome.lock().expect("nobody else holds it") = Some(outcome);
            }
        }
    }

    fn hold(&mut self) -> &mut Hold {
        self.hold.as_mut().expect("never restored from a file")
    }
}

pub fn hold(model: Hold, population: u32) -> Outcome {
    let outcome = Report::default();
    let mut simulation = simulation(Holder { population, hold: Some(model), outcome: outcome.clone() });
    simulation.run().expect("no event fails");
    taken(&outcome)
}
