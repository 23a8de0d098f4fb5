//! What a group coordinator writes to `__consumer_offsets` (Kafka: `GroupMetadataValue`,
//! `OffsetCommitValue`).

use super::{CommittedOffset, MemberMetadata};
use crate::assignor::Assignor;
use ackproof_types::{GenerationId, GroupId, MemberId, Micros, TopicPartition};
use std::sync::Arc;

/// One record of a coordinator. The last one of its key wins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupRecord {
    /// A committed offset; the key is group and partition.
    Offset {
        /// The group.
        group: GroupId,
        /// The partition.
        partition: TopicPartition,
        /// What was committed.
        committed: CommittedOffset,
    },
    /// A group's generation; the key is the group. Written by a SyncGroup of the leader and when the
    /// group becomes empty (R9.6).
    Group {
        /// The group.
        group: GroupId,
        /// The generation.
        generation: GenerationId,
        /// What its members chose; none when empty.
        protocol: Option<Assignor>,
        /// The member that computed the assignment; none when empty.
        leader: Option<MemberId>,
        /// The members.
        members: Vec<PersistedMember>,
    },
}

/// A member as a group record keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PersistedMember {
    /// Its id.
    pub member: MemberId,
    /// `session.timeout.ms`.
    pub session_timeout: Micros,
    /// `max.poll.interval.ms`.
    pub rebalance_timeout: Micros,
    /// What it said of itself when it joined.
    pub metadata: MemberMetadata,
    /// Its partitions.
    pub assignment: Arc<[TopicPartition]>,
}
