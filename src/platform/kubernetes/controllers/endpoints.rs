//! EndpointSlice controller: which pods of a Service get requests.
//!
//! Watches pods. Reads their readiness. Writes the Service's endpoints. Follows pkg/controller/endpointslice and
//! podToEndpoint of v1.36.2: ready and not terminating; those that terminate and still serve are listed apart.
//!
//! *Deviation:* one slice a Service, however many pods; no minimum time between two writes of a slice.
//!
//! Start at [`sync`].

use super::Context;
use crate::platform::kubernetes::objects::{DeploymentId, Endpoints};

/// Lists the endpoints of one Service anew.
pub fn sync(id: DeploymentId, cx: &mut Context<'_>) {
    let mut endpoints = Endpoints::default();
    for (pod_id, pod) in cx.store.pods_of_deployment(id) {
        if pod.is_endpoint() {
            endpoints.ready.push(pod_id);
        } else if pod.ready {
            endpoints.terminating.push(pod_id);
        }
    }
    endpoints.ready.sort_unstable();
    endpoints.terminating.sort_unstable();
    cx.store.set_endpoints(id, endpoints);
}
