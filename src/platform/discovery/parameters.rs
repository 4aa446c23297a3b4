//! What can be set about how callers find boxes, and what Consul and ZooKeeper make of it.

use crate::engine::SimDuration;
use crate::parameter::{Distribution, Fraction, Rate, choices, presets, section};
use crate::world::Balancing;

choices! {
    /// How callers find the boxes.
    pub enum DiscoveryKind {
        /// By one address, behind which a load balancer checks the boxes and spreads requests over them.
        LoadBalancer = "load-balancer",
        /// From a list of addresses on their own machines, pushed there after each change; no check takes a dead box out.
        StaticFile = "static-file",
        /// From the DNS, whose answers they keep for a while, some longer than they should.
        Dns = "dns",
        /// From a registry of services that finds out who is there, and tells who watches it.
        Registry = "registry",
    }
}

section! {
    /// How callers find the boxes.
    pub struct DiscoveryParameters {
        /// By which means.
        kind: DiscoveryKind = "load-balancer", grade Choice;
        /// How callers without a load balancer spread their requests.
        balancing: Balancing = "random", from "each caller takes turns on its own; together that is random", grade Derived;
        static_file: StaticFileParameters, section;
        dns: DnsParameters, section;
        registry: RegistryParameters, section;
    }
}

choices! {
    /// Who changes a list.
    pub enum EditedBy {
        /// A tool that is started by each change of the fleet.
        Tool = "tool",
        /// A person, each time; changes that come meanwhile go along.
        Hand = "hand",
    }
}

section! {
    /// A list of addresses on the machines of callers.
    pub struct StaticFileParameters {
        /// Who changes the list that is pushed to callers.
        by: EditedBy = "tool", grade Choice;
        /// Hands-on time of a person to change it.
        edit: Distribution = "lognormal(10m, 0.5)", from "changing a list by hand takes 5-60 min with its push; no source found", grade Estimate;
        /// Time until it is on all machines, once it is changed.
        push: Distribution = "lognormal(3m, 0.5)", from "a playbook takes 1-7 min", grade Derived;
    }
}

section! {
    /// Addresses in the DNS.
    pub struct DnsParameters {
        /// How long callers may keep an answer.
        ttl: SimDuration = "60s", from "names of load balancers; other zones have 300 s", grade Recalled;
        /// Time from a change until all name servers answer with it.
        update: SimDuration = "30s", from "hosted zones are in step within a minute; no source found", grade Estimate;
        /// Whether checks take the record of a dead box out. Without them only changes of the fleet change records.
        health_checks: bool = true, grade Choice;
        /// Time between two checks of a box.
        check_period: SimDuration = "30s" in |d| !d.is_zero() => "more than zero", from "health checks of Route 53", grade Recalled;
        /// Failed checks in a row that take a record out.
        unhealthy_after: u32 = 3 in |&n| n > 0 => "at least 1", from "health checks of Route 53", grade Recalled;
        /// Good checks in a row that bring it back.
        healthy_after: u32 = 3 in |&n| n > 0 => "at least 1", from "health checks of Route 53", grade Recalled;
        /// Share of the callers that keep answers for longer.
        overrun: Fraction = "7.5%", from "5-10 %; no source found", grade Estimate;
        /// How much later than the change these learn of it.
        overrun_lasts: Distribution = "lognormal(10m, 1)", from "none found", grade Estimate;
    }
}

choices! {
    /// How a registry finds out that a machine is gone.
    pub enum Membership {
        /// Members probe each other at random, and spread the suspicion.
        Gossip = "gossip",
        /// Each box keeps a session alive, whose end takes it off the list.
        Session = "session",
    }
}

presets! {
    /// Which registry it is.
    pub enum RegistryPreset {
        /// Consul: the defaults.
        Consul = "consul" {},
        /// ZooKeeper, with ephemeral nodes and watches.
        Zookeeper = "zookeeper" {
            membership = "session", from "ephemeral nodes end with their session", grade Recalled;
            election = "10s", from "syncLimit of 5 ticks of 2 s (apache/zookeeper @53a78e36), then a vote", grade Derived;
            watch = "lognormal(2s, 0.7)", from "clients notice within a few seconds (Pinterest 2014)", grade Derived;
            resync = "10s", from "sessions are taken up again within their timeout", grade Derived;
        },
    }
}

