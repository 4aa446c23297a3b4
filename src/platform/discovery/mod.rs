//! How callers find the boxes of a service on machines: an exchangeable part of pets and cattle.
//!
//! Behind a load balancer there is one list, which its checks keep. A file, the DNS and a registry are lists of which
//! callers hold copies: the source changes at some time, and copies follow later, some much later. What differs is who
//! changes the source (a tool or a person after each change of the fleet, automation with checks, agents and servers
//! that miss a sign of life), how fast copies follow, and what happens when the means itself fails. Every kind keeps the
//! same [`Entry`] for each service, and checks the boxes for the platform as well: a group replaces, and people are
//! called, by the same verdicts. Knows what checks and agents say, not what is true.
//!
//! Start at [`Entry`]; [`Discovery`] is what a platform has once: the servers of a registry.
//!
//! *Deviation:* a caller with a stale address fails or times out, and does not ask anew because of that (its retries may
//! go elsewhere). In the DNS and with a file, callers take turns over addresses, never by order of the answer.

mod entry;
mod lags;
mod parameters;
mod push;
mod servers;
#[cfg(test)]
mod tests;

pub use entry::Entry;
pub use parameters::{
    DiscoveryKind, DiscoveryParameters, DnsParameters, EditedBy, Membership, RegistryParameters,
    StaticFileParameters,
};

use super::PracticeParameters;
use super::load_balancer::LoadBalancerParameters;
use crate::catalog::Catalog;
use crate::parameter::Problems;
use crate::platform::sizing::check_machine;
use crate::world::{About, Api, Balancing, BoxId, DirectorySpec, PlatformEvent, ServiceId, Signal};
use servers::Servers;

/// Own events of any platform that uses this: beyond all of theirs.
const FIRST_EVENT: u16 = 1_000;
/// `a` is the service.
const PUSHED: u16 = FIRST_EVENT;
/// About a box.
const RECORD_ADDED: u16 = FIRST_EVENT + 1;
const RECORD_REMOVED: u16 = FIRST_EVENT + 2;
/// `a` is the number of a server.
const LAUNCH_SERVER: u16 = FIRST_EVENT + 3;
/// `a` is the number of an outage.
const PAGE: u16 = FIRST_EVENT + 4;

impl DiscoveryParameters {
    pub fn has_load_balancer(&self) -> bool {
        self.kind == DiscoveryKind::LoadBalancer
    }

    /// How requests are spread: by the load balancer, or by each caller on its own.
    pub fn balancing(&self, load_balancer: &LoadBalancerParameters) -> Balancing {
        if self.has_load_balancer() { load_balancer.balancing } else { self.balancing }
    }

    /// Routine administration [h/week].
    pub fn upkeep(&self, load_balancer: &LoadBalancerParameters) -> f64 {
        match self.kind {
            DiscoveryKind::LoadBalancer => load_balancer.upkeep,
            DiscoveryKind::StaticFile | DiscoveryKind::Dns => 0.0,
            DiscoveryKind::Registry => self.registry.upkeep,
        }
    }

    /// A type of machine that there is not.
    pub fn check_machine(&self, catalog: &Catalog, problems: &mut Problems) {
        let machine = &self.registry.machine;
        check_machine(Some(machine), self.registry.place.of("machine"), catalog, problems);
    }
}

/// What a platform has once, for all of its services.
#[derive(Default)]
pub struct Discovery {
    servers: Option<Servers>,
}

impl Discovery {
    /// Before the first box is there: callers begin to hold copies.
    pub fn start(
        &mut self,
        (p, load_balancer): (&DiscoveryParameters, &LoadBalancerParameters),
        practice: &PracticeParameters,
        api: &mut Api<'_>,
    ) {
        if p.kind == DiscoveryKind::Registry {
            api.found_directory(p.registry.spec());
            self.servers = Some(Servers::new(p.registry.clone(), practice));
        }
        for service in api.services() {
            let copies = lags::copies(p, load_balancer);
            if !copies.is_empty() {
                api.hold_copies(service, &copies);
            }
        }
    }

    /// After the last box of the first fleet: servers take no host from it.
    pub fn add_servers(&mut self, api: &mut Api<'_>) {
        if let Some(servers) = &mut self.servers {
            servers.adopt(api);
        }
    }

    /// For automation that asks a registry how boxes are: whether this verdict cannot be read because the registry does not
    /// answer. It is [heard](Self::heard) when that does.
    pub fn keep_back(&mut self, subject: BoxId, healthy: bool) -> bool {
        self.servers.as_mut().is_some_and(|servers| servers.keep_back(subject, healthy))
    }

    /// True if the message was for it alone.
    pub fn on_signal(&mut self, signal: Signal, api: &mut Api<'_>) -> bool {
        self.servers.as_mut().is_some_and(|servers| servers.on_signal(signal, api))
    }

    /// What a registry that answers again tells of the time in which it did not.
    pub fn heard(&mut self) -> Vec<(BoxId, bool)> {
        self.servers.as_mut().map_or(Vec::new(), Servers::heard)
    }

    /// True if the event was its own; `entry` finds that of a service.
    pub fn on_event<'e>(
        &mut self,
        event: PlatformEvent,
        entry: impl FnOnce(ServiceId) -> &'e mut Entry,
        api: &mut Api<'_>,
    ) -> bool {
        match event.kind {
            PUSHED => entry(ServiceId(event.a as u16)).on_pushed(api),
            RECORD_ADDED => api.publish(event.subject(), true),
            RECORD_REMOVED => api.publish(event.subject(), false),
            LAUNCH_SERVER => {
                if let Some(servers) = &mut self.servers {
                    servers.launch(event.a as usize, api);
                }
            }
            PAGE => {
                if let Some(servers) = &mut self.servers {
                    servers.on_page(event.a, api);
                }
            }
            _ => return false,
        }
        true
    }

    /// One of its events in words; `None` if it is none of them.
    pub fn describe_event(event: PlatformEvent) -> Option<(About, String)> {
        let about_service = About::Service(ServiceId(event.a as u16));
        match event.kind {
            PUSHED => Some((about_service, "the list is on all callers' machines".into())),
            RECORD_ADDED => Some((About::Box(event.subject()), "its record is in the DNS".into())),
            RECORD_REMOVED => Some((About::Box(event.subject()), "its record is out of the DNS".into())),
            PAGE => {
                Some((About::Nothing, "somebody is called, if the registry still does not answer".into()))
            }
            LAUNCH_SERVER => Some((About::Nothing, "a server of the registry is asked for again".into())),
            _ => None,
        }
    }
}

impl RegistryParameters {
    fn spec(&self) -> DirectorySpec {
        DirectorySpec {
            writes_per_s: self.writes_per_s,
            notices_per_s: self.notices_per_s,
            election: self.election,
            clients: self.clients,
            flaps_per_s: self.flapping.per_second(),
            resync: self.resync,
            resync_grows: self.membership == Membership::Gossip,
            empties: self.fail_empty.as_f64(),
        }
    }
}
