//! kube-proxy on all nodes: makes the endpoints of a Service what callers really reach.
//!
//! Watches EndpointSlices. Reads them. Writes the route in the world. Follows pkg/proxy of v1.36.2: at once if idle, at
//! most one update a second; where no endpoint is ready, those that terminate and still serve are used (KEP-1669).
//!
//! *Deviation:* the rules of all nodes change at the same instant, a fixed time after the update begins.
//!
//! Start at [`KubeProxy::sync`].

use super::Context;
use crate::cluster::objects::{EndpointCondition, PodId, ServiceId};
use crate::engine::SimTime;
use crate::platform::kubernetes::event::Event;
use crate::world::{About, Api, BoxId, ServiceId as ServiceOfWorld};
use std::collections::{BTreeMap, BTreeSet};

/// What is in the nodes' rules for each Service.
#[derive(Debug, Default)]
pub struct KubeProxy {
    services: Vec<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    /// Pods that get requests, and their boxes.
    listed: BTreeMap<PodId, BoxId>,
    /// Which endpoints these are.
    used: Option<EndpointCondition>,
    /// Pods of which the rules may say something else than the endpoints.
    changed: BTreeSet<PodId>,
    last_update: Option<SimTime>,
    is_pending: bool,
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
        if rules.is_pending {
            return;
        }
        rules.is_pending = true;
        let begin = rules.last_update.map_or(cx.now, |last| (last + network.proxy_period).max(cx.now));
        rules.last_update = Some(begin);
        let at = begin + network.programming;
        cx.at(at, Event::RulesProgrammed(id));
    }

    /// The rules follow the endpoints as they are now.
    pub fn program(&mut self, id: ServiceId, cx: &Context<'_>, api: &mut Api<'_>) {
        let endpoints = cx.cluster.store.endpoints(id);
        let used = endpoints.used();
        let rules = self.rules(id);
        rules.is_pending = false;
        if rules.used.replace(used) != Some(used) {
            rules.changed.extend(rules.listed.keys().chain(endpoints.with(used)));
        }
        let (mut added, before) = (Vec::new(), rules.listed.len());
        for pod in std::mem::take(&mut rules.changed) {
            let is_used = endpoints.condition(pod) == Some(used);
            let subject = cx.bodies.box_of(pod).filter(|_| is_used);
            match (rules.listed.get(&pod), subject) {
                (None, Some(new)) => added.push((pod, new)),
                (Some(&old), None) => {
                    rules.listed.remove(&pod);
                    api.unroute(old);
                }
                (Some(_), Some(_)) | (None, None) => {}
            }
        }
        let (listed, removed) = (rules.listed.len() + added.len(), before - rules.listed.len());
        if !added.is_empty() || removed > 0 {
            let about = About::Service(ServiceOfWorld(id.0 as u16));
            let endpoints = if listed == 1 { "endpoint" } else { "endpoints" };
            api.remark(about, || format!("kube-proxy: {listed} {endpoints} (+{} -{removed})", added.len()));
        }
        for &(_, subject) in &added {
            api.route(subject);
        }
        rules.listed.extend(added);
    }

    fn rules(&mut self, id: ServiceId) -> &mut Rules {
        if self.services.len() <= id.index() {
            self.services.resize_with(id.index() + 1, Rules::default);
        }
        &mut self.services[id.index()]
    }
}
