//! What can be set about the team.

use crate::engine::SimDuration;
use crate::parameter::{
    Distribution, Factor, Fraction, MonthDay, Rate, ScalarDistribution, TimeOfDay, UsdPerHour, section,
};

section! {
    /// The people who run the services: the same team on every platform.
    pub struct TeamParameters {
        /// Engineers who can do work in office hours.
        engineers: u32 = "4" in |n| (1..=10_000).contains(n) => "from 1 to 10000", grade Choice;
        /// Engineers on call at any time, a week at a time.
        on_call: u32 = "1" in |n| (1..=10_000).contains(n) => "from 1 to 10000", grade Choice;
        /// Begin of office hours, Monday to Friday.
        day_begins: TimeOfDay = "09:00", grade Choice;
        /// End of office hours.
        day_ends: TimeOfDay = "17:00", grade Choice;
        /// Days of every year on which the office is closed.
        public_holidays: Vec<MonthDay> = "['01-01', '05-01', '12-25', '12-26']" in |d| d.len() <= 100 => "at most 100 days", grade Choice;
        /// Time until a page is acknowledged in office hours.
        acknowledge: Distribution = "lognormal(4m, 0.7)", from "targets of 5 min are usual; no measurements found", grade Estimate;
        /// The same at other hours.
        acknowledge_off_hours: Distribution = "lognormal(8m, 0.7)", from "none found", grade Estimate;
        /// What a page costs that is over before its responder is there: to get up, to look, and to find that nothing is left.
        cleared_page: SimDuration = "10m", from "none found", grade Estimate;
        /// Time in which somebody who was called away finds the way back into planned work.
        refocus: SimDuration = "23m", from "about 25 min until an interrupted task is taken up again (Mark, Gonzalez & Harris, CHI 2005)", grade Recalled;
        /// What an hour of an engineer costs, with overheads.
        wage: UsdPerHour = "$62/h", from "US system administrators, May 2024 median $46.54/h (BLS) times 1.25 to 1.4", grade Derived;
        rota: RotaParameters, section;
        knowledge: KnowledgeParameters, section;
        absence: AbsenceParameters, section;
    }
}

impl TeamParameters {
    /// Of all engineers, Monday to Friday, nobody absent [h/week].
    pub fn office_hours(&self) -> f64 {
        let day = self.day_ends.as_seconds().saturating_sub(self.day_begins.as_seconds());
        f64::from(self.engineers) * 5.0 * f64::from(day) / 3_600.0
    }
}

section! {
    /// What happens to a page that nobody answers.
    pub struct RotaParameters {
        /// Engineers behind those on call, who are paged one after the other.
        secondaries: u32 = "1" in |n| *n <= 10_000 => "at most 10000", from "primary and secondary (SRE book, chapter 11)", grade Verified;
        /// How long a page waits to be acknowledged before the next in the rota is paged, too.
        escalate_after: SimDuration = "15m" in |d| *d >= SimDuration::from_secs(10) => "at least 10s", grade Choice;
    }
}

section! {
    /// Who knows a service: how it was built, what it does when it is ill. Needed to find out what is wrong, to repair and to build by hand.
    pub struct KnowledgeParameters {
        /// How many of the team know a service; drawn once for each service.
        people: ScalarDistribution = "0.46 * 1 + 0.28 * 2 + 0.26 * 3",
            from "truck factor of 133 projects: 46 % have 1, 28 % have 2 (Avelino et al. 2015)", grade Verified;
        /// How many times as long the work takes somebody who does not know the service and finds nothing written about it.
        unfamiliar: Factor = "3", from "repairs with a playbook are about 3 times as fast (SRE book)", grade Verified;
        /// Share of such work that a runbook describes: then anybody is as fast as those who know.
        runbooks: Fraction = "50%", from "none found", grade Estimate;
        /// Share of calls out of office hours that reach somebody who knows and is not on call.
        reachable: Fraction = "50%", from "none found", grade Estimate;
        /// Time until somebody who was reached so is at it.
        reach_delay: Distribution = "lognormal(2h, 1)", from "none found", grade Estimate;
    }
}

section! {
    /// Who is not there.
    pub struct AbsenceParameters {
        /// Weeks of vacation a year of each engineer; never more than half of a team at a time.
        vacation_weeks: u32 = "4" in |n| *n <= 26 => "at most 26", from "none found", grade Estimate;
        /// How often one engineer leaves for good.
        departures: Rate = "0.15/year", from "none found", grade Estimate;
        /// Time until the place of one who left is filled.
        hire: Distribution = "lognormal(42d, 0.5)", from "positions are open for about 42 days (SHRM)", grade Recalled;
        /// Time until a new engineer knows what the one before knew.
        learn: Distribution = "lognormal(90d, 0.5)", from "none found", grade Estimate;
    }
}
