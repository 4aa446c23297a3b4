//! Presets: products whose settings are other defaults of the same parameters.
//!
//! A preset changes defaults and nothing else: any key that a scenario gives wins over it. So a section is read as
//! if the values of its preset stood in the file wherever the file says nothing. Knows no product and no section.
//! Start at `presets!`, and at [`with_preset`] for how it takes effect.

use super::doc::{Grade, ParameterDoc, PresetDefault};
use super::tree::{Key, Node, Origin, Table, Value};
use super::value::ParameterValue;

/// The default of one parameter under a preset; the parameter may lie in a section within (`scaling.period`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PresetValue {
    pub path: &'static str,
    pub value: &'static str,
    pub source: Option<&'static str>,
    pub grade: Grade,
}

/// The choice of a preset. Usually declared by `presets!`.
pub trait Presets: ParameterValue + Copy + 'static {
    fn all() -> &'static [Self];
    fn preset_name(self) -> &'static str;
    fn values(self) -> &'static [PresetValue];
}

/// The key that chooses the preset of a section.
const KEY: &str = "preset";

/// Declares presets of a section `pub struct … by ThisEnum`, which has a key `preset` of this type.
///
/// ```text
/// presets! {
///     /// Whose settings are the defaults.
///     pub enum Product {
///         /// The one that the section's own defaults are from.
///         Alb = "alb" {},
///         /// Another.
///         Haproxy = "haproxy" {
///             check_period = "2s", from "manual", grade Verified;
///         },
///     }
/// }
/// ```
macro_rules! presets {
    ($(#[$meta:meta])* $visibility:vis enum $type:ident {
        $($(#[doc = $doc:literal])+ $variant:ident = $name:literal {
            $($first:ident $(. $rest:ident)* = $value:literal $(, from $source:literal)?, grade $grade:ident;)*
        }),+ $(,)?
    }) => {
        $crate::parameter::choices! {
            $(#[$meta])*
            $visibility enum $type { $($(#[doc = $doc])+ $variant = $name),+ }
        }

        impl $crate::parameter::Presets for $type {
            fn all() -> &'static [Self] {
                Self::ALL
            }

            fn preset_name(self) -> &'static str {
                self.name()
            }

            fn values(self) -> &'static [$crate::parameter::PresetValue] {
                match self {
                    $($type::$variant => &[$($crate::parameter::PresetValue {
                        path: concat!(stringify!($first) $(, ".", stringify!($rest))*),
                        value: $value,
                        source: $crate::parameter::optional_text!($($source)?),
                        grade: $crate::parameter::Grade::$grade,
                    }),*],)+
                }
            }
        }
    };
}
pub(crate) use presets;

/// A text that may be left out.
macro_rules! optional_text {
    () => {
        None
    };
    ($text:literal) => {
        Some($text)
    };
}
pub(crate) use optional_text;

/// The table as if the values of its preset stood in it. A preset that is written wrong is reported by who reads it.
pub fn with_preset<P: Presets>(table: &Table) -> Table {
    let mut table = table.clone();
    let Some((preset, origin)) =
        table.get(KEY).and_then(|node| Some((P::read(node).ok()?, node.origin.clone())))
    else {
        return table;
    };
    for value in preset.values() {
        give(&mut table, value.path, value.value, &origin);
    }
    table
}

/// Writes a value where the file says nothing.
fn give(table: &mut Table, path: &str, text: &str, origin: &Origin) {
    let key = |name: &str| Key { name: name.to_owned(), origin: origin.clone() };
    let Some((section, rest)) = path.split_once('.') else {
        if table.get(path).is_none() {
            table.entries.push((key(path), value_of(text, origin)));
        }
        return;
    };
    if table.get(section).is_none() {
        let empty = Node { value: Value::Table(Table::default()), origin: origin.clone() };
        table.entries.push((key(section), empty));
    }
    let within = table.entries.iter_mut().find(|(key, _)| key.name == section);
    if let Some((_, Node { value: Value::Table(inner), .. })) = within {
        give(inner, rest, text, origin);
    }
}

/// A TOML value if it is one, else text, as defaults are written.
fn value_of(text: &str, origin: &Origin) -> Node {
    let mut problems = super::problem::Problems::default();
    let parsed = super::parse::parse_value(text, 0, super::tree::SourceId::FILE, &mut problems);
    let value = parsed.map_or_else(|_| Value::String(text.to_owned()), |node| node.value);
    Node { value, origin: origin.clone() }
}

/// Notes what each preset makes of the defaults, for `explain`.
///
/// # Panics
/// If a preset names a parameter that the section does not have: a mistake of the declaration.
pub fn note_presets<P: Presets>(docs: &mut [ParameterDoc]) {
    for &preset in P::all() {
        for value in preset.values() {
            let doc = docs.iter_mut().find(|doc| doc.path == value.path);
            let doc = doc.unwrap_or_else(|| panic!("`{}` is no parameter of this section", value.path));
            doc.presets.push(PresetDefault {
                preset: preset.preset_name(),
                value: value.value,
                source: value.source,
                grade: value.grade,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::parameter::{Origin, Problems, Section, parse};

    presets! {
        /// Whose kettle it is.
        pub enum Maker {
            /// The plain one.
            Plain = "plain" {},
            /// The large one.
            Large = "large" {
                litres = "5", from "its manual", grade Verified;
                lid.hinges = "3", grade Estimate;
            },
        }
    }

    crate::parameter::section! {
        /// A lid.
        pub struct Lid {
            /// Hinges.
            hinges: u32 = 1, grade Choice;
            /// Holes.
            holes: u32 = 2, grade Choice;
        }
    }

    crate::parameter::section! {
        /// A kettle.
        pub struct Kettle by Maker {
            /// Whose settings are the defaults.
            preset: Maker = "plain", grade Choice;
            /// How much it holds.
            litres: u32 = 2 in |&n| n < 9 => "below 9", grade Choice;
            lid: Lid, section;
        }
    }

    /// (litres, hinges, holes) and the problems.
    fn read(text: &str) -> ((u32, u32, u32), String) {
        let (table, sources, mut problems) = parse("kettle.toml", text, &[]);
        let kettle = Kettle::read(&table, &Origin::default(), "", &mut problems);
        ((kettle.litres, kettle.lid.hinges, kettle.lid.holes), problems.render(&sources, false))
    }

    fn check(text: &str, expected: (u32, u32, u32)) {
        assert_eq!(read(text), (expected, String::new()), "{text}");
    }

    #[test]
    fn a_preset_changes_defaults_and_what_the_file_says_wins() {
        check("", (2, 1, 2));
        check("preset = \"plain\"", (2, 1, 2));
        check("preset = \"large\"", (5, 3, 2));
        check("preset = \"large\"\nlitres = 4\nlid.holes = 7", (4, 3, 7));
        check("lid.hinges = 2\npreset = \"large\"", (5, 2, 2));
    }

    #[test]
    fn an_unknown_preset_is_one_problem() {
        let (values, problems) = read("preset = \"larg\"\n");
        assert_eq!(values, (2, 1, 2));
        assert!(problems.contains("did you mean `large`"), "{problems}");
        assert!(problems.contains("1 problem in"), "{problems}");
    }

    #[test]
    fn a_parameter_tells_what_presets_make_of_it() {
        let docs = Kettle::describe();
        let litres = docs.iter().find(|doc| doc.path == "litres").expect("declared");
        assert_eq!(litres.default, Some("2"));
        let text = crate::parameter::explain::render(litres);
        assert!(text.contains("preset    large: 5 (its manual; verified"), "{text}");
        assert_eq!(crate::parameter::check_defaults(&docs), [""; 0]);
        let mut wrong = docs;
        wrong.iter_mut().flat_map(|doc| &mut doc.presets).for_each(|preset| preset.value = "many");
        assert_eq!(crate::parameter::check_defaults(&wrong).len(), 2);
        assert_eq!(Problems::default().render(&crate::parameter::Sources::new("", ""), false), "");
    }
}
