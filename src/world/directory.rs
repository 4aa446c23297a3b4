//! A registry of services (Consul, ZooKeeper): a few servers that agree on the list of boxes, and tell who watches.
//!
//! It answers while most of its servers are reachable and have chosen a leader, and it has not failed by itself. Where a
//! leader is lost and most are left, reads go on and writes wait for the next one. It writes one change after the other: a write costs its own time and that of telling every watcher, so a large fleet is written more slowly. What
//! flapping checks write in the background takes part of its time; where that and the changes of the fleet are more than
//! it can do, a line of writes grows, and lists are as late as the line is long. While it does not answer, changes wait
//! with their agents, and come in over the time that these take to register anew. Callers keep what they have, or take
//! the failure for an empty list.
//!
//! Knows no platform and no product: those give the numbers. The servers are machines like others, which crash like
//! others. Start at [`World::enlist`].
//!
//! *Deviation:* servers that are added while there is no leader wait for the one that is left to be made the only one
//! (`peers.json`); that is part of the hands-on time of a replacement. Reads cost nothing beside the watches. A machine that comes back is a member at once, as if it caught up
//! while it booted. Lists are as they were after an outage, never corrupt.

use super::event::Event;
use super::fault::{DiscoveryOutageParameters, FaultId, FaultKind, Renewal};
use super::ids::{BoxId, VmId};
use super::observation::Observation;
use super::signal::Signal;
use super::{World, streams};
use crate::engine::{SimDuration, SimTime, Streams};
use std::collections::BTreeMap;

/// How good a registry is at it.
#[derive(Clone, Debug, PartialEq)]
pub struct DirectorySpec {
    /// Writes that it could do if nobody watched [1/s].
    pub writes_per_s: f64,
    /// Watchers that it could tell of a change if nothing was written [1/s].
    pub notices_per_s: f64,
    /// Time until servers have a leader, from when they lost theirs or are most again.
    pub election: SimDuration,
    /// Callers' machines that watch beside those of the boxes.
    pub clients: u32,
    /// Flaps of each box's checks, of two writes each [1/s].
    pub flaps_per_s: f64,
    /// Time in which agents register anew what they could not; where it grows, once more for each doubling beyond 128.
    pub resync: SimDuration,
    pub resync_grows: bool,
    /// Chance that callers take an outage for an empty list.
    pub empties: f64,
}

#[derive(Clone, Debug)]
pub(super) struct Directory {
    spec: DirectorySpec,
    servers: Vec<VmId>,
    /// Who writes; nobody while most of them are not there.
    leader: Option<VmId>,
    /// Servers that had all that was written when there was a leader last: one of them is the next.
    current: Vec<VmId>,
    elections: u64,
    /// Until then they choose one.
    chooses_until: Option<SimTime>,
    failures: Renewal,
    /// It has failed by itself.
    failed: Option<FaultId>,
    answers: bool,
    outages: u64,
    /// What was said last of each box, and whether that is written down.
    said: BTreeMap<BoxId, Entry>,
    /// Work that lies before it [s], as of an instant.
    backlog_s: f64,
    as_of: SimTime,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    listed: bool,
    written: bool,
}

impl Directory {
    fn new(spec: DirectorySpec, streams: &Streams, p: &DiscoveryOutageParameters) -> Self {
        let failures = Renewal::new(streams, streams::DISCOVERY_OUTAGE, [0, 0], (p.rate, p.hazard));
        Directory {
            spec,
            servers: Vec::new(),
            leader: None,
            current: Vec::new(),
            elections: 0,
            chooses_until: None,
            failures,
            failed: None,
            answers: true,
            outages: 0,
            said: BTreeMap::new(),
            backlog_s: 0.0,
            as_of: SimTime::ZERO,
        }
    }

    /// Boxes that it lists.
    fn boxes(&self) -> u32 {
        self.said.values().filter(|e| e.listed).count() as u32
    }

    /// Machines that take part: those of the boxes and of the callers.
    fn members(&self) -> u32 {
        self.boxes() + self.spec.clients
    }

    fn resync(&self) -> SimDuration {
        let doublings = (f64::from(self.members()) / 128.0).log2().ceil().max(0.0);
        let grown = if self.spec.resync_grows { 1.0 + doublings } else { 1.0 };
        self.spec.resync.mul_f64(grown)
    }

    /// What one write takes, with everybody told [s].
    fn cost_s(&self) -> f64 {
        1.0 / self.spec.writes_per_s + f64::from(self.members()) / self.spec.notices_per_s
    }

