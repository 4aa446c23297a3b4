//! EndpointSlice controller: which pods of a Service get requests.
//!
//! Watches Services and pods. Reads the pods' phase, readiness and deletion. Writes the Service's EndpointSlices.
//! Follows pkg/controller/endpointslice and staging/.../endpointslice/{reconciler,utils}.go of v1.36.2. A pod is listed
//! from when it has an IP, which it gets with its sandbox and so with its first container here, until it ended: ready
//! if it is ready and not terminating, serving if it is ready, and terminating. A slice has at most 100 endpoints. Pods
//! stay in their slice; new ones fill slices that are written anyway, fullest first, then one other slice with room for
//! all of them, then new slices; an empty slice is deleted. Slices are never merged. All writes share the client's rate
//! limit, and what changes while a Service is being written is written with the next.
//!
//! *Deviation:* the controller reads the store itself, so it never finds its own last write missing (upstream then comes
//! again after 1 s, or with the next change of a pod); a Service without endpoints has its one empty slice unwritten.
//!
//! Start at [`EndpointSliceController::sync`].

use super::Context;
use crate::cluster::objects::{EndpointFlags, Endpoints, PodId, ServiceId, SliceNumber};
use crate::cluster::queue::TokenBucket;
use crate::cluster::settings::Settings;
use crate::cluster::store::Store;
use crate::engine::SimTime;
use std::collections::BTreeMap;

/// `max-endpoints-per-slice`.
const MAX_ENDPOINTS: u32 = 100;

/// What is written to one slice: pods, as they are listed from now on.
type Writes = BTreeMap<SliceNumber, Vec<(PodId, Option<EndpointFlags>)>>;

/// The controller and its client's rate limit.
#[derive(Debug)]
pub struct EndpointSliceController {
    client: TokenBucket,
    /// Services that are being written, until when.
    busy: BTreeMap<ServiceId, SimTime>,
}

impl EndpointSliceController {
    pub fn new(settings: &Settings) -> Self {
        let client = TokenBucket::new(settings.client_rate, settings.client_burst);
        EndpointSliceController { client, busy: BTreeMap::new() }
    }

    /// Lists the pods of one Service as they are, where they are listed otherwise. Gives back when to come again: the
    /// Service is being written, or the client's limit stopped it.
    pub fn sync(&mut self, id: ServiceId, cx: &mut Context<'_>) -> Option<SimTime> {
        if let Some(&until) = self.busy.get(&id) {
            if until > cx.now {
                return Some(until);
            }
            self.busy.remove(&id);
        }
        for (slice, listings) in plan(id, cx.store) {
            if !self.client.take(cx.now) {
                return self.client.next(cx.now);
            }
            cx.store.write_slice(id, slice, &listings);
            if !cx.settings.service_sync.is_zero() {
                self.busy.insert(id, cx.now + cx.settings.service_sync);
            }
        }
        None
    }
}

/// Lists the pods of a Service as they are, at no time and cost: for a cluster that has been running for a while.
pub fn list(id: ServiceId, cx: &mut Context<'_>) {
    for (slice, listings) in plan(id, cx.store) {
        cx.store.write_slice(id, slice, &listings);
    }
}

/// Which slices are to be written, and what.
fn plan(id: ServiceId, store: &Store) -> Writes {
    let endpoints = store.endpoints(id);
    let mut writes = Writes::new();
    let mut new = Vec::new();
    for &pod in store.unlisted(id) {
        let flags = store.wanted_endpoint(id, pod);
        match endpoints.slice_of(pod) {
            Some(slice) => writes.entry(slice).or_default().push((pod, flags)),
            None => new.push((pod, flags)),
        }
    }
    let mut sizes = sizes_after(endpoints, &writes);
    let mut new = new.into_iter().peekable();
    // Slices that are written anyway and stay, fullest first.
    let mut written: Vec<SliceNumber> = writes.keys().copied().filter(|s| sizes.contains_key(s)).collect();
    written.sort_by_key(|s| std::cmp::Reverse(sizes[s]));
    for slice in written {
        fill(slice, &mut new, &mut sizes, &mut writes);
    }
    let mut next = endpoints.next_slice();
    while new.peek().is_some() {
        let left = new.len() as u32;
        let fullest_with_room = sizes
            .iter()
            .filter(|(slice, size)| !writes.contains_key(slice) && **size + left <= MAX_ENDPOINTS)
            .max_by_key(|(_, size)| **size)
            .map(|(slice, _)| *slice)
            .filter(|_| left < MAX_ENDPOINTS);
        let slice = fullest_with_room.unwrap_or_else(|| {
            next += 1;
            next - 1
        });
        fill(slice, &mut new, &mut sizes, &mut writes);
    }
    writes
}

/// How many endpoints slices have when these writes are made; without those that become empty.
fn sizes_after(endpoints: &Endpoints, writes: &Writes) -> BTreeMap<SliceNumber, u32> {
    let mut sizes = endpoints.slices().clone();
    for (slice, listings) in writes {
        let gone = listings.iter().filter(|(_, flags)| flags.is_none()).count() as u32;
        let left = sizes[slice] - gone;
        match left {
            0 => sizes.remove(slice),
            left => sizes.insert(*slice, left),
        };
    }
    sizes
}

