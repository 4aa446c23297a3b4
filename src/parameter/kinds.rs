//! Tables that come in kinds: one key, usually `kind`, decides which other keys there are.
//!
//! Knows no kind; each is a section of its own. Start at `kinds!`.

/// Declares an enum of sections of which one key, usually `kind`, chooses one.
///
/// ```text
/// kinds! {
///     /// A way of running services.
///     pub enum Platform by kind: PlatformKind {
///         /// Machines with names, repaired by people.
///         Pets(Pets) = "pets",
///         /// Machines without names, replaced when unhealthy.
///         Cattle(Cattle) = "cattle",
///     }
/// }
/// ```
///
/// Gives the enum, which is a [`Section`], `Platform::kind()`, and the choice `PlatformKind` without contents.
macro_rules! kinds {
    ($(#[$meta:meta])* $visibility:vis enum $name:ident by $key:ident : $choice:ident {
        $($(#[doc = $doc:literal])+ $variant:ident($section:ty) = $text:literal),+ $(,)?
    }) => {
        $(#[$meta])*
        // A handful of values live as long as the scenario: their size does not matter.
        #[allow(clippy::large_enum_variant)]
        #[derive(Clone, Debug, PartialEq)]
        #[allow(clippy::large_enum_variant)] // a handful of these live at a time
        $visibility enum $name { $($(#[doc = $doc])+ $variant($section)),+ }

        $crate::parameter::choices! {
            $(#[$meta])*
            $visibility enum $choice { $($(#[doc = $doc])+ $variant = $text),+ }
        }

        impl $name {
            /// Which one it is.
            $visibility fn kind(&self) -> $choice {
                match self { $($name::$variant(_) => $choice::$variant),+ }
            }
        }

        impl $crate::parameter::Section for $name {
            fn describe() -> Vec<$crate::parameter::ParameterDoc> {
                let key = $crate::parameter::key_name(stringify!($key));
                let mut docs = vec![$crate::parameter::ParameterDoc {
                    required: true,
                    ..$crate::parameter::field_doc!("Which kind it is.", $key, $choice, [])
                }];
                $(docs.extend($crate::parameter::only_with(
                    key, $text, <$section as $crate::parameter::Section>::describe(),
                ));)+
                docs
            }

            fn read_beside(
                table: &$crate::parameter::Table,
                at: &$crate::parameter::Origin,
                path: &str,
                beside: &[&str],
                problems: &mut $crate::parameter::Problems,
            ) -> Self {
                let key = $crate::parameter::key_name(stringify!($key));
                let beside = [beside, &[key]].concat();
                match $crate::parameter::read_kind::<$choice>(key, table, at, path, problems) {
                    $(Some($choice::$variant) => $name::$variant(
                        $crate::parameter::Section::read_beside(table, at, path, &beside, problems),
                    ),)+
                    // Nobody can tell which keys are right; the first kind stands in.
                    None => $crate::parameter::kinds!(@first $name $($variant)+),
                }
            }
        }
    };
    (@first $name:ident $first:ident $($other:ident)*) => {
        $name::$first($crate::parameter::Section::read(
            &Default::default(), &Default::default(), "", &mut Default::default(),
        ))
    };
}
pub(crate) use kinds;
