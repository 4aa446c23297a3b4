//! Automation: what is built once so that a fleet runs by itself, what keeps it up, and who does nothing else.
//!
//! Building is hours at the team's wage, written off evenly. Keeping it up is a share of them a year, and part of the
//! platform's routine hours. No work is counted twice: published ratios of staff are for all that a platform needs,
//! so the defaults of cattle (1.5 full-time engineers) and of a cluster (0.5) are that total less the two hours a
//! week that `automation.upkeep` counts by itself, and for pets it is part of the hours of each box. Knows no
//! platform. Start at [`Automation`].

use crate::engine::SimDuration;
use crate::parameter::{Fraction, section};
use crate::world::Api;

/// 2,080 hours of work a year.
const HOURS_A_MONTH: f64 = 2_080.0 / 12.0;
const HOURS_A_WEEK: f64 = 40.0;
const WEEKS_A_YEAR: f64 = 52.0;

section! {
    /// What pets have that works by itself.
    pub struct PetsAutomationParameters {
        /// To build it: monitoring, backups, scripts [engineer-months].
        build: f64 = "0.5" in |m| (0.0..=1_000.0).contains(m) => "from 0 to 1000", from "none found", grade Estimate;
        /// What keeping it up takes, of that, each year.
        upkeep: Fraction = "0%", from "part of the hours of each box", grade Choice;
        /// Time over which the building is written off.
        write_off: SimDuration = "1095d" in |d| *d >= SimDuration::from_days(1) => "at least 1d", from "three years, as usual for software", grade Choice;
        /// Engineers who do nothing but look after it, beside all other hours [full-time].
        team: f64 = "0" in |n| (0.0..=1_000.0).contains(n) => "from 0 to 1000", grade Choice;
    }
}

section! {
    /// What cattle need: a pipeline that bakes images, groups and networks as code, configuration management.
    pub struct CattleAutomationParameters {
        /// To build it [engineer-months].
        build: f64 = "3" in |m| (0.0..=1_000.0).contains(m) => "from 0 to 1000", from "none found", grade Estimate;
        /// What keeping it up takes, of that, each year.
        upkeep: Fraction = "20%", from "none found", grade Estimate;
        /// Time over which the building is written off.
        write_off: SimDuration = "1095d" in |d| *d >= SimDuration::from_days(1) => "at least 1d", from "three years, as usual for software", grade Choice;
        /// Engineers of a platform team, beside all other hours [full-time].
        team: f64 = "0" in |n| (0.0..=1_000.0).contains(n) => "from 0 to 1000", grade Choice;
    }
}

section! {
    /// What Kubernetes needs: a pipeline that builds images, manifests of each service, the cluster and its add-ons as code.
    pub struct KubernetesAutomationParameters {
        /// To build it [engineer-months].
        build: f64 = "3" in |m| (0.0..=1_000.0).contains(m) => "from 0 to 1000", from "none found; as much as cattle's", grade Estimate;
        /// What keeping it up takes, of that, each year.
        upkeep: Fraction = "20%", from "none found; as much as cattle's", grade Estimate;
        /// Time over which the building is written off.
        write_off: SimDuration = "1095d" in |d| *d >= SimDuration::from_days(1) => "at least 1d", from "three years, as usual for software", grade Choice;
        /// Engineers of a platform team, beside all other hours [full-time].
        team: f64 = "0" in |n| (0.0..=1_000.0).contains(n) => "from 0 to 1000",
            from "3 to 15 for Kubernetes in production (platformengineeringplaybook 2025, quoting Spectro Cloud); a small fleet has none", grade Choice;
    }
}

/// What a platform has, whichever it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Automation {
    build_months: f64,
    upkeep_a_year: f64,
    write_off: SimDuration,
    team: f64,
}

impl Automation {
    /// Hours a week to keep it up, and of the platform team.
    pub fn hours_per_week(self) -> f64 {
        self.build_months * HOURS_A_MONTH * self.upkeep_a_year / WEEKS_A_YEAR + self.team * HOURS_A_WEEK
    }

    /// It was built before the simulation began.
    pub fn declare(self, api: &mut Api<'_>) {
        api.declare_automation(self.build_months * HOURS_A_MONTH, self.write_off);
    }
}

/// The same three sections in one shape.
macro_rules! shape {
    ($($section:ident)+) => {$(
        impl From<&$section> for Automation {
            fn from(p: &$section) -> Automation {
                let upkeep_a_year = p.upkeep.as_f64();
                Automation { build_months: p.build, upkeep_a_year, write_off: p.write_off, team: p.team }
            }
        }
    )+};
}
shape!(PetsAutomationParameters CattleAutomationParameters KubernetesAutomationParameters);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeping_up_is_a_share_of_building_and_a_team_works_full_time() {
        let mut p = CattleAutomationParameters::default();
        // 3 months of 173.3 h are 520 h; a fifth of them a year are 104 h, in 52 weeks 2 h each.
        assert!((Automation::from(&p).hours_per_week() - 2.0).abs() < 1e-12);
        p.team = 4.5;
        assert!((Automation::from(&p).hours_per_week() - 182.0).abs() < 1e-9);
        assert_eq!(Automation::from(&PetsAutomationParameters::default()).hours_per_week(), 0.0);
    }
}
