//! The event queue: total order (time, phase, sequence), cancellation, and cost that hardly grows with size.
//!
//! A radix wheel: pending keys lie in 64-way slots by the highest six-bit digit in which their time differs
//! from the wheel's base; the next slot to come is sorted into a small *front*, popped from its end. While
//! few events are pending the front holds them all. Events for the present instant go to a first-in-first-out
//! list per phase. Keys are packed into 16 bytes (time 64 | phase 4 | sequence 36 | slot 24); events lie in a
//! slab.
//!
//! There is one rule for stale events: a handle cancels. The key of a cancelled event is dropped on its way to
//! the front, or when more than half of the keys are stale and the queue is swept.
//!
//! Deviation from the design: no separate lanes for fixed periods. The wheel appends in constant time as they
//! would, and keeps one order.
//!
//! Deliberately absent: any hashing, allocation per event, or knowledge of what an event is. Start at
//! [`EventQueue::push`] and [`EventQueue::pop_before`].

use super::time::SimTime;
use std::collections::VecDeque;

const SLOT_BITS: u32 = 24;
const SEQUENCE_BITS: u32 = 36;
const PHASES: usize = 8;
const LEVELS: usize = 11;
/// A slot of at most this many keys is sorted at once instead of being spread over finer slots.
const SORT_AT_ONCE: usize = 48;
/// A front longer than this is cut, so that inserting into it stays cheap.
const FRONT_MAX: usize = 96;
/// The same while the front holds everything that is pending.
const FRONT_ALONE_MAX: usize = 24;

/// Names a pending event, so that it can be cancelled. Stays safe to use after the event happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventHandle {
    slot: u32,
    generation: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

impl Key {
    fn new(time: SimTime, phase: u8, sequence: u64, slot: u32) -> Key {
        let low =
            (u64::from(phase) << (SEQUENCE_BITS + SLOT_BITS)) | (sequence << SLOT_BITS) | u64::from(slot);
        Key((u128::from(time.as_micros()) << 64) | u128::from(low))
    }

    fn time(self) -> u64 {
        (self.0 >> 64) as u64
    }

    fn slot(self) -> usize {
        (self.0 as usize) & ((1 << SLOT_BITS) - 1)
    }
}

/// Where an event lies. Taken while the generation is odd; a key's place is not used again before the key is
/// dropped.
#[derive(Clone, Copy)]
struct Place<E> {
    event: E,
    generation: u32,
}

impl<E> Place<E> {
    fn is_taken(&self) -> bool {
        self.generation & 1 == 1
    }

    fn turn(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }
}

/// Pending events of type `E`.
pub struct EventQueue<E> {
    slab: Vec<Place<E>>,
    free: Vec<u32>,
    sequence: u64,
    /// The time of the last popped event: nothing may be pushed before it.
    now: u64,
    /// Events of the instant `now`, by phase, in order of sequence.
    instant: [VecDeque<Key>; PHASES],
    in_instant: usize,
    /// Keys before `front_end`, latest first.
    front: Vec<Key>,
    front_end: u64,
    /// Keys at or after `front_end`, by level and digit relative to `base`.
    base: u64,
    slots: Vec<Vec<Key>>,
    occupied: [u64; LEVELS],
    /// Levels with an occupied slot.
    levels: u32,
    pending: usize,
    stale: usize,
}

impl<E: Copy> Default for EventQueue<E> {
    fn default() -> Self {
        EventQueue {
            slab: Vec::new(),
            free: Vec::new(),
            sequence: 0,
            now: 0,
            instant: Default::default(),
            in_instant: 0,
            front: Vec::new(),
            front_end: u64::MAX,
            base: 0,
            slots: (0..LEVELS * 64).map(|_| Vec::new()).collect(),
            occupied: [0; LEVELS],
            levels: 0,
            pending: 0,
            stale: 0,
        }
    }
}

impl<E: Copy> EventQueue<E> {
    /// Events that are still to happen.
    pub fn len(&self) -> usize {
        self.pending
    }

