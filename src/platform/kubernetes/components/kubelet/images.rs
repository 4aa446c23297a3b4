//! Images on nodes: what is cached, what is being pulled, and what leaves a full disk.
//!
//! Watches pods bound to its node, through the kubelet that calls it, and the registry. Reads the containers of a pod's
//! template. Writes the images of a node, which the scheduler scores. Follows
//! pkg/kubelet/images of v1.36.2: `IfNotPresent` takes what is there, `Always` asks the registry even then; one pull
//! after the other in the order in which they were asked for, or several at once that share the node's bandwidth; a
//! pull that fails is tried again after a back-off of the pod and image, at the first sync of the pod that finds it over:
//! those come every 10 to 15 s while it fails (`completeWork`). The images of a pod are pulled one after the
//! other in both cases, since its containers start so. Two images of a repository share its base layers (containerd
//! fetches a layer once). From 85 % of the disk on, layers that no pod of the node uses leave, least recently used
//! first, until 80 % are left (image_gc_manager.go).
//!
//! *Deviation:* a registry that is out lets each question wait for the time-out of a connection; a pull that waits so
//! does not hold up others of its node. All images of a pod are there before its first container starts. A node's
//! images are in its status at once, not with the next report. Collection runs when a pull is complete, not every five
//! minutes.
//!
//! Start at [`Kubelets::fetch`].

use super::backoff::{PullBackoff, polls_until};
use super::{Context, Kubelets};
use crate::cluster::objects::{Image, NodeId, PodId};
use crate::engine::{Purpose, SimDuration, SimTime};
use crate::platform::kubernetes::bodies::{base_of, part_of, without_configuration};
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::parameters::{ImagePullPolicy, KubeletParameters};
use crate::world::{About, Api, StartOrder};

const PULL_POLL: Purpose = Purpose::named("image pull poll");
/// Image garbage collection begins at this share of the disk, and ends at the other.
const DISK_HIGH: f64 = 0.85;
const DISK_LOW: f64 = 0.80;

/// A pull is complete when less than this is left [bytes].
const NOTHING: f64 = 0.5;

/// What images are made of: what all versions share that were built on one base image, and what one version adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layers {
    Base { repository: u32, base: u32 },
    Top(Image),
}

impl Layers {
    fn base(image: Image) -> Layers {
        Layers::Base { repository: image.repository, base: base_of(image.tag) }
    }
}

/// An image and the sizes of its two halves [bytes].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sized {
    image: Image,
    base: u64,
    top: u64,
}

impl Sized {
    fn layers(self) -> [(Layers, u64); 2] {
        [(Layers::base(self.image), self.base), (Layers::Top(self.image), self.top)]
    }
}

/// What a pod waits for.
#[derive(Clone, Debug)]
pub struct Fetch {
    /// Images that are not there yet, or have not been asked for.
    wanted: Vec<Sized>,
    then: Then,
    /// When the registry that does not answer will not be waited for any longer.
    asked: Option<SimTime>,
    /// When it will be asked again.
    again: Option<SimTime>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// Sandbox, network and containers are made.
    Prepare,
    /// The container that ended starts again.
    Restart,
}

/// One image that is on its way.
#[derive(Clone, Debug)]
struct Pull {
    sized: Sized,
    left: f64,
    pods: Vec<PodId>,
}

/// Images on one node.
#[derive(Debug, Default)]
pub struct NodeImages {
    /// Least recently used first.
    cached: Vec<(Layers, u64)>,
    /// In the order in which they were asked for.
    pulls: Vec<Pull>,
    /// Up to when the pulls have come on.
    as_of: SimTime,
}

impl NodeImages {
    fn has(&self, sized: Sized) -> bool {
        sized.layers().iter().all(|(layers, _)| self.cached.iter().any(|(c, _)| c == layers))
    }

    /// Used now.
    fn touch(&mut self, sized: Sized) {
        for (layers, bytes) in sized.layers() {
            self.cached.retain(|(c, _)| *c != layers);
            self.cached.push((layers, bytes));
        }
    }

    /// Complete images with their sizes [bytes].
    fn complete(&self) -> Vec<(Image, u64)> {
        let size = |wanted: Layers| self.cached.iter().find(|(c, _)| *c == wanted).map(|(_, bytes)| *bytes);
        let image = |(layers, top): &(Layers, u64)| match layers {
            Layers::Top(image) => size(Layers::base(*image)).map(|base| (*image, base + top)),
            Layers::Base { .. } => None,
        };
        let mut images: Vec<(Image, u64)> = self.cached.iter().filter_map(image).collect();
        images.sort_unstable_by_key(|(image, _)| *image);
        images
    }