section! {
    /// A registry of services on servers of one's own.
    pub struct RegistryParameters by RegistryPreset {
        /// Which one it is: other defaults for the other parameters, which win where they are given.
        preset: RegistryPreset = "consul", grade Choice;
        /// Its servers. It answers while more than half of them do.
        servers: u32 = 3 in |&n| n % 2 == 1 && n <= 9 => "an odd number up to 9", from "3 or 5 servers are recommended", grade Recalled;
        /// Time until the servers have a leader again when they lost theirs, or are more than half again: nothing is written until then.
        election: SimDuration = "7s", from "Consul at its default raft_multiplier of 5: each follower waits from 5 to 10 s for the leader, the first of two 6.7 s", grade Recalled;
        /// Machine type of the registry's servers.
        machine: String = "m5.large", from "3 × m5.large, about 210 USD a month", grade Derived;
        /// How it finds out that a machine is gone.
        membership: Membership = "gossip", from "hashicorp/memberlist @1b4c746", grade Measured;
        /// Gossip: how often a member probes another.
        probe_period: SimDuration = "1s" in |d| !d.is_zero() => "more than zero", from "hashicorp/memberlist @1b4c746 config.go: ProbeInterval", grade Measured;
        /// Gossip: a suspect has so many times log10 of the members, in probe periods, to refute.
        suspicion: f64 = "4" in |f| (0.0..=100.0).contains(f) => "from 0 to 100", from "hashicorp/memberlist @1b4c746 config.go: SuspicionMult", grade Measured;
        /// Gossip: how often members tell others what they have heard, three at a time.
        gossip_period: SimDuration = "200ms", from "hashicorp/memberlist @1b4c746 config.go: GossipInterval", grade Measured;
        /// Gossip: time between two checks of a box by the agent on its machine.
        check_period: SimDuration = "10s" in |d| !d.is_zero() => "more than zero", from "most common in public configurations", grade Verified;
        /// Gossip: how long such a check waits for an answer.
        check_timeout: SimDuration = "5s", from "most common in public configurations", grade Verified;
        /// Session: silence of a box after which its session ends.
        session: SimDuration = "10s" in |d| *d >= SimDuration::from_secs(1) => "at least 1s", from "4-40 s allowed by apache/zookeeper @53a78e36; clients ask for 10-30 s", grade Derived;
        /// Time from a written change until a caller who watches acts on it.
        watch: Distribution = "lognormal(300ms, 0.5)", from "blocking queries answer at once; no source found", grade Estimate;
        /// Changes that it could write if nobody watched [1/s].
        writes_per_s: f64 = "500" in |f| *f > 0.0 && *f <= 1e9 => "more than 0", from "none found", grade Estimate;
        /// Watchers that it could tell of a change if nothing had to be written [1/s].
        notices_per_s: f64 = "50000" in |f| *f > 0.0 && *f <= 1e9 => "more than 0", from "none found", grade Estimate;
        /// Machines of callers that take part in it, beside those of the boxes.
        clients: u32 = 50 in |&n| n <= 1_000_000 => "at most 1000000", grade Choice;
        /// How often the checks of a box flap, of which each is two writes that change nothing.
        flapping: Rate = "0.1/d", from "none found", grade Estimate;
        /// After an outage, time in which agents register what they could not; with gossip longer for more than 128 members.
        resync: SimDuration = "1m", from "anti-entropy: one minute up to 128 members, one more for each doubling", grade Recalled;
        /// Chance that callers take an outage for an empty list. Else they keep what they have.
        fail_empty: Fraction = "20%", from "none found", grade Estimate;
        /// How long a box that leaves goes on serving.
        drain: SimDuration = "30s", from "none found", grade Estimate;
        /// Hands-on time to put a new machine in the place of a lost server.
        replace: Distribution = "lognormal(30m, 0.5)", from "none found", grade Estimate;
        /// Routine administration of it [h/week].
        upkeep: f64 = "2" in |h| (0.0..=168.0).contains(h) => "from 0 to 168", from "none found", grade Estimate;
    }
}

impl RegistryParameters {
    /// How long it takes on average until members agree that a machine is gone, and have told the servers.
    pub fn detection(&self, members: u32) -> SimDuration {
        let members = f64::from(members.max(1));
        // The first of many who probe at random is there after e/(e−1) periods; then the probe, direct and by others,
        // has one period to be answered.
        let e = std::f64::consts::E;
        let probes = e / (e - 1.0) + 1.0 + self.suspicion * members.log10().max(1.0);
        self.probe_period.mul_f64(probes) + self.gossip_period.mul_f64(members.ln() / 4f64.ln())
    }
}
