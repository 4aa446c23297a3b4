//! What helps people write: `init`, `schema`, `completions`.

use super::*;
use boon::{Compiler, SchemaIndex, Schemas};
use boxherd::parameter::{Node, Table, Value, parse};
use boxherd::scenario;
use serde_json::json;

#[test]
fn init_writes_a_scenario_that_is_valid_and_runs() {
    let scratch = Scratch::new("init");
    let output = call(scratch.path(), &["init", "mine.toml"]);
    assert_eq!((output.status, output.stderr.as_str()), (0, ""));
    assert!(output.stdout.contains("boxherd run mine.toml"), "{}", output.stdout);
    let run = call(scratch.path(), &["run", "mine.toml", "-r", "2"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stdout.starts_with("✓ k8s: availability"), "{}", run.stdout);
    assert_eq!(call(scratch.path(), &["init", "-"]).stdout, scenario::STARTER);
}

#[test]
fn init_overwrites_only_when_told_to() {
    let scratch = Scratch::new("init-force");
    scratch.write("mine.toml", "years of work");
    refused_in(&scratch, &["init", "mine.toml"], &["mine.toml exists and is left alone", "--force"]);
    assert_eq!(call(scratch.path(), &["init", "mine.toml", "--force"]).status, 0);
    assert_eq!(std::fs::read_to_string(scratch.path().join("mine.toml")).expect("there"), scenario::STARTER);
}

/// The lines of the starter that are a key behind a `#`, with the table they are in.
fn settings() -> Vec<(String, String)> {
    let mut table = String::new();
    let mut found = Vec::new();
    for line in scenario::STARTER.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            table = name.trim_matches('[').to_owned();
        }
        let setting =
            line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
        if let Some((key, value)) = setting.and_then(|setting| setting.split_once(" = ")) {
            let value = value.split(" #").next().unwrap_or_default().trim().trim_matches('"');
            found.push((format!("{table}.{key}"), value.to_owned()));
        }
    }
    found
}

#[test]
fn what_the_starter_offers_are_keys_with_their_defaults() {
    let settings = settings();
    assert!(settings.len() >= 15, "{settings:?}");
    let docs = scenario::describe();
    for (path, value) in &settings {
        let (kind, plain) = match path.split('.').collect::<Vec<_>>().as_slice() {
            ["service", _, "container", _, rest @ ..] => {
                (None, format!("service.NAME.container.NAME.{}", rest.join(".")))
            }
            ["service", _, rest @ ..] => (None, format!("service.NAME.{}", rest.join("."))),
            ["platform", name, rest @ ..] => {
                (Some(name.replace("k8s", "kubernetes")), format!("platform.NAME.{}", rest.join(".")))
            }
            _ => (None, path.clone()),
        };
        let when = kind.map(|kind| format!("kind = \"{kind}\""));
        let doc = docs.iter().find(|doc| doc.path == plain && doc.when == when);
        let doc = doc.unwrap_or_else(|| panic!("{path} is no key"));
        assert_eq!(doc.default, Some(value.as_str()), "{path}");
    }
    // All of them taken at once.
    let all: String = scenario::STARTER
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(rest) if rest.starts_with(|c: char| c.is_ascii_lowercase()) && rest.contains(" = ") => rest,
            _ => line,
        })
        .map(|line| format!("{line}\n"))
        .collect();
    crate::support::scenario("starter.toml", &all, &[]);
}