fn fill(
    slice: SliceNumber,
    new: &mut impl Iterator<Item = (PodId, Option<EndpointFlags>)>,
    sizes: &mut BTreeMap<SliceNumber, u32>,
    writes: &mut Writes,
) {
    let size = sizes.entry(slice).or_default();
    let added: Vec<_> = new.take((MAX_ENDPOINTS - *size) as usize).collect();
    *size += added.len() as u32;
    if !added.is_empty() {
        writes.entry(slice).or_default().extend(added);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::objects::{Container, Labels, Name, Owner, PodSpec};

    /// A Service, and a ReplicaSet's template that it selects.
    struct World {
        store: Store,
        service: ServiceId,
        pods: Vec<PodId>,
    }

    impl World {
        fn new() -> World {
            let mut store = Store::default();
            let service = store.add_service(Labels::default().with(Name::APP, Name::number(1)));
            World { store, service, pods: Vec::new() }
        }

        fn start(&mut self, count: usize) {
            let labels = Labels::default().with(Name::APP, Name::number(1));
            let spec = PodSpec::of_container(labels, Container::default());
            for _ in 0..count {
                let template = self.store.intern_template(spec.clone());
                let pod = self.store.create_pod(Owner::None, template, SimTime::ZERO);
                self.store.set_running(pod, false);
                self.pods.push(pod);
            }
        }

        /// Sizes of all slices, and how many were written.
        fn sync(&mut self) -> (Vec<u32>, usize) {
            let writes = plan(self.service, &self.store);
            for (slice, listings) in &writes {
                self.store.write_slice(self.service, *slice, listings);
            }
            self.store.recount();
            (self.store.endpoints(self.service).slices().values().copied().collect(), writes.len())
        }

        fn stop(&mut self, pods: std::ops::Range<usize>) {
            self.pods.drain(pods).for_each(|pod| self.store.remove_pod(pod));
        }
    }

    #[test]
    fn a_slice_has_at_most_a_hundred_endpoints() {
        let mut w = World::new();
        w.start(250);
        assert_eq!(w.sync(), (vec![100, 100, 50], 3));
        // 30 fit into the third slice; the others are not written.
        w.start(30);
        assert_eq!(w.sync(), (vec![100, 100, 80], 1));
        // 40 do not: a new slice for all of them.
        w.start(40);
        assert_eq!(w.sync(), (vec![100, 100, 80, 40], 1));
    }

    #[test]
    fn new_endpoints_fill_slices_that_are_written_anyway() {
        let mut w = World::new();
        w.start(150);
        w.sync();
        w.stop(0..5);
        w.start(10);
        // 95 + 5, then 50 + 5 in the slice that has room for the rest.
        assert_eq!(w.sync(), (vec![100, 55], 2));
        // Nobody moves when others go.
        w.stop(95..150);
        assert_eq!(w.sync().0.iter().sum::<u32>(), 100);
    }

    #[test]
    fn a_selector_that_changes_lists_other_pods() {
        let mut w = World::new();
        let colored = |color: u32| {
            let app = Labels::default().with(Name::APP, Name::number(1));
            app.with(Name::COLOR, Name::number(color))
        };
        for color in [0, 0, 1] {
            let spec = PodSpec::of_container(colored(color), Container::default());
            let template = w.store.intern_template(spec);
            let pod = w.store.create_pod(Owner::None, template, SimTime::ZERO);
            w.store.set_running(pod, false);
            w.pods.push(pod);
        }
        let sizes = |w: &mut World, color: u32| {
            w.store.set_selector(w.service, &colored(color));
            w.sync().0
        };
        // All three, then the two of one color, then the one of the other; and a pod that is not selected goes unseen.
        assert_eq!(w.sync().0, vec![3]);
        assert_eq!(sizes(&mut w, 0), vec![2]);
        assert_eq!(sizes(&mut w, 1), vec![1]);
        w.store.set_ready(w.pods[0], true, SimTime::ZERO);
        assert_eq!(w.sync(), (vec![1], 0));
    }

    #[test]
    fn flags_follow_the_pod() {
        let mut w = World::new();
        w.start(1);
        let (pod, service) = (w.pods[0], w.service);
        let flags = |w: &mut World| {
            w.sync();
            w.store.endpoints(service).flags(pod).map(|f| (f.serving, f.terminating))
        };
        assert_eq!(flags(&mut w), Some((false, false)));
        w.store.set_ready(pod, true, SimTime::ZERO);
        assert_eq!(flags(&mut w), Some((true, false)));
        w.store.set_ended(pod, crate::cluster::objects::Phase::Failed, SimTime::ZERO);
        assert_eq!(flags(&mut w), None);
        assert_eq!(w.sync(), (vec![], 0));
    }
}
