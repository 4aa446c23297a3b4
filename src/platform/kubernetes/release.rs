//! The release pipeline and the people behind it: clients of the cluster, not part of it.
//!
//! Watches Deployments. A version is built into an image and becomes the Deployment's template; the controllers do the
//! rest. A rollout that stalls (its progress deadline passes) or an alert on errors pages a person, who pauses a rollout
//! that is under way, finds out what is wrong and, if it is the version, sets the template back. A version that is
//! handed over meanwhile waits; only the newest of them is brought out.
//!
//! Canaries and second sets of pods go other ways first ([`rollout`](super::rollout)).
//!
//! *Deviation:* nobody is paged for a single pod or node; that is the controllers' affair.
//!
//! Start at [`Pipeline::on_release`].

use super::bodies::{deployment_of, program, service_behind, world_service};
use super::components::Context;
use super::components::hpa::HpaController;
use super::event::Event;
use super::patching::{Built, Images};
use crate::cluster::objects::{DeploymentId, Progress};
use crate::engine::{Purpose, SimTime};
use crate::platform::practice::PracticeParameters;
use crate::platform::rollout::Watch;
use crate::world::observation::RolloutStep;
use crate::world::{About, Activity, Api, ServiceId, Urgency, Version, Work, WorkId};
use std::collections::BTreeMap;

const VERSION_BUILD: Purpose = Purpose::named("version build");
const DIAGNOSE: Purpose = Purpose::named("diagnose");
const ROLL_BACK: Purpose = Purpose::named("kubernetes rollback");

/// Where the releases of one service stand.
#[derive(Clone, Debug)]
pub(super) struct Releases {
    pub version: Version,
    /// What ran before, to go back to.
    previous: Option<Version>,
    pub stage: Stage,
    waiting: Option<Version>,
    /// Somebody is on it.
    pub is_looking: bool,
    /// The Deployment that has the callers, and the other one if there is one.
    pub live: DeploymentId,
    pub second: Option<DeploymentId>,
    /// Steps of a canary that are behind it, and how the present one does.
    pub step: usize,
    pub watch: Watch,
    /// Taking it back is a switch to the set that was kept.
    switches_back: bool,
    /// When the pipeline comes back to it.
    pub due: SimTime,
    /// The newest image of each version.
    pub images: BTreeMap<Version, Built>,
    /// What runs has an older image than there is of its version.
    pub is_stale: bool,
    /// The age of its image will be looked at.
    pub image_watched: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Idle,
    /// Pods of a second Deployment come up, and are watched or tested then.
    Filling,
    Watching,
    /// The second Deployment has the callers; the old one waits for the case that it is needed.
    Kept,
    RollingOut,
    RollingBack,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Finding out why a rollout stalls.
    LookAtRollout(DeploymentId),
    /// Finding out why requests fail.
    LookAtErrors(DeploymentId),
    RollBack(DeploymentId),
    /// Starting the build of an image that has become too old.
    RenewImage(DeploymentId),
    /// Reading why a canary was taken back.
    Read,
}

/// The pipeline.
#[derive(Debug)]
pub struct Pipeline {
    pub(super) practice: PracticeParameters,
    pub(super) services: Vec<Releases>,
    pub(super) tasks: BTreeMap<WorkId, Task>,
    pub(super) images: Images,
}

impl Pipeline {
    pub fn new(practice: PracticeParameters) -> Self {
        Pipeline { practice, services: Vec::new(), tasks: BTreeMap::new(), images: Images::default() }
    }

    /// A service that runs version 0.
    pub fn add_service(&mut self, image: Built) {
        self.services.push(Releases {
            version: Version(0),
            previous: None,
            stage: Stage::Idle,
            waiting: None,
            is_looking: false,
            live: DeploymentId(self.services.len() as u32),
            second: None,
            step: 0,
            watch: Watch::default(),
            switches_back: false,
            due: SimTime::ZERO,
            images: BTreeMap::from([(Version(0), image)]),
            is_stale: false,
            image_watched: false,
        });
    }

    /// It has a second Deployment, for canaries or for the next version.
    pub fn add_second(&mut self, service: ServiceId, second: DeploymentId) {
        self.services[usize::from(service.0)].second = Some(second);
    }

    /// The Deployment of a service that has the callers.
    pub fn live(&self, service: ServiceId) -> DeploymentId {
        self.services[usize::from(service.0)].live
    }

    /// The developers hand over a version: its image is built.
    pub fn on_release(&self, service: ServiceId, version: Version, cx: &mut Context<'_>, api: &Api<'_>) {
        let key = [u64::from(service.0), u64::from(version.0)];
        let span = self.practice.build.sample(api.stream(VERSION_BUILD, &key).uniform());
        cx.after(span, Event::VersionBuilt(deployment_of(service), version));
    }

