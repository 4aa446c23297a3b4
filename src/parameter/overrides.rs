//! `--set key.path=value`: changes one value of the tree, as if the file had said so.
//!
//! Knows nothing of which keys exist; a misspelt one is found when its section is read. Start at [`apply`].

use super::nesting;
use super::parse::parse_value;
use super::problem::{Problem, Problems};
use super::tree::{Key, Node, Origin, SourceId, Table, Value, is_bare_key_byte};
use super::value::describe;
use std::ops::Range;

const SHAPE: &str = "write `--set key.path=value`, such as `--set run.seed=7` or `--set 'event[0].at=2h'`";

/// One step from the root towards the value.
enum Step {
    Key(Key),
    Index(usize, Range<usize>),
}

/// Applies one argument to the tree.
pub(super) fn apply(
    root: &mut Table,
    argument: &str,
    source: SourceId,
    problems: &mut Problems,
) -> Result<(), Problem> {
    nesting::check(argument, source)?;
    let (steps, value_at) = parse_path(argument, source)?;
    let node = override_value(argument, value_at, source, problems)?;
    let mut steps = steps.into_iter();
    let Some(Step::Key(first)) = steps.next() else {
        return Err(malformed(source, 0..value_at, "expected a key"));
    };
    let mut target = slot(root, first);
    for step in steps {
        target = descend(target, step, source)?;
    }
    *target = node;
    Ok(())
}

/// The node under `key`, made as an empty table if there is none.
fn slot(table: &mut Table, key: Key) -> &mut Node {
    let position = table.entries.iter().position(|(existing, _)| existing.name == key.name);
    let index = position.unwrap_or_else(|| {
        let node = Node { value: Value::Table(Table::default()), origin: key.origin.clone() };
        table.entries.push((key, node));
        table.entries.len() - 1
    });
    &mut table.entries[index].1
}

fn descend(node: &mut Node, step: Step, source: SourceId) -> Result<&mut Node, Problem> {
    let found = describe(node);
    match (step, &mut node.value) {
        (Step::Key(key), Value::Table(table)) => Ok(slot(table, key)),
        (Step::Key(key), Value::Array(items)) if !items.is_empty() => {
            Err(cannot_set(key.origin, "above it is a list".to_owned())
                .help("say which entry, counted from 0: `[0]`"))
        }
        (Step::Key(key), _) => Err(cannot_set(key.origin, format!("above it is {found}, not a table"))),
        (Step::Index(index, span), Value::Array(items)) => {
            let count = items.len();
            let entries = if count == 1 { "entry" } else { "entries" };
            items.get_mut(index).ok_or_else(|| {
                let label = format!("the list has {count} {entries}, counted from 0");
                cannot_set(Origin::new(source, span), label)
            })
        }
        (Step::Index(_, span), _) => {
            Err(cannot_set(Origin::new(source, span), format!("before it is {found}, not a list")))
        }
    }
}

fn cannot_set(origin: Origin, label: String) -> Problem {
    Problem::at(&origin, "cannot set this", label)
}

fn malformed(source: SourceId, span: Range<usize>, label: &str) -> Problem {
    Problem::at(&Origin::new(source, span), "malformed override", label).help(SHAPE)
}

/// A TOML value, or a bare word for those who do not want to quote for the shell.
fn override_value(
    argument: &str,
    at: usize,
    source: SourceId,
    problems: &mut Problems,
) -> Result<Node, Problem> {
    let text = argument[at..].trim();
    let start = argument.len() - argument[at..].trim_start().len();
    if text.is_empty() {
        return Err(malformed(source, at..at, "expected a value"));
    }
    match parse_value(argument, start, source, problems) {
        Ok(node) => Ok(node),
        // Who begins with a quotation mark or a bracket meant TOML.
        Err(problem) if text.starts_with(['"', '\'', '[', '{']) => Err(problem),
        Err(_) => {
            let origin = Origin::new(source, start..start + text.len());
            Ok(Node { value: Value::String(text.to_owned()), origin })
        }
    }
}

