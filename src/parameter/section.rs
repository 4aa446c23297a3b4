//! Sections: the tables of a scenario, each declared once with its keys, defaults, units, sources and checks.
//!
//! Knows how any section is declared, and none in particular. Start at [`Section`] and the macro
//! `section!`; the test below uses every feature.

use super::doc::ParameterDoc;
use super::place::Named;
use super::problem::Problems;
use super::tree::{Origin, Table};

/// A table of the scenario as a struct. Usually declared by `section!`.
pub trait Section: Sized {
    /// All parameters, also those of sections within.
    fn describe() -> Vec<ParameterDoc>;

    /// Reads the table at `path` (empty for the whole scenario), whose header is at `at`. Every problem is
    /// reported; what is missing or wrong becomes the default, so that reading goes on.
    fn read(table: &Table, at: &Origin, path: &str, problems: &mut Problems) -> Self {
        Self::read_beside(table, at, path, &[], problems)
    }

    /// Like [`read`](Self::read), in a table where others read the keys `beside`.
    fn read_beside(table: &Table, at: &Origin, path: &str, beside: &[&str], problems: &mut Problems) -> Self;
}

/// The section within a field: `T` of `Option<T>`, `Vec<T>` and [`Named<T>`].
pub trait Holds {
    /// The section.
    type Section: Section;
}

impl<T: Section> Holds for Option<T> {
    type Section = T;
}

impl<T: Section> Holds for Vec<T> {
    type Section = T;
}

impl<T: Section> Holds for Named<T> {
    type Section = T;
}

