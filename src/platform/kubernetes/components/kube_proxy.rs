//! kube-proxy on all nodes: makes the endpoints of a Service what callers really reach.
//!
//! Watches EndpointSlices. Reads them. Writes the route in the world. Follows pkg/proxy of v1.36.2: an update of the rules
//! begins at once if none did for a second, else when it is a second ago, and takes what has changed until it begins
//! (`syncProxyRules`); where no endpoint is ready, those that terminate and still serve are used (KEP-1669).
//!
//! *Deviation:* the rules of all nodes change at the same instant, a fixed time after the update begins.
//!
//! Start at [`KubeProxy::sync`].

use super::Context;
use crate::cluster::objects::{EndpointCondition, PodId, ServiceId};
use crate::engine::SimTime;
use crate::platform::kubernetes::event::Event;
use crate::world::{About, Api, BoxId, ServiceId as ServiceOfWorld};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// What is in the nodes' rules for each Service.
#[derive(Debug, Default)]
pub struct KubeProxy {
    services: Vec<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    /// Pods that get requests, and their boxes, once all updates that have begun are through.
    listed: BTreeMap<PodId, BoxId>,
    /// Which endpoints these are.
    used: Option<EndpointCondition>,
    /// Pods of which the rules may say something else than the endpoints.
    changed: BTreeSet<PodId>,
    /// Updates that have begun, in their order.
    updates: VecDeque<Update>,
    /// When the last one began.
    begun: Option<SimTime>,
    /// The next one will begin by itself.
    is_waiting: bool,
}

/// What an update does to the rules.
#[derive(Debug)]
struct Update {
    added: Vec<BoxId>,
    removed: Vec<BoxId>,
    /// Endpoints in the rules then.
    listed: usize,
}

impl KubeProxy {
    /// A pod is listed otherwise, or is gone: the next update of the rules looks at it (EndpointsChangeTracker).
    pub fn notice(&mut self, id: ServiceId, pod: PodId) {
        self.rules(id).changed.insert(pod);
    }

    /// Begins an update of the rules, now or when the last one is long enough ago.
    pub fn sync(&mut self, id: ServiceId, cx: &mut Context<'_>) {
        let network = &cx.parameters.network;
        let rules = self.rules(id);
        if rules.is_waiting {
            return;
        }
        // One after the other, however long they take.
        let apart = network.proxy_period.max(network.programming);
        let begin = rules.begun.map_or(cx.now, |last| last + apart);
        if begin > cx.now {
            rules.is_waiting = true;
            cx.at(begin, Event::RulesUpdate(id));
        } else {
            self.begin(id, cx);
        }
    }

    /// An update begins: it takes the endpoints as they are now.
    pub fn begin(&mut self, id: ServiceId, cx: &mut Context<'_>) {
        let update = self.plan(id, cx);
        let rules = self.rules(id);
        (rules.is_waiting, rules.begun) = (false, Some(cx.now));
        if let Some(update) = update {
            rules.updates.push_back(update);
            cx.after(cx.parameters.network.programming, Event::RulesProgrammed(id));
        }
    }

    /// The rules on all nodes are as the first of the updates under way has them.
    pub fn program(&mut self, id: ServiceId, api: &mut Api<'_>) {
        let Update { added, removed, listed } =
            self.rules(id).updates.pop_front().expect("an update that has begun comes to its end");
        let about = About::Service(ServiceOfWorld(id.0 as u16));
        let endpoints = if listed == 1 { "endpoint" } else { "endpoints" };
        api.remark(about, || {
            format!("kube-proxy: {listed} {endpoints} (+{} -{})", added.len(), removed.len())
        });
        removed.into_iter().for_each(|subject| api.unroute(subject));
        added.into_iter().for_each(|subject| api.route(subject));
    }

    /// The rules of a Service that is there at the start follow its endpoints.
    pub fn adopt(&mut self, id: ServiceId, cx: &Context<'_>, api: &mut Api<'_>) {
        if let Some(update) = self.plan(id, cx) {
            self.rules(id).updates.push_back(update);
            self.program(id, api);
        }
    }

    /// What there is to do until the rules say what the endpoints say now.
    fn plan(&mut self, id: ServiceId, cx: &Context<'_>) -> Option<Update> {
        let endpoints = cx.cluster.store.endpoints(id);
        let used = endpoints.used();
        let rules = self.rules(id);
        if rules.used.replace(used) != Some(used) {
            rules.changed.extend(rules.listed.keys().chain(endpoints.with(used)));
        }
        let (mut added, mut removed) = (Vec::new(), Vec::new());
        for pod in std::mem::take(&mut rules.changed) {
            let is_used = endpoints.condition(pod) == Some(used);
            let subject = cx.bodies.box_of(pod).filter(|_| is_used);
            match (rules.listed.get(&pod), subject) {
                (None, Some(new)) => {
                    rules.listed.insert(pod, new);
                    added.push(new);
                }
                (Some(&old), None) => {
                    rules.listed.remove(&pod);
                    removed.push(old);
                }
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        let listed = rules.listed.len();
        (!added.is_empty() || !removed.is_empty()).then_some(Update { added, removed, listed })
    }

    fn rules(&mut self, id: ServiceId) -> &mut Rules {
        if self.services.len() <= id.index() {
            self.services.resize_with(id.index() + 1, Rules::default);
        }
        &mut self.services[id.index()]
    }
}
