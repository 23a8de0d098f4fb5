//! One member of a classic group. It knows nothing of the group's state.

use crate::assignor::Assignor;
use crate::machine::ConnectionId;
use crate::message::CorrelationId;
use crate::message::{ClassicMember, MemberAssignment, MemberMetadata, PersistedMember};
use ackproof_types::{MemberId, Micros};

/// A request that wants an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Caller {
    /// Where it came from.
    pub(super) connection: ConnectionId,
    /// Which.
    pub(super) correlation: CorrelationId,
}

/// A parked join or sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Parked {
    /// It waits for its answer.
    Waiting(Caller),
    /// It was told of an error of the journal, yet counts as present until the phase ends (Kafka: a
    /// completed future that is still set).
    Answered,
}

impl Parked {
    /// Whom to answer.
    pub(super) fn caller(self) -> Option<Caller> {
        match self {
            Self::Waiting(caller) => Some(caller),
            Self::Answered => None,
        }
    }
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Member {
    /// `session.timeout.ms`.
    pub(super) session_timeout: Micros,
    /// `max.poll.interval.ms`.
    pub(super) rebalance_timeout: Micros,
    /// What it said of itself when it joined last.
    pub(super) metadata: MemberMetadata,
    /// Its partitions.
    pub(super) assignment: MemberAssignment,
    /// It waits for the join phase to end.
    pub(super) joining: Option<Parked>,
    /// It waits for its assignment.
    pub(super) syncing: Option<Parked>,
    /// It has not been through a join phase (R9.20).
    pub(super) is_new: bool,
}

/// A static member before another one took its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Before {
    pub(super) id: MemberId,
    pub(super) metadata: MemberMetadata,
    pub(super) session_timeout: Micros,
    pub(super) rebalance_timeout: Micros,
}

impl Before {
    pub(super) fn of(id: MemberId, member: &Member) -> Self {
        let Member { metadata, session_timeout, rebalance_timeout, .. } = member;
        let (session_timeout, rebalance_timeout) = (*session_timeout, *rebalance_timeout);
        Self { id, metadata: metadata.clone(), session_timeout, rebalance_timeout }
    }
}

impl Member {
    /// As it was written.
    pub(super) fn restored(persisted: &PersistedMember) -> Self {
        Self {
            session_timeout: persisted.session_timeout,
            rebalance_timeout: persisted.rebalance_timeout,
            metadata: persisted.metadata.clone(),
            assignment: persisted.assignment.clone(),
            joining: None,
            syncing: None,
            is_new: false,
        }
    }

    /// As it was in a consumer group.
    pub(super) fn migrated(
        said: &ClassicMember,
        rebalance_timeout: Micros,
        assignment: MemberAssignment,
    ) -> Self {
        Self {
            session_timeout: said.session_timeout,
            rebalance_timeout,
            metadata: said.metadata.clone(),
            assignment,
            joining: None,
            syncing: None,
            is_new: false,
        }
    }

    /// As it is to be written, with `assignment`: only what it said for the chosen `protocol`.
    pub(super) fn persisted(
        &self,
        member: MemberId,
        protocol: Option<Assignor>,
        assignment: MemberAssignment,
    ) -> PersistedMember {
        let protocols = protocol.into_iter().collect();
        PersistedMember {
            member,
            session_timeout: self.session_timeout,
            rebalance_timeout: self.rebalance_timeout,
            metadata: MemberMetadata { protocols, ..self.metadata.clone() },
            assignment,
        }
    }

    /// Whether it has a `group.instance.id`.
    pub(super) fn is_static(&self) -> bool {
        self.metadata.instance.is_some()
    }

    /// Whether it cannot be expected to heartbeat (R9.20).
    pub(super) fn is_parked(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some()
    }
}
