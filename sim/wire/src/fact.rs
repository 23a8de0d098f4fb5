//! What shows on the wire of what clients do. Who hears of an answer, and when, is for the carrier to say.

use ackproof_types::{ErrorCode, GroupId, Offset, Record, RecordSlice, TopicId, TopicPartition};
use std::sync::Arc;

/// One fact; the client is that of the connection.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Records were sent, for the first time.
    Sent {
        /// Where.
        partition: TopicPartition,
        /// Which.
        records: Arc<[Record]>,
    },
    /// Nobody answers for these: with `acks=0` a client takes them for written as soon as they are sent.
    Unanswered {
        /// Where.
        partition: TopicPartition,
        /// Which.
        records: Arc<[Record]>,
    },
    /// The answer says that they are written.
    Acked {
        /// Where.
        partition: TopicPartition,
        /// The offset of the first one.
        base_offset: Offset,
        /// Which.
        records: Arc<[Record]>,
    },
    /// The answer says why not, which no client retries.
    Refused {
        /// Where.
        partition: TopicPartition,
        /// Which.
        records: Arc<[Record]>,
        /// Why.
        error: ErrorCode,
    },
    /// A member of a group got partitions.
    Assigned {
        /// The group.
        group: GroupId,
        /// All that it has now.
        partitions: Arc<[TopicPartition]>,
    },
    /// A client speaks for a group.
    Speaks(GroupId),
    /// A member subscribes to topics of which some are known.
    Subscribed {
        /// The group.
        group: GroupId,
        /// Ascending.
        topics: Vec<TopicId>,
    },
    /// Records were handed to a client.
    Delivered {
        /// From where.
        partition: TopicPartition,
        /// The offset of the first one.
        base_offset: Offset,
        /// Which.
        records: RecordSlice,
    },
    /// Offsets were sent to be committed.
    CommitSent {
        /// The group.
        group: GroupId,
        /// The next ones to read.
        offsets: Arc<[(TopicPartition, Offset)]>,
    },
    /// The answer says that they are committed.
    Committed {
        /// The group.
        group: GroupId,
        /// The next ones to read.
        offsets: Arc<[(TopicPartition, Offset)]>,
    },
    /// The answer says why they are not.
    CommitFailed {
        /// The group.
        group: GroupId,
        /// The next ones to read.
        offsets: Arc<[(TopicPartition, Offset)]>,
        /// Why.
        error: ErrorCode,
    },
    /// Something was asked for that is not there: a run that rests on it shows nothing.
    Missing(String),
}
