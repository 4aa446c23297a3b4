//! A control plane with a clock and one large node, for tests of controllers that wait. Kubelets are played by hand.

use crate::cluster::Cluster;
use crate::cluster::event::Event;
use crate::cluster::objects::{
    Container, JobSpec, Labels, Name, Node, Owner, Phase, Pod, PodId, PodSpec, Resources,
};
use crate::cluster::settings::Settings;
use crate::engine::SimTime;
use std::collections::BTreeMap;

pub struct Rig {
    pub cluster: Cluster,
    agenda: BTreeMap<(SimTime, u64), Event>,
    asked: u64,
    pub now: SimTime,
}

impl Rig {
    pub fn new() -> Rig {
        let mut cluster = Cluster::new(Settings::default());
        let name = cluster.store.intern("n1");
        let room = Resources { cpu: 1_000_000, memory: 1 << 50, pods: 10_000 };
        cluster.store.add_node(Node::new(name, Labels::default(), room));
        Rig { cluster, agenda: BTreeMap::new(), asked: 0, now: SimTime::ZERO }
    }

    /// A Job of one pod.
    pub fn spec(&mut self) -> JobSpec {
        let labels = Labels::default().with(Name::APP, Name::number(0));
        let template = PodSpec::of_container(labels, Container::default());
        JobSpec::of_template(self.cluster.store.intern_template(template))
    }

    /// Everything that happens until `ms` milliseconds from zero, inclusive.
    pub fn run_to(&mut self, ms: u64) {
        let end = SimTime::from_micros(ms * 1_000);
        loop {
            while self.cluster.take_change(self.now).is_some() {}
            for (time, event) in self.cluster.take_events().collect::<Vec<_>>() {
                self.asked += 1;
                self.agenda.insert((time.max(self.now), self.asked), event);
            }
            let Some((&(time, number), &event)) = self.agenda.first_key_value() else { break };
            if time > end {
                break;
            }
            self.agenda.remove(&(time, number));
            self.now = time;
            self.cluster.handle(event, time);
        }
        self.now = end;
    }

    /// Pods of an owner that neither ended nor were told to, oldest first.
    pub fn active(&self, owner: Owner) -> Vec<PodId> {
        let pods = self.cluster.store.pods_of(owner).filter(|(_, pod)| pod.is_active());
        let mut pods: Vec<(u32, PodId)> = pods.map(|(id, pod): (PodId, &Pod)| (pod.number, id)).collect();
        pods.sort_unstable();
        pods.into_iter().map(|(_, id)| id).collect()
    }

    pub fn end(&mut self, pod: PodId, phase: Phase) {
        self.cluster.store.set_ended(pod, phase, self.now);
    }
}
