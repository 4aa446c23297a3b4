//! Work: what people are asked to do, when, and what it takes.
//!
//! Knows neither who does it nor what it changes. Start at [`Work`].

use crate::engine::SimDuration;
use crate::world::observation::About;

/// What the hours go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Activity {
    /// Finding out what is wrong with a box or machine, and repairing it in place.
    Repair,
    /// Building a machine by hand.
    Build,
    /// Bringing a new version out.
    Deploy,
    /// Taking a bad version back.
    Rollback,
    /// Editing the list of addresses that callers use.
    EditRoute,
    /// Routine administration that is not simulated piece by piece.
    Upkeep,
    /// Finding out why a good version does not run on one machine.
    Debug,
    /// Getting machines and giving them back.
    Provision,
    /// Bringing a backup of a machine back.
    Restore,
    /// Installing fixes, and rebooting for them; or seeing to it that others do.
    Patch,
}

impl Activity {
    pub const ALL: [Activity; 10] = [
        Activity::Repair,
        Activity::Build,
        Activity::Deploy,
        Activity::Rollback,
        Activity::EditRoute,
        Activity::Upkeep,
        Activity::Debug,
        Activity::Provision,
        Activity::Restore,
        Activity::Patch,
    ];

    /// As written in results.
    pub fn name(self) -> &'static str {
        match self {
            Activity::Repair => "repair",
            Activity::Build => "build by hand",
            Activity::Deploy => "deploy",
            Activity::Rollback => "roll back",
            Activity::EditRoute => "edit addresses",
            Activity::Upkeep => "upkeep",
            Activity::Debug => "debug",
            Activity::Provision => "provision",
            Activity::Restore => "restore a backup",
            Activity::Patch => "patch",
        }
    }

    /// Nobody planned it: something broke or went wrong.
    pub fn is_unplanned(self) -> bool {
        match self {
            Activity::Deploy | Activity::Upkeep | Activity::Provision | Activity::Patch => false,
            Activity::Repair
            | Activity::Build
            | Activity::Rollback
            | Activity::EditRoute
            | Activity::Debug
            | Activity::Restore => true,
        }
    }

    /// Whether it goes faster for somebody who knows the service; the rest is routine.
    pub fn needs_knowledge(self) -> bool {
        match self {
            Activity::Repair | Activity::Build | Activity::Debug => true,
            Activity::Deploy
            | Activity::Rollback
            | Activity::EditRoute
            | Activity::Upkeep
            | Activity::Provision
            | Activity::Restore
            | Activity::Patch => false,
        }
    }

    /// Whether a box that somebody broke by hand is well after it.
    pub(in crate::world) fn mends(self) -> bool {
        matches!(self, Activity::Repair | Activity::Build | Activity::Debug | Activity::Restore)
    }
}

/// When work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody is paged, day or night.
    Page,
    /// Right after what the same person is doing: no acknowledging where somebody is there; else somebody is paged.
    AtOnce,
    /// In office hours.
    OfficeHours,
}

/// Something that a platform asks a person to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    pub activity: Activity,
    pub urgency: Urgency,
    /// Hands-on time of somebody who knows what to do.
    pub touch: SimDuration,
    /// What causes it (a fault, a release), the same number on every platform.
    pub cause: u64,
    /// For whoever reads the trace; its service is what has to be known.
    pub about: About,
}

/// How somebody who begins work knows what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expertise {
    /// The work is routine, or about no service.
    Routine,
    Knows,
    /// Does not know the service, but a runbook describes the work.
    Runbook,
    /// Does not know the service; somebody who does was reached and joins.
    Called(Person),
    /// Does not know the service, and nobody who does is there.
    Unfamiliar,
}

/// Somebody of the team, by number: the first ones are those of the start, who came later has a higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Person(pub u32);

const NAMES: [&str; 48] = [
    "Ada", "Bela", "Chidi", "Dara", "Emil", "Farah", "Goran", "Hana", "Ines", "Jonas", "Kofi", "Lena", "Mei",
    "Nils", "Oona", "Pavel", "Quinn", "Rosa", "Samir", "Tove", "Umar", "Vera", "Wim", "Xenia", "Yuki", "Zoe",
    "Anton", "Berit", "Carlos", "Dina", "Esra", "Felix", "Gita", "Hugo", "Iris", "Jamal", "Kaya", "Luca",
    "Mara", "Noor", "Otto", "Priya", "Rafi", "Selma", "Tomas", "Ulla", "Viktor", "Wanda",
];

impl std::fmt::Display for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (name, round) = (NAMES[self.0 as usize % NAMES.len()], self.0 as usize / NAMES.len());
        if round == 0 { f.pad(name) } else { write!(f, "{name} {}", round + 1) }
    }
}
