//! Canary, blue and green: two Deployments behind one Service.
//!
//! A canary is a small second Deployment whose pods the Service selects too, so that its share of the pods is its share of
//! the requests. It is judged by what the logs say, grows in steps, and goes when the first Deployment gets its template,
//! or at once if it is bad. Blue and green bear a color that the Service selects; the second set is filled and tested,
//! the selector changed, and the old set kept for a while. The autoscaler's target moves with the selector.
//!
//! *Deviation:* the test finds whether pods become ready and stay so; synthetic requests are not simulated. Pods of a
//! canary come beside the others: nothing is taken from the first Deployment for them.
//!
//! Start at [`Pipeline::begin_second`].

use super::bodies::world_service;
use super::components::Context;
use super::components::hpa::HpaController;
use super::event::Event;
use super::release::{Pipeline, Releases, Stage, Task, set_tag};
use super::start::colored;
use crate::cluster::objects::{DeploymentId, ServiceId};
use crate::engine::SimDuration;
pub use crate::platform::rollout::Strategy;
use crate::platform::rollout::{Verdict, Watch};
use crate::world::observation::RolloutStep;
use crate::world::{About, Activity, Api, Urgency, Version};

impl Releases {
    /// Comes back after a while, unless something else was agreed on meanwhile.
    fn come_back(&mut self, id: DeploymentId, span: SimDuration, cx: &mut Context<'_>) {
        self.due = cx.now + span;
        let version = self.version;
        cx.after(span, Event::RolloutStep(id, version));
    }

    /// The second Deployment of services that have one.
    fn second(&self) -> DeploymentId {
        self.second.expect("the strategy has one")
    }
}

/// Whether every pod that is wanted is there with the present template.
fn is_filled(id: DeploymentId, cx: &Context<'_>) -> bool {
    let d = cx.cluster.store.deployment(id);
    let all = d.status.updated == d.replicas && d.status.available >= d.replicas;
    d.replicas > 0 && all && d.status.observed_generation == d.generation
}

impl Pipeline {
    /// Whether releases of this cluster begin in a second Deployment.
    pub(super) fn has_second(cx: &Context<'_>) -> bool {
        matches!(cx.parameters.rollout.strategy, Strategy::Canary | Strategy::BlueGreen)
    }

    /// The version goes into the second Deployment first.
    pub(super) fn begin_second(&mut self, id: DeploymentId, cx: &mut Context<'_>) {
        let releases = &mut self.services[id.index()];
        (releases.stage, releases.step) = (Stage::Filling, 0);
        set_tag(releases.second(), releases.tag(releases.version), cx);
        self.fill_second(id, cx);
    }

    fn fill_second(&mut self, id: DeploymentId, cx: &mut Context<'_>) {
        let deadline = self.practice.rollout_deadline;
        let releases = &mut self.services[id.index()];
        let others = cx.cluster.store.deployment(releases.live).replicas;
        let p = &cx.parameters.rollout;
        let wanted = match p.strategy {
            Strategy::Canary => p.canary.boxes_beside(releases.step, others).expect("there is another step"),
            _ => others,
        };
        cx.cluster.store.scale_deployment(releases.second(), wanted);
        releases.come_back(id, deadline, cx);
    }

    /// Pods of the second Deployment changed: once all are available they are watched or tested.
    pub(super) fn sync_second(&mut self, id: DeploymentId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let releases = &mut self.services[id.index()];
        if releases.stage != Stage::Filling || !is_filled(releases.second(), cx) {
            return;
        }
        let service = world_service(id);
        let pods = cx.cluster.store.deployment(releases.second()).replicas;
        let others = cx.cluster.store.deployment(releases.live).replicas;
        let p = &cx.parameters.rollout;
        if p.strategy == Strategy::Canary {
            releases.stage = Stage::Watching;
            releases.watch = Watch::begin(&p.canary, service, releases.version, api);
            let span = releases.watch.next.since(cx.now);
            api.remark(About::Service(service), || {
                format!("canary: {pods} of {} pods have version {}", pods + others, releases.version.0)
            });
            releases.come_back(id, span, cx);
        } else if pods < others {
            self.fill_second(id, cx); // the autoscaler made more meanwhile
        } else {
            let test = p.blue_green.test;
            releases.stage = Stage::Watching;
            api.remark(About::Service(service), || {
                format!("the second set of {pods} is ready, and is tested")
            });
            releases.come_back(id, test, cx);
        }
    }

