//! What can be set about pets.

use crate::engine::SimDuration;
use crate::parameter::{Distribution, Named, choices, section};
use crate::platform::load_balancer::LoadBalancerParameters;
use crate::platform::sizing::SizeParameters;

choices! {
    /// How callers find the boxes.
    pub enum Entry {
        /// A managed load balancer checks the boxes; its targets are registered by hand.
        LoadBalancer = "load-balancer",
        /// Callers have a list of addresses that a person edits; nobody takes a dead box out meanwhile.
        AddressList = "address-list",
    }
}

section! {
    /// Pets: machines that are built and kept by hand, with one box each.
    pub struct PetsParameters {
        /// How callers find the boxes.
        entry: Entry = "load-balancer", grade Choice;
        load_balancer: LoadBalancerParameters, section;
        /// Whether a supervisor on the machine restarts processes that die.
        supervised: bool = true, grade Choice;
        /// How long the supervisor waits before it restarts a process.
        restart_delay: SimDuration = "5s", from "systemd units commonly set RestartSec to 5 s", grade Recalled;
        /// How long a box must be known as down before the person on call is paged.
        page_after: SimDuration = "3m", from "alerts wait 1-5 min", grade Derived;
        /// Hands-on time to build a machine by hand.
        build: Distribution = "lognormal(5h, 0.6)", from "between an afternoon (Leong 2010) and 40 h (Stelligent 2011)", grade Derived;
        /// Hands-on time to change the list of addresses or targets.
        edit_route: Distribution = "lognormal(10m, 0.5)", from "changing a list by hand takes 5-60 min with its push; no source found", grade Estimate;
        /// Hands-on time to bring a version to one box.
        deploy: Distribution = "uniform(15m, 30m)", from "none found", grade Estimate;
        /// Hands-on time to take a version back on one box.
        rollback: Distribution = "lognormal(10m, 0.5)", from "none found", grade Estimate;
        /// Time until a launch that the cloud refused is tried again, or a box that is not back is looked at again.
        retry: SimDuration = "10m" in |d| *d >= SimDuration::from_secs(10) => "at least 10s", grade Choice;
        /// Hands-on time of such another look.
        look_again: Distribution = "lognormal(5m, 0.5)", from "none found", grade Estimate;
        /// Routine administration of one box.
        upkeep_per_box: f64 = "2.35" in |h| (0.0..=168.0).contains(h) => "from 0 to 168 hours a week",
            from "15-20 servers per administrator (TechTarget; META Group 2002), at 17 and 40 h a week [h/week]", grade Derived;
        /// Explicit sizes, `[platform.NAME.size.SERVICE]`; without one the smallest that keeps the latency goal at the peak.
        size: Named<SizeParameters>, sections;
    }
}
