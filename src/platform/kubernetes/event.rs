//! The events that this platform schedules for itself, and how they travel through the queue as opaque payload.
//!
//! Start at [`Event`].

use super::objects::{DeploymentId, NodeId, PodId};
use crate::world::{Id, PlatformEvent, Version, VmId};

/// A controller with a work queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    Deployment,
    ReplicaSet,
    Scheduler,
    Kubelet,
    Endpoints,
    KubeProxy,
    TaintEviction,
    Pipeline,
}

impl Controller {
    pub const ALL: [Controller; 8] = [
        Controller::Deployment,
        Controller::ReplicaSet,
        Controller::Scheduler,
        Controller::Kubelet,
        Controller::Endpoints,
        Controller::KubeProxy,
        Controller::TaintEviction,
        Controller::Pipeline,
    ];

    fn name(self) -> &'static str {
        match self {
            Controller::Deployment => "deployment controller",
            Controller::ReplicaSet => "replicaset controller",
            Controller::Scheduler => "scheduler",
            Controller::Kubelet => "kubelets",
            Controller::Endpoints => "endpointslice controller",
            Controller::KubeProxy => "kube-proxies",
            Controller::TaintEviction => "taint eviction controller",
            Controller::Pipeline => "release pipeline",
        }
    }
}

/// One event of this platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A controller sees what waits in its queue.
    Wake(Controller),
    /// A Deployment's progress deadline may have passed.
    CheckProgress(DeploymentId),
    /// Pods have been unschedulable for long: try again.
    FlushUnschedulable,
    /// The kubelet lists containers and finds that one has ended.
    ContainerExited(PodId),
    /// The back-off of a container has passed.
    RestartContainer(PodId),
    /// The kubelet of a machine that was down runs again.
    KubeletRestarted(NodeId),
    /// The rules on all nodes now follow the endpoints of a Service.
    RulesProgrammed(DeploymentId),
    /// The node lifecycle controller looks at all nodes.
    MonitorNodes,
    /// The next node of a zone may get its NoExecute taint.
    TaintNext {
        zone: u32,
    },
    /// The toleration of the pods on a node ends.
    EvictPods(NodeId),
    /// Pod garbage collection looks for pods whose node is gone.
    CollectOrphans,
    /// The cloud node controller finds that the machine of a node is gone.
    MachineGone(NodeId),
    /// The same, where the cloud took a spot machine back.
    MachineReclaimed(NodeId),
    /// A node has been unready for long.
    RepairNode(NodeId),
    SyncHpa(DeploymentId),
    Autoscale,
    /// A machine becomes a node.
    Join(VmId),
    /// A machine should have become a node by now.
    ProvisionTimeout(VmId),
    /// An image is built and tested.
    VersionBuilt(DeploymentId, Version),
}

const FIRST_WAKE: u16 = 100;

impl Event {
    pub fn encode(self) -> PlatformEvent {
        let plain = PlatformEvent::plain;
        match self {
            Event::Wake(controller) => plain(FIRST_WAKE + controller as u16),
            Event::CheckProgress(d) => PlatformEvent::with(0, u32::from(d.0), 0),
            Event::FlushUnschedulable => plain(1),
            Event::ContainerExited(pod) => PlatformEvent::about(2, pod),
            Event::RestartContainer(pod) => PlatformEvent::about(3, pod),
            Event::KubeletRestarted(node) => PlatformEvent::about(4, node),
            Event::RulesProgrammed(d) => PlatformEvent::with(5, u32::from(d.0), 0),
            Event::MonitorNodes => plain(6),
            Event::TaintNext { zone } => PlatformEvent::with(7, zone, 0),
            Event::EvictPods(node) => PlatformEvent::about(8, node),
            Event::CollectOrphans => plain(9),
            Event::MachineGone(node) => PlatformEvent::about(10, node),
            Event::RepairNode(node) => PlatformEvent::about(11, node),
            Event::SyncHpa(d) => PlatformEvent::with(12, u32::from(d.0), 0),
            Event::Autoscale => plain(13),
            Event::Join(vm) => PlatformEvent::about(14, vm),
            Event::ProvisionTimeout(vm) => PlatformEvent::about(15, vm),
            Event::VersionBuilt(d, version) => PlatformEvent::with(16, u32::from(d.0), version.0),
            Event::MachineReclaimed(node) => PlatformEvent::about(17, node),
        }
    }

