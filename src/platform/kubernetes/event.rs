//! The events that this platform schedules for itself, and how they travel through the queue as opaque payload.
//!
//! Start at [`Event`].

use crate::cluster::event::Event as ClusterEvent;
use crate::cluster::objects::{DeploymentId, NodeId, PodId, ServiceId};
use crate::world::{PlatformEvent, Version, VmId};

/// One event of this platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An event of the control plane.
    Cluster(ClusterEvent),
    /// Components see what waits in their queues.
    Wake,
    /// The kubelet lists containers and finds that one has ended.
    ContainerExited(PodId),
    /// The back-off of a container has passed.
    RestartContainer(PodId),
    /// A kubelet tries again to pull an image.
    PullAgain(PodId),
    /// A kubelet has waited long enough for the registry.
    PullUnanswered(PodId),
    /// A pull on a node may be complete.
    PullsComeOn(NodeId),
    /// Nothing is left of a pod on its node.
    PodTornDown(PodId),
    /// A container failed its startup or liveness probe.
    KillContainer(PodId),
    /// A node is short of memory, and this pod is the first to go.
    Evict(PodId),
    /// A node has not been short of memory for a while.
    PressureOver(NodeId),
    /// The kubelet of a machine that was down runs again.
    KubeletRestarted(NodeId),
    /// A kubelet that was not heard for a while says how its pods are.
    StatusSynced(NodeId),
    /// The node group looks whether a machine that did not answer still does not.
    MachineFailed(VmId),
    /// An update of the rules of a Service begins.
    RulesUpdate(ServiceId),
    /// It is through on all nodes.
    RulesProgrammed(ServiceId),
    /// The cloud node controller finds that the machine of a node is gone.
    MachineGone(NodeId),
    /// The same, where the cloud took a spot machine back.
    MachineReclaimed(NodeId),
    /// A node has been unready for long.
    RepairNode(NodeId),
    SyncHpa(DeploymentId),
    Autoscale,
    /// The pods of a node that is drained are looked at.
    Drain(NodeId),
    /// Nodes are to get a new image.
    UpgradeDue,
    /// The upgrade of nodes can go on.
    UpgradeStep,
    /// An old node has been empty for long enough.
    UpgradeTerminate(NodeId),
    /// A machine becomes a node.
    Join(VmId),
    /// A machine should have become a node by now.
    ProvisionTimeout(VmId),
    /// An image is built and tested.
    VersionBuilt(DeploymentId, Version),
    /// A canary was watched, a second set tested, or an old one kept for long enough.
    RolloutStep(DeploymentId, Version),
    /// The image of a service may have become too old.
    ImageDue(DeploymentId),
    /// It was built again.
    ImageRenewed(DeploymentId),
}

/// Numbers below are the control plane's.
const OWN: u16 = ClusterEvent::KINDS;

impl Event {
    pub fn encode(self) -> PlatformEvent {
        let plain = PlatformEvent::plain;
        match self {
            Event::Cluster(event) => {
                let (kind, a, b) = event.encode();
                PlatformEvent::with(kind, a, b)
            }
            Event::Wake => plain(OWN + 29),
            Event::ContainerExited(pod) => PlatformEvent::about(OWN, pod),
            Event::RestartContainer(pod) => PlatformEvent::about(OWN + 1, pod),
            Event::KubeletRestarted(node) => PlatformEvent::about(OWN + 2, node),
            Event::RulesProgrammed(s) => PlatformEvent::with(OWN + 3, s.0, 0),
            Event::StatusSynced(node) => PlatformEvent::about(OWN + 27, node),
            Event::MachineFailed(vm) => PlatformEvent::about(OWN + 28, vm),
            Event::RulesUpdate(s) => PlatformEvent::with(OWN + 26, s.0, 0),
            Event::MachineGone(node) => PlatformEvent::about(OWN + 4, node),
            Event::MachineReclaimed(node) => PlatformEvent::about(OWN + 5, node),
            Event::RepairNode(node) => PlatformEvent::about(OWN + 6, node),
            Event::SyncHpa(d) => PlatformEvent::with(OWN + 7, d.0, 0),
            Event::Autoscale => plain(OWN + 8),
            Event::Join(vm) => PlatformEvent::about(OWN + 9, vm),
            Event::ProvisionTimeout(vm) => PlatformEvent::about(OWN + 10, vm),
            Event::VersionBuilt(d, version) => PlatformEvent::with(OWN + 11, d.0, version.0),
            Event::RolloutStep(d, version) => PlatformEvent::with(OWN + 21, d.0, version.0),
            Event::ImageDue(d) => PlatformEvent::with(OWN + 22, d.0, 0),
            Event::ImageRenewed(d) => PlatformEvent::with(OWN + 23, d.0, 0),
            Event::Drain(node) => PlatformEvent::about(OWN + 12, node),
            Event::UpgradeDue => plain(OWN + 13),
            Event::UpgradeStep => plain(OWN + 14),
            Event::UpgradeTerminate(node) => PlatformEvent::about(OWN + 15, node),
            Event::PullAgain(pod) => PlatformEvent::about(OWN + 16, pod),
            Event::PullUnanswered(pod) => PlatformEvent::about(OWN + 24, pod),
            Event::PullsComeOn(node) => PlatformEvent::about(OWN + 17, node),
            Event::PodTornDown(pod) => PlatformEvent::about(OWN + 25, pod),
            Event::KillContainer(pod) => PlatformEvent::about(OWN + 18, pod),
            Event::Evict(pod) => PlatformEvent::about(OWN + 19, pod),
            Event::PressureOver(node) => PlatformEvent::about(OWN + 20, node),
        }
    }

