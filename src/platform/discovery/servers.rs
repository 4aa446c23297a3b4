//! The servers of a registry of services: machines like others, spread over zones, that people replace when one is lost.
//!
//! One that crashes comes back by itself. The loss of one is noticed by its fellows, and a person puts another in its place:
//! in office hours while most are there, at once otherwise. When the registry does not answer for as long as an alert
//! waits somebody is paged, and is at it until it answers again, but for the time in which a server has to be replaced.
//! Automation that acts on its verdicts does not hear of what checks find meanwhile; the monitoring of people is their
//! own. Knows what the cloud's console shows. Start at [`Servers::on_signal`].
//!
//! *Deviation:* how long a registry is out that failed by itself does not depend on when somebody came. Whoever replaces a
//! server launches the machine first; here it is launched when the hands-on time is over, and is a server at the same time.

use super::{LAUNCH_SERVER, PAGE, RegistryParameters};
use crate::engine::{Purpose, SimDuration};
use crate::platform::PracticeParameters;
use crate::world::{
    About, Activity, Api, BoxId, Heartbeat, PlatformEvent, Purchase, Signal, Urgency, VmId, VmStatus, Work,
    WorkId, ZoneId,
};

const REPLACE: Purpose = Purpose::named("registry server replaced");
const LOOK: Purpose = Purpose::named("registry looked at");

/// How a server is watched by its fellows. A minute of silence is long for one that only restarts.
const WATCH: Heartbeat =
    Heartbeat { period: SimDuration::from_secs(10), timeout: SimDuration::from_secs(60) };

/// Whoever is at a registry that is out for long does what else is urgent after so long.
const AT_A_TIME: SimDuration = SimDuration::from_hours(1);

/// Time until a launch that the cloud refused is tried again.
const RETRY: SimDuration = SimDuration::from_mins(10);

/// The servers of one platform's registry.
pub(super) struct Servers {
    parameters: RegistryParameters,
    practice: PracticeParameters,
    servers: Vec<Server>,
    answers: bool,
    /// Verdicts of checks that nobody has heard of.
    held: Vec<(BoxId, bool)>,
    /// People know that it does not.
    known_out: bool,
    outages: u32,
    /// Somebody works on it, or has in this outage.
    look: Option<WorkId>,
    has_looked: bool,
}

#[derive(Clone, Copy, Debug)]
struct Server {
    vm: VmId,
    zone: ZoneId,
    /// Somebody is to replace it.
    work: Option<WorkId>,
    /// What will take its place, and how many did before.
    next: Option<VmId>,
    replaced: u64,
}

impl Servers {
    pub fn new(parameters: RegistryParameters, practice: &PracticeParameters) -> Servers {
        Servers {
            parameters,
            practice: practice.clone(),
            servers: Vec::new(),
            answers: true,
            held: Vec::new(),
            known_out: false,
            outages: 0,
            look: None,
            has_looked: false,
        }
    }

    /// Servers that run since before the simulation began.
    pub fn adopt(&mut self, api: &mut Api<'_>) {
        let machine = api.catalog().find(&self.parameters.machine).expect("the scenario was checked for it");
        let zones: Vec<ZoneId> = api.zones().collect();
        for i in 0..self.parameters.servers as usize {
            let zone = zones[i % zones.len()];
            let vm = api.adopt_vm(machine, zone, Purchase::OnDemand);
            api.join_directory(vm);
            api.watch_heartbeat(vm, WATCH);
            self.servers.push(Server { vm, zone, work: None, next: None, replaced: 0 });
        }
    }

    /// True if the message was for them alone.
    pub fn on_signal(&mut self, signal: Signal, api: &mut Api<'_>) -> bool {
        match signal {
            Signal::Directory { answers } => self.on_directory(answers, api),
            Signal::Heartbeat { vm, alive } => {
                let Some(i) = self.servers.iter().position(|s| s.vm == vm) else { return false };
                if !alive {
                    self.on_silent(i, api);
                }
            }
            Signal::VmUp { vm } => {
                if let Some(i) = self.servers.iter().position(|s| s.next == Some(vm)) {
                    self.on_replaced(i, vm, api);
                    return true;
                }
                return self.servers.iter().any(|s| s.vm == vm);
            }
            Signal::LaunchFailed { vm } => {
                let Some(i) = self.servers.iter().position(|s| s.next == Some(vm)) else { return false };
                self.servers[i].next = None;
                api.after(RETRY, PlatformEvent::with(LAUNCH_SERVER, i as u32, 0));
            }
            Signal::WorkDone { work } => {
                if self.look == Some(work) {
                    self.look = None;
                    self.look_on(Urgency::AtOnce, api);
                    return true;
                }
                let Some(i) = self.servers.iter().position(|s| s.work == Some(work)) else { return false };
                self.servers[i].work = None;
                self.launch(i, api);
            }
            _ => return false,
        }
        true
    }