    /// Share of its time that flapping checks take; beyond 1 it never catches up.
    fn busy(&self) -> f64 {
        2.0 * self.spec.flaps_per_s * f64::from(self.boxes()) * self.cost_s()
    }

    /// Moves the line of writes up to now: it grows by what flaps write and shrinks by what is done.
    fn advance(&mut self, now: SimTime) {
        let dt = now.since(self.as_of).as_secs_f64();
        let growth = if self.answers { self.busy() - 1.0 } else { 0.0 };
        self.backlog_s = (self.backlog_s + growth * dt).max(0.0);
        self.as_of = now;
    }

    /// Takes one more write in line; when it is done. What comes later does not delay it.
    fn line_up(&mut self, now: SimTime) -> SimDuration {
        self.advance(now);
        self.backlog_s += self.cost_s();
        SimDuration::from_secs_f64(self.backlog_s)
    }
}

impl World {
    /// There is a registry from now on, until the end.
    pub(super) fn found_directory(&mut self, spec: DirectorySpec) {
        let p = &self.faults.discovery_outage;
        self.directory = Some(Directory::new(spec, &self.streams, p));
        self.arm_directory();
    }

    /// A machine is one of its servers from now on.
    pub(super) fn join_directory(&mut self, vm: VmId) {
        let directory = self.directory.as_mut().expect("a registry is founded before it gets servers");
        directory.servers.push(vm);
        directory.leader.get_or_insert(vm);
        self.observe(Observation::DirectoryServer { vm });
    }

    /// A new machine takes the place of a server.
    pub(super) fn replace_server(&mut self, old: VmId, new: VmId) {
        let directory =
            self.directory.as_mut().expect("a registry is founded before its servers are replaced");
        directory.servers.iter_mut().filter(|vm| **vm == old).for_each(|vm| *vm = new);
        self.observe(Observation::DirectoryServer { vm: new });
        self.count_quorum();
    }

    /// A machine was lost or is back: the registry may not have most of its servers any more, or have them again.
    pub(super) fn count_quorum(&mut self) {
        let now = self.scheduler.now();
        let Some(directory) = &mut self.directory else { return };
        let is_here = |vm: &&VmId| self.vms.get(**vm).is_some_and(|vm| vm.is_reachable());
        let here: Vec<VmId> = directory.servers.iter().filter(is_here).copied().collect();
        let most = here.len() * 2 > directory.servers.len() || directory.servers.is_empty();
        if !most {
            (directory.leader, directory.chooses_until) = (None, None);
        } else if directory.leader.is_none_or(|leader| !here.contains(&leader))
            && directory.chooses_until.is_none()
            && !here.is_empty()
        {
            if directory.leader.take().is_some() {
                directory.advance(now);
                directory.backlog_s += directory.spec.election.as_secs_f64();
            }
            let until = now + directory.spec.election;
            directory.chooses_until = Some(until);
            self.scheduler.at(until, Event::DirectoryChooses);
        }
        // What is written while there is a leader all have that are there; of those left without one, who stays.
        if directory.leader.is_some() || directory.current.iter().any(|vm| here.contains(vm)) {
            let has_it = |vm: &VmId| directory.leader.is_some() || directory.current.contains(vm);
            directory.current = here.into_iter().filter(has_it).collect();
        }
        // Those who are left still answer while they choose another leader; after an outage nobody does.
        let has_led = directory.chooses_until.is_none() || directory.answers;
        let answers = most && has_led && directory.failed.is_none();
        if answers == directory.answers {
            return;
        }
        directory.advance(now);
        directory.answers = answers;
        if answers {
            return self.on_directory_back();
        }
        directory.outages += 1;
        let (outage, chance, fault) = (directory.outages, directory.spec.empties, directory.failed);
        let key = fault.map_or(outage, |fault| fault.0);
        let empties = self.streams.open(streams::DISCOVERY_EMPTIES, &[key]).chance(chance);
        self.observe(Observation::DirectoryLost { fault, empties });
        self.blank_copies(empties);
        self.signals.push_back(Signal::Directory { answers: false });
    }

