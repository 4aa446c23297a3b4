//! A small cluster on a stage: nodes and pods as recorded cases describe them, for the scheduler of scenarios.
//!
//! It makes the objects in the store of scenarios and lets the scheduler work on them; no other controller runs, as
//! in the recordings. Start at [`Stage::new`].

use super::cluster_input::{
    AffinityKind, ClusterInput, EffectInput, ExpressionInput, LabelMap, NodeInput, Operator, PodInput,
    PolicyInput, ProfileInput, UnsatisfiableInput,
};
use crate::cluster::Cluster;
use crate::cluster::controllers::scheduler::SchedulerController;
use crate::cluster::event::Event;
use crate::cluster::objects::{
    Container, DisruptionBudget, Effect, Keep, Labels, Name, Node, NodeAffinity, NodeId, Owner, PodAffinity,
    PodId, PodSpec, ReplicaSetId, Require, Requirement, Resources, Selector, Size, SpreadConstraint, Taint,
    Test, Toleration, WhenUnsatisfiable,
};
use crate::cluster::scheduler::{Failure, Profile, Report, SchedulerSettings, Scoring, Ties};
use crate::cluster::settings::Settings;
use crate::cluster::store::Change;
use crate::engine::{SimDuration, SimTime, Stream};
use std::collections::BTreeMap;

/// What the scheduler wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Bound {
        pod: String,
        node: String,
    },
    /// Deletion of a victim of preemption was asked for.
    Deleted {
        victim: String,
    },
}

/// The cluster; of its controllers only the scheduler works, at once and without a limit.
pub struct Stage {
    input: ClusterInput,
    cluster: Cluster,
    nodes: Vec<(String, NodeId)>,
    pods: Vec<(String, PodId)>,
    groups: BTreeMap<String, ReplicaSetId>,
    flush_at: Option<SimTime>,
}

impl Stage {
    /// Late enough for pods to have started long before.
    pub const START: SimTime = SimTime::from_micros(1_000_000_000_000);

    /// Nodes, and pods that are bound beforehand.
    pub fn new(input: &ClusterInput, ties: Ties, stream: Stream) -> Result<Stage, String> {
        let scoring = match input.profile {
            ProfileInput::Default => Scoring::LeastAllocated,
            ProfileInput::MostAllocated => Scoring::MostAllocated,
        };
        let settings = Settings {
            watch_latency: SimDuration::ZERO,
            scheduler_rate: 1e6,
            scheduler_burst: 1_000_000,
            ..Settings::default()
        };
        let profile = Profile { scoring, ..Profile::default() };
        let scheduler = SchedulerSettings { profile, ties, ..SchedulerSettings::default() };
        let mut cluster = Cluster::new(settings);
        cluster.scheduler = SchedulerController::with_profile(&cluster.settings, scheduler, stream);
        let mut stage = Stage {
            input: input.clone(),
            cluster,
            nodes: Vec::new(),
            pods: Vec::new(),
            groups: BTreeMap::new(),
            flush_at: None,
        };
        for service in &input.services {
            let selector = stage.labels(&service.selector);
            stage.cluster.store.add_service(selector);
        }
        for group in &input.groups {
            let labels = stage.labels(&group.labels);
            let spec = PodSpec::of_container(labels.clone(), Container::default());
            let set = stage.cluster.store.add_replica_set(spec, &labels, 0, Self::START);
            stage.groups.insert(group.name.clone(), set);
        }
        for budget in &input.disruption_budgets {
            let labels = stage.labels(&budget.selector);
            // Cases tell the status; what is kept no controller asks for here.
            let mut object = DisruptionBudget::new(&labels, Keep::MinAvailable(Size::Pods(0)));
            (object.status.observed, object.status.allowed) = (true, budget.disruptions_allowed);
            stage.cluster.store.add_budget(object);
        }
        input.nodes.iter().for_each(|node| stage.add_node(node));
        for pod in &input.existing_pods {
            let node = pod.node.as_deref().ok_or_else(|| format!("pod `{}` has no node", pod.name))?;
            stage.submit(pod, Self::START)?;
            stage.bind(&pod.name, node)?;
            if let Some(ago) = pod.started_s_ago {
                let id = stage.find(&pod.name)?;
                stage.cluster.store.set_started(id, Self::START - SimDuration::from_secs(ago));
            }
        }
        stage.cluster.forget_changes(Self::START);
        Ok(stage)
    }

