//! Kinds of events without their contents, so that the judge hands an entry only to those who asked.
//! It knows no property.

use crate::history::{Event, facts};

macro_rules! kinds {
    ($(
        $(#[doc = $doc:literal])* $name:ident = $tag:literal at $place:ident
        $( ( $($only:tt)* ) )? $( { $($field:tt)* } )?
        $( + $of:ident { $($part:tt)* } )?
    )*) => {
        /// The kind of an event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind { $(
            #[doc = concat!("[`Event::", stringify!($name), "`]")]
            $name,
        )* }

        impl Kind {
            /// Every kind, in order of its index.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The names of all kinds in histories, in order.
            pub(crate) const NAMES: &'static [&'static str] = &[$($tag),*];

            /// The kind of `event`.
            pub(crate) const fn of(event: &Event) -> Self {
                match event { $(Event::$name { .. } => Self::$name,)* }
            }

            /// The event's name in histories.
            pub(crate) const fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }
        }
    };
}

facts!(kinds);
