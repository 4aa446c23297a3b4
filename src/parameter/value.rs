//! What a single value must be: the trait every parameter type implements, and the plain types.
//!
//! Knows nothing of keys and defaults, which belong to a section. Start at [`ParameterValue`].

use super::problem::quoted;
use super::tree::{Node, Value};

/// A type that a parameter of a scenario can have.
pub trait ParameterValue: Sized {
    /// What to write, for messages and documentation: "a duration such as `90s` or `1h30m`".
    const EXPECTED: &'static str;

    /// The value, or why there is none: "found the integer `90`, which has no unit".
    fn read(node: &Node) -> Result<Self, String>;

    /// Stands in for a required value that is missing or wrong, so that later checks can run. It is never
    /// simulated, because there is a problem by then.
    fn placeholder() -> Self;

    /// The same where a constant is not enough, as for lists.
    fn expected() -> String {
        Self::EXPECTED.to_owned()
    }

    /// The part of `node` that is wrong, once [`read`](Self::read) has failed.
    fn culprit(node: &Node) -> &Node {
        node
    }

    /// Advice once [`read`](Self::read) has failed.
    fn help(_node: &Node) -> String {
        format!("expected {}", Self::expected())
    }
}

/// What a node is, for "found …".
pub fn describe(node: &Node) -> String {
    match &node.value {
        Value::String(text) => format!("the text {}", quoted(text)),
        Value::Integer(integer) => format!("the integer `{integer}`"),
        Value::Float(float) => format!("the number `{float}`"),
        Value::Boolean(boolean) => format!("`{boolean}`"),
        Value::Datetime(text) => format!("the date or time {}", quoted(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

/// "found …", for values of a wrong kind.
pub fn found(node: &Node) -> String {
    format!("found {}", describe(node))
}

/// Reads a value from bare text, as defaults are written: the text itself, or the TOML value it spells.
pub fn read_text<T: ParameterValue>(text: &str) -> Result<T, String> {
    let origin = super::tree::Origin::default();
    let node = Node { value: Value::String(text.to_owned()), origin };
    T::read(&node).or_else(|error| {
        let mut problems = super::problem::Problems::default();
        let node = super::parse::parse_value(text, 0, super::tree::SourceId::FILE, &mut problems);
        node.map_err(|_| error.clone()).and_then(|node| T::read(&node))
    })
}

impl ParameterValue for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn read(node: &Node) -> Result<Self, String> {
        match node.value {
            Value::Boolean(boolean) => Ok(boolean),
            _ => Err(found(node)),
        }
    }

    fn placeholder() -> Self {
        false
    }
}

macro_rules! unsigned_value {
    ($type:ty) => {
        impl ParameterValue for $type {
            const EXPECTED: &'static str = "a whole number such as `3`";

            fn read(node: &Node) -> Result<Self, String> {
                match node.value {
                    Value::Integer(integer) if integer < 0 => Err(found(node) + ", which is negative"),
                    Value::Integer(integer) => {
                        Self::try_from(integer).map_err(|_| found(node) + ", which is too large")
                    }
                    _ => Err(found(node)),
                }
            }

            fn placeholder() -> Self {
                0
            }
        }
    };
}

unsigned_value!(u32);
unsigned_value!(u64);

impl ParameterValue for f64 {
    const EXPECTED: &'static str = "a number such as `1.5`";

    fn read(node: &Node) -> Result<Self, String> {
        match node.value {
            Value::Float(float) if float.is_finite() => Ok(float),
            Value::Integer(integer) => Ok(integer as f64),
            _ => Err(found(node)),
        }
    }

    fn placeholder() -> Self {
        0.0
    }
}

impl ParameterValue for String {
    const EXPECTED: &'static str = "text in quotation marks";

    fn read(node: &Node) -> Result<Self, String> {
        match &node.value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(found(node)),
        }
    }

    fn placeholder() -> Self {
        String::new()
    }
}

impl<T: ParameterValue> ParameterValue for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn expected() -> String {
        T::expected()
    }

    fn read(node: &Node) -> Result<Self, String> {
        T::read(node).map(Some)
    }

    fn placeholder() -> Self {
        None
    }

    fn culprit(node: &Node) -> &Node {
        T::culprit(node)
    }

    fn help(node: &Node) -> String {
        T::help(node)
    }
}

impl<T: ParameterValue> ParameterValue for Vec<T> {
    const EXPECTED: &'static str = "a list in brackets";

    fn expected() -> String {
        format!("{}, of which each item is {}", Self::EXPECTED, T::expected())
    }

    fn read(node: &Node) -> Result<Self, String> {
        match &node.value {
            Value::Array(items) => items.iter().map(T::read).collect(),
            _ => Err(format!("{}, not a list", found(node))),
        }
    }

    fn placeholder() -> Self {
        Vec::new()
    }

    fn culprit(node: &Node) -> &Node {
        first_wrong::<T>(node).map_or(node, T::culprit)
    }

    fn help(node: &Node) -> String {
        first_wrong::<T>(node).map_or_else(|| format!("expected {}", Self::expected()), T::help)
    }
}

fn first_wrong<T: ParameterValue>(list: &Node) -> Option<&Node> {
    let Value::Array(items) = &list.value else { return None };
    items.iter().find(|item| T::read(item).is_err())
}

/// Declares an enum whose values are written as names.
///
/// ```text
/// choices! {
///     /// How requests are spread.
///     pub enum Balancing {
///         /// Any instance, with equal chances.
///         Random = "random",
///     }
/// }
/// ```
///
/// The enum gets `ParameterValue`, `Display` (the name) and `ALL`, `name()`, `meaning()`.
macro_rules! choices {
    ($(#[$meta:meta])* $visibility:vis enum $type:ident {
        $(#[doc = $first_doc:literal])+ $first:ident = $first_name:literal
        $(, $(#[doc = $doc:literal])+ $variant:ident = $name:literal)* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $visibility enum $type {
            $(#[doc = $first_doc])+ $first,
            $($(#[doc = $doc])+ $variant,)*
        }

        #[allow(dead_code)]
        impl $type {
            /// Every choice, in the order of declaration.
            $visibility const ALL: &'static [$type] = &[$type::$first $(, $type::$variant)*];

            /// How a scenario writes it.
            $visibility fn name(self) -> &'static str {
                match self { $type::$first => $first_name, $($type::$variant => $name,)* }
            }

            /// What it does, in a sentence.
            $visibility fn meaning(self) -> &'static str {
                match self {
                    $type::$first => concat!($($first_doc),+).trim_ascii(),
                    $($type::$variant => concat!($($doc),+).trim_ascii(),)*
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl $crate::parameter::ParameterValue for $type {
            const EXPECTED: &'static str =
                concat!("one of `", $first_name, "`" $(, ", `", $name, "`")*);

            fn read(node: &$crate::parameter::Node) -> Result<Self, String> {
                $crate::parameter::read_choice(node, Self::ALL, Self::name)
            }

            fn placeholder() -> Self {
                $type::$first
            }

            fn help(node: &$crate::parameter::Node) -> String {
                $crate::parameter::choice_help(node, &[$first_name $(, $name)*])
            }
        }
    };
}
pub(crate) use choices;

/// The choice that `node` names.
pub fn read_choice<T: Copy>(node: &Node, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let Value::String(text) = &node.value else { return Err(found(node)) };
    let choice = all.iter().copied().find(|&choice| name(choice) == text);
    choice.ok_or_else(|| format!("found {}", quoted(text)))
}

/// Advice for a choice nobody knows.
pub fn choice_help(node: &Node, names: &[&str]) -> String {
    let text = if let Value::String(text) = &node.value { text } else { "" };
    super::problem::suggestion(text, names).expect("an enum has a variant")
}