    pub fn is_empty(&self) -> bool {
        self.pending == 0
    }

    /// Adds `event` at `time` in `phase` (0 comes first), after all others of the same time and phase.
    ///
    /// # Panics
    /// If `time` lies before the last popped event, or a limit is reached: 16 million pending events, 8
    /// phases, 6.8·10¹⁰ events in all.
    pub fn push(&mut self, time: SimTime, phase: u8, event: E) -> EventHandle {
        let micros = time.as_micros();
        assert!(micros >= self.now, "an event may not be scheduled in the past");
        assert!(usize::from(phase) < PHASES, "no such phase");
        assert!(self.sequence < 1 << SEQUENCE_BITS, "too many events in one run");
        let slot = self.occupy(event);
        let key = Key::new(time, phase, self.sequence, slot);
        self.sequence += 1;
        self.pending += 1;
        if micros == self.now {
            self.instant[usize::from(phase)].push_back(key);
            self.in_instant += 1;
        } else if micros < self.front_end {
            self.insert_front(key);
        } else {
            self.insert_wheel(key);
        }
        EventHandle { slot, generation: self.slab[slot as usize].generation }
    }

    /// Takes the event back. False if it has happened or was cancelled before.
    pub fn cancel(&mut self, handle: EventHandle) -> bool {
        let place = &mut self.slab[handle.slot as usize];
        if place.generation != handle.generation {
            return false;
        }
        place.turn();
        self.pending -= 1;
        self.stale += 1;
        if self.stale > 64 && self.stale > self.pending {
            self.sweep();
        }
        true
    }

    /// True while the event is still to happen.
    pub fn is_pending(&self, handle: EventHandle) -> bool {
        self.slab[handle.slot as usize].generation == handle.generation
    }

    /// Takes the next event that happens before `end`; the interval is half-open.
    pub fn pop_before(&mut self, end: SimTime) -> Option<(SimTime, E)> {
        loop {
            let in_front = self.front.last().copied();
            let (key, lane) = match (in_front, self.in_instant) {
                (Some(key), 0) => (key, None),
                (None, 0) if !self.refill_front() => return None,
                (None, 0) => continue,
                _ => self.first_with_instant(in_front),
            };
            if key.time() >= end.as_micros() {
                return None;
            }
            match lane {
                None => _ = self.front.pop(),
                Some(lane) => {
                    self.instant[lane].pop_front();
                    self.in_instant -= 1;
                }
            }
            let place = &mut self.slab[key.slot()];
            self.free.push(key.slot() as u32);
            if !place.is_taken() {
                self.stale -= 1;
                continue;
            }
            place.turn();
            self.pending -= 1;
            self.now = key.time();
            return Some((SimTime::from_micros(self.now), place.event));
        }
    }

    /// The smaller of the first keys of the front and of the present instant, with the lane of the latter.
    fn first_with_instant(&self, in_front: Option<Key>) -> (Key, Option<usize>) {
        let mut lanes = self.instant.iter().enumerate();
        let (lane, key) = lanes
            .find_map(|(i, lane)| lane.front().map(|key| (i, *key)))
            .expect("the instant was counted as not empty");
        match in_front {
            Some(front) if front < key => (front, None),
            _ => (key, Some(lane)),
        }
    }

    fn occupy(&mut self, event: E) -> u32 {
        if let Some(slot) = self.free.pop() {
            let place = &mut self.slab[slot as usize];
            place.event = event;
            place.turn();
            return slot;
        }
        let slot = self.slab.len() as u32;
        assert!(slot < 1 << SLOT_BITS, "too many pending events");
        self.slab.push(Place { event, generation: 1 });
        slot
    }

    fn insert_front(&mut self, key: Key) {
        let at = self.front.partition_point(|k| *k > key);
        self.front.insert(at, key);
        let is_alone = self.front_end == u64::MAX;
        let max = if is_alone { FRONT_ALONE_MAX } else { FRONT_MAX };
        if self.front.len() > max {
            self.cut_front();
        }
    }