    fn ask(&mut self, sized: Sized, pod: PodId, p: &KubeletParameters, now: SimTime) {
        self.advance(p, now);
        if let Some(pull) = self.pulls.iter_mut().find(|pull| pull.sized == sized) {
            pull.pods.push(pod);
            return;
        }
        let is_missing = |(layers, _): &(Layers, u64)| self.cached.iter().all(|(c, _)| c != layers);
        let left: u64 = sized.layers().iter().filter(|l| is_missing(l)).map(|l| l.1).sum();
        self.pulls.push(Pull { sized, left: left as f64, pods: vec![pod] });
    }

    fn active(&self, p: &KubeletParameters) -> usize {
        if p.serial_pulls { self.pulls.len().min(1) } else { self.pulls.len() }
    }

    fn advance(&mut self, p: &KubeletParameters, now: SimTime) {
        let dt = now.since(std::mem::replace(&mut self.as_of, now)).as_secs_f64();
        let active = self.active(p);
        let each = dt * p.pull_throughput.as_bytes() as f64 / active.max(1) as f64;
        self.pulls.iter_mut().take(active).for_each(|pull| pull.left -= each);
    }

    /// When the next pull is complete if no other begins.
    fn next_done(&self, p: &KubeletParameters) -> Option<SimTime> {
        let active = self.active(p);
        let least = self.pulls.iter().take(active).map(|pull| pull.left).min_by(f64::total_cmp)?;
        let span_s = least.max(0.0) * active as f64 / p.pull_throughput.as_bytes() as f64;
        // Rounded up, so that it is complete then.
        Some(self.as_of + SimDuration::from_secs_f64(span_s) + SimDuration::from_micros(1))
    }

    /// Pods whose pulls are complete by now.
    fn take_done(&mut self, p: &KubeletParameters, now: SimTime) -> Vec<PodId> {
        self.advance(p, now);
        let (done, left): (Vec<Pull>, Vec<Pull>) =
            std::mem::take(&mut self.pulls).into_iter().partition(|pull| pull.left < NOTHING);
        self.pulls = left;
        done.iter().for_each(|pull| self.touch(pull.sized));
        done.into_iter().flat_map(|pull| pull.pods).collect()
    }

    /// Drops what nobody uses, if the disk is nearly full.
    fn collect(&mut self, used: &[Image], disk: u64) {
        let mut sum: u64 = self.cached.iter().map(|(_, bytes)| bytes).sum();
        if sum as f64 <= disk as f64 * DISK_HIGH {
            return;
        }
        let is_used = |layers: &Layers| match *layers {
            Layers::Base { .. } => used.iter().any(|image| Layers::base(*image) == *layers),
            Layers::Top(image) => used.contains(&image),
        };
        self.cached.retain(|(layers, bytes)| {
            let goes = sum as f64 > disk as f64 * DISK_LOW && !is_used(layers);
            sum -= if goes { *bytes } else { 0 };
            !goes
        });
    }
}

impl Kubelets {
    /// A node that has pulled nothing yet.
    pub(super) fn add_cache(&mut self, node: NodeId) {
        self.images.insert(node, NodeImages::default());
    }

    /// The machine is back: what was complete is on its disk, what was on its way is lost.
    pub(super) fn forget_pulls(&mut self, node: NodeId, now: SimTime) {
        if let Some(images) = self.images.get_mut(&node) {
            images.pulls.clear();
            images.as_of = now;
        }
    }

    /// Images of a pod that runs since before the simulation began.
    pub(super) fn adopt_images(&mut self, id: PodId, node: NodeId, cx: &mut Context<'_>, api: &Api<'_>) {
        for sized in images_of(id, cx, api) {
            self.images.entry(node).or_default().touch(sized);
        }
        self.report_images(node, cx);
    }

    /// Has the images of a pod pulled, as far as that is necessary, and goes on `then`.
    pub(super) fn fetch(&mut self, id: PodId, then: Then, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let wanted = images_of(id, cx, api);
        self.fetching.insert(id, Fetch { wanted, then, asked: None, again: None });
        self.fetch_on(id, cx, api);
    }

