//! The roster: who belongs to the team, who is there, whose week on call it is, and who knows which service.
//!
//! A pure function of seed, parameters and time, looked up when somebody is needed: people who come, go and are on
//! vacation are no events. A *seat* of the team is held by one person after the other; who fills it learns what the
//! one before knew. Knows no work. Start at [`Roster::chain`].
//!
//! *Deviation:* at the start every seat is filled by somebody who has learned all that belongs to it.

use super::parameters::TeamParameters;
use super::work::Person;
use crate::engine::{SimDuration, SimTime, Streams};
use crate::world::calendar::Calendar;
use crate::world::streams;

/// A year of vacations, in weeks that fit the bits of a word.
const WEEKS: u64 = 52;

/// The person who holds a seat now, or held it last.
#[derive(Clone, Copy, Debug)]
struct Tenure {
    /// How many held it before.
    number: u32,
    knows_from: SimTime,
    leaves: SimTime,
    /// When the next one arrives.
    filled: SimTime,
}

#[derive(Debug)]
pub(super) struct Roster {
    tenures: Vec<Tenure>,
    /// By year and seat: the weeks of vacation.
    vacations: Vec<Vec<u64>>,
    /// By service: the seats of those who know it.
    knowers: Vec<Vec<u32>>,
}

impl Roster {
    pub(super) fn new(streams: &Streams, team: &TeamParameters, services: usize) -> Roster {
        let from_the_start = |seat| Tenure::new(streams, team, (seat, 0), (SimTime::ZERO, SimTime::ZERO));
        Roster {
            tenures: (0..team.engineers).map(from_the_start).collect(),
            vacations: Vec::new(),
            knowers: (0..services).map(|service| knowers(streams, team, service)).collect(),
        }
    }

    pub(super) fn seats(&self) -> u32 {
        self.tenures.len() as u32
    }

    /// Brings it up to date: whatever else is asked must not be earlier.
    pub(super) fn advance(
        &mut self,
        streams: &Streams,
        team: &TeamParameters,
        calendar: &Calendar,
        now: SimTime,
    ) {
        for (seat, tenure) in self.tenures.iter_mut().enumerate() {
            while tenure.filled <= now {
                let next = (seat as u32, tenure.number + 1);
                *tenure =
                    Tenure::new(streams, team, next, (tenure.filled, tenure.learned(streams, team, next)));
            }
        }
        while self.vacations.len() as u64 <= calendar.week(now) / WEEKS {
            self.vacations.push(vacations(streams, team, self.vacations.len() as u64));
        }
    }

    pub(super) fn person(&self, seat: u32) -> Person {
        Person(seat + self.tenures[seat as usize].number * self.seats())
    }

    /// Neither gone nor on vacation.
    pub(super) fn is_there(&self, seat: u32, calendar: &Calendar, now: SimTime) -> bool {
        let week = calendar.week(now);
        let away = self.vacations[(week / WEEKS) as usize][seat as usize] >> (week % WEEKS) & 1 == 1;
        now < self.tenures[seat as usize].leaves && !away
    }

    pub(super) fn knows(&self, seat: u32, service: usize, now: SimTime) -> bool {
        self.knowers[service].contains(&seat) && now >= self.tenures[seat as usize].knows_from
    }

    /// Who is paged this week, in this order: those on call, then those behind them. The rota moves on by as many
    /// seats as are on call every Monday when the office opens; who is away is left out.
    pub(super) fn chain(&self, team: &TeamParameters, calendar: &Calendar, now: SimTime) -> Vec<u32> {
        let seats = u64::from(self.seats());
        let first = calendar.week(now) * u64::from(team.on_call) % seats;
        let in_turn = (0..seats).map(|i| ((first + i) % seats) as u32);
        let wanted = u64::from(team.on_call) + u64::from(team.rota.secondaries);
        in_turn.filter(|&seat| self.is_there(seat, calendar, now)).take(wanted as usize).collect()
    }
}

impl Tenure {
    fn new(
        streams: &Streams,
        team: &TeamParameters,
        (seat, number): (u32, u32),
        (arrives, knows_from): (SimTime, SimTime),
    ) -> Tenure {
        let mut stream = streams.open(streams::DEPARTURE, &[u64::from(seat), u64::from(number)]);
        let (stays, hire) = (stream.uniform(), team.absence.hire.sample(stream.uniform()));
        let stays_s = -stays.ln() / team.absence.departures.per_second();
        // Three hundred years: never.
        let leaves =
            if stays_s < 1e10 { arrives + SimDuration::from_secs_f64(stays_s) } else { SimTime::MAX };
        let filled = if leaves == SimTime::MAX { leaves } else { leaves + hire };
        Tenure { number, knows_from, leaves, filled }
    }

    /// When the next holder of the seat, who arrives when it is filled, will have learned.
    fn learned(&self, streams: &Streams, team: &TeamParameters, (seat, number): (u32, u32)) -> SimTime {
        let u = streams.open(streams::LEARNING, &[u64::from(seat), u64::from(number)]).uniform();
        self.filled + team.absence.learn.sample(u)
    }
}

/// Seats of those who know a service: as many as drawn, any of them.
fn knowers(streams: &Streams, team: &TeamParameters, service: usize) -> Vec<u32> {
    let mut stream = streams.open(streams::KNOWLEDGE, &[service as u64]);
    let wanted = team.knowledge.people.sample(stream.uniform()).round().clamp(1.0, f64::from(team.engineers));
    let mut others: Vec<u32> = (0..team.engineers).collect();
    (0..wanted as u32).map(|_| others.swap_remove(stream.below(others.len()))).collect()
}

/// The weeks of vacation of every seat in a year: at random, but never with more than half of the team away.
fn vacations(streams: &Streams, team: &TeamParameters, year: u64) -> Vec<u64> {
    let most = (team.engineers / 2).max(1);
    let mut away = [0; WEEKS as usize];
    let mut of_seat = |seat: u32| {
        let mut stream = streams.open(streams::VACATION, &[year, u64::from(seat)]);
        let mut mine = 0u64;
        while mine.count_ones() < team.absence.vacation_weeks {
            // Seats wish in turn: with at most half of the year each there is always a week left.
            let week = stream.below(WEEKS as usize);
            let free = (0..WEEKS as usize).map(|i| (week + i) % WEEKS as usize);
            let Some(week) = free.filter(|w| mine >> w & 1 == 0).find(|&w| away[w] < most) else { break };
            mine |= 1 << week;
            away[week] += 1;
        }
        mine
    };
    (0..team.engineers).map(&mut of_seat).collect()
}
