//! Patches on Kubernetes: for nodes with the image of the next upgrade, for containers with the base image of the next
//! build.
//!
//! A provider makes node images, and a distribution base images, each at a pace of its own. The pool launches nodes from
//! the image that the last upgrade chose, so an old pool grows by old nodes. Whoever builds a version builds it on the
//! newest base image; a service whose image has become too old without a release is built again and rolled out, after
//! somebody has seen to it. The kernel is that of the node, whatever pods run on it.
//!
//! *Deviation:* an image that was only built again always runs: nobody watches it, and no strategy but that of the
//! Deployment applies. All parts of a pod are built together. Start at [`Pipeline::on_advisory`].

use super::bodies::{base_of, tag_of, world_service};
use super::components::Context;
use super::event::Event;
use super::release::{Pipeline, Stage, Task, set_tag};
use crate::cluster::objects::DeploymentId;
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::parameter::{Distribution, section};
use crate::platform::image_age;
use crate::platform::supply::Supply;
use crate::world::{About, Advisory, Api, Layer, ServiceId, Software, Stamp, Version};

const BASE_IMAGES: Purpose = Purpose::named("base images");
const REBUILD: Purpose = Purpose::named("image rebuild");
/// Whether there is a newer base image is looked at so often, while one is waited for.
const AGAIN: SimDuration = SimDuration::from_days(1);

section! {
    /// How fixes of vulnerabilities get onto nodes and into pods.
    pub struct KubernetesPatchingParameters {
        /// Time between two images of nodes by the provider.
        node_images: Distribution = "lognormal(8d, 0.5)", from "amazon-eks-ami @81fec2e8: 40 releases in 2024, 41 in 2025; median gap 8 d, at most 26 d in 2026", grade Derived;
        /// Time between two images of the distribution that containers are built on.
        base_images: Distribution = "exponential(20d)", from "docker-library/official-images @37079fb: 17 to 46 rebuilds a year in 2023 to 2025", grade Derived;
        /// Age at which a service's image that lacks a fix is built again with the same version, and rolled out. A release builds one anyway.
        image_age: SimDuration = "30d" in |d| *d >= SimDuration::from_days(1) => "at least 1d",
            from "critical patches within a month (PCI DSS 4.0, 6.3.3)", grade Recalled;
        /// Hands-on time to start that and to see how it goes.
        touch: Distribution = "lognormal(15m, 0.5)", from "one change and one look; no source found", grade Estimate;
    }
}

/// What a version of a service was built on, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Built {
    base: u32,
    at: Stamp,
}

/// Images of all services.
#[derive(Debug, Default)]
pub(super) struct Images {
    /// Known once the cluster starts.
    supply: Option<Supply>,
}

impl Images {
    fn supply(&mut self) -> &mut Supply {
        self.supply.as_mut().expect("made at the start")
    }

    /// What is in the image of a tag.
    pub fn software(&mut self, tag: u64) -> Software {
        Software::as_of(self.supply().made(base_of(tag)))
    }
}

impl Pipeline {
    /// The image that a service runs at the start: built for its last release, or since it became too old.
    pub fn first_image(
        &mut self,
        service: ServiceId,
        p: &KubernetesPatchingParameters,
        api: &Api<'_>,
    ) -> Built {
        let gap = &p.base_images;
        self.images.supply.get_or_insert_with(|| Supply::new(BASE_IMAGES, gap.clone(), api));
        let age = image_age::at_start(p.image_age, true, service, api);
        self.build(Stamp::before_start(age))
    }

    fn build(&mut self, at: Stamp) -> Built {
        Built { base: self.images.supply().newest(at), at }
    }

    /// A version is built on what is newest now.
    pub(super) fn note_built(&mut self, id: DeploymentId, version: Version, now: Stamp) {
        let built = self.build(now);
        self.services[id.index()].images.entry(version.code()).or_insert(built);
    }

