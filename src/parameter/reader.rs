//! Reads the fields of one table, reports what is wrong and goes on with the default.
//!
//! Knows no section; what `section!` expands to calls it field by field. Start at [`Reader`].

use super::place::{Named, Place};
use super::problem::{Problem, Problems, suggestion};
use super::section::Section;
use super::tree::{Key, Node, Origin, Table, Value, join};
use super::value::{ParameterValue, found, read_text};

/// A check that a value must pass, and what it demands.
pub type Check<T> = (fn(&T) -> bool, &'static str);

/// Reads the fields of one table; what `section!` expands to calls this.
pub struct Reader<'a> {
    table: &'a Table,
    path: &'a str,
    problems: &'a mut Problems,
    place: Place,
}

impl<'a> Reader<'a> {
    /// Reports the keys that are neither in `known` nor in `beside`.
    pub fn new(
        table: &'a Table,
        at: &Origin,
        path: &'a str,
        known: &[&str],
        beside: &[&str],
        problems: &'a mut Problems,
    ) -> Self {
        for (key, _) in table.iter() {
            if !known.contains(&key.name.as_str()) && !beside.contains(&key.name.as_str()) {
                problems.push(unknown_key(key, path, known, beside));
            }
        }
        Reader { table, path, problems, place: Place::new(at) }
    }

    /// A field with a default.
    pub fn value<T: ParameterValue>(
        &mut self,
        name: &'static str,
        default: &str,
        check: Option<Check<T>>,
    ) -> T {
        self.given(name, check).flatten().unwrap_or_else(|| default_value(default))
    }

    /// A field that must be given.
    pub fn required<T: ParameterValue>(&mut self, name: &'static str, check: Option<Check<T>>) -> T {
        let value = self.given(name, check);
        if value.is_none() {
            let problem = Problem::at(self.place.header(), missing(name, self.path), "is not given here");
            self.problems.push(problem.help(format!("`{name}` is {}", T::expected())));
        }
        value.flatten().unwrap_or_else(T::placeholder)
    }

    /// A field that may be absent; `T` is an `Option`.
    pub fn optional<T: ParameterValue>(&mut self, name: &'static str, check: Option<Check<T>>) -> T {
        self.given(name, check).flatten().unwrap_or_else(T::placeholder)
    }

    /// `None` if the key is absent, `Some(None)` if its value is wrong.
    fn given<T: ParameterValue>(&mut self, name: &'static str, check: Option<Check<T>>) -> Option<Option<T>> {
        let node = self.table.get(name)?;
        self.place.note(name, &node.origin);
        let path = join(self.path, name);
        let value = read_value(node, &path, self.problems);
        Some(value.filter(|value| match check {
            Some((accepts, demand)) if !accepts(value) => {
                let title = format!("value out of range for `{path}`");
                let problem = Problem::at(&node.origin, title, found(node));
                self.problems.push(problem.help(format!("expected {demand}")));
                false
            }
            _ => true,
        }))
    }

    /// A section within, read from an empty table if it is absent.
    pub fn section<T: Section>(&mut self, name: &'static str) -> T {
        let absent = self.table.get(name).is_none();
        if let Some(section) = self.optional_section(name) {
            return section;
        }
        // If it is there but no table, what it lacks besides is not worth saying.
        let mut unsaid = Problems::default();
        let problems = if absent { &mut *self.problems } else { &mut unsaid };
        T::read(&Table::default(), self.place.header(), &join(self.path, name), problems)
    }

    /// A section within that may be absent.
    pub fn optional_section<T: Section>(&mut self, name: &'static str) -> Option<T> {
        let node = self.table.get(name)?;
        self.place.note(name, &node.origin);
        read_section(node, &join(self.path, name), self.problems)
    }

