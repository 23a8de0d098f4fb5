//! What members and their coordinator say to each other: join, sync, commit. Every answer that is no
//! more than a code is with [`super::Response`].

use ackproof_types::{
    ErrorCode, GenerationId, GroupId, LeaderEpoch, MemberId, Micros, Offset, RebalanceReason,
    TopicId, TopicPartition,
};
use std::sync::Arc;

/// A request that only the coordinator of its group answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupRequest {
    /// Join a classic group.
    JoinGroup(JoinGroupRequest),
    /// Give or get the assignment of a generation.
    SyncGroup(SyncGroupRequest),
    /// I am alive.
    Heartbeat(MemberClaim),
    /// I leave.
    LeaveGroup(GroupId, MemberId, RebalanceReason),
    /// Write offsets.
    OffsetCommit(OffsetCommitRequest),
    /// Read committed offsets; always with `require_stable`.
    OffsetFetch(GroupId, Vec<TopicPartition>),
}

impl GroupRequest {
    /// The group that it is about.
    #[must_use]
    pub fn group(&self) -> GroupId {
        match self {
            Self::JoinGroup(request) => request.group,
            Self::SyncGroup(request) => request.claim.group,
            Self::Heartbeat(claim) => claim.group,
            Self::LeaveGroup(group, ..) | Self::OffsetFetch(group, _) => *group,
            Self::OffsetCommit(request) => request.claim.group,
        }
    }
}

/// A response of a group's coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupResponse {
    /// To [`GroupRequest::JoinGroup`].
    JoinGroup(JoinGroupResponse),
    /// To [`GroupRequest::SyncGroup`].
    SyncGroup(Result<Arc<[TopicPartition]>, ErrorCode>),
    /// To [`GroupRequest::Heartbeat`].
    Heartbeat(Result<(), ErrorCode>),
    /// To [`GroupRequest::LeaveGroup`].
    LeaveGroup(Result<(), ErrorCode>),
    /// To [`GroupRequest::OffsetCommit`]: one verdict for all partitions.
    OffsetCommit(Result<(), ErrorCode>),
    /// To [`GroupRequest::OffsetFetch`]; none: never committed.
    OffsetFetch(Result<Vec<(TopicPartition, Option<CommittedOffset>)>, ErrorCode>),
}

/// See [`GroupRequest::JoinGroup`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JoinGroupRequest {
    /// The group.
    pub group: GroupId,
    /// The member id, if one was given before.
    pub member: Option<MemberId>,
    /// `session.timeout.ms`.
    pub session_timeout: Micros,
    /// `max.poll.interval.ms`: the time a rebalance may wait for this member.
    pub rebalance_timeout: Micros,
    /// Subscribed topics, ascending.
    pub topics: Arc<[TopicId]>,
    /// Why (KIP-800).
    pub reason: RebalanceReason,
}

/// See [`GroupResponse::JoinGroup`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JoinGroupResponse {
    /// The join phase is over.
    Joined {
        /// The new generation.
        generation: GenerationId,
        /// The member's id.
        member: MemberId,
        /// The member that computes the assignment.
        leader: MemberId,
        /// All members with their topics, ascending; empty unless this member leads.
        members: Vec<(MemberId, Arc<[TopicId]>)>,
    },
    /// `MEMBER_ID_REQUIRED`: come again with this id (KIP-394).
    MemberIdRequired(MemberId),
    /// Refused.
    Refused(ErrorCode),
}

/// See [`GroupRequest::SyncGroup`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SyncGroupRequest {
    /// Who asks.
    pub claim: MemberClaim,
    /// From the group's leader: everyone's partitions. Empty from the others.
    pub assignment: Vec<(MemberId, Arc<[TopicPartition]>)>,
}

/// A member's claim to belong to a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemberClaim {
    /// The group.
    pub group: GroupId,
    /// The generation.
    pub generation: GenerationId,
    /// The member.
    pub member: MemberId,
}

/// See [`GroupRequest::OffsetCommit`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OffsetCommitRequest {
    /// Who commits.
    pub claim: MemberClaim,
    /// What.
    pub offsets: Vec<(TopicPartition, CommittedOffset)>,
}

/// A committed offset (R8.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommittedOffset {
    /// The next offset to read.
    pub offset: Offset,
    /// The epoch of the record before it, if known.
    pub leader_epoch: LeaderEpoch,
}
