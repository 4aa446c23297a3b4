//! StatefulSet controller: pods with identities, made and replaced in order.
//!
//! Watches StatefulSets and their pods. Reads both. Creates and deletes pods. Follows pkg/controller/statefulset of
//! v1.36.2 (stateful_set_control.go): upwards from ordinal 0, a pod is made when all before it are ready and available;
//! the pod with the highest ordinal goes first when there are too many, only when all that stay are healthy, and, if it
//! is not healthy itself, only when no pod before it is unhealthy too (processCondemned); one that is ready, but not
//! yet for `minReadySeconds`, is waited for; an update deletes the pod with the highest ordinal that is not of the new
//! template and waits until its successor is healthy. Below `partition` a pod is made anew from the current template,
//! which becomes the new one when all pods are of it and ready (completeRollingUpdate). A pod that terminates keeps its
//! identity: there are never two of one name. With parallel management neither creations nor deletions wait.
//!
//! *Deviation:* no volume claims; `maxUnavailable` is off, as its feature gate is; the client's limit is not counted,
//! as writes come one by one.
//!
//! Start at [`sync`].

use super::Context;
use crate::cluster::objects::{Name, Owner, PodId, PodManagement, StatefulSetId};
use crate::cluster::store::Store;
use crate::engine::{SimDuration, SimTime};

/// What is at one ordinal.
#[derive(Clone, Copy, Debug)]
enum Place {
    Empty,
    /// It ended and has to be made anew.
    Ended(PodId),
    Terminating,
    /// Not ready, or not for long enough: available then, if it stays ready.
    Waiting(PodId, Option<SimTime>),
    Available(PodId),
}

impl Place {
    fn of(id: StatefulSetId, ordinal: u32, min_ready: SimDuration, store: &Store, now: SimTime) -> Place {
        let Some((pod_id, pod)) = store.pods_of(Owner::StatefulSet(id, ordinal)).next() else {
            return Place::Empty;
        };
        let available = pod.ready_changed + min_ready;
        match pod {
            _ if pod.is_terminating() => Place::Terminating,
            _ if pod.is_terminal() => Place::Ended(pod_id),
            _ if pod.ready && available <= now => Place::Available(pod_id),
            _ => Place::Waiting(pod_id, pod.ready.then_some(available)),
        }
    }
}

/// One step for one StatefulSet; gives back when to come again, if a pod only has to stay ready.
pub fn sync(id: StatefulSetId, cx: &mut Context<'_>) -> Option<SimTime> {
    let set = cx.store.stateful_set(id);
    let (replicas, template, min_ready) = (set.replicas, set.template, set.min_ready);
    let (ordinals, partition, current) = (set.ordinals, set.partition, set.current);
    let in_order = set.management == PodManagement::OrderedReady;
    let place = |ordinal, store: &Store| Place::of(id, ordinal, min_ready, store, cx.now);
    let places: Vec<Place> = (0..ordinals).map(|ordinal| place(ordinal, cx.store)).collect();
    let (wanted, surplus) = places.split_at((replicas as usize).min(places.len()));
    let mut next = None;
    for (ordinal, place) in (0..replicas).zip(wanted) {
        match *place {
            Place::Empty => {
                let made_from = if ordinal < partition { current } else { template };
                cx.store.create_pod(Owner::StatefulSet(id, ordinal), made_from, cx.now);
            }
            // Its name is free at once.
            Place::Ended(pod) => cx.store.remove_pod(pod),
            Place::Waiting(_, available) => next = next.into_iter().chain(available).min(),
            Place::Terminating => {}
            Place::Available(_) => continue,
        }
        if in_order {
            return next;
        }
    }
    // Healthy is ready, for however short a time.
    let is_unhealthy =
        |place: &Place| !matches!(place, Place::Available(_) | Place::Waiting(_, Some(_)) | Place::Empty);
    let first_unhealthy = surplus.iter().position(is_unhealthy);
    for (i, place) in surplus.iter().enumerate().rev() {
        match *place {
            Place::Empty => continue,
            Place::Terminating => {}
            Place::Waiting(_, Some(available)) if in_order => return Some(available),
            Place::Ended(_) | Place::Waiting(..) if in_order && first_unhealthy != Some(i) => return next,
            Place::Ended(pod) | Place::Waiting(pod, _) | Place::Available(pod) => {
                cx.store.delete_pod(pod, cx.now)
            }
        }
        if in_order {
            return next;
        }
    }
    complete_update(id, wanted, cx);
    update(&wanted[(partition as usize).min(wanted.len())..], template_revision(template, cx.store), cx);
    next
}