    /// Sections with names.
    pub fn sections<T: Section>(&mut self, name: &'static str) -> Named<T> {
        let mut named = Named::default();
        let Some(node) = self.table.get(name) else { return named };
        self.place.note(name, &node.origin);
        let path = join(self.path, name);
        let Value::Table(table) = &node.value else {
            self.problems.push(not_a_table(node, &path).help(format!("write `[{path}.NAME]`")));
            return named;
        };
        for (key, node) in table.iter() {
            let Some(section) = read_section(node, &join(&path, &key.name), self.problems) else { continue };
            named.push(key, section);
        }
        named
    }

    /// Sections in a list, `[[event]]`.
    pub fn list<T: Section>(&mut self, name: &'static str) -> Vec<T> {
        let Some(node) = self.table.get(name) else { return Vec::new() };
        self.place.note(name, &node.origin);
        let path = join(self.path, name);
        let Value::Array(items) = &node.value else {
            let title = format!("`{path}` is a list of tables");
            self.problems
                .push(Problem::at(&node.origin, title, found(node)).help(format!("write `[[{path}]]`")));
            return Vec::new();
        };
        let read = |(index, item)| read_section(item, &format!("{path}[{index}]"), self.problems);
        items.iter().enumerate().filter_map(read).collect()
    }

    /// Where the fields were.
    pub fn finish(self) -> Place {
        self.place
    }
}

/// The value of the key `kind` (or another that decides which section a table is), if it is given and right.
/// Read the rest with [`Section::read_beside`] and that key.
pub fn read_kind<T: ParameterValue>(
    key: &str,
    table: &Table,
    at: &Origin,
    path: &str,
    problems: &mut Problems,
) -> Option<T> {
    match table.get(key) {
        Some(node) => read_value(node, &join(path, key), problems),
        None => {
            let problem = Problem::at(at, missing(key, path), "is not given here");
            problems.push(problem.help(format!("`{key}` is {}", T::expected())));
            None
        }
    }
}

fn read_value<T: ParameterValue>(node: &Node, path: &str, problems: &mut Problems) -> Option<T> {
    T::read(node)
        .map_err(|why| {
            let title = format!("wrong value for `{path}`");
            problems.push(Problem::at(&T::culprit(node).origin, title, why).help(T::help(node)));
        })
        .ok()
}

fn read_section<T: Section>(node: &Node, path: &str, problems: &mut Problems) -> Option<T> {
    if let Value::Table(table) = &node.value {
        Some(T::read(table, &node.origin, path, problems))
    } else {
        problems.push(not_a_table(node, path));
        None
    }
}

fn not_a_table(node: &Node, path: &str) -> Problem {
    Problem::at(&node.origin, format!("`{path}` is a table"), found(node))
}

fn missing(name: &str, path: &str) -> String {
    if path.is_empty() { format!("missing `{name}`") } else { format!("missing `{name}` in `{path}`") }
}

fn unknown_key(key: &Key, path: &str, known: &[&str], beside: &[&str]) -> Problem {
    let title = format!("unknown key {}", super::problem::quoted(&key.name));
    let title = if path.is_empty() { title } else { format!("{title} in `{path}`") };
    let problem = Problem::at(&key.origin, title, "there is no such key");
    let candidates: Vec<&str> = known.iter().chain(beside).copied().collect();
    match suggestion(&key.name, &candidates) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// The value of a default.
///
/// # Panics
/// If the text is wrong, which is a mistake of the declaration; [`check_defaults`] finds those in tests.
pub fn default_value<T: ParameterValue>(text: &str) -> T {
    read_text(text).unwrap_or_else(|why| panic!("the default `{text}` is declared wrong: {why}"))
}

/// Whether a text is a value that passes the check.
pub fn accepts<T: ParameterValue>(text: &str, check: Option<Check<T>>) -> Result<(), String> {
    let value = read_text::<T>(text)?;
    match check {
        Some((accepts, demand)) if !accepts(&value) => Err(format!("`{text}` is not {demand}")),
        _ => Ok(()),
    }
}