    /// The time is over that something was watched, tested, kept, or waited for.
    pub fn on_step(
        &mut self,
        id: DeploymentId,
        version: Version,
        hpa: &mut HpaController,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        let strategy = cx.parameters.rollout.strategy;
        let releases = &mut self.services[id.index()];
        if releases.version != version || releases.due != cx.now {
            return;
        }
        match (releases.stage, strategy) {
            (Stage::Filling, Strategy::Canary) => {
                let service = About::Service(world_service(id));
                api.remark(service, || "canary: its pods do not become ready in time: taken back".into());
                self.take_back_second(id, cx, api);
            }
            (Stage::Filling, _) if !releases.is_looking => self.page_for_rollout(id, api),
            (Stage::Watching, Strategy::Canary) => self.judge_canary(id, cx, api),
            (Stage::Watching, _) => {
                if is_filled(releases.second(), cx) {
                    self.switch(id, hpa, cx, api);
                    let releases = &mut self.services[id.index()];
                    releases.stage = Stage::Kept;
                    api.declare_rollout(world_service(id), version, RolloutStep::Completes);
                    releases.come_back(id, cx.parameters.rollout.blue_green.keep, cx);
                } else {
                    releases.stage = Stage::Filling;
                    self.fill_second(id, cx);
                }
            }
            (Stage::Kept, _) => {
                // Unless somebody is finding out whether it is needed.
                if releases.is_looking {
                    return releases.come_back(id, self.practice.rollout_deadline, cx);
                }
                let second = releases.second();
                releases.stage = Stage::Idle;
                cx.cluster.store.scale_deployment(second, 0);
                self.bring_out_waiting(id, cx, api);
            }
            (Stage::Filling | Stage::Idle | Stage::RollingOut | Stage::RollingBack, _) => {}
        }
    }

    fn judge_canary(&mut self, id: DeploymentId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        let service = world_service(id);
        let p = &cx.parameters.rollout.canary;
        let releases = &mut self.services[id.index()];
        let Some(analysis) = releases.watch.look(p, service, api) else {
            let span = releases.watch.next.since(cx.now);
            return releases.come_back(id, span, cx);
        };
        releases.step += 1;
        let others = cx.cluster.store.deployment(releases.live).replicas;
        let next = p.boxes_beside(releases.step, others);
        let good = analysis.verdict == Verdict::Pass;
        api.remark(About::Service(service), || {
            let what = match (good, next) {
                (false, _) => "taken back".to_owned(),
                (true, Some(pods)) => format!("on to {pods} of {}", pods + others),
                (true, None) => "on to all".to_owned(),
            };
            format!("canary analysis: {analysis}: {what}")
        });
        if !good {
            return self.take_back_second(id, cx, api);
        }
        if next.is_some() {
            releases.stage = Stage::Filling;
            self.fill_second(id, cx);
        } else {
            releases.stage = Stage::RollingOut;
            set_tag(releases.live, releases.tag(releases.version), cx);
        }
    }

    /// The canary goes without anybody's doing.
    /// Nobody has to do it. Somebody reads why, when there is time.
    fn take_back_second(&mut self, id: DeploymentId, cx: &mut Context<'_>, api: &mut Api<'_>) {
        self.ask_why(Task::Read, id, (Activity::Rollback, Urgency::OfficeHours), api);
        let releases = &mut self.services[id.index()];
        releases.stage = Stage::RollingBack;
        api.declare_rollout(world_service(id), releases.version, RolloutStep::RollbackBegins);
        api.end_comparison(world_service(id));
        cx.cluster.store.scale_deployment(releases.second(), 0);
    }

    /// The Service selects the other Deployment, and the autoscaler follows.
    pub(super) fn switch(
        &mut self,
        id: DeploymentId,
        hpa: &mut HpaController,
        cx: &mut Context<'_>,
        api: &mut Api<'_>,
    ) {
        let service = world_service(id);
        let releases = &mut self.services[id.index()];
        let second = releases.second();
        releases.second = Some(std::mem::replace(&mut releases.live, second));
        let color = u32::from(releases.live != id);
        cx.cluster.store.set_selector(ServiceId(id.0), &colored(service, color));
        let pods = cx.cluster.store.deployment(releases.live).replicas;
        hpa.retarget(id, releases.live, cx);
        api.declare_desired(service, pods);
        api.remark(About::Service(service), || {
            let version = super::bodies::program(
                cx.cluster.store.template(cx.cluster.store.deployment(releases.live).template),
            );
            format!("all requests are switched to the set of {pods} with version {}", version.1.0)
        });
    }
}
