//! Numbers that a case may hold: a cluster that would take days or gigabytes to play is refused by name.
//!
//! Start at [`check`].

use serde_json::Value;

/// A week: the longest recording lasts 20 minutes.
const SECONDS: f64 = 604_800.0;
/// Pods, nodes, services and runs of one case.
const COUNT: f64 = 20_000.0;
/// Priorities, weights, loads, millicores.
const AMOUNT: f64 = 2_147_483_648.0;
const BYTES: f64 = 1e15;

/// Keys that count things which are made.
const COUNTS: [&str; 12] = [
    "replicas",
    "initial_replicas",
    "min_replicas",
    "max_replicas",
    "current_replicas",
    "pods",
    "nodes",
    "services",
    "count",
    "runs",
    "completions",
    "parallelism",
];

/// The first number in a case that is out of bounds, with its place.
///
/// # Errors
/// What is wrong with it.
pub fn check(value: &Value, place: &str) -> Result<(), String> {
    if !value.is_object() {
        return Err(format!("cannot read its {place}: it should be an object"));
    }
    walk(value, place, "")
}

fn walk(value: &Value, place: &str, key: &str) -> Result<(), String> {
    match value {
        Value::Object(fields) => {
            fields.iter().try_for_each(|(name, field)| walk(field, &format!("{place}.{name}"), name))
        }
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, place, key)),
        Value::Number(number) => {
            let (most, number) = (bound(key), number.as_f64().unwrap_or(f64::NAN));
            if number.abs() <= most {
                return Ok(());
            }
            Err(format!("cannot read its {place}: {number} is more than {most}"))
        }
        _ => Ok(()),
    }
}

/// The most that a number under this key may be.
fn bound(key: &str) -> f64 {
    match key {
        _ if COUNTS.contains(&key) => COUNT,
        _ if key.ends_with("_s") || key == "s" || key.ends_with("_s_ago") => SECONDS,
        _ if key.contains("bytes") => BYTES,
        _ => AMOUNT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_that_would_take_for_ever_are_refused_with_their_place() {
        let told = |value: Value| check(&value, "input").expect_err("it is too much");
        assert!(told(json!({ "replicas": 4_000_000_000_u64 })).contains("input.replicas: 4000000000"));
        assert!(told(json!({ "actions": [{ "at_s": 1e300 }] })).contains("input.actions.at_s"));
        assert!(told(json!([])).contains("should be an object"));
        let fine = json!({ "at_s": -3.5, "priority": 2_000_000_000, "memory_bytes": 68_719_476_736_u64 });
        assert_eq!(check(&fine, "input"), Ok(()));
    }
}