    /// The next image of a pod.
    pub fn fetch_on(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(node) = self.working_node_of(id, cx, api) else { return };
        let Some(fetch) = self.fetching.get_mut(&id) else { return };
        let p = &cx.parameters.kubelet;
        let images = self.images.entry(node).or_default();
        while let Some(&sized) = fetch.wanted.first() {
            let is_there = images.has(sized);
            let asks = !is_there || p.image_pull_policy == ImagePullPolicy::Always;
            if asks && !api.registry_answers() {
                let at = cx.now + p.pull_timeout;
                fetch.asked = Some(at);
                return cx.at(at, Event::PullUnanswered(id));
            }
            if !is_there {
                images.ask(sized, id, p, cx.now);
                return self.await_pulls(node, cx);
            }
            images.touch(sized);
            fetch.wanted.remove(0);
        }
        let then = self.fetching.remove(&id).expect("seen").then;
        let subject = cx.bodies.box_of(id).expect("pods that work stand for boxes");
        match then {
            Then::Prepare => _ = api.prepare_box(subject, cx.parameters.kubelet.container_start),
            Then::Restart => {
                if self.start(id, subject, StartOrder::Again, cx, api) {
                    cx.cluster.store.set_running(id, true);
                }
            }
        }
    }

    /// The registry has been asked for so long. If it answers by now the pull goes on, else it has failed.
    pub fn on_unanswered(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let is_asked = |fetch: &mut Fetch| fetch.asked.take_if(|at| *at == cx.now).is_some();
        if !self.fetching.get_mut(&id).is_some_and(is_asked) {
            return;
        }
        if api.registry_answers() {
            return self.fetch_on(id, cx, api);
        }
        if self.working_node_of(id, cx, api).is_none() {
            return;
        }
        let Some(fetch) = self.fetching.get_mut(&id) else { return };
        let (Some(&sized), Some(subject)) = (fetch.wanted.first(), cx.bodies.box_of(id)) else { return };
        let p = &cx.parameters.kubelet;
        let known = self.pull_backoffs.get(&(id, sized.image)).copied();
        let (wait, backoff) = PullBackoff::on_failure(known, cx.now, p);
        self.pull_backoffs.insert((id, sized.image), backoff);
        let (ordinal, life) = api.ordinal_of(subject).unwrap_or_default();
        let key =
            [u64::from(sized.image.repository), u64::from(ordinal), u64::from(life), cx.now.as_micros()];
        let later = polls_until(wait, p.backoff_jitter.as_f64(), &mut api.stream(PULL_POLL, &key));
        let at = cx.now + later;
        fetch.again = Some(at);
        cx.at(at, Event::PullAgain(id));
        let words =
            if known.is_none() { "ErrImagePull: no answer from the registry" } else { "ErrImagePull again" };
        api.remark(About::Box(subject), || format!("{words}; ImagePullBackOff for {wait}"));
    }

    /// A sync finds the back-off of an image over.
    pub fn on_pull_again(&mut self, id: PodId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let is_due = |fetch: &mut Fetch| fetch.again.take_if(|at| *at == cx.now).is_some();
        if self.fetching.get_mut(&id).is_some_and(is_due) {
            self.fetch_on(id, cx, api);
        }
    }

    /// A pull may be complete.
    pub fn on_pulls(&mut self, node: NodeId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        if self.restarting.contains_key(&node) || !super::is_alive(node, cx, api) {
            return;
        }
        let Some(images) = self.images.get_mut(&node) else { return };
        let pods = images.take_done(&cx.parameters.kubelet, cx.now);
        if pods.is_empty() {
            return; // another pull began meanwhile, and took its share
        }
        let store = &cx.cluster.store;
        let templates = store.pods_on(node).map(|(_, pod)| &store.template(pod.template).spec);
        let used: Vec<Image> = templates
            .flat_map(|spec| {
                spec.init_containers.iter().chain(&spec.containers).map(|c| without_configuration(c.image))
            })
            .collect();
        images.collect(&used, api.cloud().root_disk.as_bytes());
        self.report_images(node, cx);
        for pod in pods {
            self.fetch_on(pod, cx, api);
        }
        self.await_pulls(node, cx);
    }

    fn await_pulls(&self, node: NodeId, cx: &mut Context<'_>) {
        if let Some(at) = self.images[&node].next_done(&cx.parameters.kubelet) {
            cx.at(at, Event::PullsComeOn(node));
        }
    }

    fn report_images(&self, node: NodeId, cx: &mut Context<'_>) {
        cx.cluster.scheduler.node_images(node, self.images[&node].complete());
    }

