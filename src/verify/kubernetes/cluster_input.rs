//! How scheduling cases write nodes, pods and the rest of a cluster. Start at [`ClusterInput`].

use serde::Deserialize;
use std::collections::BTreeMap;

/// Labels as a case writes them.
pub type LabelMap = BTreeMap<String, String>;

fn max_pods() -> u32 {
    110
}

#[derive(Clone, Debug, Deserialize)]
pub struct NodeInput {
    pub name: String,
    pub cpu_millicores: u32,
    pub memory_bytes: u64,
    #[serde(default = "max_pods")]
    pub max_pods: u32,
    #[serde(default)]
    pub labels: LabelMap,
    #[serde(default)]
    pub taints: Vec<TaintInput>,
    #[serde(default)]
    pub cordoned: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub struct TaintInput {
    pub key: String,
    #[serde(default)]
    pub value: Option<String>,
    pub effect: EffectInput,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EffectInput {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

#[derive(Clone, Debug, Default, Deserialize)]
pub struct PodInput {
    pub name: String,
    #[serde(default)]
    pub cpu_millicores: Option<u32>,
    #[serde(default)]
    pub memory_bytes: Option<u64>,
    /// Where it is bound beforehand.
    #[serde(default)]
    pub node: Option<String>,
    #[serde(default)]
    pub group: Option<String>,
    #[serde(default)]
    pub labels: LabelMap,
    #[serde(default)]
    pub priority_class: Option<String>,
    #[serde(default)]
    pub priority: Option<i32>,
    #[serde(default)]
    pub may_preempt: Option<bool>,
    #[serde(default)]
    pub started_s_ago: Option<u64>,
    #[serde(default)]
    pub node_selector: LabelMap,
    #[serde(default)]
    pub node_affinity: Vec<NodeAffinityInput>,
    #[serde(default)]
    pub affinity: Vec<PodAffinityInput>,
    #[serde(default)]
    pub tolerations: Vec<TolerationInput>,
    #[serde(default)]
    pub topology_spread: Vec<SpreadInput>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct NodeAffinityInput {
    pub required: bool,
    #[serde(default)]
    pub weight: i64,
    pub expressions: Vec<ExpressionInput>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ExpressionInput {
    pub key: String,
    pub operator: Operator,
    #[serde(default)]
    pub values: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Gt,
    Lt,
}

#[derive(Clone, Debug, Deserialize)]
pub struct PodAffinityInput {
    #[serde(rename = "type")]
    pub kind: AffinityKind,
    pub required: bool,
    #[serde(default)]
    pub weight: i64,
    pub topology_key: String,
    #[serde(default)]
    pub match_labels: LabelMap,
    #[serde(default, alias = "match_expressions")]
    pub expressions: Vec<ExpressionInput>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum AffinityKind {
    PodAffinity,
    PodAntiAffinity,
}

#[derive(Clone, Debug, Deserialize)]
pub struct TolerationInput {
    #[serde(default)]
    pub key: Option<String>,
    #[serde(default)]
    pub operator: Option<String>,
    #[serde(default)]
    pub value: Option<String>,
    #[serde(default)]
    pub effect: Option<EffectInput>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct SpreadInput {
    pub topology_key: String,
    pub max_skew: i64,
    pub when_unsatisfiable: UnsatisfiableInput,
    #[serde(default)]
    pub match_labels: LabelMap,
    #[serde(default, alias = "match_expressions")]
    pub expressions: Vec<ExpressionInput>,
    #[serde(default)]
    pub match_label_keys: Vec<String>,
    #[serde(default)]
    pub min_domains: Option<u32>,
    #[serde(default, alias = "affinity_policy")]
    pub node_affinity_policy: Option<PolicyInput>,
    #[serde(default, alias = "taints_policy")]
    pub node_taints_policy: Option<PolicyInput>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum UnsatisfiableInput {
    DoNotSchedule,
    ScheduleAnyway,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub enum PolicyInput {
    #[serde(rename = "honor", alias = "Honor")]
    Honor,
    #[serde(rename = "ignore", alias = "Ignore")]
    Ignore,
}

#[derive(Clone, Debug, Deserialize)]
pub struct GroupInput {
    pub name: String,
    pub labels: LabelMap,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ServiceInput {
    pub selector: LabelMap,
}

#[derive(Clone, Debug, Deserialize)]
pub struct PriorityClassInput {
    pub name: String,
    pub value: i32,
    #[serde(default)]
    pub preempts: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct BudgetInput {
    pub selector: LabelMap,
    pub disruptions_allowed: u32,
}

/// A cluster as scheduling cases describe it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ClusterInput {
    #[serde(default)]
    pub profile: ProfileInput,
    pub nodes: Vec<NodeInput>,
    #[serde(default)]
    pub existing_pods: Vec<PodInput>,
    #[serde(default)]
    pub pods: Vec<PodInput>,
    #[serde(default)]
    pub groups: Vec<GroupInput>,
    #[serde(default)]
    pub services: Vec<ServiceInput>,
    #[serde(default)]
    pub priority_classes: Vec<PriorityClassInput>,
    #[serde(default)]
    pub disruption_budgets: Vec<BudgetInput>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileInput {
    #[default]
    Default,
    MostAllocated,
}