/// The steps before `=`, and where the value begins.
fn parse_path(argument: &str, source: SourceId) -> Result<(Vec<Step>, usize), Problem> {
    let bytes = argument.as_bytes();
    let mut steps = Vec::new();
    let mut at = 0;
    loop {
        let (key, end) = parse_key(argument, at, source)?;
        steps.push(Step::Key(key));
        at = end;
        while bytes.get(at) == Some(&b'[') {
            let digits = bytes[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            let end = at + 1 + digits;
            let index = argument[at + 1..end].parse().ok().filter(|_| bytes.get(end) == Some(&b']'));
            let index =
                index.ok_or_else(|| malformed(source, at..end, "expected a position such as `[0]`"))?;
            steps.push(Step::Index(index, at..end + 1));
            at = end + 1;
        }
        at += bytes[at..].iter().take_while(|&&byte| byte == b' ').count();
        match bytes.get(at) {
            Some(b'.') => at += 1,
            Some(b'=') => return Ok((steps, at + 1)),
            Some(_) => return Err(malformed(source, at..at + 1, "expected `.`, `[` or `=`")),
            None => return Err(malformed(source, at..at, "expected `=` and a value")),
        }
    }
}

fn parse_key(argument: &str, at: usize, source: SourceId) -> Result<(Key, usize), Problem> {
    let rest = &argument[at..];
    let (name, length) = match rest.bytes().next() {
        Some(b'"') => quoted_key(rest, source, at)?,
        Some(b'\'') => match rest[1..].find('\'') {
            Some(end) => (rest[1..=end].to_owned(), end + 2),
            None => return Err(malformed(source, at..argument.len(), "the quotation mark is not closed")),
        },
        _ => {
            let length = rest.bytes().take_while(|&byte| is_bare_key_byte(byte)).count();
            (rest[..length].to_owned(), length)
        }
    };
    if length == 0 {
        return Err(malformed(source, at..at + 1, "expected a key"));
    }
    Ok((Key { name, origin: Origin::new(source, at..at + length) }, at + length))
}

/// A key in double quotation marks, with the escapes of TOML.
fn quoted_key(rest: &str, source: SourceId, at: usize) -> Result<(String, usize), Problem> {
    let mut escaped = false;
    let close = rest.char_indices().skip(1).find(|&(_, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes
    });
    let Some((close, _)) = close else {
        return Err(malformed(source, at..at + rest.len(), "the quotation mark is not closed"));
    };
    match toml::de::DeValue::parse(&rest[..=close]) {
        Ok(value) => Ok((value.get_ref().as_str().unwrap_or_default().to_owned(), close + 1)),
        Err(_) => Err(malformed(source, at..at + close + 1, "expected a key in quotation marks")),
    }
}

#[cfg(test)]
mod tests {
    use crate::parameter::parse::parse;
    use crate::parameter::tree::{Node, Table, Value};

    const FILE: &str = "seed = 1\n[service.web]\nreplicas = 2\n[[event]]\nat = \"1h\"\n";

    /// The tree without places, and the problems.
    fn tree(text: &str, overrides: &[&str]) -> (String, String) {
        let overrides: Vec<String> = overrides.iter().map(|&text| text.to_owned()).collect();
        let (table, sources, problems) = parse("shop.toml", text, &overrides);
        (plain_table(&table), problems.render(&sources, false))
    }

    fn plain_table(table: &Table) -> String {
        let entries: Vec<String> =
            table.iter().map(|(key, node)| format!("{}: {}", key.name, plain(node))).collect();
        format!("{{{}}}", entries.join(", "))
    }

    fn plain(node: &Node) -> String {
        match &node.value {
            Value::Table(table) => plain_table(table),
            Value::Array(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(", ")),
            Value::String(text) => format!("{text:?}"),
            Value::Integer(integer) => integer.to_string(),
            other => format!("{other:?}"),
        }
    }

    fn check(overrides: &[&str], expected: &str) {
        let (tree, problems) = tree(FILE, overrides);
        assert_eq!((tree.as_str(), problems.as_str()), (expected, ""), "{overrides:?}");
    }

    fn check_problem(argument: &str, expected: &str) {
        let problems = tree(FILE, &[argument]).1;
        assert_eq!(problems, format!("{expected}\n1 problem in shop.toml\n"), "\n{problems}");
    }

    #[test]
    fn overrides_replace_insert_and_take_bare_words() {
        let with = |seed: &str, replicas: &str, more: &str| {
            format!(
                "{{seed: {seed}, service: {{web: {{replicas: {replicas}}}}}, event: [{{at: \"1h\"}}]{more}}}"
            )
        };
        check(&[], &with("1", "2", ""));
        check(&["seed=7", "seed=8"], &with("8", "2", ""));
        check(&["service.web.replicas = 3"], &with("1", "3", ""));
        check(&["run.length=90d"], &with("1", "2", ", run: {length: \"90d\"}"));
        check(&["run.share= 35% "], &with("1", "2", ", run: {share: \"35%\"}"));
        check(&["run.names=[\"a\", 'b']"], &with("1", "2", ", run: {names: [\"a\", \"b\"]}"));
        check(&["\"a.\\\"b\".'c=d'=''"], &with("1", "2", ", a.\"b: {c=d: \"\"}"));
    }

    #[test]
    fn an_index_reaches_into_arrays_of_tables() {
        check(&["event[0].at=2h"], "{seed: 1, service: {web: {replicas: 2}}, event: [{at: \"2h\"}]}");
    }

    #[test]
    fn what_cannot_be_set_is_said() {
        check_problem(
            "seed.x=1",
            "\
error: cannot set this
 --> --set:1:6
  |
1 | seed.x=1
  |      ^ above it is the integer `1`, not a table
",
        );
        check_problem(
            "event[1].at=1h",
            "\
error: cannot set this
 --> --set:1:6
  |
1 | event[1].at=1h
  |      ^^^ the list has 1 entry, counted from 0
",
        );
        check_problem(
            "event.at=1h",
            "\
error: cannot set this
 --> --set:1:7
  |
1 | event.at=1h
  |       ^^ above it is a list
  |
  = help: say which entry, counted from 0: `[0]`
",
        );
        check_problem(
            "seed",
            "\
error: malformed override
 --> --set:1:5
  |
1 | seed
  |     ^ expected `=` and a value
  |
  = help: write `--set key.path=value`, such as `--set run.seed=7` or `--set 'event[0].at=2h'`
",
        );
    }

    #[test]
    fn broken_overrides_never_panic() {
        for argument in [
            "",
            "=",
            "a=",
            "a.=1",
            ".a=1",
            "a[=1",
            "a[9999999999999999999999]=1",
            "[0]=1",
            "\"a=1",
            "'",
            "ö=1",
            "a=\"",
            "a=[1",
            "a[0]=1",
            "seed[0]=2",
        ] {
            assert!(tree(FILE, &[argument]).1.contains("1 problem in"), "{argument}");
        }
        let deep = format!("a{}=1", ".a".repeat(100_000));
        assert!(tree(FILE, &[&deep]).1.contains("nested too deeply"));
    }
}
