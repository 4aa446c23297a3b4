//! A [`Lab`] with large nodes and one Deployment, for cases about what happens to its pods.
//!
//! People are played by the cases: they write to the store, then let time pass. Start at [`Bench::run_until`].

use super::lab::{KubeletHabits, Lab, Seen};
use crate::cluster::objects::{
    Container, Deployment, DeploymentId, Labels, Name, Node, PodSpec, Resources, Strategy, TemplateId,
};
use crate::cluster::settings::Settings;
use crate::cluster::store::{Change, Store};
use crate::engine::{SimDuration, SimTime};

/// How often somebody looks whether all pods are ready.
const LOOK: SimDuration = SimDuration::from_millis(10);

pub struct Bench {
    pub lab: Lab,
    /// Number of the last moment that was waited for.
    turn: usize,
}

impl Bench {
    /// A cluster of large nodes, on which nothing runs.
    pub fn new(settings: Settings, nodes: u32, habits: KubeletHabits) -> Bench {
        let mut lab = Lab::new(settings, habits);
        for i in 1..=nodes {
            let name = lab.cluster.store.intern(&format!("n{i}"));
            let allocatable = Resources { cpu: 1_000_000, memory: 1 << 40, pods: 10_000 };
            lab.cluster.store.add_node(Node::new(name, Labels::default(), allocatable));
        }
        Bench { lab, turn: 0 }
    }

    pub fn now(&self) -> SimTime {
        self.lab.now()
    }

    pub fn store(&mut self) -> &mut Store {
        &mut self.lab.cluster.store
    }

    /// A Deployment of pods with the label `app` that ask for `cpu` [milli].
    pub fn deploy(&mut self, replicas: u32, strategy: Strategy, cpu: u32) -> DeploymentId {
        let template = self.template(cpu, 0);
        let deployment = Deployment { strategy, generation: 1, ..Deployment::of_pods(template, replicas) };
        self.store().add_deployment(deployment)
    }

    /// The template of a version of the program.
    pub fn template(&mut self, cpu: u32, version: u32) -> TemplateId {
        let mut container = Container { cpu: Some(cpu), ..Container::default() };
        container.image.tag = version.into();
        let spec = PodSpec::of_container(self.labels(), container).with_default_tolerations(300);
        self.store().intern_template(spec)
    }

    /// Labels of all pods here.
    pub fn labels(&self) -> Labels {
        Labels::default().with(Name::APP, Name::number(1))
    }

    /// Lets everything happen until `end`.
    pub fn run_until(&mut self, end: SimTime) {
        self.watch_until(end, |_, _, _| {});
    }

    /// The same; `watch` sees every change, when it was made.
    pub fn watch_until(&mut self, end: SimTime, mut watch: impl FnMut(SimTime, Change, &Store)) {
        self.turn += 1;
        self.lab.script_at(end, self.turn);
        loop {
            match self.lab.next(SimTime::MAX) {
                Some(Seen::Change(change)) => watch(self.lab.now(), change, &self.lab.cluster.store),
                Some(Seen::Script(turn)) if turn == self.turn => return,
                Some(Seen::Script(_)) => {}
                None => unreachable!("the turn comes"),
            }
        }
    }

    /// Lets pods of a Deployment come up, until all are ready.
    ///
    /// # Errors
    /// If they are not within ten minutes.
    pub fn run_until_ready(&mut self, id: DeploymentId) -> Result<(), String> {
        let give_up = self.now() + SimDuration::from_mins(10);
        let wanted = self.store().deployment(id).replicas as usize;
        while self.now() < give_up {
            self.run_until(self.now() + LOOK);
            let pods = || self.lab.cluster.store.pods_of_deployment(id);
            if pods().count() == wanted && pods().all(|(_, pod)| pod.ready && pod.is_active()) {
                return Ok(());
            }
        }
        Err(format!("{wanted} pods are not ready after 10 minutes"))
    }
}