    /// # Panics
    /// If the event is not one of this platform's.
    pub fn decode(event: PlatformEvent) -> Event {
        let Some(own) = event.kind.checked_sub(OWN) else {
            return Event::Cluster(ClusterEvent::decode(event.kind, event.a, event.b));
        };
        let deployment = DeploymentId(event.a);
        match own {
            0 => Event::ContainerExited(event.subject()),
            1 => Event::RestartContainer(event.subject()),
            2 => Event::KubeletRestarted(event.subject()),
            3 => Event::RulesProgrammed(ServiceId(event.a)),
            4 => Event::MachineGone(event.subject()),
            5 => Event::MachineReclaimed(event.subject()),
            6 => Event::RepairNode(event.subject()),
            7 => Event::SyncHpa(deployment),
            8 => Event::Autoscale,
            9 => Event::Join(event.subject()),
            10 => Event::ProvisionTimeout(event.subject()),
            11 => Event::VersionBuilt(deployment, Version(event.b)),
            12 => Event::Drain(event.subject()),
            13 => Event::UpgradeDue,
            14 => Event::UpgradeStep,
            15 => Event::UpgradeTerminate(event.subject()),
            16 => Event::PullAgain(event.subject()),
            17 => Event::PullsComeOn(event.subject()),
            18 => Event::KillContainer(event.subject()),
            19 => Event::Evict(event.subject()),
            20 => Event::PressureOver(event.subject()),
            21 => Event::RolloutStep(deployment, Version(event.b)),
            22 => Event::ImageDue(deployment),
            23 => Event::ImageRenewed(deployment),
            24 => Event::PullUnanswered(event.subject()),
            25 => Event::PodTornDown(event.subject()),
            26 => Event::RulesUpdate(ServiceId(event.a)),
            27 => Event::StatusSynced(event.subject()),
            28 => Event::MachineFailed(event.subject()),
            29 => Event::Wake,
            own => unreachable!("Kubernetes has no event {own} of its own"),
        }
    }

    /// In words, for traces; `None` for looks and wake-ups: what comes of them is told when it comes.
    pub fn describe(self) -> Option<String> {
        let words = match self {
            Event::ContainerExited(_) => "kubelet finds a container that has exited".into(),
            Event::RestartContainer(_) => "kubelet restarts a container after its back-off".into(),
            Event::KillContainer(_) => "kubelet kills a container that does not pass its probe".into(),
            Event::Evict(_) => "Evicted: The node was low on resource: memory".into(),
            Event::VersionBuilt(_, version) => format!("image of version {} is built", version.0),
            Event::Cluster(_)
            | Event::Wake
            | Event::PullAgain(_)
            | Event::PullUnanswered(_)
            | Event::PodTornDown(_)
            | Event::KubeletRestarted(_)
            | Event::RulesUpdate(_)
            | Event::StatusSynced(_)
            | Event::MachineFailed(_)
            | Event::RulesProgrammed(_)
            | Event::MachineGone(_)
            | Event::MachineReclaimed(_)
            | Event::RepairNode(_)
            | Event::SyncHpa(_)
            | Event::Autoscale
            | Event::Drain(_)
            | Event::RolloutStep(..)
            | Event::ImageDue(_)
            | Event::ImageRenewed(_)
            | Event::UpgradeDue
            | Event::UpgradeStep
            | Event::UpgradeTerminate(_)
            | Event::Join(_)
            | Event::ProvisionTimeout(_)
            | Event::PullsComeOn(_)
            | Event::PressureOver(_) => return None,
        };
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Id;

    #[test]
    fn events_survive_the_way_through_the_queue() {
        let (pod, node) = (PodId::new(3, 9), NodeId::new(4, 1));
        let vm = VmId::new(5, 2);
        let d = DeploymentId(6);
        let mut all = vec![
            Event::Cluster(ClusterEvent::CheckProgress(d)),
            Event::MachineReclaimed(node),
            Event::ContainerExited(pod),
            Event::RestartContainer(pod),
            Event::PullAgain(pod),
            Event::PullUnanswered(pod),
            Event::PullsComeOn(node),
            Event::KillContainer(pod),
            Event::Evict(pod),
            Event::PressureOver(node),
            Event::KubeletRestarted(node),
            Event::RulesUpdate(ServiceId(5)),
            Event::StatusSynced(node),
            Event::MachineFailed(vm),
            Event::RulesProgrammed(ServiceId(6)),
            Event::MachineGone(node),
            Event::RepairNode(node),
            Event::SyncHpa(d),
            Event::Autoscale,
            Event::Join(vm),
            Event::ProvisionTimeout(vm),
            Event::VersionBuilt(d, Version(7)),
            Event::RolloutStep(d, Version(8)),
            Event::ImageDue(d),
            Event::ImageRenewed(d),
            Event::Drain(node),
            Event::UpgradeDue,
            Event::UpgradeStep,
            Event::UpgradeTerminate(node),
        ];
        all.push(Event::Wake);
        for event in all {
            assert_eq!(Event::decode(event.encode()), event);
        }
    }
}