    /// Keeps a verdict back while it does not answer.
    pub fn keep_back(&mut self, subject: BoxId, healthy: bool) -> bool {
        if !self.answers {
            self.held.push((subject, healthy));
        }
        !self.answers
    }

    /// What was kept back, once it answers.
    pub fn heard(&mut self) -> Vec<(BoxId, bool)> {
        if self.answers { std::mem::take(&mut self.held) } else { Vec::new() }
    }

    fn on_directory(&mut self, answers: bool, api: &mut Api<'_>) {
        self.answers = answers;
        if answers {
            self.known_out = false;
            self.look.take().into_iter().for_each(|work| api.call_off(work));
            return;
        }
        (self.outages, self.has_looked) = (self.outages + 1, false);
        api.after(self.practice.alert_hold, PlatformEvent::with(PAGE, self.outages, 0));
    }

    /// It does not answer for so long, or another of its servers has come and it still does not.
    pub fn on_page(&mut self, outage: u32, api: &mut Api<'_>) {
        if self.answers || self.outages != outage {
            return;
        }
        let urgency = if self.known_out { Urgency::AtOnce } else { Urgency::Page };
        self.look_on(urgency, api);
        if std::mem::replace(&mut self.known_out, true) {
            return;
        }
        // What was in no hurry while most servers were there is in one now.
        self.servers.iter().filter_map(|server| server.work).for_each(|work| api.hurry(work));
    }

    /// Somebody is at it for as long as it does not answer. With a server to replace that is the thing to do.
    fn look_on(&mut self, urgency: Urgency, api: &mut Api<'_>) {
        let is_first = !self.has_looked;
        let is_replaced = self.servers.iter().any(|s| s.work.is_some() || s.next.is_some());
        if self.answers || self.look.is_some() || (is_replaced && !is_first) {
            return;
        }
        let cause = u64::from(self.outages);
        let look = self.practice.diagnose.sample(api.stream(LOOK, &[cause]).uniform());
        let touch = if is_first { look } else { AT_A_TIME };
        self.has_looked = true;
        let (activity, about) = (Activity::Repair, About::Nothing);
        self.look = Some(api.ask(Work { activity, urgency, touch, cause, about }));
    }

    /// A server is silent for long: one that is lost is replaced, another comes back by itself.
    fn on_silent(&mut self, i: usize, api: &mut Api<'_>) {
        let lost = matches!(api.vm_status(self.servers[i].vm), VmStatus::HostFailed | VmStatus::Gone);
        if lost && self.servers[i].work.is_none() && self.servers[i].next.is_none() {
            self.ask_for_another(i, api);
        }
    }

    fn ask_for_another(&mut self, i: usize, api: &mut Api<'_>) {
        let cause = (i as u64) << 32 | self.servers[i].replaced;
        let touch = self.parameters.replace.sample(api.stream(REPLACE, &[cause]).uniform());
        let urgency = if self.known_out { Urgency::AtOnce } else { Urgency::OfficeHours };
        let (activity, about) = (Activity::Repair, About::Vm(self.servers[i].vm));
        self.servers[i].work = Some(api.ask(Work { activity, urgency, touch, cause, about }));
    }

    /// Asks the cloud for the next machine of a server.
    pub fn launch(&mut self, i: usize, api: &mut Api<'_>) {
        let machine = api.catalog().find(&self.parameters.machine).expect("the scenario was checked for it");
        self.servers[i].next = Some(api.launch_vm(machine, self.servers[i].zone, Purchase::OnDemand));
    }

    fn on_replaced(&mut self, i: usize, vm: VmId, api: &mut Api<'_>) {
        let server = &mut self.servers[i];
        let old = std::mem::replace(&mut server.vm, vm);
        (server.next, server.replaced) = (None, server.replaced + 1);
        api.replace_server(old, vm);
        api.watch_heartbeat(vm, WATCH);
        api.terminate_vm(old);
        if self.known_out {
            // Whoever brought it sees after a while whether that was enough.
            api.after(self.practice.alert_hold, PlatformEvent::with(PAGE, self.outages, 0));
        }
    }
}
