//! What members and their coordinator say to each other: join, sync, commit. Every answer that is no
//! more than a code is with [`super::Response`].

use super::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use crate::assignor::{Assignor, Opaque, Subscriber, UserData};
use ackproof_types::{
    ErrorCode, GenerationId, GroupId, LeaderEpoch, MemberEpoch, MemberId, Micros, Offset,
    RebalanceReason, TopicId, TopicPartition,
};
use std::ops::Deref;
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
    OffsetFetch(OffsetFetchRequest),
    /// Join, stay in or leave a consumer group (KIP-848).
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatRequest),
}

impl GroupRequest {
    /// The group that it is about.
    #[must_use]
    pub fn group(&self) -> GroupId {
        match self {
            Self::JoinGroup(request) => request.group,
            Self::SyncGroup(request) => request.claim.group,
            Self::Heartbeat(claim) => claim.group,
            Self::LeaveGroup(group, ..) => *group,
            Self::OffsetCommit(request) => request.claim.group,
            Self::OffsetFetch(request) => request.group,
            Self::ConsumerGroupHeartbeat(request) => request.group,
        }
    }
}

/// A response of a group's coordinator.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupResponse {
    /// To [`GroupRequest::JoinGroup`].
    JoinGroup(JoinGroupResponse),
    /// To [`GroupRequest::SyncGroup`].
    SyncGroup(Result<MemberAssignment, ErrorCode>),
    /// To [`GroupRequest::Heartbeat`].
    Heartbeat(Result<(), ErrorCode>),
    /// To [`GroupRequest::LeaveGroup`].
    LeaveGroup(Result<(), ErrorCode>),
    /// To [`GroupRequest::OffsetCommit`]: one verdict for all partitions.
    OffsetCommit(Result<(), ErrorCode>),
    /// To [`GroupRequest::OffsetFetch`]; none: never committed.
    OffsetFetch(Result<Vec<(TopicPartition, Option<CommittedOffset>)>, ErrorCode>),
    /// To [`GroupRequest::ConsumerGroupHeartbeat`].
    ConsumerGroupHeartbeat(Result<ConsumerGroupHeartbeatResponse, ErrorCode>),
}

/// See [`GroupRequest::JoinGroup`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JoinGroupRequest {
    /// The group.
    pub group: GroupId,
    /// The member id, if one was given before.
    pub member: Option<MemberId>,
    /// One that has none is told it and comes again (KIP-394). Clients before version 4 of the request join at once.
    pub require_known_member_id: bool,
    /// `session.timeout.ms`.
    pub session_timeout: Micros,
    /// `max.poll.interval.ms`: the time a rebalance may wait for this member.
    pub rebalance_timeout: Micros,
    /// What it subscribes to and owns.
    pub metadata: MemberMetadata,
    /// Why (KIP-800).
    pub reason: RebalanceReason,
}

/// What a member says of itself when it joins (Kafka: the `protocols` of a JoinGroup, a
/// `ConsumerProtocolSubscription` each).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemberMetadata {
    /// The assignors that it supports, the one that it prefers first.
    pub protocols: Arc<[Assignor]>,
    /// Its `group.instance.id`, if it is a static member.
    pub instance: Option<u16>,
    /// Subscribed topics, ascending.
    pub topics: Arc<[TopicId]>,
    /// What it still owns. An eager member has given up everything.
    pub owned: Arc<[TopicPartition]>,
    /// Its generation; UNKNOWN if it has none.
    pub generation: GenerationId,
    /// What its assignor remembers.
    pub user_data: Option<UserData>,
    /// All of this as its client said it, for each protocol, if no model speaks for the client.
    pub opaque: Option<Opaque>,
}

/// What the leader of a classic group gives to a member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct MemberAssignment {
    /// Its partitions, ascending.
    pub partitions: Arc<[TopicPartition]>,
    /// The same as the leader's assignor said it, if no model speaks for it.
    pub opaque: Option<Opaque>,
}

impl Deref for MemberAssignment {
    type Target = [TopicPartition];
    fn deref(&self) -> &[TopicPartition] {
        &self.partitions
    }
}

impl<T: Into<Arc<[TopicPartition]>>> From<T> for MemberAssignment {
    fn from(partitions: T) -> Self {
        Self { partitions: partitions.into(), opaque: None }
    }
}

impl FromIterator<TopicPartition> for MemberAssignment {
    fn from_iter<I: IntoIterator<Item = TopicPartition>>(partitions: I) -> Self {
        Self { partitions: partitions.into_iter().collect(), opaque: None }
    }
}

impl MemberMetadata {
    /// As the leader of the group gets it.
    #[must_use]
    pub fn subscriber(&self, id: MemberId) -> Subscriber {
        let Self { instance, topics, owned, generation, user_data, opaque, protocols: _ } =
            self.clone();
        Subscriber { id, instance, topics, owned, generation, user_data, opaque }
    }
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
        /// What the members chose.
        protocol: Assignor,
        /// All members, ascending; empty unless this member leads.
        members: Vec<Subscriber>,
        /// The leader is not to make an assignment: the one that there is stays (KIP-814).
        skip_assignment: bool,
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
    pub assignment: Vec<(MemberId, MemberAssignment)>,
}

/// A member's claim to belong to a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MemberClaim {
    /// The group.
    pub group: GroupId,
    /// The generation; in a commit to a consumer group the member's epoch.
    pub generation: GenerationId,
    /// The member.
    pub member: MemberId,
    /// Its `group.instance.id`, if it is a static member.
    pub instance: Option<u16>,
}

/// See [`GroupRequest::OffsetCommit`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OffsetCommitRequest {
    /// Who commits.
    pub claim: MemberClaim,
    /// What.
    pub offsets: Vec<(TopicPartition, CommittedOffset)>,
    /// It names topics by their ids (from v10 on, KIP-516); else by their names.
    pub by_id: bool,
}

/// See [`GroupRequest::OffsetFetch`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OffsetFetchRequest {
    /// The group.
    pub group: GroupId,
    /// Who asks, and its epoch. Only a member of a consumer group says it.
    pub member: Option<(MemberId, MemberEpoch)>,
    /// Of which partitions; none: of all that the group has.
    pub partitions: Option<Vec<TopicPartition>>,
}

impl OffsetFetchRequest {
    /// By somebody who does not say who it is.
    #[must_use]
    pub fn new(group: GroupId, partitions: Vec<TopicPartition>) -> Self {
        Self { group, member: None, partitions: Some(partitions) }
    }
}

/// A committed offset (R8.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CommittedOffset {
    /// The next offset to read.
    pub offset: Offset,
    /// The epoch of the record before it, if known.
    pub leader_epoch: LeaderEpoch,
}
