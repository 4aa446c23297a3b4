//! What sections remember of the file: where fields and names were written.
//!
//! Knows no field and no name. Start at [`Place`].

use super::problem::{Problem, Problems, suggestion};
use super::tree::{Key, Origin};
use std::fmt;

/// Where the fields of a section were written. Takes no part in comparing and printing sections.
#[derive(Clone, Default)]
pub struct Place {
    header: Origin,
    fields: Vec<(&'static str, Origin)>,
}

impl Place {
    pub(super) fn new(header: &Origin) -> Self {
        Place { header: header.clone(), fields: Vec::new() }
    }

    pub(super) fn note(&mut self, field: &'static str, origin: &Origin) {
        self.fields.push((field, origin.clone()));
    }

    /// The place of the value of `field`, or of the header of the section if the scenario does not give it.
    pub fn of(&self, field: &str) -> &Origin {
        self.fields.iter().find(|(name, _)| *name == field).map_or(&self.header, |(_, origin)| origin)
    }

    /// The place of the header of the section.
    pub fn header(&self) -> &Origin {
        &self.header
    }

    /// True if the scenario gives a value for `field`.
    pub fn gives(&self, field: &str) -> bool {
        self.fields.iter().any(|(name, _)| *name == field)
    }
}

impl PartialEq for Place {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// Sections with names, `[service.NAME]`, in the order of the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Named<T> {
    entries: Vec<NamedEntry<T>>,
}

#[derive(Clone, Debug, PartialEq)]
struct NamedEntry<T> {
    name: String,
    place: Place,
    section: T,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Named { entries: Vec::new() }
    }
}

impl<T> Named<T> {
    /// Adds or replaces, for scenarios made without a file.
    pub fn insert(&mut self, name: &str, section: T) {
        self.entries.retain(|entry| entry.name != name);
        self.entries.push(NamedEntry { name: name.to_owned(), place: Place::default(), section });
    }

    pub(super) fn push(&mut self, key: &Key, section: T) {
        self.entries.push(NamedEntry { name: key.name.clone(), place: Place::new(&key.origin), section });
    }

    /// Names and sections.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &T)> + ExactSizeIterator {
        self.entries.iter().map(|entry| (entry.name.as_str(), &entry.section))
    }

    /// The names.
    pub fn names(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.iter().map(|(name, _)| name)
    }

    /// The section of that name.
    pub fn get(&self, name: &str) -> Option<&T> {
        self.iter().find(|(known, _)| *known == name).map(|(_, section)| section)
    }

    /// Where the name was written.
    pub fn origin_of(&self, name: &str) -> Option<&Origin> {
        self.entries.iter().find(|entry| entry.name == name).map(|entry| entry.place.header())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds the problem that `name`, written at `origin`, is not among these.
    pub fn report_unknown(&self, name: &str, what: &str, origin: &Origin, problems: &mut Problems) {
        let title = format!("unknown {what} {}", super::problem::quoted(name));
        let problem = Problem::at(origin, title, format!("there is no such {what}"));
        let names: Vec<&str> = self.names().collect();
        problems.push(match suggestion(name, &names) {
            Some(help) => problem.help(help),
            None => problem,
        });
    }
}
