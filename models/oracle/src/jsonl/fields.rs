//! How the values of a fact stand in its line: by their type, each with the text, number or list that shows
//! it, from which reader, writer and schema follow. It knows no fact.

use super::names::{Found, Names};
use super::text::{Code, Epoch, Generation, MaybePosition, Offsets, Position, Reason, Text};
use crate::context::Context;
use crate::history::{Phase, PositionSource, ProcessEnd, StartReason, TailLoss};
use ackproof_types::{
    BrokerId, ControllerEpoch, ErrorCode, GenerationId, GroupId, LeaderEpoch, MemberId, NodeId,
    Offset, RebalanceReason, Record, RecordSlice, TopicId, TopicPartition,
};
use std::sync::Arc;

/// A value that can stand in a line, `How` it does.
pub(super) trait Field<How>: Sized {
    /// As the line shows it.
    type Shown<'a>;

    /// It, with the names of `context`.
    fn shown<'a>(&'a self, context: &'a Context) -> Self::Shown<'a>;

    /// What `shown` stands for.
    fn found(shown: Self::Shown<'_>, names: &mut Names) -> Found<Self>;
}

/// As usual for its type.
pub(super) enum Usual {}
/// As usual, but it may be unknown.
pub(super) enum MaybeUnknown {}
/// Records that have an outcome: only what was sent has one.
pub(super) enum Outcome {}

/// A row says: the type and `How` it stands in a line, as what it is shown, how so, what that stands for.
macro_rules! fields {
    ($(
        $type:ty $(as $how:ident)? = $shown:ty:
        |$self:ident, $context:ident| $write:expr, |$read:ident, $names:ident| $find:expr;
    )*) => { $(
        impl Field<fields!(@ $($how)?)> for $type {
            type Shown<'a> = $shown;
            fn shown<'a>(&'a $self, $context: &'a Context) -> $shown {
                $write
            }
            fn found($read: Self::Shown<'_>, $names: &mut Names) -> Found<Self> {
                $find
            }
        }
    )* };
    (@) => { Usual };
    (@ $how:ident) => { $how };
}

fields! {
    bool = bool: |self, _c| *self, |shown, _n| Ok(shown);
    u16 = u16: |self, _c| *self, |shown, _n| Ok(shown);
    u32 = u32: |self, _c| *self, |shown, _n| Ok(shown);
    u64 = u64: |self, _c| *self, |shown, _n| Ok(shown);
    Phase = Phase: |self, _c| *self, |shown, _n| Ok(shown);
    ProcessEnd = ProcessEnd: |self, _c| *self, |shown, _n| Ok(shown);
    PositionSource = PositionSource: |self, _c| *self, |shown, _n| Ok(shown);
    TailLoss = TailLoss: |self, _c| *self, |shown, _n| Ok(shown);
    StartReason = StartReason: |self, _c| *self, |shown, _n| Ok(shown);
    ErrorCode = Code: |self, _c| Code(*self), |shown, _n| Ok(shown.0);
    RebalanceReason = Reason: |self, _c| Reason(*self), |shown, _n| Ok(shown.0);
    Arc<str> = Text<'a>: |self, _c| Text::from(&**self), |shown, _n| Ok((*shown).into());

    NodeId = Text<'a>: |self, c| c.node(*self).into(), |shown, n| n.node(&shown);
    BrokerId = u16: |self, _c| self.0, |shown, n| n.broker(shown);
    GroupId = Text<'a>: |self, c| c.group(*self).into(), |shown, n| n.group(&shown);
    MemberId = Option<u64>: |self, _c| Some(self.0), |shown, _n| Ok(Self(shown.unwrap_or(0)));
    TopicId = Text<'a>: |self, c| c.topic(*self).into_owned().into(), |shown, n| n.topic(&shown);
    TopicPartition = Text<'a>: |self, c| c.partition(*self).into(), |shown, n| n.place(&shown);
    Record = Text<'a>: |self, c| c.record(self.id).into(), |shown, n| n.record(&shown);

    Offset = Position: |self, _c| Position(self.0), |shown, _n| Ok(Self(shown.0));
    Offset as MaybeUnknown = MaybePosition:
        |self, _c| MaybePosition(self.0), |shown, _n| Ok(Self(shown.0));
    ControllerEpoch = Epoch: |self, _c| Epoch(self.0), |shown, _n| Ok(Self(shown.0));
    LeaderEpoch = Epoch: |self, _c| Epoch(self.0), |shown, _n| Ok(Self(shown.0));
    GenerationId = Generation: |self, _c| Generation(self.0), |shown, _n| Ok(Self(shown.0));
    GenerationId as MaybeUnknown = Option<Generation>:
        |self, _c| (*self != Self::UNKNOWN).then_some(Generation(self.0)),
        |shown, _n| Ok(shown.map_or(Self::UNKNOWN, |one| Self(one.0)));

    RecordSlice = Vec<Text<'a>>: |self, c| records(self, c), |shown, n| n.records(&shown);
    RecordSlice as Outcome = Vec<Text<'a>>: |self, c| records(self, c), |shown, n| n.outcome(&shown);
    Arc<[(TopicPartition, Offset)]> = Offsets<'a>:
        |self, c| {
            let pair = |(at, to): &(TopicPartition, Offset)| (c.partition(*at).into(), Position(to.0));
            Offsets(self.iter().map(pair).collect())
        },
        |shown, n| {
            shown.0.iter().map(|(place, offset)| Ok((n.place(place)?, Offset(offset.0)))).collect()
        };
}

fn records<'a>(records: &RecordSlice, context: &Context) -> Vec<Text<'a>> {
    records.iter().map(|record| context.record(record.id).into()).collect()
}

impl<T: Field<Usual>> Field<Usual> for Option<T> {
    type Shown<'a> = Option<T::Shown<'a>>;
    fn shown<'a>(&'a self, context: &'a Context) -> Self::Shown<'a> {
        self.as_ref().map(|one| one.shown(context))
    }
    fn found(shown: Self::Shown<'_>, names: &mut Names) -> Found<Self> {
        shown.map(|one| T::found(one, names)).transpose()
    }
}

impl<T: Field<Usual>> Field<Usual> for Arc<[T]> {
    type Shown<'a> = Vec<T::Shown<'a>>;
    fn shown<'a>(&'a self, context: &'a Context) -> Self::Shown<'a> {
        self.iter().map(|one| one.shown(context)).collect()
    }
    fn found(shown: Self::Shown<'_>, names: &mut Names) -> Found<Self> {
        shown.into_iter().map(|one| T::found(one, names)).collect()
    }
}
