//! Every event as a line: a struct each, made from the table of facts, from which text, reader and schema
//! follow. Lines hold names; what the names stand for is told by `fields.rs`.

use super::fields::{Field, MaybeUnknown, Outcome, Usual};
use super::names::{Found, Names};
use super::text::Text;
use crate::context::Context;
use crate::history::{Entry, Event, PositionSource, ProcessEnd, StartReason, TailLoss, facts};
use ackproof_types::{
    BrokerId, ControllerEpoch, ErrorCode, GenerationId, GroupId, LeaderEpoch, MemberId, NodeId,
    Offset, RebalanceReason, Record, RecordSlice, TopicId, TopicPartition,
};
use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Where an event happens if its line does not say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At the controller: nothing rests on it.
    Controller,
    /// Where the producer of its records runs.
    Sender,
    /// At a broker, and the line has to say which.
    Broker,
    /// The line has to say it.
    Process,
}

/// How a field stands in a line.
macro_rules! form {
    () => {
        Usual
    };
    ($form:ident) => {
        $form
    };
}

macro_rules! lines {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident = $tag:literal at $place:ident
        $( ( $(#[doc = $about:literal])* $one:ident: $only:ty, ) )?
        $( { $(
            $(#[doc = $what:literal])* $(#[serde($($serde:tt)*)])?
            $field:ident: $type:ty $(as $form:ident)?,
        )* } )?
        $( + $of:ident { $(
            $(#[doc = $which:literal])* $(#[serde($($absent:tt)*)])?
            $part:ident: $kind:ty,
        )* } )?
    )*) => {
        $(
            $(#[doc = $doc])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
            #[serde(deny_unknown_fields)]
            pub(super) struct $name<'a> {
                /// Its place in the order, rising; left out: that of the line.
                #[serde(default)]
                seq: Option<u64>,
                /// Microseconds since any origin, never falling.
                at_us: u64,
                /// The process it happened at.
                #[serde(borrow, default)]
                node: Option<Text<'a>>,
                /// The kind of event.
                #[serde(borrow)]
                #[schemars(extend("const" = $tag))]
                event: Text<'a>,
                $( $(#[doc = $about])* $one: <$only as Field<Usual>>::Shown<'a>, )?
                $( $(
                    $(#[doc = $what])* $(#[serde($($serde)*)])?
                    $field: <$type as Field<form!($($form)?)>>::Shown<'a>,
                )* )?
                $( $(
                    $(#[doc = $which])* $(#[serde($($absent)*)])?
                    $part: <$kind as Field<Usual>>::Shown<'a>,
                )* )?
            }
        )*

        /// A line that is not the header.
        #[derive(Clone, Debug, PartialEq, Serialize)]
        #[serde(untagged)]
        pub(super) enum Line<'a> { $(
            $(#[doc = $doc])*
            $name($name<'a>),
        )* }

        impl<'a> Line<'a> {
            /// The line `text`, which says that its event is `tag`; none: there is no such event.
            pub(super) fn parse(tag: &str, text: &'a str) -> Option<serde_json::Result<Self>> {
                Some(match tag {
                    $( $tag => serde_json::from_str(text).map(Self::$name), )*
                    _ => return None,
                })
            }

            /// `seq`, `at_us` and `node`.
            pub(super) fn head(&self) -> (Option<u64>, u64, Option<&Text<'a>>) {
                match self { $( Self::$name(one) => (one.seq, one.at_us, one.node.as_ref()), )* }
            }

            /// Where such an event happens.
            pub(super) const fn place(&self) -> Place {
                match self { $( Self::$name(_) => Place::$place, )* }
            }

            /// The event that it tells.
            pub(super) fn event(self, names: &mut Names) -> Found<Event> {
                Ok(match self { $( Self::$name($name { $($one,)? $( $($field,)* )? $( $($part,)* )? .. }) => {
                    $( let $one = Field::<Usual>::found($one, names)?; )?
                    $( $( let $field = Field::<form!($($form)?)>::found($field, names)?; )* )?
                    $( let $of = Record { $( $part: Field::<Usual>::found($part, names)?, )* ..$of }; )?
                    Event::$name { $( 0: $one, )? $( $($field,)* )? }
                } )* })
            }

            /// `entry` as a line of a history of `context`.
            fn of(entry: &'a Entry, context: &'a Context) -> Self {
                let (seq, at_us) = (Some(entry.seq), entry.at.as_micros());
                let node = Some(context.node(entry.node).into());
                match &entry.event { $( Event::$name { $( 0: $one, )? $( $($field,)* )? } => {
                    Self::$name($name {
                        seq, at_us, node, event: $tag.into(),
                        $( $( $part: Field::<Usual>::shown(&$of.$part, context), )* )?
                        $( $one: Field::<Usual>::shown($one, context), )?
                        $( $( $field: Field::<form!($($form)?)>::shown($field, context), )* )?
                    })
                } )* }
            }

            /// The JSON Schema of each.
            pub(super) fn schemas(generator: &mut SchemaGenerator) -> Vec<Value> {
                vec![$( $name::json_schema(generator).to_value() ),*]
            }
        }
    };
}

facts!(lines);

/// `entry` as a line of a history of `context`, without a line end.
///
/// # Panics
/// If `entry` names what `context` does not have.
#[must_use]
pub fn entry_line(entry: &Entry, context: &Context) -> String {
    serde_json::to_string(&Line::of(entry, context)).expect("a line has text for keys")
}
