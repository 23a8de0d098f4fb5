//! The history: what happened in a run, in one total order.
//!
//! An [`Entry`] is a fact with its place in the order, its simulated time and the process it happened
//! at. Client-edge facts (`Sent`, `Acked`, `Polled`, `Processed`, `Committed`, …) decide verdicts about
//! delivery; facts from inside the brokers (`Appended`, `HighWatermark`, …) let properties of
//! replication be judged and stories be told. Order is by [`Entry::seq`], never by time.

use ackproof_types::{
    BrokerId, ControllerEpoch, ErrorCode, GenerationId, GroupId, LeaderEpoch, MemberId, NodeId,
    Offset, RebalanceReason, Record, RecordSlice, Timestamp, TopicId, TopicPartition,
};
use std::sync::Arc;

mod facts;
mod words;

pub(crate) use facts::{facts, facts_of_clusters};
pub use words::{Phase, PositionSource, ProcessEnd, StartReason, TailLoss};

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its place in the total order, from 0, without gaps.
    pub seq: u64,
    /// When, in simulated time. Never decreases.
    pub at: Timestamp,
    /// The process it happened at.
    pub node: NodeId,
    /// What.
    pub event: Event,
}

macro_rules! events {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident = $tag:literal at $place:ident
        $( ( $(#[doc = $about:literal])* $one:ident: $only:ty, ) )?
        $( { $(
            $(#[doc = $what:literal])* $(#[serde($($serde:tt)*)])?
            $field:ident: $type:ty $(as $form:ident)?,
        )* } )?
        $( + $of:ident { $($part:tt)* } )?
    )*) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum Event { $(
            $(#[doc = $doc])*
            $name $( ($only) )? $( { $( $(#[doc = $what])* $field: $type, )* } )?,
        )* }
    };
}

facts!(events);