    /// Most of its servers have been there for as long as it takes to choose a leader.
    pub(super) fn on_directory_chooses(&mut self) {
        let now = self.scheduler.now();
        let directory = self.directory.as_mut().expect("only a registry has a leader");
        if directory.chooses_until.take_if(|until| *until == now).is_none() {
            return; // they were too few meanwhile
        }
        let is_here = |vm: &&VmId| self.vms.get(**vm).is_some_and(|vm| vm.is_reachable());
        // A vote goes to nobody who lacks what was written; a new server, or one that was away, has it from the leader.
        let mut fit: Vec<VmId> = directory.servers.iter().filter(is_here).copied().collect();
        if fit.iter().any(|vm| directory.current.contains(vm)) {
            fit.retain(|vm| directory.current.contains(vm));
        }
        directory.elections += 1;
        let mut stream = self.streams.open(streams::DIRECTORY_LEADER, &[directory.elections]);
        if !fit.is_empty() {
            let vm = fit[stream.below(fit.len())];
            directory.leader = Some(vm);
            self.observe(Observation::DirectoryLed { vm });
        }
        self.count_quorum();
    }

    /// What was said meanwhile is written in the order of the boxes, spread over the time of registering anew.
    fn on_directory_back(&mut self) {
        self.observe(Observation::DirectoryBack);
        self.blank_copies(false);
        let now = self.scheduler.now();
        let directory = self.directory.as_mut().expect("only a registry comes back");
        let waiting: Vec<BoxId> = directory.said.iter().filter(|e| !e.1.written).map(|e| *e.0).collect();
        let resync = directory.resync();
        for (i, &subject) in waiting.iter().enumerate() {
            let share = (i as f64 + 0.5) / waiting.len() as f64;
            let span = resync.mul_f64(share) + directory.line_up(now);
            self.scheduler.after(span, Event::DirectoryWrites { subject });
        }
        self.signals.push_back(Signal::Directory { answers: true });
    }

    fn blank_copies(&mut self, blank: bool) {
        for s in self.services.iter_mut().filter(|s| s.has_copies()) {
            s.flow.route.blank = blank;
        }
        self.dirty_flow();
    }

    /// A box is to be on the list, or no more: it is written down when its turn comes.
    pub(super) fn enlist(&mut self, subject: BoxId, listed: bool) {
        let now = self.scheduler.now();
        let directory = self.directory.as_mut().expect("a registry is founded before anybody registers");
        if directory.said.get(&subject).map_or(!listed, |e| e.listed == listed) {
            return;
        }
        directory.advance(now);
        directory.said.insert(subject, Entry { listed, written: false });
        if directory.answers {
            let span = directory.line_up(now);
            self.scheduler.after(span, Event::DirectoryWrites { subject });
        }
    }

    /// One that has been on everybody's list since before the simulation began.
    pub(super) fn adopt_entry(&mut self, subject: BoxId) {
        let directory = self.directory.as_mut().expect("a registry is founded before anybody registers");
        directory.said.insert(subject, Entry { listed: true, written: true });
        self.set_routed(subject, true);
    }

    pub(super) fn on_directory_writes(&mut self, subject: BoxId) {
        let Some(directory) = self.directory.as_mut().filter(|d| d.answers) else { return };
        let Some(entry) = directory.said.get_mut(&subject).filter(|e| !e.written) else { return };
        entry.written = true;
        let listed = entry.listed;
        if !listed {
            directory.said.remove(&subject);
        }
        self.publish(subject, listed);
    }

    /// Machines that take part in the registry.
    pub(super) fn directory_members(&self) -> u32 {
        self.directory.as_ref().map_or(0, Directory::members)
    }

    fn arm_directory(&mut self) {
        let now = self.scheduler.now();
        let at = self.directory.as_mut().expect("only a registry fails").failures.next_after(now);
        self.schedule_fault(at, Event::DirectoryFails);
    }

    pub(super) fn on_directory_fails(&mut self) {
        let directory = self.directory.as_mut().expect("only a registry fails");
        let fault = FaultId::new(FaultKind::DiscoveryOutage, [0, 0], directory.failures.count);
        directory.failed = Some(fault);
        let u = self.streams.open(streams::DISCOVERY_OUTAGE_LASTS, &[fault.0]).uniform();
        let lasts = self.faults.discovery_outage.lasts.sample(u).max(SimDuration::from_secs(1));
        self.scheduler.after(lasts, Event::DirectoryRestored);
        self.count_quorum();
    }

    pub(super) fn on_directory_restored(&mut self) {
        self.directory.as_mut().expect("only a registry is restored").failed = None;
        self.count_quorum();
        self.arm_directory();
    }
}