    /// # Panics
    /// If the event is not one of this platform's.
    pub fn decode(event: PlatformEvent) -> Event {
        let deployment = DeploymentId(event.a as u16);
        match event.kind {
            0 => Event::CheckProgress(deployment),
            1 => Event::FlushUnschedulable,
            2 => Event::ContainerExited(event.subject()),
            3 => Event::RestartContainer(event.subject()),
            4 => Event::KubeletRestarted(event.subject()),
            5 => Event::RulesProgrammed(deployment),
            6 => Event::MonitorNodes,
            7 => Event::TaintNext { zone: event.a },
            8 => Event::EvictPods(event.subject()),
            9 => Event::CollectOrphans,
            10 => Event::MachineGone(event.subject()),
            11 => Event::RepairNode(event.subject()),
            12 => Event::SyncHpa(deployment),
            13 => Event::Autoscale,
            14 => Event::Join(event.subject()),
            15 => Event::ProvisionTimeout(event.subject()),
            16 => Event::VersionBuilt(deployment, Version(event.b)),
            17 => Event::MachineReclaimed(event.subject()),
            kind => match kind.checked_sub(FIRST_WAKE).and_then(|i| Controller::ALL.get(usize::from(i))) {
                Some(&controller) => Event::Wake(controller),
                None => unreachable!("Kubernetes has no event {kind}"),
            },
        }
    }

    /// In words, for traces.
    pub fn describe(self) -> String {
        let index = |id: (u32, u32)| id.0;
        match self {
            Event::Wake(controller) => format!("{} woken by a watch", controller.name()),
            Event::CheckProgress(_) => "deployment controller checks a progress deadline".into(),
            Event::FlushUnschedulable => "scheduler retries pods that have waited for 5 minutes".into(),
            Event::ContainerExited(_) => "kubelet finds a container that has exited".into(),
            Event::RestartContainer(_) => "kubelet restarts a container after its back-off".into(),
            Event::KubeletRestarted(node) => format!("kubelet of node {} runs again", index(node.parts())),
            Event::RulesProgrammed(_) => "kube-proxies have programmed the endpoints of a service".into(),
            Event::MonitorNodes => "node lifecycle controller looks at all nodes".into(),
            Event::TaintNext { zone } => format!("eviction limiter of zone {zone} has a token"),
            Event::EvictPods(node) => {
                format!("toleration of the pods on node {} ends", index(node.parts()))
            }
            Event::CollectOrphans => "pod garbage collection looks for orphans".into(),
            Event::MachineGone(node) | Event::MachineReclaimed(node) => {
                format!("cloud node controller finds no machine behind node {}", index(node.parts()))
            }
            Event::RepairNode(node) => format!("node {} has been unready for long", index(node.parts())),
            Event::SyncHpa(_) => "horizontal pod autoscaler looks at a service".into(),
            Event::Autoscale => "cluster autoscaler looks at the cluster".into(),
            Event::Join(_) => "a machine joins as a node".into(),
            Event::ProvisionTimeout(_) => "a machine should have joined by now".into(),
            Event::VersionBuilt(_, version) => format!("image of version {} is built", version.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_survive_the_way_through_the_queue() {
        let (pod, node) = (PodId { index: 3, generation: 9 }, NodeId { index: 4, generation: 1 });
        let vm = VmId { index: 5, generation: 2 };
        let d = DeploymentId(6);
        let mut all = vec![
            Event::CheckProgress(d),
            Event::MachineReclaimed(node),
            Event::FlushUnschedulable,
            Event::ContainerExited(pod),
            Event::RestartContainer(pod),
            Event::KubeletRestarted(node),
            Event::RulesProgrammed(d),
            Event::MonitorNodes,
            Event::TaintNext { zone: 2 },
            Event::EvictPods(node),
            Event::CollectOrphans,
            Event::MachineGone(node),
            Event::RepairNode(node),
            Event::SyncHpa(d),
            Event::Autoscale,
            Event::Join(vm),
            Event::ProvisionTimeout(vm),
            Event::VersionBuilt(d, Version(7)),
        ];
        all.extend(Controller::ALL.map(Event::Wake));
        for event in all {
            assert_eq!(Event::decode(event.encode()), event);
        }
    }
}