/// All pods are of the new template, and ready: it is the current one.
fn complete_update(id: StatefulSetId, places: &[Place], cx: &mut Context<'_>) {
    let set = cx.store.stateful_set(id);
    let revision = template_revision(set.template, cx.store);
    let is_new = |place: &Place| match *place {
        Place::Available(pod) | Place::Waiting(pod, Some(_)) => {
            cx.store.pod(pod).is_some_and(|pod| template_revision(pod.template, cx.store) == revision)
        }
        Place::Empty | Place::Ended(_) | Place::Terminating | Place::Waiting(_, None) => false,
    };
    if set.current != set.template && places.iter().all(is_new) {
        cx.store.complete_stateful_set(id);
    }
}

/// Replaces one pod of an old template, if all after it are healthy.
fn update(places: &[Place], revision: Option<Name>, cx: &mut Context<'_>) {
    for place in places.iter().rev() {
        let (Place::Available(pod) | Place::Waiting(pod, _)) = *place else { return };
        let template = cx.store.pod(pod).expect("just listed").template;
        if template_revision(template, cx.store) != revision {
            return cx.store.delete_pod(pod, cx.now);
        }
        if !matches!(place, Place::Available(_)) {
            return;
        }
    }
}

fn template_revision(template: crate::cluster::objects::TemplateId, store: &Store) -> Option<Name> {
    store.template(template).spec.labels.get(Name::CONTROLLER_REVISION_HASH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::controllers::test_rig::Rig;
    use crate::cluster::objects::{Container, Labels, Pod, PodSpec, Selector, StatefulSet};

    /// A set of pods with these ordinals, ready or not, on the rig's node.
    fn set_of(
        ready: &[bool],
        management: PodManagement,
        tune: impl Fn(&mut StatefulSet),
    ) -> (Rig, StatefulSetId) {
        let mut rig = Rig::new();
        let labels = Labels::default().with(Name::APP, Name::number(1));
        let store = &mut rig.cluster.store;
        let template = store.intern_revision(PodSpec::of_container(labels.clone(), Container::default()));
        let mut set = StatefulSet {
            template,
            current: template,
            selector: Selector::of_labels(&labels),
            replicas: ready.len() as u32,
            ordinals: ready.len() as u32,
            management,
            partition: 0,
            min_ready: SimDuration::ZERO,
        };
        tune(&mut set);
        let id = store.add_stateful_set(set);
        for (ordinal, &ready) in (0..).zip(ready) {
            let owner = Owner::StatefulSet(id, ordinal);
            let pod = rig.cluster.store.create_pod(owner, template, rig.now);
            run(&mut rig, pod, ready);
        }
        (rig, id)
    }

    fn run(rig: &mut Rig, pod: PodId, ready: bool) {
        let store = &mut rig.cluster.store;
        let node = store.nodes().next().expect("the rig has a node").0;
        if store.pod(pod).is_some_and(|pod| pod.node.is_none()) {
            store.bind(pod, node);
        }
        store.set_running(pod, false);
        store.set_ready(pod, ready, rig.now);
    }

    fn pod_at(rig: &Rig, id: StatefulSetId, ordinal: u32) -> Option<(PodId, Pod)> {
        rig.cluster.store.pods_of(Owner::StatefulSet(id, ordinal)).next().map(|(id, pod)| (id, pod.clone()))
    }

    /// Who is told to end by now.
    fn ending(rig: &Rig, id: StatefulSetId) -> Vec<u32> {
        (0..10).filter(|&o| pod_at(rig, id, o).is_some_and(|(_, pod)| pod.is_terminating())).collect()
    }

    /// Scales such a set to `replicas`; gives back who is told to end then.
    fn condemned(ready: &[bool], replicas: u32, management: PodManagement) -> Vec<u32> {
        let (mut rig, id) = set_of(ready, management, |_| {});
        rig.cluster.store.scale_stateful_set(id, replicas);
        rig.run_to(1_000);
        ending(&rig, id)
    }

    #[test]
    fn a_pod_that_is_too_many_and_ready_for_too_short_a_time_is_waited_for() {
        let young = |set: &mut StatefulSet| set.min_ready = SimDuration::from_secs(30);
        let (mut rig, id) = set_of(&[true, true], PodManagement::OrderedReady, young);
        // Both are available 30 s after they were ready at zero; a new third pod is ready at 40 s, available at 70 s.
        rig.run_to(35_000);
        rig.cluster.store.scale_stateful_set(id, 3);
        rig.run_to(40_000);
        let (third, _) = pod_at(&rig, id, 2).expect("made when the others were available");
        run(&mut rig, third, true);
        rig.cluster.store.scale_stateful_set(id, 2);
        rig.run_to(69_900);
        assert_eq!(ending(&rig, id), [0; 0]);
        rig.run_to(70_100);
        assert_eq!(ending(&rig, id), [2]);
    }

    #[test]
    fn below_the_partition_a_pod_is_made_anew_as_it_was() {
        let (mut rig, id) = set_of(&[true; 3], PodManagement::OrderedReady, |set| set.partition = 2);
        let old = rig.cluster.store.stateful_set(id).template;
        let labels = Labels::default().with(Name::APP, Name::number(1));
        let newer = Container { cpu: Some(7), ..Container::default() };
        rig.cluster.store.set_stateful_set_template(id, PodSpec::of_container(labels, newer));
        let new = rig.cluster.store.stateful_set(id).template;
        rig.run_to(1_000);
        assert_eq!(ending(&rig, id), [2]);
        let replace = |rig: &mut Rig, ordinal| {
            let (pod, _) = pod_at(rig, id, ordinal).expect("it is there");
            rig.cluster.store.remove_pod(pod);
            rig.run_to(rig.now.as_micros() / 1_000 + 1_000);
            let (pod, made) = pod_at(rig, id, ordinal).expect("it is made anew");
            run(rig, pod, true);
            made.template
        };
        // 2 is updated; 0 comes back as it was while the partition keeps it, and as the others when nothing does.
        assert_eq!((replace(&mut rig, 2), replace(&mut rig, 0)), (new, old));
        assert_eq!(rig.cluster.store.stateful_set(id).current, old);
    }

    #[test]
    fn an_unhealthy_pod_that_is_too_many_goes_only_if_none_before_it_is_unhealthy() {
        use PodManagement::{OrderedReady, Parallel};
        // The highest goes first, alone.
        assert_eq!(condemned(&[true, true, true], 1, OrderedReady), [2]);
        // The only unhealthy one may go.
        assert_eq!(condemned(&[true, true, false], 1, OrderedReady), [2]);
        // 1 is unhealthy before it: 2 waits until 1 is well.
        assert_eq!(condemned(&[true, false, false], 1, OrderedReady), [0; 0]);
        // A healthy one does not wait for an unhealthy one before it that is too many as well.
        assert_eq!(condemned(&[true, false, true], 1, OrderedReady), [2]);
        // One that stays is unhealthy.
        assert_eq!(condemned(&[false, true, true], 1, OrderedReady), [0; 0]);
        assert_eq!(condemned(&[true, false, false], 1, Parallel), [1, 2]);
    }
}