    pub fn add_node(&mut self, input: &NodeInput) {
        let name = self.cluster.store.intern(&input.name);
        let labels = self.labels(&input.labels);
        let allocatable =
            Resources { cpu: input.cpu_millicores, memory: input.memory_bytes, pods: input.max_pods };
        let mut node = Node::new(name, labels, allocatable);
        node.cordoned = input.cordoned;
        for taint in &input.taints {
            let key = self.key(&taint.key);
            let value = self.cluster.store.intern(taint.value.as_deref().unwrap_or_default());
            node.taints.push(Taint { key, value, effect: effect(taint.effect), since: SimTime::ZERO });
        }
        self.nodes.push((input.name.clone(), self.cluster.store.add_node(node)));
    }

    fn find_node(&self, name: &str) -> Result<NodeId, String> {
        let found = self.nodes.iter().find(|(n, _)| n == name);
        found.map(|(_, id)| *id).ok_or_else(|| format!("there is no node `{name}`"))
    }

    pub fn cordon(&mut self, name: &str, cordoned: bool) -> Result<(), String> {
        let id = self.find_node(name)?;
        self.cluster.store.set_cordoned(id, cordoned);
        Ok(())
    }

    /// Makes a pod.
    pub fn submit(&mut self, input: &PodInput, now: SimTime) -> Result<(), String> {
        let (owner, spec) = self.owner_and_spec(input)?;
        let store = &mut self.cluster.store;
        let template = store.intern_template(spec);
        self.pods.push((input.name.clone(), store.create_pod(owner, template, now)));
        Ok(())
    }

    /// Binds a pod whatever the scheduler would do.
    pub fn bind(&mut self, pod: &str, node: &str) -> Result<(), String> {
        let (pod, node) = (self.find(pod)?, self.find_node(node)?);
        self.cluster.store.bind(pod, node);
        Ok(())
    }

    /// What the scheduler makes of every node for a pod.
    pub fn report(&mut self, pod: &str) -> Result<Report, String> {
        let id = self.find(pod)?;
        let Cluster { scheduler, store, .. } = &mut self.cluster;
        scheduler.report(id, store).ok_or_else(|| format!("pod `{pod}` is gone"))
    }

    /// Why a pod that waits was given no node.
    pub fn failure(&self, pod: &str) -> Option<&Failure> {
        self.cluster.scheduler.failure(self.find(pod).ok()?)
    }

    fn find(&self, name: &str) -> Result<PodId, String> {
        let found = self.pods.iter().find(|(n, _)| n == name);
        found.map(|(_, id)| *id).ok_or_else(|| format!("there is no pod `{name}`"))
    }

    /// Asks for the deletion of a pod, which goes on.
    pub fn delete(&mut self, name: &str, now: SimTime) -> Result<(), String> {
        let id = self.find(name)?;
        self.cluster.store.delete_pod(id, now);
        Ok(())
    }

    /// A pod is gone at once.
    pub fn remove(&mut self, name: &str) -> Result<(), String> {
        let id = self.find(name)?;
        if self.cluster.store.pod(id).is_some() {
            self.cluster.store.remove_pod(id);
        }
        Ok(())
    }

    pub fn node_name(&self, id: NodeId) -> &str {
        self.nodes.iter().find(|(_, n)| *n == id).map_or("", |(name, _)| name)
    }

