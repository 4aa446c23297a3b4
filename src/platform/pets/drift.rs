//! Snowflakes: every hand on a pet may leave a difference that nobody writes down, and differences cost.
//!
//! They make good versions fail on that one machine, repairs take longer, and building it anew from what is written
//! fail: then people find out by trying what the old one had. Knows how many differences a pet has, since these are
//! of its making; nobody acts on that number, it only decides what happens. Start at `Pets::leave_a_mark`.

use super::{Name, Pets};
use crate::engine::{Purpose, SimDuration};
use crate::world::{Api, Version};

const AT_START: Purpose = Purpose::named("pet differences at the start");
const AT_BUILD: Purpose = Purpose::named("pet differs when built");
const MARK: Purpose = Purpose::named("pet difference left");
const DEPLOY: Purpose = Purpose::named("pet difference breaks deploy");
const REBUILD: Purpose = Purpose::named("pet difference breaks rebuild");

impl Pets {
    pub(super) fn differences_at_start(&self, (s, p): Name, api: &Api<'_>) -> u32 {
        let u = api.stream(AT_START, &[s as u64, p as u64]).uniform();
        self.parameters.drift.at_start.sample(u).clamp(0.0, 1e6) as u32
    }

    /// Somebody had hands on it.
    pub(super) fn leave_a_mark(&mut self, (s, p): Name, api: &Api<'_>) {
        let chance = self.parameters.drift.per_touch.as_f64();
        let pet = &mut self.services[s].pets[p];
        pet.touches += 1;
        let left = api.stream(MARK, &[s as u64, p as u64, u64::from(pet.touches)]).chance(chance);
        pet.differences += u32::from(left);
    }

    /// Time to find out what is wrong, with everything that is not as it should be.
    pub(super) fn slowed(&self, (s, p): Name, touch: SimDuration) -> SimDuration {
        let pet = &self.services[s].pets[p];
        touch.mul_f64(1.0 + self.parameters.drift.slower_repair.as_f64() * f64::from(pet.differences))
    }

    /// Whether this version runs everywhere but here.
    pub(super) fn resists(&self, (s, p): Name, version: Version, api: &Api<'_>) -> bool {
        let chance =
            self.parameters.drift.deploy_failure.as_f64() * f64::from(self.services[s].pets[p].differences);
        api.stream(DEPLOY, &[s as u64, p as u64, u64::from(version.0)]).chance(chance)
    }

    /// A machine was built as it is written. True if what was never written down is missed; else the new one has only
    /// what is new about it.
    pub(super) fn misses_what_the_old_one_had(&mut self, (s, p): Name, life: u64, api: &Api<'_>) -> bool {
        let drift = &self.parameters.drift;
        let pet = &mut self.services[s].pets[p];
        let chance = drift.rebuild_failure.as_f64() * f64::from(pet.differences);
        let missed = api.stream(REBUILD, &[life]).chance(chance);
        if !missed {
            let differs = api.stream(AT_BUILD, &[life]).chance(drift.at_build.as_f64());
            pet.differences = u32::from(differs);
        }
        missed
    }
}
