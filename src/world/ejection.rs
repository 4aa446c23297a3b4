//! Passive checks: a load balancer that watches the answers of its targets, and passes over one that fails too often.
//!
//! It sees requests, not boxes: so many failures in a row, and the target gets none for a while. A box that answers
//! nothing fails every request; one with a bad version fails a share of them, and only if errors count as failures.
//! How long a row takes to come about follows from the share of failures and the rate of requests. Late answers do
//! not count. Who is on the list of targets is decided elsewhere. Start at [`World::tell_proxies`].
//!
//! *Deviation:* one load balancer sees all requests of a service; several, each of which sees a part, take longer by
//! their number. What a target answers in the meantime does not shorten a row that has begun.

use super::World;
use super::boxes::Reach;
use super::event::Event;
use super::flow::Audience;
use super::ids::{BoxId, ServiceId};
use super::observation::Observation;
use super::release::Defect;
use super::streams;
use crate::engine::{EventHandle, SimDuration};

/// When a target is passed over, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ejection {
    /// Failed requests in a row.
    pub failures: u32,
    /// Whether an answer that is an error counts, or only one that does not come.
    pub counts_errors: bool,
    /// How long an answer is waited for.
    pub timeout: SimDuration,
    pub lasts: SimDuration,
    /// Whether the second ejection of a target lasts twice as long, the third three times.
    pub grows: bool,
    /// Share of the targets that may be ejected at a time; at least one may, and one always stays.
    pub at_most: f64,
}

/// What is known of a target from its answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Answers {
    /// Share of its requests that fail.
    failing: f64,
    /// When that has made a row, or when an ejection is over.
    turns: Option<EventHandle>,
    pub ejected: bool,
    /// Ejections so far.
    times: u32,
}

impl Ejection {
    /// Requests until that many fail in a row, if each fails with this chance.
    fn requests_for_a_row(&self, failing: f64) -> f64 {
        let row = failing.powi(self.failures as i32);
        if failing >= 1.0 { f64::from(self.failures) } else { (1.0 - row) / ((1.0 - failing) * row) }
    }
}

impl World {
    pub(super) fn eject_outliers(&mut self, service: ServiceId, rule: Option<Ejection>) {
        self.services[service.index()].ejection = rule;
    }

    /// Something about a box changed: its callers may see another share of failures.
    pub(super) fn tell_proxies(&mut self, subject: BoxId) {
        let Some(b) = self.boxes.get(subject) else { return };
        let service = &self.services[b.service.index()];
        let Some(rule) = service.ejection.filter(|_| !b.answers.ejected) else { return };
        let reach = self.reach(b);
        let failing = match reach {
            _ if b.audience == Audience::NOBODY => 0.0,
            Reach::Refuses | Reach::Silent => 1.0,
            Reach::Serves if rule.counts_errors => service.defect(b.version).map_or(0.0, Defect::error_share),
            Reach::Serves => 0.0,
        };
        let rate = service.flow.attempts_per_box();
        if failing == b.answers.failing {
            return;
        }
        let key =
            [u64::from(b.service.0), u64::from(b.ordinal), u64::from(b.life), u64::from(b.answers.times)];
        if let Some(turns) = self.boxes.get_mut(subject).and_then(|b| b.answers.turns.take()) {
            self.scheduler.cancel(turns);
        }
        let mut turns = None;
        if failing > 0.0 && rate > 0.0 {
            let mean = SimDuration::from_secs_f64(rule.requests_for_a_row(failing) / rate);
            // A row of what always fails takes its time; one of what sometimes fails comes by chance.
            let luck =
                if failing >= 1.0 { 1.0 } else { -self.streams.open(streams::EJECTION, &key).uniform().ln() };
            let wait = if reach == Reach::Silent { rule.timeout } else { SimDuration::ZERO };
            let at = self.scheduler.now() + mean.mul_f64(luck) + wait;
            turns = self.schedule_fault(at, Event::EjectionTurns { subject });
        }
        let answers = &mut self.boxes.get_mut(subject).expect("seen").answers;
        (answers.failing, answers.turns) = (failing, turns);
    }

    /// A row of failures is complete, or an ejection is over.
    pub(super) fn on_ejection_turns(&mut self, subject: BoxId) {
        let b = self.boxes.get_mut(subject).expect("turns of removed boxes are cancelled");
        b.answers.turns = None;
        let (service, was_ejected) = (b.service, b.answers.ejected);
        let rule = self.services[service.index()].ejection.expect("only ejections turn");
        if was_ejected {
            self.end_ejection(subject);
            self.observe(Observation::BoxRouted { subject });
            self.tell_proxies(subject);
            return;
        }
        let s = &self.services[service.index()];
        let listed = s.flow.listed();
        let allowed = (f64::from(listed + s.ejected) * rule.at_most) as u32;
        let mut lasts = rule.lasts;
        if s.ejected < allowed.max(1) && listed > 1 {
            self.begin_ejection(subject);
            let times = self.boxes.get(subject).expect("seen").answers.times;
            lasts = lasts * if rule.grows { u64::from(times) } else { 1 };
            self.observe(Observation::BoxEjected { subject, lasts });
        }
        // Too many are out: the next row may have more luck.
        let turns = self.schedule_fault(self.scheduler.now() + lasts, Event::EjectionTurns { subject });
        self.boxes.get_mut(subject).expect("seen").answers.turns = turns;
    }