/// The key of a field: its name, without the `r#` of a raw identifier.
pub fn key_name(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

/// Declares a table of the scenario: a struct, its reading and its documentation at once.
///
/// ```text
/// section! {
///     /// A virtual machine crash: the machine reboots and comes back.
///     pub struct VmCrash {
///         /// How often one machine crashes.
///         rate: Rate = "1/y" in |rate| rate.per_second() <= 1.0 => "at most 1/s", from "Dean 2008", grade Derived;
///         /// What the runs are called.
///         name: String = "shop", grade Choice;
///         /// How often it is asked.
///         requests: Rate, required;
///         /// How much it may use at most.
///         limit: Option<MilliCpu>, optional;
///         /// `[….traffic]`, all defaults if it is absent.
///         traffic: Traffic, section;
///         /// `[….disk]`, which has required keys.
///         disk: Disk, required section;
///         /// `[….cache]`, or none.
///         cache: Option<Cache>, optional section;
///         /// `[service.NAME]`.
///         service: Named<Service>, sections;
///         /// `[[event]]`.
///         event: Vec<Event>, list;
///     }
/// }
/// ```
///
/// `pub struct Cache by Product` has presets, see `presets!`.
/// Every value may be followed by a check, `in |value| condition => "what is demanded"`. Fields are public; a
/// field `place` tells where each was written. `Default` is there unless a field is `required`.
macro_rules! section {
    ($(#[$meta:meta])* $visibility:vis struct $name:ident $(by $presets:ident)? { $($fields:tt)* }) => {
        $crate::parameter::section_fields! {
            [$(#[$meta])* $visibility $name $([$presets])?] [complete] [] $($fields)*
        }
    };
}
pub(crate) use section;

/// Sorts the fields of a section by kind, one at a time, then expands all.
macro_rules! section_fields {
    ($head:tt $complete:tt [$($done:tt)*]
     $(#[doc = $doc:literal])* $field:ident : $type:ty = $default:literal
     $(in |$v:pat_param| $check:expr => $demand:literal)? $(, from $source:literal)?, grade $grade:ident; $($rest:tt)*) => {
        $crate::parameter::section_fields! { $head $complete [$($done)*
            { [$($doc)*] $field [$type] value { [$default] [$($v, $check, $demand)?] [$($source)?] $grade } }] $($rest)* }
    };
    ($head:tt $complete:tt [$($done:tt)*]
     $(#[doc = $doc:literal])* $field:ident : $type:ty, required section; $($rest:tt)*) => {
        $crate::parameter::section_fields! { $head [partial] [$($done)*
            { [$($doc)*] $field [$type] section {} }] $($rest)* }
    };
    ($head:tt $complete:tt [$($done:tt)*]
     $(#[doc = $doc:literal])* $field:ident : $type:ty, optional section; $($rest:tt)*) => {
        $crate::parameter::section_fields! { $head $complete [$($done)*
            { [$($doc)*] $field [$type] optional_section {} }] $($rest)* }
    };
    ($head:tt $complete:tt [$($done:tt)*]
     $(#[doc = $doc:literal])* $field:ident : $type:ty, required
     $(in |$v:pat_param| $check:expr => $demand:literal)?; $($rest:tt)*) => {
        $crate::parameter::section_fields! { $head [partial] [$($done)*
            { [$($doc)*] $field [$type] required { [$($v, $check, $demand)?] } }] $($rest)* }
    };
    ($head:tt $complete:tt [$($done:tt)*]
     $(#[doc = $doc:literal])* $field:ident : $type:ty, $mode:ident
     $(in |$v:pat_param| $check:expr => $demand:literal)?; $($rest:tt)*) => {
        $crate::parameter::section_fields! { $head $complete [$($done)*
            { [$($doc)*] $field [$type] $mode { [$($v, $check, $demand)?] } }] $($rest)* }
    };
    ([$(#[$meta:meta])* $visibility:vis $name:ident $([$presets:ident])?] $complete:tt
     [$({ [$($doc:literal)*] $field:ident [$type:ty] $mode:ident $how:tt })*]) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $visibility struct $name {
            $($(#[doc = $doc])* pub $field: $type,)*
            /// Where the fields were written.
            pub place: $crate::parameter::Place,
        }

        impl $crate::parameter::Section for $name {
            fn describe() -> Vec<$crate::parameter::ParameterDoc> {
                #[allow(unused_mut)]
                let mut docs = Vec::new();
                $($crate::parameter::field_describe! { docs concat!($($doc),*), $field [$type] $mode $how })*
                $($crate::parameter::note_presets::<$presets>(&mut docs);)?
                docs
            }

            fn read_beside(
                table: &$crate::parameter::Table,
                at: &$crate::parameter::Origin,
                path: &str,
                beside: &[&str],
                problems: &mut $crate::parameter::Problems,
            ) -> Self {
                let known: &[&str] = &[$($crate::parameter::key_name(stringify!($field))),*];
                $(let table = &$crate::parameter::with_preset::<$presets>(table);)?
                #[allow(unused_mut)]
                let mut reader = $crate::parameter::Reader::new(table, at, path, known, beside, problems);
                $(let $field = $crate::parameter::field_read! { reader $field [$type] $mode $how };)*
                $name { $($field,)* place: reader.finish() }
            }
        }

        $crate::parameter::section_default! { $complete $name $($field [$type] $mode $how)* }
    };
}
pub(crate) use section_fields;

/// The check of a field as an `Option`.
macro_rules! field_check {
    ($type:ty, []) => {
        None
    };
    ($type:ty, [$v:pat_param, $check:expr, $demand:literal]) => {
        Some(((|$v: &$type| $check) as fn(&$type) -> bool, $demand))
    };
}
pub(crate) use field_check;

/// Reads a field.
macro_rules! field_read {
    ($reader:ident $field:ident [$type:ty] value { [$default:literal] $check:tt $source:tt $grade:ident }) => {
        $reader.value::<$type>(
            $crate::parameter::key_name(stringify!($field)),
            concat!($default),
            $crate::parameter::field_check!($type, $check),
        )
    };
    ($reader:ident $field:ident [$type:ty] required { $check:tt }) => {
        $reader.required::<$type>(
            $crate::parameter::key_name(stringify!($field)),
            $crate::parameter::field_check!($type, $check),
        )
    };
    ($reader:ident $field:ident [$type:ty] optional { $check:tt }) => {
        $reader.optional::<$type>(
            $crate::parameter::key_name(stringify!($field)),
            $crate::parameter::field_check!($type, $check),
        )
    };
    ($reader:ident $field:ident [$type:ty] $mode:ident $how:tt) => {
        $reader.$mode($crate::parameter::key_name(stringify!($field)))
    };
}
pub(crate) use field_read;

/// Describes a field, or the fields of the section within.
macro_rules! field_describe {
    ($docs:ident $doc:expr, $field:ident [$type:ty] value { [$default:literal] $check:tt [$($source:literal)?] $grade:ident }) => {
        $docs.push($crate::parameter::ParameterDoc {
            default: Some(concat!($default)),
            source: None$(.or(Some($source)))?,
            grade: Some($crate::parameter::Grade::$grade),
            ..$crate::parameter::field_doc!($doc, $field, $type, $check)
        });
    };
    ($docs:ident $doc:expr, $field:ident [$type:ty] required { $check:tt }) => {
        $docs.push($crate::parameter::ParameterDoc {
            required: true,
            ..$crate::parameter::field_doc!($doc, $field, $type, $check)
        });
    };
    ($docs:ident $doc:expr, $field:ident [$type:ty] optional { $check:tt }) => {
        $docs.push($crate::parameter::field_doc!($doc, $field, $type, $check));
    };
    ($docs:ident $doc:expr, $field:ident [$type:ty] section $how:tt) => {
        let inner = <$type as $crate::parameter::Section>::describe();
        $docs.extend(inner.into_iter().map(|doc| doc.under($crate::parameter::key_name(stringify!($field)))));
    };
    ($docs:ident $doc:expr, $field:ident [$type:ty] $mode:ident $how:tt) => {
        let inner = <<$type as $crate::parameter::Holds>::Section as $crate::parameter::Section>::describe();
        let suffix = match stringify!($mode) {
            "sections" => ".NAME",
            "list" => "[N]",
            _ => "",
        };
        let prefix = format!("{}{suffix}", $crate::parameter::key_name(stringify!($field)));
        $docs.extend(inner.into_iter().map(|doc| doc.under(&prefix)));
    };
}
pub(crate) use field_describe;

/// What all values have to say about themselves.
macro_rules! field_doc {
    ($doc:expr, $field:ident, $type:ty, $check:tt) => {
        $crate::parameter::ParameterDoc {
            path: $crate::parameter::key_name(stringify!($field)).to_owned(),
            meaning: $crate::parameter::meaning($doc),
            expected: <$type as $crate::parameter::ParameterValue>::expected(),
            range: {
                let check: Option<$crate::parameter::Check<$type>> =
                    $crate::parameter::field_check!($type, $check);
                check.map(|(_, demand)| demand)
            },
            when: None,
            default: None,
            required: false,
            source: None,
            grade: None,
            presets: Vec::new(),
            accepts: |text| {
                $crate::parameter::accepts::<$type>(text, $crate::parameter::field_check!($type, $check))
            },
        }
    };
}
pub(crate) use field_doc;

/// `Default`, unless a field is required.
macro_rules! section_default {
    ([partial] $($rest:tt)*) => {};
    ([complete] $name:ident $($field:ident [$type:ty] $mode:ident $how:tt)*) => {
        impl Default for $name {
            fn default() -> Self {
                $name {
                    $($field: $crate::parameter::field_default!([$type] $mode $how),)*
                    place: Default::default(),
                }
            }
        }
    };
}
pub(crate) use section_default;

/// The default of a field.
macro_rules! field_default {
    ([$type:ty] value { [$default:literal] $($rest:tt)* }) => {
        $crate::parameter::default_value::<$type>(concat!($default))
    };
    ([$type:ty] $mode:ident $how:tt) => {
        <$type as Default>::default()
    };
}
pub(crate) use field_default;

#[cfg(test)]
#[path = "section_tests.rs"]
mod tests;
