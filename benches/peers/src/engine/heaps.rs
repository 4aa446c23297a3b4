//! Loops around a heap and nothing else: the hand-written one, the practical limit, and the one of the standard
//! library, what most would write. Start at [`customers`].

use super::timed;
use crate::workload::Outcome;
use crate::workload::customers::Customers;
use crate::workload::hold::Hold;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Pending events in order of time, then of being pushed.
pub trait Agenda: Default {
    fn push(&mut self, time: u64, event: u64);
    fn pop(&mut self) -> Option<(u64, u64)>;
}

/// 24 bytes an event: time, sequence, event.
#[derive(Default)]
pub struct Std {
    heap: BinaryHeap<Reverse<(u64, u64, u64)>>,
    sequence: u64,
}

impl Agenda for Std {
    fn push(&mut self, time: u64, event: u64) {
        self.heap.push(Reverse((time, self.sequence, event)));
        self.sequence += 1;
    }

    fn pop(&mut self) -> Option<(u64, u64)> {
        let Reverse((time, _, event)) = self.heap.pop()?;
        Some((time, event))
    }
}

/// Four children a node and 16 bytes an event (time 64 | sequence 40 | event 24), without a branch in the choice
/// of the smallest child.
#[derive(Default)]
pub struct FourAry {
    heap: Vec<u128>,
    sequence: u64,
}

impl Agenda for FourAry {
    fn push(&mut self, time: u64, event: u64) {
        let key = u128::from(time) << 64 | u128::from(self.sequence) << 24 | u128::from(event);
        self.sequence += 1;
        let mut i = self.heap.len();
        self.heap.push(key);
        let heap = self.heap.as_mut_slice();
        while i > 0 && key < heap[(i - 1) / 4] {
            heap[i] = heap[(i - 1) / 4];
            i = (i - 1) / 4;
        }
        heap[i] = key;
    }

    fn pop(&mut self) -> Option<(u64, u64)> {
        let last = self.heap.pop()?;
        let heap = self.heap.as_mut_slice();
        let top = heap.first().copied().unwrap_or(last);
        let mut i = 0;
        loop {
            let child = 4 * i + 1;
            let smallest = if let Some(four) = heap.get(child..child + 4) {
                let a = usize::from(four[1] < four[0]);
                let b = 2 + usize::from(four[3] < four[2]);
                child + std::hint::select_unpredictable(four[b] < four[a], b, a)
            } else if let Some(rest) = heap.get(child..).filter(|rest| !rest.is_empty()) {
                child + (0..rest.len()).min_by_key(|&j| rest[j]).expect("not empty")
            } else {
                break;
            };
            if heap[smallest] >= last {
                break;
            }
            heap[i] = heap[smallest];
            i = smallest;
        }
        if let Some(place) = heap.get_mut(i) {
            *place = last;
        }
        Some(((top >> 64) as u64, (top & 0xff_ffff) as u64))
    }
}

const ARRIVES: u64 = 0;
const LEAVES: u64 = 1;

pub fn customers<A: Agenda>(mut model: Customers) -> (f64, u64) {
    let mut agenda = A::default();
    agenda.push(model.first(), ARRIVES);
    let ns = timed(|| {
        while let Some((now, event)) = agenda.pop() {
            if event == ARRIVES {
                let arrived = model.arrive(now);
                if let Some(delay) = arrived.next_arrival {
                    agenda.push(now + delay, ARRIVES);
                }
                if let Some(delay) = arrived.departure {
                    agenda.push(now + delay, LEAVES);
                }
            } else if let Some(delay) = model.leave(now) {
                agenda.push(now + delay, LEAVES);
            }
        }
    });
    assert_eq!(model.to_serve, 0, "all customers were served");
    (ns, model.waited)
}

pub fn hold<A: Agenda>(mut model: Hold, population: u32) -> Outcome {
    let mut agenda = A::default();
    for id in 0..u64::from(population) {
        agenda.push(model.first(), id);
    }
    while let Some((now, id)) = agenda.pop() {
        if let Some(delay) = model.happen(now, id) {
            agenda.push(now + delay, id);
        }
    }
    model.outcome()
}