    fn begin_ejection(&mut self, subject: BoxId) {
        self.leave_flow(subject);
        let b = self.boxes.get_mut(subject).expect("seen by the caller");
        (b.answers.ejected, b.answers.times) = (true, b.answers.times + 1);
        let service = b.service;
        let serves = self.boxes.get(subject).is_some_and(|b| self.reach(b) == Reach::Serves);
        self.services[service.index()].ejected += 1;
        if let Some(requests) = &mut self.services[service.index()].requests {
            requests.set_audience(subject, Audience::NOBODY);
        }
        if !serves {
            self.observe(Observation::BoxKnownDown { subject });
        }
    }

    fn end_ejection(&mut self, subject: BoxId) {
        let b = self.boxes.get_mut(subject).expect("seen by the caller");
        (b.answers.ejected, b.answers.failing) = (false, 0.0);
        let (service, audience) = (b.service, b.audience);
        self.services[service.index()].ejected -= 1;
        if let Some(requests) = &mut self.services[service.index()].requests {
            requests.set_audience(subject, audience);
        }
        self.join_flow(subject);
    }

    /// The box leaves the list: what is known of its answers is forgotten.
    pub(super) fn forget_answers(&mut self, subject: BoxId) {
        let answers = &mut self.boxes.get_mut(subject).expect("only boxes that exist are forgotten").answers;
        let (turns, ejected) = (answers.turns.take(), answers.ejected);
        answers.failing = 0.0;
        if let Some(turns) = turns {
            self.scheduler.cancel(turns);
        }
        if ejected {
            self.end_ejection(subject);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Api;
    use super::super::observation::Exit;
    use super::super::tests::{Lab, MINUTE, close, quiet};
    use super::*;

    const RULE: Ejection = Ejection {
        failures: 5,
        counts_errors: true,
        timeout: SimDuration::from_secs(1),
        lasts: SimDuration::from_secs(30),
        grows: false,
        at_most: 0.5,
    };

    fn ejections(lab: &Lab) -> Vec<f64> {
        let out = |o: &Observation| matches!(o, Observation::BoxEjected { .. });
        lab.facts.iter().filter(|(_, o)| out(o)).map(|(t, _)| t.as_secs_f64()).collect()
    }

    #[test]
    fn a_row_of_failures_is_as_rare_as_theory_says() {
        // A sure failure needs five requests; of every second one, 2^6 − 2 = 62 make a row of five on average.
        close(RULE.requests_for_a_row(1.0), 5.0, 1e-12);
        close(RULE.requests_for_a_row(0.5), 62.0, 1e-9);
    }

    #[test]
    fn a_dead_target_is_passed_over_after_five_requests_and_tried_again_later() {
        let mut lab = Lab::new(&quiet(20.0));
        let (_, doomed) = lab.serving_box();
        let _ = lab.serving_box();
        Api::new(&mut lab.world).eject_outliers(ServiceId(0), Some(RULE));
        lab.run_for(MINUTE);
        lab.world.exit_box(doomed, Exit::Stopped);
        lab.run_for(MINUTE);
        // 10 requests/s each: five in 0.5 s, out for 30 s, tried again: 10/s for 0.5 s and so on. From 60 s on:
        let times = ejections(&lab);
        close(times[0], 60.5, 1e-3);
        close(times[1], 91.0, 1e-3);
        assert_eq!(times.len(), 2, "{times:?}");
        close(lab.sum(|f| f.to_dead_boxes), 10.0, 0.1);
    }

    #[test]
    fn no_more_than_the_share_is_passed_over_and_one_always_stays() {
        let mut lab = Lab::new(&quiet(40.0));
        let boxes: Vec<BoxId> = (0..4).map(|_| lab.serving_box().1).collect();
        Api::new(&mut lab.world).eject_outliers(ServiceId(0), Some(RULE));
        lab.run_for(MINUTE);
        boxes.iter().for_each(|&subject| lab.world.exit_box(subject, Exit::Stopped));
        lab.run_for(SimDuration::from_secs(10));
        // Half of four.
        assert_eq!(ejections(&lab).len(), 2);
    }
}
