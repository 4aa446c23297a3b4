//! Services, and the EndpointSlices that list their pods.

use super::{Phase, Pod, PodId, Selector};
use std::collections::{BTreeMap, BTreeSet};

/// A Service: pods by their labels, and what its EndpointSlices say of them.
#[derive(Clone, Debug)]
pub struct Service {
    pub selector: Selector,
    pub endpoints: Endpoints,
}

/// Conditions of an endpoint, as a slice lists them. It is *ready* if it serves and does not terminate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndpointFlags {
    /// Its pod is ready, terminating or not.
    pub serving: bool,
    pub terminating: bool,
}

/// What an endpoint is for those who send requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointCondition {
    /// Ready and not terminating.
    Ready,
    /// Terminating and still serving: used where nothing is ready (KEP-1669).
    Terminating,
}

impl EndpointFlags {
    pub fn condition(self) -> Option<EndpointCondition> {
        self.serving.then_some(match self.terminating {
            false => EndpointCondition::Ready,
            true => EndpointCondition::Terminating,
        })
    }
}

impl Pod {
    /// How its Services should list it: once it runs, which is when it has an address, until it ended.
    pub fn endpoint(&self) -> Option<EndpointFlags> {
        let flags = EndpointFlags { serving: self.ready, terminating: self.is_terminating() };
        (self.phase == Phase::Running).then_some(flags)
    }
}

/// Number of an EndpointSlice of a Service.
pub type SliceNumber = u32;

/// The EndpointSlices of one Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    /// Where each pod is listed, and how.
    listed: BTreeMap<PodId, (SliceNumber, EndpointFlags)>,
    /// How many endpoints each slice has; no slice is empty.
    slices: BTreeMap<SliceNumber, u32>,
    slices_made: SliceNumber,
    ready: BTreeSet<PodId>,
    terminating: BTreeSet<PodId>,
}

impl Endpoints {
    /// How a pod is listed.
    pub fn flags(&self, pod: PodId) -> Option<EndpointFlags> {
        self.listed.get(&pod).map(|l| l.1)
    }

    /// What a pod is for those who send requests.
    pub fn condition(&self, pod: PodId) -> Option<EndpointCondition> {
        self.flags(pod).and_then(EndpointFlags::condition)
    }

    /// The slice that lists a pod.
    pub fn slice_of(&self, pod: PodId) -> Option<SliceNumber> {
        self.listed.get(&pod).map(|l| l.0)
    }

    /// Slices and how many endpoints each has. A Service without any has an empty one, which is not among these.
    pub fn slices(&self) -> &BTreeMap<SliceNumber, u32> {
        &self.slices
    }

    /// A number for a new slice.
    pub fn next_slice(&self) -> SliceNumber {
        self.slices_made
    }

    /// Pods that are listed so.
    pub fn with(&self, condition: EndpointCondition) -> &BTreeSet<PodId> {
        match condition {
            EndpointCondition::Ready => &self.ready,
            EndpointCondition::Terminating => &self.terminating,
        }
    }

    /// All pods that are listed.
    pub fn listed(&self) -> impl Iterator<Item = PodId> {
        self.listed.keys().copied()
    }

    /// Those that get requests.
    pub fn used(&self) -> EndpointCondition {
        if self.ready.is_empty() { EndpointCondition::Terminating } else { EndpointCondition::Ready }
    }

    /// Lists a pod in a slice, or in none. Says whether that changes what it is for those who send requests.
    pub fn set(&mut self, pod: PodId, listing: Option<(SliceNumber, EndpointFlags)>) -> bool {
        let before = match listing {
            Some(listing) => self.listed.insert(pod, listing),
            None => self.listed.remove(&pod),
        };
        if let Some((slice, _)) = before {
            let left = self.slices.get_mut(&slice).expect("it listed the pod");
            *left -= 1;
            if *left == 0 {
                self.slices.remove(&slice);
            }
        }
        if let Some((slice, _)) = listing {
            *self.slices.entry(slice).or_default() += 1;
            self.slices_made = self.slices_made.max(slice + 1);
        }
        let condition = |listing: Option<(SliceNumber, EndpointFlags)>| listing.and_then(|l| l.1.condition());
        let (before, after) = (condition(before), condition(listing));
        if before == after {
            return false;
        }
        match before {
            Some(EndpointCondition::Ready) => self.ready.remove(&pod),
            Some(EndpointCondition::Terminating) => self.terminating.remove(&pod),
            None => false,
        };
        match after {
            Some(EndpointCondition::Ready) => self.ready.insert(pod),
            Some(EndpointCondition::Terminating) => self.terminating.insert(pod),
            None => false,
        };
        true
    }
}
