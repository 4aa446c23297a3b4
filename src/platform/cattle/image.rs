//! Images: how a version gets into one, and what is left to do on a machine at its first boot.
//!
//! A baked image has everything in it and takes a bake for each version. A thin image is the distribution's own: each
//! machine installs and configures itself at its first boot, which takes minutes and may fail, and an agent on it
//! brings it up to date later (see [`converge`](super::converge)). Knows no machine. Start at [`ImageParameters`].

use super::sample;
use crate::engine::{Purpose, SimDuration};
use crate::parameter::{Distribution, Fraction, choices, section};
use crate::world::Api;

const BAKE: Purpose = Purpose::named("image bake");
const BAKE_FAILS: Purpose = Purpose::named("image bake fails");
const CONFIGURE: Purpose = Purpose::named("cattle configure");
const INSTALL: Purpose = Purpose::named("thin image install");
const INSTALL_FAILS: Purpose = Purpose::named("thin image install fails");

choices! {
    /// What is in an image.
    pub enum ImageKind {
        /// Everything, the version included.
        Baked = "baked",
        /// The distribution; machines configure themselves.
        Thin = "thin",
    }
}

choices! {
    /// How a change reaches machines that configure themselves.
    pub enum Spread {
        /// The agent on each machine fetches it at its next run.
        Interval = "interval",
        /// It is pushed to a few machines at a time.
        Push = "push",
    }
}

section! {
    /// Images of machines, and what happens on a machine besides.
    pub struct ImageParameters {
        /// Whether images have everything in them.
        kind: ImageKind = "baked", grade Choice;
        /// Time to bake a machine image with a new version, after the build.
        bake: Distribution = "lognormal(600s, 0.35)", from "8-10 min for EBS-backed images (Netflix Aminator 2013); about 10 min with Packer (sebolabs)", grade Verified;
        /// Share of bakes that fail and are repeated.
        bake_failure: Fraction = "2%" in |f| f.as_f64() <= 0.9 => "at most 90%", from "none found; package mirrors and API rate limits", grade Estimate;
        /// Share of the versions with an environment mismatch that do not run from a baked image either. A thin one carries nothing along: all of them.
        mismatch: Fraction = "33%", from "none found", grade Estimate;
        /// Time for the last configuration of a machine from a baked image at its first boot.
        configure: Distribution = "lognormal(20s, 0.4)", from "none found for fully baked images", grade Estimate;
        /// Time by which that is longer for each week of the image's age: what has changed since has to be fetched.
        staleness: SimDuration = "2s" in |d| *d <= SimDuration::from_hours(1) => "at most 1h", from "none found", grade Estimate;
        /// Time that a machine from a thin image installs packages (cloud-init).
        install: Distribution = "lognormal(120s, 0.5)", from "none found", grade Estimate;
        /// Time of its first configuration run, and of a run that brings a change.
        converge: Distribution = "lognormal(300s, 0.5)", from "playbooks of 4-7 min (lobsters-ansible 2018; ansible#15083)", grade Derived;
        /// Share of first boots of thin images that do not come to an end: the machine is given up after the launch hook's timeout.
        install_failure: Fraction = "2%", from "none found", grade Estimate;
        /// How changes reach machines from thin images.
        spread: Spread = "interval", grade Choice;
        /// Time between two runs of the agent.
        run_interval: SimDuration = "30m" in |d| !d.is_zero() => "more than zero", from "puppet @e227c275 lib/puppet/defaults.rb", grade Measured;
        /// Time within which programs on machines from a baked image fetch a configuration that was changed where it is kept.
        fetch_configuration: SimDuration = "1m" in |d| !d.is_zero() => "more than zero", from "none found; clients of configuration services ask every 15 s to a few minutes", grade Estimate;
        /// Machines that a push goes to at a time.
        forks: u32 = 5 in |&n| (1..=10_000).contains(&n) => "from 1 to 10000", from "ansible @c9ac477e lib/ansible/config/base.yml", grade Measured;
    }
}

impl ImageParameters {
    /// Share of the versions with an environment mismatch that do not run on these machines.
    pub(super) fn mismatch(&self) -> f64 {
        match self.kind {
            ImageKind::Baked => self.mismatch.as_f64(),
            ImageKind::Thin => 1.0,
        }
    }

    /// Time until a version is in an image: failed bakes are repeated.
    pub(super) fn bake_span(&self, [service, version]: [u64; 2], api: &Api<'_>) -> SimDuration {
        if self.kind == ImageKind::Thin {
            return SimDuration::ZERO;
        }
        let mut span = sample(&self.bake, BAKE, &[service, version], api);
        for attempt in 1.. {
            let key = [service, version, attempt];
            if !api.stream(BAKE_FAILS, &key).chance(self.bake_failure.as_f64()) {
                break;
            }
            span += sample(&self.bake, BAKE, &key, api);
        }
        span
    }

    /// What is to be done at the first boot of a machine whose image is so old; `None` if it never ends.
    pub(super) fn first_boot(&self, key: &[u64], age: SimDuration, api: &Api<'_>) -> Option<SimDuration> {
        match self.kind {
            ImageKind::Baked => {
                let weeks = age.as_secs_f64() / SimDuration::from_days(7).as_secs_f64();
                Some(sample(&self.configure, CONFIGURE, key, api) + self.staleness.mul_f64(weeks))
            }
            ImageKind::Thin => {
                let fails = api.stream(INSTALL_FAILS, key).chance(self.install_failure.as_f64());
                let install = sample(&self.install, INSTALL, key, api);
                (!fails).then(|| install + sample(&self.converge, CONFIGURE, key, api))
            }
        }
    }
}
