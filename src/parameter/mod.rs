//! Parameters: one declaration each, from which reading, defaults, error messages and `explain` follow.
//!
//! A scenario is text with mistakes in it. All of them are found and shown at once, each at its place and with
//! what was expected; so reading goes through a tree that knows places, not through serde. Knows units but no
//! parameter: those are declared where they are used, and read nothing but their own table. Touches no file.
//!
//! ```text
//! let (table, sources, mut problems) = load_bytes("shop.toml", &bytes, &overrides);
//! if problems.is_empty() {
//!     // Only then: after a syntax error half of the tree may be missing.
//!     let scenario = Scenario::read(&table, &Origin::default(), "", &mut problems);
//!     …
//! }
//! eprint!("{}", problems.render(&sources, false));
//! ```
//!
//! Start at `section!` for declaring, at [`load_bytes`] for reading, at [`explain`] for what users ask.

mod distribution;
mod doc;
pub mod explain;
mod expression;
mod hazard;
mod kinds;
mod nesting;
mod overrides;
mod parse;
mod place;
mod preset;
mod problem;
mod reader;
pub mod schema;
mod section;
mod tree;
pub mod units;
mod value;

pub use distribution::{
    Distribution, DistributionOf, GrowthDistribution, Quantity, ScalarDistribution, Shape,
};
pub use doc::{Grade, ParameterDoc, PresetDefault, check_defaults, meaning, only_with};
pub use hazard::Hazard;
pub use parse::{MAX_FILE_BYTES, load_bytes, parse};
pub use place::{Named, Place};
pub use preset::{PresetValue, Presets, note_presets, with_preset};
pub use problem::{Problem, Problems, nearest, quoted, suggestion};
pub use reader::{Check, Reader, accepts, default_value, read_kind};
pub use section::{Holds, Section, key_name};
pub use tree::{Key, Node, Origin, SourceId, Sources, Table, Value, join};
pub use units::{
    ByteRate, Bytes, CountOrShare, Date, EventDay, Factor, Fraction, MicroUsd, MilliCpu, Moment, MonthDay,
    Rate, TimeOfDay, UsdPerHour,
};
pub use value::{ParameterValue, choice_help, describe, found, read_choice, read_text};

// The `field_…` and `section_…` macros are what `section!` expands to.
pub(crate) use {
    kinds::kinds,
    preset::{optional_text, presets},
    section::{
        field_check, field_default, field_describe, field_doc, field_read, section, section_default,
        section_fields,
    },
    value::choices,
};
