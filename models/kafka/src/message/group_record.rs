//! What a group coordinator writes to `__consumer_offsets` (Kafka: `GroupMetadataValue`,
//! `OffsetCommitValue`, `ConsumerGroup…Value`).

use super::{CommittedOffset, MemberAssignment, MemberMetadata};
use crate::assignor::{Assignor, ServerAssignor};
use ackproof_types::{
    GenerationId, GroupId, MemberEpoch, MemberId, Micros, Timestamp, TopicId, TopicPartition,
};
use std::collections::BTreeMap;
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
        /// When its coordinator took it (`commitTimestamp`).
        at: Timestamp,
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
        /// When the last of its members went (`currentStateTimestamp`); none: it has some, or never had.
        empty_since: Option<Timestamp>,
        /// The members.
        members: Vec<PersistedMember>,
    },
    /// A committed offset is no more: the tombstone of [`Self::Offset`].
    NoOffset(GroupId, TopicPartition),
    /// A classic group is no more: the tombstone of [`Self::Group`].
    NoGroup(GroupId),
    /// A part of a consumer group.
    ConsumerGroup(GroupId, ConsumerGroupRecord),
}

/// What a record of a coordinator is about. The last record of a key wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKey {
    /// A committed offset.
    Offset(GroupId, TopicPartition),
    /// A classic group.
    Group(GroupId),
    /// The epoch of a consumer group.
    Epoch(GroupId),
    /// A member of one.
    Member(GroupId, MemberId),
    /// The epoch of its target assignment.
    TargetEpoch(GroupId),
    /// What a member is to have.
    Target(GroupId, MemberId),
    /// What a member has.
    Current(GroupId, MemberId),
}

impl GroupRecord {
    /// What it is about.
    #[must_use]
    pub const fn key(&self) -> GroupKey {
        match self {
            Self::Offset { group, partition, .. } | Self::NoOffset(group, partition) => {
                GroupKey::Offset(*group, *partition)
            }
            Self::Group { group, .. } | Self::NoGroup(group) => GroupKey::Group(*group),
            Self::ConsumerGroup(group, record) => match record {
                ConsumerGroupRecord::Epoch(_) => GroupKey::Epoch(*group),
                ConsumerGroupRecord::Member(member, _) => GroupKey::Member(*group, *member),
                ConsumerGroupRecord::TargetEpoch(_) => GroupKey::TargetEpoch(*group),
                ConsumerGroupRecord::Target(member, _) => GroupKey::Target(*group, *member),
                ConsumerGroupRecord::Current(member, _) => GroupKey::Current(*group, *member),
            },
        }
    }

    /// Whether it says that something is no more.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        match self {
            Self::NoOffset(..) | Self::NoGroup(_) => true,
            Self::Offset { .. } | Self::Group { .. } => false,
            Self::ConsumerGroup(_, record) => record.is_tombstone(),
        }
    }
}

/// A committed offset as its coordinator keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Commit {
    /// What was committed.
    pub committed: CommittedOffset,
    /// When the coordinator took it.
    pub at: Timestamp,
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
    pub assignment: MemberAssignment,
}

/// A part of a consumer group; each has a key of its own. Nothing in it is a tombstone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConsumerGroupRecord {
    /// The epoch of the group; none: there is no such group (`ConsumerGroupMetadataValue`).
    Epoch(Option<MemberEpoch>),
    /// What a member said of itself (`ConsumerGroupMemberMetadataValue`).
    Member(MemberId, Option<ConsumerMember>),
    /// The epoch of the target assignment (`ConsumerGroupTargetAssignmentMetadataValue`).
    TargetEpoch(Option<MemberEpoch>),
    /// What a member is to have in the end (`ConsumerGroupTargetAssignmentMemberValue`).
    Target(MemberId, Option<Arc<[TopicPartition]>>),
    /// What a member has (`ConsumerGroupCurrentMemberAssignmentValue`).
    Current(MemberId, Option<CurrentAssignment>),
}

impl ConsumerGroupRecord {
    /// Whether it says that something is no more.
    #[must_use]
    pub fn is_tombstone(&self) -> bool {
        match self {
            Self::Epoch(epoch) | Self::TargetEpoch(epoch) => epoch.is_none(),
            Self::Member(_, member) => member.is_none(),
            Self::Target(_, target) => target.is_none(),
            Self::Current(_, current) => current.is_none(),
        }
    }
}

/// What a member of a consumer group said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ConsumerMember {
    /// Its `group.instance.id`, if it is a static member.
    pub instance: Option<u16>,
    /// `max.poll.interval.ms`: how long it may take to give up partitions.
    pub rebalance_timeout: Micros,
    /// What it subscribes to, ascending.
    pub topics: Arc<[TopicId]>,
    /// The assignor that it wishes for.
    pub assignor: Option<ServerAssignor>,
    /// It still speaks the classic protocol.
    pub classic: Option<ClassicMember>,
}

/// What a member of a consumer group said that speaks the classic protocol (Kafka: `ClassicMemberMetadata`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClassicMember {
    /// `session.timeout.ms`.
    pub session_timeout: Micros,
    /// What it said of itself when it joined last.
    pub metadata: MemberMetadata,
}

/// What a member of a consumer group has, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CurrentAssignment {
    /// Its epoch.
    pub epoch: MemberEpoch,
    /// Its epoch before, in case it has not heard of this one.
    pub previous: MemberEpoch,
    /// What it waits for.
    pub state: MemberState,
    /// What it may own, with the epoch that gave it each partition (KIP-1251).
    pub assigned: BTreeMap<TopicPartition, MemberEpoch>,
    /// What it must give up first.
    pub revoking: BTreeMap<TopicPartition, MemberEpoch>,
}

impl Default for CurrentAssignment {
    /// Of a member that has just joined.
    fn default() -> Self {
        Self {
            epoch: MemberEpoch::JOIN,
            previous: MemberEpoch::UNKNOWN,
            state: MemberState::Stable,
            assigned: BTreeMap::new(),
            revoking: BTreeMap::new(),
        }
    }
}

/// What a member of a consumer group waits for (Kafka: `MemberState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MemberState {
    /// Nothing: it has all that the target of its epoch gives it.
    Stable,
    /// The group waits for it to give up partitions.
    UnrevokedPartitions,
    /// It waits for others to give up partitions.
    UnreleasedPartitions,
}
