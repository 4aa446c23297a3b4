//! Copies of the list of boxes that callers hold: a file on their disk, an answer of the DNS, what a watch told them.
//!
//! The list changes at its source at once; a group of callers follows after its own lag. Groups stand for quantiles of
//! the time that a change takes to reach callers, so the mean over callers is that of its distribution, a short while
//! after each change and whatever else has changed meanwhile. A box that is no more stays on the copies that name it, and
//! nobody answers there. Who changes the source, and how late groups are, is decided elsewhere. Start at
//! [`World::publish`].
//!
//! *Deviation:* a caller is equally late with every change, so who is late once is late again; means are not touched by
//! that. A retry is made by any caller, not by the one whose attempt failed. The address of a machine that was given back
//! is not given to another one while callers have it.

use super::World;
use super::event::Event;
use super::flow::Route;
use super::ids::{BoxId, ServiceId};
use crate::engine::SimDuration;

impl World {
    pub(super) fn hold_copies(&mut self, service: ServiceId, copies: &[(f64, SimDuration)]) {
        let s = &mut self.services[service.index()];
        assert_eq!(s.flow.listed(), 0, "callers are grouped before they have a list");
        let shares: Vec<f64> = copies.iter().map(|c| c.0).collect();
        assert!(
            (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9,
            "shares of all callers sum to 1: {shares:?}"
        );
        s.copies = copies.iter().map(|c| c.1).collect();
        s.flow.route = Route::shared_by(&shares);
    }

    /// The list says this of a box now.
    pub(super) fn publish(&mut self, subject: BoxId, listed: bool) {
        let Some(b) = self.boxes.get(subject) else { return };
        let (service, withdrawn) = (b.service, b.withdrawn);
        for (group, lag) in self.services[service.index()].copies.clone().into_iter().enumerate() {
            let group = group as u8;
            self.scheduler.after(lag, Event::CopyFollows { subject, group, listed, withdrawn });
        }
    }

    /// All callers leave a box at once, and those that have not heard of it yet do not come.
    pub(super) fn withdraw(&mut self, subject: BoxId) {
        let Some(b) = self.boxes.get_mut(subject) else { return };
        b.withdrawn = b.withdrawn.wrapping_add(1);
        self.set_routed(subject, false);
    }

    pub(super) fn on_copy_follows(&mut self, subject: BoxId, (group, listed): (u8, bool), withdrawn: u16) {
        let Some(b) = self.boxes.get(subject).filter(|b| b.withdrawn == withdrawn) else { return };
        let audience = b.audience.with(group.into(), listed);
        self.set_audience(subject, audience);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Api;
    use super::super::observation::{Exit, Observation};
    use super::super::requests::RequestMode;
    use super::super::tests::{Lab, MINUTE, close, quiet};
    use super::*;

    /// Four boxes, 40/s, callers of which a quarter is ten minutes late; one box dies and is taken off the list at once.
    fn one_dies(mode: RequestMode) -> (Lab, BoxId) {
        let mut spec = quiet(40.0);
        spec.services[0].1.requests = mode;
        let mut lab = Lab::new(&spec);
        Api::new(&mut lab.world).hold_copies(ServiceId(0), &[(0.75, SimDuration::ZERO), (0.25, MINUTE * 10)]);
        let (vm, doomed) = lab.serving_box();
        let _ = (lab.serving_box(), lab.serving_box(), lab.serving_box());
        lab.run_for(MINUTE);
        lab.world.exit_box(doomed, Exit::Stopped);
        Api::new(&mut lab.world).publish(doomed, false);
        // Its machine is given back as well: nobody answers there any more.
        Api::new(&mut lab.world).terminate_vm(vm);
        lab.run_for(MINUTE * 20);
        (lab, doomed)
    }

    #[test]
    fn who_is_late_sends_to_a_dead_box_that_is_no_more() {
        // A quarter of 40/s over four addresses: 2.5/s to the dead one for 600 s.
        let (lab, doomed) = one_dies(RequestMode::Flow);
        close(lab.sum(|f| f.to_dead_boxes), 1_500.0, 1.0);
        // It leaves the record when the last caller has left it.
        let gone = lab.facts.iter().find(|(_, o)| *o == Observation::BoxRemoved { subject: doomed });
        close(gone.expect("all leave").0.as_secs_f64(), 660.0, 1e-6);
    }

    #[test]
    fn requests_one_by_one_meet_it_as_often() {
        let (lab, _) = one_dies(RequestMode::Discrete);
        // Poisson with mean 1,500: four standard errors are 155.
        close(lab.sum(|f| f.to_dead_boxes), 1_500.0, 155.0);
        // All others are served: 40/s for 21 minutes.
        close(lab.sum(|f| f.served), 40.0 * 1_260.0 - 1_500.0, 1_000.0);
    }

    #[test]
    fn a_change_reaches_each_group_after_its_lag() {
        let mut lab = Lab::new(&quiet(40.0));
        Api::new(&mut lab.world).hold_copies(ServiceId(0), &[(0.5, MINUTE), (0.5, MINUTE * 3)]);
        let (_, first) = lab.serving_box();
        let (_, second) = lab.serving_box();
        lab.run_for(MINUTE);
        Api::new(&mut lab.world).publish(second, false);
        Api::new(&mut lab.world).publish(second, true);
        Api::new(&mut lab.world).publish(first, false);
        lab.run_for(MINUTE * 10);
        let of_first = |o: &Observation| match *o {
            Observation::BoxListed { subject, share } if subject == first => Some(share),
            _ => None,
        };
        let shares: Vec<(f64, f64)> =
            lab.facts.iter().filter_map(|(t, o)| Some((t.as_secs_f64(), of_first(o)?))).collect();
        assert_eq!(shares, [(0.0, 1.0), (120.0, 0.5), (240.0, 0.0)]);
        // What was taken back at once leaves everything as it was.
        assert_eq!(
            lab.world.boxes.get(second).map(|b| b.audience),
            Some(lab.world.services[0].flow.route.everybody())
        );
    }
}