    /// Gives the later part of an overfull front back to the wheel, or all of it where it is one crowded instant.
    /// Keys of one time stay together, and those of the present instant stay in front.
    fn cut_front(&mut self) {
        let mut end = self.front[self.front.len() / 2].time().max(self.now + 1);
        if self.levels == 0 {
            self.base = end;
        } else {
            end = end.max(self.base); // nothing earlier than its base can go to the wheel
        }
        let given = self.front.partition_point(|k| k.time() >= end);
        self.front_end = end;
        for i in 0..given {
            self.insert_wheel(self.front[i]);
        }
        self.front.drain(..given);
    }

    fn insert_wheel(&mut self, key: Key) {
        let difference = key.time() ^ self.base;
        let level = ((63 - (difference | 1).leading_zeros()) / 6) as usize;
        let digit = (key.time() >> (6 * level)) as usize & 63;
        self.slots[level * 64 + digit].push(key);
        self.occupied[level] |= 1 << digit;
        self.levels |= 1 << level;
    }

    /// Empties a slot's mark.
    fn vacate(&mut self, level: usize, digit: usize) {
        self.occupied[level] &= !(1 << digit);
        if self.occupied[level] == 0 {
            self.levels &= !(1 << level);
        }
    }

    /// Moves the next occupied slot into the empty front and sorts it; a large one is spread over finer slots
    /// first. False if nothing is left.
    fn refill_front(&mut self) -> bool {
        while self.levels != 0 && self.front.is_empty() {
            let level = self.levels.trailing_zeros() as usize;
            let digit = self.occupied[level].trailing_zeros() as usize;
            self.vacate(level, digit);
            // The emptied vector goes back to the slot, so that no allocation is repeated.
            let mut keys = std::mem::take(&mut self.slots[level * 64 + digit]);
            if keys.len() > SORT_AT_ONCE && level > 0 {
                // From the earliest time on, so that keys of one instant are spread once.
                self.base = keys.iter().map(|k| k.time()).min().expect("an occupied slot has keys");
                keys.drain(..).for_each(|key| self.insert_wheel(key));
            } else {
                let shift = 6 * level;
                self.base = keys[0].time() >> shift << shift;
                self.front_end = self.base.saturating_add(1 << shift);
                keys.drain(..).for_each(|key| self.admit(key));
            }
            self.slots[level * 64 + digit] = keys;
        }
        self.front.sort_unstable_by(|a, b| b.cmp(a));
        if self.levels == 0 && self.front.len() <= FRONT_ALONE_MAX / 2 {
            self.front_end = u64::MAX;
        }
        !self.front.is_empty()
    }

    /// To the end of the front, unless it is stale. Looking at the places of a whole slot in one go also brings
    /// them near before they are needed.
    fn admit(&mut self, key: Key) {
        if self.slab[key.slot()].is_taken() {
            self.front.push(key);
        } else {
            self.free.push(key.slot() as u32);
            self.stale -= 1;
        }
    }

    /// Drops every stale key.
    fn sweep(&mut self) {
        let (slab, free) = (&self.slab, &mut self.free);
        let mut keep = |key: &Key| {
            let live = slab[key.slot()].is_taken();
            if !live {
                free.push(key.slot() as u32);
            }
            live
        };
        self.front.retain(&mut keep);
        for lane in &mut self.instant {
            lane.retain(&mut keep);
        }
        for (i, slot) in self.slots.iter_mut().enumerate() {
            slot.retain(&mut keep);
            if slot.is_empty() {
                self.occupied[i / 64] &= !(1 << (i % 64));
            }
        }
        self.levels = (0..LEVELS).filter(|&l| self.occupied[l] != 0).map(|l| 1 << l).sum();
        self.in_instant = self.instant.iter().map(VecDeque::len).sum();
        self.stale = 0;
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