    /// The configuration of a service was changed: a new ConfigMap and a reference to it in the template, which rolls out
    /// as a release does, with the image that is there.
    pub fn on_configuration(
        &mut self,
        service: ServiceId,
        number: u32,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        let id = deployment_of(service);
        let releases = &self.services[id.index()];
        if releases.stage != Stage::Idle || releases.is_looking {
            return api.postpone_configuration(service, number);
        }
        self.on_built(id, releases.version.with_configuration(number), cx, api);
    }

    /// The image is there.
    pub fn on_built(&mut self, id: DeploymentId, version: Version, cx: &mut Context<'_>, api: &mut Api<'_>) {
        self.note_built(id, version, cx.now.into());
        let releases = &mut self.services[id.index()];
        if releases.stage != Stage::Idle || releases.is_looking {
            releases.waiting = Some(version);
            return;
        }
        releases.previous = Some(std::mem::replace(&mut releases.version, version));
        (releases.stage, releases.is_stale) = (Stage::RollingOut, false);
        api.declare_rollout(world_service(id), version, RolloutStep::Begins);
        if Self::has_second(cx) {
            return self.begin_second(id, cx);
        }
        set_tag(releases.live, releases.tag(version), cx);
        self.look_at_image(id, cx, api);
    }

    /// A Deployment changed: is a rollout complete, or stalled?
    pub fn sync(&mut self, changed: DeploymentId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let id = deployment_of(service_behind(changed, &cx.cluster.store));
        let releases = &mut self.services[id.index()];
        if releases.stage == Stage::Filling {
            return self.sync_second(id, cx, api);
        }
        let (deployment, bad) = (cx.cluster.store.deployment(releases.live), releases.version);
        let second_is_empty =
            releases.second.is_none_or(|d| cx.cluster.store.pods_of_deployment(d).next().is_none());
        // The status of a template that the controller has not seen yet says nothing.
        let status = &deployment.status;
        let is_seen = program(cx.cluster.store.template(deployment.template)).1 == releases.target()
            && status.observed_generation == deployment.generation;
        // As `kubectl rollout status` has it: the condition of the rollout before may still stand.
        let is_through = is_seen
            && status.updated >= deployment.replicas
            && status.replicas <= status.updated
            && status.available >= status.updated;
        match (releases.stage, deployment.status.progress) {
            (Stage::RollingOut, Progress::Complete) if is_through => {
                releases.stage = Stage::Idle;
                if let Some(second) = releases.second {
                    cx.cluster.store.scale_deployment(second, 0);
                }
                api.declare_rollout(world_service(id), bad, RolloutStep::Completes);
                self.bring_out_waiting(id, cx, api);
            }
            (Stage::RollingBack, Progress::Complete) if is_through && second_is_empty => {
                releases.stage = Stage::Idle;
                releases.is_stale = false;
                releases.version = releases.previous.take().expect("there is a version to go back to");
                api.declare_rollout(world_service(id), bad, RolloutStep::RollbackCompletes);
                self.bring_out_waiting(id, cx, api);
                self.look_at_image(id, cx, api);
            }
            (Stage::RollingOut, Progress::Stalled) if is_seen && !releases.is_looking => {
                self.page_for_rollout(id, api);
            }
            _ => {}
        }
    }

    pub(super) fn page_for_rollout(&mut self, id: DeploymentId, api: &mut Api<'_>) {
        self.page(Task::LookAtRollout(id), id, api);
    }

    pub(super) fn bring_out_waiting(&mut self, id: DeploymentId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let releases = &mut self.services[id.index()];
        if releases.stage == Stage::Idle
            && !releases.is_looking
            && let Some(version) = releases.waiting.take()
        {
            self.on_built(id, version, cx, api);
        }
        self.roll_image_out(id, cx, api);
    }

    /// Too many requests of a service fail.
    pub fn on_error_alert(
        &mut self,
        service: ServiceId,
        firing: bool,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        let id = deployment_of(service);
        // Requests are served again before anybody found out why they were not: whoever looks stops.
        let look =
            self.tasks.iter().find(|(_, task)| **task == Task::LookAtErrors(id)).map(|(&work, _)| work);
        if let (false, Some(work)) = (firing, look) {
            self.tasks.remove(&work);
            api.call_off(work);
            self.services[id.index()].is_looking = false;
            self.resume(id, cx);
            self.bring_out_waiting(id, cx, api);
        }
        if firing && !self.services[id.index()].is_looking {
            self.page(Task::LookAtErrors(id), id, api);
        }
    }

    /// Whoever finds a rollout under way pauses it before anything else (`kubectl rollout pause`).
    pub fn on_work_began(&mut self, work: WorkId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let Some(&(Task::LookAtErrors(id) | Task::RollBack(id))) = self.tasks.get(&work) else { return };
        let Releases { live, stage, .. } = self.services[id.index()];
        let deployment = cx.cluster.store.deployment(live);
        let is_under_way = matches!(deployment.status.progress, Progress::Progressing { .. });
        if stage == Stage::RollingOut && is_under_way && !deployment.paused {
            cx.cluster.store.write_deployment(live, |d| d.paused = true);
            let about = About::Service(world_service(id));
            api.remark(about, || "DeploymentPaused: the rollout is held until it is clear why".into());
        }
    }

