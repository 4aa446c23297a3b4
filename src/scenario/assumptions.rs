//! What a scenario takes for granted: defaults that nobody has checked against a source, and that it leaves as they are.
//!
//! Start at [`assumptions`].

use super::ScenarioParameters;
use crate::parameter::{Grade, Node, ParameterDoc, Section, Table, Value};

/// A default in force that is an estimate.
pub struct Assumption {
    /// As one would set it.
    pub key: String,
    pub value: &'static str,
    pub meaning: String,
    pub source: &'static str,
}

impl Assumption {
    fn new(key: String, doc: &ParameterDoc) -> Assumption {
        let (value, source) = (doc.default.unwrap_or_default(), doc.source.unwrap_or_default());
        Assumption { key, value, meaning: doc.meaning.clone(), source }
    }
}

/// Keys that a scenario sets, `service.web.traffic.rate`; names in lists of tables are left out.
pub fn keys_set(table: &Table) -> Vec<String> {
    fn walk(prefix: &str, table: &Table, found: &mut Vec<String>) {
        for (key, Node { value, .. }) in table.iter() {
            let path = if prefix.is_empty() { key.name.clone() } else { format!("{prefix}.{}", key.name) };
            match value {
                Value::Table(inner) => walk(&path, inner, found),
                _ => found.push(path),
            }
        }
    }
    let mut found = Vec::new();
    walk("", table, &mut found);
    found
}

/// Estimates among the defaults in force: those of platforms once for each that leaves them, under its name. Of a
/// service's, a default counts as left as soon as any service leaves it.
pub fn assumptions(parameters: &ScenarioParameters, set: &[String]) -> Vec<Assumption> {
    let services: Vec<&str> = parameters.service.iter().map(|(name, _)| name).collect();
    let mut found = Vec::new();
    for doc in ScenarioParameters::describe() {
        if !doc.grade.is_some_and(Grade::is_estimate) || is_part_of_a_choice(&doc, set) {
            continue;
        }
        if let Some(rest) = doc.path.strip_prefix("platform.NAME.") {
            let condition = doc.when.as_deref().unwrap_or_default();
            for (name, platform) in parameters.platform.iter() {
                let key = format!("platform.{name}.{rest}");
                let is_of_it = condition.starts_with(&format!("kind = \"{}\"", platform.kind().name()));
                if is_of_it && !set.contains(&key) {
                    found.push(Assumption::new(key, &doc));
                }
            }
        } else {
            let is_set_by = |service: &&str| {
                let own = doc.path.replacen("NAME", service, 1);
                set.iter().any(|key| is_like(&own, key))
            };
            let is_left = if doc.path.starts_with("service.NAME.") {
                !services.iter().all(is_set_by)
            } else {
                !set.contains(&doc.path)
            };
            if is_left {
                found.push(Assumption::new(doc.path.clone(), &doc));
            }
        }
    }
    found
}

/// Whether the key is that path, in which `NAME` stands for any name.
fn is_like(path: &str, key: &str) -> bool {
    let same = |(known, given): (&str, &str)| known == given || known == "NAME";
    path.split('.').count() == key.split('.').count() && path.split('.').zip(key.split('.')).all(same)
}

/// Parts of what happens only if the scenario asks for it (an event day), and it does not.
fn is_part_of_a_choice(doc: &ParameterDoc, set: &[String]) -> bool {
    let Some((before, _)) = doc.path.rsplit_once(".NAME.") else { return false };
    if !before.contains("NAME") {
        return false; // a service's or platform's own
    }
    let depth = before.split('.').count();
    let begins = |key: &String| is_like(before, &key.split('.').take(depth).collect::<Vec<_>>().join("."));
    !set.iter().any(begins)
}

#[cfg(test)]
mod tests {
    use crate::scenario::load_text;
    use std::path::Path;

    fn keys(text: &str) -> Vec<String> {
        let head = "[service.web]\ncpu_per_request = \"40ms\"\ntraffic.rate = \"60/s\"\n[service.web.container.app]\n\
                    cpu = \"500m\"\n[platform.old]\nkind = \"pets\"\n";
        let text = format!("{head}{text}");
        let scenario = load_text("a.toml", text.as_bytes(), Path::new(""), &[]).map_err(|e| e.render(false));
        scenario.unwrap_or_else(|e| panic!("{e}")).assumptions().into_iter().map(|a| a.key).collect()
    }

    #[test]
    fn an_estimate_is_assumed_until_the_scenario_sets_it() {
        assert!(keys("").contains(&"platform.old.deploy".to_owned()));
        assert!(!keys("deploy = \"1h\"\n").contains(&"platform.old.deploy".to_owned()));
        assert!(keys("").contains(&"team.acknowledge".to_owned()));
        assert!(!keys("[team]\nacknowledge = \"1m\"\n").contains(&"team.acknowledge".to_owned()));
    }

    #[test]
    fn what_other_kinds_of_platforms_assume_is_left_out() {
        let all = keys("");
        assert!(
            all.iter().all(|key| !key.starts_with("platform.") || key.starts_with("platform.old.")),
            "{all:?}"
        );
        // Network programming is Kubernetes' own.
        assert!(!all.iter().any(|key| key.ends_with("network.programming")));
    }

    #[test]
    fn what_nobody_asked_for_is_not_assumed() {
        assert!(!keys("").iter().any(|key| key.contains("traffic.event")));
        let sale = "[service.web.traffic.event.sale]\non = [\"2026-01-08\"]\n";
        assert!(keys(sale).iter().any(|key| key.ends_with("event.NAME.ramp")));
    }

    #[test]
    fn verified_defaults_are_no_assumptions() {
        assert!(!keys("").contains(&"platform.old.load_balancer.check_period".to_owned()));
    }
}
