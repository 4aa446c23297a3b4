//! Patches on cattle: with the image, and nothing else.
//!
//! Every bake installs what the distribution has, so a release brings the fixes of its day along. A group whose image has
//! become too old without one gets the same version in a new image: somebody sees to it in office hours, and it reaches the
//! machines as any image does. Machines from a thin image install what there is at their first boot; on those that stay, a
//! patch run of the configuration tool does, and reboots them for the kernel. Machines launched from an old image are old.
//!
//! Knows when images were baked, and what an image scanner says is missing. Start at [`Cattle::on_advisory`].

use super::group::Group;
use super::image::ImageKind;
use super::{Cattle, IMAGE_DUE, IMAGE_RENEWED, Task};
use crate::engine::{SimDuration, SimTime};
use crate::parameter::{Distribution, section};
use crate::platform::image_age;
use crate::world::{Api, BoxId, PlatformEvent, ServiceId, Software, Stamp, Version, VmId};

section! {
    /// How fixes of vulnerabilities get onto cattle.
    pub struct CattlePatchingParameters {
        /// Age at which an image that lacks a fix is baked again with the same version, and brought out. A release bakes one anyway.
        image_age: SimDuration = "30d" in |d| *d >= SimDuration::from_days(1) => "at least 1d",
            from "critical patches within a month (PCI DSS 4.0, 6.3.3); baking once a month is usual", grade Recalled;
        /// Hands-on time to start that and to see how it goes.
        touch: Distribution = "lognormal(15m, 0.5)", from "one change and one look; no source found", grade Estimate;
    }
}

impl Group {
    /// An image is new, or what machines that stay are told to fetch: of today, if it brings the fixes of today.
    pub(super) fn note_image(&mut self, now: Stamp, brings_fixes: bool) {
        let at = self.image as usize;
        // A number is used again when an image was taken back.
        self.images.truncate(at);
        let before = self.images.last().copied().unwrap_or_default();
        self.images.push(if brings_fixes { now } else { before });
    }

    /// How old the image of a number is.
    pub(super) fn software_of(&self, image: u32) -> Stamp {
        self.images[image as usize]
    }
}

impl Cattle {
    /// The image of the start; a release that changes machines in place leaves it as it is.
    pub(super) fn age_at_start(&self, service: ServiceId, api: &Api<'_>) -> SimDuration {
        let p = &self.parameters;
        image_age::at_start(p.patching.image_age, !p.changes_in_place(), service, api)
    }

    /// Machines that run at the start come from its image, or keep themselves up to date.
    pub(super) fn age_machines(&mut self, s: usize, api: &mut Api<'_>) {
        let service = self.groups[s].service;
        let age = self.age_at_start(service, api);
        let baked = Stamp::before_start(age);
        let group = &mut self.groups[s];
        group.images = vec![baked];
        for vm in group.members.iter().chain(&group.pool).map(|m| m.vm).collect::<Vec<_>>() {
            api.set_software(vm, Software::as_of(baked));
            api.backdate_vm(vm, age);
        }
        self.look_at_image(s, api);
    }

    /// Fixes come with the next image; one that is too old by now is renewed.
    pub(super) fn on_advisory(&mut self, api: &mut Api<'_>) {
        for s in 0..self.groups.len() {
            self.look_at_image(s, api);
        }
    }

    pub(super) fn on_image_due(&mut self, s: usize, api: &mut Api<'_>) {
        self.groups[s].image_watched = false;
        self.look_at_image(s, api);
    }

    /// When the image of a group is to be renewed: when it is too old, if it lacks a fix.
    fn renewal_due(&self, s: usize, api: &Api<'_>) -> Option<SimTime> {
        let group = &self.groups[s];
        let image = group.software_of(group.image);
        let lacks = api.advisories().any(|advisory| advisory.published > image);
        lacks.then(|| image_age::too_old_at(image, self.parameters.patching.image_age))
    }

    /// An image that lacks a fix and is too old is renewed; one that is not old yet is looked at then.
    pub(super) fn look_at_image(&mut self, s: usize, api: &mut Api<'_>) {
        let Some(due) = self.renewal_due(s, api) else {
            return; // the next advisory calls again
        };
        let group = &mut self.groups[s];
        let image = group.software_of(group.image);
        if api.now() < due {
            if !std::mem::replace(&mut group.image_watched, true) {
                api.at(due, PlatformEvent::with(IMAGE_DUE, s as u32, 0));
            }
            return;
        }
        let task = Task::RenewImage(s);
        if self.tasks.values().any(|asked| *asked == task) {
            return; // the last one still waits for somebody
        }
        let work =
            image_age::ask_to_renew(group.service, image, "baked", &self.parameters.patching.touch, api);
        self.tasks.insert(work, task);
    }

    /// Somebody has started it, unless a release has brought a new image meanwhile.
    pub(super) fn renew_image(&mut self, s: usize, api: &mut Api<'_>) {
        if self.renewal_due(s, api).is_none_or(|due| api.now() < due) {
            return self.look_at_image(s, api);
        }
        let group = &self.groups[s];
        let key = [u64::from(group.service.0), u64::from(group.version.0) << 32 | u64::from(group.image)];
        let bake = self.parameters.image.bake_span(key, api);
        api.after(bake, PlatformEvent::with(IMAGE_RENEWED, s as u32, group.version.code().0));
    }

    /// The image is baked again. If its release is not the group's any more, nobody needs it; what was configured since
    /// goes along.
    pub(super) fn on_image_renewed(&mut self, s: usize, code: Version, api: &mut Api<'_>) {
        let version = self.groups[s].version;
        if version.code() == code {
            self.begin_refresh(s, version, api);
        } else {
            self.look_at_image(s, api);
        }
    }

    /// A machine has booted for the first time: what is on it is what its image has, or what it fetches itself.
    pub(super) fn fill_disk(&self, s: usize, image: u32, vm: VmId, api: &mut Api<'_>) {
        let software = match self.parameters.image.kind {
            ImageKind::Baked => Software::as_of(self.groups[s].software_of(image)),
            ImageKind::Thin => Software::as_of(api.now()),
        };
        api.set_software(vm, software);
    }

    /// What the configuration tool does on a machine that stays, last of all: it restarts the box, or for a patch run
    /// the machine if it has a newer kernel.
    pub(super) fn change_in_place(&mut self, s: usize, subject: BoxId, api: &mut Api<'_>) {
        let group = &self.groups[s];
        let version = group.version;
        let is_patch = group.refresh.is_some_and(|r| !r.back && r.version == r.previous.0);
        if let Some(vm) = api.vm_of(subject).filter(|_| is_patch) {
            api.update_software(vm);
            if api.needs_reboot(vm) && api.reboot_guest(vm) {
                return; // what is prepared starts when it is up
            }
        }
        api.start_box(subject, version);
    }
}
