//! JSON Schema (2020-12) of a file of parameters, for editors that complete and check while one types.
//!
//! Follows from the same declarations as reading and `explain`. Says the form of a value and which keys there are;
//! ranges and names that refer to something stay the business of reading. Knows no parameter. Start at [`schema`].

use super::doc::ParameterDoc;
use serde_json::{Map, Value, json};

/// The schema of a file that has these parameters.
pub fn schema(title: &str, docs: &[ParameterDoc]) -> Value {
    let mut root = Tree::default();
    for doc in docs {
        let (kind_at, kind) = kind_of(doc, docs);
        root.insert(&segments(&doc.path), kind_at, kind, doc);
    }
    let mut schema = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "title": title });
    let members = schema.as_object_mut().expect("it was just made one");
    members.extend(root.object());
    schema
}

/// What lies at a path.
#[derive(Default)]
struct Tree<'d> {
    leaf: Option<&'d ParameterDoc>,
    /// Keys in the order of declaration.
    fields: Vec<(String, Tree<'d>)>,
    /// Keys that exist with one kind only: (key that chooses, its value, keys).
    kinds: Vec<(&'d str, &'d str, Tree<'d>)>,
    /// `NAME`: any key may stand here.
    named: Option<Box<Tree<'d>>>,
    /// `[N]`.
    items: Option<Box<Tree<'d>>>,
}

/// `service.NAME.rate` and `assert[N].metric` as steps.
fn segments(path: &str) -> Vec<&str> {
    path.split('.')
        .flat_map(|part| part.strip_suffix("[N]").map_or(vec![part], |list| vec![list, "[N]"]))
        .collect()
}

/// After how many steps a parameter depends on a kind, and on which: `kind = "pets"`.
fn kind_of<'d>(doc: &'d ParameterDoc, docs: &[ParameterDoc]) -> (usize, Option<(&'d str, &'d str)>) {
    let Some((key, value)) = doc.when.as_deref().and_then(|when| when.split_once(" = ")) else {
        return (usize::MAX, None);
    };
    let steps: Vec<&str> = doc.path.split('.').collect();
    // The nearest table above that has the key as one that chooses, which has no default: others may be called so too.
    let depth = (0..steps.len()).rev().find(|&depth| {
        let chooser = steps[..depth].iter().chain([&key]).copied().collect::<Vec<_>>().join(".");
        docs.iter().any(|other| other.path == chooser && other.required)
    });
    let depth = depth.expect("what depends on a kind stands below its key");
    (segments(&steps[..depth].join(".")).len(), Some((key, value.trim_matches('"'))))
}

impl<'d> Tree<'d> {
    fn insert(
        &mut self,
        steps: &[&str],
        kind_at: usize,
        kind: Option<(&'d str, &'d str)>,
        doc: &'d ParameterDoc,
    ) {
        if let (0, Some((key, value))) = (kind_at, kind) {
            let known = self.kinds.iter().position(|(_, other, _)| *other == value);
            let index = known.unwrap_or_else(|| {
                self.kinds.push((key, value, Tree::default()));
                self.kinds.len() - 1
            });
            return self.kinds[index].2.insert(steps, usize::MAX, None, doc);
        }
        let Some((step, rest)) = steps.split_first() else {
            self.leaf = Some(doc);
            return;
        };
        let next = match *step {
            "NAME" => &mut **self.named.get_or_insert_default(),
            "[N]" => &mut **self.items.get_or_insert_default(),
            name => {
                let known = self.fields.iter().position(|(other, _)| other == name);
                let index = known.unwrap_or_else(|| {
                    self.fields.push((name.to_owned(), Tree::default()));
                    self.fields.len() - 1
                });
                &mut self.fields[index].1
            }
        };
        next.insert(rest, kind_at.saturating_sub(1), kind, doc);
    }

    fn value(&self) -> Value {
        match (self.leaf, &self.items) {
            (Some(doc), _) => leaf(doc),
            (None, Some(items)) => json!({ "type": "array", "items": items.value() }),
            (None, None) => Value::Object(self.object()),
        }
    }

