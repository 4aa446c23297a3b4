//! The tree of a scenario file: TOML values that remember where they were written.
//!
//! Knows nothing of parameters; it holds what the user wrote, right or wrong. Start at [`Node`].

use std::ops::Range;

/// Which text a place is in: the scenario file is 0, the `--set` arguments follow in the order given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u16);

impl SourceId {
    /// The scenario file.
    pub const FILE: SourceId = SourceId(0);
}

/// Where something was written: a text and a range of bytes in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The text.
    pub source: SourceId,
    /// The bytes in that text.
    pub span: Range<usize>,
}

impl Origin {
    /// A place in `source`.
    pub fn new(source: SourceId, span: Range<usize>) -> Self {
        Origin { source, span }
    }
}

/// The key of a table entry.
#[derive(Clone, Debug, PartialEq)]
pub struct Key {
    /// The key without quotes or escapes.
    pub name: String,
    /// Where the key stands.
    pub origin: Origin,
}

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What was written.
    pub value: Value,
    /// Where it was written; for a table written as `[header]`, the header.
    pub origin: Origin,
}

/// What TOML can express.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text, without quotes or escapes.
    String(String),
    /// An integer.
    Integer(i64),
    /// A float; infinities and NaN are possible in TOML.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A date, a time of day or both, as written.
    Datetime(String),
    /// A list; `[[header]]` tables are lists of tables.
    Array(Vec<Node>),
    /// A table.
    Table(Table),
}

/// A table whose entries keep the order of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// The entries; no name twice.
    pub entries: Vec<(Key, Node)>,
}

impl Table {
    /// The value under `name`.
    pub fn get(&self, name: &str) -> Option<&Node> {
        self.entry(name).map(|(_, node)| node)
    }

    /// The key and the value under `name`.
    pub fn entry(&self, name: &str) -> Option<(&Key, &Node)> {
        self.iter().find(|(key, _)| key.name == name)
    }

    /// All entries, in file order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Node)> {
        self.entries.iter().map(|(key, node)| (key, node))
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// The texts that places point into.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    texts: Vec<(String, String)>,
}

impl Sources {
    /// Only the scenario file.
    pub fn new(file_name: &str, text: &str) -> Self {
        Sources { texts: vec![(file_name.to_owned(), text.to_owned())] }
    }

    /// The name of the scenario file.
    pub fn file_name(&self) -> &str {
        self.texts.first().map_or("", |(name, _)| name)
    }

    /// Name and text of one source.
    pub fn get(&self, id: SourceId) -> Option<(&str, &str)> {
        self.texts.get(usize::from(id.0)).map(|(name, text)| (name.as_str(), text.as_str()))
    }

    /// Adds a text; `None` if there are too many to number.
    pub(super) fn add(&mut self, name: &str, text: &str) -> Option<SourceId> {
        let id = SourceId(u16::try_from(self.texts.len()).ok()?);
        self.texts.push((name.to_owned(), text.to_owned()));
        Some(id)
    }
}

/// A key as it must be written in TOML: bare if it can be, else in quotes.
pub(super) fn written_key(name: &str) -> String {
    if !name.is_empty() && name.bytes().all(is_bare_key_byte) { name.to_owned() } else { format!("{name:?}") }
}

pub(super) fn is_bare_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-'
}

/// The path of `key` in the table at `path`; the root has the empty path.
pub fn join(path: &str, key: &str) -> String {
    let key = written_key(key);
    if path.is_empty() { key } else { format!("{path}.{key}") }
}
