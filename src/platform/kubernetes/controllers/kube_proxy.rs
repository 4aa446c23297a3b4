//! kube-proxy on all nodes: makes the endpoints of a Service what callers really reach.
//!
//! Watches EndpointSlices. Reads them. Writes the route in the world. Follows pkg/proxy of v1.36.2: at once if idle, at
//! most one update a second; where no endpoint is ready, those that terminate and still serve are used (KEP-1669).
//!
//! *Deviation:* the rules of all nodes change at the same instant, a fixed time after the update begins.
//!
//! Start at [`KubeProxy::sync`].

use super::Context;
use crate::engine::SimTime;
use crate::platform::kubernetes::event::Event;
use crate::platform::kubernetes::objects::{DeploymentId, PodId};
use crate::world::{Api, BoxId};

/// What is in the nodes' rules for each Service.
#[derive(Debug, Default)]
pub struct KubeProxy {
    services: Vec<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    /// Pods and their boxes, sorted by pod.
    listed: Vec<(PodId, BoxId)>,
    last_update: Option<SimTime>,
    is_pending: bool,
}

impl KubeProxy {
    /// Begins an update of the rules, now or when the last one is long enough ago.
    pub fn sync(&mut self, id: DeploymentId, cx: &mut Context<'_>) {
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
    pub fn program(&mut self, id: DeploymentId, cx: &Context<'_>, api: &mut Api<'_>) {
        let endpoints = cx.store.endpoints(id);
        let used = if endpoints.ready.is_empty() { &endpoints.terminating } else { &endpoints.ready };
        let listed: Vec<(PodId, BoxId)> =
            used.iter().filter_map(|&p| Some((p, cx.store.pod(p)?.subject?))).collect();
        let rules = self.rules(id);
        rules.is_pending = false;
        for &(_, subject) in rules.listed.iter().filter(|old| listed.binary_search(old).is_err()) {
            api.unroute(subject);
        }
        for &(_, subject) in listed.iter().filter(|new| rules.listed.binary_search(new).is_err()) {
            api.route(subject);
        }
        rules.listed = listed;
    }

    fn rules(&mut self, id: DeploymentId) -> &mut Rules {
        if self.services.len() <= id.index() {
            self.services.resize_with(id.index() + 1, Rules::default);
        }
        &mut self.services[id.index()]
    }
}