    /// The pod ends, or its images are wanted anew.
    pub(super) fn forget_fetch(&mut self, id: PodId) {
        self.fetching.remove(&id);
        self.pull_backoffs.retain(|(pod, _), _| *pod != id);
    }
}

/// Images of a pod's containers in the order in which they start.
fn images_of(id: PodId, cx: &Context<'_>, api: &Api<'_>) -> Vec<Sized> {
    let pod = cx.cluster.store.pod(id).expect("images of pods that exist");
    let spec = &cx.cluster.store.template(pod.template).spec;
    let sized = |image: Image| {
        let (service, part) = part_of(image);
        let parts = &api.service(service).parameters.container;
        let (_, container) = parts.iter().nth(part).expect("an image of a part of the service");
        let base = (container.image.as_bytes() as f64 * container.image_base.as_f64()).round() as u64;
        Sized { image, base, top: container.image.as_bytes() - base }
    };
    spec.init_containers
        .iter()
        .chain(&spec.containers)
        .map(|c| sized(without_configuration(c.image)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Id;

    const MB: u64 = 1_000_000;

    fn at(s: f64) -> SimTime {
        SimTime::ZERO + SimDuration::from_secs_f64(s)
    }

    /// 500 MB, of which 400 are the base.
    fn sized(repository: u32, tag: u64) -> Sized {
        Sized { image: Image { repository, tag }, base: 400 * MB, top: 100 * MB }
    }

    fn pod(i: u32) -> PodId {
        PodId::new(i, 0)
    }

    /// Seconds at which each pod has its image, asked for at the given seconds, at 50 MB/s.
    fn pulled(serial_pulls: bool, asked: &[(f64, Sized)]) -> Vec<f64> {
        let p = KubeletParameters { serial_pulls, ..Default::default() };
        let mut images = NodeImages::default();
        let mut done = vec![0.0; asked.len()];
        let mut next = 0;
        while next < asked.len() || !images.pulls.is_empty() {
            let complete = images.next_done(&p);
            let begins = asked.get(next).map(|a| at(a.0));
            if begins.is_some_and(|b| complete.is_none_or(|c| b < c)) {
                images.ask(asked[next].1, pod(next as u32), &p, begins.expect("seen"));
                next += 1;
            } else {
                let now = complete.expect("something is on its way");
                for pod in images.take_done(&p, now) {
                    done[pod.parts().0 as usize] = (now.as_secs_f64() * 1e3).round() / 1e3;
                }
            }
        }
        done
    }

    #[test]
    fn serial_pulls_wait_for_each_other_and_parallel_ones_share_the_bandwidth() {
        let two = [(0.0, sized(0, 1)), (0.0, sized(1, 1)), (0.0, sized(0, 1))];
        // 500 MB at 50 MB/s: 10 s each, one after the other; the third asks for the first image.
        assert_eq!(pulled(true, &two), [10.0, 20.0, 10.0]);
        // At half the speed each.
        assert_eq!(pulled(false, &two), [20.0, 20.0, 20.0]);
        // The first alone for 5 s, 250 MB left at 25 MB/s until 15 s; then 250 MB of the second alone, until 20 s.
        assert_eq!(pulled(false, &[(0.0, sized(0, 1)), (5.0, sized(1, 1))]), [15.0, 20.0]);
    }

    #[test]
    fn a_new_version_pulls_only_what_it_adds() {
        // 100 of 500 MB: 2 s after the first 10 s.
        assert_eq!(pulled(true, &[(0.0, sized(0, 1)), (20.0, sized(0, 2))]), [10.0, 22.0]);
    }

    #[test]
    fn what_nobody_uses_leaves_a_full_disk_least_recently_used_first() {
        let mut images = NodeImages::default();
        for repository in [0, 1, 0, 2, 3] {
            images.touch(sized(repository, 0));
        }
        // 2000 MB of 2300 are 87 %. Of the four, 1 was used longest ago, and a pod uses it; of 0, both halves go:
        // 1840 MB is 80 %, and 1600 MB are left after the base, so the top stays.
        images.collect(&[sized(1, 0).image], 2_300 * MB);
        let left: Vec<u32> = images.complete().iter().map(|(image, _)| image.repository).collect();
        assert_eq!(left, [1, 2, 3]);
        assert_eq!(images.cached.iter().map(|c| c.1).sum::<u64>(), 1_600 * MB);
        // 1600 of 1900 MB are 84 %: nothing is done.
        images.collect(&[], 1_900 * MB);
        assert_eq!(images.complete().len(), 3);
    }
}
