//! From bytes to a [`Table`]: TOML with places, all syntax errors at once, then the `--set` overrides.
//!
//! Knows nothing of parameters and touches no file. Start at [`load_bytes`].

use super::nesting;
use super::overrides;
use super::problem::{Problem, Problems};
use super::tree::{Key, Node, Origin, SourceId, Sources, Table, Value};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

/// A larger scenario file is surely a mistake (a trace, an image).
pub const MAX_FILE_BYTES: usize = 16 << 20;

/// Parses a scenario file as read from disk: checks size and encoding, then [`parse`].
pub fn load_bytes(file_name: &str, bytes: &[u8], overrides: &[String]) -> (Table, Sources, Problems) {
    let problem = if bytes.len() > MAX_FILE_BYTES {
        let mib = MAX_FILE_BYTES >> 20;
        Problem::general(format!("`{file_name}` is larger than {mib} MiB"))
    } else {
        match std::str::from_utf8(bytes) {
            Ok(text) => return parse(file_name, text, overrides),
            Err(error) => {
                let good = error.valid_up_to();
                let line = bytes[..good].iter().filter(|&&byte| byte == b'\n').count() + 1;
                Problem::general(format!("`{file_name}` is not UTF-8 text"))
                    .help(format!("the first bad byte is at offset {good}, in line {line}"))
            }
        }
    };
    let mut problems = Problems::default();
    problems.push(problem);
    (Table::default(), Sources::new(file_name, ""), problems)
}

/// Parses the text of a scenario file and applies the overrides (`key.path=value`) to it, in order.
///
/// With syntax errors the table is what could be understood; a section read from it may report echoes of the
/// same mistake, so callers better stop there.
pub fn parse(file_name: &str, text: &str, overrides: &[String]) -> (Table, Sources, Problems) {
    let mut sources = Sources::new(file_name, text);
    let mut problems = Problems::default();
    let mut table = match nesting::check(text, SourceId::FILE) {
        Err(problem) => {
            problems.push(problem);
            Table::default()
        }
        Ok(()) => {
            let (document, errors) = DeTable::parse_recoverable(text);
            for error in errors {
                problems.push(syntax_problem(&error, SourceId::FILE, 0));
            }
            convert_table(
                document.get_ref(),
                &mut Converter { source: SourceId::FILE, offset: 0, problems: &mut problems },
            )
        }
    };
    for argument in overrides {
        let Some(source) = sources.add("--set", argument) else {
            problems.push(Problem::general(format!("more than {} `--set` arguments", u16::MAX)));
            break;
        };
        if let Err(problem) = overrides::apply(&mut table, argument, source, &mut problems) {
            problems.push(problem);
        }
    }
    (table, sources, problems)
}

/// Parses `text[offset..]` as one TOML value; `Err` holds what was wrong with it.
pub(super) fn parse_value(
    text: &str,
    offset: usize,
    source: SourceId,
    problems: &mut Problems,
) -> Result<Node, Problem> {
    nesting::check(text, source)?;
    match DeValue::parse(&text[offset..]) {
        Ok(value) => Ok(convert(&value, &mut Converter { source, offset, problems })),
        Err(error) => Err(syntax_problem(&error, source, offset)),
    }
}

fn syntax_problem(error: &toml::de::Error, source: SourceId, offset: usize) -> Problem {
    let span = error.span().unwrap_or(0..0);
    let mut lines = error.message().lines();
    let title = format!("invalid TOML: {}", lines.next().unwrap_or("syntax error"));
    let help: Vec<&str> = lines.collect();
    let problem = Problem::at(&Origin::new(source, span.start + offset..span.end + offset), title, "");
    if help.is_empty() { problem } else { problem.help(help.join("; ")) }
}

struct Converter<'p> {
    source: SourceId,
    offset: usize,
    problems: &'p mut Problems,
}

impl Converter<'_> {
    fn origin<T>(&self, spanned: &Spanned<T>) -> Origin {
        let span = spanned.span();
        Origin::new(self.source, span.start + self.offset..span.end + self.offset)
    }
}

fn convert_table(table: &DeTable<'_>, to: &mut Converter<'_>) -> Table {
    // The parser sorts by name; the place of the key gives the order of the file back.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let entries = entries
        .into_iter()
        .map(|(key, value)| {
            (Key { name: key.get_ref().to_string(), origin: to.origin(key) }, convert(value, to))
        })
        .collect();
    Table { entries }
}

fn convert_array(array: &DeArray<'_>, to: &mut Converter<'_>) -> Vec<Node> {
    array.iter().map(|item| convert(item, to)).collect()
}

fn convert(node: &Spanned<DeValue<'_>>, to: &mut Converter<'_>) -> Node {
    let origin = to.origin(node);
    let value = match node.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => match i64::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(integer) => Value::Integer(integer),
            Err(_) => {
                to.problems.push(Problem::at(&origin, "the integer is too large", "beyond 64 bits"));
                Value::Integer(0)
            }
        },
        DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(datetime) => Value::Datetime(datetime.to_string()),
        DeValue::Array(array) => Value::Array(convert_array(array, to)),
        DeValue::Table(table) => Value::Table(convert_table(table, to)),
    };
    Node { value, origin }
}