    fn pod_name(&self, id: PodId) -> String {
        self.pods.iter().rev().find(|(_, p)| *p == id).map_or_else(String::new, |(name, _)| name.clone())
    }

    /// Goes on without the scheduler: it hears of what was done, and does nothing.
    pub fn forget(&mut self) {
        self.cluster.forget_changes(Self::START);
    }

    /// Lets the scheduler work until it has nothing to do before or at `now`.
    pub fn settle(&mut self, now: SimTime) -> Vec<Act> {
        let mut acts = Vec::new();
        while let Some(flush) = self.flush_at.filter(|&at| at <= now) {
            self.flush_at = None;
            self.cluster.handle(Event::FlushUnschedulable, flush);
            self.work(flush, &mut acts);
        }
        self.work(now, &mut acts);
        acts
    }

    fn work(&mut self, now: SimTime, acts: &mut Vec<Act>) {
        loop {
            while let Some(change) = self.cluster.take_change(now) {
                match change {
                    Change::PodBound(id) => {
                        let node = self.cluster.store.pod(id).and_then(|pod| pod.node);
                        let node = node.map(|node| self.node_name(node).to_owned()).unwrap_or_default();
                        acts.push(Act::Bound { pod: self.pod_name(id), node });
                    }
                    Change::PodTerminating(id) => acts.push(Act::Deleted { victim: self.pod_name(id) }),
                    _ => {}
                }
            }
            for (time, event) in self.cluster.take_events() {
                // Nobody else is at work.
                if event == Event::FlushUnschedulable {
                    self.flush_at = Some(time);
                }
            }
            if !self.cluster.wake_scheduler(now) {
                break;
            }
        }
    }

    /// The zone of a node, if it has the label.
    pub fn zone(&self, node: &str) -> Option<&str> {
        let input = self.input.nodes.iter().find(|n| n.name == node)?;
        input.labels.get("zone").map(String::as_str)
    }

    // From texts to objects.

    fn owner_and_spec(&mut self, input: &PodInput) -> Result<(Owner, PodSpec), String> {
        let mut labels = self.labels(&input.labels);
        let mut owner = Owner::None;
        if let Some(name) = &input.group {
            let group = self.input.groups.iter().find(|g| g.name == *name).cloned();
            let group = group.ok_or_else(|| format!("pod `{}`: no group `{name}`", input.name))?;
            self.labels(&group.labels).iter().for_each(|(key, value)| labels.set(key, value));
            owner = Owner::ReplicaSet(self.groups[name]);
        }
        Ok((owner, self.spec(input, labels)?))
    }

