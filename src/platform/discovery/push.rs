//! A file with the list of boxes: changed by a tool or a person, and pushed to the machines of callers, one run at a time.
//!
//! What changes while a run is under way goes along with the next one. Knows what the fleet wants the list to say, and
//! nothing of who is well. Start at [`Push::change`].
//!
//! *Deviation:* all callers read the file at the end of the run, not machine by machine.

use super::{EditedBy, PUSHED, StaticFileParameters};
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::world::{About, Activity, Api, BoxId, PlatformEvent, ServiceId, Urgency, Work, WorkId};
use std::collections::BTreeMap;

const EDIT: Purpose = Purpose::named("edit of a list");
const PUSH: Purpose = Purpose::named("push of a list");

/// The file of one service.
#[derive(Clone, Debug)]
pub(super) struct Push {
    parameters: StaticFileParameters,
    service: ServiceId,
    /// Changes that are in no run yet.
    waiting: BTreeMap<BoxId, bool>,
    /// The run that is under way, and when it ends.
    running: Option<(SimTime, BTreeMap<BoxId, bool>)>,
    /// A person is to change the list.
    edit: Option<WorkId>,
    runs: u64,
}

impl Push {
    pub fn new(parameters: StaticFileParameters, service: ServiceId) -> Push {
        Push { parameters, service, waiting: BTreeMap::new(), running: None, edit: None, runs: 0 }
    }

    /// The list is to say this of a box.
    pub fn change(&mut self, subject: BoxId, listed: bool, api: &mut Api<'_>) {
        self.waiting.insert(subject, listed);
        self.begin(api);
    }

    /// How long whoever leaves the list should go on serving until callers know: by hand nobody can tell exactly.
    pub fn wait(&self, api: &Api<'_>) -> SimDuration {
        let p = &self.parameters;
        match (p.by, &self.running) {
            (EditedBy::Hand, _) => (p.edit.mean() + p.push.mean()) * 2,
            (EditedBy::Tool, Some((ends, _))) => {
                let next = if self.waiting.is_empty() { SimDuration::ZERO } else { p.push.mean() };
                ends.saturating_since(api.now()) + next
            }
            (EditedBy::Tool, None) => p.push.mean(),
        }
    }

    fn begin(&mut self, api: &mut Api<'_>) {
        if self.waiting.is_empty() || self.running.is_some() || self.edit.is_some() {
            return;
        }
        match self.parameters.by {
            EditedBy::Tool => self.run(api),
            EditedBy::Hand => {
                let cause = self.runs;
                let touch = self.parameters.edit.sample(api.stream(EDIT, &self.key()).uniform());
                let about = About::Service(self.service);
                let (activity, urgency) = (Activity::EditRoute, Urgency::AtOnce);
                self.edit = Some(api.ask(Work { activity, urgency, touch, cause, about }));
            }
        }
    }

    /// The n-th change of the list of a service is equally much work everywhere.
    fn key(&self) -> [u64; 2] {
        [u64::from(self.service.0), self.runs]
    }

    fn run(&mut self, api: &mut Api<'_>) {
        let span = self.parameters.push.sample(api.stream(PUSH, &self.key()).uniform());
        self.runs += 1;
        self.running = Some((api.now() + span, std::mem::take(&mut self.waiting)));
        api.after(span, PlatformEvent::with(PUSHED, self.service.0.into(), 0));
    }

    /// True if it was the edit of this list.
    pub fn on_work_done(&mut self, work: WorkId, api: &mut Api<'_>) -> bool {
        let is_it = self.edit == Some(work);
        if is_it {
            self.edit = None;
            self.run(api);
        }
        is_it
    }

    pub fn on_pushed(&mut self, api: &mut Api<'_>) {
        let (_, changes) = self.running.take().expect("a run ends once");
        changes.into_iter().for_each(|(subject, listed)| api.publish(subject, listed));
        self.begin(api);
    }
}