    /// Fixes come with the next image; a service whose image is too old by now gets another.
    pub fn on_advisory(&mut self, cx: &mut Context<'_>, api: &mut Api<'_>) {
        for service in 0..self.services.len() {
            self.look_at_image(DeploymentId(service as u32), cx, api);
        }
    }

    pub fn on_image_due(&mut self, id: DeploymentId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        self.services[id.index()].image_watched = false;
        self.look_at_image(id, cx, api);
    }

    /// When the image of a service is to be renewed: when it is too old and there is a base image with a fix that it lacks.
    fn renewal_due(&mut self, id: DeploymentId, cx: &Context<'_>, api: &Api<'_>) -> Option<SimTime> {
        let built = self.services[id.index()].present_image();
        let supply = self.images.supply();
        let (newest, software) = (supply.newest(cx.now.into()), supply.made(built.base));
        let is_missing = |a: &Advisory| a.layer != Layer::Kernel && a.published > software;
        let missing = api.advisories().find(is_missing)?;
        let due = image_age::too_old_at(built.at, cx.parameters.patching.image_age);
        let has_fix = supply.made(newest) >= missing.published;
        Some(if due <= cx.now && !has_fix { cx.now + AGAIN } else { due })
    }

    /// An image that lacks a fix and is too old is built again; one that is not old yet is looked at then.
    pub fn look_at_image(&mut self, id: DeploymentId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(due) = self.renewal_due(id, cx, api) else {
            return; // the next advisory calls again
        };
        let p = &cx.parameters.patching;
        let built = self.services[id.index()].present_image();
        if cx.now < due {
            if !std::mem::replace(&mut self.services[id.index()].image_watched, true) {
                cx.at(due, Event::ImageDue(id));
            }
            return;
        }
        let task = Task::RenewImage(id);
        if self.tasks.values().any(|asked| *asked == task) {
            return; // the last one still waits for somebody
        }
        let work = image_age::ask_to_renew(world_service(id), built.at, "built", &p.touch, api);
        self.tasks.insert(work, task);
    }

    /// Somebody has started the build, unless a release has brought a new image meanwhile.
    pub(super) fn renew_image(&mut self, id: DeploymentId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        if self.renewal_due(id, cx, api).is_none_or(|due| cx.now < due) {
            return self.look_at_image(id, cx, api);
        }
        let key = [u64::from(id.0), api.calendar().day(cx.now)];
        let span = self.practice.build.sample(api.stream(REBUILD, &key).uniform());
        cx.after(span, Event::ImageRenewed(id));
    }

    /// It is there: what runs changes to it, as soon as nothing else is being brought out.
    pub fn on_image_renewed(&mut self, id: DeploymentId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let built = self.build(cx.now.into());
        let releases = &mut self.services[id.index()];
        releases.images.insert(releases.target().code(), built);
        releases.is_stale = true;
        self.bring_out_waiting(id, cx, api);
        self.look_at_image(id, cx, api);
    }

    /// Nothing else is going on: the newest image of the present version.
    pub(super) fn roll_image_out(&mut self, id: DeploymentId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let releases = &mut self.services[id.index()];
        if releases.stage != Stage::Idle || releases.is_looking || !std::mem::take(&mut releases.is_stale) {
            return;
        }
        let (live, tag) = (releases.live, releases.tag(releases.version));
        api.remark(About::Service(world_service(id)), || {
            "rolled out again, on a newer base image".to_owned()
        });
        set_tag(live, tag, cx);
    }
}

impl Built {
    /// The tag of an image of this version.
    pub(super) fn tag(&self, version: Version) -> u64 {
        tag_of(version, self.base)
    }
}

impl super::release::Releases {
    fn present_image(&self) -> Built {
        *self.images.get(&self.target().code()).expect("what is to run was built")
    }

    /// The tag of a version's newest image.
    pub(super) fn tag(&self, version: Version) -> u64 {
        self.images.get(&version.code()).expect("what is brought out was built").tag(version)
    }
}
