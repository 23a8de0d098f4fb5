//! The group coordinator of a broker: classic groups and committed offsets, both replicated in
//! `__consumer_offsets`.
//!
//! It is a part of the broker, not a process: the broker hands it requests, elections and the high
//! watermark of its partitions, and carries out its [`Action`]s in order.
//!
//! - `coordinator` the door of the broker · `shard` one partition
//! - `journal` what is written, and the answers held until it is replicated
//! - `classic` one group's state machine · `member` its members what is written is a `GroupRecord`

mod classic;
mod coordinator;
mod journal;
mod member;
mod shard;
#[cfg(test)]
mod tests;

pub use coordinator::GroupCoordinator;

use crate::machine::ConnectionId;
use crate::message::{CorrelationId, GroupRecord, GroupResponse};
use crate::observation::Observation;
use ackproof_types::{Delay, GroupId, MemberId};
use std::sync::Arc;

/// What a coordinator wants its broker to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Answer a request.
    Reply {
        /// Where it came from.
        connection: ConnectionId,
        /// Which.
        correlation: CorrelationId,
        /// The answer.
        response: GroupResponse,
    },
    /// Append one batch to partition `partition` of `__consumer_offsets`, then call `appended`.
    Append {
        /// The partition.
        partition: u16,
        /// The records.
        records: Arc<[GroupRecord]>,
    },
    /// Start or move a timer.
    Arm(GroupTimer, Delay),
    /// Stop a timer.
    Disarm(GroupTimer),
    /// A fact for the history.
    Observe(Observation),
}

/// The timers of a coordinator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupTimer {
    /// A member was not heard of for its `session.timeout.ms`.
    Session(GroupId, MemberId),
    /// The join phase has waited long enough: initial delay or rebalance timeout.
    Join(GroupId),
    /// The sync phase has waited long enough.
    Sync(GroupId),
    /// An answer was held for `offsets.commit.timeout.ms` (R9.4): the partition of
    /// `__consumer_offsets` and the number of the answer.
    Operation(u16, u64),
    /// The open batch of this partition has waited `group.coordinator.append.linger.ms`.
    Linger(u16),
    /// This partition is read (R9.6).
    Load(u16),
}
