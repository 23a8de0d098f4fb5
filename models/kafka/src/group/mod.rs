//! The group coordinator of a broker: classic groups and committed offsets, both replicated in
//! `__consumer_offsets`.
//!
//! It is a part of the broker, not a process: the broker hands it requests, elections and the high
//! watermark of its partitions, and carries out its [`Action`]s in order.

pub mod record;

use crate::machine::ConnectionId;
use crate::message::{CorrelationId, Response};
use crate::observation::Observation;
use ackproof_types::{GroupId, MemberId, Micros};
use record::GroupRecord;
use std::sync::Arc;

/// What a coordinator wants its broker to do.
#[derive(Debug)]
pub enum Action {
    /// Answer a request.
    Reply {
        /// Where it came from.
        connection: ConnectionId,
        /// Which.
        correlation: CorrelationId,
        /// The answer.
        response: Response,
    },
    /// Append one batch to partition `partition` of `__consumer_offsets`, then call `appended`.
    Append {
        /// The partition.
        partition: u16,
        /// The records.
        records: Arc<[GroupRecord]>,
    },
    /// Start or move a timer.
    Arm(GroupTimer, Micros),
    /// Stop a timer.
    Disarm(GroupTimer),
    /// A fact for the history.
    Observe(Observation),
}

/// The timers of a coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupTimer {
    /// A member was not heard of for its `session.timeout.ms`.
    Session(GroupId, MemberId),
    /// The join phase has waited long enough: initial delay or rebalance timeout.
    Join(GroupId),
    /// The sync phase has waited long enough.
    Sync(GroupId),
    /// A held write was not replicated within `offsets.commit.timeout.ms`; the number names it.
    Operation(u64),
}
