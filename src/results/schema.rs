//! JSON Schema (2020-12) of what `run --format json` prints: manifest, summary and differences.
//!
//! Knows names and types of columns, not what they mean: the rows say that. A test holds it against a real document.
//! Start at [`schema`].

use super::rows::{DifferenceRow, SCHEMA_VERSION, SummaryRow};
use super::write::Header;
use serde_json::{Map, Value, json};

/// Columns of text.
const TEXT: [&str; 8] =
    ["platform", "platform_a", "platform_b", "service", "metric", "unit", "statistic", "comparison"];

/// The schema of the document.
pub fn schema() -> Value {
    let rows = |columns: &[&str]| json!({ "type": "array", "items": table(columns.iter().map(|c| (*c, column(c)))) });
    let document = [
        ("schema_version", json!({ "const": SCHEMA_VERSION })),
        ("manifest", manifest()),
        ("summary", rows(SummaryRow::COLUMNS)),
        ("differences", rows(DifferenceRow::COLUMNS)),
    ];
    let mut schema =
        json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "boxherd results" });
    schema.as_object_mut().expect("it was just made one").extend(table(document));
    schema
}

/// All keys are there unless `optional` says otherwise, and no other.
fn table<'a>(keys: impl IntoIterator<Item = (&'a str, Value)>) -> Map<String, Value> {
    let properties: Map<String, Value> =
        keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let required: Vec<&String> = properties.keys().filter(|key| !OPTIONAL.contains(&key.as_str())).collect();
    let mut members = Map::new();
    members.insert("required".to_owned(), json!(required));
    members.insert("type".to_owned(), json!("object"));
    members.insert("additionalProperties".to_owned(), json!(false));
    members.insert("properties".to_owned(), Value::Object(properties));
    members
}

/// Keys of the manifest that are left out where there is nothing to say.
const OPTIONAL: [&str; 2] = ["precision", "asserts"];

fn column(name: &str) -> Value {
    match name {
        _ if TEXT.contains(&name) => json!({ "type": "string" }),
        "replications" => whole(),
        "bound" => number(),
        "passed" | "certain" => json!({ "type": "boolean" }),
        // Empty where nothing was observed or no interval can be given.
        _ => json!({ "type": ["number", "null"] }),
    }
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn texts() -> Value {
    json!({ "type": "array", "items": text() })
}

fn whole() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn number() -> Value {
    json!({ "type": "number" })
}

fn manifest() -> Value {
    let asserts = [
        "platform",
        "service",
        "metric",
        "unit",
        "statistic",
        "comparison",
        "bound",
        "value",
        "ci_low",
        "ci_high",
        "passed",
        "certain",
    ];
    let asserts = table(asserts.map(|name| (name, column(name))));
    let precision = table([
        ("target", number()),
        ("minimum", whole()),
        ("maximum", whole()),
        ("reached", json!({ "type": "boolean" })),
        ("widest", json!({ "type": ["string", "null"] })),
        ("widest_relative", json!({ "type": ["number", "null"] })),
    ]);
    let size = table([
        ("service", text()),
        ("boxes", whole()),
        ("spare_boxes", whole()),
        ("machine", text()),
        ("cores_per_box", number()),
        ("forecast_peak_rps", number()),
        ("planned_rps", number()),
        ("latency_quantile", number()),
        ("latency_goal_s", number()),
        ("expected_latency_s", json!({ "type": ["number", "null"] })),
        ("explicit", json!({ "type": "boolean" })),
    ]);
    let platform = table([
        ("name", text()),
        ("kind", text()),
        ("sizing", texts()),
        ("sizes", json!({ "type": "array", "items": size })),
        ("digests", json!({ "type": "array", "items": { "type": "string", "pattern": "^[0-9a-f]{16}$" } })),
        ("events", whole()),
    ]);
    let assumption = table([("key", text()), ("value", text()), ("meaning", text()), ("source", text())]);
    let manifest = table([
        ("schema_version", json!({ "const": SCHEMA_VERSION })),
        ("boxherd_version", text()),
        ("target", text()),
        ("scenario_name", text()),
        ("scenario", text()),
        ("scenario_hash", json!({ "type": "string", "pattern": "^[0-9a-f]{16}$" })),
        ("overrides", texts()),
        ("seed", whole()),
        ("replications", whole()),
        ("precision", Value::Object(precision)),
        ("warm_up_s", number()),
        ("horizon_s", number()),
        ("start_date", text()),
        ("price_date", text()),
        ("assumptions", json!({ "type": "array", "items": assumption })),
        ("platforms", json!({ "type": "array", "items": platform })),
        ("asserts", json!({ "type": "array", "items": asserts })),
    ]);
    Value::Object(manifest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture;

    #[test]
    fn the_manifest_has_exactly_the_keys_that_are_written() {
        let mut results = fixture::three_platforms();
        results.manifest.precision = Some(crate::results::rows::PrecisionManifest {
            target: 0.05,
            minimum: 3,
            maximum: 9,
            reached: true,
            widest: None,
            widest_relative: None,
        });
        let written = serde_json::to_value(&results.manifest).expect("string keys only");
        let mut known: Vec<String> =
            manifest()["properties"].as_object().expect("a table").keys().cloned().collect();
        known.retain(|key| key != "asserts");
        let mut keys: Vec<String> = written.as_object().expect("a table").keys().cloned().collect();
        keys.sort();
        known.sort();
        assert_eq!(keys, known);
    }
}