fn compiled(schema: serde_json::Value) -> (Schemas, SchemaIndex) {
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource("schema.json", schema).expect("a resource");
    let index = compiler.compile("schema.json", &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
    (schemas, index)
}

/// As an editor sees the file.
fn as_json(text: &str) -> serde_json::Value {
    let (table, _, problems) = parse("scenario.toml", text, &[]);
    assert!(problems.is_empty());
    table_as_json(&table)
}

fn table_as_json(table: &Table) -> serde_json::Value {
    table
        .iter()
        .map(|(key, node)| (key.name.clone(), node_as_json(node)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn node_as_json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::String(text) | Value::Datetime(text) => json!(text),
        Value::Integer(integer) => json!(integer),
        Value::Float(float) => json!(float),
        Value::Boolean(boolean) => json!(boolean),
        Value::Array(items) => items.iter().map(node_as_json).collect(),
        Value::Table(table) => table_as_json(table),
    }
}

#[test]
fn the_schema_accepts_every_scenario_that_is_shipped() {
    let printed = call(Path::new("."), &["schema", "scenario"]).stdout;
    let schema: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(schema, scenario::schema());
    let (schemas, index) = compiled(schema);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut texts = vec![("starter.toml".to_owned(), scenario::STARTER.to_owned())];
    for (name, bytes) in files_in(&folder).into_iter().filter(|(name, _)| name.ends_with(".toml")) {
        texts.push((name, String::from_utf8(bytes).expect("UTF-8")));
    }
    assert!(texts.len() > 4);
    for (name, text) in texts {
        schemas.validate(&as_json(&text), index).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
}

#[test]
fn the_schema_refuses_what_the_loader_refuses() {
    let (schemas, index) = compiled(scenario::schema());
    schemas.validate(&as_json(SHOP), index).expect("the shop is fine");
    for (old, new) in [
        ("length = \"2d\"", "lenght = \"2d\""),
        ("length = \"2d\"", "length = 2"),
        ("length = \"2d\"", "length = \"2 parsecs\""),
        ("cpu = \"500m\"", "cpu = true"),
        ("cpu = \"500m\"", "cpu = \"500m\"\nmemry = \"1GiB\""),
        ("kind = \"pets\"", "kind = \"pet\""),
        ("kind = \"pets\"", "kind = \"pets\"\nhpa.target = \"70%\""),
        ("kind = \"pets\"", "entry = \"load-balancer\""),
        ("traffic.rate = \"20/s\"", "traffic.rate = 20"),
        ("[run]", "[[assert]]\nmetric = \"vms\"\ncomparison = \"=\"\nvalue = 3\n\n[run]"),
        ("[run]", "[[assert]]\nmetric = \"vms\"\ncomparison = \"<\"\n\n[run]"),
    ] {
        let text = SHOP.replace(old, new);
        assert!(scenario::load_text("shop.toml", text.as_bytes(), Path::new(""), &[]).is_err(), "{new}");
        assert!(schemas.validate(&as_json(&text), index).is_err(), "{new} passes the schema");
    }
}

#[test]
fn the_schema_knows_the_form_of_every_value_and_agrees_on_defaults_and_examples() {
    // One file with one key each: the schema of a value is that of the root's only key.
    for doc in scenario::describe() {
        let alone = boxherd::parameter::ParameterDoc { path: "key".to_owned(), when: None, ..doc.clone() };
        let schema = boxherd::parameter::schema::schema("one", &[alone]);
        let key = &schema["properties"]["key"];
        assert!(key.get("type").is_some() || key.get("enum").is_some(), "{}: {}", doc.path, doc.expected);
        let is_list = key["type"] == "array";
        let (schemas, index) = compiled(schema);
        let accepts = |text: &str| {
            let value = serde_json::from_str(&text.replace('\'', "\"")).unwrap_or_else(|_| json!(text));
            schemas.validate(&json!({ "key": value }), index).is_ok()
                || schemas.validate(&json!({ "key": text }), index).is_ok()
        };
        let examples = doc.expected.split('`').skip(1).step_by(2).filter(|_| !is_list);
        let tries = [
            "7", "0.5", "1.5", "20%", "5m", "1h30m", "4GiB", "$99/h", "3/week", "05:00", "true", "soon",
            "-1", "",
        ];
        for text in examples.chain(doc.default).chain(tries) {
            // A range is beyond a pattern; what the loader takes, the schema must take.
            if (doc.accepts)(text).is_ok() {
                assert!(accepts(text), "{}: the schema refuses `{text}`", doc.path);
            }
        }
        for text in ["soon!", "-1/parsec", "{}"] {
            if (doc.accepts)(text).is_err() && !doc.expected.starts_with("a value with") {
                assert!(!accepts(text), "{}: the schema takes `{text}`", doc.path);
            }
        }
    }
}

#[test]
fn the_schema_of_results_is_that_of_a_real_document() {
    let printed = call(Path::new("."), &["schema", "results"]).stdout;
    let (schemas, index) = compiled(serde_json::from_str(&printed).expect("JSON"));
    let scratch = Scratch::new("results-schema");
    let claim = "assert=[{metric='recovery_time',comparison='<',value='1h'}]";
    for more in [&["--set", claim][..], &["--precision", "90%", "--max-replications", "3"]] {
        let output = short_run(scratch.path(), &[&["--format", "json"], more].concat());
        let mut document: serde_json::Value = serde_json::from_str(&output.stdout).expect("JSON");
        schemas.validate(&document, index).unwrap_or_else(|error| panic!("{error:#}"));
        document["manifest"]["colour"] = json!("red");
        assert!(schemas.validate(&document, index).is_err(), "a key nobody knows");
    }
}

#[test]
fn every_shell_gets_completions_that_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = call(Path::new("."), &["completions", shell]);
        assert_eq!(output.status, 0, "{}", output.stderr);
        assert!(output.stdout.contains("compare") && output.stdout.contains("fail-on"), "{shell}");
    }
    let scratch = Scratch::new("completions");
    scratch.write("boxherd.bash", &call(Path::new("."), &["completions", "bash"]).stdout);
    let script = "source boxherd.bash; COMP_WORDS=(boxherd comp); COMP_CWORD=1; _boxherd boxherd comp boxherd; echo ${COMPREPLY[@]}";
    match std::process::Command::new("bash").current_dir(scratch.path()).args(["-c", script]).output() {
        Err(error) => eprintln!("skipped: bash cannot be started ({error})"),
        Ok(output) => {
            let found = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(found.trim(), "compare completions", "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    assert_eq!(call(Path::new("."), &["completions", "tcsh"]).status, 2);
}
