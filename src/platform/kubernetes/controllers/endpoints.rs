//! EndpointSlice controller: which pods of a Service get requests.
//!
//! Watches pods. Reads their readiness. Writes the Service's endpoints. Follows pkg/controller/endpointslice and
//! podToEndpoint of v1.36.2: ready and not terminating; those that terminate and still serve are listed apart.
//!
//! *Deviation:* one slice a Service, however many pods; no minimum time between two writes of a slice.
//!
//! Start at [`sync`].

use super::Context;
use crate::platform::kubernetes::objects::{DeploymentId, Pod, PodId};

/// Lists the pods of one Service as they are, where they are listed otherwise.
pub fn sync(id: DeploymentId, cx: &mut Context<'_>) {
    let unlisted: Vec<PodId> = cx.store.unlisted(id).iter().copied().collect();
    for pod in unlisted {
        let condition = cx.store.pod(pod).and_then(Pod::endpoint);
        cx.store.set_endpoint(id, pod, condition);
    }
}
