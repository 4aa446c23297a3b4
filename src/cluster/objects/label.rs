//! Names, labels and selectors.
//!
//! A text is interned once and compared as a number from then on; well-known ones are constants. Start at [`Names`].

use std::collections::BTreeMap;

/// An interned text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(u32);

/// Names from here on are numbers without a text, for values that the control plane makes up.
const FIRST_NUMBER: u32 = 1 << 31;

macro_rules! well_known {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Place { $($name),* }

        impl Name {
            $($(#[$doc])* pub const $name: Name = Name(Place::$name as u32);)*
        }

        const WELL_KNOWN: &[&str] = &[$($text),*];
    };
}

well_known! {
    /// No text.
    EMPTY = "";
    HOSTNAME = "kubernetes.io/hostname";
    APP = "app";
    /// Which of two Deployments behind one Service a pod is of.
    COLOR = "color";
    ZONE = "topology.kubernetes.io/zone";
    REGION = "topology.kubernetes.io/region";
    POD_TEMPLATE_HASH = "pod-template-hash";
    CONTROLLER_REVISION_HASH = "controller-revision-hash";
    NOT_READY = "node.kubernetes.io/not-ready";
    UNREACHABLE = "node.kubernetes.io/unreachable";
    UNSCHEDULABLE = "node.kubernetes.io/unschedulable";
    MEMORY_PRESSURE = "node.kubernetes.io/memory-pressure";
    OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";
    TO_BE_DELETED = "ToBeDeletedByClusterAutoscaler";
    DELETION_CANDIDATE = "DeletionCandidateOfClusterAutoscaler";
}

impl Name {
    /// A value that is a number, e.g. the hash of a template. Never equal to a text.
    pub fn number(n: u32) -> Name {
        Name(n | FIRST_NUMBER)
    }

    /// As a plain number, for the way through an event queue.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// What [`Name::bits`] gave.
    pub fn from_bits(bits: u32) -> Name {
        Name(bits)
    }

    /// The number that it is, if it is one.
    pub fn as_number(self) -> Option<u32> {
        (self.0 >= FIRST_NUMBER).then_some(self.0 & !FIRST_NUMBER)
    }
}

/// All texts that were interned.
#[derive(Clone, Debug)]
pub struct Names {
    by_text: BTreeMap<Box<str>, Name>,
    texts: Vec<Box<str>>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Names { by_text: BTreeMap::new(), texts: Vec::new() };
        for text in WELL_KNOWN {
            names.intern(text);
        }
        names
    }
}

impl Names {
    pub fn intern(&mut self, text: &str) -> Name {
        if let Some(&name) = self.by_text.get(text) {
            return name;
        }
        let name = Name(self.texts.len() as u32);
        self.texts.push(text.into());
        self.by_text.insert(text.into(), name);
        name
    }

    /// The text of a name; empty for a number.
    pub fn text(&self, name: Name) -> &str {
        self.texts.get(name.0 as usize).map_or("", |t| t)
    }
}

/// Labels of an object: values by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Vec<(Name, Name)>);

impl Labels {
    pub fn get(&self, key: Name) -> Option<Name> {
        // A handful at most: walking is faster than searching.
        self.0.iter().find(|l| l.0 == key).map(|l| l.1)
    }

    pub fn set(&mut self, key: Name, value: Name) {
        match self.0.binary_search_by_key(&key, |l| l.0) {
            Ok(i) => self.0[i].1 = value,
            Err(i) => self.0.insert(i, (key, value)),
        }
    }

    pub fn with(mut self, key: Name, value: Name) -> Labels {
        self.set(key, value);
        self
    }

    pub fn iter(&self) -> impl Iterator<Item = (Name, Name)> {
        self.0.iter().copied()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<(Name, Name)> for Labels {
    fn from_iter<I: IntoIterator<Item = (Name, Name)>>(iter: I) -> Self {
        let mut labels = Labels::default();
        iter.into_iter().for_each(|(key, value)| labels.set(key, value));
        labels
    }
}

/// What is asked of one label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    In(Vec<Name>),
    /// Also true where the key is missing.
    NotIn(Vec<Name>),
    Exists,
    DoesNotExist,
    /// The value is a number ([`Name::number`]) above this one.
    Above(i64),
    /// The value is a number below this one.
    Below(i64),
}

/// A test of the label with a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Requirement {
    pub key: Name,
    pub test: Test,
}

impl Requirement {
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(self.key);
        match &self.test {
            Test::In(values) => value.is_some_and(|v| values.contains(&v)),
            Test::NotIn(values) => value.is_none_or(|v| !values.contains(&v)),
            Test::Exists => value.is_some(),
            Test::DoesNotExist => value.is_none(),
            Test::Above(bound) => value.and_then(Name::as_number).is_some_and(|n| i64::from(n) > *bound),
            Test::Below(bound) => value.and_then(Name::as_number).is_some_and(|n| i64::from(n) < *bound),
        }
    }
}

/// Requirements that must all hold; none matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selector(pub Vec<Requirement>);

impl Selector {
    /// Exactly these labels, and any others.
    pub fn of_labels(labels: &Labels) -> Selector {
        Selector(labels.iter().map(|(key, value)| Requirement { key, test: Test::In(vec![value]) }).collect())
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        self.0.iter().all(|r| r.matches(labels))
    }

    /// Both selectors at once.
    pub fn and(mut self, other: &Selector) -> Selector {
        self.0.extend_from_slice(&other.0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_names_have_their_texts() {
        let mut names = Names::default();
        assert_eq!(names.text(Name::ZONE), "topology.kubernetes.io/zone");
        assert_eq!(names.intern("kubernetes.io/hostname"), Name::HOSTNAME);
        assert_ne!(names.intern("a"), names.intern("b"));
        assert_eq!(names.text(Name::number(3)), "");
    }

    #[test]
    fn a_selector_asks_for_all_of_its_labels() {
        let mut names = Names::default();
        let [app, web, db, tier] = ["app", "web", "db", "tier"].map(|t| names.intern(t));
        let labels = Labels::default().with(tier, web).with(app, web);
        assert!(Selector::of_labels(&Labels::default().with(app, web)).matches(&labels));
        assert!(!Selector::of_labels(&Labels::default().with(app, db)).matches(&labels));
        assert!(Selector::default().matches(&labels));
        let test = |key, test| Requirement { key, test }.matches(&labels);
        assert!(test(db, Test::NotIn(vec![web])) && test(db, Test::DoesNotExist) && !test(db, Test::Exists));
        assert!(!test(app, Test::NotIn(vec![web, db])) && test(app, Test::In(vec![db, web])));
    }
}
