//! The machines of a group with their boxes, and what is counted of them every minute.
//!
//! A count holds until a member comes, goes or is changed: whoever borrows members to change them makes it void.
//! Knows no group. Start at [`Members::present`].

use crate::catalog::Purchase;
use crate::engine::{SimDuration, SimTime};
use crate::world::{BoxId, Version, VmId, ZoneId};
use std::cell::Cell;
use std::ops::{Deref, DerefMut};

/// One machine of the group with its box.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member {
    pub subject: BoxId,
    pub vm: VmId,
    pub zone: ZoneId,
    pub purchase: Purchase,
    /// The image that it was launched from, or brought up to, and the version in it.
    pub image: u32,
    pub version: Version,
    pub launched: SimTime,
    /// When it was configured: what runs on it survives a reboot.
    pub prepared: Option<SimTime>,
    /// When it first passed its checks.
    pub in_service: Option<SimTime>,
    pub unhealthy: bool,
    /// Since when its status checks fail, where those are all that there is.
    pub impaired: Option<SimTime>,
    /// The cloud has taken its machine back.
    pub gone: bool,
    /// Of a second set that gets no requests.
    pub idle: bool,
}

impl Member {
    /// One that was launched with this version and image, and has done nothing yet.
    pub fn new(
        (subject, vm): (BoxId, VmId),
        zone: ZoneId,
        purchase: Purchase,
        (version, image): (Version, u32),
        launched: SimTime,
    ) -> Member {
        Member {
            subject,
            vm,
            zone,
            purchase,
            image,
            version,
            launched,
            prepared: None,
            in_service: None,
            unhealthy: false,
            impaired: None,
            gone: false,
            idle: false,
        }
    }
}

/// In the order in which they were launched.
#[derive(Debug, Default)]
pub(super) struct Members {
    all: Vec<Member>,
    present: Cell<Option<u32>>,
    in_service: Cell<Option<u32>>,
    /// All that get requests were found warm.
    are_warm: Cell<bool>,
    /// How often somebody may have changed them.
    changes: u64,
}

impl Members {
    pub fn push(&mut self, member: Member) {
        let present = self.present() + u32::from(!member.idle);
        self.forget_who_serves();
        self.all.push(member);
        self.present.set(Some(present));
    }

    pub fn remove(&mut self, at: usize) -> Member {
        let present = self.present();
        self.forget_who_serves();
        let member = self.all.remove(at);
        self.present.set(Some(present - u32::from(!member.idle)));
        member
    }

    /// One of them, whose set stays as it is: what serves may change.
    pub fn get_mut(&mut self, subject: BoxId) -> Option<&mut Member> {
        self.forget_who_serves();
        self.all.iter_mut().find(|m| m.subject == subject)
    }

    /// A number that stays the same while they do.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    fn forget_who_serves(&mut self) {
        self.changes += 1;
        self.in_service.set(None);
        self.are_warm.set(false);
    }

    /// Those that get requests, or will.
    pub fn present(&self) -> u32 {
        let present = self.present.get().unwrap_or_else(|| self.iter().filter(|m| !m.idle).count() as u32);
        self.present.set(Some(present));
        present
    }

    /// Those of them that have entered service.
    pub fn in_service(&self) -> u32 {
        let serves = |m: &&Member| !m.idle && m.in_service.is_some();
        let count = self.in_service.get().unwrap_or_else(|| self.iter().filter(serves).count() as u32);
        self.in_service.set(Some(count));
        count
    }

    /// Those of them that have been in service for so long.
    pub fn warm(&self, warm_up: SimDuration, now: SimTime) -> u32 {
        if self.are_warm.get() {
            return self.present();
        }
        let is_warm = |at: SimTime| now.saturating_since(at) >= warm_up;
        let warm = self.iter().filter(|m| !m.idle && m.in_service.is_some_and(is_warm)).count() as u32;
        self.are_warm.set(warm == self.present());
        warm
    }

    /// How many of some kind there are in each of these zones, in their order.
    pub fn by_zone(
        &self,
        zones: impl Iterator<Item = ZoneId>,
        which: impl Fn(&Member) -> bool,
    ) -> Vec<(ZoneId, usize)> {
        let mut counts: Vec<(ZoneId, usize)> = zones.map(|zone| (zone, 0)).collect();
        for member in self.iter().filter(|m| which(m)) {
            let own = counts.iter_mut().find(|count| count.0 == member.zone);
            own.expect("members lie in the group's zones").1 += 1;
        }
        counts
    }
}

impl Deref for Members {
    type Target = [Member];

    fn deref(&self) -> &[Member] {
        &self.all
    }
}

impl DerefMut for Members {
    fn deref_mut(&mut self) -> &mut [Member] {
        self.forget_who_serves();
        self.present.set(None);
        &mut self.all
    }
}