    fn spec(&mut self, input: &PodInput, labels: Labels) -> Result<PodSpec, String> {
        // Recordings write 0 where nothing is requested.
        let container = Container {
            cpu: input.cpu_millicores.filter(|&cpu| cpu > 0),
            memory: input.memory_bytes.filter(|&memory| memory > 0),
            ..Container::default()
        };
        let mut spec = PodSpec::of_container(labels, container);
        if let Some(name) = &input.priority_class {
            let class = self.input.priority_classes.iter().find(|c| c.name == *name);
            let class = class.ok_or_else(|| format!("pod `{}`: no priority class `{name}`", input.name))?;
            spec.priority = class.value;
            spec.preempts = class.preempts.unwrap_or(true);
        }
        spec.priority = input.priority.unwrap_or(spec.priority);
        spec.preempts = input.may_preempt.unwrap_or(spec.preempts);
        spec.node_selector = self.labels(&input.node_selector);
        let mut affinity = NodeAffinity::default();
        for term in &input.node_affinity {
            let requirements = self.requirements(&term.expressions)?;
            if term.required {
                affinity.required.push(requirements);
            } else {
                affinity.preferred.push((term.weight, requirements));
            }
        }
        spec.node_affinity = affinity;
        for term in &input.affinity {
            let require = if term.required { Require::Required } else { Require::Preferred(term.weight) };
            spec.pod_affinity.push(PodAffinity {
                anti: term.kind == AffinityKind::PodAntiAffinity,
                require,
                topology_key: self.key(&term.topology_key),
                selector: self.selector(&term.match_labels, &term.expressions)?,
            });
        }
        for toleration in &input.tolerations {
            let exists = toleration.operator.as_deref().is_some_and(|o| o.eq_ignore_ascii_case("exists"));
            let value = toleration.value.as_deref().unwrap_or_default();
            spec.tolerations.push(Toleration {
                key: toleration.key.as_deref().filter(|k| !k.is_empty()).map(|k| self.key(k)),
                value: (!exists).then(|| self.cluster.store.intern(value)),
                effect: toleration.effect.map(effect),
                seconds: None,
            });
        }
        for spread in &input.topology_spread {
            spec.spread.push(SpreadConstraint {
                topology_key: self.key(&spread.topology_key),
                max_skew: spread.max_skew,
                when_unsatisfiable: match spread.when_unsatisfiable {
                    UnsatisfiableInput::DoNotSchedule => WhenUnsatisfiable::DoNotSchedule,
                    UnsatisfiableInput::ScheduleAnyway => WhenUnsatisfiable::ScheduleAnyway,
                },
                selector: self.selector(&spread.match_labels, &spread.expressions)?,
                min_domains: spread.min_domains,
                honor_affinity: spread.node_affinity_policy != Some(PolicyInput::Ignore),
                honor_taints: spread.node_taints_policy == Some(PolicyInput::Honor),
                match_label_keys: spread.match_label_keys.iter().map(|k| self.key(k)).collect(),
            });
        }
        Ok(spec)
    }

    fn selector(&mut self, labels: &LabelMap, expressions: &[ExpressionInput]) -> Result<Selector, String> {
        let labels = Selector::of_labels(&self.labels(labels));
        Ok(labels.and(&Selector(self.requirements(expressions)?)))
    }

    fn requirements(&mut self, expressions: &[ExpressionInput]) -> Result<Vec<Requirement>, String> {
        let one = |e: &ExpressionInput| {
            let bound = || match &e.values[..] {
                [value] => value.parse().map_err(|_| format!("`{}`: `{value}` is not a number", e.key)),
                _ => Err(format!("`{}`: one number is needed", e.key)),
            };
            let key = self.key(&e.key);
            let mut values = || e.values.iter().map(|v| self.value(v)).collect();
            let test = match e.operator {
                Operator::In => Test::In(values()),
                Operator::NotIn => Test::NotIn(values()),
                Operator::Exists => Test::Exists,
                Operator::DoesNotExist => Test::DoesNotExist,
                Operator::Gt => Test::Above(bound()?),
                Operator::Lt => Test::Below(bound()?),
            };
            Ok(Requirement { key, test })
        };
        expressions.iter().map(one).collect()
    }

    fn labels(&mut self, labels: &LabelMap) -> Labels {
        labels.iter().map(|(key, value)| (self.key(key), self.value(value))).collect()
    }

    /// `zone` and `hostname` stand for the well-known labels.
    fn key(&mut self, key: &str) -> Name {
        match key {
            "zone" => Name::ZONE,
            "hostname" => Name::HOSTNAME,
            other => self.cluster.store.intern(other),
        }
    }

    /// A whole number is a number, so that it can be compared.
    fn value(&mut self, text: &str) -> Name {
        match text.parse::<u32>() {
            Ok(n) if n < 1 << 31 && n.to_string() == text => Name::number(n),
            _ => self.cluster.store.intern(text),
        }
    }
}

fn effect(effect: EffectInput) -> Effect {
    match effect {
        EffectInput::NoSchedule => Effect::NoSchedule,
        EffectInput::PreferNoSchedule => Effect::PreferNoSchedule,
        EffectInput::NoExecute => Effect::NoExecute,
    }
}
