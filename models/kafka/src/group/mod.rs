//! The group coordinator of a broker: groups of both kinds and committed offsets, all replicated in
//! `__consumer_offsets`.
//!
//! It is a part of the broker, not a process: the broker hands it requests, elections and the high
//! watermark of its partitions, and carries out its [`Action`]s in order.
//!
//! - `coordinator` the door of the broker · `join`, `migrate` and `offsets` what comes through it
//! - `expiry` what nobody needs any more
//! - `shard` one partition · `store` what its log says
//! - `journal` what is written, and the answers held until it is replicated
//! - `classic` one classic group · `member` its members · `consumer` one consumer group (KIP-848)

mod classic;
mod consumer;
mod coordinator;
mod expiry;
mod join;
mod journal;
mod member;
mod migrate;
mod offsets;
mod shard;
mod store;
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
    /// A member of a consumer group did not give up its partitions within its rebalance timeout (R9.32).
    Rebalance(GroupId, MemberId),
    /// A member of a consumer group that speaks the classic protocol did not join again in time.
    MemberJoin(GroupId, MemberId),
    /// Such a member did not sync in time.
    MemberSync(GroupId, MemberId),
    /// The target assignment is `group.consumer.assignment.interval.ms` old (R17.59).
    Assignment(GroupId),
    /// An answer was held for `offsets.commit.timeout.ms` (R9.4): the partition of
    /// `__consumer_offsets` and the number of the answer.
    Operation(u16, u64),
    /// The open batch of this partition has waited `group.coordinator.append.linger.ms`.
    Linger(u16),
    /// This partition is read (R9.6).
    Load(u16),
    /// `offsets.retention.check.interval.ms` has passed (R9.37).
    Expiry(u16),
}
