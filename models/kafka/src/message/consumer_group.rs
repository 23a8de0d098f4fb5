//! What members of a consumer group (KIP-848) and their coordinator say to each other: one request does it
//! all. What is left out did not change since the last one.

use crate::assignor::ServerAssignor;
use ackproof_types::{GroupId, MemberEpoch, MemberId, Micros, TopicId, TopicPartition};
use std::sync::Arc;

/// See [`super::GroupRequest::ConsumerGroupHeartbeat`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConsumerGroupHeartbeatRequest {
    /// The group.
    pub group: GroupId,
    /// The member. It chose its id and keeps it as long as its process lives.
    pub member: MemberId,
    /// The epoch that it knows, or that it joins or leaves.
    pub epoch: MemberEpoch,
    /// Its `group.instance.id`, if it is a static member.
    pub instance: Option<u16>,
    /// `max.poll.interval.ms`: how long it may take to give up partitions.
    pub rebalance_timeout: Option<Micros>,
    /// What it subscribes to.
    pub topics: Option<Arc<[TopicId]>>,
    /// `group.remote.assignor`.
    pub assignor: Option<ServerAssignor>,
    /// What it owns.
    pub owned: Option<Arc<[TopicPartition]>>,
}

impl ConsumerGroupHeartbeatRequest {
    /// A sign of life: nothing changed.
    #[must_use]
    pub fn new(group: GroupId, member: MemberId, epoch: MemberEpoch) -> Self {
        Self {
            group,
            member,
            epoch,
            instance: None,
            rebalance_timeout: None,
            topics: None,
            assignor: None,
            owned: None,
        }
    }

    /// Whether it says everything, as a member does when it joins and after an error. Only then does it know
    /// nothing of its assignment.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.epoch == MemberEpoch::JOIN
            || (self.rebalance_timeout.is_some() && self.topics.is_some() && self.owned.is_some())
    }
}

/// See [`super::GroupResponse::ConsumerGroupHeartbeat`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConsumerGroupHeartbeatResponse {
    /// The epoch that the member has from here on; the one that it sent, if it leaves.
    pub epoch: MemberEpoch,
    /// `group.consumer.heartbeat.interval.ms`; 0 to one that leaves.
    pub heartbeat_interval: Micros,
    /// Everything that the member may own, if that changed or the request was full. What is not in it, the
    /// member must give up, and say so.
    pub assignment: Option<Arc<[TopicPartition]>>,
}