    /// A table with exactly these keys.
    fn object(&self) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("type".to_owned(), json!("object"));
        if let Some(named) = &self.named {
            members.insert("additionalProperties".to_owned(), named.value());
            return members;
        }
        if self.kinds.is_empty() {
            members.extend(self.keys(&[]));
            return members;
        }
        // Each kind lists all its keys: `additionalProperties` sees no other list than the one beside it.
        let of_kind = |(key, value, tree): &(&str, &str, Tree<'_>)| {
            let mut branch = self.keys(&tree.fields);
            branch["properties"][*key]["const"] = json!(value);
            Value::Object(branch)
        };
        members.insert("oneOf".to_owned(), self.kinds.iter().map(of_kind).collect());
        members
    }

    fn keys(&self, more: &[(String, Tree<'_>)]) -> Map<String, Value> {
        let all = || self.fields.iter().chain(more);
        let properties: Map<String, Value> = all().map(|(key, tree)| (key.clone(), tree.value())).collect();
        let required: Vec<&String> =
            all().filter(|(_, tree)| tree.leaf.is_some_and(|doc| doc.required)).map(|(key, _)| key).collect();
        let mut members = Map::new();
        members.insert("properties".to_owned(), Value::Object(properties));
        members.insert("additionalProperties".to_owned(), json!(false));
        if !required.is_empty() {
            members.insert("required".to_owned(), json!(required));
        }
        members
    }
}

/// One value with its meaning, form, default and examples.
fn leaf(doc: &ParameterDoc) -> Value {
    let range = doc.range.map_or(String::new(), |range| format!("; {range}"));
    let mut schema = form(&doc.expected).unwrap_or_else(|| json!({}));
    schema["description"] = json!(format!("{} Expected: {}{range}.", doc.meaning, doc.expected));
    if let Some(default) = doc.default {
        schema["default"] = as_json(default);
    }
    let examples: Vec<Value> = examples(&doc.expected).map(as_json).collect();
    if schema.get("enum").is_none() && !examples.is_empty() && schema["type"] != "array" {
        schema["examples"] = json!(examples);
    }
    schema
}

fn examples(expected: &str) -> impl Iterator<Item = &str> {
    expected.split('`').skip(1).step_by(2)
}

/// A default as it is declared: a number, a boolean or a list if it reads as one, else text.
fn as_json(text: &str) -> Value {
    serde_json::from_str(&text.replace('\'', "\"")).unwrap_or_else(|_| json!(text))
}

const NUMBER: &str = r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?";
const TIME: &str = "(us|µs|μs|ms|s|sec|second|seconds|m|min|minute|minutes|h|hour|hours|d|day|days|w|week|weeks|\
                    month|months|y|year|years)";

/// Type and pattern of a value by what is expected of it; `None` for a form that is not known here, which a test
/// rules out.
fn form(expected: &str) -> Option<Value> {
    if let Some(item) = expected.strip_prefix("a list in brackets, of which each item is ") {
        return Some(json!({ "type": "array", "items": form(item)? }));
    }
    if expected.starts_with("one of ") {
        return Some(json!({ "enum": examples(expected).collect::<Vec<_>>() }));
    }
    let text = |pattern: &str| json!({ "type": "string", "pattern": format!(r"^\s*{pattern}\s*$") });
    let number_or = |pattern: &str| json!({ "type": ["number", "string"], "minimum": 0, "pattern": format!(r"^\s*{pattern}\s*$") });
    let distribution = r"([0-9]|exponential\s*\(|lognormal\s*\(|uniform\s*\(|weibull\s*\().*";
    let starts = |with: &str| expected.starts_with(with);
    Some(match () {
        () if starts("`true` or") => json!({ "type": "boolean" }),
        () if starts("a whole number such as `1` or a share") => json!({
            "type": ["integer", "string"], "minimum": 0, "pattern": format!(r"^\s*([0-9]+|{NUMBER}\s*%)\s*$")
        }),
        () if starts("a whole number") => json!({ "type": "integer", "minimum": 0 }),
        () if starts("a number") => json!({ "type": "number" }),
        () if starts("text in") => json!({ "type": "string" }),
        () if starts("a value with its unit") => json!({ "type": ["number", "string"], "pattern": r"\S" }),
        () if starts("a step such as") => text(&format!(r"{NUMBER}\s*%?\s*:\s*[+-].*")),
        () if starts("a duration") => text(&format!(r"({NUMBER}\s*{TIME}\s*)+")),
        () if starts("a rate") => text(&format!(r"{NUMBER}\s*/\s*{TIME}")),
        () if starts("a fraction") || starts("a factor") => number_or(&format!(r"{NUMBER}\s*%?")),
        () if starts("CPUs") => number_or(&format!(r"{NUMBER}\s*[numk]?")),
        () if starts("bytes") => text(&format!(r"{NUMBER}\s*(([kKMGTPE]i?B?)|B)")),
        () if starts("dollars per time") => text(&format!(r"(\$\s*{NUMBER}|{NUMBER}\s*USD)\s*/\s*{TIME}")),
        () if starts("dollars") => text(&format!(r"(\$\s*{NUMBER}|{NUMBER}\s*USD)")),
        () if starts("a time of day") => text("[0-9]{2}:[0-9]{2}(:[0-9]{2})?"),
        () if starts("a date and time") => {
            text("[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?")
        }
        () if starts("a date such as `2026-11-27`, or") => text("([0-9]{4}-)?[0-9]{2}-[0-9]{2}"),
        () if starts("a date") => text("[0-9]{4}-[0-9]{2}-[0-9]{2}"),
        () if starts("a day of the year") => text("[0-9]{2}-[0-9]{2}"),
        () if starts("an offset") => text("(UTC|Z|[+-][0-9]{2}:[0-9]{2})"),
        () if starts("a hazard") => text(r"(exponential|weibull\s*\(.*\)|lognormal\s*\(.*\))"),
        () if starts("a distribution of numbers") => number_or(distribution),
        () if starts("a distribution") || starts("memory per time") => text(distribution),
        () => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doc(path: &str, when: Option<&str>, required: bool) -> ParameterDoc {
        ParameterDoc {
            path: path.to_owned(),
            meaning: "What it is.".to_owned(),
            expected: "a whole number such as `3`".to_owned(),
            range: Some("from 1 to 9"),
            when: when.map(str::to_owned),
            default: (!required).then_some("4"),
            required,
            source: None,
            grade: None,
            presets: Vec::new(),
            accepts: |_| Ok(()),
        }
    }

    #[test]
    fn paths_become_tables_maps_and_lists_that_refuse_other_keys() {
        let schema = schema(
            "Shop",
            &[
                doc("run.seed", None, false),
                doc("service.NAME.rate", None, true),
                doc("event[N].at", None, false),
            ],
        );
        assert_eq!(schema["additionalProperties"], false);
        let seed = &schema["properties"]["run"]["properties"]["seed"];
        assert_eq!(
            (&seed["type"], &seed["default"], &seed["examples"]),
            (&json!("integer"), &json!(4), &json!([3]))
        );
        assert_eq!(seed["description"], "What it is. Expected: a whole number such as `3`; from 1 to 9.");
        let service = &schema["properties"]["service"]["additionalProperties"];
        assert_eq!(
            (&service["required"], &service["additionalProperties"]),
            (&json!(["rate"]), &json!(false))
        );
        assert_eq!(schema["properties"]["event"]["items"]["properties"]["at"]["type"], "integer");
    }

    #[test]
    fn a_key_that_is_only_called_like_the_one_that_chooses_chooses_nothing() {
        let kind = ParameterDoc {
            expected: "`pets` or `cattle`".to_owned(),
            ..doc("platform.NAME.kind", None, true)
        };
        let when = Some("kind = \"cattle\"");
        let image =
            [doc("platform.NAME.image.kind", when, false), doc("platform.NAME.image.bake", when, false)];
        let schema = schema("Shop", &[&[kind][..], &image].concat());
        let branch = &schema["properties"]["platform"]["additionalProperties"]["oneOf"][0]["properties"];
        assert_eq!(branch["kind"]["const"], "cattle");
        assert!(branch["image"]["properties"]["bake"].is_object(), "{branch}");
    }

    #[test]
    fn what_exists_with_one_kind_only_is_in_its_branch_alone() {
        let kind = ParameterDoc {
            expected: "one of `pets`, `cattle`".to_owned(),
            ..doc("platform.NAME.kind", None, true)
        };
        let pets = doc("platform.NAME.size.NAME.boxes", Some("kind = \"pets\""), false);
        let cattle = doc("platform.NAME.cooldown", Some("kind = \"cattle\""), false);
        let schema = schema("Shop", &[kind, pets, cattle]);
        let branches = &schema["properties"]["platform"]["additionalProperties"]["oneOf"];
        assert_eq!(branches[0]["properties"]["kind"]["const"], "pets");
        assert!(
            branches[0]["properties"].get("cooldown").is_none()
                && branches[1]["properties"].get("cooldown").is_some()
        );
        assert!(
            branches[0]["properties"]["size"]["additionalProperties"]["properties"].get("boxes").is_some()
        );
    }

    #[test]
    fn a_form_nobody_knows_is_none() {
        assert_eq!(form("a colour such as `red`"), None);
        assert_eq!(form("a list in brackets, of which each item is a colour"), None);
    }
}