    /// The rollout goes on, or back (`kubectl rollout resume`).
    fn resume(&self, id: DeploymentId, cx: &mut Context<'_>) {
        let live = self.services[id.index()].live;
        if cx.cluster.store.deployment(live).paused {
            cx.cluster.store.write_deployment(live, |d| d.paused = false);
        }
    }

    fn page(&mut self, task: Task, id: DeploymentId, api: &mut Api<'_>) {
        self.services[id.index()].is_looking = true;
        self.ask_why(task, id, (Activity::Repair, Urgency::Page), api);
    }

    /// Somebody finds out what is wrong.
    pub(super) fn ask_why(
        &mut self,
        task: Task,
        id: DeploymentId,
        (activity, urgency): (Activity, Urgency),
        api: &mut Api<'_>,
    ) {
        let cause = self.services[id.index()].cause(id);
        let touch = self.practice.diagnose.sample(api.stream(DIAGNOSE, &[cause]).uniform());
        let about = About::Service(world_service(id));
        self.tasks.insert(api.ask(Work { activity, urgency, touch, cause, about }), task);
    }

    /// A person is done.
    pub fn on_work_done(
        &mut self,
        work: WorkId,
        hpa: &mut HpaController,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        let task = self.tasks.remove(&work).expect("all work is for something");
        match task {
            Task::LookAtRollout(id) => {
                let Releases { live, second, version, .. } = self.services[id.index()];
                let is_stalled = cx.cluster.store.deployment(live).status.progress == Progress::Stalled;
                // A lost pod elsewhere may count as progress; a look at the pods shows CrashLoopBackOff.
                let both = [Some(live), second].into_iter().flatten();
                let is_crash_looping =
                    both.flat_map(|d| cx.cluster.store.pods_of_deployment(d)).any(|(_, pod)| {
                        let (_, own) = program(cx.cluster.store.template(pod.template));
                        own == version && !pod.ready && pod.restarts > 1
                    });
                self.on_understood(id, is_stalled || is_crash_looping, cx, api);
            }
            Task::LookAtErrors(id) => {
                // Errors that pods answer, rather than requests that nobody answers, mean that the version is bad.
                let errors = api.failures(world_service(id)).errors;
                let is_bad = errors > self.practice.alert_threshold.as_f64() / 2.0;
                self.on_understood(id, is_bad, cx, api);
            }
            Task::RenewImage(id) => self.renew_image(id, cx, api),
            Task::Read => {}
            Task::RollBack(id) => {
                let releases = &mut self.services[id.index()];
                releases.is_looking = false;
                if std::mem::take(&mut releases.switches_back) {
                    self.switch(id, hpa, cx, api);
                }
                self.resume(id, cx);
                let releases = &self.services[id.index()];
                set_tag(releases.live, releases.tag(releases.target()), cx);
                if let Some(second) = releases.second {
                    cx.cluster.store.scale_deployment(second, 0);
                }
            }
        }
    }

    fn on_understood(&mut self, id: DeploymentId, is_bad: bool, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let releases = &mut self.services[id.index()];
        if !is_bad || releases.previous.is_none() || releases.stage == Stage::RollingBack {
            releases.is_looking = false;
            self.resume(id, cx);
            return self.bring_out_waiting(id, cx, api);
        }
        releases.switches_back = releases.stage == Stage::Kept;
        releases.stage = Stage::RollingBack;
        api.end_comparison(world_service(id));
        api.declare_rollout(world_service(id), releases.version, RolloutStep::RollbackBegins);
        let cause = releases.cause(id);
        let p = cx.parameters;
        let touch = if releases.switches_back { &p.rollout.blue_green.switch } else { &p.rollback };
        let touch = touch.sample(api.stream(ROLL_BACK, &[cause]).uniform());
        let work = Work {
            activity: Activity::Rollback,
            urgency: Urgency::AtOnce,
            touch,
            cause,
            about: About::Service(world_service(id)),
        };
        self.tasks.insert(api.ask(work), Task::RollBack(id));
    }
}

impl Releases {
    /// The version that shall run.
    pub(super) fn target(&self) -> Version {
        match (self.stage, self.previous) {
            (Stage::RollingBack, Some(previous)) => previous,
            _ => self.version,
        }
    }

    /// The number of a trouble with this version, the same on every platform.
    fn cause(&self, id: DeploymentId) -> u64 {
        u64::from(self.version.0) << 16 | u64::from(id.0)
    }
}

/// `kubectl set image`, or `rollout undo`.
pub(super) fn set_tag(id: DeploymentId, tag: u64, cx: &mut Context<'_>) {
    let store = &mut cx.cluster.store;
    let mut spec = store.template(store.deployment(id).template).spec.clone();
    // Sidecars are the platform team's, and stay what they are.
    let own = spec.init_containers.iter_mut().filter(|c| !c.is_sidecar).chain(&mut spec.containers);
    own.for_each(|container| container.image.tag = tag);
    let template = store.intern_template(spec);
    store.set_template(id, template);
}
