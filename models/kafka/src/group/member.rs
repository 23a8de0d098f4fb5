//! One member of a classic group. It knows nothing of the group's state.

use super::record::PersistedMember;
use crate::machine::ConnectionId;
use crate::message::CorrelationId;
use ackproof_types::{MemberId, Micros, TopicId, TopicPartition};
use std::sync::Arc;

/// A request that waits for its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    /// Where it came from.
    pub(super) connection: ConnectionId,
    /// Which.
    pub(super) correlation: CorrelationId,
}

/// A member.
#[derive(Clone, Debug)]
pub(super) struct Member {
    /// `session.timeout.ms`.
    pub(super) session_timeout: Micros,
    /// `max.poll.interval.ms`.
    pub(super) rebalance_timeout: Micros,
    /// Its topics.
    pub(super) topics: Arc<[TopicId]>,
    /// Its partitions.
    pub(super) assignment: Arc<[TopicPartition]>,
    /// It waits for the join phase to end.
    pub(super) joining: Option<Caller>,
    /// It waits for its assignment.
    pub(super) syncing: Option<Caller>,
    /// It has not been through a join phase (R9.20).
    pub(super) is_new: bool,
}

impl Member {
    /// As it was written.
    pub(super) fn restored(persisted: &PersistedMember) -> Self {
        Self {
            session_timeout: persisted.session_timeout,
            rebalance_timeout: persisted.rebalance_timeout,
            topics: Arc::clone(&persisted.topics),
            assignment: Arc::clone(&persisted.assignment),
            joining: None,
            syncing: None,
            is_new: false,
        }
    }

    /// As it is to be written, with `assignment`.
    pub(super) fn persisted(
        &self,
        member: MemberId,
        assignment: Arc<[TopicPartition]>,
    ) -> PersistedMember {
        PersistedMember {
            member,
            session_timeout: self.session_timeout,
            rebalance_timeout: self.rebalance_timeout,
            topics: Arc::clone(&self.topics),
            assignment,
        }
    }

    /// Whether it cannot be expected to heartbeat (R9.20).
    pub(super) fn is_parked(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some()
    }
}
